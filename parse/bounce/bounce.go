// Package bounce makes events of bounce mails, complaints and automatic
// replies, whatever system wrote them. It is pure: no I/O, no clock, no logging.
//
// RFC 3464 is read (status.go) in a multipart/report
// (RFC 3462) or wherever gateways left its fields:
//
//	Reporting-MTA: dns; mx1.example.com
//	Arrival-Date: Thu, 29 Oct 2026 10:00:00 +0000
//
//	Final-Recipient: rfc822; user@example.net
//	Action: failed
//	Status: 5.1.1
//	Remote-MTA: dns; mx.example.net
//	Diagnostic-Code: smtp; 550 5.1.1 <user@example.net>: User unknown
//
// Each recipient block is one event. Systems without it, or with a machine's
// part that is poorer than their text, are dialects, each a file and a row of dialects,
// which makes the same blocks of its words. Complaints (arf.go) and automatic
// replies go the same way. A mail that is none of these (a disposition
// notification, a letter) gives nothing and is no error; one that claims to be
// a report and names nobody is.
//
// The machine's part decides; the text for people is asked for what it lacks.
// The returned message only tells whose message it was: what stands in it is
// never this report's result, be it a bounce itself.
package bounce

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/bouncehouse/bouncehouse"
	"github.com/bouncehouse/bouncehouse/parse/values"
)

// maxClockSkew is how far from its receipt the time of a bounce mail may be.
const maxClockSkew = 7 * 24 * time.Hour

// maxRecipients bounds how many recipients one mail may report. What nothing
// proves may be forged: a report of another server tells of one transaction,
// which has a hundred recipients (RFC 5321 section 4.5.3.1.8; the defaults of
// Exim and Sendmail; Postfix sends fifty).
const (
	maxRecipients        = 10_000
	maxClaimedRecipients = 100
)

// Format is the format's name.
const Format = "dsn"

var errNoRecipient = errors.New("delivery report without a recipient")

// Options is what must be known of our own servers to tell whose a bounce
// mail is.
type Options struct {
	Hosts    []string     // names of our own mail servers: a bounce mail that one of them made is local
	Domains  []string     // our sender domains
	Egress   []netip.Addr // addresses of our own mail servers: what comes from them is not from outside
	BATVKeys [][]byte     // with which our mail's envelope senders are tagged
}

// dsn reads bounce mails. It remembers nothing: each mail stands for itself.
type mails struct {
	ours     ours
	dialects []dialect
}

// New makes the parser of a stream of mails.
func New(o Options) bouncehouse.Parser { return &mails{newOurs(o), dialects()} }

// Sniff tells whether head is the beginning of a mail.
func Sniff(head string) bool {
	head = strings.TrimLeft(head, "\r\n")
	first, next := values.CutLine(head, 0)
	if strings.HasPrefix(first, "From ") {
		first, next = values.CutLine(head, next)
	}
	second, _ := values.CutLine(head, next)
	known := false
	for _, name := range []string{"Return-Path", "Received", "Delivered-To", "Date", "From", "To", "Subject",
		"MIME-Version",
		"Content-Type", "Message-ID", "X-Original-To", "Envelope-To", "X-Failed-Recipients", "Auto-Submitted"} {
		known = known || strings.EqualFold(fieldName(first), name)
	}
	folded := strings.HasPrefix(second, " ") || strings.HasPrefix(second, "\t")
	return known && (folded || fieldName(second) != "")
}

// report is what a bounce mail says, whatever its dialect.
type report struct {
	mail     *mimePart  // the bounce mail
	original mimeHeader // of the returned message; nil where it was not returned
	human    string     // the text for people
	system   string     // whose form it has, where the dialect reads those of several

	mta       string // Reporting-MTA
	arrival   time.Time
	dates     int    // how many Arrival-Dates were tried
	queueID   string // at the reporting server
	sender    string // envelope sender, as the reporting server knew it
	messageID string
	complaint *complaint // of a complaint, which tells of no delivery
	autoReply bool       // of an automatic reply, which neither does
	blocks    []block
	seen      map[block]bool // the blocks so far
	inbound   bool           // it tells whom the reporting server itself refused
}

// block is what a report says of one recipient.
type block struct {
	recipient  string
	original   string // before an alias or forward
	action     string
	status     string
	comment    string // in words, behind the status
	remote     string // Remote-MTA
	diagnostic string // Diagnostic-Code
	attempt    time.Time
	text       string            // the recipient's own paragraph for people, where the dialect tells it
	stage      bouncehouse.Stage // where the dialect tells it
}

// bare tells whether the report does not say what it is of the recipient.
func (b block) bare() bool { return b.action == "" && b.status == "" }

