package bouncehouse

import (
	"strings"
	"testing"
	"unicode"
)

// The short way of acts is Unicode's tables' answer.
func TestActsAsTabled(t *testing.T) {
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if acts(r) != tabled(r) {
			t.Fatalf("%U: %v", r, acts(r))
		}
	}
}

// A long plain text is cut where it stands.
func TestCleanCuts(t *testing.T) {
	long := strings.Repeat("550 no ", MaxText)
	if got := Clean(long, MaxText); got != long[:MaxText] {
		t.Errorf("%d bytes", len(got))
	}
	if n := testing.AllocsPerRun(10, func() { Clean(long, MaxText) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
