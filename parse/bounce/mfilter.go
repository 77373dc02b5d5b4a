package bounce

import (
	"strings"

	"github.com/bouncehouse/bouncehouse/parse/said"
	"github.com/bouncehouse/bouncehouse/parse/values"
)

// m-FILTER (Digital Arts), a gateway common in Japan:
//
//	このメールは「m-FILTER」が自動的に生成して送信しています。
//	...
//	以下のメールアドレスへの送信に失敗しました。
//	user@example.net
//
//
//	-------server message
//	550 5.1.1 <user@example.net>: User unknown
//
//	-------SMTP command
//	RCPT TO
//
//	-------original message
//
// The words above can be set and translated; the lines of hyphens stay.
func readMFilter(m *mimePart) ([]report, error) {
	const server, command, message = "-------server message", "-------SMTP command", "-------original message"
	text := m.text()
	at := m.find(server)
	if at < 0 {
		return nil, nil
	}
	rep := report{mail: m, human: text[:at], original: m.original()}
	reply, rest, _ := strings.Cut(text[at+len(server):], command)
	step, returned, _ := strings.Cut(rest, message)
	rep.returns(returned)
	reply = unfold(values.ClipTo(reply, maxParagraph))
	stage := said.Command(strings.TrimSpace(step))
	for line := range values.Lines(rep.human) {
		a := strings.Trim(line, "<> \t")
		if isAddress(a) {
			rep.add(block{recipient: a, action: "failed", diagnostic: reply, text: reply, stage: stage})
		}
	}
	return rep.found()
}
