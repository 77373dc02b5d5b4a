package bounce

import (
	"strings"

	"github.com/bouncehouse/bouncehouse/parse/charset"
	"github.com/bouncehouse/bouncehouse/parse/values"
)

// decoded is the part's body without its transfer encoding. It is never
// longer than that.
func (p *mimePart) decoded() string { return p.decode(p.raw) }

// head is what the first n bytes of the part's body hold, to the end of a
// line, in UTF-8. It is decoded once.
func (p *mimePart) head(n int) string {
	n = min(n, len(p.raw))
	if !p.decodedTo || p.decodedLen != n {
		p.utf8, p.decodedTo, p.decodedLen = p.toUTF8(p.headBytes(n), p.charset), true, n
	}
	return p.utf8
}

// headBytes is head in the part's own charset.
func (p *mimePart) headBytes(n int) string {
	raw := p.raw
	if len(raw) > n {
		raw = raw[:n]
		if end := strings.LastIndexByte(raw, '\n'); end > 0 {
			raw = raw[:end]
		}
	}
	return p.decode(raw)
}

func (p *mimePart) decode(raw string) string {
	p.work.read(len(raw))
	switch strings.ToLower(p.header.get("Content-Transfer-Encoding")) {
	case "base64":
		// QUIRK: gateways that add a footer or decode the body forget the
		// header. A blank within a line, or a colon, was never base64.
		if line, _ := values.CutLine(strings.TrimLeft(raw, "\r\n"), 0); !strings.ContainsAny(strings.TrimSpace(line),
			" :") {
			return decodeBase64(raw)
		}
	case "quoted-printable":
		return decodeQuotedPrintable(raw)
	}
	return raw
}

// decodeBase64 decodes what it can: bytes outside the alphabet are skipped,
// and padding ends a group, not the data. The decoders of the standard
// library stop at the first bad byte and lose the rest.
func decodeBase64(s string) string {
	out := make([]byte, 0, len(s)/4*3+3)
	var bits uint32
	n := 0
	flush := func() {
		switch n {
		case 2:
			out = append(out, byte(bits>>4))
		case 3:
			out = append(out, byte(bits>>10), byte(bits>>2))
		}
		bits, n = 0, 0
	}
	for i := range len(s) {
		var v byte
		switch c := s[i]; {
		case c >= 'A' && c <= 'Z':
			v = c - 'A'
		case c >= 'a' && c <= 'z':
			v = c - 'a' + 26
		case c >= '0' && c <= '9':
			v = c - '0' + 52
		case c == '+':
			v = 62
		case c == '/':
			v = 63
		case c == '=':
			flush()
			continue
		default:
			continue
		}
		bits = bits<<6 | uint32(v)
		if n++; n == 4 {
			out = append(out, byte(bits>>16), byte(bits>>8), byte(bits))
			bits, n = 0, 0
		}
	}
	flush()
	return string(out)
}

// decodeQuotedPrintable decodes what it can and keeps the rest as it is.
func decodeQuotedPrintable(s string) string {
	if strings.IndexByte(s, '=') < 0 {
		return s
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] != '=' {
			out = append(out, s[i])
			continue
		}
		if i+2 < len(s) {
			if hi, lo := unhex(s[i+1]), unhex(s[i+2]); hi >= 0 && lo >= 0 {
				out = append(out, byte(hi<<4|lo))
				i += 2
				continue
			}
		}
		// A soft line break: = at the end of the line, blanks behind it allowed.
		end := i + 1
		for end < len(s) && (s[end] == ' ' || s[end] == '\t' || s[end] == '\r') {
			end++
		}
		if end < len(s) && s[end] != '\n' {
			out = append(out, s[i:end]...)
			end--
		}
		i = end
	}
	return string(out)
}

func unhex(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'A' && c <= 'F':
		return int(c - 'A' + 10)
	case c >= 'a' && c <= 'f':
		return int(c - 'a' + 10)
	}
	return -1
}

// toUTF8 decodes s, a text of p's mail labelled label, or not where that is empty.
func (p *mimePart) toUTF8(s, label string) string {
	p.work.read(len(s))
	return charset.Decode(s, label, &p.work.guesses)
}
