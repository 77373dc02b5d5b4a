package bounce

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
		{name: "MailFoundry", mark: []string{"unable to deliver message to: ",
			"delivery failed for the following reason"}, to: []string{"unable to deliver message to: "},
			why: []string{"for the following reason:"}, host: true},
		// MX Logic, later McAfee SaaS. It took its first sentences from Exim:
		//
		//	A message that you have sent could not be delivered to one or more
		//	recipients.  This is a permanent error.  The following address failed:
		//
		//	  <user@example.com>: 550 unknown user
		//
		//	Included is a copy of the message header:
		{name: "MX Logic", mark: []string{"a message that you have sent could not be delivered",
			"included is a copy of the message header:"},
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
		{name: "SurfControl", mark: []string{"a transcript of the attempts to send the message", "addressed to:"},
			to:  []string{"addressed to:"},
			why: []string{"failed to send to identified host,", "failed to send"}, host: true},
		// Trend Micro InterScan Messaging Security Suite:
		//
		//	Message from InterScan Messaging Security Suite
		//
		//	Sent <<< RCPT TO:<user@example.com>
		//	Received >>> 550 5.1.1 User unknown
		//
		//	Unable to deliver message to <user@example.com> (and other recipients in the same domain). Please check if address is correct.
		{name: "Trend Micro InterScan", mark: []string{"message from interscan"},
			to:  []string{"unable to deliver message to", "could not be delivered to", "rcpt to:"},
			why: []string{"received >>> "}, command: "sent <<< "},
		{name: "Trend Micro InterScan", mark: []string{"unable to deliver message to <",
			"(and other recipients in the same domain)"}, to: []string{"unable to deliver message to"},
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
		{name: "MessageLabs", mark: []string{"this is the mail delivery agent at "},
			to:   []string{"to the following addresses:", "to the following address:", "to the following addresses."},
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
		{name: "Mimecast", mark: []string{"delivery failure notification message indicating"},
			to:  []string{"addressed to email address"},
			why: []string{"additional information follows", "the problem appears to be"}, expired: "message expired"},
		// Cisco (IronPort) AsyncOS:
		//
		//	The following message to <user@example.com> was undeliverable.
		//	The reason for the problem:
		//	5.1.0 - Unknown address error 550-'5.1.1 <user@example.com>: User unknown'
		{name: "Cisco", mark: []string{"the following message to <", "the reason for the problem:"},
			to:  []string{"the following message to"},
			why: []string{"the reason for the problem:"}},
		// Novell, Micro Focus GroupWise:
		//
		//	The message that you sent was undeliverable to the following:
		//		user@example.com (550 5.1.1 User unknown)
		//
		//	Possibly truncated original message follows:
		{name: "Novell", mark: []string{"the message that you sent was undeliverable to the following"},
			to:   []string{"was undeliverable to the following:", "was undeliverable to the following"},
			list: true, end: "original message follows"},
		// L-Soft LSMTP:
		//
		//	--> Error description:
		//	Error-For:  user@example.com
		//	Error-Code: 3
		//	Error-Text: No such user
		//
		//	Error-End: One error reported.
		{name: "L-Soft LSMTP", mark: []string{"--> error description:", "error-for:"}, to: []string{"error-for:"},
			why: []string{"error-text:"}},
		// Barracuda Email Security Gateway, which refuses after it took the mail:
		//
		//	Your message to: user@example.com
		//	was blocked by our Spam Firewall. The email you sent with the following subject has NOT BEEN DELIVERED:
		//
		//	Subject: Minutes
		{name: "Barracuda", mark: []string{"your message to: ", "spam firewall", "has not been delivered"},
			to: []string{"your message to: "}, why: []string{"\nwas "}},
		// MailEnable:
		//
		//	The following recipient(s) could not be reached:
		//
		//	Recipient: [SMTP:user@example.com]
		//	Reason: Remote SMTP Server Returned: 550 5.1.1 User unknown
		//
		//	Message headers follow:
		{name: "MailEnable", mark: []string{"recipient: [smtp:"}, to: []string{"recipient: [smtp:"},
			why: []string{"server returned:", "reason:"}, end: "message headers follow:"},
		// CommuniGate Pro:
		//
		//	Failed to deliver to 'user@example.com'
		//	SMTP module(domain example.com) reports:
		//	 host mx.example.com says:
		//	 550 5.1.1 User unknown
		{name: "CommuniGate", mark: []string{"failed to deliver to '", " module("},
			to: []string{"failed to deliver to '"}, why: []string{" says:", " reports:"}},
		// Isode M-Switch and other X.400 gateways of the PP family:
		//
		//	This report relates to your message:
		//	  Subject: Minutes
		//
		//	Your message was not delivered to   user@example.com
		//	   for the following reason:
		//	        Diagnostic was Unable to transfer, Message timed out
		{name: "X.400", mark: []string{"this report relates to your message"},
			to: []string{"your message was not delivered to"}, why: []string{"for the following reason:"},
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
		{name: "Verizon Wireless", mark: []string{"message details:", "error: "}, from: "@v",
			to: []string{"rcpt to:", "\nto:", " to:", "to:"}, why: []string{"error message below:", "error: "}},
		{name: "Verizon Wireless", mark: []string{"message could not be delivered to mobile"},
			to: []string{"rcpt to:", "\nto:", " to:", "to:"}, why: []string{"error: "}},
		// KDDI's au one net and dion.ne.jp (Openwave Email Mx):
		//
		//	Your mail sent on: Thu, 29 Oct 2026 10:00:00 +0900
		//	     Could not be delivered to: <user@example.dion.ne.jp>
		//	     As their mailbox is full.
		{name: "KDDI", mark: []string{"your mail sent on:", "could not be delivered to:"},
			to: []string{"could not be delivered to:"}, why: []string{"\n     as ", "\n as ", "\nas "}},
		{name: "KDDI", mark: []string{"your mail attempted to be delivered on:", "could not be delivered to:"},
			to:  []string{"could not be delivered to:"},
			why: []string{"\n     as ", "\n as ", "\nas "}},
		// BIGLOBE:
		//
		//	   ----- The following addresses had delivery problems -----
		//	user@example.biglobe.ne.jp
		//
		//	   ----- Non-delivered information -----
		//	The number of messages in recipient's mailbox exceeded the local limit.
		{name: "BIGLOBE", mark: []string{"----- the following addresses had delivery problems -----",
			"----- non-delivered information -----"},
			to: []string{"had delivery problems -----"}, list: true,
			why: []string{"----- non-delivered information -----"}},
	}
}
