package engine

import "strings"

// liftSettings takes the SETTINGS clauses out of the statement, those of subqueries too: the settings then hold for all
// of it.
func (s *statement) liftSettings() error {
	kept := s.tokens[:0:0]
	for i := 0; i < len(s.tokens); i++ {
		if !s.tokens[i].is("SETTINGS") || s.at(i-1).punct(".") || s.at(i+1).kind != tokenWord || !s.at(i+2).punct("=") {
			kept = append(kept, s.tokens[i])
			continue
		}
		for {
			name, value, sign := s.at(i+1), s.at(i+3), ""
			if name.kind != tokenWord || !s.at(i+2).punct("=") {
				return syntaxError("name = value expected in SETTINGS")
			}
			if i += 3; value.punct("-") {
				i++
				value, sign = s.at(i), "-"
			}
			if value.kind == tokenPunct || value.kind == tokenQuoted ||
				value.kind == tokenWord && !value.is("true") && !value.is("false") {
				return syntaxError("a number, a string, true or false expected in SETTINGS")
			}
			if s.settings == nil {
				s.settings = map[string]string{}
			}
			s.settings[name.text] = sign + value.text
			if !s.at(i + 1).punct(",") {
				break
			}
			i++
		}
		if after := s.at(i + 1); i+1 < len(s.tokens) && after.kind != tokenWord && !after.punct(")") {
			return syntaxError("the end of SETTINGS expected")
		}
	}
	s.tokens = kept
	return nil
}

// liftFormat takes FORMAT x off the end.
func (s *statement) liftFormat() error {
	s.format = ""
	if n := len(s.tokens); n > 2 && s.tokens[n-2].is("FORMAT") && s.tokens[n-1].kind == tokenWord {
		s.format, s.tokens = s.tokens[n-1].text, s.tokens[:n-2]
	}
	s.formatAt = len(s.tokens)
	if s.formatAt == 0 {
		return syntaxError("a statement expected")
	}
	return nil
}

// checkForm refuses what is neither a SELECT nor one of the forms that are served of other statements.
func (s *statement) checkForm() error {
	at := 0
	for s.at(at).punct("(") {
		at++
	}
	p := pattern{s, at}
	switch {
	case p.word("SELECT", "WITH", "FROM"):
		return nil
	case at > 0:
	case p.word("EXPLAIN"): // see checkExplain
		return nil
	case p.word("EXISTS"):
		p.word("TABLE", "VIEW")
		if p.name() && p.end() {
			return nil
		}
		return notForReader("this form of EXISTS", "ask for EXISTS TABLE name")
	case p.word("DESCRIBE", "DESC"):
		p.word("TABLE")
		if p.name() && p.end() || s.at(p.at).punct("(") && s.closing(p.at) == len(s.tokens)-1 {
			return nil
		}
		return notForReader("this form of DESCRIBE",
			"ask for DESCRIBE TABLE name, or for one of a subquery or a table function")
	case p.word("SHOW"):
		if p.show() && p.end() {
			return nil
		}
		return notForReader("this form of SHOW", "take SHOW DATABASES, TABLES, COLUMNS or CREATE TABLE")
	}
	return notForReader("a statement with "+s.at(at).text, "take SELECT, SHOW, DESCRIBE, EXISTS or EXPLAIN")
}

// pattern walks along a statement's tokens.
type pattern struct {
	s  *statement
	at int
}

// word passes one of the words.
func (p *pattern) word(words ...string) bool {
	for _, w := range words {
		if p.s.at(p.at).is(w) {
			p.at++
			return true
		}
	}
	return false
}

// name passes a name, of a table with its database or without.
func (p *pattern) name() bool {
	if !p.s.at(p.at).identifier() {
		return false
	}
	if p.at++; p.s.at(p.at).punct(".") && p.s.at(p.at+1).identifier() {
		p.at += 2
	}
	return true
}

func (p *pattern) end() bool { return p.at == len(p.s.tokens) }

