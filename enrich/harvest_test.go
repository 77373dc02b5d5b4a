package enrich

import (
	"slices"
	"testing"
)

// Replies gathered from the sources, the documentation and the help pages of
// mail systems, and from published bounces, for the rules that are nobody's
// dialect. Each batch was labelled and classified before the rules were
// widened for it.
func TestHarvestedReplies(t *testing.T) {
	c, err := NewClassifier(Options{})
	if err != nil {
		t.Fatal(err)
	}
	right := 0
	rows := readLabelled(t, "testdata/harvest-generic.jsonl")
	for _, r := range rows {
		e := classifyReply(c, r.Reply, "")
		if slices.Contains(r.Class, e.Class) {
			right++
		} else {
			t.Logf("wanted %v, got %s (%s)\n\t%s", r.Class, e.Class, e.Rule, r.Reply)
		}
	}
	t.Logf("%d of %d right", right, len(rows))
	if float64(right) < 0.97*float64(len(rows)) {
		t.Errorf("%d of %d right, less than 97 %%", right, len(rows))
	}
}
