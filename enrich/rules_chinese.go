package enrich

import bh "github.com/bouncehouse/bouncehouse"

const (
	refTencent = "service.mail.qq.com"
	refNetease = "mail.163.com/help/help_spam_16.htm"
	refAliyun  = "help.aliyun.com/document_detail/36714.html"
	refSina    = "mail.sina.com.cn/help"
	refSohu    = "mail.sohu.com/fe/help"
	refCore    = "www.icoremail.net: bounce texts"
)

// chineseRules: Tencent, NetEase, Alibaba, Sina, Sohu and Coremail.
func chineseRules() []Rule {
	return []Rule{
		{Name: "tencent-recipient-rate", Class: bh.RateLimited, Provider: "tencent", All: []string{"mailbox unavailable or access denied"},
			Example: "550 Mailbox unavailable or access denied [aGVsbG8uCg== IP: 203.0.113.9]. https://service.mail.qq.com/detail/122/166", Ref: refTencent},
		{Name: "tencent-frequency", Class: bh.RateLimited, Provider: "tencent", All: []string{"frequency limited"},
			Example: "550 Ip frequency limited [V2VkIEFwciAgMyAxNjozNjo1OSBKU1QgMjAxOQo=/RkNGMjlFQTVEQ0E Blocked IP 192.0.2.22]. http://service.mail.qq.com/cgi-bin/help?subtype=1&&id=20022&&no=1000725", Ref: refTencent},
		{Name: "tencent-bounce-attacks", Class: bh.RateLimited, Provider: "tencent", All: []string{"suspected bounce attack"},
			Example: "550 Suspected bounce attacks [aGVsbG8uCg== IP: 203.0.113.9]. http://service.mail.qq.com/cgi-bin/help?subtype=1&&id=20022&&no=1000794", Ref: refTencent},
		{Name: "tencent-suspected", Class: bh.Reputation, Provider: "tencent", All: []string{"suspected spam ip|suspected spam sender"},
			Example: "550 Suspected spam sender.", Ref: refTencent},
		{Name: "tencent-connection-denied", Class: bh.Reputation, Provider: "tencent", All: []string{"connection denied"}, None: []string{"dnsbl"},
			Example: "550 Connection denied. http://service.mail.qq.com/cgi-bin/help?subtype=1&&id=20022&&no=1000722", Ref: refTencent},
		{Name: "tencent-content", Class: bh.SpamContent, Provider: "tencent", All: []string{"mail content denied|spam is embedded in the email|suspected spam"},
			Example: "550 Mail content denied. http://service.exmail.qq.com/cgi-bin/help?subtype=1&&id=20022&&no=1000726", Ref: refTencent},
		{Name: "tencent-sender-domain", Class: bh.SenderRejected, Provider: "tencent", All: []string{"domain may not exist or dns check failed"}, Example: "550 Domain may not exist or DNS check failed [MAn2ccjsT8/dGXHYYcKAYpVkzXagYb6X+4VyrfnG+iZyT3eGcyUjin64l9/0DGsKBA== IP: 203.0.113.9].", Ref: refTencent},
		{Name: "tencent-by-recipient", Class: bh.RecipientRefused, Provider: "tencent", All: []string{"mail is rejected by recipients"},
			Example: "550 Mail is rejected by recipients [aGVsbG8uCg== IP: 203.0.113.9]. https://service.mail.qq.com/detail/122/168", Ref: refTencent},
		{Name: "tencent-deactivated", Class: bh.MailboxDisabled, Provider: "tencent", All: []string{"is a deactivated mailbox"},
			Example: "550 <user@example.net> is a deactivated mailbox. https://service.mail.qq.com/detail/122/1001", Ref: refTencent},
		{Name: "tencent-address", Class: bh.NoSuchUser, Provider: "tencent", All: []string{"bad address syntax"},
			Example: "501 Bad address syntax. http://service.exmail.qq.com/cgi-bin/help?subtype=1&&id=20022&&no=1000730", Ref: refTencent},
		{Name: "tencent-from-header", Class: bh.AuthFailed, Provider: "tencent", All: []string{`the "from" header is missing or invalid`},
			Example: `550 The "From" header is missing or invalid. Please follow RFC5322, RFC2047, RFC822 standard protocol. https://service.mail.qq.com/detail/124/995`, Ref: refTencent},
		{Name: "tencent-same-user", Class: bh.SenderRejected, Provider: "tencent", All: []string{"must be same as authorization user|mail from must equal authorized user"},
			Example: "501 Mail from address must be same as authorization user.", Ref: refTencent},

		{Name: "netease-reputation", Class: bh.Reputation, Provider: "netease", All: []string{"_hl:rep_|_hl:ipb_|_wm:bli_|_mi:ipb_|_ip in blacklist|> in blacklist, service refused"},
			Example: "421 HL:REP 163 mx27,PcCowAD3Kk5mX9lVd1gRBg--.2315S2 1440309094 http://mail.163.com/help/help_spam_16.htm?ip=203.0.113.40&hostid=mx27&time=1440309094", Ref: refNetease},
		{Name: "netease-ip-helo", Class: bh.BadHELO, Provider: "netease", Code: "550", All: []string{"_hl:ihu_"}, Example: "550 HL:IHU 163 mx22,P8CowADnh0gW2Bhl 1763748001 http://mail.163.com/help/help_spam_16.htm?ip=203.0.113.25", Ref: refNetease},
		{Name: "netease-suspended", Class: bh.Reputation, Provider: "netease", All: []string{"_hl:ihu_"}, Example: "554 HL:IHU 163 mx8,CsmowAD3Zl1pYpVX2--.2S2", Ref: refNetease},
		{Name: "netease-sender-ip", Class: bh.Reputation, Provider: "netease", Code: "550|4", All: []string{"_mi:spb_"}, Example: "550 MI:SPB 163 mx35,QMCowAB3f0jz1xhl5iJlAQ--.4512S2 1763748001 http://mail.163.com/help/help_spam_16.htm?ip=203.0.113.25&hostid=mx35&time=1763748001", Ref: refNetease},
		{Name: "netease-hello-rate", Class: bh.RateLimited, Provider: "netease", Code: "4", All: []string{"_mi:nhd_"}, Example: "451 MI:NHD 163 mx9,NsCowADnz0b7AhllkF0vAA--.22161S2 1763748001 http://mail.163.com/help/help_spam_16.htm?ip=203.0.113.25", Ref: refNetease},
		{Name: "netease-connections", Class: bh.RateLimited, Provider: "netease", All: []string{"_hl:icc_|_hl:ifc_|_hl:ifq_|_hl:iqc_|_mi:dmc_|_rp:drc_|_mi:sfq_|_rp:qrc_|_mi:stc_|_rp:trc_|_rp:trl_"},
			Example: "421 HL:IFC 163 mx40,wWDICgBnRZ1C2r5TyYhZAw--.8S2 1404950082 http://mail.163.com/help/help_spam_16.htm?ip=203.0.113.40&hostid=mx40&time=1404950082", Ref: refNetease},
		{Name: "netease-sender-user", Class: bh.SenderRejected, Provider: "netease", Only: true, Stage: "mail", All: []string{"invalid user"}, Example: "550 Invalid User: news@example.com", Ref: refNetease},
		{Name: "netease-sender", Class: bh.SenderRejected, Provider: "netease", All: []string{"_hl:mep_|_wm:blu_|_mi:spb_|_mi:imf_|_dt:sum_|user in blacklist|null sender is not allowed|no smtp mx only|fake sender"},
			Example: "421 HL:MEP", Ref: refNetease},
		{Name: "netease-commands", Class: bh.ProtocolError, Provider: "netease", All: []string{"_mi:cel_|_mi:ccl_|_rp:cel_|_rp:ccl_"},
			Example: "450 MI:CCL", Ref: refNetease},
		{Name: "netease-dnsbl", Class: bh.DNSBL, Provider: "netease", All: []string{"_dt:rbl_"},
			Example: "450 DT:RBL 163 mx3,IMCowAC3Qn_vWrxTdGb2Ag--.2343S2 http://mail.163.com/help/help_spam_16.htm?ip=203.0.113.40&hostid=mx3", Ref: refNetease},
		{Name: "netease-content", Class: bh.SpamContent, Provider: "netease", All: []string{"_dt:spm_"},
			Example: "554 DT:SPM 163 smtp5,D9GowACHO7RNWNdXmXs1Bw--.9035S2 1473730639,please see http://mail.163.com/help/help_spam_16.htm?ip=203.0.113.10&hostid=smtp5&time=1473730639", Ref: refNetease},
		{Name: "netease-login", Class: bh.AuthRequired, Provider: "netease", All: []string{"too much fail authentication|too many fail authentication"}, Example: "451 Requested mail action not taken: too much fail authentication", Ref: refNetease},
		// Codes of a family that no page explains: HL at the greeting, MI at
		// MAIL, RP at RCPT, DT after the data, WM the allowed senders.
		{Name: "netease-other-connection", Class: bh.Reputation, Provider: "netease", All: []string{"_hl:|_wm:bl"}, None: []string{"_hl:mep_|_wm:blu_"}, Example: "554 HL:ITC 163 mx8,CsmowAD3Zl1pYpVX2--.2S2", Ref: refNetease},
		{Name: "netease-other-data", Class: bh.SpamContent, Provider: "netease", All: []string{"_dt:"}, None: []string{"_dt:sum_|_dt:rbl_"}, Code: "45|55", Example: "554 DT:SPC 163 smtp5,D9GowACHO7RNWNdXmXs1Bw--.9035S2", Ref: refNetease},
		{Name: "netease-helo", Class: bh.BadHELO, Provider: "netease", All: []string{"_mi:nhd_"}, Example: "550 MI:NHD", Ref: refNetease},
		{Name: "netease-authentication", Class: bh.AuthFailed, Provider: "netease", All: []string{"_mi:spf_|_mi:dma_"},
			Example: "550 MI:SPF 163 mx35,PsCowEB5UkR6cNNZ0JQbAA--.71S2 1506047102 http://mail.163.com/help/help_spam_16.htm?ip=203.0.113.40&hostid=mx35", Ref: refNetease},
		{Name: "netease-relay", Class: bh.RelayDenied, Provider: "netease", All: []string{"_rp:frl_|local user only"}, Example: "550 RP:FRL", Ref: refNetease},
		{Name: "netease-recipients", Class: bh.TooManyRecipients, Provider: "netease", All: []string{"_rp:rcl_|too much recipient"}, Example: "550 RP:RCL", Ref: refNetease},
		{Name: "netease-attachment", Class: bh.Policy, Provider: "netease", All: []string{"illegal attachment"}, Example: "552 Illegal Attachment", Ref: refNetease},
		{Name: "netease-no-permission", Class: bh.AuthRequired, Provider: "netease", All: []string{"user has no permission"}, Example: "550 User has no permission", Ref: refNetease},
		{Name: "netease-ip-hangup", Class: bh.Reputation, Provider: "coremail", All: []string{"ip is hangup|ip is rejected, smtp auth error|not taken: invalid ip"},
			Example: "554 IP is Hangup", Ref: refCore},

		{Name: "aliyun-rbl", Class: bh.DNSBL, Provider: "aliyun", All: []string{"by behaviour spam", "rbl site"}, Example: "554 Reject by behaviour spam at DATA State(Connection IP address:203.0.113.4)ANTISPAM_BAT[01201311R1e4]: list on rbl sites", Ref: refAliyun},
		{Name: "aliyun-transient", Class: bh.RateLimited, Provider: "aliyun", Code: "4", All: []string{"by behaviour spam|antispam_bat"}, None: []string{"spf check"}, Example: "454 Transient reject by behaviour spam at DATA State(Connection IP address:203.0.113.4)ANTISPAM_BAT[01201311R5167S531, r41g03022]: currently unexpected sending", Ref: refAliyun},
		{Name: "aliyun-behaviour", Class: bh.Reputation, Provider: "aliyun", All: []string{"reject by behaviour spam"},
			Example: "554 Reject by behaviour spam at Rcpt State(Connection IP address:203.0.113.4)ANTISPAM_BAT[01201311R101e4], ay29a011140100126: spf check failed", Ref: refAliyun},
		{Name: "aliyun-content", Class: bh.SpamContent, Provider: "aliyun", All: []string{"spamed by local spam engine|reject by content spam"},
			Example: "554 spamed by local spam engine", Ref: refAliyun},
		{Name: "aliyun-recipients-size", Class: bh.TooManyRecipients, Provider: "aliyun", All: []string{"rcpts over size"}, Example: "556 RCPTs over size", Ref: refAliyun},
		{Name: "aliyun-attempts", Class: bh.RateLimited, Provider: "aliyun", All: []string{"attempts is achieved the maximum|rcpts is achieved the maximum|not enough sending quota"},
			Example: "504 the number of RCPT attempts is achieved the maximum threshold", Ref: refAliyun},
		{Name: "aliyun-other-account", Class: bh.SenderRejected, Provider: "aliyun", All: []string{"mail from account doesn't conform|mailfrom account doesn't conform"}, Example: "440 mail from account doesn't conform with authentication (Auth Account:admin@example.cn|Mail Account:root@example.cn)", Ref: refAliyun},
		{Name: "aliyun-size", Class: bh.TooLarge, Provider: "aliyun", All: []string{"is achieved the maximum threshold"},
			Example: "510 The length of DATA content is achieved the maximum threshold", Ref: refAliyun},
		{Name: "aliyun-rcptto", Class: bh.NoSuchUser, Provider: "aliyun", All: []string{"invalid rcptto"}, Example: "559 Invalid rcptto [@sm070102]", Ref: refAliyun},
		{Name: "aliyun-dns", Class: bh.DNSFailure, Provider: "aliyun", All: []string{"dns resolve error"}, Example: "423 Dns resolve error", Ref: refAliyun},
		{Name: "aliyun-no-data", Class: bh.NoSuchDomain, Provider: "aliyun", All: []string{"no data by dns resolve"}, Example: "526 No data by dns resolve", Ref: refAliyun},
		{Name: "aliyun-connect", Class: bh.ConnectionFailed, Provider: "aliyun", All: []string{"fail to connect|connect to remote error"}, Code: "524|427|4|5", Example: "524 Host not found or fail to connect to remote", Ref: refAliyun},
		{Name: "aliyun-main-account", Class: bh.SenderRejected, Provider: "aliyun", All: []string{"main account unavailable|invalid sender_"}, None: []string{"emetteur|mail.i.ua"}, Code: "55", Example: "553 Invalid sender", Ref: refAliyun},
		{Name: "aliyun-local-account", Class: bh.RelayDenied, Provider: "aliyun", All: []string{"mailfrom account is a local account"}, Example: "502 Mailfrom account is a local account", Ref: refAliyun},

		{Name: "sina-deny-ip", Class: bh.Reputation, Provider: "sina", All: []string{"denyip.php|openrelay check|_black ip_|smtpport check"}, Example: "553 Your IP is denied. http://mail.sina.com.cn/help/denyip.php?ip=203.0.113.9", Ref: refSina},
		{Name: "sina-spam", Class: bh.SpamContent, Provider: "sina", All: []string{"_spam mail_|too many same size mails"}, Example: "552 too many same size mails.", Ref: refSina},
		{Name: "sina-recipients", Class: bh.TooManyRecipients, Provider: "sina", All: []string{"out of allow rcpt"}, Example: "451 out of allow RCPT numbers.", Ref: refSina},
		{Name: "sina-list", Class: bh.DNSBL, Provider: "sina", All: []string{"rbl deny"}, Example: "554 rbl deny.", Ref: refSina},
		{Name: "sina-attachment", Class: bh.TooLarge, Provider: "sina", All: []string{"attachment is too long"}, Example: "554 attachment is too long.", Ref: refSina},
		{Name: "sina-router", Class: bh.Malformed, Provider: "sina", All: []string{"fake router info"}, Example: "553 fake router infomation.", Ref: refSina},
		{Name: "sina-private-list", Class: bh.RecipientRefused, Provider: "sina", All: []string{"private list access"}, Example: "553 private list access denied.", Ref: refSina},
		{Name: "sina-helo", Class: bh.BadHELO, Provider: "sina", All: []string{"helohost error"}, Example: "555 helohost error.", Ref: refSina},
		{Name: "sina-spf", Class: bh.AuthFailed, Provider: "sina", All: []string{"remote ip check error"}, Example: "556 remote ip check error.", Ref: refSina},
		{Name: "sina-auth", Class: bh.AuthRequired, Provider: "sina", All: []string{"auth mode unsupported|relay check local fail"}, Example: "553 relay check local fail.", Ref: refSina},
		{Name: "sina-relay", Class: bh.RelayDenied, Provider: "sina", All: []string{"relay check domain fail|host denies relay"}, Example: "553 relay check domain fail", Ref: refSina},
		{Name: "sina-sender", Class: bh.SenderRejected, Provider: "sina", All: []string{"mail from invalid|mail address invalid|black mail address|sender is unvalidated|host denies the sender"}, Example: "552 mail from invalid.", Ref: refSina},
		{Name: "sina-sequence", Class: bh.ProtocolError, Provider: "sina", All: []string{"sequence error|please say mail first|please say rcpt first|line parse error|stray newline"}, Example: "502 please say MAIL first", Ref: refSina},

		{Name: "sohu-ip", Class: bh.Reputation, Provider: "sohu", All: []string{"_ip reject_"}, None: []string{"helo"}, Example: "553 5.7.0 IP REJECT", Ref: refSohu},
		{Name: "sohu-content", Class: bh.SpamContent, Provider: "sohu", All: []string{"content rejct|_content reject_"}, Example: "553 5.7.3 CONTENT REJCT", Ref: refSohu},
		{Name: "sohu-helo", Class: bh.BadHELO, Provider: "sohu", All: []string{"heloip reject"}, Example: "553 5.7.4 HELOIP REJECT", Ref: refSohu},

		{Name: "coremail-content", Class: bh.RecipientRefused, Provider: "coremail", All: []string{"error: content rejected|message content rejected : message blocked|this message is not welcome"}, Example: "550 This Message is not welcome", Ref: refCore},
		{Name: "coremail-channel-size", Class: bh.TooLarge, Provider: "coremail", All: []string{"channel size limit"}, Example: "552 Channel Size Limit exceeded", Ref: refCore},
		{Name: "coremail-sender-blocked", Class: bh.SenderRejected, Provider: "coremail", All: []string{"from <addr>, message blocked"}, Example: "553 From <zhang@example.net>, message blocked.", Ref: refCore},
		{Name: "coremail-no-user", Class: bh.NoSuchUser, Provider: "coremail", All: []string{"unavailable mail user|is not found in server"}, Example: "550 #2175041 unavailable mail user", Ref: refCore},
		{Name: "coremail-user-rejected", Class: bh.MailboxDisabled, Provider: "coremail", All: []string{"_user rejected_"}, Example: "550 User rejected", Ref: refCore},
		{Name: "chinese-full", Class: bh.MailboxFull, All: []string{"空间不足|邮箱已满|容量不足|邮箱空间|超出配额|信箱已满|超过容量"}, Example: "收件人空间不足", Ref: "service.mail.qq.com"},
		{Name: "chinese-no-user", Class: bh.NoSuchUser, All: []string{"用户不存在|收件人不存在|邮箱不存在|地址不存在|帐号不存在|账号不存在|查无此用户|查无此人|无此用户"}, Example: "550 收件人不存在", Ref: refCore},
		{Name: "chinese-spam", Class: bh.SpamContent, All: []string{"垃圾邮件|疑似垃圾|内容被拒|敏感内容"}, Example: "554 您的邮件疑似垃圾邮件", Ref: refCore},
		{Name: "chinese-refused", Class: bh.RecipientRefused, All: []string{"拒绝接收|拒收|黑名单"}, None: []string{"_ip|服务器|发信|地址被"}, Example: "550 对方拒收您的邮件", Ref: refCore},
		{Name: "chinese-rate", Class: bh.RateLimited, All: []string{"频率|发送过快|过于频繁|连接数"}, Example: "451 发信频率超过限制", Ref: refCore},
	}
}
