package bounce

import (
	"strings"

	"github.com/bouncehouse/bouncehouse"
	"github.com/bouncehouse/bouncehouse/parse/values"
)

// Zoho Mail's bounces (those without a machine part) begin as Exim's do, and
// tell of each recipient on a line:
//
//	user@example.net Invalid Address, ERROR_CODE :550, ERROR_CODE :5.1.1 <user@example.net>... User Unknown
//	user@example.net Error, ERROR_CODE :421, ERROR_CODE :, Host not reachable.
//	user@example.net, ERROR CODE :550 - 5.1.1 User Unknown
//
// or, also in a warning ("Message will be retried for 4 more day(s)"):
//
//	[Status: Error, Address: <user@example.net>, ResponseCode 421, , 4.7.0 [TSS04] Messages from 192.0.2.25 deferred]
//
// The second code is the rest of the reply; where it is empty, what follows
// are Zoho's own words, and the first code is none of the remote server,
// unless its enhanced code comes next.

const zohoStatus = "[Status: Error, Address: <"

// readZoho reads Zoho's bounces.
func readZoho(m *mimePart) ([]report, error) {
	text := m.text()
	head := m.greeting()
	if !m.has(zohoStatus) &&
		!(m.greets(eximCreated) && (strings.Contains(head, "ERROR_CODE") || strings.Contains(head, "ERROR CODE"))) {
		return nil, nil
	}
	rep := textReport(m, text)
	action := "failed"
	if strings.Contains(head, " will be retried for ") {
		action = "delayed"
	}
	blank := false           // since the last recipient
	var said strings.Builder // the last recipient's diagnostic
	finish := func() {
		if n := len(rep.blocks); n > 0 {
			rep.blocks[n-1].diagnostic = said.String()
		}
		said.Reset()
	}
	for at := 0; at < len(text); {
		line, next := values.CutLine(text, at)
		if len(rep.blocks) > 0 && (values.HasPrefixFold(line, "Received:") || strings.HasPrefix(line, "---")) {
			// The header of the returned message, without a line before it.
			rep.human = text[:at]
			rep.returns(text[at:])
			break
		}
		if b, ok := zohoBlock(strings.Trim(line, " \t\r")); ok && len(rep.blocks) < maxRecipients {
			finish()
			b.action = action
			rep.blocks = append(rep.blocks, b)
			said.WriteString(b.diagnostic)
			blank = false
		} else if n := len(rep.blocks); n > 0 && strings.TrimSpace(line) == "" {
			blank = true
		} else if n > 0 && !blank && said.Len() < maxParagraph {
			said.WriteByte(' ')
			said.WriteString(strings.TrimSpace(line)) // a reply of several lines
		}
		at = next
	}
	finish()
	return rep.found()
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
	b := block{recipient: addressIn(who)}
	if b.recipient == "" {
		return b, false
	}
	said = strings.TrimLeft(said, " :")
	if strings.HasPrefix(line, "[") {
		said = strings.TrimSuffix(said, "]")
	}
	if !bouncehouse.StartsWithCode(said[:min(len(said), 3)]) {
		b.diagnostic = strings.TrimLeft(said, " ,:")
		return b, true
	}
	code, rest := said[:3], strings.TrimLeft(said[3:], " -")
	rest = strings.TrimLeft(strings.TrimPrefix(rest, ","), " ")
	if more, ok := strings.CutPrefix(rest, "ERROR_CODE"); ok {
		rest = strings.TrimLeft(more, " :")
	}
	own, ok := strings.CutPrefix(rest, ",")
	if own = strings.TrimSpace(own); ok && bouncehouse.EnhancedLen(own) > 0 {
		rest, ok = own, false
	}
	if ok || rest == "" {
		b.diagnostic = own
	} else {
		b.diagnostic = code + " " + rest
	}
	return b, true
}
