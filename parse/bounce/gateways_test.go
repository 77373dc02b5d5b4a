package bounce

import (
	"strings"
	"testing"
	"time"

	"github.com/bouncehouse/bouncehouse"
	"github.com/bouncehouse/bouncehouse/parse/parsetest"
	"github.com/bouncehouse/bouncehouse/parse/values"
)

// textMail is a mail of one text/plain part.
func textMail(subject, text string) string {
	return "From: postmaster@example.net\nSubject: " + subject + "\nContent-Type: text/plain; charset=utf-8\n\n" + text
}

// TestGatewayTable holds the table to what its reader expects.
func TestGatewayTable(t *testing.T) {
	for _, f := range gatewayTable() {
		if len(f.mark) == 0 || len(f.to) == 0 {
			t.Errorf("%q: no mark, or nothing before the recipient", f.mark)
		}
		for _, words := range [][]string{f.mark, f.to, f.why, {f.from, f.end, f.command, f.expired}} {
			for _, w := range words {
				if w != values.LowerASCII(w) {
					t.Errorf("%q is not in lower case: nothing is like it", w)
				}
			}
		}
	}
}

// TestNoNotices holds that words of reports in the middle of other mails make
// no report of them.
func TestNoNotices(t *testing.T) {
	for name, text := range map[string]string{
		"quoted notice":  "You wrote:\n> Unable to deliver message to: <user@example.com>\n> Delivery failed for the following reason:\n> Server mx.example.com[192.0.2.1] failed with: 550 no\n",
		"a code in text": "See #550 5.1.1 in the manual, or ask user@example.com.\nRemote Server returned '550 5.1.1 User unknown' is its title.\n",
		"a heading":      "user@example.com\n\n\n##\n#SMTP#\nreturned '\n",
		"an old entry":   "user@example.com on 11/2/2026 10:00 AM\n   wrote: see <https://example.com/issues #5>\n",
		"an address":     "Unknown user: user@example.com\nwas the answer\n",
		"a failure":      "------- Failure Reasons  --------\n\nNobody has been named here.\n",
		"an error":       "user@example.com tells of this.\nReported error: 550 5.1.1 User unknown, it says\n",
		"a host":         "user@example.com\nmx.example.com\nMeet there #550.\n",
	} {
		if res, out := parseDSN(t, dsnOptions, textMail("Minutes", text)); len(res.Events) > 0 {
			t.Errorf("%s: got %s", name, out)
		}
	}
}

// TestHashed reads the mark of Exchange.
func TestHashed(t *testing.T) {
	for in, want := range map[string][2]string{
		"<mail.example.net #5.1.1>":                                        {"5.1.1", ""},
		"Words before. <mail.example.net #5.5.0 smtp;554 5.7.1 <a@b>: no>": {"5.5.0", "554 5.7.1 <a@b>: no"},
		"< #4.4.7 smtp; 400 4.4.7 expired":                                 {"4.4.7", "400 4.4.7 expired"},
		"<[192.0.2.1] #5.0.0 smtp; 5.1.0 - Unknown>":                       {"5.0.0", "5.1.0 - Unknown"},
		"<mail.example.net #5.1.1 X-Notes; words>":                         {"5.1.1", ""},
		"<user@example.com #5.1.1>":                                        {},
		"<no host #5.1.1>":                                                 {},
		"< #1>":                                                            {},
		"#5.1.1 <x>":                                                       {},
	} {
		status, reply, _, ok := hashed(in)
		if status != want[0] || reply != want[1] || ok != (want[0] != "") {
			t.Errorf("%q: got %q %q %v", in, status, reply, ok)
		}
	}
}

