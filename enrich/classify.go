// Package enrich adds to events what they do not say themselves: why
// (class), who (provider), whose reputation is at stake (subject IP), and
// what DNS says of it. Only dns.go does I/O.
package enrich

import (
	"context"
	"net/netip"

	"github.com/bouncehouse/bouncehouse"
)

// Options of the classifier.
type Options struct {
	Egress []netip.Addr // our own sending addresses, where they are configured
}

// Classifier fills Class, Rule, Provider, ProviderCode, Template, CitedIP,
// DNSBL, URLs and SubjectIP. It is safe for concurrent use.
type Classifier struct {
	providers *providerTable
	egress    map[netip.Addr]bool
	only      netip.Addr // the egress address where there is exactly one
}

var _ bouncehouse.Enricher = (*Classifier)(nil)

// NewClassifier compiles the rules. An error is a fault in the rules.
func NewClassifier(opt Options) (*Classifier, error) {
	c := &Classifier{providers: newProviderTable(Providers()), egress: map[netip.Addr]bool{}}
	for _, a := range opt.Egress {
		c.egress[a.Unmap()] = true
		c.only = a.Unmap()
	}
	return c, nil
}

// Enrich fills the fields of each event that are still empty.
func (c *Classifier) Enrich(ctx context.Context, events []bouncehouse.Event) error {
	for i := range events {
		e := &events[i]
		if e.Provider == "" && e.Direction != bouncehouse.Inbound {
			e.Provider = c.providers.byHost(e.RemoteHost)
			if e.Provider == "" {
				e.Provider = c.providers.byAddress(e.Recipient)
			}
		}
		if e.Class == "" {
			e.Class = bouncehouse.Undetermined
		}
		if !e.SubjectIP.IsValid() {
			e.SubjectIP = c.subjectIP(e)
		}
	}
	return nil
}
