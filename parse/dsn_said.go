package parse

import (
	"net/netip"
	"regexp"
	"strings"

	"github.com/bouncehouse/bouncehouse"
)

// What the remote host said, as reports tell it: in Diagnostic-Code, in the
// recipient's paragraph of the text for people, or in Sendmail's transcript.

// maxParagraph bounds what is read of one recipient's paragraph.
const maxParagraph = 8 << 10

var (
	//	[mx.example.net 192.0.2.1: timed out]             Gmail
	whoTimedOut = regexp.MustCompile(`\[([A-Za-z0-9_.-]+) ([0-9A-Fa-f.:]+): [a-z ]+\]`)
	//	[192.0.2.1] said:   [192.0.2.1], 554 ...          amavis, SurfControl
	whereOnly = regexp.MustCompile(`^[\s:]*\[([0-9A-Fa-f.:]+)\](?: said:|,)`)

	// At which step:
	//	(in reply to RCPT TO command)                     Postfix
	//	SMTP error from remote mail server after end of data:   Exim
	//	while sending MAIL FROM                           Postfix, connection lost
	atStep = regexp.MustCompile(`(?i)(?:in reply to|while sending|while performing|error from remote mail(?:er| server) after|error after) (?:pipelined |the |sending )?(end of data|data block|message body|initial connection|rcpt to|mail from|data|ehlo|helo|starttls|auth)`)

	// Where the reply begins in a sentence of the reporting server's own.
	replyFollows = regexp.MustCompile(`(?i)(?: said: ?|returned ['"]|responded with:? ?["']?|smtp;|talk to me: |\[[0-9a-f.:]+\], |server was:? |remote mail(?:er| server)[^:]*(?::<[^>]*>[^:]*)?: |error message was: |\(reason: |^\()([245]\d\d(?:[ -]|$).*)`)

	refusedLater = regexp.MustCompile(`^220-.*? ([45]\d\d[ -].*)`)

	// 5.1.0 - Unknown address error 550-'5.7.1 text' (delivery attempts: 0)   IronPort
	ironPort = regexp.MustCompile(`^([245]\.\d+\.\d+) - .*? ([245]\d\d)-'(.*)'(?: \(delivery attempts: \d+\))?$`)
)

// readDiagnostic reads the value of Diagnostic-Code.
func readDiagnostic(value string) said {
	d := typed(value)
	text := decodeWords(d.value)
	if m := ironPort.FindStringSubmatch(text); m != nil {
		r := parseReply(m[2] + " " + m[3])
		return said{code: r.code, enhanced: firstOf(r.enhanced, m[1]), text: r.text}
	}
	if d.kind == "x-unix" {
		return said{text: text} // a program's words, or its exit status
	}
	return readSentence(text)
}

// readSentence reads a reply, or a sentence that cites one.
func readSentence(text string) said {
	var s said
	s.host, s.ip = whoAnswered(text)
	if s.host == "" && strings.IndexByte(text, '[') >= 0 {
		if m := whoTimedOut.FindStringSubmatch(text); m != nil {
			if ip, ok := parseIP(m[2]); ok {
				s.host, s.ip = hostName(m[1]), ip
			}
		} else if m := whereOnly.FindStringSubmatch(text); m != nil {
			s.ip, _ = parseIP(m[1])
		}
	}
	if m := atStep.FindStringSubmatch(text); m != nil {
		s.stage = stageOf(m[1])
	} else if s.host != "" && (strings.Contains(text, "refused to talk to me") || strings.Contains(text, "connect to ")) || strings.Contains(text, "initial server greeting") {
		s.stage = bouncehouse.StageConnect
	}
	reply := strings.TrimSpace(text)
	if !startsWithCode(reply) {
		if m := replyFollows.FindStringSubmatchIndex(text); m != nil {
			reply = cited(text, m[2])
		}
	}
	if n := strings.LastIndex(reply, "(in reply to "); n > 0 {
		reply = reply[:n] // Postfix's own words
	}
	r := parseReply(reply)
	// QUIRK: the greeting welcomes on its first line and refuses on a later
	// one: 220-mx.example.net 421 4.2.1 Service refused
	if m := refusedLater.FindStringSubmatch(reply); m != nil {
		r = parseReply(m[1])
	}
	s.code, s.enhanced, s.text = r.code, r.enhanced, r.text
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
			n := enhancedLen(after)
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
	for n := 0; n < len(text); n++ {
		if text[n:n+1] != closing {
			continue
		}
		// The end of a word: "can't" and "<a@b>: no" go on.
		if rest := text[n+1:]; rest == "" || rest[0] == ' ' && closing != ">" {
			if closing != ")" || strings.Count(text[:n], "(") == strings.Count(text[:n], ")") {
				return text[:n]
			}
		}
	}
	return text
}