// show passes what may follow SHOW.
func (p *pattern) show() bool {
	if p.word("CREATE") { // without TABLE: of USERS, ROLES, PROFILES
		return p.word("TABLE", "VIEW") && p.name()
	}
	p.word("FULL")
	switch {
	case p.word("DATABASES"):
	case p.word("TABLES"):
		if p.word("FROM", "IN") && !p.database() {
			return false
		}
	case p.word("COLUMNS", "FIELDS"):
		if !p.word("FROM", "IN") || !p.name() || p.word("FROM", "IN") && !p.database() {
			return false
		}
	default:
		return false
	}
	p.word("NOT")
	if p.word("LIKE", "ILIKE") {
		if p.s.at(p.at).kind != tokenString {
			return false
		}
		p.at++
	}
	if p.word("LIMIT") {
		if p.s.at(p.at).kind != tokenNumber {
			return false
		}
		p.at++
	}
	return true
}

func (p *pattern) database() bool {
	t := p.s.at(p.at)
	p.at++
	return t.named(Database) || t.named("system")
}

// closing is where the bracket at i is closed; -1 where it is not.
func (s *statement) closing(i int) int {
	depth := 0
	for ; i < len(s.tokens); i++ {
		if t := s.tokens[i]; t.punct("(") {
			depth++
		} else if t.punct(")") {
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}

// maxExplained bounds the text of a statement with EXPLAIN: of a literal's 228,000 bytes, used a thousand times, it
// makes 200 MB, in one piece.
const maxExplained = 16 << 10

// explainOptions change the form of what is told only. plainOptions show constants as computed, with each use of them:
// they are for statements that call none but plainCalls, whose constants are no longer than the text. What others
// (header, actions, pretty), and QUERY TREE, show has no bound: repeat('x', 1000000) AS a, a, a ... of 1 KB makes
// gigabytes, and heeds no KILL meanwhile.
var (
	explainOptions = set("description json compact graph oneline")
	plainOptions   = set("indexes projections sorting distributed optimize keep_logical_steps column_structure")
	plainCalls     = set("select with from where prewhere having by on using as in not and or between when then else case distinct all union over values interval explain " +
		"count countif sum sumif avg min max any anylast uniq uniqexact quantile median argmin argmax " +
		"now today yesterday todate todatetime todatetime64 tostartofminute tostartoffiveminutes tostartoftenminutes tostartoffifteenminutes tostartofhour tostartofday " +
		"tostartofweek tostartofmonth tostartofinterval tomonday toyyyymm toyyyymmdd tohour tointervalsecond tointervalminute tointervalhour tointervalday tointervalweek tointervalmonth " +
		"if multiif coalesce ifnull nullif tuple array has empty notempty length lower upper startswith endswith position like ilike match touint8 touint16 touint32 touint64 toint64 round floor intdiv")
)

// callsPlain tells whether nothing but plainCalls stands before a bracket, no || that joins strings, and no :: (as text,
// an array quotes the quotes of its strings: toString([toString([...])]) doubles at each level).
func (s *statement) callsPlain() bool {
	for i := range s.tokens {
		t := s.at(i)
		if s.at(i+1).punct("(") && t.identifier() && !plainCalls[strings.ToLower(t.text)] ||
			t.kind == tokenPunct && strings.HasPrefix(t.text, "|") || t.punct("::") {
			return false
		}
	}
	return true
}

// checkExplain reads EXPLAIN [kind] [option = number, ...] SELECT. Elsewhere than before a statement it is a name.
func (s *statement) checkExplain(i int) error {
	if i > 0 && !s.at(i-1).punct("(") || s.at(i+1).kind == tokenPunct && !s.at(i+1).punct("(") {
		return nil
	}
	if s.tokens[len(s.tokens)-1].end > maxExplained || s.longest > maxExplained/16 {
		return notForReader("EXPLAIN of so long a statement", "explain one of 16 KiB, with parameters of 1 KiB")
	}
	p := pattern{s, i + 1}
	p.word("AST", "SYNTAX", "PLAN", "PIPELINE", "ESTIMATE")
	for s.at(p.at).kind == tokenWord && s.at(p.at+1).punct("=") && s.at(p.at+2).kind == tokenNumber {
		if option := s.at(p.at).text; !explainOptions[option] && (!plainOptions[option] || !s.callsPlain()) {
			return notForReader("EXPLAIN with "+option,
				"what it adds has no bound, or none beside functions that may make long values of short ones")
		}
		if p.at += 3; s.at(p.at).punct(",") {
			p.at++
		}
	}
	for s.at(p.at).punct("(") {
		p.at++
	}
	if p.word("SELECT", "WITH", "FROM") {
		return nil
	}
	return notForReader("EXPLAIN of "+strings.ToUpper(s.at(p.at).text), "only a SELECT is explained")
}
