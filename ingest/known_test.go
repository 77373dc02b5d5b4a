package ingest

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bouncehouse/bouncehouse"
)

// run opens paths as one process does, and drains them: one after the other
// a batch each, so that none can rely on another having ended.
func (p *place) run(paths []string, change ...func(*Options)) (got []string) {
	p.t.Helper()
	o := p.options()
	led, err := OpenLedger(p.state, o.Log)
	if err != nil {
		p.t.Fatal(err)
	}
	o.Ledger = led
	for _, f := range change {
		f(&o)
	}
	type result struct {
		b   bouncehouse.Batch
		err error
	}
	var sources []Source
	for _, path := range paths {
		s, err := Open(path, o)
		if errors.Is(err, ErrOpen) {
			continue
		}
		if err != nil {
			p.t.Fatal(err)
		}
		defer s.Close()
		sources = append(sources, s)
	}
	results := make([]chan result, len(sources))
	for i, s := range sources {
		results[i] = make(chan result)
		go func() {
			for {
				b, err := s.Read(p.t.Context())
				results[i] <- result{b, err}
				if err != nil {
					return
				}
				<-results[i] // it was stored
			}
		}()
	}
	for left := len(sources); left > 0; {
		for i, s := range sources {
			if s == nil {
				continue
			}
			var r result
			select {
			case r = <-results[i]:
			case <-time.After(time.Millisecond):
				continue // it waits for another
			}
			if errors.Is(r.err, io.EOF) {
				sources[i] = nil
				left--
				continue
			}
			if r.err != nil {
				p.t.Fatal(r.err)
			}
			got = append(got, p.texts(r.b)...)
			p.settle(s, r.b)
			results[i] <- result{}
		}
	}
	return got
}

func (p *place) in(name string) string { return filepath.Join(p.dir, name) }

func (p *place) equal(what string, want, got []string) {
	p.t.Helper()
	if diff := cmp.Diff(slices.Sorted(slices.Values(want)), slices.Sorted(slices.Values(got))); diff != "" {
		p.t.Errorf("%s: lines (- written, + read):\n%.2000s\n%s", what, diff, p.said.String())
	}
}

func (p *place) ok(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

// longLines are logLines that are some 100 bytes longer.
func longLines(i, n int) (text string, lines []string) {
	_, lines = logLines(i, n)
	for i := range lines {
		lines[i] += strings.Repeat(" x", 50)
		text += lines[i] + "\n"
	}
	return text, lines
}

// What has a beginning in common with a file that was read is not that file:
// two rotations while nobody looked, of logs that begin with a hole
// (copytruncate under a writer without O_APPEND) or with the same line
// (newsyslog).
func TestEqualHeads(t *testing.T) {
	for name, c := range map[string]struct {
		head string
		n    [3]int
	}{
		"hole":       {strings.Repeat("\x00", 100_000), [3]int{500, 550, 560}},
		"short hole": {strings.Repeat("\x00", 100), [3]int{5, 7, 10}},
		"first line": {"2026-11-29T00:00:00.000+00:00 mx1 newsyslog[99]: logfile turned over\n", [3]int{5, 7, 10}},
		"long":       {func() string { s, _ := longLines(1_000_000, 1000); return s }(), [3]int{50, 52, 53}},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t)
			var got, want []string
			at := 0
			more := func(path, head string, to int) {
				text, lines := longLines(at, to-at)
				p.write(path, head+text)
				want, at = append(want, lines...), to
			}
			more(p.log, c.head, c.n[0])
			got = p.drain(p.open(p.log))
			p.ok(os.Rename(p.log, p.log+".2"))
			more(p.log+".1", c.head, c.n[1])
			more(p.log, "", c.n[2])
			got = append(got, p.drain(p.open(p.log))...)
			got = slices.DeleteFunc(got, func(s string) bool {
				return !strings.Contains(s, "postfix/smtp") ||
					strings.Contains(s, "line 1000")
			})
			p.equal(name, want, got)
		})
	}
}

