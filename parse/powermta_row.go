package parse

import (
	"strings"

	"github.com/bouncehouse/bouncehouse"
	"github.com/bouncehouse/bouncehouse/parse/said"
	"github.com/bouncehouse/bouncehouse/parse/values"
)

// outcome takes type, dsnAction and dsnStatus. What came by mail (rb, rs, f)
// is a claim: PowerMTA files it without asking for proof.
func (row *pmtaRow) outcome(ev *bouncehouse.Event) {
	ev.Counted = true
	switch row[pmtaType] {
	case "d", "delivery":
		ev.Outcome = bouncehouse.Delivered
		if row[pmtaDelivery] == "discard" || row[pmtaDelivery] == "discarded" {
			ev.Outcome, ev.Counted = bouncehouse.Relayed, false // by our own configuration: delivered to nobody
		}
	case "b", "bounce":
		ev.Outcome = bouncehouse.Bounced
		status := row[pmtaStatus]
		if row[pmtaCategory] == "message-expired" || bouncehouse.EnhancedLen(status) > 0 &&
			strings.HasPrefix(status[1:], ".4.7") {
			ev.Outcome = bouncehouse.Expired
		}
	case "t", "transient":
		ev.Outcome = bouncehouse.Deferred
	case "rb", "remote-bounce":
		ev.Outcome, ev.DSNOrigin, ev.Counted = bouncehouse.Bounced, bouncehouse.DSNRemote, false
	case "rs", "remote-status":
		ev.DSNOrigin, ev.Counted = bouncehouse.DSNRemote, false
		switch row[pmtaAction] {
		case "delayed":
			ev.Outcome = bouncehouse.Deferred
		case "failed":
			ev.Outcome = bouncehouse.Bounced
		case "relayed", "expanded":
			ev.Outcome = bouncehouse.Relayed
		default:
			ev.Outcome = bouncehouse.Delivered
		}
	case "f", "feedback":
		ev.Outcome, ev.Counted = bouncehouse.Complaint, false
		ev.FeedbackType = row[pmtaFeedback]
		if ev.FeedbackType == "" {
			ev.FeedbackType = "abuse"
		}
	}
}

// remote takes the hosts' names and addresses.
func (row *pmtaRow) remote(ev *bouncehouse.Event) {
	host, ip := pmtaHost(row[pmtaMTA])
	if host == "" && (ev.DSNOrigin != "" || ev.Outcome == bouncehouse.Complaint) {
		_, name, ok := strings.Cut(row[pmtaReporter], ";") // "dns;mx.example.org"
		if !ok {
			name = row[pmtaReporter]
		}
		host, ip = pmtaHost(strings.Trim(name, " "))
	}
	ev.RemoteHost, ev.RemoteIP = host, values.IP(ip)
	if to := values.IP(row[pmtaRemoteIP]); to.IsValid() && !to.IsUnspecified() {
		ev.RemoteIP = to
	}
	if from := values.IP(row[pmtaLocalIP]); from.IsValid() && !from.IsUnspecified() {
		ev.LocalIP = from
	}
	if row[pmtaTLS] != "" {
		ev.TLS = tlsVersion(row[pmtaTLS])
	}
	if name, addr := pmtaHost(row[pmtaSource]); addr != "" {
		ev.Client = name + "[" + addr + "]"
	} else {
		ev.Client = name
	}
}

// pmtaHost reads "mx.example.org (203.0.113.9)".
func pmtaHost(s string) (host, ip string) {
	host, ip, _ = strings.Cut(s, "(")
	host, ip = strings.Trim(host, " "), strings.TrimRight(ip, ") ")
	if ip == "" && values.IP(host).IsValid() {
		return "", host
	}
	return host, ip
}

// reply takes dsnDiag; without it PowerMTA's own words and category.
func (row *pmtaRow) reply(ev *bouncehouse.Event) {
	n := bouncehouse.EnhancedLen(row[pmtaStatus])
	ev.EnhancedCode = row[pmtaStatus][:n]
	kind, diag, ok := strings.Cut(row[pmtaDiag], ";")
	if !ok {
		kind, diag = "", row[pmtaDiag]
	}
	diag = strings.Trim(diag, " ")
	switch {
	case diag != "" && (kind == "" || strings.EqualFold(strings.Trim(kind, " "), "smtp")):
		if n := bouncehouse.EnhancedLen(diag); n > 0 && n < len(diag) { // "smtp;5.1.1 text": the code is lost
			ev.EnhancedCode, ev.ReplyText = diag[:n], strings.TrimLeft(diag[n:], " ")
		} else {
			said.SetReply(ev, diag)
		}
	case row[pmtaDiag] != "":
		ev.ReplyText = row[pmtaDiag]
		if strings.HasPrefix(strings.ToLower(kind), "x-") {
			ev.ReplyText = diag
		}
	default:
		row.ownWords(ev, row[pmtaStatus][n:])
	}
	if ev.Stage == "" && ev.Outcome == bouncehouse.Delivered && ev.ReplyCode == 250 && ev.DSNOrigin == "" {
		ev.Stage = bouncehouse.StageEOD
	}
}

// pmtaCategories is what the categories mean, in the words that PowerMTA has
// for their statuses.
var pmtaCategories = map[string]string{
	"bad-connection":      "bad connection, connection lost",
	"bad-configuration":   "local configuration error",
	"bad-domain":          "no such domain",
	"bad-mailbox":         "bad destination mailbox address",
	"content-related":     "message content rejected",
	"inactive-mailbox":    "mailbox disabled, not accepting messages",
	"invalid-sender":      "sender rejected",
	"message-expired":     "delivery time expired",
	"no-answer-from-host": "no answer from host, connection timed out",
	"policy-related":      "rejected by policy",
	"protocol-errors":     "protocol error",
	"quota-issues":        "mailbox full",
	"relaying-issues":     "relaying denied",
	"routing-errors":      "unable to route",
	"spam-related":        "spam-related",
	"virus-related":       "virus-related",
}

// ownWords takes " (no answer from host)", or what the category means where
// there are none but "unknown status".
func (row *pmtaRow) ownWords(ev *bouncehouse.Event, words string) {
	words = strings.TrimSuffix(strings.TrimPrefix(strings.Trim(words, " "), "("), ")")
	category := row[pmtaCategory]
	if (words == "" || words == "unknown status" || words == "undefined status") && category != "other" {
		if meaning := pmtaCategories[category]; meaning != "" {
			words = meaning
		} else if category != "" {
			words = category
		}
	} else if ev.Outcome != bouncehouse.Delivered {
		switch category { // they tell more than "delivery not authorized"
		case "spam-related", "virus-related", "content-related", "quota-issues", "relaying-issues", "inactive-mailbox":
			words += " (" + pmtaCategories[category] + ")"
		}
	}
	ev.ReplyText = words
	if ev.DSNOrigin == "" && (ev.EnhancedCode != "" && strings.HasPrefix(ev.EnhancedCode[1:], ".4.1") ||
		category == "no-answer-from-host") {
		ev.Stage = bouncehouse.StageConnect
	}
}
