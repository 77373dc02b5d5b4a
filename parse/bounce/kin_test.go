package bounce

import (
	"strings"
	"testing"

	"github.com/bouncehouse/bouncehouse"
	"github.com/bouncehouse/bouncehouse/parse/said"
)

// TestQSBMFParagraph reads what qmail-remote, patches of it, local programs
// and Yahoo write under an address.
func TestQSBMFParagraph(t *testing.T) {
	for _, c := range []struct {
		text, remote, status string
		want                 said.Answer
	}{
		{"Connected to 192.0.2.1 but greeting failed. Remote host said: 421 4.3.2 busy I'm not going to try again; this message has been in the queue too long.",
			"192.0.2.1", "", said.Answer{Stage: bouncehouse.StageConnect, Code: 421, Enhanced: "4.3.2", Text: "busy"}},
		{"Connected to 192.0.2.1 but my name was rejected. Remote host said: 501 5.0.0 Invalid domain name",
			"192.0.2.1", "", said.Answer{Stage: bouncehouse.StageHELO, Code: 501, Enhanced: "5.0.0",
				Text: "Invalid domain name"}},
		{"Connected to 192.0.2.1 but sender was rejected. Remote host said: 553 5.1.8 no such domain",
			"192.0.2.1", "", said.Answer{Stage: bouncehouse.StageMAIL, Code: 553, Enhanced: "5.1.8",
				Text: "no such domain"}},
		{"mx.example.net[192.0.2.1] failed on DATA command. Remote host said: 554 no valid recipients",
			"192.0.2.1", "", said.Answer{Stage: bouncehouse.StageDATA, Code: 554, Text: "no valid recipients"}},
		{"Connected to 192.0.2.1 but connection died. Possible duplicate! (#4.4.2)",
			"192.0.2.1", "4.4.2", said.Answer{Stage: bouncehouse.StageEOD,
				Text: "Connected to 192.0.2.1 but connection died. Possible duplicate! (#4.4.2)"}},
		{"User and password not set, continuing without authentication. <a@example.net> 2001:db8::1 does not like recipient. Remote host said: 550 No such user Giving up on 2001:db8::1.",
			"2001:db8::1", "", said.Answer{Stage: bouncehouse.StageRCPT, Code: 550, Text: "No such user"}},
		{"Sorry. Although I'm listed as a best-preference MX or A for that host, it isn't in my control/locals file, so I don't treat it as local. (#5.4.6)",
			"", "5.4.6", said.Answer{Text: "Sorry. Although I'm listed as a best-preference MX or A for that host, it isn't in my control/locals file, so I don't treat it as local. (#5.4.6)"}},
		{"your relay 192.0.2.9 is not welcome here", "", "",
			said.Answer{Text: "your relay 192.0.2.9 is not welcome here"}},
		{"552: 5.2.2 over quota", "", "", said.Answer{Code: 552, Enhanced: "5.2.2", Text: "over quota"}},
		{"Remote host said: 554 5.7.1 spam [BODY]", "", "", said.Answer{Stage: bouncehouse.StageEOD, Code: 554,
			Enhanced: "5.7.1", Text: "spam"}},
		{"Remote host said: 554 5.7.1 blocked [IP 192.0.2.1]", "", "",
			said.Answer{Code: 554, Enhanced: "5.7.1", Text: "blocked [IP 192.0.2.1]"}},
	} {
		var b block
		b.readQSBMF(c.text)
		got := b.said(b.text, &sentences{}, &transcript{}, true)
		if c.remote != "" {
			if got.IP.String() != c.remote {
				t.Errorf("%s\nremote %v, want %s", c.text, got.IP, c.remote)
			}
		} else if got.IP.IsValid() {
			t.Errorf("%s\nremote %v, want none", c.text, got.IP)
		}
		if b.stage != c.want.Stage || b.status != c.status || got.Code != c.want.Code ||
			got.Enhanced != c.want.Enhanced || got.Text != c.want.Text {
			t.Errorf("%s\ngot  %q %s %d %s %q\nwant %q %s %d %s %q", c.text, b.stage, b.status, got.Code, got.Enhanced,
				got.Text,
				c.want.Stage, c.status, c.want.Code, c.want.Enhanced, c.want.Text)
		}
	}
}

// TestEximListed tells the lines that begin an address in Exim's list from
// the operator's words.
func TestEximListed(t *testing.T) {
	for _, c := range []struct {
		line, name, text string
		ok               bool
	}{
		{"user@example.net", "user@example.net", "", true},
		{"user@example.net:", "user@example.net", "", true},
		{"user@example.net: unknown local-part", "user@example.net", "unknown local-part", true},
		{`"a user"@example.net`, `"a user"@example.net`, "", true},
		{"user@example.net <team@example.net>: Connection refused", "user@example.net", "Connection refused", true},
		{"pipe to |/usr/bin/vacation a@example.net", "pipe to |/usr/bin/vacation a@example.net", "", true},
		{"save to /var/mail/full", "save to /var/mail/full", "", true},
		{"an undisclosed address", "an undisclosed address", "", true},
		{"(generated from team@example.net)", "", "", false},
		{"write to postmaster@example.net for help", "", "", false},
		{"example.net", "", "", false},
		{"@example.net", "", "", false},
	} {
		a, ok := eximListed(c.line)
		if ok != c.ok || ok && (a.name != c.name || a.text != c.text) {
			t.Errorf("%s: got %q, %q, %v", c.line, a.name, a.text, ok)
		}
	}
}

