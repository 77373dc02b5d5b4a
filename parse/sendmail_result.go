package parse

import (
	"errors"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/bouncehouse/bouncehouse"
)

var errNoStat = errors.New("result line of Sendmail is cut off: no stat")

// delivery is one line of logdelivery taken apart.
type delivery struct {
	rcpts    string // "<a>,<b>", also "root", "|/path", "/dev/null"
	ctladdr  string // the address by whose right it is delivered: an alias, or the sender
	delay    string
	mailer   string
	relay    string
	dsn      string
	stage    string // in builds with _FFR_LOG_STAGE
	reply    string
	stat     string
	received bool // logged while the message was received: no attempt was made [srvrsmtp.c, logundelrcpts]
}

// read takes apart what follows "to=". Addresses, the reply and the text of
// stat= are strangers'; what is between them is not.
func (d *delivery) read(s string) bool {
	d.rcpts, s = cutRecipients(s)
	d.received = true
	for s != "" {
		key, val, rest := cutField(s)
		switch key {
		case "ctladdr":
			d.ctladdr = val
		case "delay":
			d.delay = val
		case "xdelay":
			d.received = false
		case "mailer":
			d.mailer, d.received = val, false
		case "relay":
			d.relay = val
		case "dsn":
			d.dsn = val
		case "stage":
			d.stage = val
		case "reply":
			return d.cutReply(s[len(", reply="):])
		case "stat":
			d.stat = s[len(", stat="):]
			return true
		}
		s = rest
	}
	return false
}

// cutReply parts "450 4.2.0 text, stat=Deferred: 450 4.2.0 text". A reply may
// itself look like a status: what follows must be one that goes with it.
func (d *delivery) cutReply(s string) bool {
	const stat = ", stat="
	first := -1
	for from, tries := 0, 0; tries < maxTries; tries++ {
		n := strings.Index(s[from:], stat)
		if n < 0 {
			break
		}
		n += from
		if first < 0 {
			first = n
		}
		after := s[n+len(stat):]
		deferred := strings.HasPrefix(after, "Deferred")
		if deferred == strings.HasPrefix(s, "4") && !strings.HasPrefix(after, "Sent") {
			first = n
			break
		}
		from = n + len(stat)
	}
	if first < 0 {
		return false
	}
	d.reply, d.stat = s[:first], s[first+len(stat):]
	return true
}

// cutRecipients cuts the list of recipients off. They are joined by commas,
// and ", " begins the next field.
func cutRecipients(s string) (rcpts, rest string) {
	i := 0
	for i < len(s) {
		switch s[i] {
		case '<':
			if _, rest, ok := cutAddress(s[i+1:]); ok {
				i = len(s) - len(rest)
				continue
			}
			return cutUnclosed(s, i)
		case '"':
			j := i + 1
			for j < len(s) && s[j] != '"' {
				if s[j] == '\\' {
					j++
				}
				j++
			}
			if j >= len(s) {
				return cutUnclosed(s, i)
			}
			i = j
		case ',':
			if i+1 < len(s) && s[i+1] == ' ' {
				return s[:i], strings.TrimPrefix(s[i:], ", [more]")
			}
		}
		i++
	}
	return s, ""
}

// cutUnclosed ends a list whose last address, from from on, was cut off.
func cutUnclosed(s string, from int) (rcpts, rest string) {
	for _, field := range [...]string{", ctladdr=", ", delay="} {
		if at := strings.Index(s[from:], field); at >= 0 {
			return s[:from+at], s[from+at:]
		}
	}
	return s, ""
}

// nextRecipient takes the first of a list; it has no brackets any more.
func nextRecipient(s string) (rcpt, rest string) {
	if strings.HasPrefix(s, "<") {
		if rcpt, rest, ok := cutAddress(s[1:]); ok {
			return rcpt, strings.TrimPrefix(rest, ",")
		}
		return s[1:], ""
	}
	quoted := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case c == ',' && !quoted:
			return bareAddress(s[:i]), s[i+1:]
		}
	}
	return bareAddress(s), ""
}

