package torture

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"
)

// Run tortures bouncehouse round after round until all faults were had. It goes on after a round that fails, and
// returns what all of them found.
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
		faults := min(left, o.Round)
		left -= faults
		sum, err := round(ctx, t, this, v, n, faults)
		if errors.Is(err, context.Canceled) && ctx.Err() != nil {
			break
		}
		all.add(sum)
		verdict := "nothing lost, nothing twice"
		if err != nil {
			verdict = "FAILED"
			found = append(found, fmt.Errorf("seed %d, round %d (%s): %w", o.Seed, n, v, err))
		}
		t.Logf("round %d (%s): %v, judged in %v: %s; %v in all, %d faults left",
			n, v, sum, sum.drained.Round(time.Second), verdict, time.Since(begin).Round(time.Second), left)
		if err != nil {
			t.Log(found[len(found)-1])
		}
	}
	t.Logf("seed %d: %v, in %v; %d rounds failed", o.Seed, all, time.Since(begin).Round(time.Second), len(found))
	return errors.Join(append(found, ctx.Err())...)
}
