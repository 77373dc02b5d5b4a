package enrich

import bh "github.com/bouncehouse/bouncehouse"

const (
	refOrangeCodes = "postmaster.orange.fr: codes OFR, LPN"
	refCharterAUP  = "suped.com/knowledge: AUP codes of Charter"
	refSendmagic   = "note.com/sendmagic: reply codes of Japanese carriers"
	refComcastOld  = "postmaster.comcast.net/mail-error-codes.html"
)

// accessRules: what access providers and portals say beside the words that
// americaRules and europeRules know: the rest of their code families.
func accessRules() []Rule {
	const orange = "ofr_|ofr0|ofr1|ofr2|ofr3|lpn0|lpn1|lpn2|lpn_|lpnaaa|ouk0|ouk1|ouk_"
	return []Rule{
		// Orange, La Poste, Freeserve: the last three digits decide.
		{Name: "orange-code-list", Class: bh.DNSBL, All: []string{orange, "_101_"},
			Example: "550 5.7.1 Refused OUK005_101", Ref: refOrangeCodes},
		{Name: "orange-code-reputation", Class: bh.Reputation, All: []string{orange, "_102_|_103_|_999_"},
			Example: "550 opmta1mti37nd1 smtp.orange.fr xZBIwcGuCj51b Service refuse. Service refused. OFR006_103 - please visit: https://postmaster.orange.fr/ [103]", Ref: refOrangeCodes},
		{Name: "orange-code-rate", Class: bh.RateLimited, All: []string{orange,
			"_104_|_105_|_106_|_107_|_108_|_109_|_201_|_202_"}, Example: "421 smtp.orange.fr Service refuse OFR004_201",
			Ref: refOrangeCodes},
		{Name: "orange-code-authentication", Class: bh.AuthFailed, All: []string{orange, "_305_|_401_|_517_"},
			Example: "550 5.7.0 Code d'identification OFR006_305", Ref: refOrangeCodes},
		{Name: "orange-code-login", Class: bh.AuthRequired, All: []string{orange, "_402_"},
			Example: "550 5.5.0 Authentification OFR004_402", Ref: refOrangeCodes},
		{Name: "orange-code-sender", Class: bh.SenderRejected, All: []string{orange, "_403_|_405_|_415_|_421_"},
			Example: "550 5.1.0 Emetteur non autorise OFR_421 [421]", Ref: refOrangeCodes},
		{Name: "orange-code-recipient", Class: bh.NoSuchUser, All: []string{orange, "_416_|_418_"},
			Example: "550 5.1.1 Refus LPN105_418", Ref: refOrangeCodes},
		{Name: "orange-code-full", Class: bh.MailboxFull, All: []string{orange, "_417_"},
			Example: "552 5.1.1 Refus LPN105_417", Ref: refOrangeCodes},
		{Name: "orange-code-disabled", Class: bh.MailboxDisabled, All: []string{orange, "_420_|_426_"},
			Example: "550 5.2.1 Compte bloque OFR004_420", Ref: refOrangeCodes},
		{Name: "orange-code-system", Class: bh.RemoteSystem, All: []string{orange, "_501_|_502_|_503_|_504_"},
			Example: "421 4.3.0 Erreur OFR004_504", Ref: refOrangeCodes},
		{Name: "orange-code-spam", Class: bh.SpamContent, All: []string{orange, "_506_|_510_|_513_|_515_"},
			Example: "550 5.5.0 Rejet LPN007_513", Ref: refOrangeCodes},
		{Name: "orange-code-size", Class: bh.TooLarge, All: []string{orange, "_514_"},
			Example: "552 5.2.0 Taille limite du message atteinte. OFR_514 [514]", Ref: refOrangeCodes},
		{Name: "orange-code-client", Class: bh.Policy, All: []string{orange, "_630_"},
			Example: "554 5.7.1 Refus LPN001_630", Ref: refOrangeCodes},

		{Name: "charter-rate-codes", Class: bh.RateLimited, Provider: "charter",
			All:     []string{"aup#i-13|aup#i-14|aup#13|aup#14|aup#i-15|aup#in-156|aup#in-157|aup#i-16"},
			Example: "550 5.7.1 203.0.113.9 blocked AUP#I-1300", Ref: refCharterAUP},
		{Name: "charter-block-codes", Class: bh.Reputation, Provider: "charter",
			All:     []string{"aup#in-10|aup#i-10|aup#10|aup#i-12|aup#12"},
			Example: "554 dnvrco-cmimta15 esmtp ESMTP server not available AUP#I-1010", Ref: refCharterAUP},
		{Name: "charter-rdns-codes", Class: bh.NoRDNS, Provider: "charter", All: []string{"aup#i-11|aup#11"},
			Example: "421 4.7.1 charter.net DNS check failure 203.0.113.9 AUP#I-1110", Ref: refCharterAUP},

		{Name: "charter-old-refusal", Class: bh.Reputation, Provider: "charter",
			All:     []string{"connection refused from [<ip>]"},
			Example: "421 imp06 charter.net charter.net connection refused from [203.0.113.193] E1210",
			Ref:     "charter.net before 2015: reply texts"},

		{Name: "comcast-ptr", Class: bh.NoRDNS, Provider: "comcast", All: []string{"comcast requires that all mail"},
			Example: "554 resimta-po-11v.sys.comcast.net comcast 203.0.113.9 Comcast requires that all mail servers must have a PTR record with a valid Reverse DNS entry. Currently your mail server does not fill that requirement.", Ref: refComcastOld},
		{Name: "comcast-old-lists", Class: bh.DNSBL, Provider: "comcast",
			All:     []string{"_comcast_|comcast.net", "bl001|bl002|bl003|bl004|bl005|bl006|bl007|bl008|bl009|bl0010"},
			Example: "550 comcast 203.0.113.9 blocked by comcast.net, see BL004", Ref: refComcastOld},

		{Name: "mailru-own-account", Class: bh.SenderRejected, Provider: "mailru",
			All:     []string{"message sending for this account is disabled"},
			Example: "550 message sending for this account is disabled", Ref: "mailout.ru/2015/09"},
		{Name: "mailru-syntax", Class: bh.NoSuchUser, Provider: "mailru",
			All:     []string{"invalid mailbox. local mailbox", "ill-formatted"},
			Example: `550 5.1.3 Bad destination mailbox address syntax: invalid mailbox. Local mailbox <"mailto is unavailable: Ill-formatted e-mail address`, Ref: refMailru},
		{Name: "mailru-sender-verification", Class: bh.SenderRejected, Provider: "mailru",
			All:     []string{"verification failed for <addr>"},
			Example: "550 Verification failed for <a@example.com> No such user", Ref: refMailru},
		{Name: "mailru-dynamic", Class: bh.DynamicIP, Provider: "mailru",
			All:     []string{"do not accept mail from hosts with dynamic"},
			Example: "550 Sorry, we do not accept mail from hosts with dynamic IP or generic DNS PTR-records. Please get a custom reverse DNS name from your ISP for your host 203.0.113.9 or contact abuse@corp.mail.ru in case of error", Ref: refMailru},

		{Name: "yandex-tls", Class: bh.TLSFailed, Provider: "yandex",
			All:     []string{"sending without ssl/tls|without ssl/tls encryption"},
			Example: "530 5.7.7 Email sending without SSL/TLS encryption is not allowed. Please see: https://yandex.com/support/mail/mail-clients.html", Ref: refYandex},
		{Name: "yandex-target", Class: bh.MailboxDisabled, Provider: "yandex",
			All:     []string{"policy rejection on the target"},
			Example: "550 5.7.1 Policy rejection on the target address", Ref: refYandex},
		{Name: "yandex-recipient-rate", Class: bh.RateLimited, Provider: "yandex",
			All:     []string{"the recipient has exceeded"},
			Example: "451 4.5.1 The recipient has exceeded their message rate limit. Try again later.", Ref: refYandex},
		{Name: "yandex-unauthorized", Class: bh.AuthFailed, Provider: "yandex",
			All: []string{"failed to authorize the sender"}, Example: "554 5.7.0 Failed to authorize the sender",
			Ref: refYandex},
		{Name: "yandex-statistics", Class: bh.Reputation, Provider: "yandex", All: []string{"spam statistics"},
			Example: "550 5.7.1 Blocked by spam statistics - see http://feedback.yandex.ru/?from=mail-rejects&subject=203.0.113.9", Ref: "yandex.com/support/mail/bounces"},

		{Name: "tonline-dialup", Class: bh.DynamicIP, Provider: "tonline", All: []string{"dialup/transient ip"},
			Example: "554 IP=203.0.113.9 - Dialup/transient IP not allowed. Use a mailgateway or contact toda@rx.t-online.de if obsolete. (DIAL)", Ref: refTOnline},
		{Name: "gmx-sender-dns", Class: bh.SenderRejected, Provider: "gmx", All: []string{"invalid dns mx or a/aaaa"},
			Example: "550-Requested action not taken: mailbox unavailable 550 invalid DNS MX or A/AAAA resource record",
			Ref:     refGMX},
		{Name: "free-errors", Class: bh.Reputation, Provider: "free",
			All:     []string{"from your ip|your ip", "postmaster.free.fr"},
			Example: "550 Too many errors from your ip (203.0.113.9), please visit http://postmaster.free.fr/",
			Ref:     "postmaster.free.fr"},
		{Name: "ukrnet-not-used", Class: bh.NoSuchUser, Provider: "ukrnet", All: []string{"<addr> not used"},
			Example: "550 <user@example.net> not used", Ref: "ukr.net: reply texts"},
		{Name: "263-full", Class: bh.MailboxFull, Provider: "263", Only: true,
			All: []string{"mail size limit exceeded"}, Example: "552 mail size limit exceeded",
			Ref: "263.net: help on bounces"},
		{Name: "naver-blocked", Class: bh.Reputation, Provider: "naver",
			All:     []string{"<ip> is blocked", "nsmtp|naver.com"},
			Example: "550 5.7.1 203.0.113.9 is blocked. Please contact http://mail.naver.com - nsmtp",
			Ref:     "help.naver.com"},

		{Name: "softbank-sender-domain", Class: bh.SenderRejected, Provider: "softbank", Only: true, Code: "553",
			All: []string{"does not exist"}, Example: "553 mail.example.jp does not exist", Ref: refSendmagic},
		{Name: "kddi-form", Class: bh.NoSuchUser, Provider: "kddi", Only: true, Code: "554",
			All: []string{"relay access denied"}, Example: "554 <user@example.jp>: Relay access denied",
			Ref: refSendmagic},
		{Name: "docomo-line", Class: bh.Malformed, Provider: "docomo", Only: true, Code: "500",
			All: []string{"line too long"}, Example: "500 Line Too Long", Ref: refSendmagic},
	}
}
