package enrich

import (
	"errors"
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
	rules []compiled
	// starts has, for each literal, the rules that have it in their first
	// group, in order. bare are the rules without any literal.
	starts [][]int32
	bare   []int32
}

type compiled struct {
	Rule
	codes    []string
	enhanced []string
	stages   []string
	all      [][]int32 // groups of alternatives
	none     []int32
	match    *regexp.Regexp
	names    bool // Provider is who answered where nothing else tells
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
	for i, r := range rules {
		err := r.validate()
		if err == nil && names[r.Name] {
			err = errors.New("the name is taken")
		}
		if err != nil {
			return nil, &RuleError{r.Name, err.Error()}
		}
		names[r.Name] = true
		c := compiled{Rule: r, codes: split(r.Code), enhanced: split(r.Enhanced), stages: split(r.Stage)}
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
		m.rules = append(m.rules, c)
		if len(c.all) == 0 {
			m.bare = append(m.bare, int32(i))
			continue
		}
		for _, w := range c.all[0] {
			for int(w) >= len(m.starts) {
				m.starts = append(m.starts, nil)
			}
			m.starts[w] = append(m.starts[w], int32(i))
		}
	}
	return m, nil
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
func (m *matcher) find(e evidence, found []int32, set *wordSet) *compiled {
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
	first(m.bare)
	for _, w := range found {
		if int(w) < len(m.starts) { // later ones belong to no rule
			first(m.starts[w])
		}
	}
	if int(best) == len(m.rules) {
		return nil
	}
	return &m.rules[best]
}

func (r *compiled) matches(e evidence, set *wordSet) bool {
	if r.Last && !e.last || r.Only && e.provider != r.Provider {
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
