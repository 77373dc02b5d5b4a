package engine

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Bounds of one request. A slow client has patience for the whole body, but per read of an INSERT's, and per write of
// at most 64 KiB.
const (
	maxHeader       = 1 << 20
	headerByTCP     = 64 << 10  // a longer query goes into the body
	maxStatement    = 1 << 20   // the text of a query, without an INSERT's data
	readerStatement = 256 << 10 // ClickHouse's own max_query_size
	maxBody         = 512 << 20 // an INSERT's data, uncompressed
	maxBodies       = 1 << 30   // of all requests under way; bodies lie in memory
	maxAnswers      = 1 << 30   // so do answers, of each share; the reader's: see newServer
	patience        = 30 * time.Second

	writersAtOnce = 16
	readersAtOnce = 8
	readersInside = 64 // and those that wait, or are read and answered
)

// server speaks ClickHouse's HTTP interface.
type server struct {
	engine      *engine
	passwords   map[string]string // by user
	writerByTCP bool
	unguarded   bool // see Config
	log         *slog.Logger
	running     running
	guests      guests
	silence     int // see lookout
	maxBody     int64
	patience    time.Duration
	bodies      budget
	writer      *share
	reader      *share // who comes by the socket
	guest       *share // and by TCP
}

// share is what requests may hold together. What is held of one is no loss to another: with the reader's password
// nobody keeps out the writer, nor by TCP the reader by the socket, which only its owner can open.
type share struct {
	requests budget        // all that are read, wait, are worked on or answered
	places   chan struct{} // in the engine
	answers  budget
}

func newShare(requests int64, places int, answers int64) *share {
	return &share{budget{most: requests}, make(chan struct{}, places), budget{most: answers}}
}

func newServer(e *engine, end Endpoint, log *slog.Logger) *server {
	// A client who takes his answers slowly keeps them here, beside what the engine has: on a small machine there is
	// less.
	untaken := min(maxAnswers, max(readerResultBytes, e.memory/2))
	return &server{
		engine: e, log: log,
		passwords: map[string]string{Writer: end.WriterPassword, Reader: end.ReaderPassword},
		maxBody:   maxBody, patience: patience,
		bodies: budget{most: maxBodies},
		writer: newShare(maxConns+maxGuests, writersAtOnce, maxAnswers),
		reader: newShare(readersInside, readersAtOnce, untaken),
		guest:  newShare(readersInside, readersAtOnce, untaken),
	}
}

// share is whose share a request is of.
func (s *server) share(r *http.Request, user string) *share {
	_, tcp := overTCP(r)
	switch {
	case user == Writer:
		return s.writer
	case tcp:
		return s.guest
	}
	return s.reader
}

