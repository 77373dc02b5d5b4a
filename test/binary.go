package test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Bouncehouse is the path of the bouncehouse binary: BOUNCEHOUSE_BIN, which `make test` builds once for all packages,
// or one built for this test.
func Bouncehouse(t testing.TB) string {
	t.Helper()
	if path := os.Getenv("BOUNCEHOUSE_BIN"); path != "" {
		return path
	}
	path := filepath.Join(t.TempDir(), "bouncehouse")
	cmd := exec.Command("go", "build", "-trimpath", "-o", path, "./cmd/bouncehouse")
	cmd.Dir = Root(t)
	// As `make build`; and in a network of its own there is no proxy to wait for.
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOPROXY=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build bouncehouse: %v\n%s", err, out)
	}
	return path
}
