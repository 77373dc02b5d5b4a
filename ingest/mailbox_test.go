package ingest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/bouncehouse/bouncehouse"
)

func mailText(n int) string {
	return fmt.Sprintf("Return-Path: <>\nReceived: by mx1.example.org\nMessage-ID: <%d@example.org>\n\nbody %d\n", n, n)
}

func newMaildir(p *place) string {
	dir := filepath.Join(p.dir, "Maildir")
	for _, sub := range []string{"cur", "new", "tmp"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			p.t.Fatal(err)
		}
	}
	return dir
}

func TestMaildirMovedAndCopied(t *testing.T) {
	p := newPlace(t)
	dir := newMaildir(p)
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	p.write(filepath.Join(dir, "new", "1.M1.mx1"), mailText(1))
	p.write(filepath.Join(dir, "cur", "2.M2.mx1:2,S"), mailText(2))
	p.write(filepath.Join(dir, "tmp", "3.M3.mx1"), "not delivered yet")
	p.write(filepath.Join(dir, "new", ".hidden"), "no mail")
	s := p.open(dir)
	if diff := cmp.Diff([]string{mailText(1), mailText(2)}, p.drain(s)); diff != "" {
		t.Error(diff)
	}
	check(os.Rename(filepath.Join(dir, "new", "1.M1.mx1"), filepath.Join(dir, "cur", "1.M1.mx1:2,S")))
	p.write(filepath.Join(dir, "new", "4.M4.mx1"), mailText(2)) // a copy
	for _, s := range []Source{s, p.open(dir)} {
		if got := p.drain(s); got != nil {
			t.Errorf("read again: %q", got)
		}
	}
	// The original goes; the copy is still known, by its name and content.
	check(os.Remove(filepath.Join(dir, "cur", "2.M2.mx1:2,S")))
	p.write(filepath.Join(dir, "new", "5.M5.mx1"), mailText(2))
	p.write(filepath.Join(dir, "new", "6.M6.mx1"), mailText(6))
	if diff := cmp.Diff([]string{mailText(6)}, p.drain(p.open(dir))); diff != "" {
		t.Error(diff)
	}
	entries, err := os.ReadDir(filepath.Join(dir, "tmp"))
	if err != nil || len(entries) != 1 {
		t.Error(entries, err)
	}
}

func TestMaildirOddMails(t *testing.T) {
	p := newPlace(t)
	dir := newMaildir(p)
	p.write(filepath.Join(dir, "new", "1.empty"), "")
	big := mailText(2) + strings.Repeat("x", 2<<20)
	p.write(filepath.Join(dir, "new", "2.big"), big)
	p.write(filepath.Join(dir, "new", "3.big"), big+"another end") // the same front
	p.write(filepath.Join(dir, "new", "4.line\nend"), mailText(4))
	s := p.open(dir)
	want := []string{"broken: the mail is empty", big[:maxMail], big[:maxMail], mailText(4)}
	if diff := cmp.Diff(want, p.drain(s)); diff != "" {
		t.Errorf("%.1000s", diff)
	}
	if got := p.drain(p.open(dir)); got != nil {
		t.Errorf("read again: %.1000q", got)
	}
}

const fromLine = "From MAILER-DAEMON Sat Nov 21 10:00:00 2026\n"

