package main

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/bouncehouse/bouncehouse"
	"github.com/bouncehouse/bouncehouse/ingest"
)

// runAll runs one loop per source. With once a few at a time, as there may be a
// thousand of them; those that the others may wait for are not made to wait.
// ended is called with each stream that was read to its end.
//
// Logs go before mails, so that bounce mails are stored when what they cite is
// there: with once all logs are read first; else mails wait until each log was
// read as far as it went at the start, or has nothing to give. No figure rests
// on it (the view claims asks again at each query), only the column verified.
func runAll(ctx context.Context, pipe *bouncehouse.Pipeline, sources []ingest.Source, once bool,
	ended func(stream string)) error {
	var first, logs, mails []ingest.Source
	for _, src := range sources {
		switch {
		case ingest.ReadsMails(src):
			mails = append(mails, src)
		case ingest.Unsettled(src):
			first = append(first, src)
		default:
			logs = append(logs, src)
		}
	}
	g, ctx := errgroup.WithContext(ctx)
	run := func(src ingest.Source) error {
		if err := pipe.Run(ctx, src); err != nil {
			return fmt.Errorf("%s: %w", src.Stream(), err)
		}
		ended(src.Stream())
		return nil
	}
	var caughtUp sync.WaitGroup
	if once {
		g.SetLimit(len(first) + 4)
	}
	for _, src := range append(first, logs...) {
		caughtUp.Add(1)
		reached := sync.OnceFunc(caughtUp.Done)
		if !once {
			_, total := src.Progress()
			src = &firstEnd{Source: src, total: total, reached: reached}
		}
		g.Go(func() error {
			defer reached()
			return run(src)
		})
	}
	// Where one fails all end, hence each of them is done.
	wait := make(chan struct{})
	go func() {
		caughtUp.Wait()
		close(wait)
	}()
	then := func() error {
		holdUntil(wait, mails)
		for _, src := range mails {
			g.Go(func() error { return run(src) })
		}
		return nil
	}
	if once { // whose places are few
		then()
	} else {
		g.Go(then)
	}
	return g.Wait()
}

// holdUntil has what stands at the paths of mailboxes held open, whose turn has
// not come: it may be moved away meanwhile.
func holdUntil(turn <-chan struct{}, mails []ingest.Source) {
	look := time.NewTicker(time.Second)
	defer look.Stop()
	for {
		for _, src := range mails {
			src.Hold()
		}
		select {
		case <-turn:
			return
		case <-look.C:
		}
	}
}

// idle is how long a log that gives nothing is taken to be at its end: it looks
// for more each second.
const idle = 2 * time.Second

// firstEnd is a log that tells when it was read as far as it went at the start.
type firstEnd struct {
	ingest.Source
	total   int64
	reached func()
	known   atomic.Bool
}

// Read implements bouncehouse.Source.
func (f *firstEnd) Read(ctx context.Context) (bouncehouse.Batch, error) {
	if f.known.Load() {
		return f.Source.Read(ctx)
	}
	end := func() {
		f.known.Store(true)
		f.reached()
	}
	if done, _ := f.Progress(); f.total > 0 && done >= f.total {
		end()
	}
	waited := time.AfterFunc(idle, end)
	defer waited.Stop()
	return f.Source.Read(ctx)
}
