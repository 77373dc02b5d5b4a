package enrich

import bh "github.com/bouncehouse/bouncehouse"

const refBounceRules = "github.com: bounce rules of newsletter programs"

// formRules: the message's form, the session's protocol, the receiver's
// machine; and what little the plainest words say.
func formRules() []Rule {
	return []Rule{
		{Name: "malformed", Class: bh.Malformed,
			All: []string{"bare lf|bare <lf>|bare newline|bare line feed|smtp smuggling|malformed|bad_header|bad header|" +
				"invalid header|missing header|header missing|headers too large|duplicate header|multiple from|" +
				"no from header|missing from|missing date|missing message-id|no message-id|message-id header|" +
				"date header|future date|rfc 5322|rfc 2822|rfc 822|rfc5322|rfc2822|rfc822|rfc 2047|not conform to|" +
				"does not conform|mime headers|mime error|mime complexity|invalid mime|improper use of 8-bit|" +
				"improper use of control|control character|line too long|lines are longer|lines longer|" +
				"line limit exceeded|lines too long|line length|long lines|smtplf.html|media not supported|" +
				"eight bit data|eight-bit|conversion required|conversion not supported|data format error|failed to parse message|" +
				"cannot parse|parse error in message|invalid message|message content conversion|invalid 7bit|" +
				"8bit data|non-ascii|nul character|null byte|nul byte|unencoded|header syntax|" +
				"syntax error in header|empty message|no body|blank subject|header is ridiculously|" +
				"message is not rfc|corrupt|invalid base64|charset|character set|messages without|stray cr|" +
				"stray <cr>|non-western|non-latin|media error|line terminator|could not be parsed|cannot be parsed|" +
				"unable to parse|decode failed|could not decode|parse failed|failed to parse|valid from header|valid date header|failed to decode|comply with required|" +
				"required standards|mail standards|smtputf8 is required"},
			None: []string{"address syntax|_rfc-5321_|domain|malformed address|malformed recipient|malformed sender|" +
				"not allowed in header|email policy|local-part|local part|malformed mail from|" +
				"malformed rcpt"},
			Example: "550 5.2.0 Bare LF line ending not accepted (SMTP smuggling protection)", Ref: "RFC 5322"},
		{Name: "sendmail-not-accepting", Class: bh.Policy, Code: "554", All: []string{"esmtp not accepting messages"},
			Example: "554 mx.example.net ESMTP not accepting messages", Ref: refSendmail},
		{Name: "remote-system", Class: bh.RemoteSystem,
			All: []string{"local error|local problem|error in processing|server too busy|server busy|system busy|is busy|" +
				"are busy|too busy|too much load|load average|high load|heavy load|system load|overload|" +
				"insufficient system|insufficient disk|disk full|disk is full|no space left|out of memory|" +
				"out of disk|mail system full|system storage|system resources|resources temporarily|" +
				"temporary error|temporary failure|temporary problem|temporary system|temporary server|" +
				"temporary local|temporarily rejected|temporarily unavailable|temporarily not available|" +
				"system not available|service not available|service unavailable - try|" +
				"service currently unavailable|service not active|service is unavailable|server unavailable|" +
				"server not available|internal error|internal server|internal failure|internal problem|" +
				"system error|server error|software error|database|ldap|configuration error|config error|" +
				"configuration problem|incorrectly configured|misconfigured|system incorrectly|shutting down|" +
				"shutdown|maintenance|queue unavailable|queue file|write error|qq trouble|qq write|cannot open|" +
				"unable to open|directory server|lookup error|failed to be replicated|cannot be processed|" +
				"could not be delivered due to a recipient error|no data saved|too many concurrent deliveries|" +
				"deliveries for user|unable to authenticate at present|temporary lookup|timed out waiting|milter|" +
				"content filter failure|not accepting network messages|not accepting connections|" +
				"not accepting messages|system is not accepting|error occurred|read error|i/o error|can not open|" +
				"cannot create|can't create|unable to create|dot-lock|dotlock|unable to switch|promise timed out|" +
				"maildir delivery|could not write|cannot write|unable to write|too many open files|fork|" +
				"exec failed|command died|program failed|qmail-|spawn|segmentation|crashed|error in server|" +
				"temporarily deferred|something is wrong|something wrong|relay error|processing error|exception|" +
				"temporary lookup failure|can't open mailbox|cannot open mailbox|error opening|cannot store|" +
				"could not store|unable to store|qqt failure|qq temporary|mail transport|open timeout on"},
			None: []string{"spam|virus found|policy violation|_ip_|blocked|recipient address rejected: try|error: |" +
				"refused to talk|<ip>) temporarily"},
			Example: "421 mx.example.net: Too much load; please try again later", Ref: refExim},
		{Name: "protocol-error", Class: bh.ProtocolError,
			All: []string{"bad sequence|bad command|sequence of commands|need rcpt|need mail|rcpt first|mail first|" +
				"hello first|helo first|ehlo first|send helo|send ehlo|say hello|nested mail|sender already|" +
				"sender not yet given|command not recognized|command not recognised|command unrecognized|" +
				"command unknown|unknown command|unrecognized command|unrecognised command|unimplemented command|" +
				"command not implemented|not implemented|invalid command|command rejected: improper|pipelining|" +
				"syntax error|bad syntax|protocol violation|protocol error|protocol version|synchronization error|" +
				"too many unrecognized|too many unauthenticated commands|too many errors|too many bad commands|" +
				"too many nonmail|parameters not recognized|not recognized or not|unsupported parameter|" +
				"unknown parameter|no valid recipients|no data after bdat|no identity changes|rcpt before data|" +
				"before greeting|not capable of selected|invalid argument|invalid parameter|commands|data command|" +
				"not following the smtp protocol|at least one valid recipient|at least one recipient|" +
				"helo/ehlo needed|helo needed|ehlo needed|command out of sequence|must have sender|issue mail|" +
				"transaction already|turn disallowed|vrfy disallowed|expn disallowed|etrn disallowed|" +
				"malformed mail from|malformed rcpt|bad server response|invalid server response|unexpected response|bad chars|unknown smtp code|" +
				"smtp code"},
			Example: "503 5.5.0 <DATA>: Data command rejected: Improper use of SMTP command pipelining",
			Ref:     "RFC 5321 section 4.2"},
	}
}

