package parse

import (
	"strings"
	"testing"
)

// A stranger writes replies, addresses and the output of local programs.
func TestQmailHostileSize(t *testing.T) {
	stamp, splogger := "@400000004a8a7ed30c5d5cb4 ", "Nov 17 14:23:55 mx2 qmail: 1290003835.103112 "
	hostile(t, "qmail", func(n int) map[string]string {
		return map[string]string{
			"slashes": stamp + "delivery 1: failure: " + strings.Repeat("a./", n/3),
			"reply": stamp + "delivery 1: failure: 192.0.2.1_does_not_like_recipient./Remote_host_said:_550-" +
				strings.Repeat("/550-a", n/6),
			"codes":   stamp + "delivery 1: failure: x/Remote_host_said:_550-" + strings.Repeat("/550_", n/5),
			"said":    stamp + "delivery 1: failure: " + strings.Repeat("Remote_host_said:_", n/18),
			"signs":   stamp + "delivery 1: failure: " + strings.Repeat("(#5.", n/4),
			"phrases": stamp + "delivery 1: failure: " + strings.Repeat("_but_connection_died", n/20),
			"info":    stamp + "info msg 1: bytes 3 from <" + strings.Repeat("> qp ", n/5),
			"to":      stamp + "starting delivery 1: msg 2 to " + strings.Repeat(" to ", n/4),
			"folds": splogger + "delivery 1: failure: a\n" +
				strings.Repeat("Nov 17 14:23:55 mx2 qmail: 1290003835.103112+"+strings.Repeat("a/b_", 199)+"\n", n/840),
			"heads":     strings.Repeat(splogger+"delivery 1: failure: a\n", n/70),
			"chkuser":   stamp + "CHKUSER rejected rcpt: from <" + strings.Repeat("> remote <", n/10),
			"spamdyke":  "Nov 17 14:23:55 mx2 spamdyke[1]: DENIED_X from: " + strings.Repeat(" to: ", n/5),
			"numbers":   stamp + "new msg " + strings.Repeat("9", n),
			"many keys": stamp + strings.Repeat("starting delivery 1: msg 2 to remote a\n"+stamp, n/64),
		}
	})
}

// A report's words that a local program put out name no remote.
func TestQmailLocalOutput(t *testing.T) {
	log := "@400000004a8a7ed30c5d5cb4 starting delivery 1: msg 2 to local joe@example.org\n" +
		"@400000004a8a7ed30c5d5cb4 delivery 1: failure: 203.0.113.9_does_not_like_recipient./Remote_host_said:_550_5.1.1_no/\n"
	res := parseLog(t, "qmail", "local", log)
	if len(res.Events) != 1 || res.Events[0].ReplyCode != 0 || res.Events[0].RemoteIP.IsValid() ||
		res.Events[0].Stage != "" {
		t.Errorf("got %s", render(t, res))
	}
}
