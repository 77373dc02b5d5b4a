package bounce

import (
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"github.com/bouncehouse/bouncehouse/parse/values"
)

// The way of a bounce mail, by its Received fields. Each server writes its own
// on top (RFC 5321 section 4.4), so the topmost ones are by the server of the
// mailbox, down to the one that names the client which brought the mail from
// outside. What stands below that, and all else in the mail, is the client's
// claim. Hence a bounce mail is ours only if no field at all names a client
// from outside, and the lowest one is written as servers do for mails that they
// make themselves:
//
//	Received: by mx1.example.com (Postfix)
//		id 4dXk7g1XqCz5vMd; Mon,  2 Nov 2026 09:00:05 +0000 (UTC)
//	Received: (qmail 364 invoked for bounce); 2 Nov 2026 09:00:05 -0000
//	Received: from localhost (localhost) by mx1.example.com (8.18.1/8.18.1) id 6A2905AA; ...
//	Received: from Debian-exim by mx1.example.com with local (Exim 4.98) id 1vFoo-...
//
// A local user's mail has another form (from userid 1000; with local, by his
// name). What breaks this is a server that adds no field, or one without its
// client, to what comes by SMTP; and an mbox in which lines "From " of a mail's
// text are not quoted. OpenSMTPD writes its own mails as it does its users'.

// way is what the Received fields prove.
type way struct {
	local  bool   // one of our servers made the mail, and it never left them
	client string // else who brought it, as our server saw it: name[ip]; "" where it is not told
}

// hop is what one Received field tells.
type hop struct {
	kind hopKind
	name string // of the client, where the server confirmed it
	ip   netip.Addr
	sure bool // nothing else can be meant: a HELO may hold brackets, and " by "; so may a certificate's name
}

type hopKind string

const (
	hopMade    hopKind = "made"    // the server made the mail
	hopInside  hopKind = "inside"  // it came from the same server
	hopClient  hopKind = "client"  // a client brought it
	hopUnknown hopKind = "unknown" // a local program brought it, or who knows
)

// wayOf reads the way of the mail with that header. Whose names stand behind by
// is not asked: a forger can write those, and cannot keep the server of the
// mailbox from writing its own.
func (o ours) wayOf(header mimeHeader) way {
	last := hopUnknown
	var near way // who brought it by loopback, where nobody is told of below
	for i := range header {
		if !header[i].is("Received") {
			continue
		}
		h := readHop(header[i].raw)
		if h.kind == hopUnknown {
			return near
		}
		if h.kind == hopClient && h.sure && (slices.Contains(o.egress, h.ip) ||
			contains(o.hosts, strings.ToLower(h.name))) {
			h.kind = hopInside
		}
		if last = h.kind; last != hopClient {
			continue
		}
		if !h.ip.IsValid() {
			return near
		}
		brought := way{client: firstOf(h.name, "unknown") + "[" + h.ip.String() + "]"}
		if !h.sure || !h.ip.IsLoopback() {
			return brought
		}
		if near == (way{}) {
			near = brought
		}
	}
	if near != (way{}) {
		return near
	}
	return way{local: last == hopMade}
}

// maxHop is how much of a Received field is read: folded, names and all, those
// of servers stay below it, if no HELO is made to fill it.
const maxHop = 1000

// eximUsers are the users as whom Exim runs.
var eximUsers = []string{"Debian-exim", "exim", "mailnull", "mail", "_exim"}

// readHop reads the value of a Received field, folds and all. Where a client
// may have had a say, its address stands in brackets.
func readHop(value string) hop {
	s := strings.Join(strings.Fields(value[:min(len(value), maxHop)]), " ")
	if strings.HasPrefix(s, "(qmail ") {
		switch {
		case strings.Contains(s, " invoked for bounce)"):
			return hop{kind: hopMade}
		case strings.Contains(s, " invoked by alias)"), strings.Contains(s, " invoked from network)"):
			return hop{kind: hopInside} // the field below names the client
		}
		return hop{kind: hopUnknown}
	}
	if rest, ok := strings.CutPrefix(s, "by "); ok {
		if _, rest, _ := strings.Cut(rest, " "); strings.HasPrefix(rest, "(Postfix) id ") {
			return hop{kind: hopMade}
		}
		return hop{kind: hopUnknown} // (Postfix, from userid 1000)
	}
	from, rest, ok := strings.Cut(s, " by ")
	from, found := strings.CutPrefix(from, "from ")
	if !ok || !found {
		return hop{kind: hopUnknown}
	}
	whole := len(value) <= maxHop && !strings.Contains(rest, " by ") // else a HELO may have made it up
	told := strings.Count(from, "[")
	none := whole && !strings.Contains(s, "[")
	_, rest, _ = strings.Cut(rest, " ")
	switch {
	case none && strings.HasPrefix(rest, "with local (Exim "):
		if slices.Contains(eximUsers, from) {
			return hop{kind: hopMade}
		}
		return hop{kind: hopUnknown}
	case none && from == "localhost (localhost)" && strings.HasPrefix(behindComment(rest), "id "):
		return hop{kind: hopMade}
	case none && (strings.HasPrefix(rest, "with LMTP") || strings.HasPrefix(behindComment(rest), "with LMTP")):
		return hop{kind: hopInside} // RFC 2033 section 5: never over a wide area network
	}
	if !whole {
		return hop{kind: hopClient}
	}
	h := hop{kind: hopClient, sure: told == 1 || told == 2 && strings.HasPrefix(from, "[")}
	if h.name, h.ip = seenClient(from, writerOf(rest)); !h.sure {
		h.name = ""
	}
	return h
}

