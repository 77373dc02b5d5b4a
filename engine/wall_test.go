package engine_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bouncehouse/bouncehouse/engine"
)

// canaries are what a statement of the reader must not touch.
type canaries struct {
	end      engine.Endpoint
	dir, out string       // out is an empty folder
	file     string       // a file with secret
	secret   string       // also in the table other.secret
	url      string       // where a connection counts
	came     atomic.Int64 // connections
	before   string       // the tables
}

func newCanaries(t testing.TB) *canaries {
	_, end := migrated(t, "unconfined") // what the kernel's walls would stop must not come so far
	c := &canaries{end: end, dir: t.TempDir(), secret: "canary7f3a9"}
	c.out = filepath.Join(c.dir, "out")
	c.file = filepath.Join(c.dir, "file.tsv")
	if err := os.Mkdir(c.out, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(c.file, []byte(c.secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var served sync.WaitGroup
	served.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			c.came.Add(1)
			conn.Close()
		}
	})
	t.Cleanup(func() { l.Close(); served.Wait() })
	c.url = "http://" + l.Addr().String() + "/x"
	for _, q := range []string{"CREATE DATABASE other",
		"CREATE TABLE other.secret (k String) ENGINE = MergeTree ORDER BY k",
		"INSERT INTO other.secret VALUES ('" + c.secret + "')"} {
		if code, body, _ := post(t, end, engine.Writer, nil, q); code != 200 {
			t.Fatal(body)
		}
	}
	c.before = c.tables(t)
	return c
}

// tables tells all tables and their rows.
func (c *canaries) tables(t testing.TB) string {
	t.Helper()
	code, body, _ := post(t, c.end, engine.Writer, nil,
		"SELECT database, name, engine, total_rows FROM system.tables WHERE database NOT LIKE '%nformation%' AND database != 'system' ORDER BY 1, 2")
	if code != 200 {
		t.Fatal("the engine is gone: ", body)
	}
	_, sum, _ := post(t, c.end, engine.Writer, nil, "SELECT sum(cityHash64(*)) FROM bouncehouse.events")
	return body + sum
}

// touched says what of the canaries shows.
func (c *canaries) touched(body string) string {
	switch left, err := os.ReadDir(c.out); {
	case strings.Contains(body, c.secret), strings.Contains(strings.ToLower(body),
		hex.EncodeToString([]byte(c.secret))):
		return "the secret came back"
	case strings.Contains(body, c.end.WriterPassword):
		return "the writer's password came back"
	case err != nil || len(left) > 0:
		return "a file was written"
	case c.came.Load() > 0:
		return "a connection was made"
	}
	if b, err := os.ReadFile(c.file); err != nil || string(b) != c.secret+"\n" {
		return "the file was changed"
	}
	return ""
}