// recipients calls yield for each address of the list, without brackets.
func (d *delivery) recipients(yield func(string) bool) {
	for list := d.rcpts; list != ""; {
		var rcpt string
		rcpt, list = nextRecipient(list)
		rcpt = strings.TrimPrefix(rcpt, `\`) // "\root" is root, not to be aliased
		if rcpt != "" && !yield(rcpt) {
			return
		}
	}
}

// result reads what became of the recipients that were tried at once.
func (p *sendmail) result(r bouncehouse.Record, h *headReader, e *entry, id, rest string, res *bouncehouse.Result) error {
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
		p.notTaken(at, e, id, &d, m, res)
		return nil
	}
	var ev bouncehouse.Event
	ev.Source, ev.Time, ev.Host, ev.QueueID = bouncehouse.Sendmail, at, e.host, id
	ev.Direction, ev.Outcome, ev.Counted = bouncehouse.Outbound, outcome, true
	ev.EnhancedCode, ev.Delay = d.dsn, parseInterval(d.delay)
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
			if name = bareAddress(name); !strings.EqualFold(name, m.sender) {
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
		_, said, _ := strings.Cut(d.stat, "(")
		said = strings.TrimSuffix(said, ")")
		if ev.RemoteHost != "" || ev.RemoteIP.IsValid() {
			ev.Stage = bouncehouse.StageEOD
		}
		enhanced, said := cutEnhanced(said)
		if enhanced != "" {
			ev.EnhancedCode = enhanced
		}
		ev.ReplyText = octal(said)
		return
	}
	said := d.reply
	if said == "" {
		said = strings.TrimPrefix(d.stat, "Deferred: ")
	}
	ours := ourOwn(said)
	if startsWithCode(said) && d.reply == "" && ev.Outcome == bouncehouse.Bounced && !ev.RemoteIP.IsValid() {
		ours = true
	}
	reply := parseReply(said)
	ev.ReplyText = octal(reply.text)
	if !ours {
		ev.ReplyCode = reply.code
		if reply.enhanced != "" {
			ev.EnhancedCode = reply.enhanced
		}
	}
	if ev.Stage = stageNamed(d.stage); ev.Stage != "" || reply.code != 0 && !ours {
		return
	}
	switch {
	case strings.HasPrefix(reply.text, "TLS handshake failed"), strings.HasPrefix(reply.text, "DANE"), strings.HasPrefix(reply.text, "STARTTLS"):
		ev.Stage = bouncehouse.StageSTARTTLS
	case strings.HasPrefix(reply.text, "Connection refused"), strings.HasSuffix(reply.text, "Network is unreachable"),
		strings.HasSuffix(reply.text, "No route to host"), strings.HasSuffix(reply.text, "Host is down"),
		strings.HasPrefix(reply.text, "Connection timed out") && d.dsn == "4.4.1":
		ev.Stage = bouncehouse.StageConnect
	}
}

// ourOwn tells codes that Sendmail makes up from those of the remote: the
// rulesets of TLS reject with 403 or 454 [cf/m4/proto.m4], a closed
// connection is "421 4.4.1" [usersmtp.c, reply].
func ourOwn(s string) bool {
	if !startsWithCode(s) {
		return true
	}
	text := s[3:]
	if len(text) > 0 {
		_, text = cutEnhanced(text[1:])
	}
	switch {
	case strings.HasPrefix(s, "403 "):
		return true
	case strings.HasPrefix(text, "TLS handshake failed."):
		return strings.HasPrefix(s, "454 4.7.0")
	case strings.HasPrefix(s, "421 4.4.1 "), strings.HasPrefix(s, "421 4.4.2 "), strings.HasPrefix(s, "451 4.4.1 "):
		return strings.HasPrefix(text, "Connection reset by ") || strings.HasPrefix(text, "Connection timed out with ") ||
			strings.HasPrefix(text, "Connection refused by ") || strings.HasPrefix(text, "reply: read error from ")
	}
	return false
}

// settle decides what is no attempt at the recipient's server.
func (d *delivery) settle(ev *bouncehouse.Event) {
	switch {
	case ev.Outcome == bouncehouse.Deferred && d.reply == "" && d.stat == "Deferred" && !ev.RemoteIP.IsValid() && ev.RemoteHost != "":
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
		strings.Contains(ev.ReplyText, "queued as") || strings.Contains(ev.ReplyText, "from MTA(") || strings.Contains(ev.ReplyText, "discarded, id=")
}

// setRelay reads "host. [ip]", "[ip] [ip]" or "host.".
func setRelay(ev *bouncehouse.Event, s string) {
	host, ip, ok := strings.Cut(s, " [")
	if ok {
		ip, _, _ = strings.Cut(ip, "]")
		ev.RemoteIP = hostIP(ip)
	}
	if host == "" || host[0] == '[' || strings.IndexByte(host, ' ') >= 0 {
		return
	}
	if ok || strings.IndexByte(host, '.') > 0 { // else it is what a local mailer was given
		ev.RemoteHost = strings.TrimSuffix(host, ".")
	}
}

// parseInterval reads "1+02:03:04".
func parseInterval(s string) bouncehouse.Delay {
	days, clock, ok := strings.Cut(s, "+")
	if !ok {
		days, clock = "0", s
	}
	if len(clock) != 8 || clock[2] != ':' || clock[5] != ':' || !digits(days) || len(days) > 4 {
		return bouncehouse.Delay{}
	}
	h, m, sec := pair(clock), pair(clock[3:]), pair(clock[6:])
	if h < 0 || m < 0 || sec < 0 {
		return bouncehouse.Delay{}
	}
	seconds := ((number(days)*24+int64(h))*60+int64(m))*60 + int64(sec)
	return bouncehouse.Delay{Duration: time.Duration(seconds) * time.Second, Known: true}
}

// octal makes "\345\256\233" the letters that they are. Bytes that are no
// UTF-8 stay as they were logged.
func octal(s string) string {
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	var b strings.Builder
	var run [64]byte
	last := 0
	for i := 0; i < len(s); {
		n, from := 0, i
		for n < len(run) && i+3 < len(s) && s[i] == '\\' && s[i+1]-'2' <= 1 && s[i+2]-'0' <= 7 && s[i+3]-'0' <= 7 {
			run[n] = (s[i+1]-'0')<<6 | (s[i+2]-'0')<<3 | (s[i+3] - '0')
			n++
			i += 4
		}
		if n == 0 {
			i++
			continue
		}
		for n > 0 && !utf8.Valid(run[:n]) && n > len(run)-4 { // the run was cut in a letter
			n--
			i -= 4
		}
		if utf8.Valid(run[:n]) {
			b.WriteString(s[last:from])
			b.Write(run[:n])
			last = from + 4*n
		}
		i = max(i, from+4)
	}
	if last == 0 {
		return s
	}
	b.WriteString(s[last:])
	return b.String()
}

// isExpiry tells that a message is given up after the queue's lifetime
// [envelope.c, dropenvelope; deliver.c for deliver-by].
func isExpiry(s string) bool {
	return strings.HasPrefix(s, "Cannot send message for ") || strings.HasPrefix(s, "Cannot send message within ") ||
		strings.HasPrefix(s, "delivery time expired") || strings.HasPrefix(s, "Delivery time expired")
}

// expired reads that whoever is left of the message is given up. The line
// names no recipient: they are those whose last result was a deferral. Where
// none was seen there is one event, without recipient.
func (p *sendmail) expired(at time.Time, e *entry, id, text string, res *bouncehouse.Result) {
	m := p.memory.find(e.host, id)
	var left []string
	if m != nil {
		left = m.deferred
	}
	for i := range max(1, len(left)) {
		ev := newEvent(res, bouncehouse.Sendmail)
		ev.Time, ev.Host, ev.QueueID = at, e.host, id
		ev.Direction, ev.Outcome, ev.Counted = bouncehouse.Outbound, bouncehouse.Expired, true
		ev.ReplyText = text
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
	at := slices.Index(m.deferred, rcpt)
	switch {
	case left && at < 0:
		p.memory.deferral(m, rcpt)
	case !left && at >= 0:
		n := len(m.deferred[at]) + 16
		m.bytes -= n
		p.memory.bytes -= n
		m.deferred = slices.Delete(m.deferred, at, at+1)
	}
	return m
}
