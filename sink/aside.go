package sink

import (
	"context"
	"strings"

	"github.com/bouncehouse/bouncehouse/schemas"
)

// asideSQL lists the parts that ClickHouse does not use. One is back where its
// first and last blocks are in parts in use: those that it was merged of.
const asideSQL = `SELECT d.table, d.name, ifNull(d.reason, ''), d.path, ifNull(d.min_block_number = d.max_block_number, 0),
  arrayExists((a, b) -> d.min_block_number BETWEEN a AND b, p.mins, p.maxs) AND arrayExists((a, b) -> d.max_block_number BETWEEN a AND b, p.mins, p.maxs)
FROM system.detached_parts AS d
LEFT JOIN (
  SELECT table, partition_id, groupArray(min_block_number) AS mins, groupArray(max_block_number) AS maxs
  FROM system.parts WHERE database = '` + schemas.Database + `' AND active GROUP BY table, partition_id) AS p
ON p.table = d.table AND p.partition_id = d.partition_id
WHERE d.database = '` + schemas.Database + `'`

// tellAside logs each part that ClickHouse has set aside because it could not
// read it, once. It does so in silence, at its start: rows that were there are
// not any more. A replica fetches them from another.
func (c *ClickHouse) tellAside(ctx context.Context) {
	if c.cluster != "" {
		return
	}
	if err := c.askAside(ctx); err != nil {
		c.log.Warn("ask for damaged parts", "error", err)
	}
}

func (c *ClickHouse) askAside(ctx context.Context) error {
	rows, err := c.conn.Query(ctx, asideSQL)
	if err != nil {
		return reached(err)
	}
	defer rows.Close()
	c.mu.Lock()
	defer c.mu.Unlock()
	for rows.Next() {
		var table, name, reason, path string
		var oneBlock, back uint8
		if err := rows.Scan(&table, &name, &reason, &path, &oneBlock, &back); err != nil {
			return err
		}
		if !strings.HasPrefix(reason, "broken") || c.aside[path] {
			continue // detached by hand, or told
		}
		c.aside[path] = true
		log := c.log.With("table", table, "part", name, "path", path)
		switch {
		case back == 1:
			log.Info("ClickHouse has set aside a damaged part; those that it was merged of are back: nothing is lost")
		case oneBlock == 1:
			log.Warn("ClickHouse has set aside what an INSERT left damaged: it was never acknowledged, and its batch is written again, unless the disk itself has lost it")
		default:
			c.lost++
			log.Error("ROWS ARE LOST: ClickHouse has set aside a damaged part. To have all that the logs still tell, read them into a new state directory: bouncehouse run --state DIR PATH...")
		}
	}
	return reached(rows.Err())
}

// Lost is how many parts with rows that were committed ClickHouse was seen to
// have set aside since Open.
func (c *ClickHouse) Lost() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lost
}
