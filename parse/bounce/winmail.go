package bounce

import (
	"strings"

	"github.com/bouncehouse/bouncehouse/parse/values"
)

// Winmail Server (AMAX), a Chinese mail server for Windows, in words that
// resemble qmail's:
//
//	Hi. This is the smtp delivery program.
//	I'm afraid I wasn't able to deliver your message to the following addresses.
//	This is a permanent error; I've given up. Sorry it didn't work out.
//	=====================================================
//	您的邮件不能成功的递送到指定地址。...
//
//	<user@example.net>, remote server said: 550-5.1.1 No such
//	550 5.1.1 user
//	<b@example.net>, sorry, no mailbox here by that name
//
//	--- Below this line is a copy of the message.

// readWinmail reads Winmail's bounce mails.
func readWinmail(m *mimePart) ([]report, error) {
	text := m.text()
	if !m.has("the smtp delivery program") && !m.has(">, remote server said:") {
		return nil, nil
	}
	own, original := cutReturned(text)
	rep := report{mail: m, original: firstHeader(m.original(), original)}
	var words []string
	recipient := ""
	finish := func() {
		if recipient != "" && len(rep.blocks) < maxRecipients {
			b := block{recipient: recipient}
			b.tell(strings.Join(words, " "))
			rep.blocks = append(rep.blocks, b)
		}
		recipient, words = "", nil
	}
	for line := range values.Lines(own) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "<") {
			if a, rest, ok := strings.Cut(line[1:], ">,"); ok && strings.Contains(a, "@") &&
				!strings.ContainsAny(a, " \t") {
				finish()
				recipient, words = a, append(words, strings.TrimSpace(rest))
				continue
			}
		}
		switch {
		case line == "" || strings.HasPrefix(line, "===="):
			finish()
		case recipient != "" && len(words) < 30:
			words = append(words, line)
		}
	}
	finish()
	rep.settle("")
	return rep.found()
}
