package engine_test

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/bouncehouse/bouncehouse/engine"
)

var update = flag.Bool("update", false, "write what is new into functions.txt")

// TestFunctions compares functions.txt with the engine's own list, so that a new engine shows its new functions, and
// asks the wall about every name that the engine can call.
func TestFunctions(t *testing.T) {
	_, c := up(t)
	w := open(t, options(c.Endpoint(), engine.Writer))
	text, err := os.ReadFile("functions.txt")
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]byte{}
	for line := range strings.Lines(string(text)) {
		if _, names, ok := strings.Cut(line, ":"); ok && strings.Contains("+-?", line[:1]) {
			for _, n := range strings.Fields(names) {
				listed[n] = line[0]
			}
		}
	}
	names := value[[]string](t, w,
		"SELECT groupArray(name) FROM (SELECT DISTINCT name FROM system.functions ORDER BY name)")
	var fresh []string
	lower := map[string]byte{}
	for _, n := range names {
		d, ok := listed[n]
		if !ok {
			fresh = append(fresh, n)
		}
		if was, ok := lower[strings.ToLower(n)]; ok && was != d {
			t.Errorf("%s is both allowed and refused in another case", n)
		}
		lower[strings.ToLower(n)] = d
		if d == '?' {
			t.Errorf("nobody has looked at %s yet", n)
		}
	}
	if fresh != nil && *update {
		text = fmt.Appendf(text, "? new: %s\n", strings.Join(fresh, " "))
		if err := os.WriteFile("functions.txt", text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if fresh != nil {
		t.Errorf("functions.txt lacks %v: go test ./engine -run TestFunctions -update adds them, to be looked at",
			fresh)
	}
	for n := range listed {
		if !slices.Contains(names, n) {
			t.Logf("this engine has no %s", n)
		}
	}

	// Every function in a call, with a bracket; those that are not allowed also by their bare names, quoted and not.
	// What is let through then fails for its arguments' sake, not the wall's.
	tables := value[[]string](t, w, "SELECT groupArray(name) FROM system.table_functions")
	asTable := "numbers numbers_mt zeros zeros_mt generateSeries generate_series view"
	check := func(query string, refused bool) {
		_, body, _ := post(t, c.Endpoint(), engine.Reader, nil, query)
		if got := strings.Contains(body, "is not for the reader"); got != refused {
			t.Errorf("%s: refused %v, want %v: %.200s", query, got, refused, body)
		}
	}
	for _, n := range names {
		check("SELECT "+n+"(1, ", false == (listed[n] == '+'))
		if listed[n] != '+' {
			check("SELECT arrayMap(`"+n+"`, [1])", true)
			check("SELECT arrayMap("+strings.ToUpper(n)+", [1])", true)
		}
	}
	for _, n := range tables {
		check("SELECT * FROM "+n+"('x', ", !slices.Contains(strings.Fields(asTable), n))
		check("DESCRIBE TABLE "+n+"('x')", !slices.Contains(strings.Fields(asTable), n))
	}
}
