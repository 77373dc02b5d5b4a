package ingest

import (
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// errLocked: a mail program has locked the mbox, to change it.
var errLocked = errors.New("the mailbox is locked: it is being written to")

// staleLock is how old a dot lock is that nobody has any more; Postfix takes
// them for stale after 500 s [stale_lock_time], procmail after 1024.
const staleLock = 20 * time.Minute

// underLock is how much is read under one lock, in a fraction of a second:
// Postfix asks for it twenty times, a second apart [deliver_lock_attempts].
const underLock = 64 << 20

// longLocked is how many looks in a row find an mbox locked before it is said.
const longLocked = 30

// lockMbox takes the locks of an mbox, shared with other readers, without
// waiting: a mail program that takes a mail out moves what follows in place,
// and amid that the file has mails that never were. Its own locks say so:
// fcntl(2), flock(2) or a file beside it, PATH.lock; which of them, each
// program chooses. Where a file system has no locks there are none.
func lockMbox(f *os.File, path string, now time.Time) (unlock func(), err error) {
	if dotLocked(path, now) {
		return nil, errLocked
	}
	fd := int(f.Fd())
	set := func(kind int16) error {
		// Of this open file alone (OFD): another's close in this process, as of a
		// second look at the file, would give up the other kind.
		return unix.FcntlFlock(uintptr(fd), unix.F_OFD_SETLK, &unix.Flock_t{Type: kind})
	}
	if err := set(unix.F_RDLCK); errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EACCES) {
		return nil, errLocked
	}
	unlock = func() {
		set(unix.F_UNLCK)            // the file's end gives it up, too
		unix.Flock(fd, unix.LOCK_UN) // likewise
	}
	if err := unix.Flock(fd, unix.LOCK_SH|unix.LOCK_NB); errors.Is(err, unix.EWOULDBLOCK) {
		unlock()
		return nil, errLocked
	}
	return unlock, nil
}

func dotLocked(path string, now time.Time) bool {
	dot, err := os.Lstat(path + ".lock")
	return err == nil && now.Sub(dot.ModTime()).Abs() < staleLock
}
