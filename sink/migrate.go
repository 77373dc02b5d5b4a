package sink

import (
	"context"
	"errors"
	"fmt"

	"github.com/ClickHouse/clickhouse-go/v2"

	"github.com/bouncehouse/bouncehouse/schemas"
)

// ErrNewerSchema says that the tables were made by a newer program.
var ErrNewerSchema = errors.New("the tables in ClickHouse were made by a newer bouncehouse: install that one")

// Migrate makes the tables, or brings them up to date: numbered files, each
// applied once and in order. ClickHouse has neither locks nor transactions
// over statements; what makes it safe for several processes to start at once,
// or for one to be killed half-way, is that every statement can be repeated
// without harm (a test holds that), and that a file is put on record only
// after its last statement. It also tells of parts that the server has set
// aside as damaged.
func (c *ClickHouse) Migrate(ctx context.Context) error {
	ms, err := schemas.Migrations(c.cluster)
	if err != nil {
		return err
	}
	if err := c.apply(ctx, ms[0]); err != nil {
		return err
	}
	var done []uint32
	if err := c.conn.QueryRow(ctx,
		`SELECT groupUniqArray(version) FROM bouncehouse.schema_migrations`).Scan(&done); err != nil {
		return fmt.Errorf("ask for the tables' version: %w", reached(err))
	}
	applied := map[uint32]bool{}
	for _, v := range done {
		if int(v) >= len(ms) {
			return fmt.Errorf("%w (version %d is there, %d is known)", ErrNewerSchema, v, len(ms)-1)
		}
		applied[v] = true
	}
	for _, m := range ms[1:] {
		if applied[uint32(m.Version)] {
			continue
		}
		if err := c.apply(ctx, m); err != nil {
			return err
		}
		if err := c.conn.Exec(ctx,
			`INSERT INTO bouncehouse.schema_migrations (version, name) SELECT {version:UInt32}, {name:String}`,
			clickhouse.Named("version", m.Version), clickhouse.Named("name", m.Name)); err != nil {
			return fmt.Errorf("record migration %d: %w", m.Version, reached(err))
		}
		c.log.Debug("tables brought up to date", "version", m.Version, "name", m.Name)
	}
	c.tellAside(ctx)
	return nil
}

func (c *ClickHouse) apply(ctx context.Context, m schemas.Migration) error {
	for i, statement := range m.Statements {
		if err := c.conn.Exec(ctx, statement); err != nil {
			return fmt.Errorf("migration %d (%s), statement %d: %w", m.Version, m.Name, i+1, reached(err))
		}
	}
	return nil
}
