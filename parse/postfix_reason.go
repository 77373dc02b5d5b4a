package parse

import (
	"strings"

	"github.com/bouncehouse/bouncehouse"
	"github.com/bouncehouse/bouncehouse/parse/said"
	"github.com/bouncehouse/bouncehouse/parse/values"
)

// readReason reads the text in brackets behind the status: the remote's
// reply, or what Postfix has to say itself. The enhanced code is the dsn=
// field's until the remote's own is found.
func readReason(ev *bouncehouse.Event, s string) {
	if rest, ok := strings.CutPrefix(s, "delivery temporarily suspended: "); ok {
		ev.Repeat = true
		s = rest
	}
	s = strings.TrimPrefix(s, "Protocol error: ")
	if s == "" {
		return
	}
	if ev.Outcome == bouncehouse.Delivered || ev.Outcome == bouncehouse.Relayed {
		if ev.RemoteHost != "" && bouncehouse.StartsWithCode(s) {
			ev.Stage = bouncehouse.StageEOD
			said.SetReply(ev, s)
			return
		}
		ev.ReplyText = s
		return
	}
	switch s[0] {
	case 'h':
		if host, rest, ok := cutHost(s, "host "); ok && hostReason(ev, host, rest) {
			return
		}
	case 'l':
		if host, rest, ok := cutHost(s, "lost connection with "); ok {
			remoteOf(ev, host)
			ev.Stage = doing(rest)
		}
	case 'c':
		if host, rest, ok := cutHost(s, "conversation with "); ok {
			remoteOf(ev, host)
			ev.Stage = doing(rest)
		} else if host, _, ok := cutHost(s, "connect to "); ok {
			remoteOf(ev, strings.TrimSuffix(host, ":"))
			ev.Stage = bouncehouse.StageConnect
			if _, reply, ok := strings.Cut(s, "server refused to talk to me: "); ok { // Postfix 2.0
				said.SetReply(ev, reply)
				return
			}
		}
	case 'T', 'C', 'S', 'R', 'n':
		if tlsReason(ev, s) {
			return
		}
	case 'm':
		// Found by the SIZE limit that the server told in reply to EHLO,
		// before MAIL FROM is sent [smtp/smtp_proto.c].
		if strings.HasPrefix(s, "message size ") && strings.Contains(s, "exceeds size limit") {
			ev.Stage = bouncehouse.StageMAIL
			if at := strings.LastIndex(s, " of server "); at > 0 {
				remoteOf(ev, s[at+len(" of server "):])
			}
		}
	}
	ev.ReplyText = s
}

// hostReason reads what follows "host H[ip] ".
func hostReason(ev *bouncehouse.Event, host, rest string) bool {
	if reply, ok := strings.CutPrefix(rest, "said: "); ok {
		if at := strings.LastIndex(reply, " (in reply to "); at >= 0 {
			ev.Stage = said.Command(reply[at+len(" (in reply to "):])
			reply = reply[:at]
		}
		remoteOf(ev, host)
		said.SetReply(ev, reply)
		return true
	}
	if reply, ok := strings.CutPrefix(rest, "refused to talk to me: "); ok {
		ev.Stage = bouncehouse.StageConnect
		remoteOf(ev, host)
		said.SetReply(ev, reply)
		return true
	}
	if strings.HasPrefix(rest, "greeted me with ") {
		ev.Stage = bouncehouse.StageConnect
		remoteOf(ev, host)
	} else if strings.HasPrefix(rest, "replied to HELO/EHLO ") {
		ev.Stage = bouncehouse.StageHELO
		remoteOf(ev, host)
	}
	return false
}

// tlsReason reads what smtp says of TLS, SASL and extensions.
func tlsReason(ev *bouncehouse.Event, s string) bool {
	switch {
	case strings.HasPrefix(s, "TLS"), strings.HasPrefix(s, "Cannot start TLS"),
		strings.HasPrefix(s, "Server certificate"),
		strings.HasPrefix(s, "REQUIRETLS"), strings.HasPrefix(s, "non DNSSEC destination"):
		ev.Stage = bouncehouse.StageSTARTTLS
		if at := strings.Index(s, " refused to start TLS: "); at > 0 {
			if host := strings.LastIndex(s[:at], "host "); host >= 0 {
				remoteOf(ev, s[host+len("host "):at])
			}
			said.SetReply(ev, s[at+len(" refused to start TLS: "):])
			return true
		}
	case strings.HasPrefix(s, "SASL authentication failed"):
		ev.Stage = bouncehouse.StageAuth
		at := strings.Index(s, " said: ")
		if at < 0 {
			break
		}
		if host := strings.LastIndex(s[:at], "server "); host >= 0 {
			remoteOf(ev, s[host+len("server "):at])
		}
		said.SetReply(ev, s[at+len(" said: "):])
		return true
	case strings.HasPrefix(s, "SMTPUTF8 is required"):
		ev.Stage = bouncehouse.StageMAIL
	}
	if at := strings.LastIndex(s, " by host "); at > 0 {
		remoteOf(ev, s[at+len(" by host "):])
	}
	return false
}

// cutHost cuts the host, up to the next blank, behind prefix.
func cutHost(s, prefix string) (host, rest string, ok bool) {
	if s, ok = strings.CutPrefix(s, prefix); !ok {
		return "", "", false
	}
	host, rest, _ = strings.Cut(s, " ")
	return host, rest, true
}

// remoteOf takes the host of a reason where relay= named none.
func remoteOf(ev *bouncehouse.Event, host string) {
	if ev.RemoteHost == "" && !ev.RemoteIP.IsValid() {
		values.SetRemote(ev, host)
	}
}

// doing is the stage of "while performing the EHLO handshake", "timed out
// while sending RCPT TO" [smtp/smtp_proto.c, xfer_states].
func doing(s string) bouncehouse.Stage {
	_, s, ok := strings.Cut(s, "while ")
	if !ok {
		return ""
	}
	if rest, ok := strings.CutPrefix(s, "sending "); ok {
		switch {
		case strings.HasPrefix(rest, "end of data"):
			return bouncehouse.StageEOD
		case strings.HasPrefix(rest, "message body"):
			return bouncehouse.StageDATA
		}
		return said.Command(rest)
	}
	switch {
	case strings.Contains(s, "greeting"):
		return bouncehouse.StageConnect
	case strings.Contains(s, "TLS"):
		return bouncehouse.StageSTARTTLS
	case strings.Contains(s, "SASL"), strings.Contains(s, "AUTH"):
		return bouncehouse.StageAuth
	case strings.Contains(s, "handshake"):
		return bouncehouse.StageHELO
	}
	return ""
}
