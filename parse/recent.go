package parse

import (
	"strings"
	"unsafe"
)

// recent is a bounded map of what a stream's lines told lately: of sessions,
// of deliveries under way. It has two generations. When the younger is full
// the elder is forgotten: what was neither made nor found since goes first.
type recent[V any] struct {
	now, before map[memoKey]*recentItem[V]
	bytes       int // of now
}

// memoKey names what is remembered: a message by its queue id, a session, a
// process. One log may hold several hosts.
type memoKey struct{ host, id string }

type recentItem[V any] struct {
	key   memoKey // a copy of its own, never the caller's
	value V
	bytes int
}

// Bounds of one generation.
const (
	maxRecent      = 1 << 15
	maxRecentBytes = 8 << 20
	recentBytes    = 96 // of an entry beside itself: its place in the map
)

// find returns what is known of key, or nil. It stays the map's.
func (m *recent[V]) find(key memoKey) *V {
	if item := m.now[key]; item != nil {
		return &item.value
	}
	item := m.before[key]
	if item == nil {
		return nil
	}
	delete(m.before, key)
	m.add(item)
	return &item.value
}

// put forgets what was known of key and returns its new, empty entry.
func (m *recent[V]) put(key memoKey) *V {
	m.remove(key)
	item := &recentItem[V]{key: memoKey{strings.Clone(key.host), strings.Clone(key.id)},
		bytes: recentBytes + len(key.host) + len(key.id)}
	item.bytes += int(unsafe.Sizeof(*item))
	m.add(item)
	return &item.value
}

// open returns what is known of key, its new entry where that is nothing.
func (m *recent[V]) open(key memoKey) *V {
	if value := m.find(key); value != nil {
		return value
	}
	return m.put(key)
}

func (m *recent[V]) add(item *recentItem[V]) {
	if m.now == nil || len(m.now) >= maxRecent || m.bytes >= maxRecentBytes {
		m.before, m.now, m.bytes = m.now, map[memoKey]*recentItem[V]{}, 0
	}
	m.now[item.key] = item
	m.bytes += item.bytes
}

// charge counts n bytes more that key's entry has come to hold, or has let go
// where n is negative. Who grows makes the others old, too.
func (m *recent[V]) charge(key memoKey, n int) {
	item := m.now[key]
	if item == nil {
		if item = m.before[key]; item != nil {
			item.bytes += n
		}
		return
	}
	item.bytes += n
	if m.bytes += n; n > 0 && m.bytes > maxRecentBytes && len(m.now) > 1 {
		delete(m.now, key)
		m.before, m.now, m.bytes = m.now, map[memoKey]*recentItem[V]{}, 0
		m.add(item)
	}
}

// keep puts a copy of s, at most maxKept of it, into a field of key's entry.
func (m *recent[V]) keep(key memoKey, field *string, s string) {
	s = s[:min(len(s), maxKept)]
	if *field == s {
		return
	}
	n := len(s) - len(*field)
	*field = strings.Clone(s)
	m.charge(key, n)
}

// remove forgets key.
func (m *recent[V]) remove(key memoKey) {
	if item := m.now[key]; item != nil {
		m.bytes -= item.bytes
		delete(m.now, key)
	}
	delete(m.before, key)
}
