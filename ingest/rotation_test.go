package ingest

import (
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

	"github.com/bouncehouse/bouncehouse"
)

// inOrder checks that every line came once and in the order of writing.
func (r *reader) inOrder(want []string) {
	r.t.Helper()
	if diff := cmp.Diff(want, r.got); diff != "" {
		r.t.Fatalf("lines (- written, + read):\n%.3000s\n%.3000s", diff, r.said.String())
	}
}

func TestRotationRenameCreate(t *testing.T) {
	bubble(t, func(t *testing.T, l *logger, r *reader) {
		l.write(7)
		r.follow(3 * time.Second)
		l.write(3)
		l.rename()
		l.reopen()
		l.write(5)
		r.follow(20 * time.Second)
		r.inOrder(l.lines)
	})
}

func TestRotationWritesAfterRename(t *testing.T) {
	bubble(t, func(t *testing.T, l *logger, r *reader) {
		l.write(7)
		r.follow(3 * time.Second)
		l.rename()
		l.check(os.WriteFile(l.log, nil, 0o600)) // logrotate's create
		l.write(3)
		r.follow(30 * time.Second)
		l.write(4) // still to the old file
		l.reopen() // HUP
		l.write(5)
		r.follow(20 * time.Second)
		r.inOrder(l.lines)
	})
}

// A second daemon keeps writing to the old file long after the first one
// has gone on to the new.
func TestRotationLateWriter(t *testing.T) {
	bubble(t, func(t *testing.T, l *logger, r *reader) {
		l.write(3)
		r.follow(3 * time.Second)
		l.rename()
		l.reopen()
		l.write(3)
		r.follow(time.Minute)
		text, late := logLines(5000, 4)
		r.place.write(l.log+".1", text)
		r.follow(time.Minute)
		r.inOrder(append(l.lines, late...))
	})
}

func TestRotationUnfinishedLineOfOldFile(t *testing.T) {
	bubble(t, func(t *testing.T, l *logger, r *reader) {
		l.write(3)
		l.put("Nov 21 00:00:59 mx1 postfix/smtp[9]: cut by a cr")
		r.follow(3 * time.Second)
		l.check(os.Rename(l.log, l.log+".1"))
		l.reopen()
		l.write(2)
		r.follow(time.Minute)
		want := append(append([]string{}, l.lines[:3]...), "Nov 21 00:00:59 mx1 postfix/smtp[9]: cut by a cr")
		r.inOrder(append(want, l.lines[3:]...))
	})
}

func TestRotationCopyTruncate(t *testing.T) {
	bubble(t, func(t *testing.T, l *logger, r *reader) {
		l.write(7)
		r.follow(3 * time.Second)
		l.write(3) // only the copy has them
		l.copyTruncate()
		l.write(5)
		r.follow(20 * time.Second)
		r.inOrder(l.lines)
	})
}

func TestRotationTruncatedAndRegrown(t *testing.T) {
	bubble(t, func(t *testing.T, l *logger, r *reader) {
		l.write(7)
		r.follow(3 * time.Second)
		l.check(os.Truncate(l.log, 0))
		l.write(30) // past where we were
		r.follow(20 * time.Second)
		r.inOrder(l.lines)
	})
}

// The new content begins with the same line as the old.
func TestRotationTruncatedSameFirstLine(t *testing.T) {
	bubble(t, func(t *testing.T, l *logger, r *reader) {
		text, first := logLines(0, 1)
		l.put(text)
		l.write(7)
		r.follow(3 * time.Second)
		l.check(os.Truncate(l.log, 0))
		l.n = 100
		l.put(text)
		l.write(2)
		r.follow(20 * time.Second)
		want := append(append(append([]string{}, first...), l.lines[:7]...), first...)
		r.inOrder(append(want, l.lines[7:]...))
		r.restart()
		for id, files := range r.s.(*logFile).led.byID {
			if len(files) > 1 {
				t.Errorf("two files have the identity %s", id)
			}
		}
	})
}

