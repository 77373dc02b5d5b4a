package ingest

import (
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

// begin reads the log at path until n batches are committed, and ends between
// the Intend and the Commit of the next, which it returns.
func (p *place) begin(path string, n int, change ...func(*Options)) bouncehouse.Batch {
	p.t.Helper()
	src := p.open(path, change...)
	for ; ; n-- {
		b, err := src.Read(p.t.Context())
		p.ok(err)
		if n > 0 {
			p.settle(src, b)
			continue
		}
		p.ok(src.Intend(p.t.Context(), b))
		p.ok(src.Close())
		b.Recover = true
		return b
	}
}

// batches reads and commits until the end.
func (p *place) batches(src Source) (got []bouncehouse.Batch) {
	p.t.Helper()
	for {
		b, err := src.Read(p.t.Context())
		if errors.Is(err, io.EOF) {
			return got
		}
		p.ok(err)
		got = append(got, b)
		p.settle(src, b)
	}
}

func last(b bouncehouse.Batch) bouncehouse.Chunk { return b.Chunks[len(b.Chunks)-1] }

// differ compares two batches, but for what is parsed again before them.
func differ(want, got bouncehouse.Batch) string {
	want.Chunks, got.Chunks = []bouncehouse.Chunk{last(want)}, []bouncehouse.Chunk{last(got)}
	return cmp.Diff(want, got)
}

// A range that was given up as lost comes again as the batch that it was, where
// its file comes back, under whatever path, and however often a start ends amid.
func TestLostComesBack(t *testing.T) {
	for _, before := range []int{0, 1} {
		for _, to := range []string{"mnt/b/mail.log", "far/c/other.log", "mnt/b/mail.log.1"} {
			for _, grown := range []bool{false, true} {
				t.Run(fmt.Sprint(before, to, grown), func(t *testing.T) {
					p := newPlace(t)
					path, away, back := p.in("mnt/b/mail.log"), p.in("away.log"), p.in(to)
					p.ok(os.MkdirAll(filepath.Dir(path), 0o700))
					p.ok(os.MkdirAll(filepath.Dir(back), 0o700))
					text, lines := logLines(0, 40)
					p.write(path, text)
					intended := p.begin(path, before)
					p.ok(os.Rename(path, away))

					lost := p.batches(p.open(path))
					if len(lost) != 1 || last(lost[0]).Kind != bouncehouse.Broken || lost[0].ID != intended.ID {
						t.Fatalf("%+v", lost)
					}
					p.ok(os.Rename(away, back))
					if grown {
						more, added := logLines(40, 40)
						p.write(back, more)
						lines = append(lines, added...)
					}
					for range 2 { // the first one ends before Commit
						src := p.open(back)
						b, err := src.Read(t.Context())
						p.ok(err)
						if diff := differ(intended, b); diff != "" {
							t.Fatal(diff)
						}
						p.ok(src.Intend(t.Context(), b))
						p.ok(src.Close())
					}
					var got []string
					for i, b := range p.batches(p.open(back)) {
						if b.Recover != (i == 0) {
							t.Errorf("batch %d %s: Recover is %t", i, b.ID, b.Recover)
						}
						got = append(got, last(b).Data)
					}
					all := strings.Join(lines, "\n") + "\n"
					if got := strings.Join(got, ""); got != all[last(intended).Offset:] {
						t.Errorf("after %d bytes %q", last(intended).Offset, got)
					}
				})
			}
		}
	}
}

// A file that has no more than its head in common with a lost one, as all tables
// of a kind have, is another: its rows must not be taken for those of the lost one.
func TestLostIsNoOther(t *testing.T) {
	for _, n := range []int{1, 40} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			p := newPlace(t)
			away := p.in("far/away/mail.log")
			p.ok(os.MkdirAll(filepath.Dir(away), 0o700))
			head := strings.Repeat("column1,", 40) + "\n"
			text, _ := logLines(0, 40)
			p.write(p.log, head+text)
			intended := p.begin(p.log, 0, func(o *Options) { o.ChunkSize = 1000 }) // more than the head
			p.ok(os.Rename(p.log, away))
			p.batches(p.open(p.log))
			other, _ := logLines(500, n)
			p.write(p.log, head+other)
			for _, turn := range []string{"the other", "the lost one"} {
				want, got := head+other, ""
				if turn == "the lost one" {
					want = head + text
					p.ok(os.Rename(away, p.log+".1"))
				}
				for i, b := range p.batches(p.open(p.log)) {
					got += last(b).Data
					is := last(b).FileID == last(intended).FileID
					if lost := turn == "the lost one"; is != lost || b.Recover != (lost && i == 0) ||
						lost && i == 0 && differ(intended, b) != "" {
						t.Errorf("%s: batch %d: %+v", turn, i, b)
					}
				}
				if got != want {
					t.Errorf("%s: %q, not %q", turn, got, want)
				}
			}
		})
	}
}

