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
	for _, lead := range []string{"in reply to ", "while sending ", "while performing ", "remote mail server after ",
		"remote mailer after ", "error after ", ">>> "} {
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

// step is what a command or a step of the session is called, in lower case.
type step struct {
	words string
	stage bouncehouse.Stage
}

// Of each list the first that fits is meant.
var (
	// told are the beginnings of steps as sentences tell them.
	told = []step{
		{"end of data", bouncehouse.StageEOD}, {"data block", bouncehouse.StageEOD},
		{"message body", bouncehouse.StageEOD},
		{"initial connection", bouncehouse.StageConnect},
		{"rcpt to", bouncehouse.StageRCPT}, {"mail from", bouncehouse.StageMAIL}, {"data", bouncehouse.StageDATA},
		{"ehlo", bouncehouse.StageHELO}, {"helo", bouncehouse.StageHELO},
		{"starttls", bouncehouse.StageSTARTTLS}, {"auth", bouncehouse.StageAuth},
	}
	// begun are those of commands that are more than that where they stand alone.
	begun = []step{
		{"data end", bouncehouse.StageEOD}, {"rcpt", bouncehouse.StageRCPT}, {"mail", bouncehouse.StageMAIL},
		{"lhlo", bouncehouse.StageHELO},
		{"xforward", bouncehouse.StageHELO}, {"xclient", bouncehouse.StageHELO}, // Postfix [smtp/smtp_proto.c]
	}
	// named are the names of steps that stand alone.
	named = []step{
		{".", bouncehouse.StageEOD}, {"dot", bouncehouse.StageEOD}, {"eod", bouncehouse.StageEOD},
		{"eom", bouncehouse.StageEOD},
		{"bdat", bouncehouse.StageEOD}, {"text", bouncehouse.StageEOD}, {"body", bouncehouse.StageEOD},
		{"dataend", bouncehouse.StageEOD},
		{"data2", bouncehouse.StageEOD}, {"transfer", bouncehouse.StageEOD}, {"final", bouncehouse.StageEOD},
		{"welcome", bouncehouse.StageConnect}, {"greeting", bouncehouse.StageConnect},
		{"greet", bouncehouse.StageConnect},
		{"connect", bouncehouse.StageConnect}, {"banner", bouncehouse.StageConnect},
		{"tls", bouncehouse.StageSTARTTLS},
	}
)

// StageOf returns the stage of the command or step that s begins with, as a
// sentence has it: a command with its argument.
func StageOf(s string) bouncehouse.Stage { return beginning(s, told) }

func beginning(s string, steps []step) bouncehouse.Stage {
	for i := range steps {
		if values.HasPrefixFold(s, steps[i].words) {
			return steps[i].stage
		}
	}
	return ""
}

// Command is StageOf for an SMTP command that may lack its argument, or a step
// by the name that a system has for it ("end of DATA", "banner"), in capitals
// or not.
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
	if stage := beginning(s, begun); stage != "" {
		return stage
	}
	return StageOf(s)
}
