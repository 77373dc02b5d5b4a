package bounce

import (
	"errors"
	"net/netip"
	"strings"
	"time"

	"github.com/bouncehouse/bouncehouse"
	"github.com/bouncehouse/bouncehouse/parse/values"
)

// Complaints: a mailbox provider tells that a reader called a message of
// ours spam, or what else it thinks of it. RFC 5965, the Abuse Reporting
// Format, is a multipart/report of three parts: a text for people, the
// machine's part, and the message or its header:
//
//	Feedback-Type: abuse
//	User-Agent: SomeGenerator/1.0
//	Version: 1
//	Original-Mail-From: <news@example.com>
//	Original-Rcpt-To: <reader@example.net>
//	Arrival-Date: Thu, 29 Oct 2026 10:00:00 +0000
//	Reporting-MTA: dns; mx.example.net
//	Source-IP: 192.0.2.25
//	Removal-Recipient: reader@example.net
//
// Each Original-Rcpt-To is one event; a report that names nobody, since many
// providers black the addresses out, is one event without a recipient.
//
// Microsoft's Junk Mail Reporting Program writes no machine part: the message
// comes back in a multipart/mixed, with X-HmXmrOriginalRecipient on top of
// its header and its source in the subject:
//
//	From: staff@hotmail.com
//	Subject: complaint about message from 192.0.2.25
//
// Others do without the machine's part too and say "This is an email abuse
// report for an email message received from IP 192.0.2.25 on ..." Apple Mail
// writes to the address of List-Unsubscribe in its user's name
// (X-Apple-Unsubscribe: true): opt-out. SpamCop's reports are plain text:
//
//	[ SpamCop V5.1.0 ]
//	Email from 192.0.2.25 / Mon, 2 Nov 2026 08:59:39 +0000
//	[ Offending message ]
//	Return-Path: <news@example.com>

// maxFeedbackType bounds a Feedback-Type, which is a token.
const maxFeedbackType = 40

var errEmptyComplaint = errors.New("feedback report without fields and without a message")

// complaint is what a report says that is about a message, not about its
// delivery.
type complaint struct {
	feedback string     // Feedback-Type in lower case
	source   netip.Addr // where the complaining side got the message from: our egress address
	host     string     // Reporting-MTA
}

// readComplaint reads complaints: the mail's own; where it was forwarded by a
// person, those attached to it.
func readComplaint(m *mimePart) ([]report, error) {
	if isMultipart(m.media) {
		fields, found := feedbackFields(m)
		switch {
		case found:
			return readFeedback(m, fields)
		case m.media == "multipart/report":
			return nil, nil // of another type
		case bareComplaint(m):
			return []report{readBareComplaint(m)}, nil
		case automatic(m):
			return nil, nil // an attached mail is what comes back, not a complaint
		}
		for p := range m.own() {
			if inner := p.message(); inner != nil && isMultipart(inner.media) {
				if fields, found := feedbackFields(inner); found {
					return readFeedback(inner, fields)
				}
			}
		}
		return nil, nil
	}
	if strings.HasPrefix(strings.TrimLeft(m.raw[:min(len(m.raw), 64)], "\r\n "), "[ SpamCop V") {
		return readSpamCop(m), nil
	}
	if strings.EqualFold(m.header.get("X-Apple-Unsubscribe"), "true") {
		rep := report{mail: m, complaint: &complaint{feedback: "opt-out"}}
		if from := values.OneAddress(m.header.get("From")); from != "" {
			rep.blocks = []block{{recipient: from}}
			return []report{rep}, nil
		}
	}
	return nil, nil
}

// feedbackFields returns the fields of m's machine part; found tells whether
// m is a feedback report, be the part missing.
func feedbackFields(m *mimePart) (fields mimeHeader, found bool) {
	claimed := m.media == "multipart/report" && strings.EqualFold(m.reportType, "feedback-report")
	for p := range m.own() {
		switch {
		case p.media == "message/feedback-report":
		// QUIRK: some send it as text/plain or application/octet-stream.
		case claimed && len(p.parts) == 0 && (p.media == "text/plain" || p.media == "application/octet-stream") &&
			strings.Contains(p.head(4<<10), "Feedback-Type:"):
		default:
			continue
		}
		// QUIRK: without the empty line the fields are part of the part's own
		// header; blank lines stand between them.
		fields = append(fields, p.header...)
		text := p.toUTF8(p.decoded(), p.charset)
		for range 4 {
			h, rest := splitHeader(strings.TrimLeft(text, "\r\n \t"))
			fields = append(fields, h...)
			text = rest
		}
		return fields, true
	}
	return nil, claimed
}

// readFeedback reads a report by RFC 5965 with the fields of its machine part.
func readFeedback(m *mimePart, fields mimeHeader) ([]report, error) {
	rep := report{mail: m, original: m.original()}
	if len(fields) == 0 && len(rep.original) == 0 {
		return nil, errEmptyComplaint
	}
	c := &complaint{feedback: feedbackType(fields.get("Feedback-Type"))}
	c.source = values.IP(fields.get("Source-IP"))
	c.host, _ = remoteMTA(fields.get("Reporting-MTA"))
	rep.complaint = c
	if from := fields.get("Original-Mail-From"); strings.Contains(from, "@") {
		rep.sender = typed(from).address()
	} else {
		rep.sender = rep.returnedSender()
	}
	rep.messageID = firstOf(fields.get("Original-Message-ID"), fields.get("Message-ID"))
	rep.arrival = values.Date(firstOf(fields.get("Arrival-Date"), fields.get("Received-Date")))
	rep.complainers(fields)
	return []report{rep}, nil
}

