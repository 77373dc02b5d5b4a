package parse

import (
	"strings"

	"github.com/bouncehouse/bouncehouse"
	"github.com/bouncehouse/bouncehouse/parse/values"
)

// smtpVerb is the kind of a command line; the greeting and the end of the data
// await replies as commands do.
type smtpVerb uint8

const (
	verbOther smtpVerb = iota
	verbGreeting
	verbEHLO
	verbHELO
	verbSTARTTLS
	verbAUTH
	verbMAIL
	verbRCPT
	verbDATA
	verbBDAT
	verbBDATLast
	verbEOD
	verbQuiet // RSET, NOOP, HELP: their replies mean nothing to us
	verbQUIT
)

// verbStage is the stage at which a reply to the command is given.
func verbStage(v smtpVerb) bouncehouse.Stage {
	switch v {
	case verbGreeting:
		return bouncehouse.StageConnect
	case verbEHLO, verbHELO:
		return bouncehouse.StageHELO
	case verbSTARTTLS:
		return bouncehouse.StageSTARTTLS
	case verbAUTH:
		return bouncehouse.StageAuth
	case verbMAIL:
		return bouncehouse.StageMAIL
	case verbRCPT:
		return bouncehouse.StageRCPT
	case verbDATA, verbBDAT:
		return bouncehouse.StageDATA
	case verbBDATLast, verbEOD:
		return bouncehouse.StageEOD
	}
	return ""
}

// readVerb reads a command line.
func readVerb(line string) smtpVerb {
	word := line
	if n := strings.IndexByte(line[:min(len(line), 16)], ' '); n >= 0 {
		word = line[:n]
	}
	switch len(word) {
	case 1:
		if word == "." {
			return verbEOD
		}
	case 4:
		switch {
		case strings.EqualFold(word, "RCPT"):
			return verbRCPT
		case strings.EqualFold(word, "MAIL"):
			return verbMAIL
		case strings.EqualFold(word, "DATA"):
			return verbDATA
		case strings.EqualFold(word, "QUIT"):
			return verbQUIT
		case strings.EqualFold(word, "EHLO"), strings.EqualFold(word, "LHLO"):
			return verbEHLO
		case strings.EqualFold(word, "HELO"):
			return verbHELO
		case strings.EqualFold(word, "AUTH"):
			return verbAUTH
		case strings.EqualFold(word, "RSET"), strings.EqualFold(word, "NOOP"), strings.EqualFold(word, "HELP"):
			return verbQuiet
		case strings.EqualFold(word, "BDAT"):
			if strings.HasSuffix(strings.ToUpper(line[:min(len(line), 64)]), " LAST") {
				return verbBDATLast
			}
			return verbBDAT
		}
	case 6:
		if strings.EqualFold(word, "X-EXPS") { // Exchange's own AUTH
			return verbAUTH
		}
	case 8:
		if strings.EqualFold(word, "STARTTLS") {
			return verbSTARTTLS
		}
	case 14:
		if strings.EqualFold(word, "X-ANONYMOUSTLS") {
			return verbSTARTTLS
		}
	}
	return verbOther
}

// cutPath cuts the address out of "MAIL FROM:<a@b> SIZE=1" or "RCPT To: a@b".
func cutPath(line string) string {
	n := strings.IndexByte(line, ':')
	if n < 0 {
		return ""
	}
	s := strings.TrimLeft(line[n+1:], " ")
	if strings.HasPrefix(s, "<") {
		if addr, _, ok := values.CutAddress(s[1:]); ok {
			return addr
		}
		addr, _, _ := strings.Cut(s[1:], ">")
		return addr
	}
	addr, _, _ := strings.Cut(s, " ")
	return addr
}
