package parse

import (
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/bouncehouse/bouncehouse"
	"github.com/google/go-cmp/cmp"
)

// mtaLogs are a format's sample logs by their file names.
func mtaLogs(t testing.TB, format string) map[string]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", format, "*.log"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no sample logs of %s: %v", format, err)
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

func parseLog(t testing.TB, as, file, log string) *bouncehouse.Result {
	var res bouncehouse.Result
	bouncehouse.ParseChunk(newParser(t, as), logChunk(file, log, 0), &res)
	return &res
}

// testMTAGolden holds what comes of each sample against its golden file,
// with the format named and found out.
func testMTAGolden(t *testing.T, format string) {
	for file, log := range mtaLogs(t, format) {
		golden := filepath.Join("testdata", format, strings.TrimSuffix(file, ".log")+".jsonl")
		if *update {
			if err := os.WriteFile(golden, render(t, parseLog(t, format, file, log)), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		for _, as := range []string{format, Auto} {
			got := render(t, parseLog(t, as, file, log))
			if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(string(got), "\n")); diff != "" {
				t.Errorf("%s as %s (-want +got):\n%s", file, as, diff)
			}
		}
	}
}

// testMTACuts: however a log is cut into chunks, the same comes of it, and
// what the parser remembers is its own: the records' bytes are overwritten as
// soon as their results are used.
func testMTACuts(t *testing.T, format string) {
	sorted := func(b []byte) []string {
		lines := strings.Split(string(b), "\n")
		slices.Sort(lines)
		return slices.DeleteFunc(lines, func(s string) bool { return strings.HasPrefix(s, `{"unread"`) || s == "" })
	}
	for file, log := range mtaLogs(t, format) {
		want := render(t, parseLog(t, format, file, log))
		lines := strings.SplitAfter(log, "\n")
		for _, step := range []int{1, 2, 7} {
			p, offset := newParser(t, format), 0
			var whole bouncehouse.Result
			var got []byte
			q := newParser(t, format)
			for at := 0; at < len(lines); at += step {
				data := []byte(strings.Join(lines[at:min(at+step, len(lines))], ""))
				if len(data) == 0 {
					continue
				}
				bouncehouse.ParseChunk(q, logChunk(file, string(data), offset), &whole)
				var res bouncehouse.Result
				bouncehouse.ParseChunk(p, logChunk(file, unsafe.String(&data[0], len(data)), offset), &res)
				got = append(got, render(t, &res)...)
				offset += len(data)
				for i := range data {
					data[i] = '!'
				}
			}
			if diff := cmp.Diff(string(want), string(render(t, &whole))); diff != "" {
				t.Errorf("%s, %d lines a chunk (-whole +cut):\n%s", file, step, diff)
			}
			if diff := cmp.Diff(sorted(want), sorted(got)); diff != "" {
				t.Errorf("%s, %d lines a chunk (-whole +overwritten):\n%s", file, step, diff)
			}
		}
	}
}

// checkMTA holds a result against what must be true of every one.
func checkMTA(t testing.TB, res *bouncehouse.Result, source bouncehouse.System) {
	t.Helper()
	for i := range res.Dead {
		if strings.Contains(res.Dead[i].Reason, "parser failed") {
			t.Errorf("%s", res.Dead[i].Reason)
		}
	}
	for i := range res.Events {
		e := &res.Events[i]
		switch {
		case e.Source != source:
			t.Errorf("source %q, want %q", e.Source, source)
		case e.Direction != bouncehouse.Outbound && e.Direction != bouncehouse.Inbound:
			t.Errorf("direction %q", e.Direction)
		case !slices.Contains(bouncehouse.Outcomes(), e.Outcome):
			t.Errorf("outcome %q is not declared", e.Outcome)
		case e.Stage != "" && !slices.Contains(bouncehouse.Stages(), e.Stage):
			t.Errorf("stage %q is not declared", e.Stage)
		case e.ReplyCode != 0 && (e.ReplyCode < 200 || e.ReplyCode > 599):
			t.Errorf("reply code %d", e.ReplyCode)
		case e.Repeat && e.Counted:
			t.Errorf("a repeat is counted: %+v", e)
		case (e.Direction == bouncehouse.Inbound) != (e.Outcome == bouncehouse.Rejected):
			t.Errorf("%s and %s", e.Direction, e.Outcome)
		case e.Class != "" || e.Provider != "" || e.SubjectIP.IsValid():
			t.Errorf("a parser has classified: %+v", e)
		case e.Time.IsZero() || e.Host == "":
			t.Errorf("no time or host: %+v", e)
		}
	}
}

// testMTATruncated cuts every line everywhere.
func testMTATruncated(t *testing.T, format string, source bouncehouse.System) {
	for file, log := range mtaLogs(t, format) {
		p := newParser(t, format)
		for line := range strings.Lines(log) {
			var res bouncehouse.Result
			for cut := range len(line) {
				bouncehouse.ParseChunk(p, logChunk(file, line[:cut], 0), &res)
			}
			checkMTA(t, &res, source)
		}
	}
}

// testMTAHostile: a stranger's line must not cost more than its length.
func testMTAHostile(t *testing.T, format, header string, source bouncehouse.System, lines map[string]string) {
	for name, line := range lines {
		p := newParser(t, format)
		start := time.Now()
		var res bouncehouse.Result
		bouncehouse.ParseChunk(p, logChunk("hostile", header+line, 0), &res)
		checkMTA(t, &res, source)
		if took := time.Since(start); took > 5*time.Second { // a thousand times what it takes
			t.Errorf("%s: took %v", name, took)
		}
	}
}

// testMTAIdle: lines that give nothing cost no memory.
func testMTAIdle(t *testing.T, format, lines string) {
	for _, as := range []string{format, Auto} {
		p := newParser(t, as)
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
			t.Errorf("%s: %v allocations, %d events, %d arrivals, %d unread", as, perLine, len(res.Events), len(res.Arrivals), res.Unread)
		}
	}
}

