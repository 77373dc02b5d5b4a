package enrich

import (
	"math"
	"math/bits"
	"regexp"
	"strings"

	"github.com/bouncehouse/bouncehouse"
)

// hints is what literals tell besides the class, as the tables of speakers,
// blocklists and code shapes have it: for each literal the first row that it
// means, so that what a reply costs does not grow with the tables.
type hints struct {
	rows     []hint // by literal
	speakers []bouncehouse.Provider
	lists    []string
	shapes   []*regexp.Regexp
}

// hint has rows of the tables.
type hint struct {
	speaker, list uint16 // the first one; none
	weak          uint16 // the first list with those that mean one only where the reply is known to speak of one
	shapes        uint64 // a bit a shape
}

const none = math.MaxUint16

func newHints(v *vocabulary) *hints {
	h := &hints{}
	each := func(words string, f func(*hint)) {
		for _, w := range v.group(words) {
			for int(w) >= len(h.rows) {
				h.rows = append(h.rows, hint{none, none, none, 0})
			}
			f(&h.rows[w])
		}
	}
	for i, s := range speakers() {
		h.speakers = append(h.speakers, s.Provider)
		each(s.Words, func(t *hint) { t.speaker = min(t.speaker, uint16(i)) })
	}
	for i, l := range Lists() {
		h.lists = append(h.lists, l.Name)
		each(l.Words, func(t *hint) {
			t.weak = min(t.weak, uint16(i))
			if !l.Weak {
				t.list = min(t.list, uint16(i))
			}
		})
	}
	for i, s := range codeShapes() {
		h.shapes = append(h.shapes, regexp.MustCompile(s.Shape))
		each(s.Marks, func(t *hint) { t.shapes |= 1 << i })
	}
	return h
}

// of is what the literals together tell.
func (h *hints) of(words []int32) hint {
	all := hint{none, none, none, 0}
	for _, w := range words {
		if int(w) < len(h.rows) {
			t := &h.rows[w]
			all.speaker, all.list, all.weak = min(all.speaker, t.speaker), min(all.list, t.list), min(all.weak, t.weak)
			all.shapes |= t.shapes
		}
	}
	return all
}

// provider is who speaks, by what only its replies say.
func (h *hints) provider(t hint) bouncehouse.Provider {
	if t.speaker == none {
		return ""
	}
	return h.speakers[t.speaker]
}

// dnsbl is the blocklist that a reply of that class speaks of.
func (h *hints) dnsbl(t hint, class bouncehouse.Class) string {
	if class == bouncehouse.DNSBL {
		t.list = t.weak
	}
	if t.list == none {
		return ""
	}
	return h.lists[t.list]
}

// code is the provider's own code in a reply.
func (h *hints) code(t hint, template string) string {
	for s := t.shapes; s != 0; s &= s - 1 {
		if m := h.shapes[bits.TrailingZeros64(s)].FindStringSubmatch(template); m != nil {
			return strings.Trim(m[len(m)-1], "()")
		}
	}
	return ""
}
