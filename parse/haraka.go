package parse

import (
	"strings"

	"github.com/bouncehouse/bouncehouse"
)

// Haraka 2.0 to 3.1 (logger.js, outbound/hmail.js, connection.js). A line is
// in one of three formats (log.ini), with or without a time before it:
//
//	[NOTICE] [UUID.1.1] [outbound] recipient <a@b> rejected: 550 5.1.1 text
//	level=NOTICE uuid=UUID.1.1 origin=outbound message="recipient <a@b> rejected: 550 5.1.1 text"
//	{"level":"NOTICE","uuid":"UUID.1.1","origin":"outbound","message":"recipient <a@b> rejected: 550 5.1.1 text"}
//	2020-06-30T10:00:02.848Z [NOTICE] ...             timestamps=true
//	2020-06-30 10:00:02.848663500  [NOTICE] ...       tai64nlocal
//	Feb 17 21:53:28 mx haraka[48106]: [NOTICE] ...    haraka-plugin-syslog
//
// A connection has a UUID; its first transaction is UUID.1; what was queued
// of that for the first of the recipients' domains is UUID.1.1. What is done
// with it is read in haraka_outbound.go, clients in haraka_inbound.go.
type haraka struct {
	head  headReader
	conns recent[harakaClient]
	trans recent[harakaMessage]
	mails recent[harakaMail]
}

// harakaLine is a line taken apart.
type harakaLine struct {
	stamp  stamp
	uuid   string
	origin string
	text   string // without the fields behind it
	fields harakaFields
}

// harakaField is a member of the object that is logged with a text.
type harakaField uint8

const (
	harakaFile harakaField = iota
	harakaDomain
	harakaHost
	harakaIP
	harakaPort
	harakaResponse
	harakaDelay
	harakaRcpts
	harakaCode
	harakaMsg
	harakaSender
	harakaMID
	harakaVersion
	harakaFieldCount
)

type harakaFields [harakaFieldCount]string

// set takes a member; what is not asked for is left.
func (f *harakaFields) set(key, value string) {
	var at harakaField
	switch key {
	case "delivered file", "file":
		at = harakaFile
	case "domain":
		at = harakaDomain
	case "host":
		at = harakaHost
	case "ip":
		at = harakaIP
	case "port":
		at = harakaPort
	case "response":
		at = harakaResponse
	case "delay":
		at = harakaDelay
	case "rcpts":
		at = harakaRcpts
	case "code":
		at = harakaCode
	case "msg":
		at = harakaMsg
	case "sender":
		at = harakaSender
	case "mid":
		at = harakaMID
	case "version":
		at = harakaVersion
	default:
		return
	}
	f[at] = value
}

func newHaraka(o Options) bouncehouse.Parser { return &haraka{head: headReader{journal: o.Journal}} }

// sniffHaraka looks for a level and the beginning of a UUID in one of the
// three formats.
func sniffHaraka(line string) bool {
	var l harakaLine
	s, ok := l.cutStamp(strings.TrimPrefix(line, bom))
	if !ok || s == "" {
		return false
	}
	switch s[0] {
	case '[':
		level, rest, ok := strings.Cut(s[1:min(len(s), 24)], "] [")
		return ok && isHarakaLevel(level) && beginsUUID(rest)
	case 'l':
		if rest, ok := strings.CutPrefix(s, "level="); ok {
			level, rest, ok := strings.Cut(rest[:min(len(rest), 32)], " uuid=")
			return ok && isHarakaLevel(level) && beginsUUID(rest)
		}
	case '{':
		return l.cut(s)
	}
	return false
}

// beginsUUID tells the first part of a UUID.
func beginsUUID(s string) bool {
	if len(s) < 9 || s[8] != '-' {
		return false
	}
	for i := range 8 {
		if c := s[i]; c-'0' > 9 && (c|0x20 < 'a' || c|0x20 > 'f') {
			return false
		}
	}
	return true
}

func (p *haraka) Parse(r bouncehouse.Record, res *bouncehouse.Result) error {
	var l harakaLine
	if l.cut(strings.TrimPrefix(r.Text, bom)) {
		return p.line(r, &p.head, r.Host, &l, res)
	}
	var e entry
	if !p.head.read(&r, &e, res) {
		return nil
	}
	_, err := p.parseEntry(r, &p.head, &e, res)
	return err
}

func (p *haraka) parseEntry(r bouncehouse.Record, h *headReader, e *entry,
	res *bouncehouse.Result) (mine bool, err error) {
	if e.program != "haraka" && !strings.HasPrefix(e.program, "haraka") &&
		(e.msg == "" || e.msg[0] != '[' && e.msg[0] != '{' && e.msg[0] != 'l') {
		return false, nil
	}
	var l harakaLine
	if !l.cut(e.msg) {
		return false, nil
	}
	if l.stamp.kind == stampNone {
		l.stamp = e.stamp
	}
	host := e.host
	if host == "" {
		host = r.Host
	}
	return true, p.line(r, h, host, &l, res)
}

// cutStamp takes the time off, and the colours of a terminal.
func (l *harakaLine) cutStamp(s string) (rest string, ok bool) {
	if len(s) < 30 {
		return "", false
	}
	switch c := s[0]; {
	case c == '@':
		l.stamp, s, ok = cutTAI64N(s)
		return strings.TrimLeft(s, " "), ok
	case c-'0' <= 9:
		l.stamp, s, ok = cutStamp(s)
		if !ok || l.stamp.kind != stampISO || s == "" || s[0] != ' ' {
			return "", false
		}
		return strings.TrimLeft(s, " "), true
	case c == 0x1b:
		m := strings.IndexByte(s[:8], 'm')
		if m < 0 {
			return "", false
		}
		s = s[m+1:]
		if at := strings.LastIndexByte(s, 0x1b); at > 0 {
			s = s[:at]
		}
	}
	return s, true
}

