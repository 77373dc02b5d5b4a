package parse

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bouncehouse/bouncehouse"
	"github.com/google/go-cmp/cmp"
)

// logRef is the reference instant of the sample logs' chunks.
var logRef = time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)

// logGoldens are the sample logs by their file names.
func logGoldens(t testing.TB) map[string]string {
	t.Helper()
	files, err := filepath.Glob("testdata/postfix/*.log")
	if err != nil || len(files) == 0 {
		t.Fatalf("no sample logs: %v", err)
	}
	logs := map[string]string{}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		logs[filepath.Base(f)] = string(b)
	}
	return logs
}

func newParser(t testing.TB, format string) bouncehouse.Parser {
	t.Helper()
	p, err := New(format, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func logChunk(file, data string, offset int) *bouncehouse.Chunk {
	return &bouncehouse.Chunk{Stream: "mx1:mail.log", File: file, Kind: bouncehouse.Lines, Host: "reader", Zone: "Europe/Berlin", Ref: logRef, Offset: int64(offset), Data: data}
}

// found is what came of a log, as it stands in the golden files: a line each.
type found struct {
	Event   *bouncehouse.Event `json:"event,omitempty"`
	Arrival *foundArrival      `json:"arrival,omitempty"`
	Dead    string             `json:"dead,omitempty"`
	Unread  int                `json:"unread,omitempty"`
	Offset  int64              `json:"offset"`
	Ordinal uint16             `json:"ordinal,omitempty"`
	Context bool               `json:"context_known,omitempty"`
}

// foundArrival is an arrival without its origin.
type foundArrival struct {
	Time      time.Time `json:"time"`
	Host      string    `json:"host"`
	QueueID   string    `json:"queue_id"`
	MessageID string    `json:"message_id,omitempty"`
	Sender    string    `json:"sender"`
	Client    string    `json:"client,omitempty"`
	SASLUser  string    `json:"sasl_user,omitempty"`
	Size      int64     `json:"size"`
}

func render(t testing.TB, res *bouncehouse.Result) []byte {
	t.Helper()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	var all []found
	for i := range res.Arrivals {
		a := &res.Arrivals[i]
		all = append(all, found{Offset: a.Offset, Arrival: &foundArrival{
			Time: a.Time, Host: a.Host, QueueID: a.QueueID, MessageID: a.MessageID,
			Sender: a.Sender, Client: a.Client, SASLUser: a.SASLUser, Size: a.Size,
		}})
	}
	for i := range res.Events {
		e := &res.Events[i]
		all = append(all, found{Event: e, Offset: e.Offset, Ordinal: e.Ordinal, Context: e.ContextKnown})
	}
	for i := range res.Dead {
		all = append(all, found{Dead: res.Dead[i].Reason, Offset: res.Dead[i].Offset})
	}
	if res.Unread > 0 {
		all = append(all, found{Unread: res.Unread})
	}
	for i := range all {
		if err := enc.Encode(&all[i]); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

func TestPostfixGolden(t *testing.T) {
	for file, log := range logGoldens(t) {
		t.Run(file, func(t *testing.T) {
			var res bouncehouse.Result
			bouncehouse.ParseChunk(newParser(t, "postfix"), logChunk(file, log, 0), &res)
			got := render(t, &res)
			golden := filepath.Join("testdata/postfix", strings.TrimSuffix(file, ".log")+".jsonl")
			if *update {
				if err := os.WriteFile(golden, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(string(got), "\n")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// Each format has its samples, and no samples are without a format.
func TestFormatsHaveSamples(t *testing.T) {
	var names []string
	for _, f := range Formats() {
		names = append(names, f.Name)
		if _, err := os.Stat(filepath.Join("testdata", f.Name, "README.md")); err != nil {
			t.Errorf("format %s: %v", f.Name, err)
		}
	}
	folders, err := os.ReadDir("testdata")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range folders {
		if d.Name() != "fuzz" && !strings.Contains(" "+strings.Join(names, " ")+" ", " "+d.Name()+" ") {
			t.Errorf("testdata/%s: no such format", d.Name())
		}
	}
}

// However a log is cut into chunks, and whether the format is named or found
// out, the same comes of it.
func TestPostfixCuts(t *testing.T) {
	for file, log := range logGoldens(t) {
		var whole bouncehouse.Result
		bouncehouse.ParseChunk(newParser(t, "postfix"), logChunk(file, log, 0), &whole)
		want := string(render(t, &whole))
		lines := strings.SplitAfter(log, "\n")
		for _, step := range []int{1, 2, 7} {
			for _, format := range []string{"postfix", Auto} {
				p := newParser(t, format)
				var res bouncehouse.Result
				for at, offset := 0, 0; at < len(lines); at += step {
					data := strings.Join(lines[at:min(at+step, len(lines))], "")
					bouncehouse.ParseChunk(p, logChunk(file, data, offset), &res)
					offset += len(data)
				}
				if diff := cmp.Diff(want, string(render(t, &res))); diff != "" {
					t.Errorf("%s as %s, %d lines a chunk (-whole +cut):\n%s", file, format, step, diff)
				}
			}
		}
	}
}

// checkResult holds a result against what must be true of every one.
func checkResult(t testing.TB, res *bouncehouse.Result, lines int) {
	t.Helper()
	declared := func(what, value string, all ...string) {
		for _, one := range all {
			if one == value {
				return
			}
		}
		t.Errorf("%s %q is not declared", what, value)
	}
	if len(res.Events) > lines*maxDeferred || len(res.Arrivals) > lines {
		t.Errorf("%d lines gave %d events and %d arrivals", lines, len(res.Events), len(res.Arrivals))
	}
	for i := range res.Dead {
		if strings.Contains(res.Dead[i].Reason, "parser failed") {
			t.Errorf("%s", res.Dead[i].Reason)
		}
	}
	for i := range res.Events {
		e := &res.Events[i]
		declared("source", string(e.Source), string(bouncehouse.Postfix))
		declared("direction", string(e.Direction), string(bouncehouse.Outbound), string(bouncehouse.Inbound))
		declared("outcome", string(e.Outcome), stringsOf(bouncehouse.Outcomes())...)
		declared("stage", string(e.Stage), append(stringsOf(bouncehouse.Stages()), "")...)
		if e.ReplyCode != 0 && (e.ReplyCode < 200 || e.ReplyCode > 599) {
			t.Errorf("reply code %d", e.ReplyCode)
		}
		if e.Repeat && e.Counted {
			t.Errorf("a repeat is counted: %+v", e)
		}
		if (e.Direction == bouncehouse.Inbound) != (e.Outcome == bouncehouse.Rejected) {
			t.Errorf("%s and %s", e.Direction, e.Outcome)
		}
		if e.Class != "" || e.Provider != "" || e.SubjectIP.IsValid() {
			t.Errorf("a parser has classified: %+v", e)
		}
	}
}

func stringsOf[S ~string](all []S) (s []string) {
	for _, one := range all {
		s = append(s, string(one))
	}
	return s
}

func TestPostfixValues(t *testing.T) {
	for file, log := range logGoldens(t) {
		var res bouncehouse.Result
		bouncehouse.ParseChunk(newParser(t, Auto), logChunk(file, log, 0), &res)
		checkResult(t, &res, strings.Count(log, "\n"))
	}
}

// Any line may be cut anywhere.
func TestPostfixTruncated(t *testing.T) {
	for file, log := range logGoldens(t) {
		p := newParser(t, Auto)
		var res bouncehouse.Result
		n := 0
		for line := range strings.Lines(log) {
			for cut := range len(line) {
				bouncehouse.ParseChunk(p, logChunk(file, line[:cut], 0), &res)
				n++
			}
		}
		checkResult(t, &res, n)
	}
}

// expectation is a line of testdata/postfix/expected.jsonl: what a reader of
// the line says of it, written without regard to this parser. Only fields
// that are there count.
type expectation struct {
	File     string   `json:"file"`
	Events   *int     `json:"events"`
	ReplyHas []string `json:"reply_has"`
	ReplyNot []string `json:"reply_not"`
	Absent   []string `json:"absent"`
	fields   map[string]any
}

func TestPostfixExpected(t *testing.T) {
	b, err := os.ReadFile("testdata/postfix/expected.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	logs := logGoldens(t)
	events := map[string][]map[string]any{}
	for line := range bytes.Lines(b) {
		var want expectation
		if err := json.Unmarshal(line, &want); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(line, &want.fields); err != nil {
			t.Fatal(err)
		}
		got, ok := events[want.File]
		if !ok {
			got = jsonEvents(t, want.File, logs[want.File])
		}
		if want.Events != nil {
			if len(got) != *want.Events {
				t.Errorf("%s: %d events, want %d", want.File, len(got), *want.Events)
			}
			continue
		}
		if len(got) == 0 {
			t.Errorf("%s: no event for %s", want.File, line)
			continue
		}
		events[want.File] = got[1:]
		want.check(t, got[0])
	}
	for file, left := range events {
		if len(left) > 0 {
			t.Errorf("%s: %d events too many", file, len(left))
		}
	}
}

func jsonEvents(t *testing.T, file, log string) (events []map[string]any) {
	var res bouncehouse.Result
	bouncehouse.ParseChunk(newParser(t, Auto), logChunk(file, log, 0), &res)
	for i := range res.Events {
		b, err := json.Marshal(&res.Events[i])
		if err != nil {
			t.Fatal(err)
		}
		var e map[string]any
		if err := json.Unmarshal(b, &e); err != nil {
			t.Fatal(err)
		}
		events = append(events, e)
	}
	return events
}

func (want *expectation) check(t *testing.T, got map[string]any) {
	text, _ := got["reply_text"].(string)
	for _, s := range want.ReplyHas {
		if !strings.Contains(text, s) {
			t.Errorf("%s: reply %q lacks %q", want.File, text, s)
		}
	}
	for _, s := range want.ReplyNot {
		if strings.Contains(text, s) {
			t.Errorf("%s: reply %q has %q", want.File, text, s)
		}
	}
	for _, field := range want.Absent {
		if v, ok := got[field]; ok {
			t.Errorf("%s: %s is %v, want none", want.File, field, v)
		}
	}
	for field, value := range want.fields {
		switch field {
		case "file", "order", "reply_has", "reply_not", "absent":
			continue
		}
		any, ok := value.([]any)
		if !ok {
			any = append(any, value)
		}
		right := false
		for _, v := range any {
			if f, ok := v.(float64); ok {
				g, _ := got[field].(float64)
				right = right || math.Abs(f-g) < 0.005
			} else if field == "time" {
				w, _ := time.Parse(time.RFC3339, fmt.Sprint(v))
				g, _ := time.Parse(time.RFC3339, fmt.Sprint(got[field]))
				right = right || !w.IsZero() && w.Sub(g).Abs() < 2*time.Millisecond
			} else {
				right = right || v == got[field]
			}
		}
		if !right {
			t.Errorf("%s: %s of %v is %v, want %v", want.File, field, got["recipient"], got[field], value)
		}
	}
}

// A stranger's line must not cost more than its length.
func TestPostfixHostileSize(t *testing.T) {
	const n = 1 << 20
	p := newParser(t, Auto)
	for name, line := range map[string]string{
		"semicolons":    "NOQUEUE: reject: RCPT from a[203.0.113.1]: 550 5.1.1 x" + strings.Repeat("; from=<a", n/9),
		"helo":          "NOQUEUE: reject: RCPT from a[203.0.113.1]: 550 5.1.1 <" + strings.Repeat(" helo=<a", n/8),
		"from":          "A1B2C3: reject: header " + strings.Repeat(" from a; from=<", n/15),
		"continuations": "A1B2C3: to=<a@b.example>, relay=x[203.0.113.1]:25, delay=1, dsn=5.0.0, status=bounced (host x[203.0.113.1] said: 550-" + strings.Repeat("550 ", n/4),
		"lines":         "A1B2C3: to=<a@b.example>, relay=x[203.0.113.1]:25, delay=1, dsn=5.0.0, status=bounced (host x[203.0.113.1] said: 550-" + strings.Repeat("550-5.1.1 a ", n/12),
		"quote":         `A1B2C3: to=<"` + strings.Repeat(`\"`, n/2),
		"brackets":      "A1B2C3: to=<" + strings.Repeat(`>a`, n/2),
		"fields":        "A1B2C3: to=<a>" + strings.Repeat(", a=b", n/5),
		"replies":       "A1B2C3: to=<a>, status=bounced (host x said: " + strings.Repeat(" (in reply to ", n/14),
	} {
		start := time.Now()
		var res bouncehouse.Result
		bouncehouse.ParseChunk(p, logChunk("hostile", "Sep  2 16:49:15 mx1 postfix/smtp[1]: "+line, 0), &res)
		checkResult(t, &res, 1)
		if took := time.Since(start); took > 5*time.Second { // a thousand times what it takes
			t.Errorf("%s: took %v", name, took)
		}
	}
}

// A line that gives nothing costs no memory.
func TestPostfixNoAllocation(t *testing.T) {
	lines := "Sep  2 16:49:15 mx1 postfix/smtpd[1]: connect from mx.corp.example[203.0.113.5]\n" +
		"Sep  2 16:49:15 mx1 postfix/anvil[1]: statistics: max connection rate 1/60s for (smtp:203.0.113.5) at Sep  2 16:49:15\n" +
		"Sep  2 16:49:15 mx1 dovecot: imap-login: Login: user=<a>\n" +
		"Sep  2 16:49:15 mx1 postfix/smtp[1]: 4F2D1A0C3B: host mx[203.0.113.5] said: 450 later (in reply to RCPT TO command)\n"
	for _, format := range []string{"postfix", Auto} {
		p := newParser(t, format)
		c := logChunk("idle", lines, 0)
		var res bouncehouse.Result
		bouncehouse.ParseChunk(p, c, &res)
		perLine := testing.AllocsPerRun(100, func() {
			for r := range c.Records {
				if err := p.Parse(r, &res); err != nil {
					t.Fatal(err)
				}
			}
		})
		if perLine != 0 || len(res.Events)+len(res.Arrivals)+res.Unread > 0 {
			t.Errorf("%s: %v allocations, %d events", format, perLine, len(res.Events))
		}
	}
}

func FuzzPostfix(f *testing.F) {
	for _, log := range logGoldens(f) {
		f.Add(log)
	}
	f.Fuzz(func(t *testing.T, log string) {
		var whole, cut bouncehouse.Result
		bouncehouse.ParseChunk(newParser(t, Auto), logChunk("fuzz", log, 0), &whole)
		checkResult(t, &whole, whole.Lines)
		p, offset := newParser(t, Auto), 0
		for line := range strings.Lines(log) {
			bouncehouse.ParseChunk(p, logChunk("fuzz", line, offset), &cut)
			offset += len(line)
		}
		if diff := cmp.Diff(whole, cut, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
			t.Errorf("(-whole +line by line):\n%s", diff)
		}
	})
}

// BenchmarkPostfix reads the sample logs again and again from memory.
func BenchmarkPostfix(b *testing.B) {
	var log strings.Builder
	logs := logGoldens(b)
	for _, file := range slices.Sorted(maps.Keys(logs)) {
		if !strings.HasPrefix(file, "wrapped-") && file != "headers.log" && file != "reasons.log" && file != "inbound-hostile.log" {
			log.WriteString(logs[file])
		}
	}
	p := newParser(b, Auto)
	c := logChunk("bench", log.String(), 0)
	var res bouncehouse.Result
	lines := 0
	b.SetBytes(int64(log.Len()))
	b.ReportAllocs()
	for b.Loop() {
		res.Reset()
		bouncehouse.ParseChunk(p, c, &res)
		lines += res.Lines
	}
	b.ReportMetric(float64(lines)/b.Elapsed().Seconds(), "lines/s")
	b.ReportMetric(float64(len(res.Events))/float64(res.Lines), "events/line")
}
