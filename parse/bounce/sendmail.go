package bounce

import (
	"strings"

	"github.com/bouncehouse/bouncehouse"
	"github.com/bouncehouse/bouncehouse/parse/values"
)

// Sendmail's reports in text alone (savemail.c, errbody): all of version 5
// (BSD, SunOS, Ultrix, IDA), and version 8 without SendMIMEErrors or with its
// MIME parts lost.
//
//	   ----- The following addresses had permanent fatal errors -----     8.7+
//	<user@example.net>
//	    (reason: 550 5.1.1 <user@example.net>... User unknown)            8.10+
//	    (expanded from: <list@example.com>)
//	   ----- The following addresses had delivery problems -----          8.6
//	user@example.net  (unrecoverable error)
//
//	   ----- Transcript of session follows -----
//	While talking to mx.example.net:                  version 8: ... while talking to mx.example.net.:
//	>>> RCPT To:<user@example.net>
//	<<< 550 No such user
//	550 <user@example.net>... User unknown
//	550 example.org (smtp)... 550 Host unknown
//	554 <user@example.org>... 550 Host unknown (Authoritative answer from name server)
//	421 example.com (smtp)... Deferred: Connection timed out during user open with example.com
//
//	   ----- Unsent message follows -----             version 8: Original message, Message header
//
// A line "CODE ADDRESS... text" is the result for that recipient. Its code is
// Sendmail's own; what the remote said stands behind <<< above it.
func readSendmail(m *mimePart) ([]report, error) {
	text := m.text()
	at := m.find("----- The following addresses had ")
	if at < 0 {
		if at = m.find("----- Transcript of session "); at < 0 {
			return nil, nil
		}
	}
	own, original := cutReturned(text)
	if at > len(own) {
		return nil, nil // quoted in what comes back
	}
	rep := report{mail: m, human: own, original: firstHeader(original, m.original())}
	if n := strings.Index(own, "The original message was received at "); n >= 0 {
		line, _ := values.CutLine(own, n+len("The original message was received at "))
		rep.arrival = values.Date(strings.TrimSpace(line))
	}
	s := sendmailReport{transcript: readTranscript(own).exchanges}
	s.read(own)

	warning := strings.Contains(own, "THIS IS A WARNING MESSAGE ONLY") || values.HasPrefixFold(m.subject(), "warning: ")
	expired := strings.Contains(m.subject(), "annot send message ") || saysExpired(own)
	for i := range s.blocks {
		b := &s.blocks[i]
		switch {
		case b.action != "":
		case warning:
			b.action = "delayed"
		case expired && (b.diagnostic == "" || strings.HasPrefix(b.text, "Deferred") ||
			strings.HasPrefix(typed(b.diagnostic).value, "4")):
			b.action = "expired"
		case strings.HasPrefix(b.text, "Deferred"):
			continue // stays in the queue, and is in this transcript by chance
		default:
			b.action = "failed"
		}
		rep.blocks = append(rep.blocks, *b)
	}
	if len(rep.blocks) == 0 {
		// 421 example.com (smtp)... Deferred: the host is named, not whom
		// the mail was for.
		b := block{action: "failed", text: s.last}
		if warning {
			b.action = "delayed"
		} else if expired {
			b.action = "expired"
		}
		for _, a := range rep.recipients() {
			b.recipient = a
			rep.blocks = append(rep.blocks, b)
		}
	}
	return rep.found()
}

// sendmailReport collects what a text says of each recipient.
type sendmailReport struct {
	transcript []exchange
	blocks     []block
	index      map[string]int // recipient, lower case: its block
	last       string         // the last result of a host
	loose      string         // the last line with a code that names nobody: 451 4.0.0 Operating system error
}

