package ingest

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// Folders says, by the path of a log, in which directories below its own its
// rotated files lie, too: logrotate's olddir.
type Folders map[string][]string

// logAt is where a log lies, whatever path leads there.
type logAt struct {
	dir  disk
	base string
}

// Streams takes what Expand found and returns one path for each stream. What
// is one log in several places is one stream: its files are read one after the
// other, and what is remembered of a message goes with it.
//
//   - A directory that is reached by two paths holds the same logs.
//   - A link to a log that is read under its own name is that log, if no rotated
//     files lie beside the link.
//   - A directory below a log's in which no file has the log's own name, but
//     rotated ones have it, holds that log's, if led knows none that was read
//     there. So may those that were named and those that are empty, in time.
//     Several such directories beside one another are those of hosts, and their
//     logs are logs of their own; so is that of one whose lines name other hosts.
//   - Files of one log's names that are all empty may turn out to be mailboxes: each
//     keeps its path, and shows what it is when it is written (see lazy).
func (f *Found) Streams(led *Ledger) (paths []string, folders Folders) {
	folders = Folders{}
	var logs []logPath // in the order of Files, as far as they are logs
	there, written := map[logAt]bool{}, map[logAt]bool{}
	for _, path := range f.Files {
		if isLog(path) {
			log := logPath{given: path, base: basePath(absolute(path)), at: whereIs(path)}
			logs, there[log.at] = append(logs, log), true
			st, err := os.Stat(path)
			written[log.at] = written[log.at] || err == nil && st.Size() > 0
		}
	}
	open := map[string]bool{} // what these are does not show yet
	met := map[disk]bool{}
	for _, log := range logs {
		if st, err := os.Lstat(log.given); err == nil && st.Mode().IsRegular() && !written[log.at] && !met[inode(st)] {
			met[inode(st)], open[log.given] = true, true
		}
	}
	first := map[logAt]logPath{} // what was given first of a log: Open is given that
	for _, log := range logs {
		if _, met := first[log.at]; !met && !log.isLink(there) {
			first[log.at] = log
		}
	}
	stands := map[logAt]string{} // of those that lie under their own names, the first one's base
	for _, log := range logs {
		if by, met := first[log.at]; met && absolute(log.given) == log.base {
			stands[log.at] = by.base
		}
	}
	beside := map[string]map[string]bool{} // directories with rotated files alone, by that above and the log's name
	for _, log := range logs {
		if stands[log.at] == "" {
			dir := filepath.Dir(log.base)
			above := filepath.Join(filepath.Dir(dir), filepath.Base(log.base))
			if beside[above] == nil {
				beside[above] = map[string]bool{}
			}
			beside[above][dir] = true
		}
	}
	hosts := map[string]map[string]bool{} // that the logs name
	// adopt gives dir to the nearest log above it that has that name.
	adopt := func(dir, base string) bool {
		if len(beside[filepath.Join(filepath.Dir(dir), base)]) > 1 || led.wasRead(filepath.Join(dir, base)) {
			return false
		}
		dir, err := filepath.EvalSymlinks(dir)
		if err != nil || stands[whereIs(filepath.Join(dir, base))] != "" {
			return false
		}
		if _, err := os.Stat(filepath.Join(dir, base)); err == nil {
			return false // it may have been found by another name
		}
		for above := dir; above != filepath.Dir(above); {
			above = filepath.Dir(above)
			if log := stands[whereIs(filepath.Join(above, base))]; log != "" {
				if hosts[log] == nil {
					hosts[log] = hostsOf(log)
				}
				if apart(hosts[log], hostsOf(filepath.Join(dir, base))) {
					return false
				}
				if !slices.Contains(folders[log], dir) {
					folders[log] = append(folders[log], dir)
				}
				return true
			}
		}
		return false
	}
	other := map[string]bool{} // logs that need no source of their own
	for _, log := range logs {
		other[log.given] = first[log.at].given != log.given && !open[log.given] ||
			adopt(filepath.Dir(log.base), filepath.Base(log.base))
	}
	for _, path := range f.Files {
		if !other[path] {
			paths = append(paths, path)
		}
	}
	for _, log := range stands {
		for _, dir := range f.dirs {
			adopt(absolute(dir), filepath.Base(log))
		}
	}
	return paths, folders
}

// logPath is a path as it was given, and where the log is of which it is a file.
type logPath struct {
	given string
	base  string // absolute, without what rotation added
	at    logAt
}

// isLink tells whether the path is a link to a file of another log that is
// there, with no rotated files of its own.
func (p logPath) isLink(there map[logAt]bool) bool {
	real, err := filepath.EvalSymlinks(p.given)
	if errors.Is(err, fs.ErrNotExist) { // a rotator has moved the log away, and the next is awaited
		real, err = linked(p.given), nil
	}
	if err != nil {
		return false
	}
	if at := whereIs(real); at == p.at || !there[at] {
		return false
	}
	beside, err := list(p.base, nil)
	return err == nil && !slices.ContainsFunc(beside, func(s sibling) bool { return !s.far })
}

// isLog tells whether a log is at path, or may come there.
func isLog(path string) bool {
	kind, err := sniffFile(path)
	return err == nil && kind == kindLog || errors.Is(err, fs.ErrNotExist)
}

// whereIs is where the log at path, or rotated to path, lies.
func whereIs(path string) logAt {
	base := basePath(absolute(path))
	st, err := os.Stat(filepath.Dir(base))
	if err != nil {
		return logAt{base: base}
	}
	return logAt{inode(st), filepath.Base(base)}
}

func absolute(path string) string {
	if full, err := filepath.Abs(path); err == nil {
		return full
	}
	return path
}
