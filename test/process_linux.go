package test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"
)

// Process is a program started by a test: a server, or the binary under test.
type Process struct {
	name string
	log  string // file with its standard output and error
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
	err  error         // how it ended; set before done is closed
}

// Start runs a program. It is killed when the test ends, and by the kernel when the test process dies without ending
// its tests. Its standard output and error go to a file, which is shown when the test fails.
func Start(t testing.TB, name string, cmd *exec.Cmd) *Process {
	t.Helper()
	return start(t, name, filepath.Join(t.TempDir(), "output"), cmd)
}

// Pid is its process id.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Output is what it has printed so far, at most the last MiB.
func (p *Process) Output() string { return TailOf(p.log, 1<<20) }

// Done is closed when it has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Err is how it ended, as exec.Cmd.Wait says it; it waits for the end.
func (p *Process) Err() error {
	<-p.done
	return p.err
}

// start is Start with the output appended to the file log.
func start(t testing.TB, name, log string, cmd *exec.Cmd) *Process {
	t.Helper()
	out, err := os.OpenFile(log, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = out, out
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	p := &Process{name: name, log: log, cmd: cmd, done: make(chan struct{})}
	started := make(chan error, 1)
	go func() {
		defer close(p.done)
		// The kernel sends the death signal when the thread ends that made the process: so this one stays.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		out.Close() // the process has its own copy
		started <- err
		if err == nil {
			p.err = cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		t.Fatalf("start %s: %v", name, err)
	}
	t.Cleanup(func() {
		p.Kill9()
		if t.Failed() {
			t.Logf("the end of the log of %s:\n%s", name, TailOf(log, 4<<10))
		}
	})
	return p
}

// Kill9 ends it at once and waits until it is gone.
func (p *Process) Kill9() {
	select {
	case <-p.done:
		return
	default:
	}
	_ = p.cmd.Process.Kill() // it may have ended just now
	<-p.done
}

// Stop asks it to end (SIGTERM) and waits; after limit it is killed.
func (p *Process) Stop(limit time.Duration) {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(limit):
		p.Kill9()
	}
}

// Ready waits until it answers: until ask gives no error. The test fails when it ends first or limit has passed.
func (p *Process) Ready(t testing.TB, limit time.Duration, ask func() error) {
	t.Helper()
	err := p.await(limit, ask)
	if err != nil {
		t.Fatal(err)
	}
}

func (p *Process) await(limit time.Duration, ask func() error) error {
	var err error
	ended := false
	ok := poll(limit, func() bool {
		select {
		case <-p.done:
			ended = true
			return true
		default:
		}
		err = ask()
		return err == nil
	})
	switch {
	case ended:
		return fmt.Errorf("%s ended before it answered: %v", p.name, p.err)
	case !ok:
		return fmt.Errorf("%s did not answer within %v: %w", p.name, limit, err)
	}
	return nil
}

// TailOf is the end of a file, at most limit bytes, from the start of a line.
func TailOf(path string, limit int) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return fmt.Sprintf("(%s: %v)", filepath.Base(path), err)
	}
	if len(data) > limit {
		data = data[len(data)-limit:]
		if i := bytes.IndexByte(data, '\n'); i >= 0 {
			data = data[i+1:]
		}
	}
	return string(data)
}
