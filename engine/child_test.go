package engine_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/bouncehouse/bouncehouse/engine"
)

// pid is the process that has the directory.
func pid(t testing.TB, dir string) int {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, "clickhouse", "lock"))
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// ended says whether a process that is not our child has ended, reaped or not.
func ended(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return errors.Is(err, os.ErrNotExist) || bytes.Contains(b, []byte(") Z "))
}

// until waits for a condition that another process brings about.
func until(t testing.TB, what string, limit time.Duration, ok func() bool) {
	t.Helper()
	look := time.NewTicker(5 * time.Millisecond)
	defer look.Stop()
	for end := time.Now().Add(limit); !ok(); <-look.C {
		if time.Now().After(end) {
			t.Fatalf("not within %s: %s", limit, what)
		}
	}
}

// TestKillDuringInserts kills the engine with -9 in the middle of inserts, several times: every acknowledged row is
// there after, and the supervisor brings the engine back.
func TestKillDuringInserts(t *testing.T) {
	dir, c := up(t)
	ctx := t.Context()
	w := open(t, options(c.Endpoint(), engine.Writer))
	exec1(t, w, "CREATE DATABASE bouncehouse")
	exec1(t, w, every)
	var acknowledged []int
	next := 0
	for kill := range 4 {
		sent := 0
		killed := make(chan struct{})
		old := pid(t, dir)
		enough := make(chan struct{})
		go func() {
			defer close(killed)
			<-enough
			if err := syscall.Kill(old, syscall.SIGKILL); err != nil {
				t.Error(err)
			}
		}()
		w := open(t, options(c.Endpoint(), engine.Writer))
		for {
			b, err := w.PrepareBatch(ctx, "INSERT INTO bouncehouse.every ("+columns+")")
			if err != nil {
				break
			}
			first := next
			for ; next < first+500; next++ {
				if err := b.Append(makeRow(next).values()...); err != nil {
					t.Fatal(err)
				}
			}
			if b.Send() != nil {
				break
			}
			acknowledged = append(acknowledged, first)
			if sent++; sent == 3+kill {
				close(enough) // and go on inserting
			}
		}
		<-killed
		until(t, "the engine back", 20*time.Second, func() bool {
			end, ok, err := engine.Running(dir)
			return err == nil && ok && pid(t, dir) != old && c.Endpoint() == end
		})
	}
	w = open(t, options(c.Endpoint(), engine.Writer))
	for _, first := range acknowledged {
		if got := value[uint64](t, w,
			fmt.Sprintf("SELECT uniqExact(id) FROM bouncehouse.every WHERE id >= %d AND id < %d", first,
				first+500)); got != 500 {
			t.Errorf("batch at %d: %d of 500 acknowledged rows", first, got)
		}
	}
	if len(acknowledged) < 12 {
		t.Errorf("only %d batches acknowledged: the kills came too early to show anything", len(acknowledged))
	}
}

// TestParentKilled kills the supervisor with -9: its engine ends by itself and the directory can be opened again.
func TestParentKilled(t *testing.T) {
	library(t)
	dir := t.TempDir()
	cmd := helper("supervise", dir)()
	cmd.Stderr = t.Output()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	end, ok, err := engine.Running(dir)
	if err != nil || !ok || end.Socket != strings.TrimSpace(line) {
		t.Fatalf("running %v %v at %q, told %q", ok, err, end.Socket, line)
	}
	child := pid(t, dir)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	// The next one does not wait for anything but the lock.
	c := upIn(t, dir)
	if pid(t, dir) == child {
		t.Error("the orphan still has the directory")
	}
	until(t, "the orphan's end", 10*time.Second, func() bool { return ended(child) })
	if c.Endpoint().WriterPassword != end.WriterPassword {
		t.Errorf("passwords changed: %v", c.Endpoint())
	}
}

// TestPanic: Go's own handlers stand again after the engine has come up: a nil dereference is recovered from, and one
// that is not ends the process with its stack instead of hanging it.
func TestPanic(t *testing.T) {
	library(t)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	made := helper("panic", t.TempDir())()
	cmd := exec.CommandContext(ctx, made.Path, made.Args[1:]...)
	cmd.Env = made.Env
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 2 {
		t.Errorf("ended with %v", err)
	}
	for _, want := range []string{"recovered: runtime error: invalid memory address",
		"panic: runtime error: invalid memory address", "goroutine 1"} {
		if !bytes.Contains(out, []byte(want)) {
			t.Errorf("no %q in %.2000s", want, out)
		}
	}
}

