package ingest

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/bouncehouse/bouncehouse"
)

// journalctl -o export (systemd, "Journal Export Formats") is text but for its
// binary values, which hold any bytes: lines that look like fields, line ends,
// zeros. Where one ends its length tells, in 64 bits behind the line of its
// name. So such a file is cut between entries, at their empty lines, and its
// zeros are no holes.
//
// A file that does not begin with an entry is cut where it happened to be full
// (rotatelogs, copytruncate, split), maybe within a value, of which nothing then
// tells the end: any line and any entry of it may be what the value's writer put
// there. So it is no export, and none of it is handed on.

// exportStart begins an entry, and hence the file.
var exportStart = []byte("__CURSOR=")

// isExport tells whether a file that begins with peek is an export. A line end
// before is the last one of an entry in the file before.
func isExport(peek []byte) bool {
	return bytes.HasPrefix(bytes.TrimLeft(peek, exportBlank), exportStart)
}

const exportBlank = "\x00\r\n"

// maybeExport tells whether a file of which there is only head so far may yet
// begin with an entry.
func maybeExport(head []byte) bool {
	return bytes.HasPrefix(exportStart, bytes.TrimLeft(head, exportBlank))
}

// entryStart is where the first line of data that begins an entry does, -1 where
// none does.
func entryStart(data []byte) int {
	for at := 0; ; at += len(exportStart) {
		n := bytes.Index(data[at:], exportStart)
		if n < 0 {
			return -1
		}
		if at += n; at == 0 || data[at-1] == '\n' {
			return at
		}
	}
}

// amidReason is why nothing is read from an entry on, in a file that does not
// begin with one.
const amidReason = "a journal's export that does not begin with an entry (__CURSOR=), so that its lines may stand within a value that anyone wrote: " +
	"it is not read from here on. Rotate exports between entries, or write -o json; a log of another format goes to another path"

// amidEntry is the piece of all that follows at off in such a file.
func (c *cutter) amidEntry(r io.ReaderAt, off int64) (*piece, error) {
	first, err := c.read(r, off, brokenData)
	if len(first) == 0 {
		if errors.Is(err, io.EOF) {
			err = nil
		}
		return nil, err
	}
	return &piece{kind: bouncehouse.Broken, from: off, to: off + int64(len(first)), data: string(first),
		reason: amidReason, done: true}, nil
}

// maxValue is longer than journald takes a value (DATA_SIZE_MAX is 768 MiB):
// what claims more is no value.
const maxValue = 1 << 30

// fieldKind is what a line of an export is.
type fieldKind int

const (
	fieldText   fieldKind = iota
	fieldBinary           // a name alone: length and value follow
	fieldNone             // an empty line, which ends an entry, or another format's
)

func tellField(line []byte) fieldKind {
	for i, c := range line {
		switch {
		case c == '=' && i > 0:
			return fieldText
		case (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_':
			return fieldNone
		}
	}
	if len(line) == 0 {
		return fieldNone
	}
	return fieldBinary
}

// valueSize is how long a binary value is with its length before it and its
// line end behind it; ok is false of what is no length.
func valueSize(length []byte) (n int64, ok bool) {
	size := binary.LittleEndian.Uint64(length)
	return 8 + int64(size) + 1, size <= maxValue
}

// wholeEntries is the length of the entries at the start of data that end there
// and are not too long.
func wholeEntries(data []byte) (end int) {
	for at := 0; at-end <= maxLine; {
		if at == end && at < len(data) && data[at] == 0 {
			return end // a hole between entries
		}
		n := bytes.IndexByte(data[at:], '\n')
		if n < 0 {
			return end
		}
		line := data[at : at+n]
		at += n + 1
		switch tellField(line) {
		case fieldText:
			continue
		case fieldBinary:
			if len(data)-at < 8 {
				return end
			}
			if n, ok := valueSize(data[at : at+8]); ok {
				if n > int64(len(data)-at) {
					return end
				}
				at += int(n)
				continue
			}
		}
		if at-end <= maxLine {
			end = at
		}
	}
	return end
}

// longEntry is the piece for the entry at off, which is longer than maxLine;
// nil where its end is yet to be written.
func (c *cutter) longEntry(r io.ReaderAt, off int64, final bool) (*piece, error) {
	first, err := c.read(r, off, brokenData)
	if len(first) < brokenData {
		return nil, err
	}
	p := &piece{kind: bouncehouse.Broken, from: off, data: string(first)}
	n, err := entryLen(r, off, final)
	p.to = off + n
	switch {
	case err == nil:
	case damaged(err):
		p.done, p.cut = true, errors.Is(err, io.ErrUnexpectedEOF)
	case !errors.Is(err, io.EOF):
		return nil, err
	case !final:
		return nil, nil
	}
	p.reason = fmt.Sprintf("journal entry of %d bytes is longer than %d", n, maxLine)
	return p, nil
}

// entryLen is the length of the entry at off, with an error where it has no
// end. Values are only read where all there is counts: final.
func entryLen(r io.ReaderAt, off int64, final bool) (n int64, err error) {
	lines := bufio.NewReaderSize(nil, 64<<10)
	from := func() { lines.Reset(io.NewSectionReader(r, off+n, 1<<62)) }
	from()
	for {
		line, err := lines.ReadSlice('\n')
		n += int64(len(line))
		kind := tellField(bytes.TrimSuffix(line, []byte("\n")))
		for errors.Is(err, bufio.ErrBufferFull) {
			line, err = lines.ReadSlice('\n')
			n += int64(len(line))
		}
		switch {
		case err != nil:
			return n, err
		case kind == fieldText:
			continue
		case kind == fieldNone:
			return n, nil
		}
		length, err := lines.Peek(8)
		if err != nil {
			return n + int64(len(length)), err
		}
		size, ok := valueSize(length)
		switch {
		case !ok:
			return n, nil
		case final:
			got, err := io.CopyN(io.Discard, lines, size)
			if n += got; err != nil {
				return n, err
			}
		default:
			if _, err := r.ReadAt(make([]byte, 1), off+n+size-1); err != nil {
				return n, err
			}
			n += size
			from()
		}
	}
}
