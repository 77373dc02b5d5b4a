package bounce

import (
	"strings"

	"github.com/bouncehouse/bouncehouse"
	"github.com/bouncehouse/bouncehouse/parse/said"
	"github.com/bouncehouse/bouncehouse/parse/values"
)

// Sendmail's transcript of the session, in the text for people.

// maxExchanges bounds how many replies of a transcript are kept.
const maxExchanges = 1000

// exchange is a command of Sendmail's transcript and the refusal of it.
type exchange struct {
	command string // lower case; empty for the greeting
	said    said.Answer
	reply   string // as it stands, lines joined by a space
	at      int    // offset of its last line
}

// readTranscript reads the refusals in Sendmail's transcript of the session:
//
//	... while talking to mx.example.net.:
//	>>> RCPT To:<user@example.net>
//	<<< 550-5.1.1 No such user
//	<<< 550 5.1.1 here
//	550 5.1.1 <user@example.net>... User unknown
func readTranscript(human string) transcript {
	if !strings.Contains(human, "<<< ") {
		return transcript{}
	}
	var found []exchange
	var command, host string
	var reply strings.Builder // in the form of joined replies everywhere else
	last := 0                 // offset of the reply's last line
	finish := func() {
		if reply.Len() == 0 {
			return
		}
		whole := reply.String()
		r := bouncehouse.ParseReply(whole)
		reply.Reset()
		if r.Code < 400 || command == "quit" || len(found) >= maxExchanges {
			return
		}
		if command == "data" && (r.Code == 503 || strings.Contains(values.LowerASCII(r.Text), "no valid recipients")) {
			// QUIRK: the commands were pipelined, and the replies before
			// this one are those to RCPT TO, although they stand behind DATA.
			for i := len(found) - 1; i >= 0 && found[i].command == "data" && found[i].said.Host == host; i-- {
				found[i].said.Stage = bouncehouse.StageRCPT
			}
			return
		}
		stage := said.StageOf(command)
		switch command {
		case "":
			stage = bouncehouse.StageConnect
		case ".":
			stage = bouncehouse.StageEOD
		}
		s := said.Answer{Host: host, Stage: stage, Code: r.Code, Enhanced: r.Enhanced, Text: r.Text}
		found = append(found, exchange{command, s, whole, last})
	}
	for at := 0; at < len(human); {
		line, next := values.CutLine(human, at)
		here := at
		at = next
		line = strings.TrimRight(line, " \t\r")
		switch {
		case strings.HasPrefix(line, "<<<"):
			last = here
			words := strings.TrimSpace(line[3:])
			if reply.Len() > 0 && reply.Len() < maxParagraph {
				reply.WriteByte(' ')
			}
			if reply.Len() < maxParagraph {
				reply.WriteString(words)
			}
			if len(words) < 4 || words[3] != '-' {
				finish()
			}
		case strings.HasPrefix(line, ">>>"):
			finish()
			command = strings.ToLower(strings.TrimSpace(line[3:]))
		case talkingTo(line) != "":
			finish()
			host, command = values.HostName(strings.TrimSuffix(talkingTo(line), ":")), ""
		default:
			finish()
		}
	}
	finish()
	return transcript{exchanges: found}
}

// talkingTo returns the host that line says the session is with:
//
//	... while talking to mx.example.net.:     version 8
//	While talking to mx.example.net:          version 5
//	Connected to mx.example.net:              version 5, BSD's
func talkingTo(line string) string {
	for _, words := range [...]string{"... while talking to ", "While talking to ", "Connected to "} {
		if rest, ok := strings.CutPrefix(line, words); ok && (line[0] == '.' || strings.HasSuffix(rest, ":")) {
			return rest
		}
	}
	return ""
}

// transcript is the refusals of a transcript.
type transcript struct {
	exchanges []exchange
	of        map[string]int // the last refusal of each recipient; nil where there are few recipients
}

// index prepares t to be asked for many recipients.
func (t *transcript) index(recipients int) {
	if recipients <= fewRecipients || len(t.exchanges) == 0 {
		return
	}
	t.of = map[string]int{}
	for i := range t.exchanges {
		e := &t.exchanges[i]
		if e.said.Stage != bouncehouse.StageRCPT {
			continue
		}
		for _, words := range [...]string{e.command, values.LowerASCII(e.said.Text)} {
			for at := range values.AddressSpans(words) {
				t.of[words[at.Start:at.End]] = i
			}
		}
	}
}

// pick returns what the transcript says of one recipient: the whole of the
// reply that the diagnostic, known, begins; else the refusal of RCPT for it;
// else, where the report has one recipient only, the last refusal.
func (t *transcript) pick(known said.Answer, recipient string, only bool) said.Answer {
	recipient = values.LowerASCII(recipient)
	var own, last said.Answer
	for i := range t.exchanges {
		switch e := &t.exchanges[i]; {
		case known.Text != "" && known.Code == e.said.Code && strings.HasPrefix(e.said.Text, known.Text):
			return e.said
		case t.of != nil:
		case e.said.Stage == bouncehouse.StageRCPT && recipient != "" &&
			(strings.Contains(e.command, recipient) || strings.Contains(values.LowerASCII(e.said.Text), recipient)):
			own = e.said
		default:
			last = e.said
		}
	}
	if i, ok := t.of[recipient]; ok {
		own = t.exchanges[i].said
	}
	switch {
	case own.Code != 0:
		return own
	case only && (known.Code == 0 || known.Code == last.Code):
		return last
	}
	return said.Answer{}
}
