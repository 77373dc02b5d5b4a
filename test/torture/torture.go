package torture

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"
)

// Run tortures bouncehouse round after round until all faults were had. It goes on after a round that fails, and returns what
// all of them found.
func Run(ctx context.Context, t testing.TB, o Options) error {
	begin := time.Now()
	var found []error
	var all summary
	for n, left := 0, o.Faults; left > 0 && ctx.Err() == nil; n++ {
		v := o.Variants[n%len(o.Variants)]
		this := o
		if o.Duration > 0 {
			if this.Duration = o.Duration - time.Since(begin); this.Duration <= 0 {
				break
			}
		}
		faults := min(left, faultsInRound)
		left -= faults
		sum, err := round(ctx, t, this, v, n, faults)
		if errors.Is(err, context.Canceled) && ctx.Err() != nil {
			break
		}
		all.attempts, all.rotations, all.faults, all.fullDisks = all.attempts+sum.attempts, all.rotations+sum.rotations, all.faults+sum.faults, all.fullDisks+sum.fullDisks
		verdict := "nothing lost, nothing twice"
		if err != nil {
			verdict = "FAILED"
			found = append(found, fmt.Errorf("seed %d, round %d (%s): %w", o.Seed, n, v, err))
		}
		t.Logf("round %d (%s): %d attempts, %d rotations, %d faults, %d of them full disks, judged in %v: %s; %v in all, %d faults left",
			n, v, sum.attempts, sum.rotations, sum.faults, sum.fullDisks, sum.drained.Round(time.Second), verdict, time.Since(begin).Round(time.Second), left)
		if err != nil {
			t.Log(found[len(found)-1])
		}
	}
	t.Logf("seed %d: %d attempts, %d rotations, %d faults, %d of them full disks, in %v; %d rounds failed",
		o.Seed, all.attempts, all.rotations, all.faults, all.fullDisks, time.Since(begin).Round(time.Second), len(found))
	return errors.Join(append(found, ctx.Err())...)
}
