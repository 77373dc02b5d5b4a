package ingest

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/bouncehouse/bouncehouse"
)

// errReplaced: the open file is no longer the one that was read: it was
// truncated, and may have grown again since.
var errReplaced = errors.New("the file was truncated")

// errElsewhere: another source goes on with what the file begins as. Whether it
// is that shows once the other has committed; what is newer waits.
var errElsewhere = errors.New("another source reads what begins alike")

// handle is an open file of a stream.
type handle struct {
	f       *os.File
	path    string
	live    bool // opened at the configured path
	newest  bool // of a stream with dated files only
	content *content
	entry   *entry // nil until it has an identity
	read    int64  // of it, when this file was last seen to have so much of it
	top     string // see bouncehouse.FileHead
	cut     cutter
	info    os.FileInfo // before it was last read
	sniffed disk        // how it lay when it was judged
	upTo    int64       // with Once: how long the live file was when opened, if it is not packed
	begun   bool        // it has something to read, and what comes before it was looked for since
	opened  time.Time
	grown   time.Time // when it last gave something
	moved   time.Time // since when it is no longer at the path
	counted int64     // bytes of a packed file already in Progress
	bad     *notText
	taken   string // the end of the piece that was taken last
	takenAt int64  // where it stands
	copied  bool   // all of it was read as another, when it lay on disk as
	judged  disk
	lent    bool          // another source will go on with it: it is open for a range that stands
	ended   time.Time     // since when a packed file has nothing more, as long as it is sniffed
	anew    time.Duration // how long it took to be unpacked up to there
	assumed bool          // to be its entry's: it has the range that stands, and what it is is found anew

	undecided bool // whether it is one that was read shows when it has grown, or is quiet
}

// open opens a file of the stream; nil where another source has it open.
func (l *logFile) open(path string, live bool) (*handle, error) {
	f, _, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	return l.handle(f, path, live)
}

// handle makes one of an open file, which it takes over.
func (l *logFile) handle(f *os.File, path string, live bool) (*handle, error) {
	var err error
	h := &handle{f: f, path: path, live: live, cut: cutter{size: l.o.ChunkSize}, opened: l.o.Now()}
	h.grown = h.opened
	if h.info, err = f.Stat(); err != nil {
		f.Close()
		return nil, err
	}
	if !l.led.hold(h.info, l) {
		f.Close()
		l.busy = true
		if d := inode(h.info); l.passed[d] == 0 {
			l.passed[d] = -1
			l.o.Log.Info("left to another source, which reads the same file", "stream", l.stream, "file", path)
		}
		return nil, nil
	}
	h.upTo = h.info.Size()
	mails, err := l.judge(h)
	if err != nil || mails {
		l.led.letGo(h.info, l)
		f.Close()
		return nil, err
	}
	return h, nil
}

// judge tells what the file of h is by how it begins: again where that was too
// little to be known by. What holds mails is not to be read: lines of mails are
// anyone's, and would count as ours.
func (l *logFile) judge(h *handle) (mails bool, err error) {
	h.sniffed = diskOf(h.info)
	c, raw, kind, err := sniff(h.f)
	if err == nil && kind != kindLog {
		c.close()
		if !h.live || !l.stood {
			l.skip[diskOf(h.info)] = true
			if d := inode(h.info); l.passed[d] == 0 {
				l.passed[d] = -1
				l.o.Log.Info("passed over: it holds mails, which are read where a start is given their file itself",
					"stream", l.stream, "file", h.path)
			}
			return true, nil
		}
		err = &notText{"it holds mails where a log stood: the next start reads them"}
	}
	if errors.As(err, &h.bad) {
		c, err = &content{file: h.f}, nil
		l.led.judging.Lock()
		defer l.led.judging.Unlock()
		proofs, _, gen, _ := l.led.begun(raw, int64(len(raw)))
		for _, p := range proofs {
			if p.was.Read == 0 && p.was.Done {
				h.entry = p.entry
			}
		}
		if h.entry == nil {
			h.entry = l.led.meet(&entry{ID: identify(raw, gen), Head: int64(len(raw)), Gen: gen, Stream: l.stream,
				Path: h.path})
		}
	}
	if err != nil {
		return false, err
	}
	h.content = c
	l.stood = l.stood || h.live && h.sniffed.Size > 0
	return false, nil
}

// topAt is the header of what stands at an offset.
func (h *handle) topAt(from int64) string {
	if e := h.entry; e != nil && e.Top != "" && from >= e.TopAt {
		return e.Top
	}
	return h.top
}

func (h *handle) close() {
	h.content.close()
	h.f.Close()
}