// ask sends one query, and forgets it after a while: what is asked about is not its answer.
func (c *canaries) ask(user string, q generated) (int, string, error) {
	req, err := http.NewRequest(http.MethodPost, "http://engine/?"+q.params.Encode(), strings.NewReader(q.text))
	if err != nil {
		return 0, "", err
	}
	password := c.end.ReaderPassword
	if user == engine.Writer {
		password = c.end.WriterPassword
	}
	req.SetBasicAuth(user, password)
	res, err := client(c.end).Do(req)
	if err != nil {
		return 0, "", err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(io.LimitReader(res.Body, 4<<20))
	return res.StatusCode, string(b), err
}

type generated struct {
	text   string
	params url.Values
}

// generator makes statements of what the accept test asks, of attacks, and of both mixed.
type generator struct {
	good, bad []string
}

func newGenerator(t testing.TB, c *canaries) *generator {
	text, err := os.ReadFile("testdata/reader.sql")
	if err != nil {
		t.Fatal(err)
	}
	attacks, err := os.ReadFile("testdata/attacks.txt")
	if err != nil {
		t.Fatal(err)
	}
	named := strings.NewReplacer("FILE", c.file, "OUT", filepath.Join(c.out, "o"), "URL", c.url, "HOST",
		strings.TrimPrefix(strings.TrimSuffix(c.url, "/x"), "http://"))
	g := &generator{good: strings.Split(strings.TrimSpace(string(text)), "\n\n")}
	for line := range strings.Lines(named.Replace(string(attacks))) {
		if line = strings.TrimSuffix(line, "\n"); line != "" && line[0] != '%' {
			g.bad = append(g.bad, line)
		}
	}
	return g
}

// pieces are put between other tokens.
var pieces = []string{"--", "/*", "*/", "#", "# ", "#!", "//", "$$", "$a$", "a$a$", "'", "\"", "`", "\u2018", "\u2019",
	"\u201c", "\u00a0", "\u200b", "\ufeff", "\x00", "\\", "\\'", "''", "\\x27", ";", "\\G", "(", ")", "[",
	"]", "{", "}",
	".", "::", "->", "@@", "@", "?", ":", ",", "=", "\n", "\r", "\v", "\f", " AS ", " FROM ", " IN ", " SETTINGS ",
	" FORMAT ", " INTO ", " OUTFILE ", " UNION ALL ", " WITH ", " APPLY ", " FINAL ", " FUNCTION ", " TABLE ", " UUID ",
	" system.", " other.", "file", "x'", "b'", "0x", "1e", "1.", "_", "e\u0301"}

func (g *generator) make(r *rand.Rand) generated {
	pick := func(from []string) string { return from[r.IntN(len(from))] }
	q := generated{params: url.Values{"max_execution_time": {"3"}, "max_rows_to_read": {"1000000"}}}
	words := strings.SplitAfter
	switch r.IntN(6) {
	case 0:
		q.text = pick(g.bad)
	case 1: // an attack's part in an honest statement
		a, b := words(pick(g.good), " "), words(pick(g.bad), " ")
		i, j := r.IntN(len(a)), r.IntN(len(b))
		k := j + 1 + r.IntN(len(b)-j)
		q.text = strings.Join(a[:i], "") + " " + strings.Join(b[j:k], "") + " " +
			strings.Join(a[min(len(a), i+r.IntN(2)):], "")
	case 2:
		q.text = "SELECT * FROM (" + pick(g.bad) + ")"
	case 3: // two honest ones
		a, b := words(pick(g.good), " "), words(pick(g.good), " ")
		q.text = strings.Join(a[:r.IntN(len(a)+1)], "") + " " + strings.Join(b[r.IntN(len(b)):], "")
	default:
		q.text = pick(g.good)
	}
	for range max(0, r.IntN(5)-2) {
		q.text = g.mutate(r, q.text)
	}
	switch r.IntN(8) {
	case 0:
		q.params.Set("database",
			pick([]string{"system", "other", "default", "bouncehouse", "information_schema", "`other`",
				"bouncehouse; USE other"}))
	case 1:
		name, value, _ := strings.Cut(pick([]string{"param_x=other", "param_x=file", "param_x=1",
			"additional_result_filter=file('" + "x" + "')", "additional_table_filters={'events':'1'}", "readonly=0",
			"implicit_select=1", "dialect=kusto", "allow_ddl=1",
			"default_format=Template", "default_format=Null", "format_schema=x", "max_memory_usage=0",
			"enable_analyzer=0", "session_timezone=UTC", "profile=x", "max_execution_time=0"}), "=")
		q.params.Set(name, value)
	case 2: // the text in two halves
		i := r.IntN(len(q.text) + 1)
		q.params.Set("query", q.text[:i])
		q.text = q.text[i:]
	}
	return q
}

func (g *generator) mutate(r *rand.Rand, s string) string {
	if s == "" {
		return s
	}
	i := r.IntN(len(s))
	j := min(len(s), i+1+r.IntN(12))
	switch r.IntN(9) {
	case 0:
		return s[:i] + s[j:]
	case 1:
		return s[:i] + s[i:j] + s[i:]
	case 2:
		return s[:i] + strings.ToUpper(s[i:j]) + s[j:]
	case 3: // a word, quoted
		w := strings.Fields(s)
		k := r.IntN(len(w) + 1)
		if k < len(w) {
			q := []string{"`", "\"", "'"}[r.IntN(3)]
			w[k] = q + w[k] + q
		}
		return strings.Join(w, " ")
	case 4:
		b := []byte(s)
		b[i] = byte(r.IntN(256))
		return string(b)
	case 5: // a comment between two bytes
		return s[:i] + []string{"/**/", "-- x\n", "/* ' */", "# x\n", "/* /* */"}[r.IntN(5)] + s[i:]
	default: // between words
		at := bytes.IndexByte([]byte(s[i:]), ' ')
		if at < 0 || r.IntN(2) == 0 {
			at = 0
		}
		return s[:i+at] + pieces[r.IntN(len(pieces))] + s[i+at:]
	}
}

// TestWall sends generated statements as the reader: none may touch a canary, and the engine lives. BOUNCEHOUSE_WALL is
// how many (20,000 take some minutes), BOUNCEHOUSE_SEED repeats a run.
func TestWall(t *testing.T) {
	n := 5000
	if testing.Short() {
		n = 1000
	}
	number := func(name string, v *int) {
		if s := os.Getenv(name); s != "" {
			var err error
			if *v, err = strconv.Atoi(s); err != nil {
				t.Fatal(err)
			}
		}
	}
	seed := int(time.Now().UnixNano())
	number("BOUNCEHOUSE_WALL", &n)
	number("BOUNCEHOUSE_SEED", &seed)
	t.Logf("BOUNCEHOUSE_SEED=%d BOUNCEHOUSE_WALL=%d", seed, n)
	c := newCanaries(t)
	g := newGenerator(t, c)
	var next, passed, answered atomic.Int64
	var workers sync.WaitGroup
	for range 4 {
		workers.Go(func() {
			for i := next.Add(1); i <= int64(n) && !t.Failed(); i = next.Add(1) {
				q := g.make(rand.New(rand.NewPCG(uint64(seed), uint64(i))))
				code, body, err := c.ask(engine.Reader, q)
				if err != nil {
					t.Errorf("%d: %q %v: %v", i, q.text, q.params, err)
					return
				}
				if what := c.touched(body); what != "" {
					t.Errorf("%d: %q %v: %s: %d %.500s", i, q.text, q.params, what, code, body)
				}
				if code == 200 {
					answered.Add(1)
				}
				if !strings.Contains(body, "not for the reader") && !strings.Contains(body, "readonly mode") &&
					!strings.Contains(body, "outside of quotation marks") {
					passed.Add(1)
				}
				if i%2000 == 0 {
					if after := c.tables(t); after != c.before {
						t.Errorf("%d: tables were\n%sand are\n%s", i, c.before, after)
					}
				}
			}
		})
	}
	workers.Wait()
	if after := c.tables(t); after != c.before {
		t.Errorf("tables were\n%sand are\n%s", c.before, after)
	}
	t.Logf("%d of %d passed the wall, %d were answered", passed.Load(), n, answered.Load())
	if int(passed.Load()) < n/10 || int(answered.Load()) < n/20 {
		t.Error("the generator asks too little")
	}
}

// TestNoWall shows that the canaries work: the same attacks as an account that readonly = 1 alone holds.
func TestNoWall(t *testing.T) {
	c := newCanaries(t)
	g := newGenerator(t, c)
	seen := map[string]int{}
	// ends the engine; asks again and again
	slow := regexp.MustCompile(`stack_trace|(?i)(s3|gcs|hdfs|azure|iceberg|delta|hudi|mongodb|redis)`)
	for _, q := range g.bad {
		if slow.MatchString(q) {
			continue
		}
		_, body, err := c.ask(engine.Writer, generated{q, url.Values{"readonly": {"1"}, "max_execution_time": {"3"}}})
		if err != nil {
			t.Fatal(q, err)
		}
		if what := c.touched(body); what != "" {
			seen[what]++
		}
	}
	if seen["the secret came back"] < 10 || seen["a connection was made"] == 0 {
		t.Errorf("canaries seen: %v", seen)
	}
	fmt.Fprintln(t.Output(), seen)
}
