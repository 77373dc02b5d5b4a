package parse

import (
	"net/netip"
	"strings"

	"github.com/bouncehouse/bouncehouse"
	"github.com/bouncehouse/bouncehouse/parse/said"
	"github.com/bouncehouse/bouncehouse/parse/values"
)

// ZoneMTA 1.0 to 3.x (lib/sender.js), whose log has no time of its own; with
// or without a stamp or a syslog header before it. S is a session, Q.001 the
// mail of one recipient, both hexadecimal:
//
//	info Sender/default/2301 id=S Q.001 ACCEPTED from=a@b to=c@d src=192.0.2.25 mx=host[203.0.113.9] id=<m@b> (250 2.0.0 OK)
//	info Sender/default/2301 id=S Q.001 REJECTED[recipient] from=a@b to=c@d src=192.0.2.25 mx=host[203.0.113.9] id=<m@b> (550 5.1.1 no)
//	info Sender/default/2301 id=S Q.001 DEFERRED[greylist] from=a@b[srs=a=b@c] to=c@d src=192.0.2.25 mx=host[203.0.113.9] id=<m@b> (451 later)
//	info Sender/default/2301 Q.001 DEFERRED[network] from=a@b[a@b] to=c@d mx=d (450 Can't connect to any MX server for d)     before 1.3
//
// The message id stands behind "message-id=" too. The brackets behind from=
// are the sender that the envelope had, where it was rewritten. Where nobody
// answered, the code is ZoneMTA's own. FETCHED, CONNECTED, CONNFAIL and
// others tell of steps, not of results.
type zoneMTA struct {
	head headReader
}

func newZoneMTA(o Options) bouncehouse.Parser { return &zoneMTA{head: headReader{journal: o.Journal}} }

// sniffZoneMTA looks for a level of npmlog and a sender's name.
func sniffZoneMTA(line string) bool {
	_, rest, ok := cutZoneStamp(strings.TrimPrefix(line, bom))
	return ok && zoneSender(rest) != ""
}

// cutZoneStamp cuts an ISO stamp off, where there is one.
func cutZoneStamp(s string) (st stamp, rest string, ok bool) {
	if s == "" || s[0]-'0' > 9 {
		return st, s, true
	}
	st, rest, ok = cutStamp(s)
	if !ok || st.kind != stampISO || !strings.HasPrefix(rest, " ") {
		return stamp{}, "", false
	}
	return st, strings.TrimLeft(rest, " "), true
}

// zoneSender cuts "info Sender/default/2301 " off; "" where there is none.
func zoneSender(s string) string {
	switch {
	case strings.HasPrefix(s, "info Sender/"), strings.HasPrefix(s, "verb Sender/"),
		strings.HasPrefix(s, "sill Sender/"),
		strings.HasPrefix(s, "WARN Sender/"), strings.HasPrefix(s, "ERR! Sender/"):
		_, rest, _ := strings.Cut(s[len("info "):], " ")
		return rest
	}
	return ""
}

func (p *zoneMTA) Parse(r bouncehouse.Record, res *bouncehouse.Result) error {
	if st, rest, ok := cutZoneStamp(strings.TrimPrefix(r.Text, bom)); ok {
		if s := zoneSender(rest); s != "" {
			return p.line(r, &p.head, r.Host, &st, s, res)
		}
	}
	var e entry
	if !p.head.read(&r, &e, res) {
		return nil
	}
	_, err := p.parseEntry(r, &p.head, &e, res)
	return err
}

func (p *zoneMTA) parseEntry(r bouncehouse.Record, h *headReader, e *entry,
	res *bouncehouse.Result) (mine bool, err error) {
	st, rest := e.stamp, e.msg
	if own, inner, ok := cutZoneStamp(e.msg); ok && own.kind != stampNone {
		st, rest = own, inner
	}
	s := zoneSender(rest)
	if s == "" {
		return false, nil
	}
	host := e.host
	if host == "" {
		host = r.Host
	}
	return true, p.line(r, h, host, &st, s, res)
}

// zoneResult is a result's fields.
type zoneResult struct {
	from, to, src, mx, messageID, response string
}

