package bouncehouse_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/bouncehouse/bouncehouse"

// allowed is the import rule: what a folder may import of this module. The
// stages know the root package and the floors below themselves, never each other.
var allowed = map[string][]string{
	"":                {},
	"ingest":          {""},
	"parse":           {"", "parse/bounce", "parse/said", "parse/values", "parse/charset"},
	"parse/bounce":    {"", "parse/said", "parse/values", "parse/charset"},
	"parse/said":      {"", "parse/values"},
	"parse/values":    {""},
	"parse/charset":   {},
	"parse/parsetest": {"parse/values"},
	"enrich":          {""},
	"explain":         {""},
	"sink":            {"", "schemas"},
	"schemas":         {},
	"engine":          {},
	"query":           {},
	"report":          {"", "schemas", "query"},
	"cmd/bouncehouse": {"", "ingest", "parse", "enrich", "explain", "sink", "schemas", "engine", "query", "report"},
	"test":            {""},
	"test/torture":    {"test"},
}

// libraries are imported in the named folders only.
var libraries = map[string][]string{
	"github.com/nxadm/tail":               {"ingest"},
	"github.com/segmentio/kafka-go":       {"ingest", "sink", "test"},
	"github.com/miekg/dns":                {"enrich", "test"},
	"github.com/ClickHouse/clickhouse-go": {"sink", "query"},
	"github.com/ebitengine/purego":        {"engine"},
}

// TestImports holds the direction of imports: root ← stages ← cmd.
func TestImports(t *testing.T) {
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", "./...").Output()
	if err != nil {
		t.Fatal(err)
	}
	packages := 0
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; packages++ {
		var p struct {
			ImportPath string
			Imports    []string
		}
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		folder := strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")
		may, known := allowed[folder]
		if !known {
			t.Errorf("%s: a folder that the import rule does not know", folder)
			continue
		}
		for _, i := range p.Imports {
			if rest, ours := strings.CutPrefix(i, module); ours &&
				!slices.Contains(may, strings.TrimPrefix(rest, "/")) {
				t.Errorf("%s imports %s; it may import only %q", folder, i, may)
			}
			for lib, folders := range libraries {
				if (i == lib || strings.HasPrefix(i, lib+"/")) && !slices.Contains(folders, folder) {
					t.Errorf("%s imports %s; only %v may", folder, i, folders)
				}
			}
		}
	}
	if packages < len(allowed) {
		t.Errorf("go list named %d packages, the import rule %d", packages, len(allowed))
	}
}