// A lost range that comes back in the start in which it was given up has with it what
// stands before, so that it is parsed as it was.
func TestLostComesBackAtOnce(t *testing.T) {
	p := newPlace(t)
	path, away := p.in("a/mail.log"), p.in("away.log")
	p.ok(os.Mkdir(p.in("a"), 0o700))
	text, _ := logLines(0, 40)
	p.write(path, text)
	intended := p.begin(path, 1)
	p.ok(os.Rename(path, away))
	src := p.open(path)
	gone, err := src.Read(t.Context())
	p.ok(err)
	if last(gone).Kind != bouncehouse.Broken {
		t.Fatalf("%+v", gone)
	}
	p.settle(src, gone)
	p.ok(os.Rename(away, path))
	b, err := src.Read(t.Context())
	p.ok(err)
	if diff := differ(intended, b); diff != "" {
		t.Error(diff)
	}
	if len(b.Chunks) != 2 || !b.Chunks[0].Replay || b.Chunks[0].Data != text[:last(b).Offset] {
		t.Errorf("before it %+v", b.Chunks[:len(b.Chunks)-1])
	}
}

// What a crash left of the log's end, or what is there otherwise: all of it
// that stands where rows may be stored is asked for, under the stream they have.
func TestLostComesBackOtherwise(t *testing.T) {
	for _, chunk := range []int{70, 200, 4000} {
		t.Run(fmt.Sprint(chunk), func(t *testing.T) {
			p := newPlace(t)
			path, away, back := p.in("a/mail.log"), p.in("away.log"), p.in("b/mail.log.1")
			p.ok(os.MkdirAll(filepath.Dir(path), 0o700))
			p.ok(os.MkdirAll(filepath.Dir(back), 0o700))
			text, _ := logLines(0, 40)
			p.write(path, text)
			intended := p.begin(path, 1)
			from := last(intended).Offset
			to := from + int64(len(last(intended).Data))
			p.ok(os.Rename(path, away))
			p.batches(p.open(path))
			p.ok(os.Truncate(away, from+int64(strings.Index(text[from:], "\n"))+1))
			more, _ := logLines(500, 40)
			p.write(away, more)
			p.ok(os.Rename(away, back))

			whole, err := os.ReadFile(back)
			p.ok(err)
			at, stored := from, to // and what a batch that ended before Commit may have stored
			for turn := 0; at < int64(len(whole)); turn++ {
				size := chunk
				if turn == 0 {
					size = 500
				}
				src := p.open(back, func(o *Options) { o.ChunkSize = size })
				b, err := src.Read(t.Context())
				p.ok(err)
				c := last(b)
				if c.Offset != at || !strings.HasPrefix(string(whole[at:]), c.Data) ||
					c.FileID != last(intended).FileID {
					t.Fatalf("at %d: %+v", at, c)
				}
				end := at + int64(len(c.Data))
				if may := at < stored; b.Recover != may || may && c.Stream != last(intended).Stream {
					t.Errorf("%d to %d of %d: Recover %t, stream %s", at, end, stored, b.Recover, c.Stream)
				}
				if b.Recover && c.Seq != last(intended).Seq {
					t.Errorf("number %d", c.Seq)
				}
				p.ok(src.Intend(t.Context(), b))
				if turn == 0 {
					stored = max(stored, end)
				} else {
					p.ok(src.Commit(t.Context(), b))
					at = end
				}
				p.ok(src.Close())
			}
		})
	}
}

