package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bouncehouse/bouncehouse/enrich"
)

// Whatever stands in a rules file: an error that names the file, soon.
func TestHostileRulesFiles(t *testing.T) {
	for name, tt := range map[string]struct{ file, want string }{
		"aliases": {"rules:\n  - &r {name: a, class: policy, code: '5'}\n" + strings.Repeat("  - *r\n", maxRules),
			"10001 rules"},
		"nested":        {"a: &a [x,x]\nb: &b [*a,*a]\nrules: *b\n", "line 1: "},
		"too long":      {strings.Repeat("# ten megabytes\n", 10<<20/16), "more than 4 MB"},
		"deep":          {"rules: " + strings.Repeat("[", 100_000), "depth"},
		"wrong types":   {"rules:\n  - name: [a]\n    all: foo\n", "line 3: "},
		"a key twice":   {"rules:\n  - name: a\n    name: b\n", "line 3: "},
		"a list":        {"- a\n", "line 1: "},
		"two documents": {"rules: []\n---\nrules: []\n", "single document"},
		"zeros":         {"\x00\x01", "control characters"},
		"itself":        {"rules: &r\n  - *r\n", "line 1: "},
	} {
		path := filepath.Join(t.TempDir(), "rules.yaml")
		if err := os.WriteFile(path, []byte(tt.file), 0o600); err != nil {
			t.Fatal(err)
		}
		err := loadRules(path, &enrich.Options{})
		if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "rules.yaml") {
			t.Errorf("%s: error %v, want one with the file's name and %q", name, err, tt.want)
		}
		if err != nil && len(err.Error()) > 2000 {
			t.Errorf("%s: an error of %d bytes", name, len(err.Error()))
		}
	}
}
