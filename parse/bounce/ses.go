package bounce

import (
	"encoding/json"
	"strings"

	"github.com/bouncehouse/bouncehouse/parse/values"
)

// Amazon SES's notifications, which its notification service (SNS) sends as
// mails: JSON, bare ("raw message delivery") or as a string in SNS's own
// object. The bounce mails that SES sends itself are RFC 3464.
//
//	{"Type": "Notification", "Message": "{\"notificationType\":\"Bounce\",\"bounce\":{\"bouncedRecipients\":
//	  [{\"emailAddress\":\"user@example.net\",\"action\":\"failed\",\"status\":\"5.1.1\",\"diagnosticCode\":\"smtp; 550 5.1.1 user unknown\"}],
//	  ...},\"mail\":{...}}", ...}
//	{"notificationType":"Complaint","complaint":{"complainedRecipients":[{"emailAddress":"user@example.net"}],"complaintFeedbackType":"abuse"},"mail":{...}}
//
// https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html and
// event-publishing-retrieving-sns-contents.html, where the field is eventType.
type sesNotice struct {
	Message          string // SNS's wrapping
	NotificationType string `json:"notificationType"`
	EventType        string `json:"eventType"`
	Bounce           struct {
		Recipients   []sesRecipient `json:"bouncedRecipients"`
		Timestamp    string         `json:"timestamp"`
		ReportingMTA string         `json:"reportingMTA"`
	} `json:"bounce"`
	Complaint struct {
		Recipients []sesRecipient `json:"complainedRecipients"`
		Timestamp  string         `json:"timestamp"`
		Type       string         `json:"complaintFeedbackType"`
	} `json:"complaint"`
	Delay struct {
		Recipients   []sesRecipient `json:"delayedRecipients"`
		Timestamp    string         `json:"timestamp"`
		ReportingMTA string         `json:"reportingMTA"`
	} `json:"deliveryDelay"`
	Delivery struct {
		Recipients   []string `json:"recipients"`
		Timestamp    string   `json:"timestamp"`
		Response     string   `json:"smtpResponse"`
		ReportingMTA string   `json:"reportingMTA"`
		RemoteIP     string   `json:"remoteMtaIpAddress"`
	} `json:"delivery"`
	Mail struct {
		Timestamp string `json:"timestamp"`
		Source    string `json:"source"`
		Headers   []struct {
			Name  string `json:"name"`
			Value string `json:"value"`
		} `json:"headers"`
		Common struct {
			MessageID string `json:"messageId"`
		} `json:"commonHeaders"`
	} `json:"mail"`
}

type sesRecipient struct {
	Address    string `json:"emailAddress"`
	Action     string `json:"action"`
	Status     string `json:"status"`
	Diagnostic string `json:"diagnosticCode"`
}

func readSES(m *mimePart) ([]report, error) {
	text := strings.TrimLeft(m.text(), "\r\n\t ")
	if !strings.HasPrefix(text, "{") || !strings.Contains(text, "notificationType") &&
		!strings.Contains(text, "eventType") {
		return nil, nil
	}
	n, ok := decodeSES(text)
	if ok && n.Message != "" {
		n, ok = decodeSES(n.Message)
	}
	if !ok {
		return nil, nil // other JSON, or cut off
	}
	rep := report{mail: m, sender: n.Mail.Source, messageID: n.Mail.Common.MessageID,
		arrival: values.Date(n.Mail.Timestamp)}
	for _, h := range n.Mail.Headers {
		rep.original = append(rep.original, mimeField{h.Name, h.Value})
	}
	add := func(r sesRecipient, action, at string) {
		b := block{recipient: r.Address, action: firstOf(r.Action, action), status: values.StatusCode(r.Status),
			diagnostic: r.Diagnostic, attempt: values.Date(at)}
		if b.recipient != "" {
			rep.blocks = append(rep.blocks, b)
		}
	}
	switch firstOf(n.NotificationType, n.EventType) {
	case "Bounce":
		rep.mta = values.HostName(typed(n.Bounce.ReportingMTA).value)
		for _, r := range n.Bounce.Recipients {
			add(r, "failed", n.Bounce.Timestamp)
		}
	case "DeliveryDelay":
		rep.mta = values.HostName(typed(n.Delay.ReportingMTA).value)
		for _, r := range n.Delay.Recipients {
			add(r, "delayed", n.Delay.Timestamp)
		}
	case "Complaint":
		for _, r := range n.Complaint.Recipients {
			add(r, "", n.Complaint.Timestamp)
		}
		rep.complaint = &complaint{feedback: feedbackType(n.Complaint.Type)}
	case "Delivery":
		rep.mta = values.HostName(n.Delivery.ReportingMTA)
		for _, a := range n.Delivery.Recipients {
			add(sesRecipient{Address: a, Diagnostic: n.Delivery.Response}, "delivered", n.Delivery.Timestamp)
		}
		for i := range rep.blocks {
			rep.blocks[i].remote = n.Delivery.RemoteIP
		}
	}
	return rep.found()
}

// decodeSES decodes the object that text begins with; SNS adds a footer.
func decodeSES(text string) (n sesNotice, ok bool) {
	if json.NewDecoder(strings.NewReader(text)).Decode(&n) == nil {
		return n, true
	}
	// QUIRK: Sendmail breaks lines of more than 990 bytes by "!", line end,
	// blank; no string of JSON holds a line end.
	text = strings.NewReplacer("!\r\n ", "", "!\n ", "").Replace(text)
	n = sesNotice{}
	return n, json.NewDecoder(strings.NewReader(text)).Decode(&n) == nil
}
