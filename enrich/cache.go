package enrich

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

// getBytes is get for a key that is made into a string only where it must
// be: looking up m[string(b)] allocates nothing.
func getBytes[V any](g *generations[string, V], key []byte) (V, bool) {
	if v, ok := g.young[string(key)]; ok {
		return v, true
	}
	if _, ok := g.old[string(key)]; ok {
		return g.get(string(key))
	}
	var none V
	return none, false
}
