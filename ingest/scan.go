package ingest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

const (
	rescan   = 5 * time.Second // how often siblings are looked at
	quiet    = 5 * time.Second // a rotated file that did not grow for so long is finished
	patience = time.Minute     // and so is one that was rotated so long ago

	maxRest = 5 * time.Minute // how long at most a packed file that grows is left alone, 20 times as long as it took to read

	maxWarned = 100 // files complained of at a time
	maxGone   = 64  // files remembered that are no longer there
)

// next is the piece to read next, of the current file as it is afterwards;
// nil where there is none at the moment.
func (l *logFile) next() (*piece, error) {
	now := l.o.Now()
	rotated := false
	if h := l.cur; h != nil {
		p, err := l.take(h, false)
		switch {
		case errors.Is(err, errReplaced):
			// What was not read before is in a copy, if anywhere.
			l.setCurrent(nil)
		case err != nil:
			l.setCurrent(nil)
			l.trouble(fmt.Errorf("read %s: %w", h.path, err))
		case p != nil:
			h.grown = now
			return p, nil
		case !h.live:
			l.finish(h)
			l.setCurrent(nil)
			if l.cur != nil {
				return l.next()
			}
		case l.atPath(h):
			l.moved = time.Time{}
			if now.Sub(l.scanned) < rescan {
				return nil, nil
			}
		default:
			// Rotated. Its writer goes on with it until it is told.
			rotated = true
			if l.moved.IsZero() {
				l.moved = now
			}
			if !l.o.Once && now.Sub(h.grown) < quiet && now.Sub(l.moved) < patience {
				return nil, nil
			}
		}
	}
	h, p := l.scan()
	switch {
	case h == nil || h == l.cur:
		return nil, nil
	case rotated && p == nil:
		h.close() // nothing has come to the new file: hold on to the old
		return nil, nil
	case rotated && now.Sub(l.cur.grown) >= quiet:
		// The new file has lines and the old is quiet: what stands at the
		// old one's end without a line end is a line.
		if last, err := l.take(l.cur, true); err == nil && last != nil {
			h.close()
			return last, nil
		}
	}
	if l.cur != nil && !rotated {
		l.kept = l.cur // the live file stays open while a sibling is read
		l.cur = h
	} else {
		l.setCurrent(h)
	}
	return p, nil
}

// scan opens the oldest file that has something to read; the file at the
// configured path comes last, and also with nothing to read.
func (l *logFile) scan() (*handle, *piece) {
	l.scanned, l.failed = l.o.Now(), nil
	files, err := l.siblings()
	if err != nil {
		l.trouble(err)
		return nil, nil
	}
	for _, s := range files {
		if l.cur != nil && same(l.cur, s.info) || l.nothingNew(s.info) {
			continue
		}
		h, err := l.open(s.path, false)
		if errors.Is(err, fs.ErrNotExist) {
			continue // rotated on: the next scan finds it
		}
		if err != nil {
			l.trouble(err)
			continue
		}
		// While the writer may still be at it, its last line may be too.
		p, err := l.take(h, l.o.Now().Sub(s.info.ModTime()) >= quiet)
		if err == nil && p != nil {
			l.found = true
			return h, p
		}
		if err != nil {
			l.trouble(fmt.Errorf("read %s: %w", s.path, err))
		} else {
			l.finish(h)
		}
		h.close()
	}
	if l.found && len(l.dated) > 0 {
		l.found = false // what is read to its end by that list may have grown, or be followed by another
		return l.scan()
	}
	if l.cur != nil && l.atPath(l.cur) {
		l.forget()
		return l.cur, nil
	}
	h, err := l.open(l.path, true)
	if err != nil {
		switch {
		case !errors.Is(err, fs.ErrNotExist):
			l.trouble(err)
		case l.allDated(files):
			l.forget()
		case !l.o.Once:
			l.trouble(err)
		}
		return nil, nil
	}
	p, err := l.take(h, false)
	if err != nil {
		h.close()
		if !errors.Is(err, errReplaced) { // else it was truncated just now
			l.trouble(fmt.Errorf("read %s: %w", l.path, err))
		}
		return nil, nil
	}
	if l.failed == nil {
		clear(l.warned)
	}
	l.forget()
	return h, p
}