// dialect is one kind of bounce mails: the system that writes them, or their
// form. read returns the mail's reports, nothing where the mail is not of its
// kind, or an error where it is and cannot be read.
//
// Every mail passes all dialects up to its own: a dialect asks for what is
// there already, or not there (m.has(), m.greets(), m.subject(), m.original(),
// m.header; content.go), for literal words first, and walks no parts,
// decodes nothing and copies nothing before it knows its mail.
type dialect struct {
	name string
	read func(*mimePart) ([]report, error)
}

// dialects returns the dialects in the order in which they are tried.
func dialects() []dialect {
	return []dialect{
		{"complaint", readComplaint},            // RFC 5965 and what resembles it
		{"automatic reply", readAutoReply},      // RFC 3834: delivered, and a program answered
		{"receipt that refuses", readRejection}, // a refusal in the form of a receipt (RFC 8098)

		// With or without a machine part, which is the poorer.
		{"Domino", readDomino},                    // Domino: its words are cut in its machine part, whole in its text
		{"Exchange 5.5 to 2003", readOldExchange}, // Exchange 5.5 to 2003: the machine part has no reply
		{"Exchange", readBareExchange},            // Exchange 2007 and later, where the machine part has no reply
		{"Windows SMTP service", readSMTPService}, // the SMTP service of Windows: the same
		{"Coremail", readCoremail},                // Coremail: the same
		{"MDaemon", readMDaemon},                  // MDaemon: the same, and its text quotes the session
		// RFC 3464: Postfix, Sendmail 8, Exim 4.83 and later, and most others
		{"RFC 3464", readStatusParts},
		{"qmail", readQSBMF},                     // qmail, Yahoo and their kin; before all that it may return
		{"RFC 3464 in a text", readInlineStatus}, // fields of RFC 3464 within a text

		// By words of their own.
		{"Exchange for administrators", readExchange}, // Exchange's part for administrators alone
		{"Lotus SMTP MTA", readNotesGateway},          // Lotus SMTP MTA
		{"IMail", readIMail},                          // Ipswitch IMail
		{"InterMail", readInterMail},                  // Openwave: KDDI and other carriers
		{"gateway", readGateways},                     // the table of filter gateways, groupware, mobile gateways
		{"Active! Hunter", readActiveHunter},          // Active! Hunter
		{"Zoho", readZoho},                            // Zoho; before Exim, whose greeting it has
		{"GMX", readNemesis},                          // GMX, 1&1; before Exim, whose greeting they have
		// Gmail, Google Groups; before Exim: both write X-Failed-Recipients
		{"Google", readGoogle},
		{"Exim", readExim},                    // Exim 1 to 4.82, and 4.83 and later with its parts lost
		{"Exim without recipients", readMoan}, // Exim, of a message without recipients
		{"nameless 1", readX1},                // nameless: "The following addresses had delivery errors"
		{"nameless 3", readX3},                // nameless: "was aborted after 7 second(s)"
		{"fml", readFML},                      // fml
		{"Sendmail", readSendmail},            // Sendmail 5 to 8 without MIME
		{"DragonFly", readDragonFly},          // DragonFly Mail Agent
		{"OpenSMTPD", readOpenSMTPD},          // OpenSMTPD before 6.0
		{"Postfix notice", readPostfixNotice}, // Postfix's notices to the postmaster
		{"m-FILTER", readMFilter},             // m-FILTER
		{"Oracle Messaging Server", readIMS},  // Sun and Oracle Messaging Server, its machine part lost
		{"RFC 3464 lost", readLost},           // Postfix, Courier, SES: the same
		{"Amazon SES", readSES},               // Amazon SES: notices in JSON
		{"EyouMail", readEyouMail},            // EyouMail
		{"Winmail", readWinmail},              // Winmail
		{"hMailServer", readHMailServer},      // hMailServer
		{"SmarterMail", readSmarterMail},      // SmarterMail
		{"Chinese labels", readChinese},       // QQ, Aliyun, 139 ...: labels and values in Chinese

		// By words of anyone.
		{"prose", readProse},                 // any other words, in any language
		{"report without words", readClaims}, // a report without them
	}
}

func (d *mails) Parse(r bouncehouse.Record, res *bouncehouse.Result) error {
	return d.parse(&r, parseMail(r.Text), res)
}

func (d *mails) parse(r *bouncehouse.Record, mail *mimePart, res *bouncehouse.Result) error {
	for _, dialect := range d.dialects {
		reports, err := dialect.read(mail)
		if err != nil {
			res.Take(Format, dialect.name)
			return err
		}
		if mail.work.bytes < 0 {
			return errTooMuchWork
		}
		if len(reports) == 0 {
			continue
		}
		res.Take(Format, firstOf(reports[0].system, dialect.name))
		w := d.ours.wayOf(mail.header)
		n, limit := 0, maxClaimedRecipients
		if w.local {
			limit = maxRecipients
		}
		for i := range reports {
			if n += len(reports[i].blocks); n > limit {
				return fmt.Errorf("delivery report of more than %d recipients that proves nothing of itself", limit)
			}
		}
		first := len(res.Events)
		res.Events = slices.Grow(res.Events, n)
		for i := range reports {
			d.events(r, &reports[i], w, res)
		}
		if mail.work.bytes < 0 {
			return errTooMuchWork
		}
		res.Events = append(res.Events[:first], onceEach(res.Events[first:])...)
		return nil
	}
	res.Take(Format, "")
	return nil
}

