package bounce

import (
	"strings"

	"github.com/bouncehouse/bouncehouse/parse/values"
)

// Whether a mail is a bounce mail at all, by who wrote it and what it says
// first; and where in its text the returned message begins.

// noticeOfFailure tells mails that a program wrote to say that something did
// not arrive.
func noticeOfFailure(m *mimePart) bool {
	if isMultipart(m.media) && m.media == "multipart/report" && m.reportType != "" &&
		!strings.EqualFold(m.reportType, "delivery-status") {
		return false // a receipt (RFC 8098), or another kind
	}
	system, program := author(m)
	switch {
	case !system && !program, fromList(m), asksBack(m.subject()):
		return false
	case saysSuccess(m.subject()):
		return false
	case failureSubject(m.subject()):
		return system || speaksOfFailure(m.text()) // a shop's goods are returned too
	}
	// A report on the server's log tells of failures further down.
	return system && failurePhrases.in(values.ClipTo(m.text(), maxLead))
}

// successTitles announce a receipt, where none of failedTitles does otherwise.
var (
	successTitles = newPhrases("success", "(relay", "relayed", "erfolgreich", "réussi", "投递成功", "发送成功", "送达成功")
	failedTitles  = newPhrases("unsuccess", "not success", "failure", "failed", "不成功", "未")
)

// saysSuccess tells subjects of receipts: Delivery Status Notification (Success).
func saysSuccess(subject string) bool {
	lower := strings.ToLower(values.ClipTo(subject, 200))
	return successTitles.in(lower) && !failedTitles.in(lower)
}

// maxLead is where in a text a bounce mail has said what it is.
const maxLead = 500

// challengeTitles are of mails that hold a message until someone acts: a
// challenge to its sender, a moderator's queue, a quarantine.
var challengeTitles = newPhrases("confirm", "verif", "awaits", "awaiting", "approval", "moderat", "quarantin",
	"challenge", "bestätig", "please release", "确认", "审核", "隔离")

// asksBack tells the subjects of such mails.
func asksBack(subject string) bool {
	return challengeTitles.in(strings.ToLower(values.ClipTo(subject, 200)))
}

// writtenBySystem tells mails that a mail system or another program wrote.
func writtenBySystem(m *mimePart) bool {
	system, program := author(m)
	return system || program
}

// systemNames are the names under which mail systems write.
var systemNames = newPhrases("mail delivery", "mailer-daemon", "mailer daemon", "postmaster", "mail administrator",
	"mail system")

// author tells who wrote m: a mail system, by the null return path or the
// sender; a program, by its own word.
func author(m *mimePart) (system, program bool) {
	for i := range m.header {
		f := &m.header[i]
		switch {
		case f.is("Return-Path"):
			path := f.value()
			system = system || path == "<>" || daemonAddress(values.Angled(path))
		case f.is("From"):
			from := f.value()
			system = system || daemonAddress(values.Angled(from)) || systemNames.in(from)
		case f.is("Auto-Submitted"):
			program = program || values.HasPrefixFold(f.value(), "auto-")
		case f.is("X-Failed-Recipients"):
			system = true
		}
	}
	return system, program
}

// cutOriginal cuts text where the returned message or its header begins, and
// returns what stands before it and the header.
func cutOriginal(text string) (string, mimeHeader) {
	for at := 0; at < len(text); {
		line, next := values.CutLine(text, at)
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

// originalTitles stand in the lines that begin the returned message, of
// systems that have no dialect of their own; messageWords, with "follows".
var (
	messageWords   = newPhrases("message", "header", "mail")
	originalTitles = newPhrases("original message", "original mail", "original header", "original email",
		"message header", "mail header", "headers follow", "header follow", "header of the original",
		"header and top", "returned message", "returned mail", "your message", "message text", "text of your",
		"copy of the message", "copy of your", "forwarded message", "message follows", "included is",
		"ursprüngliche nachricht", "originalnachricht", "message d'origine", "mensaje original", "mensagem original",
		"messaggio originale", "oorspronkelijk bericht", "исходное сообщение",
		"原邮件", "原始邮件", "原信", "邮件头", "信头", "原郵件", "原始郵件", "元のメッセージ", "元のメール", "원본 메시지", "원래 메시지")
)

// quotesOriginal tells such lines.
func quotesOriginal(line string) bool {
	if len(line) < 60 && (strings.Contains(line, "follow") || strings.Contains(line, "copy of")) {
		switch lower := strings.TrimRight(values.LowerASCII(line), ".: \t\r"); {
		case strings.HasSuffix(lower, "follows"), strings.HasSuffix(lower, "follow"),
			strings.HasSuffix(lower, "copy of the original message"):
			if messageWords.in(lower) {
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
	return originalTitles.in(words)
}
