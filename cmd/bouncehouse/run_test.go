package main

import (
	"bytes"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bouncehouse/bouncehouse"
	"github.com/bouncehouse/bouncehouse/enrich"
)

// Whose a bounce mail is depends on mail and configuration alone, not on the
// machine that reads it: run knows its addresses, process does not.
func TestSameOrigin(t *testing.T) {
	const address = "203.0.113.25"
	mail := "Received: from x ([" + address +
		"]) by store.example.com (Postfix) with ESMTP id 1; Mon, 2 Nov 2026 09:00:06 +0000\n" +
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

// All that is named is read, or it is said why not: also where names are alike.
func TestOpenNamed(t *testing.T) {
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	const line = "Nov 21 18:56:32 mx1 postfix/qmgr[1]: 4Abc: removed\n"
	for name, text := range map[string]string{
		"mail\xff.log": line, `mail\xff.log`: line, "bounce.1": line,
		"bounce":  "From a Sat Nov 21 10:00:00 2026\nSubject: a\n\n",
		"empty-1": "", "empty-2": "", "md/new/1.a": "Subject: a\n\n", "md/cur/2.a": "Subject: b\n\n",
	} {
		if err := os.MkdirAll(filepath.Dir(in(name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(in(name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var said strings.Builder
	c := defaultConfig()
	c.State = t.TempDir()
	a := &app{ctx: t.Context(), log: slog.New(slog.NewTextHandler(&said, nil)), stderr: &bytes.Buffer{}}
	f := sourceFlags{Paths: []string{in("mail\xff.log"), in(`mail\xff.log`), in("bounce"), in("bounce.1"),
		in("empty-1"), in("empty-2"), in("md"), in("x/../md/")}}
	sources, bad, err := f.open(a, c, true, runChunk)
	if err != nil || bad != nil {
		t.Fatal(bad, err)
	}
	defer closeAll(sources)
	if len(sources) != 7 || strings.Count(said.String(), "msg=skipped") != 1 ||
		!strings.Contains(said.String(), in("x/../md/")) {
		t.Errorf("%s\n%s", names(sources), said.String())
	}
}

// What a log that is no longer named had under way is settled.
func TestOpenSettles(t *testing.T) {
	dir := t.TempDir()
	c := defaultConfig()
	c.State = t.TempDir()
	var said strings.Builder
	a := &app{ctx: t.Context(), log: slog.New(slog.NewTextHandler(&said, nil)), stderr: &bytes.Buffer{}}
	for _, name := range []string{"a.log", "b.log"} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte("Nov 21 18:56:32 mx1 postfix/qmgr[1]: "+name+": removed\n"),
			0o600); err != nil {
			t.Fatal(err)
		}
		f := sourceFlags{Paths: []string{path}}
		sources, bad, err := f.open(a, c, true, runChunk)
		if err != nil || bad != nil {
			t.Fatal(bad, err)
		}
		defer closeAll(sources)
		if name == "b.log" {
			if len(sources) != 2 || !strings.HasSuffix(sources[1].Stream(), "/a.log") ||
				!strings.Contains(said.String(), "no longer named") {
				t.Errorf("%d sources: %s", len(sources), said.String())
			}
			break
		}
		b, err := sources[0].Read(t.Context())
		if err == nil {
			err = sources[0].Intend(t.Context(), b)
		}
		if err != nil {
			t.Fatal(err)
		}
		closeAll(sources)
	}
}
