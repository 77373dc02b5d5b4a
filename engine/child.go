package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Times of the supervisor.
const (
	firstPause  = 200 * time.Millisecond // before the first restart; doubled for each one in a row
	longestTime = 30 * time.Second       // the longest pause, and the time after which a child counts as healthy
	startTime   = time.Minute            // for the first answer: the lock of the one before, loading many parts
	startTries  = 3                      // of the first child, where ClickHouse itself failed or hung
	stopTime    = 20 * time.Second       // between SIGTERM and SIGKILL
	failedMost  = 6                      // children in a row that never answered, before giving up
)

// Child keeps an engine running in a child process.
type Child struct {
	dir    string
	cmd    func() *exec.Cmd
	log    *slog.Logger
	cancel context.CancelFunc
	done   chan struct{}

	mu  sync.Mutex
	end Endpoint
	err error
}

// Start runs cmd, a program that calls Serve on the state directory with its standard input as the lifeline, waits
// until it answers, and starts it again whenever it dies. cmd makes a new Cmd for each start; its Stdin is set here,
// and closes when this process ends, however it ends. ctx bounds the wait for the first answer only. The error holds
// the last lines that the program wrote to standard error.
func Start(ctx context.Context, dir string, cmd func() *exec.Cmd, log *slog.Logger) (*Child, error) {
	run, cancel := context.WithCancel(context.Background())
	c := &Child{dir: dir, cmd: cmd, log: log, cancel: cancel, done: make(chan struct{})}
	for try := 1; ; try++ {
		p, err := c.start(ctx)
		if err == nil {
			go c.supervise(run, p)
			return c, nil
		}
		if try == startTries || ctx.Err() != nil || !errors.Is(err, errNotLoaded) {
			cancel()
			return nil, err
		}
		log.Warn("trying again", "error", err)
	}
}

// errNotLoaded is a start at which ClickHouse failed to load its tables, or hung. Seen twice in some thousand starts
// after kill -9, and gone at the next start: its threads that load tables raced for a symbolic link.
var errNotLoaded = errors.New("the engine did not start")

// Endpoint is where the engine answers; after a restart it may be another.
func (c *Child) Endpoint() Endpoint {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.end
}

// Done is closed when there will be no engine any more: after Close, or when several starts in a row have failed.
func (c *Child) Done() <-chan struct{} { return c.done }

// Err says why Done is closed; nil after Close and before.
func (c *Child) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// Close ends the child: SIGTERM, and SIGKILL where that is not enough. It returns when the process is gone. The error
// is the child's own, had it failed to end well.
func (c *Child) Close() error {
	c.cancel()
	<-c.done
	return c.Err()
}

// supervise owns the running process p and its successors.
func (c *Child) supervise(ctx context.Context, p *proc) {
	defer close(c.done)
	failed, pause := 0, firstPause
	for {
		if p != nil {
			began := time.Now()
			select {
			case <-ctx.Done():
				c.finish(p.stop())
				return
			case <-p.exited:
			}
			c.log.Error("the engine has died", "status", p.status(), "stderr", p.tail.String())
			p.lifeline.Close()
			if time.Since(began) > longestTime {
				pause = firstPause
			}
		}
		wait := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			wait.Stop()
			return
		case <-wait.C:
		}
		pause = min(2*pause, longestTime)
		var err error
		if p, err = c.start(ctx); err == nil {
			c.log.Info("the engine is back")
			failed = 0
			continue
		}
		if ctx.Err() != nil {
			return
		}
		if failed++; failed >= failedMost {
			c.finish(fmt.Errorf("the engine did not start %d times in a row: %w", failed, err))
			return
		}
		c.log.Error("the engine does not start", "error", err)
	}
}

func (c *Child) finish(err error) {
	c.mu.Lock()
	c.err = err
	c.mu.Unlock()
}

// start runs one child until it answers. Without a nil error no process is left.
func (c *Child) start(ctx context.Context) (*proc, error) {
	asked := ctx
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	if err := roomToStart(c.dir); err != nil {
		return nil, err
	}
	p, err := spawn(c.cmd())
	if err != nil {
		return nil, err
	}
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	for {
		select {
		case <-p.exited:
			p.lifeline.Close()
			if wrote := p.tail.String(); strings.Contains(wrote, "DB::Exception") {
				return nil, fmt.Errorf("%w (%s): %s", errNotLoaded, p.status(), wrote)
			}
			return nil, fmt.Errorf("the engine ended at its start (%s): %s", p.status(), p.tail.String())
		case <-ctx.Done():
			if asked.Err() == nil {
				p.kill() // hung in the library, it would not answer SIGTERM either
				return nil, fmt.Errorf("%w: no answer within %s; it wrote: %s", errNotLoaded, startTime,
					p.tail.String())
			}
			err := p.stop()
			return nil, errors.Join(fmt.Errorf("the engine does not answer: %w; it wrote: %s", ctx.Err(),
				p.tail.String()), err)
		case <-look.C:
		}
		end, ok, err := Running(c.dir)
		if err != nil {
			return nil, errors.Join(err, p.stop())
		}
		if !ok || !p.holds(c.dir) {
			continue
		}
		c.mu.Lock()
		c.end = end
		c.mu.Unlock()
		return p, nil
	}
}

