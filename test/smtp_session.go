package test

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"math/big"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bouncehouse/bouncehouse"
)

// session is one connection to a Host, by RFC 5321 or, after LHLO, RFC 2033.
type session struct {
	server *SMTPServer
	host   Host
	conn   net.Conn
	in     *bufio.Reader
	addr   string
	client string

	lmtp       bool
	prdr       bool // asked for with this message
	secure     bool
	sender     string
	recipients []string // those that were accepted
}

func newSession(s *SMTPServer, h Host, conn net.Conn) *session {
	return &session{server: s, host: h, conn: conn, in: bufio.NewReader(conn),
		addr: conn.LocalAddr().String(), client: conn.RemoteAddr().String()}
}

// serve plays the session to its end, which an error of any kind is.
func (c *session) serve() {
	if c.conn.SetDeadline(time.Now().Add(sessionLimit)) != nil {
		return
	}
	if c.say(bouncehouse.StageConnect, "", Answer{Code: 220, Text: c.host.Name + " ESMTP"}) != nil {
		return
	}
	for {
		line, err := c.in.ReadString('\n')
		if err != nil {
			return
		}
		if c.command(strings.TrimRight(line, "\r\n")) != nil {
			return
		}
	}
}

func (c *session) command(line string) error {
	verb, arg, _ := strings.Cut(line, " ")
	switch strings.ToUpper(verb) {
	case "EHLO", "LHLO":
		c.reset()
		c.lmtp = strings.EqualFold(verb, "LHLO")
		text := c.host.Name + "\nPIPELINING\nSIZE 10485760\n8BITMIME\nENHANCEDSTATUSCODES\nSMTPUTF8"
		if c.host.TLS && !c.secure {
			text += "\nSTARTTLS"
		}
		if c.host.PRDR {
			text += "\nPRDR"
		}
		if c.host.BDAT {
			text += "\nCHUNKING"
		}
		return c.say(bouncehouse.StageHELO, "", Answer{Code: 250, Text: text})
	case "HELO":
		c.reset()
		return c.say(bouncehouse.StageHELO, "", Answer{Code: 250, Text: c.host.Name})
	case "STARTTLS":
		return c.startTLS()
	case "MAIL":
		c.reset()
		c.sender = path(arg)
		c.prdr = c.host.PRDR && strings.Contains(arg, " PRDR")
		return c.say(bouncehouse.StageMAIL, "", Answer{Code: 250, Enhanced: "2.1.0", Text: "Ok"})
	case "RCPT":
		recipient := path(arg)
		answer := c.server.next(c.host, bouncehouse.StageRCPT, recipient,
			Answer{Code: 250, Enhanced: "2.1.5", Text: "Ok"})
		if answer.Code/100 == 2 {
			c.recipients = append(c.recipients, recipient)
		}
		return c.send(answer, bouncehouse.StageRCPT, recipient)
	case "DATA":
		return c.data()
	case "BDAT":
		return c.bdat(arg)
	case "RSET":
		c.reset()
		return c.send(Answer{Code: 250, Enhanced: "2.0.0", Text: "Ok"}, "")
	case "NOOP":
		return c.send(Answer{Code: 250, Enhanced: "2.0.0", Text: "Ok"}, "")
	case "QUIT":
		return c.send(Answer{Code: 221, Enhanced: "2.0.0", Text: "Bye", Drop: true}, "")
	default:
		return c.send(Answer{Code: 502, Enhanced: "5.5.2", Text: "Command not recognized"}, "")
	}
}

func (c *session) reset() { c.sender, c.recipients = "", nil }

func (c *session) data() error {
	if len(c.recipients) == 0 {
		return c.send(Answer{Code: 554, Enhanced: "5.5.1", Text: "No valid recipients"}, "")
	}
	answer := c.server.next(c.host, bouncehouse.StageDATA, c.scripted(bouncehouse.StageDATA),
		Answer{Code: 354, Text: "End data with <CR><LF>.<CR><LF>"})
	if err := c.send(answer, bouncehouse.StageDATA, c.recipients...); err != nil {
		return err
	}
	if answer.Code != 354 {
		return nil
	}
	for { // a line of one dot ends the data; what it says does not matter here
		line, err := c.in.ReadString('\n')
		if err != nil {
			return err
		}
		if line == ".\r\n" {
			break
		}
	}
	return c.done()
}

