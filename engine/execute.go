package engine

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// execute runs the query within its limits of time and of the answer's size. The engine has both as settings, but
// counts an answer by its columns in memory: a LowCardinality or constant column of a few bytes, a long column name in
// JSON, can become gigabytes of text, in one piece.
func (s *server) execute(c *conn, q *request, p *process) (*result, error) {
	seconds, most := q.session.limits()
	limit := time.Duration(seconds * float64(time.Second))
	over := make(chan struct{})
	if seconds > 0 {
		done := make(chan struct{})
		gone := make(chan struct{})
		go func() {
			defer close(gone)
			s.endAfter(limit+grace, p, done, over)
		}()
		defer func() { close(done); <-gone }()
	}
	began := time.Now()
	res, err := s.take(c, q, p, most)
	late := seconds > 0 && time.Since(began) >= limit
	crowded := context.Cause(p.ctx) == errCrowded
	switch ended := late || crowded || context.Cause(p.ctx) == errKilled; {
	case err != nil && (crowded || late && overdue(over)): // the error is that of our own KILL
	// seen: the engine ends a query without an error, and without its rows
	case err == nil && ended && q.statement.reads:
		p.share.answers.give(res.held)
		res.free()
	default:
		return res, err
	}
	switch {
	case crowded:
		return nil, errCrowded
	case !late:
		return nil, errKilled
	}
	return nil, newError(fmt.Sprintf("Code: 159. DB::Exception: Timeout exceeded: maximum: %g seconds. (TIMEOUT_EXCEEDED)", seconds))
}

func overdue(over <-chan struct{}) bool {
	select {
	case <-over:
		return true
	default:
		return false
	}
}

// grace is what the engine has to end a query by itself.
const grace = 2 * time.Second

// endAfter ends a query that is still there after its time. It may be one that the engine has not got yet: ask until it
// is gone.
func (s *server) endAfter(d time.Duration, p *process, done <-chan struct{}, over chan<- struct{}) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	for first := true; ; first = false {
		select {
		case <-done:
			return
		case <-timer.C:
		}
		if first {
			close(over)
		}
		if err := s.engine.stop(p.marker()); err != nil {
			s.log.Error("stop a query after its time", "query_id", p.id, "error", err)
		}
		timer.Reset(time.Second)
	}
}

// In ticks of a second: how long a query of the reader's may go on after its time, and the engine may leave guard's own
// question without an answer. Ticks are counted, not time, so that a pause of the machine or the process is neither.
const (
	deafness = 60
	silence  = 180
)

// lookout returns an error once the engine must end because no other way is left. A query of the reader's that outlives
// its time, and one of anybody's that outlives a KILL (an INSERT was seen to hang for good on a full disk, and a
// recovery waits for its end): the engine looks at time and KILL only while it reads, and what it does before may have
// no end (reader_weight.go has what is refused therefore); no thread of the library can be ended from without. A
// statement of the writer's that is not killed may take what it takes. Or the engine answers nobody.
func (s *server) lookout(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	var looks uint64
	silent := 0
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if p, deaf := s.running.tick(); deaf {
			if p.user == Reader {
				s.engine.probation.blame()
			}
			return fmt.Errorf("the engine starts anew: a query of the %s heeds neither its limit of time nor KILL, %.0f seconds after it began (query_id %s): %.300q",
				p.user, time.Since(p.started).Seconds(), p.id, p.text)
		}
		if n := s.engine.looks.Load(); n != looks {
			looks, silent = n, 0
		} else if silent++; silent >= s.silence {
			if len(s.running.inEngine(Reader)) > 0 {
				s.engine.probation.blame()
			}
			return fmt.Errorf("the engine starts anew: it has not answered for %d seconds", silent)
		}
	}
}

