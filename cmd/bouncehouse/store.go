package main

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/bouncehouse/bouncehouse/engine"
	"github.com/bouncehouse/bouncehouse/ingest"
	"github.com/bouncehouse/bouncehouse/query"
	"github.com/bouncehouse/bouncehouse/sink"
)

// openStore connects to the ClickHouse in use as the writer, the embedded one
// being started where none runs, and brings its tables up to date. A server
// that does not answer is waited for.
func openStore(a *app, c Config) (*sink.ClickHouse, func(), error) {
	o := sink.Options{DSN: c.ClickHouse, Cluster: c.Cluster, Log: a.log}
	stopEngine := func() {}
	if c.ClickHouse == "" {
		e := &embedded{app: a, config: c, patience: 30 * time.Second}
		at, err := e.endpoint(a.ctx)
		if err != nil {
			return nil, nil, err
		}
		stopEngine = e.stop
		o.Dial, o.User, o.Password = e.dial, engine.Writer, at.WriterPassword
	}
	store, err := sink.Open(o)
	if err != nil {
		stopEngine()
		return nil, nil, err
	}
	stop := func() {
		store.Close()
		stopEngine()
	}
	for wait := time.Second; ; wait = min(2*wait, time.Minute) {
		err := store.Migrate(a.ctx)
		if err == nil {
			return store, stop, nil
		}
		if a.ctx.Err() != nil {
			err = a.ctx.Err() // we were told to stop, however the question ended
		}
		if !errors.Is(err, sink.ErrUnreachable) && !errors.Is(err, sink.ErrBusy) {
			stop()
			return nil, nil, err
		}
		a.log.Warn("waiting for ClickHouse", "wait", wait, "error", err)
		select {
		case <-time.After(wait):
		case <-a.ctx.Done():
		}
	}
}

// openReader connects to the ClickHouse in use with an account that only
// reads. The embedded one is started for the moment where none runs.
func openReader(a *app, c Config) (*query.DB, func(), error) {
	o := query.Options{DSN: c.ClickHouse}
	stopEngine := func() {}
	if c.ClickHouse == "" {
		if _, err := os.Stat(engine.Dir(c.State)); err != nil {
			return nil, nil, fmt.Errorf("there is no data in the state directory %s yet: read logs first with bouncehouse run --once PATH..., or name another with --state DIR", c.State)
		}
		c.Engine.Listen = "" // a moment is nothing for others
		e := &embedded{app: a, config: c, patience: 2 * time.Second}
		at, err := e.endpoint(a.ctx)
		if err != nil {
			return nil, nil, err
		}
		stopEngine = e.stop
		o.Dial, o.User, o.Password = e.dial, engine.Reader, at.ReaderPassword
	}
	db, err := query.Open(o)
	if err != nil {
		stopEngine()
		return nil, nil, err
	}
	return db, func() {
		db.Close()
		stopEngine()
	}, nil
}

// lockState takes the state directory, in which no restore is half done then.
func lockState(state string) (unlock func(), err error) {
	if unlock, err = ingest.Lock(state); err != nil {
		return nil, err
	}
	if err := engine.FinishRestore(state); err != nil {
		unlock()
		return nil, err
	}
	return unlock, nil
}
