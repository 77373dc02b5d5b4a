package parse

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bouncehouse/bouncehouse"
)

func TestEximGolden(t *testing.T) { testMTAGolden(t, "exim") }

func TestEximCuts(t *testing.T) { testMTACuts(t, "exim") }

func TestEximValues(t *testing.T) {
	for file, log := range mtaLogs(t, "exim") {
		checkMTA(t, parseLog(t, Auto, file, log), bouncehouse.Exim)
	}
}

func TestEximTruncated(t *testing.T) { testMTATruncated(t, "exim", bouncehouse.Exim) }

func TestEximHostileSize(t *testing.T) {
	const n = 1 << 20
	testMTAHostile(t, "exim", "2026-11-01 18:56:32 ", bouncehouse.Exim, map[string]string{
		"recipient": "1tEAbc-0000ab-00 => |" + strings.Repeat(" <a", n/3),
		"tops":      "1tEAbc-0000ab-00 => |" + strings.Repeat(" <a> b", n/6),
		"quote":     `1tEAbc-0000ab-00 => "` + strings.Repeat(`\"`, n/2),
		"parents":   "1tEAbc-0000ab-00 => a@b.example (" + strings.Repeat("a, ", n/3) + ") <c@d.example> R=x",
		"fields":    "1tEAbc-0000ab-00 => a@b.example" + strings.Repeat(" A=b", n/4),
		"hosts":     "1tEAbc-0000ab-00 => a@b.example" + strings.Repeat(" H=b [", n/6),
		"brackets":  "1tEAbc-0000ab-00 => a@b.example" + strings.Repeat(" F=<a", n/5),
		"strings":   "1tEAbc-0000ab-00 => a@b.example" + strings.Repeat(` C="\`, n/5),
		"lines":     "1tEAbc-0000ab-00 ** a@b.example: SMTP error from remote mail server after RCPT TO:<a@b.example>: 550-" + strings.Repeat(`a\n550-`, n/7),
		"octal":     "1tEAbc-0000ab-00 ** a@b.example: " + strings.Repeat(`\345\n`, n/6),
		"errors":    "1tEAbc-0000ab-00 == a@b.example" + strings.Repeat(" defer (110): x", n/15),
		"arrival":   "1tEAbc-0000ab-00 <= a@b.example" + strings.Repeat(" H=x (", n/6),
		"colons":    "1tEAbc-0000ab-00 <= a@b.example" + strings.Repeat(" a=b: ", n/6),
		"helo":      "H=(" + strings.Repeat(") [", n/3) + " rejected RCPT <a@b.example>",
		"rejected":  "H=[203.0.113.1]" + strings.Repeat(" X=a rejected", n/13),
		"argument":  "H=[203.0.113.1] rejected RCPT <" + strings.Repeat(">a: ", n/4),
		"times":     "1tEAbc-0000ab-00 ** a@b.example: x" + strings.Repeat(" DT=1s", n/6),
		"wrapped":   strings.Repeat("a:", n/2),
	})
}

func TestEximIdle(t *testing.T) {
	testMTAIdle(t, "exim", "2026-11-01 13:00:00 Start queue run: pid=156\n"+
		"2026-11-01 13:00:00.123 +0100 [4711] cwd=/var/spool/exim 3 args: /usr/sbin/exim -Mc 1tEDbc-0000ab-00\n"+
		"2026-11-01 13:00:00 SMTP connection from [198.51.100.46]:30417 I=[192.0.2.1]:25 (TCP/IP connection count = 1)\n"+
		"2026-11-01 13:00:00 no host name found for IP address 198.51.100.46\n"+
		"2026-11-01 13:00:00 H=mail.client.example [198.51.100.46] Warning: nothing\n"+
		"2026-11-01 13:00:00 1tEDbc-0000ab-00 H=mx.corp.example [203.0.113.5]: SMTP error from remote mail server after DATA: 450 later\n"+
		"2026-11-01 13:00:00 1tEDbc-0000ab-00 SMTP connection outbound 1699956000 1tEDbc-0000ab-00 shop.example kim@corp.example\n"+
		"2026-11-01 13:00:00 1tEDbc-0000ab-00 Completed QT=3s\n"+
		"Nov  1 13:00:00 mx1 exim[99]: 2026-11-01 13:00:00 1tEDbc-0000ab-00 Frozen\n")
}

// Each of Exim's logs is known by what is in it, and nothing else is.
func TestSniffExim(t *testing.T) {
	for file, log := range mtaLogs(t, "exim") {
		if file != "syslog.log" && file != "wrapped.log" && !sniffExim(log) {
			t.Errorf("%s was not known", file)
		}
	}
	for _, head := range []string{
		"", "\n\n", "\x00\x01\x02", "2026-11-01", "2026-11-01 13:00:00 ",
		"2026-11-01 13:00:00,123 INFO rejected RCPT <a@b.example>: no\n",
		"2026-11-01 13:00:00 status installed exim4:amd64 4.96-15\n",
		"2026-11-01 13:00:00 startup packages configure\n",
		"2026-11-01 13:00:00.123 [1] info: 1tEDbc-0000ab-00 => a@b.example\n",
		"2026-11-01T13:00:00.123Z 1tEDbc-0000ab-00 nothing\n",
		"Nov 21 18:56:32 mx1 sendmail[1]: x: to=<a@b.example>, stat=Sent\n",
		"\t| 2026-11-01 15:00:07 1tEFbd-0000ab-00 => forged@shop.example R=localuser T=local_delivery\n",
		`{"type":"Delivery","log":"2026-11-01 13:00:00 1tEDbc-0000ab-00 => a"}`,
	} {
		if sniffExim(head) {
			t.Errorf("%q was taken for Exim", head)
		}
	}
	if _, rest := cutEximID("1tEAbc-0000000Ab0D-0dE1 Completed"); rest != "Completed" {
		t.Errorf("an id of 4.97 leaves %q", rest)
	}
	for _, id := range []string{"1tEAbc-0000ab-00xyz ", "1tEAbc-0000a-00 ", "1tEAb-0000ab-00 ", "1tEAbc-0000ab_00 ", "1tEAbc-0000ab-0 x"} {
		if id, _ := cutEximID(id); id != "" {
			t.Errorf("%q was taken for an id", id)
		}
	}
}

// A message of which nothing is remembered says so, and what a line itself
// says of it stands.
func TestEximContext(t *testing.T) {
	res := parseLog(t, "exim", "context", "2026-11-01 12:00:04 1tECbf-0000ab-00 => a@b.example F=<who@shop.example> R=r T=t\n"+
		"2026-11-01 12:00:05 1tECbf-0000ab-00 <= ann@shop.example U=ann P=local S=10\n"+
		"2026-11-01 12:00:09 1tECbf-0000ab-00 => a@b.example F=<who@shop.example> R=r T=t\n"+
		"2026-11-01 12:00:09 1tECbf-0000ab-00 Completed\n"+
		"2026-11-01 12:00:10 1tECbf-0000ab-00 => a@b.example R=r T=t\n")
	var got []string
	for i := range res.Events {
		e := &res.Events[i]
		got = append(got, e.Sender)
		if known := i == 1; e.ContextKnown != known || e.Delay.Known != known || known && e.Delay.Duration != 4*time.Second {
			t.Errorf("event %d: context known %v, delay %v", i, e.ContextKnown, e.Delay)
		}
	}
	if want := []string{"who@shop.example", "ann@shop.example", ""}; !slices.Equal(got, want) {
		t.Errorf("senders %q, want %q", got, want)
	}
}

func FuzzExim(f *testing.F) { fuzzMTA(f, "exim", bouncehouse.Exim) }

// BenchmarkExim reads main logs again and again from memory.
func BenchmarkExim(b *testing.B) {
	logs := mtaLogs(b, "exim")
	for _, format := range []string{"exim", Auto} {
		b.Run(format, func(b *testing.B) {
			p := newParser(b, format)
			c := logChunk("bench", logs["mainlog-default.log"]+logs["mainlog-all.log"], 0)
			var res bouncehouse.Result
			lines := 0
			b.SetBytes(int64(len(c.Data)))
			b.ReportAllocs()
			for b.Loop() {
				res.Reset()
				bouncehouse.ParseChunk(p, c, &res)
				lines += res.Lines
			}
			b.ReportMetric(float64(lines)/b.Elapsed().Seconds(), "lines/s")
			b.ReportMetric(float64(len(res.Events))/float64(res.Lines), "events/line")
		})
	}
}
