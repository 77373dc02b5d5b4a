package parse

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/bouncehouse/bouncehouse"
	"github.com/bouncehouse/bouncehouse/parse/said"
	"github.com/bouncehouse/bouncehouse/parse/values"
)

// What outbound/hmail.js says of one mail:
//
//	Looking up A records for: mx.example.org
//	Attempting to deliver to: 203.0.113.9:25 (0) (0)
//	Failed to get socket: connect ECONNREFUSED 203.0.113.9:25
//	secured verified=true cipher=... version=TLSv1.3 cn=...
//	C: RCPT TO:<a@b>                                                    level PROTOCOL
//	recipient <a@b> rejected: 550 5.1.1 text
//	recipient <a@b> deferred: 450 4.2.1 text
//	delivered file=F domain=b host=mx ip=203.0.113.9 port=25 mode=SMTP tls=Y auth=N response="OK" delay=1.909 fails=0 rcpts=1/0/0
//	Temp failing F for 64 seconds: Upstream error: 421 4.7.0 text
//	Temp failing F for 64 seconds: Tried all MXs
//	bouncing mail: 554 5.7.1 text                                       of all recipients
//	bouncing mail: No Such Domain: b
//	bouncing mail: Too many failures (Tried all MXs)
//
// Only the lines of one recipient, and what repeats them ("Some recipients
// failed: <a@b>"), name whom they are about. Else it is whoever was named by
// RCPT TO in this attempt and had no answer of his own; or, where the level
// is below PROTOCOL, those whom the transaction took for the mail's domain.

func (p *haraka) outbound(r bouncehouse.Record, h *headReader, host string, l *harakaLine,
	res *bouncehouse.Result) error {
	s := l.text
	if s == "" {
		if l.fields[harakaFile] != "" {
			return p.delivered(r, h, host, l, res)
		}
		return nil
	}
	switch s[0] {
	case 'r':
		if strings.HasPrefix(s, "recipient <") {
			return p.answered(r, h, host, l, res)
		}
	case 'd':
		if strings.HasPrefix(s, "delivered file=") {
			l.cutFields("delivered file=")
			return p.delivered(r, h, host, l, res)
		}
	case 'b':
		if why, ok := strings.CutPrefix(s, "bouncing mail: "); ok {
			return p.given(r, h, host, l, why, bouncehouse.Bounced, res)
		}
	case 'T':
		if strings.HasPrefix(s, "Temp failing ") {
			if _, why, ok := strings.Cut(s, " seconds: "); ok {
				return p.given(r, h, host, l, why, bouncehouse.Deferred, res)
			}
		}
	case 'C':
		if strings.HasPrefix(s, "C: ") {
			p.command(l, s[3:])
		}
	case 'L', 'A', 'F', 'O', 'R', 's':
		p.connection(r, h, host, l, res)
	}
	return nil
}

// event makes an event of the mail, with all that is known of it.
func (p *haraka) event(r bouncehouse.Record, h *headReader, host string, l *harakaLine, m *harakaMail,
	res *bouncehouse.Result) (*bouncehouse.Event, error) {
	at, err := h.clock.time(&r, &l.stamp)
	if err != nil {
		return nil, err
	}
	ev := newEvent(res, bouncehouse.Haraka)
	ev.Time, ev.Host, ev.QueueID, ev.Direction, ev.Counted = at, host, l.uuid, bouncehouse.Outbound, true
	if m != nil {
		ev.Sender, ev.MessageID, ev.Client, ev.ContextKnown = m.sender, m.messageID, m.client, m.known
		ev.RemoteHost, ev.RemoteIP, ev.RemotePort = m.mx, values.IP(m.ip), m.port
		if m.tls != "" {
			ev.TLS = tlsVersion(m.tls)
		}
	}
	return ev, nil
}

// answered reads "recipient <a@b> rejected: 550 ..." and "deferred: 450 ...".
func (p *haraka) answered(r bouncehouse.Record, h *headReader, host string, l *harakaLine,
	res *bouncehouse.Result) error {
	addr, rest, ok := values.CutAddress(l.text[len("recipient <"):])
	if !ok {
		return nil
	}
	outcome, stage := bouncehouse.Bounced, bouncehouse.StageRCPT
	reply, ok := strings.CutPrefix(rest, " rejected: ")
	if !ok {
		if reply, ok = strings.CutPrefix(rest, " deferred: "); !ok {
			return nil
		}
		outcome = bouncehouse.Deferred
	}
	m := p.mails.find(memoKey{id: l.uuid})
	ev, err := p.event(r, h, host, l, m, res)
	if err != nil {
		return err
	}
	if m != nil {
		if m.command == "end of DATA" { // LMTP answers for each
			stage = bouncehouse.StageEOD
		}
		if n := len(m.asking); n > 0 {
			if m.asking = without(m.asking, addr); len(m.asking) < n {
				p.mails.charge(memoKey{id: l.uuid}, -len(addr)-16)
			}
		}
		if outcome == bouncehouse.Bounced {
			m.rcpts = without(m.rcpts, addr)
		}
	}
	ev.Recipient, ev.Outcome, ev.Stage = addr, outcome, stage
	said.SetReply(ev, reply)
	return nil
}

