package parse

import (
	"net/netip"
	"strings"
	"time"

	"github.com/bouncehouse/bouncehouse"
)

// dialogue is one SMTP session (RFC 5321) as a log tells it line by line:
// what the client sends, what the server answers. Replies come in the order
// of the commands, pipelined or not (RFC 2920), so that a queue of the
// commands still unanswered tells what each is for. Its strings are its own.
//
// Where we are the client, a refused RCPT ends one recipient; the reply after
// the end of the data is for all who were accepted; a refused greeting, EHLO
// or MAIL FROM is for all who were named, and stands without recipient where
// none was. Where we are the server each refusal is one of a client.
type dialogue struct {
	direction bouncehouse.Direction // "": not known yet
	remote    netip.AddrPort
	host      string // of the remote, as its greeting or the log says
	local     netip.Addr
	tls       string
	queueID   string
	messageID string

	pending []smtpCommand // unanswered, the oldest first
	mail    *envelope     // of the last MAIL FROM; nil: none
	lines   []byte        // of a reply whose last line is still to come
	held    refusalHeld   // a refusal that the client may get over
	closing reply         // 421: the remote ends the session
	inData  bool          // 354 was said, the reply to the data is pending
	inAuth  bool          // 334 was said: the client's next lines are no commands
	started bool          // a line was seen
	over    bool          // QUIT was sent
	lost    bool          // too much for our memory: nothing more is told
	bytes   int           // that strings hold, to be charged
}

// envelope is one mail transaction.
type envelope struct {
	sender string
	begun  bool // MAIL was seen
	rcpts  []envelopeRcpt
	bytes  int
}

type envelopeRcpt struct {
	address string
	state   rcptState
}

type rcptState uint8

const (
	rcptNamed    rcptState = iota // RCPT was sent
	rcptAccepted                  // and answered 2xx
	rcptDone                      // its event was made
)

type smtpVerb uint8

const (
	verbOther smtpVerb = iota
	verbGreeting
	verbEHLO
	verbHELO
	verbSTARTTLS
	verbAUTH
	verbMAIL
	verbRCPT
	verbDATA
	verbBDAT
	verbBDATLast
	verbEOD
	verbQuiet // RSET, NOOP, HELP: their replies mean nothing to us
	verbQUIT
)

// smtpCommand awaits its reply.
type smtpCommand struct {
	verb smtpVerb
	rcpt int // of RCPT: index in mail.rcpts
	mail *envelope
}

// refusalHeld is a refusal of EHLO, STARTTLS or AUTH: the client may go on
// with HELO, without TLS, with another mechanism. It counts when it does not.
type refusalHeld struct {
	stage bouncehouse.Stage
	said  reply
	time  time.Time // set by the parser
	fresh bool      // made by the last line
}

// Bounds of one session.
const (
	maxPending  = 4096
	maxRcpts    = 4096 // of one envelope; more are answered one by one but share no end of data
	maxReply    = 16 << 10
	maxEnvelope = 1 << 20 // bytes of addresses in one session
)

// verbStage is the stage at which a reply to the command is given.
func verbStage(v smtpVerb) bouncehouse.Stage {
	switch v {
	case verbGreeting:
		return bouncehouse.StageConnect
	case verbEHLO, verbHELO:
		return bouncehouse.StageHELO
	case verbSTARTTLS:
		return bouncehouse.StageSTARTTLS
	case verbAUTH:
		return bouncehouse.StageAuth
	case verbMAIL:
		return bouncehouse.StageMAIL
	case verbRCPT:
		return bouncehouse.StageRCPT
	case verbDATA, verbBDAT:
		return bouncehouse.StageDATA
	case verbBDATLast, verbEOD:
		return bouncehouse.StageEOD
	}
	return ""
}

// connected tells that the session begins: the greeting is awaited.
func (d *dialogue) connected() {
	d.started = true
	d.pending = append(d.pending[:0], smtpCommand{verb: verbGreeting})
}