// weakRules are tried last: words that say that, not why.
func weakRules() []Rule {
	return []Rule{
		{Name: "held", Class: bh.Policy,
			All:     []string{"held for|been quarantined|was quarantined|held before|has been quarantined|is quarantined"},
			Example: "550 Message held for human verification", Ref: refBounceRules},
		{Name: "rejected-for-now", Class: bh.Policy, Code: "4",
			All: []string{"message rejected|mail rejected|message refused|mail refused|access denied|connection denied|_denied_"}, None: []string{"temporar"},
			Example: "421 Message Rejected", Ref: "PowerMTA configurations: smtp-pattern-list"},
		{Name: "try-later", Class: bh.RemoteSystem, Code: "4|0",
			All: []string{"try again later|try later|retry later|come back later|try again|cannot accept|can't accept|unable to accept|" +
				"resource|an error|error while|unable to deliver|delivery failed|failure in delivery|retry your|please retry"},
			None:    []string{"policy|_ip_|blocked|<ip>|recipient address rejected"},
			Example: "452 try later", Ref: refBounceRules},
		{Name: "policy", Class: bh.Policy,
			All: []string{"policy|policies|organizational settings|administrative|administratively|prohibited|forbidden|" +
				"not welcome|unwelcome|blocklisting|mass mailer|legitimate bounces|no spam please|blacklisted|" +
				"geographic|country|access denied|not authorized|not allowed|not permitted|unauthorized|security|" +
				"no longer accepts messages|is banned|will not accept delivery|filtering rule|local block list|" +
				"go away|no thanks|only accepted from|accepted only from|only accepts mail from|" +
				"accepts mail only from"},
			Example: "554 Unwelcome connection rejected (1)", Ref: "published lists of Chinese bounce texts"},
		{Name: "client-rejected", Class: bh.Policy, Code: "4|5",
			All: []string{"client host rejected|host rejected|connection rejected|recipient address rejected: try again|" +
				"excessive amounts of data|mail rejected"},
			Example: "421 Excessive amounts of data sent to server.", Ref: refPostfixUCE},
		{Name: "recipient-denied", Class: bh.NoSuchUser, Code: "550|551|553",
			All: []string{"recipient|_rcpt_|addressee|mailbox|_user_|_address_",
				"_denied_|_refused_|_rejected_|not accepted|not acceptable"},
			None:    []string{"sender|_ip_|<ip>|_from_|client|policy|access denied|message"},
			Example: "550 rcpt is rejected", Ref: "coremail.cn: index of bounce texts"},
		{Name: "rejected-for-policy", Class: bh.Policy, Code: "5", Enhanced: "x.7.*",
			All: []string{"_rejected_|_denied_|_refused_|_blocked_"}, None: []string{"message refused"},
			Example: "550 5.7.9 Rejected", Ref: "smtpfieldmanual.com"},
		{Name: "rejected", Class: bh.Policy, Code: "5", Last: true,
			All: []string{saysNo +
				"|violat|discard|no access|not interested|quarantin|filtered|not compl|not meet"},
			None:    []string{"message refused"},
			Example: "519 Rejected.", Ref: "published lists of Chinese bounce texts"},
		{Name: "about-sender", Class: bh.SenderRejected, Code: "5", Last: true, All: []string{ofSender},
			None:    []string{"to sender|_ip_|<ip>|recipient"},
			Example: "550 Sender address too long", Ref: "github.com: a mail server's source"},
		{Name: "about-recipient", Class: bh.NoSuchUser, Code: "550|551|553|511", Last: true,
			All:     []string{"recipient|mailbox|_user_|_rcpt_|addressee"},
			None:    []string{"_ip_|<ip>|message|_from_|vacation"},
			Example: "550 Recipient <user@example.net> FAIL", Ref: "citadel.org source: serv_smtp"},
		{Name: "about-domain", Class: bh.NoSuchDomain, Code: "550|551|553|512", Last: true, All: []string{"_domain_"},
			None:    []string{"your|_ip_|<ip>|helo|message|_from_"},
			Example: "550 Domain not taken", Ref: "github.com: a mail server's source"},
	}
}
