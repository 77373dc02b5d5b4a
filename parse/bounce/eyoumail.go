package bounce

import (
	"strings"

	"github.com/bouncehouse/bouncehouse/parse/said"
	"github.com/bouncehouse/bouncehouse/parse/values"
)

// EyouMail Server (eyou.net, eyousoft.net), a Chinese mail server. A report
// is of one recipient; its reason is one reply, or the server's own words:
//
//	[ EyouMail Server -- Error Report ]
//
//	Mail [1139607179137.5408.mail_server1] From [example.com].
//
//	Mail from: <sender@example.com>
//	Rcpt to: <user@example.net>
//
//	The message to user@example.net is bounced because:
//	550 invalid address (#5.5.0)
//	554 IP is Hangup, too much auth error,203.0.113.25,192.0.2.1     own address, the remote's
//	remote server said: 553 Sorry
//	Try send out of range,no more information                        given up
//	Invalid spool file
//
// Templates are edited and translated; the sentence with "is bounced because"
// is the program's.

const bouncedBecause = " is bounced because:"

// readEyouMail reads EyouMail's reports.
func readEyouMail(m *mimePart) ([]report, error) {
	text := m.text()
	at := m.find(bouncedBecause)
	if at < 0 || !strings.Contains(text, "Mail [") && !strings.Contains(text, "EyouMail") &&
		!strings.Contains(text, "Eyoumail") || !writtenBySystem(m) && !strings.Contains(m.subject(), "EyouMail") {
		return nil, nil
	}
	rep := report{mail: m, original: m.original()}
	recipient := ""
	var reason []string
	open, returned := false, false // returned: the returned message was looked for
	finish := func() {
		if open && strings.Contains(recipient, "@") && len(rep.blocks) < maxRecipients {
			b := block{recipient: recipient, action: "failed"}
			b.eyouReason(strings.Join(reason, " "))
			b.text = firstOf(b.diagnostic, " ")
			rep.blocks = append(rep.blocks, b)
		}
		open, reason = false, nil
	}
	for offset := 0; offset < len(text); {
		line, next := values.CutLine(text, offset)
		line = strings.TrimSpace(line)
		switch {
		case open && (line == "" && len(reason) > 0 || strings.HasPrefix(line, "---")):
			finish()
			if rep.original == nil && !returned {
				returned = true
				_, rep.original = cutOriginal(text[offset:])
			}
			rep.returns(text[next:])
		case strings.HasPrefix(line, "Mail [") && rep.queueID == "":
			id, _, _ := strings.Cut(line[len("Mail ["):], "]")
			rep.queueID = strings.TrimSpace(id)
		case values.HasPrefixFold(line, "mail from:") && rep.sender == "":
			rep.sender = values.Angled(line[len("mail from:"):])
		case values.HasPrefixFold(line, "rcpt to:") && !open:
			recipient = values.Angled(line[len("rcpt to:"):])
		case strings.HasSuffix(line, strings.TrimSpace(bouncedBecause)) || strings.Contains(line, bouncedBecause):
			finish()
			open = true
			if found := addressesIn(line); len(found) > 0 {
				recipient = found[0]
			}
			if _, rest, _ := strings.Cut(line, bouncedBecause); strings.TrimSpace(rest) != "" {
				reason = append(reason, strings.TrimSpace(rest))
			}
		case open && line != "" && len(reason) < 30:
			reason = append(reason, line)
		}
		offset = next
	}
	finish()
	return rep.found()
}

// eyouReason reads the reason.
func (b *block) eyouReason(reason string) {
	lower := values.LowerASCII(reason)
	if strings.Contains(lower, "send out of range") || strings.Contains(lower, "no more information") {
		b.action = "expired"
	}
	// The remote's address is tacked on behind a comma, ours before it.
	if n := strings.LastIndexByte(reason, ','); n > 0 && said.ReplyAt(reason) >= 0 {
		if ip := values.IP(strings.TrimRight(strings.TrimSpace(reason[n+1:]), ".")); ip.IsValid() {
			b.remote, reason = ip.String(), strings.TrimRight(reason[:n], ", ")
		}
	}
	b.tell(reason)
}
