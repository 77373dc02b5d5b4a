package engine

import (
	"bytes"
	"cmp"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"slices"
	"sort"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// request is a query as received, with an INSERT's data in a file.
type request struct {
	statement   *statement
	session     session
	params      []param
	format      string   // of the output
	dataFormat  string   // of an INSERT's data, where the query does not say
	protocol    bool     // the client names its protocol version, as clickhouse-go does
	gzip        bool     // the client wants the answer so
	data        *os.File // memfd; nil without data
	compression string   // of data, for the engine to undo
	held        int64    // bytes taken from the budget
	budget      *budget
}

func (q *request) close() {
	if q.data != nil {
		q.data.Close()
	}
	q.budget.give(q.held)
}

// notSettings are parameters of the interface, not of the query.
var notSettings = map[string]bool{"query": true, "database": true, "default_format": true, "user": true,
	"password": true,
	"query_id": true, "quota_key": true, "client_protocol_version": true, "stacktrace": true, "wait_end_of_query": true,
	"buffer_size": true, "role": true, "session_timeout": true, "session_check": true, "close_session": true,
	"compress": true, "decompress": true,
	"framing": true, "network_compression_method": true, "network_zstd_compression_level": true}

func notImplemented(what string) error {
	return newError("Code: 48. DB::Exception: " + what + ". (NOT_IMPLEMENTED)")
}

// read takes in the whole request.
func (s *server) read(w http.ResponseWriter, r *http.Request, params url.Values, p *process) (*request, error) {
	q := &request{budget: &s.bodies, protocol: params.Get("client_protocol_version") != ""}
	for _, f := range []string{r.Header.Get("X-ClickHouse-Format"), params.Get("default_format")} {
		if f != "" {
			q.format = f
		}
	}
	if q.format != "" && !settingName.MatchString(q.format) {
		return nil, newError("Code: 73. DB::Exception: Unknown format. (UNKNOWN_FORMAT)")
	}
	switch {
	case params.Get("session_id") != "":
		return nil, notImplemented("session_id: every request has a session of its own here")
	case params.Get("compress") == "1" || params.Get("decompress") == "1":
		return nil, notImplemented("the native compression of compress=1 and decompress=1 (lz4, zstd in clickhouse-go); use none or gzip")
	case strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/"):
		return nil, notImplemented("external tables (multipart/form-data)")
	}
	database := params.Get("database")
	if h := r.Header.Get("X-ClickHouse-Database"); h != "" {
		database = h
	}
	q.session = session{user: p.user, database: database, settings: map[string]string{},
		get: r.Method == http.MethodGet, marker: p.marker(), unguarded: s.unguarded}
	for name, values := range params {
		value := values[len(values)-1]
		if after, ok := strings.CutPrefix(name, "param_"); ok {
			q.params = append(q.params, param{after, value})
		} else if !notSettings[name] {
			q.session.settings[name] = value
		}
	}
	sort.Slice(q.params, func(i, j int) bool { return q.params[i].name < q.params[j].name })
	q.gzip = q.session.settings["enable_http_compression"] == "1" &&
		strings.Contains(r.Header.Get("Accept-Encoding"), "gzip")

	if err := s.readBody(w, r, params.Get("query"), p, q); err != nil {
		q.close()
		return nil, err
	}
	if p.user == Reader && !s.unguarded {
		if err := q.checkReader(s.engine); err != nil {
			q.close()
			return nil, err
		}
	}
	q.dataFormat = q.format
	if !q.statement.insert {
		q.format = cmp.Or(q.statement.format, q.format)
	}
	q.format = cmp.Or(q.format, "TabSeparated")
	return q, nil
}

// readBody reads the query's text, from the parameter and the body, and puts an INSERT's data into a memfd.
func (s *server) readBody(w http.ResponseWriter, r *http.Request, text string, p *process, q *request) error {
	longest, most := maxStatement, maxTokens
	if p.user == Reader {
		longest, most = readerStatement, readerTokens
	}
	errTooLarge := newError(fmt.Sprintf("Code: 229. DB::Exception: The query's text is larger than %d bytes. (QUERY_IS_TOO_LARGE)", longest))
	if len(text) > longest {
		return errTooLarge
	}
	var body io.Reader = http.NoBody
	if r.Method == http.MethodPost {
		patient := &patientReader{p: p, r: r.Body, c: http.NewResponseController(w)}
		if p.user == Writer {
			patient.patience = s.patience
		}
		defer patient.done()
		var err error
		if body, err = q.decode(patient, r.Header.Get("Content-Encoding"), text != ""); err != nil {
			return err
		}
	}
	if s.unguarded {
		b, err := io.ReadAll(body)
		q.statement = &statement{tokens: []token{{kind: tokenWord, text: text + string(b)}}} // as it is
		return err
	}
	// The text in the parameter may be all of the statement; then the body is data, and is not looked at.
	if text != "" {
		text += "\n"
		if st, err := parseStatement(text, most); err == nil && st.insert {
			if p.user == Reader {
				return errReadonly
			}
			q.statement = st
			return q.keep(io.MultiReader(strings.NewReader(text[st.dataAt:]), body), p, s.maxBody)
		}
	}
	if q.compression != "" {
		return notImplemented("Content-Encoding " + q.compression + " of a query's text; use none or gzip")
	}
	var head bytes.Buffer
	n, err := io.Copy(&head, io.LimitReader(body, int64(longest)))
	if err != nil {
		return bodyError(err, p)
	}
	text += head.String()
	st, err := parseStatement(text, most)
	switch {
	case err == nil && st.insert && p.user == Reader: // before its data is: that of all INSERTs together is bounded
		return errReadonly
	case err == nil && st.insert:
		q.statement = st
		return q.keep(io.MultiReader(strings.NewReader(text[st.dataAt:]), body), p, s.maxBody)
	case n == int64(longest):
		return errTooLarge
	case err != nil:
		return err
	}
	q.statement = st
	return nil
}

// decode undoes the body's compression, or leaves it to the engine where it can.
func (q *request) decode(body io.Reader, encoding string, inParameter bool) (io.Reader, error) {
	bad := func(err error) error {
		return newError(fmt.Sprintf("Code: 354. DB::Exception: The body is not %s: %v. (ZLIB_INFLATE_FAILED)", encoding,
			err))
	}
	switch encoding {
	case "", "identity":
		return body, nil
	case "gzip", "x-gzip":
		z, err := gzip.NewReader(body)
		if err != nil {
			return nil, bad(err)
		}
		return z, nil
	case "deflate":
		z, err := zlib.NewReader(body)
		if err != nil {
			return nil, bad(err)
		}
		return z, nil
	case "zstd", "lz4", "br", "xz", "bz2":
		q.compression = encoding
		return body, nil
	}
	return nil, notImplemented(fmt.Sprintf("Content-Encoding %.20q", encoding))
}

// keep copies an INSERT's data into a memfd: the engine cuts data short that stands in the query, and reads a file's
// whole.
func (q *request) keep(data io.Reader, p *process, most int64) error {
	fd, err := unix.MemfdCreate("insert", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return fmt.Errorf("memfd for an INSERT: %w", err)
	}
	q.data = os.NewFile(uintptr(fd), "insert")
	buf := make([]byte, 64<<10)
	var total int64
	for {
		n, err := data.Read(buf)
		if n > 0 {
			if total += int64(n); total > most {
				return newError(fmt.Sprintf("Code: 307. DB::Exception: The data is larger than %d bytes. (TOO_MANY_BYTES)", most))
			}
			if !q.budget.take(int64(n)) {
				return newError("Code: 241. DB::Exception: The INSERTs under way hold too much memory, come back later. (MEMORY_LIMIT_EXCEEDED)")
			}
			q.held += int64(n)
			if _, err := q.data.Write(buf[:n]); err != nil {
				return fmt.Errorf("keep an INSERT's data: %w", err)
			}
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return bodyError(err, p)
		}
	}
	// No other query can change what it can open as /proc/self/fd/N too.
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS,
		unix.F_SEAL_WRITE|unix.F_SEAL_GROW|unix.F_SEAL_SHRINK|unix.F_SEAL_SEAL); err != nil {
		return fmt.Errorf("keep an INSERT's data: %w", err)
	}
	return nil
}

