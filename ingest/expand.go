package ingest

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Skipped is a path that is not read, and why.
type Skipped struct {
	Path, Reason string
}

// Found is what paths stand for.
type Found struct {
	Files   []string // logs, mboxes, mails and Maildirs, to be read
	Skipped []Skipped
	dirs    []string // that were named, or are empty: logs may be rotated into them
}

// maxExpanded bounds how many files a directory may stand for.
const maxExpanded = 100_000

// Expand takes paths as people give them and returns what is to be read. A
// directory that is no Maildir stands for the Maildirs and text files in it
// and below it; files and directories whose name begins with a dot are left
// out, and state directories: the engine's files are text, too. A log that
// repeats another's lines is skipped where the other is read too, whoever named
// it, and holds any: its attempts would count twice. A path that is not there, or cannot be
// read, stays: reading it tells why.
func Expand(paths []string) (*Found, error) {
	f := &Found{}
	for _, path := range paths {
		st, err := os.Stat(path)
		if err != nil || !st.IsDir() || isMaildir(path) {
			f.Files = append(f.Files, path)
			continue
		}
		if err := f.expand(path); err != nil {
			return nil, err
		}
	}
	there := map[logAt][]string{}
	for _, path := range f.Files {
		at := whereIs(path)
		there[at] = append(there[at], path)
	}
	f.Files = slices.DeleteFunc(f.Files, func(path string) bool {
		main := repeats(path, there)
		if main != "" {
			f.Skipped = append(f.Skipped, Skipped{path, "repeats lines of " + main})
		}
		return main != ""
	})
	return f, nil
}

// expand adds what is in dir, which may be a link to a directory.
func (f *Found) expand(dir string) error {
	dir = filepath.Clean(dir)
	root := dir + string(filepath.Separator) // of a link alone WalkDir sees but the link
	before := len(f.Files)
	met := map[disk]int{} // a file that has several names is read once: where it is in f.Files
	add := func(path string, link bool) error {
		st, err := os.Stat(path)
		if err == nil && st.IsDir() && !within(path, dir) {
			f.Skipped = append(f.Skipped, Skipped{path, "it is a link to a directory: name that to have it read"})
		}
		if err != nil || !st.Mode().IsRegular() {
			return nil
		}
		at, again := met[inode(st)]
		switch {
		case again && (link || at < 0):
			return nil
		case again:
			if slices.Compare(rank(path), rank(f.Files[at])) < 0 {
				path, f.Files[at] = f.Files[at], path
			}
			f.Skipped = append(f.Skipped, Skipped{path, "it is another name of " + f.Files[at]})
			return nil
		}
		met[inode(st)] = -1
		var no *notText
		if _, err := sniffFile(path); errors.As(err, &no) {
			f.Skipped = append(f.Skipped, Skipped{path, no.reason})
			return nil
		}
		met[inode(st)] = len(f.Files)
		if f.Files = append(f.Files, path); len(f.Files)-before > maxExpanded {
			return fmt.Errorf("open %s: holds more than %d files: name those to read", dir, maxExpanded)
		}
		return nil
	}
	// followed to files, not to directories, and last: their targets' own names tell more
	var links []string
	empty := map[string]bool{dir: true} // or named
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if above := filepath.Dir(path); above != dir && path != root {
			delete(empty, above)
		}
		switch {
		case err != nil && path == root:
			return explain("open", dir, err)
		case err != nil:
			delete(empty, path)
			f.Skipped = append(f.Skipped, Skipped{path, explain("open", path, err).Error()})
			return nil
		case path != root && strings.HasPrefix(d.Name(), "."):
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		case d.IsDir() && isStateDir(path):
			return fs.SkipDir
		case d.IsDir() && isMaildir(path):
			f.Files = append(f.Files, path)
			return fs.SkipDir
		case d.IsDir():
			empty[filepath.Clean(path)] = true
			return nil
		case d.Type()&fs.ModeSymlink != 0:
			links = append(links, path)
			return nil
		}
		return add(path, false)
	})
	for _, path := range links {
		if err == nil {
			err = add(path, true)
		}
	}
	f.dirs = append(f.dirs, slices.Sorted(maps.Keys(empty))...)
	return err
}

