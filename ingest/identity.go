package ingest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"regexp"
	"slices"

	"github.com/bouncehouse/bouncehouse"
)

const (
	headMax = 64 << 10 // the head never needs more
	headMin = 256      // of lines without a time stamp
	tailMax = 1 << 10  // how much before a position is remembered
	markMin = 512      // the first mark
)

// A time of day, seconds since 1970, or TAI64N.
var stamp = regexp.MustCompile(`\d\d:\d\d:\d\d|\b\d{10}|@[0-9a-f]{24}`)

// headLen tells how much of a file's content, which begins with peek, its
// identity is made of; 0 where it is not there yet.
//
// The head ends with the first line that has a time stamp, or once there are
// headMin bytes of lines. What daily files have in common does not end it:
// lines that begin with # or "-- " ("-- Logs begin at"), and lines without
// any digit (column names). It is computed from the first complete lines
// alone, so it stays the same while the file grows, and for every copy.
//
// whole says that nothing more will come: then what is there must do.
func headLen(peek []byte, whole bool) int64 {
	counted := 0
	for at := 0; ; {
		n := bytes.IndexByte(peek[at:], '\n')
		if n < 0 {
			break
		}
		line := peek[at : at+n]
		at += n + 1
		if banner(line) {
			continue
		}
		if counted += n + 1; counted >= headMin || stamp.Match(line) {
			return int64(at)
		}
	}
	if whole || len(peek) >= headMax {
		return int64(len(peek))
	}
	return 0
}

func banner(line []byte) bool {
	return bytes.HasPrefix(line, []byte("#")) || bytes.HasPrefix(line, []byte("-- ")) || !bytes.ContainsAny(line, "0123456789")
}

// tailSum is a hash of the last bytes, at most tailMax, that stand before
// offset at. ok is false where the content does not reach so far. Two files
// with one head are told apart by it.
func tailSum(r io.ReaderAt, at int64) (sum string, ok bool, err error) {
	if at == 0 {
		return "", true, nil
	}
	buf := make([]byte, min(at, tailMax))
	n, err := r.ReadAt(buf, at-int64(len(buf)))
	if n == len(buf) {
		h := sha256.Sum256(buf)
		return hex.EncodeToString(h[:8]), true, nil
	}
	if err == nil || errors.Is(err, io.EOF) || damaged(err) {
		return "", false, nil
	}
	return "", false, err
}

// marks are the marks of a file that was read up to from, with those up to
// to added.
func marks(r io.ReaderAt, had []string, to int64) ([]string, error) {
	had = slices.Clip(had)
	for at := int64(markMin) << len(had); at <= to; at *= 2 {
		sum, ok, err := tailSum(r, at)
		if err != nil {
			return nil, err
		}
		if !ok {
			break
		}
		had = append(had, sum)
	}
	return had, nil
}

// begins tells whether r, which is shorter than k was, is the beginning of k.
func (k *known) begins(r io.ReaderAt) (bool, error) {
	for i, mark := range k.Marks {
		sum, ok, err := tailSum(r, markMin<<i)
		if err != nil || ok && sum != mark {
			return false, err
		}
		if !ok {
			break
		}
	}
	return true, nil
}

// match is what a file turned out to be.
type match int

const (
	notYet  match = iota // too short to have an identity
	isKnown              // the file that known says, read up to Read
	isNew                // never met
	isCut                // a copy, cut or still under way, of one that was read further
)

// recognise finds the file with content r among those known. live tells that
// it is the one being written: if that is shorter than it was, it was
// truncated, while a sibling that is shorter is a cut copy.
func (p *position) recognise(r io.ReaderAt, live, whole bool) (*known, match, error) {
	peek := make([]byte, headMax)
	n, err := r.ReadAt(peek, 0)
	if err != nil && !errors.Is(err, io.EOF) && !damaged(err) {
		return nil, notYet, err
	}
	peek = peek[:n]
	var best *known
	gen, short := 0, false
	for _, k := range p.Files {
		if k.Head > int64(n) || identify(peek[:k.Head], k.Gen) != k.ID {
			continue
		}
		gen = max(gen, k.Gen+1)
		sum, ok, err := tailSum(r, k.Read)
		switch {
		case err != nil:
			return nil, notYet, err
		case !ok && !live:
			cut, err := k.begins(r)
			if err != nil {
				return nil, notYet, err
			}
			short = short || cut
		case sum == k.Tail && (best == nil || k.Read > best.Read):
			best = k
		}
	}
	switch {
	case best != nil:
		best.top = fileHead(peek)
		return best, isKnown, nil
	case short:
		return nil, isCut, nil
	}
	head := headLen(peek, whole || damaged(err))
	if head == 0 {
		return nil, notYet, nil
	}
	return &known{ID: identify(peek[:head], gen), Head: head, Gen: gen, top: fileHead(peek)}, isNew, nil
}

func fileHead(peek []byte) string {
	return bouncehouse.FileHead(string(peek[:min(len(peek), bouncehouse.MaxHead)]))
}
