package enrich

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// Resolver asks a recursive resolver. It is the only way to the network in
// this package.
type Resolver interface {
	// Lookup asks for the A, AAAA or PTR records of name. A name that does
	// not exist, or has no such record, is an empty Answer and no error. An
	// error wraps ErrServerFailure where a server answered, but not the
	// question; any other error means that no server answered.
	Lookup(ctx context.Context, name string, t RecordType) (Answer, error)
}

// RecordType is what to ask for.
type RecordType uint16

// The record types that are asked for.
const (
	A    = RecordType(dns.TypeA)
	AAAA = RecordType(dns.TypeAAAA)
	PTR  = RecordType(dns.TypePTR)
)

// Answer is what the records say.
type Answer struct {
	Addrs []netip.Addr  // of A and AAAA
	Names []string      // of PTR, without the final point
	TTL   time.Duration // the least of the records'; of an empty answer as RFC 2308 says; 0 where none is told
}

// ErrServerFailure tells that a server answered SERVFAIL, REFUSED or the
// like: the truth is unknown, the resolver is there.
var ErrServerFailure = errors.New("server failure")

// client asks servers in turn over UDP, and over TCP where the answer is cut.
// It keeps no state: servers that fail are the caller's to avoid.
type client struct {
	servers []string
	timeout time.Duration // of one try
}

// udpSize is what we take over UDP without fragments (DNS flag day 2020).
const udpSize = 1232

// maxRecords bounds what is read of one answer.
const maxRecords = 64

// newClient takes host or host:port; with none it reads /etc/resolv.conf,
// and where that names none it asks the local host, as the C library does.
func newClient(servers []string, timeout time.Duration) (*client, error) {
	if len(servers) == 0 {
		if c, err := dns.ClientConfigFromFile("/etc/resolv.conf"); err == nil {
			for _, s := range c.Servers {
				servers = append(servers, net.JoinHostPort(s, c.Port))
			}
		}
		if len(servers) == 0 {
			servers = []string{"127.0.0.1:53"}
		}
	}
	c := &client{timeout: timeout}
	for _, s := range servers {
		if _, err := netip.ParseAddr(s); err == nil {
			s = net.JoinHostPort(s, "53")
		} else if _, _, err := net.SplitHostPort(s); err != nil {
			return nil, fmt.Errorf("resolver %q: want an IP address or address:port", s)
		}
		c.servers = append(c.servers, s)
	}
	return c, nil
}

// tries is how often a question is put, to the servers in turn.
const tries = 2

func (c *client) Lookup(ctx context.Context, name string, t RecordType) (Answer, error) {
	var last error
	for i := range max(tries, len(c.servers)) {
		if err := ctx.Err(); err != nil {
			return Answer{}, err
		}
		r, err := c.ask(ctx, c.servers[i%len(c.servers)], name, uint16(t))
		if err != nil {
			if last == nil || !errors.Is(last, ErrServerFailure) {
				last = err
			}
			continue
		}
		return read(r, uint16(t)), nil
	}
	return Answer{}, last
}

// ask puts one question to one server.
func (c *client) ask(ctx context.Context, server, name string, t uint16) (*dns.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	q := new(dns.Msg).SetQuestion(dns.Fqdn(name), t)
	q.SetEdns0(udpSize, false)
	r, err := exchange(ctx, "udp", server, q)
	if err == nil && r.Rcode == dns.RcodeFormatError {
		q.Extra = nil // a server that does not know EDNS (RFC 6891 section 7)
		r, err = exchange(ctx, "udp", server, q)
	}
	if err == nil && r.Truncated {
		r, err = exchange(ctx, "tcp", server, q)
	}
	if err != nil {
		return nil, err
	}
	if r.Rcode != dns.RcodeSuccess && r.Rcode != dns.RcodeNameError {
		return nil, fmt.Errorf("%w: %s", ErrServerFailure, dns.RcodeToString[r.Rcode])
	}
	return r, nil
}

func exchange(ctx context.Context, network, server string, q *dns.Msg) (*dns.Msg, error) {
	deadline, _ := ctx.Deadline()
	c := dns.Client{Net: network, UDPSize: udpSize, Timeout: time.Until(deadline)}
	r, _, err := c.ExchangeContext(ctx, q, server)
	if err != nil {
		return nil, err
	}
	// The id alone is 16 bits: what answers another question is no answer.
	if len(r.Question) != 1 || r.Question[0].Qtype != q.Question[0].Qtype ||
		!strings.EqualFold(r.Question[0].Name, q.Question[0].Name) {
		return nil, errors.New("answer to another question")
	}
	return r, nil
}

// read takes what was asked for out of r. Records behind a CNAME (RFC 2317
// delegates PTRs so) stand in the same answer.
func read(r *dns.Msg, t uint16) Answer {
	var a Answer
	least := func(seconds uint32) {
		if ttl := time.Duration(seconds) * time.Second; a.TTL == 0 || ttl < a.TTL {
			a.TTL = max(ttl, time.Second)
		}
	}
	for i, rr := range r.Answer {
		if i == maxRecords {
			break
		}
		switch rr := rr.(type) {
		case *dns.A:
			if ip, ok := netip.AddrFromSlice(rr.A); ok && t == dns.TypeA {
				a.Addrs = append(a.Addrs, ip.Unmap())
			}
		case *dns.AAAA:
			if ip, ok := netip.AddrFromSlice(rr.AAAA); ok && t == dns.TypeAAAA {
				a.Addrs = append(a.Addrs, ip)
			}
		case *dns.PTR:
			if t == dns.TypePTR {
				a.Names = append(a.Names, strings.TrimSuffix(rr.Ptr, "."))
			}
		}
		least(rr.Header().Ttl)
	}
	if len(a.Addrs) == 0 && len(a.Names) == 0 {
		for _, rr := range r.Ns {
			if soa, ok := rr.(*dns.SOA); ok {
				least(min(soa.Hdr.Ttl, soa.Minttl)) // RFC 2308 section 5
			}
		}
	}
	return a
}
