package torture

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// logLine is a line to be written. The stamp that is put before it gives its attempts their time.
type logLine struct {
	text     string
	attempts []Attempt
	arrival  bool
}

// postfixLog makes up what a Postfix logs: many messages under way at once, of one to three recipients each, who are
// delivered, refused, deferred and tried again seconds later, until the message expires.
type postfixLog struct {
	r       *rand.Rand
	host    string
	lasting bool // no message expires: whom such a line means stands in earlier ones
	n       int
	under   []*message
}

// message is one that is in the queue.
type message struct {
	id, sender, messageID, client string

	step     int // lines of its beginning that were said
	todo     []string
	deferred []string // since it last became active
	runs     int
	last     int       // the run after which it expires, if it comes so far
	next     time.Time // no line of it before
}

// underWay is how many messages are in the queue at once.
const underWay = 24

// remotes are the servers that answer, of providers known by name and not.
var remotes = []struct{ host, provider string }{
	{"mx.example.net", ""}, {"mx2.example.org", ""},
	{"gmail-smtp-in.l.google.com", "google"}, {"mta5.am0.yahoodns.net", "yahoo"},
	{"example-com.mail.protection.outlook.com", "microsoft"},
}

// next is the line that comes next. With finish no new message begins, and it is nil where all are at their end.
func (p *postfixLog) next(now time.Time, finish bool) *logLine {
	for len(p.under) < underWay && !finish {
		p.under = append(p.under, p.arrive())
	}
	if len(p.under) == 0 {
		return nil
	}
	from := p.r.IntN(len(p.under))
	for i := range p.under {
		at := (from + i) % len(p.under)
		m := p.under[at]
		if m.next.After(now) && !finish {
			continue
		}
		line, removed := p.line(m, now)
		if removed {
			p.under = append(p.under[:at], p.under[at+1:]...)
		}
		return line
	}
	if len(p.under) > 8*underWay {
		return nil // all wait
	}
	m := p.arrive()
	p.under = append(p.under, m)
	line, _ := p.line(m, now)
	return line
}

// beginning is the next line of a message that has begun and did not arrive yet; nil where there is none.
func (p *postfixLog) beginning(now time.Time) *logLine {
	for _, m := range p.under {
		if m.step == 1 || m.step == 2 {
			line, _ := p.line(m, now)
			return line
		}
	}
	return nil
}

func (p *postfixLog) arrive() *message {
	p.n++
	m := &message{
		id:        fmt.Sprintf("4j%s%06dz%s", digits(p.host), p.n, "kQ"),
		sender:    fmt.Sprintf("s%d@shop.example", p.r.IntN(50)),
		messageID: fmt.Sprintf("m%d.%s@shop.example", p.n, p.host),
		client:    fmt.Sprintf("app%d.example.com[192.0.2.%d]", p.n%9, 10+p.n%9),
		last:      1 + p.r.IntN(3),
	}
	for i := range 1 + p.r.IntN(3) {
		m.todo = append(m.todo, fmt.Sprintf("r%d-%d.%s@example.net", p.n, i, p.host))
	}
	return m
}

// digits makes letters of a queue id out of a host's name.
func digits(host string) string {
	out := ""
	for _, c := range host {
		if c >= '0' && c <= '9' {
			out += string("BCDFGHJKLM"[c-'0'])
		}
	}
	return out
}

// line is the message's next one.
func (p *postfixLog) line(m *message, now time.Time) (line *logLine, removed bool) {
	say := func(daemon, format string, args ...any) *logLine {
		return &logLine{text: fmt.Sprintf(" %s postfix/%s[%d]: %s: ", p.host, daemon, 300+len(daemon),
			m.id) + fmt.Sprintf(format, args...)}
	}
	active := func() *logLine {
		return say("qmgr", "from=<%s>, size=2210, nrcpt=%d (queue active)", m.sender, len(m.todo))
	}
	m.step++
	switch {
	case m.step == 1:
		return say("smtpd", "client=%s", m.client), false
	case m.step == 2:
		return say("cleanup", "message-id=<%s>", m.messageID), false
	case m.step == 3:
		line := active()
		line.arrival = true
		return line, false
	case len(m.todo) > 0:
		return p.try(m), false
	case len(m.deferred) > 0 && (m.runs < m.last || p.lasting):
		m.runs++
		m.todo, m.deferred = m.deferred, nil
		m.next = now.Add(time.Duration(p.r.IntN(3000)) * time.Millisecond)
		return active(), false
	case len(m.deferred) > 0:
		line := say("qmgr", "from=<%s>, status=expired, returned to sender", m.sender)
		for _, to := range m.deferred {
			line.attempts = append(line.attempts, p.attempt(m, to, "expired"))
		}
		m.deferred = nil
		return line, false
	}
	return say("qmgr", "removed"), true
}

// try is an attempt for the message's next recipient. The number in the reply is another each time, so that no reply is
// known from an earlier one.
func (p *postfixLog) try(m *message) *logLine {
	to, remote := m.todo[0], remotes[p.r.IntN(len(remotes))]
	m.todo = m.todo[1:]
	a := p.attempt(m, to, "delivered")
	a.Provider, a.Code, a.Enhanced = remote.provider, 250, "2.0.0"
	said := fmt.Sprintf("sent (250 2.0.0 Ok: queued as %X)", p.r.Uint32())
	switch dice := p.r.IntN(10); {
	case dice < 3:
		a.Outcome, a.Code, a.Enhanced = "deferred", 451, "4.7.1"
		said = fmt.Sprintf("deferred (host %s[192.0.2.27] said: 451 4.7.1 Try again later, %d (in reply to RCPT TO command))",
			remote.host, p.r.Uint32())
		m.deferred = append(m.deferred, to)
		if len(m.todo) == 0 {
			m.next = time.Now().Add(time.Duration(200+p.r.IntN(20_000)) * time.Millisecond)
		}
	case dice < 5:
		a.Outcome, a.Code, a.Enhanced = "bounced", 550, "5.1.1"
		said = fmt.Sprintf("bounced (host %s[192.0.2.27] said: 550 5.1.1 No such user, %d (in reply to RCPT TO command))",
			remote.host, p.r.Uint32())
	}
	return &logLine{
		text: fmt.Sprintf(" %s postfix/smtp[358]: %s: to=<%s>, relay=%s[192.0.2.27]:25, "+
			"delay=0.54, delays=0.01/0/0.3/0.2, dsn=%s, status=%s",
			p.host, m.id, to, remote.host, a.Enhanced, said),
		attempts: []Attempt{a},
	}
}

func (p *postfixLog) attempt(m *message, to, outcome string) Attempt {
	return Attempt{Source: "postfix", Host: p.host, Recipient: to, QueueID: m.id, Sender: m.sender,
		MessageID: m.messageID, Client: m.client, Outcome: outcome, Counted: 1}
}
