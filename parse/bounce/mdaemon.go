package bounce

import (
	"net/netip"
	"strings"

	"github.com/bouncehouse/bouncehouse"
	"github.com/bouncehouse/bouncehouse/parse/said"
	"github.com/bouncehouse/bouncehouse/parse/values"
)

// MDaemon (Alt-N, since 2020 MDaemon Technologies). Its notification quotes
// the log of the session; the words around it are templates (DELWARN.DAT,
// DELERR.DAT):
//
//	The attached message had PERMANENT fatal delivery errors.        or TEMPORARY non-fatal
//	Failed address: user@example.net
//	--- Session Transcript ---
//	 Tue 2026-10-27 10:00:00: *  From: sender@example.com
//	 Tue 2026-10-27 10:00:00: *  To: user@example.net
//	 Tue 2026-10-27 10:00:00: *  Message-ID: <1@example.com>
//	 Tue 2026-10-27 10:00:00: Attempting SMTP connection to [mx.example.net:25]
//	 Tue 2026-10-27 10:00:00: *  Connection established (192.168.0.15:60296 -> 192.0.2.1:25)
//	 Tue 2026-10-27 10:00:01: --> RCPT To:<user@example.net>
//	 Tue 2026-10-27 10:00:01: <-- 550 5.1.1 No such user
//	 Tue 2026-10-27 10:00:01: *  Name server reports domain name unknown
//	 Tue 2026-10-27 10:00:01: This message is 0 days old; it has 2 days left to get delivered
//	--- End Transcript ---
//
// The report of its own users is older:
//
//	user@example.net - no such user here.
//
//	There is no user by that name at this server.
//
// Newer versions add a machine part, which the transcript fills.

// readMDaemon reads MDaemon's bounce mails.
func readMDaemon(m *mimePart) ([]report, error) {
	if !fromMDaemon(m) {
		return nil, nil
	}
	text := m.text()
	rep := report{mail: m, original: m.original()}
	t := mdaemonTranscript{}
	if at := strings.Index(text, "--- Session Transcript ---"); at >= 0 {
		t.read(text[at:])
		text = text[:at]
	} else if !failureSubject(m.subject()) && !speaksOfFailure(m.text()) {
		return nil, nil // a summary, the answer to a command
	}
	rep.sender, rep.messageID = t.sender, t.messageID
	rep.blocks = t.blocks(failedAddresses(text))
	if len(rep.blocks) == 0 {
		rep.blocks = ownUsers(text)
	}
	delayed := t.waits || strings.Contains(text, "TEMPORARY") || strings.Contains(text, "WARNING MESSAGE ONLY")
	for i := range rep.blocks {
		b := &rep.blocks[i]
		switch {
		case b.action != "":
		case delayed && !strings.Contains(text, "PERMANENT"):
			b.action = "delayed"
		case strings.HasPrefix(b.diagnostic, "4"):
			b.action = "expired" // a warning comes first
		default:
			b.action = "failed"
		}
		b.text = firstOf(b.diagnostic, " ")
	}
	if len(m.content().status) > 0 {
		told := rep
		rep = newReport(m)
		rep.sender, rep.messageID = firstOf(rep.sender, told.sender), firstOf(rep.messageID, told.messageID)
		rep.merge(told.blocks)
	}
	return rep.found()
}

// fromMDaemon tells mails that MDaemon itself wrote.
func fromMDaemon(m *mimePart) bool {
	for i := range m.header {
		f := &m.header[i]
		switch {
		case f.is("Message-ID"):
			if values.HasPrefixFold(strings.TrimLeft(f.raw, " \t\r\n<"), "MDAEMON") {
				return true
			}
		case f.is("X-MDDSN-Message"):
			return true
		case f.is("From"):
			if values.HasPrefixFold(values.Angled(f.raw), "mdaemon@") {
				return true
			}
		}
	}
	return false
}

// failedAddresses are those that the template names.
func failedAddresses(text string) []string {
	var found []string
	for line := range values.Lines(text) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.Contains(value, "@") && len(found) < maxRecipients {
			switch strings.ToLower(strings.TrimSpace(name)) {
			case "failed address", "failed addresses", "failed recipient", "failed recipients":
				found = append(found, addressesIn(value)...)
			}
		}
	}
	return found
}

// ownUsers reads the older report.
func ownUsers(text string) []block {
	var out []block
	for line := range values.Lines(text) {
		a, words, ok := strings.Cut(strings.TrimSpace(line), " - ")
		if ok && isAddress(strings.Trim(a, "<>")) && len(out) < maxRecipients && failureReasons.in(words) {
			out = append(out, block{recipient: strings.Trim(a, "<>"), diagnostic: strings.TrimSpace(words)})
		}
	}
	return out
}

// mdaemonTranscript is what the log of a session tells.
type mdaemonTranscript struct {
	sender, messageID string
	to                []string
	host              string
	ip                netip.Addr
	command           string
	reply             []string // of the command under way
	refused           []mdaemonRefusal
	fact              string // the last that tells of a failure
	waits             bool   // the message has time left
}

// mdaemonRefusal is a refused command.
type mdaemonRefusal struct {
	recipient string // of RCPT
	stage     bouncehouse.Stage
	reply     string
	host      string
	ip        netip.Addr
}

