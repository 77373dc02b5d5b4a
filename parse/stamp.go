package parse

import (
	"fmt"
	"strings"
	"time"

	"github.com/bouncehouse/bouncehouse"
	"github.com/bouncehouse/bouncehouse/parse/values"
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
	case s[3] == ' ' && s[6] == ' ' && s[9] == ':' && s[12] == ':' && values.Month(s) != 0:
		st.kind, st.date, s = stampBSD, s[:15], s[15:]
		st.fraction, s = cutFraction(s)
		return st, s, true
	case s[4] == '-' && len(s) >= 19 && s[7] == '-' && (s[10] == 'T' || s[10] == ' ') && s[13] == ':' && s[16] == ':' &&
		s[0]-'0' <= 9:
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

// clock makes instants of stamps. It remembers the last day: working out a
// year and a zone's offset costs more than all the rest of a line.
type clock struct {
	zoneName string
	zone     *time.Location

	day      [16]byte // what of the stamp names the day, and its zone
	ref      time.Time
	year     int
	midnight time.Time
	even     bool // the day is remembered: 24 hours long, all of one year
}

// ahead is how much later than the record's reference a stamp without year
// may be: clocks and zones differ.
const ahead = 25 * time.Hour

// time is st's instant, in UTC.
func (c *clock) time(r *bouncehouse.Record, st *stamp) (time.Time, error) {
	switch st.kind {
	case stampNone:
		return r.Ref.UTC(), nil
	case stampKnown:
		return st.known, nil
	}
	if c.zone == nil || c.zoneName != r.Zone {
		zone, err := time.LoadLocation(r.Zone)
		if err != nil {
			return time.Time{}, fmt.Errorf("time zone of the stream: %w", err)
		}
		c.zoneName, c.zone, c.even = strings.Clone(r.Zone), zone, false
	}
	date, at := st.date[:10], st.date[11:] // 2026-11-01T18:56:32
	if st.kind == stampBSD {
		date, at = st.date[:6], st.date[7:] // Nov  1 18:56:32
	}
	var day [16]byte
	copy(day[copy(day[:], date):], st.zone)
	h, m, s := values.Pair(at), values.Pair(at[3:]), values.Pair(at[6:])
	ok := h >= 0 && h < 24 && m >= 0 && m < 60 && s >= 0 && s <= 60 // 60: a leap second is the next second
	if ok && (!c.even || c.day != day || st.kind == stampBSD && c.ref != r.Ref) {
		c.day, c.ref = day, r.Ref
		ok = c.start(st, r.Ref.Add(ahead))
	}
	if !ok {
		return time.Time{}, fmt.Errorf("no such time: %q", st.date+st.zone)
	}
	t := c.midnight.Add(time.Duration(h*3600+m*60+s) * time.Second)
	if !c.even {
		t, _ = c.inYear(st, c.year, h, m, s)
		if st.kind == stampBSD && t.After(r.Ref.Add(ahead)) {
			if before, ok := c.inYear(st, c.year-1, h, m, s); ok {
				t = before
			}
		}
	}
	return t.Add(nanoseconds(st.fraction)), nil
}

// nanoseconds reads the digits behind a second's point.
func nanoseconds(fraction string) (d time.Duration) {
	digit := 100 * time.Millisecond
	for i := 0; i < len(fraction) && digit > 0; i++ {
		d += time.Duration(fraction[i]-'0') * digit
		digit /= 10
	}
	return d
}

// unixTime reads seconds since 1970 and the digits behind their point.
func unixTime(seconds, fraction string) (time.Time, bool) {
	if len(seconds) > 11 || !values.Digits(seconds) || fraction != "" && !values.Digits(fraction) {
		return time.Time{}, false
	}
	return time.Unix(values.Number(seconds), int64(nanoseconds(fraction))).UTC(), true
}

// start finds the midnight with which st's day begins: where the year is
// missing, in the latest year in which it is not after latest.
func (c *clock) start(st *stamp, latest time.Time) (ok bool) {
	c.even = false
	if st.kind == stampISO {
		c.year = values.Pair(st.date)*100 + values.Pair(st.date[2:])
		if c.midnight, ok = c.inYear(st, c.year, 0, 0, 0); !ok || st.zone == "" {
			c.even = ok && c.dayEnd(st).Sub(c.midnight) == 24*time.Hour
			return ok
		}
		off, ok := offset(st.zone)
		c.midnight, c.even = c.midnight.Add(-off), ok
		return ok
	}
	c.year = latest.In(c.zone).Year()
	for range 9 { // they hold a leap year, also around 2100
		if c.midnight, ok = c.inYear(st, c.year, 0, 0, 0); ok && !c.midnight.After(latest) {
			end := c.dayEnd(st)
			c.even = end.Sub(c.midnight) == 24*time.Hour && !end.After(latest)
			return true
		}
		c.year--
	}
	return false
}

// dayEnd is the next midnight.
func (c *clock) dayEnd(st *stamp) time.Time {
	t, _ := c.inYear(st, c.year, 24, 0, 0)
	return t
}

// firstYear: no mail log is older than Unix; what says so was never set, as
// .NET's 0001-01-01T00:00:00.
const firstYear = 1970

// inYear is the time of day of a stamp in that year, local time where the
// stamp names no zone. It is false for a day that the month does not have.
func (c *clock) inYear(st *stamp, year, h, m, s int) (time.Time, bool) {
	var mon, day int
	switch {
	case st.kind == stampISO:
		mon, day = values.Pair(st.date[5:]), values.Pair(st.date[8:])
	case st.date[4] == ' ':
		mon, day = values.Month(st.date), int(st.date[5]-'0')
	default:
		mon, day = values.Month(st.date), values.Pair(st.date[4:])
	}
	if year < firstYear || mon < 1 || mon > 12 || day < 1 || day > 31 ||
		time.Date(year, time.Month(mon), day, 0, 0, 0, 0, time.UTC).Day() != day {
		return time.Time{}, false
	}
	zone := c.zone
	if st.zone != "" {
		zone = time.UTC
	}
	return time.Date(year, time.Month(mon), day, h, m, s, 0, zone).UTC(), true
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
		h = values.Pair(s)
	case len(s) == 4:
		h, m = values.Pair(s), values.Pair(s[2:])
	case len(s) == 5 && s[2] == ':':
		h, m = values.Pair(s), values.Pair(s[3:])
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
