package ingest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// Interruptible makes a reader of f, a pipe or a terminal, of which a read
// that waits ends with ctx, with its error. The descriptor stays as it is:
// others share it. stop ends the reader.
func Interruptible(ctx context.Context, f *os.File) (r io.Reader, stop func(), err error) {
	wake, end, err := os.Pipe()
	if err != nil {
		return nil, nil, fmt.Errorf("make a pipe: %w", err)
	}
	off := context.AfterFunc(ctx, func() { end.Close() })
	stop = func() {
		if off() {
			end.Close()
		}
		wake.Close()
	}
	return &interruptible{ctx.Err, f, wake}, stop, nil
}

type interruptible struct {
	ended func() error
	f     *os.File
	wake  *os.File // its other end is closed to end the wait
}

// Read implements io.Reader.
func (r *interruptible) Read(p []byte) (int, error) {
	for {
		fds := []unix.PollFd{{Fd: int32(r.f.Fd()), Events: unix.POLLIN}, {Fd: int32(r.wake.Fd())}}
		_, err := unix.Poll(fds, -1)
		switch {
		case r.ended() != nil:
			return 0, r.ended()
		case errors.Is(err, unix.EINTR):
		case err != nil:
			return 0, fmt.Errorf("wait for input: %w", err)
		case fds[0].Revents != 0:
			return r.f.Read(p)
		}
	}
}
