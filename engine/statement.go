package engine

import (
	"regexp"
	"strings"
)

// statement is what the server must know of a query before the engine sees it.
type statement struct {
	text   string
	format string // of the output, or of the data, as the query's FORMAT says; empty where it does not
	reads  bool   // SELECT, SHOW, DESCRIBE, EXPLAIN, EXISTS, CHECK: nothing is changed, and it may be stopped when the client goes

	insert   bool // INSERT with data: text[:infile] + FROM INFILE + text[infile:formatAt] + FORMAT
	infile   int  // where FROM INFILE belongs
	formatAt int  // where FORMAT or VALUES stands, or the end of the statement
	dataAt   int  // where data in the text begins, after FORMAT x or VALUES

	kill      *selector // KILL QUERY WHERE query_id ...
	processes [][2]int  // where system.processes stands
	tokens    []token   // of reading statements
}

// selector picks running queries by their id.
type selector struct {
	match func(id string) bool
	test  bool // KILL ... TEST only shows
	async bool
}

// reading and changing are the words that statements begin with. What begins otherwise is refused: clickhouse-client's own
// commands ("exit") and bare expressions.
const (
	readingWords  = " SELECT WITH FROM SHOW DESCRIBE DESC EXPLAIN EXISTS CHECK "
	changingWords = " INSERT CREATE ALTER DROP DETACH ATTACH RENAME EXCHANGE REPLACE TRUNCATE OPTIMIZE SET USE SYSTEM KILL GRANT REVOKE DELETE UPDATE UNDROP BACKUP RESTORE MOVE "
)

var errInfile = newError("Code: 344. DB::Exception: FROM INFILE and INTO OUTFILE are not allowed over HTTP. (SUPPORT_IS_DISABLED)")

func syntaxError(text string) *Error {
	return newError("Code: 62. DB::Exception: Syntax error: " + text + ". (SYNTAX_ERROR)")
}

// parseStatement looks at a query as far as its data, if it has any.
func parseStatement(text string) (*statement, error) {
	l := lexer{s: text}
	first, ok := l.next()
	depth := 0
	for ok && first.punct('(') { // (SELECT 1) UNION ALL ...
		depth++
		first, ok = l.next()
	}
	if !ok {
		return nil, syntaxError("empty query")
	}
	word := " " + strings.ToUpper(first.text) + " "
	s := &statement{text: text, reads: first.kind == tokenWord && strings.Contains(readingWords, word)}
	if !s.reads && (first.kind != tokenWord || !strings.Contains(changingWords, word)) {
		return nil, syntaxError("a statement expected")
	}
	if first.is("INSERT") {
		return s, s.parseInsert(&l)
	}
	tokens := []token{first}
	for t, ok := l.next(); ok; t, ok = l.next() {
		if t.kind == tokenBroken {
			return nil, syntaxError("an unclosed or unknown quotation mark, or NUL")
		}
		tokens = append(tokens, t)
	}
	for len(tokens) > 0 && tokens[len(tokens)-1].punct(';') {
		tokens = tokens[:len(tokens)-1]
	}
	s.text = text[:tokens[len(tokens)-1].end]
	return s, s.parseTokens(tokens, depth)
}

func (s *statement) parseTokens(tokens []token, depth int) error {
	s.tokens = tokens
	for i, t := range tokens {
		switch {
		case t.punct('('):
			depth++
		case t.punct(')'):
			depth--
		case t.punct(';'):
			return syntaxError("multi-statements are not allowed")
		case i > 0 && t.is("OUTFILE") && tokens[i-1].is("INTO"):
			return newError("Code: 358. DB::Exception: INTO OUTFILE is not allowed. (INTO_OUTFILE_NOT_ALLOWED)")
		case i > 0 && t.is("INTO") && tokens[i-1].is("INSERT"): // WITH x AS (...) INSERT INTO
			s.reads = false
		case i > 0 && t.is("INFILE") && tokens[i-1].is("FROM"):
			return errInfile
		case depth == 0 && i > 0 && tokens[i-1].is("FORMAT") && t.kind == tokenWord:
			s.format = t.text
		case i > 1 && t.named("processes") && tokens[i-1].punct('.') && tokens[i-2].named("system"):
			s.processes = append(s.processes, [2]int{tokens[i-2].start, t.end})
		}
	}
	if tokens[0].is("KILL") {
		return s.parseKill(tokens[1:])
	}
	return nil
}

// named says whether the token is this identifier, quoted or not.
func (t token) named(name string) bool {
	return (t.kind == tokenWord || t.kind == tokenQuoted && !t.escaped) && t.text == name
}