func (t *mdaemonTranscript) read(text string) {
	n := 0
	for line := range values.Lines(text) {
		if n++; n > 4*maxProseLines || strings.HasPrefix(line, "--- End Transcript") {
			return
		}
		line = cutMDaemonTime(strings.TrimSpace(line))
		if rest, ok := strings.CutPrefix(line, "<--"); ok {
			t.answer(strings.TrimSpace(rest))
			continue
		}
		if rest, ok := strings.CutPrefix(line, "-->"); ok {
			t.command, t.reply = strings.TrimSpace(rest), nil
			continue
		}
		fact, isFact := strings.CutPrefix(line, "*")
		fact = strings.TrimSpace(fact)
		switch {
		case isFact && strings.HasPrefix(fact, "From: "):
			t.sender = firstOf(t.sender, values.Angled(fact[len("From: "):]))
		case isFact && strings.HasPrefix(fact, "To: "):
			t.to = append(t.to, addressesIn(fact)...)
		case isFact && strings.HasPrefix(fact, "Message-ID: "):
			t.messageID = firstOf(t.messageID, fact[len("Message-ID: "):])
		case isFact && strings.HasPrefix(fact, "Connection established"):
			if _, peer, ok := strings.Cut(fact, "-> "); ok {
				t.connect(strings.TrimRight(peer, ") "))
			}
			t.fact = "" // failures before were other hosts'
		case strings.HasPrefix(line, "Attempting SMTP connection to ["):
			where, _, _ := strings.Cut(line[len("Attempting SMTP connection to ["):], "]")
			t.connect(where)
		case strings.HasPrefix(line, "Attempting SMTP connection to "):
			t.connect(line[len("Attempting SMTP connection to "):])
		case strings.Contains(line, "it has ") && strings.Contains(line, " left"):
			t.waits = !strings.Contains(line, "it has 0 ")
		case tellsFailure(line):
			t.fact = firstOf(fact, line)
			if !isFact {
				t.fact = line
			}
		}
	}
}

// cutMDaemonTime cuts "Tue 2026-10-27 10:00:00: " and "[733250] " off.
func cutMDaemonTime(line string) string {
	if len(line) > 24 && line[3] == ' ' && line[8] == '-' && line[11] == '-' && line[17] == ':' {
		if n := strings.IndexByte(line[21:], ':'); n >= 0 && n < 8 {
			line = strings.TrimSpace(line[21+n+1:])
		}
	}
	if strings.HasPrefix(line, "[") {
		if n := strings.IndexByte(line, ']'); n > 0 && strings.Trim(line[1:n], "0123456789:") == "" {
			line = strings.TrimSpace(line[n+1:])
		}
	}
	return line
}

// sessionFailures stand in facts of the session that are no reply.
var sessionFailures = newPhrases("error", "unknown", "refused", "timed out", "timeout", "failed", "failure", "unable",
	"cannot", "could not", "unreachable", "aborted", "closed", "not found", "no such", "full", "exceed", "expired",
	"too many")

// tellsFailure tells such facts.
func tellsFailure(line string) bool {
	return sessionFailures.in(line) && !strings.Contains(values.LowerASCII(line), "parsing message")
}

// connect notes the host that is being talked to, by name or address.
func (t *mdaemonTranscript) connect(where string) {
	if ip := values.IP(where); ip.IsValid() {
		t.ip = ip
		return
	}
	if n := strings.LastIndexByte(where, ':'); n > 0 {
		where = where[:n]
	}
	if ip := values.IP(where); ip.IsValid() {
		t.ip = ip
		return
	}
	if host := values.HostName(where); host != "" && !strings.EqualFold(host, t.host) {
		t.host, t.ip = host, netip.Addr{}
	}
}

// answer takes a line of a reply.
func (t *mdaemonTranscript) answer(line string) {
	t.reply = append(t.reply, line)
	if len(line) > 3 && line[3] == '-' && len(t.reply) < 50 || !bouncehouse.StartsWithCode(line) {
		return
	}
	text := strings.Join(t.reply, " ")
	t.reply = nil
	lower := strings.ToLower(t.command)
	if line[0] == '3' && strings.HasPrefix(lower, "data") {
		t.command = "." // what comes next answers the message
	}
	if line[0] < '4' || strings.HasPrefix(lower, "quit") || len(t.refused) >= maxExchanges {
		return
	}
	r := mdaemonRefusal{reply: text, stage: said.StageOf(lower), host: t.host, ip: t.ip}
	switch {
	case lower == "":
		r.stage = bouncehouse.StageConnect
	case lower == ".", strings.HasPrefix(lower, "bdat"):
		r.stage = bouncehouse.StageEOD
	case r.stage == bouncehouse.StageRCPT:
		if found := addressesIn(t.command); len(found) > 0 {
			r.recipient = found[0]
		}
	}
	t.refused = append(t.refused, r)
}

// blocks makes the blocks of the failed addresses: as the template names
// them, else those whose RCPT was refused, else whom the message was to.
func (t *mdaemonTranscript) blocks(failed []string) []block {
	if len(failed) == 0 {
		for i := range t.refused {
			if a := t.refused[i].recipient; a != "" {
				failed = append(failed, a)
			}
		}
	}
	if len(failed) == 0 {
		failed = t.to
	}
	var out []block
	seen := map[string]bool{}
	for _, a := range failed {
		if seen[values.LowerASCII(a)] || len(out) >= maxRecipients {
			continue
		}
		seen[values.LowerASCII(a)] = true
		b := block{recipient: a}
		for i := range t.refused {
			if r := &t.refused[i]; r.recipient == "" || strings.EqualFold(r.recipient, a) {
				b.diagnostic, b.stage = r.reply, r.stage
				if r.ip.IsValid() {
					b.answeredBy(r.host, r.ip)
				}
			}
		}
		if b.diagnostic == "" {
			b.diagnostic = t.fact
			if t.ip.IsValid() { // else the host is the domain that has none
				b.answeredBy(t.host, t.ip)
				if t.command == "" {
					b.stage = bouncehouse.StageConnect
				}
			}
		}
		out = append(out, b)
	}
	return out
}
