package bouncehouse

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"syscall"
	"time"
)

// Pipeline is the one loop that everything goes through:
//
//	Read → Parse → Enrich → Intend → Write → Commit
//
// The order is what the exact count rests on: a range is intended before it
// is written and committed only once it is durable.
type Pipeline struct {
	// Parser makes the parser of a stream. Nil where chunks pass as they are,
	// to Kafka.
	Parser    func(stream string) Parser
	Enrichers []Enricher
	Sink      Sink
	Log       *slog.Logger
	Trace     Trace
	// Backoff is the wait before the second try of a step that failed; it
	// doubles up to a minute. 0 is a second.
	Backoff time.Duration
	// FullTries is how often a step is tried that fails for want of room on a
	// disk (syscall.ENOSPC, EDQUOT), before Run ends with its error. 0 is for
	// as long as it takes.
	FullTries int
}

// Trace is told what a loop does, as net/http/httptrace tells of a request:
// progress, metrics and the tests' crashes hang on it. Functions that are nil
// are left out. Several loops call them at the same time.
type Trace struct {
	// Begin is called before each try of a step.
	Begin func(Step)
	// End is called after it, with how long it took. After an error the step
	// is tried again, or the loop ends.
	End func(step Step, took time.Duration, err error)
	// Committed is called after each commit.
	Committed func(Batch, *Result)
}

// Step is a step of a batch's way from its source.
type Step string

const (
	StepParse  Step = "parse"
	StepEnrich Step = "enrich"
	StepIntend Step = "intend"
	StepWrite  Step = "write"
	StepCommit Step = "commit"
)

// commitTimeout bounds how long a batch under way may take once the context
// has ended.
const commitTimeout = 30 * time.Second

// maxParsers bounds how many streams' parsers one loop remembers.
const maxParsers = 10_000

// Run works until src ends (nil) or ctx does (its error). A batch under way
// when ctx ends is given commitTimeout to become durable. A failing write is
// tried again, as a recovery, for as long as it takes; reading waits. So it
// does where a disk is full, the source's or the sink's: see FullTries.
func (p *Pipeline) Run(ctx context.Context, src Source) error {
	parsers := map[string]Parser{}
	var res Result
	for {
		b, err := src.Read(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		res.Reset()
		_ = p.step(StepParse, func() error { p.parse(parsers, b, &res); return nil })
		release := hold(src)
		err = p.step(StepEnrich, func() error { return p.enrich(ctx, &res) })
		release()
		if err != nil {
			return err // nothing of the batch is written: the next start reads it again
		}
		if err := p.settle(ctx, src, b, &res); err != nil {
			return err
		}
		if p.Trace.Committed != nil {
			p.Trace.Committed(b, &res)
		}
	}
}

// enrich has its error where the context ended under it.
func (p *Pipeline) enrich(ctx context.Context, res *Result) error {
	defer func() {
		for i := range res.Events {
			res.Events[i].cleanAdded()
		}
	}()
	for _, e := range p.Enrichers {
		err := e.Enrich(ctx, res)
		if err != nil && ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			p.Log.Warn("enrich", "error", err)
		}
	}
	return nil
}

