package parse

import (
	"strings"
	"testing"

	"github.com/bouncehouse/bouncehouse"
)

// Unquoted, as versions before 3.5 log it, a stranger's address can look like the rest of the line: no message of his
// is expired by its name. Of a recipient it cannot be told from a reply that looks so, see ARCHITECTURE.md.
func TestPostfixSenderLikeALine(t *testing.T) {
	const header = "Sep  2 16:49:15 mx1 postfix/qmgr[1]: A1B2C3: from=<x@a.example>, status=expired, returned to sender"
	for rest, want := range map[string]int{"": 1, "@b.example>, size=1, nrcpt=1 (queue active)": 0} {
		var res bouncehouse.Result
		bouncehouse.ParseChunk(newParser(t, Auto), logChunk("x", header+rest+"\n", 0), &res)
		if len(res.Events) != want {
			t.Errorf("%s: %d events", rest, len(res.Events))
		}
	}
}

// What is known of a held message is an arrival at once: it may be taken up days later.
func TestPostfixHeld(t *testing.T) {
	const (
		header  = "Sep  2 16:49:15 mx1 postfix/"
		client  = header + "smtpd[1]: A1B2C3D4E5: client=app[192.0.2.7], sasl_method=PLAIN, sasl_username=shop\n"
		id      = header + "cleanup[2]: A1B2C3D4E5: message-id=<held@shop.example>\n"
		hold    = header + "cleanup[2]: A1B2C3D4E5: hold: header Subject: x from app[192.0.2.7]; from=<a@example.com> to=<b@example.net> proto=ESMTP helo=<app>: why\n"
		milter  = header + "cleanup[2]: A1B2C3D4E5: milter-hold: END-OF-MESSAGE from app[192.0.2.7]: milter triggers HOLD action; from=<a@example.com>\n"
		refused = header + "smtpd[1]: NOQUEUE: hold: RCPT from app[192.0.2.7]: <app[192.0.2.7]>: Client host triggers HOLD action; from=<> to=<>\n"
		active  = header + "qmgr[3]: A1B2C3D4E5: from=<a@example.com>, size=77, nrcpt=1 (queue active)\n"
	)
	for lines, want := range map[string]int{client + id + hold: 1, client + hold + id: 1, client + id + milter: 1,
		client + hold: 0, client + id: 0, refused + client + id: 0,
		client + id + hold + active: 2, client + id + active + hold: 1} {
		var res bouncehouse.Result
		bouncehouse.ParseChunk(newParser(t, Auto), logChunk("x", lines, 0), &res)
		if len(res.Arrivals) != want || len(res.Dead)+len(res.Events) > 0 {
			t.Errorf("%s: %+v, %+v", lines, res.Arrivals, res.Dead)
		}
		for _, a := range res.Arrivals {
			if a.MessageID != "held@shop.example" || a.Client != "app[192.0.2.7]" || a.SASLUser != "shop" {
				t.Errorf("%s: %+v", lines, a)
			}
		}
	}
}

// A stranger's line must not cost more than its length.
func TestPostfixHostileSize(t *testing.T) {
	hostile(t, "postfix", func(n int) map[string]string {
		const header = "Sep  2 16:49:15 mx1 postfix/smtp[1]: "
		return before(header, map[string]string{
			"expiries": strings.Repeat("A1B2C3: to=<a@b.example>, relay=none, delay=1, dsn=4.4.1, status=deferred (no)\n"+header, n/240) +
				strings.Repeat("A1B2C3: from=<a@b.example>, status=expired, returned to sender\n"+header, n/200),
			"semicolons": "NOQUEUE: reject: RCPT from a[203.0.113.1]: 550 5.1.1 x" +
				strings.Repeat("; from=<a", n/9),
			"helo":          "NOQUEUE: reject: RCPT from a[203.0.113.1]: 550 5.1.1 <" + strings.Repeat(" helo=<a", n/8),
			"from":          "A1B2C3: reject: header " + strings.Repeat(" from a; from=<", n/15),
			"continuations": "A1B2C3: to=<a@b.example>, relay=x[203.0.113.1]:25, delay=1, dsn=5.0.0, status=bounced (host x[203.0.113.1] said: 550-" + strings.Repeat("550 ", n/4),
			"lines":         "A1B2C3: to=<a@b.example>, relay=x[203.0.113.1]:25, delay=1, dsn=5.0.0, status=bounced (host x[203.0.113.1] said: 550-" + strings.Repeat("550-5.1.1 a ", n/12),
			"quote":         `A1B2C3: to=<"` + strings.Repeat(`\"`, n/2),
			"brackets":      "A1B2C3: to=<" + strings.Repeat(`>a`, n/2),
			"fields":        "A1B2C3: to=<a>" + strings.Repeat(", a=b", n/5),
			"replies":       "A1B2C3: to=<a>, status=bounced (host x said: " + strings.Repeat(" (in reply to ", n/14),
		})
	})
}
