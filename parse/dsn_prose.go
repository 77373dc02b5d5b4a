package parse

import (
	"net/netip"
	"strings"

	"github.com/bouncehouse/bouncehouse"
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
	if m.original() != nil {
		original = m.original()
	}
	own = own[:min(len(own), maxProse)]
	rep := report{mail: m, original: original}
	p := prose{others: rep.otherAddresses()}
	p.read(own)
	var failed []string
	for _, f := range strings.FieldsFunc(m.header.get("X-Failed-Recipients"), func(r rune) bool { return r == ',' || r == ' ' || r == ';' }) {
		if a := (typedValue{value: f}).address(); strings.Contains(a, "@") && len(failed) < maxRecipients {
			failed = append(failed, a)
		}
	}
	rep.blocks = p.blocks(failed)
	if len(rep.blocks) == 0 && (p.reply != "" || failureSubject(m.subject()) && speaksOfFailure(lowerASCII(own))) {
		if to := oneAddress(original.get("To")); to != "" && !p.others[lowerASCII(to)] {
			b := block{recipient: to}
			b.tell(firstOf(p.reply, p.reason))
			rep.blocks = []block{b}
		}
	}
	if system, _ := author(m); len(rep.blocks) == 0 && system && failureSubject(m.subject()) && (speaksOfFailure(lowerASCII(m.subject())) || speaksOfFailure(lowerASCII(own))) {
		// The only address of a mail system's failure notice.
		if a := p.only(); a != "" {
			b := block{recipient: a}
			b.tell(p.reason)
			rep.blocks = []block{b}
		}
	}
	if len(rep.blocks) == 0 {
		return nil, nil
	}
	rep.settle(own)
	return []report{rep}, nil
}

// noticeOfFailure tells mails that a program wrote to say that something did
// not arrive.
func noticeOfFailure(m *mimePart) bool {
	if isMultipart(m.media) && m.media == "multipart/report" && m.params["report-type"] != "" && !strings.EqualFold(m.params["report-type"], "delivery-status") {
		return false // a receipt (RFC 8098), or another kind
	}
	system, program := author(m)
	switch {
	case !system && !program, fromList(m), asksBack(m.subject()):
		return false
	case saysSuccess(m.subject()):
		return false
	case failureSubject(m.subject()):
		return system || speaksOfFailure(m.lower()) // a shop's goods are returned too
	}
	// A report on the server's log tells of failures further down.
	return system && containsAny(m.lower()[:min(len(m.lower()), maxLead)], failurePhrases)
}

// saysSuccess tells subjects of receipts: Delivery Status Notification (Success).
func saysSuccess(subject string) bool {
	lower := strings.ToLower(subject[:min(len(subject), 200)])
	return containsAny(lower, []string{"success", "(relay", "relayed", "erfolgreich", "réussi", "投递成功", "发送成功", "送达成功"}) && !containsAny(lower, []string{"unsuccess", "not success", "failure", "failed", "不成功", "未"})
}

// maxLead is where in a text a bounce mail has said what it is.
const maxLead = 500

// asksBack tells subjects of mails that hold a message until someone acts: a
// challenge to its sender, a moderator's queue, a quarantine.
func asksBack(subject string) bool {
	return containsAny(strings.ToLower(subject[:min(len(subject), 200)]), []string{"confirm", "verif", "awaits", "awaiting", "approval", "moderat", "quarantin", "challenge", "bestätig", "please release", "确认", "审核", "隔离"})
}

// writtenBySystem tells mails that a mail system or another program wrote.
func writtenBySystem(m *mimePart) bool {
	system, program := author(m)
	return system || program
}

// author tells who wrote m: a mail system, by the null return path or the
// sender; a program, by its own word.
func author(m *mimePart) (system, program bool) {
	for i := range m.header {
		f := &m.header[i]
		switch {
		case strings.EqualFold(f.name, "Return-Path"):
			path := f.value()
			system = system || path == "<>" || daemonAddress(angled(path))
		case strings.EqualFold(f.name, "From"):
			from := f.value()
			system = system || daemonAddress(angled(from)) || containsAny(lowerASCII(from), []string{"mail delivery", "mailer-daemon", "mailer daemon", "postmaster", "mail administrator", "mail system"})
		case strings.EqualFold(f.name, "Auto-Submitted"):
			program = program || hasPrefixFold(f.value(), "auto-")
		case strings.EqualFold(f.name, "X-Failed-Recipients"):
			system = true
		}
	}
	return system, program
}

