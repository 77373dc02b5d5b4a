package engine_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bouncehouse/bouncehouse/engine"
)

// TestReaderTime: no value of max_execution_time, in the URL or in SETTINGS, is above the reader's own or none at all.
func TestReaderTime(t *testing.T) {
	end, _ := prepared(t)
	for _, v := range []string{"", "0", "-1", "0.0000001", "1e-9", "nan", "inf", "-inf", "1e400", "99999", "60.1",
		"18446744073709551616", "abc", "0x1p10", " 5", "1e1000000000"} {
		for how, params := range map[string]url.Values{"": {"max_execution_time": {v}},
			fmt.Sprintf(" SETTINGS max_execution_time = '%s'", v): nil} {
			code, body, _ := post(t, end, engine.Reader, params, "SELECT getSetting('max_execution_time')"+how)
			if code == 408 {
				continue // it was lower
			}
			if got, err := strconv.ParseFloat(strings.TrimSpace(body), 64); code != 200 || err != nil ||
				!(got > 0 && got <= 60) {
				t.Errorf("%q%s: %d %s", v, how, code, body)
			}
		}
	}
	// Out of time is an error, never an answer without its rows: the engine itself ended one in five of these so.
	for range 300 {
		if code, body, _ := post(t, end, engine.Reader, url.Values{"max_execution_time": {"0.001"}},
			"SELECT 'all'"); code != 408 && body != "all\n" {
			t.Fatalf("%d %q", code, body)
		}
	}
	if code, body, _ := post(t, end, engine.Reader, url.Values{"max_execution_time": {"0.0000001"}},
		"SELECT count() FROM numbers(1000000000000) WHERE NOT ignore(sipHash64(number))"); code != 408 {
		t.Errorf("%d %s", code, body)
	}
}

// TestReaderBytes: an answer larger than its limit is refused, whatever makes it large, and is never in the child's
// memory.
func TestReaderBytes(t *testing.T) {
	dir, c := up(t)
	end := c.Endpoint()
	pid, err := os.ReadFile(filepath.Join(engine.Dir(dir), "lock"))
	if err != nil {
		t.Fatal(err)
	}
	name := strings.Repeat("a_long_name_", 80)
	for _, q := range []string{
		"SELECT toString(number) FROM numbers(1000000000)",
		"SELECT repeat('x', 1000000) FROM numbers(100000) SETTINGS max_block_size = 1",
		"SELECT toLowCardinality(repeat('x', 1000000)) FROM numbers(3000) SETTINGS max_block_size = 10",
		"SELECT 1 AS " + name + " FROM numbers(100000000) FORMAT JSONEachRow",
		"SELECT 1 AS " + name + " FROM numbers(100000000) FORMAT JSON",
		"SELECT 1 AS " + name + " FROM numbers(100000000) FORMAT XML",
		"SELECT repeat('\\x01', 1000) AS x FROM numbers(1000000) FORMAT JSONCompact",
		"SELECT number FROM numbers(1000000000) FORMAT Native",
	} {
		code, body, _ := post(t, end, engine.Reader, nil, q)
		if code != 500 || !strings.Contains(body, "Code: 396.") {
			t.Errorf("%.80s: %d %.300s", q, code, body)
		}
	}
	if code, body, _ := post(t, end, engine.Reader, url.Values{"max_result_bytes": {"1000"}},
		"SELECT number FROM numbers(1000)"); code != 500 || !strings.Contains(body, "Code: 396.") {
		t.Errorf("%d %.300s", code, body)
	}
	if code, body, _ := post(t, end, engine.Writer, url.Values{"max_result_bytes": {"1000000"}},
		"SELECT 1 AS "+name+" FROM numbers(100000) FORMAT JSONEachRow"); code != 500 ||
		!strings.Contains(body, "Code: 396.") {
		t.Errorf("%d %.300s", code, body)
	}
	// What is under the limit comes whole, of many blocks.
	if code, body, _ := post(t, end, engine.Reader, nil, "SELECT number FROM numbers(1000000)"); code != 200 ||
		len(body) != 6888890 {
		t.Errorf("%d, %d bytes", code, len(body))
	}
	status, err := os.ReadFile("/proc/" + strings.TrimSpace(string(pid)) + "/status")
	if err != nil {
		t.Fatal(err)
	}
	peak, err := strconv.Atoi(string(regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(status)[1]))
	if err != nil || peak > 2<<20 {
		t.Errorf("the child has held %d MiB", peak>>10)
	}
	t.Logf("the child's peak: %d MiB", peak>>10)
}

// ofColumns is a SELECT of n columns; %[1]d in the form is their number.
func ofColumns(n int, form string) string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf(form, i))
	}
	return "SELECT " + strings.Join(all, ", ")
}

