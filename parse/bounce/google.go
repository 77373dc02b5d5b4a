package bounce

import (
	"strings"

	"github.com/bouncehouse/bouncehouse"
	"github.com/bouncehouse/bouncehouse/parse/said"
	"github.com/bouncehouse/bouncehouse/parse/values"
)

// Google's bounces. Those with a machine part (since 2016) are read by
// readStatusParts. Before, in English for all:
//
//	Delivery to the following recipient failed permanently:
//
//	     user@example.net
//
//	Technical details of permanent failure:
//	PERM_FAILURE: SMTP Error (state 9): 550 5.1.1 User unknown           2006
//
//	Google tried to deliver your message, but it was rejected by the server for
//	the recipient domain example.net by mx.example.net. [192.0.2.1].      2012
//
//	The error that the other server returned was:
//	550 5.1.1 <user@example.net>... User unknown
//
//	----- Original message -----
//
// "(state 14)" behind a reply is the step of Google's session. A warning says
// "has been delayed" and "Technical details of temporary failure". Since 2016,
// in the language of the account and as HTML, too:
//
//	** Message blocked **
//
//	Your message to user@example.net has been blocked. [...]
//
//	The response from the remote server was:
//	550 5.7.1 Message rejected
//
// Google Groups answers, in the language of the account, to whom may not post
// to a group; X-Failed-Recipients alone names the group's address.

// readGoogle reads the bounces of Gmail, Google Workspace and Google Groups.
func readGoogle(m *mimePart) ([]report, error) {
	if m.greets("Technical details of permanent failure:") || m.greets("Technical details of temporary failure:") {
		return readOldGmail(m)
	}
	if !m.greets("The response from the remote server was:") && !m.greets("The response was:") &&
		!strings.Contains(m.header.get("From"), "mailer-daemon@google") {
		return nil, nil
	}
	rep := textReport(m, m.text())
	rep.cutGoogle()
	group := strings.Contains(rep.human, "groups.google.com/") || strings.Contains(m.header.get("Message-ID"), ".GMR@")
	failed := rep.failedRecipients()
	if a := addressIn(values.ClipTo(rep.human, maxGreeting)); len(failed) == 0 && !group && a != "" &&
		!strings.EqualFold(a, values.OneAddress(m.header.get("To"))) {
		failed = []string{a}
	}
	if to := values.OneAddress(rep.original.get("To")); len(failed) == 0 && to != "" {
		failed = []string{to}
	}
	action := "failed"
	if strings.Contains(m.header.get("Subject"), "(Delay)") { // in every language
		action = "delayed"
	}
	if group {
		reason := groupsReason(rep.human)
		for _, a := range failed {
			rep.blocks = append(rep.blocks, block{recipient: a, action: action, diagnostic: reason})
		}
	} else {
		b := block{action: action}
		b.readGoogle(googleResponse(rep.human))
		for _, a := range failed {
			b.recipient = a
			rep.blocks = append(rep.blocks, b)
		}
	}
	return rep.found()
}

// cutGoogle cuts the text where the returned message begins.
func (rep *report) cutGoogle() {
	for _, words := range []string{"----- Original message -----", "----- Message header follows -----"} {
		if n := strings.Index(rep.human, words); n >= 0 {
			rep.returns(rep.human[n+len(words):])
			rep.human = rep.human[:n]
		}
	}
}

func readOldGmail(m *mimePart) ([]report, error) {
	rep := textReport(m, m.text())
	rep.cutGoogle()
	human, details, _ := strings.Cut(rep.human, "Technical details of ")
	_, details, _ = strings.Cut(details, "failure:")
	details = unfold(details[:min(len(details), maxShared)])
	action := "failed"
	if strings.Contains(human, "has been delayed:") || strings.Contains(human, "Message will be retried for ") {
		action = "delayed"
	}
	b := block{action: action}
	b.readGoogle(details)
	listed := false
	for line := range values.Lines(human) {
		words := strings.Trim(line, " \t\r*")
		switch {
		case words == "":
		case strings.HasPrefix(words, "Delivery to the following recipient"):
			listed = true
		case listed && indentOf(line) > 0 && strings.Contains(words, "@") && len(rep.blocks) < maxRecipients:
			b.recipient = (typedValue{value: words}).address()
			rep.blocks = append(rep.blocks, b)
		default:
			listed = false
		}
	}
	if len(rep.blocks) == 0 {
		for _, a := range rep.failedRecipients() {
			b.recipient = a
			rep.blocks = append(rep.blocks, b)
		}
	}
	return rep.found()
}

