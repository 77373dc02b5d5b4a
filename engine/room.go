package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// The writer's share of the memory.
//
// Once max_server_memory_usage is reached ClickHouse refuses whoever asks next, not who has taken it: while eight
// queries of the reader's held large joins, 34 of 64 INSERTs were refused. Its limit of a user's memory counts the
// accounts as one, which are the same user to it, and its overcommit tracker, which would choose a query to end, is not
// at work in this library. So the server chooses: where more than three quarters are held, the largest queries of the
// reader's end.
//
// ClickHouse heeds no KILL while it writes an error's text, of a value of 60 MB for a minute, with several times its
// memory: eight loops of such had 17 of 18 INSERTs refused for as long as they went on. So one that is still there
// after 15 seconds ends the process.
//
// A query of the reader's may have half (see prepare), so that one alone never ends so.

const (
	roomEvery = 200 * time.Millisecond
	unheeded  = 15 // ticks: see lookout
)

var errCrowded = newError("Code: 241. DB::Exception: " + Reader +
	": The engine's memory is short, and this query held the most of it. (MEMORY_LIMIT_EXCEEDED)")

// holders are the requests in the engine, the largest first, and the memory that all of the engine has.
const holders = "SELECT splitByChar(' ', Settings['log_comment'])[1], memory_usage, (SELECT value FROM system.metrics WHERE metric = 'MemoryTracking')" +
	" FROM system.processes WHERE startsWith(Settings['log_comment'], '" + markerPrefix +
	"') ORDER BY memory_usage DESC"

// makeRoom looks after it until ctx ends.
func (s *server) makeRoom(ctx context.Context) {
	look := time.NewTicker(roomEvery)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-look.C:
		}
		readers := s.running.inEngine(Reader)
		if len(readers) == 0 {
			continue
		}
		markers, err := s.engine.crowding(readers)
		if refused := (*Error)(nil); errors.As(err, &refused) && refused.Code == memoryLimitExceeded {
			markers, err = nil, nil // not even this has room
			for m := range readers {
				markers = append(markers, m)
			}
		}
		for _, m := range markers {
			if err != nil {
				break
			}
			readers[m].stop(errCrowded)
			s.running.shorten(readers[m], min(s.running.deafness, unheeded))
			err = s.engine.stop(m)
			s.log.Info("a query of the reader's ends for want of memory", "query", m)
		}
		if err != nil { // guard counts what is not answered
			s.log.Warn("the engine does not tell who holds its memory", "error", err)
		}
	}
}

// crowding are the markers of the readers, the largest first, that three quarters of the memory have no room for.
func (e *engine) crowding(readers map[string]*process) ([]string, error) {
	text, err := e.ask(func(c *conn) (string, error) { return c.value(holders) })
	if err != nil {
		return nil, err
	}
	var markers []string
	var ending int64
	for line := range strings.Lines(text) {
		var marker string
		var held, total int64
		if _, err := fmt.Sscan(line, &marker, &held, &total); err != nil {
			return nil, fmt.Errorf("who holds the engine's memory: %q: %w", line, err)
		}
		if readers[marker] != nil && total-ending > e.memory/4*3 {
			markers, ending = append(markers, marker), ending+held
		}
	}
	return markers, nil
}
