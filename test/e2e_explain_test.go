package test_test

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bouncehouse/bouncehouse/test"
)

// TestExplainStored explains a stored event by its id, in both languages, as it does its reply; and tells what is wrong
// with an id.
func TestExplainStored(t *testing.T) {
	h := newHouse(t, binary(t), "")
	log := filepath.Join(test.Root(t), "testdata", "demo", "mail.log")
	h.must("run", "--once", log)
	h.engine()
	var stored struct {
		EventID      string `json:"event_id"`
		Class, Rule  string
		Provider     string
		ReplyText    string `json:"reply_text"`
		EnhancedCode string `json:"enhanced_code"`
		ReplyCode    string `json:"code"`
		ProviderCode string `json:"provider_code"`
		Template     string
	}
	row := h.rows(`SELECT event_id, class, rule, provider, reply_text, enhanced_code, toString(reply_code) AS code, provider_code, template FROM events
		WHERE provider = 'microsoft' AND class = 'reputation' AND reply_code != 0 ORDER BY time LIMIT 1`)
	if len(row) != 1 {
		t.Fatal("Microsoft refuses nothing in the demo's log")
	}
	if err := json.Unmarshal([]byte(row[0]), &stored); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(h.must("parse", log), `"event_id":"`+stored.EventID+`"`) {
		t.Error("parse gives the event another id")
	}
	reply := stored.ReplyCode + " " + stored.EnhancedCode + " " + stored.ReplyText

	for _, tc := range []struct {
		lang string
		want []string
	}{
		{"en", []string{"class: reputation", "provider: microsoft", "rule: " + stored.Rule, "Whose turn: ",
			"Likely causes", "What to do", "https://"}},
		{"zh", []string{"分类:reputation", "服务商:microsoft", "该谁处理:", "可能的原因", "处理步骤", "https://"}},
	} {
		for _, id := range []string{stored.EventID, strings.ToUpper(stored.EventID)} {
			out := h.must("explain", "--lang", tc.lang, "--event", id)
			for _, want := range append(tc.want, reply) {
				if !strings.Contains(out, want) {
					t.Errorf("explain --lang %s --event: no %q in\n%s", tc.lang, want, out)
				}
			}
		}
	}

	// The same by the reply alone, as far as that tells it.
	type told struct {
		Reply, Class, Rule, Provider, Meaning string
		Steps                                 []string
	}
	var byEvent, byReply told
	for into, out := range map[*told]string{&byEvent: h.must("explain", "--lang", "en", "--json", "--event",
		stored.EventID), &byReply: h.must("explain", "--lang", "en", "--json", reply)} {
		if err := json.Unmarshal([]byte(out), into); err != nil {
			t.Fatal(err)
		}
	}
	if byEvent.Class != byReply.Class || byEvent.Rule != byReply.Rule || byEvent.Provider != byReply.Provider ||
		byEvent.Meaning != byReply.Meaning || len(byEvent.Steps) == 0 {
		t.Errorf("by event %+v\nby reply %+v", byEvent, byReply)
	}
	cmd := h.command("classify", "--json")
	cmd.Args = append(cmd.Args[:2], "--config", h.config, "--json") // it knows no state
	cmd.Stdin = strings.NewReader(reply + "\n")
	var classified struct {
		Class, Rule, Provider, Template string
		ProviderCode                    string `json:"provider_code"`
	}
	if end := h.try(cmd); end.status != 0 || json.Unmarshal([]byte(end.out), &classified) != nil {
		t.Fatalf("classify: status %d\n%s%s", end.status, end.out, end.err)
	}
	if classified.Class != stored.Class || classified.Rule != stored.Rule || classified.Provider != stored.Provider ||
		classified.Template != stored.Template ||
		classified.ProviderCode != stored.ProviderCode {
		t.Errorf("classify gives %+v, stored is %+v", classified, stored)
	}

	for id, want := range map[string]struct {
		status int
		words  string
	}{
		"0123456789abcdef0123456789abcdef": {1, "there is no event 0123456789abcdef0123456789abcdef"},
		stored.EventID[:31]:                {2, "an event_id is 32 hexadecimal digits"},
		"' OR 1=1 --":                      {2, "an event_id is 32 hexadecimal digits"},
	} {
		end := h.try(h.command("explain", "--event", id))
		if end.status != want.status || !strings.Contains(end.err, want.words) || end.out != "" ||
			strings.Count(end.err, "\n") != 1 {
			t.Errorf("explain --event %q: status %d\n%s%s", id, end.status, end.out, end.err)
		}
	}
}

// TestClassesStored groups what is stored by class and template, and finds the same in the report.
func TestClassesStored(t *testing.T) {
	h := newHouse(t, binary(t), "")
	h.must("run", "--once", filepath.Join(test.Root(t), "testdata", "demo", "mail.log"))
	h.engine()
	rows := h.rows(`SELECT class, template, count() AS n, uniqExact(reply_text) AS texts FROM events
		WHERE direction = 'outbound' AND counted AND outcome != 'delivered' GROUP BY class, template ORDER BY n DESC, class, template`)
	classes, folded := map[string]int{}, 0
	for _, row := range rows {
		var g struct {
			Class, Template string
			N, Texts        int
		}
		if err := json.Unmarshal([]byte(row), &g); err != nil {
			t.Fatal(err)
		}
		classes[g.Class] += g.N
		if g.Texts > 1 {
			folded++
		}
	}
	if len(classes) < 8 || folded == 0 || classes["undetermined"] > 0 {
		t.Errorf("%d classes (%v), %d templates of several texts", len(classes), classes, folded)
	}
	report := h.must("report", "--since", "all")
	for _, class := range []string{"reputation", "greylisted", "no-such-user"} {
		if classes[class] == 0 || !strings.Contains(report, class) {
			t.Errorf("%s: %d events; in the report:\n%s", class, classes[class], report)
		}
	}
}
