package bounce

import (
	"slices"
	"strings"

	"github.com/bouncehouse/bouncehouse/parse/values"
)

// Finding the report, the text for people and the returned message in a mail.

// Bounds of what is read of a text, in bytes: the text for people, and a text
// that may hold the fields of a report. A mail may be large and no report.
const (
	maxHuman  = 64 << 10
	maxInline = 1 << 20
)

// readStatusParts reads RFC 3464: the mail's delivery-status parts; where it
// has none and was written by a person or a list, those of attached mails.
func readStatusParts(m *mimePart) ([]report, error) {
	if rep := newReport(m); len(rep.blocks) > 0 {
		return []report{rep}, nil
	}
	if claims(m) || automatic(m) {
		return nil, nil // an attached mail is what comes back, not what is reported
	}
	var found []report
	for p := range m.own() {
		inner := p.message()
		if inner == nil {
			continue
		}
		reports, err := readStatusParts(inner)
		if err != nil {
			return nil, err
		}
		found = append(found, reports...)
	}
	return found, nil
}

// newReport reads the parts of m that belong to its own report: once, although
// several dialects ask for it.
func newReport(m *mimePart) report {
	c := m.content()
	if c.report == nil {
		rep := report{mail: m, human: c.text, original: c.original}
		var rest string
		for _, p := range c.status {
			// QUIRK: Chinese systems write their own bytes into a part that
			// has no charset: that of the text for people.
			groups, after := statusGroups(p.toUTF8(p.decoded(), firstOf(p.charset, c.charset)))
			// QUIRK: without the empty line the fields are part of the
			// part's own header.
			if p != m {
				groups = append([]mimeHeader{withoutContent(p.header)}, groups...)
			}
			rep.readGroups(groups)
			rest = firstOf(rest, after)
		}
		rep.returns(rest)
		rep.nameBlocks()
		rep.seen = nil
		c.report = &rep
	}
	rep := *c.report
	rep.blocks = slices.Clone(rep.blocks) // dialects fill in what they lack
	return rep
}

// nameBlocks deals with blocks that name no recipient: one that stands alone
// is of those that the mail names elsewhere; others are fragments.
func (rep *report) nameBlocks() {
	named := rep.blocks[:0]
	var lone []block
	for _, b := range rep.blocks {
		if b.recipient != "" {
			named = append(named, b)
		} else {
			lone = append(lone, b)
		}
	}
	rep.blocks = named
	if len(named) == 0 && len(lone) == 1 {
		for _, a := range rep.recipients() {
			b := lone[0]
			b.recipient = a
			rep.blocks = append(rep.blocks, b)
		}
	}
}

// recipients returns whom the mail names outside of recipient blocks: in its
// header, in the text for people or, last, in the returned message.
func (rep *report) recipients() []string {
	found := rep.failedRecipients()
	if len(found) == 0 {
		found = paragraphAddresses(rep.human)
	}
	if to := values.OneAddress(rep.original.get("To")); to != "" && len(found) == 0 {
		found = []string{to}
	}
	return found
}

// failedRecipients returns the addresses of X-Failed-Recipients, of which
// Exim writes one field for each 50.
func (rep *report) failedRecipients() []string {
	var found []string
	for i := range rep.mail.header {
		f := &rep.mail.header[i]
		if !f.is("X-Failed-Recipients") {
			continue
		}
		for _, a := range strings.FieldsFunc(f.value(), func(r rune) bool { return r == ',' || r == ' ' || r == ';' }) {
			if a = (typedValue{value: a}).address(); a != "" && len(found) < maxRecipients {
				found = append(found, a)
			}
		}
	}
	return found
}

// own yields m and the parts that belong to it, in their order; what an
// enclosed message contains does not.
func (p *mimePart) own() func(yield func(*mimePart) bool) {
	return func(yield func(*mimePart) bool) { p.walk(yield) }
}

func (p *mimePart) walk(yield func(*mimePart) bool) bool {
	if !yield(p) {
		return false
	}
	for i := range p.parts {
		if !p.parts[i].walk(yield) {
			return false
		}
	}
	return true
}