// bdat takes a chunk of the message (RFC 3030 section 2); refused recipients are told of with the first, as at DATA.
func (c *session) bdat(arg string) error {
	size, last, _ := strings.Cut(arg, " ")
	n, err := strconv.ParseInt(size, 10, 32)
	if err != nil {
		return c.send(Answer{Code: 501, Enhanced: "5.5.4", Text: "Bad size"}, "")
	}
	if _, err := io.CopyN(io.Discard, c.in, n); err != nil {
		return err
	}
	switch {
	case len(c.recipients) == 0:
		return c.send(Answer{Code: 554, Enhanced: "5.5.1", Text: "No valid recipients"}, "")
	case strings.EqualFold(last, "LAST"):
		return c.done()
	}
	return c.send(Answer{Code: 250, Enhanced: "2.0.0", Text: "Chunk taken"}, "")
}

// done answers to a message that is there: for all recipients at once, or for each.
func (c *session) done() error {
	defer c.reset()
	consent := Answer{Code: 250, Enhanced: "2.0.0", Text: "Ok: queued"}
	if !c.lmtp && !c.prdr {
		answer := c.server.next(c.host, bouncehouse.StageEOD, c.scripted(bouncehouse.StageEOD), consent)
		return c.send(answer, bouncehouse.StageEOD, c.recipients...)
	}
	if c.prdr {
		if err := c.send(Answer{Code: 353, Text: "Replies follow"}, ""); err != nil {
			return err
		}
	}
	for _, recipient := range c.recipients {
		if err := c.send(c.server.next(c.host, bouncehouse.StageEOD, recipient, consent), bouncehouse.StageEOD,
			recipient); err != nil {
			return err
		}
	}
	if c.prdr {
		return c.send(consent, "") // for the whole transaction
	}
	return nil
}

// scripted is the recipient whose script decides for the whole transaction: the first that has answers for the stage.
func (c *session) scripted(stage bouncehouse.Stage) string {
	c.server.mu.Lock()
	defer c.server.mu.Unlock()
	for _, recipient := range c.recipients {
		if len(c.server.recipients[strings.ToLower(recipient)][stage]) > 0 {
			return recipient
		}
	}
	return ""
}

func (c *session) startTLS() error {
	if !c.host.TLS || c.secure {
		return c.send(Answer{Code: 502, Enhanced: "5.5.1", Text: "STARTTLS not offered"}, "")
	}
	answer := c.server.next(c.host, bouncehouse.StageSTARTTLS, "",
		Answer{Code: 220, Enhanced: "2.0.0", Text: "Ready to start TLS"})
	if err := c.send(answer, bouncehouse.StageSTARTTLS, ""); err != nil || answer.Code != 220 {
		return err
	}
	secured := tls.Server(c.conn, c.server.config)
	if err := secured.Handshake(); err != nil {
		return err
	}
	c.conn, c.in, c.secure = secured, bufio.NewReader(secured), true
	c.reset()
	return nil
}

// say answers at a stage where no recipient is known.
func (c *session) say(stage bouncehouse.Stage, recipient string, consent Answer) error {
	return c.send(c.server.next(c.host, stage, recipient, consent), stage, recipient)
}

// send writes an answer. It is recorded first, so that whoever sees its effect finds the record; without recipients
// it is none of the test's business and not recorded.
func (c *session) send(a Answer, stage bouncehouse.Stage, recipients ...string) error {
	for _, recipient := range recipients {
		c.server.record(Answered{Host: c.host.Name, Addr: c.addr, Client: c.client, Stage: stage,
			Sender: c.sender, Recipient: recipient, Answer: a})
	}
	if a.Hang {
		_, err := io.Copy(io.Discard, c.in) // until the client leaves or the test ends
		if err != nil {
			return err
		}
		return errDropped
	}
	if a.Code != 0 {
		if _, err := io.WriteString(c.conn, strings.Join(a.lines(), "\r\n")+"\r\n"); err != nil {
			return err
		}
	}
	if a.Drop {
		return errDropped
	}
	return nil
}

// path is the address of "FROM:<a@b> SIZE=1" or "TO:<a@b>".
func path(arg string) string {
	_, rest, _ := strings.Cut(arg, "<")
	address, _, _ := strings.Cut(rest, ">")
	return address
}

// selfSigned is a server's TLS with a certificate of its own making.
func selfSigned(t testing.TB) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "mx.example.net"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
}
