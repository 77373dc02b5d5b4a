package parse

import (
	"strings"

	"github.com/bouncehouse/bouncehouse"
	"github.com/bouncehouse/bouncehouse/parse/said"
	"github.com/bouncehouse/bouncehouse/parse/values"
)

// Clients that our own server refused. HOST is "name (helo) [ip]:port
// I=[ip]:port U=ident", the name missing where the address has none that
// leads back, helo where it is the name; ID where the message had one:
//
//	H=HOST [X=...] F=<a@b> A=login:user [temporarily ]rejected RCPT <c@d>: text   [smtp_in.c, smtp_handle_acl_fail]
//	H=HOST rejected MAIL <a@b> SIZE=1: text, DATA: text, EHLO or HELO name: text, connection in "connect" ACL: text, VRFY ...
//	ID H=HOST F=<a@b> rejected after DATA: text, during MIME ACL checks: text, by local_scan(): text
//	ID U=root F=<a@b> rejected by non-SMTP ACL: text                              [receive.c]
//	rejected EHLO from HOST: syntactically invalid argument(s): name              [smtp_in.c]
//	rejected MAIL FROM:<a@b> H=HOST: message too big: size=2 max=1                [smtp_in.c]
//	ID rejected from <a@b> H=HOST: message too big: read=2 max=1                  [receive.c]
//	refused connection from HOST (host_reject_connection)                         [smtp_in.c]
//	Connection from HOST refused: too many connections                            [daemon.c]
//	SMTP call from HOST dropped: too many syntax or protocol errors (...)         [smtp_in.c]
//	SMTP protocol synchronization error (...): rejected connection from H=HOST input="..."
//	SMTP protocol synchronization error (...): rejected "HELO x" H=HOST next input="..."
//	SMTP protocol error in "AUTH LOGIN" H=HOST AUTH command used when not advertised
//	login authenticator failed for HOST: 535 Incorrect authentication data (set_id=user)
//	unqualified recipient rejected: <c> H=HOST
//	recipients refused from HOST (RBL zone)                                       Exim 3
//
// No refusals are "sender verify fail", Warning:, "discarded", lost
// connections and timeouts, and other protocol and syntax errors.
//
// The client chooses its HELO name and addresses, which stand before the
// verb and behind it.
func (p *exim) refusal(r bouncehouse.Record, h *headReader, e *entry, id, s string, res *bouncehouse.Result) error {
	if len(s) < 8 {
		return nil
	}
	var f eximRefusal
	ok := false
	switch s[0] {
	case 'H', 'U', 'F', 'D': // "DS H=HOST", DNSSEC
		ok = f.readACL(strings.TrimPrefix(s, "DS "))
	case 'r':
		ok = f.readRejected(s)
	case 'C':
		ok = f.readConnection(s, "Connection from ", " refused: ", 421)
	case 'S':
		ok = f.readConnection(s, "SMTP call from ", " dropped: ", 554) || f.readProtocol(s)
	case 'u':
		ok = f.readUnqualified(s)
	default:
		if authFailed(s) > 0 {
			ok = f.readAuth(s)
		}
	}
	if !ok {
		if s[0] == 'H' && (strings.Contains(s, " rejected RCPT <") || strings.Contains(s, " rejected after DATA: ")) &&
			!strings.Contains(s, " Warning: ") {
			res.Unread++
		}
		return nil
	}
	at, err := h.clock.time(&r, &e.stamp)
	if err != nil {
		return err
	}
	ev := newRefusal(res, bouncehouse.Exim, at, e.host, id)
	ev.RemoteHost, ev.RemoteIP, ev.RemotePort = f.client.host, f.client.ip, f.client.port
	ev.Sender, ev.Recipient, ev.SASLUser, ev.ContextKnown = f.sender, f.recipient, f.user, true
	ev.TLS = eximTLS(f.tls)
	ev.Stage = f.stage
	setEximReply(ev, f.text)
	if ev.ReplyCode == 0 {
		ev.ReplyCode = f.code
	}
	return nil
}

// eximRefusal is one refusal of a client.
type eximRefusal struct {
	client            eximClient
	sender, recipient string
	user, tls         string
	stage             bouncehouse.Stage
	code              uint16 // where the answer to such a line is always the same
	text              string
}