// isStatus tells whether p is the machine's part of a report. QUIRK: some
// send it as text/plain or application/octet-stream.
func isStatus(p *mimePart) bool {
	if len(p.parts) > 0 {
		return false
	}
	if statusMedia(p.media) {
		return true
	}
	if !strings.HasPrefix(p.media, "text/") && p.media != "application/octet-stream" || p.media == "text/html" ||
		p.media == "text/rfc822-headers" {
		return false
	}
	text := strings.TrimLeft(p.headBytes(4<<10), "\r\n \t") // the names are ASCII
	line, _ := values.CutLine(text, 0)
	name := fieldName(line)
	return strings.EqualFold(name, "Reporting-MTA") || strings.EqualFold(name, "Final-Recipient") ||
		strings.EqualFold(name, "Original-Recipient")
}

// withoutContent returns the fields of h that are not of MIME.
func withoutContent(h mimeHeader) mimeHeader {
	var out mimeHeader
	for _, f := range h {
		if statusField(f.name) && !values.HasPrefixFold(f.name, "content-") {
			out = append(out, f)
		}
	}
	return out
}

// claims tells whether m says that it is a delivery report.
func claims(m *mimePart) bool {
	if m.media == "multipart/report" && strings.EqualFold(m.reportType, "delivery-status") {
		return true
	}
	for p := range m.own() {
		if statusMedia(p.media) {
			return true
		}
	}
	return false
}

// automatic tells whether a program wrote the mail.
func automatic(m *mimePart) bool {
	if path := m.header.get("Return-Path"); path == "<>" || values.HasPrefixFold(path, "<mailer-daemon") {
		return true
	}
	auto := m.header.get("Auto-Submitted")
	from := values.Angled(m.header.get("From"))
	return values.HasPrefixFold(auto, "auto-") || values.HasPrefixFold(from, "mailer-daemon@") ||
		values.HasPrefixFold(from, "postmaster@") || m.media == "multipart/report"
}

// readInlineStatus reads reports whose fields stand in the middle of a text:
// gateways cut the MIME structure off or quote a whole report; people forward
// one behind ">".
func readInlineStatus(m *mimePart) ([]report, error) {
	if m.media == "multipart/report" && m.reportType != "" && !strings.EqualFold(m.reportType, "delivery-status") {
		return nil, nil
	}
	for p := range m.own() {
		if len(p.parts) > 0 || !strings.HasPrefix(p.media, "text/plain") && !strings.HasPrefix(p.media, "multipart/") {
			continue
		}
		text := p.head(maxInline)
		if rep := inlineReport(m, text); rep != nil {
			return []report{*rep}, nil
		}
		if strings.Contains(text, "\n> Final-Recipient:") || strings.Contains(text, "\n>Final-Recipient:") {
			if rep := inlineReport(m, unquote(text)); rep != nil {
				return []report{*rep}, nil
			}
		}
	}
	return nil, nil
}

// inlineReport reads the report whose fields stand in text, if any do.
func inlineReport(m *mimePart, text string) *report {
	at := inlineStart(text)
	if at < 0 {
		return nil
	}
	rep := report{mail: m, human: clip(text[:at])}
	groups, rest := statusGroups(text[at:])
	rep.readGroups(groups)
	kept := rep.blocks[:0]
	for _, b := range rep.blocks {
		if b.recipient != "" && (b.action != "" || b.status != "") {
			kept = append(kept, b)
		}
	}
	rep.blocks = kept
	rep.original = originalHeader(rest)
	if len(rep.blocks) == 0 {
		return nil
	}
	return &rep
}

// unquote takes one level of ">" off the lines of text.
func unquote(text string) string {
	var b strings.Builder
	b.Grow(len(text))
	for line := range values.Lines(text) {
		if rest, ok := strings.CutPrefix(line, ">"); ok {
			line = strings.TrimPrefix(rest, " ")
		}
		b.WriteString(line)
		b.WriteByte('\n')
	}
	return b.String()
}

// inlineStart returns where in text the fields of a report begin, or -1.
func inlineStart(text string) int {
	for at := 0; at < len(text); {
		line, next := values.CutLine(text, at)
		switch name := fieldName(line); {
		case strings.EqualFold(name, "Reporting-MTA"), strings.EqualFold(name, "Final-Recipient"),
			strings.EqualFold(name, "Original-Recipient"):
			return at
		case name == "" && returnsMessage(line):
			return -1
		}
		at = next
	}
	return -1
}

