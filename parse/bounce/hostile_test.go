package bounce

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bouncehouse/bouncehouse/parse/parsetest"
)

// hostileMails are what a splitter may die of.
func hostileMails() map[string]string {
	var nested, unclosed, messages, parts, many strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&unclosed, "Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n", i, i)
		fmt.Fprintf(&nested, "Content-Type: multipart/mixed; boundary=b\n\n--b\n")
		fmt.Fprintf(&messages, "Content-Type: message/rfc822\n\n")
	}
	parts.WriteString("Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n")
	for range 10_000 {
		parts.WriteString("--b\nContent-Type: message/delivery-status\n\nFinal-Recipient: rfc822; a@example.com\nAction: failed\n\n")
	}
	many.WriteString("Content-Type: message/delivery-status\n\n")
	for i := range 20_000 {
		fmt.Fprintf(&many, "Final-Recipient: rfc822; user%d@example.com\nAction: failed\n\n", i)
	}
	const mb = 1 << 20
	report := "Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n"
	status := report + "--b\nContent-Type: message/delivery-status\n\n"
	block := "Final-Recipient: rfc822; a@example.com\nAction: failed\n"
	return map[string]string{
		"depth 1000, unclosed": unclosed.String(),
		"depth 1000, one name": nested.String(),
		"1000 messages":        messages.String(),
		"10000 parts":          parts.String(),
		"20000 recipients":     many.String(),
		"1 MB header line":     "X: " + strings.Repeat("x", mb) + "\n\n",
		"1 MB of header lines": strings.Repeat("x:\n", mb/3),
		"1 MB boundary":        "Content-Type: multipart/mixed; boundary=" + strings.Repeat("b", mb) + "\n\n--b",
		"1 MB of dashes":       "Content-Type: multipart/mixed; boundary=---\n\n" + strings.Repeat("-", mb),
		"1 MB of boundaries":   "Content-Type: multipart/mixed; boundary=b\n\n" + strings.Repeat("--b\n", mb/4),
		"1 MB of ; parameters": "Content-Type: multipart/mixed" + strings.Repeat(";a=b", mb/4) + "\n\n",
		"1 MB of =":            "Content-Transfer-Encoding: quoted-printable\nContent-Type: message/delivery-status\n\n" + strings.Repeat("=", mb),
		"1 MB diagnostic": status + block + "Diagnostic-Code: smtp; " +
			strings.Repeat("550-5.1.1 a ", mb/12) + "\n",
		"1 MB of 550":        status + block + "Diagnostic-Code: smtp; 550-" + strings.Repeat("550 ", mb/4) + "\n",
		"1 MB of fold lines": status + block + "Diagnostic-Code: smtp;" + strings.Repeat("\n a", mb/3) + "\n",
		"1 MB of addresses": report + "--b\n\n" + strings.Repeat("<a@example.com>: no\n", mb/20) +
			"--b\nContent-Type: message/delivery-status\n\n" + block,
		"1 MB of recipients' \\": status + "Final-Recipient: utf-8; " + strings.Repeat(`\x{41}`, mb/6) +
			"@example.com\nAction: failed\n",
		"1 MB of encoded words": status + block + "Diagnostic-Code: smtp; " +
			strings.Repeat("=?utf-8?Q?a?= ", mb/14) + "\n",
		"1 MB of transcript": report + "--b\n\n" + strings.Repeat("<<< 550-a\n", mb/10) +
			"--b\nContent-Type: message/delivery-status\n\n" + block,
		"1 MB of tags": report + "--b\nContent-Type: text/html\n\n" + strings.Repeat("<", mb) +
			"\n--b\nContent-Type: message/delivery-status\n\n" + block,
		"1 MB of NUL":        strings.Repeat("\x00", mb),
		"NUL in the status":  status + "Final-Recipient: rfc822; a\x00b@example.com\nAction: fai\x00led\n\x00",
		"1 MB of high bytes": status + block + "Diagnostic-Code: smtp; " + strings.Repeat("\xc4\xe3", mb/2) + "\n",
		"1 MB of Received": status + block + "\n--b\nContent-Type: message/rfc822\n\n" +
			strings.Repeat("Received: by x id y\n", mb/20),
		"10000 recipients in a transcript": report + "--b\n\n" + strings.Repeat("<<< 550 a\n", 6_000) +
			"--b\nContent-Type: message/delivery-status\n\n" +
			many.String()[strings.Index(many.String(), "Final"):len(many.String())/2-100],
		"1 MB of Sendmail's results": "From: a@example.com\n\n   ----- Transcript of session follows -----\n" +
			strings.Repeat("<<< 550 a\n550 <a@example.com>... User unknown\n", mb/48),
		"1 MB of Sendmail's list":   "From: a@example.com\n\n   ----- The following addresses had permanent fatal errors -----\n" + strings.Repeat("<a@example.com>\n (reason: 550 no)\n", mb/36),
		"1 MB of Postfix's notice":  "Subject: Postfix SMTP server: errors from a[192.0.2.1]\n\nTranscript of session follows.\n" + strings.Repeat(" In:  RCPT TO:<a@example.com>\n Out: 550-no\n Out: 550 no\n     fold\n", mb/70),
		"1 MB of OpenSMTPD's lines": "From: a@example.com\n\n    This is the MAILER-DAEMON, please DO NOT REPLY to this email.\n" + strings.Repeat("a@example.com: 550 no\n", mb/22),
		"1 MB of JSON's depth":      "From: a@example.com\n\n{\"notificationType\":" + strings.Repeat("[", mb),
		"1 MB of Oracle's fields":   "From: a@example.com\n\nThis report relates to a message you sent with the following header fields:\nYour message\n" + strings.Repeat("Recipient address: a@example.com\n Reason: a\n b\n", mb/46),
		"1 MB of Courier's text": "From: a@example.com\n\nrunning the Courier mail server, version 1\n" +
			strings.Repeat("<a@example.com>:\n<b@example.com>:\n>>> RCPT TO:<a@example.com>\n<<< 550 no\n", mb/72),
		"claims, 1 MB of <a@b>": report + strings.Repeat("<a@example.com>\n<b@example.com>\n", mb/32),
	}
}

