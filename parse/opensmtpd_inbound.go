package parse

import (
	"strings"

	"github.com/bouncehouse/bouncehouse"
	"github.com/bouncehouse/bouncehouse/parse/said"
	"github.com/bouncehouse/bouncehouse/parse/values"
)

// refused reads `command="RCPT TO:<c@d>" result="550 text"`. The command is
// the client's, and may look like a result.
func (p *openSMTPD) refused(r bouncehouse.Record, h *headReader, e *entry, session, rest string,
	res *bouncehouse.Result) error {
	const result = `" result="`
	_, rest, ok := strings.Cut(rest, `command="`)
	if !ok {
		return nil
	}
	for from, tries := 0, 0; tries < maxTries; tries++ {
		at := strings.Index(rest[from:], result)
		if at < 0 {
			break
		}
		at += from
		if reply := rest[at+len(result):]; refusal45(reply) {
			return p.refusal(r, h, e, session, rest[:at], strings.TrimSuffix(reply, `"`), res)
		}
		from = at + len(result)
	}
	return nil
}

// refusal45 tells that s is a reply that refuses.
func refusal45(s string) bool { return bouncehouse.StartsWithCode(s) && (s[0] == '4' || s[0] == '5') }

// refusal makes an event of a command that our server refused. What is no
// command of SMTP, or of none of its steps, tells of no mail.
func (p *openSMTPD) refusal(r bouncehouse.Record, h *headReader, e *entry, session, command, reply string,
	res *bouncehouse.Result) error {
	verb, arg := command, ""
	if n := strings.IndexAny(command, " :"); n >= 0 {
		verb, arg = command[:n], command[n+1:]
	}
	var stage bouncehouse.Stage
	switch strings.ToUpper(verb[:min(len(verb), 8)]) {
	case "":
		stage = bouncehouse.StageConnect
	case "EHLO", "HELO", "LHLO":
		stage = bouncehouse.StageHELO
	case "STARTTLS":
		stage = bouncehouse.StageSTARTTLS
	case "AUTH":
		stage = bouncehouse.StageAuth
	case "MAIL":
		stage = bouncehouse.StageMAIL
	case "RCPT":
		stage = bouncehouse.StageRCPT
	case "DATA", "BDAT", ".":
		// The message is refused at its end under the name of its command.
		if stage = bouncehouse.StageEOD; strings.HasPrefix(reply, "503") {
			stage = bouncehouse.StageDATA
		}
	default:
		return nil
	}
	at, err := h.clock.time(&r, &e.stamp)
	if err != nil {
		return err
	}
	ev := newRefusal(res, bouncehouse.OpenSMTPD, at, e.host, "")
	ev.Stage, ev.ContextKnown = stage, true
	address := smtpPath(arg)
	switch stage {
	case bouncehouse.StageMAIL:
		ev.Sender = address
	case bouncehouse.StageRCPT:
		ev.Recipient = address
	}
	if s := p.sessions.find(memoKey{e.host, session}); s != nil {
		s.client.set(ev)
		ev.SASLUser = s.user
	}
	said.SetReply(ev, reply)
	return nil
}

// smtpPath finds the address in "TO:<c@d> NOTIFY=NEVER".
func smtpPath(arg string) string {
	_, path, ok := strings.Cut(arg, "<")
	if !ok {
		return ""
	}
	if address, _, ok := values.CutAddress(path); ok {
		return address
	}
	return strings.TrimSuffix(path, ">")
}

// old reads the lines of before 5.9, and of the queue in all versions.
func (p *openSMTPD) old(r bouncehouse.Record, h *headReader, e *entry, agent, rest string,
	res *bouncehouse.Result) error {
	switch agent {
	case "relay", "delivery":
		word, rest, ok := strings.Cut(rest, " for ")
		if !ok {
			return nil
		}
		evpid, rest, ok := strings.Cut(rest, ": ")
		if !ok || len(evpid) != 16 {
			return nil
		}
		f := mailFields{evpid: evpid}
		f.read(rest)
		f.result = word
		return p.outcome(r, h, e, &f, agent == "relay", res)
	case "smtp-in":
		if rest, ok := strings.CutPrefix(rest, "New session "); ok { // S from host H [ip]
			if id, client, ok := strings.Cut(rest, " from host "); ok {
				host, ip, _ := strings.Cut(strings.TrimSuffix(client, "]"), " [")
				p.begin(e, id, host, ip)
			}
		} else if rest, ok := strings.CutPrefix(rest, "Accepted message "); ok { // M on session S: from=...
			msgid, rest, _ := strings.Cut(rest, " on session ")
			session, rest, ok := strings.Cut(rest, ": ")
			if ok && len(session) == 16 {
				var f mailFields
				f.read(rest)
				s := p.session(e, session)
				s.size = values.Number(f.size)
				return p.taken(r, h, e, s, msgid, f.from, res)
			}
		} else if rest, ok := strings.CutPrefix(rest, "Failed command on session "); ok { // S: "cmd" => 550 text
			session, rest, _ := strings.Cut(rest, ": ")
			at := strings.LastIndex(rest, `" => `)
			if at > 0 && rest[0] == '"' && refusal45(rest[at+len(`" => `):]) {
				return p.refusal(r, h, e, session, rest[1:at], rest[at+len(`" => `):], res)
			}
		}
	case "smtp-out":
		if rest, ok := strings.CutPrefix(rest, "Connecting to "); ok { // smtp://ip:25 (host) on session S...
			address, rest, _ := strings.Cut(rest, " (")
			if at := strings.LastIndex(rest, " on session "); at >= 0 {
				p.calling(e, strings.TrimRight(rest[at+len(" on session "):], "."), address,
					strings.TrimSuffix(rest[:at], ")"))
			}
		} else if rest, ok := strings.CutPrefix(rest, "Started TLS on session "); ok { // S: version=...
			if session, ciphers, ok := strings.Cut(rest, ": "); ok {
				p.session(e, session).tls = cipherVersion(ciphers)
			}
		}
	}
	return nil
}
