package bouncehouse

import (
	"crypto/sha256"
	"encoding/hex"
	"net/netip"
	"strconv"
	"time"
)

// Event is what became of one delivery attempt for one recipient; or one
// refusal of a client by our own server; or one recipient block of a bounce
// mail; or one complaint. Its JSON names are the columns of the events table
// and the keys in logs. Absent means unknown.
type Event struct {
	Origin `json:"-"`

	Time      time.Time `json:"time"` // when the mail server logged it; for a bounce mail its Arrival-Date or Date
	Host      string    `json:"host,omitempty"`
	Source    System    `json:"source"`
	File      string    `json:"file,omitempty" column:"-"` // base name of the file it came from
	Direction Direction `json:"direction"`

	QueueID   string `json:"queue_id,omitempty"`
	MessageID string `json:"message_id,omitempty"` // without angle brackets
	Sender    string `json:"sender,omitempty"`     // envelope address without angle brackets
	Recipient string `json:"recipient,omitempty"`
	// before an alias or forward (orig_to, Original-Recipient)
	OriginalRecipient string `json:"original_recipient,omitempty"`
	SASLUser          string `json:"sasl_user,omitempty"`
	// who handed the message to us: host[ip]; of a bounce mail, who handed us that
	Client string `json:"client,omitempty"`

	RemoteHost string     `json:"remote_host,omitempty"`
	RemoteIP   netip.Addr `json:"remote_ip,omitzero"`
	RemotePort uint16     `json:"remote_port,omitempty"`
	LocalIP    netip.Addr `json:"local_ip,omitzero"` // our egress address

	Stage     Stage   `json:"stage,omitempty"`
	Outcome   Outcome `json:"outcome"`
	ReplyCode uint16  `json:"reply_code,omitempty"` // 0 where the remote never answered
	// RFC 3463: as the remote sent it, else as our server or the report says
	EnhancedCode string `json:"enhanced_code,omitempty"`
	ReplyText    string `json:"reply_text,omitempty"` // continuation lines joined by one space, codes not repeated

	Class    Class    `json:"class"`
	Rule     string   `json:"rule,omitempty"` // which rule decided the class
	Provider Provider `json:"provider,omitempty"`
	// of a provider that serves both: consumer (gmail.com) or business (Google Workspace), where the host tells
	ProviderSide string     `json:"provider_side,omitempty"`
	ProviderCode string     `json:"provider_code,omitempty"` // the provider's own code: [TSS04], S3150, DT:SPM
	Template     string     `json:"template,omitempty"`      // the reply with its variable parts folded
	CitedIP      netip.Addr `json:"cited_ip,omitzero"`       // the address that the reply cites
	DNSBL        string     `json:"dnsbl,omitempty"`         // the blocklist that the reply names
	URLs         []string   `json:"urls,omitempty"`

	Delay Delay  `json:"delay,omitzero"` // from arrival to this attempt
	TLS   string `json:"tls,omitempty"`  // TLSv1.3 ...

	SubjectIP   netip.Addr `json:"subject_ip,omitzero"`    // whose reputation is at stake
	DNSBLListed []string   `json:"dnsbl_listed,omitempty"` // zones that list the subject IP, as of the event's time
	RDNS        string     `json:"rdns,omitempty"`         // PTR of the subject IP
	RDNSStatus  RDNSStatus `json:"rdns_status,omitempty"`

	FeedbackType string    `json:"feedback_type,omitempty"` // of a complaint, RFC 5965: abuse, fraud, not-spam ...
	DSNOrigin    DSNOrigin `json:"dsn_origin,omitempty"`    // of a bounce mail
	Repeat       bool      `json:"repeat,omitempty"`        // an old reply said again without a new attempt
	// an attempt by our own logs: set once, from the row's own evidence; every figure sums it
	Counted bool `json:"counted,omitempty"`
	// of a bounce mail or complaint: it proved that it answers mail of ours when it was stored
	Verified bool `json:"verified,omitempty"`
	// CitedQueueIDs are other queue ids that the returned message had on its
	// way: one of them is that of a server of ours, whatever it calls itself.
	CitedQueueIDs []string `json:"cited_queue_ids,omitempty"`

	// RulesVersion names the rules and tables that gave class, provider and template: equal ones give equal answers.
	RulesVersion string `json:"-" column:"rules_version"`

	// ContextKnown tells that sender, message id and client are as the log
	// says, be they empty; else they may be filled from the messages table.
	ContextKnown bool `json:"-" column:"-"`

	// Guessed tells that the record speaks of a whole message and names no
	// recipient, and that the parser may not have seen all attempts at it: who
	// is left of it is asked of the stored ones.
	Guessed bool `json:"-" column:"-"`
}

// Claim tells whether the event is a claim: what a mail said, which anyone may
// have sent, be it that a log repeats it (PowerMTA's remote bounces and
// feedback, KumoMTA's OOB and Feedback). All others are attempts, which our own
// servers logged. A claim is never counted; ClickHouse computes the same in an
// ALIAS column.
func (e *Event) Claim() bool {
	return e.Source == DSN || e.Source == ARF || e.DSNOrigin != "" || e.Outcome == Complaint
}

