package enrich

import bh "github.com/bouncehouse/bouncehouse"

// looseRules are for wordings that no rule before knows: what is spoken of,
// and that it is wrong. From what hardly misleads to what might.
func looseRules() []Rule {
	return []Rule{
		{Name: "loose-virus", Class: bh.Virus, Code: "5", All: []string{"_virus|malware|malicious|trojan|infect"}, None: []string{"scan|spam"}, Example: "550 5.7.1 Malicious file in message", Ref: refMilter},
		{Name: "loose-helo", Class: bh.BadHELO, All: []string{"_helo_|_ehlo_|helo/ehlo", "invalid|bad|reject|refus|denied|not valid|illegal|wrong|fake|forg|spoof|resolve|must|fqdn|fully|" +
			"incorrect|mismatch|not match|unknown|localhost|your own|blocked|not allowed|not accept"}, None: []string{"send|first|say |introduce|expected|polite|unimplemented|not implemented|command not"},
			Example: "550 The EHLO was that of localhost", Ref: refMilter},
		{Name: "loose-tls", Class: bh.TLSFailed, All: []string{"_tls_|_ssl_|starttls|tlsv1|encrypt|_certificate_|_cipher|_dane_|mta-sts", "requir|fail|error|must|invalid|expired|verif|negotiat|handshake|only|mandatory|not support|" +
			"not offer|not available|mismatch|not match|reject|refus|insufficient|weak|unable|could not|" +
			"no shared|need|use tls|temporar"}, None: []string{"encrypted attachment|encrypted archive|encrypted zip|encrypted file|gatewaying|password"},
			Example: "550 5.7.10 Unencrypted mail is refused, use encryption", Ref: "RFC 3207"},
		{Name: "loose-authentication", Class: bh.AuthRequired, All: []string{"authenticat|_auth_|_sasl_|_login_|password|credential|log in|logged in|authorization code|smtp-auth", "requir|fail|must|need|first|invalid|reject|incorrect|wrong|not allowed|denied|error|before|bad|" +
			"not enabled|not accepted|disabled|please|expired|unsuccessful|turned off"}, None: []string{"_spf_|_dkim_|_dmarc_|information|_ip_|message|group|sender domain|domain's|<ip>|checks"},
			Example: "550 5.7.1 Client does not have permission, please log in", Ref: "RFC 4954"},
		{Name: "loose-relay", Class: bh.RelayDenied, All: []string{"_relay|_relaying|_rcpthosts|gateway", "denied|deny|not allow|not permit|refus|reject|prohibit|forbid|cannot|can't|unable|not author|" +
			"disallow|_no_|won't|unauthorized|not accept|_not_|isn't|disabled|local only"}, None: []string{"open relay|_relays_|spam|smtp relay at|list|relay=|timeout|unavailable|recipient table|temporar"},
			Example: "550 5.7.1 This host does not act as an open gateway; relay is forbidden", Ref: refMilter},
		{Name: "loose-rdns", Class: bh.NoRDNS, All: []string{"hostname|host name|_dns_|resolve|resolvable|_name_|in-addr|lookup", "your ip|client ip|your host|client host|sending host|connecting ip|connecting host|remote host|" +
			"sending ip|client address|ip address|your address|sending server|your server|connecting server"}, None: []string{"sender|recipient|list|spam|domain of|blocked"},
			Example: "550 5.7.1 Could not find a DNS entry of your host", Ref: refMilter},
		{Name: "loose-domain-of-sender", Class: bh.SenderRejected, All: []string{"sender|_from_|mail from|mailfrom|return-path|envelope-from|originator|reverse-path", "domain|_host_|_mx_|_dns_", "not found|unknown|not exist|n't exist|invalid|not resolve|unresolv|cannot be|could not|no such|" +
			"_no_|fail|not valid|missing|verif|without|has no|not have|does not"}, None: []string{"recipient|rcpt"},
			Example: "550 5.1.8 Domain of the sender could not be verified", Ref: refMilter},
		{Name: "loose-sender", Class: bh.SenderRejected, All: []string{"sender|mail from|mailfrom|_from:|from address|from field|return-path|envelope-from|originator|" +
			"reverse-path|mfrom", "reject|refus|den|block|invalid|not allow|not permit|unknown|not valid|_bad_|illegal|not exist|" +
			"n't exist|verif|incorrect|prohibit|_must_|missing|not accept|blacklist|not author|unauthor|" +
			"banned|mismatch|not match|restrict|forbid|not own|not a valid|syntax|does not|null|empty|" +
			"syntactic|unroutable"}, None: []string{"to sender|the sender of|sender reputation|_ip_|<ip>|limit|recipient|quota|too many|spam|content|" +
			"sender's message|sender system|header|attachment|mailbox"},
			Example: "550 5.7.1 Mail of this originator is prohibited", Ref: refMilter},
		{Name: "loose-mailbox-full", Class: bh.MailboxFull, All: []string{"mailbox|recipient|_user|account|inbox|storage|quota|mail box|mail-box|maildir|mail store", "_full|quota|exceed|exhaust|no space|out of space|capacity|too many messages|no more space|" +
			"no room|over limit|overflow|overdrawn|insufficient|not enough|used up|overloaded|overquota|" +
			"out of disk"}, None: []string{"rate|per hour|per day|sending|sender|_daily|too large|recipients|messages per|size limit for|" +
			"full name|fully|fail to connect|concurrent|connection|limit of|limits"},
			Example: "550 5.2.2 The recipient's storage capacity is exhausted", Ref: refMilter},
		{Name: "loose-mailbox-disabled", Class: bh.MailboxDisabled, All: []string{"mailbox|recipient|_user_|account|inbox|_email address|mail address|customer|subscriber", "expired|closed|locked|terminated|deleted|removed|archived|not activ|not enabled|not yet activ|" +
			"cancel|on hold|quarantined|unsubscribed|ceased|retired|unpaid|overdue|dead|no longer accept|" +
			"no longer active|does not receive|cannot receive|can't receive|barred|not currently|" +
			"currently not|not able to receive|stopped|switched off|abandoned"}, None: []string{"connection|sender|has been removed from the queue|attachment|message deleted|message was deleted|queue"},
			Example: "550 5.2.1 Subscriber has cancelled this service", Ref: refMilter},
		{Name: "loose-recipient-moved", Class: bh.RecipientMoved, All: []string{"moved|new address|changed address|changed his address|changed address to|forwarding address|" +
			"please use <addr>|use <addr>|try <addr>|instead use|address has been changed|now reachable|" +
			"can be reached at|please send to"}, None: []string{"temporarily|moved to spam"},
			Example: "551 5.1.6 This person can be reached at new@example.org", Ref: "RFC 5321 section 4.2.3"},
		{Name: "loose-domain", Class: bh.NoSuchDomain, All: []string{"_domain|_host_|_mx_", "not found|unknown|not exist|n't exist|no such|nonexist|non-exist|unresolv|not resolve|" +
			"not registered|invalid|expired|not configured|not known|no longer exist|cannot find|" +
			"could not find|couldn't find|not valid"}, None: []string{"user|mailbox|account|client|helo|ehlo|your|sender|spam|header|message-id|reverse|from"},
			Example: "550 5.1.2 We cannot find such a domain", Ref: refMilter},
		{Name: "loose-recipient", Class: bh.NoSuchUser, Code: "5|0", All: []string{"recipient|mailbox|_user|account|_address|_rcpt_|inbox|addressee|mail box|local part|local-part|" +
			"alias|_email_|person|subscriber|customer|destination|employee|nobody", "unknown|invalid|not found|no such|not exist|n't exist|not valid|unavailable|incorrect|_wrong|" +
			"not known|isn't|undeliverable|verif|recogni|unable to find|could not find|couldn't find|" +
			"cannot find|can't find|no longer|nonexist|non-exist|not local|not available|not here|misspell|" +
			"typo|illegal|not accept|doesn't|does not|_bad_|_no_|not a |not have|not on|not in|by that name|" +
			"inexist|not served|not defined|undefined|not listed|not permitted|not deliver|cannot deliver|" +
			"can't deliver"}, None: []string{"sender|_ip_|<ip>|helo|_from_|header|too many|limit|_rate_|spam|content|hosts|policy|relay|" +
			"authenticat|temporar|greylist|try again|later|_mx_|_dns_|line|message-id|command|service|syntax"},
			Example: "550 5.1.1 We have nobody by that name", Ref: refMilter},
		{Name: "loose-size", Class: bh.TooLarge, All: []string{"message|_mail|_size|attachment|_data_|email|_body_", "too large|too big|too long|larger than|bigger than|size limit|exceeds the|oversize|" +
			"exceeds maximum|maximum size|size exceed|over the size|max size|allowed size|too heavy|" +
			"limit of <n> m|limit of <n> k|bytes"}, None: []string{"mailbox|quota|line|header|queue|rate|recipients|resources"},
			Example: "552 5.3.4 Your mail is bigger than we take: limit 10 MB", Ref: "RFC 1870"},
		{Name: "loose-rate", Class: bh.RateLimited, All: []string{"too many|limit|quota|_rate_|frequen|exceed|throttl|volume|too much|too often|too quickly|burst|slow down", "message|_mail|email|connection|session|sending|_sent_|_send_|_ip_|<ip>|client|per |hour|_day_|" +
			"minute|traffic|request|concurren|simultaneous|delivery attempts|transactions|_host_|recipient"}, None: []string{"mailbox|size|hops|received headers|invalid|unknown|bad|errors|line|storage|disk|box|_command|" +
			"header|byte|spam|recipients per message|mime|failed|received:"},
			Example: "451 4.7.1 Your mail volume is above what we allow", Ref: refMilter},
		{Name: "loose-invalid-recipients", Class: bh.Reputation, All: []string{"too many", "invalid|unknown|bad|errors|failed|bounces|spam|complaint"}, None: []string{"command|login|authenticat|password|header|hop"},
			Example: "421 4.7.1 Too many failed deliveries lately", Ref: refMilter},
		{Name: "loose-spam", Class: bh.SpamContent, All: []string{"spam|_uce_|_ube_|junk|unsolicited|phish|unwanted content|undesirable|inappropriate content|" +
			"objectionable|forbidden content|forbidden word|suspicious content|bulk email|bulk message"}, None: []string{"_ip_|<ip>|_host_|server|network|spammer|antispam policy|no spam please|spam policy|connection"},
			Example: "554 5.7.1 Looks like junk to us", Ref: refMilter},
		{Name: "loose-spam-address", Class: bh.Reputation, All: []string{"spam|abuse|blacklist|blocklist|blackhole|black list|block list|bad reputation|untrusted|banned|" +
			"suspicious|unsolicited|denylist|deny list|complain|harvest", "_ip_|<ip>|_host_|server|network|connection|address|client|range|country|subnet|mta"}, None: []string{"recipient"},
			Example: "554 5.7.1 Your range is on our denylist", Ref: refMilter},
		{Name: "loose-ip-refused", Class: bh.Reputation, All: []string{"your ip|_ip address|_ip_|ip range|subnet|from <ip>|of <ip>|[<ip>]|(<ip>)", "block|banned|reject|refus|denied|blacklist|abuse|not allow|forbid|unwelcome|not accept|" +
			"not author|deny|filtered|restricted|prohibited|not permit|not trust|not welcome"}, None: []string{"client host rejected|recipient|greylist|user|remote ip is forbidden"},
			Example: "550 5.7.1 Mail of 203.0.113.9 is filtered here", Ref: refMilter},
		{Name: "loose-malformed", Class: bh.Malformed, All: []string{"header|_mime|message-id|_date:|_from:|_subject|_line_|_lines_|charset|encoding|message format|" +
			"_crlf_|_lf_|line feed|linefeed|8-bit|8bit|7bit|7-bit|multipart|boundary|_cr_|smtputf8|utf-8|" +
			"utf8|to: field|to field|from field", "invalid|missing|too long|_bad_|illegal|malform|complian|duplicate|multiple|not valid|error|" +
			"improper|exceed|not allow|no valid|_no_|incorrect|broken|not support|not permit|reject|empty|" +
			"blank|lacks|must|only one|conform|syntax|more than one|too many|two"}, None: []string{"address syntax|authenticat|domain name|helo|command|line busy|parameter|on-line"},
			Example: "550 5.6.0 Two Subject fields are more than one", Ref: "RFC 5322"},
		{Name: "loose-recipient-refused", Class: bh.RecipientRefused, All: []string{"recipient|user|customer|addressee|member|mailing list|_group_|distribution list|_list_|private|_owner", "not want|refus|reject|block|only accept|restrict|whitelist|white list|allow list|allowlist|" +
			"not accepting|does not accept|closed|moderated|members|subscribers|declined|unsubscribe|" +
			"safe list|approved|contact list|permission|blacklist|not allow|deny|denied"}, None: []string{"_ip_|<ip>|rejected: access|recipient address rejected|recipient rejected|relay|temporar|" +
			"client host|greylist|unknown|invalid|bounces"},
			Example: "550 5.7.1 This customer has declined your mail", Ref: refMilter},
		{Name: "loose-routing", Class: bh.Routing, All: []string{"_loop|_hops|_hop_|_routing|_route_|unroutable|unrouteable|best mx|mx points|points back|" +
			"received headers|received: headers|already received|delivered-to|cannot route|can't route|" +
			"not routable|no transport|no route|relayed too"}, None: []string{"no route to host|loopback"},
			Example: "554 5.4.6 Message came here already, a loop", Ref: refExim},
		{Name: "loose-dns", Class: bh.DNSFailure, All: []string{"_dns_|name server|nameserver|_mx_|resolver|nxdomain|servfail", "fail|error|timeout|timed out|temporar|lookup|unable|could not|cannot|problem|unavailable|no answer|invalid"}, None: []string{"reverse|your|client|spam|sender|helo|<ip>|blacklist"},
			Example: "451 4.4.3 Unable to get an answer of the nameserver", Ref: "RFC 5321 section 5.1"},
		{Name: "loose-connection", Class: bh.ConnectionFailed, All: []string{"_connection|_connect_|_connecting|_timeout|_timed out|_socket|_session_|network|" +
			"host unreachable|unreachable|tcp", "timeout|timed out|lost|closed|refused|reset|failed|fail|dropped|abort|unreachable|broken|" +
			"could not|cannot|can't|unable|unexpected|error|terminated|interrupt|expired|down|no answer|" +
			"no response|_eof_"}, None: []string{"internal|filtering|blocked|spam|list|reputation|policy|too many|limit|abuse|denied|reject|" +
			"<ip> refused|closing transmission|try again|later|temporar"},
			Example: "421 4.4.2 Your session was terminated by silence", Ref: "RFC 5321 section 4.5.3.2"},
		{Name: "loose-expired", Class: bh.ClassExpired, All: []string{"expired|too long in|giving up|gave up|retry time|retries|undeliverable for|days in|" +
			"delivery time|lifetime|attempts"}, None: []string{"certificate|account|mailbox|domain|password|login|signature|subscription|too many"},
			Example: "All attempts to deliver have been used up", Ref: refExim},
		{Name: "loose-system", Class: bh.RemoteSystem, All: []string{"system|server|service|resource|internal|_disk|database|processing|software|backend|queue|" +
			"storage|memory|scanner|filter|spool|_load_|configuration|mailer|daemon|program|delivery|" +
			"transaction", "error|unavailable|not available|fail|problem|busy|_full|_down_|currently|exhaust|temporar|low|" +
			"insufficient|unable|out of|maintenance|overload|timeout|not respond|crash|not ready|incorrect|" +
			"misconfig|later|unexpected"}, None: []string{"policy|service unavailable;|_ip_|<ip>|blocked|client host"},
			Example: "554 5.3.0 The delivery program has crashed", Ref: "RFC 3463 section 3.4"},
		{Name: "loose-protocol", Class: bh.ProtocolError, Code: "5", All: []string{"_command|_syntax|_verb_|_argument|_parameter|_sequence|protocol|pipelin|_rcpt_|_data_|_bdat_|" +
			"_mail_ first|out of order|transaction|smtp extension|unsupported|afresh|_mail_", "error|_bad_|invalid|unknown|unrecogni|not recogni|unexpected|illegal|out of|not allow|" +
			"not support|need|first|expected|before|afresh|already|missing|wrong|violat|too long|unsupported|" +
			"not implemented|improper"}, None: []string{"recipient|user|mailbox|sender|content|spam|policy|mail server|e-mail"},
			Example: "503 5.5.1 Start afresh from the greeting, verb out of order", Ref: "RFC 5321 section 4.2"},
	}
}
