package parse

import (
	"strings"

	"github.com/bouncehouse/bouncehouse"
)

// The fields of RFC 3464 and RFC 6533, and how mail systems write them.

// statusMedia tells the types of a report's machine part.
func statusMedia(media string) bool {
	return media == "message/delivery-status" || media == "message/global-delivery-status"
}

// recipientField tells the fields that belong to one recipient; the others
// belong to the whole message.
func recipientField(name string) bool {
	return isName(name, "Final-Recipient", "Original-Recipient", "Action", "Status", "Remote-MTA", "Diagnostic-Code",
		"Last-Attempt-Date", "Will-Retry-Until", "Final-Log-ID", "X-Actual-Recipient")
}

// statusField tells whether name may begin a field of a delivery status.
// Others are the middle of a folded reply that lost its indent: "https://..."
// and "Reason: ..." begin lines too.
func statusField(name string) bool {
	return isName(name, "Reporting-MTA", "Arrival-Date", "Received-From-MTA", "Original-Envelope-ID", "DSN-Gateway") || recipientField(name) ||
		hasPrefixFold(name, "x-") || hasPrefixFold(name, "content-") || hasPrefixFold(name, "localized-")
}

// mailField tells fields of a returned message that stand in no delivery
// status.
func mailField(name string) bool {
	return isName(name, "Return-Path", "Received", "From", "To", "Subject", "Message-ID", "Date", "MIME-Version", "Delivered-To")
}

// statusGroups cuts the text of a delivery status into its groups of fields,
// and returns what follows them: the returned message, where no boundary or
// one that nobody declared stands between.
func statusGroups(text string) (groups []mimeHeader, rest string) {
	var group mimeHeader
	start, end := 0, 0 // of the value under way
	flush := func() {
		if n := len(group); n > 0 {
			group[n-1].raw = text[start:end]
		}
	}
	at := 0
	for at < len(text) {
		line, next := cutLine(text, at)
		if strings.HasPrefix(line, "--") && len(line) > 8 && !strings.ContainsAny(line, " \t") {
			break
		}
		name := fieldName(line)
		if len(group) == 0 && len(groups) > 0 && mailField(name) {
			break
		}
		// QUIRK: no empty line before the returned message either. Other
		// fields than these two may be words of a folded reply.
		if len(groups) > 0 && (strings.EqualFold(name, "Return-Path") || strings.EqualFold(name, "Received")) {
			break
		}
		switch {
		case strings.TrimLeft(line, " \t") == "":
			flush()
			if len(group) > 0 {
				groups = append(groups, group)
				group = nil
			}
		case name != "" && statusField(name):
			flush()
			group = append(group, mimeField{name: name})
			start, end = at+strings.IndexByte(line, ':')+1, at+len(line)
		case len(group) > 0:
			end = at + len(line) // a fold, be it indented or not
		}
		at = next
	}
	flush()
	if len(group) > 0 {
		groups = append(groups, group)
	}
	return groups, text[at:]
}

// readGroups fills rep with what groups say.
//
// QUIRK: blank lines lack between blocks and stand within them, and fields
// are repeated. A block ends where a group brings a field again of which a
// recipient has one only; within a group, where a recipient comes again.
func (rep *report) readGroups(groups []mimeHeader) {
	var open mimeHeader // fields of the block under way
	closeBlock := func() {
		if len(open) > 0 {
			rep.addBlock(open)
			open = nil
		}
	}
	for _, g := range groups {
		if clashes(open, g) {
			closeBlock()
		}
		for i, f := range g {
			switch {
			case recipientField(f.name), len(open) > 0 && !messageField(f.name):
				if startsBlock(open, g[i:]) {
					closeBlock()
				}
				open = append(open, f)
			default:
				rep.messageField(f)
			}
		}
	}
	closeBlock()
}

func messageField(name string) bool {
	return strings.EqualFold(name, "Reporting-MTA") || strings.EqualFold(name, "Arrival-Date") || strings.EqualFold(name, "Received-From-MTA")
}

// clashes tells whether g has a field that the block under way has already.
func clashes(open, g mimeHeader) bool {
	for _, name := range []string{"Final-Recipient", "Action", "Status", "Original-Recipient"} {
		if open.get(name) != "" && g.get(name) != "" {
			return true
		}
	}
	return false
}

// startsBlock tells whether the first of fields begins another block than the
// one under way: it names another recipient in a field that this has already,
// or is the field that this began with, and soon another recipient follows.
func startsBlock(open, fields mimeHeader) bool {
	was := open.get("Final-Recipient")
	if was == "" {
		return false
	}
	f := fields[0]
	if f.is("Final-Recipient") {
		return !strings.EqualFold(was, f.value())
	}
	if f.is("Original-Recipient") {
		was := open.get("Original-Recipient")
		return was != "" && !strings.EqualFold(was, f.value())
	}
	if !strings.EqualFold(f.name, open[0].name) {
		return false
	}
	next := fields[1:min(len(fields), 8)].get("Final-Recipient")
	return next != "" && !strings.EqualFold(was, next)
}

// messageField takes a field that belongs to the whole message.
func (rep *report) messageField(f mimeField) {
	switch name := f.name; {
	case f.is("Reporting-MTA"):
		rep.mta = firstOf(rep.mta, hostName(typed(f.value()).value))
	case f.is("Arrival-Date"):
		if rep.arrival.IsZero() {
			rep.arrival = parseDate(f.value())
		}
	case f.is("X-Original-Message-ID"):
		rep.messageID = f.value()
	// X-Postfix-Queue-ID, X-Yandex-Queue-ID, X-SendGrid-QueueID ...
	case hasPrefixFold(name, "x-") && (hasSuffixFold(name, "-queue-id") || hasSuffixFold(name, "-queueid")):
		rep.queueID = f.value()
	case hasPrefixFold(name, "x-") && hasSuffixFold(name, "-sender"):
		rep.sender = typed(f.value()).address()
	}
}

// addBlock reads the fields of one recipient.
func (rep *report) addBlock(h mimeHeader) {
	b := block{
		recipient:  typed(h.get("Final-Recipient")).address(),
		original:   typed(h.get("Original-Recipient")).address(),
		action:     h.get("Action"),
		remote:     h.get("Remote-MTA"),
		diagnostic: firstOf(h.get("Diagnostic-Code"), h.get("X-Supplementary-Info")), // Exchange 2000, 2003: the one or the other
		attempt:    parseDate(h.get("Last-Attempt-Date")),
	}
	for i := range h { // QUIRK: repeated; one of them is the remote's
		if h[i].is("Diagnostic-Code") {
			if d := h[i].value(); bouncehouse.StartsWithCode(typed(d).value) {
				b.diagnostic = d
				break
			}
		}
	}
	if b.diagnostic == "" {
		b.diagnostic = h.get("X-Network-Error") // Courier: Connection refused
	}
	b.status = statusCode(h.get("Status"))
	if _, comment, ok := strings.Cut(h.get("Status"), "("); ok {
		b.comment = strings.TrimSuffix(comment, ")")
	}
	if b.recipient == "" {
		b.recipient = b.original // QUIRK: McAfee, SES: no Final-Recipient
	}
	if b.recipient == "" {
		b.recipient = typed(h.get("X-Actual-Recipient")).address()
	}
	if b.recipient == "" && b.action == "" && b.status == "" {
		return // nothing of a recipient: a group of other fields
	}
	if rep.seen[b] {
		return // QUIRK: the same part twice
	}
	if rep.seen == nil {
		rep.seen = map[block]bool{}
	}
	rep.seen[b] = true
	rep.blocks = append(rep.blocks, b)
}
