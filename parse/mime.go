package parse

import (
	"mime"
	"strings"
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
	media  string            // of Content-Type, lower case; "text/plain" where there is none
	params map[string]string // of Content-Type
	raw    string            // the body as it stands, still encoded
	parts  []mimePart        // of a multipart; the one message of a message/rfc822
	read   *content          // what content() made

	utf8       string // what head() made, of that many bytes
	decodedLen int
	decodedTo  bool
}

// parseMail splits a whole mail.
func parseMail(text string) *mimePart {
	left := maxParts
	p := parsePart(text, true, 0, &left)
	return &p
}

// parsePart splits text; message tells a mail from a part of a multipart.
func parsePart(text string, message bool, depth int, left *int) mimePart {
	*left--
	if message {
		text = strings.TrimLeft(text, "\r\n")
	}
	var p mimePart
	p.header, p.raw = splitHeader(text)
	p.media, p.params = parseMedia(p.header.get("Content-Type"))
	if depth >= maxDepth {
		return p
	}
	switch {
	case strings.HasPrefix(p.media, "multipart/"):
		p.parts = parseParts(p.raw, p.params["boundary"], depth, left)
	case isMessage(p.media) && *left > 0:
		// RFC 2046 section 5.2.1 allows no encoding here. QUIRK: some
		// gateways encode the whole message all the same.
		p.parts = []mimePart{parsePart(p.decoded(), true, depth+1, left)}
	}
	return p
}

// isMessage tells whether a part of this type is a whole mail.
func isMessage(media string) bool { return media == "message/rfc822" || media == "message/global" }

// parseParts cuts the body of a multipart at its boundary. The end of the
// body ends the last part where the end boundary lacks.
func parseParts(body, boundary string, depth int, left *int) []mimePart {
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
		if start >= 0 && *left > 0 {
			part := strings.TrimSuffix(strings.TrimSuffix(body[start:max(start, end)], "\n"), "\r")
			parts = append(parts, parsePart(part, false, depth+1, left))
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
		line, next := cutLine(body, at)
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
		line, next := cutLine(body, at)
		if strings.HasPrefix(line, "--") && len(line) > 3 && hasPrefixFold(body[next:], "content-") {
			return strings.TrimRight(line[2:], " \t\r")
		}
		at = next
	}
	return ""
}

// cutLine returns the line of s that begins at offset at, without its line
// end, and the offset of the next.
func cutLine(s string, at int) (line string, next int) {
	if n := strings.IndexByte(s[at:], '\n'); n >= 0 {
		return strings.TrimSuffix(s[at:at+n], "\r"), at + n + 1
	}
	return s[at:], len(s)
}

// lines calls yield for each line of s without its line end.
func lines(s string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for at := 0; at < len(s); {
			line, next := cutLine(s, at)
			if !yield(line) {
				return
			}
			at = next
		}
	}
}

// mimeHeader is the fields of a header in their order.
type mimeHeader []mimeField

// mimeField is one field; raw is its value as it stands, with its folds.
type mimeField struct{ name, raw string }

// value is the field's value with its folds undone.
func (f *mimeField) value() string { return unfold(f.raw) }

// get returns the value of the first field of that name, unfolded.
func (h mimeHeader) get(name string) string {
	for i := range h {
		if strings.EqualFold(h[i].name, name) {
			return h[i].value()
		}
	}
	return ""
}

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
		line, next := cutLine(text, at)
		if line == "" {
			flush()
			return h, text[next:]
		}
		name := fieldName(line)
		switch {
		case name != "":
			flush()
			h = append(h, mimeField{name: name})
			start, end = at+strings.IndexByte(line, ':')+1, at+len(line)
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
	if line == "" || line[0] == ' ' || line[0] == '\t' {
		return "" // a fold
	}
	n := strings.IndexByte(line, ':')
	if n <= 0 || n > 100 {
		return ""
	}
	name := strings.TrimRight(line[:n], " \t")
	for i := range len(name) {
		if c := name[i]; !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_') {
			return ""
		}
	}
	return name
}

// unfold joins the lines of s by one space each and trims it.
func unfold(s string) string {
	s = strings.TrimSpace(s)
	if strings.IndexByte(s, '\n') < 0 {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	for line := range lines(s) {
		if line = strings.Trim(line, " \t\r"); line != "" {
			if b.Len() > 0 {
				b.WriteByte(' ')
			}
			b.WriteString(line)
		}
	}
	return b.String()
}

// parseMedia reads a Content-Type.
func parseMedia(value string) (media string, params map[string]string) {
	if value == "" {
		return "text/plain", nil
	}
	if m, p, ok := plainMedia(value); ok {
		return m, p
	}
	if m, p, err := mime.ParseMediaType(value); err == nil {
		return m, p
	}
	// QUIRK: unquoted values with special characters, doubled and final
	// semicolons, parameters without a value.
	fields := strings.Split(value, ";")
	media = strings.ToLower(strings.TrimSpace(fields[0]))
	params = map[string]string{}
	for _, f := range fields[1:] {
		name, v, ok := strings.Cut(f, "=")
		name = strings.ToLower(strings.TrimSpace(name))
		if _, dup := params[name]; ok && !dup {
			params[name] = strings.Trim(strings.TrimSpace(v), `"`)
		}
	}
	return media, params
}

// plainMedia reads what most parts have: a type, and at most one parameter
// without quotes, comments or encodings.
//
//	text/plain; charset=us-ascii
func plainMedia(value string) (media string, params map[string]string, ok bool) {
	media, rest, more := strings.Cut(value, ";")
	media = strings.ToLower(strings.TrimRight(media, " "))
	kind, sub, slash := strings.Cut(media, "/")
	if !slash || !isToken(kind) || !isToken(sub) {
		return "", nil, false
	}
	if !more {
		return media, nil, true
	}
	name, v, ok := strings.Cut(strings.TrimLeft(rest, " "), "=")
	if !ok || !isToken(name) || !isToken(v) {
		return "", nil, false
	}
	return media, map[string]string{strings.ToLower(name): v}, true
}

// isToken tells words of letters, digits and a few signs that need no quotes
// and have no meaning of their own.
func isToken(s string) bool {
	for i := range len(s) {
		if c := s[i]; !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.' || c == '+') {
			return false
		}
	}
	return s != ""
}

// hasPrefixFold is strings.HasPrefix without regard to ASCII case.
func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}
