package sink

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"github.com/bouncehouse/bouncehouse"
	"github.com/bouncehouse/bouncehouse/schemas"
)

const (
	// settleTimeout bounds how long recover waits for a range's old queries to
	// be gone.
	settleTimeout = 2 * time.Minute
	// maxSpans is how many spans one question names.
	maxSpans = 100
)

// recover settles a batch of which an earlier write may have left some rows,
// or may still be at work. A deduplication token proves nothing about what
// landed (a killed server was seen to have the token without the rows), so
// the rows are asked for:
//
//	end the range's queries → ask → insert what lacks under the same tokens →
//	ask → insert what still lacks under fresh ones → ask → prove
//
// The same token comes first: it stops an earlier writer that wakes up later.
func (c *ClickHouse) recover(ctx context.Context, id string, pieces []piece) error {
	if err := c.endQueries(ctx, queryPrefix(id)); err != nil {
		return err
	}
	c.tellAside(ctx) // the server may have been started anew
	written := slices.Clip(pieces)
	lacking, err := c.lacking(ctx, pieces)
	for _, fresh := range []string{"", "!" + rand.Text()} {
		if err != nil || len(lacking) == 0 {
			break
		}
		for _, p := range lacking {
			if err := c.insertEvents(ctx, id, p.token+fresh, p.events); err != nil {
				return err
			}
		}
		written = append(written, lacking...)
		lacking, err = c.lacking(ctx, pieces)
	}
	if err != nil {
		return err
	}
	if len(lacking) > 0 {
		return fmt.Errorf("batch %s: %d events are not there after they were inserted", id, len(lacking[0].events))
	}
	for _, p := range written { // the events were found by four of their columns
		if err := prove(ctx, c, eventsTable(), p.events); err != nil {
			return err
		}
	}
	return nil
}

// endQueries stops all queries whose ids begin with prefix and returns once
// they are gone.
func (c *ClickHouse) endQueries(ctx context.Context, prefix string) error {
	ctx, cancel := context.WithTimeout(ctx, settleTimeout)
	defer cancel()
	// checkID has seen to it that the ID holds nothing but itself here; KILL
	// takes no parameters everywhere.
	where := "query_id LIKE '" + prefix + "%'"
	kill, processes := "KILL QUERY WHERE "+where+" SYNC", "system.processes"
	if c.cluster != "" {
		kill = "KILL QUERY ON CLUSTER " + schemas.QuoteName(c.cluster) + " WHERE " + where + " SYNC"
		processes = "clusterAllReplicas(" + schemas.QuoteName(c.cluster) + ", system.processes)"
	}
	// Others may call their queries as they like.
	seen := "SELECT count() FROM " + processes + " WHERE " + where + " AND ({user:String} = '' OR user = {user:String})"
	for wait := 10 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		if err := c.conn.Exec(ctx, kill); err != nil {
			return fmt.Errorf("end earlier writes: %w", reached(err))
		}
		var running uint64
		if err := c.conn.QueryRow(ctx, seen, clickhouse.Named("user", c.user)).Scan(&running); err != nil {
			return fmt.Errorf("see earlier writes gone: %w", reached(err))
		}
		if running == 0 {
			return nil
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return fmt.Errorf("%d earlier writes do not end: %w", running, ctx.Err())
		}
	}
}

// span is where a batch's events of one file lie.
type span struct {
	stream, fileID string
	from, to       int64 // offsets
}

// place is an origin without what identifies no event.
type place struct {
	stream, fileID string
	offset         int64
	ordinal        uint16
}

func placeOf(e *bouncehouse.Event) place { return place{e.Stream, e.FileID, e.Offset, e.Ordinal} }

