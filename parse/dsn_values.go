package parse

import (
	"net/mail"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/bouncehouse/bouncehouse"
)

// The values of fields: addresses, hosts, dates.

// typedValue is a value with its type: rfc822; user@example.com.
type typedValue struct{ kind, value string }

// typed splits a typed value. QUIRK: the type may be missing, and is then
// empty; it may be doubled (X-PowerMTA; smtp; 550 ...).
func typed(s string) typedValue {
	var t typedValue
	for range 2 {
		kind, rest, ok := strings.Cut(s, ";")
		if kind = strings.TrimSpace(kind); !ok || len(kind) > maxFieldName {
			break
		}
		if kind = knownType(kind); kind == "" {
			break
		}
		t.kind, s = kind, strings.TrimSpace(rest)
	}
	t.value = strings.TrimSpace(s)
	return t
}

// knownType returns a type of addresses, hosts and diagnostics in lower case,
// and nothing for the first words of a text without a type, which may have a
// semicolon too.
func knownType(kind string) string {
	for _, t := range [...]string{"smtp", "rfc822", "dns", "esmtp", "lmtp", "dsn", "utf-8", "x400", "unknown", "unix", "local"} {
		if isName(kind, t) {
			return t
		}
	}
	if hasPrefixFold(kind, "x-") && fieldName(kind+":") != "" {
		return lowerASCII(kind)
	}
	return ""
}

// address reads the value as a recipient's address.
func (t typedValue) address() string {
	s := t.value
	if n := strings.LastIndexByte(s, '<'); n >= 0 {
		if m := strings.IndexByte(s[n:], '>'); m > 0 {
			s = s[n+1 : n+m]
		}
	}
	s = strings.Trim(s, "<> \t")
	// Sendmail and Exim name a pipe or a file with the address among its words.
	if !strings.HasPrefix(s, `"`) && strings.ContainsAny(s, " \t") {
		words := strings.Fields(s)
		s = words[0]
		for _, w := range words {
			if strings.Contains(w, "@") {
				s = strings.Trim(w, "<>()")
				break
			}
		}
	}
	if strings.HasPrefix(s, "@") { // RFC 5321 appendix F.2: a source route
		if n := strings.IndexByte(s, ':'); n > 0 {
			s = s[n+1:]
		}
	}
	if t.kind == "utf-8" {
		return decodeUTF8Address(s)
	}
	return decodeXtext(decodeWords(s, nil))
}

// decodeXtext undoes the two characters that RFC 3461 section 4 makes every
// address of ORCPT encode, + and =. Others stay: "user+20@" may be a tag.
func decodeXtext(s string) string {
	if !strings.Contains(s, "+2B") && !strings.Contains(s, "+3D") {
		return s
	}
	return strings.NewReplacer("+2B", "+", "+3D", "=").Replace(s)
}

// decodeUTF8Address reads utf-8-addr-xtext and utf-8-addr-unitext of RFC 6533
// section 3: \x{20AC} is the character U+20AC.
func decodeUTF8Address(s string) string {
	if !strings.Contains(s, `\x{`) {
		return toUTF8(s, "")
	}
	var b strings.Builder
	for {
		n := strings.Index(s, `\x{`)
		if n < 0 {
			break
		}
		b.WriteString(s[:n])
		s = s[n:]
		hex, _, ok := strings.Cut(s[3:min(len(s), 11)], "}")
		v, err := strconv.ParseUint(hex, 16, 21)
		if !ok || err != nil || v < ' ' {
			b.WriteString(s[:3])
			s = s[3:]
			continue
		}
		b.WriteRune(rune(v))
		s = s[3+len(hex)+1:]
	}
	b.WriteString(s)
	return b.String()
}