// readGoogle fills b with what Google tells of the failure, on one line.
func (b *block) readGoogle(text string) {
	for _, label := range []string{"PERM_FAILURE: ", "TEMP_FAILURE: "} {
		text = strings.TrimPrefix(text, label)
	}
	own, reply, said := strings.Cut(text, "returned was:")
	if rest, ok := strings.CutPrefix(text, "SMTP Error (state "); ok && !said {
		own, reply, said = strings.Cut(rest, "): ")
		b.stage = gmailStage(own)
	}
	if !said {
		own, reply = text, text
	}
	reply = strings.TrimSpace(reply)
	if n := strings.LastIndex(reply, " (state "); n >= 0 && len(reply)-n < 16 {
		b.stage = gmailStage(strings.TrimRight(reply[n+8:], "). "))
		reply = reply[:n]
	}
	if len(reply) > 7 && bouncehouse.StartsWithCode(reply) && bouncehouse.StartsWithCode(reply[4:]) &&
		reply[:3] == reply[4:7] {
		reply = reply[4:] // QUIRK: 550 550 5.1.1
	}
	b.text, b.diagnostic = text, reply

	// ... for the recipient domain example.net by mx.example.net. [192.0.2.1].
	if _, where, ok := strings.Cut(own, " recipient domain "); ok {
		if _, where, ok = strings.Cut(where, " by "); ok {
			host, addr, _ := strings.Cut(where, " ")
			addr, _, _ = strings.Cut(addr, "]")
			b.remote = "dns; " + host + " (" + strings.TrimPrefix(addr, "[") + ")"
		}
	}
	// [mx.example.net 192.0.2.1: socket error] or [mx.example.net. (1): Connection refused]
	if !bouncehouse.StartsWithCode(reply) && b.remote == "" {
		if _, tried, ok := strings.Cut(text, "["); ok {
			tried, _, _ = strings.Cut(tried, "]")
			name, addr, ok := strings.Cut(tried, " ")
			if addr, _, colon := strings.Cut(addr, ": "); ok && colon && strings.Contains(name, ".") {
				b.remote = "dns; " + name + " (" + strings.Trim(addr, "()") + ")"
				b.stage = bouncehouse.StageConnect
			}
		}
	}
	if strings.Contains(own, "did not accept our requests to connect") ||
		strings.Contains(own, "Could not initiate SMTP conversation") {
		b.stage = bouncehouse.StageConnect
	}
}

// gmailStage reads the number of a state of Gmail's client. Google names them
// nowhere; these are plain from the replies that stand before them.
func gmailStage(state string) bouncehouse.Stage {
	switch state {
	case "13":
		return bouncehouse.StageMAIL
	case "14":
		return bouncehouse.StageRCPT
	case "18":
		return bouncehouse.StageEOD
	}
	return ""
}

// googleResponse finds what the remote server answered, or Google says in
// its stead, in a text of any language: what begins with a code, else what
// follows the English words, else the last paragraph.
func googleResponse(human string) string {
	last, lastAt := -1, 0
	blank := true
	for at := 0; at < len(human); {
		line, next := values.CutLine(human, at)
		words := strings.TrimSpace(line)
		if said.IsReply(words) && words[0] != '2' {
			return firstParagraph(human[at:])
		}
		if words != "" && blank {
			last, lastAt = at, at
		}
		blank = words == ""
		at = next
	}
	for _, lead := range []string{"The response from the remote server was:", "The response was:"} {
		if _, rest, ok := strings.Cut(human, lead); ok && strings.TrimSpace(rest) != "" {
			return firstParagraph(strings.TrimLeft(rest, " \t\r\n"))
		}
	}
	if last < 0 {
		return ""
	}
	return firstParagraph(human[lastAt:])
}

// groupsReason returns why a group did not take the message: the paragraph
// under the greeting, and the last one with a link, which is the same address
// in every language.
func groupsReason(human string) string {
	var reason, link string
	greeted := false
	for rest := human; rest != ""; {
		rest = strings.TrimLeft(rest, " \t\r\n")
		p := firstParagraph(rest)
		if p == "" {
			break
		}
		switch {
		case !greeted && len(p) < 200 && strings.Contains(p, "@"):
			greeted = true
		case reason == "":
			reason = p
		case strings.Contains(p, "https://") || strings.Contains(p, "http://"):
			link = p
		}
		rest = rest[paragraphEnd(rest):]
	}
	return strings.TrimSpace(reason + " " + link)
}
