package main

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/cheggaaa/pb/v3"

	"github.com/bouncehouse/bouncehouse"
	"github.com/bouncehouse/bouncehouse/ingest"
)

// summary is what parse says at its end: what was read as what, and what was
// not understood.
type summary struct {
	files   int
	formats map[string]*formatSum
	unknown []string       // files in which nothing was known
	shapes  map[string]int // of lines not understood
}

type formatSum struct{ files, lines, events int }

// maxShapes bounds how many different lines are told apart.
const maxShapes = 10_000

// readAs is how the summary calls what took records.
func readAs(t bouncehouse.Taken) string {
	if t.Dialect != "" {
		return t.Format + ": " + t.Dialect
	}
	return t.Format
}

// file notes one file: how many records were read as what, and what was
// counted before and after it.
func (s *summary) file(name string, taken map[string]int, before, after counts) {
	s.files++
	if len(taken) == 0 {
		if after.records > before.records {
			s.unknown = append(s.unknown, filepath.Base(name))
		}
		return
	}
	main := ""
	for f, lines := range taken {
		sum := s.formats[f]
		if sum == nil {
			if s.formats == nil {
				s.formats = map[string]*formatSum{}
			}
			sum = &formatSum{}
			s.formats[f] = sum
		}
		sum.files++
		sum.lines += lines
		if lines > taken[main] || lines == taken[main] && f < main {
			main = f
		}
	}
	s.formats[main].events += after.events - before.events
}

// lines notes lines that were not understood.
func (s *summary) lines(samples []string) {
	for _, line := range samples {
		shape := shapeOf(line)
		if s.shapes == nil {
			s.shapes = map[string]int{}
		}
		if _, ok := s.shapes[shape]; ok || len(s.shapes) < maxShapes {
			s.shapes[shape]++
		}
	}
}

// doubtedHint says why records of the journal are not believed, and what makes
// them.
const doubtedHint = "they name a mail system and were written by another account's process; journal: in the configuration names accounts and units"

// print writes the summary; with one file only what it counted.
func (s *summary) print(w io.Writer, total counts, skipped []ingest.Skipped, took time.Duration) {
	if s.files > 1 {
		s.printFormats(w)
	}
	if len(s.unknown) > 0 && s.files > 1 {
		fmt.Fprintf(w, "No mail system known in %s\n", some(s.unknown))
	}
	byReason := map[string][]string{}
	var reasons []string
	for _, sk := range skipped {
		if byReason[sk.Reason] == nil {
			reasons = append(reasons, sk.Reason)
		}
		byReason[sk.Reason] = append(byReason[sk.Reason], filepath.Base(sk.Path))
	}
	for _, reason := range reasons {
		fmt.Fprintf(w, "Skipped %s: %s\n", some(byReason[reason]), reason)
	}
	fmt.Fprintf(w, "%d records, %d events", total.records, total.events)
	if total.unread > 0 {
		fmt.Fprintf(w, ", %d not understood", total.unread)
	}
	if total.doubted > 0 {
		fmt.Fprintf(w, ", %d of the journal not believed", total.doubted)
	}
	if total.dead > 0 {
		fmt.Fprintf(w, ", %d unreadable", total.dead)
	}
	if s.files > 1 {
		fmt.Fprintf(w, ", in %s", took.Round(10*time.Millisecond))
	}
	fmt.Fprintln(w)
	if total.doubted > 0 {
		fmt.Fprintln(w, "Not believed: "+doubtedHint)
	}
	s.printShapes(w)
	if total.records > 0 && total.events == 0 && total.dead == 0 {
		fmt.Fprintln(w, nothingFound)
	}
}

func (s *summary) printFormats(w io.Writer) {
	var names []string
	for f := range s.formats {
		names = append(names, f)
	}
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(cmp.Compare(s.formats[b].lines, s.formats[a].lines), cmp.Compare(a, b))
	})
	width := 12
	for _, f := range names {
		width = max(width, len(f))
	}
	fmt.Fprintf(w, "%-*s %8s %12s %12s\n", width, "read as", "files", "records", "events")
	for _, f := range names {
		sum := s.formats[f]
		fmt.Fprintf(w, "%-*s %8d %12d %12d\n", width, f, sum.files, sum.lines, sum.events)
	}
}

