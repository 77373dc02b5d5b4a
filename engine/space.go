package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// A full disk. Where write(2) fails, ClickHouse throws; libchdb (26.5.3; 26.7.3 alike) counts the failure and goes on:
// the file stays short, the part is renamed into place, the INSERT is acknowledged, and a merge takes the place of good
// parts. Hence
//
//   - the engine's own count of failed writes is read after each statement that changes something and every lookEvery. Once
//     it is not 0 nothing is acknowledged any more and the engine ends. What it loads at its next start it holds against the
//     sizes in checksums.txt: a short part goes to detached/, and the parts that it was merged of, kept for eight minutes
//     (old_parts_lifetime), are back;
//   - before the edge is reached, at a reserve, INSERTs are refused and merges stopped, so that this happens to the disk that
//     a neighbour fills between two looks only.
const failedWrites = "SELECT sum(value) FROM system.events WHERE event = 'WriteBufferFromFileDescriptorWriteFailed'"

const (
	lookEvery     = 500 * time.Millisecond
	looksEach     = 10      // looks of one connection
	maxUnanswered = 120     // looks in a row
	startRoom     = 4 << 20 // bytes without which nothing is started or changed but by DROP

	memoryLimitExceeded = 241 // ClickHouse's MEMORY_LIMIT_EXCEEDED
)

// room is what a disk has for this process, in bytes.
type room struct{ free, total int64 }

func roomOf(path string) (room, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(path, &st); err != nil {
		return room{}, fmt.Errorf("ask how much room %s has: %w", path, err)
	}
	return room{int64(st.Bavail) * st.Bsize, int64(st.Blocks) * st.Bsize}, nil
}

// reserve is what is left alone: 2 % of the disk, between 16 and 512 MiB.
func (r room) reserve() int64 { return min(max(r.total/50, 16<<20), 512<<20) }

// noRoom says that need bytes are not free.
func noRoom(path string, free, need int64) string {
	const mib = 1 << 20
	return fmt.Sprintf("No space left in %s: %d MB free, %d MB needed", path, free/mib, (need+mib-1)/mib)
}

// admit refuses what the disk has no room for: an INSERT without its own size above the reserve, and other changes,
// whose failed writes may cost more than rows (ALTER and CREATE replace the table's definition, of which a copy is kept
// before), without startRoom.
func (e *engine) admit(q *request) error {
	if q.statement.reads || q.statement.kill != nil || q.statement.tokens[0].is("DROP") {
		return nil
	}
	r, err := roomOf(e.data)
	if err != nil {
		return err
	}
	need := int64(startRoom)
	if q.statement.insert {
		need = r.reserve()
		if q.data != nil {
			info, err := q.data.Stat()
			if err != nil {
				return fmt.Errorf("size of an INSERT: %w", err)
			}
			need += info.Size()
		}
	}
	if r.free < need {
		return newError("Code: 243. DB::Exception: " + noRoom(e.data, r.free, need) + ". (NOT_ENOUGH_SPACE)")
	}
	if q.statement.insert {
		return nil
	}
	e.defining.Lock()
	defer e.defining.Unlock()
	e.refuse(q.statement)
	if err := keepDefinitions(e.data); errors.Is(err, unix.ENOSPC) {
		return newError("Code: 243. DB::Exception: " + err.Error() + ". (NOT_ENOUGH_SPACE)")
	} else if err != nil {
		return err
	}
	return nil
}

// sound asks on c whether every write of this process has succeeded; text says so where one has not.
func (e *engine) sound(c *conn) (text string, err error) {
	v, err := c.value(failedWrites)
	if err != nil {
		return "", err
	}
	n, err := strconv.ParseUint(v, 10, 64)
	if err != nil {
		return "", fmt.Errorf("the engine's count of failed writes: %w", err)
	}
	if n == 0 {
		return "", nil
	}
	return fmt.Sprintf("%d writes to %s have failed: the engine starts anew without what they were part of", n,
		e.data), nil
}

// guard looks after the disk and the memory until ctx ends. It returns an error where the engine must end. It asks as a
// request does, on a new connection now and then (each costs more than the question), so that lookout sees by its looks
// whether anybody is answered.
func (e *engine) guard(ctx context.Context, log *slog.Logger, maxBloated int) error {
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	var c *conn
	letGo := func() {
		if c != nil {
			c.close()
		}
	}
	defer letGo()
	stopped, unanswered, bloat := false, 0, 0
	for looks := 0; ; looks++ {
		// A query that takes all memory keeps the engine from answering for a while; that says nothing of the disk.
		text, err := "", error(nil)
		if c == nil || looks%looksEach == 0 {
			letGo()
			c, err = e.lib.open(e.args...)
		}
		if err == nil {
			text, err = e.sound(c)
		}
		e.looks.Add(1)
		switch {
		case err == nil && text != "":
			return errors.New(text)
		case err == nil:
			unanswered = 0
		default:
			var e *Error
			if unanswered++; errors.As(err, &e) && e.Code == memoryLimitExceeded {
				unanswered = 0 // it answers
			} else if unanswered > maxUnanswered {
				return err
			}
			log.Warn("the engine does not tell whether its writes succeeded", "error", err)
		}
		switch bloated, err := e.bloated(); {
		case err != nil: // as above: unanswered
		case !bloated:
			bloat = 0
		default:
			if bloat++; bloat > maxBloated {
				e.probation.blame()
				return fmt.Errorf("the engine starts anew: more than half of its memory (%d MB) is held for nothing that is under way", e.memory>>20)
			}
		}
		r, err := roomOf(e.data)
		if err != nil {
			return err
		}
		change := ""
		switch reserve := r.reserve(); {
		case !stopped && r.free < reserve+reserve/2:
			change = "SYSTEM STOP MERGES"
		case stopped && r.free > 2*reserve:
			change = "SYSTEM START MERGES"
		}
		if change != "" {
			if _, err := e.ask(func(c *conn) (string, error) { return "", c.exec(change) }); err != nil {
				return fmt.Errorf("%s: %w", change, err)
			}
			stopped = !stopped
			log.Warn("the disk is almost full, or was", "dir", e.data, "free_mb", r.free>>20, "merges_stopped", stopped)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-look.C:
		}
	}
}

// ask asks on a new connection.
func (e *engine) ask(f func(*conn) (string, error)) (string, error) {
	c, err := e.lib.open(e.args...)
	if err != nil {
		return "", err
	}
	defer c.close()
	return f(c)
}

// full says that a disk has no room; it is ENOSPC.
type full struct{ text string }

func (f full) Error() string        { return f.text }
func (f full) Is(target error) bool { return target == unix.ENOSPC }

// roomToStart keeps an engine from starting where it could not write what it needs. The error is ENOSPC.
func roomToStart(state string) error {
	r, err := roomOf(state)
	if errors.Is(err, unix.ENOENT) {
		return nil // it is made at the first start
	}
	if err == nil && r.free < startRoom {
		return full{noRoom(state, r.free, startRoom)}
	}
	return err
}