// readACL reads what begins with the client and its fields.
func (f *eximRefusal) readACL(s string) bool {
	if !strings.Contains(s, "rejected ") {
		return false
	}
	if client, ok := strings.CutPrefix(s, "H="); ok {
		if s = f.client.read(client); !f.client.ip.IsValid() {
			return false
		}
	} else {
		s = " " + s
	}
	for {
		if len(s) < 2 || s[0] != ' ' {
			return false
		}
		if verb := strings.TrimPrefix(s[1:], "temporarily "); strings.HasPrefix(verb, "rejected ") {
			return f.readVerb(verb[len("rejected "):])
		}
		var key, val string
		key, val, s = cutEximField(s[1:])
		switch key {
		case "F":
			f.sender = val
		case "A":
			f.user = eximUser(val)
		case "X":
			f.tls = val
		case "":
			if val != "DS" && val != "TFO" && val != "TFO*" && val != "TFO**" && val != "L" && val != "K" {
				return false // "sender verify fail for", "Warning:", "incomplete transaction"
			}
		}
	}
}

// readVerb reads the command and the text behind "rejected ".
func (f *eximRefusal) readVerb(s string) bool {
	what, rest, _ := strings.Cut(s, " ")
	switch strings.TrimSuffix(what, ":") {
	case "RCPT":
		f.stage = bouncehouse.StageRCPT
		f.recipient, f.text = cutEximArgument(rest)
		return true
	case "MAIL":
		f.stage = bouncehouse.StageMAIL
		f.sender, f.text = cutEximArgument(rest)
		return true
	case "EHLO", "HELO":
		f.stage = bouncehouse.StageHELO
	case "connection":
		f.stage = bouncehouse.StageConnect
		rest = strings.TrimPrefix(rest, `in "connect" ACL`)
	case "AUTH":
		f.stage = bouncehouse.StageAuth
	case "STARTTLS":
		f.stage = bouncehouse.StageSTARTTLS
	case "DATA", "PREDATA":
		f.stage = bouncehouse.StageDATA
	case "after", "during": // "after DATA", "during MIME ACL checks"
		f.stage = bouncehouse.StageEOD
	case "by": // "by local_scan()", "by non-SMTP ACL"
		f.stage = bouncehouse.StageEOD
	case "VRFY", "EXPN", "ETRN":
	}
	if strings.HasSuffix(what, ":") {
		f.text = rest
		return true
	}
	_, f.text, _ = strings.Cut(rest, ": ")
	return true
}

// cutEximArgument cuts the address off "<c@d> NOTIFY=NEVER: text". Exim logs
// no more than 100 characters of the command.
func cutEximArgument(s string) (addr, text string) {
	s = strings.TrimLeft(s, " ")
	if strings.HasPrefix(s, "<") {
		if addr, rest, ok := values.CutAddress(s[1:]); ok {
			if strings.HasPrefix(rest, ": ") {
				return addr, rest[2:]
			}
			_, text, _ = strings.Cut(rest, ": ")
			return addr, text
		}
	}
	n := quotedPart(s)
	end := strings.Index(s[n:], ": ")
	if end < 0 {
		addr = s
	} else {
		addr, text = s[:n+end], s[n+end+2:]
	}
	if n := strings.IndexByte(addr, ' '); n >= 0 && quotedPart(addr) == 0 {
		addr = addr[:n]
	}
	return values.Bare(addr), text
}

// readRejected reads what begins with the verb.
func (f *eximRefusal) readRejected(s string) bool {
	if rest, ok := strings.CutPrefix(s, "refused connection from "); ok {
		f.stage = bouncehouse.StageConnect
		f.code = 554
		f.text = strings.Trim(f.client.read(strings.TrimPrefix(rest, "H=")), " ")
		if strings.HasPrefix(f.text, "(") {
			f.text = strings.TrimSuffix(f.text[1:], ")")
		}
		return f.client.ip.IsValid()
	}
	for _, old := range [...]string{"recipients refused from ", "recipients from "} { // Exim 3
		if rest, ok := strings.CutPrefix(s, old); ok {
			f.stage = bouncehouse.StageRCPT
			f.text = strings.Trim(f.client.read(strings.TrimPrefix(rest, "H=")), " ")
			return f.client.ip.IsValid()
		}
	}
	rest, ok := strings.CutPrefix(s, "rejected ")
	if !ok {
		return false
	}
	for _, helo := range [...]string{"EHLO from ", "HELO from "} {
		if client, ok := strings.CutPrefix(rest, helo); ok {
			f.stage, f.code = bouncehouse.StageHELO, 501
			f.text = strings.TrimPrefix(f.client.read(client), ": ")
			return f.client.ip.IsValid()
		}
	}
	addr, from := "", false
	if addr, from = strings.CutPrefix(rest, "MAIL FROM:<"); from {
		f.stage = bouncehouse.StageMAIL
	} else if addr, from = strings.CutPrefix(rest, "from <"); from {
		f.stage = bouncehouse.StageEOD
	} else {
		return f.readVerb(rest) // Exim 3: "rejected RCPT ..."
	}
	f.sender, rest, from = values.CutAddress(addr)
	if !from {
		return false
	}
	if client, ok := strings.CutPrefix(rest, " H="); ok {
		rest = f.client.read(client)
	}
	for strings.HasPrefix(rest, " ") {
		_, _, rest = cutEximField(rest[1:]) // U=, A=
	}
	f.text = strings.TrimPrefix(rest, ": ")
	if strings.HasPrefix(f.text, "message too ") {
		f.code = 552
	}
	return true
}

