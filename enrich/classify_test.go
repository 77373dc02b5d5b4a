package enrich

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bouncehouse/bouncehouse"
)

func newClassifier(t testing.TB, opt Options) *Classifier {
	t.Helper()
	c, err := NewClassifier(opt)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// The order of evidence: dialect, wording, enhanced code, basic code.
func TestOrderOfEvidence(t *testing.T) {
	c := newClassifier(t, Options{})
	for _, tt := range []struct {
		reply string
		stage bouncehouse.Stage
		want  bouncehouse.Class
	}{
		// The wording beats the enhanced code.
		{"450 4.7.1 Client host rejected: cannot find your hostname", "", bouncehouse.NoRDNS},
		{"450 4.7.1 <user@example.net>: Recipient address rejected: Greylisted, try again in 300 seconds", "",
			bouncehouse.Greylisted},
		{"451 4.7.1 Temporarily greylisted", "", bouncehouse.Greylisted},
		{"550 5.7.1 Unable to relay", "", bouncehouse.RelayDenied},
		{"550 5.1.1 This message was classified as spam", "", bouncehouse.SpamContent},
		{"550 5.1.1 <user@example.com> has sent to too many recipients this hour", "", bouncehouse.RateLimited},
		{"550 5.2.2 Submission quota exceeded", "", bouncehouse.RateLimited},
		{"550 5.7.1 No such user!", "", bouncehouse.NoSuchUser},
		{"554 5.7.1 Recipient address rejected: Dynamic IP", "", bouncehouse.DynamicIP},
		{"554 5.7.1 Service unavailable; Client host [203.0.113.9] blocked using zen.spamhaus.org", "",
			bouncehouse.DNSBL},
		{"553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)", "", bouncehouse.RelayDenied},
		{"550 5.1.1 <user@example.net>... mailbox is full", "", bouncehouse.MailboxFull},
		{"550 5.7.1 Message rejected due to DMARC policy of example.com", "", bouncehouse.AuthFailed},
		// The dialect beats what its words say elsewhere.
		{"550 5.4.1 Recipient address rejected: Access denied. AS(201806281) [DM3NAM02FT046.eop-nam02.prod.protection.outlook.com]", "", bouncehouse.NoSuchUser},
		{"550 Mailbox unavailable or access denied [aGVsbG8uCg== IP: 203.0.113.9]. https://service.mail.qq.com/detail/122/166", "", bouncehouse.RateLimited},
		{"550 5.2.1 The user you are trying to contact is receiving mail at a rate that prevents additional messages from being delivered. https://support.google.com/mail/?p=ReceivingRatePerm - gsmtp", "", bouncehouse.RateLimited},
		// Codes where the text is silent.
		{"550 5.1.1 Sorry", "", bouncehouse.NoSuchUser},
		{"552 5.3.4 Sorry", "", bouncehouse.TooLarge},
		{"550 5.7.25 Sorry", "", bouncehouse.NoRDNS},
		{"451 4.3.0 Sorry", "", bouncehouse.RemoteSystem},
		{"550 Sorry (#5.1.1)", "", bouncehouse.NoSuchUser},
		{"550 Sorry", bouncehouse.StageRCPT, bouncehouse.NoSuchUser},
		{"550 Sorry", bouncehouse.StageMAIL, bouncehouse.SenderRejected},
		{"501 Sorry", bouncehouse.StageHELO, bouncehouse.BadHELO},
		{"550 Sorry", "", bouncehouse.Undetermined},
		{"451 Sorry", "", bouncehouse.RemoteSystem},
		{"550 5.0.0 Sorry", bouncehouse.StageRCPT, bouncehouse.NoSuchUser},
		// What varies decides nothing: these words stand in names and addresses.
		{"550 5.1.1 <virus-spam@quota.example> Sorry", "", bouncehouse.NoSuchUser},
		{"550 5.1.1 host greylist.example.org Sorry", "", bouncehouse.NoSuchUser},
	} {
		if e := classifyReply(c, tt.reply, "", tt.stage); e.Class != tt.want {
			t.Errorf("%q at %q: %s by %s, want %s", tt.reply, tt.stage, e.Class, e.Rule, tt.want)
		}
	}
}

func TestOutcomes(t *testing.T) {
	c := newClassifier(t, Options{})
	for _, tt := range []struct {
		e    bouncehouse.Event
		want bouncehouse.Class
	}{
		{bouncehouse.Event{Outcome: bouncehouse.Delivered, ReplyCode: 250, ReplyText: "blocked using zen.spamhaus.org"},
			bouncehouse.ClassDelivered},
		{bouncehouse.Event{Outcome: bouncehouse.Complaint}, bouncehouse.Feedback},
		{bouncehouse.Event{Outcome: bouncehouse.AutoReply}, bouncehouse.ClassAutoReply},
		{bouncehouse.Event{Outcome: bouncehouse.Expired, ReplyText: "returned to sender"}, bouncehouse.ClassExpired},
		{bouncehouse.Event{Outcome: bouncehouse.Expired, ReplyText: "expired, returned to sender"},
			bouncehouse.ClassExpired},
		{bouncehouse.Event{Outcome: bouncehouse.Expired, EnhancedCode: "4.4.1"}, bouncehouse.ClassExpired},
		{bouncehouse.Event{Outcome: bouncehouse.Expired, ReplyCode: 451, ReplyText: "Greylisted"},
			bouncehouse.Greylisted},
		{bouncehouse.Event{Outcome: bouncehouse.Bounced, Class: bouncehouse.Virus, ReplyText: "Greylisted"},
			bouncehouse.Virus},
		{bouncehouse.Event{Outcome: bouncehouse.Bounced}, bouncehouse.Undetermined},
	} {
		events := []bouncehouse.Event{tt.e}
		if err := c.Enrich(t.Context(), &bouncehouse.Result{Events: events}); err != nil {
			t.Fatal(err)
		}
		if events[0].Class != tt.want {
			t.Errorf("%+v: %s, want %s", tt.e, events[0].Class, tt.want)
		}
	}
}

func TestExtract(t *testing.T) {
	c := newClassifier(t, Options{})
	type got struct {
		Provider bouncehouse.Provider
		Code     string
		DNSBL    string
		IP       string
		URLs     []string
	}
	for _, tt := range []struct {
		reply string
		want  got
	}{
		{"421 4.7.0 [TSS04] Messages from 203.0.113.24 temporarily deferred due to user complaints - 4.16.55.1; see https://postmaster.yahooinc.com/error-codes", got{"yahoo", "[TSS04]", "", "203.0.113.24", []string{"https://postmaster.yahooinc.com/error-codes"}}},
		{"550 5.7.1 Unfortunately, messages from [203.0.113.24] weren't sent. Please contact your Internet service provider since part of their network is on our block list (S3150). You can also refer your provider to http://mail.live.com/mail/troubleshooting.aspx#errors.", got{"microsoft", "S3150", "", "203.0.113.24", []string{"http://mail.live.com/mail/troubleshooting.aspx#errors"}}},
		{"554 DT:SPM 163 smtp5,D9GowACHO7RNWNdXmXs1Bw--.9035S2 1473730639,please see http://mail.163.com/help/help_spam_16.htm?ip=203.0.113.10&hostid=smtp5", got{"netease", "DT:SPM", "", "203.0.113.10", []string{"http://mail.163.com/help/help_spam_16.htm?ip=203.0.113.10&hostid=smtp5"}}},
		{"552 5.1.1 Boite du destinataire pleine. Recipient overquota. OFR_417 [417]",
			got{"orange", "OFR_417", "", "", nil}},
		{"554 mtain-102.charter.net 203.0.113.9 blocked. AUP#In-1000",
			got{"charter", "AUP#In-1000", "", "203.0.113.9", nil}},
		{"550 5.1.1 https://support.google.com/mail/?p=NoSuchUser a1-20020a05 - gsmtp",
			got{"google", "NoSuchUser", "", "", []string{"https://support.google.com/mail/?p=NoSuchUser"}}},
		{"554 5.7.1 Service unavailable; Client host [203.0.113.9] blocked using zen.spamhaus.org; https://www.spamhaus.org/query/ip/203.0.113.9", got{"", "", "zen.spamhaus.org", "203.0.113.9", []string{"https://www.spamhaus.org/query/ip/203.0.113.9"}}},
		{"554 5.7.1 Service unavailable; Client host [2001:db8::9] blocked using bl.local-list.example.org; go away",
			got{"", "", "bl.local-list.example.org", "2001:db8::9", nil}},
		{"550 5.7.26 Multiple authentication checks failed", got{}},
		{"550 5.7.606 Access denied", got{"microsoft", "", "", "", nil}},
		{"550 Listed (see <http://www.spamcop.net/bl.shtml?203.0.113.9>).",
			got{"", "", "bl.spamcop.net", "203.0.113.9", []string{"http://www.spamcop.net/bl.shtml?203.0.113.9"}}},
	} {
		e := classifyReply(c, tt.reply, "")
		ip := ""
		if e.CitedIP.IsValid() {
			ip = e.CitedIP.String()
		}
		if diff := cmp.Diff(tt.want, got{e.Provider, e.ProviderCode, e.DNSBL, ip, e.URLs}); diff != "" {
			t.Errorf("%q: %s", tt.reply, diff)
		}
	}
}

func TestTemplate(t *testing.T) {
	c := newClassifier(t, Options{})
	for _, tt := range []struct{ text, want string }{
		{"<user@example.net>: Recipient address rejected", "<addr>: Recipient address rejected"},
		{"user@example.net is over quota by 1234567 bytes", "<addr> is over quota by <n> bytes"},
		{"Client host [203.0.113.9] blocked using zen.spamhaus.org; see http://www.spamhaus.org/query/ip/203.0.113.9",
			"Client host [<ip>] blocked using zen.spamhaus.org; see http://<host>.spamhaus.org/query/ip/<ip>"},
		{"[2001:db8::25] Our system", "[<ip>] Our system"},
		{"Greylisted, try again in 00:04:32", "Greylisted, try again in <n>:<n>:<n>"},
		{"[BN8NAM11FT003.eop-nam11.prod.protection.outlook.com]", "[<host>.protection.outlook.com]"},
		{"https://support.google.com/mail/?p=NoSuchUser d2e1a72fcca58-7a8f3c2b1a0si1234567b3a.12 - gsmtp",
			"https://support.google.com/mail/?p=NoSuchUser <id> - gsmtp"},
		{"OFR004_104 [104] AUP#In-1310 IB504 [TSS04] (S3150) 5.7.1",
			"OFR004_104 [104] AUP#In-1310 IB504 [TSS04] (S3150) 5.7.1"},
		{"收件人空间不足", "收件人空间不足"},
		{"no variable part at all", "no variable part at all"},
		{"", ""},
	} {
		got, _ := c.folder.fold(nil, tt.text)
		if diff := cmp.Diff(tt.want, string(got)); diff != "" {
			t.Errorf("%q: %s", tt.text, diff)
		}
	}
}

func TestProviders(t *testing.T) {
	c := newClassifier(t, Options{})
	for _, tt := range []struct {
		host, rcpt string
		want       bouncehouse.Provider
	}{
		{"gmail-smtp-in.l.google.com", "user@example.org", "google"},
		{"ASPMX.L.GOOGLE.COM.", "user@example.org", "google"},
		{"notgoogle.com", "user@example.org", ""},
		{"example-com.mail.protection.outlook.com", "user@example.com", "microsoft"},
		{"cxr.mx.a.cloudfilter.net", "user@cox.net", "cox"},
		{"mx.b.cloudfilter.net", "user@example.org", "cloudmark"},
		{"inbound-smtp.us-east-1.amazonaws.com", "user@example.org", "amazonses"},
		{"ec2-203-0-113-9.compute-1.amazonaws.com", "user@example.org", ""},
		{"mx1.example.org", "user@hotmail.co.uk", "microsoft"},
		{"", "user@yahoo.co.jp", "yahoojapan"},
		{"", "user@yahoo.com.br", "yahoo"},
		{"", "user@live.example.com", ""},
		{"", "user@live.fr", "microsoft"},
		{"", "no address", ""},
		{"mx01.gmx.net", "user@gmail.com", "gmx"}, // who answered, not whose domain it is
	} {
		e := bouncehouse.Event{Direction: bouncehouse.Outbound, Outcome: bouncehouse.Delivered, RemoteHost: tt.host,
			Recipient: tt.rcpt}
		for range 2 { // the second time from memory
			e.Provider = ""
			c.enrich(&e)
			if e.Provider != tt.want {
				t.Errorf("%q, %q: %q, want %q", tt.host, tt.rcpt, e.Provider, tt.want)
			}
		}
	}
	ids := map[string]bool{}
	for _, k := range Providers() {
		if ids[k.ID] || k.Name == "" || len(k.MX)+len(k.Domains) == 0 {
			t.Errorf("provider %q stands twice or has no name, hosts or domains", k.ID)
		}
		ids[k.ID] = true
	}
	for _, r := range Rules() {
		if r.Provider != "" && !ids[string(r.Provider)] {
			t.Errorf("rule %s: unknown provider %q", r.Name, r.Provider)
		}
	}
}

func TestSubjectIP(t *testing.T) {
	ip := netip.MustParseAddr
	one, two := ip("203.0.113.25"), ip("203.0.113.26")
	var none netip.Addr
	for _, tt := range []struct {
		name   string
		egress []netip.Addr
		e      bouncehouse.Event
		want   netip.Addr
	}{
		{"the client", []netip.Addr{one}, bouncehouse.Event{Direction: bouncehouse.Inbound,
			RemoteIP: ip("198.51.100.7"), LocalIP: one}, ip("198.51.100.7")},
		{"what the log says", []netip.Addr{one}, bouncehouse.Event{LocalIP: two}, two},
		{"behind NAT", []netip.Addr{one}, bouncehouse.Event{LocalIP: ip("10.0.0.5")}, one},
		{"behind NAT, nothing configured", nil, bouncehouse.Event{LocalIP: ip("10.0.0.5")}, ip("10.0.0.5")},
		{"the cited one of several of ours", []netip.Addr{one, two}, bouncehouse.Event{CitedIP: two}, two},
		{"a stranger's is cited", []netip.Addr{one, two}, bouncehouse.Event{CitedIP: ip("198.51.100.1")}, none},
		{"nothing known", nil, bouncehouse.Event{CitedIP: ip("198.51.100.1")}, none},
		{"the only one", []netip.Addr{one}, bouncehouse.Event{RemoteIP: ip("198.51.100.7")}, one},
		{"IPv6 was used, the only one is IPv4", []netip.Addr{one}, bouncehouse.Event{RemoteIP: ip("2001:db8::7")},
			none},
	} {
		c := newClassifier(t, Options{Egress: tt.egress})
		if tt.e.Direction == "" {
			tt.e.Direction = bouncehouse.Outbound
		}
		tt.e.Outcome = bouncehouse.Delivered
		c.enrich(&tt.e)
		if tt.e.SubjectIP != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, tt.e.SubjectIP, tt.want)
		}
	}
}

