package enrich

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
	"go.uber.org/goleak"

	"github.com/bouncehouse/bouncehouse"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// nameServer is a resolver on loopback that serves a map of records and counts
// what it is asked.
type nameServer struct {
	addr    string
	records map[string][]string // "name TYPE" → records in zone file form, without the owner
	rcodes  map[string]int      // by name
	cut     map[string]bool     // names whose answers do not fit into UDP
	block   chan struct{}       // where set, answers wait until it is closed

	mu    sync.Mutex
	asked map[string]int
}

func (s *nameServer) ServeDNS(w dns.ResponseWriter, q *dns.Msg) {
	name, t := strings.ToLower(q.Question[0].Name), dns.TypeToString[q.Question[0].Qtype]
	_, udp := w.LocalAddr().(*net.UDPAddr)
	s.mu.Lock()
	key := name + " " + t
	if !udp {
		key += " tcp"
	}
	s.asked[key]++
	s.mu.Unlock()
	if s.block != nil {
		<-s.block
	}
	r := new(dns.Msg).SetReply(q)
	r.RecursionAvailable = true
	switch code, bad := s.rcodes[name]; {
	case bad:
		r.Rcode = code
	case s.cut[name] && udp:
		r.Truncated = true
	default:
		for _, data := range s.records[name+" "+t] {
			rr, err := dns.NewRR(name + " 600 IN " + t + " " + data)
			if err != nil {
				panic(err)
			}
			r.Answer = append(r.Answer, rr)
		}
		if len(r.Answer) == 0 {
			r.Rcode = dns.RcodeNameError
			soa, _ := dns.NewRR("example. 900 IN SOA ns.example. root.example. 1 2 3 4 300")
			r.Ns = append(r.Ns, soa)
		}
	}
	_ = w.WriteMsg(r) // the client may have gone
}

func (s *nameServer) count(key string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked[key]
}

func (s *nameServer) total() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, v := range s.asked {
		n += v
	}
	return n
}

// serve starts s on UDP and TCP, at one port.
func (s *nameServer) serve(t *testing.T) *nameServer {
	t.Helper()
	s.asked = map[string]int{}
	var pc net.PacketConn
	var l net.Listener
	for range 20 { // the port must be free for both
		var err error
		if pc, err = net.ListenPacket("udp", "127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
		if l, err = net.Listen("tcp", pc.LocalAddr().String()); err == nil {
			break
		}
		pc.Close()
	}
	if l == nil {
		t.Fatal("no port is free for UDP and TCP")
	}
	s.addr = pc.LocalAddr().String()
	for _, srv := range []*dns.Server{{PacketConn: pc, Handler: s}, {Listener: l, Handler: s}} {
		up := make(chan struct{})
		srv.NotifyStartedFunc = func() { close(up) }
		done := make(chan error, 1)
		go func() { done <- srv.ActivateAndServe() }()
		<-up
		t.Cleanup(func() {
			if err := srv.Shutdown(); err != nil {
				t.Error(err)
			}
			<-done
		})
	}
	return s
}

// bl gives a zone its test points.
func bl(records map[string][]string, zone string) map[string][]string {
	records["2.0.0.127."+zone+". A"] = []string{"127.0.0.2"}
	return records
}

const egress = "203.0.113.25"

func named(records map[string][]string) map[string][]string {
	records["25.113.0.203.in-addr.arpa. PTR"] = []string{"mx1.example.org."}
	records["mx1.example.org. A"] = []string{egress}
	return records
}

type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.t }

func (c *clock) add(d time.Duration) { c.mu.Lock(); defer c.mu.Unlock(); c.t = c.t.Add(d) }

func newClock() *clock { return &clock{t: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)} }

