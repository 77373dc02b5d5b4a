package torture

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// moment is a point of a batch's way that shows on disk. Kills at random seldom hit the few milliseconds that matter: a
// build without recovery came through 40 faults unharmed.
type moment int

const (
	anytime     moment = iota
	intended           // the reader's position was replaced: an intent or a commit is durable
	partBegun          // an INSERT into events began to write its part
	partWritten        // the part took its name: its rows are there, and who sent them does not know it
	moments
)

// longestMoment is how long a moment is waited for.
const longestMoment = 5 * time.Second

// await waits for the moment, and then for some of the time until the next one. Where it does not come, nothing is
// lost: it is some time then.
func (m moment) await(ctx context.Context, h *house, p *planned) {
	var dir string
	var is func(name string) bool
	switch m {
	case intended:
		dir, is = filepath.Join(h.state(), "positions"),
			func(name string) bool { return strings.HasSuffix(name, ".json") }
	case partBegun:
		dir, is = h.eventsDir(), func(name string) bool { return strings.HasPrefix(name, "tmp_insert") }
	case partWritten:
		dir, is = h.eventsDir(), func(name string) bool {
			return strings.HasSuffix(name, "_0") &&
				!strings.HasPrefix(name, "tmp")
		}
	default:
		return
	}
	seen := appears(ctx, dir, is)
	h.say("fault %d is for %s, where a name was seen: %v", p.n, filepath.Base(dir), seen)
	time.Sleep(time.Duration(p.rand().Int64N(int64(25 * time.Millisecond))))
}

// eventsDir is where ClickHouse keeps the parts of the table.
func (h *house) eventsDir() string {
	engine := h.path("server", "clickhouse")
	if h.variant == VariantRun {
		engine = h.path("state", "clickhouse")
	}
	return filepath.Join(engine, "data", "data", "bouncehouse", "events")
}

// appears waits until a fitting name is made in a directory, or moved into it.
func appears(ctx context.Context, dir string, is func(name string) bool) bool {
	fd, err := unix.InotifyInit1(unix.IN_NONBLOCK | unix.IN_CLOEXEC)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	if _, err := unix.InotifyAddWatch(fd, dir, unix.IN_CREATE|unix.IN_MOVED_TO); err != nil {
		return false // it is not there yet
	}
	buf := make([]byte, 16<<10)
	for end := time.Now().Add(longestMoment); time.Now().Before(end) && ctx.Err() == nil; {
		if _, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 100); err != nil &&
			!errors.Is(err, unix.EINTR) {
			return false
		}
		n, _ := unix.Read(fd, buf) // nothing, mostly
		for rest := buf[:max(n, 0)]; len(rest) >= unix.SizeofInotifyEvent; {
			size := int(binary.NativeEndian.Uint32(rest[12:])) // inotify_event.len
			name, _, _ := bytes.Cut(rest[unix.SizeofInotifyEvent:unix.SizeofInotifyEvent+size], []byte{0})
			if is(string(name)) {
				return true
			}
			rest = rest[unix.SizeofInotifyEvent+size:]
		}
	}
	return false
}
