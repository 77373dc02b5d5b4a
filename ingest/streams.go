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
//     rotated ones have it, holds that log's. So may those that were named and
//     those that are empty, in time. Several such directories beside one another
//     are those of hosts, and their logs are logs of their own.
func (f *Found) Streams() (paths []string, folders Folders) {
	folders = Folders{}
	logs := map[string]bool{}
	there := map[logAt]bool{}
	for _, path := range f.Files {
		if logs[path] = isLog(path); logs[path] {
			there[whereIs(path)] = true
		}
	}
	link := func(path string) bool {
		real, err := filepath.EvalSymlinks(path)
		if err != nil || whereIs(real) == whereIs(path) || !there[whereIs(real)] {
			return false
		}
		beside, err := list(basePath(absolute(path)), nil)
		return err == nil && len(beside) == 0
	}
	first := map[logAt]string{}  // what was given first of a log: Open is given that
	stands := map[logAt]string{} // of those that lie under their own names, the path without what rotation added
	for _, path := range f.Files {
		if logs[path] && first[whereIs(path)] == "" && !link(path) {
			first[whereIs(path)] = path
		}
	}
	for _, path := range f.Files {
		if full := absolute(path); first[whereIs(path)] != "" && full == basePath(full) && logs[path] {
			stands[whereIs(path)] = basePath(absolute(first[whereIs(path)]))
		}
	}
	beside := map[string]map[string]bool{} // by the directory above and the log's name
	for _, path := range f.Files {
		if full := absolute(path); logs[path] && stands[whereIs(path)] == "" {
			dir, base := filepath.Dir(full), filepath.Base(basePath(full))
			above := filepath.Join(filepath.Dir(dir), base)
			if beside[above] == nil {
				beside[above] = map[string]bool{}
			}
			beside[above][dir] = true
		}
	}
	// adopt gives dir to the nearest log above it that has that name.
	adopt := func(dir, base string) bool {
		if len(beside[filepath.Join(filepath.Dir(absolute(dir)), base)]) > 1 {
			return false
		}
		dir, err := filepath.EvalSymlinks(absolute(dir))
		if err != nil || stands[whereIs(filepath.Join(dir, base))] != "" {
			return false
		}
		if _, err := os.Stat(filepath.Join(dir, base)); err == nil {
			return false // it may have been found by another name
		}
		for above := dir; above != filepath.Dir(above); {
			above = filepath.Dir(above)
			if log := stands[whereIs(filepath.Join(above, base))]; log != "" {
				if !slices.Contains(folders[log], dir) {
					folders[log] = append(folders[log], dir)
				}
				return true
			}
		}
		return false
	}
	for _, path := range f.Files {
		if logs[path] {
			full := absolute(path)
			if first[whereIs(path)] != path || adopt(filepath.Dir(full), filepath.Base(basePath(full))) {
				continue
			}
		}
		paths = append(paths, path)
	}
	for _, log := range stands {
		for _, dir := range f.dirs {
			adopt(dir, filepath.Base(log))
		}
	}
	return paths, folders
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
