package bouncehouse

import "strings"

// Reply is an SMTP reply (RFC 5321 section 4.2) as logs and bounce mails
// quote it, taken apart.
type Reply struct {
	Code     uint16 // 0: s was no reply
	Enhanced string // RFC 3463, of the first line that has one
	Text     string // lines joined by one space, without the codes
}

// ParseReply takes apart a reply whose lines were joined by blanks:
//
//	550-5.1.1 The account does not exist. Please try 550-5.1.1 checking it 550 5.1.1 https://...
//
// Where s does not begin with a code the whole of it is text.
func ParseReply(s string) Reply {
	s = strings.Trim(s, " ")
	if !StartsWithCode(s) {
		return Reply{Text: s}
	}
	r := Reply{Code: uint16(s[0]-'0')*100 + uint16(s[1]-'0')*10 + uint16(s[2]-'0')}
	if len(s) == 3 {
		return r
	}
	r.Enhanced, r.Text = CutEnhanced(s[4:])
	if s[3] == ' ' || strings.IndexByte(r.Text, ' ') < 0 {
		return r
	}
	quoted := 0 // "550-550 5.7.1 text": what follows the "-" at once begins no line
	if StartsWithCode(s[4:]) {
		quoted = len("550")
	}
	r.joinLines(s[:3], quoted)
	return r
}

// StartsWithCode tells whether s begins with a reply code.
func StartsWithCode(s string) bool {
	return len(s) >= 3 && s[0]-'2' <= 3 && s[1]-'0' <= 9 && s[2]-'0' <= 9 && (len(s) == 3 || s[3] == ' ' || s[3] == '-')
}

// joinLines takes the codes of continuation lines out of the text. Only a
// reply that began with "550-" has any, and "550 " begins its last line.
// None begins in the first n bytes.
func (r *Reply) joinLines(code string, n int) {
	var b strings.Builder
	rest := r.Text
	add := func(line string) {
		if line = strings.Trim(line, " "); line == "" {
			return
		}
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(line)
	}
	for rest != "" {
		at, last := nextLine(rest[n:], code, r.Enhanced)
		if at < 0 {
			break
		}
		at, n = at+n, 0
		add(rest[:at])
		enhanced := ""
		enhanced, rest = CutEnhanced(rest[min(at+len(code)+1, len(rest)):])
		if r.Enhanced == "" {
			r.Enhanced = enhanced
		} else if enhanced != "" && enhanced != r.Enhanced {
			add(enhanced) // another code than the reply's own tells something
		}
		if last {
			break
		}
	}
	add(rest)
	r.Text = b.String()
}

// nextLine finds where the next line of a reply begins in s. "550 " may as
// well be a word of a line that comes before a further "550-", or of the
// last line. Where the lines have an enhanced code it tells them apart, and
// what follows a colon or an arrow is a quotation ("550-Response: 550 No such
// user").
func nextLine(s, code, enhanced string) (at int, last bool) {
	at = -1
	for i := 0; i+3 <= len(s); i++ {
		if s[i] != code[0] || s[i:i+3] != code || i > 0 && s[i-1] != ' ' {
			continue
		}
		switch after := s[i+3:]; {
		case after == "":
			if at < 0 {
				return i, true
			}
		case after[0] == '-':
			return i, false
		case after[0] == ' ':
			better := at >= 0 && enhanced != "" && !strings.HasPrefix(s[at+4:], enhanced) &&
				strings.HasPrefix(after[1:], enhanced) ||
				at >= 0 && quotes(s[:at]) && !quotes(s[:i])
			if at < 0 || better {
				at = i
			}
		}
	}
	return at, true
}

// quotes tells whether s says that a quotation follows.
func quotes(s string) bool {
	return strings.HasSuffix(s, ": ") || strings.HasSuffix(s, "-> ")
}

// CutEnhanced cuts an enhanced status code (RFC 3463) off the beginning of a
// reply's text. "5.7.1: text" is read too; "#5.1.0 text" (IronPort) is not of
// the RFC's form: the code is taken, and the text stays whole.
func CutEnhanced(s string) (enhanced, rest string) {
	s = strings.TrimLeft(s, " ")
	t := strings.TrimPrefix(s, "#")
	n := EnhancedLen(t)
	if n == 0 {
		return "", s
	}
	enhanced, rest = t[:n], t[n:]
	if rest == "" || rest[0] == ' ' {
		if len(t) < len(s) {
			return enhanced, s
		}
		return enhanced, strings.TrimLeft(rest, " ")
	}
	if rest[0] == ':' || rest[0] == ',' || rest[0] == ';' {
		return enhanced, strings.TrimLeft(rest[1:], " ")
	}
	return "", s
}

// EnhancedLen is the length of the enhanced status code that s begins with:
// class 2, 4 or 5, then twice a dot and one to three digits.
func EnhancedLen(s string) int {
	if len(s) < 5 || s[0] != '2' && s[0] != '4' && s[0] != '5' {
		return 0
	}
	i := 1
	for range 2 {
		if i >= len(s) || s[i] != '.' {
			return 0
		}
		from := i + 1
		for i = from; i < len(s) && i < from+3 && s[i]-'0' <= 9; i++ {
		}
		if i == from {
			return 0
		}
	}
	if i < len(s) && (s[i]-'0' <= 9 || s[i] == '.' && i+1 < len(s) && s[i+1]-'0' <= 9) {
		return 0 // an address or a version
	}
	return i
}
