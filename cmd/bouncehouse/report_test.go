package main

import (
	"testing"
	"time"
)

func TestParseSince(t *testing.T) {
	zone := time.FixedZone("CST", 8*3600)
	now := time.Date(2026, 11, 21, 20, 0, 0, 0, time.UTC)
	for in, want := range map[string]time.Time{
		"24h":                  now.Add(-24 * time.Hour),
		"7d":                   now.AddDate(0, 0, -7),
		"90m":                  now.Add(-90 * time.Minute),
		"all":                  time.Unix(0, 0),
		"2026-11-01":           time.Date(2026, 11, 1, 0, 0, 0, 0, zone),
		"2026-11-01 12:30":     time.Date(2026, 11, 1, 12, 30, 0, 0, zone),
		"2026-11-01T00:00:00Z": time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC),
	} {
		if got, err := parseSince(in, now, zone); err != nil || !got.Equal(want) {
			t.Errorf("--since %s is %v, %v; want %v", in, got, err, want)
		}
	}
	for _, in := range []string{"", "soon", "-1h", "0d", "12", "2026-13-01"} {
		if got, err := parseSince(in, now, zone); err == nil {
			t.Errorf("--since %q is %v; want an error", in, got)
		}
	}
}
