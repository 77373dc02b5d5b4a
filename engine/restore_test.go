package engine_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/bouncehouse/bouncehouse/engine"
)

// TestRestoreCut: a restore that ends between any two of its steps is gone on with, by whoever has the directory next.
func TestRestoreCut(t *testing.T) {
	from := t.TempDir()
	files := []string{"positions/files.ledger", "mails/done", "clickhouse/version", "clickhouse/data/store/a"}
	write := func(path, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range files {
		write(filepath.Join(from, name), name)
	}
	var backup bytes.Buffer
	if err := engine.Backup(from, &backup, "positions", "mails"); err != nil {
		t.Fatal(err)
	}
	parts := map[string]string{"positions": "state/positions", "mails": "state/mails", "clickhouse/version": "version",
		"clickhouse/data": "data"}
	for done := range 1 << len(parts) { // those that are in their places
		into := t.TempDir()
		if whole, err := engine.Restore(into, bytes.NewReader(backup.Bytes()), "positions",
			"mails"); err != nil || !whole {
			t.Fatal(whole, err)
		}
		restoring, i := filepath.Join(into, "clickhouse", "restoring"), 0
		if err := os.MkdirAll(filepath.Join(restoring, "state"), 0o700); err != nil {
			t.Fatal(err)
		}
		for place, part := range parts {
			if done>>i&1 == 0 {
				if err := os.Rename(filepath.Join(into, place), filepath.Join(restoring, part)); err != nil {
					t.Fatal(err)
				}
			}
			i++
		}
		write(filepath.Join(into, "clickhouse", "unpacked-1", "data", "half"), "")
		if err := engine.FinishRestore(into); err != nil {
			t.Fatal(err)
		}
		for _, name := range files {
			if b, err := os.ReadFile(filepath.Join(into, name)); err != nil || string(b) != name {
				t.Errorf("%b: %s: %q, %v", done, name, b, err)
			}
		}
		if _, err := os.Lstat(restoring); !os.IsNotExist(err) {
			t.Errorf("%b: restoring is there: %v", done, err)
		}
	}
}