// A writer without O_APPEND goes on at its old offset after a truncation:
// the file then begins with zeros.
func TestRotationTruncatedWithHole(t *testing.T) {
	bubble(t, func(t *testing.T, l *logger, r *reader) {
		l.write(300)
		r.follow(3 * time.Second)
		st, err := os.Stat(l.log)
		l.check(err)
		text, more := logLines(1000, 3)
		l.check(os.Truncate(l.log, 0))
		f, err := os.OpenFile(l.log, os.O_WRONLY, 0)
		l.check(err)
		_, err = f.WriteAt([]byte(text), st.Size())
		l.check(err)
		f.Close()
		r.follow(20 * time.Second)
		r.inOrder(append(l.lines, more...))
		r.restart() // and it is no binary file
		r.follow(time.Second)
		r.inOrder(append(l.lines, more...))
	})
}

// Zeros after the first lines, as a power failure leaves them, or a writer
// without O_APPEND beside one with it, make no binary file of a log.
func TestHoleBehindTheFirstLines(t *testing.T) {
	hole := strings.Repeat("\x00", 3000)
	first, lines := logLines(0, 2)
	text, more := logLines(2, 40)
	for _, before := range []bool{false, true} { // a start that read the first lines
		t.Run(fmt.Sprint(before), func(t *testing.T) {
			p := newPlace(t)
			p.write(p.log, first)
			var got []string
			if before {
				got = p.drain(p.open(p.log))
			}
			p.write(p.log, hole+text)
			if got = append(got, p.drain(p.open(p.log))...); !slices.Equal(got, append(lines[:2:2], more...)) {
				t.Errorf("%q", got)
			}
		})
	}
}

func TestRotationDeletedAndRecreated(t *testing.T) {
	bubble(t, func(t *testing.T, l *logger, r *reader) {
		l.write(7)
		r.follow(3 * time.Second)
		l.write(3) // in the deleted file only
		l.check(os.Remove(l.log))
		r.follow(10 * time.Second)
		l.write(1)
		r.follow(10 * time.Second)
		l.reopen()
		l.write(5)
		r.follow(20 * time.Second)
		r.inOrder(l.lines)
	})
}

// A look at the path comes between any two recreations: the end of each file
// is read, and before the next one.
func TestRotationDeletedTwice(t *testing.T) {
	bubble(t, func(t *testing.T, l *logger, r *reader) {
		l.write(3)
		r.follow(3 * time.Second)
		for range 4 {
			l.write(2) // in the deleted file only
			l.check(os.Remove(l.log))
			l.reopen()
			l.write(3)
			r.follow(600 * time.Millisecond)
		}
		r.follow(time.Minute)
		r.inOrder(l.lines)
	})
}

// The log is renamed to names that no rotation uses, and written to for long.
func TestRotationOddNames(t *testing.T) {
	bubble(t, func(t *testing.T, l *logger, r *reader) {
		l.write(3)
		r.follow(3 * time.Second)
		l.check(os.Rename(l.log, l.log+"-before-upgrade"))
		l.check(os.WriteFile(l.log, []byte("Nov 21 00:00:59 mx1 postfix/smtp[9]: another daemon\n"), 0o600))
		l.write(3)
		r.follow(2 * time.Minute)
		l.write(3) // still to the old file
		r.follow(time.Minute)
		r.exactly(append(l.lines, "Nov 21 00:00:59 mx1 postfix/smtp[9]: another daemon"))
	})
}

// The log is truncated and goes on under a name by which nothing is found,
// before anybody looks: what is open is read.
func TestRotationTruncatedAndMoved(t *testing.T) {
	for name, truncate := range map[string]func(l *logger){
		"after a copy": func(l *logger) { l.copyTruncate() },
		"for good":     func(l *logger) { l.check(os.Truncate(l.log, 0)) },
	} {
		for _, seen := range []time.Duration{0, 2 * time.Second} {
			t.Run(fmt.Sprintf("%s, seen for %v", name, seen), func(t *testing.T) {
				bubble(t, func(t *testing.T, l *logger, r *reader) {
					l.write(3)
					r.follow(3 * time.Second)
					truncate(l)
					r.follow(seen)
					l.check(os.Rename(l.log, filepath.Join(l.dir, "kept.txt")))
					l.write(6)
					r.follow(time.Second)
					l.reopen()
					l.write(2)
					r.follow(time.Minute)
					r.inOrder(l.lines)
				})
			})
		}
	}
}