// TestHostileMails holds the splitter and the parser to linear time: the
// limit is some hundred times what they need.
func TestHostileMails(t *testing.T) {
	mails := hostileMails()
	for _, name := range slices.Sorted(maps.Keys(mails)) {
		mail := mails[name]
		if c := parsetest.CostOf(t, func() { parseHostileMail(t, mail) }); c.CPU > 10*time.Second {
			t.Errorf("%s: took %v for %d bytes", name, c.CPU, len(mail))
		}
	}
}

// growingMails are mails of about n bytes of which a cost that grows faster
// than the mail would show.
func growingMails(n int) map[string]string {
	const report = "Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n"
	const status = "--b\nContent-Type: message/delivery-status\n\n"
	fill := func(format string) string { // n bytes of lines, each with a number of its own
		var b strings.Builder
		for i := 0; b.Len() < n; i++ {
			b.WriteString(strings.ReplaceAll(format, "%", fmt.Sprint(i)))
		}
		return b.String()
	}
	return map[string]string{
		"parts": report + fill("--b\nContent-Type: text/plain; name=a%\n\nx\n"),
		"parts of status": report + fill(status+
			"Final-Recipient: rfc822; user%@example.com\nAction: failed\n\n"),
		"depth":             fill("Content-Type: multipart/mixed; boundary=b%\n\n--b%\n"),
		"depth of messages": fill("Content-Type: message/rfc822\n\n"),
		"claims of a size":  "Content-Length: 1073741824\nX-Size: 1073741824\nContent-Type: message/partial; number=1; total=1073741824\n" + report + status + fill("Content-Length: 1073741824\nFinal-Recipient: rfc822; user%@example.com\n"),
		"a header line":     "Subject: " + strings.Repeat("=?utf-8?B?", n/10) + "\n" + report + "x",
		"a To line": "To: " + fill("user%@example.com, ") +
			"\nFrom: MAILER-DAEMON@example.com\nSubject: Undelivered\n\nuser@example.com could not be delivered\n",
		"a Received line": "Received: from " + strings.Repeat("by id ", n/6) + "\n" + report + status +
			"Final-Recipient: rfc822; user@example.com\nAction: failed\n",
		"base64 garbage": report + "--b\nContent-Type: text/plain\nContent-Transfer-Encoding: base64\n\n" +
			fill("9f4=%_zZ\x80\xff/") + "\n" + status + "Final-Recipient: rfc822; user@example.com\nAction: failed\n",
		"base64 status": report + strings.TrimSuffix(status, "\n") + "Content-Transfer-Encoding: base64\n\n" +
			fill("/+%9fAAAA"),
		"one recipient's fields": report + status + "Original-Recipient: rfc822; user@example.com\n" + fill("x-%:\n"),
		"fields without a blank": report + status + "Final-Recipient: rfc822; user@example.com\n" +
			fill("Final-Recipient: rfc822; user@example.com\nx-: %\n"),
		"one field a group": report + status + "Original-Recipient: rfc822; user@example.com\n\n" +
			fill("Action: failed\n\nX-%: y\n\n"),
		"recipients and Received": strings.Repeat("Received: from a by b id c; Thu, 29 Oct 2026 10:00:00 +0000\n",
			n/120) + report + status + fill("Final-Recipient: rfc822; user%@example.com\nAction: failed\n\n"),
		"codes that are none": "From: MAILER-DAEMON@example.com\nSubject: Undelivered\n\nuser@example.com could not be delivered: " + strings.Repeat("!500-", n/5),
		"addresses in one word": "From: MAILER-DAEMON@example.com\nSubject: Undelivered\n\n" +
			strings.Repeat("user@example.", n/13),
		"one reason of all": "From: MAILER-DAEMON@example.com\nSubject: Undelivered\n\nCould not be delivered: " +
			fill("user%@example.com "),
		"parts of no charset": report + fill("--b\nContent-Type: text/plain\n\n% \xe0\xe1\xe2 \xe3\xe4\xe5\xe6 \xe7\xe8\xe9\xea\xeb\xec \xed\xee\xef\xf0 \xf1\xf2\xf3 \xf4\xf5\xf6\xf7\xf8 \xf9\xfa\xfb \xfc\xfd\xfe\xff \xe0\xe1\xe2 \xe3\xe4\xe5\xe6 \xe7\xe8\xe9\xea\n"),
		"words of no charset": report + status + fill("Final-Recipient: rfc822; user%@example.com\nAction: failed\nDiagnostic-Code: smtp; 550 =?x-none?Q?=E0=E1=E2=E3=E4=E5=E6=E7=E8=E9=EA_=E0=E1=E2=E3=E4=E5=E6=E7=E8=E9=EA_=E0=E1=E2=E3=E4=E5=E6=E7=E8=E9=EA_=E0=E1=E2=E3=E4=E5=E6=E7=E8=E9=EA?=\n\n"),
		"recipients":          report + status + fill("Final-Recipient: rfc822; user%@example.com\nAction: failed\nDiagnostic-Code: smtp; 550 5.1.1 no %\n\n"),
		"recipients in words": report + "--b\n\n" +
			fill("<user%@example.com>: host mx.example.com[192.0.2.1] said: 550 no %\n") + status +
			fill("Final-Recipient: rfc822; user%@example.com\nAction: failed\n\n"),
		"a transcript": report + "--b\n\n----- Transcript of session follows -----\n" +
			fill(">>> RCPT TO:<user%@example.com>\n<<< 550 no %\n") + status +
			fill("Final-Recipient: rfc822; user%@example.com\nAction: failed\n\n"),
		"Exchange and a machine's part": report + "--b\n\n" +
			fill("user%@example.com on 10:00\n    no\n    <mx #5.1.1>\n\n") + status +
			fill("Final-Recipient: rfc822; user%@example.com\nAction: failed\n\n"),
		"MDaemon": "From: MDaemon@example.com\nSubject: Undelivered\n\n" + fill("Failed address: user%@example.com\n") +
			"--- Session Transcript ---\n" +
			fill("<-- RCPT TO:<user%@example.com>\n--> 550 no %\n"),
		"a letter": "From: MAILER-DAEMON@example.com\nSubject: Undelivered\n\n" +
			fill("user%@example.com could not be delivered, 550 no such user\n"),
		"Chinese": "From: MAILER-DAEMON@example.com\nSubject: 退信\n\n" +
			fill("收件人：user%@example.com\n退信原因：550 no\n"),
		"NUL": report + strings.Repeat("\x00", n) + status +
			"Final-Recipient: rfc822; a\x00@example.com\nAction: failed\n",
		"NUL in a letter": "From: MAILER-DAEMON@example.com\nSubject: Undelivered\n\n" +
			fill("\x00user%\x00@example.com\x00 could not be \x00delivered\x00\n"),
		"bytes of no script": "From: MAILER-DAEMON@example.com\nSubject: " + strings.Repeat("\xc8a", n/8) + "\n\n" +
			strings.Repeat("\x81a\xd3M4 ", n/6),
	}
}

