package bounce

import (
	"strings"

	"github.com/bouncehouse/bouncehouse/parse/said"
	"github.com/bouncehouse/bouncehouse/parse/values"
)

// Bounce mails of no known form, in any language. Templates change, words are
// translated; what stays is that a program writes, says that something did
// not arrive, names the address, and cites a reply or gives a reason near it:
//
//	The following message could not be delivered:
//
//	   user@example.net
//	   550 5.1.1 No such user
//
// An address counts where a reply or a reason follows it, or where a sentence
// of failure introduces it; not where it is the sender's, the mail system's
// or part of a quoted header. Below the returned message nothing counts.

// Bounds of what is looked at in a text: its bytes, its lines, the addresses
// of one line. What a bounce mail has to say comes early.
const (
	maxProse          = 16 << 10
	maxProseLines     = 400
	maxProseAddresses = 200
)

// readProse reads what no other dialect knew.
func readProse(m *mimePart) ([]report, error) {
	if !noticeOfFailure(m) {
		return nil, nil
	}
	own, original := cutOriginal(m.text())
	own, original = values.ClipTo(own, maxProse), firstHeader(m.original(), original)
	rep := report{mail: m, original: original}
	p := prose{others: rep.otherAddresses()}
	p.read(own)
	rep.blocks = p.blocks(rep.failedRecipients())
	if len(rep.blocks) == 0 && (p.reply != "" || failureSubject(m.subject()) && speaksOfFailure(own)) {
		if to := values.OneAddress(original.get("To")); to != "" && !p.others[values.LowerASCII(to)] {
			b := block{recipient: to}
			b.tell(firstOf(p.reply, p.reason))
			rep.blocks = []block{b}
		}
	}
	if system, _ := author(m); len(rep.blocks) == 0 && system && failureSubject(m.subject()) &&
		(speaksOfFailure(m.subject()) || speaksOfFailure(own)) {
		// The only address of a mail system's failure notice.
		if a := p.only(); a != "" {
			b := block{recipient: a}
			b.tell(p.reason)
			rep.blocks = []block{b}
		}
	}
	rep.settle(own)
	return rep.found()
}

// otherAddresses are those that may stand in a report and are not the failed
// recipient: whom it was sent to, who wrote it, who wrote the message.
func (rep *report) otherAddresses() map[string]bool {
	others := map[string]bool{}
	add := func(texts ...string) {
		for _, v := range texts {
			if len(v) > 4096 {
				continue
			}
			for _, a := range addressesIn(v) {
				others[values.LowerASCII(a)] = true
			}
		}
	}
	h := rep.mail.header
	add(h.get("To"), h.get("From"), h.get("Reply-To"), h.get("Sender"), h.get("Return-Path"), h.get("Delivered-To"),
		h.get("Cc"))
	add(rep.original.get("From"), rep.original.get("Return-Path"), rep.original.get("Sender"),
		rep.original.get("Reply-To"))
	return others
}

// prose is what a text tells of the addresses in it.
type prose struct {
	others map[string]bool
	found  []proseMention
	reply  string // the first reply of the text, with the words that lead to it
	reason string // the first reason without one, else the first sentence of failure

	reasoned bool // reason is a reason
}

// proseMention is an address of the text and what is told of it.
type proseMention struct {
	address    string
	introduced bool     // by a sentence of failure
	labelled   bool     // as the recipient
	lead       string   // its line, where that gives a reason before the address
	words      []string // the lines from the address on
	gap        bool     // an empty line stands before the last of words
	done       bool
	shared     bool // what is told of the next is told of this one too

	told  string // words, joined: tells()
	reply int    // where in told a reply begins, or -1
	count int    // of the words in told
}

// tells returns what the words say, and where in it a reply begins.
func (m *proseMention) tells() (told string, reply int) {
	if m.count != len(m.words) {
		m.told, m.count = strings.Join(m.words, " "), len(m.words)
		m.reply = said.ReplyAt(m.told)
	}
	return m.told, m.reply
}

