package query_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/bouncehouse/bouncehouse"
	"github.com/bouncehouse/bouncehouse/engine"
	"github.com/bouncehouse/bouncehouse/query"
	"github.com/bouncehouse/bouncehouse/sink"
	"github.com/bouncehouse/bouncehouse/test"
)

const engineDir = "QUERY_TEST_ENGINE"

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

// start gives an engine with one event in it.
func start(t *testing.T) engine.Endpoint {
	t.Helper()
	library, dir := test.Library(t), t.TempDir()
	child, err := engine.Start(t.Context(), dir, func() *exec.Cmd {
		cmd := exec.Command(os.Args[0], "-test.run=^TestServeEngine$")
		cmd.Env = append(os.Environ(), engineDir+"="+dir, "CHDB_LIB_PATH="+library)
		return cmd
	}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { child.Close() })
	end := child.Endpoint()
	s, err := sink.Open(sink.Options{Dial: end.Dial, User: engine.Writer, Password: end.WriterPassword})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.Write(t.Context(), bouncehouse.Batch{ID: "q"}, &bouncehouse.Result{Events: []bouncehouse.Event{{
		Origin: bouncehouse.Origin{Stream: "s", FileID: "f"}, Time: time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC),
		Source:    bouncehouse.Postfix,
		Direction: bouncehouse.Outbound, Outcome: bouncehouse.Bounced, Class: bouncehouse.NoSuchUser,
		ReplyText: "it's\tgone", Counted: true,
	}}}); err != nil {
		t.Fatal(err)
	}
	return end
}

func open(t *testing.T, o query.Options) *query.DB {
	t.Helper()
	db, err := query.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func TestRead(t *testing.T) {
	end := start(t)
	for name, o := range map[string]query.Options{
		"embedded":     {Dial: end.Dial, User: engine.Reader, Password: end.ReaderPassword},
		"a DSN":        {DSN: "http://" + engine.Writer + ":" + end.WriterPassword + "@" + end.Addr},
		"a restricted": {DSN: "http://" + engine.Reader + ":" + end.ReaderPassword + "@" + end.Addr},
	} {
		t.Run(name, func(t *testing.T) {
			db := open(t, o)
			var rows []struct {
				Text  string    `ch:"reply_text"`
				Time  time.Time `ch:"time"`
				Delay *float32  `ch:"delay"`
			}
			if err := db.Select(t.Context(), &rows,
				"SELECT reply_text, time, delay FROM events WHERE reply_text = $1 AND time >= $2", "it's\tgone",
				time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)); err != nil {
				t.Fatal(err)
			}
			if len(rows) != 1 || rows[0].Text != "it's\tgone" || rows[0].Delay != nil {
				t.Errorf("rows %+v", rows)
			}
			for format, want := range map[string]string{
				"":            "class\tn\nno-such-user\t1\n",
				"CSV":         "\"no-such-user\",1\n",
				"JSONEachRow": `{"class":"no-such-user","n":1}` + "\n",
			} {
				var b strings.Builder
				if err := db.Copy(t.Context(), &b, "SELECT class, sum(counted) AS n FROM events GROUP BY class",
					format); err != nil {
					t.Fatal(err)
				}
				if got := strings.ReplaceAll(b.String(), `"n":"1"`, `"n":1`); got != want {
					t.Errorf("%s: %q, want %q", format, got, want)
				}
			}
			var b strings.Builder
			if err := db.Copy(t.Context(), &b, "SELECT 1 AS x FORMAT CSVWithNames", "JSON"); err != nil ||
				b.String() != "\"x\"\n1\n" {
				t.Errorf("the query's own format: %q, %v", b.String(), err)
			}
			if err := db.Copy(t.Context(), io.Discard, "SELECT nothing FROM nowhere", ""); err == nil ||
				!strings.HasPrefix(err.Error(), "ClickHouse: Code: ") || strings.Contains(err.Error(), "\n") {
				t.Errorf("a wrong query: %v", err)
			}
			for _, sql := range []string{"DROP TABLE events", "INSERT INTO dead_letters (raw) VALUES ('x')",
				"ALTER TABLE events DELETE WHERE 1", "SET readonly = 0", "CREATE TABLE x (a Int8) ENGINE = Memory"} {
				if err := db.Copy(t.Context(), io.Discard, sql, ""); err == nil && !strings.HasPrefix(sql, "SET") {
					t.Errorf("%s: no error", sql)
				}
			}
			b.Reset()
			if err := db.Copy(t.Context(), &b, "SELECT count() FROM events", "TabSeparated"); err != nil ||
				b.String() != "1\n" {
				t.Errorf("after all this: %q, %v", b.String(), err)
			}
		})
	}
}

// TestRestricted is an account that takes no setting at all.
func TestRestricted(t *testing.T) {
	var asked []string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.Query().Get("readonly")+"/"+r.URL.Query().Get("max_memory_usage"))
		w.Header().Set("X-ClickHouse-Exception-Code", "164")
		w.WriteHeader(http.StatusInternalServerError)
		io.WriteString(w, "Code: 164. DB::Exception: Cannot modify setting in readonly mode. (READONLY)")
	}))
	defer s.Close()
	db := open(t, query.Options{DSN: s.URL})
	if err := db.Copy(t.Context(), io.Discard, "SELECT 1", ""); err == nil ||
		!strings.Contains(err.Error(), "READONLY") {
		t.Errorf("%v", err)
	}
	if got := strings.Join(asked, " "); got != "1/4294967296 /4294967296 /" {
		t.Errorf("settings tried: %s", got)
	}
}

func TestOpenErrors(t *testing.T) {
	if _, err := query.Open(query.Options{}); err == nil {
		t.Error("no server named, and no error")
	}
	if _, err := query.Open(query.Options{DSN: "http://u:secret@[::1"}); err == nil ||
		strings.Contains(err.Error(), "secret") {
		t.Errorf("a broken DSN: %v", err)
	}
	gone := errors.New("not started")
	db := open(t, query.Options{Dial: func(context.Context) (net.Conn, error) { return nil, gone }})
	if err := db.Copy(t.Context(), io.Discard, "SELECT 1", ""); !errors.Is(err, gone) {
		t.Errorf("no engine: %v", err)
	}
}
