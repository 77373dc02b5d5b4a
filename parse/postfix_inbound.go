package parse

import (
	"strings"

	"github.com/bouncehouse/bouncehouse"
)

// Clients that our own server refused:
//
//	QID|NOQUEUE: reject: RCPT from host[ip]: 554 5.7.1 text; from=<a> to=<b> proto=ESMTP helo=<h>   [smtpd/smtpd_check.c]
//	QID|NOQUEUE: milter-reject: END-OF-MESSAGE from host[ip]: 5.7.1 text; from=<a> to=<b> ...        [cleanup/cleanup_milter.c]
//	[QID: ]proxy-reject: END-OF-MESSAGE: 554 5.7.0 text; from=<a> to=<b> ...                         [smtpd/smtpd.c]
//	QID: reject: header Subject: x from host[ip]; from=<a> to=<b> proto=ESMTP helo=<h>: 5.7.1 text   [cleanup/cleanup_message.c]
//	NOQUEUE: reject: RCPT from [ip]:port: 550 5.7.1 text; from=<a>, to=<b>, proto=ESMTP, helo=<h>    [postscreen/postscreen_smtpd.c]
//	NOQUEUE: reject: CONNECT from [ip]:port: too many connections                                    [postscreen/postscreen.c]
//
// No refusals are reject_warning, warn, filter, hold, redirect, discard,
// bcc, prepend, proxy-accept, info and what comes after "lost connection".
//
// The client chooses its HELO name, its addresses and the message's lines,
// and all of them are quoted: what they hold must not be taken for the
// fields behind them.
func (p *postfix) refusal(r *bouncehouse.Record, h *headReader, e *entry, id, rest string, res *bouncehouse.Result) error {
	_, rest, _ = strings.Cut(rest, ": ")
	var f refusal
	if !f.read(rest) {
		res.Unread++
		return nil
	}
	at, err := h.clock.time(r, &e.stamp)
	if err != nil {
		return err
	}
	ev := newEvent(res)
	ev.Time, ev.Host, ev.QueueID = at, e.host, id
	ev.Direction, ev.Outcome, ev.Counted = bouncehouse.Inbound, bouncehouse.Rejected, true
	ev.Stage = f.stage
	setRemote(ev, f.client)
	if ev.RemoteHost == "unknown" {
		ev.RemoteHost = ""
	}
	setReply(ev, f.text)
	if ev.ReplyCode == 0 { // "5.7.1 text": the code is not logged
		ev.EnhancedCode, ev.ReplyText = cutEnhanced(f.text)
		if f.content {
			ev.ReplyCode = contentCode(ev)
		}
	}
	if id == "" {
		ev.ContextKnown = true // there is no message yet
	} else {
		p.context(ev, p.memory.find(e.host, id))
	}
	ev.Sender, ev.Recipient = f.sender, f.recipient
	return nil
}

// contentCode is what smtpd answers when header_checks or body_checks refuse
// [global/cleanup_strerror.c]. Without a text it adds its own.
func contentCode(ev *bouncehouse.Event) uint16 {
	if ev.EnhancedCode == "" {
		ev.EnhancedCode = "5.7.1"
	}
	if ev.ReplyText == "" {
		ev.ReplyText = "message content rejected"
	}
	if ev.EnhancedCode[0] == '4' {
		return 451
	}
	return 550
}

// refusal is one refused command.
type refusal struct {
	stage             bouncehouse.Stage
	client            string // host[ip] or [ip]:port
	sender, recipient string
	text              string // the reply
	content           bool   // by header_checks or body_checks
}

func (f *refusal) read(s string) bool {
	for _, class := range [...]string{"header ", "body ", "mime-header ", "nested-header ", "mime header ", "nested header "} {
		if strings.HasPrefix(s, class) {
			return f.readContent(s)
		}
	}
	// "RCPT from host[ip]: text", "END-OF-MESSAGE: text"
	n := 0
	for n < len(s) && (s[n] >= 'A' && s[n] <= 'Z' || s[n] == '-') {
		n++
	}
	where, rest := s[:n], s[n:]
	if n == 0 || rest == "" {
		return false
	}
	f.stage = refusedAt(where)
	if client, ok := strings.CutPrefix(rest, " from "); ok {
		// The host's name comes from the DNS, checked: no blanks in it.
		end := strings.Index(client, ": ")
		if end < 0 {
			return false
		}
		f.client, rest = client[:end], client[end:]
	}
	text, ok := strings.CutPrefix(rest, ": ")
	if !ok {
		return false
	}
	f.text = f.cutFields(text)
	return true
}

