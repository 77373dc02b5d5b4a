package test_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bouncehouse/bouncehouse/test"
)

// The tests of this file end run, or its engine, by kill -9 and start again, and compare all that is stored then with
// what a run stores that nobody disturbs. BOUNCEHOUSE_SEED repeats the moments of an earlier test as far as the
// machine's scheduling allows.

// crashSeed is the seed of a test's random choices.
func crashSeed(t *testing.T) *rand.Rand {
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv("BOUNCEHOUSE_SEED"); s != "" {
		var err error
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("BOUNCEHOUSE_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// insertTime is how long a small batch's three INSERTs take: a kill this long or shorter after their begin is one in
// the middle of them, more often than not.
const insertTime = 60 * time.Millisecond

// crashPoints are the named points of a batch's way, as BOUNCEHOUSE_CRASH spells them, for the nth batch.
var crashPoints = []struct {
	name  string
	point func(r *rand.Rand, nth int) string
}{
	{"after intent", func(_ *rand.Rand, nth int) string { return fmt.Sprintf("write:%d", nth) }},
	{"within INSERT", func(r *rand.Rand, nth int) string {
		return fmt.Sprintf("write:%d:%v", nth, time.Duration(r.Int64N(int64(insertTime))))
	}},
	{"before commit", func(_ *rand.Rand, nth int) string { return fmt.Sprintf("commit:%d", nth) }},
}

const killsAtPoint = 20

// TestCrashAtPoints kills run at each named point, 20 times and more: while an engine of its own goes on writing what
// the dead have sent, and with the engine as its child, which dies with it and is killed alone as well.
func TestCrashAtPoints(t *testing.T) {
	if testing.Short() {
		t.Skip("torture")
	}
	bin := crashBinary(t)
	log := filepath.Join(t.TempDir(), "mail.log")
	write(t, log, demoLog(t))
	plain := newHouse(t, bin, "")
	plain.must("run", "--once", log)
	want := plain.kept()
	if len(want.events) < 1000 {
		t.Fatalf("only %d events: too few to tell anything", len(want.events))
	}
	for _, p := range crashPoints {
		t.Run("run "+p.name, func(t *testing.T) {
			t.Parallel()
			r := crashSeed(t)
			h := newHouse(t, bin, "")
			h.engine()
			for range killsAtPoint {
				h.crash(t, p.point(r, 1+r.IntN(2)), log)
			}
			h.finish(log)
			h.sameAs(want)
		})
		t.Run("engine and run "+p.name, func(t *testing.T) {
			t.Parallel()
			r := crashSeed(t)
			h := newHouse(t, bin, "")
			// Two kills of the child for each of run, since it is started again after a pause that doubles; one where
			// the second comes in that pause.
			for engines := 0; engines < killsAtPoint; {
				first := 1 + r.IntN(2)
				engines += h.crash(t, "engine@"+p.point(r, first)+",engine@"+p.point(r, first+2)+","+
					p.point(r, first+4), log)
			}
			h.finish(log)
			h.sameAs(want)
		})
	}
}

// crash runs until it is killed at the points, and returns how many engines were.
func (h *house) crash(t *testing.T, points, log string) (engines int) {
	t.Helper()
	cmd := h.command("run", "--once", log)
	cmd.Env = append(cmd.Env, "BOUNCEHOUSE_CHUNK=4096", "BOUNCEHOUSE_CRASH="+points)
	end := h.try(cmd)
	if end.status != -1 {
		t.Fatalf("with BOUNCEHOUSE_CRASH=%s: exit status %d, not killed\n%s", points, end.status, end.err)
	}
	return strings.Count(end.err, "crashtest: kill")
}

// finish reads the rest of the log, and has nothing to say about it.
func (h *house) finish(log string) {
	h.t.Helper()
	end := h.try(h.command("run", "--once", log))
	if end.status != 0 || strings.Contains(end.err, "level=WARN") || strings.Contains(end.err, "level=ERROR") {
		h.t.Fatalf("run after the last kill: exit status %d\n%s", end.status, end.err)
	}
}

const randomKills = 30

// TestCrashAnytime kills run, or its engine, at random moments of a longer drain.
func TestCrashAnytime(t *testing.T) {
	if testing.Short() {
		t.Skip("torture")
	}
	bin := crashBinary(t)
	t.Run("run", func(t *testing.T) { // every other time with an engine that outlives it
		t.Parallel()
		anytime(t, bin, randomKills, func(h *house, r *rand.Rand, log string, kill int) bool {
			if kill == randomKills/2 {
				h.engine()
			}
			p := h.drain(log)
			select {
			case <-p.Done():
				return false
			case <-time.After(time.Duration(r.Int64N(int64(1500 * time.Millisecond)))):
				p.Kill9()
				return true
			}
		})
	})
	t.Run("engine", func(t *testing.T) {
		t.Parallel()
		var p *test.Process
		anytime(t, bin, randomKills, func(h *house, r *rand.Rand, log string, kill int) bool {
			// A child that dies often is started again after a pause that doubles: a new run every three kills.
			if p == nil || kill%3 == 0 {
				if p != nil {
					p.Kill9()
				}
				p = h.drain(log)
			}
			pid := childOf(t, p)
			select {
			case <-p.Done():
				p = nil
				return false
			case <-time.After(time.Duration(r.Int64N(int64(time.Second)))):
			}
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
				t.Fatal(err)
			}
			test.Await(t, time.Minute, "the end of the engine that was killed", func() bool { return !alive(pid) })
			if kill == randomKills-1 {
				p.Kill9()
			}
			return true
		})
	})
}

// anytime calls kill for each kill; where it says that run came to its end before, there is more to read. Then it
// compares.
func anytime(t *testing.T, bin string, kills int, kill func(h *house, r *rand.Rand, log string, n int) bool) {
	r := crashSeed(t)
	log := filepath.Join(t.TempDir(), "mail.log")
	copies := 0
	more := func() {
		for range 10 {
			appendTo(t, log, anotherDay(demoLog(t), copies))
			copies++
		}
	}
	more()
	h := newHouse(t, bin, "")
	for n := range kills {
		for !kill(h, r, log, n) {
			more()
		}
	}
	h.finish(log)
	plain := newHouse(t, bin, "")
	plain.must("run", "--once", log)
	want := plain.kept()
	t.Logf("%d kills over %d events", kills, len(want.events))
	h.sameAs(want)
}

// drain starts to read the log in small batches.
func (h *house) drain(log string) *test.Process {
	h.t.Helper()
	cmd := h.command("run", "--once", log)
	cmd.Env = append(cmd.Env, "BOUNCEHOUSE_CHUNK=65536")
	return test.Start(h.t, "run", cmd)
}

// anotherDay is the log with the queue ids of other messages.
func anotherDay(log string, n int) string {
	const digits = "0123456789BCDFGHJKLMNPQRSTVWXYZ"
	suffix := string(digits[n/len(digits)%len(digits)]) + string(digits[n%len(digits)])
	return dayLine(n) + queueID.ReplaceAllString(log, "${0}"+suffix)
}

// dayLine begins a log that is to be no copy of another, and tells of nothing.
func dayLine(n int) string {
	return fmt.Sprintf("2026-11-21T18:56:33.000+00:00 mx1 systemd[1]: day %d\n", n)
}

// queueID is a long one (enable_long_queue_ids), as the demo's log has.
var queueID = regexp.MustCompile(`\b4j[0-9B-DF-HJ-NP-TV-Zb-df-hj-np-tv-z]{8,}z[0-9B-DF-HJ-NP-TV-Zb-df-hj-np-tv-z]+\b`)

func appendTo(t testing.TB, path, text string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteString(text)
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
}

// childOf is the process id of the one child that a process has, as soon as it has one.
func childOf(t *testing.T, p *test.Process) (pid int) {
	t.Helper()
	test.Await(t, time.Minute, "a child process", func() bool {
		select {
		case <-p.Done():
			return true
		default:
		}
		pids := children(t, p.Pid())
		if len(pids) == 1 {
			pid = pids[0]
		}
		return pid != 0
	})
	return pid
}

func children(t testing.TB, pid int) (pids []int) {
	t.Helper()
	lists, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, list := range lists {
		b, err := os.ReadFile(list)
		if err != nil {
			continue // the thread has ended
		}
		for _, s := range strings.Fields(string(b)) {
			n, err := strconv.Atoi(s)
			if err != nil {
				t.Fatal(err)
			}
			pids = append(pids, n)
		}
	}
	return pids
}

// alive tells whether a process runs; one that waits to be buried does not.
func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(rest, "Z")
}

// TestCrashWithFilesThatBeginAlike: logs that begin as one of which a range was under way wait for it, whatever the
// order in which they are named, or where that is not named any more.
func TestCrashWithFilesThatBeginAlike(t *testing.T) {
	dir := t.TempDir()
	log := func(name string, lines int) string {
		path := filepath.Join(dir, name)
		text := "2026-11-30T00:00:00.000+00:00 mx1 newsyslog[99]: logfile turned over\n"
		for i := range lines {
			text += fmt.Sprintf("2026-11-30T10:00:%02d.000+00:00 mx1 postfix/smtp[358]: %s%05d: to=<u%d@example.net>, relay=mx.example.net[203.0.113.7]:25, "+
				"delay=0.5, delays=0/0/0.3/0.2, dsn=2.0.0, status=sent (250 2.0.0 Ok)\n", i%60,
				strings.ToUpper(name[:1]), i, i)
		}
		write(t, path, text)
		return path
	}
	under := log("f.log", 300)
	for _, named := range []bool{true, false} {
		h := newHouse(t, crashBinary(t), "")
		h.crash(t, "commit:1", under)
		args := []string{"--once"}
		for _, name := range []string{"a.log", "b.log", "c.log", "d.log", "e.log"} {
			args = append(args, log(name, 5))
		}
		if named {
			args = append(args, under)
		}
		h.must("run", args...)
		h.must("run", "--once", under)
		if n := h.number("SELECT sum(counted) FROM events"); n != 325 {
			t.Errorf("%d attempts, want 325", n)
		}
	}
}
