package test_test

import (
	"bufio"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/bouncehouse/bouncehouse"
	"github.com/bouncehouse/bouncehouse/test"
)

// TestPostfix proves the environment by itself: what the scripted servers answer stands in the log of a real Postfix,
// recipient by recipient.
func TestPostfix(t *testing.T) {
	servers := test.SMTP(t)
	zone := test.Zone{
		A: map[string][]string{
			"mx.good.example":    {"198.51.100.1"},
			"mx.refuse.example":  {"198.51.100.2"},
			"mx.drop.example":    {"198.51.100.3"},
			"mx.tls.example":     {"198.51.100.4"},
			"mx.mute.example":    {"198.51.100.5"},
			"mx.closed.example":  {"198.51.100.6"},
			"mx.full.example":    {"198.51.100.7"},
			"mx.faraway.example": {"203.0.113.1"},
		},
		MX:  map[string][]string{"null.example": {"0 ."}},
		PTR: map[string][]string{"192.0.2.1": {"mail.example.com"}},
	}
	for name := range zone.A {
		zone.MX[strings.TrimPrefix(name, "mx.")] = []string{"10 " + name}
	}
	names := test.DNS(t, "127.0.0.1:53", zone)
	names.Fault("servfail.example", test.Fault{Rcode: 2})

	servers.Listen(test.Host{Name: "mx.good.example", Addr: "198.51.100.1"})
	servers.Listen(test.Host{Name: "mx.refuse.example", Addr: "198.51.100.2", Script: test.Script{
		bouncehouse.StageConnect: {{Code: 554, Enhanced: "5.7.1", Text: "Your address is blocked", Drop: true}}}})
	servers.Listen(test.Host{Name: "mx.drop.example", Addr: "198.51.100.3", Script: test.Script{
		bouncehouse.StageDATA: {{Drop: true}}}})
	servers.Listen(test.Host{Name: "mx.tls.example", Addr: "198.51.100.4", TLS: true})
	servers.Listen(test.Host{Name: "mx.mute.example", Addr: "198.51.100.5", Script: test.Script{
		bouncehouse.StageConnect: {{Hang: true}}}})
	test.FullQueue(t, "198.51.100.7")

	servers.Script("unknown@good.example", test.Script{bouncehouse.StageRCPT: {
		{Code: 550, Enhanced: "5.1.1", Text: "The email account does not exist.\nPlease check the address"}}})
	servers.Script("grey@good.example", test.Script{bouncehouse.StageRCPT: {
		{Code: 451, Enhanced: "4.7.1", Text: "Greylisted, try again"}, {}}})
	servers.Script("large@good.example", test.Script{bouncehouse.StageEOD: {
		{Code: 552, Enhanced: "5.3.4", Text: "Message too big"}}})
	servers.Script("plain@good.example", test.Script{bouncehouse.StageRCPT: {
		{Code: 550, Text: "No such person"}}})

	began := time.Now()
	postfix := test.Postfix(t, test.PostfixConfig{})
	t.Logf("Postfix greeted after %v", time.Since(began).Round(time.Millisecond))
	// What stands after "to=<...>" in the line that tells the last of it.
	wants := map[string]string{
		"fine@good.example":    `relay=mx\.good\.example\[198\.51\.100\.1\]:25, .*dsn=2\.0\.0, status=sent \(250 2\.0\.0 Ok: queued\)`,
		"unknown@good.example": `dsn=5\.1\.1, status=bounced \(host mx\.good\.example\[198\.51\.100\.1\] said: 550-5\.1\.1 The email account does not exist\. 550 5\.1\.1 Please check the address \(in reply to RCPT TO command\)\)`,
		"plain@good.example":   `dsn=5\.0\.0, status=bounced \(host .* said: 550 No such person \(in reply to RCPT TO command\)\)`,
		"grey@good.example":    `dsn=2\.0\.0, status=sent \(`,
		"large@good.example":   `dsn=5\.3\.4, status=bounced \(host .* said: 552 5\.3\.4 Message too big \(in reply to end of DATA command\)\)`,
		"any@tls.example":      `status=sent \(`,
		"any@refuse.example":   `dsn=4\.7\.1, status=deferred \(host .* refused to talk to me: 554 5\.7\.1 Your address is blocked\)`,
		"any@drop.example":     `dsn=4\.4\.2, status=deferred \(lost connection with mx\.drop\.example\[198\.51\.100\.3\] while sending DATA command\)`,
		"any@mute.example":     `status=deferred \(conversation with .* timed out while receiving the initial server greeting\)`,
		"any@closed.example":   `status=deferred \(connect to .*: Connection refused\)`,
		"any@full.example":     `status=deferred \(connect to .*: Connection timed out\)`,
		"any@faraway.example":  `status=deferred \(connect to .*: Network is unreachable\)`,
		"any@nowhere.example":  `dsn=5\.4\.4, status=bounced \(Host or domain name not found`,
		"any@null.example":     `dsn=5\.1\.0, status=bounced \(Domain null\.example does not accept mail \(nullMX\)\)`,
		"any@servfail.example": `dsn=4\.4\.3, status=deferred \(Host or domain name not found\. Name service error`,
	}
	for recipient := range wants {
		if id := postfix.Send("news@example.com", recipient); id == "" {
			t.Errorf("no queue id for %s", recipient)
		}
	}
	for recipient, want := range wants {
		shape := regexp.MustCompile(`to=<` + regexp.QuoteMeta(recipient) + `>, .*` + want)
		test.Await(t, 30*time.Second, "a line like "+shape.String(), func() bool {
			return len(linesLike(t, postfix.LogPath(), shape)) > 0
		})
	}
	deferral := regexp.MustCompile(`to=<grey@good\.example>, .* status=deferred \(host .* said: 451 4\.7\.1 Greylisted, try again \(in reply to RCPT TO command\)\)`)
	if len(linesLike(t, postfix.LogPath(), deferral)) != 1 {
		t.Error("the log does not hold the one deferral by greylisting")
	}

	about := servers.AnswersTo("grey@good.example")
	var codes []int
	for _, a := range about {
		codes = append(codes, a.Code)
	}
	if len(codes) != 4 || codes[0] != 451 || codes[1] != 250 || codes[2] != 354 || codes[3] != 250 {
		t.Errorf("the server recorded %v for the greylisted recipient, want 451 250 354 250", codes)
	}
	if got := about[0]; !strings.HasPrefix(got.Client, "192.0.2.1:") || got.Sender != "news@example.com" ||
		got.Host != "mx.good.example" {
		t.Errorf("the server recorded client %s, sender %s, host %s", got.Client, got.Sender, got.Host)
	}
}

