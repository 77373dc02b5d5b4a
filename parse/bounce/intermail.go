package bounce

import (
	"strings"

	"github.com/bouncehouse/bouncehouse"
	"github.com/bouncehouse/bouncehouse/parse/said"
	"github.com/bouncehouse/bouncehouse/parse/values"
)

// Bounce mails of Openwave (InterMail, Email Mx), whose subject is "Mail
// System Error - Returned Mail": of many carriers, KDDI's EZweb (au) among
// them, which puts a paragraph in Japanese before it. The reason stands in
// a sentence, the recipients follow:
//
//	This Message was undeliverable due to the following reason:
//
//	Your message was not delivered within 0 days and 1 hours.
//	Host mx.example.com is not responding.
//
//	The following recipients did not receive this message:
//
//	     <user@example.com>
//
//	Each of the following recipients was rejected by a remote mail server.
//	The reasons given by the server are included to help you determine why
//	each recipient was rejected.
//
//	    Recipient: <user@example.com>
//	    Reason:    5.1.1 User unknown
//
// EZweb's:
//
//	    Recipient: <user@ezweb.ne.jp>
//	    >>> RCPT TO:<user@ezweb.ne.jp>
//	    <<< 550 <user@ezweb.ne.jp>: User unknown
//
//	The user(s) account is disabled.
//
//	<user@ezweb.ne.jp>: 550 user unknown (in reply to RCPT TO command)
//
// and, of a filter by domain, the other way round:
//
//	<user@ezweb.ne.jp>
//
//	Each of the following recipients was rejected by a remote mail server.
//	---------------------------------------------------

// readInterMail reads them.
func readInterMail(m *mimePart) ([]report, error) {
	if !values.HasPrefixFold(m.subject(), "Mail System Error") &&
		!m.hasLine("this message was undeliverable due to the following reason:") {
		return nil, nil
	}
	text := m.text()
	rep := report{mail: m, human: text, original: m.original()}
	action := failedUnless(m)
	var before, after strings.Builder // the reason, before the recipients or behind them
	var open *block                   // the recipient under way
	var reply strings.Builder         // to him
	finish := func() {
		if open != nil && reply.Len() > 0 {
			open.diagnostic = strings.TrimSpace(open.diagnostic + " " + reply.String())
		}
		reply.Reset()
	}
	for at := 0; at < len(text) && len(rep.blocks) < maxRecipients; {
		line, next := values.CutLine(text, at)
		words := strings.Trim(line, " \t\r")
		if strings.HasPrefix(words, "-----") {
			rep.human = text[:at]
			rep.returns(text[next:])
			break
		}
		at = next
		address, answer := interMailRecipient(words)
		switch {
		case address != "":
			finish()
			rep.blocks = append(rep.blocks, block{recipient: address, action: action, diagnostic: answer})
			open = &rep.blocks[len(rep.blocks)-1]
		case open != nil && strings.HasPrefix(words, ">>> "):
			open.stage = said.Command(words[4:])
		case open != nil && strings.HasPrefix(words, "<<< "):
			addWords(&reply, words[4:])
		case open != nil && strings.HasPrefix(words, "Reason:"):
			reply.Reset()
			open.diagnostic = strings.TrimSpace(words[len("Reason:"):])
			open.status, _ = bouncehouse.CutEnhanced(open.diagnostic)
		case open != nil && (strings.HasPrefix(words, "MTA Response") || strings.HasPrefix(words, "Diagnostic:")):
			reply.Reset()
			_, open.diagnostic, _ = strings.Cut(words, ":")
			open.diagnostic = strings.TrimSpace(open.diagnostic)
		case words == "" || !isASCII(words) || strings.HasSuffix(words, ":") ||
			values.HasPrefixFold(words, "please reply to"):
		case open == nil:
			addWords(&before, words)
		default:
			addWords(&after, words)
		}
	}
	finish()
	if len(rep.blocks) == 0 {
		return nil, nil
	}
	reason := firstOf(before.String(), after.String())
	reason, _, _ = strings.Cut(reason, " The reasons given by the server are included")
	for i := range rep.blocks {
		rep.blocks[i].interMailReason(reason)
	}
	return []report{rep}, nil
}

// interMailReason gives a recipient without a reply of its own the reason
// that the mail has for all.
func (b *block) interMailReason(reason string) {
	if b.diagnostic == "" {
		b.diagnostic = reason
		if strings.Contains(reason, "not delivered within") && b.action == "failed" {
			b.action = "expired"
		}
		if _, host, ok := strings.Cut(reason, "Host "); ok {
			if host, _, ok = strings.Cut(host, " is not responding"); ok && isHost(host) {
				b.remote = host
			}
		}
	}
	if _, words := bouncehouse.CutEnhanced(b.diagnostic); b.status != "" {
		b.diagnostic = words
	}
	b.text = b.diagnostic
}

// interMailRecipient reads the line of a recipient, and the reply behind it.
func interMailRecipient(words string) (address, reply string) {
	words = strings.TrimLeft(strings.TrimPrefix(strings.TrimPrefix(words, "Recipient:"), "SMTP "), " ")
	if !strings.HasPrefix(words, "<") {
		return "", ""
	}
	a, rest, ok := strings.Cut(words[1:], ">")
	if !ok || !isAddress(a) {
		return "", ""
	}
	return a, strings.TrimLeft(rest, ": ")
}

// addWords appends words to b behind a space, as long as it is no longer than
// a paragraph.
func addWords(b *strings.Builder, words string) {
	if b.Len() >= maxParagraph {
		return
	}
	if b.Len() > 0 {
		b.WriteByte(' ')
	}
	b.WriteString(words[:min(len(words), maxParagraph)])
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