// refusedAt is the stage of the command that was refused.
func refusedAt(where string) bouncehouse.Stage {
	switch where {
	case "CONNECT":
		return bouncehouse.StageConnect
	case "HELO", "EHLO", "LHLO", "XCLIENT", "XFORWARD":
		return bouncehouse.StageHELO
	case "STARTTLS":
		return bouncehouse.StageSTARTTLS
	case "AUTH":
		return bouncehouse.StageAuth
	case "MAIL":
		return bouncehouse.StageMAIL
	case "RCPT", "VRFY":
		return bouncehouse.StageRCPT
	case "DATA", "BDAT":
		return bouncehouse.StageDATA
	case "END-OF-MESSAGE":
		return bouncehouse.StageEOD
	}
	return ""
}

// cutFields cuts "; from=<a> to=<b> proto=ESMTP helo=<h>" off and returns
// the text before it. The text may quote an address or the HELO name, which
// may look like the fields; so may the HELO name in the last field. Hence
// what the text quotes is passed over first, and the first place from which
// all the rest can be read as fields is theirs.
func (f *refusal) cutFields(s string) (text string) {
	from := 0
	if enhancedAt := replyTextAt(s); strings.HasPrefix(s[enhancedAt:], "<") {
		from = enhancedAt + f.quoted(s[enhancedAt:])
	}
	for from < len(s) {
		n := strings.IndexByte(s[from:], ';')
		if n < 0 {
			break
		}
		from += n + 1
		if f.fields(s[from:]) {
			return s[:from-1]
		}
	}
	return s
}

// replyTextAt is where the text behind the codes begins.
func replyTextAt(s string) int {
	at := 0
	if startsWithCode(s) {
		at = min(4, len(s))
	}
	_, rest := cutEnhanced(s[at:])
	return len(s) - len(rest)
}

// quoted is the length of "<what>: " at the beginning of a text, what being
// a stranger's. A HELO name is known from the line's end, where it stands
// again; of an address the quoted part is passed over.
func (f *refusal) quoted(s string) int {
	const helo = " helo=<"
	for at := strings.LastIndex(s, helo); at > 0; at = strings.LastIndex(s[:at], helo) {
		name := s[at+len(helo)-1:] // "<name>"
		if strings.HasPrefix(s, name) && strings.HasPrefix(s[len(name):], ": ") {
			return len(name)
		}
	}
	if _, rest, ok := cutAddress(s[1:]); ok {
		return len(s) - len(rest)
	}
	return 0
}

// fields reads all of s as " from=<a> to=<b> proto=ESMTP helo=<h>", each
// part with or without a comma behind it, any of them missing. Newer fields
// behind them (sasl_username= ...) are passed over.
func (f *refusal) fields(s string) bool {
	var sender, recipient string
	any := false
	if rest, ok := strings.CutPrefix(s, " from=<"); ok {
		if sender, s, ok = cutAddress(rest); !ok {
			return false
		}
		s, any = strings.TrimPrefix(s, ","), true
	}
	if rest, ok := strings.CutPrefix(s, " to=<"); ok {
		if recipient, s, ok = cutAddress(rest); !ok {
			return false
		}
		s, any = strings.TrimPrefix(s, ","), true
	}
	if rest, ok := strings.CutPrefix(s, " proto="); ok {
		s, any = "", true
		if end := strings.IndexByte(rest, ' '); end >= 0 {
			s = rest[end:]
		}
	}
	if s == "" || any && fieldAhead(s) || strings.HasPrefix(s, " helo=<") {
		f.sender, f.recipient = sender, recipient
		return true // a lone semicolon at the end: nothing was known yet
	}
	return false
}

// fieldAhead tells that s begins with " name=".
func fieldAhead(s string) bool {
	n := 1
	for n < len(s) && (s[n] >= 'a' && s[n] <= 'z' || s[n] == '_') {
		n++
	}
	return s[0] == ' ' && n > 1 && n < len(s) && s[n] == '='
}

// readContent reads a refusal by header_checks or body_checks. What stands
// first is the client's; the last place that can be read as origin and
// fields is Postfix's own, for a HELO name holds no angle bracket there.
func (f *refusal) readContent(s string) bool {
	f.stage, f.content = bouncehouse.StageEOD, true
	for end := len(s); ; {
		at := strings.LastIndex(s[:end], " from ")
		if at < 0 {
			return false
		}
		end = at
		origin, rest, ok := strings.Cut(s[at+len(" from "):], ";")
		if !ok || strings.IndexByte(origin, ' ') >= 0 {
			continue
		}
		text := ""
		if helo := strings.Index(rest, " helo=<"); helo >= 0 {
			if n := strings.IndexByte(rest[helo:], '>'); n >= 0 {
				rest, text = rest[:helo+n+1], rest[helo+n+1:]
			}
		} else if n := strings.LastIndex(rest, ": "); n >= 0 {
			rest, text = rest[:n], rest[n:]
		}
		if !f.fields(rest) || text != "" && !strings.HasPrefix(text, ": ") {
			continue
		}
		f.client, f.text = origin, strings.TrimPrefix(text, ": ")
		return true
	}
}