// line reads "id=S Q.001 ACCEPTED from=...".
func (p *zoneMTA) line(r bouncehouse.Record, h *headReader, host string, st *stamp, s string,
	res *bouncehouse.Result) error {
	if strings.HasPrefix(s, "id=") {
		_, s, _ = strings.Cut(s, " ")
	}
	id, s, ok := strings.Cut(s, " ")
	if !ok || strings.IndexByte(id, '.') < 1 {
		return nil
	}
	word, s, _ := strings.Cut(s, " ")
	word, category, _ := strings.Cut(word, "[")
	category = strings.TrimSuffix(category, "]")
	var outcome bouncehouse.Outcome
	switch word {
	case "ACCEPTED":
		outcome = bouncehouse.Delivered
	case "DEFERRED":
		outcome = bouncehouse.Deferred
	case "REJECTED":
		outcome = bouncehouse.Bounced
	default:
		return nil
	}
	var z zoneResult
	if !z.read(s) {
		res.Unread++
		return nil
	}
	at, err := h.clock.time(&r, st)
	if err != nil {
		return err
	}
	ev := newAttempt(res, bouncehouse.ZoneMTA, at, host, id, outcome)
	ev.ContextKnown = true
	ev.Sender, ev.Recipient = z.from, values.Bare(z.to)
	if _, envelope, ok := strings.Cut(z.from, "["); ok {
		ev.Sender = strings.TrimSuffix(envelope, "]")
	}
	ev.Sender = values.Bare(ev.Sender)
	if ev.MessageID = values.MessageID(z.messageID); ev.MessageID == "undefined" || ev.MessageID == "false" {
		ev.MessageID = ""
	}
	ev.LocalIP = values.IP(z.src)
	z.reply(ev, category)
	return nil
}

// read takes the fields apart: addresses and names hold no blanks, what is
// in brackets at the end is the response.
func (z *zoneResult) read(s string) bool {
	for s != "" && s[0] != '(' {
		var word string
		word, s, _ = strings.Cut(s, " ")
		key, value, _ := strings.Cut(word, "=")
		switch key {
		case "from":
			z.from = value
		case "to":
			z.to = value
		case "src":
			z.src = value
		case "mx":
			z.mx = value
		case "id", "message-id":
			z.messageID = value
		}
	}
	z.response = unparen(s)
	return z.to != ""
}

// reply takes the host and its answer, or what ZoneMTA says itself.
func (z *zoneResult) reply(ev *bouncehouse.Event, category string) {
	values.SetRemote(ev, z.mx)
	if ev.RemoteHost == "undefined" {
		ev.RemoteHost = ""
	}
	said.SetReply(ev, z.response)
	if ev.Outcome == bouncehouse.Bounced && ev.ReplyCode/100 == 4 && category != "blacklist" && category != "http" {
		ev.Outcome = bouncehouse.Expired // it was put off as often as may be
	}
	if ev.Outcome == bouncehouse.Delivered {
		if ev.Stage = bouncehouse.StageEOD; strings.IndexByte(z.mx, '[') < 0 {
			ev.RemoteHost = z.mx
		}
		return
	}
	// Before 1.3 the address of the host was not logged.
	connected := ev.RemoteIP.IsValid() || z.src == "" && category != "network" && category != "dns" &&
		category != "connection"
	if connected && ev.RemoteHost == "" && strings.IndexByte(z.mx, '[') < 0 {
		ev.RemoteHost = z.mx
	}
	if connected && !zoneOwn(ev.ReplyText) {
		return
	}
	ev.ReplyCode = 0
	if strings.Contains(ev.ReplyText, "connect") || strings.Contains(ev.ReplyText, "ECONN") ||
		strings.Contains(ev.ReplyText, "Greeting never") {
		ev.Stage = bouncehouse.StageConnect
	}
	if strings.Contains(ev.ReplyText, "MX server for ") && !connected {
		ev.RemoteHost, ev.RemoteIP = "", netip.Addr{}
	}
}

// zoneOwn tells what ZoneMTA, mx-connect and nodemailer say themselves.
func zoneOwn(text string) bool {
	for _, own := range [...]string{
		"Can't connect to ", "Can't find an MX ", "Connection to ", "Error connecting to ", "Unexpected socket close",
		"Greeting never received",
		"Connection timeout", "Connection closed", "Timeout", "Could not connect to ", "Failed to connect", "connect E",
		"read E", "write E", "getaddrinfo ", "Socket closed",
		"DNS error when resolving", "Client network socket disconnected",
	} {
		if strings.HasPrefix(text, own) {
			return true
		}
	}
	return false
}
