package engine

import (
	"cmp"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestParseStatement(t *testing.T) {
	// want: the INSERT as the engine gets it | its data; or the statement
	for _, tc := range []struct{ query, want string }{
		{"INSERT INTO t FORMAT Native\nabc", "INSERT INTO t FROM INFILE 'F'  FORMAT Native|abc"},
		{"INSERT INTO t FORMAT CSV 1,2\n3,4", "INSERT INTO t FROM INFILE 'F'  FORMAT CSV|1,2\n3,4"},
		{"insert into db.t (a, `format`, values) settings x = 1, y = 'FORMAT z' format TSV\n",
			"insert into db.t(a, `format`, values) FROM INFILE 'F' settings x = 1, y = 'FORMAT z' FORMAT TSV|"},
		{"INSERT INTO format VALUES (1)", "INSERT INTO format FROM INFILE 'F'  FORMAT Values| (1)"},
		{"INSERT INTO select.with (a) VALUES ('SELECT')",
			"INSERT INTO select.with(a) FROM INFILE 'F'  FORMAT Values| ('SELECT')"},
		{"INSERT INTO t (settings, select) FORMAT TSV\n1",
			"INSERT INTO t(settings, select) FROM INFILE 'F'  FORMAT TSV|1"},
		{"INSERT INTO /* FORMAT x */ t -- VALUES\nFORMAT TSV;\r\nx", "INSERT INTO t FROM INFILE 'F'  FORMAT TSV|x"},
		{"INSERT INTO t", "INSERT INTO t FROM INFILE 'F'  FORMAT D|"},
		{"INSERT INTO t (a, b);\n", "INSERT INTO t(a, b) FROM INFILE 'F'  FORMAT D|"},
		{"INSERT INTO t SELECT * FROM u;", "INSERT INTO t SELECT * FROM u"},
		{"INSERT INTO t (a) (SELECT 1)", "INSERT INTO t(a) (SELECT 1)"},
		{"INSERT INTO t WITH 1 AS format SELECT format", "INSERT INTO t WITH 1 AS format SELECT format"},
		{" /* a */ (((SELECT 1))) ; ; -- b", "(((SELECT 1)))"},
		{"SELECT 'it''s', 'a\\db\\x41\\n', \"a`b\", `x\"y`, 'a\\N'",
			"SELECT 'it\\'s', 'a\\\\dbA\\x0a', `a\\`b`, `x\"y`, 'a'"},
		{"SELECT (.5)+1e3-t.1.2, x::UInt8, a.b . c, 0xFF , [1][1].1, -1",
			"SELECT(0.5) + 1e3 - t. 1 . 2, x :: UInt8, a.b.c, 0xFF, [1] [1] . 1, - 1"},
		{"SELECT 'a\x00b'", "SELECT 'a\\x00b'"},
	} {
		st, err := parseStatement(tc.query, maxTokens)
		if err != nil {
			t.Errorf("%q: %v", tc.query, err)
			continue
		}
		got := render(st.tokens)
		if st.insert {
			got = st.insertFrom("F", "", cmp.Or(st.format, "D")) + "|" + tc.query[st.dataAt:]
		}
		if got != tc.want {
			t.Errorf("%q\n got %q\nwant %q", tc.query, got, tc.want)
		}
	}
	for _, query := range []string{"", " ; ", "(", "INSERT", "INSERT;", "exit", "quit", "1 + 1", "SELECT 1; SELECT 2",
		"SELECT 'a", "SELECT \u201ca\u201d", "SELECT \x00", "SELECT caf\u00e9",
		"SELECT 1 INTO OUTFILE 'x'", "INSERT INTO t FROM INFILE 'x' FORMAT TSV", "INSERT INTO t FORMAT",
		"INSERT INTO t (a); SELECT 1", "KILL QUERY WHERE 1", "KILL QUERY WHERE query_id LIKE x",
		"SELECT a$x$, file('x') AS b, 2 AS b$x$", "SELECT $x$ ; $x$", "SELECT 1a", "SELECT 1.", "SELECT 1e",
		"SELECT 0x", "SELECT x'41'", "SELECT '\\x4'", "SELECT 1 @ 2", "SELECT 1\\G",
		"SELECT 1)", "(" + strings.Repeat("(", maxDepth) + "SELECT 1", "SELECT " + strings.Repeat("[", maxDepth+1),
		"SELECT" + strings.Repeat(" 1", maxTokens)} {
		if st, err := parseStatement(query, maxTokens); err == nil {
			t.Errorf("%q was taken: %+v", query, st)
		}
	}
}

func TestReads(t *testing.T) {
	for query, want := range map[string]bool{"SELECT 1": true, "(SELECT 1)": true, "SHOW TABLES": true,
		"WITH 1 AS x SELECT x": true, "WITH 1 AS x INSERT INTO t SELECT x": false, "DROP TABLE t": false,
		"INSERT INTO t VALUES (1)": false} {
		if st, err := parseStatement(query, maxTokens); err != nil || st.reads != want {
			t.Errorf("%s: %v %v", query, st, err)
		}
	}
}

func TestKillSelector(t *testing.T) {
	for _, tc := range []struct {
		where, id string
		want      bool
	}{
		{`LIKE 'a-1%'`, "a-1", true}, {`LIKE 'a-1%'`, "a-1-x", true}, {`LIKE 'a-1%'`, "b-a-1", false},
		{`LIKE 'a_1'`, "ab1", true}, {`LIKE 'a\\_1'`, "ab1", false}, {`LIKE 'a\\_1'`, "a_1", true},
		{`LIKE 'a\_1'`, "a_1", true},
		{`LIKE 'a.1%'`, "ab1", false}, {`LIKE '%'`, "", true}, {`LIKE 'a''%'`, "a'b", true},
		{`= 'a%'`, "a%", true}, {`= 'a%'`, "ab", false}, {`IN ('a', 'b')`, "b", true}, {`IN ('a', 'b')`, "c", false},
	} {
		st, err := parseStatement("KILL QUERY WHERE query_id "+tc.where+" SYNC FORMAT TSV", maxTokens)
		if err != nil {
			t.Errorf("%s: %v", tc.where, err)
		} else if got := st.kill.match(tc.id); got != tc.want {
			t.Errorf("%s: %q %v", tc.where, tc.id, got)
		}
	}
}

func FuzzStatement(f *testing.F) {
	for _, s := range []string{"SELECT 1", "INSERT INTO t (a) SETTINGS x=1 FORMAT TSV\n1",
		"KILL QUERY WHERE query_id IN ('a', 'b') SYNC", "SELECT $a$ $a$ FROM system.processes INTO\u00a0OUTFILE 'x'",
		"(SELECT `a\\`` # x\n/* */)", "SELECT a..0"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, query string) {
		st, err := parseStatement(query, maxTokens)
		if err != nil {
			return
		}
		if st.insert {
			if !(0 < st.infile && st.infile <= len(st.tokens) && st.dataAt <= len(query)) {
				t.Errorf("%q: %d %d", query, st.infile, st.dataAt)
			}
			return
		}
		// What is written from the tokens is read as the same tokens: one meaning.
		text := render(st.tokens)
		again, err := parseStatement(text, maxTokens)
		if err != nil || render(again.tokens) != text || len(again.tokens) != len(st.tokens) {
			t.Errorf("%q became %q: %v", query, text, err)
		}
		for i, tok := range again.tokens {
			if was := st.tokens[i]; tok.kind != was.kind || tok.text != was.text {
				t.Errorf("%q became %q: %+v was %+v", query, text, tok, was)
			}
		}
		_ = st.forReader(known{refused: set("file"), databases: func() (map[string]bool,
			error) {
			return set("system other"), nil
		}})
	})
}

