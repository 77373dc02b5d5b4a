package ingest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// The first start reads all siblings, in order of time. The names are those
// of several schemes; the times tell.
func TestRotationOrderOfTime(t *testing.T) {
	p := newPlace(t)
	var want []string
	for i, name := range []string{"-20261001", "-2026-10-08.gz", ".10.gz", ".9", ".2.zst", ".1", ".0"} {
		text, lines := logLines(i*10, 10)
		want = append(want, lines...)
		path := p.log + name
		plain := strings.TrimSuffix(strings.TrimSuffix(path, ".gz"), ".zst")
		p.write(plain, text)
		if err := os.Chtimes(plain, p.now, p.now.AddDate(0, 0, i-20)); err != nil {
			t.Fatal(err)
		}
		if plain != path {
			(&logger{place: p}).pack(plain, path)
			os.Remove(plain)
		}
	}
	text, lines := logLines(500, 3)
	p.write(p.log, text)
	p.write(p.log+".bak.txt", "not a sibling\n")
	if diff := cmp.Diff(append(want, lines...), p.drain(p.open(p.log+".9"))); diff != "" {
		t.Error(diff)
	}
	if got := p.drain(p.open(p.log)); got != nil {
		t.Errorf("read again: %q", got)
	}
}

// Files that were copied without their times all seem to be of one moment.
func TestRotationOrderOfNames(t *testing.T) {
	for _, names := range [][]string{
		{"mail.log.10", "mail.log.9", "mail.log.2", "mail.log.1", "mail.log.0"},
		{"mail.log-20251231", "mail.log-20260101", "mail.log-2026010203", "mail.log-2026010204"},
		// Exchange's
		{"mail2026111817-1.log", "mail2026111818-1.log", "mail2026111818-2.log", "mail2026111818-10.log",
			"mail2026111818-12.log"},
		{"mail.log-20261120-999999999", "mail.log-20261120-1700000000", "mail.log-2026-11-21"},
	} {
		p := newPlace(t)
		var want []string
		for i, name := range names {
			text, lines := logLines(i*10, 10)
			want = append(want, lines...)
			p.write(p.in(name), text)
			if err := os.Chtimes(p.in(name), p.now, p.now.Add(-time.Duration(i+10)*time.Second)); err != nil {
				t.Fatal(err)
			}
		}
		if diff := cmp.Diff(want, p.drain(p.open(p.log))); diff != "" {
			t.Errorf("%s", diff)
		}
	}
}

