package ingest

import (
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
)

// staleDelivery is how long no delivery takes (maildir(5) says 36 hours).
const staleDelivery = 36 * time.Hour

// SpoolDir is the Maildir in the state directory that Deliver writes to. The
// source that reads it removes the mails that are durable downstream; of no
// other Maildir is anything moved or changed.
func SpoolDir(state string) string { return filepath.Join(state, "spool") }

// MakeSpool makes the spool's folders where they are not there. Root makes
// them for the owner of the state directory, as whom deliver runs: it may
// come before deliver does.
func MakeSpool(state string) error {
	if err := os.MkdirAll(state, 0o700); err != nil {
		return fmt.Errorf("create the state directory: %w", err)
	}
	owner := -1
	if st, err := os.Stat(state); err == nil && os.Geteuid() == 0 {
		if sys, ok := st.Sys().(*syscall.Stat_t); ok {
			owner = int(sys.Uid)
		}
	}
	for _, dir := range []string{SpoolDir(state), filepath.Join(SpoolDir(state), "tmp"), filepath.Join(SpoolDir(state), "new"), filepath.Join(SpoolDir(state), "cur")} {
		switch err := os.Mkdir(dir, 0o700); {
		case errors.Is(err, fs.ErrExist):
		case err != nil:
			return fmt.Errorf("create the spool: %w", err)
		case owner > 0:
			if err := os.Chown(dir, owner, -1); err != nil {
				return fmt.Errorf("give the spool to the owner of %s: %w", state, err)
			}
		}
	}
	return nil
}

// Deliver puts the mail that r gives into the spool. Once it returns nil the
// mail is on disk; after an error nothing of it is there. The file is named
// by its content: a mail server that was told nothing and hands the same mail
// in again does not bring it twice. An empty mail is an error.
func Deliver(state string, r io.Reader) error {
	if err := MakeSpool(state); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Join(SpoolDir(state), "tmp"), "")
	if err != nil {
		return fmt.Errorf("spool the mail: %w", err)
	}
	defer os.Remove(f.Name()) // no longer there after the rename
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(f, sum), r)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("spool the mail: %w", err)
	}
	if n == 0 {
		return errors.New("spool the mail: it is empty")
	}
	dir := filepath.Join(SpoolDir(state), "new")
	if err := os.Rename(f.Name(), filepath.Join(dir, hex.EncodeToString(sum.Sum(nil)[:16]))); err != nil {
		return fmt.Errorf("spool the mail: %w", err)
	}
	return syncDir(dir)
}

// isSpool tells whether path is the spool of the state directory.
func isSpool(path string, o Options) bool {
	if o.State == "" {
		return false
	}
	spool, err := filepath.Abs(SpoolDir(o.State))
	return err == nil && path == spool
}

// dropDone removes the spool's mails that are durable downstream and returns
// the others.
func (m *maildir) dropDone(files []mailFile) []mailFile {
	left := files[:0]
	for _, f := range files {
		if !m.done.hasName(f.unique) {
			left = append(left, f)
			continue
		}
		if err := os.Remove(f.path); err != nil {
			m.trouble(err)
		}
	}
	return left
}

// tidy removes what deliveries that were killed left in the spool's tmp.
func (m *maildir) tidy() {
	entries, err := os.ReadDir(filepath.Join(m.path, "tmp"))
	if err != nil {
		return
	}
	for _, e := range entries {
		if info, err := e.Info(); err == nil && m.o.Now().Sub(info.ModTime()) > staleDelivery {
			os.Remove(filepath.Join(m.path, "tmp", e.Name()))
		}
	}
}
