package bounce

import (
	"strings"

	"github.com/bouncehouse/bouncehouse"
	"github.com/bouncehouse/bouncehouse/parse/values"
)

// The fields of RFC 3464 and RFC 6533, and how mail systems write them.

// statusMedia tells the types of a report's machine part.
func statusMedia(media string) bool {
	return media == "message/delivery-status" || media == "message/global-delivery-status"
}

// recipientField tells the fields that belong to one recipient; the others
// belong to the whole message.
func recipientField(name string) bool {
	return values.IsName(name, "Final-Recipient", "Original-Recipient", "Action", "Status", "Remote-MTA",
		"Diagnostic-Code",
		"Last-Attempt-Date", "Will-Retry-Until", "Final-Log-ID", "X-Actual-Recipient")
}

// statusField tells whether name may begin a field of a delivery status.
// Others are the middle of a folded reply that lost its indent: "https://..."
// and "Reason: ..." begin lines too.
func statusField(name string) bool {
	return values.IsName(name, "Reporting-MTA", "Arrival-Date", "Received-From-MTA", "Original-Envelope-ID",
		"DSN-Gateway") || recipientField(name) ||
		values.HasPrefixFold(name, "x-") || values.HasPrefixFold(name, "content-") ||
		values.HasPrefixFold(name, "localized-")
}

// mailField tells fields of a returned message that stand in no delivery
// status.
func mailField(name string) bool {
	return values.IsName(name, "Return-Path", "Received", "From", "To", "Subject", "Message-ID", "Date", "MIME-Version",
		"Delivered-To")
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
		line, next := values.CutLine(text, at)
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

// The fields that a recipient's block is made of. A block keeps the first of
// each name, unfolded: what is asked of it costs the same however many fields
// a stranger writes into it.
const (
	fieldFinalRecipient = iota
	fieldOriginalRecipient
	fieldAction
	fieldStatus
	fieldRemoteMTA
	fieldDiagnosticCode
	fieldLastAttempt
	fieldSupplementary // Exchange 2000, 2003: this or the diagnostic
	fieldNetworkError  // Courier: Connection refused
	fieldActualRecipient
	blockFields
)

var blockFieldNames = [blockFields]string{"Final-Recipient", "Original-Recipient", "Action", "Status", "Remote-MTA",
	"Diagnostic-Code",
	"Last-Attempt-Date", "X-Supplementary-Info", "X-Network-Error", "X-Actual-Recipient"}

// openBlock is the recipient's block under way.
type openBlock struct {
	began  string // the name of its first field; empty where no block is under way
	values [blockFields]string
	has    [blockFields]bool
	coded  string // the first diagnostic that begins with a reply's code
}

func (o *openBlock) add(f *mimeField) {
	if o.began == "" {
		o.began = f.name
	}
	for i, name := range blockFieldNames {
		if !f.is(name) {
			continue
		}
		if i == fieldDiagnosticCode && o.coded == "" { // QUIRK: repeated; one of them is the remote's
			if d := f.value(); bouncehouse.StartsWithCode(typed(d).value) {
				o.coded = d
			}
		}
		if !o.has[i] {
			o.values[i], o.has[i] = f.value(), true
		}
		return
	}
}

// readGroups fills rep with what groups say.
//
// QUIRK: blank lines lack between blocks and stand within them, and fields
// are repeated. A block ends where a group brings a field again of which a
// recipient has one only; within a group, where a recipient comes again.
func (rep *report) readGroups(groups []mimeHeader) {
	var open openBlock
	closeBlock := func() {
		if open.began != "" {
			rep.addBlock(&open)
			open = openBlock{}
		}
	}
	for _, g := range groups {
		if open.clashes(g) {
			closeBlock()
		}
		for i := range g {
			f := &g[i]
			switch {
			case recipientField(f.name), open.began != "" && !messageField(f.name):
				if open.ends(g[i:]) {
					closeBlock()
				}
				open.add(f)
			default:
				rep.messageField(*f)
			}
		}
	}
	closeBlock()
}

func messageField(name string) bool {
	return strings.EqualFold(name, "Reporting-MTA") || strings.EqualFold(name, "Arrival-Date") ||
		strings.EqualFold(name, "Received-From-MTA")
}

// clashes tells whether g has a field that the block under way has already.
func (o *openBlock) clashes(g mimeHeader) bool {
	for i := fieldFinalRecipient; i <= fieldStatus; i++ {
		if o.values[i] != "" && g.get(blockFieldNames[i]) != "" {
			return true
		}
	}
	return false
}

// ends tells whether the first of fields begins another block than the one
// under way: it names another recipient in a field that this has already, or
// is the field that this began with, and soon another recipient follows.
func (o *openBlock) ends(fields mimeHeader) bool {
	was := o.values[fieldFinalRecipient]
	if was == "" {
		return false
	}
	f := &fields[0]
	if f.is("Final-Recipient") {
		return !strings.EqualFold(was, f.value())
	}
	if f.is("Original-Recipient") {
		was := o.values[fieldOriginalRecipient]
		return was != "" && !strings.EqualFold(was, f.value())
	}
	if !strings.EqualFold(f.name, o.began) {
		return false
	}
	next := fields[1:min(len(fields), 8)].get("Final-Recipient")
	return next != "" && !strings.EqualFold(was, next)
}

// maxDates bounds how many Arrival-Dates are tried, until one is a date: in a
// field of a few bytes none takes longer than the rest of the mail.
const maxDates = 8

// messageField takes a field that belongs to the whole message.
func (rep *report) messageField(f mimeField) {
	switch name := f.name; {
	case f.is("Reporting-MTA"):
		rep.mta = firstOf(rep.mta, values.HostName(typed(f.value()).value))
	case f.is("Arrival-Date"):
		if rep.dates++; rep.arrival.IsZero() && rep.dates <= maxDates {
			rep.arrival = values.Date(f.value())
		}
	case f.is("X-Original-Message-ID"):
		rep.messageID = f.value()
	// X-Postfix-Queue-ID, X-Yandex-Queue-ID, X-SendGrid-QueueID ...
	case values.HasPrefixFold(name, "x-") && (values.HasSuffixFold(name, "-queue-id") ||
		values.HasSuffixFold(name, "-queueid")):
		rep.queueID = f.value()
	case values.HasPrefixFold(name, "x-") && values.HasSuffixFold(name, "-sender"):
		rep.sender = typed(f.value()).address()
	}
}

// addBlock adds what the fields of one recipient say.
func (rep *report) addBlock(o *openBlock) {
	v := &o.values
	b := block{
		recipient:  typed(v[fieldFinalRecipient]).address(),
		original:   typed(v[fieldOriginalRecipient]).address(),
		action:     v[fieldAction],
		remote:     v[fieldRemoteMTA],
		diagnostic: firstOf(o.coded, v[fieldDiagnosticCode], v[fieldSupplementary], v[fieldNetworkError]),
		attempt:    values.Date(v[fieldLastAttempt]),
		status:     values.StatusCode(v[fieldStatus]),
	}
	if _, comment, ok := strings.Cut(v[fieldStatus], "("); ok {
		b.comment = strings.TrimSuffix(comment, ")")
	}
	if b.recipient == "" {
		b.recipient = b.original // QUIRK: McAfee, SES: no Final-Recipient
	}
	if b.recipient == "" {
		b.recipient = typed(v[fieldActualRecipient]).address()
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
