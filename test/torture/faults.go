package torture

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// fault is something that happens in operation. do lets it happen and makes it good again, also when ctx ends. It
// returns an error only for what the product must not do.
type fault struct {
	name   string
	weight int
	do     func(ctx context.Context, h *house, p *planned) error
}

// faults are all that can happen to the house.
func (h *house) faults() []fault {
	all := []fault{
		{"kill -9 of the reader", 8, func(ctx context.Context, h *house,
			p *planned) error {
			return h.endReader(ctx, p, kill)
		}},
		{"SIGTERM to the reader", 4, func(ctx context.Context, h *house,
			p *planned) error {
			return h.endReader(ctx, p, terminate)
		}},
		{"the reader paused", 3, pause(func(h *house, p *planned) []int { return pids(h.reader) })},
		{"another host name", 2, anotherName},
		{"a second reader on the same state", 3, secondReader},
		{"queries and reports", 2, queries},
		{"mails moved, renamed, copied", 6, func(_ context.Context, h *house,
			p *planned) error {
			return h.mails.move(p.rand())
		}},
		{"deliver under kill -9", 5, func(_ context.Context, h *house, p *planned) error {
			return h.mails.bring(true, time.Duration(1+p.rand().IntN(40))*time.Millisecond)
		}},
	}
	switch h.variant {
	case VariantRun:
		engine := func(h *house, _ *planned) []int { return children(h.reader.pid()) }
		all = append(all,
			fault{"kill -9 of the engine", 8, killPids(engine)},
			fault{"the engine paused", 3, pause(engine)})
	default:
		server := func(*house, *planned) []*unit { return []*unit{h.server} }
		all = append(all,
			fault{"kill -9 of ClickHouse", 6, onUnit(server, kill)},
			fault{"SIGTERM to ClickHouse", 2, onUnit(server, terminate)},
			fault{"ClickHouse paused", 3, pause(func(h *house, _ *planned) []int { return pids(h.server) })})
		all = append(all, network("ClickHouse", func(*planned) *proxy { return h.toServer })...)
	}
	if h.variant == VariantKafka {
		member := func(h *house, p *planned) []*unit { return []*unit{h.members[p.pick(len(h.members))]} }
		broker := func(h *house, p *planned) []*unit { return []*unit{h.brokers[p.pick(len(h.brokers))]} }
		all = append(all,
			fault{"kill -9 of process", 6, onUnit(member, kill)},
			fault{"SIGTERM to process", 3, onUnit(member, terminate)},
			fault{"process paused", 4, pause(func(h *house, p *planned) []int { return pids(member(h, p)...) })},
			fault{"a third member comes and goes", 4, guest},
			fault{"kill -9 of a broker", 4, onUnit(broker, kill)},
			fault{"SIGTERM to a broker", 2, onUnit(broker, terminate)},
			fault{"a broker paused", 2, pause(func(h *house, p *planned) []int { return pids(broker(h, p)...) })})
		all = append(all, network("Kafka", func(p *planned) *proxy { return h.toBroker[p.pick(len(h.toBroker))] })...)
	}
	if h.engineDisk != nil {
		all = append(all,
			fault{"the engine's disk full", 6, fullDisk(func(*planned) *disk { return h.engineDisk }, false)},
			fault{"the state's disk full", 3, fullDisk(func(*planned) *disk { return h.stateDisk }, true)})
	}
	if len(h.brokerDisks) > 0 {
		broker := func(p *planned) *disk { return h.brokerDisks[p.pick(len(h.brokerDisks))] }
		all = append(all, fault{"a broker's disk full", 3, fullDisk(broker, false)})
	}
	return all
}

// network are the faults of the connections that go through a proxy.
func network(to string, which func(p *planned) *proxy) []fault {
	return []fault{
		{"connections to " + to + " cut", 3, func(_ context.Context, _ *house,
			p *planned) error {
			which(p).cut()
			return nil
		}},
		{"a black hole before " + to, 3, func(ctx context.Context, _ *house, p *planned) error {
			x := which(p)
			x.hole.Store(true)
			sleep(ctx, p.length)
			x.hole.Store(false)
			x.cut() // what fell into it would never be sent again
			return nil
		}},
		{"slow connections to " + to, 2, func(ctx context.Context, _ *house, p *planned) error {
			x := which(p)
			x.delay.Store(int64(p.length / 20))
			sleep(ctx, p.length)
			x.delay.Store(0)
			return nil
		}},
		// What was asked is done, and who asked does not know: it asks again.
		{"answers of " + to + " lost", 5, func(ctx context.Context, h *house, p *planned) error {
			x := which(p)
			was := x.swallows.Load()
			x.swallow.Store(int32(1 + p.rand().IntN(3)))
			sleep(ctx, p.length)
			x.swallow.Store(0)
			h.say("fault %d: %d answers were lost", p.n, x.swallows.Load()-was)
			return nil
		}},
	}
}

// ending is how a process is ended.
type ending func(u *unit, away time.Duration) error

func kill(u *unit, away time.Duration) error {
	if ended := u.signal(syscall.SIGKILL, away); ended != nil {
		<-ended
	}
	u.running(2 * away)
	return nil
}

