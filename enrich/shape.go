package enrich

import "strings"

func number(s string) bool {
	for i := range len(s) {
		if kinds[s[i]] != digit {
			return false
		}
	}
	return s != ""
}

// enhancedCode tells whether s is x.y.z by RFC 3463, with # before it or not.
func enhancedCode(s string) bool {
	s = strings.TrimPrefix(s, "#")
	if len(s) < 5 || s[1] != '.' || s[0] != '2' && s[0] != '4' && s[0] != '5' {
		return false
	}
	subject, detail, ok := strings.Cut(s[2:], ".")
	return ok && len(subject) <= 3 && len(detail) <= 3 && number(subject) && number(detail)
}

// hostLike tells whether w has the form of a domain name: labels of letters,
// digits and hyphens, the last one of two letters or more.
func hostLike(w string) bool {
	last := strings.LastIndexByte(w, '.')
	if last <= 0 || len(w)-last < 3 {
		return false
	}
	for i := last + 1; i < len(w); i++ {
		if kinds[w[i]] != letter {
			return false
		}
	}
	for i := range last {
		if k := kinds[w[i]]; k&(letter|digit|point) == 0 && w[i] != '-' && w[i] != '_' {
			return false
		}
	}
	return true
}
