package values

import "strings"

// BeginsWith tells whether s begins with words, which are in lower case.
func BeginsWith(s, words string) bool {
	if len(s) < len(words) {
		return false
	}
	for i := 1; i < len(words); i++ {
		if LowerByte[s[i]] != words[i] {
			return false
		}
	}
	return LowerByte[s[0]] == words[0]
}

// IndexFold is strings.Index without regard to ASCII case; words are in lower
// case.
func IndexFold(s, words string) int {
	for i := 0; i+len(words) <= len(s); i++ {
		if LowerByte[s[i]] == words[0] && BeginsWith(s[i:], words) {
			return i
		}
	}
	return -1
}

// LowerByte is A-Z in lower case, and every other byte as it is.
var LowerByte = func() (t [256]byte) {
	for c := range t {
		if t[c] = byte(c); c >= 'A' && c <= 'Z' {
			t[c] += 'a' - 'A'
		}
	}
	return t
}()

// LowerASCII is strings.ToLower that keeps the length of s.
func LowerASCII(s string) string {
	var b strings.Builder
	at := 0 // up to where s is in b
	for i := range len(s) {
		if c := s[i]; c >= 'A' && c <= 'Z' {
			if at == 0 {
				b.Grow(len(s))
			}
			b.WriteString(s[at:i])
			b.WriteByte(c + 'a' - 'A')
			at = i + 1
		}
	}
	if at == 0 {
		return s
	}
	b.WriteString(s[at:])
	return b.String()
}

// IsName tells whether name is one of those of, without regard to case.
func IsName(name string, of ...string) bool {
	for _, n := range of {
		if len(n) == len(name) && n != "" && n[0]|0x20 == name[0]|0x20 && strings.EqualFold(n, name) {
			return true
		}
	}
	return false
}

// HasSuffixFold is strings.HasSuffix without regard to ASCII case.
func HasSuffixFold(s, suffix string) bool {
	return len(s) >= len(suffix) && strings.EqualFold(s[len(s)-len(suffix):], suffix)
}

// HasPrefixFold is strings.HasPrefix without regard to ASCII case.
func HasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}
