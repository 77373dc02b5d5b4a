package parse

import (
	"errors"
	"net/netip"
	"strings"

	"github.com/bouncehouse/bouncehouse"
	"github.com/bouncehouse/bouncehouse/parse/values"
)

var errCut = errors.New("result line of Postfix is cut off: no status")

// result reads what became of one recipient.
func (p *postfix) result(r bouncehouse.Record, h *headReader, e *entry, id, rest string,
	res *bouncehouse.Result) error {
	rcpt, rest, ok := values.CutAddress(rest[len("to=<"):])
	if !ok {
		return errCut
	}
	var original, relay, delay, dsn, status, reason, tls string
	again := false
	for status == "" {
		if len(rest) < 3 || rest[0] != ',' || rest[1] != ' ' {
			return errCut
		}
		key, val, ok := strings.Cut(rest[2:], "=")
		if !ok {
			return errCut
		}
		if key == "status" {
			status, reason, _ = strings.Cut(val, " ")
			break
		}
		if strings.HasPrefix(val, "<") {
			if val, rest, ok = values.CutAddress(val[1:]); !ok {
				return errCut
			}
		} else {
			end := strings.Index(val, ", ")
			if end < 0 {
				return errCut
			}
			val, rest = val[:end], val[end:]
		}
		switch key {
		case "orig_to":
			original = val
		case "relay":
			relay = val
		case "conn_use":
			again = true
		case "delay":
			delay = val
		case "tls":
			// Postfix 3.11 says the policy here (may, dane ...), not the
			// version; a version is taken where it is one.
			if strings.HasPrefix(val, "TLSv") {
				tls = val
			}
		case "dsn":
			dsn = val
		}
	}
	outcome, counted, ok := postfixOutcome(status, dsn)
	if !ok {
		res.Unread++
	}
	if !ok || status == "deliverable" {
		return nil
	}
	at, err := h.clock.time(&r, &e.stamp)
	if err != nil {
		return err
	}
	ev := newAttempt(res, bouncehouse.Postfix, at, e.host, id, outcome)
	ev.Counted = counted
	ev.Recipient, ev.OriginalRecipient, ev.EnhancedCode = rcpt, original, dsn
	ev.Delay = values.Delay(delay)
	values.SetRemote(ev, relay)
	readReason(ev, unparen(reason))

	m := p.memory.find(e.host, id)
	p.context(ev, m)
	if ev.Outcome == bouncehouse.Deferred && ev.Counted {
		// Also where the message became active before this log began.
		if m == nil {
			m = p.memory.open(e.host, id)
		}
		p.memory.deferral(m, rcpt)
	}
	if ev.TLS = tls; tls == "" && ev.RemoteIP.IsValid() {
		ev.TLS = p.tls.version(e.host, e.pid, relay, id, again)
	}
	settle(ev, e.program)
	return nil
}

// postfixOutcome is what the status word means. Probes (status=deliverable and
// undeliverable, of address verification and sendmail -bv) deliver nothing:
// that an address would be accepted gives no event; a refusal does, as it
// shows what the remote holds against us, but it is not counted, since no
// message was at stake.
func postfixOutcome(status, dsn string) (o bouncehouse.Outcome, counted, ok bool) {
	switch status {
	case "sent":
		return bouncehouse.Delivered, true, true
	case "deferred", "SOFTBOUNCE": // soft_bounce = yes
		return bouncehouse.Deferred, true, true
	case "bounced":
		return bouncehouse.Bounced, true, true
	case "expired", "force-expired":
		return bouncehouse.Expired, true, true
	case "deliverable":
		return bouncehouse.Delivered, false, true
	case "undeliverable":
		if strings.HasPrefix(dsn, "4") {
			return bouncehouse.Deferred, false, true
		}
		return bouncehouse.Bounced, false, true
	}
	return "", false, false
}

// settle decides what is no attempt at the recipient's server.
func settle(ev *bouncehouse.Event, program string) {
	daemon := program[strings.LastIndexByte(program, '/')+1:]
	switch {
	case ev.Outcome == bouncehouse.Deferred && (daemon == "error" || daemon == "retry" ||
		strings.HasSuffix(daemon, "qmgr")):
		// These only say again why mail is held: nobody was asked.
		ev.Repeat = true
	case ev.Outcome == bouncehouse.Delivered && daemon == "discard":
		// Thrown away by our own configuration: delivered to nobody. The row
		// tells where the mail went and is in no figure.
		ev.Outcome, ev.Counted = bouncehouse.Relayed, false
	case ev.Outcome == bouncehouse.Delivered && passedOn(ev):
		// A content filter or an alias: the new queue id has the result, and
		// the message would count twice.
		ev.Outcome, ev.Counted = bouncehouse.Relayed, false
	}
	if ev.Repeat {
		ev.Counted = false
	}
}

var loopback4 = netip.AddrFrom4([4]byte{127, 0, 0, 1})

// passedOn tells that mail was handed to a further hop of our own: to a
// filter on this machine, or at a port like amavis' 10024 of a neighbour,
// that queued it again; or to another address. The words alone do not tell:
// a remote server passes its own filter's on.
func passedOn(ev *bouncehouse.Event) bool {
	local := ev.RemoteIP == loopback4 || ev.RemoteIP == netip.IPv6Loopback() ||
		ev.RemotePort >= 10000 && (ev.RemoteIP.IsPrivate() || ev.RemoteIP.IsLoopback())
	if local {
		return strings.Contains(ev.ReplyText, "queued as") || strings.Contains(ev.ReplyText, "from MTA(") ||
			strings.Contains(ev.ReplyText, "discarded, id=")
	}
	return ev.RemoteHost == "" && strings.HasPrefix(ev.ReplyText, "forwarded as ")
}

// unparen takes the brackets off "(reason)"; the last one may be cut off.
func unparen(s string) string {
	s = strings.TrimRight(s, " ")
	if strings.HasPrefix(s, "(") {
		s = strings.TrimRight(strings.TrimSuffix(s[1:], ")"), " ")
	}
	return s
}