func TestRotationDirectoryReplaced(t *testing.T) {
	bubble(t, func(t *testing.T, l *logger, r *reader) {
		dir := filepath.Join(l.dir, "log")
		l.check(os.Mkdir(dir, 0o700))
		l.log = filepath.Join(dir, "mail.log")
		r.log = l.log
		l.reopen()
		l.write(3)
		r.restart()
		r.follow(3 * time.Second)
		l.write(2)
		l.check(os.Rename(dir, dir+".old"))
		r.follow(10 * time.Second)
		l.check(os.Mkdir(dir, 0o700))
		r.follow(10 * time.Second)
		l.reopen()
		l.write(4)
		r.follow(20 * time.Second)
		r.inOrder(l.lines)
		if n := strings.Count(r.said.String(), "cannot read"); n > 2 {
			t.Errorf("said %d times:\n%s", n, r.said.String())
		}
	})
}

func TestRotationWhileAway(t *testing.T) {
	for _, suffix := range []string{"", ".gz", ".zst"} {
		t.Run("as"+suffix, func(t *testing.T) {
			bubble(t, func(t *testing.T, l *logger, r *reader) {
				l.write(7)
				r.follow(3 * time.Second)
				r.s.Close()
				for range 3 {
					l.write(9)
					l.rename()
					l.reopen()
					if suffix != "" {
						l.compress(suffix)
					}
				}
				l.write(5)
				r.restart()
				r.follow(20 * time.Second)
				r.inOrder(l.lines)
			})
		})
	}
}

func TestRotationCompressedWhileAway(t *testing.T) {
	bubble(t, func(t *testing.T, l *logger, r *reader) {
		l.write(7)
		r.follow(3 * time.Second)
		l.rename()
		l.reopen()
		l.write(2)
		r.follow(20 * time.Second)
		r.s.Close()
		l.compress(".gz")
		r.restart()
		r.follow(20 * time.Second)
		r.inOrder(l.lines)
	})
}

// While mail.log.1 is being compressed, mail.log.1.gz is there too, cut.
func TestRotationCompressionUnderWay(t *testing.T) {
	bubble(t, func(t *testing.T, l *logger, r *reader) {
		l.write(300)
		l.rename()
		l.reopen()
		l.write(2)
		l.pack(l.log+".1", l.log+".1.gz")
		l.check(os.Truncate(l.log+".1.gz", 500))
		r.follow(20 * time.Second)
		r.inOrder(l.lines)
		l.pack(l.log+".1", l.log+".1.gz")
		l.check(os.Remove(l.log + ".1"))
		r.restart()
		r.follow(20 * time.Second)
		r.inOrder(l.lines)
	})
}

// copytruncate's copy is under way: it is a part of the live file.
func TestRotationCopyUnderWay(t *testing.T) {
	bubble(t, func(t *testing.T, l *logger, r *reader) {
		l.write(50)
		r.follow(3 * time.Second)
		data, err := os.ReadFile(l.log)
		l.check(err)
		l.check(os.WriteFile(l.log+".1", data[:1000], 0o600))
		r.restart()
		l.write(5)
		r.follow(20 * time.Second)
		r.inOrder(l.lines)
		l.write(5)
		data, err = os.ReadFile(l.log)
		l.check(err)
		l.check(os.WriteFile(l.log+".1", data, 0o600))
		l.check(os.Truncate(l.log, 0))
		l.write(3)
		r.follow(20 * time.Second)
		r.inOrder(l.lines)
	})
}

// A backup brings the files back as copies with other times and inodes.
func TestRotationCopiesAreKnown(t *testing.T) {
	bubble(t, func(t *testing.T, l *logger, r *reader) {
		l.write(30)
		l.rename()
		l.reopen()
		l.write(7)
		r.follow(20 * time.Second)
		for _, path := range []string{l.log, l.log + ".1"} {
			data, err := os.ReadFile(path)
			l.check(err)
			l.check(os.WriteFile(path+".copy", data, 0o600))
			l.check(os.Rename(path+".copy", path))
		}
		l.pack(l.log+".1", l.log+".2.gz")
		r.restart()
		r.follow(20 * time.Second)
		r.inOrder(l.lines)
	})
}

