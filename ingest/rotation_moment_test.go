package ingest

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// turner is a daemon's log, and what comes between two given steps of its
// reader: looks at the clock, and at the file.
type turner struct {
	*logger
	hole  int64 // where a daemon without O_APPEND began; 0: it has O_APPEND
	at    int64 // where that writes
	turn  func(w *turner)
	clock func() time.Time
	left  int // steps until then is called
	then  func(w *turner)
}

// begin has a daemon write the log, and the reader's steps counted.
func (w *turner) begin(l *logger, r *reader) {
	w.logger, w.at = l, w.hole
	if w.hole > 0 {
		var err error
		w.check(l.f.Close())
		l.f, err = os.OpenFile(l.log, os.O_WRONLY, 0)
		w.check(err)
	}
	r.change = append(r.change, func(o *Options) {
		w.clock = o.Now
		o.Now = func() time.Time { w.step(); return w.clock() }
	})
	r.restart()
}

func (w *turner) step() {
	if w.left--; w.left == 0 {
		w.then(w)
	}
}

// say writes lines as a daemon does that has its file open.
func (w *turner) say(lines int) {
	text, said := logLines(w.n, lines)
	w.n += lines
	w.lines = append(w.lines, said...)
	if w.hole == 0 {
		w.put(text)
	} else {
		_, err := w.f.WriteAt([]byte(text), w.at)
		w.check(err)
		w.at += int64(len(text))
	}
	w.touch(w.log)
}

// all has every line read, and a while more, in which none may come again.
func (w *turner) all(r *reader) {
	for end := w.clock().Add(time.Minute); len(r.got) < len(w.lines) && w.clock().Before(end); {
		r.follow(5 * time.Second)
	}
	r.follow(rescan + poll)
	r.inOrder(w.lines)
}

func (w *turner) touch(path string) { w.check(os.Chtimes(path, w.clock(), w.clock())) }

// sleepThrough is three rotations, and a fourth file, while a batch waits.
func (w *turner) sleepThrough(r *reader) {
	w.intend(r)
	for range 3 {
		w.say(3)
		w.turn(w)
		time.Sleep(6 * time.Second)
	}
	w.say(3)
	r.commit(*r.intended)
}

func (w *turner) intend(r *reader) {
	b, ok := r.read(w.t.Context())
	if !ok {
		w.t.Fatal("nothing to read")
	}
	w.check(r.s.Intend(w.t.Context(), b))
	r.intended = &b
}

// watch has the reader's looks at what it has open counted, too.
func (w *turner) watch(s Source) {
	if z, ok := s.(*lazy); ok {
		s = z.Source
	}
	l := s.(*logFile)
	l.look()
	for _, h := range l.files() {
		h.content.file = watched{h.content.file, w}
	}
}

type watched struct {
	io.ReaderAt
	w *turner
}

func (f watched) ReadAt(p []byte, off int64) (int, error) {
	f.w.step()
	return f.ReaderAt.ReadAt(p, off)
}

// atEach runs f for each moment, until f says that it is none any more.
func atEach(t *testing.T, f func(t *testing.T, l *logger, r *reader, moment int) (met bool)) {
	for moment, met := 1, true; met && !t.Failed(); moment++ {
		bubble(t, func(t *testing.T, l *logger, r *reader) {
			defer func() {
				if t.Failed() {
					t.Logf("at moment %d", moment)
				}
			}()
			met = f(t, l, r, moment)
		})
	}
}

func copied(w *turner) {
	w.copyTruncate()
	w.touch(w.log + ".1")
	w.touch(w.log)
}

// The log is rotated at any moment while the reader looks at it: what is read
// comes once, in the order of its writing.
func TestRotationAtAnyMoment(t *testing.T) {
	for name, style := range map[string]turner{
		"rename":                   {turn: func(w *turner) { w.rename(); w.reopen() }},
		"copytruncate":             {turn: copied},
		"copytruncate, with holes": {turn: copied, hole: 2 * headMax},
	} {
		for before, prepare := range map[string]func(w *turner, r *reader){
			"after a rotation":                func(w *turner, _ *reader) { w.turn(w); w.say(3) },
			"after rotations that nobody saw": func(w *turner, r *reader) { w.sleepThrough(r) },
			"after a crash": func(w *turner, r *reader) {
				w.intend(r)
				w.say(3)
				w.turn(w)
				w.say(3)
				r.restart()
			},
		} {
			for after, then := range map[string]func(w *turner){
				"once":  func(w *turner) { w.turn(w); w.say(3) },
				"twice": func(w *turner) { w.turn(w); w.say(1); w.turn(w); w.say(1) },
			} {
				t.Run(fmt.Sprintf("%s, %s, %s", name, before, after), func(t *testing.T) {
					atEach(t, func(t *testing.T, l *logger, r *reader, moment int) (met bool) {
						w := style
						w.begin(l, r)
						w.say(3)
						r.follow(3 * time.Second)
						w.say(3)
						prepare(&w, r)
						w.watch(r.s)
						w.left, w.then = moment, then
						r.follow(500 * time.Millisecond)
						met = w.left <= 0
						w.left = 0
						w.say(3)
						w.all(r)
						return met
					})
				})
			}
		}
	}
}

// A file that stood at the path for a moment is too short to be known by, and
// may be written still: it comes before those that are rotated meanwhile.
func TestRotationWhileAShortFileIsYoung(t *testing.T) {
	atEach(t, func(t *testing.T, l *logger, r *reader, moment int) (met bool) {
		w := turner{turn: func(w *turner) { w.rename(); w.reopen() }}
		w.begin(l, r)
		w.say(3)
		r.follow(3 * time.Second)
		w.say(3)
		w.turn(&w)
		w.say(1)
		w.turn(&w)
		w.say(3)
		time.Sleep(quiet - time.Second)
		r.restart()
		w.watch(r.s)
		w.left, w.then = moment, func(w *turner) { w.turn(w); w.say(3) }
		r.follow(500 * time.Millisecond)
		met = w.left <= 0
		w.left = 0
		w.all(r)
		return met
	})
}

// Another log begins as the rotated files do, and its first lines are stored at
// any moment while those are looked at: none is passed over for a newer one.
func TestRotationBesideALogThatBeginsAlike(t *testing.T) {
	atEach(t, func(t *testing.T, l *logger, r *reader, moment int) (met bool) {
		o := r.options()
		r.change[0](&o)
		led, err := OpenLedger(r.state, o.Log)
		l.check(err)
		o.Ledger = led
		r.change = append(r.change, func(o *Options) { o.Ledger = led })
		w := turner{turn: copied, hole: 2 * headMax}
		w.begin(l, r)
		w.say(3)
		r.follow(3 * time.Second)
		w.say(3)
		w.sleepThrough(r)

		text, _ := logLines(1000, 3)
		o.Host = "other"
		path := filepath.Join(l.dir, "other.log")
		l.check(os.WriteFile(path, append(make([]byte, w.hole), text...), 0o600))
		other, err := Open(path, o)
		l.check(err)
		defer other.Close()
		b, err := other.Read(t.Context())
		l.check(err)
		l.check(other.Intend(t.Context(), b))
		w.left, w.then = moment, func(*turner) { l.check(other.Commit(t.Context(), b)) }
		r.follow(500 * time.Millisecond)
		if met = w.left <= 0; !met {
			w.then(&w)
		}
		w.left = 0
		w.all(r)
		return met
	})
}
