package enrich

import bh "github.com/bouncehouse/bouncehouse"

const (
	refComcast   = "postmaster.comcast.net/smtp-error-codes.php"
	refSpectrum  = "spectrum.net/support/internet/understanding-email-error-codes"
	refCox       = "cox.com/residential/support/email-error-codes.html"
	refATT       = "rbl.att.net"
	refRackspace = "docs.rackspace.com: bounce codes Gn"
	refGoDaddy   = "godaddy.com/help: IB codes"
	refFacebook  = "postmaster.facebook.com/response_codes"
	refApple     = "support.apple.com/en-us/102322"
)

// americaRules: the access providers and hosters of North America, Apple and
// Facebook. Their own codes decide.
func americaRules() []Rule {
	return []Rule{
		{Name: "apple-reputation", Class: bh.Reputation, Provider: "apple", All: []string{"[hm08]"}, Example: "554 5.7.1 [HM08] Message rejected due to local policy. Please visit https://support.apple.com/en-us/HT204137", Ref: refApple},
		{Name: "apple-local-policy", Class: bh.Policy, Provider: "apple", All: []string{"[cs01]|[bs01]"}, Example: "554 5.7.1 [CS01] Message rejected due to local policy. Please visit https://support.apple.com/en-us/HT204137", Ref: refApple},
		{Name: "apple-authentication", Class: bh.AuthFailed, Provider: "apple", All: []string{"[hme1]"}, Example: "550 5.7.1 [HME1] This message was blocked for failing both SPF and DKIM authentication checks. See https://support.apple.com/en-us/HT204137", Ref: refApple},
		{Name: "apple-volume", Class: bh.RateLimited, Provider: "apple", All: []string{"deferred due to excessive volume"}, Example: "421 4.7.1 Messages to example@example.net deferred due to excessive volume. Try again later - https://support.apple.com/en-us/HT204137", Ref: refApple},

		{Name: "comcast-throttled", Class: bh.RateLimited, Provider: "comcast", All: []string{"#rl0|_rl0000"}, Example: "421 4.1.0 comcast 203.0.113.9 Throttled - try again later. Please see http://postmaster.comcast.net/smtp-error-codes.php#RL000001", Ref: refComcast},
		{Name: "comcast-own-block", Class: bh.Reputation, Provider: "comcast", All: []string{"#bl000000|_bl000000_"}, Example: "554 comcast 203.0.113.9 Comcast block for spam. Please see http://postmaster.comcast.net/smtp-error-codes.php#BL000000", Ref: refComcast},
		{Name: "comcast-dnsbl", Class: bh.DNSBL, Provider: "comcast", All: []string{"#bl0000|_bl0000|found on one or more dnsbls"}, Example: "554 resimta-po-11v.sys.comcast.net resimta-po-11v.sys.comcast.net 198.51.100.4 found on one or more DNSBLs, see http://postmaster.comcast.net/smtp-error-codes.php#BL000010", Ref: refComcast},
		{Name: "comcast-dynamic", Class: bh.DynamicIP, Provider: "comcast", All: []string{"#es0000|dynamic/residential space"}, Example: "550 5.2.0 Message rejected because the sending host is in dynamic/residential space. See http://postmaster.comcast.net/smtp-error-codes.php#ES000010", Ref: refComcast},
		{Name: "comcast-dmarc", Class: bh.AuthFailed, Provider: "comcast", All: []string{"#dm0000"}, Example: "550 5.2.0 Message rejected due to DMARC. Please see http://postmaster.comcast.net/smtp-error-codes.php#DM000001", Ref: refComcast},
		{Name: "comcast-not-customer", Class: bh.NoSuchUser, Provider: "comcast", All: []string{"not our customer|mailbox unallocated"}, Example: "550 5.1.1 Not our Customer", Ref: refComcast},
		{Name: "comcast-unavailable", Class: bh.MailboxDisabled, Provider: "comcast", All: []string{"- recipient unavailable|account closed, please remove"}, Example: "550 5.2.0 <example@example.net> - Recipient unavailable", Ref: refComcast},

		{Name: "spectrum-blocked", Class: bh.Reputation, Provider: "charter", All: []string{"aup#in-1000|aup#i-1000|aup#1000|aup#1260|aup#in-1260|aup#in-13|aup#in-1350|aup#in-136|aup#in-137"}, Example: "554 mtain-102.charter.net 203.0.113.9 blocked. Please see https://www.spectrum.net/support/internet/understanding-email-error-codes for more information. AUP#In-1000", Ref: refSpectrum},
		{Name: "spectrum-temporary", Class: bh.RemoteSystem, Provider: "charter", All: []string{"aup#in-1090"}, Example: "451 4.3.0 Message cannot be processed at this time AUP#In-1090", Ref: refSpectrum},
		{Name: "spectrum-rdns", Class: bh.NoRDNS, Provider: "charter", All: []string{"aup#in-110|aup#in-111|aup#in-112|aup#in-113|aup#in-114|aup#in-115"}, Example: "421 4.7.1 charter.net DNS check failure 203.0.113.9 AUP#In-1110", Ref: refSpectrum},
		{Name: "spectrum-dmarc", Class: bh.AuthFailed, Provider: "charter", All: []string{"aup#in-116|aup#in-117|aup#in-118|aup#in-119"}, Example: "550 5.7.1 rejected by the sender's DMARC policy AUP#In-1180", Ref: refSpectrum},
		{Name: "spectrum-dnsbl", Class: bh.DNSBL, Provider: "charter", All: []string{"aup#in-120|aup#in-121|aup#in-122|aup#in-123|aup#in-124|aup#in-125"}, Example: "554 charter.net cmsmtp 203.0.113.9 blacklisted by Spamhaus AUP#In-1220", Ref: refSpectrum},
		{Name: "spectrum-size", Class: bh.TooLarge, Provider: "charter", All: []string{"aup#in-1530"}, Example: "552 5.2.3 message too big AUP#In-1530", Ref: refSpectrum},
		{Name: "spectrum-sender", Class: bh.SenderRejected, Provider: "charter", All: []string{"aup#in-1500|aup#in-1520|aup#out-1500|aup#out-1520"}, Example: "550 5.1.0 <a@example.net> sender rejected: must match authenticated user AUP#Out-1500", Ref: refSpectrum},
		{Name: "spectrum-recipients", Class: bh.TooManyRecipients, Provider: "charter", All: []string{"aup#in-1550|aup#out-1550"}, Example: "452 4.5.3 too many recipients in one message AUP#In-1550", Ref: refSpectrum},
		{Name: "spectrum-rate", Class: bh.RateLimited, Provider: "charter", All: []string{"aup#in-14|aup#in-154|aup#in-1580|aup#out-1"}, Example: "452 4.1.1 too many recipients in a short period AUP#In-1580", Ref: refSpectrum},
		{Name: "roadrunner-blocked", Class: bh.Reputation, Provider: "charter", All: []string{"security.rr.com|rr.com/amiblocked"}, Example: "550 5.7.1 ERROR: Mail Refused - 203.0.113.9 - See http://security.rr.com/mail_blocks.htm#security", Ref: refSpectrum},

		{Name: "cox-dnsbl", Class: bh.DNSBL, Provider: "cox", All: []string{"aup#ipbl|aup#rbl"}, Example: "554 cox 203.0.113.9 is listed. See https://www.cox.com/residential/support/email-error-codes.html AUP#IPBL0001", Ref: refCox},
		{Name: "cox-own-block", Class: bh.Reputation, Provider: "cox", All: []string{"aup#cxbl|aup#cdrbl"}, Example: "554 cox 203.0.113.9 blocked AUP#CXBL", Ref: refCox},
		{Name: "cox-rdns", Class: bh.NoRDNS, Provider: "cox", All: []string{"aup#cxdns|cox dns check failure"}, Example: "421 cox DNS check failure - try again later 203.0.113.9", Ref: refCox},
		{Name: "cox-recipients", Class: bh.Reputation, Provider: "cox", All: []string{"cox too many"}, None: []string{"sessions"}, Example: "554 cox too many invalid recipients from 203.0.113.9", Ref: refCox},
		{Name: "cox-sessions", Class: bh.RateLimited, Provider: "cox", All: []string{"aup#cxcnct|aup#cxmxrt|aup#cxthrt|aup#cxmj"}, Example: "421 cox too many sessions from 203.0.113.9 AUP#CXCNCT", Ref: refCox},
		{Name: "cox-url", Class: bh.SpamContent, Provider: "cox", All: []string{"aup#urlbl"}, Example: "554 cox message contains a listed URL AUP#URLBL01", Ref: refCox},
		{Name: "cox-sender", Class: bh.SenderRejected, Provider: "cox", All: []string{"aup#cxsndr"}, Example: "550 5.1.0 <a@example.net> sender rejected AUP#CXSNDR", Ref: refCox},
		{Name: "cox-protocol", Class: bh.ProtocolError, Provider: "cox", All: []string{"aup#cxsmtp|no data before greeting"}, Example: "554 cox ESMTP no data before greeting", Ref: refCox},
		{Name: "aup-sender-rejected", Class: bh.Policy, Provider: "att", All: []string{"sender rejected aup"}, Example: "552 5.2.0 sender rejected AUP", Ref: refATT},

		{Name: "att-dnsbl", Class: bh.DNSBL, Provider: "att", All: []string{"dnsbl:rbl|dnsbl:attrbl|ldap:ou=rblmx"}, Example: "553 5.3.0 flph825 DNSBL:RBL 521< 203.0.113.9 >_is_blocked.For assistance forward this error to abuse_rbl@abuse-att.net", Ref: refATT},
		{Name: "att-rdns", Class: bh.NoRDNS, Provider: "att", All: []string{"fix reverse dns for|failure in dns look-up"}, Example: "550 Error. Blocked for abuse. Fix reverse DNS for 203.0.113.9", Ref: refATT},

		{Name: "rackspace-ptr", Class: bh.NoRDNS, Provider: "rackspace", All: []string{"(g1f)"}, Example: "450 4.7.1 Client host 203.0.113.24 has no PTR record (G1F)", Ref: refRackspace},
		{Name: "rackspace-rate", Class: bh.RateLimited, Provider: "rackspace", All: []string{"(g2)|(g28)|(g30)"}, Example: "451 4.7.1 Received too many messages from a new or untrusted IP (G28)", Ref: refRackspace},
		{Name: "rackspace-virus", Class: bh.Virus, Provider: "rackspace", All: []string{"(g3)|(g4)|(g5)"}, Example: "554 5.7.1 The message was rejected as it contains a virus (G3)", Ref: refRackspace},
		{Name: "rackspace-down", Class: bh.RemoteSystem, Provider: "rackspace", All: []string{"(g6)"}, Example: "450 4.4.1 <email@example.com>: The recipient's server was temporarily unavailable to accept your message (G6)", Ref: refRackspace},
		{Name: "rackspace-no-user", Class: bh.NoSuchUser, Provider: "rackspace", All: []string{"(g8)|(g9)"}, Example: "550 5.1.1 Email address could not be found, or was misspelled (G8) or (G9)", Ref: refRackspace},
		{Name: "rackspace-sender-mx", Class: bh.SenderRejected, Provider: "rackspace", All: []string{"(g14)"}, Example: "550 5.7.1 Sender's MX record not allowed (G14)", Ref: refRackspace},
		{Name: "rackspace-dmarc", Class: bh.AuthFailed, Provider: "rackspace", All: []string{"(g15)|(g1e)"}, Example: "450 4.4.0 <email@example.com> Temporary DMARC DNS lookup failure (G1E)", Ref: refRackspace},
		{Name: "rackspace-loop", Class: bh.Routing, Provider: "rackspace", All: []string{"(g16)"}, Example: "554 5.4.6 Mail loop detected (G16)", Ref: refRackspace},
		{Name: "rackspace-attachment", Class: bh.Policy, Provider: "rackspace", All: []string{"(g18)|(g19)|(g1a)|(g1b)|(g1c)|(g1d)"}, Example: "550 5.7.0 header_contenttype_1 (G18)", Ref: refRackspace},
		{Name: "rackspace-dnsbl", Class: bh.DNSBL, Provider: "rackspace", All: []string{"(g31)"}, Example: "554 5.7.1 Your IP is on a blocklist (G31)", Ref: refRackspace},
		{Name: "rackspace-recipient", Class: bh.RecipientRefused, Provider: "rackspace", All: []string{"(ge)"}, Example: "554 5.7.1 Blocked by the recipient (GE)", Ref: refRackspace},

		{Name: "godaddy-rate", Class: bh.RateLimited, Provider: "godaddy", All: []string{"_ib007_|_ib504_|_ib510_|_ib607_"}, Example: "550 203.0.113.24 This IP has sent too many messages this hour. IB504", Ref: refGoDaddy},
		{Name: "godaddy-busy", Class: bh.RemoteSystem, Provider: "godaddy", All: []string{"_ib101_"}, Example: "421 Server temporarily unavailable. Try again later. IB101", Ref: refGoDaddy},
		{Name: "godaddy-dnsbl", Class: bh.DNSBL, Provider: "godaddy", All: []string{"_ib103._|_ib104._|_ib105._|_ib106._|ib103_|ib104_|ib105_|ib106_|rbl reject"}, Example: "554 IB104. Connection refused. 203.0.113.24 is listed on the Spamhaus Block List (SBL). Please visit http://www.spamhaus.org/sbl for more information or to request a delisting.", Ref: refGoDaddy},
		{Name: "godaddy-rdns", Class: bh.NoRDNS, Provider: "godaddy", All: []string{"_ib108_"}, Example: "421 Temporarily rejected. Reverse DNS for 203.0.113.24 failed. IB108", Ref: refGoDaddy},
		{Name: "godaddy-reputation", Class: bh.Reputation, Provider: "godaddy", All: []string{"_ib110_|_ib111_|_ib112_|_ib113_"}, Example: "554 203.0.113.24 has been temporarily blocked for attempting to mail too many invalid recipients. IB112", Ref: refGoDaddy},
		{Name: "godaddy-spam", Class: bh.SpamContent, Provider: "godaddy", All: []string{"_ib212_"}, Example: "552 This message has been rejected due to content judged to be spam by the internet community. IB212", Ref: refGoDaddy},
		{Name: "godaddy-helo", Class: bh.BadHELO, Provider: "godaddy", All: []string{"_ib301_"}, Example: "554 This message has been rejected due to an invalid HELO. IB301", Ref: refGoDaddy},
		{Name: "godaddy-auth", Class: bh.AuthRequired, Provider: "godaddy", All: []string{"_ib401_"}, Example: "535 Authentication not allowed on IBSMTP Servers. IB401", Ref: refGoDaddy},
		{Name: "godaddy-blank-from", Class: bh.Malformed, Provider: "godaddy", All: []string{"_ib501_"}, Example: "550 jane@example.net Blank From: addresses are not allowed. Provide a valid From. IB501", Ref: refGoDaddy},
		{Name: "godaddy-from", Class: bh.SenderRejected, Provider: "godaddy", All: []string{"_ib502_|_ib506_"}, Example: "550 jane@[203.0.113.9] IP addresses are not allowed as a From: Address. Provide a valid From. IB502", Ref: refGoDaddy},
		{Name: "godaddy-spf", Class: bh.AuthFailed, Provider: "godaddy", All: []string{"_ib508_"}, Example: "550 jane@example.net Sender SPF check failed. IB508", Ref: refGoDaddy},
		{Name: "godaddy-recipients", Class: bh.TooManyRecipients, Provider: "godaddy", All: []string{"_ib605_"}, Example: "550 This message has exceeded the max number of recipients. IB605", Ref: refGoDaddy},
		{Name: "godaddy-virus", Class: bh.Virus, Provider: "godaddy", All: []string{"_ib705_"}, Example: "552 cmsmtp - 1a2B3c Virus infected message rejected. IB705", Ref: refGoDaddy},
		{Name: "earthlink-dynamic", Class: bh.DynamicIP, Provider: "earthlink", All: []string{"dynamic/zombied"}, Example: "550 550 Dynamic/zombied/spam IPs blocked. Write blockedbyearthlink@abuse.earthlink.net", Ref: "earthlink.net: block texts"},

		{Name: "facebook-no-user", Class: bh.NoSuchUser, Provider: "facebook", All: []string{"_rcp-p1_|_int-p1_"}, Example: "550 5.1.1 RCP-P1 http://postmaster.facebook.com/response_codes?ip=192.0.2.54#rcp Recipient address does not exist", Ref: refFacebook},
		{Name: "facebook-settings", Class: bh.RecipientRefused, Provider: "facebook", All: []string{"_rcp-p2_|_rcp-p3_"}, Example: "550 5.7.1 RCP-P2 http://postmaster.facebook.com/response_codes?ip=203.0.113.9#rcp", Ref: refFacebook},
		{Name: "facebook-deactivated", Class: bh.MailboxDisabled, Provider: "facebook", All: []string{"_rcp-t4_|_int-p3_"}, Example: "450 4.2.1 RCP-T4 http://postmaster.facebook.com/response_codes?ip=203.0.113.9#rcp", Ref: refFacebook},
		{Name: "facebook-pbl", Class: bh.DNSBL, Provider: "facebook", All: []string{"_pol-p1_"}, Example: "554 5.7.1 POL-P1 http://postmaster.facebook.com/response_codes?ip=203.0.113.9#pol Connection blocked: the host is on the Spamhaus PBL", Ref: refFacebook},
		{Name: "facebook-block", Class: bh.Reputation, Provider: "facebook", All: []string{"_pol-p2_|_pol-p3_|_pol-p4_|_pol-t1_|_pol-t2_|_pol-t3_"}, Example: "554 5.7.1 POL-P2 http://postmaster.facebook.com/response_codes?ip=203.0.113.9#pol", Ref: refFacebook},
		{Name: "facebook-virus", Class: bh.Virus, Provider: "facebook", All: []string{"_pol-p5_"}, Example: "554 5.7.1 POL-P5 http://postmaster.facebook.com/response_codes?ip=203.0.113.9#pol", Ref: refFacebook},
		{Name: "facebook-content", Class: bh.SpamContent, Provider: "facebook", All: []string{"_pol-p6_"}, Example: "554 5.7.1 POL-P6 http://postmaster.facebook.com/response_codes?ip=203.0.113.9#pol", Ref: refFacebook},
		{Name: "facebook-authentication", Class: bh.AuthFailed, Provider: "facebook", All: []string{"_pol-p7_"}, Example: "554 5.7.1 POL-P7 http://postmaster.facebook.com/response_codes?ip=203.0.113.9#pol", Ref: refFacebook},
		{Name: "facebook-sender-domain", Class: bh.SenderRejected, Provider: "facebook", All: []string{"_dns-p1_|_dns-p2_|_dns-t1_"}, Example: "550 5.1.8 DNS-P1 http://postmaster.facebook.com/response_codes?ip=203.0.113.9#dns", Ref: refFacebook},
		{Name: "facebook-ptr", Class: bh.NoRDNS, Provider: "facebook", All: []string{"_dns-p3_|_dns-t2_"}, Example: "550 5.7.1 DNS-P3 http://postmaster.facebook.com/response_codes?ip=203.0.113.9#dns", Ref: refFacebook},
		{Name: "facebook-connections", Class: bh.RateLimited, Provider: "facebook", All: []string{"_con-t1_|_con-t2_|_con-t3_|_con-t4_"}, Example: "421 4.3.2 CON-T1 http://postmaster.facebook.com/response_codes?ip=203.0.113.9#con", Ref: refFacebook},
		{Name: "facebook-size", Class: bh.TooLarge, Provider: "facebook", All: []string{"_msg-p1_"}, Example: "552 5.3.4 MSG-P1 http://postmaster.facebook.com/response_codes?ip=203.0.113.9#msg", Ref: refFacebook},
		{Name: "facebook-headers", Class: bh.Malformed, Provider: "facebook", All: []string{"_msg-p3_"}, Example: "554 5.6.0 MSG-P3 http://postmaster.facebook.com/response_codes?ip=203.0.113.9#msg", Ref: refFacebook},
		{Name: "facebook-recipients", Class: bh.TooManyRecipients, Provider: "facebook", All: []string{"_msg-t1_"}, Example: "452 4.5.3 MSG-T1 http://postmaster.facebook.com/response_codes?ip=203.0.113.9#msg", Ref: refFacebook},
	}
}
