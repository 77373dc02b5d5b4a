package engine_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"github.com/bouncehouse/bouncehouse/engine"
)

// The two statements that a sink sends to any server before it asks what an interrupted INSERT has written.
const (
	killRange = "KILL QUERY WHERE query_id LIKE 'range-1%' SYNC"
	seeRange  = "SELECT count() FROM system.processes WHERE query_id LIKE 'range-1%'"
)

// half opens a request and sends the beginning of its body.
func half(t testing.TB, end engine.Endpoint, params url.Values, body string, whole int) net.Conn {
	t.Helper()
	c, err := end.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	_, err = fmt.Fprintf(c, "POST /?%s HTTP/1.1\r\nHost: x\r\nX-ClickHouse-User: writer\r\nX-ClickHouse-Key: %s\r\nContent-Length: %d\r\n\r\n%s", params.Encode(), end.WriterPassword, whole, body)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestKillQuery(t *testing.T) {
	end, w := prepared(t)
	see := func() uint64 { t.Helper(); return value[uint64](t, w, seeRange) }
	kill := func() {
		t.Helper()
		began := time.Now()
		exec1(t, w, killRange)
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("KILL took %s", took)
		}
		if n := see(); n != 0 {
			t.Errorf("%d queries after KILL ... SYNC", n)
		}
	}
	count := func() uint64 { t.Helper(); return value[uint64](t, w, "SELECT count() FROM bouncehouse.every") }

	t.Run("nothing to kill", func(t *testing.T) { kill() })

	t.Run("an insert whose client has gone", func(t *testing.T) {
		ctx, leave := context.WithCancel(t.Context())
		failed := make(chan error, 1)
		go func() {
			failed <- w.Exec(clickhouse.Context(ctx, clickhouse.WithQueryID("range-1-a")),
				"INSERT INTO bouncehouse.every (id, time) SELECT sipHash64(number), 1700000000 FROM numbers(100000000000) SETTINGS max_insert_block_size = 100000, min_insert_block_size_rows = 100000")
		}()
		until(t, "the insert's first rows", 20*time.Second, func() bool { return see() == 1 && count() > 0 })
		leave()
		if err := <-failed; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		if see() != 1 {
			t.Error("the insert has ended with its client")
		}
		kill()
		if a, b := count(), count(); a != b {
			t.Errorf("rows still come: %d, %d", a, b)
		}
		exec1(t, w, "TRUNCATE TABLE bouncehouse.every")
	})

	t.Run("an insert half sent", func(t *testing.T) {
		half(t, end, url.Values{"query": {"INSERT INTO bouncehouse.every (id, time) FORMAT TSV"},
			"query_id": {"range-1-b"}}, "1\t1700000000\n2\t1700000000\n", 1000)
		until(t, "the half insert", 5*time.Second, func() bool { return see() == 1 })
		kill()
		c := half(t, end, url.Values{"query": {"INSERT INTO bouncehouse.every (id, time) FORMAT TSV"},
			"query_id": {"range-1-c"}}, "1\t1700000000\n2\t1700000000\n", 1000)
		until(t, "the half insert", 5*time.Second, func() bool { return see() == 1 })
		c.Close()
		until(t, "its end", 5*time.Second, func() bool { return see() == 0 })
		if n := count(); n != 0 {
			t.Errorf("%d rows of a half insert", n)
		}
	})

	t.Run("an insert sent whole, and gone", func(t *testing.T) {
		body := strings.Repeat("1\t1700000000\n", 50000)
		c := half(t, end, url.Values{"query": {"INSERT INTO bouncehouse.every (id, time) FORMAT TSV"},
			"query_id": {"range-1-d"}}, body, len(body))
		// what is still in the socket no server can kill
		until(t, "the insert", 5*time.Second, func() bool { return see() == 1 || count() > 0 })
		c.Close()
		kill()
		if n := count(); n != 0 && n != 50000 {
			t.Errorf("%d rows", n)
		} else if again := count(); again != n {
			t.Errorf("%d rows, then %d", n, again)
		}
	})

	t.Run("a select ends with its client", func(t *testing.T) {
		ctx, leave := context.WithCancel(t.Context())
		failed := make(chan error, 1)
		go func() {
			failed <- w.Exec(clickhouse.Context(ctx, clickhouse.WithQueryID("range-1-e")),
				"SELECT count() FROM numbers(100000000000) WHERE NOT ignore(sipHash64(number))")
		}()
		until(t, "the select", 5*time.Second, func() bool { return see() == 1 })
		leave()
		<-failed
		until(t, "its end", 5*time.Second, func() bool { return see() == 0 })
	})

	t.Run("not the reader's", func(t *testing.T) {
		ended := make(chan int, 1)
		go func() {
			code, _, _ := post(t, end, engine.Reader, url.Values{"query_id": {"range-1-f"}},
				"SELECT count() FROM numbers(100000000000) WHERE NOT ignore(sipHash64(number))")
			ended <- code
		}()
		until(t, "the reader's select", 5*time.Second, func() bool { return see() == 1 })
		exec1(t, w, killRange)
		if n := see(); n != 1 {
			t.Errorf("%d queries after a KILL that is not theirs", n)
		}
		exec1(t, w, "KILL QUERY WHERE query_id = 'range-1-f' SYNC")
		if code := <-ended; code == 200 {
			t.Error("the reader's query was not killed")
		}
	})

	t.Run("by id", func(t *testing.T) {
		errs := make(chan error, 2)
		for _, id := range []string{"one", "two"} {
			go func() {
				errs <- w.Exec(clickhouse.Context(t.Context(), clickhouse.WithQueryID(id)),
					"SELECT count() FROM numbers(100000000000) WHERE NOT ignore(sipHash64(number))")
			}()
		}
		ids := func() string {
			return value[string](t, w,
				"SELECT arrayStringConcat(arraySort(groupArray(query_id)), ' ') FROM system.processes AS p WHERE p.user = 'writer' AND length(query_id) = 3 AND position(query, 'sipHash64(number)') > 0 AND elapsed >= 0")
		}
		until(t, "both", 5*time.Second, func() bool { return ids() == "one two" })
		if code, body, _ := post(t, end, engine.Writer, url.Values{"query_id": {"one"}}, "SELECT 1"); code != 500 ||
			!strings.Contains(body, "Code: 216") {
			t.Errorf("an id in use: %d %s", code, body)
		}
		if _, body, _ := post(t, end, engine.Writer, nil,
			"KILL QUERY WHERE query_id = 'one' TEST"); !strings.HasPrefix(body,
			"waiting\tone\twriter\tSELECT count()") {
			t.Error(body)
		}
		for _, id := range []string{"one", "two"} {
			if _, body, _ := post(t, end, engine.Writer, url.Values{"default_format": {"CSV"}},
				"KILL QUERY WHERE query_id IN ('x', '"+id+"') SYNC"); !strings.HasPrefix(body,
				`"finished","`+id+`","writer"`) {
				t.Error(body)
			}
			var e *clickhouse.Exception
			if err := <-errs; !errors.As(err, &e) || e.Code != 394 {
				t.Errorf("killed with %v", err)
			}
		}
		if code, body, _ := post(t, end, engine.Writer, nil, "KILL QUERY WHERE user = 'writer' SYNC"); code != 501 {
			t.Error(code, body)
		}
	})
}

