package parse

import (
	"strings"

	"github.com/bouncehouse/bouncehouse"
	"github.com/bouncehouse/bouncehouse/parse/values"
)

// Rows of the SMTP protocol logs, by the column event. One row is one line of
// one side; sessions interleave and are told apart by session-id:
//
//	time,connector,session,sequence,local,remote,+,,                     connected
//	time,connector,session,sequence,local,remote,>,EHLO us.example,      sent: in a Send log our command, in a Receive log our reply
//	time,connector,session,sequence,local,remote,<,250 mx.example,       received
//	time,connector,session,sequence,local,remote,*,,text                 a note
//	time,connector,session,sequence,local,remote,-,,Remote               disconnected, by whom
//
// The message's data is not logged: behind 354 the next reply is the one to
// its end.

// spoken reads one row of a protocol log.
func (p *exchangeLog) spoken(r *bouncehouse.Record, c *exchangeColumns, row *csvRow, res *bouncehouse.Result) error {
	id, event, data := memoKey{id: row.column(c.session)}, row.column(c.event), row.column(c.data)
	if id.id == "" || len(event) != 1 {
		return nil
	}
	d := p.sessions.find(id)
	if d == nil || event[0] == '+' {
		if event[0] == '-' {
			return nil
		}
		d = p.sessions.put(id)
		d.direction = p.log
		if n := row.column(c.sequence); event[0] == '<' || event[0] == '>' {
			if (n == "0" || n == "1" || n == "2") && bouncehouse.StartsWithCode(data) {
				d.connected() // the row of the connection is missing
			}
		}
	}
	if !d.remote.IsValid() {
		d.remote = values.Endpoint(row.column(c.remote))
		if d.direction == bouncehouse.Outbound {
			d.local = values.Endpoint(row.column(c.local)).Addr()
		}
	}
	if d.direction == "" && (event[0] == '<' || event[0] == '>') {
		// Without a header: who greets is the server.
		if d.direction = bouncehouse.Inbound; bouncehouse.StartsWithCode(data) == (event[0] == '<') {
			d.direction = bouncehouse.Outbound
			d.local = values.Endpoint(row.column(c.local)).Addr()
		}
	}
	before, bytes := len(res.Events), d.size()
	switch event[0] {
	case '+':
		d.connected()
	case '<', '>':
		if (event[0] == '>') == (d.direction == bouncehouse.Outbound) {
			d.command(data, res)
		} else {
			exchangeReply(d, data, res)
		}
	case '*':
		context := row.column(c.context)
		d.note(data, context)
		if stage := exchangeFault(context); stage != "" && d.direction != bouncehouse.Inbound {
			// One of several addresses, IPv6 and IPv4 among them: seen, but no
			// result of a message.
			d.tell(stage, bouncehouse.Reply{Text: context}, nil, "", res)
			ev := &res.Events[len(res.Events)-1]
			ev.Outcome, ev.Counted = bouncehouse.Deferred, false
		}
	case '-':
		how := "connection closed"
		switch row.column(c.context) {
		case "Remote":
			how = "connection closed by the remote host"
		case "Local":
			how = "connection closed by the local host"
		}
		d.closed(how, res)
	}
	var err error
	if len(res.Events) > before || d.held.fresh {
		err = p.stamp(r, row.value(0), d, res.Events[before:])
	}
	if event[0] == '-' {
		p.sessions.remove(id)
	} else {
		p.sessions.charge(id, d.size()-bytes)
	}
	return err
}

// exchangeReply takes a line of a reply. Newer versions join the lines of one
// reply into one row, as the tracking log does.
func exchangeReply(d *dialogue, s string, res *bouncehouse.Result) {
	if len(s) > 4 && s[3] == '-' && bouncehouse.StartsWithCode(s) && len(d.lines) == 0 {
		enhanced, _ := bouncehouse.CutEnhanced(s[4:])
		if strings.Contains(s[4:], " "+s[:3]+"-") || enhanced != "" && strings.Contains(s[4:], " "+s[:3]+" "+enhanced) {
			d.whole(s, res)
			return
		}
	}
	d.reply(s, res)
}

// stamp gives the row's time to its events, or to a refusal held back.
func (p *exchangeLog) stamp(r *bouncehouse.Record, date string, d *dialogue, events []bouncehouse.Event) error {
	st, _, ok := cutStamp(date)
	if !ok {
		st = stamp{}
	}
	at, err := p.clock.time(r, &st)
	if err != nil {
		return err
	}
	d.timed(at, bouncehouse.Exchange, events)
	return nil
}

// note reads Exchange's own words:
//
//	sending message with RecordId 3242591780866 and InternetMessageId <m@h>     2013 and later
//	,8012,sending message                                                       2007, 2010: the id is the data
//	DOMAIN\user,authenticated                                                   the user is the data
//	TLS protocol SP_PROT_TLS1_2_CLIENT negotiation succeeded using ...
func (d *dialogue) note(data, context string) {
	text := context
	if text == "" {
		text = data
	}
	if rest, ok := strings.CutPrefix(text, "sending message"); ok {
		d.keep(&d.queueID, "")
		d.keep(&d.messageID, "")
		if values.Digits(data) {
			d.keep(&d.queueID, data)
		} else if _, id, ok := strings.Cut(rest, "RecordId "); ok {
			id, _, _ = strings.Cut(id, " ")
			d.keep(&d.queueID, id)
		}
		if _, id, ok := strings.Cut(rest, "InternetMessageId "); ok {
			d.keep(&d.messageID, values.MessageID(id))
		}
	} else if context == "authenticated" {
		d.keep(&d.user, data)
	} else if rest, ok := strings.CutPrefix(text, "TLS protocol SP_PROT_"); ok && strings.HasPrefix(rest, "TLS1") &&
		strings.Contains(text, "succeeded") {
		d.tls = "TLSv1"
		if len(rest) > 5 && rest[4] == '_' && rest[5]-'0' <= 3 && rest[5] != '0' {
			d.tls = [...]string{"TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"}[rest[5]-'0']
		}
	}
}

// exchangeFault tells notes that a connection came to nothing:
//
//	Failed to connect. Winsock error code: 10060, Win32 error code: 10060, ... 203.0.113.21:25
//	Failed connection to 203.0.113.21:25 (TimedOut:0000274C)[TargetHost:mx.example:25|MarkedUnhealthy|...]
//	TLS negotiation failed with error UntrustedRoot
func exchangeFault(note string) bouncehouse.Stage {
	switch {
	case strings.HasPrefix(note, "Failed to connect"), strings.HasPrefix(note, "Failed connection to "):
		return bouncehouse.StageConnect
	case strings.HasPrefix(note, "TLS negotiation failed"):
		return bouncehouse.StageSTARTTLS
	}
	return ""
}
