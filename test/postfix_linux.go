package test

import (
	"bufio"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/smtp"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// PostfixConfig is what a test may ask of its Postfix; the zero value is a server at 192.0.2.1 that relays for OurNet,
// tries again after a second, and takes all mail to example.com, bounces among it, into one Maildir.
type PostfixConfig struct {
	Addr   string            // its IP address, to listen on and to send from; else 192.0.2.1
	Main   map[string]string // lines of main.cf, beside ours or in place of them
	Master []string          // further lines of master.cf
}

// PostfixServer is Debian's Postfix in a root file system of its own. It asks the name server at 127.0.0.1:53, which is
// the test's to start (DNS), and reaches nothing but the test's own network.
type PostfixServer struct {
	t       testing.TB
	addr    string
	root    string // its root file system, mounted
	logs    string // its /var/log
	mail    string // its /var/mail
	process *Process
}

const (
	postfixStartLimit = 30 * time.Second
	postfixSettings   = `
compatibility_level = 3.6
myhostname = mail.example.com
myorigin = example.com
mydestination =
mynetworks = 127.0.0.0/8 192.0.2.0/24
inet_protocols = ipv4
smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination
virtual_mailbox_domains = example.com
virtual_mailbox_base = /var/mail
virtual_mailbox_maps = static:bounces/
virtual_uid_maps = static:65534
virtual_gid_maps = static:65534
virtual_minimum_uid = 100
alias_maps =
alias_database =
maillog_file = /var/log/mail.log
smtp_tls_security_level = may
default_destination_concurrency_failed_cohort_limit = 0
queue_run_delay = 1s
minimal_backoff_time = 1s
maximal_backoff_time = 2s
smtp_connect_timeout = 2s
smtp_helo_timeout = 8s
smtp_mail_timeout = 8s
smtp_rcpt_timeout = 8s
smtp_data_init_timeout = 8s
smtp_data_done_timeout = 8s
smtp_quit_timeout = 8s
`
	// Debian's services, none in a chroot of its own: Postfix is in one already.
	postfixServices = `
smtp      inet  n       -       n       -       -       smtpd
pickup    unix  n       -       n       60      1       pickup
cleanup   unix  n       -       n       -       0       cleanup
qmgr      unix  n       -       n       300     1       qmgr
tlsmgr    unix  -       -       n       1000?   1       tlsmgr
rewrite   unix  -       -       n       -       -       trivial-rewrite
bounce    unix  -       -       n       -       0       bounce
defer     unix  -       -       n       -       0       bounce
trace     unix  -       -       n       -       0       bounce
verify    unix  -       -       n       -       1       verify
flush     unix  n       -       n       1000?   0       flush
proxymap  unix  -       -       n       -       -       proxymap
proxywrite unix -       -       n       -       1       proxymap
smtp      unix  -       -       n       -       -       smtp
relay     unix  -       -       n       -       -       smtp
showq     unix  n       -       n       -       -       showq
error     unix  -       -       n       -       -       error
retry     unix  -       -       n       -       -       error
discard   unix  -       -       n       -       -       discard
local     unix  -       n       n       -       -       local
virtual   unix  -       n       n       -       -       virtual
lmtp      unix  -       -       n       -       -       lmtp
anvil     unix  -       -       n       -       1       anvil
scache    unix  -       -       n       -       1       scache
postlog   unix-dgram n  -       n       -       1       postlogd
`
)

// Postfix starts a Postfix. The package's TestMain must call Main.
func Postfix(t testing.TB, cfg PostfixConfig) *PostfixServer {
	t.Helper()
	needIsolation(t)
	lower := filepath.Join(Root(t), ".cache", "rootfs", "postfix")
	version, err := os.ReadFile(filepath.Join(lower, ".ready"))
	if err != nil {
		Missing(t, PartPostfix, "no root file system with Postfix (make rootfs)")
	}
	if cfg.Addr == "" {
		cfg.Addr = "192.0.2.1"
	}
	dir := t.TempDir()
	p := &PostfixServer{t: t, addr: net.JoinHostPort(cfg.Addr, "25"), root: filepath.Join(dir, "root"),
		logs: filepath.Join(dir, "log"), mail: filepath.Join(dir, "mail")}
	if err := mountRoot(t, lower, dir, map[string]string{"var/log": p.logs, "var/mail": p.mail}); err != nil {
		Missing(t, PartPostfix, "its root file system: "+err.Error())
	}
	p.configure(cfg)
	Tried(t, PartPostfix, "Debian's Postfix "+strings.TrimSpace(string(version)))
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the end of the mail log:\n%s", TailOf(p.LogPath(), 4<<10))
		}
	})
	p.Start()
	return p
}

