package parse

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bouncehouse/bouncehouse"
	"github.com/bouncehouse/bouncehouse/parse/values"
)

// qmail 1.03, netqmail 1.06, notqmail 1.09, s/qmail 4, IndiMail 3. What
// qmail-send writes (qmail-log(5), qmail-send.c):
//
//	new msg 93
//	info msg 93: bytes 300 from <a@b> qp 401 uid 49
//	starting delivery 2: msg 93 to remote god@heaven.example
//	starting delivery 4: msg 93 to local example.org-joe@example.org
//	status: local 0/10 remote 1/20
//	delivery 2: success: 203.0.113.7_accepted_message./Remote_host_said:_250_ok/
//	delivery 3: failure: 203.0.113.7_does_not_like_recipient./Remote_host_said:_550_no_such_user/Giving_up_on_203.0.113.7./
//	delivery 4: success: did_0+0+1/
//	delivery 5: deferral: CNAME_lookup_failed_temporarily._(#4.4.3)/
//	delivery 6: report mangled, will defer
//	bounce msg 93 qp 405
//	end msg 93
//
// and what stands before that: a stamp of multilog, of tai64nlocal, or of
// splogger behind a syslog header, whose own time is the later one:
//
//	@400000004a8a7ed30c5d5cb4 new msg 93
//	2009-08-18 12:12:09.207461500 new msg 93
//	1250590329.207461 new msg 93                                  accustamp, tai64nfrac
//	Aug 18 12:12:09 mx qmail: 1250590329.207461 new msg 93
//	Aug 18 12:12:09 mx qmail: 1250590329.207461+the rest of a line that was longer than 799 bytes
//
// A message number is an inode, used again after "end msg"; a delivery number
// is unique while qmail-send runs. The report of a delivery is in
// qmail_report.go, clients that were refused are in qmail_inbound.go.
type qmail struct {
	head       headReader
	messages   recent[qmailMessage]
	deliveries recent[qmailDelivery]
	held       []qmailHeld
}

// qmailMessage is what "info msg" said.
type qmailMessage struct {
	sender string
	begun  time.Time // "new msg" or "info msg"; zero where neither was seen
	known  bool      // "info msg" was seen
}

// qmailDelivery is what "starting delivery" said.
type qmailDelivery struct {
	message   string
	recipient string
	remote    bool
}

// qmailHeld is a line of splogger's that may go on in the next record.
type qmailHeld struct {
	host  string
	stamp string
	at    stamp
	text  []byte
}

func newQmail(o Options) bouncehouse.Parser { return &qmail{head: headReader{journal: o.Journal}} }

// sniffQmail looks for one of these stamps. What splogger writes stands behind
// syslog headers.
func sniffQmail(line string) bool {
	if line == "" || line[0] != '@' && line[0]-'0' > 9 {
		return false
	}
	_, text, ok := cutQmailStamp(line)
	return ok && isQmail(text)
}

// isQmail tells by its first words that a line may be of qmail-send or of
// what stands before qmail-smtpd.
func isQmail(s string) bool {
	if s == "" {
		return false
	}
	switch s[0] {
	case 'n':
		return numberAfter(s, "new msg ")
	case 'i':
		return numberAfter(s, "info msg ")
	case 's':
		return numberAfter(s, "starting delivery ")
	case 'd':
		return numberAfter(s, "delivery ")
	case 'e':
		return numberAfter(s, "end msg ")
	case 'b':
		return numberAfter(s, "bounce msg ")
	case 'r', 'C':
		return strings.HasPrefix(s, "rblsmtpd: ") || strings.HasPrefix(s, "CHKUSER rejected ")
	}
	return false
}

func numberAfter(s, prefix string) bool {
	return len(s) > len(prefix) && s[len(prefix)]-'0' <= 9 && s[:len(prefix)] == prefix
}

// cutQmailStamp cuts the stamp of multilog, tai64nlocal or accustamp off.
func cutQmailStamp(s string) (st stamp, text string, ok bool) {
	if len(s) < 20 {
		return st, "", false
	}
	if s[0] == '@' {
		return cutTAI64N(s)
	}
	if s[0]-'0' <= 9 && s[10] == '.' && values.Digits(s[:10]) {
		fraction, rest := cutFraction(s[10:])
		if at, ok := unixTime(s[:10], fraction); ok && fraction != "" && strings.HasPrefix(rest, " ") {
			return stamp{kind: stampKnown, known: at}, strings.TrimLeft(rest, " "), true
		}
		return st, "", false
	}
	// QUIRK: an application's line may look alike but for the nanoseconds.
	if s[0]-'0' > 9 || s[10] != ' ' || s[19] != '.' {
		return st, "", false
	}
	if st, text, ok = cutStamp(s); !ok || st.zone != "" || st.fraction == "" || !strings.HasPrefix(text, " ") {
		return st, "", false
	}
	return st, strings.TrimLeft(text, " "), true // s6-log writes two blanks
}