// close lets go of the file, which is among l's no more, and of the entry.
func (l *logFile) close(h *handle) {
	l.led.release(h.entry, l)
	if !l.isOpen(h.info) {
		l.led.letGo(h.info, l) // before its inode may be another file's
	}
	h.close()
}

// take is the piece of h that comes next; nil where there is none now. final
// says that nothing more will be written to it.
func (l *logFile) take(h *handle, final bool) (p *piece, err error) {
	defer func() {
		if p == nil {
			l.led.release(h.entry, l)
		}
	}()
	if h.bad != nil {
		info, err := h.f.Stat()
		switch {
		case err != nil:
			return nil, err
		case diskOf(info) != diskOf(h.info):
			return nil, errReplaced // what it is now shows when it is opened again
		case !l.claimed(h), h.entry.Done:
			return nil, nil
		}
		return &piece{kind: bouncehouse.Broken, reason: h.bad.reason, done: true}, nil
	}
	if h.info, err = h.f.Stat(); err != nil {
		return nil, err
	}
	if h.copied && h.judged == diskOf(h.info) {
		return nil, nil
	}
	if h.content.packed() && !h.ended.IsZero() && diskOf(h.info) != h.sniffed {
		// It has grown, or is another in the same place: all of it is unpacked again, which is done seldom, and
		// is to be known again by what it holds.
		if l.o.Now().Sub(h.ended) < min(20*h.anew, maxRest) {
			return nil, nil
		}
		h.content.close()
		if err := h.content.start(); err != nil {
			return nil, err
		}
		h.sniffed, h.opened, h.ended = diskOf(h.info), l.o.Now(), time.Time{}
		if h.entry != nil {
			l.led.release(h.entry, l)
			h.entry = nil
		}
	}
	final = final || h.content.packed()
	if h.entry != nil {
		if read, _, half := l.led.seen(h.entry); read != h.read || half && h.longer(read) {
			l.led.release(h.entry, l)
			h.entry = nil // another file with this content was read further, or more shows what it is
		}
	}
	if h.entry == nil {
		if h.info.Size() != h.sniffed.Size && !h.content.packed() {
			mails, err := l.judge(h)
			if mails {
				err = errReplaced
			}
			if err != nil {
				return nil, err
			}
			if h.bad != nil {
				return l.take(h, final)
			}
			final = final || h.content.packed()
		}
		h.copied = false
		if err := l.recognise(h, final); err != nil || h.entry == nil {
			return nil, err
		}
	}
	if !l.claimed(h) || l.led.read(h.entry) != h.read {
		l.busy = true
		return nil, errElsewhere
	}
	e := h.entry
	if s := l.led.intended(e); s != nil {
		// Of another stream, or lost: it is settled as what it was.
		if p, err := l.again(h, s.in); p != nil || err != nil {
			return p, err
		}
		// Of a file that comes back, or is copied, the end may yet be on its way.
		here := h.content.packed() || h.longer(s.in.To-1)
		whole := final || here || l.o.Once || l.o.Now().Sub(h.info.ModTime()).Abs() >= quiet ||
			l.o.Now().Sub(h.opened) >= patience
		switch {
		case s.lost && h.read > 0: // it is the file, and what a crash left of its end is another
		case s.lost && !whole:
			return nil, nil
		case !s.lost && (h.read > 0 || !here):
			// Whoever settles it goes first: this may be a copy that was cut, or a
			// file that begins alike.
			l.busy = true
			return nil, errElsewhere
		default: // only its head is the same: of a table with a long header, all are
			if err := l.fork(h); err != nil {
				return nil, err
			}
			if !l.claimed(h) {
				return nil, errElsewhere
			}
			e = h.entry
		}
	}
	if l.o.Once && h.live && !h.content.packed() && e.Read >= h.upTo {
		return nil, nil
	}
	if err := h.verify(); err != nil {
		return nil, err
	}
	// A last line that was taken without its end is taken again when it has
	// grown after all.
	p, err = h.cut.next(h.content, e.Read-e.Half, final)
	if p == nil && err == nil && h.content.packed() && h.ended.IsZero() {
		h.ended = l.o.Now()
		h.anew = h.ended.Sub(h.opened)
	}
	if p == nil || err != nil || e.Half > 0 && p.to <= e.Read {
		return nil, err
	}
	if p.anew = e.Half > 0; p.anew && !h.cut.export { // whose records are more than a line
		p.oneLine()
	}
	if e.Done && p.done {
		return nil, nil // as it was; a good copy of a damaged file goes on instead
	}
	if p.cut && unfinished(h.info) {
		return nil, nil // the rest is yet to be written
	}
	if p.done && h.content.packed() && l.o.Now().Sub(h.info.ModTime()) < quiet {
		// It may be on its way here still.
		return nil, fmt.Errorf("%s, and it changed just now", p.reason)
	}
	end := p.data[max(0, len(p.data)-tailMax):]
	h.taken, h.takenAt = strings.Clone(end), p.from+int64(len(p.data)-len(end))
	// The first piece is followed by a look back, into the same buffer.
	if err := h.seal(p, l.started); err != nil {
		return nil, err
	}
	if err := h.verify(); err != nil { // it was truncated while it was read
		p.await()
		return nil, err
	}
	return p, nil
}

