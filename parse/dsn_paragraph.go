package parse

import (
	"strings"

	"github.com/bouncehouse/bouncehouse"
)

// The text for people: the recipient's paragraph and Sendmail's transcript.

// maxParagraph bounds what is read of one recipient's paragraph.
const maxParagraph = 8 << 10

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

// mention returns the lines that name the recipient, up to the end of their
// paragraph: what little a report without a diagnostic says of it ("Your
// message wasn't delivered to user@example.net because ...").
func mention(human, lower, address string) string {
	address = lowerASCII(address)
	at := 0
	for range maxMentions {
		n := strings.Index(lower[at:], address)
		if n < 0 || len(address) < 3 {
			break
		}
		n += at
		at = n + len(address)
		start := strings.LastIndexByte(lower[:n], '\n') + 1
		line, next := cutLine(human, start)
		if strings.HasPrefix(line, "  pipe to ") || strings.HasPrefix(line, "  save to ") { // Exim's list of addresses
			return ""
		}
		if strings.HasPrefix(strings.TrimLeft(line, "> "), "<<<") || quotesHeader(line) || strings.TrimSpace(human[start:n]) == "" {
			continue
		}
		for next < len(human) && next-start < maxMention {
			line, after := cutLine(human, next)
			if strings.TrimSpace(line) == "" {
				break
			}
			next = after
		}
		return unfold(human[start:next])
	}
	return ""
}

// maxMention bounds the lines that mention() joins.
const maxMention = 1 << 10

// paragraphFrom returns the paragraph whose first line begins at offset start
// and names its recipient before offset end.
func paragraphFrom(human string, start, end int) string {
	line, _ := cutLine(human, start)
	indent := indentOf(line)
	line, next := cutLine(human, end)
	var b strings.Builder
	rest := strings.TrimLeft(line, ">)\"'. \t")
	listed := strings.HasPrefix(rest, ": ") && !strings.ContainsAny(human[start:end], " \t<") // user@example.net: 550 ...   OpenSMTPD
	rest = strings.TrimLeft(rest, ":,; ")
	if hasPrefixFold(rest, "Action: ") {
		rest = "" // user@example.net; Action: Delayed
	}
	b.WriteString(rest)
	for at := next; at < len(human) && b.Len() < maxParagraph; {
		line, next := cutLine(human, at)
		words := strings.Trim(line, " \t\r")
		if words == "" || strings.HasPrefix(words, "-----") || strings.HasPrefix(words, "<") && !strings.HasPrefix(words, "<<<") && strings.Contains(words, "@") && indentOf(line) <= indent ||
			indent > 0 && indentOf(line) <= indent || listed && listsAddress(line) {
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

// listsAddress tells whether line begins with an address and a colon.
func listsAddress(line string) bool {
	word, _, ok := strings.Cut(line, ": ")
	return ok && strings.Contains(word, "@") && !strings.ContainsAny(word, " \t")
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
	reply   string // as it stands, lines joined by a space
	at      int    // offset of its last line
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
	last := 0                 // offset of the reply's last line
	finish := func() {
		if reply.Len() == 0 {
			return
		}
		whole := reply.String()
		r := bouncehouse.ParseReply(whole)
		reply.Reset()
		if r.Code < 400 || command == "quit" || len(found) >= maxExchanges {
			return
		}
		if command == "data" && (r.Code == 503 || strings.Contains(lowerASCII(r.Text), "no valid recipients")) {
			// QUIRK: the commands were pipelined, and the replies before
			// this one are those to RCPT TO, although they stand behind DATA.
			for i := len(found) - 1; i >= 0 && found[i].command == "data" && found[i].said.host == host; i-- {
				found[i].said.stage = bouncehouse.StageRCPT
			}
			return
		}
		stage := stageOf(command)
		switch command {
		case "":
			stage = bouncehouse.StageConnect
		case ".":
			stage = bouncehouse.StageEOD
		}
		s := said{host: host, stage: stage, code: r.Code, enhanced: r.Enhanced, text: r.Text}
		found = append(found, exchange{command, s, whole, last})
	}
	for at := 0; at < len(human); {
		line, next := cutLine(human, at)
		here := at
		at = next
		line = strings.TrimRight(line, " \t\r")
		switch {
		case strings.HasPrefix(line, "<<<"):
			last = here
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
		case talkingTo(line) != "":
			finish()
			host, command = hostName(strings.TrimSuffix(talkingTo(line), ":")), ""
		default:
			finish()
		}
	}
	finish()
	return found
}

// talkingTo returns the host that line says the session is with:
//
//	... while talking to mx.example.net.:     version 8
//	While talking to mx.example.net:          version 5
//	Connected to mx.example.net:              version 5, BSD's
func talkingTo(line string) string {
	for _, words := range [...]string{"... while talking to ", "While talking to ", "Connected to "} {
		if rest, ok := strings.CutPrefix(line, words); ok && (line[0] == '.' || strings.HasSuffix(rest, ":")) {
			return rest
		}
	}
	return ""
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
		case e.said.stage == bouncehouse.StageRCPT && recipient != "" && (strings.Contains(e.command, recipient) || strings.Contains(lowerASCII(e.said.text), recipient)):
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
