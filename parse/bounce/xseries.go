package bounce

import (
	"strings"

	"github.com/bouncehouse/bouncehouse/parse/said"
	"github.com/bouncehouse/bouncehouse/parse/values"
)

// Bounces of systems that do not name themselves.
//
// X1 (seen in Japan since 2010, from a "Mail Deliver System"):
//
//	The original message was received at Thu, 29 Oct 2026 10:00:00 +0900 (JST)
//	from sender@example.com
//
//	---The following addresses had delivery errors---
//
//	user@example.net [User unknown]
//
// with the subject "Warning--Could not send mail for past 8.5 hours" where it
// goes on trying. X2 is read by readQSBMF. X3:
//
//	      This is an automatically generated Delivery Status Notification.
//
//	Delivery to the following recipients was aborted after 7 second(s):
//
//	  * user@example.net
//
//	============================================================
//	                     Technical details:
//
//	SMTP:RCPT host 192.0.2.1: 553 5.3.0 <user@example.net>... No such user
//	============================================================

const x1List = "The following addresses had delivery errors---"

// readX1 reads the first.
func readX1(m *mimePart) ([]report, error) {
	text := m.text()
	at := m.find(x1List)
	if at < 0 {
		return nil, nil
	}
	list := text[at+len(x1List):]
	rep := textReport(m, text)
	action := "failed"
	if values.HasPrefixFold(m.header.get("Subject"), "Warning") {
		action = "delayed"
	}
	if _, when, ok := strings.Cut(text[:at], "was received at "); ok {
		when, _ = values.CutLine(when, 0)
		rep.arrival = values.Date(strings.TrimSpace(when))
	}
	for line := range values.Lines(list) {
		who, why, _ := strings.Cut(strings.TrimSpace(line), " ")
		if who == "" {
			continue
		}
		if !strings.Contains(who, "@") || len(rep.blocks) >= maxRecipients {
			break // the returned message
		}
		why = strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(why), "["), "]")
		rep.blocks = append(rep.blocks, block{recipient: strings.Trim(who, "<>"), action: action, diagnostic: why,
			text: why})
	}
	return rep.found()
}

// readX3 reads the third.
func readX3(m *mimePart) ([]report, error) {
	text := m.text()
	n := m.find("Delivery to the following recipient")
	if n < 0 || n > maxGreeting || !strings.Contains(m.greeting()[n:], " was aborted after ") {
		return nil, nil
	}
	rep := textReport(m, text)
	_, list, _ := strings.Cut(text[n:], "\n")
	var why strings.Builder
	for line := range values.Lines(list) {
		words := strings.Trim(line, " \t\r=*")
		switch {
		case words == "", strings.HasPrefix(words, "Technical details"), why.Len() >= maxShared:
		case strings.HasPrefix(strings.TrimSpace(line), "* ") && strings.Contains(words, "@") &&
			len(rep.blocks) < maxRecipients:
			rep.blocks = append(rep.blocks, block{recipient: words, action: "failed"})
		default:
			if why.Len() > 0 {
				why.WriteByte(' ')
			}
			why.WriteString(words)
		}
	}
	for i := range rep.blocks {
		rep.blocks[i].readX3(why.String())
	}
	return rep.found()
}

// readX3 reads the technical details: SMTP:RCPT host 192.0.2.1: 553 5.3.0 ...
func (b *block) readX3(text string) {
	b.text, b.diagnostic = text, text
	command, rest, ok := strings.Cut(text, " host ")
	if !ok || !strings.HasPrefix(command, "SMTP:") {
		return
	}
	host, reply, ok := strings.Cut(rest, ": ")
	if !ok {
		return
	}
	b.remote, b.diagnostic = "dns; "+host, reply
	b.stage = said.Command(command[len("SMTP:"):])
}