// Addr is where it takes mail, by SMTP.
func (p *PostfixServer) Addr() string { return p.addr }

// LogPath is the mail log as seen from outside its root file system; rotated ones lie beside it.
func (p *PostfixServer) LogPath() string { return filepath.Join(p.logs, "mail.log") }

// Maildir is where mail to example.com arrives, such as the bounces of what was sent from there. Postfix makes it at
// the first delivery.
func (p *PostfixServer) Maildir() string { return filepath.Join(p.mail, "bounces") }

// Send hands in one message for all recipients, by SMTP, and returns its queue id. An empty sender is the null sender.
func (p *PostfixServer) Send(sender string, recipients ...string) string {
	p.t.Helper()
	id, err := send(&net.Dialer{}, p.addr, sender, recipients)
	if err == nil && id == "" {
		err = errors.New("it told no queue id")
	}
	if err != nil {
		p.t.Fatalf("hand a message to Postfix: %v", err)
	}
	return id
}

// SendFrom hands in a message as a client at another IP address, such as one of TheirNet, and returns what became of
// it: the server's refusal is a *textproto.Error.
func SendFrom(ip, addr, sender string, recipients ...string) error {
	_, err := send(&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(ip)}}, addr, sender, recipients)
	return err
}

func send(dialer *net.Dialer, addr, sender string, recipients []string) (string, error) {
	dialer.Timeout = 10 * time.Second
	conn, err := dialer.Dial("tcp", addr)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		return "", err
	}
	c, err := smtp.NewClient(conn, "mail.example.com")
	if err != nil {
		return "", err
	}
	if err := c.Hello("app.example.com"); err != nil {
		return "", err
	}
	if err := c.Mail(sender); err != nil {
		return "", err
	}
	for _, r := range recipients {
		if err := c.Rcpt(r); err != nil {
			return "", fmt.Errorf("recipient %s: %w", r, err)
		}
	}
	// net/smtp keeps the reply to the data to itself, and that is what says the queue id.
	if err := c.Text.PrintfLine("DATA"); err != nil {
		return "", err
	}
	if _, _, err := c.Text.ReadResponse(354); err != nil {
		return "", err
	}
	w := c.Text.DotWriter()
	if _, err := fmt.Fprintf(w, "From: <%s>\nSubject: test\n\ntest\n", sender); err != nil {
		return "", err
	}
	if err := w.Close(); err != nil {
		return "", err
	}
	_, reply, err := c.Text.ReadResponse(250)
	if err != nil {
		return "", err
	}
	_, id, _ := strings.Cut(reply, "queued as ") // Postfix's words
	return strings.TrimSpace(id), c.Quit()
}

// Flush has all deferred mail tried again now.
func (p *PostfixServer) Flush() { p.t.Helper(); p.Run("postqueue", "-f") }

// Reload makes Postfix read its configuration again and open its log anew.
func (p *PostfixServer) Reload() { p.t.Helper(); p.Run("postfix", "reload") }

// Rotate renames the log to mail.log.1, an older one of that name to mail.log.2 and so on, and makes Postfix open a new
// one, as logrotate does. It returns when the new log is there.
func (p *PostfixServer) Rotate() {
	p.t.Helper()
	older, err := filepath.Glob(p.LogPath() + ".*")
	if err != nil {
		p.t.Fatal(err)
	}
	for n := len(older); n >= 0; n-- {
		from := p.LogPath()
		if n > 0 {
			from = fmt.Sprintf("%s.%d", p.LogPath(), n)
		}
		if err := os.Rename(from, fmt.Sprintf("%s.%d", p.LogPath(), n+1)); err != nil {
			p.t.Fatal(err)
		}
	}
	p.Reload()
	Await(p.t, postfixStartLimit, "a new mail log", func() bool {
		_, err := os.Stat(p.LogPath())
		return err == nil
	})
}