// Origin is where an event was read. It identifies the event: the same line
// read twice has the same origin.
type Origin struct {
	Stream  string `column:"stream"`  // one ordered source on one host, see Chunk
	FileID  string `column:"file_id"` // hash of the file's head; of a bounce mail's whole content
	Offset  int64  `column:"offset"`  // byte offset of the line in the decompressed file
	Ordinal uint16 `column:"ordinal"` // of the event within its line or mail
	Chunk   uint64 `column:"chunk"`   // sequence number of the chunk; not part of the identity
}

// ID is the event_id: 128 bits of SHA-256 over the origin, in hex. ClickHouse
// computes the same in an ALIAS column.
func (o Origin) ID() string {
	b := make([]byte, 0, 256)
	b = append(b, o.Stream...)
	b = append(b, 0)
	b = append(b, o.FileID...)
	b = append(b, 0)
	b = strconv.AppendInt(b, o.Offset, 10)
	b = append(b, 0)
	b = strconv.AppendUint(b, uint64(o.Ordinal), 10)
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:16])
}

// Delay is a duration that may be unknown; its zero value is. In JSON it is a
// number of seconds.
type Delay struct {
	Duration time.Duration
	Known    bool
}

// MarshalJSON prints seconds with up to three decimals.
func (d Delay) MarshalJSON() ([]byte, error) {
	return strconv.AppendFloat(nil, float64(d.Duration.Milliseconds())/1000, 'f', -1, 64), nil
}

// Direction tells whose attempt it was.
type Direction string

const (
	Outbound Direction = "outbound" // our server tried to deliver
	Inbound  Direction = "inbound"  // our server refused a client
)

// Stage is the SMTP step that the remote answered.
type Stage string

const (
	StageConnect  Stage = "connect"
	StageHELO     Stage = "helo"
	StageSTARTTLS Stage = "starttls"
	StageAuth     Stage = "auth"
	StageMAIL     Stage = "mail"
	StageRCPT     Stage = "rcpt"
	StageDATA     Stage = "data"
	StageEOD      Stage = "eod" // after the end of data
)

// Stages lists every stage in the order of a session.
func Stages() []Stage {
	return []Stage{StageConnect, StageHELO, StageSTARTTLS, StageAuth, StageMAIL, StageRCPT, StageDATA, StageEOD}
}

// Outcome is what became of the attempt.
type Outcome string

const (
	Delivered Outcome = "delivered"
	Relayed   Outcome = "relayed"  // handed to a further hop that answers for it: a content filter, or Action: relayed
	Deferred  Outcome = "deferred" // to be tried again
	Bounced   Outcome = "bounced"  // refused for good
	Expired   Outcome = "expired"  // given up after the queue's lifetime
	Rejected  Outcome = "rejected" // inbound: our server refused the client
	Complaint Outcome = "complaint"
	AutoReply Outcome = "auto-reply"
)

// Outcomes lists every outcome.
func Outcomes() []Outcome {
	return []Outcome{Delivered, Relayed, Deferred, Bounced, Expired, Rejected, Complaint, AutoReply}
}

// System is the kind of mail system that wrote the line, or dsn for a bounce
// mail and arf for a complaint, whatever system sent them.
type System string

const (
	Postfix     System = "postfix"
	Exim        System = "exim"
	Sendmail    System = "sendmail"
	OpenSMTPD   System = "opensmtpd"
	Qmail       System = "qmail"
	Exchange    System = "exchange"
	HMailServer System = "hmailserver"
	PowerMTA    System = "powermta"
	KumoMTA     System = "kumomta"
	Haraka      System = "haraka"
	ZoneMTA     System = "zonemta"
	Courier     System = "courier"
	MDaemon     System = "mdaemon"
	DSN         System = "dsn"
	ARF         System = "arf"
)

// Systems lists every source of events.
func Systems() []System {
	return []System{Postfix, Exim, Sendmail, OpenSMTPD, Qmail, Exchange, HMailServer, PowerMTA, KumoMTA, Haraka,
		ZoneMTA, Courier, MDaemon, DSN, ARF}
}

// RDNSStatus is what the reverse DNS of the subject IP looks like.
type RDNSStatus string

const (
	RDNSOK       RDNSStatus = "ok"       // the PTR's name has the address again
	RDNSNone     RDNSStatus = "none"     // no PTR
	RDNSMismatch RDNSStatus = "mismatch" // the name does not lead back
	RDNSError    RDNSStatus = "error"    // SERVFAIL or a malformed answer
	RDNSUnknown  RDNSStatus = "unknown"  // not asked, or no resolver answered
)

// RDNSStatuses lists every status.
func RDNSStatuses() []RDNSStatus {
	return []RDNSStatus{RDNSOK, RDNSNone, RDNSMismatch, RDNSError, RDNSUnknown}
}

// DSNOrigin tells who made a bounce mail.
type DSNOrigin string

const (
	DSNLocal       DSNOrigin = "local"       // one of our servers, as its way to us proves
	DSNRemote      DSNOrigin = "remote"      // another server, out of band
	DSNBackscatter DSNOrigin = "backscatter" // it cites no message of ours
	DSNUnknown     DSNOrigin = "unknown"     // it says that one of our servers made it, and nothing proves it
)

// DSNOrigins lists every origin.
func DSNOrigins() []DSNOrigin { return []DSNOrigin{DSNLocal, DSNRemote, DSNBackscatter, DSNUnknown} }

// Provider names the mailbox provider or filtering service that answered:
// google, microsoft, yahoo ... The list is data (enrich) and may be extended.
type Provider string
