package parse

import (
	"strings"

	"github.com/bouncehouse/bouncehouse"
	"github.com/bouncehouse/bouncehouse/parse/values"
)

// A report of qmail-remote, as qmail-send logs it: every blank is an
// underscore, every line end a slash (qmail-remote.c; patches in brackets):
//
//	203.0.113.7_accepted_message./Remote_host_said:_250_ok/
//	203.0.113.7_does_not_like_recipient./Remote_host_said:_550_no_such_user/Giving_up_on_203.0.113.7./
//	Connected_to_203.0.113.7_but_sender_was_rejected./Remote_host_said:_550_no/
//	Connected_to_203.0.113.7_but_connection_died._Possible_duplicate!_(#4.4.2)/
//	Sorry,_I_wasn't_able_to_establish_an_SMTP_connection._(#4.4.1)/I'm_not_going_to_try_again;_this_message_has_been_in_the_queue_too_long./
//	TLS_connect_failed:_timed_out;_connecting_to_203.0.113.7./                                       [TLS]
//	User_and_password_not_set,_continuing_without_authentication./<a@b>_203.0.113.7_accepted_...     [AUTH]
//	(a@b)_203.0.113.7_accepted_message./Remote_host_said:_250_Ok/                                    [one per recipient]
//	From:_<a@b>_RCPT:_<c@d>_203.0.113.7_does_not_like_recipient./Remote_host_said:_550_no/...        [IndiMail]
//
// The report of a local delivery is the program's output, or "did_1+0+0/":
// how many mailboxes, forwards and programs were served (qmail-local.c).
const (
	saidMark   = "Remote_host_said:_"
	giveUpMark = "/Giving_up_on_"
	tooLong    = "I'm_not_going_to_try_again;_this_message_has_been_in_the_queue_too_long."
)

func readReport(ev *bouncehouse.Event, s string, local bool) {
	s = strings.TrimRight(s, "/ ")
	if rest, ok := strings.CutSuffix(s, tooLong); ok && ev.Outcome == bouncehouse.Bounced {
		ev.Outcome = bouncehouse.Expired
		if strings.Contains(rest, saidMark) {
			s = strings.TrimRight(rest, "/")
		}
	}
	words, said := s, ""
	if at := strings.Index(s, saidMark); at == 0 || at > 0 && (s[at-1] == '/' || s[at-1] == '_') {
		words, said = strings.TrimRight(s[:at], "/_"), s[at+len(saidMark):]
	}
	if !local {
		// A local program's output is a stranger's: it names no remote.
		readPhrase(ev, words)
	}
	if said != "" && (bouncehouse.StartsWithCode(said) || len(said) > 3 && said[3] == '_' && values.Digits(said[:3])) {
		if at := strings.LastIndex(said, giveUpMark); at >= 0 {
			said = said[:at]
		}
		r := bouncehouse.ParseReply(restoreBlanks(ev, joinReplyLines(strings.TrimRight(said, "/"))))
		ev.ReplyCode, ev.EnhancedCode, ev.ReplyText = r.Code, r.Enhanced, r.Text
		if local { // qmail-local runs programs: no remote has answered us
			ev.ReplyCode = 0
		}
	} else {
		if at := strings.LastIndex(s, giveUpMark); at >= 0 {
			s = s[:at]
		}
		ev.ReplyText = restoreBlanks(ev, joinReportLines(s))
	}
	if ev.EnhancedCode == "" {
		ev.EnhancedCode = numberSign(ev.ReplyText)
	}
	if local && ev.Outcome == bouncehouse.Delivered {
		settleLocal(ev, s)
	}
}

// qmailPhrases are the words behind the remote's address, and their stage.
var qmailPhrases = [...]struct {
	words string
	stage bouncehouse.Stage
}{
	{"_does_not_like_recipient", bouncehouse.StageRCPT},
	{"_accepted_message", bouncehouse.StageEOD},
	{"_failed_after_I_sent_the_message", bouncehouse.StageEOD},
	{"_failed_on_DATA_command", bouncehouse.StageDATA},
	{"_but_sender_was_rejected", bouncehouse.StageMAIL},
	{"_but_greeting_failed", bouncehouse.StageConnect},
	{"_but_my_name_was_rejected", bouncehouse.StageHELO},
	{"_but_connection_died", ""},
	{"_but_unable_to_authenticate", bouncehouse.StageAuth},
	{"_but_authentication_was_rejected", bouncehouse.StageAuth},
	{"_but_no_supported_SMTP_authentication", bouncehouse.StageAuth},
	{"_but_authentication_failed", bouncehouse.StageAuth},
	{"_but_unable_to_STARTTLS", bouncehouse.StageSTARTTLS},
	{"_but_unable_to_verify_server", bouncehouse.StageSTARTTLS},
	{"_but_TLS_required", bouncehouse.StageSTARTTLS},
}

