package parse

import (
	"strings"
	"testing"

	"github.com/bouncehouse/bouncehouse"
	"github.com/google/go-cmp/cmp"
)

// The header is learnt from the data, too, where a chunk brings none.
func TestExchangeHeaderInData(t *testing.T) {
	for _, s := range samples(t, "exchange") {
		var without bouncehouse.Result
		bouncehouse.ParseChunk(newParser(t, "exchange"), logChunk(s.file, s.log, 0), &without)
		differ(t, s.file+" (-head +none)", render(t, s.parse(t, "exchange")), render(t, &without))
	}
}

// A stranger's line, or a client's session, must not cost more than its
// length.
func TestExchangeHostileSize(t *testing.T) {
	row := func(session, event, data string) string {
		return "2024-03-05T10:15:44.120Z,c," + session + ",1,192.0.2.1:25,203.0.113.1:99," + event + "," + data + ",\n"
	}
	names := "#Fields: date-time,client-ip,client-hostname,server-ip,server-hostname,source-context,connector-id,source,event-id,internal-message-id,message-id," +
		"recipient-address,recipient-status,total-bytes,recipient-count,related-recipient-address,reference,message-subject,sender-address,return-path,message-info\n"
	tracked := func(rcpts, status string) string {
		return names + "2024-03-05T10:15:44.120Z,,,,,,,SMTP,FAIL,1,<m@x>," + rcpts + "," + status + ",,,,,,a@b,a@b,\n"
	}
	hostile(t, "exchange", func(n int) map[string]string {
		return map[string]string{
			"commas":     "2024-03-05T10:15:44.120Z" + strings.Repeat(",", n),
			"quotes":     `2024-03-05T10:15:44.120Z,"` + strings.Repeat(`""`, n/2),
			"columns":    "#Fields: date-time" + strings.Repeat(",event-id", n/9) + "\n",
			"recipients": tracked(strings.Repeat("a@b;", n/4), strings.Repeat("550 x;", n/6)),
			"braces":     tracked(strings.Repeat("a@b;", n/4), strings.Repeat("[{LED=550 x};{LED=", n/18)),
			"one status": tracked(strings.Repeat("a@b;", n/32), "550-"+strings.Repeat("550-5.1.1 x ", n/16)),
			"semicolons": tracked("a@b;c@d", strings.Repeat(";", n)),
			"sessions":   strings.Repeat(row("08DA", "+", "")+row("08DB", "<", "EHLO x"), n/160),
			"pipelined": row("08DA", "<", "MAIL FROM:<a@b>") + strings.Repeat(row("08DA", "<", "RCPT TO:<c@d>"),
				n/80) + row("08DA", ">", "250 ok"),
			"reply": row("08DA", "<", "MAIL FROM:<a@b>") + strings.Repeat(row("08DA", ">",
				"250-"+strings.Repeat("x", 100)), n/180) + row("08DA", ">", "250 ok"),
		}
	})
}

// The statuses of a row's recipients are cut where one begins, not at each
// semicolon.
func TestExchangeStatuses(t *testing.T) {
	for _, test := range []struct {
		n    int
		s    string
		want []string
	}{
		{1, "550 5.1.1 no; 551 never;550 x", []string{"550 5.1.1 no; 551 never;550 x"}},
		{2, "550 5.1.1 <a@x>... User unknown;552 5.2.2 <b@x>... full",
			[]string{"550 5.1.1 <a@x>... User unknown", "552 5.2.2 <b@x>... full"}},
		{2, "550 no; really;552 full; too;450 x", []string{"550 no; really", "552 full; too;450 x"}},
		{2, "[{LED=550 a;550 b};{IP=192.0.2.1}];[{LED=};{MSG=}]",
			[]string{"[{LED=550 a;550 b};{IP=192.0.2.1}]", "[{LED=};{MSG=}]"}},
		{3, ";552 full;", []string{"", "552 full", ""}},
		{3, "451 4.4.0 for all; of them", []string{"451 4.4.0 for all; of them", "451 4.4.0 for all; of them",
			"451 4.4.0 for all; of them"}},
		{3, "550 a;550 b", []string{"550 a", "550 b", ""}},
		{2, "", []string{"", ""}},
	} {
		l := statusList{rest: test.s, left: test.n}
		var got []string
		for range test.n {
			got = append(got, l.next())
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%d of %q (-want +got):\n%s", test.n, test.s, diff)
		}
	}
}