// read looks at each line once: an address opens a mention, what follows
// belongs to it.
func (p *prose) read(text string) {
	failure := 0 // lines since a sentence of failure, 0 where there was none
	n := 0
	for line := range values.Lines(text) {
		if n++; n > maxProseLines {
			return
		}
		line = strings.Trim(line, " \t\r\u00a0\u3000")
		if line == "" {
			p.blank()
			continue
		}
		if strings.Trim(line, "-=*_+ ") == "" || line[0] == '>' || line[0] == '|' ||
			quotesHeader(line) && !values.HasPrefixFold(line, "to:") && !recipientField(fieldName(line)) {
			p.close()
			continue
		}
		lower := values.LowerASCII(line)
		phrase := failurePhrases.in(line) || failure > 0 && introducers.in(line)
		at := said.ReplyAt(line)
		if p.reply == "" && at >= 0 {
			p.reply = line
		}
		if at < 0 && !p.reasoned {
			if reasoned := failureReasons.in(line); reasoned || phrase && p.reason == "" {
				p.reason, p.reasoned = line, reasoned
			}
		}
		addresses := addressesIn(line)
		kept, help := addresses[:0], len(addresses) > 0 && helpLine(line)
		for _, a := range addresses {
			if !help && !p.others[values.LowerASCII(a)] && !daemonAddress(a) && !helpAddress(line, a) &&
				len(p.found) < maxRecipients {
				kept = append(kept, a)
			}
		}
		first := -1
		if len(kept) > 0 {
			first = strings.Index(line, kept[0])
		}
		// "550 5.1.1 <user@example.net>: unknown" is the reply of the proseMention
		// that is open, or of its own address.
		if first >= 0 && !(at >= 0 && at < first && p.open(kept[0])) {
			p.close()
			leads := phrase || failureReasons.in(line[:first])
			for i, a := range kept {
				m := proseMention{address: a, introduced: phrase || failure > 0 && failure <= 6,
					labelled: labelsRecipient(lower)}
				if leads {
					m.lead = line
				}
				rest := line[first+len(a):]
				if i > 0 {
					rest = line[strings.Index(line, a)+len(a):]
				}
				if at >= 0 && at < first {
					rest = line[at:]
				}
				m.words = append(m.words, strings.TrimLeft(rest, ">)]\"'’,:;. \t：，。"))
				m.done, m.shared = i < len(kept)-1, i < len(kept)-1
				p.found = append(p.found, m)
			}
		} else if m := p.last(); m != nil && len(m.words) < 12 {
			if m.goesOn(line) {
				m.words = append(m.words, line)
			} else {
				m.done = true
			}
		}
		if phrase {
			failure = 1
		} else if failure > 0 {
			failure++
		}
	}
}

// goesOn tells whether line may go on with what m's words say: not where they
// have a reply and line is in another script or tells whom to turn to.
func (m *proseMention) goesOn(line string) bool {
	if _, reply := m.tells(); reply < 0 {
		return true
	}
	return followsReply(m.words[len(m.words)-1], line)
}

// followsReply tells whether line may go on with a reply of which the line
// before is a part.
func followsReply(before, line string) bool {
	return !helpLine(line) && (mostlyASCII(line) || !mostlyASCII(before))
}

// labelsRecipient tells lines that name the recipient with a label; lower is
// the line in lower case.
func labelsRecipient(lower string) bool {
	name, _, ok := strings.Cut(lower[:min(len(lower), 60)], ":")
	if !ok {
		return false
	}
	switch strings.Trim(name, " \t*-") {
	case "to", "rcpt to", "recipient", "recipients", "recipient address", "envelope-to", "envelope to",
		"original recipient", "final recipient", "failed recipient", "intended recipient", "sent to", "address",
		"email", "e-mail",
		"an", "empfänger", "destinataire", "destinatario", "destinatário", "ontvanger", "odbiorca", "получатель",
		"кому", "alıcı", "mottagare", "modtager", "宛先", "送信先", "수신자", "받는 사람":
		return true
	}
	return false
}

// open tells whether the last mention is still being read and is of that
// address or has no reply yet.
func (p *prose) open(address string) bool {
	m := p.last()
	if m == nil {
		return false
	}
	_, reply := m.tells()
	return strings.EqualFold(m.address, address) || reply < 0
}

func (p *prose) last() *proseMention {
	if n := len(p.found); n > 0 && !p.found[n-1].done {
		return &p.found[n-1]
	}
	return nil
}

func (p *prose) close() {
	if m := p.last(); m != nil {
		m.done = true
	}
}

// blank ends a mention's paragraph. One paragraph more belongs to it where
// the first told no reason: the reason stands in a paragraph of its own.
func (p *prose) blank() {
	m := p.last()
	if m == nil {
		return
	}
	told, reply := m.tells()
	if m.gap && strings.TrimSpace(told) != "" || reply >= 0 || failureReasons.in(told) {
		m.done = true
	}
	m.gap = true
}