func stageOf(step string) bouncehouse.Stage {
	switch strings.ToLower(step) {
	case "end of data", "message body", "data block":
		return bouncehouse.StageEOD
	case "initial connection":
		return bouncehouse.StageConnect
	case "rcpt to":
		return bouncehouse.StageRCPT
	case "mail from":
		return bouncehouse.StageMAIL
	case "data":
		return bouncehouse.StageDATA
	case "ehlo", "helo":
		return bouncehouse.StageHELO
	case "starttls":
		return bouncehouse.StageSTARTTLS
	case "auth":
		return bouncehouse.StageAuth
	}
	return ""
}

// maxMentions bounds how often one address is looked up in a text.
const maxMentions = 16

// paragraph returns what the text for people says of one recipient, joined
// to one line: from behind the address to the next empty line or the next
// recipient. The address may stand in several places; the first that is
// followed by an answer is taken, else the first that begins a line. lower is
// human in lower case.
func paragraph(human, lower string, addresses ...string) string {
	first := ""
	for _, a := range addresses {
		if len(a) < 3 {
			continue
		}
		a = lowerASCII(a)
		at := 0
		for range maxMentions {
			n := strings.Index(lower[at:], a)
			if n < 0 {
				break
			}
			start := strings.LastIndexByte(lower[:at+n], '\n') + 1
			n += at
			at = n + len(a)
			line, _ := cutLine(human, start)
			if quotesHeader(line) || strings.HasPrefix(line, "<<<") || strings.HasPrefix(line, ">>>") {
				continue
			}
			text := paragraphFrom(human, start, at)
			if s := readSentence(text); s.answered() {
				return text
			}
			// Sendmail: 550 5.1.2 <user@example.net>... Host unknown
			if strings.Trim(human[start:n], " \t<") == "" || strings.HasPrefix(human[at:], ">... ") {
				first = firstOf(first, text)
			}
		}
	}
	return first
}

// paragraphFrom returns the paragraph whose first line begins at offset start
// and names its recipient before offset end.
func paragraphFrom(human string, start, end int) string {
	line, _ := cutLine(human, start)
	indent := indentOf(line)
	line, next := cutLine(human, end)
	var b strings.Builder
	rest := strings.TrimLeft(line, ">)\"'. \t")
	b.WriteString(strings.TrimLeft(rest, ":, "))
	for at := next; at < len(human) && b.Len() < maxParagraph; {
		line, next := cutLine(human, at)
		words := strings.Trim(line, " \t\r")
		if words == "" || strings.HasPrefix(words, "-----") || strings.HasPrefix(words, "<") && strings.Contains(words, "@") && indentOf(line) <= indent ||
			indent > 0 && indentOf(line) <= indent {
			break
		}
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(words)
		at = next
	}
	text := b.String()
	// Before the failure stands where the address came from: (expanded from
	// <c@d>): in Postfix, (ultimately generated from c@d) in Exim.
	if strings.HasPrefix(text, "(expanded from") || strings.HasPrefix(text, "(generated from") || strings.HasPrefix(text, "(ultimately generated from") {
		if n := strings.IndexByte(text, ')'); n > 0 {
			text = strings.TrimLeft(text[n+1:], ": ")
		}
	}
	return text
}

func indentOf(line string) int { return len(line) - len(strings.TrimLeft(line, " \t")) }

// quotesHeader tells lines of a quoted header, which tell of no failure.
func quotesHeader(line string) bool {
	name := fieldName(strings.TrimLeft(line, "> \t"))
	return name != "" && (mailField(name) || strings.EqualFold(name, "Cc") || recipientField(name))
}

// paragraphAddresses returns the addresses that the text for people gives a
// paragraph of their own.
func paragraphAddresses(human string) []string {
	var found []string
	for line := range lines(human) {
		words := strings.Trim(line, " \t\r")
		if !strings.HasPrefix(words, "<") {
			continue
		}
		a, rest, ok := strings.Cut(words[1:], ">")
		if !ok || !strings.Contains(a, "@") || strings.ContainsAny(a, " \t") {
			continue
		}
		if rest = strings.TrimSpace(rest); rest == "" || strings.HasPrefix(rest, ":") || strings.HasPrefix(rest, "(") {
			if len(found) < maxRecipients && (len(found) == 0 || found[len(found)-1] != a) {
				found = append(found, a)
			}
		}
	}
	return found
}

// maxExchanges bounds how many replies of a transcript are kept.
const maxExchanges = 1000