// remoteMTA reads Remote-MTA, whose comment often has the address:
//
//	dns; mx.example.com (192.0.2.1)                                    PowerMTA
//	dns; mx.example.com. (192.0.2.1, the server for the domain ...)    Gmail
//	dns;mx.example.com (TCP|198.51.100.7|47323|192.0.2.1|25) (banner)  Oracle
//	dns; mx.example.com [192.0.2.1]                                    Courier
//	dns; [192.0.2.1]
func remoteMTA(s string) (host string, ip netip.Addr) {
	s = typed(s).value
	name, comment, _ := strings.Cut(s, "(")
	comment, _, _ = strings.Cut(comment, ")")
	words := strings.Fields(name)
	if len(words) > 0 {
		host = hostName(words[0])
	}
	if addr, err := netip.ParseAddr(host); err == nil {
		return "", addr.Unmap()
	}
	if !strings.ContainsAny(host, ".") && strings.ContainsAny(host, "<>@:;/") {
		host = ""
	}
	if fields := strings.Split(comment, "|"); len(fields) >= 4 && fields[0] == "TCP" {
		comment = fields[3] // the remote's end
	}
	addr, _, _ := strings.Cut(comment, ",")
	if addr == "" && len(words) > 1 {
		addr = words[1]
	}
	ip, _ = parseIP(addr)
	return host, ip
}

// loneAddress returns the address of a field that is nothing but one, with or
// without angle brackets; others are net/mail's to read, which takes its time.
func loneAddress(s string) string {
	if strings.HasPrefix(s, "<") && strings.HasSuffix(s, ">") {
		s = s[1 : len(s)-1]
	}
	at := strings.IndexByte(s, '@')
	if at <= 0 || at == len(s)-1 || s[0] == '.' || s[at-1] == '.' || s[at+1] == '.' || s[len(s)-1] == '.' || strings.Contains(s, "..") {
		return ""
	}
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '.', c == '-', i == at:
		case i < at && strings.IndexByte("_+=&'*/!#$%?^`{|}~", c) >= 0:
		default:
			return ""
		}
	}
	return s
}

// hostName trims a host's name to itself.
func hostName(s string) string {
	s = strings.TrimLeft(s, " \t\r\n")
	if n := strings.IndexAny(s, " \t\r\n"); n >= 0 {
		s = s[:n]
	}
	s = strings.TrimSuffix(strings.Trim(s, "[]<>(),;\"'"), ".")
	if hasPrefixFold(s, "ipv6:") {
		s = s[5:]
	}
	return s
}

// parseIP reads an address, bare or as the address literal of RFC 5321.
func parseIP(s string) (netip.Addr, bool) {
	s = strings.Trim(s, "[]() ")
	if hasPrefixFold(s, "ipv6:") {
		s = s[5:]
	}
	ip, err := netip.ParseAddr(s)
	return ip.Unmap().WithZone(""), err == nil
}

// statusCode returns the code that the value of Status begins with; often
// there are words behind it.
func statusCode(s string) string {
	s = strings.TrimLeft(s, " #(")
	return s[:bouncehouse.EnhancedLen(s)]
}

// maxDate is longer than a date with its comments is.
const maxDate = 200

// parseDate reads the date of a mail; zero where it cannot. A date without a
// zone is taken for UTC.
func parseDate(s string) time.Time {
	if s == "" || len(s) > maxDate {
		return time.Time{}
	}
	if t, ok := commonDate(s); ok {
		return t
	}
	if n := strings.IndexByte(s, ','); n == 3 && len(s) > 4 && s[4] != ' ' {
		s = s[:4] + " " + s[4:] // QUIRK: "Thu,29 Apr"
	}
	if t, err := mail.ParseDate(s); err == nil {
		return t
	}
	if n := strings.IndexByte(s, '('); n > 0 {
		s = strings.TrimSpace(s[:n])
	}
	s = strings.Join(strings.Fields(s), " ")
	for _, layout := range []string{
		"Mon, 2 Jan 2006 15:04:05", "2 Jan 2006 15:04:05", "Mon, 2 Jan 2006 15:04:05 -07:00", "Mon, 2 Jan 2006 15:04:05 MST-07",
		time.ANSIC, time.UnixDate, time.RFC3339, "2006-01-02 15:04:05 -0700", "2006-01-02 15:04:05",
		"2006-01-02 15-04-05", // QUIRK: SendGrid
		"02-01-2006 15:04",
	} {
		if t, err := time.Parse(layout, s); err == nil {
			return t
		}
	}
	return time.Time{}
}

