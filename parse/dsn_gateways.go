package parse

import (
	"strings"

	"github.com/bouncehouse/bouncehouse"
)

// Bounce mails of filter gateways, groupware and mobile gateways that write
// no RFC 3464, or let it get lost. Their forms differ in little: words of
// their own, some words and the recipient, some words and the reason. So each
// is a row of a table.

// gatewayForm is the form of one system's bounce mails. All words are in lower
// case.
type gatewayForm struct {
	// mark is what the text of this system has and no other's; where there
	// are several, all of them. The first stands on a line of the system's
	// own, not of a quotation.
	mark []string
	// from is a part of the sender's address; empty where any may be.
	from string
	// to stands before each recipient. The first of them that the text has
	// counts.
	to []string
	// list is set where to stands before a paragraph of recipients, one a line.
	list bool
	// why stands before the reason: near the recipient, else anywhere. Where
	// the text has none of them the reason is what stands around the recipient.
	why []string
	// end begins the returned message.
	end string
	// host is set where the reason begins with the host that refused:
	// "Server mx.example.com[192.0.2.1] failed with: 550 ...".
	host bool
	// command stands before the command that was refused.
	command string
	// expired says that the queue's lifetime ran out.
	expired string
}

// maxMark bounds where the first mark stands: what follows may be the
// returned message.
const maxMark = 4 << 10

