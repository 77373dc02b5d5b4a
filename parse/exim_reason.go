package parse

import (
	"net/netip"
	"strings"

	"github.com/bouncehouse/bouncehouse"
	"github.com/bouncehouse/bouncehouse/parse/said"
	"github.com/bouncehouse/bouncehouse/parse/values"
)

// What Exim says of a failure [transports/smtp.c, check_response]. pipelined
// stands where the command was sent before the reply to another was read:
//
//	SMTP error from remote mail server after pipelined MAIL FROM:<a@b> SIZE=1: 550 text
//	SMTP error from remote mail server after RCPT TO:<c@d>: host h [ip]: 550 text   before 4.83; "remote mailer" before 4.50
//	Remote host closed connection in response to EHLO name
//	Remote host closed connection in response to HELO name (EHLO response was: 421 text)
//	Remote host h [ip] closed connection in response to EHLO name
//	SMTP timeout after end of data (1234 bytes written)
//	SMTP timeout while connected to h [ip] after RCPT TO:<c@d>
//	Malformed SMTP reply in response to DATA: text
//	Malformed SMTP reply from h [ip] in response to DATA: text
//	LMTP error after RCPT TO:<c@d>: 550 text                                        [transports/lmtp.c]
//	PRDR error after BDAT 201 LAST: 554 text                                        of one recipient of several
//
// Lines of a reply are joined by a literal \n, other bytes are \ooo.
func readEximReason(ev *bouncehouse.Event, s string) {
	if s == "" {
		return
	}
	if !ev.Repeat {
		if reply, ok := eximSaid(ev, s); ok {
			setEximReply(ev, reply)
			return
		}
	}
	if bouncehouse.StartsWithCode(s) { // a router's :fail: text; nobody else has answered
		ev.EnhancedCode, _ = bouncehouse.CutEnhanced(s[min(4, len(s)):])
	}
	ev.ReplyText = printed(s)
}

// eximSaid finds stage and host of an SMTP failure, and the reply, if any.
func eximSaid(ev *bouncehouse.Event, s string) (reply string, ok bool) {
	at := -1
	// LMTP through the smtp transport too
	for _, said := range [...]string{"SMTP error from remote mail", "LMTP error ", "PRDR error "} {
		if n := strings.Index(s, said); n >= 0 && (n == 0 || strings.HasPrefix(s[n-min(n, 2):], ": ")) {
			at = n
			break
		}
	}
	if at >= 0 {
		n := strings.Index(s[at:], " after ")
		if n < 0 {
			return "", false
		}
		var command string
		command, reply = cutCommand(s[at+n+len(" after "):])
		ev.Stage = eximStage(command)
		if rest, ok := strings.CutPrefix(reply, "host "); ok {
			if after := eximHost(ev, rest); after != "" {
				reply = strings.TrimPrefix(after, ": ")
			}
		}
		return reply, bouncehouse.StartsWithCode(reply)
	}
	for _, mark := range [...]string{" in response to ", "TP timeout after ", "TP connection closed after "} {
		n := strings.Index(s, mark)
		if n < 0 {
			continue
		}
		command, _ := cutCommand(s[n+len(mark):])
		ev.Stage = eximStage(command)
		for _, host := range [...]string{"Remote host ", "SMTP reply from "} {
			if n := strings.Index(s[:n], host); n >= 0 {
				eximHost(ev, s[n+len(host):])
			}
		}
		return ehloResponse(s[n:])
	}
	const connected = "SMTP timeout while connected to "
	switch n := strings.Index(s, connected); {
	case n >= 0:
		if after := eximHost(ev, s[n+len(connected):]); strings.HasPrefix(after, " after ") {
			command, _ := cutCommand(after[len(" after "):])
			ev.Stage = eximStage(command)
		}
	case strings.Contains(s, "TLS session") || strings.Contains(s, "failure while setting up TLS") ||
		strings.HasPrefix(s, "TLS error"):
		// "a TLS session is required, but ...": before 4.83 "is required for h [ip]"
		ev.Stage = bouncehouse.StageSTARTTLS
		if _, host, ok := strings.Cut(s, " is required for "); ok {
			eximHost(ev, host)
		}
	case strings.HasPrefix(s, "authentication required") || strings.HasPrefix(s, "authentication is required") ||
		strings.Contains(s, "authenticator failed"):
		ev.Stage = bouncehouse.StageAuth
	case strings.HasPrefix(s, "utf8 support required") || strings.HasPrefix(s, "mail size exceeds") ||
		strings.HasPrefix(s, "message is too big"):
		ev.Stage = bouncehouse.StageMAIL
	}
	return "", false
}

