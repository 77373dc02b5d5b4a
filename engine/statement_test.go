package engine

import (
	"strings"
	"testing"
)

func TestParseStatement(t *testing.T) {
	for _, tc := range []struct{ query, want string }{ // want: the INSERT as the engine gets it | its data; or the statement
		{"INSERT INTO t FORMAT Native\nabc", "INSERT INTO t  FROM INFILE 'F'  FORMAT Native|abc"},
		{"INSERT INTO t FORMAT CSV 1,2\n3,4", "INSERT INTO t  FROM INFILE 'F'  FORMAT CSV|1,2\n3,4"},
		{"insert into db.t (a, `format`, values) settings x = 1, y = 'FORMAT z' format TSV\n", "insert into db.t (a, `format`, values)  FROM INFILE 'F' settings x = 1, y = 'FORMAT z'  FORMAT TSV|"},
		{"INSERT INTO format VALUES (1)", "INSERT INTO format  FROM INFILE 'F'  FORMAT Values| (1)"},
		{"INSERT INTO select.with (a) VALUES ('SELECT')", "INSERT INTO select.with (a)  FROM INFILE 'F'  FORMAT Values| ('SELECT')"},
		{"INSERT INTO /* FORMAT x */ t -- VALUES\nFORMAT TSV;\r\nx", "INSERT INTO /* FORMAT x */ t -- VALUES\n FROM INFILE 'F'  FORMAT TSV|x"},
		{"INSERT INTO t", "INSERT INTO t FROM INFILE 'F'  FORMAT D|"},
		{"INSERT INTO t (a, b);\n", "INSERT INTO t (a, b) FROM INFILE 'F'  FORMAT D|"},
		{"INSERT INTO t SELECT * FROM u;", "INSERT INTO t SELECT * FROM u"},
		{"INSERT INTO t (a) (SELECT 1)", "INSERT INTO t (a) (SELECT 1)"},
		{"INSERT INTO t WITH 1 AS format SELECT format", "INSERT INTO t WITH 1 AS format SELECT format"},
		{" /* a */ (((SELECT 1))) ; ; -- b", " /* a */ (((SELECT 1)))"},
		{"SELECT $x$ ; ' $x$, ';', `;`", "SELECT $x$ ; ' $x$, ';', `;`"},
	} {
		st, err := parseStatement(tc.query)
		if err != nil {
			t.Errorf("%q: %v", tc.query, err)
			continue
		}
		got := st.text
		if st.insert {
			got = st.insertFrom("F", "", "D") + "|" + tc.query[st.dataAt:]
		}
		if got != tc.want {
			t.Errorf("%q\n got %q\nwant %q", tc.query, got, tc.want)
		}
	}
	for _, query := range []string{"", " ; ", "(", "INSERT", "INSERT;", "exit", "quit", "1 + 1", "SELECT 1; SELECT 2", "SELECT 'a", "SELECT \u201ca\u201d", "SELECT \x00", "SELECT caf\u00e9",
		"SELECT 1 INTO OUTFILE 'x'", "INSERT INTO t FROM INFILE 'x' FORMAT TSV", "INSERT INTO t FORMAT", "INSERT INTO t (a); SELECT 1", "KILL QUERY WHERE 1", "KILL QUERY WHERE query_id LIKE x"} {
		if st, err := parseStatement(query); err == nil {
			t.Errorf("%q was taken: %+v", query, st)
		}
	}
}

func TestReads(t *testing.T) {
	for query, want := range map[string]bool{"SELECT 1": true, "(SELECT 1)": true, "SHOW TABLES": true, "WITH 1 AS x SELECT x": true, "WITH 1 AS x INSERT INTO t SELECT x": false, "DROP TABLE t": false, "INSERT INTO t VALUES (1)": false} {
		if st, err := parseStatement(query); err != nil || st.reads != want {
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
		{`LIKE 'a_1'`, "ab1", true}, {`LIKE 'a\\_1'`, "ab1", false}, {`LIKE 'a\\_1'`, "a_1", true}, {`LIKE 'a\_1'`, "a_1", true},
		{`LIKE 'a.1%'`, "ab1", false}, {`LIKE '%'`, "", true}, {`LIKE 'a''%'`, "a'b", true},
		{`= 'a%'`, "a%", true}, {`= 'a%'`, "ab", false}, {`IN ('a', 'b')`, "b", true}, {`IN ('a', 'b')`, "c", false},
	} {
		st, err := parseStatement("KILL QUERY WHERE query_id " + tc.where + " SYNC FORMAT TSV")
		if err != nil {
			t.Errorf("%s: %v", tc.where, err)
		} else if got := st.kill.match(tc.id); got != tc.want {
			t.Errorf("%s: %q %v", tc.where, tc.id, got)
		}
	}
}

func FuzzStatement(f *testing.F) {
	for _, s := range []string{"SELECT 1", "INSERT INTO t (a) SETTINGS x=1 FORMAT TSV\n1", "KILL QUERY WHERE query_id IN ('a', 'b') SYNC", "SELECT $a$ $a$ FROM system.processes INTO\u00a0OUTFILE 'x'", "(SELECT `a\\`` # x\n/* */)"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, query string) {
		st, err := parseStatement(query)
		if err != nil {
			return
		}
		if st.insert {
			if !(0 < st.infile && st.infile <= st.formatAt && st.formatAt <= st.dataAt && st.dataAt <= len(query)) {
				t.Errorf("%q: %d %d %d", query, st.infile, st.formatAt, st.dataAt)
			}
			return
		}
		if !strings.HasPrefix(query, st.text) {
			t.Errorf("%q became %q", query, st.text)
		}
		for _, p := range st.processes {
			if p[0] >= p[1] || p[1] > len(st.text) {
				t.Errorf("%q: processes at %v", query, p)
			}
		}
	})
}
