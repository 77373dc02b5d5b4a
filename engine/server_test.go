package engine_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/google/go-cmp/cmp"

	"github.com/bouncehouse/bouncehouse/engine"
)

// every has each column type that a table of events may use.
const every = `CREATE TABLE bouncehouse.every (
	id UInt64, name String, class LowCardinality(String), time DateTime64(3, 'UTC'), ip IPv6,
	u8 UInt8, u16 UInt16, u32 UInt32, i64 Int64, delay Nullable(Float32), listed Array(LowCardinality(String)), ok Bool,
	shown String ALIAS lower(hex(reinterpretAsFixedString(id))), length UInt64 MATERIALIZED length(name),
	PROJECTION by_class (SELECT toStartOfFiveMinutes(time) AS bucket, class, sum(u8), count() GROUP BY bucket, class)
) ENGINE = MergeTree PARTITION BY toYYYYMM(time) ORDER BY (time, id) SETTINGS non_replicated_deduplication_window = 10000`

type row struct {
	ID     uint64
	Name   string
	Class  string
	Time   time.Time
	IP     netip.Addr
	U8     uint8
	U16    uint16
	U32    uint32
	I64    int64
	Delay  *float32
	Listed []string
	OK     bool
}

func (r row) values() []any {
	return []any{r.ID, r.Name, r.Class, r.Time, r.IP.String(), r.U8, r.U16, r.U32, r.I64, r.Delay, r.Listed, r.OK}
}

const columns = "id, name, class, time, ip, u8, u16, u32, i64, delay, listed, ok"

func makeRow(i int) row {
	r := row{ID: uint64(i), Name: fmt.Sprintf("name %d\t\n'\\ \u4f60", i),
		Class: []string{"dnsbl", "greylisted", ""}[i%3], Time: time.UnixMilli(1700000000123 + int64(i)).UTC(),
		IP: netip.MustParseAddr("2001:db8::1"), U8: 255, U16: 65535, U32: 1 << 31, I64: -1 << 62, Listed: []string{},
		OK: i%2 == 0}
	if i%4 == 0 {
		d := float32(i) / 2
		r.Delay, r.Listed = &d, []string{"zen.example", "bl.example"}
	}
	return r
}

func insert(t testing.TB, c driver.Conn, table string, rows ...row) {
	t.Helper()
	b, err := c.PrepareBatch(t.Context(), "INSERT INTO "+table+" ("+columns+")")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		if err := b.Append(r.values()...); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Send(); err != nil {
		t.Fatal(err)
	}
}

// prepared has the engine up with the table.
func prepared(t testing.TB) (engine.Endpoint, driver.Conn) {
	t.Helper()
	_, c := up(t)
	w := open(t, options(c.Endpoint(), engine.Writer))
	exec1(t, w, "CREATE DATABASE bouncehouse")
	exec1(t, w, every)
	return c.Endpoint(), w
}

