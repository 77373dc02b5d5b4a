package parse

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/bouncehouse/bouncehouse"
)

// Whom journald names as the writer decides whether a record counts, in any
// form of the journal, and in whatever order its fields stand.
func TestJournalTrust(t *testing.T) {
	ours := Journal{Units: []string{"relay.service"}}
	const postfix = "/usr/lib/postfix/sbin/smtp"
	tests := []struct {
		uid, unit, exe  string
		comm, transport string
		journal         Journal
		believed        bool
	}{
		{uid: "0", unit: "session-1.scope", exe: "/usr/bin/logger", believed: true},
		{uid: "101", unit: "postfix@-.service", exe: postfix, believed: true},
		{uid: "89", unit: "postfix.service", exe: "/usr/libexec/postfix/smtp", believed: true},
		{uid: "101", unit: "session-1.scope", exe: postfix, believed: true}, // started by hand
		{uid: "101", unit: "exim4.service", exe: "/usr/sbin/exim4", believed: true},
		{uid: "61555", unit: "haraka.service", exe: "/usr/bin/node", believed: true}, // DynamicUser=
		{uid: "101", believed: true}, // gone before journald looked
		{believed: true},             // stripped
		{uid: "101", unit: "docker-0a1b.scope", exe: postfix, believed: true},
		// Stripped of the account: what is left must not say otherwise.
		{unit: "postfix@-.service", exe: postfix, comm: "smtp", transport: "syslog", believed: true},
		{unit: "postfix.service", believed: true},
		{exe: "/usr/sbin/exim4", comm: "exim4", believed: true},
		{comm: "sendmail-mta", transport: "syslog", believed: true},
		{comm: "qmail-send", transport: "stdout", believed: true},
		{comm: "python3"},
		{comm: "logger", transport: "syslog"},
		{comm: "postlog"},
		{transport: "kernel"},
		{transport: "audit", comm: "smtp"},
		{transport: "driver"},
		{unit: "user@1000.service"},
		{unit: "session-3.scope", exe: postfix},
		{unit: "postfix@-.service", exe: "/usr/bin/perl"}, // a .forward's command
		{unit: "user@1000.service", exe: postfix, comm: "smtp", transport: "syslog"},
		{unit: "postfix@-.service", exe: postfix, comm: "bash"},
		{exe: "/home/a/usr/lib/postfix/sbin/smtp"},
		{unit: "relay.service", journal: ours, believed: true},
		{unit: "relay.service"},
		// The program of another service's process: it may be in a namespace of its own.
		{uid: "33", unit: "apache2.service", exe: postfix},
		{uid: "-1", unit: "postfix.service", exe: postfix},
		{uid: "+0"},
		{uid: "4294967296", unit: "postfix.service"},
		{uid: "0 ", unit: "postfix.service"},
		{uid: "1000", unit: "user@1000.service", exe: "/usr/bin/logger"},
		{uid: "1000", unit: "postfix@-.service", exe: "/usr/bin/logger"}, // a .forward's command
		{uid: "1000", unit: "user@1000.service", exe: postfix},
		{uid: "1000"},
		{uid: "33", unit: "apache2.service", exe: "/usr/sbin/apache2"},
		{uid: "33", unit: "apache2.service", exe: "/usr/sbin/postlog"},
		{uid: "33", unit: "xpostfix.service", exe: "/tmp/usr/lib/postfix/smtp"},
		{uid: "x", unit: "postfix.service"},
		{uid: "101", unit: "relay.service", exe: "/opt/relay/smtp"},
		{uid: "101", unit: "relay.service", exe: "/opt/relay/smtp", journal: ours, believed: true},
		{uid: "1000", unit: "user@1000.service", journal: Journal{UIDs: []int{1000}}, believed: true},
		{uid: "101", unit: "postfix.service", exe: postfix, journal: Journal{UIDs: []int{1000}}},
		{uid: "0", journal: Journal{UIDs: []int{1000}}, believed: true},
	}
	const message = "4jX1fM33S7zCf: to=<kim@corp.example>, relay=mx.corp.example[203.0.113.5]:25, delay=1, delays=0/0/0/1, dsn=5.1.1, status=bounced (host mx.corp.example[203.0.113.5] said: 550 5.1.1 no (in reply to RCPT TO command))"
	for _, test := range tests {
		fields := []string{"SYSLOG_IDENTIFIER=postfix/smtp", "MESSAGE=" + message, "_HOSTNAME=mx1", "_PID=7",
			"__REALTIME_TIMESTAMP=1788360555123456"}
		for name, value := range map[string]string{"_UID": test.uid, "_SYSTEMD_UNIT": test.unit, "_EXE": test.exe,
			"_COMM": test.comm, "_TRANSPORT": test.transport} {
			if value != "" {
				fields = append(fields, name+"="+value)
			}
		}
		object := map[string]string{"__CURSOR": "s=1"}
		for _, f := range fields {
			name, value, _ := strings.Cut(f, "=")
			object[name] = value
		}
		line, err := json.Marshal(object)
		if err != nil {
			t.Fatal(err)
		}
		object["CONTAINER_NAME"], object["MESSAGE"] = "mail", "postfix/smtp[7]: "+message
		container, err := json.Marshal(object)
		if err != nil {
			t.Fatal(err)
		}
		object["LOG"] = "postfix/smtp[7]: " + message + "\n" // any process may write such a field
		docker, err := json.Marshal(object)
		if err != nil {
			t.Fatal(err)
		}
		logs := []string{string(line), string(container), string(docker)}
		for range fields { // each order but turned
			fields = append(fields[1:], fields[0])
			logs = append(logs, "__CURSOR=s=1\n"+strings.Join(fields, "\n")+"\n\n__CURSOR=s=2\n")
		}
		want, doubted := 1, 0
		if !test.believed {
			want, doubted = 0, 1
		}
		for _, log := range logs {
			for _, as := range []string{"postfix", Auto} {
				p, err := New(as, Options{Journal: test.journal})
				if err != nil {
					t.Fatal(err)
				}
				var res bouncehouse.Result
				bouncehouse.ParseChunk(p, logChunk("journal", log, 0), &res)
				if len(res.Events) != want || res.Doubted != doubted {
					t.Errorf("%+v as %s: %d events, %d doubted, want %d, %d, of\n%s", test, as, len(res.Events),
						res.Doubted, want, doubted, log)
				}
			}
		}
	}
}

