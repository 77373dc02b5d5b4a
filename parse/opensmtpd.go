package parse

import (
	"strings"

	"github.com/bouncehouse/bouncehouse"
	"github.com/bouncehouse/bouncehouse/parse/values"
)

// OpenSMTPD 5.3 to 7.x. S is a session's id, E an envelope's (one recipient);
// the message is E's first eight digits. The source file in brackets.
//
//	S smtp connected address=192.0.2.5 host=mx.example.org                        [smtp_session.c]
//	S smtp authentication user=ann address=... host=... result=ok
//	S smtp message msgid=e7e9c377 size=2834 nrcpt=2 proto=ESMTP
//	S smtp envelope evpid=E from=<a@b> to=<c@d>
//	S smtp failed-command command="RCPT TO:<c@d>" result="550 Invalid recipient: <c@d>"
//	S mta connecting address=smtp://192.0.2.25:25 host=mx.example.net             [mta_session.c]
//	S mta error reason=BANNER rejected: 554 text
//	S mta tls ciphers=TLSv1.3:TLS_AES_256_GCM_SHA384:256
//	S mta delivery evpid=E from=<a@b> to=<c@d> rcpt=<-> source="203.0.113.25" relay="192.0.2.25 (mx.example.net)"
//	  delay=1h2m3s result="TempFail" stat="450 4.2.0 text"                        [mta.c, mta_log]
//	S mda delivery evpid=E from=<a@b> to=<c@d> rcpt=<c@d> user=u delay=0s result=Ok stat=Delivered  [mda.c, mda_log]
//	relay: Expire for E: from=<a@b>, to=<c@d>, rcpt=<->, delay=4d, stat=Envelope expired            [queue.c, queue_log]
//
// 5.9 to 6.3 have "event=" before the third word and some other words:
// "mta event=starttls ciphers=version=TLSv1.2, cipher=...", and the
// envelope's fields in "smtp event=message". Before 5.9:
//
//	smtp-in: New session S from host mx.example.org [192.0.2.5]
//	smtp-in: Accepted message e7e9c377 on session S: from=<a@b>, to=<c@d>, size=1746, ndest=1, proto=ESMTP
//	smtp-in: Failed command on session S: "RCPT TO:<c@d>" => 550 Invalid recipient
//	smtp-out: Connecting to smtp://192.0.2.25:25 (mx.example.net) on session S...
//	smtp-out: Started TLS on session S: version=TLSv1.2, cipher=...
//	relay: Ok for E: session=S, from=<a@b>, to=<c@d>, rcpt=<->, source=203.0.113.25, relay=192.0.2.25 (mx.example.net), delay=1s, stat=250 Ok
//	delivery: Ok for E: from=<a@b>, to=<c@d>, user=u, method=mbox, delay=0s, stat=Delivered
//
// Replies of several lines are joined without a blank, and the SMTP command
// is not told. Where a whole domain cannot be reached the session is all
// zeros, relay= is the domain, and the reason stands in "mta error" lines of
// connections that name no message.
type openSMTPD struct {
	head     headReader
	memory   memory
	sessions recent[mailSession]
}

// mailSession is what the lines of one connection told.
type mailSession struct {
	client mailClient // of smtp; of mta the server
	user   string
	size   int64  // of the message last announced
	msgid  string // whose arrival was made last
	tls    string // of mta
	port   uint16
}

func newOpenSMTPD(o Options) bouncehouse.Parser {
	return &openSMTPD{head: headReader{journal: o.Journal}}
}

// sniffOpenSMTPD knows the lines of smtpd -d.
func sniffOpenSMTPD(line string) bool {
	session, _ := cutSession(line)
	return session != ""
}

// cutSession cuts "S smtp " off.
func cutSession(s string) (session, rest string) {
	const n = 16
	if len(s) < n+5 || s[n] != ' ' {
		return "", ""
	}
	for i := range n {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return "", ""
		}
	}
	switch rest = s[n+1:]; {
	case strings.HasPrefix(rest, "smtp "), strings.HasPrefix(rest, "mta "), strings.HasPrefix(rest, "mda "):
		return s[:n], rest
	}
	return "", ""
}

