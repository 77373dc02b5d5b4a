package parse

import (
	"strings"

	"github.com/bouncehouse/bouncehouse"
	"github.com/bouncehouse/bouncehouse/parse/values"
)

// Rows of the message tracking log that tell what became of recipients, by
// the columns source and event-id:
//
//	SMTP,SEND; SMTP,SENDEXTERNAL   handed to server-ip; the final reply stands in source-context
//	STOREDRIVER,DELIVER            put into a mailbox
//	SMTP,FAIL; AGENT,FAIL; ...     refused for good by the remote (SMTP), or by Exchange itself
//	SMTP,DEFER; ...                to be tried again
//
// The others tell of a message's way through the server: RECEIVE, SUBMIT,
// TRANSFER, AGENTINFO, DSN, HARECEIVE, HAREDIRECT, HADISCARD, NOTIFYMAPI,
// EXPAND, RESOLVE, REDIRECT, DUPLICATEDELIVER.

// tracked reads one row of a tracking log.
func (p *exchangeLog) tracked(r *bouncehouse.Record, c *exchangeColumns, row *csvRow, res *bouncehouse.Result) error {
	var outcome bouncehouse.Outcome
	source, event := row.column(c.source), row.column(c.event)
	bySMTP := source == "SMTP"
	switch {
	case event == "FAIL":
		outcome = bouncehouse.Bounced
	case event == "DEFER":
		outcome = bouncehouse.Deferred
	case bySMTP && (event == "SEND" || event == "SENDEXTERNAL"), source == "STOREDRIVER" && event == "DELIVER":
		outcome = bouncehouse.Delivered
	default:
		return nil
	}
	st, rest, ok := cutStamp(row.value(0))
	if !ok || rest != "" {
		res.Unread++
		return nil
	}
	at, err := p.clock.time(r, &st)
	if err != nil {
		return err
	}
	template := bouncehouse.Event{
		Source: bouncehouse.Exchange, Time: at, Direction: bouncehouse.Outbound, Outcome: outcome, Counted: true,
		ContextKnown: true,
		QueueID:      row.column(c.internalID), MessageID: values.MessageID(row.column(c.messageID)),
		Sender: row.column(c.sender),
	}
	// sender-address is of the header; return-path is the envelope's.
	if path := row.column(c.returnPath); path != "" {
		template.Sender = values.Bare(path)
	}
	if since, rest, ok := cutStamp(row.column(c.info)); ok && (rest == "" || rest[0] == ';') {
		// Of a result, message-info is when the message came into the organization.
		if began, err := p.clock.time(r, &since); err == nil && !began.After(at) {
			template.Delay = bouncehouse.Delay{Duration: at.Sub(began), Known: true}
		}
	}
	final := ""
	if bySMTP {
		// Where server-ip is empty, server-hostname is our own.
		if template.RemoteIP = values.IP(row.column(c.serverIP)); template.RemoteIP.IsValid() {
			template.RemoteHost = exchangeHost(row.column(c.serverHost))
			template.LocalIP = values.IP(row.column(c.clientIP))
		}
		if outcome == bouncehouse.Delivered {
			final = finalReply(row.column(c.context))
			// Between servers of our own organization: a later DELIVER or SEND has the result.
			if ip := template.RemoteIP; ip.IsPrivate() || ip.IsLoopback() || ip.IsLinkLocalUnicast() ||
				strings.HasPrefix(row.column(c.connector), "Intra-Organization") {
				template.Outcome, template.Counted = bouncehouse.Relayed, false
			}
		}
	}
	recipients := row.column(c.rcpt)
	n := strings.Count(recipients, ";") + 1
	statuses := statusList{rest: row.column(c.status), left: min(n, maxRcpts)}
	first := len(res.Events)
	for i := 0; i < maxRcpts && n > 0; i, n = i+1, n-1 {
		var rcpt string
		rcpt, recipients, _ = strings.Cut(recipients, ";")
		status := statuses.next()
		if rcpt == "" && (i > 0 || n > 1) {
			continue
		}
		if last := len(res.Events) - 1; last >= first && (statuses.shared() || final != "") {
			res.Events = append(res.Events, res.Events[last])
			res.Events[last+1].Recipient = values.Bare(rcpt)
			continue
		}
		res.Events = append(res.Events, template)
		ev := &res.Events[len(res.Events)-1]
		ev.Recipient = values.Bare(rcpt)
		if final != "" {
			ev.Stage = bouncehouse.StageEOD
			status = final
		}
		if status == "" && !bySMTP && outcome != bouncehouse.Delivered {
			ev.ReplyText = row.column(c.context) // the agent's name
			continue
		}
		readStatus(ev, status, bySMTP)
	}
	return nil
}

// exchangeHost is a remote's name without the last dot; an address in its place
// says nothing.
func exchangeHost(s string) string {
	s = strings.TrimSuffix(strings.Trim(s, " []"), ".")
	if values.IP(s).IsValid() {
		return ""
	}
	return s
}

// finalReply finds the reply to the data in SEND's source-context:
//
//	08D3F1B2E1A0F1C2;250 2.0.0 OK 1471 a12si - gsmtp;ClientSubmitTime:2016-08-20T10:00:00.000Z
//
// The reply may have semicolons of its own.
func finalReply(context string) string {
	for at := 0; at < len(context); {
		part := context[at:]
		if bouncehouse.StartsWithCode(part) && part[0] == '2' {
			if end := strings.LastIndex(part, ";ClientSubmitTime:"); end > 0 {
				part = part[:end]
			}
			return part
		}
		n := strings.IndexByte(part, ';')
		if n < 0 {
			return ""
		}
		at += n + 1
	}
	return ""
}
