package ingest

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// openAt opens a file of the directory for reading: no symbolic link, whoever
// put one there, and without waiting for the other end of a pipe.
func openAt(dir *os.File, name string, flags int) (*os.File, error) {
	path := filepath.Join(dir.Name(), name)
	for {
		fd, err := unix.Openat(int(dir.Fd()), name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC|flags,
			0)
		switch {
		case err == nil:
			return os.NewFile(uintptr(fd), path), nil
		case !errors.Is(err, unix.EINTR):
			return nil, &fs.PathError{Op: "open", Path: path, Err: err}
		}
	}
}

// OpenRegular opens the file at path for reading, which may be a link to it, if
// it is a regular one. It never waits, as opening a pipe does for its writer.
func OpenRegular(path string) (*os.File, error) {
	f, _, err := openRegular(path)
	return f, err
}

// openRegular is OpenRegular: what was a file at the last look may be a pipe.
func openRegular(path string) (*os.File, fs.FileInfo, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "open", Path: path, Err: errors.New("not a regular file")}
	}
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	return f, info, nil
}

// openOwn opens a file of the state directory: no link, nothing else than a file,
// and none to be written to that has a further name elsewhere. The directory may
// be another's (deliver runs as its owner, run as root): his links lead nowhere.
func openOwn(path string, flags int) (*os.File, error) {
	f, err := os.OpenFile(path, flags|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0o600)
	if errors.Is(err, unix.ELOOP) {
		return nil, &fs.PathError{Op: "open", Path: path,
			Err: errors.New("it is a link, which has no place in a state directory: remove it")}
	}
	if err != nil {
		return nil, err
	}
	var st unix.Stat_t
	if err = unix.Fstat(int(f.Fd()), &st); err == nil && (st.Mode&unix.S_IFMT != unix.S_IFREG ||
		st.Nlink > 1 && flags&(unix.O_WRONLY|unix.O_RDWR) != 0) {
		err = errors.New("it is no file of its own, or has another name elsewhere: remove it")
	}
	if err != nil {
		f.Close()
		return nil, &fs.PathError{Op: "open", Path: path, Err: err}
	}
	return f, nil
}

// ownDir makes a directory of the state directory, which may be no link.
func ownDir(path string) error {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return err
	}
	if st, err := os.Lstat(path); err != nil || !st.IsDir() {
		return errors.Join(err, &fs.PathError{Op: "open", Path: path,
			Err: errors.New("it is a link, which has no place in a state directory: remove it")})
	}
	return nil
}

// readOwn reads a file of the state directory.
func readOwn(path string) ([]byte, error) {
	f, err := openOwn(path, os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(f)
}
