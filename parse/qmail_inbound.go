package parse

import (
	"strings"

	"github.com/bouncehouse/bouncehouse"
	"github.com/bouncehouse/bouncehouse/parse/said"
	"github.com/bouncehouse/bouncehouse/parse/values"
)

// Clients that were refused before or by qmail-smtpd:
//
//	rblsmtpd: 203.0.113.5 pid 12: 451 http://www.spamhaus.org/query/bl?ip=203.0.113.5     [ucspi-tcp, rblsmtpd.c]
//	rblsmtpd: 203.0.113.5 pid 12 zen.spamhaus.org: 451 http://...                          [with a patch]
//	CHKUSER rejected rcpt: from <a@b::> remote <helo:host:203.0.113.5> rcpt <c@d> : not existing recipient   [chkuser 2.0, chkuser.c]
//	spamdyke[9]: DENIED_RBL_MATCH from: a@b to: c@d origin_ip: 203.0.113.5 origin_rdns: h auth: (unknown) encryption: (none) reason: zen.spamhaus.org
//
// tcpserver says who connected: no events.

// refusedBy makes the event of a refusal.
func (p *qmail) refusedBy(r bouncehouse.Record, h *headReader, host string, st *stamp, stage bouncehouse.Stage,
	res *bouncehouse.Result) (*bouncehouse.Event, error) {
	at, err := h.clock.time(&r, st)
	if err != nil {
		return nil, err
	}
	ev := newRefusal(res, bouncehouse.Qmail, at, host, "")
	ev.Stage, ev.ContextKnown = stage, true
	return ev, nil
}

// refused reads what follows "rblsmtpd: ". It takes HELO and MAIL and
// refuses every RCPT.
func (p *qmail) refused(r bouncehouse.Record, h *headReader, host string, st *stamp, s string,
	res *bouncehouse.Result) error {
	s = strings.TrimPrefix(s, "rblsmtpd: ") // splogger with that name
	client, rest, ok := strings.Cut(s, " pid ")
	list, reply, ok2 := strings.Cut(rest, ": ")
	ip := values.IP(client)
	if !ok || !ok2 || !ip.IsValid() || !bouncehouse.StartsWithCode(reply) {
		return nil
	}
	ev, err := p.refusedBy(r, h, host, st, bouncehouse.StageRCPT, res)
	if err != nil {
		return err
	}
	ev.RemoteIP = ip
	said.SetReply(ev, reply)
	if _, zone, ok := strings.Cut(list, " "); ok && zone != "" {
		ev.ReplyText += " (" + zone + ")"
	}
	return nil
}

// chkuser reads what follows "CHKUSER rejected ".
func (p *qmail) chkuser(r bouncehouse.Record, h *headReader, host string, st *stamp, s string,
	res *bouncehouse.Result) error {
	what, rest, ok := strings.Cut(s, ": from <")
	sender, rest, ok2 := strings.Cut(rest, "> remote <")
	client, rest, ok3 := strings.Cut(rest, "> rcpt <")
	recipient, why, _ := strings.Cut(rest, "> : ")
	if !ok || !ok2 || !ok3 || strings.IndexByte(what, ' ') >= 0 {
		return nil
	}
	stage := bouncehouse.StageRCPT
	if what == "sender" {
		stage = bouncehouse.StageMAIL
	}
	ev, err := p.refusedBy(r, h, host, st, stage, res)
	if err != nil {
		return err
	}
	// "a@b:auth user:relay client", "helo:name:address"
	ev.Sender, rest, _ = strings.Cut(sender, ":")
	ev.SASLUser, _, _ = strings.Cut(rest, ":")
	ev.Recipient = strings.TrimSuffix(recipient, ">")
	_, rest, _ = strings.Cut(client, ":")
	name, addr, _ := strings.Cut(rest, ":")
	ev.RemoteIP = values.IP(addr)
	if name != "unknown" {
		ev.RemoteHost = name
	}
	ev.ReplyText = why
	if what == "relaying" && why == "" {
		ev.ReplyText = "relaying denied"
	}
	return nil
}

// spamdyke reads a line of that filter; ALLOWED, TIMEOUT and others are no
// refusals.
func (p *qmail) spamdyke(r bouncehouse.Record, h *headReader, host string, st *stamp, s string,
	res *bouncehouse.Result) error {
	word, rest, ok := strings.Cut(s, " from: ")
	if !ok || !strings.HasPrefix(word, "DENIED_") || strings.IndexByte(word, ' ') >= 0 {
		return nil
	}
	sender, rest, ok := strings.Cut(rest, " to: ")
	recipient, rest, ok2 := strings.Cut(rest, " origin_ip: ")
	addr, rest, ok3 := strings.Cut(rest, " origin_rdns: ")
	if !ok || !ok2 || !ok3 {
		return nil
	}
	name, rest, _ := strings.Cut(rest, " auth: ")
	user, rest, _ := strings.Cut(rest, " encryption: ")
	_, why, _ := strings.Cut(rest, " reason: ")
	stage := bouncehouse.StageRCPT
	if recipient == "(unknown)" {
		stage = bouncehouse.StageMAIL
	}
	ev, err := p.refusedBy(r, h, host, st, stage, res)
	if err != nil {
		return err
	}
	ev.Sender, ev.Recipient, ev.RemoteHost, ev.SASLUser = unlessUnknown(sender), unlessUnknown(recipient),
		unlessUnknown(name), unlessUnknown(user)
	ev.RemoteIP = values.IP(addr)
	ev.ReplyText = strings.ToLower(strings.ReplaceAll(strings.TrimPrefix(word, "DENIED_"), "_", " "))
	if why = strings.Trim(why, " "); why != "" && why != "(empty)" {
		ev.ReplyText += ": " + why
	}
	return nil
}

// unlessUnknown is s, or nothing for what spamdyke does not know.
func unlessUnknown(s string) string {
	if s == "(unknown)" || s == "(null)" || s == "(empty)" {
		return ""
	}
	return s
}
