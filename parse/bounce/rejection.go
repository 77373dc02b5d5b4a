package bounce

import (
	"strings"

	"github.com/bouncehouse/bouncehouse/parse/values"
)

// Refusals in the form of a disposition notification (RFC 8098): Dovecot's
// LDA and the reject of Sieve (RFC 5429 section 2.1.2) have the message by
// then, and tell its sender that the recipient does not. A receipt that a
// message was read or deleted by hand has the same form and is none.
//
//	Your message to <user@example.net> was automatically rejected:
//	Quota exceeded (mailbox for user is full)
//
//	Final-Recipient: rfc822; user@example.net
//	Disposition: automatic-action/MDN-sent-automatically; deleted

// rejectionPhrases say in the text that it is a refusal, rejectionDispositions
// in the machine's part.
var (
	rejectionPhrases      = newPhrases("reject", "refused by")
	rejectionDispositions = newPhrases("deleted", "denied", "failed", "rejected")
)

// readRejection reads such a refusal.
func readRejection(m *mimePart) ([]report, error) {
	if m.media != "multipart/report" || !strings.EqualFold(m.reportType, "disposition-notification") {
		return nil, nil
	}
	if !rejectionPhrases.in(values.ClipTo(m.text(), maxSearched)) {
		return nil, nil
	}
	for p := range m.own() {
		if p.media != "message/disposition-notification" {
			continue
		}
		fields, _ := splitHeader(strings.TrimLeft(p.decoded(), "\r\n"))
		d := fields.get("Disposition")
		recipient := typed(firstOf(fields.get("Final-Recipient"), fields.get("Original-Recipient"))).address()
		if !strings.Contains(values.LowerASCII(d), "automatic") || !rejectionDispositions.in(d) ||
			!strings.Contains(recipient, "@") {
			continue
		}
		rep := report{mail: m, original: m.original(), messageID: fields.get("Original-Message-ID")}
		b := block{recipient: recipient, action: "failed"}
		b.tell(rejectionReason(m.text(), values.ClipTo(m.lower(), maxSearched)))
		b.text = firstOf(b.diagnostic, " ")
		rep.blocks = []block{b}
		return []report{rep}, nil
	}
	return nil, nil
}

// rejectionReason is the paragraph behind the sentence that introduces it;
// lower is the beginning of text in lower case.
func rejectionReason(text, lower string) string {
	for _, lead := range []string{"automatically rejected:", "reason given was as follows:",
		"following reason was given:", "reason was given:", "reason was:", "reason:", "rejected:"} {
		at := strings.Index(lower, lead)
		if at < 0 {
			continue
		}
		var words []string
		for line := range values.Lines(text[at+len(lead) : min(len(text), at+maxParagraph)]) {
			if line = strings.TrimSpace(line); line != "" {
				words = append(words, line)
			} else if len(words) > 0 {
				break
			}
		}
		return strings.Join(words, " ")
	}
	line, _ := values.CutLine(strings.TrimLeft(text, "\r\n \t"), 0)
	return strings.TrimSpace(line)
}
