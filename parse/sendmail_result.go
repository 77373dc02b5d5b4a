package parse

import (
	"errors"
	"strings"
	"time"

	"github.com/bouncehouse/bouncehouse"
	"github.com/bouncehouse/bouncehouse/parse/said"
	"github.com/bouncehouse/bouncehouse/parse/values"
)

var errNoStat = errors.New("result line of Sendmail is cut off: no stat")

// result reads what became of the recipients that were tried at once.
func (p *sendmail) result(r bouncehouse.Record, h *headReader, e *entry, id, rest string,
	res *bouncehouse.Result) error {
	var d delivery
	if !d.read(rest) {
		return errNoStat
	}
	outcome, ok := sendmailOutcome(&d)
	if outcome == "" {
		if !ok {
			res.Unread++
		} else if m := p.memory.find(e.host, id); m != nil { // nobody was asked
			for rcpt := range d.recipients {
				p.remember(e, id, m, rcpt, true)
			}
		}
		return nil
	}
	at, err := h.clock.time(&r, &e.stamp)
	if err != nil {
		return err
	}
	m := p.memory.find(e.host, id)
	if d.received {
		p.notTaken(at, e, id, &d, res)
		return nil
	}
	var ev bouncehouse.Event
	ev.Source, ev.Time, ev.Host, ev.QueueID = bouncehouse.Sendmail, at, e.host, id
	ev.Direction, ev.Outcome, ev.Counted = bouncehouse.Outbound, outcome, true
	ev.EnhancedCode, ev.Delay = d.dsn, values.Interval(d.delay)
	if d.mailer != "local" && d.mailer != "prog" && d.mailer != "*file*" {
		setRelay(&ev, d.relay)
	}
	d.setReply(&ev)
	p.context(&ev, m)
	p.session(e, id, &ev, &d)
	d.settle(&ev)

	alias := ""
	if m != nil && m.announced {
		if name, _, ok := strings.Cut(d.ctladdr, " ("); ok || strings.HasPrefix(name, "<") {
			if name = angled(name); !strings.EqualFold(name, m.sender) {
				alias = name
			}
		}
	}
	if m != nil {
		p.memory.touch(m)
	}
	for rcpt := range d.recipients {
		one := ev
		one.Recipient = rcpt
		if alias != "" && !strings.Contains(rcpt, "@") && strings.Contains(alias, "@") {
			one.Recipient, one.OriginalRecipient = alias, "" // an alias to a file or a program
		} else if strings.Contains(alias, "@") && !strings.EqualFold(alias, rcpt) {
			one.OriginalRecipient = alias
		}
		m = p.remember(e, id, m, one.Recipient, outcome == bouncehouse.Deferred)
		res.Events = append(res.Events, one)
	}
	return nil
}

// sendmailOutcome is what the status means; "" where it is no result. ok is
// false for words that are not known.
func sendmailOutcome(d *delivery) (o bouncehouse.Outcome, ok bool) {
	word := d.stat
	if n := strings.IndexAny(word, ":("); n >= 0 {
		word = word[:n]
	}
	switch strings.TrimRight(word, " ") {
	case "Sent", "sent":
		if d.reply != "" {
			return bouncehouse.Bounced, true // a reply is logged of failures only: "Sent" is the remote's word
		}
		return bouncehouse.Delivered, true
	case "queued", "quarantined", "queued for later delivery":
		return "", true
	case "Deferred", "I/O error", "Operating system error": // the latter two are tried again
		return bouncehouse.Deferred, true
	case "":
		return "", false
	}
	switch {
	// whatever class its enhanced code is of: "551 4.7.17 mailbox owner has changed"
	case strings.HasPrefix(d.reply, "5"):
		return bouncehouse.Bounced, true
	case strings.HasPrefix(d.dsn, "4"):
		return bouncehouse.Deferred, true
	case strings.HasPrefix(d.dsn, "2"):
		return "", false
	}
	return bouncehouse.Bounced, true
}

// setReply finds the remote's words.
func (d *delivery) setReply(ev *bouncehouse.Event) {
	if ev.Outcome == bouncehouse.Delivered {
		_, words, _ := strings.Cut(d.stat, "(")
		words = strings.TrimSuffix(words, ")")
		if ev.RemoteHost != "" || ev.RemoteIP.IsValid() {
			ev.Stage = bouncehouse.StageEOD
		}
		enhanced, words := bouncehouse.CutEnhanced(words)
		if enhanced != "" {
			ev.EnhancedCode = enhanced
		}
		ev.ReplyText = escaped(words)
		return
	}
	words := d.reply
	if words == "" {
		words = strings.TrimPrefix(d.stat, "Deferred: ")
	}
	ours := ourOwn(words)
	if bouncehouse.StartsWithCode(words) && d.reply == "" && ev.Outcome == bouncehouse.Bounced &&
		!ev.RemoteIP.IsValid() {
		ours = true
	}
	reply := firstLine(words)
	ev.ReplyText = escaped(reply.Text)
	if !ours {
		ev.ReplyCode = reply.Code
		if reply.Enhanced != "" {
			ev.EnhancedCode = reply.Enhanced
		}
	}
	if ev.Stage = said.Command(d.stage); ev.Stage != "" || reply.Code != 0 && !ours {
		return
	}
	switch {
	case strings.HasPrefix(reply.Text, "TLS handshake failed"), strings.HasPrefix(reply.Text, "DANE"),
		strings.HasPrefix(reply.Text, "STARTTLS"):
		ev.Stage = bouncehouse.StageSTARTTLS
	case strings.HasPrefix(reply.Text, "Connection refused"), strings.HasSuffix(reply.Text, "Network is unreachable"),
		strings.HasSuffix(reply.Text, "No route to host"), strings.HasSuffix(reply.Text, "Host is down"),
		strings.HasPrefix(reply.Text, "Connection timed out") && d.dsn == "4.4.1":
		ev.Stage = bouncehouse.StageConnect
	}
}

