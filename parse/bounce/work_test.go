package bounce

import (
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/bouncehouse/bouncehouse"
	"github.com/bouncehouse/bouncehouse/parse/parsetest"
)

func parseHostileMail(t *testing.T, text string) {
	t.Helper()
	c := bouncehouse.Chunk{Kind: bouncehouse.Mail, Data: text, Ref: time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)}
	var res bouncehouse.Result
	bouncehouse.ParseChunk(New(dsnOptions), &c, &res)
	if len(res.Events) > maxRecipients {
		t.Errorf("%d events", len(res.Events))
	}
	for i := range res.Events {
		if e := &res.Events[i]; !utf8.ValidString(e.ReplyText) || !utf8.ValidString(e.Recipient) {
			t.Errorf("not UTF-8: %q %q", e.Recipient, e.ReplyText)
		}
	}
}

// What a mail costs grows with its length, whatever a stranger wrote.
func TestWorkMails(t *testing.T) {
	parsetest.WithoutGC(t)
	r := rand.New(rand.NewPCG(*parsetest.Seed, 0))
	words, mails := parsetest.ParserWords(t, ".."), dsnGoldens(t)
	parse := func(text string) { parseHostileMail(t, text) }
	for _, name := range slices.Sorted(maps.Keys(mails)) {
		for range *parsetest.Shapes {
			s := parsetest.NewShape(r, name, mails[name], words)
			for _, n := range []int{12 << 10, 220 << 10} { // below and above what is read of a text
				parsetest.CheckGrowth(t, &s, n, s.Text, parse)
			}
		}
	}
	t.Logf("-seed %d -shapes %d", *parsetest.Seed, *parsetest.Shapes)
}

// A mail of which more is read than its length allows is a dead letter, and
// makes no events.
func TestWorkWall(t *testing.T) {
	d := New(dsnOptions).(*mails)
	for name, text := range dsnGoldens(t) {
		whole := parseMail(text)
		allowed := whole.work.bytes
		var res bouncehouse.Result
		r := bouncehouse.Record{Chunk: &bouncehouse.Chunk{Kind: bouncehouse.Mail}, Text: text}
		if err := d.parse(&r, whole, &res); err != nil || len(res.Events) == 0 {
			continue
		}
		spent := allowed - whole.work.bytes
		if spent > allowed/8 {
			t.Errorf("%s: takes %d of %d, which leaves little room", name, spent, allowed)
		}
		short := parseMail(text)
		short.work.bytes = spent - 1
		if err := d.parse(&r, short, &res); err != errTooMuchWork {
			t.Errorf("%s: %v of a mail that takes more work than is left", name, err)
		}
	}
}
