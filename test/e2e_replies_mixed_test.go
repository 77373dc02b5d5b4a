package test_test

import (
	"errors"
	"fmt"
	"net/textproto"
	"strings"
	"testing"

	"github.com/bouncehouse/bouncehouse"
	"github.com/bouncehouse/bouncehouse/test"
)

// mixedMail is messages that one reply does not describe: several recipients, several servers, IPv6, addresses of
// unusual form.
var mixedMail = []struct {
	sender     string
	recipients []string
	want       []replyEvent // of each recipient; remote_ip without a net is of 198.18.200.0/24
	not        string       // mail servers that cannot take or send it
}{
	{"news@example.com", []string{"ok@many.example", "gone@many.example", "later@many.example"}, []replyEvent{
		{RemoteHost: "mx.many.example", RemoteIP: "1", Stage: "eod", Outcome: "delivered", ReplyCode: 250,
			EnhancedCode: "2.0.0", ReplyText: "Ok: queued"},
		{RemoteHost: "mx.many.example", RemoteIP: "1", Stage: "rcpt", Outcome: "bounced", ReplyCode: 550,
			EnhancedCode: "5.1.1", ReplyText: "Gone"},
		{RemoteHost: "mx.many.example", RemoteIP: "1", Stage: "rcpt", Outcome: "deferred", ReplyCode: 450,
			EnhancedCode: "4.2.0", ReplyText: "Later"}}, ""},
	{"", []string{"x@spam.example", "y@spam.example"}, []replyEvent{
		{RemoteHost: "mx.spam.example", RemoteIP: "2", Stage: "eod", Outcome: "bounced", ReplyCode: 554,
			EnhancedCode: "5.7.1", ReplyText: "No spam please"},
		{RemoteHost: "mx.spam.example", RemoteIP: "2", Stage: "eod", Outcome: "bounced", ReplyCode: 554,
			EnhancedCode: "5.7.1", ReplyText: "No spam please"}}, ""},
	{"", []string{"user@down.example"}, []replyEvent{ // nobody at the first MX
		{RemoteHost: "mx2.down.example", RemoteIP: "4", Stage: "eod", Outcome: "delivered", ReplyCode: 250,
			EnhancedCode: "2.0.0", ReplyText: "Ok: queued"}}, ""},
	{"", []string{"user@busy.example"}, []replyEvent{ // the first MX is full
		{RemoteHost: "mx2.busy.example", RemoteIP: "6", Stage: "rcpt", Outcome: "bounced", ReplyCode: 550,
			EnhancedCode: "5.1.1", ReplyText: "Unknown"}}, ""},
	{"", []string{"user@six.example"}, []replyEvent{
		{RemoteHost: "mx.six.example", RemoteIP: "2001:db8::25", Stage: "eod", Outcome: "delivered", ReplyCode: 250,
			EnhancedCode: "2.0.0", ReplyText: "Ok: queued"}}, ""},
	{"", []string{"user@sixno.example"}, []replyEvent{
		{RemoteHost: "mx.sixno.example", RemoteIP: "2001:db8::26", Stage: "rcpt", Outcome: "bounced", ReplyCode: 550,
			EnhancedCode: "5.7.1", ReplyText: "[2001:db8::1] has no PTR"}}, ""},
	{`"John Doe"@example.com`, []string{`"john doe"@many.example`}, taken("mx.many.example", "1"), "opensmtpd"},
	{"", []string{`"a\"b\\c"@many.example`}, taken("mx.many.example", "1"), "opensmtpd"},
	{"", []string{`"a,b;c"@many.example`}, taken("mx.many.example", "1"), "opensmtpd"},
	{"", []string{`"a> stat=x"@many.example`}, taken("mx.many.example", "1"), "opensmtpd"},
	{"", []string{"%s%d{x}|y'z`~@many.example"}, taken("mx.many.example", "1"), ""},
	{"", []string{"müller@many.example"}, taken("mx.many.example", "1"), "opensmtpd sendmail"},
	{"prvs=0123456789=news@example.com", []string{"SRS0=abcd=ef=example.net=user@many.example"},
		taken("mx.many.example", "1"), ""},
	{"bounces-1_user=many.example@example.com", []string{"User.Name@MANY.example"}, taken("mx.many.example", "1"), ""},
}

func taken(host, ip string) []replyEvent {
	return []replyEvent{{RemoteHost: host, RemoteIP: ip, Stage: "eod", Outcome: "delivered", ReplyCode: 250,
		EnhancedCode: "2.0.0", ReplyText: "Ok: queued"}}
}

