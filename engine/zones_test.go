package engine_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/bouncehouse/bouncehouse/engine"
)

// TestZones: a time zone's name opens no file, and asks nothing of the C library. ClickHouse's library for them reads
// file:PATH, and waited in /proc/self/fd/N for ever where that is a pipe, with all INSERTs behind it.
func TestZones(t *testing.T) {
	t.Setenv("TZ", "Asia/Shanghai")
	end, w := prepared(t)
	for _, name := range []string{"file:UTC", "file:/usr/share/zoneinfo/Europe/Paris",
		"/usr/share/zoneinfo/Europe/Paris", "Europe//Paris"} {
		for _, query := range []string{"SELECT toDateTime(0, '%s')", "SELECT CAST(0, 'DateTime(\\'%s\\')')",
			"SELECT JSONExtract('0', 'DateTime(\\'%s\\')')"} {
			if code, body, _ := post(t, end, engine.Reader, nil, fmt.Sprintf(query, name)); code == 200 ||
				!strings.Contains(body, "Cannot load time zone") {
				t.Errorf(query+": %d %s", name, code, body)
			}
		}
	}
	for fd := range 40 { // pipes of the engine's own among them
		began := time.Now()
		code, body, _ := post(t, end, engine.Reader, nil,
			fmt.Sprintf("SELECT toDateTime(0, concat('fi', 'le:/proc/self/fd/%d')) SETTINGS max_execution_time = 3",
				fd))
		if took := time.Since(began); code == 200 || took > 10*time.Second {
			t.Fatalf("descriptor %d: %d %s after %s", fd, code, body, took)
		}
	}
	// Of the machine's zone glibc would look for a summer time on each day of 200 years: half a minute.
	for name, want := range map[string]string{"libc:localtime": "00", "libc:UTC": "00", "Asia/Shanghai": "08",
		"Etc/GMT-5": "05", "Fixed/UTC+01:02:03": "01"} {
		if code, body, _ := post(t, end, engine.Reader, nil,
			"SELECT formatDateTime(toDateTime(0, '"+name+"'), '%H')"); code != 200 || body != want+"\n" {
			t.Errorf("%s: %d %s", name, code, body)
		}
	}
	if got := value[string](t, w, "SELECT timezone()"); got != "Asia/Shanghai" {
		t.Errorf("the machine's zone: %s", got)
	}
	if n := value[uint64](t, w,
		"SELECT count() FROM system.time_zones WHERE toString(toDateTime(0, 'America/Lima')) != ''"); n < 300 {
		t.Errorf("%d time zones", n)
	}
}