// The keys of an object are exact, and stand once; a value is text. The objects
// are of what a process that is not believed might have written, but for the
// first ones.
func TestJournalKeys(t *testing.T) {
	const record = `"__REALTIME_TIMESTAMP":"1788360555123456","SYSLOG_IDENTIFIER":"postfix/smtp","_HOSTNAME":"mx1",` +
		`"MESSAGE":"4jX1fM33S7zCf: to=<kim@corp.example>, relay=none, delay=1, delays=0/0/0/1, dsn=5.1.1, status=bounced (no)"`
	for object, want := range map[string]struct{ events, doubted int }{
		`{` + record + `,"_UID":"0"}`:                                         {1, 0},
		`{` + record + `,"\u005fUID":"0","_uid":"1000"}`:                      {1, 0},
		`{` + record + `,"NOTE":["_UID","0"],"A":{"_UID":"1000"},"_UID":"0"}`: {1, 0},
		`{` + record + `,"_EXE":null,"_UID":"0","LOG":"x","message":"x"}`:     {1, 0},
		`{` + record + `,"_uid":"0","_UID":"1000"}`:                           {0, 1},
		`{` + record + `,"_UID":"1000","_uid":"0"}`:                           {0, 1},
		`{` + record + `,"_UID":"1000","_Uid":"0","_UID ":"0"}`:               {0, 1},
		`{` + record + `,"_UID":"1000","_UID":"0"}`:                           {0, 1},
		`{` + record + `,"_UID":"0","_UID":"1000"}`:                           {0, 1},
		`{` + record + `,"_UID":"1000","\u005fUID":"0"}`:                      {0, 1},
		`{` + record + `,"_UID":["1000","0"]}`:                                {0, 1},
		`{` + record + `,"_UID":0}`:                                           {0, 1},
		`{` + record + `,"_UID":"0","SYSLOG_IDENTIFIER":"postfix/smtp"}`:      {0, 1},
		`{` + record + `,"_uid":"0","_COMM":"logger"}`:                        {0, 1},
		`{` + record + `,"_UID":"0"`:                                          {0, 0}, // cut
		`{` + record + `,"_UID":"0"}}`:                                        {0, 0},
		`{` + strings.ToLower(record) + `,"MESSAGE ":"x"}`:                    {0, 0},
	} {
		for _, as := range []string{"postfix", Auto} {
			if res := parseLog(t, as, "journal", object+"\n"); len(res.Events) != want.events ||
				res.Doubted != want.doubted {
				t.Errorf("%s as %s: %d events, %d doubted, want %+v", object, as, len(res.Events), res.Doubted, want)
			}
		}
	}
}