// gatewayTable returns the table, in the order in which its rows are tried.
func gatewayTable() []gatewayForm {
	return []gatewayForm{
		// MailFoundry:
		//
		//	Unable to deliver message to: <user@example.com>
		//	Delivery failed for the following reason:
		//	Server mx.example.com[192.0.2.1] failed with: 550 <user@example.com> No such user here
		//
		//	This has been a permanent failure.  No further delivery attempts will be made.
		{mark: []string{"unable to deliver message to: ", "delivery failed for the following reason"}, to: []string{"unable to deliver message to: "},
			why: []string{"for the following reason:"}, host: true},
		// MX Logic, later McAfee SaaS. It took its first sentences from Exim:
		//
		//	A message that you have sent could not be delivered to one or more
		//	recipients.  This is a permanent error.  The following address failed:
		//
		//	  <user@example.com>: 550 unknown user
		//
		//	Included is a copy of the message header:
		{mark: []string{"a message that you have sent could not be delivered", "included is a copy of the message header:"},
			to: []string{"\n  <", "\n<"}, why: []string{">: "}, end: "included is a copy of the message header:"},
		// SurfControl E-mail Filter, later Websense:
		//
		//	Your message could not be sent.
		//	A transcript of the attempts to send the message follows.
		//	The number of attempts made: 1
		//	Addressed To: user@example.com
		//
		//	Thu 29 Oct 2026 10:00:00 +0000
		//	Failed to send to identified host,
		//	user@example.com: [192.0.2.1], 550 user@example.com... No such user
		//	--- Message non-deliverable.
		{mark: []string{"a transcript of the attempts to send the message", "addressed to:"}, to: []string{"addressed to:"},
			why: []string{"failed to send to identified host,", "failed to send"}, host: true},
		// Trend Micro InterScan Messaging Security Suite:
		//
		//	Message from InterScan Messaging Security Suite
		//
		//	Sent <<< RCPT TO:<user@example.com>
		//	Received >>> 550 5.1.1 User unknown
		//
		//	Unable to deliver message to <user@example.com> (and other recipients in the same domain). Please check if address is correct.
		{mark: []string{"message from interscan"}, to: []string{"unable to deliver message to", "could not be delivered to", "rcpt to:"},
			why: []string{"received >>> "}, command: "sent <<< "},
		{mark: []string{"unable to deliver message to <", "(and other recipients in the same domain)"}, to: []string{"unable to deliver message to"},
			why: []string{"received >>> "}, command: "sent <<< "},
		// MessageLabs, later Symantec.cloud and Broadcom:
		//
		//	This is the mail delivery agent at messagelabs.com.
		//	I was unable to deliver your message to the following addresses:
		//
		//	user@example.com
		//
		//	Reason: 550 user@example.com... No such user
		//
		//	The message subject was: Minutes
		{mark: []string{"this is the mail delivery agent at "}, to: []string{"to the following addresses:", "to the following address:", "to the following addresses."},
			list: true, why: []string{"reason: ", "remote host said: "}, host: true},
		// Mimecast:
		//
		//	This is a delivery failure notification message indicating that
		//	an email you addressed to email address :
		//	-- user@example.com
		//
		//	could not be delivered. The problem appears to be :
		//	-- Recipient email address is possibly incorrect
		//
		//	Additional information follows :
		//	-- 5.1.1 User unknown
		//
		//	This condition occurred after 1 attempt(s) to deliver over
		//	a period of 0 hour(s).
		{mark: []string{"delivery failure notification message indicating"}, to: []string{"addressed to email address"},
			why: []string{"additional information follows", "the problem appears to be"}, expired: "message expired"},
		// Cisco (IronPort) AsyncOS:
		//
		//	The following message to <user@example.com> was undeliverable.
		//	The reason for the problem:
		//	5.1.0 - Unknown address error 550-'5.1.1 <user@example.com>: User unknown'
		{mark: []string{"the following message to <", "the reason for the problem:"}, to: []string{"the following message to"},
			why: []string{"the reason for the problem:"}},
		// Novell, Micro Focus GroupWise:
		//
		//	The message that you sent was undeliverable to the following:
		//		user@example.com (550 5.1.1 User unknown)
		//
		//	Possibly truncated original message follows:
		{mark: []string{"the message that you sent was undeliverable to the following"}, to: []string{"was undeliverable to the following:", "was undeliverable to the following"},
			list: true, end: "original message follows"},
		// Barracuda Email Security Gateway, which refuses after it took the mail:
		//
		//	Your message to: user@example.com
		//	was blocked by our Spam Firewall. The email you sent with the following subject has NOT BEEN DELIVERED:
		//
		//	Subject: Minutes
		{mark: []string{"your message to: ", "spam firewall", "has not been delivered"}, to: []string{"your message to: "}, why: []string{"\nwas "}},
		// MailEnable:
		//
		//	The following recipient(s) could not be reached:
		//
		//	Recipient: [SMTP:user@example.com]
		//	Reason: Remote SMTP Server Returned: 550 5.1.1 User unknown
		//
		//	Message headers follow:
		{mark: []string{"recipient: [smtp:"}, to: []string{"recipient: [smtp:"}, why: []string{"server returned:", "reason:"}, end: "message headers follow:"},
		// CommuniGate Pro:
		//
		//	Failed to deliver to 'user@example.com'
		//	SMTP module(domain example.com) reports:
		//	 host mx.example.com says:
		//	 550 5.1.1 User unknown
		{mark: []string{"failed to deliver to '", " module("}, to: []string{"failed to deliver to '"}, why: []string{" says:", " reports:"}},
		// Isode M-Switch and other X.400 gateways of the PP family:
		//
		//	This report relates to your message:
		//	  Subject: Minutes
		//
		//	Your message was not delivered to   user@example.com
		//	   for the following reason:
		//	        Diagnostic was Unable to transfer, Message timed out
		{mark: []string{"this report relates to your message"}, to: []string{"your message was not delivered to"}, why: []string{"for the following reason:"},
			expired: "timed out"},
		// Verizon Wireless, vtext.com:
		//
		//	Error: Invalid user address
		//
		//	Error message below:
		//	550 - Requested action not taken: no such user here
		//
		//	Message details:
		//	  RCPT TO: 5555550100@vtext.com
		//
		// and vzwpix.com:
		//
		//	Message could not be delivered to mobile.
		//	Error: No valid recipients for this MM
		//
		//	Message details:
		//	To: 5555550100@vzwpix.com
		{mark: []string{"message details:", "error: "}, from: "@v", to: []string{"rcpt to:", "\nto:", " to:", "to:"}, why: []string{"error message below:", "error: "}},
		{mark: []string{"message could not be delivered to mobile"}, to: []string{"rcpt to:", "\nto:", " to:", "to:"}, why: []string{"error: "}},
		// KDDI's au one net and dion.ne.jp (Openwave Email Mx):
		//
		//	Your mail sent on: Thu, 29 Oct 2026 10:00:00 +0900
		//	     Could not be delivered to: <user@example.dion.ne.jp>
		//	     As their mailbox is full.
		{mark: []string{"your mail sent on:", "could not be delivered to:"}, to: []string{"could not be delivered to:"}, why: []string{"\n     as ", "\n as ", "\nas "}},
		{mark: []string{"your mail attempted to be delivered on:", "could not be delivered to:"}, to: []string{"could not be delivered to:"},
			why: []string{"\n     as ", "\n as ", "\nas "}},
		// BIGLOBE:
		//
		//	   ----- The following addresses had delivery problems -----
		//	user@example.biglobe.ne.jp
		//
		//	   ----- Non-delivered information -----
		//	The number of messages in recipient's mailbox exceeded the local limit.
		{mark: []string{"----- the following addresses had delivery problems -----", "----- non-delivered information -----"},
			to: []string{"had delivery problems -----"}, list: true, why: []string{"----- non-delivered information -----"}},
	}
}

