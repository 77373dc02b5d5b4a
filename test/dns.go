package test

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// Zone is what a DNSServer knows, by name; names need no final dot. What is not in it does not exist (NXDOMAIN), which
// holds for the whole name space: the server is the tests' Internet.
type Zone struct {
	A, AAAA map[string][]string
	MX      map[string][]string // "10 mx1.example.net"
	TXT     map[string][]string
	CNAME   map[string]string
	PTR     map[string][]string // by IP address, not by the reversed name
}

// Fault is a way for a name server not to answer well.
type Fault struct {
	Rcode int           // dns.RcodeServerFailure, dns.RcodeRefused ...; 0 for the true answer
	Delay time.Duration // before the answer
	Drop  bool          // no answer at all
}

// DNSServer is a small authoritative name server, over UDP and TCP.
type DNSServer struct {
	t    testing.TB
	addr string
	done chan struct{} // closed when the test ends: delayed answers are given up

	mu      sync.Mutex
	records map[string]map[uint16][]dns.RR // by canonical name and type
	faults  map[string]Fault
	counts  map[question]int
}

type question struct {
	name  string
	qtype uint16
}

// answerTTL is short enough for changes within a test and long enough for caches to matter.
const answerTTL = 60

// DNS starts a name server with a zone. addr is "127.0.0.1:53" for the system resolver of an isolated test binary, or
// "127.0.0.1:0" for any free port.
func DNS(t testing.TB, addr string, zone Zone) *DNSServer {
	t.Helper()
	if strings.HasSuffix(addr, ":53") {
		needIsolation(t)
	}
	s := &DNSServer{t: t, done: make(chan struct{}), records: map[string]map[uint16][]dns.RR{},
		faults: map[string]Fault{}, counts: map[question]int{}}
	s.Add(zone)
	packets, listener, err := listenBoth(addr)
	if err != nil {
		t.Fatalf("start the name server: %v", err)
	}
	s.addr = packets.LocalAddr().String()
	var running sync.WaitGroup
	t.Cleanup(running.Wait)
	for _, server := range []*dns.Server{{PacketConn: packets, Handler: s}, {Listener: listener, Handler: s}} {
		running.Go(func() { _ = server.ActivateAndServe() }) // its error is that of Shutdown
		t.Cleanup(func() { _ = server.Shutdown() })
	}
	t.Cleanup(func() { close(s.done) })
	return s
}

// listenBoth opens the same port for UDP and TCP.
func listenBoth(addr string) (net.PacketConn, net.Listener, error) {
	var err error
	for range 10 { // with port 0, TCP's may be taken
		var packets net.PacketConn
		if packets, err = net.ListenPacket("udp", addr); err != nil {
			return nil, nil, err
		}
		var listener net.Listener
		if listener, err = net.Listen("tcp", packets.LocalAddr().String()); err == nil {
			return packets, listener, nil
		}
		packets.Close()
	}
	return nil, nil, err
}

// Addr is the server's host:port.
func (s *DNSServer) Addr() string { return s.addr }

// Add puts a zone's records in, in place of those of the same name and type.
func (s *DNSServer) Add(zone Zone) {
	s.t.Helper()
	for kind, names := range map[string]map[string][]string{
		"A": zone.A, "AAAA": zone.AAAA, "MX": zone.MX, "TXT": zone.TXT, "PTR": reversed(s.t, zone.PTR),
		"CNAME": single(zone.CNAME),
	} {
		for name, values := range names {
			s.set(name, kind, values)
		}
	}
}

// Remove takes all records of a name away; with an IP address, its PTR.
func (s *DNSServer) Remove(name string) {
	if _, err := netip.ParseAddr(name); err == nil {
		name, _ = dns.ReverseAddr(name)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.records, dns.CanonicalName(name))
}

// Fault makes the server fail for a name and all below it; the zero Fault heals it.
func (s *DNSServer) Fault(name string, f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f == (Fault{}) {
		delete(s.faults, dns.CanonicalName(name))
		return
	}
	s.faults[dns.CanonicalName(name)] = f
}

// Count is how often a name was asked for with a type such as dns.TypeA; with dns.TypeANY, with any type.
func (s *DNSServer) Count(name string, qtype uint16) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	total := 0
	for q, n := range s.counts {
		if q.name == dns.CanonicalName(name) && (q.qtype == qtype || qtype == dns.TypeANY) {
			total += n
		}
	}
	return total
}