// readVerb reads a command line.
func readVerb(line string) smtpVerb {
	word := line
	if n := strings.IndexByte(line[:min(len(line), 16)], ' '); n >= 0 {
		word = line[:n]
	}
	switch len(word) {
	case 1:
		if word == "." {
			return verbEOD
		}
	case 4:
		switch {
		case strings.EqualFold(word, "RCPT"):
			return verbRCPT
		case strings.EqualFold(word, "MAIL"):
			return verbMAIL
		case strings.EqualFold(word, "DATA"):
			return verbDATA
		case strings.EqualFold(word, "QUIT"):
			return verbQUIT
		case strings.EqualFold(word, "EHLO"), strings.EqualFold(word, "LHLO"):
			return verbEHLO
		case strings.EqualFold(word, "HELO"):
			return verbHELO
		case strings.EqualFold(word, "AUTH"):
			return verbAUTH
		case strings.EqualFold(word, "RSET"), strings.EqualFold(word, "NOOP"), strings.EqualFold(word, "HELP"):
			return verbQuiet
		case strings.EqualFold(word, "BDAT"):
			if strings.HasSuffix(strings.ToUpper(line[:min(len(line), 64)]), " LAST") {
				return verbBDATLast
			}
			return verbBDAT
		}
	case 6:
		if strings.EqualFold(word, "X-EXPS") { // Exchange's own AUTH
			return verbAUTH
		}
	case 8:
		if strings.EqualFold(word, "STARTTLS") {
			return verbSTARTTLS
		}
	case 14:
		if strings.EqualFold(word, "X-ANONYMOUSTLS") {
			return verbSTARTTLS
		}
	}
	return verbOther
}

// cutPath cuts the address out of "MAIL FROM:<a@b> SIZE=1" or "RCPT To: a@b".
func cutPath(line string) string {
	n := strings.IndexByte(line, ':')
	if n < 0 {
		return ""
	}
	s := strings.TrimLeft(line[n+1:], " ")
	if strings.HasPrefix(s, "<") {
		if addr, _, ok := cutAddress(s[1:]); ok {
			return addr
		}
		addr, _, _ := strings.Cut(s[1:], ">")
		return addr
	}
	addr, _, _ := strings.Cut(s, " ")
	return addr
}

// command takes a line that the client sent. A refusal that was held back
// may become an event by it.
func (d *dialogue) command(line string, res *bouncehouse.Result) {
	d.held.fresh = false
	d.started = true
	verb := readVerb(line)
	if d.inAuth && verb != verbQUIT {
		return // the mechanism's own lines
	}
	d.inAuth = false
	if d.inData {
		switch verb {
		case verbQUIT, verbMAIL, verbEHLO, verbHELO: // the reply to the data was not logged
			d.inData = false
			d.pending = d.pending[:0]
		default:
			return
		}
	}
	if d.lost {
		return
	}
	if len(d.pending) >= maxPending || d.bytes > maxEnvelope || verb == verbRCPT && d.mail != nil && len(d.mail.rcpts) >= maxRcpts {
		d.lost, d.pending = true, nil
		d.finished(d.mail)
		res.Unread++
		return
	}
	c := smtpCommand{verb: verb, mail: d.mail}
	switch verb {
	case verbEHLO, verbHELO:
		if d.held.stage == bouncehouse.StageHELO {
			d.held = refusalHeld{}
		}
	case verbAUTH:
		if d.held.stage == bouncehouse.StageAuth {
			d.held = refusalHeld{}
		}
	case verbMAIL:
		d.held = refusalHeld{}
		d.finished(d.mail)
		d.mail = &envelope{sender: strings.Clone(cutPath(line)), begun: true}
		d.mail.bytes = len(d.mail.sender) + 64
		d.bytes += d.mail.bytes
		c.mail = d.mail
	case verbRCPT:
		if d.mail == nil {
			d.mail = &envelope{} // the log begins in mid-session
			c.mail = d.mail
		}
		address := strings.Clone(cutPath(line))
		c.rcpt = len(d.mail.rcpts)
		d.mail.rcpts = append(d.mail.rcpts, envelopeRcpt{address: address})
		d.mail.bytes += len(address) + 32
		d.bytes += len(address) + 32
	case verbQuiet:
		if strings.EqualFold(line[:4], "RSET") {
			d.finished(d.mail)
		}
	case verbEOD:
		return // a dot without 354
	case verbQUIT:
		d.over = true
		d.settle(res)
	}
	d.pending = append(d.pending, c)
}

