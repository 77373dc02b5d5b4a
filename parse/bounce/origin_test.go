package bounce

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/bouncehouse/bouncehouse"
)

// originMail is a report; received stands before its header, original is
// the header of the returned message, if any.
func originMail(mta, received, original string) string {
	m := "Return-Path: <>\n" + received + "Date: Mon, 2 Nov 2026 09:00:05 +0000\nFrom: MAILER-DAEMON@" + mta +
		"\nTo: news@example.com\n" +
		"MIME-Version: 1.0\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\n\n" +
		"--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; " + mta +
		"\nX-Postfix-Queue-ID: THEIRS\n\n" +
		"Final-Recipient: rfc822; a@example.net\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 5.1.1 no\n\n"
	if original != "" {
		m += "--b\nContent-Type: text/rfc822-headers\n\n" + original + "\n"
	}
	return m + "--b--\n"
}

func TestDSNOrigin(t *testing.T) {
	const (
		remote = "relay.example.net"
		// The ways of reports.
		arrived = "Received: from relay.example.net (relay.example.net [192.0.2.77])\n\tby mx1.example.com (Postfix) with ESMTP id IN; date\n" +
			"Received: by relay.example.net (Postfix) id DSN; date\n"
		stayed = "Received: by relay.example.net (Postfix) id DSN; date\n"
		// What came back.
		passed    = "Received: from app ([203.0.113.9]) by mx1.example.com (Postfix) with ESMTP id OURS; date\nMessage-ID: <1@elsewhere.example>\nFrom: a@elsewhere.example\n"
		handed    = "Received: from mx1.example.com (mx1.example.com [203.0.113.25]) by relay.example.net (Postfix) id THEIRS; date\nFrom: a@elsewhere.example\n"
		forged    = "Received: from bot ([198.51.100.7]) by relay.example.net (Postfix) id THEIRS; date\nReturn-Path: <news@example.com>\nFrom: news@example.com\nMessage-ID: <1@bot.example>\n"
		ourID     = "Received: from bot ([198.51.100.7]) by relay.example.net (Postfix) id THEIRS; date\nFrom: x@elsewhere.example\nMessage-ID: <1@app.example.com>\n"
		noWay     = "From: news@example.com\nMessage-ID: <1@elsewhere.example>\n"
		stranger  = "From: x@elsewhere.example\nMessage-ID: <1@elsewhere.example>\n"
		inDomains = "Received: from app by out7.example.com (x) with ESMTP id OURS; date\nFrom: x@elsewhere.example\n"
	)
	known := Options{Hosts: []string{"MX1.example.com."}, Domains: []string{"example.com"}}
	for name, test := range map[string]struct {
		options            Options
		mta, way, original string
		want               bouncehouse.DSNOrigin
		queueID            string
	}{
		"as if our host reported": {known, "mx1.example.com", arrived, passed, bouncehouse.DSNUnknown,
			"THEIRS"},
		"as if the machine itself reported": {Options{}, "mx1.example.com", arrived, passed, bouncehouse.DSNUnknown,
			"THEIRS"},
		"the report stayed on its server": {Options{}, remote, stayed, "", bouncehouse.DSNLocal, "THEIRS"},
		"nothing configured":              {Options{}, remote, arrived, stranger, bouncehouse.DSNRemote, "THEIRS"},
		"not returned":                    {known, remote, arrived, "", bouncehouse.DSNRemote, "THEIRS"},
		"passed our host":                 {known, remote, arrived, passed, bouncehouse.DSNRemote, "OURS"},
		"handed over by our host":         {known, remote, arrived, handed, bouncehouse.DSNRemote, "THEIRS"},
		"our message id":                  {known, remote, arrived, ourID, bouncehouse.DSNRemote, "THEIRS"},
		"our sender, way not shown":       {known, remote, arrived, noWay, bouncehouse.DSNRemote, "THEIRS"},
		"our sender on a stranger's way":  {known, remote, arrived, forged, bouncehouse.DSNBackscatter, ""},
		"nothing of ours":                 {known, remote, arrived, stranger, bouncehouse.DSNBackscatter, ""},
		"domains only: host in our domain": {Options{Domains: []string{"example.com"}}, remote, arrived, inDomains,
			bouncehouse.DSNRemote, "OURS"},
		"domains only: our sender": {Options{Domains: []string{"example.com"}}, remote, arrived, forged,
			bouncehouse.DSNRemote, "THEIRS"},
		"hosts only: parent domain of sender": {Options{Hosts: []string{"mx1.example.com"}}, remote, arrived, noWay,
			bouncehouse.DSNRemote, "THEIRS"},
	} {
		t.Run(name, func(t *testing.T) {
			res, _ := parseDSN(t, test.options, originMail(test.mta, test.way, test.original))
			if len(res.Events) != 1 {
				t.Fatalf("%d events", len(res.Events))
			}
			e := res.Events[0]
			if e.DSNOrigin != test.want || e.QueueID != test.queueID ||
				e.Verified != (test.want == bouncehouse.DSNLocal) || e.Counted {
				t.Errorf("got %s, queue id %q, verified %v, counted %v; want %s, %q", e.DSNOrigin, e.QueueID,
					e.Verified, e.Counted, test.want, test.queueID)
			}
		})
	}
}

