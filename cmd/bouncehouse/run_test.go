package main

import (
	"bytes"
	"log/slog"
	"net/netip"
	"testing"

	"github.com/bouncehouse/bouncehouse"
	"github.com/bouncehouse/bouncehouse/enrich"
)

// Whose a bounce mail is depends on mail and configuration alone, not on the
// machine that reads it: run knows its addresses, process does not.
func TestSameOrigin(t *testing.T) {
	const address = "203.0.113.25"
	mail := "Received: from x ([" + address + "]) by store.example.com (Postfix) with ESMTP id 1; Mon, 2 Nov 2026 09:00:06 +0000\n" +
		"Received: by mx1.example.com (Postfix)\n\tid DSN; Mon, 2 Nov 2026 09:00:05 +0000\n" +
		"From: MAILER-DAEMON@mx1.example.com\nTo: news@example.com\nMIME-Version: 1.0\n" +
		"Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\nContent-Type: message/delivery-status\n\n" +
		"Reporting-MTA: dns; mx1.example.com\n\nFinal-Recipient: rfc822; a@example.net\nAction: failed\nStatus: 5.1.1\n\n--b--\n"
	origin := func(configured, found []netip.Addr) bouncehouse.DSNOrigin {
		t.Helper()
		c := defaultConfig()
		c.Egress, c.DNS.Enabled = configured, false
		a := &app{ctx: t.Context(), log: slog.New(slog.DiscardHandler), stderr: &bytes.Buffer{}}
		stages, stop, err := processing(a, c, found, &enrich.Classifier{})
		if err != nil {
			t.Fatal(err)
		}
		defer stop()
		var res bouncehouse.Result
		bouncehouse.ParseChunk(stages.parser("s"), &bouncehouse.Chunk{Kind: bouncehouse.Mail, Data: mail}, &res)
		if len(res.Events) != 1 {
			t.Fatalf("%d events, %+v", len(res.Events), res.Dead)
		}
		return res.Events[0].DSNOrigin
	}
	ours := []netip.Addr{netip.MustParseAddr(address)}
	if a, b := origin(nil, nil), origin(nil, ours); a != b || a == bouncehouse.DSNLocal {
		t.Errorf("%s, and with an address of this machine %s", a, b)
	}
	if o := origin(ours, ours); o != bouncehouse.DSNLocal {
		t.Errorf("%s with the address configured", o)
	}
}
