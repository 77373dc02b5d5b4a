package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/metrics"
	"strconv"
	"time"
)

// Two kinds of memory escape max_server_memory_usage. What ClickHouse takes for a time zone it is never refused,
// whatever the query's limit says, and a statement of 50 KB can name 1,500: 80 MB a second. And it stays for good, 4.5
// MB each, for a zone may have any offset ('Fixed/UTC+01:02:03'). Nothing but a restart gives it back.

// idleMemory is what is held for nothing that is under way, in bytes. The caches are in it: the largest, of marks, has
// a sixteenth.
const idleMemory = "SELECT (SELECT sumIf(value, metric = 'MemoryTracking') - sumIf(value, metric = 'MergesMutationsMemoryTracking') FROM system.metrics)" +
	" - (SELECT sum(memory_usage) FROM system.processes)"

// maxBloated is at how many looks in a row half of the memory, or all, may be held for nothing that is under way: a
// minute.
const maxBloated = 120

// bloated says whether half of the memory is held for nothing that is under way, which it asks where the kernel counts
// as much at all. Where the engine refuses to answer for want of memory it is all held.
func (e *engine) bloated() (bool, error) {
	if n := resident(); n > 0 && n < e.memory/2 {
		return false, nil
	}
	v, err := e.ask(func(c *conn) (string, error) { return c.value(idleMemory) })
	if refused := (*Error)(nil); errors.As(err, &refused) && refused.Code == memoryLimitExceeded {
		return true, nil
	} else if err != nil {
		return false, err
	}
	idle, err := strconv.ParseInt(v, 10, 64)
	if err != nil {
		return false, fmt.Errorf("the engine's memory: %w", err)
	}
	return idle > e.memory/2, nil
}

// memorySlack is above a quarter more than the limit: the library itself, what jemalloc keeps, threads.
const memorySlack = 512 << 20

// weigh looks each second at the memory that the engine has, and says once where it is more than it may have. The
// queries that took it may have ended between two looks.
func (e *engine) weigh(ctx context.Context, overgrown chan<- error) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if n := resident(); n > e.memory+e.memory/4+memorySlack {
			e.probation.blame()
			overgrown <- fmt.Errorf("the engine starts anew: it has %d MB of memory, its limit is %d", n>>20,
				e.memory>>20)
			return
		}
	}
}

// resident is how much memory this process has by the kernel's account, in bytes: without files' and Go's own, which
// the bounds of requests and answers hold. It is 0 where the kernel does not tell.
func resident() int64 {
	statm, _ := os.ReadFile("/proc/self/statm")
	var size, resident, shared int64 // in pages; proc_pid_statm(5)
	if _, err := fmt.Sscan(string(statm), &size, &resident, &shared); err != nil {
		return 0
	}
	own := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(own)
	return (resident-shared)*int64(os.Getpagesize()) - int64(own[0].Value.Uint64()-own[1].Value.Uint64())
}