// ehloResponse is the server's last word where it left after it: Exim tried
// HELO and found nobody.
func ehloResponse(s string) (reply string, ok bool) {
	if _, reply, ok = strings.Cut(s, " (EHLO response was: "); !ok {
		return "", false
	}
	reply = strings.TrimSuffix(reply, ")")
	return reply, bouncehouse.StartsWithCode(reply)
}

// eximHost reads "h [ip]" where no H= told it.
func eximHost(ev *bouncehouse.Event, s string) (rest string) {
	name, _, ok := strings.Cut(s, " [")
	if !ok || strings.IndexByte(name, ' ') >= 0 {
		return ""
	}
	ip, port, rest := values.CutBracketed(s[len(name)+1:])
	if !ip.IsValid() {
		return ""
	}
	if !ev.RemoteIP.IsValid() {
		ev.RemoteHost, ev.RemoteIP, ev.RemotePort = name, ip, port
	}
	return rest
}

// cutCommand cuts an SMTP command off; behind its colon is the reply. An
// address in it is a stranger's.
func cutCommand(s string) (command, reply string) {
	from := 0
	n := strings.Index(s[:min(len(s), 32)], ":<") // MAIL FROM:<a>, also behind "pipelined "
	if n >= 0 && !strings.Contains(s[:n], ": ") {
		if _, rest, ok := values.CutAddress(s[n+2:]); ok {
			from = len(s) - len(rest)
		}
	}
	n = strings.Index(s[from:], ": ")
	if n < 0 {
		return strings.TrimSuffix(s, ":"), ""
	}
	return s[:from+n], strings.TrimLeft(s[from+n+2:], " ")
}

// eximStage is the stage of a command.
func eximStage(s string) bouncehouse.Stage {
	s = strings.TrimPrefix(s, "pipelined ")
	switch {
	case strings.HasPrefix(s, "end of data"), strings.HasPrefix(s, "BDAT"), strings.HasPrefix(s, "transfer of"):
		return bouncehouse.StageEOD
	case strings.HasPrefix(s, "initial connection"):
		return bouncehouse.StageConnect
	case strings.HasPrefix(s, "sending data"): // the data is on its way
		return bouncehouse.StageDATA
	}
	return said.Command(s)
}

// setEximReply takes a reply apart whose lines are joined by \n. Where they
// begin is known, so no word of them is taken for a code.
func setEximReply(ev *bouncehouse.Event, s string) {
	first, rest, more := strings.Cut(s, `\n`)
	if !more {
		said.SetReply(ev, printed(s))
		return
	}
	r := firstLine(first)
	text := []byte(r.Text)
	for more {
		var line string
		line, rest, more = strings.Cut(rest, `\n`)
		line = strings.Trim(line, " ")
		if bouncehouse.StartsWithCode(line) && bouncehouse.StartsWithCode(s) && line[:3] == s[:3] {
			line = strings.TrimLeft(line[min(4, len(line)):], " ")
		}
		if enhanced, after := bouncehouse.CutEnhanced(line); enhanced != "" {
			if r.Enhanced == "" {
				r.Enhanced = enhanced
			}
			if enhanced == r.Enhanced {
				line = after
			}
		}
		if line != "" && len(text) > 0 {
			text = append(text, ' ')
		}
		text = append(text, line...)
	}
	ev.ReplyCode, ev.ReplyText = r.Code, printed(string(text))
	if r.Enhanced != "" {
		ev.EnhancedCode = r.Enhanced
	}
}

// firstLine takes a line of a reply apart. No word of it begins another.
func firstLine(s string) bouncehouse.Reply {
	if len(s) < 4 || s[3] != '-' || !bouncehouse.StartsWithCode(s) {
		return bouncehouse.ParseReply(s)
	}
	r := bouncehouse.ParseReply(s[:3])
	r.Enhanced, r.Text = bouncehouse.CutEnhanced(s[4:])
	return r
}

