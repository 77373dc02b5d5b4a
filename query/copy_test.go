package query

import (
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

// TestLateException is a query that fails when a part of its answer is out.
func TestLateException(t *testing.T) {
	rows := strings.Repeat("0123456789\n", 10_000)
	for name, end := range map[string]string{
		"tagged": "\r\n__exception__\r\nabcdefghijklmnop\r\nCode: 159. DB::Exception: Timeout exceeded. (TIMEOUT_EXCEEDED)\n95 abcdefghijklmnop\r\n__exception__\r\n",
		"old":    "\r\n__exception__\r\nCode: 159. DB::Exception: Timeout exceeded. (TIMEOUT_EXCEEDED)\n",
	} {
		var b strings.Builder
		err := copyAnswer(&b, iotest.HalfReader(strings.NewReader(rows+end)))
		if err == nil || err.Error() != "ClickHouse: Code: 159. DB::Exception: Timeout exceeded. (TIMEOUT_EXCEEDED)" {
			t.Errorf("%s: %v", name, err)
		}
		if !strings.HasPrefix(b.String(), rows) {
			t.Errorf("%s: the rows before it are lost", name)
		}
	}
	if err := copyAnswer(io.Discard, strings.NewReader(rows+"the word __exception__ in a row\n")); err != nil {
		t.Errorf("a row that speaks of exceptions: %v", err)
	}
}

func TestTabbed(t *testing.T) {
	n := float32(1.5)
	var cells []string
	for _, v := range []any{"a\tb\\c\nd", (*float32)(nil), &n, uint8(1), true,
		time.Date(2026, 11, 20, 12, 0, 0, 5e8, time.UTC), []string{"x", "y"}} {
		cells = append(cells, cell(reflect.ValueOf(v)))
	}
	if got, want := tabbed(cells),
		`a\tb\\c\nd`+"\t"+`\N`+"\t1.5\t1\ttrue\t2026-11-20 12:00:00.5\t[x y]\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