// proc is one child process.
type proc struct {
	cmd      *exec.Cmd
	lifeline io.Closer
	tail     *tail
	exited   chan struct{}
	err      error // of Wait; read after exited
}

// spawn starts the process, with sockets for its standard input and error: a pipe could be opened from within, as
// /proc/self/fd/2, by a query that writes files.
func spawn(cmd *exec.Cmd) (*proc, error) {
	p := &proc{cmd: cmd, tail: &tail{to: cmd.Stderr}, exited: make(chan struct{})}
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = true // ^C in a terminal is the parent's to answer: it still writes its last batch
	lifeline, stdin, err := socketPair()
	if err != nil {
		return nil, fmt.Errorf("start the engine: %w", err)
	}
	defer stdin.Close()
	wrote, stderr, err := socketPair()
	if err != nil {
		lifeline.Close()
		return nil, fmt.Errorf("start the engine: %w", err)
	}
	defer stderr.Close()
	p.lifeline, cmd.Stdin, cmd.Stderr = lifeline, stdin, stderr
	if err := cmd.Start(); err != nil {
		lifeline.Close()
		wrote.Close()
		return nil, fmt.Errorf("start the engine: %w", err)
	}
	copied := make(chan struct{})
	go func() {
		defer close(copied)
		_, _ = io.Copy(p.tail, wrote)
	}()
	go func() {
		defer close(p.exited)
		p.err = cmd.Wait()
		// What it wrote last is in the socket; a process of its own that still has the other end is not waited for.
		_ = wrote.SetReadDeadline(time.Now().Add(time.Second))
		<-copied
		wrote.Close()
	}()
	return p, nil
}

func socketPair() (ours, theirs *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, nil, err
	}
	if err := unix.SetNonblock(fds[1], false); err != nil {
		return nil, nil, errors.Join(err, unix.Close(fds[0]), unix.Close(fds[1]))
	}
	return os.NewFile(uintptr(fds[0]), "socket"), os.NewFile(uintptr(fds[1]), "socket"), nil
}

// holds says whether it is this process that has the directory, and not one started by hand.
func (p *proc) holds(state string) bool {
	pid, err := dir{Dir(state)}.read("lock")
	return err == nil && pid == fmt.Sprint(p.cmd.Process.Pid)
}

// stop ends the process and waits for its end.
func (p *proc) stop() error {
	err := p.cmd.Process.Signal(syscall.SIGTERM)
	p.lifeline.Close() // a signal is lost on a process that executes itself anew just then
	if err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop the engine: %w", err)
	}
	wait := time.NewTimer(stopTime)
	defer wait.Stop()
	select {
	case <-p.exited:
	case <-wait.C:
		p.kill()
		return fmt.Errorf("the engine did not end within %s of SIGTERM and was killed: %s", stopTime, p.tail.String())
	}
	if p.err != nil {
		return fmt.Errorf("the engine ended with %s: %s", p.status(), p.tail.String())
	}
	return nil
}

// kill ends the process at once and waits for its end.
func (p *proc) kill() {
	_ = p.cmd.Process.Kill() // it may have ended just now
	<-p.exited
	p.lifeline.Close()
}

func (p *proc) status() string { return p.cmd.ProcessState.String() }

// tail keeps the last lines that the child wrote, and passes all on.
type tail struct {
	mu   sync.Mutex
	to   io.Writer
	last []byte
}

func (t *tail) Write(b []byte) (int, error) {
	const most = 4 << 10
	t.mu.Lock()
	t.last = append(t.last, b[max(0, len(b)-most):]...)
	if over := len(t.last) - most; over > 0 {
		t.last = append(t.last[:0], t.last[over:]...)
	}
	t.mu.Unlock()
	if t.to == nil {
		return len(b), nil
	}
	return t.to.Write(b)
}

// String is the last five lines as one.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	lines := strings.Split(string(bytes.TrimSpace(t.last)), "\n")
	return strings.Join(lines[max(0, len(lines)-5):], " | ")
}
