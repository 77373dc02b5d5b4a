package bouncehouse

import (
	"strings"
	"testing"
)

func TestFileHead(t *testing.T) {
	exchange := "\ufeff#Software: Microsoft Exchange Server\r\n#Version: 15.01\r\n#Fields: date-time,client-ip,event-id\r\n"
	for _, test := range []struct{ file, want string }{
		{"", ""},
		{exchange + "2026-11-01T00:00:00.000Z,203.0.113.1,SEND\r\n#Fields: later\r\n", exchange},
		{"#cut", ""},
		{"type,timeLogged,timeQueued,orig,\"rcpt\"\nb,2026-11-01 00:00:00+0000,,a@b.example,c@d.example\n",
			"type,timeLogged,timeQueued,orig,\"rcpt\"\n"},
		{"b,2026-11-01 00:00:00+0000,2026-11-01 00:00:00+0000,a@b.example\n", ""},
		{"type,timeLogged,timeQueued,orig", ""},
		{"Nov  1 00:00:00 mx1 postfix/qmgr[1]: a, b, c, d\n", ""},
		{"one,two,three\n", ""},
		{"#" + strings.Repeat("x", 2*MaxHead) + "\n", ""},
	} {
		if got := FileHead(test.file); got != test.want {
			t.Errorf("%q: %q, want %q", test.file, got, test.want)
		}
	}
}