// parseInsert finds where an INSERT's data begins:
// INSERT INTO [TABLE] [FUNCTION] name [(columns)] [PARTITION BY x] [SETTINGS ...] {FORMAT x data | VALUES data | SELECT ...}
func (s *statement) parseInsert(l *lexer) error {
	depth, settings := 0, -1
	var before token
	for t, ok := l.next(); ok; t, ok = l.next() {
		switch {
		case t.kind == tokenBroken:
			return syntaxError("an unclosed or unknown quotation mark, or NUL")
		case t.is("INFILE") && before.is("FROM"), t.is("OUTFILE") && before.is("INTO"):
			return errInfile
		case t.punct('('):
			depth++
		case t.punct(')'):
			depth--
		case t.punct(';') && depth == 0:
			return s.endInsert(l, before, settings)
		case depth > 0, before.is("INTO"), before.is("TABLE"), before.punct('.'): // the table's name may be any word
		case t.is("SETTINGS") && settings < 0:
			settings = t.start
		case t.is("VALUES"):
			s.insert, s.format, s.formatAt, s.dataAt = true, "Values", t.start, t.end
			s.setInfile(settings)
			return nil
		case t.is("FORMAT"):
			name, ok := l.next()
			if !ok || name.kind != tokenWord {
				return syntaxError("a format's name expected after FORMAT")
			}
			s.insert, s.format, s.formatAt, s.dataAt = true, name.text, t.start, name.end
			// One line end or the blanks before it belong to the statement, and so does a semicolon.
			for s.dataAt < len(s.text) && strings.IndexByte(" \t\r;", s.text[s.dataAt]) >= 0 {
				s.dataAt++
			}
			if s.dataAt < len(s.text) && s.text[s.dataAt] == '\n' {
				s.dataAt++
			}
			s.setInfile(settings)
			return nil
		case t.is("SELECT"), t.is("WITH"), t.is("FROM"), t.is("WATCH"):
			return s.parseInsertSelect()
		}
		if depth == 1 && before.punct('(') && (t.is("SELECT") || t.is("WITH")) {
			return s.parseInsertSelect()
		}
		before = t
	}
	return s.endInsert(l, before, settings)
}

// endInsert is for an INSERT that names no format: the request's default format holds.
func (s *statement) endInsert(l *lexer, last token, settings int) error {
	if _, more := l.next(); more {
		return syntaxError("multi-statements are not allowed")
	}
	if last.end == 0 {
		return syntaxError("INSERT INTO expected")
	}
	s.insert, s.formatAt, s.dataAt = true, last.end, len(s.text)
	s.setInfile(settings)
	return nil
}

// setInfile puts FROM INFILE before SETTINGS, where there are any.
func (s *statement) setInfile(settings int) {
	s.infile = s.formatAt
	if settings >= 0 {
		s.infile = settings
	}
}

// parseInsertSelect reads an INSERT ... SELECT whole: it has no data, and the words of the other statements are sought in it.
func (s *statement) parseInsertSelect() error {
	l := lexer{s: s.text}
	var tokens []token
	for t, ok := l.next(); ok; t, ok = l.next() {
		if t.kind == tokenBroken {
			return syntaxError("an unclosed or unknown quotation mark, or NUL")
		}
		tokens = append(tokens, t)
	}
	for tokens[len(tokens)-1].punct(';') {
		tokens = tokens[:len(tokens)-1]
	}
	s.text = s.text[:tokens[len(tokens)-1].end]
	return s.parseTokens(tokens, 0)
}

// insertFrom is the INSERT with its data in a file.
func (s *statement) insertFrom(path, compression, defaultFormat string) string {
	format := s.format
	if format == "" {
		format = defaultFormat
	}
	q := s.text[:s.infile] + " FROM INFILE '" + path + "'"
	if compression != "" {
		q += " COMPRESSION '" + compression + "'"
	}
	return q + " " + s.text[s.infile:s.formatAt] + " FORMAT " + format
}

// parseKill reads QUERY WHERE query_id {=|LIKE|IN} 'literal' [SYNC|ASYNC|TEST] [FORMAT x]; and KILL MUTATION, which is the
// engine's own business. Queries run under the engine's ids, not the clients': the server answers for them, and only by id.
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
		v := rest[0].unquote()
		rest = rest[1:]
		return v, true
	}
	switch {
	case t[3].punct('='):
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
		sel.match = re.MatchString
	case t[3].is("IN") && len(rest) > 0 && rest[0].punct('('):
		ids := map[string]bool{}
		for len(rest) > 0 && (rest[0].punct('(') || rest[0].punct(',')) {
			rest = rest[1:]
			v, ok := one()
			if !ok {
				return refused
			}
			ids[v] = true
		}
		if len(rest) == 0 || !rest[0].punct(')') {
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

// forReader refuses what `readonly = 1` lets pass in this engine (26.5, tried): file('path') as a scalar function reads any
// file, DESCRIBE of a table function reads files and the network, KILL QUERY ends the writer's queries.
func (s *statement) forReader(tableFunctions map[string]bool) error {
	if !s.reads {
		return newError("Code: 164. DB::Exception: " + Reader + ": Cannot execute query in readonly mode. (READONLY)")
	}
	for i, t := range s.tokens {
		if t.kind != tokenWord && t.kind != tokenQuoted {
			continue
		}
		name := strings.ToLower(t.text)
		call := i+1 < len(s.tokens) && s.tokens[i+1].punct('(')
		if t.kind == tokenQuoted && t.escaped && (call || strings.Contains(t.text, `\`)) || name == "file" || call && tableFunctions[name] {
			return newError("Code: 497. DB::Exception: " + Reader + ": Not enough privileges: `" + t.text + "` is not for the reader. (ACCESS_DENIED)")
		}
	}
	return nil
}
