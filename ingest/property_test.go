package ingest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/bouncehouse/bouncehouse"
)

// logger writes a log as a daemon with logrotate does.
type logger struct {
	*place
	f       *os.File // what the daemon has open
	n       int
	partial string   // the rest of a line that was begun
	lines   []string // every complete line, in order
}

func newLogger(p *place) *logger {
	l := &logger{place: p}
	l.reopen()
	return l
}

func (l *logger) check(err error) {
	l.t.Helper()
	if err != nil {
		l.t.Fatal(err)
	}
}

// reopen is what the daemon does when told that its log was rotated.
func (l *logger) reopen() {
	if l.f != nil {
		l.f.Close()
	}
	var err error
	l.f, err = os.OpenFile(l.log, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	l.check(err)
}

func (l *logger) put(text string) {
	l.t.Helper()
	_, err := l.f.WriteString(text)
	l.check(err)
}

// lines writes n lines.
func (l *logger) write(n int) {
	l.t.Helper()
	l.end()
	text, lines := logLines(l.n, n)
	l.n += n
	l.lines = append(l.lines, lines...)
	l.put(text)
}

// begin writes half a line, end the rest of it.
func (l *logger) begin() {
	l.end()
	_, lines := logLines(l.n, 1)
	l.n++
	l.put(lines[0][:20])
	l.lines, l.partial = append(l.lines, lines[0]), lines[0][20:]+"\n"
}

func (l *logger) end() {
	l.put(l.partial)
	l.partial = ""
}

func (l *logger) rotated() []string {
	files, err := filepath.Glob(l.log + ".*")
	l.check(err)
	slices.SortFunc(files, func(a, b string) int { return -strings.Compare(turnName(a), turnName(b)) })
	return files
}

func turnName(path string) string {
	var n int
	fmt.Sscanf(strings.TrimPrefix(filepath.Ext(strings.TrimSuffix(strings.TrimSuffix(path, ".gz"), ".zst")), "."), "%d",
		&n)
	return fmt.Sprintf("%04d", n)
}

// shift makes room for a new .1.
func (l *logger) shift() {
	for _, old := range l.rotated() {
		var n int
		fmt.Sscanf(turnName(old), "%d", &n)
		suffix := ""
		for _, s := range []string{".gz", ".zst"} {
			if strings.HasSuffix(old, s) {
				suffix = s
			}
		}
		l.check(os.Rename(old, fmt.Sprintf("%s.%d%s", l.log, n+1, suffix)))
	}
}

func (l *logger) rename() {
	l.end()
	l.shift()
	l.check(os.Rename(l.log, l.log+".1"))
}

func (l *logger) copyTruncate() {
	l.end()
	l.shift()
	data, err := os.ReadFile(l.log)
	l.check(err)
	l.check(os.WriteFile(l.log+".1", data, 0o600))
	l.check(os.Truncate(l.log, 0))
}

// compress packs what is rotated and not yet packed.
func (l *logger) compress(suffix string) {
	for _, path := range l.rotated() {
		if !strings.HasSuffix(path, ".gz") && !strings.HasSuffix(path, ".zst") {
			l.pack(path, path+suffix)
			l.check(os.Remove(path))
		}
	}
}

func (l *logger) pack(from, to string) {
	data, err := os.ReadFile(from)
	l.check(err)
	st, err := os.Stat(from)
	l.check(err)
	f, err := os.Create(to)
	l.check(err)
	var w io.WriteCloser = gzip.NewWriter(f)
	if strings.HasSuffix(to, ".zst") {
		w, err = zstd.NewWriter(f, zstd.WithEncoderConcurrency(1))
		l.check(err)
	}
	_, err = w.Write(data)
	l.check(errors.Join(err, w.Close(), f.Close(), os.Chtimes(to, st.ModTime(), st.ModTime())))
}

// reader reads what a logger wrote, and checks what a source promises.
type reader struct {
	*place
	s        Source
	got      []string
	seq      uint64
	intended *bouncehouse.Batch // not committed when the last reader was killed
	change   []func(*Options)
}

func (r *reader) restart() {
	r.t.Helper()
	if r.s != nil {
		r.s.Close()
	}
	r.s = r.open(r.log, r.change...)
	if box(r.s) != nil {
		r.seq = 0 // mails are numbered from the clock
	}
}

// read takes a batch; false at the end of ctx or of the source.
func (r *reader) read(ctx context.Context) (bouncehouse.Batch, bool) {
	r.t.Helper()
	b, err := r.s.Read(ctx)
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, io.EOF) {
		return b, false
	}
	if err != nil {
		r.t.Fatal(err)
	}
	b.Chunks = slices.DeleteFunc(b.Chunks, func(c bouncehouse.Chunk) bool { return c.Replay })
	if r.intended != nil {
		want := *r.intended
		want.Recover = true
		if diff := cmp.Diff(want, b); diff != "" {
			r.t.Fatalf("the intended batch did not come again as it was: %s", diff)
		}
	} else if b.Recover {
		r.t.Fatalf("batch %s has Recover set without an intent", b.ID)
	}
	return b, true
}

