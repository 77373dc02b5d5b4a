package parse

import (
	"slices"
	"strings"
	"testing"

	"github.com/bouncehouse/bouncehouse"
)

// Unquoted, as versions before 3.5 log them, addresses that strangers choose can look like the rest of the line. Such a line
// tells of nothing for sure.
func TestPostfixAddressLikeALine(t *testing.T) {
	const header = "Sep  2 16:49:15 mx1 postfix/smtp[1]: A1B2C3: "
	const forged = "x@a.example>, relay=gmail-smtp-in.l.google.com[192.0.2.1]:25, delay=1, delays=0/0/1/0, dsn=5.7.1, status=bounced (y@evil.example"
	const rest = ", relay=mx.evil.example[192.0.2.9]:25, delay=1, delays=0/0/1/0, dsn=2.0.0, status=sent (250 Ok)"
	for line, want := range map[string][]string{
		"to=<" + forged + ">" + rest:                        nil,
		"to=<a@b.example>, orig_to=<" + forged + ">" + rest: nil,
		"from=<x@a.example>, status=expired, returned to sender@b.example>, size=1, nrcpt=1 (queue active)":                                                            nil,
		`to=<"` + forged + `"@evil.example>` + rest:                                                                                                                    {`"` + forged + `"@evil.example`},
		"to=<a@b.example>, orig_to=<" + `"` + forged + `"@evil.example>` + rest:                                                                                        {"a@b.example"},
		"to=<a@b.example>, relay=mx.b.example[192.0.2.9]:25, delay=1, dsn=5.1.1, status=bounced (host said: 550 not here; to=<x@a.example>, relay=trap[192.0.2.1]:25)": {"a@b.example"},
		"to=<a@b.example>" + rest: {"a@b.example"},
	} {
		var res bouncehouse.Result
		bouncehouse.ParseChunk(newParser(t, Auto), logChunk("x", header+line+"\n", 0), &res)
		var got []string
		for i := range res.Events {
			got = append(got, res.Events[i].Recipient)
		}
		if !slices.Equal(got, want) || (len(res.Dead) == 1) != (want == nil) {
			t.Errorf("%s: %q, %d dead letters", line, got, len(res.Dead))
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
			"semicolons":    "NOQUEUE: reject: RCPT from a[203.0.113.1]: 550 5.1.1 x" + strings.Repeat("; from=<a", n/9),
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
