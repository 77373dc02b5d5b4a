package enrich

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"sync"
	"time"
)

// DefaultZones are the blocklists asked where none are configured: alive,
// free for low volume, and careful. Spamhaus refuses questions that come
// through public resolvers; its test points then fail and it is left out.
func DefaultZones() []string {
	return []string{"zen.spamhaus.org", "bl.spamcop.net", "psbl.surriel.com", "bl.mailspike.net"}
}

// deadZones are never asked: closed or unmaintained, and some of them answer
// every question with a listing. Their names cover what is below them.
var deadZones = map[string]bool{
	"sorbs.net": true, "ix.dnsbl.manitu.net": true, "anti-spam.org.cn": true, "countries.nerd.dk": true,
	"ordb.org": true, "osirusoft.com": true, "orbs.org": true, "dsbl.org": true, "njabl.org": true, "ahbl.org": true,
	"spamcannibal.org": true, "cobion.com": true, "nszones.com": true, "dnsbl.inps.de": true,
	"virbl.dnsbl.bit.nl": true,
	"dnsbl.net.au":       true, "bl.emailbasura.org": true, "ubl.unsubscore.com": true, "megarbl.net": true,
	"cbl.abuseat.org": true, "rf.senderbase.org": true, "rfc-ignorant.org": true, "sbl-xbl.spamhaus.org": true,
}

// otherZones list no bad senders: allow lists, and lists of domains, which
// must not be asked for addresses.
var otherZones = map[string]bool{
	"dnswl.org": true, "bondedsender.org": true, "habeas.com": true, "wl.mailspike.net": true,
	"dbl.spamhaus.org": true, "dbl.dq.spamhaus.net": true, "zrd.dq.spamhaus.net": true, "surbl.org": true,
	"uribl.com":                  true,
	"uribl.spameatingmonkey.net": true, "dblack.mail.abusix.zone": true,
}

// below tells whether zone is one of a table's zones or below one.
func below(table map[string]bool, zone string) bool {
	for ok := true; ok; _, zone, ok = strings.Cut(zone, ".") {
		if table[zone] {
			return true
		}
	}
	return false
}

// zone is one blocklist with what is known of its health.
type zone struct {
	name string // what is asked; may hold a key
	show string // the same without the key, for events and logs

	mu      sync.Mutex
	trusted bool
	until   time.Time // of trusted or not: then the test points are asked again
	fails   int       // answers that failed to come, in a row
	tokens  float64   // of the rate limit
	filled  time.Time
}

// How long a zone's state holds, and how fast it is asked: lists are other
// people's machines.
const (
	zoneTrust   = time.Hour
	zoneRefused = time.Hour        // it answers an error, or lists all
	zoneFailed  = time.Minute      // it did not answer
	zoneMute    = 30 * time.Second // after zoneFails questions without an answer
	zoneFails   = 3
	zoneRate    = 20.0 // questions a second
	zoneBurst   = 100.0
)

// redact leaves a customer's key out of a zone's name: those of Spamhaus DQS,
// Abusix and Trend Micro stand first; any label that looks like a key goes too.
func redact(name string) string {
	for _, keyed := range []string{"dq.spamhaus.net", "mail.abusix.zone", "mail-abuse.com"} {
		if head, ok := strings.CutSuffix(name, "."+keyed); ok {
			if n := strings.LastIndexByte(head, '.'); n >= 0 {
				head = head[n+1:]
			}
			return head + "." + keyed
		}
	}
	labels := strings.Split(name, ".")
	kept := labels[:0]
	for i, l := range labels {
		if len(l) >= 20 && i < len(labels)-2 {
			continue
		}
		kept = append(kept, l)
	}
	return strings.Join(kept, ".")
}

// errZone tells that a zone's answer is no answer about the address.
var errZone = errors.New("zone answers with an error code")

// listing reads a zone's answer as the operators mean it: only 127.0.0.0/8
// counts, all records are read, and an error code is no listing.
func listing(zone string, addrs []netip.Addr) (listed bool, err error) {
	for _, a := range addrs {
		if !a.Is4() {
			err = errZone
			continue
		}
		b := a.As4()
		switch {
		case b[0] != 127, // a portal's wildcard, a resolver that rewrites
			b[1] == 255 && b[2] == 255,   // Spamhaus, Validity: typing error, public resolver, too many questions
			b == [4]byte{127, 0, 0, 1},   // URIBL, SURBL: refused; and never a listing by RFC 5782
			b == [4]byte{127, 0, 1, 255}, // an address asked of a list of domains
			b == [4]byte{127, 0, 0, 255}: // over the free limit
			err = errZone
		case strings.HasSuffix(zone, "hostkarma.junkemailfilter.com"):
			listed = listed || b[3] == 2 || b[3] == 4 // .1 white, .3 yellow, .5 no-blacklist
		case strings.HasSuffix(zone, "rep.mailspike.net"):
			listed = listed || b[3] >= 10 && b[3] <= 13 // a scale: .10 worst, .15 neutral, .20 best
		default:
			listed = true
		}
	}
	if listed {
		return true, nil
	}
	return false, err
}