func TestMboxSplit(t *testing.T) {
	p := newPlace(t)
	p.now = p.now.Add(time.Hour)
	path := filepath.Join(p.dir, "bounces")
	mails := []string{
		mailText(1) + "\nFrom what I hear, this is no new mail\n>From neither\n",
		mailText(2) + "text\n" + fromLine + "without an empty line before\n",
		mailText(3) + strings.Repeat("y", 3<<20) + "\n",
		mailText(4) + "\n\n",
		"Subject: crlf\r\n\r\nbody\r\n",
		mailText(6),
	}
	text := ""
	for i, m := range mails {
		text += fmt.Sprintf("From x@example.org Sat Nov 21 10:00:%02d 2026\n", i) + m + "\n"
		if strings.Contains(m, "\r") {
			text = text[:len(text)-1] + "\r\n"
		}
	}
	p.write(path, text)
	mails[2] = mails[2][:maxMail]
	s := p.open(path)
	var got []string
	for {
		b, err := s.Read(t.Context())
		if err != nil {
			break
		}
		for _, c := range b.Chunks {
			got = append(got, c.Data)
			if c.Kind != bouncehouse.Mail || text[c.Offset:c.Offset+int64(len(c.Data))] != c.Data {
				t.Errorf("offset %d, kind %s", c.Offset, c.Kind)
			}
		}
		p.settle(s, b)
	}
	if diff := cmp.Diff(mails, got); diff != "" {
		t.Errorf("%.2000s", diff)
	}
	got = nil
	err := ReadFile(t.Context(), path, p.options(),
		func(c *bouncehouse.Chunk) error { got = append(got, c.Data); return nil })
	if diff := cmp.Diff(mails, got); diff != "" || err != nil {
		t.Errorf("ReadFile: %v %.2000s", err, diff)
	}
}

