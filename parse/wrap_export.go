package parse

import (
	"strconv"
	"strings"
	"time"
)

// journalctl -o export (systemd, "Journal Export Formats"): a line a field,
// in any order, entries divided by an empty line:
//
//	__CURSOR=s=739ad463348b4ceca5a9e69c95a3c93f;i=4ece7;b=...
//	__REALTIME_TIMESTAMP=1342540861416351
//	_HOSTNAME=mx1
//	SYSLOG_IDENTIFIER=postfix/smtp
//	SYSLOG_PID=358
//	MESSAGE=4jX1fM33S7zCf: to=<...
//
// A value that is not UTF-8 or holds a line break is binary: its name stands
// alone, then follow 64 bits of length and the value.
type journalExport struct {
	active bool // a __CURSOR was seen
	told   bool // the entry under way was given
	binary bool // the next line is a binary MESSAGE

	micros               int64
	host, ident, message string
	pid, syslogPID       string
}

// field reads a line; known tells that it is of the format, complete that it
// completed e: as soon as all is known that matters, at the latest where the
// next entry begins.
func (x *journalExport) field(s string, e *entry) (known, complete bool) {
	if strings.HasPrefix(s, "__CURSOR=") {
		complete = x.active && x.give(e)
		*x = journalExport{active: true}
		return true, complete
	}
	if x.binary {
		x.binary = false
		if len(s) > 8 {
			x.message = clip64(s[8:])
		}
	} else if s == "MESSAGE" {
		x.binary = true
		return true, false
	} else {
		name, value, _ := strings.Cut(s, "=")
		switch name {
		case "__REALTIME_TIMESTAMP":
			x.micros, _ = strconv.ParseInt(value, 10, 64)
		case "_HOSTNAME":
			x.host = clip64(value)
		case "SYSLOG_IDENTIFIER":
			x.ident = clip64(value)
		case "SYSLOG_PID":
			x.syslogPID = clip64(value)
		case "_PID":
			x.pid = clip64(value)
		case "MESSAGE":
			x.message = clip64(value)
		default:
			if !exportName(name) { // the rest of a binary value, or another format's line
				*x = journalExport{}
			}
			return x.active, false
		}
	}
	return true, x.host != "" && x.pid != "" && x.give(e)
}

func exportName(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' {
			return false
		}
	}
	return s != ""
}

// give fills e, once an entry and not before it has what it needs.
func (x *journalExport) give(e *entry) bool {
	if x.told || x.message == "" || x.ident == "" || x.micros == 0 {
		return false
	}
	x.told = true
	pid := x.syslogPID
	if pid == "" {
		pid = x.pid
	}
	*e = entry{
		stamp: stamp{kind: stampKnown, known: time.UnixMicro(x.micros).UTC()},
		host:  x.host, program: x.ident, pid: pid, msg: x.message,
	}
	return true
}

// clip64 copies a value, at most 64 KiB of it: the fields of one entry are
// of several records.
func clip64(s string) string { return strings.Clone(s[:min(len(s), maxJoined)]) }
