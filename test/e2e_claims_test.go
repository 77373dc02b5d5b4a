package test_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bouncehouse/bouncehouse/test"
)

// claimLog is a Postfix log: 13 messages that Google refused with 5.7.1, and 20 that it took.
func claimLog() string {
	var b strings.Builder
	for i := range 33 {
		line := func(format string, args ...any) {
			fmt.Fprintf(&b, "2026-11-21T18:%02d:15.100+00:00 mx1 postfix/"+format+"\n", append([]any{i}, args...)...)
		}
		id, to := fmt.Sprintf("4jX1fM%02dS7zCf", i), fmt.Sprintf("user%d@gmail.com", i)
		line("cleanup[364]: %s: message-id=<m%d@shop.example>", id, i)
		line("qmgr[301]: %s: from=<news@shop.example>, size=2210, nrcpt=1 (queue active)", id)
		status := "dsn=2.0.0, status=sent (250 2.0.0 OK 1795287435 d2e1a72fcca58-7cc1ee - gsmtp)"
		if i < 13 {
			status = "dsn=5.7.1, status=bounced (host gmail-smtp-in.l.google.com[203.0.113.26] said: 550 5.7.1 blocked (in reply to end of DATA command))"
		}
		line("smtp[358]: %s: to=<%s>, relay=gmail-smtp-in.l.google.com[203.0.113.26]:25, delay=0.5, delays=0/0/0.3/0.2, %s", id, to, status)
		line("qmgr[301]: %s: removed", id)
		line("smtpd[401]: NOQUEUE: reject: RCPT from unknown[198.51.100.7]: 554 5.7.1 <x@example.org>: Relay access denied; from=<a@example.net> to=<x@example.org> proto=ESMTP helo=<x>")
	}
	return b.String()
}

// What our server wrote on top of a mail, and what a forger may write below it.
const (
	claimDate  = "Sat, 21 Nov 2026 19:30:00 +0000"
	fromForger = "Received: from mx1.shop.example (bot.example.net [198.51.100.7])\n\tby mx1 (Postfix) with ESMTP id IN1; " + claimDate + "\n"
	fromGoogle = "Received: from mail-sor-f69.google.com (mail-sor-f69.google.com [198.51.100.69])\n\tby mx1 (Postfix) with ESMTPS id IN2; " + claimDate + "\n"
	madeHere   = "Received: by mx1 (Postfix)\n\tid 4jX1fMDSN; " + claimDate + "\n"
)

// bounceMail is a report in the words of Google; original is the header of the returned message, if any.
func bounceMail(received, mta, original string, recipients ...string) string {
	var b strings.Builder
	b.WriteString("Return-Path: <>\n" + received + "Date: " + claimDate + "\nFrom: MAILER-DAEMON@" + mta +
		"\nTo: news@shop.example\nSubject: Undelivered Mail\n" +
		"MIME-Version: 1.0\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\n\n" +
		"--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; " + mta + "\n")
	for _, r := range recipients {
		b.WriteString("\nFinal-Recipient: rfc822; " + r +
			"\nAction: failed\nStatus: 5.7.1\nRemote-MTA: dns; gmail-smtp-in.l.google.com\nDiagnostic-Code: smtp; 550 5.7.1 blocked\n")
	}
	if original != "" {
		b.WriteString("\n--b\nContent-Type: text/rfc822-headers\n\n" + original)
	}
	return b.String() + "\n--b--\n"
}

func complaintMail(received, original, recipient string) string {
	return "Return-Path: <fbl@provider.example>\n" + received + "Date: " + claimDate +
		"\nFrom: fbl@provider.example\nTo: fbl@shop.example\nSubject: complaint\n" +
		"MIME-Version: 1.0\nContent-Type: multipart/report; report-type=feedback-report; boundary=b\n\n" +
		"--b\nContent-Type: message/feedback-report\n\nFeedback-Type: abuse\nUser-Agent: x/1\nVersion: 1\nOriginal-Mail-From: <news@shop.example>\nOriginal-Rcpt-To: " + recipient + "\n\n" +
		"--b\nContent-Type: message/rfc822\n\n" + original + "\nbody\n--b--\n"
}

// ourMessage is the header of message i, as it came back.
func ourMessage(i int) string {
	return fmt.Sprintf("Received: by mx1 (Postfix, from userid 1000)\n\tid 4jX1fM%02dS7zCf; %s\nFrom: news@shop.example\nMessage-ID: <m%d@shop.example>\n", i, claimDate, i)
}

