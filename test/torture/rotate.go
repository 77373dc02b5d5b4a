package torture

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// style is a way in which logs are rotated.
type style struct {
	name     string
	noAppend bool // the writer has its log open without O_APPEND
	// apart: its files are read as logs of their own, so that what a message's earlier lines said may lack.
	apart bool
	// begin makes the first file; nil: an empty one at the path.
	begin func(w *logWriter) error
	// rotate is done by the writer itself between two lines, so that it loses none: what copytruncate loses between
	// copy and truncation is no reader's fault. Not done: the moment was none for it.
	rotate func(ctx context.Context, w *logWriter) (done bool, err error)
	// paths are what the reader is told to read; nil: the log.
	paths func(log string) []string
}

// styles are all ways of rotation that are about.
func styles() []style {
	return []style{
		{name: "create", rotate: each(func(w *logWriter) error { return w.renamed(1) })},
		{name: "create with the writer told late", rotate: late},
		{name: "copytruncate", rotate: each(copyTruncate)},
		{name: "copytruncate without O_APPEND", noAppend: true, rotate: each(copyTruncate)},
		{name: "delete and recreate", rotate: deleteFile},
		{name: "twice within a second", rotate: each(twice)},
		{name: "dateext", rotate: each(dateext)},
		{name: "gzip", rotate: each(packNow("gz"))},
		{name: "gzip delayed", rotate: each(packLater)},
		{name: "zstd", rotate: each(packNow("zst"))},
		{name: "bzip2", rotate: each(packNow("bz2"))},
		{name: "olddir", rotate: each(oldDir), begin: withOldDir,
			paths: func(log string) []string { return []string{log, filepath.Join(filepath.Dir(log), "old")} }},
		{name: "newsyslog", rotate: each(newsyslog), begin: turnedOver},
		{name: "odd name", apart: true, rotate: each(oddName),
			paths: func(log string) []string { return []string{filepath.Dir(log)} }},
		{name: "symlink", rotate: each(switchLink), begin: switchLink},
	}
}

// each is a rotation that can be done at any time.
func each(f func(w *logWriter) error) func(context.Context, *logWriter) (bool, error) {
	return func(_ context.Context, w *logWriter) (bool, error) { return true, f(w) }
}

var numbered = regexp.MustCompile(`^(.+)\.(\d+)(\.[a-z0-9]+)?$`)

// shift makes mail.log.1 mail.log.2 and so on, in dir.
func (w *logWriter) shift(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	type rotated struct {
		n    int
		tail string
	}
	var found []rotated
	for _, e := range entries {
		if m := numbered.FindStringSubmatch(e.Name()); m != nil && m[1] == filepath.Base(w.path) {
			n, err := strconv.Atoi(m[2])
			if err != nil {
				return err
			}
			found = append(found, rotated{n, m[3]})
		}
	}
	slices.SortFunc(found, func(a, b rotated) int { return b.n - a.n })
	base := filepath.Join(dir, filepath.Base(w.path))
	for _, f := range found {
		if err := os.Rename(fmt.Sprintf("%s.%d%s", base, f.n, f.tail),
			fmt.Sprintf("%s.%d%s", base, f.n+1, f.tail)); err != nil {
			return err
		}
	}
	return nil
}

// renamed is the plain rotation: the log becomes number first.
func (w *logWriter) renamed(first int) error {
	if err := w.shift(filepath.Dir(w.path)); err != nil {
		return err
	}
	if err := os.Rename(w.path, fmt.Sprintf("%s.%d", w.path, first)); err != nil {
		return err
	}
	return w.open()
}

// late has the writer go on with the renamed file, as a daemon does until it gets its SIGHUP.
func late(ctx context.Context, w *logWriter) (bool, error) {
	if err := w.shift(filepath.Dir(w.path)); err != nil {
		return false, err
	}
	if err := os.Rename(w.path, w.path+".1"); err != nil {
		return false, err
	}
	if err := os.WriteFile(w.path, nil, 0o644); err != nil {
		return false, err
	}
	told := time.After(time.Duration(w.r.IntN(3000)) * time.Millisecond)
	again := time.NewTicker(tick)
	defer again.Stop()
	for {
		select {
		case <-again.C:
			if err := w.lines(w.r.IntN(linesPerTick)); err != nil {
				return false, err
			}
			continue
		case <-told:
		case <-ctx.Done():
		}
		return true, w.open()
	}
}

func copyTruncate(w *logWriter) error {
	if err := w.shift(filepath.Dir(w.path)); err != nil {
		return err
	}
	if err := copyFile(w.path, w.path+".1"); err != nil {
		return err
	}
	if err := w.f.Truncate(0); err != nil {
		return err
	}
	w.gen++
	if !w.style.noAppend {
		w.at = 0 // else it writes on where it was, behind a hole
	}
	if w.r.IntN(4) == 0 { // and once more, with a few lines between at most
		if err := w.lines(w.r.IntN(4)); err != nil {
			return err
		}
		return copyTruncate(w)
	}
	return nil
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	if closeErr := out.Close(); err == nil {
		err = closeErr
	}
	return err
}

// longestHold is how long a reader may take to read a deleted file to its end, outages of what lies behind it included.
const longestHold = 5 * time.Minute

