package parse

import (
	"strings"

	"github.com/bouncehouse/bouncehouse"
	"github.com/bouncehouse/bouncehouse/parse/values"
)

// MDaemon's session logs, SMTP-(out), SMTP-(in) and all: local time. The log
// has each session as one transcript; where lines of several come mixed they
// name theirs in brackets. --> is what we send, <-- what we receive, * are
// facts.
//
//	Tue 2022-08-09 07:47:31: Session 733250; child 0002
//	Tue 2022-08-09 07:47:31: Parsing message <c:\mdaemon\queues\remote\pd90001015916.msg>
//	Tue 2022-08-09 07:47:31: *  From: a@x.example
//	Tue 2022-08-09 07:47:31: *  To: b@y.example
//	Tue 2022-08-09 07:47:31: Attempting SMTP connection to [mx.y.example:25]
//	Tue 2022-08-09 07:47:31: *  Connection established (192.0.2.15:60296 -> 203.0.113.213:25)
//	Tue 2022-08-09 07:47:31: <-- 220 mx.y.example ESMTP
//	Tue 2022-08-09 07:47:31: --> RCPT To:<b@y.example>
//	Tue 2022-08-09 07:47:31: SMTP session terminated (Bytes in/out: 345/123)
//	Tue 2022-08-09 07:47:31: ----------
//
//	Tue 2022-08-09 07:47:31.140: Accepting SMTP connection from [203.0.113.7:52344] to [192.0.2.15:25]
//	Tue 2026-08-18 00:00:48.993: 05: Accepting SMTP connection from 203.0.113.10:45584 to 192.0.2.15:25     20 and later: a category
//	Mon 2018-01-01 00:00:01.123: [733250:2] --> RCPT To:<b@y.example>
//	[20180101] 00:00:01.123: [733250:2] --> RCPT To:<b@y.example>
type mdaemon struct {
	clock    clock
	sessions recent[mdaemonSession]
	current  string // of lines that name no session
	last     struct {
		date [10]byte
		time [16]byte
		n, m int
	} // the last stamp: the end of a transcript has none
}

type mdaemonSession struct {
	dialogue
	from  string
	to    []string
	tried string // the host that we connect to
	cause string // what went wrong, in MDaemon's words
	told  bool   // an event was made
	each  int    // events made of refusals that were all recipients'
}

// maxEach bounds a session's events of refusals that are told for each of its
// recipients: by each host that is tried.
const maxEach = 2 * maxRcpts

func newMDaemon(Options) bouncehouse.Parser { return &mdaemon{} }

func sniffMDaemon(line string) bool {
	_, _, ok := cutMDaemonStamp(strings.TrimPrefix(line, bom))
	return ok
}

// mdaemonStamp is a line's time as it stands there.
type mdaemonStamp struct {
	date, time string // 2022-08-09 or 20220809; 07:47:31.140
}

// cutMDaemonStamp cuts "Tue 2022-08-09 07:47:31.140: " or "[20180101] 00:00:01.123: " off.
func cutMDaemonStamp(s string) (st mdaemonStamp, rest string, ok bool) {
	switch {
	case len(s) < 20:
		return st, s, false
	case s[0] == '[' && s[9] == ']' && s[10] == ' ' && values.Digits(s[1:9]):
		st.date, rest = s[1:9], s[11:]
	case s[3] == ' ' && s[8] == '-' && s[11] == '-' && s[14] == ' ' && values.Digits(s[4:8]):
		st.date, rest = s[4:14], s[15:]
	default:
		return st, s, false
	}
	if len(rest) < 9 || rest[2] != ':' || rest[5] != ':' {
		return st, s, false
	}
	n := 8
	for n < len(rest) && (rest[n] == '.' || rest[n]-'0' <= 9) {
		n++
	}
	if n >= len(rest) || rest[n] != ':' {
		return st, s, false
	}
	st.time, rest = rest[:n], rest[n+1:]
	return st, strings.TrimPrefix(rest, " "), true
}

// stamp is the time in the form that clock reads.
func (st mdaemonStamp) stamp() (stamp, bool) {
	date := st.date
	if len(date) == 8 {
		date = date[:4] + "-" + date[4:6] + "-" + date[6:]
	}
	out, rest, ok := cutStamp(date + " " + st.time)
	return out, ok && rest == ""
}

