package engine

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// A backup is a gzipped tar of the engine's data and version, of what belongs to them in the state directory, and as
// its last entry a manifest: for every file its SHA-256 and its name, one a line, as sha256sum writes them. A backup
// without its manifest is a cut one. Passwords are not in it.
const (
	manifestName = "SHA256SUMS"
	besideName   = "state" // where what lies beside the engine's directory is in it
)

// backupWait is how long Backup and Restore wait for an engine on the directory to end.
const backupWait = 2 * time.Second

// Backup writes the data of a state directory to w, and what the directory has under the names beside: how far was read
// of what. No engine may run on it: a *LockedError says that one does.
func Backup(state string, w io.Writer, beside ...string) error {
	d, err := openDir(state)
	if err != nil {
		return err
	}
	lock, err := d.lock(context.Background(), backupWait, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer lock.Close()
	if _, err := os.Stat(d.data()); err != nil {
		return fmt.Errorf("back up: %w", err)
	}
	root, err := os.OpenRoot(d.path)
	if err != nil {
		return fmt.Errorf("back up: %w", err)
	}
	defer root.Close()
	z := gzip.NewWriter(w)
	t := tar.NewWriter(z)
	var manifest bytes.Buffer
	above, err := os.OpenRoot(state)
	if err != nil {
		return fmt.Errorf("back up: %w", err)
	}
	defer above.Close()
	walk := func(root *os.Root, top, as string) error {
		return fs.WalkDir(root.FS(), top, func(name string, e fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			return pack(root, t, name, path.Join(as, name), e, &manifest)
		})
	}
	for _, top := range []string{"version", "data"} {
		if err := walk(root, top, ""); err != nil {
			return fmt.Errorf("back up: %w", err)
		}
	}
	for _, name := range beside { // after the data: it may say less was read than that has, never more
		if err := walk(above, name, besideName); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("back up: %w", err)
		}
	}
	err = t.WriteHeader(&tar.Header{Name: manifestName, Mode: 0o600, Size: int64(manifest.Len())})
	if err == nil {
		_, err = t.Write(manifest.Bytes())
	}
	if err == nil {
		err = t.Close()
	}
	if err == nil {
		err = z.Close()
	}
	if err != nil {
		return fmt.Errorf("back up: %w", err)
	}
	return nil
}

// pack adds the file name of root to t under the name as.
func pack(root *os.Root, t *tar.Writer, name, as string, e fs.DirEntry, manifest *bytes.Buffer) error {
	info, err := e.Info()
	if err != nil {
		return err
	}
	link := ""
	if e.Type()&fs.ModeSymlink != 0 {
		if link, err = root.Readlink(name); err != nil {
			return err
		}
	}
	h, err := tar.FileInfoHeader(info, link)
	if err != nil {
		return err
	}
	h.Name, h.Uname, h.Gname = as, "", ""
	if err := t.WriteHeader(h); err != nil {
		return err
	}
	if !e.Type().IsRegular() {
		return nil
	}
	f, err := root.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(io.MultiWriter(t, sum), f); err != nil {
		return err
	}
	fmt.Fprintf(manifest, "%x  %s\n", sum.Sum(nil), as)
	return nil
}

// Restore reads a backup into a state directory that has no data yet. Every file is checked against the manifest before
// the data is put in its place; a cut or damaged backup leaves the directory as it was. beside is as of Backup; whole
// says whether the backup has any of that.
func Restore(state string, r io.Reader, beside ...string) (whole bool, err error) {
	d, err := openDir(state)
	if err != nil {
		return false, err
	}
	lock, err := d.lock(context.Background(), backupWait, slog.New(slog.DiscardHandler))
	if err != nil {
		return false, err
	}
	defer lock.Close()
	places := []string{d.data(), d.file("version")}
	for _, name := range beside {
		places = append(places, filepath.Join(state, name))
	}
	for _, place := range places {
		if _, err := os.Lstat(place); !errors.Is(err, os.ErrNotExist) {
			return false, fmt.Errorf("restore: %s is there already; restore into an empty state directory", place)
		}
	}
	d.forgetRestores()
	defer d.forgetRestores()
	temp, err := os.MkdirTemp(d.path, unpackedName)
	if err != nil {
		return false, fmt.Errorf("restore: %w", err)
	}
	root, err := os.OpenRoot(temp)
	if err != nil {
		return false, fmt.Errorf("restore: %w", err)
	}
	defer root.Close()
	if err := unpack(root, r, beside); err != nil {
		return false, fmt.Errorf("restore: %w", err)
	}
	_, err = root.Lstat(besideName)
	whole = err == nil
	if err := syncAll(temp); err != nil {
		return false, fmt.Errorf("restore: %w", err)
	}
	// From here on it is done: whoever has the directory next goes on with it.
	if err := errors.Join(os.Rename(temp, d.file(restoringName)), syncDir(d.path)); err != nil {
		return false, fmt.Errorf("restore: %w", err)
	}
	return whole, d.finishRestore()
}

