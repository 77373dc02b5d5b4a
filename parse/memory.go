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

	begun     bool           // its first line was seen: client= or uid=
	resent    bool           // messageID is of Resent-Message-ID
	announced bool           // sender is known: an arrival was made
	whole     bool           // all who are left of it are among deferred
	deferred  []string       // recipients deferred since it last became active
	waits     map[string]int // how often each of them is there; nil while they are few
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
	for _, rcpt := range msg.deferred {
		msg.bytes -= len(rcpt) + deferredBytes
		m.bytes -= len(rcpt) + deferredBytes
	}
	clear(msg.deferred)
	msg.deferred, msg.waits = msg.deferred[:0], nil
}

// deferral notes a recipient who is still to be served.
func (m *memory) deferral(msg *message, rcpt string) {
	if len(msg.deferred) < maxDeferred && len(rcpt) <= maxKept {
		rcpt = strings.Clone(rcpt)
		msg.deferred = append(msg.deferred, rcpt)
		switch {
		case msg.waits != nil:
			msg.waits[rcpt]++
		case len(msg.deferred) == fewDeferred:
			msg.waits = make(map[string]int, 2*fewDeferred)
			for _, d := range msg.deferred {
				msg.waits[d]++
			}
		}
		m.charge(msg, len(rcpt)+deferredBytes)
	} else {
		msg.whole = false
	}
}

// left returns who is still to be served, each once, in the order of the sink
// (by name), and whether the message's lines were not all seen and others may
// be left too. msg may be nil.
func (msg *message) left() (recipients []string, guessed bool) {
	if msg == nil {
		return nil, true
	}
	for _, rcpt := range msg.deferred {
		recipients = append(recipients, bouncehouse.Clean(rcpt, bouncehouse.MaxField))
	}
	slices.Sort(recipients)
	return slices.Compact(recipients), !msg.whole || len(recipients) == 0
}

// fewDeferred is from how many recipients on a message has a map of them: what
// a line costs must not grow with what lines before it left.
const fewDeferred = 32

// deferredBytes is what a recipient takes beside himself.
const deferredBytes = 64

// awaits tells whether a recipient is still to be served.
func (msg *message) awaits(rcpt string) bool {
	if msg.waits != nil {
		return msg.waits[rcpt] > 0
	}
	return slices.Contains(msg.deferred, rcpt)
}

// served notes that a recipient is to be served no more.
func (m *memory) served(msg *message, rcpt string) {
	if !msg.awaits(rcpt) {
		return
	}
	if msg.waits != nil {
		if msg.waits[rcpt]--; msg.waits[rcpt] == 0 {
			delete(msg.waits, rcpt)
		}
	}
	if at := slices.Index(msg.deferred, rcpt); at >= 0 {
		msg.bytes -= len(rcpt) + deferredBytes
		m.bytes -= len(rcpt) + deferredBytes
		msg.deferred = slices.Delete(msg.deferred, at, at+1)
	}
}

// hash is FNV-1a.
func hash(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return h
}