// TestGoogleDetails reads Google's technical details.
func TestGoogleDetails(t *testing.T) {
	for _, c := range []struct {
		text, host, ip string
		want           said.Answer
	}{
		{"PERM_FAILURE: SMTP Error (state 13): 550 5.7.1 Sender refused", "", "invalid IP",
			said.Answer{Stage: bouncehouse.StageMAIL, Code: 550, Enhanced: "5.7.1", Text: "Sender refused"}},
		{"Google tried to deliver your message, but it was rejected by the recipient domain. The error that the other server returned was: 450 450 4.2.2 Mailbox full (state 14).",
			"", "invalid IP", said.Answer{Stage: bouncehouse.StageRCPT, Code: 450, Enhanced: "4.2.2",
				Text: "Mailbox full"}},
		{"Google tried to deliver your message, but it was rejected by the server for the recipient domain example.net by mx.example.net. [2001:db8::1]. The error that the other server returned was: 550 No",
			"mx.example.net", "2001:db8::1", said.Answer{Code: 550, Text: "No"}},
		{"TEMP_FAILURE: Could not initiate SMTP conversation with any hosts: [example.net. (1): Connection timed out]",
			"example.net", "invalid IP", said.Answer{Stage: bouncehouse.StageConnect,
				Text: "Could not initiate SMTP conversation with any hosts: [example.net. (1): Connection timed out]"}},
		{"DNS Error: Domain name not found", "", "invalid IP", said.Answer{Text: "DNS Error: Domain name not found"}},
		{"500 Remote server does not support TLS (state 6)", "", "invalid IP",
			said.Answer{Code: 500, Text: "Remote server does not support TLS"}},
	} {
		var b block
		b.readGoogle(c.text)
		got := b.said(b.text, &sentences{}, &transcript{}, true)
		if got.Host != c.host || got.IP.String() != c.ip || b.stage != c.want.Stage || got.Code != c.want.Code ||
			got.Enhanced != c.want.Enhanced || got.Text != c.want.Text {
			t.Errorf("%s\ngot  %q %s %q %d %s %q", c.text, got.Host, got.IP, b.stage, got.Code, got.Enhanced, got.Text)
		}
	}
}

// TestKinSayNo gives the readers of text-only bounces mails of other kinds,
// among them people's mails that quote a bounce.
func TestKinSayNo(t *testing.T) {
	header := "From: Someone <someone@example.net>\nTo: news@example.com\nSubject: Re: October\n\n"
	for name, mail := range map[string]string{
		"letter": header + "Dear all,\n\nI tried to reach <user@example.net>:\nno luck.\n",
		"quoted qmail": header +
			"What is this?\n\n> Hi. This is the qmail-send program at relay.example.net.\n> I'm afraid\n>\n> <user@example.net>:\n> Sorry, no mailbox here by that name. (#5.1.1)\n",
		"quoted exim": header +
			"I got this:\n\n> This message was created automatically by mail delivery software.\n>\n>   user@example.net\n>     Unrouteable address\n",
		"ezmlm":        "From: cats-help@example.org\nTo: news@example.com\nSubject: confirm\n\nHi! This is the ezmlm program. I'm managing the\ncats@example.org mailing list.\n",
		"fml guide":    "From: cats-admin@example.org\nSubject: Guide (cats ML)\nX-MLServer: fml [fml 4.0.3 release]\n\nThis is the guide of <cats@example.org>.\n",
		"group digest": "From: cats <noreply@googlegroups.com>\nSubject: Digest\n\nGoogle Groups\nhttps://groups.google.com/d/overview\n",
		"mail failure": "From: a@example.net\nSubject: Mail failure - what now\n\nHello, a message that you sent did not come in.\n",
	} {
		m := parseMail(mail)
		for i, read := range []func(*mimePart) ([]report, error){readQSBMF, readActiveHunter, readZoho, readNemesis,
			readGoogle, readExim, readMoan, readX1, readX3, readFML} {
			if reports, err := read(m); len(reports) > 0 || err != nil {
				t.Errorf("%s: reader %d gives %d reports, error %v", name, i, len(reports), err)
			}
		}
	}
}

// TestKinHostile gives the readers texts that make a careless one read the
// whole of it again for each line: minutes, where these take milliseconds.
func TestKinHostile(t *testing.T) {
	fill := func(s string) string { return strings.Repeat(s, 64<<10/len(s)) }
	for _, mail := range map[string]string{
		"hyphens": "X-Failed-Recipients: a@example.net\n\nThis message was created automatically by mail delivery software.\n" + fill("---\n"),
		"pipes":   "X-Failed-Recipients: a@example.net\n\nThis message was created automatically by mail delivery software.\n" + fill("  pipe to |a@b\n"),
		"generated": "\n\nThis message was created automatically by mail delivery software.\n" +
			fill("  pipe to |a@b\n    generated by a@b\n") +
			"The following text was generated during the delivery attempt\n",
		"addresses": "X-Failed-Recipients: " + fill("a@b,") +
			"\n\nThis message was created automatically by mail delivery software.\n" + fill("  a@b\n"),
		"paragraphs": "Subject: failure notice\n\nHi. This is the qmail\n" + fill("<a@b>:\n"),
		"gmail": "\n\nDelivery to the following recipient failed\n" + fill(" a@b\n")[:30<<10] +
			"Technical details of permanent failure:\n" + fill("550 550 "),
		"groups":   "From: mailer-daemon@googlemail.com\nX-Failed-Recipients: a@b\nMessage-ID: <1.GMR@mx.google.com>\n\n" + fill("a\n\n"),
		"brackets": "Subject: failure notice\n\n<a@b>:\nConnected to " + fill("[ "),
		"zoho": "\n\nThis message was created automatically by mail delivery software.\n" +
			fill("a@b.c ERROR_CODE :550, "),
		"x3": "\n\nDelivery to the following recipients was aborted after 1\n" + fill("* a@b\n") + fill("x "),
	} {
		checkDSN(t, mail)
	}
}
