package enrich

import "strings"

// splitReply takes a reply as it came over the wire, on one line, apart:
// "550-5.7.1 No 550 5.7.1 thanks" is 550, "5.7.1", "No thanks". The code is 0
// where s begins with none, and the codes that the lines of a reply repeat
// are left out.
func splitReply(s string) (code uint16, enhanced, text string) {
	s = strings.TrimSpace(s)
	if !startsWithCode(s) {
		return 0, "", s
	}
	digits := s[:3]
	code = uint16(s[0]-'0')*100 + uint16(s[1]-'0')*10 + uint16(s[2]-'0')
	several := len(s) > 3 && s[3] == '-'
	s = strings.TrimLeft(s[3:], " -")
	for startsWithCode(s) && s[:3] == digits {
		s = strings.TrimLeft(s[3:], " -")
	}
	enhanced, s = cutEnhanced(s)

	// Later lines: " 550-5.7.1 " or " 550 5.7.1 ", or without the enhanced
	// code. " 550 " alone may be a number in a sentence: it counts only in a
	// reply whose other lines are seen to repeat the code.
	several = several || strings.Contains(s, " "+digits+"-") || enhanced != "" && strings.Contains(s, " "+digits+" "+enhanced)
	if !several {
		return code, enhanced, s
	}
	var b strings.Builder
	for s != "" {
		n := strings.Index(s, " "+digits)
		if n < 0 {
			break
		}
		rest := s[n+4:]
		if rest != "" && rest[0] != ' ' && rest[0] != '-' {
			b.WriteString(s[:n+4])
			s = rest
			continue
		}
		b.WriteString(s[:n])
		rest = strings.TrimLeft(rest, "- ")
		if e, after := cutEnhanced(rest); e != "" && e == enhanced {
			rest = after
		}
		b.WriteByte(' ')
		s = rest
	}
	b.WriteString(s)
	return code, enhanced, strings.TrimSpace(b.String())
}

func startsWithCode(s string) bool {
	return len(s) >= 3 && s[0] >= '2' && s[0] <= '5' && kinds[s[1]] == digit && kinds[s[2]] == digit &&
		(len(s) == 3 || s[3] == ' ' || s[3] == '-')
}

// cutEnhanced cuts an RFC 3463 code off the head of s. A code in brackets or
// after a # in the text, as qmail and ZoneMTA write it, is not cut.
func cutEnhanced(s string) (enhanced, rest string) {
	word, rest, _ := strings.Cut(s, " ")
	word = strings.TrimSuffix(word, ":")
	if enhancedCode(strings.TrimPrefix(word, "#")) {
		return strings.TrimPrefix(word, "#"), strings.TrimLeft(rest, " ")
	}
	return "", s
}
