package enrich

import bh "github.com/bouncehouse/bouncehouse"

// Words that mean much the same in replies, whatever they are said of.
const (
	saysListed = "blacklist|black list|black-list|blocklist|block list|block-list|blackhole|denylist|deny list|badlist|_rbl|_dnsbl|rhsbl|" +
		"blockliste|sperrliste|schwarze liste|schwarzen liste|liste noire|lista negra|listas negras|lista nera|czarna lista|czarnej li|" +
		"zwarte lijst|ерном списке|ёрном списке|ерный список|блэклист|ブラックリスト|黑名单|블랙리스트"
	saysNo = "reject|refus|denied|_deny|denies|block|not accept|n't accept|not allow|n't allow|not permit|not welcome|not author|" +
		"unauthor|prohibit|forbid|disallow|declin|banned|restrict|unaccept|not want|n't want|unwelcome|" +
		"abgelehnt|abgewiesen|verweigert|nicht erlaubt|nicht angenommen|rechaz|rifiut|rejeit|recusad|odrzuc|odmow|geweigerd|отклон|отказ|" +
		"запрещ|разрешен|拒绝|拒收|拒否|不允许|거부|차단|vietat|negad|interdit|verboten|prohibid|no permitid|non consentit|não permitid"
	saysAbsent = "unknown|not exist|n't exist|no such|not found|n't found|could not find|couldn't find|cannot find|can't find|" +
		"unable to find|nonexist|non-exist|not known|invalid|not valid|not a valid|no valid|not recogni|unrecogni|no longer exist|" +
		"not registered|inexist|not configured|unresolv|not resolve|undefined|not defined"
	ofSender = "sender|mail from|mailfrom|_from:|from address|from field|return-path|return address|envelope-from|envelope from|" +
		"originator|reverse-path|reverse path|mfrom|_from header"
	ofAddress = "_ip_|<ip>|_ips_|_host_|_server|network|connection|_address|_client|_range|country|subnet|_mta_|_hosts_|" +
		"адрес|serveur|servidor|サーバ|接続|发信|服务器|서버"
)