// AwaitLog waits until a line of the current log holds all of the texts, and returns the first such line.
func (p *PostfixServer) AwaitLog(limit time.Duration, texts ...string) string {
	p.t.Helper()
	var found string
	Await(p.t, limit, fmt.Sprintf("a line with %q in the mail log", texts), func() bool {
		data, err := os.ReadFile(p.LogPath())
		if err != nil {
			return false
		}
		for line := range strings.Lines(string(data)) {
			if strings.HasSuffix(line, "\n") && !slices.ContainsFunc(texts,
				func(s string) bool { return !strings.Contains(line, s) }) {
				found = strings.TrimSuffix(line, "\n")
				return true
			}
		}
		return false
	})
	return found
}

// AwaitEmpty waits until no message is left in the queue.
func (p *PostfixServer) AwaitEmpty(limit time.Duration) {
	p.t.Helper()
	Await(p.t, limit, "an empty mail queue", func() bool { return strings.TrimSpace(p.Run("postqueue", "-j")) == "" })
}

// Run runs a command in the root file system and returns what it printed.
func (p *PostfixServer) Run(name string, args ...string) string {
	p.t.Helper()
	out, err := p.command("/usr/sbin/"+name, args...).Output()
	if err != nil {
		p.t.Fatalf("%s %s: %v", name, strings.Join(args, " "), err)
	}
	return string(out)
}

// Start starts it, after Stop, on the same queue and log.
func (p *PostfixServer) Start() {
	p.t.Helper()
	p.Run("postfix", "check")
	p.process = start(p.t, "Postfix", filepath.Join(p.logs, "master.out"),
		p.command("/usr/lib/postfix/sbin/master", "-s"))
	p.process.Ready(p.t, postfixStartLimit, func() error { return greets(p.addr) })
}

// Stop ends it; what is in the queue stays there.
func (p *PostfixServer) Stop() { p.process.Stop(10 * time.Second) }

// greets asks for the SMTP greeting of the server at addr.
func greets(addr string) error {
	conn, err := net.DialTimeout("tcp", addr, time.Second)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		return err
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		return err
	}
	if !strings.HasPrefix(line, "220 ") {
		return fmt.Errorf("greeted by %q", line)
	}
	_, err = fmt.Fprintf(conn, "QUIT\r\n")
	return err
}

func (p *PostfixServer) command(path string, args ...string) *exec.Cmd {
	return &exec.Cmd{
		Path:        path,
		Args:        append([]string{path}, args...),
		Dir:         "/",
		Env:         []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C"},
		SysProcAttr: &syscall.SysProcAttr{Chroot: p.root},
	}
}

func (p *PostfixServer) configure(cfg PostfixConfig) {
	p.t.Helper()
	settings := map[string]string{"inet_interfaces": cfg.Addr, "smtp_bind_address": cfg.Addr}
	for line := range strings.Lines(strings.TrimSpace(postfixSettings)) {
		name, value, _ := strings.Cut(line, "=")
		settings[strings.TrimSpace(name)] = strings.TrimSpace(value)
	}
	maps.Copy(settings, cfg.Main)
	var main strings.Builder
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		fmt.Fprintf(&main, "%s = %s\n", name, settings[name])
	}
	for path, content := range map[string]string{
		"etc/postfix/main.cf":   main.String(),
		"etc/postfix/master.cf": strings.TrimPrefix(postfixServices, "\n") + strings.Join(append(cfg.Master, ""), "\n"),
		"etc/resolv.conf":       "nameserver 127.0.0.1\noptions timeout:2 attempts:1\n",
		"etc/hosts":             "127.0.0.1 localhost\n",
	} {
		path = filepath.Join(p.root, path)
		if err := os.Remove(path); err != nil && !os.IsNotExist(err) { // it may be a link to elsewhere
			p.t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			p.t.Fatal(err)
		}
		// QUIRK: Postfix sleeps until a configuration file is two seconds old, lest it read half of one.
		old := time.Now().Add(-time.Minute)
		if err := os.Chtimes(path, old, old); err != nil {
			p.t.Fatal(err)
		}
	}
	if err := os.Chmod(p.mail, 0o1777); err != nil {
		p.t.Fatal(err)
	}
}
