package test

import (
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// MTA is one of Debian's mail servers beside Postfix, in a root file system of its own: at 192.0.2.1 it relays for
// OurNet, and gives a message up some seconds after it came. Mail is tried again when Flush says so. It asks the name
// server at 127.0.0.1:53, which is the test's to start (DNS).
type MTA struct {
	Name    string
	t       testing.TB
	kind    mtaKind
	root    string // its root file system, mounted
	logs    string // its /var/log
	process *Process
}

// mtaAddr is where they listen and what they send from.
const mtaAddr = "192.0.2.1"

// mtaKind is what differs between them.
type mtaKind struct {
	part   Part
	files  map[string]string // configuration, by path
	setup  []string          // a command to run before the start, if any
	daemon []string          // stays in the foreground, runs no queue by itself: what was refused may be taken up twice
	flush  []string
	queue  []string // prints the queue
	empty  string   // what queue prints of an empty one
	log    string   // within /var/log
	syslog bool     // it logs to /dev/log; else to a file by itself
}

func mtaKinds() map[string]mtaKind {
	return map[string]mtaKind{
		"exim": {
			part:   PartExim,
			files:  map[string]string{"etc/exim4/exim4.conf": eximConfig},
			daemon: []string{"/usr/sbin/exim4", "-bdf"},
			flush:  []string{"/usr/sbin/exim4", "-qff"},
			queue:  []string{"/usr/sbin/exim4", "-bpc"},
			empty:  "0",
			log:    "exim4/mainlog",
		},
		"opensmtpd": {
			part:   PartOpenSMTPD,
			files:  map[string]string{"etc/smtpd.conf": opensmtpdConfig, "etc/mailname": Hostname + "\n"},
			daemon: []string{"/usr/sbin/smtpd", "-F"},
			flush:  []string{"/usr/sbin/smtpctl", "schedule", "all"},
			queue:  []string{"/usr/sbin/smtpctl", "show", "queue"},
			log:    "mail.log",
			syslog: true,
		},
		"sendmail": {
			part: PartSendmail,
			files: map[string]string{"etc/mail/test.mc": sendmailConfig, "etc/mail/local-host-names": "",
				"etc/mail/trusted-users": "root\n"},
			setup: []string{"/bin/sh", "-c",
				"m4 /etc/mail/test.mc > /etc/mail/sendmail.cf && chmod go-w / /etc /etc/mail /var /var/spool; chown root:root /var/spool/mqueue /run/sendmail/mta; chmod 700 /var/spool/mqueue"},
			daemon: []string{"/usr/sbin/sendmail", "-bD"},
			flush:  []string{"/usr/sbin/sendmail", "-q"},
			queue:  []string{"/bin/sh", "-c", "ls /var/spool/mqueue | grep ^qf || true"},
			log:    "mail.log",
			syslog: true,
		},
	}
}

const (
	eximConfig = `
primary_hostname = mail.example.com
qualify_domain = example.com
local_interfaces = 192.0.2.1
log_file_path = /var/log/exim4/%slog
acl_smtp_rcpt = rcpt
acl_smtp_data = data
host_lookup =
rfc1413_query_timeout = 0s
smtp_accept_max = 0
queue_only_load = 1000
remote_max_parallel = 20
tls_advertise_hosts =
keep_environment =
delay_warning =
begin acl
rcpt:
  accept hosts = 192.0.2.0/24
  deny message = relay not permitted
data:
  accept
begin routers
out:
  driver = dnslookup
  transport = smtp
begin transports
smtp:
  driver = smtp
  interface = 192.0.2.1
  connect_timeout = 2s
  command_timeout = 8s
  data_timeout = 8s
  final_timeout = 8s
  hosts_avoid_tls = *
  multi_domain = false
  max_rcpt = 0
begin retry
* * F,6s,1s
`
	opensmtpdConfig = `
queue ttl 8s
listen on socket
listen on 192.0.2.1
action "out" relay helo "mail.example.com" src 192.0.2.1
match from local for any action "out"
match from src 192.0.2.0/24 for any action "out"
`
	sendmailConfig = "include(`/usr/share/sendmail/cf/m4/cf.m4')dnl\n" +
		"OSTYPE(`linux')dnl\n" +
		"define(`confDOMAIN_NAME', `mail.example.com')dnl\n" +
		"define(`confLOG_LEVEL', `9')dnl\n" +
		"define(`confDELIVERY_MODE', `background')dnl\n" +
		"define(`confQUEUE_LA', `1000')dnl\n" + // however busy the machine is
		"define(`confREFUSE_LA', `1000')dnl\n" +
		"define(`confTO_IDENT', `0s')dnl\n" +
		"define(`confTO_CONNECT', `2s')dnl\n" +
		"define(`confTO_ICONNECT', `2s')dnl\n" +
		"define(`confTO_INITIAL', `8s')dnl\n" +
		"define(`confTO_HELO', `8s')dnl\n" +
		"define(`confTO_MAIL', `8s')dnl\n" +
		"define(`confTO_RCPT', `8s')dnl\n" +
		"define(`confTO_DATAINIT', `8s')dnl\n" +
		"define(`confTO_DATABLOCK', `8s')dnl\n" +
		"define(`confTO_DATAFINAL', `8s')dnl\n" +
		"define(`confTO_QUIT', `8s')dnl\n" +
		"define(`confTO_QUEUERETURN', `8s')dnl\n" +
		"define(`confTO_HOSTSTATUS', `0s')dnl\n" +
		"define(`confMIN_QUEUE_AGE', `0s')dnl\n" +
		"define(`confDONT_BLAME_SENDMAIL', `GroupWritableDirPathSafe,WorldWritableAliasFile,GroupWritableAliasFile')dnl\n" +
		"define(`confDOUBLE_BOUNCE_ADDRESS', `')dnl\n" +
		"define(`confDONT_PROBE_INTERFACES', `true')dnl\n" + // all addresses here are on loopback
		"undefine(`ALIAS_FILE')dnl\n" +
		"FEATURE(`no_default_msa')dnl\n" +
		"FEATURE(`accept_unresolvable_domains')dnl\n" +
		"DAEMON_OPTIONS(`Family=inet, Addr=192.0.2.1, Port=25, Name=MTA')dnl\n" +
		"CLIENT_OPTIONS(`Family=inet, Addr=192.0.2.1')dnl\n" +
		"RELAY_DOMAIN(`192.0.2')dnl\n" +
		"MAILER(`local')dnl\n" +
		"MAILER(`smtp')dnl\n"
)

// StartMTA starts the mail server of that name: exim, opensmtpd or sendmail. The edits are pairs, a text of its
// configuration and what stands in its place. The package's TestMain must call Main.
func StartMTA(t testing.TB, name string, edits ...string) *MTA {
	t.Helper()
	needIsolation(t)
	kind, ok := mtaKinds()[name]
	if !ok {
		t.Fatalf("no mail server %q is known", name)
	}
	lower := filepath.Join(Root(t), ".cache", "rootfs", name)
	version, err := os.ReadFile(filepath.Join(lower, ".ready"))
	if err != nil {
		Missing(t, kind.part, "no root file system with it (make rootfs)")
	}
	dir := t.TempDir()
	m := &MTA{Name: name, t: t, kind: kind, root: filepath.Join(dir, "root"), logs: filepath.Join(dir, "log")}
	if err := mountRoot(t, lower, dir, map[string]string{"var/log": m.logs}); err != nil {
		Missing(t, kind.part, "its root file system: "+err.Error())
	}
	m.configure(edits)
	if kind.syslog {
		m.syslog()
	}
	Tried(t, kind.part, "Debian's "+name+" "+strings.TrimSpace(string(version)))
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the end of the mail log:\n%s", TailOf(m.LogPath(), 4<<10))
			if out, err := m.command(kind.queue).CombinedOutput(); err == nil {
				t.Logf("the queue:\n%s", out)
			}
		}
	})
	if len(kind.setup) > 0 {
		m.run(kind.setup)
	}
	m.process = start(t, name, filepath.Join(dir, "output"), m.command(kind.daemon))
	m.process.Ready(t, postfixStartLimit, func() error { return greets(m.Addr()) })
	return m
}

