package report

import (
	"flag"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jedib0t/go-pretty/v6/text"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func sample() *Report {
	at := func(h int) time.Time { return time.Date(2026, 11, 21, h, 4, 5, 0, time.UTC) }
	sec := func(s float64) *float64 { return &s }
	return &Report{
		Since: at(0), Until: at(23), DeadLetters: 3,
		Providers: []Provider{
			{Provider: "google", Attempts: 12345678, Delivered: 12000000, Deferred: 345000, Bounced: 600, Expired: 78,
				TopClass: "domain-accepts-no-mail", Code571: 31, DelayP50: sec(0.42), DelayP95: sec(75)},
			{Provider: "", Attempts: 7, Deferred: 7, TopClass: "greylisted"},
			{Provider: "averyveryverylongprovider", Attempts: 1, Delivered: 1, DelayP50: sec(12000),
				DelayP95: sec(200000)},
		},
		Refusals: []Refusal{
			{Provider: "microsoft", Class: "reputation", ReplyCode: 550, EnhancedCode: "5.7.1", Count: 31, First: at(1),
				Last:     at(22),
				Template: "Unfortunately, messages from [<ip>] weren't sent. Please contact your Internet service provider since part of their network is on our block list (S3150)."},
			{Provider: "coremail", Class: "no-such-user", ReplyCode: 550, Count: 2, First: at(3), Last: at(4),
				Template: strings.Repeat("收件人不存在,", 30)},
			{Class: "connection-failed", EnhancedCode: "4.4.1", Count: 1, First: at(5), Last: at(5),
				Template: "connect to <host>[<ip>]:<n>: " + strings.Repeat("x", 300)},
		},
		Claims: Claims{Providers: []ProviderClaims{{Provider: "google", LateBounces: 12,
			TopClass: "domain-accepts-no-mail", Complaints: 3}, {LateBounces: 1, TopClass: "policy"}},
			Unproved: Unproved{BounceMails: 1, Complaints: 2}, Misnamed: 3},
		Inbound: []Inbound{{Class: "dnsbl", Count: 12, Clients: 3, Last: at(20)}},
	}
}

// The tables fit into 100 columns, whatever stands in them, also where
// characters are two columns wide.
func TestWriteText(t *testing.T) {
	for name, r := range map[string]*Report{
		"full":   sample(),
		"empty":  {Until: time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)},
		"forged": {Since: sample().Since, Until: sample().Until, Claims: Claims{Unproved: Unproved{BounceMails: 6000}}},
		"believed": {Since: sample().Since, Until: sample().Until,
			Claims: Claims{Believed: true,
				Providers: []ProviderClaims{{Provider: "google", LateBounces: 12, TopClass: "policy"}}}},
		"failed": {Since: sample().Since, Until: sample().Until, Providers: sample().Providers[:1],
			Claims: Claims{Error: "ClickHouse: sendQuery: [HTTP 408] code: 159, message: Timeout exceeded: elapsed 60008.269898 ms,\nmaximum: 60000 ms. (TIMEOUT_EXCEEDED)"}},
		"old": {Since: sample().Since, Until: sample().Until, Latest: &sample().Refusals[0].First},
	} {
		var b strings.Builder
		if err := r.WriteText(&b, 100, time.FixedZone("CST", 8*3600)); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(b.String()) {
			if w := text.StringWidth(strings.TrimRight(line, "\n")); w > 100 {
				t.Errorf("%s: a line of %d columns: %s", name, w, line)
			}
		}
		golden := "testdata/" + name + ".txt"
		if *update {
			if err := os.WriteFile(golden, []byte(b.String()), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(string(want), b.String()); d != "" {
			t.Errorf("%s:\n%s", name, d)
		}
	}
}