// delivered makes an event for each recipient who was served.
func (p *haraka) delivered(r bouncehouse.Record, h *headReader, host string, l *harakaLine,
	res *bouncehouse.Result) error {
	f := &l.fields
	served, _, _ := strings.Cut(f[harakaRcpts], "/")
	n, err := strconv.Atoi(served)
	if err != nil || n < 1 {
		n = 1
	}
	n = min(n, maxHarakaRcpts)
	m := p.mails.find(memoKey{id: l.uuid})
	if m == nil && strings.Count(l.uuid, ".") > 1 {
		m = p.announce(r, h, host, l, res)
	}
	rcpts := m.about(n)
	if rcpts == nil && m != nil && f[harakaRcpts] == "1/0/0" && strings.HasSuffix(m.single, "@"+f[harakaDomain]) {
		rcpts = []string{m.single}
	}
	for i := range n {
		ev, err := p.event(r, h, host, l, m, res)
		if err != nil {
			return err
		}
		ev.Outcome, ev.Stage = bouncehouse.Delivered, bouncehouse.StageEOD
		ev.RemoteHost, ev.RemoteIP = f[harakaHost], values.IP(f[harakaIP])
		ev.RemotePort = values.Port(f[harakaPort])
		if said.SetReply(ev, f[harakaResponse]); ev.ReplyCode == 0 { // the code is not logged
			ev.EnhancedCode, ev.ReplyText = bouncehouse.CutEnhanced(f[harakaResponse])
		}
		ev.Delay = values.Delay(f[harakaDelay])
		if i < len(rcpts) {
			ev.Recipient = rcpts[i]
		}
	}
	if m != nil {
		for _, addr := range append([]string(nil), rcpts...) {
			m.rcpts = without(m.rcpts, addr)
		}
		p.asked(l.uuid, m)
	}
	return nil
}

// given reads why the mail was put off or given up.
func (p *haraka) given(r bouncehouse.Record, h *headReader, host string, l *harakaLine, why string,
	outcome bouncehouse.Outcome, res *bouncehouse.Result) error {
	m := p.mails.find(memoKey{id: l.uuid})
	if m == nil && strings.Count(l.uuid, ".") > 1 {
		m = p.announce(r, h, host, l, res)
	}
	rcpts := m.about(-1)
	if inner, ok := strings.CutPrefix(why, "Too many failures ("); ok {
		outcome, why = bouncehouse.Expired, strings.TrimSuffix(inner, ")")
	}
	if named, ok := someRecipients(why); ok {
		if outcome != bouncehouse.Expired {
			return nil // each has its own line
		}
		rcpts = named
	}
	for i := range max(1, len(rcpts)) {
		ev, err := p.event(r, h, host, l, m, res)
		if err != nil {
			return err
		}
		ev.Outcome = outcome
		if i < len(rcpts) {
			ev.Recipient = rcpts[i]
		}
		m.reason(ev, why)
	}
	if m != nil && outcome != bouncehouse.Deferred {
		p.mails.remove(memoKey{id: l.uuid})
	} else if m != nil {
		p.asked(l.uuid, m)
		m.failed = ""
	}
	return nil
}

// someRecipients reads "Some recipients temp failed: <a@b>, <c@d>".
func someRecipients(why string) (named []string, ok bool) {
	if !strings.HasPrefix(why, "Some recipients ") {
		return nil, false
	}
	_, list, _ := strings.Cut(why, ": ")
	for one := range strings.SplitSeq(list, ", ") {
		if addr := values.Bare(one); addr != "" && len(named) < maxHarakaRcpts {
			named = append(named, addr)
		}
	}
	return named, true
}

// reason takes the remote's answer out of a mail's fate, or Haraka's words.
func (m *harakaMail) reason(ev *bouncehouse.Event, why string) {
	reply, upstream := strings.CutPrefix(why, "Upstream error: ")
	if !upstream {
		reply, upstream = strings.CutPrefix(why, "Unrecognized response from upstream server: ")
	}
	if bouncehouse.StartsWithCode(reply) {
		said.SetReply(ev, reply)
		if m != nil {
			ev.Stage = said.Command(m.command)
		}
		return
	}
	ev.ReplyText = why
	if upstream {
		return
	}
	if m != nil && m.failed != "" && strings.HasPrefix(why, "Tried all MXs") {
		ev.ReplyText += ": " + m.failed
	}
	switch {
	case strings.HasPrefix(why, "Tried all MXs"):
		if m == nil || m.command == "" {
			ev.Stage = bouncehouse.StageConnect
		}
		if m != nil && !ev.RemoteIP.IsValid() {
			at := strings.LastIndexByte(m.failed, ' ') // "connect ECONNREFUSED 203.0.113.9:25"
			if to := values.Endpoint(m.failed[at+1:]); to.IsValid() {
				ev.RemoteIP, ev.RemotePort = to.Addr(), to.Port()
			}
		}
	case strings.Contains(why, "TLS"):
		ev.Stage = bouncehouse.StageSTARTTLS
	default: // found before any host was asked
		ev.RemoteHost, ev.RemoteIP, ev.RemotePort, ev.TLS = "", netip.Addr{}, 0, ""
	}
}
