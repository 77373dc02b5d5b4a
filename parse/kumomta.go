package parse

import (
	"errors"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/bouncehouse/bouncehouse"
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
	if at := strings.Index(head, `"enhanced_code"`); at >= 0 && (strings.Contains(head[at:], `"peer_address"`) || strings.Contains(head[:at], `"peer_address"`)) {
		return true
	}
	return strings.Contains(head, `"bounce_classification"`) && strings.Contains(head, `"response"`)
}

// kumoRecord is what is read of a record.
type kumoRecord struct {
	kind       string
	id         string
	sender     string
	recipient  string
	more       []string // recipients, beside the first
	code       uint16
	enhanced   string
	content    string
	command    string
	peerName   string
	peerAddr   string
	source     string
	timestamp  string
	eventTime  string
	created    string
	createTime string
	tls        string
	messageID  string
	report     kumoReport
}

// kumoReport is what is read of a complaint.
type kumoReport struct {
	kind, sender, recipient, traced, source string
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

// member reads one member of the record.
func (rec *kumoRecord) member(j *jsonReader, key string) {
	switch key {
	case "type":
		rec.kind = j.text()
	case "id":
		rec.id = j.text()
	case "sender":
		rec.sender = j.text()
	case "recipient":
		rec.recipients(j)
	case "response":
		rec.response(j)
	case "peer_address":
		if j.open('{') {
			for key, more := j.key(); more; key, more = j.key() {
				switch key {
				case "name":
					rec.peerName = strings.TrimSuffix(j.text(), ".")
				case "addr":
					rec.peerAddr = j.text()
				default:
					j.skip()
				}
			}
		}
	case "source_address":
		if j.open('{') {
			for key, more := j.key(); more; key, more = j.key() {
				if key == "address" {
					rec.source = j.text()
				} else {
					j.skip()
				}
			}
		}
	case "timestamp":
		rec.timestamp = j.scalar()
	case "event_time":
		rec.eventTime = j.scalar()
	case "created":
		rec.created = j.scalar()
	case "created_time":
		rec.createTime = j.scalar()
	case "tls_protocol_version":
		rec.tls = j.text()
	case "headers":
		rec.headers(j)
	case "feedback_report":
		rec.feedback(j)
	default:
		j.skip()
	}
}

// maxKumoRecipients bounds the recipients of one record.
const maxKumoRecipients = 1000

func (rec *kumoRecord) recipients(j *jsonReader) {
	j.space()
	if !strings.HasPrefix(j.s, "[") {
		rec.recipient = j.text()
		return
	}
	j.open('[')
	for j.element(']') {
		switch s := j.text(); {
		case rec.recipient == "":
			rec.recipient = s
		case len(rec.more) < maxKumoRecipients:
			rec.more = append(rec.more, s)
		}
	}
}

// response reads {"code":550,"enhanced_code":{"class":5,"subject":1,"detail":1},"content":"text","command":"."}.
func (rec *kumoRecord) response(j *jsonReader) {
	if !j.open('{') {
		return
	}
	for key, more := j.key(); more; key, more = j.key() {
		switch key {
		case "code":
			if n, err := strconv.ParseUint(j.scalar(), 10, 16); err == nil && n >= 200 && n <= 599 {
				rec.code = uint16(n)
			}
		case "enhanced_code":
			var part [3]string
			if j.open('{') {
				for key, more := j.key(); more; key, more = j.key() {
					switch key {
					case "class":
						part[0] = j.scalar()
					case "subject":
						part[1] = j.scalar()
					case "detail":
						part[2] = j.scalar()
					default:
						j.skip()
					}
				}
			}
			if s := part[0] + "." + part[1] + "." + part[2]; bouncehouse.EnhancedLen(s) == len(s) {
				rec.enhanced = s
			}
		case "content":
			rec.content = j.text()
		case "command":
			rec.command = j.text()
		default:
			j.skip()
		}
	}
}

// headers takes the message id, where the logger keeps that header.
func (rec *kumoRecord) headers(j *jsonReader) {
	if !j.open('{') {
		return
	}
	for key, more := j.key(); more; key, more = j.key() {
		if len(key) == len("Message-ID") && strings.EqualFold(key, "Message-ID") {
			rec.messageID = bare(j.text())
		} else {
			j.skip()
		}
	}
}

func (rec *kumoRecord) feedback(j *jsonReader) {
	if !j.open('{') {
		return
	}
	f := &rec.report
	for key, more := j.key(); more; key, more = j.key() {
		switch key {
		case "feedback_type":
			f.kind = j.text()
		case "original_mail_from":
			f.sender = bare(j.text())
		case "original_rcpto_to", "original_rcpt_to": // the first is how KumoMTA spells it
			if j.open('[') {
				for j.element(']') {
					if s := bare(j.text()); f.recipient == "" {
						f.recipient = s
					}
				}
			}
		case "source_ip":
			f.source = j.text()
		case "supplemental_trace":
			if j.open('{') {
				for key, more := j.key(); more; key, more = j.key() {
					if key == "recipient" {
						f.traced = j.text()
					} else {
						j.skip()
					}
				}
			}
		default:
			j.skip()
		}
	}
}

// kumoTime reads RFC 3339 with any fraction, or else seconds since 1970.
func kumoTime(full, seconds string) (time.Time, bool) {
	for _, s := range [...]string{full, seconds} {
		if len(s) > 10 && s[10] == 'T' {
			if t, err := time.Parse(time.RFC3339, s); err == nil {
				return t.UTC(), true
			}
		}
	}
	whole, fraction, _ := strings.Cut(seconds, ".")
	return unixTime(whole, fraction)
}

// event makes the event of one recipient.
func (rec *kumoRecord) event(r bouncehouse.Record, at time.Time, recipient string, res *bouncehouse.Result) {
	ev := newEvent(res, bouncehouse.KumoMTA)
	ev.Time, ev.Host, ev.QueueID, ev.ContextKnown, ev.Counted = at, r.Host, rec.id, true, true
	ev.Direction, ev.MessageID = bouncehouse.Outbound, rec.messageID
	ev.Sender, ev.Recipient = bare(rec.sender), bare(recipient)
	ev.RemoteHost, ev.RemoteIP = rec.peerName, hostIP(rec.peerAddr)
	if ev.RemoteIP.IsUnspecified() { // of a report by mail
		ev.RemoteIP = netip.Addr{}
	}
	if from := endpoint(rec.source); from.IsValid() {
		ev.LocalIP = from.Addr()
	} else {
		ev.LocalIP = hostIP(rec.source)
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
	case "OOB":
		ev.DSNOrigin, ev.Delay = bouncehouse.DSNRemote, bouncehouse.Delay{}
		switch {
		case strings.HasPrefix(rec.enhanced, "2"):
			ev.Outcome, ev.Counted = bouncehouse.Delivered, false
		case strings.HasPrefix(rec.enhanced, "4"):
			ev.Outcome, ev.Counted = bouncehouse.Deferred, false // a notice of delay
		default:
			ev.Outcome = bouncehouse.Bounced
		}
	case "Feedback":
		ev.Outcome, ev.Delay = bouncehouse.Complaint, bouncehouse.Delay{}
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
		ev.LocalIP = hostIP(f.source)
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
		ev.Stage = inReplyTo(rec.command)
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
