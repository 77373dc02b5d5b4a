package test_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/smtp"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bouncehouse/bouncehouse"
	"github.com/bouncehouse/bouncehouse/test"
)

// TestReplies has a real Postfix, Exim, OpenSMTPD and Sendmail refused with what receiving systems really say
// (enrich/testdata/replies.jsonl) and with replies made to confuse, at every step of a session, and holds what
// `bouncehouse parse` reads in their logs against what the servers said. BOUNCEHOUSE_REPLIES=1 (make replies) says all
// of them at all steps in all variants of configuration; else it is a sample, by BOUNCEHOUSE_SEED or a printed seed.
// The logs stay in the directory BOUNCEHOUSE_KEEP, if given.
func TestReplies(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv("BOUNCEHOUSE_SEED"); s != "" {
		n, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		seed = n
	}
	t.Logf("BOUNCEHOUSE_SEED=%d", seed)
	for _, c := range replyServers {
		t.Run(c.name, func(t *testing.T) {
			if c.full && !allReplies() {
				t.Skip("only by make replies")
			}
			testReplies(t, c, seed)
		})
	}
}

func allReplies() bool { return os.Getenv("BOUNCEHOUSE_REPLIES") != "" }

// replyServer is a mail server with a configuration.
type replyServer struct {
	name   string
	format string
	full   bool              // for the full run
	edits  []string          // of StartMTA
	main   map[string]string // of Postfix
	host   test.Host         // what the servers offer
}

var replyServers = []replyServer{
	{name: "postfix", format: "postfix"},
	{name: "postfix-tls-long-ids", format: "postfix", full: true, host: test.Host{TLS: true, BDAT: true},
		main: map[string]string{"enable_long_queue_ids": "yes", "smtp_tls_loglevel": "1", "smtputf8_enable": "no"}},
	{name: "exim", format: "exim", edits: []string{"smtp_accept_max = 0", eximMany, "interface = 192.0.2.1", eximSix}},
	{name: "exim-all", format: "exim", full: true, host: test.Host{TLS: true, PRDR: true, BDAT: true},
		edits: []string{"smtp_accept_max = 0", eximMany, "interface = 192.0.2.1", eximSix, "acl_smtp_rcpt = rcpt",
			"acl_smtp_rcpt = rcpt\nlog_selector = +all", "hosts_avoid_tls = *", "hosts_try_prdr = *"}},
	{name: "opensmtpd", format: "opensmtpd", edits: []string{"queue ttl 8s", opensmtpdMany, " src 192.0.2.1\nmatch",
		"\nmatch"}},
	{name: "opensmtpd-tls", format: "opensmtpd", full: true, host: test.Host{TLS: true},
		edits: []string{"queue ttl 8s", opensmtpdMany, " src 192.0.2.1\nmatch", "\nmatch"}},
	{name: "sendmail", format: "sendmail"},
	{name: "sendmail-14", format: "sendmail", full: true, host: test.Host{TLS: true},
		edits: []string{"`confLOG_LEVEL', `9'", "`confLOG_LEVEL', `14'"}},
}

const (
	eximSix       = "interface = <; 192.0.2.1 ; 2001:db8::1"
	eximMany      = "smtp_accept_max = 0\nsmtp_accept_queue_per_connection = 0"
	opensmtpdMany = "queue ttl 1h\nmta limit max-conn-per-source 10000\nmta limit session-keepalive 1"
)

// replyEvent is what is compared of an event.
type replyEvent struct {
	Sender       string `json:"sender"`
	Recipient    string `json:"recipient"`
	RemoteHost   string `json:"remote_host"`
	RemoteIP     string `json:"remote_ip"`
	Stage        string `json:"stage"`
	Outcome      string `json:"outcome"`
	ReplyCode    int    `json:"reply_code"`
	EnhancedCode string `json:"enhanced_code"`
	ReplyText    string `json:"reply_text"`
	Counted      bool   `json:"counted"`
}

