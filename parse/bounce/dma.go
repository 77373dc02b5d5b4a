package bounce

import (
	"strings"

	"github.com/bouncehouse/bouncehouse/parse/said"
	"github.com/bouncehouse/bouncehouse/parse/values"
)

// DragonFly Mail Agent (dma 0.1 to 0.13; mail.c bounce(), net.c, dma.c): one
// text for one recipient; the reason is one of a few sentences.
//
//	This is the DragonFly Mail Agent v0.13 at host.example.com.
//
//	There was an error delivering your mail to <user@example.net>.
//
//	mx.example.net [192.0.2.1] did not like our RCPT TO:
//	550 5.1.1 <user@example.net>: User unknown
//
//	Message headers follow.            Original message follows.
//
// Other reasons:
//
//	remote host did not like our final DATA:        Debian, before 0.0.2010
//	DNS lookup failure: host example.net not found
//	SMTP login to mx.example.net failed
//	Could not deliver for the last 432000 seconds. Giving up.
//	can not seek: ...   corrupted queue file   user unknown
const (
	dragonflySays    = "There was an error delivering your mail to <"
	dragonflyDislike = " did not like our "
)

func readDragonFly(m *mimePart) ([]report, error) {
	text := m.text()
	at := m.find(dragonflySays)
	if at < 0 {
		return nil, nil
	}
	recipient, rest, ok := strings.Cut(text[at+len(dragonflySays):], ">")
	if !ok || recipient == "" || strings.ContainsAny(recipient, "\r\n") {
		return nil, nil
	}
	b := block{recipient: recipient, action: "failed"}
	rest = strings.TrimPrefix(rest, ".")
	reason := rest
	var original mimeHeader
	for _, end := range []string{"Message headers follow.", "Original message follows."} {
		if before, after, ok := strings.Cut(rest, "\n"+end); ok && len(before) < len(reason) {
			reason, original = before, originalHeader(after)
		}
	}
	reason = unfold(values.ClipTo(reason, maxParagraph))
	if who, what, ok := strings.Cut(reason, dragonflyDislike); ok {
		command, reply, _ := strings.Cut(what, ":")
		b.stage = said.Command(command)
		if name, ip, ok := strings.Cut(who, " ["); ok {
			b.remote = name + " (" + strings.TrimSuffix(ip, "]") + ")"
		}
		reason = strings.TrimSpace(reply)
	} else if strings.HasPrefix(reason, "Could not deliver for the last ") {
		b.action = "expired"
	}
	b.diagnostic, b.text = reason, reason
	return []report{{mail: m, human: text[:at], original: original, blocks: []block{b}}}, nil
}