// open makes the enricher for tests: no address is special, the documentation
// ranges stand for public ones.
func open(t *testing.T, opt DNSOptions) *DNS {
	t.Helper()
	if opt.Skip == nil {
		opt.Skip = []netip.Prefix{}
	}
	if opt.Zones == nil {
		opt.Zones = []string{"bl.example.net"}
	}
	if opt.Query == 0 {
		opt.Query = 5 * time.Second
	}
	if opt.Timeout == 0 {
		opt.Timeout = 20 * time.Second
	}
	d, err := NewDNS(opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

func event(c *clock, ip string) bouncehouse.Event {
	return bouncehouse.Event{Direction: bouncehouse.Outbound, Time: c.now().Add(-time.Minute),
		SubjectIP: netip.MustParseAddr(ip)}
}

type said struct {
	Listed []string
	RDNS   string
	Status bouncehouse.RDNSStatus
}

func enrich(t *testing.T, d *DNS, events ...bouncehouse.Event) []said {
	t.Helper()
	if err := d.Enrich(t.Context(), &bouncehouse.Result{Events: events}); err != nil {
		t.Fatal(err)
	}
	var all []said
	for _, e := range events {
		all = append(all, said{e.DNSBLListed, e.RDNS, e.RDNSStatus})
	}
	return all
}

func TestDNS(t *testing.T) {
	const zone, arpa = "bl.example.net", "25.113.0.203.in-addr.arpa."
	listed := "25.113.0.203." + zone + ". A"
	for _, tt := range []struct {
		name    string
		records map[string][]string
		rcodes  map[string]int
		cut     map[string]bool
		ip      string
		want    said
	}{
		{"not listed, confirmed name", named(bl(map[string][]string{}, zone)), nil, nil, egress,
			said{nil, "mx1.example.org", "ok"}},
		{"listed", named(bl(map[string][]string{listed: {"127.0.0.4"}}, zone)), nil, nil, egress,
			said{[]string{zone}, "mx1.example.org", "ok"}},
		{"several codes, one of them an error",
			named(bl(map[string][]string{listed: {"127.255.255.254", "127.0.0.10"}}, zone)), nil, nil, egress,
			said{[]string{zone}, "mx1.example.org", "ok"}},
		{"error code", named(bl(map[string][]string{listed: {"127.255.255.254"}}, zone)), nil, nil, egress,
			said{nil, "mx1.example.org", "ok"}},
		{"not in 127/8", named(bl(map[string][]string{listed: {"198.51.100.1"}}, zone)), nil, nil, egress,
			said{nil, "mx1.example.org", "ok"}},
		{"a zone that lists all",
			named(map[string][]string{listed: {"127.0.0.2"}, "2.0.0.127." + zone + ". A": {"127.0.0.2"},
				"1.0.0.127." + zone + ". A": {"127.0.0.2"}}), nil, nil, egress, said{nil, "mx1.example.org", "ok"}},
		{"a zone without test points", named(map[string][]string{listed: {"127.0.0.2"}}), nil, nil, egress,
			said{nil, "mx1.example.org", "ok"}},
		{"a test point that says that we ask by a public resolver",
			named(map[string][]string{listed: {"127.0.0.2"}, "2.0.0.127." + zone + ". A": {"127.255.255.254"}}), nil,
			nil, egress, said{nil, "mx1.example.org", "ok"}},
		{"zone fails", named(bl(map[string][]string{}, zone)),
			map[string]int{"25.113.0.203." + zone + ".": dns.RcodeServerFailure}, nil, egress,
			said{nil, "mx1.example.org", "ok"}},
		{"no name", bl(map[string][]string{}, zone), nil, nil, egress, said{nil, "", "none"}},
		{"name without the address",
			bl(map[string][]string{arpa + " PTR": {"mx1.example.org."}, "mx1.example.org. A": {"203.0.113.99"}}, zone),
			nil, nil, egress, said{nil, "mx1.example.org", "mismatch"}},
		{"name that does not exist", bl(map[string][]string{arpa + " PTR": {"gone.example.org."}}, zone), nil, nil,
			egress, said{nil, "gone.example.org", "mismatch"}},
		{"second name has the address",
			bl(map[string][]string{arpa + " PTR": {"other.example.org.", "mx1.example.org."},
				"mx1.example.org. A": {egress}}, zone), nil, nil, egress, said{nil, "mx1.example.org", "ok"}},
		{"reverse zone fails", bl(map[string][]string{}, zone), map[string]int{arpa: dns.RcodeServerFailure}, nil,
			egress, said{nil, "", "error"}},
		{"refused", bl(map[string][]string{}, zone), map[string]int{arpa: dns.RcodeRefused}, nil, egress,
			said{nil, "", "error"}},
		{"cut over UDP", named(bl(map[string][]string{}, zone)), nil, map[string]bool{arpa: true}, egress,
			said{nil, "mx1.example.org", "ok"}},
		{"IPv6", bl(map[string][]string{
			"5.2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa. PTR": {"mx6.example.org."},
			"mx6.example.org. AAAA": {"2001:db8::25"},
			"5.2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2." + zone + ". A": {"127.0.0.3"},
		}, zone), nil, nil, "2001:db8::25", said{[]string{zone}, "mx6.example.org", "ok"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := (&nameServer{records: tt.records, rcodes: tt.rcodes, cut: tt.cut}).serve(t)
			c := newClock()
			d := open(t, DNSOptions{Servers: []string{s.addr}, Now: c.now})
			e := event(c, tt.ip)
			if diff := cmp.Diff([]said{tt.want}, enrich(t, d, e)); diff != "" {
				t.Error(diff)
			}
			n := s.total()
			if diff := cmp.Diff([]said{tt.want}, enrich(t, d, e)); diff != "" {
				t.Error("from the cache:", diff)
			}
			if s.total() != n {
				t.Errorf("%d questions put for what is cached", s.total()-n)
			}
			if len(tt.cut) > 0 && s.count(arpa+" PTR tcp") != 1 {
				t.Error("not asked again over TCP")
			}
		})
	}
}

func TestDNSAsksOnce(t *testing.T) {
	s := (&nameServer{records: named(bl(map[string][]string{}, "bl.example.net"))}).serve(t)
	c := newClock()
	d := open(t, DNSOptions{Servers: []string{s.addr}, Now: c.now})
	events := make([]bouncehouse.Event, 100)
	for i := range events {
		events[i] = event(c, egress)
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			mine := append([]bouncehouse.Event(nil), events...)
			if err := d.Enrich(context.Background(), &bouncehouse.Result{Events: mine}); err != nil {
				t.Error(err)
			}
			for _, e := range mine {
				if e.RDNSStatus != bouncehouse.RDNSOK {
					t.Errorf("status %q", e.RDNSStatus)
				}
			}
		})
	}
	wg.Wait()
	if n := s.count("25.113.0.203.in-addr.arpa. PTR"); n != 1 {
		t.Errorf("asked %d times", n)
	}

	// After the least TTL (300 s of the list's SOA) it is asked again; the
	// zone's test points are not.
	c.add(301 * time.Second)
	enrich(t, d, event(c, egress))
	if n := s.count("25.113.0.203.in-addr.arpa. PTR"); n != 2 {
		t.Errorf("asked %d times after the TTL", n)
	}
	if n := s.count("2.0.0.127.bl.example.net. A"); n != 1 {
		t.Errorf("test point asked %d times", n)
	}
}

