package enrich

import (
	"testing"

	"github.com/bouncehouse/bouncehouse"
)

func classifyReply(c *Classifier, reply string, provider bouncehouse.Provider, stage ...bouncehouse.Stage) bouncehouse.Event {
	code, enhanced, text := splitReply(reply)
	e := bouncehouse.Event{Direction: bouncehouse.Outbound, Outcome: bouncehouse.Bounced, Provider: provider,
		ReplyCode: code, EnhancedCode: enhanced, ReplyText: bouncehouse.Clean(text, bouncehouse.MaxText)}
	if len(stage) > 0 {
		e.Stage = stage[0]
	}
	c.enrich(&e)
	return e
}

// Every rule decides its own example: else another rule stands before it, or
// it does not say what it means.
func TestRulesDecideTheirExamples(t *testing.T) {
	c, err := NewClassifier(Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range Rules() {
		var p bouncehouse.Provider
		if r.Only {
			p = r.Provider
		}
		var stage bouncehouse.Stage
		if s := split(r.Stage); len(s) > 0 {
			stage = bouncehouse.Stage(s[0])
		}
		e := classifyReply(c, r.Example, p, stage)
		if e.Rule != r.Name || e.Class != r.Class {
			t.Errorf("%s (%s): its example went to %s (%s)\n\t%s\n\t%s", r.Name, r.Class, e.Rule, e.Class, r.Example, e.Template)
		}
		if r.Ref == "" {
			t.Errorf("%s: no Ref", r.Name)
		}
	}
}
