package torture

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// planned is a fault as the seed has it.
type planned struct {
	n      int
	fault  *fault
	gap    time.Duration // before it
	length time.Duration // of what has one
	dice   uint64        // for its own choices
}

func (p *planned) String() string {
	return fmt.Sprintf("fault %d, %s, for %v after %v",
		p.n, p.fault.name, p.length.Round(time.Millisecond), p.gap.Round(time.Millisecond))
}

// rand is the fault's own source of choices.
func (p *planned) rand() *rand.Rand { return rand.New(rand.NewPCG(p.dice, 0)) }

// pick chooses one of n.
func (p *planned) pick(n int) int { return int(p.dice % uint64(n)) }

// moment is when it comes, for what ends or stops a process.
func (p *planned) moment() moment { return moment(p.dice / 7 % uint64(moments)) }

// longestGap is how long a lane of faults waits at most between two.
const longestGap = 5 * time.Second

// plan is the order of n faults, by their weights.
func plan(r *rand.Rand, kinds []fault, n int, longest time.Duration) []planned {
	weights := 0
	for i := range kinds {
		weights += kinds[i].weight
	}
	var all []planned
	for i := range n {
		at := r.IntN(weights)
		k := 0
		for ; at >= kinds[k].weight; k++ {
			at -= kinds[k].weight
		}
		// Lengths from a second to the longest; short ones are more frequent.
		u := r.Float64()
		all = append(all, planned{i + 1, &kinds[k], time.Duration(r.Int64N(int64(longestGap))),
			time.Second + time.Duration(u*u*u*float64(longest-time.Second)), r.Uint64()})
	}
	return all
}
