package test_test

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/smtp"
	"net/textproto"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/bouncehouse/bouncehouse"
	"github.com/bouncehouse/bouncehouse/test"
)

func TestSMTPAnswersByScript(t *testing.T) {
	servers := test.SMTP(t)
	addr := servers.Listen(test.Host{Name: "mx.example.net", Addr: "127.0.0.1:0", TLS: true})
	servers.Script("grey@example.net",
		test.Script{bouncehouse.StageRCPT: {{Code: 451, Enhanced: "4.7.1", Text: "Later"}, {}}})
	servers.Script("gone@example.net",
		test.Script{bouncehouse.StageRCPT: {{Code: 550, Enhanced: "5.1.1", Text: "Gone\nfor good"}}})
	servers.Script("large@example.net", test.Script{bouncehouse.StageEOD: {{Code: 552, Text: "Too much"}}})

	refused := func(err error, code int, text string) {
		t.Helper()
		var reply *textproto.Error
		if !errors.As(err, &reply) || reply.Code != code || reply.Msg != text {
			t.Errorf("got %v, want %d %q", err, code, text)
		}
	}
	c := dialSMTP(t, addr)
	if err := c.StartTLS(&tls.Config{InsecureSkipVerify: true}); err != nil {
		t.Fatal(err)
	}
	if err := c.Mail("from@example.com"); err != nil {
		t.Fatal(err)
	}
	refused(c.Rcpt("grey@example.net"), 451, "4.7.1 Later")
	refused(c.Rcpt("gone@example.net"), 550, "5.1.1 Gone\n5.1.1 for good")
	for _, recipient := range []string{"grey@example.net", "large@example.net"} {
		if err := c.Rcpt(recipient); err != nil {
			t.Fatal(err)
		}
	}
	w, err := c.Data()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, "Subject: x\n\n.\nx\n"); err != nil {
		t.Fatal(err)
	}
	refused(w.Close(), 552, "Too much")
	if err := c.Quit(); err != nil {
		t.Fatal(err)
	}

	var got []test.Answered
	for _, a := range servers.Answers() {
		if a.Recipient != "" {
			got = append(got, a)
		}
	}
	at := func(recipient string, stage bouncehouse.Stage, a test.Answer) test.Answered {
		return test.Answered{Host: "mx.example.net", Addr: addr, Stage: stage, Sender: "from@example.com",
			Recipient: recipient, Answer: a}
	}
	goOn := test.Answer{Code: 354, Text: "End data with <CR><LF>.<CR><LF>"}
	ok := test.Answer{Code: 250, Enhanced: "2.1.5", Text: "Ok"}
	want := []test.Answered{
		at("grey@example.net", bouncehouse.StageRCPT, test.Answer{Code: 451, Enhanced: "4.7.1", Text: "Later"}),
		at("gone@example.net", bouncehouse.StageRCPT, test.Answer{Code: 550, Enhanced: "5.1.1",
			Text: "Gone\nfor good"}),
		at("grey@example.net", bouncehouse.StageRCPT, ok),
		at("large@example.net", bouncehouse.StageRCPT, ok),
		at("grey@example.net", bouncehouse.StageDATA, goOn),
		at("large@example.net", bouncehouse.StageDATA, goOn),
		at("grey@example.net", bouncehouse.StageEOD, test.Answer{Code: 552, Text: "Too much"}),
		at("large@example.net", bouncehouse.StageEOD, test.Answer{Code: 552, Text: "Too much"}),
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(test.Answered{}, "Time", "Client")); diff != "" {
		t.Errorf("recorded (-want +got):\n%s", diff)
	}
}

