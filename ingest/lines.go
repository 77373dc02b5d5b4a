package ingest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/bouncehouse/bouncehouse"
)

const (
	maxLine    = 256 << 10 // a longer line is no log line
	brokenData = 4 << 10   // how much of one is kept
	// How much is parsed again after a start: what one attempt of a message may take on a busy server, so that the
	// parser knows its recipients when it expires.
	replaySize = 4 << 20
)

// piece is what one chunk is made of.
type piece struct {
	kind     bouncehouse.Kind
	from, to int64 // range of the content
	data     string
	reason   string
	done     bool          // nothing can follow in this file
	again    bool          // it was made of an intent
	anew     bool          // it begins with half a line that was a piece of its own
	cut      bool          // of done: its packed data ends too early
	tail     string        // see tailSum, at to
	next     prefix        // what was read of the file once this is
	raw      []byte        // of lines: data, until the next piece is taken
	sealed   chan struct{} // closed once next is there; nil where it is
	err      error         // of it
}

// half is how much stands at its end of a line that has no end.
func (p *piece) half() int64 {
	if p.kind != bouncehouse.Lines {
		return 0
	}
	return int64(len(p.data) - strings.LastIndexByte(p.data, '\n') - 1)
}

// oneLine leaves of p, of lines, the first.
func (p *piece) oneLine() {
	if n := strings.IndexByte(p.data, '\n') + 1; p.kind == bouncehouse.Lines && n > 0 {
		p.data, p.raw, p.to = p.data[:n], p.raw[:n], p.from+int64(n)
	}
}

// await waits for next.
func (p *piece) await() error {
	if p.sealed != nil {
		<-p.sealed
	}
	return p.err
}

// cutter takes pieces off a file's content.
type cutter struct {
	size    int  // of a chunk
	export  bool // the content is a journal's export, cut between its entries
	amid    bool // it is one that does not begin with an entry
	buf     []byte
	scanned int64 // no line ends before it: so far an unfinished long line was searched
}

// next is the piece at offset off: as many whole lines as a chunk holds; nil where there is no whole line. A line
// longer than maxLine is a broken piece of its own. Of a journal's export read entry for line. final says that nothing
// more will come: then a last line counts without its line end.
func (c *cutter) next(r io.ReaderAt, off int64, final bool) (*piece, error) {
	if c.amid {
		return c.amidEntry(r, off)
	}
	if c.scanned > off {
		return c.long(r, off, final)
	}
	data, err := c.read(r, off, c.size)
	for len(data) > 0 && data[0] == 0 {
		// A hole before a line: what a power failure leaves, and a writer
		// without O_APPEND after a truncation.
		zeros := len(data) - len(bytes.TrimLeft(data, "\x00"))
		off += int64(zeros)
		data, err = c.read(r, off, c.size)
	}
	end := c.whole(data)
	if end == 0 && len(data) == c.size && c.size <= maxLine {
		data, err = c.read(r, off, maxLine+1)
		if end = bytes.IndexByte(data, '\n') + 1; c.export {
			end = wholeEntries(data)
		}
	}
	if !c.export {
		switch n := entryStart(data[:max(end, min(len(data), len(exportStart)))]); {
		case n == 0:
			return c.amidEntry(r, off)
		case n > 0:
			end = n
		}
	}
	switch {
	case end > 0:
		return &piece{kind: bouncehouse.Lines, from: off, to: off + int64(end), data: string(data[:end]),
			raw: data[:end]}, nil
	case len(data) > maxLine && c.export:
		return c.longEntry(r, off, final)
	case len(data) > maxLine:
		return c.long(r, off, final)
	case damaged(err):
		return &piece{kind: bouncehouse.Broken, from: off, to: off + int64(len(data)),
			data: string(data[:min(len(data), brokenData)]), reason: err.Error(), done: true,
			cut: errors.Is(err, io.ErrUnexpectedEOF)}, nil
	case err != nil && !errors.Is(err, io.EOF):
		return nil, err
	case final && len(data) > 0:
		return &piece{kind: bouncehouse.Lines, from: off, to: off + int64(len(data)), data: string(data),
			raw: data}, nil
	}
	return nil, nil
}