// cutTAI64N cuts "@", sixteen hexadecimal digits of a TAI64 label and eight
// of nanoseconds. libtai's clock is ten seconds ahead of Unix time, without
// leap seconds.
func cutTAI64N(s string) (st stamp, text string, ok bool) {
	if len(s) < 26 || s[1] != '4' || s[25] != ' ' {
		return st, "", false
	}
	seconds, err := strconv.ParseUint(s[1:17], 16, 64)
	if err != nil {
		return st, "", false
	}
	nanos, err := strconv.ParseUint(s[17:25], 16, 32)
	if err != nil || seconds < 1<<62+10 || seconds > 1<<62+1<<36 || nanos >= 1e9 {
		return st, "", false
	}
	st.kind, st.known = stampKnown, time.Unix(int64(seconds-1<<62-10), int64(nanos)).UTC()
	return st, strings.TrimLeft(s[26:], " "), true
}

func (p *qmail) Parse(r bouncehouse.Record, res *bouncehouse.Result) error {
	text := strings.TrimPrefix(r.Text, bom)
	if st, text, ok := cutQmailStamp(text); ok {
		return p.line(r, &p.head, r.Host, &st, text, res)
	}
	if isQmail(text) { // no stamp: the output itself
		var st stamp
		return p.line(r, &p.head, r.Host, &st, text, res)
	}
	var e entry
	if !p.head.read(&r, &e, res) {
		return nil
	}
	_, err := p.parseEntry(r, &p.head, &e, res)
	return err
}

func (p *qmail) parseEntry(r bouncehouse.Record, h *headReader, e *entry,
	res *bouncehouse.Result) (mine bool, err error) {
	if e.host == "delivery" && values.Digits(e.program) && e.pid == "" &&
		(e.stamp.zone != "" || e.stamp.fraction != "") {
		// QUIRK: "2009-08-18 12:12:09.2 delivery 3: success: ..." of
		// tai64nlocal looks like host and program.
		return true, p.line(r, h, r.Host, &e.stamp, "delivery "+e.program+": "+e.msg, res)
	}
	host := e.host
	if host == "" {
		host = r.Host
	}
	if st, mark, text, ok := cutSplogger(e.msg); ok {
		return p.splogger(r, h, host, mark, &st, text, res)
	}
	switch {
	case e.program == "rblsmtpd":
		return true, p.refused(r, h, host, &e.stamp, e.msg, res)
	case e.program == "spamdyke":
		return true, p.spamdyke(r, h, host, &e.stamp, e.msg, res)
	case strings.Contains(e.program, "qmail") || e.program == "send" || e.program == "smtpd" || e.program == "multilog":
		if st, text, ok := cutQmailStamp(e.msg); ok && isQmail(text) {
			return true, p.line(r, h, host, &st, text, res)
		}
		if isQmail(e.msg) {
			return true, p.line(r, h, host, &e.stamp, e.msg, res)
		}
	}
	return false, nil
}

// cutSplogger cuts "1250590329.207461 " or, where a line goes on,
// "1250590329.207461+" off; mark is the stamp with its last byte.
func cutSplogger(s string) (st stamp, mark, text string, ok bool) {
	if len(s) < 18 || s[10] != '.' || s[17] != ' ' && s[17] != '+' || s[0]-'0' > 9 || !values.Digits(s[11:17]) {
		return st, "", "", false
	}
	st.kind = stampKnown
	st.known, ok = unixTime(s[:10], s[11:17])
	return st, s[:18], s[18:], ok
}

const (
	folded  = 799 // how much of a line splogger puts into one record (splogger.c)
	mayFold = 256 // others fold earlier; what is shorter is a program's output without a line end
)

// splogger joins folded lines. A line that may go on is held until the next
// record of splogger's on the same host: qmail-send says its status after
// every delivery. Of a line that began before this log nothing is known.
func (p *qmail) splogger(r bouncehouse.Record, h *headReader, host, mark string, st *stamp, text string,
	res *bouncehouse.Result) (mine bool, err error) {
	i := slices.IndexFunc(p.held, func(one qmailHeld) bool { return one.host == host })
	if mark[17] == '+' {
		if i < 0 || p.held[i].stamp != mark[:17] {
			return true, nil
		}
		held := &p.held[i]
		held.text = append(held.text, text[:min(len(text), maxJoined-len(held.text))]...)
		if len(text) < folded && endsReport(text) {
			return true, p.release(r, h, i, res)
		}
		return true, nil
	}
	if i >= 0 {
		if err := p.release(r, h, i, res); err != nil {
			return true, err
		}
	}
	if !isQmail(text) {
		return strings.HasPrefix(text, "status: "), nil
	}
	if len(text) < folded && (text[0] != 'd' || endsReport(text) || len(text) < mayFold) {
		return true, p.line(r, h, host, st, text, res)
	}
	if len(p.held) == maxHeld {
		err = p.release(r, h, 0, res)
	}
	p.held = append(p.held, qmailHeld{host: strings.Clone(host), stamp: strings.Clone(mark[:17]), at: *st,
		text: []byte(text[:min(len(text), maxJoined)])})
	return true, err
}

