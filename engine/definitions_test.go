package engine

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDefinitions(t *testing.T) {
	data := filepath.Join(t.TempDir(), "[data") // no pattern
	log := slog.New(slog.DiscardHandler)
	put := func(name, text string) {
		t.Helper()
		path := filepath.Join(data, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	all := func() map[string]string {
		files := map[string]string{}
		if err := filepath.WalkDir(data, func(path string, d os.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				var b []byte
				b, err = os.ReadFile(path)
				name, _ := filepath.Rel(data, path)
				files[name] = string(b)
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
		return files
	}
	const table, view, other = "store/3a4/3a43/events.sql", "store/3a4/3a43/claims.sql", "store/3a4/3a43/other.sql"
	const mutation, version, dropped = "store/c47/c475/mutation_3.txt", "store/c47/c475/format_version.txt",
		"metadata_dropped/x.sql"
	put(table, "ATTACH TABLE\nevents\n")
	put(view, "ATTACH VIEW\nclaims\n")
	put(other, "ATTACH TABLE\nother\n")
	put("metadata/bouncehouse.sql", "ATTACH DATABASE\n")
	keep := func() {
		t.Helper()
		if err := keepDefinitions(data); err != nil {
			t.Fatal(err)
		}
	}
	keep()
	put(view, "ATTACH VIEW\nclaims anew\n")
	if err := os.Remove(filepath.Join(data, other)); err != nil {
		t.Fatal(err)
	}
	keep()
	put(view, "")
	keep() // a cut one is kept by nobody
	put(table, "ATTACH TABLE\n")
	put(other, "ATTACH TABLE oth")
	put(mutation, "")
	put(version, "")
	put(dropped, "")
	for range 2 {
		if err := mendDefinitions(data, log); err != nil {
			t.Fatal(err)
		}
		want := map[string]string{
			table: "ATTACH TABLE\nevents\n", view: "ATTACH VIEW\nclaims anew\n",
			"metadata/bouncehouse.sql": "ATTACH DATABASE\n", version: "1",
			"definitions/kept/" + table:                     "ATTACH TABLE\nevents\n",
			"definitions/kept/" + view:                      "ATTACH VIEW\nclaims anew\n",
			"definitions/kept/metadata/bouncehouse.sql":     "ATTACH DATABASE\n",
			"definitions/cut/store_3a4_3a43_other.sql":      "ATTACH TABLE oth",
			"definitions/cut/store_c47_c475_mutation_3.txt": "", "definitions/cut/metadata_dropped_x.sql": "",
		}
		if diff := cmp.Diff(want, all()); diff != "" {
			t.Fatal(diff)
		}
	}
}

// Root follows no link that the owner of the state directory has put in the place of the engine's.
func TestLinkedDir(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("not root")
	}
	state, elsewhere := t.TempDir(), t.TempDir()
	link := filepath.Join(state, "clickhouse")
	if err := os.Symlink(elsewhere, link); err != nil {
		t.Fatal(err)
	}
	if _, err := openDir(state); err != nil {
		t.Errorf("a link of root's own: %v", err)
	}
	if err := os.Lchown(link, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	if _, err := openDir(state); err == nil {
		t.Error("another's link is followed")
	}
}
