package bouncehouse

import "testing"

func TestParseReply(t *testing.T) {
	for _, test := range []struct {
		s    string
		want Reply
	}{
		{"250 2.0.0 Ok: queued as F1", Reply{250, "2.0.0", "Ok: queued as F1"}},
		{"550 no", Reply{550, "", "no"}},
		{"554", Reply{554, "", ""}},
		{"554 ", Reply{554, "", ""}},
		{"550 5.1.1", Reply{550, "5.1.1", ""}},
		{"550-5.1.1", Reply{550, "5.1.1", ""}},
		{"550 5.7.1: Blocked", Reply{550, "5.7.1", "Blocked"}},
		{"550 #5.1.0 Address rejected.", Reply{550, "5.1.0", "#5.1.0 Address rejected."}},
		{"550 5.7.515 Access denied", Reply{550, "5.7.515", "Access denied"}},
		{"550 5.7.1.2 odd", Reply{550, "", "5.7.1.2 odd"}},
		{"550 203.0.113.5 is listed", Reply{550, "", "203.0.113.5 is listed"}},
		{"553 sorry (#5.7.1)", Reply{553, "", "sorry (#5.7.1)"}},
		{"550 550 twice", Reply{550, "", "550 twice"}},
		{"go away", Reply{0, "", "go away"}},
		{"5500 go away", Reply{0, "", "5500 go away"}},
		{"950 go away", Reply{0, "", "950 go away"}},
		{"", Reply{}},
		{"550-a 550-b 550 c", Reply{550, "", "a b c"}},
		{"550-a 550-  550 c", Reply{550, "", "a c"}},
		{"550-550 5.7.1 Access denied 550 (sender blacklisted)",
			Reply{550, "", "550 5.7.1 Access denied (sender blacklisted)"}},
		{"550- 550 5.7.1 a", Reply{550, "5.7.1", "a"}},
		{"550-5.7.1 550 5.7.1 a", Reply{550, "5.7.1", "a"}},
		{"550-a 550", Reply{550, "", "a"}},
		{"550-5.1.1 a 550-5.1.1 b 550 5.1.1  c", Reply{550, "5.1.1", "a b c"}},
		{"550-a 550 5.1.1 b", Reply{550, "5.1.1", "a b"}},
		{"550-5.1.1 a 550 5.7.1 b", Reply{550, "5.1.1", "a 5.7.1 b"}},
		{"550-5.1.1 error 550 happened 550 5.1.1 b", Reply{550, "5.1.1", "error 550 happened b"}},
		{"550-5.1.1 a550-b 550x 5.1.1 b", Reply{550, "5.1.1", "a550-b 550x 5.1.1 b"}},
		{"550-Response: 550 No such user 550 Sender verify failed",
			Reply{550, "", "Response: 550 No such user Sender verify failed"}},
		{"550-5.0.350 Remote server returned an error -> 550 not taken: policy 550 violation",
			Reply{550, "5.0.350", "Remote server returned an error -> 550 not taken: policy violation"}},
		{"550-foo 550 error: 550 user", Reply{550, "", "foo error: 550 user"}},
		{"421-4.7.0 [203.0.113.25 15] Our system has detected 421-4.7.0 unusual. 421 4.7.0 a1 - gsmtp",
			Reply{421, "4.7.0", "[203.0.113.25 15] Our system has detected unusual. a1 - gsmtp"}},
	} {
		if got := ParseReply(test.s); got != test.want {
			t.Errorf("%q: got %+v, want %+v", test.s, got, test.want)
		}
	}
}
