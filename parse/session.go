package parse

import (
	"net/netip"
	"strings"
	"time"
	"unsafe"

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
	user      string // whom the client proved to be
	queueID   string
	messageID string

	sent    []smtpCommand     // the commands; the first ones, so many, are answered: what a
	done    int               // reply costs must not grow with how many are sent ahead
	mail    *envelope         // of the last MAIL FROM; nil: none
	lines   []byte            // of a reply whose last line is still to come
	held    refusalHeld       // a refusal that the client may get over
	closing bouncehouse.Reply // 421: the remote ends the session
	inData  bool              // 354 was said, the reply to the data is pending
	inAuth  bool              // 334 was said: the client's next lines are no commands
	started bool              // a line was seen
	over    bool              // QUIT was sent
	lost    bool              // too much for our memory: nothing more is told
	bytes   int               // that strings hold; size has the rest
}

// envelope is one mail transaction.
type envelope struct {
	sender string
	begun  bool // MAIL was seen
	denied bool // and refused: what was sent ahead fails for that alone
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
	said  bouncehouse.Reply
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

// size is how many bytes the session holds, to be charged.
func (d *dialogue) size() int {
	return d.bytes + cap(d.sent)*int(unsafe.Sizeof(smtpCommand{})) + cap(d.lines)
}

// connected tells that the session begins: the greeting is awaited.
func (d *dialogue) connected() {
	d.started = true
	d.sent, d.done = append(d.sent[:0], smtpCommand{verb: verbGreeting}), 0
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
			d.sent, d.done = d.sent[:0], 0
		default:
			return
		}
	}
	if d.lost {
		return
	}
	if len(d.pending()) >= maxPending || d.bytes > maxEnvelope ||
		verb == verbRCPT && d.mail != nil && len(d.mail.rcpts) >= maxRcpts {
		d.lost, d.sent, d.done = true, nil, 0
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
	if d.done > 0 && 2*d.done >= len(d.sent) {
		d.sent, d.done = append(d.sent[:0], d.pending()...), 0
	}
	d.sent = append(d.sent, c)
}

// pending are the commands still unanswered, the oldest first.
func (d *dialogue) pending() []smtpCommand { return d.sent[d.done:] }

// keep makes a copy of s in place of *field.
func (d *dialogue) keep(field *string, s string) {
	d.bytes += len(s) - len(*field)
	*field = strings.Clone(s)
}

// reply takes a line that the server sent and appends the events that it
// completes, without time, host and source: those are the parser's.
func (d *dialogue) reply(line string, res *bouncehouse.Result) {
	d.held.fresh = false
	if !bouncehouse.StartsWithCode(line) {
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
	d.answer(bouncehouse.ParseReply(line), res)
}

// whole takes a reply whose lines are joined by blanks already.
func (d *dialogue) whole(text string, res *bouncehouse.Result) {
	d.held.fresh = false
	d.started = true
	d.lines = d.lines[:0]
	if !d.lost && bouncehouse.StartsWithCode(text) {
		d.answer(bouncehouse.ParseReply(text), res)
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

// finished ends a mail transaction: its data was answered, or it was reset.
func (d *dialogue) finished(mail *envelope) {
	if mail != nil && d.mail == mail {
		d.bytes -= mail.bytes
		d.mail = nil
	}
}