// Addr is where it takes mail, by SMTP.
func (m *MTA) Addr() string { return net.JoinHostPort(mtaAddr, "25") }

// LogPath is the mail log as seen from outside its root file system.
func (m *MTA) LogPath() string { return filepath.Join(m.logs, m.kind.log) }

// Send hands in one message for all recipients.
func (m *MTA) Send(sender string, recipients ...string) {
	m.t.Helper()
	if _, err := send(&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(mtaAddr)}}, m.Addr(), sender,
		recipients); err != nil {
		m.t.Fatalf("hand a message to %s: %v", m.Name, err)
	}
}

// Flush has all deferred mail tried again now.
func (m *MTA) Flush() { m.t.Helper(); m.run(m.kind.flush) }

// Idle tells whether no message is left in the queue.
func (m *MTA) Idle() bool {
	m.t.Helper()
	return strings.TrimSpace(m.run(m.kind.queue)) == m.kind.empty
}

// Stop ends it.
func (m *MTA) Stop() { m.process.Stop(10 * time.Second) }

func (m *MTA) run(argv []string) string {
	m.t.Helper()
	out, err := m.command(argv).CombinedOutput()
	if err != nil {
		m.t.Fatalf("%s: %v\n%s", strings.Join(argv, " "), err, out)
	}
	return string(out)
}