// looseRules are for wordings that no rule before knows: what is spoken of,
// and that it is wrong. From what hardly misleads to what might.
func looseRules() []Rule {
	return []Rule{
		{Name: "loose-helo", Class: bh.BadHELO, All: []string{"_helo_|_ehlo_|helo/ehlo",
			saysNo + "|" + saysAbsent + "|_bad_|illegal|wrong|fake|forg|spoof|resolve|must|fqdn|fully|" +
				"incorrect|mismatch|not match|localhost|your own|contains|malformed"},
			None:    []string{"send|first|say |introduce|expected|polite|unimplemented|not implemented|command not"},
			Example: "550 R1: HELO should be a FQDN or address literal (See RFC 2821 4.1.1.1)",
			Ref:     "netbit.com.br help"},
		{Name: "loose-tls", Class: bh.TLSFailed,
			All: []string{"_tls_|_ssl_|starttls|tlsv1|encrypt|_certificate_|_cipher|_dane_|mta-sts",
				"requir|fail|error|must|invalid|expired|verif|negotiat|handshake|only|mandatory|not support|" +
					"not offer|not available|mismatch|not match|reject|refus|insufficient|weak|unable|could not|" +
					"no shared|need|use tls|temporar|not use"},
			None:    []string{"encrypted attachment|encrypted archive|encrypted zip|encrypted file|gatewaying|password"},
			Example: "454 Failed to negotiate TLS connection.", Ref: "spamdyke source: spamdyke.h"},
		{Name: "loose-authentication", Class: bh.AuthRequired,
			All: []string{"authenticat|_auth_|_sasl_|_login_|password|credential|log in|logged in|authorization code|smtp-auth", saysNo + "|requir|fail|must|need|first|invalid|unknown|incorrect|wrong|error|before|_bad_|cancel|abort|" +
				"not enabled|disabled|please|expired|unsuccessful|turned off|not match|only"},
			None: []string{"_spf_|_dkim_|_dmarc_|information|message|group|sender domain|domain's|<ip>|checks|sender address|" +
				"credits exceeded"},
			Example: "535 5.7.0 Invalid login or password", Ref: "smtp.rambler.ru: a published bounce"},
		{Name: "loose-relay", Class: bh.RelayDenied,
			All: []string{"_relay|_relaying|_rcpthosts|中继|转发|中継|релей|ересылк|relais|retransmisión|retransmissão|reencaminhamento|anfitriões rcpt|weiterleitung|not a gateway|open gateway|as a gateway", saysNo + "|cannot|can't|unable|_no_|won't|_not_|isn't|disabled|local only|não faz parte|não consta|no está"}, None: []string{"open relay|_relays_|spam|smtp relay at|list|relay=|timeout|unavailable|recipient table|temporar"},
			Example: "550 not a gateway", Ref: refBounceRules},
		{Name: "loose-rdns", Class: bh.NoRDNS,
			All: []string{"hostname|host name|_dns_|resolve|resolvable|_name_|in-addr|lookup",
				"your ip|client ip|your host|client host|sending host|connecting ip|connecting host|remote host|" +
					"sending ip|client address|ip address|your address|sending server|your server|connecting server|" +
					"sender ip"},
			None:    []string{"sender|recipient|list|spam|domain of|blocked|following domain|_mx_|recipient's"},
			Example: "554 5.7.1 DZCNT 192.0.2.3: Message refused. Your host name(mx.example.net) dosen't match with your IP address", Ref: "cs.daum.net: errors of the mail service"},
		{Name: "loose-sender-domain", Class: bh.SenderRejected,
			All: []string{ofSender + "|_from_|your domain", "domain|_host_|_mx_|_dns_|_tld_",
				saysAbsent + "|cannot be|could not|_no_|fail|missing|verif|without|not have|does not|reserved|not hosted"}, None: []string{"recipient|rcpt|_ip_|helo"},
			Example: "421 Refused. The domain of your sender address has no mail exchanger (MX).",
			Ref:     "spamdyke source: spamdyke.h"},
		{Name: "loose-sender", Class: bh.SenderRejected, All: []string{ofSender,
			saysNo + "|" + saysAbsent + "|" + saysListed +
				"|_bad_|illegal|verif|incorrect|_must_|missing|fake|forged|mismatch|not match|" +
				"not own|syntax|does not|null|empty|syntactic|unroutable|reserved|temporary failure|identical"},
			None: []string{"to sender|the sender of|sender reputation|sender ip|sender's ip|ip of the sender|_limit|limit_|" +
				"quota|too many|content|recipient's|by recipient|by the recipient|sender's message|sender system|" +
				"header|attachment|mailbox|_rbl_|spam or|virus|_rbl|black list <host>|blacklist <host>|_from <ip>|" +
				"ip address is|mail from this ip|sending ip|command|parameter|already|whois|sender <ip>|sender [<ip>|your network|your isp|your country"},
			Example: "554 Refused. Identical sender and recipient addresses are not allowed.",
			Ref:     "spamdyke source: spamdyke.h"},
		{Name: "loose-mailbox-full", Class: bh.MailboxFull,
			All: []string{"mailbox|recipient|_user|account|inbox|storage|quota|mail box|mail-box|maildir|mail store",
				"_full|quota|exceed|exhaust|no space|out of space|capacity|too many messages|no more space|no room|" +
					"over limit|overflow|overdrawn|insufficient|not enough|used up|overloaded|overquota|out of disk|" +
					"no more disk|no disk space"},
			None: []string{"rate|per hour|per day|sending|sender|_daily|too large|recipients|messages per|size limit for|" +
				"full name|fully|fail to connect|concurrent|connection|limit of|limits"},
			Example: "452 4.2.2 Over quota SESSIONID=<cyrus-4311-1488438658-1>",
			Ref:     "Cyrus imapd: a reply in a published log"},
		{Name: "loose-mailbox-disabled", Class: bh.MailboxDisabled,
			All: []string{"mailbox|recipient|_user_|account|inbox|_email address|mail address|customer|subscriber",
				"expired|closed|locked|terminated|deleted|removed|archived|not activ|not enabled|not yet activ|" +
					"cancel|on hold|hangup|quarantined|unsubscribed|ceased|retired|unpaid|overdue|dead|no longer accept|" +
					"no longer active|does not receive|cannot receive|can't receive|barred|not currently|" +
					"currently not|not able to receive|stopped|switched off|abandoned|not accepting mail|right now"},
			None:    []string{"connection|sender|has been removed from the queue|attachment|message deleted|message was deleted|queue|blocked"},
			Example: "554 5.7.1 User user@example.net cannot receive email", Ref: refBounceRules},
		{Name: "loose-domain", Class: bh.NoSuchDomain, All: []string{"_domain|_host_|_mx_|nonexistentdomain",
			saysAbsent + "|expired|nonexistentdomain"},
			None: []string{"user|mailbox|account|client|helo|ehlo|your|sender|spam|header|message-id|reverse|from|<ip>|" +
				"fully qualified|fully-qualified|not configured"},
			Example: "554 No Valid Domain", Ref: "developers.sparkpost.com: Momentum responses"},
		{Name: "loose-address", Class: bh.NoSuchUser, Code: "5|0",
			All: []string{"recipient|mailbox|_user|account|_address|_rcpt_|inbox|addressee|mail box|local part|local-part|" +
				"alias|_email_|person|subscriber|customer|destination|employee|nobody",
				saysAbsent + "|unavailable|incorrect|improper|_wrong|isn't|undeliverable|verif|no longer|not local|not available|not here|misspell|" +
					"typo|illegal|not accept|doesn't|does not|_bad_|_no_|not a |not have|not on|not in|not user|by that name|restricted character|" +
					"not served|not listed|not permitted|not deliver|cannot deliver|can't deliver|don't exist"},
			None: []string{"sender|_ip_|<ip>|helo|header|too many|limit|_rate_|spam|content|hosts|policy|relay|authenticat|" +
				"temporar|greylist|try again|later|_mx_|_dns_|line|message-id|command|service|syntax|" +
				"not being accepted|you are not|permission"},
			Example: "550 5.0.0 user@example.net This is user have no mail", Ref: refBounceRules},
		{Name: "loose-size", Class: bh.TooLarge, All: []string{"message|_mail|_size|attachment|_data_|email|_body_",
			"too large|too big|too long|larger than|bigger than|size limit|exceeds the|oversize|" +
				"exceeds maximum|maximum size|size exceed|over the size|max size|allowed size|too heavy|" +
				"limit of <n> m|limit of <n> k|bytes"},
			None:    []string{"mailbox|quota|line|header|queue|rate|recipients|resources"},
			Example: "501 5.7.1 Message is too long", Ref: "docs.icewarp.com: 5xx errors"},
		{Name: "loose-rate", Class: bh.RateLimited,
			All: []string{"too many|limit|quota|_rate_|frequen|exceed|throttl|volume|too much|too often|too quickly|burst|slow down", "message|_mail|email|connection|session|sending|_sent_|_send_|_ip_|<ip>|client|per |hour|_day_|" +
				"minute|traffic|request|concurren|simultaneous|delivery attempts|transactions|_host_|recipient|batch"},
			None: []string{"mailbox|size|hops|received headers|invalid|unknown|_bad_|errors|line|storage|disk|box|_command|" +
				"header|byte|spam|recipients per message|mime|failed|received:|attachment|servers"},
			Example: "452 4.5.3 Service unavailable, batch limit reached",
			Ref:     "developers.sparkpost.com: Momentum responses"},
		{Name: "loose-invalid-recipients", Class: bh.Reputation,
			All:     []string{"too many", "invalid|unknown|_bad_|errors|failed|bounces|spam|complaint"},
			None:    []string{"command|login|authenticat|password|header|hop"},
			Example: "550 REJECTED - Too many failed recipients - count = 4", Ref: "Exim wiki: Verification"},
		{Name: "loose-list", Class: bh.DNSBL, All: []string{saysListed,
			"in a black list <host>|<host>|_rbl|rbl_|_dnsbl|_dns_|rhsbl|dns black"}, None: []string{"recipient|local"},
			Example: "550 The sender is in a black list rbl.baruwa.net", Ref: "bastion.umanix.net/info: Baruwa"},
		{Name: "loose-spam", Class: bh.SpamContent,
			All: []string{"spam|_uce_|_ube_|junk|unsolicited|phish|unwanted content|undesirable|inappropriate content|" +
				"objectionable|forbidden content|forbidden word|suspicious content|bulk email|bulk message|due to its content|" +
				"because of its content|unacceptable content|content reject|content block"},
			None:    []string{"_ip_|<ip>|_host_|server|network|spammer|antispam policy|no spam please|connection"},
			Example: "554 5.7.1 Mail appears to be unsolicited", Ref: refBounceRules},
		{Name: "loose-spam-address", Class: bh.Reputation, All: []string{saysListed +
			"|spam|abuse|bad reputation|untrusted|banned|suspicious|unsolicited|complain|harvest", ofAddress},
			None:    []string{"recipient"},
			Example: "550 Transaction failed. (SPAM_SUSPECT:IP_CONTROL) (http://cleanip.paran.com)",
			Ref:     "puffinknight.tistory.com/102"},
		{Name: "loose-ip-refused", Class: bh.Reputation,
			All: []string{"your ip|_ip address|_ip_|ip range|subnet|from <ip>|of <ip>|[<ip>]|(<ip>)",
				saysNo + "|blacklist|abuse|filtered|not trust|_bad_|invalid|suspect|poor|not known|not verified"},
			None:    []string{"client host rejected|recipient|greylist|user|remote ip is forbidden|policy|_input_|_command"},
			Example: "550 IP 203.0.113.12 is blocked by EarthLink. Go to earthlink.net/block for details.",
			Ref:     "pastebin.com/mt8MbFRM"},
		{Name: "loose-malformed", Class: bh.Malformed,
			All: []string{"header|_mime|message-id|_date:|_from:|_subject|_line_|_lines_|charset|encoding|message format|" +
				"_crlf_|_lf_|line feed|linefeed|8-bit|8bit|7bit|7-bit|multipart|boundary|_cr_|smtputf8|utf-8|" +
				"utf8|to: field|to field|from field", saysAbsent +
				"|missing|too long|_bad_|error|illegal|malform|complian|duplicate|multiple|" +
				"improper|exceed|not allow|_no_|incorrect|broken|not support|not permit|reject|empty|" +
				"blank|lacks|must|only one|conform|syntax|more than one|too many|two|without|not terminated|_lone_|stray|not contain"}, None: []string{"address syntax|authenticat|domain name|helo|command|line busy|parameter|on-line|" +
				"not allowed in header"},
			Example: "550 5.6.0 Missing CR LF . CR LF", Ref: "developers.sparkpost.com: Momentum responses"},
		{Name: "loose-recipient-refused", Class: bh.RecipientRefused,
			All: []string{"recipient|user|customer|addressee|member|收件人|对方|получател|empfänger|destinataire|destinatario|destinatário|odbiorca|ontvanger|受信者|宛先|수신자|mailing list|_group_|distribution list|_list_|private|_owner|this address|this mailbox|mail to <addr>", saysNo + "|only accept|whitelist|white list|allow list|allowlist|" +
				"not accepting|does not accept|closed|moderated|members|subscribers|unsubscribe|" +
				"safe list|approved|contact list|permission|not being accepted|" + saysListed},
			None: []string{"_ip_|<ip>|rejected: access|recipient address rejected|recipient rejected|relay|temporar|" +
				"client host|greylist|unknown|invalid|bounces|not in approved|user is forbid|" +
				"not authorized to perform|user does not have permission"},
			Example: "550 5.7.1 recipient <user@example.net> black listed #139",
			Ref:     "milter.info/smtp/smtpf/reply.html"},
		{Name: "loose-routing", Class: bh.Routing,
			All: []string{"_loop|_hops|_hop_|_routing|_route_|unroutable|unrouteable|best mx|mx points|points back|" +
				"received headers|received: headers|already received|delivered-to|cannot route|can't route|" +
				"not routable|no transport|no route|relayed too"}, None: []string{"no route to host|loopback"},
			Example: "loop count exceeded", Ref: refBounceRules},
		{Name: "loose-dns", Class: bh.DNSFailure,
			All: []string{"_dns_|name server|nameserver|_mx_|resolver|nxdomain|servfail",
				"fail|error|timeout|timed out|temporar|lookup|unable|could not|cannot|problem|unavailable|no answer|invalid"}, None: []string{"reverse|your|client|spam|sender|helo|<ip>|blacklist"},
			Example: "550 5.7.0 Failed to estabilish the MX record (mx.example.net) authenticity",
			Ref:     "maddy source: internal/target/remote"},
		{Name: "loose-connection", Class: bh.ConnectionFailed,
			All: []string{"_connection|_connect_|_connecting|_timeout|_timed out|_socket|_session_|network|" +
				"host unreachable|unreachable|tcp",
				"timeout|timed out|lost|closed|refused|reset|failed|fail|dropped|abort|unreachable|broken|" +
					"could not|cannot|can't|unable|unexpected|error|terminated|interrupt|expired|down|no answer|" +
					"no response|_eof_"},
			None: []string{"internal|filtering|blocked|spam|list|reputation|policy|too many|limit|abuse|denied|reject|" +
				"<ip> refused|closing transmission|try again|later|temporar"},
			Example: "421 Timeout. Talk faster next time.", Ref: "spamdyke source: spamdyke.h"},
		{Name: "loose-expired", Class: bh.ClassExpired,
			All: []string{"expired|too long in|giving up|gave up|retry time|retries|undeliverable for|days in|" +
				"delivery time|lifetime|attempts"},
			None:    []string{"certificate|account|mailbox|domain|password|login|signature|subscription|too many"},
			Example: "retry time not reached for any host after a long failure period", Ref: "pastebin.com/YGSVtzJn"},
		{Name: "loose-system", Class: bh.RemoteSystem,
			All: []string{"system|server|service|resource|internal|_disk|database|processing|software|backend|queue|" +
				"storage|memory|scanner|filter|spool|_load_|configuration|mailer|daemon|program|delivery",
				"error|unavailable|not available|fail|problem|busy|_full|_down_|currently|exhaust|temporar|low|" +
					"insufficient|unable|out of|maintenance|overload|timeout|not respond|crash|not ready|incorrect|" +
					"misconfig|later|unexpected"},
			None:    []string{"policy|service unavailable;|_ip_|<ip>|blocked|client host"},
			Example: "421 Message delivered to user@example.com; Message delivery was temporarily interrupted, please try again later.", Ref: "github.com/forwardemail/forwardemail.net/issues/547"},
		{Name: "loose-protocol", Class: bh.ProtocolError, Code: "5",
			All: []string{"_command|_syntax|_verb_|_argument|_parameter|_sequence|protocol|pipelin|_rcpt_|_data_|_bdat_|" +
				"_mail_ first|mail from|out of order|smtp extension|unsupported|afresh|unbalanced",
				"error|_bad_|invalid|unknown|unrecogni|not recogni|unexpected|illegal|out of|not allow|" +
					"not support|need|first|expected|before|afresh|already|missing|wrong|violat|too long|unsupported|" +
					"not implemented|improper|without|unbalanced|not following|established"},
			None:    []string{"recipient|user|mailbox|sender|content|spam|policy|mail server|e-mail"},
			Example: "503 5.5.1 DATA without MAIL FROM", Ref: "developers.sparkpost.com: Momentum responses"},
	}
}
