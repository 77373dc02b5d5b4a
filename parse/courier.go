package parse

import (
	"strings"
	"time"

	"github.com/bouncehouse/bouncehouse"
	"github.com/bouncehouse/bouncehouse/parse/said"
	"github.com/bouncehouse/bouncehouse/parse/values"
)

// Courier 0.60 to 1.4. What its programs log of a message (I is its id; in
// brackets the source file):
//
//	courierd: newmsg,id=I: dns; host (host [203.0.113.9])                                  [cdmsgq.C]
//	courierd: started,id=I,from=<a@b>,module=esmtp,host=d,addr=<c@d>                       [cdmsgq.C]
//	courieresmtp: id=I,from=<a@b>,addr=<c@d>: 550-first line of the reply                  [libs/comctlfile.c]
//	courieresmtp: id=I,from=<a@b>,addr=<c@d>: 550 last line, or "Connection timed out"
//	courieresmtp: id=I,from=<a@b>,addr=<c@d>,status: failure                               or deferred
//	courieresmtp: id=I,from=<a@b>,addr=<c@d>,size=329,success: delivered: mx.d [203.0.113.5]
//	courieresmtp: id=I,from=<a@b>,addr=<c@d>,size=329,status: success
//	courierlocal: id=I,from=<a@b>,addr=<e@f>,size=329,success: Message delivered.          no status follows
//	courierd: completed,id=I
//
// and of clients that were refused (courieresmtpd.c, esmtpiov.c):
//
//	courieresmtpd: error,relay=::ffff:203.0.113.4,port=4711,ident="x",from=<a@b>,to=<c@d>: 550 User unknown.
//	courieresmtpd: error,relay=::ffff:203.0.113.4,msg="535 Authentication failed.",cmd: AUTH LOGIN
//
// One attempt is several lines; the status closes it, or a success that has
// none.
type courier struct {
	messages recent[courierMessage]
	attempts recent[courierAttempt]
}

type courierMessage struct {
	client    string
	begun     time.Time
	announced bool
}

// courierAttempt is what was said of one recipient until now.
type courierAttempt struct {
	reply      string // its lines joined
	remoteHost string
	remoteIP   string
}

func newCourier(o Options) bouncehouse.Parser { return newHeaded(o, &courier{}) }

// isCourier tells by the program and the first words.
func isCourier(e *entry) bool {
	if !strings.HasPrefix(e.program, "courier") {
		return false
	}
	switch e.program {
	case "courieresmtp", "courierlocal", "courieruucp", "courierfax", "courierdsn", "courierd", "courieresmtpd":
		return true
	}
	return false
}

func (p *courier) parseEntry(r bouncehouse.Record, h *headReader, e *entry,
	res *bouncehouse.Result) (mine bool, err error) {
	if !isCourier(e) {
		return false, nil
	}
	if e.host == "" {
		e.host = r.Host
	}
	switch {
	case e.program == "courierd":
		return true, p.daemon(r, h, e, res)
	case e.program == "courieresmtpd":
		return true, p.refused(r, h, e, res)
	case strings.HasPrefix(e.msg, "id="):
		return true, p.result(r, h, e, res)
	}
	return true, nil
}

// daemon reads what courierd says.
func (p *courier) daemon(r bouncehouse.Record, h *headReader, e *entry, res *bouncehouse.Result) error {
	if rest, ok := strings.CutPrefix(e.msg, "newmsg,id="); ok {
		id, client, _ := strings.Cut(rest, ": ")
		at, err := h.clock.time(&r, &e.stamp)
		if err != nil {
			return err
		}
		key := memoKey{e.host, id}
		m := p.messages.put(key)
		m.begun = at
		p.messages.keep(key, &m.client, courierClient(client))
		return nil
	}
	if rest, ok := strings.CutPrefix(e.msg, "completed,id="); ok {
		p.messages.remove(memoKey{e.host, rest})
		return nil
	}
	rest, ok := strings.CutPrefix(e.msg, "started,id=")
	if !ok {
		return nil
	}
	id, rest, ok := strings.Cut(rest, ",from=<")
	sender, rest, ok2 := values.CutAddress(rest)
	if !ok || !ok2 {
		return nil
	}
	if at := strings.LastIndex(rest, ",addr=<"); at >= 0 {
		p.attempts.remove(courierKey(e.host, id, strings.TrimSuffix(rest[at+len(",addr=<"):], ">")))
	}
	m := p.messages.open(memoKey{e.host, id})
	if !m.announced {
		m.announced = true
		at, err := h.clock.time(&r, &e.stamp)
		if err != nil {
			return err
		}
		if !m.begun.IsZero() {
			at = m.begun
		}
		res.Arrivals = append(res.Arrivals, bouncehouse.Arrival{Time: at, Host: e.host, QueueID: id, Sender: sender,
			Client: m.client})
	}
	return nil
}

