package torture

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/bouncehouse/bouncehouse/test"
)

// Options say how a run goes.
type Options struct {
	Seed     uint64
	Faults   int           // of all rounds together
	Round    int           // faults of one round
	Duration time.Duration // after which no fault begins; 0: no limit
	Longest  time.Duration // pause, black hole or outage
	Variants []Variant     // of the rounds, in turn
	Without  []string      // faults and styles of rotation whose names have one of these words do not occur
	Keep     bool          // the directories, also of rounds that end well
	Binary   string        // bouncehouse
	Disks    bool          // mount small disks to fill; as root only
}

func (o *Options) without(name string) bool {
	return slices.ContainsFunc(o.Without, func(word string) bool { return strings.Contains(name, word) })
}

// How a round is made.
const (
	logsInRound = 4
	lanes       = 2 // faults at the same time
	longestLull = 15 * time.Second
	progress    = 30 * time.Second
	stalled     = 3 * time.Minute // without a row more, after the last fault
)

// summary is what a round did, for its last line.
type summary struct {
	attempts, rotations, faults, fullDisks int
	answersLost                            int // by proxies, that is: requests done of which nobody heard
	drained                                time.Duration
}

func (s *summary) add(o summary) {
	s.attempts += o.attempts
	s.rotations += o.rotations
	s.faults += o.faults
	s.fullDisks += o.fullDisks
	s.answersLost += o.answersLost
}

func (s summary) String() string {
	return fmt.Sprintf("%d attempts, %d rotations, %d faults, %d of them full disks, %d answers lost",
		s.attempts, s.rotations, s.faults, s.fullDisks, s.answersLost)
}

// round runs one installation through faults and compares it with its ledger. The directory is kept where that fails.
func round(ctx context.Context, t testing.TB, o Options, v Variant, n int, faults int) (sum summary, err error) {
	dir, err := os.MkdirTemp("", fmt.Sprintf("torture-%d-%d-", o.Seed, n))
	if err != nil {
		return sum, err
	}
	r := rand.New(rand.NewPCG(o.Seed, uint64(n)))
	h, err := newHouse(t, o, v, dir)
	if err != nil {
		return sum, err
	}
	defer func() {
		err = errors.Join(err, h.halt())
		if err != nil && ctx.Err() == nil || o.Keep {
			for _, d := range h.disks() {
				err = errors.Join(err, keepTree(d.dir, h.path("kept", filepath.Base(d.dir))))
			}
			err = errors.Join(err, h.unmountDisks())
			t.Logf("round %d is kept in %s", n, dir)
			for _, u := range h.units() {
				t.Logf("the end of the log of %s:\n%s", u.name, test.TailOf(u.log, 4<<10))
			}
			return
		}
		err = errors.Join(err, h.unmountDisks(), os.RemoveAll(dir))
	}()
	if err := h.furnish(o, r, n); err != nil {
		return sum, err
	}
	kinds := slices.DeleteFunc(h.faults(), func(f fault) bool { return o.without(f.name) })
	todo := plan(r, kinds, faults, o.Longest)
	for _, w := range h.logs {
		h.say("seed %d, round %d: %s is rotated by: %s", o.Seed, n, w.short(), w.style.name)
	}
	if err := h.start(); err != nil {
		return sum, err
	}
	defer h.ownEnds(t)
	deadline := time.Time{}
	if o.Duration > 0 {
		deadline = time.Now().Add(o.Duration)
	}
	done, err := h.torment(ctx, todo, deadline)
	sum.faults = done
	for _, p := range todo[:done] {
		if strings.Contains(p.fault.name, "disk") {
			sum.fullDisks++
		}
	}
	for _, w := range h.logs {
		sum.rotations += w.turns
	}
	for _, p := range h.proxies() {
		sum.answersLost += int(p.swallows.Load())
	}
	if err != nil || ctx.Err() != nil {
		return sum, errors.Join(err, ctx.Err())
	}
	begin := time.Now()
	err = h.judge(ctx, r)
	sum.attempts, sum.drained = h.ledger.Len(), time.Since(begin)
	return sum, errors.Join(err, h.exits())
}

// furnish makes the logs, each with a style of its own, and the mailboxes. Over the rounds every style has its turn.
func (h *house) furnish(o Options, r *rand.Rand, n int) (err error) {
	if h.mails, err = newMailer(h, r); err != nil {
		return err
	}
	all := slices.DeleteFunc(styles(), func(s style) bool { return o.without(s.name) })
	for i := range logsInRound {
		style := all[(n*logsInRound+i)%len(all)]
		host := fmt.Sprintf("mx%d", 1+i)
		w, err := newLogWriter(h, h.path("logs", host, "mail.log"), style, rand.New(rand.NewPCG(r.Uint64(), 0)), host)
		if err != nil {
			return err
		}
		h.logs = append(h.logs, w)
	}
	return nil
}