// deleteFile removes the log while lines of it are unread. Who has it open reads them all the same; who has not cannot,
// and promises nothing. So it is done only where the reader has it open, and the reader is left alive until it has let
// go.
func deleteFile(ctx context.Context, w *logWriter) (bool, error) {
	release, ok := w.h.holdReader()
	if !ok {
		return false, nil
	}
	defer release()
	if !w.h.readerHas(w.path) {
		return false, nil
	}
	if err := w.lines(w.r.IntN(50)); err != nil {
		return false, err
	}
	// What a message's first lines say is stored with its arrival; from a file that is gone nobody can read them again.
	for line := w.log.beginning(time.Now()); line != nil; line = w.log.beginning(time.Now()) {
		if err := w.line(line); err != nil {
			return false, err
		}
	}
	if !w.h.readerHas(w.path) {
		return false, nil
	}
	if err := os.Remove(w.path); err != nil {
		return false, err
	}
	if err := w.open(); err != nil {
		return false, err
	}
	again := time.NewTicker(tick)
	defer again.Stop()
	for begin := time.Now(); w.h.readerHas(w.path + " (deleted)"); {
		if time.Since(begin) > longestHold {
			return true, fmt.Errorf("the reader still has the deleted file open after %v", longestHold)
		}
		select {
		case <-again.C:
			if w.h.behind() > mostBehind {
				continue
			}
			if err := w.lines(w.r.IntN(linesPerTick)); err != nil {
				return true, err
			}
		case <-ctx.Done():
			return true, nil
		}
	}
	return true, nil
}

func twice(w *logWriter) error {
	if err := w.renamed(1); err != nil {
		return err
	}
	if err := w.lines(w.r.IntN(5)); err != nil {
		return err
	}
	return w.renamed(1)
}

// dated is a name that no other rotation of the log has.
func (w *logWriter) dated() string {
	for at := time.Now().UTC(); ; at = at.Add(time.Second) {
		path := fmt.Sprintf("%s-%s-%d", w.path, at.Format("20060102"), at.Unix())
		if _, err := os.Lstat(path); err != nil {
			return path
		}
	}
}

func dateext(w *logWriter) error {
	if err := os.Rename(w.path, w.dated()); err != nil {
		return err
	}
	return w.open()
}

func packNow(kind string) func(w *logWriter) error {
	return func(w *logWriter) error {
		if err := w.renamed(1); err != nil {
			return err
		}
		return pack(w.path+".1", kind)
	}
}

// packLater packs what the rotation before has renamed.
func packLater(w *logWriter) error {
	if err := w.renamed(1); err != nil {
		return err
	}
	if _, err := os.Stat(w.path + ".2"); err != nil {
		return nil
	}
	return pack(w.path+".2", "gz")
}

// pack compresses as gzip, zstd and bzip2 do: into a new file, which gets the old one's time, and then that is removed.
func pack(path, kind string) error {
	st, err := os.Stat(path)
	if err != nil {
		return err
	}
	in, err := os.Open(path)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(path + "." + kind)
	if err != nil {
		return err
	}
	defer out.Close()
	switch kind {
	case "gz":
		z := gzip.NewWriter(out)
		if _, err = io.Copy(z, in); err == nil {
			err = z.Close()
		}
	case "zst":
		var z *zstd.Encoder
		if z, err = zstd.NewWriter(out); err != nil {
			return err
		}
		if _, err = io.Copy(z, in); err == nil {
			err = z.Close()
		}
	case "bz2":
		cmd := exec.Command("bzip2", "-c")
		cmd.Stdin, cmd.Stdout = in, out
		err = cmd.Run()
	}
	if err != nil {
		return fmt.Errorf("pack %s: %w", path, err)
	}
	if err := os.Chtimes(out.Name(), st.ModTime(), st.ModTime()); err != nil {
		return err
	}
	return os.Remove(path)
}

func withOldDir(w *logWriter) error {
	if err := os.Mkdir(filepath.Join(filepath.Dir(w.path), "old"), 0o755); err != nil {
		return err
	}
	return w.open()
}

func oldDir(w *logWriter) error {
	old := filepath.Join(filepath.Dir(w.path), "old")
	if err := w.shift(old); err != nil {
		return err
	}
	if err := os.Rename(w.path, filepath.Join(old, filepath.Base(w.path)+".1")); err != nil {
		return err
	}
	return w.open()
}

// turnedOver is the first line of every file that newsyslog makes. Here it has the same stamp each time.
func turnedOver(w *logWriter) error {
	if err := w.open(); err != nil {
		return err
	}
	n, err := fmt.Fprintf(w.f, "2026-11-29T00:00:00.000+00:00 %s newsyslog[99]: logfile turned over\n", w.log.host)
	w.at += int64(n)
	return err
}

func newsyslog(w *logWriter) error {
	if err := w.shift(filepath.Dir(w.path)); err != nil {
		return err
	}
	if err := os.Rename(w.path, w.path+".0"); err != nil {
		return err
	}
	if err := turnedOver(w); err != nil {
		return err
	}
	if w.r.IntN(3) == 0 { // a short file between two rotations
		if err := w.lines(w.r.IntN(4)); err != nil {
			return err
		}
		return newsyslog(w)
	}
	return nil
}

// oddName gives the log a name that no rotation has. The reader is given the directory.
func oddName(w *logWriter) error {
	name := fmt.Sprintf("kept%c of mail%d", 'a'+w.gen%26, w.gen)
	if err := os.Rename(w.path, filepath.Join(filepath.Dir(w.path), name)); err != nil {
		return err
	}
	return w.open()
}

// switchLink has the log be a symbolic link to the newest of several files.
func switchLink(w *logWriter) error {
	path := w.dated()
	if err := w.openAt(path); err != nil {
		return err
	}
	next := w.path + ".new"
	if err := os.Symlink(filepath.Base(path), next); err != nil {
		return err
	}
	return os.Rename(next, w.path)
}