// A copy that was cut is passed over, wherever it was cut, and it is said;
// a copy that went its own way is read from there on.
func TestCopies(t *testing.T) {
	text, lines := longLines(0, 2000)
	large := func(o *Options) { o.ChunkSize = 20_000 }
	for _, cut := range []int{len(text), len(text) - 1, len(text) - 300, len(text) - 20_000, len(text) - 100_000, 5_000,
		100} {
		for _, gone := range []bool{false, true} {
			for _, grows := range []bool{false, true} {
				t.Run(fmt.Sprint(cut, gone, grows), func(t *testing.T) {
					p := newPlace(t)
					p.write(p.log, text)
					p.equal("first", lines, p.drain(p.open(p.log, large)))
					own, want := "", []string(nil)
					if cut = strings.LastIndexByte(text[:cut], '\n') + 1; grows {
						own, want = logLines(5000, 20)
					}
					if cut == 0 {
						cut = 100
						if grows {
							return // then the line is another one
						}
					}
					p.ok(os.WriteFile(p.log+".1", []byte(text[:cut]+own), 0o600))
					if gone {
						later, lines := longLines(9000, 3)
						p.ok(os.Remove(p.log))
						p.write(p.log, later)
						want = append(want, lines...)
					}
					got := p.drain(p.open(p.log, large))
					// What remains: far from its end, a file that is gone is known
					// to the last of its marks only.
					if extra := strings.Join(got, "\n"); gone && len(got) > len(want) {
						limit := 2 * int(cellOf(int64(len(text))))
						if cut < minShared {
							limit = minShared
						}
						if cut > len(text)-fineMarks || len(extra) > limit+len(strings.Join(want, "\n")) {
							t.Errorf("%d lines too many", len(got)-len(want))
						}
						got = got[len(got)-len(want):]
						slices.Sort(got)
						for _, w := range want {
							if !strings.Contains(extra, w) {
								t.Errorf("lost %s", w)
							}
						}
						return
					}
					p.equal("copy", want, got)
					if cut >= minShared && !strings.Contains(p.said.String(), "passed over: it was read already") {
						t.Errorf("nothing was said:\n%s", p.said.String())
					}
				})
			}
		}
	}
}

// A copy that stood still within its first line is found to be one.
func TestCopyOfHalfALine(t *testing.T) {
	p := newPlace(t)
	p.now = p.now.Add(time.Hour)
	text, lines := logLines(0, 5)
	p.write(p.log, text)
	p.equal("first", lines, p.drain(p.open(p.log)))
	p.write(p.log+".1", text[:20])
	p.equal("half", []string{text[:20]}, p.drain(p.open(p.log)))
	p.write(p.log+".1", text[20:])
	p.equal("whole", nil, p.drain(p.open(p.log)))
}

// A copy that is longer than what was read of the original, which then goes
// its own way too.
func TestCopyAndOriginalGrow(t *testing.T) {
	p := newPlace(t)
	text, want := longLines(0, 300)
	p.write(p.log, text)
	got := p.drain(p.open(p.log))
	p.ok(os.WriteFile(p.in("copy.log"), []byte(text), 0o600))
	for i := range 5 {
		for j, path := range []string{p.log, p.in("copy.log")} {
			text, lines := logLines(1000+100*i+10*j, 7)
			p.write(path, text)
			want = append(want, lines...)
		}
		got = append(got, p.run([]string{p.log, p.in("copy.log")})...)
	}
	p.equal("both", want, got)
}

// One content is one file, whatever it is called and however it is reached.
func TestOneContent(t *testing.T) {
	text, lines := longLines(0, 400)
	for name, again := range map[string]func(p *place) []string{
		"host changed": func(p *place) []string {
			return p.run([]string{p.log}, func(o *Options) { o.Host = "another.example.org" })
		},
		"odd name": func(p *place) []string {
			p.ok(os.Rename(p.log, p.in("mail.log-before-the-move")))
			return p.run([]string{p.in("mail.log-before-the-move")})
		},
		"other folder": func(p *place) []string {
			p.ok(os.Mkdir(p.in("old"), 0o700))
			p.ok(os.Rename(p.log, p.in("old/mail.log.1")))
			found, err := Expand([]string{p.in("old")})
			p.ok(err)
			return p.run(found.Files)
		},
		"symlink": func(p *place) []string {
			p.ok(os.Symlink(p.log, p.in("link")))
			return p.run([]string{p.in("link"), p.log})
		},
		"hard link": func(p *place) []string {
			p.ok(os.Link(p.log, p.in("hard.txt")))
			return p.run([]string{p.log, p.in("hard.txt")})
		},
		"packed elsewhere": func(p *place) []string {
			(&logger{place: p}).pack(p.log, p.in("archive.log.1.gz"))
			return p.run([]string{p.in("archive.log.1.gz")})
		},
		"copies": func(p *place) []string {
			for i := range 5 {
				p.write(p.in(fmt.Sprintf("dir%d/copy.log", i)), text)
			}
			found, err := Expand([]string{p.dir + "/dir0", p.dir + "/dir1", p.dir + "/dir2", p.dir + "/dir3",
				p.dir + "/dir4"})
			p.ok(err)
			return p.run(found.Files)
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t)
			for i := range 5 {
				p.ok(os.Mkdir(p.in(fmt.Sprintf("dir%d", i)), 0o700))
			}
			p.write(p.log, text)
			p.equal("first", lines, p.run([]string{p.log}))
			if got := again(p); len(got) > 0 {
				t.Errorf("%d lines were read again", len(got))
			}
			if name != "symlink" && name != "hard link" && !strings.Contains(p.said.String(), "passed over") &&
				name != "host changed" && name != "odd name" && name != "other folder" {
				t.Errorf("nothing was said:\n%s", p.said.String())
			}
		})
	}
	t.Run("all at once", func(t *testing.T) {
		p := newPlace(t)
		var paths []string
		for i := range 5 {
			path := p.in(fmt.Sprintf("copy%c.log", 'a'+i))
			p.write(path, text)
			paths = append(paths, path)
		}
		p.ok(os.Symlink(paths[0], p.in("link.log")))
		p.ok(os.Link(paths[1], p.in("hard.log")))
		p.equal("at once", lines, p.run(append(paths, p.in("link.log"), p.in("hard.log"), paths[2])))
	})
}