// torment writes while the faults come, and returns how many did.
func (h *house) torment(ctx context.Context, todo []planned, deadline time.Time) (int, error) {
	round := ctx
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	g, ctx := errgroup.WithContext(ctx)
	for _, w := range h.logs {
		g.Go(func() error { return w.run(round, ctx) })
	}
	g.Go(func() error { return h.mails.run(ctx) })
	var next, done atomic.Int64
	g.Go(func() error {
		told := time.Now()
		for sleep(ctx, 2*time.Second) {
			if h.reader.pid() != 0 {
				_, _ = h.count(ctx) // the server may be down
			}
			if time.Since(told) > progress {
				told = time.Now()
				h.t.Logf("%d of %d faults; %d attempts written, %d stored", done.Load(), len(todo), h.ledger.Len(),
					h.stored.Load())
			}
		}
		return nil
	})
	faults, ctxFaults := errgroup.WithContext(ctx)
	for range lanes {
		faults.Go(func() error {
			for {
				i := int(next.Add(1)) - 1
				if i >= len(todo) || !deadline.IsZero() && time.Now().After(deadline) ||
					!sleep(ctxFaults, todo[i].gap) {
					return nil
				}
				p := &todo[i]
				if p.pick(2) == 0 {
					h.awaitRows(ctxFaults)
				}
				h.say("%v", p)
				begin := time.Now()
				if err := p.fault.do(ctxFaults, h, p); err != nil {
					return fmt.Errorf("%v: %w", p, err)
				}
				h.say("fault %d is over after %v; %d attempts are written, %d stored",
					p.n, time.Since(begin).Round(time.Millisecond), h.ledger.Len(), h.stored.Load())
				done.Add(1)
			}
		})
	}
	err := faults.Wait()
	cancel()
	return int(done.Load()), errors.Join(err, g.Wait())
}

// awaitRows waits until rows have come, or for a while: so that not all faults hit what another has laid low.
func (h *house) awaitRows(ctx context.Context) {
	was := h.stored.Load()
	end := time.Now().Add(longestLull)
	for h.stored.Load() <= was && time.Now().Before(end) && sleep(ctx, 100*time.Millisecond) {
	}
}

// judge has everything drained, started again and drained once more, and compares.
func (h *house) judge(ctx context.Context, r *rand.Rand) error {
	for _, w := range h.logs {
		if err := w.finish(); err != nil {
			return err
		}
	}
	if err := errors.Join(h.mails.finish(2*time.Minute), h.drain(ctx)); err != nil {
		return h.compare(ctx, "the faults", err)
	}
	// What was read twice would come now, before what is written now: each log and mailbox is read in order.
	if err := h.reader.terminate(0); err != nil {
		return err
	}
	for _, w := range h.logs {
		if err := w.lines(50); err != nil {
			return err
		}
		if err := w.finish(); err != nil {
			return err
		}
	}
	if err := h.mails.bring(false, 0); err != nil {
		return err
	}
	if err := h.compare(ctx, "the faults", h.drain(ctx)); err != nil {
		return err
	}
	// And what an engine acknowledged must be there after its end, too.
	if h.server != nil {
		err := errors.Join(h.server.terminate(0), h.awaitServer())
		return h.compare(ctx, "the faults and a restart of ClickHouse", err)
	}
	return h.compare(ctx, "the faults and a restart of the engine", h.reader.halt())
}

// compare is the verdict; err is what went wrong on the way to it.
func (h *house) compare(ctx context.Context, after string, err error) error {
	attempts := h.ledger.Attempts()
	var s *stored
	readErr := await(ctx, 2*time.Minute, "ClickHouse to answer", func() (err error) {
		s, err = h.read(ctx, attempts)
		return err
	})
	if readErr != nil {
		return errors.Join(err, readErr)
	}
	verdict := compare(attempts, h.ledger.Messages(), s)
	if err = errors.Join(err, verdict); err != nil {
		return fmt.Errorf("after %s, of %d attempts:\n%w", after, len(attempts), err)
	}
	return nil
}

// drain waits until as many attempts are stored as there are, as long as there are ever more.
func (h *house) drain(ctx context.Context) error {
	want, most, since := h.ledger.Len(), -1, time.Now()
	for sleep(ctx, time.Second) {
		n, err := h.count(ctx)
		switch {
		case err == nil && n >= want:
			return nil
		case err == nil && n > most:
			most, since = n, time.Now()
		case time.Since(since) > stalled:
			h.dump()
			return fmt.Errorf("%d of %d attempts are stored, and none came in %v (%v)", most, want, stalled, err)
		}
	}
	return ctx.Err()
}

// ownEnds tells which services ended although nobody had asked them to.
func (h *house) ownEnds(t testing.TB) {
	for _, u := range append(h.units(), h.brokers...) {
		u.mu.Lock()
		if n := len(u.exits); n > 0 {
			t.Logf("%s ended by itself %d times, last with %s", u.name, n, u.exits[n-1])
		}
		u.mu.Unlock()
	}
}

// dump has every service print its goroutines into its log, and end: what hangs shows there.
func (h *house) dump() {
	for _, u := range h.units() {
		for _, pid := range children(u.pid()) {
			_ = syscall.Kill(pid, syscall.SIGQUIT) // it may have ended just now
		}
		time.Sleep(2 * time.Second) // run tells how its engine ended
		u.signal(syscall.SIGQUIT, 0)
	}
}

// exits are faults that only the logs of the services tell: a crash of the program itself.
func (h *house) exits() error {
	var errs []error
	for _, u := range h.units() {
		data, err := os.ReadFile(u.log)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		for _, word := range []string{"panic: ", "fatal error: ", "DATA RACE"} {
			if strings.Contains(string(data), word) {
				errs = append(errs, fmt.Errorf("%s says %q: see %s", u.name, word, u.log))
			}
		}
	}
	return errors.Join(errs...)
}
