package parse

import (
	"strings"

	"github.com/bouncehouse/bouncehouse"
)

// Bounce mails of KDDI's au (EZweb, au one net): "Mail System Error -
// Returned Mail". A paragraph in Japanese, one in English, and the recipients
// in one of several forms:
//
//	<user@ezweb.ne.jp>
//
//	Each of the following recipients was rejected by a remote mail server.
//
//	The user(s) account is disabled.
//
//	<user@ezweb.ne.jp>: 550 user unknown (in reply to RCPT TO command)
//
//	    Recipient: <user@ezweb.ne.jp>
//	    >>> RCPT TO:<user@ezweb.ne.jp>
//	    <<< 550 <user@ezweb.ne.jp>: User unknown
//
//	Your message was not delivered within 0 days and 1 hours.
//	Remote host is not responding.
//
//	The following recipients did not receive this message:
//
//	<user@ezweb.ne.jp>

// readEZweb reads them.
func readEZweb(m *mimePart) ([]report, error) {
	if !hasPrefixFold(m.subject(), "Mail System Error") {
		return nil, nil
	}
	text := m.text()
	rep := report{mail: m, human: text, original: m.original()}
	var reason strings.Builder
	var open *block // the recipient under way
	for at := 0; at < len(text) && len(rep.blocks) < maxRecipients; {
		line, next := cutLine(text, at)
		words := strings.Trim(line, " \t\r")
		if strings.HasPrefix(words, "-----") {
			if rep.human = text[:at]; rep.original == nil {
				rep.original = originalHeader(text[next:])
			}
			break
		}
		at = next
		address, reply := ezwebRecipient(words)
		switch {
		case address != "":
			rep.blocks = append(rep.blocks, block{recipient: address, action: failedUnless(m), diagnostic: reply})
			open = &rep.blocks[len(rep.blocks)-1]
		case strings.HasPrefix(words, ">>> "):
			if open != nil {
				open.stage = ezwebStage(words[4:])
			}
		case strings.HasPrefix(words, "<<< "):
			if open != nil && len(open.diagnostic) < maxParagraph {
				open.diagnostic = strings.TrimSpace(open.diagnostic + " " + words[4:])
			}
		case words != "" && isASCII(words) && !strings.HasSuffix(words, ":") && reason.Len() < maxParagraph:
			if reason.Len() > 0 {
				reason.WriteByte(' ')
			}
			reason.WriteString(words)
		}
	}
	if len(rep.blocks) == 0 {
		return nil, nil
	}
	for i := range rep.blocks {
		b := &rep.blocks[i]
		if b.diagnostic == "" {
			b.diagnostic = reason.String()
			if strings.Contains(b.diagnostic, "was not delivered within") {
				b.action = "expired"
			}
		}
		b.text = firstOf(b.diagnostic, b.text)
	}
	return []report{rep}, nil
}

// ezwebRecipient reads the line of a recipient, and the reply behind it.
func ezwebRecipient(words string) (address, reply string) {
	words = strings.TrimLeft(strings.TrimPrefix(words, "Recipient:"), " ")
	if !strings.HasPrefix(words, "<") {
		return "", ""
	}
	a, rest, ok := strings.Cut(words[1:], ">")
	if !ok || !isAddress(a) {
		return "", ""
	}
	return a, strings.TrimLeft(rest, ": ")
}

func ezwebStage(command string) bouncehouse.Stage {
	if command == "." {
		return bouncehouse.StageEOD
	}
	return stageOf(lowerASCII(command))
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
