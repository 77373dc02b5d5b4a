package schemas_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bouncehouse/bouncehouse/enrich"
	"github.com/bouncehouse/bouncehouse/schemas"
)

// TestProviderSide holds the suffixes of the column provider_side equal to
// those of the table of providers.
func TestProviderSide(t *testing.T) {
	ms, err := schemas.Migrations("")
	if err != nil {
		t.Fatal(err)
	}
	var last string
	for _, m := range ms {
		for _, s := range m.Statements {
			if strings.Contains(s, "provider_side") && strings.Contains(s, " ALIAS ") {
				last = s
			}
		}
	}
	lists := regexp.MustCompile(`(?s)concat\((.*?)\)\), '(business|consumer)'`).FindAllStringSubmatch(last, -1)
	if len(lists) != 2 || lists[0][2] != enrich.Business || lists[1][2] != enrich.Consumer {
		t.Fatalf("no lists of both sides, business first, in\n%s", last)
	}
	var want [2][]string
	for _, k := range enrich.Providers() {
		want[0] = append(want[0], k.Business...)
		want[1] = append(want[1], k.Consumer...)
	}
	for i, list := range lists {
		pattern := strings.Join(regexp.MustCompile(`',\s*'`).Split(list[1], -1), "")
		pattern = strings.TrimSuffix(strings.TrimPrefix(pattern, "'(?i)(^|[.])("), ")[.]?$'")
		got := strings.Split(strings.ReplaceAll(pattern, "[.]", "."), "|")
		slices.Sort(got)
		slices.Sort(want[i])
		if diff := cmp.Diff(want[i], got); diff != "" {
			t.Errorf("%s (-providers +column); write a migration that modifies the column:\n%s", list[2], diff)
		}
	}
}