// A line that comes to a quiet log is read at once, one to a busy log with
// those that come within a second.
func TestFollowDelay(t *testing.T) {
	bubble(t, func(t *testing.T, l *logger, r *reader) {
		r.change = append(r.change, func(o *Options) { o.ChunkSize = 1 << 20 })
		r.restart()
		l.write(1)
		r.follow(10 * time.Second)
		start := time.Now()
		time.AfterFunc(30*time.Second, func() { l.write(1) })
		b, _ := r.read(t.Context())
		synctest.Wait()
		if d := time.Since(start) - 30*time.Second; d < 0 || d > 300*time.Millisecond {
			t.Errorf("the line came after %v", d)
		}
		r.commit(b)
		stop := time.Now().Add(10 * time.Second)
		var tick func()
		tick = func() {
			if l.write(1); time.Now().Before(stop) {
				time.AfterFunc(10*time.Millisecond, tick)
			}
		}
		tick()
		seq := r.seq
		r.follow(13 * time.Second)
		synctest.Wait() // for the last tick
		r.inOrder(l.lines)
		if n := r.seq - seq; n > 12 {
			t.Errorf("%d chunks in ten seconds", n)
		}
	})
}

// Files that begin with the same line, longer than a head without a time
// needs: they are told apart by what was read of them.
func TestRotationSameHead(t *testing.T) {
	p := newPlace(t)
	p.now = p.now.Add(time.Hour)
	head := "type1,timeLogged,orig,rcpt," + strings.Repeat("header_x-list2,", 20)
	want := []string{}
	for i, n := range []int{90, 20, 40} {
		_, lines := logLines(i*1000, n)
		want = append(append(want, head), lines...)
		p.write(p.log+[]string{".2", ".1", ""}[i], head+"\n"+strings.Join(lines, "\n")+"\n")
	}
	if diff := cmp.Diff(want, p.drain(p.open(p.log))); diff != "" {
		t.Errorf("%.2000s", diff)
	}
	(&logger{place: p}).pack(p.log+".1", p.log+".3.gz")
	data, err := os.ReadFile(p.log + ".2")
	if err == nil {
		err = os.WriteFile(p.log+".4", data[:2000], 0o600) // a cut copy
	}
	if err != nil {
		t.Fatal(err)
	}
	if got := p.drain(p.open(p.log)); got != nil {
		t.Errorf("read again: %.2000q", got)
	}
}

// The path is a link to the file of the day.
func TestRotationLink(t *testing.T) {
	bubble(t, func(t *testing.T, l *logger, r *reader) {
		l.check(os.Remove(l.log))
		day := func(n string) {
			path := filepath.Join(l.dir, "mail-2026112"+n+".log")
			f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
			l.check(err)
			l.f.Close()
			l.f = f
			os.Remove(l.log)
			l.check(os.Symlink(path, l.log))
		}
		day("0")
		l.write(5)
		l.begin()
		r.follow(30 * time.Second)
		l.write(5)
		r.follow(10 * time.Second)
		day("1")
		l.write(5)
		r.follow(30 * time.Second)
		r.restart()
		l.write(5)
		r.follow(30 * time.Second)
		r.inOrder(l.lines)
	})
}

// Of many files, none that is there is forgotten, and of those gone most.
func TestRotationManyFiles(t *testing.T) {
	p := newPlace(t)
	p.now = p.now.Add(time.Hour)
	var want []string
	const files = 100
	for i := range files {
		text, lines := logLines(i*10, 2)
		want = append(want, lines...)
		p.write(fmt.Sprintf("%s.%d", p.log, files-i), text)
	}
	if diff := cmp.Diff(want, p.drain(p.open(p.log))); diff != "" {
		t.Errorf("%.2000s", diff)
	}
	text, late := logLines(9000, 2)
	p.write(fmt.Sprintf("%s.%d", p.log, files), text)
	for range 2 {
		if diff := cmp.Diff(late, p.drain(p.open(p.log))); diff != "" {
			t.Errorf("%.2000s", diff)
		}
		late = nil
	}
	for i := range files - 1 {
		os.Remove(fmt.Sprintf("%s.%d", p.log, files-i))
	}
	text, _ = logLines(9100, 2)
	p.write(p.log, text)
	p.drain(p.open(p.log))
	text, _ = logLines(9200, 2)
	p.write(p.log, text)
	s := p.open(p.log)
	p.drain(s)
	led := s.(*logFile).led
	if n := len(led.entries); n < files {
		t.Errorf("%d files are remembered", n)
	}
}

