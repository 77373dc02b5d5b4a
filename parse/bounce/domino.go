package bounce

import (
	"strings"

	"github.com/bouncehouse/bouncehouse/parse/said"
	"github.com/bouncehouse/bouncehouse/parse/values"
)

// Bounce mails of HCL (IBM, Lotus) Domino, and of the SMTP gateway that Notes
// had before it. Domino writes RFC 3464, but its own words stand where other
// systems have the reply, in the language of the server, and the machine part
// folds them within words; the text for people has them whole:
//
//	Your message
//
//	  Subject: Minutes
//
//	was not delivered to:
//
//	  user@example.com
//
//	because:
//
//	  Error transferring to mx.example.com; SMTP Protocol Returned a Permanent Error 550 5.1.1 User unknown
//
//	Diagnostic-Code: X-Notes; Error transferring to mx.example.com; SMTP Pro
//	 tocol Returned a Permanent Error 550 5.1.1 User unknown
//
// The gateway (Lotus SMTP MTA):
//
//	------- Failure Reasons  --------
//
//	User not listed in public Name & Address Book
//	user@example.com
//
//	------- Returned Message --------

// readDomino reads a report of Domino, with its machine part or without.
func readDomino(m *mimePart) ([]report, error) {
	status := m.content().status
	if len(status) > 0 && !strings.Contains(status[0].raw, "X-Notes") {
		return nil, nil
	}
	if len(status) == 0 && !values.HasPrefixFold(m.subject(), "DELIVERY FAILURE:") {
		return nil, nil
	}
	rep := newReport(m)
	recipients, reason := dominoReason(rep.human)
	if len(rep.blocks) == 0 && reason != "" {
		for _, a := range recipients {
			rep.blocks = append(rep.blocks, block{recipient: a, action: "failed", diagnostic: "X-Notes; " + reason})
		}
		if rep.original == nil {
			rep.human, rep.original = cutReturned(rep.human)
		}
	}
	for i := range rep.blocks {
		reason := values.ClipTo(reason, m.work.window())
		m.work.windows -= len(reason)
		rep.blocks[i].readNotes(reason)
	}
	return rep.found()
}

// readNotes reads Domino's words: those of the text for people, whole, where
// they are the diagnostic's.
func (b *block) readNotes(whole string) {
	words := typed(b.diagnostic).value
	if words == "" || sameLetters(words, whole) {
		words = whole
	}
	if words == "" {
		return
	}
	host, reply := dominoReply(words)
	b.text, b.diagnostic = words, "X-Notes; "+words
	if b.remote == "" {
		b.remote = host
	}
	if reply != "" {
		b.text, b.diagnostic = reply, "smtp; "+reply
	}
}

// sameLetters tells whether a and b are equal but for blanks.
func sameLetters(a, b string) bool {
	i, j := 0, 0
	for {
		for i < len(a) && (a[i] == ' ' || a[i] == '\t') {
			i++
		}
		for j < len(b) && (b[j] == ' ' || b[j] == '\t') {
			j++
		}
		switch {
		case i == len(a) || j == len(b):
			return i == len(a) && j == len(b)
		case a[i] != b[j]:
			return false
		}
		i, j = i+1, j+1
	}
}

// dominoReply finds the host and the reply in Domino's words. Both are found
// by their form: "... HOST; ... SMTP ... 550 5.1.1 text" stands in every
// language's words.
func dominoReply(words string) (host, reply string) {
	rest := words
	if first, after, ok := strings.Cut(words, ";"); ok {
		if h := strings.TrimRight(first[strings.LastIndexByte(first, ' ')+1:], "."); isHost(h) {
			host, rest = h, after
		}
	}
	smtp := strings.Index(rest, "SMTP")
	if smtp < 0 {
		return host, ""
	}
	for at := smtp; ; {
		n := strings.IndexAny(rest[at:], "45")
		if n < 0 {
			return host, ""
		}
		at += n
		if r := rest[at:]; rest[at-1] == ' ' && len(r) > 4 && said.IsReply(r) {
			return host, strings.TrimSpace(r)
		}
		at++
	}
}

// dominoReason returns whom the text names and why. The words between are
// translated; the recipients and the reason stand indented between lines that
// are not and end with a colon.
func dominoReason(text string) (recipients []string, reason string) {
	var indented []string
	var last []string // the indented lines before those
	lead := ""
	flush := func() {
		if a := dominoAddresses(indented); len(a) > 0 {
			last = a
		}
		indented = indented[:0]
	}
	for line := range values.Lines(text) {
		words := strings.Trim(line, " \t\r")
		switch {
		case words == "":
		case indentOf(line) == 0:
			if len(last) > 0 && len(indented) > 0 {
				return last, strings.Join(indented, " ")
			}
			if flush(); returnsMessage(line) {
				return last, ""
			}
			lead = words
		case strings.HasSuffix(lead, ":") || strings.HasSuffix(lead, "\uff1a"):
			if len(indented) < maxRecipients {
				indented = append(indented, words)
			}
		}
	}
	if len(last) > 0 {
		reason = strings.Join(indented, " ")
	}
	return last, reason[:min(len(reason), maxParagraph)]
}

// dominoAddresses returns the addresses that lines consist of; nothing where
// one of them is none: these are the subject, or the reason.
func dominoAddresses(lines []string) []string {
	var found []string
	for _, l := range lines {
		if !isAddress(l) {
			return nil
		}
		found = append(found, l)
	}
	return found
}

// readNotesGateway reads a report of the gateway: reason and recipient in
// turn.
func readNotesGateway(m *mimePart) ([]report, error) {
	text := m.text()
	at := m.find("------- Failure Reasons ")
	if at < 0 || at > 0 && text[at-1] != '\n' {
		return nil, nil
	}
	rep := report{mail: m, human: text, original: m.original()}
	_, at = values.CutLine(text, at)
	var reason strings.Builder
	for at < len(text) {
		line, next := values.CutLine(text, at)
		at = next
		words := strings.Trim(line, " \t\r<>")
		switch {
		case strings.HasPrefix(words, "------- "):
			rep.human = text[:next]
			rep.returns(text[next:])
			at = len(text)
		case isAddress(words):
			rep.add(block{recipient: words, action: "failed", diagnostic: reason.String(), text: reason.String()})
			reason.Reset()
		case words != "":
			addWords(&reason, words)
		}
	}
	if len(rep.blocks) == 0 {
		return nil, errNoRecipient
	}
	return []report{rep}, nil
}