// keep makes a copy of s in place of *field.
func (d *dialogue) keep(field *string, s string) {
	d.bytes += len(s) - len(*field)
	*field = strings.Clone(s)
}

// reply takes a line that the server sent and appends the events that it
// completes, without time, host and source: those are the parser's.
func (d *dialogue) reply(line string, res *bouncehouse.Result) {
	d.held.fresh = false
	if !startsWithCode(line) {
		if len(d.lines) == 0 {
			return
		}
	} else if len(line) > 3 && line[3] == '-' {
		d.started = true
		d.more(line)
		return
	}
	d.started = true
	if len(d.lines) > 0 {
		d.more(line)
		line = string(d.lines)
		d.lines = d.lines[:0]
	}
	if d.lost {
		return
	}
	d.answer(parseReply(line), res)
}

// whole takes a reply whose lines are joined by blanks already.
func (d *dialogue) whole(text string, res *bouncehouse.Result) {
	d.held.fresh = false
	d.started = true
	d.lines = d.lines[:0]
	if !d.lost && startsWithCode(text) {
		d.answer(parseReply(text), res)
	}
}

// timed gives events of the line at hand what the parser knows of it, and a
// refusal that was held back by it its time.
func (d *dialogue) timed(at time.Time, source bouncehouse.System, events []bouncehouse.Event) {
	for i := range events {
		ev := &events[i]
		ev.Source = source
		if ev.Time.IsZero() {
			ev.Time = at
		}
	}
	if d.held.fresh {
		d.held.time, d.held.fresh = at, false
	}
}

// more adds a line to a reply of several.
func (d *dialogue) more(line string) {
	if len(d.lines)+len(line) >= maxReply {
		return
	}
	if len(d.lines) > 0 {
		d.lines = append(d.lines, ' ')
	}
	d.lines = append(d.lines, line...)
}

func (d *dialogue) answer(said reply, res *bouncehouse.Result) {
	refused := said.code >= 400
	if said.code == 421 {
		d.bytes += len(said.text) - len(d.closing.text)
		d.closing = reply{said.code, strings.Clone(said.enhanced), strings.Clone(said.text)}
	}
	if said.code == 220 && (len(d.pending) == 0 || d.pending[0].verb != verbGreeting && d.pending[0].verb != verbSTARTTLS) {
		// Only a greeting is 220: the session's id is used again.
		*d = dialogue{direction: d.direction, remote: d.remote, local: d.local, started: true, bytes: d.bytes}
		d.greeted(said)
		return
	}
	if len(d.pending) == 0 {
		if refused && said.code != 421 && d.direction == bouncehouse.Inbound {
			d.tell("", said, nil, "", res) // to what is not in the log
		}
		return
	}
	c := d.pending[0]
	d.pending = append(d.pending[:0], d.pending[1:]...)
	if d.direction == bouncehouse.Inbound {
		d.answerClient(c, said, res)
	} else {
		d.answerUs(c, said, res)
	}
}

// await puts what the server's intermediate reply asks for before all that
// was sent ahead.
func (d *dialogue) await(c smtpCommand) {
	d.pending = append(d.pending, smtpCommand{})
	copy(d.pending[1:], d.pending)
	d.pending[0] = c
}

