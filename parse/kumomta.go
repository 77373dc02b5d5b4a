package parse

import (
	"errors"
	"net/netip"
	"strings"
	"time"

	"github.com/bouncehouse/bouncehouse"
	"github.com/bouncehouse/bouncehouse/parse/said"
	"github.com/bouncehouse/bouncehouse/parse/values"
)

// KumoMTA 2023 to 2026 logs JSON, an object a line (docs.kumomta.com,
// reference/log_record; crates/kumo-log-types):
//
//	{"type":"Bounce","id":"1d98076a","sender":"a@b","recipient":"c@d","queue":"campaign:tenant@d","site":"...","size":1047,
//	 "response":{"code":550,"enhanced_code":{"class":5,"subject":1,"detail":1},"content":"no such user","command":"RCPT TO:<c@d>"},
//	 "peer_address":{"name":"mx.d.","addr":"203.0.113.9"},"timestamp":1757676200,"created":1757675220,"num_attempts":0,
//	 "bounce_classification":"InvalidRecipient","source_address":{"address":"192.0.2.1:53210"},"feedback_report":null,
//	 "headers":{},"tls_protocol_version":"TLSv1.3","event_time":"2025-09-12T11:23:20.123456789Z",...}
//
// Types that are events: Delivery, Bounce, TransientFailure, Expiration,
// AdminBounce; Rejection (of a client of ours); OOB (a bounce mail that came
// back) and Feedback (a complaint). Others (Reception, Delayed, AdminRebind,
// DeferredInjectionRebind, XferOut, XferIn ...) are none. A recipient may be
// an array; the command "." is the end of the data; the codes of an
// expiration, an administrator's bounce and of all that "KumoMTA internal:"
// says are made up by KumoMTA; the text is kept without these words, as other
// systems' own words are.
type kumoMTA struct{}

func newKumoMTA(Options) bouncehouse.Parser { return &kumoMTA{} }

// sniffKumoMTA knows the members that every record has.
func sniffKumoMTA(head string) bool {
	head = strings.TrimPrefix(head, bom)
	if len(head) < 80 || head[0] != '{' {
		return false
	}
	// In the usual order the first members are told from others' at once.
	if s, ok := strings.CutPrefix(head, `{"type":"`); ok {
		for _, next := range [...]string{`","id":"`, `","sender":"`, `,"recipient":`, `,"queue":"`, `","site":"`} {
			if _, s, ok = strings.Cut(s, next); !ok {
				break
			}
		}
		if ok {
			return true
		}
	}
	if at := strings.Index(head, `"enhanced_code"`); at >= 0 &&
		(strings.Contains(head[at:], `"peer_address"`) || strings.Contains(head[:at], `"peer_address"`)) {
		return true
	}
	return strings.Contains(head, `"bounce_classification"`) && strings.Contains(head, `"response"`)
}

var errKumoCut = errors.New("record of KumoMTA is cut off or no JSON")

func (p *kumoMTA) Parse(r bouncehouse.Record, res *bouncehouse.Result) error {
	text := strings.TrimPrefix(r.Text, bom)
	if text == "" || text[0] != '{' {
		return nil
	}
	j := jsonReader{s: text}
	var rec kumoRecord
	j.open('{')
	for key, more := j.key(); more; key, more = j.key() {
		rec.member(&j, key)
		if rec.kind != "" && !kumoEvent(rec.kind) {
			return nil // "type" is the first member
		}
	}
	if !kumoEvent(rec.kind) {
		return nil
	}
	if j.bad {
		return errKumoCut
	}
	at, ok := kumoTime(rec.eventTime, rec.timestamp)
	if !ok {
		return errKumoCut
	}
	rec.event(r, at, rec.recipient, res)
	for _, recipient := range rec.more {
		rec.event(r, at, recipient, res)
	}
	return nil
}

// kumoEvent tells the types that are events.
func kumoEvent(kind string) bool {
	switch kind {
	case "Delivery", "Bounce", "TransientFailure", "Expiration", "AdminBounce", "OOB", "Feedback", "Rejection":
		return true
	}
	return false
}

// event makes the event of one recipient.
func (rec *kumoRecord) event(r bouncehouse.Record, at time.Time, recipient string, res *bouncehouse.Result) {
	ev := newEvent(res, bouncehouse.KumoMTA)
	ev.Time, ev.Host, ev.QueueID, ev.ContextKnown, ev.Counted = at, r.Host, rec.id, true, true
	ev.Direction, ev.MessageID = bouncehouse.Outbound, rec.messageID
	ev.Sender, ev.Recipient = values.Bare(rec.sender), values.Bare(recipient)
	ev.RemoteHost, ev.RemoteIP = rec.peerName, values.IP(rec.peerAddr)
	if ev.RemoteIP.IsUnspecified() { // of a report by mail
		ev.RemoteIP = netip.Addr{}
	}
	if from := values.Endpoint(rec.source); from.IsValid() {
		ev.LocalIP = from.Addr()
	} else {
		ev.LocalIP = values.IP(rec.source)
	}
	if rec.tls != "" {
		ev.TLS = tlsVersion(rec.tls)
	}
	if since, ok := kumoTime(rec.createTime, rec.created); ok && !at.Before(since) && rec.kind != "Rejection" {
		ev.Delay = bouncehouse.Delay{Duration: at.Sub(since), Known: true}
	}
	rec.outcome(ev)
	rec.reply(ev)
}