// Thunderbird writes "From " lines without anything in them, beside those of
// older versions.
func TestMboxOfThunderbird(t *testing.T) {
	for name, from := range map[string]string{"new": "From \r\n", "old": "From - Sat Nov 21 10:00:00 2026\r\n",
		"unix": "From \n"} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t)
			p.now = p.now.Add(time.Hour)
			path := filepath.Join(p.dir, "Bounces")
			var mails []string
			for i := range 4 {
				mails = append(mails, "X-Mozilla-Status: 0001\r\n"+mailText(i)+"\nFrom \nthis is no new mail\n")
			}
			p.write(path, from+mails[0]+"\n"+from+mails[1]+"\nFrom \r\n"+mails[2]+"\n"+from+mails[3])
			if diff := cmp.Diff(mails, p.drain(p.open(path))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Wherever a block of reading ends, the "From " line in it is found.
func TestMboxBlockEdges(t *testing.T) {
	for shift := -60; shift < 60; shift++ {
		head := "Subject: a\nMessage-ID: <a@example.org>\n\n"
		for _, at := range []int{smallBlock, bigBlock, 2*bigBlock - fromMax} {
			one := head + strings.Repeat("z", at+shift-len(head)-len(fromLine)) + "\n"
			r := strings.NewReader(fromLine + one + "\n" + fromLine + mailText(2))
			m, err := new(splitter).next(r, 0, false)
			if err != nil || m.to != int64(len(fromLine)+len(one)+1) || m.last {
				t.Fatalf("shift %d: %+v, %v", shift, m.to, err)
			}
			m, err = new(splitter).next(r, m.to, false)
			if err != nil || m.data != mailText(2) || !m.last {
				t.Fatalf("shift %d: %+v, %v", shift, m, err)
			}
		}
	}
}

func TestMboxGrows(t *testing.T) {
	bubble(t, func(t *testing.T, l *logger, r *reader) {
		path := filepath.Join(l.dir, "bounces")
		l.check(os.WriteFile(path, nil, 0o600)) // what it will be is not known yet
		r.log = path
		r.restart()
		if r.follow(5 * time.Second); len(r.got) != 0 {
			t.Fatalf("%q", r.got)
		}
		r.place.write(path, fromLine+mailText(1)[:40])
		now := time.Now()
		r.follow(3 * time.Second)
		if len(r.got) != 0 {
			t.Fatalf("half a mail came after %v: %q", time.Since(now), r.got)
		}
		r.place.write(path, mailText(1)[40:]+"\n")
		r.follow(20 * time.Second)
		r.inOrder([]string{mailText(1)})
		r.place.write(path, fromLine+mailText(2)) // never ended by an empty line
		r.follow(2 * time.Minute)
		r.inOrder([]string{mailText(1), mailText(2)})
		r.restart()
		r.follow(20 * time.Second)
		l.check(os.Truncate(path, 0)) // fetched
		r.follow(20 * time.Second)
		r.restart()
		r.place.write(path, "From x@example.org Sat Nov 21 10:07:00 2026\n"+mailText(3)+"\n")
		r.follow(20 * time.Second)
		r.inOrder([]string{mailText(1), mailText(2), mailText(3)})
	})
}

// What came to an mbox just before it was rotated is read.
func TestMboxRotated(t *testing.T) {
	for _, gone := range []bool{false, true} {
		real := time.Now()
		bubble(t, func(t *testing.T, l *logger, r *reader) {
			start := time.Now()
			write := func(i int) {
				r.write(l.log, fromLine+mailText(i)+"\n")
				at := real.Add(time.Since(start))
				r.ok(os.Chtimes(l.log, at, at))
			}
			write(1)
			r.restart()
			r.follow(20 * time.Second)
			write(2)
			r.follow(2 * time.Second)
			if gone {
				r.ok(os.Remove(l.log))
			} else {
				r.ok(os.Rename(l.log, l.log+".1"))
			}
			r.follow(2 * time.Second)
			write(3)
			r.follow(time.Minute)
			r.inOrder([]string{mailText(1), mailText(2), mailText(3)})
		})
	}
}

// With Once, too, a mail that is being written is waited for, but not long for an
// end that does not come.
func TestMboxOnceWhileItGrows(t *testing.T) {
	real := time.Now()
	begin, end := mailText(2)[:40], mailText(2)[40:]
	for rest, want := range map[string]string{end + "\n": begin + end, end: begin + end, "": begin} {
		synctest.Test(t, func(t *testing.T) {
			p, start := newPlace(t), time.Now()
			path := filepath.Join(p.dir, "bounces")
			write := func(text string, at time.Time) {
				p.write(path, text)
				p.ok(os.Chtimes(path, at, at))
			}
			write(fromLine+mailText(1)+"\n"+fromLine+begin, real)
			src := p.open(path, func(o *Options) { o.Now = func() time.Time { return real.Add(time.Since(start)) } })
			time.AfterFunc(2*time.Second, func() { write(rest, real.Add(2*time.Second)) })
			if diff := cmp.Diff([]string{mailText(1), want}, p.drain(src)); diff != "" {
				t.Errorf("%q: %s", rest, diff)
			}
		})
	}
}

// One that grows all the time is left for the next run, and read once.
func TestMboxOnceWhileItGrowsOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlace(t)
		path := filepath.Join(p.dir, "bounces")
		p.write(path, fromLine+mailText(1)+"\n"+fromLine+mailText(2))
		ended := make(chan bool)
		go func() {
			for range 20 {
				time.Sleep(time.Second)
				p.write(path, "more\n")
			}
			close(ended)
		}()
		read := func() []string {
			at, err := os.Stat(path) // no clock says that it is quiet
			p.ok(err)
			return p.drain(p.open(path, func(o *Options) { o.Now = at.ModTime }))
		}
		p.equal("while it grows", []string{mailText(1)}, read())
		<-ended
		p.equal("then", []string{mailText(2) + strings.Repeat("more\n", 20)}, read())
	})
}

// A mailbox that was empty and is moved away right after its first mails came
// is read where it was moved to, whatever stands at its path then.
func TestMboxEmptyThenMoved(t *testing.T) {
	for _, there := range []string{"nothing", "", fromLine + mailText(9)} {
		real := time.Now()
		synctest.Test(t, func(t *testing.T) {
			p, start := newPlace(t), time.Now()
			path := filepath.Join(p.dir, "bounces")
			p.write(path, "")
			src := p.open(path, func(o *Options) {
				o.Once, o.Now = false, func() time.Time { return real.Add(time.Since(start)) }
			})
			want := []string{mailText(1), mailText(2)}
			time.AfterFunc(time.Second+look/2, func() {
				p.write(path, fromLine+mailText(1)+"\n"+fromLine+mailText(2)+"\n")
				p.rename(path, path+".taken")
				if there != "nothing" {
					p.write(path, there)
				}
			})
			if len(there) > len("nothing") {
				want = append(want, mailText(9))
			}
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
			defer cancel()
			var got []string
			b, err := src.Read(ctx)
			for ; err == nil; b, err = src.Read(ctx) {
				got = append(got, p.texts(b)...)
				p.settle(src, b)
			}
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("it ended: %v", err)
			}
			p.equal(there, want, got)
			p.ok(src.Close())
		})
	}
}