// Queries is how many questions came in all.
func (s *DNSServer) Queries() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	total := 0
	for _, n := range s.counts {
		total += n
	}
	return total
}

func (s *DNSServer) set(name, kind string, values []string) {
	s.t.Helper()
	name = dns.CanonicalName(name)
	var rrs []dns.RR
	for _, v := range values {
		if kind == "TXT" {
			v = quoteTXT(v)
		}
		rr, err := dns.NewRR(fmt.Sprintf("$ORIGIN .\n%s %d IN %s %s", name, answerTTL, kind, v))
		if err != nil {
			s.t.Fatalf("record %s %s %q: %v", name, kind, v, err)
		}
		rrs = append(rrs, rr)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.records[name] == nil {
		s.records[name] = map[uint16][]dns.RR{}
	}
	s.records[name][dns.StringToType[kind]] = rrs
}

// ServeDNS answers one question.
func (s *DNSServer) ServeDNS(w dns.ResponseWriter, req *dns.Msg) {
	if len(req.Question) != 1 {
		return
	}
	q := question{dns.CanonicalName(req.Question[0].Name), req.Question[0].Qtype}
	answer, fault := s.answer(req, q)
	if fault.Drop {
		return
	}
	if fault.Delay > 0 {
		select {
		case <-time.After(fault.Delay):
		case <-s.done:
			return
		}
	}
	if _, udp := w.RemoteAddr().(*net.UDPAddr); udp {
		size := dns.MinMsgSize
		if opt := req.IsEdns0(); opt != nil {
			size = int(opt.UDPSize())
		}
		answer.Truncate(size)
	}
	_ = w.WriteMsg(answer) // the client may have gone
}

func (s *DNSServer) answer(req *dns.Msg, q question) (*dns.Msg, Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counts[q]++
	answer := new(dns.Msg)
	answer.SetReply(req)
	answer.Authoritative, answer.RecursionAvailable = true, true
	fault := s.faultOf(q.name)
	if fault.Rcode != dns.RcodeSuccess {
		answer.Rcode = fault.Rcode
		return answer, fault
	}
	name := q.name
	for range 8 { // aliases may point at each other
		if rrs := s.records[name][q.qtype]; len(rrs) > 0 {
			answer.Answer = append(answer.Answer, rrs...)
			return answer, fault
		}
		alias := s.records[name][dns.TypeCNAME]
		if len(alias) == 0 {
			break
		}
		answer.Answer = append(answer.Answer, alias...)
		name = dns.CanonicalName(alias[0].(*dns.CNAME).Target)
	}
	if !s.exists(name) {
		answer.Rcode = dns.RcodeNameError
	}
	// A negative answer carries the SOA whose minimum says how long it holds (RFC 2308 section 3).
	soa, err := dns.NewRR(fmt.Sprintf(". %d IN SOA ns.invalid. hostmaster.invalid. 1 3600 600 86400 %d", answerTTL,
		answerTTL))
	if err == nil {
		answer.Ns = append(answer.Ns, soa)
	}
	return answer, fault
}

func (s *DNSServer) faultOf(name string) Fault {
	for {
		if f, ok := s.faults[name]; ok {
			return f
		}
		next, end := dns.NextLabel(name, 0)
		if end {
			return s.faults["."]
		}
		name = name[next:]
	}
}

// exists reports whether the name or one below it has records (RFC 8020).
func (s *DNSServer) exists(name string) bool {
	for have := range s.records {
		if dns.IsSubDomain(name, have) {
			return true
		}
	}
	return false
}

func reversed(t testing.TB, byIP map[string][]string) map[string][]string {
	t.Helper()
	names := make(map[string][]string, len(byIP))
	for ip, values := range byIP {
		name, err := dns.ReverseAddr(ip)
		if err != nil {
			t.Fatalf("PTR of %q: %v", ip, err)
		}
		names[name] = values
	}
	return names
}

func single(values map[string]string) map[string][]string {
	lists := make(map[string][]string, len(values))
	for name, value := range values {
		lists[name] = []string{value}
	}
	return lists
}

// quoteTXT writes a text as character strings of at most 255 bytes (RFC 1035 section 3.3.14).
func quoteTXT(text string) string {
	var b strings.Builder
	for {
		part := text[:min(len(text), 255)]
		text = text[len(part):]
		b.WriteString(`"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(part) + `" `)
		if text == "" {
			return b.String()
		}
	}
}
