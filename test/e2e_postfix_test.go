package test_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bouncehouse/bouncehouse"
	"github.com/bouncehouse/bouncehouse/test"
)

// The world of TestPostfixRun. Replies cite the egress addresses of the configuration, of which DNS knows different
// things; they are out of a range that was once for 6to4 relays (RFC 7526), since DNS is never asked about addresses
// that are reserved for documentation.
const (
	goodEgress   = "192.88.99.1" // its name leads back
	listedEgress = "192.88.99.2" // on the blocklist; its name leads elsewhere
	bareEgress   = "192.88.99.3" // without a name
	blocklist    = "bl.example.net"
)

// recipients at good.example and what is answered about each; no script: all is well.
var recipients = map[string]test.Script{
	"ok1": nil, "ok2": nil, "ok3": nil, "ok4": nil, "ok5": nil, "ok6": nil, "ok7": nil, "ok8": nil, "ok9": nil,
	"unknown": at(bouncehouse.StageRCPT, test.Answer{Code: 550, Enhanced: "5.1.1",
		Text: "The email account does not exist.\nPlease check the address"}),
	"plain":   at(bouncehouse.StageRCPT, test.Answer{Code: 550, Text: "No such person"}),
	"nonames": at(bouncehouse.StageRCPT, test.Answer{Code: 553, Enhanced: "5.1.3", Text: "Not a mailbox here"}),
	"full":    at(bouncehouse.StageRCPT, test.Answer{Code: 452, Enhanced: "4.2.2", Text: "Mailbox full"}),
	"off":     at(bouncehouse.StageRCPT, test.Answer{Code: 550, Enhanced: "5.2.1", Text: "Account disabled"}),
	"later":   at(bouncehouse.StageRCPT, test.Answer{Code: 450, Enhanced: "4.2.0", Text: "Not now"}, test.Answer{}),
	"grey": at(bouncehouse.StageRCPT, test.Answer{Code: 451, Enhanced: "4.7.1", Text: "Greylisted, try again"},
		test.Answer{}),
	"twice": at(bouncehouse.StageRCPT, test.Answer{Code: 450, Enhanced: "4.7.1", Text: "Greylisted"},
		test.Answer{Code: 450, Enhanced: "4.7.1", Text: "Still greylisted"}, test.Answer{}),
	"plainlat": at(bouncehouse.StageRCPT, test.Answer{Code: 450, Text: "Try later"}),
	"closing": at(bouncehouse.StageRCPT, test.Answer{Code: 421, Enhanced: "4.7.0",
		Text: "Too many connections, closing", Drop: true}, test.Answer{}),
	"policy": at(bouncehouse.StageRCPT, test.Answer{Code: 554, Enhanced: "5.7.1",
		Text: "Message refused by policy\nSee https://postmaster.good.example/policy\n" +
			"or ask your administrator\nReference A1-B2"}),
	"spam":  at(bouncehouse.StageEOD, test.Answer{Code: 550, Enhanced: "5.7.1", Text: "Message looks like spam"}),
	"large": at(bouncehouse.StageEOD, test.Answer{Code: 552, Enhanced: "5.3.4", Text: "Message too big"}),
	"busy": at(bouncehouse.StageEOD, test.Answer{Code: 451, Enhanced: "4.3.0", Text: "Temporary failure"},
		test.Answer{}),
	"lines": at(bouncehouse.StageEOD, test.Answer{Code: 554, Enhanced: "5.6.0",
		Text: "Line one\nline two\nline three"}),
	"nodata": at(bouncehouse.StageDATA, test.Answer{Code: 554, Enhanced: "5.5.1", Text: "No data wanted"}),
	"datalater": at(bouncehouse.StageDATA, test.Answer{Code: 450, Enhanced: "4.3.2",
		Text: "System is not accepting data"}, test.Answer{}),
	"droprcpt": at(bouncehouse.StageRCPT, test.Answer{Drop: true}, test.Answer{}),
	"dropdata": at(bouncehouse.StageDATA, test.Answer{Drop: true}, test.Answer{}),
	"dropeod":  at(bouncehouse.StageEOD, test.Answer{Drop: true}, test.Answer{}),
	"hang":     at(bouncehouse.StageRCPT, test.Answer{Hang: true}, test.Answer{}),
	"hangeod":  at(bouncehouse.StageEOD, test.Answer{Hang: true}, test.Answer{}),
	"citegood": at(bouncehouse.StageRCPT, test.Answer{Code: 550, Enhanced: "5.7.1",
		Text: "Mail from [" + goodEgress + "] is refused"}),
	"citelisted": at(bouncehouse.StageRCPT, test.Answer{Code: 554, Enhanced: "5.7.1",
		Text: "Service unavailable; client [" + listedEgress + "] blocked using " + blocklist}),
	"citebare": at(bouncehouse.StageRCPT, test.Answer{Code: 550, Enhanced: "5.7.25",
		Text: "[" + bareEgress + "] has no reverse DNS"}),
}