// forgedMails prove nothing.
func forgedMails() (mails []string) {
	many := make([]string, 6000)
	for i := range many {
		many[i] = fmt.Sprintf("victim%d@gmail.com", i)
	}
	mails = append(mails, bounceMail(fromForger, "mx.google.com", "", many...)) // a dead letter
	for i := range 20 {
		some := many[100*i : 100*i+100]
		random := fmt.Sprintf("From: news@shop.example\nMessage-ID: <%x@shop.example>\n", 7777*i+1)
		mails = append(mails,
			bounceMail(fromForger, "mx.google.com", "", some...),
			// as if our server made it
			bounceMail(fromForger+madeHere, "mx1", "", some[i]),
			bounceMail(fromForger, "mx.google.com", random, some[i], "user20@gmail.com"), // a message of nobody
			// a message id that is public
			bounceMail(fromForger, "mx.google.com", "Message-ID: <m20@shop.example>\n", some...),
			complaintMail(fromForger, random, some[i]))
	}
	return mails
}

// genuineMails are a local bounce of a refusal that the log has, a late bounce a hundred times, a late one of a message
// that was forwarded, and a complaint whose recipient was blacked out, with its mailbox provider's word of another.
func genuineMails() (mails []string) {
	mails = append(mails, bounceMail(madeHere, "mx1", ourMessage(0), "user0@gmail.com"),
		// Our server writes another name than the machine's.
		bounceMail(fromGoogle, "mx.google.com", strings.Replace(ourMessage(21), "by mx1", "by mail.shop.example", 1),
			"forwarded@elsewhere.example"),
		complaintMail(fromGoogle, ourMessage(22), "redacted"),
		complaintMail(fromGoogle, ourMessage(22), "user22@gmail.com"),
		complaintMail(fromGoogle, ourMessage(23), "user23@gmail.com"))
	for i := range 100 {
		mails = append(mails, strings.Replace(bounceMail(fromGoogle, "mx.google.com", ourMessage(20),
			"user20@gmail.com"), "Undelivered Mail", fmt.Sprint("Undelivered Mail ", i), 1))
	}
	return mails
}

// maildir writes the mails as a mail server does.
func maildir(t testing.TB, mails []string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "bounces")
	for i, m := range mails {
		write(t, filepath.Join(dir, "new", fmt.Sprintf("1795289400.M%dP1.mx1", i)), m)
	}
	for _, sub := range []string{"cur", "tmp"} {
		write(t, filepath.Join(dir, sub, ".keep"), "")
	}
	return dir
}

// wantClaims is the part of the report about them.
const wantClaims = `{"believed":false,"providers":[{"provider":"google","late_bounces":2,"top_class":"policy","complaints":2}],"unproved":{"bounce_mails":80,"complaints":20}}`

// comparable is the report without what dead letters there are; claims apart.
func (h *house) reportAndClaims() (figures map[string]any, claims string) {
	h.t.Helper()
	r := h.report()
	b, err := json.Marshal(r["claims"])
	if err != nil {
		h.t.Fatal(err)
	}
	var c struct {
		Believed  bool `json:"believed"`
		Providers []struct {
			Provider    string `json:"provider"`
			LateBounces int    `json:"late_bounces"`
			TopClass    string `json:"top_class,omitempty"`
			Complaints  int    `json:"complaints"`
		} `json:"providers"`
		Unproved struct {
			BounceMails int `json:"bounce_mails"`
			Complaints  int `json:"complaints"`
		} `json:"unproved"`
	}
	if err := json.Unmarshal(b, &c); err != nil {
		h.t.Fatal(err)
	}
	if b, err = json.Marshal(c); err != nil { // in the order of the fields
		h.t.Fatal(err)
	}
	delete(r, "claims")
	delete(r, "dead_letters")
	return r, string(b)
}

