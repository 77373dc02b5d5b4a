package parse

import (
	"net/netip"
	"strings"

	"github.com/bouncehouse/bouncehouse/parse/values"
)

// eximClient is a client as Exim writes it [host.c, host_build_sender_fullhost].
type eximClient struct {
	host string // its name in the DNS, checked; a name in brackets is the HELO's
	ip   netip.Addr
	port uint16
}

// read takes "name (helo) [ip]:port I=[ip]:port" off s; what is left begins
// at the first field behind. Only what stands in the last bracket is known.
func (c *eximClient) read(s string) (rest string) {
	at := 0
	if !strings.HasPrefix(s, "[") && !strings.HasPrefix(s, "(") {
		at = strings.IndexByte(s, ' ') + 1
		if at == 0 {
			return s
		}
		c.host = s[:at-1]
	}
	if at < len(s) && s[at] == '(' {
		n := heloEnd(s[at:])
		if n == 0 {
			return s
		}
		at += n
	}
	ip, port, after := values.CutBracketed(s[at:])
	if !ip.IsValid() {
		return s
	}
	c.ip, c.port = ip, port
	if own, ok := strings.CutPrefix(after, " I="); ok {
		_, _, after = values.CutBracketed(own)
	}
	return after
}

// heloEnd is where "[ip]" begins behind "(helo) ". A server that takes any
// HELO name takes one that looks like an address: the last before the fields
// is the client's.
func heloEnd(s string) int {
	limit := len(s)
	for _, mark := range [...]string{" I=[", " F=<", " P=", " X=", " rejected ", " temporarily rejected ", " refused: ",
		" dropped: "} {
		if n := strings.Index(s[:limit], mark); n >= 0 {
			limit = n
		}
	}
	n := strings.LastIndex(s[:limit], ") [")
	if n < 0 {
		if n = strings.Index(s, ") ["); n < 0 { // what looks like a field is in the name
			return 0
		}
	}
	return n + 2
}
