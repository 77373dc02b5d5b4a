package parse

import (
	"bytes"
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

// senderFormats are the formats whose samples are read here: those of
// qmail's kind and of high-volume senders.
var senderFormats = []string{"qmail", "powermta", "kumomta", "haraka", "zonemta", "courier"}

// senderGoldens are a format's sample logs by their file names.
func senderGoldens(t testing.TB, format string) map[string]string {
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

// eachSender runs test for every sample of every format, once with the
// format named and once found out.
func eachSender(t *testing.T, test func(t *testing.T, format, as, file, log string)) {
	for _, format := range senderFormats {
		for file, log := range senderGoldens(t, format) {
			for _, as := range []string{format, Auto} {
				t.Run(format+"/"+file+"/"+as, func(t *testing.T) { test(t, format, as, file, log) })
			}
		}
	}
}

// parseSender reads a log cut into chunks of so many lines, 0 for one chunk.
func parseSender(t testing.TB, as, file, log string, step int) *bouncehouse.Result {
	p, res := newParser(t, as), &bouncehouse.Result{}
	lines := strings.SplitAfter(log, "\n")
	if step == 0 {
		step = len(lines)
	}
	for at, offset := 0, 0; at < len(lines); at += step {
		data := strings.Join(lines[at:min(at+step, len(lines))], "")
		bouncehouse.ParseChunk(p, senderChunk(file, log, data, offset), res)
		offset += len(data)
	}
	return res
}

func senderChunk(file, log, data string, offset int) *bouncehouse.Chunk {
	c := logChunk(file, data, offset)
	c.Head = bouncehouse.FileHead(log)
	return c
}

func TestSendersGolden(t *testing.T) {
	eachSender(t, func(t *testing.T, format, as, file, log string) {
		got := render(t, parseSender(t, as, file, log, 0))
		golden := filepath.Join("testdata", format, strings.TrimSuffix(file, ".log")+".jsonl")
		if *update && as == format {
			if err := os.WriteFile(golden, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if as == Auto { // it knows no line but by its own words: not of one what is unread
			want, got = withoutUnread(want), withoutUnread(got)
		}
		if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(string(got), "\n")); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func withoutUnread(b []byte) []byte {
	if at := bytes.Index(b, []byte(`{"unread"`)); at >= 0 {
		return b[:at]
	}
	return b
}

// However a log is cut into chunks, the same comes of it.
func TestSendersCuts(t *testing.T) {
	eachSender(t, func(t *testing.T, format, as, file, log string) {
		want := string(render(t, parseSender(t, as, file, log, 0)))
		for _, step := range []int{1, 2, 7} {
			if diff := cmp.Diff(want, string(render(t, parseSender(t, as, file, log, step)))); diff != "" {
				t.Errorf("%d lines a chunk (-whole +cut):\n%s", step, diff)
			}
		}
	})
}

// What a parser remembers is its own: the records' bytes may be overwritten
// as soon as their results are used.
func TestSendersClones(t *testing.T) {
	eachSender(t, func(t *testing.T, format, as, file, log string) {
		sorted := func(b []byte) []string {
			lines := strings.Split(string(withoutUnread(b)), "\n")
			slices.Sort(lines)
			return slices.DeleteFunc(lines, func(s string) bool { return s == "" || strings.HasPrefix(s, `{"unread"`) })
		}
		p, offset := newParser(t, as), 0
		var got []byte
		for line := range strings.Lines(log) {
			data, head := []byte(line), []byte(bouncehouse.FileHead(log))
			c := senderChunk(file, "", unsafe.String(&data[0], len(data)), offset)
			if len(head) > 0 {
				c.Head = unsafe.String(&head[0], len(head))
			}
			var res bouncehouse.Result
			bouncehouse.ParseChunk(p, c, &res)
			got = append(got, withoutUnread(render(t, &res))...)
			offset += len(line)
			for _, b := range [][]byte{data, head} {
				for i := range b {
					b[i] = '!'
				}
			}
		}
		if diff := cmp.Diff(sorted(render(t, parseSender(t, as, file, log, 0))), sorted(got)); diff != "" {
			t.Errorf("(-whole +overwritten):\n%s", diff)
		}
	})
}

// checkSender holds a result against what must be true of every one.
func checkSender(t testing.TB, res *bouncehouse.Result) {
	t.Helper()
	for i := range res.Dead {
		if strings.Contains(res.Dead[i].Reason, "parser failed") {
			t.Errorf("%s", res.Dead[i].Reason)
		}
	}
	for i := range res.Events {
		e := &res.Events[i]
		if !slices.Contains(bouncehouse.Systems(), e.Source) || !slices.Contains(bouncehouse.Outcomes(), e.Outcome) ||
			e.Stage != "" && !slices.Contains(bouncehouse.Stages(), e.Stage) {
			t.Errorf("not declared: %+v", e)
		}
		if e.ReplyCode != 0 && (e.ReplyCode < 200 || e.ReplyCode > 599) {
			t.Errorf("reply code %d", e.ReplyCode)
		}
		if (e.Direction == bouncehouse.Inbound) != (e.Outcome == bouncehouse.Rejected) {
			t.Errorf("%s and %s", e.Direction, e.Outcome)
		}
		if e.Repeat && e.Counted || e.Class != "" || e.Provider != "" || e.SubjectIP.IsValid() || e.Time.IsZero() {
			t.Errorf("no parser's event: %+v", e)
		}
	}
}

func TestSendersValues(t *testing.T) {
	eachSender(t, func(t *testing.T, format, as, file, log string) {
		checkSender(t, parseSender(t, as, file, log, 0))
	})
}

// Any line may be cut anywhere.
func TestSendersTruncated(t *testing.T) {
	eachSender(t, func(t *testing.T, format, as, file, log string) {
		p := newParser(t, as)
		var res bouncehouse.Result
		for line := range strings.Lines(log) {
			for cut := range min(len(line), 600) {
				bouncehouse.ParseChunk(p, senderChunk(file, log, line[:cut], 0), &res)
			}
		}
		checkSender(t, &res)
	})
}

// A line is of one format: no sniffer takes another system's lines, or those
// of programs that send no mail.
func TestSendersSniff(t *testing.T) {
	strangers := []string{
		"", " ", "\x00\x01", "{", "{}", "[", "@", "[INFO]", "[INFO] started", "[NOTICE] [main] [core] recipient list",
		`{"level":"info","event":"bounce","page":"/home","msg":"visitor bounced","timestamp":1700000000}`,
		`{"type":"Delivery","id":"77","courier":"bike","recipient":"3rd floor","status":"delivered"}`,
		`{"type":"Bounce","id":"ball","sender":"ann","height":3,"timestamp":1700000000}`,
		`{"level":"NOTICE","source":"worker","message":"recipient <a> rejected"}`,
		"[2026-01-01 10:00:00] production.ERROR: delivery failed",
		"2026-01-01 10:00:00 delivery 5: success: parcel 12",
		"2026-01-01 10:00:00.123 INFO delivery service up",
		"info Server started", "info: Sender/default ready", "verb npm install",
		"@here new msg 93", "type,name,price,size", "t,1,2,3", "d,2024-01-01 10:00:00,9,8",
		"Sep 12 16:49:12 mx1 sshd[911]: Failed password for invalid user qmail from 203.0.113.9 port 51122 ssh2",
		"Sep 12 16:49:12 mx1 courier[1]: parcel,id=7,status: success",
		"Sep 12 16:49:12 mx1 kernel: 1290003833.970610 delivery of interrupts",
		"Sep 12 16:49:12 mx1 app[9]: [NOTICE] [job-7] [mailer] recipient <a@b.example> code=DENY",
	}
	for _, line := range strangers {
		for _, f := range Formats() {
			if slices.Contains(senderFormats, f.Name) && f.Sniff(line) {
				t.Errorf("%s takes %q", f.Name, line)
			}
		}
		var res bouncehouse.Result
		bouncehouse.ParseChunk(newParser(t, Auto), logChunk("x", line, 0), &res)
		if len(res.Events)+len(res.Arrivals)+len(res.Dead)+res.Unread > 0 {
			t.Errorf("%q gave %s", line, render(t, &res))
		}
	}
	for _, format := range senderFormats {
		for file, log := range senderGoldens(t, format) {
			for line := range strings.Lines(log) {
				for _, f := range Formats() {
					if f.Name != format && slices.Contains(senderFormats, f.Name) && f.Sniff(strings.TrimRight(line, "\r\n")) {
						t.Errorf("%s takes %s's line of %s: %s", f.Name, format, file, line)
					}
				}
			}
		}
	}
}

// A line that gives nothing costs no memory.
func TestSendersNoAllocation(t *testing.T) {
	for format, lines := range map[string]string{
		"qmail": "@400000004a8a7ed30c5d5cb4 status: local 0/10 remote 1/20\n@400000004a8a7ed30c5d5cb4 bounce msg 93 qp 5\n" +
			"2011-02-16 19:10:03.100200500 status: local 0/10 remote 1/20\n" +
			"@400000004a8a7ed30c5d5cb4 tcpserver: pid 4211 from 203.0.113.5\n" +
			"1054194593.322    123 203.0.113.9 TCP_MISS/200 4211 GET http://www.example.org/ - DIRECT/203.0.113.10 text/html\n" +
			"Nov  3 17:03:53 mx qmail: 1288803833.970675 status: local 0/10 remote 1/20\n",
		"powermta": "r,2026-09-21 12:00:07+0000,2026-09-21 11:59:00+0000,a@b.example,c@d.example,,,,,,,smtp\n",
		"kumomta":  `{"type":"Reception","id":"9d","sender":"a@b.example","recipient":"c@d.example","timestamp":1757676100}` + "\n",
		"haraka": "[INFO] [7799F5A2-0000-4BE8-A120-3F8AEC15B3CA.1] [outbound] Looking up A records for: mx.example.org\n" +
			"2020-06-30T10:00:01.100Z [PROTOCOL] [CBFBB5A2-F9BE-4BE8-A120-3F8AEC15B3CA.1] [outbound] S: 250 2.1.0 OK\n",
		"zonemta": "verb Sender/default/2301 id=16a1b2c3d4e5f6a7b8 16a1b2c3d4e500002.001 FETCHED for delivery (from=a@b.example to=c@d.example)\n",
		"courier": "Dec 10 12:20:52 mx courierd: Waiting.  shutdown time=none, wakeup time=Fri Dec 10 12:25:01 2010, queuedelivering=4, inprogress=2\n" +
			"Dec 10 12:20:52 mx courieresmtpd: started,ip=[::ffff:203.0.113.9]\n",
	} {
		p := newParser(t, format)
		c := logChunk("idle", lines, 0)
		if format == "powermta" {
			c.Head = "type,timeLogged,timeQueued,orig,rcpt,orcpt,dsnAction,dsnStatus,dsnDiag,dsnMta,bounceCat,srcType\n"
		}
		var sniff func(string) bool
		for _, f := range Formats() {
			if f.Name == format {
				sniff = f.Sniff
			}
		}
		var res bouncehouse.Result
		bouncehouse.ParseChunk(p, c, &res)
		perLine := testing.AllocsPerRun(100, func() {
			for r := range c.Records {
				sniff(r.Text)
				if err := p.Parse(r, &res); err != nil {
					t.Fatal(err)
				}
			}
		})
		if perLine != 0 || len(res.Events)+len(res.Arrivals)+res.Unread > 0 {
			t.Errorf("%s: %v allocations, %s", format, perLine, render(t, &res))
		}
	}
}

// hostileSender holds that a stranger's line costs no more than its length.
func hostileSender(t *testing.T, format string, lines map[string]string) {
	t.Helper()
	for name, line := range lines {
		for _, as := range []string{format, Auto} {
			start := time.Now()
			res := parseSender(t, as, "hostile", line, 0)
			checkSender(t, res)
			if took := time.Since(start); took > 5*time.Second { // a hundred times what it takes
				t.Errorf("%s as %s: took %v", name, as, took)
			}
		}
	}
}

func benchmarkSender(b *testing.B, format string) {
	var log strings.Builder
	head := ""
	logs := senderGoldens(b, format)
	for _, name := range []string{"bench.log"} {
		head = bouncehouse.FileHead(logs[name])
		for range 200 {
			log.WriteString(logs[name])
		}
	}
	p := newParser(b, Auto)
	c := logChunk("bench", log.String(), 0)
	c.Head = head
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

// fuzzSender seeds with the format's samples and holds that no log breaks
// the parser and that cuts change nothing.
func fuzzSender(f *testing.F, format string) {
	for _, log := range senderGoldens(f, format) {
		f.Add(log)
	}
	f.Fuzz(func(t *testing.T, log string) {
		for _, as := range []string{format, Auto} {
			whole, cut := parseSender(t, as, "fuzz", log, 0), parseSender(t, as, "fuzz", log, 1)
			checkSender(t, whole)
			if diff := cmp.Diff(whole, cut, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
				t.Errorf("as %s (-whole +line by line):\n%s", as, diff)
			}
		}
	})
}
