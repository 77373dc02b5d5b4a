package main

import (
	"testing"

	"github.com/bouncehouse/bouncehouse"
	"github.com/bouncehouse/bouncehouse/explain"
)

// The replies that postmasters ask about most explain themselves, in every
// language.
func TestExplainsWhatPeopleAsk(t *testing.T) {
	classify, err := classifier(Config{})
	if err != nil {
		t.Fatal(err)
	}
	a := &app{ctx: t.Context()}
	for reply, class := range map[string]bouncehouse.Class{
		"550 5.4.1 Recipient address rejected: Access denied. AS(201806281)": bouncehouse.NoSuchUser,
		"550 5.1.1 The email account that you tried to reach does not exist": bouncehouse.NoSuchUser,
		"421 HL:REP 163 smtp1": bouncehouse.Reputation,
		"451 VS1-IP Excessive unknown recipients - possible Open Relay": bouncehouse.Reputation,
		"550 5.7.124 Sender not in allowed-senders list":                bouncehouse.RecipientRefused,
		"550 5.7.133 RESOLVER.RST.SenderNotAuthenticatedForGroup":       bouncehouse.RecipientRefused,
		"550 5.7.136 RESOLVER.RST.SenderNotAuthenticatedForMailUser":    bouncehouse.RecipientRefused,
		"451 DT:SPM 126 smtp3":                                                            bouncehouse.SpamContent,
		"554 DT:SUM 163 smtp5":                                                            bouncehouse.SenderRejected,
		"550 MI:STC 163 smtp2":                                                            bouncehouse.RateLimited,
		"552 Daily sending quota exceeded":                                                bouncehouse.RateLimited,
		"450 4.2.0 Recipient address rejected: Greylisted":                                bouncehouse.Greylisted,
		"450 4.7.1 Client host rejected: cannot find your hostname":                       bouncehouse.NoRDNS,
		"450 4.7.1 Helo command rejected: Host not found":                                 bouncehouse.BadHELO,
		"504 5.5.2 Helo command rejected: need fully-qualified hostname":                  bouncehouse.BadHELO,
		"554 5.7.1 Client host [203.0.113.9] blocked using zen.spamhaus.org":              bouncehouse.DNSBL,
		"550 5.7.1 Unable to relay":                                                       bouncehouse.RelayDenied,
		"550 5.7.26 This mail has been blocked because the sender is unauthenticated":     bouncehouse.AuthFailed,
		"550 5.7.1 Our system has detected that this message is likely unsolicited mail":  bouncehouse.SpamContent,
		"554 5.4.6 mail for example.com loops back to myself":                             bouncehouse.Routing,
		"503 5.5.1 need RCPT command":                                                     bouncehouse.ProtocolError,
		"452 4.5.3 Too many recipients":                                                   bouncehouse.TooManyRecipients,
		"Try send out of range,no more information":                                       bouncehouse.ClassExpired,
		"530 5.7.0 Authentication required":                                               bouncehouse.AuthRequired,
		"552 5.3.4 Message size exceeds fixed limit":                                      bouncehouse.TooLarge,
		"552 5.2.2 Mailbox full":                                                          bouncehouse.MailboxFull,
		"554 5.7.1 dynamic IP addresses are not allowed, use your provider's mail server": bouncehouse.DynamicIP,
		"connect to mx.example.net[192.0.2.1]:25: Connection timed out":                   bouncehouse.ConnectionFailed,
		"Host or domain name not found. Name service error for name=example.net type=MX: Host not found, try again": bouncehouse.DNSFailure,
	} {
		e, err := classifyReply(a, classify, reply)
		if err != nil {
			t.Fatal(err)
		}
		if e.Class != class {
			t.Errorf("%q: %s by %s, want %s", reply, e.Class, e.Rule, class)
			continue
		}
		known, err := knownOf(Config{}, &e)
		if err != nil {
			t.Fatal(err)
		}
		for _, lang := range explain.Langs() {
			advice, err := explain.Explain(&e, known, lang)
			if err != nil || advice.Class != class || advice.Meaning == "" || len(advice.Steps) == 0 {
				t.Errorf("%q in %s: %+v, %v", reply, lang, advice, err)
			}
		}
	}
}
