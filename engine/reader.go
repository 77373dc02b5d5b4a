package engine

import (
	"errors"
	"fmt"
	"strings"
)

// The reader's wall.
//
// readonly = 1 is not enough in this library: under it file('path') reads any file, INTO OUTFILE writes one, DESCRIBE
// of a table function opens connections, a setting can hold an SQL expression. So a statement of the reader is sent
// only where every name in it is on a list of what the reader may use:
//
//   - It is one SELECT, or one of the forms of SHOW, DESCRIBE, EXISTS and EXPLAIN in reader_forms.go.
//   - It is sent as written anew from its tokens (lex.go), so what was looked at here is what the engine reads.
//   - A name before an opening bracket is a function, a table function or a type of the lists, wherever it stands. A name by
//     itself is not that of a function that is not on them: arrayMap(file, ...) calls file.
//   - The first of several names joined by dots is not a database, but for bouncehouse and for some tables of system,
//     wherever it stands: in FROM, in IN, in a function's arguments. What has no dot is a table of bouncehouse, or a column.
//   - SETTINGS and FORMAT are taken out. The settings are of the list in reader_settings.go, each with a check of its value;
//     FORMAT is the server's to send. INTO is refused.
//   - What it could grow to in the engine is bounded (reader_weight.go).
//   - The type of a query's parameter is not Identifier, and its value goes to the engine as a value.
//
// No rule asks what part of the statement a name stands in, so none can be misled about it. The price is that some
// harmless names must be avoided (an alias "file" that is used again) and that lambdas by a name of their own and
// parametrized views are not served.

// known is what the wall must know of the engine.
type known struct {
	refused   map[string]bool                 // functions that are not on the list, in lower case
	databases func() (map[string]bool, error) // all there are, in lower case
}

func notForReader(what, hint string) *Error {
	return newError(fmt.Sprintf("Code: 497. DB::Exception: %s: Not enough privileges: %.100s is not for the reader: %s (see \"The reader account\" in README). (ACCESS_DENIED)", Reader, what, hint))
}

// ClickHouse's UNKNOWN_TABLE and UNKNOWN_DATABASE.
const (
	unknownTable    = 60
	unknownDatabase = 81
)

// withoutHint takes out of an error the name that ClickHouse guesses: of a table or a database that may not be the
// reader's.
func withoutHint(err error) error {
	var e *Error
	if errors.As(err, &e) && (e.Code == unknownTable || e.Code == unknownDatabase) {
		text, _, _ := strings.Cut(e.Text, " Maybe you meant ")
		return newError(text)
	}
	return err
}

var errReadonly = newError("Code: 164. DB::Exception: " + Reader +
	": Cannot execute query in readonly mode. (READONLY)")

