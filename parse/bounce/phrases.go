package bounce

import (
	"github.com/bouncehouse/bouncehouse/parse/values"
)

// phrases is a list of words of which a text is asked whether it has any,
// without regard to ASCII case. One pass over the text: where two bytes begin
// none of them, which is nearly everywhere, it goes on.
type phrases struct {
	pairs [1 << 12 / 64]uint64 // the pairs of bytes with which they begin
	first [256][]string        // the words by their first byte
}

// newPhrases makes a list; words are in lower case, of two bytes or more.
func newPhrases(words ...string) *phrases {
	p := &phrases{}
	for _, w := range words {
		bit := pairBit(w[0], w[1])
		p.pairs[bit/64] |= 1 << (bit % 64)
		p.first[w[0]] = append(p.first[w[0]], w)
	}
	return p
}

func pairBit(a, b byte) uint16 { return uint16(a)<<4 ^ uint16(b) }

// in tells whether s has any of the words.
func (p *phrases) in(s string) bool {
	if s == "" {
		return false
	}
	a := values.LowerByte[s[0]]
	for i := 1; i < len(s); i++ {
		b := values.LowerByte[s[i]]
		if bit := pairBit(a, b); p.pairs[bit/64]&(1<<(bit%64)) != 0 {
			for _, w := range p.first[a] {
				if values.BeginsWith(s[i-1:], w) {
					return true
				}
			}
		}
		a = b
	}
	return false
}