func TestFaultyRules(t *testing.T) {
	for want, r := range map[string]Rule{
		"unknown class":     {Name: "x", Class: "spandetected", All: []string{"spam"}},
		"taken":             {Name: "dmarc", Class: bouncehouse.Policy, All: []string{"spam"}},
		"no condition":      {Name: "x", Class: bouncehouse.Policy},
		"lower case":        {Name: "x", Class: bouncehouse.Policy, All: []string{"Spam"}},
		"empty alternative": {Name: "x", Class: bouncehouse.Policy, All: []string{"spam|"}},
		"only without":      {Name: "x", Class: bouncehouse.Policy, All: []string{"spam"}, Only: true},
	} {
		if _, err := NewClassifier(Options{Rules: []Rule{r}}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: error %v, want one with %q", r, err, want)
		}
	}
	c := newClassifier(t, Options{Rules: []Rule{{Name: "mine", Class: bouncehouse.Policy, All: []string{"greylist"}}}})
	if e := classifyReply(c, "451 Greylisted", ""); e.Rule != "mine" {
		t.Errorf("an operator's rule comes first; got %s", e.Rule)
	}
}

// Whatever comes in, a class of the list comes out, and the memory of earlier
// replies changes nothing.
func FuzzClassify(f *testing.F) {
	for _, r := range Rules() {
		f.Add(r.Example)
	}
	f.Add("550 " + strings.Repeat("1.2.3.4:::@@..//##<>", 200))
	c := newClassifier(f, Options{})
	f.Fuzz(func(t *testing.T, reply string) {
		first := classifyReply(c, reply, "")
		if !slices.Contains(bouncehouse.Classes(), first.Class) {
			t.Fatalf("class %q", first.Class)
		}
		if again := classifyReply(c, reply, ""); !cmp.Equal(first, again,
			cmp.Comparer(func(a, b netip.Addr) bool { return a == b })) {
			t.Fatal(cmp.Diff(first, again, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })))
		}
	})
}