// blocks makes blocks of the mentions that tell of a failure. Where the mail's
// header names the failed recipients, of these only.
func (p *prose) blocks(failed []string) []block {
	var out []block
	var replied []bool // beside out: the diagnostic has a reply
	seen := map[string]int{}
	add := func(recipient string) {
		seen[values.LowerASCII(recipient)] = len(out)
		out, replied = append(out, block{recipient: recipient}), append(replied, false)
	}
	for _, a := range failed {
		if _, dup := seen[values.LowerASCII(a)]; !dup {
			add(a)
		}
	}
	// What one line tells of all its addresses is read once.
	var tells, leads, common last[toldOf]
	for i := range p.found {
		m := &p.found[i]
		own := m
		for j := i; own.shared && j+1 < len(p.found); j++ {
			own = &p.found[j+1]
		}
		joined, _ := own.tells()
		t := tells.of(joined, readTold)
		if !t.reply && !t.reason && m.lead != "" {
			if lead := leads.of(m.lead, readTold); lead.reason {
				t = lead
				t.reply = false
			}
		}
		if !t.reply && !t.reason && !m.introduced {
			continue
		}
		n, dup := seen[values.LowerASCII(m.address)]
		if !dup {
			if len(failed) > 0 {
				continue
			}
			n = len(out)
			add(m.address)
		}
		switch b := &out[n]; {
		case !t.reply && !t.reason:
		case b.diagnostic == "":
			t.tell(b)
			replied[n] = t.cites
		case t.reply && !replied[n]:
			b.tell(t.words)
			replied[n] = said.ReplyAt(b.diagnostic) >= 0
		}
	}
	if len(out) == 0 && (p.reply != "" || p.reason != "") {
		// A table of the message's fields, and the reason elsewhere.
		for i := range p.found {
			if a := p.found[i].address; p.found[i].labelled && seen[values.LowerASCII(a)] == 0 {
				out = append(out, block{recipient: a})
				seen[values.LowerASCII(a)] = len(out)
			}
		}
	}
	for i := range out {
		if out[i].diagnostic == "" && (len(out) == 1 || p.reply == "") {
			t := common.of(firstOf(p.reply, p.reason), readTold)
			t.tell(&out[i])
		}
	}
	return out
}

// toldOf is what words tell of a recipient.
type toldOf struct {
	words  string
	reply  bool  // they cite one
	reason bool  // they give a reason in words
	says   block // what block.tell makes of them
	cites  bool  // its diagnostic has a reply
}

func readTold(words string) toldOf {
	t := toldOf{words: strings.TrimSpace(words)}
	t.reply, t.reason = said.ReplyAt(t.words) >= 0, failureReasons.in(t.words)
	t.says.tell(t.words)
	t.cites = said.ReplyAt(t.says.diagnostic) >= 0
	return t
}

// tell makes it what b says, of which nothing is known but the recipient.
func (t *toldOf) tell(b *block) {
	recipient := b.recipient
	*b = t.says
	b.recipient = recipient
}

// only returns the address that is the only one of the text, if one is.
func (p *prose) only() string {
	if len(p.found) == 0 {
		return ""
	}
	for i := range p.found {
		if !strings.EqualFold(p.found[i].address, p.found[0].address) {
			return ""
		}
	}
	return p.found[0].address
}

// settle sets what all blocks of a text have: the text is done with, and it
// tells whether the mail system goes on trying.
func (rep *report) settle(text string) {
	action := "failed"
	if saysDelayed(text) {
		action = "delayed"
	}
	expired := action == "failed" && saysExpired(values.ClipTo(text, maxSearched))
	for i := range rep.blocks {
		b := &rep.blocks[i]
		if expired && b.action == "" && !strings.HasPrefix(b.diagnostic, "5") {
			b.action = "expired"
		}
		b.action = firstOf(b.action, action)
		b.text = firstOf(b.text, b.diagnostic, " ")
	}
}

// helpLeads stand before addresses to turn to; helpWords in lines that say
// whom to turn to, unless they tell of a failure too, as failureWords do.
var (
	helpLeads = newPhrases("contact", "write to", "email us", "mail us", "ask ", "questions", "help", "assistance",
		"kontakt", "联系", "聯絡", "咨询", "問い合わせ")
	helpWords = newPhrases("contact ", "for help", "for assistance", "further assistance", "please send",
		"please forward", "questions", "message-id", "message id", "contacter", "contacte", "联系", "聯絡", "お問い合わせ")
	failureWords = newPhrases("deliver", "failed", "550", "554", "553", "552", "551", "5.1.", "unknown", "not found",
		"投递", "退")
)

// helpAddress tells addresses to turn to, by the words before them in their
// line.
func helpAddress(line, address string) bool {
	at := strings.Index(line, address)
	return at >= 0 && helpLeads.in(line[max(0, at-30):at])
}

// helpLine tells lines that say whom to turn to and nothing of a failure.
func helpLine(line string) bool { return helpWords.in(line) && !failureWords.in(line) }