// mixedWorld brings up the servers of mixedMail.
func mixedWorld(t *testing.T, servers *test.SMTPServer, zone *test.Zone, offers test.Host) {
	t.Helper()
	const rcpt, connect = bouncehouse.StageRCPT, bouncehouse.StageConnect
	for _, h := range []struct {
		name, ip, mx string
		script       test.Script
	}{
		{"mx.many.example", "198.18.200.1", "10", nil},
		{"mx.spam.example", "198.18.200.2", "10", at(bouncehouse.StageEOD,
			test.Answer{Code: 554, Enhanced: "5.7.1", Text: "No spam\nplease"})},
		{"mx1.down.example", "", "10", nil},
		{"mx2.down.example", "198.18.200.4", "20", nil},
		{"mx1.busy.example", "198.18.200.5", "10", at(connect,
			test.Answer{Code: 421, Enhanced: "4.3.2", Text: "Busy", Drop: true})},
		{"mx2.busy.example", "198.18.200.6", "20",
			at(rcpt, test.Answer{Code: 550, Enhanced: "5.1.1", Text: "Unknown"})},
		{"mx.six.example", "2001:db8::25", "10", nil},
		{"mx.sixno.example", "2001:db8::26", "10",
			at(rcpt, test.Answer{Code: 550, Enhanced: "5.7.1", Text: "[2001:db8::1] has no PTR"})},
	} {
		_, domain, _ := strings.Cut(h.name, ".")
		zone.MX[domain] = append(zone.MX[domain], h.mx+" "+h.name)
		switch {
		case h.ip == "":
			zone.A[h.name] = []string{"198.18.200.3"}
			continue
		case strings.Contains(h.ip, ":"):
			test.AddIPv6(t, h.ip)
			zone.AAAA[h.name] = []string{h.ip}
		default:
			zone.A[h.name] = []string{h.ip}
		}
		zone.PTR[h.ip] = []string{h.name}
		host := offers
		host.Name, host.Addr, host.Script = h.name, h.ip, h.script
		servers.Listen(host)
	}
	servers.Script("gone@many.example", at(rcpt, test.Answer{Code: 550, Enhanced: "5.1.1", Text: "Gone"}))
	servers.Script("later@many.example", at(rcpt, test.Answer{Code: 450, Enhanced: "4.2.0", Text: "Later"}))
}

// sendMixed hands the messages in, and one in vain, as a stranger.
func sendMixed(t *testing.T, server replyServer, addr string) (refusal string) {
	t.Helper()
	for _, m := range mixedMail {
		if strings.Contains(m.not, server.format) {
			continue
		}
		if err := test.SendFrom("192.0.2.1", addr, m.sender, m.recipients...); err != nil {
			t.Errorf("hand in a message from %s to %q: %v", m.sender, m.recipients, err)
		}
	}
	err := test.SendFrom("198.51.100.9", addr, "spam@elsewhere.example", "victim@many.example")
	var reply *textproto.Error
	if !errors.As(err, &reply) {
		t.Fatalf("a stranger may relay: %v", err)
	}
	return fmt.Sprintf("%d %s", reply.Code, reply.Msg)
}

// allMixed tells whether each recipient has a result.
func allMixed(server replyServer, got map[string][]replyEvent) bool {
	for _, m := range mixedMail {
		for _, recipient := range m.recipients {
			if !strings.Contains(m.not, server.format) && len(got[server.logged(recipient)]) == 0 {
				return false
			}
		}
	}
	return true
}

// logged is an address as the log has it.
func (s replyServer) logged(address string) string {
	if s.main["smtputf8_enable"] == "no" {
		return questionMarks(address, false)
	}
	return address
}

func compareMixed(t *testing.T, server replyServer, refusal string, got map[string][]replyEvent) {
	t.Helper()
	for _, m := range mixedMail {
		if strings.Contains(m.not, server.format) {
			continue
		}
		for i, recipient := range m.recipients {
			recipient = server.logged(recipient)
			if len(got[recipient]) != 1 {
				t.Errorf("%s: %d events: %+v", recipient, len(got[recipient]), got[recipient])
				continue
			}
			g, w := got[recipient][0], m.want[i]
			if !strings.Contains(w.RemoteIP, ":") {
				w.RemoteIP = "198.18.200." + w.RemoteIP
			}
			w.Sender = m.sender
			if server.host.PRDR && w.Outcome == "delivered" && len(m.recipients) > 1 {
				w.ReplyText += " " + w.ReplyText // about this one, and about all
			}
			if server.format == "opensmtpd" && w.Outcome != "delivered" {
				w.Stage = ""
			}
			if server.format == "sendmail" && w.Outcome == "delivered" {
				w.ReplyCode = 0
			}
			if server.format == "sendmail" && w.ReplyText == "No spam please" {
				w.ReplyText = "No spam"
			}
			for _, diff := range compareReply(server.format, g, w, map[string]*fieldCount{}) {
				t.Errorf("from %q to %q: %s", m.sender, recipient, diff)
			}
		}
	}
	list := got["victim@many.example"]
	if len(list) != 1 {
		t.Errorf("a stranger's message: %d events: %+v", len(list), list)
		return
	}
	g, r := list[0], bouncehouse.ParseReply(refusal)
	w := replyEvent{Sender: "spam@elsewhere.example", Recipient: "victim@many.example", RemoteHost: g.RemoteHost,
		RemoteIP: "198.51.100.9", Stage: "rcpt",
		Outcome: "rejected", ReplyCode: int(r.Code), EnhancedCode: r.Enhanced, ReplyText: r.Text, Counted: true}
	switch server.format { // what is not logged
	case "exim":
		w.ReplyCode = 0
	case "opensmtpd":
		w.Sender = ""
	}
	if g != w {
		t.Errorf("a stranger was told %q:\n got %+v\nwant %+v", refusal, g, w)
	}
}
