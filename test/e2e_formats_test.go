package test_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/bouncehouse/bouncehouse/test"
)

// sample is the text of a golden log or mail of package parse.
func sample(t testing.TB, name string) string {
	t.Helper()
	if mail, ok := strings.CutPrefix(name, "dsn/"); ok { // whichever dialect's it is
		found, err := filepath.Glob(filepath.Join(test.Root(t), "parse", "bounce", "testdata", "*", mail))
		if err != nil || len(found) != 1 {
			t.Fatalf("sample %s: %v, %v", name, found, err)
		}
		return read(t, found[0])
	}
	return read(t, filepath.Join(test.Root(t), "parse", "testdata", name))
}

// manySystems makes a directory as a machine that has had many mail servers may have: logs of each under the names that
// they give them, bounce mails, and files that are none of these.
func manySystems(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	lines := strings.SplitAfter(demoLog(t), "\n")
	pack(t, in("mail.log.1.gz"), strings.Join(lines[:300], ""))
	write(t, in("mail.log"), strings.Join(lines[300:500], ""))
	write(t, in("mail.info"), strings.Join(lines[300:500], "")) // rsyslog of Debian writes the same lines here
	for name, from := range map[string]string{
		"exim4/mainlog":                          "exim/mainlog-default.log",
		"exim4/rejectlog":                        "exim/rejectlog-all.log", // what is refused stands in mainlog as well
		"exchange/MSGTRK2026112014-1.LOG":        "exchange/tracking-2019-lists.log",
		"exchange/MSGTRK2026112015-1.LOG":        "exchange/tracking-bom-2016-defer-fail.log",
		"pmta/acct.csv":                          "powermta/reports-and-feedback.log",
		"qmail/current":                          "qmail/multilog-deferral.log",
		"qmail/@40000000674123451a2b3c4d.s":      "qmail/phrases.log",
		"hmailserver/hmailserver_2026-11-20.log": "hmailserver/refusals.log",
		"mails/gmail.eml":                        "dsn/gmail-2013.eml",
		"mails/complaint.eml":                    "dsn/complaint.eml",
		"bounces/new/1795287600.M1P1.mx1":        "dsn/exchange-2013-german.eml",
		"bounces/cur/1795287601.M2P1.mx1:2,S":    "dsn/gmx.eml",
	} {
		write(t, in(name), sample(t, from))
	}
	segment(t, in("kumomta/20261120-140000"), sample(t, "kumomta/outcomes.log"))
	segment(t, in("kumomta/20261120-150000.123456789"), sample(t, "kumomta/inbound-and-reports.log"))
	const from = "From MAILER-DAEMON Sat Nov 21 10:00:00 2026\n"
	write(t, in("mbox"), from+sample(t, "dsn/exim-text.eml")+"\n"+from+sample(t, "dsn/gmail.eml")+"\n")
	write(t, in("auth.log"), strings.Repeat("Nov 21 18:57:15 mx1 sshd[364]: Accepted publickey for root\n", 9))
	write(t, in("program"), "\x7fELF\x02\x01\x01"+strings.Repeat("\x00\x01", 5000))
	return dir
}

// segment writes a file as KumoMTA leaves it.
func segment(t testing.TB, path, text string) {
	t.Helper()
	enc, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	write(t, path, string(enc.EncodeAll([]byte(text), nil)))
	if err := os.Chmod(path, 0o444); err != nil {
		t.Fatal(err)
	}
}

// contentSQL is what parse and the table must say alike of an event, on one line.
const contentSQL = `SELECT concatWithSeparator('|', source, toString(toUnixTimestamp64Milli(time)), host, direction, queue_id, recipient, remote_host, remote_ip,
	stage, outcome, toString(reply_code), enhanced_code, class, rule, provider, toString(toUInt8(counted)), event_id, reply_text, template) AS event FROM events ORDER BY event`

// contents are the lines of contentSQL.
func (h *house) contents() (found []string) {
	h.t.Helper()
	for _, row := range h.rows(contentSQL) {
		var r struct{ Event string }
		if err := json.Unmarshal([]byte(row), &r); err != nil {
			h.t.Fatal(err)
		}
		found = append(found, r.Event)
	}
	return found
}

