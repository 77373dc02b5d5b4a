package bounce

import (
	"crypto/hmac"
	"crypto/sha1"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/bouncehouse/bouncehouse"
)

// The topmost fields are our servers', all below the first client's is forged.
const (
	fromOutside = "Received: from mx1.example.com (out.example.net [198.51.100.7])\n\tby mx1.example.com (Postfix) with ESMTP id IN; date\n"
	madePostfix = "Received: by mx1.example.com (Postfix)\n\tid DSN; date\n"
	madeQmail   = "Received: (qmail 24490 invoked for bounce); date\n"
	madeSend    = "Received: from localhost (localhost)\n\tby mx1.example.com (8.18.1/8.18.1) id 6A29; date\n"
	fromFilter  = "Received: from localhost (localhost [127.0.0.1])\n\tby mx1.example.com (Postfix) with ESMTP id BACK; date\n"
	toFilter    = "Received: from mx1.example.com ([127.0.0.1])\n\tby localhost (mx1.example.com [127.0.0.1]) (amavis, port 10024)\n\twith ESMTP id 4jX1; date\n"
	madeExim    = "Received: from Debian-exim by mx1.example.com with local (Exim 4.98)\n\tid 1vFoo-000; date\n"
)

func TestWay(t *testing.T) {
	o := newOurs(Options{Hosts: []string{"mx1.example.com"}, Egress: []netip.Addr{netip.MustParseAddr("203.0.113.25")}})
	for name, test := range map[string]struct {
		received string
		want     way
	}{
		"none":                                {"", way{}},
		"made by Postfix":                     {madePostfix, way{local: true}},
		"made by qmail":                       {madeQmail, way{local: true}},
		"made by Sendmail":                    {madeSend, way{local: true}},
		"made by Exim":                        {madeExim, way{local: true}},
		"made, forwarded by an alias":         {madePostfix + madePostfix, way{local: true}},
		"made, then LMTP":                     {"Received: from mx1.example.com\n\tby mx1.example.com with LMTP\n\tid x; date\n" + madePostfix, way{local: true}},
		"made, from another of our addresses": {"Received: from x ([203.0.113.25]) by store.example.com (8.18.1/8.18.1) with ESMTP id 1; date\n" + madePostfix, way{local: true}},
		"made, from another of our names":     {"Received: from x (mx1.example.com [198.51.100.9]) by store.example.com (Postfix) with ESMTP id 1; date\n" + madePostfix, way{local: true}},

		"forged below": {fromOutside + madePostfix, way{client: "out.example.net[198.51.100.7]"}},
		"forged below an alias": {madePostfix + fromOutside + madePostfix,
			way{client: "out.example.net[198.51.100.7]"}},
		"forged below qmail":            {"Received: (qmail 7 invoked from network); date\nReceived: from unknown (HELO mx1.example.com) (198.51.100.7)\n  by 0 with SMTP; date\n" + madeQmail, way{client: "unknown[198.51.100.7]"}},
		"forged below Exim":             {"Received: from [198.51.100.7] (helo=mx1.example.com)\n\tby mx1.example.com with esmtp (Exim 4.98)\n\tid 1; date\n" + madeExim, way{client: "unknown[198.51.100.7]"}},
		"forged below LMTP":             {"Received: from mx1.example.com\n\tby mx1.example.com with LMTP\n\tid x; date\n" + fromOutside + madeSend, way{client: "out.example.net[198.51.100.7]"}},
		"our name as HELO":              {"Received: from mx1.example.com ([198.51.100.7]) by mx1.example.com (8.18.1/8.18.1) with ESMTP id 1; date\n" + madeSend, way{client: "unknown[198.51.100.7]"}},
		"our name as HELO, our address": {"Received: from mx1.example.com (203.0.113.25 [198.51.100.7]) by mx1.example.com (Postfix) with ESMTP id 1; date\n" + madePostfix, way{client: "203.0.113.25[198.51.100.7]"}},
		"our address in the HELO":       {"Received: from x [203.0.113.25] (out.example.net [198.51.100.7]) by mx1.example.com (Postfix) with SMTP id 1; date\n" + madePostfix, way{client: "unknown[198.51.100.7]"}},
		"a whole field in the HELO":     {"Received: from x ([203.0.113.25]) by y (out.example.net [198.51.100.7]) by mx1.example.com with SMTP id 1; date\n" + madePostfix, way{}},
		"LMTP in the HELO":              {"Received: from x by y with LMTP (out.example.net [198.51.100.7]) by mx1.example.com (Postfix) with SMTP id 1; date\n" + madePostfix, way{}},
		"a made one in the HELO":        {"Received: from localhost (localhost) by y (8) id 1 (out.example.net [198.51.100.7]) by mx1.example.com with SMTP id 1; date\n", way{}},
		"our name, may be forged":       {"Received: from x (mx1.example.com [198.51.100.7] (may be forged)) by mx1.example.com (8.18.1/8.18.1) with ESMTP id 1; date\n" + madeSend, way{client: "unknown[198.51.100.7]"}},
		"a HELO like a made one":        {"Received: from localhost (localhost [198.51.100.7]) by mx1.example.com (8.18.1/8.18.1) with ESMTP id 1; date\n", way{client: "localhost[198.51.100.7]"}},
		"a local user": {"Received: by mx1.example.com (Postfix, from userid 1000)\n\tid 1; date\n" +
			madePostfix, way{}},
		"a local user of Exim": {"Received: from alice by mx1.example.com with local (Exim 4.98)\n\tid 1; date\n" +
			madeExim, way{}},
		"a local user of Sendmail": {"Received: (from alice@localhost)\n\tby mx1.example.com (8.18.1/8.18.1/Submit) id 1; date\n" + madeSend, way{}},
		"a local user of qmail":    {"Received: (qmail 7 invoked by uid 1000); date\n" + madeQmail, way{}},
		"nonsense on top":          {"Received: x\n" + madePostfix, way{}},

		"our name, made up":             {"Received: from x (mx1.example.com [198.51.100.7]) by mx1.example.com (OpenSMTPD) with ESMTP id 1; date\n" + madePostfix, way{client: "unknown[198.51.100.7]"}},
		"a name that nobody confirms":   {"Received: from x (mx.google.com [198.51.100.7]) by mx1.example.com (Haraka/3.0.3) with ESMTP id 1; date\n", way{client: "unknown[198.51.100.7]"}},
		"as Courier writes it":          {"Received: from x (mx.google.com [::ffff:198.51.100.7]) by mx1.example.com with ESMTP id 1; date\n", way{client: "unknown[198.51.100.7]"}},
		"as Gmail writes it":            {"Received: from x (mx.google.com. [198.51.100.7]) by mx.google.com with ESMTPS id 1; date\n", way{client: "unknown[198.51.100.7]"}},
		"qmail under tcpserver":         {"Received: from mx.google.com (HELO x) (198.51.100.7)\n  by 0 with SMTP; date\n", way{client: "unknown[198.51.100.7]"}},
		"unknown to Postfix":            {"Received: from mx.google.com (unknown [198.51.100.7]) by mx1.example.com (Postfix) with ESMTP id 1; date\n", way{client: "unknown[198.51.100.7]"}},
		"Sendmail confirmed it":         {"Received: from x (out.example.net [198.51.100.7]) by mx1.example.com (8.15.2/8.15.2/Debian-22) with ESMTPS id 1; date\n", way{client: "out.example.net[198.51.100.7]"}},
		"identd told Sendmail":          {"Received: from x (mx.google.com z@out.example.net [198.51.100.7]) by mx1.example.com (8.18.1/8.18.1) with ESMTP id 1; date\n", way{client: "unknown[198.51.100.7]"}},
		"Exim's words in the recipient": {"Received: from mx.google.com (unknown [198.51.100.7]) by mx1.example.com (OpenSMTPD) with ESMTP id 1 for <\"with (Exim 4)\"@example.com>; date\n", way{client: "unknown[198.51.100.7]"}},
		"Postfix's words in the HELO":   {"Received: from x (mx.google.com [198.51.100.7]) by y (Postfix) with z (unknown [198.51.100.7]) by mx1.example.com (OpenSMTPD) with SMTP id 1; date\n", way{}},
		"TLS, told by Postfix":          {"Received: from x (out.example.net [198.51.100.7])\n\t(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits)\n\t key-exchange X25519)\n\t(No client certificate requested)\n\tby mx1.example.com (Postfix) with ESMTPS id 1; date\n", way{client: "out.example.net[198.51.100.7]"}},
		"a name in its certificate":     {"Received: from x (out.example.net [198.51.100.7])\n\t(Client CN \"(mx.google.com [198.51.100.7])\", Issuer \"y\" (not verified))\n\tby mx1.example.com (Postfix) with ESMTPS id 1; date\n", way{client: "unknown[198.51.100.7]"}},
		"an address as HELO":            {"Received: from [198.51.100.7] (out.example.net [198.51.100.7]) by mx1.example.com (Postfix) with ESMTP id 1; date\n", way{client: "out.example.net[198.51.100.7]"}},
		"our address as HELO":           {"Received: from [203.0.113.25] (out.example.net [198.51.100.7]) by mx1.example.com (Postfix) with ESMTP id 1; date\n" + madePostfix, way{client: "out.example.net[198.51.100.7]"}},

		"through a filter": {fromFilter + toFilter + fromOutside + madePostfix,
			way{client: "out.example.net[198.51.100.7]"}},
		"through a filter that adds no field": {fromFilter + fromOutside + madePostfix,
			way{client: "out.example.net[198.51.100.7]"}},
		"through a filter, IPv6": {"Received: from localhost (localhost [IPv6:::1]) by mx1.example.com (Postfix) with ESMTP id 1; date\n" + fromOutside, way{client: "out.example.net[198.51.100.7]"}},
		"through Exim's filter":  {"Received: from localhost ([127.0.0.1] helo=x)\n\tby mx1.example.com with esmtp (Exim 4.98)\n\tid 1; date\n" + toFilter + fromOutside, way{client: "out.example.net[198.51.100.7]"}},
		"through a filter, from our address": {fromFilter + toFilter +
			"Received: from x ([203.0.113.25]) by mx1.example.com (Postfix) with ESMTP id 1; date\n" + fromOutside,
			way{client: "out.example.net[198.51.100.7]"}},
		"a filter forged below": {fromOutside + fromFilter + toFilter + madePostfix,
			way{client: "out.example.net[198.51.100.7]"}},
		"a filter forged below one": {fromFilter + toFilter + fromOutside + fromFilter + madePostfix,
			way{client: "out.example.net[198.51.100.7]"}},
		"loopback, and a made one": {fromFilter + toFilter + madePostfix,
			way{client: "localhost[127.0.0.1]"}},
		"loopback, LMTP, and a made one": {fromFilter + "Received: from x\n\tby y with LMTP\n\tid x; date\n" +
			madePostfix, way{client: "localhost[127.0.0.1]"}},
		"loopback, and a local user": {fromFilter +
			"Received: by mx1.example.com (Postfix, from userid 1000)\n\tid 1; date\n",
			way{client: "localhost[127.0.0.1]"}},
		"loopback, and no address": {fromFilter + "Received: from x by y with SMTP; date\n",
			way{client: "localhost[127.0.0.1]"}},
		"loopback alone":                {fromFilter, way{client: "localhost[127.0.0.1]"}},
		"loopback in the HELO":          {"Received: from x ([127.0.0.1]) by y (out.example.net [198.51.100.7]) by mx1.example.com (Postfix) with SMTP id 1; date\n" + madePostfix, way{}},
		"loopback as HELO":              {"Received: from [127.0.0.1] (out.example.net [198.51.100.7]) by mx1.example.com (Postfix) with ESMTP id 1; date\n" + fromFilter, way{client: "out.example.net[198.51.100.7]"}},
		"loopback in an Exim's HELO":    {"Received: from [127.0.0.1] by y with z (Exim 4) (out.example.net [198.51.100.7]) by mx1.example.com (Postfix) with SMTP id 1; date\nReceived: from x (mx.google.com [192.0.2.9]) by y (Postfix) with SMTP id 1; date\n", way{}},
		"our address in an Exim's HELO": {"Received: from [203.0.113.25] by y with z (Exim 4) (out.example.net [198.51.100.7]) by mx1.example.com (Postfix) with SMTP id 1; date\n" + madePostfix, way{}},
		"our address in a HELO without an end": {"Received: from x ([203.0.113.25]) by y with z" +
			strings.Repeat("z", maxHop) +
			" (out.example.net [198.51.100.7]) by mx1.example.com (Postfix) with SMTP id 1; date\n" +
			madePostfix, way{}},
		"LMTP in a HELO without an end": {"Received: from x by y with LMTP" + strings.Repeat("z", maxHop) +
			" (out.example.net [198.51.100.7]) by mx1.example.com (Postfix) with SMTP id 1; date\n" +
			madePostfix, way{}},
		"LMTP in PowerMTA's sender":      {"Received: from x (198.51.100.7) by mx1.example.com (PowerMTA(TM) v3.5r16) id 1 for <a@example.com>; date (envelope-from <\"x) with LMTP\"@evil.example>)\n" + madePostfix, way{client: "unknown[198.51.100.7]"}},
		"made here in PowerMTA's sender": {"Received: from localhost (localhost) by mx1.example.com (PowerMTA(TM) v3.5r16); date (envelope-from <\"x) id 1\"@evil.example>)\n" + madePostfix, way{}},
		"LMTP in Exchange's HELO":        {"Received: from x by y with LMTP (198.51.100.7) by EX1.example.com (10.0.0.1) with Microsoft SMTP Server; date\n" + madePostfix, way{}},

		"Exim looked the name up":   {"Received: from out.example.net ([198.51.100.7] helo=x.example)\n\tby mx1.example.com with esmtps (TLS1.3) (Exim 4.98)\n\tid 1; date\n", way{client: "out.example.net[198.51.100.7]"}},
		"Exchange sees the address": {"Received: from out.example.net (198.51.100.7) by EX1.example.com (10.0.0.1) with Microsoft SMTP Server; date\n", way{client: "unknown[198.51.100.7]"}},
		"IPv6":                      {"Received: from x (out.example.net [IPv6:2001:db8::7]) by mx1.example.com (Postfix) with ESMTP id 1; date\n", way{client: "out.example.net[2001:db8::7]"}},
	} {
		header, _ := splitHeader(test.received + "Subject: x\n\n")
		if got := o.wayOf(header); got != test.want {
			t.Errorf("%s: got %+v, want %+v", name, got, test.want)
		}
	}
}

