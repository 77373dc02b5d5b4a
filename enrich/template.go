package enrich

import (
	"math/bits"
	"net/netip"
	"strings"
)

// folder folds the variable parts of replies, so that equal refusals can be
// grouped and what a rule decides rests on nothing that varies:
//
//	<ip> <addr> <host> <id> <n>
//
// What carries meaning stays: enhanced codes, a provider's own codes (TSS04,
// OFR_506, [299]), URLs but for the addresses and ids in them, and the known
// end of host names (<host>.protection.outlook.com, zen.spamhaus.org).
type folder struct {
	domains names // stay in a template
	labels  names // a host name with such a label stays from there on
}

// names is a set of names. Most that are asked for are not in it, which a bit
// by a few of their bytes tells.
type names struct {
	set  map[string]bool
	bits [256]uint64
}

func (n *names) add(name string) {
	if n.set == nil {
		n.set = map[string]bool{}
	}
	n.set[name] = true
	if name != "" {
		h := nameHash(name)
		n.bits[h/64] |= 1 << (h % 64)
	}
}

func hasName[T string | []byte](n *names, name T) bool {
	if len(name) == 0 {
		return false
	}
	h := nameHash(name)
	return n.bits[h/64]>>(h%64)&1 != 0 && n.set[string(name)]
}

func nameHash[T string | []byte](name T) uint {
	return (uint(name[0]) + uint(name[len(name)/2])*31 + uint(len(name))*397) % (64 * 256)
}

// fold appends the template of text to dst and returns the first IP address
// that the text cites.
func (f *folder) fold(dst []byte, text string) ([]byte, netip.Addr) {
	var cited netip.Addr
	done := 0 // text up to here is in dst
	for i := variable(text, 0); i < len(text); i = variable(text, i) {
		// A word stands between blanks, brackets, quotes, commas or
		// semicolons; most hold nothing that could vary.
		start := i
		for start > done && kinds[text[start-1]] != edge {
			start--
		}
		var kind byte
		for i = start; i < len(text); i++ {
			k := kinds[text[i]]
			if k == edge {
				break
			}
			kind |= k
		}
		if kind&(digit|at|point) == 0 || kind&(digit|at|point) == point &&
			strings.IndexByte(text[start:i], '.') == i-start-1 {
			continue // the end of a sentence
		}
		dst = append(dst, text[done:start]...)
		dst, cited = f.word(dst, text[start:i], kind, cited, bracketed(text, start, i))
		done = i
	}
	return append(dst, text[done:]...), cited
}

// variable is the next place in text from i on that has a digit, a point, a
// slash or an at sign; all words that may vary have one. Eight bytes are
// looked at at once (hasbetween and haszero of Anderson's Bit Twiddling Hacks).
func variable(text string, i int) int {
	const ones, high = 0x0101010101010101, 0x8080808080808080
	for ; i+8 <= len(text); i += 8 {
		t := text[i : i+8]
		x := uint64(t[0]) | uint64(t[1])<<8 | uint64(t[2])<<16 | uint64(t[3])<<24 |
			uint64(t[4])<<32 | uint64(t[5])<<40 | uint64(t[6])<<48 | uint64(t[7])<<56
		y := x &^ high
		between := (y + (0x80-'.')*ones) &^ (y + (0x80-'9'-1)*ones)
		at := ^(y ^ '@'*ones + 0x7f*ones)
		if found := (between | at) &^ x & high; found != 0 {
			return i + bits.TrailingZeros64(found)/8
		}
	}
	for i < len(text) && kinds[text[i]]&(digit|point|at) == 0 {
		i++
	}
	return i
}

// Kinds of bytes within words; all others are 0.
const (
	digit  = 1 << iota // 0-9
	point              // .
	at                 // @
	colon              // :
	slash              // /
	letter             // ASCII
	joint              // = +
	edge               // parts words
)

var kinds = func() (k [256]byte) {
	for c := range k {
		switch {
		case c >= '0' && c <= '9':
			k[c] = digit
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z':
			k[c] = letter
		case c == '.':
			k[c] = point
		case c == '@':
			k[c] = at
		case c == ':':
			k[c] = colon
		case c == '/':
			k[c] = slash
		case c <= ' ' || strings.IndexByte(`<>()[]{}"',;|`, byte(c)) >= 0:
			k[c] = edge
		case c == '=' || c == '+':
			k[c] = joint
		}
	}
	return k
}()

// bracketed tells whether text[from:to] stands between brackets: [299].
func bracketed(text string, from, to int) bool {
	return from > 0 && to < len(text) &&
		(text[from-1] == '[' && text[to] == ']' || text[from-1] == '(' && text[to] == ')')
}

