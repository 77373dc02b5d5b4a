package enrich

import bh "github.com/bouncehouse/bouncehouse"

const (
	refBroadcom = "knowledge.broadcom.com/external/article/162445"
	refBaruwa   = "baruwa.com: rejection texts"
	refHaraka   = "github.com/haraka/Haraka: plugins"
)

// softwareRules are whole phrases of server software that the wide rules after
// them would misread, as they hold a word that elsewhere means something else.
func softwareRules() []Rule {
	return []Rule{
		{Name: "baruwa-ip-banned", Class: bh.Reputation, All: []string{"the sender <ip> is banned|<ip> is banned"}, Example: "550 The sender 203.0.113.9 is banned", Ref: refBaruwa},
		{Name: "baruwa-domain-banned", Class: bh.SenderRejected, All: []string{"the domain <host> is banned"}, Example: "550 The domain example.com is banned", Ref: refBaruwa},
		{Name: "bad-commands", Class: bh.ProtocolError, All: []string{"too many bad command"}, None: []string{"_cox_"}, Example: "421 4.7.0 Too many bad command.", Ref: "qbik.com: reply texts"},
		{Name: "postfix-sasl-client", Class: bh.AuthRequired, All: []string{"sasl authentication failed; server|cannot authenticate to server"}, None: []string{"credits exceeded|limit|quota|too many"}, Example: "SASL authentication failed; server smtp.example.com[203.0.113.72] said: 535 authorization failed (#5.7.0)", Ref: "postfix.org source: smtp_sasl_glue.c"},
		{Name: "ironport-expired", Class: bh.ClassExpired, All: []string{"delivery expired (message too old)"}, Example: "5.4.7 - Delivery expired (message too old) '[Errno 61] Connection refused' (delivery attempts: 0)", Ref: "Cisco ESA: a bounce quoted at serverfault.com/questions/205200"},
		{Name: "not-over-ipv6", Class: bh.Policy, All: []string{"mail over ipv6|mail via ipv6|mail por ipv6|tramite ipv6|accept mail over ipv6|not accept email over ipv6"}, Example: "550 5.2.1 Service unavailable, [contoso.com] does not accept email over IPv6.", Ref: "learn.microsoft.com: inbound IPv6 in Exchange Online"},
		{Name: "system-storage", Class: bh.RemoteSystem, Enhanced: "x.3.1", All: []string{"storage|_space|disk"}, None: []string{"mailbox|user|recipient|quota|account"}, Example: "452 4.3.1 Try again later, insufficient storage available at the moment", Ref: "zmailer.org source: smtpserver"},
		{Name: "local-recipients-only", Class: bh.RelayDenied, All: []string{"only accepts local recipients|accepts only local recipients|only local recipients|local recipients only|local user only"}, Example: "550 Inbound role only accepts local recipients", Ref: "github.com: a Haraka plugin"},
		{Name: "not-our-hosts", Class: bh.RelayDenied, All: []string{"domain is not in my list of allowed|no longer relays"}, Example: "553 Sorry, this domain is not in my list of allowed hosts (#5.7.1)", Ref: "qmail patches: rcpthosts"},
		{Name: "outblaze-forgery", Class: bh.SenderRejected, All: []string{"no thank you rejected"}, Example: "550 <>: No thank you rejected: Account Unavailable: Possible Forgery", Ref: "outblaze.com: reply texts"},
		{Name: "momentum-timeout", Class: bh.ClassExpired, Code: "5", All: []string{"exceeded max time|message timeout"}, Example: "554 5.4.7 [internal] exceeded max time without delivery", Ref: refBroadcom},
		{Name: "iredapd-later", Class: bh.Greylisted, Code: "4", All: []string{"intentional policy rejection"}, Example: "451 4.7.1 <a@example.com>: Recipient address rejected: Intentional policy rejection, please try again later", Ref: "github.com/iredmail/iRedAPD: greylisting"},
		{Name: "macros", Class: bh.Policy, Provider: "symantec", All: []string{"vba macro|office macro|containing macros|contains macros|contains a macro"}, Example: "552 MS-Office file containing VBA macros found inside of the email", Ref: refBroadcom},
		{Name: "mode-normal", Class: bh.Policy, All: []string{"(mode: normal)"}, None: []string{"spamhaus|spamcop|dnsbl|rbl|shxbl"}, Example: "554 Denied (Mode: normal)", Ref: refBroadcom},
		{Name: "url-lists", Class: bh.SpamContent, All: []string{"by uribl|by surbl"}, None: []string{"client host|blocked using|helo|query refused"}, Example: "554 Rejected by URIBL.", Ref: "uribl.com, surbl.org"},
		{Name: "exim-unrouteable-recipient", Class: bh.NoSuchUser, Stage: "rcpt", All: []string{"unrouteable address"}, Example: "550 Unrouteable address", Ref: "exim.org spec: verify = recipient"},
		{Name: "bluetie-lists", Class: bh.DNSBL, All: []string{"_bl0001_|_bl0002_|_bl0003_"}, Example: "554 BL0001 Your email was blocked", Ref: "mxtoolbox.com/Bouncebacks: BlueTie"},
		{Name: "bluetie-own-list", Class: bh.Reputation, All: []string{"_bl0004_|_bl0005_|_bl0006_"}, Example: "554 BL0004 Your email was blocked", Ref: "mxtoolbox.com/Bouncebacks: BlueTie"},
		{Name: "gtube", Class: bh.SpamContent, All: []string{"gtube"}, Example: "554 5.7.1 Gtube pattern", Ref: "rspamd.com: GTUBE"},
		{Name: "not-saved", Class: bh.RemoteSystem, All: []string{"could not be saved"}, Example: "554 Your message was received but it could not be saved. Please retry later.", Ref: "github.com/hmailserver: SMTPConnection.cpp"},
		{Name: "haraka-helo-host", Class: bh.BadHELO, All: []string{"helo host ("}, Example: "550 HELO host (mail.example.com / example.net)", Ref: refHaraka},
		{Name: "haraka-from", Class: bh.Malformed, All: []string{"malformed from:"}, Example: "550 Malformed from: bad address", Ref: refHaraka},
		{Name: "larger-than-space", Class: bh.MailboxFull, All: []string{"larger than the space available"}, Example: "550 message is larger than the space available", Ref: "imail server: reply texts"},
		{Name: "user-rejects", Class: bh.RecipientRefused, All: []string{"user reject the mail|user rejects the mail"}, Example: "550 User reject the mail", Ref: "coremail: reply texts"},
		{Name: "received-count", Class: bh.Routing, All: []string{`"received:" header`}, Example: `550 your "received:" header counts 31`, Ref: "mercury mail: reply texts"},
		{Name: "extended-inactivity", Class: bh.MailboxDisabled, All: []string{"extended inactivity|unavailable to take delivery of|never logged onto"}, Example: "550 extended inactivity new mail is not currently being accepted", Ref: "mail.com: reply texts"},
		{Name: "connection-was-refused", Class: bh.Policy, Code: "4|5", All: []string{"connection was refused, connection closed"}, Example: "451 4.7.0 connection was refused, Connection closed.", Ref: "xmail (Japanese groupware): reply texts"},
		{Name: "sender-policy-prohibits", Class: bh.AuthFailed, All: []string{"sender's policy prohibits|policy of the sender prohibits"}, Example: "550 Sender's policy prohibits this message: Reject", Ref: "hosting filters: reply texts"},
		{Name: "failed-to-deliver-to", Class: bh.NoSuchUser, Code: "55", All: []string{"failed to deliver to address|bogus and forged e-mail address"}, Example: "550 Failed to deliver to address", Ref: "communigate: reply texts"},
	}
}