func TestSMTPHostScript(t *testing.T) {
	servers := test.SMTP(t)
	refuses := servers.Listen(test.Host{Name: "a", Addr: "127.0.0.1:0", Script: test.Script{
		bouncehouse.StageConnect: {{Code: 554, Text: "No", Drop: true}, {Drop: true}, {}}}})
	conn := func() *textproto.Conn {
		t.Helper()
		c, err := textproto.Dial("tcp", refuses)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		return c
	}
	if line, err := conn().ReadLine(); line != "554 No" {
		t.Errorf("first greeting %q, %v", line, err)
	}
	if line, err := conn().ReadLine(); err == nil {
		t.Errorf("second greeting %q, want a closed connection", line)
	}
	if line, err := conn().ReadLine(); line != "220 a ESMTP" {
		t.Errorf("third greeting %q, %v", line, err)
	}

	mute := servers.Listen(test.Host{Name: "b", Addr: "127.0.0.1:0",
		Script: test.Script{bouncehouse.StageConnect: {{Hang: true}}}})
	c, err := net.Dial("tcp", mute)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.SetReadDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	if n, err := c.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Errorf("a mute server sent %d bytes, %v", n, err)
	}
}

// TestLMTP holds for one reply a recipient after the data (RFC 2033 section 4.2).
func TestLMTP(t *testing.T) {
	servers := test.SMTP(t)
	addr := servers.Listen(test.Host{Name: "store", Addr: "127.0.0.1:0"})
	servers.Script("full@example.net",
		test.Script{bouncehouse.StageEOD: {{Code: 452, Enhanced: "4.2.2", Text: "Full"}}})
	c, err := textproto.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, step := range []struct {
		say  string
		code int
	}{
		{"", 220}, {"LHLO x", 250}, {"MAIL FROM:<a@example.com>", 250}, {"RCPT TO:<fine@example.net>", 250},
		{"RCPT TO:<full@example.net>", 250}, {"DATA", 354}, {"Subject: x\r\n\r\nx\r\n.", 250}, {"", 452}, {"QUIT", 221},
	} {
		if step.say != "" {
			if err := c.PrintfLine("%s", step.say); err != nil {
				t.Fatal(err)
			}
		}
		if _, text, err := c.ReadResponse(step.code); err != nil {
			t.Fatalf("after %q: %v %q", step.say, err, text)
		}
	}
}

// TestChunksAndPRDR holds for a message in chunks (RFC 3030), one reply a recipient and one for all, and for a reply
// that goes out as it was given.
func TestChunksAndPRDR(t *testing.T) {
	servers := test.SMTP(t)
	addr := servers.Listen(test.Host{Name: "mx", Addr: "127.0.0.1:0", PRDR: true, BDAT: true})
	servers.Script("spam@example.net",
		test.Script{bouncehouse.StageEOD: {{Code: 550, Raw: "550-5.7.1 Spam\r\n550 http://example.net/"}}})
	c, err := textproto.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, step := range []struct {
		say  string
		code int
		text string
	}{
		{"", 220, "mx ESMTP"},
		{"EHLO x\r\n", 250, "mx\nPIPELINING\nSIZE 10485760\n8BITMIME\nENHANCEDSTATUSCODES\nSMTPUTF8\nPRDR\nCHUNKING"},
		{"MAIL FROM:<a@example.com> PRDR\r\n", 250, "2.1.0 Ok"}, {"RCPT TO:<fine@example.net>\r\n", 250, "2.1.5 Ok"},
		{"RCPT TO:<spam@example.net>\r\n", 250, "2.1.5 Ok"},
		{"BDAT 4\r\nab\r\n", 250, "2.0.0 Chunk taken"}, {"BDAT 1 LAST\r\nc", 353, "Replies follow"},
		{"", 250, "2.0.0 Ok: queued"}, {"", 550, "5.7.1 Spam\nhttp://example.net/"}, {"", 250, "2.0.0 Ok: queued"},
	} {
		if _, err := c.W.WriteString(step.say); err != nil {
			t.Fatal(err)
		}
		if err := c.W.Flush(); err != nil {
			t.Fatal(err)
		}
		code, text, err := c.ReadResponse(0)
		if err != nil || code != step.code || text != step.text {
			t.Fatalf("after %q: %d %q, %v; want %d %q", step.say, code, text, err, step.code, step.text)
		}
	}
}

func dialSMTP(t *testing.T, addr string) *smtp.Client {
	t.Helper()
	c, err := smtp.Dial(addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.Hello("client.example.com"); err != nil {
		t.Fatal(err)
	}
	return c
}
