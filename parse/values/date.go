package values

import (
	"net/mail"
	"strings"
	"time"
)

// maxDate is longer than a date with its comments is.
const maxDate = 200

// Date reads the date of a mail; zero where it cannot. A date without a
// zone is taken for UTC.
func Date(s string) time.Time {
	if s == "" || len(s) > maxDate {
		return time.Time{}
	}
	if t, ok := commonDate(s); ok {
		return t
	}
	if n := strings.IndexByte(s, ','); n == 3 && len(s) > 4 && s[4] != ' ' {
		s = s[:4] + " " + s[4:] // QUIRK: "Thu,29 Apr"
	}
	if t, err := mail.ParseDate(s); err == nil {
		return t
	}
	if n := strings.IndexByte(s, '('); n > 0 {
		s = strings.TrimSpace(s[:n])
	}
	s = strings.Join(strings.Fields(s), " ")
	for _, layout := range []string{
		"Mon, 2 Jan 2006 15:04:05", "2 Jan 2006 15:04:05", "Mon, 2 Jan 2006 15:04:05 -07:00",
		"Mon, 2 Jan 2006 15:04:05 MST-07",
		time.ANSIC, time.UnixDate, time.RFC3339, "2006-01-02 15:04:05 -0700", "2006-01-02 15:04:05",
		"2006-01-02 15-04-05", // QUIRK: SendGrid
		"02-01-2006 15:04",
	} {
		if t, err := time.Parse(layout, s); err == nil {
			return t
		}
	}
	return time.Time{}
}

// commonDate reads the form that nearly all dates have; net/mail tries it
// among many, and takes a tenth of all the time of bounce mails.
//
//	Thu, 29 Oct 2026 10:00:00 +0900 (JST)
//	29 Oct 2026 10:00:00 GMT
func commonDate(s string) (time.Time, bool) {
	if len(s) > 4 && s[3] == ',' {
		s = s[4:]
	}
	s = strings.TrimLeft(s, " ")
	day, n := 0, 0
	for n < len(s) && n < 2 && IsDigit(s[n]) {
		day = day*10 + int(s[n]-'0')
		n++
	}
	// " Oct 2026 10:00:00 " and a zone
	if s = s[n:]; n == 0 || len(s) < 22 || s[0] != ' ' || s[4] != ' ' || s[9] != ' ' || s[12] != ':' || s[15] != ':' ||
		s[18] != ' ' {
		return time.Time{}, false
	}
	month := time.Month(Month(s[1:4]))
	year, ok1 := dateDigits(s[5:9])
	hour, ok2 := dateDigits(s[10:12])
	minute, ok3 := dateDigits(s[13:15])
	second, ok4 := dateDigits(s[16:18])
	if month == 0 || !ok1 || !ok2 || !ok3 || !ok4 || hour > 23 || minute > 59 || second > 59 {
		return time.Time{}, false
	}
	zone, offset := s[19:], 0
	switch {
	case zone[0] == '+' || zone[0] == '-':
		if len(zone) < 5 || len(zone) > 5 && zone[5] != ' ' {
			return time.Time{}, false
		}
		hours, ok5 := dateDigits(zone[1:3])
		minutes, ok6 := dateDigits(zone[3:5])
		if !ok5 || !ok6 || hours > 23 || minutes > 59 {
			return time.Time{}, false
		}
		if offset = hours*3600 + minutes*60; zone[0] == '-' {
			offset = -offset
		}
	case zone == "GMT", zone == "UTC":
	default:
		return time.Time{}, false
	}
	t := time.Date(year, month, day, hour, minute, second-offset, 0, time.UTC)
	if day == 0 || day > 28 && day > time.Date(year, month+1, 0, 0, 0, 0, 0, time.UTC).Day() {
		return time.Time{}, false
	}
	return t, true
}

// Month is 1 to 12 for the English name at the beginning of s, else 0.
func Month(s string) int {
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
