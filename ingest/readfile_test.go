package ingest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bouncehouse/bouncehouse"
)

func TestReadFile(t *testing.T) {
	p := newPlace(t)
	text, want := logLines(0, 400)
	p.write(p.log, text+"Nov 21 last line without an end")
	want = append(want, "Nov 21 last line without an end")
	p.write(p.log+".1", "a sibling\n")
	for _, suffix := range []string{"", ".gz", ".zst"} {
		path := filepath.Join(p.dir, "other"+suffix)
		if suffix == "" {
			path = p.log
		} else {
			(&logger{place: p}).pack(p.log, path)
		}
		st, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		at := int64(0)
		err = ReadFile(t.Context(), path, p.options(), func(c *bouncehouse.Chunk) error {
			for r := range c.Records {
				got = append(got, r.Text)
			}
			if c.Offset != at || c.File != filepath.Base(path) || !c.Ref.Equal(st.ModTime()) || len(c.FileID) != 32 {
				t.Errorf("%+v", c)
			}
			at += int64(len(c.Data))
			return nil
		})
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: %v %.1000s", suffix, err, diff)
		}
	}
	stop := errors.New("enough")
	if err := ReadFile(t.Context(), p.log, p.options(), func(*bouncehouse.Chunk) error { return stop }); !errors.Is(err,
		stop) {
		t.Error(err)
	}
	p.write(p.log+".empty", "")
	if err := ReadFile(t.Context(), p.log+".empty", p.options(),
		func(*bouncehouse.Chunk) error { return stop }); err != nil {
		t.Error(err)
	}
}

// A pipe is read as it comes, whatever it holds.
func TestReadPipe(t *testing.T) {
	p := newPlace(t)
	text, want := logLines(0, 30_000)
	p.write(p.log, text)
	(&logger{place: p}).pack(p.log, p.log+".gz")
	for _, from := range []string{p.log, p.log + ".gz"} {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			defer w.Close()
			data, _ := os.ReadFile(from)
			w.Write(data)
		}()
		var got []string
		err = ReadFile(t.Context(), fmt.Sprintf("/proc/self/fd/%d", r.Fd()), p.options(),
			func(c *bouncehouse.Chunk) error {
				for r := range c.Records {
					got = append(got, r.Text)
				}
				return nil
			})
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%v %.1000s", err, diff)
		}
		r.Close()
	}
}

// A named pipe is waited for until someone writes to it, and until ctx ends.
func TestReadNamedPipe(t *testing.T) {
	p := newPlace(t)
	text, want := logLines(0, 20)
	path := p.dir + "/pipe"
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	read := func(ctx context.Context) (got []string, err error) {
		err = ReadFile(ctx, path, p.options(), func(c *bouncehouse.Chunk) error {
			for r := range c.Records {
				got = append(got, r.Text)
			}
			return nil
		})
		return got, err
	}
	go func() {
		w, err := os.OpenFile(path, os.O_WRONLY, 0) // once there is a reader
		if err != nil {
			t.Error(err)
			return
		}
		defer w.Close()
		io.WriteString(w, text)
	}()
	got, err := read(t.Context())
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}

	for name, write := range map[string]bool{"nobody writes": false, "a writer that waits": true} {
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		go func() {
			w, err := os.OpenFile(path, os.O_RDWR, 0)
			if err == nil && write {
				_, err = io.WriteString(w, text)
			}
			if err != nil {
				t.Error(err)
			}
			stop()
			<-ctx.Done()
		}()
		if _, err := read(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// After a start at some offset the first batch brings what came before it.
func TestReplay(t *testing.T) {
	p := newPlace(t)
	text, _ := logLines(0, 150_000)
	p.write(p.log, text)
	s := p.open(p.log, func(o *Options) { o.ChunkSize = 1 << 20 })
	var read int64
	for range 6 {
		b, err := s.Read(t.Context())
		if err != nil || b.Chunks[0].Replay {
			t.Fatal(err)
		}
		p.settle(s, b)
		read += int64(len(b.Chunks[0].Data))
	}
	s.Close()
	check := func(b bouncehouse.Batch, err error) {
		t.Helper()
		if err != nil || len(b.Chunks) != 2 || !b.Chunks[0].Replay || b.Chunks[1].Replay || b.Chunks[1].Offset != read {
			t.Fatalf("%v, %d chunks", err, len(b.Chunks))
		}
		before := b.Chunks[0].Data
		if n := len(before); n > replaySize || n < replaySize-100 || before != text[read-int64(n):read] ||
			!strings.HasPrefix(before, "Nov 21") || b.Chunks[0].Offset != read-int64(n) {
			t.Errorf("%d bytes at %d are replayed", n, b.Chunks[0].Offset)
		}
	}
	s = p.open(p.log)
	b, err := s.Read(t.Context())
	check(b, err)
	if err := s.Intend(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	s.Close()
	if err := os.Rename(p.log, p.log+".1"); err != nil {
		t.Fatal(err)
	}
	(&logger{place: p}).pack(p.log+".1", p.log+".1.gz")
	os.Remove(p.log + ".1")
	s = p.open(p.log)
	b, err = s.Read(t.Context())
	check(b, err) // also out of an archive
	p.settle(s, b)
	if b, err = s.Read(t.Context()); err != nil || len(b.Chunks) != 1 {
		t.Errorf("replayed twice: %v", err)
	}
}

// TestIdentity: what tells files apart, and what does not.
func TestIdentity(t *testing.T) {
	banner := "-- Logs begin at Mon 2026-11-16 10:00:00 UTC. --\n"
	line := "Nov 21 10:00:00 mx1 postfix/smtp[1]: text\n"
	for _, c := range []struct {
		text  string
		whole bool
		want  int64
	}{
		{line + line, false, int64(len(line))},
		{line[:20], false, 0},
		{line[:20], true, 20},
		{banner, false, 0},
		{banner + line, false, int64(len(banner + line))},
		{"type,timeLogged\n" + "d,1700000000,x\n" + line, false, 31},
		{"#Fields: a 1 2\n" + line, false, int64(15 + len(line))},
		{"@400000006560a1b21d3f5c2c new msg 1\n" + line, false, 36},
		{strings.Repeat("1 no stamp\n", 23), false, 0},
		{strings.Repeat("1 no stamp\n", 30), false, 264},
		{strings.Repeat("x", headMax), false, headMax},
		{"", true, 0},
	} {
		if got := headLen([]byte(c.text), c.whole); got != c.want {
			t.Errorf("%.40q, whole %v: %d, want %d", c.text, c.whole, got, c.want)
		}
	}
}

func BenchmarkRead(b *testing.B) {
	dir, err := os.MkdirTemp("/dev/shm", "bouncehouse")
	if err != nil {
		b.Skip(err)
	}
	defer os.RemoveAll(dir)
	text, _ := logLines(0, 2_000_000)
	path := filepath.Join(dir, "mail.log")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(text)))
	for _, state := range []string{"", dir + "/state"} {
		b.Run(fmt.Sprintf("state=%v", state != ""), func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				if state != "" {
					os.RemoveAll(state)
				}
				s, err := Open(path, Options{State: state, Host: "mx1.example.org", Once: true})
				if err != nil {
					b.Fatal(err)
				}
				for {
					batch, err := s.Read(b.Context())
					if errors.Is(err, io.EOF) {
						break
					}
					if err == nil {
						err = errors.Join(s.Intend(b.Context(), batch), s.Commit(b.Context(), batch))
					}
					if err != nil {
						b.Fatal(err)
					}
				}
				s.Close()
			}
		})
	}
}