// parsedContents are those lines by what parse prints of path, and how many there are of each source.
func (h *house) parsedContents(path string) (found []string, sources map[string]int) {
	h.t.Helper()
	end := h.try(h.command("parse", path))
	if end.status != 0 {
		h.t.Fatalf("parse: status %d\n%s", end.status, end.err)
	}
	sources = map[string]int{}
	in := json.NewDecoder(strings.NewReader(end.out))
	for {
		var e struct {
			Source, Host, Direction, Recipient, Stage, Outcome, Class, Rule, Provider, Template string
			Time                                                                                time.Time
			QueueID                                                                             string `json:"queue_id"`
			RemoteHost                                                                          string `json:"remote_host"`
			RemoteIP                                                                            string `json:"remote_ip"`
			ReplyCode                                                                           int    `json:"reply_code"`
			EnhancedCode                                                                        string `json:"enhanced_code"`
			ReplyText                                                                           string `json:"reply_text"`
			Counted                                                                             bool
			EventID                                                                             string `json:"event_id"`
		}
		if err := in.Decode(&e); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			h.t.Fatal(err)
		}
		counted := "0"
		if e.Counted {
			counted = "1"
		}
		sources[e.Source]++
		found = append(found, strings.Join([]string{e.Source, fmt.Sprint(e.Time.UnixMilli()), e.Host, e.Direction,
			e.QueueID, e.Recipient, e.RemoteHost, e.RemoteIP,
			e.Stage, e.Outcome, fmt.Sprint(e.ReplyCode), e.EnhancedCode, e.Class, e.Rule, e.Provider, counted,
			e.EventID, e.ReplyText, e.Template}, "|"))
	}
	slices.Sort(found)
	return found, sources
}

// TestManySystems reads a directory with many systems' logs: what run stores is what parse prints, and what is left out
// is told. Killed again and again, and with the files cut into small chunks, it stores the same: what a CSV's first
// lines say of its columns counts for all of it.
func TestManySystems(t *testing.T) {
	dir := manySystems(t)
	h := newHouse(t, binary(t), "")
	want, sources := h.parsedContents(dir)
	for source, least := range map[string]int{"postfix": 100, "exim": 100, "exchange": 10, "kumomta": 10, "powermta": 5,
		"qmail": 10, "hmailserver": 10, "dsn": 5, "arf": 1} {
		if sources[source] < least {
			t.Errorf("%d events of %s, want %d or more", sources[source], source, least)
		}
	}
	end := h.try(h.command("run", "--once", dir))
	if end.status != 0 {
		t.Fatalf("run: status %d\n%s", end.status, end.err)
	}
	for name, reason := range map[string]string{"exim4/rejectlog": "repeats lines of mainlog",
		"mail.info": "repeats lines of mail.log", "program": "ELF program",
		"auth.log": "No mail system known"} {
		if said := linesWith(end.err, filepath.Join(dir, name)); len(said) != 1 || !strings.Contains(said[0], reason) {
			t.Errorf("%s is told by %q, want %q", name, said, reason)
		}
	}
	plain := h.kept()
	sameRows(t, h.contents(), want)

	t.Run("killed", func(t *testing.T) {
		if testing.Short() {
			t.Skip("torture")
		}
		r := crashSeed(t)
		h := newHouse(t, crashBinary(t), "")
		h.engine()
		for n := range 5 * len(crashPoints) {
			cmd := h.command("run", "--once", dir)
			cmd.Env = append(cmd.Env, "BOUNCEHOUSE_CHUNK=1024",
				"BOUNCEHOUSE_CRASH="+crashPoints[n%len(crashPoints)].point(r, 1+r.IntN(5)))
			if end := h.try(cmd); end.status != -1 {
				t.Fatalf("kill %d: exit status %d\n%s", n, end.status, end.err)
			}
		}
		h.finish(dir)
		h.sameAs(plain)
	})
}

