package ingest

import (
	"bytes"
	"crypto/sha256"
	"encoding"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
)

const (
	fineMarks  = 64 << 10 // so much before its end, a prefix has a mark at the end of every line
	coarseCell = 4 << 10  // before that, one in each cell of so much, or
	coarseMax  = 64       // of twice as much, and so on, so that there are no more than twice so many
)

// prefix is what was read of a file's content, from its start up to Read, and
// how that can be proved of another file: by SHA-256 over all of it, and by
// that over shorter beginnings, which end with a line: the marks.
type prefix struct {
	Read  int64  `json:"read"`
	Tail  string `json:"tail,omitempty"`  // see tailSum, at Read: by it an open file is seen to be the same still
	State []byte `json:"state,omitempty"` // of the digest at Read; empty at 0, and of what version 1 read
	Marks []byte `json:"marks,omitempty"` // see packMarks
}

// mark says that the content up to at has that hash.
type mark struct {
	at  int64
	sum [8]byte
}

func markOf(h hash.Hash, at int64) mark { return mark{at, [8]byte(h.Sum(nil))} }

// packMarks writes marks as the distance from the one before and the hash.
func packMarks(marks []mark) []byte {
	var b []byte
	last := int64(0)
	for _, m := range marks {
		b = append(binary.AppendUvarint(b, uint64(m.at-last)), m.sum[:]...)
		last = m.at
	}
	return b
}

func unpackMarks(b []byte) (marks []mark) {
	for at := int64(0); len(b) > 0; {
		d, n := binary.Uvarint(b)
		if n <= 0 || len(b) < n+8 {
			break
		}
		at += int64(d)
		marks = append(marks, mark{at, [8]byte(b[n:])})
		b = b[n+8:]
	}
	return marks
}

func cellOf(read int64) int64 {
	cell := int64(coarseCell)
	for read/cell > coarseMax {
		cell *= 2
	}
	return cell
}

// thin leaves of marks what a prefix of that length has.
func thin(marks []mark, read int64) []mark {
	cell, last := cellOf(read), int64(-1)
	var kept []mark
	for _, m := range marks {
		if in := (m.at - 1) / cell; m.at > read-fineMarks || in != last {
			kept, last = append(kept, m), in
		}
	}
	return kept
}

// digest is the hash of the prefix, to be gone on with.
func (p *prefix) digest() (hash.Hash, error) {
	h := sha256.New()
	if len(p.State) == 0 {
		return h, nil
	}
	if err := h.(encoding.BinaryUnmarshaler).UnmarshalBinary(p.State); err != nil {
		return nil, fmt.Errorf("state of a digest: %w", err)
	}
	return h, nil
}

// sum tells one prefix from another.
func (p *prefix) sum() string { return shortHash(string(p.State)) }

// extended is p with what r holds up to to; has is that, where it was read
// already. Tail is left to the caller.
func (p prefix) extended(r io.ReaderAt, to int64, has []byte) (prefix, error) {
	h, err := p.digest()
	if err != nil {
		return p, err
	}
	marks, buf := unpackMarks(p.Marks), has
	if has == nil {
		buf = make([]byte, min(256<<10, to-p.Read))
	}
	cell, fine := cellOf(to), to-fineMarks
	for at := p.Read; at < to; {
		n := len(has)
		if has == nil {
			if n, err = r.ReadAt(buf[:min(int64(len(buf)), to-at)], at); n == 0 {
				return p, fmt.Errorf("read at %d: %w", at, err)
			}
		}
		for data := buf[:n]; len(data) > 0; {
			// Up to the line that ends first in the next cell, or that ends next.
			skip := int64(0)
			if at < fine {
				skip = min((at/cell+1)*cell, fine) - at
			}
			k, ended := len(data), false
			if skip < int64(k) {
				if n := bytes.IndexByte(data[skip:], '\n'); n >= 0 {
					k, ended = int(skip)+n+1, true
				}
			}
			h.Write(data[:k])
			at, data = at+int64(k), data[k:]
			if ended {
				marks = append(marks, markOf(h, at))
			}
		}
	}
	if p.State, err = h.(encoding.BinaryMarshaler).MarshalBinary(); err != nil {
		return p, fmt.Errorf("state of a digest: %w", err)
	}
	p.Read, p.Marks = to, packMarks(thin(marks, to))
	return p, nil
}

