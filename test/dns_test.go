package test_test

import (
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/bouncehouse/bouncehouse/test"
)

func TestDNS(t *testing.T) {
	long := strings.Repeat("v=spf1 ", 200)
	server := test.DNS(t, "127.0.0.1:0", test.Zone{
		A:     map[string][]string{"mx.example.net": {"198.51.100.1", "198.51.100.2"}},
		AAAA:  map[string][]string{"mx.example.net": {"2001:db8::1"}},
		MX:    map[string][]string{"Example.NET.": {"10 mx.example.net", "20 mx2.example.net"}},
		TXT:   map[string][]string{"example.net": {`v=spf1 "x" -all`}, "long.example.net": {long}},
		CNAME: map[string]string{"www.example.net": "mx.example.net"},
		PTR:   map[string][]string{"198.51.100.1": {"mx.example.net"}, "2001:db8::1": {"mx.example.net"}},
	})
	ptr4, _ := dns.ReverseAddr("198.51.100.1")
	ptr6, _ := dns.ReverseAddr("2001:db8::1")
	for _, c := range []struct {
		name  string
		qtype uint16
		rcode int
		want  int // answers
		text  string
	}{
		{"mx.example.net.", dns.TypeA, dns.RcodeSuccess, 2, "198.51.100.1"},
		{"mx.example.net.", dns.TypeAAAA, dns.RcodeSuccess, 1, "2001:db8::1"},
		{"example.net.", dns.TypeMX, dns.RcodeSuccess, 2, "10 mx.example.net."},
		{"EXAMPLE.net.", dns.TypeTXT, dns.RcodeSuccess, 1, `"v=spf1 \"x\" -all"`},
		{"www.example.net.", dns.TypeA, dns.RcodeSuccess, 3, "CNAME\tmx.example.net."},
		{ptr4, dns.TypePTR, dns.RcodeSuccess, 1, "mx.example.net."},
		{ptr6, dns.TypePTR, dns.RcodeSuccess, 1, "mx.example.net."},
		{"mx.example.net.", dns.TypeMX, dns.RcodeSuccess, 0, ""},
		{"net.", dns.TypeA, dns.RcodeSuccess, 0, ""}, // there are names below it
		{"other.example.", dns.TypeA, dns.RcodeNameError, 0, ""},
	} {
		answer := ask(t, "udp", server.Addr(), c.name, c.qtype)
		if answer.Rcode != c.rcode || len(answer.Answer) != c.want {
			t.Errorf("%s %s: %s with %d answers, want %s with %d", c.name, dns.TypeToString[c.qtype],
				dns.RcodeToString[answer.Rcode], len(answer.Answer), dns.RcodeToString[c.rcode], c.want)
		} else if c.want > 0 && !strings.Contains(answer.Answer[0].String(), c.text) {
			t.Errorf("%s: %s, want %s", c.name, answer.Answer[0], c.text)
		}
		if c.want == 0 && len(answer.Ns) != 1 {
			t.Errorf("%s: a negative answer without its SOA", c.name)
		}
	}
	if answer := ask(t, "udp", server.Addr(), "long.example.net.", dns.TypeTXT); !answer.Truncated {
		t.Error("an answer of 1400 bytes fits into 512")
	}
	answer := ask(t, "tcp", server.Addr(), "long.example.net.", dns.TypeTXT)
	if len(answer.Answer) != 1 || strings.Join(answer.Answer[0].(*dns.TXT).Txt, "") != long {
		t.Errorf("the long TXT came over TCP as %v", answer.Answer)
	}
	if got := server.Count("mx.EXAMPLE.net", dns.TypeA); got != 1 {
		t.Errorf("counted %d questions for mx.example.net A, want 1", got)
	}
	if got := server.Count("mx.example.net", dns.TypeANY); got != 3 {
		t.Errorf("counted %d questions for mx.example.net, want 3", got)
	}
	if got := server.Queries(); got != 12 {
		t.Errorf("counted %d questions in all, want 12", got)
	}
}

func TestDNSFaults(t *testing.T) {
	server := test.DNS(t, "127.0.0.1:0", test.Zone{A: map[string][]string{"a.example.net": {"198.51.100.1"}}})
	server.Fault("example.net", test.Fault{Rcode: dns.RcodeServerFailure})
	if got := ask(t, "udp", server.Addr(), "a.example.net.", dns.TypeA).Rcode; got != dns.RcodeServerFailure {
		t.Errorf("got %s, want SERVFAIL", dns.RcodeToString[got])
	}
	server.Fault("example.net", test.Fault{Drop: true})
	client := &dns.Client{Timeout: 50 * time.Millisecond}
	req := new(dns.Msg).SetQuestion("a.example.net.", dns.TypeA)
	if answer, _, err := client.Exchange(req, server.Addr()); err == nil {
		t.Errorf("a dropped question got %v", answer)
	}
	server.Fault("example.net", test.Fault{Delay: 50 * time.Millisecond})
	began := time.Now()
	if got := ask(t, "udp", server.Addr(), "a.example.net.", dns.TypeA); len(got.Answer) != 1 ||
		time.Since(began) < 50*time.Millisecond {
		t.Errorf("a delayed answer came after %v with %d records", time.Since(began), len(got.Answer))
	}
	server.Fault("example.net", test.Fault{})
	server.Remove("a.example.net")
	if got := ask(t, "udp", server.Addr(), "a.example.net.", dns.TypeA).Rcode; got != dns.RcodeNameError {
		t.Errorf("got %s for a removed name, want NXDOMAIN", dns.RcodeToString[got])
	}
	server.Add(test.Zone{A: map[string][]string{"a.example.net": {"127.0.0.2"}}})
	if got := ask(t, "udp", server.Addr(), "a.example.net.", dns.TypeA); len(got.Answer) != 1 {
		t.Errorf("a name put back has %d records", len(got.Answer))
	}
}

func ask(t *testing.T, network, addr, name string, qtype uint16) *dns.Msg {
	t.Helper()
	client := &dns.Client{Net: network, Timeout: 5 * time.Second}
	answer, _, err := client.Exchange(new(dns.Msg).SetQuestion(name, qtype), addr)
	if err != nil {
		t.Fatalf("ask for %s: %v", name, err)
	}
	return answer
}