func TestDriver(t *testing.T) {
	for _, method := range []clickhouse.CompressionMethod{clickhouse.CompressionNone, clickhouse.CompressionGZIP} {
		t.Run(method.String(), func(t *testing.T) {
			end, _ := prepared(t)
			o := options(end, engine.Writer)
			o.Compression = &clickhouse.Compression{Method: method, Level: 3}
			o.Settings = clickhouse.Settings{"enable_http_compression": 1, "max_execution_time": 20}
			w := open(t, o)
			var rows []row
			for i := range 1000 {
				rows = append(rows, makeRow(i))
			}
			insert(t, w, "bouncehouse.every", rows...)

			var got []row
			answer, err := w.Query(t.Context(), "SELECT "+columns+
				", shown, length FROM bouncehouse.every WHERE id >= {from:UInt64} AND has({names:Array(String)}, name) ORDER BY id",
				clickhouse.Named("from", "1"), clickhouse.Named("names",
					[]string{rows[0].Name, rows[1].Name, rows[4].Name}))
			if err != nil {
				t.Fatal(err)
			}
			for answer.Next() {
				var r row
				var ip, shown string
				var length uint64
				if err := answer.Scan(&r.ID, &r.Name, &r.Class, &r.Time, &ip, &r.U8, &r.U16, &r.U32, &r.I64, &r.Delay,
					&r.Listed, &r.OK, &shown, &length); err != nil {
					t.Fatal(err)
				}
				r.IP = netip.MustParseAddr(ip)
				if want := fmt.Sprintf("%02x%014x", r.ID, 0); shown != want || length != uint64(len(r.Name)) {
					t.Errorf("alias %s, want %s; materialized %d", shown, want, length)
				}
				got = append(got, r)
			}
			if err := answer.Err(); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff([]row{rows[1], rows[4]}, got,
				cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); d != "" {
				t.Error(d)
			}

			var e *clickhouse.Exception
			if err := w.Exec(t.Context(), "SELECT * FROM bouncehouse.nothing"); !errors.As(err, &e) || e.Code != 60 {
				t.Errorf("an unknown table gave %v", err)
			}
			bad := *o
			bad.Auth.Password = "wrong"
			if err := open(t, &bad).Ping(t.Context()); !errors.As(err, &e) || e.Code != 516 {
				t.Errorf("a wrong password gave %v", err)
			}
			bad = *o
			bad.Auth.Database = "nowhere"
			if err := open(t, &bad).Ping(t.Context()); !errors.As(err, &e) || e.Code != 81 {
				t.Errorf("an unknown database gave %v", err)
			}
		})
	}
}

func TestLargeInsert(t *testing.T) {
	_, w := prepared(t)
	const n = 250_000
	write := func(token string) {
		ctx := clickhouse.Context(t.Context(),
			clickhouse.WithSettings(clickhouse.Settings{"insert_deduplication_token": token}))
		b, err := w.PrepareBatch(ctx, "INSERT INTO bouncehouse.every (id, name, time)")
		if err != nil {
			t.Fatal(err)
		}
		for i := range n {
			if err := b.Append(uint64(i), "x", time.UnixMilli(1700000000000+int64(i))); err != nil {
				t.Fatal(err)
			}
		}
		if err := b.Send(); err != nil {
			t.Fatal(err)
		}
	}
	// The token goes with the query: the same insert under it is a repeat, and under another one is not.
	for _, step := range []struct {
		token string
		want  uint64
	}{{"range-1", n}, {"range-1", n}, {"range-2", 2 * n}} {
		write(step.token)
		if got := value[uint64](t, w, "SELECT count() FROM bouncehouse.every"); got != step.want {
			t.Fatalf("%d rows after %s, want %d", got, step.token, step.want)
		}
	}
	if got := value[uint64](t, w, "SELECT uniqExact(id) FROM bouncehouse.every"); got != n {
		t.Errorf("%d different rows, want %d", got, n)
	}
	// What was read comes from the projection, and the two agree.
	plan := value[string](t, w,
		"SELECT arrayStringConcat(groupArray(explain), '\n') FROM (EXPLAIN SELECT toStartOfFiveMinutes(time) AS bucket, class, count() FROM bouncehouse.every GROUP BY bucket, class)")
	if !strings.Contains(plan, "by_class") {
		t.Errorf("the projection is not used: %s", plan)
	}
}

