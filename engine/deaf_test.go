package engine_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bouncehouse/bouncehouse/engine"
)

// TestDeaf: a query of the reader's that outlives its time and its KILL ends the engine, which is started anew, and
// says why. A statement of the writer's that takes longer does not, nor does a client who takes his answer slowly.
func TestDeaf(t *testing.T) {
	var said logged
	c := upSaying(t, t.TempDir(), &said, "impatient")
	end := c.Endpoint()
	for _, q := range []string{"CREATE DATABASE bouncehouse",
		"CREATE TABLE bouncehouse.t (n UInt64) ENGINE = MergeTree ORDER BY n",
		"INSERT INTO bouncehouse.t SELECT number FROM numbers(1000)"} {
		if code, body, _ := post(t, end, engine.Writer, nil, q); code != 200 {
			t.Fatal(q, body)
		}
	}
	second := url.Values{"max_execution_time": {"1"}}
	slow, err := end.Dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer slow.Close()
	const many = "SELECT repeat('x', 1000000) FROM numbers(5)"
	if _, err := fmt.Fprintf(slow,
		"POST /?%s&user=reader&password=%s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", second.Encode(),
		end.ReaderPassword, len(many), many); err != nil {
		t.Fatal(err)
	}
	// One second, two for the engine, two ticks: the writer's lasts twice as long.
	if code, body, _ := post(t, end, engine.Writer,
		url.Values{"function_sleep_max_microseconds_per_block": {"100000000"}}, "SELECT sleep(7)"); code != 200 {
		t.Error(code, body)
	}
	// an engine that ends takes no new connections
	if code, body, _ := post(t, end, engine.Writer, nil, "SELECT 1"); code != 200 {
		t.Error(code, body)
	}
	if said.has("heeds neither") {
		t.Fatal("the writer's statement ended the engine")
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		send(t, end, engine.Reader, second, explosions()["subqueries, tuples"])
	}()
	until(t, "a new engine", 2*time.Minute, func() bool { return said.has("the engine is back") })
	<-ended
	if !said.has("heeds neither its limit of time nor KILL") {
		t.Errorf("it said: %s", said.b.String())
	}
	if code, body, _ := post(t, c.Endpoint(), engine.Reader, nil, "SELECT count() FROM bouncehouse.t"); code != 200 ||
		body != "1000\n" {
		t.Errorf("after it: %d %s", code, body)
	}
}

// send has the user's statement run, and takes no answer.
func send(t *testing.T, end engine.Endpoint, user string, params url.Values, text string) {
	req, err := http.NewRequest(http.MethodPost, "http://engine/?"+params.Encode(), strings.NewReader(text))
	if err != nil {
		t.Error(err)
		return
	}
	password := end.ReaderPassword
	if user == engine.Writer {
		password = end.WriterPassword
	}
	req.SetBasicAuth(user, password)
	if res, err := client(end).Do(req); err == nil {
		res.Body.Close()
	}
}

// TestSilence: an engine that answers nobody, not even itself, ends.
func TestSilence(t *testing.T) {
	if err := engine.Lookout(t.Context(), 2); err == nil || !strings.Contains(err.Error(),
		"has not answered for 2 seconds") {
		t.Error(err)
	}
}

// logged is what a supervisor said.
type logged struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logged) has(text string) bool { return l.count(text) > 0 }

func (l *logged) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.b.String(), text)
}

// TestHeldForNothing: what time zones hold for good is given back by a restart, with the rows all there.
func TestHeldForNothing(t *testing.T) {
	var said logged
	c := upSaying(t, t.TempDir(), &said, "lean")
	for _, q := range []string{"CREATE DATABASE bouncehouse",
		"CREATE TABLE bouncehouse.t (n UInt64) ENGINE = MergeTree ORDER BY n",
		"INSERT INTO bouncehouse.t SELECT number FROM numbers(1000)"} {
		if code, body, _ := post(t, c.Endpoint(), engine.Writer, nil, q); code != 200 {
			t.Fatal(q, body)
		}
	}
	var zones []string
	for minute := range 60 { // 4.5 MB each
		zones = append(zones, fmt.Sprintf("toString(now(), 'Fixed/UTC+00:%02d:01')", minute))
	}
	// The limit of memory may end it, which holds what it has named so far.
	post(t, c.Endpoint(), engine.Reader, nil, "SELECT "+strings.Join(zones, ", "))
	until(t, "a new engine", 2*time.Minute, func() bool { return said.has("the engine is back") })
	if !said.has("held for nothing that is under way") {
		t.Errorf("it said: %s", said.b.String())
	}
	if code, body, _ := post(t, c.Endpoint(), engine.Reader, nil, "SELECT count() FROM bouncehouse.t"); code != 200 ||
		body != "1000\n" {
		t.Errorf("after it: %d %s", code, body)
	}
}