// readPhrase takes stage and remote from qmail-remote's own words.
func readPhrase(ev *bouncehouse.Event, s string) {
	for i := range qmailPhrases {
		ph := &qmailPhrases[i]
		at := strings.LastIndex(s, ph.words)
		if at < 0 {
			continue
		}
		ev.Stage = ph.stage
		if ph.stage == "" && strings.Contains(s[at:], "Possible_duplicate") {
			ev.Stage = bouncehouse.StageEOD
		}
		from := strings.LastIndexAny(s[:at], "_/") + 1
		remoteName(ev, s[from:at])
		if before, ok := strings.CutSuffix(s[:from], "_"); ok && ev.Recipient == "" && before != "" {
			ev.Recipient = quotedAddress(before)
		}
		// "mx.example.org_[203.0.113.7]"
		if ev.RemoteIP.IsValid() && ev.RemoteHost == "" && from > 1 && s[from-1] == '_' {
			if before := s[strings.LastIndexAny(s[:from-1], "_/")+1 : from-1]; s[from] == '[' &&
				strings.IndexByte(before, '.') > 0 {
				ev.RemoteHost = before
			}
		}
		return
	}
	switch {
	case strings.Contains(s, "to_establish_an_SMTP_connection"), strings.Contains(s, "unable_to_establish"):
		ev.Stage = bouncehouse.StageConnect
	case strings.HasPrefix(s, "TLS_"), strings.HasPrefix(s, "SSL_"):
		ev.Stage = bouncehouse.StageSTARTTLS
	default:
		return
	}
	for _, mark := range [...]string{"connecting_to_", "connected_to_"} {
		if at := strings.LastIndex(s, mark); at >= 0 {
			host, _, _ := strings.Cut(s[at+len(mark):], "_")
			host, _, _ = strings.Cut(host, "/")
			remoteName(ev, strings.TrimRight(host, ".,;:"))
		}
	}
}

// quotedAddress takes the address off the end of a text: "<a@b>" or "(a@b)",
// as patches put it before the host.
func quotedAddress(s string) string {
	open := byte('<')
	switch s[len(s)-1] {
	case '>':
	case ')':
		open = '('
	default:
		return ""
	}
	addr := s[strings.LastIndexByte(s, open)+1 : len(s)-1]
	if strings.IndexByte(addr, '@') < 1 {
		return ""
	}
	return addr
}

// remoteName takes "203.0.113.7", "[2001:db8::1]" or a host's name.
func remoteName(ev *bouncehouse.Event, s string) {
	name := strings.Trim(s, "[]()<>,;")
	if ip := values.IP(name); ip.IsValid() {
		ev.RemoteIP = ip
	} else if strings.IndexByte(name, '.') > 0 && strings.IndexByte(name, '@') < 0 {
		ev.RemoteHost = name
	}
}

// joinReplyLines makes blanks of the slashes between the lines of a reply: a line
// begins with the code that the first one has. Others are of the text itself.
func joinReplyLines(s string) string {
	if len(s) < 4 {
		return s
	}
	code := s[:3]
	return joinLinesAt(s, func(i int) bool {
		return i >= 3 && i+4 < len(s) && s[i+1:i+4] == code && (s[i+4] == '-' || s[i+4] == '_' || s[i+4] == ' ')
	})
}

// joinReportLines makes blanks of the slashes that were line ends: those behind a
// line's last stop or beside a blank. "control/locals" and "http://" stay.
func joinReportLines(s string) string {
	return joinLinesAt(s, func(i int) bool {
		if i+1 == len(s) || s[i+1] == '/' || s[i-1] == '/' && i > 1 && s[i-2] == ':' {
			return false
		}
		switch s[i-1] {
		case '.', ',', ';', ':', ')', '>', '!', '?', '_', '/':
			return true
		}
		return s[i+1] == '_' || strings.HasPrefix(s[i+1:], "qp_")
	})
}

// joinLinesAt makes blanks of the slashes at which a line ends.
func joinLinesAt(s string, ends func(i int) bool) string {
	var b []byte
	for i := 1; i < len(s); i++ {
		if s[i] != '/' || !ends(i) {
			continue
		}
		if b == nil {
			b = []byte(s)
		}
		b[i] = ' '
	}
	if b == nil {
		return s
	}
	return string(b)
}

// restoreBlanks makes blanks of underscores, but not of those in the addresses
// that are known.
func restoreBlanks(ev *bouncehouse.Event, s string) string {
	s = strings.Trim(strings.ReplaceAll(s, "_", " "), " ")
	for _, addr := range [...]string{ev.Recipient, ev.Sender} {
		if len(addr) > 5 && strings.IndexByte(addr, '_') >= 0 {
			s = strings.ReplaceAll(s, strings.ReplaceAll(addr, "_", " "), addr)
		}
	}
	return s
}

// numberSign finds the enhanced code of qmail's own kind: "text (#5.1.2)".
func numberSign(s string) string {
	for {
		at := strings.Index(s, "#")
		if at < 0 {
			return ""
		}
		s = s[at+1:]
		if n := bouncehouse.EnhancedLen(s); n > 0 && n < len(s) && s[n] == ')' {
			return s[:n]
		}
	}
}

// settleLocal tells a forward from a delivery: "did_0+1+0" queued a new
// message, whose own result counts.
func settleLocal(ev *bouncehouse.Event, s string) {
	at := strings.LastIndex(s, "did_")
	if at < 0 {
		return
	}
	boxes, rest, ok := strings.Cut(s[at+len("did_"):], "+")
	forwards, programs, ok2 := strings.Cut(rest, "+")
	programs, _, _ = strings.Cut(programs, "/") // the new message: "/qp_402/"
	if ok && ok2 && boxes == "0" && programs == "0" && values.Digits(forwards) && forwards != "0" {
		ev.Outcome, ev.Counted = bouncehouse.Relayed, false
	}
}
