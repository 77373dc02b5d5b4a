package sink

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/bouncehouse/bouncehouse"
)

// What a mail says of a message is believed where it cites what only a receiver
// of that message knows. The view claims (schemas) asks the same at every query,
// for all that was not verified when it was stored; here it is asked so that the
// column holds what could be known by then.

// citation is a name of a message and an address of it, as a claim puts them
// together. Its parts begin with what they are: m or q, r or s. To the address
// of a queue id belongs the message id, after a blank, or "" where the queue id is
// one that nobody guesses.
type citation struct{ id, address string }

// citations returns those that would prove the claim e.
func citations(e *bouncehouse.Event) (all []citation) {
	recipients, sender := []string{e.Recipient, e.OriginalRecipient}, []string{e.Sender}
	add := func(id string, kind byte, addresses []string, suffixes ...string) {
		for _, address := range addresses {
			for _, suffix := range suffixes {
				if len(id) > 1 && address != "" {
					all = append(all, citation{id, string(kind) + lower(address) + suffix})
				}
			}
		}
	}
	add("m"+e.MessageID, 'r', recipients, "")
	if e.Outcome == bouncehouse.Complaint { // which seldom name the recipient
		add("m"+e.MessageID, 's', sender, "")
	}
	messages := slices.Compact([]string{" " + e.MessageID, " "})
	for _, id := range append([]string{e.QueueID}, e.CitedQueueIDs...) {
		add("q"+id, 'r', recipients, messages...)
		add("q"+id, 's', sender, messages...)
	}
	return all
}

// lower is ClickHouse's function of that name: A-Z only.
func lower(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			r += 'a' - 'A'
		}
		return r
	}, s)
}

// maxCited bounds the bytes of what one question cites: it goes in a URL, of
// which servers take a megabyte, and strangers choose how long their ids are.
// The fewer questions the better: where one has more than some forty ids,
// bloom filters leave nothing out, and it reads the ids of all attempts.
const maxCited = 400 << 10

// verify sets Verified of the claims that cite an attempt of ours. Those that
// proved themselves are not asked for, nor are automatic replies.
//
// Anyone can send mails that cite ten ids and a hundred recipients, all made up.
// So it is asked first which ids are those of attempts, each id once a batch,
// and only of what cites one of these about the addresses, likewise.
func (c *ClickHouse) verify(ctx context.Context, events []bouncehouse.Event) error {
	var unproved []*bouncehouse.Event
	for i := range events {
		e := &events[i]
		if e.Claim() && !e.Verified && e.Outcome != bouncehouse.AutoReply && e.Direction == bouncehouse.Outbound {
			unproved = append(unproved, e)
		}
	}
	known, err := c.known(ctx, unproved)
	if err != nil {
		return err
	}
	asked, q := map[citation][]*bouncehouse.Event{}, question{}
	for _, e := range unproved {
		for _, cited := range citations(e) {
			if known[cited.id] {
				asked[cited] = append(asked[cited], e)
				q.id(cited.id)
				q.address(cited.address)
			}
		}
		if q.size >= maxCited {
			if err := c.askCited(ctx, q, asked); err != nil {
				return err
			}
			clear(asked)
			q = question{}
		}
	}
	return c.askCited(ctx, q, asked)
}

// question is what one query asks for: each id and address once.
type question struct {
	seen                        map[string]bool
	messages, queued, addresses []string
	size                        int // bytes
}

func (q *question) id(id string) {
	switch {
	case !q.fresh(id):
	case id[0] == 'm':
		q.messages = append(q.messages, id[1:])
	default:
		q.queued = append(q.queued, id[1:])
	}
}

func (q *question) address(address string) {
	if q.fresh(address) {
		q.addresses = append(q.addresses, address)
	}
}

// fresh tells whether s, whose first byte tells what it is, is not in the question yet.
func (q *question) fresh(s string) bool {
	if q.seen[s] {
		return false
	}
	if q.seen == nil {
		q.seen = map[string]bool{}
	}
	q.seen[s] = true
	q.size += len(url.QueryEscape(s)) + len("%27%27%2C")
	return true
}

