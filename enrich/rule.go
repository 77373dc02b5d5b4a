package enrich

import (
	"errors"
	"math"
	"regexp"
	"slices"
	"strings"

	"github.com/bouncehouse/bouncehouse"
)

// Rule tells what a wording means. Rules are data: an ordered list in which
// the first that matches wins.
//
// A rule sees the reply's template (Fold), so that what varies from reply to
// reply can decide nothing: addresses are <addr>, IP addresses <ip>, queue ids
// <id>, numbers <n>, host names <host> unless their domain is one that rules
// or the tables of providers and blocklists know.
type Rule struct {
	Name  string
	Class bouncehouse.Class

	// Provider is whose dialect the rule is. A dialect rule is tried for
	// every reply, as forwarders repeat others' words; with Only it is tried
	// for that provider's replies alone, as its words are too plain. A rule
	// by a provider's own enhanced codes alone names the provider where
	// nothing else did, and so does a user's rule; else words name it by the
	// table of speakers.
	Provider bouncehouse.Provider
	Only     bool

	// Code is one or more beginnings of the reply code ("5", "550|554"), "0"
	// for no reply at all. Empty: any.
	Code string
	// Enhanced is one or more RFC 3463 codes; x stands for any class, and a
	// final * for what may follow: "x.7.23|5.7.61*". Empty: any.
	Enhanced string
	// Stage is one or more stages. Empty: any, and where none is known.
	Stage string
	// All must each be found: literals in lower case, alternatives parted by
	// "|". An underscore at either end asks for a word's edge there: "_spf_".
	All []string
	// None must not be found. Written as All.
	None []string
	// Match, where set, is a regular expression (RE2, without regard to case)
	// that the template must match too. Only users' rules have any: it is
	// tried once a template, after all other conditions, but a rule without
	// literals has it tried for every template that was not seen before.
	Match string
	// Last: the rule is tried where no other rule matches and the enhanced
	// code says nothing either, as its words tell what is spoken of at most.
	Last bool

	Example string // a real reply that this rule, and no other, decides
	Ref     string // where the wording or its meaning is published
}

// matcher finds the first rule that matches. It is immutable.
type matcher struct {
	rules []compiled // those marked Last come after all others
	// starts has, for each literal, the rules that are found by it: one of
	// their groups has it, the one that is rarest in replies. bare are the
	// rules without any literal, by the subject of the enhanced code that
	// they ask for; a rule that asks for none stands at each.
	starts [][]int32
	bare   [noSubject + 1][]int32
}

// noSubject is the place in bare of replies without an enhanced code.
const noSubject = 10

type compiled struct {
	provider bouncehouse.Provider // where the rule is for its replies only
	codes    []string
	enhanced []string
	stages   []string
	all      [][]int32 // groups of alternatives
	none     []int32
	match    *regexp.Regexp
	last     bool
	names    bool // Provider is who answered where nothing else tells
	*Rule
}

// vocabulary numbers literals.
type vocabulary struct {
	ids      map[string]int32
	literals []string
}

func (v *vocabulary) id(w string) int32 {
	n, ok := v.ids[w]
	if !ok {
		n = int32(len(v.literals))
		v.ids[w] = n
		v.literals = append(v.literals, w)
	}
	return n
}

// group numbers the alternatives of a condition.
func (v *vocabulary) group(s string) []int32 {
	var g []int32
	for _, w := range split(s) {
		g = append(g, v.id(w))
	}
	return g
}

// newMatcher compiles rules, the first own of which are the user's.
func newMatcher(rules []Rule, own int, v *vocabulary) (*matcher, error) {
	m := &matcher{}
	names := map[string]bool{}
	var last []compiled
	for i := range rules {
		r := &rules[i]
		err := r.validate()
		if err == nil && names[r.Name] {
			err = errors.New("the name is taken")
		}
		if err != nil {
			number := 0
			if i < own {
				number = i + 1
			}
			return nil, &RuleError{r.Name, err.Error(), number}
		}
		names[r.Name] = true
		c := compiled{Rule: r, codes: split(r.Code), enhanced: split(r.Enhanced), stages: split(r.Stage), last: r.Last}
		if r.Only {
			c.provider = r.Provider
		}
		for _, s := range r.All {
			c.all = append(c.all, v.group(s))
		}
		for _, s := range r.None {
			c.none = append(c.none, v.group(s)...)
		}
		if r.Match != "" {
			c.match = regexp.MustCompile("(?i:" + r.Match + ")") // validate tried it
		}
		c.names = r.Provider != "" && !r.Only && (i < own || len(r.All) == 0 && r.Enhanced != "")
		if r.Last {
			last = append(last, c)
		} else {
			m.rules = append(m.rules, c)
		}
	}
	m.rules = append(m.rules, last...)
	return m, nil
}

