package test_test

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// parsed is an event as parse prints it, as far as report counts it.
type parsed struct {
	Direction    string   `json:"direction"`
	Outcome      string   `json:"outcome"`
	Class        string   `json:"class"`
	Provider     string   `json:"provider"`
	ReplyCode    int      `json:"reply_code"`
	EnhancedCode string   `json:"enhanced_code"`
	Template     string   `json:"template"`
	RemoteIP     string   `json:"remote_ip"`
	Delay        *float64 `json:"delay"`
	Counted      bool     `json:"counted"`
}

// compareReport counts the events in its own way and compares with `report --json`, line by line.
func compareReport(t *testing.T, report string, events []parsed) {
	t.Helper()
	var got struct {
		Providers []struct {
			Provider                                        string
			Attempts, Delivered, Deferred, Bounced, Expired int
			TopClass                                        string   `json:"top_class"`
			Code571                                         int      `json:"code_5_7_1"`
			P50                                             *float64 `json:"delay_p50"`
			P95                                             *float64 `json:"delay_p95"`
		}
		Refusals []struct {
			Provider, Class, Template string
			Code                      int    `json:"reply_code"`
			Enhanced                  string `json:"enhanced_code"`
			Count                     int
		}
		Inbound []struct {
			Class          string
			Count, Clients int
		}
	}
	if err := json.Unmarshal([]byte(report), &got); err != nil {
		t.Fatal(err)
	}
	var said []string
	for _, p := range got.Providers {
		said = append(said, fmt.Sprintf("provider %q: %d attempts, %d delivered, %d deferred, %d bounced, %d expired, %d of 5.7.1, top %s, delays %s %s",
			p.Provider, p.Attempts, p.Delivered, p.Deferred, p.Bounced, p.Expired, p.Code571, p.TopClass,
			seconds(p.P50), seconds(p.P95)))
	}
	for _, r := range got.Inbound {
		said = append(said, fmt.Sprintf("inbound %s: %d from %d", r.Class, r.Count, r.Clients))
	}
	if want := counted(events); len(want) < 10 {
		t.Errorf("only %d figures", len(want))
	} else if d := cmp.Diff(want, sorted(said)); d != "" {
		t.Errorf("report (+) differs from what parse gives (-):\n%s", cut(d, 3000))
	}

	refusals := map[string]int{}
	for _, e := range events {
		if e.Counted && e.Direction == "outbound" && slices.Contains([]string{"deferred", "bounced", "expired"},
			e.Outcome) {
			refusals[fmt.Sprint(e.Provider, "|", e.Class, "|", e.ReplyCode, "|", e.EnhancedCode, "|", e.Template)]++
		}
	}
	var most []int
	for _, n := range refusals {
		most = append(most, n)
	}
	slices.SortFunc(most, func(a, b int) int { return b - a })
	if len(got.Refusals) != min(20, len(most)) {
		t.Errorf("%d refusals", len(got.Refusals))
	}
	for i, r := range got.Refusals {
		key := fmt.Sprint(r.Provider, "|", r.Class, "|", r.Code, "|", r.Enhanced, "|", r.Template)
		if refusals[key] != r.Count || most[i] != r.Count {
			t.Errorf("refusal %d, %s: %d times, counted %d; the one of that rank has %d", i+1, key, r.Count,
				refusals[key], most[i])
		}
	}
}

// counted are the figures of providers and of inbound refusals, as lines.
func counted(events []parsed) []string {
	type provider struct {
		outcomes, classes map[string]int
		code571           int
		delays            []float64
	}
	providers := map[string]*provider{}
	inbound, clients := map[string]int{}, map[string]map[string]bool{}
	for _, e := range events {
		if !e.Counted {
			continue
		}
		if e.Direction == "inbound" {
			inbound[e.Class]++
			if clients[e.Class] == nil {
				clients[e.Class] = map[string]bool{}
			}
			clients[e.Class][e.RemoteIP] = true
			continue
		}
		if !slices.Contains([]string{"delivered", "deferred", "bounced", "expired"}, e.Outcome) {
			continue
		}
		p := providers[e.Provider]
		if p == nil {
			p = &provider{outcomes: map[string]int{}, classes: map[string]int{}}
			providers[e.Provider] = p
		}
		p.outcomes[e.Outcome]++
		if e.EnhancedCode == "5.7.1" {
			p.code571++
		}
		if e.Outcome != "delivered" {
			p.classes[e.Class]++
		} else if e.Delay != nil {
			p.delays = append(p.delays, *e.Delay)
		}
	}
	var lines []string
	for name, p := range providers {
		top, attempts := "", 0
		for _, class := range sortedKeys(p.classes) {
			if p.classes[class] > p.classes[top] {
				top = class
			}
		}
		for _, n := range p.outcomes {
			attempts += n
		}
		lines = append(lines, fmt.Sprintf("provider %q: %d attempts, %d delivered, %d deferred, %d bounced, %d expired, %d of 5.7.1, top %s, delays %s %s",
			name, attempts, p.outcomes["delivered"], p.outcomes["deferred"], p.outcomes["bounced"],
			p.outcomes["expired"], p.code571, top,
			seconds(quantile(p.delays, 0.5)), seconds(quantile(p.delays, 0.95))))
	}
	for class, n := range inbound {
		lines = append(lines, fmt.Sprintf("inbound %s: %d from %d", class, n, len(clients[class])))
	}
	return sorted(lines)
}

// quantile is the least value that so much of all is not above.
func quantile(values []float64, level float64) *float64 {
	if len(values) == 0 {
		return nil
	}
	slices.Sort(values)
	rank := max(1, int(math.Ceil(level*float64(len(values))-1e-9)))
	return &values[rank-1]
}

func seconds(s *float64) string {
	if s == nil {
		return "-"
	}
	return strings.TrimSuffix(fmt.Sprintf("%.3f", *s), "000")
}

func sorted(lines []string) []string { slices.Sort(lines); return lines }