// cutOriginal cuts text where the returned message or its header begins, and
// returns what stands before it and the header.
func cutOriginal(text string) (string, mimeHeader) {
	for at := 0; at < len(text); {
		line, next := cutLine(text, at)
		bare := strings.TrimLeft(line, " \t")
		switch {
		case returnsMessage(bare), quotesOriginal(bare):
			return text[:at], originalHeader(text[next:])
		case strings.HasPrefix(line, "Received:"), strings.HasPrefix(line, "Return-Path:"):
			return text[:at], originalHeader(text[at:])
		}
		at = next
	}
	return text, nil
}

// quotesOriginal tells lines that begin the returned message, of systems that
// have no dialect of their own.
func quotesOriginal(line string) bool {
	if len(line) < 60 && (strings.Contains(line, "follow") || strings.Contains(line, "copy of")) {
		switch lower := strings.TrimRight(lowerASCII(line), ".: \t\r"); {
		case strings.HasSuffix(lower, "follows"), strings.HasSuffix(lower, "follow"), strings.HasSuffix(lower, "copy of the original message"):
			if containsAny(lower, []string{"message", "header", "mail"}) {
				return true
			}
		}
	}
	if line == "" || line[0] != '-' && line[0] != '=' && line[0] != '*' && line[0] != '_' && line[0] != '#' {
		return false
	}
	words := strings.ToLower(strings.Trim(line, "-=*_# \t\r"))
	if words == "" || len(words) > 120 {
		return false
	}
	return containsAny(words, []string{"original message", "original mail", "original header", "original email", "message header", "mail header", "headers follow", "header follow", "header of the original",
		"header and top", "returned message", "returned mail", "your message", "message text", "text of your", "copy of the message", "copy of your", "forwarded message", "message follows", "included is",
		"ursprüngliche nachricht", "originalnachricht", "message d'origine", "mensaje original", "mensagem original", "messaggio originale", "oorspronkelijk bericht", "исходное сообщение",
		"原邮件", "原始邮件", "原信", "邮件头", "信头", "原郵件", "原始郵件", "元のメッセージ", "元のメール", "원본 메시지", "원래 메시지"})
}

// otherAddresses are those that may stand in a report and are not the failed
// recipient: whom it was sent to, who wrote it, who wrote the message.
func (rep *report) otherAddresses() map[string]bool {
	others := map[string]bool{}
	add := func(values ...string) {
		for _, v := range values {
			if len(v) > 4096 {
				continue
			}
			for _, a := range addressesIn(v) {
				others[lowerASCII(a)] = true
			}
		}
	}
	h := rep.mail.header
	add(h.get("To"), h.get("From"), h.get("Reply-To"), h.get("Sender"), h.get("Return-Path"), h.get("Delivered-To"), h.get("Cc"))
	add(rep.original.get("From"), rep.original.get("Return-Path"), rep.original.get("Sender"), rep.original.get("Reply-To"))
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
}