// TestDSNCited lists the queue ids of a message's way, of our servers first,
// whatever these call themselves.
func TestDSNCited(t *testing.T) {
	const arrived = "Received: from relay.example.net (relay.example.net [192.0.2.77])\n\tby mx1.example.com (Postfix) with ESMTP id IN; date\n"
	hop := func(by, id string) string {
		return "Received: from x by " + by + " (Postfix) with ESMTP id " + id + "; date\n"
	}
	way := hop("relay.example.net", "4dXkTHEIRS") + hop("mail.example.org", "4dXkOURS.1") + hop("[127.0.0.1]",
		"<4dXkFILTER>;") + hop("mail.example.org", "4dXkOURS.0") +
		hop("x", "7090000012345") + hop("x", "short1") + hop("x", strings.Repeat("x", 65)) + hop("x",
		"4dXk'OR'1") + hop("x", "4dXkOURS.0")
	var long strings.Builder
	for i := range 100 {
		long.WriteString(hop("x", fmt.Sprintf("4dXk%05d", i)))
	}
	for name, test := range map[string]struct {
		options       Options
		way, original string
		want          string
	}{
		"no names": {Options{}, arrived, way, "4dXkOURS.0 4dXkFILTER 4dXkOURS.1 4dXkTHEIRS"},
		"other names": {Options{Hosts: []string{"smtp.example.org"}}, arrived, way,
			"4dXkOURS.0 4dXkFILTER 4dXkOURS.1 4dXkTHEIRS"},
		"the name": {Options{Hosts: []string{"mail.example.org"}}, arrived, way,
			"4dXkOURS.0 4dXkFILTER 4dXkTHEIRS"},
		"made here":    {Options{}, madePostfix, way, ""},
		"not returned": {Options{}, arrived, "", ""},
		"a hundred ids": {Options{}, arrived, long.String(),
			"4dXk00099 4dXk00098 4dXk00097 4dXk00096 4dXk00095 4dXk00094 4dXk00093 4dXk00092"},
	} {
		res, _ := parseDSN(t, test.options, originMail("relay.example.net", test.way, test.original))
		if len(res.Events) != 1 || strings.Join(res.Events[0].CitedQueueIDs, " ") != test.want {
			t.Errorf("%s: %+v", name, res.Events)
		}
	}
}

// TestDSNManyQueueIDs: what is no id is none, and several are not as many.
func TestDSNManyQueueIDs(t *testing.T) {
	const arrived = "Received: from relay.example.net (relay.example.net [192.0.2.77])\n\tby mx1.example.com (Postfix) with ESMTP id IN; date\n"
	for _, id := range []string{"A1B2C3D4E5 F6A7B8C9D0", "A1B2C3D4E5\n F6A7B8C9D0", "A1B2C3D4E5\tF6A7B8C9D0",
		"A1\u00a0B2"} {
		res, _ := parseDSN(t, Options{}, strings.Replace(originMail("relay.example.net", arrived, ""), "THEIRS", id, 1))
		if len(res.Events) != 1 || res.Events[0].QueueID != "" || res.Events[0].CitedQueueIDs != nil {
			t.Errorf("%q: %+v", id, res.Events)
		}
	}
}

