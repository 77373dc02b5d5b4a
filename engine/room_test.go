package engine_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bouncehouse/bouncehouse/engine"
)

// TestRoom: where the reader's queries hold more than three quarters of the memory the largest ends, and leaves the
// writer room; the other goes on for its time.
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
	if code, body, _ := post(t, end, engine.Writer, nil,
		"CREATE TABLE default.t ENGINE = Memory AS SELECT number FROM numbers(1000000)"); code != 200 {
		t.Error(code, body)
	}
	all := []string{first, <-answers}
	if !slices.ContainsFunc(all, func(a string) bool {
		return strings.HasPrefix(a, "500 ") && strings.Contains(a, "this query held the most of it")
	}) ||
		!slices.ContainsFunc(all, func(a string) bool {
			return strings.HasPrefix(a, "408 ") &&
				strings.Contains(a, "Code: 159.")
		}) {
		t.Errorf("the answers: %q", all)
	}
}

// TestRoomUnheeded: a query that holds the memory and heeds no KILL ends the engine long before its time, so that the
// writer has room.
func TestRoomUnheeded(t *testing.T) {
	var said logged
	c := upSaying(t, t.TempDir(), &said, "lean")
	var asked sync.WaitGroup
	for range 2 { // the value they cannot read is in their error's text
		asked.Go(func() {
			// a KILL may come before the text is begun, and is heeded then
			for t.Context().Err() == nil && !said.has("the engine has died") {
				send(t, c.Endpoint(), engine.Reader, nil,
					"SELECT toUInt8(arrayStringConcat(arrayMap(x -> repeat('a', 1000000), range(60))))")
			}
		})
	}
	asked.Wait()
	until(t, "a new engine", time.Minute, func() bool { return said.has("the engine is back") })
	if !said.has("ends for want of memory") || !said.has("heeds neither its limit of time nor KILL") &&
		!said.has("the engine starts anew") {
		t.Errorf("it said: %s", said.b.String())
	}
	if code, body, _ := post(t, c.Endpoint(), engine.Writer, nil, "SELECT 1"); code != 200 {
		t.Errorf("the writer: %d %s", code, body)
	}
}