// read walks over the lines of the report.
func (s *sendmailReport) read(own string) {
	s.index = map[string]int{}
	var listing bool     // within a list of addresses
	var action string    // of that list
	var listed *block    // the address there under way
	var words []string   // a local mailer's own, since the last result
	from, next := 0, 0   // exchanges since the last result: from this offset; the first not before it
	var shared *exchange // what the results under way share
	for at := 0; at < len(own); {
		line, after := values.CutLine(own, at)
		here := at
		at = after
		line = strings.TrimRight(line, " \t")
		trimmed := strings.TrimLeft(line, " \t")
		if strings.HasPrefix(trimmed, "-----") {
			listing = strings.Contains(trimmed, "The following addresses had ")
			action, listed, words = listAction(trimmed), nil, nil
			from = here
			continue
		}
		if listing {
			switch {
			case trimmed == "":
			case len(trimmed) < len(line): // indented: (reason: ...), (expanded from: ...)
				if listed == nil {
					continue
				}
				if strings.HasPrefix(trimmed, "(reason: ") || listed.text == "" {
					listed.text = trimmed
				}
				if strings.HasPrefix(trimmed, "(expanded from: ") {
					listed.original = (typedValue{value: strings.TrimSuffix(trimmed[len("(expanded from: "):],
						")")}).address()
				}
			default:
				address, comment, _ := strings.Cut(trimmed, "  (")
				listed = s.add((typedValue{value: address}).address())
				if listed == nil {
					continue
				}
				listed.action = firstOf(listCommentAction(comment), action)
			}
			continue
		}
		if strings.HasPrefix(line, "<<<") || strings.HasPrefix(line, ">>>") || talkingTo(line) != "" {
			shared, words = nil, nil
			continue
		}
		recipient, result, host := sendmailResult(line)
		switch {
		case recipient != "":
			fresh := false
			for next < len(s.transcript) && s.transcript[next].at <= here {
				if s.transcript[next].at > from {
					shared, fresh = &s.transcript[next], true
				}
				next++
			}
			from = here
			if shared != nil && !fresh && !sameClass(line, shared.said.Code) {
				shared = nil
			}
			s.result(recipient, result, shared, words)
		case host:
			s.last = result
			shared, words = nil, nil
			if strings.Contains(result, "Host unknown") {
				from = here // this host's results follow, and no remote spoke
			}
		case bouncehouse.StartsWithCode(line):
			s.loose = bouncehouse.ParseReply(line).Text
			words = nil
		case trimmed != "":
			shared = nil
			if len(words) < 4 {
				words = append(words, trimmed)
			}
		}
	}
}

// fromTranscript takes from Sendmail's transcript what the machine's part
// lacks: before 8.10 it has no Diagnostic-Code, later none for what Sendmail
// itself or a local mailer says.
func (rep *report) fromTranscript(transcript []exchange) {
	var s *sendmailReport
	for i := range rep.blocks {
		b := &rep.blocks[i]
		if d := typed(b.diagnostic).value; b.text != "" || strings.Trim(d, "0123456789") != "" {
			continue
		}
		if s == nil {
			if !strings.Contains(rep.human, "----- Transcript of session follows") {
				return
			}
			s = &sendmailReport{transcript: transcript}
			s.read(rep.human)
		}
		if r := s.find(b, len(rep.blocks) == 1); r != nil && r.diagnostic != "" {
			b.diagnostic, b.stage = r.diagnostic, r.stage
			b.remote = firstOf(b.remote, r.remote)
		} else if len(rep.blocks) == 1 && s.loose != "" {
			b.diagnostic = "x-unix; " + s.loose
		}
	}
}

// find returns the transcript's block of a recipient, whom it names as it
// was given: without domain, or by an alias; only tells that there is no other.
func (s *sendmailReport) find(b *block, only bool) *block {
	local, _, _ := strings.Cut(b.recipient, "@")
	for _, name := range []string{b.recipient, b.original, local} {
		if n, ok := s.index[values.LowerASCII(name)]; ok {
			return &s.blocks[n]
		}
	}
	if only && len(s.blocks) == 1 {
		return &s.blocks[0]
	}
	return nil
}

// add returns the block of a recipient, making it where there is none.
func (s *sendmailReport) add(recipient string) *block {
	if recipient == "" || len(s.blocks) >= maxRecipients {
		return nil
	}
	key := values.LowerASCII(recipient)
	n, ok := s.index[key]
	if !ok {
		n = len(s.blocks)
		s.index[key] = n
		s.blocks = append(s.blocks, block{recipient: recipient})
	}
	return &s.blocks[n]
}

