// Package values reads what the fields of logs and mails hold, whoever writes
// them: addresses, hosts, numbers, dates, spans of time.
package values

import (
	"net/mail"
	"strings"
)

// CutAddress cuts an address that ends with '>', as in "a@b>, relay=...". A
// quoted local part may hold anything.
func CutAddress(s string) (addr, rest string, ok bool) {
	i := 0
	if strings.HasPrefix(s, `"`) {
		for i = 1; i < len(s) && s[i] != '"'; i++ {
			if s[i] == '\\' {
				i++
			}
		}
	}
	for ; i < len(s); i++ {
		n := strings.IndexByte(s[i:], '>')
		if n < 0 {
			break
		}
		i += n
		if i+1 == len(s) || s[i+1] == ',' || s[i+1] == ' ' || s[i+1] == ';' || s[i+1] == ':' {
			return s[:i], s[i+1:], true
		}
	}
	return "", "", false
}

// Bare takes the angle brackets off.
func Bare(s string) string {
	return strings.TrimSuffix(strings.TrimPrefix(strings.Trim(s, " "), "<"), ">")
}

// DecodeXtext undoes the two characters that RFC 3461 section 4 makes every
// address of ORCPT encode, + and =. Others stay: "user+20@" may be a tag.
func DecodeXtext(s string) string {
	if !strings.Contains(s, "+2B") && !strings.Contains(s, "+3D") {
		return s
	}
	return strings.NewReplacer("+2B", "+", "+3D", "=").Replace(s)
}

// LoneAddress returns the address of a field that is nothing but one, with or
// without angle brackets; others are net/mail's to read, which takes its time.
func LoneAddress(s string) string {
	if strings.HasPrefix(s, "<") && strings.HasSuffix(s, ">") {
		s = s[1 : len(s)-1]
	}
	at := strings.IndexByte(s, '@')
	if at <= 0 || at == len(s)-1 || s[0] == '.' || s[at-1] == '.' || s[at+1] == '.' || s[len(s)-1] == '.' ||
		strings.Contains(s, "..") {
		return ""
	}
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '.', c == '-', i == at:
		case i < at && strings.IndexByte("_+=&'*/!#$%?^`{|}~", c) >= 0:
		default:
			return ""
		}
	}
	return s
}

// Angled returns what stands in the last angle brackets of s, or all of it.
func Angled(s string) string {
	if n := strings.LastIndexByte(s, '<'); n >= 0 {
		s = s[n+1:]
		if m := strings.IndexByte(s, '>'); m >= 0 {
			s = s[:m]
		}
	}
	return strings.TrimSpace(s)
}

// OneAddress returns the address in a header field that holds one only.
func OneAddress(s string) string {
	if s == "" || len(s) > 4096 {
		return ""
	}
	if a := LoneAddress(s); a != "" {
		return a
	}
	// Name <user@example.com>, the name in no signs that mean something
	if name, a, ok := strings.Cut(s, "<"); ok && strings.HasSuffix(a, ">") &&
		!strings.ContainsAny(strings.Trim(name, "\" "), "\",;:@()<>\\") {
		if a = LoneAddress(a[:len(a)-1]); a != "" {
			return a
		}
	}
	if list, err := mail.ParseAddressList(s); err == nil {
		if len(list) == 1 {
			return list[0].Address
		}
		return ""
	}
	if a := Angled(s); strings.Count(a, "@") == 1 && !strings.ContainsAny(a, " ,\t") {
		return a
	}
	return ""
}

// span is a part of a text by its offsets.
type span struct{ Start, End int }

// AddressSpans yields where in a text mail addresses stand.
func AddressSpans(s string) func(yield func(span) bool) {
	return func(yield func(span) bool) {
		for at := 0; at < len(s); {
			n := strings.IndexByte(s[at:], '@')
			if n < 0 {
				return
			}
			n += at
			start, end := n, n+1
			for start > at && addressByte(s[start-1]) {
				start--
			}
			for end < len(s) && hostByte(s[end]) {
				end++
			}
			next := end
			for start < n && strings.IndexByte("'.-=", s[start]) >= 0 {
				start++
			}
			for end > n+1 && strings.IndexByte(".-_", s[end-1]) >= 0 {
				end--
			}
			domain := s[n+1 : end]
			if start < n && n-start <= maxLocalPart && strings.IndexByte(domain, '.') > 0 &&
				!strings.Contains(domain, "..") && !yield(span{start, end}) {
				return
			}
			at = next
		}
	}
}

// maxLocalPart is longer than any local part is: RFC 5321 section 4.5.3.1.1
// has 64, and senders with a recipient in them (VERP, SRS) more.
const maxLocalPart = 256

// hostByte tells bytes of a domain.
func hostByte(c byte) bool {
	return c-'0' <= 9 || c|0x20 >= 'a' && c|0x20 <= 'z' || c == '.' || c == '-' || c == '_'
}

// addressByte tells bytes of a local part that need no quotes.
func addressByte(c byte) bool {
	return c-'0' <= 9 || c|0x20 >= 'a' && c|0x20 <= 'z' || strings.IndexByte(".!#$%&'*+-/=?^_`{|}~", c) >= 0
}

// Domain returns what follows the last @ of an address or message id.
func Domain(address string) string {
	if n := strings.LastIndexByte(address, '@'); n >= 0 {
		return strings.TrimSuffix(address[n+1:], ">")
	}
	return ""
}

// MessageID is the message id that a header field or a log has, without its
// angle brackets. Logs and returned mails tell the same of one: where the line
// ended within it (Python's email package folds ids as encoded words), Postfix
// logs a question mark for the line end.
func MessageID(s string) string {
	s = strings.Trim(s, " \t?")
	if n := strings.IndexByte(s, '<'); n >= 0 {
		s = strings.TrimLeft(s[n:], "<")
		quoted := false
		for i := range len(s) {
			if s[i] == '"' {
				quoted = !quoted
			} else if s[i] == '>' && !quoted {
				return strings.Trim(s[:i], " \t")
			}
		}
		return strings.TrimRight(s, "> \t") // quotes that do not end, or no bracket that does
	}
	if strings.HasPrefix(s, "=?") {
		s = "=?" + strings.TrimSuffix(strings.ReplaceAll(s[2:], "?=? =?", "?= =?"), "?=") + "?="
	}
	return strings.TrimRight(s, ">")
}

// Unforwarded is the sender that a forwarder has written into an address of its
// own (SRS, as postsrsd and Exchange Online do), or the address itself:
//
//	SRS0=HHHH=TT=shop.example=orders@fwd.example
//	SRS1=HHHH=fwd.example==HHHH=TT=shop.example=orders@second.example
func Unforwarded(address string) string {
	local, _, _ := strings.Cut(address, "@")
	if len(local) < 5 || !HasPrefixFold(local, "SRS0") && !HasPrefixFold(local, "SRS1") ||
		strings.IndexByte("=+-", local[4]) < 0 {
		return address
	}
	parts := strings.Split(local[5:], "=")
	if local[3] == '1' { // its own hash, the first forwarder and an empty part before what that wrote
		if len(parts) < 4 {
			return address
		}
		if parts = parts[2:]; parts[0] == "" {
			parts = parts[1:]
		}
	}
	// Behind hash and time the domain, and what is left is the local part, = included.
	if len(parts) < 4 || parts[2] == "" || parts[3] == "" {
		return address
	}
	return strings.Join(parts[3:], "=") + "@" + parts[2]
}