// forReader checks a statement, and takes its settings and its format out of it.
func (s *statement) forReader(k known) error {
	if !s.reads {
		return errReadonly
	}
	if err := s.liftSettings(); err != nil {
		return err
	}
	if err := s.liftFormat(); err != nil {
		return err
	}
	if err := s.checkForm(); err != nil {
		return err
	}
	if err := s.checkWeight(); err != nil {
		return err
	}
	databases := lazily(k.databases)
	for i := 0; i < len(s.tokens); i++ {
		var err error
		switch t := s.tokens[i]; {
		case t.punct("{"):
			i, err = s.checkParameter(i)
		case t.punct("}"):
			err = syntaxError("} without a query parameter: only {name:Type} is taken between braces")
		case t.punct("."):
			err = s.checkDot(i)
		case t.identifier():
			err = s.checkName(i, k.refused, databases)
		case t.kind == tokenString && s.at(i-1).is("UUID"):
			err = notForReader("a table by its UUID", "name it")
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// at is a token, or an empty one outside of the statement.
func (s *statement) at(i int) token {
	if i < 0 || i >= len(s.tokens) {
		return token{kind: tokenPunct}
	}
	return s.tokens[i]
}

// checkDot says whether a dot joins names, or takes an element.
func (s *statement) checkDot(i int) error {
	before, after := s.at(i-1), s.at(i+1)
	if (before.identifier() || before.kind == tokenNumber || before.punct(")") || before.punct("]")) &&
		(after.identifier() || after.kind == tokenNumber || after.punct("*")) {
		return nil
	}
	return syntaxError("a dot stands between names, or before the number of a tuple's element")
}

// checkName looks at the name at i, with those that dots join to it.
func (s *statement) checkName(i int, refused map[string]bool, databases func() (map[string]bool, error)) error {
	t, before, after := s.tokens[i], s.at(i-1), s.at(i+1)
	word := strings.ToUpper(t.text)
	switch {
	case t.kind == tokenWord && word == "EXPLAIN" && !before.punct(".") && !after.punct("."):
		return s.checkExplain(i)
	case before.punct("::") && plainType(s.tokens[i:]) == 0:
		return errCast
	case word == "CAST" || typed[strings.ToLower(t.text)] && after.punct("("):
		return s.checkCast(i)
	case after.punct("("):
		if before.punct(".") || !callable(t) {
			return notForReader(t.text+"()",
				"its functions are those that read nothing but their arguments, its table functions numbers, zeros, generateSeries and view")
		}
		return nil
	case before.punct("."):
		return nil
	case t.kind == tokenWord && (word == "INTO" || word == "INSERT" || word == "PARALLEL" || word == "SETTINGS" ||
		word == "FORMAT" || word == "OVERRIDE"):
		return notForReader(word+" here", "where it is a name, put it between backquotes")
	case combined(refused, strings.ToLower(t.text), combinators, true) && !before.is("AS") && !after.punct("."):
		return notForReader(t.text,
			"it is a function that does more than read its arguments; as an alias, choose another name")
	}
	parts := strings.Split(t.text, ".")         // `system.one` is one name to the engine, but why trust in it
	if parts[0] == "system" && len(parts) > 1 { // additional_table_filters goes by aliases too
		return notForReader("`"+t.text+"` as one name", "quote the parts")
	}
	for j := i + 1; len(parts) < 2 && s.at(j).punct("."); j += 2 {
		parts = append(parts, s.at(j+1).text)
	}
	if len(parts) < 2 || parts[0] == Database {
		return nil
	}
	if parts[0] == "system" && systemTables[parts[1]] {
		if parts[1] == "processes" { // each is replaced by a list that may be long
			if s.processes++; s.processes > 4 {
				return notForReader("system.processes so often", "read it once")
			}
		}
		return nil
	}
	ds, err := databases()
	if err != nil {
		return err
	}
	if ds[strings.ToLower(parts[0])] || hiddenDatabases[strings.ToLower(parts[0])] {
		return notForReader(parts[0]+"."+parts[1], "its tables are those of "+Database+
			", and of system what tells of them")
	}
	return nil
}

// typed are functions whose last argument is a type.
var typed = set("jsonextract jsonextractcaseinsensitive jsonextractkeysandvalues jsonextractkeysandvaluescaseinsensitive reinterpret variantelement")

var errCast = notForReader("CAST to this type", "take a plain type, as a literal")

// checkCast lets CAST(x AS T) and CAST(x, 'T') pass, where T is of the plain types: the engine believes the bytes of an
// AggregateFunction's state, and a Geometry written as Parquet ends its process. A type that is computed is not known
// here. So it does with the functions that are typed.
func (s *statement) checkCast(i int) error {
	last, depth, as := 0, 0, false
	for j := i + 1; ; j++ {
		switch t := s.at(j); {
		case j >= len(s.tokens):
			return nil // the engine finds the bracket open
		case j == i+1 && !t.punct("("):
			return notForReader(s.at(i).text+" by itself", "write "+s.at(i).text+"(x, 'Type')")
		case t.punct("("), t.punct("["), t.punct("{"):
			depth++
		case t.punct(","):
			if depth == 1 {
				last = j + 1
			}
		case depth == 1 && t.is("AS"):
			if as = plainType(s.tokens[j+1:]) > 0; !as {
				return errCast
			}
		case t.punct(")"), t.punct("]"), t.punct("}"):
			if depth--; depth > 0 {
				continue
			}
			if last == 0 && as || last > 0 && j == last+1 && s.typeWithin(last) {
				return nil
			}
			return errCast
		}
	}
}

// plainType is how many tokens the type takes that they begin with, 0 where it is none whose words are all of the list.
func plainType(tokens []token) int {
	for i, depth := 0, 0; i < len(tokens); i++ {
		switch t := tokens[i]; {
		case t.kind == tokenWord && types[strings.ToLower(t.text)]:
		case i == 0:
			return 0
		case t.punct("("):
			depth++
		case depth > 0 && t.punct(")"):
			depth--
		case depth > 0 && (t.kind == tokenString || t.kind == tokenNumber || t.punct(",") || t.punct("=") ||
			t.punct("-")):
		default:
			return 0
		}
		if after := i + 1; depth == 0 && (after == len(tokens) || !tokens[after].punct("(") || tokens[i].punct(")")) {
			return after
		}
	}
	return 0
}

// typeWithin says whether the string at i is one plain type, and has it written anew from its tokens.
func (s *statement) typeWithin(i int) bool {
	if s.tokens[i].kind != tokenString {
		return false
	}
	l := lexer{s: s.tokens[i].text, left: maxDepth}
	inner, err := l.rest(nil)
	if err != nil || len(inner) == 0 || plainType(inner) < len(inner) {
		return false
	}
	s.tokens[i].text = render(inner)
	return true
}

// checkParameter reads {name:Type} and returns where it ends.
func (s *statement) checkParameter(i int) (int, error) {
	if s.at(i+1).kind != tokenWord || !s.at(i+2).punct(":") || s.at(i+3).kind != tokenWord {
		return i, syntaxError("only {name:Type} is taken between braces")
	}
	n := plainType(s.tokens[i+3:])
	if n == 0 || !s.at(i+3+n).punct("}") {
		return i, notForReader("a query parameter of type "+s.at(i+3).text,
			"take String, a number, a date, or an Array, Map or Tuple of them")
	}
	return i + 3 + n, nil
}

// lazily asks once.
func lazily(f func() (map[string]bool, error)) func() (map[string]bool, error) {
	var m map[string]bool
	return func() (map[string]bool, error) {
		var err error
		if m == nil {
			m, err = f()
		}
		return m, err
	}
}
