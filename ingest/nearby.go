package ingest

import (
	"io"
	"os"
	"path/filepath"
	"slices"
)

// compare goes on with a proof that marks cannot go on with, by the other
// file itself, where that is still there.
func (l *logFile) compare(h *handle, p *proof) error {
	other, err := l.original(h, &p.was)
	if other == nil || err != nil {
		return err
	}
	defer other.close()
	same, err := newProof(p.entry, p.was)
	if err == nil {
		err = prove(other.content, []*proof{same})
	}
	if err != nil || !same.whole() {
		return err
	}
	lines, err := common(h.content, io.NewSectionReader(other.content, 0, p.was.Read), p.proven)
	if err != nil {
		return err
	}
	p.proven = lines
	p.differs, err = moreLines(h.content, lines)
	return err
}

// original opens the file that e was read from; nil where it is gone.
func (l *logFile) original(h *handle, e *entry) (*handle, error) {
	paths := []string{e.Path, l.path}
	files, _ := l.list()
	for _, s := range files {
		paths = append(paths, s.path)
	}
	want := inodeOf(e.Disk)
	if want == (disk{}) || want == inode(h.info) {
		return nil, nil
	}
	for _, path := range paths {
		f, info, err := openRegular(path)
		if err != nil {
			continue
		}
		if inode(info) != want {
			f.Close()
			continue
		}
		other := &handle{f: f, path: path, info: info}
		if other.content, err = openContent(f); err != nil {
			f.Close()
			return nil, err
		}
		return other, nil
	}
	return nil, nil
}

// astray finds the file that e was last read from, where that is no longer
// among the stream's: by its inode, among those near by.
func (l *logFile) astray(e *entry, files []sibling) []sibling {
	want := inodeOf(l.led.copyOf(e).Disk)
	at := func(s sibling) bool { return inode(s.info) == want }
	held := func(h *handle) bool { return inode(h.info) == want }
	if want == (disk{}) || slices.ContainsFunc(l.held, held) || slices.ContainsFunc(files, at) {
		return nil
	}
	near := l.nearby(e)
	if i := slices.IndexFunc(near, at); i >= 0 {
		return near[i : i+1]
	}
	return nil
}

// nearby lists the files in the directories where rotation may have put what
// e was read from, under whatever name.
func (l *logFile) nearby(e *entry) (files []sibling) {
	dirs := []string{filepath.Dir(l.led.copyOf(e).Path), filepath.Dir(l.path), filepath.Dir(linked(l.path))}
	slices.Sort(dirs)
	dirs = slices.Compact(dirs)
	for range 2 { // these, and the directories in them
		var below []string
		for _, dir := range dirs {
			entries, _ := os.ReadDir(dir)
			for _, e := range entries[:min(len(entries), maxNearby)] {
				info, err := e.Info()
				switch path := filepath.Join(dir, e.Name()); {
				case err != nil:
				case info.IsDir():
					below = append(below, path)
				case info.Mode().IsRegular():
					files = append(files, sibling{path: path, info: info})
				}
			}
		}
		dirs = below
	}
	return files
}