// result takes the transcript's result for one recipient; said is what the
// remote host said before it, words what a local mailer did.
func (s *sendmailReport) result(recipient, text string, said *exchange, words []string) {
	b := s.add(recipient)
	if b == nil || strings.HasPrefix(b.text, "(reason: ") && said == nil {
		return
	}
	if said != nil {
		b.stage, b.remote = said.said.Stage, said.said.Host
		if b.diagnostic == "" {
			b.diagnostic = said.reply
		}
	} else if r := bouncehouse.ParseReply(text); r.Code != 0 {
		text = r.Text // 550 Host unknown: Sendmail's own code
	}
	if !strings.HasPrefix(b.text, "(reason: ") {
		b.text = text
	}
	if b.diagnostic == "" {
		// mail.local: unknown user: kijitora
		// 554 <kijitora@example.net>... Service unavailable
		b.diagnostic = "x-unix; " + text
		if len(words) > 0 && vague(text) {
			b.diagnostic = "x-unix; " + strings.Join(words, " ")
		}
	}
}

// sameClass tells whether a result may be of a reply of that code that
// another recipient's result followed already.
func sameClass(line string, code uint16) bool {
	if bouncehouse.StartsWithCode(line) {
		return uint16(line[0]-'0') == code/100
	}
	return code < 500 // <user@example.net>... Deferred
}

// vague tells Sendmail's words that say that something else said why.
func vague(text string) bool {
	return strings.HasPrefix(text, "Service unavailable") || strings.HasPrefix(text, "unknown mailer error") ||
		strings.HasPrefix(text, "Can't create output")
}

// sendmailResult reads a line of the transcript that tells a result:
//
//	550 5.1.1 <user@example.net>... User unknown
//	554 user@example.net... Service unavailable
//	<user@example.net>... Deferred: Connection refused by mx.example.net.
//	user... Deferred: Connection refused by [127.0.0.1]
//	550 example.org (smtp)... 550 Host unknown             host
func sendmailResult(line string) (recipient, result string, host bool) {
	dots := strings.Index(line, "... ")
	if dots < 0 {
		return "", "", false
	}
	who, result := line[:dots], line[dots+4:]
	coded := bouncehouse.StartsWithCode(who) && len(who) > 4
	if coded {
		_, who = bouncehouse.CutEnhanced(who[4:])
	}
	switch {
	case strings.HasSuffix(who, ")"):
		return "", result, coded
	case who == "" || strings.ContainsAny(who, " \t"):
		return "", "", false
	case !coded && !strings.HasPrefix(who, "<") && !strings.HasPrefix(result, "Deferred"):
		return "", "", false
	case !strings.ContainsAny(who, "@!") && strings.Contains(who, "."):
		return "", result, coded // 550 example.org.tcp... 550 Host unknown
	}
	return (typedValue{value: who}).address(), result, false
}

// listAction returns what the heading of a list of addresses says of them.
func listAction(heading string) string {
	switch {
	case strings.Contains(heading, "permanent fatal errors"):
		return "failed"
	case strings.Contains(heading, "transient non-fatal errors"):
		return "delayed"
	case strings.Contains(heading, "successful delivery notifications"):
		return "delivered"
	}
	return ""
}

// listCommentAction returns what stands behind an address in such a list.
func listCommentAction(comment string) string {
	switch {
	case strings.HasPrefix(comment, "unrecoverable error"):
		return "failed"
	case strings.HasPrefix(comment, "transient failure"), strings.HasPrefix(comment, "warning"):
		return "delayed"
	case strings.HasPrefix(comment, "relayed to "), strings.HasPrefix(comment, "successfully relayed"):
		return "relayed"
	case strings.HasPrefix(comment, "expanded by "):
		return "expanded"
	case strings.HasPrefix(comment, "successfully delivered"):
		return "delivered"
	}
	return ""
}