// readConnection reads "begin HOST verb text".
func (f *eximRefusal) readConnection(s, begin, verb string, code uint16) bool {
	rest, ok := strings.CutPrefix(s, begin)
	if !ok {
		return false
	}
	rest = f.client.read(strings.TrimPrefix(rest, "H="))
	if !f.client.ip.IsValid() {
		return false
	}
	if f.text, ok = strings.CutPrefix(rest, verb); !ok {
		return false
	}
	f.stage, f.code = bouncehouse.StageConnect, code
	if verb == " dropped: " {
		f.stage = "" // in mid-session
	}
	return true
}

// readProtocol reads input that came too early, and logins that were not
// offered.
func (f *eximRefusal) readProtocol(s string) bool {
	rest, ok := strings.CutPrefix(s, "SMTP protocol ")
	if !ok {
		return false
	}
	if strings.HasPrefix(rest, "synchronization error (") {
		text, what, ok := strings.Cut(rest, "): rejected ")
		if !ok {
			return false
		}
		f.code, f.text = 554, text+")"
		if client, ok := strings.CutPrefix(what, "connection from "); ok {
			f.stage = bouncehouse.StageConnect
			f.client.read(strings.TrimPrefix(client, "H="))
		} else if n := quotedPart(what); strings.HasPrefix(what[n:], " H=") {
			f.stage = said.Command(strings.TrimPrefix(what[:n], `"`))
			f.client.read(what[n+3:])
		}
		return f.client.ip.IsValid()
	}
	command, ok := strings.CutPrefix(rest, `error in "`)
	if !ok || len(command) < 4 || !strings.EqualFold(command[:4], "AUTH") {
		return false
	}
	n := len(rest) - len(command) - 1
	n += quotedPart(rest[n:])
	client, ok := strings.CutPrefix(rest[n:], " H=")
	if !ok {
		return false
	}
	f.stage, f.code = bouncehouse.StageAuth, 503
	f.text = strings.Trim(f.client.read(client), " ")
	return f.client.ip.IsValid()
}

// readUnqualified reads "unqualified recipient rejected: <c> H=HOST".
func (f *eximRefusal) readUnqualified(s string) bool {
	rest, ok := strings.CutPrefix(s, "unqualified ")
	if !ok {
		return false
	}
	who, rest, ok := strings.Cut(rest, " rejected: <")
	if !ok {
		return false
	}
	addr, rest, ok := values.CutAddress(rest)
	if !ok {
		return false
	}
	f.text = s[:len("unqualified ")+len(who)+len(" rejected")]
	f.code = 501
	if f.stage = bouncehouse.StageRCPT; who == "sender" {
		f.stage = bouncehouse.StageMAIL
		f.sender = addr
	} else {
		f.recipient = addr
	}
	if client, ok := strings.CutPrefix(rest, " H="); ok {
		f.client.read(client)
	}
	return true
}

const authFails = " authenticator failed for "

// authFailed is where the words stand with which Exim refuses a login, behind
// the authenticator's name, or 0.
func authFailed(s string) int {
	end := strings.IndexByte(s[:min(len(s), 64)], ' ')
	if end < 1 || !strings.HasPrefix(s[end:], authFails) {
		return 0
	}
	return end
}

// readAuth reads "login authenticator failed for HOST: 535 text (set_id=user)".
func (f *eximRefusal) readAuth(s string) bool {
	rest := s[authFailed(s)+len(authFails):]
	f.stage = bouncehouse.StageAuth
	rest = f.client.read(strings.TrimPrefix(rest, "H="))
	if !f.client.ip.IsValid() {
		return false
	}
	for strings.HasPrefix(rest, " ") {
		_, _, rest = cutEximField(rest[1:]) // U=
	}
	f.text = strings.TrimPrefix(rest, ": ")
	if _, id, ok := strings.Cut(f.text, "(set_id="); ok {
		f.user = strings.TrimSuffix(id, ")")
	}
	return true
}
