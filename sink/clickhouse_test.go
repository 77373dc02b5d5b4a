package sink

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/google/go-cmp/cmp"

	"github.com/bouncehouse/bouncehouse"
	"github.com/bouncehouse/bouncehouse/engine"
	"github.com/bouncehouse/bouncehouse/schemas"
	"github.com/bouncehouse/bouncehouse/test"
)

const engineDir = "SINK_TEST_ENGINE"

// TestServeEngine is no test but the engine's process: the test binary runs
// itself with engineDir set.
func TestServeEngine(t *testing.T) {
	dir := os.Getenv(engineDir)
	if dir == "" {
		t.Skip("this is the child that other tests start")
	}
	if err := engine.Serve(t.Context(), engine.Config{Dir: dir, Listen: "127.0.0.1:0", ListenWriter: true,
		Lifeline: os.Stdin, Log: slog.New(slog.DiscardHandler)}); err != nil {
		t.Fatal(err)
	}
}

// server is an engine in a child process, and how to kill it.
type server struct {
	t       testing.TB
	library string
	dir     string
	child   atomic.Pointer[engine.Child]
}

func startEngine(t testing.TB) *server {
	t.Helper()
	s := &server{t: t, library: test.Library(t), dir: t.TempDir()}
	s.start()
	t.Cleanup(func() { s.child.Load().Close() })
	return s
}

func (s *server) start() {
	s.t.Helper()
	if err := s.tryStart(); err != nil {
		s.t.Fatal(err)
	}
}

func (s *server) tryStart() error {
	child, err := engine.Start(s.t.Context(), s.dir, func() *exec.Cmd {
		cmd := exec.Command(os.Args[0], "-test.run=^TestServeEngine$")
		cmd.Env = append(os.Environ(), engineDir+"="+s.dir, "CHDB_LIB_PATH="+s.library)
		return cmd
	}, slog.New(slog.DiscardHandler))
	if err == nil {
		s.child.Store(child)
	}
	return err
}

// kill is kill -9.
func (s *server) kill() {
	held, err := engine.Locked(s.dir)
	if err != nil {
		s.t.Error(err)
	}
	if pid := s.pid(); held && pid > 0 {
		_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended just now
	}
}

// pid is that of the engine's process; 0 while there is none.
func (s *server) pid() int {
	s.t.Helper()
	text, err := os.ReadFile(filepath.Join(engine.Dir(s.dir), "lock"))
	if err != nil {
		s.t.Fatal(err)
	}
	pid, _ := strconv.Atoi(strings.TrimSpace(string(text))) // empty while the file is written
	return pid
}

// restart spares the test the supervisor's pauses.
func (s *server) restart() {
	s.child.Load().Close()
	s.start()
}

// options are the writer's.
func (s *server) options() Options {
	// An engine that has died may be back elsewhere.
	return Options{Dial: func(ctx context.Context) (net.Conn, error) { return s.child.Load().Endpoint().Dial(ctx) },
		User: engine.Writer, Password: s.child.Load().Endpoint().WriterPassword}
}

