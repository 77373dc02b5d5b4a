package bounce

import (
	"strings"

	"github.com/bouncehouse/bouncehouse/parse/values"
)

// What readers of bounce mails without a machine part share.

// maxShared bounds what is read of a text that all recipients share.
const maxShared = 2 << 10

// maxGreeting is within what the words stand that a text is known by.
const maxGreeting = 2 << 10

// greeting is what a text begins with.
func (m *mimePart) greeting() string { return values.ClipTo(m.text(), maxGreeting) }

// greets tells whether the first lines of a text have the words that a mailer
// is known by, and not under a rule, where the returned message begins, which
// may be another mailer's report.
func (m *mimePart) greets(words string) bool {
	n := m.find(words)
	return n >= 0 && n+len(words) <= maxGreeting && !strings.Contains(m.text()[:n], "\n---")
}

// found is what a dialect returns that read rep: nothing where it found no
// recipient, and the mail is not of its kind after all.
func (rep *report) found() ([]report, error) {
	if len(rep.blocks) == 0 {
		return nil, nil
	}
	return []report{*rep}, nil
}

// add adds what is said of one recipient, unless there are very many.
func (rep *report) add(b block) {
	if len(rep.blocks) < maxRecipients {
		rep.blocks = append(rep.blocks, b)
	}
}

// pair calls each with the blocks of the machine's part and what the text told
// of the same recipient; two that are alone belong together, however they
// name him.
func (rep *report) pair(told []block, each func(b, told *block)) {
	of := make(map[string]*block, len(told))
	for i := range told {
		if key := values.LowerASCII(told[i].recipient); of[key] == nil {
			of[key] = &told[i]
		}
	}
	for i := range rep.blocks {
		b := &rep.blocks[i]
		t := of[values.LowerASCII(b.recipient)]
		if t == nil && len(told) == 1 && len(rep.blocks) == 1 {
			t = &told[0]
		}
		if t != nil {
			each(b, t)
		}
	}
}

// returns notes that what a mail returns begins message, unless it is a part
// of its own.
func (rep *report) returns(message string) {
	if rep.original == nil {
		rep.original = originalHeader(message)
	}
}

// firstParagraph joins the first lines of a text up to an empty one.
func firstParagraph(text string) string {
	text = strings.TrimLeft(values.ClipTo(text, maxShared), " \t\r\n")
	return unfold(text[:paragraphEnd(text)])
}

// paragraphEnd is the offset of the first empty line.
func paragraphEnd(text string) int {
	for at := 0; at < len(text); {
		line, next := values.CutLine(text, at)
		if strings.TrimSpace(line) == "" {
			return at
		}
		at = next
	}
	return len(text)
}

// firstHeader returns a, or b where the mail has no a.
func firstHeader(a, b mimeHeader) mimeHeader {
	if a != nil {
		return a
	}
	return b
}

// textReport begins the report of a mail whose text is all there is. The
// text may hold the returned message too: the reader cuts human where it
// begins, and reads its header where original is still nil.
func textReport(m *mimePart, human string) report {
	rep := report{mail: m, human: human, original: m.original()}
	if n := len(m.parts); rep.original == nil && n > 1 {
		// QUIRK: the message is the last part itself, without a type of its
		// own, so that its header is the part's.
		last := m.parts[n-1].header
		if strings.Contains(last.get("Message-ID"), "@") || last.get("Received") != "" {
			rep.original = last
		}
	}
	return rep
}