// testReplies sends a message for each case and compares.
func testReplies(t *testing.T, server replyServer, seed uint64) {
	cases := replyCases(t, seed)
	servers := test.SMTP(t)
	zone := test.Zone{A: map[string][]string{"mx.example.com": {"198.51.100.200"}, "mail.example.com": {"192.0.2.1"}},
		AAAA: map[string][]string{}, MX: map[string][]string{"example.com": {"10 mx.example.com"}},
		PTR: map[string][]string{"192.0.2.1": {"mail.example.com"}}}
	for _, c := range cases {
		_, domain, _ := strings.Cut(c.recipient, "@")
		zone.MX[domain] = []string{"10 " + c.host}
		zone.A[c.host], zone.PTR[c.ip] = []string{c.ip}, []string{c.host}
		host := server.host
		code, _ := strconv.Atoi(c.lines[0][:3])
		host.Name, host.Addr = c.host, c.ip
		host.Script = at(c.stage, test.Answer{Code: code, Raw: strings.Join(c.lines, "\r\n"), Drop: code == 421})
		servers.Listen(host)
	}
	servers.Listen(test.Host{Name: "mx.example.com", Addr: "198.51.100.200"}) // takes the bounces
	mixedWorld(t, servers, &zone, server.host)
	test.DNS(t, "127.0.0.1:53", zone)
	test.AddIPv6(t, "2001:db8::1")

	addr, log, stop := startReplyServer(t, server)
	begun := time.Now()
	for rest := cases; len(rest) > 0; {
		n := min(len(rest), 50)
		handIn(t, addr, rest[:n])
		rest = rest[n:]
	}
	refusal := sendMixed(t, server, addr)
	t.Logf("%d messages handed in within %v", len(cases), time.Since(begun).Round(time.Millisecond))
	got := map[string][]replyEvent{}
	quiet, size := time.Now(), int64(0)
	test.Await(t, 5*time.Minute, "a result of each message", func() bool {
		if st, err := os.Stat(log); err == nil && st.Size() != size {
			quiet, size = time.Now(), st.Size()
		}
		if time.Since(quiet) < 500*time.Millisecond {
			return false
		}
		got = parseReplies(t, server.format, log)
		// a busy machine takes its time
		return all(got, cases) && allMixed(server, got) || time.Since(quiet) > 30*time.Second
	})
	t.Logf("all there after %v", time.Since(begun).Round(time.Millisecond))
	stop()
	if dir := os.Getenv("BOUNCEHOUSE_KEEP"); dir != "" {
		write(t, filepath.Join(dir, server.name+".log"), read(t, log))
	}
	compareReplies(t, server, cases, servers.Answers(), got)
	compareMixed(t, server, refusal, got)
}

// handIn sends messages over one connection.
func handIn(t *testing.T, addr string, cases []replyCase) {
	t.Helper()
	conn, err := (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP("192.0.2.1")}}).Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	client, err := smtp.NewClient(conn, "app.example.com")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		if err := handInOne(client, c); err != nil {
			t.Fatalf("hand in the message for %s: %v", c.recipient, err)
		}
	}
	if err := client.Quit(); err != nil {
		t.Fatal(err)
	}
}

func handInOne(client *smtp.Client, c replyCase) error {
	if err := client.Mail(c.sender); err != nil {
		return err
	}
	if err := client.Rcpt(c.recipient); err != nil {
		return err
	}
	w, err := client.Data()
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(w, "From: <%s>\nSubject: test\n\ntest\n", c.sender); err != nil {
		return err
	}
	return w.Close()
}

func all(got map[string][]replyEvent, cases []replyCase) bool {
	for _, c := range cases {
		if len(got[c.recipient]) == 0 && len(got[c.ip]) == 0 {
			return false
		}
	}
	return true
}

func startReplyServer(t *testing.T, server replyServer) (addr, log string, stop func()) {
	t.Helper()
	if server.format == "postfix" {
		main := map[string]string{"minimal_backoff_time": "1h", "maximal_backoff_time": "1h", "queue_run_delay": "1h",
			"in_flow_delay":  "0",
			"inet_protocols": "all"}
		for k, v := range server.main {
			main[k] = v
		}
		p := test.Postfix(t, test.PostfixConfig{Main: main})
		return p.Addr(), p.LogPath(), p.Stop
	}
	m := test.StartMTA(t, server.format, server.edits...)
	return m.Addr(), m.LogPath(), m.Stop
}

// parseReplies is what `bouncehouse parse` reads, by recipient, else by the server's address; bounces to ourselves are
// left out.
func parseReplies(t *testing.T, format, log string) map[string][]replyEvent {
	t.Helper()
	cmd := exec.Command(binary(t), "parse", "--format", format, "--host", "mail.example.com", log)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("parse: %v\n%s", err, stderr.String())
	}
	got := map[string][]replyEvent{}
	for line := range strings.Lines(string(out)) {
		var e replyEvent
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		about := e.Recipient
		if about == "" {
			about = e.RemoteIP // a connection that took no message
		} else if !e.Counted {
			continue // a reply said again
		}
		if !strings.HasSuffix(about, "@example.com") {
			got[about] = append(got[about], e)
		}
	}
	return got
}

