package ingest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/gzip"

	"github.com/bouncehouse/bouncehouse"
)

// The host's name changes while a range is not settled: it comes again
// exactly as it was, then the rest under the new name, unless the stream has
// kept its own.
func TestIntentOfAnotherName(t *testing.T) {
	for name, rename := range map[string]func(p *place) string{
		"host":     func(p *place) string { return p.log },
		"odd name": func(p *place) string { p.ok(os.Rename(p.log, p.in("odd"))); return p.in("odd") },
		"packed": func(p *place) string {
			(&logger{place: p}).pack(p.log, p.in("other.log.1.gz"))
			p.ok(os.Remove(p.log))
			return p.in("other.log.1.gz")
		},
	} {
		for _, committed := range []int{0, 2} {
			t.Run(fmt.Sprint(name, committed), func(t *testing.T) {
				p := newPlace(t)
				text, want := logLines(0, 50)
				p.write(p.log, text)
				s := p.open(p.log)
				var got []string
				for range committed {
					b, err := s.Read(t.Context())
					p.ok(err)
					p.settle(s, b)
					got = append(got, p.texts(b)...)
				}
				b, err := s.Read(t.Context())
				p.ok(err)
				p.ok(s.Intend(t.Context(), b))
				b.Chunks = slices.DeleteFunc(b.Chunks, func(c bouncehouse.Chunk) bool { return c.Replay })
				s.Close()
				s = p.open(rename(p), func(o *Options) { o.Host, o.ChunkSize = "another.example.org", 999 })
				again, err := s.Read(t.Context())
				p.ok(err)
				again.Chunks = slices.DeleteFunc(again.Chunks, func(c bouncehouse.Chunk) bool { return c.Replay })
				b.Recover = true
				if name != "host" {
					again.Chunks[0].File = b.Chunks[0].File // where it is now
				}
				if diff := cmp.Diff(b, again); diff != "" {
					t.Fatalf("the intended batch came otherwise: %s", diff)
				}
				got = append(got, p.texts(again)...)
				p.settle(s, again)
				next, err := s.Read(t.Context())
				p.ok(err)
				host := "another.example.org"
				if name == "host" && committed > 0 {
					host = "mx1.example.org"
				}
				if c := next.Chunks[len(next.Chunks)-1]; next.Recover || !strings.HasPrefix(c.Stream, host+":") ||
					c.FileID != b.Chunks[0].FileID {
					t.Errorf("then came %+v", next)
				}
				p.settle(s, next)
				got = append(got, p.texts(next)...)
				got = append(got, p.drain(s)...)
				p.equal("all", want, got)
			})
		}
	}
}

// TestRestOfALine: the row of half a line is found again by its stream, number, time and host when its end comes, under
// whatever name and with whatever settings.
func TestRestOfALine(t *testing.T) {
	p := newPlace(t)
	p.write(p.log+".1", "one\ntwo, half")
	before := p.now.Add(-3 * time.Hour)
	if err := os.Chtimes(p.log+".1", before, before); err != nil {
		t.Fatal(err)
	}
	read := func(path string, change ...func(*Options)) (all []bouncehouse.Chunk) {
		s := p.open(path, change...)
		defer s.Close()
		for {
			b, err := s.Read(t.Context())
			if errors.Is(err, io.EOF) {
				return all
			}
			if err != nil {
				t.Fatal(err)
			}
			c := b.Chunks[len(b.Chunks)-1]
			if b.Recover != strings.HasSuffix(c.Data, "the rest\n") {
				t.Errorf("what is stored is asked: %v, of %q", b.Recover, c.Data)
			}
			all = append(all, c)
			p.settle(s, b)
		}
	}
	first := read(p.log)
	p.write(p.log+".1", " and the rest\nthree\n")
	moved := filepath.Join(p.dir, "other.log")
	if err := os.Rename(p.log+".1", moved); err != nil {
		t.Fatal(err)
	}
	got := read(moved, func(o *Options) { o.Host, o.Zone = "renamed.example.org", "UTC" })
	if len(first) != 2 || len(got) != 2 || got[0].Data != "two, half and the rest\n" || got[1].Data != "three\n" {
		t.Fatalf("%d chunks, then %+v", len(first), got)
	}
	want := first[1]
	want.Data, want.File, want.Head = got[0].Data, got[0].File, got[0].Head
	if diff := cmp.Diff(want, got[0]); diff != "" {
		t.Errorf("the line (-before +after):\n%s", diff)
	}
	if got[1].Stream == want.Stream || got[1].Ref.Equal(want.Ref) || got[1].Host == want.Host {
		t.Errorf("what follows is read as the line was: %+v", got[1])
	}
}