// onceEach leaves out what one mail tells twice of a message, a recipient and
// an outcome.
func onceEach(events []bouncehouse.Event) []bouncehouse.Event {
	type told struct{ messageID, queueID, recipient, outcome string }
	seen := make(map[told]bool, len(events))
	return slices.DeleteFunc(events, func(e bouncehouse.Event) bool {
		t := told{e.MessageID, e.QueueID, values.LowerASCII(e.Recipient), string(e.Outcome)}
		again := seen[t] && e.Direction == bouncehouse.Outbound
		seen[t] = true
		return again
	})
}

// events appends the report's events.
func (d *mails) events(r *bouncehouse.Record, rep *report, w way, res *bouncehouse.Result) {
	date := values.Date(rep.mail.header.get("Date"))
	base := bouncehouse.Event{
		Source:       bouncehouse.DSN,
		Direction:    bouncehouse.Outbound,
		Sender:       values.Unforwarded(rep.envelopeSender()),
		Client:       w.client,
		ContextKnown: true, // a claim is stored as it was made, not with what our logs add
	}
	// In-Reply-To (Exchange, Gmail) and References (Exim) name it too.
	base.MessageID = firstOf(values.MessageID(rep.original.get("Message-ID")), values.MessageID(rep.messageID))
	// of several the last
	for _, ids := range []string{rep.mail.header.get("In-Reply-To"), rep.mail.header.get("References")} {
		base.MessageID = firstOf(base.MessageID, values.MessageID(ids[max(0, strings.LastIndexByte(ids, '<')):]))
	}
	if rep.inbound {
		base.Direction = bouncehouse.Inbound
	}
	base.DSNOrigin, base.QueueID, base.CitedQueueIDs = d.ours.judge(r, rep, w)
	base.Verified = w.local && rep.complaint == nil
	received := receivedAt(r, rep, date)
	if tagged := d.ours.tagged(rep, received.at); tagged != "" {
		base.Verified, base.Sender = true, tagged
	}
	if rep.complaint != nil || rep.autoReply {
		rep.answers(r, base, date, res)
		return
	}
	var sentences sentences
	places, transcript := newPlaces(rep.lower(), len(rep.blocks), rep.mail.work, &sentences.text),
		readTranscript(rep.human)
	rep.fromTranscript(transcript.exchanges)
	transcript.index(len(rep.blocks))
	warns := slices.ContainsFunc(rep.blocks, block.bare) && saysRetrying(rep.human)
	for i := range rep.blocks {
		b := &rep.blocks[i]
		e := base
		e.Recipient = b.recipient
		if !strings.EqualFold(b.original, b.recipient) {
			e.OriginalRecipient = b.original
		}
		text := b.text
		if text == "" {
			text = paragraph(rep.human, places, b.recipient, b.original)
		}
		if !rep.mail.work.read(len(text) + len(b.diagnostic)) {
			return
		}
		said := b.said(text, &sentences, &transcript, len(rep.blocks) == 1)
		if said.Text == "" && said.Code == 0 {
			said.Text = mention(rep.human, places, b.recipient)
		}
		e.RemoteHost, e.RemoteIP, e.Stage = said.Host, said.IP, said.Stage
		if b.stage != "" {
			e.Stage = b.stage
		}
		e.ReplyCode, e.EnhancedCode, e.ReplyText = said.Code, firstOf(said.Enhanced, b.status), said.Text

		// The time of the attempt, as near as the report tells it:
		// Last-Attempt-Date; else the date of the mail, which is written
		// right after the last attempt; else the arrival, which may lie the
		// queue's lifetime before it; else the receipt.
		for _, t := range []time.Time{b.attempt, date, rep.arrival} {
			if e.Time = t; !t.IsZero() {
				break
			}
		}
		last := e.Time
		e.Time = received.plausible(e.Time)
		if delay := b.attempt.Sub(rep.arrival); !b.attempt.IsZero() && !rep.arrival.IsZero() && delay >= 0 {
			e.Delay = bouncehouse.Delay{Duration: delay, Known: true}
		}

		waited := !rep.arrival.IsZero() && last.Sub(rep.arrival) >= minLifetime
		if b.bare() && warns {
			b.action = "delayed" // a warning whose machine part was cut off
		}
		e.Outcome = b.outcome(said.Code, said.Text, text, waited, &sentences)
		res.Events = append(res.Events, e)
	}
}