const (
	unpackedName  = "unpacked-" // with a number: a backup that is being unpacked
	restoringName = "restoring" // one that was checked whole, of which each part goes to its place
)

// FinishRestore puts in place what a restore that was cut had checked. It is for those who read what was read of logs
// and mails before there is an engine; whoever starts one does the same.
func FinishRestore(state string) error {
	d := dir{Dir(state)}
	if _, err := os.Lstat(d.file(restoringName)); err != nil {
		return nil // there is none, or no directory; who starts an engine tells of others
	}
	lock, err := d.lock(context.Background(), backupWait, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	return lock.Close()
}

// finishRestore puts the parts of a backup in their places, those that are not there yet.
func (d dir) finishRestore() error {
	from := d.file(restoringName)
	if _, err := os.Lstat(from); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	state := filepath.Dir(d.path)
	moves := map[string]string{}
	beside, err := os.ReadDir(filepath.Join(from, besideName))
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	for _, e := range beside {
		moves[filepath.Join(from, besideName, e.Name())] = filepath.Join(state, e.Name())
	}
	for _, name := range []string{"version", "data"} {
		moves[filepath.Join(from, name)] = d.file(name)
	}
	for part, place := range moves {
		if moved := os.Rename(part, place); !errors.Is(moved, fs.ErrNotExist) {
			err = errors.Join(err, moved)
		}
	}
	if err = errors.Join(err, syncDir(state), syncDir(d.path)); err == nil {
		err = os.RemoveAll(from)
	}
	if err != nil {
		return fmt.Errorf("finish the restore in %s: %w", from, err)
	}
	return nil
}

// forgetRestores removes backups that were not unpacked whole.
func (d dir) forgetRestores() {
	files, _ := os.ReadDir(d.path)
	for _, e := range files {
		if strings.HasPrefix(e.Name(), unpackedName) {
			os.RemoveAll(d.file(e.Name()))
		}
	}
}

// unpack writes the backup's files under root, which no name and no link in it can leave, and checks them.
func unpack(root *os.Root, r io.Reader, beside []string) error {
	z, err := gzip.NewReader(bufio.NewReader(r))
	if err != nil {
		return fmt.Errorf("not a backup: %w", err)
	}
	t := tar.NewReader(z)
	sums := map[string]string{}
	for {
		h, err := t.Next()
		if err == io.EOF {
			return errors.New("the backup is cut: its manifest is missing")
		}
		if err != nil {
			return err
		}
		name := filepath.Clean(h.Name)
		switch {
		case name == manifestName:
			if err := verify(t, sums); err != nil {
				return err
			}
			_, err := io.Copy(io.Discard, z) // to gzip's own checksum
			return err
		case name != "version" && name != "data" && !strings.HasPrefix(name, "data/") && !isBeside(name, beside):
			return fmt.Errorf("not a backup: it holds %q", h.Name)
		}
		switch h.Typeflag {
		case tar.TypeDir:
			err = root.MkdirAll(name, 0o700)
		case tar.TypeSymlink:
			if filepath.IsAbs(h.Linkname) || !strings.HasPrefix(filepath.Join(filepath.Dir(name), h.Linkname),
				"data/") {
				return fmt.Errorf("not a backup: the link %q leaves it", h.Name)
			}
			err = root.Symlink(h.Linkname, name)
		case tar.TypeReg:
			sums[name], err = unpackFile(root, name, t)
		default:
			return fmt.Errorf("not a backup: %q is neither file, folder nor link", h.Name)
		}
		if err != nil {
			return err
		}
	}
}

func isBeside(name string, beside []string) bool {
	name, ok := strings.CutPrefix(name, besideName+"/")
	top, _, _ := strings.Cut(name, "/")
	return ok && slices.Contains(beside, top)
}

func unpackFile(root *os.Root, name string, r io.Reader) (string, error) {
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	_, err = io.Copy(io.MultiWriter(f, sum), r)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return hex.EncodeToString(sum.Sum(nil)), err
}

// verify compares the manifest with what was unpacked: the same files, each with its sum.
func verify(manifest io.Reader, sums map[string]string) error {
	lines := bufio.NewScanner(manifest)
	seen := 0
	for lines.Scan() {
		want, name, _ := strings.Cut(lines.Text(), "  ")
		if sums[name] != want {
			return fmt.Errorf("the backup is damaged: %s does not have the checksum of the manifest", name)
		}
		seen++
	}
	if err := lines.Err(); err != nil {
		return err
	}
	if seen != len(sums) || sums["version"] == "" {
		return fmt.Errorf("the backup is damaged: %d files, %d in the manifest", len(sums), seen)
	}
	return nil
}