// courierClient reads "dns; helo (name [203.0.113.9])"; of a local message
// it is "local; user (...)" or nothing.
func courierClient(s string) string {
	s, ok := strings.CutPrefix(s, "dns; ")
	open := strings.LastIndex(s, " (")
	if !ok || open < 0 || len(s) > maxKept {
		return ""
	}
	name, addr, ok := strings.Cut(strings.TrimSuffix(s[open+2:], ")"), "[")
	if !ok {
		return ""
	}
	ip := values.IP(strings.TrimSuffix(addr, "]"))
	if !ip.IsValid() {
		return ""
	}
	return strings.Trim(name, " ") + "[" + ip.String() + "]"
}

// courierKey names the attempt of one recipient.
func courierKey(host, id, addr string) memoKey { return memoKey{host, id + " " + addr} }

// maxCourierReply bounds the reply of one recipient; Courier logs ten lines.
const maxCourierReply = 8 << 10

// result reads "id=I,from=<a@b>,addr=<c@d>[,size=n]" and what follows: a line
// of the reply, a success, or the status.
func (p *courier) result(r bouncehouse.Record, h *headReader, e *entry, res *bouncehouse.Result) error {
	id, rest, ok := strings.Cut(e.msg[len("id="):], ",from=<")
	sender, rest, ok2 := values.CutAddress(rest)
	rest, ok3 := strings.CutPrefix(rest, ",addr=<")
	if !ok || !ok2 || !ok3 {
		return nil
	}
	addr, rest, ok := values.CutAddress(rest)
	if !ok {
		return nil
	}
	if after, ok := strings.CutPrefix(rest, ",size="); ok {
		if comma := strings.IndexByte(after, ','); comma >= 0 {
			rest = after[comma:]
		}
	}
	key := courierKey(e.host, id, addr)
	if line, ok := strings.CutPrefix(rest, ": "); ok {
		p.keep(key, line)
		return nil
	}
	if text, ok := strings.CutPrefix(rest, ",success: "); ok {
		if e.program == "courieresmtp" { // its status comes
			p.success(key, text)
			return nil
		}
		return p.event(r, h, e, id, addr, sender, bouncehouse.Delivered, text, res)
	}
	status, ok := strings.CutPrefix(rest, ",status: ")
	if !ok {
		return nil
	}
	var outcome bouncehouse.Outcome
	switch strings.Trim(status, " ") {
	case "success":
		outcome = bouncehouse.Delivered
	case "deferred":
		outcome = bouncehouse.Deferred
	case "failure":
		outcome = bouncehouse.Bounced
	default:
		res.Unread++
		return nil
	}
	return p.event(r, h, e, id, addr, sender, outcome, "", res)
}

// keep adds a line to the reply of an attempt.
func (p *courier) keep(key memoKey, line string) {
	a := p.attempts.open(key)
	line = line[:min(len(line), max(0, maxCourierReply-len(a.reply)))]
	if line == "" {
		return
	}
	if a.reply == "" {
		a.reply = strings.Clone(line)
	} else {
		a.reply += " " + line
	}
	p.attempts.charge(key, len(line)+1)
}

// success keeps "delivered: mx.d [203.0.113.5]".
func (p *courier) success(key memoKey, text string) {
	a := p.attempts.open(key)
	text = strings.TrimPrefix(text, "delivered: ")
	host, ip, ok := strings.Cut(text, " [")
	if !ok {
		return
	}
	p.attempts.keep(key, &a.remoteHost, host)
	p.attempts.keep(key, &a.remoteIP, strings.TrimSuffix(ip, "]"))
}

