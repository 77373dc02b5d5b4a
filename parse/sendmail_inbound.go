package parse

import (
	"strings"
	"time"

	"github.com/bouncehouse/bouncehouse"
	"github.com/bouncehouse/bouncehouse/parse/said"
	"github.com/bouncehouse/bouncehouse/parse/values"
)

// Clients that our own server refused:
//
//	[QID: ]ruleset=check_relay, arg1=host, arg2=127.0.0.2, relay=host [ip] (may be forged), reject=554 5.7.1 text  [srvrsmtp.c, rscheck in envelope.c]
//	QID: ruleset=check_rcpt, arg1=<a@b>, relay=host [ip], reject=550 5.7.1 <a@b>... Relaying denied
//	QID: <a@b>... User unknown                                          [err.c, usrerr]
//	QID: Milter: to=<a@b>, reject=550 5.7.1 text                        [srvrsmtp.c]
//	QID: Milter: data, reject=554 5.7.1 text
//	QID: Milter: connect: host=h, addr=ip, rejecting commands
//	QID: rejecting commands from host [ip] due to pre-greeting traffic after 2 seconds
//	QID: to=<a@b>, delay=00:00:00, pri=31540, stat=Message exceeds maximum fixed size (1000000)  [srvrsmtp.c, logundelrcpts]
//
// Who the client was, and the sender, stand in the from= line, which comes
// when the message ends, also where all of it was refused: what names neither
// waits for it. Lines that tell of the client alone:
//
//	NOQUEUE: connect from host [ip]                                     from LogLevel 10
//	[QID: ]AUTH=server, relay=host [ip], authid=u, mech=PLAIN, bits=0   [srvrsmtp.c]
//
// No refusals are discard, quarantine=, and rulesets of our own client side
// (tls_server, tls_rcpt, try_tls, check_compat), whose verdict the result tells.

// refusedRecipients are refusals that wait for the from= line.
type refusedRecipients struct {
	list []bouncehouse.Event
	done bool // the message as a whole was refused, and it was told
}

const maxRefused = 256 // of one message; further ones do not wait

// refuse makes an event of what was refused, at once where sender and client
// are known or never will be, else with the from= line.
func (p *sendmail) refuse(e *entry, ev *bouncehouse.Event, res *bouncehouse.Result) {
	ev.Source, ev.Host, ev.Direction, ev.Outcome, ev.Counted = bouncehouse.Sendmail, e.host, bouncehouse.Inbound,
		bouncehouse.Rejected, true
	m := p.memory.find(e.host, ev.QueueID)
	if ev.QueueID != "" && m != nil && m.announced {
		recipient, known := ev.Recipient, *ev
		p.context(ev, m)
		ev.Recipient, ev.ContextKnown = recipient, true
		if known.Sender != "" {
			ev.Sender = known.Sender
		}
		if !ev.RemoteIP.IsValid() {
			clientOf(m.client).set(ev)
		}
		res.Events = append(res.Events, *ev)
		return
	}
	waits := ev.QueueID != "" && ev.Stage != bouncehouse.StageConnect && ev.Stage != bouncehouse.StageHELO &&
		(!ev.RemoteIP.IsValid() || ev.Stage != bouncehouse.StageMAIL && ev.Stage != bouncehouse.StageSTARTTLS)
	if waits && p.wait(ev) {
		return
	}
	if known := p.processes.find(memoKey{e.host, e.pid}); known != nil && !ev.RemoteIP.IsValid() {
		clientOf(known.client).set(ev)
	}
	ev.ContextKnown = ev.QueueID == "" || ev.Sender != "" || ev.Stage == bouncehouse.StageConnect ||
		ev.Stage == bouncehouse.StageHELO
	res.Events = append(res.Events, *ev)
}

// wait keeps ev until the from= line; it is false where too many wait.
func (p *sendmail) wait(ev *bouncehouse.Event) bool {
	key := memoKey{ev.Host, ev.QueueID}
	waiting := p.refused.open(key)
	if len(waiting.list) >= maxRefused {
		return false
	}
	kept := *ev
	kept.Host, kept.QueueID = strings.Clone(ev.Host), strings.Clone(ev.QueueID)
	kept.Sender, kept.Recipient, kept.RemoteHost = strings.Clone(ev.Sender), strings.Clone(ev.Recipient),
		strings.Clone(ev.RemoteHost)
	kept.EnhancedCode, kept.ReplyText = strings.Clone(ev.EnhancedCode), strings.Clone(ev.ReplyText)
	waiting.list = append(waiting.list, kept)
	p.refused.charge(key, 700+len(kept.Recipient)+len(kept.ReplyText))
	return true
}

