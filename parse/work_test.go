package parse

import (
	"encoding/binary"
	"encoding/json"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/bouncehouse/bouncehouse"
)

// What strangers may write is built of the samples themselves and of the
// parsers' own words, so that a format or dialect more is tried without more
// said. Many of them, of other seeds:
//
//	go test ./parse -run Work -shapes 50 -seed 7
var (
	shapesEach = flag.Int("shapes", 2, "how many shapes of hostile records are made of each sample")
	shapesSeed = flag.Uint64("seed", 1, "of the shapes of hostile records")
)

// shape is a record, or a log, of any length: a piece repeated in its place.
type shape struct {
	name                 string
	before, piece, after string
	numbered             bool // no piece is like another
}

func (s *shape) String() string { return fmt.Sprintf("%s, %q again and again", s.name, s.piece) }

// text is the shape in about n bytes.
func (s *shape) text(n int) string {
	var b strings.Builder
	b.WriteString(s.before)
	for i := 0; b.Len() < n-len(s.after); i++ {
		switch number := strconv.Itoa(i); {
		case !s.numbered:
			b.WriteString(s.piece)
		case strings.Contains(s.piece, "@"):
			b.WriteString(strings.ReplaceAll(s.piece, "@", number+"@"))
		default:
			half := len(s.piece) / 2
			b.WriteString(s.piece[:half] + number + s.piece[half:])
		}
	}
	b.WriteString(s.after)
	return b.String()
}

// newShape takes a piece of a sample and its place by chance: some lines, some
// words of a line, two lines in turn, some of the parsers' own words.
func newShape(r *rand.Rand, name, sample string, words []string) (s shape) {
	s.name, s.numbered = name, r.IntN(2) == 0
	lines := strings.SplitAfter(sample, "\n")
	at := r.IntN(len(lines))
	start := 0 // of the line
	for _, line := range lines[:at] {
		start += len(line)
	}
	s.before, s.after = sample[:start], sample[start:]
	switch r.IntN(4) {
	case 0:
		s.piece = strings.Join(lines[at:min(len(lines), at+1+r.IntN(5))], "")
	case 1:
		all := tokens(lines[at])
		from := r.IntN(max(1, len(all)))
		skipped := len(strings.Join(all[:from], ""))
		s.before, s.after = sample[:start+skipped], sample[start+skipped:]
		s.piece = strings.Join(all[from:min(len(all), from+1+r.IntN(6))], "")
	case 2:
		s.piece = lines[r.IntN(len(lines))] + lines[r.IntN(len(lines))]
	case 3:
		between := []string{"", "", " ", "\n", ": ", "a@example.net", "<a@example.net>", " 550 5.1.1 no", "[192.0.2.1]"}
		for range 1 + r.IntN(3) {
			s.piece += words[r.IntN(len(words))] + between[r.IntN(len(between))]
		}
	}
	if s.piece == "" {
		s.piece = "\n"
	}
	if r.IntN(4) == 0 {
		s.after = "" // what ends it lacks
	}
	return s
}

// tokens cuts a line in words and single signs.
func tokens(line string) (all []string) {
	word := func(c byte) bool { return c >= 0x80 || c|0x20 >= 'a' && c|0x20 <= 'z' || isDigit(c) }
	start := 0
	for i := 1; i <= len(line); i++ {
		if i == len(line) || !word(line[i]) || !word(line[i-1]) {
			all = append(all, line[start:i])
			start = i
		}
	}
	return all
}

// parserWords are the words that the parsers look for.
func parserWords(t *testing.T) (words []string) {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING {
				if w, err := strconv.Unquote(l.Value); err == nil && w != "" && len(w) < 60 {
					words = append(words, w)
				}
			}
			return true
		})
	}
	return words
}

// work is bounded: twice as much to read is at most maxGrowth times the work.
const maxGrowth = 2.3

// What is read as fast as cheapStart and cheapByte say, on any machine, needs
// no second look.
const (
	cheapStart = 4 * time.Millisecond
	cheapByte  = 30 * time.Nanosecond
)

// cost is what parsing took.
type cost struct {
	cpu   time.Duration // of all threads, which leaves out what other processes do
	bytes uint64        // of memory, in all
}

func costOf(t *testing.T, run func()) cost {
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
	return cost{cpu, after.TotalAlloc - before.TotalAlloc}
}