// checkReader is the reader's wall: nothing of it reaches the engine that this has not seen.
func (q *request) checkReader(e *engine) error {
	for _, p := range q.params {
		q.statement.longest = max(q.statement.longest, len(p.value))
	}
	if err := q.statement.forReader(known{*e.refused.Load(), e.databases}); err != nil {
		return err
	}
	maps.Copy(q.session.settings, q.statement.settings)
	q.session.joins = q.statement.joins()
	for _, f := range []string{q.format, q.statement.format} {
		if f != "" && !outputFormats[strings.ToLower(f)] {
			return notForReader("the format "+f, "take one that needs no schema and no template")
		}
	}
	return nil
}

// shown is the statement with the server's own list of requests in place of system.processes.
func (q *request) shown(r *running) *statement {
	st := *q.statement
	for i := 0; i+2 < len(st.tokens); i++ {
		// As checkName counts them: what follows a dot is a column's name.
		if t := st.tokens; !st.at(i-1).punct(".") && t[i].named("system") && t[i+1].punct(".") &&
			t[i+2].named("processes") {
			st.tokens = slices.Concat(t[:i], []token{{text: r.processesSQL(q.session.user)}}, t[i+3:])
			if st.formatAt > i {
				st.formatAt -= 2
			}
		}
	}
	return &st
}

