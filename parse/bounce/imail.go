package bounce

import (
	"strings"

	"github.com/bouncehouse/bouncehouse"
	"github.com/bouncehouse/bouncehouse/parse/values"
)

// Bounce mails of Ipswitch IMail Server: a line for each recipient, and the
// reply below where there is one; "X-Mailer: <SMTP32 v8.12>".
//
//	Invalid final delivery userid: user@example.com
//	User mailbox exceeds allowed size: user@example.com
//	Unknown user: user@example.com
//	Unknown host: user@example.com
//	Delivery failed 20 attempts: user@example.com
//
//	undeliverable to user@example.com
//
//	Body of message generated response:
//	550-REJECTED
//	550 see https://example.com
//
//	Original message follows.

// readIMail reads them.
func readIMail(m *mimePart) ([]report, error) {
	if !strings.Contains(m.header.get("X-Mailer"), "SMTP32") && !m.hasFold("generated response:") &&
		!m.hasFold("\noriginal message follows") {
		return nil, nil
	}
	text := m.text()
	rep := report{mail: m, human: text, original: m.original()}
	for at := 0; at < len(text); {
		line, next := values.CutLine(text, at)
		words := strings.Trim(line, " \t\r")
		lower := values.LowerASCII(words[:min(len(words), 512)])
		switch {
		case strings.HasPrefix(lower, "original message follows"):
			rep.human = text[:at]
			rep.returns(text[next:])
			next = len(text)
		case strings.HasSuffix(lower, "generated response:") && len(rep.blocks) > 0:
			reply, after := paragraphAt(text, next)
			for i := len(rep.blocks) - 1; i >= 0 && rep.blocks[i].diagnostic == ""; i-- {
				rep.blocks[i].text, rep.blocks[i].diagnostic = reply, reply
				rep.blocks[i].stage = iMailStage(lower)
			}
			next = after
		default:
			if b := iMailBlock(words, lower); b.recipient != "" {
				rep.add(b)
			}
		}
		at = next
	}
	return rep.found()
}

// iMailBlock reads the line of one recipient.
func iMailBlock(words, lower string) block {
	if a, ok := strings.CutPrefix(lower, "undeliverable to "); ok {
		return block{recipient: addressIn(words[len(words)-len(a):]), action: "failed", text: words}
	}
	reason, a, ok := strings.Cut(words, ":")
	if !ok || !isAddress(strings.Trim(a, " <>")) {
		return block{}
	}
	b := block{recipient: strings.Trim(a, " <>"), action: "failed", text: reason, diagnostic: reason}
	lower = lower[:len(reason)]
	switch {
	case strings.HasPrefix(lower, "delivery failed") && strings.HasSuffix(lower, "attempts"):
		b.action = "expired"
	case strings.HasPrefix(lower, "delivery failed"), strings.HasPrefix(lower, "user mailbox"),
		strings.HasPrefix(lower, "unknown "),
		strings.HasPrefix(lower, "invalid "), strings.HasSuffix(lower, "delivery userid"):
	default:
		return block{} // a header field
	}
	return b
}

// iMailStage reads what generated the response: "Body of message", or
// "SMTP recipient", "SMTP mail from".
func iMailStage(lower string) bouncehouse.Stage {
	switch {
	case strings.HasPrefix(lower, "body of message"):
		return bouncehouse.StageEOD
	case strings.Contains(lower, "recipient"), strings.Contains(lower, "rcpt to"):
		return bouncehouse.StageRCPT
	case strings.Contains(lower, "mail from"), strings.Contains(lower, "sender"):
		return bouncehouse.StageMAIL
	}
	return ""
}
