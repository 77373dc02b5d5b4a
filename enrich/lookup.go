package enrich

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/bouncehouse/bouncehouse"
)

// DNSOptions says whom to ask what. The zero value asks the system's
// resolvers for our own egress addresses in DefaultZones.
type DNSOptions struct {
	Servers  []string       // recursive resolvers, IP or IP:port; none: those of /etc/resolv.conf
	Zones    []string       // blocklists; nil: DefaultZones; empty and not nil: none
	Egress   []netip.Addr   // where set, outbound events are asked for these only; else for any subject IP
	Inbound  bool           // ask for the clients that our servers refused, too
	Skip     []netip.Prefix // never asked; nil: SpecialPurpose; empty and not nil: none
	Timeout  time.Duration  // for a whole batch; 0 is two seconds
	Query    time.Duration  // for one question to one server; 0 is a second
	Log      *slog.Logger   // nil: nothing is logged
	Now      func() time.Time
	Resolver Resolver // instead of Servers
}

// DNS adds what DNS says of an event's subject IP: DNSBLListed, RDNS and
// RDNSStatus. Answers are kept for their TTL, from a minute to an hour. What
// does not come within the batch's time stays unknown; it is filled in later
// events once it has come. It is safe for concurrent use.
//
// Live questions are put for our own egress addresses, for clients only where
// asked for, and for events younger than an hour: older ones take what is
// known.
type DNS struct {
	resolver Resolver
	zones    []*zone
	egress   map[netip.Addr]bool
	inbound  bool
	skip     []netip.Prefix
	timeout  time.Duration
	log      *slog.Logger
	now      func() time.Time

	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	done   sync.WaitGroup
	slots  chan struct{} // questions under way

	mu     sync.Mutex
	cache  generations[netip.Addr, *facts]
	flight map[netip.Addr]*flight
	fails  int       // questions without an answer, in a row
	paused time.Time // no question is put before
	silent bool      // paused, and nothing has answered since: look-ups are tried, not waited for
}

var _ bouncehouse.Enricher = (*DNS)(nil)

// facts is what DNS says of one address. It is immutable.
type facts struct {
	listed  []string
	rdns    string
	status  bouncehouse.RDNSStatus
	expires time.Time
}

// flight is a look-up under way; facts are set when done is closed.
type flight struct {
	done  chan struct{}
	facts *facts
}

// Bounds.
const (
	maxAddrs    = 50_000 // of each half of the cache
	maxFlights  = 500    // addresses looked up at a time; more stay unknown
	maxAsked    = 32     // questions under way
	minTTL      = time.Minute
	maxTTL      = time.Hour
	maxAge      = time.Hour // of events that are worth a live question
	pauseAfter  = 3         // questions without an answer
	pauseFor    = 5 * time.Second
	maxPTRNames = 8
	flightTime  = 10 * time.Second // for all questions about an address
)

// NewDNS makes the enricher. It asks nothing yet. Zones that are known to be
// dead, or are no blocklists of addresses, are left out with a warning.
func NewDNS(opt DNSOptions) (*DNS, error) {
	d := &DNS{
		resolver: opt.Resolver, egress: map[netip.Addr]bool{}, inbound: opt.Inbound, skip: opt.Skip,
		timeout: opt.Timeout,
		log:     opt.Log, now: opt.Now,
		slots:  make(chan struct{}, maxAsked),
		cache:  generations[netip.Addr, *facts]{limit: maxAddrs},
		flight: map[netip.Addr]*flight{},
	}
	if d.log == nil {
		d.log = slog.New(slog.DiscardHandler)
	}
	if d.now == nil {
		d.now = time.Now
	}
	if d.timeout <= 0 {
		d.timeout = 2 * time.Second
	}
	if d.skip == nil {
		d.skip = SpecialPurpose()
	}
	for _, a := range opt.Egress {
		d.egress[a.Unmap()] = true
	}
	if d.resolver == nil {
		query := opt.Query
		if query <= 0 {
			query = time.Second
		}
		c, err := newClient(opt.Servers, query)
		if err != nil {
			return nil, err
		}
		d.resolver = c
	}
	names := opt.Zones
	if names == nil {
		names = DefaultZones()
	}
	for _, n := range names {
		n = strings.Trim(strings.ToLower(n), ".")
		z := &zone{name: n, show: redact(n)}
		switch {
		case !hostLike(n):
			return nil, fmt.Errorf("blocklist %q is no domain name", z.show)
		case below(deadZones, n):
			d.log.Warn("blocklist is not asked", "zone", z.show, "reason", "it was closed")
		case below(otherZones, n) || otherZones[z.show]:
			d.log.Warn("blocklist is not asked", "zone", z.show, "reason", "it lists no addresses of bad senders")
		default:
			d.zones = append(d.zones, z)
		}
	}
	d.ctx, d.cancel = context.WithCancel(context.Background())
	return d, nil
}