// settle takes a batch through Intend, Write and Commit.
func (p *Pipeline) settle(ctx context.Context, src Source, b Batch, res *Result) error {
	// A batch that was read is finished although the context ends: what is
	// under way then gets commitTimeout, and what fails then is recovered by
	// the next start.
	last, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	stop := context.AfterFunc(ctx, func() {
		select {
		case <-time.After(commitTimeout):
			cancel()
		case <-last.Done():
		}
	})
	defer stop()

	if err := p.again(ctx, b.ID, StepIntend, noRoom, func() error { return src.Intend(last, b) }); err != nil {
		return fmt.Errorf("note the batch that comes next: %w", err)
	}
	any := func(error) bool { return true }
	release := hold(src)
	err := p.again(ctx, b.ID, StepWrite, any, func() error {
		err := p.Sink.Write(last, b, res)
		b.Recover = b.Recover || err != nil
		return err
	})
	release()
	if err != nil {
		return err
	}
	if err := p.again(ctx, b.ID, StepCommit, noRoom, func() error { return src.Commit(last, b) }); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// hold has a Holder look at its path each second until release is called.
func hold(src Source) (release func()) {
	h, ok := src.(Holder)
	if !ok {
		return func() {}
	}
	var mu sync.Mutex
	var look *time.Timer
	mu.Lock()
	defer mu.Unlock()
	ended := false
	look = time.AfterFunc(time.Second, func() {
		mu.Lock()
		defer mu.Unlock()
		if !ended {
			h.Hold()
			look.Reset(time.Second)
		}
	})
	return func() {
		mu.Lock()
		defer mu.Unlock()
		ended = true
		look.Stop()
	}
}

// noRoom tells whether a disk is full.
func noRoom(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

// again does a step of a batch until it succeeds, or fails in a way that does
// not pass, or ctx ends. It tells of the tries 1, 2, 4, 8 ..., seven of them in
// the first hour, and of each change between a full disk and other faults.
func (p *Pipeline) again(ctx context.Context, batch string, s Step, passes func(error) bool, do func() error) error {
	wait := p.Backoff
	if wait <= 0 {
		wait = time.Second
	}
	full := false
	for try := 1; ; try++ {
		err := p.step(s, do)
		switch {
		case err == nil && try > 1:
			p.Log.Info("the batch goes on", "batch", batch, "tries", try)
			return nil
		case err == nil:
			return nil
		case !passes(err) || noRoom(err) && try == p.FullTries:
			return err
		case ctx.Err() != nil:
			return errors.Join(ctx.Err(), err)
		}
		if try&(try-1) == 0 || noRoom(err) != full {
			p.Log.Warn(string(s)+" failed, trying again", "batch", batch, "tries", try, "wait", wait, "error", err)
		}
		full = noRoom(err)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		}
		wait = min(2*wait, time.Minute)
	}
}

// step does a step once.
func (p *Pipeline) step(s Step, do func() error) error {
	if p.Trace.Begin != nil {
		p.Trace.Begin(s)
	}
	begin := time.Now()
	err := do()
	if p.Trace.End != nil {
		p.Trace.End(s, time.Since(begin), err)
	}
	return err
}

// parse appends to res what the batch's records tell.
func (p *Pipeline) parse(parsers map[string]Parser, b Batch, res *Result) {
	if p.Parser == nil {
		return
	}
	for i := range b.Chunks {
		c := &b.Chunks[i]
		parser := parsers[c.Stream]
		if parser == nil {
			if len(parsers) >= maxParsers {
				clear(parsers) // what they knew comes back from the messages table
			}
			parser = p.Parser(c.Stream)
			parsers[c.Stream] = parser
		}
		events, dead := len(res.Events), len(res.Dead)
		ParseChunk(parser, c, res)
		if c.Kind == Mail && len(res.Events) == events && len(res.Dead) == dead {
			p.Log.Debug("a mail that is no report of a delivery", "stream", c.Stream, "file", c.File)
		}
	}
}

// ParseChunk appends to res what the chunk's records tell, cleaned; records
// that fail become dead letters. A replayed chunk leaves nothing but what
// the parser remembers.
func ParseChunk(parser Parser, c *Chunk, res *Result) {
	if c.Replay {
		was := *res
		defer func() { *res = was }()
	}
	if c.Kind == Broken {
		res.Dead = append(res.Dead, deadLetter(&Record{c, c.Offset, c.Data}, c.Reason))
		return
	}
	for r := range c.Records {
		res.Lines++
		events, arrivals, unread := len(res.Events), len(res.Arrivals), res.Unread
		if err := safeParse(parser, r, res); err != nil {
			res.Events, res.Arrivals = res.Events[:events], res.Arrivals[:arrivals]
			res.Dead = append(res.Dead, deadLetter(&r, err.Error()))
			continue
		}
		if res.Unread > unread && len(res.Samples) < MaxSamples {
			res.Samples = append(res.Samples, r.Text)
		}
		for i := events; i < len(res.Events); i++ {
			e := &res.Events[i]
			e.Origin, e.File = r.Origin(), c.File
			e.Ordinal = uint16(i - events)
			if e.Host == "" {
				e.Host = c.Host
			}
			e.clean()
		}
		for i := arrivals; i < len(res.Arrivals); i++ {
			a := &res.Arrivals[i]
			a.Origin = r.Origin()
			if a.Host == "" {
				a.Host = c.Host
			}
			a.clean()
		}
	}
}

// safeParse turns a parser's panic into an error: a record from a stranger
// must never end the pipeline.
func safeParse(p Parser, r Record, res *Result) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("parser failed, please report this: %v", v)
		}
	}()
	return p.Parse(r, res)
}

func deadLetter(r *Record, reason string) DeadLetter {
	return DeadLetter{Origin: r.Origin(), Time: r.Ref, Host: Clean(r.Host, MaxField), File: r.File,
		Reason: Clean(reason, MaxText), Raw: Clean(r.Text, MaxRaw)}
}
