package parse

import (
	"strings"

	"github.com/bouncehouse/bouncehouse"
	"github.com/bouncehouse/bouncehouse/parse/values"
)

// The column recipient-status is a list parallel to recipient-address:
//
//	550 5.1.1 <a@x>... User unknown;552 5.2.2 <b@x>... full                        2007, 2010
//	[{LED=550-5.1.1 The account ... 550 5.1.1 text};{MSG=};{FQDN=mx.x};{IP=203.0.113.1};{LRT=6/1/2024 1:03:02 AM}]
//	[{LRT=...};{LED=451 4.4.397 Error communicating with target host. -> 421 4.2.1 Unable to connect -> SocketTimedout: ...};{FQDN=};{IP=}]
//	451 4.4.0 Primary target IP address responded with: "421 4.4.1 Connection timed out." Attempted failover to ...
//
// LED is the last error detail, LRT the last retry time. Replies hold
// semicolons, braces and quotes of their own.

// statusList cuts the column into as many parts as there are recipients.
type statusList struct {
	rest  string
	left  int
	cut   bool // something was cut off: the parts are one a recipient
	whole string
}

// next is the next recipient's status. One status alone is for all.
func (l *statusList) next() string {
	if l.left <= 1 || l.rest == "" {
		if l.rest == "" && !l.cut {
			return l.whole
		}
		s := l.rest
		l.rest = ""
		return s
	}
	l.left--
	end := statusEnd(l.rest)
	if end < 0 && !l.cut {
		l.whole, l.rest = l.rest, ""
		return l.whole
	}
	l.cut = true
	if end < 0 {
		s := l.rest
		l.rest = ""
		return s
	}
	s := l.rest[:end]
	l.rest = l.rest[end+1:]
	return s
}

// shared tells that one status is for all.
func (l *statusList) shared() bool { return !l.cut && l.whole != "" }

// statusEnd finds the semicolon that ends the first status of s: one that
// another status follows.
func statusEnd(s string) int {
	at := 0
	if strings.HasPrefix(s, "[{") {
		if at = strings.Index(s, "}];"); at < 0 {
			return -1
		}
	}
	for at < len(s) {
		n := strings.IndexByte(s[at:], ';')
		if n < 0 {
			return -1
		}
		at += n
		if after := s[at+1:]; after == "" || after[0] == ';' || bouncehouse.StartsWithCode(after) ||
			strings.HasPrefix(after, "[{") {
			return at
		}
		at++
	}
	return -1
}

// readStatus reads one recipient's status. remote tells that an SMTP server
// may have said it.
func readStatus(ev *bouncehouse.Event, s string, remote bool) {
	s = strings.TrimSpace(s)
	if strings.Contains(s, "{LED=") || strings.HasPrefix(s, "[{") {
		host, ip := statusValue(s, "{FQDN="), values.IP(statusValue(s, "{IP="))
		if ip.IsValid() || host != "" {
			ev.RemoteHost, ev.RemoteIP = exchangeHost(host), ip
		}
		led := statusValue(s, "{LED=")
		if led == "" {
			led = statusValue(s, "{MSG=")
		}
		s = led
	}
	if s == "" {
		return
	}
	said := bouncehouse.ParseReply(s)
	ev.ReplyCode, ev.EnhancedCode, ev.ReplyText = said.Code, said.Enhanced, said.Text
	lastEndpoint(ev, said.Text)
	if said.Code == 0 {
		return
	}
	if said.Enhanced == "4.4.7" || strings.HasPrefix(said.Text, "QUEUE.Expired") {
		// 550 4.4.7 QUEUE.Expired; message expired. 400 4.4.7 Message delayed is a notice.
		if ev.Outcome == bouncehouse.Bounced {
			ev.Outcome = bouncehouse.Expired
		}
		ev.ReplyCode = 0
		return
	}
	// Where Exchange itself refuses (a transport rule, an unknown recipient),
	// its code is the answer; for what failed on the way it makes one up.
	if ownWords(said.Text) {
		ev.ReplyCode = 0
	}
	cause, ok := innerReply(said.Text)
	if !ok {
		cause = said
	}
	if cause.Enhanced != "" {
		ev.EnhancedCode = cause.Enhanced
	}
	if ok && remote && cause.Code != 0 && !ownWords(cause.Text) {
		ev.ReplyCode, ev.ReplyText = cause.Code, cause.Text
	}
	if ev.ReplyCode == 0 && remote {
		for _, words := range [...]string{"Unable to connect", "Failed to connect", "Cannot connect to",
			"Connection refused"} {
			if strings.Contains(cause.Text, words) {
				ev.Stage = bouncehouse.StageConnect
			}
		}
	}
}

