package sink

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	chcolumn "github.com/ClickHouse/clickhouse-go/v2/lib/column"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"github.com/bouncehouse/bouncehouse"
)

// TestColumns holds the table, what is written to it, and the types in which
// it is written to one another. That the table has the Event's fields is held
// in package schemas.
func TestColumns(t *testing.T) {
	_, c := store(t)
	check := func(table string, names, types []string) {
		t.Helper()
		var gotNames, gotTypes []string
		if err := c.conn.QueryRow(t.Context(), `SELECT groupArray(name), groupArray(type) FROM (
  SELECT name, type FROM system.columns WHERE database = 'bouncehouse' AND table = $1 AND default_kind != 'ALIAS' ORDER BY position)`, table).Scan(&gotNames, &gotTypes); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(gotNames, names); diff != "" {
			t.Errorf("columns of %s (-there +written):\n%s", table, diff)
		}
		if diff := cmp.Diff(gotTypes, types); diff != "" {
			t.Errorf("types of %s (-there +written):\n%s", table, diff)
		}
	}
	var names, types []string
	for _, col := range eventColumns() {
		names, types = append(names, col.name), append(types, col.typ)
	}
	check("events", names, types)
	names, types = nil, nil
	for _, col := range arrivalColumns() {
		names, types = append(names, col.name), append(types, col.typ)
	}
	check("messages", names, types)
	names, types = nil, nil
	for _, col := range deadColumns() {
		names, types = append(names, col.name), append(types, col.typ)
	}
	check("dead_letters", names, types)
}

func arrival(offset int64, at time.Time, queueID, sender string) bouncehouse.Arrival {
	return bouncehouse.Arrival{
		Origin: bouncehouse.Origin{Stream: "mx1/var/log/mail.log", FileID: "f1", Offset: offset, Chunk: 3},
		Time:   at, Host: "mx1.example.com", QueueID: queueID, Sender: sender, MessageID: "m-" + sender,
		Client: "app[192.0.2.7]", SASLUser: "acct", Size: 1234,
	}
}

