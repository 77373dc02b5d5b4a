package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/bouncehouse/bouncehouse/engine"
)

// embedded is the engine of the state directory, wherever it runs: in another
// process of ours (run, or clickhouse as a service), else as our child. The
// other one may end at any time, as a report's does; then ours is started.
type embedded struct {
	app      *app
	config   Config
	patience time.Duration // how long our child waits for the directory's lock

	mu    sync.Mutex
	child *engine.Child

	// listener is the TCP port, open from the first child on: between two of them it would be anyone's, who would be
	// sent the reader's password and keep the next one from it.
	listener *os.File
}

// maxBusy is how long another process's engine is waited for.
const maxBusy = time.Minute

// endpoint is where the engine answers now.
func (e *embedded) endpoint(ctx context.Context) (engine.Endpoint, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.child != nil {
		select {
		case <-e.child.Done(): // given up after several starts in a row; who asks again waits longer each time
			e.app.log.Error("the engine was given up, starting another", "error", e.child.Err())
			e.child = nil
		default:
			return e.child.Endpoint(), nil
		}
	}
	// Another process may have the directory, and its engine be about to
	// answer; or take it while we start ours.
	var last error
	told := false
	for begin := time.Now(); time.Since(begin) < maxBusy; {
		at, ok, err := engine.Running(e.config.State)
		if ok || err != nil {
			return at, err
		}
		held, err := engine.Locked(e.config.State)
		if err != nil {
			return at, err
		}
		if held {
			if !told && time.Since(begin) > time.Second {
				told = true
				e.app.log.Warn("another process holds the engine's directory, and does not answer yet: waiting",
					"dir", engine.Dir(e.config.State), "at_most", maxBusy)
			}
			select {
			case <-time.After(20 * time.Millisecond):
				continue
			case <-ctx.Done():
				return at, ctx.Err()
			}
		}
		if e.child, last = e.start(ctx); last == nil {
			return e.child.Endpoint(), nil
		}
		if held, err := engine.Locked(e.config.State); err != nil || !held {
			return at, last
		}
	}
	if last == nil {
		last = fmt.Errorf("another process holds %s, and its engine does not answer", engine.Dir(e.config.State))
	}
	return engine.Endpoint{}, last
}

// dial connects to the engine, wherever it is now.
func (e *embedded) dial(ctx context.Context) (net.Conn, error) {
	at, err := e.endpoint(ctx)
	if err != nil {
		return nil, err
	}
	return at.Dial(ctx)
}

func (e *embedded) start(ctx context.Context) (*engine.Child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find our own binary: %w", err)
	}
	c := e.config
	if err := e.listen(); err != nil && !errors.Is(err, syscall.EADDRINUSE) {
		return nil, err
	}
	return engine.Start(ctx, c.State, func() *exec.Cmd {
		args := []string{"clickhouse", "serve", "--config", os.DevNull, "--lifeline", "--state", c.State, "--lock-wait",
			e.patience.String(),
			"--memory", strconv.FormatInt(c.Engine.Memory, 10), "--user", c.Engine.User,
			"--confinement", c.Engine.confinement()}
		if c.Engine.Library != "" {
			args = append(args, "--library", c.Engine.Library)
		}
		if c.Engine.ListenWriter {
			args = append(args, "--listen-writer")
		}
		var files []*os.File
		if err := e.listen(); err != nil { // no reason to keep the writer waiting, who comes by the socket
			e.app.log.Error("the engine answers on its socket alone until its next start", "error", err)
		} else if e.listener != nil {
			files, args = []*os.File{e.listener}, append(args, "--listen-fd", "3")
		}
		cmd := exec.Command(self, args...)
		cmd.ExtraFiles = files
		return cmd
	}, e.app.log)
}

// listen opens the port, where one is wanted and not open yet.
func (e *embedded) listen() (err error) {
	if e.listener == nil && e.config.Engine.Listen != "" {
		e.listener, err = engine.Listen(e.config.Engine.Listen)
	}
	return err
}

// stop ends our child, where there is one.
func (e *embedded) stop() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.child != nil {
		if err := e.child.Close(); err != nil {
			e.app.log.Warn("stop the engine", "error", err)
		}
	}
	e.listener.Close() // there may be none
}
