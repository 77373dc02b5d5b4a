package engine_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/bouncehouse/bouncehouse/engine"
)

// TestReaderFiles: no join of the reader's goes on in files, which nothing bounds:
// max_temporary_data_on_disk_size_for_query does nothing in this library.
func TestReaderFiles(t *testing.T) {
	end, w := prepared(t)
	const right = "(SELECT number, randomString(1000) AS s FROM numbers(100000)) AS b"
	for setting, query := range map[string]string{
		"": "SELECT count() FROM numbers(2) AS a CROSS JOIN " + right +
			" WHERE length(s) > a.number",
		"max_rows_in_join=1000": "SELECT count() FROM numbers(2) AS a CROSS JOIN " + right +
			" WHERE length(s) > a.number",
		"max_bytes_in_join=1000": "SELECT count() FROM numbers(2) AS a CROSS JOIN " + right +
			" WHERE length(s) > a.number",
		"join_algorithm=auto": "SELECT count(), max(s) FROM numbers(10) AS a LEFT JOIN " + right +
			" USING number",
		"join_algorithm=default,auto": "SELECT count(), max(s) FROM numbers(10) AS a LEFT JOIN " + right +
			" USING number",
	} {
		name, value, _ := strings.Cut(setting, "=")
		in := map[string]url.Values{"": nil}
		if name != "" {
			in = map[string]url.Values{"": {name: {value}}, fmt.Sprintf(" SETTINGS %s = '%s'", name, value): nil}
		}
		for how, params := range in {
			if code, body, _ := post(t, end, engine.Reader, params, query+how); (code == 200) != (name == "") {
				t.Errorf("%s%s: %d %.200s", setting, how, code, body)
			}
		}
	}
	if n := value[uint64](t, w, "SELECT sum(value) FROM system.events WHERE event LIKE 'External%'"); n != 0 {
		t.Errorf("%d in the engine's counts of what went into files", n)
	}
}

// TestManyProcesses: the writer sees the requests under way, as many as the reader may have and whatever it calls them.
func TestManyProcesses(t *testing.T) {
	end, w := prepared(t)
	if code, body, _ := post(t, end, engine.Reader, url.Values{"query_id": {strings.Repeat("x", 300_000)}},
		"SELECT 1"); code == 200 {
		t.Errorf("a query_id of 300 KB: %.100s", body)
	}
	for i := range 60 {
		c, err := end.Dial(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		// The body does not come.
		id := fmt.Sprintf("%d-%s", i, strings.Repeat("x", 900))
		if _, err := fmt.Fprintf(c,
			"POST /?user=reader&password=%s&query_id=%s HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n\r\nSELECT",
			end.ReaderPassword, id); err != nil {
			t.Fatal(err)
		}
	}
	until(t, "all to be seen", 20*time.Second, func() bool {
		return value[uint64](t, w,
			"SELECT count() FROM system.processes WHERE user = 'reader' AND length(query_id) > 900") == 60
	})
}

// TestReaderFunctions: a function that the writer makes while the engine runs is not the reader's, be it called by its
// bare name.
func TestReaderFunctions(t *testing.T) {
	end, w := prepared(t)
	for _, q := range []string{"CREATE DATABASE secret", "CREATE TABLE secret.hid ENGINE = Memory AS SELECT 'hidden' AS b",
		"CREATE FUNCTION leak AS x -> (SELECT any(b) FROM secret.hid)",
		"CREATE FUNCTION IF NOT EXISTS Other AS x -> (SELECT any(b) FROM secret.hid)",
		"CREATE OR REPLACE FUNCTION `with blanks` AS x -> (SELECT any(b) FROM secret.hid)"} {
		if err := w.Exec(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"leak", "Other", "`with blanks`", "`leak`"} {
		for _, q := range []string{"SELECT %s(1)", "SELECT arrayMap(%s, [1])", "SELECT * APPLY %s FROM (SELECT 'x' AS a)"} {
			q = fmt.Sprintf(q, name)
			if code, body, _ := post(t, end, engine.Reader, nil, q); code != 403 {
				t.Errorf("%s: %d %.200s", q, code, body)
			}
		}
	}
	// Of what it has, it may use all.
	if code, body, _ := post(t, end, engine.Reader, nil, "SELECT arrayMap(length, ['x'])"); code != 200 {
		t.Errorf("%d %.200s", code, body)
	}
}

// TestExplainParameters: what EXPLAIN shows is bounded, though its text names long parameters.
func TestExplainParameters(t *testing.T) {
	end, _ := prepared(t)
	q := "EXPLAIN SYNTAX SELECT " + strings.TrimSuffix(strings.Repeat("{x:String},", 900), ",")
	for size, want := range map[int]int{100: 200, 60_000: 403} {
		if code, body, _ := post(t, end, engine.Reader, url.Values{"param_x": {strings.Repeat("a", size)}}, q); code != want {
			t.Errorf("%d bytes: %d %.200s", size, code, body)
		}
	}
}
