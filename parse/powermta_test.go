package parse

import (
	"strings"
	"testing"

	"github.com/bouncehouse/bouncehouse"
)

// Replies are strangers' words, also within quotes.
func TestPowerMTAHostileSize(t *testing.T) {
	head := "type,timeLogged,timeQueued,orig,rcpt,dsnStatus,dsnDiag\n"
	row := "b,2024-02-01 10:00:02+0000,1178807900,a@b.example,c@d.example,5.0.0,"
	hostile(t, "powermta", func(n int) map[string]string {
		return map[string]string{
			"commas": head + row + strings.Repeat(",", n),
			"quotes": head + row + `"` + strings.Repeat(`""`, n/2),
			"open":   head + row + `"smtp;550 ` + strings.Repeat("a", n),
			"lines":  head + row + `"smtp;550 ` + strings.Repeat("a\n", n/2),
			"rows":   head + strings.Repeat(row+`"`+"\n", n/80),
			"codes":  head + row + "smtp;550-" + strings.Repeat("550-5.1.1 a ", n/12),
			"header": "type,timeLogged,rcpt" + strings.Repeat(",x", n/2),
			"lost":   "b,1178807900,1178807900,a@b.example,c@d.example,,failed,5.0.0,smtp;" + strings.Repeat("5", n),
		}
	})
}

// Each file of a stream has its own header, also where several were put together.
func TestPowerMTAHeaders(t *testing.T) {
	rows := "type,timeLogged,rcpt,dsnStatus\nd,1178807900,a@b.example,2.0.0\n" +
		"type,rcpt,timeLogged,dsnStatus\nd,c@d.example,1178807901,2.0.0\n"
	p := newParser(t, "powermta")
	var res bouncehouse.Result
	bouncehouse.ParseChunk(p, logChunk("a", rows, 0), &res)
	other := "type,rcpt,timeLogged,dsnStatus\n"
	c := logChunk("b", "d,e@f.example,1178807902,2.0.0\n", len(other))
	c.FileID, c.Head = "other", other
	bouncehouse.ParseChunk(p, c, &res)
	var got []string
	for i := range res.Events {
		got = append(got, res.Events[i].Recipient)
	}
	if strings.Join(got, " ") != "a@b.example c@d.example e@f.example" {
		t.Errorf("got %q", got)
	}
}