func (p *mdaemon) Parse(r bouncehouse.Record, res *bouncehouse.Result) error {
	st, s, ok := cutMDaemonStamp(strings.TrimPrefix(r.Text, bom))
	if !ok {
		if strings.HasPrefix(r.Text, "---") && strings.Contains(r.Text, "End Transcript") {
			last := mdaemonStamp{string(p.last.date[:p.last.n]), string(p.last.time[:p.last.m])}
			return p.end(&r, last, p.current, res)
		}
		return nil
	}
	p.last.n, p.last.m = copy(p.last.date[:], st.date), copy(p.last.time[:], st.time)
	s = cutCategory(s)
	key := p.current
	if strings.HasPrefix(s, "[") {
		if id, rest, ok := strings.Cut(s[1:], "] "); ok && len(id) < 24 && strings.Trim(id, "0123456789:") == "" {
			key, s = id, cutCategory(rest)
		}
	}
	if s == "" {
		return nil
	}
	switch s[0] {
	case '-':
		if line, ok := strings.CutPrefix(s, "--> "); ok {
			return p.spoken(&r, st, key, true, line, res)
		}
		if strings.HasPrefix(s, "---") {
			return p.end(&r, st, key, res)
		}
	case '<':
		if line, ok := strings.CutPrefix(s, "<-- "); ok {
			return p.spoken(&r, st, key, false, line, res)
		}
	case 'S':
		if strings.HasPrefix(s, "SMTP session ") {
			return p.end(&r, st, key, res)
		}
		if rest, ok := strings.CutPrefix(s, "Session "); ok {
			id, _, _ := strings.Cut(rest, ";")
			if !values.Digits(id) {
				return nil
			}
			err := p.end(&r, st, key, res)
			if key == p.current { // no session is named by its lines
				key = strings.Clone(id)
				p.current = key
			}
			p.sessions.put(memoKey{id: key})
			return err
		}
	case '*':
		p.fact(key, strings.TrimLeft(s[1:], " "))
	case 'A':
		if rest, ok := strings.CutPrefix(s, "Accepting SMTP connection from "); ok {
			d := p.open(key)
			d.direction = bouncehouse.Inbound
			from, _, _ := strings.Cut(rest, " ")
			if d.remote = values.Endpoint(from); !d.remote.IsValid() {
				d.remote = values.Endpoint(strings.Trim(from, "[]")) // [203.0.113.7:52344]
			}
			d.connected()
		} else if strings.HasPrefix(s, "Accepting ") && strings.Contains(s, " connection from ") ||
			strings.HasPrefix(s, "Attempting ") && !strings.HasPrefix(s, "Attempting SMTP") &&
				strings.Contains(s, " connection to ") {
			p.open(key).lost = true // POP, IMAP, MultiPOP
		} else if rest, ok := strings.CutPrefix(s, "Attempting SMTP connection to "); ok {
			d := p.open(key)
			d.direction = bouncehouse.Outbound
			name, _, _ := strings.Cut(strings.Trim(rest, "[]. "), ":")
			if values.IsHostName(name) && len(name) <= maxKept {
				p.keep(key, d, &d.tried, name)
			}
		}
	case 'P':
		if rest, ok := strings.CutPrefix(s, "Parsing message <"); ok {
			d := p.open(key)
			d.direction = bouncehouse.Outbound
			name := strings.TrimSuffix(rest, ">")
			name = name[strings.LastIndexAny(name, `\/`)+1:]
			p.keep(key, d, &d.queueID, name[:min(len(name), maxKept)])
		}
	}
	return nil
}

// cutCategory cuts "05: " off.
func cutCategory(s string) string {
	if len(s) > 4 && s[2] == ':' && s[3] == ' ' && values.Digits(s[:2]) {
		return s[4:]
	}
	return s
}

// keep makes a copy of s in place of a session's field.
func (p *mdaemon) keep(key string, d *mdaemonSession, field *string, s string) {
	bytes := d.size()
	d.dialogue.keep(field, s)
	p.sessions.charge(memoKey{id: key}, d.size()-bytes)
}

// open returns the session, making it if need be.
func (p *mdaemon) open(key string) *mdaemonSession { return p.sessions.open(memoKey{id: key}) }

