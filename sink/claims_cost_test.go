package sink

import (
	"fmt"
	"slices"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/google/go-cmp/cmp"

	"github.com/bouncehouse/bouncehouse"
)

// hostile stores n claims, each a mail of its own that cites ten ids as long as a mail can have, none of them ours, and
// the sender and one of the recipients of our attempts.
func hostile(t *testing.T, c *ClickHouse, n int) {
	t.Helper()
	if err := c.conn.Exec(t.Context(), fmt.Sprintf(`INSERT INTO bouncehouse.events (stream, file_id, offset, time, host, source, direction,
  queue_id, message_id, sender, recipient, original_recipient, outcome, class, dsn_origin, cited_queue_ids)
SELECT 'mx1:/var/mail/bounces', hex(sipHash128(number)), 0, toDateTime64('2026-11-20 13:00:00', 3, 'UTC') + number %% 3600, 'mx1.example.com', 'dsn', 'outbound',
  ids[1], concat(ids[2], '@example.com'), 'news@example.com', 'user@example.net', 'late@example.net', 'bounced', 'policy', 'remote', arrayStringConcat(arraySlice(ids, 3), ' ')
FROM (SELECT number, arrayMap(i -> concat(hex(sipHash128(number, i)), hex(sipHash128(i, number))), range(10)) AS ids FROM numbers(%d))`, n)); err != nil {
		t.Fatal(err)
	}
}

// TestClaimsCost holds the memory that the views take beside a hundred thousand claims that prove nothing: less than the
// ids that these cite, and far less than those with each address.
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
	ctx := clickhouse.Context(t.Context(), clickhouse.WithSettings(clickhouse.Settings{"max_memory_usage": 128 << 20, "max_threads": 2}))
	for _, from := range []string{"late_bounces", "complaints", "claims WHERE NOT verified", "bounces WHERE attempt_id != ''"} {
		var n uint64
		if err := c.conn.QueryRow(ctx, "SELECT count() FROM bouncehouse."+from).Scan(&n); err != nil {
			t.Errorf("%s: %v", from, err)
		}
	}
}
