package parse

import (
	"fmt"
	"strings"
	"testing"
)

// The oldest go first, and all counts come back to nothing.
func TestMemoryBounded(t *testing.T) {
	var m memory
	long := strings.Repeat("x", 2*maxKept)
	for i := range 3 * maxMessages {
		msg := m.renew("mx1", fmt.Sprint("ID", i))
		msg.sender = m.keep(msg, "a@example.com")
		if i%1000 == 0 {
			msg.client = m.keep(msg, long)
		}
		if m.bytes > maxRemembered || len(m.byID) > maxMessages {
			t.Fatalf("%d messages, %d bytes after %d", len(m.byID), m.bytes, i)
		}
	}
	last := 3*maxMessages - 1
	if m.find("mx1", "ID0") != nil || m.find("mx1", fmt.Sprint("ID", last)) == nil ||
		m.find("mx2", fmt.Sprint("ID", last)) != nil {
		t.Error("not the oldest were forgotten, or another host's was found")
	}
	kept := len(m.byID)
	if kept < 10_000 {
		t.Errorf("only %d messages fit", kept)
	}
	for i := range 3 * maxMessages {
		if msg := m.find("mx1", fmt.Sprint("ID", i)); msg != nil {
			m.remove(msg)
		}
	}
	if m.bytes != 0 || len(m.byID) != 0 {
		t.Errorf("%d bytes and %d messages remain", m.bytes, len(m.byID))
	}
}

// A message that became active again outlives those not heard of.
func TestMemoryActive(t *testing.T) {
	var m memory
	m.open("mx1", "OLD")
	for i := range 2 * maxMessages {
		m.open("mx1", fmt.Sprint("ID", i))
		if i%10_000 == 0 {
			m.active(m.open("mx1", "OLD"))
		}
	}
	if m.find("mx1", "OLD") == nil {
		t.Error("the active message was forgotten")
	}
}

func TestMemoryDeferred(t *testing.T) {
	var m memory
	msg := m.open("mx1", "ID")
	empty := m.bytes
	for i := range maxDeferred + 10 {
		m.deferral(msg, fmt.Sprint("user", i, "@example.com"))
	}
	if len(msg.waits) != maxDeferred {
		t.Errorf("%d recipients, want %d", len(msg.waits), maxDeferred)
	}
	m.active(msg)
	if left, _ := msg.left(); len(left) != 0 || m.bytes != empty {
		t.Errorf("%d recipients, %d bytes, want %d", len(left), m.bytes, empty)
	}
}

func TestTLSSessions(t *testing.T) {
	var s tlsSessions
	for i := range 3 * maxRecent {
		s.established("mx1", fmt.Sprint(i), "mx[203.0.113.1]:25", "TLSv1.3")
	}
	last := fmt.Sprint(3*maxRecent - 1)
	if v := s.version("mx1", last, "mx[203.0.113.1]:25", "ID", false); v != "TLSv1.3" {
		t.Errorf("the last process has %q", v)
	}
	if v := s.version("mx1", "0", "mx[203.0.113.1]:25", "ID", false); v != "" {
		t.Errorf("the first process has %q", v)
	}
	for i := range 6 { // more than a process has places
		s.established("mx1", "7", fmt.Sprint("mx", i, "[203.0.113.1]:25"), "TLSv1.2")
	}
	if v := s.version("mx1", "7", "mx0[203.0.113.1]:25", "ID", false); v != "" {
		t.Errorf("the oldest connection has %q", v)
	}
	if v := s.version("mx1", "7", "mx5[203.0.113.1]:25", "ID", false); v != "TLSv1.2" {
		t.Errorf("the newest connection has %q", v)
	}
}

// held is what a recent holds, counted anew.
func held(m *recent[struct{ a, b string }]) (entries, bytes int) {
	for _, generation := range []map[memoKey]*recentItem[struct{ a, b string }]{m.now, m.before} {
		for _, item := range generation {
			entries++
			bytes += len(item.key.host) + len(item.key.id) + len(item.value.a) + len(item.value.b)
		}
	}
	return entries, bytes
}

// Entries are bounded, and so is what they come to hold later.
func TestRecentBounded(t *testing.T) {
	var m recent[struct{ a, b string }]
	long := strings.Repeat("x", maxKept)
	for i := range 3 * maxRecent {
		m.put(memoKey{"mx1", fmt.Sprint(i)})
	}
	if entries, _ := held(&m); entries > 2*maxRecent {
		t.Errorf("%d entries", entries)
	}
	if m.find(memoKey{"mx1", "0"}) != nil || m.find(memoKey{"mx1", fmt.Sprint(3*maxRecent - 1)}) == nil {
		t.Error("the first is remembered, or the last forgotten")
	}
	for round := range 3 {
		for i := range 3 * maxRecent {
			key := memoKey{"mx1", fmt.Sprint(i)}
			if one := m.find(key); one != nil {
				m.keep(key, &one.a, long[round:])
				m.keep(key, &one.b, long)
			}
		}
		if _, bytes := held(&m); bytes > 2*maxRecentBytes+4*maxKept {
			t.Errorf("%d bytes after round %d", bytes, round)
		}
	}
}

// What an entry lets go is counted: one that changes for ever stays small.
func TestRecentKeep(t *testing.T) {
	var m recent[struct{ a, b string }]
	key, other := memoKey{"mx1", "1"}, memoKey{"mx1", "2"}
	m.put(other)
	one := m.put(key)
	empty := m.bytes
	for i := range 100_000 {
		m.keep(key, &one.a, strings.Repeat("x", i%2000))
	}
	if m.keep(key, &one.a, ""); m.bytes != empty {
		t.Errorf("%d bytes, want %d", m.bytes, empty)
	}
	if m.find(other) == nil {
		t.Error("the other was forgotten")
	}
	m.remove(key)
	m.remove(other)
	if m.bytes != 0 || len(m.now)+len(m.before) != 0 {
		t.Errorf("%d bytes and %d entries remain", m.bytes, len(m.now)+len(m.before))
	}
}

// Who waits is known as well of many as of few, each once, however often he
// was deferred.
func TestMemoryAwaits(t *testing.T) {
	var m memory
	msg := m.open("mx1", "ID")
	empty := m.bytes
	user := func(i int) string { return fmt.Sprint("user", i, "@example.com") }
	for i := range 3 * fewDeferred {
		m.deferral(msg, user(i))
	}
	m.deferral(msg, user(1))
	if left, _ := msg.left(); len(left) != 3*fewDeferred {
		t.Errorf("left are %v", left)
	}
	for i := range 3 * fewDeferred {
		m.served(msg, user(i))
		m.served(msg, user(i+1000))
		if msg.awaits(user(i)) {
			t.Errorf("%s waits", user(i))
		}
	}
	if m.bytes != empty {
		t.Errorf("%d bytes, want %d", m.bytes, empty)
	}
	m.deferral(msg, user(5))
	if left, _ := msg.left(); len(left) != 1 || left[0] != user(5) {
		t.Errorf("left are %v", left)
	}
}
