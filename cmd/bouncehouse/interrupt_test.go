package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// command is bouncehouse with arguments; TestMain makes the test's own binary
// it when it is called so.
func command(t *testing.T, args ...string) (cmd *exec.Cmd, stderr *strings.Builder) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	stderr = new(strings.Builder)
	cmd = exec.CommandContext(t.Context(), self)
	cmd.Args = append([]string{"bouncehouse"}, args...)
	cmd.Stderr = stderr
	return cmd, stderr
}

func statusOf(t *testing.T, err error) int {
	t.Helper()
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		t.Fatalf("ended with %v", err)
	}
	return exit.ExitCode()
}

// TestInterrupted has commands wait on a pipe that gives no more: the first
// signal ends them.
func TestInterrupted(t *testing.T) {
	const mail = "Return-Path: <>\nSubject: x\n\nhalf a mai"
	for _, c := range []struct {
		args   string
		status int
		said   string
	}{
		{"classify", 1, "stopped before the end of the replies"},
		{"parse -", 1, "stopped before the end"},
		{"parse", 1, "stopped before the end"},
		{"parse PIPE", 1, "stopped before the end"},
		{"deliver --state STATE", exitTempFail, "stopped before the mail was whole; the mail server shall try again"},
	} {
		for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
			t.Run(c.args+" "+signal.String(), func(t *testing.T) {
				state, pipe := t.TempDir(), filepath.Join(t.TempDir(), "pipe")
				cmd, stderr := command(t,
					strings.Fields(strings.NewReplacer("STATE", state, "PIPE", pipe).Replace(c.args))...)
				if err := syscall.Mkfifo(pipe, 0o600); err != nil {
					t.Fatal(err)
				}
				w, err := os.OpenFile(pipe, os.O_RDWR, 0)
				if err != nil {
					t.Fatal(err)
				}
				defer w.Close()
				cmd.Stdin = w
				if _, err := io.WriteString(w, mail); err != nil {
					t.Fatal(err)
				}
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				// Once it has taken all, it waits for more.
				for left := 1; left > 0; time.Sleep(time.Millisecond) {
					if left, err = unix.IoctlGetInt(int(w.Fd()), unix.TIOCINQ); err != nil {
						t.Fatal(err)
					}
				}
				if err := cmd.Process.Signal(signal); err != nil {
					t.Fatal(err)
				}
				if got := statusOf(t, cmd.Wait()); got != c.status || !strings.Contains(stderr.String(), c.said) ||
					strings.Count(stderr.String(), "\n") != 1 {
					t.Errorf("status %d, said %q", got, stderr)
				}
				if left, _ := filepath.Glob(state + "/spool/*/*"); len(left) > 0 {
					t.Errorf("left in the spool: %q", left)
				}
			})
		}
	}
}

// TestNobodyWrites: a named pipe that no one writes to does not hold parse,
// nor run.
func TestNobodyWrites(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd, stderr := command(t, "run", "--once", "--state", t.TempDir(), pipe)
	if got := statusOf(t, cmd.Run()); got != 1 || !strings.Contains(stderr.String(), "not a regular file") {
		t.Errorf("run: status %d, said %q", got, stderr)
	}
	cmd, stderr = command(t, "parse", pipe)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for { // until it waits there: only then is there a reader
		w, err := os.OpenFile(pipe, os.O_WRONLY|unix.O_NONBLOCK, 0)
		if err == nil {
			defer w.Close()
			break
		}
		if !errors.Is(err, unix.ENXIO) {
			t.Fatal(err)
		}
		time.Sleep(time.Millisecond)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if got := statusOf(t, cmd.Wait()); got != 1 || !strings.Contains(stderr.String(), "stopped before the end") {
		t.Errorf("parse: status %d, said %q", got, stderr)
	}
}

// TestCtrlC types it.
func TestCtrlC(t *testing.T) {
	terminal, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skip(err)
	}
	defer terminal.Close()
	n, err := unix.IoctlGetInt(int(terminal.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(terminal.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	tty, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skip(err)
	}
	cmd, _ := command(t, "classify")
	cmd.Stdin, cmd.Stderr = tty, nil
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	said, err := cmd.StderrPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	tty.Close()
	prompt := bufio.NewReader(said)
	if line, err := prompt.ReadString('\n'); err != nil || !strings.HasPrefix(line, "Paste replies") {
		t.Fatal(line, err)
	}
	if _, err := terminal.WriteString("\x03"); err != nil {
		t.Fatal(err)
	}
	line, _ := prompt.ReadString('\n')
	if got := statusOf(t, cmd.Wait()); got != 1 || !strings.Contains(line, "stopped before the end") {
		t.Errorf("status %d, said %q", got, line)
	}
}
