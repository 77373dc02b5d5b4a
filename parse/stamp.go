package parse

import (
	"fmt"
	"time"

	"github.com/bouncehouse/bouncehouse"
)

// stamp is a time as it stands in a line, kept apart until an event needs
// it: most lines give none.
type stamp struct {
	kind     stampKind
	date     string    // "Nov  1 18:56:32", "2026-11-01T18:56:32"
	fraction string    // digits
	zone     string    // "", "Z", "+01:00", "+0100", "+01"
	known    time.Time // where a wrapping told it as a number
}

type stampKind uint8

const (
	stampNone  stampKind = iota // the record's reference is all that is known
	stampBSD                    // without year and zone
	stampISO                    // RFC 3339, or local time without zone
	stampKnown                  // in known
)

// cutStamp reads a stamp at the beginning of s.
func cutStamp(s string) (st stamp, rest string, ok bool) {
	switch {
	case len(s) < 15:
		return st, s, false
	case s[3] == ' ' && s[6] == ' ' && s[9] == ':' && s[12] == ':' && month(s) != 0:
		st.kind, st.date, s = stampBSD, s[:15], s[15:]
		st.fraction, s = cutFraction(s)
		return st, s, true
	case s[4] == '-' && len(s) >= 19 && s[7] == '-' && (s[10] == 'T' || s[10] == ' ') && s[13] == ':' && s[16] == ':' && s[0]-'0' <= 9:
		st.kind, st.date, s = stampISO, s[:19], s[19:]
		st.fraction, s = cutFraction(s)
		st.zone, s = cutZone(s)
		return st, s, true
	}
	return st, s, false
}

func cutFraction(s string) (fraction, rest string) {
	if len(s) < 2 || s[0] != '.' && s[0] != ',' || s[1]-'0' > 9 {
		return "", s
	}
	n := 1
	for n < len(s) && s[n]-'0' <= 9 {
		n++
	}
	return s[1:n], s[n:]
}

func cutZone(s string) (zone, rest string) {
	if s == "" {
		return "", s
	}
	switch s[0] {
	case 'Z', 'z':
		return s[:1], s[1:]
	case '+', '-':
		n := 1
		for n < len(s) && n < 6 && (s[n]-'0' <= 9 || s[n] == ':') {
			n++
		}
		return s[:n], s[n:]
	}
	return "", s
}

// month is 1 to 12 for the English name at the beginning of s, else 0.
func month(s string) int {
	switch s[:3] {
	case "Jan":
		return 1
	case "Feb":
		return 2
	case "Mar":
		return 3
	case "Apr":
		return 4
	case "May":
		return 5
	case "Jun":
		return 6
	case "Jul":
		return 7
	case "Aug":
		return 8
	case "Sep":
		return 9
	case "Oct":
		return 10
	case "Nov":
		return 11
	case "Dec":
		return 12
	}
	return 0
}

// clock makes instants of stamps. It remembers the last one, since many
// lines share a second.
type clock struct {
	zoneName string
	zone     *time.Location

	kind stampKind // of the second that is remembered; stampNone: none
	date [19]byte
	off  [6]byte
	ref  time.Time
	last time.Time
}

// ahead is how much later than the record's reference a stamp without year
// may be: clocks and zones differ.
const ahead = 25 * time.Hour