// cutAgent cuts "smtp-in: " off, which is the tag where smtpd -d writes
// without a header.
func cutAgent(e *entry) (agent, rest string) {
	agent, rest = e.program, e.msg
	if agent == "smtpd" || agent == "opensmtpd" {
		agent, rest, _ = strings.Cut(e.msg, ": ")
	} else if e.stamp.kind != stampNone || e.pid != "" || len(rest) < 16 {
		return "", ""
	}
	switch agent {
	case "smtp-in", "smtp-out", "relay", "delivery":
		return agent, rest
	}
	return "", ""
}

func (p *openSMTPD) Parse(r bouncehouse.Record, res *bouncehouse.Result) error {
	var e entry
	if !p.head.read(&r, &e, res) {
		if session, _ := cutSession(r.Text); session == "" {
			return nil
		}
		e = entry{msg: r.Text}
	}
	_, err := p.parseEntry(r, &p.head, &e, res)
	return err
}

func (p *openSMTPD) parseEntry(r bouncehouse.Record, h *headReader, e *entry,
	res *bouncehouse.Result) (mine bool, err error) {
	session, rest := cutSession(e.msg)
	if session == "" {
		agent, rest := cutAgent(e)
		if agent == "" {
			return false, nil
		}
		if e.host == "" {
			e.host = r.Host
		}
		return true, p.old(r, h, e, agent, rest, res)
	}
	if e.host == "" {
		e.host = r.Host
	}
	agent, rest, _ := strings.Cut(rest, " ")
	verb, rest, _ := strings.Cut(strings.TrimPrefix(rest, "event="), " ")
	switch agent {
	case "smtp":
		switch verb {
		case "connected", "proxy":
			p.connected(e, session, rest)
		case "authentication":
			p.authenticated(e, session, rest)
		case "message":
			return true, p.announced(r, h, e, session, rest, res)
		case "envelope":
			return true, p.arrival(r, h, e, session, rest, res)
		case "failed-command":
			return true, p.refused(r, h, e, session, rest, res)
		}
	case "mta":
		switch verb {
		case "connecting":
			p.connecting(e, session, rest)
		case "tls", "starttls":
			if _, ciphers, ok := strings.Cut(rest, "ciphers="); ok {
				p.session(e, session).tls = cipherVersion(ciphers)
			}
		case "delivery":
			return true, p.delivery(r, h, e, session, rest, true, res)
		case "error":
			return true, p.connectionRefused(r, h, e, session, strings.TrimPrefix(rest, "reason="), res)
		}
	case "mda":
		if verb == "delivery" {
			return true, p.delivery(r, h, e, "", rest, false, res)
		}
	}
	return true, nil
}

// mailFields are the values of a line, each without quotes or brackets.
type mailFields struct {
	address, host, user, result         string
	msgid, evpid, from, to, rcpt        string
	size, source, relay, delay, session string
	stat                                string
	sender                              bool // from was there
}

// read takes "key=value key=value" apart, also with commas between.
func (f *mailFields) read(s string) {
	for s != "" {
		key, val, ok := strings.Cut(s, "=")
		if !ok {
			return
		}
		key = strings.TrimLeft(key, ", ")
		if key == "stat" { // the last
			val = strings.TrimSuffix(strings.TrimPrefix(val, `"`), `"`)
			f.stat = val
			return
		}
		switch {
		case strings.HasPrefix(val, "<"):
			if val, s, ok = values.CutAddress(val[1:]); !ok {
				return
			}
		case strings.HasPrefix(val, `"`):
			end := strings.Index(val[1:], `" `)
			if end < 0 {
				val, s = strings.TrimSuffix(val[1:], `"`), ""
				break
			}
			val, s = val[1:1+end], val[1+end+2:]
		default:
			val, s = cutPlain(val)
		}
		switch key {
		case "address":
			f.address = val
		case "host":
			f.host = val
		case "user":
			f.user = val
		case "result":
			f.result = val
		case "msgid":
			f.msgid = val
		case "evpid":
			f.evpid = val
		case "session":
			f.session = val
		case "from":
			f.from, f.sender = val, true
		case "to":
			f.to = val
		case "rcpt":
			f.rcpt = val
		case "size":
			f.size = val
		case "source":
			f.source = val
		case "relay":
			f.relay = val
		case "delay":
			f.delay = val
		}
	}
}

// cutPlain ends a value without quotes where "key=" follows.
func cutPlain(s string) (val, rest string) {
	for from := 0; ; {
		end := strings.IndexByte(s[from:], ' ')
		if end < 0 {
			return strings.TrimSuffix(s, ","), ""
		}
		end += from
		if isField(s[end+1:]) {
			return strings.TrimSuffix(s[:end], ","), s[end+1:]
		}
		from = end + 1
	}
}