// TestOvergrown: a query that takes memory which ClickHouse does not refuse ends the engine before it has much more
// than its limit; and one that does so again keeps the reader out, not the writer.
func TestOvergrown(t *testing.T) {
	var said logged
	c := upSaying(t, t.TempDir(), &said, "small")
	var zones []string
	for second := range 1100 { // 4.9 GB
		zones = append(zones, fmt.Sprintf("DateTime('Fixed/UTC+00:%02d:%02d')", second/60, second%60))
	}
	query := "SELECT '[]'::Tuple(" + strings.Join(zones, ", ") + ")"
	for try := range 2 {
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			send(t, c.Endpoint(), engine.Reader, nil, query)
		}()
		until(t, "a new engine", 2*time.Minute, func() bool { return said.count("the engine is back") == try+1 })
		<-ended
	}
	if said.count("MB of memory, its limit is 512") != 2 {
		t.Errorf("it said: %s", said.b.String())
	}
	if code, body, _ := post(t, c.Endpoint(), engine.Reader, nil, "SELECT 1"); code != 503 ||
		!strings.Contains(body, "ended 2 times in a row") {
		t.Errorf("the reader: %d %s", code, body)
	}
	if code, body, _ := post(t, c.Endpoint(), engine.Writer, nil, "SELECT 1"); code != 200 {
		t.Errorf("the writer: %d %s", code, body)
	}
}

// TestDeafToKill: a statement of the writer's that goes on after a KILL ends the engine: a recovery waits for it.
func TestDeafToKill(t *testing.T) {
	var said logged
	c := upSaying(t, t.TempDir(), &said, "quick")
	var asked sync.WaitGroup
	asked.Go(func() {
		// a KILL may come before the engine has it, and is heeded then
		for t.Context().Err() == nil && !said.has("the engine has died") {
			send(t, c.Endpoint(), engine.Writer, url.Values{"query_id": {"deaf"}}, explosions()["subqueries, tuples"])
		}
	})
	until(t, "a new engine", 2*time.Minute, func() bool {
		if !said.has("the engine has died") {
			send(t, c.Endpoint(), engine.Writer, nil, "KILL QUERY WHERE query_id = 'deaf' ASYNC")
		}
		return said.has("the engine is back")
	})
	asked.Wait()
	if !said.has("heeds neither its limit of time nor KILL") {
		t.Errorf("it said: %s", said.b.String())
	}
}

// TestKillAnswer: a KILL ends an answer that its client takes slowly. That went on, and the engine was ended as one
// that is deaf.
func TestKillAnswer(t *testing.T) {
	library(t)
	end := upAs(t, t.TempDir(), "quick").Endpoint()
	const many = "SELECT randomPrintableASCII(1000000) FROM numbers(50)"
	for _, encoding := range []string{"identity", "gzip"} {
		slow, err := end.Dial(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer slow.Close()
		if _, err := fmt.Fprintf(slow,
			"POST /?query_id=slow&enable_http_compression=1&user=reader&password=%s HTTP/1.1\r\nHost: x\r\nAccept-Encoding: %s\r\nContent-Length: %d\r\n\r\n%s",
			end.ReaderPassword, encoding, len(many), many); err != nil {
			t.Fatal(err)
		}
		if _, err := slow.Read(make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		if code, body, _ := post(t, end, engine.Writer, nil, "KILL QUERY WHERE query_id = 'slow' SYNC"); code != 200 {
			t.Error(code, body)
		}
		if code, body, _ := post(t, end, engine.Writer, nil,
			"SELECT count() FROM system.processes WHERE query_id = 'slow'"); code != 200 || body != "0\n" {
			t.Error(code, body)
		}
	}
}