// onSocket serves the Unix socket.
func (s *server) onSocket() *http.Server {
	return &http.Server{
		Handler:           s,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       5 * time.Minute,
		MaxHeaderBytes:    maxHeader,
		ConnState:         bounded(maxConns),
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
}

// onTCP serves who comes by TCP.
func (s *server) onTCP() *http.Server {
	h := s.onSocket()
	h.MaxHeaderBytes, h.ReadHeaderTimeout = headerByTCP, strangerHeader
	h.ConnState, h.ConnContext = s.guests.state, s.guests.context
	return h
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.ContentLength != 0 { // of a GET too: net/http reads its body off before it answers
		_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(s.patience))
	}
	if c, tcp := overTCP(r); tcp && !s.guests.knows(c) {
		w.Header().Set("Connection", "close")
	}
	params, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		s.fail(w, "", newError("Code: 36. DB::Exception: The URL's parameters cannot be read. (BAD_ARGUMENTS)"))
		return
	}
	switch {
	case r.URL.Path == "/ping":
		fmt.Fprint(w, "Ok.\n")
		return
	case r.URL.Path != "/":
		http.Error(w, "There is no handle for this path. Queries go to /, and /ping answers Ok.", http.StatusNotFound)
		return
	case r.Method != http.MethodGet && r.Method != http.MethodPost:
		w.Header().Set("Allow", "GET, POST")
		http.Error(w, "GET and POST only", http.StatusMethodNotAllowed)
		return
	case r.Method == http.MethodGet && params.Get("query") == "":
		fmt.Fprint(w, "Ok.\n")
		return
	}
	user, err := s.authenticate(r, params)
	if err != nil {
		s.fail(w, "", err)
		return
	}
	if c, tcp := overTCP(r); tcp {
		if !s.guests.admit(c, user) {
			s.fail(w, "", newError("Code: 210. DB::Exception: Too many connections. (NETWORK_ERROR)"))
			return
		}
		w.Header().Del("Connection")
	}
	share := s.share(r, user)
	if !share.requests.take(1) {
		s.fail(w, "", newError(fmt.Sprintf("Code: 202. DB::Exception: Too many requests of %s at once. Maximum: %d. (TOO_MANY_SIMULTANEOUS_QUERIES)", user, share.requests.most)))
		return
	}
	defer share.requests.give(1)
	// The engine's work outlives the client (an INSERT is finished or killed, never left half way by a closed
	// connection), but what has not begun yet ends with it.
	p, err := s.running.begin(r.Context(), params.Get("query_id"), user, share)
	if err != nil {
		s.fail(w, "", err)
		return
	}
	func() {
		defer s.running.end(p)
		err = s.serve(w, r, params, p)
	}()
	if err != nil {
		s.fail(w, p.id, err)
		// A client that is still sending, and has not looked for an answer, would find the connection broken instead:
		// what it sends is read off, until the deadline that fail has set.
		_ = http.NewResponseController(w).Flush()
		_, _ = io.CopyN(io.Discard, r.Body, s.maxBody)
	}
}

// authenticate reads the credentials where ClickHouse does: headers, basic auth, parameters.
func (s *server) authenticate(r *http.Request, params url.Values) (string, error) {
	user, password := params.Get("user"), params.Get("password")
	if u, p, ok := r.BasicAuth(); ok {
		user, password = u, p
	}
	if u := r.Header.Get("X-ClickHouse-User"); u != "" {
		user, password = u, r.Header.Get("X-ClickHouse-Key")
	}
	if user == "" {
		user = "default"
	}
	if _, tcp := overTCP(r); tcp && user == Writer && !s.writerByTCP {
		return "", newError("Code: 516. DB::Exception: writer: Authentication failed: this account is for the engine's socket, unless `engine: listen_writer: true` lets it in here. (AUTHENTICATION_FAILED)")
	}
	want, known := s.passwords[user]
	if subtle.ConstantTimeCompare([]byte(password), []byte(want)) != 1 || !known || want == "" {
		return "", newError(fmt.Sprintf("Code: 516. DB::Exception: %.64s: Authentication failed: password is incorrect, or there is no user with such name. (AUTHENTICATION_FAILED)", headerValue(user)))
	}
	return user, nil
}

// serve answers one query. It returns an error only where nothing was written yet.
func (s *server) serve(w http.ResponseWriter, r *http.Request, params url.Values, p *process) error {
	q, err := s.read(w, r, params, p)
	if err != nil {
		return err
	}
	defer q.close()
	s.running.setText(p, render(q.statement.tokens))

	var res *result
	switch {
	case q.hello():
		return s.hello(w, r, q, p)
	case q.statement.kill != nil:
		res, err = s.kill(r.Context(), q, p)
	default:
		res, err = s.run(r.Context(), q, p)
	}
	if err != nil {
		return err
	}
	defer res.free()
	defer p.share.answers.give(res.held)
	s.answer(w, r, q, p, res)
	return nil
}

