package enrich

import "github.com/bouncehouse/bouncehouse"

// enhancedClass is what an enhanced status code says where the text says
// nothing, by its subject and detail: RFC 3463 and the registry of IANA
// (SMTP Enhanced Status Codes), whose later entries are RFC 4468, 4954, 5248,
// 6710, 7293, 7372, 7504, 7505, 8689. What is not here says nothing: x.0.0,
// and the details that a provider made up, which are its dialect.
func enhancedClass(code string) bouncehouse.Class {
	if len(code) < 5 || code[0] != '4' && code[0] != '5' {
		return ""
	}
	switch code[2:] {
	case "1.0", "1.1", "1.3", "1.4":
		return bouncehouse.NoSuchUser
	case "1.2":
		return bouncehouse.NoSuchDomain
	case "1.6":
		return bouncehouse.RecipientMoved
	case "1.7", "1.8", "7.27":
		return bouncehouse.SenderRejected
	case "1.10":
		return bouncehouse.DomainAcceptsNoMail
	case "2.1", "7.13":
		return bouncehouse.MailboxDisabled
	case "2.2":
		return bouncehouse.MailboxFull
	case "2.3", "3.4", "7.16":
		return bouncehouse.TooLarge
	case "2.4", "7.2":
		return bouncehouse.RecipientRefused
	case "3.0", "3.1", "3.2", "3.5", "4.0", "4.5":
		return bouncehouse.RemoteSystem
	case "5.0":
		if code[0] == '4' {
			return bouncehouse.RemoteSystem // no protocol fault mends itself
		}
		return bouncehouse.ProtocolError
	case "3.3", "5.1", "5.2", "5.4", "5.5":
		return bouncehouse.ProtocolError
	case "4.1", "4.2":
		return bouncehouse.ConnectionFailed
	case "4.3":
		return bouncehouse.DNSFailure
	case "4.4", "4.6":
		return bouncehouse.Routing
	case "4.7":
		return bouncehouse.ClassExpired
	case "5.3":
		return bouncehouse.TooManyRecipients
	case "6.0", "6.1", "6.2", "6.3", "6.4", "6.5", "6.6", "6.7", "6.8", "6.9", "6.10", "7.7":
		return bouncehouse.Malformed
	case "7.0", "7.1", "7.15":
		if code[0] == '4' && code[2:] == "7.0" {
			return bouncehouse.RemoteSystem // a passing refusal that gives no reason
		}
		return bouncehouse.Policy
	case "7.3", "7.4", "7.5", "7.6", "7.10", "7.30":
		return bouncehouse.TLSFailed
	case "5.6", "7.8", "7.9", "7.11", "7.12", "7.14":
		return bouncehouse.AuthRequired
	case "7.17", "7.18", "7.19":
		return bouncehouse.NoSuchUser // the owner has changed since (RFC 7293)
	case "7.20", "7.21", "7.22", "7.23", "7.24", "7.26", "7.29":
		return bouncehouse.AuthFailed
	case "7.25":
		return bouncehouse.NoRDNS
	case "7.28":
		return bouncehouse.RateLimited
	case "2.0":
		if code[0] == '5' {
			return bouncehouse.MailboxDisabled
		}
		return bouncehouse.RemoteSystem
	}
	return ""
}

// basicClass is what the three digits say by RFC 5321 (and 1846, 4954, 7504)
// at that stage, where nothing else says more.
func basicClass(code uint16, stage bouncehouse.Stage) bouncehouse.Class {
	switch code {
	case 432, 530, 534, 535, 538:
		return bouncehouse.AuthRequired
	case 454:
		if stage == bouncehouse.StageAuth {
			return bouncehouse.AuthRequired
		}
		return bouncehouse.TLSFailed
	case 501, 504:
		if stage == bouncehouse.StageHELO {
			return bouncehouse.BadHELO
		}
		return bouncehouse.ProtocolError
	case 455, 500, 502, 503, 555:
		return bouncehouse.ProtocolError
	case 511, 551:
		return bouncehouse.NoSuchUser
	case 512:
		return bouncehouse.NoSuchDomain
	case 521, 556:
		return bouncehouse.DomainAcceptsNoMail
	case 525:
		return bouncehouse.MailboxDisabled
	case 523:
		return bouncehouse.TooLarge
	case 552:
		if stage == bouncehouse.StageMAIL || stage == bouncehouse.StageDATA {
			return bouncehouse.TooLarge // refused by its SIZE, before any storage
		}
		return bouncehouse.MailboxFull
	case 550, 553:
		switch stage {
		case bouncehouse.StageRCPT:
			return bouncehouse.NoSuchUser
		case bouncehouse.StageMAIL:
			return bouncehouse.SenderRejected
		case bouncehouse.StageHELO:
			return bouncehouse.BadHELO
		case bouncehouse.StageConnect, bouncehouse.StageDATA, bouncehouse.StageEOD:
			return bouncehouse.Policy
		}
	case 554:
		if stage == bouncehouse.StageConnect {
			return bouncehouse.Policy // RFC 5321 section 3.1: no service for this client
		}
	}
	if code >= 400 && code < 500 {
		return bouncehouse.RemoteSystem
	}
	return ""
}
