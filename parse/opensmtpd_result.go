package parse

import (
	"errors"
	"strings"

	"github.com/bouncehouse/bouncehouse"
	"github.com/bouncehouse/bouncehouse/parse/said"
	"github.com/bouncehouse/bouncehouse/parse/values"
)

var errNoEnvelope = errors.New("result line of OpenSMTPD is cut off: no result")

// delivery reads one recipient's result, by mail (mta) or on this machine.
func (p *openSMTPD) delivery(r bouncehouse.Record, h *headReader, e *entry, session, rest string, mta bool,
	res *bouncehouse.Result) error {
	var f mailFields
	f.read(rest)
	if f.session = session; f.result == "" {
		return errNoEnvelope
	}
	return p.outcome(r, h, e, &f, mta, res)
}

func (p *openSMTPD) outcome(r bouncehouse.Record, h *headReader, e *entry, f *mailFields, mta bool,
	res *bouncehouse.Result) error {
	if len(f.evpid) != 16 || f.to == "" {
		return errNoEnvelope
	}
	var outcome bouncehouse.Outcome
	switch f.result {
	case "Ok":
		outcome = bouncehouse.Delivered
	case "TempFail":
		outcome = bouncehouse.Deferred
	case "PermFail", "Loop":
		outcome = bouncehouse.Bounced
	case "Expire":
		outcome = bouncehouse.Expired
	case "Remove": // by the administrator
		return nil
	default:
		res.Unread++
		return nil
	}
	at, err := h.clock.time(&r, &e.stamp)
	if err != nil {
		return err
	}
	ev := newAttempt(res, bouncehouse.OpenSMTPD, at, e.host, f.evpid[:8], outcome)
	ev.Sender, ev.Recipient, ev.Delay = f.from, f.to, values.Units(f.delay)
	if f.rcpt != "-" && f.rcpt != f.to { // before an alias
		ev.OriginalRecipient = f.rcpt
	}
	if m := p.memory.find(e.host, ev.QueueID); m != nil {
		ev.Client, ev.SASLUser, ev.ContextKnown = m.client, m.saslUser, m.begun
		if outcome == bouncehouse.Deferred {
			p.memory.touch(m)
		}
	} else {
		ev.ContextKnown = f.from == "" // bounces are made here
	}
	if !mta || outcome == bouncehouse.Expired {
		ev.ReplyText = f.stat
		return nil
	}
	ev.LocalIP = values.IP(strings.Trim(f.source, "[]"))
	setRoute(ev, f.relay)
	if s := p.sessions.find(memoKey{e.host, f.session}); s != nil && ev.RemoteIP.IsValid() {
		ev.TLS, ev.RemotePort = s.tls, s.port
	}
	setSaid(ev, f.stat)
	if outcome == bouncehouse.Delivered {
		ev.Stage = bouncehouse.StageEOD
		if ownHop(ev, "") {
			ev.Outcome, ev.Counted = bouncehouse.Relayed, false
		}
	}
	return nil
}

// connectionRefused reads "BANNER rejected: 554 text". Whose mail the
// connection was for is not told: the recipients' own results follow when no
// server of the domain is left, as "Network error on destination MXs". This
// event tells why, and is not counted beside them.
func (p *openSMTPD) connectionRefused(r bouncehouse.Record, h *headReader, e *entry, session, reason string,
	res *bouncehouse.Result) error {
	what, reply, ok := strings.Cut(reason, " rejected: ")
	if !ok || said.Command(what) == "" || !refusal45(reply) {
		return nil
	}
	at, err := h.clock.time(&r, &e.stamp)
	if err != nil {
		return err
	}
	ev := newAttempt(res, bouncehouse.OpenSMTPD, at, e.host, "", bouncehouse.Deferred)
	ev.Counted, ev.ContextKnown = false, true
	if s := p.sessions.find(memoKey{e.host, session}); s != nil {
		s.client.set(ev)
		ev.RemotePort, ev.TLS = s.port, s.tls
	}
	setSaid(ev, reason)
	return nil
}

// setRoute reads "192.0.2.25 (mx.example.net)", or a domain.
func setRoute(ev *bouncehouse.Event, s string) {
	ip, host, ok := strings.Cut(s, " (")
	if !ok {
		ev.RemoteIP = values.IP(strings.Trim(s, "[]"))
		return
	}
	ev.RemoteIP = values.IP(strings.Trim(ip, "[]"))
	ev.RemoteHost = serverName(strings.TrimSuffix(host, ")"), ip)
}

// setSaid reads stat=: the remote's reply, or what OpenSMTPD has to say.
func setSaid(ev *bouncehouse.Event, s string) {
	if what, reply, ok := strings.Cut(s, " rejected: "); ok { // "BANNER rejected: 554 ..."
		if ev.Stage = said.Command(what); ev.Stage != "" {
			s = reply
		}
	}
	reply := firstLine(s) // further lines have no codes here
	ev.ReplyCode, ev.EnhancedCode, ev.ReplyText = reply.Code, reply.Enhanced, reply.Text
	if len(s) > 3 && s[3] == '-' && reply.Enhanced != "" {
		ev.ReplyText = unglue(reply.Text, reply.Enhanced)
	}
	if reply.Code != 0 || ev.Stage != "" {
		return
	}
	switch {
	case strings.HasPrefix(s, "Connection failed"), strings.HasPrefix(s, "IO Error: Connection refused"):
		ev.Stage = bouncehouse.StageConnect
	case strings.HasPrefix(s, "TLS "), strings.HasPrefix(s, "SSL "), strings.Contains(s, "STARTTLS"):
		ev.Stage = bouncehouse.StageSTARTTLS
	}
}

// unglue puts a blank where the lines of a reply were joined, which their
// enhanced code shows: "wasn't sent4.7.29 over a TLS connection".
func unglue(s, enhanced string) string {
	var b strings.Builder
	last := 0
	for from := 0; ; {
		at := strings.Index(s[from:], enhanced)
		if at < 0 {
			break
		}
		at += from
		from = at + len(enhanced)
		if at > last && !lineBegins(s[last:], at-last, from-last, enhanced) {
			continue
		}
		line := strings.Trim(s[last:at], " ")
		if line != "" {
			if b.Len() > 0 {
				b.WriteByte(' ')
			}
			b.WriteString(line)
		}
		last = from
	}
	if last == 0 {
		return s
	}
	if line := strings.Trim(s[last:], " "); line != "" {
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(line)
	}
	return b.String()
}

// lineBegins tells that the code at s[from:to] is not part of an address, a
// version or a sentence.
func lineBegins(s string, from, to int, enhanced string) bool {
	before, after := s[from-1], s[to:]
	if before == ' ' || before == '#' || before-'0' <= 9 || before == '.' && from > 1 && s[from-2]-'0' <= 9 {
		return false
	}
	return after == "" || after[0] == ' ' || strings.HasPrefix(after, enhanced)
}