// TestExplainBytes: what EXPLAIN tells does not come through the pipe that counts other answers, and is bounded as they
// are. The engine counts it in memory, where it has none of XML's tags.
func TestExplainBytes(t *testing.T) {
	end, _ := prepared(t)
	explained := " " + ofColumns(100, "number + %[1]d AS c%[1]d") + " FROM numbers(1)"
	for _, kind := range []string{"", " AST", " SYNTAX", " PLAN json = 1", " PIPELINE compact = 0"} {
		params := url.Values{"default_format": {"XML"}, "output_format_write_statistics": {"0"}}
		code, body, _ := post(t, end, engine.Reader, params, "EXPLAIN"+kind+explained)
		if code != 200 || !strings.Contains(body, "<explain>") || len(body) > 1<<20 {
			t.Errorf("EXPLAIN%s: %d, %d bytes: %.300s", kind, code, len(body), body)
		}
		params.Set("max_result_bytes", strconv.Itoa(len(body)-1))
		if code, body, _ := post(t, end, engine.Reader, params, "EXPLAIN"+kind+explained); code != 500 ||
			!strings.Contains(body, "Code: 396.") {
			t.Errorf("EXPLAIN%s, a byte less: %d, %d bytes: %.300s", kind, code, len(body), body)
		}
	}
}

// TestExplainConstants: nothing that the reader may explain shows constants as computed, once for each name: a text of
// 1 KB made gigabytes.
func TestExplainConstants(t *testing.T) {
	end, w := prepared(t)
	exec1(t, w, "CREATE TABLE bouncehouse.keyed (a String, b String) ENGINE = MergeTree ORDER BY (a, b)")
	exec1(t, w, "INSERT INTO bouncehouse.keyed VALUES ('x', 'y')")
	var ranges []string // of the key: EXPLAIN indexes = 1 shows each bound
	for i := range 20 {
		ranges = append(ranges, fmt.Sprintf("a > concat(l, '%[1]d') AND b < concat(l, '%[1]d')", i))
	}
	text, cast := "''", "''" // the quotes of the quotes ...
	for range 12 {
		text, cast = "toString(["+text+"])", "["+cast+"]::String"
	}
	for _, kind := range []string{"QUERY TREE", "AST", "SYNTAX", "PLAN", "PIPELINE", "ESTIMATE"} {
		// it lists all options that there are
		_, says, _ := post(t, end, engine.Writer, nil, "EXPLAIN "+kind+" nosuch = 1 SELECT 1")
		_, list, _ := strings.Cut(says, "Supported settings: ")
		list, _, _ = strings.Cut(list, ". (")
		options := strings.Split(list, ", ")
		if len(options) < 2 {
			t.Fatal(says)
		}
		for i := range options {
			options[i] += " = 1"
		}
		for _, option := range append(options, "") {
			for _, explained := range []string{
				"WITH repeat('x', 100000) AS a " + ofColumns(20, "concat(a, '%d')"),
				ofColumns(20, "groupConcat(repeat('x', 100000) || '%d')('y')"),
				ofColumns(20, "count() OVER (PARTITION BY concat(toString(number), repeat('x', 100000), '%d'))") +
					" FROM numbers(1)",
				"WITH (SELECT repeat('x', 100000)) AS l SELECT a FROM bouncehouse.keyed WHERE " +
					strings.Join(ranges, " OR "),
				"WITH '" + strings.Repeat("x", 500) +
					"' AS b, b || b || b || b AS l SELECT a FROM bouncehouse.keyed WHERE " +
					strings.ReplaceAll(strings.Join(ranges, " OR "), "concat(l, ", "(l || l || "),
				"SELECT a FROM bouncehouse.keyed WHERE a IN (" + text + strings.Repeat(", "+text, 8) + ")",
				"SELECT a FROM bouncehouse.keyed WHERE a > " + cast + " AND b > " + cast + strings.Repeat(" AND b != "+cast, 8),
			} {
				code, body, _ := post(t, end, engine.Reader, nil, "EXPLAIN "+kind+" "+option+" "+explained)
				if code != 200 && code != 403 || len(body) > 100000 {
					t.Errorf("EXPLAIN %s %s %.60s: %d, %d bytes: %.100s", kind, option, explained, code, len(body),
						body)
				}
			}
		}
	}
}

// TestErrorBytes: of an error's long text the beginning and the end come, with its name.
func TestErrorBytes(t *testing.T) {
	end, _ := prepared(t)
	code, body, header := post(t, end, engine.Reader, nil, "SELECT throwIf(1, repeat('x', 1000000))")
	if code != 500 || len(body) > 70<<10 || !strings.Contains(body, "(FUNCTION_THROW_IF_VALUE_IS_NON_ZERO)") ||
		header.Get("X-ClickHouse-Exception-Code") != "395" {
		t.Errorf("%d, %d bytes: %.300s", code, len(body), body)
	}
}

// TestSettingsEdges: whatever a setting of the reader's is, a small query ends soon. interactive_delay = 0 was waited
// for without end.
func TestSettingsEdges(t *testing.T) {
	end, _ := prepared(t)
	asked := 0
	for name, values := range engine.ReaderSettings("0", "1", "64", "1024", "9999", "10000", strconv.Itoa(1<<20),
		strconv.Itoa(1<<32), strconv.Itoa(1<<62), "0.000001") {
		for _, value := range values {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			req, err := http.NewRequestWithContext(ctx, http.MethodPost,
				"http://engine/?"+url.Values{name: {value}}.Encode(),
				strings.NewReader("SELECT count(), max(number) FROM numbers(100000)"))
			if err != nil {
				t.Fatal(err)
			}
			req.SetBasicAuth(engine.Reader, end.ReaderPassword)
			res, err := client(end).Do(req)
			if err != nil {
				t.Fatalf("%s = %s: %v", name, value, err)
			}
			bodyOf(t, res)
			cancel()
			asked++
		}
	}
	if asked < 200 {
		t.Errorf("asked %d", asked)
	}
}
