package test_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bouncehouse/bouncehouse/test"
)

// TestDeliver has a real Postfix hand bounces to `bouncehouse deliver`, by pipe(8) and by an alias. What cannot be
// spooled stays in Postfix's queue; what is spooled is stored once, although run is killed before it could note that,
// and the spool is empty then.
func TestDeliver(t *testing.T) {
	const nobody = 65534
	const command = "/var/mail/bouncehouse deliver --state /var/mail/state"
	postfix := test.Postfix(t, test.PostfixConfig{
		Main: map[string]string{
			"mydestination": "alias.example.com",
			"alias_maps": `inline:{ { bounces = "|` + command + `" }, { unquoted = |` +
				command + ` } }`,
			"transport_maps":                  "inline:{ { gone.example = error:5.1.1 no such user here }, { pipe.example.com = bouncehouse: } }",
			"relay_domains":                   "pipe.example.com",
			"smtpd_reject_unlisted_recipient": "no", // take mail to gone.example, and bounce it
			// A failed mail waits until it is asked for: no try comes between two looks at the log.
			"minimal_backoff_time": "1h", "maximal_backoff_time": "1h",
		},
		Master: []string{"bouncehouse unix - n n - - pipe user=nobody argv=" + command},
	})
	mail := filepath.Dir(postfix.Maildir()) // its /var/mail
	h := newHouse(t, crashBinary(t), "hosts: [mail.example.com]\ndns: {enabled: false}\n")
	h.state = filepath.Join(mail, "state")
	if err := errors.Join(os.WriteFile(filepath.Join(mail, "bouncehouse"), []byte(read(t, h.bin)), 0o755),
		os.Mkdir(h.state, 0o700)); err != nil {
		t.Fatal(err)
	}
	spooled := func() int {
		files, err := filepath.Glob(filepath.Join(h.state, "spool", "*", "*"))
		if err != nil {
			t.Fatal(err)
		}
		return len(files)
	}

	// The state directory is root's, and deliver runs as nobody.
	postfix.Send("bounces@pipe.example.com", "one@gone.example")
	postfix.AwaitLog(time.Minute, "to=<bounces@pipe.example.com>", "status=deferred",
		"permission denied: deliver must run as the owner of the state directory; the mail server shall try again")
	postfix.Send("bounces@alias.example.com", "two@gone.example")
	postfix.AwaitLog(time.Minute, "to=<bounces@alias.example.com>", "status=deferred", "permission denied")
	// Without its quotes the alias is a command of one word, and others that are no addresses.
	postfix.Send("unquoted@alias.example.com", "four@gone.example")
	postfix.AwaitLog(time.Minute, "to=<unquoted@alias.example.com>", "status=deferred", "quote the whole command")
	if n := spooled(); n > 0 {
		t.Fatalf("%d mails in a spool that cannot be written", n)
	}
	if err := os.Chown(h.state, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	postfix.Flush()
	postfix.AwaitLog(time.Minute, "to=<bounces@pipe.example.com>", "status=sent (delivered via bouncehouse service)")
	postfix.AwaitLog(time.Minute, "to=<bounces@alias.example.com>", "status=sent (delivered to command: "+command+")")
	test.Await(t, time.Minute, "the mail of the unquoted alias alone in the queue", func() bool {
		return strings.Count(postfix.Run("postqueue", "-j"), "\"queue_id\"") == 1
	})
	if n := spooled(); n != 2 {
		t.Fatalf("%d mails in the spool, want 2", n)
	}

	// Stored, and killed before that is noted.
	quiet := filepath.Join(t.TempDir(), "mail.log")
	write(t, quiet, "")
	h.engine()
	cmd := h.command("run", quiet)
	cmd.Env = append(cmd.Env, "BOUNCEHOUSE_CRASH=commit:1")
	if end := h.try(cmd); end.status != -1 || spooled() == 0 {
		t.Fatalf("run: status %d, not killed, or %d mails in the spool\n%s", end.status, spooled(), end.err)
	}
	run := test.Start(t, "run", h.command("run", postfix.LogPath()))
	const dsns = "SELECT count() FROM events WHERE source = 'dsn'"
	test.Await(t, time.Minute, "an empty spool", func() bool { return spooled() == 0 })
	if n := h.number(dsns); n != 2 {
		t.Errorf("%d bounces are stored of 2", n)
	}

	// And one that comes while run waits for it.
	postfix.Send("bounces@pipe.example.com", "three@gone.example")
	test.Await(t, time.Minute, "three bounces stored", func() bool { return h.number(dsns) == 3 })
	test.Await(t, time.Minute, "an empty spool", func() bool { return spooled() == 0 })
	sameRows(t, h.rows("SELECT recipient, outcome, enhanced_code, class, dsn_origin, counted FROM events WHERE source = 'dsn' ORDER BY recipient"), []string{
		`{"recipient":"one@gone.example","outcome":"bounced","enhanced_code":"5.1.1","class":"no-such-user","dsn_origin":"local","counted":0}`,
		`{"recipient":"three@gone.example","outcome":"bounced","enhanced_code":"5.1.1","class":"no-such-user","dsn_origin":"local","counted":0}`,
		`{"recipient":"two@gone.example","outcome":"bounced","enhanced_code":"5.1.1","class":"no-such-user","dsn_origin":"local","counted":0}`,
	})
	run.Stop(30 * time.Second)
	if err := run.Err(); err != nil || strings.Contains(run.Output(), "level=WARN") {
		t.Errorf("run ended with %v:\n%s", err, run.Output())
	}
}
