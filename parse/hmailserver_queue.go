package parse

import (
	"fmt"
	"strings"
	"time"

	"github.com/bouncehouse/bouncehouse"
	"github.com/bouncehouse/bouncehouse/parse/charset"
	"github.com/bouncehouse/bouncehouse/parse/values"
)

// What hMailServer's delivery thread says of a message
// [SMTP/SMTPDeliverer.cpp, ExternalDelivery.cpp, LocalDelivery.cpp]:
//
//	SMTPDeliverer - Message 41: Delivering message from a@x to b@y,c@z. File: C:\Data\y.eml         "<Empty>" is the empty sender
//	SMTPDeliverer - Message 41: Relaying to host smarthost.example.
//	SMTPDeliverer - Message 41: No mail servers could be found for the address b@y.                 a result, for all of y
//	SMTPDeliverer - Message 41: The message was not delivered to b@x. Delivery to this account was cancelled since the account inbox is full. ...
//	SMTPDeliverer - Message 41: Message deleted (contained virus Eicar).
//	SMTPDeliverer - Message 41 - Connection failed: Host name: mx.y, message: ...                   DEBUG, or SMTPC of session 0
//	SMTPDeliverer - Message 41: Message could not be delivered. Greylisting? Scheduling it for quick retry 1 of 3 in 6 minutes.
//	SMTPDeliverer - Message 41: Message could not be delivered. Scheduling it for later delivery in 60 minutes.
//	SMTPDeliverer - Message 41: Message could not be delivered. Returning error log to sender.
//	SMTPDeliverer - Message 41: Message delivery thread completed.
//
// "could not be delivered" is said once for all recipients who are left. It
// adds to the refusals of the sessions only what they do not tell: that there
// was no session, or that the message is given up.
type hmailQueue struct {
	messages recent[hmailMessage]
	active   []string // numbers of messages under delivery, the newest last
}

// maxActive bounds the messages under delivery: threads are at most 100.
const maxActive = 256

type hmailMessage struct {
	sender string
	rcpts  []hmailRcpt
	cause  string // why no session came about
}

type hmailRcpt struct {
	address string
	outcome bouncehouse.Outcome // of this attempt; "" where none is known
}

// maxHmailRcpts bounds the recipients remembered of one message.
const maxHmailRcpts = 512

// time reads "2021-07-07 07:07:01.017".
func (p *hMailServer) time(r *bouncehouse.Record, s string) (time.Time, error) {
	st, rest, ok := cutStamp(s)
	if !ok || rest != "" {
		return time.Time{}, fmt.Errorf("no such time: %q", s)
	}
	return p.clock.time(r, &st)
}

// delivery reads a line of the delivery thread.
func (p *hMailServer) delivery(r *bouncehouse.Record, stamp, text string, res *bouncehouse.Result) error {
	rest, ok := strings.CutPrefix(text, "SMTPDeliverer - Message ")
	if !ok {
		return nil
	}
	n := 0
	for n < len(rest) && rest[n] >= '0' && rest[n] <= '9' {
		n++
	}
	if n == 0 {
		return nil
	}
	id, rest := rest[:n], rest[n:]
	q := &p.queue
	if cause, ok := strings.CutPrefix(rest, " - Connection failed: "); ok {
		if m := q.messages.find(memoKey{id: id}); m != nil && len(cause) <= maxKept {
			q.messages.keep(memoKey{id: id}, &m.cause, "Connection failed: "+
				strings.TrimSpace(strings.ReplaceAll(cause, "[nl]", " ")))
		}
		return nil
	}
	if rest, ok = strings.CutPrefix(rest, ": "); !ok {
		return nil
	}
	before := len(res.Events)
	switch {
	case strings.HasPrefix(rest, "Delivering message from "):
		q.begin(id, charset.Decode(rest[len("Delivering message from "):], "", nil))
		return nil
	case strings.HasPrefix(rest, "Message delivery thread completed"):
		q.end(id)
		return nil
	case strings.HasPrefix(rest, "No mail servers could be found for the address "):
		address := strings.TrimSuffix(rest[len("No mail servers could be found for the address "):], ".")
		q.unroutable(id, address, rest, res)
	case strings.HasPrefix(rest, "The message was not delivered to "):
		address, why, ok := strings.Cut(rest[len("The message was not delivered to "):], ". ")
		if !ok || !strings.Contains(why, "inbox is full") {
			return nil // by a rule or a forward of the recipient's own
		}
		q.add(res, id, address, bouncehouse.Bounced, why)
	case strings.HasPrefix(rest, "Message deleted (contained virus"):
		if m := q.messages.find(memoKey{id: id}); m != nil {
			for i := range m.rcpts {
				q.add(res, id, m.rcpts[i].address, bouncehouse.Bounced, rest)
			}
		}
	case strings.HasPrefix(rest, "Message could not be delivered."):
		q.undelivered(id, rest, res)
	}
	if len(res.Events) == before {
		return nil
	}
	at, err := p.time(r, stamp)
	for i := before; i < len(res.Events); i++ {
		res.Events[i].Time = at
	}
	return err
}

