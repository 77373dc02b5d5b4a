package bounce

import (
	"net/netip"
	"testing"

	"github.com/bouncehouse/bouncehouse"
	"github.com/bouncehouse/bouncehouse/parse/said"
	"github.com/bouncehouse/bouncehouse/parse/values"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestReadDiagnostic(t *testing.T) {
	ip := netip.MustParseAddr
	for in, want := range map[string]said.Answer{
		"smtp; 550 5.1.1 <a@example.net>: User unknown": {Code: 550, Enhanced: "5.1.1",
			Text: "<a@example.net>: User unknown"},
		"550 5.1.1 no type":                 {Code: 550, Enhanced: "5.1.1", Text: "no type"},
		"smtp;smtp;550 twice":               {Code: 550, Text: "twice"},
		"X-PowerMTA; smtp;421 4.3.2 busy":   {Code: 421, Enhanced: "4.3.2", Text: "busy"},
		"smtp; 550-5.7.1 one 550 5.7.1 two": {Code: 550, Enhanced: "5.7.1", Text: "one two"},
		"smtp; 553 sorry (#5.7.1)":          {Code: 553, Enhanced: "5.7.1", Text: "sorry (#5.7.1)"},
		"smtp; 501 not accepted: 5.7.1 no relay": {Code: 501, Enhanced: "5.7.1",
			Text: "not accepted: 5.7.1 no relay"},
		"smtp; 450 not its class: 5.7.1 no relay": {Code: 450,
			Text: "not its class: 5.7.1 no relay"},
		"550 no type; and more":                                {Code: 550, Text: "no type; and more"},
		"smtp; timeout; try later":                             {Text: "timeout; try later"},
		"x-unix; 255":                                          {Text: "255"},
		"X-Postfix; unknown user: \"a\"":                       {Text: "unknown user: \"a\""},
		"smtp; 5.1.0 - Unknown address error 550-'5.1.1 gone'": {Code: 550, Enhanced: "5.1.1", Text: "gone"},
		"smtp; 5.1.0 - Unknown address error 550-'gone' (delivery attempts: 3)": {Code: 550, Enhanced: "5.1.0",
			Text: "gone"},
		"X-Postfix; host mx.example.net[192.0.2.1] said: 450 4.2.0 later (in reply to end of DATA command)": {
			Host: "mx.example.net", IP: ip("192.0.2.1"), Stage: bouncehouse.StageEOD, Code: 450, Enhanced: "4.2.0",
			Text: "later"},
		"X-Postfix; connect to mx.example.net[2001:db8::1]:25: Connection refused": {
			Host: "mx.example.net", IP: ip("2001:db8::1"), Stage: bouncehouse.StageConnect,
			Text: "connect to mx.example.net[2001:db8::1]:25: Connection refused"},
		"X-Postfix; lost connection with mx.example.net[192.0.2.1] while sending MAIL FROM": {
			Host: "mx.example.net", IP: ip("192.0.2.1"), Stage: bouncehouse.StageMAIL,
			Text: "lost connection with mx.example.net[192.0.2.1] while sending MAIL FROM"},
		"smtp; SMTP error from remote mail server after RCPT TO:<a@example.net>: host mx.example.net [192.0.2.1]: 550 no": {
			Host: "mx.example.net", IP: ip("192.0.2.1"), Stage: bouncehouse.StageRCPT, Code: 550, Text: "no"},
		"smtp; <mx.example.net #5.5.0 smtp;554 5.5.4 no transaction>": {Code: 554, Enhanced: "5.5.4",
			Text: "no transaction"},
		"smtp; 451 4.4.0 Primary target responded with: \"421 4.4.1 timed out\"": {
			Code: 451, Enhanced: "4.4.0", Text: "Primary target responded with: \"421 4.4.1 timed out\""},
		"smtp; The server did not answer. [mx.example.net 192.0.2.1: timed out]": {
			Host: "mx.example.net", IP: ip("192.0.2.1"),
			Text: "The server did not answer. [mx.example.net 192.0.2.1: timed out]"},
		// The host in a reply is not the one that answered.
		"smtp; 554 5.7.1 Your host mail.example.com[203.0.113.25] is listed": {
			Code: 554, Enhanced: "5.7.1", Text: "Your host mail.example.com[203.0.113.25] is listed"},
	} {
		got := readDiagnostic(in)
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(said.Answer{}),
			cmpopts.EquateComparable(netip.Addr{})); diff != "" {
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
			if got := paragraph(human, newPlaces(values.LowerASCII(human), recipients, newWork(len(human)),
				&last[said.Answer]{}), address); got != want {
				t.Errorf("%s of %d: got %q, want %q", address, recipients, got, want)
			}
		}
	}
	got := said.Read(paragraph(human, newPlaces(values.LowerASCII(human), 1, newWork(len(human)), &last[said.Answer]{}),
		"e@example.net"))
	want := said.Answer{Host: "example.net", IP: netip.MustParseAddr("192.0.2.3"), Code: 550, Enhanced: "5.1.1",
		Text: "can't find e; gone"}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(said.Answer{}),
		cmpopts.EquateComparable(netip.Addr{})); diff != "" {
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
		if got := values.Date(in).UTC().Format("2006-01-02T15:04:05Z"); got != want {
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
		if got := Sniff(in); got != want {
			t.Errorf("%q: got %v", in, got)
		}
	}
}
