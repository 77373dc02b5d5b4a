package parse

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/bouncehouse/bouncehouse/parse/parsetest"
)

// full is a parser's memory filled to its bounds, and a line or some that are
// said again and again then.
type full struct {
	format, name string
	fill, probe  string // %d is the number of the repetition
	times        int    // of fill
}

// fullMemories fill what each parser remembers: of one message, of very many,
// of one session, of very many. Numbers have eight digits: names of one length
// that only their end tells apart.
func fullMemories() []full {
	const (
		postfix   = "Sep  2 16:49:15 mx1 postfix/"
		sendmail  = "Sep  2 16:49:15 mx1 sm-mta[41000]: "
		smtpd     = "Sep  2 16:49:15 mx1 smtpd[1]: "
		multilog  = "@400000004a8a7ed30c5d5cb4 "
		courier   = "Sep  2 16:49:15 mx1 courierd: "
		smtpc     = "\"SMTPC\"\t1\t7\t\"2021-07-07 07:07:01.017\"\t\"203.0.113.12\"\t"
		deliverer = "\"APPLICATION\"\t1\t\"2021-07-07 07:07:01.017\"\t\"SMTPDeliverer - Message "
		exchange  = "2024-03-05T08:00:00.000Z,Outbound,08DC3CFA%s,1,192.0.2.10:41001,203.0.113.5:25,"
		mdaemon   = "Tue 2022-08-09 07:47:31.140: [%d:1] "
		haraka    = "2024-05-01T10:00:00.001Z level=NOTICE uuid=C49D1EBB-5135-4716-8E50-%s origin=core message="
	)
	long := strings.Repeat("a", maxKept-32) + "%08d@example.net"
	deferred := "to=<" + long + ">, delay=00:00:01, mailer=esmtp, relay=x, dsn=4.0.0, stat=Deferred\n"
	sent := "to=<" + fmt.Sprintf(long, maxDeferred-1) +
		">, delay=00:00:01, mailer=esmtp, relay=x, dsn=2.0.0, stat=Sent\n"
	one := strings.ReplaceAll(exchange, "%s", "00000001")
	many := strings.ReplaceAll(exchange, "%s", "%08d")
	one7 := strings.ReplaceAll(mdaemon, "%d", "7")
	return []full{
		{"postfix", "recipients of one message", postfix + "smtp[1]: A1B2C3: to=<" + long +
			">, relay=none, delay=1, dsn=4.4.1, status=deferred (no)\n",
			postfix + "smtp[1]: A1B2C3: to=<" + long + ">, relay=none, delay=1, dsn=4.4.1, status=deferred (no)\n",
			maxDeferred},
		{"postfix", "messages", postfix + "qmgr[1]: A%08d: from=<a@b.example>, size=1, nrcpt=1 (queue active)\n",
			postfix + "qmgr[1]: B%08d: from=<a@b.example>, size=1, nrcpt=1 (queue active)\n", maxMessages},
		{"postfix", "clients", postfix + "smtpd[%d]: connect from x%08[1]d[203.0.113.5]\n" + postfix +
			"smtpd[%[1]d]: A%08[1]d: client=x[203.0.113.5]\n",
			postfix + "smtpd[%d]: A%08[1]d: client=x[203.0.113.5]\n", maxMessages},
		{"sendmail", "recipients of one message", sendmail + "65380000041000: " + deferred,
			sendmail + "65380000041000: " + sent + sendmail + "65380000041000: " +
				strings.Replace(deferred, "%08d", fmt.Sprintf("%08d", maxDeferred-1), 1), maxDeferred},
		{"sendmail", "messages", sendmail + "%08d041000: from=<a@b.example>, size=1, class=0, nrcpts=1\n",
			sendmail + "A%08d41000: from=<a@b.example>, size=1, class=0, nrcpts=1\n", maxMessages},
		{"sendmail", "refusals that wait", sendmail + "65380000041000: <a%08d@b.example>... User unknown\n",
			sendmail + "65380000041000: <b%08d@b.example>... User unknown\n", 2 * maxRefused},
		{"exim", "messages", "2026-11-01 18:56:32 1tEA%02[2]d-%06[3]d-00 <= a@b.example H=x [203.0.113.1] P=esmtp S=1\n",
			"2026-11-01 18:56:32 1tEB%02[2]d-%06[3]d-00 <= a@b.example H=x [203.0.113.1] P=esmtp S=1\n", maxMessages},
		{"opensmtpd", "sessions", smtpd + "%016[1]x smtp event=connected address=203.0.113.1 host=x\n" + smtpd +
			"%016[1]x smtp event=message msgid=%08[1]x from=<a@b.example> to=<c@d.example> size=1 ndest=1 proto=ESMTP\n",
			smtpd + "f%015[1]x smtp event=connected address=203.0.113.1 host=x\n", 2 * maxRecent},
		{"qmail", "deliveries", multilog + "new msg %d\n" + multilog +
			"info msg %[1]d: bytes 3 from <a@b.example> qp 4 uid 5\n" + multilog +
			"starting delivery %[1]d: msg %[1]d to remote c@d.example\n",
			multilog + "starting delivery 9%08d: msg 1 to remote c@d.example\n", 2 * maxRecent},
		{"courier", "messages", courier + "newmsg,id=%016[1]X: dns; x (x [::ffff:203.0.113.1])\n" + courier +
			"started,id=%016[1]X,from=<a@b.example>,module=esmtp,host=x,addr=<c@d.example>\n",
			courier + "newmsg,id=F%015[1]X: dns; x (x [::ffff:203.0.113.1])\n", 2 * maxRecent},
		{"hmailserver", "a pipelined session", smtpc + "\"SENT: NOOP\"\n",
			smtpc + "\"SENT: NOOP\"\n" + smtpc + "\"RECEIVED: 250 ok\"\n", maxPending - 8},
		{"hmailserver", "sessions", strings.Replace(smtpc, "\t7\t", "\t%d\t", 1) +
			"\"SENT: MAIL FROM:<a@b.example>\"\n",
			strings.Replace(smtpc, "\t7\t", "\t9%08d\t", 1) + "\"SENT: MAIL FROM:<a@b.example>\"\n", 2 * maxRecent},
		{"hmailserver", "messages", deliverer + "%d: Delivering message from a@b to c@d.\"\n",
			deliverer + "9%08d: Delivering message from a@b to c@d.\"\n", 2 * maxRecent},
		{"exchange", "a pipelined session", one + ">,NOOP,\n", one + ">,NOOP,\n" + one + "<,250 ok,\n", maxPending - 8},
		{"exchange", "sessions", many + ">,MAIL FROM:<a@b.example>,\n",
			strings.Replace(many, "08DC", "18DC", 1) + ">,MAIL FROM:<a@b.example>,\n", 2 * maxRecent},
		{"mdaemon", "a pipelined session", one7 + "--> NOOP\n", one7 + "--> NOOP\n" + one7 + "<-- 250 ok\n",
			maxPending - 8},
		{"mdaemon", "recipients of one session", one7 + "Parsing message <x.msg>\n" + one7 +
			"*  Connection established (192.0.2.15:60296 -> 203.0.113.213:25)\n" + one7 + "<-- 220 x\n" + one7 +
			"*  To: a%08d@example.net\n",
			one7 + "*  Message-ID: <%08d@a.example>\n" + one7 + "--> MAIL From:<a@b.example>\n" + one7 +
				"<-- 550 no\n", maxRcpts},
		{"mdaemon", "sessions", mdaemon + "--> MAIL From:<a@b.example>\n",
			strings.Replace(mdaemon, "%d", "9%08d", 1) + "--> MAIL From:<a@b.example>\n", 2 * maxRecent},
		{"haraka", "connections", strings.ReplaceAll(haraka, "%s", "%012d.1") +
			"\"sender <a@b.example>\" code=CONT msg=\"\"\n",
			strings.ReplaceAll(haraka, "%s", "F%011d.1") + "\"sender <a@b.example>\" code=CONT msg=\"\"\n",
			2 * maxRecent},
	}
}