// A copy that was cut short of a file of which the first range was about to be stored.
func TestCutCopyAfterACrash(t *testing.T) {
	for _, copied := range []string{"b/other.log.1", "b/other.log"} {
		p := newPlace(t)
		text, want := longLines(0, 300)
		p.write(p.log, text)
		s := p.open(p.log, func(o *Options) { o.ChunkSize = len(text) })
		b, err := s.Read(t.Context())
		p.ok(err)
		p.ok(s.Intend(t.Context(), b))
		p.ok(s.Close())
		p.ok(os.MkdirAll(p.in("b"), 0o700))
		p.write(p.in(copied), text[:strings.LastIndexByte(text[:len(text)/3], '\n')+1])
		hourAgo := p.now.Add(-time.Hour)
		p.ok(os.Chtimes(p.in(copied), hourAgo, hourAgo))
		led, err := OpenLedger(p.state, p.options().Log)
		p.ok(err)
		with := func(o *Options) { o.Ledger = led }
		other := p.open(p.in("b/other.log"), with)
		s = p.open(p.log, with)
		soon, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if b, err := other.Read(soon); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("%s does not wait: %v, %+v", copied, err, b)
		}
		p.equal(copied, want, append(p.drain(s), p.drain(other)...))
	}
}

// A range under way is not another file's that begins as what was read before it: of a log that was turned over idle,
// the line of newsyslog alone.
func TestRangeOfAFileThatBeginsAlike(t *testing.T) {
	p := newPlace(t)
	const turned = "Nov 30 00:00:00 mx1 newsyslog[99]: logfile turned over\n"
	file := func(name string, from, n int) (lines []string) {
		text, lines := logLines(from, n)
		p.write(p.in(name), turned+text)
		hourAgo := p.now.Add(-time.Hour)
		p.ok(os.Chtimes(p.in(name), hourAgo, hourAgo))
		return lines
	}
	file("b.log.1", 0, 0)
	p.run([]string{p.in("b.log")})
	of := file("a.log.1", 0, 4)
	s := p.open(p.in("a.log"), func(o *Options) { o.ChunkSize = 4 << 20 })
	b, err := s.Read(t.Context())
	p.ok(err)
	p.ok(s.Intend(t.Context(), b))
	p.ok(s.Close())
	other := file("c.log.1", 100, 1)

	led, err := OpenLedger(p.state, p.options().Log)
	p.ok(err)
	with := func(o *Options) { o.Ledger = led }
	first := p.open(p.in("c.log"), with)
	soon, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if b, err := first.Read(soon); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("it does not wait: %v, %+v", err, b)
	}
	s = p.open(p.in("a.log"), with)
	again, err := s.Read(t.Context())
	p.ok(err)
	if !again.Recover || again.Chunks[len(again.Chunks)-1].Data != b.Chunks[len(b.Chunks)-1].Data {
		t.Errorf("the range came otherwise: %+v", again)
	}
	p.settle(s, again)
	p.equal("the range", of, p.texts(again))
	p.equal("the rest", append(other, strings.TrimSpace(turned)), append(p.drain(s), p.drain(first)...))
}

// Of a journal's export a record is more than a line, and what follows half of one is read on as it is.
func TestRestOfAnExport(t *testing.T) {
	p := newPlace(t)
	text := exported("s=1", "value")
	half := len(text) - len("1\n\n") // amid its last field
	p.write(p.log+".1", text[:half])
	hourAgo := p.now.Add(-time.Hour)
	p.ok(os.Chtimes(p.log+".1", hourAgo, hourAgo))
	with := func(o *Options) { o.ChunkSize = 4 << 20 }
	p.drain(p.open(p.log, with))
	more := text[half:] + exported("s=2", "value")
	p.write(p.log+".1", more)
	var got []string
	s := p.open(p.log, with)
	for {
		b, err := s.Read(t.Context())
		if errors.Is(err, io.EOF) {
			break
		}
		p.ok(err)
		got = append(got, b.Chunks[len(b.Chunks)-1].Data)
		p.settle(s, b)
	}
	if want := text[strings.LastIndex(text[:half], "\n")+1:half] + more; !slices.Equal(got, []string{want}) {
		t.Errorf("%q, want one chunk of %q", got, want)
	}
}