// bodyError tells a client's fault from a kill.
func bodyError(err error, p *process) error {
	var bad flate.CorruptInputError
	switch {
	case errors.Is(context.Cause(p.ctx), errKilled): // net/http cancels too, without this cause, when a read fails
		return errKilled
	case errors.Is(err, os.ErrDeadlineExceeded):
		return newError("Code: 209. DB::Exception: The client is too slow. (SOCKET_TIMEOUT)")
	case errors.Is(err, gzip.ErrChecksum), errors.Is(err, gzip.ErrHeader), errors.Is(err, zlib.ErrChecksum),
		errors.As(err, &bad):
		return newError("Code: 354. DB::Exception: The body's compression is broken: " + err.Error() +
			". (ZLIB_INFLATE_FAILED)")
	}
	return newError("Code: 33. DB::Exception: The body ends too early: " + err.Error() + ". (CANNOT_READ_ALL_DATA)")
}

// patientReader gives the client some time for every read, where that is not 0, and ends with the process. The reader
// has what ServeHTTP gave him for the whole: a byte every 19 seconds held a place for two months.
type patientReader struct {
	p        *process
	r        io.Reader
	c        *http.ResponseController
	stop     func() bool
	patience time.Duration
}

func (r *patientReader) Read(b []byte) (int, error) {
	if r.stop == nil {
		r.stop = context.AfterFunc(r.p.ctx, func() { _ = r.c.SetReadDeadline(time.Unix(1, 0)) })
	}
	if r.patience > 0 {
		_ = r.c.SetReadDeadline(time.Now().Add(r.patience))
	}
	if r.p.ctx.Err() != nil { // it may have been stopped just before the deadline was put off
		return 0, errKilled
	}
	return r.r.Read(b)
}

// done lifts the deadline: it would end the connection under a query that takes longer.
func (r *patientReader) done() {
	if r.stop != nil && r.stop() {
		_ = r.c.SetReadDeadline(time.Time{})
	}
}

// budget bounds what all requests hold together.
type budget struct {
	most int64
	held atomic.Int64
}

func (b *budget) take(n int64) bool {
	if b.held.Add(n) > b.most {
		b.held.Add(-n)
		return false
	}
	return true
}

func (b *budget) give(n int64) { b.held.Add(-n) }
