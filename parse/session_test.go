package parse

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"github.com/bouncehouse/bouncehouse"
	"github.com/google/go-cmp/cmp"
)

// sessionFormats are the formats of Windows' servers, whose logs have whole
// SMTP sessions.
var sessionFormats = []string{"exchange", "hmailserver", "mdaemon"}

// eachSession runs test for every sample, with the format named and found out.
func eachSession(t *testing.T, test func(t *testing.T, format, as, file, log string)) {
	for _, format := range sessionFormats {
		for file, log := range senderGoldens(t, format) {
			for _, as := range []string{format, Auto} {
				t.Run(format+"/"+file+"/"+as, func(t *testing.T) { test(t, format, as, file, log) })
			}
		}
	}
}

func TestSessionGolden(t *testing.T) {
	eachSession(t, func(t *testing.T, format, as, file, log string) {
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
		if as == Auto {
			want, got = withoutUnread(want), withoutUnread(got)
		}
		if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(string(got), "\n")); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// However a log is cut into chunks, the same comes of it.
func TestSessionCuts(t *testing.T) {
	eachSession(t, func(t *testing.T, format, as, file, log string) {
		want := string(render(t, parseSender(t, as, file, log, 0)))
		for _, step := range []int{1, 2, 7} {
			if diff := cmp.Diff(want, string(render(t, parseSender(t, as, file, log, step)))); diff != "" {
				t.Errorf("%d lines a chunk (-whole +cut):\n%s", step, diff)
			}
		}
	})
}

// The header is learnt from the data, too, where a chunk brings none.
func TestSessionHeaderInData(t *testing.T) {
	for file, log := range senderGoldens(t, "exchange") {
		var with, without bouncehouse.Result
		bouncehouse.ParseChunk(newParser(t, "exchange"), senderChunk(file, log, log, 0), &with)
		bouncehouse.ParseChunk(newParser(t, "exchange"), logChunk(file, log, 0), &without)
		if diff := cmp.Diff(string(render(t, &with)), string(render(t, &without))); diff != "" {
			t.Errorf("%s (-head +none):\n%s", file, diff)
		}
	}
}

// What a parser remembers is its own: the records' bytes may be overwritten
// as soon as their results are used.
func TestSessionClones(t *testing.T) {
	eachSession(t, func(t *testing.T, format, as, file, log string) {
		sorted := func(b []byte) []string {
			lines := strings.Split(string(withoutUnread(b)), "\n")
			slices.Sort(lines)
			return slices.DeleteFunc(lines, func(s string) bool { return s == "" })
		}
		p, offset := newParser(t, as), 0
		var got []byte
		for line := range strings.Lines(log) {
			data, head := []byte(line), []byte(bouncehouse.FileHead(log))
			c := senderChunk(file, "", unsafe.String(&data[0], len(data)), offset)
			c.Head = string(head)
			var res bouncehouse.Result
			bouncehouse.ParseChunk(p, c, &res)
			got = append(got, withoutUnread(render(t, &res))...)
			offset += len(line)
			for i := range data {
				data[i] = '!'
			}
		}
		if diff := cmp.Diff(sorted(render(t, parseSender(t, as, file, log, 0))), sorted(got)); diff != "" {
			t.Errorf("(-whole +overwritten):\n%s", diff)
		}
	})
}

func TestSessionValues(t *testing.T) {
	eachSession(t, func(t *testing.T, format, as, file, log string) {
		checkSender(t, parseSender(t, as, file, log, 0))
	})
}

// Any line may be cut anywhere.
func TestSessionTruncated(t *testing.T) {
	for _, format := range sessionFormats {
		for file, log := range senderGoldens(t, format) {
			p, head := newParser(t, format), bouncehouse.FileHead(log)
			var res bouncehouse.Result
			for line := range strings.Lines(log) {
				for cut := range min(len(line), 700) {
					c := logChunk(file, line[:cut], 0)
					c.Head = head
					bouncehouse.ParseChunk(p, c, &res)
				}
			}
			checkSender(t, &res)
		}
	}
}

// Each format knows its own lines, and no other's.
func TestSessionSniff(t *testing.T) {
	formats := map[string]Format{}
	for _, f := range Formats() {
		formats[f.Name] = f
	}
	for _, format := range sessionFormats {
		for file, log := range senderGoldens(t, format) {
			if !formats[format].Sniff(log) {
				t.Errorf("%s is not known as %s", file, format)
			}
			for line := range strings.Lines(log) {
				for _, other := range sessionFormats {
					if other != format && formats[other].Sniff(strings.TrimRight(line, "\r\n")) {
						t.Errorf("%s takes %s's line %q", other, format, line)
					}
				}
			}
		}
	}
	for _, line := range []string{
		"", "#", "\"", "2024-03-05T10:15:44.120Z", "2024-03-05T10:15:44.120Z,a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q,r,s,t,u,v,w",
		"#Software: Microsoft Internet Information Services 7.5", "#Fields: date time c-ip cs-username s-sitename s-computername",
		"#Fields: date-time,session,source", "#Fields: time,connector-id,session-id,remote-endpoint,event,data",
		"2024-03-05T10:15:44.120Z,order,77,x,ip,ip,+,,", "type,timeLogged,timeQueued", "date,time,client-ip,event",
		"\"SMTPC\" 1 2", "\"SMTPX\"\t1\t2\t\"x\"", "\"name\"\t\"mail\"", "\"DEBUG\"\tx\t\"y\"",
		"Tue 2022-08-09 07:47:31 up 3 days", "Tue Aug  9 07:47:31 2022: x", "[20180101] backup done", "[2018-01-01] 00:00:01: x", "Tue 2022-08-09",
	} {
		for _, format := range sessionFormats {
			if formats[format].Sniff(line) {
				t.Errorf("%s takes %q", format, line)
			}
		}
	}
}

// A stranger's line, or a client's session, must not cost more than its
// length.
func TestSessionHostileSize(t *testing.T) {
	const n = 1 << 20
	row := func(session, event, data string) string {
		return "2024-03-05T10:15:44.120Z,c," + session + ",1,192.0.2.1:25,203.0.113.1:99," + event + "," + data + ",\n"
	}
	names := "#Fields: date-time,client-ip,client-hostname,server-ip,server-hostname,source-context,connector-id,source,event-id,internal-message-id,message-id," +
		"recipient-address,recipient-status,total-bytes,recipient-count,related-recipient-address,reference,message-subject,sender-address,return-path,message-info\n"
	tracked := func(rcpts, status string) string {
		return names + "2024-03-05T10:15:44.120Z,,,,,,,SMTP,FAIL,1,<m@x>," + rcpts + "," + status + ",,,,,,a@b,a@b,\n"
	}
	hostileSender(t, "exchange", map[string]string{
		"commas":     "2024-03-05T10:15:44.120Z" + strings.Repeat(",", n),
		"quotes":     `2024-03-05T10:15:44.120Z,"` + strings.Repeat(`""`, n/2),
		"columns":    "#Fields: date-time" + strings.Repeat(",event-id", n/9) + "\n",
		"recipients": tracked(strings.Repeat("a@b;", n/4), strings.Repeat("550 x;", n/6)),
		"braces":     tracked(strings.Repeat("a@b;", n/4), strings.Repeat("[{LED=550 x};{LED=", n/18)),
		"one status": tracked(strings.Repeat("a@b;", 4000), "550-"+strings.Repeat("550-5.1.1 x ", 5000)),
		"semicolons": tracked("a@b;c@d", strings.Repeat(";", n)),
		"sessions":   strings.Repeat(row("08DA", "+", "")+row("08DB", "<", "EHLO x"), 4000),
		"pipelined":  row("08DA", "<", "MAIL FROM:<a@b>") + strings.Repeat(row("08DA", "<", "RCPT TO:<c@d>"), 20000) + row("08DA", ">", "250 ok"),
		"reply":      row("08DA", "<", "MAIL FROM:<a@b>") + strings.Repeat(row("08DA", ">", "250-"+strings.Repeat("x", 100)), 9000) + row("08DA", ">", "250 ok"),
	})
	smtpd := "\"SMTPD\"\t1\t2\t\"2021-07-07 07:07:01.017\"\t\"198.51.100.77\"\t"
	hostileSender(t, "hmailserver", map[string]string{
		"breaks":   smtpd + `"SENT: 250-` + strings.Repeat("[nl]250-", n/8),
		"cut":      smtpd + `"SENT: 550-` + strings.Repeat(" ... 550-", n/9),
		"tabs":     strings.Repeat("\"SMTPD\"\t", n/8),
		"rcpts":    "\"APPLICATION\"\t1\t\"2021-07-07 07:07:01.017\"\t\"SMTPDeliverer - Message 1: Delivering message from a@b to " + strings.Repeat("c@d,", n/4),
		"messages": strings.Repeat("\"APPLICATION\"\t1\t\"2021-07-07 07:07:01.017\"\t\"SMTPDeliverer - Message 1: Delivering message from a@b to c@d.\"\n", 9000),
	})
	hostileSender(t, "mdaemon", map[string]string{
		"to":       "Tue 2022-08-09 07:47:31: Session 1; child 2\nTue 2022-08-09 07:47:31: *  To: " + strings.Repeat("a@b,", n/4) + "\n",
		"facts":    "Tue 2022-08-09 07:47:31: Session 1; child 2\n" + strings.Repeat("Tue 2022-08-09 07:47:31: *  To: a@b\n", 20000),
		"sessions": strings.Repeat("Tue 2022-08-09 07:47:31: Session 1; child 2\n", 20000),
		"line":     "Tue 2022-08-09 07:47:31: --> " + strings.Repeat("550-", n/4),
	})
}

// A line that gives nothing costs no memory.
func TestSessionNoAllocation(t *testing.T) {
	for format, lines := range map[string]string{
		"exchange": "2024-01-25T15:16:09.949Z,192.0.2.14,ex01,192.0.2.14,ex01,ctx,EX01,SMTP,RECEIVE,7091,<x@y>,1e6e,a@b.example,,7229,1,,,subject,c@d.example,c@d.example,0cA: ,Incoming,,192.0.2.13,192.0.2.14,S:x=y\n" +
			"#Date: 2024-01-25T15:16:09.949Z\n",
		"hmailserver": "\"TCPIP\"\t2044\t\"2021-07-08 10:00:01.000\"\t\"TCP - 198.51.100.9 connected to 192.0.2.15:25.\"\n" +
			"\"IMAPD\"\t2044\t9\t\"2021-07-08 10:00:01.000\"\t\"198.51.100.9\"\t\"SENT: * OK\"\n" +
			"\"APPLICATION\"\t2044\t\"2021-07-08 10:00:01.000\"\t\"SMTPDeliverer - Message 1: Message delivery thread completed.\"\n",
		"mdaemon": "Tue 2022-08-09 07:47:31: Resolving MX records for [corp.example] (DNS Server: 192.0.2.1)...\n" +
			"Tue 2022-08-09 07:47:31: *  P=010 S=000 D=corp.example TTL=(60) MX=[mx1.corp.example]\nTue 2022-08-09 07:47:31: ----------\n",
	} {
		p := newParser(t, format)
		c := logChunk("idle", lines, 0)
		if format == "exchange" {
			c.Head = bouncehouse.FileHead(senderGoldens(t, format)["tracking-storedriver-2016.log"])
		}
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
			t.Errorf("%s: %v allocations, %s", format, perLine, render(t, &res))
		}
	}
}

// The statuses of a row's recipients are cut where one begins, not at each
// semicolon.
func TestExchangeStatuses(t *testing.T) {
	for _, test := range []struct {
		n    int
		s    string
		want []string
	}{
		{1, "550 5.1.1 no; 551 never;550 x", []string{"550 5.1.1 no; 551 never;550 x"}},
		{2, "550 5.1.1 <a@x>... User unknown;552 5.2.2 <b@x>... full", []string{"550 5.1.1 <a@x>... User unknown", "552 5.2.2 <b@x>... full"}},
		{2, "550 no; really;552 full; too;450 x", []string{"550 no; really", "552 full; too;450 x"}},
		{2, "[{LED=550 a;550 b};{IP=192.0.2.1}];[{LED=};{MSG=}]", []string{"[{LED=550 a;550 b};{IP=192.0.2.1}]", "[{LED=};{MSG=}]"}},
		{3, ";552 full;", []string{"", "552 full", ""}},
		{3, "451 4.4.0 for all; of them", []string{"451 4.4.0 for all; of them", "451 4.4.0 for all; of them", "451 4.4.0 for all; of them"}},
		{3, "550 a;550 b", []string{"550 a", "550 b", ""}},
		{2, "", []string{"", ""}},
	} {
		l := statusList{rest: test.s, left: test.n}
		var got []string
		for range test.n {
			got = append(got, l.next())
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%d of %q (-want +got):\n%s", test.n, test.s, diff)
		}
	}
}

// What an envelope holds is given back when the next begins: a connection may
// serve any number of messages.
func TestSessionLongConnection(t *testing.T) {
	d := dialogue{direction: bouncehouse.Outbound}
	d.connected()
	var res bouncehouse.Result
	d.reply("220 mx.example.net ESMTP", &res)
	for range 40000 {
		for _, command := range []string{"MAIL FROM:<sender@example.com>", "RCPT TO:<recipient@example.net>", "DATA"} {
			d.command(command, &res)
		}
		for _, reply := range []string{"250 ok", "250 ok", "354 go", "250 2.0.0 queued"} {
			d.reply(reply, &res)
		}
	}
	if len(res.Events) != 40000 || d.lost || d.bytes > 1000 {
		t.Errorf("%d events, lost %v, %d bytes", len(res.Events), d.lost, d.bytes)
	}
}

func FuzzExchange(f *testing.F)    { fuzzSender(f, "exchange") }
func FuzzHMailServer(f *testing.F) { fuzzSender(f, "hmailserver") }
func FuzzMDaemon(f *testing.F)     { fuzzSender(f, "mdaemon") }

// benchmarkSession reads sample logs again and again from memory.
func benchmarkSession(b *testing.B, format string, files ...string) {
	logs := senderGoldens(b, format)
	if len(files) == 0 {
		files = slices.Sorted(maps.Keys(logs))
	}
	head := bouncehouse.FileHead(logs[files[0]])
	var log strings.Builder
	for range 20 {
		for _, file := range files {
			log.WriteString(logs[file])
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

func BenchmarkExchangeTracking(b *testing.B) {
	benchmarkSession(b, "exchange", "tracking-storedriver-2016.log", "tracking-no-results.log", "tracking-fail-led-2016.log")
}
func BenchmarkExchangeProtocol(b *testing.B) {
	benchmarkSession(b, "exchange", "send-pipelined.log", "send-refusals.log")
}
func BenchmarkHMailServer(b *testing.B) { benchmarkSession(b, "hmailserver") }
func BenchmarkMDaemon(b *testing.B)     { benchmarkSession(b, "mdaemon") }
