package enrich

import (
	"context"

	"github.com/bouncehouse/bouncehouse"
)

// enrich is Enrich of one event.
func (c *Classifier) enrich(e *bouncehouse.Event) {
	events := []bouncehouse.Event{*e}
	_ = c.Enrich(context.Background(), &bouncehouse.Result{Events: events})
	*e = events[0]
}

func classifyReply(c *Classifier, reply string, provider bouncehouse.Provider,
	stage ...bouncehouse.Stage) bouncehouse.Event {
	said := bouncehouse.ParseReply(reply)
	e := bouncehouse.Event{Direction: bouncehouse.Outbound, Outcome: bouncehouse.Bounced, Provider: provider,
		ReplyCode: said.Code, EnhancedCode: said.Enhanced, ReplyText: bouncehouse.Clean(said.Text, bouncehouse.MaxText)}
	if len(stage) > 0 {
		e.Stage = stage[0]
	}
	c.enrich(&e)
	return e
}
