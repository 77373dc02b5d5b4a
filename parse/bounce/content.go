package bounce

import (
	"strings"

	"github.com/bouncehouse/bouncehouse/parse/charset"
	"github.com/bouncehouse/bouncehouse/parse/values"
)

// What the dialects ask of a mail. All of them look at the same few strings,
// and most say no: those strings are made once, when first asked for.

// content is what a mail says, apart from the message that it returns.
type content struct {
	text     string      // for people, in UTF-8: text() below
	lower    string      // text in lower case
	subject  string      // decoded
	original mimeHeader  // of the returned message, where it is a part of its own
	status   []*mimePart // the machine's parts
	charset  string      // of the first text that names one
	grams    grams       // of text
	report   *report     // of the machine's parts: newReport()

	lowered, titled bool
}

// content returns what m says; m's parts are walked by the first call.
func (m *mimePart) content() *content {
	if m.read == nil {
		m.read = readContent(m)
	}
	return m.read
}

// text is the mail's text for people: its text/plain parts up to the returned
// message, joined by an empty line; where they are missing, its HTML without
// tags. A mail of one part may hold the returned message too: cutReturned. At
// most some times maxHuman bytes.
func (m *mimePart) text() string { return m.content().text }

// lower is text() with A-Z in lower case: offsets in it are those of text().
func (m *mimePart) lower() string {
	c := m.content()
	if !c.lowered {
		c.lower, c.lowered = values.LowerASCII(c.text), true
	}
	return c.lower
}

// searchedFast is how many bytes are searched for words in the time in which
// others read one.
const searchedFast = 8

// find returns where words stand in text(), or -1.
func (m *mimePart) find(words string) int {
	c := m.content()
	if !c.grams.mayHave(words) || !m.work.read(len(c.text)/searchedFast) {
		return -1
	}
	return strings.Index(c.text, words)
}

// findFold is find in lower(); words are in lower case.
func (m *mimePart) findFold(words string) int {
	if c := m.content(); !c.grams.mayHave(words) || !m.work.read(len(c.text)/searchedFast) {
		return -1
	}
	return strings.Index(m.lower(), words)
}

// hasLine tells whether a line of lower() begins with words.
func (m *mimePart) hasLine(words string) bool {
	return m.hasFold(words) && (strings.HasPrefix(m.lower(), words) || strings.Contains(m.lower(), "\n"+words))
}

func (m *mimePart) has(words string) bool     { return m.find(words) >= 0 }
func (m *mimePart) hasFold(words string) bool { return m.findFold(words) >= 0 }

// subject is the mail's subject with its encoded words decoded.
func (m *mimePart) subject() string {
	c := m.content()
	if !c.titled {
		c.subject, c.titled = charset.DecodeWords(m.header.get("Subject"), &m.work.guesses), true
	}
	return c.subject
}

// original is the header of the returned message, where it stands in a part
// of its own, else nil.
func (m *mimePart) original() mimeHeader { return m.content().original }

func readContent(m *mimePart) *content {
	c := &content{}
	var html *mimePart
	var texts []string
	length := 0 // of all texts, joined
	for p := range m.own() {
		switch {
		case isStatus(p):
			c.status = append(c.status, p)
		case c.original != nil:
		case isMessage(p.media):
			if inner := p.message(); inner != nil {
				c.original = inner.header
			} else {
				c.original = originalHeader(p.decoded())
			}
		case p.media == "text/rfc822-headers" || p.media == "message/global-headers" ||
			p.media == "message/rfc822-headers":
			c.original = originalHeader(p.decoded())
		case p.media == "text/html":
			c.charset = firstOf(c.charset, p.charset)
			if html == nil {
				html = p
			}
		case len(p.parts) == 0 && strings.HasPrefix(p.media, "text/") && length < maxHuman:
			c.charset = firstOf(c.charset, p.charset)
			if text := clip(p.head(4 * maxHuman)); text != "" || length > 0 {
				if length > 0 {
					length += len("\n\n")
				}
				texts, length = append(texts, text), length+len(text)
			}
		}
	}
	c.text = strings.Join(texts, "\n\n")
	switch {
	case strings.TrimSpace(c.text) != "":
	case html != nil:
		c.text = clip(stripTags(html.head(4 * maxHuman))) // Exchange Online's styles are long
	case len(m.parts) == 0 && len(c.status) == 0 && !isMessage(m.media):
		c.text = clip(m.head(4 * maxHuman)) // QUIRK: a multipart without its boundary, an unknown type
	}
	c.grams.add(c.text)
	return c
}

// cutReturned cuts text where a line says that the returned message follows:
//
//	--- Below this line is a copy of the message.
//	   ----- Unsent message follows -----
//
// and returns what stands before it, and the header of the message. Dialects
// with a line of their own cut there and call originalHeader.
func cutReturned(text string) (string, mimeHeader) {
	for at := 0; at < len(text); {
		line, next := values.CutLine(text, at)
		if returnsMessage(strings.TrimLeft(line, " ")) {
			return text[:at], originalHeader(text[next:])
		}
		at = next
	}
	return text, nil
}
