package enrich

import "fmt"

// automaton finds all of many literals in one pass over a text (Aho and
// Corasick, CACM 18:6, 1975). The transitions stand in one dense table over
// classes of bytes; ASCII case is folded by the classes. Only the first
// headSize bytes of a literal are in the table, what follows them is compared:
// the table of whole literals took 7 MB, and fell out of the cache.
type automaton struct {
	class  [256]uint8
	width  int      // number of classes
	next   []uint16 // state*width + class → state
	output []span   // by state, into words
	words  []word
}

type span struct{ from, to int32 }

// word is a literal that ends in a state.
type word struct {
	id         int32
	size       int32 // of what is in the table
	rest       string
	head, tail bool // a word's edge is asked for there
}

// headSize is how much of a literal is in the table.
const headSize = 8

// maxWords bounds the literals: a set of them is kept on the stack.
const maxWords = 96 * 64

// wordSet is a set of literals by their number.
type wordSet [maxWords / 64]uint64

func (s *wordSet) has(i int32) bool { return s[i>>6]&(1<<(i&63)) != 0 }

func (s *wordSet) any(ids []int32) bool {
	for _, i := range ids {
		if s.has(i) {
			return true
		}
	}
	return false
}

// maxStates is what a uint16 can number.
const maxStates = 1 << 16

func newAutomaton(literals []string) (*automaton, error) {
	if len(literals) > maxWords {
		return nil, fmt.Errorf("%d literals, more than %d", len(literals), maxWords)
	}
	a := &automaton{}
	bare := make([]word, len(literals))
	texts := make([]string, len(literals))
	more := make([]int32, len(literals)) // other literals of the same bytes: with and without word's edges
	a.width = 1                          // class 0: bytes that no literal has
	for i, l := range literals {
		w := word{id: int32(i)}
		if len(l) > 1 && l[0] == '_' {
			w.head, l = true, l[1:]
		}
		if len(l) > 1 && l[len(l)-1] == '_' {
			w.tail, l = true, l[:len(l)-1]
		}
		if l == "" {
			return nil, fmt.Errorf("literal %d is empty", i)
		}
		head := l[:min(len(l), headSize)]
		w.size, w.rest = int32(len(head)), l[len(head):]
		bare[i], texts[i] = w, head
		for j := range len(l) {
			c := l[j]
			if c >= 'A' && c <= 'Z' {
				return nil, fmt.Errorf("literal %q is not in lower case", l)
			}
			if a.class[c] == 0 && j < len(head) {
				a.class[c] = uint8(a.width)
				a.width++
			}
		}
	}
	for c := byte('a'); c <= 'z'; c++ {
		a.class[c-'a'+'A'] = a.class[c]
	}

	// The trie, with its states in the order of making; a state's children
	// are a list of siblings.
	type node struct {
		class       uint8
		first, next int32 // child, sibling; 0 is none, as the root is nobody's
		ends        int32 // literal that ends here + 1
	}
	trie := []node{{}}
	for i, l := range texts {
		s := int32(0)
		for j := range len(l) {
			c := a.class[l[j]]
			t := trie[s].first
			for t != 0 && trie[t].class != c {
				t = trie[t].next
			}
			if t == 0 {
				t = int32(len(trie))
				trie = append(trie, node{class: c, next: trie[s].first})
				trie[s].first = t
			}
			s = t
		}
		more[i], trie[s].ends = trie[s].ends, int32(i)+1
	}
	if len(trie) > maxStates {
		return nil, fmt.Errorf("%d states, more than %d", len(trie), maxStates)
	}

	// Breadth first: states near the root, where texts spend their time, get
	// neighbouring rows; a state's failure is done before the state.
	order := []int32{0}
	number := make([]int32, len(trie))
	for i := 0; i < len(order); i++ {
		for t := trie[order[i]].first; t != 0; t = trie[t].next {
			number[t] = int32(len(order))
			order = append(order, t)
		}
	}
	a.next = make([]uint16, len(order)*a.width)
	a.output = make([]span, len(order))
	fail := make([]int32, len(order))
	for n, old := range order {
		row := a.next[n*a.width : (n+1)*a.width]
		if n > 0 {
			copy(row, a.next[int(fail[n])*a.width:(int(fail[n])+1)*a.width])
		}
		from := int32(len(a.words))
		for i := trie[old].ends; i != 0; i = more[i-1] {
			a.words = append(a.words, bare[i-1])
		}
		if n > 0 {
			f := a.output[fail[n]]
			a.words = append(a.words, a.words[f.from:f.to]...)
		}
		a.output[n] = span{from, int32(len(a.words))}
		for t := trie[old].first; t != 0; t = trie[t].next {
			k, c := number[t], trie[t].class
			if n > 0 {
				fail[k] = int32(row[c]) // where the failure state goes by c
			}
			row[c] = uint16(k)
		}
	}
	return a, nil
}

// find adds the literals in text to set and appends each once to list.
func (a *automaton) find(text string, set *wordSet, list []int32) []int32 {
	s := 0
	for i := range len(text) {
		s = int(a.next[s*a.width+int(a.class[text[i]])])
		o := a.output[s]
		for o.from < o.to {
			w := &a.words[o.from]
			o.from++
			if set.has(w.id) {
				continue
			}
			end := i + 1 + len(w.rest)
			if end > len(text) || !equalFold(text[i+1:end], w.rest) || w.tail && end < len(text) && alnum(text[end]) {
				continue
			}
			// A "<" is no word's edge: <ip> in a template is not the word.
			if at := i - int(w.size); w.head && at >= 0 && (alnum(text[at]) || text[at] == '<') {
				continue
			}
			set[w.id>>6] |= 1 << (w.id & 63)
			list = append(list, w.id)
		}
	}
	return list
}

// equalFold compares s with low, which is in lower case and as long, folding
// ASCII case.
func equalFold(s, low string) bool {
	for i := range len(low) {
		c := s[i]
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != low[i] {
			return false
		}
	}
	return true
}

func alnum(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}
