package test

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bouncehouse/bouncehouse"
)

// Answer is what an SMTP server says at one point of a session. The zero value is the usual consent.
type Answer struct {
	Code     int
	Enhanced string // "5.1.1"; empty for none
	Text     string // lines parted by "\n" make a multi-line reply
	Raw      string // goes out as it is, and a line end, in place of the three above; Code is still what it means
	Drop     bool   // close the connection: after the reply, or without one where Code is 0
	Hang     bool   // say nothing until the client leaves
}

// Script holds the answers of each stage in turn: the first for the first time that the stage is reached, and so on;
// the last one is for all further times. A stage without answers consents.
type Script map[bouncehouse.Stage][]Answer

// Host is a mail server at an address of its own.
type Host struct {
	Name   string // in its greeting
	Addr   string // IP address, or address:port where it is not port 25
	Script Script // for what comes before a recipient, and for recipients without a script
	TLS    bool   // offers STARTTLS, with a certificate that nobody signed
	PRDR   bool   // offers PRDR: a reply for each recipient after the data, then one for all
	BDAT   bool   // offers CHUNKING (RFC 3030)
}

// Answered is one answer as it went out. At rcpt, data and eod there is one for each recipient that it decided on;
// before that the recipient is not known yet and empty.
type Answered struct {
	Time      time.Time
	Host      string // Host.Name
	Addr      string // address and port that the client had connected to
	Client    string // the client's address and port
	Stage     bouncehouse.Stage
	Sender    string
	Recipient string
	Answer
}

// SMTPServer plays any number of mail servers of the outside world.
type SMTPServer struct {
	t       testing.TB
	config  *tls.Config
	running sync.WaitGroup

	mu         sync.Mutex
	recipients map[string]Script
	used       map[use]int
	answered   []Answered
	conns      map[net.Conn]bool
	closed     bool
}

// use counts how often a script's stage was reached.
type use struct {
	owner string // recipient, or "host " and its name
	stage bouncehouse.Stage
}

// sessionLimit ends a session of a client that says nothing.
const sessionLimit = 5 * time.Minute

// SMTP returns a server without hosts.
func SMTP(t testing.TB) *SMTPServer {
	t.Helper()
	s := &SMTPServer{t: t, config: selfSigned(t), recipients: map[string]Script{}, used: map[use]int{},
		conns: map[net.Conn]bool{}}
	t.Cleanup(func() {
		s.mu.Lock()
		s.closed = true
		for c := range s.conns {
			c.Close()
		}
		s.mu.Unlock()
		s.running.Wait()
	})
	return s
}

// Listen brings up a host and returns its address and port.
func (s *SMTPServer) Listen(h Host) string {
	s.t.Helper()
	addr := h.Addr
	if _, _, err := net.SplitHostPort(addr); err != nil {
		needIsolation(s.t)
		addr = net.JoinHostPort(addr, "25")
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		s.t.Fatalf("start the mail server %s: %v", h.Name, err)
	}
	s.t.Cleanup(func() { l.Close() })
	s.running.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return // closed by the test's end
			}
			if s.keep(conn) {
				s.running.Go(func() {
					defer s.forget(conn)
					newSession(s, h, conn).serve()
				})
			}
		}
	})
	return l.Addr().String()
}

// Script sets the answers about one recipient, at rcpt, data and eod, at whichever host it is tried. Set again, it
// starts from its first answers.
func (s *SMTPServer) Script(recipient string, script Script) {
	s.mu.Lock()
	defer s.mu.Unlock()
	recipient = strings.ToLower(recipient)
	s.recipients[recipient] = script
	for _, stage := range bouncehouse.Stages() {
		delete(s.used, use{recipient, stage})
	}
}

// Answers is all that was answered so far, in order.
func (s *SMTPServer) Answers() []Answered {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Answered(nil), s.answered...)
}

// AnswersTo is what was answered about one recipient, in order.
func (s *SMTPServer) AnswersTo(recipient string) []Answered {
	var about []Answered
	for _, a := range s.Answers() {
		if strings.EqualFold(a.Recipient, recipient) {
			about = append(about, a)
		}
	}
	return about
}

func (s *SMTPServer) keep(conn net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		conn.Close()
		return false
	}
	s.conns[conn] = true
	return true
}

func (s *SMTPServer) forget(conn net.Conn) {
	conn.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, conn)
}

// next is the answer of a stage: by the recipient's script, else by the host's, else consent.
func (s *SMTPServer) next(h Host, stage bouncehouse.Stage, recipient string, consent Answer) Answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	owner, answers := "host "+h.Name, h.Script[stage]
	if script, ok := s.recipients[strings.ToLower(recipient)]; ok && recipient != "" {
		owner, answers = strings.ToLower(recipient), script[stage]
	}
	if len(answers) == 0 {
		return consent
	}
	key := use{owner, stage}
	i := min(s.used[key], len(answers)-1)
	s.used[key]++
	if answers[i] == (Answer{}) {
		return consent
	}
	return answers[i]
}

func (s *SMTPServer) record(a Answered) {
	a.Time = time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answered = append(s.answered, a)
}

// FullQueue listens on an address and lets no connection come about: a client there gets "Connection timed out".
func FullQueue(t testing.TB, ip string) {
	t.Helper()
	needIsolation(t)
	if err := fillBacklog(t, ip, 25); err != nil {
		t.Fatalf("a server that lets nobody in at %s: %v", ip, err)
	}
}

// lines are the reply as it goes over the wire (RFC 5321 section 4.2.1), without line ends.
func (a Answer) lines() []string {
	if a.Raw != "" {
		return []string{a.Raw}
	}
	texts := strings.Split(a.Text, "\n")
	lines := make([]string, len(texts))
	for i, text := range texts {
		mark := "-"
		if i == len(texts)-1 {
			mark = " "
		}
		if a.Enhanced != "" {
			text = strings.TrimSuffix(a.Enhanced+" "+text, " ")
		}
		lines[i] = fmt.Sprintf("%d%s%s", a.Code, mark, text)
	}
	return lines
}

var errDropped = errors.New("connection dropped by the script")