func at(stage bouncehouse.Stage, answers ...test.Answer) test.Script {
	return test.Script{stage: answers}
}

// hosts are mail servers that answer before a recipient is known, or not at all: what each attempt at them is.
var hosts = []struct {
	domain, addr string // addr empty: none listens
	script       test.Script
	tls          bool
	want         attempt
}{
	{"refuse.example", "198.51.100.2", at(bouncehouse.StageConnect,
		test.Answer{Code: 554, Enhanced: "5.7.1", Text: "Your address is blocked", Drop: true}), false,
		attempt{Stage: "connect", Outcome: "deferred", ReplyCode: 554, EnhancedCode: "5.7.1",
			ReplyText: "Your address is blocked"}},
	{"crowded.example", "198.51.100.3", at(bouncehouse.StageConnect,
		test.Answer{Code: 421, Enhanced: "4.7.0", Text: "Too many\nsessions", Drop: true}), false,
		attempt{Stage: "connect", Outcome: "deferred", ReplyCode: 421, EnhancedCode: "4.7.0",
			ReplyText: "Too many sessions"}},
	{"mailno.example", "198.51.100.4", at(bouncehouse.StageMAIL,
		test.Answer{Code: 550, Enhanced: "5.1.8", Text: "Sender domain unknown"}), false,
		attempt{Stage: "mail", Outcome: "bounced", ReplyCode: 550, EnhancedCode: "5.1.8",
			ReplyText: "Sender domain unknown"}},
	{"maillater.example", "198.51.100.5", at(bouncehouse.StageMAIL,
		test.Answer{Code: 451, Enhanced: "4.1.8", Text: "Sender not verified yet"}), false,
		attempt{Stage: "mail", Outcome: "deferred", ReplyCode: 451, EnhancedCode: "4.1.8",
			ReplyText: "Sender not verified yet"}},
	{"helono.example", "198.51.100.6", at(bouncehouse.StageHELO,
		test.Answer{Code: 550, Enhanced: "5.7.0", Text: "Bad name"}), false,
		// "refused to talk to me" is what Postfix says of a greeting and of the answer to HELO alike.
		attempt{Stage: "connect", Outcome: "bounced", ReplyCode: 550, EnhancedCode: "5.7.0", ReplyText: "Bad name"}},
	{"mute.example", "198.51.100.7", at(bouncehouse.StageConnect, test.Answer{Hang: true}), false,
		attempt{Stage: "connect", Outcome: "deferred", EnhancedCode: "4.4.2", ReplyText: "timed out"}},
	{"drop.example", "198.51.100.8", at(bouncehouse.StageConnect, test.Answer{Drop: true}), false,
		attempt{Stage: "connect", Outcome: "deferred", EnhancedCode: "4.4.2", ReplyText: "lost connection"}},
	{"notls.example", "198.51.100.10", at(bouncehouse.StageSTARTTLS,
		test.Answer{Code: 454, Enhanced: "4.7.0", Text: "TLS not available"}), true,
		attempt{Stage: "starttls", Outcome: "deferred", ReplyCode: 454, EnhancedCode: "4.7.0",
			ReplyText: "TLS not available"}},
	{"closed.example", "", nil, false,
		attempt{Stage: "connect", Outcome: "deferred", EnhancedCode: "4.4.1", ReplyText: "Connection refused"}},
	{"faraway.example", "", nil, false,
		attempt{Stage: "connect", Outcome: "deferred", EnhancedCode: "4.4.1", ReplyText: "Network is unreachable"}},
}

// attempt is what is compared of an event.
type attempt struct {
	Recipient    string `json:"recipient"`
	Sender       string `json:"sender"`
	MessageID    string `json:"message_id"`
	RemoteHost   string `json:"remote_host"`
	RemoteIP     string `json:"remote_ip"`
	Stage        string `json:"stage"`
	Outcome      string `json:"outcome"`
	ReplyCode    int    `json:"reply_code"`
	EnhancedCode string `json:"enhanced_code"`
	ReplyText    string `json:"reply_text"` // of what the server never said, a part
}

