package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"

	"github.com/bouncehouse/bouncehouse/engine"
	"github.com/bouncehouse/bouncehouse/query"
	"github.com/bouncehouse/bouncehouse/sink"
)

// openStore connects to the ClickHouse in use as the writer, the embedded one
// being started where none runs, and brings its tables up to date. A server
// that does not answer is waited for.
func openStore(a *app, c Config) (*sink.ClickHouse, func(), error) {
	o := sink.Options{DSN: c.ClickHouse, Log: a.log}
	stopEngine := func() {}
	if c.ClickHouse == "" {
		where, stop, err := embedded(a, c)
		if err != nil {
			return nil, nil, err
		}
		stopEngine = stop
		o.Embedded = func(context.Context) (addr, user, password string, err error) {
			e := where()
			return e.Addr, engine.Writer, e.WriterPassword, nil
		}
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
		if a.ctx.Err() != nil || !errors.Is(err, sink.ErrUnreachable) {
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
		where, stop, err := embedded(a, c)
		if err != nil {
			return nil, nil, err
		}
		stopEngine = stop
		o.Embedded = func(context.Context) (addr, user, password string, err error) {
			e := where()
			return e.Addr, engine.Reader, e.ReaderPassword, nil
		}
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

// embedded finds the engine that serves the state directory, or starts one as
// a child that ends with us.
func embedded(a *app, c Config) (where func() engine.Endpoint, stop func(), err error) {
	if e, ok, err := engine.Running(c.State); err != nil {
		return nil, nil, err
	} else if ok {
		return func() engine.Endpoint { return e }, func() {}, nil
	}
	self, err := os.Executable()
	if err != nil {
		return nil, nil, fmt.Errorf("find our own binary: %w", err)
	}
	child, err := engine.Start(a.ctx, c.State, func() *exec.Cmd {
		cmd := exec.Command(self, "clickhouse", "serve", "--lifeline", "--state", c.State,
			"--library", c.Engine.Library, "--memory", strconv.FormatInt(c.Engine.Memory, 10), "--listen", c.Engine.Listen)
		// Ctrl-C goes to the whole group; the engine ends after us, not with us.
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		return cmd
	}, a.log)
	if err != nil {
		return nil, nil, err
	}
	return child.Endpoint, func() {
		if err := child.Close(); err != nil {
			a.log.Warn("stop the engine", "error", err)
		}
	}, nil
}
