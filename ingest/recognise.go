package ingest

import (
	"errors"
	"io"
)

// minShared is how much two files have in common, at least, that one is
// taken for a copy of the other's beginning that went a way of its own. Files
// may well begin with the same line or two.
const minShared = 4 << 10

const (
	oldMark   = 512  // where version 1 put its first mark
	maxPassed = 1000 // files that were passed over are remembered, so that it is said once
	maxNearby = 1000 // files of a directory looked at for one
)

// recognise finds out what the file of h is, if that can be told already:
//
//   - it begins with all that was read of a file: h goes on with that one;
//   - it is the beginning of what was read of a file, with nothing behind it:
//     a copy, which is passed over;
//   - it has a long beginning in common with one, and then differs: it is read
//     from there on, as a file of its own;
//   - else it is new.
//
// Only what is proved by hash, or by comparing with the other file itself, is
// passed over; what cannot be compared is read.
func (l *logFile) recognise(h *handle, final bool) error {
	peek, err := peekAt(h.content)
	if err != nil && !damaged(err) {
		return err
	}
	if !h.content.packed() {
		peek = peek[:min(int64(len(peek)), h.sniffed.Size)] // what came since is judged first: it may be mails
	}
	age := l.o.Now().Sub(h.info.ModTime())
	if age < 0 { // written by a server whose clock goes ahead
		age = l.o.Now().Sub(h.opened)
	}
	// A file that stays short is taken as it is.
	head := headLen(peek, final || l.o.Once || age >= 2*quiet || damaged(err))
	h.top, h.cut.export, h.undecided = fileHead(peek), isExport(peek), false
	h.cut.amid = !h.cut.export && entryStart(peek) >= 0

	l.led.judging.Lock()
	defer l.led.judging.Unlock()
	proofs, old, gen, err := l.led.begun(peek, head)
	if err == nil {
		err = prove(h.content, proofs)
	}
	for _, e := range old {
		if err == nil {
			err = l.proveOld(h, e, &proofs)
		}
	}
	if err != nil {
		return err
	}
	known, like := furthest(proofs, true), furthest(proofs, false)
	if like.entry != nil && (known.entry == nil || like.proven > known.proven ||
		like.proven == known.proven && like.proven > 0 && !like.differs) {
		for _, p := range proofs {
			if !p.whole() && (!p.differs || p.proven >= minShared) {
				if err := l.compare(h, p); err != nil {
					return err
				}
			}
		}
		like = furthest(proofs, false)
		more, err := moreLines(h.content, like.proven)
		switch {
		case err != nil:
			return err
		case !more && like.proven > 0 && !like.differs:
			// What may follow is a line without its end, and that of the
			// other file was read to its end.
			h.copied, h.judged = true, diskOf(h.info)
			l.passOver(h, like)
			return nil
		case like.differs || like.proven < known.proven || l.o.Once || final && age >= quiet ||
			h.live && len(peek) < minShared:
		case age < quiet || h.live && l.o.Now().Sub(h.opened) < patience:
			h.undecided = true // a copy on its way here still: more of it may be proved
			return nil
		}
	}
	switch {
	case like.proven >= minShared && like.proven > known.proven && head > 0:
		l.passOver(h, like)
		return l.begin(h, peek[:head], gen, like.proven)
	case known.entry != nil:
		l.goOn(h, known)
	case head > 0:
		return l.begin(h, peek[:head], gen, 0)
	}
	return nil
}

// furthest is the proof that reaches furthest, of those of which all that was
// read is in this file, or of the others; one without an entry if there is
// none.
func furthest(proofs []*proof, whole bool) *proof {
	best := new(proof)
	for _, p := range proofs {
		if p.whole() == whole && (best.entry == nil || p.proven > best.proven ||
			p.proven == best.proven && best.differs && !p.differs) {
			best = p
		}
	}
	return best
}

// begin makes the file of h a new one, of which what it shares with another
// was read.
func (l *logFile) begin(h *handle, head []byte, gen int, shared int64) error {
	read, err := prefixOf(h.content, shared)
	if err != nil {
		return err
	}
	h.cut.amid = h.cut.amid || !h.cut.export && !maybeExport(head) && l.led.exported(l.stream)
	e := &entry{ID: identify(head, gen), Head: int64(len(head)), Gen: gen, Stream: l.stream, Path: h.path, prefix: read,
		Export: h.cut.export || h.cut.amid}
	if h.top != "" { // of what is passed over
		if e.Top, e.TopAt, err = lastHeadOf(h.content, shared, h.top); err != nil {
			return err
		}
	}
	h.entry, h.read = l.led.meet(e), shared
	return nil
}

