package parse

import (
	"errors"
	"net/netip"
	"strconv"
	"strings"

	"github.com/bouncehouse/bouncehouse"
	"github.com/bouncehouse/bouncehouse/parse/values"
)

var errEximCut = errors.New("result line of Exim is cut off: no recipient")

// result reads what became of one recipient: what follows the flag.
func (p *exim) result(r bouncehouse.Record, h *headReader, e *entry, id, flag, s string,
	res *bouncehouse.Result) error {
	rcpt, top, s, ok := cutEximRecipient(s)
	if !ok || s == "" && top == "" {
		return errEximCut
	}
	var f eximFields
	f.read(s)
	at, err := h.clock.time(&r, &e.stamp)
	if err != nil {
		return err
	}
	ev := newEvent(res, bouncehouse.Exim)
	ev.Time, ev.Host, ev.QueueID = at, e.host, id
	ev.Direction, ev.Counted = bouncehouse.Outbound, true
	p.context(ev, e.host, id)
	if !ev.ContextKnown && f.sender {
		ev.Sender = f.from
	}
	setEximRecipient(ev, rcpt, top)
	ev.RemoteIP, ev.RemotePort, ev.LocalIP = f.ip, f.port, f.local
	if f.ip.IsValid() {
		ev.RemoteHost = f.host
	}
	ev.TLS = eximTLS(f.tls)
	if f.queued.Known {
		ev.Delay = f.queued
	}
	switch flag {
	case "==":
		ev.Outcome = bouncehouse.Deferred
		p.deferral(ev, e, id, &f)
	case "**":
		ev.Outcome = bouncehouse.Bounced
		f.text = cutTimes(f.text)
		readEximReason(ev, f.text)
		if ev.ReplyCode/100 == 5 {
			break // the words are the server's
		}
		if text, ok := strings.CutSuffix(f.text, "retry timeout exceeded"); ok {
			ev.Outcome = bouncehouse.Expired
			if text = strings.TrimSuffix(text, ": "); text != "" {
				readEximReason(ev, text)
			}
		} else if strings.HasSuffix(f.text, "message timed out") ||
			strings.Contains(f.text, "have been failing for a long time") ||
			strings.Contains(f.text, "after a long failure period") {
			ev.Outcome = bouncehouse.Expired
		}
	default:
		ev.Outcome = bouncehouse.Delivered
		p.delivered(ev, flag, rcpt, &f)
	}
	return nil
}

// delivered reads a success.
func (p *exim) delivered(ev *bouncehouse.Event, flag, rcpt string, f *eximFields) {
	if f.reply != "" {
		setEximReply(ev, eximUnquote(f.reply))
		if f.ip.IsValid() && ev.ReplyCode != 0 {
			ev.Stage = bouncehouse.StageEOD
		}
	}
	switch {
	case flag == "*>", f.transport == "**bypassed**", rcpt == ":blackhole:":
		// Thrown away by our own configuration, or -N: delivered to nobody.
		// The row tells where the mail went and is in no figure.
		ev.Outcome, ev.Counted = bouncehouse.Relayed, false
	case strings.HasPrefix(rcpt, ">"):
		// An auto-reply was made of it. It is a message of its own, and the
		// recipient's delivery has a line of its own.
		ev.Outcome, ev.Counted = bouncehouse.Relayed, false
	case passedOn(ev), ev.RemoteIP == loopback4 && strings.HasPrefix(ev.ReplyText, "OK id="):
		// To a content filter, or to ourselves: the new id has the result.
		ev.Outcome, ev.Counted = bouncehouse.Relayed, false
	}
}

