package ingest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestExpand(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"mail.log", "mail.log.1", "mail.info", "mail.info.1", "syslog", "exim4/mainlog", "exim4/rejectlog", "exim4/rejectlog.1",
		"alone/rejectlog", "state/lock", "state/positions/x.json", "state/clickhouse/x.sql", "first/lock", "box/new/1", "box/cur/2:2,S", "box/tmp/3", ".hidden/x.log", ".dot", "mails/a.eml"} {
		write(t, filepath.Join(dir, name), "Nov 21 18:56:32 mx1 x: y\n")
	}
	for link, to := range map[string]string{"again.log": "mail.log", "gone.log": "nowhere", "loop": ".", "zlinks/b.eml": "../mails/a.eml", "zlinks/mails": "../mails"} {
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
		{[]string{dir + "/gone/syslog", dir + "/gone/mail.log"}, []string{"gone/mail.log"}, []string{"gone/syslog"}},
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
		if diff := cmp.Diff([][]string{test.files, test.skipped}, [][]string{relative(found.Files), relative(paths)}); diff != "" {
			t.Errorf("%v: %s", relative(test.paths), diff)
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
