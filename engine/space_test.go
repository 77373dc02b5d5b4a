package engine_test

import (
	"bufio"
	"log/slog"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/bouncehouse/bouncehouse/engine"
)

// TestReserve fills a disk up to the reserve: nothing is inserted any more and
// nothing merged, all else works, and it goes on once there is room.
func TestReserve(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "mode=700,size=100m"); err != nil {
		t.Skipf("no disk of its own to fill: mount: %v", err)
	}
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
	library(t)
	log, wrote, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	lines := bufio.NewScanner(log)
	serve := helper("serve", dir)
	c, err := engine.Start(t.Context(), dir, func() *exec.Cmd {
		cmd := serve()
		cmd.Stderr = wrote
		return cmd
	}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}()
	end := c.Endpoint()
	said := func(word string) { // a test's time limit bounds it
		t.Helper()
		for lines.Scan() {
			if strings.Contains(lines.Text(), word) {
				return
			}
		}
		t.Fatalf("the engine did not say %q", word)
	}
	must := func(want int, sql string) string {
		t.Helper()
		status, body, _ := post(t, end, engine.Writer, url.Values{"query": {sql}}, "")
		if status != want {
			t.Fatalf("%s: status %d, want %d: %s", sql, status, want, body)
		}
		return body
	}
	must(200, "CREATE DATABASE d")
	must(200, "CREATE TABLE d.t (n UInt64) ENGINE = MergeTree ORDER BY n")
	for range 3 {
		must(200, "INSERT INTO d.t VALUES (1)")
	}
	disk, err := os.OpenRoot(dir) // whatever becomes of the mount, no other disk is filled
	if err != nil {
		t.Fatal(err)
	}
	defer disk.Close()
	fill := func(leave int64) {
		t.Helper()
		f, err := disk.OpenFile("filler", os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		var st unix.Statfs_t
		if err := unix.Fstatfs(int(f.Fd()), &st); err != nil || int64(st.Blocks)*st.Bsize > 1<<30 {
			t.Fatalf("this is not the small disk: %v", err)
		}
		if err := unix.Fallocate(int(f.Fd()), 0, 0, int64(st.Bavail)*st.Bsize-leave); err != nil {
			t.Fatal(err)
		}
	}

	fill(8 << 20) // the reserve is 16 MiB
	body := must(500, "INSERT INTO d.t VALUES (2)")
	for _, word := range []string{"Code: 243.", "No space left in " + dir, ": 8 MB free, 17 MB needed"} {
		if !strings.Contains(body, word) {
			t.Errorf("no %q in %s", word, body)
		}
	}
	said("merges_stopped=true")
	if got := must(200, "SELECT count() FROM d.t"); got != "3\n" {
		t.Errorf("%s rows, want 3", got)
	}
	must(200, "CREATE TABLE d.other (n UInt64) ENGINE = MergeTree ORDER BY n")
	must(200, "DROP TABLE d.other")

	if err := disk.Remove("filler"); err != nil {
		t.Fatal(err)
	}
	must(200, "INSERT INTO d.t VALUES (2)")
	said("merges_stopped=false")
	must(200, "OPTIMIZE TABLE d.t FINAL")
	if got := must(200, "SELECT count() FROM system.parts WHERE table = 't' AND active"); got != "1\n" {
		t.Errorf("%s parts after a merge", got)
	}
}
