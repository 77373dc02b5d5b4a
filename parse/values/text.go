package values

import "strings"

// ClipTo is the first n bytes of s.
func ClipTo(s string, n int) string { return s[:min(len(s), n)] }

// CutLine returns the line of s that begins at offset at, without its line
// end, and the offset of the next.
func CutLine(s string, at int) (line string, next int) {
	if n := strings.IndexByte(s[at:], '\n'); n >= 0 {
		return strings.TrimSuffix(s[at:at+n], "\r"), at + n + 1
	}
	return s[at:], len(s)
}

// Lines calls yield for each line of s without its line end.
func Lines(s string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for at := 0; at < len(s); {
			line, next := CutLine(s, at)
			if !yield(line) {
				return
			}
			at = next
		}
	}
}
