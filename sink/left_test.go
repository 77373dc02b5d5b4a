package sink

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bouncehouse/bouncehouse"
)

// TestLeft gives up messages of which the parser remembered everything, something or nothing: the rows are the same.
func TestLeft(t *testing.T) {
	_, c := store(t)
	tried := func(offset int64, minute int, recipient string, outcome bouncehouse.Outcome) bouncehouse.Event {
		e := attempt(offset, noon.Add(time.Duration(minute)*time.Minute))
		e.QueueID, e.Recipient, e.Outcome = "4Abc", recipient, outcome
		return e
	}
	gaveUp := func(offset int64, minute int, remembered ...string) (events []bouncehouse.Event) {
		for i, recipient := range remembered {
			e := tried(offset, minute, recipient, bouncehouse.Expired)
			e.Ordinal, e.Guessed = uint16(i), true
			events = append(events, e)
		}
		return events
	}
	other := tried(40, 1, "elsewhere@example.net", bouncehouse.Deferred)
	other.Host = "mx2.example.com"
	write(t, c, bouncehouse.Batch{ID: "first"}, &bouncehouse.Result{
		Arrivals: []bouncehouse.Arrival{arrival(10, noon, "4Abc", "news@example.com")},
		Events: []bouncehouse.Event{
			tried(5, -60, "of-another-message@example.net", bouncehouse.Deferred), // the queue id was used before
			tried(20, 1, "a@example.net", bouncehouse.Deferred),
			tried(30, 1, "b@example.net", bouncehouse.Deferred),
			other,
			tried(50, 1, "c@example.net", bouncehouse.Deferred),
		},
	})
	write(t, c, bouncehouse.Batch{ID: "second"}, &bouncehouse.Result{Events: []bouncehouse.Event{
		tried(60, 30, "b@example.net", bouncehouse.Delivered),
		tried(70, 30, "c@example.net", bouncehouse.Deferred),
		tried(80, 30, "a@example.net", bouncehouse.Deferred),
	}})
	// The batch: d and then c once more, the end, and then another message under the same id.
	batch := func(remembered ...string) *bouncehouse.Result {
		events := []bouncehouse.Event{tried(90, 60, "d@example.net", bouncehouse.Deferred),
			tried(100, 60, "c@example.net", bouncehouse.Deferred)}
		events = append(events, gaveUp(110, 60, remembered...)...)
		return &bouncehouse.Result{
			Arrivals: []bouncehouse.Arrival{arrival(120, noon.Add(61*time.Minute), "4Abc", "other@example.com")},
			Events:   append(events, tried(130, 62, "e@example.net", bouncehouse.Deferred)),
		}
	}
	rows := func(res *bouncehouse.Result) string {
		var out []string
		for i := range res.Events {
			e := &res.Events[i]
			out = append(out, fmt.Sprintf("%d/%d %s %s", e.Offset, e.Ordinal, e.Recipient, e.Outcome))
		}
		return strings.Join(out, "\n")
	}
	const want = `90/0 d@example.net deferred
100/0 c@example.net deferred
110/0 a@example.net expired
110/1 c@example.net expired
110/2 d@example.net expired
130/0 e@example.net deferred`
	for _, remembered := range [][]string{{""}, {"c@example.net"}, {"a@example.net", "d@example.net", "c@example.net"},
		{"x@example.net", "y@example.net"}} {
		for _, again := range []bool{false, true} {
			res := batch(remembered...)
			if again { // as after a write that was cut off when all of it was there
				part := batch("a@example.net", "d@example.net", "c@example.net")
				write(t, c, bouncehouse.Batch{ID: "third", Recover: true}, part)
			}
			if err := c.Context().Enrich(t.Context(), res); err != nil {
				t.Fatal(err)
			}
			if got := rows(res); got != want {
				t.Errorf("remembered %q, again %v:\n%s\nwant:\n%s", remembered, again, got, want)
			}
		}
	}
	unknown := gaveUp(500, 60, "kept@example.net")
	unknown[0].QueueID = "4Zzz"
	res := &bouncehouse.Result{Events: slices.Clone(unknown)}
	if err := c.Context().Enrich(t.Context(), res); err != nil ||
		rows(res) != rows(&bouncehouse.Result{Events: unknown}) {
		t.Errorf("of a message that is not stored: %s, %v", rows(res), err)
	}
}
