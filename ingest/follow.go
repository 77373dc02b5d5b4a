package ingest

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"github.com/nxadm/tail"
)

const (
	poll   = time.Second            // how often the path and the mailboxes are looked at
	look   = 250 * time.Millisecond // and the path of a log that grew within the last minute: files may come and go
	linger = time.Second            // how long the lines of a busy log are gathered
)

// live is the file at the path; nil where it is not the one being read.
func (l *logFile) live() *handle {
	if l.side != nil || len(l.held) != 1 || l.held[0].entry == nil || !l.held[0].moved.IsZero() {
		return nil
	}
	return l.held[0]
}

// gathering is how long to wait until the next chunk of a live log: a busy
// one gives a chunk each linger, a quiet one each line at once.
func (l *logFile) gathering() time.Duration {
	h := l.live()
	if l.o.Once || h == nil || h.content.packed() {
		return 0
	}
	wait := linger - l.o.Now().Sub(l.gave)
	if wait <= 0 || wait > linger {
		return 0
	}
	st, err := h.f.Stat()
	if err != nil || st.Size() < h.read || st.Size()-h.read >= int64(l.o.ChunkSize) {
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
	if n := len(l.held); n > 1 || n == 1 && l.o.Now().Sub(l.held[0].grown) < time.Minute {
		pause = look
	}
	var lines <-chan *tail.Line
	if g := l.gathering(); g > 0 {
		pause = min(pause, g)
	} else if h := l.live(); h != nil && !l.woken && !h.content.packed() && runtime.GOOS == "linux" &&
		h.info.Size() >= h.read && h.info.Size()-h.read <= maxLine {
		t, err := tail.TailFile(fmt.Sprintf("/proc/self/fd/%d", h.f.Fd()), tail.Config{
			Location: &tail.SeekInfo{Offset: h.read},
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
