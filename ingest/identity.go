package ingest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"regexp"
	"strings"

	"github.com/bouncehouse/bouncehouse"
)

const (
	headMax = 64 << 10 // the head never needs more
	headMin = 256      // of lines without a time stamp
	tailMax = 1 << 10  // how much before a position is remembered
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
	return bytes.HasPrefix(line, []byte("#")) || bytes.HasPrefix(line, []byte("-- ")) ||
		!bytes.ContainsAny(line, "0123456789")
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

// peekAt is the beginning of r, as much as a head may need. Beside it may
// come the error of damaged data behind it.
func peekAt(r io.ReaderAt) ([]byte, error) {
	peek := make([]byte, headMax)
	n, err := r.ReadAt(peek, 0)
	if errors.Is(err, io.EOF) && !damaged(err) {
		err = nil
	}
	return peek[:n], err
}

func fileHead(peek []byte) string {
	return bouncehouse.FileHead(string(peek[:min(len(peek), bouncehouse.MaxHead)]))
}

// lastHead is the last header that stands amid a file, in data, which begins at
// from; first is the one that the file begins with. It ends at at. Servers that
// start anew write one into the file that is there (W3C logs), whose columns may
// be others.
func lastHead(data string, from int64, first string) (head string, at int64) {
	begin := 0
	if from == 0 {
		begin = len(first)
	}
	comment := strings.HasPrefix(strings.TrimPrefix(first, "\ufeff"), "#")
	name, _, _ := strings.Cut(first, ",")
	for end := len(data); end > begin; {
		line := strings.LastIndexByte(data[begin:end-1], '\n') + 1 + begin
		switch {
		case comment && data[line] == '#':
			for line > begin { // its first line
				before := strings.LastIndexByte(data[begin:line-1], '\n') + 1 + begin
				if data[before] != '#' {
					break
				}
				line = before
			}
		case !comment && strings.HasPrefix(data[line:], name+","):
		default:
			end = line
			continue
		}
		head = bouncehouse.FileHead(data[line:min(len(data), line+bouncehouse.MaxHead)])
		if isHead(head, first) && !(strings.Contains(first, ",") && strings.Count(data[begin:line], `"`)%2 == 1) {
			return head, from + int64(line+len(head))
		}
		end = line
	}
	return "", 0
}

// isHead tells whether head is another header of a file that begins with first: a line
// of a field, which a stranger may have written, is none. At least half of the columns
// are the same.
func isHead(head, first string) bool {
	names := func(head string) map[string]bool {
		if _, fields, ok := strings.Cut(head, "#Fields:"); ok {
			head, _, _ = strings.Cut(fields, "\n")
		}
		m := map[string]bool{}
		for _, name := range strings.FieldsFunc(head, func(r rune) bool { return strings.ContainsRune(", \t\r\n", r) }) {
			m[strings.Trim(name, `"`)] = true
		}
		return m
	}
	if strings.Contains(head, "#Fields:") != strings.Contains(first, "#Fields:") {
		return false
	}
	was, n := names(first), 0
	now := names(head)
	for name := range now {
		if was[name] {
			n++
		}
	}
	return n > 0 && 2*n >= min(len(now), len(was))
}

// lastHeadOf is lastHead of all that stands before to.
func lastHeadOf(r io.ReaderAt, to int64, first string) (head string, at int64, err error) {
	buf := make([]byte, 1<<20)
	for from := int64(0); from < to; {
		n, err := r.ReadAt(buf[:min(int64(len(buf)), to-from)], from)
		if n == 0 {
			return head, at, err
		}
		end := n
		if from+int64(n) < to {
			if line := bytes.LastIndexByte(buf[:n], '\n') + 1; line > 0 {
				end = line
			}
		}
		if h, a := lastHead(string(buf[:end]), from, first); h != "" {
			head, at = h, a
		}
		from += int64(end)
	}
	return head, at, nil
}
