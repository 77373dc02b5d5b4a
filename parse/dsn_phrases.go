package parse

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
	a := lowerByte[s[0]]
	for i := 1; i < len(s); i++ {
		b := lowerByte[s[i]]
		if bit := pairBit(a, b); p.pairs[bit/64]&(1<<(bit%64)) != 0 {
			for _, w := range p.first[a] {
				if beginsWith(s[i-1:], w) {
					return true
				}
			}
		}
		a = b
	}
	return false
}

// beginsWith tells whether s begins with words, which are in lower case.
func beginsWith(s, words string) bool {
	if len(s) < len(words) {
		return false
	}
	for i := 1; i < len(words); i++ {
		if lowerByte[s[i]] != words[i] {
			return false
		}
	}
	return lowerByte[s[0]] == words[0]
}

// indexFold is strings.Index without regard to ASCII case; words are in lower
// case.
func indexFold(s, words string) int {
	for i := 0; i+len(words) <= len(s); i++ {
		if lowerByte[s[i]] == words[0] && beginsWith(s[i:], words) {
			return i
		}
	}
	return -1
}

// lowerByte is A-Z in lower case, and every other byte as it is.
var lowerByte = func() (t [256]byte) {
	for c := range t {
		if t[c] = byte(c); c >= 'A' && c <= 'Z' {
			t[c] += 'a' - 'A'
		}
	}
	return t
}()
