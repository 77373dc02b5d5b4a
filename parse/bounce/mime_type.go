package bounce

import (
	"mime"
	"strings"
)

// contentType is what of a Content-Type is asked for.
type contentType struct {
	media      string // lower case; "text/plain" where there is none
	boundary   string
	charset    string
	reportType string
}

// parseContentType reads the value of a Content-Type.
func parseContentType(value string) contentType {
	if value == "" {
		return contentType{media: "text/plain"}
	}
	if c, ok := plainContentType(value); ok {
		return c
	}
	if media, params, err := mime.ParseMediaType(value); err == nil {
		return contentType{media, params["boundary"], params["charset"], params["report-type"]}
	}
	// QUIRK: unquoted values with special characters, doubled and final
	// semicolons, parameters without a value.
	fields := strings.Split(value, ";")
	c := contentType{media: strings.ToLower(strings.TrimSpace(fields[0]))}
	for _, f := range fields[1:] {
		if name, v, ok := strings.Cut(f, "="); ok {
			c.set(strings.TrimSpace(name), strings.Trim(strings.TrimSpace(v), `"`))
		}
	}
	return c
}

// set takes a parameter; the first of that name counts.
func (c *contentType) set(name, value string) {
	var p *string
	switch {
	case strings.EqualFold(name, "boundary"):
		p = &c.boundary
	case strings.EqualFold(name, "charset"):
		p = &c.charset
	case strings.EqualFold(name, "report-type"):
		p = &c.reportType
	default:
		return
	}
	if *p == "" {
		*p = value
	}
}

// plainContentType reads what nearly all are: a type, and parameters without
// comments, escapes and encodings.
//
//	multipart/report; report-type=delivery-status; boundary="a/b"
func plainContentType(value string) (c contentType, ok bool) {
	n := tokenLen(value)
	if n == len(value) || n == 0 || value[n] != '/' {
		return c, false
	}
	sub := tokenLen(value[n+1:])
	if sub == 0 {
		return c, false
	}
	n += 1 + sub
	c.media = strings.ToLower(value[:n])
	for rest := value[n:]; ; {
		if rest = strings.TrimLeft(rest, " \t"); rest == "" {
			return c, true
		}
		if rest[0] != ';' {
			return c, false
		}
		if rest = strings.TrimLeft(rest[1:], " \t"); rest == "" {
			return c, true
		}
		n := tokenLen(rest)
		if n == 0 || n == len(rest) || rest[n] != '=' {
			return c, false
		}
		name := rest[:n]
		rest = rest[n+1:]
		if strings.HasPrefix(rest, `"`) {
			n = strings.IndexAny(rest[1:], `"\\;`)
			if n < 0 || rest[1+n] != '"' {
				return c, false
			}
			c.set(name, rest[1:1+n])
			rest = rest[n+2:]
			continue
		}
		if n = tokenLen(rest); n == 0 {
			return c, false
		}
		c.set(name, rest[:n])
		rest = rest[n:]
	}
}

// tokenLen is the length of the word of letters, digits and a few signs that
// s begins with: such words need no quotes and have no meaning of their own.
func tokenLen(s string) int {
	n := 0
	for n < len(s) && isTokenByte[s[n]] {
		n++
	}
	return n
}

var isTokenByte = byteSet("-_.+0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")
