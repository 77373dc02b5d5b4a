package sink

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/google/go-cmp/cmp"

	"github.com/bouncehouse/bouncehouse"
)

// hostile stores n claims, each a mail of its own that cites ten ids as long as a mail can have, none of them ours, and
// the sender and one of the recipients of our attempts.
func hostile(t *testing.T, c *ClickHouse, n int) {
	t.Helper()
	if err := c.conn.Exec(t.Context(),
		fmt.Sprintf(`INSERT INTO bouncehouse.events (stream, file_id, offset, time, host, source, direction,
  queue_id, message_id, sender, recipient, original_recipient, outcome, class, dsn_origin, cited_queue_ids)
SELECT 'mx1:/var/mail/bounces', hex(sipHash128(number)), 0, toDateTime64('2026-11-20 13:00:00', 3, 'UTC') + number %% 3600, 'mx1.example.com', 'dsn', 'outbound',
  ids[1], concat(ids[2], '@example.com'), 'news@example.com', 'user@example.net', 'late@example.net', 'bounced', 'policy', 'remote', arrayStringConcat(arraySlice(ids, 3), ' ')
FROM (SELECT number, arrayMap(i -> concat(hex(sipHash128(number, i)), hex(sipHash128(i, number))), range(10)) AS ids FROM numbers(%d))`, n)); err != nil {
		t.Fatal(err)
	}
}

// TestClaimsCost holds the memory that the views take beside a hundred thousand claims that prove nothing: less than
// the ids that these cite, and far less than those with each address.
func TestClaimsCost(t *testing.T) {
	_, c := store(t)
	genuine, _, _ := proved()
	write(t, c, bouncehouse.Batch{ID: "mails"}, &bouncehouse.Result{Events: genuine})
	write(t, c, bouncehouse.Batch{ID: "logs"}, &bouncehouse.Result{Events: logged()})
	figures := func() []string {
		lines := claimFigures(t, c, "provider")
		slices.Sort(lines)
		return lines
	}
	want := figures()
	hostile(t, c, 100_000)
	write(t, c, bouncehouse.Batch{ID: "mails", Recover: true}, &bouncehouse.Result{Events: genuine}) // replayed
	if diff := cmp.Diff(want, figures()); diff != "" {
		t.Errorf("figures (-without +with hostile claims):\n%s", diff)
	}
	ctx := clickhouse.Context(t.Context(),
		clickhouse.WithSettings(clickhouse.Settings{"max_memory_usage": 128 << 20, "max_threads": 2}))
	for _, from := range []string{"late_bounces", "complaints", "claims WHERE NOT verified",
		"bounces WHERE attempt_id != ''"} {
		var n uint64
		if err := c.conn.QueryRow(ctx, "SELECT count() FROM bouncehouse."+from).Scan(&n); err != nil {
			t.Errorf("%s: %v", from, err)
		}
	}
}

// asking counts the questions that are put.
type asking struct {
	driver.Conn
	n int
}

func (a *asking) Query(ctx context.Context, sql string, args ...any) (driver.Rows, error) {
	a.n++
	return a.Conn.Query(ctx, sql, args...)
}

// TestVerifyCost counts the questions that a batch of hostile mails costs, of a hundred recipients and ten ids each,
// with one genuine mail among them: one to find its ids, one for its recipient.
func TestVerifyCost(t *testing.T) {
	_, c := store(t)
	write(t, c, bouncehouse.Batch{ID: "logs"}, &bouncehouse.Result{Events: logged()})
	var mails []bouncehouse.Event
	for i := range int64(256) {
		e := claim(i, fmt.Sprintf("random%d@example.com", i), fmt.Sprintf("4Random%d", i), "news@example.com", "")
		for n := range 8 {
			e.CitedQueueIDs = append(e.CitedQueueIDs, fmt.Sprintf("4Cited%dx%d", i, n))
		}
		for n := range 100 {
			e.Ordinal, e.Recipient = uint16(n), fmt.Sprintf("user%d@example.net", n)
			mails = append(mails, e)
		}
	}
	mails = slices.Insert(mails, 1000, claim(1000, "one@example.com", "", "news@example.com", "late@example.net"))
	asks := &asking{Conn: c.conn}
	c.conn = asks
	if err := c.verify(t.Context(), mails); err != nil {
		t.Fatal(err)
	}
	if asks.n > 2 {
		t.Errorf("%d questions, want 2", asks.n)
	}
	for i, e := range mails {
		if e.Verified != (i == 1000) {
			t.Fatalf("%s, %s: verified %v", e.MessageID, e.Recipient, e.Verified)
		}
	}
}