// behindComment is what follows the comment that rest begins with, as a server
// has it behind its own name; "" where there is none. Words further behind may
// be an envelope address's: PowerMTA and Courier write those last.
func behindComment(rest string) string {
	if comment, rest, ok := strings.Cut(rest, ") "); ok && strings.HasPrefix(comment, "(") &&
		!strings.ContainsAny(comment, "<;\"") {
		return rest
	}
	return ""
}

// writer is the server that wrote a Received field, where it is one that names
// a client by its reverse name only once that name's addresses have the
// client's among them: anyone may call his address mx.google.com. Not so
// OpenSMTPD, Haraka, Courier, hMailServer and qmail under tcpserver, which write
// the reverse name as it is, and Exchange, which writes the HELO.
type writer string

const (
	writerUnknown  writer = ""
	writerPostfix  writer = "postfix"  // smtpd_peer.c: else "unknown"
	writerSendmail writer = "sendmail" // daemon.c, getauthinfo: else "(may be forged)"
	writerExim     writer = "exim"     // host.c, host_name_lookup: else none
)

var sendmailVersion = regexp.MustCompile(`^\(8\.[0-9.]+/[^ ()]+\) with `)

// writerOf reads what follows by and the server's name. The words behind with,
// up to the id, are the server's own; an envelope address may hold any.
func writerOf(rest string) writer {
	if n := strings.IndexAny(rest, "<;\""); n >= 0 {
		rest = rest[:n]
	}
	switch {
	case strings.HasPrefix(rest, "(Postfix) with "):
		return writerPostfix
	case sendmailVersion.MatchString(rest):
		return writerSendmail
	case strings.HasPrefix(rest, "with ") && strings.Contains(rest, " (Exim "):
		return writerExim
	}
	return writerUnknown
}

// seenClient reads what stands between from and by: the name that the client
// gave itself, which may be anything, and last in brackets what the server saw,
// before which Exim has its own name for it. Postfix may write of TLS behind it.
//
//	helo.example (mail.example.net [192.0.2.10])
//	helo.example (mail.example.net [192.0.2.10]) (using TLSv1.3 with cipher ...) (No client certificate requested)
//	helo.example (mail.example.net [192.0.2.10] (may be forged))
//	mail.example.net ([192.0.2.10] helo=helo.example)
//	unknown (HELO helo.example) (192.0.2.10)
func seenClient(from string, by writer) (name string, ip netip.Addr) {
	first, rest, _ := strings.Cut(from, " ")
	if by == writerExim && strings.HasPrefix(first, "[") { // [192.0.2.10] (helo=helo.example)
		ip = values.IP(strings.Trim(first, "[]"))
		return "", ip
	}
	rest, forged := strings.CutSuffix(rest, " (may be forged))")
	if last := strings.LastIndexByte(rest, '['); by == writerPostfix && last >= 0 {
		rest = rest[:last+1+strings.IndexByte(rest[last:]+"]", ']')]
	}
	seen := rest[strings.LastIndexByte(rest, '(')+1:]
	before, after, ok := strings.Cut(seen, "[")
	if !ok {
		ip = values.IP(strings.TrimSuffix(seen, ")")) // qmail, Exchange
		return "", ip
	}
	address, _, _ := strings.Cut(after, "]")
	ip = values.IP(strings.TrimPrefix(address, "IPv6:"))
	switch before = strings.TrimSuffix(before, " "); {
	case by == writerUnknown, forged, before == "unknown":
		return "", ip
	case by == writerExim:
		before = first
	}
	// Sendmail writes what identd says of the user before the name, with an @.
	if strings.ContainsFunc(before, func(r rune) bool {
		return (r|0x20 < 'a' || r|0x20 > 'z') && (r < '0' || r > '9') && r != '.' && r != '-' && r != '_'
	}) {
		return "", ip
	}
	return values.HostName(before), ip
}
