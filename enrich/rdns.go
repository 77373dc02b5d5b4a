package enrich

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"time"

	"github.com/bouncehouse/bouncehouse"
)

// rdns finds the address's name and whether the name has the address.
func (d *DNS) rdns(ctx context.Context, ip netip.Addr,
	reverse string) (name string, status bouncehouse.RDNSStatus, ttl time.Duration) {
	arpa, forward := ".in-addr.arpa", A
	if !ip.Is4() {
		arpa, forward = ".ip6.arpa", AAAA
	}
	ptr, err := d.ask(ctx, reverse+arpa, PTR)
	if err != nil {
		return "", failed(err), 0
	}
	if len(ptr.Names) == 0 {
		return "", bouncehouse.RDNSNone, ptr.TTL
	}
	ttl, status = ptr.TTL, bouncehouse.RDNSMismatch
	for i, n := range ptr.Names {
		if i == maxPTRNames {
			break
		}
		n = strings.ToLower(n)
		if name == "" {
			name = bouncehouse.Clean(n, bouncehouse.MaxField)
		}
		a, err := d.ask(ctx, n, forward)
		if err != nil {
			status, ttl = failed(err), 0
			continue
		}
		ttl = min(ttl, a.TTL)
		for _, have := range a.Addrs {
			if have == ip {
				return bouncehouse.Clean(n, bouncehouse.MaxField), bouncehouse.RDNSOK, ttl
			}
		}
	}
	return name, status, ttl
}

// failed tells a server's failure from silence.
func failed(err error) bouncehouse.RDNSStatus {
	if errors.Is(err, ErrServerFailure) {
		return bouncehouse.RDNSError
	}
	return bouncehouse.RDNSUnknown
}

// errPaused is what is told while the resolver is left alone.
var errPaused = errors.New("resolver is left alone after failures")

// ask puts one question when a slot is free. After pauseAfter questions in a
// row without an answer the resolver is left alone for pauseFor.
func (d *DNS) ask(ctx context.Context, name string, t RecordType) (Answer, error) {
	select {
	case d.slots <- struct{}{}:
		defer func() { <-d.slots }()
	case <-ctx.Done():
		return Answer{}, ctx.Err()
	}
	d.mu.Lock()
	paused := d.now().Before(d.paused)
	d.mu.Unlock()
	if paused {
		return Answer{}, errPaused
	}
	a, err := d.resolver.Lookup(ctx, name, t)
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case err == nil || errors.Is(err, ErrServerFailure):
		d.fails, d.silent = 0, false
	case d.ctx.Err() == nil:
		if d.fails++; d.fails >= pauseAfter {
			d.fails, d.paused = 0, d.now().Add(pauseFor)
			if !d.silent {
				d.silent = true
				d.log.Warn("no resolver answers; events go on without DNS", "error", err)
			}
		}
	}
	return a, err
}