// TestForgedLocal takes a mail from outside for one that our server made, by
// nothing that its sender writes.
func TestForgedLocal(t *testing.T) {
	for name, test := range map[string]struct {
		received string
		want     bouncehouse.DSNOrigin
	}{
		"made here":    {madePostfix, bouncehouse.DSNLocal},
		"from outside": {fromOutside + madePostfix, bouncehouse.DSNUnknown},
	} {
		res, _ := parseDSN(t, dsnOptions, originMail("mx1.example.com", test.received, ""))
		if len(res.Events) != 1 {
			t.Fatalf("%s: %d events", name, len(res.Events))
		}
		if e := res.Events[0]; e.DSNOrigin != test.want || e.Verified != (test.want == bouncehouse.DSNLocal) ||
			e.Counted {
			t.Errorf("%s: %s, verified %v, counted %v", name, e.DSNOrigin, e.Verified, e.Counted)
		}
	}
}

// manyMail is a report of so many recipients, without a returned message.
func manyMail(received string, n int) string {
	var b strings.Builder
	b.WriteString(received + "From: MAILER-DAEMON@mx.google.com\nTo: news@example.com\nMIME-Version: 1.0\n" +
		"Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.google.com\n")
	for i := range n {
		fmt.Fprintf(&b, "\nFinal-Recipient: rfc822; user%d@gmail.com\nAction: failed\nStatus: 5.7.1\nDiagnostic-Code: smtp; 550 5.7.1 blocked\n", i)
	}
	return b.String() + "\n--b--\n"
}

