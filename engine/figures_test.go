package engine_test

import (
	"net/url"
	"testing"

	"github.com/bouncehouse/bouncehouse/engine"
)

// TestFigures: what one asks changes no answer to another, whatever settings it is asked with. ClickHouse's cache of
// conditions left out rows that a condition had not met in another time zone.
func TestFigures(t *testing.T) {
	_, end := migrated(t, "serve")
	if code, body, _ := post(t, end, engine.Writer, nil,
		"INSERT INTO bouncehouse.events (stream, file_id, offset, time, host, reply_text) "+
			"SELECT 's', 'f', number, toDateTime64('2026-11-20 00:00:00', 3, 'UTC') + number, 'h', toString(number) FROM numbers(200000)"); code != 200 {
		t.Fatal(body)
	}
	for _, condition := range []string{
		"toHour(toDateTime(toUnixTimestamp(time))) = 4",
		"formatDateTime(fromUnixTimestamp(offset), '%H') = '03'",
		"toDateTime(offset) < '1970-01-01 05:00:00'",
	} {
		query := "SELECT count(), sum(offset) FROM bouncehouse.events WHERE " + condition
		ask := func(user, zone string) string {
			t.Helper()
			code, body, _ := post(t, end, user, url.Values{"session_timezone": {zone}}, query)
			if code != 200 {
				t.Fatal(query, body)
			}
			return body
		}
		there := ask(engine.Reader, "Asia/Tokyo")
		here := ask(engine.Writer, "")
		if code, want, _ := post(t, end, engine.Writer, url.Values{"use_query_condition_cache": {"0"}},
			query); code != 200 || here != want {
			t.Errorf("%s: the writer got %s, not %s", condition, here, want)
		} else if there == here {
			t.Errorf("%s: both have %s: the zone makes no difference", condition, here)
		}
		if got := ask(engine.Reader, "UTC"); got != here {
			t.Errorf("%s: another reader got %s, not %s", condition, got, here)
		}
		if got := ask(engine.Reader, "Asia/Tokyo"); got != there {
			t.Errorf("%s: got %s, not %s", condition, got, there)
		}
	}
}