// TestFollowDatedFiles follows logs whose files all carry a date: rows come to the newest of Exchange's files, a next
// one begins, and so do segments of KumoMTA, of which one has no end yet.
func TestFollowDatedFiles(t *testing.T) {
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	tracking := strings.SplitAfter(sample(t, "exchange/tracking-own-words.log"), "\n")
	names := slices.IndexFunc(tracking, func(line string) bool { return strings.HasPrefix(line, "#Fields") }) + 1
	head, rows := tracking[:names], tracking[names:]
	write(t, in("exchange/MSGTRK2026112014-1.LOG"), strings.Join(head, "")+strings.Join(rows[:2], ""))
	segment(t, in("kumomta/20261120-140000"), sample(t, "kumomta/outcomes.log"))

	h := newHouse(t, binary(t), "")
	h.engine()
	h.must("migrate") // run does so itself; but what is asked below must not come before
	run := test.Start(t, "run", h.command("run", dir))
	stored := func(what string) {
		t.Helper()
		want, _ := h.parsedContents(dir)
		test.Await(t, time.Minute, fmt.Sprintf("%d events %s", len(want), what), func() bool {
			return h.number("SELECT count() FROM events") >= len(want)
		})
		sameRows(t, h.contents(), want)
	}
	stored("at the start")
	appendTo(t, in("exchange/MSGTRK2026112014-1.LOG"), rows[2])
	stored("with a further row")
	write(t, in("exchange/MSGTRK2026112015-1.LOG"), strings.Join(head, "")+rows[3])
	stored("with the next hour")
	appendTo(t, in("exchange/MSGTRK2026112015-1.LOG"), strings.Join(rows[4:6], ""))
	stored("with rows in the next hour")
	segment(t, in("kumomta/20261120-150000.25"), sample(t, "kumomta/inbound-and-reports.log"))
	stored("with a further segment")

	delayed := strings.SplitAfter(sample(t, "kumomta/mailbox-delayed.log"), "\n")
	f, err := os.Create(in("kumomta/20261120-160000"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	enc, err := zstd.NewWriter(f)
	if err != nil {
		t.Fatal(err)
	}
	for i, text := range []string{delayed[0] + delayed[1][:50], delayed[1][50:] + strings.Join(delayed[2:], "")} {
		if _, err := io.WriteString(enc, text); err != nil {
			t.Fatal(err)
		}
		if err := enc.Flush(); err != nil {
			t.Fatal(err)
		}
		stored(fmt.Sprintf("with part %d of a segment", i+1))
	}
	if err := errors.Join(enc.Close(), f.Chmod(0o444)); err != nil {
		t.Fatal(err)
	}
	run.Stop(30 * time.Second)
	if err := run.Err(); err != nil || strings.Contains(run.Output(), "level=WARN") ||
		strings.Contains(run.Output(), "dead letter") {
		t.Errorf("run ended with %v:\n%s", err, run.Output())
	}
	h.must("run", "--once", dir)
	want, _ := h.parsedContents(dir)
	sameRows(t, h.contents(), want)
}

// TestKafkaCarriesHead brings an Exchange log through Kafka in chunks of which only the first has the columns' names.
func TestKafkaCarriesHead(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a broker")
	}
	broker := test.Kafka(t, test.KafkaOptions{})
	log := filepath.Join(t.TempDir(), "MSGTRK2026112014-1.LOG")
	write(t, log, sample(t, "exchange/tracking-own-words.log"))
	mail, server := newHouse(t, crashBinary(t), ""), newHouse(t, crashBinary(t), "")
	cmd := mail.command("ingest", "--once", "--kafka", broker.Addr(), log)
	cmd.Env = append(cmd.Env, "BOUNCEHOUSE_CHUNK=1024")
	if end := mail.try(cmd); end.status != 0 {
		t.Fatalf("ingest: status %d\n%s", end.status, end.err)
	}
	server.engine()
	server.must("migrate")
	process := test.Start(t, "process", server.command("process", "--kafka", broker.Addr()))
	want, _ := server.parsedContents(log)
	test.Await(t, time.Minute, fmt.Sprintf("%d events", len(want)), func() bool {
		return server.number("SELECT count() FROM events") >= len(want)
	})
	sameRows(t, server.contents(), want)
	if n := server.number("SELECT uniqExact(chunk) FROM events"); n < 4 {
		t.Errorf("the log went in %d chunks: too few to tell anything", n)
	}
	process.Stop(time.Minute)
	if err := process.Err(); err != nil {
		t.Errorf("process ended with %v", err)
	}
}
