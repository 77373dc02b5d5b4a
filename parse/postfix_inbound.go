package parse

import (
	"strings"

	"github.com/bouncehouse/bouncehouse"
	"github.com/bouncehouse/bouncehouse/parse/said"
	"github.com/bouncehouse/bouncehouse/parse/values"
)

// Clients that our own server refused:
//
//	QID|NOQUEUE: reject: RCPT from host[ip]: 554 5.7.1 text; from=<a> to=<b> proto=ESMTP helo=<h>   [smtpd/smtpd_check.c]
//	QID|NOQUEUE: milter-reject: END-OF-MESSAGE from host[ip]: 5.7.1 text; from=<a> to=<b> ...        [cleanup/cleanup_milter.c]
//	[QID: ]proxy-reject: END-OF-MESSAGE: 554 5.7.0 text; from=<a> to=<b> ...                         [smtpd/smtpd.c]
//	QID: reject: header Subject: x from host[ip]; from=<a> to=<b> proto=ESMTP helo=<h>: 5.7.1 text   [cleanup/cleanup_message.c]
//	NOQUEUE: reject: RCPT from [ip]:port: 550 5.7.1 text; from=<a>, to=<b>, proto=ESMTP, helo=<h>    [postscreen/postscreen_smtpd.c]
//	NOQUEUE: reject: CONNECT from [ip]:port: too many connections                                    [postscreen/postscreen.c]
//	reject: connect from [ip]:port: all screening ports busy                                         [postscreen/postscreen.c]
//
//	warning: QID: queue file size limit exceeded                                                     [smtpd/smtpd.c]
//
// No refusals are reject_warning, warn, filter, hold, redirect, discard,
// bcc, prepend, proxy-accept, info and what comes after "lost connection".
//
// The client chooses its HELO name, its addresses and the message's lines,
// and all of them are quoted: what they hold must not be taken for the
// fields behind them.
func (p *postfix) refusal(r bouncehouse.Record, h *headReader, e *entry, id, rest string,
	res *bouncehouse.Result) error {
	_, rest, _ = strings.Cut(rest, ": ")
	var f refusal
	if !f.read(rest) {
		res.Unread++
		return nil
	}
	at, err := h.clock.time(&r, &e.stamp)
	if err != nil {
		return err
	}
	ev := newRefusal(res, bouncehouse.Postfix, at, e.host, id)
	ev.Stage = f.stage
	setClient(ev, f.client)
	said.SetReply(ev, f.text)
	if ev.ReplyCode == 0 { // "5.7.1 text": the code is not logged
		ev.EnhancedCode, ev.ReplyText = bouncehouse.CutEnhanced(f.text)
		if f.content {
			ev.ReplyCode = contentCode(ev)
		}
	}
	if id != "" {
		p.context(ev, p.memory.find(e.host, id))
	}
	// The line itself tells the sender, and the client is the remote.
	ev.Sender, ev.Recipient, ev.ContextKnown = f.sender, f.recipient, true
	return nil
}

const tooBig = ": queue file size limit exceeded"

// oversize reads that a message grew past message_size_limit while the
// client sent it, having told no size before. The answer is always the same
// [global/cleanup_strerror.c]; who was refused is remembered from the
// client= line, and the recipients are in no line.
func (p *postfix) oversize(r bouncehouse.Record, h *headReader, e *entry, id string, res *bouncehouse.Result) error {
	if !strings.HasSuffix(e.program, "smtpd") {
		return nil // submitted on this machine
	}
	at, err := h.clock.time(&r, &e.stamp)
	if err != nil {
		return err
	}
	ev := newRefusal(res, bouncehouse.Postfix, at, e.host, id)
	ev.Stage, ev.ReplyCode, ev.EnhancedCode, ev.ReplyText = bouncehouse.StageEOD, 552, "5.3.4", "message file too big"
	if m := p.memory.find(e.host, id); m != nil {
		p.context(ev, m)
		setClient(ev, m.client)
	}
	return nil
}

// setClient reads "host[ip]"; where the address has no name the host is
// "unknown".
func setClient(ev *bouncehouse.Event, s string) {
	values.SetRemote(ev, s)
	if ev.RemoteHost == "unknown" {
		ev.RemoteHost = ""
	}
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
	for _, class := range [...]string{"header ", "body ", "mime-header ", "nested-header ", "mime header ",
		"nested header "} {
		if strings.HasPrefix(s, class) {
			return f.readContent(s)
		}
	}
	// "RCPT from host[ip]: text", "END-OF-MESSAGE: text"
	n := 0
	if strings.HasPrefix(s, "connect ") {
		n = len("connect")
	}
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
	case "CONNECT", "connect":
		return bouncehouse.StageConnect
	case "VRFY":
		return bouncehouse.StageRCPT
	case "BDAT":
		return bouncehouse.StageDATA
	case "END-OF-MESSAGE":
		return bouncehouse.StageEOD
	}
	return said.Command(where)
}

