package sink

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"github.com/bouncehouse/bouncehouse"
)

// exactly fails unless the events are stored once each, and nothing else but
// decoys; and unless the projection says the same as the events.
func exactly(t testing.TB, c *ClickHouse, what string, events []bouncehouse.Event) {
	t.Helper()
	ids := make([]string, len(events))
	for i := range events {
		ids[i] = events[i].ID()
	}
	slices.Sort(ids)
	var got []string
	if err := c.conn.QueryRow(t.Context(),
		"SELECT arraySort(groupArray(event_id)) FROM bouncehouse.events WHERE stream != 'decoy'").Scan(&got); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(ids, got) {
		t.Fatalf("%s: %d rows, %d of them different, want %d", what, len(got), len(slices.Compact(slices.Clone(got))),
			len(ids))
	}
	if n := value[uint64](t, c, projectionDiffers); n != 0 {
		t.Fatalf("%s: the projection differs from the events in %d groups", what, n)
	}
}

const projectionDiffers = `SELECT count() FROM (
  SELECT bucket, provider, class, outcome, enhanced_code, host, attempts + refusals AS counted, events FROM bouncehouse.attempts_5m) AS a
FULL OUTER JOIN (
  SELECT toStartOfFiveMinutes(time) AS bucket, provider, class, outcome, enhanced_code, host, sum(counted) AS counted, count() AS events
  FROM bouncehouse.events GROUP BY ALL SETTINGS optimize_use_projections = 0) AS b
USING (bucket, provider, class, outcome, enhanced_code, host)
WHERE a.counted != b.counted OR a.events != b.events`

// TestRecover leaves behind what a killed server or writer may: nothing of a
// month, all of it, some of it, or the token without the rows.
func TestRecover(t *testing.T) {
	_, c := store(t)
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 1))
		if err := c.conn.Exec(t.Context(), "TRUNCATE TABLE bouncehouse.events"); err != nil {
			t.Fatal(err)
		}
		b := bouncehouse.Batch{ID: fmt.Sprintf("torture-%d", seed)}
		months := 1 + r.IntN(5)
		events := attempts(1+r.IntN(300),
			func(i int) time.Time { return noon.AddDate(0, -r.IntN(months), 0).Add(time.Duration(i) * time.Second) })
		for i := range events {
			events[i].FileID = fmt.Sprintf("f%d", r.IntN(3))
		}
		left := map[int]string{}
		for m := range months {
			at := noon.AddDate(0, -m, 0)
			var rows []*bouncehouse.Event
			for i := range events {
				if month(events[i].Time) == month(at) {
					rows = append(rows, &events[i])
				}
			}
			how := []string{"nothing", "all", "some", "token"}[r.IntN(4)]
			left[m] = how
			switch how {
			case "nothing":
				rows = nil
			case "some":
				rows = rows[:r.IntN(len(rows)+1)]
			case "token":
				decoy := attempt(0, at)
				decoy.Stream = "decoy"
				rows = []*bouncehouse.Event{&decoy}
			}
			if err := c.insertEvents(t.Context(), b.ID, b.ID, rows); err != nil {
				t.Fatal(err)
			}
		}
		what := fmt.Sprintf("seed %d %v", seed, left)
		b.Recover = true
		write(t, c, b, &bouncehouse.Result{Events: events})
		exactly(t, c, what, events)
		write(t, c, b, &bouncehouse.Result{Events: events})
		exactly(t, c, what+", recovered twice", events)
		b.Recover = false
		write(t, c, b, &bouncehouse.Result{Events: events})
		exactly(t, c, what+", after a late writer", events)
	}
}