// lastEndpoint takes the remote from Exchange's own words where nothing else
// names it:
//
//	... delivery failed to all alternate hosts. The last endpoint attempted was 198.51.100.9:25
//	Connection refused [Message=Socket error code 10061] [LastAttemptedServerName=mx.x] [LastAttemptedIP=203.0.113.5:25] [...]
func lastEndpoint(ev *bouncehouse.Event, s string) {
	_, after, ok := strings.Cut(s, "last endpoint attempted was ")
	if !ok {
		if _, after, ok = strings.Cut(s, "[LastAttemptedIP="); !ok {
			return
		}
	}
	if end := strings.IndexAny(after, ` "]`); end >= 0 && !strings.HasPrefix(after, "[") {
		after = after[:end]
	} else if end := strings.IndexByte(after, ' '); end >= 0 {
		after = after[:end]
	}
	at := values.Endpoint(strings.TrimRight(after, ".]"))
	if !at.IsValid() || ev.RemoteIP.IsValid() && ev.RemoteIP != at.Addr() {
		return
	}
	ev.RemoteIP, ev.RemotePort = at.Addr(), at.Port()
	if _, name, ok := strings.Cut(s, "[LastAttemptedServerName="); ok && ev.RemoteHost == "" {
		name, _, _ = strings.Cut(name, "]")
		ev.RemoteHost = exchangeHost(name)
	}
}

// innerReply is the reply that Exchange wraps in its own: the remote's, at
// the beginning of a session, or one made up for a lost connection.
//
//	Primary target IP address responded with: "421 4.4.1 Connection timed out." Attempted failover to alternate host, ...
//	Error communicating with target host. -> 421 4.4.2 Connection dropped due to SocketError
func innerReply(s string) (bouncehouse.Reply, bool) {
	const quoted = `target IP address responded with: "`
	if at := strings.Index(s, quoted); at >= 0 {
		s = s[at+len(quoted):]
		if end := strings.Index(s, `" Attempted failover`); end >= 0 {
			s = s[:end]
		} else if end := strings.LastIndexByte(s, '"'); end >= 0 {
			s = s[:end]
		}
		return bouncehouse.ParseReply(strings.Trim(s, `" `)), true
	}
	if at := strings.Index(s, " -> "); at >= 0 && ownWords(s) && bouncehouse.StartsWithCode(s[at+len(" -> "):]) {
		return bouncehouse.ParseReply(s[at+len(" -> "):]), true
	}
	return bouncehouse.Reply{}, false
}

// statusValue is the value of a key in [{KEY=value};{KEY=value}].
func statusValue(s, key string) string {
	at := strings.Index(s, key)
	if at < 0 {
		return ""
	}
	s = s[at+len(key):]
	end := len(s)
	for _, next := range [...]string{"};{LED=", "};{MSG=", "};{FQDN=", "};{IP=", "};{LRT="} {
		if n := strings.Index(s[:end], next); n >= 0 {
			end = n
		}
	}
	if end == len(s) {
		s = strings.TrimSuffix(strings.TrimSuffix(s, "]"), "}")
		return strings.Trim(s, " ")
	}
	return strings.Trim(s[:end], " ")
}

// ownWords tells replies that Exchange wrote itself: where it met no server,
// or lost it, it makes up a code of the same form.
func ownWords(text string) bool {
	for _, own := range [...]string{
		"Primary target IP address responded with", "Error encountered while communicating with",
		"Error communicating with target host",
		"Unable to connect", "Failed to connect", "Cannot connect to", "Connection timed out", "Connection dropped",
		"Connection refused",
		"Connection reset", "Connection expired", "Connection was dropped", "Socket", "Winsock", "DNS query failed",
		"DNS.", "DNS domain",
		"Cannot achieve Exchange Server authentication", "Certificate validation", "Certificate expired",
		"Message expired", "Message delayed",
		"Message deferred", "Target host responded with error", "Proxy session", "Last endpoint attempted",
		"STARTTLS is required to send mail", "TLS negotiation", "Domain is not configured",
	} {
		if strings.HasPrefix(text, own) {
			return true
		}
	}
	// SMTPSEND.DNS.NonExistentDomain; nonexistent domain. ROUTING.NoConnectorForAddressType; ...
	for _, part := range [...]string{"SMTPSEND.", "ROUTING.", "QUEUE.", "AGENT."} {
		if strings.HasPrefix(text, part) {
			return true
		}
	}
	return false
}
