package parse

import (
	"strconv"
	"strings"
	"time"

	"github.com/bouncehouse/bouncehouse"
	"github.com/bouncehouse/bouncehouse/parse/values"
)

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
			rec.messageID = values.MessageID(j.text())
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
			f.sender = values.Bare(j.text())
		case "original_rcpto_to", "original_rcpt_to": // the first is how KumoMTA spells it
			if j.open('[') {
				for j.element(']') {
					if s := values.Bare(j.text()); f.recipient == "" {
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
