package sink

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"golang.org/x/sync/errgroup"

	"github.com/bouncehouse/bouncehouse"
)

// maxPartitions is how many of the table's partitions (months) one INSERT may
// touch; the server refuses more than 100.
const maxPartitions = 50

// cacheRows is how many rows are gathered column after column before the next
// ones: as many as stay in the processor's cache meanwhile.
const cacheRows = 512

// piece is what one INSERT writes of a batch. The same batch is always cut the
// same way, and a piece has the same token in every process.
type piece struct {
	token  string
	events []*bouncehouse.Event
}

// Write makes the batch durable: events, and at the same time arrivals and
// dead letters, which may be written any number of times. A batch with Recover
// set is settled as recover.go says. What was written is proved as prove.go
// says. The error is syscall.ENOSPC where ClickHouse has no room.
func (c *ClickHouse) Write(ctx context.Context, b bouncehouse.Batch, res *bouncehouse.Result) error {
	if err := checkID(b.ID); err != nil {
		return err
	}
	events, poison := sift(b, res.Events)
	var group errgroup.Group
	group.Go(func() error { return insertProved(ctx, c, messagesTable(), b.ID, "", arrivals(res.Arrivals)) })
	group.Go(func() error {
		return insertProved(ctx, c, deadTable(), b.ID, "", append(pointers(res.Dead), poison...))
	})
	pieces := cut(b.ID, events)
	if !b.Recover {
		group.Go(func() error {
			for _, p := range pieces {
				if err := insertProved(ctx, c, eventsTable(), b.ID, p.token, p.events); err != nil {
					return err
				}
			}
			return nil
		})
		return group.Wait()
	}
	if err := group.Wait(); err != nil || len(events) == 0 { // recover ends what is under way
		return err
	}
	return c.recover(ctx, b.ID, pieces)
}

// insertProved inserts rows and proves that they are there.
func insertProved[R any](ctx context.Context, c *ClickHouse, t table[R], id, token string, rows []*R) error {
	if err := insert(ctx, c, t, id, token, rows); err != nil {
		return err
	}
	return prove(ctx, c, t, rows)
}

// checkID holds the ID to its contract, since it stands in a LIKE pattern.
func checkID(id string) error {
	if id == "" || len(id) > 200 {
		return fmt.Errorf("batch ID of %d bytes", len(id))
	}
	for i := range len(id) {
		if ch := id[i]; ch <= ' ' || ch > '~' || strings.IndexByte("'\"`%_\\", ch) >= 0 {
			return fmt.Errorf("batch ID %q: byte %q is not allowed in it", id, ch)
		}
	}
	return nil
}

// cut divides events so that no piece touches more than maxPartitions months.
func cut(id string, events []*bouncehouse.Event) []piece {
	months := map[int]int{} // month → rank
	for _, e := range events {
		months[month(e.Time)] = 0
	}
	if len(months) <= maxPartitions {
		return []piece{{id, events}}
	}
	sorted := make([]int, 0, len(months))
	for m := range months {
		sorted = append(sorted, m)
	}
	slices.Sort(sorted)
	for rank, m := range sorted {
		months[m] = rank
	}
	pieces := make([]piece, (len(sorted)+maxPartitions-1)/maxPartitions)
	for i := range pieces {
		pieces[i].token = fmt.Sprintf("%s#%d", id, i)
	}
	for _, e := range events {
		p := &pieces[months[month(e.Time)]/maxPartitions]
		p.events = append(p.events, e)
	}
	return pieces
}

func month(t time.Time) int {
	y, m, _ := t.UTC().Date()
	return y*12 + int(m)
}

// queryPrefix is what the ids of all queries of a batch begin with. No other
// batch's do, be its ID the beginning of this one's.
func queryPrefix(id string) string { return id + "/" }

func (c *ClickHouse) insertEvents(ctx context.Context, id, token string, events []*bouncehouse.Event) error {
	return insert(ctx, c, eventsTable(), id, token, events)
}

// insert writes rows to a table with one INSERT of one block. Where token is
// not empty the server drops what it already holds under it. After an error it
// is not known which of the rows are there.
func insert[R any](ctx context.Context, c *ClickHouse, t table[R], id, token string, rows []*R) error {
	if len(rows) == 0 {
		return nil
	}
	settings := clickhouse.Settings{"async_insert": 0, "insert_deduplicate": 0}
	if token != "" {
		settings["insert_deduplicate"] = 1
		settings["insert_deduplication_token"] = token
	}
	names := make([]string, len(t.columns))
	types := make([]clickhouse.ColumnNameAndType, len(t.columns))
	for i := range t.columns {
		names[i] = t.columns[i].name
		types[i] = clickhouse.ColumnNameAndType{Name: t.columns[i].name, Type: t.columns[i].wire()}
	}
	// A second query of the same id is refused while the first one runs.
	ctx = clickhouse.Context(ctx, clickhouse.WithQueryID(queryPrefix(id)+t.name+"/"+rand.Text()),
		clickhouse.WithSettings(settings), clickhouse.WithColumnNamesAndTypes(types))
	batch, err := c.conn.PrepareBatch(ctx, "INSERT INTO bouncehouse."+t.name+" ("+strings.Join(names, ", ")+")")
	if err != nil {
		return fmt.Errorf("insert into %s: %w", t.name, reached(err))
	}
	defer batch.Close()
	var g gatherer
	for some := range slices.Chunk(rows, cacheRows) {
		for i := range t.columns {
			if err := batch.Column(i).Append(t.columns[i].gather(&g, some)); err != nil {
				return fmt.Errorf("insert into %s: column %s: %w", t.name, t.columns[i].name, err)
			}
		}
	}
	// Over HTTP the driver would send columns of unequal length as an empty
	// body, which succeeds.
	for _, col := range batch.Columns() {
		if col.Rows() != len(rows) {
			return fmt.Errorf("insert into %s: column %s has %d of %d rows", t.name, col.Name(), col.Rows(), len(rows))
		}
	}
	if err := batch.Send(); err != nil {
		return fmt.Errorf("insert into %s: %w", t.name, reached(err))
	}
	return nil
}

// pointers to the elements of rows.
func pointers[R any](rows []R) []*R {
	ps := make([]*R, len(rows))
	for i := range rows {
		ps[i] = &rows[i]
	}
	return ps
}