// exchange is a command of Sendmail's transcript and the refusal of it.
type exchange struct {
	command string // lower case; empty for the greeting
	said    said
}

// readTranscript reads the refusals in Sendmail's transcript of the session:
//
//	... while talking to mx.example.net.:
//	>>> RCPT To:<user@example.net>
//	<<< 550-5.1.1 No such user
//	<<< 550 5.1.1 here
//	550 5.1.1 <user@example.net>... User unknown
func readTranscript(human string) []exchange {
	if !strings.Contains(human, "<<< ") {
		return nil
	}
	var found []exchange
	var command, host string
	var reply strings.Builder // in the form of joined replies everywhere else
	finish := func() {
		if reply.Len() == 0 {
			return
		}
		r := parseReply(reply.String())
		reply.Reset()
		if r.code < 400 || command == "quit" || len(found) >= maxExchanges {
			return
		}
		s := said{host: host, stage: commandStage(command), code: r.code, enhanced: r.enhanced, text: r.text}
		found = append(found, exchange{command, s})
	}
	for line := range lines(human) {
		line = strings.TrimRight(line, " \t\r")
		switch {
		case strings.HasPrefix(line, "<<<"):
			words := strings.TrimSpace(line[3:])
			if reply.Len() > 0 && reply.Len() < maxParagraph {
				reply.WriteByte(' ')
			}
			if reply.Len() < maxParagraph {
				reply.WriteString(words)
			}
			if len(words) < 4 || words[3] != '-' {
				finish()
			}
		case strings.HasPrefix(line, ">>>"):
			finish()
			command = strings.ToLower(strings.TrimSpace(line[3:]))
		case strings.HasPrefix(line, "... while talking to "):
			finish()
			host, command = hostName(strings.TrimSuffix(line[len("... while talking to "):], ":")), ""
		default:
			finish()
		}
	}
	finish()
	return found
}

// pick returns what the transcript says of one recipient: the whole of the
// reply that the diagnostic, known, begins; else the refusal of RCPT for it;
// else, where the report has one recipient only, the last refusal.
func pick(transcript []exchange, known said, recipient string, only bool) said {
	recipient = lowerASCII(recipient)
	var own, last said
	for i := range transcript {
		switch e := &transcript[i]; {
		case known.text != "" && known.code == e.said.code && strings.HasPrefix(e.said.text, known.text):
			return e.said
		case e.said.stage == bouncehouse.StageRCPT && recipient != "" && strings.Contains(e.command, recipient):
			own = e.said
		default:
			last = e.said
		}
	}
	switch {
	case own.code != 0:
		return own
	case only && (known.code == 0 || known.code == last.code):
		return last
	}
	return said{}
}

// commandStage returns the stage of an SMTP command in lower case; without
// one it was the greeting that was answered.
func commandStage(command string) bouncehouse.Stage {
	verb, _, _ := strings.Cut(command, ":")
	switch verb {
	case "":
		return bouncehouse.StageConnect
	case ".":
		return bouncehouse.StageEOD
	case "rcpt to", "mail from":
		return stageOf(verb)
	}
	return stageOf(strings.Fields(verb + " ?")[0])
}

// saysExpired tells whether the text says that the queue's lifetime ran out.
// "Expired" alone does not: accounts and domains expire too.
func saysExpired(text string) bool {
	text = strings.ToLower(text)
	for _, words := range []string{"retry timeout exceeded", "retry time exceeded", "message expired", "queue.expired", "delivery time expired",
		"unable to deliver in", "could not be delivered for", "queue too long", "queued too long", "message too old", "has stopped trying",
		"maximum queue time", "queue lifetime", "retry limit", "will be deleted from queue", "been in the queue for too long", "giving up on this message after"} {
		if strings.Contains(text, words) {
			return true
		}
	}
	return false
}

// saysRetrying tells whether the text says that delivery goes on.
func saysRetrying(text string) bool {
	text = strings.ToLower(text)
	for _, words := range []string{"will be retried", "still being retried", "will retry", "will keep trying", "not need to resend", "delivery will continue"} {
		if strings.Contains(text, words) {
			return true
		}
	}
	return false
}

// lowerASCII is strings.ToLower that keeps the length of s.
func lowerASCII(s string) string {
	for i := range len(s) {
		if c := s[i]; c >= 'A' && c <= 'Z' {
			b := []byte(s)
			for ; i < len(b); i++ {
				if c := b[i]; c >= 'A' && c <= 'Z' {
					b[i] = c + 'a' - 'A'
				}
			}
			return string(b)
		}
	}
	return s
}
