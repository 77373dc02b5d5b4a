package engine_test

import (
	"testing"

	"github.com/bouncehouse/bouncehouse/engine"
)

// TestThreads: no thread tries to open what the kernel keeps from it.
func TestThreads(t *testing.T) {
	library(t)
	end := upAs(t, t.TempDir(), "serve").Endpoint()
	for range 10 {
		post(t, end, engine.Writer, nil, "SELECT count() FROM numbers(1000000)")
	}
	const tried = "SELECT sum(value) FROM system.errors WHERE name = 'CANNOT_OPEN_FILE'"
	if code, body, _ := post(t, end, engine.Writer, nil, tried); code != 200 || body != "0\n" {
		t.Errorf("%d %s", code, body)
	}
}
