package torture

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// unit is a service: a process that is started again whenever it ends, as systemd does with Restart=always.
type unit struct {
	name string
	cmd  func() *exec.Cmd
	log  string // its output, of all starts

	stop context.CancelFunc
	done chan struct{}

	mu       sync.Mutex
	process  *os.Process // nil while it is not running
	ended    chan struct{}
	starts   int
	expected bool          // that it ends was somebody's will
	away     time.Duration // before it is started again
	exits    []string      // ends that nobody asked for
}

// Times of a unit.
const (
	restartPause = time.Second
	stopLimit    = 90 * time.Second
)

// start begins the service. It goes on until halt.
func (u *unit) start() {
	ctx, stop := context.WithCancel(context.Background())
	u.stop, u.done = stop, make(chan struct{})
	go func() {
		defer close(u.done)
		// The kernel sends the death signal when the thread ends that made the process: so this one stays.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		for ctx.Err() == nil {
			u.once(ctx)
			u.mu.Lock()
			pause := max(u.away, restartPause)
			u.away = 0
			u.mu.Unlock()
			select {
			case <-ctx.Done():
			case <-time.After(pause):
			}
		}
	}()
}

// once runs the process to its end.
func (u *unit) once(ctx context.Context) {
	out, err := os.OpenFile(u.log, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		u.note(err.Error())
		return
	}
	defer out.Close()
	cmd := u.cmd()
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	u.mu.Lock()
	u.starts++
	fmt.Fprintf(out, "\n--- %s, start %d at %s\n", u.name, u.starts, time.Now().Format("15:04:05.000"))
	err = cmd.Start()
	if err != nil {
		u.mu.Unlock()
		u.note(err.Error())
		return
	}
	u.process, u.ended, u.expected = cmd.Process, make(chan struct{}), false
	u.mu.Unlock()
	err = cmd.Wait()
	u.mu.Lock()
	u.process = nil
	close(u.ended)
	expected := u.expected
	u.mu.Unlock()
	fmt.Fprintf(out, "\n--- %s ended at %s: %v\n", u.name, time.Now().Format("15:04:05.000"), err)
	if !expected && ctx.Err() == nil {
		u.note(fmt.Sprintf("%v: %s", err, lastLine(u.log)))
	}
}

func (u *unit) note(exit string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.exits = append(u.exits, exit)
}

// signal sends one; away is how long it stays down if it ends by it. ended is closed then; nil where it is not running.
func (u *unit) signal(s syscall.Signal, away time.Duration) (ended <-chan struct{}) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.process == nil {
		return nil
	}
	if s == syscall.SIGKILL || s == syscall.SIGTERM {
		u.expected, u.away = true, away
	}
	_ = u.process.Signal(s) // it may have ended just now
	return u.ended
}

// pid is 0 while it is not running.
func (u *unit) pid() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.process == nil {
		return 0
	}
	return u.process.Pid
}

// terminate ends the process by SIGTERM, and by SIGKILL where that takes too long, which it says.
func (u *unit) terminate(away time.Duration) (err error) {
	ended := u.signal(syscall.SIGTERM, away)
	if ended == nil {
		return nil
	}
	select {
	case <-ended:
		return nil
	case <-time.After(stopLimit):
	}
	err = fmt.Errorf("%s did not end within %v of SIGTERM", u.name, stopLimit)
	u.signal(syscall.SIGQUIT, 0) // its goroutines go into the log
	select {
	case <-ended:
	case <-time.After(5 * time.Second):
		u.signal(syscall.SIGKILL, away)
		<-ended
	}
	return err
}

// running waits until it was started again, or for about so long.
func (u *unit) running(limit time.Duration) {
	for end := time.Now().Add(limit + 2*restartPause); u.pid() == 0 && time.Now().Before(end); {
		time.Sleep(20 * time.Millisecond)
	}
}

// halt ends the service.
func (u *unit) halt() error {
	if u.stop == nil {
		return nil
	}
	u.stop()
	u.stop = nil
	var err error
	for {
		err = errors.Join(err, u.terminate(0))
		select {
		case <-u.done:
			return err
		case <-time.After(50 * time.Millisecond): // it was just about to start
		}
	}
}

// children are the processes that pid has started.
func children(pid int) []int {
	var pids []int
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid)) // none where it has ended
	for _, list := range lists {
		b, _ := os.ReadFile(list)
		for _, s := range strings.Fields(string(b)) {
			if n, err := strconv.Atoi(s); err == nil {
				pids = append(pids, n)
			}
		}
	}
	return pids
}

// lastLine is the last line of a log that says something.
func lastLine(path string) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(data[max(0, len(data)-16<<10):])), "\n")
	for i := len(lines) - 1; i >= 0; i-- {
		if lines[i] != "" && !strings.HasPrefix(lines[i], "---") {
			return lines[i]
		}
	}
	return ""
}
