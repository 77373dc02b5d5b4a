package ingest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

const oneMail = "From MAILER-DAEMON Sat Nov 21 10:00:00 2026\nMessage-ID: <%d@example.org>\nSubject: %d\n\nbody\n\n"

// followAll opens paths as run does and follows them for a while, which passes at
// once in a bubble; p.now is when it begins.
func (p *place) followAll(paths []string, meanwhile func()) (got []string) {
	p.t.Helper()
	found, err := Expand(paths)
	p.ok(err)
	o := p.options()
	o.Ledger, err = OpenLedger(p.state, o.Log)
	p.ok(err)
	paths, folders := found.Streams(o.Ledger)
	o.Once, o.Folders = false, folders
	start, now := time.Now(), p.now
	o.Now = func() time.Time { return now.Add(time.Since(start)) }
	o.Mails, err = OpenMails(p.state, o.Log)
	p.ok(err)
	ctx, cancel := context.WithCancel(p.t.Context())
	var mu sync.Mutex
	var all sync.WaitGroup
	for _, path := range paths {
		src, err := Open(path, o)
		if errors.Is(err, ErrOpen) {
			continue
		}
		p.ok(err)
		all.Go(func() {
			defer src.Close()
			for {
				b, err := src.Read(ctx)
				if err != nil {
					return
				}
				mu.Lock()
				got = append(got, p.texts(b)...)
				p.settle(src, b)
				mu.Unlock()
			}
		})
	}
	meanwhile()
	time.Sleep(5 * time.Minute)
	cancel()
	all.Wait()
	time.Sleep(time.Second) // until what nxadm/tail polls with has noticed
	return got
}

// Files whose time lies ahead, of a server whose clock does, are read without
// waiting for it: an mbox's last mail, and a log that begins as one that was read.
func TestClockAhead(t *testing.T) {
	now := time.Now()
	synctest.Test(t, func(t *testing.T) {
		p := newPlace(t)
		p.now = now
		text, want := longLines(0, 100)
		other, lines := longLines(500, 5)
		p.write(p.log, text)
		box, alike := p.in("bounces"), p.in("other.log")
		p.write(box, fmt.Sprintf(oneMail, 1, 1))
		p.write(alike, text[:len(text)/2]+"\n"+other)
		for _, path := range []string{box, alike} {
			p.ok(os.Chtimes(path, now.Add(time.Hour), now.Add(time.Hour)))
		}
		got := p.followAll([]string{p.log, box, alike}, func() { time.Sleep(2 * patience) })
		half := strings.LastIndexByte(text[:len(text)/2], '\n') + 1
		want = append(append(want, text[half:len(text)/2]), lines...)
		want = append(want, strings.TrimSuffix(fmt.Sprintf(oneMail, 1, 1)[strings.Index(oneMail, "\n")+1:], "\n"))
		slices.Sort(got)
		slices.Sort(want)
		p.equal("all", want, got)
	})
}

// Files that are empty at the start, and whose names are like those of one log's
// rotated files, may turn out to be anything.
func TestEmptyOfLikeNames(t *testing.T) {
	for _, test := range []struct{ names, kinds string }{
		{"bounce-1 bounce-2", "mails mails"},
		{"bounce bounce-1 bounce.2", "mails mails mails"},
		{"bounce-1 bounce-2", "log mails"},
		{"bounce-1 bounce-2", "mails log"},
		{"bounce bounce-1", "log mails"},
		{"bounce bounce-1", "mails log"},
		{"x.log.1 x.log", "log log"},
		{"x.log-20261120 x.log-20261121", "log log"},
		{"x.log x.log.1 x.log.2", "log none none"},
		{"btmp btmp-1 btmp-2", "binary none mails"},
	} {
		for _, folder := range []bool{false, true} {
			t.Run(fmt.Sprint(test, folder), func(t *testing.T) {
				now := time.Now()
				synctest.Test(t, func(t *testing.T) {
					p := newPlace(t)
					p.now = now
					dir := filepath.Join(p.dir, "logs")
					p.ok(os.Mkdir(dir, 0o700))
					var paths, want []string
					for _, name := range strings.Fields(test.names) {
						paths = append(paths, filepath.Join(dir, name))
						p.write(filepath.Join(dir, name), "")
					}
					given := paths
					if folder {
						given = []string{dir}
					}
					got := p.followAll(given, func() {
						for i, kind := range strings.Fields(test.kinds) {
							time.Sleep(3 * time.Second)
							switch kind {
							case "log":
								text, lines := logLines(100*i, 5)
								p.write(paths[i], text)
								want = append(want, lines...)
							case "binary":
								p.write(paths[i], "core\x00\x01")
								want = append(want, "broken: it is binary (it has zero bytes), not a log file")
							case "mails":
								p.write(paths[i], fmt.Sprintf(oneMail, i, i))
								_, mail, _ := strings.Cut(fmt.Sprintf(oneMail, i, i), "\n")
								want = append(want, strings.TrimSuffix(mail, "\n"))
							}
						}
					})
					p.equal("followed", want, got)
				})
			})
		}
	}
}

