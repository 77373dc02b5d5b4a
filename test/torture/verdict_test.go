package torture

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// TestVerdict holds that the judge sees what it is there for: one row lost, doubled, changed or made up among
// thousands, a figure of the rollup or the report that is one off, a message too few, a dead letter.
func TestVerdict(t *testing.T) {
	var written []Attempt
	for i := range 5000 {
		outcome := []string{"delivered", "deferred", "bounced", "expired"}[i%4]
		written = append(written, Attempt{Source: "postfix", Host: "mx1", Time: 1764442635000 + int64(i)*100,
			Recipient: fmt.Sprintf("r%d@example.net", i/2), QueueID: fmt.Sprintf("Q%d", i/3), Sender: "s@shop.example",
			Outcome: outcome, Enhanced: "2.0.0", Provider: []string{"", "google"}[i%2], Counted: 1,
			Where: "mail.log, byte 1"})
	}
	written[7].Apart = true
	written = append(written, Attempt{Source: "dsn", Recipient: "d1@example.net", Outcome: "bounced", Where: "Maildir"})
	whole := func() *stored {
		return &stored{rows: slices.Clone(written), rollup: rollup(written), report: report(written), messages: 1667}
	}
	if err := compare(written, 1667, whole()); err != nil {
		t.Fatalf("what is equal: %v", err)
	}
	unknown := whole()
	unknown.rows[7].Sender = ""
	if err := compare(written, 1667, unknown); err != nil {
		t.Fatalf("a sender that is not known in a log of several: %v", err)
	}
	for _, c := range []struct {
		name, want string
		harm       func(s *stored)
	}{
		{"a row lost", "1 lost (mail.log: 1)", func(s *stored) { s.rows = slices.Delete(s.rows, 4321, 4322) }},
		{"a mail lost", "1 lost", func(s *stored) { s.rows = s.rows[:5000] }},
		{"a row doubled", "1 doubled", func(s *stored) { s.rows = append(s.rows, s.rows[17]) }},
		{"a sender changed", `1 changed`, func(s *stored) { s.rows[99].Sender = "" }},
		{"a row not counted", `counted "0", not "1"`, func(s *stored) { s.rows[99].Counted = 0 }},
		{"another's sender in a log of several", `1 changed`,
			func(s *stored) { s.rows[7].Sender = "other@shop.example" }},
		{"an outcome changed", `outcome "bounced", not "deferred"`, func(s *stored) { s.rows[1].Outcome = "bounced" }},
		{"a row made up", "1 not in the ledger", func(s *stored) {
			s.rows = append(s.rows, Attempt{Source: "postfix", Host: "mx1", Recipient: "nobody@example.net"})
		}},
		{"a recipient lost", "1 lost", func(s *stored) { s.rows[3].Recipient = "" }},
		{"one attempt too many in the rollup", "1 figures of attempts_5m", func(s *stored) {
			for b, v := range s.rollup {
				v.attempts++
				s.rollup[b] = v
				break
			}
		}},
		{"a bucket lost", "1 figures of attempts_5m", func(s *stored) {
			for b := range s.rollup {
				delete(s.rollup, b)
				break
			}
		}},
		{"the report one off", "1 figures of report", func(s *stored) {
			p := s.report["google"]
			p.Delivered--
			s.report["google"] = p
		}},
		{"an arrival lost", "1666 messages are stored, must be 1667", func(s *stored) { s.messages-- }},
		{"a dead letter", "1 dead letters", func(s *stored) { s.dead = append(s.dead, "mail.log 17: reason") }},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := whole()
			c.harm(s)
			if err := compare(written, 1667, s); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("the verdict is %v, want %q", err, c.want)
			}
		})
	}
}
