package sink

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"github.com/bouncehouse/bouncehouse"
)

const (
	// maxQueueTime bounds how long before an attempt its message may have
	// arrived: mail systems give up after days.
	maxQueueTime = 30 * 24 * time.Hour
	// maxAsked is how many messages one question names.
	maxAsked = 2000
	// maxArrivals is how many arrivals of one host and queue id are looked at:
	// the newest ones, those that say most first (see fuller).
	maxArrivals = 20
	// maxRefused is how often a question is put that the server answers with an
	// error: for some ten minutes. A full disk or a query that takes all memory
	// is over by then; what lasts longer must not stop the counting.
	maxRefused = 30
)

// Context returns an enricher that adds what only the tables know: sender,
// message id, client and SASL user of our own attempts, from the messages table,
// where the parser did not know them any more (after a restart, or days later);
// for the same reason the recipients of a message that was given up as a whole;
// and Verified of claims, from the attempts (claims.go).
func (c *ClickHouse) Context() bouncehouse.Enricher { return messageContext{c} }

type messageContext struct{ c *ClickHouse }

// message names one as the logs do.
type message struct{ host, queueID string }

// Enrich asks once for a batch, but for more than maxAsked messages. While
// ClickHouse does not answer it waits, as the batch's write would: what was
// stored without its context would stay so.
func (m messageContext) Enrich(ctx context.Context, res *bouncehouse.Result) error {
	refused := 0
	for wait := 200 * time.Millisecond; ; wait = min(2*wait, 30*time.Second) {
		err := m.c.verify(ctx, res.Events)
		if err == nil {
			err = m.fill(ctx, res.Events)
		}
		if err == nil {
			err = m.settleLeft(ctx, res)
		}
		if err == nil || ctx.Err() != nil {
			return err
		}
		if !errors.Is(err, ErrUnreachable) {
			if refused++; refused >= maxRefused {
				return err
			}
		}
		m.c.log.Warn("no context of messages, asking again", "wait", wait, "error", err)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// fill completes the attempts.
func (m messageContext) fill(ctx context.Context, events []bouncehouse.Event) error {
	asked := map[message][]bouncehouse.Arrival{}
	var order []message
	var first, last time.Time
	for i := range events {
		e := &events[i]
		if !wantsContext(e) {
			continue
		}
		if len(order) == 0 || e.Time.Before(first) {
			first = e.Time
		}
		if len(order) == 0 || e.Time.After(last) {
			last = e.Time
		}
		for _, k := range messagesOf(e) {
			if _, ok := asked[k]; !ok {
				asked[k] = nil
				order = append(order, k)
			}
		}
	}
	for len(order) > 0 {
		n := min(len(order), maxAsked)
		if err := m.ask(ctx, order[:n], storable(first.Add(-maxQueueTime)), storable(last), asked); err != nil {
			return err
		}
		order = order[n:]
	}
	for i := range events {
		if e := &events[i]; wantsContext(e) {
			for _, k := range messagesOf(e) {
				fillContext(e, asked[k])
			}
		}
	}
	return nil
}

// messagesOf is the message of an attempt; and, where its lines name no host, as
// it was called when the stream was met first, which keeps that host's name.
func messagesOf(e *bouncehouse.Event) []message {
	names := []message{{e.Host, e.QueueID}}
	if host, _, ok := strings.Cut(e.Stream, ":"); ok && host != e.Host {
		names = append(names, message{host, e.QueueID})
	}
	return names
}

func wantsContext(e *bouncehouse.Event) bool {
	return !e.ContextKnown && e.QueueID != "" && e.Direction == bouncehouse.Outbound && !e.Claim()
}

// fillContext takes the newest arrival that is not after the event. Arrivals
// are sorted, oldest first.
func fillContext(e *bouncehouse.Event, arrivals []bouncehouse.Arrival) {
	n := sort.Search(len(arrivals), func(i int) bool { return arrivals[i].Time.After(e.Time) })
	if n == 0 || e.ContextKnown {
		return
	}
	a := fuller(arrivals[:n])
	for _, f := range []struct {
		to   *string
		from string
	}{{&e.Sender, a.Sender}, {&e.MessageID, a.MessageID}, {&e.Client, a.Client}, {&e.SASLUser, a.SASLUser}} {
		*f.to = cmp.Or(*f.to, f.from)
	}
	e.ContextKnown = true
}

// fuller is the last arrival, with what those say that it repeats. Postfix says
// sender and size again whenever the queue manager takes a deferred message up
// ("from=<...>, size=..., (queue active)"), and a parser that has not seen all of
// how the message came in makes an arrival of that, without message id or client.
// Of a held message it makes one without sender and size before.
func fuller(arrivals []bouncehouse.Arrival) bouncehouse.Arrival {
	last := arrivals[len(arrivals)-1]
	for _, a := range slices.Backward(arrivals) {
		held := a.Sender == "" && a.Size == 0
		if !held && (a.Sender != last.Sender || a.Size != last.Size) ||
			last.MessageID != "" && a.MessageID != "" && a.MessageID != last.MessageID {
			break // the queue id was used for another message
		}
		last.MessageID = cmp.Or(last.MessageID, a.MessageID)
		last.Client = cmp.Or(last.Client, a.Client)
		last.SASLUser = cmp.Or(last.SASLUser, a.SASLUser)
	}
	return last
}

// ask appends the arrivals of the messages to asked, oldest first.
func (m messageContext) ask(ctx context.Context, messages []message, first, last time.Time,
	asked map[message][]bouncehouse.Arrival) error {
	hosts, ids := make([]string, 0, 8), make([]string, len(messages))
	seen := map[string]bool{}
	for i, k := range messages {
		ids[i] = k.queueID
		if !seen[k.host] {
			seen[k.host] = true
			hosts = append(hosts, k.host)
		}
	}
	params := clickhouse.Parameters{
		"hosts": array(hosts), "ids": array(ids),
		"first": strconv.FormatInt(first.UnixMilli(), 10), "last": strconv.FormatInt(last.UnixMilli(), 10),
		"most": strconv.Itoa(maxArrivals),
	}
	rows, err := m.c.conn.Query(clickhouse.Context(ctx, clickhouse.WithParameters(params)),
		`SELECT host, queue_id, time, sender, message_id, client, sasl_user, size FROM (
  SELECT * FROM bouncehouse.messages
  WHERE host IN {hosts:Array(String)} AND queue_id IN {ids:Array(String)}
    AND time >= fromUnixTimestamp64Milli({first:Int64}, 'UTC') AND time <= fromUnixTimestamp64Milli({last:Int64}, 'UTC')
  ORDER BY (message_id != '') + (client != '') DESC, time DESC, offset DESC LIMIT {most:UInt64} BY host, queue_id)
ORDER BY time, offset`)
	if err != nil {
		return fmt.Errorf("ask for messages: %w", reached(err))
	}
	defer rows.Close()
	for rows.Next() {
		var k message
		var a bouncehouse.Arrival
		if err := rows.Scan(&k.host, &k.queueID, &a.Time, &a.Sender, &a.MessageID, &a.Client, &a.SASLUser,
			&a.Size); err != nil {
			return fmt.Errorf("ask for messages: %w", err)
		}
		if _, ok := asked[k]; ok {
			asked[k] = append(asked[k], a)
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("ask for messages: %w", reached(err))
	}
	return nil
}

// array puts strings into the form of a query parameter of type Array(String).
func array(values []string) string {
	r := strings.NewReplacer(`\`, `\\`, `'`, `\'`, "\t", `\t`, "\n", `\n`, "\r", `\r`, "\x00", `\0`)
	var b strings.Builder
	b.WriteByte('[')
	for i, v := range values {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteByte('\'')
		_, _ = r.WriteString(&b, v)
		b.WriteByte('\'')
	}
	b.WriteByte(']')
	return b.String()
}
