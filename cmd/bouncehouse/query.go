package main

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/term"
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
	if format == "" {
		format = "TSVWithNames"
		if f, ok := a.stdout.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
			format = "PrettyCompactMonoBlock"
		}
	}
	db, stop, err := openReader(a, c)
	if err != nil {
		return err
	}
	defer stop()
	return db.Copy(a.ctx, a.stdout, sql, format)
}
