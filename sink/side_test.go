package sink

import (
	"testing"

	"github.com/bouncehouse/bouncehouse"
	"github.com/bouncehouse/bouncehouse/enrich"
)

// The column provider_side says of a host what the table of providers says.
func TestProviderSide(t *testing.T) {
	_, c := store(t)
	hosts := []string{"", "mx.example.net", "ALT1.aspmx.l.google.com.", "notaspmx.l.google.com", "mx-biz.mail.am0.yahoodns.net", "mta5.am0.yahoodns.net", "google.com"}
	for _, k := range enrich.Providers() {
		for _, s := range append(append([]string{}, k.Consumer...), k.Business...) {
			hosts = append(hosts, s, "mx."+s)
		}
	}
	var events []bouncehouse.Event
	for i, h := range hosts {
		e := attempt(int64(i), noon)
		e.RemoteHost = h
		events = append(events, e)
	}
	inbound := attempt(int64(len(hosts)), noon)
	inbound.RemoteHost, inbound.Direction = "aspmx.l.google.com", bouncehouse.Inbound
	write(t, c, bouncehouse.Batch{ID: "sides"}, &bouncehouse.Result{Events: append(events, inbound)})

	got := value[[]string](t, c, "SELECT groupArray(provider_side) FROM (SELECT provider_side FROM bouncehouse.events ORDER BY offset)")
	if len(got) != len(hosts)+1 {
		t.Fatalf("%d rows, want %d", len(got), len(hosts)+1)
	}
	for i, h := range hosts {
		if want := enrich.Side(h); got[i] != want {
			t.Errorf("%q: %q, want %q", h, got[i], want)
		}
	}
	if s := got[len(hosts)]; s != "" {
		t.Errorf("a client of ours has the side %q", s)
	}
}
