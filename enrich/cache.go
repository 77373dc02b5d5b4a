package enrich

import (
	"hash/maphash"
	"sync/atomic"
)

// cache is a bounded map that forgets what was not asked for lately. It is
// safe for concurrent use without a lock: a key has ways places where it may
// stand, and an entry never changes once it is there. A lost race costs the
// loser its entry, nothing else.
type cache[V any] struct {
	seed  maphash.Seed
	slots []atomic.Pointer[entry[V]]
	most  int // bytes of a key that is kept
}

type entry[V any] struct {
	hash  uint64
	key   string
	asked atomic.Bool // since the last put to one of its places
	value V
}

// ways is a power of two; the slots of so many fill a line of the processor's cache.
const ways = 8

// newCache makes a cache of up to size entries, a power of two.
func newCache[V any](size, mostKey int) *cache[V] {
	return &cache[V]{seed: maphash.MakeSeed(), slots: make([]atomic.Pointer[entry[V]], size), most: mostKey}
}

func (c *cache[V]) hash(key []byte) uint64 { return maphash.Bytes(c.seed, key) }

// place is the i-th slot where an entry of that hash may stand.
func (c *cache[V]) place(hash, i uint64) *atomic.Pointer[entry[V]] {
	// The first one to look at differs, so that most are found at once.
	return &c.slots[hash&uint64(len(c.slots)-1)^i]
}

func (c *cache[V]) get(hash uint64, key []byte) *V {
	for i := range uint64(ways) {
		e := c.place(hash, i).Load()
		if e != nil && e.hash == hash && e.key == string(key) {
			if !e.asked.Load() {
				e.asked.Store(true)
			}
			return &e.value
		}
	}
	return nil
}

// put keeps value unless the key is too long: in the first of its places that
// is free, or whose entry was not asked for since the last put there. What it
// returns is value's.
func (c *cache[V]) put(hash uint64, key string, value V) *V {
	if len(key) > c.most {
		return &value
	}
	e := &entry[V]{hash: hash, key: key, value: value}
	for i := range uint64(ways) {
		if c.place(hash, i).CompareAndSwap(nil, e) {
			return &e.value
		}
	}
	victim := c.place(hash, 0)
	for i := uint64(ways); i > 0; i-- {
		slot := c.place(hash, i-1)
		if !slot.Load().asked.Swap(false) {
			victim = slot
		}
	}
	victim.Store(e)
	return &e.value
}

// generations is a bounded map that forgets what was not asked for lately:
// when the young half is full it becomes the old one, and the old one is
// dropped; what is found in the old one moves to the young.
type generations[K comparable, V any] struct {
	limit      int // of each half
	young, old map[K]V
}

func (g *generations[K, V]) get(key K) (V, bool) {
	if v, ok := g.young[key]; ok {
		return v, true
	}
	v, ok := g.old[key]
	if ok {
		g.put(key, v)
	}
	return v, ok
}

func (g *generations[K, V]) put(key K, v V) {
	if g.young == nil || len(g.young) >= g.limit {
		g.old, g.young = g.young, make(map[K]V)
	}
	g.young[key] = v
}
