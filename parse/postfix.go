package parse

import (
	"strings"

	"github.com/bouncehouse/bouncehouse"
	"github.com/bouncehouse/bouncehouse/parse/values"
)

// Postfix 2.2 to 3.11. What its daemons log of a message (QID is the queue
// id, short or long; the source file in Postfix that writes it in brackets):
//
//	smtpd:   QID: client=host[ip], sasl_method=LOGIN, sasl_username=u      [smtpd/smtpd.c]
//	pickup:  QID: uid=0 from=<root>                                        [pickup/pickup.c]
//	cleanup: QID: message-id=<m@h>                                         [cleanup/cleanup_message.c]
//	qmgr:    QID: from=<a@b>, size=2048, nrcpt=2 (queue active)            [qmgr/qmgr_active.c]
//	smtp:    Untrusted TLS connection established to host[ip]:25: TLSv1.3 with cipher ...  [tls/tls_misc.c]
//	any:     QID: to=<c@d>, orig_to=<e@f>, relay=host[ip]:25, conn_use=2, delay=1.9, delays=0/0/1/0.9,
//	         tls=dane, dsn=5.1.1, status=bounced (host host[ip] said: 550 ... (in reply to RCPT TO command))  [global/log_adhoc.c]
//	qmgr:    QID: from=<a@b>, status=expired, returned to sender           [qmgr/qmgr_active.c]
//	qmgr:    QID: removed
//
// and of clients that were refused: postfix_inbound.go.
type postfix struct {
	memory memory
	tls    tlsSessions
}

func newPostfix(o Options) bouncehouse.Parser { return newHeaded(o, &postfix{}) }

// isPostfix tells by the program's name. syslog_name may be anything, but
// behind it stand a slash and the daemon: "mx-out/smtp", "postfix/slow/smtp".
func isPostfix(program string) bool {
	if strings.HasPrefix(program, "postfix") {
		return true
	}
	slash := strings.LastIndexByte(program, '/')
	if slash < 1 {
		return false
	}
	switch program[slash+1:] {
	case "smtp", "lmtp", "local", "virtual", "pipe", "error", "retry", "discard", "bounce", "defer", "trace", "qmgr",
		"nqmgr", "oqmgr",
		"cleanup", "smtpd", "postscreen", "pickup", "verify", "relay", "postsuper":
		return true
	}
	return false
}

func (p *postfix) parseEntry(r bouncehouse.Record, h *headReader, e *entry,
	res *bouncehouse.Result) (mine bool, err error) {
	if !isPostfix(e.program) {
		return false, nil
	}
	if e.host == "" {
		e.host = r.Host
	}
	id, rest := cutQueueID(e.msg)
	if id == "reject" { // postscreen, without NOQUEUE: "reject: connect from [ip]:port: all screening ports busy"
		return true, p.refusal(r, h, e, "", e.msg, res)
	}
	if rest == "" {
		p.session(e)
		return true, nil
	}
	if id == "warning" {
		if id, ok := strings.CutSuffix(rest, tooBig); ok {
			return true, p.oversize(r, h, e, id, res)
		}
		return true, nil
	}
	switch rest[0] {
	case 't':
		if strings.HasPrefix(rest, "to=<") {
			return true, p.result(r, h, e, id, rest, res)
		}
	case 'f':
		if strings.HasPrefix(rest, "from=<") {
			return true, p.queued(r, h, e, id, rest, res)
		}
	case 'c':
		if strings.HasPrefix(rest, "client=") && id != "" { // NOQUEUE: the message goes on to a proxy
			p.client(e, id, rest[len("client="):])
		}
	case 'h':
		if strings.HasPrefix(rest, "hold: ") {
			return true, p.held(r, h, e, id, res)
		}
	case 'u':
		if strings.HasPrefix(rest, "uid=") {
			p.memory.renew(e.host, id).begun = true
		}
	case 'm':
		if strings.HasPrefix(rest, "message-id=") {
			return true, p.messageID(r, h, e, id, rest[len("message-id="):], false, res)
		} else if strings.HasPrefix(rest, "milter-hold: ") {
			return true, p.held(r, h, e, id, res)
		} else if strings.HasPrefix(rest, "milter-reject: ") {
			return true, p.refusal(r, h, e, id, rest, res)
		}
	case 'r':
		if rest == "removed" {
			if m := p.memory.find(e.host, id); m != nil {
				p.memory.remove(m)
			}
		} else if strings.HasPrefix(rest, "reject: ") {
			return true, p.refusal(r, h, e, id, rest, res)
		} else if strings.HasPrefix(rest, "resent-message-id=") {
			return true, p.messageID(r, h, e, id, rest[len("resent-message-id="):], true, res)
		}
	case 'p':
		if strings.HasPrefix(rest, "proxy-reject: ") {
			return true, p.refusal(r, h, e, id, rest, res)
		}
	}
	return true, nil
}

// cutQueueID cuts "QID: " off; id is "" for NOQUEUE. rest is "" where the
// line is not of this form.
func cutQueueID(s string) (id, rest string) {
	for i := range min(len(s), 32) {
		switch c := s[i]; {
		case c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9':
		case c == ':' && i+2 < len(s) && s[i+1] == ' ' && i > 0:
			if id = s[:i]; id == "NOQUEUE" {
				id = ""
			}
			return id, s[i+2:]
		case c == '-' && strings.HasPrefix(s, "proxy-reject: "):
			return "", s
		default:
			return "", ""
		}
	}
	return "", ""
}