// rank is lowest for that of a file's names by which a log is written and
// rotated, rather than kept aside: it is not that of a rotated file, rotated
// files lie beside it, and it lies the least deep.
func rank(path string) []int {
	beside, _ := list(basePath(path), nil)
	r := []int{0, 1, strings.Count(path, "/")}
	if basePath(path) != path {
		r[0] = 1
	}
	if slices.ContainsFunc(beside, func(s sibling) bool { return s.path != path }) {
		r[1] = 0
	}
	return r
}

// within tells whether what the link at path leads to is dir, or lies below it.
func within(path, dir string) bool {
	path, err := filepath.EvalSymlinks(absolute(path))
	if err == nil {
		dir, err = filepath.EvalSymlinks(absolute(dir))
	}
	return err == nil && (path == dir || strings.HasPrefix(path, strings.TrimSuffix(dir, "/")+"/"))
}

// isStateDir tells whether the directory is a state directory: it has the lock of
// one, beside the positions or, at a first start, alone.
func isStateDir(path string) bool {
	st, err := os.Lstat(filepath.Join(path, lockName))
	if err != nil || !st.Mode().IsRegular() {
		return false
	}
	if st, err := os.Lstat(filepath.Join(path, positionsName)); err == nil && st.IsDir() {
		return true
	}
	entries, err := os.ReadDir(path)
	return err == nil && len(entries) == 1
}

// isMaildir tells whether the directory has the folders of a Maildir.
func isMaildir(path string) bool {
	for _, sub := range []string{"cur", "new"} {
		if st, err := os.Stat(filepath.Join(path, sub)); err != nil || !st.IsDir() {
			return false
		}
	}
	return true
}

// namesIn are the names in a directory; with an error, as far as it can be listed.
func namesIn(dir string) (names []string, err error) {
	entries, err := os.ReadDir(cmp.Or(dir, "."))
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names, err
}

// basePath is path without what rotation added to its name.
func basePath(path string) string {
	dir, name := filepath.Split(path)
	base, mark, _ := baseName(name)
	if mark == "" {
		if m := rotatedNumber.FindStringSubmatch(name); m != nil {
			of := m[1] + m[3]
			if _, err := os.Stat(dir + of); err == nil {
				if names, _ := namesIn(dir); numbered(of, names)[name] != "" {
					base = of
				}
			}
		}
	}
	return filepath.Join(dir, base)
}

// repeaters are log files and the file of the same directory, the first of
// those that are there, whose lines they repeat: the usual syslog
// configurations, and Exim's log of refusals, each of which is in its main
// log too.
var repeaters = []struct {
	name string
	of   []string
}{
	{"mail.info", []string{"mail.log", "maillog", "mail"}},
	{"mail.warn", []string{"mail.log", "maillog", "mail", "mail.info"}},
	{"mail.err", []string{"mail.log", "maillog", "mail", "mail.info", "mail.warn"}},
	{"syslog", []string{"mail.log", "maillog", "mail"}},
	{"messages", []string{"mail.log", "maillog", "mail"}},
	{"rejectlog", []string{"mainlog"}},
	{"paniclog", []string{"mainlog"}},
	{"exim_rejectlog", []string{"exim_mainlog"}},
	{"exim_paniclog", []string{"exim_mainlog"}},
	{"reject.log", []string{"main.log"}},
	{"panic.log", []string{"main.log"}},
}

// repeats is the name of the log there whose lines the log at path repeats, if
// there is one. Names alone tell nothing: a mailbox may be called mail, and of a
// log in which nothing stands nothing is repeated.
func repeats(path string, there map[logAt][]string) string {
	at := whereIs(path)
	for _, r := range repeaters {
		if filepath.Base(at.base) != r.name || !isLog(path) {
			continue
		}
		for _, of := range r.of {
			if slices.ContainsFunc(there[logAt{at.dir, filepath.Join(filepath.Dir(at.base), of)}], holdsLines) {
				return of
			}
		}
	}
	return ""
}

// holdsLines tells whether lines of a log stand in the file at path or, where it
// is empty, in those rotated from it.
func holdsLines(path string) bool {
	rotated, _ := list(basePath(path), nil)
	return written(path) || slices.ContainsFunc(rotated, func(s sibling) bool { return written(s.path) })
}

func written(path string) bool {
	st, err := os.Stat(path)
	if err != nil || st.Size() == 0 {
		return false
	}
	kind, err := sniffFile(path)
	return err == nil && kind == kindLog
}
