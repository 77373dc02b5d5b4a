// Package parsetest is what the tests of parsers share: records as strangers
// may write them, and what reading them costs.
package parsetest

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bouncehouse/bouncehouse/parse/values"
)

// What strangers may write is built of the samples themselves and of the
// parsers' own words, so that a format or dialect more is tried without more
// said. Many of them, of other seeds:
//
//	go test ./parse -run Work -shapes 50 -seed 7
var (
	Shapes = flag.Int("shapes", 2, "how many shapes of hostile records are made of each sample")
	Seed   = flag.Uint64("seed", 1, "of the shapes of hostile records")
)

// shape is a record, or a log, of any length: a piece repeated in its place.
type shape struct {
	Name                 string
	Before, Piece, After string
	numbered             bool // no piece is like another
}

func (s *shape) String() string { return fmt.Sprintf("%s, %q again and again", s.Name, s.Piece) }

// Text is the shape in about n bytes.
func (s *shape) Text(n int) string {
	var b strings.Builder
	b.WriteString(s.Before)
	for i := 0; b.Len() < n-len(s.After); i++ {
		switch number := strconv.Itoa(i); {
		case !s.numbered:
			b.WriteString(s.Piece)
		case strings.Contains(s.Piece, "@"):
			b.WriteString(strings.ReplaceAll(s.Piece, "@", number+"@"))
		default:
			half := len(s.Piece) / 2
			b.WriteString(s.Piece[:half] + number + s.Piece[half:])
		}
	}
	b.WriteString(s.After)
	return b.String()
}

// NewShape takes a piece of a sample and its place by chance: some lines, some
// words of a line, two lines in turn, some of the parsers' own words.
func NewShape(r *rand.Rand, name, sample string, words []string) (s shape) {
	s.Name, s.numbered = name, r.IntN(2) == 0
	lines := strings.SplitAfter(sample, "\n")
	at := r.IntN(len(lines))
	start := 0 // of the line
	for _, line := range lines[:at] {
		start += len(line)
	}
	s.Before, s.After = sample[:start], sample[start:]
	switch r.IntN(4) {
	case 0:
		s.Piece = strings.Join(lines[at:min(len(lines), at+1+r.IntN(5))], "")
	case 1:
		all := tokens(lines[at])
		from := r.IntN(max(1, len(all)))
		skipped := len(strings.Join(all[:from], ""))
		s.Before, s.After = sample[:start+skipped], sample[start+skipped:]
		s.Piece = strings.Join(all[from:min(len(all), from+1+r.IntN(6))], "")
	case 2:
		s.Piece = lines[r.IntN(len(lines))] + lines[r.IntN(len(lines))]
	case 3:
		between := []string{"", "", " ", "\n", ": ", "a@example.net", "<a@example.net>", " 550 5.1.1 no", "[192.0.2.1]"}
		for range 1 + r.IntN(3) {
			s.Piece += words[r.IntN(len(words))] + between[r.IntN(len(between))]
		}
	}
	if s.Piece == "" {
		s.Piece = "\n"
	}
	if r.IntN(4) == 0 {
		s.After = "" // what ends it lacks
	}
	return s
}

// tokens cuts a line in words and single signs.
func tokens(line string) (all []string) {
	word := func(c byte) bool { return c >= 0x80 || c|0x20 >= 'a' && c|0x20 <= 'z' || values.IsDigit(c) }
	start := 0
	for i := 1; i <= len(line); i++ {
		if i == len(line) || !word(line[i]) || !word(line[i-1]) {
			all = append(all, line[start:i])
			start = i
		}
	}
	return all
}

// ParserWords are the words that the parsers in dir and below look for.
func ParserWords(t *testing.T, dir string) (words []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(file string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING {
				if w, err := strconv.Unquote(l.Value); err == nil && w != "" && len(w) < 60 {
					words = append(words, w)
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return words
}

// work is bounded: twice as much to read is at most MaxGrowth times the work.
const MaxGrowth = 2.3

// What is read as fast as CheapStart and cheapByte say, on any machine, needs
// no second look.
const (
	CheapStart = 4 * time.Millisecond
	cheapByte  = 30 * time.Nanosecond
)

// Cost is what parsing took.
type Cost struct {
	CPU   time.Duration // of all threads, which leaves out what other processes do
	bytes uint64        // of memory, in all
}

// CostOf runs it and tells what that took.
func CostOf(t *testing.T, run func()) Cost {
	t.Helper()
	spent := func() time.Duration {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			t.Fatal(err)
		}
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := spent()
	run()
	cpu := spent() - start
	runtime.ReadMemStats(&after)
	return Cost{cpu, after.TotalAlloc - before.TotalAlloc}
}

// WithoutGC leaves garbage collection out: a run costs what it does itself.
// The race detector's own work cannot be left out; scripts/test.sh runs these
// tests without it.
func WithoutGC(t *testing.T) {
	t.Helper()
	if raceDetector {
		t.Skip("the race detector's work would be measured")
	}
	percent, limit := debug.SetGCPercent(-1), debug.SetMemoryLimit(1<<30)
	t.Cleanup(func() {
		debug.SetGCPercent(percent)
		debug.SetMemoryLimit(limit)
	})
}

// CheckGrowth holds the work on a record of n and of 4n bytes: the least of
// several runs, since a machine may have other work.
func CheckGrowth(t *testing.T, what fmt.Stringer, n int, text func(n int) string, parse func(string)) {
	t.Helper()
	small, large := text(n), text(4*n)
	b := CostOf(t, func() { parse(large) })
	if limit := uint64(maxMemoryByte*len(large) + maxMemory); b.bytes > limit {
		t.Errorf("%v: %d bytes took %d of memory, want %d at most", what, len(large), b.bytes, limit)
	}
	if b.CPU <= CheapStart+time.Duration(len(large))*cheapByte {
		return
	}
	growth := float64(len(large)) / float64(len(small)) / 4 * MaxGrowth * MaxGrowth
	a := CostOf(t, func() { parse(small) })
	bounded := func() bool {
		return float64(b.CPU) <= growth*float64(a.CPU) && float64(b.bytes) <= growth*float64(a.bytes)+2<<20
	}
	for range 16 {
		if bounded() {
			return
		}
		runtime.GC()
		again := CostOf(t, func() { parse(small) })
		a = Cost{min(a.CPU, again.CPU), max(a.bytes, again.bytes)}
		again = CostOf(t, func() { parse(large) })
		b = Cost{min(b.CPU, again.CPU), min(b.bytes, again.bytes)}
	}
	if bounded() {
		return
	}
	t.Errorf("%v: %d bytes took %v and %d of memory, %d bytes %v and %d", what, len(small), a.CPU, a.bytes, len(large),
		b.CPU, b.bytes)
}

// Memory for one record: for each of its bytes, and beside them for as many
// events as one may make.
const (
	maxMemoryByte = 400
	maxMemory     = 48 << 20
)

// Named is a shape that somebody thought of.
type Named string

func (n Named) String() string { return string(n) }