// What stands in a binary value is no field and no entry, of whatever length
// and lines it is.
func TestJournalExportInjected(t *testing.T) {
	forged := "__CURSOR=s=9\n__REALTIME_TIMESTAMP=1788360555123456\n_UID=0\n_PID=7\n_HOSTNAME=mx1\nSYSLOG_IDENTIFIER=postfix/smtp\nMESSAGE=4F2D1A0C3B: to=<a@b.example>, relay=none, delay=1, delays=1/0/0/0, dsn=5.0.0, status=bounced (no)\n"
	entry := func(value string) string {
		length := binary.LittleEndian.AppendUint64(nil, uint64(len(value)))
		return "__CURSOR=s=1\n__REALTIME_TIMESTAMP=1788360555123456\nNOTE\n" + string(length) + value +
			"\n_UID=1000\n_PID=8\n_HOSTNAME=mx1\nSYSLOG_IDENTIFIER=postfix/smtp\nMESSAGE=4F2D1A0C3C: to=<c@d.example>, relay=none, delay=1, delays=1/0/0/0, dsn=5.0.0, status=bounced (no)\n\n"
	}
	honest := strings.ReplaceAll(forged, "a@b.example", "kim@corp.example")
	first := strings.ReplaceAll(honest, "4F2D1A0C3B", "4F2D1A0C3A") + "\n"
	check := func(pad int, end string, res *bouncehouse.Result, want int) {
		t.Helper()
		for i := range res.Events {
			if res.Events[i].Recipient != "kim@corp.example" {
				t.Fatalf("%d bytes, line ends %q: %s", pad, end, res.Events[i].Recipient)
			}
		}
		if len(res.Events) != want || want == 2 && res.Doubted != 1 {
			t.Fatalf("%d bytes, line ends %q: %d events, %d doubted", pad, end, len(res.Events), res.Doubted)
		}
	}
	for pad := range 3000 {
		for _, end := range []string{"\n", "\r\n", "\n\n", "\r\n\r\n"} {
			log := first + entry(strings.Repeat("x", pad)+end+strings.ReplaceAll(forged, "\n", end)) + honest +
				"\n__CURSOR=s=3\n"
			check(pad, end, parseLog(t, "postfix", "journal", log), 2)
			if pad > 300 && pad%100 != 0 {
				continue
			}
			// A source of an older version cut chunks at any line end. Without a
			// record among the length's bytes its value has no end that is known.
			p, at, res := newParser(t, "postfix"), 0, new(bouncehouse.Result)
			for line := range strings.Lines(log) {
				c := logChunk("journal", line, at)
				c.Seq = uint64(at) + 1
				bouncehouse.ParseChunk(p, c, res)
				at += len(line)
			}
			check(pad, end, res, 2)
		}
	}
}

