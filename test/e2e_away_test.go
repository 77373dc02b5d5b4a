package test_test

import (
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bouncehouse/bouncehouse/test"
)

// A ClickHouse that others reach by its address only, and that may be away: the embedded engine as a server.
type server struct {
	*house
	addr string
}

// away starts one, with a fixed address.
func away(t *testing.T) *server {
	t.Helper()
	s := &server{house: newHouse(t, binary(t), "")}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.addr = l.Addr().String()
	l.Close()
	s.come()
	return s
}

// come starts it again.
func (s *server) come() {
	s.t.Helper()
	s.server = test.Start(s.t, "ClickHouse", s.command("clickhouse", "--listen", s.addr, "--listen-writer"))
	s.server.Ready(s.t, time.Minute, func() error {
		if !strings.Contains(s.server.Output(), "ClickHouse listens on") {
			return fmt.Errorf("silence")
		}
		return nil
	})
}

// dsn is where it is, with the writer's password.
func (s *server) dsn(t *testing.T) string {
	t.Helper()
	password := strings.TrimSpace(read(t, filepath.Join(s.state, "clickhouse", "writer.password")))
	return fmt.Sprintf("http://writer:%s@%s", password, s.addr)
}

// TestClickHouseAway has run start while ClickHouse is away, and lose it again while it follows a log.
func TestClickHouseAway(t *testing.T) {
	lines := strings.SplitAfter(demoLog(t), "\n")
	log := filepath.Join(t.TempDir(), "mail.log")
	write(t, log, strings.Join(lines[:1000], ""))
	s := away(t)
	s.server.Stop(time.Minute)
	// What follows a log takes this machine's addresses for its egress, run --once does not: so one is named.
	const config = "dns: {enabled: false}\negress: [192.0.2.25]\n"
	h := newHouse(t, binary(t), config)
	h.dsn = s.dsn(t)
	run := test.Start(t, "run", h.command("run", log))
	test.Await(t, time.Minute, "run to wait for ClickHouse",
		func() bool { return strings.Contains(run.Output(), "waiting for ClickHouse") })
	s.come()
	events := func() int {
		end := h.try(h.command("query", "--format", "TSV", "SELECT count() FROM events"))
		n := 0
		if end.status == 0 {
			if _, err := fmt.Sscan(end.out, &n); err != nil {
				t.Fatal(err)
			}
		}
		return n
	}
	test.Await(t, time.Minute, "the first events", func() bool { return events() > 100 })

	for _, part := range [][]string{lines[1000:1500], lines[1500:2500], lines[2500:]} {
		said := strings.Count(run.Output(), "again")
		s.server.Kill9()
		appendTo(t, log, strings.Join(part, ""))
		test.Await(t, time.Minute, "run to find ClickHouse away",
			func() bool { return strings.Count(run.Output(), "again") > said })
		s.come()
	}
	plain := newHouse(t, binary(t), config)
	plain.must("run", "--once", log)
	want := plain.kept()
	test.Await(t, 2*time.Minute, fmt.Sprintf("%d events", len(want.events)),
		func() bool { return events() >= len(want.events) })
	run.Stop(time.Minute)
	if err := run.Err(); err != nil {
		t.Errorf("run ended with %v after SIGTERM", err)
	}
	s.sameAs(want)
}