// answerUs is the remote's reply to us.
func (d *dialogue) answerUs(c smtpCommand, said reply, res *bouncehouse.Result) {
	refused := said.code >= 400
	switch c.verb {
	case verbGreeting, verbEHLO, verbHELO:
		if !refused {
			d.greeted(said)
			return
		}
		if c.verb == verbGreeting {
			d.greeted(said) // 554 mx.example no
		}
		if c.verb == verbEHLO && said.code >= 500 && said.code <= 504 {
			d.hold(c.verb, said)
			return
		}
		d.refuseAll(verbStage(c.verb), said, d.mail, res)
	case verbSTARTTLS, verbAUTH:
		if said.code == 334 {
			d.inAuth = true
			d.await(c)
			return
		}
		d.inAuth = false
		if refused {
			d.hold(c.verb, said)
		}
	case verbMAIL:
		if refused {
			d.refuseAll(bouncehouse.StageMAIL, said, c.mail, res)
		}
	case verbRCPT:
		if r := &c.mail.rcpts[c.rcpt]; refused {
			if r.state == rcptNamed {
				r.state = rcptDone
				d.tell(bouncehouse.StageRCPT, said, c.mail, r.address, res)
			}
		} else if r.state == rcptNamed {
			r.state = rcptAccepted
		}
	case verbDATA:
		if said.code >= 300 && said.code < 400 {
			d.inData = true
			d.await(smtpCommand{verb: verbEOD, mail: c.mail})
			return
		}
		if refused {
			d.tellAccepted(verbStage(c.verb), said, c.mail, res)
		}
	case verbBDAT:
		if refused {
			d.tellAccepted(verbStage(c.verb), said, c.mail, res)
		}
	case verbBDATLast, verbEOD:
		d.inData = false
		d.tellAccepted(bouncehouse.StageEOD, said, c.mail, res)
		d.finished(c.mail)
	}
}

// finished ends a mail transaction: its data was answered, or it was reset.
func (d *dialogue) finished(mail *envelope) {
	if mail != nil && d.mail == mail {
		d.bytes -= mail.bytes
		d.mail = nil
	}
}

// answerClient is our own reply to a client.
func (d *dialogue) answerClient(c smtpCommand, said reply, res *bouncehouse.Result) {
	refused := said.code >= 400
	switch c.verb {
	case verbAUTH:
		if said.code == 334 {
			d.inAuth = true
			d.await(c)
			return
		}
		d.inAuth = false
	case verbRCPT:
		r := &c.mail.rcpts[c.rcpt]
		if !refused {
			r.state = rcptAccepted
			return
		}
		r.state = rcptDone
		d.tell(bouncehouse.StageRCPT, said, c.mail, r.address, res)
		return
	case verbDATA, verbBDAT, verbBDATLast, verbEOD:
		if said.code >= 300 && said.code < 400 && c.verb == verbDATA {
			d.inData = true
			d.await(smtpCommand{verb: verbEOD, mail: c.mail})
			return
		}
		if c.verb == verbEOD {
			d.inData = false
		}
		if c.verb != verbBDAT && c.verb != verbDATA {
			d.finished(c.mail)
		}
		if refused && c.mail != nil && len(c.mail.rcpts) > 0 {
			d.tellAccepted(verbStage(c.verb), said, c.mail, res) // none: all were refused before
			return
		}
	case verbQuiet, verbQUIT:
		return
	}
	if refused {
		d.tell(verbStage(c.verb), said, c.mail, "", res)
	}
}

// greeted takes the remote's name from its greeting, or from its reply to
// EHLO: the first word of either (RFC 5321 section 4.2).
func (d *dialogue) greeted(said reply) {
	if d.direction == bouncehouse.Inbound || d.host != "" {
		return
	}
	name, _, _ := strings.Cut(said.text, " ")
	if isHostName(name) {
		d.keep(&d.host, name)
	}
}

// isHostName tells a name of two labels or more, the last no number.
func isHostName(s string) bool {
	if len(s) < 4 || len(s) > 253 {
		return false
	}
	dot := -1
	for i := range len(s) {
		switch c := s[i]; {
		case c == '.':
			if i == dot+1 {
				return false
			}
			dot = i
		case c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '_':
		default:
			return false
		}
	}
	return dot > 0 && dot+1 < len(s) && s[dot+1]|0x20 >= 'a' && s[dot+1]|0x20 <= 'z'
}

