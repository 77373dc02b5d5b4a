package parse

import (
	"strings"
	"testing"

	"github.com/bouncehouse/bouncehouse"
)

func TestSendmailHostileSize(t *testing.T) {
	hostile(t, "sendmail", func(n int) map[string]string {
		return before("Sep  2 16:49:15 mx1 sm-mta[41000]: 65380000041000: ", map[string]string{
			"list": "to=" + strings.Repeat("<a@b.example>,", n/14) +
				" [more], delay=00:00:01, mailer=esmtp, stat=Deferred",
			"commas only": "to=" + strings.Repeat("a,", n/2) + " delay=00:00:01, mailer=esmtp, stat=Deferred",
			"open":        "to=" + strings.Repeat("<a", n/2),
			"quotes":      "to=" + strings.Repeat(`"a",`, n/4) + `", delay=00:00:01`,
			"fields":      "to=<a>" + strings.Repeat(", a=b", n/5),
			"commas":      "to=<a>, ctladdr=" + strings.Repeat(", ", n/2),
			"stats":       "to=<a>, mailer=esmtp, reply=450 " + strings.Repeat(", stat=Sent", n/11),
			"octal":       `to=<a>, mailer=esmtp, reply=550 ` + strings.Repeat(`\345`, n/4) + ", stat=User unknown",
			"from":        "from=<" + strings.Repeat(", size=", n/7) + strings.Repeat(", relay=", n/8),
			"msgid":       "from=<a>, size=1, class=0, nrcpts=1, msgid=" + strings.Repeat("<>, ", n/4),
			"ruleset": "ruleset=check_rcpt, " + strings.Repeat("arg1=<>, ", n/9) + "reject=550 " +
				strings.Repeat("a, relay=[", n/10),
			"unknown":  strings.Repeat("<>... ", n/6),
			"quoted":   `<"` + strings.Repeat(`\"`, n/2),
			"milter":   "Milter: to=<" + strings.Repeat(", reject=", n/9),
			"split":    "split: count=9, ids=" + strings.Repeat("65380000041000; ", n/16),
			"protocol": strings.Repeat(" protocol error: ", n/17),
		})
	})
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
	bouncehouse.ParseChunk(p, logChunk("wait",
		"Jun  3 10:00:03 mx1 sm-mta[41000]: 65380000041000: from=<>, size=0, class=0, nrcpts=0, relay=h [192.0.2.1]\n",
		0), &res)
	if len(res.Events) != 3*maxRefused {
		t.Errorf("%d events, want %d", len(res.Events), 3*maxRefused)
	}
	last := res.Events[len(res.Events)-1]
	if last.RemoteIP.String() != "192.0.2.1" || last.Recipient != "carol@example.net" || !last.ContextKnown {
		t.Errorf("got %+v", last)
	}
}

// A message id that Sendmail cut is none: the ids of a campaign may have as much in common.
func TestSendmailMessageIDs(t *testing.T) {
	long := "<JavaMail.campaign-" + strings.Repeat("4d17b", 30) + "@news.example.com>"
	for logged, want := range map[string]string{
		"<1@news.example.com>":           "1@news.example.com",
		long[:100]:                       "",
		long[1:101]:                      "",
		`<caf\303\251@news.example.com>`: "café@news.example.com",
		"1.without@brackets":             "1.without@brackets",
	} {
		log := "Jun  3 10:00:02 mx1 sm-mta[41000]: 65380000041000: from=<a@example.com>, size=1, class=0, nrcpts=1, msgid=" + logged + ", proto=ESMTP, daemon=MTA, relay=h [192.0.2.1]\n"
		res := parseLog(t, "sendmail", "ids", log)
		if len(res.Arrivals) != 1 || res.Arrivals[0].MessageID != want {
			t.Errorf("%s: %+v, want %q", logged, res.Arrivals, want)
		}
	}
}
