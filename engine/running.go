package engine

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// running is the table of the requests that are under way, by the clients' query ids. libchdb gives every query an id
// of its own, and a KILL ... SYNC in it waits for ever (a stopped query stays in its list until its connection's next
// one): so the server answers KILL QUERY and system.processes from here. A request is in the table from before its body
// is read until the engine is done with it, whether or not the client is still there: what is gone from here changes
// nothing any more.
type running struct {
	mu   sync.Mutex
	next uint64
	all  map[uint64]*process

	deafness int // how many ticks a killed query may go on: see lookout
}

// process is one request.
type process struct {
	number  uint64 // marks the query for the engine: its log_comment begins with it
	id      string // the client's query_id, or one made here
	user    string
	share   *share
	text    string
	started time.Time
	done    chan struct{}
	ticks   int // how many it has yet before it counts as deaf; 0 is for ever

	// stop ends it before the engine has it: the body's reading, the wait for a free place.
	ctx  context.Context
	stop context.CancelCauseFunc
}

var errKilled = newError("Code: 394. DB::Exception: Query was cancelled. (QUERY_WAS_CANCELLED)")

const markerPrefix = "bouncehouse:"

// marker is how the engine's system.processes shows the process.
func (p *process) marker() string { return markerPrefix + strconv.FormatUint(p.number, 10) }

// maxID bounds a client's query_id: system.processes shows those of all requests.
const maxID = 1000

// begin enters a request. A second one with the id of a running one is refused, as ClickHouse does.
func (r *running) begin(ctx context.Context, id, user string, of *share) (*process, error) {
	if len(id) > maxID {
		return nil, newError(fmt.Sprintf("Code: 36. DB::Exception: A query_id has at most %d bytes. (BAD_ARGUMENTS)",
			maxID))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.all {
		if p.id == id && id != "" {
			return nil, newError(fmt.Sprintf("Code: 216. DB::Exception: Query with id = %s is already running. (QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING)", id))
		}
	}
	r.next++
	p := &process{number: r.next, id: id, user: user, share: of, started: time.Now(), done: make(chan struct{})}
	if id == "" {
		p.id = p.marker()
	}
	p.ctx, p.stop = context.WithCancelCause(ctx)
	if r.all == nil {
		r.all = map[uint64]*process{}
	}
	r.all[p.number] = p
	return p, nil
}

func (r *running) end(p *process) {
	p.stop(nil)
	r.mu.Lock()
	delete(r.all, p.number)
	r.mu.Unlock()
	close(p.done)
}

func (r *running) setText(p *process, text string) {
	const most = 4096
	if len(text) > most {
		text = text[:most]
	}
	r.mu.Lock()
	p.text = strings.ToValidUTF8(text, "\uFFFD")
	r.mu.Unlock()
}

// allow gives the process so many ticks.
func (r *running) allow(p *process, ticks int) {
	r.mu.Lock()
	p.ticks = ticks
	r.mu.Unlock()
}

// inEngine are a user's processes that have some ticks, by marker.
func (r *running) inEngine(user string) map[string]*process {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := map[string]*process{}
	for _, p := range r.all {
		if p.user == user && p.ticks > 0 {
			all[p.marker()] = p
		}
	}
	return all
}

// shorten leaves a process that has some ticks so many at most.
func (r *running) shorten(p *process, ticks int) {
	r.mu.Lock()
	p.ticks = min(p.ticks, ticks)
	r.mu.Unlock()
}

// hasten lets a process that had for ever end soon: it was killed.
func (r *running) hasten(number uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p := r.all[number]; p != nil && p.ticks == 0 {
		p.ticks = r.deafness
	}
}

// tick takes a tick from each process that has some, and returns one that has had its last.
func (r *running) tick() (process, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.all {
		if p.ticks == 0 {
			continue
		}
		if p.ticks--; p.ticks == 0 {
			return *p, true
		}
	}
	return process{}, false
}

// list returns copies, oldest first; every user's for the writer, its own for the reader.
func (r *running) list(user string) []process {
	r.mu.Lock()
	defer r.mu.Unlock()
	var ps []process
	for _, p := range r.all {
		if user == Writer || p.user == user {
			ps = append(ps, *p)
		}
	}
	slices.SortFunc(ps, func(a, b process) int { return int(a.number) - int(b.number) })
	return ps
}

// processesSQL is a subquery that stands for system.processes.
func (r *running) processesSQL(user string) string {
	var b strings.Builder
	b.WriteString("(SELECT p.1 AS query_id, p.2 AS user, p.3 AS query, p.4 AS elapsed, toUInt8(1) AS is_initial_query, p.2 AS initial_user, p.1 AS initial_query_id FROM (SELECT arrayJoin(CAST([")
	for i, p := range r.list(user) {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "(%s, %s, %s, %g)", quote(p.id), quote(p.user), quote(p.text), time.Since(p.started).Seconds())
	}
	b.WriteString("], 'Array(Tuple(String, String, String, Float64))')) AS p))")
	return b.String()
}

// kill stops the processes that sel picks and, unless it is ASYNC, waits until the engine is done with each of them, or
// ctx ends. An insert that the engine has begun may have written some of its rows. It returns what it picked.
func (r *running) kill(ctx context.Context, sel *selector, self *process,
	stopInEngine func(marker string) error) ([]process, error) {
	var picked []process
	for _, p := range r.list(Writer) {
		if p.number != self.number && sel.match(p.id) && (!sel.like || p.user == self.user) {
			picked = append(picked, p)
		}
	}
	if sel.test {
		return picked, nil
	}
	for _, p := range picked {
		p.stop(errKilled)
		r.hasten(p.number)
	}
	// The engine may get a query just after it was asked to end it: ask again until it is gone.
	ask := time.NewTicker(100 * time.Millisecond)
	defer ask.Stop()
	for _, p := range picked {
		for gone := false; !gone; {
			if err := stopInEngine(p.marker()); err != nil {
				return nil, err
			}
			if sel.async {
				break
			}
			select {
			case <-p.done:
				gone = true
			case <-ask.C:
			case <-ctx.Done():
				return nil, errKilled
			}
		}
	}
	return picked, nil
}
