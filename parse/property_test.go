package parse

import (
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
	"unsafe"
	"weak"

	"github.com/bouncehouse/bouncehouse"
	"github.com/bouncehouse/bouncehouse/parse/parsetest"
)

// However a log is cut into chunks, the same comes of it.
func TestLogCuts(t *testing.T) {
	eachSample(t, func(t *testing.T, s sample, as string) {
		want := render(t, s.parse(t, as))
		for _, n := range []int{1, 2, 7} {
			differ(t, fmt.Sprintf("%d lines a chunk (-whole +cut)", n), want, render(t, s.parse(t, as, s.every(n)...)))
		}
	})
}

// A parser that begins anew reads again what came before, and what comes of
// the rest is the same. Wherever that is.
func TestLogReplay(t *testing.T) {
	eachSample(t, func(t *testing.T, s sample, as string) {
		whole := s.parse(t, as)
		cuts := s.every(1)
		for i := 0; i < len(cuts); i += 1 + len(cuts)/64 {
			p, at := newParser(t, as), cuts[i]
			var before, after bouncehouse.Result
			bouncehouse.ParseChunk(p, s.chunk(s.log[:at], 0), &before)
			bouncehouse.ParseChunk(p, s.chunk(s.log[at:], at), &after)
			differ(t, fmt.Sprintf("from %d (-whole +anew)", at), renderFrom(t, whole, at), renderFrom(t, &after, at))
			if before.Unread+after.Unread != whole.Unread {
				t.Errorf("from %d: %d and %d lines unread, want %d", at, before.Unread, after.Unread, whole.Unread)
			}
		}
	})
}

