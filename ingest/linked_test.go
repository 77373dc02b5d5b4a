package ingest

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// A log that is named by a link has its rotated files beside what the link leads
// to: they are read first, and what was rotated while nobody read is found there.
func TestLinkedLog(t *testing.T) {
	for _, name := range []string{"mail.log", "postfix.log"} {
		for _, rotated := range []string{".1", ".1.gz", "-20261121", ".odd"} {
			for _, crash := range []bool{false, true} {
				t.Run(fmt.Sprint(name, rotated, crash), func(t *testing.T) {
					p := newPlace(t)
					log, link := p.in("mnt/data/"+name), p.in("var/mail.log")
					p.ok(os.MkdirAll(filepath.Dir(log), 0o700))
					p.ok(os.Mkdir(filepath.Dir(link), 0o700))
					p.ok(os.Symlink("../mnt/here/"+name, link))
					p.ok(os.Symlink("data", p.in("mnt/here")))
					n, want := 0, []string(nil)
					write := func(path string) {
						text, lines := longLines(n, 20)
						p.write(path, text)
						n, want = n+20, append(want, lines...)
					}
					write(log + ".2")
					p.ok(os.Chtimes(log+".2", p.now.Add(-48*time.Hour), p.now.Add(-48*time.Hour)))
					write(log)
					got := p.drain(p.open(link))
					write(log)
					if crash {
						p.begin(link, 0)
					}
					to := log + rotated
					if rotated == ".1.gz" {
						(&logger{place: p}).pack(log, to)
						p.ok(os.Remove(log))
					} else {
						p.ok(os.Rename(log, to))
					}
					write(log)
					got = append(got, p.drain(p.open(link))...)
					if diff := cmp.Diff(want, got); diff != "" {
						t.Errorf("%s\n%s", diff, p.said.String())
					}
				})
			}
		}
	}
}

// Nor are they another's that is read under its own name.
func TestLinkedLogBesideItsOwnName(t *testing.T) {
	p := newPlace(t)
	log, link := p.in("data/mail.log"), p.in("mail.log")
	p.ok(os.Mkdir(filepath.Dir(log), 0o700))
	p.ok(os.Symlink(log, link))
	text, want := longLines(0, 40)
	p.write(log+".1", text)
	more, lines := longLines(40, 40)
	p.write(log, more)
	for _, there := range []bool{true, false} { // the link leads to what a rotator moved away just now
		for _, paths := range [][]string{{link, log}, {log, link}, {log + ".1", link}} {
			found, err := Expand(paths)
			p.ok(err)
			streams, _ := found.Streams(nothingRead(t))
			if len(streams) != 1 {
				t.Errorf("%q, there %v, are %q", paths, there, streams)
			}
		}
		if there {
			p.ok(os.Rename(log, log+".2"))
		}
	}
	p.ok(os.Rename(log+".2", log))
	p.equal("both", append(want, lines...), p.run([]string{link, log}))
}
