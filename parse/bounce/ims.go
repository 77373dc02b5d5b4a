package bounce

import (
	"strings"

	"github.com/bouncehouse/bouncehouse/parse/values"
)

// Sun's and Oracle's Messaging Server (iMS, formerly PMDF): its text for
// people, where RFC 3464 beside it was lost.
//
//	This report relates to a message you sent with the following header fields:
//
//	  Message-id: <a@mail.example.com>
//	  To: user@example.net
//
//	Your message cannot be delivered to the following recipients:
//
//	  Recipient address: user@server
//	  Original address: user@example.net
//	  Reason: Remote SMTP server has rejected address
//	  Diagnostic code: smtp;550 5.1.1 <user@example.net>... User Unknown
//	  Remote system: dns;mx.example.net (TCP|203.0.113.25|47323|192.0.2.1|25) (mx.example.net ESMTP)
//
// A warning says "Your message has been enqueued and undeliverable for 4
// hours to the following recipients:"; a receipt, "Your message has been
// successfully delivered to the following recipients:".
func readIMS(m *mimePart) ([]report, error) {
	text := m.text()
	at := m.find("This report relates to a message you sent with the following header fields:")
	if at < 0 {
		return nil, nil
	}
	own, original := cutReturned(text[at:])
	fields, _, _ := strings.Cut(own, "\nYour message ")
	_, rest, _ := strings.Cut(own, "\nYour message ")
	rep := report{mail: m, human: own, original: firstHeader(original, m.original())}
	if rep.original == nil {
		// the fields that the text repeats
		_, fields, _ = strings.Cut(fields, "\n")
		for line := range values.Lines(fields) {
			line = strings.TrimLeft(line, " \t")
			if name := fieldName(line); name != "" {
				rep.original = append(rep.original, mimeField{name: name, raw: line[strings.IndexByte(line, ':')+1:]})
			}
		}
	}
	action := "failed"
	switch what, _, _ := strings.Cut(rest, "\n"); {
	case strings.Contains(what, "undeliverable for"), strings.Contains(what, "delayed"):
		action = "delayed"
	case strings.Contains(what, "successfully delivered"):
		action = "delivered"
	case strings.Contains(what, "successfully relayed"):
		action = "relayed"
	}
	var b *block
	var last *string          // the field under way: long ones are folded
	var folds strings.Builder // its lines but the first
	finish := func() {
		if last != nil {
			*last += folds.String()
		}
		last = nil
		folds.Reset()
	}
	for line := range values.Lines(rest) {
		line = strings.Trim(line, " \t")
		name, value, ok := strings.Cut(line, ": ")
		switch {
		case line == "":
			finish()
		case ok && name == "Recipient address":
			finish()
			if len(rep.blocks) == maxRecipients {
				return []report{rep}, nil
			}
			rep.blocks = append(rep.blocks, block{recipient: (typedValue{value: value}).address(), action: action})
			b = &rep.blocks[len(rep.blocks)-1]
		case b == nil:
		case ok && name == "Original address":
			finish()
			b.original = (typedValue{value: value}).address()
		case ok && name == "Reason":
			finish()
			b.comment, last = value, &b.comment
		case ok && name == "Diagnostic code":
			finish()
			b.diagnostic, last = value, &b.diagnostic
		case ok && name == "Remote system":
			finish()
			b.remote, last = value, &b.remote
		case last != nil && len(*last)+folds.Len() < maxParagraph:
			folds.WriteString(" " + line)
		}
	}
	finish()
	for i := range rep.blocks {
		rep.blocks[i].text = rep.blocks[i].comment
	}
	return rep.found()
}