// index tells by which literals rules are found, from what the samples have:
// the order of rules decides, the samples only how fast.
func (m *matcher) index(words *literals, samples []string) {
	often := make([]int, maxWords)
	var set wordSet
	var list []int32
	var low []byte
	for _, s := range samples {
		list, low = words.find(s, low, &set, list[:0])
		for _, w := range list {
			often[w]++
			set.remove(w)
		}
	}
	for i := range m.rules {
		r := &m.rules[i]
		if len(r.all) == 0 {
			for subject := range m.bare {
				if r.asksFor(subject) {
					m.bare[subject] = append(m.bare[subject], int32(i))
				}
			}
			continue
		}
		by, least := 0, math.MaxInt
		for k, group := range r.all {
			n := 0
			for _, w := range group {
				n += often[w]
			}
			if n < least {
				by, least = k, n
			}
		}
		for _, w := range r.all[by] {
			for int(w) >= len(m.starts) {
				m.starts = append(m.starts, nil)
			}
			if n := len(m.starts[w]); n == 0 || m.starts[w][n-1] != int32(i) {
				m.starts[w] = append(m.starts[w], int32(i))
			}
		}
	}
}

// asksFor tells whether an enhanced code of that subject can be one that the
// rule asks for.
func (r *compiled) asksFor(subject int) bool {
	for _, p := range r.enhanced {
		if p[2] == '*' || int(p[2]-'0') == subject {
			return true
		}
	}
	return len(r.enhanced) == 0
}

func split(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, "|")
}

// evidence is what there is besides the text's words.
type evidence struct {
	template       string
	provider       bouncehouse.Provider
	code, enhanced string
	stage          bouncehouse.Stage
	last           bool // rules marked Last may match, too
}

// find returns the first rule that matches, or nil. found are the literals in
// the text, set the same as a set.
func (m *matcher) find(e *evidence, found []int32, set *wordSet) *compiled {
	best := int32(len(m.rules))
	first := func(candidates []int32) {
		for _, i := range candidates {
			if i >= best {
				return // the lists are in order: no later one is better
			}
			if m.rules[i].matches(e, set) {
				best = i
				return
			}
		}
	}
	for _, w := range found {
		if int(w) < len(m.starts) { // later ones belong to no rule
			first(m.starts[w])
		}
	}
	subject := noSubject
	if len(e.enhanced) >= 5 && kinds[e.enhanced[2]] == digit {
		subject = int(e.enhanced[2] - '0')
	}
	first(m.bare[subject])
	if int(best) == len(m.rules) {
		return nil
	}
	return &m.rules[best]
}

func (r *compiled) matches(e *evidence, set *wordSet) bool {
	if r.last && !e.last || r.provider != "" && e.provider != r.provider {
		return false
	}
	if len(r.codes) > 0 && !anyPrefix(r.codes, e.code) {
		return false
	}
	if len(r.enhanced) > 0 && !anyEnhanced(r.enhanced, e.enhanced) {
		return false
	}
	if len(r.stages) > 0 && !slices.Contains(r.stages, string(e.stage)) {
		return false
	}
	for _, g := range r.all {
		if !set.any(g) {
			return false
		}
	}
	return !set.any(r.none) && (r.match == nil || r.match.MatchString(e.template))
}

func anyPrefix(prefixes []string, s string) bool {
	for _, p := range prefixes {
		if strings.HasPrefix(s, p) {
			return true
		}
	}
	return false
}

// anyEnhanced compares x.y.z codes; see Rule.Enhanced.
func anyEnhanced(patterns []string, s string) bool {
	if len(s) < 5 {
		return false
	}
	for _, p := range patterns {
		if p[0] != 'x' && p[0] != s[0] {
			continue
		}
		if head, ok := strings.CutSuffix(p[1:], "*"); p[1:] == s[1:] || ok && strings.HasPrefix(s[1:], head) {
			return true
		}
	}
	return false
}