func (rec *kumoRecord) outcome(ev *bouncehouse.Event) {
	switch rec.kind {
	case "Delivery":
		ev.Outcome = bouncehouse.Delivered
	case "Bounce", "AdminBounce":
		ev.Outcome = bouncehouse.Bounced
	case "TransientFailure":
		ev.Outcome = bouncehouse.Deferred
	case "Expiration":
		ev.Outcome = bouncehouse.Expired
	case "Rejection":
		ev.Direction, ev.Outcome = bouncehouse.Inbound, bouncehouse.Rejected
	case "OOB": // a claim, as is Feedback: KumoMTA logs what any mail says
		ev.DSNOrigin, ev.Delay, ev.Counted = bouncehouse.DSNRemote, bouncehouse.Delay{}, false
		switch {
		case strings.HasPrefix(rec.enhanced, "2"):
			ev.Outcome = bouncehouse.Delivered
		case strings.HasPrefix(rec.enhanced, "4"):
			ev.Outcome = bouncehouse.Deferred // a notice of delay
		default:
			ev.Outcome = bouncehouse.Bounced
		}
	case "Feedback":
		ev.Outcome, ev.Delay, ev.Counted = bouncehouse.Complaint, bouncehouse.Delay{}, false
		f := &rec.report
		if ev.FeedbackType = f.kind; f.kind == "" {
			ev.FeedbackType = "abuse"
		}
		if f.sender != "" {
			ev.Sender = f.sender
		}
		if f.traced != "" { // what the provider hid, from our own trace header
			ev.Recipient = f.traced
		} else if f.recipient != "" {
			ev.Recipient = f.recipient
		}
		ev.LocalIP = values.IP(f.source)
	}
}

const kumoInternal = "KumoMTA internal: "

func (rec *kumoRecord) reply(ev *bouncehouse.Event) {
	if ev.Outcome == bouncehouse.Complaint {
		return
	}
	ev.ReplyText = rec.lines()
	ev.ReplyCode, ev.EnhancedCode = rec.code, rec.enhanced
	own := strings.HasPrefix(rec.content, kumoInternal)
	if own {
		ev.ReplyText = strings.TrimPrefix(ev.ReplyText, kumoInternal)
	}
	if own || rec.kind == "Expiration" || rec.kind == "AdminBounce" || rec.kind == "OOB" && rec.content == "" ||
		ev.Direction == bouncehouse.Outbound && rec.peerName == "" && rec.peerAddr == "" { // nobody answered
		ev.ReplyCode = 0
	}
	switch {
	case rec.command == ".":
		ev.Stage = bouncehouse.StageEOD
	case strings.HasPrefix(rec.command, "BDAT"):
		ev.Stage = bouncehouse.StageDATA
	case rec.command != "":
		ev.Stage = said.Command(rec.command)
	case rec.kind == "Delivery" && rec.code == 250 && ev.RemoteHost != "":
		ev.Stage = bouncehouse.StageEOD
	case own && (strings.Contains(rec.content, "STARTTLS") || strings.Contains(rec.content, "TLS handshake")):
		ev.Stage = bouncehouse.StageSTARTTLS
		// They were connected: what failed is behind the colon.
		ev.ReplyText = strings.TrimPrefix(ev.ReplyText, "failed to connect to any candidate hosts: ")
	case own && strings.Contains(rec.content, "connect to "):
		ev.Stage = bouncehouse.StageConnect
	}
}

// lines joins the lines of the content; each may begin with the enhanced code.
func (rec *kumoRecord) lines() string {
	if rec.enhanced == "" {
		rec.enhanced = rec.content[:bouncehouse.EnhancedLen(rec.content)]
	}
	if strings.IndexByte(rec.content, '\n') < 0 {
		return rec.withoutCode(rec.content)
	}
	var b strings.Builder
	for line := range strings.SplitSeq(rec.content, "\n") {
		if line = rec.withoutCode(strings.Trim(line, " \r")); line != "" {
			if b.Len() > 0 {
				b.WriteByte(' ')
			}
			b.WriteString(line)
		}
	}
	return b.String()
}

// withoutCode cuts the record's enhanced code off the beginning of a line.
func (rec *kumoRecord) withoutCode(line string) string {
	if rec.enhanced != "" && strings.HasPrefix(line, rec.enhanced) {
		if enhanced, rest := bouncehouse.CutEnhanced(line); enhanced == rec.enhanced {
			return rest
		}
	}
	return line
}
