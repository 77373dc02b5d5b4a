package parse

import (
	"strings"

	"github.com/bouncehouse/bouncehouse"
	"github.com/bouncehouse/bouncehouse/parse/values"
)

// Sendmail 8.9 to 8.18. What it logs of a message (QID is the queue id; the
// source file in Sendmail that writes it in brackets):
//
//	QID: from=<a@b>, size=2048, class=0, nrcpts=2, msgid=<m@h>, proto=ESMTP, daemon=MTA, relay=host [ip]  [envelope.c, logsender]
//	QID: to=<c@d>,<e@f>, ctladdr=<x@y> (8/0), delay=1+02:03:04, xdelay=00:00:01, mailer=esmtp, pri=32484,
//	     relay=host. [ip], dsn=5.1.1, reply=550 5.1.1 ..., stat=User unknown       [deliver.c, logdelivery]
//	QID: to=<c@d>,<e@f>, [more], delay=...                                         where the list is too long for a line
//	QID: NEWQID: DSN: Cannot send message for 5 days                               [savemail.c, returntosender]
//	QID: NEWQID: clone: owner=owner-list@h; 8.9: NEWQID: clone QID, owner=...      [deliver.c, sendall]
//	QID: host.: SMTP DATA-2 protocol error: 521 5.2.1 ...                          [usersmtp.c]
//	QID: timeout waiting for input from host. during client greeting               [util.c, sfgets]
//	QID: done; delay=00:00:01, ntries=1                                            from LogLevel 10
//	STARTTLS=client, relay=host., version=TLSv1.3, verify=FAIL, cipher=...         [tls.c]
//
// and of clients that were refused, and what they are known by:
// sendmail_inbound.go.
//
// reply= is of 8.16 and later; before, stat= has the remote's words where it
// refused for now, and Sendmail's own where it refused for good. Only the
// first line of a reply is logged, and the middle of a long one is cut out
// ("..."). The command is not told.
type sendmail struct {
	memory    memory
	processes recent[mailProcess]
	refused   recent[refusedRecipients]
}

func newSendmail(o Options) bouncehouse.Parser { return newHeaded(o, &sendmail{}) }

// isSendmail tells by the program's name; the syslog tag may be set to
// anything (-L), so else by the grammar of its two main lines.
func isSendmail(e *entry) bool {
	if strings.HasPrefix(e.program, "sendmail") || strings.HasPrefix(e.program, "sm-") {
		return true
	}
	id, rest := cutSendmailID(e.msg, false)
	if id == "" {
		return false
	}
	switch {
	case strings.HasPrefix(rest, "from="):
		return strings.Contains(rest, ", size=") && strings.Contains(rest, ", class=") &&
			strings.Contains(rest, ", nrcpts=")
	case strings.HasPrefix(rest, "to="):
		return strings.Contains(rest, ", delay=") && strings.Contains(rest, ", stat=")
	}
	return false
}

