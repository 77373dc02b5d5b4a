package parse

import (
	"strconv"
	"strings"

	"github.com/bouncehouse/bouncehouse"
	"github.com/bouncehouse/bouncehouse/parse/values"
)

// What is remembered of a mail in Haraka's queue, from one line to the next:
// from whom it is, to whom, and how far the attempt has come.

// harakaMail is one mail in the queue.
type harakaMail struct {
	sender    string
	known     bool // sender is, and all that the transaction told
	messageID string
	client    string

	rcpts    []string // not yet served
	single   string   // whom it is for where each recipient has a mail of his own (always_split)
	complete bool     // rcpts are all of them: by the transaction, or by RCPT TO
	asking   []string // named by RCPT TO in this attempt
	command  string   // the last that was sent
	mx       string
	ip       string
	port     uint16
	tls      string
	failed   string // what the last connection failed of
}

// mail returns what is known of a mail. One that is new is made of its
// transaction's, and announced.
func (p *haraka) mail(uuid string) *harakaMail {
	key := memoKey{id: uuid}
	if m := p.mails.find(key); m != nil {
		return m
	}
	m := p.mails.put(key)
	dot := strings.LastIndexByte(uuid, '.')
	if dot < 0 {
		return m
	}
	if t := p.trans.find(memoKey{id: uuid[:dot]}); t != nil && t.known {
		m.sender, m.known, m.messageID = t.sender, true, t.messageID
		number, _ := strconv.Atoi(uuid[dot+1:])
		m.rcpts = ofDomain(t.rcpts, number)
		if number > 0 && number <= len(t.rcpts) {
			if m.single = t.rcpts[number-1]; m.rcpts == nil {
				m.rcpts = []string{m.single}
			}
		}
		m.complete = len(m.rcpts) > 0
		for _, addr := range m.rcpts { // they may outlive the transaction
			p.mails.charge(key, len(addr)+16)
		}
		connection, _, _ := strings.Cut(uuid, ".")
		if c := p.conns.find(memoKey{id: connection}); c != nil {
			m.client = "[" + c.ip + "]"
		}
	}
	return m
}

// ofDomain is the recipients of the n-th domain among all: a mail is queued
// for each (outbound/index.js).
func ofDomain(all []string, n int) (of []string) {
	var domains []string
	for _, addr := range all {
		domain := strings.ToLower(addr[strings.LastIndexByte(addr, '@')+1:])
		at := 0
		for at < len(domains) && domains[at] != domain {
			at++
		}
		if at == len(domains) {
			if domains = append(domains, domain); len(domains) > 200 {
				return nil
			}
		}
		if at == n-1 {
			of = append(of, addr)
		}
	}
	return of
}

// connection notes to whom the next answers belong.
func (p *haraka) connection(r bouncehouse.Record, h *headReader, host string, l *harakaLine, res *bouncehouse.Result) {
	s := l.text
	switch {
	case strings.HasPrefix(s, "Looking up ") && strings.Contains(s, " records for: "):
		_, mx, _ := strings.Cut(s, " records for: ")
		m := p.announce(r, h, host, l, res)
		p.mails.keep(memoKey{id: l.uuid}, &m.mx, mx)
	case strings.HasPrefix(s, "Attempting to deliver to: "):
		to, _, _ := strings.Cut(s[len("Attempting to deliver to: "):], " ")
		m := p.announce(r, h, host, l, res)
		p.asked(l.uuid, m)
		m.tls, m.command = "", ""
		if colon := strings.LastIndexByte(to, ':'); colon > 0 {
			m.port = values.Port(to[colon+1:])
			p.mails.keep(memoKey{id: l.uuid}, &m.ip, to[:colon])
		}
	case strings.HasPrefix(s, "Failed to get "), strings.HasPrefix(s, "Ongoing connection failed to "),
		strings.HasPrefix(s, "Remote end "):
		why := s
		if strings.HasPrefix(s, "Failed to get ") {
			_, why, _ = strings.Cut(s, ": ")
		}
		m := p.mail(l.uuid)
		p.mails.keep(memoKey{id: l.uuid}, &m.failed, why)
	case s == "secured" || strings.HasPrefix(s, "secured "):
		l.cutFields("verified=")
		if m := p.mails.find(memoKey{id: l.uuid}); m != nil {
			p.mails.keep(memoKey{id: l.uuid}, &m.tls, l.fields[harakaVersion])
		}
	}
}

// announce returns the mail; at its first line its context becomes an arrival.
func (p *haraka) announce(r bouncehouse.Record, h *headReader, host string, l *harakaLine,
	res *bouncehouse.Result) *harakaMail {
	if m := p.mails.find(memoKey{id: l.uuid}); m != nil {
		return m
	}
	m := p.mail(l.uuid)
	if m.known {
		if at, err := h.clock.time(&r, &l.stamp); err == nil {
			res.Arrivals = append(res.Arrivals, bouncehouse.Arrival{
				Time: at, Host: host, QueueID: l.uuid, Sender: m.sender, MessageID: m.messageID, Client: m.client,
			})
		}
	}
	return m
}

// command notes what is sent: "RCPT TO:<a@b>".
func (p *haraka) command(l *harakaLine, s string) {
	s = strings.TrimSuffix(s, `\r\n`)
	m := p.mail(l.uuid)
	switch {
	case strings.HasPrefix(s, "MAIL FROM:<"):
		p.asked(l.uuid, m)
		m.command = "MAIL"
		if addr := harakaAddress(s[len("MAIL FROM:"):]); !m.known {
			p.mails.keep(memoKey{id: l.uuid}, &m.sender, addr)
		}
	case strings.HasPrefix(s, "RCPT TO:<"):
		m.command = "RCPT"
		if addr := harakaAddress(s[len("RCPT TO:"):]); len(m.asking) < maxHarakaRcpts && len(addr) <= maxKept {
			m.asking = append(m.asking, strings.Clone(addr))
			p.mails.charge(memoKey{id: l.uuid}, len(addr)+16)
		}
	case s == ".":
		m.command = "end of DATA"
	default:
		word, _, _ := strings.Cut(s, " ")
		switch word {
		case "EHLO", "HELO", "LHLO", "STARTTLS", "AUTH", "DATA":
			p.mails.keep(memoKey{id: l.uuid}, &m.command, word)
		}
	}
}

// asked forgets whom the attempt named: it is over.
func (p *haraka) asked(uuid string, m *harakaMail) {
	n := 0
	for _, addr := range m.asking {
		n += len(addr) + 16
	}
	p.mails.charge(memoKey{id: uuid}, -n)
	clear(m.asking)
	m.asking = m.asking[:0]
}

func without(all []string, addr string) []string {
	for i := range all {
		if all[i] == addr {
			return append(all[:i], all[i+1:]...)
		}
	}
	return all
}

// about is whom a line is about that names nobody; n is how many, if known.
func (m *harakaMail) about(n int) []string {
	switch {
	case m == nil:
	case len(m.asking) > 0 && (n < 0 || n == len(m.asking)):
		return m.asking
	case m.complete && (n < 0 || n == len(m.rcpts)):
		return m.rcpts
	}
	return nil
}