func terminate(u *unit, away time.Duration) error {
	err := u.terminate(away)
	u.running(2 * away)
	return err
}

// away is how long a process that was ended stays down.
func (p *planned) away() time.Duration { return p.length / 4 }

func (h *house) endReader(ctx context.Context, p *planned, end ending) error {
	h.reading.Lock()
	defer h.reading.Unlock()
	p.moment().await(ctx, h, p)
	return end(h.reader, p.away())
}

func onUnit(which func(*house, *planned) []*unit, end ending) func(context.Context, *house, *planned) error {
	return func(ctx context.Context, h *house, p *planned) error {
		p.moment().await(ctx, h, p)
		var errs []error
		for _, u := range which(h, p) {
			errs = append(errs, end(u, p.away()))
		}
		return errors.Join(errs...)
	}
}

func pids(units ...*unit) []int {
	var all []int
	for _, u := range units {
		if pid := u.pid(); pid != 0 {
			all = append(all, pid)
		}
	}
	return all
}

func killPids(which func(*house, *planned) []int) func(context.Context, *house, *planned) error {
	return func(ctx context.Context, h *house, p *planned) error {
		p.moment().await(ctx, h, p)
		for _, pid := range which(h, p) {
			_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended just now
		}
		return nil
	}
}

// pause stops processes for a while.
func pause(which func(*house, *planned) []int) func(context.Context, *house, *planned) error {
	return func(ctx context.Context, h *house, p *planned) error {
		p.moment().await(ctx, h, p)
		stopped := which(h, p)
		for _, pid := range stopped {
			_ = syscall.Kill(pid, syscall.SIGSTOP)
		}
		sleep(ctx, p.length)
		for _, pid := range stopped {
			_ = syscall.Kill(pid, syscall.SIGCONT)
		}
		return nil
	}
}

// anotherName changes the host's name in the configuration; the reader is started again.
func anotherName(ctx context.Context, h *house, p *planned) error {
	if err := h.rename(); err != nil {
		return err
	}
	return h.endReader(ctx, p, terminate)
}

// secondReader starts the reader's command once more. It has to be refused while the first one has the state; where it
// comes first it does the work, and the first one is refused. It never ends well by itself.
func secondReader(ctx context.Context, h *house, p *planned) error {
	h.reading.Lock() // it must not come between the reader and a file that is deleted
	defer h.reading.Unlock()
	ctx, cancel := context.WithTimeout(ctx, p.length)
	defer cancel()
	var said strings.Builder
	cmd := h.readCommand()
	cmd.Stderr = &said
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	err := runWith(ctx, cmd)
	if err == nil {
		return fmt.Errorf("a second reader on the same state ended well: %s", said.String())
	}
	h.say("fault %d: the second reader: %v: %s", p.n, err, strings.TrimSpace(said.String()))
	return nil
}

// queries asks much at the same time.
func queries(ctx context.Context, h *house, p *planned) error {
	ctx, cancel := context.WithTimeout(ctx, p.length)
	defer cancel()
	var all sync.WaitGroup
	for i := range 3 {
		all.Add(1)
		go func() {
			defer all.Done()
			for ctx.Err() == nil {
				var cmd *exec.Cmd
				if args := h.where(); i == 0 {
					cmd = h.command("report", append(args, "--since", "all")...)
				} else {
					cmd = h.command("query", append(args,
						"SELECT recipient, outcome, count() FROM events GROUP BY 1, 2 ORDER BY 3 DESC LIMIT 100")...)
				}
				_, _ = h.output(ctx, cmd) // the server may be down
				sleep(ctx, 100*time.Millisecond)
			}
		}()
	}
	all.Wait()
	return nil
}

// guest has another member join the group, and leave it one way or the other.
func guest(ctx context.Context, h *house, p *planned) error {
	h.guestMu.Lock()
	defer h.guestMu.Unlock()
	h.guest.start()
	sleep(ctx, p.length)
	if p.pick(2) == 0 {
		h.guest.signal(syscall.SIGKILL, 0)
	}
	return h.guest.halt()
}

// fullDisk has a neighbour take the space: at once and for long, or over and over, of which the rest that is left is
// never the same. Who runs the reader off its state has the reader end.
func fullDisk(which func(*planned) *disk, reader bool) func(context.Context, *house, *planned) error {
	return func(ctx context.Context, h *house, p *planned) (err error) {
		if reader {
			h.reading.Lock()
			defer h.reading.Unlock()
		}
		d, r := which(p), p.rand()
		defer func() { err = errors.Join(err, d.free()) }()
		if r.IntN(3) == 0 {
			err := d.fill(r.Int64N(64 << 10))
			sleep(ctx, min(p.length, 20*time.Second))
			return err
		}
		for range 4 + r.IntN(30) {
			if err := d.fill(r.Int64N(256 << 10)); err != nil {
				return err
			}
			if !sleep(ctx, time.Duration(100+r.IntN(500))*time.Millisecond) {
				return nil
			}
			if err := d.free(); err != nil {
				return err
			}
			if !sleep(ctx, time.Duration(50+r.IntN(400))*time.Millisecond) {
				return nil
			}
		}
		return nil
	}
}
