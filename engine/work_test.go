package engine_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/bouncehouse/bouncehouse/engine"
)

// TestWorkBehindWalls does what a store of events does over the years, behind the walls of this kernel and of the
// oldest that is good enough: insert, merge, mutate, move parts, restart, back up and restore.
func TestWorkBehindWalls(t *testing.T) {
	for _, abi := range []string{"", "2"} {
		t.Run("Landlock "+abi, func(t *testing.T) {
			start := func(dir string) *engine.Child {
				if abi == "" {
					return upIn(t, dir)
				}
				return upAs(t, dir, "kernel", abi)
			}
			dir := t.TempDir()
			c := start(dir)
			w := open(t, options(c.Endpoint(), engine.Writer))
			exec1(t, w, "CREATE DATABASE bouncehouse")
			exec1(t, w, every)
			exec1(t, w, "CREATE TABLE bouncehouse.other AS bouncehouse.every")
			for i := range 5 {
				insert(t, w, "bouncehouse.every", makeRow(2*i), makeRow(2*i+1))
			}
			for _, q := range []string{
				"OPTIMIZE TABLE bouncehouse.every FINAL",
				"ALTER TABLE bouncehouse.every DELETE WHERE id = 9 SETTINGS mutations_sync = 2",
				"ALTER TABLE bouncehouse.every UPDATE u8 = 1 WHERE id = 8 SETTINGS mutations_sync = 2",
				"ALTER TABLE bouncehouse.every ADD COLUMN later String DEFAULT 'x'",
				"ALTER TABLE bouncehouse.other ADD COLUMN later String DEFAULT 'x'",
				"ALTER TABLE bouncehouse.other REPLACE PARTITION 202311 FROM bouncehouse.every",
				"ALTER TABLE bouncehouse.other DETACH PARTITION 202311",
				"ALTER TABLE bouncehouse.other ATTACH PARTITION 202311",
				"ALTER TABLE bouncehouse.every FREEZE",
				"RENAME TABLE bouncehouse.other TO bouncehouse.moved",
				"INSERT INTO bouncehouse.moved SELECT * FROM bouncehouse.every",
			} {
				exec1(t, w, q)
			}
			sum := "SELECT toString((SELECT sum(id) FROM bouncehouse.every)) || ' ' || toString((SELECT sum(id) FROM bouncehouse.moved))"
			if got := value[string](t, w, sum); got != "36 72" {
				t.Errorf("sums %s", got)
			}
			if err := c.Close(); err != nil {
				t.Fatal(err)
			}
			// A broken part is put aside at the start.
			parts, err := filepath.Glob(filepath.Join(engine.Dir(dir), "data", "store", "*", "*", "202311_*",
				"columns.txt"))
			if err != nil || len(parts) == 0 {
				t.Fatal(parts, err)
			}
			var backup bytes.Buffer
			if err := engine.Backup(dir, &backup); err != nil {
				t.Fatal(err)
			}
			c = start(dir)
			if got := value[string](t, open(t, options(c.Endpoint(), engine.Reader)), sum); got != "36 72" {
				t.Errorf("after a restart: %s", got)
			}
			into := t.TempDir()
			if _, err := engine.Restore(into, &backup); err != nil {
				t.Fatal(err)
			}
			c = start(into)
			w = open(t, options(c.Endpoint(), engine.Writer))
			insert(t, w, "bouncehouse.every", makeRow(10))
			if got := value[string](t, w, sum); got != "46 72" {
				t.Errorf("after restore and insert: %s", got)
			}
		})
	}
}

// TestAccount: started by root, the engine runs as a user of its own where the data is this user's.
func TestAccount(t *testing.T) {
	library(t)
	nobody, err := user.Lookup("nobody")
	if os.Geteuid() != 0 || err != nil {
		t.Skip("only root can start the engine as another user, here as nobody")
	}
	uid, _ := strconv.Atoi(nobody.Uid)
	base, err := os.MkdirTemp("", "engine") // below no directory that is closed to nobody
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(base) })
	if err := os.Chmod(base, 0o755); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(base, "state")
	for range 2 { // it is made, and it is there
		c := upAs(t, dir, "account", "nobody")
		w := open(t, options(c.Endpoint(), engine.Writer))
		exec1(t, w, "CREATE DATABASE IF NOT EXISTS bouncehouse")
		exec1(t, w, "CREATE TABLE IF NOT EXISTS bouncehouse.t (k UInt64) ENGINE = MergeTree ORDER BY k")
		exec1(t, w, "INSERT INTO bouncehouse.t VALUES (1)")
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid(t, dir)))
		if err != nil {
			t.Fatal(err)
		}
		if want := fmt.Sprintf("Uid:\t%d\t%d\t%d\t%d\n", uid, uid, uid, uid); !strings.Contains(string(status), want) ||
			!strings.Contains(string(status), "CapEff:\t0000000000000000") {
			t.Errorf("it runs as %s", status)
		}
		for path, want := range map[string]int{dir: 0, engine.Dir(dir): 0,
			filepath.Join(engine.Dir(dir), "writer.password"): 0, filepath.Join(engine.Dir(dir), "data"): uid} {
			info, err := os.Stat(path)
			if err != nil || int(info.Sys().(*syscall.Stat_t).Uid) != want || info.Mode().Perm()&0o067 != 0 {
				t.Errorf("%s: %v %v", path, info.Mode(), err)
			}
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
	// Data of root's stays root's.
	other := t.TempDir()
	c := upIn(t, other)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	upAs(t, other, "account", "nobody")
	info, err := os.Stat(fmt.Sprintf("/proc/%d/task", pid(t, other)))
	if err != nil || errors.Is(err, os.ErrNotExist) {
		t.Fatal(info, err)
	}
}
