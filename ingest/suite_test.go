package ingest

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bouncehouse/bouncehouse"
)

// subject is a kind of source: how to bring something into one, with what it
// then must give.
type subject struct {
	name string
	path string // within the place
	add  func(p *place, i, n int) []string
	once bool // it never grows
}

func subjects() []subject {
	mail := func(i int) string {
		return fmt.Sprintf("Received: by mx1.example.org; Sat, 21 Nov 2026 10:%02d:%02d +0000\nMessage-ID: <%d@example.org>\nSubject: %d\n\nbody %d\n", i/60%60, i%60, i, i, i)
	}
	return []subject{
		{"log", "mail.log", func(p *place, i, n int) []string {
			text, lines := logLines(i, n)
			p.write(p.log, text)
			return lines
		}, false},
		{"rotated logs", "mail.log", func(p *place, i, n int) []string {
			text, lines := logLines(i, n)
			if i == 0 {
				p.write(p.log+".1", text)
				return lines
			}
			p.write(p.log, text)
			return lines
		}, false},
		{"packed log", "mail.log.1.gz", func(p *place, i, n int) []string {
			text, lines := logLines(i, n)
			var b bytes.Buffer
			w := gzip.NewWriter(&b)
			io.WriteString(w, text)
			w.Close()
			p.write(p.log+".1.gz", b.String()) // a further member of the file
			return lines
		}, false},
		{"maildir", "Maildir", func(p *place, i, n int) (mails []string) {
			for _, sub := range []string{"cur", "new", "tmp"} {
				os.MkdirAll(filepath.Join(p.dir, "Maildir", sub), 0o700)
			}
			for ; n > 0; i, n = i+1, n-1 {
				name := fmt.Sprintf("%010d.M1P%d.mx1", 1700000000+i, i)
				p.write(filepath.Join(p.dir, "Maildir/tmp", name), mail(i))
				if err := os.Rename(filepath.Join(p.dir, "Maildir/tmp", name),
					filepath.Join(p.dir, "Maildir/new", name)); err != nil {
					p.t.Error(err)
				}
				mails = append(mails, mail(i))
			}
			return mails
		}, false},
		{"mbox", "bounces", func(p *place, i, n int) (mails []string) {
			for ; n > 0; i, n = i+1, n-1 {
				p.write(filepath.Join(p.dir, "bounces"),
					fmt.Sprintf("From MAILER-DAEMON Sat Nov 21 10:%02d:%02d 2026\n%s\n", i/60%60, i%60, mail(i)))
				mails = append(mails, mail(i))
			}
			return mails
		}, false},
		{"single mail", "bounce.eml", func(p *place, i, n int) []string {
			p.write(filepath.Join(p.dir, "bounce.eml"), mail(i))
			return []string{mail(i)}
		}, true},
	}
}

// TestSource is what every source on files promises.
func TestSource(t *testing.T) {
	for _, s := range subjects() {
		t.Run(s.name, func(t *testing.T) {
			t.Run("order", func(t *testing.T) { testOrder(t, s) })
			t.Run("resume", func(t *testing.T) { testResume(t, s) })
			t.Run("killed", func(t *testing.T) { testKilled(t, s) })
			t.Run("uncommitted", func(t *testing.T) { testUncommitted(t, s) })
			t.Run("removed", func(t *testing.T) { testRemoved(t, s) })
			t.Run("disk full", func(t *testing.T) { testDiskFull(t, s) })
			t.Run("damaged position", func(t *testing.T) { testDamagedPosition(t, s) })
			t.Run("follow", func(t *testing.T) { testFollow(t, s) })
			t.Run("no state", func(t *testing.T) { testNoState(t, s) })
		})
	}
}