// longer tells whether the file has more content than that. A packed one is as
// long as it is: its size on disk says nothing of its content.
func (h *handle) longer(than int64) bool {
	return !h.content.packed() && h.info.Size() > than
}

func (l *logFile) claimed(h *handle) bool {
	ok := l.led.claim(h.entry, l)
	l.busy = l.busy || !ok
	return ok
}

// again is the piece of an intent that stands of h's entry; nil where this
// file has it not.
func (l *logFile) again(h *handle, in *intent) (*piece, error) {
	if h.entry.Read > in.To {
		return nil, nil // another source has settled it meanwhile, and went on
	}
	p, err := h.cut.again(h.content, in)
	if err == nil {
		err = h.seal(p, false)
	}
	switch {
	case err != nil && !errors.Is(err, io.EOF) && !damaged(err):
		return nil, err
	case err != nil || p.tail != in.Tail || in.Sum != "" && p.next.sum() != in.Sum:
		return nil, nil
	}
	return p, nil
}

// hashAside is how much is hashed while it is parsed: by that much the one
// core that reads and parses is relieved.
const hashAside = 256 << 10

// seal adds to p what the file will be known by; with aside, where p is large,
// while the caller goes on: see piece.await.
func (h *handle) seal(p *piece, aside bool) (err error) {
	if p.tail, _, err = tailSum(h.content, p.to); err != nil {
		return err
	}
	if p.next = h.entry.prefix; p.kind == bouncehouse.Broken && p.done {
		return nil
	}
	if p.from != p.next.Read {
		p.raw = nil // a hole stands before it, or half a line that was read
	}
	seal := func() {
		p.next, p.err = p.next.extended(h.content, p.to, p.raw)
		p.next.Tail = p.tail
	}
	if !aside || len(p.raw) < hashAside {
		seal()
		return p.err
	}
	p.sealed = make(chan struct{})
	go func() {
		defer close(p.sealed)
		seal()
	}()
	return nil
}

// verify looks whether the file still begins as it did, and still has what was
// read before the position and what was taken behind it: while nothing was
// committed, a file that begins as others do, with a hole, a banner, is known by
// that alone. A packed file never changes in place.
func (h *handle) verify() error {
	if h.content.packed() {
		return nil
	}
	e := h.entry
	head := make([]byte, e.Head)
	if n, _ := h.f.ReadAt(head, 0); int64(n) < e.Head || identify(head, e.Gen) != e.ID {
		return errReplaced
	}
	sum, ok, err := tailSum(h.f, e.Read)
	if err == nil && (!ok || sum != e.Tail) {
		err = errReplaced
	}
	if err != nil || h.taken == "" {
		return err
	}
	taken := make([]byte, len(h.taken))
	if n, _ := h.f.ReadAt(taken, h.takenAt); string(taken[:n]) != h.taken {
		return errReplaced
	}
	return nil
}

// finish notes, of a file that gives nothing more, how it lies on disk.
func (l *logFile) finish(h *handle) {
	d := diskOf(h.info)
	if h.content.packed() {
		d.Size = h.sniffed.Size // what came since was not read
	}
	if h.copied || h.info.Size() == 0 {
		l.skip[d] = true
		return
	}
	if h.entry == nil {
		return
	}
	if read, done, _ := l.led.seen(h.entry); done || h.content.packed() || read == h.info.Size() {
		l.led.note(h.entry, func(e *entry) { e.Disk, e.All, e.Path = d, true, h.path })
		if h.content.packed() && unfinished(h.info) {
			// Each look at it unpacks it from its start.
			now := l.o.Now()
			l.rest[inodeOf(d)] = now.Add(min(20*now.Sub(h.opened), maxRest))
		}
	}
}

// consumed is how many bytes on disk a piece took.
func (h *handle) consumed(in *intent) int64 {
	if !h.content.packed() {
		return in.To - max(in.From, h.entry.Read)
	}
	n := h.content.disk.Load() - h.counted
	h.counted += n
	return n
}