// lacking returns of each piece the events that are not stored, each once,
// without the pieces that lack nothing. A batch may have the same chunk more
// than once: what ingest produced again because it had no answer.
func (c *ClickHouse) lacking(ctx context.Context, pieces []piece) ([]piece, error) {
	found := map[place]int{}
	var first, last time.Time
	spans := map[[2]string]*span{}
	var order []*span
	for _, p := range pieces {
		for _, e := range p.events {
			found[placeOf(e)] = 0
			if first.IsZero() || e.Time.Before(first) {
				first = e.Time
			}
			if last.IsZero() || e.Time.After(last) {
				last = e.Time
			}
			s := spans[[2]string{e.Stream, e.FileID}]
			if s == nil {
				s = &span{e.Stream, e.FileID, e.Offset, e.Offset}
				spans[[2]string{e.Stream, e.FileID}] = s
				order = append(order, s)
			}
			s.from, s.to = min(s.from, e.Offset), max(s.to, e.Offset)
		}
	}
	for len(order) > 0 {
		n := min(len(order), maxSpans)
		if err := c.find(ctx, order[:n], first, last, found); err != nil {
			return nil, err
		}
		order = order[n:]
	}
	twice := 0
	var lacking []piece
	for _, p := range pieces {
		l := piece{token: p.token}
		for _, e := range p.events {
			switch n := found[placeOf(e)]; {
			case n == 0:
				l.events = append(l.events, e)
				found[placeOf(e)] = 1
			case n > 1:
				twice++
			}
		}
		if len(l.events) > 0 {
			lacking = append(lacking, l)
		}
	}
	if twice > 0 {
		c.log.Error("events are stored more than once", "events", twice, "stream", pieces[0].events[0].Stream,
			"from", first, "to", last)
	}
	return lacking, nil
}

// find counts in found the stored events of the spans. The table's order is
// hour, stream, file, offset: it reads a few granules.
func (c *ClickHouse) find(ctx context.Context, spans []*span, first, last time.Time, found map[place]int) error {
	sql, params := findSQL(spans, first, last)
	rows, err := c.conn.Query(clickhouse.Context(ctx, clickhouse.WithParameters(params)), sql)
	if err != nil {
		return fmt.Errorf("ask which events are there: %w", reached(err))
	}
	defer rows.Close()
	for rows.Next() {
		var p place
		if err := rows.Scan(&p.stream, &p.fileID, &p.offset, &p.ordinal); err != nil {
			return fmt.Errorf("ask which events are there: %w", err)
		}
		if n, ours := found[p]; ours {
			found[p] = n + 1
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("ask which events are there: %w", reached(err))
	}
	return nil
}

func findSQL(spans []*span, first, last time.Time) (string, clickhouse.Parameters) {
	params := clickhouse.Parameters{
		"first": strconv.FormatInt(first.UnixMilli(), 10),
		"last":  strconv.FormatInt(last.UnixMilli(), 10),
	}
	var b strings.Builder
	b.WriteString(`SELECT stream, file_id, offset, ordinal FROM bouncehouse.events
WHERE time >= fromUnixTimestamp64Milli({first:Int64}, 'UTC') AND time <= fromUnixTimestamp64Milli({last:Int64}, 'UTC') AND (`)
	for i, s := range spans {
		if i > 0 {
			b.WriteString("\n  OR ")
		}
		n := strconv.Itoa(i)
		b.WriteString("stream = {s" + n + ":String} AND file_id = {f" + n + ":String} AND offset BETWEEN {a" + n +
			":Int64} AND {b" + n + ":Int64}")
		params["s"+n], params["f"+n] = escape(s.stream), escape(s.fileID)
		params["a"+n], params["b"+n] = strconv.FormatInt(s.from, 10), strconv.FormatInt(s.to, 10)
	}
	b.WriteString(")")
	return b.String(), params
}

// escape puts a string into the form of a query parameter.
func escape(s string) string {
	return strings.NewReplacer(`\`, `\\`, "\t", `\t`, "\n", `\n`, "\r", `\r`, "\x00", `\0`).Replace(s)
}