func TestDSNTime(t *testing.T) {
	mail := func(received, date string) string {
		if received != "" {
			received = "Received: from a by b id 1;\n\t" + received + "\n"
		}
		return strings.Replace(originMail("relay.example.net", received, ""), "Mon, 2 Nov 2026 09:00:05 +0000", date, 1)
	}
	const in2019, in2026 = "Tue, 3 Dec 2019 10:00:00 +0100", "Mon, 2 Nov 2026 09:00:00 +0000"
	for name, test := range map[string]struct{ mail, want string }{
		"its date":                           {mail("", in2026), "2026-11-02T09:00:00Z"},
		"old, in a copied file, no Received": {mail("", in2019), "2019-12-03T09:00:00Z"},
		"far ahead of the file":              {mail("", "Mon, 2 Nov 2099 09:00:00 +0000"), "2026-11-03T09:00:00Z"},
		"far off: the time of receipt":       {mail(in2026, in2019), "2026-11-02T09:00:00Z"},
		"within seven days of its receipt": {mail(in2026, "Mon, 26 Oct 2026 10:00:00 +0000"),
			"2026-10-26T10:00:00Z"},
		"more than seven days before": {mail(in2026, "Mon, 26 Oct 2026 08:00:00 +0000"),
			"2026-11-02T09:00:00Z"},
		"more than seven days after":   {mail(in2026, "Mon, 9 Nov 2026 10:00:00 +0000"), "2026-11-02T09:00:00Z"},
		"an old mail in a copied file": {mail(in2019, "Tue, 3 Dec 2019 08:59:00 +0000"), "2019-12-03T08:59:00Z"},
		"received after the file was written": {mail("Mon, 2 Nov 2099 09:00:00 +0000",
			"Mon, 2 Nov 2099 09:00:00 +0000"), "2026-11-03T09:00:00Z"},
		"no date": {mail("", "gone"), "2026-11-03T09:00:00Z"},
	} {
		res, _ := parseDSN(t, dsnOptions, test.mail)
		if len(res.Events) != 1 || res.Events[0].Time.Format(time.RFC3339) != test.want {
			t.Errorf("%s: got %v, want %s", name, res.Events, test.want)
		}
	}
}

// TestDSNShortHostName takes a machine whose own name has no domain.
func TestDSNShortHostName(t *testing.T) {
	mail := originMail("mx1.example.com", "Received: from mx1.example.com by store.example.com id 1; date\n", "")
	for host, want := range map[string]bouncehouse.DSNOrigin{"mx1": bouncehouse.DSNUnknown,
		"mx2": bouncehouse.DSNRemote} {
		c := bouncehouse.Chunk{Kind: bouncehouse.Mail, Host: host, Data: mail}
		var res bouncehouse.Result
		bouncehouse.ParseChunk(New(Options{Domains: []string{"example.com"}}), &c, &res)
		if len(res.Events) != 1 || res.Events[0].DSNOrigin != want {
			t.Errorf("%s: %+v", host, res.Events)
		}
	}
}

// The date of a Received field is what its server wrote, not what a sender has in his address.
func TestReceivedDate(t *testing.T) {
	const date = "Thu, 29 Oct 2026 10:00:00 +0000"
	want := time.Date(2026, 10, 29, 10, 0, 0, 0, time.UTC)
	for _, field := range []string{
		"from a by b (Postfix) with SMTP id 1; " + date,
		"from a by b (Postfix) with SMTP id 1;\n\t" + date + " (UTC)",
		"from (127.0.0.1) by b (PowerMTA(TM) v3.5r16) id 1 for <a@example.com>; " + date +
			` (envelope-from <"x; Thu, 1 Jan 1970 00:00:00 +0000 ("@evil.example>)`,
		"from (127.0.0.1) by b (PowerMTA(TM) v3.5r16) id 1 for <a@example.com>; " + date +
			` (envelope-from <"a;b"@evil.example>)`,
		`from a ([192.0.2.1]) by b with esmtp (Exim 4.98) (envelope-from <"x; Thu, 1 Jan 1970 00:00:00 +0000 ("@evil.example>) id 1; ` + date,
		"from a;b by c; " + date,
	} {
		if got := receivedDate(field); !got.Equal(want) {
			t.Errorf("%s: %v", field, got)
		}
	}
	for _, field := range []string{"", ";", "from a by b", `from "a by b; ` + date, strings.Repeat("x;", 20) + date} {
		if got := receivedDate(field); !got.IsZero() {
			t.Errorf("%s: %v", field, got)
		}
	}
}

// Without a Received field a mail tells of one time, whichever that is.
func TestTimesWithoutAReceipt(t *testing.T) {
	mail := "From: MAILER-DAEMON@example.net\nDate: Thu, 29 Oct 2020 10:00:00 +0000\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; a\n"
	for year := 1970; year < 2020; year++ {
		mail += fmt.Sprintf("\nFinal-Recipient: rfc822; u%d@example.net\nAction: failed\nStatus: 5.1.1\nLast-Attempt-Date: Thu, 1 Jan %d 00:00:00 +0000\n", year, year)
	}
	res, _ := parseDSN(t, Options{}, mail)
	if len(res.Events) != 50 {
		t.Fatalf("%d events", len(res.Events))
	}
	for _, e := range res.Events {
		if !e.Time.Equal(time.Date(2020, 10, 29, 10, 0, 0, 0, time.UTC)) {
			t.Errorf("%s: %v", e.Recipient, e.Time)
		}
	}
}
