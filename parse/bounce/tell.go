package bounce

import (
	"net/netip"
	"strings"

	"github.com/bouncehouse/bouncehouse/parse/said"
	"github.com/bouncehouse/bouncehouse/parse/values"
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
	at := said.ReplyAt(words)
	if at == 0 && (words[3] == ':' || strings.HasPrefix(words[3:], " - ")) { // 550: 5.1.1 No such user
		b.diagnostic = words[:3] + " " + strings.TrimLeft(words[4:], ":- ")
	}
	if at < 0 { // Sorry, no mailbox here by that name. (#5.1.1)
		if _, code, ok := strings.Cut(words, "(#"); ok && b.status == "" {
			b.status = values.StatusCode(code)
		}
	}
	if at <= 0 {
		return
	}
	own := words[:at]
	if n := said.ReplyWithin(words); n < 0 || n > at {
		b.diagnostic = said.Cited(words, at) // else readSentence finds it
	}
	host, ip := said.WhoAnswered(own)
	if !ip.IsValid() {
		ip = values.BracketedIP(own)
	}
	b.answeredBy(host, ip)
	lower := values.LowerASCII(own)
	if b.stage == "" {
		b.stage = said.StageWithin(lower)
	}
	for _, verb := range []string{"rcpt to", "mail from", "end of data", "starttls", "ehlo", "helo"} {
		if b.stage == "" && strings.Contains(lower, verb) {
			b.stage = said.StageOf(verb)
		}
	}
}

// cutLead cuts "原因如下：" and its like off: what comes before the first colon,
// where it is in another script than what comes behind.
func cutLead(words string) string {
	for _, colon := range []string{"：", ":"} {
		lead, rest, ok := strings.Cut(words[:min(len(words), 80)], colon)
		if ok && lead != "" &&
			!strings.ContainsFunc(lead, func(r rune) bool { return r < 0x80 && r != ' ' && r != ',' }) && rest != "" {
			return strings.TrimLeft(words[len(lead)+len(colon):], " \t\u3000")
		}
	}
	return words
}

// addressesIn returns the mail addresses of a line, the first of very many.
func addressesIn(s string) []string {
	var found []string
	for at := range values.AddressSpans(s) {
		if len(found) == maxProseAddresses {
			break
		}
		if !inURL(s[:at.Start+1]) {
			found = append(found, s[at.Start:at.End])
		}
	}
	return found
}

// inURL tells whether the word that before ends within is a link.
func inURL(before string) bool {
	word := before[strings.LastIndexAny(before, " \t<>\"'(")+1:]
	return strings.Contains(word, ":/") || strings.HasPrefix(word, "www.") || strings.HasPrefix(word, "/")
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
