package engine

import (
	"net/http"
	"strconv"
	"strings"
)

// Error is a ClickHouse exception.
type Error struct {
	Code int
	Text string // "Code: 62. DB::Exception: Syntax error: ..."
}

func (e *Error) Error() string { return e.Text }

// newError reads the code from an exception's text. One without a code has 1002, UNKNOWN_EXCEPTION.
func newError(text string) *Error {
	e := &Error{Code: 1002, Text: strings.TrimSpace(text)}
	if _, after, ok := strings.Cut(text, "Code: "); ok {
		digits, _, _ := strings.Cut(after, ".")
		if n, err := strconv.Atoi(digits); err == nil {
			e.Code = n
		}
	} else {
		e.Text = "Code: 1002. DB::Exception: " + e.Text + " (UNKNOWN_EXCEPTION)"
	}
	return e
}

// status is the HTTP status that ClickHouse sends with the code (exceptionCodeToHTTPStatus.cpp).
func (e *Error) status() int {
	switch e.Code {
	case 194: // REQUIRED_PASSWORD
		return http.StatusUnauthorized
	case 192, 193, 497, 516: // UNKNOWN_USER, WRONG_PASSWORD, ACCESS_DENIED, AUTHENTICATION_FAILED
		return http.StatusForbidden
	// what the client wrote cannot be read
	case 6, 26, 27, 33, 36, 38, 41, 42, 43, 44, 53, 62, 69, 70, 72, 117, 130, 131, 354, 441, 456, 457:
		return http.StatusBadRequest
	case 16, 46, 47, 50, 56, 60, 73, 81, 115: // UNKNOWN_...
		return http.StatusNotFound
	case 229, 307:
		return http.StatusRequestEntityTooLarge
	case 48: // NOT_IMPLEMENTED
		return http.StatusNotImplemented
	case 159, 209: // TIMEOUT_EXCEEDED, SOCKET_TIMEOUT
		return http.StatusRequestTimeout
	case 202: // TOO_MANY_SIMULTANEOUS_QUERIES
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}
