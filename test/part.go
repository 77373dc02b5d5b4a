package test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// Part names a real part of the test set-up, as BOUNCEHOUSE_REQUIRE spells it.
type Part string

// The parts. Isolation is the test binary's own network, where the scripted servers have ports 25 and 53.
const (
	PartEngine    Part = "engine"
	PartKafka     Part = "kafka"
	PartPostfix   Part = "postfix"
	PartExim      Part = "exim"
	PartOpenSMTPD Part = "opensmtpd"
	PartSendmail  Part = "sendmail"
	PartIsolation Part = "isolation"
)

// Missing ends the test because part cannot be had: it is skipped, or fails where the part is required.
func Missing(t testing.TB, part Part, why string) {
	t.Helper()
	note(t, "left out", part, why)
	if required(part) {
		t.Fatalf("%s is required and missing: %s", part, why)
	}
	t.Skipf("%s is missing: %s", part, why)
}

// LeftOut notes that something is not tried because part cannot be had, and goes on; where the part is required it
// fails.
func LeftOut(t testing.TB, part Part, why string) {
	t.Helper()
	note(t, "left out", part, why)
	if required(part) {
		t.Fatalf("%s is required and missing: %s", part, why)
	}
	t.Logf("left out: %s", why)
}

// Tried notes for the end of `make test` that a real part took part; version says which.
func Tried(t testing.TB, part Part, version string) {
	t.Helper()
	note(t, "tried", part, version)
}

// note appends a line to the file named by BOUNCEHOUSE_PARTS. The line is short and the file opened for appending, so
// that test binaries that run at the same time do not mix.
func note(t testing.TB, what string, part Part, detail string) {
	path := os.Getenv("BOUNCEHOUSE_PARTS")
	if path == "" {
		return
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o666)
	if err != nil {
		t.Fatal(err)
	}
	_, err = fmt.Fprintf(f, "%s\t%s\t%s\n", what, part, strings.ReplaceAll(detail, "\n", " "))
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		t.Fatal(err)
	}
}

func required(part Part) bool {
	list := strings.Split(os.Getenv("BOUNCEHOUSE_REQUIRE"), ",")
	return slices.Contains(list, "all") || slices.Contains(list, string(part))
}

// notShort skips the test under -short, where no real part is started.
func notShort(t testing.TB) {
	t.Helper()
	if testing.Short() {
		t.Skip("no real parts under -short")
	}
}

// Root is the top directory of the project: the nearest one above with a go.mod.
func Root(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		up := filepath.Dir(dir)
		if up == dir {
			t.Fatal("no go.mod in any directory above the test")
		}
		dir = up
	}
}

// Library is the path of libchdb.so: CHDB_LIB_PATH, or what `make engine` fetched.
func Library(t testing.TB) string {
	t.Helper()
	notShort(t)
	path := os.Getenv("CHDB_LIB_PATH")
	if path == "" {
		path = filepath.Join(Root(t), ".cache", "engine", "libchdb.so")
	}
	if _, err := os.Stat(path); err != nil {
		Missing(t, PartEngine, fmt.Sprintf("%v (make engine)", err))
	}
	Tried(t, PartEngine, libraryVersion(path))
	return path
}

// libraryVersion is the package and version that scripts/engine.sh left beside the library.
func libraryVersion(path string) string {
	version, err := os.ReadFile(filepath.Join(filepath.Dir(path), "version"))
	if err != nil {
		return path
	}
	return strings.TrimSpace(string(version))
}

// Await asks cond again and again until it says true, and fails the test when it has not within limit. It is for what
// can only be asked, such as whether a server answers or a line stands in its log; wants says what was awaited.
func Await(t testing.TB, limit time.Duration, wants string, cond func() bool) {
	t.Helper()
	if !poll(limit, cond) {
		t.Fatalf("waited %v in vain: %s", limit, wants)
	}
}

// poll is Await's loop.
func poll(limit time.Duration, cond func() bool) bool {
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for !cond() {
		select {
		case <-deadline.C:
			return cond()
		case <-again.C:
		}
	}
	return true
}