// withoutGC leaves garbage collection out: a run costs what it does itself.
// The race detector's own work cannot be left out; scripts/test.sh runs these
// tests without it.
func withoutGC(t *testing.T) {
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

// checkGrowth holds the work on a record of n and of 4n bytes: the least of
// several runs, since a machine may have other work.
func checkGrowth(t *testing.T, what fmt.Stringer, n int, text func(n int) string, parse func(string)) {
	t.Helper()
	small, large := text(n), text(4*n)
	b := costOf(t, func() { parse(large) })
	if limit := uint64(maxMemoryByte*len(large) + maxMemory); b.bytes > limit {
		t.Errorf("%v: %d bytes took %d of memory, want %d at most", what, len(large), b.bytes, limit)
	}
	if b.cpu <= cheapStart+time.Duration(len(large))*cheapByte {
		return
	}
	growth := float64(len(large)) / float64(len(small)) / 4 * maxGrowth * maxGrowth
	a := costOf(t, func() { parse(small) })
	bounded := func() bool {
		return float64(b.cpu) <= growth*float64(a.cpu) && float64(b.bytes) <= growth*float64(a.bytes)+2<<20
	}
	for range 16 {
		if bounded() {
			return
		}
		runtime.GC()
		again := costOf(t, func() { parse(small) })
		a = cost{min(a.cpu, again.cpu), max(a.bytes, again.bytes)}
		again = costOf(t, func() { parse(large) })
		b = cost{min(b.cpu, again.cpu), min(b.bytes, again.bytes)}
	}
	if bounded() {
		return
	}
	t.Errorf("%v: %d bytes took %v and %d of memory, %d bytes %v and %d", what, len(small), a.cpu, a.bytes, len(large), b.cpu, b.bytes)
}

// Memory for one record: for each of its bytes, and beside them for as many
// events as one may make.
const (
	maxMemoryByte = 400
	maxMemory     = 48 << 20
)

func parseHostileMail(t *testing.T, text string) {
	t.Helper()
	c := bouncehouse.Chunk{Kind: bouncehouse.Mail, Data: text, Ref: logRef}
	var res bouncehouse.Result
	bouncehouse.ParseChunk(newDSN(dsnOptions), &c, &res)
	if len(res.Events) > maxRecipients {
		t.Errorf("%d events", len(res.Events))
	}
	for i := range res.Events {
		if e := &res.Events[i]; !utf8.ValidString(e.ReplyText) || !utf8.ValidString(e.Recipient) {
			t.Errorf("not UTF-8: %q %q", e.Recipient, e.ReplyText)
		}
	}
}

// parseHostileLog reads a log in chunks, whose results are done with one by
// one: else the room for results would be what grows.
func parseHostileLog(t *testing.T, as, head, log string) {
	t.Helper()
	parseInChunks(t, newParser(t, as), as, head, log)
}

func parseInChunks(t *testing.T, p bouncehouse.Parser, as, head, log string) {
	t.Helper()
	const size = 16 << 10
	var res bouncehouse.Result
	for at := 0; at < len(log); {
		next := len(log)
		if next-at > size {
			_, next = cutLine(log, at+size)
		}
		c := logChunk("hostile", log[at:next], at)
		c.Head = head
		res.Reset()
		bouncehouse.ParseChunk(p, c, &res)
		checkLog(t, &res, as)
		at = next
	}
}

// What a mail costs grows with its length, whatever a stranger wrote.
func TestWorkMails(t *testing.T) {
	withoutGC(t)
	r := rand.New(rand.NewPCG(*shapesSeed, 0))
	words, mails := parserWords(t), dsnGoldens(t)
	parse := func(text string) { parseHostileMail(t, text) }
	for _, name := range sortedKeys(mails) {
		for range *shapesEach {
			s := newShape(r, name, mails[name], words)
			for _, n := range []int{12 << 10, 220 << 10} { // below and above what is read of a text
				checkGrowth(t, &s, n, s.text, parse)
			}
		}
	}
	t.Logf("-seed %d -shapes %d", *shapesSeed, *shapesEach)
}

// What a log costs grows with its length, be it one line or many: whatever
// the lines before left in memory.
func TestWorkLogs(t *testing.T) {
	withoutGC(t)
	r := rand.New(rand.NewPCG(*shapesSeed, 1))
	words := parserWords(t)
	for _, f := range lineFormats() {
		for _, one := range samples(t, f.Name) {
			for i := range *shapesEach {
				s := newShape(r, f.Name+"/"+one.file, one.log, words)
				n := 240 << 10
				if i%2 == 1 { // one line, as long as one may be
					s.before = s.before[strings.LastIndexByte(s.before, '\n')+1:]
					s.after, _ = cutLine(s.after, 0)
					s.piece = strings.ReplaceAll(s.piece, "\n", " ")
					n = 60 << 10
				}
				as := []string{f.Name, Auto}[r.IntN(2)]
				head := bouncehouse.FileHead(one.log)
				checkGrowth(t, &s, n, s.text, func(text string) { parseHostileLog(t, as, head, text) })
				wrapping := wrappings()[r.IntN(len(wrappings()))]
				wrapped := func(n int) string { return wrapping.around(s.text(n)) }
				s.name += " in " + wrapping.name
				checkGrowth(t, &s, n, wrapped, func(text string) { parseHostileLog(t, Auto, "", text) })
			}
		}
	}
	t.Logf("-seed %d -shapes %d", *shapesSeed, *shapesEach)
}

// wrapping is what may stand around each line of a log.
type wrapping struct {
	name string
	line func(line string) string
}

// around wraps each line of a log.
func (w wrapping) around(log string) string {
	var b strings.Builder
	for line := range strings.Lines(log) {
		b.WriteString(w.line(strings.TrimSuffix(line, "\n")) + "\n")
	}
	return b.String()
}

// wrappings are all that headReader takes off. What a container runtime cuts in
// parts comes in two of them.
func wrappings() []wrapping {
	const stamp = "2026-09-12T15:49:12.650438Z"
	quote := func(s string) string {
		text, err := json.Marshal(s)
		if err != nil {
			panic(err) // of a string never
		}
		return string(text)
	}
	halves := func(s, format string) string {
		return fmt.Sprintf(format, "P", s[:len(s)/2]) + "\n" + fmt.Sprintf(format, "F", s[len(s)/2:])
	}
	return []wrapping{
		{"syslog", func(s string) string { return "Sep 12 15:49:12 mx1 postfix/smtp[1]: " + s }},
		{"RFC 5424", func(s string) string { return "<22>1 " + stamp + " mx1 sendmail 12 - - " + s }},
		{"docker", func(s string) string {
			return `{"log":` + quote(s[:len(s)/2]) + `,"stream":"stdout","time":"` + stamp + `"}` + "\n" +
				`{"log":` + quote(s[len(s)/2:]+"\n") + `,"stream":"stdout","time":"` + stamp + `"}`
		}},
		{"journal", func(s string) string {
			return `{"MESSAGE":` + quote(s) + `,"SYSLOG_IDENTIFIER":"postfix/smtp","_UID":"0","__REALTIME_TIMESTAMP":"1342540861416351"}`
		}},
		{"export", func(s string) string {
			return "__CURSOR=a\n__REALTIME_TIMESTAMP=1342540861416351\nSYSLOG_IDENTIFIER=qmail\n_UID=0\nMESSAGE=" + s + "\n"
		}},
		{"binary export", func(s string) string {
			length := string(binary.LittleEndian.AppendUint64(nil, uint64(len(s))))
			return "__CURSOR=a\n__REALTIME_TIMESTAMP=1342540861416351\nSYSLOG_IDENTIFIER=courierd\n_UID=0\nMESSAGE\n" + length + s + "\n"
		}},
		{"CRI", func(s string) string { return halves(s, stamp+" stdout %s %s") }},
		{"compose", func(s string) string { return "smtp_1       | " + s }},
		{"grep", func(s string) string { return "/var/log/mail.log:12:" + s }},
	}
}

// named is a shape that somebody thought of.
type named string

func (n named) String() string { return string(n) }

// A mail of which more is read than its length allows is a dead letter, and
// makes no events.
func TestWorkWall(t *testing.T) {
	d := newDSN(dsnOptions).(*dsn)
	for name, text := range dsnGoldens(t) {
		whole := parseMail(text)
		allowed := whole.work.bytes
		var res bouncehouse.Result
		r := bouncehouse.Record{Chunk: &bouncehouse.Chunk{Kind: bouncehouse.Mail}, Text: text}
		if err := d.parse(&r, whole, &res); err != nil || len(res.Events) == 0 {
			continue
		}
		spent := allowed - whole.work.bytes
		if spent > allowed/8 {
			t.Errorf("%s: takes %d of %d, which leaves little room", name, spent, allowed)
		}
		short := parseMail(text)
		short.work.bytes = spent - 1
		if err := d.parse(&r, short, &res); err != errTooMuchWork {
			t.Errorf("%s: %v of a mail that takes more work than is left", name, err)
		}
	}
}

func sortedKeys(m map[string]string) (keys []string) {
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