// commonDate reads the form that nearly all dates have; net/mail tries it
// among many, and takes a tenth of all the time of bounce mails.
//
//	Thu, 29 Oct 2026 10:00:00 +0900 (JST)
//	29 Oct 2026 10:00:00 GMT
func commonDate(s string) (time.Time, bool) {
	if len(s) > 4 && s[3] == ',' {
		s = s[4:]
	}
	s = strings.TrimLeft(s, " ")
	day, n := 0, 0
	for n < len(s) && n < 2 && isDigit(s[n]) {
		day = day*10 + int(s[n]-'0')
		n++
	}
	// " Oct 2026 10:00:00 " and a zone
	if s = s[n:]; n == 0 || len(s) < 22 || s[0] != ' ' || s[4] != ' ' || s[9] != ' ' || s[12] != ':' || s[15] != ':' || s[18] != ' ' {
		return time.Time{}, false
	}
	month := time.Month(month(s[1:4]))
	year, ok1 := dateDigits(s[5:9])
	hour, ok2 := dateDigits(s[10:12])
	minute, ok3 := dateDigits(s[13:15])
	second, ok4 := dateDigits(s[16:18])
	if month == 0 || !ok1 || !ok2 || !ok3 || !ok4 || hour > 23 || minute > 59 || second > 59 {
		return time.Time{}, false
	}
	zone, offset := s[19:], 0
	switch {
	case zone[0] == '+' || zone[0] == '-':
		if len(zone) < 5 || len(zone) > 5 && zone[5] != ' ' {
			return time.Time{}, false
		}
		hours, ok5 := dateDigits(zone[1:3])
		minutes, ok6 := dateDigits(zone[3:5])
		if !ok5 || !ok6 || hours > 23 || minutes > 59 {
			return time.Time{}, false
		}
		if offset = hours*3600 + minutes*60; zone[0] == '-' {
			offset = -offset
		}
	case zone == "GMT", zone == "UTC":
	default:
		return time.Time{}, false
	}
	t := time.Date(year, month, day, hour, minute, second-offset, 0, time.UTC)
	if day == 0 || day > 28 && day > time.Date(year, month+1, 0, 0, 0, 0, 0, time.UTC).Day() {
		return time.Time{}, false
	}
	return t, true
}

func isDigit(c byte) bool { return c-'0' <= 9 }

// dateDigits reads a number of digits only.
func dateDigits(s string) (int, bool) {
	n := 0
	for i := range len(s) {
		if !isDigit(s[i]) {
			return 0, false
		}
		n = n*10 + int(s[i]-'0')
	}
	return n, true
}

// angled returns what stands in the last angle brackets of s, or all of it.
func angled(s string) string {
	if n := strings.LastIndexByte(s, '<'); n >= 0 {
		s = s[n+1:]
		if m := strings.IndexByte(s, '>'); m >= 0 {
			s = s[:m]
		}
	}
	return strings.TrimSpace(s)
}

// oneAddress returns the address in a header field that holds one only.
func oneAddress(s string) string {
	if s == "" || len(s) > 4096 {
		return ""
	}
	if a := loneAddress(s); a != "" {
		return a
	}
	// Name <user@example.com>, the name in no signs that mean something
	if name, a, ok := strings.Cut(s, "<"); ok && strings.HasSuffix(a, ">") && !strings.ContainsAny(strings.Trim(name, "\" "), "\",;:@()<>\\") {
		if a = loneAddress(a[:len(a)-1]); a != "" {
			return a
		}
	}
	if list, err := mail.ParseAddressList(s); err == nil {
		if len(list) == 1 {
			return list[0].Address
		}
		return ""
	}
	if a := angled(s); strings.Count(a, "@") == 1 && !strings.ContainsAny(a, " ,\t") {
		return a
	}
	return ""
}