// An export's entry is told where it ends: the last one too, one that has a
// binary value before all else or last, and one whose message is binary.
func TestJournalExportEnds(t *testing.T) {
	const message = "4F2D1A0C3B: to=<kim@corp.example>, relay=none, delay=1, delays=1/0/0/0, dsn=5.0.0, status=bounced (no)"
	length := func(s string) string { return string(binary.LittleEndian.AppendUint64(nil, uint64(len(s)))) + s }
	const head, trusted = "__CURSOR=s=1\n",
		"__REALTIME_TIMESTAMP=1788360555123456\n_UID=0\n_HOSTNAME=mx1\nSYSLOG_IDENTIFIER=postfix/smtp\n"
	for name, log := range map[string]string{
		"binary first": head + "NOTE\n" + length("\x00\n\n") + "\n" + trusted + "MESSAGE=" +
			message + "\n\n",
		"binary last":      head + trusted + "MESSAGE=" + message + "\nNOTE\n" + length("a\n\n\n") + "\n\n",
		"ten bytes, last":  head + trusted + "MESSAGE=" + message + "\nNOTE\n" + length("0123456789") + "\n\n",
		"none, last":       head + trusted + "MESSAGE=" + message + "\nNOTE\n" + length("") + "\n\n",
		"a binary message": head + trusted + "MESSAGE\n" + length(message+"\n\x1b") + "\n\n",
		"a binary message of 256": head + "MESSAGE\n" + length(message+strings.Repeat("\n", 256-len(message))) + "\n" +
			trusted + "\n",
		"no account": head + strings.Replace(trusted, "_UID=0\n", "", 1) + "MESSAGE=" + message + "\n\n",
	} {
		if res := parseLog(t, "postfix", "journal", log); len(res.Events) != 1 ||
			res.Events[0].ReplyText != "" && res.Events[0].Recipient != "kim@corp.example" {
			t.Errorf("%s: %d events", name, len(res.Events))
		}
		if res := parseLog(t, "postfix", "journal", strings.TrimSuffix(log, "\n")); len(res.Events) != 0 {
			t.Errorf("%s, before its end: %d events", name, len(res.Events))
		}
	}
}

// An entry that was cut, by a journalctl that was ended, has no account yet, and
// that of the next one is not its own.
func TestJournalExportCut(t *testing.T) {
	const message = "MESSAGE=4F2D1A0C3B: to=<kim@corp.example>, relay=none, delay=1, delays=1/0/0/0, dsn=5.0.0, status=bounced (no)\n"
	const fields, honest = "__REALTIME_TIMESTAMP=1788360555123456\n_HOSTNAME=mx1\nSYSLOG_IDENTIFIER=",
		"__CURSOR=s=2\n__REALTIME_TIMESTAMP=1788360555123457\n_HOSTNAME=mx1\nSYSLOG_IDENTIFIER=cron\n_UID=0\nMESSAGE=x\n\n"
	forged := "__CURSOR=s=1\n" + message + fields + "postfix/smtp\nNOTE\n" +
		string(binary.LittleEndian.AppendUint64(nil, 40)) + strings.Repeat("x\n", 20) +
		"\n_COMM=smtp\n_UID=33\n_SYSTEMD_UNIT=apache2.service\n\n"
	if res := parseLog(t, "postfix", "journal", forged+honest); len(res.Events) != 0 || res.Doubted != 1 {
		t.Fatalf("%d events, %d doubted", len(res.Events), res.Doubted)
	}
	for cut := range forged {
		for _, next := range []string{honest, "\n" + honest,
			strings.ReplaceAll(honest, "cron", "cron\n_TRANSPORT=syslog\n_COMM=cron"),
			strings.Replace(honest, "MESSAGE=x\n", "", 1)} {
			if strings.HasPrefix(next, "\n") && strings.HasSuffix(forged[:cut], "\n") {
				continue // an empty line is journald's word that the entry is whole
			}
			res := parseLog(t, "postfix", "journal", forged[:cut]+next+next)
			if len(res.Events) != 0 {
				t.Errorf("cut at %d, %q, then %q: %+v", cut, forged[max(0, cut-20):cut], next, res.Events)
			}
		}
	}
}

// An export that tells of writers and one that was stripped, from a file.
func TestJournalStripped(t *testing.T) {
	b, err := os.ReadFile("testdata/postfix/wrapped-journal-export.log")
	if err != nil {
		t.Fatal(err)
	}
	stripped := parseLog(t, "postfix", "journal", string(b))
	for uid, want := range map[int]int{0: len(stripped.Events), 1000: 0} {
		log := strings.ReplaceAll(string(b), "_TRANSPORT=syslog\n", fmt.Sprintf("_TRANSPORT=syslog\n_UID=%d\n", uid))
		res := parseLog(t, "postfix", "journal", log)
		if len(res.Events) != want || want == 0 {
			t.Logf("uid %d: %d events of %d, %d doubted", uid, len(res.Events), len(stripped.Events), res.Doubted)
		}
		if len(res.Events) != want {
			t.Errorf("uid %d: %d events, want %d", uid, len(res.Events), want)
		}
	}
}
