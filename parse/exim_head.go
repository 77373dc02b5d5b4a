package parse

import (
	"strings"

	"github.com/bouncehouse/bouncehouse/parse/values"
)

// What stands before the words of an Exim line.

// sniffExim tells by a line's own stamp and words.
func sniffExim(line string) bool {
	var e entry
	return cutEximHead(trimHead(line), &e) && eximWords(e.msg)
}

// trimHead takes off what editors and crashes leave before a line.
func trimHead(s string) string {
	if s != "" && (s[0] == 0xef || s[0] == 0) {
		s = strings.TrimLeft(strings.TrimPrefix(s, bom), "\x00")
	}
	return s
}

// cutEximHead reads "2026-11-01 18:56:32.123 +0100 [4711] words" [log.c,
// tod.c]; fraction, zone and process may be missing.
func cutEximHead(s string, e *entry) bool {
	if len(s) < 21 || s[4] != '-' || s[10] != ' ' || s[0]-'0' > 9 {
		return false
	}
	st, rest, ok := cutStamp(s)
	if !ok || st.zone != "" || len(rest) < 2 || rest[0] != ' ' {
		return false
	}
	rest = rest[1:]
	if (rest[0] == '+' || rest[0] == '-') && len(rest) > 6 && rest[5] == ' ' && values.Digits(rest[1:5]) {
		st.zone, rest = rest[:5], rest[6:]
	}
	e.stamp = st
	if pid, after, ok := cutPID(rest); ok {
		e.pid, rest = pid, after
	}
	e.msg = rest
	return true
}

// cutPID cuts "[4711] " off.
func cutPID(s string) (pid, rest string, ok bool) {
	if len(s) < 4 || s[0] != '[' || s[1]-'0' > 9 {
		return "", s, false
	}
	end := strings.IndexByte(s[:min(len(s), 16)], ']')
	if end < 0 || !values.Digits(s[1:end]) || end+1 >= len(s) || s[end+1] != ' ' {
		return "", s, false
	}
	return s[1:end], s[end+2:], true
}

// eximWords tells whether s, behind a stamp, is of Exim's words. Many
// programs write such stamps.
func eximWords(s string) bool {
	if id, _ := cutEximID(s); id != "" {
		return true
	}
	if len(s) < 4 {
		return false
	}
	switch s[0] {
	case 'H', 'U':
		if s[1] == '=' {
			return true
		}
	case 'F':
		return strings.HasPrefix(s, "F=<")
	case 'c':
		if strings.HasPrefix(s, "cwd=") {
			return true
		}
	case 'S':
		return strings.HasPrefix(s, "SMTP ") || strings.HasPrefix(s, "Start queue run: pid=")
	case 'E':
		return strings.HasPrefix(s, "End queue run: pid=")
	case 'C':
		return strings.HasPrefix(s, "Connection from ")
	case 'D':
		return strings.HasPrefix(s, "DS H=")
	case 'n':
		if strings.HasPrefix(s, "no host name found for ") || strings.HasPrefix(s, "no MAIL in ") ||
			strings.HasPrefix(s, "no IP address found for ") {
			return true
		}
	case 'r':
		if strings.HasPrefix(s, "rejected ") || strings.HasPrefix(s, "refused connection ") ||
			strings.HasPrefix(s, "recipients ") {
			return true
		}
	case 'u':
		if strings.HasPrefix(s, "unqualified ") || strings.HasPrefix(s, "unexpected disconnection while reading SMTP") {
			return true
		}
	}
	return authFailed(s) > 0
}

// piece is a line that came through syslog in parts, as far as it was read.
type piece struct {
	text     []byte
	next, of int
}

// join takes one part of a line: "[2/5] text" is cut at syslog's length,
// "[2\5] text" at the end of a line [log.c, write_syslog]. It is false until
// the last one, when e has the whole line. Of many lines (the reject log adds
// the message's headers) only the first tells of the refusal.
func (p *exim) join(e *entry) bool {
	n, of, cut, text, ok := cutPiece(e.msg)
	if !ok {
		return true
	}
	key := memoKey{e.host, e.pid}
	if n == 1 {
		if of == 1 {
			e.msg = text
			return true
		}
		w := p.pieces.put(key)
		*w = piece{next: 2, of: of, text: append([]byte(nil), text...)}
		p.pieces.charge(key, len(text))
		if cut == '\\' {
			w.text = append(w.text, '\n')
		}
		return false
	}
	w := p.pieces.find(key)
	if w == nil || w.next != n || w.of != of {
		p.pieces.remove(key)
		return false
	}
	w.next++
	if room := maxJoined - len(w.text); room > 0 {
		text = text[:min(len(text), room)]
		w.text = append(w.text, text...)
		if cut == '\\' {
			w.text = append(w.text, '\n')
		}
		p.pieces.charge(key, len(text)+1)
	}
	if n < of {
		return false
	}
	e.msg, _, _ = strings.Cut(string(w.text), "\n")
	p.pieces.remove(key)
	return true
}

// cutPiece reads "[2/5] text".
func cutPiece(s string) (n, of int, cut byte, text string, ok bool) {
	end := strings.IndexByte(s[:min(len(s), 16)], ']')
	if end < 4 || end+1 >= len(s) || s[end+1] != ' ' {
		return
	}
	at := strings.IndexAny(s[:end], `/\`)
	if at < 2 {
		return
	}
	if n, of = int(values.Number(s[1:at])), int(values.Number(s[at+1:end])); n < 1 || of < n {
		return
	}
	return n, of, s[at], s[end+2:], true
}

// refusedLine is a refusal that one process sent to syslog last.
type refusedLine struct {
	line uint64 // hash; 0: none
}

// duplicate tells that e is a refusal that the same process has just sent
// for the main log: behind syslog it comes a second time, for the reject log,
// at once (unless syslog_duplication is off).
func (p *exim) duplicate(e *entry) bool {
	if e.pid == "" || len(p.twice.now)+len(p.twice.before) == 0 && !mayRefuse(e.msg) {
		return false
	}
	key := memoKey{e.host, e.pid}
	last := p.twice.find(key)
	if !mayRefuse(e.msg) {
		if last != nil {
			last.line = 0
		}
		return false
	}
	sum := hash(e.msg)
	if last == nil {
		last = p.twice.put(key)
	} else if last.line == sum {
		last.line = 0
		return true
	}
	last.line = sum
	return false
}

// mayRefuse tells cheaply what may be the refusal of a client.
func mayRefuse(s string) bool {
	if id, rest := cutEximID(s); id != "" {
		s = rest
	}
	if len(s) < 4 || s[2] == ' ' { // "=> "
		return false
	}
	return strings.Contains(s, "reject") || strings.Contains(s, "refused") || strings.Contains(s, " dropped: ") ||
		authFailed(s) > 0
}
