package parse

import (
	"net/netip"
	"strings"
	"unicode/utf8"

	"github.com/bouncehouse/bouncehouse"
	"github.com/bouncehouse/bouncehouse/parse/charset"
	"github.com/bouncehouse/bouncehouse/parse/values"
)

// hMailServer 4 to 5.8 [Common/Application/Logger.cpp]: fields between tabs,
// strings quoted without escapes, local time. SMTPC is its client, SMTPD its
// server; column 2 is a thread, column 3 the session. [nl] stands for a line
// break. The code page is the system's: GBK on Chinese installations.
//
//	"SMTPC"	2148	31	"2021-07-07 07:07:01.017"	"198.51.100.77"	"RECEIVED: 220 mx.example ESMTP"
//	"SMTPC"	2152	31	"2021-07-07 07:07:01.034"	"198.51.100.77"	"SENT: HELO mail.example.com"
//	"SMTPD"	2152	32	"2021-07-07 07:07:01.034"	"198.51.100.9"	"SENT: 550 Unknown user"
//	"TCPIP"	2152	"2021-07-07 07:07:01.034"	"TCPConnection - TLS/SSL handshake completed. Session Id: 31, Remote IP: 198.51.100.77, Version: TLSv1.2, Cipher: ..."
//	"APPLICATION"	3100	"2021-07-07 07:07:00.100"	"SMTPDeliverer - Message 77: ..."
//
// POP3D, POP3C, IMAPD, DEBUG and ERROR tell of no results. Lines of 500
// characters and more may be cut in the middle, with " ... " in the place.
// What the delivery thread says of messages: hmailserver_queue.go.
type hMailServer struct {
	clock    clock
	sessions recent[dialogue] // by SMTPC or SMTPD, and the number
	queue    hmailQueue
}

func newHMailServer(Options) bouncehouse.Parser { return &hMailServer{} }

func sniffHMailServer(line string) bool {
	kind, rest, ok := cutQuoted(strings.TrimPrefix(line, bom))
	if !ok {
		return false
	}
	switch kind {
	case "SMTPC", "SMTPD", "POP3D", "POP3C", "IMAPD", "APPLICATION", "TCPIP", "DEBUG", "ERROR":
		thread, _, ok := strings.Cut(rest, "\t")
		return ok && values.Digits(thread)
	}
	return false
}

// cutQuoted cuts a quoted field with the tab behind it off.
func cutQuoted(s string) (field, rest string, ok bool) {
	if s == "" || s[0] != '"' {
		return "", s, false
	}
	n := strings.IndexByte(s, '\t')
	if n < 2 || s[n-1] != '"' {
		return "", s, false
	}
	return s[1 : n-1], s[n+1:], true
}

func (p *hMailServer) Parse(r bouncehouse.Record, res *bouncehouse.Result) error {
	kind, rest, ok := cutQuoted(strings.TrimPrefix(r.Text, bom))
	if !ok {
		return nil
	}
	switch kind {
	case "SMTPC", "SMTPD":
	case "APPLICATION", "TCPIP", "DEBUG":
		_, rest, ok = strings.Cut(rest, "\t")
		if !ok {
			return nil
		}
		stamp, text, ok := cutQuoted(rest)
		if !ok {
			return nil
		}
		text = strings.TrimSuffix(strings.TrimPrefix(text, `"`), `"`)
		if kind == "TCPIP" {
			p.handshake(text)
			return nil
		}
		return p.delivery(&r, stamp, text, res)
	default:
		return nil
	}
	_, rest, ok = strings.Cut(rest, "\t")
	if !ok {
		return nil
	}
	id, rest, ok := strings.Cut(rest, "\t")
	if !ok {
		return nil
	}
	stamp, rest, ok := cutQuoted(rest)
	if !ok {
		return nil
	}
	ip, text, ok := cutQuoted(rest)
	if !ok {
		return nil
	}
	text = strings.TrimSuffix(strings.TrimPrefix(text, `"`), `"`)
	if !utf8.ValidString(text) {
		text = charset.Decode(text, "", nil)
	}
	if id == "0" { // SMTPDeliverer - Message 41 - Connection failed: ...
		return p.delivery(&r, stamp, text, res)
	}
	return p.line(&r, memoKey{kind, id}, stamp, values.IP(ip), text, res)
}

