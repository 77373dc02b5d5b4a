package engine

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestProbation: the second end in a row under the reader's queries keeps them out for a minute, each further one for
// twice as long, up to an hour; an end with none under way does not count, and an hour without one forgets them.
func TestProbation(t *testing.T) {
	path := filepath.Join(t.TempDir(), "probation")
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	now := time.Unix(1_800_000_000, 0)
	start := func() *probation {
		t.Helper()
		p, err := openProbation(f, now)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	enter := func(p *probation, late time.Duration, ok bool) {
		t.Helper()
		if err := p.enter(now.Add(late)); (err == nil) != ok {
			t.Errorf("after %s: %v", late, err)
		} else if err != nil && !strings.Contains(err.Error(), "times in a row under queries of the reader") {
			t.Error(err)
		}
	}
	enter(start(), 0, true) // and it ends
	enter(start(), 0, true)
	for _, pause := range []time.Duration{time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute,
		16 * time.Minute, 32 * time.Minute, time.Hour, time.Hour, time.Hour} {
		p := start()
		enter(p, pause-time.Second, false)
		enter(p, pause, true)
		p.leave()
		p = start() // in good order: what is left of the pause still holds
		enter(p, pause-time.Second, false)
		enter(p, pause, true)
		enter(p, pause, true)
		p.leave()
		now = now.Add(pause)
	}
	p := start()
	enter(p, 0, false)
	now = now.Add(time.Hour + time.Minute)
	enter(p, 0, true)
	p.leave()
	p.blame()
	enter(start(), time.Hour-time.Second, false)
	now = now.Add(3 * time.Hour)
	enter(start(), 0, true)
	enter(start(), 0, true)
	now = now.Add(-24 * time.Hour) // a clock put back
	enter(start(), time.Hour, true)
	if err := os.WriteFile(path, []byte("1 x"), 0o600); err != nil {
		t.Fatal(err)
	}
	enter(start(), 0, true)
}

// TestBlame: an engine with too much memory ends for what queries of the reader's have left, be none under way at that
// moment.
func TestBlame(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "probation"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	now := time.Unix(1_800_000_000, 0)
	for range 2 {
		p, err := openProbation(f, now)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.enter(now); err != nil {
			t.Fatal(err)
		}
		p.leave()
		overgrown := make(chan error, 1)
		(&engine{memory: -1 << 40, probation: p}).weigh(t.Context(), overgrown) // any memory is too much
		if err := <-overgrown; !strings.Contains(err.Error(), "MB of memory, its limit is") {
			t.Error(err)
		}
	}
	p, err := openProbation(f, now)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.enter(now); err == nil || !strings.Contains(err.Error(), "ended 2 times in a row") {
		t.Errorf("the reader: %v", err)
	}
}

// TestProbationOfWhatIsDeaf: an end for a query of the reader's that heeds nothing counts, also where that query comes
// back while the engine ends; one for the writer's does not.
func TestProbationOfWhatIsDeaf(t *testing.T) {
	for user, ends := range map[string]int{Reader: 1, Writer: 0} {
		f, err := os.OpenFile(filepath.Join(t.TempDir(), "probation"), os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		now := time.Unix(1_800_000_000, 0)
		p, err := openProbation(f, now)
		if err != nil {
			t.Fatal(err)
		}
		s := &server{engine: &engine{probation: p}, silence: 100}
		deaf, err := s.running.begin(t.Context(), "", user, nil)
		if err != nil {
			t.Fatal(err)
		}
		if user == Reader {
			if err := p.enter(now); err != nil {
				t.Fatal(err)
			}
		}
		s.running.allow(deaf, 1)
		if err := s.lookout(t.Context()); err == nil {
			t.Errorf("%s: nothing was seen", user)
		}
		if user == Reader {
			p.leave()
		}
		if p, err = openProbation(f, now); err != nil || p.ends != ends {
			t.Errorf("%s: %d ends, %v, want %d", user, p.ends, err, ends)
		}
	}
}