// maxHeld bounds how many hosts' lines are held at a time.
const maxHeld = 16

// endsReport tells that a report is whole: its last line end is a slash.
func endsReport(s string) bool {
	return strings.HasSuffix(s, "/") || strings.HasSuffix(s, "will defer")
}

// release reads the i-th of the lines that are held.
func (p *qmail) release(r bouncehouse.Record, h *headReader, i int, res *bouncehouse.Result) error {
	held := p.held[i]
	p.held = slices.Delete(p.held, i, i+1)
	return p.line(r, h, held.host, &held.at, string(held.text), res)
}

// line reads what is behind the stamp.
func (p *qmail) line(r bouncehouse.Record, h *headReader, host string, st *stamp, s string,
	res *bouncehouse.Result) error {
	if !isQmail(s) {
		return nil
	}
	switch s[0] {
	case 'n':
		if id := s[len("new msg "):]; values.Digits(id) {
			at, err := h.clock.time(&r, st)
			if err != nil {
				return err
			}
			p.messages.put(memoKey{host, id}).begun = at
		}
	case 'i':
		return p.info(r, h, host, st, s[len("info msg "):], res)
	case 's':
		p.starting(host, s[len("starting delivery "):])
	case 'd':
		return p.result(r, h, host, st, s[len("delivery "):], res)
	case 'e':
		p.messages.remove(memoKey{host, s[len("end msg "):]})
	case 'r':
		return p.refused(r, h, host, st, s[len("rblsmtpd: "):], res)
	case 'C':
		return p.chkuser(r, h, host, st, s[len("CHKUSER rejected "):], res)
	}
	return nil
}

// info reads "93: bytes 300 from <a@b> qp 401 uid 49".
func (p *qmail) info(r bouncehouse.Record, h *headReader, host string, st *stamp, s string,
	res *bouncehouse.Result) error {
	id, rest, ok := strings.Cut(s, ": bytes ")
	size, rest, ok2 := strings.Cut(rest, " from <")
	end := strings.LastIndex(rest, "> qp ")
	if end < 0 && strings.HasSuffix(rest, ">") {
		end = len(rest) - 1
	}
	if !ok || !ok2 || end < 0 || !values.Digits(id) {
		return nil
	}
	at, err := h.clock.time(&r, st)
	if err != nil {
		return err
	}
	key := memoKey{host, id}
	m := p.messages.find(key)
	if m == nil || m.known {
		m = p.messages.put(key)
		m.begun = at
	}
	m.known = true
	p.messages.keep(key, &m.sender, rest[:end])
	res.Arrivals = append(res.Arrivals, bouncehouse.Arrival{Time: m.begun, Host: host, QueueID: id, Sender: rest[:end],
		Size: values.Number(size)})
	return nil
}

// starting reads "2: msg 93 to remote god@heaven.example".
func (p *qmail) starting(host, s string) {
	number, rest, ok := strings.Cut(s, ": msg ")
	id, rest, ok2 := strings.Cut(rest, " to ")
	channel, recipient, ok3 := strings.Cut(rest, " ")
	if !ok || !ok2 || !ok3 || len(number) > 40 || len(id) > 40 {
		return
	}
	key := memoKey{host, number}
	d := p.deliveries.put(key)
	d.remote = channel == "remote"
	p.deliveries.keep(key, &d.message, id)
	p.deliveries.keep(key, &d.recipient, recipient)
}

// result reads "2: success: report". The number is forgotten with it: it is
// counted from one again when qmail-send starts.
func (p *qmail) result(r bouncehouse.Record, h *headReader, host string, st *stamp, s string,
	res *bouncehouse.Result) error {
	number, rest, ok := strings.Cut(s, ": ")
	if !ok || strings.IndexByte(number, ' ') >= 0 {
		return nil
	}
	status, report, ok := strings.Cut(rest, ": ")
	if !ok {
		status, report = strings.TrimSuffix(rest, ":"), ""
	}
	var outcome bouncehouse.Outcome
	switch {
	case status == "success":
		outcome = bouncehouse.Delivered
	case status == "failure":
		outcome = bouncehouse.Bounced
	case status == "deferral":
		outcome = bouncehouse.Deferred
	case rest == "report mangled, will defer":
		outcome, report = bouncehouse.Deferred, rest
	default:
		res.Unread++
		return nil
	}
	at, err := h.clock.time(&r, st)
	if err != nil {
		return err
	}
	ev := newAttempt(res, bouncehouse.Qmail, at, host, "", outcome)
	key := memoKey{host, number}
	local := false
	if d := p.deliveries.find(key); d != nil {
		ev.QueueID, ev.Recipient, local = d.message, d.recipient, !d.remote
		p.deliveries.remove(key)
		if m := p.messages.find(memoKey{host, ev.QueueID}); m != nil {
			ev.Sender, ev.ContextKnown = m.sender, m.known
			if !m.begun.IsZero() && !at.Before(m.begun) {
				ev.Delay = bouncehouse.Delay{Duration: at.Sub(m.begun), Known: true}
			}
		}
	}
	readReport(ev, report, local)
	return nil
}
