package query

import (
	"io"
	"strings"
)

// formulas are what spreadsheets take for the beginning of a formula; of the
// last four, which have the width of a Chinese character, those set up for
// East Asian languages.
var formulas = []string{"=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠"}

// csvWriter passes on ClickHouse's CSV. A string that a spreadsheet would take
// for a formula gets an apostrophe before it: replies and addresses are
// strangers' words, and a formula can send what stands beside it. Numbers,
// which have no quotes, stay as they are.
type csvWriter struct {
	w      io.Writer
	state  csvState
	start  string // of the string, while it may still become a formula's
	passed []byte
}

type csvState int

const (
	csvOutside csvState = iota // between strings
	csvStart                   // behind the quotation mark that begins one
	csvInside
	csvQuote // behind a quotation mark in one: its end, or half of an escaped one
)

// Write implements io.Writer.
func (c *csvWriter) Write(b []byte) (int, error) {
	c.passed = c.passed[:0]
	for _, ch := range b {
		if c.state == csvStart && ch != '"' {
			c.start += string([]byte{ch})
			if !c.known() {
				continue // not all of a character
			}
		} else {
			c.pass(ch)
		}
	}
	_, err := c.w.Write(c.passed)
	if err != nil {
		return 0, err
	}
	return len(b), nil
}

// known passes start on, guarded if need be, once it tells.
func (c *csvWriter) known() bool {
	for _, f := range formulas {
		switch {
		case c.start == f:
			c.passed = append(c.passed, '\'')
		case strings.HasPrefix(f, c.start):
			return false
		}
	}
	c.passed, c.start, c.state = append(c.passed, c.start...), "", csvInside
	return true
}

func (c *csvWriter) pass(ch byte) {
	c.passed = append(c.passed, c.start...) // an end came before it told
	c.passed, c.start = append(c.passed, ch), ""
	switch {
	case ch != '"' && c.state == csvQuote:
		c.state = csvOutside
	case ch != '"':
	case c.state == csvOutside:
		c.state = csvStart
	case c.state == csvQuote:
		c.state = csvInside
	default:
		c.state = csvQuote
	}
}