// knownSQL finds the ids of attempts, message ids and queue ids each by their index.
const knownSQL = `SELECT DISTINCT concat('m', message_id) AS id` + byMessage + `
UNION ALL
SELECT DISTINCT concat('q', queue_id) AS id` + byQueue

const (
	byMessage = `
FROM bouncehouse.events
WHERE NOT claim AND direction = 'outbound' AND message_id IN {messages:Array(String)}`
	byQueue = `
FROM bouncehouse.events
WHERE NOT claim AND direction = 'outbound' AND queue_id IN {queued:Array(String)}
  AND source NOT IN ('qmail', 'hmailserver', 'mdaemon', 'exchange') -- who count: anyone can
`
)

// known returns which of the ids that the claims cite attempts of ours have.
func (c *ClickHouse) known(ctx context.Context, claims []*bouncehouse.Event) (map[string]bool, error) {
	known, all := map[string]bool{}, map[string]bool{}
	q := question{}
	ask := func() error {
		err := c.ask(ctx, knownSQL, q, func(rows driver.Rows) error {
			var id string
			err := rows.Scan(&id)
			known[id] = true
			return err
		})
		q = question{}
		return err
	}
	for _, e := range claims {
		for _, cited := range citations(e) {
			if !all[cited.id] {
				all[cited.id] = true
				q.id(cited.id)
			}
		}
		if q.size >= maxCited {
			if err := ask(); err != nil {
				return nil, err
			}
		}
	}
	return known, ask()
}

// random are queue ids that prove without the message id, unguessed those that do with a
// recipient; schemas tells why.
const (
	random    = `^q[0-9a-f]{16}$`
	unguessed = `^q([0-9B-DF-HJ-NP-TV-Zb-df-hj-np-tv-z]{10,}z[0-9B-DF-HJ-NP-TV-Zb-df-hj-np-tv-y]+|[0-9a-f]{8})$`
)

// citedSQL finds attempts as knownSQL does, with their addresses. With a message id the
// original recipient proves nothing: of a list he stands in its archive beside it.
const citedSQL = `SELECT DISTINCT id, address FROM (
SELECT concat('m', message_id) AS id, arrayJoin([concat('r', lower(recipient)), concat('s', lower(sender))]) AS address` + byMessage + `
UNION ALL
SELECT concat('q', queue_id) AS id, concat((arrayJoin([concat('r', lower(recipient)), concat('r', lower(original_recipient)),
    concat('s', lower(sender))]) AS whose), ' ', multiIf(
    match(id, '` + random + `') OR startsWith(whose, 'r') AND match(id, '` + unguessed + `'), '', message_id = '', '\n', message_id)) AS address` + byQueue + `)
WHERE address IN {addresses:Array(String)}`

// askCited marks the claims whose citations are those of attempts.
func (c *ClickHouse) askCited(ctx context.Context, q question, asked map[citation][]*bouncehouse.Event) error {
	return c.ask(ctx, citedSQL, q, func(rows driver.Rows) error {
		var cited citation
		err := rows.Scan(&cited.id, &cited.address)
		for _, e := range asked[cited] {
			e.Verified = true
		}
		return err
	})
}

// ask puts a question, if it asks for anything, and calls read for each row of the answer.
func (c *ClickHouse) ask(ctx context.Context, sql string, q question, read func(driver.Rows) error) error {
	if q.size == 0 {
		return nil
	}
	params := clickhouse.Parameters{"messages": array(q.messages), "queued": array(q.queued)}
	if len(q.addresses) > 0 {
		params["addresses"] = array(q.addresses)
	}
	rows, err := c.conn.Query(clickhouse.Context(ctx, clickhouse.WithParameters(params)), sql)
	if err != nil {
		return fmt.Errorf("ask for what claims cite: %w", reached(err))
	}
	defer rows.Close()
	for rows.Next() {
		if err := read(rows); err != nil {
			return fmt.Errorf("ask for what claims cite: %w", err)
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("ask for what claims cite: %w", reached(err))
	}
	return nil
}
