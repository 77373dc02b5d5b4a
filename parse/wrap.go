package parse

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// The wrappings that stand around a log line:
//
//	{"log":"line\n","stream":"stdout","time":"2026-09-12T15:49:12.650438Z"}      docker, json-file
//	{"MESSAGE":"line","SYSLOG_IDENTIFIER":"postfix/smtp","_PID":"1",...}         journalctl -o json
//	2026-09-12T15:49:12.650438Z stdout F line                                    CRI (Kubernetes); P: a part
//	2026-09-12T15:49:12.650438Z line                                             docker logs -t
//	smtp_1       | line                                                          docker compose
//	/var/log/mail.log:line, /var/log/mail.log:12:line                            grep

// parts keeps the beginnings of lines that a container runtime cut, by
// output: "stdout" and "stderr".
type parts struct {
	out, err []byte
}

// maxJoined bounds a line that comes in parts. What is longer is cut: Postfix
// itself writes no line of that size.
const maxJoined = 64 << 10

// join takes the next part of a line; whole is "" until the last one.
func (p *parts) join(output, part string, last bool) (whole string) {
	held := &p.out
	if output == "stderr" {
		held = &p.err
	}
	if last && len(*held) == 0 {
		return part
	}
	*held = append(*held, part[:min(len(part), maxJoined-len(*held))]...)
	if !last {
		return ""
	}
	whole = string(*held)
	*held = (*held)[:0]
	return whole
}

// unwrap takes one wrapping off. done tells that there is nothing more to
// read: e is complete, or, where it has no program, the line gives nothing.
func (h *headReader) unwrap(s string, e *entry) (inner string, done bool) {
	if s == "" {
		return "", true
	}
	if s[0] == '{' {
		return h.unwrapJSON(s, e)
	}
	if st, rest, ok := cutStamp(s); ok {
		if st.kind != stampISO || rest == "" || rest[0] != ' ' {
			return "", true
		}
		e.stamp = st
		rest = rest[1:]
		if (strings.HasPrefix(rest, "stdout ") || strings.HasPrefix(rest, "stderr ")) && len(rest) > 8 {
			// The tag may have more after a colon: F:tag.
			tags, line, _ := strings.Cut(rest[7:], " ")
			if last := strings.HasPrefix(tags, "F"); last || strings.HasPrefix(tags, "P") {
				line = h.parts.join(rest[:6], line, last)
				return line, line == ""
			}
		}
		return rest, false
	}
	if inner := cutCompose(s); inner != "" {
		return inner, false
	}
	return cutGrep(s), false
}

// cutCompose cuts "name_1  | ", also where it is coloured.
func cutCompose(s string) string {
	bar := strings.Index(s[:min(len(s), 128)], "| ")
	end := bar + 1
	if bar < 0 {
		if bar = strings.Index(s[:min(len(s), 128)], "|\x1b["); bar < 0 {
			return ""
		}
		m := strings.IndexByte(s[bar:], 'm')
		if m < 0 || m > 10 {
			return ""
		}
		end = bar + m + 1
	}
	name := strings.TrimRight(s[:bar], " ")
	if name == "" || strings.ContainsAny(name, " \t") {
		return ""
	}
	return strings.TrimPrefix(s[end:], " ")
}

// cutGrep cuts "file:" or "file:number:" where a stamp follows.
func cutGrep(s string) string {
	from := 0
	for range 3 {
		n := strings.IndexByte(s[from:min(len(s), 512)], ':')
		if n < 0 {
			return ""
		}
		if strings.ContainsAny(s[from:from+n], " \t") {
			return "" // no name of a file: a header that a log quotes may say anything
		}
		from += n + 1
		if _, _, ok := cutStamp(s[from:]); ok || strings.HasPrefix(s[from:], "<") {
			return s[from:]
		}
	}
	return ""
}

// journal is an object of journalctl -o json, or of docker's json-file: of
// their members those of value here. Their keys are exact: any process may
// write a field LOG.
type journal struct {
	log                                        *string
	stream, time                               string
	message                                    string
	realtime, host, ident, pid, sysPID, inside string
	source                                     journalSource
	// a key stands twice, or its value is no text: nobody knows what is meant
	odd bool
}

// read reads an object; ok is false of what is none.
func (j *journal) read(s string) (ok bool) {
	in := jsonReader{s: s}
	if !in.open('{') {
		return false
	}
	var seen []*string
	for {
		key, more := in.key()
		if !more {
			break
		}
		to := j.member(key)
		if to == nil {
			in.skip()
			continue
		}
		j.odd = j.odd || slices.Contains(seen, to)
		seen = append(seen, to)
		if in.space(); to == &j.message {
			*to = in.bytes()
			continue
		}
		j.odd = j.odd || !strings.HasPrefix(in.s, `"`) && !strings.HasPrefix(in.s, "null")
		*to = in.text()
	}
	in.space()
	return !in.bad && in.s == ""
}

// member is the place of a member's value, nil of one without.
func (j *journal) member(key string) *string {
	switch key {
	case "log":
		if j.log == nil {
			j.log = new(string)
		}
		return j.log
	case "stream":
		return &j.stream
	case "time":
		return &j.time
	case "MESSAGE":
		return &j.message
	case "__REALTIME_TIMESTAMP":
		return &j.realtime
	case "_HOSTNAME":
		return &j.host
	case "SYSLOG_IDENTIFIER":
		return &j.ident
	case "_PID":
		return &j.pid
	case "SYSLOG_PID":
		return &j.sysPID
	case "CONTAINER_NAME":
		return &j.inside
	}
	return j.source.field(key)
}

func (h *headReader) unwrapJSON(s string, e *entry) (inner string, done bool) {
	if !strings.Contains(s, `"log"`) && !strings.Contains(s, `"MESSAGE"`) {
		return "", true // another system's
	}
	var j journal
	if !j.read(s) {
		return "", true
	}
	if j.odd || !h.journal.believe(&j.source) {
		h.doubted = j.inside != "" || claimsMail(j.ident)
		return "", true
	}
	if j.log != nil {
		if st, rest, ok := cutStamp(j.time); ok && rest == "" {
			e.stamp = st
		}
		// Docker cuts at 16 KiB; only the last part ends the line.
		line := strings.TrimRight(*j.log, "\r\n")
		line = h.parts.join(j.stream, line, strings.HasSuffix(*j.log, "\n"))
		return line, line == ""
	}
	if micros, err := strconv.ParseInt(j.realtime, 10, 64); err == nil {
		e.stamp = stamp{kind: stampKnown, known: time.UnixMicro(micros).UTC()}
	}
	e.host = j.host
	if j.inside != "" || j.ident == "" {
		return j.message, j.message == "" // the container's own line has the program
	}
	e.program, e.pid, e.msg = j.ident, j.pid, j.message
	if j.sysPID != "" {
		e.pid = j.sysPID
	}
	return "", true
}
