package bouncehouse

// Class is why an attempt ended as it did: a closed list.
type Class string

const (
	ClassDelivered Class = "delivered"

	// The recipient.
	NoSuchUser          Class = "no-such-user"
	MailboxDisabled     Class = "mailbox-disabled"
	MailboxFull         Class = "mailbox-full"
	RecipientMoved      Class = "recipient-moved"
	RecipientRefused    Class = "recipient-refused" // the recipient's own filter or restriction
	NoSuchDomain        Class = "no-such-domain"
	DomainAcceptsNoMail Class = "domain-accepts-no-mail" // null MX (RFC 7505) or said so

	// The sender's reputation.
	DNSBL       Class = "dnsbl"      // on a blocklist that others run
	Reputation  Class = "reputation" // judged by the receiver itself
	DynamicIP   Class = "dynamic-ip"
	SpamContent Class = "spam-content"
	Virus       Class = "virus"
	RateLimited Class = "rate-limited"
	Greylisted  Class = "greylisted"

	// The sender's identity.
	NoRDNS         Class = "no-rdns"
	BadHELO        Class = "bad-helo"
	AuthFailed     Class = "auth-failed" // SPF, DKIM, DMARC, ARC
	SenderRejected Class = "sender-rejected"
	RelayDenied    Class = "relay-denied"
	AuthRequired   Class = "auth-required" // SMTP AUTH
	TLSFailed      Class = "tls-failed"

	// Policy and form.
	Policy            Class = "policy"
	TooLarge          Class = "too-large"
	TooManyRecipients Class = "too-many-recipients"
	Malformed         Class = "malformed"

	// Transport.
	DNSFailure       Class = "dns-failure"
	ConnectionFailed Class = "connection-failed"
	Routing          Class = "routing"
	ProtocolError    Class = "protocol-error"
	RemoteSystem     Class = "remote-system"
	ClassExpired     Class = "expired"

	Undetermined   Class = "undetermined" // neither text nor codes give a reason
	Feedback       Class = "feedback"     // a complaint
	ClassAutoReply Class = "auto-reply"
)

// Classes lists every class.
func Classes() []Class {
	return []Class{ClassDelivered,
		NoSuchUser, MailboxDisabled, MailboxFull, RecipientMoved, RecipientRefused, NoSuchDomain, DomainAcceptsNoMail,
		DNSBL, Reputation, DynamicIP, SpamContent, Virus, RateLimited, Greylisted,
		NoRDNS, BadHELO, AuthFailed, SenderRejected, RelayDenied, AuthRequired, TLSFailed,
		Policy, TooLarge, TooManyRecipients, Malformed,
		DNSFailure, ConnectionFailed, Routing, ProtocolError, RemoteSystem, ClassExpired,
		Undetermined, Feedback, ClassAutoReply}
}