// run waits for a free place and executes the query on a connection of its own.
func (s *server) run(client context.Context, q *request, p *process) (*result, error) {
	wait, cancel := context.WithTimeout(p.ctx, s.patience)
	defer cancel()
	select {
	case p.share.places <- struct{}{}:
		defer func() { <-p.share.places }()
	case <-wait.Done():
		if p.ctx.Err() != nil {
			return nil, errKilled
		}
		return nil, newError(fmt.Sprintf("Code: 202. DB::Exception: Too many simultaneous queries of %s. Maximum: %d. (TOO_MANY_SIMULTANEOUS_QUERIES)", p.user, cap(p.share.places)))
	}
	if p.user == Reader {
		if err := s.engine.probation.enter(time.Now()); err != nil {
			return nil, err
		}
		defer s.engine.probation.leave()
		seconds, _ := q.session.limits()
		s.running.allow(p, int(seconds)+1+s.running.deafness)
	}
	defer s.running.allow(p, 0) // to take the answer is the client's
	c, err := s.engine.session(q.session)
	if err != nil {
		return nil, err
	}
	defer c.close()
	if p.ctx.Err() != nil { // killed, or the client has gone: the last look before the engine has it
		return nil, errKilled
	}
	if q.statement.reads {
		defer context.AfterFunc(client, func() {
			if err := s.engine.stop(p.marker()); err != nil {
				s.log.Error("stop the query of a client that has gone", "error", err)
			}
		})()
	}
	if err := s.engine.admit(q); err != nil {
		return nil, err
	}
	res, err := s.execute(c, q, p)
	if p.user == Reader {
		err = withoutHint(err)
	}
	if err != nil || q.statement.reads {
		return res, err
	}
	text, err := s.engine.sound(c)
	if err == nil && text != "" {
		err = newError("Code: 75. DB::Exception: " + text + ". (CANNOT_WRITE_TO_FILE_DESCRIPTOR)")
	}
	if err != nil {
		p.share.answers.give(res.held)
		res.free()
		return nil, err
	}
	return res, nil
}

// kill answers KILL QUERY.
func (s *server) kill(client context.Context, q *request, p *process) (*result, error) {
	if p.user != Writer {
		return nil, newError("Code: 497. DB::Exception: " + p.user +
			": Not enough privileges: KILL QUERY is the writer's. (ACCESS_DENIED)")
	}
	picked, err := s.running.kill(client, q.statement.kill, p, s.engine.stop)
	if err != nil {
		return nil, err
	}
	status := "finished"
	if q.statement.kill.async || q.statement.kill.test {
		status = "waiting"
	}
	var rows []string
	for _, k := range picked {
		rows = append(rows, fmt.Sprintf("(%s, %s, %s, %s)", quote(status), quote(k.id), quote(k.user), quote(k.text)))
	}
	c, err := s.engine.session(q.session)
	if err != nil {
		return nil, err
	}
	defer c.close()
	return c.run("SELECT p.1 AS kill_status, p.2 AS query_id, p.3 AS user, p.4 AS query FROM (SELECT arrayJoin(CAST(["+
		strings.Join(rows, ", ")+"], 'Array(Tuple(String, String, String, String))')) AS p)", q.format, nil)
}

// fail writes an exception as ClickHouse does.
func (s *server) fail(w http.ResponseWriter, id string, err error) {
	var e *Error
	if !errors.As(err, &e) {
		e = &Error{Code: 1002, Text: "Code: 1002. DB::Exception: " + err.Error() + ". (UNKNOWN_EXCEPTION)"}
	}
	text := e.Text
	if !strings.Contains(text, "(version ") {
		text += " (version " + s.engine.version + ")"
	}
	h := w.Header()
	h.Set("X-ClickHouse-Exception-Code", strconv.Itoa(e.Code))
	h.Set("Content-Type", "text/plain; charset=UTF-8")
	h.Set("X-Content-Type-Options", "nosniff")
	if id != "" {
		h.Set("X-ClickHouse-Query-Id", headerValue(id))
	}
	deadline(w, s.patience)
	// What is left of the body is read off by net/http: not for ever.
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(s.patience))
	h.Set("Content-Length", strconv.Itoa(len(text)+1))
	w.WriteHeader(e.status())
	fmt.Fprintln(w, text)
}

// headerValue keeps a client's text from ending a header.
func headerValue(s string) string {
	return strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7f {
			return '?'
		}
		return c
	}, s)
}

func deadline(w http.ResponseWriter, d time.Duration) {
	//nolint:errcheck // a recorder in a test has no deadlines
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(d))
}