func TestDNSLeavesAlone(t *testing.T) {
	unknown := said{nil, "", bouncehouse.RDNSUnknown}
	for _, tt := range []struct {
		name string
		opt  DNSOptions
		edit func(*bouncehouse.Event)
		asks bool
	}{
		{"an event of yesterday", DNSOptions{}, func(e *bouncehouse.Event) { e.Time = e.Time.Add(-24 * time.Hour) },
			false},
		{"a client", DNSOptions{}, func(e *bouncehouse.Event) { e.Direction = bouncehouse.Inbound }, false},
		{"a client, where asked for", DNSOptions{Inbound: true},
			func(e *bouncehouse.Event) { e.Direction = bouncehouse.Inbound }, true},
		{"not our egress", DNSOptions{Egress: []netip.Addr{netip.MustParseAddr("203.0.113.1")}}, nil, false},
		{"our egress", DNSOptions{Egress: []netip.Addr{netip.MustParseAddr(egress)}}, nil, true},
		{"a special-purpose address", DNSOptions{Skip: SpecialPurpose()}, nil, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := (&nameServer{records: named(bl(map[string][]string{}, "bl.example.net"))}).serve(t)
			c := newClock()
			tt.opt.Servers, tt.opt.Now = []string{s.addr}, c.now
			d := open(t, tt.opt)
			e := event(c, egress)
			if tt.edit != nil {
				tt.edit(&e)
			}
			got := enrich(t, d, e)[0]
			if asked := s.total() > 0; asked != tt.asks || !tt.asks && !cmp.Equal(got, unknown) {
				t.Errorf("asked %v, got %+v", asked, got)
			}
		})
	}
}

// An old event takes what is known.
func TestDNSOldEventTakesTheCache(t *testing.T) {
	s := (&nameServer{records: named(bl(map[string][]string{}, "bl.example.net"))}).serve(t)
	c := newClock()
	d := open(t, DNSOptions{Servers: []string{s.addr}, Now: c.now})
	enrich(t, d, event(c, egress))
	old := event(c, egress)
	old.Time = old.Time.Add(-48 * time.Hour)
	if got := enrich(t, d, old)[0]; got.Status != bouncehouse.RDNSOK {
		t.Errorf("got %+v", got)
	}
}

func TestDNSBatchDeadline(t *testing.T) {
	s := (&nameServer{records: named(bl(map[string][]string{}, "bl.example.net")), block: make(chan struct{})}).serve(t)
	c := newClock()
	d := open(t, DNSOptions{Servers: []string{s.addr}, Now: c.now, Timeout: 10 * time.Millisecond})
	if got := enrich(t, d, event(c, egress))[0]; got.Status != bouncehouse.RDNSUnknown {
		t.Fatalf("got %+v before any answer", got)
	}
	d.mu.Lock()
	f := d.flight[netip.MustParseAddr(egress)]
	d.mu.Unlock()
	close(s.block)
	<-f.done // what came too late is there for later events
	if got := enrich(t, d, event(c, egress))[0]; got.Status != bouncehouse.RDNSOK {
		t.Errorf("got %+v from the cache", got)
	}
}