func (m *MTA) command(argv []string) *exec.Cmd {
	return &exec.Cmd{Path: argv[0], Args: argv, Dir: "/", Env: []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin",
		"LC_ALL=C"},
		SysProcAttr: &syscall.SysProcAttr{Chroot: m.root}}
}

func (m *MTA) configure(edits []string) {
	m.t.Helper()
	all := strings.Join(slices.Collect(maps.Values(m.kind.files)), "\n")
	for i := 0; i < len(edits); i += 2 {
		if !strings.Contains(all, edits[i]) {
			m.t.Fatalf("no %q in the configuration of %s", edits[i], m.Name)
		}
	}
	edit := strings.NewReplacer(edits...)
	files := map[string]string{"etc/resolv.conf": "nameserver 127.0.0.1\noptions timeout:2 attempts:1\n",
		"etc/hosts": "127.0.0.1 localhost\n192.0.2.1 mail.example.com mail\n"}
	for path, content := range m.kind.files {
		files[path] = edit.Replace(content)
	}
	for path, content := range files {
		path = filepath.Join(m.root, path)
		if err := os.Remove(path); err != nil && !os.IsNotExist(err) { // it may be a link to elsewhere
			m.t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			m.t.Fatal(err)
		}
	}
	log := filepath.Join(m.logs, m.kind.log)
	if err := os.MkdirAll(filepath.Dir(log), 0o777); err != nil {
		m.t.Fatal(err)
	}
	if err := os.WriteFile(log, nil, 0o666); err != nil {
		m.t.Fatal(err)
	}
	for _, path := range []string{filepath.Dir(log), log} { // the daemon's own user writes there
		mode := os.FileMode(0o777)
		if path == log {
			mode = 0o666
		}
		if err := os.Chmod(path, mode); err != nil {
			m.t.Fatal(err)
		}
	}
}

// syslog is the root file system's /dev/log: what comes there goes into the mail log, as syslogd writes it.
func (m *MTA) syslog() {
	m.t.Helper()
	path := filepath.Join(m.root, "dev", "log")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		m.t.Fatal(err)
	}
	if err := os.Chmod(path, 0o666); err != nil {
		m.t.Fatal(err)
	}
	out, err := os.OpenFile(m.LogPath(), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		m.t.Fatal(err)
	}
	var done sync.WaitGroup
	done.Go(func() {
		defer out.Close()
		buf := make([]byte, 64<<10)
		for {
			n, err := conn.Read(buf)
			if err != nil {
				return // closed by the test's end
			}
			// <22>Nov 21 18:57:15 sendmail[12]: ...
			_, line, _ := strings.Cut(strings.TrimRight(string(buf[:n]), "\x00\n"), ">")
			if len(line) > 16 {
				fmt.Fprintf(out, "%s%s %s\n", line[:16], "mail", line[16:])
			}
		}
	})
	m.t.Cleanup(func() {
		conn.Close()
		done.Wait()
	})
}
