package engine

import (
	"fmt"
	"os"
	"sync"
	"time"
)

// What ends the engine's process may be any statement of the reader's that nobody knows yet: ClickHouse has faults. It
// must not keep the writer out. So it is kept in a file, which outlives the process, whether queries of the reader's
// are under way: an engine that finds some there at its start has been ended under them. From the second such end in a
// row on it serves the writer alone for a while, longer each time.
//
// An end counts as one in a row until an hour after the reader was let in again.
const (
	firstProbation   = time.Minute
	longestProbation = time.Hour
	forgetProbation  = time.Hour
)

// probation is the reader's.
type probation struct {
	mu       sync.Mutex
	file     *os.File // "queries under way, ends in a row, Unix time of the last\n"
	underWay int
	ends     int
	last     time.Time
}

// openProbation reads the file at the start of an engine, at the time now.
func openProbation(f *os.File, now time.Time) (*probation, error) {
	p := &probation{file: f}
	var left int
	var last int64
	b := make([]byte, 64)
	n, _ := f.ReadAt(b, 0) // an empty one, or a cut one, is that of a first start
	if _, err := fmt.Sscan(string(b[:n]), &left, &p.ends, &last); err != nil {
		left, p.ends, last = 0, 0, 0
	}
	p.last = time.Unix(min(last, now.Unix()), 0)
	if now.After(p.until().Add(forgetProbation)) {
		p.ends = 0
	}
	if left > 0 {
		p.ends++
		p.last = now
	}
	return p, p.write()
}

// until is when the reader is let in again.
func (p *probation) until() time.Time {
	if p.ends < 2 {
		return p.last
	}
	return p.last.Add(min(firstProbation<<min(p.ends-2, 10), longestProbation))
}

// enter is for a query of the reader's that goes to the engine; leave follows.
func (p *probation) enter(now time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if until := p.until(); p.ends > 1 && now.Before(until) {
		return newError(fmt.Sprintf("Code: 202. DB::Exception: The engine has ended %d times in a row under queries of the %s, which are taken again from %s on. (TOO_MANY_SIMULTANEOUS_QUERIES)",
			p.ends, Reader, until.UTC().Format(time.RFC3339)))
	}
	if p.underWay++; p.underWay == 1 {
		return p.write()
	}
	return nil
}

func (p *probation) leave() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.underWay--; p.underWay == 0 {
		_ = p.write() // where it fails, an end too many is counted at most
	}
}

// blame is for an engine that is about to end for what a query of the reader's has left.
func (p *probation) blame() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.underWay++
	_ = p.write() // as in leave
}

// write writes in place: behind the walls no file can be made beside the data.
func (p *probation) write() error {
	if _, err := p.file.WriteAt(fmt.Appendf(nil, "%3d %9d %12d\n", p.underWay, p.ends, p.last.Unix()), 0); err != nil {
		return fmt.Errorf("note the reader's queries: %w", err)
	}
	return nil
}