// The provider of a claim is who brought it, not whom it names.
func TestClaimsProvider(t *testing.T) {
	plain, believing := newClassifier(t, Options{}), newClassifier(t, Options{Believe: true})
	for _, tt := range []struct {
		client  string
		origin  bouncehouse.DSNOrigin
		want    bouncehouse.Provider
		believe bouncehouse.Provider
	}{
		{"bot.example.net[198.51.100.7]", bouncehouse.DSNRemote, "", "google"},
		{"unknown[198.51.100.7]", bouncehouse.DSNUnknown, "", "google"},
		{"mx1.qq.com[198.51.100.7]", bouncehouse.DSNRemote, "tencent", "google"},
		{"", bouncehouse.DSNLocal, "google", "google"},
		{"", bouncehouse.DSNRemote, "google", "google"},
		{"unknown[10.0.0.7]", bouncehouse.DSNRemote, "google", "google"},
	} {
		for c, want := range map[*Classifier]bouncehouse.Provider{plain: tt.want, believing: tt.believe} {
			events := []bouncehouse.Event{{Source: bouncehouse.DSN, Direction: bouncehouse.Outbound,
				Outcome: bouncehouse.Bounced, DSNOrigin: tt.origin, Client: tt.client,
				Recipient: "a@gmail.com", RemoteHost: "gmail-smtp-in.l.google.com", ReplyCode: 550,
				EnhancedCode: "5.1.1",
				ReplyText:    "The email account that you tried to reach does not exist. - gsmtp"}}
			if err := c.Enrich(t.Context(), &bouncehouse.Result{Events: events}); err != nil {
				t.Fatal(err)
			}
			if e := events[0]; e.Provider != want || e.Class != bouncehouse.NoSuchUser {
				t.Errorf("brought by %q (%s): provider %q, class %s; want %q", tt.client, tt.origin, e.Provider,
					e.Class, want)
			}
		}
	}
}
