package parse

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/bouncehouse/bouncehouse"
	"github.com/google/go-cmp/cmp"
)

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

// What the parser remembers is its own: the records' bytes may be overwritten
// as soon as their results are used.
func TestPostfixClones(t *testing.T) {
	for file, log := range logGoldens(t) {
		sorted := func(b []byte) []string {
			lines := strings.Split(string(b), "\n")
			slices.Sort(lines)
			return slices.DeleteFunc(lines, func(s string) bool { return strings.HasPrefix(s, `{"unread"`) || s == "" })
		}
		var whole bouncehouse.Result
		bouncehouse.ParseChunk(newParser(t, Auto), logChunk(file, log, 0), &whole)
		p, offset := newParser(t, Auto), 0
		var got []byte
		for line := range strings.Lines(log) {
			data := []byte(line)
			c := logChunk(file, unsafe.String(&data[0], len(data)), offset)
			var res bouncehouse.Result
			bouncehouse.ParseChunk(p, c, &res)
			got = append(got, render(t, &res)...)
			offset += len(line)
			for i := range data {
				data[i] = '!'
			}
		}
		if diff := cmp.Diff(sorted(render(t, &whole)), sorted(got)); diff != "" {
			t.Errorf("%s (-whole +overwritten):\n%s", file, diff)
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
