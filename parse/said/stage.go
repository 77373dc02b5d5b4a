package said

import (
	"strings"

	"github.com/bouncehouse/bouncehouse"
	"github.com/bouncehouse/bouncehouse/parse/values"
)

// StageWithin finds the step of the session that a sentence, in lower case,
// tells of:
//
//	(in reply to RCPT TO command)                           Postfix
//	lost connection with mx.example.net while sending DATA  Postfix
//	SMTP error from remote mail server after end of data:   Exim
func StageWithin(lower string) bouncehouse.Stage {
	for _, lead := range []string{"in reply to ", "while sending ", "while performing ", "remote mail server after ", "remote mailer after ", "error after ", ">>> "} {
		_, after, ok := strings.Cut(lower, lead)
		if !ok {
			continue
		}
		for _, filler := range []string{"pipelined ", "the ", "sending "} {
			after = strings.TrimPrefix(after, filler)
		}
		if stage := StageOf(after); stage != "" {
			return stage
		}
	}
	return ""
}

// StageOf returns the stage of the command or step that s, in lower case,
// begins with.
func StageOf(s string) bouncehouse.Stage {
	switch {
	case strings.HasPrefix(s, "end of data"), strings.HasPrefix(s, "data block"), strings.HasPrefix(s, "message body"):
		return bouncehouse.StageEOD
	case strings.HasPrefix(s, "initial connection"):
		return bouncehouse.StageConnect
	case strings.HasPrefix(s, "rcpt to"):
		return bouncehouse.StageRCPT
	case strings.HasPrefix(s, "mail from"):
		return bouncehouse.StageMAIL
	case strings.HasPrefix(s, "data"):
		return bouncehouse.StageDATA
	case strings.HasPrefix(s, "ehlo"), strings.HasPrefix(s, "helo"):
		return bouncehouse.StageHELO
	case strings.HasPrefix(s, "starttls"):
		return bouncehouse.StageSTARTTLS
	case strings.HasPrefix(s, "auth"):
		return bouncehouse.StageAuth
	}
	return ""
}

// step is what a command or a step of the session is called, in lower case.
type step struct {
	words string
	stage bouncehouse.Stage
}

// named are the names of steps that stand alone, begun are the beginnings of
// others and of commands; the first that fits is meant.
var (
	named = []step{
		{".", bouncehouse.StageEOD}, {"dot", bouncehouse.StageEOD}, {"eod", bouncehouse.StageEOD}, {"eom", bouncehouse.StageEOD},
		{"bdat", bouncehouse.StageEOD}, {"text", bouncehouse.StageEOD}, {"body", bouncehouse.StageEOD}, {"dataend", bouncehouse.StageEOD},
		{"data2", bouncehouse.StageEOD}, {"transfer", bouncehouse.StageEOD}, {"final", bouncehouse.StageEOD},
		{"welcome", bouncehouse.StageConnect}, {"greeting", bouncehouse.StageConnect}, {"greet", bouncehouse.StageConnect},
		{"connect", bouncehouse.StageConnect}, {"banner", bouncehouse.StageConnect},
		{"tls", bouncehouse.StageSTARTTLS},
	}
	begun = []step{
		{"end of data", bouncehouse.StageEOD}, {"data end", bouncehouse.StageEOD},
		{"data block", bouncehouse.StageEOD}, {"message body", bouncehouse.StageEOD},
		{"initial connection", bouncehouse.StageConnect},
		{"rcpt", bouncehouse.StageRCPT}, {"mail", bouncehouse.StageMAIL}, {"data", bouncehouse.StageDATA},
		{"ehlo", bouncehouse.StageHELO}, {"helo", bouncehouse.StageHELO}, {"lhlo", bouncehouse.StageHELO},
		{"xforward", bouncehouse.StageHELO}, {"xclient", bouncehouse.StageHELO}, // Postfix [smtp/smtp_proto.c]
		{"starttls", bouncehouse.StageSTARTTLS}, {"auth", bouncehouse.StageAuth},
	}
)

// Command is the stage of an SMTP command, which may lack its argument, or of
// a step by the name that a system has for it ("end of DATA", "banner"), in
// capitals or not; "" for other words.
func Command(s string) bouncehouse.Stage {
	word := s
	if n := strings.IndexAny(s, " ,:"); n >= 0 {
		word = s[:n]
	}
	for i := range named {
		if values.IsName(word, named[i].words) {
			return named[i].stage
		}
	}
	for i := range begun {
		if values.HasPrefixFold(s, begun[i].words) {
			return begun[i].stage
		}
	}
	return ""
}
