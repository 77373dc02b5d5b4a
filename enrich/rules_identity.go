package enrich

import bh "github.com/bouncehouse/bouncehouse"

const (
	refCorpusIANA = "IANA SMTP enhanced status codes: associated text"
	refPostfixUCE = "postfix.org/SMTPD_ACCESS_README.html"
	refStalwart   = "stalw.art source: smtp replies"
)

// identityRules: what is wrong with who the sender says he is. Authentication
// of the message, name of the host, envelope sender, right to relay.
func identityRules() []Rule {
	return []Rule{
		{Name: "dmarc", Class: bh.AuthFailed, All: []string{"_dmarc_"}, None: []string{"aggregate report"},
			Example: "550 5.7.1 rejected by DMARC policy for example.com", Ref: "github.com/fm/smtp-codes"},
		{Name: "spf", Class: bh.AuthFailed,
			All: []string{"_spf_|openspf|spf.pobox.com|sender policy framework|may not send mail for|" +
				"not authorized to send mail for|is not allowed to send mail from|not permitted to send mail for|" +
				"not allowed to send mail for|not designated as permitted sender|" +
				"invalid ip for sending mail of domain|sender id (pra)|not authorized to send on behalf|" +
				"not authorized to use|spf.org/why", "_spf_|openspf|pobox|sender|send|sending"},
			None:    []string{"spfbl|spf_guess|as this user|authenticated user|_helo is|_is adsl|only one recipient"},
			Example: "550 See http://spf.pobox.com/why.html?sender=a%40example.com&ip=203.0.113.9&receiver=mx.example.net (#5.7.1)", Ref: "RFC 7208"},
		{Name: "dkim", Class: bh.AuthFailed,
			All: []string{"_dkim_|domainkeys|arc validation|authentication checks failed|message is not authenticated|" +
				"unauthenticated email|unauthenticated mail|sender is unauthenticated|failed authentication checks|" +
				"authentication-results|sufficient authentication|authentication to prevent forgery|" +
				"not pass authentication|fails authentication checks|unauthenticated message"},
			None:    []string{"_smtp auth_|sasl"},
			Example: "554 5.7.1 DKIM required for example.com but signature is missing", Ref: "RFC 6376"},

		{Name: "no-rdns", Class: bh.NoRDNS,
			All: []string{"cannot find your hostname|cannot find your reverse hostname|can not find your hostname|" +
				"reverse dns|reverse hostname|reverse lookup|rdns|ptr record|no ptr|_ptr_|fcrdns|" +
				"ip name lookup failed|does not have a valid hostname|unverifyable sending|unverifiable sending|" +
				"cannot resolve your address|could not resolve your hostname|client host name lookup|" +
				"hostname lookup failed for|no reverse|in-addr.arpa|missing dns for your ip|" +
				"unable to resolve your ip|does not resolve back|unresolvable client|does not have a dns entry|" +
				"host name could not be verified|forged hostname|ip address possibly forged|反向解析|逆引き|反向域名|" +
				"inverse dns|dns inverso|dns inversa|résolution inverse|resolution inverse|rückwärtsauflösung|" +
				"обратной зон|обратная зон|역방향|odwrotn|ip must resolve|ip does not resolve|must have a valid ptr|" +
				"must have ptr|ip has no name|no hostname for your|cannot resolve your ip|reverse mapping|" +
				"reverse record|rdns_none|no valid reverse|proper dns|proper reverse"},
			None:    []string{"dynamic|generic|spamhaus|dul|residential|_helo_|helo command|ehlo"},
			Example: "450 4.7.1 Client host rejected: cannot find your reverse hostname, [203.0.113.9]",
			Ref:     refPostfixUCE},
		{Name: "dynamic-ip", Class: bh.DynamicIP,
			All: []string{"dynamic ip|dynamic address|dynamic ip's|dynamically assigned|dynamic/residential|dynamic pool|" +
				"dynamic range|dynamic host|dynamic client|dynamic rdns|dynamic reverse|dial-up|dialup|dial up|" +
				"residential|generic reverse dns|generic rdns|generic ptr|generic hostname|" +
				"use the smtp server of your isp|use your isp|smtp server of your provider|your isp's mail server|" +
				"your isp's smtp|smtp relay of your isp|your provider's mail server|may not be mail exchanger|" +
				"looks like a dynamic|dsl address|adsl|home user|end-user ip|consumer ip|_dul_|_dynablock|动态ip|" +
				"动态地址|dynamische ip|ip dynamique|ip dinámica|ip dinamico|инамическ|動的ip|유동"},
			None:    []string{"uceprotect"},
			Example: "550 Helo is ADSL or DIAL (HELO was dsl-1.example.net) and your ip 192.0.2.4 not is a MX/SPF of domain <example.com>", Ref: "Exim wiki: ACL examples"},
		{Name: "bad-helo-at-helo", Class: bh.BadHELO, Stage: "helo", Code: "5|4",
			All: []string{"invalid domain|fully-qualified|fully qualified|hostname|host name|not resolve|host not found|" +
				"bad name|invalid name|fqdn|impersonat|argument"}, None: []string{"reverse|client host|listed|blocked"},
			Example: "501 5.5.4 Invalid command arguments: Invalid domain name", Ref: refOpenSMTPD},
		{Name: "bad-helo", Class: bh.BadHELO,
			All: []string{"helo command rejected|ehlo command rejected|bad helo|bad ehlo|invalid helo|invalid ehlo|" +
				"helo string|_helo name|helo/ehlo name|helo hostname|ehlo hostname|helo requires|ehlo requires|" +
				"helo argument|helo/ehlo argument|helo/ehlo must|ehlo domain|ehlo invalid|helo invalid|helo is|" +
				"helo was|helo does|helo mismatch|helo failed|helo check|helo verification|helo has|your helo|" +
				"your ehlo|forged helo|fake helo|helo greeting|helo with|helo rejected|ehlo rejected|helo/ehlo|" +
				"syntactically invalid helo|syntactically invalid ehlo|helo not|hostname you gave|" +
				"you claim to be|host impersonating|hello name|saying helo|saying ehlo|pretend to be|pretending to be|" +
				"claiming to be|believe you are|you are not <host>|you are not localhost|its name is *not*|" +
				"claiming non-"},
			None: []string{"send helo|send ehlo|say helo|say ehlo|helo first|ehlo first|polite people|expected|missing helo|" +
				"needed|may be due to"},
			Example: "550 Invalid HELO/EHLO; must be FQDN", Ref: refPostfixUCE},

		{Name: "relay-authentication", Class: bh.AuthRequired, All: []string{"(authentication required)"},
			Example: "550 5.7.1 Relaying to <user@example.net> denied (authentication required)",
			Ref:     "kerio.com: Connect"},
		{Name: "relay-denied", Class: bh.RelayDenied,
			All: []string{"relay access denied|relaying denied|relay denied|relaying is denied|relay not permitted|" +
				"relaying not permitted|relay not allowed|relaying not allowed|relaying disallowed|" +
				"relaying prohibited|relay prohibited|no relaying|relaying to|unable to relay|cannot relay|" +
				"can't relay|not permitted to relay|not allowed to relay|authorized to relay|configured to relay|" +
				"relay mail from|open relay, so|not an open relay|no open relay|" +
				"isn't in my list of allowed rcpthosts|allowed rcpthosts|not a permitted relay|" +
				"don't handle mail for|do not handle mail for|cannot deliver mail for|not local, gateway|" +
				"as mail gate|not one of our domains|not a local domain|is not a domain we|we do not relay|" +
				"we don't relay|not hosted here|not handled here|not serviced here|third party relay|" +
				"relay is not|does not relay|won't relay|forwarding not allowed|smtp relay denied|" +
				"recipient not local|unauthorized relay|as a relay|domain not hosted|domain isn't hosted|" +
				"domain is not hosted|mail server does not handle|not responsible for|refused to relay|" +
				"rejecting relay"},
			None:    []string{"which is an open relay|possible open relay|forwarding to remote|attribution"},
			Example: "553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)", Ref: refQmail},
		{Name: "auth-required", Class: bh.AuthRequired,
			All: []string{"authentication required|authentication is required|smtp auth is required|auth is required|" +
				"must authenticate|authenticate first|please authenticate|requires authentication|" +
				"need to authenticate|authentication failed|authentication failure|authentication credentials|" +
				"sasl authentication|password not accepted|username and password|invalid credentials|" +
				"bad credentials|incorrect authentication|authentication rejected|authentication not enabled|" +
				"insufficient authorization|authentication unsuccessful|authentication mechanism|auth failed|" +
				"login failed|must issue an auth|smtp auth required|smtp-auth|not authenticated|" +
				"unauthenticated senders|authorization required|log in first|pop before smtp|pop3 before|" +
				"password transition|need authenticate|auth first|without authentication|user not authenticated|" +
				"with authentication|receive your mail before|check mail via pop|check your mail before|" +
				"check mail first|pop3 first|retrieve your mail first|authenticated senders only|" +
				"only allowed for authenticated|only authenticated users|authenticated users only|" +
				"must be authenticated|must log in|must login|login first|authentication method|" +
				"auth method|authentication cancel|authentication aborted|authentication is not|auth mechanism"},
			None: []string{"_spf_|dkim|dmarc|_ip_|authentication information|group|sender was not|bounce|" +
				"without authentication checks|not permitted to relay|credits exceeded"},
			Example: "554 5.7.1 <user@example.net>: Recipient address rejected: SMTP AUTH is required for users under this sender domain", Ref: "RFC 4954"},

		{Name: "sender-disabled", Class: bh.SenderRejected,
			All: []string{"sender|your account|your mailbox|your email account|your e-mail account|your mail account|" +
				"your smtp|sending user|smtp account|authenticated user|from address|mail from|sending account|message sending|sending for this|" +
				"sending from this|outgoing mail|outbound mail",
				"disabled|suspended|_expired|_locked|inactive|deactivated|frozen|not activated"},
			None:    []string{"recipient|to the sender|to sender|temporarily suspended"},
			Example: "550 Your account has been locked. Please contact your administrator.",
			Ref:     "smtp.antispamcloud.com: a published bounce"},
		{Name: "sender-domain", Class: bh.SenderRejected,
			All: []string{"sender|source domain|envelope from|return mx|_mail from_|return-path|return path|envelope senders|" +
				"from address|from: address|_from_",
				"domain not found|domain must exist|no mx|mx record|null mx|has not mx|does not exist|" +
					"domain does not|not resolve|unresolvable|dns failure|valid mx|violate|mx does not exist|" +
					"malformed dns|cannot be resolved|could not be resolved|domain invalid|invalid domain|bogus|" +
					"nonexistent|non-existent|no such domain|domain lookup|dns error"},
			None:    []string{"recipient address rejected|account|helo|mailbox does not exist|user does not exist|user doesn't"},
			Example: "553 sorry, your envelope sender domain must exist (#5.7.1)", Ref: refQmail},
		{Name: "sender-domain-mx", Class: bh.SenderRejected,
			All: []string{"domain has not mx entries|return mx does not|violate section 3.3.9|mx records for|" +
				"your domain has no mx|domain has no mx|your domain has no"},
			Example: "505 Your domain has not MX entries or DNS record error. more info please visit http://www.eyousoft.net/", Ref: "eyousoft.net"},
		{Name: "sender-rejected", Class: bh.SenderRejected,
			All: []string{"sender address rejected|sender rejected|sender refused|sender denied|sender blocked|" +
				"sender blacklisted|sender is blacklisted|sender is on|sender not allowed|" +
				"sender address not allowed|sender address has been|sender not pre-approved|sender not permitted|" +
				"bad sender|invalid sender|sender email address rejected|sender address verify|" +
				"sender verify failed|sender verification|could not verify sender|sender unknown|unknown sender|" +
				"badmailfrom|envelope sender is in my|bad mail from|mail from address|envelope sender|" +
				"envelope senders|null sender|empty sender|empty envelope|sender's system address|" +
				"denied domain name|sender domain|senderfilterconfig|_batv_|bounce address|prvs|not owned by user|" +
				"not logged in as user|sender address invalid|invalid mail from|domain of sender|" +
				"from address is not|email address is not verified|address not verified|must match authenticated|" +
				"from address rejected|rejected sender|sender domain is|sender's domain|sender does not match|" +
				"match your authentication|fake sender|not owned by|sender is not|no access for this domain|" +
				"no access for this user|masquerading|address is blacklisted|not allowed in header from|" +
				"header from|not authorized to use this service|not authorized to send as|has not been verified|" +
				"not been verified|address is not verified|unverified sender|your domain has no|no mx for envelope|" +
				"valid sender|verify sender|verify your sender|sender must|domain is not verified|" +
				"domain not verified|domain is not allowed|not a verified|identity is not verified|" +
				"could not complete sender verify|postmaster verification failed|sender verify callout|" +
				"sending domain|must be fully qualified domain|must be fully-qualified domain|header sender|" +
				"envelope and header|unauthorized mail from|unauthorized sender|unauthorised sender|" +
				"unable to verify address|send from this address|send from the address|send as this|" +
				"send mail from this address|no bounces accepted|bounces not accepted|not accept bounces|" +
				"blocked from sending|suspended from sending|barred from sending|prevented from sending"},
			None: []string{"deferred (greylist)|greylist|dnsbl|_rbl_|complaint|recipients|spam source|rate limit|too many|" +
				"limit|exceeded|sender or|sender ip|sender's ip|sending ip|sender is blocked|message from unknown sender|virus|sender was not|" +
				"unauthenticated|confirm"},
			Example: "550 Sender Refused", Ref: "mxtoolbox.com: bounceback messages"},
		{Name: "sender-no-domain", Class: bh.SenderRejected,
			All: []string{"sender address must contain a domain|required for sender address|need fully-qualified address"}, None: []string{"recipient address rejected"},
			Example: "501 <root>: sender address must contain a domain", Ref: refExim},
		{Name: "sender-by-code", Class: bh.SenderRejected, Enhanced: "x.1.7|x.1.8",
			All:     []string{"domain|address|_host_|sender|_from_|_mx_|user|mailbox"},
			None:    []string{"recipient|greylist|helo|ehlo"},
			Example: "550 5.1.7 No such domain example.invalid", Ref: "RFC 3463 section 3.2"},
	}
}
