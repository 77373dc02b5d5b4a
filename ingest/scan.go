package ingest

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"time"
)

const (
	rescan   = 5 * time.Second // how often siblings are looked at
	quiet    = 5 * time.Second // a rotated file that did not grow for so long is finished
	patience = time.Minute     // and so is one that was rotated so long ago

	// how long at most a packed file that grows is left alone, 20 times as long as it took to read
	maxRest = 5 * time.Minute

	maxWarned = 100 // files complained of at a time
	maxHeld   = 16  // files that stood at the path and are held open until they are drained
	maxPast   = 4   // and those that were drained: a writer may come back to them
)

// A stream's files are read in the order of their writing:
//
//	siblings      rotated files on disk, the oldest first (scan), one at a time
//	held[0] ...   files that were seen at the path and rotated since, open;
//	              siblings that came between them while nobody looked, or that
//	              may be written still
//	held[last]    the file at the path
//
// Whatever comes to the path is opened as soon as it is seen, so that its
// content is safe from a rename, a deletion or the next rotation, and is read
// when those before it are drained.

// next is the piece to read next, and of which file; nil where there is none
// at the moment.
func (l *logFile) next() (*handle, *piece) {
	for range maxTurns {
		if l.side == nil && l.scanDue() {
			h, p, err := l.scan()
			if p != nil {
				return h, p
			}
			if err != nil {
				l.standBack()
				return nil, nil
			}
			if l.rescan {
				continue
			}
		}
		h := l.side
		if h == nil && len(l.held) > 0 {
			h = l.held[0]
		}
		if h == nil {
			break
		}
		done, final := l.drained(h)
		p, err := l.take(h, final)
		switch {
		case errors.Is(err, errElsewhere):
			l.standBack()
			return nil, nil
		case errors.Is(err, errReplaced):
			// What was not read before is in a copy, if anywhere.
			l.anew(h)
			l.rescan = true
		case err != nil:
			l.letGo(h)
			l.failed = l.trouble(fmt.Errorf("read %s: %w", h.path, err))
			return nil, nil
		case p != nil && h != l.side && !h.begun:
			// Whoever writes to it does not write to those before it any more:
			// all that they will have is there now.
			h.begun, l.rescan = true, true
			p.await()
		case p != nil:
			h.grown = l.o.Now()
			return h, p
		case !done || h.undecided && !l.o.Once:
			l.idle()
			return nil, nil
		default:
			l.finish(h)
			l.retire(h)
			l.rescan = true
		}
	}
	l.idle()
	return nil, nil
}

const maxTurns = 100 // a file that is truncated all the time is no reason not to wait

// anew takes the file of h, which is another than it was, as one that was just
// opened: it may have no name any more that it would be found by.
func (l *logFile) anew(h *handle) {
	i := slices.Index(l.held, h)
	if i < 0 {
		l.letGo(h)
		return
	}
	l.led.release(h.entry, l)
	h.content.close()
	fresh, err := l.handle(h.f, h.path, h.live)
	if err != nil {
		l.failed = l.trouble(err)
	}
	if l.held = slices.Delete(l.held, i, i+1); fresh != nil {
		fresh.moved = h.moved
		l.held = slices.Insert(l.held, i, fresh)
	}
}

// standBack is called where another source is to go on first: it may be waiting
// for a file of this one.
func (l *logFile) standBack() {
	l.rescan = true
	for _, h := range l.files() {
		l.led.release(h.entry, l)
	}
}