// Boxes that are moved away one after the other, each before the one before it
// was read, are all read.
func TestMboxMovedTwice(t *testing.T) {
	real := time.Now()
	synctest.Test(t, func(t *testing.T) {
		p, start := newPlace(t), time.Now()
		path := filepath.Join(p.dir, "bounces")
		src := func() Source {
			p.write(path, fromLine+mailText(1))
			return p.open(path, func(o *Options) {
				o.Once, o.Now = false, func() time.Time { return real.Add(time.Since(start)) }
			})
		}()
		want := []string{mailText(1)}
		for i := range 5 {
			time.AfterFunc(time.Duration(4*i+4)*time.Second, func() {
				p.rename(path, fmt.Sprint(path, ".taken", i))
				p.write(path, fromLine+mailText(10+i)) // no empty line ends it
			})
			want = append(want, mailText(10+i))
		}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
		defer cancel()
		var got []string
		for b, err := src.Read(ctx); err == nil; b, err = src.Read(ctx) {
			got = append(got, p.texts(b)...)
			p.settle(src, b)
		}
		p.equal("boxes", want, got)
		if n := len(src.(*mbox).files); n != 1 {
			t.Errorf("%d files are open at the end", n)
		}
		p.ok(src.Close())
	})
}

// A sender's address makes a "From " line long: Postfix takes 2 KiB, Exim 16.
func TestMboxLongSender(t *testing.T) {
	p := newPlace(t)
	p.now = p.now.Add(time.Hour)
	path := filepath.Join(p.dir, "bounces")
	long := strings.Replace(fromLine, "From ", "From "+strings.Repeat("a", 20_000), 1)
	p.write(path, fromLine+mailText(1)+"\n"+long+mailText(2)+"\n"+fromLine+mailText(3)+"\n")
	p.equal("mails", []string{mailText(1), mailText(2), mailText(3)}, p.drain(p.open(path)))
}

// An mbox that a mail program has locked is not read: amid its work the file has
// a mail that is made of two.
func TestMboxLocked(t *testing.T) {
	locks := map[string]func(p *place, f *os.File) (unlock func()){
		"fcntl": func(p *place, f *os.File) func() {
			p.ok(unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &unix.Flock_t{Type: unix.F_WRLCK}))
			return func() { f.Close() }
		},
		"flock": func(p *place, f *os.File) func() {
			p.ok(unix.Flock(int(f.Fd()), unix.LOCK_EX))
			return func() { f.Close() }
		},
		"dot lock": func(p *place, f *os.File) func() {
			p.write(f.Name()+".lock", "")
			return func() { p.ok(os.Remove(f.Name() + ".lock")) }
		},
	}
	for name, lock := range locks {
		for _, once := range []bool{true, false} {
			t.Run(fmt.Sprint(name, once), func(t *testing.T) {
				real := time.Now()
				synctest.Test(t, func(t *testing.T) {
					p, start := newPlace(t), time.Now()
					path := filepath.Join(p.dir, "bounces")
					mail := func(i int) string { return fromLine + mailText(i) + "\n" }
					p.write(path, mail(1)+mail(2)+mail(3))
					src := p.open(path, func(o *Options) {
						o.Once, o.Now = once, func() time.Time { return real.Add(time.Since(start)) }
					})
					f, err := os.OpenFile(path, os.O_RDWR, 0)
					p.ok(err)
					defer f.Close()
					unlock := lock(p, f)
					_, err = f.WriteAt([]byte(mail(2)[:len(mail(2))-20]), 0) // what follows moves down
					p.ok(err)
					time.AfterFunc(3*time.Second, func() {
						p.ok(os.WriteFile(path, []byte(mail(2)+mail(3)), 0o600))
						unlock()
					})
					var got []string
					if once {
						got = p.drain(src)
					} else {
						ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
						defer cancel()
						for b, err := src.Read(ctx); err == nil; b, err = src.Read(ctx) {
							got = append(got, p.texts(b)...)
							p.settle(src, b)
						}
					}
					p.equal(name, []string{mailText(2), mailText(3)}, got)
					p.ok(src.Close())
				})
			})
		}
	}
}