func TestManyMonths(t *testing.T) {
	_, c := store(t)
	events := attempts(180, func(i int) time.Time { return noon.AddDate(0, -i%60, 0) })
	b := bouncehouse.Batch{ID: "months"}
	write(t, c, b, &bouncehouse.Result{Events: events})
	exactly(t, c, "written", events)
	write(t, c, b, &bouncehouse.Result{Events: events})
	exactly(t, c, "written by a late writer", events)

	// Of a second batch only the last piece is there.
	more := attempts(180, func(i int) time.Time { return noon.AddDate(0, -i%60, 0) })
	for i := range more {
		more[i].FileID = "f2"
	}
	b = bouncehouse.Batch{ID: "months-2", Recover: true}
	pieces := cut(b.ID, pointers(more))
	if len(pieces) != 2 {
		t.Fatalf("60 months in %d pieces, want 2", len(pieces))
	}
	if err := c.insertEvents(t.Context(), b.ID, pieces[1].token, pieces[1].events); err != nil {
		t.Fatal(err)
	}
	write(t, c, b, &bouncehouse.Result{Events: more})
	exactly(t, c, "recovered", append(events, more...))
}

// TestRecoverEndsQueries leaves a query of the batch at work.
func TestRecoverEndsQueries(t *testing.T) {
	_, c := store(t)
	b := bouncehouse.Batch{ID: "slow-1", Recover: true}
	ended, other := make(chan error, 1), make(chan error, 1)
	long := func(id string, done chan error) {
		done <- c.conn.Exec(clickhouse.Context(t.Context(), clickhouse.WithQueryID(id)),
			"INSERT INTO bouncehouse.dead_letters (raw) SELECT toString(sleepEachRow(0.1)) FROM numbers(20) SETTINGS max_block_size = 1")
	}
	go long(queryPrefix(b.ID)+"events/x", ended)
	go long(queryPrefix(b.ID+"0")+"events/x", other) // another batch: slow-10
	for value[uint64](t, c, "SELECT count() FROM system.processes WHERE query_id LIKE 'slow-1%'") < 2 {
		select {
		case err := <-ended:
			t.Fatalf("ended by itself: %v", err)
		case <-time.After(5 * time.Millisecond):
		}
	}
	events := attempts(10, func(int) time.Time { return noon })
	write(t, c, b, &bouncehouse.Result{Events: events})
	select {
	case err := <-ended:
		if err == nil {
			t.Error("the query was not ended but ran on")
		}
	case <-time.After(10 * time.Second):
		t.Error("the query was not ended")
	}
	if err := <-other; err != nil {
		t.Errorf("another batch's query was ended: %v", err)
	}
	exactly(t, c, "recovered", events)
}

// TestKilledEngine kills the engine in the middle of writes.
func TestKilledEngine(t *testing.T) {
	s, c := store(t)
	r := rand.New(rand.NewPCG(2, 3))
	var all []bouncehouse.Event
	const rounds = 16
	unknown := 0
	for round := range rounds {
		events := attempts(3000,
			func(i int) time.Time { return noon.AddDate(0, -i%3, 0).Add(time.Duration(i) * time.Millisecond) })
		for i := range events {
			events[i].FileID = fmt.Sprintf("round%d", round)
		}
		all = append(all, events...)
		b := bouncehouse.Batch{ID: fmt.Sprintf("killed-%d", round)}
		killed := make(chan struct{})
		time.AfterFunc(time.Duration(r.IntN(120))*time.Millisecond, func() { s.kill(); close(killed) })
		err := c.Write(t.Context(), b, &bouncehouse.Result{Events: events})
		if err != nil {
			unknown++
		}
		<-killed
		s.restart()
		for b.Recover = true; err != nil; {
			if !errors.Is(err, ErrUnreachable) {
				t.Fatalf("round %d: %v", round, err)
			}
			err = c.Write(t.Context(), b, &bouncehouse.Result{Events: events})
		}
	}
	t.Logf("%d of %d writes interrupted", unknown, rounds)
	if unknown == 0 {
		t.Error("no write was interrupted: the test tries nothing")
	}
	exactly(t, c, "after the kills", all)
}

func TestCancelledWrite(t *testing.T) {
	_, c := store(t)
	events := attempts(2000, func(int) time.Time { return noon })
	b := bouncehouse.Batch{ID: "cancelled"}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.Write(ctx, b, &bouncehouse.Result{Events: events}); err == nil {
		t.Fatal("written although the context had ended")
	}
	b.Recover = true
	write(t, c, b, &bouncehouse.Result{Events: events})
	exactly(t, c, "recovered", events)
}

