package sink

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"github.com/bouncehouse/bouncehouse"
)

// maxLeft bounds the recipients that are left of one message.
const maxLeft = 50_000

// givenUp is a record that says of a whole message that it was given up, and names no recipient.
type givenUp struct {
	message
	from, to int // its events in the result
	event    bouncehouse.Event
	since    time.Time // when the message came in, as far as this result tells
	left     []string
}

// settleLeft puts the recipients that the stored attempts name in the place of those that the parser guessed: who was
// deferred last, since the message came in. So the rows of such a record are the same as of a parser that has seen all
// of the message. Where nothing is stored of it, the parser's word stays.
func (m messageContext) settleLeft(ctx context.Context, res *bouncehouse.Result) error {
	if !guesses(res) {
		return nil
	}
	arrived := map[message][]time.Time{}
	for i := range res.Arrivals {
		a := &res.Arrivals[i]
		arrived[message{a.Host, a.QueueID}] = append(arrived[message{a.Host, a.QueueID}], a.Time)
	}
	var all []givenUp
	for i := range res.Events {
		e := &res.Events[i]
		if !e.Guessed {
			continue
		}
		if n := len(all); n > 0 && e.Ordinal > 0 && all[n-1].to == i {
			all[n-1].to++
			continue
		}
		g := givenUp{message: message{e.Host, e.QueueID}, from: i, to: i + 1, event: *e, since: firstTime}
		for _, at := range arrived[g.message] {
			if at.After(g.since) && !at.After(e.Time) {
				g.since = at
			}
		}
		all = append(all, g)
	}
	for some := range slices.Chunk(all, maxAsked) {
		if err := m.askLeft(ctx, some); err != nil {
			return err
		}
	}
	addRead(all, res)
	events := make([]bouncehouse.Event, 0, len(res.Events))
	at := 0
	for _, g := range all {
		events = append(events, res.Events[at:g.from]...)
		at = g.to
		if len(g.left) == 0 {
			events = append(events, res.Events[g.from:g.to]...)
			continue
		}
		slices.Sort(g.left) // as the parser has them
		for i, recipient := range g.left {
			e := g.event
			e.Recipient, e.Ordinal = recipient, uint16(i)
			events = append(events, e)
		}
	}
	res.Events = append(events, res.Events[at:]...)
	return nil
}

// addRead adds what the result's own records said before: they are not stored yet.
func addRead(all []givenUp, res *bouncehouse.Result) {
	byMessage := map[message][]*givenUp{}
	for i := range all {
		byMessage[all[i].message] = append(byMessage[all[i].message], &all[i])
	}
	for i := range res.Events {
		e := &res.Events[i]
		if e.Guessed || e.Recipient == "" || e.Direction != bouncehouse.Outbound {
			continue
		}
		for _, g := range byMessage[message{e.Host, e.QueueID}] {
			if i > g.from || e.Time.Before(g.since) {
				continue
			}
			if at := slices.Index(g.left, e.Recipient); at >= 0 {
				g.left = slices.Delete(g.left, at, at+1)
			}
			if e.Outcome == bouncehouse.Deferred && len(g.left) < maxLeft {
				g.left = append(g.left, e.Recipient)
			}
		}
	}
}