// open connects a sink to the engine.
func (s *server) open(t testing.TB) *ClickHouse {
	t.Helper()
	o := s.options()
	o.Log = slog.New(slog.NewTextHandler(t.Output(), nil))
	c, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// store is a fresh engine with its tables.
func store(t testing.TB) (*server, *ClickHouse) {
	t.Helper()
	s := startEngine(t)
	c := s.open(t)
	if err := c.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s, c
}

func value[T any](t testing.TB, c *ClickHouse, sql string) T {
	t.Helper()
	var v T
	if err := c.conn.QueryRow(t.Context(), sql).Scan(&v); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return v
}

func write(t testing.TB, c *ClickHouse, b bouncehouse.Batch, res *bouncehouse.Result) {
	t.Helper()
	if err := c.Write(t.Context(), b, res); err != nil {
		t.Fatal(err)
	}
}

var noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// attempt is a plain event at an offset.
func attempt(offset int64, at time.Time) bouncehouse.Event {
	return bouncehouse.Event{
		Origin: bouncehouse.Origin{Stream: "mx1/var/log/mail.log", FileID: "f1", Offset: offset, Chunk: 7},
		Time:   at, Host: "mx1.example.com", Source: bouncehouse.Postfix, Direction: bouncehouse.Outbound,
		QueueID: fmt.Sprintf("%X", offset), Sender: "news@example.com", Recipient: "user@example.net",
		RemoteHost: "mx.example.net", RemoteIP: netip.MustParseAddr("203.0.113.1"), RemotePort: 25,
		Stage: bouncehouse.StageEOD, Outcome: bouncehouse.Delivered, ReplyCode: 250, EnhancedCode: "2.0.0",
		ReplyText: "Ok",
		Class:     bouncehouse.ClassDelivered, Provider: "google", Counted: true, ContextKnown: true,
		Delay: bouncehouse.Delay{Duration: 1500 * time.Millisecond, Known: true},
	}
}

func attempts(n int, at func(i int) time.Time) []bouncehouse.Event {
	events := make([]bouncehouse.Event, n)
	for i := range events {
		events[i] = attempt(int64(i)*300, at(i))
	}
	return events
}

func TestRoundTrip(t *testing.T) {
	_, c := store(t)
	full := bouncehouse.Event{
		Origin: bouncehouse.Origin{Stream: `mx1:C:\logs\a'b"c`, FileID: "f\t2", Offset: 1 << 40, Ordinal: 65535,
			Chunk: 1 << 63},
		Time: time.Date(2026, 11, 20, 12, 0, 0, 123e6, time.UTC), Host: "mx1", Source: bouncehouse.DSN,
		File: "not stored", Direction: bouncehouse.Inbound,
		QueueID: "4Xyz", MessageID: "m@example.com", Sender: "s@example.com", Recipient: "发件@example.com",
		OriginalRecipient: "o@example.com", SASLUser: "acct", Client: "app[192.0.2.7]",
		RemoteHost: "mx.example.net", RemoteIP: netip.MustParseAddr("2001:db8::1"), RemotePort: 65535,
		LocalIP: netip.MustParseAddr("192.0.2.1"),
		Stage:   bouncehouse.StageRCPT, Outcome: bouncehouse.Bounced, ReplyCode: 550, EnhancedCode: "5.7.1",
		ReplyText: "said 'no' \\ \u2028 \"never\"",
		Class:     bouncehouse.Policy, Rule: "r1", Provider: "tencent", ProviderCode: "[TSS04]", Template: "said *",
		CitedIP: netip.MustParseAddr("198.51.100.9"),
		DNSBL:   "dnsbl.example.org", URLs: []string{"https://example.org/a", "", "https://example.org/a"},
		Delay: bouncehouse.Delay{Duration: 1500 * time.Millisecond, Known: true}, TLS: "TLSv1.3",
		SubjectIP: netip.MustParseAddr("192.0.2.1"), DNSBLListed: []string{"z.example.org"}, RDNS: "out.example.com",
		RDNSStatus:   bouncehouse.RDNSMismatch,
		FeedbackType: "abuse", DSNOrigin: bouncehouse.DSNRemote, Repeat: true, Counted: true, Verified: true,
	}
	bare := bouncehouse.Event{
		Origin: bouncehouse.Origin{Stream: "s", FileID: "f"}, Time: noon, Source: bouncehouse.Exim,
		Direction: bouncehouse.Outbound, Outcome: bouncehouse.Deferred, Class: bouncehouse.Undetermined,
	}
	write(t, c, bouncehouse.Batch{ID: "round"}, &bouncehouse.Result{Events: []bouncehouse.Event{full, bare}})

	for _, want := range []bouncehouse.Event{full, bare} {
		got := read(t, c, want.ID())
		want.File = ""
		if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
			t.Errorf("stored and read again (-want +got):\n%s", diff)
		}
	}
	if n := value[uint64](t, c,
		"SELECT count() FROM bouncehouse.events WHERE delay IS NULL AND remote_ip = '' AND urls = []"); n != 1 {
		t.Errorf("%d rows with nothing known, want 1", n)
	}
}

// read takes the event with the ID from the table, column by column.
func read(t testing.TB, c *ClickHouse, id string) bouncehouse.Event {
	t.Helper()
	var e bouncehouse.Event
	var ips [4]string
	var delay *float32
	var count uint8
	row := c.conn.QueryRow(t.Context(), `SELECT stream, file_id, offset, ordinal, chunk, time, host, source, direction,
  queue_id, message_id, sender, recipient, original_recipient, sasl_user, client, remote_host, remote_ip, remote_port, local_ip,
  stage, outcome, reply_code, enhanced_code, reply_text, class, rule, provider, provider_code, template, cited_ip, dnsbl, urls,
  delay, tls, subject_ip, dnsbl_listed, rdns, rdns_status, feedback_type, dsn_origin, repeat, counted, verified
FROM bouncehouse.events WHERE event_id = $1`, id)
	if err := row.Scan(&e.Stream, &e.FileID, &e.Offset, &e.Ordinal, &e.Chunk, &e.Time, &e.Host, (*string)(&e.Source),
		(*string)(&e.Direction),
		&e.QueueID, &e.MessageID, &e.Sender, &e.Recipient, &e.OriginalRecipient, &e.SASLUser, &e.Client, &e.RemoteHost,
		&ips[0], &e.RemotePort, &ips[1],
		(*string)(&e.Stage), (*string)(&e.Outcome), &e.ReplyCode, &e.EnhancedCode, &e.ReplyText, (*string)(&e.Class),
		&e.Rule, (*string)(&e.Provider), &e.ProviderCode, &e.Template, &ips[2], &e.DNSBL, &e.URLs,
		&delay, &e.TLS, &ips[3], &e.DNSBLListed, &e.RDNS, (*string)(&e.RDNSStatus), &e.FeedbackType,
		(*string)(&e.DSNOrigin), &e.Repeat, &count, &e.Verified); err != nil {
		t.Fatalf("event %s: %v", id, err)
	}
	for i, ip := range []*netip.Addr{&e.RemoteIP, &e.LocalIP, &e.CitedIP, &e.SubjectIP} {
		if ips[i] != "" {
			*ip = netip.MustParseAddr(ips[i])
		}
	}
	if delay != nil {
		e.Delay = bouncehouse.Delay{Duration: time.Duration(float64(*delay) * float64(time.Second)), Known: true}
	}
	if len(e.URLs) == 0 {
		e.URLs = nil
	}
	if len(e.DNSBLListed) == 0 {
		e.DNSBLListed = nil
	}
	e.Counted = count == 1
	return e
}