func (p *sendmail) parseEntry(r bouncehouse.Record, h *headReader, e *entry,
	res *bouncehouse.Result) (mine bool, err error) {
	if !isSendmail(e) {
		return false, nil
	}
	if e.host == "" {
		e.host = r.Host
	}
	id, rest := cutSendmailID(e.msg, true)
	if id == "" {
		rest = strings.TrimPrefix(e.msg, "NOQUEUE: ")
	}
	if rest == "" {
		return true, nil
	}
	switch rest[0] {
	case 't':
		if strings.HasPrefix(rest, "to=") && id != "" {
			return true, p.result(r, h, e, id, rest[len("to="):], res)
		}
		if strings.HasPrefix(rest, "timeout waiting for input from ") && id != "" {
			if at := strings.LastIndex(rest, " during client "); at > 0 {
				p.note(e, id, waitingFor(rest[at+len(" during client "):]))
			}
		}
	case 'f':
		if strings.HasPrefix(rest, "from=") && id != "" {
			return true, p.arrival(r, h, e, id, rest[len("from="):], res)
		}
	case 'S':
		if strings.HasPrefix(rest, "STARTTLS=client, relay=") {
			p.encrypted(e, rest[len("STARTTLS=client, relay="):])
		}
	case 'A':
		if strings.HasPrefix(rest, "AUTH=server, relay=") {
			p.authenticated(e, rest[len("AUTH=server, relay="):])
		}
	case 'c':
		if strings.HasPrefix(rest, "connect from ") && id == "" {
			p.connected(e, rest[len("connect from "):])
		} else if strings.HasPrefix(rest, "clone ") && id != "" {
			if parent, owner, ok := strings.Cut(rest[len("clone "):], ", owner="); ok {
				p.clone(e, parent, id, owner)
			}
		}
	case '<':
		if id != "" && !strings.HasPrefix(rest, "<-- ") { // what the client says, at high log levels
			return true, p.badRecipient(r, h, e, id, rest, res)
		}
	case 'r':
		if strings.HasPrefix(rest, "ruleset=") {
			return true, p.ruleset(r, h, e, id, rest[len("ruleset="):], res)
		}
		if strings.HasPrefix(rest, "rejecting commands from ") {
			return true, p.talkedEarly(r, h, e, id, rest[len("rejecting commands from "):], res)
		}
	case 'M':
		if strings.HasPrefix(rest, "Milter: ") {
			return true, p.milter(r, h, e, id, rest[len("Milter: "):], res)
		}
	case 'd':
		if strings.HasPrefix(rest, "done; delay=") && id != "" {
			if m := p.memory.find(e.host, id); m != nil {
				p.memory.remove(m)
			}
		}
	case 's':
		if strings.HasPrefix(rest, "split: ") && id != "" {
			p.split(e, id, rest[len("split: "):])
		}
	}
	if id == "" {
		return true, nil
	}
	if child, rest := cutSendmailID(rest, true); child != "" {
		return true, p.offspring(r, h, e, id, child, rest, res)
	}
	if at := strings.Index(rest[:min(len(rest), 400)], " protocol error: "); at > 0 {
		p.note(e, id, protocolError(rest[:at]))
	}
	return true, nil
}

// cutSendmailID cuts "QID: " off. Queue ids end with the process id of at
// least five digits: "WAA12345" (8.9), "e6JKmN801234" (8.10), "6ALIuYsT000189"
// (8.12 and later). Where it is known who writes, logs made anonymous are
// read too: one digit suffices.
func cutSendmailID(s string, known bool) (id, rest string) {
	const least, most = 8, 17
	n := strings.IndexByte(s[:min(len(s), most+1)], ':')
	if n < least || n+1 >= len(s) || s[n+1] != ' ' {
		return "", ""
	}
	number := values.Digits(s[n-5 : n])
	if !number && !known {
		return "", ""
	}
	for i := range n {
		c := s[i]
		if c >= '0' && c <= '9' {
			number = true
		} else if c|0x20 < 'a' || c|0x20 > 'z' {
			return "", ""
		}
	}
	if !number {
		return "", "" // "STARTTLS: "
	}
	return s[:n], s[n+2:]
}

// arrival reads "from=": it is logged when the message has been taken, or
// when the client has gone on without that it was.
func (p *sendmail) arrival(r bouncehouse.Record, h *headReader, e *entry, id, rest string,
	res *bouncehouse.Result) error {
	sender, rest := cutSender(rest)
	relay, messageID, rcpts, size := "", "", "", int64(0)
	// The message id is a stranger's; what is behind it is not.
	if at := strings.LastIndex(rest, ", relay="); at >= 0 {
		relay, rest = rest[at+len(", relay="):], rest[:at]
	}
	for rest != "" {
		var key, val string
		key, val, rest = cutField(rest)
		switch key {
		case "size":
			size = values.Number(val)
		case "nrcpts":
			rcpts = val
		case "msgid":
			messageID = loggedID(val)
			rest = "" // none of what may follow is wanted
		}
	}
	at, err := h.clock.time(&r, &e.stamp)
	if err != nil {
		return err
	}
	client := clientOf(relay)
	user := p.userOf(e, relay)
	p.refusals(e, id, sender, client, user, res)
	if rcpts == "0" {
		return nil // all were refused: there is no message
	}
	m := p.memory.renew(e.host, id)
	m.begun, m.announced, m.whole, m.size = true, true, true, size
	m.sender = p.memory.keep(m, sender)
	m.messageID = p.memory.keep(m, messageID)
	m.client = p.memory.keep(m, client.String())
	m.saslUser = p.memory.keep(m, user)
	res.Arrivals = append(res.Arrivals, bouncehouse.Arrival{
		Time: at, Host: e.host, QueueID: id,
		MessageID: m.messageID, Sender: m.sender, Client: m.client, SASLUser: m.saslUser, Size: m.size,
	})
	return nil
}