// refusals completes what waits for the from= line of a message.
func (p *sendmail) refusals(e *entry, id, sender string, client mailClient, user string, res *bouncehouse.Result) {
	key := memoKey{e.host, id}
	waiting := p.refused.find(key)
	if waiting == nil {
		return
	}
	for i := range waiting.list {
		ev := &waiting.list[i]
		if ev.Sender == "" {
			ev.Sender = sender
		}
		if !ev.RemoteIP.IsValid() {
			client.set(ev)
		}
		ev.SASLUser, ev.ContextKnown = user, true
		res.Events = append(res.Events, *ev)
	}
	if waiting.done {
		waiting.list = nil // its recipients are still to come
		return
	}
	p.refused.remove(key)
}

// badRecipient reads "<a@b>... User unknown".
func (p *sendmail) badRecipient(r bouncehouse.Record, h *headReader, e *entry, id, rest string,
	res *bouncehouse.Result) error {
	const dots = ">... "
	at := strings.Index(rest, dots)
	if strings.HasPrefix(rest, `<"`) { // a quoted local part may hold anything
		at = -1
		for i := 2; i < len(rest); i++ {
			if rest[i] == '\\' {
				i++
			} else if rest[i] == '"' {
				if n := strings.Index(rest[i:], dots); n >= 0 {
					at = i + n
				}
				break
			}
		}
	}
	if at < 0 {
		return nil
	}
	when, err := h.clock.time(&r, &e.stamp)
	if err != nil {
		return err
	}
	ev := bouncehouse.Event{Time: when, QueueID: id, Stage: bouncehouse.StageRCPT, Recipient: rest[1:at],
		ReplyText: rest}
	if rest[at+len(dots):] == "User unknown" { // the code of this is always the same; of others it is not logged
		ev.ReplyCode, ev.EnhancedCode = 550, "5.1.1"
	}
	p.refuse(e, &ev, res)
	return nil
}

// ruleset reads "check_rcpt, arg1=<a@b>, relay=host [ip], reject=550 5.7.1 text".
func (p *sendmail) ruleset(r bouncehouse.Record, h *headReader, e *entry, id, rest string,
	res *bouncehouse.Result) error {
	name, rest, _ := strings.Cut(rest, ", ")
	switch name {
	case "tls_server", "tls_rcpt", "try_tls", "tls_clt_features", "authinfo", "check_compat":
		return nil
	}
	arg := ""
	for strings.HasPrefix(rest, "arg") {
		var val string
		if _, val, rest = cutField(rest); arg == "" {
			arg = val
		}
		rest = strings.TrimPrefix(rest, ", ")
	}
	relay := ""
	if strings.HasPrefix(rest, "relay=") {
		relay, rest, _ = strings.Cut(rest[len("relay="):], ", ")
	}
	reply, ok := strings.CutPrefix(rest, "reject=")
	if !ok {
		return nil // discard, quarantine=
	}
	at, err := h.clock.time(&r, &e.stamp)
	if err != nil {
		return err
	}
	ev := bouncehouse.Event{Time: at, QueueID: id}
	switch strings.ToLower(name) {
	case "check_relay", "conncontrol", "ratecontrol", "local_check_relay":
		ev.Stage = bouncehouse.StageConnect
	case "check_mail", "local_check_mail", "trust_auth":
		ev.Stage, ev.Sender = bouncehouse.StageMAIL, values.Bare(arg)
	case "check_rcpt", "local_check_rcpt", "check_vrfy", "check_expn", "check_etrn":
		ev.Stage, ev.Recipient = bouncehouse.StageRCPT, values.Bare(arg)
	case "check_data":
		ev.Stage = bouncehouse.StageDATA
	case "tls_client":
		ev.Stage = bouncehouse.StageSTARTTLS
	default: // check_eoh, check_eom, those of single header fields
		ev.Stage = bouncehouse.StageEOD
	}
	clientOf(relay).set(&ev)
	said.SetReply(&ev, reply)
	p.refuse(e, &ev, res)
	if ev.Stage == bouncehouse.StageEOD && id != "" {
		p.told(e, id)
	}
	return nil
}