// cutFields cuts "; from=<a> to=<b> proto=ESMTP helo=<h>" off and returns
// the text before it. The text may quote an address or the HELO name, which
// may look like the fields; so may the HELO name in the last field. Hence
// what the text quotes is passed over first, and the first place from which
// all the rest can be read as fields is theirs.
func (f *refusal) cutFields(s string) (text string) {
	from := 0
	if at := replyTextAt(s); strings.HasPrefix(s[at:], "<") {
		from = at + quoted(s[at:])
	}
	for tries := 0; tries < maxTries; {
		n := strings.IndexByte(s[from:], ';')
		if n < 0 {
			break
		}
		from += n + 1
		if !mayBeFields(s[from:]) {
			continue
		}
		tries++
		if rest, ok := f.fields(s[from:]); ok && (rest == "" || strings.HasPrefix(rest, " helo=<") ||
			from+len(rest) < len(s) && fieldAhead(rest)) {
			return s[:from-1]
		}
	}
	f.sender, f.recipient = "", ""
	return s
}

// maxTries bounds the work on a line that is made to look like many.
const maxTries = 32

// replyTextAt is where the text behind the codes begins.
func replyTextAt(s string) int {
	at := 0
	if bouncehouse.StartsWithCode(s) {
		at = min(4, len(s))
	}
	_, rest := bouncehouse.CutEnhanced(s[at:])
	return len(s) - len(rest)
}

// quoted is the length of "<what>: " at the beginning of a text, what being
// a stranger's. A HELO name is known from the line's end, where it stands
// again; of an address the quoted part is passed over.
func quoted(s string) int {
	const helo = " helo=<"
	end := len(s)
	for range maxTries {
		if end = strings.LastIndex(s[:end], helo); end < 0 {
			break
		}
		name := s[end+len(helo)-1:] // "<name>"
		if strings.HasPrefix(s, name) && strings.HasPrefix(s[len(name):], ": ") {
			return len(name)
		}
	}
	if _, rest, ok := values.CutAddress(s[1:]); ok {
		return len(s) - len(rest)
	}
	return 0
}

// mayBeFields tells by the first of s whether fields is worth a try. A lone
// semicolon at the end is one: nothing was known yet.
func mayBeFields(s string) bool {
	return s == "" || strings.HasPrefix(s, " from=<") || strings.HasPrefix(s, " to=<") ||
		strings.HasPrefix(s, " proto=") || strings.HasPrefix(s, " helo=<")
}

// fields reads " from=<a> to=<b> proto=ESMTP" at the beginning of s, each
// part with or without a comma behind it, any of them missing; rest is what
// is behind them.
func (f *refusal) fields(s string) (rest string, ok bool) {
	f.sender, f.recipient = "", ""
	if s, ok = strings.CutPrefix(s, " from=<"); ok {
		if f.sender, s, ok = values.CutAddress(s); !ok {
			return "", false
		}
		s = strings.TrimPrefix(s, ",")
	}
	if s, ok = strings.CutPrefix(s, " to=<"); ok {
		if f.recipient, s, ok = values.CutAddress(s); !ok {
			return "", false
		}
		s = strings.TrimPrefix(s, ",")
	}
	if s, ok = strings.CutPrefix(s, " proto="); ok {
		n := 0
		for n < len(s) && (s[n] >= 'A' && s[n] <= 'Z' || s[n] >= 'a' && s[n] <= 'z') {
			n++
		}
		s = strings.TrimPrefix(s[n:], ",")
	}
	return s, true
}

// fieldAhead tells that s begins with " name=": sasl_username, or what a
// later Postfix may add.
func fieldAhead(s string) bool {
	n := 1
	for n < len(s) && (s[n] >= 'a' && s[n] <= 'z' || s[n] == '_') {
		n++
	}
	return s[0] == ' ' && n > 1 && n < len(s) && s[n] == '='
}

// readContent reads a refusal by header_checks or body_checks. The line of
// the message that stands first is a stranger's; what can be read as origin
// and fields last is Postfix's own. A HELO name has no angle bracket here:
// smtpd puts '?' for them.
func (f *refusal) readContent(s string) bool {
	const from, helo = " from ", " helo=<"
	f.stage, f.content = bouncehouse.StageEOD, true
	end := len(s)
	for range maxTries {
		if end = strings.LastIndex(s[:end], from); end < 0 {
			break
		}
		origin, rest, ok := strings.Cut(s[end+len(from):], ";")
		if !ok || strings.IndexByte(origin, ' ') >= 0 {
			continue
		}
		if rest, ok = f.fields(rest); !ok {
			continue
		}
		if strings.HasPrefix(rest, helo) {
			if _, rest, ok = strings.Cut(rest, ">"); !ok {
				continue
			}
		}
		if rest == "" || strings.HasPrefix(rest, ": ") {
			f.client, f.text = origin, strings.TrimPrefix(rest, ": ")
			return true
		}
	}
	return false
}
