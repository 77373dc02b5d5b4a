package ingest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"github.com/bouncehouse/bouncehouse"
)

// inMbox is a mail as an mbox of a mail program's holds it.
func inMbox(mail string) string {
	mail = strings.ReplaceAll(mail, "\nFrom ", "\n>From ")
	head, body, _ := strings.Cut(mail, "\n\n")
	return fromLine + head + "\nStatus: RO\nX-Keywords: a\n b\nContent-Length: 17\n\n" + body + "\n"
}

// A mail is known by its content: whatever it is called, wherever it lies,
// whoever reads it.
func TestMailReadOnce(t *testing.T) {
	mail := mailText(1) + "\nFrom here on\n\n"
	for name, again := range map[string]func(p *place, dir string) (path string, change func(*Options)){
		"another name": func(p *place, dir string) (string, func(*Options)) {
			p.rename(dir+"/new/1.A.mx1", dir+"/cur/2.B.mx1:2,S")
			return dir, nil
		},
		"another Maildir": func(p *place, dir string) (string, func(*Options)) {
			p.rename(dir+"/new/1.A.mx1", p.maildir("other")+"/new/1.A.mx1")
			return p.dir + "/other", nil
		},
		"the Maildir renamed": func(p *place, dir string) (string, func(*Options)) {
			p.rename(dir, p.dir+"/renamed")
			return p.dir + "/renamed", nil
		},
		"through a link": func(p *place, dir string) (string, func(*Options)) {
			if err := os.Symlink(dir, p.dir+"/link"); err != nil {
				p.t.Fatal(err)
			}
			return p.dir + "/link", nil
		},
		"another host": func(p *place, dir string) (string, func(*Options)) {
			return dir, func(o *Options) { o.Host = "mx2.example.org" }
		},
		"restored from a backup": func(p *place, dir string) (string, func(*Options)) {
			os.Remove(dir + "/new/1.A.mx1")
			p.write(dir+"/new/1.A.mx1", mail)
			return dir, nil
		},
		"saved": func(p *place, dir string) (string, func(*Options)) {
			p.write(p.dir+"/bounce.eml", strings.ReplaceAll(mail, "\n", "\r\n"))
			return p.dir + "/bounce.eml", nil
		},
		"in an mbox": func(p *place, dir string) (string, func(*Options)) {
			p.write(p.dir+"/mbox", inMbox(mail))
			return p.dir + "/mbox", nil
		},
		"in a packed mbox": func(p *place, dir string) (string, func(*Options)) {
			p.write(p.dir+"/mbox", inMbox(mail))
			(&logger{place: p}).pack(p.dir+"/mbox", p.dir+"/mbox.gz")
			return p.dir + "/mbox.gz", nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t)
			dir := newMaildir(p)
			p.write(dir+"/new/1.A.mx1", mail)
			if got := p.drain(p.open(dir)); len(got) != 1 {
				t.Fatalf("%q", got)
			}
			path, change := again(p, dir)
			if change == nil {
				change = func(*Options) {}
			}
			if got := p.drain(p.open(path, change)); got != nil {
				t.Errorf("read again: %q", got)
			}
		})
	}
}

func (p *place) rename(from, to string) {
	p.t.Helper()
	if err := os.Rename(from, to); err != nil {
		p.t.Fatal(err)
	}
}

func (p *place) maildir(name string) string {
	p.t.Helper()
	for _, sub := range []string{"cur", "new", "tmp"} {
		if err := os.MkdirAll(filepath.Join(p.dir, name, sub), 0o700); err != nil {
			p.t.Fatal(err)
		}
	}
	return filepath.Join(p.dir, name)
}

// Under a name that was met lies another mail: it is read.
func TestMailUnderKnownName(t *testing.T) {
	p := newPlace(t)
	dir := newMaildir(p)
	for n := range 3 {
		p.write(dir+"/new/1", mailText(n))
		if diff := cmp.Diff([]string{mailText(n)}, p.drain(p.open(dir))); diff != "" {
			t.Error(diff)
		}
		os.Remove(dir + "/new/1")
	}
}

// rows is a table with the rules of ours: what a plain write brings is
// stored, a recovery adds what lacks.
type rows struct {
	mu     sync.Mutex
	stored map[bouncehouse.Origin]string
	twice  []string
}

func (r *rows) Write(_ context.Context, b bouncehouse.Batch, _ *bouncehouse.Result) error {
	r.write(b, len(b.Chunks))
	return nil
}

// write stores the first n chunks.
func (r *rows) write(b bouncehouse.Batch, n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stored == nil {
		r.stored = map[bouncehouse.Origin]string{}
	}
	for _, c := range b.Chunks[:n] {
		at := bouncehouse.Origin{Stream: c.Stream, FileID: c.FileID, Offset: c.Offset}
		was, ok := r.stored[at]
		switch {
		case ok && !b.Recover:
			r.twice = append(r.twice, c.Data)
		case ok && was != c.Data:
			r.twice = append(r.twice, "other data at one origin: "+c.Data)
		}
		r.stored[at] = c.Data
	}
}

