package parse

import (
	"net/mail"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// The fields of RFC 3464 and RFC 6533, and how mail systems write them.

// statusMedia tells the types of a report's machine part.
func statusMedia(media string) bool {
	return media == "message/delivery-status" || media == "message/global-delivery-status"
}

// recipientField tells the fields that belong to one recipient; the others
// belong to the whole message.
func recipientField(name string) bool {
	switch strings.ToLower(name) {
	case "final-recipient", "original-recipient", "action", "status", "remote-mta", "diagnostic-code",
		"last-attempt-date", "will-retry-until", "final-log-id", "x-actual-recipient":
		return true
	}
	return false
}

// statusField tells whether name may begin a field of a delivery status.
// Others are the middle of a folded reply that lost its indent: "https://..."
// and "Reason: ..." begin lines too.
func statusField(name string) bool {
	switch strings.ToLower(name) {
	case "reporting-mta", "arrival-date", "received-from-mta", "original-envelope-id", "dsn-gateway":
		return true
	}
	return recipientField(name) || hasPrefixFold(name, "x-") || hasPrefixFold(name, "content-") || hasPrefixFold(name, "localized-")
}

// mailField tells fields of a returned message that stand in no delivery
// status.
func mailField(name string) bool {
	switch strings.ToLower(name) {
	case "return-path", "received", "from", "to", "subject", "message-id", "date", "mime-version", "delivered-to":
		return true
	}
	return false
}

// statusGroups cuts the text of a delivery status into its groups of fields,
// and returns what follows them: the returned message, where no boundary or
// one that nobody declared stands between.
func statusGroups(text string) (groups []mimeHeader, rest string) {
	var group mimeHeader
	start, end := 0, 0 // of the value under way
	flush := func() {
		if n := len(group); n > 0 {
			group[n-1].raw = text[start:end]
		}
	}
	at := 0
	for at < len(text) {
		line, next := cutLine(text, at)
		if strings.HasPrefix(line, "--") && len(line) > 8 && !strings.ContainsAny(line, " \t") {
			break
		}
		name := fieldName(line)
		if len(group) == 0 && len(groups) > 0 && mailField(name) {
			break
		}
		switch {
		case strings.TrimLeft(line, " \t") == "":
			flush()
			if len(group) > 0 {
				groups = append(groups, group)
				group = nil
			}
		case name != "" && statusField(name):
			flush()
			group = append(group, mimeField{name: name})
			start, end = at+strings.IndexByte(line, ':')+1, at+len(line)
		case len(group) > 0:
			end = at + len(line) // a fold, be it indented or not
		}
		at = next
	}
	flush()
	if len(group) > 0 {
		groups = append(groups, group)
	}
	return groups, text[at:]
}

// readGroups fills rep with what groups say.
//
// QUIRK: blank lines lack between blocks and stand within them, and fields
// are repeated. A block ends where a group brings a field again of which a
// recipient has one only; within a group, where a recipient comes again.
func (rep *report) readGroups(groups []mimeHeader) {
	var open mimeHeader // fields of the block under way
	closeBlock := func() {
		if len(open) > 0 {
			rep.addBlock(open)
			open = nil
		}
	}
	for _, g := range groups {
		if clashes(open, g) {
			closeBlock()
		}
		for _, f := range g {
			switch {
			case recipientField(f.name), len(open) > 0 && !messageField(f.name):
				if startsBlock(open, f) {
					closeBlock()
				}
				open = append(open, f)
			default:
				rep.messageField(f)
			}
		}
	}
	closeBlock()
}

func messageField(name string) bool {
	return strings.EqualFold(name, "Reporting-MTA") || strings.EqualFold(name, "Arrival-Date") || strings.EqualFold(name, "Received-From-MTA")
}

// clashes tells whether g has a field that the block under way has already.
func clashes(open, g mimeHeader) bool {
	for _, name := range []string{"Final-Recipient", "Action", "Status", "Original-Recipient"} {
		if open.get(name) != "" && g.get(name) != "" {
			return true
		}
	}
	return false
}

// startsBlock tells whether f names another recipient than the block under
// way, in a field that this has already.
func startsBlock(open mimeHeader, f mimeField) bool {
	if !strings.EqualFold(f.name, "Final-Recipient") && !(strings.EqualFold(f.name, "Original-Recipient") && open.get("Final-Recipient") != "") {
		return false
	}
	was := open.get(f.name)
	return was != "" && !strings.EqualFold(was, f.value())
}

// messageField takes a field that belongs to the whole message.
func (rep *report) messageField(f mimeField) {
	name := strings.ToLower(f.name)
	switch {
	case name == "reporting-mta":
		rep.mta = firstOf(rep.mta, hostName(typed(f.value()).value))
	case name == "arrival-date":
		if rep.arrival.IsZero() {
			rep.arrival = parseDate(f.value())
		}
	case name == "x-original-message-id":
		rep.messageID = f.value()
	// X-Postfix-Queue-ID, X-Yandex-Queue-ID, X-SendGrid-QueueID ...
	case strings.HasPrefix(name, "x-") && (strings.HasSuffix(name, "-queue-id") || strings.HasSuffix(name, "-queueid")):
		rep.queueID = f.value()
	case strings.HasPrefix(name, "x-") && strings.HasSuffix(name, "-sender"):
		rep.sender = typed(f.value()).address()
	}
}

// addBlock reads the fields of one recipient.
func (rep *report) addBlock(h mimeHeader) {
	b := block{
		recipient:  typed(h.get("Final-Recipient")).address(),
		original:   typed(h.get("Original-Recipient")).address(),
		action:     h.get("Action"),
		remote:     h.get("Remote-MTA"),
		diagnostic: h.get("Diagnostic-Code"),
		attempt:    parseDate(h.get("Last-Attempt-Date")),
	}
	for i := range h { // QUIRK: repeated; one of them is the remote's
		if strings.EqualFold(h[i].name, "Diagnostic-Code") {
			if d := h[i].value(); startsWithCode(typed(d).value) {
				b.diagnostic = d
				break
			}
		}
	}
	b.status = statusCode(h.get("Status"))
	if _, comment, ok := strings.Cut(h.get("Status"), "("); ok {
		b.comment = strings.TrimSuffix(comment, ")")
	}
	if b.recipient == "" {
		b.recipient = b.original // QUIRK: McAfee, SES: no Final-Recipient
	}
	if b.recipient == "" {
		b.recipient = typed(h.get("X-Actual-Recipient")).address()
	}
	if b.recipient == "" && b.action == "" && b.status == "" {
		return // nothing of a recipient: a group of other fields
	}
	rep.blocks = append(rep.blocks, b)
}

// typedValue is a value with its type: rfc822; user@example.com.
type typedValue struct{ kind, value string }

// typed splits a typed value. QUIRK: the type may be missing, and is then
// empty; it may be doubled (smtp; smtp; 550 ...).
func typed(s string) typedValue {
	var t typedValue
	for range 2 {
		kind, rest, ok := strings.Cut(s, ";")
		kind = strings.TrimSpace(kind)
		if !ok || kind == "" || fieldName(kind+":") == "" || kind[0] >= '0' && kind[0] <= '9' {
			break
		}
		t.kind, s = strings.ToLower(kind), strings.TrimSpace(rest)
	}
	t.value = strings.TrimSpace(s)
	return t
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
	return decodeXtext(decodeWords(s))
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
	ip, _ = parseIP(addr)
	return host, ip
}

// hostName trims a host's name to itself.
func hostName(s string) string {
	if f := strings.Fields(s); len(f) > 0 {
		s = f[0]
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
	return s[:enhancedLen(s)]
}

// parseDate reads the date of a mail; zero where it cannot. A date without a
// zone is taken for UTC.
func parseDate(s string) time.Time {
	if s == "" {
		return time.Time{}
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
	for _, layout := range []string{
		"Mon, 2 Jan 2006 15:04:05", "2 Jan 2006 15:04:05", "Mon, 2 Jan 2006 15:04:05 -07:00", "Mon, 2 Jan 2006 15:04:05 MST-07",
		time.ANSIC, time.UnixDate, time.RFC3339, "2006-01-02 15:04:05 -0700", "2006-01-02 15:04:05",
		"2006-01-02 15-04-05", // QUIRK: SendGrid
		"02-01-2006 15:04",
	} {
		if t, err := time.Parse(layout, strings.Join(strings.Fields(s), " ")); err == nil {
			return t
		}
	}
	return time.Time{}
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