func (f *folder) word(dst []byte, w string, kind byte, cited netip.Addr, bracket bool) ([]byte, netip.Addr) {
	tail := w
	for len(w) > 0 && tails[w[len(w)-1]] {
		w = w[:len(w)-1]
	}
	tail = tail[len(w):]
	switch {
	case kind&(digit|colon) == digit|colon || kind&(digit|point) == digit|point:
		if ip, rest, ok := leadingIP(w); ok {
			if !cited.IsValid() {
				cited = ip
			}
			dst = append(dst, "<ip>"...)
			// host[ip]:port, ip/prefix, ip_is_blocked
			dst = f.plainParts(dst, rest, bracket)
			return append(dst, tail...), cited
		}
	}
	switch {
	case kind&slash != 0:
		dst, cited = f.path(dst, w, cited)
	case kind&at != 0 && strings.IndexByte(w, '@') > 0:
		dst = f.address(dst, w)
	case kind&(colon|joint) == 0:
		dst = f.part(dst, w, bracket)
	default:
		dst, cited = f.parts(dst, w, bracket, cited)
	}
	return append(dst, tail...), cited
}

// tails of words are the marks that end a sentence or a part of it.
var tails = [256]bool{'.': true, ':': true, '!': true, '?': true, '-': true}

// leadingIP reads an IP address at the head of w; what follows it must not go
// on with a letter, a digit or a point (a host name in an IP's clothes).
func leadingIP(w string) (ip netip.Addr, rest string, ok bool) {
	if len(w) >= 5 && (w[:5] == "IPv6:" || w[:5] == "ipv6:") {
		w = w[5:]
	}
	if w == "" || kinds[w[0]] != digit && kinds[w[0]] != colon && !hex(w[0]) {
		return ip, "", false
	}
	// What cannot be one is sorted out first: the parser's errors cost more
	// than all the rest.
	n, points := 0, 0
	for n < len(w) && (w[n] == '.' || w[n] >= '0' && w[n] <= '9') {
		if w[n] == '.' {
			points++
		}
		n++
	}
	if points == 3 && n >= 7 && n <= 15 && w[n-1] != '.' && (n == len(w) || kinds[w[n]] != letter) {
		if ip, err := netip.ParseAddr(w[:n]); err == nil {
			return ip, w[n:], true
		}
	}
	n = 0
	colons, double := 0, false
	for n < len(w) && (hex(w[n]) || w[n] == ':' || w[n] == '.') {
		if w[n] == ':' {
			colons++
			double = double || n > 0 && w[n-1] == ':'
		}
		n++
	}
	if (double || colons >= 6) && n >= 3 && n <= 45 && (n == len(w) || kinds[w[n]] != letter) {
		if ip, err := netip.ParseAddr(w[:n]); err == nil {
			return ip, w[n:], true
		}
	}
	return netip.Addr{}, "", false
}

func hex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

// path folds a URL, or another word with slashes: its parts between / ? & = #
// are folded for themselves; short numbers stay, as they name the page.
func (f *folder) path(dst []byte, w string, cited netip.Addr) ([]byte, netip.Addr) {
	for w != "" {
		n := 0
		var kind byte
		for n < len(w) && !pathEnds[w[n]] {
			kind |= kinds[w[n]]
			n++
		}
		part := w[:n]
		switch ip, rest, ok := leadingIP(part); {
		case part == "":
		case ok && rest == "":
			if !cited.IsValid() {
				cited = ip
			}
			dst = append(dst, "<ip>"...)
		case kind&(digit|point|at|colon) == 0, kind == digit && len(part) <= 7 && number(part):
			dst = append(dst, part...)
		case kind&at != 0 && part[0] != '@':
			dst = f.address(dst, part)
		default:
			dst, cited = f.parts(dst, part, true, cited)
		}
		if n == len(w) {
			break
		}
		dst = append(dst, w[n])
		w = w[n+1:]
	}
	return dst, cited
}

var pathEnds = [256]bool{'/': true, '?': true, '&': true, '=': true, '#': true, '%': true}

// address folds what looks like a mail address, with what stands before it
// up to the last of "=:" (to=user@example.com).
func (f *folder) address(dst []byte, w string) []byte {
	host := w[strings.LastIndexByte(w, '@')+1:]
	if host == "" || kinds[host[0]]&(letter|digit) == 0 {
		return append(dst, w...)
	}
	if n := strings.LastIndexAny(w[:len(w)-len(host)], "=:"); n >= 0 {
		dst = append(dst, w[:n+1]...)
	}
	after := "" // (user@example.com:blocked)
	if n := strings.IndexByte(host, ':'); n > 0 && n+1 < len(host) && kinds[host[n+1]] == letter {
		after = host[n:]
	}
	if n := len(dst); n > 0 && dst[n-1] == '<' {
		return append(append(dst, "addr"...), after...) // <user@example.com> becomes <addr>, not <<addr>>
	}
	return append(append(dst, "<addr>"...), after...)
}

