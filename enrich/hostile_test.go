package enrich

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/bouncehouse/bouncehouse"
)

// A batch of replies whose templates were seen before allocates room for the
// URLs in them, once for many, and nothing else.
func TestSeenRepliesAllocateNothing(t *testing.T) {
	c := newClassifier(t, Options{})
	all := corpusEvents(t)
	_ = c.Enrich(t.Context(), &bouncehouse.Result{Events: all})
	plain := slices.DeleteFunc(slices.Clone(all), func(e bouncehouse.Event) bool { return e.URLs != nil })
	// Templates above maxVerdictKey are not kept, and namedZone lowers the case of what no table has.
	plain = slices.DeleteFunc(plain, func(e bouncehouse.Event) bool { return len(e.Template) > maxVerdictKey-100 })
	urls := 0
	for _, e := range all {
		urls += len(e.URLs)
	}
	if len(plain) < len(all)/2 || urls < 100 {
		t.Fatalf("%d of %d replies without URLs, %d URLs: too few to tell", len(plain), len(all), urls)
	}
	count := func(events []bouncehouse.Event) float64 {
		return testing.AllocsPerRun(10, func() {
			asParsed(events)
			_ = c.Enrich(t.Context(), &bouncehouse.Result{Events: events})
		})
	}
	count(plain[:1])
	if n := count(plain); n > 12 { // a pool may give up what it holds
		t.Errorf("%v allocations for %d replies without URLs", n, len(plain))
	}
	if n := count(all); n > float64(urls)/40+24 {
		t.Errorf("%v allocations for %d replies with %d URLs", n, len(all), urls)
	}
}

// Goroutines that share a classifier get what one alone gets, while they
// push each other's verdicts out of the memory.
func TestSharedByGoroutines(t *testing.T) {
	c := newClassifier(t, Options{})
	want := corpusEvents(t)
	_ = c.Enrich(t.Context(), &bouncehouse.Result{Events: want})
	c.seen = newCache[verdict](64, maxVerdictKey)
	c.hosts = newCache[answerer](ways, maxHostKey)
	var all sync.WaitGroup
	for seed := range uint64(8) {
		all.Go(func() {
			order := rand.New(rand.NewPCG(seed, 0)).Perm(len(want))
			for from := 0; from < len(order); from += 100 {
				part := order[from:min(from+100, len(order))]
				var batch []bouncehouse.Event
				for _, i := range part {
					batch = append(batch, want[i])
				}
				asParsed(batch)
				_ = c.Enrich(t.Context(), &bouncehouse.Result{Events: batch})
				for k, i := range part {
					if diff := cmp.Diff(want[i], batch[k],
						cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
						t.Errorf("%q: %s", want[i].ReplyText, diff)
						return
					}
				}
			}
		})
	}
	all.Wait()
}

// Whatever stands in a reply's place: a class of the list comes out, a
// template that is not much longer than what is read of the reply, and at
// most maxURLs URLs.
func TestNoReplies(t *testing.T) {
	c := newClassifier(t, Options{})
	for name, text := range map[string]string{
		"nothing":       "",
		"blanks":        "   \t\r\n ",
		"zeros":         strings.Repeat("\x00", 5000),
		"not UTF-8":     "mailbox \xff\xfe is full \xc3(",
		"binary":        string([]byte{0x1f, 0x8b, 8, 0, 0, 0xff, 0x80, 0xc0, 0xaf, 0xed, 0xa0, 0x80}),
		"a megabyte":    strings.Repeat("User unknown ", 1<<20/13),
		"one word":      strings.Repeat("x", 1<<20),
		"digits":        strings.Repeat("9", 1<<20),
		"points":        strings.Repeat(".", 1<<20),
		"colons":        strings.Repeat("::", 1<<19),
		"at signs":      strings.Repeat("@a", 1<<19),
		"single digits": strings.Repeat("1,", 1<<19),
		"addresses":     strings.Repeat("1.2.3.4:", 1<<17),
		"URLs":          strings.Repeat("http://a ", 1<<16),
		"one URL":       "http://" + strings.Repeat("a.", 1<<19),
		"ideographs":    strings.Repeat("\u90ae\u7bb1", 1<<17),
	} {
		for range 2 { // the second time from memory
			e := bouncehouse.Event{Direction: bouncehouse.Outbound, Outcome: bouncehouse.Bounced, ReplyText: text}
			c.enrich(&e)
			if !slices.Contains(bouncehouse.Classes(), e.Class) {
				t.Errorf("%s: class %q", name, e.Class)
			}
			if most := 2*bouncehouse.MaxText + 4; len(e.Template) > most || len(e.URLs) > maxURLs {
				t.Errorf("%s: a template of %d bytes, %d URLs", name, len(e.Template), len(e.URLs))
			}
			if len(text) > bouncehouse.MaxText && !utf8.ValidString(e.Template) {
				t.Errorf("%s: a template cut within a character", name)
			}
		}
	}
	if n := testing.AllocsPerRun(5, func() {
		e := bouncehouse.Event{Direction: bouncehouse.Outbound, Outcome: bouncehouse.Bounced,
			ReplyText: strings.Repeat("9 ", 4)}
		c.enrich(&e)
	}); n > 10 {
		t.Errorf("%v allocations after a megabyte", n)
	}
}
