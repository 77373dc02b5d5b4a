package parse

import (
	"net/netip"
	"testing"

	"github.com/bouncehouse/bouncehouse"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestReadDiagnostic(t *testing.T) {
	ip := netip.MustParseAddr
	for in, want := range map[string]said{
		"smtp; 550 5.1.1 <a@example.net>: User unknown":                         {code: 550, enhanced: "5.1.1", text: "<a@example.net>: User unknown"},
		"550 5.1.1 no type":                                                     {code: 550, enhanced: "5.1.1", text: "no type"},
		"smtp;smtp;550 twice":                                                   {code: 550, text: "twice"},
		"X-PowerMTA; smtp;421 4.3.2 busy":                                       {code: 421, enhanced: "4.3.2", text: "busy"},
		"smtp; 550-5.7.1 one 550 5.7.1 two":                                     {code: 550, enhanced: "5.7.1", text: "one two"},
		"smtp; 553 sorry (#5.7.1)":                                              {code: 553, enhanced: "5.7.1", text: "sorry (#5.7.1)"},
		"smtp; 501 not accepted: 5.7.1 no relay":                                {code: 501, enhanced: "5.7.1", text: "not accepted: 5.7.1 no relay"},
		"smtp; 450 not its class: 5.7.1 no relay":                               {code: 450, text: "not its class: 5.7.1 no relay"},
		"550 no type; and more":                                                 {code: 550, text: "no type; and more"},
		"smtp; timeout; try later":                                              {text: "timeout; try later"},
		"x-unix; 255":                                                           {text: "255"},
		"X-Postfix; unknown user: \"a\"":                                        {text: "unknown user: \"a\""},
		"smtp; 5.1.0 - Unknown address error 550-'5.1.1 gone'":                  {code: 550, enhanced: "5.1.1", text: "gone"},
		"smtp; 5.1.0 - Unknown address error 550-'gone' (delivery attempts: 3)": {code: 550, enhanced: "5.1.0", text: "gone"},
		"X-Postfix; host mx.example.net[192.0.2.1] said: 450 4.2.0 later (in reply to end of DATA command)": {
			host: "mx.example.net", ip: ip("192.0.2.1"), stage: bouncehouse.StageEOD, code: 450, enhanced: "4.2.0", text: "later"},
		"X-Postfix; connect to mx.example.net[2001:db8::1]:25: Connection refused": {
			host: "mx.example.net", ip: ip("2001:db8::1"), stage: bouncehouse.StageConnect, text: "connect to mx.example.net[2001:db8::1]:25: Connection refused"},
		"X-Postfix; lost connection with mx.example.net[192.0.2.1] while sending MAIL FROM": {
			host: "mx.example.net", ip: ip("192.0.2.1"), stage: bouncehouse.StageMAIL, text: "lost connection with mx.example.net[192.0.2.1] while sending MAIL FROM"},
		"smtp; SMTP error from remote mail server after RCPT TO:<a@example.net>: host mx.example.net [192.0.2.1]: 550 no": {
			host: "mx.example.net", ip: ip("192.0.2.1"), stage: bouncehouse.StageRCPT, code: 550, text: "no"},
		"smtp; <mx.example.net #5.5.0 smtp;554 5.5.4 no transaction>": {code: 554, enhanced: "5.5.4", text: "no transaction"},
		"smtp; 451 4.4.0 Primary target responded with: \"421 4.4.1 timed out\"": {
			code: 451, enhanced: "4.4.0", text: "Primary target responded with: \"421 4.4.1 timed out\""},
		"smtp; The server did not answer. [mx.example.net 192.0.2.1: timed out]": {
			host: "mx.example.net", ip: ip("192.0.2.1"), text: "The server did not answer. [mx.example.net 192.0.2.1: timed out]"},
		// The host in a reply is not the one that answered.
		"smtp; 554 5.7.1 Your host mail.example.com[203.0.113.25] is listed": {
			code: 554, enhanced: "5.7.1", text: "Your host mail.example.com[203.0.113.25] is listed"},
	} {
		got := readDiagnostic(in)
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(said{}), cmpopts.EquateComparable(netip.Addr{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", in, diff)
		}
	}
}

func TestParagraph(t *testing.T) {
	const human = `To: a@example.net
Subject: about b@example.net

<a@example.net>: host mx.example.net[192.0.2.1] said: 550 no
    (in reply to RCPT TO command)

<b@example.net> (expanded from <list@example.net>): unknown user: "b"

  c@example.net
    (generated from team@example.net)
    host mx.example.net [192.0.2.2]
    550 c is gone
  d@example.net
    retry timeout exceeded

e@example.net<mailto:e@example.net>
Remote Server at example.net (192.0.2.3) returned '550 5.1.1 can't find e; gone' more

550 5.1.2 <f@example.net>... Host unknown
`
	for address, want := range map[string]string{
		"a@example.net":       `host mx.example.net[192.0.2.1] said: 550 no (in reply to RCPT TO command)`,
		"A@EXAMPLE.NET":       `host mx.example.net[192.0.2.1] said: 550 no (in reply to RCPT TO command)`,
		"b@example.net":       `unknown user: "b"`,
		"c@example.net":       `host mx.example.net [192.0.2.2] 550 c is gone`,
		"d@example.net":       `retry timeout exceeded`,
		"f@example.net":       `Host unknown`,
		"nobody@example.net":  ``,
		"":                    ``,
		"x@example.net-other": ``,
	} {
		for _, recipients := range []int{1, fewRecipients + 1} {
			if got := paragraph(human, newPlaces(lowerASCII(human), recipients, newWork(len(human)), &last[said]{}), address); got != want {
				t.Errorf("%s of %d: got %q, want %q", address, recipients, got, want)
			}
		}
	}
	got := readSentence(paragraph(human, newPlaces(lowerASCII(human), 1, newWork(len(human)), &last[said]{}), "e@example.net"))
	want := said{host: "example.net", ip: netip.MustParseAddr("192.0.2.3"), code: 550, enhanced: "5.1.1", text: "can't find e; gone"}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(said{}), cmpopts.EquateComparable(netip.Addr{})); diff != "" {
		t.Errorf("Exchange (-want +got):\n%s", diff)
	}
}

func TestAddress(t *testing.T) {
	for in, want := range map[string]string{
		"rfc822; a@example.net":                             "a@example.net",
		"RFC822;<a@example.net>":                            "a@example.net",
		"<a@example.net>":                                   "a@example.net",
		"rfc822; @relay.example.net:a@example.net":          "a@example.net",
		"rfc822; \"a b\"@example.net":                       "\"a b\"@example.net",
		"rfc822; a+2Btag+3Dx@example.net":                   "a+tag=x@example.net",
		"rfc822; user+20@example.net":                       "user+20@example.net",
		"rfc822;|/usr/bin/x a@example.net":                  "a@example.net",
		"rfc822; a@example.net (A. Person)":                 "a@example.net",
		"rfc822; \"A. Person\" <a@example.net>":             "a@example.net",
		"x-unix; |/bin/false":                               "|/bin/false",
		"utf-8; \\x{738B}@example.net":                      "王@example.net",
		"utf-8; \\x{}\\x{ZZ}\\x{110000000}\\x{41@x.example": "\\x{}\\x{ZZ}\\x{110000000}\\x{41@x.example",
		"local-user": "local-user",
		"":           "",
	} {
		if got := typed(in).address(); got != want {
			t.Errorf("%s: got %q, want %q", in, got, want)
		}
	}
}

func TestRemoteMTA(t *testing.T) {
	for in, want := range map[string][2]string{
		"dns; mx.example.net": {"mx.example.net", ""},
		"DNS;MX.example.net.": {"MX.example.net", ""},
		"dns; mx.example.net. (192.0.2.1, the server for the domain example.net.)": {"mx.example.net", "192.0.2.1"},
		"dns;mx.example.net (192.0.2.1)":                                           {"mx.example.net", "192.0.2.1"},
		"dns;mx.example.net (TCP|203.0.113.1|47323|192.0.2.1|25) (mx ESMTP)":       {"mx.example.net", "192.0.2.1"},
		"dns; [192.0.2.1]":        {"", "192.0.2.1"},
		"192.0.2.1":               {"", "192.0.2.1"},
		"dns; [IPv6:2001:db8::1]": {"", "2001:db8::1"},
		"dns; ":                   {"", ""},
		"":                        {"", ""},
	} {
		host, ip := remoteMTA(in)
		got := [2]string{host, ""}
		if ip.IsValid() {
			got[1] = ip.String()
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", in, got, want)
		}
	}
}

func TestParseDate(t *testing.T) {
	for in, want := range map[string]string{
		"Mon, 2 Nov 2026 09:00:05 +0000 (UTC)": "2026-11-02T09:00:05Z",
		"Mon,2 Nov 2026 10:00:05 +0100":        "2026-11-02T09:00:05Z",
		"Mon, 02 Nov 26 09:00:05 UTC":          "2026-11-02T09:00:05Z",
		"Mon, 2 Nov 2026 09:00:05":             "2026-11-02T09:00:05Z",
		"2026-11-02 09-00-05":                  "2026-11-02T09:00:05Z",
		"02-11-2026 09:00":                     "2026-11-02T09:00:00Z",
		"Mon Nov  2 09:00:05 2026":             "2026-11-02T09:00:05Z",
		"Mon, 2 Nov 2026 17:00:05 +0800 (CST)": "2026-11-02T09:00:05Z",
		"yesterday":                            "0001-01-01T00:00:00Z",
		"":                                     "0001-01-01T00:00:00Z",
	} {
		if got := parseDate(in).UTC().Format("2006-01-02T15:04:05Z"); got != want {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
}

func TestSniffDSN(t *testing.T) {
	for in, want := range map[string]bool{
		"Return-Path: <>\nReceived: by mx\n":                                  true,
		"From a@example.net Mon Nov  2 09:00:00 2026\nDate: x\nSubject: y":    true,
		"\r\nReceived: from a\r\n\tby b":                                      true,
		"Nov  2 09:00:00 mx1 postfix/smtp[1]: 4dXk: to=<a@example.net>":       false,
		"From: a@example.net":                                                 false, // one line may be of any log
		"2026-11-02 09:00:00 1t7abc-0001XY-2Z => a@example.net\nSubject: x\n": false,
		"": false,
	} {
		if got := sniffDSN(in); got != want {
			t.Errorf("%q: got %v", in, got)
		}
	}
}
