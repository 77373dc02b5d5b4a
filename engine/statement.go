package engine

import "strings"

// statement is what the server must know of a query before the engine sees it. What the engine gets is render of its
// tokens.
type statement struct {
	tokens []token
	format string // of the output, or of the data, as the query's FORMAT says; empty where it does not
	// SELECT, SHOW, DESCRIBE, EXPLAIN, EXISTS, CHECK: nothing is changed, and it may be stopped when the client goes
	reads bool

	insert   bool // INSERT with data: tokens[:infile] + FROM INFILE + tokens[infile:] + FORMAT
	infile   int
	dataAt   int // where data in the text begins, after FORMAT x or VALUES
	formatAt int // of the output: where FORMAT stands, or the end

	kill      *selector         // KILL QUERY WHERE query_id ...
	settings  map[string]string // of the reader: what the SETTINGS clauses said, which are taken out
	processes int               // of the reader: how often system.processes stands in it
	longest   int               // of the reader: bytes of the longest parameter
}

// reading and changing are the words that statements begin with. What begins otherwise is refused: clickhouse-client's
// own commands ("exit") and bare expressions.
const (
	readingWords  = " SELECT WITH FROM SHOW DESCRIBE DESC EXPLAIN EXISTS CHECK "
	changingWords = " INSERT CREATE ALTER DROP DETACH ATTACH RENAME EXCHANGE REPLACE TRUNCATE OPTIMIZE SET USE SYSTEM KILL GRANT REVOKE DELETE UPDATE UNDROP BACKUP RESTORE MOVE "
)

// Bounds of one statement. ClickHouse's parser goes down into brackets by calling itself; its planner ends the process
// where 6,000 words join thousands of tables, 3,000 do not.
const (
	maxTokens    = 200_000
	readerTokens = 6000
	maxDepth     = 200
)

var (
	errInfile = newError("Code: 344. DB::Exception: FROM INFILE and INTO OUTFILE are not allowed over HTTP. (SUPPORT_IS_DISABLED)")
	errMulti  = syntaxError("multi-statements are not allowed")
)

func syntaxError(text string) *Error {
	return newError("Code: 62. DB::Exception: Syntax error: " + text + ". (SYNTAX_ERROR)")
}

// parseStatement looks at a query as far as its data, if it has any. It has at most so many tokens.
func parseStatement(text string, most int) (*statement, error) {
	s := &statement{}
	l := lexer{s: text, left: most}
	first := 0
	for { // (SELECT 1) UNION ALL ...
		t, ok, err := l.next()
		if err != nil {
			return nil, err
		}
		if !ok {
			return nil, syntaxError("empty query")
		}
		s.tokens = append(s.tokens, t)
		if !t.punct("(") {
			break
		}
		if first++; first > maxDepth {
			return nil, errDeep
		}
	}
	t := s.tokens[first]
	word := " " + strings.ToUpper(t.text) + " "
	s.reads = t.kind == tokenWord && strings.Contains(readingWords, word)
	if !s.reads && (first > 0 || t.kind != tokenWord || !strings.Contains(changingWords, word)) {
		return nil, syntaxError("a statement expected")
	}
	if t.is("INSERT") {
		return s, s.parseInsert(&l)
	}
	return s, s.parseRest(&l)
}

var errDeep = syntaxError("too long, or too many brackets in one another")

// parseRest reads a statement that has no data to its end.
func (s *statement) parseRest(l *lexer) (err error) {
	if s.tokens, err = l.rest(s.tokens); err != nil {
		return err
	}
	for s.tokens[len(s.tokens)-1].punct(";") {
		s.tokens = s.tokens[:len(s.tokens)-1]
	}
	s.formatAt = len(s.tokens)
	depth := 0
	for i, t := range s.tokens {
		var before token
		if i > 0 {
			before = s.tokens[i-1]
		}
		switch {
		case t.punct("("), t.punct("["), t.punct("{"):
			if depth++; depth > maxDepth {
				return errDeep
			}
		case t.punct(")"), t.punct("]"), t.punct("}"):
			if depth--; depth < 0 {
				return syntaxError("a closing bracket without an opening one")
			}
		case t.punct(";"):
			return errMulti
		case t.is("OUTFILE") && before.is("INTO"):
			return newError("Code: 358. DB::Exception: INTO OUTFILE is not allowed. (INTO_OUTFILE_NOT_ALLOWED)")
		case t.is("INFILE") && before.is("FROM"):
			return errInfile
		case t.is("INTO") && before.is("INSERT"): // WITH x AS (...) INSERT INTO
			s.reads = false
		case depth == 0 && before.is("FORMAT") && t.kind == tokenWord:
			s.format, s.formatAt = t.text, i-1
		}
	}
	if s.tokens[0].is("KILL") {
		return s.parseKill(s.tokens[1:])
	}
	return nil
}

