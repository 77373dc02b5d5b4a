package sink

import (
	"testing"
	"time"

	"github.com/bouncehouse/bouncehouse"
)

// TestContextOfRepeats holds for a message whose "queue active" line was read
// again, once or many times, by parsers that had not seen how it came in.
func TestContextOfRepeats(t *testing.T) {
	_, c := store(t)
	repeat := func(offset int64, at time.Time, queueID, sender string) bouncehouse.Arrival {
		a := arrival(offset, at, queueID, sender)
		a.MessageID, a.Client, a.SASLUser = "", "", ""
		return a
	}
	res := &bouncehouse.Result{Arrivals: []bouncehouse.Arrival{
		arrival(0, noon, "4Once", "a@example.com"),
		repeat(100, noon.Add(time.Hour), "4Once", "a@example.com"),
		arrival(200, noon, "4Many", "a@example.com"),
		arrival(300, noon, "4Again", "a@example.com"),
		repeat(400, noon.Add(time.Hour), "4Again", "b@example.com"), // another message, of which no more is known
		repeat(500, noon, "4Only", "a@example.com"),
	}}
	for i := range 3 * maxArrivals {
		res.Arrivals = append(res.Arrivals, repeat(int64(1000+i), noon.Add(time.Duration(i)*time.Minute), "4Many", "a@example.com"))
	}
	write(t, c, bouncehouse.Batch{ID: "repeats"}, res)
	for queueID, want := range map[string][2]string{
		"4Once":  {"a@example.com", "app[192.0.2.7]"},
		"4Many":  {"a@example.com", "app[192.0.2.7]"},
		"4Again": {"b@example.com", ""},
		"4Only":  {"a@example.com", ""},
	} {
		e := attempt(0, noon.Add(2*time.Hour))
		e.QueueID, e.Sender, e.MessageID, e.ContextKnown = queueID, "", "", false
		events := []bouncehouse.Event{e}
		if err := c.Context().Enrich(t.Context(), &bouncehouse.Result{Events: events}); err != nil {
			t.Fatal(err)
		}
		if got := [2]string{events[0].Sender, events[0].Client}; got != want {
			t.Errorf("%s: sender and client %q, want %q", queueID, got, want)
		}
	}
}
