package enrich

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math/bits"
	"slices"
	"strings"
)

// literals finds all of many literals in one pass over a text, without regard
// to ASCII case. Each literal has an anchor: four bytes of it (two of the
// shortest ones) that are rare in replies. A bit a hash tells whether the
// bytes at a place are an anchor; only then literals are compared, and few,
// as common words are not looked at for the sake of "mailbox" alone.
//
// An automaton (Aho and Corasick) of the same literals took 2.4 MB, falls out
// of the processor's cache, and grows with each rule. This takes 10 KB for
// what is asked at each byte, whatever the rules.
type literals struct {
	filter [1 << anchorBits / 64]uint64 // by hash: there is an anchor
	before [1 << anchorBits / 64]uint16 // bits of filter that stand before
	first  []uint16                     // by the bit's number, into anchors
	anchor []anchor
	text   string // of all literals, in the order of anchors
}

// anchor is a place in a literal by which it is found, and the literal.
type anchor struct {
	key        uint32 // see pair
	from       uint32 // the literal is text[from:from+size]
	size       uint16
	id         uint16
	at         uint8 // where in the literal
	head, tail bool  // a word's edge is asked for there
}

const (
	anchorBits = 16
	// pair marks the anchors of two bytes, for literals of fewer than four.
	pair = 0xffff_0000
)

// hash spreads the key of an anchor over anchorBits.
func hash(key uint32) uint32 { return key * 0x9e3779b1 >> (32 - anchorBits) }

// maxWords bounds the literals of all rules and tables.
const maxWords = 1 << 14

// wordSet is a set of literals by their number.
type wordSet [maxWords / 64]uint64

func (s *wordSet) add(i int32)      { s[i>>6] |= 1 << (i & 63) }
func (s *wordSet) remove(i int32)   { s[i>>6] &^= 1 << (i & 63) }
func (s *wordSet) has(i int32) bool { return s[i>>6]&(1<<(i&63)) != 0 }

func (s *wordSet) any(ids []int32) bool {
	for _, i := range ids {
		if s.has(i) {
			return true
		}
	}
	return false
}

// newLiterals makes the finder of the literals. An underscore at either end
// of one asks for a word's edge there. samples are replies, by which it knows
// what is rare in them; they decide about nothing but speed.
func newLiterals(all []string, samples []string) (*literals, error) {
	if len(all) > maxWords {
		return nil, fmt.Errorf("all rules together have %d different literals: %d are the most", len(all), maxWords)
	}
	var seen [1 << anchorBits]uint16 // how often the samples have what hashes to it
	var low []byte
	for _, s := range samples {
		low = appendLower(low[:0], s)
		for i := range len(s) {
			key := binary.LittleEndian.Uint32(low[i:])
			for _, h := range [2]uint32{hash(key), hash(key | pair)} {
				if seen[h] < 1<<15 {
					seen[h]++
				}
			}
		}
	}

	l := &literals{}
	var anchors []anchor
	texts := make([]string, len(all))
	add := func(a anchor) {
		h := hash(a.key)
		seen[h]++ // the next one rather stands elsewhere
		l.filter[h/64] |= 1 << (h % 64)
		anchors = append(anchors, a)
	}
	for id, text := range all {
		a := anchor{id: uint16(id)}
		if len(text) > 1 && text[0] == '_' {
			a.head, text = true, text[1:]
		}
		if len(text) > 1 && text[len(text)-1] == '_' {
			a.tail, text = true, text[:len(text)-1]
		}
		if text == "" || len(text) > 1<<16-1 {
			return nil, fmt.Errorf("literal %d has %d bytes", id, len(text))
		}
		for i := range len(text) {
			if c := text[i]; c >= 'A' && c <= 'Z' {
				return nil, fmt.Errorf("literal %q is not in lower case", text)
			}
		}
		texts[id], a.size = text, uint16(len(text))
		if len(text) == 1 { // with any byte after it
			for c := range uint32(256) {
				a.key = uint32(text[0]) | c<<8 | pair
				add(a)
			}
			continue
		}
		least := 1 << 16
		for i := 0; i+2 <= len(text) && i < 256; i++ {
			key := uint32(text[i]) | uint32(text[i+1])<<8 | pair
			if len(text) >= 4 {
				if i+4 > len(text) {
					break
				}
				key = key&^pair | uint32(text[i+2])<<16 | uint32(text[i+3])<<24
			}
			if n := int(seen[hash(key)]); n < least {
				least, a.key, a.at = n, key, uint8(i)
			}
		}
		add(a)
	}
	if len(anchors) >= 1<<16 {
		return nil, fmt.Errorf("%d anchors of literals, more than %d", len(anchors), 1<<16-1)
	}

	slices.SortStableFunc(anchors, func(a, b anchor) int { return cmp.Compare(hash(a.key), hash(b.key)) })
	var text strings.Builder
	last := uint32(1 << anchorBits)
	for i := range anchors {
		a := &anchors[i]
		a.from = uint32(text.Len())
		text.WriteString(texts[a.id])
		if h := hash(a.key); h != last {
			l.first = append(l.first, uint16(i))
			last = h
		}
	}
	l.anchor, l.text, l.first = anchors, text.String(), append(l.first, uint16(len(anchors)))
	n := 0
	for i, b := range l.filter {
		l.before[i] = uint16(n)
		n += bits.OnesCount64(b)
	}
	return l, nil
}