// TestClaimedRecipients holds what one mail can claim to what a report of
// another server tells of; our own server's reports are as long as they are.
func TestClaimedRecipients(t *testing.T) {
	for _, test := range []struct {
		received     string
		n            int
		events, dead int
	}{
		{fromOutside, 100, 100, 0},
		{fromOutside, 101, 0, 1},
		{fromOutside + madePostfix, 6000, 0, 1},
		{madePostfix, 6000, 6000, 0},
	} {
		res, _ := parseDSN(t, dsnOptions, manyMail(test.received, test.n))
		if len(res.Events) != test.events || len(res.Dead) != test.dead {
			t.Errorf("%d recipients by way of %q: %d events, %d dead letters", test.n, test.received, len(res.Events),
				len(res.Dead))
		}
		for _, e := range res.Events {
			if e.Counted {
				t.Fatal("counted")
			}
		}
	}
}

// TestOncePerRecipient leaves one of what a mail tells twice.
func TestOncePerRecipient(t *testing.T) {
	mail := strings.Replace(manyMail(fromOutside, 3), "user1@gmail.com", "User0@gmail.com", 1)
	mail = strings.Replace(mail, "blocked", "blocked today", 1)
	if res, _ := parseDSN(t, dsnOptions, mail); len(res.Events) != 2 {
		t.Errorf("%d events of two recipients", len(res.Events))
	}
}