// fact reads what follows the star.
func (p *mdaemon) fact(key, s string) {
	d := p.sessions.find(memoKey{id: key})
	if d == nil {
		return
	}
	switch {
	case strings.HasPrefix(s, "From: "):
		p.keep(key, d, &d.from, values.Bare(s[len("From: "):]))
	case strings.HasPrefix(s, "To: "):
		for to := range strings.SplitSeq(s[len("To: "):], ",") {
			if to = values.Bare(to); to != "" && len(d.to) < maxRcpts {
				d.to = append(d.to, "")
				p.keep(key, d, &d.to[len(d.to)-1], to)
			}
		}
	case strings.HasPrefix(s, "Message-ID: "):
		p.keep(key, d, &d.messageID, values.MessageID(s[len("Message-ID: "):]))
	case strings.HasPrefix(s, "Connection established "):
		from, to, _ := strings.Cut(strings.Trim(s[len("Connection established "):], "()"), " -> ")
		d.direction = bouncehouse.Outbound
		d.local, d.remote = values.Endpoint(from).Addr(), values.Endpoint(to)
		d.finished(d.mail)
		d.host, d.tls, d.cause, d.lines = d.tried, "", "", d.lines[:0]
		d.inData, d.inAuth, d.over, d.closing = false, false, false, bouncehouse.Reply{}
		d.connected()
	case strings.HasPrefix(s, "SSL negotiation successful"), strings.HasPrefix(s, "TLS negotiation successful"):
		if _, version, ok := strings.Cut(s, "TLS "); ok && len(version) > 2 && version[1] == '.' {
			d.tls = tlsVersion("TLSv" + strings.TrimSuffix(version[:3], ".0"))
		}
	case mdaemonFault(s):
		p.keep(key, d, &d.cause, s[:min(len(s), maxKept)])
	}
}

// mdaemonFault tells facts that end an attempt:
//
//	Winsock Error 10060 The connection timed out.
//	Socket connection closed by the other side (how rude!)
//	Name server reports domain name unknown
func mdaemonFault(s string) bool {
	for _, word := range [...]string{"Winsock", "Socket ", "Connection to ", "Connection attempt", "Timeout",
		"Time out", "Timed out", "Name server reports", "SSL negotiation failed", "TLS negotiation failed"} {
		if strings.HasPrefix(s, word) {
			return true
		}
	}
	return strings.HasPrefix(s, "DNS") && (strings.Contains(s, "fail") || strings.Contains(s, "unknown") ||
		strings.Contains(s, "not exist"))
}

// spoken takes one line of a session.
func (p *mdaemon) spoken(r *bouncehouse.Record, st mdaemonStamp, key string, sent bool, line string,
	res *bouncehouse.Result) error {
	d := p.open(key)
	coded := bouncehouse.StartsWithCode(line)
	if d.direction == "" {
		if d.direction = bouncehouse.Inbound; coded != sent { // who answers with codes is the server
			d.direction = bouncehouse.Outbound
		}
	}
	before, bytes := len(res.Events), d.size()
	if sent == (d.direction == bouncehouse.Inbound) {
		if !d.started {
			d.connected()
		}
		d.reply(line, res)
	} else {
		d.command(line, res)
	}
	err := p.finish(r, st, d, before, res)
	p.sessions.charge(memoKey{id: key}, d.size()-bytes)
	return err
}

// finish gives new events their time and what the session's head told.
func (p *mdaemon) finish(r *bouncehouse.Record, st mdaemonStamp, d *mdaemonSession, before int,
	res *bouncehouse.Result) error {
	if len(res.Events) == before && !d.held.fresh {
		return nil
	}
	d.told = d.told || len(res.Events) > before
	for i := before; i < len(res.Events); i++ {
		ev := &res.Events[i]
		if ev.Direction != bouncehouse.Outbound {
			continue
		}
		if ev.Sender == "" && d.mail == nil {
			ev.Sender = d.from
		}
		if ev.Recipient == "" && len(d.to) > 0 { // refused before RCPT: the last of the events
			ev.Recipient = d.to[0]
			if d.each += len(d.to); d.each > maxEach {
				break
			}
			template := *ev
			for _, to := range d.to[1:] {
				template.Recipient = to
				res.Events = append(res.Events, template)
			}
			break
		}
	}
	when, ok := st.stamp()
	if !ok {
		when = stamp{}
	}
	at, err := p.clock.time(r, &when)
	if err != nil {
		return err
	}
	d.timed(at, bouncehouse.MDaemon, res.Events[before:])
	return nil
}

// end closes a session. Where nothing came of it, MDaemon's own words tell
// why.
func (p *mdaemon) end(r *bouncehouse.Record, st mdaemonStamp, key string, res *bouncehouse.Result) error {
	d := p.sessions.find(memoKey{id: key})
	if d == nil {
		return nil
	}
	before := len(res.Events)
	how := d.cause
	if how == "" {
		how = "connection closed"
	}
	d.closed(how, res)
	if len(res.Events) == before && !d.told && d.cause != "" && d.direction == bouncehouse.Outbound && !d.over {
		stage := bouncehouse.StageConnect
		if len(d.pending()) > 0 {
			stage = verbStage(d.pending()[0].verb)
		}
		d.tell(stage, bouncehouse.Reply{Text: d.cause}, nil, "", res)
		ev := &res.Events[len(res.Events)-1]
		ev.Outcome, ev.RemoteHost = bouncehouse.Deferred, d.tried
	}
	err := p.finish(r, st, d, before, res)
	p.sessions.remove(memoKey{id: key})
	return err
}
