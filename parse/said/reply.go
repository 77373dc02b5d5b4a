package said

import (
	"github.com/bouncehouse/bouncehouse"
)

// SetReply takes a reply apart. Where the remote sent no enhanced code the
// dsn= field's stays.
func SetReply(ev *bouncehouse.Event, s string) {
	r := bouncehouse.ParseReply(s)
	ev.ReplyCode, ev.ReplyText = r.Code, r.Text
	if r.Enhanced != "" {
		ev.EnhancedCode = r.Enhanced
	}
}
