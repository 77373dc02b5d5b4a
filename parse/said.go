package parse

import (
	"strings"

	"github.com/bouncehouse/bouncehouse"
	"github.com/bouncehouse/bouncehouse/parse/said"
)

// Said makes an event of a reply as it stands in somebody's hands: the reply
// itself ("550 5.7.1 ..."), or a sentence that cites it ("host mx[192.0.2.1]
// said: 550 ... (in reply to RCPT TO command)"). Its outcome is what the code
// says; without a code, or where the remote accepted, it is bounced.
func Said(text string) bouncehouse.Event {
	s := said.Read(strings.ToValidUTF8(text, "\ufffd"))
	e := bouncehouse.Event{Direction: bouncehouse.Outbound, Outcome: bouncehouse.Bounced,
		RemoteHost: s.Host, RemoteIP: s.IP, Stage: s.Stage,
		ReplyCode: s.Code, EnhancedCode: s.Enhanced, ReplyText: bouncehouse.Clean(s.Text, bouncehouse.MaxText)}
	if s.Code/100 == 4 {
		e.Outcome = bouncehouse.Deferred
	}
	return e
}
