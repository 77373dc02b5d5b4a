package engine

import "strings"

// What a statement can grow to.
//
// A few lines can make the engine work for days before it reads a row, and until it reads it looks neither at the time
// nor at a KILL: each name stands for what defines it, and a name used twice doubles that. The engine counts the nodes
// of the statement's tree with all names put in place (expandedElements). It does not count what grows beside the tree:
// the types of columns, (x, x) AS x over a subquery that does the same, and the columns that an asterisk stands for.
// Their growth is bounded here: at each scope by how often one name stands in it, times the weight of what the scope
// reads.

const (
	expandedElements = 5000    // of a tree; 2,000 are enough for the project's own queries
	maxWeight        = 1 << 14 // 14 levels of (x, x) AS x take the engine 0.2 s, 20 take 11 s, 24 minutes
	tableWeight      = 32      // of an asterisk over a table: its columns, about
	maxJoins         = 64      // 60 take 1 s, 120 take 5, 300 minutes
	maxDoublings     = 16
)

var errGrows = newError("Code: 168. DB::Exception: AST is too big: columns of this statement are made of others many times over, through subqueries or lambdas in one another (see \"The reader account\" in README). (TOO_BIG_AST)")

// plainWords are keywords that are no names where they stand between others.
var plainWords = set("all and array as asc between by case cross desc distinct div else end escape except exists false fill final first from global group having " +
	"ilike in inf inner intersect interval is join last left like limit mod nan not null offset on or order outer over partition prewhere qualify " +
	"right rows select then to totals true union using when where window with")

// weights are those of a statement's scopes: the brackets around a SELECT, and those of a call with a lambda.
type weights struct {
	t       []token
	closing []int            // of an opening bracket, where it is closed; else 0
	scope   []bool           // whether one opens here
	defined map[string][]int // by name, where the subqueries open that it stands for
	known   map[int]float64  // of scopes; those under way have 1: a name is not its own definition
}

// checkWeight refuses what could grow too much, and what the engine takes too long to plan.
func (s *statement) checkWeight() error {
	switch {
	case s.joins() > maxJoins:
		return notForReader("a statement with so many joins", "the engine takes minutes to plan them")
	case s.doublings() > maxDoublings:
		return notForReader("a statement with so many BETWEEN or ANY in one expression",
			"the engine writes what stands beside them twice")
	case weigh(s) > maxWeight:
		return errGrows
	}
	return nil
}

func (s *statement) joins() (n int) {
	for _, t := range s.tokens {
		if t.is("JOIN") {
			n++
		}
	}
	return n
}

// doublings counts in one expression what the parser itself writes anew with an operand twice: x BETWEEN y AND z,
// x = ANY (SELECT y). They may stand in one another.
func (s *statement) doublings() int {
	type group struct{ now, most int } // since the last comma, and before it
	all := []group{{}}
	for i, t := range s.tokens {
		g := &all[len(all)-1]
		switch {
		case t.punct("("), t.punct("["), t.punct("{"):
			all = append(all, group{})
		case t.punct(")") || t.punct("]") || t.punct("}"):
			if len(all) > 1 {
				all = all[:len(all)-1]
				all[len(all)-1].now += max(g.most, g.now)
			}
		case t.punct(","):
			g.now, g.most = 0, max(g.most, g.now)
		case t.is("BETWEEN"), s.comparesWithAll(i):
			g.now++
		}
	}
	most := 0
	for _, g := range all {
		most = max(most, g.now, g.most)
	}
	return most
}

// comparesWithAll says whether the word at i is that of x = ANY (SELECT y).
func (s *statement) comparesWithAll(i int) bool {
	t, before := s.tokens[i], s.at(i-1)
	return (t.is("ANY") || t.is("ALL") || t.is("SOME")) && before.kind == tokenPunct &&
		strings.ContainsAny(before.text, "=<>")
}

// weigh is the weight of the whole statement.
func weigh(s *statement) float64 {
	w := &weights{s.tokens, make([]int, len(s.tokens)), make([]bool, len(s.tokens)), map[string][]int{},
		map[int]float64{}}
	var opened []int
	for i, t := range w.t {
		switch {
		case t.punct("("), t.punct("["), t.punct("{"):
			opened = append(opened, i)
			w.closing[i] = len(w.t)
			w.scope[i] = w.selects(i + 1)
		case len(opened) == 0:
		case t.punct("->"):
			w.scope[opened[len(opened)-1]] = true
		case t.punct(")"), t.punct("]"), t.punct("}"):
			open := opened[len(opened)-1]
			opened, w.closing[open] = opened[:len(opened)-1], i
			if !w.selects(open + 1) {
				continue
			}
			if s.at(open-1).is("AS") && s.at(open-2).identifier() { // a AS (SELECT 1)
				w.defined[s.at(open-2).text] = append(w.defined[s.at(open-2).text], open)
			}
			after := s.at(i + 1) // (SELECT 1) AS a
			if after.is("AS") {
				after = s.at(i + 2)
			}
			if after.kind == tokenQuoted || after.kind == tokenWord && !plainWords[strings.ToLower(after.text)] {
				w.defined[after.text] = append(w.defined[after.text], open)
			}
		}
	}
	return w.of(-1, len(w.t))
}

