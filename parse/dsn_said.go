package parse

import (
	"net/netip"
	"regexp"
	"strings"

	"github.com/bouncehouse/bouncehouse"
)

// What the remote host said, as the sentences of reports tell it: in
// Diagnostic-Code, or in the recipient's paragraph of the text for people.

var (
	//	[mx.example.net 192.0.2.1: timed out]             Gmail
	whoTimedOut = regexp.MustCompile(`\[([A-Za-z0-9_.-]+) ([0-9A-Fa-f.:]+): [a-z ]+\]`)
	//	[192.0.2.1] said:   [192.0.2.1], 554 ...          amavis, SurfControl
	whereOnly = regexp.MustCompile(`^[\s:]*\[([0-9A-Fa-f.:]+)\](?: said:|,)`)

	refusedLater = regexp.MustCompile(`^220-.*? ([45]\d\d[ -].*)`)

	// 5.1.0 - Unknown address error 550-'5.7.1 text' (delivery attempts: 0)   IronPort
	ironPort = regexp.MustCompile(`^([245]\.\d+\.\d+) - .*? ([245]\d\d)-'(.*)'(?: \(delivery attempts: \d+\))?$`)
)

// said is what the remote host said of a recipient, or the reporting server
// in its stead.
type said struct {
	host     string
	ip       netip.Addr
	stage    bouncehouse.Stage
	code     uint16
	enhanced string
	text     string
}

// sentences remembers what was read of the last recipient's texts, which the
// next may have too.
type sentences struct {
	diagnostic, text last[said]
	expired, gaveUp  last[bool]
}

// said reads Remote-MTA and Diagnostic-Code. text, the recipient's own
// paragraph for people, and the transcript give what they lack; only tells
// that the report has no other recipient.
func (b *block) said(text string, sentences *sentences, transcript *transcript, only bool) said {
	s := sentences.diagnostic.of(b.diagnostic, readDiagnostic)
	if host, ip := remoteMTA(b.remote); host != "" || ip.IsValid() {
		if !strings.EqualFold(host, s.host) {
			s.ip = netip.Addr{}
		}
		s.host = host
		if ip.IsValid() {
			s.ip = ip
		}
	}
	more := sentences.text.of(text, readSentence)
	if more.answered() {
		s.fill(more)
	}
	t := transcript.pick(s, b.recipient, only)
	if s.text != "" && t.code == s.code && strings.HasPrefix(t.text, s.text) {
		s.text = t.text // QUIRK: Sendmail's diagnostic holds the reply's first line only
	}
	s.fill(t)
	s.fill(more)
	if s.text == "" {
		s.text = b.comment
	}
	if ip, ok := parseIP(s.host); ok { // host 127.0.0.1 [127.0.0.1]: a host without a name
		if s.host = ""; !s.ip.IsValid() {
			s.ip = ip
		}
	}
	return s
}

// answered tells whether s tells of a remote host, not of the reporting
// server's own words alone.
func (s *said) answered() bool { return s.code != 0 || s.host != "" || s.ip.IsValid() || s.stage != "" }

// fill takes from more what s lacks, where both may be of the same reply.
func (s *said) fill(more said) {
	switch {
	case s.code == 0 && s.text == "":
		s.code, s.enhanced, s.text = more.code, more.enhanced, more.text
	case s.code != more.code && more.code != 0:
		return
	}
	if s.host == "" && !s.ip.IsValid() {
		s.host, s.ip = more.host, more.ip
	} else if !s.ip.IsValid() && strings.EqualFold(s.host, more.host) {
		s.ip = more.ip
	}
	if s.stage == "" {
		s.stage = more.stage
	}
}

// readDiagnostic reads the value of Diagnostic-Code.
func readDiagnostic(value string) said {
	d := typed(clip(value))
	text := decodeWords(d.value, nil)
	if strings.HasPrefix(text, "<") {
		if status, reply, _, ok := hashed(text); ok { // Exchange
			s := readDiagnostic(reply)
			s.enhanced = firstOf(s.enhanced, status)
			return s
		}
	}
	if m := ironPort.FindStringSubmatch(text); m != nil {
		r := bouncehouse.ParseReply(m[2] + " " + m[3])
		return said{code: r.Code, enhanced: firstOf(r.Enhanced, m[1]), text: r.Text}
	}
	if d.kind == "x-unix" {
		return said{text: text} // a program's words, or its exit status
	}
	return readSentence(text)
}

