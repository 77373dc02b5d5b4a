package sink

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"github.com/bouncehouse/bouncehouse"
)

// key is a column by which a row is found again.
type key[R any] struct {
	name, typ string
	value     func(*R) string
}

// table is how rows of a kind are written, and found again.
type table[R any] struct {
	name      string
	columns   []column[R]
	keys      []key[R]
	partition func(*R) int // equal for rows of one partition
}

func eventsTable() table[bouncehouse.Event] {
	type E = bouncehouse.Event
	return table[E]{"events", eventColumns(), []key[E]{
		{"time", millis, func(e *E) string { return moment(e.Time) }},
		{"stream", "String", func(e *E) string { return e.Stream }},
		{"file_id", "String", func(e *E) string { return e.FileID }},
		{"offset", "Int64", func(e *E) string { return strconv.FormatInt(e.Offset, 10) }},
		{"ordinal", "UInt16", func(e *E) string { return strconv.Itoa(int(e.Ordinal)) }},
	}, func(e *E) int { return month(e.Time) }}
}

func messagesTable() table[bouncehouse.Arrival] {
	type A = bouncehouse.Arrival
	return table[A]{"messages", arrivalColumns(), []key[A]{
		{"time", millis, func(a *A) string { return moment(a.Time) }},
		{"host", "String", func(a *A) string { return a.Host }},
		{"queue_id", "String", func(a *A) string { return a.QueueID }},
	}, func(a *A) int { return month(a.Time) }}
}

func deadTable() table[bouncehouse.DeadLetter] {
	type D = bouncehouse.DeadLetter
	return table[D]{"dead_letters", deadColumns(), []key[D]{
		{"stream", "String", func(d *D) string { return d.Stream }},
		{"file_id", "String", func(d *D) string { return d.FileID }},
		{"offset", "Int64", func(d *D) string { return strconv.FormatInt(d.Offset, 10) }},
		{"ordinal", "UInt16", func(d *D) string { return strconv.Itoa(int(d.Ordinal)) }},
	}, func(*D) int { return 0 }}
}

// moment is a time as a parameter of the type millis.
func moment(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05.000") }

// noSuchPart is ClickHouse's NO_SUCH_DATA_PART.
const noSuchPart = 232

// prove reads back what an INSERT of rows has just written: its
// acknowledgement is not believed. libchdb was seen to acknowledge INSERTs of
// which every write had failed on a full disk, and to rename the part with its
// empty files into place.
//
// An INSERT of one block makes one part of each partition that it touches,
// whole or not at all. So a row of each partition is looked up, and the part in
// which it is found is checked: all its files, those of indexes and projections
// too, against their checksums. A part that has been merged by then has been
// read for that. The embedded engine counts its failed writes before it
// acknowledges (engine/space.go): what it has is whole, and is looked up only.
func prove[R any](ctx context.Context, c *ClickHouse, t table[R], rows []*R) error {
	params := clickhouse.Parameters{}
	var where strings.Builder
	samples := map[int]bool{}
	for _, r := range rows {
		p := t.partition(r)
		if samples[p] {
			continue
		}
		if len(samples) > 0 {
			where.WriteString(" OR ")
		}
		for i, k := range t.keys {
			if i > 0 {
				where.WriteString(" AND ")
			}
			name := fmt.Sprintf("p%d_%d", len(samples), i)
			where.WriteString(k.name + " = {" + name + ":" + k.typ + "}")
			params[name] = escape(k.value(r))
		}
		samples[p] = true
	}
	if len(samples) == 0 {
		return nil
	}
	found := map[string]bool{}
	var parts []string
	sql := "SELECT DISTINCT _partition_id, _part FROM bouncehouse." + t.name + " WHERE " + where.String()
	asked, err := c.conn.Query(clickhouse.Context(ctx, clickhouse.WithParameters(params)), sql)
	if err != nil {
		return fmt.Errorf("read back from %s: %w", t.name, reached(err))
	}
	defer asked.Close()
	for asked.Next() {
		var partition, part string
		if err := asked.Scan(&partition, &part); err != nil {
			return fmt.Errorf("read back from %s: %w", t.name, err)
		}
		found[partition] = true
		// PARTITION_FIRST_LAST_LEVEL, of blocks; an INSERT is one block.
		if n := strings.Split(part, "_"); len(n) > 3 && n[1] == n[2] {
			parts = append(parts, part)
		}
	}
	if err := asked.Err(); err != nil {
		return fmt.Errorf("read back from %s: %w", t.name, reached(err))
	}
	if len(found) != len(samples) {
		return fmt.Errorf("read back from %s: rows of %d months were inserted, and of %d are there", t.name,
			len(samples), len(found))
	}
	if c.counts {
		return nil
	}
	for _, part := range parts {
		if err := c.check(ctx, t.name, part); err != nil {
			return err
		}
	}
	return nil
}

// check has ClickHouse hold a part's files against their checksums. Where they
// do not agree its rows may be whole all the same: after a full disk the
// engine goes on with a part of which a projection is damaged, and does not
// use that. Then all columns are read.
func (c *ClickHouse) check(ctx context.Context, table, part string) error {
	// The part's name is ClickHouse's own: letters, digits and underscores.
	sql := "CHECK TABLE bouncehouse." + table + " PART '" + part + "'"
	var sound uint8
	err := c.conn.QueryRow(clickhouse.Context(ctx,
		clickhouse.WithSettings(clickhouse.Settings{"check_query_single_value_result": 1})), sql).Scan(&sound)
	var exception *clickhouse.Exception
	if errors.As(err, &exception) && exception.Code == noSuchPart { // merged since
		return nil
	}
	if err == nil && sound == 0 {
		var rows uint64
		err = c.conn.QueryRow(ctx, "SELECT count() FROM bouncehouse."+table+" WHERE _part = '"+part+
			"' AND NOT ignore(*)").Scan(&rows)
	}
	if err != nil {
		return fmt.Errorf("check what was inserted into %s: %w", table, reached(err))
	}
	return nil
}
