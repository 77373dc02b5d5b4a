package values

import (
	"net/mail"
	"testing"
)

// TestCommonDate holds the quick way against net/mail's.
func TestCommonDate(t *testing.T) {
	for _, s := range []string{
		"Thu, 29 Oct 2026 10:00:00 +0900", "Thu, 29 Oct 2026 10:00:00 +0900 (JST)", "29 Oct 2026 10:00:00 GMT",
		"Thu,  9 Apr 2008 23:34:45 -0730",
		"9 Apr 2008 23:34:45 +0000", "Sat, 29 Feb 2020 00:00:00 UTC", "Sun, 31 Dec 2023 23:59:59 -1200",
		"Sat, 29 Feb 2021 00:00:00 UTC", "31 Apr 2021 00:00:00 UTC", "0 Apr 2021 00:00:00 UTC",
		"9 Apr 2008 24:34:45 +0000", "9 Xyz 2008 23:34:45 +0000",
		"9 Apr 08 23:34:45 +0000", "9 Apr 2008 23:34 +0000", "9 Apr 2008 23:34:45 +00:00", "9 Apr 2008 23:34:45 EST",
		"", "Thu, ", "Thu, 29 Oct 2026 10:00:00 ",
		"Thu, 29 Oct 2026 10:00:00 +", "Thu, 29 Oct 2026 10:00:00 -09000", "Thu, 29 Oct 2026 10:00:6a +0000",
	} {
		got, ok := commonDate(s)
		want, err := mail.ParseDate(s)
		if ok && (err != nil || !got.Equal(want)) {
			t.Errorf("%q: got %v, net/mail %v %v", s, got, want, err)
		}
		for n := range len(s) {
			commonDate(s[:n])
		}
	}
	if _, ok := commonDate("Thu, 29 Oct 2026 10:00:00 +0900 (JST)"); !ok {
		t.Error("the usual form is not read")
	}
}
