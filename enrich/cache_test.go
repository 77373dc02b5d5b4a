package enrich

import (
	"fmt"
	"testing"
)

func (c *cache[V]) entries() (n int) {
	for i := range c.slots {
		if c.slots[i].Load() != nil {
			n++
		}
	}
	return n
}

func TestCache(t *testing.T) {
	c := newCache[int](64, 8)
	ask := func(key string) (int, bool) {
		v := c.get(c.hash([]byte(key)), []byte(key))
		if v == nil {
			return 0, false
		}
		return *v, true
	}
	put := func(key string, v int) int { return *c.put(c.hash([]byte(key)), key, v) }

	if got := put("toolongkey", 7); got != 7 {
		t.Errorf("a value that is not kept came back as %d", got)
	}
	if _, ok := ask("toolongkey"); ok || c.entries() > 0 {
		t.Error("a key above the bound was kept")
	}
	put("popular", 1)
	lost := 0
	for i := range 10_000 {
		key := fmt.Sprint(i)
		put(key, i)
		if v, ok := ask(key); ok && v != i {
			t.Fatalf("%s has another's value %d", key, v)
		}
		if v, ok := ask("popular"); !ok {
			lost++
			put("popular", 1)
		} else if v != 1 {
			t.Fatalf("another's value %d", v)
		}
	}
	if n := c.entries(); n != 64 {
		t.Errorf("%d entries in 64 places after a flood", n)
	}
	// Each of the flood was asked for, too: what is popular stays nearly
	// always, as it is asked for between any two of them. How the keys fall
	// into sets differs from process to process.
	if lost > 100 {
		t.Errorf("an entry that is asked for all the time was lost %d times of 10,000", lost)
	}
}

// A few more keys than places lose each other now and then, and no more.
func TestCacheKeepsWhatFits(t *testing.T) {
	c := newCache[int](1024, 8)
	miss := 0
	for range 10 {
		miss = 0
		for i := range 400 {
			key := fmt.Sprint(i)
			hash := c.hash([]byte(key))
			if c.get(hash, []byte(key)) == nil {
				miss++
				c.put(hash, key, i)
			}
		}
	}
	if miss > 60 {
		t.Errorf("%d of 400 keys do not stay in 1024 places", miss)
	}
}