// A range whose file was moved far away is not lost where a source is open that
// will come to it, be it the source of what is named no more that meets it, or
// that of a new file at the old path.
func TestMovedFar(t *testing.T) {
	for _, before := range []int{0, 1} {
		for _, first := range []string{"left", "new", "old"} {
			t.Run(fmt.Sprint(before, first), func(t *testing.T) {
				p := newPlace(t)
				old, far := p.in("a/mail.log"), p.in("far/c/mail.log")
				p.ok(os.MkdirAll(filepath.Dir(old), 0o700))
				p.ok(os.MkdirAll(filepath.Dir(far), 0o700))
				text, lines := logLines(0, 40)
				p.write(old, text)
				intended := p.begin(old, before)
				p.ok(os.Rename(old, far))

				o := p.options()
				var err error
				o.Ledger, err = OpenLedger(p.state, o.Log)
				p.ok(err)
				o.Mails, err = OpenMails(p.state, o.Log)
				p.ok(err)
				set := func(now *Options) { *now = o }
				all := strings.Join(lines, "\n") + "\n"
				want := []string{all[last(intended).Offset:]}
				var sources []Source
				if first == "old" {
					more, added := logLines(500, 5)
					p.write(old, more)
					want = append(want, strings.Join(added, "\n")+"\n")
					sources = append(sources, p.open(old, set))
				}
				sources = append(sources, p.open(far, set))
				left, err := Leftovers(o)
				p.ok(err)
				if first == "left" {
					sources = append(left, sources...)
				} else {
					sources = append(sources, left...)
				}
				got := map[string]string{} // by file
				for i, src := range sources {
					for j, b := range p.batches(src) {
						if diff := differ(intended, b); i == 0 && j == 0 && diff != "" {
							t.Error(diff)
						}
						got[last(b).FileID] += last(b).Data
					}
				}
				for _, src := range sources {
					p.ok(src.Close())
				}
				if len(got) != len(want) || got[last(intended).FileID] != want[0] {
					t.Errorf("%q", got)
				}
				if strings.Contains(p.said.String(), "ERROR") {
					t.Error(p.said.String())
				}
			})
		}
	}
}

// Where others are followed, a log whose directory is not there yet is waited
// for a while.
func TestLostWaits(t *testing.T) {
	real := time.Now()
	synctest.Test(t, func(t *testing.T) {
		p := newPlace(t)
		dir, away := p.in("mnt"), p.in("away")
		p.ok(os.Mkdir(dir, 0o700))
		text, _ := logLines(0, 40)
		p.write(dir+"/mail.log", text)
		intended := p.begin(dir+"/mail.log", 1)
		p.ok(os.Rename(dir, away))
		start := time.Now()
		o := p.options()
		o.Once, o.Now = false, func() time.Time { return real.Add(time.Since(start)) }
		var err error
		o.Ledger, err = OpenLedger(p.state, o.Log)
		p.ok(err)
		o.Mails, err = OpenMails(p.state, o.Log)
		p.ok(err)
		left, err := Leftovers(o)
		p.ok(err)
		src := left[0]
		time.AfterFunc(30*time.Second, func() { p.ok(os.Rename(away, dir)) })
		b, err := src.Read(t.Context())
		p.ok(err)
		if diff := differ(intended, b); diff != "" {
			t.Error(diff)
		}
		if !strings.Contains(p.said.String(), "cannot read, waiting") {
			t.Error(p.said.String())
		}
		p.ok(src.Close())
		time.Sleep(time.Second)
	})
}

// A range is looked for that another source settles meanwhile, which then reads
// on: it is in no file any more as it was.
func TestSettledWhileItIsLookedFor(t *testing.T) {
	bubble(t, func(t *testing.T, l *logger, r *reader) {
		l.write(6)
		b, ok := r.read(t.Context())
		if !ok {
			t.Fatal("nothing to read")
		}
		l.check(r.s.Intend(t.Context(), b))
		src := r.s.(*lazy).Source.(*logFile)
		s := src.led.standings()[0]
		r.commit(b)
		l.write(3)
		r.follow(10 * time.Second)
		if has, err := src.has(l.log, s); has || err != nil {
			t.Errorf("has: %v, %v", has, err)
		}
		r.inOrder(l.lines)
	})
}