// TestForgedBounces sends what anyone can send. No figure about attempts moves, whichever way and order logs and mails
// come in; what is genuine is counted beside them, once.
func TestForgedBounces(t *testing.T) {
	log := filepath.Join(t.TempDir(), "mail.log")
	write(t, log, claimLog())
	mails := maildir(t, append(forgedMails(), genuineMails()...))
	const config = "dns: {enabled: false}\nhosts: [mx1]\n"

	plain := newHouse(t, binary(t), config)
	plain.must("run", "--once", log)
	want, none := plain.reportAndClaims()
	if !strings.Contains(none, `"providers":[]`) || plain.number("SELECT sum(attempts) FROM attempts_5m") != 33 {
		t.Fatalf("the log alone gives %v, %s", want, none)
	}
	// Whom our servers refuse, anyone can be, has a figure of his own.
	if n := plain.number("SELECT sum(refusals) FROM attempts_5m WHERE enhanced_code = '5.7.1'"); n != 33 {
		t.Errorf("%d refusals of clients, want 33", n)
	}
	same := func(t *testing.T, h *house) {
		t.Helper()
		got, claims := h.reportAndClaims()
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("the attempts (-log alone +with mails):\n%s", cut(d, 2000))
		}
		if claims != wantClaims {
			t.Errorf("claims\n got %s\nwant %s", claims, wantClaims)
		}
		if n := h.number("SELECT sum(attempts) FROM attempts_5m WHERE enhanced_code = '5.7.1'"); n != 13 {
			t.Errorf("%d attempts of 5.7.1, want 13", n)
		}
		if n := h.number("SELECT count() FROM dead_letters"); n != 1 {
			t.Errorf("%d dead letters, want the mail of 6,000 recipients", n)
		}
		if n := h.number("SELECT count() FROM events WHERE claim AND NOT verified AND provider = 'google' AND client LIKE '%bot.example.net%'"); n != 0 {
			t.Errorf("%d forged claims are google's", n)
		}
	}
	for name, runs := range map[string][][]string{
		"together":    {{mails, log}},
		"logs first":  {{log}, {mails}, {log, mails}},
		"mails first": {{mails}, {log}, {log, mails}},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t, binary(t), config)
			h.engine()
			for _, paths := range runs {
				h.must("run", append([]string{"--once"}, paths...)...)
			}
			same(t, h)
			// The column is what could be known by then.
			if n, proven := h.number("SELECT countIf(verified) FROM events WHERE claim"),
				h.number("SELECT countIf(verified) FROM claims"); name == "mails first" && n != 1 ||
				name != "mails first" && n != proven {
				t.Errorf("%d claims were stored as verified, %d are", n, proven)
			}
			text := h.must("report", "--since", "all")
			for _, line := range []string{"Bounced after delivery, and complaints",
				"80 bounce mails and 20 complaints prove nothing and are not counted",
				"1 bounce of your own mail by the logs, of none of your servers by the setting hosts: "} {
				if !strings.Contains(text, line) {
					t.Errorf("the report does not say %q:\n%s", line, text)
				}
			}
		})
	}
	t.Run("followed", func(t *testing.T) {
		h := newHouse(t, binary(t), config)
		h.engine()
		h.must("migrate")
		run := test.Start(t, "run", h.command("run", mails, log))
		test.Await(t, time.Minute, "all mails stored",
			func() bool { return h.number("SELECT uniqExact(file_id) FROM events WHERE claim") >= 205-20 })
		run.Stop(30 * time.Second)
		same(t, h)
		if n, proven := h.number("SELECT countIf(verified) FROM events WHERE claim"),
			h.number("SELECT countIf(verified) FROM claims"); n != proven {
			t.Errorf("%d claims were stored as verified, %d are", n, proven)
		}
	})
	t.Run("Kafka", func(t *testing.T) {
		broker := test.Kafka(t, test.KafkaOptions{})
		mail, h := newHouse(t, binary(t), config), newHouse(t, binary(t), config)
		mail.must("ingest", "--once", "--kafka", broker.Addr(), mails)
		mail.must("ingest", "--once", "--kafka", broker.Addr(), log)
		h.engine()
		h.must("migrate")
		process := test.Start(t, "process", h.command("process", "--kafka", broker.Addr()))
		test.Await(t, time.Minute, "logs and mails stored", func() bool {
			return h.number("SELECT uniqExact(file_id) FROM events WHERE claim") >= 205-20 &&
				h.number("SELECT count() FROM events WHERE NOT claim") >= 33
		})
		process.Stop(time.Minute)
		same(t, h)
	})
	t.Run("believed", func(t *testing.T) {
		h := newHouse(t, binary(t), config+"bounces: {trust: all}\n")
		h.engine()
		h.must("run", "--once", maildir(t, genuineMails()))
		text := h.must("report", "--since", "all")
		if !strings.Contains(text, "From bounce mails only, believed as they are: bounces.trust is all") ||
			strings.Contains(text, "prove nothing") {
			t.Errorf("the report does not say whom it believes:\n%s", text)
		}
		if _, claims := h.reportAndClaims(); claims != `{"believed":true,"providers":[{"provider":"google","late_bounces":3,"top_class":"policy","complaints":2},{"provider":"","late_bounces":0,"complaints":1}],"unproved":{"bounce_mails":0,"complaints":0}}` {
			t.Errorf("claims %s", claims)
		}
	})
}
