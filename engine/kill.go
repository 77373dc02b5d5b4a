package engine

import (
	"regexp"
	"strings"
)

// selector picks running queries by their id.
type selector struct {
	match func(id string) bool
	like  bool // by a pattern, of the own queries: the reader chooses ids as it likes
	test  bool // KILL ... TEST only shows
	async bool
}

// parseKill reads QUERY WHERE query_id {=|LIKE|IN} 'literal' [SYNC|ASYNC|TEST] [FORMAT x]; and KILL MUTATION, which is
// the engine's own business. Queries run under the engine's ids, not the clients': the server answers for them, and
// only by id.
func (s *statement) parseKill(t []token) error {
	if len(t) > 0 && t[0].is("MUTATION") {
		return nil
	}
	refused := newError("Code: 48. DB::Exception: KILL QUERY is served for WHERE query_id = 'x', LIKE 'x%' and IN ('x', ...) only. (NOT_IMPLEMENTED)")
	if len(t) < 4 || !t[0].is("QUERY") || !t[1].is("WHERE") || !t[2].named("query_id") {
		return refused
	}
	sel := &selector{}
	rest := t[4:]
	one := func() (string, bool) {
		if len(rest) == 0 || rest[0].kind != tokenString {
			return "", false
		}
		v := rest[0].text
		rest = rest[1:]
		return v, true
	}
	switch {
	case t[3].punct("="):
		v, ok := one()
		if !ok {
			return refused
		}
		sel.match = func(id string) bool { return id == v }
	case t[3].is("LIKE"):
		v, ok := one()
		if !ok {
			return refused
		}
		re, err := regexp.Compile(likePattern(v))
		if err != nil {
			return refused
		}
		sel.match, sel.like = re.MatchString, true
	case t[3].is("IN") && len(rest) > 0 && rest[0].punct("("):
		ids := map[string]bool{}
		for len(rest) > 0 && (rest[0].punct("(") || rest[0].punct(",")) {
			rest = rest[1:]
			v, ok := one()
			if !ok {
				return refused
			}
			ids[v] = true
		}
		if len(rest) == 0 || !rest[0].punct(")") {
			return refused
		}
		rest = rest[1:]
		sel.match = func(id string) bool { return ids[id] }
	default:
		return refused
	}
	sel.async = true // as in ClickHouse
	if len(rest) > 0 && (rest[0].is("SYNC") || rest[0].is("ASYNC") || rest[0].is("TEST")) {
		sel.async, sel.test = rest[0].is("ASYNC"), rest[0].is("TEST")
		rest = rest[1:]
	}
	if len(rest) == 2 && rest[0].is("FORMAT") {
		rest = nil
	}
	if len(rest) > 0 {
		return refused
	}
	s.kill = sel
	return nil
}

// likePattern turns LIKE's % and _ into a regular expression.
func likePattern(like string) string {
	var b strings.Builder
	b.WriteString(`(?s)\A`)
	escaped := false
	for _, c := range like {
		switch {
		case escaped:
			b.WriteString(regexp.QuoteMeta(string(c)))
			escaped = false
		case c == '\\':
			escaped = true
		case c == '%':
			b.WriteString(`.*`)
		case c == '_':
			b.WriteString(`.`)
		default:
			b.WriteString(regexp.QuoteMeta(string(c)))
		}
	}
	b.WriteString(`\z`)
	return b.String()
}
