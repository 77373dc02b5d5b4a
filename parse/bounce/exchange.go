package bounce

import (
	"strings"

	"github.com/bouncehouse/bouncehouse"
	"github.com/bouncehouse/bouncehouse/parse/said"
	"github.com/bouncehouse/bouncehouse/parse/values"
)

// Bounce mails of Microsoft's servers, where they are no RFC 3464 or where
// their text tells more than their machine part does. The words around are
// translated into every language that Office has; what is looked for here is
// what stays: the codes, the marks around them, the addresses.
//
// Exchange 5.5 (Internet Mail Service):
//
//	did not reach the following recipient(s):
//
//	user@example.com on Thu, 29 Oct 2026 10:00:00 +0000
//	    The recipient name is not recognized
//		The MTS-ID of the original message is: c=us;a= ;p=example;l=MAIL-261029100000Z-1
//	    MSEXCH:IMS:Example:SITE:MAIL 0 (000C05A6) Unknown Recipient
//	    MSEXCH:IMS:Example:SITE:MAIL 3550 (000B09B6) 550 5.7.1 Unable to relay
//
//	The following recipients did not receive the attached mail. Reasons are listed with each recipient:
//
//	<user@example.com> user@example.com
//		MSEXCH:IMS:Example:SITE:MAIL 0 (00010256) Too many recipients.
//
// and before it, without a line for the recipient:
//
//	Was not delivered for the following reasons:
//
//	Delivery failed due to unknown address
//	MSEXCH:IMS:Example:SITE:MAIL No proxy for Recipient
//
// Exchange 2000 and 2003 (also of Outlook, for a mail that never left):
//
//	      user@example.com on 10/29/2026 10:00 AM
//	            There was a SMTP communication problem with the recipient's email server.
//	            <mail.example.net #5.5.0 smtp;550 5.1.1 <user@example.com>... User unknown>
//
// Exchange 2007 and later: exchange_ndr.go.

// readOldExchange reads the reports of Exchange 5.5, 2000 and 2003, alone or
// beside a machine part: that has no more than X-Supplementary-Info.
func readOldExchange(m *mimePart) ([]report, error) {
	text := m.text()
	if !strings.Contains(text, " #") && !m.has("MSEXCH:") {
		return nil, nil
	}
	entries := oldExchangeEntries(text)
	if at := strings.Index(text, "MSEXCH:"); len(entries) == 0 && at >= 0 &&
		strings.Trim(text[strings.LastIndexByte(text[:at], '\n')+1:at], " \t") == "" {
		reason, _ := paragraphAt(text, paragraphStart(text, at))
		entries = append(entries, oldExchangeBlock("", reason))
	}
	if len(entries) == 0 {
		return nil, nil
	}
	rep := newReport(m)
	if len(rep.blocks) > 0 {
		rep.pair(entries, func(b, told *block) {
			if b.diagnostic == "" {
				b.diagnostic, b.text = told.diagnostic, told.text
			}
		})
		return []report{rep}, nil
	}
	action := failedUnless(m)
	for _, b := range entries {
		if b.recipient == "" && len(entries) == 1 {
			b.recipient = oldExchangeTo(&rep)
		}
		if b.recipient == "" {
			continue
		}
		b.action = action
		rep.blocks = append(rep.blocks, b)
	}
	if len(rep.blocks) == 0 {
		return nil, errNoRecipient
	}
	return []report{rep}, nil
}

// paragraphStart returns where the paragraph around offset at begins.
func paragraphStart(text string, at int) int {
	start := strings.LastIndexByte(text[:at], '\n') + 1
	for start > 0 {
		before := strings.LastIndexByte(text[:start-1], '\n') + 1
		if strings.TrimSpace(text[before:start]) == "" {
			break
		}
		start = before
	}
	return start
}

// failedUnless is the action of a report that tells it in words only.
func failedUnless(m *mimePart) string {
	if saysRetrying(m.text()) || m.hasFold("warning message only") {
		return "delayed"
	}
	return "failed"
}

// oldExchangeTo is the recipient where the report names him by his name in
// the directory: as the returned message addresses him, or the words about it.
//
//	Your message
//
//	  To:      user@example.com
//	  Subject: ...
func oldExchangeTo(rep *report) string {
	if found := rep.recipients(); len(found) == 1 {
		return found[0]
	}
	for line := range values.Lines(rep.human) {
		if line = strings.TrimLeft(line, " \t"); values.HasPrefixFold(line, "to:") {
			return addressIn(line)
		}
	}
	return ""
}

// oldExchangeEntries returns what text says of each recipient: a line with
// the name and the time, below it the reason in words, and at its end the
// mark by which the entry is known.
func oldExchangeEntries(text string) []block {
	var found []block
	var entry string // the line with the recipient
	indent := 0      // of it
	var reason strings.Builder
	previous := "" // line: the mark may stand on two
	marked := false
	flush := func() {
		if entry != "" && marked && len(found) < maxRecipients {
			found = append(found, oldExchangeBlock(entry, reason.String()))
		}
		entry, marked = "", false
		reason.Reset()
	}
	for line := range values.Lines(text) {
		words := strings.Trim(line, " \t\r")
		switch {
		case words == "":
			if marked {
				flush()
			}
		case (entry == "" || indentOf(line) <= indent) && (namesTime(words) || beginsAddress(words)):
			flush()
			entry, indent = words, indentOf(line)
		case entry != "":
			addWords(&reason, words)
			if !marked && strings.IndexByte(words, '#') >= 0 {
				_, _, _, marked = hashed(previous + " " + words[:min(len(words), 512)])
			}
			marked = marked || strings.HasPrefix(words, "MSEXCH:")
		}
		previous = words[max(0, len(words)-512):]
	}
	flush()
	return found
}