// readSentence reads a reply, or a sentence of the reporting server that
// cites one. Host and step are looked for in the server's own words only: a
// reply may name a host too, which then is ours ("your host mail.example.com
// [203.0.113.25] is listed").
func readSentence(text string) said {
	text = strings.TrimSpace(clipTo(text, 2*maxParagraph)) // a reply text is cut to less
	own, reply := "", text                                 // the reporting server's words, the remote's
	if !bouncehouse.StartsWithCode(text) {
		own = text
		if at := replyWithin(text); at >= 0 {
			own, reply = text[:at], cited(text, at)
		}
	}
	if n := strings.LastIndex(reply, "(in reply to "); n > 0 {
		own, reply = own+" "+reply[n:], reply[:n]
	}

	var s said
	s.host, s.ip = whoAnswered(own)
	if s.host == "" && strings.IndexByte(own, '[') >= 0 {
		if m := whoTimedOut.FindStringSubmatch(own); m != nil {
			if ip, ok := parseIP(m[2]); ok {
				s.host, s.ip = hostName(m[1]), ip
			}
		} else if m := whereOnly.FindStringSubmatch(own); m != nil {
			s.ip, _ = parseIP(m[1])
		}
	}
	s.stage = stageWithin(lowerASCII(own))
	if s.stage == "" && (s.host != "" && (strings.Contains(own, "refused to talk to me") || strings.Contains(own, "connect to ")) || strings.Contains(own, "initial server greeting")) {
		s.stage = bouncehouse.StageConnect
	}

	r := bouncehouse.ParseReply(reply)
	// QUIRK: the greeting welcomes on its first line and refuses on a later
	// one: 220-mx.example.net 421 4.2.1 Service refused
	if m := refusedLater.FindStringSubmatch(reply); m != nil {
		r = bouncehouse.ParseReply(m[1])
	}
	s.code, s.enhanced, s.text = r.Code, r.Enhanced, r.Text
	if s.enhanced == "" && s.code != 0 {
		s.enhanced = codeWithin(s.text, s.code)
	}
	return s
}

