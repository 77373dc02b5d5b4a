package ingest

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// staleDelivery is how long no delivery takes (maildir(5) says 36 hours).
const staleDelivery = 36 * time.Hour

const spoolName = "spool"

// SpoolDir is the Maildir in the state directory that Deliver writes to. The
// source that reads it removes the mails that are durable downstream; of no
// other Maildir is anything moved or changed.
func SpoolDir(state string) string { return filepath.Join(state, spoolName) }

// MakeSpool makes the spool's folders, and the state directory, where they are
// not there. Root makes them for the owner of the state directory, as whom
// deliver runs: it may come before deliver does.
func MakeSpool(state string) error {
	if err := os.MkdirAll(state, 0o700); err != nil {
		return fmt.Errorf("create the state directory: %w", err)
	}
	spool, _, err := openSpool(state)
	if err != nil {
		return err
	}
	return spool.Close()
}

// openSpool opens the spool, whose folders it makes; owner is the state
// directory's. From there on no path leads out of it.
func openSpool(state string) (spool *os.Root, owner int, err error) {
	if st, err := os.Stat(state); err == nil && !st.IsDir() { // opening a pipe would wait for its writer
		return nil, 0, fmt.Errorf("open the state directory: %w",
			&fs.PathError{Op: "open", Path: state, Err: syscall.ENOTDIR})
	}
	if err := ownLink(state); err != nil {
		return nil, 0, err
	}
	root, err := os.OpenRoot(state)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, fmt.Errorf("state directory %s does not exist: bouncehouse run makes it; or name the right one with --state", state)
	}
	if err != nil {
		return nil, 0, fmt.Errorf("open the state directory: %w", err)
	}
	defer root.Close()
	if owner, err = ownerOf(root, state, os.Geteuid()); err != nil {
		return nil, 0, err
	}
	if err := makeDir(root, spoolName, owner); err != nil {
		return nil, 0, fmt.Errorf("create the spool: %w", err)
	}
	if spool, err = root.OpenRoot(spoolName); err != nil {
		return nil, 0, fmt.Errorf("open the spool: %w", err)
	}
	_, err = ownerOf(spool, SpoolDir(state), owner)
	for _, sub := range []string{"tmp", "new", "cur"} {
		if err == nil {
			if err = makeDir(spool, sub, owner); err != nil {
				err = fmt.Errorf("create the spool: %w", err)
			}
		}
	}
	if err != nil {
		spool.Close()
		return nil, 0, err
	}
	return spool, owner, nil
}

// ownerOf checks that none but its owner writes to the directory, and that
// this is root or user; root works in anyone's.
func ownerOf(dir *os.Root, path string, user int) (owner int, err error) {
	info, err := dir.Stat(".")
	if err != nil {
		return 0, fmt.Errorf("open %s: %w", path, err)
	}
	sys, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, fmt.Errorf("open %s: its owner cannot be told", path)
	}
	owner = int(sys.Uid)
	switch {
	case owner != 0 && owner != user && user != 0:
		return 0, fmt.Errorf("directory %s belongs to user %d, not to user %d or root: deliver must run as the owner of the state directory", path, owner, user)
	case info.Mode().Perm()&0o022 != 0:
		return 0, fmt.Errorf("directory %s may be written to by others than its owner: chmod go-w %s", path, path)
	}
	return owner, nil
}

// makeDir makes the directory where it is not there. What is there has to be
// one, not a link.
func makeDir(in *os.Root, name string, owner int) error {
	err := in.Mkdir(name, 0o700)
	if errors.Is(err, fs.ErrExist) {
		var info fs.FileInfo
		if info, err = in.Lstat(name); err == nil && !info.IsDir() {
			err = fmt.Errorf("%s is no directory", filepath.Join(in.Name(), name))
		}
		return err
	}
	if err != nil {
		return err
	}
	if owner != os.Geteuid() {
		dir, err := in.Open(name)
		if err != nil {
			return err
		}
		if err := errors.Join(dir.Chown(owner, -1), dir.Close()); err != nil {
			return err
		}
	}
	return syncIn(in, ".")
}

func syncIn(root *os.Root, name string) error {
	dir, err := root.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// ErrEmptyMail is Deliver's error where there was nothing to read.
var ErrEmptyMail = errors.New("the mail is empty: does the pipe hand it on?")

// Deliver puts the mail that r gives into the spool. Once it returns nil the
// mail is on disk; after an error nothing of it is there. The file is named
// by its content: a mail server that was told nothing and hands the same mail
// in again does not bring it twice. An empty mail is ErrEmptyMail, the one error
// that does not pass; one is also a state directory that does not exist or that
// others may write to. A mail may be of any length.
func Deliver(state string, r io.Reader) (err error) {
	spool, owner, err := openSpool(state)
	if err != nil {
		return err
	}
	defer spool.Close()
	tmp := "tmp/" + rand.Text()
	f, err := spool.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("spool the mail: %w", err)
	}
	defer spool.Remove(tmp) // no longer there after the rename
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(f, sum), r)
	if err == nil && owner != os.Geteuid() {
		err = f.Chown(owner, -1)
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("spool the mail: %w", err)
	}
	if n == 0 {
		return ErrEmptyMail
	}
	if err := spool.Rename(tmp, "new/"+hex.EncodeToString(sum.Sum(nil)[:16])); err != nil {
		return fmt.Errorf("spool the mail: %w", err)
	}
	if err := syncIn(spool, "new"); err != nil {
		return fmt.Errorf("spool the mail: %w", err)
	}
	return nil
}

// isSpool tells whether path is the spool of the state directory.
func isSpool(path string, o Options) bool {
	if o.State == "" {
		return false
	}
	spool, err := filepath.Abs(SpoolDir(o.State))
	return err == nil && path == spool
}

// drop removes a mail of the spool that is durable downstream.
func (m *maildir) drop(f mailFile) {
	if err := unix.Unlinkat(int(m.dirs[f.sub].Fd()), f.name, 0); err != nil && !errors.Is(err, fs.ErrNotExist) {
		m.trouble(err)
	}
}

// tidy removes what deliveries that were killed left in the spool's tmp.
func (m *maildir) tidy() {
	spool, err := os.OpenRoot(m.path)
	if err != nil {
		return
	}
	defer spool.Close()
	tmp, err := spool.Open("tmp")
	if err != nil {
		return
	}
	defer tmp.Close()
	entries, _ := tmp.ReadDir(-1) // what it cannot list waits for the next start
	for _, e := range entries {
		if info, err := e.Info(); err == nil && m.o.Now().Sub(info.ModTime()) > staleDelivery {
			spool.Remove("tmp/" + e.Name())
		}
	}
}
