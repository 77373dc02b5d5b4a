// Package said reads what a remote host said: replies, and the sentences of
// mail servers that cite one and tell at which step of the session it came.
package said

import (
	"net/netip"
	"regexp"
	"strings"

	"github.com/bouncehouse/bouncehouse"
	"github.com/bouncehouse/bouncehouse/parse/values"
)

var (
	//	[mx.example.net 192.0.2.1: timed out]             Gmail
	whoTimedOut = regexp.MustCompile(`\[([A-Za-z0-9_.-]+) ([0-9A-Fa-f.:]+): [a-z ]+\]`)
	//	[192.0.2.1] said:   [192.0.2.1], 554 ...          amavis, SurfControl
	whereOnly = regexp.MustCompile(`^[\s:]*\[([0-9A-Fa-f.:]+)\](?: said:|,)`)

	refusedLater = regexp.MustCompile(`^220-.*? ([45]\d\d[ -].*)`)
)

// Answer is what the remote host said of a recipient, or the reporting server
// in its stead.
type Answer struct {
	Host     string
	IP       netip.Addr
	Stage    bouncehouse.Stage
	Code     uint16
	Enhanced string
	Text     string
}

// Answered tells whether s tells of a remote host, not of the reporting
// server's own words alone.
func (s *Answer) Answered() bool {
	return s.Code != 0 || s.Host != "" || s.IP.IsValid() || s.Stage != ""
}

// Fill takes from more what s lacks, where both may be of the same reply.
func (s *Answer) Fill(more Answer) {
	switch {
	case s.Code == 0 && s.Text == "":
		s.Code, s.Enhanced, s.Text = more.Code, more.Enhanced, more.Text
	case s.Code != more.Code && more.Code != 0:
		return
	}
	if s.Host == "" && !s.IP.IsValid() {
		s.Host, s.IP = more.Host, more.IP
	} else if !s.IP.IsValid() && strings.EqualFold(s.Host, more.Host) {
		s.IP = more.IP
	}
	if s.Stage == "" {
		s.Stage = more.Stage
	}
}

// maxSentence is how much of a sentence is read; a reply text is cut to less.
const maxSentence = 16 << 10

// Read reads a reply, or a sentence of the reporting server that
// cites one. Host and step are looked for in the server's own words only: a
// reply may name a host too, which then is ours ("your host mail.example.com
// [203.0.113.25] is listed").
func Read(text string) Answer {
	text = strings.TrimSpace(values.ClipTo(text, maxSentence))
	own, reply := "", text // the reporting server's words, the remote's
	if !bouncehouse.StartsWithCode(text) {
		own = text
		if at := ReplyWithin(text); at >= 0 {
			own, reply = text[:at], Cited(text, at)
		}
	}
	if n := strings.LastIndex(reply, "(in reply to "); n > 0 {
		own, reply = own+" "+reply[n:], reply[:n]
	}

	var s Answer
	s.Host, s.IP = WhoAnswered(own)
	if s.Host == "" && strings.IndexByte(own, '[') >= 0 {
		if m := whoTimedOut.FindStringSubmatch(own); m != nil {
			if ip := values.IP(m[2]); ip.IsValid() {
				s.Host, s.IP = values.HostName(m[1]), ip
			}
		} else if m := whereOnly.FindStringSubmatch(own); m != nil {
			s.IP = values.IP(m[1])
		}
	}
	s.Stage = StageWithin(values.LowerASCII(own))
	if s.Stage == "" && (s.Host != "" && (strings.Contains(own, "refused to talk to me") ||
		strings.Contains(own, "connect to ")) || strings.Contains(own, "initial server greeting")) {
		s.Stage = bouncehouse.StageConnect
	}

	r := bouncehouse.ParseReply(reply)
	// QUIRK: the greeting welcomes on its first line and refuses on a later
	// one: 220-mx.example.net 421 4.2.1 Service refused
	if m := refusedLater.FindStringSubmatch(reply); m != nil {
		r = bouncehouse.ParseReply(m[1])
	}
	s.Code, s.Enhanced, s.Text = r.Code, r.Enhanced, r.Text
	if s.Enhanced == "" && s.Code != 0 {
		s.Enhanced = codeWithin(s.Text, s.Code)
	}
	return s
}

// WhoAnswered finds the host that a sentence names with its address:
//
//	host mx.example.net[192.0.2.1] said: 550 ...        Postfix
//	connect to mx.example.net[192.0.2.1]:25: ...        Postfix
//	host mx.example.net [192.0.2.1]                     Exim
//	Remote Server at example.net (192.0.2.1) returned   Exchange
//	mx.example.net [192.0.2.1]: >>> DATA <<< 554 ...    Courier
func WhoAnswered(text string) (string, netip.Addr) {
	for at := 0; at < len(text); at++ {
		n := strings.IndexAny(text[at:], "[(")
		if n < 0 {
			break
		}
		at += n
		end := strings.IndexAny(text[at:min(len(text), at+60)], "])")
		if end < 0 {
			continue
		}
		ip := values.IP(text[at+1 : at+end])
		if !ip.IsValid() {
			continue
		}
		before := strings.TrimSuffix(text[:at], " ")
		name := before[strings.LastIndexByte(before, ' ')+1:]
		if len(name) == len(before) && name != "" && strings.HasPrefix(text[at+end+1:], ": ") {
			return values.HostName(name), ip
		}
		lead := values.LowerASCII(before[max(0, len(before)-len(name)-20) : len(before)-len(name)])
		for _, words := range []string{"host ", "connect to ", "connection to ", "connection with ",
			"conversation with ", "server at "} {
			if strings.HasSuffix(lead, words) && name != "" {
				return values.HostName(name), ip
			}
		}
	}
	return "", netip.Addr{}
}