// printed undoes what Exim does to bytes that are not printable [string.c,
// string_printing]: \ooo, and \n and \r, which become a blank. A backslash
// and a tab it leaves as they are: "EXAMPLE\tom is unknown".
func printed(s string) string {
	at := strings.IndexByte(s, '\\')
	if at < 0 {
		return s
	}
	b := make([]byte, 0, len(s))
	for {
		b = append(b, s[:at]...)
		s = s[at:]
		switch {
		case len(s) >= 4 && s[1]-'0' <= 3 && s[2]-'0' <= 7 && s[3]-'0' <= 7:
			b = append(b, (s[1]-'0')<<6|(s[2]-'0')<<3|(s[3]-'0'))
			s = s[4:]
		case len(s) >= 2 && (s[1] == 'n' || s[1] == 'r'):
			if len(b) > 0 && b[len(b)-1] != ' ' {
				b = append(b, ' ')
			}
			s = strings.TrimLeft(s[2:], " ")
		default:
			b = append(b, '\\')
			s = s[1:]
		}
		if at = strings.IndexByte(s, '\\'); at < 0 {
			return string(append(b, s...))
		}
	}
}

// eximUnquote undoes the backslashes before \ and " of a quoted field.
func eximUnquote(s string) string {
	if !strings.Contains(s, `\\`) && !strings.Contains(s, `\"`) {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) && (s[i+1] == '\\' || s[i+1] == '"') {
			i++
		}
		b = append(b, s[i])
	}
	return string(b)
}

// cutTimes cuts " DT=0.01s" off, which log_selector = +deliver_time puts
// behind the text of a failure.
func cutTimes(s string) string {
	at := strings.LastIndex(s, " DT=")
	if at < 0 {
		if strings.HasPrefix(s, "DT=") {
			at = 0
		} else {
			return s
		}
	}
	if !values.Units(strings.TrimPrefix(s[at:], " ")[len("DT="):]).Known {
		return s
	}
	return s[:at]
}

// failedHosts is the hosts of a message that could not be reached, the last
// few: a result line that follows does not name its own.
type failedHosts struct {
	hosts [4]failedHost
	next  int
}

type failedHost struct {
	name string
	ip   netip.Addr
	port uint16
	text string
}

// of returns the host of a result with that text: the last that fits, one
// under the recipient's domain before others, since hosts of several domains
// are tried at once.
func (f *failedHosts) of(text, rcpt string) *failedHost {
	var last *failedHost
	domain := strings.ToLower(rcpt[strings.LastIndexByte(rcpt, '@')+1:])
	for i := range f.hosts {
		host := &f.hosts[(f.next+len(f.hosts)-1-i)%len(f.hosts)]
		if !host.ip.IsValid() || host.text != text {
			continue
		}
		if strings.HasSuffix(strings.ToLower(host.name), domain) {
			return host
		}
		if last == nil {
			last = host
		}
	}
	return last
}

// hostFailed remembers a host that could not be reached: "H=host [ip]:25
// Connection refused", before 4.83 "host [ip] Connection refused". Where the
// server said something the result line says it again, with the host.
func (p *exim) hostFailed(e *entry, id, s string) bool {
	s = strings.TrimPrefix(s, "H=")
	name, _, ok := strings.Cut(s, " ")
	if !ok || len(s) <= len(name)+2 || s[len(name)+1] != '[' || strings.HasPrefix(name, "(") {
		return false
	}
	ip, port, rest := values.CutBracketed(s[len(name)+1:])
	if !ip.IsValid() {
		return false
	}
	if strings.HasPrefix(rest, ":") {
		return true // with words of the server, or of TLS
	}
	if len(rest) < 3 || rest[0] != ' ' || rest[1] < 'A' || rest[1] > 'Z' || rest[2] == '=' {
		return false // a client's
	}
	if strings.HasPrefix(rest, " SMTP error from ") {
		return true
	}
	key := memoKey{e.host, id}
	hosts := p.failed.open(key)
	host := &hosts.hosts[hosts.next]
	p.failed.keep(key, &host.name, name)
	p.failed.keep(key, &host.text, rest[1:min(len(rest), 128)])
	host.ip, host.port = ip, port
	hosts.next = (hosts.next + 1) % len(hosts.hosts)
	return true
}