// TestFindReadsFewGranules holds the read-back to the primary key.
func TestFindReadsFewGranules(t *testing.T) {
	_, c := store(t)
	const files, each = 10, 20_000
	for f := range files {
		events := attempts(each, func(i int) time.Time {
			return noon.Add(time.Duration(f)*time.Hour + time.Duration(i)*100*time.Millisecond)
		})
		for i := range events {
			events[i].FileID = fmt.Sprintf("file%02d", f)
		}
		write(t, c, bouncehouse.Batch{ID: fmt.Sprintf("few-%d", f)}, &bouncehouse.Result{Events: events})
	}
	if err := c.conn.Exec(t.Context(), "OPTIMIZE TABLE bouncehouse.events FINAL"); err != nil {
		t.Fatal(err)
	}
	sql, params := findSQL([]*span{{"mx1/var/log/mail.log", "file07", 3_000_000, 3_300_000},
		{"mx1/var/log/mail.log", "file09", 0, 300_000}, {"elsewhere", "x", 0, 0}},
		noon.Add(7*time.Hour), noon.Add(9*time.Hour+10*time.Minute))
	var lines []string
	if err := c.conn.QueryRow(clickhouse.Context(t.Context(), clickhouse.WithParameters(params)),
		"SELECT groupArray(explain) FROM (EXPLAIN indexes = 1 "+sql+")").Scan(&lines); err != nil {
		t.Fatal(err)
	}
	plan := strings.Join(lines, "\n")
	_, after, _ := strings.Cut(plan, "PrimaryKey")
	_, after, _ = strings.Cut(after, "Granules: ")
	var read, of int
	if _, err := fmt.Sscanf(after, "%d/%d", &read, &of); err != nil {
		t.Fatalf("%v in the plan:\n%s", err, plan)
	}
	t.Logf("%d of %d granules", read, of)
	if of < 20 || read > 5 {
		t.Errorf("reads %d of %d granules:\n%s", read, of, plan)
	}
}

// TestRecoverManyFiles recovers a batch of mails: each is a file of its own,
// and the questions are cut.
func TestRecoverManyFiles(t *testing.T) {
	_, c := store(t)
	const n = 10*maxSpans + 7
	events := attempts(n, func(i int) time.Time { return noon.Add(-time.Duration(i) * 10 * time.Minute) })
	for i := range events {
		events[i].Stream, events[i].FileID, events[i].Offset = `mx1:/var/mail/it's\bounces`,
			fmt.Sprintf("mail\t%d", i), 0
	}
	b := bouncehouse.Batch{ID: "mails"}
	var half []*bouncehouse.Event
	for i := range events {
		if i%2 == 0 {
			half = append(half, &events[i])
		}
	}
	if err := c.insertEvents(t.Context(), b.ID, b.ID, half); err != nil {
		t.Fatal(err)
	}
	b.Recover = true
	start := time.Now()
	write(t, c, b, &bouncehouse.Result{Events: events})
	t.Logf("%d files in %v", n, time.Since(start))
	exactly(t, c, "mails", events)
}

// A batch in which chunks come again, since ingest had no answer for the first:
// each event is stored once.
func TestRecoverABatchThatRepeatsItself(t *testing.T) {
	_, c := store(t)
	events := attempts(40, func(i int) time.Time { return noon.Add(time.Duration(i) * time.Second) })
	for stored, id := range map[int]string{0: "repeats-0", 7: "repeats-7"} {
		if err := c.conn.Exec(t.Context(), "TRUNCATE TABLE bouncehouse.events"); err != nil {
			t.Fatal(err)
		}
		write(t, c, bouncehouse.Batch{ID: id + "-before"}, &bouncehouse.Result{Events: slices.Clone(events[:stored])})
		write(t, c, bouncehouse.Batch{ID: id, Recover: true},
			&bouncehouse.Result{Events: slices.Concat(events[:20], events[:30], events)})
		exactly(t, c, id, events)
	}
}
