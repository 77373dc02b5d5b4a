package bouncehouse

import (
	"encoding/binary"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Bounds of string fields in bytes. What is longer is cut at a character.
const (
	MaxText  = 4096 // reply texts and reasons
	MaxField = 1024 // all others
)

// Clean makes s fit for terminals, pages and spreadsheets: invalid UTF-8, C0
// and C1 control characters, DEL, bidirectional controls and characters that
// cannot be seen become U+FFFD; tabs and line ends become a space; what is longer than limit bytes is cut.
// Replies are strangers' words.
func Clean(s string, limit int) string {
	if kept := s[:min(len(s), limit)]; plain(kept) {
		return kept
	}
	var b strings.Builder
	b.Grow(min(len(s), limit))
	for _, r := range s {
		switch {
		case r == '\t' || r == '\n' || r == '\r':
			r = ' '
		case acts(r):
			r = utf8.RuneError
		}
		if b.Len()+utf8.RuneLen(r) > limit {
			break
		}
		b.WriteRune(r)
	}
	return b.String()
}

// acts tells whether r does something to a reader in place of being read: controls; line and paragraph separators,
// which end lines in some readers; and what cannot be seen: bidirectional controls, blanks of no width, tags. The two
// joiners stay, since Persian and the scripts of India are written with them, and so do signs that enclose a number.
func acts(r rune) bool {
	// Most of what is written: asking the tables takes ten times as long.
	if r >= ' ' && r < 0x7f || r >= 0x2070 && r < 0xfeff {
		return false
	}
	return tabled(r)
}

// tabled is acts by Unicode's tables.
func tabled(r rune) bool {
	const nonJoiner, joiner = 0x200c, 0x200d
	return unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp) ||
		unicode.Is(unicode.Cf, r) && r != nonJoiner && r != joiner &&
			!unicode.Is(unicode.Prepended_Concatenation_Mark, r)
}

// plain tells whether s has printable ASCII only, eight bytes at a step.
func plain(s string) bool {
	const ones, high = 0x0101010101010101, 0x8080808080808080
	var bad uint64
	for len(s) >= 8 {
		v := binary.LittleEndian.Uint64([]byte(s[:8]))
		// A byte below 0x20 borrows into its high bit; 0x7f plus one carries
		// into it; a byte with the high bit set has it.
		bad |= (v - ones*0x20) | (v + ones) | v
		s = s[8:]
	}
	if bad&high != 0 {
		return false
	}
	for i := range len(s) {
		if s[i] < 0x20 || s[i] >= 0x7f {
			return false
		}
	}
	return true
}

// clean makes fit what the parser has filled.
func (e *Event) clean() {
	e.Time = e.Time.Truncate(time.Millisecond) // as the table has it
	for _, f := range []*string{&e.Host, &e.QueueID, &e.MessageID, &e.Sender, &e.Recipient, &e.OriginalRecipient,
		&e.SASLUser, &e.Client, &e.RemoteHost, &e.EnhancedCode, &e.TLS, &e.FeedbackType} {
		*f = Clean(*f, MaxField)
	}
	e.ReplyText = Clean(e.ReplyText, MaxText)
	e.CitedQueueIDs = cleanAll(e.CitedQueueIDs)
}

// cleanAdded makes fit what enrichers fill.
func (e *Event) cleanAdded() {
	for _, f := range []*string{&e.Rule, (*string)(&e.Provider), &e.ProviderSide, &e.ProviderCode, &e.DNSBL, &e.RDNS,
		&e.RulesVersion} {
		*f = Clean(*f, MaxField)
	}
	e.Template = Clean(e.Template, MaxText)
	e.URLs, e.DNSBLListed = cleanAll(e.URLs), cleanAll(e.DNSBLListed)
}

// cleanAll leaves the list as it is, which others may share.
func cleanAll(list []string) []string {
	for i, was := range list {
		if s := Clean(was, MaxField); s != was {
			list = slices.Clone(list)
			list[i] = s
		}
	}
	return list
}

func (a *Arrival) clean() {
	for _, f := range []*string{&a.Host, &a.QueueID, &a.MessageID, &a.Sender, &a.Client, &a.SASLUser} {
		*f = Clean(*f, MaxField)
	}
}
