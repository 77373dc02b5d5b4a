package engine_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/bouncehouse/bouncehouse/engine"
)

// TestZoneFiles: a time zone's name opens no file. ClickHouse's library for them reads file:PATH, and waited in
// /proc/self/fd/N for ever where that is a pipe, with all INSERTs behind it.
func TestZoneFiles(t *testing.T) {
	end, w := prepared(t)
	for _, name := range []string{"file:UTC", "file:/usr/share/zoneinfo/Europe/Paris", "Europe//Paris"} {
		for _, query := range []string{"SELECT toDateTime(0, '%s')", "SELECT CAST(0, 'DateTime(\\'%s\\')')", "SELECT JSONExtract('0', 'DateTime(\\'%s\\')')"} {
			if code, body, _ := post(t, end, engine.Reader, nil, fmt.Sprintf(query, name)); code == 200 || !strings.Contains(body, "Cannot load time zone") {
				t.Errorf(query+": %d %s", name, code, body)
			}
		}
	}
	for fd := range 40 { // pipes of the engine's own among them
		began := time.Now()
		code, body, _ := post(t, end, engine.Reader, nil, fmt.Sprintf("SELECT toDateTime(0, concat('fi', 'le:/proc/self/fd/%d')) SETTINGS max_execution_time = 3", fd))
		if took := time.Since(began); code == 200 || took > 10*time.Second {
			t.Fatalf("descriptor %d: %d %s after %s", fd, code, body, took)
		}
	}
	for _, name := range []string{"Europe/Paris", "Asia/Shanghai", "UTC", "Etc/GMT-5"} {
		if code, body, _ := post(t, end, engine.Reader, nil, "SELECT toDateTime(0, '"+name+"')"); code != 200 {
			t.Errorf("%s: %d %s", name, code, body)
		}
	}
	if n := value[uint64](t, w, "SELECT count() FROM system.time_zones WHERE toString(toDateTime(0, 'America/Lima')) != ''"); n < 300 {
		t.Errorf("%d time zones", n)
	}
}
