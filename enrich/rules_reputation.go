package enrich

import bh "github.com/bouncehouse/bouncehouse"

// reputationRules: what the receiver thinks of the sender's address, volume
// and content.
func reputationRules() []Rule {
	return []Rule{
		{Name: "greylist", Class: bh.Greylisted,
			All: []string{"greylist|graylist|grey list|gray list|greylisted|grey-list|gray-list|postgrey|" +
				"deferred for policy reasons: first|not yet authorized to deliver mail|" +
				"not yet known to this server|come back in <n>:|policy rejection- please try later|" +
				"retrying too fast|try another mx|delayed for a few minutes|灰名单|グレイリスト|グレーリスト|ерый список|ерых списк|ером списк|" +
				"그레이리스트|graue liste|liste grise|lista gris|lista cinza|szara lista|szarej li"},
			Example: "450 4.2.0 <user@example.net>: Recipient address rejected: Greylisted, see http://postgrey.schweikert.ch/help/example.net.html", Ref: "RFC 6647"},
		{Name: "postscreen-greeting", Class: bh.Greylisted, Code: "450", Enhanced: "4.3.2",
			All:     []string{"service currently unavailable"},
			Example: "450 4.3.2 Service currently unavailable", Ref: "postfix.org/POSTSCREEN_README.html"},

		{Name: "url-listed", Class: bh.SpamContent,
			All: []string{"_url_|_urls_|_uri_|_uris_|link in|links in|domain in message|body contains|message contains a", "list|blacklist|blocked|uribl|surbl|in [black|_dbl_"}, None: []string{"client host|attachment|virus|malware|see url"},
			Example: "550-Blacklisted URL in message. (bad.example) in [black]. See http://lookup.uribl.com.",
			Ref:     "uribl.com"},
		{Name: "spamcop-currently", Class: bh.DNSBL, All: []string{"currently sending spam"},
			Example: "451 Currently Sending Spam See: http://www.sorbs.net/lookup.shtml?198.51.100.4",
			Ref:     "sorbs.net"},
		{Name: "dnsbl-using", Class: bh.DNSBL,
			All: []string{"blocked using|blocked by dnsbl|block by dnsbl|_dnsbl_|_dnsbls_|_rbl_|_rbls_|drbl|blacklisted at|" +
				"blacklisted by|blacklisted in|blacklisted on|listed in zen|listed by|listed at|listed on a|" +
				"black list at|blocklist at|blocked by zen|blocked by spamhaus|blocked by bl.|is listed by|" +
				"real-time blackhole|realtime blackhole|realtime blocklist|real time blacklist|real-time blacklist|" +
				"real-time block|dns blacklist|dns black list|rhsbl|is in an rbl|dns-based"},
			None:    []string{"internal rbl is disabled|recipient's|by recipient|recipient not on|policy service"},
			Example: "554 5.7.1 Service unavailable; Client host [198.51.100.4] blocked using ee.countries.nerd.dk; Your IP is in ee, rejected based on geographical location", Ref: refPostfixUCE},
		{Name: "cloudmark-refused", Class: bh.Reputation, All: []string{"mail refused"},
			None:    []string{"listed|blacklist|blocklist|orbs|spamhaus"},
			Example: "554 IMP cxr IMP 554 - ERROR: Mail refused - <203.0.113.25> - See http://csi.cloudmark.com/reset-request/?ip=203.0.113.25", Ref: "csi.cloudmark.com"},
		{Name: "dnsbl-named", Class: bh.DNSBL,
			All: []string{"spamhaus|spamcop|sorbs|barracudacentral|brbl|uceprotect|backscatterer|psbl|mailspike|spamrats|" +
				"abusix|invaluement|ivmsip|cloudmark|manitu|nixspam|hostkarma|spfbl|blocklist.de|abuseat|dronebl|" +
				"gbudb|spameatingmonkey|s5h.net|wpbl|0spam|njabl|ahbl|ordb.org|orbs.org|dsbl.org|mail-abuse|" +
				"anti-spam.org.cn|senderscore|returnpath|senderbase|cobion|junkemailfilter|_sbl_|_xbl_|_pbl_|_cbl_|" +
				"_drop_ list|multirbl|openrbl|msrbl|rfc-ignorant|rfc-clueless|lashback|nordspam|spamikaze|maps.vix|" +
				"efnetrbl|spamlist|tiopan|blackholes|trend micro rbl|_ctipd|spews|osirusoft|tqmcube|kisarbl|virbl|" +
				"dnsrbl|hostedemail"},
			None:    []string{"bad reputation|quota|in this email|non-existent"},
			Example: "551 Server access forbidden by your IP 203.0.113.9 websites spamcop.net, mailspike.net for removal", Ref: "blocklist operators' pages"},
		{Name: "postfix-service-unavailable", Class: bh.DNSBL, Code: "554", Enhanced: "5.7.1",
			All: []string{"service unavailable;"}, Example: "554 5.7.1 Service unavailable;", Ref: refPostfixUCE},
		{Name: "outblaze", Class: bh.DNSBL, All: []string{"spamblock.outblaze"},
			Example: "554 EMail from mailserver at 203.0.113.77 is refused. See http://spamblock.outblaze.com/203.0.113.77", Ref: "outblaze.com"},

		// Who is refused beats what refused him: mail from an address, by a filter.
		{Name: "address-blocked", Class: bh.Reputation,
			All: []string{"mail from <ip>|mail from [<ip>]|mails from <ip>|messages from <ip>|message from <ip>|<ip> is currently blocked|" +
				"<ip> has been blocked", "block|refus|denied|reject"},
			None: []string{saysListed +
				"|_listed|blocked using|temporar|_spf_|dkim|dmarc|reverse|_ptr|for policy|greylist|attachment|policy reasons|defer"},
			Example: "571 Email from 203.0.113.138 is currently blocked by Verizon Online's anti-spam system. The email sender or Email Service Provider may visit http://www.verizon.net/whitelist and request removal of the block.", Ref: "verizon.net: a bounce quoted in a public repository"},
		{Name: "sends-spam", Class: bh.Reputation,
			All:     []string{"reported as sending|for sending spam|due to sending spam|been sending spam|sending unsolicited|sent unsolicited|source of unsolicited|sending large quantities of spam"},
			None:    []string{"account|mailbox"},
			Example: "550 Your mailer (203.0.113.7) has been reported as sending unsolicited email and has been blocked - please contact AO Industries via (205)454-2556 or postmaster@example.com", Ref: "github.com/ao-apps/aoserv-schema"},
		{Name: "your-address-listed", Class: bh.SenderRejected,
			All:     []string{"your email address|your e-mail address|your mail address|your from address|your sender address", saysListed + "|blocked|banned"},
			None:    []string{"recipient|by user|by this user|_ip_|<ip>"},
			Example: "553 Sorry, your email address has been blacklisted. Please contact Texas Instruments Inc to have yourself removed.", Ref: "lists.infradead.org: a bounce quoted on a mailing list"},

		{Name: "recipient-blacklist", Class: bh.RecipientRefused,
			All: []string{"by recipient|by the recipient|by user|by this user|by this recipient|recipient's blacklist|user's blacklist|recipient's personal|" +
				"personal blacklist|by user's reject", "blacklist|blocked|block|rejected|refused|denied"},
			None:    []string{"_spf_|limit|quota|sender address rejected"},
			Example: "550 5.7.1 IP address blacklisted by recipient", Ref: "a published bounce by Sendmail"},

		{Name: "rate-limited", Class: bh.RateLimited,
			All: []string{"rate limit|rate-limit|ratelimit|throttl|too many connections|too many concurrent|" +
				"too many simultaneous|too many sessions|too many messages|too many mails|too many emails|" +
				"too much mail|connection rate|message rate|sending rate|concurrency limit|connection limit|" +
				"connections limit|limit of connections|limit on the number of|maximum number of connections|" +
				"maximum connections|number of connections|simultaneous connections|concurrent connections|" +
				"concurrent smtp|please slow down|try again slower|slow down|sending too fast|too fast|" +
				"excessive volume|exceeded the rate|exceeded the max|exceeded its|exceeded your|exceeded their|" +
				"has exceeded|hourly limit|daily limit|per hour|per minute|per day|per session|this hour|" +
				"sending quota|daily quota|message quota|transfer quota|sending limit|quota of messages|mails per|" +
				"messages per|emails per|receiving email at a rate|receiving mail too quickly|receive limit|" +
				"too frequent|frequency|flood|traffic limit|throughput|outgoing limit|exceding|exceeding the|" +
				"exceeds the number of messages|limit for messages|exceeded maximum number|message limit|" +
				"mail limit|sender rate|smtp limit|session limit|submission timed out|crcp|simultaneous connection|" +
				"exceeds the number of|email limit is reached|email limit reached|(<ip>) temporarily deferred|" +
				"[<ip>] temporarily deferred|<ip> temporarily deferred"},
			None: []string{"size|mailbox|storage|disk|deliveries for user|failed|recipients|unrecognized|too many unknown|" +
				"bad commands|user over quota|user is over|number of recipients|invalid recipients|hop|" +
				"load average|box full|space|errors|spool|authentication|attachment|too many messages on"},
			Example: "550 Domain example.com has exceeded the max emails per hour (101/100 (101%)) allowed. Message discarded.", Ref: "cpanel.net: Exim limits"},
		{Name: "rate-recipients", Class: bh.RateLimited, All: []string{"recipients",
			"this hour|per hour|per day|hourly|daily|too many recipients from|in a short|rate|messages sent|" +
				"today|within|last hour"}, None: []string{"one recipient|each recipient|separate"},
			Example: "550 5.1.1 <user@example.com> has sent to too many recipients this hour",
			Ref:     "postfix.org: anvil"},
		{Name: "sent-messages-limit", Class: bh.RateLimited,
			All:     []string{"too many messages sent|submission quota exceeded|credits exceeded"},
			Example: "550 5.2.2 Submission quota exceeded", Ref: "exchange: submission limits"},

		{Name: "virus", Class: bh.Virus,
			All: []string{"_virus_|_viruses_|virus_scan|malware|_trojan|_worm_|eicar|viral|infected|phishing.|ransomware|" +
				"clamav|potentially executable|病毒|ウイルス|ウィルス|вирус|바이러스|_wirus|_viren_|malicious"},
			None:    []string{"spam or virus or|virus or spam|virus_scan|scan failed|bl.|blocked using|error in processing|virus scanner|virus engine"},
			Example: "552 5.7.1 virus [name] detected by Zoho Mail", Ref: "zoho.com/mail/help: SMTP errors"},
		{Name: "banned-attachment", Class: bh.Policy,
			All: []string{"banned|attachment|file type|_extension_|executable",
				"banned:|attachment|attached|not accept|not allowed|blocked|prohibited|rejected|forbidden|illegal"},
			None: []string{"banned sending|banned sender|_ip_|_host_|too large|size|caused by|big attachment|larger than|" +
				"mailbox is full|is full"},
			Example: "550 This message contains an attachment of a type which we do not accept (.exe)",
			Ref:     "exim.org: exiscan"},
		{Name: "spam-content", Class: bh.SpamContent,
			All: []string{"as spam|is spam|spam message|spam mail|spam content|spam-like|like spam|spam points|spam score|" +
				"spam detected|possible spam|probable spam|identified spam|contains spam|probability of spam|" +
				"spam list|considered spam|spam or virus|spam filter|spam check|antispam check|anti-spam check|" +
				"spamassassin|spambouncer|looked like spam|tagged as spam|classified as|unsolicited content|" +
				"unsolicited email|unsolicited bulk|unsolicited commercial|_ube_|_uce_|- spam|junk mail|is junk|" +
				"message content rejected|content rejected|content denied|rejected due to content|content filter|" +
				"content reject|offensive content|prohibited content|message looks|credential leak|phish|" +
				"rejected as spam|possibly spam|due to spam|spam rejected|detected as spam|suspected spam|" +
				"spam-related|message filtered|bulk mail|spammy|bayes|dspam|razor|pyzor|phone number filter|" +
				"url filter|bulkmail|_dcc_|spam block|spam bomb|spam scale|per spam policy|spam policy|" +
				"message blocked. if this is a false positive|blocked due to its content|because of its content|" +
				"反垃圾|垃圾邮件|迷惑メール|спам_|스팸|pourriel|correo no deseado|niechcian|ongewenst|nevyžádan|spam-verdacht|" +
				"unerwünscht|hostile content|questionable content|suspicious content|objectionable|" +
				"unacceptable content|inappropriate content|offensive|looks suspicious|caught by our|pornograph|" +
				"spam reduction|content control|content check|content scan|rejected by filter|filter rejection|" +
				"filter rules|reject content|message scored|this mail scored"},
			None: []string{"from your server|from your ip|spam source|blacklisted|local policy|no spam please|spam ip|" +
				"spam sender|blocklisting|user's reject list|registered as spammer|ip アドレス|ipアドレス|ip地址"},
			Example: "554 5.7.1 We can't accept this message because it is spam",
			Ref:     "wp.pl: a reply in KumoMTA's community rules"},
		{Name: "blocked-spam-system", Class: bh.SpamContent,
			All: []string{"anti-spam|antispam|spam filter|content filter|by our content|anti spam",
				"rejected|blocked|refused|denied|detected|identified"},
			None:    []string{"_ip_|greylist|locally blacklisted|unavailable"},
			Example: "550 Message refused by antispam", Ref: "PowerMTA configurations: smtp-pattern-list"},

		{Name: "reputation-said", Class: bh.Reputation, All: []string{"reputation"},
			Example: "521 5.7.1 <unknown[192.0.2.4]>: Client host rejected: Bad host reputation.",
			Ref:     "a published bounce by Postfix"},
		{Name: "reputation", Class: bh.Reputation,
			All: []string{"reputation|poor sender|your ip address is blocked|_ip is blocked|_ip blocked|ip address blocked|" +
				"access from ip address|bad ip_|your ip has been|your network is|listed as abusive|" +
				"high volumes of complaints|user complaints|spam complaints|too many complaints|complaints from|" +
				"abusive|generating high volumes|locally blacklisted|local blacklist|local block|internal rbl|" +
				"internal blacklist|our blacklist|our block list|our blocklist|rejected based on blacklist|" +
				"ip blacklisted|ip address blacklisted|ip is blacklisted|ip has been blacklisted|" +
				"temporary blacklisted|temporarily blacklisted|is blacklisted|blocked for abuse|blocked for spam|" +
				"sent spam|sending spam|spam source|source of spam|spamming|spammer|is an open relay|" +
				"possible open relay|open proxy|has been blocked|ip banned|is temporarily blocked|banned ip|" +
				"ip address is banned|host banned|ip address has been|ip has been|too many invalid recipients|" +
				"invalid recipients from|too many unknown users|excessive unknown|too many bad|mail refused - <ip>|" +
				"directory harvest|dictionary attack|not allowed to connect|not trusted|untrusted ip|low sender|" +
				"suspicious ip|suspicious activity|unusual activity|refuse spam ip|ip not accepted|" +
				"client ip rejected|your server is|refused due to abuse|due to abuse|server is currently blocked|" +
				"server is blocked|server has been blocked|host is blocked|from ip banned|spam origin|" +
				"your host has been|your server has been|network has been|no access for this ip|mail from your ip|" +
				"your host are denied|refused your connection|connections from your host|connections from your ip|" +
				"connections from your network|accept connections from|accept mail from your server|sender score|" +
				"senderscore"},
			None: []string{"open relay, so|account has been|user has been|mailbox has been|domain has been blocked due|" +
				"relay denied|recipient has been blocked|sending to|inactivity|attachment|sender address|" +
				"message has been blocked|mail has been blocked|its content|sender is blacklisted|" +
				"email address is blacklisted|account deactivated|account disabled|local block list|openspf|must pass spf"},
			Example: "554 5.7.1 Rejected because Bad IP", Ref: "github.com/zone-eu/zone-mta config/bounces.txt"},
	}
}