// readGateways reads the bounce mails of the table.
func readGateways(m *mimePart) ([]report, error) {
	lower := m.lower()
	for i := range gatewayForms {
		f := &gatewayForms[i]
		if !f.marks(lower) || f.from != "" && !strings.Contains(lowerASCII(angled(m.header.get("From"))), f.from) {
			continue
		}
		if rep := f.read(m); len(rep.blocks) > 0 {
			return []report{rep}, nil
		}
	}
	return nil, nil
}

// gatewayForms is made once: every mail that nobody else knows passes it.
var gatewayForms = gatewayTable()

// marks tells whether a text, in lower case, has the words of the system on
// lines of its own.
func (f *gatewayForm) marks(lower string) bool {
	at := strings.Index(lower[:min(len(lower), maxMark)], f.mark[0])
	if at < 0 {
		return false
	}
	for _, mark := range f.mark[1:] {
		if !strings.Contains(lower, mark) {
			return false
		}
	}
	line := lower[strings.LastIndexByte(lower[:at], '\n')+1 : at]
	return !strings.HasPrefix(strings.TrimLeft(line, " "), ">")
}

func (f *gatewayForm) read(m *mimePart) report {
	rep := report{mail: m, human: m.text(), original: m.original()}
	lower := m.lower()
	if f.end != "" {
		if at := strings.Index(lower, f.end); at > 0 {
			_, next := cutLine(lower, at)
			if rep.original == nil {
				rep.original = originalHeader(rep.human[next:])
			}
			rep.human, lower = rep.human[:at], lower[:at]
		}
	} else if text, original := cutReturned(rep.human); original != nil {
		rep.human, lower = text, lower[:len(text)]
		if rep.original == nil {
			rep.original = original
		}
	}
	lead, starts := f.recipientsAt(lower)
	common, known := f.reason(rep.human, lower)
	action, stage := failedUnless(m), bouncehouse.Stage("")
	if _, command, ok := strings.Cut(lower, f.command); ok && f.command != "" {
		stage = commandStage(command)
	}
	for i, at := range starts {
		end := len(lower)
		if i+1 < len(starts) {
			end = starts[i+1]
		}
		reason, found := f.reason(rep.human[at:end], lower[at:end])
		if !found {
			reason, found = common, known
		}
		behind := rep.human[at+len(lead) : end]
		for line := range lines(behind) {
			b := block{recipient: addressIn(line), action: action, stage: stage}
			if b.recipient == "" {
				if len(rep.blocks) > 0 && f.list && strings.Trim(line, " \t\r") == "" {
					break
				}
				continue
			}
			if len(rep.blocks) >= maxRecipients {
				break
			}
			b.diagnostic = reason
			if !found {
				b.diagnostic = f.around(rep.human, at, line)
			}
			f.finish(&b)
			if last := len(rep.blocks) - 1; last < 0 || !strings.EqualFold(rep.blocks[last].recipient, b.recipient) {
				rep.blocks = append(rep.blocks, b)
			}
			if !f.list {
				break
			}
		}
	}
	return rep
}