// Dovecot quotes no "From " line and tells the length of each mail. Who is not the one that wrote the mbox, but a
// stranger of one mail in it, tells nothing by his.
func TestMboxLengths(t *testing.T) {
	says := func(n int, field, body string) string {
		return fmt.Sprintf("Return-Path: <>\nReceived: by mx1.example.org\n%sContent-Length: %d\n\n%s", field, n, body)
	}
	sized := func(field, body string) string { return says(len(body), field, body) }
	forged := "text\n\n" + fromLine + mailText(66) + "\n"
	long := "X-Long: " + strings.Repeat("a", smallBlock) + "\n"
	for name, c := range map[string]struct{ mails, want []string }{
		"heeded": {[]string{sized("", forged), sized(long, forged), sized("", ""),
			sized("", strings.Repeat("y\n", 40_000)+forged), sized("", "last\n")}, nil},
		"one without": {[]string{mailText(1), sized("", forged)},
			[]string{mailText(1), says(len(forged), "", "text\n"), mailText(66) + "\n"}},
		"too long":    {[]string{says(10_000, "", "a\n"), mailText(2)}, nil},
		"amid a mail": {[]string{says(90, "", "a\n"), mailText(2), mailText(3)}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t)
			p.now = p.now.Add(time.Hour)
			path := filepath.Join(p.dir, "bounces")
			for _, m := range c.mails {
				p.write(path, fromLine+m+"\n")
			}
			want := c.want
			if want == nil {
				want = c.mails
			}
			p.equal(name, want, p.drain(p.open(path)))
		})
	}
}

// A mail program takes a dot lock and lets go of it again between two looks: under it the first mail goes, and one
// comes that is longer. Whenever that is, each mail is read once, and none that is made of two.
func TestMboxChangedWhileRead(t *testing.T) {
	mail := func(i int) string { return fromLine + mailText(i) + strings.Repeat("more\n", 10*i) + "\n" }
	changed := 0
	for at := range 40 {
		real := time.Now()
		synctest.Test(t, func(t *testing.T) {
			p, start := newPlace(t), time.Now()
			path := filepath.Join(p.dir, "bounces")
			p.write(path, mail(1)+mail(2)+mail(3)+mail(4)+mail(5))
			calls := 0
			src := p.open(path, func(o *Options) {
				o.Once, o.Now = false, func() time.Time {
					if calls++; calls == at+1 {
						changed++
						p.ok(os.WriteFile(path, []byte(mail(2)+mail(3)+mail(4)+mail(5)+mail(9)), 0o600))
					}
					return real.Add(time.Since(start))
				}
			})
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
			defer cancel()
			times := map[string]int{}
			for b, err := src.Read(ctx); err == nil; b, err = src.Read(ctx) {
				for _, text := range p.texts(b) {
					times[text]++
				}
				p.settle(src, b)
			}
			for _, i := range []int{1, 2, 3, 4, 5, 9} {
				text := strings.TrimSuffix(strings.TrimPrefix(mail(i), fromLine), "\n")
				if n := times[text]; n != 1 && !(i == 1 && n == 0) {
					t.Errorf("changed at call %d: mail %d was read %d times", at, i, n)
				}
				delete(times, text)
			}
			if len(times) > 0 {
				t.Errorf("changed at call %d: %v", at, times)
			}
			p.ok(src.Close())
		})
	}
	if changed < 30 {
		t.Errorf("changed %d times", changed)
	}
}

