package parse

import (
	"strings"
	"time"
)

// memory is what one stream's lines told of messages still in the queue:
// bounded, the message that was not heard of for longest going first. What
// it forgets stands in the messages table.
type memory struct {
	byID  map[queueKey]*message
	list  message // ring: next is the oldest, prev the newest
	free  *message
	bytes int
	host  string // of the last message, to share its copy
}

// Bounds of one stream's memory.
const (
	maxMessages   = 1 << 16
	maxRemembered = 16 << 20 // bytes of strings and entries
	maxDeferred   = 4096     // recipients of one message that await an expiry
	messageBytes  = 320      // of an entry without its strings, with its place in the map
)

// queueKey names a message: one log may hold several hosts.
type queueKey struct{ host, id string }

// message is what is known of one message.
type message struct {
	key        queueKey
	prev, next *message
	bytes      int

	client    string
	saslUser  string
	messageID string
	sender    string
	size      int64
	arrived   time.Time // as Exim says it, zero where unknown

	begun     bool     // its first line was seen: client= or uid=
	resent    bool     // messageID is of Resent-Message-ID
	announced bool     // sender is known: an arrival was made
	deferred  []string // recipients deferred since it last became active
}

// find returns the message, or nil.
func (m *memory) find(host, id string) *message { return m.byID[queueKey{host, id}] }

// open returns the message, making it if need be.
func (m *memory) open(host, id string) *message {
	if msg := m.byID[queueKey{host, id}]; msg != nil {
		return msg
	}
	if m.byID == nil {
		m.byID = map[queueKey]*message{}
		m.list.prev, m.list.next = &m.list, &m.list
	}
	if m.host != host {
		m.host = strings.Clone(host)
	}
	msg := m.free
	if msg != nil {
		m.free = msg.next
	} else {
		msg = &message{}
	}
	msg.key = queueKey{m.host, strings.Clone(id)}
	m.byID[msg.key] = msg
	m.append(msg)
	m.charge(msg, messageBytes+len(id))
	return msg
}

// renew returns the message as one of which nothing is known: queue ids are
// used again.
func (m *memory) renew(host, id string) *message {
	if msg := m.find(host, id); msg != nil {
		m.remove(msg)
	}
	return m.open(host, id)
}

// touch makes msg the newest.
func (m *memory) touch(msg *message) {
	msg.prev.next, msg.next.prev = msg.next, msg.prev
	m.append(msg)
}

func (m *memory) append(msg *message) {
	msg.prev, msg.next = m.list.prev, &m.list
	msg.prev.next, m.list.prev = msg, msg
}

func (m *memory) remove(msg *message) {
	delete(m.byID, msg.key)
	msg.prev.next, msg.next.prev = msg.next, msg.prev
	m.bytes -= msg.bytes
	clear(msg.deferred)
	deferred := msg.deferred[:0]
	if cap(deferred) > 64 {
		deferred = nil
	}
	*msg = message{next: m.free, deferred: deferred}
	m.free = msg
}

// charge counts n more bytes for msg and forgets others until all fit.
func (m *memory) charge(msg *message, n int) {
	msg.bytes += n
	m.bytes += n
	for m.bytes > maxRemembered || len(m.byID) > maxMessages {
		oldest := m.list.next
		if oldest == msg {
			return
		}
		m.remove(oldest)
	}
}

// keep returns a copy of s that lives as long as msg.
func (m *memory) keep(msg *message, s string) string {
	if s == "" {
		return ""
	}
	s = strings.Clone(s[:min(len(s), maxKept)])
	m.charge(msg, len(s))
	return s
}

// maxKept bounds one remembered string, as events bound it.
const maxKept = 1024

// active notes that the queue manager took msg up: whom it defers from here
// on are all who are left of it.
func (m *memory) active(msg *message) {
	for _, rcpt := range msg.deferred {
		msg.bytes -= len(rcpt) + 16
		m.bytes -= len(rcpt) + 16
	}
	clear(msg.deferred)
	msg.deferred = msg.deferred[:0]
	m.touch(msg)
}

// deferral notes a recipient who is still to be served.
func (m *memory) deferral(msg *message, rcpt string) {
	if len(msg.deferred) < maxDeferred && len(rcpt) <= maxKept {
		msg.deferred = append(msg.deferred, strings.Clone(rcpt))
		m.charge(msg, len(rcpt)+16)
	}
}

// sessions is which TLS version the connections of each daemon process have.
// Processes come and go: two generations bound it.
type sessions struct {
	now, before map[processKey]*process
}

const maxProcesses = 2048 // of a generation

type processKey struct{ host, pid string }

// process is one delivery agent's open connections, a few of the last.
type process struct {
	conns [4]conn
	next  int
}

type conn struct {
	relay   string // host[ip]:port as the results name it
	version string
	message uint64 // hash of the queue id whose results it has served; 0: none yet
}

func (s *sessions) find(host, pid string) *process {
	key := processKey{host, pid}
	if p := s.now[key]; p != nil {
		return p
	}
	return s.before[key]
}

// established notes a new connection's TLS version.
func (s *sessions) established(host, pid, relay, version string) {
	key := processKey{host, pid}
	p := s.now[key]
	if p == nil {
		if p = s.before[key]; p == nil {
			p = &process{}
		}
		if s.now == nil || len(s.now) >= maxProcesses {
			s.before, s.now = s.now, map[processKey]*process{}
		}
		s.now[processKey{strings.Clone(host), strings.Clone(pid)}] = p
	}
	for i := range p.conns {
		if c := &p.conns[i]; c.relay == relay {
			c.version, c.message = tlsVersion(version), 0
			return
		}
	}
	p.conns[p.next] = conn{relay: strings.Clone(relay), version: tlsVersion(version)}
	p.next = (p.next + 1) % len(p.conns)
}

// version is the TLS version of the connection on which a result came. A
// connection serves the recipients of one message; for further messages only
// where the result says that it was used again.
func (s *sessions) version(host, pid, relay, queueID string, again bool) string {
	p := s.find(host, pid)
	if p == nil {
		return ""
	}
	for i := range p.conns {
		c := &p.conns[i]
		if c.relay == "" || !strings.HasPrefix(relay, c.relay) || len(relay) > len(c.relay) && relay[len(c.relay)] != '[' {
			continue
		}
		id := hash(queueID)
		if c.message != 0 && c.message != id && !again {
			*c = conn{} // a new connection, without TLS
			return ""
		}
		c.message = id
		return c.version
	}
	return ""
}

// hash is FNV-1a.
func hash(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return h
}

func tlsVersion(s string) string {
	for _, known := range [...]string{"TLSv1.3", "TLSv1.2", "TLSv1.1", "TLSv1", "SSLv3"} {
		if s == known {
			return known
		}
	}
	return strings.Clone(s[:min(len(s), 16)])
}