// begin reads "a@x to b@y,c@z. File: C:\Data\y.eml".
func (q *hmailQueue) begin(id, s string) {
	sender, rest, ok := strings.Cut(s, " to ")
	if !ok {
		return
	}
	if end := strings.LastIndex(rest, ". File: "); end >= 0 {
		rest = rest[:end]
	}
	id = strings.Clone(id)
	q.forget(id)
	if len(q.active) >= maxActive {
		q.active = append(q.active[:0], q.active[1:]...)
	}
	q.active = append(q.active, id)
	m := q.messages.put(memoKey{id: id})
	bytes := 0
	if sender != "<Empty>" {
		q.messages.keep(memoKey{id: id}, &m.sender, sender)
	}
	for rcpt := range strings.SplitSeq(rest, ",") {
		rcpt = strings.TrimSpace(rcpt)
		if len(m.rcpts) >= maxHmailRcpts {
			break
		}
		if strings.IndexByte(rcpt, '@') < 1 || strings.Contains(rcpt, " ... ") || len(rcpt) > maxKept {
			continue // the line was cut
		}
		m.rcpts = append(m.rcpts, hmailRcpt{address: strings.Clone(rcpt)})
		bytes += len(rcpt) + 64
	}
	q.messages.charge(memoKey{id: id}, bytes)
}

func (q *hmailQueue) end(id string) {
	q.forget(id)
	q.messages.remove(memoKey{id: id})
}

func (q *hmailQueue) forget(id string) {
	for i, one := range q.active {
		if one == id {
			q.active = append(q.active[:i], q.active[i+1:]...)
			return
		}
	}
}

// add appends an event of the delivery thread's own.
func (q *hmailQueue) add(res *bouncehouse.Result, id, rcpt string, outcome bouncehouse.Outcome,
	text string) *bouncehouse.Event {
	ev := newEvent(res, bouncehouse.HMailServer)
	ev.Direction, ev.Outcome, ev.Counted, ev.ContextKnown = bouncehouse.Outbound, outcome, true, true
	ev.QueueID, ev.Recipient, ev.ReplyText = id, rcpt, text
	if m := q.messages.find(memoKey{id: id}); m != nil {
		ev.Sender = m.sender
		for i := range m.rcpts {
			if strings.EqualFold(m.rcpts[i].address, rcpt) {
				m.rcpts[i].outcome = outcome
			}
		}
	}
	return ev
}

// unroutable is for all of a domain's recipients: the line names the first.
func (q *hmailQueue) unroutable(id, address, text string, res *bouncehouse.Result) {
	q.add(res, id, address, bouncehouse.Deferred, text)
	m := q.messages.find(memoKey{id: id})
	if m == nil {
		return
	}
	for i := range m.rcpts {
		if rcpt := &m.rcpts[i]; rcpt.outcome == "" && strings.EqualFold(values.Domain(rcpt.address),
			values.Domain(address)) {
			q.add(res, id, rcpt.address, bouncehouse.Deferred, text)
		}
	}
}

