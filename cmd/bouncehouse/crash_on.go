//go:build crashtest

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/bouncehouse/bouncehouse"
)

// crash is one point at which to kill.
type crash struct {
	step   bouncehouse.Step
	nth    int64
	after  time.Duration
	victim func()
	seen   atomic.Int64
}

// crashHook sends SIGKILL where the environment variable BOUNCEHOUSE_CRASH
// says: a list, parted by commas, of STEP:N[:DELAY], the Nth time that STEP
// comes, in the given time after it. It meets this process, or, with "engine@"
// before the step, its children. What it cannot read ends the process: a test
// that kills nothing would prove nothing.
func crashHook() func(bouncehouse.Step) {
	list := os.Getenv("BOUNCEHOUSE_CRASH")
	if list == "" {
		return nil
	}
	var crashes []*crash
	for _, s := range strings.Split(list, ",") {
		c := &crash{victim: killSelf}
		if point, ok := strings.CutPrefix(s, "engine@"); ok {
			c.victim, s = killChildren, point
		}
		fields := strings.Split(s, ":")
		var errN, errDelay error
		if c.step = bouncehouse.Step(fields[0]); len(fields) > 1 {
			c.nth, errN = strconv.ParseInt(fields[1], 10, 64)
		}
		if len(fields) > 2 {
			c.after, errDelay = time.ParseDuration(fields[2])
		}
		if c.nth <= 0 || errN != nil || errDelay != nil {
			fmt.Fprintf(os.Stderr, "BOUNCEHOUSE_CRASH: %q is no STEP:N[:DELAY]\n", s)
			os.Exit(2)
		}
		crashes = append(crashes, c)
	}
	return func(s bouncehouse.Step) {
		for _, c := range crashes {
			if s != c.step || c.seen.Add(1) != c.nth {
				continue
			}
			if c.after > 0 {
				time.AfterFunc(c.after, c.victim)
				continue
			}
			c.victim()
		}
	}
}

func killSelf() { syscall.Kill(os.Getpid(), syscall.SIGKILL) }

// killChildren kills the child processes: of run, that is its engine.
func killChildren() {
	lists, _ := filepath.Glob("/proc/self/task/*/children")
	for _, list := range lists {
		b, _ := os.ReadFile(list) // a thread may have ended
		for _, pid := range strings.Fields(string(b)) {
			if n, err := strconv.Atoi(pid); err == nil {
				fmt.Fprintln(os.Stderr, "crashtest: kill", n)
				syscall.Kill(n, syscall.SIGKILL)
			}
		}
	}
}

// chunkSize is what BOUNCEHOUSE_CHUNK says, in bytes: many small batches out of
// a small log.
func chunkSize(normal int) int {
	if n, err := strconv.Atoi(os.Getenv("BOUNCEHOUSE_CHUNK")); err == nil && n > 0 {
		return n
	}
	return normal
}
