package bounce

import (
	"strings"

	"github.com/bouncehouse/bouncehouse/parse/values"
)

// Answers of fml, a mailing list server (fml 4: libmti.pl, libloop.pl ...), to
// a message that it did not distribute, and the bounces of Active! Hunter, a
// filter that stands before such servers in Japan.

// readFML reads fml's answers: the subject tells what they are, the text
// names the list, and no recipient but the list was there.
//
//	Subject: You user@example.net are not member (cats ML)
//	X-MLServer: fml [fml 4.0.3 release (20011202/4.0.3)]
//
//	You are not a member of this mailing list <cats@example.org>.
func readFML(m *mimePart) ([]report, error) {
	if !values.HasPrefixFold(m.header.get("X-MLServer"), "fml") {
		return nil, nil
	}
	text := m.text()
	n := strings.IndexByte(m.greeting(), '<')
	list, _, ok := strings.Cut(m.greeting()[n+1:], ">")
	if n < 0 || !ok || !strings.Contains(list, "@") || strings.ContainsAny(list, " \n") {
		return nil, nil
	}
	subject := strings.ToLower(m.subject())
	refused := false
	for _, words := range []string{"not member", "not a member", "loop alert", "loop back", "duplicated", "too big",
		"too large", "reject", "not permitted", "not allowed", "error"} {
		refused = refused || strings.Contains(subject, words)
	}
	if !refused {
		return nil, nil // a list's command answers
	}
	rep := textReport(m, text)
	start := strings.LastIndex(text[:n], "\n\n") + 1
	why := firstParagraph(text[start:])
	rep.blocks = []block{{recipient: list, action: "failed", diagnostic: why, text: why}}
	return []report{rep}, nil
}

const sessionFollows = "----- Transcript of session follows -----"

// readActiveHunter reads the bounces of Active! Hunter:
//
//	  ----- The following addresses had permanent fatal errors -----
//
//	>>> user@example.net <user@example.net>
//
//	  ----- Transcript of session follows -----
//	550 sorry, no mailbox here by that name (#5.1.1 - chkusr)
func readActiveHunter(m *mimePart) ([]report, error) {
	text := m.text()
	at := m.find(sessionFollows)
	if at < 0 {
		return nil, nil
	}
	who, said := text[:at], text[at+len(sessionFollows):]
	if !strings.Contains(who, "\n>>> ") || m.header.get("X-AHMAILID") == "" {
		return nil, nil
	}
	rep := textReport(m, text)
	var why string
	if !strings.Contains(said, "\n<<< ") { // else readTranscript reads it
		why = firstParagraph(said)
	}
	for line := range values.Lines(who) {
		if a, ok := strings.CutPrefix(line, ">>> "); ok && len(rep.blocks) < maxRecipients {
			if a = (typedValue{value: a}).address(); strings.Contains(a, "@") {
				rep.blocks = append(rep.blocks, block{recipient: a, action: "failed", diagnostic: why, text: why})
			}
		}
	}
	return rep.found()
}
