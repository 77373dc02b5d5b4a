package main

import (
	"bytes"
	"io"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestBehind: how far a consumer is behind is told each minute, and no more once it has caught up.
func TestBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		var total atomic.Int64
		total.Store(12)
		m := &meter{app: &app{log: slog.New(slog.NewTextHandler(&log, nil)), stderr: io.Discard, ctx: t.Context()},
			progress: func() (int64, int64) { return 5, total.Load() }, messages: true, stores: true}
		m.start()
		m.drawn.Go(m.tell)
		time.Sleep(2*time.Minute + time.Second)
		total.Store(5)
		time.Sleep(5 * time.Minute)
		m.close()
		if n := strings.Count(log.String(), "msg=behind messages=7 done=5"); n != 2 {
			t.Errorf("told %d times:\n%s", n, log.String())
		}
	})
}
