package ingest

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestStreams(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"log/mail.log", "log/mail.log.1", "log/old/mail.log.2", "log/old/older/mail.log.3.x",
		"log/old/deep/mail.log.4",
		"log/mx2/mail.log", "log/mx2/old/mail.log.1", "log/other/x.log", "log/other/daemon.log.1",
		"data/mail.log-20261130", "apart/mail.log.1",
		"late/mail.log.1", "late/old/mail.log.2", "moved/mail.log.1", "hosts/mail.log", "hosts/h1/mail.log-20261130",
		"hosts/h2/mail.log-20261130", "remote/mail.log", "remote/mx3/mail.log-20261130"} {
		write(t, filepath.Join(dir, name), "Nov 21 18:56:32 mx1 x: y\n")
	}
	for name, host := range map[string]string{"one/mail.log": "mx1", "one/hostb/mail.log-20261130": "mx2",
		"two/mail.log": "mx1", "two/old/mail.log.2": "mx2", "two/old/mail.log.1": "mx1"} {
		write(t, filepath.Join(dir, name), strings.Repeat("2026-11-21T18:56:32.123456+08:00 "+host+" x: y\n", 1000))
	}
	write(t, filepath.Join(dir, "log/a.eml"), "From: <a@example.org>\nSubject: a\n\na\n")
	write(t, filepath.Join(dir, "log/old/a.eml.1"), "From: <b@example.org>\nSubject: b\n\nb\n")
	for _, name := range []string{"log/empty", "log/mx2/empty"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for link, to := range map[string]string{"logs": "log", "link": "data/mail.log-20261130", "log2": "log/mail.log",
		"moved/mail.log": "../log/mail.log", "remote/mx3/mail.log": "mail.log-20261130"} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		paths, streams, folders string
	}{
		{"log/mail.log log/mail.log.1", "log/mail.log", ""},
		// whose log is in old does not show
		{"log/mail.log.1 log/old/mail.log.2", "log/mail.log.1 log/old/mail.log.2", ""},
		{"log/mail.log log/old", "log/mail.log log/old/a.eml.1 log/old/older/mail.log.3.x",
			"log/mail.log: log/old/deep log/old"},
		{"log/old/mail.log.2 logs/mail.log", "logs/mail.log", "logs/mail.log: log/old"},
		{"log/mail.log logs/mail.log", "log/mail.log", ""},
		{"log2 log/mail.log", "log/mail.log", ""},
		{"logs/mail.log.1 log/mail.log log/old", "logs/mail.log.1 log/old/a.eml.1 log/old/older/mail.log.3.x",
			"logs/mail.log: log/old/deep log/old"},
		{"moved/mail.log moved/mail.log.1 log/mail.log", "moved/mail.log log/mail.log", ""},
		{"remote", "remote/mail.log remote/mx3/mail.log-20261130", ""},
		{"hosts", "hosts/h1/mail.log-20261130 hosts/h2/mail.log-20261130 hosts/mail.log", ""},
		{"one", "one/hostb/mail.log-20261130 one/mail.log", ""},
		{"one/mail.log one/hostb", "one/mail.log one/hostb/mail.log-20261130", ""},
		{"two", "two/mail.log", "two/mail.log: two/old"},
		{"hosts/mail.log hosts/h1", "hosts/mail.log", "hosts/mail.log: hosts/h1"},
		{"link data", "data/mail.log-20261130", ""},
		{"apart log/mail.log", "apart/mail.log.1 log/mail.log", ""},
		{"late", "late/mail.log.1 late/old/mail.log.2", ""},
		{"late late/mail.log", "late/mail.log.1", "late/mail.log: late/old"},
		{"gone/mail.log gone/old", "gone/mail.log gone/old", ""},
		{"log", "log/a.eml log/mail.log log/mx2/mail.log log/old/a.eml.1 log/old/older/mail.log.3.x log/other/daemon.log.1 log/other/x.log",
			"log/mail.log: log/old/deep log/old log/empty; log/mx2/mail.log: log/mx2/old log/mx2/empty"},
	} {
		var paths []string
		for _, path := range strings.Fields(test.paths) {
			paths = append(paths, filepath.Join(dir, path))
		}
		found, err := Expand(paths)
		if err != nil {
			t.Fatal(err)
		}
		streams, folders := found.Streams(nothingRead(t))
		var all []string
		for _, log := range slices.Sorted(maps.Keys(folders)) {
			all = append(all, log+": "+strings.Join(folders[log], " "))
		}
		got := strings.ReplaceAll(strings.Join(streams, " ")+"|"+strings.Join(all, "; "), dir+"/", "")
		if diff := cmp.Diff(test.streams+"|"+test.folders, got); diff != "" {
			t.Errorf("%s: %s", test.paths, diff)
		}
	}
}

