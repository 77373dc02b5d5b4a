package parse

import (
	"strings"

	"github.com/bouncehouse/bouncehouse"
	"github.com/bouncehouse/bouncehouse/parse/values"
)

// Exim 3 to 4.98: its main log and reject log, in files of its own or behind
// syslog headers (specification, chapter "Log files"; ID is the message id,
// 1tEAbc-0000ab-00 or, since 4.97, 1tEAbc-0000000AbCd-0EfG; the source file in
// Exim that writes it in brackets):
//
//	ID <= a@b H=host (helo) [ip]:port P=esmtpsa X=... A=login:user S=2048 id=m@h T="..." for c@d   [receive.c]
//	ID <= <> R=ID U=mailnull P=local S=2479                        a bounce of the message R
//	ID => c@d <e@f> F=<a@b> R=dnslookup T=remote_smtp H=host [ip] X=TLS1.3:... C="250 OK"          [deliver.c, delivery_log]
//	ID -> c@d ...    a further recipient of the same copy; >> delivered while it came in; *> not delivered (-N)
//	ID == c@d R=dnslookup T=remote_smtp defer (-44) H=host [ip]: SMTP error from remote mail server after RCPT TO:<c@d>: 450 ...   [deferral_log]
//	ID == c@d R=dnslookup T=remote_smtp defer (111): Connection refused
//	ID ** c@d <e@f> R=dnslookup T=remote_smtp H=host [ip] X=...: SMTP error from remote mail server after end of data: 554 ...     [failure_log]
//	ID ** c@d: retry timeout exceeded                              [retry.c]
//	ID H=host [ip] Connection refused                              a host of several, before the result [transports/smtp.c, write_logs]
//	ID Completed
//
// and of clients that were refused: exim_inbound.go. No results are lines
// about a single host with a reply (the recipients' own lines say it again),
// Frozen, Unfrozen, "cancelled by" (each recipient has a line), "removed by",
// cwd= and what panels add ("SMTP connection outbound", "Sender identification").
//
// Exim writes no zone unless log_timezone is set, fractions with +millisec,
// and the process with +pid:
//
//	2026-11-01 18:56:32.123 +0100 [4711] ID => ...
type exim struct {
	head   headReader
	memory memory
	failed recent[failedHosts]
	pieces recent[piece]
	twice  recent[refusedLine]
}

func newExim(o Options) bouncehouse.Parser { return &exim{head: headReader{journal: o.Journal}} }

func (p *exim) Parse(r bouncehouse.Record, res *bouncehouse.Result) error {
	text := trimHead(r.Text)
	var e entry
	if !cutEximHead(text, &e) || !eximWords(e.msg) {
		if p.head.read(&r, &e, res) {
			_, err := p.parseEntry(r, &p.head, &e, res)
			return err
		}
		if !cutEximHead(e.inner, &e) || !eximWords(e.msg) {
			return nil
		}
	}
	e.host = r.Host
	return p.line(r, &p.head, &e, res)
}

func (p *exim) parseEntry(r bouncehouse.Record, h *headReader, e *entry,
	res *bouncehouse.Result) (mine bool, err error) {
	// syslog_processname: exim, exim4, mx-exim
	if !strings.HasPrefix(e.program, "exim") && !strings.HasSuffix(e.program, "exim") {
		return false, nil
	}
	if e.host == "" {
		e.host = r.Host
	}
	if strings.HasPrefix(e.msg, "[") {
		if !p.join(e) {
			return true, nil
		}
	}
	var own entry
	if cutEximHead(e.msg, &own) {
		e.msg = own.msg
		// Exim's own stamp has a year, syslog's may have a zone.
		if own.stamp.zone != "" || e.stamp.kind == stampBSD || e.stamp.kind == stampNone {
			e.stamp = own.stamp
		}
	} else if pid, rest, ok := cutPID(e.msg); ok { // syslog_timestamp = false
		e.pid, e.msg = pid, rest
	}
	if p.duplicate(e) {
		return true, nil
	}
	return true, p.line(r, h, e, res)
}

// line reads what stands behind stamp and process.
func (p *exim) line(r bouncehouse.Record, h *headReader, e *entry, res *bouncehouse.Result) error {
	id, rest := cutEximID(e.msg)
	if id == "" {
		return p.refusal(r, h, e, "", e.msg, res)
	}
	if len(rest) < 3 {
		return nil
	}
	if rest[2] == ' ' {
		switch rest[:2] {
		case "<=", "(=": // (= is refused in words, and kept (fakereject)
			return p.arrival(r, h, e, id, rest[3:], res)
		case "=>", "->", ">>", "*>", "**", "==":
			return p.result(r, h, e, id, rest[:2], rest[3:], res)
		}
	}
	if rest[0] == 'C' && (rest == "Completed" || strings.HasPrefix(rest, "Completed ")) {
		if m := p.memory.find(e.host, id); m != nil {
			p.memory.remove(m)
		}
		p.failed.remove(memoKey{e.host, id})
		return nil
	}
	if p.hostFailed(e, id, rest) {
		return nil
	}
	return p.refusal(r, h, e, id, rest, res)
}

// base62 is how many letters and digits s begins with, up to 12.
func base62(s string) int {
	n := 0
	for n < len(s) && n < 12 && (s[n]|0x20 >= 'a' && s[n]|0x20 <= 'z' || s[n]-'0' <= 9) {
		n++
	}
	return n
}

