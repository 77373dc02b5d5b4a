package parse

import "strings"

// Zoho Mail's bounces (those without a machine part) begin as Exim's do, and
// tell of each recipient on a line:
//
//	user@example.net Invalid Address, ERROR_CODE :550, ERROR_CODE :5.1.1 <user@example.net>... User Unknown
//	user@example.net Error, ERROR_CODE :421, ERROR_CODE :, Host not reachable.
//	user@example.net, ERROR CODE :550 - 5.1.1 User Unknown
//	[Status: Error, Address: <user@example.net>, ResponseCode 550, 5.1.1 User Unknown]
//
// The second code is the rest of the reply; where it is empty, what follows
// are Zoho's own words, and the first code is none of the remote server.

// readZoho reads Zoho's bounces.
func readZoho(m *mimePart) ([]report, error) {
	text := m.text()
	head := text[:min(len(text), maxGreeting)]
	if !strings.Contains(head, eximCreated) {
		return nil, nil
	}
	first := 0
	for _, mark := range []string{"ERROR_CODE", "ERROR CODE", "ResponseCode "} {
		if n := strings.Index(head, mark); n >= 0 && first == 0 {
			first = n
		}
	}
	if first == 0 {
		return nil, nil
	}
	rep := textReport(m, text)
	for at := 0; at < len(text); {
		line, next := cutLine(text, at)
		if hasPrefixFold(line, "Received:") || strings.HasPrefix(line, "---") {
			// The header of the returned message, without a line before it.
			rep.human = text[:at]
			if rep.original == nil {
				rep.original = originalHeader(text[at:])
			}
			break
		}
		if b, ok := zohoBlock(strings.Trim(line, " \t\r")); ok && len(rep.blocks) < maxRecipients {
			rep.blocks = append(rep.blocks, b)
		} else if n := len(rep.blocks); n > 0 && strings.TrimSpace(line) != "" && len(rep.blocks[n-1].diagnostic) < maxParagraph {
			rep.blocks[n-1].diagnostic += " " + strings.TrimSpace(line) // a reply of several lines
		}
		at = next
	}
	if len(rep.blocks) == 0 {
		return nil, nil
	}
	return []report{rep}, nil
}

// zohoBlock reads the line of a recipient.
func zohoBlock(line string) (block, bool) {
	var who, said string
	ok := false
	for _, mark := range []string{"ERROR_CODE", "ERROR CODE", "ResponseCode"} {
		if who, said, ok = strings.Cut(line, mark); ok {
			break
		}
	}
	if !ok {
		return block{}, false
	}
	found := firstAddress(who)
	if len(found) == 0 {
		return block{}, false
	}
	b := block{recipient: found[0], action: "failed"}
	said = strings.TrimSuffix(strings.TrimLeft(said, " :"), "]")
	if !startsWithCode(said[:min(len(said), 3)]) {
		b.diagnostic = strings.TrimLeft(said, " ,:")
		return b, true
	}
	code, rest := said[:3], strings.TrimLeft(said[3:], " -")
	rest = strings.TrimLeft(strings.TrimPrefix(rest, ","), " ")
	if more, ok := strings.CutPrefix(rest, "ERROR_CODE"); ok {
		rest = strings.TrimLeft(more, " :")
	}
	if own, ok := strings.CutPrefix(rest, ","); ok || rest == "" {
		b.diagnostic = strings.TrimSpace(own)
	} else {
		b.diagnostic = code + " " + rest
	}
	return b, true
}