func (p *courier) event(r bouncehouse.Record, h *headReader, e *entry, id, addr, sender string,
	outcome bouncehouse.Outcome, text string, res *bouncehouse.Result) error {
	at, err := h.clock.time(&r, &e.stamp)
	if err != nil {
		return err
	}
	ev := newAttempt(res, bouncehouse.Courier, at, e.host, id, outcome)
	ev.Sender, ev.Recipient = sender, addr
	if m := p.messages.find(memoKey{e.host, id}); m != nil {
		ev.Client, ev.ContextKnown = m.client, m.announced
		if !m.begun.IsZero() && !at.Before(m.begun) {
			ev.Delay = bouncehouse.Delay{Duration: at.Sub(m.begun), Known: true}
		}
	}
	ev.ReplyText = text
	key := courierKey(e.host, id, addr)
	if a := p.attempts.find(key); a != nil {
		ev.RemoteHost, ev.RemoteIP = a.remoteHost, values.IP(a.remoteIP)
		if a.reply != "" {
			said.SetReply(ev, a.reply)
		}
		p.attempts.remove(key)
	}
	if e.program != "courieresmtp" {
		ev.ReplyCode = 0 // a program's output: no remote has answered
	}
	switch {
	case outcome == bouncehouse.Bounced && ev.ReplyCode/100 == 4:
		ev.Outcome = bouncehouse.Expired // only a 5xx fails at once
	case outcome == bouncehouse.Delivered && ev.ReplyCode/100 == 2:
		ev.Stage = bouncehouse.StageEOD
	case ev.ReplyCode == 0 && e.program == "courieresmtp" && courierConnect(ev.ReplyText):
		ev.Stage = bouncehouse.StageConnect
	}
	return nil
}

// courierConnect tells the errors of connect(2).
func courierConnect(s string) bool {
	return strings.HasPrefix(s, "Connection timed out") || strings.HasPrefix(s, "Connection refused") ||
		strings.HasPrefix(s, "No route to host") || strings.HasPrefix(s, "Network is ")
}

// refused reads what courieresmtpd says of a client.
func (p *courier) refused(r bouncehouse.Record, h *headReader, e *entry, res *bouncehouse.Result) error {
	rest, ok := strings.CutPrefix(e.msg, "error,relay=")
	if !ok {
		return nil
	}
	end := strings.IndexAny(rest, ", ")
	if end < 0 {
		return nil
	}
	relay := strings.TrimSuffix(rest[:end], ":")
	if rest = rest[end:]; rest[0] == ' ' {
		rest = ":" + rest
	}
	var sender, recipient, reply string
	var stage bouncehouse.Stage
	for strings.HasPrefix(rest, ",") {
		key, value, ok := strings.Cut(rest[1:], "=")
		if !ok {
			return nil
		}
		switch {
		case strings.HasPrefix(value, "<"):
			var addr string
			if addr, rest, ok = values.CutAddress(value[1:]); !ok {
				return nil
			}
			switch key {
			case "from":
				sender, stage = addr, bouncehouse.StageMAIL
			case "to":
				recipient, stage = addr, bouncehouse.StageRCPT
			}
		case strings.HasPrefix(value, `"`):
			n := strings.Index(value[1:], `",`)
			if n < 0 {
				return nil
			}
			if key == "msg" {
				reply = value[1 : n+1]
			}
			if rest = value[n+2:]; key == "msg" && strings.HasPrefix(rest, ",cmd: ") {
				if stage = said.Command(rest[len(",cmd: "):]); stage == bouncehouse.StageAuth {
					stage = "" // wrong passwords are no refused mail
				}
				rest = ""
			}
		default:
			end := strings.IndexAny(value, ", ")
			if end < 0 {
				return nil
			}
			if rest = value[end:]; rest[0] == ' ' {
				rest = ":" + rest
			}
		}
	}
	if text, ok := strings.CutPrefix(rest, ": "); ok {
		reply = text
	} else if stage == "" {
		return nil
	}
	if !bouncehouse.StartsWithCode(reply) || reply[0] < '4' {
		return nil
	}
	at, err := h.clock.time(&r, &e.stamp)
	if err != nil {
		return err
	}
	ev := newRefusal(res, bouncehouse.Courier, at, e.host, "")
	ev.ContextKnown, ev.Stage = true, stage
	ev.RemoteIP, ev.Sender, ev.Recipient = values.IP(relay), sender, recipient
	said.SetReply(ev, reply)
	return nil
}