// A mail that is being copied is waited for.
func TestMailHalfCopied(t *testing.T) {
	real := time.Now()
	synctest.Test(t, func(t *testing.T) {
		p, start := newPlace(t), time.Now()
		path := filepath.Join(p.dir, "1.eml")
		half := len(mailText(1)) - 5
		p.write(path, mailText(1)[:half])
		time.AfterFunc(1500*time.Millisecond, func() { p.write(path, mailText(1)[half:]) })
		src := p.open(path, func(o *Options) { o.Now = func() time.Time { return real.Add(time.Since(start)) } })
		p.equal("mails", []string{mailText(1)}, p.drain(src))
		p.ok(src.Close())
	})
}

// One that stays locked is told of, once.
func TestMboxLockedForLong(t *testing.T) {
	real := time.Now()
	synctest.Test(t, func(t *testing.T) {
		p, start := newPlace(t), time.Now()
		path := filepath.Join(p.dir, "bounces")
		p.write(path, fromLine+mailText(1)+"\n")
		p.write(path+".lock", "")
		src := p.open(path, func(o *Options) {
			o.Once, o.Now = false, func() time.Time { return real.Add(time.Since(start)) }
		})
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		if b, err := src.Read(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%+v, %v", b, err)
		}
		if n := strings.Count(p.said.String(), "the mailbox is locked"); n != 1 {
			t.Errorf("said %d times: %s", n, p.said.String())
		}
		p.ok(os.Remove(path + ".lock"))
		b, err := src.Read(t.Context())
		p.ok(err)
		p.equal("then", []string{mailText(1)}, p.texts(b))
		p.ok(src.Close())
	})
}

// A mail program removes a mail and notes that it has seen another.
func TestMboxRewritten(t *testing.T) {
	p := newPlace(t)
	p.now = p.now.Add(time.Hour)
	path := filepath.Join(p.dir, "bounces")
	from := func(i int) string { return fmt.Sprintf("From x@example.org Sat Nov 21 10:00:%02d 2026\n", i) }
	for i := range 5 {
		p.write(path, from(i)+mailText(i)+"\n")
	}
	if got := p.drain(p.open(path)); len(got) != 5 {
		t.Fatalf("%q", got)
	}
	for round := range 3 {
		text := ""
		for i := 1 + round; i < 5; i++ {
			text += from(i) + "Status: RO\n" + mailText(i) + "\n"
		}
		fresh := mailText(100 + round)
		text += from(50) + fresh + "\n"
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{fresh}, p.drain(p.open(path))); diff != "" {
			t.Error(diff)
		}
	}
}

