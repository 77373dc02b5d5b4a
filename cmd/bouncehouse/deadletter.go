package main

import (
	"encoding/json"
	"fmt"
	"time"
)

type deadletterCmd struct {
	List deadletterListCmd `cmd:"" help:"List them, newest first."`
}

type deadletterListCmd struct {
	dataFlags
	Limit int  `default:"100" placeholder:"N" help:"At most so many (default 100)."`
	JSON  bool `name:"json" help:"Print JSON lines, with the record itself."`
}

// deadLetter is a row of the table dead_letters.
type deadLetter struct {
	Time   time.Time `json:"time" ch:"time"`
	Host   string    `json:"host" ch:"host"`
	Stream string    `json:"stream" ch:"stream"`
	File   string    `json:"file_name" ch:"file_name"`
	Offset int64     `json:"offset" ch:"offset"`
	Reason string    `json:"reason" ch:"reason"`
	Raw    string    `json:"raw" ch:"raw"`
}

func (cmd *deadletterListCmd) Run(a *app) error {
	c, err := cmd.config(a)
	if err != nil {
		return err
	}
	if cmd.Limit < 1 {
		return fmt.Errorf("%w: --limit %d: must be above 0", errWrongUse, cmd.Limit)
	}
	db, stop, err := openReader(a, c)
	if err != nil {
		return err
	}
	defer stop()
	var rows []deadLetter
	const sql = `SELECT time, host, stream, file_name, offset, reason, raw FROM bouncehouse.dead_letters FINAL ORDER BY time DESC, stream, offset LIMIT $1`
	if err := db.Select(a.ctx, &rows, sql, cmd.Limit); err != nil {
		return fmt.Errorf("list dead letters: %w", err)
	}
	if cmd.JSON {
		enc := json.NewEncoder(a.stdout)
		enc.SetEscapeHTML(false)
		for _, r := range rows {
			if err := enc.Encode(r); err != nil {
				return err
			}
		}
		return nil
	}
	out := &people{to: a.stdout}
	for _, r := range rows {
		if _, err := fmt.Fprintf(out, "%s %s offset %d: %s\n", r.Time.Format(time.RFC3339), r.Stream, r.Offset,
			r.Reason); err != nil {
			return err
		}
	}
	if len(rows) == 0 {
		fmt.Fprintln(a.stderr, "There are no dead letters.")
	}
	return nil
}