// deferral reads what follows "==".
func (p *exim) deferral(ev *bouncehouse.Event, e *entry, id string, f *eximFields) {
	text := f.text
	if f.errText != "" {
		if text == "" {
			text = f.errText
		} else {
			text = f.errText + ": " + text
		}
	}
	switch {
	case f.errno <= -52, strings.HasPrefix(text, "retry time not reached"), strings.HasPrefix(text, "domain is held"):
		// No time to try it again, or not to be tried now: nobody was asked.
		// The numbers moved by one with Exim 4.95.
		ev.Repeat, ev.Counted = true, false
	case !f.ip.IsValid() && f.errno > 0 && f.text == "":
		// The host stands in a line before: "ID H=host [ip] Connection refused".
		ev.Stage = bouncehouse.StageConnect
		if hosts := p.failed.find(memoKey{e.host, id}); hosts != nil {
			if host := hosts.of(f.errText, ev.Recipient); host != nil {
				ev.RemoteHost, ev.RemoteIP, ev.RemotePort = host.name, host.ip, host.port
			}
		}
	}
	readEximReason(ev, text)
}

// eximFields is what stands behind the recipient.
type eximFields struct {
	from      string // F=, else P=
	sender    bool   // from is known
	transport string
	host      string
	ip        netip.Addr
	port      uint16
	local     netip.Addr
	tls       string
	reply     string // C=, quoted
	queued    bouncehouse.Delay
	errno     int
	errText   string // what errno means, where it is the system's
	text      string // behind the colon
}

// read takes fields and words up to the colon before the text.
func (f *eximFields) read(s string) {
	for s != "" {
		if s[0] == ':' {
			f.text = strings.Trim(s[1:], " ")
			return
		}
		if s[0] != ' ' { // behind a quotation mark
			_, s, _ = strings.Cut(s, " ")
			continue
		}
		if strings.HasPrefix(s, " H=") {
			s = f.readHost(s[3:])
			continue
		}
		var key, val string
		key, val, s = cutEximField(s[1:])
		switch key {
		case "F":
			f.from, f.sender = val, true
		case "P":
			if !f.sender {
				f.from, f.sender = val, true
			}
		case "T":
			f.transport = val
		case "I":
			f.local, _, _ = values.CutBracketed(val)
		case "X":
			f.tls = val
		case "C":
			f.reply = val
		case "QT":
			f.queued = values.Units(val)
		case "":
			if val == "defer" && strings.HasPrefix(s, " (") {
				s = f.readError(s[2:])
			}
		}
	}
}

// readHost reads "host [ip]:port*" behind "H=", also "host DS [ip]". A local
// transport may have a name alone.
func (f *eximFields) readHost(s string) (rest string) {
	name := s
	if end := strings.IndexByte(s, ' '); end >= 0 {
		name = s[:end]
	}
	rest = s[len(name):]
	after := strings.TrimPrefix(rest, " DS")
	if !strings.HasPrefix(after, " [") {
		if strings.HasPrefix(name, "[") { // without a name
			if ip, port, after := values.CutBracketed(s); ip.IsValid() {
				f.ip, f.port = ip, port
				return strings.TrimPrefix(after, "*")
			}
		}
		if colon := strings.HasSuffix(name, ":"); colon {
			return s[len(name)-1:]
		}
		return rest
	}
	ip, port, after := values.CutBracketed(after[1:])
	if !ip.IsValid() {
		return rest
	}
	f.host, f.ip, f.port = name, ip, port
	return strings.TrimPrefix(after, "*") // a connection that had served before
}

// readError reads "111): Connection refused" behind "defer (". The system's
// words for a number above 0 end where a field or the text begins.
func (f *eximFields) readError(s string) (rest string) {
	num, rest, ok := strings.Cut(s, ")")
	if !ok {
		return ""
	}
	f.errno, _ = strconv.Atoi(num)
	words, ok := strings.CutPrefix(rest, ": ")
	if f.errno <= 0 || !ok {
		return rest
	}
	end := len(words)
	for _, mark := range [...]string{": ", " H=", " DT="} {
		if n := strings.Index(words[:end], mark); n >= 0 {
			end = n
		}
	}
	f.errText = words[:end]
	return words[end:]
}