// take runs the query and takes its answer. That of a reading statement comes through a pipe while the engine makes it,
// so that no more of it is in memory than its limit.
func (s *server) take(c *conn, q *request, p *process, most int64) (*result, error) {
	st := q.shown(&s.running)
	switch {
	case st.insert:
		return c.run(st.insertFrom(fdPath(q.data), q.compression, cmp.Or(st.format, q.dataFormat, "Values")), q.format,
			q.params)
	case !st.reads:
		return c.run(render(st.tokens), q.format, q.params)
	// INTO OUTFILE after EXPLAIN is part of what is explained, CHECK takes none; and SELECT FROM (EXPLAIN ...), a table
	// function to the engine, is refused with readonly = 1. The engine has their answers whole before the first byte in
	// any case.
	case st.tokens[0].is("EXPLAIN"), st.tokens[0].is("CHECK"):
		res, err := c.run(render(st.tokens), q.format, q.params)
		if err != nil {
			return nil, err
		}
		return within(res, &p.share.answers, most)
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("pipe for an answer: %w", err)
	}
	defer r.Close()
	a := &taking{most: most, budget: &p.share.answers, stop: func() error { return s.engine.stop(p.marker()) }}
	taken := make(chan struct{})
	go func() {
		defer close(taken)
		a.err = a.from(r)
	}()
	into := intoPipe(w, q.format)
	res, err := c.run(st.into(into), q.format, q.params)
	w.Close()
	select {
	case <-taken:
	case <-time.After(grace): // the engine holds the pipe open, which ends with the connection
		c.close()
		<-taken
	}
	switch {
	case a.err != nil: // it is why the query was stopped
		err = a.err
	case err == nil:
		res.data, res.size, res.held = a.chunks, a.size, a.size
		return res, nil
	}
	a.budget.give(a.size)
	if res != nil {
		res.free()
	}
	var e *Error
	if errors.As(err, &e) {
		err = newError(withoutEnd(e.Text, into))
	}
	return nil, err
}

// within holds an answer that did not come through a pipe to the same limits.
func within(res *result, b *budget, most int64) (*result, error) {
	switch {
	case res.size > most:
		res.free()
		return nil, tooMuch(most)
	case !b.take(res.size):
		res.free()
		return nil, errAnswers
	}
	res.held = res.size
	return res, nil
}

var errAnswers = newError("Code: 241. DB::Exception: The answers under way hold too much memory, come back later. (MEMORY_LIMIT_EXCEEDED)")

func tooMuch(most int64) error {
	return newError(fmt.Sprintf("Code: 396. DB::Exception: Limit for result exceeded, max bytes: %d. (TOO_MANY_ROWS_OR_BYTES)", most))
}

// withoutEnd takes out of a syntax error, which shows the statement from some word on, the end that the server gave it.
func withoutEnd(text, end string) string {
	for range 3 { // INTO, OUTFILE, the pipe: a name may have been expected
		word, rest, _ := strings.Cut(end, " ")
		if before, after, ok := strings.Cut(text, end); ok {
			return strings.ReplaceAll(before+after, "('"+strings.Trim(word, "'")+"')", "(its end)")
		}
		end = rest
	}
	return text
}

func intoPipe(w *os.File, format string) string {
	return "INTO OUTFILE " + quote(fdPath(w)) + " TRUNCATE COMPRESSION 'none' FORMAT " + format
}

func fdPath(f *os.File) string { return fmt.Sprintf("/proc/self/fd/%d", f.Fd()) }

// taking is an answer under way.
type taking struct {
	most   int64
	budget *budget
	stop   func() error

	chunks [][]byte
	size   int64
	err    error
}

// from reads to the end, also when nothing is kept any more: a closed pipe would be a signal to the process.
func (a *taking) from(r io.Reader) error {
	var over error
	buf := make([]byte, 64<<10)
	for {
		n, err := r.Read(buf)
		if n > 0 && over == nil {
			switch {
			case a.size+int64(n) > a.most:
				over = tooMuch(a.most)
			case !a.budget.take(int64(n)):
				over = errAnswers
			default:
				a.chunks, a.size = append(a.chunks, bytes.Clone(buf[:n])), a.size+int64(n)
			}
			if over != nil {
				a.chunks = nil
				over = errors.Join(over, a.stop())
			}
		}
		if err != nil {
			return over
		}
	}
}
