package ingest

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
)

// Exchange begins a file an hour, and none without a date is ever there.
func TestDatedFiles(t *testing.T) {
	bubble(t, func(t *testing.T, l *logger, r *reader) {
		hour := func(name string) {
			l.log = filepath.Join(l.dir, name)
			l.reopen()
		}
		hour("MSGTRK2026112014-1.LOG")
		l.write(5)
		hour("MSGTRK2026112015-1.LOG")
		l.write(5)
		r.log = filepath.Join(l.dir, "MSGTRK2026112014-1.LOG")
		r.restart()
		r.follow(30 * time.Second)
		l.write(3)
		r.follow(30 * time.Second)
		hour("MSGTRK2026112016-1.LOG")
		r.follow(30 * time.Second)
		l.write(3)
		r.follow(30 * time.Second)
		r.restart()
		l.write(3)
		r.follow(30 * time.Second)
		r.inOrder(l.lines)
		if r.said.Len() > 0 {
			t.Errorf("said: %s", r.said.String())
		}
	})
}

// segment writes a zstd stream as KumoMTA does: what it has flushed is on
// disk, the rest follows, and at its end the file can no longer be written.
type segment struct {
	t    *testing.T
	path string
	enc  *zstd.Encoder
	buf  bytes.Buffer
}

func newSegment(t *testing.T, path string) *segment {
	s := &segment{t: t, path: path}
	var err error
	if s.enc, err = zstd.NewWriter(&s.buf, zstd.WithEncoderConcurrency(1)); err != nil {
		t.Fatal(err)
	}
	s.save()
	return s
}

func (s *segment) put(text string) {
	if _, err := s.enc.Write([]byte(text)); err != nil {
		s.t.Fatal(err)
	}
	if err := s.enc.Flush(); err != nil {
		s.t.Fatal(err)
	}
	s.save()
}

func (s *segment) save() {
	f, err := os.OpenFile(s.path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		s.t.Fatal(err)
	}
	defer f.Close()
	if _, err := s.buf.WriteTo(f); err != nil {
		s.t.Fatal(err)
	}
}

func (s *segment) finish() {
	if err := s.enc.Close(); err != nil {
		s.t.Fatal(err)
	}
	s.save()
	if err := os.Chmod(s.path, 0o400); err != nil {
		s.t.Fatal(err)
	}
}

// What a segment has so far is read; its end is awaited for as long as it
// takes, and nothing is said of it.
func TestGrowingSegment(t *testing.T) {
	bubble(t, func(t *testing.T, l *logger, r *reader) {
		var want []string
		more := func(s *segment, cut int) {
			text, lines := logLines(len(want), 4)
			want = append(want, lines...)
			s.put(text[:cut])
			r.follow(10 * time.Minute)
			s.put(text[cut:])
		}
		first := newSegment(t, filepath.Join(l.dir, "20261120-140000.123456789"))
		r.log = first.path
		r.restart()
		r.follow(10 * time.Minute)
		for i := range 3 {
			more(first, 30*i)
		}
		r.restart()
		more(first, 10)
		first.finish()
		second := newSegment(t, filepath.Join(l.dir, "20261120-150000.5"))
		more(second, 70)
		second.finish()
		third := newSegment(t, filepath.Join(l.dir, "20261120-160000"))
		r.follow(10 * time.Minute)
		more(third, 10)
		r.follow(10 * time.Minute)
		r.exactly(want)

		// KumoMTA was killed, and says so at its next start: nothing follows.
		third.put("half a li")
		if err := os.Chmod(third.path, 0o400); err != nil {
			t.Fatal(err)
		}
		r.follow(10 * time.Minute)
		r.exactly(append(want, "broken: compressed data is cut or damaged: unexpected EOF"))
		if strings.Contains(r.said.String(), "cannot read") {
			t.Errorf("said: %s", r.said.String())
		}
	})
}