// TestSecondProcess: one process per directory; the second says that it waits, and then names the first.
func TestSecondProcess(t *testing.T) {
	dir, _ := up(t)
	holder := pid(t, dir)
	var said logged
	err := engine.Serve(t.Context(), engine.Config{Dir: dir, LockWait: 1500 * time.Millisecond,
		Log: slog.New(slog.NewTextHandler(&said, nil))})
	if !said.has("waiting for it to end") || !said.has("pid="+strconv.Itoa(holder)) {
		t.Errorf("it said %q", said.b.String())
	}
	var locked *engine.LockedError
	if !errors.As(err, &locked) || locked.PID != strconv.Itoa(holder) ||
		!strings.Contains(err.Error(), "in use by process "+locked.PID) {
		t.Errorf("the second process got %v, the holder is %d", err, holder)
	}
	if err := engine.Backup(dir, io.Discard); !errors.As(err, &locked) {
		t.Errorf("a backup under a running engine gave %v", err)
	}
}

func TestRefused(t *testing.T) {
	library(t)
	quiet := slog.New(slog.DiscardHandler)
	t.Run("not loopback", func(t *testing.T) {
		for _, listen := range []string{"0.0.0.0:0", ":0", "[::]:0", "192.0.2.1:8123"} {
			dir := t.TempDir()
			_, err := engine.Start(t.Context(), dir, helper("tcp", dir, listen), quiet)
			if err == nil || !strings.Contains(err.Error(), "loopback only") {
				t.Errorf("%s: %v", listen, err)
			}
		}
	})
	t.Run("newer data", func(t *testing.T) {
		dir := t.TempDir()
		c := upIn(t, dir)
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		version := filepath.Join(dir, "clickhouse", "version")
		if err := os.WriteFile(version, []byte("99.1.1.1\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := engine.Start(t.Context(), dir, helper("serve", dir), quiet)
		if err == nil || !strings.Contains(err.Error(), "was written by engine 99.1.1.1, this one is ") {
			t.Errorf("%v", err)
		}
		if b, err := os.ReadFile(version); err != nil || string(b) != "99.1.1.1\n" {
			t.Errorf("the version was overwritten: %s %v", b, err)
		}
	})
	t.Run("another owner", func(t *testing.T) {
		if os.Geteuid() != 0 {
			t.Skip("only root can give a directory away")
		}
		dir := t.TempDir()
		if err := os.Mkdir(filepath.Join(dir, "clickhouse"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(filepath.Join(dir, "clickhouse"), 12345, 12345); err != nil {
			t.Fatal(err)
		}
		if _, err := engine.Start(t.Context(), dir, helper("serve", dir), quiet); err == nil ||
			!strings.Contains(err.Error(), "belongs to user 12345") {
			t.Errorf("%v", err)
		}
	})
	t.Run("no library", func(t *testing.T) {
		err := engine.Serve(t.Context(), engine.Config{Dir: t.TempDir(),
			Library: filepath.Join(t.TempDir(), "libchdb.so"), Log: quiet})
		if err == nil || !strings.Contains(err.Error(), "libchdb.so") {
			t.Error(err)
		}
	})
}

// TestNothingLeft: a child that was closed leaves neither process nor goroutine.
func TestNothingLeft(t *testing.T) {
	library(t)
	dir := t.TempDir()
	before := goleak.IgnoreCurrent()
	c, err := engine.Start(t.Context(), dir, helper("serve", dir), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	child := pid(t, dir)
	if err := errors.Join(c.Close(), c.Close()); err != nil {
		t.Error(err)
	}
	if !ended(child) {
		t.Errorf("process %d is left", child)
	}
	goleak.VerifyNone(t, before)
}

// TestLifecycle: files, modes, the same port and passwords again, backup, restore.
func TestLifecycle(t *testing.T) {
	library(t)
	dir := t.TempDir()
	c := upIn(t, dir)
	first := c.Endpoint()
	w := open(t, options(first, engine.Writer))
	exec1(t, w, "CREATE DATABASE bouncehouse")
	exec1(t, w, every)
	insert(t, w, "bouncehouse.every", makeRow(1), makeRow(2))
	for name, mode := range map[string]os.FileMode{"": 0o700 | os.ModeDir, "writer.password": 0o600,
		"reader.password": 0o600, "socket": 0o600 | os.ModeSocket, "lock": 0o600} {
		info, err := os.Stat(filepath.Join(dir, "clickhouse", name))
		if err != nil || info.Mode() != mode {
			t.Errorf("%q: %v %v, want %v", name, info.Mode(), err, mode)
		}
	}
	if len(first.WriterPassword) < 20 || first.WriterPassword == first.ReaderPassword {
		t.Errorf("passwords %q, %q", first.WriterPassword, first.ReaderPassword)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	<-c.Done()
	if _, ok, err := engine.Running(dir); ok || err != nil {
		t.Errorf("running after Close: %v %v", ok, err)
	}

	var backup bytes.Buffer
	if err := engine.Backup(dir, &backup); err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(backup.Bytes(), []byte(first.WriterPassword)) {
		t.Error("the backup has a password")
	}
	if _, err := engine.Restore(dir, bytes.NewReader(backup.Bytes())); err == nil ||
		!strings.Contains(err.Error(), "is there already") {
		t.Errorf("a restore over data gave %v", err)
	}
	damaged := bytes.Clone(backup.Bytes())
	for i := range 16 { // one bit may change nothing of what is unpacked: the distance of a match among zeros
		damaged[len(damaged)/2+i] ^= 0xff
	}
	for what, b := range map[string][]byte{"cut": backup.Bytes()[:backup.Len()/2], "damaged": damaged, "empty": nil} {
		into := t.TempDir()
		if _, err := engine.Restore(into, bytes.NewReader(b)); err == nil {
			t.Errorf("a %s backup was restored", what)
		}
		if left, _ := filepath.Glob(filepath.Join(into, "clickhouse", "[dvr]*")); len(left) != 0 {
			t.Errorf("a %s backup left %v", what, left)
		}
	}
	again := upIn(t, dir)
	if again.Endpoint() != first {
		t.Errorf("%v, before it was %v", again.Endpoint(), first)
	}
	into := t.TempDir()
	if _, err := engine.Restore(into, &backup); err != nil {
		t.Fatal(err)
	}
	other := upIn(t, into).Endpoint()
	if other.WriterPassword == first.WriterPassword {
		t.Error("the restored one has the old password")
	}
	for _, end := range []engine.Endpoint{first, other} {
		if got := value[uint64](t, open(t, options(end, engine.Writer)),
			"SELECT sum(id) FROM bouncehouse.every"); got != 3 {
			t.Errorf("%s: %d", end.Socket, got)
		}
	}
}

// TestPort: between two engines the port is nobody else's, and who asks there then is answered by the second.
func TestPort(t *testing.T) {
	library(t)
	dir := t.TempDir()
	l, err := engine.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var said logged
	c, err := engine.Start(t.Context(), dir, func() *exec.Cmd {
		cmd := helper("listener", dir)()
		cmd.ExtraFiles = []*os.File{l}
		return cmd
	}, slog.New(slog.NewTextHandler(&said, nil)))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	addr := c.Endpoint().Addr
	if err := syscall.Kill(pid(t, dir), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	until(t, "its end", 10*time.Second, func() bool { return said.has("the engine has died") })
	answered := make(chan error, 1)
	go func() {
		res, err := http.Get("http://" + addr + "/ping")
		if err == nil {
			err = res.Body.Close()
		}
		answered <- err
	}()
	until(t, "a new engine", time.Minute, func() bool {
		if l, err := net.Listen("tcp", addr); !errors.Is(err, syscall.EADDRINUSE) {
			t.Errorf("a stranger has the port: %v", err)
			l.Close()
		}
		return said.has("the engine is back")
	})
	if err := <-answered; err != nil {
		t.Error(err)
	}
	if got := c.Endpoint().Addr; got != addr {
		t.Errorf("it listens on %s, not on %s", got, addr)
	}
}

// TestChildStartFails: a program that never answers, and what is left of it.
func TestChildStartFails(t *testing.T) {
	_, err := engine.Start(t.Context(), t.TempDir(),
		func() *exec.Cmd {
			return exec.Command("sh", "-c",
				"echo the reason >&2; exit 3")
		}, slog.New(slog.DiscardHandler))
	if err == nil || !strings.Contains(err.Error(), "the reason") || !strings.Contains(err.Error(), "exit status 3") {
		t.Error(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, err = engine.Start(ctx, t.TempDir(), func() *exec.Cmd { return exec.Command("sleep", "600") },
		slog.New(slog.DiscardHandler))
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	if _, err = engine.Start(t.Context(), t.TempDir(), func() *exec.Cmd { return exec.Command("/nonexistent") },
		slog.New(slog.DiscardHandler)); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}