// time is the instant of e's line.
func (c *clock) time(r *bouncehouse.Record, st *stamp) (time.Time, error) {
	switch st.kind {
	case stampNone:
		return r.Ref, nil
	case stampKnown:
		return st.known, nil
	}
	if c.zone == nil || c.zoneName != r.Zone {
		zone, err := time.LoadLocation(r.Zone)
		if err != nil {
			return time.Time{}, fmt.Errorf("time zone of the stream: %w", err)
		}
		c.zoneName, c.zone, c.kind = r.Zone, zone, stampNone
	}
	if c.kind != st.kind || string(c.date[:len(st.date)]) != st.date || string(c.off[:len(st.zone)]) != st.zone ||
		len(st.zone) < len(c.off) && c.off[len(st.zone)] != 0 || c.ref != r.Ref {
		second, ok := c.second(r, st)
		if !ok {
			return time.Time{}, fmt.Errorf("no such time: %q", st.date+st.zone)
		}
		c.kind, c.ref, c.last, c.off = st.kind, r.Ref, second, [6]byte{}
		copy(c.date[:], st.date)
		copy(c.off[:], st.zone)
	}
	nanos, digit := 0, 100_000_000
	for i := 0; i < len(st.fraction) && digit > 0; i++ {
		nanos += int(st.fraction[i]-'0') * digit
		digit /= 10
	}
	return c.last.Add(time.Duration(nanos)), nil
}

// second is st without its fraction.
func (c *clock) second(r *bouncehouse.Record, st *stamp) (time.Time, bool) {
	d := st.date
	if st.kind == stampBSD {
		mon, day := month(d), pair(d[4:])
		if d[4] == ' ' {
			day = int(d[5] - '0')
		}
		h, m, s := pair(d[7:]), pair(d[10:]), pair(d[13:])
		// The latest year in which the stamp is not in the future. Nine
		// years hold a leap year, also around 2100.
		latest := r.Ref.Add(ahead)
		for year := r.Ref.In(c.zone).Year() + 1; year > r.Ref.Year()-9; year-- {
			if t, ok := c.date6(year, mon, day, h, m, s, c.zone); ok && !t.After(latest) {
				return t, true
			}
		}
		return time.Time{}, false
	}
	zone := c.zone
	if st.zone != "" {
		off, ok := offset(st.zone)
		if !ok {
			return time.Time{}, false
		}
		zone = time.UTC
		t, ok := c.date6(pair(d)*100+pair(d[2:]), pair(d[5:]), pair(d[8:]), pair(d[11:]), pair(d[14:]), pair(d[17:]), zone)
		return t.Add(-off), ok
	}
	return c.date6(pair(d)*100+pair(d[2:]), pair(d[5:]), pair(d[8:]), pair(d[11:]), pair(d[14:]), pair(d[17:]), zone)
}

// date6 is false for a day that the month does not have, and for fields that
// are no numbers. A leap second counts as the next second.
func (c *clock) date6(year, mon, day, h, m, s int, zone *time.Location) (time.Time, bool) {
	if year < 0 || mon < 1 || mon > 12 || day < 1 || day > 31 || h < 0 || h > 23 || m < 0 || m > 59 || s < 0 || s > 60 {
		return time.Time{}, false
	}
	if time.Date(year, time.Month(mon), day, 0, 0, 0, 0, time.UTC).Day() != day {
		return time.Time{}, false
	}
	return time.Date(year, time.Month(mon), day, h, m, s, 0, zone), true
}

// pair reads two digits; what is none gives a large negative number.
func pair(s string) int {
	if s[0]-'0' > 9 || s[1]-'0' > 9 {
		return -1 << 20
	}
	return int(s[0]-'0')*10 + int(s[1]-'0')
}

// offset reads Z, +01, +0100 or +01:00.
func offset(s string) (time.Duration, bool) {
	if s == "Z" || s == "z" {
		return 0, true
	}
	sign, s := s[0], s[1:]
	var h, m int
	switch {
	case len(s) == 2:
		h = pair(s)
	case len(s) == 4:
		h, m = pair(s), pair(s[2:])
	case len(s) == 5 && s[2] == ':':
		h, m = pair(s), pair(s[3:])
	default:
		return 0, false
	}
	if h < 0 || h > 23 || m < 0 || m > 59 {
		return 0, false
	}
	d := time.Duration(h)*time.Hour + time.Duration(m)*time.Minute
	if sign == '-' {
		d = -d
	}
	return d, true
}
