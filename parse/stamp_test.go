package parse

import (
	"testing"
	"time"

	"github.com/bouncehouse/bouncehouse"
)

func TestClock(t *testing.T) {
	var c clock // one for all: what it remembers must not show
	for _, test := range []struct{ stamp, zone, ref, want string }{
		{"Nov  1 18:56:32", "", "2026-12-01T00:00:00Z", "2026-11-01T18:56:32Z"},
		{"Nov 21 18:56:32", "Europe/Berlin", "2026-12-01T00:00:00Z", "2026-11-21T17:56:32Z"},
		{"Jul 21 18:56:32", "Europe/Berlin", "2026-12-01T00:00:00Z", "2026-07-21T16:56:32Z"},
		{"Jul 21 18:56:32", "America/New_York", "2026-12-01T00:00:00Z", "2026-07-21T22:56:32Z"},
		{"Jul 21 18:56:32.25", "", "2026-12-01T00:00:00Z", "2026-07-21T18:56:32.25Z"},
		// Across New Year: what is older than the file belongs to last year.
		{"Dec 31 23:59:59", "", "2027-01-01T00:00:01Z", "2026-12-31T23:59:59Z"},
		{"Jan  1 00:00:00", "", "2027-01-01T00:00:01Z", "2027-01-01T00:00:00Z"},
		{"Jan  1 00:30:00", "Asia/Shanghai", "2026-12-31T16:31:00Z", "2026-12-31T16:30:00Z"},
		{"Jan  1 12:00:00", "", "2026-12-31T23:00:00Z", "2027-01-01T12:00:00Z"}, // a clock ahead
		{"Jan  3 12:00:00", "", "2026-12-31T23:00:00Z", "2026-01-03T12:00:00Z"},
		{"Dec  2 00:59:59", "", "2026-12-01T00:00:00Z", "2026-12-02T00:59:59Z"},
		{"Dec  2 01:00:01", "", "2026-12-01T00:00:00Z", "2025-12-02T01:00:01Z"},
		{"Feb 29 10:00:00", "", "2026-12-01T00:00:00Z", "2024-02-29T10:00:00Z"},
		{"Feb 29 10:00:00", "", "2103-12-01T00:00:00Z", "2096-02-29T10:00:00Z"},
		{"Dec 31 23:59:60", "", "2027-06-01T00:00:00Z", "2027-01-01T00:00:00Z"},
		// Days with a change of summer time; in Santiago at midnight.
		{"Oct 25 01:30:00", "Europe/Berlin", "2026-12-01T00:00:00Z", "2026-10-24T23:30:00Z"},
		{"Oct 25 12:00:00", "Europe/Berlin", "2026-12-01T00:00:00Z", "2026-10-25T11:00:00Z"},
		{"2026-03-29 12:00:00", "Europe/Berlin", "2026-12-01T00:00:00Z", "2026-03-29T10:00:00Z"},
		{"Sep  6 12:00:00", "America/Santiago", "2026-12-01T00:00:00Z", "2026-09-06T15:00:00Z"},
		{"2026-11-21T18:56:32Z", "Europe/Berlin", "2020-01-01T00:00:00Z", "2026-11-21T18:56:32Z"},
		{"2026-11-21T18:56:32.123456789+05:30", "", "2020-01-01T00:00:00Z", "2026-11-21T13:26:32.123456789Z"},
		{"2026-11-21T18:56:32.1234567891-0330", "", "2020-01-01T00:00:00Z", "2026-11-21T22:26:32.123456789Z"},
		{"2026-11-21T18:56:32+02", "", "2020-01-01T00:00:00Z", "2026-11-21T16:56:32Z"},
		{"2026-11-21T18:56:32", "Europe/Berlin", "2020-01-01T00:00:00Z", "2026-11-21T17:56:32Z"},
		{"2026-11-21 18:56:32,5", "Europe/Berlin", "2020-01-01T00:00:00Z", "2026-11-21T17:56:32.5Z"},
		{"Feb 30 10:00:00", "", "2026-12-01T00:00:00Z", ""},
		{"Feb  x 10:00:00", "", "2026-12-01T00:00:00Z", ""},
		{"Feb 10 25:00:00", "", "2026-12-01T00:00:00Z", ""},
		{"2026-13-21T18:56:32Z", "", "2026-12-01T00:00:00Z", ""},
		{"0001-01-01T00:00:00Z", "", "2026-12-01T00:00:00Z", ""},
		{"2026-11-21T18:56:32+9", "", "2026-12-01T00:00:00Z", ""},
		{"Feb 10 10:00:00", "No/Where", "2026-12-01T00:00:00Z", ""},
	} {
		ref, err := time.Parse(time.RFC3339, test.ref)
		if err != nil {
			t.Fatal(err)
		}
		st, rest, ok := cutStamp(test.stamp)
		if !ok || rest != "" {
			t.Errorf("%s: not read, rest %q", test.stamp, rest)
			continue
		}
		r := bouncehouse.Record{Chunk: &bouncehouse.Chunk{Zone: test.zone, Ref: ref}}
		for range 2 {
			got, err := c.time(&r, &st)
			if s := got.Format(time.RFC3339Nano); err == nil && s != test.want || err != nil && test.want != "" {
				t.Errorf("%s in %q as of %s: got %s, %v, want %s", test.stamp, test.zone, test.ref, s, err, test.want)
			}
		}
	}
	for _, s := range []string{"", "Nov", "Nov 21 18:56", "Foo 21 18:56:32 x", "2026-11-21", "18:56:32 2026-11-21",
		"4F2D1A0C3B: to=<a@b>"} {
		if _, _, ok := cutStamp(s); ok {
			t.Errorf("%q was read as a time", s)
		}
	}
}
