package enrich

import (
	"slices"
	"testing"

	"github.com/bouncehouse/bouncehouse"
)

// Replies gathered from providers' pages, vendors' knowledge bases and
// published bounces, for the rules that are a provider's dialect. Each batch
// was labelled before the classifier saw it, and classified before the rules
// were widened for it. A provider is as the host of a log would tell; the rows
// of server software have a name there that is no provider's.
func TestHarvestedProviders(t *testing.T) {
	c, err := NewClassifier(Options{})
	if err != nil {
		t.Fatal(err)
	}
	known := map[bouncehouse.Provider]bool{}
	for _, k := range Providers() {
		known[bouncehouse.Provider(k.ID)] = true
	}
	rows := readLabelled(t, "testdata/harvest-providers.jsonl")
	right, named, ofProvider := 0, 0, 0
	for _, r := range rows {
		provider := r.Provider
		if !known[provider] {
			provider = ""
		}
		if e := classifyReply(c, r.Reply, provider); slices.Contains(r.Class, e.Class) {
			right++
		} else {
			t.Logf("wanted %v, got %s (%s) %q\n\t%s", r.Class, e.Class, e.Rule, provider, r.Reply)
		}
		// The words alone name the provider, or none; never another one.
		if provider == "" {
			continue
		}
		ofProvider++
		switch e := classifyReply(c, r.Reply, ""); e.Provider {
		case provider:
			named++
		case "":
		default:
			t.Errorf("%q speaks, not %q\n\t%s", provider, e.Provider, r.Reply)
		}
	}
	t.Logf("%d of %d right; %d of %d name their provider without a host", right, len(rows), named, ofProvider)
	if float64(right) < 0.97*float64(len(rows)) {
		t.Errorf("%d of %d right, less than 97 %%", right, len(rows))
	}
}