// lower is the text for people in lower case.
func (rep *report) lower() string {
	if strings.HasPrefix(rep.mail.text(), rep.human) { // most often they are the same bytes
		return rep.mail.lower()[:len(rep.human)]
	}
	return values.LowerASCII(rep.human)
}

// receipt is when a mail was received, and the time that all it tells of lies
// near to.
type receipt struct{ at, near time.Time }

// receivedAt reads the topmost Received, which the server of the mailbox wrote
// and every copy keeps. A mail without one was received by the time of its
// file, but nobody knows how long before: what it tells lies near to the first
// time that it tells, if that is not later.
func receivedAt(r *bouncehouse.Record, rep *report, date time.Time) receipt {
	at := receivedDate(rep.mail.header.get("Received"))
	if !at.IsZero() && (r.Ref.IsZero() || !at.After(r.Ref.Add(24*time.Hour))) {
		return receipt{at, at}
	}
	told := date
	for i := 0; told.IsZero() && i < len(rep.blocks); i++ {
		told = rep.blocks[i].attempt
	}
	if told.IsZero() || !r.Ref.IsZero() && told.After(r.Ref.Add(maxClockSkew)) {
		told = r.Ref
	}
	return receipt{r.Ref, told}
}

// receivedDate is the date of a Received field. It follows a semicolon, which an
// envelope address may have too, in quotes: and PowerMTA writes the sender's
// behind the date.
func receivedDate(field string) time.Time {
	const most = 8 // semicolons: an address or two may have some without quotes
	quoted, n := false, 0
	for i := 0; i < len(field) && n < most; i++ {
		switch c := field[i]; {
		case c == '\\' && quoted:
			i++
		case c == '"':
			quoted = !quoted
		case c == ';' && !quoted:
			n++
			date, _, _ := strings.Cut(field[i+1:], "(")
			if at := values.Date(strings.TrimSpace(date)); !at.IsZero() {
				return at
			}
		}
	}
	return time.Time{}
}

// plausible returns t, the time that a mail tells; where that is missing, or
// more than maxClockSkew from what it lies near to, that.
func (received receipt) plausible(t time.Time) time.Time {
	if !received.near.IsZero() && (t.IsZero() || t.Sub(received.near).Abs() > maxClockSkew) {
		t = received.near
	}
	return t.UTC()
}

// minLifetime is the shortest time after which a temporary failure that was
// given up counts as expired; a server that gives up sooner did not queue.
const minLifetime = time.Hour

// outcome reads Action (RFC 3464 section 2.3.3) and, where it is missing, the
// class of Status.
func (b *block) outcome(code uint16, reply, text string, waited bool, s *sentences) bouncehouse.Outcome {
	action := strings.ToLower(b.action)
	switch {
	case strings.HasPrefix(action, "delay"):
		return bouncehouse.Deferred
	// no value of the RFC: our own word where a text says that its server gave up
	case strings.HasPrefix(action, "expire"):
		return bouncehouse.Expired
	case strings.HasPrefix(action, "deliver"):
		return bouncehouse.Delivered
	case strings.HasPrefix(action, "relay"), strings.HasPrefix(action, "expand"):
		return bouncehouse.Relayed
	case strings.HasPrefix(action, "reject"):
		return bouncehouse.Rejected
	case strings.HasPrefix(action, "fail"):
	case strings.HasPrefix(b.status, "2."):
		return bouncehouse.Delivered
	case strings.HasPrefix(b.status, "4."):
		return bouncehouse.Deferred
	}
	switch {
	case strings.HasSuffix(b.status, ".4.7"), s.expired.of(reply, saysExpired): // RFC 3463: X.4.7 delivery time expired
		return bouncehouse.Expired
	case code >= 500:
		return bouncehouse.Bounced
	case s.gaveUp.of(text, saysExpired), strings.HasPrefix(b.status, "4.") && waited:
		return bouncehouse.Expired
	}
	return bouncehouse.Bounced
}

// envelopeSender is the original message's sender: as the reporting server
// says, else as the returned message does, else whom the report was sent to.
func (rep *report) envelopeSender() string {
	if rep.sender != "" {
		return rep.sender
	}
	if path := rep.original.get("Return-Path"); strings.Contains(path, "@") || path == "<>" {
		return values.Angled(path)
	}
	// A report goes to the envelope sender (RFC 3464 section 2), but copies
	// go to the postmaster.
	if to := values.OneAddress(rep.mail.header.get("To")); to != "" && !values.HasPrefixFold(to, "postmaster@") {
		return to
	}
	return values.OneAddress(rep.original.get("From"))
}

// firstOf returns the first of values that is not empty.
func firstOf(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}
