package enrich

import bh "github.com/bouncehouse/bouncehouse"

const (
	refYahoo = "senders.yahooinc.com/smtp-error-codes"
	refAOL   = "postmaster.aol.com/Postmaster.Errors.php"
)

// yahooRules: Yahoo and what it hosts, and AOL's own servers of old logs. The
// bracketed code decides.
func yahooRules() []Rule {
	return []Rule{
		{Name: "yahoo-deferred", Class: bh.Reputation, Provider: "yahoo",
			All:     []string{"[ts0|[tss"},
			None:    []string{"spamhaus"},
			Example: "421 4.7.0 [TSS04] Messages from 203.0.113.24 temporarily deferred due to user complaints - 4.16.55.1; see https://help.yahoo.com/kb/postmaster/SLN3434.html", Ref: refYahoo},
		{Name: "yahoo-spamhaus", Class: bh.DNSBL, Provider: "yahoo", All: []string{"[bl21]|[bl22]|[bl23]|[tss07]"},
			Example: "553 5.7.1 [BL21] Connections will not be accepted from 203.0.113.24, because the ip is in Spamhaus's list; see http://postmaster.yahoo.com/550-bl23.html", Ref: refYahoo},
		{Name: "yahoo-greylisted", Class: bh.Greylisted, Provider: "yahoo", All: []string{"[gl01]"},
			Example: "421 4.7.1 [GL01] Message from (203.0.113.24) temporarily deferred - 4.16.50; see http://postmaster.yahoo.com/errors/421-gl01.html", Ref: refYahoo},
		{Name: "yahoo-unauthenticated", Class: bh.AuthFailed, Provider: "yahoo", All: []string{"yahoo requires all senders to authenticate|(au01)|[au01]"},
			Example: "554 5.7.5 (AU01) Message not accepted for policy reasons. See http://postmaster.yahoo.com/errors/postmaster-28.html", Ref: refYahoo},
		{Name: "yahoo-policy", Class: bh.Policy, Provider: "yahoo", All: []string{"[ph01]|message not accepted for policy reasons"},
			Example: "554 5.7.9 Message not accepted for policy reasons. See https://postmaster.yahooinc.com/error-codes", Ref: refYahoo},
		{Name: "yahoo-disabled", Class: bh.MailboxDisabled, Provider: "yahoo",
			All: []string{"delivery error: dd"}, None: []string{"no longer valid|doesn't have a|not a valid recipient"},
			Example: "554 delivery error: dd Sorry, your message to example@example.com cannot be delivered. This mailbox is disabled (554.30). - example.yahoo.com", Ref: refYahoo},
		{Name: "yahoo-no-user", Class: bh.NoSuchUser, Provider: "yahoo",
			All:     []string{"delivery error: dd"},
			Example: "554 delivery error: dd This user doesn't have a yahoo.com account (user@example.net) [0] - mta1234.mail.bf1.yahoo.com", Ref: refYahoo},
		{Name: "yahoo-content", Class: bh.SpamContent, Provider: "yahoo", All: []string{"message not allowed - [299]|message not allowed - [numeric"},
			Example: "554 Message not allowed - [299]", Ref: refYahoo},
		{Name: "yahoo-deferred-message", Class: bh.RateLimited, Provider: "yahoo", All: []string{"message temporarily deferred - ["}, Example: "451 Message temporarily deferred - [160]", Ref: refYahoo},
		{Name: "yahoo-headers", Class: bh.Malformed, Provider: "yahoo", All: []string{"message not allowed - headers|message not allowed - [291]"},
			Example: "554 Message not allowed - Headers are not RFC compliant [291]", Ref: refYahoo},
		{Name: "yahoo-resources-refused", Class: bh.SpamContent, Provider: "yahoo", Enhanced: "4.7.*",
			All:     []string{"resources temporarily"},
			Example: "451 4.7.1 Resources temporarily unavailable. Please try again later [#4.16.5].", Ref: refYahoo},
		{Name: "yahoo-not-allowed", Class: bh.SpamContent, Provider: "yahoo", All: []string{"message not allowed - "},
			Example: "554 Message not allowed - UP Email not accepted for policy reasons. See http://postmaster.yahoo.com/errors/postmaster-27.html [120]", Ref: refYahoo},
		{Name: "yahoo-deferred-now", Class: bh.RateLimited, Provider: "yahoo", Code: "4", All: []string{"message temporarily deferred|_messages from <ip> temporarily deferred|message from <ip> temporarily deferred"},
			Example: "451 Message temporarily deferred - 4.16.50", Ref: refYahoo},
		{Name: "yahoo-per-connection", Class: bh.RateLimited, Provider: "yahoo", All: []string{"per connection reached"},
			Example: "421 Max message per connection reached, closing transmission channel", Ref: refYahoo},
		{Name: "yahoo-resources", Class: bh.RemoteSystem, Provider: "yahoo", All: []string{"resources temporarily not available|resources temporarily unavailable"},
			Example: "451 mta1180.mail.mud.yahoo.com Resources temporarily not available - Please try again later [#4.16.5].", Ref: refYahoo},
		{Name: "yahoo-unknown-recipients", Class: bh.Reputation, Provider: "yahoo", All: []string{"_vs1-ip_|vs1-ip"},
			Example: "451 4.3.2 Excessive unknown recipients - possible Open Relay http://help.yahoo.com/help/us/mail/spam/spam-18.html VS1-IP", Ref: refYahoo},

		{Name: "aol-recipient", Class: bh.MailboxDisabled, Provider: "aol", All: []string{"recipient address rejected: aol.com", "aol.com"}, Example: "550 <user@example.com>: Recipient address rejected: aol.com", Ref: refAOL},
		{Name: "aol-dynamic", Class: bh.DynamicIP, Provider: "aol", All: []string{"rtr:du|554rtrdu|rly:ir"},
			Example: "554 RTR:DU http://postmaster.info.aol.com/errors/554rtrdu.html TRANSACTION FAILED", Ref: refAOL},
		{Name: "aol-malware", Class: bh.Virus, Provider: "aol", All: []string{"rtr:ch"},
			Example: "554 5.7.1 (RTR:CH) http://postmaster.aol.com/Postmaster.Errors.php#whycodes", Ref: refAOL},
		{Name: "aol-url", Class: bh.SpamContent, Provider: "aol", All: []string{"hvu:b1|hvu:b2|rly:bd|rly:ch2"},
			Example: "554 (HVU:B2) http://postmaster.info.aol.com/errors/554hvub2.html", Ref: refAOL},
		{Name: "aol-complaints", Class: bh.Reputation, Provider: "aol", All: []string{"rly:b1|rly:b2|rly:b3|con:b1"},
			Example: "554 (RLY:B2) http://postmaster.info.aol.com/errors/554rlyb2.html", Ref: refAOL},
		{Name: "aol-rate", Class: bh.RateLimited, Provider: "aol", Code: "4", All: []string{"rly:nw|dyn:t"},
			Example: "421-: (DYN:T1) http://postmaster.info.aol.com/errors/421dynt1.html 421 SERVICE NOT AVAILABLE", Ref: refAOL},
		{Name: "aol-dynamic-block", Class: bh.Reputation, Provider: "aol", Code: "5", All: []string{"rly:nw|dyn:t"},
			Example: "521 5.2.1 : (DYN:T1) https://postmaster.aol.com/error-codes#554dynt1", Ref: refAOL},
		{Name: "aol-rdns", Class: bh.NoRDNS, Provider: "aol", All: []string{"rtr:bb|rtr:rd|554rtrbb|554rtrrd"},
			Example: "554 RTR:BB http://postmaster.info.aol.com/errors/554rtrbb.html", Ref: refAOL},
		{Name: "aol-blocked", Class: bh.Reputation, Provider: "aol", All: []string{"rtr:sc|rtr:bl|rly:bl|rly:cs|con:b"},
			Example: "554 5.7.1 : (RTR:SC) https://postmaster.aol.com/error-codes#554rtrsc", Ref: refAOL},
		{Name: "aol-content", Class: bh.SpamContent, Provider: "aol", All: []string{"hvu:|rly:ch|rly:ot|rly:b"},
			Example: "554 5.7.1 : (HVU:B3) https://postmaster.aol.com/error-codes#554hvub3", Ref: refAOL},
		{Name: "aol-technical", Class: bh.RemoteSystem, Provider: "aol", All: []string{"rtr:ge"},
			Example: "554 5.7.1 : (RTR:GE) https://postmaster.aol.com/error-codes#554rtrge", Ref: refAOL},
		{Name: "aol-spoofed", Class: bh.SenderRejected, Provider: "aol", All: []string{"rly:sn"},
			Example: "554 (RLY:SN) http://postmaster.info.aol.com/errors/554rlysn.html", Ref: refAOL},
		{Name: "aol-no-ptr", Class: bh.NoRDNS, Provider: "aol", All: []string{"dns:nr"},
			Example: "421-: (DNS:NR) http://postmaster.info.aol.com/errors/421dnsnr.html 421 SERVICE NOT AVAILABLE", Ref: refAOL},
		{Name: "aol-dmarc", Class: bh.AuthFailed, Provider: "aol", All: []string{"dmarc:p1"},
			Example: "521 5.2.1 (DMARC:P1) This message failed DMARC Evaluation and is being refused due to provided DMARC Policy", Ref: refAOL},
		{Name: "aol-future", Class: bh.Malformed, Provider: "aol", All: []string{"(mff:)"},
			Example: "421 4.2.1 (MFF:) Message has a future date", Ref: refAOL},
	}
}
