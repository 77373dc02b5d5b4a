package enrich

import (
	"bufio"
	"crypto/sha256"
	"encoding/json"
	"maps"
	"os"
	"slices"
	"testing"

	"github.com/bouncehouse/bouncehouse"
)

type labelled struct {
	Reply    string
	Code     uint16
	Enhanced string
	Provider bouncehouse.Provider
	Class    []bouncehouse.Class
	Origin   string // the page, source or corpus that it was taken from
}

func readLabelled(t testing.TB, name string) []labelled {
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var rows []labelled
	s := bufio.NewScanner(f)
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		var r labelled
		if err := json.Unmarshal(s.Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		rows = append(rows, r)
	}
	if err := s.Err(); err != nil {
		t.Fatal(err)
	}
	return rows
}

// The labelled replies. Rules are written without a look at a fifth of their
// origins: one page says a thing in several ways, so that by reply it would stand
// on both sides. The first rules were written when the fifth was one by reply: of what
// is held out now, only what was held out then as well was never read.
func TestLabelledReplies(t *testing.T) {
	c, err := NewClassifier(Options{})
	if err != nil {
		t.Fatal(err)
	}
	fifth := func(s string) bool { return sha256.Sum256([]byte(s))[0]%5 == 0 }
	var right, all, rightUnread, unread [2]int
	otherEnhanced := 0
	confused := map[string]int{} // of the part that stays unread
	for _, r := range readLabelled(t, "testdata/replies.jsonl") {
		code := bouncehouse.ParseReply(r.Reply).Code
		e := classifyReply(c, r.Reply, "")
		part := 0
		if fifth(r.Origin) {
			part = 1
		}
		never := fifth(r.Reply)
		all[part]++
		if never {
			unread[part]++
		}
		if slices.Contains(r.Class, e.Class) {
			right[part]++
			if never {
				rightUnread[part]++
			}
		} else if part == 1 || never {
			confused[string(r.Class[0])+" -> "+string(e.Class)+" by "+e.Rule]++
		} else {
			t.Logf("wanted %v, got %s (%s) %q\n\t%s", r.Class, e.Class, e.Rule, r.Provider, r.Reply)
		}
		if code != r.Code {
			t.Errorf("%q: code %d, labelled %d", r.Reply, code, r.Code)
		}
		if e.EnhancedCode != r.Enhanced && quotedCode(e.Template) != r.Enhanced {
			otherEnhanced++
		}
	}
	t.Logf("enhanced code other than labelled: %d", otherEnhanced)
	for _, k := range slices.Sorted(maps.Keys(confused)) {
		t.Logf("held out: %d %s", confused[k], k)
	}
	for i, name := range []string{"origins that rules are written by", "origins held out"} {
		t.Logf("%s: %d of %d right, %.1f %%; of them never read: %d of %d, %.1f %%", name, right[i], all[i],
			100*float64(right[i])/float64(all[i]),
			rightUnread[i], unread[i], 100*float64(rightUnread[i])/float64(unread[i]))
	}
	if got := float64(right[0]+right[1]) / float64(all[0]+all[1]); got < 0.965 {
		t.Errorf("%.1f %% right overall, less than 96.5 %%", 100*got)
	}
}
