//go:build crashtest

package main

import (
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/bouncehouse/bouncehouse"
)

// crashHook ends the process with SIGKILL where the environment variable
// BOUNCEHOUSE_CRASH says: STEP:N[:DELAY] is the Nth time that STEP comes, in
// the given time after it.
func crashHook() func(bouncehouse.Step) {
	step, rest, _ := strings.Cut(os.Getenv("BOUNCEHOUSE_CRASH"), ":")
	nth, delay, _ := strings.Cut(rest, ":")
	n, _ := strconv.Atoi(nth)
	after, _ := time.ParseDuration(delay)
	if step == "" || n <= 0 {
		return nil
	}
	var seen atomic.Int64
	die := func() { syscall.Kill(os.Getpid(), syscall.SIGKILL) }
	return func(s bouncehouse.Step) {
		if string(s) != step || seen.Add(1) != int64(n) {
			return
		}
		if after > 0 {
			time.AfterFunc(after, die)
			return
		}
		die()
	}
}
