package parse

// recent is a bounded map of what a stream's lines told lately: of sessions,
// of deliveries under way. It has two generations. When the younger is full
// the elder is forgotten: what was neither made nor found since goes first.
type recent[K comparable, V any] struct {
	now, before map[K]*recentItem[K, V]
	bytes       int // of now
}

type recentItem[K comparable, V any] struct {
	key   K // as put, so that a find does not keep the caller's strings
	value V
	bytes int
}

// Bounds of one generation.
const (
	maxRecent      = 1 << 15
	maxRecentBytes = 8 << 20
	recentBytes    = 160 // of an entry without what it points to
)

// find returns what is known of key, or nil. It stays the map's.
func (m *recent[K, V]) find(key K) *V {
	if item := m.now[key]; item != nil {
		return &item.value
	}
	item := m.before[key]
	if item == nil {
		return nil
	}
	delete(m.before, key)
	return m.add(item)
}

// put forgets what was known of key and returns its new, empty entry. The
// caller has cloned key's strings.
func (m *recent[K, V]) put(key K) *V {
	m.remove(key)
	return m.add(&recentItem[K, V]{key: key, bytes: recentBytes})
}

func (m *recent[K, V]) add(item *recentItem[K, V]) *V {
	if m.now == nil || len(m.now) >= maxRecent || m.bytes >= maxRecentBytes {
		m.before, m.now, m.bytes = m.now, map[K]*recentItem[K, V]{}, 0
	}
	m.now[item.key] = item
	m.bytes += item.bytes
	return &item.value
}

// charge counts n bytes that key's entry, which is in the map, has come to hold.
func (m *recent[K, V]) charge(key K, n int) {
	if item := m.now[key]; item != nil {
		item.bytes += n
		m.bytes += n
	}
}

// remove forgets key.
func (m *recent[K, V]) remove(key K) {
	if item := m.now[key]; item != nil {
		m.bytes -= item.bytes
		delete(m.now, key)
	}
	delete(m.before, key)
}