// cutSender cuts what follows "from=": "<a@b>", "root", or the beginning of
// a long address, without its bracket.
func cutSender(s string) (sender, rest string) {
	if strings.HasPrefix(s, "<") {
		if sender, rest, ok := values.CutAddress(s[1:]); ok {
			return escaped(sender), rest
		}
		s = s[1:]
	}
	sender, rest = s, ""
	if at := strings.Index(s, ", size="); at >= 0 {
		sender, rest = s[:at], s[at:]
	}
	return escaped(angled(sender)), rest
}

// offspring reads of a message that was made because of another: its bounce,
// or its copy for a list's members.
func (p *sendmail) offspring(r bouncehouse.Record, h *headReader, e *entry, id, child, rest string,
	res *bouncehouse.Result) error {
	kind, text, ok := strings.Cut(rest, ": ")
	if !ok {
		return nil
	}
	switch kind {
	case "clone":
		if owner, ok := strings.CutPrefix(text, "owner="); ok {
			p.clone(e, id, child, owner)
		}
		return nil
	case "DSN", "return to sender", "sender notify", "postmaster notify":
	default:
		return nil
	}
	at, err := h.clock.time(&r, &e.stamp)
	if err != nil {
		return err
	}
	// No from= line is logged of a bounce.
	m := p.memory.renew(e.host, child)
	m.begun, m.announced = true, true
	res.Arrivals = append(res.Arrivals, bouncehouse.Arrival{Time: at, Host: e.host, QueueID: child})
	if kind != "sender notify" && isExpiry(text) {
		p.expired(at, e, id, text, res)
	}
	return nil
}

// clone notes that child is a copy of a message with another sender.
func (p *sendmail) clone(e *entry, parent, child, owner string) {
	of := p.memory.find(e.host, parent)
	if of == nil {
		return
	}
	known := *of // the child may push it out
	m := p.memory.renew(e.host, child)
	m.begun, m.announced, m.size = known.begun, true, known.size
	m.sender = p.memory.keep(m, angled(owner))
	p.inherit(m, &known)
}

// split notes further queue ids of one message: "count=2, ids=QID; QID".
func (p *sendmail) split(e *entry, parent, s string) {
	at := strings.Index(s, ", id")
	if at < 0 {
		return
	}
	_, ids, _ := strings.Cut(s[at:], "=")
	for ids != "" {
		end := strings.IndexAny(ids, "; ,")
		if end < 0 {
			end = len(ids)
		}
		of := p.memory.find(e.host, parent)
		if of == nil {
			return
		}
		if end >= 8 && end <= 17 && ids[:end] != parent {
			known := *of
			m := p.memory.renew(e.host, ids[:end])
			m.begun, m.announced, m.size = known.begun, known.announced, known.size
			m.sender = p.memory.keep(m, known.sender)
			p.inherit(m, &known)
		}
		ids = strings.TrimLeft(ids[end:], "; ,")
	}
}

func (p *sendmail) inherit(m, of *message) {
	m.messageID = p.memory.keep(m, of.messageID)
	m.client = p.memory.keep(m, of.client)
	m.saslUser = p.memory.keep(m, of.saslUser)
}

// context adds what is remembered of the message.
func (p *sendmail) context(ev *bouncehouse.Event, m *message) {
	if m == nil || !m.announced {
		return
	}
	ev.Sender, ev.MessageID, ev.Client, ev.SASLUser = m.sender, m.messageID, m.client, m.saslUser
	ev.ContextKnown = m.begun
}
