package parse

import "strings"

// tlsSessions is which TLS version the connections of each daemon process have.
type tlsSessions struct{ recent[process] }

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

// established notes a new connection's TLS version.
func (s *tlsSessions) established(host, pid, relay, version string) {
	if len(relay) > maxKept {
		return
	}
	key := memoKey{host, pid}
	p := s.open(key)
	for i := range p.conns {
		if c := &p.conns[i]; c.relay == relay {
			c.version, c.message = tlsVersion(version), 0
			return
		}
	}
	c := &p.conns[p.next]
	s.keep(key, &c.relay, relay)
	c.version, c.message = tlsVersion(version), 0
	p.next = (p.next + 1) % len(p.conns)
}

// version is the TLS version of the connection on which a result came. A
// connection serves the recipients of one message; for further messages only
// where the result says that it was used again.
func (s *tlsSessions) version(host, pid, relay, queueID string, again bool) string {
	p := s.find(memoKey{host, pid})
	if p == nil {
		return ""
	}
	for i := range p.conns {
		c := &p.conns[i]
		if c.relay == "" || !strings.HasPrefix(relay, c.relay) ||
			len(relay) > len(c.relay) && relay[len(c.relay)] != '[' {
			continue
		}
		id := hash(queueID)
		if c.message != 0 && c.message != id && !again {
			s.keep(memoKey{host, pid}, &c.relay, "") // a new connection, without TLS
			return ""
		}
		c.message = id
		return c.version
	}
	return ""
}

func tlsVersion(s string) string {
	for _, known := range [...]string{"TLSv1.3", "TLSv1.2", "TLSv1.1", "TLSv1", "SSLv3"} {
		if s == known {
			return known
		}
	}
	return strings.Clone(s[:min(len(s), 16)])
}