func gz(t testing.TB, s string) string {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write([]byte(s)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestHTTP is what curl and Grafana send.
func TestHTTP(t *testing.T) {
	end, w := prepared(t)
	exec1(t, w, "CREATE TABLE bouncehouse.t (k UInt64, v String) ENGINE = MergeTree ORDER BY k")
	q := func(kv ...string) url.Values {
		v := url.Values{}
		for i := 0; i < len(kv); i += 2 {
			v.Set(kv[i], kv[i+1])
		}
		return v
	}
	for _, tc := range []struct {
		name    string
		params  url.Values
		body    string
		headers []string
		code    int
		want    string // the whole body; of an error a part
	}{
		{"query in the body", nil, "SELECT 1", nil, 200, "1\n"},
		{"query in the parameter", q("query", "SELECT 1"), "", nil, 200, "1\n"},
		{"query in both", q("query", "SELECT 1,"), "2", nil, 200, "1\t2\n"},
		{"trailing semicolon", nil, "SELECT 1 ; ;\n-- done\n", nil, 200, "1\n"},
		{"default format", q("default_format", "JSONEachRow"), "SELECT 1 AS a", nil, 200, "{\"a\":1}\n"},
		{"format header", nil, "SELECT 1 AS a", []string{"X-ClickHouse-Format", "CSVWithNames"}, 200, "\"a\"\n1\n"},
		{"FORMAT wins", q("default_format", "CSV"), "SELECT 'x' AS a FORMAT TSV", nil, 200, "x\n"},
		{"parameters", q("param_a", "3", "param_s", `x\ty'`), "SELECT {a:UInt8} + 1, {s:String}", nil, 200,
			"4\tx\\ty\\'\n"},
		{"parameter of the wrong type", q("param_a", "x"), "SELECT {a:UInt8}", nil, 400, "Code: 457"},
		{"parameter missing", nil, "SELECT {a:UInt8}", nil, 400, "Code: 456"},
		{"database", q("database", "system"), "SELECT currentDatabase()", nil, 200, "system\n"},
		{"database header", nil, "SELECT currentDatabase()", []string{"X-ClickHouse-Database", "system"}, 200,
			"system\n"},
		{"settings", q("max_threads", "3"), "SELECT getSetting('max_threads')", nil, 200, "3\n"},
		{"unknown setting", q("max_threats", "3"), "SELECT 1", nil, 404, "Code: 115"},
		{"setting is no SQL", q("max_threads", "1', readonly='1"), "SELECT 1", nil, 400, "Code: "},
		{"setting's name is no SQL", q("max_threads=1, readonly", "1"), "SELECT 1", nil, 404, "Code: 115"},
		{"time limit", q("max_execution_time", "0.2"),
			"SELECT count() FROM numbers(100000000000) WHERE NOT ignore(sipHash64(number))", nil, 408, "Code: 159"},
		{"result limit", q("max_result_bytes", "100000"), "SELECT randomString(1000) FROM numbers(10000)", nil, 500,
			"Code: 396"},
		{"readonly", q("readonly", "1"), "CREATE TABLE bouncehouse.u (k UInt8) ENGINE = Memory", nil, 500, "Code: 164"},
		{"parts are synced", nil,
			"SELECT groupArray(value) FROM system.merge_tree_settings WHERE name IN ('fsync_after_insert', 'fsync_part_directory')", nil, 200, "['1','1']\n"},
		{"syntax error", nil, "SELECT FROM WHERE", nil, 400, "Code: 62"},
		{"syntax error at the end", nil, "SELECT", nil, 400, "failed at position 21 (its end)"},
		{"syntax error before the end", nil, "SELECT 1 +", nil, 400, "(its end)"},
		{"unknown table", nil, "SELECT * FROM nothing", nil, 404, "Code: 60"},
		{"empty", nil, "", nil, 400, "Code: 62"},
		{"client command", nil, "exit", nil, 400, "Code: 62"},
		{"two statements", nil, "SELECT 1; SELECT 2", nil, 400, "multi-statements"},
		{"outfile", nil, "SELECT 1 INTO /**/ outfile '/tmp/x'", nil, 500, "Code: 358"},
		{"infile", nil, "INSERT INTO bouncehouse.t FROM INFILE '/etc/passwd' FORMAT TSV", nil, 500, "Code: 344"},
		{"native compression", q("compress", "1"), "SELECT 1", nil, 501, "Code: 48"},
		{"session", q("session_id", "1"), "SELECT 1", nil, 501, "Code: 48"},

		{"insert values", nil, "INSERT INTO bouncehouse.t VALUES (1, 'a;b'), (2, 'it''s')", nil, 200, ""},
		{"insert values of parameter", q("query", "INSERT INTO bouncehouse.t (k, v) VALUES"), "(3, 'c')", nil, 200, ""},
		{"insert format, data in the body", nil, "INSERT INTO bouncehouse.t FORMAT JSONEachRow\n{\"k\":4,\"v\":\"d\"}",
			nil, 200, ""},
		{"insert format, data on the line", nil, "INSERT INTO bouncehouse.t FORMAT CSV 5,\"e\"", nil, 200, ""},
		{"insert with settings", q("query", "INSERT INTO bouncehouse.t SETTINGS max_insert_threads = 1 FORMAT TSV"),
			"6\tf\n", nil, 200, ""},
		{"insert without format", q("query", "INSERT INTO bouncehouse.t"), "(7, 'g')", nil, 200, ""},
		{"insert in the default format", q("query", "INSERT INTO bouncehouse.t", "default_format", "CSV"), "8,h\n", nil,
			200, ""},
		{"insert gzip", q("query", "INSERT INTO bouncehouse.t FORMAT TSV"), gz(t, "9\ti\n"),
			[]string{"Content-Encoding", "gzip"}, 200, ""},
		{"query gzip", nil, gz(t, "INSERT INTO bouncehouse.t FORMAT TSV\n10\tj\n"),
			[]string{"Content-Encoding", "gzip"}, 200, ""},
		{"insert select", nil, "INSERT INTO bouncehouse.t (k, v) SELECT 11, 'k'", nil, 200, ""},
		{"insert with select", nil, "INSERT INTO bouncehouse.t WITH 12 AS x SELECT x, 'l'", nil, 200, ""},
		{"insert nothing", q("query", "INSERT INTO bouncehouse.t FORMAT TSV"), "", nil, 200, ""},
		{"what was inserted", nil,
			"SELECT arrayStringConcat(groupArray(concat(toString(k), v)), ' ') FROM (SELECT * FROM bouncehouse.t ORDER BY k)", nil, 200, "1a;b 2it\\'s 3c 4d 5e 6f 7g 8h 9i 10j 11k 12l\n"},

		{"insert a bad row", q("query", "INSERT INTO bouncehouse.t FORMAT JSONEachRow"), `{"k":"x"}`, nil, 400,
			"Code: "},
		{"bad gzip", q("query", "INSERT INTO bouncehouse.t FORMAT TSV"), "not gzip at all",
			[]string{"Content-Encoding", "gzip"}, 400, "Code: 354"},
		{"cut gzip", q("query", "INSERT INTO bouncehouse.t FORMAT TSV"), gz(t, strings.Repeat("13\tm\n", 99))[:30],
			[]string{"Content-Encoding", "gzip"}, 400, "Code: "},
		{"bad zstd", q("query", "INSERT INTO bouncehouse.t FORMAT TSV"), "not zstd",
			[]string{"Content-Encoding", "zstd"}, 500, "Code: "},
		{"unknown encoding", q("query", "INSERT INTO bouncehouse.t FORMAT TSV"), "x",
			[]string{"Content-Encoding", "rot13"}, 501, "Code: 48"},
		{"truncated Native", q("query", "INSERT INTO bouncehouse.t FORMAT Native"), "\x02\x05\x01k\x06UInt64\x01", nil,
			400, "Code: "},
		{"nothing bad came in", nil, "SELECT max(k) FROM bouncehouse.t", nil, 200, "12\n"},
		{"huge statement", nil, "SELECT '" + strings.Repeat("x", 2<<20) + "'", nil, 413, "Code: 229"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			code, body, h := post(t, end, engine.Writer, tc.params, tc.body, tc.headers...)
			if code != tc.code || code == 200 && body != tc.want || !strings.Contains(body, tc.want) {
				t.Errorf("%d %.300q, want %d %q", code, body, tc.code, tc.want)
			}
			if code != 200 && (h.Get("X-ClickHouse-Exception-Code") == "" ||
				!strings.HasPrefix(body, "Code: "+h.Get("X-ClickHouse-Exception-Code")+". DB::Exception: ")) {
				t.Errorf("exception header %q, body %.100q", h.Get("X-ClickHouse-Exception-Code"), body)
			}
			if code == 200 && (h.Get("X-ClickHouse-Query-Id") == "" ||
				!strings.Contains(h.Get("X-ClickHouse-Summary"), "written_rows")) {
				t.Errorf("headers %v", h)
			}
		})
	}
}