// look opens what stands at the path now, if that is another file than before.
func (l *logFile) look() {
	now := l.o.Now()
	info, err := os.Stat(l.path)
	last := len(l.held) - 1
	// A mailbox may be there, whose rotation the stream's files only seem to be.
	there := err == nil && !info.IsDir() && (l.stood || !l.skip[diskOf(info)])
	for i, h := range l.held {
		switch at := there && os.SameFile(h.info, info); {
		case !at && h.moved.IsZero():
			h.moved = now
		case at:
			h.moved, h.path, h.live = time.Time{}, l.path, true
			l.held = append(slices.Delete(l.held, i, i+1), h) // it may have come back
			return
		}
	}
	if there && len(l.held) < maxHeld {
		var h *handle
		if h, err = l.open(l.path, true); h != nil {
			for i, p := range l.past { // it came back
				if os.SameFile(p.info, h.info) {
					l.past = slices.Delete(l.past, i, i+1)
					p.close()
					break
				}
			}
			l.held = append(l.held, h)
		}
	}
	if errors.Is(err, fs.ErrNotExist) && (l.o.Once || l.only || l.scanned.IsZero() ||
		last >= 0 && now.Sub(l.held[last].moved) < patience) {
		err = nil
	}
	if l.missing = err; err != nil {
		l.missing = l.trouble(err)
	}
}

// drained tells whether a file that has nothing to read now is done with, and
// whether what stands at its end is a line although it has no line end.
func (l *logFile) drained(h *handle) (done, final bool) {
	now := l.o.Now()
	still := now.Sub(h.info.ModTime()).Abs() >= quiet
	switch {
	case h == l.side:
		return true, !h.newest && still
	case h.moved.IsZero():
		return false, false
	case l.o.Once || len(l.held) == maxHeld:
		done = len(l.held) > 1
	case len(l.held) > 1:
		// Rotated. Its writer goes on with it until it is told; while nothing
		// has come to the new file, it was not.
		next, err := l.held[1].f.Stat()
		written := len(l.held) > 2 || err == nil && next.Size() > 0
		still = still && now.Sub(h.grown) >= quiet
		done = written && (still || now.Sub(h.moved) >= patience)
	}
	switch amid := h.content != nil && !h.content.packed() && h.info.Size() > h.read; {
	case !done || !still:
		return done, false
	case l.goesOn(h):
		return true, false
	case amid && unlinked(h) && !l.o.Once && now.Sub(h.moved) < 2*quiet:
		// It may be brought anew under an older name, after the file that is the log now.
		return false, false
	}
	return true, true
}

// goesOn tells whether a file that came to the path after h, or beside it where h
// has no name any more, begins as all of h does, and is longer: it is the same log,
// as rsync and scp bring it anew, and what h ends with is no line but the beginning
// of one.
func (l *logFile) goesOn(h *handle) bool {
	size := h.info.Size()
	if h.content == nil || h.content.packed() {
		return false
	}
	same := func(f *os.File, info os.FileInfo) bool {
		return info.Size() > size && sameBytes(h.f, f, min(size, tailMax)) && sameBytes(h.f, f, size)
	}
	for _, next := range l.held {
		if info, err := next.f.Stat(); next != h && err == nil && same(next.f, info) {
			return true
		}
	}
	if size == h.read || !unlinked(h) {
		return false
	}
	files, _ := l.list() // what cannot be opened does not go on
	for _, s := range files {
		f, info, err := openRegular(s.path)
		if err != nil {
			continue
		}
		found := same(f, info)
		f.Close()
		if found {
			return true
		}
	}
	return false
}

// sameBytes tells whether a and b have the same bytes before an offset, of which
// the last tailMax are compared.
func sameBytes(a, b io.ReaderAt, at int64) bool {
	x, hasX, errX := tailSum(a, at)
	y, hasY, errY := tailSum(b, at)
	return errX == nil && errY == nil && hasX && hasY && x == y
}

func (l *logFile) scanDue() bool {
	if l.rescan {
		return true
	}
	if l.o.Once {
		return false
	}
	return len(l.held) == 0 || l.o.Now().Sub(l.scanned) >= rescan
}

