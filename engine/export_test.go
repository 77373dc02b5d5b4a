package engine

import (
	"context"
	"slices"
)

// ReaderSettings are the names of the reader's settings, each with those of the values that it may have.
func ReaderSettings(values ...string) map[string][]string {
	may := map[string][]string{}
	for name, check := range readerSettings {
		may[name] = slices.DeleteFunc(slices.Clone(values), func(v string) bool { return !check(v) })
	}
	return may
}

// Unguarded switches the look at statements off.
func Unguarded(c Config) Config {
	c.unguarded = true
	return c
}

// OnKernel pretends that the kernel has this ABI of Landlock, and seccomp or not.
func OnKernel(c Config, landlock int, seccomp bool) Config {
	c.kernel = &walls{Landlock: landlock, Seccomp: seccomp}
	return c
}

// Patience is for so many ticks: a query of the reader's that goes on after its time, memory that is held for nothing.
func Patience(c Config, ticks int) Config {
	c.patience = ticks
	return c
}

// Lookout is that of an engine that never answers.
func Lookout(ctx context.Context, ticks int) error {
	return (&server{engine: &engine{}, silence: ticks}).lookout(ctx)
}

// Holes are what a process finds open that has walls by its own account only.
func Holes(state string) error {
	h := &handoff{State: state, Walls: kernelWalls()}
	return h.try()
}