// session returns what is known of a connection, made if need be.
func (p *openSMTPD) session(e *entry, id string) *mailSession {
	return p.sessions.open(memoKey{e.host, id})
}

func (p *openSMTPD) connected(e *entry, id, rest string) {
	var f mailFields
	f.read(rest)
	p.begin(e, id, f.host, f.address)
}

// begin notes a client: "local", or an address.
func (p *openSMTPD) begin(e *entry, id, host, address string) {
	key := memoKey{e.host, id}
	s := p.sessions.put(key)
	if host != "unknown" {
		p.sessions.keep(key, &s.client.host, host)
	}
	if address != "local" && len(address) < 64 {
		p.sessions.keep(key, &s.client.ip, strings.Trim(address, "[]"))
	}
}

func (p *openSMTPD) connecting(e *entry, id, rest string) {
	var f mailFields
	f.read(rest)
	p.calling(e, id, f.address, f.host)
}

// calling notes a server that we connect to: "smtp+tls://[2001:db8::1]:25".
func (p *openSMTPD) calling(e *entry, id, address, host string) {
	key := memoKey{e.host, id}
	s := p.sessions.put(key)
	_, address, _ = strings.Cut(address, "://")
	at := strings.LastIndexByte(address, ':')
	if at < 0 {
		return
	}
	s.port = values.Port(address[at+1:])
	p.sessions.keep(key, &s.client.ip, strings.Trim(address[:at], "[]"))
	p.sessions.keep(key, &s.client.host, serverName(host, s.client.ip))
}

// serverName is host where it is a name: without PTR the address stands there.
func serverName(host, ip string) string {
	if host == "" || host == ip || host[0] == '<' || host[0] == '[' || values.IP(host).IsValid() {
		return ""
	}
	return host
}

func (p *openSMTPD) authenticated(e *entry, id, rest string) {
	var f mailFields
	f.read(rest)
	if f.result == "ok" {
		p.sessions.keep(memoKey{e.host, id}, &p.session(e, id).user, f.user)
	}
}

// announced reads the line of the whole message. To 6.3 it is the envelope's.
func (p *openSMTPD) announced(r bouncehouse.Record, h *headReader, e *entry, session, rest string,
	res *bouncehouse.Result) error {
	var f mailFields
	f.read(rest)
	s := p.session(e, session)
	s.size = values.Number(f.size)
	if !f.sender {
		return nil
	}
	return p.taken(r, h, e, s, f.msgid, f.from, res)
}

func (p *openSMTPD) arrival(r bouncehouse.Record, h *headReader, e *entry, session, rest string,
	res *bouncehouse.Result) error {
	var f mailFields
	f.read(rest)
	if len(f.evpid) != 16 || !f.sender {
		return nil
	}
	return p.taken(r, h, e, p.session(e, session), f.evpid[:8], f.from, res)
}

// taken makes a message's arrival, once for all its recipients.
func (p *openSMTPD) taken(r bouncehouse.Record, h *headReader, e *entry, s *mailSession, msgid, sender string,
	res *bouncehouse.Result) error {
	if msgid == "" || msgid == s.msgid {
		return nil
	}
	at, err := h.clock.time(&r, &e.stamp)
	if err != nil {
		return err
	}
	m := p.memory.renew(e.host, msgid)
	s.msgid = m.key.id
	m.begun, m.announced, m.size = true, true, s.size
	m.sender = p.memory.keep(m, sender)
	m.client = p.memory.keep(m, s.client.String())
	m.saslUser = p.memory.keep(m, s.user)
	res.Arrivals = append(res.Arrivals, bouncehouse.Arrival{
		Time: at, Host: e.host, QueueID: m.key.id,
		Sender: m.sender, Client: m.client, SASLUser: m.saslUser, Size: m.size,
	})
	return nil
}

// cipherVersion reads "TLSv1.3:TLS_AES_256_GCM_SHA384:256", "version=TLSv1.2,
// cipher=...".
func cipherVersion(s string) string {
	s = strings.TrimPrefix(s, "version=")
	if end := strings.IndexAny(s, ":, "); end >= 0 {
		s = s[:end]
	}
	return tlsVersion(s)
}