// whoAnswered finds the host that a sentence names with its address:
//
//	host mx.example.net[192.0.2.1] said: 550 ...        Postfix
//	connect to mx.example.net[192.0.2.1]:25: ...        Postfix
//	host mx.example.net [192.0.2.1]                     Exim
//	Remote Server at example.net (192.0.2.1) returned   Exchange
//	mx.example.net [192.0.2.1]: >>> DATA <<< 554 ...    Courier
func whoAnswered(text string) (string, netip.Addr) {
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
		ip, ok := parseIP(text[at+1 : at+end])
		if !ok {
			continue
		}
		before := strings.TrimSuffix(text[:at], " ")
		name := before[strings.LastIndexByte(before, ' ')+1:]
		if len(name) == len(before) && name != "" && strings.HasPrefix(text[at+end+1:], ": ") {
			return hostName(name), ip
		}
		lead := lowerASCII(before[max(0, len(before)-len(name)-20) : len(before)-len(name)])
		for _, words := range []string{"host ", "connect to ", "connection to ", "connection with ", "conversation with ", "server at "} {
			if strings.HasSuffix(lead, words) && name != "" {
				return hostName(name), ip
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

// cited returns what text cites from offset at on: to the end of the quote
// or bracket that it stands in.
func cited(text string, at int) string {
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

// stageWithin finds the step of the session that a sentence, in lower case,
// tells of:
//
//	(in reply to RCPT TO command)                           Postfix
//	lost connection with mx.example.net while sending DATA  Postfix
//	SMTP error from remote mail server after end of data:   Exim
func stageWithin(lower string) bouncehouse.Stage {
	for _, lead := range []string{"in reply to ", "while sending ", "while performing ", "remote mail server after ", "remote mailer after ", "error after ", ">>> "} {
		_, after, ok := strings.Cut(lower, lead)
		if !ok {
			continue
		}
		for _, filler := range []string{"pipelined ", "the ", "sending "} {
			after = strings.TrimPrefix(after, filler)
		}
		if stage := stageOf(after); stage != "" {
			return stage
		}
	}
	return ""
}

// replyWithin returns where in a sentence of the reporting server the first
// reply begins that it cites, or -1. A number alone is no reply: "message too
// large, 500 of 400 kB".
func replyWithin(text string) int {
	if strings.HasPrefix(text, "(") && citesReply(text[1:]) {
		return 1
	}
	for at := range len(text) {
		if c := text[at]; (c == '2' || c == '4' || c == '5') && citesReply(text[at:]) && leadsToCited(text[:at]) {
			return at
		}
	}
	// Exim: SMTP error from remote mail server after RCPT TO:<a@b>: host H [IP]: 550 ...
	// or, of a local transport: LMTP error after end of data: 452 4.2.2 ...
	at := indexFold(text, "remote mail")
	if at < 0 {
		at = indexFold(text, "lmtp error after ")
	}
	if at >= 0 {
		for n := strings.Index(text[at:], ": "); n >= 0; n = strings.Index(text[at:], ": ") {
			if at += n + 2; citesReply(text[at:]) {
				return at
			}
		}
	}
	return -1
}

// leadsToCited tells whether the words before a reply are of those that lead
// to one.
func leadsToCited(before string) bool {
	for _, lead := range [...]string{" said: ", " said:", "returned '", "returned \"", "responded with: ", "responded with \"", "responded with: \"", "smtp;",
		"talk to me: ", "], ", "] ", "]: ", "server was: ", "error message was: ", "(reason: ", " <<< "} {
		if n := len(before) - len(lead); n >= 0 && before[len(before)-1] == lead[len(lead)-1] && hasPrefixFold(before[n:], lead) {
			return true
		}
	}
	return false
}

func citesReply(s string) bool { return bouncehouse.StartsWithCode(s) && s[0] != '3' }

// stageOf returns the stage of the command or step that s, in lower case,
// begins with.
func stageOf(s string) bouncehouse.Stage {
	switch {
	case strings.HasPrefix(s, "end of data"), strings.HasPrefix(s, "data block"), strings.HasPrefix(s, "message body"):
		return bouncehouse.StageEOD
	case strings.HasPrefix(s, "initial connection"):
		return bouncehouse.StageConnect
	case strings.HasPrefix(s, "rcpt to"):
		return bouncehouse.StageRCPT
	case strings.HasPrefix(s, "mail from"):
		return bouncehouse.StageMAIL
	case strings.HasPrefix(s, "data"):
		return bouncehouse.StageDATA
	case strings.HasPrefix(s, "ehlo"), strings.HasPrefix(s, "helo"):
		return bouncehouse.StageHELO
	case strings.HasPrefix(s, "starttls"):
		return bouncehouse.StageSTARTTLS
	case strings.HasPrefix(s, "auth"):
		return bouncehouse.StageAuth
	}
	return ""
}

// stageOfCommand is stageOf for a command, or for a step by the name that a
// system has for it, which stands alone: a command may lack its argument.
func stageOfCommand(command string) bouncehouse.Stage {
	command = lowerASCII(command)
	word := command
	if n := strings.IndexAny(command, " ,:"); n >= 0 {
		word = command[:n]
	}
	switch word {
	case ".", "dot", "eod", "eom", "bdat", "text", "body", "dataend", "transfer", "final":
		return bouncehouse.StageEOD
	case "welcome", "greeting", "connect", "banner":
		return bouncehouse.StageConnect
	case "lhlo":
		return bouncehouse.StageHELO
	}
	switch {
	case strings.HasPrefix(command, "mail"):
		return bouncehouse.StageMAIL
	case strings.HasPrefix(command, "rcpt"):
		return bouncehouse.StageRCPT
	case strings.HasPrefix(command, "data end"):
		return bouncehouse.StageEOD
	}
	return stageOf(command)
}

// lowerASCII is strings.ToLower that keeps the length of s.
func lowerASCII(s string) string {
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
