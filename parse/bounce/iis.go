package bounce

import (
	"strings"

	"github.com/bouncehouse/bouncehouse/parse/values"
)

// Bounce mails of the SMTP service of Windows (IIS), which Exchange 2000 and
// 2003 and once Hotmail sent with:
//
//	This is an automatically generated Delivery Status Notification.
//
//	Delivery to the following recipients failed.
//
//	       user@example.com
//
// or "Unable to deliver message to the following recipients, due to being
// unable to connect successfully to the destination mail server.", "Delivery
// to the following recipients has been delayed.", "... was aborted after 2
// day(s)." It comes in many languages, and the boundary is "...DSN=_...".

// readSMTPService reads what the SMTP service of Windows writes, where its
// machine part lacks, or has no reply: the reason is a sentence before the
// recipients then.
func readSMTPService(m *mimePart) ([]report, error) {
	if !strings.Contains(m.boundary, "DSN=_") &&
		(len(m.content().status) > 0 || !m.has("automatically generated Delivery Status Notification") ||
			!m.has(" to the following recipients") || m.has("failed permanently")) { // that is Google's
		return nil, nil
	}
	rep := newReport(m)
	before, addresses := indentedAddresses(rep.human)
	if len(rep.blocks) == 0 {
		action := "failed"
		switch {
		case m.hasFold("has been delayed"), m.hasFold("warning message only"):
			action = "delayed"
		case m.hasFold("successfully relayed"):
			action = "relayed"
		case m.hasFold("was aborted after"):
			action = "expired"
		}
		for _, a := range addresses {
			rep.blocks = append(rep.blocks, block{recipient: a, action: action})
		}
	}
	for i := range rep.blocks {
		// "Delivery to the following recipients failed." tells nothing more.
		if b := &rep.blocks[i]; b.diagnostic == "" && values.HasPrefixFold(before,
			"Unable to deliver message to the following recipients, due to") {
			b.text = before
		}
	}
	return rep.found()
}

// indentedAddresses returns the addresses that stand indented on lines of
// their own, and the line of words before them.
func indentedAddresses(text string) (before string, found []string) {
	last := ""
	for line := range values.Lines(text) {
		words := strings.Trim(line, " \t\r")
		switch {
		case words == "":
		case indentOf(line) > 0 && isAddress(words):
			if len(found) == 0 {
				before = last
			}
			if len(found) < maxRecipients {
				found = append(found, words)
			}
		case len(found) > 0:
			return before, found
		default:
			last = words
		}
	}
	return before, found
}
