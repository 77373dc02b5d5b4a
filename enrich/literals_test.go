package enrich

import (
	"slices"
	"strings"
	"testing"

	"github.com/bouncehouse/bouncehouse"
)

// containsWord is what literals does, one literal at a time.
func containsWord(text, literal string) bool {
	head, tail := false, false
	if len(literal) > 1 && literal[0] == '_' {
		head, literal = true, literal[1:]
	}
	if n := len(literal); n > 1 && literal[n-1] == '_' {
		tail, literal = true, literal[:n-1]
	}
	text = asciiLower(text)
	for at := 0; ; at++ {
		n := strings.Index(text[at:], literal)
		if n < 0 {
			return false
		}
		at += n
		end := at + len(literal)
		if (!head || at == 0 || !alnum(text[at-1]) && text[at-1] != '<') &&
			(!tail || end == len(text) || !alnum(text[end])) {
			return true
		}
	}
}

func asciiLower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

func TestLiteralsFindsWhatIsThere(t *testing.T) {
	v := &vocabulary{ids: map[string]int32{}}
	if _, err := newMatcher(Rules(), 0, v); err != nil {
		t.Fatal(err)
	}
	for _, w := range []string{"he", "_she_", "hers", "his", "_h", "h_", "longerthaneight", "longerthanfifteen",
		"_longerthan_"} {
		v.id(w)
	}
	a, err := newLiterals(v.literals, examples(Rules()))
	if err != nil {
		t.Fatal(err)
	}
	texts := []string{"", "h", "USHERS", "she", "ashe she", "longerthaneigh", "LongerThanEight", "longerthan", "<she>",
		"longerthaneightlongerthanfifteen"}
	for _, r := range readLabelled(t, "testdata/replies.jsonl") {
		texts = append(texts, bouncehouse.Clean(r.Reply, bouncehouse.MaxText))
	}
	for _, text := range texts {
		var set wordSet
		got, _ := a.find(text, nil, &set, nil)
		var want []int32
		for i, w := range v.literals {
			if containsWord(text, w) {
				want = append(want, int32(i))
			}
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%q: found %d literals, there are %d", text, len(got), len(want))
		}
	}
}
