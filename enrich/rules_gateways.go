package enrich

import bh "github.com/bouncehouse/bouncehouse"

const (
	refMailChannels = "docs.mailchannels.com: smtp-errors"
	refFortinet     = "community.fortinet.com: FortiMail rejection texts"
	refCisco        = "cisco.com: ESA SMTP replies"
	refZoho         = "smtp.codes/zoho"
	refSES          = "docs.aws.amazon.com/ses: smtp-response-codes"
)

// gatewayRules: services and appliances beside those of filterRules, each by
// its own codes, else by the words that it alone uses.
func gatewayRules() []Rule {
	return []Rule{
		{Name: "mailchannels-greylist", Class: bh.Greylisted, Provider: "mailchannels", All: []string{"[s09]"},
			Example: "450 [S09] Try Again Later", Ref: refMailChannels},
		{Name: "mailchannels-blocked", Class: bh.Reputation, Provider: "mailchannels", All: []string{"[s10]|[br]"},
			Example: "550 5.7.1 [BR] Our system has detected an excessively high number of invalid recipients originating from your account.", Ref: refMailChannels},
		{Name: "mailchannels-unsubscribed", Class: bh.RecipientRefused, Provider: "mailchannels",
			All: []string{"[uns]"}, Example: "550 5.7.1 [UNS] Recipient has unsubscribed from your list.",
			Ref: refMailChannels},
		{Name: "mailchannels-signature", Class: bh.SpamContent, Provider: "mailchannels", All: []string{"[ss]|[cs]"},
			Example: "550 5.7.1 [SS] Message blocked", Ref: refMailChannels},
		{Name: "mailchannels-list", Class: bh.DNSBL, Provider: "mailchannels", All: []string{"[rbl]"},
			Example: "550 5.7.1 [RBL] Sender blocked 203.0.113.9", Ref: refMailChannels},
		{Name: "mailchannels-sender", Class: bh.SenderRejected, Provider: "mailchannels", All: []string{"[sdnf]|[esa]"},
			Example: "550 5.7.1 [ESA] Sender blocked.", Ref: refMailChannels},
		{Name: "mailchannels-attachment", Class: bh.Policy, Provider: "mailchannels",
			All:     []string{"[ib_feb]|[nr]|[aup]|recipient policy mismatch"},
			Example: "550 5.7.1 [IB_FEB] Your message could not be delivered because it contained an attachment type that is not allowed", Ref: refMailChannels},
		{Name: "mailchannels-spf", Class: bh.AuthFailed, Provider: "mailchannels", All: []string{"[bfd]"},
			Example: "550 5.7.1 [BFD] Sender prohibited by SPF", Ref: refMailChannels},

		{Name: "fortinet-ip", Class: bh.DNSBL, Provider: "fortinet",
			All:     []string{"fortiguard", "blocking ip|block ip|ip reputation|black ip"},
			Example: "554 5.7.1 This message has been blocked because it contains FortiGuard - AntiSpam blocking IP.",
			Ref:     refFortinet},
		{Name: "fortinet-spam", Class: bh.SpamContent, Provider: "fortinet",
			All:     []string{"fortiguard|fortispam|_ase reports"},
			Example: "554 5.7.1 This message has been blocked because ASE reports it as spam.", Ref: refFortinet},

		{Name: "cisco-dkim-later", Class: bh.RemoteSystem, Provider: "cisco", Code: "4",
			All:     []string{"unable to perform dkim|unable to perform spf|unable to perform dmarc"},
			Example: "451 #4.7.1 Unable to perform DKIM verification", Ref: refCisco},
		{Name: "cisco-rdns", Class: bh.NoRDNS, Provider: "cisco",
			All: []string{"due to the sending mta's reverse|due to the sending mta's dns|due to the sending mta's host"}, Example: "554 5.7.1 Your access to this mail system has been rejected due to the sending MTA's reverse DNS", Ref: refCisco},
		{Name: "cisco-time", Class: bh.ConnectionFailed, Provider: "cisco",
			All:     []string{"exceeded allowable connection time"},
			Example: "421 Exceeded allowable connection time, disconnecting.", Ref: refCisco},
		{Name: "cisco-group", Class: bh.Reputation, Provider: "cisco", All: []string{"sender group"},
			Example: "554 mx.example.com Connection rejected: sender group BLACKLIST", Ref: refCisco},

		{Name: "symantec-aborted", Class: bh.Reputation, Provider: "symantec",
			All:     []string{"requested action aborted", "messagelabs.com|symanteccloud.com|symantec.com"},
			Example: "450 Requested action aborted [7.2] 29702, please visit www.messagelabs.com/support for more details about this error message.", Ref: refSymantec},

		{Name: "barracuda-imposed-user", Class: bh.NoSuchUser, Provider: "barracuda",
			All: []string{"rule imposed mailbox access"}, None: []string{"not allowed|not permitted"},
			Example: "550 Rule imposed mailbox access for user@example.com refused: user invalid", Ref: refBarracuda},
		{Name: "barracuda-held", Class: bh.SpamContent, Provider: "barracuda",
			All:     []string{"for one or more recipients (<addr>:quarantin"},
			Example: "550 permanent failure for one or more recipients (user@example.com:quarantined)",
			Ref:     refBarracuda},

		{Name: "mimecast-busy", Class: bh.RemoteSystem, Provider: "mimecast",
			All: []string{"unable to process connection at this time|unable to process email at this time|recipient temporarily unavailable|account service is temporarily unavailable"}, Example: "421 Unable to process connection at this time", Ref: refMimecast},
		{Name: "mimecast-outbound", Class: bh.SenderRejected, Provider: "mimecast",
			All:     []string{"account outbounds disabled|account inbounds disabled"},
			Example: "451 Account outbounds disabled", Ref: refMimecast},
		{Name: "mimecast-block-list", Class: bh.Policy, Provider: "mimecast",
			All:     []string{"policy level block list|content examination policy"},
			Example: "550 Policy level block list in force",
			Ref:     "mimecastsupport.zendesk.com: managing blocked senders"},
		{Name: "mimecast-journal", Class: bh.ClassExpired, Provider: "mimecast",
			All: []string{"journal messages past the expiration"}, Example: "550 Journal messages past the expiration",
			Ref: refMimecast},

		{Name: "zoho-subject", Class: bh.Malformed, Provider: "zoho", All: []string{"subject is mandatory"},
			Example: "550 5.2.1 Subject is Mandatory.", Ref: refZoho},
		{Name: "zoho-size", Class: bh.TooLarge, Provider: "zoho", All: []string{"email size exceeded"},
			Example: "552 5.2.0 Email size exceeded the policy.", Ref: refZoho},
		{Name: "zoho-restricted", Class: bh.RecipientRefused, Provider: "zoho",
			All:     []string{"mailbox delivery restricted|mailbox delivery failure policy|mailpolicy violation"},
			Example: "452 <example@zoho.com> Mailbox delivery restricted by policy error", Ref: refZoho},
		{Name: "zoho-outgoing-blocked", Class: bh.SenderRejected, Provider: "zoho",
			All: []string{"email outgoing blocked|outgoing blocked"}, Example: "554 5.1.8 Email Outgoing Blocked",
			Ref: refZoho},
		{Name: "zoho-relaying-as", Class: bh.SenderRejected, Provider: "zoho", All: []string{"relaying disallowed as"},
			Example: "553 Relaying disallowed as user@example.com", Ref: refZoho},

		{Name: "ses-characters", Class: bh.Malformed, Provider: "amazonses",
			All:     []string{"address contains illegal characters|missing final '@domain'|local address contains control"},
			Example: "554 Transaction failed: Address contains illegal characters in user name: '<\"a b@example.com\"@ip-100-72-103-13>'.", Ref: refSES},
		{Name: "ses-paused", Class: bh.SenderRejected, Provider: "amazonses",
			All:     []string{"sending paused|sending is paused|account is paused"},
			Example: "554 Sending paused for this account. For more information, please check the inbox of the email address associated with your AWS account.", Ref: refSES},
		{Name: "ses-not-authorized", Class: bh.AuthRequired, Provider: "amazonses",
			All:     []string{"not authorized to perform"},
			Example: "554 Access denied: User is not authorized to perform ses:SendRawEmail", Ref: refSES},
		{Name: "ses-throttling", Class: bh.RateLimited, Provider: "amazonses", All: []string{"throttling failure"},
			Example: "454 Throttling failure: Maximum sending rate exceeded.", Ref: refSES},

		{Name: "proofpoint-violation-id", Class: bh.SpamContent, Provider: "proofpoint", Code: "5", Enhanced: "5.7.0",
			All:     []string{"local policy violation - <id>"},
			Example: "550 5.7.0 Local Policy Violation - b64ce48c38fb29", Ref: "proofpoint.com: default spam rule"},
	}
}