// TestPostfixRun follows the log of a real Postfix while mail goes out, is refused and comes in, and the log is
// rotated; what is stored then is, recipient by recipient, what the servers answered.
func TestPostfixRun(t *testing.T) {
	servers, postfix := postfixWorld(t)
	h := newHouse(t, binary(t), "hosts: [mail.example.com]\ndomains: [example.com]\n"+
		"egress: ["+goodEgress+", "+listedEgress+", "+bareEgress+"]\n"+
		"dns: {servers: [\"127.0.0.1:53\"], zones: ["+blocklist+"], timeout: 10s}\n")
	run := test.Start(t, "run", h.command("run", postfix.LogPath(), postfix.Maildir()))
	engine := childOf(t, run)

	ids := map[string]string{} // recipient → queue id
	sent := 0
	send := func(addresses ...string) {
		sent++
		id := postfix.Send(fmt.Sprintf("news+%d@example.com", sent), addresses...)
		for _, a := range addresses {
			ids[a] = id
		}
	}
	send("ok1@good.example", "ok2@good.example", "ok3@good.example", "unknown@good.example", "grey@good.example",
		"off@good.example")
	send("ok4@good.example", "plain@good.example", "full@good.example")
	for _, host := range hosts {
		send("any@" + host.domain)
	}
	postfix.AwaitLog(30*time.Second, "to=<grey@good.example>", "status=deferred")
	postfix.Rotate()
	for _, name := range sortedKeys(recipients) {
		if address := name + "@good.example"; ids[address] == "" {
			send(address)
		}
	}
	for _, refused := range []string{"a@good.example", "b@good.example"} {
		if err := test.SendFrom("198.51.100.9", postfix.Addr(), "spam@elsewhere.example", refused); err == nil {
			t.Error("a client from outside may relay")
		}
	}
	// Deferred mail is tried again only when told so, until it is delivered or too old.
	var flushed time.Time
	test.Await(t, time.Minute, "an empty queue", func() bool {
		if time.Since(flushed) > time.Second {
			flushed = time.Now()
			postfix.Flush()
		}
		return strings.TrimSpace(postfix.Run("postqueue", "-j")) == ""
	})

	log := read(t, postfix.LogPath()+".1") + read(t, postfix.LogPath())
	bounces, err := os.ReadDir(filepath.Join(postfix.Maildir(), "new"))
	if err != nil {
		t.Fatal(err)
	}
	if len(bounces) < 20 {
		t.Errorf("%d bounces in the Maildir", len(bounces))
	}
	results := len(resultLine.FindAllString(log, -1))
	var counts string
	test.Await(t, time.Minute, fmt.Sprintf("%d results and some of %d bounces", results, len(bounces)), func() bool {
		counts = h.must("query", "--format", "TSV",
			"SELECT countIf(source = 'postfix' AND outcome != 'expired'), uniqExactIf(file_id, source = 'dsn') FROM events")
		return counts == fmt.Sprintf("%d\t%d\n", results, len(bounces))
	})

	wants := wantedAttempts(servers, ids, log)
	compareAttempts(t, h, wants)
	compareInbound(t, h)
	compareBounces(t, h)
	compareDNS(t, h)

	run.Stop(30 * time.Second)
	if err := run.Err(); err != nil {
		t.Errorf("run ended with %v after SIGTERM", err)
	}
	if alive(engine) {
		t.Error("the engine is still there")
	}
	if n := len(wants); n < 40 {
		t.Errorf("only %d recipients", n)
	}
}

// resultLine tells of an attempt, or of a refusal of a client. Bounces that Postfix delivers to itself are among them.
var resultLine = regexp.MustCompile(`(?m)( to=<[^>]+>,.* status=(sent|deferred|bounced) |NOQUEUE: reject: )`)