// read looks at each line once: an address opens a mention, what follows
// belongs to it.
func (p *prose) read(text string) {
	failure := 0 // lines since a sentence of failure, 0 where there was none
	n := 0
	for line := range lines(text) {
		if n++; n > maxProseLines {
			return
		}
		line = strings.Trim(line, " \t\r\u00a0\u3000")
		if line == "" {
			p.blank()
			continue
		}
		if strings.Trim(line, "-=*_+ ") == "" || line[0] == '>' || line[0] == '|' || quotesHeader(line) && !hasPrefixFold(line, "to:") && !recipientField(fieldName(line)) {
			p.close()
			continue
		}
		lower := lowerASCII(line)
		phrase := containsAny(lower, failurePhrases) || failure > 0 && containsAny(lower, introducers)
		at := replyAt(line)
		if p.reply == "" && at >= 0 {
			p.reply = line
		}
		if at < 0 && (p.reason == "" || !p.reasoned) && (phrase || containsAny(lower, failureReasons)) {
			if reasoned := containsAny(lower, failureReasons); p.reason == "" || reasoned {
				p.reason, p.reasoned = line, reasoned
			}
		}
		addresses := addressesIn(line)
		kept, help := addresses[:0], len(addresses) > 0 && helpLine(lower)
		for _, a := range addresses {
			if !help && !p.others[lowerASCII(a)] && !daemonAddress(a) && !helpAddress(lower, a) && len(p.found) < maxRecipients {
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
			for i, a := range kept {
				m := proseMention{address: a, introduced: phrase || failure > 0 && failure <= 6, labelled: labelsRecipient(lower)}
				if containsAny(lower[:first], failureReasons) || phrase {
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
			if goesOn(m.words, line) {
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

// goesOn tells whether line may go on with what words say: not where they
// have a reply and line is in another script or tells whom to turn to.
func goesOn(words []string, line string) bool {
	if replyAt(strings.Join(words, " ")) < 0 {
		return true
	}
	return !helpLine(lowerASCII(line)) && (mostlyASCII(line) || !mostlyASCII(words[len(words)-1]))
}

// labelsRecipient tells lines that name the recipient with a label; lower is
// the line in lower case.
func labelsRecipient(lower string) bool {
	name, _, ok := strings.Cut(lower[:min(len(lower), 60)], ":")
	if !ok {
		return false
	}
	switch strings.Trim(name, " \t*-") {
	case "to", "rcpt to", "recipient", "recipients", "recipient address", "envelope-to", "envelope to", "original recipient", "final recipient", "failed recipient", "intended recipient", "sent to", "address", "email", "e-mail",
		"an", "empfänger", "destinataire", "destinatario", "destinatário", "ontvanger", "odbiorca", "получатель", "кому", "alıcı", "mottagare", "modtager", "宛先", "送信先", "수신자", "받는 사람":
		return true
	}
	return false
}

// open tells whether the last mention is still being read and is of that
// address or has no reply yet.
func (p *prose) open(address string) bool {
	m := p.last()
	return m != nil && (strings.EqualFold(m.address, address) || replyAt(strings.Join(m.words, " ")) < 0)
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
	told := strings.Join(m.words, " ")
	if m.gap && strings.TrimSpace(told) != "" || replyAt(told) >= 0 || containsAny(lowerASCII(told), failureReasons) {
		m.done = true
	}
	m.gap = true
}

// blocks makes blocks of the mentions that tell of a failure. Where the mail's
// header names the failed recipients, of these only.
func (p *prose) blocks(failed []string) []block {
	var out []block
	seen := map[string]int{}
	for _, a := range failed {
		if _, dup := seen[lowerASCII(a)]; !dup {
			seen[lowerASCII(a)] = len(out)
			out = append(out, block{recipient: a})
		}
	}
	for i := range p.found {
		m := &p.found[i]
		own := m
		for j := i; own.shared && j+1 < len(p.found); j++ {
			own = &p.found[j+1]
		}
		told := strings.TrimSpace(strings.Join(own.words, " "))
		at := replyAt(told)
		reason := at >= 0 || containsAny(lowerASCII(told), failureReasons)
		if !reason && m.lead != "" && containsAny(lowerASCII(m.lead), failureReasons) {
			told, reason = m.lead, true
		}
		if !reason && !m.introduced {
			continue
		}
		n, dup := seen[lowerASCII(m.address)]
		if !dup {
			if len(failed) > 0 {
				continue
			}
			n = len(out)
			seen[lowerASCII(m.address)] = n
			out = append(out, block{recipient: m.address})
		}
		if out[n].diagnostic == "" || at >= 0 && replyAt(out[n].diagnostic) < 0 {
			if reason {
				out[n].tell(told)
			}
		}
	}
	if len(out) == 0 && (p.reply != "" || p.reason != "") {
		// A table of the message's fields, and the reason elsewhere.
		for i := range p.found {
			if a := p.found[i].address; p.found[i].labelled && seen[lowerASCII(a)] == 0 {
				out = append(out, block{recipient: a})
				seen[lowerASCII(a)] = len(out)
			}
		}
	}
	for i := range out {
		if out[i].diagnostic == "" && (len(out) == 1 || p.reply == "") {
			out[i].tell(firstOf(p.reply, p.reason))
		}
	}
	return out
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
	if saysWaiting(lowerASCII(text)) || saysRetrying(text) {
		action = "delayed"
	}
	expired := action == "failed" && saysExpired(strings.ReplaceAll(lowerASCII(text[:min(len(text), maxSearched)]), "delivered for the following", ""))
	for i := range rep.blocks {
		b := &rep.blocks[i]
		if expired && b.action == "" && !strings.HasPrefix(b.diagnostic, "5") {
			b.action = "expired"
		}
		b.action = firstOf(b.action, action)
		b.text = firstOf(b.text, b.diagnostic, " ")
	}
}

// saysWaiting tells warnings of mail systems that go on trying; saysRetrying
// knows the words of the great ones.
func saysWaiting(lower string) bool {
	return containsAny(lower[:min(len(lower), maxSearched)], []string{"warning message only", "this is only a warning", "has been delayed", "is delayed", "delivery delayed", "temporary non-fatal", "not yet been delivered", "has not been delivered yet", "will continue to try",
		"will continue trying", "attempts will continue", "still trying", "will be attempted", "keep trying", "retrying", "attempts to deliver this message are pending", "还会继续", "将继续尝试", "继续尝试投递", "會繼續嘗試", "繼續嘗試", "再送を試み", "再送信を試み", "warteschlange und wird"})
}

// helpAddress tells addresses to turn to, by the words before them in their
// line, which is in lower case.
func helpAddress(lower, address string) bool {
	at := strings.Index(lower, lowerASCII(address))
	return at >= 0 && containsAny(lower[max(0, at-30):at], []string{"contact", "write to", "email us", "mail us", "ask ", "questions", "help", "assistance", "kontakt", "联系", "聯絡", "咨询", "問い合わせ"})
}

// helpLine tells lines, in lower case, that say whom to turn to and nothing of
// a failure.
func helpLine(lower string) bool {
	return containsAny(lower, []string{"contact ", "for help", "for assistance", "further assistance", "please send", "please forward", "questions", "message-id", "message id", "contacter", "contacte", "联系", "聯絡", "お問い合わせ"}) &&
		!containsAny(lower, []string{"deliver", "failed", "550", "554", "553", "552", "551", "5.1.", "unknown", "not found", "投递", "退"})
}

// tell makes of words, which may cite a reply, what b says.
func (b *block) tell(words string) {
	words = cutLead(strings.TrimSpace(words))
	if words == "" {
		return
	}
	b.diagnostic = words
	at := replyAt(words)
	if at == 0 && (words[3] == ':' || strings.HasPrefix(words[3:], " - ")) { // 550: 5.1.1 No such user
		b.diagnostic = words[:3] + " " + strings.TrimLeft(words[4:], ":- ")
	}
	if at < 0 { // Sorry, no mailbox here by that name. (#5.1.1)
		if _, code, ok := strings.Cut(words, "(#"); ok && b.status == "" {
			b.status = statusCode(code)
		}
	}
	if at <= 0 {
		return
	}
	own := words[:at]
	if n := replyWithin(words, lowerASCII(words)); n < 0 || n > at {
		b.diagnostic = cited(words, at) // else readSentence finds it
	}
	host, ip := whoAnswered(own)
	if !ip.IsValid() {
		ip = bracketedIP(own)
	}
	switch {
	case host != "":
		b.remote = host + " (" + ip.String() + ")"
	case ip.IsValid():
		b.remote = ip.String()
	}
	lower := lowerASCII(own)
	if b.stage == "" {
		b.stage = stageWithin(lower)
	}
	for _, verb := range []string{"rcpt to", "mail from", "end of data", "starttls", "ehlo", "helo"} {
		if b.stage == "" && strings.Contains(lower, verb) {
			b.stage = stageOf(verb)
		}
	}
}

// cutLead cuts "原因如下：" and its like off: what comes before the first colon,
// where it is in another script than what comes behind.
func cutLead(words string) string {
	for _, colon := range []string{"：", ":"} {
		lead, rest, ok := strings.Cut(words[:min(len(words), 80)], colon)
		if ok && lead != "" && !strings.ContainsFunc(lead, func(r rune) bool { return r < 0x80 && r != ' ' && r != ',' }) && rest != "" {
			return strings.TrimLeft(words[len(lead)+len(colon):], " \t\u3000")
		}
	}
	return words
}

// bracketedIP finds an address in brackets.
func bracketedIP(s string) netip.Addr {
	for at := 0; at < len(s); at++ {
		n := strings.IndexAny(s[at:], "[(")
		if n < 0 {
			break
		}
		at += n
		if end := strings.IndexAny(s[at:min(len(s), at+60)], "])"); end > 0 {
			if ip, ok := parseIP(s[at+1 : at+end]); ok {
				return ip
			}
		}
	}
	return netip.Addr{}
}

// replyAt returns where in s a reply begins: a code of class 4 or 5 at the
// beginning, behind punctuation, a word of another script or a word that
// leads to it; or before an enhanced code. A number alone is none: "more than
// 500 recipients". It returns -1 where there is none.
func replyAt(s string) int {
	for i := 0; i+3 <= len(s); i++ {
		if c := s[i]; c != '4' && c != '5' || s[i+1]-'0' > 9 || s[i+2]-'0' > 9 {
			continue
		}
		rest := s[i+3:]
		if len(rest) < 3 || rest[0] != ' ' && rest[0] != '-' && (rest[0] != ':' || rest[1] != ' ' || i > 0) {
			continue
		}
		if i > 0 && (s[i-1]-'0' <= 9 || s[i-1] == '.' || s[i-1] == '-' || s[i-1] == '/' || s[i-1] == '=' || s[i-1]|0x20 >= 'a' && s[i-1]|0x20 <= 'z') {
			continue
		}
		if enhancedLen(strings.TrimLeft(rest[1:], "#(")) > 0 || leadsToReply(s[:i]) {
			return i
		}
	}
	return -1
}

func leadsToReply(before string) bool {
	trimmed := strings.TrimRight(before, " \t")
	if trimmed == "" {
		return true
	}
	switch c := trimmed[len(trimmed)-1]; {
	case c >= 0x80, strings.IndexByte(":<>'\"([,;|=", c) >= 0:
		return true
	}
	word := lowerASCII(trimmed[strings.LastIndexAny(trimmed, " \t:(")+1:])
	switch word {
	case "said", "error", "code", "replied", "reply", "response", "responded", "returned", "status", "smtp", "esmtp", "message", "reason", "was", "with", "because", "answer", "answered", "diagnostic", "is", "-", "--", "->", "<-", "<--", "<<<":
		return true
	}
	return false
}

// addressesIn returns the mail addresses of a line, the first of very many.
func addressesIn(s string) []string {
	var found []string
	for at := 0; at < len(s) && len(found) < maxProseAddresses; {
		n := strings.IndexByte(s[at:], '@')
		if n < 0 {
			break
		}
		n += at
		start, end := n, n+1
		for start > at && addressByte(s[start-1]) {
			start--
		}
		for end < len(s) && (s[end]-'0' <= 9 || s[end]|0x20 >= 'a' && s[end]|0x20 <= 'z' || s[end] == '.' || s[end] == '-' || s[end] == '_') {
			end++
		}
		domain := strings.TrimRight(s[n+1:end], ".-_")
		local := strings.TrimLeft(s[start:n], "'.-=")
		if local != "" && strings.IndexByte(domain, '.') > 0 && !strings.Contains(domain, "..") && len(local) <= 256 && !inURL(s[:start+1]) {
			found = append(found, local+"@"+domain)
		}
		at = max(end, n+1)
	}
	return found
}

// inURL tells whether the word that before ends within is a link.
func inURL(before string) bool {
	word := before[strings.LastIndexAny(before, " \t<>\"'(")+1:]
	return strings.Contains(word, ":/") || strings.HasPrefix(word, "www.") || strings.HasPrefix(word, "/")
}

// addressByte tells bytes of a local part that need no quotes.
func addressByte(c byte) bool {
	return c-'0' <= 9 || c|0x20 >= 'a' && c|0x20 <= 'z' || strings.IndexByte(".!#$%&'*+-/=?^_`{|}~", c) >= 0
}

// connectBlock sets what a sentence tells that no host answered.
func (b *block) connectBlock(ip netip.Addr, host string) {
	b.stage = bouncehouse.StageConnect
	switch {
	case host != "" && ip.IsValid():
		b.remote = host + " (" + ip.String() + ")"
	case ip.IsValid():
		b.remote = ip.String()
	case host != "":
		b.remote = host
	}
}