// A resolver that is not there is left alone after a few failures.
func TestDNSUnreachable(t *testing.T) {
	var log bytes.Buffer
	r := &silent{}
	c := newClock()
	d := open(t, DNSOptions{Resolver: r, Now: c.now, Log: slog.New(slog.NewTextHandler(&log, nil))})
	for i := range 50 {
		if got := enrich(t, d,
			event(c, netip.AddrFrom4([4]byte{203, 0, 113,
				byte(i)}).String()))[0]; got.Status != bouncehouse.RDNSUnknown {
			t.Fatalf("got %+v", got)
		}
	}
	if n := r.count(); n > 2*pauseAfter {
		t.Errorf("%d questions to a resolver that does not answer", n)
	}
	// Later it is tried again, and no batch waits for that.
	before := r.count()
	r.hold()
	c.add(pauseFor + time.Second)
	enrich(t, d, event(c, egress))
	d.mu.Lock()
	f := d.flight[netip.MustParseAddr(egress)]
	d.mu.Unlock()
	if f == nil {
		t.Fatal("a batch waited for a resolver that does not answer, or did not ask")
	}
	r.release()
	<-f.done
	if r.count() == before {
		t.Error("never asked again")
	}
	d.Close()
	if n := strings.Count(log.String(), "no resolver answers"); n != 1 {
		t.Errorf("said %d times that no resolver answers:\n%s", n, &log)
	}
}

type silent struct {
	mu   sync.Mutex
	n    int
	held sync.RWMutex
}

func (s *silent) hold()    { s.held.Lock() }
func (s *silent) release() { s.held.Unlock() }

func (s *silent) Lookup(context.Context, string, RecordType) (Answer, error) {
	s.held.RLock()
	defer s.held.RUnlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.n++
	return Answer{}, context.DeadlineExceeded
}

func (s *silent) count() int { s.mu.Lock(); defer s.mu.Unlock(); return s.n }

// A closed port on loopback: an error at once, or a timeout, but no stall.
func TestDNSClosedPort(t *testing.T) {
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := pc.LocalAddr().String()
	pc.Close()
	c := newClock()
	d := open(t, DNSOptions{Servers: []string{addr}, Now: c.now, Query: 50 * time.Millisecond})
	if got := enrich(t, d, event(c, egress))[0]; got.Status != bouncehouse.RDNSUnknown {
		t.Errorf("got %+v", got)
	}
}

func TestZonesThatAreNotAsked(t *testing.T) {
	var log bytes.Buffer
	const key = "abcdefghijklmnopqrstuvwxyz"
	d := open(t, DNSOptions{
		Zones: []string{"dnsbl.sorbs.net", "ix.dnsbl.manitu.net", "list.dnswl.org", "dbl.spamhaus.org",
			key + ".dbl.dq.spamhaus.net", key + ".zen.dq.spamhaus.net", "Bl.Example.Net."},
		Log: slog.New(slog.NewTextHandler(&log, nil)), Resolver: &silent{},
	})
	var show []string
	for _, z := range d.zones {
		show = append(show, z.show)
	}
	if diff := cmp.Diff([]string{"zen.dq.spamhaus.net", "bl.example.net"}, show); diff != "" {
		t.Error(diff)
	}
	c := newClock()
	d.now = c.now
	enrich(t, d, event(c, egress))
	d.Close()
	if strings.Contains(log.String(), key) {
		t.Errorf("a key is in the log:\n%s", &log)
	}
}

func TestZoneRate(t *testing.T) {
	z := &zone{}
	now := time.Unix(0, 0)
	n := 0
	for range 1000 {
		if z.take(now) {
			n++
		}
	}
	if n != zoneBurst {
		t.Errorf("%d at once", n)
	}
	now = now.Add(time.Second)
	for n = 0; z.take(now); n++ {
	}
	if n != zoneRate {
		t.Errorf("%d a second later", n)
	}
}

func BenchmarkDNSCached(b *testing.B) {
	c := newClock()
	d, err := NewDNS(DNSOptions{Resolver: &silent{}, Now: c.now})
	if err != nil {
		b.Fatal(err)
	}
	defer d.Close()
	events := make([]bouncehouse.Event, 1000)
	for i := range events {
		ip := netip.AddrFrom4([4]byte{192, 0, 2, byte(i)})
		events[i] = bouncehouse.Event{SubjectIP: ip, Time: c.now()}
		d.cache.put(ip, &facts{status: bouncehouse.RDNSOK, expires: c.now().Add(time.Hour)})
	}
	b.ReportAllocs()
	for b.Loop() {
		for i := range events {
			events[i].RDNSStatus = ""
		}
		if err := d.Enrich(b.Context(), &bouncehouse.Result{Events: events}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(events)), "ns/event")
}