// SpecialPurpose are the ranges that no blocklist can know: private, loopback,
// link-local, documentation and the like, as IANA registers them (RFC 6890).
func SpecialPurpose() []netip.Prefix {
	var ps []netip.Prefix
	for _, s := range []string{
		"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
		"192.0.2.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3",
		"::/3", "2001:db8::/32", "2001::/23", "3fff::/20", "4000::/2", "8000::/1",
	} {
		ps = append(ps, netip.MustParsePrefix(s))
	}
	return ps
}

// Close ends what is under way and waits for it.
func (d *DNS) Close() error {
	d.cancel()
	d.done.Wait()
	return nil
}

// Enrich fills the fields. It waits for answers no longer than the batch's
// time, not at all while no resolver answers, and returns no error: what is not known stays unknown. DNSBLListed is
// shared between events and must not be changed.
func (d *DNS) Enrich(ctx context.Context, res *bouncehouse.Result) error {
	events := res.Events
	now := d.now()
	var waiting map[netip.Addr]*flight
	var last netip.Addr // most events of a batch share their subject
	var known *facts
	for i := range events {
		e := &events[i]
		ip := e.SubjectIP.Unmap()
		if !ip.IsValid() || e.RDNSStatus != "" {
			continue
		}
		if ip != last || known == nil {
			last, known = ip, d.cached(ip, now)
		}
		if known != nil {
			known.fill(e)
			continue
		}
		e.RDNSStatus = bouncehouse.RDNSUnknown
		if !d.worth(e, ip, now) {
			continue
		}
		if f := d.start(ip); f != nil {
			if waiting == nil {
				waiting = map[netip.Addr]*flight{}
			}
			waiting[ip] = f
		}
	}
	if waiting == nil || d.isSilent() {
		return nil
	}

	timer := time.NewTimer(d.timeout)
	defer timer.Stop()
	for _, f := range waiting {
		select {
		case <-f.done:
			continue
		case <-timer.C:
		case <-ctx.Done():
		}
		break
	}
	for i := range events {
		e := &events[i]
		if e.RDNSStatus != bouncehouse.RDNSUnknown {
			continue
		}
		if f := waiting[e.SubjectIP.Unmap()]; f != nil {
			select {
			case <-f.done:
				f.facts.fill(e)
			default:
			}
		}
	}
	return nil
}

func (d *DNS) isSilent() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.silent
}

func (f *facts) fill(e *bouncehouse.Event) {
	e.DNSBLListed, e.RDNS, e.RDNSStatus = f.listed, f.rdns, f.status
}

func (d *DNS) cached(ip netip.Addr, now time.Time) *facts {
	d.mu.Lock()
	defer d.mu.Unlock()
	f, ok := d.cache.get(ip)
	if !ok || now.After(f.expires) {
		return nil
	}
	return f
}

// worth tells whether the event deserves a live question.
func (d *DNS) worth(e *bouncehouse.Event, ip netip.Addr, now time.Time) bool {
	if e.Direction == bouncehouse.Inbound {
		if !d.inbound {
			return false
		}
	} else if len(d.egress) > 0 && !d.egress[ip] {
		return false
	}
	if now.Sub(e.Time) > maxAge {
		return false
	}
	for _, p := range d.skip {
		if p.Contains(ip) {
			return false
		}
	}
	return true
}

// start begins a look-up, or joins the one under way. It returns nil while
// the resolver is left alone, or when too much is under way.
func (d *DNS) start(ip netip.Addr) *flight {
	d.mu.Lock()
	defer d.mu.Unlock()
	if f := d.flight[ip]; f != nil {
		return f
	}
	if len(d.flight) >= maxFlights || d.now().Before(d.paused) || d.ctx.Err() != nil {
		return nil
	}
	f := &flight{done: make(chan struct{})}
	d.flight[ip] = f
	d.done.Add(1)
	go func() {
		defer d.done.Done()
		ctx, cancel := context.WithTimeout(d.ctx, flightTime)
		defer cancel()
		f.facts = d.lookup(ctx, ip)
		d.mu.Lock()
		d.cache.put(ip, f.facts)
		delete(d.flight, ip)
		d.mu.Unlock()
		close(f.done)
	}()
	return f
}

// lookup asks all there is to ask about an address, at the same time.
func (d *DNS) lookup(ctx context.Context, ip netip.Addr) *facts {
	type result struct {
		listed, known bool
		ttl           time.Duration
	}
	results := make([]result, len(d.zones))
	reverse := reversed(ip)
	var all sync.WaitGroup
	for i, z := range d.zones {
		all.Go(func() {
			r := &results[i]
			r.listed, r.known, r.ttl = d.lists(ctx, z, reverse)
		})
	}
	f := &facts{}
	var ttl time.Duration
	f.rdns, f.status, ttl = d.rdns(ctx, ip, reverse)
	all.Wait()
	ttl = min(ttl, maxTTL)
	for i, r := range results {
		if r.listed {
			f.listed = append(f.listed, d.zones[i].show)
		}
		if !r.known {
			ttl = 0 // ask again soon
		} else {
			ttl = min(ttl, r.ttl)
		}
	}
	f.expires = d.now().Add(max(minTTL, ttl))
	if f.status == bouncehouse.RDNSUnknown {
		f.expires = d.now().Add(pauseFor) // no resolver answered: try when it is asked again
	}
	return f
}