// A mailbox, and a log whose base its name is, are both read, whichever is first.
func TestMailboxWithALogsName(t *testing.T) {
	for _, maildir := range []bool{false, true} {
		p := newPlace(t)
		p.now = p.now.Add(time.Hour) // what has no empty line at its end is whole
		box, log := p.in("bounce"), p.in("bounce.1")
		mail := strings.TrimSuffix(fmt.Sprintf(oneMail, 1, 1), "\n")
		_, want, _ := strings.Cut(mail, "\n")
		if maildir {
			p.ok(os.MkdirAll(filepath.Join(box, "cur"), 0o700))
			p.ok(os.MkdirAll(filepath.Join(box, "new"), 0o700))
			p.write(filepath.Join(box, "new/1.a"), want)
		} else {
			p.write(box, mail)
		}
		text, lines := logLines(0, 5)
		p.write(log, text)
		for _, paths := range [][]string{{box, log}, {log, box}} {
			p.state += "x"
			p.equal(fmt.Sprint(maildir, paths), append(slices.Clone(lines), want), p.run(paths))
		}
	}
}

// What is named twice is read once, and the second is told of it.
func TestNamedTwice(t *testing.T) {
	p := newPlace(t)
	for _, path := range []string{"md/cur", "md/new"} {
		p.ok(os.MkdirAll(p.in(path), 0o700))
	}
	text, lines := logLines(0, 5)
	p.write(p.log, text)
	p.write(p.log+".1", text)
	p.write(p.in("box"), fmt.Sprintf(oneMail, 1, 1))
	o := p.options()
	var err error
	o.Ledger, err = OpenLedger(p.state, o.Log)
	p.ok(err)
	o.Mails, err = OpenMails(p.state, o.Log)
	p.ok(err)
	for _, twice := range [][2]string{{p.log, p.log + ".1"}, {p.in("md"), p.in("x/../md/")},
		{p.in("box"), p.in("box")}} {
		src, err := Open(twice[0], o)
		p.ok(err)
		if _, err := Open(twice[1], o); !errors.Is(err, ErrOpen) {
			t.Errorf("%q: %v", twice, err)
		}
		p.ok(src.Close())
		again, err := Open(twice[1], o)
		p.ok(err)
		p.ok(again.Close())
	}
	p.equal("once", lines, p.run([]string{p.log, p.log + ".1"}))
}

// A log has a file open while that is empty; what comes then may be mails, whose
// lines are anyone's.
func TestMailsWhereALogIsOpen(t *testing.T) {
	for name, text := range map[string]string{"mails": fmt.Sprintf(oneMail, 1, 1), "binary": "core\x00\x01",
		"lines": "Nov 21 10:00:00 mx1 postfix/smtp[1]: more\n"} {
		bubble(t, func(t *testing.T, l *logger, r *reader) {
			l.write(3)
			r.follow(3 * time.Second)
			r.place.write(l.log+".1", "")
			r.follow(3 * time.Second)
			r.place.write(l.log+".1", text)
			r.follow(time.Minute)
			want := slices.Clone(l.lines)
			switch name {
			case "binary":
				want = append(want, "broken: it is binary (it has zero bytes), not a log file")
			case "lines":
				want = append(want, strings.TrimSuffix(text, "\n"))
			}
			r.exactly(want)
			if told := strings.Contains(l.said.String(), "it holds mails"); told != (name == "mails") {
				t.Errorf("%s: %s", name, l.said.String())
			}
		})
	}
}

// Mails come just between the look at the empty file's size and that at its
// beginning.
func TestMailsWhileALogLooks(t *testing.T) {
	bubble(t, func(t *testing.T, l *logger, r *reader) {
		l.write(3)
		r.follow(3 * time.Second)
		r.place.write(l.log+".1", "")
		r.follow(3 * time.Second)
		source := r.s.(*lazy).Source.(*logFile)
		i := slices.IndexFunc(source.held, func(h *handle) bool { return h.path == l.log+".1" })
		if i < 0 {
			t.Fatal("the empty file is not open")
		}
		h := source.held[i]
		h.content.file = &meddled{h.f, sync.OnceFunc(func() { r.place.write(h.path, fmt.Sprintf(oneMail, 1, 1)) })}
		r.follow(time.Minute)
		r.exactly(l.lines)
	})
}

// meddled is a file to which something happens just before it is read.
type meddled struct {
	io.ReaderAt
	first func()
}

func (m *meddled) ReadAt(p []byte, off int64) (int, error) {
	m.first()
	return m.ReaderAt.ReadAt(p, off)
}
