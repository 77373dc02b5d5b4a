package engine

import (
	"fmt"
	"strconv"
	"strings"
)

// A server has ClickHouse's parser before the engine; the library has clickhouse-client's, which does things that a
// server must not do for a stranger (INTO OUTFILE, FROM INFILE, several statements, "exit"). So a statement is cut into
// tokens here, and what the engine gets is written anew from these tokens (see render): it has no comment, no heredoc,
// no $, nothing outside of quotes that is not plain ASCII, and every string is quoted in one way. Whatever two lexers
// could read in two ways is refused, not guessed.

type tokenKind uint8

const (
	tokenWord   tokenKind = iota // bare identifier or keyword
	tokenQuoted                  // `identifier` or "identifier"
	tokenString                  // 'literal'
	tokenNumber
	tokenPunct // bracket, separator or operator
)

type token struct {
	kind       tokenKind
	start, end int    // in the query
	text       string // of tokenQuoted and tokenString: what it stands for, without quotes and escapes
}

// is says whether the token is this keyword.
func (t token) is(word string) bool { return t.kind == tokenWord && strings.EqualFold(t.text, word) }

func (t token) punct(p string) bool { return t.kind == tokenPunct && t.text == p }

// named says whether the token is this identifier, quoted or not.
func (t token) named(name string) bool { return t.identifier() && t.text == name }

func (t token) identifier() bool { return t.kind == tokenWord || t.kind == tokenQuoted }

// puncts are the operators, longest first.
var puncts = []string{"<=>", "::", "->", "||", "==", "!=", "<>", "<=", ">=",
	"(", ")", "[", "]", "{", "}", ",", ".", ";", ":", "?", "+", "-", "*", "/", "%", "=", "<", ">"}

// lexer yields one token at a time, so that an INSERT's data is never looked at.
type lexer struct {
	s    string
	pos  int
	last token
	left int // how many tokens it gives yet
}

// next returns false at the end of the text.
func (l *lexer) next() (t token, ok bool, err error) {
	l.skip()
	if l.pos >= len(l.s) {
		return token{}, false, nil
	}
	if l.left--; l.left < 0 {
		return token{}, false, errDeep
	}
	t = token{start: l.pos}
	switch c := l.s[l.pos]; {
	case isDigit(c), c == '.' && isDigit(l.at(1)) && !l.afterValue():
		err = l.number(&t)
	case isWord(c):
		for isWord(l.at(0)) {
			l.pos++
		}
		t.kind, t.text = tokenWord, l.s[t.start:l.pos]
		if l.at(0) == '\'' && strings.Contains("xXbB", t.text) {
			err = syntaxError(t.text + "'...': write unhex('...')")
		}
	case c == '\'' || c == '`' || c == '"':
		err = l.quoted(&t, c)
	default:
		err = l.operator(&t)
	}
	t.end, l.last = l.pos, t
	return t, true, err
}

// rest appends all tokens to the end of the text.
func (l *lexer) rest(tokens []token) ([]token, error) {
	for {
		t, ok, err := l.next()
		if err != nil || !ok {
			return tokens, err
		}
		tokens = append(tokens, t)
	}
}

// at is the byte n places on, 0 past the end.
func (l *lexer) at(n int) byte {
	if l.pos+n < len(l.s) {
		return l.s[l.pos+n]
	}
	return 0
}

// skip passes over white space and comments. A comment never reaches the engine, so it need not end where ClickHouse would
// end it.
func (l *lexer) skip() {
	for l.pos < len(l.s) {
		rest := l.s[l.pos:]
		switch {
		case strings.IndexByte(" \t\r\n\f\v", rest[0]) >= 0:
			l.pos++
		case strings.HasPrefix(rest, "--"), strings.HasPrefix(rest, "#!"), strings.HasPrefix(rest, "# "):
			l.past(rest, "\n")
		case strings.HasPrefix(rest, "/*"):
			l.pos += 2
			l.past(rest[2:], "*/")
		default:
			return
		}
	}
}

func (l *lexer) past(rest, end string) {
	if i := strings.Index(rest, end); i >= 0 {
		l.pos += i + len(end)
	} else {
		l.pos = len(l.s)
	}
}

// afterValue says whether a dot here takes an element of what stands before it.
func (l *lexer) afterValue() bool {
	if l.last.kind == tokenPunct {
		return l.last.text == ")" || l.last.text == "]"
	}
	return l.pos > 0 && (l.last.kind != tokenWord || !beforeValue[strings.ToLower(l.last.text)])
}

// beforeValue are words that a value follows, as .5 in SELECT .5.
var beforeValue = set("and between by case distinct div else having in like limit mod not offset on or prewhere select then when where")