// leftSQL answers for each question, a row of q, who was deferred last of those that were tried since the newest
// arrival of the message. What stands at or behind the record itself, from an earlier try to write it, is not looked
// at.
const leftSQL = `WITH q AS (
  SELECT arrayJoin(arrayZip({n:Array(UInt32)}, {hosts:Array(String)}, {ids:Array(String)}, {times:Array(Int64)},
    {sinces:Array(Int64)}, {streams:Array(String)}, {files:Array(String)}, {offsets:Array(Int64)})) AS x,
    x.1 AS n, x.2 AS host, x.3 AS queue_id, fromUnixTimestamp64Milli(x.4, 'UTC') AS at,
    fromUnixTimestamp64Milli(x.5, 'UTC') AS since, x.6 AS stream, x.7 AS file_id, x.8 AS offset),
arrived AS (
  SELECT q.n AS n, max(m.time) AS time FROM q JOIN (
    SELECT host, queue_id, time FROM bouncehouse.messages
    WHERE host IN {hosts:Array(String)} AND queue_id IN {ids:Array(String)}
      AND time >= fromUnixTimestamp64Milli({first:Int64}, 'UTC') AND time <= fromUnixTimestamp64Milli({last:Int64}, 'UTC')) AS m
  ON m.host = q.host AND m.queue_id = q.queue_id WHERE m.time <= q.at GROUP BY n)
SELECT q.n AS n, e.recipient AS recipient FROM q JOIN (
  SELECT host, queue_id, recipient, outcome, time, stream, file_id, chunk, offset, ordinal FROM bouncehouse.events
  WHERE host IN {hosts:Array(String)} AND queue_id IN {ids:Array(String)} AND recipient != ''
    AND direction = 'outbound' AND NOT claim
    AND time >= fromUnixTimestamp64Milli({first:Int64}, 'UTC') AND time <= fromUnixTimestamp64Milli({last:Int64}, 'UTC')) AS e
ON e.host = q.host AND e.queue_id = q.queue_id LEFT JOIN arrived ON arrived.n = q.n
WHERE e.time <= q.at AND e.time >= greatest(arrived.time, q.since) AND NOT (e.stream = q.stream AND e.file_id = q.file_id AND e.offset >= q.offset)
GROUP BY n, recipient HAVING argMax(e.outcome, (e.time, e.chunk, e.offset, e.ordinal)) = 'deferred'
ORDER BY n, recipient LIMIT {most:UInt64} BY n`

func (m messageContext) askLeft(ctx context.Context, all []givenUp) error {
	var hosts, ids, streams, files []string
	var n, times, sinces, offsets []int64
	first, last := all[0].event.Time, all[0].event.Time
	for i, g := range all {
		e := &g.event
		if e.Time.Before(first) {
			first = e.Time
		}
		if e.Time.After(last) {
			last = e.Time
		}
		hosts, ids = append(hosts, g.host), append(ids, g.queueID)
		streams, files = append(streams, e.Stream), append(files, e.FileID)
		n, offsets = append(n, int64(i)), append(offsets, e.Offset)
		times, sinces = append(times, e.Time.UnixMilli()), append(sinces, g.since.UnixMilli())
	}
	params := clickhouse.Parameters{
		"hosts": array(hosts), "ids": array(ids), "streams": array(streams), "files": array(files),
		"n": numbers(n), "times": numbers(times), "sinces": numbers(sinces), "offsets": numbers(offsets),
		"most":  strconv.Itoa(maxLeft),
		"first": strconv.FormatInt(storable(first.Add(-maxQueueTime)).UnixMilli(), 10),
		"last":  strconv.FormatInt(storable(last).UnixMilli(), 10),
	}
	rows, err := m.c.conn.Query(clickhouse.Context(ctx, clickhouse.WithParameters(params)), leftSQL)
	if err != nil {
		return fmt.Errorf("ask who is left of messages: %w", reached(err))
	}
	defer rows.Close()
	for rows.Next() {
		var i uint32
		var recipient string
		if err := rows.Scan(&i, &recipient); err != nil {
			return fmt.Errorf("ask who is left of messages: %w", err)
		}
		all[i].left = append(all[i].left, recipient)
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("ask who is left of messages: %w", reached(err))
	}
	return nil
}

// numbers puts integers into the form of a query parameter of type Array.
func numbers(values []int64) string {
	b := []byte{'['}
	for i, v := range values {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, v, 10)
	}
	return string(append(b, ']'))
}

func guesses(res *bouncehouse.Result) bool {
	for i := range res.Events {
		if res.Events[i].Guessed {
			return true
		}
	}
	return false
}