// hold keeps a refusal until it is seen whether the client gets over it.
func (d *dialogue) hold(verb smtpVerb, said reply) {
	d.bytes += len(said.text) - len(d.held.said.text)
	d.held = refusalHeld{stage: verbStage(verb), fresh: true,
		said: reply{said.code, strings.Clone(said.enhanced), strings.Clone(said.text)}}
}

// settle makes events of a refusal that was held back: the client gave up.
func (d *dialogue) settle(res *bouncehouse.Result) {
	if d.held.stage == "" {
		return
	}
	before := len(res.Events)
	d.refuseAll(d.held.stage, d.held.said, d.mail, res)
	for i := before; i < len(res.Events); i++ {
		res.Events[i].Time = d.held.time
	}
	d.held = refusalHeld{}
}

// closed tells that the connection has ended. Recipients whose attempt it cut
// short are deferred: how says by whom.
func (d *dialogue) closed(how string, res *bouncehouse.Result) {
	d.held.fresh = false
	if d.direction == bouncehouse.Inbound {
		return
	}
	d.settle(res)
	if d.over || d.lost || d.mail == nil {
		return
	}
	stage := bouncehouse.StageRCPT
	waiting := false
	for _, c := range d.pending {
		if c.mail == d.mail && !waiting {
			stage, waiting = verbStage(c.verb), true
		}
	}
	if !waiting {
		stage = bouncehouse.StageDATA // before DATA was sent, or within the chunks of BDAT
	}
	said := d.closing
	if said.code == 0 {
		said = reply{text: how}
	}
	for i := range d.mail.rcpts {
		if r := &d.mail.rcpts[i]; r.state != rcptDone {
			r.state = rcptDone
			d.tell(stage, said, d.mail, r.address, res)
			if said.code == 0 {
				res.Events[len(res.Events)-1].Outcome = bouncehouse.Deferred
			}
		}
	}
}

// refuseAll is for all recipients named so far; without any it is one event.
func (d *dialogue) refuseAll(stage bouncehouse.Stage, said reply, mail *envelope, res *bouncehouse.Result) {
	if mail == nil || len(mail.rcpts) == 0 {
		d.tell(stage, said, mail, "", res)
		return
	}
	for i := range mail.rcpts {
		if r := &mail.rcpts[i]; r.state != rcptDone {
			r.state = rcptDone
			d.tell(stage, said, mail, r.address, res)
		}
	}
}

// tellAccepted is for the recipients who were accepted before the data.
func (d *dialogue) tellAccepted(stage bouncehouse.Stage, said reply, mail *envelope, res *bouncehouse.Result) {
	if mail == nil || said.code < 200 || said.code >= 300 && said.code < 400 {
		return
	}
	for i := range mail.rcpts {
		if r := &mail.rcpts[i]; r.state == rcptAccepted {
			r.state = rcptDone
			d.tell(stage, said, mail, r.address, res)
		}
	}
}

// tell appends one event.
func (d *dialogue) tell(stage bouncehouse.Stage, said reply, mail *envelope, rcpt string, res *bouncehouse.Result) {
	ev := newEvent(res, "")
	ev.Counted, ev.Direction = true, bouncehouse.Outbound
	ev.ContextKnown = mail == nil || mail.begun
	ev.Stage, ev.ReplyCode, ev.EnhancedCode, ev.ReplyText = stage, said.code, said.enhanced, said.text
	switch {
	case d.direction == bouncehouse.Inbound:
		ev.Direction, ev.Outcome = bouncehouse.Inbound, bouncehouse.Rejected
	case said.code >= 500:
		ev.Outcome = bouncehouse.Bounced
	case said.code >= 400:
		ev.Outcome = bouncehouse.Deferred
	default:
		ev.Outcome = bouncehouse.Delivered
	}
	ev.RemoteIP, ev.RemotePort = d.remote.Addr(), d.remote.Port()
	ev.RemoteHost, ev.LocalIP, ev.TLS = d.host, d.local, d.tls
	ev.QueueID, ev.MessageID, ev.Recipient = d.queueID, d.messageID, rcpt
	if mail != nil {
		ev.Sender = mail.sender
	}
}