// codeWithin finds an enhanced code in the middle of a reply of the same
// class, marked as one: "sorry (#5.7.1)", "not accepted: 5.7.1 This system".
func codeWithin(text string, code uint16) string {
	for _, mark := range []string{"(#", " #", ": "} {
		for rest, at := text, 0; ; rest = rest[at+len(mark):] {
			if at = strings.Index(rest, mark); at < 0 {
				break
			}
			after := rest[at+len(mark):]
			n := bouncehouse.EnhancedLen(after)
			if n > 0 && uint16(after[0]-'0') == code/100 && (n == len(after) || after[n] == ' ' || after[n] == ')') {
				return after[:n]
			}
		}
	}
	return ""
}

// Cited returns what text cites from offset at on: to the end of the quote
// or bracket that it stands in.
func Cited(text string, at int) string {
	closing := ""
	if at > 0 {
		switch text[at-1] {
		case '\'', '"':
			closing = text[at-1 : at]
		case '(':
			closing = ")"
		case ';':
			closing = ">" // <mx.example.net #5.5.0 smtp;554 ...>
		case ' ':
			if strings.HasSuffix(text[:at], "(reason: ") {
				closing = ")"
			}
		}
	}
	text = text[at:]
	if closing == "" {
		return text
	}
	open := 0 // brackets
	for n := 0; n < len(text); n++ {
		if text[n] == '(' {
			open++
		}
		if text[n:n+1] != closing {
			continue
		}
		if text[n] == ')' {
			open--
		}
		// The end of a word: "can't" and "<a@b>: no" go on.
		if rest := text[n+1:]; rest == "" || rest[0] == ' ' && closing != ">" {
			if closing != ")" || open == -1 {
				return text[:n]
			}
		}
	}
	return text
}

// ReplyWithin returns where in a sentence of the reporting server the first
// reply begins that it cites, or -1. A number alone is no reply: "message too
// large, 500 of 400 kB".
func ReplyWithin(text string) int {
	if strings.HasPrefix(text, "(") && IsReply(text[1:]) {
		return 1
	}
	for at := range len(text) {
		if c := text[at]; (c == '2' || c == '4' || c == '5') && IsReply(text[at:]) && leadsToCited(text[:at]) {
			return at
		}
	}
	// Exim: SMTP error from remote mail server after RCPT TO:<a@b>: host H [IP]: 550 ...
	// or, of a local transport: LMTP error after end of data: 452 4.2.2 ...
	at := values.IndexFold(text, "remote mail")
	if at < 0 {
		at = values.IndexFold(text, "lmtp error after ")
	}
	if at >= 0 {
		for n := strings.Index(text[at:], ": "); n >= 0; n = strings.Index(text[at:], ": ") {
			if at += n + 2; IsReply(text[at:]) {
				return at
			}
		}
	}
	return -1
}

// leadsToCited tells whether the words before a reply are of those that lead
// to one.
func leadsToCited(before string) bool {
	for _, lead := range [...]string{" said: ", " said:", "returned '", "returned \"", "responded with: ",
		"responded with \"", "responded with: \"", "smtp;",
		"talk to me: ", "], ", "] ", "]: ", "server was: ", "error message was: ", "(reason: ", " <<< "} {
		if n := len(before) - len(lead); n >= 0 && before[len(before)-1] == lead[len(lead)-1] &&
			values.HasPrefixFold(before[n:], lead) {
			return true
		}
	}
	return false
}

// IsReply tells whether s begins with a reply that a sentence may cite: of class 2, 4 or 5.
func IsReply(s string) bool { return bouncehouse.StartsWithCode(s) && s[0] != '3' }

// ReplyAt returns where in s a reply begins: a code of class 4 or 5 at the
// beginning, behind punctuation, a word of another script or a word that
// leads to it; or before an enhanced code. A number alone is none: "more than
// 500 recipients". It returns -1 where there is none.
func ReplyAt(s string) int {
	for i := 0; i+3 <= len(s); i++ {
		if c := s[i]; c != '4' && c != '5' || s[i+1]-'0' > 9 || s[i+2]-'0' > 9 {
			continue
		}
		rest := s[i+3:]
		if len(rest) < 3 || rest[0] != ' ' && rest[0] != '-' && (rest[0] != ':' || rest[1] != ' ' || i > 0) {
			continue
		}
		if i > 0 && (s[i-1]-'0' <= 9 || s[i-1] == '.' || s[i-1] == '-' || s[i-1] == '/' || s[i-1] == '=' ||
			s[i-1]|0x20 >= 'a' && s[i-1]|0x20 <= 'z') {
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
	word := values.LowerASCII(trimmed[strings.LastIndexAny(trimmed, " \t:(")+1:])
	switch word {
	case "said", "error", "code", "replied", "reply", "response", "responded", "returned", "status", "smtp", "esmtp",
		"message", "reason", "was", "with", "because", "answer", "answered", "diagnostic", "is", "-", "--", "->", "<-",
		"<--", "<<<":
		return true
	}
	return false
}
