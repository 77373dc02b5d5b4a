package engine_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/bouncehouse/bouncehouse/engine"
)

// TestRoom: where the reader's queries hold more than three quarters of the memory the largest ends, and leaves the writer
// room; the other goes on for its time.
func TestRoom(t *testing.T) {
	library(t)
	end := upAs(t, t.TempDir(), "small").Endpoint() // of 512 MB
	answers := make(chan string, 2)
	for _, rows := range []int{24_000_000, 27_000_000} { // of 8 bytes
		go func() {
			code, body, _ := post(t, end, engine.Reader, url.Values{"max_execution_time": {"20"}}, fmt.Sprintf(
				"SELECT count() FROM numbers(1000000000000) AS a CROSS JOIN (SELECT number FROM numbers(%d)) AS b WHERE a.number + b.number = 0", rows))
			answers <- fmt.Sprint(code, " ", body)
		}()
	}
	first := <-answers
	if code, body, _ := post(t, end, engine.Writer, nil, "CREATE TABLE default.t ENGINE = Memory AS SELECT number FROM numbers(1000000)"); code != 200 {
		t.Error(code, body)
	}
	all := []string{first, <-answers}
	if !slices.ContainsFunc(all, func(a string) bool {
		return strings.HasPrefix(a, "500 ") && strings.Contains(a, "this query held the most of it")
	}) ||
		!slices.ContainsFunc(all, func(a string) bool { return strings.HasPrefix(a, "408 ") && strings.Contains(a, "Code: 159.") }) {
		t.Errorf("the answers: %q", all)
	}
}
