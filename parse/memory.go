package parse

import (
	"slices"
	"strings"
	"time"

	"github.com/bouncehouse/bouncehouse"
)

// memory is what one stream's lines told of messages still in the queue:
// bounded, the message that was not heard of for longest going first. What
// it forgets stands in the messages table.
type memory struct {
	byID  map[memoKey]*message
	list  message // ring: next is the oldest, prev the newest
	free  *message
	bytes int
	host  string // of the last message, to share its copy
}

// Bounds of one stream's memory.
const (
	maxMessages   = 1 << 16
	maxRemembered = 16 << 20 // bytes of strings and entries
	maxDeferred   = 4096     // recipients of one message that await an expiry
	messageBytes  = 320      // of an entry without its strings, with its place in the map
)

// message is what is known of one message.
type message struct {
	key        memoKey
	prev, next *message
	bytes      int

	client    string
	saslUser  string
	messageID string
	sender    string
	size      int64
	arrived   time.Time // as Exim says it, zero where unknown

	begun     bool                // its first line was seen: client= or uid=
	resent    bool                // messageID is of Resent-Message-ID
	announced bool                // sender is known: an arrival was made
	held      bool                // it waits for a person (Postfix)
	whole     bool                // all who are left of it are among deferred
	deferred  []string            // recipients deferred since it last became active, each once, while they are few;
	waits     map[string]struct{} // then all of them, and deferred is empty
}

// find returns the message, or nil.
func (m *memory) find(host, id string) *message { return m.byID[memoKey{host, id}] }

// open returns the message, making it if need be.
func (m *memory) open(host, id string) *message {
	if msg := m.byID[memoKey{host, id}]; msg != nil {
		return msg
	}
	if m.byID == nil {
		m.byID = map[memoKey]*message{}
		m.list.prev, m.list.next = &m.list, &m.list
	}
	if m.host != host {
		m.host = strings.Clone(host)
	}
	msg := m.free
	if msg != nil {
		m.free = msg.next
	} else {
		msg = &message{}
	}
	msg.key = memoKey{m.host, strings.Clone(id)}
	m.byID[msg.key] = msg
	m.append(msg)
	m.charge(msg, messageBytes+len(host)+len(id))
	return msg
}

// renew returns the message as one of which nothing is known: queue ids are
// used again.
func (m *memory) renew(host, id string) *message {
	if msg := m.find(host, id); msg != nil {
		m.remove(msg)
	}
	return m.open(host, id)
}

// touch makes msg the newest.
func (m *memory) touch(msg *message) {
	msg.prev.next, msg.next.prev = msg.next, msg.prev
	m.append(msg)
}

func (m *memory) append(msg *message) {
	msg.prev, msg.next = m.list.prev, &m.list
	msg.prev.next, m.list.prev = msg, msg
}

func (m *memory) remove(msg *message) {
	delete(m.byID, msg.key)
	msg.prev.next, msg.next.prev = msg.next, msg.prev
	m.bytes -= msg.bytes
	clear(msg.deferred)
	deferred := msg.deferred[:0]
	if cap(deferred) > 64 {
		deferred = nil
	}
	*msg = message{next: m.free, deferred: deferred}
	m.free = msg
}

// charge counts n more bytes for msg and forgets others until all fit.
func (m *memory) charge(msg *message, n int) {
	msg.bytes += n
	m.bytes += n
	for m.bytes > maxRemembered || len(m.byID) > maxMessages {
		oldest := m.list.next
		if oldest == msg {
			return
		}
		m.remove(oldest)
	}
}

// keep returns a copy of s that lives as long as msg.
func (m *memory) keep(msg *message, s string) string {
	if s == "" {
		return ""
	}
	s = strings.Clone(s[:min(len(s), maxKept)])
	m.charge(msg, len(s))
	return s
}

// maxKept bounds one remembered string, as events bound it.
const maxKept = 1024

// active notes that the queue manager took msg up: whom it defers from here
// on are all who are left of it.
func (m *memory) active(msg *message) {
	m.settled(msg)
	msg.whole = true
	m.touch(msg)
}

// settled notes that nobody is left to be served.
func (m *memory) settled(msg *message) {
	for rcpt := range msg.awaited {
		msg.bytes -= len(rcpt) + deferredBytes
		m.bytes -= len(rcpt) + deferredBytes
	}
	clear(msg.deferred)
	msg.deferred, msg.waits = msg.deferred[:0], nil
}

// awaited goes through all who are still to be served.
func (msg *message) awaited(yield func(string) bool) {
	for _, rcpt := range msg.deferred {
		if !yield(rcpt) {
			return
		}
	}
	for rcpt := range msg.waits {
		if !yield(rcpt) {
			return
		}
	}
}

// deferral notes a recipient who is still to be served.
func (m *memory) deferral(msg *message, rcpt string) {
	switch {
	case msg.awaits(rcpt):
		return
	case len(msg.deferred)+len(msg.waits) >= maxDeferred, len(rcpt) > maxKept:
		msg.whole = false
		return
	}
	rcpt = strings.Clone(rcpt)
	if msg.waits == nil && len(msg.deferred) == fewDeferred {
		msg.waits = make(map[string]struct{}, 2*fewDeferred)
		for _, d := range msg.deferred {
			msg.waits[d] = struct{}{}
		}
		clear(msg.deferred)
		msg.deferred = msg.deferred[:0]
	}
	if msg.waits != nil {
		msg.waits[rcpt] = struct{}{}
	} else {
		msg.deferred = append(msg.deferred, rcpt)
	}
	m.charge(msg, len(rcpt)+deferredBytes)
}

// left returns who is still to be served, each once, in the order of the sink
// (by name), and whether the message's lines were not all seen and others may
// be left too. msg may be nil.
func (msg *message) left() (recipients []string, guessed bool) {
	if msg == nil {
		return nil, true
	}
	for rcpt := range msg.awaited {
		recipients = append(recipients, bouncehouse.Clean(rcpt, bouncehouse.MaxField))
	}
	slices.Sort(recipients)
	return slices.Compact(recipients), !msg.whole || len(recipients) == 0
}

// fewDeferred is how many recipients a message has without a map of them: what
// a line costs must not grow with what lines before it left.
const fewDeferred = 32

// deferredBytes is what a recipient takes beside himself.
const deferredBytes = 64

// awaits tells whether a recipient is still to be served.
func (msg *message) awaits(rcpt string) bool {
	if msg.waits != nil {
		_, waits := msg.waits[rcpt]
		return waits
	}
	return slices.Contains(msg.deferred, rcpt)
}

// served notes that a recipient is to be served no more.
func (m *memory) served(msg *message, rcpt string) {
	if !msg.awaits(rcpt) {
		return
	}
	delete(msg.waits, rcpt)
	if at := slices.Index(msg.deferred, rcpt); at >= 0 {
		msg.deferred = slices.Delete(msg.deferred, at, at+1)
	}
	msg.bytes -= len(rcpt) + deferredBytes
	m.bytes -= len(rcpt) + deferredBytes
}

// hash is FNV-1a.
func hash(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return h
}
