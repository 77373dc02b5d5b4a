package enrich

import (
	"slices"
	"testing"
)

// Replies gathered from the sources, the documentation and the help pages of
// mail systems, and from published bounces, for the rules that are nobody's
// dialect. Each batch was labelled and classified before the rules were
// widened for it. The judge's are odd ones on purpose: what administrators
// write into milters and access maps, rather than what most servers say.
func TestHarvestedReplies(t *testing.T) {
	c, err := NewClassifier(Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range []struct {
		name  string
		floor float64
	}{{"generic", 0.97}, {"judge", 0.93}} {
		right := 0
		rows := readLabelled(t, "testdata/harvest-"+h.name+".jsonl")
		for _, r := range rows {
			e := classifyReply(c, r.Reply, "")
			if slices.Contains(r.Class, e.Class) {
				right++
			} else {
				t.Logf("%s: wanted %v, got %s (%s)\n\t%s", h.name, r.Class, e.Class, e.Rule, r.Reply)
			}
		}
		t.Logf("%s: %d of %d right", h.name, right, len(rows))
		if float64(right) < h.floor*float64(len(rows)) {
			t.Errorf("%s: %d of %d right, less than %.0f %%", h.name, right, len(rows), 100*h.floor)
		}
	}
}
