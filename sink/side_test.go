package sink

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bouncehouse/bouncehouse"
	"github.com/bouncehouse/bouncehouse/schemas"
)

// Rows from before the side of a provider was stored tell it by their host, those after it as they were stored.
func TestProviderSideUpgrade(t *testing.T) {
	s := startEngine(t)
	c := s.open(t)
	ms, err := schemas.Migrations("")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range ms[:12] {
		if err := c.apply(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	hosts := map[string]string{"": "", "mx.example.net": "", "ALT1.aspmx.l.google.com.": "business",
		"notaspmx.l.google.com":        "",
		"mx-biz.mail.am0.yahoodns.net": "business", "mta5.am0.yahoodns.net": "consumer"}
	for host := range hosts {
		if err := c.conn.Exec(t.Context(),
			fmt.Sprintf(`INSERT INTO bouncehouse.events (stream, file_id, offset, time, direction, remote_host)
VALUES ('s', 'f', 0, '2026-11-05 12:00:00', 'outbound', '%s'), ('s', 'f', 1, '2026-11-05 12:00:00', 'inbound', '%s')`, host, host)); err != nil {
			t.Fatal(err)
		}
	}
	sides := func(where string) map[string]string {
		return value[map[string]string](t, c,
			"SELECT mapFromArrays(groupArray(remote_host), groupArray(toString(provider_side))) FROM bouncehouse.events WHERE "+where)
	}
	check := func(when string) {
		t.Helper()
		if diff := cmp.Diff(hosts, sides("offset = 0")); diff != "" {
			t.Errorf("%s (-want +got): %s", when, diff)
		}
		if n := value[uint64](t, c,
			"SELECT count() FROM bouncehouse.events WHERE offset = 1 AND provider_side != ''"); n != 0 {
			t.Errorf("%s: %d clients of ours have a side", when, n)
		}
	}
	check("before")
	for range 2 { // interrupted before it was recorded, it is run again
		if err := c.apply(t.Context(), ms[12]); err != nil {
			t.Fatal(err)
		}
		check("after")
	}
	e := attempt(7, noon)
	e.RemoteHost, e.ProviderSide, e.RulesVersion = "aspmx.l.google.com", "consumer", "01234567"
	other := attempt(8, noon)
	other.RemoteHost = "smtp.google.com"
	write(t, c, bouncehouse.Batch{ID: "sides"}, &bouncehouse.Result{Events: []bouncehouse.Event{e, other}})
	if err := c.conn.Exec(t.Context(), "OPTIMIZE TABLE bouncehouse.events FINAL"); err != nil {
		t.Fatal(err)
	}
	check("after a merge")
	if diff := cmp.Diff(map[string]string{"aspmx.l.google.com": "consumer", "smtp.google.com": ""},
		sides("offset >= 7")); diff != "" {
		t.Errorf("as they were stored (-want +got): %s", diff)
	}
	if v := value[string](t, c, "SELECT any(rules_version) FROM bouncehouse.events WHERE offset = 7"); v != "01234567" {
		t.Errorf("rules_version %q", v)
	}
}