// TestWorkIsLinear doubles a statement in the shapes that could cost more, and holds the processor's time for reading,
// checking and writing it under three times.
func TestWorkIsLinear(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	dbs := func() (map[string]bool, error) { return set("system other"), nil }
	cost := func(text string) time.Duration {
		best := time.Hour
		for range 5 {
			var from, to unix.Rusage
			if err := unix.Getrusage(unix.RUSAGE_THREAD, &from); err != nil {
				t.Fatal(err)
			}
			if st, err := parseStatement(text, maxTokens); err == nil {
				if err := st.forReader(known{set("file"), dbs}); err == nil {
					_ = render(st.tokens)
				}
			}
			if err := unix.Getrusage(unix.RUSAGE_THREAD, &to); err != nil {
				t.Fatal(err)
			}
			best = min(best, time.Duration(to.Utime.Nano()+to.Stime.Nano()-from.Utime.Nano()-from.Stime.Nano()))
		}
		return best
	}
	for name, shape := range map[string]func(n int) string{
		"numbers": func(n int) string { return "SELECT 1" + strings.Repeat(", 1", n) },
		"names":   func(n int) string { return "SELECT a" + strings.Repeat(".b", n) },
		"dots":    func(n int) string { return "SELECT `" + strings.Repeat("a.", n) + "`" },
		"calls":   func(n int) string { return "SELECT 1" + strings.Repeat(", sumIfOrNullArray(1)", n) },
		"combinators": func(n int) string {
			return "SELECT 1" + strings.Repeat(", sum"+strings.Repeat("ifarray", 12)+"x(1)", n/8)
		},
		"settings":      func(n int) string { return "SELECT 1" + strings.Repeat(" SETTINGS a = 1", n/4) },
		"strings":       func(n int) string { return "SELECT '" + strings.Repeat(`\'`, n) + "'" },
		"comments":      func(n int) string { return "SELECT 1" + strings.Repeat("/**/", n) },
		"open comments": func(n int) string { return "SELECT 1" + strings.Repeat("/*", n) },
		"parameters":    func(n int) string { return "SELECT 1" + strings.Repeat(", {a:String}", n/4) },
		"brackets":      func(n int) string { return "DESCRIBE (SELECT 1" + strings.Repeat(", (1)", n/4) + ")" },
		"semicolons":    func(n int) string { return "SELECT 1" + strings.Repeat(";", n) },
		"formats":       func(n int) string { return "SELECT 1" + strings.Repeat(" FORMAT x", n) },
		"explain":       func(n int) string { return "EXPLAIN" + strings.Repeat(" json = 1,", n/4) + " SELECT 1" },
	} {
		const n = 20_000
		one, two := cost(shape(n)), cost(shape(2*n))
		tooMuch := func() bool { return two > 3*one && two > 20*time.Millisecond }
		for range 5 { // on a busy machine even the processor's time is not always a thread's own
			if tooMuch() {
				one, two = min(one, cost(shape(n))), min(two, cost(shape(2*n)))
			}
		}
		if tooMuch() {
			t.Errorf("%s: %v, doubled %v", name, one, two)
		}
	}
}