// cut takes a line's head apart; it is false where that is not Haraka's, or
// of no connection.
func (l *harakaLine) cut(s string) bool {
	s, ok := l.cutStamp(s)
	if !ok || s == "" {
		return false
	}
	switch s[0] {
	case '[':
		return l.cutBrackets(s)
	case 'l':
		return strings.HasPrefix(s, "level=") && l.cutLogfmt(s)
	case '{':
		return strings.HasPrefix(s, `{"level":"`) && l.cutJSON(s)
	}
	return false
}

// isHarakaLevel tells the names of the levels (logger.js).
func isHarakaLevel(s string) bool {
	switch s {
	case "DATA", "PROTOCOL", "DEBUG", "INFO", "NOTICE", "WARN", "ERROR", "CRIT", "ALERT", "EMERG":
		return true
	}
	return false
}

// isHarakaUUID tells a UUID with the numbers of transaction and mail.
func isHarakaUUID(s string) bool {
	if len(s) < 20 || len(s) > 64 || s[8] != '-' {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if c-'0' > 9 && (c < 'A' || c > 'F') && (c < 'a' || c > 'f') && c != '-' && c != '.' {
			return false
		}
	}
	return true
}

// cutBrackets reads "[LEVEL] [UUID] [origin] text".
func (l *harakaLine) cutBrackets(s string) bool {
	level, rest, ok := strings.Cut(s[1:], "] [")
	if !ok || !isHarakaLevel(level) {
		return false
	}
	uuid, rest, ok := strings.Cut(rest, "] [")
	if !ok || !isHarakaUUID(uuid) {
		return false
	}
	origin, rest, ok := strings.Cut(rest, "] ")
	if !ok || len(origin) > 64 {
		return false
	}
	l.uuid, l.origin, l.text = uuid, origin, strings.TrimLeft(rest, " ")
	return true
}

// cutLogfmt reads "level=NOTICE uuid=UUID origin=outbound message=... key=value".
func (l *harakaLine) cutLogfmt(s string) bool {
	level, rest, ok := strings.Cut(s[len("level="):], " ")
	if !ok || !isHarakaLevel(level) || !strings.HasPrefix(rest, "uuid=") {
		return false
	}
	uuid, rest, ok := strings.Cut(rest[len("uuid="):], " ")
	if !ok || !isHarakaUUID(uuid) {
		return false
	}
	l.uuid = uuid
	for rest != "" {
		var key, value string
		if key, value, rest, ok = cutPair(rest); !ok {
			break
		}
		switch key {
		case "origin", "source":
			l.origin = value
		case "message":
			l.text = strings.Trim(value, " ")
		default:
			l.fields.set(key, value)
		}
	}
	return true
}

// cutPair cuts a pair of logfmt; the key may hold a blank ("delivered file").
func cutPair(s string) (key, value, rest string, ok bool) {
	key, s, ok = strings.Cut(s, "=")
	if !ok || len(key) > 64 {
		return "", "", "", false
	}
	key = strings.TrimLeft(key, " ")
	if !strings.HasPrefix(s, `"`) {
		value, rest, _ = strings.Cut(s, " ")
		return key, value, rest, true
	}
	escaped := false
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			escaped = true
			i++
		case '"':
			value, rest = s[1:i], strings.TrimPrefix(s[i+1:], " ")
			if escaped {
				value = unslash(value)
			}
			return key, value, rest, true
		}
	}
	return key, s[1:], "", true // cut off
}

// unslash takes the backslashes before other bytes out.
func unslash(s string) string {
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		b = append(b, s[i])
	}
	return string(b)
}

// cutJSON reads the object.
func (l *harakaLine) cutJSON(s string) bool {
	if !strings.Contains(s, `"uuid":"`) {
		return false
	}
	j := jsonReader{s: s}
	level := ""
	j.open('{')
	for key, more := j.key(); more; key, more = j.key() {
		switch key {
		case "level":
			level = j.text()
			if !isHarakaLevel(level) {
				return false
			}
		case "uuid":
			l.uuid = j.text()
		case "origin", "source":
			l.origin = j.text()
		case "message":
			l.text = strings.Trim(j.text(), " ")
		default:
			l.fields.set(key, j.scalar())
		}
	}
	return level != "" && isHarakaUUID(l.uuid)
}

// cutFields takes "key=value" pairs off the end of a text in brackets'
// format, from the first of these keys on.
func (l *harakaLine) cutFields(first string) {
	at := strings.Index(l.text, first)
	if at < 0 || at > 0 && l.text[at-1] != ' ' {
		return
	}
	rest := l.text[at:]
	l.text = strings.TrimRight(l.text[:at], " ")
	for rest != "" {
		key, value, after, ok := cutPair(rest)
		if !ok {
			return
		}
		l.fields.set(key, value)
		rest = after
	}
}

func (p *haraka) line(r bouncehouse.Record, h *headReader, host string, l *harakaLine, res *bouncehouse.Result) error {
	if l.origin == "outbound" {
		return p.outbound(r, h, host, l, res)
	}
	return p.inbound(r, h, host, l, res)
}