// mutable is a string whose bytes are b's.
func mutable(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// What a parser remembers is its own: a chunk's bytes may be overwritten as
// soon as its results are used.
func TestLogClones(t *testing.T) {
	eachSample(t, func(t *testing.T, s sample, as string) {
		sorted := func(b []byte) []byte {
			lines := strings.Split(string(b), "\n")
			slices.Sort(lines)
			return []byte(strings.Join(lines, "\n"))
		}
		p, at := newParser(t, as), 0
		var got []byte
		for line := range s.lines {
			data, head := []byte(line), []byte(bouncehouse.FileHead(s.log))
			c := logChunk(s.file, mutable(data), at)
			c.Head = mutable(head)
			var res bouncehouse.Result
			bouncehouse.ParseChunk(p, c, &res)
			res.Unread = 0
			got = append(got, render(t, &res)...)
			at += len(line)
			for _, b := range [][]byte{data, head} {
				for i := range b {
					b[i] = '!'
				}
			}
		}
		whole := s.parse(t, as)
		whole.Unread = 0
		differ(t, "(-whole +overwritten)", sorted(render(t, whole)), sorted(got))
	})
}

// Nothing that a parser keeps holds a chunk in memory.
func TestLogChunksFreed(t *testing.T) {
	eachSample(t, func(t *testing.T, s sample, as string) {
		p, at := newParser(t, as), 0
		var chunks []weak.Pointer[byte]
		for line := range strings.Lines(s.log) {
			data := make([]byte, len(line), len(line)+64) // no tiny object, which others share
			copy(data, line)
			bouncehouse.ParseChunk(p, s.chunk(mutable(data), at), &bouncehouse.Result{})
			chunks = append(chunks, weak.Make(&data[0]))
			at += len(line)
		}
		runtime.GC()
		at = 0
		for i, line := range strings.SplitAfter(s.log, "\n") {
			if i < len(chunks) && chunks[i].Value() != nil {
				t.Errorf("the line at %d is held: %s", at, line)
			}
			at += len(line)
		}
		runtime.KeepAlive(p)
	})
}

// checkLog holds a result against what must be true of every one. source is
// the format, or Auto.
func checkLog(t testing.TB, res *bouncehouse.Result, source string) {
	t.Helper()
	if n := len(res.Events); n > 0 && n > res.Lines<<15 {
		t.Errorf("%d lines gave %d events", res.Lines, n)
	}
	for i := range res.Dead {
		if strings.Contains(res.Dead[i].Reason, "parser failed") {
			t.Errorf("%s", res.Dead[i].Reason)
		}
	}
	for i := range res.Events {
		e := &res.Events[i]
		switch {
		case !slices.Contains(bouncehouse.Systems(), e.Source) || source != Auto && string(e.Source) != source:
			t.Errorf("source %q of %s", e.Source, source)
		case e.Direction != bouncehouse.Outbound && e.Direction != bouncehouse.Inbound:
			t.Errorf("direction %q", e.Direction)
		case !slices.Contains(bouncehouse.Outcomes(), e.Outcome):
			t.Errorf("outcome %q is not declared", e.Outcome)
		case e.Stage != "" && !slices.Contains(bouncehouse.Stages(), e.Stage):
			t.Errorf("stage %q is not declared", e.Stage)
		case e.Counted && e.Claim():
			t.Errorf("a claim is counted: %+v", e)
		case e.DSNOrigin != "" && !slices.Contains(bouncehouse.DSNOrigins(), e.DSNOrigin):
			t.Errorf("dsn_origin %q is not declared", e.DSNOrigin)
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
		case e.Delay.Duration < 0 || !e.Delay.Known && e.Delay.Duration != 0:
			t.Errorf("delay %+v", e.Delay)
		case !utf8.ValidString(e.ReplyText):
			t.Errorf("reply text %q", e.ReplyText)
		}
	}
}

func TestLogValues(t *testing.T) {
	eachSample(t, func(t *testing.T, s sample, as string) { checkLog(t, s.parse(t, as), as) })
}

// Any line may be cut anywhere.
func TestLogTruncated(t *testing.T) {
	eachSample(t, func(t *testing.T, s sample, as string) {
		p := newParser(t, as)
		for line := range strings.Lines(s.log) {
			var res bouncehouse.Result
			for cut := range min(len(line), 700) {
				bouncehouse.ParseChunk(p, s.chunk(line[:cut], 0), &res)
			}
			checkLog(t, &res, as)
		}
	})
}

// A line may go on as another one: of the same system, or of another that
// writes to the same file.
func TestLogSpliced(t *testing.T) {
	var tails []string
	for _, f := range lineFormats() {
		for _, s := range samples(t, f.Name) {
			lines := strings.SplitAfter(s.log, "\n")
			tails = append(tails, lines[len(lines)/2], lines[len(lines)/3])
		}
	}
	next := 0
	eachSample(t, func(t *testing.T, s sample, as string) {
		p := newParser(t, as)
		var res bouncehouse.Result
		for line := range strings.Lines(s.log) {
			for i := 1; i < 8; i++ {
				tail := tails[next%len(tails)]
				next++
				bouncehouse.ParseChunk(p, s.chunk(line[:len(line)*i/8]+tail[len(tail)*(next%8)/8:], 0), &res)
			}
		}
		checkLog(t, &res, as)
	})
}

// hostile holds that a stranger's line, or a session full of them, costs no
// more than its length: lines makes the logs of about n bytes.
func hostile(t *testing.T, format string, lines func(n int) map[string]string) {
	t.Helper()
	parsetest.WithoutGC(t)
	const n = 64 << 10
	for _, name := range slices.Sorted(maps.Keys(lines(n))) {
		for _, as := range []string{format, Auto} {
			parsetest.CheckGrowth(t, parsetest.Named(name+" as "+as), n, func(n int) string { return lines(n)[name] },
				func(log string) {
					parseHostileLog(t, as, bouncehouse.FileHead(log), log)
				})
		}
	}
}

// before puts a header before each of the lines.
func before(header string, lines map[string]string) map[string]string {
	for name := range lines {
		lines[name] = header + lines[name]
	}
	return lines
}

// A line that gives nothing costs no memory.
func TestLogIdle(t *testing.T) {
	idle := map[string]string{
		"postfix": "Sep  2 16:49:15 mx1 postfix/smtpd[1]: connect from mx.corp.example[203.0.113.5]\n" +
			"Sep  2 16:49:15 mx1 postfix/anvil[1]: statistics: max connection rate 1/60s for (smtp:203.0.113.5) at Sep  2 16:49:15\n" +
			"Sep  2 16:49:15 mx1 dovecot: imap-login: Login: user=<a>\n" +
			"Sep  2 16:49:15 mx1 postfix/smtp[1]: 4F2D1A0C3B: host mx[203.0.113.5] said: 450 later (in reply to RCPT TO command)\n",
		"exim": "2026-11-01 13:00:00 Start queue run: pid=156\n" +
			"2026-11-01 13:00:00.123 +0100 [4711] cwd=/var/spool/exim 3 args: /usr/sbin/exim -Mc 1tEDbc-0000ab-00\n" +
			"2026-11-01 13:00:00 SMTP connection from [198.51.100.46]:30417 I=[192.0.2.1]:25 (TCP/IP connection count = 1)\n" +
			"2026-11-01 13:00:00 no host name found for IP address 198.51.100.46\n" +
			"2026-11-01 13:00:00 H=mail.client.example [198.51.100.46] Warning: nothing\n" +
			"2026-11-01 13:00:00 1tEDbc-0000ab-00 H=mx.corp.example [203.0.113.5]: SMTP error from remote mail server after DATA: 450 later\n" +
			"2026-11-01 13:00:00 1tEDbc-0000ab-00 SMTP connection outbound 1699956000 1tEDbc-0000ab-00 shop.example kim@corp.example\n" +
			"2026-11-01 13:00:00 1tEDbc-0000ab-00 Completed QT=3s\n" +
			"Nov  1 13:00:00 mx1 exim[99]: 2026-11-01 13:00:00 1tEDbc-0000ab-00 Frozen\n",
		"sendmail": "Jun  3 10:00:13 mx1 sm-mta[41011]: 65380130041011: Milter add: header: X-Spam-Status: No\n" +
			"Jun  3 10:00:13 mx1 sm-mta[41011]: 65380130041011: SMTP outgoing connect on localhost\n" +
			"Jun  3 10:00:13 mx1 sm-mta[41011]: STARTTLS=client, cert-subject=/CN=mx.invalid, cert-issuer=/CN=mx.invalid, verifymsg=ok\n" +
			"Jun  3 10:00:13 mx1 sm-mta[41011]: 65380130041011: out5.example.org [192.0.2.5] did not issue MAIL/EXPN/VRFY/ETRN during connection to MTA\n" +
			"Jun  3 10:00:13 mx1 sm-mta[41011]: ruleset=tls_server, arg1=SOFTWARE, relay=mx.example.com, reject=403 4.7.0 TLS handshake failed.\n" +
			"Jun  3 10:00:13 mx1 dovecot: imap-login: Login: user=<a>\n" +
			"Jun  3 10:00:13 mx1 sm-mta[41011]: tls_clt_features=empty, stat=0, relay=mx.example.com [192.0.2.9]\n",
		"opensmtpd": "Nov 21 18:56:33 mx1 smtpd[126]: 515da8165d63b461 mta server-cert-check result=\"failure\"\n" +
			"Nov 21 18:56:33 mx1 smtpd[126]: 515da8165d63b461 mta connected\n" +
			"Nov 21 18:56:33 mx1 smtpd[126]: 515da8165d63b461 smtp disconnected reason=quit\n" +
			"Nov 21 18:56:33 mx1 smtpd[126]: 515da8165d63b461 mta error reason=Connection closed unexpectedly\n" +
			"Nov 21 18:56:33 mx1 smtpd[126]: smtp-out: Enabling route [] <-> 192.0.2.3 (mx12a1.example.net)\n" +
			"Nov 21 18:56:33 mx1 smtpd[126]: relay: Remove for 4296f490a7b0c1d8: from=<ann@example.org>, to=<gone@example.com>, rcpt=<->, delay=1s, stat=Removed by administrator\n" +
			"515da8165d63b461 smtp disconnected reason=quit\n" +
			"Nov 21 18:56:33 mx1 smtpd[126]: info: OpenSMTPD 6.8.0p2 starting\n",
		"qmail": "@400000004a8a7ed30c5d5cb4 status: local 0/10 remote 1/20\n@400000004a8a7ed30c5d5cb4 bounce msg 93 qp 5\n" +
			"2011-02-16 19:10:03.100200500 status: local 0/10 remote 1/20\n" +
			"@400000004a8a7ed30c5d5cb4 tcpserver: pid 4211 from 203.0.113.5\n" +
			"1054194593.322    123 203.0.113.9 TCP_MISS/200 4211 GET http://www.example.org/ - DIRECT/203.0.113.10 text/html\n" +
			"Nov  3 17:03:53 mx qmail: 1288803833.970675 status: local 0/10 remote 1/20\n",
		"courier": "Dec 10 12:20:52 mx courierd: Waiting.  shutdown time=none, wakeup time=Fri Dec 10 12:25:01 2010, queuedelivering=4, inprogress=2\n" +
			"Dec 10 12:20:52 mx courieresmtpd: started,ip=[::ffff:203.0.113.9]\n",
		"haraka": "[INFO] [7799F5A2-0000-4BE8-A120-3F8AEC15B3CA.1] [outbound] Looking up A records for: mx.example.org\n" +
			"2020-06-30T10:00:01.100Z [PROTOCOL] [CBFBB5A2-F9BE-4BE8-A120-3F8AEC15B3CA.1] [outbound] S: 250 2.1.0 OK\n",
		"zonemta": "verb Sender/default/2301 id=16a1b2c3d4e5f6a7b8 16a1b2c3d4e500002.001 FETCHED for delivery (from=a@b.example to=c@d.example)\n",
		"exchange": "2024-01-25T15:16:09.949Z,192.0.2.14,ex01,192.0.2.14,ex01,ctx,EX01,SMTP,RECEIVE,7091,<x@y>,1e6e,a@b.example,,7229,1,,,subject,c@d.example,c@d.example,0cA: ,Incoming,,192.0.2.13,192.0.2.14,S:x=y\n" +
			"#Date: 2024-01-25T15:16:09.949Z\n",
		"hmailserver": "\"TCPIP\"\t2044\t\"2021-07-08 10:00:01.000\"\t\"TCP - 198.51.100.9 connected to 192.0.2.15:25.\"\n" +
			"\"IMAPD\"\t2044\t9\t\"2021-07-08 10:00:01.000\"\t\"198.51.100.9\"\t\"SENT: * OK\"\n" +
			"\"APPLICATION\"\t2044\t\"2021-07-08 10:00:01.000\"\t\"SMTPDeliverer - Message 1: Message delivery thread completed.\"\n",
		"mdaemon": "Tue 2022-08-09 07:47:31: Resolving MX records for [corp.example] (DNS Server: 192.0.2.1)...\n" +
			"Tue 2022-08-09 07:47:31: *  P=010 S=000 D=corp.example TTL=(60) MX=[mx1.corp.example]\nTue 2022-08-09 07:47:31: ----------\n",
		"powermta": "r,2026-09-21 12:00:07+0000,2026-09-21 11:59:00+0000,a@b.example,c@d.example,,,,,,,smtp\n",
		"kumomta":  `{"type":"Reception","id":"9d","sender":"a@b.example","recipient":"c@d.example","timestamp":1757676100}` + "\n",
	}
	for _, f := range lineFormats() {
		format, lines := f.Name, idle[f.Name]
		if lines == "" {
			t.Errorf("no idle lines of %s", format)
			continue
		}
		for _, as := range []string{format, Auto} {
			p := newParser(t, as)
			c := logChunk("idle", lines, 0)
			switch format {
			case "powermta":
				c.Head = "type,timeLogged,timeQueued,orig,rcpt,orcpt,dsnAction,dsnStatus,dsnDiag,dsnMta,bounceCat,srcType\n"
			case "exchange":
				for _, s := range samples(t, format) {
					if s.file == "tracking-storedriver-2016.log" {
						c.Head = bouncehouse.FileHead(s.log)
					}
				}
			}
			var res bouncehouse.Result
			bouncehouse.ParseChunk(p, c, &res)
			perRun := testing.AllocsPerRun(100, func() {
				for r := range c.Records {
					if err := p.Parse(r, &res); err != nil {
						t.Fatal(err)
					}
				}
			})
			if perRun != 0 || len(res.Events)+len(res.Arrivals)+res.Unread > 0 {
				t.Errorf("%s as %s: %v allocations, %s", format, as, perRun, render(t, &res))
			}
		}
	}
}