// Two servers' logs that begin alike are two.
func TestTwoServers(t *testing.T) {
	p := newPlace(t)
	var paths, want []string
	for i := range 4 {
		p.ok(os.Mkdir(p.in(fmt.Sprintf("mx%d", i)), 0o700))
		path := p.in(fmt.Sprintf("mx%d/mail.log", i))
		head, first := logLines(0, 1)
		text, lines := longLines(1000*(i+1), 50+i)
		p.write(path, head+text)
		paths, want = append(paths, path), append(append(want, first...), lines...)
	}
	p.equal("first", want, p.run(paths))
	want = nil
	for i, path := range paths {
		text, lines := longLines(10_000*(i+1), 20)
		p.write(path, text)
		want = append(want, lines...)
	}
	p.equal("more", want, p.run(paths))
}

// Renamed to whatever name, or into whatever folder near by, while nobody
// looked: the end of the file is found.
func TestEndOfRenamed(t *testing.T) {
	for _, to := range []string{"mail.log.before-upgrade", "olddir/mail.log.1", "olddir/x"} {
		for _, restored := range []bool{false, true} { // an older file, after the one that was written
			p := newPlace(t)
			p.ok(os.Mkdir(p.in("olddir"), 0o700))
			text, want := logLines(0, 20)
			p.write(p.log, text)
			got := p.drain(p.open(p.log))
			if restored {
				p.restore(300, &want, &got)
			}
			more, lines := logLines(100, 10)
			p.write(p.log, more)
			p.ok(os.Rename(p.log, p.in(to)))
			want = append(want, lines...)
			more, lines = logLines(200, 10)
			p.write(p.log, more)
			want = append(want, lines...)
			got = append(got, p.drain(p.open(p.log))...)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s, restored %t: %s", to, restored, diff)
			}
		}
	}
}

// restore puts a file that was rotated long ago back, and reads it.
func (p *place) restore(i int, want, got *[]string) {
	text, lines := logLines(i, 10)
	old := p.log + ".9"
	p.write(old, text)
	p.ok(os.Chtimes(old, p.now.Add(-240*time.Hour), p.now.Add(-240*time.Hour)))
	*want, *got = append(*want, lines...), append(*got, p.drain(p.open(p.log))...)
}

// That what was read last is gone is said once, also where an older file was read
// after it.
func TestGoneIsSaid(t *testing.T) {
	for _, restored := range []bool{false, true} {
		p := newPlace(t)
		text, want := logLines(0, 20)
		p.write(p.log, text)
		got := p.drain(p.open(p.log))
		if restored {
			p.restore(300, &want, &got)
		}
		p.ok(os.Remove(p.log))
		for i := range 3 {
			more, lines := logLines(200+10*i, 10)
			p.write(p.log, more)
			want, got = append(want, lines...), append(got, p.drain(p.open(p.log))...)
		}
		if n := strings.Count(p.said.String(), "the file that was last read is gone"); n != 1 ||
			!slices.Equal(want, got) {
			t.Errorf("restored %t: said %d times, read %q", restored, n, got)
		}
	}
}