func testOrder(t *testing.T, s subject) {
	p := newPlace(t)
	want := s.add(p, 0, 40)
	src := p.open(filepath.Join(p.dir, s.path))
	var got []string
	var last uint64
	ids := map[string]bool{}
	for {
		b, err := src.Read(t.Context())
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if ids[b.ID] || b.ID == "" || len(b.ID) > 200 || strings.ContainsAny(b.ID, "'\"%_\\ ") {
			t.Errorf("batch id %q", b.ID)
		}
		ids[b.ID] = true
		for _, c := range b.Chunks {
			if c.Seq <= last || last != 0 && c.Seq != last+1 {
				t.Errorf("number %d after %d", c.Seq, last)
			}
			if last = c.Seq; c.Seq < uint64(p.now.UnixMicro()) {
				t.Errorf("number %d does not begin at the clock", c.Seq)
			}
			if c.Stream != src.Stream() || !strings.HasPrefix(c.Stream, "mx1.example.org:/") ||
				c.Host != "mx1.example.org" || c.Zone != "Asia/Shanghai" ||
				len(c.FileID) != 32 || c.File == "" || c.Ref.IsZero() || c.Ref.After(time.Now()) {
				t.Errorf("chunk %+v", c)
			}
		}
		got = append(got, p.texts(b)...)
		p.settle(src, b)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if done, total := src.Progress(); done == 0 || done != total {
		t.Errorf("progress %d of %d", done, total)
	}
	if _, err := src.Read(t.Context()); !errors.Is(err, io.EOF) {
		t.Errorf("after the end: %v", err)
	}
}

func testResume(t *testing.T, s subject) {
	p := newPlace(t)
	want := s.add(p, 0, 20)
	path := filepath.Join(p.dir, s.path)
	var got []string
	for {
		src := p.open(path)
		b, err := src.Read(t.Context())
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, p.texts(b)...)
		p.settle(src, b)
		src.Close()
	}
	if !s.once {
		want = append(want, s.add(p, 20, 3)...)
		got = append(got, p.drain(p.open(path))...)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// testKilled kills after each step of each batch; meanwhile the source grows
// and the options change.
func testKilled(t *testing.T, s subject) {
	p := newPlace(t)
	want := s.add(p, 0, 12)
	path := filepath.Join(p.dir, s.path)
	var got []string
	for n := 100; ; n++ {
		src := p.open(path)
		b, err := src.Read(t.Context())
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if b.Recover {
			t.Fatal("recovers without an intent")
		}
		src.Close()

		src = p.open(path) // killed before Intend: read again
		b, err = src.Read(t.Context())
		if err != nil || b.Recover {
			t.Fatal(b, err)
		}
		if err := src.Intend(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		src.Close()
		if !s.once && n < 110 {
			want = append(want, s.add(p, n, 1)...)
		}

		src = p.open(path, func(o *Options) { o.ChunkSize = 77 }) // killed before Commit
		again, err := src.Read(t.Context())
		if err != nil || !again.Recover {
			t.Fatal(again, err)
		}
		again.Recover = false
		if diff := cmp.Diff(b, again); diff != "" {
			t.Fatalf("the same range came otherwise: %s", diff)
		}
		p.settle(src, again)
		got = append(got, p.texts(again)...)
		src.Close()
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func testUncommitted(t *testing.T, s subject) {
	p := newPlace(t)
	s.add(p, 0, 12)
	src := p.open(filepath.Join(p.dir, s.path))
	a, err := src.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	b, err := src.Read(t.Context())
	if err != nil || b.ID != a.ID || b.Recover {
		t.Fatalf("not committed and not read again: %v, %v", b, err)
	}
	if err := src.Commit(t.Context(), bouncehouse.Batch{ID: "another"}); err == nil {
		t.Error("another batch was committed")
	}
	if err := src.Intend(t.Context(), bouncehouse.Batch{ID: "another"}); err == nil {
		t.Error("another batch was intended")
	}
	if err := src.Intend(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	c, err := src.Read(t.Context())
	if err != nil || c.ID != a.ID || !c.Recover {
		t.Fatalf("intended and not read again: %v, %v", c, err)
	}
}

// testRemoved removes what an intent names: mails come again all the same,
// lines end as dead letters with the same numbers.
func testRemoved(t *testing.T, s subject) {
	p := newPlace(t)
	s.add(p, 0, 12)
	path := filepath.Join(p.dir, s.path)
	src := p.open(path)
	b, err := src.Read(t.Context())
	if err == nil {
		err = src.Intend(t.Context(), b)
	}
	if err != nil {
		t.Fatal(err)
	}
	src.Close()
	switch s.name {
	case "maildir":
		os.RemoveAll(filepath.Join(path, "new"))
		os.Mkdir(filepath.Join(path, "new"), 0o700)
	default:
		for _, f := range []string{path, p.log + ".1"} {
			os.Remove(f)
		}
	}
	if s.name == "mbox" || s.once {
		p.write(path, "From x@example.org Sat Nov 21 11:00:00 2026\nSubject: another\n\n")
	}
	src = p.open(path)
	if box(src) != nil {
		again, err := src.Read(t.Context())
		b.Recover = true
		if diff := cmp.Diff(b, again); diff != "" || err != nil {
			t.Fatalf("the mails removed came otherwise: %v %s", err, diff)
		}
		p.settle(src, again)
		p.drain(src)
		return
	}
	lost, err := src.Read(t.Context())
	if err != nil || !lost.Recover || lost.ID != b.ID || len(lost.Chunks) != len(b.Chunks) {
		t.Fatal(lost, err)
	}
	for i, c := range lost.Chunks {
		if c.Kind != bouncehouse.Broken || !strings.Contains(c.Reason, "lost") || c.Seq != b.Chunks[i].Seq ||
			c.FileID != b.Chunks[i].FileID || c.Offset != b.Chunks[i].Offset {
			t.Errorf("chunk %+v", c)
		}
	}
	if !strings.Contains(p.said.String(), "ERROR") {
		t.Errorf("said: %s", p.said.String())
	}
	p.settle(src, lost)
	p.drain(src)
}

// testDiskFull lets each write of the state fail once.
func testDiskFull(t *testing.T, s subject) {
	p := newPlace(t)
	want := s.add(p, 0, 12)
	src := p.open(filepath.Join(p.dir, s.path))
	full := false
	fails := func(path string) error {
		if full = !full; full {
			return &os.PathError{Op: "write", Path: path, Err: errors.New("no space left on device")}
		}
		return nil
	}
	if m := box(src); m != nil {
		write := m.o.Mails.write
		m.o.Mails.write = func(f *os.File, data []byte) error {
			if err := fails(f.Name()); err != nil {
				return errors.Join(write(f, data[:len(data)/2]), err)
			}
			return write(f, data)
		}
	} else {
		l := src.(*logFile)
		l.store.write = func(path string, data []byte) error {
			if err := fails(path); err != nil {
				return err
			}
			return writeFile(path, data)
		}
		l.led.append = func(f *os.File, data []byte, at int64) error {
			if err := fails(f.Name()); err != nil {
				f.WriteAt(data[:len(data)/2], at)
				return err
			}
			return appendSync(f, data, at)
		}
	}
	var got []string
	for {
		b, err := src.Read(t.Context())
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, step := range []func(context.Context, bouncehouse.Batch) error{src.Intend, src.Commit} {
			err := step(t.Context(), b)
			if err == nil || !strings.Contains(err.Error(), "no space left on device") ||
				strings.Contains(err.Error(), "\n") {
				t.Fatalf("on a full disk: %v", err)
			}
			if err := step(t.Context(), b); err != nil {
				t.Fatal(err)
			}
		}
		got = append(got, p.texts(b)...)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// box is what a source of mails has in common; nil where src is another.
func box(src Source) *mailbox {
	switch src := src.(type) {
	case *maildir:
		return src.mailbox
	case *mbox:
		return src.mailbox
	}
	return nil
}

func testDamagedPosition(t *testing.T, s subject) {
	p := newPlace(t)
	s.add(p, 0, 3)
	path := filepath.Join(p.dir, s.path)
	src := p.open(path)
	p.drain(src)
	if box(src) != nil {
		return // TestMailsDamaged
	}
	files, _ := filesIn(filepath.Join(p.state, "positions"), ".json")
	if len(files) != 1 {
		t.Fatal(files)
	}
	whole, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range [][]byte{nil, whole[:len(whole)/2], bytes.Replace(whole, []byte(`"read":`), []byte(`"read":1`),
		1), []byte("{}\n"), bytes.Replace(whole, []byte(`"seq":1`), []byte(`"seq":2`), 1)} {
		if err := os.WriteFile(files[0], bad, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Open(path, p.options())
		if bytes.Equal(bad, whole) {
			continue
		}
		if err == nil || !strings.Contains(err.Error(), files[0]) || !strings.Contains(err.Error(), "delete it") ||
			strings.Contains(err.Error(), "\n") {
			t.Errorf("%.60q: %v", bad, err)
		}
	}
}

// testFollow adds while the source waits, and ends the context.
func testFollow(t *testing.T, s subject) {
	real := time.Now()
	synctest.Test(t, func(t *testing.T) {
		p := newPlace(t)
		start := time.Now()
		want := s.add(p, 0, 5)
		src := p.open(filepath.Join(p.dir, s.path), func(o *Options) {
			o.Once = false
			o.Now = func() time.Time { return real.Add(time.Since(start)) }
		})
		if !s.once {
			time.AfterFunc(30*time.Second, func() { want = append(want, s.add(p, 5, 5)...) })
		}
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		var got []string
		for {
			b, err := src.Read(ctx)
			if errors.Is(err, context.DeadlineExceeded) && time.Since(start) == 2*time.Minute ||
				s.once && errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, p.texts(b)...)
			p.settle(src, b)
		}
		synctest.Wait() // for what added to want
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		src.Close()
		time.Sleep(time.Second)
	})
}

func testNoState(t *testing.T, s subject) {
	p := newPlace(t)
	want := s.add(p, 0, 12)
	for range 2 {
		got := p.drain(p.open(filepath.Join(p.dir, s.path), func(o *Options) { o.State = "" }))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
	if _, err := os.Stat(p.state); err == nil {
		t.Error("a state directory was made")
	}
}
