package main

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/bouncehouse/bouncehouse/report"
)

type reportCmd struct {
	dataFlags
	Since string `default:"24h" placeholder:"TIME" help:"How far back: 24h, 7d, a date such as 2026-11-01, or all (default 24h)."`
	JSON  bool   `name:"json" help:"Print JSON."`
}

func (cmd *reportCmd) Run(a *app) error {
	c, err := cmd.config(a)
	if err != nil {
		return err
	}
	zone, err := time.LoadLocation(c.Timezone)
	if err != nil {
		return fmt.Errorf("timezone: %w", err)
	}
	now := time.Now()
	since, err := parseSince(cmd.Since, now, zone)
	if err != nil {
		return fmt.Errorf("%w: --since: %w", errWrongUse, err)
	}
	db, stop, err := openReader(a, c)
	if err != nil {
		return err
	}
	defer stop()
	r, err := report.Make(a.ctx, db, since, now, c.Bounces.Trust == trustAll)
	if err != nil {
		return err
	}
	if cmd.JSON {
		enc := json.NewEncoder(a.stdout)
		enc.SetIndent("", "  ")
		enc.SetEscapeHTML(false)
		return enc.Encode(r)
	}
	return r.WriteText(&people{to: a.stdout}, outputWidth(a), zone)
}

// outputWidth is the terminal's width up to 100, else 100.
func outputWidth(a *app) int {
	if _, width := terminal(a.stdout); width > 0 {
		return min(width, 100)
	}
	return 100
}

// parseSince reads a duration with days (7d, 36h, 90m), a date, a time, or
// "all".
func parseSince(s string, now time.Time, zone *time.Location) (time.Time, error) {
	if s == "all" {
		return time.Unix(0, 0), nil
	}
	if days, ok := strings.CutSuffix(s, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && n > 0 && n < 100_000 {
			return now.AddDate(0, 0, -n), nil
		}
	}
	if d, err := time.ParseDuration(s); err == nil && d > 0 {
		return now.Add(-d), nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04", "2006-01-02 15:04", "2006-01-02"} {
		if t, err := time.ParseInLocation(layout, s, zone); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q: give a time back such as 24h or 7d, a date such as 2026-11-01, or all", s)
}
