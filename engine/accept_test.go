package engine_test

import (
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/bouncehouse/bouncehouse/engine"
)

// migrated has the engine up with the project's tables and a few rows.
func migrated(t testing.TB, helper string) (string, engine.Endpoint) {
	t.Helper()
	dir := t.TempDir()
	end := upAs(t, dir, helper).Endpoint()
	files, err := filepath.Glob("../schemas/clickhouse/*.sql")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	write := func(query string) {
		if code, body, _ := post(t, end, engine.Writer, nil, query); code != 200 {
			t.Fatal(query, body)
		}
	}
	write("CREATE DATABASE bouncehouse")
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		plain := regexp.MustCompile(`(?s)\{\{if .*?\{\{end\}\}|\{\{.*?\}\}`).ReplaceAllString(string(text), "")
		plain = regexp.MustCompile(`(?m)--.*$`).ReplaceAllString(plain, "")
		for statement := range strings.SplitSeq(plain, ";") {
			if strings.TrimSpace(statement) != "" {
				write(statement)
			}
		}
	}
	write(`INSERT INTO bouncehouse.events (stream, file_id, offset, time, host, source, direction, queue_id, sender, recipient, outcome, reply_code, enhanced_code, reply_text, class, provider, urls, delay, counted)
		SELECT 'mx:/var/log/mail.log', 'f', number, now() - number * 60, 'mx.example', if(number % 10 = 0, 'dsn', 'postfix'), 'outbound', toString(number % 50), 'a@example.org', concat('b', toString(number % 40), '@example.com'),
		['delivered', 'deferred', 'bounced'][number % 3 + 1], 550, '5.7.1', '550 5.7.1 blocked [S3150]', ['', 'dnsbl', 'reputation'][number % 3 + 1], ['google', 'microsoft'][number % 2 + 1], ['https://example.com/x'], number, 1 FROM numbers(500)`)
	write("INSERT INTO bouncehouse.messages (host, queue_id, time, sender) SELECT 'mx.example', toString(number), now() - 100000, 'a@example.org' FROM numbers(50)")
	return dir, end
}

// TestReaderAccepts runs what people, Grafana and drivers ask as the reader.
func TestReaderAccepts(t *testing.T) {
	_, end := migrated(t, "serve")
	text, err := os.ReadFile("testdata/reader.sql")
	if err != nil {
		t.Fatal(err)
	}
	queries := strings.Split(strings.TrimSpace(string(text)), "\n\n")
	if len(queries) < 100 {
		t.Fatal(len(queries))
	}
	for _, q := range queries {
		code, body, _ := post(t, end, engine.Reader, url.Values{"default_format": {"JSONEachRow"},
			"database": {"bouncehouse"}}, q)
		if code != 200 {
			t.Errorf("%s\n%d %.400s", q, code, body)
		}
		// Within what a window or an outer query orders, rows may come in any order.
		if want, got := sortedLines(writerSays(t, end, q)), sortedLines(body); code == 200 && comparable(q) && want != got {
			t.Errorf("%s\n got %.300s\nwant %.300s", q, got, want)
		}
	}
}

func sortedLines(text string) string {
	lines := strings.Split(text, "\n")
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// comparable queries have the same answer whoever asks, and whenever.
func comparable(q string) bool {
	return !regexp.MustCompile(`(?i)now|currentUser|system\.|SHOW|EXPLAIN|LIMIT|any\(|groupArray|topK|FORMAT JSON`).MatchString(q) && strings.Contains(q, "ORDER BY")
}

func writerSays(t testing.TB, end engine.Endpoint, q string) string {
	t.Helper()
	_, body, _ := post(t, end, engine.Writer, url.Values{"default_format": {"JSONEachRow"},
		"database": {"bouncehouse"}}, q)
	return body
}

// TestProjectQueries asks the wall about the SQL that stands in the project's own readers, with values in place of
// theirs.
func TestProjectQueries(t *testing.T) {
	_, end := migrated(t, "serve")
	found := 0
	for _, pattern := range []string{"../report/*.go", "../cmd/bouncehouse/*.go", "../test/e2e*.go", "../README.md"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			text, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range regexp.MustCompile("`(SELECT [^`]+)`|\"(SELECT [^\"]+)\"").FindAllStringSubmatch(string(text), -1) {
				q := regexp.MustCompile(`\$\d|%[sdq]`).ReplaceAllString(m[1]+strings.TrimSuffix(m[2], `\`), "1")
				found++
				if _, body, _ := post(t, end, engine.Reader, nil, q); strings.Contains(body, "not for the reader") ||
					strings.Contains(body, "outside of quotation marks") {
					t.Errorf("%s: %s\n%.300s", f, q, body)
				}
			}
		}
	}
	if found < 30 {
		t.Errorf("only %d queries were found", found)
	}
}
