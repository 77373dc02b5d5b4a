package query

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"time"
)

// exceptionMark begins what a server writes into an answer under way when the
// query fails: it can no longer tell by the status.
const exceptionMark = "\r\n__exception__\r\n"

// Copy runs a query and writes the server's answer to w, in the named one of ClickHouse's formats ("" is
// TabSeparatedWithNames), or as the query's own FORMAT says; CSV is guarded against spreadsheets, see csvWriter. Over
// the native protocol rows come without a format: then only tab-separated ones can be had. What a failed query has
// answered until then may have been written.
func (db *DB) Copy(ctx context.Context, w io.Writer, sql, format string) error {
	if format == "" {
		format = "TabSeparatedWithNames"
	}
	if _, err := db.connect(ctx); err != nil {
		return err
	}
	if db.base.Host == "" {
		return db.copyNative(ctx, w, sql, format)
	}
	u := db.base
	settings := url.Values{"database": {Database}, "default_format": {format}}
	for name, value := range db.opts.Settings {
		settings.Set(name, fmt.Sprint(value))
	}
	u.RawQuery = settings.Encode()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), strings.NewReader(sql))
	if err != nil {
		return err
	}
	if db.opts.Auth.Username != "" {
		r.Header.Set("X-ClickHouse-User", db.opts.Auth.Username)
		r.Header.Set("X-ClickHouse-Key", db.opts.Auth.Password)
	}
	for k, v := range db.opts.HttpHeaders {
		r.Header.Set(k, v)
	}
	res, err := db.http.Do(r)
	if err != nil {
		return fmt.Errorf("ClickHouse: %w", err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(res.Body, 16<<10))
		return fmt.Errorf("ClickHouse: %s", firstLine(text, res.Status))
	}
	if strings.HasPrefix(res.Header.Get("X-ClickHouse-Format"), "CSV") {
		w = &csvWriter{w: w}
	}
	return copyAnswer(w, res.Body)
}

func copyAnswer(w io.Writer, body io.Reader) error {
	tail := tailWriter{w: w}
	if _, err := io.Copy(&tail, body); err != nil {
		return fmt.Errorf("ClickHouse: %w", err)
	}
	if _, text, failed := bytes.Cut(tail.last, []byte(exceptionMark)); failed {
		return fmt.Errorf("ClickHouse: %s", firstLine(text, "the query failed"))
	}
	return nil
}

func firstLine(text []byte, otherwise string) string {
	s := strings.TrimSpace(string(text))
	if i := strings.Index(s, "Code: "); i > 0 {
		s = s[i:]
	}
	s, _, _ = strings.Cut(s, "\n")
	if s == "" {
		return otherwise
	}
	return s
}

// tailWriter remembers the end of what goes through it.
type tailWriter struct {
	w    io.Writer
	last []byte
}

func (t *tailWriter) Write(b []byte) (int, error) {
	const keep = 20 << 10 // an exception has at most 16 KiB
	t.last = append(t.last, b[max(0, len(b)-keep):]...)
	if over := len(t.last) - keep; over > 0 {
		t.last = append(t.last[:0], t.last[over:]...)
	}
	return t.w.Write(b)
}

var errNativeFormat = errors.New("over clickhouse:// only TabSeparated and TabSeparatedWithNames can be had: give an http:// or https:// DSN for other formats")

func (db *DB) copyNative(ctx context.Context, w io.Writer, sql, format string) error {
	names := false
	switch format {
	case "TabSeparatedWithNames", "TSVWithNames":
		names = true
	case "TabSeparated", "TSV":
	default:
		return errNativeFormat
	}
	rows, err := db.Rows(ctx, sql)
	if err != nil {
		return err
	}
	defer rows.Close()
	if names {
		if _, err := io.WriteString(w, tabbed(rows.Columns())); err != nil {
			return err
		}
	}
	types := rows.ColumnTypes()
	values, cells := make([]any, len(types)), make([]string, len(types))
	for i, t := range types {
		values[i] = reflect.New(t.ScanType()).Interface()
	}
	for rows.Next() {
		if err := rows.Scan(values...); err != nil {
			return fmt.Errorf("ClickHouse: %w", err)
		}
		for i, v := range values {
			cells[i] = cell(reflect.ValueOf(v).Elem())
		}
		if _, err := io.WriteString(w, tabbed(cells)); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("ClickHouse: %w", err)
	}
	return nil
}

func cell(v reflect.Value) string {
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return "\x00" // tabbed makes \N of it
		}
		v = v.Elem()
	}
	if t, ok := v.Interface().(time.Time); ok {
		return t.Format("2006-01-02 15:04:05.999")
	}
	return fmt.Sprint(v.Interface())
}

// tabbed is a line of ClickHouse's TabSeparated.
func tabbed(cells []string) string {
	escaper := strings.NewReplacer(`\`, `\\`, "\t", `\t`, "\n", `\n`, "\r", `\r`)
	var b strings.Builder
	for i, c := range cells {
		if i > 0 {
			b.WriteByte('\t')
		}
		if c == "\x00" {
			b.WriteString(`\N`)
			continue
		}
		_, _ = escaper.WriteString(&b, c)
	}
	b.WriteByte('\n')
	return b.String()
}
