package bounce

import (
	"strings"

	"github.com/bouncehouse/bouncehouse"
	"github.com/bouncehouse/bouncehouse/parse/said"
	"github.com/bouncehouse/bouncehouse/parse/values"
)

// Bounce mails of filter gateways, groupware and mobile gateways that write
// no RFC 3464, or let it get lost. Their forms differ in little: words of
// their own, some words and the recipient, some words and the reason. So each
// is a row of a table.

// gatewayForm is the form of one system's bounce mails. All words are in lower
// case.
type gatewayForm struct {
	name string // of the system
	// mark is what the text of this system has and no other's; where there
	// are several, all of them. The first stands on a line of the system's
	// own, not of a quotation.
	mark []string
	// from is a part of the sender's address; empty where any may be.
	from string
	// to stands before each recipient. The first of them that the text has
	// counts.
	to []string
	// list is set where to stands before a paragraph of recipients, one a line.
	list bool
	// why stands before the reason: near the recipient, else anywhere. Where
	// the text has none of them the reason is what stands around the recipient.
	why []string
	// end begins the returned message.
	end string
	// host is set where the reason begins with the host that refused:
	// "Server mx.example.com[192.0.2.1] failed with: 550 ...".
	host bool
	// command stands before the command that was refused.
	command string
	// expired says that the queue's lifetime ran out.
	expired string
}

// maxMark bounds where the first mark stands: what follows may be the
// returned message.
const maxMark = 4 << 10

// readGateways reads the bounce mails of the table.
func readGateways(m *mimePart) ([]report, error) {
	for i := range gatewayForms {
		f := &gatewayForms[i]
		if !f.marks(m) || f.from != "" && !strings.Contains(values.LowerASCII(values.Angled(m.header.get("From"))),
			f.from) {
			continue
		}
		if rep := f.read(m); len(rep.blocks) > 0 {
			return []report{rep}, nil
		}
	}
	return nil, nil
}

// gatewayForms is made once: every mail that nobody else knows passes it.
var gatewayForms = gatewayTable()

// marks tells whether m's text has the words of the system, the first of them
// not in a quotation.
func (f *gatewayForm) marks(m *mimePart) bool {
	at := m.findFold(f.mark[0])
	if at < 0 || at+len(f.mark[0]) > maxMark {
		return false
	}
	for _, mark := range f.mark[1:] {
		if !m.hasFold(mark) {
			return false
		}
	}
	lower := m.lower()
	line := lower[strings.LastIndexByte(lower[:at], '\n')+1 : at]
	return !strings.HasPrefix(strings.TrimLeft(line, " "), ">")
}

func (f *gatewayForm) read(m *mimePart) report {
	rep := report{mail: m, system: f.name, human: m.text(), original: m.original()}
	lower := m.lower()
	if f.end != "" {
		if at := strings.Index(lower, f.end); at > 0 {
			_, next := values.CutLine(lower, at)
			rep.returns(rep.human[next:])
			rep.human, lower = rep.human[:at], lower[:at]
		}
	} else if text, original := cutReturned(rep.human); original != nil {
		rep.human, lower = text, lower[:len(text)]
		if rep.original == nil {
			rep.original = original
		}
	}
	lead, starts := f.recipientsAt(lower)
	common, known := f.reason(rep.human, lower)
	action, stage := failedUnless(m), bouncehouse.Stage("")
	if _, command, ok := strings.Cut(lower, f.command); ok && f.command != "" {
		stage = said.Command(command)
	}
	for i, at := range starts {
		end := len(lower)
		if i+1 < len(starts) {
			end = starts[i+1]
		}
		reason, found := f.reason(rep.human[at:end], lower[at:end])
		if !found {
			reason, found = values.ClipTo(common, m.work.window()), known
			m.work.windows -= len(reason)
		}
		behind := rep.human[at+len(lead) : end]
		for line := range values.Lines(behind) {
			b := block{recipient: f.recipientIn(line), action: action, stage: stage}
			if b.recipient == "" {
				if len(rep.blocks) > 0 && f.list && strings.Trim(line, " \t\r") == "" {
					break
				}
				continue
			}
			if len(rep.blocks) >= maxRecipients {
				break
			}
			b.diagnostic = reason
			if !found {
				b.diagnostic = f.around(rep.human, at, line, m.work)
			}
			f.finish(&b)
			if last := len(rep.blocks) - 1; last < 0 || !strings.EqualFold(rep.blocks[last].recipient, b.recipient) {
				rep.blocks = append(rep.blocks, b)
			}
			if !f.list {
				break
			}
		}
	}
	return rep
}

