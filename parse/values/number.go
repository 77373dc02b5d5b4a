package values

import (
	"strings"
	"time"

	"github.com/bouncehouse/bouncehouse"
)

// Digits tells whether s is digits, and not empty.
func Digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// Number reads digits; what is none is 0.
func Number(s string) (n int64) {
	if !Digits(s) || len(s) > 18 {
		return 0
	}
	for i := range len(s) {
		n = n*10 + int64(s[i]-'0')
	}
	return n
}

// Delay reads seconds with a fraction: "0.06", "4", "1.3e+02" never.
func Delay(s string) bouncehouse.Delay {
	whole, fraction, _ := strings.Cut(s, ".")
	if !Digits(whole) || len(whole) > 9 || fraction != "" && (!Digits(fraction) || len(fraction) > 9) {
		return bouncehouse.Delay{}
	}
	var d time.Duration
	for i := range len(whole) {
		d = d*10 + time.Duration(whole[i]-'0')
	}
	d *= time.Second
	unit := time.Second
	for i := range len(fraction) {
		unit /= 10
		d += time.Duration(fraction[i]-'0') * unit
	}
	return bouncehouse.Delay{Duration: d, Known: true}
}

// Interval reads "1+02:03:04".
func Interval(s string) bouncehouse.Delay {
	days, clock, ok := strings.Cut(s, "+")
	if !ok {
		days, clock = "0", s
	}
	if len(clock) != 8 || clock[2] != ':' || clock[5] != ':' || !Digits(days) || len(days) > 4 {
		return bouncehouse.Delay{}
	}
	h, m, sec := Pair(clock), Pair(clock[3:]), Pair(clock[6:])
	if h < 0 || m < 0 || sec < 0 {
		return bouncehouse.Delay{}
	}
	seconds := ((Number(days)*24+int64(h))*60+int64(m))*60 + int64(sec)
	return bouncehouse.Delay{Duration: time.Duration(seconds) * time.Second, Known: true}
}

// Units reads "1d2h3m4s", "2w", "0.093s".
func Units(s string) bouncehouse.Delay {
	var d time.Duration
	if s == "" || len(s) > 24 {
		return bouncehouse.Delay{}
	}
	for s != "" {
		n := 0
		for n < len(s) && (s[n]-'0' <= 9 || s[n] == '.') {
			n++
		}
		part := Delay(s[:n])
		if !part.Known || n == len(s) {
			return bouncehouse.Delay{}
		}
		unit := seconds(s[n])
		if unit == 0 || part.Duration > maxDelay/unit {
			return bouncehouse.Delay{}
		}
		d += part.Duration * unit
		s = s[n+1:]
	}
	return bouncehouse.Delay{Duration: d, Known: true}
}

// maxDelay bounds each part of a delay; a sum of them does not overflow.
const maxDelay = 20 * 365 * 24 * time.Hour

// seconds is how many seconds a unit of time has, 0 for what is none.
func seconds(unit byte) time.Duration {
	switch unit {
	case 's':
		return 1
	case 'm':
		return 60
	case 'h':
		return 3600
	case 'd':
		return 86400
	case 'w':
		return 7 * 86400
	}
	return 0
}

// StatusCode returns the code that the value of Status begins with; often
// there are words behind it.
func StatusCode(s string) string {
	s = strings.TrimLeft(s, " #(")
	return s[:bouncehouse.EnhancedLen(s)]
}

// IsDigit tells 0 to 9.
func IsDigit(c byte) bool { return c-'0' <= 9 }

// dateDigits reads a number of digits only.
func dateDigits(s string) (int, bool) {
	n := 0
	for i := range len(s) {
		if !IsDigit(s[i]) {
			return 0, false
		}
		n = n*10 + int(s[i]-'0')
	}
	return n, true
}

// Pair reads two digits; what is none gives a large negative number.
func Pair(s string) int {
	if s[0]-'0' > 9 || s[1]-'0' > 9 {
		return -1 << 20
	}
	return int(s[0]-'0')*10 + int(s[1]-'0')
}
