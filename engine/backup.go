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
	"path/filepath"
	"strings"
	"time"
)

// A backup is a gzipped tar of the engine's data and version, and as its last entry a manifest: for every file its SHA-256
// and its name, one a line, as sha256sum writes them. A backup without its manifest is a cut one. Passwords are not in it.
const manifestName = "SHA256SUMS"

// backupWait is how long Backup and Restore wait for an engine on the directory to end.
const backupWait = 2 * time.Second

// Backup writes the data of a state directory to w. No engine may run on it: a *LockedError says that one does.
func Backup(state string, w io.Writer) error {
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
	for _, top := range []string{"version", "data"} {
		err := fs.WalkDir(root.FS(), top, func(name string, e fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			return pack(root, t, name, e, &manifest)
		})
		if err != nil {
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

func pack(root *os.Root, t *tar.Writer, name string, e fs.DirEntry, manifest *bytes.Buffer) error {
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
	h.Name, h.Uname, h.Gname = name, "", ""
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
	fmt.Fprintf(manifest, "%x  %s\n", sum.Sum(nil), name)
	return nil
}

// Restore reads a backup into a state directory that has no data yet. Every file is checked against the manifest before the
// data is put in its place; a cut or damaged backup leaves the directory as it was.
func Restore(state string, r io.Reader) error {
	d, err := openDir(state)
	if err != nil {
		return err
	}
	lock, err := d.lock(context.Background(), backupWait, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer lock.Close()
	for _, name := range []string{"data", "version"} {
		if _, err := os.Lstat(d.file(name)); !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("restore: %s is there already; restore into an empty state directory", d.file(name))
		}
	}
	temp, err := os.MkdirTemp(d.path, "restore-")
	if err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	defer os.RemoveAll(temp)
	root, err := os.OpenRoot(temp)
	if err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	defer root.Close()
	if err := unpack(root, r); err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	// The version first: data without it could be opened by an older engine.
	for _, name := range []string{"version", "data"} {
		if err := os.Rename(filepath.Join(temp, name), d.file(name)); err != nil {
			return fmt.Errorf("restore: %w", err)
		}
	}
	if err := d.sync(); err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	return nil
}

// unpack writes the backup's files under root, which no name and no link in it can leave, and checks them.
func unpack(root *os.Root, r io.Reader) error {
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
		case name != "version" && name != "data" && !strings.HasPrefix(name, "data/"):
			return fmt.Errorf("not a backup: it holds %q", h.Name)
		}
		switch h.Typeflag {
		case tar.TypeDir:
			err = root.MkdirAll(name, 0o700)
		case tar.TypeSymlink:
			if filepath.IsAbs(h.Linkname) || !strings.HasPrefix(filepath.Join(filepath.Dir(name), h.Linkname), "data/") {
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