// exactly checks that each mail is stored once, by its number.
func (r *rows) exactly(t *testing.T, n int) {
	t.Helper()
	count := map[int]int{}
	for _, data := range r.stored {
		var id int
		_, after, _ := strings.Cut(data, "Message-ID: <")
		if _, err := fmt.Sscanf(after, "%d@", &id); err != nil {
			t.Errorf("no mail: %q", data)
		}
		count[id]++
	}
	for id := range n {
		if count[id] != 1 {
			t.Errorf("mail %d is stored %d times", id, count[id])
		}
	}
	if len(r.twice) > 0 || len(count) > n {
		t.Errorf("stored again: %q, %d mails of %d", r.twice, len(count), n)
	}
}

// Two hundred identical files beside a Maildir of identical mails, all read
// at once, are one mail.
func TestIdenticalMails(t *testing.T) {
	for _, once := range []bool{true, false} {
		t.Run(fmt.Sprintf("once=%v", once), func(t *testing.T) {
			real := time.Now().Add(time.Hour)
			synctest.Test(t, func(t *testing.T) {
				p := newPlace(t)
				dir := newMaildir(p)
				paths := []string{dir, p.dir + "/mbox"}
				p.write(paths[1], inMbox(mailText(0))+inMbox(mailText(1)))
				for i := range 200 {
					p.write(fmt.Sprintf("%s/new/%d", dir, i), mailText(0))
					paths = append(paths, fmt.Sprintf("%s/%d.eml", p.dir, i))
					p.write(paths[i+2], mailText(0))
				}
				table := new(rows)
				start := time.Now()
				for range 2 { // and once more after a restart
					mails, err := OpenMails(p.state, nil)
					if err != nil {
						t.Fatal(err)
					}
					ctx, stop := context.WithTimeout(t.Context(), 5*time.Minute)
					var g errgroup.Group
					for _, path := range paths {
						src := p.open(path, func(o *Options) {
							o.Mails, o.Once, o.Log = mails, once, nil
							o.Now = func() time.Time { return real.Add(time.Since(start)) }
						})
						pipe := &bouncehouse.Pipeline{Sink: table}
						g.Go(func() error {
							if err := pipe.Run(ctx, src); !errors.Is(err, context.DeadlineExceeded) {
								return err
							}
							return nil
						})
					}
					if err := g.Wait(); err != nil {
						t.Error(err)
					}
					stop()
				}
				table.exactly(t, 2)
			})
		})
	}
}

// While a mail is on its way from one mailbox, a copy in another waits; it is
// read there if the first gives it up.
func TestMailClaimed(t *testing.T) {
	p := newPlace(t)
	mails, err := OpenMails(p.state, nil)
	if err != nil {
		t.Fatal(err)
	}
	share := func(o *Options) { o.Mails = mails }
	p.write(p.maildir("a")+"/new/1", mailText(1))
	p.write(p.maildir("b")+"/new/2", mailText(1))
	p.write(p.dir+"/mbox", inMbox(mailText(1)))
	a := p.open(p.dir+"/a", share)
	if _, err := a.Read(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"/b", "/mbox"} {
		box := p.open(p.dir+name, share)
		if got := p.drain(box); got != nil {
			t.Errorf("%s: read although claimed: %q", name, got)
		}
		box.Close()
	}
	a.Close()
	if got := p.drain(p.open(p.dir+"/b", share)); len(got) != 1 {
		t.Errorf("not read once it was given up: %q", got)
	}
	if got := p.drain(p.open(p.dir+"/mbox", share)); got != nil {
		t.Errorf("read again: %q", got)
	}
}

// A batch that was under way at a crash comes again, whatever became of its
// mails and mailbox, and under whatever host name.
func TestMailsUnderWay(t *testing.T) {
	for name, meanwhile := range map[string]func(p *place, dir string) (path string){
		"nothing": func(p *place, dir string) string { return dir },
		"renamed": func(p *place, dir string) string {
			p.rename(dir+"/new/1", dir+"/cur/9:2,S")
			return dir
		},
		"moved": func(p *place, dir string) string {
			p.rename(dir+"/new/1", p.maildir("other")+"/new/1")
			return p.dir + "/other"
		},
		"in an mbox": func(p *place, dir string) string {
			p.write(p.dir+"/mbox", inMbox(mailText(1)))
			os.RemoveAll(dir)
			return p.dir + "/mbox"
		},
		"removed": func(p *place, dir string) string {
			os.RemoveAll(dir)
			return p.maildir("empty")
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t)
			dir := newMaildir(p)
			p.write(dir+"/new/1", mailText(1))
			src := p.open(dir)
			b, err := src.Read(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if err := src.Intend(t.Context(), b); err != nil {
				t.Fatal(err)
			}
			path := meanwhile(p, dir)
			src = p.open(path, func(o *Options) { o.Host = "mx2.example.org" })
			again, err := src.Read(t.Context())
			b.Recover = true
			if diff := cmp.Diff(b, again); diff != "" || err != nil {
				t.Fatalf("%v %s", err, diff)
			}
			p.settle(src, again)
			if got := p.drain(src); got != nil {
				t.Errorf("read again: %q", got)
			}
			if got := p.drain(p.open(path)); got != nil {
				t.Errorf("read again after a restart: %q", got)
			}
			files, err := os.ReadDir(filepath.Join(p.state, "mails"))
			p.ok(err)
			for _, f := range files {
				if strings.Contains(f.Name(), "batch") {
					t.Errorf("left: %s", f.Name())
				}
			}
		})
	}
}