// With Once a log that is always written to has an end.
func TestOnceOnBusyLog(t *testing.T) {
	p := newPlace(t)
	text, want := logLines(0, 50)
	p.write(p.log, text)
	s := p.open(p.log)
	n := 0
	for {
		b, err := s.Read(t.Context())
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		p.settle(s, b)
		if n += len(p.texts(b)); n > 2*len(want) {
			t.Fatal("no end")
		}
		more, _ := logLines(1000+n, 20)
		p.write(p.log, more)
	}
	if n < len(want) {
		t.Errorf("%d lines", n)
	}
}

// A binary file takes the log's place for a while.
func TestRotationBinary(t *testing.T) {
	bubble(t, func(t *testing.T, l *logger, r *reader) {
		l.write(5)
		r.follow(3 * time.Second)
		l.check(os.Truncate(l.log, 0))
		l.put("core\x00 and\nmore\n")
		r.follow(30 * time.Second)
		l.put("more\n")
		r.follow(30 * time.Second)
		l.check(os.Truncate(l.log, 0))
		l.write(5)
		r.follow(30 * time.Second)
		want := append(append([]string{}, l.lines[:5]...), "broken: it is binary (it has zero bytes), not a log file")
		r.inOrder(append(want, l.lines[5:]...))
	})
}

func TestRotationDeletedWhileAway(t *testing.T) {
	bubble(t, func(t *testing.T, l *logger, r *reader) {
		l.write(5)
		r.follow(3 * time.Second)
		r.s.Close()
		l.check(os.Remove(l.log))
		l.reopen()
		l.write(5)
		for range 2 {
			r.restart()
			r.follow(10 * time.Second)
		}
		r.inOrder(l.lines)
		if n := strings.Count(r.said.String(), "is gone: what it holds behind the offset was not read"); n != 1 {
			t.Errorf("said %d times:\n%s", n, r.said.String())
		}
	})
}

// A log that is away for a start, of which a part was read, is read on when it
// is back: its inode, size and time tell nothing of how far that was.
func TestRotationPartlyReadAndAway(t *testing.T) {
	p := newPlace(t)
	p.now = p.now.Add(time.Hour)
	text, lines := logLines(0, 400)
	p.write(p.log, text)
	s := p.open(p.log)
	b, err := s.Read(t.Context())
	p.ok(err)
	got := strings.Split(strings.TrimSuffix(last(b).Data, "\n"), "\n")
	p.settle(s, b)
	p.ok(s.Close())
	away := p.dir + ".away" // where nobody looks, of the same file system
	t.Cleanup(func() { os.Remove(away) })
	p.rename(p.log, away)
	more, after := logLines(1000, 1)
	p.write(p.log, more)
	for range 2 {
		s := p.open(p.log)
		got = append(got, p.drain(s)...)
		p.ok(s.Close())
		if _, err := os.Lstat(away); err == nil {
			p.rename(away, p.log+".1")
		}
	}
	p.equal("the log and what came after it", append(lines, after...), got)
}

// multilog names its old files by TAI64N.
func TestRotationMultilog(t *testing.T) {
	p := newPlace(t)
	p.now = p.now.Add(time.Hour)
	var want []string
	for i, name := range []string{"@400000006560a1b21d3f5c2c.s", "@400000006560a9b21d3f5c2c.u",
		"@40000000656fa9b21d3f5c2c.s", "current"} {
		text, lines := logLines(i*10, 10)
		want = append(want, lines...)
		p.write(filepath.Join(p.dir, name), text)
	}
	if diff := cmp.Diff(want, p.drain(p.open(filepath.Join(p.dir, "current")))); diff != "" {
		t.Errorf("%.2000s", diff)
	}
}