// reversed is the name under which a zone, or in-addr.arpa, has the address:
// 5.113.0.203 or 32 nibbles, RFC 5782 section 2.
func reversed(a netip.Addr) string {
	var b []byte
	if a.Is4() {
		v := a.As4()
		for i := 3; i >= 0; i-- {
			b = append(appendByte(b, v[i]), '.')
		}
		return string(b[:len(b)-1])
	}
	const digits = "0123456789abcdef"
	v := a.As16()
	for i := 15; i >= 0; i-- {
		b = append(b, digits[v[i]&15], '.', digits[v[i]>>4], '.')
	}
	return string(b[:len(b)-1])
}

func appendByte(b []byte, n byte) []byte {
	if n >= 100 {
		b = append(b, '0'+n/100)
	}
	if n >= 10 {
		b = append(b, '0'+n/10%10)
	}
	return append(b, '0'+n%10)
}

// take takes one question from the zone's rate, or tells that none is left.
func (z *zone) take(now time.Time) bool {
	z.mu.Lock()
	defer z.mu.Unlock()
	if z.filled.IsZero() {
		z.tokens = zoneBurst
	} else if d := now.Sub(z.filled).Seconds(); d > 0 {
		z.tokens = min(zoneBurst, z.tokens+d*zoneRate)
	}
	z.filled = now
	if z.tokens < 1 {
		return false
	}
	z.tokens--
	return true
}

// trust tells whether the zone may be asked. It asks the test points of RFC
// 5782 section 5 first: 127.0.0.2 must be listed and 127.0.0.1 must not; a
// zone that has died by wildcard lists both. Others wait meanwhile.
func (d *DNS) trust(ctx context.Context, z *zone) bool {
	z.mu.Lock()
	defer z.mu.Unlock()
	now := d.now()
	if now.Before(z.until) {
		return z.trusted
	}
	was := z.trusted
	yes, errYes := d.ask(ctx, "2.0.0.127."+z.name, A)
	no, errNo := d.ask(ctx, "1.0.0.127."+z.name, A)
	if errYes != nil || errNo != nil {
		z.trusted, z.until = false, now.Add(zoneFailed)
		if was {
			d.log.Warn("blocklist does not answer, left out for now", "zone", z.show)
		}
		return false
	}
	listed, err := listing(z.name, yes.Addrs)
	if !listed || len(no.Addrs) > 0 {
		z.trusted, z.until = false, now.Add(zoneRefused)
		reason := "its test point 127.0.0.2 is not listed"
		switch {
		case err != nil:
			reason = "it answers with an error code: " + codes(yes.Addrs)
		case len(no.Addrs) > 0:
			reason = "it lists 127.0.0.1, which no list does"
		}
		d.log.Warn("blocklist is not asked", "zone", z.show, "reason", reason)
		return false
	}
	z.trusted, z.until, z.fails = true, now.Add(zoneTrust), 0
	return true
}

func codes(addrs []netip.Addr) string {
	var s []string
	for _, a := range addrs {
		s = append(s, a.String())
	}
	return strings.Join(s, " ")
}

// lists asks the zone for an address. known is false where it is not known.
func (d *DNS) lists(ctx context.Context, z *zone, reverse string) (listed, known bool, ttl time.Duration) {
	if !d.trust(ctx, z) || !z.take(d.now()) {
		return false, false, 0
	}
	a, err := d.ask(ctx, reverse+"."+z.name, A)
	if err == nil {
		listed, err = listing(z.name, a.Addrs)
	}
	z.mu.Lock()
	defer z.mu.Unlock()
	switch {
	case errors.Is(err, errZone):
		z.trusted, z.until = false, d.now().Add(zoneRefused)
		d.log.Warn("blocklist is not asked", "zone", z.show, "reason", "it answers with an error code: "+codes(a.Addrs))
	case err != nil:
		if z.fails++; z.fails >= zoneFails {
			z.trusted, z.until, z.fails = false, d.now().Add(zoneMute), 0
		}
	default:
		z.fails = 0
	}
	return listed, err == nil, a.TTL
}
