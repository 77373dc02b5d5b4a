package parse

import (
	"strings"

	"github.com/bouncehouse/bouncehouse"
	"github.com/bouncehouse/bouncehouse/parse/values"
)

func (d *dialogue) answer(said bouncehouse.Reply, res *bouncehouse.Result) {
	refused := said.Code >= 400
	if said.Code == 421 {
		d.bytes += len(said.Text) - len(d.closing.Text)
		d.closing = cloneReply(said)
	}
	if said.Code == 220 && (len(d.pending()) == 0 || d.pending()[0].verb != verbGreeting &&
		d.pending()[0].verb != verbSTARTTLS) {
		// Only a greeting is 220: the session's id is used again.
		*d = dialogue{direction: d.direction, remote: d.remote, local: d.local, started: true}
		d.greeted(said)
		return
	}
	if len(d.pending()) == 0 {
		if refused && said.Code != 421 && d.direction == bouncehouse.Inbound {
			d.tell("", said, nil, "", res) // to what is not in the log
		}
		return
	}
	c := d.sent[d.done]
	d.sent[d.done] = smtpCommand{} // holds no envelope
	d.done++
	if d.direction == bouncehouse.Inbound {
		d.answerClient(c, said, res)
	} else {
		d.answerUs(c, said, res)
	}
}

// await puts what the server's intermediate reply asks for before all that
// was sent ahead, in the place of the command that it answers.
func (d *dialogue) await(c smtpCommand) {
	d.done--
	d.sent[d.done] = c
}

// answerUs is the remote's reply to us.
func (d *dialogue) answerUs(c smtpCommand, said bouncehouse.Reply, res *bouncehouse.Result) {
	refused := said.Code >= 400
	switch c.verb {
	case verbGreeting, verbEHLO, verbHELO:
		if !refused {
			d.greeted(said)
			return
		}
		if c.verb == verbGreeting {
			d.greeted(said) // 554 mx.example no
		}
		if c.verb == verbEHLO && said.Code >= 500 && said.Code <= 504 {
			d.hold(c.verb, said)
			return
		}
		d.refuseAll(verbStage(c.verb), said, d.mail, res)
	case verbSTARTTLS, verbAUTH:
		if said.Code == 334 {
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
		if said.Code >= 300 && said.Code < 400 {
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

// answerClient is our own reply to a client.
func (d *dialogue) answerClient(c smtpCommand, said bouncehouse.Reply, res *bouncehouse.Result) {
	refused := said.Code >= 400
	if said.Code == 503 && c.mail != nil && c.mail.denied {
		return // RCPT, DATA without MAIL
	}
	switch c.verb {
	case verbAUTH:
		if said.Code == 334 {
			d.inAuth = true
			d.await(c)
			return
		}
		d.inAuth = false
	case verbMAIL:
		c.mail.denied = refused
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
		if said.Code >= 300 && said.Code < 400 && c.verb == verbDATA {
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
func (d *dialogue) greeted(said bouncehouse.Reply) {
	if d.direction == bouncehouse.Inbound || d.host != "" {
		return
	}
	name, _, _ := strings.Cut(said.Text, " ")
	if values.IsHostName(name) {
		d.keep(&d.host, name)
	}
}

// hold keeps a refusal until it is seen whether the client gets over it.
func (d *dialogue) hold(verb smtpVerb, said bouncehouse.Reply) {
	d.bytes += len(said.Text) - len(d.held.said.Text)
	d.held = refusalHeld{stage: verbStage(verb), fresh: true,
		said: cloneReply(said)}
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
	for _, c := range d.pending() {
		if c.mail == d.mail && !waiting {
			stage, waiting = verbStage(c.verb), true
		}
	}
	if !waiting {
		stage = bouncehouse.StageDATA // before DATA was sent, or within the chunks of BDAT
	}
	said := d.closing
	if said.Code == 0 {
		said = bouncehouse.Reply{Text: how}
	}
	for i := range d.mail.rcpts {
		if r := &d.mail.rcpts[i]; r.state != rcptDone {
			r.state = rcptDone
			d.tell(stage, said, d.mail, r.address, res)
			if said.Code == 0 {
				res.Events[len(res.Events)-1].Outcome = bouncehouse.Deferred
			}
		}
	}
}

// refuseAll is for all recipients named so far; without any it is one event.
func (d *dialogue) refuseAll(stage bouncehouse.Stage, said bouncehouse.Reply, mail *envelope, res *bouncehouse.Result) {
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
func (d *dialogue) tellAccepted(stage bouncehouse.Stage, said bouncehouse.Reply, mail *envelope,
	res *bouncehouse.Result) {
	if mail == nil || said.Code < 200 || said.Code >= 300 && said.Code < 400 {
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
func (d *dialogue) tell(stage bouncehouse.Stage, said bouncehouse.Reply, mail *envelope, rcpt string,
	res *bouncehouse.Result) {
	ev := newEvent(res, "")
	ev.Counted, ev.Direction = true, bouncehouse.Outbound
	ev.ContextKnown = mail == nil || mail.begun
	ev.Stage, ev.ReplyCode, ev.EnhancedCode, ev.ReplyText = stage, said.Code, said.Enhanced, said.Text
	switch {
	case d.direction == bouncehouse.Inbound:
		ev.Direction, ev.Outcome, ev.SASLUser = bouncehouse.Inbound, bouncehouse.Rejected, d.user
	case said.Code >= 500:
		ev.Outcome = bouncehouse.Bounced
	case said.Code >= 400:
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

func cloneReply(r bouncehouse.Reply) bouncehouse.Reply {
	return bouncehouse.Reply{Code: r.Code, Enhanced: strings.Clone(r.Enhanced), Text: strings.Clone(r.Text)}
}
