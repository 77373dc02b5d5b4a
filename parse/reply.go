package parse

import (
	"strings"

	"github.com/bouncehouse/bouncehouse"
)

// setReply takes a reply apart. Where the remote sent no enhanced code the
// dsn= field's stays.
func setReply(ev *bouncehouse.Event, s string) {
	r := bouncehouse.ParseReply(s)
	ev.ReplyCode, ev.ReplyText = r.Code, r.Text
	if r.Enhanced != "" {
		ev.EnhancedCode = r.Enhanced
	}
}

// commandStage is the stage of an SMTP command, in capitals, that logs name;
// "end of DATA" is Postfix's [smtp/smtp_proto.c, xfer_request], and Haraka's
// here.
func commandStage(s string) bouncehouse.Stage {
	switch {
	case strings.HasPrefix(s, "end of DATA"):
		return bouncehouse.StageEOD
	case strings.HasPrefix(s, "RCPT"):
		return bouncehouse.StageRCPT
	case strings.HasPrefix(s, "MAIL"):
		return bouncehouse.StageMAIL
	case strings.HasPrefix(s, "DATA"):
		return bouncehouse.StageDATA
	case strings.HasPrefix(s, "EHLO"), strings.HasPrefix(s, "HELO"), strings.HasPrefix(s, "LHLO"),
		strings.HasPrefix(s, "XFORWARD"), strings.HasPrefix(s, "XCLIENT"):
		return bouncehouse.StageHELO
	case strings.HasPrefix(s, "STARTTLS"):
		return bouncehouse.StageSTARTTLS
	case strings.HasPrefix(s, "AUTH"):
		return bouncehouse.StageAuth
	}
	return ""
}
