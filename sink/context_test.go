package sink

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"strings"
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
	// reading began behind "client="
	half := func(offset int64, at time.Time, queueID, messageID string) bouncehouse.Arrival {
		a := repeat(offset, at, queueID, "a@example.com")
		a.MessageID = messageID
		return a
	}
	// before the queue manager took it up
	held := func(offset int64, at time.Time, queueID, messageID string) bouncehouse.Arrival {
		a := arrival(offset, at, queueID, "")
		a.MessageID, a.Size = messageID, 0
		return a
	}
	res := &bouncehouse.Result{Arrivals: []bouncehouse.Arrival{
		arrival(0, noon, "4Once", "a@example.com"),
		repeat(100, noon.Add(time.Hour), "4Once", "a@example.com"),
		arrival(200, noon, "4Many", "a@example.com"),
		arrival(300, noon, "4Again", "a@example.com"),
		repeat(400, noon.Add(time.Hour), "4Again", "b@example.com"), // another message, of which no more is known
		repeat(500, noon, "4Only", "a@example.com"),
		arrival(600, noon, "4Half", "a@example.com"),
		arrival(700, noon, "4Used", "a@example.com"),
		half(800, noon.Add(time.Hour), "4Used", "another@example.com"),
		held(900, noon, "4Held", "one@example.com"),
		repeat(950, noon.Add(time.Hour), "4Held", "a@example.com"),
		held(960, noon, "4Lost", "one@example.com"), // deleted, and the id used again
		half(970, noon.Add(time.Hour), "4Lost", "another@example.com"),
	}}
	for i := range 3 * maxArrivals {
		res.Arrivals = append(res.Arrivals, half(int64(5000+i), noon.Add(time.Duration(1+i)*time.Minute), "4Half",
			res.Arrivals[0].MessageID))
		res.Arrivals = append(res.Arrivals, repeat(int64(1000+i), noon.Add(time.Duration(i)*time.Minute), "4Many",
			"a@example.com"))
	}
	write(t, c, bouncehouse.Batch{ID: "repeats"}, res)
	for queueID, want := range map[string][2]string{
		"4Once":  {"a@example.com", "app[192.0.2.7]"},
		"4Many":  {"a@example.com", "app[192.0.2.7]"},
		"4Again": {"b@example.com", ""},
		"4Only":  {"a@example.com", ""},
		"4Half":  {"a@example.com", "app[192.0.2.7]"},
		"4Used":  {"a@example.com", ""},
		"4Held":  {"a@example.com", "app[192.0.2.7]"},
		"4Lost":  {"a@example.com", ""},
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

// TestContextRefused has ClickHouse answer with errors for a while: what is
// stored without its context would stay so, and is waited for.
// A server of another name than when its log was met first.
func TestContextOfARenamedHost(t *testing.T) {
	_, c := store(t)
	write(t, c, bouncehouse.Batch{ID: "before"},
		&bouncehouse.Result{Arrivals: []bouncehouse.Arrival{arrival(0, noon, "4Abc", "a@example.com")}})
	for stream, want := range map[string]string{"mx1.example.com:/var/log/mail.log": "a@example.com",
		"mx2.example.com:/var/log/mail.log": ""} {
		e := attempt(0, noon.Add(time.Hour))
		e.Stream, e.Host, e.QueueID, e.Sender, e.ContextKnown = stream, "renamed.example.com", "4Abc", "", false
		events := []bouncehouse.Event{e}
		if err := c.Context().Enrich(t.Context(), &bouncehouse.Result{Events: events}); err != nil ||
			events[0].Sender != want {
			t.Errorf("%s: sender %q, %v", stream, events[0].Sender, err)
		}
	}
}

func TestContextRefused(t *testing.T) {
	s, c := store(t)
	write(t, c, bouncehouse.Batch{ID: "refused"},
		&bouncehouse.Result{Arrivals: []bouncehouse.Arrival{arrival(0, noon, "4Abc", "a@example.com")}})
	rename := func(from, to string) {
		if err := c.conn.Exec(t.Context(), "RENAME TABLE bouncehouse."+from+" TO bouncehouse."+to); err != nil {
			t.Error(err)
		}
	}
	rename("messages", "away")
	refusals := 0
	o := s.options()
	o.Log = slog.New(slog.NewTextHandler(writerFunc(func(p []byte) (int, error) {
		if refusals++; refusals == 5 {
			rename("away", "messages")
		}
		return len(p), nil
	}), nil))
	asking, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { asking.Close() })
	e := attempt(100, noon.Add(time.Minute))
	e.QueueID, e.Sender, e.ContextKnown = "4Abc", "", false
	res := bouncehouse.Result{Events: []bouncehouse.Event{e}}
	if err := asking.Context().Enrich(t.Context(), &res); err != nil || refusals < 5 ||
		res.Events[0].Sender != "a@example.com" {
		t.Errorf("after %d refusals: sender %q, %v", refusals, res.Events[0].Sender, err)
	}
}

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestBrief(t *testing.T) {
	cause := &url.Error{Op: "Post", URL: "http://writer:***@embedded?param_ids=%5B%27" + strings.Repeat("x", 10_000),
		Err: io.EOF}
	const want = `ask: ClickHouse does not answer: sendQuery: Post "http://writer:***@embedded": EOF`
	err := fmt.Errorf("ask: %w", reached(fmt.Errorf("sendQuery: %w", cause)))
	if err.Error() != want || !errors.Is(err, io.EOF) || !errors.Is(err, ErrUnreachable) {
		t.Errorf("%.200q, must be %q", err, want)
	}
}
