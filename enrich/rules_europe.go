package enrich

import bh "github.com/bouncehouse/bouncehouse"

const (
	refOrange    = "postmaster.orange.fr"
	refGMX       = "postmaster.gmx.net/en/error-messages"
	refTOnline   = "postmaster.t-online.de"
	refMailru    = "help.mail.ru/mail-help/postmaster"
	refIUA       = "mail.i.ua/err"
	refRambler   = "help.rambler.ru/mail"
	refYandex    = "yandex.com/support/mail/errors.html"
	refLibero    = "info.libero.it/postmaster"
	refWordings  = "wording in that language"
	refHostpoint = "support.hostpoint.ch"
)

// europeRules: Orange and La Poste, United Internet, Telekom, the Russian and
// Ukrainian portals, and plain wordings in European languages.
func europeRules() []Rule {
	return []Rule{
		{Name: "orange-spamhaus", Class: bh.DNSBL, Provider: "orange", All: []string{"_101_"}, Only: true,
			None:    []string{"_<n>_101_"},
			Example: "550 mwinf5c15 ME Adresse IP source bloquee pour incident de spam. Client host blocked for spamming issues. OFR004_101 Ref http://www.spamhaus.org [101]", Ref: refOrange},
		{Name: "laposte-spamhaus", Class: bh.DNSBL, Provider: "laposte", All: []string{"lpnaaa_101|lpn007_101"},
			Example: "550 5.7.1 Service unavailable; client [203.0.113.9] blocked using Spamhaus. https://www.spamhaus.org/lookup/ LPNAAA_101", Ref: "postmaster.laposte.net"},
		{Name: "orange-blocked", Class: bh.Reputation,
			All: []string{"ofr_102|ofr000_102|ofr001_102|ofr002_102|ofr003_102|ofr004_102|ofr005_102|ofr006_102|lpn007_102|" +
				"lpn000_102|lpn001_102|lpn006_102|lpnaaa_102|client host blocked for spamming issues"},
			Example: "550 mwinf5c12 ME Adresse IP source bloquee pour incident de spam. Client host blocked for spamming issues. OFR006_102 Ref http://csi.cloudmark.com/reset-request/?ip=203.0.113.24 [102]", Ref: refOrange},
		{Name: "orange-connections", Class: bh.RateLimited,
			All:     []string{"trop de connexions|too many connections, slow down"},
			Example: "421 mwinf5c63 ME Trop de connexions, veuillez verifier votre configuration. Too many connections, slow down. OFR005_104 [104]", Ref: refOrange},
		{Name: "orange-system", Class: bh.RemoteSystem, All: []string{"_505_"}, None: []string{"ib505"}, Code: "4|5",
			Provider: "orange", Only: true,
			Example: "421 4.2.0 Service refuse. Veuillez essayer plus tard. Service refused, please try later. OFR005_505 [505]", Ref: refOrange},
		{Name: "orange-refused-reputation", Class: bh.Reputation,
			All: []string{"service refuse. veuillez essayer", "_103|_999"}, Code: "4",
			Example: "421 mwinf5c10 ME Service refuse. Veuillez essayer plus tard. Service refused, please try later. OFR004_103 [103]", Ref: refOrange},
		{Name: "orange-refused-103", Class: bh.Reputation, All: []string{"service refuse. veuillez essayer"}, Code: "5",
			Example: "550 mwinf5c10 ME Service refuse. Veuillez essayer plus tard. service refused, please try later. OFR006_103 203.0.113.9 [103]", Ref: refOrange},
		{Name: "laposte-later", Class: bh.RemoteSystem, All: []string{"service refuse. veuillez essayer", "lpn"},
			Code:    "4",
			Example: "421 4.2.1 Service refuse. Veuillez essayer plus tard. Service refused, please try later. LPN006_107", Ref: refOrange},
		{Name: "orange-later", Class: bh.RateLimited, All: []string{"service refuse. veuillez essayer"}, Code: "4",
			Example: "421 mwinf5c13 ME Service refuse. Veuillez essayer plus tard. Service refused, please try later. OFR004_105 [105]", Ref: refOrange},
		{Name: "orange-full", Class: bh.MailboxFull,
			All:     []string{"boite du destinataire pleine|ofr_417|recipient overquota"},
			Example: "552 5.1.1 Boite du destinataire pleine. Recipient overquota. OFR_417 [417]", Ref: refOrange},
		{Name: "orange-archived", Class: bh.MailboxDisabled,
			All:     []string{"boite du destinataire archivee|recipient mailbox archived|ofr_420|ofr_426|ofr004_426"},
			Example: "550 5.2.1 Boite du destinataire archivee. Archived recipient. OFR_420 [420]", Ref: refOrange},
		{Name: "orange-no-user", Class: bh.NoSuchUser,
			All:     []string{"adresse d au moins un destinataire invalide|destinataire invalide|ofr_416|ofr_418|ofr204_418|lpn105_416"},
			Example: "550 5.1.1 Adresse d au moins un destinataire invalide. Invalid recipient. OFR204_418 [418]",
			Ref:     refOrange},
		{Name: "orange-sender", Class: bh.SenderRejected, All: []string{"emetteur invalide"},
			Example: "501 5.1.0 Emetteur invalide. Invalid Sender. OFR004_405 [405]", Ref: refOrange},
		{Name: "orange-spam", Class: bh.SpamContent,
			All:     []string{"suspicion de contenu|ofr_506|ofr_513|ofr_510|mail rejete. mail rejected|message considere comme spam"},
			Example: "550 5.2.0 Mail rejete. Mail rejected. OFR_506 [506]", Ref: refOrange},
		{Name: "orange-auth", Class: bh.AuthRequired, All: []string{"authentification requise"},
			Example: "550 5.5.0 Authentification requise. Authentication Required. LPN105_402", Ref: refOrange},
		{Name: "laposte-client", Class: bh.Policy, All: []string{"lpn000_630|lpn_630|ofr_630"},
			Example: "554 5.7.1 <xxxx.xxxx.net[#.#.#.#]:49309>: Client host rejected: #216 lpn LPN000_630",
			Ref:     refOrange},
		{Name: "orange-dmarc", Class: bh.AuthFailed, All: []string{"ofr_517|ofr_401|ofr_305"},
			Example: "550 5.7.1 DMARC. OFR_517 [517]", Ref: refOrange},

		{Name: "gmx-spf", Class: bh.AuthFailed, Provider: "gmx",
			All:     []string{"sender address is not allowed. spf|c=spf|c=r0103"},
			Example: "550-Requested action not taken: mailbox unavailable 550-Sender address is not allowed. SPF 550 For explanation visit https://postmaster.web.de/en/case?c=r0103", Ref: refGMX},
		{Name: "gmx-rdns", Class: bh.NoRDNS, Provider: "gmx", All: []string{"c=rdns|bad dns ptr resource record"},
			Example: "554-No SMTP service 554-Bad DNS PTR resource record. 554 For explanation visit https://postmaster.gmx.net/en/error-messages?ip=203.0.113.24&c=rdns", Ref: refGMX},
		{Name: "gmx-block-list", Class: bh.DNSBL, Provider: "gmx", All: []string{"ip address is block listed|c=r0201"},
			Example: "550 <example@example.com>: IP address is block listed", Ref: refGMX},
		{Name: "gmx-blacklist", Class: bh.Reputation, Provider: "gmx",
			All:     []string{"ip address is black listed|&c=bl|?c=bl"},
			Example: "554-No SMTP service 554-IP address is black listed. 554 For explanation visit https://postmaster.gmx.net/en/error-messages?ip=203.0.113.24&c=bl", Ref: refGMX},
		{Name: "gmx-policy", Class: bh.Policy, Provider: "gmx", All: []string{"reject due to policy restrictions|c=hi"},
			Example: "550 <example@example.com>: Reject due to policy restrictions (header based)", Ref: refGMX},
		{Name: "gmx-sender-mx", Class: bh.SenderRejected, Provider: "gmx",
			All:     []string{"c=mx_|sender address has invalid mx"},
			Example: "550-Requested action not taken: mailbox unavailable 550-Invalid DNS MX or A/AAAA resource record. 550 For explanation visit https://postmaster.gmx.net/en/error-messages?c=mx", Ref: refGMX},
		{Name: "gmx-rate", Class: bh.RateLimited, Provider: "gmx", All: []string{"rate limit reached|c=r1001"},
			Example: "421-gmx.net (mxgmx015) Nemesis ESMTP Service not available 421-Service temporarily unavailable 421-Rate limit reached. Please try again later 421 For explanation visit https://postmaster.gmx.net/en/case?c=r1001", Ref: refGMX},
		{Name: "gmx-later", Class: bh.Greylisted, Provider: "gmx", Only: true, Code: "450",
			All: []string{"mailbox unavailable"}, Example: "450 Requested mail action not taken: mailbox unavailable",
			Ref: refGMX},
		{Name: "gmx-failed", Class: bh.Policy, Provider: "gmx", Only: true, Code: "554",
			All: []string{"transaction failed"}, Example: "554 Transaction failed", Ref: refGMX},
		{Name: "gmx-full", Class: bh.MailboxFull, Provider: "gmx", All: []string{"c=quot"},
			Example: "552-Requested mail action aborted: exceeded storage allocation 552-Quota exceeded. The recipient's mailbox is full. 552 For explanation visit http://postmaster.web.de/error-messages?ip=198.51.100.42&c=quot", Ref: refGMX},
		{Name: "tonline-reputation", Class: bh.Reputation, Provider: "tonline",
			All:     []string{"a problem occurred. (ask your postmaster"},
			Example: "554 IP=192.0.2.254 - A problem occurred. (Ask your postmaster for help or to contact neko@example.org to clarify.) (BL)", Ref: refTOnline},
		{Name: "tonline-none", Class: bh.Reputation, Provider: "tonline",
			All: []string{"none/bad reputation|bad reputation"}, None: []string{"senderscore"},
			Example: "554 IP=203.0.113.24 - None/bad reputation. Ask your postmaster for help or to contact tobr@rx.t-online.de for reset. (NOWL)", Ref: refTOnline},

		{Name: "mailru-ratelimit", Class: bh.Reputation, Provider: "mailru",
			All:     []string{"ratelimit exceeded for mailbox"},
			Example: "421 Ratelimit exceeded for mailbox admin@example.ru. Try again later.", Ref: refMailru},
		{Name: "mailru-full", Class: bh.MailboxFull, Provider: "mailru",
			All:     []string{"invalid mailbox. local mailbox", "over quota"},
			Example: "550 Message was not accepted -- invalid mailbox. Local mailbox user@example.net is unavailable: user is over quota", Ref: refMailru},
		{Name: "mailru-no-user", Class: bh.NoSuchUser, Provider: "mailru",
			All:     []string{"invalid mailbox. local mailbox", "user not found"},
			Example: "550 Message was not accepted -- invalid mailbox. Local mailbox user@example.net is unavailable: user not found", Ref: refMailru},
		{Name: "mailru-mailbox-full", Class: bh.MailboxFull, Provider: "mailru",
			All:     []string{"invalid mailbox. local mailbox", "mailbox is full"},
			Example: "550 Message was not accepted -- invalid mailbox. Local mailbox user@example.net is unavailable: mailbox is full", Ref: refMailru},
		{Name: "mailru-terminated", Class: bh.MailboxDisabled, Provider: "mailru",
			All: []string{"invalid mailbox. local mailbox"}, None: []string{"ill-formatted"},
			Example: "550 Message was not accepted -- invalid mailbox. Local mailbox user@example.net is unavailable: account is disabled", Ref: refMailru},
		{Name: "mailru-spam", Class: bh.SpamContent, Provider: "mailru",
			All:     []string{"spam message rejected", "mail.ru"},
			Example: "550 spam message rejected. Please visit http://help.mail.ru/notspam-support/id?c=abc or report details to abuse@corp.mail.ru.", Ref: refMailru},

		{Name: "iua-relay", Class: bh.RelayDenied, Provider: "iua", All: []string{"mail.i.ua/err/1|mail.i.ua/err/6"},
			None:    []string{"mail.i.ua/err/10"},
			Example: "550 Using SMTP as mail gate is forbidden. See http://mail.i.ua/err/1/", Ref: refIUA},
		{Name: "iua-no-user", Class: bh.NoSuchUser, Provider: "iua", All: []string{"mail.i.ua/err/2"},
			Example: "550 No such user. See http://mail.i.ua/err/2/", Ref: refIUA},
		{Name: "iua-frozen", Class: bh.MailboxDisabled, Provider: "iua", All: []string{"mail.i.ua/err/3"},
			Example: "550 Mailbox is frozen. See http://mail.i.ua/err/3/", Ref: refIUA},
		{Name: "iua-full", Class: bh.MailboxFull, Provider: "iua", All: []string{"mail.i.ua/err/4"},
			Example: "552 Mailbox size limit exceeded. See http://mail.i.ua/err/4/", Ref: refIUA},
		{Name: "iua-rate", Class: bh.RateLimited, Provider: "iua", All: []string{"mail.i.ua/err/5"},
			Example: "450 Too many mails. See http://mail.i.ua/err/5/", Ref: refIUA},
		{Name: "iua-helo", Class: bh.BadHELO, Provider: "iua", All: []string{"mail.i.ua/err/7"},
			Example: "550 Bad HELO. See http://mail.i.ua/err/7/", Ref: refIUA},
		{Name: "iua-sender", Class: bh.SenderRejected, Provider: "iua", All: []string{"mail.i.ua/err/8"},
			Example: "550 Invalid sender. See http://mail.i.ua/err/8/", Ref: refIUA},
		{Name: "iua-ip", Class: bh.Reputation, Provider: "iua", All: []string{"mail.i.ua/err/9"},
			Example: "550 Blacklisted. See http://mail.i.ua/err/9/", Ref: refIUA},
		{Name: "iua-whitelist", Class: bh.RecipientRefused, Provider: "iua", All: []string{"mail.i.ua/err/10"},
			Example: "550 Not in the list. See http://mail.i.ua/err/10/", Ref: refIUA},
		{Name: "rambler-blocked", Class: bh.MailboxDisabled, Provider: "rambler", Code: "540",
			All:     []string{"recipient address rejected"},
			Example: "540 5.7.1 <example@example.net>: recipient address rejected: Blocked", Ref: refRambler},
		{Name: "yandex-not-owned", Class: bh.SenderRejected, Provider: "yandex",
			All:     []string{"not owned by auth user"},
			Example: "553 5.7.1 Sender address rejected: not owned by auth user.", Ref: refYandex},
		{Name: "yandex-come-back", Class: bh.Greylisted, Provider: "yandex", Code: "4",
			All:     []string{"service is currently unavailable. please come back later"},
			Example: "451 4.7.1 Sorry, the service is currently unavailable. Please come back later. 1763748001-104c961886a7ba", Ref: refYandex},
		{Name: "yandex-spam", Class: bh.SpamContent, Provider: "yandex",
			All:     []string{"message rejected under suspicion of spam"},
			Example: "554 5.7.1 [1] Message rejected under suspicion of SPAM; https://ya.cc/1IrBc 1700000000-abc",
			Ref:     refYandex},
		{Name: "libero-csi", Class: bh.Reputation, Provider: "libero", All: []string{"ip blacklisted by csi"},
			Example: "550 smtp-16.iol.local smtp-16.iol.local IP blacklisted by CSI. For remediation please use http://csi.cloudmark.com/reset-request/?ip=203.0.113.9 [smtp-16.iol.local; LIB_102]", Ref: refLibero},
		{Name: "free-spam-server", Class: bh.Reputation, Provider: "free",
			All:     []string{"spam from your server|too many spams from your ip"},
			Example: "550 spam from your server: too many spams from your IP (203.0.113.9), please visit http://postmaster.free.fr/", Ref: "postmaster.free.fr"},
		{Name: "forpsi-policy", Class: bh.RateLimited, All: []string{"support.forpsi.com/kb/a4081"},
			Example: "550 5.1.0 cNkj1y0022zrrQM01NkjaD policy violation, see https://support.forpsi.com/kb/a4081",
			Ref:     "support.forpsi.com/kb/a4081"},

		{Name: "wording-no-user", Class: bh.NoSuchUser,
			All: []string{"niemand unter dieser adresse|nicht gefunden werden|empfänger unbekannt|unbekannter empfänger|" +
				"unbekannter benutzer|benutzer unbekannt|existiert nicht|не существует|ользователь не найден|" +
				"очтовый ящик не найден|ет такого пользователя|no existe ese usuario|usuario no existe|" +
				"no existe el usuario|usuario desconocido|buzón no existe|nessun utente|utente sconosciuto|" +
				"utente non trovato|casella inesistente|utilisateur inconnu|destinataire inconnu|n'existe pas|" +
				"adresse inconnue|usuário desconhecido|usuario inexistente|não existe|gebruiker onbekend|" +
				"onbekende gebruiker|bestaat niet|nie istnieje|brak takiego użytkownika|uživatel neexistuje|" +
				"neexistuje|存在しません|宛先不明|見つかりません"},
			None: []string{"domain|domäne"}, Example: "550 Nessun utente simile in questo indirizzo", Ref: refWordings},
		{Name: "wording-full", Class: bh.MailboxFull,
			All: []string{"mailbox voll|postfach voll|postfach ist voll|postfachs erschöpft|postfaches erschöpft|kapazität|" +
				"boîte pleine|boite pleine|boîte aux lettres pleine|buzón lleno|casella piena|caixa postal cheia|" +
				"caixa cheia|skrzynka pełna|skrzynka jest pełna|postvak vol|schránka je plná|ящик переполнен|" +
				"ереполнен|евышена квота|вота превышена|いっぱい|容量を超え|容量オーバー"},
			Example: "552 5.2.2 受信者のメールボックスがいっぱいです", Ref: refWordings},
		{Name: "wording-disabled", Class: bh.MailboxDisabled,
			All: []string{"ящик заблокирован|ящик отключен|аблокирован|konto gesperrt|postfach gesperrt|deaktiviert|" +
				"compte désactivé|compte suspendu|cuenta desactivada|cuenta suspendida|conta suspensa|" +
				"account sospeso"},
			None:    []string{"_ip_|адрес|absender|отправител|expéditeur|mittente|remitente|remetente"},
			Example: "550 Почтовый ящик заблокирован", Ref: refWordings},
		{Name: "wording-rdns", Class: bh.NoRDNS, All: []string{"ptr-запис|обратн|kein ptr|keinen ptr"},
			Example: "550 Отсутствует PTR-запись для вашего IP-адреса", Ref: refWordings},
		{Name: "wording-rate", Class: bh.RateLimited,
			All: []string{"лишком много соединений|лишком много писем|лишком много сообщений|zu viele verbindungen|" +
				"zu viele nachrichten|trop de messages|demasiadas conexiones|troppe connessioni|muitas conexões"},
			Example: "550 Слишком много соединений с вашего IP", Ref: refWordings},
		{Name: "wording-spam", Class: bh.SpamContent,
			All: []string{"als spam eingestuft|als spam erkannt|спам|considéré comme spam|considerado spam|come spam|" +
				"como spam|spamverdacht|スパム|迷惑メール"},
			None: []string{"_ip_"}, Example: "571 5.7.1 message classified as spam (Nachricht als Spam eingestuft)",
			Ref: refWordings},
		{Name: "wording-recipient-refused", Class: bh.RecipientRefused,
			All:     []string{"empfänger hat nur|vom empfänger abgelehnt|empfänger akzeptiert|destinataire refuse|受信拒否|受信を拒否"},
			Example: "550 Der Empfänger hat nur Emails von bestimmten Email-Adressen akzeptiert", Ref: refWordings},
		{Name: "wording-blocklist", Class: bh.DNSBL,
			All: []string{"blokeeris|blacklistis|на блоклист|чёрном списке|черном списке|schwarzen liste|liste noire|" +
				"lista negra|lista nera|czarnej liście"},
			Example: "550 5.7.1 --- SAATKE SEE TEADE OMA IT-MEHELE! --- TEIE server 198.51.100.4 on BLACKLISTIS dnsbl.sorbs.net, Sorbs blokeeris kirja! YOUR server 198.51.100.4 is in the blacklist dnsbl.sorbs.net, your message was blocked by Sorbs! Check http://www.robtex.com/ip/198.51.100.4.html#blacklists", Ref: refWordings},
	}
}
