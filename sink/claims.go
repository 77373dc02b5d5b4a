package sink

import (
	"context"
	"fmt"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2"

	"github.com/bouncehouse/bouncehouse"
)

// What a mail says of a message is believed where it cites what only a receiver
// of that message knows. The view claims (schemas) asks the same at every query,
// for all that was not verified when it was stored; here it is asked so that the
// column holds what could be known by then.

// citation is a name of a message and an address of it, as a claim puts them
// together. Its parts begin with what they are: m or q, r or s.
type citation struct{ id, address string }

// citations returns those that would prove the claim e.
func citations(e *bouncehouse.Event) (all []citation) {
	add := func(kind, id string, address string, of byte) {
		if id != "" && address != "" {
			all = append(all, citation{kind + id, string(of) + lower(address)})
		}
	}
	for _, recipient := range [...]string{e.Recipient, e.OriginalRecipient} {
		add("m", e.MessageID, recipient, 'r')
	}
	for _, id := range append([]string{e.QueueID}, e.CitedQueueIDs...) {
		add("q", id, e.Recipient, 'r')
		add("q", id, e.OriginalRecipient, 'r')
		add("q", id, e.Sender, 's')
	}
	if e.Outcome == bouncehouse.Complaint { // which seldom name the recipient
		add("m", e.MessageID, e.Sender, 's')
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
const maxCited = 64 << 10

// verify sets Verified of the claims that cite an attempt of ours. Those that
// proved themselves are not asked for, nor are automatic replies.
func (c *ClickHouse) verify(ctx context.Context, events []bouncehouse.Event) error {
	asked, size := map[citation][]*bouncehouse.Event{}, 0
	for i := range events {
		e := &events[i]
		if !e.Claim() || e.Verified || e.Outcome == bouncehouse.AutoReply || e.Direction != bouncehouse.Outbound {
			continue
		}
		for _, cited := range citations(e) {
			asked[cited] = append(asked[cited], e)
			size += len(cited.id) + len(cited.address)
		}
		if size >= maxCited {
			if err := c.askCited(ctx, asked); err != nil {
				return err
			}
			clear(asked)
			size = 0
		}
	}
	if len(asked) == 0 {
		return nil
	}
	return c.askCited(ctx, asked)
}

// citedSQL finds attempts by message id and by queue id, each by its index.
const citedSQL = `SELECT DISTINCT id, address FROM (
  SELECT concat('m', message_id) AS id, ` + addressesSQL + ` FROM bouncehouse.events
  WHERE NOT claim AND direction = 'outbound' AND message_id IN {messages:Array(String)}
  UNION ALL
  SELECT concat('q', queue_id) AS id, ` + addressesSQL + ` FROM bouncehouse.events
  WHERE NOT claim AND direction = 'outbound' AND queue_id IN {queued:Array(String)}
    AND source NOT IN ('qmail', 'hmailserver', 'mdaemon', 'exchange')) -- who count: anyone can
WHERE address IN {addresses:Array(String)}`

const addressesSQL = `arrayJoin([concat('r', lower(recipient)), concat('r', lower(original_recipient)), concat('s', lower(sender))]) AS address`

// askCited marks the claims whose citations are those of attempts.
func (c *ClickHouse) askCited(ctx context.Context, asked map[citation][]*bouncehouse.Event) error {
	var messages, queued, addresses []string
	for cited := range asked {
		addresses = append(addresses, cited.address)
		if id, ok := strings.CutPrefix(cited.id, "m"); ok {
			messages = append(messages, id)
		} else {
			queued = append(queued, cited.id[1:])
		}
	}
	params := clickhouse.Parameters{"messages": array(messages), "queued": array(queued), "addresses": array(addresses)}
	rows, err := c.conn.Query(clickhouse.Context(ctx, clickhouse.WithParameters(params)), citedSQL)
	if err != nil {
		return fmt.Errorf("ask for what claims cite: %w", reached(err))
	}
	defer rows.Close()
	for rows.Next() {
		var cited citation
		if err := rows.Scan(&cited.id, &cited.address); err != nil {
			return fmt.Errorf("ask for what claims cite: %w", err)
		}
		for _, e := range asked[cited] {
			e.Verified = true
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("ask for what claims cite: %w", reached(err))
	}
	return nil
}
