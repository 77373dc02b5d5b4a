package bounce

import (
	"strings"

	"github.com/bouncehouse/bouncehouse/parse/values"
)

// SmarterMail: a text with a field for the recipient and one for the reason:
//
//	Could not deliver message to the following recipient(s):
//
//	Failed Recipient: user@example.net
//	Reason: Remote host said: 550 5.1.1 No such user
//
//	   -- The header and top 20 lines of the message follows --
//
// Its own words ("The mailbox is full") have no code.

// readSmarterMail reads SmarterMail's bounce mails.
func readSmarterMail(m *mimePart) ([]report, error) {
	text := m.text()
	if !m.has("Failed Recipient:") || !m.has("Reason:") || !writtenBySystem(m) {
		return nil, nil
	}
	own, original := cutOriginal(text)
	rep := report{mail: m, original: firstHeader(m.original(), original)}
	recipients, open := []string(nil), false
	var why strings.Builder
	finish := func() {
		if open = false; why.Len() == 0 {
			return
		}
		if len(recipients) > 0 {
			told := readTold(why.String())
			for _, a := range recipients {
				b := block{recipient: a}
				told.tell(&b)
				rep.add(b)
			}
		}
		recipients = nil
		why.Reset()
	}
	for line := range values.Lines(own) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "Failed Recipient:"):
			finish()
			if found := addressesIn(line); len(found) > 0 && len(recipients) < maxRecipients {
				recipients = append(recipients, found[0])
			}
		case strings.HasPrefix(line, "Reason:"):
			why.Reset()
			why.WriteString(strings.TrimSpace(line[len("Reason:"):]))
			open = true
		case line == "":
			finish()
		case open && why.Len() < maxParagraph:
			why.WriteString(" " + line)
		}
	}
	finish()
	rep.settle(own)
	return rep.found()
}