// A range that holds no more than what all files of a stream begin with is
// settled in the first that has it; of that file nothing is read again.
func TestRangeOfAHeadThatAllHave(t *testing.T) {
	p := newPlace(t)
	const head = "type,timeLogged,orig,rcpt\n"
	older, fresh := p.log+"-20261120", p.log+"-20261121"
	text, lines := logLines(0, 40)
	p.write(older, head+text)
	p.now = p.now.Add(time.Hour)
	p.equal("the older one", append([]string{strings.TrimSpace(head)}, lines...), p.drain(p.open(p.log)))
	p.write(fresh, head)
	p.begin(p.log, 0)
	text, lines = logLines(100, 10)
	p.write(fresh, text)
	p.now = p.now.Add(time.Hour)
	p.equal("the fresh one", append([]string{strings.TrimSpace(head)}, lines...), p.drain(p.open(p.log)))
}

// A file that holds one line without a line end is known, copied, packed or seen
// anew; where it has grown elsewhere it is read.
func TestOneLineWithoutAnEnd(t *testing.T) {
	p := newPlace(t)
	const line = "Nov 21 10:00:00 mx1 postfix/smtp[1]: one"
	p.write(p.log+".1", line)
	p.now = p.now.Add(time.Hour)
	p.equal("at first", []string{line}, p.drain(p.open(p.log)))
	p.equal("anew", nil, p.drain(p.open(p.log)))
	other := p.in("other.log")
	p.write(other, line)
	p.equal("a copy", nil, p.drain(p.open(other)))
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, err := z.Write([]byte(line))
	p.ok(errors.Join(err, z.Close()))
	p.write(p.in("third.log.1.gz"), packed.String())
	p.equal("packed", nil, p.drain(p.open(p.in("third.log"))))
	p.write(p.in("fourth.log"), line+" and more\n")
	p.equal("another", []string{line + " and more"}, p.drain(p.open(p.in("fourth.log"))))
}

// A log that rsync brings anew each minute, once amid a line: the line comes whole.
func TestBroughtAnewAmidALine(t *testing.T) {
	for _, rotated := range []bool{false, true} { // at its source, before it is brought the second time
		t.Run(fmt.Sprint(rotated), func(t *testing.T) { broughtAnewAmidALine(t, rotated) })
	}
}

func broughtAnewAmidALine(t *testing.T, rotated bool) {
	real := time.Now()
	synctest.Test(t, func(t *testing.T) {
		p, start := newPlace(t), time.Now()
		text, want := logLines(0, 40)
		bringAs := func(path, text string) {
			p.write(p.in(".mail.log.Xy12"), text)
			at := real.Add(time.Since(start))
			p.ok(os.Chtimes(p.in(".mail.log.Xy12"), at, at))
			p.rename(p.in(".mail.log.Xy12"), path)
		}
		bring := func(text string) { bringAs(p.log, text) }
		bring(text[:len(text)/2]) // amid a line
		src := p.open(p.log, func(o *Options) {
			o.Once, o.Now = false, func() time.Time { return real.Add(time.Since(start)) }
		})
		time.AfterFunc(10*time.Second, func() {
			if !rotated {
				bring(text)
				return
			}
			more, lines := logLines(500, 20)
			want = append(want, lines...)
			bring(more)
			time.AfterFunc(700*time.Millisecond, func() { bringAs(p.log+".1", text) })
		})
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
		defer cancel()
		var got []string
		for b, err := src.Read(ctx); err == nil; b, err = src.Read(ctx) {
			got = append(got, p.texts(b)...)
			p.settle(src, b)
		}
		slices.Sort(want)
		slices.Sort(got)
		p.equal("the log", want, got)
		p.ok(src.Close())
	})
}
