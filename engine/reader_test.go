package engine_test

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bouncehouse/bouncehouse/engine"
)

// TestReader holds what the reader may not do. Every attack is run against a secret file, by its path.
func TestReader(t *testing.T) {
	dir := t.TempDir()
	end := upAs(t, dir, "unconfined").Endpoint() // the kernel's walls would hold most of it too
	w := open(t, options(end, engine.Writer))
	exec1(t, w, "CREATE DATABASE bouncehouse")
	exec1(t, w, "CREATE TABLE bouncehouse.t (k UInt64, file_id String) ENGINE = MergeTree ORDER BY k")
	exec1(t, w, "INSERT INTO bouncehouse.t VALUES (1, 'a')")
	exec1(t, w, "CREATE DATABASE other")
	exec1(t, w, "CREATE TABLE other.secret (k UInt64) ENGINE = MergeTree ORDER BY k")
	out := filepath.Join(t.TempDir(), "out")
	secret := filepath.Join(dir, "clickhouse", "writer.password")
	template := filepath.Join(dir, "template")
	if err := os.WriteFile(template, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	// What the writer has read through file() stays out of the reader's reach.
	read := filepath.Join(dir, "clickhouse", "data", "read")
	if err := os.WriteFile(read, []byte(end.WriterPassword), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, body, _ := post(t, end, engine.Writer, nil, "SELECT * FROM file('"+read+
		"', 'LineAsString')"); code != 200 {
		t.Fatal(code, body)
	}
	for _, attack := range []struct{ query, setting string }{
		{"INSERT INTO bouncehouse.t VALUES (2, 'b')", ""},
		{"INSERT INTO FUNCTION file('OUT', 'TSV') SELECT 1", ""},
		{"CREATE TABLE bouncehouse.u (k UInt8) ENGINE = Memory", ""},
		{"CREATE TEMPORARY TABLE u (k UInt8)", ""},
		{"DROP TABLE bouncehouse.t", ""},
		{"ALTER TABLE bouncehouse.t DELETE WHERE 1", ""},
		{"TRUNCATE TABLE bouncehouse.t", ""},
		{"OPTIMIZE TABLE bouncehouse.t", ""},
		{"SYSTEM FLUSH LOGS", ""},
		{"KILL QUERY WHERE 1", ""},
		{"KILL QUERY WHERE query_id LIKE '%' SYNC", ""},
		{"SET readonly = 0", ""},
		{"SELECT 1 SETTINGS readonly = 0", ""},
		{"SELECT 1 SETTINGS max_memory_usage = 0", ""},
		{"SELECT 1; SET readonly = 0", ""},
		{"SELECT 1; INSERT INTO bouncehouse.t VALUES (2, 'b')", ""},
		{"SELECT * FROM file('SECRET', 'LineAsString')", ""},
		{"SELECT file('SECRET')", ""},
		{"SELECT FILE('SECRET')", ""},
		{"SELECT `file`('SECRET')", ""},
		{"SELECT \"fil\\x65\"('SECRET')", ""},
		{"SELECT * APPLY file FROM (SELECT 'SECRET' AS x)", ""},
		{"SELECT * APPLY(file) FROM (SELECT 'SECRET' AS x)", ""},
		{"SELECT arrayMap(x -> file(x), ['SECRET'])", ""},
		{"SELECT /* ' */ file('SECRET') /* ' */", ""},
		{"SELECT 1 -- '\n, file('SECRET')", ""},
		{"SELECT \u2018'\u2019, file('SECRET') || '\u2019'", ""},
		{"SELECT $a$ ' $a$, file('SECRET'), ' '", ""},
		{"WITH file AS (SELECT 1) SELECT file('SECRET')", ""},
		{"DESCRIBE file('SECRET')", ""},
		{"DESCRIBE url('http://127.0.0.1:1/', 'TSV')", ""},
		{"DESCRIBE (SELECT * FROM url('http://127.0.0.1:1/', 'TSV'))", ""},
		{"EXPLAIN SELECT * FROM url('http://127.0.0.1:1/', 'TSV', 'a String')", ""},
		{"SELECT * FROM executable('cat SECRET', 'TSV', 'a String')", ""},
		{"SELECT * FROM sqlite('SECRET', 't')", ""},
		{"SELECT * FROM filesystem('/')", ""},
		{"SELECT * FROM default.`SECRET`", ""},
		{"SELECT * FROM default.`READ`", ""},
		{"SELECT * FROM `READ`", ""},
		{"SELECT * FROM `SECRET`", ""},
		{"DESCRIBE `SECRET`", ""},
		{"SELECT 1 INTO OUTFILE 'OUT'", ""},
		{"SELECT 1 INTO OUTFILE 'OUT' TRUNCATE FORMAT TSV", ""},
		{"SELECT 1 INTO\u00a0OUTFILE 'OUT'", ""},
		{"SELECT 1 INTO\ufeff\u3000OUTFILE 'OUT'", ""},
		{"SELECT 1 INTO # x\nOUTFILE 'OUT'", ""},
		{"SELECT file\u2003('SECRET')", ""},
		{"WITH x AS (SELECT 1) INSERT INTO bouncehouse.t SELECT 1, 'x'", ""},
		{"SELECT 1 FORMAT Template SETTINGS format_template_resultset = 'SECRET'", ""},
		{"SELECT 1 FORMAT Template", "format_template_resultset=SECRET"},
		{"SELECT 1 FORMAT Protobuf", "format_schema=SECRET:x"},
		{"SELECT 1", "output_format_schema=OUT"},
		{"SELECT 1", "max_memory_usage=0"},
		{"SELECT 1", "allow_introspection_functions=1"},
		{"SELECT catboostEvaluate('SECRET', 1)", ""},
		{"SELECT * FROM system.query_log", ""},

		// What got through a deny list: a word that one lexer ends at $, and others.
		{"SELECT 1 AS a$x$, file('SECRET') AS b, 2 AS b$x$", ""},
		{"SELECT 1 AS a$x$ INTO OUTFILE 'OUT' TRUNCATE -- $x$", ""},
		{"SELECT 1 AS a$x$; DROP TABLE bouncehouse.t -- $x$", ""},
		{"SELECT 1", "additional_result_filter=toUInt64(file('SECRET'))=0"},
		{"SELECT * FROM bouncehouse.t", "additional_table_filters={'bouncehouse.t':'file(''SECRET'')=0'}"},
		{"SELECT 1 SETTINGS additional_result_filter = 'toUInt64(file(''SECRET''))=0'", ""},
		{"SELECT * FROM (SELECT 1 SETTINGS max_memory_usage = 0)", ""},
		{"SELECT * FROM system.stack_trace", ""},
		{"SELECT * FROM SYSTEM.stack_trace", ""},
		{"SELECT * FROM `system`.`stack_trace`", ""},
		{"SELECT * FROM merge('system', '^stack_trace$')", ""},
		{"SELECT database, name FROM system.tables AS `system.databases`", ""}, // another table's filter
		{"SELECT * FROM stack_trace", "database=system"},
		{"SELECT * FROM {x:Identifier}.stack_trace", "param_x=system"},
		{"SELECT {f:Identifier}('SECRET')", "param_f=file"},
		{"SHOW PROCESSLIST", ""},
		{"SHOW TABLES FROM other", ""},
		{"SHOW CREATE TABLE other.secret", ""},
		{"SHOW GRANTS", ""},
		{"SHOW CREATE USERS", ""},
		{"EXPLAIN SYNTAX WITH '" + strings.Repeat("x", 16<<10) + "' AS s SELECT s, s", ""},
		{"SELECT '" + strings.Repeat("x", 256<<10) + "'", ""},
		{"SELECT 1" + strings.Repeat(" + 1", 3000), ""},
		{"SELECT arrayMap(file, ['SECRET'])", ""},
		{"SELECT arrayMap(`file`, ['SECRET'])", ""},
		{"SELECT arrayMap((file), ['SECRET'])", ""},
		{"WITH 1 AS file SELECT arrayMap(file, ['SECRET'])", ""},
		{"SELECT * FROM other.secret", ""},
		{"SELECT 1 IN other.secret", ""},
		{"SELECT in(1, other.secret)", ""},
		{"SELECT * FROM other . /**/ `secret`", ""},
		{"SELECT * FROM bouncehouse.t UUID '00000000-0000-0000-0000-000000000000'", ""},
		{"SELECT * FROM loop(other, secret)", ""},
		{"SELECT * FROM mergeTreeIndex(other, secret)", ""},
		{"SELECT hasColumnInTable('other', 'secret', 'k')", ""},
		{"SELECT joinGet('other.secret', 'k', 1)", ""},
		{"SELECT * FROM _temporary_and_external_tables.`x`", ""},
		{"SELECT * FROM remote('127.0.0.1:1', system.one)", ""},
		{"SELECT * FROM s3('http://127.0.0.1:1/x')", ""},
		{"SELECT * FROM format(LineAsString, 'x')", ""},
		{"EXPLAIN AST INSERT INTO bouncehouse.t VALUES (1, 'a')", ""},
		{"SELECT 1 FORMAT Arrow", ""},
		{"SELECT 1 FORMAT ArrowStream", ""},
		{"SELECT estimateCompressionRatio('FPC(28)')(number) FROM numbers(1)", ""},
		{"EXPLAIN TABLE OVERRIDE mysql('127.0.0.1:1', 'a', 'b', 'c', 'd') PARTITION BY x", ""},
		{"SELECT * FROM (EXPLAIN SYSTEM SHUTDOWN)", ""},
		{"DESCRIBE FILESYSTEM CACHE 'x'", ""},
		{"CHECK TABLE bouncehouse.t", ""},
		{"EXISTS DATABASE other", ""},
		{"USE other", ""},
		{"SELECT a FROM values('b String, a String ALIAS file(b)', ('SECRET'))", ""},
		{"SELECT a FROM values(('b String, a String ALIAS file(b)'), ('SECRET'))", ""},
		{"SELECT a FROM null('a String ALIAS file(''SECRET'')')", ""},
		{"SELECT convertCharset('a', 'SECRET', 'utf-8')", ""},
		{"SELECT sleep(1)", ""},
		{"SELECT * APPLY aggThrowOrNull FROM numbers(3)", ""},
		{"SELECT * APPLY flameGraphIfArray FROM numbers(3)", ""},
		// more often, it writes out of bounds
		{"SELECT countResampleIfResample(0, 2, 1, 0, 2, 1)(number, 1, number) FROM numbers(3)", ""},
		{"SELECT readWKT('POINT(1 1)') FORMAT Parquet", ""},
		{"SELECT 'POINT(1 1)'::Geometry FORMAT Parquet", ""},
		{"SELECT CAST('POINT(1 1)', 'Geometry') FORMAT Parquet", ""},
		{"SELECT {g:Geometry} FORMAT Parquet", "param_g=(1,1)"},
		{"SELECT * FROM bouncehouse.t FORMAT XML", "extremes=1"},
		{"SELECT length(printf('%2147483000d', 1))", ""},
		{"SELECT length(base58Encode(repeat('a', 1000000)))", ""},
		{"SELECT multiMatchAny('a', ['(a|'])", ""},
		{"SELECT length(h3PolygonToCells([(0.0,0.0),(0.0,1.1),(1.1,1.1),(1.1,0.0)], 12))", ""},
		{"SELECT formatRow('Template', 1)", ""},
		{"SELECT kql('x')", ""},
		{"SELECT * FROM kql('t')", ""},
		{"SELECT 1 FORMAT Prometheus", ""},
		{"SELECT 1 FORMAT Protobuf", ""},
		{"SELECT 1 PARALLEL WITH DROP TABLE bouncehouse.t", ""},
		{"SELECT 1", "session_timezone=/etc/passwd"},
		{"SELECT 1", "max_threads=100000"},
		{"SELECT 1", "format_csv_delimiter=ab"},
	} {
		paths := strings.NewReplacer("SECRET", secret, "READ", read, "OUT", out)
		params := url.Values{}
		if name, v, ok := strings.Cut(attack.setting, "="); ok {
			params.Set(name, paths.Replace(v))
		}
		code, body, _ := post(t, end, engine.Reader, params, paths.Replace(attack.query))
		if code == 200 || strings.Contains(body, end.WriterPassword) {
			t.Errorf("%s [%s]: %d %.300s", attack.query, attack.setting, code, body)
		}
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("the reader wrote a file")
	}
	if got := value[uint64](t, w, "SELECT count() FROM bouncehouse.t"); got != 1 {
		t.Errorf("%d rows", got)
	}
	// ClickHouse guesses: other.secret?
	for _, q := range []string{"DESCRIBE secret", "SELECT * FROM othr.secret", "SELECT * FROM secret"} {
		if code, body, _ := post(t, end, engine.Reader, nil, q); code != 404 || strings.Contains(body, "other") {
			t.Errorf("%s: %d %s", q, code, body)
		}
	}
	// And what it may.
	for query, want := range map[string]string{
		"SELECT file_id FROM bouncehouse.t WHERE file_id != 'no file(x)'": "a\n",
		"WITH 1 AS x SELECT sum(number) + x FROM numbers(4)":              "7\n",
		"(SELECT 1) UNION ALL (SELECT 1)":                                 "1\n1\n",
		"SHOW TABLES FROM bouncehouse":                                    "t\n",
		"EXISTS TABLE bouncehouse.t":                                      "1\n",
		"SELECT getSetting('readonly')":                                   "1\n",
		"SELECT sumArrayIfOrNullResample(0, 2, 1)([1], 1, 1)":             "[NULL,1]\n",
		"SELECT count() FROM system.parts WHERE database = 'bouncehouse'": "1\n",
		"SELECT user, count() FROM system.processes GROUP BY user":        "reader\t1\n",
	} {
		if code, body, _ := post(t, end, engine.Reader, nil, query); code != 200 || body != want {
			t.Errorf("%s: %d %s", query, code, body)
		}
	}
	// clickhouse-go as the reader, with settings as report and Grafana send them.
	o := options(end, engine.Reader)
	o.Settings = map[string]any{"max_execution_time": 60}
	if got := value[string](t, open(t, o), "SELECT file_id FROM bouncehouse.t"); got != "a" {
		t.Error(got)
	}
	// Its limits hold against its own wish.
	if _, body, _ := post(t, end, engine.Reader, url.Values{"max_execution_time": {"99999"}},
		"SELECT getSetting('max_execution_time'), getSetting('max_memory_usage') > 0"); body != "60\ttrue\n" &&
		body != "60\t1\n" {
		t.Errorf("limits: %s", body)
	}
}