// recipientsAt returns where in a text the words before each recipient stand.
func (f *gatewayForm) recipientsAt(lower string) (lead string, starts []int) {
	for _, lead = range f.to {
		for at := 0; len(starts) < maxRecipients; {
			m := strings.Index(lower[at:], lead)
			if m < 0 {
				break
			}
			starts = append(starts, at+m)
			at += m + len(lead)
		}
		if len(starts) > 0 {
			return lead, starts
		}
	}
	return "", nil
}

// reason returns what stands behind the words before it, to the end of its
// paragraph.
func (f *gatewayForm) reason(text, lower string) (string, bool) {
	for _, why := range f.why {
		at := strings.Index(lower, why)
		if at < 0 {
			continue
		}
		if strings.HasPrefix(why, "\n") {
			at++ // a word of the sentence too
		} else {
			at += len(why)
		}
		if reason, _ := paragraphAt(text, at); reason != "" {
			return reason, true
		}
	}
	return "", false
}

// around returns the reason that stands around the recipient: in brackets
// behind him in a list, else the whole paragraph.
func (f *gatewayForm) around(text string, at int, line string) string {
	if !f.list {
		reason, _ := paragraphAt(text, strings.LastIndexByte(text[:at], '\n')+1)
		return reason
	}
	if _, reason, ok := strings.Cut(line, "("); ok {
		reason = strings.TrimSpace(reason)
		return strings.TrimSuffix(reason, ")")
	}
	return ""
}

// finish reads what stands in the reason beside the reply.
func (f *gatewayForm) finish(b *block) {
	if f.host {
		// Server mx.example.com[192.0.2.1] failed with: 550 ...
		// user@example.com: [192.0.2.1], 550 ...
		b.diagnostic = strings.TrimPrefix(b.diagnostic, b.recipient)
		if own, reply, ok := strings.Cut(b.diagnostic, " failed with: "); ok {
			own = strings.TrimPrefix(own, "Server ")
			b.remote, b.diagnostic = strings.Replace(strings.Replace(own, "[", " (", 1), "]", ")", 1), reply
		}
	}
	b.diagnostic = strings.TrimSuffix(strings.TrimSuffix(b.diagnostic, "<"+b.recipient+">"), " ") // MX Logic says him twice
	if citesReply(b.diagnostic) && strings.HasPrefix(b.diagnostic[3:], " - ") {
		b.diagnostic = b.diagnostic[:4] + b.diagnostic[6:] // Verizon
	}
	// A temporary failure that was given up has expired.
	if b.status = statusCode(b.diagnostic); strings.HasPrefix(b.status, "4.") && b.action == "failed" {
		b.action = "expired"
	}
	if status, words := cutEnhanced(b.diagnostic); status != "" && !strings.HasPrefix(words, "- ") {
		b.diagnostic = words
	}
	b.text = b.diagnostic
	if f.expired != "" && strings.Contains(lowerASCII(b.diagnostic), f.expired) {
		b.action = "expired"
	}
}

// paragraphAt returns the paragraph that begins at offset at or behind the
// blank lines there, joined to one line, without the bullets of a list, and
// the offset behind it.
func paragraphAt(text string, at int) (string, int) {
	var b strings.Builder
	for at < len(text) && b.Len() < maxParagraph {
		line, next := cutLine(text, at)
		words := strings.Trim(line, " \t\r")
		if b.Len() == 0 {
			words = strings.TrimLeft(words, ":- \t")
		}
		switch {
		case words == "" && b.Len() > 0, strings.HasPrefix(words, "---"):
			return b.String(), next
		case words != "":
			addWords(&b, words)
		}
		at = next
	}
	return b.String(), at
}