// After a crash another file with the same head stands where the intended
// range was: its bytes are not taken for those.
func TestRecoverOtherContent(t *testing.T) {
	p := newPlace(t)
	p.now = p.now.Add(time.Hour)
	head, _ := logLines(0, 1)
	text, _ := logLines(10, 20)
	other, lines := logLines(50, 20)
	p.write(p.log, head+text)
	s := p.open(p.log)
	b, err := s.Read(t.Context())
	if err == nil {
		err = s.Intend(t.Context(), b)
	}
	if err == nil {
		err = os.WriteFile(p.log, []byte(head+other), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	s = p.open(p.log)
	b, err = s.Read(t.Context())
	if err != nil || b.Chunks[0].Kind != bouncehouse.Broken || !strings.Contains(b.Chunks[0].Reason, "lost") {
		t.Fatal(b, err)
	}
	p.settle(s, b)
	if got := p.drain(s); len(got) < len(lines) || got[len(got)-1] != lines[len(lines)-1] {
		t.Errorf("then came %q", got)
	}
}

// While a sibling is read that was still written to, the live file goes.
func TestRotationDeletedWhileSiblingIsRead(t *testing.T) {
	bubble(t, func(t *testing.T, l *logger, r *reader) {
		l.write(3)
		r.follow(3 * time.Second)
		l.rename()
		l.reopen()
		l.write(3)
		r.follow(time.Minute)
		text, late := logLines(5000, 10) // some chunks
		r.place.write(l.log+".1", text)
		b, _ := r.read(t.Context())
		l.write(3)
		l.check(os.Remove(l.log))
		r.commit(b)
		r.follow(time.Minute)
		r.exactly(append(l.lines, late...))
	})
}

// meddler lets something happen just before the file is read.
type meddler struct {
	io.ReaderAt
	first func()
}

func (m *meddler) ReadAt(p []byte, off int64) (int, error) {
	if f := m.first; f != nil && off > 0 {
		m.first = nil
		f()
	}
	return m.ReaderAt.ReadAt(p, off)
}

// The log is copied, truncated and written again between the look at it and
// the reading of it.
func TestRotationWhileReading(t *testing.T) {
	bubble(t, func(t *testing.T, l *logger, r *reader) {
		l.write(7)
		r.follow(3 * time.Second)
		l.write(3)
		h := r.s.(*lazy).Source.(*logFile).held[0]
		h.content.file = &meddler{h.f, func() {
			l.copyTruncate()
			l.write(40)
		}}
		r.follow(20 * time.Second)
		r.inOrder(l.lines)
	})
}

// The end of a rotated file is taken for a line since nothing came for long,
// and then the rest of it comes: the whole line is read, at its place.
func TestRotationLateRestOfLine(t *testing.T) {
	p := newPlace(t)
	p.now = p.now.Add(time.Hour)
	text, lines := logLines(0, 9)
	p.write(p.log+".1", text+"Nov 21 00:01:00 mx1 postfix/smtp[7]: first ha")
	s := p.open(p.log)
	if diff := cmp.Diff(append(lines, "Nov 21 00:01:00 mx1 postfix/smtp[7]: first ha"), p.drain(s)); diff != "" {
		t.Fatal(diff)
	}
	s.Close()
	more, lines := logLines(100, 9)
	p.write(p.log+".1", "lf and the rest\n"+more)
	s = p.open(p.log)
	b, err := s.Read(t.Context())
	p.ok(err)
	if c := b.Chunks[len(b.Chunks)-1]; !b.Recover || c.Offset != int64(len(text)) {
		t.Errorf("%v at %d", b.Recover, c.Offset)
	}
	got := p.texts(b)
	p.settle(s, b)
	if diff := cmp.Diff(append([]string{"Nov 21 00:01:00 mx1 postfix/smtp[7]: first half and the rest"}, lines...),
		append(got, p.drain(s)...)); diff != "" {
		t.Error(diff)
	}
}