// scan opens the oldest sibling that has something to read and is older than
// those held. Its error is errElsewhere.
func (l *logFile) scan() (*handle, *piece, error) {
	l.scanned, l.failed, l.rescan = l.o.Now(), nil, false
	for i, h := range l.past {
		p, err := l.take(h, false)
		if p != nil {
			l.past = slices.Delete(l.past, i, i+1)
			l.side = h
			return h, p, nil
		}
		if err != nil && !errors.Is(err, errElsewhere) || unlinked(h) && l.scanned.Sub(h.moved) >= patience {
			l.past = slices.Delete(l.past, i, i+1)
			l.close(h)
			break // the others at the next scan
		}
	}
	files, err := l.siblings()
	if err != nil {
		l.failed = l.trouble(err) // what else there is goes on
	}
	l.only = l.allDated(files)
	if l.last != nil && !l.tried {
		l.tried = true
		files = append(l.astray(l.last, files), files...)
	}
	for i, s := range files {
		if l.isOpen(s.info) || l.nothingNew(s.info) && !l.young(s.info) {
			continue
		}
		if s.twin && l.scanned.Sub(s.info.ModTime()).Abs() < quiet {
			continue // it is being packed: the other one is whole
		}
		if len(l.held) == maxHeld && l.place(files, i) > 0 {
			break
		}
		h, err := l.open(s.path, false)
		if errors.Is(err, fs.ErrNotExist) || err == nil && h != nil && !os.SameFile(h.info, s.info) {
			if h != nil {
				l.close(h)
			}
			l.scanAgain()
			return nil, nil, nil
		}
		if h == nil || err != nil {
			if err != nil {
				l.failed = l.trouble(err)
			}
			continue
		}
		if at := l.place(files, i); at > 0 && s.known {
			l.await(h, at)
			continue
		}
		// While the writer may still be at it, its last line may be too. Where
		// all are dated, the newest is the one that is written.
		h.newest = l.only && i == len(files)-1
		p, err := l.take(h, !h.newest && l.scanned.Sub(s.info.ModTime()).Abs() >= quiet)
		switch {
		case err == nil && p != nil && (s.known || h.entry == l.last):
			l.found, l.side = true, h
			return h, p, nil
		case errors.Is(err, errElsewhere):
			l.close(h)
			return nil, nil, err
		case errors.Is(err, errReplaced):
			l.close(h)
			l.scanAgain()
			return nil, nil, nil
		case err != nil:
			l.failed = l.trouble(fmt.Errorf("read %s: %w", s.path, err))
		case err == nil && p == nil && s.known && l.young(s.info) && !h.content.packed():
			l.await(h, 0)
			continue
		case err == nil && p == nil:
			l.finish(h)
		}
		l.close(h)
	}
	if l.found && len(l.dated) > 0 {
		l.found = false // what is read to its end by that list may have grown, or be followed by another
		return l.scan()
	}
	return nil, nil, nil
}

// scanAgain is called where a file was rotated on, or truncated, just now: what
// follows it in the list is not the next.
func (l *logFile) scanAgain() { l.dated, l.rescan = nil, true }

// idle is called when there is nothing to read at the moment. Of the file
// that was being written when the last run ended it says so if that is gone:
// nothing else tells that lines may be missing.
func (l *logFile) idle() {
	if l.failed != nil || l.missing != nil || l.busy || l.side != nil || l.scanned.IsZero() {
		return
	}
	clear(l.warned)
	if l.last == nil {
		return
	}
	if e := l.led.copyOf(l.last); !e.met && !e.Told {
		l.o.Log.Warn("the file that was last read is gone: what it holds behind the offset was not read, and is when it comes back",
			"stream", l.stream, "file", filepath.Base(e.Path), "file_id", e.ID, "offset", e.Read)
		l.led.note(l.last, func(e *entry) { e.Told = true })
	}
	l.last = nil
}

// trouble says, once until all is well again, what cannot be read at the
// moment. It is tried again.
func (l *logFile) trouble(err error) error {
	if errors.Is(err, fs.ErrPermission) {
		err = explain("open", l.path, err)
	}
	if text := err.Error(); !l.warned[text] && len(l.warned) < maxWarned {
		l.warned[text] = true
		l.o.Log.Warn("cannot read, waiting", "stream", l.stream, "error", text)
	}
	return err
}