// A file that was damaged where it lay comes whole: the rest is read.
func TestGoodCopyOfDamaged(t *testing.T) {
	p := newPlace(t)
	p.now = p.now.Add(time.Hour)
	text, want := longLines(0, 3000)
	p.write(p.in("plain"), text)
	(&logger{place: p}).pack(p.in("plain"), p.log+".1.gz")
	whole, err := os.ReadFile(p.log + ".1.gz")
	p.ok(err)
	p.ok(os.WriteFile(p.log+".1.gz", whole[:len(whole)/2], 0o600))
	got := p.drain(p.open(p.log))
	if len(got) == 0 || !strings.HasPrefix(got[len(got)-1], "broken: ") {
		t.Fatalf("%d lines", len(got))
	}
	got = got[:len(got)-1]
	if again := p.drain(p.open(p.log)); again != nil {
		t.Errorf("again: %q", again)
	}
	p.ok(os.WriteFile(p.log+".1.gz", whole, 0o600))
	got = append(got, p.drain(p.open(p.log))...)
	p.equal("whole", want, got)
}

func TestDamagedLedger(t *testing.T) {
	p := newPlace(t)
	text, want := logLines(0, 50)
	p.write(p.log, text)
	p.equal("first", want, p.drain(p.open(p.log)))
	path := filepath.Join(p.state, "positions", "files.ledger")
	whole, err := os.ReadFile(path)
	p.ok(err)
	for name, bad := range map[string][]byte{
		"cut": whole[:len(whole)-30], "grown": append(slices.Clone(whole), "0123456789abcdef {\"stream\""...),
		"flipped at the end": append(slices.Clone(whole[:len(whole)-5]), "xxx}\n"...),
	} {
		p.ok(os.WriteFile(path, bad, 0o600))
		if got := p.drain(p.open(p.log)); len(got) > 6 {
			t.Errorf("%s: %d lines again", name, len(got)) // the last chunk, as a recovery
		}
	}
	whole[50]++
	p.ok(os.WriteFile(path, whole, 0o600))
	if _, err := Open(p.log, p.options()); err == nil || !strings.Contains(err.Error(), path+" is damaged in line 1") ||
		!strings.Contains(err.Error(), "delete it") {
		t.Error(err)
	}
}

// The ledger does not grow with what is committed, and forgets what is gone
// for long only when there is very much of it.
func TestLedgerIsWrittenAnew(t *testing.T) {
	p := newPlace(t)
	led, err := OpenLedger(p.state, p.options().Log)
	p.ok(err)
	p.ok(os.MkdirAll(filepath.Join(p.state, "positions"), 0o700))
	add := func(i int) {
		e := led.meet(&entry{ID: fmt.Sprint(i), Head: 1, Path: "x"})
		p.ok(led.commit("s", uint64(i), e, func(e *entry) { e.Read, e.State = 1, []byte("x") }))
	}
	for i := range maxMissing + 500 {
		add(i)
	}
	led.enter("s", new(logFile))
	p.ok(led.leave("s"))
	led, err = OpenLedger(p.state, p.options().Log)
	p.ok(err)
	if n := len(led.entries); n != maxMissing+500 {
		t.Errorf("%d files", n)
	}
	kept := led.byID["600"][0]
	for i := range 50_000 {
		p.ok(led.commit("t", uint64(i), kept, func(e *entry) { e.Read++ }))
	}
	p.ok(led.rewrite())
	st, err := os.Stat(led.path)
	p.ok(err)
	if n := len(led.entries); n != maxMissing+1 || led.byID["600"] == nil || led.byID["1"] != nil ||
		st.Size() > 32<<20 {
		t.Errorf("%d files, %d bytes", n, st.Size())
	}
	led.enter("s", new(logFile))
	p.ok(led.leave("s"))
	again, err := OpenLedger(p.state, p.options().Log)
	p.ok(err)
	if n := len(again.entries); n != len(led.entries) || again.byID["600"][0].Read != 50_001 ||
		again.streams["t"] != 49_999 {
		t.Errorf("%d files after it", n)
	}
}