// prvs is an address with a tag, as Exim's operator prvs makes it.
func prvs(key, address string, expires time.Time) string {
	stamp := fmt.Sprintf("0%03d", expires.Unix()/86400%1000)
	mac := hmac.New(sha1.New, []byte(key))
	mac.Write([]byte(stamp + address))
	return fmt.Sprintf("prvs=%s%X=%s", stamp, mac.Sum(nil)[:3], address)
}

func TestBATV(t *testing.T) {
	o := dsnOptions
	o.BATVKeys = [][]byte{[]byte("old"), []byte("secret")}
	now := time.Date(2026, 11, 2, 9, 0, 5, 0, time.UTC)
	week := now.AddDate(0, 0, 7)
	for name, test := range map[string]struct {
		to   string
		want bool
	}{
		"none":          {"news@example.com", false},
		"valid":         {prvs("secret", "news@example.com", week), true},
		"another key":   {prvs("old", "news@example.com", now), true},
		"no key":        {prvs("", "news@example.com", week), false},
		"expired":       {prvs("secret", "news@example.com", now.AddDate(0, 0, -1)), false},
		"of the future": {prvs("secret", "news@example.com", now.AddDate(0, 0, 8)), false},
		"another's":     {strings.Replace(prvs("secret", "news@example.com", week), "news@", "sales@", 1), false},
		"cut":           {prvs("secret", "news@example.com", week)[:14] + "=a@example.com", false},
	} {
		mail := strings.Replace(originMail("relay.example.net",
			strings.ReplaceAll(fromOutside, "date", "Mon, 2 Nov 2026 09:00:05 +0000"), ""), "To: news@example.com",
			"To: "+test.to, 1)
		res, _ := parseDSN(t, o, mail)
		if len(res.Events) != 1 {
			t.Fatalf("%s: %d events", name, len(res.Events))
		}
		if e := res.Events[0]; e.Verified != test.want || e.Verified && e.Sender != test.to {
			t.Errorf("%s: verified %v, sender %s", name, e.Verified, e.Sender)
		}
		if res, _ := parseDSN(t, dsnOptions, mail); res.Events[0].Verified {
			t.Errorf("%s: verified without a key", name)
		}
	}
}
