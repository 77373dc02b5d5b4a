package bounce

import (
	"strings"

	"github.com/bouncehouse/bouncehouse/parse/said"
	"github.com/bouncehouse/bouncehouse/parse/values"
)

// The text for people: the recipient's paragraph.

// maxParagraph bounds what is read of one recipient's paragraph.
const maxParagraph = 8 << 10

// maxMentions bounds how often one address is looked up in a text.
const maxMentions = 16

// places is where in a text for people addresses stand.
type places struct {
	lower string             // the text
	work  *work              // of the mail
	of    map[string][]int   // of each address; nil where few are looked for
	told  map[string]string  // what paragraph() found, likewise: one may be named often
	read  *last[said.Answer] // the last paragraph
}

// fewRecipients is up to how many recipients a text is searched for each;
// for more, its addresses are listed once.
const fewRecipients = 32

func newPlaces(lower string, recipients int, w *work, read *last[said.Answer]) places {
	p := places{lower: lower, work: w, read: read}
	if recipients <= fewRecipients {
		return p
	}
	p.of, p.told = map[string][]int{}, map[string]string{}
	for at := range values.AddressSpans(lower) {
		address := lower[at.Start:at.End]
		if known := p.of[address]; len(known) < maxMentions {
			p.of[address] = append(known, at.Start)
		}
	}
	return p
}

// next returns the first place of an address, which is in lower case, from
// offset from on, or -1.
func (p places) next(address string, from int) int {
	if p.of != nil {
		for _, n := range p.of[address] {
			if n >= from {
				return n
			}
		}
		return -1
	}
	if n := strings.Index(p.lower[from:], address); n >= 0 {
		return from + n
	}
	return -1
}

// paragraph returns what the text for people says of one recipient, joined
// to one line: from behind the address to the next empty line or the next
// recipient. The address may stand in several places; the first that is
// followed by an answer is taken, else the first that begins a line.
func paragraph(human string, places places, addresses ...string) string {
	if places.told == nil {
		return findParagraph(human, places, addresses)
	}
	key := strings.Join(addresses, "\n")
	text, known := places.told[key]
	if !known {
		text = findParagraph(human, places, addresses)
		places.told[key] = text
	}
	return text
}

func findParagraph(human string, places places, addresses []string) string {
	first := ""
	for _, a := range addresses {
		if len(a) < 3 {
			continue
		}
		a = values.LowerASCII(a)
		at := 0
		for range maxMentions {
			n := places.next(a, at)
			if n < 0 {
				break
			}
			start := strings.LastIndexByte(human[:n], '\n') + 1
			at = n + len(a)
			line, _ := values.CutLine(human, start)
			if quotesHeader(line) || strings.HasPrefix(line, "<<<") || strings.HasPrefix(line, ">>>") {
				continue
			}
			text := paragraphFrom(human, start, at, places.work.window())
			places.work.windows -= len(text)
			if s := places.read.of(text, said.Read); s.Answered() {
				return text
			}
			// Sendmail: 550 5.1.2 <user@example.net>... Host unknown
			if strings.Trim(human[start:n], " \t<") == "" || strings.HasPrefix(human[at:], ">... ") {
				first = firstOf(first, text)
			}
		}
	}
	return first
}

// mention returns the lines that name the recipient, up to the end of their
// paragraph: what little a report without a diagnostic says of it ("Your
// message wasn't delivered to user@example.net because ...").
func mention(human string, places places, address string) string {
	address = values.LowerASCII(address)
	at := 0
	for range maxMentions {
		n := places.next(address, at)
		if n < 0 || len(address) < 3 {
			break
		}
		at = n + len(address)
		start := strings.LastIndexByte(human[:n], '\n') + 1
		line, next := values.CutLine(human, start)
		if strings.HasPrefix(line, "  pipe to ") || strings.HasPrefix(line, "  save to ") { // Exim's list of addresses
			return ""
		}
		if strings.HasPrefix(strings.TrimLeft(line, "> "), "<<<") || quotesHeader(line) ||
			strings.TrimSpace(human[start:n]) == "" {
			continue
		}
		limit := min(maxMention, places.work.window())
		for next < len(human) && next-start < limit {
			line, after := values.CutLine(human, next)
			if strings.TrimSpace(line) == "" {
				break
			}
			next = after
		}
		places.work.windows -= min(next-start, 4*limit)
		return unfold(human[start:min(next, start+4*limit)])
	}
	return ""
}