// recipientIn returns the recipient whom a line names. GroupWise names the
// accounts of its own domain without the domain.
func (f *gatewayForm) recipientIn(line string) string {
	a := addressIn(line)
	if name, reason, ok := strings.Cut(strings.TrimLeft(line, " \t"), " ("); a == "" && ok && f.list &&
		len(f.why) == 0 &&
		indentOf(line) > 0 && strings.HasSuffix(strings.TrimRight(reason, " \t"), ")") &&
		!strings.ContainsAny(name, " \t<>:") {
		return name
	}
	return a
}

// recipientsAt returns where in a text the words before each recipient stand.
func (f *gatewayForm) recipientsAt(lower string) (lead string, starts []int) {
	for _, lead = range f.to {
		for at := 0; len(starts) < maxRecipients; {
			m := strings.Index(lower[at:], lead)
			if m < 0 {
				break
			}
			starts = append(starts, at+m)
			at += m + len(lead)
		}
		if len(starts) > 0 {
			return lead, starts
		}
	}
	return "", nil
}

// reason returns what stands behind the words before it, to the end of its
// paragraph.
func (f *gatewayForm) reason(text, lower string) (string, bool) {
	for _, why := range f.why {
		at := strings.Index(lower, why)
		if at < 0 {
			continue
		}
		if strings.HasPrefix(why, "\n") {
			at++ // a word of the sentence too
		} else {
			at += len(why)
		}
		if reason, _ := paragraphAt(text, at); reason != "" {
			return reason, true
		}
	}
	return "", false
}

// around returns the reason that stands around the recipient: in brackets
// behind him in a list, else the whole paragraph.
func (f *gatewayForm) around(text string, at int, line string, w *work) string {
	if !f.list {
		start := strings.LastIndexByte(text[:at], '\n') + 1
		reason, _ := paragraphAt(values.ClipTo(text, start+w.window()), start)
		w.windows -= len(reason)
		return reason
	}
	if _, reason, ok := strings.Cut(line, "("); ok {
		reason = strings.TrimSpace(reason)
		return strings.TrimSuffix(reason, ")")
	}
	return ""
}

// finish reads what stands in the reason beside the reply.
func (f *gatewayForm) finish(b *block) {
	if f.host {
		// Server mx.example.com[192.0.2.1] failed with: 550 ...
		// user@example.com: [192.0.2.1], 550 ...
		b.diagnostic = strings.TrimPrefix(b.diagnostic, b.recipient)
		if own, reply, ok := strings.Cut(b.diagnostic, " failed with: "); ok {
			own = strings.TrimPrefix(own, "Server ")
			b.remote, b.diagnostic = strings.Replace(strings.Replace(own, "[", " (", 1), "]", ")", 1), reply
		}
	}
	// MX Logic says him twice
	b.diagnostic = strings.TrimSuffix(strings.TrimSuffix(b.diagnostic, "<"+b.recipient+">"), " ")
	if said.IsReply(b.diagnostic) && strings.HasPrefix(b.diagnostic[3:], " - ") {
		b.diagnostic = b.diagnostic[:4] + b.diagnostic[6:] // Verizon
	}
	// A temporary failure that was given up has expired.
	if b.status = values.StatusCode(b.diagnostic); strings.HasPrefix(b.status, "4.") && b.action == "failed" {
		b.action = "expired"
	}
	if status, words := bouncehouse.CutEnhanced(b.diagnostic); status != "" && !strings.HasPrefix(words, "- ") {
		b.diagnostic = words
	}
	b.text = b.diagnostic
	if f.expired != "" && values.IndexFold(b.diagnostic, f.expired) >= 0 {
		b.action = "expired"
	}
}

// paragraphAt returns the paragraph that begins at offset at or behind the
// blank lines there, joined to one line, without the bullets of a list, and
// the offset behind it.
func paragraphAt(text string, at int) (string, int) {
	var b strings.Builder
	for at < len(text) && b.Len() < maxParagraph {
		line, next := values.CutLine(text, at)
		words := strings.Trim(line, " \t\r")
		if b.Len() == 0 {
			words = strings.TrimLeft(words, ":- \t")
		}
		switch {
		case words == "" && b.Len() > 0, strings.HasPrefix(words, "---"):
			return b.String(), next
		case words != "":
			addWords(&b, words)
		}
		at = next
	}
	return b.String(), at
}
