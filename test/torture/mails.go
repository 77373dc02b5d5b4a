package torture

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// mailer brings bounce mails, of attempts that were refused just now: into a Maildir, as a mail server does, and
// through `bouncehouse deliver`, which it calls until it succeeds.
type mailer struct {
	h       *house
	dir     string
	refused chan Attempt
	r       *rand.Rand

	mu       sync.Mutex
	n        int
	maildir  []string // paths below dir
	spooled  int
	pending  sync.WaitGroup // deliveries not yet taken
	handover context.Context
	giveUp   context.CancelFunc
}

func newMailer(h *house, r *rand.Rand) (*mailer, error) {
	m := &mailer{h: h, dir: h.path("Maildir"), refused: make(chan Attempt, 64), r: r}
	m.handover, m.giveUp = context.WithCancel(context.Background())
	for _, sub := range []string{"tmp", "new", "cur"} {
		if err := os.MkdirAll(filepath.Join(m.dir, sub), 0o700); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// offer tells of attempts; those that were refused may come back as a mail.
func (m *mailer) offer(attempts []Attempt) {
	for _, a := range attempts {
		if a.Outcome == "bounced" {
			select {
			case m.refused <- a:
			default: // there are more than enough
			}
		}
	}
}

// run brings mails until ctx ends.
func (m *mailer) run(ctx context.Context) error {
	for sleep(ctx, time.Duration(200+m.r.IntN(1000))*time.Millisecond) {
		if err := m.bring(m.r.IntN(2) == 0, 0); err != nil {
			return err
		}
	}
	return nil
}

// bring makes a mail and brings it one way or the other; with kill, deliver is first killed once, after so long.
func (m *mailer) bring(deliver bool, kill time.Duration) error {
	var a Attempt
	select {
	case a = <-m.refused:
	default:
		return nil // nobody was refused lately
	}
	m.mu.Lock()
	m.n++
	n := m.n
	m.mu.Unlock()
	text := bounceMail(a, n)
	a = Attempt{Source: "dsn", Recipient: a.Recipient, QueueID: a.QueueID, Sender: a.Sender, MessageID: a.MessageID,
		Outcome: "bounced", Code: 550, Enhanced: "5.1.1"}
	if deliver {
		// A mail server keeps it until it was taken: so it is in the ledger from now on.
		a.Where = fmt.Sprintf("deliver, mail %d", n)
		m.h.ledger.Add(a)
		m.pending.Add(1)
		go func() {
			defer m.pending.Done()
			m.deliver(text, n, kill)
		}()
		return nil
	}
	name := fmt.Sprintf("%d.M%dP1.mx1", time.Now().Unix(), n)
	if err := m.file(name, text); err != nil {
		return err
	}
	a.Where = "Maildir, new/" + name
	m.h.ledger.Add(a)
	return nil
}

// file puts a mail into the Maildir.
func (m *mailer) file(name, text string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	tmp := filepath.Join(m.dir, "tmp", name)
	if err := os.WriteFile(tmp, []byte(text), 0o600); err != nil {
		return err
	}
	if err := os.Rename(tmp, filepath.Join(m.dir, "new", name)); err != nil {
		return err
	}
	m.maildir = append(m.maildir, filepath.Join("new", name))
	return nil
}

// deliver hands a mail in until it is taken.
func (m *mailer) deliver(text string, n int, kill time.Duration) {
	for {
		ctx, cancel := context.WithTimeout(m.handover, time.Minute)
		if kill > 0 {
			ctx, cancel = context.WithTimeout(m.handover, kill)
		}
		cmd := m.h.command("deliver", "--state", m.h.state())
		cmd.Stdin = strings.NewReader(text)
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		err := runWith(ctx, cmd)
		cancel()
		if err == nil {
			m.mu.Lock()
			m.spooled++
			m.mu.Unlock()
			return
		}
		m.h.say("deliver of mail %d: %v", n, err)
		kill = 0
		if !sleep(m.handover, time.Second) {
			return
		}
	}
}

// move does to some of the Maildir's mails what mail programs do: marks them as seen, files them anew under another
// unique name, copies them.
func (m *mailer) move(r *rand.Rand) (err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for range min(1+r.IntN(10), len(m.maildir)) {
		i := r.IntN(len(m.maildir))
		was := m.maildir[i]
		unique, _, _ := strings.Cut(filepath.Base(was), ":")
		m.n++
		other := fmt.Sprintf("%d.M%dP2.mx1", time.Now().Unix(), m.n)
		now := filepath.Join("cur", unique+":2,"+[]string{"S", "RS", "FS"}[r.IntN(3)])
		switch r.IntN(3) {
		case 0:
			now = filepath.Join("cur", other+":2,S")
		case 1:
			if err := copyFile(filepath.Join(m.dir, was), filepath.Join(m.dir, "tmp", other)); err != nil {
				return err
			}
			err = errors.Join(err, os.Rename(filepath.Join(m.dir, "tmp", other), filepath.Join(m.dir, "new", other)))
			m.maildir = append(m.maildir, filepath.Join("new", other))
			continue
		}
		err = errors.Join(err, os.Rename(filepath.Join(m.dir, was), filepath.Join(m.dir, now)))
		m.maildir[i] = now
	}
	return err
}

// finish waits until every mail was taken.
func (m *mailer) finish(limit time.Duration) error {
	done := make(chan struct{})
	go func() {
		m.pending.Wait()
		close(done)
	}()
	defer m.giveUp()
	select {
	case <-done:
		return nil
	case <-time.After(limit):
		return fmt.Errorf("deliver did not take a mail within %v of the last fault", limit)
	}
}

// bounceMail is what Postfix sends back.
func bounceMail(a Attempt, n int) string {
	boundary := fmt.Sprintf("%s.%d/mx1.example.com", a.QueueID, n)
	date := time.UnixMilli(a.Time).UTC().Format("Mon, 2 Jan 2006 15:04:05 +0000 (UTC)")
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("Return-Path: <>")
	line("Received: by mx1.example.com (Postfix) id 4jB%06dzkQ; %s", n, date)
	line("Date: %s", date)
	line("From: MAILER-DAEMON@mx1.example.com (Mail Delivery System)")
	line("Subject: Undelivered Mail Returned to Sender")
	line("To: %s", a.Sender)
	line("Auto-Submitted: auto-replied")
	line("MIME-Version: 1.0")
	line("Content-Type: multipart/report; report-type=delivery-status;\n\tboundary=%q", boundary)
	line("Message-Id: <b%d@mx1.example.com>\n", n)
	line("--%s\nContent-Description: Notification\nContent-Type: text/plain; charset=us-ascii\n", boundary)
	line("This is the mail system at host mx1.example.com.\n")
	line("<%s>: host mx.example.net[192.0.2.27] said: 550 5.1.1 No such user\n", a.Recipient)
	line("--%s\nContent-Description: Delivery report\nContent-Type: message/delivery-status\n", boundary)
	line("Reporting-MTA: dns; mx1.example.com\nX-Postfix-Queue-ID: %s", a.QueueID)
	line("X-Postfix-Sender: rfc822; %s\nArrival-Date: %s\n", a.Sender, date)
	line("Final-Recipient: rfc822; %s\nOriginal-Recipient: rfc822;%s\nAction: failed\nStatus: 5.1.1", a.Recipient,
		a.Recipient)
	line("Remote-MTA: dns; mx.example.net\nDiagnostic-Code: smtp; 550 5.1.1 No such user\n")
	line("--%s\nContent-Description: Undelivered Message Headers\nContent-Type: text/rfc822-headers\n", boundary)
	line("Message-Id: <%s>\nFrom: %s\nTo: %s\nSubject: News\n", a.MessageID, a.Sender, a.Recipient)
	line("--%s--", boundary)
	return b.String()
}