func (r *reader) commit(b bouncehouse.Batch) {
	r.t.Helper()
	r.settle(r.s, b)
	r.intended = nil
	for _, c := range b.Chunks {
		if r.seq != 0 && c.Seq != r.seq+1 {
			r.t.Fatalf("chunk %d follows %d", c.Seq, r.seq)
		}
		r.seq = c.Seq
	}
	r.got = append(r.got, r.texts(b)...)
}

// follow reads for a time.
func (r *reader) follow(d time.Duration) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), d)
	defer cancel()
	for {
		b, ok := r.read(ctx)
		if !ok {
			return
		}
		r.commit(b)
	}
}

// exactly checks that every line came, and once.
func (r *reader) exactly(want []string) {
	r.t.Helper()
	got, want := slices.Sorted(slices.Values(r.got)), slices.Sorted(slices.Values(want))
	if diff := cmp.Diff(want, got); diff != "" {
		r.t.Fatalf("lines (- written, + read):\n%.3000s\n%.3000s", diff, r.said.String())
	}
}

// keepsWhatIsOpen checks that the files that a log keeps from other sources are
// those that it has open.
func (r *reader) keepsWhatIsOpen() {
	s := r.s
	if z, ok := s.(*lazy); ok {
		s = z.Source
	}
	if l, ok := s.(*logFile); ok && l.led != nil {
		open := map[disk]bool{}
		for _, h := range l.files() {
			open[inode(h.info)] = true
		}
		if len(l.led.holders) != len(open) {
			r.t.Errorf("%d files are kept from others, %d are open", len(l.led.holders), len(open))
		}
	}
}

// bubble runs f where time passes only when all wait. The clock that files
// are compared with goes along.
func bubble(t *testing.T, f func(t *testing.T, l *logger, r *reader)) {
	real := time.Now()
	synctest.Test(t, func(t *testing.T) {
		p := newPlace(t)
		start := time.Now()
		r := &reader{place: p, change: []func(*Options){func(o *Options) {
			o.Once = false
			o.Now = func() time.Time { return real.Add(time.Since(start)) }
		}}}
		l := newLogger(p)
		r.restart()
		defer func() {
			r.keepsWhatIsOpen()
			r.s.Close()
			l.f.Close()
			time.Sleep(time.Second) // until what nxadm/tail polls with has noticed
		}()
		f(t, l, r)
	})
}

// TestEveryLineOnce does at random what daemons, logrotate and crashes do,
// and expects every complete line exactly once.
func TestEveryLineOnce(t *testing.T) {
	for range 60 {
		seed := rand.Uint64()
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			bubble(t, func(t *testing.T, l *logger, r *reader) { everyLineOnce(t, seed, l, r) })
		})
	}
}

func everyLineOnce(t *testing.T, seed uint64, l *logger, r *reader) {
	rnd := rand.New(rand.NewPCG(seed, 1))
	var did []string
	defer func() {
		if t.Failed() {
			t.Log(strings.Join(did, "\n"))
		}
	}()
	renamed := false // and the daemon not told yet
	for range 40 {
		op := rnd.IntN(12)
		did = append(did, fmt.Sprint(op))
		switch op {
		case 0, 1, 2:
			l.write(rnd.IntN(20))
		case 3:
			if !renamed {
				l.begin()
			}
		case 4:
			if !renamed {
				l.rename()
				renamed = true
			}
		case 5:
			if renamed {
				l.end()
				l.reopen()
				renamed = false
			}
		case 6:
			if !renamed {
				l.copyTruncate()
			}
		case 7:
			if !renamed { // as with delaycompress
				l.compress([]string{".gz", ".zst"}[rnd.IntN(2)])
			}
		case 8:
			if !renamed { // nothing unread may be in it
				l.end()
				r.follow(20 * time.Second)
				l.check(os.Truncate(l.log, 0))
				if rnd.IntN(2) == 0 {
					l.write(1 + rnd.IntN(20))
				}
			}
		case 9:
			r.follow(time.Duration(rnd.IntN(15000)) * time.Millisecond)
		case 10, 11: // killed at some point of a batch
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
			b, ok := r.read(ctx)
			cancel()
			if ok && op == 11 {
				l.check(r.s.Intend(t.Context(), b))
				if r.intended == nil {
					r.intended = &b
				}
			}
			r.restart()
		}
	}
	l.end()
	if renamed {
		l.reopen()
	}
	r.follow(3 * time.Minute)
	r.exactly(l.lines)
}
