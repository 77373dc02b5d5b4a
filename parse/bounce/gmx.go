package bounce

import (
	"strings"

	"github.com/bouncehouse/bouncehouse"
	"github.com/bouncehouse/bouncehouse/parse/said"
	"github.com/bouncehouse/bouncehouse/parse/values"
)

// The bounces of United Internet's mailers (GMX, WEB.DE, mail.com, 1&1 IONOS,
// kundenserver.de), whose server is named Nemesis. They begin as Exim's do:
//
//	This message was created automatically by mail delivery software.
//
//	A message that you sent could not be delivered to one or more of
//	its recipients. This is a permanent error. The following address
//	failed:
//
//	"user@example.net":
//	SMTP error from remote server after RCPT command:
//	host: mx.example.net
//	5.1.1 <user@example.net>... User Unknown
//
//	user@example.net:
//	SMTP error from remote server for TEXT command, host: mx.example.net (192.0.2.1) reason: 550 5.2.0 Mail rejected.
//
//	user@example.net
//
//	For the following reason:
//
//	Mail size limit exceeded.
//
//	--- The header of the original message is following. ---

const nemesisCopy = "The header of the original message is following"

// readNemesis reads the bounces of GMX and 1&1.
func readNemesis(m *mimePart) ([]report, error) {
	text := m.text()
	head := m.greeting()
	if !m.greets(eximCreated) || !m.has(nemesisCopy) && !strings.Contains(head, "\nSMTP error from remote server ") {
		return nil, nil
	}
	rep := textReport(m, text)
	action := "failed"
	if strings.Contains(head, "not yet been delivered") {
		action = "delayed"
	}
	listed := false
	var b *block
	var said strings.Builder
	finish := func() {
		if b != nil {
			b.readNemesis(said.String())
		}
		said.Reset()
	}
	for at := 0; at < len(text); {
		line, next := values.CutLine(text, at)
		words := strings.Trim(line, " \t\r")
		name := strings.Trim(strings.TrimSuffix(words, ":"), `"<>`)
		switch {
		case words == "", words == "For the following reason:":
		case strings.HasPrefix(words, "---"):
			rep.human = text[:at]
			rep.returns(text[next:])
			next = len(text)
		case strings.HasSuffix(words, "failed:"), strings.HasSuffix(words, "delivered:"):
			listed = true
		case !listed:
		case strings.Contains(name, "@") && !strings.ContainsAny(name, " \t<>") && len(rep.blocks) < maxRecipients:
			finish()
			rep.blocks = append(rep.blocks, block{recipient: name, action: action})
			b = &rep.blocks[len(rep.blocks)-1]
		case b != nil && said.Len() < maxParagraph:
			if said.Len() > 0 {
				said.WriteByte(' ')
			}
			said.WriteString(words)
		}
		at = next
	}
	finish()
	return rep.found()
}

// readNemesis fills b with the lines under its address, joined.
func (b *block) readNemesis(text string) {
	b.text = text
	own, reply, ok := strings.Cut(text, "host: ")
	if !ok {
		b.diagnostic = text
		return
	}
	host, reply, _ := strings.Cut(reply, " ")
	if strings.HasPrefix(reply, "(") {
		addr, rest, _ := strings.Cut(reply, ")")
		host, reply = host+" "+addr+")", rest
	}
	b.remote = "dns; " + host
	reply = strings.TrimSpace(reply)
	for _, label := range []string{"reason:", "Reason:"} {
		reply = strings.TrimSpace(strings.TrimPrefix(reply, label))
	}
	if b.diagnostic = reply; !bouncehouse.StartsWithCode(reply) {
		b.status, b.diagnostic = bouncehouse.CutEnhanced(reply)
	}
	if b.diagnostic == "" {
		b.diagnostic = strings.TrimRight(own, ", ")
	}
	own = values.LowerASCII(own)
	for _, lead := range []string{"after ", "for ", "in "} {
		if _, command, ok := strings.Cut(own, "remote server "+lead); ok {
			b.stage = said.Command(command)
		}
	}
}