// fork makes the file of h a new one that begins as its entry does: of that
// another range was about to be stored than this file has.
func (l *logFile) fork(h *handle) error {
	l.led.judging.Lock()
	defer l.led.judging.Unlock()
	peek, err := peekAt(h.content)
	if err != nil && !damaged(err) {
		return err
	}
	head := h.entry.Head
	_, _, gen, err := l.led.begun(peek, head)
	if err != nil {
		return err
	}
	l.led.release(h.entry, l)
	return l.begin(h, peek[:head], gen, h.read)
}

// goOn makes h a file of which what p's entry says was read.
func (l *logFile) goOn(h *handle, p *proof) {
	h.entry, h.read = p.entry, p.proven
	h.cut.amid = h.cut.amid || !h.cut.export && p.was.Export
	if h.cut.export && !p.was.Export { // met when it had half a line, or by an older version
		l.led.note(p.entry, func(e *entry) { e.Export = true })
	}
	if p.proven > 0 && inodeOf(p.was.Disk) != inode(h.info) {
		l.passOver(h, p)
	}
}

// isOf tells whether the file of h begins with all that was read of e.
func (l *logFile) isOf(h *handle, e *entry) (bool, error) {
	peek, err := peekAt(h.content)
	if err != nil && !damaged(err) {
		return false, err
	}
	was := l.led.copyOf(e)
	if e.Head > int64(len(peek)) || identify(peek[:e.Head], e.Gen) != e.ID {
		return false, nil
	}
	h.top = fileHead(peek)
	var proofs []*proof
	if was.Read > 0 && len(was.State) == 0 {
		err = l.proveOld(h, e, &proofs)
	} else {
		var p *proof
		if p, err = newProof(e, was); err == nil {
			proofs, err = []*proof{p}, prove(h.content, []*proof{p})
		}
	}
	return err == nil && len(proofs) == 1 && proofs[0].whole(), err
}

// passOver says what is not read of a file, and why.
func (l *logFile) passOver(h *handle, p *proof) {
	if d := inode(h.info); l.passed[d] != p.proven {
		if len(l.passed) >= maxPassed {
			clear(l.passed)
		}
		l.passed[d] = p.proven
		l.o.Log.Info("passed over: it was read already", "stream", l.stream, "file", h.path, "bytes", p.proven,
			"as", p.was.Path, "file_id", p.was.ID)
	}
}

// proveOld is prove for what version 1 read: it goes by the samples that were
// kept then, and takes the hash of the whole now.
func (l *logFile) proveOld(h *handle, e *entry, proofs *[]*proof) error {
	was := l.led.copyOf(e)
	tail, ok, err := tailSum(h.content, was.Read)
	if err != nil || ok && tail != was.Tail {
		return err
	}
	shorter := int64(0)
	for i, mark := range was.Old {
		at := int64(oldMark) << i
		sum, ok, err := tailSum(h.content, at)
		if err != nil || ok && sum != mark {
			return err
		}
		if !ok {
			break
		}
		shorter = at
	}
	p := &proof{entry: e, was: was}
	switch {
	case ok:
		now, err := prefixOf(h.content, was.Read)
		if err != nil {
			return err
		}
		l.led.note(e, func(e *entry) { e.prefix, e.Old = now, nil })
		p.was.prefix, p.proven = now, now.Read
	case shorter > 0:
		// Shorter than it was: as version 1 had it, a cut copy.
		if p.proven, err = contentEnd(h.content, shorter); err != nil {
			return err
		}
	default:
		return nil
	}
	*proofs = append(*proofs, p)
	return nil
}

// contentEnd is where the content ends, which reaches to from.
func contentEnd(r io.ReaderAt, from int64) (int64, error) {
	buf := make([]byte, 64<<10)
	for {
		n, err := r.ReadAt(buf, from)
		from += int64(n)
		if errors.Is(err, io.EOF) || damaged(err) {
			return from, nil
		}
		if err != nil {
			return 0, err
		}
	}
}
