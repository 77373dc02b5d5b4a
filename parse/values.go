package parse

import (
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/bouncehouse/bouncehouse"
)

// What the fields of logs hold, whoever writes them: addresses, hosts,
// numbers, spans of time.

// cutAddress cuts an address that ends with '>', as in "a@b>, relay=...". A
// quoted local part may hold anything.
func cutAddress(s string) (addr, rest string, ok bool) {
	i := 0
	if strings.HasPrefix(s, `"`) {
		for i = 1; i < len(s) && s[i] != '"'; i++ {
			if s[i] == '\\' {
				i++
			}
		}
	}
	for ; i < len(s); i++ {
		n := strings.IndexByte(s[i:], '>')
		if n < 0 {
			break
		}
		i += n
		if i+1 == len(s) || s[i+1] == ',' || s[i+1] == ' ' || s[i+1] == ';' || s[i+1] == ':' {
			return s[:i], s[i+1:], true
		}
	}
	return "", "", false
}

// bare takes the angle brackets off.
func bare(s string) string {
	return strings.TrimSuffix(strings.TrimPrefix(strings.Trim(s, " "), "<"), ">")
}

// bareAddress takes the address out of what may have a name beside it.
func bareAddress(s string) string {
	if strings.HasSuffix(s, ">") {
		if at := strings.LastIndexByte(s, '<'); at >= 0 {
			return s[at+1 : len(s)-1]
		}
	}
	return s
}

// isHostName tells a name of two labels or more, the last no number.
func isHostName(s string) bool {
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

// hostIP is invalid for what is no address.
func hostIP(s string) netip.Addr {
	if len(s) < 2 || len(s) > 60 || s[0] == '/' {
		return netip.Addr{}
	}
	s = strings.TrimPrefix(s, "IPv6:")
	ip, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Addr{}
	}
	return ip.Unmap().WithZone("")
}

// endpoint reads "192.0.2.1:25" or "[2001:db8::1]:25".
func endpoint(s string) netip.AddrPort {
	ap, err := netip.ParseAddrPort(s)
	if err != nil {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(ap.Addr().Unmap().WithZone(""), ap.Port())
}

// portNumber reads a port; what is none is 0.
func portNumber(s string) uint16 {
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil {
		return 0
	}
	return uint16(n)
}

// setRemote reads "host[ip]:port". A socket, "host[private/dovecot-lmtp]",
// has a host; "none", "local", "virtual" or the name of a pipe has nothing.
func setRemote(ev *bouncehouse.Event, s string) {
	host, rest, ok := strings.Cut(s, "[")
	if !ok {
		return
	}
	addr, port, ok := strings.Cut(rest, "]")
	if !ok {
		return
	}
	ev.RemoteHost = host
	ev.RemoteIP = hostIP(addr)
	if strings.HasPrefix(port, ":") {
		ev.RemotePort = portNumber(port[1:])
	}
}

// cutBracketed cuts "[ip]:port" off; the port may be missing.
func cutBracketed(s string) (ip netip.Addr, port uint16, rest string) {
	if !strings.HasPrefix(s, "[") {
		return ip, 0, s
	}
	end := strings.IndexByte(s[:min(len(s), 64)], ']')
	if end < 0 {
		return ip, 0, s
	}
	ip = hostIP(s[1:end])
	rest = s[end+1:]
	if len(rest) > 1 && rest[0] == ':' && rest[1]-'0' <= 9 {
		n := 1
		for n < len(rest) && n < 7 && rest[n]-'0' <= 9 {
			n++
		}
		if port = portNumber(rest[1:n]); port != 0 {
			rest = rest[n:]
		}
	}
	return ip, port, rest
}

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// number reads digits; what is none is 0.
func number(s string) (n int64) {
	if !digits(s) || len(s) > 18 {
		return 0
	}
	for i := range len(s) {
		n = n*10 + int64(s[i]-'0')
	}
	return n
}

// parseDelay reads seconds with a fraction: "0.06", "4", "1.3e+02" never.
func parseDelay(s string) bouncehouse.Delay {
	whole, fraction, _ := strings.Cut(s, ".")
	if !digits(whole) || len(whole) > 9 || fraction != "" && (!digits(fraction) || len(fraction) > 9) {
		return bouncehouse.Delay{}
	}
	var d time.Duration
	for i := range len(whole) {
		d = d*10 + time.Duration(whole[i]-'0')
	}
	d *= time.Second
	unit := time.Second
	for i := range len(fraction) {
		unit /= 10
		d += time.Duration(fraction[i]-'0') * unit
	}
	return bouncehouse.Delay{Duration: d, Known: true}
}

// parseInterval reads "1+02:03:04".
func parseInterval(s string) bouncehouse.Delay {
	days, clock, ok := strings.Cut(s, "+")
	if !ok {
		days, clock = "0", s
	}
	if len(clock) != 8 || clock[2] != ':' || clock[5] != ':' || !digits(days) || len(days) > 4 {
		return bouncehouse.Delay{}
	}
	h, m, sec := pair(clock), pair(clock[3:]), pair(clock[6:])
	if h < 0 || m < 0 || sec < 0 {
		return bouncehouse.Delay{}
	}
	seconds := ((number(days)*24+int64(h))*60+int64(m))*60 + int64(sec)
	return bouncehouse.Delay{Duration: time.Duration(seconds) * time.Second, Known: true}
}

// parseUnits reads "1d2h3m4s", "2w", "0.093s".
func parseUnits(s string) bouncehouse.Delay {
	var d time.Duration
	if s == "" || len(s) > 24 {
		return bouncehouse.Delay{}
	}
	for s != "" {
		n := 0
		for n < len(s) && (s[n]-'0' <= 9 || s[n] == '.') {
			n++
		}
		part := parseDelay(s[:n])
		if !part.Known || n == len(s) {
			return bouncehouse.Delay{}
		}
		unit := seconds(s[n])
		if unit == 0 || part.Duration > maxDelay/unit {
			return bouncehouse.Delay{}
		}
		d += part.Duration * unit
		s = s[n+1:]
	}
	return bouncehouse.Delay{Duration: d, Known: true}
}

// maxDelay bounds each part of a delay; a sum of them does not overflow.
const maxDelay = 20 * 365 * 24 * time.Hour

// seconds is how many seconds a unit of time has, 0 for what is none.
func seconds(unit byte) time.Duration {
	switch unit {
	case 's':
		return 1
	case 'm':
		return 60
	case 'h':
		return 3600
	case 'd':
		return 86400
	case 'w':
		return 7 * 86400
	}
	return 0
}
