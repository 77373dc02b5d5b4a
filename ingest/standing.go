package ingest

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"github.com/bouncehouse/bouncehouse"
)

// recover reads the range again that was about to be stored when the last
// process ended. Where its file is gone, the range becomes a dead letter, and
// the ledger keeps that it may be stored: see lost. Not
// ok means that another source has the file open, which settles the range when
// it comes to it, or has; meanwhile l does so with the files that it has itself.
func (l *logFile) recover(s *standing) (b bouncehouse.Batch, ok bool, err error) {
	in := s.in
	h, p, err := l.find(s)
	if err != nil || h != nil {
		if err == nil {
			b = l.batch(h, p, in, l.stream, true)
		}
		return b, h != nil, err
	}
	if l.busy || !slices.Contains(l.led.standings(), s) {
		return l.assist()
	}
	l.o.Log.Error("a range that was about to be stored is gone with its file",
		"stream", l.stream, "file", in.Name, "from", in.From, "to", in.To)
	l.under, l.started = &underway{stream: l.stream, in: in, entry: s.entry, again: true}, true
	c := in.chunk(l.stream, "")
	c.Kind = bouncehouse.Broken
	c.Reason = fmt.Sprintf("bytes %d to %d of %s (%s) are lost: the file was gone after a crash, before they were known to be stored. "+
		"Should it come back, they are read then",
		in.From, in.To, in.Name, in.File)
	return bouncehouse.Batch{ID: in.Batch, Chunks: []bouncehouse.Chunk{c}, Recover: true}, true, nil
}

// assist settles a range of another source that is in a file which l has open:
// the other waits for that.
func (l *logFile) assist() (b bouncehouse.Batch, ok bool, err error) {
	for _, s := range l.led.standings() {
		for _, h := range l.files() {
			if p, err := l.isIn(h, s); p != nil {
				return l.batch(h, p, s.in, s.stream, true), true, nil
			} else if err != nil {
				return b, false, err
			}
		}
	}
	return b, false, nil
}

// find opens the file that holds an intent's range.
func (l *logFile) find(s *standing) (*handle, *piece, error) {
	for _, h := range l.files() {
		if p, err := l.isIn(h, s); p != nil || err != nil {
			return h, p, err
		}
	}
	files, unlisted := l.list()
	if errors.Is(unlisted, fs.ErrNotExist) && (l.o.Once || l.o.Now().Sub(l.opened) >= patience) {
		unlisted = nil // else what is mounted there may be on its way
	}
	dated, last := l.allDated(files), len(files)-1
	if s.entry != nil {
		files = append(files, l.nearby(s.entry)...)
	}
	ours := len(files)
	for _, o := range l.led.others(l) {
		theirs, _ := o.list() // what cannot be listed it tells itself
		if info, err := os.Stat(o.path); err == nil {
			theirs = append(theirs, sibling{path: o.path, info: info})
		}
		files = append(files, theirs...)
	}
	for i, f := range files {
		if l.isOpen(f.info) {
			continue
		}
		has, err := l.has(f.path, s)
		if err != nil && s.entry != nil && inodeOf(l.led.copyOf(s.entry).Disk) == inode(f.info) {
			return nil, nil, explain("open", f.path, err) // it is there, and cannot be read
		}
		if !has {
			continue
		}
		h, err := l.open(f.path, false)
		if err != nil {
			return nil, nil, explain("open", f.path, err)
		}
		if h == nil {
			continue // another source has it
		}
		h.newest, h.lent = dated && i == last, i >= ours
		p, err := l.isIn(h, s)
		if p != nil {
			if l.side != nil {
				l.letGo(l.side)
			}
			l.side = h
			return h, p, nil
		}
		if l.close(h); err != nil {
			return nil, nil, err
		}
	}
	if unlisted != nil {
		return nil, nil, explain("open", l.path, unlisted) // it may be there
	}
	return nil, nil, nil
}

// has tells whether the file at path begins with all that was read of the
// intent's, and has its range.
func (l *logFile) has(path string, s *standing) (bool, error) {
	if s.entry == nil {
		return false, nil
	}
	f, _, err := openRegular(path)
	if err != nil {
		return false, err
	}
	h := &handle{f: f, cut: cutter{size: l.o.ChunkSize}}
	if h.content, err = openContent(f); err != nil {
		f.Close()
		return false, err
	}
	defer h.close()
	if is, err := l.isOf(h, s.entry); !is || err != nil {
		return false, err
	}
	was := l.led.copyOf(s.entry)
	h.entry = &was
	p, err := l.again(h, s.in)
	return p != nil, err
}

// isIn is the piece of the intent where h has it.
func (l *logFile) isIn(h *handle, s *standing) (*piece, error) {
	if s.entry == nil {
		return nil, nil
	}
	is, err := l.isOf(h, s.entry)
	if err != nil {
		return nil, explain("read", h.path, err)
	}
	if !is {
		return nil, nil
	}
	was, read := h.entry, h.read
	h.entry, h.read = s.entry, l.led.read(s.entry)
	if !l.claimed(h) {
		h.entry, h.read = was, read
		return nil, nil
	}
	var p *piece
	if slices.Contains(l.led.standings(), s) { // else another source has just settled it
		if p, err = l.again(h, s.in); err != nil {
			return nil, explain("read", h.path, err)
		}
	}
	if h.assumed = p != nil; p == nil {
		l.led.release(h.entry, l)
		h.entry, h.read = was, read
	}
	return p, nil
}
