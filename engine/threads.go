package engine

import (
	"fmt"

	"github.com/ebitengine/purego"
)

// Each thread of the engine that works for a query opens /proc/thread-self/schedstat, for the account of its waits, and
// goes on without where it cannot: an exception each time, 1,700 in the five seconds of a million lines, a fifth of
// their processor time. Whether to try at all the library asks once, by stat(2), which Landlock does not hold; to open
// it, Landlock would have to let in all of /proc/self/task, with every thread's memory and environment. So to the
// library's stat there is no such file.

var (
	withoutAccount uintptr // the address of a C function; assembly, as noFile is
	realStat       uintptr // what it calls for all other paths
)

// closeAccounts comes before the library's first query.
func (l *library) closeAccounts() (err error) {
	if realStat, err = purego.Dlsym(purego.RTLD_DEFAULT, "__xstat"); err != nil || realStat == 0 {
		return nil // a C library without it is none that the library was built for: it costs what it costs
	}
	if _, err := l.replace(map[string]uintptr{"__xstat": withoutAccount, "__xstat64": withoutAccount}); err != nil {
		return fmt.Errorf("close the threads' accounts: %w", err)
	}
	return nil
}