// undelivered reads the end of an attempt that has left recipients over.
func (q *hmailQueue) undelivered(id, text string, res *bouncehouse.Result) {
	givenUp := strings.Contains(text, "Returning error log to sender")
	m := q.messages.find(memoKey{id: id})
	if m == nil {
		if givenUp {
			q.add(res, id, "", bouncehouse.Expired, text)
		}
		return
	}
	outcome, explained := bouncehouse.Deferred, false
	if givenUp {
		outcome = bouncehouse.Expired
	}
	for i := range m.rcpts {
		if rcpt := &m.rcpts[i]; rcpt.outcome == bouncehouse.Deferred {
			explained = true
			if givenUp {
				q.add(res, id, rcpt.address, outcome, text)
			}
		}
	}
	if explained {
		return // who is left without a result may have had it locally
	}
	// There was no session, or it was lost. It was for those without a result,
	// where they are of one domain; else some may have had it locally.
	if m.cause != "" {
		text = m.cause
	}
	before := len(res.Events)
	if domain, ok := m.domain(); ok {
		for i := range m.rcpts {
			if m.rcpts[i].outcome == "" && strings.EqualFold(values.Domain(m.rcpts[i].address), domain) {
				q.add(res, id, m.rcpts[i].address, outcome, text)
			}
		}
	} else {
		q.add(res, id, "", outcome, text)
	}
	for i := before; i < len(res.Events) && m.cause != ""; i++ {
		res.Events[i].Stage = bouncehouse.StageConnect
	}
}

// domain is the one domain of the message's recipients who have no result.
func (m *hmailMessage) domain() (domain string, ok bool) {
	for i := range m.rcpts {
		if m.rcpts[i].outcome != "" {
			continue
		}
		if d := values.Domain(m.rcpts[i].address); !ok {
			domain, ok = d, true
		} else if !strings.EqualFold(d, domain) {
			return "", false
		}
	}
	return domain, ok
}

// settle ties a session's events to the message under delivery: sessions do
// not name it. A refusal before any RCPT is for the recipients whom the
// thread named, where there can be no doubt which these are.
func (q *hmailQueue) settle(res *bouncehouse.Result, from int) {
	for i := from; i < len(res.Events); i++ {
		ev := &res.Events[i]
		if ev.Recipient != "" {
			q.attempt(ev)
			continue
		}
		id, m := q.only(ev)
		if m == nil {
			continue
		}
		domain, ok := m.domain()
		if !ok {
			continue
		}
		template, first := *ev, true
		template.QueueID, template.Sender = id, m.sender
		for j := range m.rcpts {
			rcpt := &m.rcpts[j]
			if rcpt.outcome != "" || !strings.EqualFold(values.Domain(rcpt.address), domain) {
				continue
			}
			rcpt.outcome = template.Outcome
			template.Recipient = rcpt.address
			if first {
				res.Events[i], first = template, false
			} else {
				res.Events = append(res.Events, template)
			}
		}
		return // at most one event is without recipient, and it is the last
	}
}

// attempt notes a recipient's result with each message that it may be of: the
// thread's "could not be delivered" must not tell it again. The envelope's
// sender may be another than the message's (SRS); where two messages go to
// one recipient at once it decides which number the event has.
func (q *hmailQueue) attempt(ev *bouncehouse.Event) {
	var only, bySender string
	found, foundBySender := 0, 0
	for _, id := range q.active {
		m := q.messages.find(memoKey{id: id})
		if m == nil {
			continue
		}
		for j := range m.rcpts {
			if !strings.EqualFold(m.rcpts[j].address, ev.Recipient) {
				continue
			}
			m.rcpts[j].outcome = ev.Outcome
			only = id
			found++
			if strings.EqualFold(m.sender, ev.Sender) {
				bySender = id
				foundBySender++
			}
			break
		}
	}
	switch {
	case foundBySender == 1:
		ev.QueueID = bySender
	case found == 1:
		ev.QueueID = only
	}
}

// only is the one message under delivery that ev may be of.
func (q *hmailQueue) only(ev *bouncehouse.Event) (id string, only *hmailMessage) {
	for _, one := range q.active {
		m := q.messages.find(memoKey{id: one})
		if m == nil || ev.Stage == bouncehouse.StageMAIL && !strings.EqualFold(m.sender, ev.Sender) {
			continue
		}
		if _, open := m.domain(); !open {
			continue
		}
		if only != nil {
			return "", nil
		}
		id, only = one, m
	}
	return id, only
}