// namesTime tells the first line of an entry: it has a time of day, written
// as the server's country does, and is none of the fields of a message.
func namesTime(line string) bool {
	if fieldName(line) != "" || len(line) > 500 {
		return false
	}
	for i := 1; i+2 < len(line); i++ {
		if (line[i] == ':' || line[i] == '.') && line[i-1]-'0' <= 9 && line[i+1]-'0' <= 9 && line[i+2]-'0' <= 9 &&
			(line[i] == ':' || i+3 == len(line) || line[i+3] == ' ' || line[i+3] == ':' || line[i+3] == '.') {
			return true
		}
	}
	return false
}

// beginsAddress tells a line that begins with an address in angle brackets.
func beginsAddress(line string) bool {
	a, _, ok := strings.Cut(line, ">")
	return ok && a[:min(len(a), 1)] == "<" && isAddress(a[1:])
}

func oldExchangeBlock(entry, reason string) block {
	b := block{text: reason, diagnostic: reason}
	if words, after, ok := strings.Cut(reason, "MSEXCH:"); ok {
		words, _, _ = strings.Cut(words, "The MTS-ID of ")
		b.diagnostic = words + "MSEXCH:" + after
		if _, reply, ok := strings.Cut(after, ") "); ok && said.IsReply(reply) {
			b.diagnostic = reply
		}
		b.text = b.diagnostic
	}
	if _, after, ok := strings.Cut(entry, "SMTP="); ok { // c=US;a= ;p=Example;dda:SMTP=user@example.com; on Thu, ...
		entry, _, _ = strings.Cut(after, ";")
	}
	b.recipient = addressIn(entry)
	if status, reply, at, ok := hashed(reason); ok {
		b.status = status
		if b.diagnostic = strings.TrimSpace(reason[:at]); reply != "" {
			b.diagnostic = "smtp; " + reply
		}
		b.text = b.diagnostic
		if b.recipient == "" {
			b.recipient = addressIn(reply)
		}
	}
	return b
}

// hashed reads the mark in which Exchange puts its code, and the reply that
// it was given:
//
//	<mail.example.net #5.1.1>
//	<mail.example.net #5.5.0 smtp;550 5.1.1 <user@example.com>... User unknown>
//	< #5.7.1 smtp;550 5.7.1 Unable to relay>
//	<[192.0.2.1] #5.0.0 smtp; 5.1.0 - Unknown address error 550-'5.1.1 User unknown' (delivery attempts: 0)>
//
// The host is the server that writes the report. at is where the mark begins.
func hashed(s string) (status, reply string, at int, ok bool) {
	for n := 0; ; n += 2 {
		m := strings.Index(s[n:], " #")
		if m < 0 {
			return "", "", 0, false
		}
		n += m
		size := bouncehouse.EnhancedLen(s[n+2:])
		if size == 0 {
			continue
		}
		from := max(0, n-300) // a host's name is not longer
		if at = from + strings.LastIndexByte(s[from:n], '<'); at < from || strings.ContainsAny(s[at:n], " @") {
			continue
		}
		status = s[n+2 : n+2+size]
		rest := s[n+2+size:]
		if end := strings.LastIndexByte(rest, '>'); end >= 0 {
			rest = rest[:end]
		}
		_, reply, _ = strings.Cut(rest, ";")
		// Not the next field of X-Supplementary-Info.
		if reply = strings.TrimSpace(reply); !said.IsReply(reply) && bouncehouse.EnhancedLen(reply) == 0 {
			reply = ""
		}
		return status, reply, at, true
	}
}

// maxAddress is the length of the longest address: RFC 5321 section 4.5.3.1.
const maxAddress = 320

// isAddress tells whether s is an address and nothing else.
func isAddress(s string) bool {
	at := strings.LastIndexByte(s, '@')
	return at > 0 && at < len(s)-1 && len(s) <= maxAddress && !strings.ContainsAny(s, " \t<>()[],;:\"")
}

// addressIn returns the first address in s, without brackets and quotes.
func addressIn(s string) string {
	const ends = " \t\r\n<>()[],;:\"'`"
	for at := 0; ; {
		n := strings.IndexByte(s[at:], '@')
		if n < 0 {
			return ""
		}
		n += at
		from := strings.LastIndexAny(s[at:n], ends) + 1 + at
		to := min(len(s), n+maxAddress+1) // a longer one is none, and so is what @ goes on in it
		if m := strings.IndexAny(s[n+1:to], ends); m >= 0 {
			to = n + 1 + m
		}
		if a := strings.TrimRight(s[from:to], "."); from < n && n+1 < from+len(a) && len(a) <= maxAddress {
			return a
		}
		at = n + 1
	}
}