// forget drops, after a scan that met every file there is, the files that
// were last read the longest ago of those that are gone, where there are too
// many. Of the one that was being written when the last run ended it says so:
// nothing else tells that lines may be missing.
func (l *logFile) forget() {
	if l.failed != nil {
		return
	}
	isGone := func(k *known) bool {
		return k.seen.Before(l.scanned) && (l.cur == nil || l.cur.known != k) && (l.kept == nil || l.kept.known != k)
	}
	// A recovery opens a file before any scan has met it.
	if k := l.last; k != nil && k.seen.IsZero() && isGone(k) {
		l.o.Log.Warn("the file that was last read is gone: what was written to it later was not read", "stream", l.stream, "file", k.Name, "file_id", k.ID, "offset", k.Read)
	}
	l.last = nil
	gone := 0
	for _, k := range l.pos.Files {
		if isGone(k) {
			gone++
		}
	}
	if gone <= maxGone {
		return
	}
	l.pos.Files = slices.DeleteFunc(slices.Clone(l.pos.Files), func(k *known) bool {
		if gone > maxGone && isGone(k) {
			gone--
			return true
		}
		return false
	})
}

// trouble says, once until all is well again, what cannot be read at the
// moment. It is tried again.
func (l *logFile) trouble(err error) {
	if errors.Is(err, fs.ErrPermission) {
		err = explain("open", l.path, err)
	}
	l.failed = err
	if text := err.Error(); !l.warned[text] && len(l.warned) < maxWarned {
		l.warned[text] = true
		l.o.Log.Warn("cannot read, waiting", "stream", l.stream, "error", text)
	}
}

// nothingNew tells whether all of the file was read, by how it lies on disk.
func (l *logFile) nothingNew(info os.FileInfo) bool {
	d := diskOf(info)
	if l.skip[d] {
		return true
	}
	i := slices.IndexFunc(l.pos.Files, func(k *known) bool {
		return k.Disk == d || k.Disk.Dev == d.Dev && k.Disk.Inode == d.Inode && k.rest.After(l.scanned) && unfinished(info)
	})
	if i < 0 {
		return false
	}
	l.pos.Files[i].seen = l.scanned
	return true
}

// siblings lists the files of the stream. Where they all carry a date there
// may be thousands, none is renamed, and a list serves for a while: else a
// drain would look at each as often as there are files.
func (l *logFile) siblings() ([]sibling, error) {
	if age := l.scanned.Sub(l.listed); len(l.dated) > 0 && age >= 0 && age < poll && l.found {
		return l.dated, nil
	}
	files, err := list(l.path)
	l.dated, l.listed = nil, l.scanned
	if err == nil && l.allDated(files) {
		l.dated = files
	}
	return files, err
}

// allDated tells whether the stream has files with a date in their name only:
// none stands, or ever stood, at the configured path.
func (l *logFile) allDated(files []sibling) bool {
	return len(files) > 0 &&
		!slices.ContainsFunc(files, func(s sibling) bool { return s.turn() >= 0 }) &&
		!slices.ContainsFunc(l.pos.Files, func(k *known) bool { return k.Name == filepath.Base(l.path) })
}

func same(h *handle, info os.FileInfo) bool { return os.SameFile(h.info, info) }

// atPath tells whether h is the file at the configured path.
func (l *logFile) atPath(h *handle) bool {
	info, err := os.Stat(l.path)
	return err == nil && same(h, info)
}

// setCurrent closes the current file and goes on with h; with nil, with the
// live file where that was kept open.
func (l *logFile) setCurrent(h *handle) {
	if l.cur != nil {
		l.cur.close()
	}
	if h == nil {
		h = l.kept
	} else if l.kept != nil {
		l.kept.close()
	}
	l.cur, l.kept, l.moved = h, nil, time.Time{}
}