// number reads 1, 1_000, 1.5, .5, 1e-3 and 0xff; after a dot, as in tuple.1.2, digits only.
func (l *lexer) number(t *token) error {
	t.kind = tokenNumber
	digits := func(is func(byte) bool) bool {
		from := l.pos
		for is(l.at(0)) || l.at(0) == '_' && l.pos > from && is(l.at(-1)) && is(l.at(1)) {
			l.pos++
		}
		return l.pos > from
	}
	good := true
	switch {
	case l.last.punct(".") && t.start > 0:
		good = digits(isDigit)
	case l.at(0) == '0' && (l.at(1) == 'x' || l.at(1) == 'X'):
		l.pos += 2
		good = digits(isHex)
	default:
		digits(isDigit)
		if l.at(0) == '.' {
			l.pos++
			good = digits(isDigit)
		}
		if good && (l.at(0) == 'e' || l.at(0) == 'E') {
			l.pos++
			if l.at(0) == '+' || l.at(0) == '-' {
				l.pos++
			}
			good = digits(isDigit)
		}
		good = good && l.at(0) != '.'
	}
	if !good || isWord(l.at(0)) {
		return syntaxError(fmt.Sprintf("a number cannot be read: %.40q", l.s[t.start:min(len(l.s), l.pos+1)]))
	}
	if t.text = strings.ReplaceAll(l.s[t.start:l.pos], "_", ""); t.text[0] == '.' {
		t.text = "0" + t.text
	}
	return nil
}

// quoted undoes the escapes as ClickHouse's ReadHelpers.cpp does. \x must have its two digits.
func (l *lexer) quoted(t *token, q byte) error {
	t.kind = tokenQuoted
	if q == '\'' {
		t.kind = tokenString
	}
	var b strings.Builder
	for l.pos++; l.pos < len(l.s); l.pos++ {
		switch c := l.s[l.pos]; {
		case c == '\\':
			l.pos++
			switch e := l.at(0); {
			case e == 'x':
				v, err := strconv.ParseUint(l.s[min(len(l.s), l.pos+1):min(len(l.s), l.pos+3)], 16, 8)
				if err != nil || !isHex(l.at(2)) {
					return syntaxError(`\x without two hexadecimal digits`)
				}
				b.WriteByte(byte(v))
				l.pos += 2
			case e == 'N': // nothing, as in ClickHouse
			case strings.IndexByte("abefnrtv0", e) >= 0:
				b.WriteByte("\a\b\x1b\f\n\r\t\v\x00"[strings.IndexByte("abefnrtv0", e)])
			case strings.IndexByte("\\'\"`/", e) >= 0 || e < ' ' || e == 0x7f:
				b.WriteByte(e)
			default: // LIKE's \% and a regular expression's \d stay as they are
				b.WriteByte('\\')
				b.WriteByte(e)
			}
		case c == q && l.at(1) == q:
			b.WriteByte(c)
			l.pos++
		case c == q:
			l.pos++
			t.text = b.String()
			return nil
		default:
			b.WriteByte(c)
		}
	}
	return syntaxError("a quotation mark is not closed")
}

func (l *lexer) operator(t *token) error {
	for _, p := range puncts {
		if strings.HasPrefix(l.s[l.pos:], p) {
			l.pos += len(p)
			t.kind, t.text = tokenPunct, p
			return nil
		}
	}
	switch c := l.s[l.pos]; {
	case c == '$':
		return syntaxError("$ outside of quotation marks: quote the name, and write strings between '...'")
	case c >= 0x80:
		return syntaxError(fmt.Sprintf("%q outside of quotation marks: there only ASCII is taken, with blanks and quotation marks from the keyboard",
			[]rune(l.s[l.pos:min(len(l.s), l.pos+4)])[0]))
	default:
		return syntaxError(fmt.Sprintf("%q is not taken outside of quotation marks", c))
	}
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isHex(c byte) bool { return isDigit(c) || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F' }

func isWord(c byte) bool {
	return c == '_' || isDigit(c) || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// render writes the tokens for the engine.
func render(tokens []token) string {
	var b strings.Builder
	for i, t := range tokens {
		if i > 0 && spaced(tokens[i-1], t) {
			b.WriteByte(' ')
		}
		switch t.kind {
		case tokenQuoted:
			b.WriteString(quoteWith('`', t.text))
		case tokenString:
			b.WriteString(quote(t.text))
		default:
			b.WriteString(t.text)
		}
	}
	return b.String()
}

// spaced says whether a blank stands between two tokens: everywhere but where plainly none is needed.
func spaced(a, b token) bool {
	switch {
	case b.punct(","), b.punct(")"), b.punct("]"), a.punct("("), a.punct("["):
		return false
	case b.punct("("):
		return !a.identifier()
	case a.punct("."):
		return !b.identifier()
	case b.punct("."):
		return !a.identifier()
	}
	return true
}

// quote makes a string literal.
func quote(s string) string { return quoteWith('\'', s) }

func quoteWith(q byte, s string) string {
	var b strings.Builder
	b.WriteByte(q)
	for i := range len(s) {
		switch c := s[i]; {
		case c == q || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < ' ' || c == 0x7f:
			fmt.Fprintf(&b, `\x%02x`, c)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte(q)
	return b.String()
}