// prefixOf is what r holds up to to.
func prefixOf(r io.ReaderAt, to int64) (prefix, error) {
	p, err := prefix{}.extended(r, to, nil)
	if err == nil {
		p.Tail, _, err = tailSum(r, to)
	}
	return p, err
}

// proof is how far a file was proved to be one that was read.
type proof struct {
	entry   *entry
	was     entry // when it was looked up
	marks   []mark
	full    []byte // the hash at prefix.Read
	proven  int64  // the content is the same up to here
	differs bool   // but not up to the next mark
}

func newProof(e *entry, was entry) (*proof, error) {
	p := was.prefix
	h, err := p.digest()
	if err != nil {
		return nil, err
	}
	marks := unpackMarks(p.Marks)
	for len(marks) > 0 && marks[len(marks)-1].at >= p.Read {
		marks = marks[:len(marks)-1]
	}
	if p.Read > 0 {
		marks = append(marks, markOf(h, p.Read))
	}
	return &proof{entry: e, was: was, marks: marks, full: h.Sum(nil)}, nil
}

// whole tells whether all that was read of the other file is in this one.
func (p *proof) whole() bool { return p.proven == p.was.Read }

// prove compares r with what was read of others, in one pass that ends where
// nothing more can be told.
func prove(r io.ReaderAt, proofs []*proof) error {
	h, buf := sha256.New(), []byte(nil)
	for at := int64(0); ; {
		next := int64(-1)
		for _, p := range proofs {
			if !p.differs && len(p.marks) > 0 && (next < 0 || p.marks[0].at < next) {
				next = p.marks[0].at
			}
		}
		if next < 0 {
			return nil
		}
		if buf == nil {
			buf = make([]byte, 256<<10)
		}
		for at < next {
			n, err := r.ReadAt(buf[:min(int64(len(buf)), next-at)], at)
			h.Write(buf[:n])
			if at += int64(n); n == 0 {
				if errors.Is(err, io.EOF) || damaged(err) {
					return nil // too short for more
				}
				return err
			}
		}
		got := markOf(h, at)
		for _, p := range proofs {
			if p.differs || len(p.marks) == 0 || p.marks[0].at != at {
				continue
			}
			if same := p.marks[0] == got && (at < p.was.Read || bytes.Equal(h.Sum(nil), p.full)); same {
				p.proven, p.marks = at, p.marks[1:]
			} else {
				p.differs = true
			}
		}
	}
}

// common is where the lines end that a and b have in common, which they have
// up to from.
func common(a, b io.ReaderAt, from int64) (int64, error) {
	x, y := make([]byte, 64<<10), make([]byte, 64<<10)
	lines := from
	for {
		n, err := a.ReadAt(x, from)
		m, err2 := b.ReadAt(y, from)
		for _, err := range []error{err, err2} {
			if err != nil && !errors.Is(err, io.EOF) && !damaged(err) {
				return 0, err
			}
		}
		same := 0
		for same < min(n, m) && x[same] == y[same] {
			same++
		}
		if i := bytes.LastIndexByte(x[:same], '\n'); i >= 0 {
			lines = from + int64(i) + 1
		}
		if from += int64(same); same < len(x) {
			return lines, nil
		}
	}
}

// moreLines tells whether a line of r ends after from.
func moreLines(r io.ReaderAt, from int64) (bool, error) {
	buf := make([]byte, 64<<10)
	for {
		n, err := r.ReadAt(buf, from)
		if bytes.IndexByte(buf[:n], '\n') >= 0 {
			return true, nil
		}
		if from += int64(n); n < len(buf) {
			if errors.Is(err, io.EOF) || damaged(err) {
				err = nil
			}
			return false, err
		}
	}
}