// nothingNew tells whether all of the file was read, by how it lies on disk.
func (l *logFile) nothingNew(info os.FileInfo) bool {
	d := diskOf(info)
	if l.skip[d] || unfinished(info) && l.rest[inodeOf(d)].After(l.scanned) {
		return true
	}
	e, was, _, all := l.led.at(d)
	return e != nil && all && was == d
}

// siblings lists the files of the stream. Where they all carry a date there
// may be thousands, none is renamed, and a list serves for a while: else a
// drain would look at each as often as there are files.
func (l *logFile) siblings() ([]sibling, error) {
	if age := l.scanned.Sub(l.listed); len(l.dated) > 0 && age >= 0 && age < poll && l.found {
		return l.dated, nil
	}
	files, err := l.list()
	l.dated, l.listed = nil, l.scanned
	if err == nil && l.allDated(files) {
		l.dated = files
	}
	return files, err
}

// allDated tells whether the stream has files with a date in their name only:
// none stands, or ever stood, at the configured path.
func (l *logFile) allDated(files []sibling) bool {
	return len(files) > 0 && len(l.held) == 0 && !l.stood &&
		!slices.ContainsFunc(files, func(s sibling) bool { _, dated := s.numbers(); return !dated })
}

// isOpen tells whether the file is among those held.
func (l *logFile) isOpen(info os.FileInfo) bool {
	return slices.ContainsFunc(l.files(), func(h *handle) bool { return os.SameFile(h.info, info) })
}

// young tells whether a sibling may be written still: then what is newer waits
// for it, but not again where it did already.
func (l *logFile) young(info os.FileInfo) bool {
	since, waited := l.awaited[inode(info)]
	waited = waited && l.scanned.Sub(since) >= patience
	return !l.o.Once && !l.only && !waited && len(l.held) < maxHeld && l.scanned.Sub(info.ModTime()).Abs() < quiet
}

// await takes a sibling among those held.
func (l *logFile) await(h *handle, at int) {
	if h.moved.IsZero() {
		d := inode(h.info)
		if _, ok := l.awaited[d]; !ok {
			if len(l.awaited) >= maxPassed {
				clear(l.awaited)
			}
			l.awaited[d] = l.o.Now()
		}
		h.moved = l.awaited[d]
	}
	l.held = slices.Insert(l.held, at, h)
}

// place is where among those held files[i] belongs: behind the last that was
// rotated before it. It is 0 where files[i] is older than all of them.
func (l *logFile) place(files []sibling, i int) int {
	for at := len(l.held); at > 0; at-- {
		h := l.held[at-1]
		n := slices.IndexFunc(files, func(s sibling) bool { return os.SameFile(s.info, h.info) })
		switch {
		case n >= 0 && n < i: // rotated, be it since the last look at the path
			return at
		case n < 0 && !h.moved.IsZero(): // deleted, or moved elsewhere
			if now, err := h.f.Stat(); err == nil && !now.ModTime().After(files[i].info.ModTime()) {
				return at
			}
		}
	}
	return 0
}

// unlinked tells whether the file has no name any more.
func unlinked(h *handle) bool {
	info, err := h.f.Stat()
	if err != nil {
		return true
	}
	sys, ok := info.Sys().(*syscall.Stat_t)
	return ok && sys.Nlink == 0
}

// letGo closes a file that is read no further.
func (l *logFile) letGo(h *handle) {
	if h == l.side {
		l.side = nil
	}
	l.held = slices.DeleteFunc(l.held, func(o *handle) bool { return o == h })
	l.close(h)
}

// retire is letGo of a file that was drained. One that stood at the path is
// kept open for a while: a writer may come back to it, whatever its name is.
func (l *logFile) retire(h *handle) {
	if h == l.side && l.young(h.info) && !h.content.packed() {
		l.side = nil
		l.await(h, 0)
		return
	}
	if h == l.side || l.o.Once {
		l.letGo(h)
		return
	}
	l.held = slices.DeleteFunc(l.held, func(o *handle) bool { return o == h })
	if l.past = append(l.past, h); len(l.past) > maxPast {
		oldest := l.past[0]
		l.past = slices.Delete(l.past, 0, 1)
		l.close(oldest)
	}
}