// cutEximRecipient cuts "addr (parents) <top>" off. addr may be a file, a
// pipe's command with blanks in it, or an address whose local part is quoted;
// top is the address that the message was for, where it differs.
func cutEximRecipient(s string) (addr, top, rest string, ok bool) {
	if s == "" {
		return "", "", "", false
	}
	end := 0
	switch s[0] {
	case ':': // ":blackhole: <c@d>"
		end = strings.IndexByte(s[1:], ':') + 2
	case '|', '/', '>', 's': // "save file" [deliver.c, string_log_address]
		if s[0] != 's' || strings.HasPrefix(s, "save ") {
			if end = topAt(s); end > 0 {
				break
			}
		}
		fallthrough
	default:
		if end = quotedPart(s); end == len(s) {
			return "", "", "", false
		}
		for end < len(s) && s[end] != ' ' && (s[end] != ':' || end+1 < len(s) && s[end+1] != ' ') {
			end++
		}
		if strings.HasPrefix(s[end:], " ") && !strings.HasPrefix(s[end:], " <") && strings.IndexByte(s[:end], '@') < 0 {
			// A quoted local part is logged without its quotation marks, but
			// for the address that the message was for.
			end = max(end, topAt(s))
		}
	}
	addr, rest = s[:end], s[end:]
	if addr == "" {
		return "", "", "", false
	}
	if strings.HasPrefix(addr, "<") && strings.HasSuffix(addr, ">") { // Exim 3
		addr = addr[1 : len(addr)-1]
	}
	if strings.HasPrefix(rest, " (") {
		if n := strings.Index(rest, ") <"); n > 0 {
			rest = rest[n+1:]
		}
	}
	if strings.HasPrefix(rest, " <") {
		if top, after, ok := values.CutAddress(rest[2:]); ok {
			return addr, top, after, true
		}
		return "", "", "", false
	}
	return addr, "", rest, true
}

// topAt is where the " <top>" behind a pipe or a file begins, or 0.
func topAt(s string) int {
	for at, tries := 0, 0; tries < maxTries; tries++ {
		n := strings.Index(s[at:], " <")
		if n < 0 {
			return 0
		}
		at += n
		top, rest, ok := values.CutAddress(s[at+2:])
		if ok && (top == "" || top[0] == '"' || strings.IndexByte(top, ' ') < 0) &&
			(rest == "" || rest[0] == ':' || len(rest) > 3 && rest[0] == ' ' && (rest[2] == '=' || rest[1] == '(')) {
			return at
		}
		at++
	}
	return 0
}

// setEximRecipient: what has no @ is a local user, file or pipe, and the
// address behind it is the recipient; one that differs in case only is as
// the message had it.
func setEximRecipient(ev *bouncehouse.Event, addr, top string) {
	ev.Recipient = addr
	switch {
	case top == "": // it is the same
	case strings.IndexByte(addr, '@') < 0, addr[0] == '|', addr[0] == '/', addr[0] == '>', strings.EqualFold(addr, top),
		top[0] == '"' && strings.EqualFold(addr, unquoted(top)):
		ev.Recipient = top
	default:
		ev.OriginalRecipient = top
	}
}

// unquoted is "a\"b c"@d as Exim names it before its own brackets: a"b c@d.
func unquoted(s string) string {
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '"':
			continue
		case s[i] == '\\' && i+1 < len(s):
			i++
		}
		b = append(b, s[i])
	}
	return string(b)
}

// eximTLS is the version of "TLS1.3:ECDHE_...:256" (GnuTLS),
// "TLSv1.3:TLS_AES_...:256" (OpenSSL), "TLS-1.0:RSA_...:32" (old).
func eximTLS(s string) string {
	version, _, _ := strings.Cut(s, ":")
	number, ok := strings.CutPrefix(version, "TLS")
	if !ok {
		return version
	}
	switch strings.TrimLeft(number, "v-") {
	case "1.3":
		return "TLSv1.3"
	case "1.2":
		return "TLSv1.2"
	case "1.1":
		return "TLSv1.1"
	case "1.0", "1":
		return "TLSv1"
	}
	return version
}