func postfixWorld(t *testing.T) (*test.SMTPServer, *test.PostfixServer) {
	t.Helper()
	servers := test.SMTP(t)
	zone := test.Zone{
		A: map[string][]string{
			"mx.good.example": {"198.51.100.1"}, "mx.closed.example": {"198.51.100.99"},
			"mx.faraway.example": {"203.0.113.1"},
			"out.example.com":    {goodEgress}, "other.example.com": {"192.88.99.77"},
			"2.0.0.127." + blocklist: {"127.0.0.2"}, "2.99.88.192." + blocklist: {"127.0.0.3"},
		},
		MX: map[string][]string{"null.example": {"0 ."}},
		PTR: map[string][]string{goodEgress: {"out.example.com"}, listedEgress: {"other.example.com"},
			"192.0.2.1": {"mail.example.com"}},
	}
	for _, host := range hosts {
		if host.addr != "" {
			zone.A["mx."+host.domain] = []string{host.addr}
			servers.Listen(test.Host{Name: "mx." + host.domain, Addr: host.addr, Script: host.script, TLS: host.tls})
		}
		zone.MX[host.domain] = []string{"10 mx." + host.domain}
	}
	zone.MX["good.example"] = []string{"10 mx.good.example"}
	test.DNS(t, "127.0.0.1:53", zone)
	servers.Listen(test.Host{Name: "mx.good.example", Addr: "198.51.100.1"})
	for name, script := range recipients {
		if script != nil {
			servers.Script(name+"@good.example", script)
		}
	}
	postfix := test.Postfix(t, test.PostfixConfig{Main: map[string]string{
		"maximal_queue_lifetime": "4s", "minimal_backoff_time": "1h", "maximal_backoff_time": "1h",
		"smtp_tls_policy_maps": "inline:{notls.example=encrypt}",
	}})
	for _, dir := range []string{"", "new", "cur", "tmp"} { // as Postfix makes it, for run to find it
		path := filepath.Join(postfix.Maildir(), dir)
		if err := os.MkdirAll(path, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(path, 65534, 65534); err != nil {
			t.Fatal(err)
		}
	}
	return servers, postfix
}

// wantedAttempts are the attempts by recipient, in order: from the servers' answers where they speak of a recipient,
// else as often as the log has one. A recipient whose last attempt was deferred has expired.
func wantedAttempts(servers *test.SMTPServer, ids map[string]string, log string) map[string][]attempt {
	messageIDs := map[string]string{}
	for _, m := range regexp.MustCompile(`cleanup\[\d+\]: (\w+): message-id=<(\S+)>`).FindAllStringSubmatch(log, -1) {
		messageIDs[m[1]] = m[2]
	}
	senders := map[string]string{}
	for _, m := range regexp.MustCompile(`qmgr\[\d+\]: (\w+): from=<(\S+)>, size`).FindAllStringSubmatch(log, -1) {
		senders[m[1]] = m[2]
	}
	wants := map[string][]attempt{}
	for _, a := range servers.Answers() {
		if a.Recipient == "" || a.Code == 354 || a.Stage == bouncehouse.StageRCPT && a.Code/100 == 2 {
			continue
		}
		ip, _, _ := strings.Cut(a.Addr, ":")
		want := attempt{Sender: a.Sender, RemoteHost: a.Host, RemoteIP: ip, Stage: string(a.Stage), ReplyCode: a.Code,
			EnhancedCode: a.Enhanced, ReplyText: strings.ReplaceAll(a.Text, "\n", " ")}
		switch a.Code / 100 {
		case 2:
			want.Outcome = "delivered"
		case 5:
			want.Outcome = "bounced"
		default:
			want.Outcome = "deferred"
		}
		switch {
		case a.Hang:
			want.EnhancedCode, want.ReplyText = "4.4.2", "timed out"
		case a.Code == 0:
			want.EnhancedCode, want.ReplyText = "4.4.2", "lost connection"
		case a.Enhanced == "": // Postfix's own word
			want.EnhancedCode = fmt.Sprintf("%d.0.0", a.Code/100)
		}
		wants[a.Recipient] = append(wants[a.Recipient], want)
	}
	for _, host := range hosts {
		recipient := "any@" + host.domain
		want := host.want
		want.Sender = senders[ids[recipient]]
		if host.domain != "closed.example" && host.domain != "faraway.example" {
			want.RemoteHost, want.RemoteIP = "mx."+host.domain, host.addr
		}
		n := len(regexp.MustCompile(`to=<`+regexp.QuoteMeta(recipient)+`>,`).FindAllString(log, -1))
		wants[recipient] = slices.Repeat([]attempt{want}, n)
	}
	for recipient, list := range wants {
		if last := list[len(list)-1]; last.Outcome == "deferred" {
			list = append(list, attempt{Sender: last.Sender, Outcome: "expired", ReplyText: "expired"})
		}
		for i := range list {
			list[i].Recipient, list[i].MessageID = recipient, messageIDs[ids[recipient]]
		}
		wants[recipient] = list
	}
	return wants
}

func compareAttempts(t *testing.T, h *house, wants map[string][]attempt) {
	t.Helper()
	got := map[string][]attempt{}
	rows := h.rows("SELECT recipient, sender, message_id, remote_host, remote_ip, stage, outcome, reply_code, enhanced_code, reply_text FROM events" +
		" WHERE source = 'postfix' AND direction = 'outbound' AND recipient NOT LIKE '%@example.com' ORDER BY time, offset, ordinal")
	for _, row := range rows {
		var a attempt
		if err := json.Unmarshal([]byte(row), &a); err != nil {
			t.Fatal(err)
		}
		got[a.Recipient] = append(got[a.Recipient], a)
	}
	for recipient := range got {
		if wants[recipient] == nil {
			t.Errorf("%s: %d attempts that nobody made", recipient, len(got[recipient]))
		}
	}
	for _, recipient := range sortedKeys(wants) {
		want := wants[recipient]
		if len(got[recipient]) != len(want) {
			t.Errorf("%s: %d attempts, want %d:\n%+v\n%+v", recipient, len(got[recipient]), len(want), got[recipient],
				want)
			continue
		}
		for i, g := range got[recipient] {
			w := want[i]
			if w.ReplyCode == 0 { // the words are Postfix's
				if strings.Contains(g.ReplyText, w.ReplyText) {
					g.ReplyText = w.ReplyText
				}
				if w.RemoteIP == "" { // where it tried to go, or nothing
					g.RemoteHost, g.RemoteIP = "", ""
				}
				if w.Outcome == "expired" {
					g.EnhancedCode, g.Stage = "", ""
				}
			}
			if g != w {
				t.Errorf("%s, attempt %d:\n got %+v\nwant %+v", recipient, i+1, g, w)
			}
		}
	}
}

func compareInbound(t *testing.T, h *house) {
	t.Helper()
	want := []string{}
	for _, recipient := range []string{"a@good.example", "b@good.example"} {
		want = append(want, `{"recipient":"`+recipient+
			`","sender":"spam@elsewhere.example","remote_ip":"198.51.100.9","stage":"rcpt",`+
			`"outcome":"rejected","reply_code":554,"enhanced_code":"5.7.1","class":"relay-denied","subject_ip":"198.51.100.9","rdns_status":"unknown"}`)
	}
	sameRows(t, h.rows("SELECT recipient, sender, remote_ip, stage, outcome, reply_code, enhanced_code, class, subject_ip, rdns_status"+
		" FROM events WHERE direction = 'inbound'"), want)
}

// compareBounces holds each bounce mail's word against the attempt that it tells of; it is no failure more.
func compareBounces(t *testing.T, h *house) {
	t.Helper()
	const failed = "SELECT DISTINCT recipient FROM events WHERE source = 'postfix' AND outcome IN ('bounced', 'expired') AND direction = 'outbound' ORDER BY recipient"
	sameRows(t, h.rows("SELECT DISTINCT recipient FROM events WHERE source = 'dsn' AND outcome IN ('bounced', 'expired') ORDER BY recipient"), h.rows(failed))
	sameRows(t, h.rows("SELECT DISTINCT dsn_origin, counted FROM events WHERE source = 'dsn'"),
		[]string{`{"dsn_origin":"local","counted":0}`})
	if n := h.number("SELECT count() FROM bounces WHERE attempt_id = ''"); n > 0 {
		t.Errorf("%d bounces without the attempt that they tell of", n)
	}
}

func compareDNS(t *testing.T, h *house) {
	t.Helper()
	sameRows(t, h.rows("SELECT recipient, cited_ip, subject_ip, rdns, rdns_status, dnsbl_listed, dnsbl FROM events WHERE source = 'postfix' AND recipient LIKE 'cite%'"), []string{
		`{"recipient":"citegood@good.example","cited_ip":"` + goodEgress + `","subject_ip":"` + goodEgress +
			`","rdns":"out.example.com","rdns_status":"ok","dnsbl_listed":[],"dnsbl":""}`,
		`{"recipient":"citelisted@good.example","cited_ip":"` + listedEgress + `","subject_ip":"` + listedEgress +
			`","rdns":"other.example.com","rdns_status":"mismatch","dnsbl_listed":["` + blocklist + `"],"dnsbl":"` +
			blocklist + `"}`,
		`{"recipient":"citebare@good.example","cited_ip":"` + bareEgress + `","subject_ip":"` + bareEgress +
			`","rdns":"","rdns_status":"none","dnsbl_listed":[],"dnsbl":""}`,
	})
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