func fuzzMTA(f *testing.F, format string, source bouncehouse.System) {
	for _, log := range mtaLogs(f, format) {
		f.Add(log)
	}
	f.Fuzz(func(t *testing.T, log string) {
		var cut bouncehouse.Result
		whole := parseLog(t, format, "fuzz", log)
		checkMTA(t, whole, source)
		p, offset := newParser(t, format), 0
		for line := range strings.Lines(log) {
			bouncehouse.ParseChunk(p, logChunk("fuzz", line, offset), &cut)
			offset += len(line)
		}
		if diff := cmp.Diff(*whole, cut, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
			t.Errorf("(-whole +line by line):\n%s", diff)
		}
	})
}

func benchmarkMTA(b *testing.B, format string) {
	var log strings.Builder
	logs := mtaLogs(b, format)
	for _, file := range slices.Sorted(maps.Keys(logs)) {
		log.WriteString(logs[file])
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

func TestSendmailGolden(t *testing.T) { testMTAGolden(t, "sendmail") }

func TestSendmailCuts(t *testing.T) { testMTACuts(t, "sendmail") }

func TestSendmailValues(t *testing.T) {
	for file, log := range mtaLogs(t, "sendmail") {
		checkMTA(t, parseLog(t, "sendmail", file, log), bouncehouse.Sendmail)
	}
}

func TestSendmailTruncated(t *testing.T) {
	testMTATruncated(t, "sendmail", bouncehouse.Sendmail)
}

func TestSendmailHostileSize(t *testing.T) {
	const n = 1 << 20
	testMTAHostile(t, "sendmail", "Sep  2 16:49:15 mx1 sm-mta[41000]: 65380000041000: ", bouncehouse.Sendmail, map[string]string{
		"list":     "to=" + strings.Repeat("<a@b.example>,", n/14) + " [more], delay=00:00:01, mailer=esmtp, stat=Deferred",
		"open":     "to=" + strings.Repeat("<a", n/2),
		"quotes":   "to=" + strings.Repeat(`"a",`, n/4) + `", delay=00:00:01`,
		"fields":   "to=<a>" + strings.Repeat(", a=b", n/5),
		"commas":   "to=<a>, ctladdr=" + strings.Repeat(", ", n/2),
		"stats":    "to=<a>, mailer=esmtp, reply=450 " + strings.Repeat(", stat=Sent", n/11),
		"octal":    `to=<a>, mailer=esmtp, reply=550 ` + strings.Repeat(`\345`, n/4) + ", stat=User unknown",
		"from":     "from=<" + strings.Repeat(", size=", n/7) + strings.Repeat(", relay=", n/8),
		"msgid":    "from=<a>, size=1, class=0, nrcpts=1, msgid=" + strings.Repeat("<>, ", n/4),
		"ruleset":  "ruleset=check_rcpt, " + strings.Repeat("arg1=<>, ", n/9) + "reject=550 " + strings.Repeat("a, relay=[", n/10),
		"unknown":  strings.Repeat("<>... ", n/6),
		"quoted":   `<"` + strings.Repeat(`\"`, n/2),
		"milter":   "Milter: to=<" + strings.Repeat(", reject=", n/9),
		"split":    "split: count=9, ids=" + strings.Repeat("65380000041000; ", n/16),
		"protocol": strings.Repeat(" protocol error: ", n/17),
	})
}

func TestSendmailNoAllocation(t *testing.T) {
	testMTAIdle(t, "sendmail", "Jun  3 10:00:13 mx1 sm-mta[41011]: 65380130041011: Milter add: header: X-Spam-Status: No\n"+
		"Jun  3 10:00:13 mx1 sm-mta[41011]: 65380130041011: SMTP outgoing connect on localhost\n"+
		"Jun  3 10:00:13 mx1 sm-mta[41011]: STARTTLS=client, cert-subject=/CN=mx.invalid, cert-issuer=/CN=mx.invalid, verifymsg=ok\n"+
		"Jun  3 10:00:13 mx1 sm-mta[41011]: 65380130041011: out5.example.org [192.0.2.5] did not issue MAIL/EXPN/VRFY/ETRN during connection to MTA\n"+
		"Jun  3 10:00:13 mx1 sm-mta[41011]: ruleset=tls_server, arg1=SOFTWARE, relay=mx.example.com, reject=403 4.7.0 TLS handshake failed.\n"+
		"Jun  3 10:00:13 mx1 dovecot: imap-login: Login: user=<a>\n"+
		"Jun  3 10:00:13 mx1 sm-mta[41011]: tls_clt_features=empty, stat=0, relay=mx.example.com [192.0.2.9]\n")
}

// What Sendmail writes is known by its own words, and nothing else is.
func TestSniffSendmail(t *testing.T) {
	for file, log := range mtaLogs(t, "sendmail") {
		if !sniffSendmail(log) {
			t.Errorf("%s was not known", file)
		}
	}
	for _, head := range []string{
		"", "\n\n", "\x00\x01\x02",
		"Nov  1 18:56:32 mx1 postfix/smtp[340]: 4F2D1A0C3B: to=<a@b.example>, relay=none, delay=0, status=deferred (x)\n",
		"Nov  1 18:56:32 mx1 smtp[340]: 4F2D1A012345: to=<a@b.example>, relay=none, delay=0, dsn=4.4.1, status=deferred (x)\n",
		"Nov 21 18:56:32 mx1 smtpd[1]: 1f3a mta delivery evpid=1 from=<> to=<a@b.example> result=\"Ok\"\n",
	} {
		if sniffSendmail(head) {
			t.Errorf("%q was taken for Sendmail", head)
		}
	}
}

// Messages that wait for their from= line are bounded, and lose nothing: who
// finds no place is told at once.
func TestSendmailWaiting(t *testing.T) {
	p := newParser(t, "sendmail")
	line := "Jun  3 10:00:02 mx1 sm-mta[41000]: 65380000041000: <carol@example.net>... User unknown\n"
	var res bouncehouse.Result
	bouncehouse.ParseChunk(p, logChunk("wait", strings.Repeat(line, 3*maxRefused), 0), &res)
	if len(res.Events) != 2*maxRefused {
		t.Errorf("%d events before the from= line, want %d", len(res.Events), 2*maxRefused)
	}
	bouncehouse.ParseChunk(p, logChunk("wait", "Jun  3 10:00:03 mx1 sm-mta[41000]: 65380000041000: from=<>, size=0, class=0, nrcpts=0, relay=h [192.0.2.1]\n", 0), &res)
	if len(res.Events) != 3*maxRefused {
		t.Errorf("%d events, want %d", len(res.Events), 3*maxRefused)
	}
	last := res.Events[len(res.Events)-1]
	if last.RemoteIP.String() != "192.0.2.1" || last.Recipient != "carol@example.net" || !last.ContextKnown {
		t.Errorf("got %+v", last)
	}
}

func FuzzSendmail(f *testing.F) { fuzzMTA(f, "sendmail", bouncehouse.Sendmail) }

func BenchmarkSendmail(b *testing.B) { benchmarkMTA(b, "sendmail") }