func TestBaseName(t *testing.T) {
	for name, want := range map[string]string{
		"mail.log": "mail.log", "mail.log.1": "mail.log", "mail.log.12.gz": "mail.log", "mail.log-20261120": "mail.log",
		"mail.log-20261120.zst": "mail.log", "mail.log_20261120": "mail.log", "mail.log_20261120.gz": "mail.log",
		"mail.1.log": "mail.1.log", "mail.log-2026-11-20": "mail.log", "maillog-20261120-1700000000.xz": "maillog",
		"mainlog.01": "mainlog", "mail-20261120.log": "mail.log", "mail-20261120.log.gz": "mail.log",
		"mail.log.old": "mail.log",
		"mail.log.gz":  "mail.log", "postfix2.log": "postfix2.log", "mx1.example.org.log": "mx1.example.org.log",
		"@400000006560a1b21d3f5c2c.s": "current", "mail.log.1~": "mail.log.1~",
		"current": "current", "SEND2026112014-1.LOG": "SEND.LOG", "MSGTRK20261120-2.LOG.gz": "MSGTRK.LOG",
		"MSGTRKMS20261120-1.LOG":     "MSGTRKMS.LOG",
		"hmailserver_2026-11-20.log": "hmailserver.log", "MDaemon-2026-11-20-SMTP-(out).log": "MDaemon-SMTP-(out).log",
		"20261120-140000": "segments", "20261120-140000.123456.zst": "segments",
		"20261120-140000.123456789_bounces": "segments_bounces", "acct-2026-11-20-0000.csv": "acct.csv",
		"acct.2026-11-20.csv.gz": "acct.csv",
		"lhost-exim-01.eml":      "lhost-exim-01.eml",
		"192.0.2.10":             "192.0.2.10", "192.0.2.10.gz": "192.0.2.10", "192.0.2.10.1": "192.0.2.10",
		"192.0.2.10.1.gz": "192.0.2.10", "192.0.2.10-20261120": "192.0.2.10",
		"mail.192.0.2.10": "mail.192.0.2.10", "mail-1-192.0.2.10.2": "mail-1-192.0.2.10",
		"::ffff:192.0.2.10": "::ffff:192.0.2.10",
		"ip-192-0-2-10":     "ip-192-0-2-10", "ip-192-0-2-10-1": "ip-192-0-2-10", "ip-192-0-2-10.1": "ip-192-0-2-10",
		"mail.log-2026-11-20-01": "mail.log",
	} {
		if got, _, _ := baseName(name); got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
}

// With logrotate's extension the number stands before it. Alone, such names are
// those of logs of their own.
func TestNumberBeforeTheExtension(t *testing.T) {
	p := newPlace(t)
	p.now = p.now.Add(time.Hour)
	var want []string
	write := func(name string, i int) {
		text, lines := logLines(i, 10)
		p.write(p.in(name), text)
		want = append(want, lines...)
	}
	write("mail.2.log", 0)
	write("mail.1.log", 10)
	write("mail.log", 20)
	for _, name := range []string{"node.1.log", "node.2.log", "ip.192.0.2.10.log", "host.log", "host.2.log", "box.log",
		"box.1.log", "box.1.log.1", "box.2.log"} {
		text, _ := logLines(1000, 10)
		p.write(p.in(name), text)
	}
	if diff := cmp.Diff(want, p.drain(p.open(p.log))); diff != "" {
		t.Error(diff)
	}
	for name, base := range map[string]string{"mail.1.log": "mail.log", "node.1.log": "node.1.log",
		"ip.192.0.2.10.log": "ip.192.0.2.10.log", "host.2.log": "host.2.log", "box.1.log.1": "box.1.log",
		"box.1.log": "box.1.log", "box.2.log": "box.2.log", "mail.2.log": "mail.log"} {
		if got := basePath(p.in(name)); got != p.in(base) {
			t.Errorf("%s is of %s", name, got)
		}
	}
}

// A rotator renames the files while they are listed: none is missed, whether
// all are kept, or the oldest goes with each turn and the names stay.
func TestListWhileRotated(t *testing.T) {
	const files = 40
	for style, turn := range map[string]func(name func(int) string, turn int) error{
		"all are kept": func(name func(int) string, turn int) (err error) {
			for n := files + turn; n > turn; n-- {
				err = errors.Join(err, os.Rename(name(n), name(n+1)))
			}
			return err
		},
		"so many are kept": func(name func(int) string, _ int) error {
			err := os.Rename(name(files), name(0)+"-elsewhere")
			for n := files - 1; n >= 0; n-- {
				err = errors.Join(err, os.Rename(name(n), name(n+1)))
			}
			return errors.Join(err, os.Rename(name(0)+"-elsewhere", name(0)))
		},
	} {
		t.Run(style, func(t *testing.T) {
			log := filepath.Join(t.TempDir(), "mail.log")
			name := func(n int) string {
				if n == 0 {
					return log
				}
				return fmt.Sprintf("%s.%d", log, n)
			}
			for n := range files + 1 {
				if err := os.WriteFile(name(n), nil, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			inodes := func() map[uint64]bool {
				found, err := list(log, nil)
				if err != nil {
					t.Fatal(err)
				}
				all := map[uint64]bool{}
				for _, s := range found {
					all[diskOf(s.info).Inode] = true
				}
				return all
			}
			for i := range 40 {
				was := inodes()
				var all sync.WaitGroup
				all.Go(func() {
					if err := turn(name, i); err != nil {
						t.Error(err)
					}
				})
				var during []map[uint64]bool
				for range 4 {
					during = append(during, inodes())
				}
				all.Wait()
				now := inodes()
				for inode := range was {
					for _, found := range during {
						if now[inode] && !found[inode] {
							t.Fatalf("rotation %d: one of %d files is not listed", i, len(now))
						}
					}
				}
			}
		})
	}
}