// returnTitles stand in the lines, drawn with hyphens, before the returned
// message.
var returnTitles = newPhrases("below this line is a copy", "this is a copy of", "message follows", "message below",
	"headers follow", "header follows",
	"enclosed are the original", "enclosed is a copy", "is the original bounce", "original message is following",
	"returned message", "unsent message", "no message was collected", "return message suppressed")

// returnsMessage tells whether line says that the returned message follows.
func returnsMessage(line string) bool {
	return strings.HasPrefix(line, "-") && returnTitles.in(line)
}

// readClaims reads what is left of mails that claim to be a delivery report
// but whose machine part is missing, empty or cut off.
func readClaims(m *mimePart) ([]report, error) {
	if !claims(m) {
		return nil, nil
	}
	rep := newReport(m)
	for _, a := range rep.recipients() {
		rep.blocks = append(rep.blocks, block{recipient: a})
	}
	if len(rep.blocks) == 0 {
		return nil, errNoRecipient
	}
	return []report{rep}, nil
}

// readLost reads texts of systems that write RFC 3464, and give each recipient
// a paragraph of its own, where the rest was lost.
func readLost(m *mimePart) ([]report, error) {
	if !introduced(m) {
		return nil, nil
	}
	human, original := cutReturned(m.text())
	rep := report{mail: m, human: human, original: firstHeader(m.original(), original)}
	for _, a := range paragraphAddresses(human) {
		rep.blocks = append(rep.blocks, block{recipient: a})
	}
	if _, list, ok := strings.Cut(human, sesIntro); ok { // which names them, and no reason
		for line := range values.Lines(list) {
			if a := strings.TrimSpace(line); values.LoneAddress(a) != "" && len(rep.blocks) < maxRecipients {
				rep.blocks = append(rep.blocks, block{recipient: a,
					text: sesIntro[:len("An error occurred while trying to deliver the mail")]})
			} else if a != "" {
				break
			}
		}
	}
	return rep.found()
}

// sesIntro is how the text of Amazon SES's bounce mails begins.
const sesIntro = "An error occurred while trying to deliver the mail to the following recipients:"

// introduced tells the first words of such systems.
func introduced(m *mimePart) bool {
	return m.has("This is the Postfix program at host ") || m.has("This is the mail system at host ") ||
		m.has("running the Courier mail server, version ") || m.has(sesIntro)
}

// originalHeader finds the header of the returned message at the beginning
// of text, behind boundaries and MIME headers.
func originalHeader(text string) mimeHeader {
	for range 3 {
		text = strings.TrimLeft(text, "\r\n \t")
		for strings.HasPrefix(text, "--") {
			_, next := values.CutLine(text, 0)
			text = strings.TrimLeft(text[next:], "\r\n")
		}
		h, rest := splitHeader(text)
		for _, f := range h {
			if mailField(f.name) {
				return h
			}
		}
		text = rest
	}
	return nil
}

func clip(s string) string { return values.ClipTo(s, maxHuman) }

// stripTags makes text of HTML, roughly: tags and styles go, blocks end lines.
func stripTags(s string) string {
	var b strings.Builder
	for s != "" {
		n := strings.IndexByte(s, '<')
		if n < 0 {
			b.WriteString(s)
			break
		}
		b.WriteString(s[:n])
		s = s[n+1:]
		end := strings.IndexByte(s, '>')
		if end < 0 {
			break
		}
		switch tag := strings.ToLower(s[:min(end, 6)]); {
		case strings.HasPrefix(tag, "br"), strings.HasPrefix(tag, "/p"), strings.HasPrefix(tag, "/div"),
			strings.HasPrefix(tag, "/tr"), strings.HasPrefix(tag, "/h"):
			b.WriteByte('\n')
		}
		style := values.HasPrefixFold(s, "style") || values.HasPrefixFold(s, "script")
		if s = s[end+1:]; style {
			s = s[max(0, strings.Index(s, "</")):]
		}
	}
	return strings.NewReplacer("&lt;", "<", "&gt;", ">", "&quot;", `"`, "&#39;", "'", "&nbsp;", " ", "&amp;",
		"&").Replace(b.String())
}
