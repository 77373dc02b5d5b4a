package parse

import "strings"

// cutCSV cuts the first field of a row (RFC 4180) off, without its quotes;
// quotes within are doubled still. more tells that a comma followed. Where
// the quotes are open the row goes on in the next line.
func cutCSV(s string) (field, rest string, doubled, more bool) {
	if !strings.HasPrefix(s, `"`) {
		field, rest, more = strings.Cut(s, ",")
		return field, rest, false, more
	}
	end := 1
	for {
		n := strings.IndexByte(s[end:], '"')
		if n < 0 {
			return s[1:], "", doubled, false
		}
		if end += n; end+1 >= len(s) || s[end+1] != '"' {
			break
		}
		doubled = true
		end += 2
	}
	// QUIRK: PowerMTA has text behind the closing quote.
	_, rest, more = strings.Cut(s[end+1:], ",")
	return s[1:end], rest, doubled, more
}

// maxColumns bounds the columns of a row: what comes after is not needed.
const maxColumns = 64

// csvRow is a row of a CSV file (RFC 4180) cut into its fields.
type csvRow struct {
	n      int
	fields [maxColumns]string // without the outer quotes
	quoted uint64             // fields with doubled quotes inside
}

func (c *csvRow) split(s string) {
	c.n, c.quoted = 0, 0
	for more := true; more && c.n < maxColumns; c.n++ {
		var doubled bool
		if c.fields[c.n], s, doubled, more = cutCSV(s); doubled {
			c.quoted |= 1 << c.n
		}
	}
}

// value is the field i; "" where the row is shorter.
func (c *csvRow) value(i uint8) string {
	if int(i) >= c.n {
		return ""
	}
	if c.quoted>>i&1 != 0 {
		return strings.ReplaceAll(c.fields[i], `""`, `"`)
	}
	return c.fields[i]
}

// column is value, but the date is none.
func (c *csvRow) column(i uint8) string {
	if i == 0 {
		return ""
	}
	return c.value(i)
}