// A position of version 1, as it was written before there was a ledger, is
// gone on with exactly, and what it knew without a hash is proved by it.
func TestPositionOfVersion1(t *testing.T) {
	for name, intended := range map[string]bool{"committed": false, "intended": true} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t)
			old, _ := longLines(0, 100)
			text, lines := longLines(1000, 100)
			p.write(p.log+".1", old)
			p.write(p.log, text)
			stream := "mx1.example.org:" + p.log
			read, next := strings.Index(text, lines[40]), strings.Index(text, lines[60])
			known := func(name, text string, read int) string {
				first := text[:strings.IndexByte(text, '\n')+1]
				tail, _, _ := tailSum(strings.NewReader(text), int64(read))
				disk := ""
				if read == len(text) {
					st, err := os.Stat(p.log + ".1")
					p.ok(err)
					d := diskOf(st)
					disk = fmt.Sprintf(`,"disk":{"dev":%d,"inode":%d,"size":%d,"mtime":%d}`, d.Dev, d.Inode, d.Size,
						d.MTime)
				}
				var marks []string
				for at := 512; at <= read; at *= 2 {
					sum, _, _ := tailSum(strings.NewReader(text), int64(at))
					marks = append(marks, fmt.Sprintf("%q", sum))
				}
				return fmt.Sprintf(`{"id":%q,"head":%d,"name":%q,"read":%d,"tail":%q%s,"marks":[%s]}`,
					identify([]byte(first), 0), len(first), name, read, tail, disk, strings.Join(marks, ","))
			}
			intent := ""
			if intended {
				tail, _, _ := tailSum(strings.NewReader(text), int64(next))
				id := identify([]byte(text[:strings.IndexByte(text, '\n')+1]), 0)
				intent = fmt.Sprintf(`,"intent":{"batch":%q,"seq":1701,"file":%q,"name":"mail.log","kind":"lines","from":%d,"to":%d,"ref":"2026-11-21T10:00:00Z","tail":%q,"host":"mx1.example.org","zone":"UTC"}`,
					rangeID(stream, id, bouncehouse.Lines, int64(read), int64(next)), id, read, next, tail)
			}
			position := fmt.Sprintf(`{"version":1,"stream":%q,"path":%q,"kind":"log","seq":1700,"files":[%s,%s]%s}`,
				stream, p.log, known("mail.log.1", old, len(old)), known("mail.log", text, read), intent)
			file := filepath.Join(p.state, "positions", "mail.log-"+shortHash(stream)+".json")
			p.ok(os.MkdirAll(filepath.Dir(file), 0o700))
			p.ok(os.WriteFile(file, []byte(fmt.Sprintf(`{"sha256":%q,"position":%s}`, fullHash(position), position)),
				0o600))

			// Meanwhile the older one was packed, and a copy of it was cut.
			(&logger{place: p}).pack(p.log+".1", p.log+".2.gz")
			p.ok(os.Remove(p.log + ".1"))
			p.ok(os.WriteFile(p.log+".3", []byte(old[:len(old)/2]), 0o600))
			s := p.open(p.log)
			b, err := s.Read(t.Context())
			p.ok(err)
			last := b.Chunks[len(b.Chunks)-1]
			if b.Recover != intended || last.Seq != 1701 || last.Offset != int64(read) {
				t.Errorf("first came %+v", last)
			}
			got := p.texts(b)
			p.settle(s, b)
			got = append(got, p.drain(s)...)
			p.equal("rest", lines[40:], got)
			s.Close()
			if again := p.run([]string{p.log}, func(o *Options) { o.Host = "another" }); len(again) > 0 {
				t.Errorf("again: %d lines", len(again))
			}
		})
	}
}

func fullHash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

// A file is left to others before it is closed: at once after, its inode may be another file's, which was taken for it
// then and passed by.
func TestLeftToOthersBeforeItIsClosed(t *testing.T) {
	p := newPlace(t)
	text, lines := logLines(0, 3)
	p.write(p.log, text)
	s := p.open(p.log)
	l := s.(*logFile)
	b, err := s.Read(t.Context())
	p.ok(err)
	p.equal("read", lines, p.texts(b))
	closed := false
	l.held[0].content.free = func() {
		closed = true
		if len(l.led.holders) > 0 {
			t.Error("it is held still")
		}
	}
	p.settle(s, b)
	p.ok(s.Close())
	if !closed {
		t.Error("it was not closed")
	}
}

// A stream goes on under the name that it has, whatever its host is called now.
func TestStreamKeepsItsName(t *testing.T) {
	p := newPlace(t)
	var want, got []string
	for i, host := range []string{"mx1.example.org", "another.example.org", "a.third.example.org"} {
		text, lines := logLines(10*i, 3)
		p.write(p.log, text)
		want = append(want, lines...)
		s := p.open(p.log, func(o *Options) { o.Host = host })
		b, err := s.Read(t.Context())
		p.ok(err)
		last := b.Chunks[len(b.Chunks)-1]
		if last.Stream != "mx1.example.org:"+p.log || s.Stream() != last.Stream || last.Host != host {
			t.Errorf("%s: stream %s, %s; host %s", host, s.Stream(), last.Stream, last.Host)
		}
		got = append(got, p.texts(bouncehouse.Batch{Chunks: b.Chunks[len(b.Chunks)-1:]})...)
		p.settle(s, b)
		p.ok(s.Close())
	}
	p.equal("lines", want, got)
}
