package values

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/bouncehouse/bouncehouse"
)

// IsHostName tells a name of two labels or more, the last no number.
func IsHostName(s string) bool {
	if len(s) < 4 || len(s) > 253 {
		return false
	}
	dot := -1
	for i := range len(s) {
		switch c := s[i]; {
		case c == '.':
			if i == dot+1 {
				return false
			}
			dot = i
		case c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '_':
		default:
			return false
		}
	}
	return dot > 0 && dot+1 < len(s) && s[dot+1]|0x20 >= 'a' && s[dot+1]|0x20 <= 'z'
}

// IP reads an address: bare, in brackets, or as the address literal of RFC 5321
// section 4.1.3. What is none is invalid.
func IP(s string) netip.Addr {
	s = strings.Trim(s, "[]() ")
	if HasPrefixFold(s, "ipv6:") {
		s = s[len("ipv6:"):]
	}
	if len(s) < 2 || len(s) > 60 || s[0] == '/' { // most often a host's name, or nothing: an error costs more
		return netip.Addr{}
	}
	ip, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Addr{}
	}
	return ip.Unmap().WithZone("")
}

// Endpoint reads "192.0.2.1:25" or "[2001:db8::1]:25".
func Endpoint(s string) netip.AddrPort {
	ap, err := netip.ParseAddrPort(s)
	if err != nil {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(ap.Addr().Unmap().WithZone(""), ap.Port())
}

// Port reads a port; what is none is 0.
func Port(s string) uint16 {
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil {
		return 0
	}
	return uint16(n)
}

// SetRemote reads "host[ip]:port". A socket, "host[private/dovecot-lmtp]",
// has a host; "none", "local", "virtual" or the name of a pipe has nothing.
func SetRemote(ev *bouncehouse.Event, s string) {
	host, rest, ok := strings.Cut(s, "[")
	if !ok {
		return
	}
	addr, port, ok := strings.Cut(rest, "]")
	if !ok {
		return
	}
	ev.RemoteHost = host
	ev.RemoteIP = IP(addr)
	if strings.HasPrefix(port, ":") {
		ev.RemotePort = Port(port[1:])
	}
}

// CutBracketed cuts "[ip]:port" off; the port may be missing.
func CutBracketed(s string) (ip netip.Addr, port uint16, rest string) {
	if !strings.HasPrefix(s, "[") {
		return ip, 0, s
	}
	end := strings.IndexByte(s[:min(len(s), 64)], ']')
	if end < 0 {
		return ip, 0, s
	}
	ip = IP(s[1:end])
	rest = s[end+1:]
	if len(rest) > 1 && rest[0] == ':' && rest[1]-'0' <= 9 {
		n := 1
		for n < len(rest) && n < 7 && rest[n]-'0' <= 9 {
			n++
		}
		if port = Port(rest[1:n]); port != 0 {
			rest = rest[n:]
		}
	}
	return ip, port, rest
}

// HostName trims a host's name to itself.
func HostName(s string) string {
	s = strings.TrimLeft(s, " \t\r\n")
	if n := strings.IndexAny(s, " \t\r\n"); n >= 0 {
		s = s[:n]
	}
	s = strings.TrimSuffix(strings.Trim(s, "[]<>(),;\"'"), ".")
	if HasPrefixFold(s, "ipv6:") {
		s = s[5:]
	}
	return s
}

// BracketedIP finds an address in brackets.
func BracketedIP(s string) netip.Addr {
	for at := 0; at < len(s); at++ {
		n := strings.IndexAny(s[at:], "[(")
		if n < 0 {
			break
		}
		at += n
		if end := strings.IndexAny(s[at:min(len(s), at+60)], "])"); end > 0 {
			if ip := IP(s[at+1 : at+end]); ip.IsValid() {
				return ip
			}
		}
	}
	return netip.Addr{}
}