// selects says whether a SELECT begins at i.
func (w *weights) selects(i int) bool {
	if t := w.at(i); !t.is("SELECT") && !t.is("WITH") && !t.is("FROM") && !t.is("EXPLAIN") {
		return false
	}
	next := w.at(i + 1) // a column may have such a name
	return !next.punct(",") && !next.punct(")") && !next.punct(".")
}

// of is the weight of the scope that opens at open, and ends before end.
func (w *weights) of(open, end int) float64 {
	if v, ok := w.known[open]; ok {
		return v
	}
	w.known[open] = 1
	most := 1.0
	var b branch
	depth, within := 0, open // up to within, the tokens are those of a scope that is looked at by itself
	for i := open + 1; i < end; i++ {
		t := w.t[i]
		switch {
		case w.scope[i]:
			if i > within {
				b.reads(w.of(i, w.closing[i]))
			}
			if w.selects(i+1) && w.source(i) {
				i = w.closing[i]
				continue
			}
			within = max(within, w.closing[i]) // its names may be those of columns here
			depth++
		case w.closing[i] > 0:
			depth++
		case t.punct(")"), t.punct("]"), t.punct("}"):
			depth--
		case depth == 0 && (t.is("UNION") || t.is("INTERSECT") || t.is("EXCEPT") && !w.asterisk(i-1)):
			most, b = max(most, b.weight()), branch{}
		case t.punct("*"):
			if w.asterisk(i) {
				b.stars++
			}
		case t.identifier():
			if i > within && w.reads(i) {
				for _, d := range w.defined[t.text] {
					b.reads(w.of(d, w.closing[d]))
				}
			}
			w.count(&b, i)
		}
	}
	most = max(most, b.weight())
	w.known[open] = most
	return most
}

// source says whether the subquery that opens at i is read by FROM or IN, or has a name: its own names are not columns
// of the scope that it stands in.
func (w *weights) source(i int) bool {
	before := w.at(i - 1)
	return before.is("FROM") || before.is("JOIN") || before.is("AS") || before.is("IN") || before.is("view")
}

// reads says whether the name at i may be that of a subquery that is read here: it is not being defined, and does not
// stand before one of its columns.
func (w *weights) reads(i int) bool {
	return !w.at(i-1).is("AS") && !w.at(i-1).punct(")") && !w.at(i+1).punct(".")
}

func (w *weights) at(i int) token {
	if i < 0 || i >= len(w.t) {
		return token{kind: tokenPunct}
	}
	return w.t[i]
}

// count counts the name at i.
func (w *weights) count(b *branch, i int) {
	t, before, after := w.t[i], w.at(i-1), w.at(i+1)
	name := strings.ToLower(t.text)
	switch {
	case after.punct("("):
		if name == "columns" || name == "untuple" {
			b.stars++
		}
		return
	case after.punct(".") && (w.at(i+2).identifier() || w.at(i+2).punct("*")): // of a.b.c, c
		return
	case t.kind == tokenWord && plainWords[name] && !(w.edge(before) && w.edge(after)):
		return
	}
	b.counts(t.text)
}

// edge says whether a name, not a keyword, may stand beside the token.
func (w *weights) edge(t token) bool {
	return t.kind == tokenPunct && t.text != "" && t.text != ")" && t.text != "]" && t.text != "}" || t.is("AS")
}

// asterisk tells * from a multiplication.
func (w *weights) asterisk(i int) bool {
	if !w.at(i).punct("*") {
		return false
	}
	value := func(t token, words string) bool {
		switch t.kind {
		case tokenPunct:
			return false
		case tokenWord:
			return !set(words)[strings.ToLower(t.text)]
		}
		return true
	}
	before, after := w.at(i-1), w.at(i+1)
	if !value(before, "select distinct all") && !before.punct(")") && !before.punct("]") {
		return !(before.punct("(") && after.punct(")") && w.at(i-2).is("count"))
	}
	return !value(after, "from except replace apply union intersect where") && !after.punct("(") && !after.punct("[") &&
		!after.punct("-")
}

// branch is one SELECT of a scope, or all of it.
type branch struct {
	names    map[string]int
	most     int     // of names
	stars    int     // asterisks and the like
	top, sum float64 // weights of what is read
}

func (b *branch) counts(name string) {
	if b.names == nil {
		b.names = map[string]int{}
	}
	b.names[name]++
	b.most = max(b.most, b.names[name])
}

func (b *branch) reads(weight float64) {
	b.top, b.sum = max(b.top, weight), b.sum+weight
}

// weight is, about, of how many values the columns of the SELECT consist together. It counts an asterisk twice: the
// engine's time grows with the square of the columns.
func (b *branch) weight() float64 {
	w := max(float64(max(b.most, 1))*max(b.top, 1), float64(len(b.names)))
	if b.stars > 0 {
		w = max(w, float64(max(b.most, 2*b.stars))*(tableWeight+b.sum))
	}
	return w
}
