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

// process is a server started by a test.
type process struct {
	name string
	log  string // file with its standard output and error
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
	err  error         // how it ended; set before done is closed
}

// start runs cmd with its output appended to the file log. The process is killed when the test ends, and by the kernel
// when the test process dies without ending its tests.
func start(t testing.TB, name, log string, cmd *exec.Cmd) *process {
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
	p := &process{name: name, log: log, cmd: cmd, done: make(chan struct{})}
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
		p.kill()
		if t.Failed() {
			t.Logf("the end of the log of %s:\n%s", name, tailOf(log, 16<<10))
		}
	})
	return p
}

// kill ends the process at once and waits until it is gone.
func (p *process) kill() {
	select {
	case <-p.done:
		return
	default:
	}
	_ = p.cmd.Process.Kill() // it may have ended just now
	<-p.done
}

// stop asks the process to end, and waits; after limit it is killed.
func (p *process) stop(limit time.Duration) {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(limit):
		p.kill()
	}
}

// ready waits until the process answers: until ask gives no error. It fails the test when the process ends first.
func (p *process) ready(t testing.TB, limit time.Duration, ask func() error) {
	t.Helper()
	err := p.await(limit, ask)
	if err != nil {
		t.Fatal(err)
	}
}

func (p *process) await(limit time.Duration, ask func() error) error {
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

// tailOf is the end of a file, at most limit bytes, from the start of a line.
func tailOf(path string, limit int) string {
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
