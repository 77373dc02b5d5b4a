package ingest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/bouncehouse/bouncehouse"
)

// errReplaced: the open file is no longer the one that was read: it was
// truncated, and may have grown again since.
var errReplaced = errors.New("the file was truncated")

// handle is an open file of a stream.
type handle struct {
	f       *os.File
	path    string
	live    bool // opened at the configured path
	content *content
	known   *known // nil until it has an identity
	cut     cutter
	info    os.FileInfo // before it was last read
	upTo    int64       // with Once: how long the live file was when opened
	opened  time.Time
	grown   time.Time // when it last gave something
	counted int64     // bytes of a packed file already in Progress
	bad     *notText
	copied  bool // see isCut
}

// open opens a file of the stream.
func (l *logFile) open(path string, live bool) (*handle, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	h := &handle{f: f, path: path, live: live, cut: cutter{size: l.o.ChunkSize}, opened: l.o.Now()}
	h.grown = h.opened
	if h.info, err = f.Stat(); err != nil {
		f.Close()
		return nil, err
	}
	h.upTo = h.info.Size()
	c, raw, _, err := sniff(f)
	switch {
	case errors.As(err, &h.bad):
		for _, k := range l.pos.Files {
			if k.Head <= int64(len(raw)) && k.ID == identify(raw[:k.Head], k.Gen) {
				h.known = k
			}
		}
		if h.known == nil {
			h.known = l.meet(&known{ID: identify(raw, 0), Head: int64(len(raw))}, path)
		}
		h.known.seen = l.scanned
		c = &content{file: f}
	case err != nil:
		f.Close()
		return nil, err
	}
	h.content = c
	return h, nil
}

func (h *handle) close() {
	h.content.close()
	h.f.Close()
}

// meet takes a new file into the position.
func (l *logFile) meet(k *known, path string) *known {
	k.Name = filepath.Base(path)
	l.pos.Files = append(l.pos.Files, k)
	return k
}

// take is the piece of h that comes next; nil where there is none now. final
// says that nothing more will be written to it.
func (l *logFile) take(h *handle, final bool) (*piece, error) {
	if h.bad != nil {
		info, err := h.f.Stat()
		switch {
		case err != nil:
			return nil, err
		case diskOf(info) != diskOf(h.info):
			return nil, errReplaced // what it is now shows when it is opened again
		case h.known.Done:
			return nil, nil
		}
		return &piece{kind: bouncehouse.Broken, reason: h.bad.reason, done: true}, nil
	}
	var err error
	if h.info, err = h.f.Stat(); err != nil {
		return nil, err
	}
	final = final || h.content.packed()
	if h.known == nil {
		if err := l.recognise(h, final); err != nil || h.known == nil {
			return nil, err
		}
	}
	if h.known.Done || l.o.Once && h.live && h.known.Read >= h.upTo {
		return nil, nil
	}
	if err := h.verify(); err != nil {
		return nil, err
	}
	p, err := h.cut.next(h.content, h.known.Read, final)
	if p == nil || err != nil {
		return nil, err
	}
	if p.cut && unfinished(h.info) {
		return nil, nil // the rest is yet to be written
	}
	if p.done && h.content.packed() && l.o.Now().Sub(h.info.ModTime()) < quiet {
		// It may be on its way here still.
		return nil, fmt.Errorf("%s, and it changed just now", p.reason)
	}
	if err := h.seal(p); err != nil {
		return nil, err
	}
	// It may have been truncated while it was read.
	return p, h.verify()
}

// seal adds to p what the file will be known by.
func (h *handle) seal(p *piece) (err error) {
	if p.marks, err = marks(h.content, h.known.Marks, p.to); err == nil {
		p.tail, _, err = tailSum(h.content, p.to)
	}
	return err
}

// recognise gives h its identity, where that can be told already.
func (l *logFile) recognise(h *handle, final bool) error {
	// A file that stays short is taken as it is.
	whole := final || l.o.Once || l.o.Now().Sub(h.info.ModTime()) >= 2*quiet
	k, m, err := l.pos.recognise(h.content, h.live, whole)
	if err != nil {
		return err
	}
	switch m {
	case isNew:
		h.known = l.meet(k, h.path)
	case isKnown:
		h.known = k
	case isCut:
		h.copied = true
		return nil
	}
	if h.known != nil {
		h.known.seen = l.scanned
	}
	return nil
}

// verify looks whether the file still begins as it did and still has what was
// read before the position. A packed file never changes in place.
func (h *handle) verify() error {
	if h.content.packed() {
		return nil
	}
	k := h.known
	head := make([]byte, k.Head)
	if n, _ := h.f.ReadAt(head, 0); int64(n) < k.Head || identify(head, k.Gen) != k.ID {
		return errReplaced
	}
	sum, ok, err := tailSum(h.f, k.Read)
	if err == nil && (!ok || sum != k.Tail) {
		err = errReplaced
	}
	return err
}

// finish notes, of a file that gives nothing more, how it lies on disk.
func (l *logFile) finish(h *handle) {
	d := diskOf(h.info)
	switch {
	case h.copied || h.info.Size() == 0:
		l.skip[d] = true
	case h.known != nil && (h.known.Done || h.content.packed() || h.known.Read == h.info.Size()):
		h.known.Disk = d
		if h.content.packed() && unfinished(h.info) {
			// Each look at it unpacks it from its start.
			now := l.o.Now()
			h.known.rest = now.Add(min(20*now.Sub(h.opened), maxRest))
		}
	}
}

// consumed is how many bytes on disk a piece took.
func (h *handle) consumed(in *intent) int64 {
	if !h.content.packed() {
		return in.To - h.known.Read
	}
	n := h.content.disk.Load() - h.counted
	h.counted += n
	return n
}