// fieldCount is how often a field agreed, was lost to the mail server's way of logging, and was compared.
type fieldCount struct{ agree, lost, of int }

// compareReplies holds each event against what the server said at its step, and counts the fields that agree.
func compareReplies(t *testing.T, server replyServer, cases []replyCase, answers []test.Answered,
	got map[string][]replyEvent) {
	t.Helper()
	answered := map[string]bool{}
	for _, a := range answers {
		answered[a.Host+" "+string(a.Stage)] = true
	}
	fields := map[string]*fieldCount{}
	shown := 0
	events := 0
	for _, c := range cases {
		if c.stage == bouncehouse.StageDATA && server.host.BDAT && server.format == "exim" {
			continue // there is no such step
		}
		if server.format == "sendmail" && strings.HasPrefix(c.lines[0], "403") {
			continue // in the corpus they are Sendmail's own words
		}
		if !answered[c.host+" "+string(c.stage)] {
			t.Errorf("%s never came to %s of %s", server.name, c.stage, c.host)
			continue
		}
		about := c.recipient
		if server.format == "opensmtpd" && c.beforeMail() {
			// It keeps the message for minutes; the line of the connection names no message.
			about = c.ip
			for _, e := range got[c.recipient] {
				if e.ReplyCode != 0 || e.Outcome != "deferred" || e.ReplyText != "Network error on destination MXs" {
					t.Errorf("%s: a connection that took no message gave %+v", c.host, e)
				}
			}
		}
		n := len(got[about])
		if n == 0 && about == c.ip && (c.stage == bouncehouse.StageHELO && c.lines[0][:3] == "421" ||
			len(c.lines[0]) > opensmtpdLine) {
			continue // it tries HELO and says "Connection closed unexpectedly", or "Bad response: line too long"
		}
		if n != 1 {
			t.Errorf("%s at %s, %.300q: %d events: %+v", c.host, c.stage, c.lines, n, got[about])
			continue
		}
		events++
		for _, diff := range compareReply(server.format, got[about][0], wantReply(server, c), fields) {
			if shown++; shown <= 40 {
				t.Errorf("%s at %s, of %.300q: %s", c.host, c.stage, c.lines, diff)
			}
		}
	}
	if shown > 40 {
		t.Errorf("... and %d more", shown-40)
	}
	var figures strings.Builder
	for _, field := range sortedKeys(fields) {
		f := fields[field]
		fmt.Fprintf(&figures, "\n%-14s %5d of %5d agree, %d lost in logging", field, f.agree, f.of, f.lost)
	}
	t.Logf("%d replies, %d events%s", len(cases), events, figures.String())
}

// compareReply counts the fields and returns what differs without a reason.
func compareReply(format string, g, w replyEvent, fields map[string]*fieldCount) (diffs []string) {
	textAgrees, textLost := sameText(format, g, w)
	if format == "postfix" && textLost && g.Stage == "" { // " (in reply to ...)" was cut off with the text
		w.Stage = ""
	}
	for _, f := range []struct{ name, got, want string }{
		{"sender", g.Sender, w.Sender}, {"remote_ip", g.RemoteIP, w.RemoteIP},
		{"remote_host", g.RemoteHost, w.RemoteHost},
		{"stage", g.Stage, w.Stage}, {"outcome", g.Outcome, w.Outcome},
		{"reply_code", strconv.Itoa(g.ReplyCode), strconv.Itoa(w.ReplyCode)},
		{"enhanced_code", g.EnhancedCode, w.EnhancedCode}, {"reply_text", g.ReplyText, w.ReplyText},
	} {
		if f.name == "enhanced_code" && f.want == "" || f.name == "stage" && f.got == "" &&
			(format == "sendmail" || f.want == "") {
			continue // the mail server's own; seldom told
		}
		count := fields[f.name]
		if count == nil {
			count = &fieldCount{}
			fields[f.name] = count
		}
		count.of++
		switch {
		case f.got == f.want || f.name == "reply_text" && textAgrees:
			count.agree++
		case f.name == "reply_text" && textLost:
			count.lost++
		default:
			diffs = append(diffs, fmt.Sprintf("%s\n got %.1200q\nwant %.1200q", f.name, f.got, f.want))
		}
	}
	return diffs
}
