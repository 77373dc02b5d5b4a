package main

import (
	"fmt"
	"strings"
)

type queryCmd struct {
	dataFlags
	Format string   `placeholder:"NAME" help:"Any output format of ClickHouse: TSV, CSV, JSON, JSONEachRow, Vertical ... (default: a table on a terminal, else TSV with names)."`
	SQL    []string `arg:"" name:"sql" help:"The statement, in quotes; tables of the database bouncehouse need no prefix."`
}

func (cmd *queryCmd) Run(a *app) error {
	c, err := cmd.config(a)
	if err != nil {
		return err
	}
	sql := strings.TrimRight(strings.TrimSpace(strings.Join(cmd.SQL, " ")), ";")
	if sql == "" {
		return fmt.Errorf("%w: no statement", errWrongUse)
	}
	format := cmd.Format
	_, width := terminal(a.stdout)
	switch {
	case format != "":
	case width > 0:
		format = "PrettyCompactMonoBlock"
	default:
		format = "TSVWithNames"
	}
	db, stop, err := openReader(a, c)
	if err != nil {
		return err
	}
	defer stop()
	return db.Copy(a.ctx, a.stdout, sql, format)
}
