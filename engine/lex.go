package engine

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// A server has ClickHouse's parser before the engine; the library has clickhouse-client's, which does things that a server
// must not do for a stranger (INTO OUTFILE, FROM INFILE, several statements, "exit"). So the text is cut into tokens here, by
// the rules of ClickHouse's Lexer.cpp, as far as needed to tell statements apart and to find those words. Where a text could
// be read in two ways, the lexer reports more code, never less: comments end at the first "*/".

type tokenKind uint8

const (
	tokenWord   tokenKind = iota // bare identifier, keyword or number
	tokenQuoted                  // `identifier` or "identifier"
	tokenString                  // 'literal' or heredoc
	tokenPunct                   // any other single byte
	tokenBroken                  // an unclosed quote, or something that this lexer does not claim to understand
)

type token struct {
	kind       tokenKind
	start, end int    // in the query
	text       string // word, punctuation: as written; quoted, string: what is between the quotes, unescaped only where told by escaped
	escaped    bool   // the quotes hold a backslash or a doubled quote
}

// is says whether the token is this keyword.
func (t token) is(word string) bool { return t.kind == tokenWord && strings.EqualFold(t.text, word) }

func (t token) punct(b byte) bool { return t.kind == tokenPunct && t.text[0] == b }

// lexer yields one token at a time, so that an INSERT's data is never looked at.
type lexer struct {
	s   string
	pos int
}

// next returns false at the end of the text.
func (l *lexer) next() (token, bool) {
	l.skip()
	if l.pos >= len(l.s) {
		return token{}, false
	}
	start, c := l.pos, l.s[l.pos]
	switch {
	case isWord(c):
		for l.pos < len(l.s) && isWord(l.s[l.pos]) {
			l.pos++
		}
		return token{kind: tokenWord, start: start, end: l.pos, text: l.s[start:l.pos]}, true
	case c == '\'' || c == '`' || c == '"':
		return l.quoted(c), true
	case c == '$':
		if t, ok := l.heredoc(); ok {
			return t, true
		}
	case c == 0, c >= 0x80:
		// ClickHouse ends a query at NUL, takes typographic quotes for quotes, and has no other bare words than ASCII.
		l.pos++
		return token{kind: tokenBroken, start: start, end: l.pos}, true
	}
	l.pos++
	return token{kind: tokenPunct, start: start, end: l.pos, text: l.s[start:l.pos]}, true
}

// skip passes over white space and comments.
func (l *lexer) skip() {
	for l.pos < len(l.s) {
		rest := l.s[l.pos:]
		switch {
		case strings.IndexByte(" \t\r\n\f\v", rest[0]) >= 0:
			l.pos++
		case strings.HasPrefix(rest, "--"), strings.HasPrefix(rest, "#!"), strings.HasPrefix(rest, "# "):
			if i := strings.IndexByte(rest, '\n'); i >= 0 {
				l.pos += i + 1
			} else {
				l.pos = len(l.s)
			}
		case strings.HasPrefix(rest, "/*"):
			if i := strings.Index(rest[2:], "*/"); i >= 0 {
				l.pos += i + 4
			} else {
				l.pos = len(l.s)
			}
		default:
			c, n := utf8.DecodeRuneInString(rest)
			if c < 0x80 || !unicode.IsSpace(c) && !strings.ContainsRune("\u180e\u200b\u200c\u200d\u2060\ufeff", c) {
				return
			}
			l.pos += n // ClickHouse takes these for blanks: INTO<no-break space>OUTFILE is INTO OUTFILE
		}
	}
}

func (l *lexer) quoted(q byte) token {
	t := token{kind: tokenQuoted, start: l.pos}
	if q == '\'' {
		t.kind = tokenString
	}
	for l.pos++; l.pos < len(l.s); l.pos++ {
		switch c := l.s[l.pos]; {
		case c == '\\':
			t.escaped = true
			l.pos++
		case c == q && l.pos+1 < len(l.s) && l.s[l.pos+1] == q:
			t.escaped = true
			l.pos++
		case c == q:
			l.pos++
			t.end = l.pos
			t.text = l.s[t.start+1 : t.end-1]
			return t
		}
	}
	l.pos = len(l.s)
	return token{kind: tokenBroken, start: t.start, end: l.pos}
}

// heredoc reads $tag$ ... $tag$.
func (l *lexer) heredoc() (token, bool) {
	rest := l.s[l.pos:]
	i := 1
	for i < len(rest) && isWord(rest[i]) {
		i++
	}
	if i >= len(rest) || rest[i] != '$' {
		return token{}, false
	}
	tag := rest[:i+1]
	n := strings.Index(rest[len(tag):], tag)
	if n < 0 {
		return token{}, false
	}
	t := token{kind: tokenString, start: l.pos, end: l.pos + 2*len(tag) + n, text: rest[len(tag) : len(tag)+n]}
	l.pos = t.end
	return t, true
}

func isWord(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// unquote undoes the escapes of a string literal that the server itself reads (KILL's pattern). It knows the escapes that a
// quoting function writes: \\ \' \" \` \n \t \r \0 and the doubled quote.
func (t token) unquote() string {
	if !t.escaped {
		return t.text
	}
	var b strings.Builder
	for i := 0; i < len(t.text); i++ {
		c := t.text[i]
		switch {
		case c == '\\' && i+1 < len(t.text):
			i++
			if j := strings.IndexByte("ntr0", t.text[i]); j >= 0 {
				c = "\n\t\r\x00"[j]
			} else if t.text[i] == '%' || t.text[i] == '_' {
				b.WriteByte('\\') // LIKE's own escape stays
				c = t.text[i]
			} else {
				c = t.text[i]
			}
		case c == '\'' && i+1 < len(t.text) && t.text[i+1] == '\'':
			i++
		}
		b.WriteByte(c)
	}
	return b.String()
}