// milter reads what a filter had refused.
func (p *sendmail) milter(r bouncehouse.Record, h *headReader, e *entry, id, rest string,
	res *bouncehouse.Result) error {
	ev := bouncehouse.Event{QueueID: id}
	key, reply := "", ""
	if client, ok := strings.CutPrefix(rest, "connect: host="); ok {
		host, rest, ok := strings.Cut(client, ", addr=")
		if !ok {
			return nil
		}
		addr, verdict, _ := strings.Cut(rest, ", ")
		mailClient{host, addr}.set(&ev)
		ev.Stage = bouncehouse.StageConnect
		switch {
		case strings.HasPrefix(verdict, "reject="):
			reply = verdict[len("reject="):]
		case strings.HasPrefix(verdict, "rejecting commands"):
			reply = "554 Command rejected"
		case strings.HasPrefix(verdict, "temp failing commands"):
			reply = "450 4.3.0 Please try again later."
		default:
			return nil
		}
	} else {
		const reject = ", reject="
		at := strings.Index(rest, reject)
		if key, _, _ = strings.Cut(rest, ","); strings.HasPrefix(rest, "from=<") || strings.HasPrefix(rest, "to=<") {
			// The address may look like a verdict.
			val := ""
			key, val, _ = strings.Cut(rest, "=<")
			if addr, after, ok := values.CutAddress(val); ok && strings.HasPrefix(after, reject) {
				at = len(rest) - len(after)
				if key == "to" {
					ev.Recipient = addr
				} else {
					ev.Sender = addr
				}
			}
		} else {
			key, _, _ = strings.Cut(key, "=")
		}
		if at < 0 {
			return nil // accept, discard, a filter's own state
		}
		reply = rest[at+len(reject):]
		switch key {
		case "to":
			ev.Stage = bouncehouse.StageRCPT
		case "from":
			ev.Stage = bouncehouse.StageMAIL
		case "helo":
			ev.Stage = bouncehouse.StageHELO
		case "data", "eom", "eoh", "header", "body":
			// That it is "data" tells not whether the command or the
			// message: filters judge the message.
			ev.Stage = bouncehouse.StageEOD
		default:
			return nil // cmd=
		}
	}
	var err error
	if ev.Time, err = h.clock.time(&r, &e.stamp); err != nil {
		return err
	}
	said.SetReply(&ev, reply)
	p.refuse(e, &ev, res)
	if ev.Stage == bouncehouse.StageEOD && id != "" {
		p.told(e, id)
	}
	return nil
}

// told notes that the refusal of a whole message has its event.
func (p *sendmail) told(e *entry, id string) {
	p.refused.open(memoKey{e.host, id}).done = true
}

// talkedEarly reads "host [ip] due to pre-greeting traffic after 2 seconds".
func (p *sendmail) talkedEarly(r bouncehouse.Record, h *headReader, e *entry, id, rest string,
	res *bouncehouse.Result) error {
	client, why, ok := strings.Cut(rest, " due to ")
	if !ok {
		return nil
	}
	at, err := h.clock.time(&r, &e.stamp)
	if err != nil {
		return err
	}
	ev := bouncehouse.Event{Time: at, QueueID: id, Stage: bouncehouse.StageConnect, ReplyCode: 554, ReplyText: why}
	clientOf(client).set(&ev)
	p.refuse(e, &ev, res)
	return nil
}

// withdrawn tells that nobody refused: the client began anew ("RSET", "EHLO")
// or went, or the message was thrown away.
func withdrawn(stat string) bool {
	for i := range len(stat) {
		if c := stat[i]; (c < 'A' || c > 'Z') && c != '/' {
			return stat == "aborted by sender" || stat == "discarded"
		}
	}
	return true
}

// notTaken reads of recipients whose message was refused at its end. Where
// the verdict of a filter or a ruleset was told already it says it again.
func (p *sendmail) notTaken(at time.Time, e *entry, id string, d *delivery, res *bouncehouse.Result) {
	if known := p.refused.find(memoKey{e.host, id}); known != nil && known.done || withdrawn(d.stat) {
		return
	}
	for rcpt := range d.recipients {
		ev := bouncehouse.Event{Time: at, QueueID: id, Stage: bouncehouse.StageEOD, Recipient: rcpt,
			EnhancedCode: d.dsn}
		said.SetReply(&ev, strings.TrimPrefix(d.stat, "Deferred: "))
		if strings.HasPrefix(ev.ReplyText, "Message exceeds maximum fixed size") && ev.ReplyCode == 0 {
			ev.ReplyCode, ev.EnhancedCode = 552, "5.2.3" // the code is not logged, and always this [collect.c]
		}
		p.refuse(e, &ev, res)
	}
}