// ourOwn tells codes that Sendmail makes up from those of the remote: the
// rulesets of TLS reject with 403 or 454 [cf/m4/proto.m4], a closed
// connection is "421 4.4.1" [usersmtp.c, reply].
func ourOwn(s string) bool {
	if !bouncehouse.StartsWithCode(s) {
		return true
	}
	text := s[3:]
	if len(text) > 0 {
		_, text = bouncehouse.CutEnhanced(text[1:])
	}
	switch {
	case strings.HasPrefix(s, "403 "):
		return true
	case strings.HasPrefix(text, "TLS handshake failed."):
		return strings.HasPrefix(s, "454 4.7.0")
	case strings.HasPrefix(s, "421 4.4.1 "), strings.HasPrefix(s, "421 4.4.2 "), strings.HasPrefix(s, "451 4.4.1 "):
		return strings.HasPrefix(text, "Connection reset by ") ||
			strings.HasPrefix(text, "Connection timed out with ") ||
			strings.HasPrefix(text, "Connection refused by ") || strings.HasPrefix(text, "reply: read error from ")
	}
	return false
}

// settle decides what is no attempt at the recipient's server.
func (d *delivery) settle(ev *bouncehouse.Event) {
	switch {
	case ev.Outcome == bouncehouse.Deferred && d.reply == "" && d.stat == "Deferred" && !ev.RemoteIP.IsValid() &&
		ev.RemoteHost != "":
		// The host failed for another message of this queue run: it was not
		// asked again.
		ev.Repeat, ev.Counted = true, false
	case ev.Outcome != bouncehouse.Delivered:
	case d.mailer == "discard", ev.QueueID != "" && ownHop(ev, d.mailer):
		ev.Outcome, ev.Counted = bouncehouse.Relayed, false
	}
}

// ownHop tells that mail was handed to a server on this machine that queued
// it again: the submission program's hop to the daemon, or a filter. The new
// queue id has the result.
func ownHop(ev *bouncehouse.Event, mailer string) bool {
	if ev.RemoteIP != loopback4 && !(ev.RemoteIP.Is6() && ev.RemoteIP.IsLoopback()) {
		return false
	}
	return mailer == "relay" || strings.Contains(ev.ReplyText, "Message accepted for delivery") ||
		strings.Contains(ev.ReplyText, "queued as") || strings.Contains(ev.ReplyText, "from MTA(") ||
		strings.Contains(ev.ReplyText, "discarded, id=")
}

// setRelay reads "host. [ip]", "[ip] [ip]" or "host.".
func setRelay(ev *bouncehouse.Event, s string) {
	host, ip, ok := strings.Cut(s, " [")
	if ok {
		ip, _, _ = strings.Cut(ip, "]")
		ev.RemoteIP = values.IP(ip)
	}
	if host == "" || host[0] == '[' || strings.IndexByte(host, ' ') >= 0 {
		return
	}
	if ok || strings.IndexByte(host, '.') > 0 { // else it is what a local mailer was given
		ev.RemoteHost = strings.TrimSuffix(host, ".")
	}
}

// isExpiry tells that a message is given up after the queue's lifetime
// [envelope.c, dropenvelope; deliver.c for deliver-by].
func isExpiry(s string) bool {
	return strings.HasPrefix(s, "Cannot send message for ") || strings.HasPrefix(s, "Cannot send message within ") ||
		strings.HasPrefix(s, "delivery time expired") || strings.HasPrefix(s, "Delivery time expired")
}

// expired reads that whoever is left of the message is given up. The line
// names no recipient: they are those whose last result was a deferral. Where
// none was seen there is one event, without recipient; the sink, which has the
// attempts, sets right who is left.
func (p *sendmail) expired(at time.Time, e *entry, id, text string, res *bouncehouse.Result) {
	m := p.memory.find(e.host, id)
	left, guessed := m.left()
	for i := range max(1, len(left)) {
		ev := newAttempt(res, bouncehouse.Sendmail, at, e.host, id, bouncehouse.Expired)
		ev.ReplyText, ev.Guessed = text, guessed
		if i < len(left) {
			ev.Recipient = left[i]
		}
		p.context(ev, m)
	}
	if m != nil {
		p.memory.remove(m)
	}
}

// remember keeps whether a recipient is still to be served.
func (p *sendmail) remember(e *entry, id string, m *message, rcpt string, left bool) *message {
	if m == nil {
		if !left {
			return nil
		}
		m = p.memory.open(e.host, id) // its beginning is not in the log
	}
	if !left {
		p.memory.served(m, rcpt)
	} else if !m.awaits(rcpt) {
		p.memory.deferral(m, rcpt)
	}
	return m
}
