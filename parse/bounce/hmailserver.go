package bounce

import (
	"net/netip"
	"strings"

	"github.com/bouncehouse/bouncehouse"
	"github.com/bouncehouse/bouncehouse/parse/said"
	"github.com/bouncehouse/bouncehouse/parse/values"
)

// hMailServer (SMTPDeliverer.cpp, SMTPClientConnection.cpp, ExternalDelivery.cpp).
// Its bounce mail is a template with the collected errors in the middle. The
// template is edited and translated; the errors are the program's:
//
//	user@example.net
//	   Error Type: SMTP
//	   Remote server (192.0.2.1) issued an error.
//	   hMailServer sent: RCPT TO:<user@example.net>
//	   Remote server replied: 550 5.1.1 No such user          may run over lines
//
//	user@example.net
//	   Error Type: SMTP
//	   Connection to recipients server failed.
//	   Error: Host name: mx.example.net, message: The host name was not found.
//
//	   Tried 4 time(s)
//
//	user@example.net
//	   Error Type: SMTP
//	   Error Description: No mail servers appear to exists for the recipient's address.
//	   Additional information: Please check that you have not misspelled the recipient's email address.
//
// hMailServer sent: . is the end of the data; nothing sent, the greeting.

// readHMailServer reads hMailServer's bounce mails.
func readHMailServer(m *mimePart) ([]report, error) {
	text := m.text()
	if !m.has("Error Type:") || !strings.Contains(text, "Remote server") &&
		!strings.Contains(text, "Error Description:") && !strings.Contains(text,
		"Connection to recipients server failed") && !strings.Contains(text, "Error:") {
		return nil, nil
	}
	if !writtenBySystem(m) && m.header.get("X-hMailServer-LoopCount") == "" && !failureSubject(m.subject()) {
		return nil, nil
	}
	rep := report{mail: m, original: m.original()}
	var e *hMailError
	recipient := ""
	end := 0 // of the last error
	finish := func() {
		if e != nil {
			rep.add(e.block())
		}
		e = nil
	}
	for at := 0; at < len(text); {
		line, next := values.CutLine(text, at)
		line = strings.Trim(line, " \t\u00a0")
		at = next
		name, value, _ := strings.Cut(line, ":")
		switch {
		case strings.EqualFold(name, "Error Type"):
			finish()
			if recipient != "" {
				e = &hMailError{recipient: recipient}
				recipient, end = "", at
			}
			continue
		case isAddress(strings.Trim(line, "<>")):
			finish()
			recipient = strings.Trim(line, "<>")
			continue
		case line == "":
			if e != nil {
				e.paragraph++
			}
			continue
		}
		if e == nil {
			continue
		}
		if e.read(line, name, strings.TrimSpace(value)) {
			end = at
		}
	}
	finish()
	if len(rep.blocks) == 0 {
		return nil, nil
	}
	if rep.original == nil {
		_, rep.original = cutOriginal(text[end:]) // %MACRO_ORIGINAL_HEADER%
	}
	return []report{rep}, nil
}

// hMailError is the error of one recipient.
type hMailError struct {
	recipient string
	remote    string
	sent      string
	reply     []string
	words     []string // hMailServer's own
	host      string
	answered  bool // the remote server issued the error
	sentSeen  bool
	tried     bool
	replying  bool
	paragraph int // empty lines so far
	ended     int // paragraph when the last value began, which ends with it
}

// read takes one line; false where it does not belong to the error.
func (e *hMailError) read(line, name, value string) bool {
	switch {
	case values.HasPrefixFold(line, "Remote server ("):
		ip, _, _ := strings.Cut(line[len("Remote server ("):], ")")
		e.remote, e.answered = ip, true
	case strings.EqualFold(name, "hMailServer sent"):
		e.sent, e.sentSeen = value, true
	case strings.EqualFold(name, "Remote server replied"):
		e.reply, e.replying = append(e.reply, value), true
		e.ended = e.paragraph
	case values.HasPrefixFold(line, "Connection to recipients server failed"):
		e.words, e.replying = append(e.words, line), false
	case strings.EqualFold(name, "Error"), strings.EqualFold(name, "Error Description"),
		strings.EqualFold(name, "Additional information"):
		e.replying = false
		if rest, ok := strings.CutPrefix(value, "Host name: "); ok {
			host, _, _ := strings.Cut(rest, ",")
			e.host = values.HostName(host)
		}
		e.words = append(e.words, value)
		e.ended = e.paragraph
	case values.HasPrefixFold(line, "Tried ") && strings.Contains(line, "time"):
		e.tried, e.replying = true, false
	case e.replying && e.paragraph == e.ended && len(e.reply) < 50:
		e.reply = append(e.reply, line)
	case !e.replying && e.paragraph == e.ended && len(e.words) > 0 && len(e.words) < 20:
		e.words = append(e.words, line)
	default:
		return false
	}
	return true
}

// block makes the block of the error.
func (e *hMailError) block() block {
	b := block{recipient: e.recipient, action: "failed", remote: e.remote}
	if e.answered || len(e.reply) > 0 {
		b.diagnostic = strings.TrimSpace(strings.Join(e.reply, " "))
		switch sent := strings.ToLower(e.sent); {
		case sent == "." || strings.HasSuffix(sent, "[nl].") || strings.HasSuffix(sent, "\n."):
			b.stage = bouncehouse.StageEOD
		case sent == "" && e.sentSeen:
			b.stage = bouncehouse.StageConnect
		default:
			b.stage = said.StageOf(sent)
		}
	}
	if b.diagnostic == "" {
		b.diagnostic = strings.Join(e.words, " ")
		if e.host != "" {
			var ip netip.Addr
			for _, w := range strings.Fields(b.diagnostic) {
				if addr := values.IP(strings.Trim(w, ".,:;")); addr.IsValid() {
					ip = addr
				}
			}
			b.stage = bouncehouse.StageConnect
			b.answeredBy(e.host, ip)
		}
	}
	if e.tried && !bouncehouse.StartsWithCode(b.diagnostic) || e.tried && strings.HasPrefix(b.diagnostic, "4") {
		b.action = "expired"
	}
	b.text = firstOf(b.diagnostic, " ")
	return b
}