// Names that rotation may have changed twice are those of several streams, all
// of which are read.
func TestStreamsOfLikeNames(t *testing.T) {
	for _, names := range [][]string{
		{"192.0.2.10", "192.0.3.10"},
		{"192.0.2.10", "192.0.2.11", "192.0.2.12.gz"},
		{"ip-192-0-2-10", "ip-192-0-2-11"},
		{"2026-10-31", "2026-11-01"},
		{"mail.log", "mail.log.2026-11-28.1"},
		{"mail.log", "mail-20261128.log.1"},
	} {
		p := newPlace(t)
		var paths, want []string
		streams := map[string]bool{}
		for i, name := range names {
			text, lines := logLines(100*i, 5)
			p.write(p.in(name), text)
			paths, want = append(paths, p.in(name)), append(want, lines...)
		}
		for _, path := range paths {
			src := p.open(path)
			streams[src.Stream()] = true
			src.Close()
		}
		if len(streams) != len(names) {
			t.Errorf("%q: %v", names, streams)
		}
		p.equal(fmt.Sprint(names), want, p.run(paths))
	}
}

// A log that was read is not taken for the rotated files of the one above while it waits for its next file.
func TestLogBelowAnother(t *testing.T) {
	p := newPlace(t)
	text, _ := logLines(0, 20)
	p.ok(os.MkdirAll(p.in("logs/b"), 0o700))
	p.write(p.in("logs/mail.log"), text)
	text, _ = logLines(100, 20)
	p.write(p.in("logs/b/mail.log"), text)
	p.run([]string{p.in("logs/mail.log"), p.in("logs/b/mail.log")})
	p.ok(os.Rename(p.in("logs/b/mail.log"), p.in("logs/b/mail.log.1")))
	for _, name := range []string{"logs/b/mail.log.1", "logs/b/mail.log.2"} { // and by the next start
		p.ok(os.Rename(p.in("logs/b/mail.log.1"), p.in("moved")))
		p.ok(os.Rename(p.in("moved"), p.in(name)))
		found, err := Expand([]string{p.in("logs")})
		p.ok(err)
		led, err := OpenLedger(p.state, p.options().Log)
		p.ok(err)
		paths, folders := found.Streams(led)
		want := []string{p.in(name), p.in("logs/mail.log")}
		slices.Sort(paths)
		if len(folders) > 0 || !slices.Equal(paths, want) {
			t.Errorf("%v, folders %v, want %v", paths, folders, want)
		}
		p.equal(name, nil, p.run(paths))
	}
}

// What logrotate puts into another folder is read in the order of its writing,
// when nobody looked and after a restart.
func TestRotationsIntoAFolder(t *testing.T) {
	for _, turns := range []int{1, 2, 4, 20} {
		for _, restarts := range []bool{false, true} {
			t.Run(fmt.Sprintf("%d, restart: %v", turns, restarts), func(t *testing.T) {
				bubble(t, func(t *testing.T, l *logger, r *reader) {
					old := filepath.Join(filepath.Dir(l.log), "old")
					l.check(os.Mkdir(old, 0o700))
					r.change = append(r.change, func(o *Options) {
						found, err := Expand([]string{l.log, old})
						l.check(err)
						_, o.Folders = found.Streams(nothingRead(t))
					})
					r.restart()
					l.write(3)
					r.follow(3 * time.Second)
					l.write(300)
					b, ok := r.read(t.Context())
					if !ok {
						t.Fatal("nothing to read")
					}
					for turn := range turns {
						l.write(3)
						for i := turn; i > 0; i-- {
							l.check(os.Rename(fmt.Sprintf("%s/mail.log.%d", old, i),
								fmt.Sprintf("%s/mail.log.%d", old, i+1)))
						}
						l.check(os.Rename(l.log, old+"/mail.log.1"))
						l.reopen()
						time.Sleep(16 * time.Second)
					}
					l.write(3)
					if restarts {
						r.restart()
					} else {
						r.commit(b)
					}
					r.follow(5 * time.Minute)
					r.inOrder(l.lines)
				})
			})
		}
	}
}
