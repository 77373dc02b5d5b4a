package enrich

// generations is a bounded map that forgets what was not asked for lately:
// when the young half is full it becomes the old one, and the old one is
// dropped; what is found in the old one moves to the young.
type generations[V any] struct {
	limit      int // of each half
	young, old map[string]V
}

func (g *generations[V]) get(key []byte) (V, bool) {
	if v, ok := g.young[string(key)]; ok {
		return v, true
	}
	v, ok := g.old[string(key)]
	if ok {
		g.put(string(key), v)
	}
	return v, ok
}

func (g *generations[V]) put(key string, v V) {
	if g.young == nil || len(g.young) >= g.limit {
		g.old, g.young = g.young, make(map[string]V)
	}
	g.young[key] = v
}
