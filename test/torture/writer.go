package torture

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// logWriter is a mail server's syslog: it writes one log, and rotates it now and then in one style. It does all by
// itself, one after the other, so that what a rotation does to the file is exactly known.
type logWriter struct {
	h     *house
	path  string // of the log
	style style
	log   *postfixLog
	r     *rand.Rand

	f       *os.File
	gen     int   // files begun
	at      int64 // bytes written to this one
	stamp   int64 // of the last line, ms since 1970
	turns   int   // rotations
	skipped int   // rotations for which the reader was not ready
}

// The pace of a writer.
const (
	tick          = 50 * time.Millisecond
	linesPerTick  = 12     // at most: 240 lines a second
	mostBehind    = 15_000 // attempts in the logs and not yet stored, at which writers wait
	firstRotation = 3 * time.Second
	rotations     = 12 * time.Second // at most between two
)

func newLogWriter(h *house, path string, s style, r *rand.Rand, host string) (*logWriter, error) {
	w := &logWriter{h: h, path: path, style: s, log: &postfixLog{r: r, host: host, lasting: s.apart}, r: r}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	if s.begin != nil {
		return w, s.begin(w)
	}
	return w, w.open()
}

// open begins the file at path anew, or goes on with it.
func (w *logWriter) open() error { return w.openAt(w.path) }

func (w *logWriter) openAt(path string) error {
	flags := os.O_WRONLY | os.O_CREATE | os.O_APPEND
	if w.style.noAppend {
		flags &^= os.O_APPEND
	}
	f, err := os.OpenFile(path, flags, 0o644)
	if err != nil {
		return err
	}
	if w.f != nil {
		w.f.Close()
	}
	w.f, w.at = f, 0
	w.gen++
	return nil
}

// run writes until enough ends. A rotation that is under way then is finished, unless ctx ends.
func (w *logWriter) run(ctx, enough context.Context) error {
	again := time.NewTicker(tick)
	defer again.Stop()
	rotate := time.Now().Add(firstRotation + time.Duration(w.r.Int64N(int64(rotations))))
	for {
		select {
		case <-enough.Done():
			return nil
		case <-again.C:
		}
		if w.h.behind() > mostBehind {
			continue
		}
		if err := w.lines(w.r.IntN(linesPerTick)); err != nil {
			return err
		}
		if time.Now().After(rotate) {
			if err := w.rotate(ctx); err != nil {
				return fmt.Errorf("rotate %s (%s): %w", w.path, w.style.name, err)
			}
			rotate = time.Now().Add(firstRotation + time.Duration(w.r.Int64N(int64(rotations))))
		}
	}
}

func (w *logWriter) rotate(ctx context.Context) error {
	done, err := w.style.rotate(ctx, w)
	if done {
		w.turns++
		w.h.say("rotation %d of %s (%s)", w.turns, w.short(), w.style.name)
	} else if err == nil {
		w.skipped++
	}
	return err
}

// lines writes n lines.
func (w *logWriter) lines(n int) error {
	for range n {
		line := w.log.next(time.Now(), false)
		if line == nil {
			return nil
		}
		if err := w.line(line); err != nil {
			return err
		}
	}
	return nil
}

// finish writes all that the messages in the queue still have to say.
func (w *logWriter) finish() error {
	for {
		line := w.log.next(time.Now(), true)
		if line == nil {
			return nil
		}
		if err := w.line(line); err != nil {
			return err
		}
	}
}

// line writes one, and then enters its attempts. Some lines come in two halves.
func (w *logWriter) line(line *logLine) error {
	w.stamp = max(w.stamp+1, time.Now().UnixMilli())
	text := time.UnixMilli(w.stamp).UTC().Format("2006-01-02T15:04:05.000+00:00") + line.text + "\n"
	half := 0
	if w.r.IntN(200) == 0 {
		half = w.r.IntN(len(text))
		if _, err := io.WriteString(w.f, text[:half]); err != nil {
			return err
		}
		time.Sleep(time.Duration(w.r.IntN(300)) * time.Millisecond) // a slow writer, nothing is awaited
	}
	if _, err := io.WriteString(w.f, text[half:]); err != nil {
		return err
	}
	where := fmt.Sprintf("%s by %s, file %d, byte %d", w.short(), w.style.name, w.gen, w.at)
	w.at += int64(len(text))
	for i := range line.attempts {
		line.attempts[i].Time, line.attempts[i].Where, line.attempts[i].Apart = w.stamp, where, w.style.apart
	}
	w.h.ledger.Add(line.attempts...)
	w.h.mails.offer(line.attempts)
	if line.arrival {
		w.h.ledger.Arrived()
	}
	return nil
}

// short is the log's path below the house.
func (w *logWriter) short() string { return strings.TrimPrefix(w.path, w.h.dir+"/") }