// whole is the length of the whole lines at the start of data, up to a hole.
func (c *cutter) whole(data []byte) int {
	if c.export {
		return wholeEntries(data)
	}
	end := wholeLines(data)
	if hole := bytes.IndexByte(data[:end], 0); hole >= 0 {
		if n := bytes.Index(data[max(hole-1, 0):end], []byte("\n\x00")); n >= 0 {
			end = max(hole-1, 0) + n + 1 // the next piece begins after the zeros
		}
	}
	return end
}

// read fills the buffer with n bytes from off; fewer with an error.
func (c *cutter) read(r io.ReaderAt, off int64, n int) ([]byte, error) {
	if cap(c.buf) < n {
		c.buf = make([]byte, n)
	}
	got, err := r.ReadAt(c.buf[:n], off)
	return c.buf[:got], err
}

// wholeLines is the length of the lines at the start of data that end there
// and are not too long.
func wholeLines(data []byte) int {
	for at := 0; ; {
		n := bytes.LastIndexByte(data[at:min(len(data), at+maxLine+1)], '\n')
		if n < 0 {
			return at
		}
		at += n + 1
	}
}

// long is the piece for the line at off, which is longer than maxLine. Only
// its first bytes are ever held.
func (c *cutter) long(r io.ReaderAt, off int64, final bool) (*piece, error) {
	first, err := c.read(r, off, brokenData)
	if len(first) < brokenData {
		return nil, err
	}
	p := &piece{kind: bouncehouse.Broken, from: off, data: string(first)}
	for at := max(c.scanned, off); ; {
		data, err := c.read(r, at, max(c.size, maxLine))
		n := bytes.IndexByte(data, '\n')
		at += int64(len(data))
		switch {
		case n >= 0:
			p.to = at - int64(len(data)) + int64(n) + 1
		case err == nil:
			continue
		case damaged(err):
			p.to, p.done, p.cut = at, true, errors.Is(err, io.ErrUnexpectedEOF)
		case !errors.Is(err, io.EOF):
			return nil, err
		case final:
			p.to = at
		default:
			c.scanned = at
			return nil, nil
		}
		c.scanned = 0
		p.reason = fmt.Sprintf("line of %d bytes is longer than %d", p.to-p.from, maxLine)
		return p, nil
	}
}

// again makes the piece of a range once more.
func (c *cutter) again(r io.ReaderAt, in *intent) (*piece, error) {
	p := &piece{kind: in.Kind, from: in.From, to: in.To, reason: in.Reason, done: in.Done, again: true}
	n := in.To - in.From
	if in.Kind == bouncehouse.Broken {
		n = min(n, brokenData)
	}
	data, err := c.read(r, in.From, int(n))
	if int64(len(data)) < n {
		return nil, err
	}
	p.data = string(data)
	return p, nil
}

// before is the piece of whole lines that ends at off, of that size at most,
// to be parsed again. whole says that nothing stands before it in the file but,
// maybe, a hole, which is as long as all that was truncated.
func (c *cutter) before(r io.ReaderAt, off, most int64) (p *piece, whole bool, err error) {
	from := max(0, off-most)
	if c.export && from > 0 {
		return nil, false, nil // it may begin within a value, which anyone can have written
	}
	data, err := c.read(r, from, int(off-from))
	if int64(len(data)) < off-from {
		return nil, false, err
	}
	n := len(data) - len(bytes.TrimLeft(data, "\x00"))
	if whole = from == 0 || n > 0; !whole {
		if n = bytes.IndexByte(data, '\n') + 1; n == 0 {
			return nil, false, nil // all of it is within one line
		}
	}
	return &piece{kind: bouncehouse.Lines, from: from + int64(n), to: off, data: string(data[n:])}, whole, nil
}