// TestArrivals are idempotent, and found by host and queue id.
func TestArrivals(t *testing.T) {
	_, c := store(t)
	odd := `4X'"\z`
	res := &bouncehouse.Result{Arrivals: []bouncehouse.Arrival{
		arrival(0, noon, "4Abc", "first@example.com"),
		arrival(100, noon.Add(time.Hour), "4Abc", "second@example.com"), // the queue id is used again
		arrival(200, noon.Add(time.Hour), "4Def", ""),                   // a bounce has no sender
		arrival(300, noon, odd, "odd@example.com"),
	}}
	for range 2 {
		write(t, c, bouncehouse.Batch{ID: "arrivals"}, res)
	}
	if n := value[uint64](t, c, "SELECT count() FROM bouncehouse.messages FINAL"); n != 4 {
		t.Errorf("%d rows after the arrivals were written twice, want 4", n)
	}

	event := func(queueID string, after time.Duration) bouncehouse.Event {
		e := attempt(0, noon.Add(after))
		e.QueueID, e.Sender, e.ContextKnown = queueID, "", false
		return e
	}
	known := event("4Abc", 2*time.Hour)
	known.ContextKnown = true
	inbound := event("4Abc", 2*time.Hour)
	inbound.Direction = bouncehouse.Inbound
	elsewhere := event("4Abc", 2*time.Hour)
	elsewhere.Host = "mx2.example.com"
	partly := event("4Abc", time.Minute)
	partly.Client = "known[192.0.2.9]"
	for name, tc := range map[string]struct {
		event  bouncehouse.Event
		sender string
		client string
	}{
		"at the same moment":  {event("4Abc", 0), "first@example.com", "app[192.0.2.7]"},
		"before the second":   {event("4Abc", 59*time.Minute), "first@example.com", "app[192.0.2.7]"},
		"after the second":    {event("4Abc", 3*time.Hour), "second@example.com", "app[192.0.2.7]"},
		"five days later":     {event("4Abc", 120*time.Hour), "second@example.com", "app[192.0.2.7]"},
		"before any":          {event("4Abc", -time.Second), "", ""},
		"long after":          {event("4Abc", 60*24*time.Hour), "", ""},
		"a bounce":            {event("4Def", 2*time.Hour), "", "app[192.0.2.7]"},
		"an odd queue id":     {event(odd, time.Hour), "odd@example.com", "app[192.0.2.7]"},
		"unknown":             {event("4Zzz", 2*time.Hour), "", ""},
		"known already":       {known, "", ""},
		"inbound":             {inbound, "", ""},
		"of another host":     {elsewhere, "", ""},
		"a field known":       {partly, "first@example.com", "known[192.0.2.9]"},
		"without a queue id":  {event("", 2*time.Hour), "", ""},
		"a time out of range": {event("4Abc", 250*365*24*time.Hour), "", ""},
	} {
		events := []bouncehouse.Event{tc.event}
		if err := c.Context().Enrich(t.Context(), &bouncehouse.Result{Events: events}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if events[0].Sender != tc.sender || events[0].Client != tc.client {
			t.Errorf("%s: sender %q, client %q; want %q, %q", name, events[0].Sender, events[0].Client, tc.sender,
				tc.client)
		}
	}
}

// TestArrivalsMany asks for more messages than one question names.
func TestArrivalsMany(t *testing.T) {
	_, c := store(t)
	const n = maxAsked*2 + 10
	res := &bouncehouse.Result{}
	for i := range n {
		res.Arrivals = append(res.Arrivals, arrival(int64(i), noon, fmt.Sprintf("Q%d", i),
			fmt.Sprintf("s%d@example.com", i)))
		e := attempt(int64(i), noon.Add(time.Second))
		e.QueueID, e.Sender, e.ContextKnown = fmt.Sprintf("Q%d", i), "", false
		res.Events = append(res.Events, e)
	}
	write(t, c, bouncehouse.Batch{ID: "many"}, &bouncehouse.Result{Arrivals: res.Arrivals})
	if err := c.Context().Enrich(t.Context(), res); err != nil {
		t.Fatal(err)
	}
	for i := range res.Events {
		if want := fmt.Sprintf("s%d@example.com", i); res.Events[i].Sender != want {
			t.Fatalf("event %d: sender %q, want %q", i, res.Events[i].Sender, want)
		}
	}
}

// TestPoison writes a batch with one bad event of each kind in it.
func TestPoison(t *testing.T) {
	_, c := store(t)
	long := strings.Repeat("x", bouncehouse.MaxField+1)
	spoil := map[string]func(*bouncehouse.Event){
		"time":         func(e *bouncehouse.Event) { e.Time = time.Date(1969, 12, 31, 23, 59, 59, 0, time.UTC) },
		"time 2106":    func(e *bouncehouse.Event) { e.Time = time.Date(2106, 1, 1, 0, 0, 0, 0, time.UTC) },
		"time 0":       func(e *bouncehouse.Event) { e.Time = time.Time{} },
		"time 20000":   func(e *bouncehouse.Event) { e.Time = time.Date(20000, 1, 1, 0, 0, 0, 0, time.UTC) },
		"direction":    func(e *bouncehouse.Event) { e.Direction = "" },
		"outcome":      func(e *bouncehouse.Event) { e.Outcome = "lost" },
		"source":       func(e *bouncehouse.Event) { e.Source = "" },
		"class":        func(e *bouncehouse.Event) { e.Class = "spandetected" },
		"stage":        func(e *bouncehouse.Event) { e.Stage = "bdat" },
		"rdns_status":  func(e *bouncehouse.Event) { e.RDNSStatus = "good" },
		"dsn_origin":   func(e *bouncehouse.Event) { e.DSNOrigin = "mars" },
		"delay":        func(e *bouncehouse.Event) { e.Delay.Duration = -1 },
		"reply_text":   func(e *bouncehouse.Event) { e.ReplyText = strings.Repeat("x", bouncehouse.MaxText+1) },
		"field":        func(e *bouncehouse.Event) { e.RDNS = long },
		"list":         func(e *bouncehouse.Event) { e.URLs = make([]string, maxList+1) },
		"list element": func(e *bouncehouse.Event) { e.DNSBLListed = []string{long} },
		"origin":       func(e *bouncehouse.Event) { e.FileID = "" },
	}
	good := attempts(3, func(int) time.Time { return noon })
	res := &bouncehouse.Result{Events: append([]bouncehouse.Event{}, good...)}
	var offset int64 = 1_000_000
	for _, f := range spoil {
		e := attempt(offset, noon)
		f(&e)
		offset++
		res.Events = append(res.Events, e)
	}
	res.Dead = []bouncehouse.DeadLetter{{Origin: bouncehouse.Origin{Stream: "s", FileID: "f", Offset: 9, Chunk: 8},
		Time: noon, Reason: "of the parser", Raw: "raw"}}
	b := bouncehouse.Batch{ID: "poison", Chunks: []bouncehouse.Chunk{{Stream: good[0].Stream, Ref: noon}}}
	for range 2 {
		write(t, c, b, res)
		b.Recover = true
	}
	exactly(t, c, "the good events", good)
	if got, want := value[uint64](t, c, "SELECT count() FROM bouncehouse.dead_letters FINAL"),
		uint64(len(spoil)+1); got != want {
		t.Errorf("%d dead letters, want %d", got, want)
	}
	if n := value[uint64](t, c,
		`SELECT count() FROM bouncehouse.dead_letters FINAL WHERE reason LIKE 'event cannot be stored: class "spandetected"' AND raw LIKE '%"class":"spandetected"%' AND time = '2026-11-20 12:00:00'`); n != 1 {
		t.Error("the dead letter of a bad class does not say so")
	}
}

func TestLastSeq(t *testing.T) {
	_, c := store(t)
	seq := func(stream string) uint64 {
		t.Helper()
		n, err := c.LastSeq(t.Context(), stream)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if n := seq("mx1/var/log/mail.log"); n != 0 {
		t.Errorf("of an empty table: %d", n)
	}
	late := attempt(0, noon.AddDate(0, -3, 0)) // the newest chunk holds an old event
	late.Chunk = 12
	other := attempt(300, noon)
	other.Stream, other.Chunk = "it's another\\stream", 99
	write(t, c, bouncehouse.Batch{ID: "seq"}, &bouncehouse.Result{
		Events: append(attempts(10, func(int) time.Time { return noon }), late, other),
		Dead:   []bouncehouse.DeadLetter{{Origin: bouncehouse.Origin{Stream: "dead", FileID: "f", Chunk: 1 << 63}}},
	})
	for stream, want := range map[string]uint64{"mx1/var/log/mail.log": 12, "it's another\\stream": 99, "dead": 1 << 63,
		"none": 0} {
		if n := seq(stream); n != want {
			t.Errorf("%s: %d, want %d", stream, n, want)
		}
	}
}

func TestBatchID(t *testing.T) {
	for id, ok := range map[string]bool{
		"": false, "a%": false, "a_b": false, "a'b": false, `a"b`: false, "a`b": false, `a\b`: false, "a b": false,
		"é": false, "a\x00": false,
		strings.Repeat("x", 201): false, strings.Repeat("x", 200): true, "p/0:12-99.f#~": true,
	} {
		if err := checkID(id); (err == nil) != ok {
			t.Errorf("%q: %v", id, err)
		}
	}
}

// TestViews asks the views for what they are there for.
func TestViews(t *testing.T) {
	_, c := store(t)
	refused := attempt(0, noon)
	refused.Outcome, refused.Class, refused.QueueID, refused.MessageID = bouncehouse.Bounced, bouncehouse.Policy,
		"4Abc", "m1@example.com"
	sent := attempt(300, noon.Add(time.Minute))
	sent.QueueID, sent.MessageID, sent.Recipient = "4Def", "m2@example.com", "late@example.net"
	dsn := func(offset int64, queueID, messageID, recipient string) bouncehouse.Event {
		e := attempt(offset, noon.Add(time.Hour))
		e.Source, e.QueueID, e.MessageID, e.Recipient, e.Outcome, e.Class, e.DSNOrigin = bouncehouse.DSN, queueID,
			messageID, recipient, bouncehouse.Bounced, bouncehouse.MailboxFull, bouncehouse.DSNRemote
		e.RemoteIP = netip.Addr{}
		return e
	}
	byQueue, byMessage, stranger := dsn(600, "4Abc", "", "user@example.net"),
		dsn(900, "", "m2@example.com", "late@example.net"), dsn(1200, "", "", "user@example.net")
	write(t, c, bouncehouse.Batch{ID: "views"},
		&bouncehouse.Result{Events: []bouncehouse.Event{refused, sent, byQueue, byMessage, stranger}})

	got := map[string]string{}
	rows, err := c.conn.Query(t.Context(), "SELECT bounce_id, attempt_id FROM bouncehouse.bounces")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var bounce, attempt string
		if err := rows.Scan(&bounce, &attempt); err != nil {
			t.Fatal(err)
		}
		got[bounce] = attempt
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{byQueue.ID(): refused.ID(), byMessage.ID(): sent.ID(), stranger.ID(): ""}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("bounces (-want +got):\n%s", diff)
	}

	var plan []string
	if err := c.conn.QueryRow(t.Context(), `SELECT groupArray(explain) FROM (EXPLAIN indexes = 1
SELECT toStartOfHour(bucket, 'Asia/Shanghai') AS hour, provider, sum(attempts) FROM bouncehouse.attempts_5m
WHERE bucket >= '2026-11-20 00:00:00' AND provider = 'google' GROUP BY hour, provider)`).Scan(&plan); err != nil {
		t.Fatal(err)
	}
	if p := strings.Join(plan, "\n"); !strings.Contains(p, "ReadFromMergeTree (attempts_5m)") {
		t.Errorf("the view does not read the projection:\n%s", p)
	}
	if err := c.conn.QueryRow(t.Context(),
		"SELECT groupArray(explain) FROM (EXPLAIN SELECT max(last_chunk) FROM bouncehouse.streams WHERE stream = 'x')").Scan(&plan); err != nil {
		t.Fatal(err)
	}
	if p := strings.Join(plan, "\n"); !strings.Contains(p, "(streams)") {
		t.Errorf("the view does not read the projection:\n%s", p)
	}
}

// TestNativeColumns appends to columns of the table's own types, as the native
// protocol asks for; over HTTP low cardinality is left to the server.
func TestNativeColumns(t *testing.T) {
	events := pointers(append(traffic(100, "f"), bouncehouse.Event{URLs: []string{"a", "b"}}))
	var g gatherer
	for _, c := range eventColumns() {
		col, err := chcolumn.Type(c.typ).Column(c.name, &chcolumn.ServerContext{Timezone: time.UTC})
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if _, err := col.Append(c.gather(&g, events)); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if col.Rows() != len(events) {
			t.Errorf("%s: %d rows of %d", c.name, col.Rows(), len(events))
		}
		if c.name != "queue_id" { // a low cardinality column has no rows to look at before it is encoded
			continue
		}
		if got := col.Row(7, false); got != events[7].QueueID {
			t.Errorf("%s: row 7 is %q", c.name, got)
		}
	}
}

// TestPipelines has several pipelines write through one sink.
func TestPipelines(t *testing.T) {
	_, c := store(t)
	var g errgroup.Group
	var all []bouncehouse.Event
	for p := range 4 {
		var batches [][]bouncehouse.Event
		for i := range 6 {
			events := attempts(50, func(int) time.Time { return noon.AddDate(0, -i%2, 0) })
			for k := range events {
				events[k].Stream, events[k].FileID = fmt.Sprintf("s%d", p), fmt.Sprintf("f%d", i)
			}
			all, batches = append(all, events...), append(batches, events)
		}
		g.Go(func() error {
			for i, events := range batches {
				b := bouncehouse.Batch{ID: fmt.Sprintf("p%d-%d", p, i), Recover: i%3 == 2}
				if err := c.Write(t.Context(), b, &bouncehouse.Result{Events: events}); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	exactly(t, c, "four pipelines", all)
}

// TestExtremeTimes recovers the first and the last times that are stored.
func TestExtremeTimes(t *testing.T) {
	_, c := store(t)
	times := []time.Time{firstTime, firstTime.Add(time.Hour), noon, endOfTime.Add(-time.Millisecond),
		endOfTime.Add(-time.Hour)}
	events := attempts(len(times), func(i int) time.Time { return times[i] })
	b := bouncehouse.Batch{ID: "extreme"}
	for range 2 {
		write(t, c, b, &bouncehouse.Result{Events: events})
		exactly(t, c, "extreme times", events)
		b = bouncehouse.Batch{ID: "extreme-again", Recover: true} // other tokens: only the read-back can tell
	}
}