// What is gone is forgotten after so many other mails, what lies in an open
// mailbox never is.
func TestMailsForgotten(t *testing.T) {
	p := newPlace(t)
	stays, goes := p.maildir("stays"), p.maildir("goes")
	p.write(p.dir+"/mbox", inMbox(mailText(1000))+inMbox(mailText(1001)))
	p.write(p.dir+"/one.eml", mailText(1002))
	p.write(stays+"/cur/1:2,S", mailText(1003))
	open := func() (out []Source) {
		mails, err := OpenMails(p.state, nil)
		if err != nil {
			t.Fatal(err)
		}
		mails.keep = 50
		for _, path := range []string{stays, p.dir + "/mbox", p.dir + "/one.eml", goes} {
			out = append(out, p.open(path, func(o *Options) { o.Mails = mails }))
		}
		return out
	}
	all := func(srcs []Source) (got []string) {
		for _, s := range srcs {
			got = append(got, p.drain(s)...)
		}
		return got
	}
	if got := all(open()); len(got) != 4 {
		t.Fatalf("%q", got)
	}
	srcs := open()
	for n := range 400 {
		name := fmt.Sprintf("%s/new/%d", goes, n)
		p.write(name, mailText(n))
		if n%70 == 0 {
			srcs = open()
		}
		if got := p.drain(srcs[3]); len(got) != 1 {
			t.Fatalf("mail %d: %q", n, got)
		}
		os.Remove(name)
		srcs[3].(*maildir).seen = [2]time.Time{} // the clock of directories is coarse
		if n > 50 {
			p.write(name+"again", mailText(n-50))
			if got := p.drain(srcs[3]); got != nil {
				t.Fatalf("mail %d of 50 is forgotten: %q", n, got)
			}
			os.Remove(name + "again")
			srcs[3].(*maildir).seen = [2]time.Time{}
		}
	}
	p.rename(stays+"/cur/1:2,S", stays+"/cur/2:2,S")
	p.write(p.dir+"/mbox", fromLine+mailText(1004)+"\n")
	if diff := cmp.Diff([]string{mailText(1004)}, all(open())); diff != "" {
		t.Error(diff)
	}
	size := int64(0)
	for _, name := range []string{"seen", "seen.old"} {
		st, err := os.Stat(p.state + "/mails/" + name)
		if err != nil {
			t.Fatal(err)
		}
		size += st.Size()
	}
	if size > 300*seenRecord {
		t.Errorf("%d bytes for 50 mails", size)
	}
	for n := range 2 { // a long time ago
		p.write(fmt.Sprintf("%s/new/late%d", goes, n), mailText(n))
	}
	if got := all(open()); len(got) != 2 {
		t.Errorf("nothing is ever forgotten: %q", got)
	}
}

// What a crash left half is not relied on; what is damaged is said.
func TestMailsDamaged(t *testing.T) {
	p := newPlace(t)
	dir := newMaildir(p)
	for n := range 3 {
		p.write(fmt.Sprintf("%s/new/%d", dir, n), mailText(n))
	}
	p.drain(p.open(dir))
	seen := p.state + "/mails/seen"
	p.write(seen, "torn")
	p.write(dir+"/new/3", mailText(3))
	for _, want := range [][]string{{mailText(3)}, nil} {
		if diff := cmp.Diff(want, p.drain(p.open(dir))); diff != "" {
			t.Error(diff)
		}
	}
	if p.said.Len() > 0 {
		t.Errorf("said: %s", &p.said)
	}
	raw, err := os.ReadFile(seen)
	if err != nil {
		t.Fatal(err)
	}
	raw[seenRecord+3] ^= 1
	if err := os.WriteFile(seen, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := p.drain(p.open(dir)); len(got) != 1 || !strings.Contains(p.said.String(), "ERROR") {
		t.Errorf("%q, said: %s", got, &p.said)
	}

	p.write(dir+"/new/4", mailText(4))
	src := p.open(dir)
	b, err := src.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := src.Intend(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	path := p.state + "/mails/" + b.ID + batchSuffix
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	p.write(path+".tmp", "begun")
	for i := range whole {
		for _, bad := range [][]byte{whole[:i], append(append(bytes.Clone(whole[:i]), whole[i]^4), whole[i+1:]...)} {
			if err := os.WriteFile(path, bad, 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := Open(dir, p.options()); err == nil || !strings.Contains(err.Error(), path) ||
				!strings.Contains(err.Error(), "delete it") {
				t.Fatalf("byte %d: %v", i, err)
			}
		}
	}
	if err := os.WriteFile(path, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := p.drain(p.open(dir)); len(got) != 1 {
		t.Errorf("%q", got)
	}
	if _, err := os.Stat(path + ".tmp"); err == nil {
		t.Error("what was begun is left")
	}
}
