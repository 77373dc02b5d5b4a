package parse

import (
	"net/netip"
	"strings"

	"github.com/bouncehouse/bouncehouse"
)

// What words tell that are no sentence of a known mail system: the reply in
// them, the host, the step; and the addresses of a line.

// tell makes of words, which may cite a reply, what b says.
func (b *block) tell(words string) {
	words = cutLead(strings.TrimSpace(words))
	if words == "" {
		return
	}
	b.diagnostic = words
	at := replyAt(words)
	if at == 0 && (words[3] == ':' || strings.HasPrefix(words[3:], " - ")) { // 550: 5.1.1 No such user
		b.diagnostic = words[:3] + " " + strings.TrimLeft(words[4:], ":- ")
	}
	if at < 0 { // Sorry, no mailbox here by that name. (#5.1.1)
		if _, code, ok := strings.Cut(words, "(#"); ok && b.status == "" {
			b.status = statusCode(code)
		}
	}
	if at <= 0 {
		return
	}
	own := words[:at]
	if n := replyWithin(words); n < 0 || n > at {
		b.diagnostic = cited(words, at) // else readSentence finds it
	}
	host, ip := whoAnswered(own)
	if !ip.IsValid() {
		ip = bracketedIP(own)
	}
	b.answeredBy(host, ip)
	lower := lowerASCII(own)
	if b.stage == "" {
		b.stage = stageWithin(lower)
	}
	for _, verb := range []string{"rcpt to", "mail from", "end of data", "starttls", "ehlo", "helo"} {
		if b.stage == "" && strings.Contains(lower, verb) {
			b.stage = stageOf(verb)
		}
	}
}

// cutLead cuts "原因如下：" and its like off: what comes before the first colon,
// where it is in another script than what comes behind.
func cutLead(words string) string {
	for _, colon := range []string{"：", ":"} {
		lead, rest, ok := strings.Cut(words[:min(len(words), 80)], colon)
		if ok && lead != "" && !strings.ContainsFunc(lead, func(r rune) bool { return r < 0x80 && r != ' ' && r != ',' }) && rest != "" {
			return strings.TrimLeft(words[len(lead)+len(colon):], " \t\u3000")
		}
	}
	return words
}

// bracketedIP finds an address in brackets.
func bracketedIP(s string) netip.Addr {
	for at := 0; at < len(s); at++ {
		n := strings.IndexAny(s[at:], "[(")
		if n < 0 {
			break
		}
		at += n
		if end := strings.IndexAny(s[at:min(len(s), at+60)], "])"); end > 0 {
			if ip, ok := parseIP(s[at+1 : at+end]); ok {
				return ip
			}
		}
	}
	return netip.Addr{}
}

// replyAt returns where in s a reply begins: a code of class 4 or 5 at the
// beginning, behind punctuation, a word of another script or a word that
// leads to it; or before an enhanced code. A number alone is none: "more than
// 500 recipients". It returns -1 where there is none.
func replyAt(s string) int {
	for i := 0; i+3 <= len(s); i++ {
		if c := s[i]; c != '4' && c != '5' || s[i+1]-'0' > 9 || s[i+2]-'0' > 9 {
			continue
		}
		rest := s[i+3:]
		if len(rest) < 3 || rest[0] != ' ' && rest[0] != '-' && (rest[0] != ':' || rest[1] != ' ' || i > 0) {
			continue
		}
		if i > 0 && (s[i-1]-'0' <= 9 || s[i-1] == '.' || s[i-1] == '-' || s[i-1] == '/' || s[i-1] == '=' || s[i-1]|0x20 >= 'a' && s[i-1]|0x20 <= 'z') {
			continue
		}
		if bouncehouse.EnhancedLen(strings.TrimLeft(rest[1:], "#(")) > 0 || leadsToReply(s[:i]) {
			return i
		}
	}
	return -1
}

// maxLeadWord is longer than the words that lead to a reply.
const maxLeadWord = 16

func leadsToReply(before string) bool {
	trimmed := strings.TrimRight(before, " \t")
	if trimmed == "" {
		return true
	}
	switch c := trimmed[len(trimmed)-1]; {
	case c >= 0x80, strings.IndexByte(":<>'\"([,;|=", c) >= 0:
		return true
	}
	trimmed = trimmed[max(0, len(trimmed)-maxLeadWord):]
	word := lowerASCII(trimmed[strings.LastIndexAny(trimmed, " \t:(")+1:])
	switch word {
	case "said", "error", "code", "replied", "reply", "response", "responded", "returned", "status", "smtp", "esmtp", "message", "reason", "was", "with", "because", "answer", "answered", "diagnostic", "is", "-", "--", "->", "<-", "<--", "<<<":
		return true
	}
	return false
}

// addressesIn returns the mail addresses of a line, the first of very many.
func addressesIn(s string) []string {
	var found []string
	for at := range addressSpans(s) {
		if len(found) == maxProseAddresses {
			break
		}
		if !inURL(s[:at.start+1]) {
			found = append(found, s[at.start:at.end])
		}
	}
	return found
}

// span is a part of a text by its offsets.
type span struct{ start, end int }

// addressSpans yields where in a text mail addresses stand.
func addressSpans(s string) func(yield func(span) bool) {
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
			if start < n && n-start <= maxLocalPart && strings.IndexByte(domain, '.') > 0 && !strings.Contains(domain, "..") && !yield(span{start, end}) {
				return
			}
			at = next
		}
	}
}

// maxLocalPart is longer than any local part is: RFC 5321 section 4.5.3.1.1
// has 64, and senders with a recipient in them (VERP, SRS) more.
const maxLocalPart = 256

// inURL tells whether the word that before ends within is a link.
func inURL(before string) bool {
	word := before[strings.LastIndexAny(before, " \t<>\"'(")+1:]
	return strings.Contains(word, ":/") || strings.HasPrefix(word, "www.") || strings.HasPrefix(word, "/")
}

// hostByte tells bytes of a domain.
func hostByte(c byte) bool {
	return c-'0' <= 9 || c|0x20 >= 'a' && c|0x20 <= 'z' || c == '.' || c == '-' || c == '_'
}

// addressByte tells bytes of a local part that need no quotes.
func addressByte(c byte) bool {
	return c-'0' <= 9 || c|0x20 >= 'a' && c|0x20 <= 'z' || strings.IndexByte(".!#$%&'*+-/=?^_`{|}~", c) >= 0
}

// answeredBy sets the remote host, of which either may be unknown.
func (b *block) answeredBy(host string, ip netip.Addr) {
	switch {
	case host != "" && ip.IsValid():
		b.remote = host + " (" + ip.String() + ")"
	case ip.IsValid():
		b.remote = ip.String()
	case host != "":
		b.remote = host
	}
}
