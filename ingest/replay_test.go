package ingest

import (
	"errors"
	"fmt"
	"io"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bouncehouse/bouncehouse"
)

// A message's lines lie on both sides of a rotation, and the process is
// started between them: what the parser has to remember is in the file before.
func TestRotationReplaysTheFileBefore(t *testing.T) {
	p := newPlace(t)
	p.now = p.now.Add(time.Hour)
	text, lines := logLines(0, 20)
	p.write(p.log, text)
	p.drain(p.open(p.log))
	for i := range 2 {
		p.ok(os.Rename(p.log, fmt.Sprintf("%s.%d", p.log, 9-i)))
		more, next := logLines(100*(i+1), 5)
		p.write(p.log, more)
		s := p.open(p.log)
		b, err := s.Read(t.Context())
		p.ok(err)
		if diff := cmp.Diff(lines, replayedIn(b)); diff != "" {
			t.Errorf("replayed: %s", diff)
		}
		p.settle(s, b)
		p.drain(s)
		s.Close()
		lines = append(lines, next...)
	}
}

// replayedIn are the lines of a batch that were read before.
func replayedIn(b bouncehouse.Batch) (lines []string) {
	for i := range b.Chunks {
		for r := range b.Chunks[i].Records {
			if r.Replay {
				lines = append(lines, r.Text)
			}
		}
	}
	return lines
}

// A daemon that has its log open without O_APPEND writes on behind a hole as
// long as all that was truncated: that is nothing to remember.
func TestRotationReplaysTheFileBeforeAHole(t *testing.T) {
	p := newPlace(t)
	p.now = p.now.Add(time.Hour)
	var want []string
	at := int64(0)
	for i := range 3 {
		text, lines := logLines(100*i, 5)
		f, err := os.OpenFile(p.log, os.O_WRONLY|os.O_CREATE, 0o600)
		p.ok(err)
		_, err = f.WriteAt([]byte(text), at)
		p.ok(errors.Join(err, f.Close()))
		at += int64(len(text)) + 2*replaySize
		s := p.open(p.log)
		for n := 0; ; n++ {
			b, err := s.Read(t.Context())
			if errors.Is(err, io.EOF) {
				break
			}
			p.ok(err)
			if diff := cmp.Diff(want, replayedIn(b)); n == 0 && diff != "" {
				t.Errorf("file %d: replayed: %s", i, diff)
			}
			p.settle(s, b)
		}
		s.Close()
		want = append(want, lines...)
		more, next := logLines(100*i+50, 2) // and the same file, gone on with
		p.write(p.log, more)
		at += int64(len(more))
		s = p.open(p.log)
		b, err := s.Read(t.Context())
		p.ok(err)
		if diff := cmp.Diff(want, replayedIn(b)); diff != "" {
			t.Errorf("file %d, gone on with: replayed: %s", i, diff)
		}
		p.settle(s, b)
		p.drain(s)
		s.Close()
		want = append(want, next...)
		p.ok(os.Rename(p.log, fmt.Sprintf("%s.%d", p.log, 9-i)))
	}
}