// TestHostileGrowth holds time and memory to the length of the mail.
func TestHostileGrowth(t *testing.T) {
	parsetest.WithoutGC(t)
	for _, name := range slices.Sorted(maps.Keys(growingMails(1000))) {
		checkDSN(t, growingMails(450 << 10)[name])
		for _, n := range []int{12 << 10, 220 << 10} {
			parsetest.CheckGrowth(t, parsetest.Named(name), n, func(n int) string { return growingMails(n)[name] },
				func(text string) { parseHostileMail(t, text) })
		}
	}
}

// TestDSNTruncatedEverywhere cuts some golden mails at every byte.
func TestDSNTruncatedEverywhere(t *testing.T) {
	mails := dsnGoldens(t)
	for _, name := range []string{"postfix-bounce-local", "exchange-online", "chinese-gb18030"} {
		for n := range len(mails[name]) {
			checkDSN(t, mails[name][:n])
		}
	}
}

// TestDSNWithNUL puts a NUL into golden mails, at every 31st byte and at all.
func TestDSNWithNUL(t *testing.T) {
	for _, mail := range dsnGoldens(t) {
		for n := 0; n < len(mail); n += 31 {
			checkDSN(t, mail[:n]+"\x00"+mail[n:])
		}
		checkDSN(t, strings.ReplaceAll(mail, " ", "\x00"))
		checkDSN(t, strings.ReplaceAll(mail, "\n", "\x00\n"))
	}
}
