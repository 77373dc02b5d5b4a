package torture

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// disk is a small file system of its own, with a neighbour that can take all its space.
type disk struct {
	name string
	dir  string
}

const diskSize = 384 << 20

// mountDisk mounts one at dir. The mount ends with the namespace of the test, if not before.
func mountDisk(name, dir string) (*disk, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d,mode=0700", diskSize)); err != nil {
		return nil, fmt.Errorf("mount a disk at %s: %w", dir, err)
	}
	return &disk{name, dir}, nil
}

func (d *disk) neighbour() string { return filepath.Join(d.dir, "neighbour") }

// fill has the neighbour take all but leave bytes.
func (d *disk) fill(leave int64) error {
	f, err := os.OpenFile(d.neighbour(), os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return err
	}
	size := st.Size()
	for range 100 { // others write meanwhile
		var fs unix.Statfs_t
		if err := unix.Statfs(d.dir, &fs); err != nil {
			return err
		}
		more := int64(fs.Bavail)*fs.Bsize - leave
		if more <= 0 {
			return nil
		}
		err := unix.Fallocate(int(f.Fd()), 0, size, more)
		if err == nil {
			size += more
		} else if !errors.Is(err, unix.ENOSPC) && !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("fill %s: %w", d.name, err)
		}
	}
	return nil
}

// free has the neighbour go.
func (d *disk) free() error {
	err := os.Remove(d.neighbour())
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

func (d *disk) unmount() error { return unix.Unmount(d.dir, unix.MNT_DETACH) }
