package engine

import (
	"compress/gzip"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// answer writes a result. From here on a failure can only close the connection.
func (s *server) answer(w http.ResponseWriter, r *http.Request, q *request, p *process, res *result) {
	h := w.Header()
	s.common(h, q, p)
	h.Set("X-ClickHouse-Summary",
		fmt.Sprintf(`{"read_rows":"%d","read_bytes":"%d","written_rows":"%d","written_bytes":"%d","total_rows_to_read":"0","result_rows":"%d","result_bytes":"%d","elapsed_ns":"%d"}`,
			res.read, res.bytes, res.written, res.writtenBytes, res.rows, res.size,
			time.Since(p.started).Nanoseconds()))
	var out io.Writer = patientWriter{p.ctx, w, s.patience}
	if q.gzip && res.size > 0 {
		h.Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(out)
		defer z.Close()
		out = z
	} else {
		h.Set("Content-Length", strconv.FormatInt(res.size, 10))
	}
	for _, b := range res.data {
		if _, err := out.Write(b); err != nil {
			s.log.Debug("write an answer", "query_id", p.id, "error", err)
			return
		}
	}
}

func (s *server) common(h http.Header, q *request, p *process) {
	h.Set("X-ClickHouse-Query-Id", headerValue(p.id))
	h.Set("X-ClickHouse-Format", q.format)
	h.Set("X-ClickHouse-Timezone", s.engine.timezone)
	h.Set("X-ClickHouse-Server-Display-Name", displayName)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Type", contentType(q.format))
}

// contentType is what ClickHouse sends for the format.
func contentType(format string) string {
	switch f := strings.ToLower(format); {
	case strings.HasPrefix(f, "json"):
		if strings.Contains(f, "eachrow") {
			return "application/x-ndjson; charset=UTF-8"
		}
		return "application/json; charset=UTF-8"
	case strings.HasPrefix(f, "csv"):
		return "text/csv; charset=UTF-8; header=" + map[bool]string{true: "present",
			false: "absent"}[strings.Contains(f, "withnames")]
	case strings.HasPrefix(f, "tabseparated"), strings.HasPrefix(f, "tsv"):
		return "text/tab-separated-values; charset=UTF-8"
	case strings.HasPrefix(f, "pretty"), f == "vertical", f == "markdown", f == "values", f == "tskv":
		return "text/plain; charset=UTF-8"
	}
	return "application/octet-stream"
}

// helloQuery is clickhouse-go's first query on each of its connections.
const helloQuery = "SELECT displayName(), version(), revision(), timezone()"

const displayName = "bouncehouse"

func (q *request) hello() bool {
	return q.protocol && q.format == "Native" && render(q.statement.tokens) == helloQuery
}

// hello answers that query. The driver reads the answer in the Native format of protocol revision 54460: a block info
// first, and a serialization byte per column. The engine writes revision 0. The revision in this answer is the one that
// the driver reads from then on.
func (s *server) hello(w http.ResponseWriter, r *http.Request, q *request, p *process) error {
	c, err := s.engine.session(q.session) // an unknown database or setting shows now, as with a server
	if err != nil {
		return err
	}
	c.close()
	b := []byte{1, 0, 2, 0xff, 0xff, 0xff, 0xff, 0} // not overflowing, no bucket
	b = append(b, 4, 1)                             // columns, rows
	for _, c := range []struct{ name, value string }{
		{"displayName()", displayName}, {"version()", s.engine.version}, {"revision()", ""},
		{"timezone()", s.engine.timezone},
	} {
		b = appendString(b, c.name)
		if c.value == "" {
			b = append(appendString(b, "UInt32"), 0, 0, 0, 0, 0)
			continue
		}
		b = append(appendString(b, "String"), 0)
		b = appendString(b, c.value)
	}
	h := w.Header()
	s.common(h, q, p)
	h.Set("Content-Length", strconv.Itoa(len(b)))
	_, _ = patientWriter{p.ctx, w, s.patience}.Write(b)
	return nil
}

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// patientWriter gives the client some time for every 64 KiB, and ends where the process is killed: what goes
// on after that counts as deaf.
type patientWriter struct {
	ctx      context.Context // the process's
	w        http.ResponseWriter
	patience time.Duration
}

func (w patientWriter) Write(b []byte) (int, error) {
	killed := func() bool { return context.Cause(w.ctx) == errKilled }
	defer context.AfterFunc(w.ctx, func() {
		if killed() {
			deadline(w.w, -w.patience)
		}
	})()
	written := 0
	for {
		deadline(w.w, w.patience)
		if killed() { // perhaps just before the deadline was put off
			return written, errKilled
		}
		n, err := w.w.Write(b[:min(len(b), 64<<10)])
		written += n
		b = b[n:]
		if err != nil || len(b) == 0 {
			return written, err
		}
	}
}