// maxMention bounds the lines that mention() joins.
const maxMention = 1 << 10

// paragraphFrom returns the paragraph whose first line begins at offset start
// and names its recipient before offset end; no more than about limit of it.
func paragraphFrom(human string, start, end, limit int) string {
	line, _ := values.CutLine(human, start)
	indent := indentOf(line)
	line, next := values.CutLine(human, end)
	var b strings.Builder
	rest := strings.TrimLeft(values.ClipTo(line, limit), ">)\"'. \t")
	// user@example.net: 550 ...   OpenSMTPD
	listed := strings.HasPrefix(rest, ": ") && !strings.ContainsAny(human[start:end], " \t<")
	rest = strings.TrimLeft(rest, ":,; ")
	if values.HasPrefixFold(rest, "Action: ") {
		rest = "" // user@example.net; Action: Delayed
	}
	b.WriteString(rest)
	for at := next; at < len(human) && b.Len() < limit; {
		line, next := values.CutLine(human, at)
		words := strings.Trim(line, " \t\r")
		if words == "" || strings.HasPrefix(words, "-----") ||
			strings.HasPrefix(words, "<") && !strings.HasPrefix(words, "<<<") && strings.Contains(words, "@") &&
				indentOf(line) <= indent ||
			indent > 0 && indentOf(line) <= indent || listed && listsAddress(line) {
			break
		}
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(values.ClipTo(words, limit))
		at = next
	}
	text := b.String()
	// Before the failure stands where the address came from: (expanded from
	// <c@d>): in Postfix, (ultimately generated from c@d) in Exim.
	if strings.HasPrefix(text, "(expanded from") || strings.HasPrefix(text, "(generated from") ||
		strings.HasPrefix(text, "(ultimately generated from") {
		if n := strings.IndexByte(text, ')'); n > 0 {
			text = strings.TrimLeft(text[n+1:], ": ")
		}
	}
	return text
}

// listsAddress tells whether line begins with an address and a colon.
func listsAddress(line string) bool {
	word, _, ok := strings.Cut(line, ": ")
	return ok && strings.Contains(word, "@") && !strings.ContainsAny(word, " \t")
}

func indentOf(line string) int { return len(line) - len(strings.TrimLeft(line, " \t")) }

// quotesHeader tells lines of a quoted header, which tell of no failure.
func quotesHeader(line string) bool {
	name := fieldName(strings.TrimLeft(line, "> \t"))
	return name != "" && (mailField(name) || strings.EqualFold(name, "Cc") || recipientField(name))
}

// paragraphAddresses returns the addresses that the text for people gives a
// paragraph of their own.
func paragraphAddresses(human string) []string {
	var found []string
	for line := range values.Lines(human) {
		words := strings.Trim(line, " \t\r")
		if !strings.HasPrefix(words, "<") {
			continue
		}
		a, rest, ok := strings.Cut(words[1:], ">")
		if !ok || !strings.Contains(a, "@") || strings.ContainsAny(a, " \t") {
			continue
		}
		if rest = strings.TrimSpace(rest); rest == "" || strings.HasPrefix(rest, ":") || strings.HasPrefix(rest, "(") {
			if len(found) < maxRecipients && (len(found) == 0 || found[len(found)-1] != a) {
				found = append(found, a)
			}
		}
	}
	return found
}