func TestMigrate(t *testing.T) {
	s := startEngine(t)
	var g sync.WaitGroup
	errs := make([]error, 6)
	for i := range errs {
		c := s.open(t)
		g.Go(func() { errs[i] = c.Migrate(t.Context()) })
	}
	g.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatalf("several processes at once: %v", err)
	}
	c := s.open(t)
	ms, err := schemas.Migrations("")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := value[uint64](t, c, "SELECT count() FROM bouncehouse.schema_migrations FINAL"),
		uint64(len(ms)-1); got != want {
		t.Errorf("%d migrations on record, want %d", got, want)
	}
	if err := c.Migrate(t.Context()); err != nil {
		t.Errorf("once more: %v", err)
	}
	if err := c.conn.Exec(t.Context(),
		"INSERT INTO bouncehouse.schema_migrations (version, name) VALUES (9999, 'of the future')"); err != nil {
		t.Fatal(err)
	}
	if err := c.Migrate(t.Context()); !errors.Is(err, ErrNewerSchema) {
		t.Errorf("tables of a newer program: %v", err)
	}
}

// TestDSN reaches the engine as any server that a DSN names.
func TestDSN(t *testing.T) {
	s := startEngine(t)
	end := s.child.Load().Endpoint()
	c, err := Open(Options{DSN: "http://" + engine.Writer + ":" + end.WriterPassword + "@" + end.Addr +
		"/bouncehouse?max_threads=1"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	events := attempts(5, func(int) time.Time { return noon })
	for _, again := range []bool{false, true} {
		write(t, c, bouncehouse.Batch{ID: "dsn", Recover: again}, &bouncehouse.Result{Events: events})
	}
	exactly(t, c, "by a DSN", events)

	wrong, err := Open(Options{DSN: "http://" + engine.Writer + ":wrong@" + end.Addr})
	if err != nil {
		t.Fatal(err)
	}
	defer wrong.Close()
	if err := wrong.Migrate(t.Context()); err == nil || errors.Is(err, ErrUnreachable) {
		t.Errorf("with a wrong password: %v", err)
	}
}

func TestUnreachable(t *testing.T) {
	for _, o := range []Options{
		{DSN: "http://127.0.0.1:1"},
		{DSN: "clickhouse://127.0.0.1:1"},
		{Dial: func(context.Context) (net.Conn, error) { return nil, errors.New("not started") }},
	} {
		c, err := Open(o)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Migrate(t.Context()); !errors.Is(err, ErrUnreachable) {
			t.Errorf("%s: %v", o.DSN, err)
		}
		c.Close()
	}
}

func TestOpenErrors(t *testing.T) {
	for dsn, want := range map[string]string{
		"":                              "no server is named",
		"http://127.0.0.1:8123/other":   "the tables are always in bouncehouse",
		"clickhouse://u:secret@[::1":    "DSN",
		"http://127.0.0.1?secure=true":  "http with TLS",
		"https://u:secret@ex ample.com": "DSN",
	} {
		_, err := Open(Options{DSN: dsn})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", dsn, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: the error tells the password: %v", dsn, err)
		}
	}
	for _, dsn := range []string{"https://example.com", "https://example.com/bouncehouse?max_threads=2",
		"clickhouse://example.com:9000", "http://u:p@localhost:8123"} {
		if c, err := Open(Options{DSN: dsn}); err != nil {
			t.Errorf("%s: %v", dsn, err)
		} else {
			c.Close()
		}
	}
}

// What passes is told from what does not.
func TestReached(t *testing.T) {
	for code, busy := range map[int32]bool{241: true, 202: true, 243: false, 60: false} {
		err := reached(fmt.Errorf("insert: %w", &clickhouse.Exception{Code: code}))
		if errors.Is(err, ErrBusy) != busy || errors.Is(err, ErrUnreachable) || errors.Is(err, syscall.ENOSPC) != (code == 243) {
			t.Errorf("%d: %v", code, err)
		}
	}
}
