package parse

import (
	"net/netip"
	"strings"

	"github.com/bouncehouse/bouncehouse"
	"github.com/bouncehouse/bouncehouse/parse/said"
	"github.com/bouncehouse/bouncehouse/parse/values"
)

// mailClient is "host [ip] (may be forged)", "IDENT:user@host [ip]" or, for
// mail submitted on this machine, "user@localhost".
type mailClient struct{ host, ip string }

func clientOf(s string) mailClient {
	host, rest, ok := strings.Cut(s, "[")
	if !ok {
		host, _, _ = strings.Cut(s, " ")
		return mailClient{host: host}
	}
	ip, _, _ := strings.Cut(rest, "]")
	host = strings.TrimSuffix(host, " ")
	if at := strings.LastIndexByte(host, '@'); at >= 0 { // what the client's identd says
		host = host[at+1:]
	}
	return mailClient{host, ip}
}

// String is the client as events name it: "host[ip]".
func (c mailClient) String() string {
	if c.ip == "" {
		return c.host
	}
	return c.host + "[" + c.ip + "]"
}

func (c mailClient) set(ev *bouncehouse.Event) {
	if ip := values.IP(c.ip); ip.IsValid() {
		ev.RemoteHost, ev.RemoteIP = c.host, ip
	}
}

// mailProcess is what a process told: sendmail forks for every client, and
// for every queue run.
type mailProcess struct {
	client string  // "host [ip]", as relay= says it
	user   string  // who authenticated, from there
	relay  string  // the client that did
	conns  [4]conn // whose TLS version is known
	next   int
	routes [4]route // of the last results
	last   int

	message uint64            // hash of the queue id of which stage is known
	stage   bouncehouse.Stage // of its next result
}

// route is where a host was found.
type route struct {
	host uint64 // hash of its name
	ip   netip.Addr
}

// process returns what is known of e's process, made if need be.
func (p *sendmail) process(e *entry) *mailProcess {
	return p.processes.open(memoKey{e.host, e.pid})
}

// connected begins a client's session: process ids are used again.
func (p *sendmail) connected(e *entry, client string) {
	key := memoKey{e.host, e.pid}
	p.processes.keep(key, &p.processes.put(key).client, client)
}

func (p *sendmail) authenticated(e *entry, rest string) {
	relay, rest, ok := strings.Cut(rest, ", authid=")
	if !ok || len(relay) > maxKept {
		return
	}
	user := rest
	if at := strings.LastIndex(rest, ", mech="); at >= 0 {
		user = rest[:at]
	}
	process := p.process(e)
	p.processes.keep(memoKey{e.host, e.pid}, &process.user, user)
	p.processes.keep(memoKey{e.host, e.pid}, &process.relay, relay)
}

// userOf is who authenticated from relay in e's process.
func (p *sendmail) userOf(e *entry, relay string) string {
	if known := p.processes.find(memoKey{e.host, e.pid}); known != nil && known.relay == relay {
		return known.user
	}
	return ""
}

// encrypted reads "host., version=TLSv1.3, verify=FAIL, cipher=...".
func (p *sendmail) encrypted(e *entry, rest string) {
	relay, rest, ok := strings.Cut(rest, ", version=")
	if !ok || len(relay) > 256 {
		return
	}
	version, _, _ := strings.Cut(rest, ",")
	process := p.process(e)
	for i := range process.conns {
		if c := &process.conns[i]; c.relay == relay {
			c.version = tlsVersion(version)
			return
		}
	}
	c := &process.conns[process.next]
	p.processes.keep(memoKey{e.host, e.pid}, &c.relay, relay)
	c.version = tlsVersion(version)
	process.next = (process.next + 1) % len(process.conns)
}

// note keeps the stage of the next result of a message.
func (p *sendmail) note(e *entry, id string, stage bouncehouse.Stage) {
	if stage == "" {
		return
	}
	process := p.process(e)
	process.message, process.stage = hash(id), stage
}

// session adds what the process told before the result: the stage, the
// address, and the version of TLS.
func (p *sendmail) session(e *entry, id string, ev *bouncehouse.Event, d *delivery) {
	if d.mailer == "local" || d.relay == "" {
		return
	}
	process := p.process(e)
	if process.message != 0 {
		if process.message == hash(id) && ev.Stage == "" {
			ev.Stage = process.stage
		}
		process.message = 0
	}
	host, _, _ := strings.Cut(d.relay, " [")
	process.address(ev, hash(host))
	if ev.RemoteIP.IsValid() && ev.Stage != bouncehouse.StageSTARTTLS && ev.Stage != bouncehouse.StageConnect {
		process.encryption(ev, host)
	}
}

// address completes a route. QUIRK: of a connection that is used again for
// another message the address is not always logged.
func (process *mailProcess) address(ev *bouncehouse.Event, host uint64) {
	answered := ev.ReplyCode != 0 || ev.Outcome == bouncehouse.Delivered
	for i := range process.routes {
		if r := &process.routes[i]; r.host == host {
			if ev.RemoteIP.IsValid() {
				r.ip = ev.RemoteIP
			} else if answered {
				ev.RemoteIP = r.ip
			}
			return
		}
	}
	if ev.RemoteIP.IsValid() {
		process.routes[process.last] = route{host, ev.RemoteIP}
		process.last = (process.last + 1) % len(process.routes)
	}
}

// encryption finds the connection's TLS version. Its line has the host's
// name whole, which results cut.
func (process *mailProcess) encryption(ev *bouncehouse.Event, host string) {
	for i := range process.conns {
		c := &process.conns[i]
		if c.relay == "" {
			continue
		}
		if c.relay == host {
			ev.TLS = c.version
			return
		}
		if head, tail, ok := strings.Cut(host, "..."); ok && len(c.relay) > len(host) &&
			strings.HasPrefix(c.relay, head) && strings.HasSuffix(c.relay, tail) {
			ev.TLS, ev.RemoteHost = c.version, strings.TrimSuffix(c.relay, ".")
			return
		}
	}
}

// waitingFor is the stage of "client greeting" [usersmtp.c, SmtpPhase].
func waitingFor(phase string) bouncehouse.Stage {
	switch {
	case strings.HasPrefix(phase, "greeting"):
		return bouncehouse.StageConnect
	case strings.HasPrefix(phase, "DATA 354"):
		return bouncehouse.StageDATA
	case strings.HasPrefix(phase, "DATA"):
		return bouncehouse.StageEOD
	}
	return said.Command(phase)
}

// protocolError is the stage of "host: SMTP DATA-2" [usersmtp.c, smtp_...].
func protocolError(s string) bouncehouse.Stage {
	switch command := s[strings.LastIndexByte(s, ' ')+1:]; command {
	case "DATA-2", "DATA-3":
		return bouncehouse.StageEOD
	default: // DATA-1 is the command
		return said.Command(command)
	}
}
