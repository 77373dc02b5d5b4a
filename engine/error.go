package engine

import (
	"strconv"
	"strings"
)

// Error is a ClickHouse exception.
type Error struct {
	Code int
	Text string // "Code: 62. DB::Exception: Syntax error: ..."
}

func (e *Error) Error() string { return e.Text }

func newError(text string) *Error {
	e := &Error{Code: 1002, Text: strings.TrimSpace(text)}
	if i := strings.Index(text, "Code: "); i >= 0 {
		n := text[i+len("Code: "):]
		j := 0
		for j < len(n) && n[j] >= '0' && n[j] <= '9' {
			j++
		}
		if c, err := strconv.Atoi(n[:j]); err == nil {
			e.Code = c
		}
	}
	return e
}