// parts folds the parts of a word between : = and +.
func (f *folder) parts(dst []byte, w string, bracket bool, cited netip.Addr) ([]byte, netip.Addr) {
	for {
		n := 0
		var kind byte
		for n < len(w) && kinds[w[n]]&(colon|joint) == 0 {
			kind |= kinds[w[n]]
			n++
		}
		part := w[:n]
		if kind&(digit|point) == 0 {
			dst = append(dst, part...)
		} else if ip, rest, ok := leadingIP(part); ok {
			if !cited.IsValid() {
				cited = ip
			}
			dst = append(append(dst, "<ip>"...), rest...)
		} else {
			dst = f.part(dst, part, bracket && n == len(w))
		}
		if n == len(w) {
			return dst, cited
		}
		dst = append(dst, w[n])
		w = w[n+1:]
	}
}

// plainParts is parts for what follows an IP address.
func (f *folder) plainParts(dst []byte, w string, bracket bool) []byte {
	dst, _ = f.parts(dst, w, bracket, netip.Addr{})
	return dst
}

func (f *folder) part(dst []byte, w string, bracket bool) []byte {
	var digits, changes, points int
	lettersFirst := w != "" && kinds[w[0]] != digit
	last := byte(0)
	for i := range len(w) {
		k := kinds[w[i]]
		switch k {
		case digit:
			digits++
		case point:
			points++
			continue
		case letter:
		default:
			continue
		}
		if last != 0 && k != last {
			changes++
		}
		last = k
	}
	switch {
	case digits == 0 && points == 0:
		return append(dst, w...)
	case points > 0 && (strings.Contains(w, "Exception") || strings.HasPrefix(w, "TRANSPORT.") ||
		strings.HasPrefix(w, "SMTPSEND.")):
		return append(dst, w...) // Exchange: QuotaExceededException.MapiExceptionShutoffQuotaExceeded
	case points > 0 && hostLike(w):
		return f.host(dst, w)
	case enhancedCode(w):
		return append(dst, w...)
	case last == digit && changes == 0:
		// Numbers, dates, times: each run of digits by itself. In brackets a
		// short one is a code: [299], [-20], (554.30).
		if bracket && (digits <= 5 || afterAS(dst)) || digits == 4 && afterRFC(dst) {
			return append(dst, w...)
		}
		return foldDigits(dst, w)
	case changes == 1 && lettersFirst && digits <= 10 && points == 0:
		return append(dst, w...) // TSS04, OFR004_104, S3150, AUP#In-1310
	case digits <= 2 && changes <= 2 && hasName(&f.labels, label(make([]byte, 64), w)):
		return append(dst, w...)
	case changes >= 3 || len(w) >= 16 || changes == 2 && len(w) >= 10:
		return append(dst, "<id>"...)
	}
	return foldLong(dst, w)
}

// afterRFC tells whether the number of an RFC comes next.
func afterRFC(dst []byte) bool {
	n := len(dst)
	return n >= 4 && dst[n-1] == ' ' && (string(dst[n-4:n-1]) == "RFC" || string(dst[n-4:n-1]) == "rfc")
}

// afterAS tells whether a code of Microsoft's filters comes next:
// AS(201806281).
func afterAS(dst []byte) bool {
	n := len(dst)
	return n >= 3 && string(dst[n-3:]) == "AS("
}

// label is the first label of a dotted name, in lower case in buf; empty where
// it is longer than that.
func label(buf []byte, w string) []byte {
	first, _, _ := strings.Cut(w, ".")
	if len(first) > len(buf) {
		return nil
	}
	return lowerInto(buf, first)
}

// lowerInto is s with ASCII letters in lower case, in buf, which is as long.
func lowerInto(buf []byte, s string) []byte {
	buf = buf[:len(s)]
	for i := range buf {
		c := s[i]
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		buf[i] = c
	}
	return buf
}

// foldDigits writes each run of digits as <n>.
func foldDigits(dst []byte, w string) []byte {
	in := false
	for i := range len(w) {
		if kinds[w[i]] == digit || w[i] == '.' && in && i+1 < len(w) && kinds[w[i+1]] == digit {
			if !in {
				dst = append(dst, "<n>"...)
			}
			in = true
			continue
		}
		in = false
		dst = append(dst, w[i])
	}
	return dst
}

// foldLong folds only long runs of digits: 8BIT and 64k keep theirs.
func foldLong(dst []byte, w string) []byte {
	for i := 0; i < len(w); {
		n := i
		for n < len(w) && kinds[w[n]] == digit {
			n++
		}
		if n-i > 3 {
			dst = append(dst, "<n>"...)
			i = n
			continue
		}
		if n == i {
			n++
		}
		dst = append(dst, w[i:n]...)
		i = n
	}
	return dst
}

// host keeps the longest known end of a host name.
func (f *folder) host(dst []byte, w string) []byte {
	var buf [64]byte
	if len(w) > len(buf) {
		return append(dst, "<host>"...)
	}
	name := lowerInto(buf[:], w)
	for i := 0; i < len(name); {
		n := strings.IndexByte(w[i:], '.')
		if n < 0 {
			break
		}
		if hasName(&f.domains, name[i:]) || hasName(&f.labels, name[i:i+n]) {
			if i > 0 {
				dst = append(dst, "<host>."...)
			}
			return append(dst, w[i:]...)
		}
		i += n + 1
	}
	return append(dst, "<host>"...)
}