// session reads a line that names no message: that a connection has TLS.
func (p *postfix) session(e *entry) {
	if e.msg == "" {
		return
	}
	switch e.msg[0] {
	case 'U', 'T', 'V', 'A': // Untrusted, Trusted, TLS, Verified, Anonymous
	default:
		return
	}
	at := strings.Index(e.msg[:min(len(e.msg), 16)], "TLS ")
	if at < 0 {
		return
	}
	rest, ok := strings.CutPrefix(e.msg[at:], "TLS connection established to ")
	if !ok {
		if rest, ok = strings.CutPrefix(e.msg[at:], "TLS connection reused to "); !ok {
			return // "from": a client of ours
		}
	}
	relay, rest, ok := strings.Cut(rest, ": ")
	if !ok {
		return
	}
	version, _, _ := strings.Cut(rest, " ")
	p.tls.established(e.host, e.pid, relay, version)
}

// client begins a message: "host[ip], sasl_method=PLAIN, sasl_username=u, ..."
func (p *postfix) client(e *entry, id, rest string) {
	m := p.memory.renew(e.host, id)
	m.begun = true
	client, rest, _ := strings.Cut(rest, ", ")
	m.client = p.memory.keep(m, client)
	const user = "sasl_username="
	if at := strings.Index(rest, user); at == 0 || at > 0 && rest[at-1] == ' ' {
		name, _, _ := strings.Cut(rest[at+len(user):], ", ")
		m.saslUser = p.memory.keep(m, name)
	}
}

func (p *postfix) messageID(r bouncehouse.Record, h *headReader, e *entry, id, s string, resent bool,
	res *bouncehouse.Result) error {
	m := p.memory.find(e.host, id)
	if m == nil || m.announced {
		// The first line of a bounce, or of a message whose beginning is not
		// in the log; where the old one was announced its id is used again.
		m = p.memory.renew(e.host, id)
	}
	if m.messageID != "" && resent && !m.resent {
		return nil
	}
	m.messageID, m.resent = p.memory.keep(m, values.MessageID(s)), resent
	if m.held {
		return arrival(r, h, e, id, m, res)
	}
	return nil
}

// held reads "hold: RCPT from ..." and "milter-hold: END-OF-MESSAGE from ...":
// until somebody releases the message, in days maybe, the queue manager does not
// take it up, so what is known of it is an arrival now, without sender and size.
func (p *postfix) held(r bouncehouse.Record, h *headReader, e *entry, id string, res *bouncehouse.Result) error {
	m := p.memory.find(e.host, id)
	if m == nil || m.announced {
		return nil
	}
	if m.held = true; m.messageID == "" {
		return nil
	}
	return arrival(r, h, e, id, m, res)
}

// arrival makes one of what is known of m.
func arrival(r bouncehouse.Record, h *headReader, e *entry, id string, m *message, res *bouncehouse.Result) error {
	at, err := h.clock.time(&r, &e.stamp)
	if err != nil {
		return err
	}
	res.Arrivals = append(res.Arrivals, bouncehouse.Arrival{
		Time: at, Host: e.host, QueueID: id,
		MessageID: m.messageID, Sender: m.sender, Client: m.client, SASLUser: m.saslUser, Size: m.size,
	})
	return nil
}

// queued reads the queue manager's lines about the whole message.
func (p *postfix) queued(r bouncehouse.Record, h *headReader, e *entry, id, rest string,
	res *bouncehouse.Result) error {
	sender, rest, ok := values.CutAddress(rest[len("from=<"):])
	if !ok {
		return nil // cut off; the next "queue active" says it again
	}
	if strings.HasPrefix(rest, ", status=") {
		return p.expired(r, h, e, id, sender, rest[len(", status="):], res)
	}
	size, ok := strings.CutPrefix(rest, ", size=")
	if !ok {
		return nil
	}
	m := p.memory.open(e.host, id)
	p.memory.active(m)
	if m.announced {
		if m.sender == sender {
			return nil
		}
		m = p.memory.renew(e.host, id)
	}
	size, _, _ = strings.Cut(size, ",")
	m.announced = true
	m.sender = p.memory.keep(m, sender)
	m.size = values.Number(size)
	return arrival(r, h, e, id, m, res)
}

// expired reads "status=expired, returned to sender", also "force-expired"
// (postsuper -f). It names no recipient. Whoever is left of the message was
// deferred once more since it last became active, just before: each of them
// gets an event. Where these lines were not seen there is one event, without
// recipient; the sink, which has the attempts, sets right who is left.
func (p *postfix) expired(r bouncehouse.Record, h *headReader, e *entry, id, sender, status string,
	res *bouncehouse.Result) error {
	word, _, _ := strings.Cut(status, ",")
	if word != "expired" && word != "force-expired" {
		res.Unread++
		return nil
	}
	if strings.Contains(status, ">, size=") {
		return nil // the sender's address, unquoted as before version 3.5, which looks like that
	}
	at, err := h.clock.time(&r, &e.stamp)
	if err != nil {
		return err
	}
	m := p.memory.find(e.host, id)
	left, guessed := m.left()
	for i := range max(1, len(left)) {
		ev := newAttempt(res, bouncehouse.Postfix, at, e.host, id, bouncehouse.Expired)
		ev.Sender, ev.ReplyText, ev.Guessed = sender, status, guessed
		if i < len(left) {
			ev.Recipient = left[i]
		}
		p.context(ev, m)
	}
	if m != nil {
		p.memory.settled(m) // the line may be said again: who is left then was deferred anew
	}
	return nil
}

// context adds what is remembered of the message.
func (p *postfix) context(ev *bouncehouse.Event, m *message) {
	if m == nil {
		return
	}
	ev.MessageID, ev.Client, ev.SASLUser = m.messageID, m.client, m.saslUser
	if m.announced {
		ev.Sender = m.sender
		// Bounces are made here: no client hands them in.
		ev.ContextKnown = m.begun || m.sender == "" && m.messageID != ""
	}
}
