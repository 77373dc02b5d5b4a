package ingest

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestExpand(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"mail.log", "mail.log.1", "mail.info", "mail.info.1", "syslog", "exim4/mainlog",
		"exim4/rejectlog", "exim4/rejectlog.1",
		"alone/rejectlog", "state/lock", "state/positions/x.json", "state/clickhouse/x.sql", "first/lock", "box/new/1",
		"box/cur/2:2,S", "box/tmp/3", ".hidden/x.log", ".dot", "mails/a.eml"} {
		write(t, filepath.Join(dir, name), "Nov 21 18:56:32 mx1 x: y\n")
	}
	for link, to := range map[string]string{"again.log": "mail.log", "gone.log": "nowhere", "loop": ".",
		"zlinks/b.eml": "../mails/a.eml", "zlinks/mails": "../mails"} {
		os.MkdirAll(filepath.Dir(filepath.Join(dir, link)), 0o700)
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	write(t, filepath.Join(dir, "wtmp"), "\x07\x00\x00\x00\x08\x00")
	relative := func(paths []string) (out []string) {
		for _, p := range paths {
			out = append(out, strings.TrimPrefix(p, dir+"/"))
		}
		return out
	}
	for _, test := range []struct {
		paths, files, skipped []string
	}{
		{[]string{dir}, []string{"alone/rejectlog", "box", "exim4/mainlog", "mail.log", "mail.log.1", "mails/a.eml"},
			[]string{"wtmp", "exim4/rejectlog", "exim4/rejectlog.1", "mail.info", "mail.info.1", "syslog"}},
		{[]string{dir + "/mail.info"}, []string{"mail.info"}, nil},
		{[]string{dir + "/syslog", dir + "/mail.log.1"}, []string{"mail.log.1"}, []string{"syslog"}},
		{[]string{dir + "/zlinks"}, []string{"zlinks/b.eml"}, []string{"zlinks/mails"}},
		{[]string{dir + "/zlinks/mails"}, []string{"zlinks/mails/a.eml"}, nil},
		{[]string{dir + "/syslog", dir + "/loop/mail.log.1"}, []string{"loop/mail.log.1"}, []string{"syslog"}},
		{[]string{dir + "/gone/syslog", dir + "/gone/mail.log"}, []string{"gone/syslog", "gone/mail.log"}, nil},
		{[]string{dir + "/box", dir + "/gone"}, []string{"box", "gone"}, nil},
	} {
		found, err := Expand(test.paths)
		if err != nil {
			t.Fatal(err)
		}
		var paths []string
		for _, s := range found.Skipped {
			if paths = append(paths, s.Path); s.Reason == "" {
				t.Errorf("%s: no reason", s.Path)
			}
		}
		if diff := cmp.Diff([][]string{test.files, test.skipped},
			[][]string{relative(found.Files), relative(paths)}); diff != "" {
			t.Errorf("%v: %s", relative(test.paths), diff)
		}
	}
}

// A log is skipped for one whose lines it repeats, not for a name.
func TestExpandRepeats(t *testing.T) {
	line, mail := "Nov 21 18:56:32 mx1 x: y\n", "From x@example.org Sat Nov 21 11:00:00 2026\nSubject: x\n\n"
	for _, test := range []struct {
		name    string
		files   map[string]string
		skipped string
	}{
		{"log", map[string]string{"syslog": line, "mail": line}, "syslog"},
		{"log just rotated", map[string]string{"syslog": line, "mail.log": "", "mail.log.1": line}, "syslog"},
		{"Maildir", map[string]string{"syslog": line, "mail/cur/1": mail, "mail/new/2": mail}, ""},
		{"mbox", map[string]string{"syslog": line, "mail": mail, "mail.info": line}, ""},
		{"mbox beside a log", map[string]string{"syslog": line, "mail": mail, "mail.log": line}, "syslog"},
		{"empty", map[string]string{"messages": line, "mail.log": "", "mail.log.1": ""}, ""},
		{"empty of the mailbox's name", map[string]string{"messages": line, "mail": "", "mail.1": mail}, ""},
		{"mailbox of a log's name", map[string]string{"messages": mail, "mail.log": line}, ""},
		{"Maildir of a log's name", map[string]string{"messages/cur/1": mail, "messages/new/2": mail, "mail.log": line},
			""},
	} {
		dir := t.TempDir()
		for name, text := range test.files {
			write(t, filepath.Join(dir, name), text)
		}
		found, err := Expand([]string{dir})
		if err != nil {
			t.Fatal(err)
		}
		var skipped []string
		for _, s := range found.Skipped {
			skipped = append(skipped, filepath.Base(s.Path))
		}
		if got := strings.Join(skipped, " "); got != test.skipped {
			t.Errorf("%s: skipped %q, not %q", test.name, got, test.skipped)
		}
	}
}

// Of the names of one file that is taken by which a log is written; the others
// are told of.
func TestExpandHardLinks(t *testing.T) {
	for _, test := range []struct{ names, others, want string }{
		{"a/mail.log mail.log", "", "mail.log"},
		{"a/mail.log mail.log z/mail.log", "a/mail.log.1 mail.log.1", "mail.log"},
		{"m.log mail/mail.log", "mail/mail.log.1", "mail/mail.log"},
		{"a.log mail.log", "mail.log.2.gz", "mail.log"},
		{"a/mail.log-20261120 mail.log", "", "mail.log"},
		// a snapshot
		{"mail.log backup/mail.log-20261129", "backup/mail.log-20261128 old/mail.log-20261128", "mail.log"},
		{"mail.log.1 x/mail.log.1", "", "mail.log.1"},
	} {
		dir := t.TempDir()
		names := strings.Fields(test.names)
		write(t, filepath.Join(dir, names[0]), "Nov 21 18:56:32 mx1 x: y\n")
		for _, name := range names[1:] {
			os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700)
			if err := os.Link(filepath.Join(dir, names[0]), filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
		}
		for _, name := range strings.Fields(test.others) {
			write(t, filepath.Join(dir, name), "Nov 20 18:56:32 mx1 x: y "+name+"\n")
		}
		found, err := Expand([]string{dir})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, path := range found.Files {
			if name := strings.TrimPrefix(path, dir+"/"); slices.Contains(names, name) {
				got = append(got, name)
			}
		}
		if len(got) != 1 || got[0] != test.want || len(found.Skipped) != len(names)-1 ||
			found.Skipped[0].Reason != "it is another name of "+filepath.Join(dir, test.want) {
			t.Errorf("%s beside %q: %s, %v", test.names, test.others, got, found.Skipped)
		}
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