// TestAtOnce: more queries at once than there are places.
func TestAtOnce(t *testing.T) {
	end, w := prepared(t)
	exec1(t, w, "CREATE TABLE bouncehouse.n (n UInt64) ENGINE = MergeTree ORDER BY n")
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			user, want := engine.Writer, "1000000\n"
			if i%2 == 0 {
				user = engine.Reader
			}
			if code, body, _ := post(t, end, user, nil,
				"SELECT uniqExact(number) FROM numbers(1000000)"); body != want {
				t.Error(code, body)
			}
			if code, body, _ := post(t, end, engine.Writer, nil,
				fmt.Sprintf("INSERT INTO bouncehouse.n VALUES (%d)", i)); code != 200 {
				t.Error(code, body)
			}
		})
	}
	wg.Wait()
	if got := value[uint64](t, w, "SELECT uniqExact(n) FROM bouncehouse.n"); got != 40 {
		t.Errorf("%d of 40 inserts", got)
	}
}

func TestAuthentication(t *testing.T) {
	_, c := up(t)
	end := c.Endpoint()
	get := func(path string, headers ...string) (int, string) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://engine"+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(headers); i += 2 {
			req.Header.Set(headers[i], headers[i+1])
		}
		res, err := client(end).Do(req)
		if err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, bodyOf(t, res)
	}
	const q = "/?query=SELECT+1"
	for _, tc := range []struct {
		path    string
		headers []string
		code    int
		want    string
	}{
		{"/ping", nil, 200, "Ok.\n"},
		{"/", nil, 200, "Ok.\n"},
		{"/play", nil, 404, ""},
		{q, nil, 403, "Code: 516. DB::Exception: "},
		{q + "&user=writer", nil, 403, "Code: 516"},
		{q + "&user=writer&password=" + end.ReaderPassword, nil, 403,
			"Authentication failed: password is incorrect, or there is no user with such name. (AUTHENTICATION_FAILED)"},
		{q + "&user=nobody&password=", nil, 403, "Code: 516"},
		{q + "&user=writer&password=" + end.WriterPassword, nil, 200, "1\n"},
		{q + "&user=reader&password=" + end.ReaderPassword, nil, 200, "1\n"},
		{q, []string{"X-ClickHouse-User", "writer", "X-ClickHouse-Key", end.WriterPassword}, 200, "1\n"},
		{q, []string{"X-ClickHouse-User", "writer"}, 403, "Code: 516"},
		// GET changes nothing, as in ClickHouse.
		{"/?query=" + url.QueryEscape("CREATE DATABASE x") + "&user=writer&password=" + end.WriterPassword, nil, 500,
			"Code: 164"},
	} {
		if code, body := get(tc.path, tc.headers...); code != tc.code || !strings.Contains(body, tc.want) {
			t.Errorf("%s %v: %d %s", tc.path, tc.headers, code, body)
		}
	}
	// Strangers' requests.
	for name, request := range map[string]string{
		"huge header":    "GET /ping HTTP/1.1\r\nHost: x\r\nX-A: " + strings.Repeat("a", 2<<20) + "\r\n\r\n",
		"many headers":   "GET /ping HTTP/1.1\r\nHost: x\r\n" + strings.Repeat("X-A: a\r\n", 300000) + "\r\n",
		"no HTTP":        "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
		"two lengths":    "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
		"bad chunk":      "POST /?query=INSERT HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
		"bad parameters": "GET /?query=%zz HTTP/1.1\r\nHost: x\r\n\r\n",
		"NUL": "GET /?query=SELECT+1%00+INTO+OUTFILE+%27/tmp/x%27&user=writer&password=" +
			end.WriterPassword + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
		"delete": "DELETE / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
	} {
		c, err := end.Dial(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		_ = c.SetDeadline(time.Now().Add(10 * time.Second))
		_, _ = io.WriteString(c, request) // the server may close before all is sent
		var line [12]byte
		n, err := io.ReadFull(c, line[:])
		if got := string(line[:n]); err == nil && !strings.HasPrefix(got, "HTTP/1.1 4") {
			t.Errorf("%s: %q", name, got)
		} else if nerr, ok := err.(net.Error); ok && nerr.Timeout() {
			t.Errorf("%s: no answer", name)
		}
		c.Close()
	}
	if code, _ := get("/ping"); code != 200 {
		t.Error("not there after strangers' requests")
	}
}
