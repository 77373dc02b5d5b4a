package bouncehouse

import "strings"

// MaxHead bounds a file's header, in bytes.
const MaxHead = 4 << 10

// FileHead returns the header that a log file begins with, "" where it has
// none: its first lines that begin with "#" (Exchange, W3C logs), else its
// first line where that is the names of a CSV's columns. beginning is the
// first bytes of the file, at least MaxHead of them where it is that long.
// What a line of such a file means is told by its header alone; hence every
// chunk of the file carries it.
func FileHead(beginning string) string {
	whole := beginning[:min(len(beginning), MaxHead)]
	text := strings.TrimPrefix(whole, "\ufeff")
	mark := len(whole) - len(text)
	end := 0
	for strings.HasPrefix(text[end:], "#") {
		n := strings.IndexByte(text[end:], '\n')
		if n < 0 {
			break
		}
		end += n + 1
	}
	if end == 0 {
		line, _, ok := strings.Cut(text, "\n")
		if !ok || !namesColumns(line) {
			return ""
		}
		end = len(line) + 1
	}
	return whole[:mark+end]
}

// namesColumns tells whether line is four names or more with commas between.
func namesColumns(line string) bool {
	n := 0
	for name := range strings.SplitSeq(strings.TrimSuffix(line, "\r"), ",") {
		name = strings.Trim(name, `" `)
		if name == "" || name[0]|0x20 < 'a' || name[0]|0x20 > 'z' {
			return false
		}
		for i := range len(name) {
			c := name[i] | 0x20
			if (c < 'a' || c > 'z') && (name[i] < '0' || name[i] > '9') && name[i] != '_' && name[i] != '-' &&
				name[i] != ' ' {
				return false
			}
		}
		n++
	}
	return n >= 4
}