// parseInsert finds where an INSERT's data begins: INSERT INTO [TABLE] [FUNCTION] name [(columns)] [PARTITION BY x]
// [SETTINGS ...] {FORMAT x data | VALUES data | SELECT ...}
func (s *statement) parseInsert(l *lexer) error {
	depth := 0
	for {
		t, ok, err := l.next()
		if err != nil {
			return err
		}
		if !ok {
			return s.endInsert(l)
		}
		before := s.tokens[len(s.tokens)-1]
		switch {
		case t.is("INFILE") && before.is("FROM"), t.is("OUTFILE") && before.is("INTO"):
			return errInfile
		case t.punct("("):
			depth++
		case t.punct(")"):
			depth--
		case t.punct(";") && depth == 0:
			return s.endInsert(l)
		case depth == 1 && before.punct("(") && (t.is("SELECT") || t.is("WITH")):
			return s.parseInsertSelect(l, t)
		case depth > 0, before.is("INTO"), before.is("TABLE"), before.punct("."): // the table's name may be any word
		case t.is("SETTINGS") && s.infile == 0:
			s.infile = len(s.tokens)
		case t.is("VALUES"):
			s.format = "Values"
			s.startData(t.end)
			return nil
		case t.is("FORMAT"):
			name, ok, err := l.next()
			if err != nil || !ok || name.kind != tokenWord {
				return syntaxError("a format's name expected after FORMAT")
			}
			s.format = name.text
			// One line end or the blanks before it belong to the statement, and so does a semicolon.
			at := name.end
			for at < len(l.s) && strings.IndexByte(" \t\r;", l.s[at]) >= 0 {
				at++
			}
			if at < len(l.s) && l.s[at] == '\n' {
				at++
			}
			s.startData(at)
			return nil
		case t.is("SELECT"), t.is("WITH"), t.is("FROM"), t.is("WATCH"):
			return s.parseInsertSelect(l, t)
		}
		if depth > maxDepth {
			return errDeep
		}
		s.tokens = append(s.tokens, t)
	}
}

// parseInsertSelect reads an INSERT ... SELECT whole: it has no data.
func (s *statement) parseInsertSelect(l *lexer, t token) error {
	s.tokens, s.infile = append(s.tokens, t), 0
	return s.parseRest(l)
}

// endInsert is for an INSERT that names no format: the request's default format holds.
func (s *statement) endInsert(l *lexer) error {
	if _, more, err := l.next(); more || err != nil {
		return errMulti
	}
	if len(s.tokens) < 2 {
		return syntaxError("INSERT INTO expected")
	}
	s.startData(len(l.s))
	return nil
}

// startData ends the statement before its data. FROM INFILE belongs before SETTINGS, where there are any.
func (s *statement) startData(at int) {
	s.insert, s.dataAt = true, at
	if s.infile == 0 {
		s.infile = len(s.tokens)
	}
}

// insertFrom is the INSERT with its data in a file.
func (s *statement) insertFrom(path, compression, format string) string {
	q := render(s.tokens[:s.infile]) + " FROM INFILE " + quote(path)
	if compression != "" {
		q += " COMPRESSION " + quote(compression)
	}
	return q + " " + render(s.tokens[s.infile:]) + " FORMAT " + format
}

// into is the query with these words about its output in place of its own.
func (s *statement) into(words string) string {
	rest := s.tokens[s.formatAt:]
	if len(rest) >= 2 {
		rest = rest[2:]
	}
	return render(s.tokens[:s.formatAt]) + " " + words + " " + render(rest)
}