// What a line costs does not grow with what the lines before it left: as often
// as it is said, it costs in a memory that is full at most parsetest.MaxGrowth times what
// it costs in an empty one, or as little as needs no second look.
func TestWorkMemory(t *testing.T) {
	parsetest.WithoutGC(t)
	const size = 1 << 20 // of probes, and at most times 20 of what fills
	for _, f := range fullMemories() {
		t.Run(f.format+"/"+f.name, func(t *testing.T) {
			head := ""
			if f.format == "exchange" {
				head = "#Software: Microsoft Exchange Server\n#Log-type: SMTP Send Protocol Log\n" +
					"#Fields: date-time,connector-id,session-id,sequence-number,local-endpoint,remote-endpoint,event,data,context\n"
			}
			fill, probe := repeated(f.fill, f.times, 32<<20), repeated(f.probe, size, size)
			measure := func(before string) parsetest.Cost {
				p := newParser(t, f.format)
				parseInChunks(t, p, f.format, head, before)
				runtime.GC()
				return parsetest.CostOf(t, func() { parseInChunks(t, p, f.format, head, probe) })
			}
			a, b := measure(""), measure(fill)
			for range 6 {
				if b.CPU <= parsetest.CheapStart/4+12*size || float64(b.CPU) <= parsetest.MaxGrowth*float64(a.CPU) {
					return
				}
				a.CPU, b.CPU = min(a.CPU, measure("").CPU), min(b.CPU, measure(fill).CPU)
			}
			t.Errorf("%d bytes take %v with nothing in memory, %v with a memory that is full", size, a.CPU, b.CPU)
		})
	}
}

// repeated is a line so many times, at most size bytes of it.
func repeated(line string, times, size int) string {
	var b strings.Builder
	for i := 0; i < times && b.Len() < size; i++ {
		if !strings.Contains(line, "%") {
			b.WriteString(line)
			continue
		}
		text := fmt.Sprintf(line, i, i/1_000_000, i%1_000_000)
		text, _, _ = strings.Cut(text, "%!(EXTRA")
		b.WriteString(text)
	}
	return b.String()
}
