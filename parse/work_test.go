package parse

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/bouncehouse/bouncehouse"
	"github.com/bouncehouse/bouncehouse/parse/parsetest"
	"github.com/bouncehouse/bouncehouse/parse/values"
)

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
			_, next = values.CutLine(log, at+size)
		}
		c := logChunk("hostile", log[at:next], at)
		c.Head = head
		res.Reset()
		bouncehouse.ParseChunk(p, c, &res)
		checkLog(t, &res, as)
		at = next
	}
}

// What a log costs grows with its length, be it one line or many: whatever
// the lines before left in memory.
func TestWorkLogs(t *testing.T) {
	parsetest.WithoutGC(t)
	r := rand.New(rand.NewPCG(*parsetest.Seed, 1))
	words := parsetest.ParserWords(t, ".")
	for _, f := range lineFormats() {
		for _, one := range samples(t, f.Name) {
			for i := range *parsetest.Shapes {
				s := parsetest.NewShape(r, f.Name+"/"+one.file, one.log, words)
				n := 240 << 10
				if i%2 == 1 { // one line, as long as one may be
					s.Before = s.Before[strings.LastIndexByte(s.Before, '\n')+1:]
					s.After, _ = values.CutLine(s.After, 0)
					s.Piece = strings.ReplaceAll(s.Piece, "\n", " ")
					n = 60 << 10
				}
				as := []string{f.Name, Auto}[r.IntN(2)]
				head := bouncehouse.FileHead(one.log)
				parsetest.CheckGrowth(t, &s, n, s.Text, func(text string) { parseHostileLog(t, as, head, text) })
				wrapping := wrappings()[r.IntN(len(wrappings()))]
				wrapped := func(n int) string { return wrapping.around(s.Text(n)) }
				s.Name += " in " + wrapping.name
				parsetest.CheckGrowth(t, &s, n, wrapped, func(text string) { parseHostileLog(t, Auto, "", text) })
			}
		}
	}
	t.Logf("-seed %d -shapes %d", *parsetest.Seed, *parsetest.Shapes)
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
			return `{"MESSAGE":` + quote(s) +
				`,"SYSLOG_IDENTIFIER":"postfix/smtp","_UID":"0","__REALTIME_TIMESTAMP":"1342540861416351"}`
		}},
		{"export", func(s string) string {
			return "__CURSOR=a\n__REALTIME_TIMESTAMP=1342540861416351\nSYSLOG_IDENTIFIER=qmail\n_UID=0\nMESSAGE=" + s +
				"\n"
		}},
		{"binary export", func(s string) string {
			length := string(binary.LittleEndian.AppendUint64(nil, uint64(len(s))))
			return "__CURSOR=a\n__REALTIME_TIMESTAMP=1342540861416351\nSYSLOG_IDENTIFIER=courierd\n_UID=0\nMESSAGE\n" +
				length + s + "\n"
		}},
		{"CRI", func(s string) string { return halves(s, stamp+" stdout %s %s") }},
		{"compose", func(s string) string { return "smtp_1       | " + s }},
		{"grep", func(s string) string { return "/var/log/mail.log:12:" + s }},
	}
}
