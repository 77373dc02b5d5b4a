package engine_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/bouncehouse/bouncehouse/engine"
)

// nest wraps the text n times; the form has one or more %[1]s for what is within and may have %[2]d for the level.
func nest(n int, text, form string) string {
	for i := range n {
		text = fmt.Sprintf(form, text, i)
	}
	return text
}

// chain makes n definitions, each of the one before: %[1]d is its number, %[2]d that of the one before.
func chain(n int, head, form, tail string) string {
	var b strings.Builder
	b.WriteString(head)
	for i := 1; i <= n; i++ {
		fmt.Fprintf(&b, form, i, i-1)
	}
	if strings.Contains(tail, "%") {
		tail = fmt.Sprintf(tail, n)
	}
	return b.String() + tail
}

// explosions are short statements that grow without end before the engine reads a row. All were deaf: neither
// max_execution_time nor KILL ended them.
func explosions() map[string]string {
	cte := func(form string) string {
		return chain(24, "WITH a0 AS (SELECT 1 AS x)", ", a%[1]d AS ("+form+")", " SELECT count() FROM a%[1]d")
	}
	const row = "SELECT number AS x FROM numbers(1)"
	return map[string]string{
		"CTE, twice in UNION":     cte("SELECT x FROM a%[2]d UNION ALL SELECT x FROM a%[2]d"),
		"CTE, twice in FROM":      cte("SELECT l.x AS x FROM a%[2]d AS l, a%[2]d AS r"),
		"CTE, twice in JOIN":      cte("SELECT l.x AS x FROM a%[2]d AS l JOIN a%[2]d AS r ON l.x = r.x"),
		"CTE, twice in IN":        cte("SELECT 1 AS x WHERE 1 IN (SELECT x FROM a%[2]d) AND 1 IN a%[2]d"),
		"CTE, twice by asterisk":  cte("SELECT * FROM a%[2]d, a%[2]d"),
		"CTE, twice by asterisks": cte("SELECT * FROM a%[2]d AS l, a%[2]d AS r"),
		"CTE, twice in EXISTS":    cte("SELECT x FROM a%[2]d WHERE EXISTS (SELECT 1 FROM a%[2]d)"),
		"CTE, INTERSECT":          cte("SELECT x FROM a%[2]d INTERSECT SELECT x FROM a%[2]d"),
		"CTE, tuples":             cte("SELECT (x, x) AS x FROM a%[2]d"),
		"CTE, quoted": chain(24, "WITH `a0` AS (SELECT 1 AS x)",
			", `a%[1]d` AS (SELECT (\"x\", `x`) AS x FROM \"a%[2]d\")", " SELECT count() FROM `a%[1]d`"),
		"scalars by name": chain(40, "WITH (SELECT 1) AS a0", ", (SELECT a%[2]d + a%[2]d) AS a%[1]d",
			" SELECT a%[1]d"),
		"aliases": chain(24, "SELECT number AS a0", ", (a%[2]d, a%[2]d) AS a%[1]d",
			" FROM numbers(1)"),
		"aliases, without AS": chain(24, "SELECT number a0", ", (a%[2]d, a%[2]d) a%[1]d", " FROM numbers(1)"),
		"aliases, sums": chain(30, "SELECT number AS a0", ", a%[2]d + a%[2]d AS a%[1]d",
			" FROM numbers(1)"),
		"aliases in WITH": chain(24, "WITH number AS a0", ", (a%[2]d, a%[2]d) AS a%[1]d",
			" SELECT a%[1]d FROM numbers(1)"),
		"aliases of arrayJoin": chain(24, "SELECT arrayJoin([1, 2]) AS a0",
			", arrayJoin([a%[2]d, a%[2]d]) AS a%[1]d", ""),
		"aliases of arrays": chain(40, "WITH range(1000) AS a0", ", arrayConcat(a%[2]d, a%[2]d) AS a%[1]d",
			" SELECT length(a%[1]d)"),
		"subqueries, tuples":           nest(24, row, "SELECT (x, x) AS x FROM (%[1]s)"),
		"subqueries, wide tuples":      nest(5, row, "SELECT ("+strings.Repeat("x, ", 100)+"x) AS x FROM (%[1]s)"),
		"subqueries, renamed":          nest(24, row, "SELECT (y, y) AS x FROM (SELECT x AS y FROM (%[1]s))"),
		"subqueries, qualified":        nest(24, row, "SELECT (x, t%[2]d.x) AS x FROM (%[1]s) AS t%[2]d"),
		"subqueries, column of a name": nest(24, "SELECT 1 AS `end`", "SELECT (end, end) AS `end` FROM (%[1]s)"),
		"subqueries, scalars":          nest(24, row, "SELECT ((SELECT x), (SELECT x)) AS x FROM (%[1]s)"),
		"subqueries, scalar first":     nest(24, row, "SELECT ((SELECT 1), x, x) AS x FROM (%[1]s)"),
		"subqueries, arrayZip": nest(24, "SELECT [number] AS x FROM numbers(1)",
			"SELECT arrayZip(x, x) AS x FROM (%[1]s)"),
		"subqueries, tupleConcat": nest(24, "SELECT (1, 2) AS x", "SELECT tupleConcat(x, x) AS x FROM (%[1]s)"),
		"subqueries, argAndMax":   nest(24, row, "SELECT argAndMax(x, x) AS x FROM (%[1]s)"),
		"subqueries, untuple":     nest(12, "SELECT (1, 2) AS x", "SELECT (untuple(x), untuple(x)) AS x FROM (%[1]s)"),
		"subqueries, in UNION":    nest(24, row, "SELECT (x, x) AS x FROM ((SELECT 1 AS x WHERE 0) UNION ALL (%[1]s))"),
		"subqueries, in view":     nest(24, row, "SELECT (x, x) AS x FROM view(%[1]s)"),
		"subqueries, FROM first":  nest(24, row, "FROM (%[1]s) SELECT (x, x) AS x"),
		"subqueries, REPLACE":     nest(24, row, "SELECT * REPLACE ((x, x) AS x) FROM (%[1]s)"),
		"asterisks":               nest(14, "SELECT 1 AS x, 2 AS y", "SELECT *, * FROM (%[1]s)"),
		"asterisks of two":        nest(60, "SELECT 1 AS a", "SELECT l.*, r.* FROM (SELECT 1 AS a) AS l, (%[1]s) AS r"),
		"asterisks, COLUMNS":      nest(20, "SELECT 1 AS a", "SELECT COLUMNS('.'), COLUMNS('.') FROM (%[1]s)"),
		"lambdas": "SELECT " + nest(24, "number", "arrayMap(x -> (x, x), [%[1]s])[1]") +
			" FROM numbers(1)",
		"lambdas of APPLY": "SELECT *" + strings.Repeat(" APPLY(x -> (x, x))", 24) + " FROM numbers(1)",
		"many columns, tuples": nest(6, ofColumns(60, "%[1]d AS c%[1]d")+" FROM numbers(1)",
			ofColumns(60, "(c%[1]d, c%[1]d) AS c%[1]d")+" FROM (%[1]s)"),
		"BETWEEN":               "SELECT " + nest(80, "number", "(%[1]s BETWEEN 0 AND 1)") + " FROM numbers(1)",
		"BETWEEN, in a row":     "SELECT number" + strings.Repeat(" BETWEEN 0 AND number", 60) + " FROM numbers(1)",
		"BETWEEN, on the right": "SELECT " + nest(80, "number", "(number BETWEEN 0 AND %[1]s)") + " FROM numbers(1)",
		"ANY":                   nest(40, "SELECT 1", "SELECT 1 = ANY (%[1]s)"),
		"joins": "SELECT count() FROM numbers(1) AS t" +
			chain(300, "", " JOIN numbers(1) AS t%[1]d ON t.number = t%[1]d.number", ""),
		"joins, USING": "SELECT count() FROM numbers(1) AS t" +
			strings.Repeat(" JOIN numbers(1) AS u USING number", 300),
		"a loop in a loop":       "SELECT arrayFold((a, x) -> a + arrayFold((b, y) -> b + y, range(1000000), x), range(1000000), toUInt64(0))",
		"a huge block":           "SELECT bitmapCardinality(bitmapBuild(range(toUInt32(300000000))))",
		"a path of JSON, query":  "SELECT JSON_QUERY('[1]', '$[0 to 4000000000]')",
		"a path of JSON, value":  "SELECT JSON_VALUE('[1]', '$[0 to 4000000000]')",
		"a path of JSON, exists": "SELECT JSON_EXISTS('[]', '$[0 to 4000000000]')",
		"EXPLAIN of one":         "EXPLAIN PLAN " + nest(24, row, "SELECT (x, x) AS x FROM (%[1]s)"),
		"DESCRIBE of one":        "DESCRIBE (" + nest(24, row, "SELECT (x, x) AS x FROM (%[1]s)") + ")",
	}
}

// TestExplosions: each is refused, by the statement's wall or by the engine's own count. Nothing is left of it in the
// engine.
func TestExplosions(t *testing.T) {
	end, w := prepared(t)
	for name, q := range explosions() {
		code, body, _ := post(t, end, engine.Reader, nil, q)
		if code == 200 || code == http.StatusRequestTimeout || !strings.Contains(body, "too big") &&
			!strings.Contains(body, "allowed maximum") && !strings.Contains(body, "not for the reader") {
			t.Errorf("%s: %d %.300s", name, code, body)
		}
	}
	if n := value[uint64](t, w, "SELECT count() FROM system.processes WHERE user = 'reader'"); n != 0 {
		t.Errorf("%d are still there", n)
	}
}
