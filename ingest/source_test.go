package ingest

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/bouncehouse/bouncehouse"
)

// place is a directory with a log and a state, and a clock.
type place struct {
	t     *testing.T
	dir   string
	log   string
	state string
	now   time.Time
	said  strings.Builder
}

func newPlace(t *testing.T) *place {
	current := goleak.IgnoreCurrent()
	t.Cleanup(func() { goleak.VerifyNone(t, current) })
	dir := t.TempDir()
	// In memory, where there is such a place, fsync costs nothing.
	if mem, err := os.MkdirTemp("/dev/shm", "bouncehouse"); err == nil {
		t.Cleanup(func() { os.RemoveAll(mem) })
		dir = mem
	}
	// a name that is a pattern, too
	return &place{t: t, dir: dir, log: filepath.Join(dir, "mail.log"), state: filepath.Join(dir, "state [eu]?"),
		now: time.Now()}
}

func (p *place) options() Options {
	return Options{
		State: p.state, Host: "mx1.example.org", Zone: "Asia/Shanghai", ChunkSize: 200, Once: true,
		Now: func() time.Time { return p.now }, Log: slog.New(slog.NewTextHandler(&p.said, nil)),
	}
}

// nothingRead is a ledger that knows no file.
func nothingRead(t *testing.T) *Ledger {
	led, err := OpenLedger("", nil)
	if err != nil {
		t.Fatal(err)
	}
	return led
}

func (p *place) open(path string, change ...func(*Options)) Source {
	p.t.Helper()
	o := p.options()
	for _, f := range change {
		f(&o)
	}
	s, err := Open(path, o)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { s.Close() })
	return s
}

func (p *place) write(path, text string) {
	p.t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err == nil {
		_, err = f.WriteString(text)
	}
	if err = errors.Join(err, f.Close()); err != nil {
		p.t.Fatal(err)
	}
}

// drain reads and commits until the end, and returns the lines or mails.
func (p *place) drain(s Source) (got []string) {
	p.t.Helper()
	for {
		b, err := s.Read(p.t.Context())
		if errors.Is(err, io.EOF) {
			return got
		}
		if err != nil {
			p.t.Fatal(err)
		}
		got = append(got, p.texts(b)...)
		p.settle(s, b)
	}
}

func (p *place) settle(s Source, b bouncehouse.Batch) {
	p.t.Helper()
	if err := s.Intend(context.Background(), b); err != nil {
		p.t.Fatal(err)
	}
	if err := s.Commit(context.Background(), b); err != nil {
		p.t.Fatal(err)
	}
}

func (p *place) texts(b bouncehouse.Batch) (got []string) {
	for i := range b.Chunks {
		c := &b.Chunks[i]
		if c.Replay {
			continue
		}
		if c.Kind == bouncehouse.Broken {
			got = append(got, "broken: "+c.Reason)
			continue
		}
		for r := range c.Records {
			got = append(got, r.Text)
		}
	}
	return got
}