// cutEximID cuts a message id and the blank behind it off: 6-6-2 or 6-11-4
// characters of base 62.
func cutEximID(s string) (id, rest string) {
	if len(s) < 16 || s[6] != '-' || base62(s) != 6 {
		return "", s
	}
	n := 7 + base62(s[7:])
	if n < 13 || n > 18 || n+3 > len(s) || s[n] != '-' {
		return "", s
	}
	last := base62(s[n+1:])
	if n += 1 + last; last < 2 || last > 4 {
		return "", s
	}
	if n == len(s) {
		return s, ""
	}
	if s[n] != ' ' {
		return "", s
	}
	return s[:n], s[n+1:]
}

// arrival reads what follows "<= ".
func (p *exim) arrival(r bouncehouse.Record, h *headReader, e *entry, id, s string, res *bouncehouse.Result) error {
	sender, s, ok := cutEximSender(s)
	if !ok {
		return nil // cut off
	}
	at, err := h.clock.time(&r, &e.stamp)
	if err != nil {
		return err
	}
	m := p.memory.renew(e.host, id)
	m.begun, m.announced, m.arrived = true, true, at
	m.sender = p.memory.keep(m, sender)
	client := false // only the first H= is Exim's
	for len(s) > 1 && s[0] == ' ' {
		if !client && strings.HasPrefix(s, " H=") {
			client = true
			var c eximClient
			s = c.read(s[3:])
			if c.ip.IsValid() {
				if c.host == "" {
					c.host = "unknown" // as Postfix has it
				}
				m.client = c.host[:min(len(c.host), maxKept)] + "[" + c.ip.String() + "]"
				p.memory.charge(m, len(m.client))
			} else if n := strings.IndexByte(s, ' '); n >= 0 {
				s = s[n:]
			}
			continue
		}
		var key, val string
		key, val, s = cutEximField(s[1:])
		switch key {
		case "A":
			m.saslUser = p.memory.keep(m, eximUser(val))
		case "S":
			m.size = values.Number(val)
		case "id", "id*": // id* was made by Exim itself
			m.messageID = p.memory.keep(m, values.MessageID(val))
		case "":
			if val == "from" || val == "for" {
				s = "" // the recipients: all fields are read
			}
		}
		if strings.HasPrefix(s, ": ") { // part of a value
			n := strings.IndexByte(s[2:], ' ')
			if n < 0 {
				break
			}
			s = s[2+n:]
		}
	}
	res.Arrivals = append(res.Arrivals, bouncehouse.Arrival{
		Time: at, Host: e.host, QueueID: id,
		MessageID: m.messageID, Sender: m.sender, Client: m.client, SASLUser: m.saslUser, Size: m.size,
	})
	return nil
}

// cutEximSender cuts an address off, or <>.
func cutEximSender(s string) (addr, rest string, ok bool) {
	if rest, ok = strings.CutPrefix(s, "<>"); ok {
		return "", rest, rest != ""
	}
	n := quotedPart(s)
	end := strings.IndexByte(s[n:], ' ')
	if end < 0 || n+end == 0 {
		return "", "", false
	}
	return s[:n+end], s[n+end:], true
}

// quotedPart is the length of the quoted string that s begins with, or 0.
func quotedPart(s string) int {
	if !strings.HasPrefix(s, `"`) {
		return 0
	}
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(s)
}

// maxEximAddress bounds the search for an address's end.
const maxEximAddress = 2048

// cutEximField cuts key=value off, or a word without "=", which is val then.
// A colon with a blank behind it ends a value: rest begins with it.
func cutEximField(s string) (key, val, rest string) {
	eq := -1
	for i := range len(s) {
		switch s[i] {
		case ' ':
			return s[:max(eq, 0)], s[eq+1 : i], s[i:]
		case ':':
			if i+1 == len(s) || s[i+1] == ' ' {
				return s[:max(eq, 0)], s[eq+1 : i], s[i:]
			}
		case '=':
			if eq >= 0 || i+1 == len(s) {
				continue
			}
			eq = i
			if s[i+1] == '"' {
				end := i + 1 + quotedPart(s[i+1:])
				return s[:i], strings.TrimSuffix(s[i+2:end], `"`), s[end:]
			}
			if s[i+1] == '<' {
				near := s[i+2 : min(len(s), i+2+maxEximAddress)]
				if addr, rest, ok := values.CutAddress(near); ok {
					return s[:i], addr, s[i+2+len(near)-len(rest):]
				}
			}
		}
	}
	return s[:max(eq, 0)], s[eq+1:], ""
}

// eximUser is the user of "authenticator:user:sender".
func eximUser(s string) string {
	_, user, _ := strings.Cut(s, ":")
	user, _, _ = strings.Cut(user, ":")
	return user
}

// context adds what is remembered of the message.
func (p *exim) context(ev *bouncehouse.Event, host, id string) {
	m := p.memory.find(host, id)
	if m == nil {
		return
	}
	ev.Sender, ev.MessageID, ev.Client, ev.SASLUser, ev.ContextKnown = m.sender, m.messageID, m.client, m.saslUser, true
	if d := ev.Time.Sub(m.arrived); d >= 0 {
		ev.Delay = bouncehouse.Delay{Duration: d, Known: true}
	}
}
