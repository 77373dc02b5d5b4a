package parse

import (
	"encoding/json"
	"strings"
)

// jsonReader goes through one JSON object from the front, without making
// anything of what is not asked for: most members of a log record are not.
// Strings without escapes are parts of the text. What is malformed sets bad,
// and from there on there are no more members.
type jsonReader struct {
	s   string
	bad bool
}

func (j *jsonReader) space() {
	for j.s != "" && (j.s[0] == ' ' || j.s[0] == '\t' || j.s[0] == '\r' || j.s[0] == '\n') {
		j.s = j.s[1:]
	}
}

func (j *jsonReader) fail() {
	j.bad, j.s = true, ""
}

// open enters the object or array that comes next; any other value is passed
// over.
func (j *jsonReader) open(bracket byte) bool {
	j.space()
	if j.s == "" || j.s[0] != bracket {
		j.skip()
		return false
	}
	j.s = j.s[1:]
	return true
}

// key is the next member's key; its value must be read or skipped before the
// next is asked for. more is false at the object's end.
func (j *jsonReader) key() (key string, more bool) {
	if !j.element('}') {
		return "", false
	}
	key, ok := j.quoted()
	j.space()
	if !ok || !strings.HasPrefix(j.s, ":") {
		j.fail()
		return "", false
	}
	j.s = j.s[1:]
	return key, true
}

// element goes to the next element of an array or object; false at its end.
func (j *jsonReader) element(end byte) bool {
	j.space()
	if strings.HasPrefix(j.s, ",") {
		j.s = j.s[1:]
		j.space()
	}
	if j.s == "" {
		j.fail()
		return false
	}
	if j.s[0] == end {
		j.s = j.s[1:]
		return false
	}
	return true
}

// quoted cuts a string.
func (j *jsonReader) quoted() (s string, ok bool) {
	if j.s == "" || j.s[0] != '"' {
		return "", false
	}
	escaped := false
	for i := 1; ; {
		n := strings.IndexByte(j.s[i:], '"')
		if n < 0 {
			j.fail()
			return "", false
		}
		i += n
		slashes := 0
		for j.s[i-1-slashes] == '\\' {
			slashes++
		}
		if slashes%2 != 0 {
			escaped = true
			i++
			continue
		}
		whole := j.s[:i+1]
		j.s = j.s[i+1:]
		if s = whole[1:i]; !escaped && strings.IndexByte(s, '\\') < 0 {
			return s, true
		}
		var unescaped string
		if json.Unmarshal([]byte(whole), &unescaped) == nil {
			s = unescaped
		}
		return s, true
	}
}

// text is the value that comes next where that is a string, else "".
func (j *jsonReader) text() string {
	j.space()
	if s, ok := j.quoted(); ok {
		return s
	}
	j.skip()
	return ""
}

// scalar is the value that comes next, a string or the digits of a number.
func (j *jsonReader) scalar() string {
	j.space()
	if j.s == "" || j.s[0] == '"' || j.s[0] == '{' || j.s[0] == '[' {
		return j.text()
	}
	n := strings.IndexAny(j.s, ",}] \t\r\n")
	if n <= 0 {
		j.fail()
		return ""
	}
	s := j.s[:n]
	j.s = j.s[n:]
	if s == "null" {
		return ""
	}
	return s
}

// bytes is the value that comes next where that is a string, or the numbers of
// its bytes: what journald makes of text that is not UTF-8.
func (j *jsonReader) bytes() string {
	j.space()
	if !strings.HasPrefix(j.s, "[") {
		return j.text()
	}
	from := j.s
	if j.skip(); j.bad {
		return ""
	}
	var b []byte
	if json.Unmarshal([]byte(from[:len(from)-len(j.s)]), &b) != nil {
		return ""
	}
	return string(b)
}

// skip passes over the value that comes next.
func (j *jsonReader) skip() {
	j.space()
	if j.s == "" {
		j.fail()
		return
	}
	switch j.s[0] {
	case '"':
		j.skipQuoted()
	case '{', '[':
		depth := 0
		for {
			n := strings.IndexAny(j.s, `"{}[]`)
			if n < 0 {
				j.fail()
				return
			}
			j.s = j.s[n:]
			switch j.s[0] {
			case '"':
				j.skipQuoted()
				if j.bad {
					return
				}
				continue
			case '{', '[':
				depth++
			default:
				depth--
			}
			if j.s = j.s[1:]; depth == 0 {
				return
			}
		}
	default:
		j.scalar()
	}
}

func (j *jsonReader) skipQuoted() {
	for i := 1; i < len(j.s); i++ {
		n := strings.IndexByte(j.s[i:], '"')
		if n < 0 {
			break
		}
		i += n
		slashes := 0
		for j.s[i-1-slashes] == '\\' {
			slashes++
		}
		if slashes%2 == 0 {
			j.s = j.s[i+1:]
			return
		}
	}
	j.fail()
}
