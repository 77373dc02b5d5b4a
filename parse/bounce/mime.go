package bounce

import (
	"strings"

	"github.com/bouncehouse/bouncehouse/parse/values"
)

// The splitter of mails (RFC 5322, RFC 2045, RFC 2046). It is lenient, since
// what it reads was written by the worst mailers there are and cut by
// mailbox limits, and bounded, since anyone may send us mail: each level is
// scanned once, there are at most maxDepth of them and maxParts parts in
// all, and what lies deeper stays undivided. All strings are substrings of
// the mail; nothing is decoded before it is asked for.

const (
	maxDepth = 16
	maxParts = 1000
)

// mimePart is a mail, or a part of one.
type mimePart struct {
	header mimeHeader
	contentType
	raw   string     // the body as it stands, still encoded
	parts []mimePart // of a multipart
	depth int

	work     *work     // what reading the mail may still cost
	enclosed *mimePart // what message() made
	read     *content  // what content() made

	utf8       string // what head() made, of that many bytes
	decodedLen int
	decodedTo  bool
}

// parseMail splits a whole mail.
func parseMail(text string) *mimePart {
	p := parsePart(strings.TrimLeft(text, "\r\n"), 0, newWork(len(text)))
	return &p
}

// parsePart splits text, the header of a part or mail and its body.
func parsePart(text string, depth int, w *work) mimePart {
	w.parts--
	p := mimePart{depth: depth, work: w}
	p.header, p.raw = splitHeader(text)
	p.contentType = parseContentType(p.header.get("Content-Type"))
	if isMultipart(p.media) && depth < maxDepth {
		p.parts = parseParts(p.raw, p.boundary, depth, w)
	}
	return p
}

// message is the mail that a part of type message/rfc822 holds, or nil. It is
// split by the first call: of most only whose they were is asked.
func (p *mimePart) message() *mimePart {
	if p.enclosed == nil && isMessage(p.media) && p.depth < maxDepth && p.work.parts > 0 {
		// RFC 2046 section 5.2.1 allows no encoding here. QUIRK: some
		// gateways encode the whole message all the same.
		m := parsePart(strings.TrimLeft(p.decoded(), "\r\n"), p.depth+1, p.work)
		p.enclosed = &m
	}
	return p.enclosed
}

func isMultipart(media string) bool { return strings.HasPrefix(media, "multipart/") }

// isMessage tells whether a part of this type is a whole mail.
func isMessage(media string) bool { return media == "message/rfc822" || media == "message/global" }

// parseParts cuts the body of a multipart at its boundary. The end of the
// body ends the last part where the end boundary lacks.
func parseParts(body, boundary string, depth int, w *work) []mimePart {
	if boundary == "" || !strings.Contains(body, "--"+boundary) {
		// QUIRK: gateways rewrite the boundary in the header alone, or drop it.
		if boundary = guessBoundary(body); boundary == "" {
			return nil
		}
	}
	var parts []mimePart
	delimiter := "--" + boundary
	start := -1 // of the part under way
	add := func(end int) {
		if start >= 0 && w.parts > 0 {
			part := strings.TrimSuffix(strings.TrimSuffix(body[start:max(start, end)], "\n"), "\r")
			parts = append(parts, parsePart(part, depth+1, w))
		}
	}
	for at := 0; at < len(body); {
		n := strings.Index(body[at:], delimiter)
		if n < 0 {
			break
		}
		n += at
		at = n + len(delimiter)
		if n > 0 && body[n-1] != '\n' {
			continue
		}
		line, next := values.CutLine(body, at)
		rest := strings.TrimRight(line, " \t\r")
		if rest != "" && rest != "--" {
			continue // a longer boundary
		}
		add(n)
		start, at = next, next
		if rest == "--" {
			start = -1 // what follows is no part, unless there is one more delimiter
		}
	}
	add(len(body))
	return parts
}

// guessBoundary takes for the boundary the first line that begins with two
// hyphens and is followed by a Content- header field.
func guessBoundary(body string) string {
	for at := 0; at < len(body); {
		line, next := values.CutLine(body, at)
		if strings.HasPrefix(line, "--") && len(line) > 3 && values.HasPrefixFold(body[next:], "content-") {
			return strings.TrimRight(line[2:], " \t\r")
		}
		at = next
	}
	return ""
}

// mimeHeader is the fields of a header in their order.
type mimeHeader []mimeField

// mimeField is one field; raw is its value as it stands, with its folds.
type mimeField struct{ name, raw string }

// value is the field's value with its folds undone.
func (f *mimeField) value() string { return unfold(f.raw) }

// is tells whether the field has that name.
func (f *mimeField) is(name string) bool { return values.IsName(f.name, name) }

// get returns the value of the first field of that name, unfolded.
func (h mimeHeader) get(name string) string {
	for i := range h {
		if h[i].is(name) {
			return h[i].value()
		}
	}
	return ""
}

// usualFields is for how many fields room is made at once.
const usualFields = 16

// splitHeader cuts text at the empty line that ends its header.
func splitHeader(text string) (mimeHeader, string) {
	var h mimeHeader
	start, end := 0, 0 // of the value under way
	flush := func() {
		if len(h) > 0 {
			h[len(h)-1].raw = text[start:end]
		}
	}
	for at := 0; at < len(text); {
		line, next := values.CutLine(text, at)
		if line == "" {
			flush()
			return h, text[next:]
		}
		name, colon := cutFieldName(line)
		switch {
		case name != "":
			if flush(); h == nil {
				h = make(mimeHeader, 0, min(usualFields, 1+len(text)/32))
			}
			h = append(h, mimeField{name: name})
			start, end = at+colon+1, at+len(line)
		case len(h) > 0:
			// A fold. QUIRK: mailers forget to indent it (an unindented
			// boundary=, base64 data): a line without a colon goes on.
			end = at + len(line)
		case at == 0 && (strings.HasPrefix(line, "From ") || strings.HasPrefix(line, ">From ")):
			// the separator of an mbox
		default:
			return nil, text // no header at all
		}
		at = next
	}
	flush()
	return h, ""
}

// fieldName returns the name of the header field that begins in line, or
// nothing where none does.
func fieldName(line string) string {
	name, _ := cutFieldName(line)
	return name
}

// maxFieldName is the longest name that is taken for one.
const maxFieldName = 100

// cutFieldName is fieldName, with the offset of the colon.
func cutFieldName(line string) (name string, colon int) {
	n := 0
	for n < len(line) && isFieldByte[line[n]] {
		n++
	}
	if n == 0 {
		return "", 0 // a fold
	}
	for colon = n; colon < len(line) && (line[colon] == ' ' || line[colon] == '\t'); colon++ {
	}
	if colon == len(line) || line[colon] != ':' || colon > maxFieldName {
		return "", 0
	}
	return line[:n], colon
}

// isFieldByte is set for the bytes of field names in use.
var isFieldByte = byteSet("-_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")

func byteSet(bytes string) (set [256]bool) {
	for i := range len(bytes) {
		set[bytes[i]] = true
	}
	return set
}

// unfold joins the lines of s by one space each and trims it.
func unfold(s string) string {
	s = strings.TrimSpace(s)
	if strings.IndexByte(s, '\n') < 0 {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	for line := range values.Lines(s) {
		if line = strings.Trim(line, " \t\r"); line != "" {
			if b.Len() > 0 {
				b.WriteByte(' ')
			}
			b.WriteString(line)
		}
	}
	return b.String()
}
