package parse

import (
	"strings"

	"github.com/bouncehouse/bouncehouse"
	"github.com/bouncehouse/bouncehouse/parse/values"
)

// entry is one line behind its header. Its strings are parts of the record.
//
// The headers that are read:
//
//	Nov  1 18:56:32 mx1 postfix/smtp[340]: msg                     RFC 3164, also with a fraction
//	Nov  1 18:56:32 mx1 postfix/smtp[340]: [ID 197553 mail.info] msg   Solaris
//	Nov  1 18:56:32 <mail.info> mx1 postfix/smtp[340]: msg         FreeBSD, syslogd -v
//	2026-11-01T18:56:32.412998+01:00 mx1 postfix/smtp[340]: msg    rsyslog, Debian 12
//	<22>1 2026-11-01T18:56:32Z mx1 postfix/smtp 340 - [sd x="y"] msg   RFC 5424
//	postfix/smtp[340]: msg                                         no time: containers
//
// each also with <PRI> before it and in the wrappings of wrap.go.
type entry struct {
	stamp   stamp
	host    string // empty where the line names none
	program string
	pid     string
	msg     string
	// inner is what stands in a wrapping that holds no header: other formats
	// stand in wrappings too.
	inner string
}

// headReader reads the headers of one stream's lines.
type headReader struct {
	clock   clock
	parts   parts
	export  journalExport
	journal Journal
	doubted bool // the last record was of the journal, claimed to be a mail system's and is not believed
}

// maxLayers bounds how often a line may be wrapped.
const maxLayers = 4

// read takes r's header apart, and counts what is not believed. It is false where r has none that is known
// (inner is set then, where it has a wrapping), or is a part of a line that a
// later record completes.
func (h *headReader) read(r *bouncehouse.Record, e *entry, res *bouncehouse.Result) bool {
	h.doubted = false
	ok := h.readWrapped(r, e)
	if h.doubted {
		res.Doubted++
	}
	return ok
}

func (h *headReader) readWrapped(r *bouncehouse.Record, e *entry) bool {
	text := r.Text
	if text != "" && (text[0] == 0xef || text[0] == 0) {
		// A byte order mark; NULs are what a file system leaves after a crash.
		text = strings.TrimLeft(strings.TrimPrefix(text, bom), "\x00")
	}
	*e = entry{}
	if h.export.active || strings.HasPrefix(text, "__CURSOR=") {
		known, complete, doubted := h.export.field(r, text, &h.journal, e)
		if h.doubted = doubted; known {
			return complete
		}
	}
	wrapped := ""
	for range maxLayers {
		if e.header(text) {
			return true
		}
		inner, done := h.unwrap(text, e)
		if done && e.program != "" {
			return true
		}
		if done || inner == "" {
			break
		}
		if text = inner; wrapped == "" {
			wrapped = inner // deeper, a stamp of the format's own may be gone
		}
	}
	e.inner = wrapped
	return false
}

const bom = "\ufeff"

// header reads a header that is not wrapped in another.
func (e *entry) header(s string) bool {
	if s == "" || s[0] == '{' {
		return false
	}
	if len(s) > 3 && s[0] == '<' {
		end := strings.IndexByte(s[:min(len(s), 6)], '>')
		if end < 2 || !values.Digits(s[1:end]) {
			return false
		}
		if s = s[end+1:]; strings.HasPrefix(s, "1 ") {
			return e.rfc5424(s[2:])
		}
	}
	st, rest, ok := cutStamp(s)
	if !ok {
		return e.tag(s)
	}
	if rest == "" || rest[0] != ' ' {
		return false
	}
	rest = rest[1:]
	if rest != "" && rest[0] == '<' { // <mail.info>
		end := strings.Index(rest, "> ")
		if end < 0 || end > 24 {
			return false
		}
		rest = rest[end+2:]
	}
	host, after, ok := strings.Cut(rest, " ")
	if !ok || host == "" {
		return false
	}
	after = strings.TrimLeft(after, " ") // some relays pad
	if host[len(host)-1] == ':' {        // no host
		if !e.tag(rest) {
			return false
		}
	} else {
		if !e.tag(after) {
			return false
		}
		e.host = host
	}
	if e.stamp.kind == stampNone { // a wrapping's has year and zone
		e.stamp = st
	}
	return true
}

// tag reads "program[pid]: msg".
func (e *entry) tag(s string) bool {
	end := strings.IndexByte(s, ' ')
	if end < 0 {
		end = len(s)
	}
	if end < 2 || s[end-1] != ':' {
		return false
	}
	tag := s[:end-1]
	msg := strings.TrimLeft(s[end:], " ")
	if n := len(tag); tag[n-1] == ']' {
		open := strings.IndexByte(tag, '[')
		if open < 1 {
			return false
		}
		e.program, e.pid = tag[:open], tag[open+1:n-1]
	} else {
		e.program, e.pid = tag, ""
	}
	if strings.HasPrefix(msg, "[ID ") {
		if end := strings.Index(msg, "] "); end > 0 && end < 64 {
			msg = msg[end+2:]
		}
	}
	e.msg = msg
	return true
}

// rfc5424 reads what follows "<22>1 ".
func (e *entry) rfc5424(s string) bool {
	var f [5]string // time, host, program, pid, message id
	for i := range f {
		var ok bool
		if f[i], s, ok = strings.Cut(s, " "); !ok {
			return false
		}
		if f[i] == "-" {
			f[i] = ""
		}
	}
	if f[0] != "" {
		st, rest, ok := cutStamp(f[0])
		if !ok || rest != "" {
			return false
		}
		e.stamp = st
	}
	s, ok := cutStructured(s)
	if !ok || f[2] == "" {
		return false
	}
	e.host, e.program, e.pid = f[1], f[2], f[3]
	e.msg = strings.TrimPrefix(s, bom)
	return true
}

// cutStructured cuts RFC 5424 structured data: "-" or elements in brackets,
// in whose quoted values a backslash keeps the next byte from ending it.
func cutStructured(s string) (rest string, ok bool) {
	if strings.HasPrefix(s, "-") {
		return strings.TrimPrefix(s[1:], " "), true
	}
	i := 0
	for i < len(s) && s[i] == '[' {
		quoted := false
		for i++; i < len(s) && (quoted || s[i] != ']'); i++ {
			switch s[i] {
			case '"':
				quoted = !quoted
			case '\\':
				if quoted {
					i++
				}
			}
		}
		i++
	}
	if i == 0 || i > len(s) {
		return "", false
	}
	return strings.TrimPrefix(s[i:], " "), true
}
