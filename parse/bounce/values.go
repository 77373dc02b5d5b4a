package bounce

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/bouncehouse/bouncehouse/parse/charset"
	"github.com/bouncehouse/bouncehouse/parse/values"
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
	for _, t := range [...]string{"smtp", "rfc822", "dns", "esmtp", "lmtp", "dsn", "utf-8", "x400", "unknown", "unix",
		"local"} {
		if values.IsName(kind, t) {
			return t
		}
	}
	if values.HasPrefixFold(kind, "x-") && fieldName(kind+":") != "" {
		return values.LowerASCII(kind)
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
	return values.DecodeXtext(charset.DecodeWords(s, nil))
}

// decodeUTF8Address reads utf-8-addr-xtext and utf-8-addr-unitext of RFC 6533
// section 3: \x{20AC} is the character U+20AC.
func decodeUTF8Address(s string) string {
	if !strings.Contains(s, `\x{`) {
		return charset.Decode(s, "", nil)
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
		host = values.HostName(words[0])
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
	ip = values.IP(addr)
	return host, ip
}
