package ingest

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"github.com/nxadm/tail"
)

const (
	poll   = time.Second // how often rotation is looked for
	linger = time.Second // how long the lines of a busy log are gathered
)

// gathering is how long to wait until the next chunk of a live log: a busy
// one gives a chunk each linger, a quiet one each line at once.
func (l *logFile) gathering() time.Duration {
	h := l.cur
	if l.o.Once || h == nil || !h.live || h.known == nil || h.content.packed() {
		return 0
	}
	wait := linger - l.o.Now().Sub(l.gave)
	if wait <= 0 || wait > linger {
		return 0
	}
	st, err := h.f.Stat()
	if err != nil || st.Size() < h.known.Read || st.Size()-h.known.Read >= int64(l.o.ChunkSize) {
		return 0
	}
	return wait
}

// wait returns when there may be something to read: when a line has come to
// the file that is followed, or after poll. ctx's error ends it.
//
// nxadm/tail follows our own descriptor, never the path: by path it loses the
// last lines before a rotation, and ends the process where stat is refused.
// It only wakes: what it reads past a truncation begins amid a line.
func (l *logFile) wait(ctx context.Context) error {
	pause := poll
	var lines <-chan *tail.Line
	if g := l.gathering(); g > 0 {
		pause = g
	} else if h := l.cur; h != nil && h.known != nil && !l.woken && runtime.GOOS == "linux" && h.info.Size()-h.known.Read <= maxLine {
		t, err := tail.TailFile(fmt.Sprintf("/proc/self/fd/%d", h.f.Fd()), tail.Config{
			Location: &tail.SeekInfo{Offset: h.known.Read},
			Follow:   true, Poll: true, MustExist: true, CompleteLines: true,
			Logger: tail.DiscardingLogger,
		})
		if err == nil {
			defer t.Stop()
			lines = t.Lines
		}
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		l.woken = false
	case <-lines:
		l.woken = true // and were there nothing to read, it would be so at once again
	}
	return nil
}
