package parse

import (
	"strings"

	"github.com/bouncehouse/bouncehouse"
	"github.com/bouncehouse/bouncehouse/parse/said"
	"github.com/bouncehouse/bouncehouse/parse/values"
)

// What connection.js says of clients, each with the fields behind it:
//
//	connect ip=203.0.113.130 port=36890 local_ip=:: local_port=25
//	sender <a@b> code=CONT msg=""
//	recipient <c@d> code=DENY msg="I cannot deliver mail for <c@d>" sender="a@b"
//	message mid="<m@h>" size=451 rcpts=1/0/0 delay=0.009 code=DENY msg="spam"
//	queue code=DENYSOFT msg="Message denied temporarily (UUID.1)"
//	disconnect ip=... lr="550 ..." time=9.1
//
// DENY, DENYSOFT, DENYDISCONNECT and DENYSOFTDISCONNECT are refusals; CONT
// and OK are none. The SMTP code is in no line.

// harakaClient is who has connected.
type harakaClient struct {
	ip   string
	port uint16
}

// harakaMessage is a transaction.
type harakaMessage struct {
	sender    string
	known     bool // sender is
	messageID string
	rcpts     []string // accepted, in order
}

func (p *haraka) inbound(r bouncehouse.Record, h *headReader, host string, l *harakaLine,
	res *bouncehouse.Result) error {
	if l.text == "" {
		return nil
	}
	switch l.text[0] {
	case 'c':
		if l.text == "connect" || strings.HasPrefix(l.text, "connect ip=") {
			l.cutFields("ip=")
			p.connect(l)
		}
	case 's':
		if strings.HasPrefix(l.text, "sender <") {
			l.cutFields("code=")
			return p.sender(r, h, host, l, res)
		}
	case 'r':
		if strings.HasPrefix(l.text, "recipient <") {
			l.cutFields("code=")
			return p.recipient(r, h, host, l, res)
		}
	case 'm', 'q':
		if l.text == "message" || strings.HasPrefix(l.text, "message mid=") {
			l.cutFields("mid=")
			return p.data(r, h, host, l, res)
		}
		if l.text == "queue" || strings.HasPrefix(l.text, "queue code=") {
			l.cutFields("code=")
			return p.data(r, h, host, l, res)
		}
	}
	return nil
}

func (p *haraka) connect(l *harakaLine) {
	if len(l.fields[harakaIP]) > 64 || l.fields[harakaIP] == "" {
		return
	}
	key := memoKey{id: l.uuid}
	c := p.conns.put(key)
	p.conns.keep(key, &c.ip, l.fields[harakaIP])
	c.port = values.Port(l.fields[harakaPort])
}

func denied(code string) bool { return strings.HasPrefix(code, "DENY") }

func (p *haraka) sender(r bouncehouse.Record, h *headReader, host string, l *harakaLine,
	res *bouncehouse.Result) error {
	addr := harakaAddress(l.text[len("sender "):])
	if denied(l.fields[harakaCode]) {
		ev, err := p.refusal(r, h, host, l, bouncehouse.StageMAIL, res)
		if err == nil {
			ev.Sender = addr
		}
		return err
	}
	key := memoKey{id: l.uuid}
	m := p.trans.put(key) // a new transaction
	m.known = true
	p.trans.keep(key, &m.sender, addr)
	return nil
}

// maxHarakaRcpts bounds the recipients of one transaction.
const maxHarakaRcpts = 1000

func (p *haraka) recipient(r bouncehouse.Record, h *headReader, host string, l *harakaLine,
	res *bouncehouse.Result) error {
	addr := harakaAddress(l.text[len("recipient "):])
	if denied(l.fields[harakaCode]) {
		ev, err := p.refusal(r, h, host, l, bouncehouse.StageRCPT, res)
		if err == nil {
			ev.Recipient = addr
		}
		return err
	}
	key := memoKey{id: l.uuid}
	m := p.trans.open(key)
	if n := len(m.rcpts); n > 0 && m.rcpts[n-1] == addr {
		return nil // CONT, and then OK
	}
	if len(m.rcpts) < maxHarakaRcpts && len(addr) <= maxKept {
		m.rcpts = append(m.rcpts, strings.Clone(addr))
		p.trans.charge(key, len(addr)+16)
	}
	return nil
}

// data reads "message" and "queue": what became of the whole message.
func (p *haraka) data(r bouncehouse.Record, h *headReader, host string, l *harakaLine, res *bouncehouse.Result) error {
	key := memoKey{id: l.uuid}
	m := p.trans.find(key)
	if mid := values.MessageID(l.fields[harakaMID]); mid != "" && len(mid) <= maxKept && !denied(l.fields[harakaCode]) {
		m = p.trans.open(key)
		p.trans.keep(key, &m.messageID, mid)
	}
	if !denied(l.fields[harakaCode]) {
		return nil
	}
	var rcpts []string
	if m != nil {
		rcpts = m.rcpts
	}
	for i := range max(1, len(rcpts)) {
		ev, err := p.refusal(r, h, host, l, bouncehouse.StageEOD, res)
		if err != nil {
			return err
		}
		ev.MessageID = values.MessageID(l.fields[harakaMID])
		if m != nil && ev.MessageID == "" {
			ev.MessageID = m.messageID
		}
		if i < len(rcpts) {
			ev.Recipient = rcpts[i]
		}
	}
	if m != nil {
		m.rcpts = nil
	}
	return nil
}

// refusal makes the event of a client that was refused.
func (p *haraka) refusal(r bouncehouse.Record, h *headReader, host string, l *harakaLine, stage bouncehouse.Stage,
	res *bouncehouse.Result) (*bouncehouse.Event, error) {
	at, err := h.clock.time(&r, &l.stamp)
	if err != nil {
		return nil, err
	}
	ev := newRefusal(res, bouncehouse.Haraka, at, host, l.uuid)
	ev.Stage, ev.ContextKnown = stage, true
	text := strings.TrimSuffix(l.fields[harakaMsg], " ("+l.uuid+")")
	said.SetReply(ev, text)
	if ev.ReplyCode == 0 && ev.EnhancedCode == "" {
		ev.EnhancedCode, ev.ReplyText = bouncehouse.CutEnhanced(text)
	}
	ev.Sender = values.Bare(l.fields[harakaSender])
	if m := p.trans.find(memoKey{id: l.uuid}); m != nil && ev.Sender == "" {
		ev.Sender = m.sender
	}
	uuid, _, _ := strings.Cut(l.uuid, ".")
	if c := p.conns.find(memoKey{id: uuid}); c != nil {
		ev.RemoteIP, ev.RemotePort = values.IP(c.ip), c.port
	}
	return ev, nil
}

// harakaAddress reads "<a@b> rest".
func harakaAddress(s string) string {
	if !strings.HasPrefix(s, "<") {
		return ""
	}
	if addr, _, ok := values.CutAddress(s[1:]); ok {
		return addr
	}
	return ""
}