// printShapes tells the three commonest shapes of lines not understood.
func (s *summary) printShapes(w io.Writer) {
	var shapes []string
	for shape := range s.shapes {
		shapes = append(shapes, shape)
	}
	slices.SortFunc(shapes, func(a, b string) int {
		return cmp.Or(cmp.Compare(s.shapes[b], s.shapes[a]), cmp.Compare(a, b))
	})
	for i, shape := range shapes[:min(len(shapes), 3)] {
		if i == 0 {
			fmt.Fprintln(w, "Not understood, commonest first (a number is folded to 0, an address to <>):")
		}
		fmt.Fprintf(w, "%7d  %s\n", s.shapes[shape], shape)
	}
}

// some names a few of many, on one line.
func some(names []string) string {
	const few = 5
	more := ""
	if len(names) > few+1 {
		names, more = names[:few], fmt.Sprintf(" and %d more", len(names)-few)
	}
	return bouncehouse.Clean(strings.Join(names, ", "), math.MaxInt) + more
}

// shapeOf folds what differs between two lines of one kind: numbers and
// words with digits, what stands in angle brackets; and cuts the rest. It
// goes to a terminal: nothing that acts there is left.
func shapeOf(line string) string {
	const width = 150
	var b strings.Builder
	for i := 0; i < len(line) && b.Len() < width; {
		end := i
		digit := false
		for end < len(line) && wordByte(line[end]) {
			digit = digit || line[end] >= '0' && line[end] <= '9'
			end++
		}
		switch c := line[i]; {
		case end > i && digit:
			b.WriteByte('0')
		case end > i:
			b.WriteString(line[i:end])
		case c == '<' && strings.IndexByte(line[i:], '>') > 0:
			b.WriteString("<>")
			end = i + strings.IndexByte(line[i:], '>') + 1
		case c < ' ' || c >= 0x7f:
			b.WriteByte('?')
			end++
		default:
			b.WriteByte(c)
			end++
		}
		i = end
	}
	return b.String()
}

func wordByte(c byte) bool {
	return c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z'
}

// fileBar shows how far parse has come, where stderr is a terminal that its
// output does not fill.
type fileBar struct {
	bar   *pb.ProgressBar
	sizes []int64 // of the files not read yet; 0 where unknown
	done  int64   // of the files read
	now   int64   // of the file being read
}

func newFileBar(a *app, files []string) *fileBar {
	f, width := terminal(a.stderr)
	if _, filled := terminal(a.stdout); width == 0 || filled > 0 {
		return &fileBar{}
	}
	b := &fileBar{}
	var total int64
	for _, path := range files {
		var size int64
		if st, err := os.Stat(path); err == nil && st.Mode().IsRegular() {
			size = st.Size()
		}
		b.sizes = append(b.sizes, size)
		total += size
	}
	const tmpl = `{{ counters . }} {{ bar . }} {{ percent . }} {{ speed . "%s/s" " " }} {{ rtime . "ETA %s" "in %s" " " }}`
	b.bar = pb.New64(total).SetTemplateString(tmpl).SetWriter(f).Set(pb.Bytes, true).Set(pb.CleanOnFinish,
		true).SetRefreshRate(200 * time.Millisecond)
	b.bar.Start()
	return b
}

// read notes n bytes of the file being read; a packed file has more of them
// than it has on disk.
func (b *fileBar) read(n int) {
	if b.bar != nil {
		b.now = min(b.now+int64(n), b.sizes[0])
		b.bar.SetCurrent(b.done + b.now)
	}
}

// next goes on to the next file.
func (b *fileBar) next() {
	if b.bar != nil {
		b.done, b.now, b.sizes = b.done+b.sizes[0], 0, b.sizes[1:]
		b.bar.SetCurrent(b.done)
	}
}

func (b *fileBar) close() {
	if b.bar != nil {
		b.bar.Finish()
	}
}