// TestShown: each system.processes that was counted is replaced, and no other words: the list may be long.
func TestShown(t *testing.T) {
	var r running
	if _, err := r.begin(t.Context(), "one", Reader, nil); err != nil {
		t.Fatal(err)
	}
	for query, want := range map[string]int{
		"SELECT * FROM system.processes":                                                             1,
		"SELECT * FROM `system` . \"processes\" AS a":                                                1,
		"SELECT a.system.processes, b.system.processes FROM system.processes AS a":                   1,
		"SELECT bouncehouse.system.processes" + strings.Repeat(", bouncehouse.system.processes", 99): 0,
	} {
		st, err := parseStatement(query, maxTokens)
		if err == nil {
			err = st.forReader(known{databases: func() (map[string]bool, error) { return set("system"), nil }})
		}
		if err != nil {
			t.Fatal(query, err)
		}
		q := &request{statement: st, session: session{user: Reader}}
		if got := strings.Count(render(q.shown(&r).tokens), "'one'"); got != want || st.processes != want {
			t.Errorf("%.80s: %d shown, %d counted, want %d", query, got, st.processes, want)
		}
	}
}

// The threads of the reader's statements, which each of their joins has hash tables for.
func TestReaderThreads(t *testing.T) {
	for _, c := range []struct {
		asked string
		joins int
		want  int
	}{{"3", 0, 3}, {"64", 0, 8}, {"64", 16, 8}, {"64", 32, 4}, {"64", 64, 2}, {"", 1, min(runtime.NumCPU(), 8)}, {"0", 64, min(runtime.NumCPU(), 2)}} {
		if got := (&session{joins: c.joins}).threads(c.asked); got != c.want {
			t.Errorf("%q with %d joins: %d, want %d", c.asked, c.joins, got, c.want)
		}
	}
	s, err := parseStatement("SELECT 1 FROM a JOIN b ON 1 left join c ON 2", 1000)
	if err != nil || s.joins() != 2 {
		t.Errorf("%d joins, %v", s.joins(), err)
	}
}
