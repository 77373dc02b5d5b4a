package bounce

// grams is which runs of four bytes a text has, without regard to case: what
// a text is asked for again and again, by every dialect up to its own, most
// often is not there, and a look at a few bits tells so. What the bits do not
// rule out is searched for.
type grams [gramBits / 64]uint64

const gramBits = 1 << 13

// gramOf is the bit of the last four bytes shifted into v.
func gramOf(v uint32) uint32 { return v * 0x9e3779b1 >> (32 - 13) }

// foldByte makes upper and lower case letters alike; what else it makes alike
// only makes the bits tell less.
func foldByte(c byte) uint32 { return uint32(c | 0x20) }

func (g *grams) add(text string) {
	var v uint32
	for i := range len(text) {
		v = v<<8 | foldByte(text[i])
		bit := gramOf(v)
		g[bit/64] |= 1 << (bit % 64)
	}
}

// mayHave tells whether the text may have words, in upper or lower case.
func (g *grams) mayHave(words string) bool {
	var v uint32
	for i := range len(words) {
		v = v<<8 | foldByte(words[i])
		if i < 3 {
			continue
		}
		if bit := gramOf(v); g[bit/64]&(1<<(bit%64)) == 0 {
			return false
		}
	}
	return true
}
