package enrich

import bh "github.com/bouncehouse/bouncehouse"

const (
	refMimecast  = "community.mimecast.com: SMTP error codes, DOC-1369"
	refTrend     = "docs.trendmicro.com: ERS reply texts"
	refSymantec  = "knowledge.broadcom.com: Email Security.cloud SMTP responses"
	refBarracuda = "campus.barracuda.com: bounce codes"
	refImprovMX  = "improvmx.com/guides/improvmx-error-codes"
)

// filterRules: filtering services and gateways, and forwarders.
func filterRules() []Rule {
	return []Rule{
		{Name: "mimecast-internal", Class: bh.Greylisted, Provider: "mimecast", All: []string{"internal resource temporarily unavailable|internal resource is temporarily unavailable|internal resources are temporarily unavailable|internal resources temporarily unavailable"}, Example: "451 Internal resource temporarily unavailable - https://community.mimecast.com/docs/DOC-1369#451 [vH7Ns8biNg-p6EfZ0QaVMQ.us149]", Ref: refMimecast},
		{Name: "mimecast-authentication", Class: bh.AuthFailed, Provider: "mimecast", All: []string{"sender invalid - envelope rejected"}, Example: "550 SPF Sender Invalid - envelope rejected.", Ref: refMimecast},
		{Name: "mimecast-blocked-senders", Class: bh.RecipientRefused, Provider: "mimecast", All: []string{"envelope blocked - user|block for manual block|blocked senders - block for"}, Example: "550 Envelope blocked - User Domain Entry", Ref: refMimecast},
		{Name: "mimecast-block-policy", Class: bh.SenderRejected, Provider: "mimecast", All: []string{"manually blocked senders|administrative prohibition - envelope blocked"}, Example: "550 Administrative prohibition - envelope blocked - https://community.mimecast.com/docs/DOC-1369#550 [vH7Ns8biNg-p6EfZ0QaVMQ.us149]", Ref: refMimecast},
		{Name: "mimecast-signature", Class: bh.SpamContent, Provider: "mimecast", All: []string{"mcspamsignature"}, Example: "554 Email rejected due to MCSpamSignature.sa.1", Ref: refMimecast},
		{Name: "mimecast-ip", Class: bh.Reputation, Provider: "mimecast", All: []string{"local ct ip reputation"}, Example: "550 Local CT IP Reputation - (reject)", Ref: refMimecast},
		{Name: "mimecast-temporary-block", Class: bh.RateLimited, Provider: "mimecast", All: []string{"ip temporarily blacklisted|outbound thread limit"}, Example: "451 IP temporarily blacklisted", Ref: refMimecast},
		{Name: "mimecast-spoofing", Class: bh.Policy, Provider: "mimecast", All: []string{"anti-spoofing policy|rejected due to security policies|host network not allowed|hostname is not authorized"}, Example: "550 Rejected by header based Anti-Spoofing policy: email@example.com - https://community.mimecast.com/docs/DOC-1369#550 [vH7Ns8biNg-p6EfZ0QaVMQ.us149]", Ref: refMimecast},
		{Name: "mimecast-tls", Class: bh.TLSFailed, Provider: "mimecast", All: []string{"this route requires|configuration is invalid for this certificate"}, Example: "554 Configuration is invalid for this certificate", Ref: refMimecast},
		{Name: "mimecast-ended", Class: bh.ConnectionFailed, Provider: "mimecast", All: []string{"message ended early"}, Example: "451 Message ended early", Ref: refMimecast},
		{Name: "mimecast-submitter", Class: bh.AuthRequired, Provider: "mimecast", All: []string{"submitter failed to authenticate"}, Example: "550 Submitter failed to authenticate", Ref: refMimecast},
		{Name: "mimecast-sequence", Class: bh.ProtocolError, Provider: "mimecast", Code: "503", All: []string{"user unknown"}, Example: "503 User unknown", Ref: refMimecast},
		{Name: "mimecast-sender-blocked", Class: bh.Policy, Provider: "mimecast", Code: "421", All: []string{"sender address blocked"}, Example: "421 Sender address blocked", Ref: refMimecast},

		{Name: "proofpoint-reputation", Class: bh.Reputation, Provider: "proofpoint", All: []string{"prs.proofpoint.com|ipcheck.proofpoint.com"}, Example: "554 Blocked - see https://ipcheck.proofpoint.com/?ip=203.0.113.24", Ref: "ipcheck.proofpoint.com"},

		{Name: "symantec-filtered", Class: bh.SpamContent, Provider: "symantec", All: []string{"message filtered. "}, Example: "553 Message filtered. Refer to the Troubleshooting page at http://www.symanteccloud.com/troubleshooting for more information. (#5.7.1)", Ref: refSymantec},
		{Name: "symantec-connection-policy", Class: bh.Reputation, Provider: "symantec", All: []string{"connection rejected by policy"}, Example: "501 Connection rejected by policy [7.7] 20805, please visit www.messagelabs.com/support for more details about this error message.", Ref: refSymantec},

		{Name: "trend-dynamic", Class: bh.DynamicIP, Provider: "trendmicro", All: []string{"_ers-dul"}, Example: "550 5.7.1 Service unavailable; Client host [203.0.113.9] blocked using Trend Micro Email Reputation Service. ERS-DUL.", Ref: refTrend},
		{Name: "trend-list", Class: bh.DNSBL, Provider: "trendmicro", All: []string{"_ers-rbl|_ers-qil"}, Example: "450 4.7.1 Service unavailable; ERS-QIL. https://ers.trendmicro.com/reputations?ip_address=203.0.113.9", Ref: refTrend},
		{Name: "trend-customer-block", Class: bh.Policy, Provider: "trendmicro", All: []string{"ers-customized-block"}, Example: "550 5.7.1 <example@example.com>: Recipient address rejected: ERS-Customized-Block.", Ref: refTrend},
		{Name: "trend-recipient", Class: bh.NoSuchUser, Provider: "trendmicro", All: []string{"invalid-recipient"}, Example: "550 5.1.1 <user@example.com>: Recipient address rejected: Invalid-Recipient.", Ref: refTrend},
		{Name: "trend-domain", Class: bh.RelayDenied, Provider: "trendmicro", All: []string{"_no-domain_"}, Example: "550 5.7.1 <user@example.com>: Recipient address rejected: NO-DOMAIN.", Ref: refTrend},
		{Name: "trend-sender", Class: bh.SenderRejected, Provider: "trendmicro", All: []string{"block-send-er"}, Example: "550 5.7.1 <a@example.com>: Sender address rejected: BLOCK-SEND-ER.", Ref: refTrend},
		{Name: "trend-rcpt", Class: bh.RecipientRefused, Provider: "trendmicro", All: []string{"block-rcpt"}, Example: "550 5.7.1 <user@example.com>: Recipient address rejected: BLOCK-RCPT.", Ref: refTrend},

		{Name: "trellix-dmarc", Class: bh.AuthFailed, Provider: "fireeye", All: []string{"_etp205_"}, Example: "550 5.7.1 Message rejected (ETP205)", Ref: "docs.trellix.com: ETP codes"},
		{Name: "trellix-dnsbl", Class: bh.DNSBL, Provider: "fireeye", All: []string{"_etp208_"}, Example: "550 5.7.1 Message rejected (ETP208)", Ref: "docs.trellix.com: ETP codes"},

		{Name: "cisco-reputation", Class: bh.Reputation, Provider: "cisco", All: []string{"sending mta's poor reputation|due to the sending mta"}, Example: "554 5.7.1 Your access to this mail system has been rejected due to the sending MTA's poor reputation. If you believe that this failure is in error, please contact the intended recipient via alternate means.", Ref: "cisco.com: ESA SBRS policy"},
		{Name: "cisco-relay", Class: bh.RelayDenied, Provider: "cisco", All: []string{"your access to submit messages to this e-mail system"}, Example: "550 #5.7.1 Your access to submit messages to this e-mail system has been rejected.", Ref: "cisco.com: ESA relay access"},
		{Name: "cisco-hourly", Class: bh.TooManyRecipients, Provider: "cisco", All: []string{"too many recipients received this hour"}, Example: "452 Too many recipients received this hour", Ref: "cisco.com: ESA mail flow policy"},

		{Name: "barracuda-no-user", Class: bh.NoSuchUser, Provider: "barracuda", All: []string{"cuda_nsu"}, Example: "550 cuda_nsu 5.4.1 [email@example.com]: Recipient address rejected: Access denied [example.com]", Ref: refBarracuda},
		{Name: "barracuda-later", Class: bh.Greylisted, Provider: "barracuda", Only: true, Code: "4", All: []string{"try again later"}, None: []string{"too many|too busy|_busy"}, Example: "451 4.7.1 Try again later", Ref: refBarracuda},
		{Name: "barracuda-content", Class: bh.SpamContent, Provider: "barracuda", All: []string{"rejecting banned content|for one or more recipients (<host>:blocked)|recipients (<addr>:blocked)"}, Example: "554 rejecting banned content", Ref: refBarracuda},

		{Name: "improvmx-loop", Class: bh.Routing, Provider: "improvmx", All: []string{"loop detected", "improvmx"}, Example: "551 5.7.1 Loop detected: Email is sent and forwarded from/to improvmx.com. (#id-5.9.0)", Ref: refImprovMX},
		{Name: "improvmx-domain", Class: bh.NoSuchDomain, Provider: "improvmx", All: []string{"domain not found (#id"}, Example: "551 5.7.1 Domain not found (#id-5.9.2)", Ref: refImprovMX},
		{Name: "improvmx-system", Class: bh.RemoteSystem, Provider: "improvmx", All: []string{"#id-5.9.3|#id-5.9.5"}, Example: "551 5.7.1 Database returned invalid data (#id-5.9.3)", Ref: refImprovMX},
		{Name: "improvmx-spam", Class: bh.SpamContent, Provider: "improvmx", All: []string{"#id-5.9.4"}, Example: "551 5.7.1 Message failed our check, please retry (#id-5.9.4)", Ref: refImprovMX},
		{Name: "improvmx-bounce", Class: bh.Routing, Provider: "improvmx", All: []string{"#id-5.9.0|#id-5.9.1"}, Example: "551 5.7.1 Bounces of ours are blocked (#id-5.9.1)", Ref: refImprovMX},
		{Name: "forwardemail-upgrade", Class: bh.MailboxDisabled, All: []string{"requires an upgrade to"}, Example: "550 Your message wasn't delivered due to an error; example.com requires an upgrade to Enhanced Protection at https://forwardemail.net", Ref: "forwardemail.net/faq"},
		{Name: "zoho-unusual", Class: bh.SenderRejected, Provider: "zoho", All: []string{"unusual sending activity"}, Example: "550 5.4.6 Unusual sending activity detected. Please try after sometime", Ref: "zoho.com/mail/help/spam-reason.html"},
		{Name: "spamexperts-url", Class: bh.SpamContent, Provider: "spamexperts", All: []string{"in this email", "is listed on"}, Example: "550 A URL in this email (bad.example) is listed on https://spamrl.com/. Please resolve and retry", Ref: "spamrl.com"},

		{Name: "daum-blocked", Class: bh.SpamContent, Provider: "daum", All: []string{"blocked automatically by anti-spam"}, Example: "554 5.7.1 DAS51 203.0.113.9: Your mail is blocked automatically by anti-spam system. (E06)", Ref: "cs.daum.net"},
		{Name: "daum-refused", Class: bh.Reputation, Provider: "daum", All: []string{"_ccrt_"}, Example: "421 4.7.1 CCRT 203.0.113.9: Server refuse spam IP. contact http://cs.daum.net", Ref: "cs.daum.net"},
		{Name: "naver-filtered", Class: bh.Reputation, Provider: "naver", All: []string{"your ip is filtered|ip(<ip>) is filtered"}, Example: "421 4.3.2 Your IP(203.0.113.9) is filtered and this connection will be closed. You must register your IP to spammaster@hanafos.com By SpaceLee, the Lord of mail server.", Ref: "help.naver.com"},
		{Name: "docomo-too-much", Class: bh.MailboxFull, Provider: "docomo", Code: "552", All: []string{"too much mail data"}, Example: "552 Too much mail data", Ref: "nttdocomo.co.jp: mail errors"},
		{Name: "carrier-no-user-at-end", Class: bh.NoSuchUser, Provider: "kddi", Only: true, All: []string{"user unknown"}, Example: "550 <user@example.net> : User unknown", Ref: "au.com: mail errors"},
	}
}