// TestPostfixKeeps holds for the rest of the environment: the log's rotation, a stop and a start with mail in the
// queue, expiry, the bounce in the Maildir, and the refusal of a client from outside.
func TestPostfixKeeps(t *testing.T) {
	servers := test.SMTP(t)
	test.DNS(t, "127.0.0.1:53", test.Zone{
		A:  map[string][]string{"mx.later.example": {"198.51.100.1"}},
		MX: map[string][]string{"later.example": {"10 mx.later.example"}},
	})
	servers.Listen(test.Host{Name: "mx.later.example", Addr: "198.51.100.1"})
	servers.Script("twice@later.example",
		test.Script{bouncehouse.StageRCPT: {{Code: 450, Enhanced: "4.2.1", Text: "Not now"}, {}}})
	servers.Script("never@later.example",
		test.Script{bouncehouse.StageRCPT: {{Code: 450, Enhanced: "4.2.2", Text: "Mailbox full"}}})
	postfix := test.Postfix(t, test.PostfixConfig{Main: map[string]string{
		"maximal_queue_lifetime": "3s", "minimal_backoff_time": "1h", "maximal_backoff_time": "1h"}})

	id := postfix.Send("news@example.com", "twice@later.example")
	postfix.AwaitLog(20*time.Second, id, "to=<twice@later.example>", "status=deferred")
	postfix.Rotate()
	postfix.Stop()
	postfix.Start()
	postfix.Flush()
	postfix.AwaitLog(20*time.Second, id, "to=<twice@later.example>", "status=sent")

	id = postfix.Send("news@example.com", "never@later.example")
	postfix.AwaitLog(20*time.Second, id, "to=<never@later.example>", "status=deferred")
	test.Await(t, 30*time.Second, "the message to expire", func() bool {
		postfix.Flush()
		return len(linesLike(t, postfix.LogPath(), regexp.MustCompile(id+
			`: from=<news@example\.com>, status=expired, returned to sender`))) > 0
	})
	test.Await(t, 30*time.Second, "a bounce in the Maildir", func() bool {
		mails, err := os.ReadDir(postfix.Maildir() + "/new")
		return err == nil && len(mails) == 1
	})
	postfix.AwaitEmpty(20 * time.Second)

	if err := test.SendFrom("198.51.100.9", postfix.Addr(), "spam@elsewhere.example", "any@later.example"); err == nil {
		t.Error("a client from outside may relay")
	}
	postfix.AwaitLog(20*time.Second,
		"NOQUEUE: reject: RCPT from unknown[198.51.100.9]: 554 5.7.1 <any@later.example>: Relay access denied")
	if _, err := os.Stat(postfix.LogPath() + ".1"); err != nil {
		t.Error(err)
	}
}

func linesLike(t *testing.T, path string, shape *regexp.Regexp) []string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var found []string
	in := bufio.NewScanner(f)
	for in.Scan() {
		if shape.MatchString(in.Text()) {
			found = append(found, in.Text())
		}
	}
	if err := in.Err(); err != nil {
		t.Fatal(err)
	}
	return found
}
