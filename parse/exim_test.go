package parse

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestEximHostileSize(t *testing.T) {
	hostile(t, "exim", func(n int) map[string]string {
		return before("2026-11-01 18:56:32 ", map[string]string{
			"recipient": "1tEAbc-0000ab-00 => |" + strings.Repeat(" <a", n/3),
			"tops":      "1tEAbc-0000ab-00 => |" + strings.Repeat(" <a> b", n/6),
			"quote":     `1tEAbc-0000ab-00 => "` + strings.Repeat(`\"`, n/2),
			"parents":   "1tEAbc-0000ab-00 => a@b.example (" + strings.Repeat("a, ", n/3) + ") <c@d.example> R=x",
			"fields":    "1tEAbc-0000ab-00 => a@b.example" + strings.Repeat(" A=b", n/4),
			"hosts":     "1tEAbc-0000ab-00 => a@b.example" + strings.Repeat(" H=b [", n/6),
			"brackets":  "1tEAbc-0000ab-00 => a@b.example" + strings.Repeat(" F=<a", n/5),
			"strings":   "1tEAbc-0000ab-00 => a@b.example" + strings.Repeat(` C="\`, n/5),
			"lines":     "1tEAbc-0000ab-00 ** a@b.example: SMTP error from remote mail server after RCPT TO:<a@b.example>: 550-" + strings.Repeat(`a\n550-`, n/7),
			"octal":     "1tEAbc-0000ab-00 ** a@b.example: " + strings.Repeat(`\345\n`, n/6),
			"errors":    "1tEAbc-0000ab-00 == a@b.example" + strings.Repeat(" defer (110): x", n/15),
			"arrival":   "1tEAbc-0000ab-00 <= a@b.example" + strings.Repeat(" H=x (", n/6),
			"colons":    "1tEAbc-0000ab-00 <= a@b.example" + strings.Repeat(" a=b: ", n/6),
			"helo":      "H=(" + strings.Repeat(") [", n/3) + " rejected RCPT <a@b.example>",
			"rejected":  "H=[203.0.113.1]" + strings.Repeat(" X=a rejected", n/13),
			"argument":  "H=[203.0.113.1] rejected RCPT <" + strings.Repeat(">a: ", n/4),
			"times":     "1tEAbc-0000ab-00 ** a@b.example: x" + strings.Repeat(" DT=1s", n/6),
			"wrapped":   strings.Repeat("a:", n/2),
		})
	})
}

// A message of which nothing is remembered says so, and what a line itself
// says of it stands.
func TestEximContext(t *testing.T) {
	res := parseLog(t, "exim", "context",
		"2026-11-01 12:00:04 1tECbf-0000ab-00 => a@b.example F=<who@shop.example> R=r T=t\n"+
			"2026-11-01 12:00:05 1tECbf-0000ab-00 <= ann@shop.example U=ann P=local S=10\n"+
			"2026-11-01 12:00:09 1tECbf-0000ab-00 => a@b.example F=<who@shop.example> R=r T=t\n"+
			"2026-11-01 12:00:09 1tECbf-0000ab-00 Completed\n"+
			"2026-11-01 12:00:10 1tECbf-0000ab-00 => a@b.example R=r T=t\n")
	var got []string
	for i := range res.Events {
		e := &res.Events[i]
		got = append(got, e.Sender)
		if known := i == 1; e.ContextKnown != known || e.Delay.Known != known ||
			known && e.Delay.Duration != 4*time.Second {
			t.Errorf("event %d: context known %v, delay %v", i, e.ContextKnown, e.Delay)
		}
	}
	if want := []string{"who@shop.example", "ann@shop.example", ""}; !slices.Equal(got, want) {
		t.Errorf("senders %q, want %q", got, want)
	}
}

func TestCutEximID(t *testing.T) {
	for _, id := range []string{"1tEAbc-0000ab-00", "1tEAbc-0000000Ab0D-0dE1"} {
		if got, rest := cutEximID(id + " Completed"); got != id || rest != "Completed" {
			t.Errorf("%s: got %q, %q", id, got, rest)
		}
	}
	for _, s := range []string{"1tEAbc-0000ab-00xyz ", "1tEAbc-0000a-00 ", "1tEAb-0000ab-00 ", "1tEAbc-0000ab_00 ",
		"1tEAbc-0000ab-0 x"} {
		if id, _ := cutEximID(s); id != "" {
			t.Errorf("%q was taken for an id", id)
		}
	}
}