// find adds the literals in text to set, and appends each once to list. low
// is for what it needs; it is returned to be given again.
func (l *literals) find(text string, low []byte, set *wordSet, list []int32) ([]int32, []byte) {
	low = appendLower(low[:0], text)
	// First the bits of 64 places, without a branch, then those that are set:
	// a branch at each place would be foretold wrongly too often.
	for from := 0; from < len(text); from += 64 {
		var four, two uint64
		part := low[from : min(from+64, len(text))+4]
		for i := range len(part) - 4 {
			key := binary.LittleEndian.Uint32(part[i:])
			h := hash(key)
			four |= l.filter[h/64] >> (h % 64) & 1 << (i & 63)
			h = hash(key | pair)
			two |= l.filter[h/64] >> (h % 64) & 1 << (i & 63)
		}
		for ; four != 0; four &= four - 1 {
			i := from + bits.TrailingZeros64(four)
			list = l.compare(low[:len(text)], i, binary.LittleEndian.Uint32(low[i:]), set, list)
		}
		for ; two != 0; two &= two - 1 {
			i := from + bits.TrailingZeros64(two)
			list = l.compare(low[:len(text)], i, binary.LittleEndian.Uint32(low[i:])|pair, set, list)
		}
	}
	return list, low
}

// compare adds the literals whose anchor is at low[i:].
func (l *literals) compare(low []byte, i int, key uint32, set *wordSet, list []int32) []int32 {
	h := hash(key)
	n := int(l.before[h/64]) + bits.OnesCount64(l.filter[h/64]&(1<<(h%64)-1))
	anchors := l.anchor[l.first[n]:l.first[n+1]]
	for k := range anchors {
		a := &anchors[k]
		at := i - int(a.at)
		end := at + int(a.size)
		if a.key != key || at < 0 || end > len(low) || string(low[at:end]) != l.text[a.from:a.from+uint32(a.size)] {
			continue
		}
		// A "<" is no word's edge: <ip> in a template is not the word.
		if a.head && at > 0 && (alnum(low[at-1]) || low[at-1] == '<') || a.tail && end < len(low) && alnum(low[end]) {
			continue
		}
		if id := int32(a.id); !set.has(id) {
			set.add(id)
			list = append(list, id)
		}
	}
	return list
}

// appendLower appends text with ASCII letters in lower case, and four zeros
// after it, so that four bytes can be read at each place.
func appendLower(dst []byte, text string) []byte {
	n := len(dst)
	dst = append(append(dst, text...), 0, 0, 0, 0)
	b := dst[n : n+len(text)]
	const ones = 0x0101010101010101
	for ; len(b) >= 8; b = b[8:] {
		x := binary.LittleEndian.Uint64(b)
		y := x & (0x7f * ones)
		// The high bit of each byte that is ASCII, above '@' and not above 'Z'.
		upper := (y + (0x80-'A')*ones) &^ (y + (0x80-'Z'-1)*ones) &^ x & (0x80 * ones)
		binary.LittleEndian.PutUint64(b, x|upper>>2)
	}
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return dst
}

func alnum(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}
