package enrich

import "github.com/bouncehouse/bouncehouse"

func splitReply(s string) (code uint16, enhanced, text string) {
	r := bouncehouse.ParseReply(s)
	return r.Code, r.Enhanced, r.Text
}

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
