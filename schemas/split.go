package schemas

import (
	"errors"
	"strings"
)

// Split cuts a text of SQL at the semicolons that end statements: not those in
// strings, quoted names and comments. Comments are left out; so are empty
// statements.
func Split(text string) ([]string, error) {
	var out []string
	var b strings.Builder
	end := func() {
		if s := strings.TrimSpace(b.String()); s != "" {
			out = append(out, s)
		}
		b.Reset()
	}
	for i := 0; i < len(text); {
		rest := text[i:]
		switch {
		case strings.HasPrefix(rest, "--"):
			n := strings.IndexByte(rest, '\n')
			if n < 0 {
				n = len(rest)
			}
			i += n
		case strings.HasPrefix(rest, "/*"):
			n := strings.Index(rest[2:], "*/")
			if n < 0 {
				return nil, errors.New("a comment without its end")
			}
			b.WriteByte(' ')
			i += n + 4
		case rest[0] == '\'' || rest[0] == '"' || rest[0] == '`':
			n := quoted(rest)
			if n < 0 {
				return nil, errors.New("a quotation without its end")
			}
			b.WriteString(rest[:n])
			i += n
		case rest[0] == ';':
			end()
			i++
		default:
			b.WriteByte(rest[0])
			i++
		}
	}
	end()
	return out, nil
}

// quoted is the length of the quotation that s begins with, or -1. A quotation
// mark within is doubled or stands after a backslash.
func quoted(s string) int {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case s[0]:
			if i+1 < len(s) && s[i+1] == s[0] {
				i++
				continue
			}
			return i + 1
		}
	}
	return -1
}