// feedbackType reads a Feedback-Type, of RFC 5965 and its registry or not.
func feedbackType(s string) string {
	s = strings.ToLower(strings.TrimSpace(s))
	if n := strings.IndexAny(s, " \t;,("); n > 0 {
		s = s[:n]
	}
	return s[:min(len(s), maxFeedbackType)]
}

// bareComplaint tells mails that complain without a machine part.
func bareComplaint(m *mimePart) bool {
	original := m.original()
	if len(original) == 0 {
		return false
	}
	return original.get("X-HmXmrOriginalRecipient") != "" ||
		values.HasPrefixFold(m.subject(), "complaint about message from ") ||
		strings.Contains(m.text(), "email abuse report for an email message")
}

// readBareComplaint reads such a mail.
func readBareComplaint(m *mimePart) report {
	rep := report{mail: m, original: m.original(), complaint: &complaint{feedback: "abuse"}}
	for _, told := range []string{m.subject(), m.text()} {
		lower := values.LowerASCII(told[:min(len(told), 4<<10)])
		for _, lead := range []string{"message from ", "received from ip "} {
			if _, after, ok := strings.Cut(lower, lead); ok && !rep.complaint.source.IsValid() {
				word, _, _ := strings.Cut(after, " ")
				rep.complaint.source = values.IP(strings.TrimRight(word, ".,;\r\n"))
			}
		}
	}
	rep.sender = rep.returnedSender()
	rep.complainers(nil)
	return rep
}

// readSpamCop reads a report of SpamCop, which hides who complains.
func readSpamCop(m *mimePart) []report {
	own, message, ok := strings.Cut(m.text(), "[ Offending message ]")
	if !ok {
		return nil
	}
	rep := report{mail: m, original: originalHeader(message), complaint: &complaint{feedback: "abuse"}}
	if _, after, ok := strings.Cut(own, "Email from "); ok {
		word, _, _ := strings.Cut(after, " ")
		rep.complaint.source = values.IP(word)
	}
	rep.sender = rep.returnedSender()
	rep.blocks = []block{{}}
	return []report{rep}
}

// returnedSender is the sender as the returned message names it.
func (rep *report) returnedSender() string {
	if path := rep.original.get("Return-Path"); strings.Contains(path, "@") {
		return values.Angled(path)
	}
	return values.OneAddress(rep.original.get("From"))
}

// complainers makes a block of everyone in whose name rep complains: as the
// machine's part says, else as the returned message was addressed.
func (rep *report) complainers(fields mimeHeader) {
	seen := map[string]bool{}
	for _, name := range []string{"Original-Rcpt-To", "Original-Recipient", "Removal-Recipient"} {
		for i := range fields {
			if !fields[i].is(name) {
				continue
			}
			// QUIRK: blacked out: "redacted", "<>", "[hidden]"; several in one field.
			addresses := []string{fields[i].value()}
			if strings.Count(addresses[0], "@") > 1 {
				addresses = addressesIn(addresses[0])
			}
			for _, v := range addresses {
				a := typed(v).address()
				if !strings.Contains(a, "@") || seen[values.LowerASCII(a)] || len(seen) >= maxRecipients {
					continue
				}
				seen[values.LowerASCII(a)] = true
				rep.blocks = append(rep.blocks, block{recipient: a})
			}
		}
		if len(rep.blocks) > 0 {
			return
		}
	}
	recipient := ""
	for _, name := range []string{"X-HmXmrOriginalRecipient", "X-Original-To", "Delivered-To", "To"} {
		if a := values.OneAddress(rep.original.get(name)); recipient == "" && strings.Contains(a, "@") {
			recipient = a
		}
	}
	rep.blocks = []block{{recipient: recipient}}
}

// answers appends the events of complaints and automatic replies, which tell
// of no delivery: base is what all of them have.
func (rep *report) answers(r *bouncehouse.Record, base bouncehouse.Event, date time.Time, res *bouncehouse.Result) {
	// A complaint is made when the mail is written; the message came days ago.
	base.Time = date
	if date.IsZero() {
		base.Time = rep.arrival
	}
	base.Time = receivedAt(r, rep, date).plausible(base.Time)
	base.Outcome = bouncehouse.AutoReply
	if c := rep.complaint; c != nil {
		base.Source, base.Outcome, base.FeedbackType = bouncehouse.ARF, bouncehouse.Complaint, c.feedback
		if !base.Verified {
			base.Sender = rep.sender // never To: complaints go to an address of their own
		}
		base.RemoteHost = c.host
		if base.DSNOrigin != bouncehouse.DSNBackscatter {
			base.LocalIP = c.source
		}
	}
	for i := range rep.blocks {
		e := base
		e.Recipient = rep.blocks[i].recipient
		res.Events = append(res.Events, e)
	}
}
