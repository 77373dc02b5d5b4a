package enrich

import bh "github.com/bouncehouse/bouncehouse"

// recipientRules: what is wrong with the recipient or his mailbox.
func recipientRules() []Rule {
	return []Rule{
		{Name: "recipient-moved", Class: bh.RecipientMoved,
			All: []string{"user has moved|has moved to|recipient has moved|address has changed|address changed to|" +
				"has been replaced by|no longer on server|please try forwarding|new address is|moved to <addr>|" +
				"has a new address|user not local; please try forwarding|mailbox moved|mailbox has moved|" +
				"has been moved to|is now <addr>|changed to <addr>|now at <addr>|contact <addr> instead|" +
				"try instead|email has changed|e-mail has changed|mail address changed|changed his email|" +
				"changed her email|email address has changed|recipient no longer on server|my new e-mail|" +
				"my new email|new email address|new e-mail address|use my new|please use <addr>|" +
				"send your mail to <addr>|send mail to <addr> instead|nova direcci|nouvelle adresse|neue adresse|" +
				"nuovo indirizzo|now uses|forwarding address is|change of address|relocated|can be reached at|reach me at|" +
				"please write to|write to <addr>|resend to <addr>|correct address is|has been renamed|renamed to|address has been replaced|" +
				"replaced by <addr>|was replaced|has been changed to|redirect to <addr>|please update your|" +
				"update your address book|update your records|new email is|use the new|nuevo correo|nova conta"},
			None:    []string{"temporarily"},
			Example: "551 5.7.1 Forwarding to remote hosts disabled; user has moved to new@example.org",
			Ref:     refCorpusIANA},
		{Name: "mailbox-full", Class: bh.MailboxFull,
			All: []string{"mailbox full|mailbox is full|mailbox for user is full|inbox is full|box is full|box full|" +
				"account is full|mail box full|folder is full|mailfolder is|over quota|overquota|quota exceeded|" +
				"quota exceed|exceeded quota|exceeds quota|exceeded his quota|exceeded their mailbox|" +
				"exceeded storage|exceeds allowed quota|out of quota|quota violation|quota limit|disk quota|" +
				"mailbox quota|storage quota|quota is exceeded|quota has been exceeded|mailbox size exceeded|" +
				"mailbox size limit|mailbox limit|mailbox has exceeded|mailbox exceeded|mailbox exceeds|" +
				"storage limit|storage allocation|enough storage space|insufficient storage space|" +
				"insufficient space|not enough space|no space left in|space has been used|mailbox would exceed|" +
				"would exceed mailbox|over its quota|over the quota|over their quota|over the allowed|full mailbox|" +
				"maildir over|user quota|message would exceed|recipient's mailbox is|maximum mailbox|" +
				"hard limit for user|not enough disk space in mailbox|mailbox storage|out of storage|storage full|" +
				"have enough space|enough space|_is full|diskspace|automatically rejected: not enough disk space|" +
				"error writing message: file too large|allowed number of messages|space quota|dropfile|over quote|" +
				"quota is over|space not enough|space has been exhausted|messages on this mailbox|storage is full|" +
				"quota for the mailbox|has used up|no free space|exceeded its quota|over his quota|" +
				"over its storage|quota reached|quota is full|beyond quota|too many messages on|zuviele mails|" +
				"speichervolumen|messages in this mailbox|messages in mailbox|messages in the mailbox|" +
				"space left for this user|enough disk space left|running out of disk|take delivery of the message|" +
				"able to receive more|able to receive any more|no more messages|no more mail|" +
				"exceeds allowed message|too full|over limit for"},
			None: []string{"sending quota|message quota|submission quota|daily|queue quota|no space left on device|" +
				"system storage|insufficient system|disk is full|queue is full|spool is full|system is full|" +
				"disk full|session|full name"},
			Example: "554 <user@example.net>: delivery failed: message exceeding its mailbox quota",
			Ref:     refCorpusIANA},
		{Name: "too-large", Class: bh.TooLarge,
			All: []string{"message size exceed|size exceeds|message too large|message too big|message file too big|" +
				"message is too large|message is too big|message too long|exceeds maximum message size|" +
				"exceeds fixed maximum|exceeds fixed limit|exceeds the maximum|exceeded the maximum size|" +
				"exeeded the maximum size|maximum message size|maximum inbound message size|" +
				"message length exceeds|maximum email size|max message size|message exceeds|size limit|" +
				"too big for system|larger than the|data size exceeds|size is larger|exceeds size|mail size|" +
				"mailsize|message size limit|message size is|messages larger|too large attachment|" +
				"attachment too large|attachments too large|exceed the limit of|file too large|too big message|" +
				"header is ridiculously|oversized"},
			None:    []string{"mailbox|headers|recipient count|number of recipients|recipients exceed"},
			Example: "552 Message size exceeds fixed maximum message size: 20971520 bytes", Ref: "RFC 1870"},
		{Name: "too-many-recipients", Class: bh.TooManyRecipients,
			All: []string{"too many recipients|too much recipient|too many rcpt|number of recipients|recipient count|" +
				"maximum recipients|max recipients|recipients limit|recipient limit|many recipients|" +
				"recipients exceeded|exceeds recipients|recipients per message|only one recipient|" +
				"one recipient at a time|too many to:|many recipient address|many receivers|number of rcpts|rcpts exceed"},
			None:    []string{"invalid|this hour|bounces"},
			Example: "554 5.5.3 number of recipients exceeds the limit of 50", Ref: refCorpusIANA},

		{Name: "recipient-refused", Class: bh.RecipientRefused,
			All: []string{"refuses to receive|refuse to receive|not accepting any mail|does not want|doesn't want|" +
				"don't want your|refused by recipient|rejected by recipient|members-only|member to a|non-member|" +
				"not a member|closed mailing list|only accepts mail from|only accept mail from|accepts mail only|" +
				"spamarrest|sender must confirm|challenge|bluebottle|not on the whitelist|not in whitelist|" +
				"not in the allow|not on the recipient|is not accepting messages|not accepting mail from|" +
				"restricted recipient|recipient restriction|not permitted to send to|not allowed to send to|" +
				"not allowed to post|not authorized to send to|not authorized to post|badrcptto|welcome message|" +
				"not whitelisted|blocked your address|blocked the sender|you have been blocked by|" +
				"has blocked mail from|mailing list expansion|moderat|not subscribed|internal use only|" +
				"internal only|accept mail from outside|external senders|delivery restriction|" +
				"rule imposed mailbox access|from known senders|groups.google.com/support|permission to post|" +
				"permission to send|contact the recipient by other means|accepting mail from specific|" +
				"does not accept mail from|does not accept messages from|not accept email from|approved senders|" +
				"trusted senders|recipient has blocked|has blocked your|blocked by the recipient|" +
				"blocked by recipient|refused by the recipient|rejected by the recipient|" +
				"not allowed to send mail to|not being accepted at this address|not accepting mail at this address|" +
				"user's reject list|has blacklisted <addr>|has blocked <addr>|recipient has banned|" +
				"recipient has refused|has banned mail|banned by the recipient|recipient has rejected"},
			None:    []string{"relay|_ip_|mailing list expansion prohibited"},
			Example: "550 <user@example.net> only accepts mail from known senders", Ref: refBounceRules},

		{Name: "mailbox-disabled", Class: bh.MailboxDisabled,
			All: []string{"disabled|suspended|is suspend|inactive|deactivated|account closed|mailbox closed|" +
				"account is closed|account has been closed|account expired|account is expired|expired or locked|" +
				"account has expired|mailbox has expired|mailbox expired|not activated|user not active|" +
				"account not active|mailbox not active|is not active|temporary locked|temporarily locked|" +
				"account locked|account is locked|mailbox locked|frozen|blocked due to inactivity|mailbox blocked|" +
				"mailbox is blocked|account blocked|account is blocked|account has been blocked|user is blocked|" +
				"user blocked|recipient blocked|account terminated|been terminated|discontinued|deleted account|" +
				"account deleted|account has been deleted|mailbox unavailable or access|dormant|account on hold|" +
				"account cancelled|account canceled|mailbox is locked|user locked|has been disabled|" +
				"is now disabled|out of service|no longer in service|unused for|no recipient activity|noactivity|" +
				"hasn't entered|never logged|should log in|log in to enable|not logged in for|has not logged|" +
				"long-time inactiv|due to inactivity|no longer accepts mail|no longer accepting mail|" +
				"no longer receives mail|not accepting mail right now|user hangup|mail receiving disabled|" +
				"not accepting messages at this time|user banned|account banned|inativa|inativo|user is banned|" +
				"extended inactivity"},
			None: []string{"delivery temporarily suspended|not an active address|does not exist|doesn't exist|unknown|" +
				"forwarding to remote hosts|relay|vrfy|expn|verb|command disabled|command is disabled|" +
				"authenticat|journaling|_tls_|connection|message has|starttls|archiv|ip address|_ip_"},
			Example: "525 5.7.13 User Account Disabled", Ref: refCorpusIANA},

		{Name: "address-verification", Class: bh.RemoteSystem,
			All: []string{"verification in progress|callout could not|could not complete recipient verify|" +
				"unable to verify user|unable to verify recipient|verification temporarily"},
			Example: "421 4.1.1 <email@example.com>: Recipient address rejected: unverified address: Address verification in progress", Ref: "postfix.org/ADDRESS_VERIFICATION_README.html"},
		{Name: "no-such-user", Class: bh.NoSuchUser,
			All: []string{"user unknown|unknown user|unknown recipient|recipient unknown|unknown address|address unknown|" +
				"unknown account|unknown mailbox|mailbox unknown|unknown local|unknown virtual|unknown email|" +
				"unknown or invalid|invalid or unknown|user not found|recipient not found|mailbox not found|" +
				"address not found|account not found|email address could not be found|_not found._|no such user|" +
				"no such recipient|no such mailbox|no such account|no such address|no such person|no such id|" +
				"no such local|no such email|no such customer|no mailbox here|no mailbox|no user|no recipient|" +
				"no account|no one at this|does not exist|doesn't exist|dosn't exist|doesnt exist|does not exists|" +
				"does no exist|do not exist|not exist|is not exist|non-existent user|nonexistent user|user doesn't|" +
				"user is unknown|is unknown|isn't known|not a known user|not known here|is not known|" +
				"invalid recipient|invalid mailbox|invalid user|invalid address|invalid email|invalid account|" +
				"bad recipient|bad destination|bad address|illegal user|illegal recipient|not a valid|not our user|" +
				"not our customer|user not local|not a local|address is wrong|no longer valid|" +
				"not an active address|wrong address|unresolvable address|undeliverable address|" +
				"address lookup failed|unverified address|recipient verify failed|callout verification failure|" +
				"recipient rejected|recipient is not|not in recipient list|validrcptto|can't accept user|" +
				"user invalid|user address required|ambiguous|is not allowed...|recipient is not allowed|" +
				"user access deny|no longer employed|left the company|no longer with|no longer work|user is not|" +
				"cannot find user|can't find user|not listed in|name not recognized|addressee unknown|is not here|" +
				"not registered|unregistered|mailbox owner has changed|unknown in|_not found in_|addressee|" +
				"could not find user|mailbox unavailable or not local|undefined mailbox|no valid recipients|" +
				"local user [|user not|unrouteable recipient|not deliverable address|recipient does not|" +
				"user reject|account is not|unrecognized recipient|recipient unavailable|recipient invalid|" +
				"rcpt rejected|recipient address is not|delivery to the following recipient|not valid recipient|" +
				"invalid mail account|not a mail user|several matches|not unique|validate recipient|" +
				"recipient cannot be verified|invalid domain mailbox|no mail account|could not validate recipient|" +
				"final email delivery point|no active email account|improper recipient|not user of|don't exist|" +
				"don't exists|doesn't exists|malformed address|malformed recipient|is null, please contact|" +
				"not our mx service|user is forbid|include host name|transaction failure. invalid|not user|" +
				"address couldn't be found|address could not be found|couldn't be found. check|no longer on staff|" +
				"longer on staff|longer works|longer available|badly formatted address|local-part|local part|" +
				"mail drop|not known at|not present in|no longer available|couldn't be found|trovare l'indirizzo|" +
				"nadie con esta direc|ne obstaja|mailbox name not|not in use|no longer in use|can't open mailbox|" +
				"cannot open mailbox|not recognised|name is not recogni|no longer a customer|no longer a user|" +
				"cannot be resolved to a user|not a recipient|failed recipient validation|" +
				"recipient validation failed|recipient verification failed|recipient verify from|got the service mapped"},
			None: []string{"sender|_ip_|domain not found|unrecognized command|command not|host not found|must be|header|quota|" +
				"full|mail domain|not authorized|disk space|domain|open mailbox|verify user|verify recipient"},
			Example: "550 5.1.1 <user@example.net>: Recipient address rejected: User unknown in relay recipient table",
			Ref:     refPostfixUCE},
		{Name: "recipient-rejected-bare", Class: bh.NoSuchUser, Code: "5",
			All:     []string{"<addr>: recipient address rejected."},
			Example: "550 <neko-nyaan@example.net>: Recipient address rejected.", Ref: "auone-net.jp"},
		{Name: "recipient-access", Class: bh.Policy, Code: "5", Enhanced: "x.7.1",
			All:     []string{"recipient address rejected: access denied"},
			Example: "554 5.7.1 <user@crosswinds.example>: Recipient address rejected: Access denied", Ref: refPostfix},
		{Name: "mailbox-unavailable", Class: bh.NoSuchUser, Code: "5",
			All: []string{"mailbox unavailable|mailbox not available|mailbox is unavailable|mailbox not accessible|" +
				"address rejected: access denied"},
			None:    []string{"sender address|client host|helo|mail from|relay"},
			Example: "550 Requested action not taken: mailbox unavailable", Ref: "RFC 5321 section 4.2.3"},
	}
}
