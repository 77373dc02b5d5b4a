package torture

import (
	"context"
	"errors"
	"flag"
	"math/rand/v2"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bouncehouse/bouncehouse/test"
)

var (
	seedFlag   = flag.Uint64("seed", 0, "of the rounds, variants, rotations and faults; 0: another each time")
	faultsFlag = flag.Int("faults", 0, "how many faults; 0: the short run that is among the tests")
	roundFlag  = flag.Int("round", 40,
		"how many faults an installation goes through before it is judged and another begins")
	durationFlag = flag.Duration("duration", 0, "after which no fault begins")
	longestFlag  = flag.Duration("longest", time.Minute, "longest pause, black hole or outage")
	variantFlag  = flag.String("variant", "", "run, server or kafka, or several with commas; empty: all in turn")
	withoutFlag  = flag.String("without", "", "words, with commas between: no fault or rotation whose name has one")
	keepFlag     = flag.Bool("keep", false, "keep the directories, also of what ends well")
	binaryFlag   = flag.String("binary", "", "bouncehouse; empty: BOUNCEHOUSE_BIN, else one is built")
)

// The run's processes and mounts are in namespaces of the test's own: however it ends, nothing stays.
func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(test.Main(m))
}

func options(t *testing.T) Options {
	if testing.Short() {
		t.Skip("no real parts under -short")
	}
	o := Options{Seed: *seedFlag, Faults: *faultsFlag, Round: max(1, *roundFlag), Duration: *durationFlag,
		Longest: *longestFlag,
		Keep:    *keepFlag, Binary: *binaryFlag, Variants: Variants()}
	for o.Seed == 0 {
		o.Seed = rand.Uint64N(1_000_000)
	}
	if *withoutFlag != "" {
		o.Without = strings.Split(*withoutFlag, ",")
	}
	if *variantFlag != "" {
		o.Variants = nil
		for _, name := range strings.Split(*variantFlag, ",") {
			if !slices.Contains(Variants(), Variant(name)) {
				t.Fatalf("-variant %s: it must be among %v", name, Variants())
			}
			o.Variants = append(o.Variants, Variant(name))
		}
	}
	if o.Binary == "" {
		o.Binary = test.Bouncehouse(t)
	}
	if err := test.Isolated(); err != nil {
		test.LeftOut(t, test.PartIsolation, "full disks in the torture: "+err.Error())
	} else {
		o.Disks = true
	}
	t.Logf("seed %d", o.Seed)
	return o
}

// TestTorture is `make torture`; without -faults a short run of each variant, at the same time.
func TestTorture(t *testing.T) {
	o := options(t)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	t.Cleanup(stop)
	if o.Faults > 0 {
		if err := Run(ctx, t, o); ctx.Err() != nil {
			t.Fatal("interrupted")
		} else if err != nil {
			t.Fatalf("there are rounds that failed: %.4000s", err)
		}
		return
	}
	if os.Getenv("BOUNCEHOUSE_TORTURE") == "" {
		t.Skip("make test runs it by itself, when all others are done: BOUNCEHOUSE_TORTURE=1, or make torture")
	}
	o.Faults, o.Duration, o.Longest = 14, time.Minute, 8*time.Second
	for _, v := range o.Variants {
		t.Run(string(v), func(t *testing.T) {
			t.Parallel()
			o := o
			o.Variants = []Variant{v}
			if err := Run(ctx, t, o); errors.Is(err, errNoKafka) {
				test.Missing(t, test.PartKafka, err.Error())
			} else if err != nil {
				t.Fatalf("there are rounds that failed: %.4000s", err) // at the end of all that is printed
			}
		})
	}
}