// line takes one line of a session.
func (p *hMailServer) line(r *bouncehouse.Record, key memoKey, stamp string, ip netip.Addr, text string,
	res *bouncehouse.Result) error {
	text, sent := strings.CutPrefix(text, "SENT: ")
	if !sent {
		var ok bool
		if text, ok = strings.CutPrefix(text, "RECEIVED: "); !ok {
			return nil
		}
	}
	server := key.host == "SMTPD"
	isReply := sent == server
	d := p.sessions.find(key)
	if d == nil || d.remote.Addr() != ip {
		d = p.sessions.put(key)
		d.remote = netip.AddrPortFrom(ip, 0)
		d.direction = bouncehouse.Outbound
		if server {
			d.direction = bouncehouse.Inbound
		}
		if isReply {
			d.connected()
		}
	}
	before, bytes := len(res.Events), d.size()
	if isReply {
		hmailReply(d, text, res)
	} else {
		d.command(strings.TrimPrefix(text, "[nl]"), res)
	}
	var err error
	if len(res.Events) > before || d.held.fresh {
		at, timeErr := p.time(r, stamp)
		if err = timeErr; err == nil {
			d.timed(at, bouncehouse.HMailServer, res.Events[before:])
			if !server {
				p.queue.settle(res, before)
			}
		}
	}
	if d.over && isReply && len(d.pending()) == 0 {
		p.sessions.remove(key)
	} else {
		p.sessions.charge(key, d.size()-bytes)
	}
	return err
}

// hmailReply takes a reply as it was received: one line or several, with
// [nl] between them.
func hmailReply(d *dialogue, text string, res *bouncehouse.Result) {
	text = strings.TrimSuffix(text, "[nl]")
	last := strings.LastIndex(text, "[nl]")
	if len(text) > 400 && strings.Contains(text, " ... ") { // cut: the last line's code may be lost
		d.whole(strings.ReplaceAll(text, "[nl]", " "), res)
		return
	}
	if last < 0 {
		d.reply(text, res) // older versions log each line of a reply
		return
	}
	if end := text[last+len("[nl]"):]; len(end) > 3 && end[3] == '-' && bouncehouse.StartsWithCode(end) {
		for line := range strings.SplitSeq(text, "[nl]") {
			d.reply(line, res) // more lines are to come
		}
		return
	}
	if len(d.lines) > 0 {
		for line := range strings.SplitSeq(text, "[nl]") {
			d.reply(line, res)
		}
		return
	}
	d.whole(strings.ReplaceAll(text, "[nl]", " "), res)
}

// handshake takes a session's TLS version:
//
//	TCPConnection - TLS/SSL handshake completed. Session Id: 31, Remote IP: 198.51.100.77, Version: TLSv1.2, Cipher: ...
func (p *hMailServer) handshake(text string) {
	if !strings.HasPrefix(text, "TCPConnection - TLS/SSL handshake completed.") {
		return
	}
	_, rest, ok := strings.Cut(text, "Session Id: ")
	if !ok {
		return
	}
	id, rest, _ := strings.Cut(rest, ",")
	_, rest, ok = strings.Cut(rest, "Version: ")
	if !ok {
		return
	}
	version, _, _ := strings.Cut(rest, ",")
	for _, kind := range [...]string{"SMTPC", "SMTPD"} {
		if d := p.sessions.find(memoKey{kind, id}); d != nil {
			d.tls = tlsVersion(version)
		}
	}
}
