package parse

import (
	"strings"
	"unicode/utf8"

	"github.com/bouncehouse/bouncehouse/parse/values"
)

// delivery is one line of logdelivery taken apart.
type delivery struct {
	rcpts    string // "<a>,<b>", also "root", "|/path", "/dev/null"
	ctladdr  string // the address by whose right it is delivered: an alias, or the sender
	delay    string
	mailer   string
	relay    string
	dsn      string
	stage    string // in builds with _FFR_LOG_STAGE
	reply    string
	stat     string
	received bool // logged while the message was received: no attempt was made [srvrsmtp.c, logundelrcpts]
}

// read takes apart what follows "to=". Addresses, the reply and the text of
// stat= are strangers'; what is between them is not.
func (d *delivery) read(s string) bool {
	d.rcpts, s = cutRecipients(s)
	d.received = true
	for s != "" {
		key, val, rest := cutField(s)
		switch key {
		case "ctladdr":
			d.ctladdr = val
		case "delay":
			d.delay = val
		case "xdelay":
			d.received = false
		case "mailer":
			d.mailer, d.received = val, false
		case "relay":
			d.relay = val
		case "dsn":
			d.dsn = val
		case "stage":
			d.stage = val
		case "reply":
			return d.cutReply(s[len(", reply="):])
		case "stat":
			d.stat = s[len(", stat="):]
			return true
		}
		s = rest
	}
	return false
}

// cutReply parts "450 4.2.0 text, stat=Deferred: 450 4.2.0 text". A reply may
// itself look like a status: what follows must be one that goes with it.
func (d *delivery) cutReply(s string) bool {
	const stat = ", stat="
	first := -1
	for from, tries := 0, 0; tries < maxTries; tries++ {
		n := strings.Index(s[from:], stat)
		if n < 0 {
			break
		}
		n += from
		if first < 0 {
			first = n
		}
		after := s[n+len(stat):]
		deferred := strings.HasPrefix(after, "Deferred")
		if deferred == strings.HasPrefix(s, "4") && !strings.HasPrefix(after, "Sent") {
			first = n
			break
		}
		from = n + len(stat)
	}
	if first < 0 {
		return false
	}
	d.reply, d.stat = s[:first], s[first+len(stat):]
	return true
}

// cutRecipients cuts the list of recipients off. They are joined by commas,
// and ", " begins the next field.
func cutRecipients(s string) (rcpts, rest string) {
	i := 0
	for i < len(s) {
		switch s[i] {
		case '<':
			if _, rest, ok := values.CutAddress(s[i+1:]); ok {
				i = len(s) - len(rest)
				continue
			}
			return cutUnclosed(s, i)
		case '"':
			j := i + 1
			for j < len(s) && s[j] != '"' {
				if s[j] == '\\' {
					j++
				}
				j++
			}
			if j >= len(s) {
				return cutUnclosed(s, i)
			}
			i = j
		case ',':
			if i+1 < len(s) && s[i+1] == ' ' {
				return s[:i], strings.TrimPrefix(s[i:], ", [more]")
			}
		}
		i++
	}
	return s, ""
}

// cutUnclosed ends a list whose last address, from from on, was cut off.
func cutUnclosed(s string, from int) (rcpts, rest string) {
	for _, field := range [...]string{", ctladdr=", ", delay="} {
		if at := strings.Index(s[from:], field); at >= 0 {
			return s[:from+at], s[from+at:]
		}
	}
	return s, ""
}

// nextRecipient takes the first of a list; it has no brackets any more.
func nextRecipient(s string) (rcpt, rest string) {
	if strings.HasPrefix(s, "<") {
		if rcpt, rest, ok := values.CutAddress(s[1:]); ok {
			return rcpt, strings.TrimPrefix(rest, ",")
		}
		return s[1:], ""
	}
	quoted := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case c == ',' && !quoted:
			return angled(s[:i]), s[i+1:]
		}
	}
	return angled(s), ""
}

// maxListed bounds the recipients of one line: an event's ordinal has 16 bits.
const maxListed = 1 << 15

// recipients calls yield for each address of the list, without brackets.
func (d *delivery) recipients(yield func(string) bool) {
	list := d.rcpts
	for n := 0; list != "" && n < maxListed; n++ {
		var rcpt string
		rcpt, list = nextRecipient(list)
		rcpt = escaped(strings.TrimLeft(rcpt, `\`)) // "\root" is root, not to be aliased
		if rcpt != "" && !yield(rcpt) {
			return
		}
	}
}

// cutField cuts ", key=value" off. A value ends where another field begins.
func cutField(s string) (key, val, rest string) {
	s = strings.TrimPrefix(s, ", ")
	key, val, _ = strings.Cut(s, "=")
	if strings.HasPrefix(val, "<") {
		if _, rest, ok := values.CutAddress(val[1:]); ok {
			if end := strings.Index(rest, ", "); end >= 0 {
				return key, val[:len(val)-len(rest)+end], rest[end:]
			}
			return key, val, ""
		}
	}
	for from := 0; ; {
		end := strings.Index(val[from:], ", ")
		if end < 0 {
			return key, val, ""
		}
		end += from
		if isField(val[end+2:]) {
			return key, val[:end], val[end:]
		}
		from = end + 2
	}
}

// isField tells that s begins with "name=".
func isField(s string) bool {
	n := 0
	for n < len(s) && n < 16 && (s[n] >= 'a' && s[n] <= 'z' || s[n] == '_') {
		n++
	}
	return n > 0 && n < len(s) && s[n] == '='
}

// angled takes the address out of what may have a name before it.
func angled(s string) string {
	if strings.HasSuffix(s, ">") {
		return values.Angled(s)
	}
	return s
}

// loggedID is the message id as msgid= has it: of one that is longer than 100
// characters these alone [headers.c, msgid=%.100s], which many may have in
// common: it is none.
func loggedID(s string) string {
	if cut := !strings.HasSuffix(s, ">"); cut && (strings.HasPrefix(s, "<") || len(s) >= 100) {
		return ""
	}
	return escaped(values.MessageID(s))
}

// escaped undoes what Sendmail does to a line with bytes that are not
// printable [util.c, str2prt]: \\, \t, \n, \r and \ooo. Bytes that are no
// UTF-8 stay as they were logged.
func escaped(s string) string {
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); {
		if s[i] != '\\' || i+1 == len(s) {
			b = append(b, s[i])
			i++
			continue
		}
		switch s[i+1] {
		case '\\':
			b = append(b, '\\')
			i += 2
		case 't', 'n', 'r':
			b = append(b, ' ')
			i += 2
		default:
			var n int
			b, n = octal(b, s[i:])
			i += n
		}
	}
	return strings.TrimRight(string(b), " ")
}

// octal appends the letter that s begins with, as "\345\256\233", or the
// backslash, and tells how much of s that was.
func octal(b []byte, s string) ([]byte, int) {
	var letter [utf8.UTFMax]byte
	n := 0
	for n < len(letter) && len(s) >= 4*n+4 && s[4*n] == '\\' && s[4*n+1]-'2' <= 1 && s[4*n+2]-'0' <= 7 &&
		s[4*n+3]-'0' <= 7 {
		letter[n] = (s[4*n+1]-'0')<<6 | (s[4*n+2]-'0')<<3 | (s[4*n+3] - '0')
		n++
	}
	if r, size := utf8.DecodeRune(letter[:n]); n > 0 && (r != utf8.RuneError || size > 1) {
		return append(b, letter[:size]...), 4 * size
	}
	return append(b, s[0]), 1
}