func TestAddressIn(t *testing.T) {
	for in, want := range map[string]string{
		"to <user@example.com>: no": "user@example.com",
		"'user@example.com', more":  "user@example.com",
		"at @ nobody, a@b.":         "a@b",
		"@":                         "",
		"user@":                     "",
		"@example.com":              "",
		"none":                      "",
	} {
		if got := addressIn(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

// TestDominoReply finds the reply in Domino's words of any language.
func TestDominoReply(t *testing.T) {
	for in, want := range map[string][2]string{
		"Error transferring to mx.example.com; SMTP Protocol Returned a Permanent Error 550 5.1.1 unknown":                      {"mx.example.com", "550 5.1.1 unknown"},
		"Error transferring to mx.example.com; Maximum hop count exceeded.":                                                     {"mx.example.com", ""},
		"SMTP Protocol Returned a Transient Error 452-4.2.2 full":                                                               {"", "452-4.2.2 full"},
		"Fehler bei der \u00dcbertragung an mx.example.com; SMTP-Protokoll hat einen permanenten Fehler gemeldet 554 abgelehnt": {"mx.example.com", "554 abgelehnt"},
		"User klara (klara@example.net) not listed in Domino Directory":                                                         {"", ""},
		"SMTP 4": {"", ""},
	} {
		if host, reply := dominoReply(in); host != want[0] || reply != want[1] {
			t.Errorf("%q: got %q %q", in, host, reply)
		}
	}
}

// TestHostileNotices holds the readers to linear time on texts of 256 KB.
func TestHostileNotices(t *testing.T) {
	const size = 256 << 10
	fill := func(head, s string) string { return head + strings.Repeat(s, size/len(s)) }
	for name, mail := range map[string]string{
		"marks":            textMail("x", fill("a@b.example on 1:00 AM 10:00\n MSEXCH:\n", " <a #5.1.1")),
		"marks on lines":   textMail("x", fill("a@b.example on 10:00\n", " <a #5.1.1\n")),
		"hashes":           textMail("x", fill("MSEXCH:\n 10:00\n", " #5.1.1 # #\n")),
		"entries":          textMail("x", fill("", "a@b.example at 10:00\nMSEXCH: ) 550 x\n")),
		"diagnostics":      textMail("x", fill("", "a@b.example\n#550 5.1.1 x ##\n")),
		"open diagnostics": textMail("x", fill(" ##\n", "a@b.example\n#550 5.1.1 x\n")),
		"quotes":           textMail("x", fill("returned '\n", "'550 5.1.1 ")),
		"notices": textMail("x", fill("Delivery failed for the following reason:\n",
			"Unable to deliver message to: <a@b.example> \n")),
		"lists": textMail("x", fill("The message that you sent was undeliverable to the following:\n",
			"a@b.example (x)\n")),
		"details": textMail("x", fill("failed to deliver to 'a@b.example' module(",
			"failed to deliver to '")),
		"Domino":           textMail("DELIVERY FAILURE: x", fill("x:\n", "  a@b.example\nx:\n")),
		"Domino, one list": textMail("DELIVERY FAILURE: x", fill("x:\n", "  a@b.example\n")),
		"Notes":            textMail("x", fill("------- Failure Reasons  --------\n", "why\na@b.example\n")),
		"IMail":            textMail("x", fill("", "Unknown user: a@b.example\nx generated response:\n550 x\n\n")),
		"IMail, one response": textMail("x", fill("undeliverable to a@b.example\ngenerated response:\n",
			"generated response:\n")),
		"InterMail":    textMail("Mail System Error", fill("", "<a@b.example>\nReason: 550 x\n<<< 550\n")),
		"SMTP service": textMail("x", fill("x\n\nDelivery to the following recipients failed.\n\n", "  a@b.example\n")),
		"addresses": textMail("x", fill("this report relates to your message",
			"your message was not delivered to @")),
	} {
		t.Run(name, func(t *testing.T) {
			var res bouncehouse.Result
			if d := parsetest.CostOf(t, func() { res, _ = parseDSN(t, dsnOptions, mail) }).CPU; d > 5*time.Second {
				t.Errorf("took %v", d)
			} else {
				t.Logf("%v, %d events, %d dead", d.Round(time.Microsecond), len(res.Events), len(res.Dead))
			}
		})
	}
}

// TestLongStyle reads a report that stands behind more style than text is
// read.
func TestLongStyle(t *testing.T) {
	style := "<style type=\"text/css\">\n" +
		strings.Repeat("p.x { font-family: Segoe UI; } @media screen { a: b@c; }\n", 2000) + "</style>"
	mail := "From: postmaster@example.onmicrosoft.com\nSubject: Undeliverable: Minutes\nX-MS-Exchange-Message-Is-Ndr:\nContent-Type: text/html; charset=utf-8\n\n" +
		"<html><head>" + style +
		"</head><body><p>Your message to <a href=\"mailto:klara@example.net\">klara@example.net</a> couldn't be delivered.</p>" +
		"<table><tr><td>Status code:</td><td>550 5.7.133</td></tr>" +
		"<tr><td>Reported error:</td>\n<td><em>550 5.7.133 RESOLVER.RST.SenderNotAuthenticatedForGroup; authentication required</em></td></tr>" +
		"<tr><td>DSN generated by:</td>\n<td>MWXYZ.prod.outlook.com</td></tr><tr><td>Remote server:</td>\n<td>mx.example.net</td></tr></table></body></html>\n"
	res, out := parseDSN(t, dsnOptions, mail)
	if len(res.Events) != 1 {
		t.Fatalf("got %s", out)
	}
	e := &res.Events[0]
	if e.Recipient != "klara@example.net" || e.ReplyCode != 550 || e.EnhancedCode != "5.7.133" ||
		e.RemoteHost != "mx.example.net" ||
		e.ReplyText != "RESOLVER.RST.SenderNotAuthenticatedForGroup; authentication required" {
		t.Errorf("got %s", out)
	}
}