func TestTellKind(t *testing.T) {
	for text, want := range map[string]fileKind{
		fromLine + mailText(1):  kindMbox,
		"From \n" + mailText(1): kindMbox,
		mailText(1):             kindMail,
		"Subject: one\r\nFrom: a@example.org\r\n folded: yes\r\n\r\nbody": kindMail,
		"Nov 21 10:00:00 mx1 postfix/smtp[1]: A: to=<a@example.org>\n":    kindLog,
		"2026-11-21T10:00:00+00:00 mx1 postfix/smtp[1]: A: to=<a>\n":      kindLog,
		`{"type":"Bounce","date":"2026"}` + "\n":                          kindLog,
		// A stranger's fields, below ours:
		// A stranger's fields, below ours:
		"Return-Path: <>\nX-A : b\n\nbody":                        kindMail,
		"Received: from a by mx1\n" + strings.Repeat("a", 16<<10): kindMail,
		"X-Original-To: a@b\nDelivered-To: a@b\nno field\n":       kindMail,
		// What mail programs leave before a mail:
		"\n" + fromLine + mailText(1):                                             kindMbox,
		"\x00\x00" + fromLine + mailText(1):                                       kindMbox,
		"\xef\xbb\xbf" + mailText(1):                                              kindMail,
		"\r\n" + mailText(1):                                                      kindMail,
		"From a@example.org\n" + mailText(1):                                      kindMail,
		">From a@example.org Sat Nov 21 10:00:00 2026\n" + mailText(1):            kindMail,
		"\x01\x01\x01\x01\n" + mailText(1):                                        kindMail,
		"2 M1e C5f3e\n\x01\x02N          000000000000012A\n" + mailText(1):        kindMail,
		"BABYL OPTIONS:\nVersion: 5\n\x1f\x0c\n0,,\n*** EOOH ***\n" + mailText(1): kindMail,
		"2026-11-21 10:00:00 H=a [192.0.2.1] F=<> rejected after DATA\nEnvelope-from: <>\nEnvelope-to: <a@b>\nP Received: from a\n  From: a\n  To: b\n": kindLog,
		"From here on it is text\nand more\n":                            kindLog,
		"type,timeLogged,rcpt\nd,2026-11-21,a@example.org\n":             kindLog,
		"#Software: Microsoft Exchange Server\n#Version: 15\n#Date: x\n": kindLog,
		"": kindLog,
	} {
		if got := tellKind([]byte(text)); got != want {
			t.Errorf("%.40q: %s", text, got)
		}
	}
}

// Lines of mails never come from a log's source: they would count.
func TestMailsBesideALog(t *testing.T) {
	line := "2026-11-20T10:00:00+00:00 mx1 postfix/qmgr[1]: 4Abc: removed\n"
	for _, text := range []string{"", line} {
		p := newPlace(t)
		p.now = p.now.Add(time.Hour)
		path := filepath.Join(p.dir, "bounces")
		p.write(path, text)
		p.write(path+"-1", fromLine+mailText(1)+line)
		p.write(path+".1.eml", mailText(2)+line)
		p.write(path+".2", mailText(2)+line)
		var want []string
		if text != "" {
			want = []string{strings.TrimSuffix(text, "\n")}
		}
		for range 2 {
			p.equal(fmt.Sprintf("%q", text), want, p.run([]string{path}))
			want = nil
		}
		p.equal("mails", []string{mailText(1) + line}, p.run([]string{path, path + "-1"}))
	}
	p := newPlace(t)
	path := filepath.Join(p.dir, "bounces")
	p.write(path, line)
	src := p.open(path)
	if err := os.WriteFile(path, []byte(fromLine+mailText(1)+line), 0o600); err != nil {
		t.Fatal(err)
	}
	p.ok(os.Chtimes(path, p.now, p.now)) // and no clock says that it is quiet
	p.equal("in the place of a log", []string{"broken: it holds mails where a log stood: the next start reads them"},
		p.drain(src))
	src.Close()
	p.equal("the next start", []string{mailText(1) + line}, p.run([]string{path}))
}

// A mail that is being copied into the Maildir is waited for.
func TestMaildirYoungMail(t *testing.T) {
	bubble(t, func(t *testing.T, l *logger, r *reader) {
		dir := newMaildir(r.place)
		r.log = dir
		r.restart()
		path := filepath.Join(dir, "new", "1")
		r.place.write(path, mailText(1)[:20])
		r.follow(500 * time.Millisecond)
		st, err := os.Stat(path)
		l.check(err)
		r.place.write(path, mailText(1)[20:])
		l.check(os.Chtimes(path, st.ModTime(), st.ModTime().Add(time.Second)))
		r.follow(500 * time.Millisecond)
		if len(r.got) != 0 {
			t.Errorf("came at once: %q", r.got)
		}
		r.follow(5 * time.Second)
		r.inOrder([]string{mailText(1)})
	})
}
