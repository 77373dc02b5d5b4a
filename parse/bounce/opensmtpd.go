package bounce

import (
	"strings"

	"github.com/bouncehouse/bouncehouse/parse/values"
)

// OpenSMTPD's notices (bounce.c). Since 6.0 a message/delivery-status says
// who and how, without the reply; before that the text alone:
//
//	    Hi!
//
//	    This is the MAILER-DAEMON, please DO NOT REPLY to this e-mail.
//
//	    An error has occurred while attempting to deliver a message for
//	    the following list of recipients:
//
//	user@example.net: 550 5.1.1 <user@example.net>... User Unknown
//
//	    Below is a copy of the original message:
//
// Others begin "A message is delayed for more than 4 hours for the following
// list of recipients:", "Your message was successfully delivered to these
// recipients." and "Your message was relayed to these recipients."; the first
// versions (4.6) wrote one recipient a mail:
//
//	Recipient: user@example.net
//	Reason:
//	550 5.1.1 <user@example.net>... User Unknown
func readOpenSMTPD(m *mimePart) ([]report, error) {
	text := m.text()
	at := m.find("This is the MAILER-DAEMON, please DO NOT REPLY to this e")
	if at < 0 {
		return nil, nil
	}
	rep := report{mail: m, original: m.original()}
	own, rest, ok := strings.Cut(text[at:], "Below is a copy of the original message:")
	if ok {
		rep.returns(rest)
	}
	rep.human = own
	action := "failed"
	switch {
	case strings.Contains(own, "A message is delayed "):
		action = "delayed"
	case strings.Contains(own, "Your message was successfully delivered"):
		action = "delivered"
	case strings.Contains(own, "Your message was relayed"):
		action = "relayed"
	}
	add := func(recipient, reason string) {
		rep.add(block{recipient: recipient, action: action, diagnostic: reason, text: reason})
	}
	recipient, wants := "", false // of the first versions
	for line := range values.Lines(own) {
		if line == "" || line[0] == ' ' || line[0] == '\t' {
			continue
		}
		name, value, ok := strings.Cut(line, ": ")
		switch {
		case wants:
			add(recipient, strings.TrimSpace(line))
			recipient, wants = "", false
		case ok && name == "Recipient":
			recipient = strings.TrimSpace(value)
		case recipient != "" && strings.HasPrefix(line, "Reason:"):
			wants = true
		case ok && strings.Contains(name, "@") && !strings.ContainsAny(name, " \t"):
			add(name, strings.TrimSpace(value))
		}
	}
	return rep.found()
}
