package ingest

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Whoever owns a Maildir cannot have another file read, nor hold the reader.
func TestMaildirSwapped(t *testing.T) {
	for name, swap := range map[string]func(p *place, path string) error{
		"link":   func(p *place, path string) error { return os.Symlink(p.dir+"/secret", path) },
		"pipe":   func(p *place, path string) error { return syscall.Mkfifo(path, 0o600) },
		"folder": func(p *place, path string) error { return os.Mkdir(path, 0o700) },
		"socket": func(p *place, path string) error { return syscall.Mknod(path, syscall.S_IFSOCK|0o600, 0) },
		"device": func(p *place, path string) error { return syscall.Mknod(path, syscall.S_IFCHR|0o600, 1<<8|9) },
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t)
			dir := newMaildir(p)
			p.write(p.dir+"/secret", mailText(99))
			path := dir + "/new/1"
			p.write(path, mailText(1))
			p.write(dir+"/new/2", mailText(2))
			m := p.open(dir).(*maildir)
			if err := m.fill(); err != nil || len(m.queue) != 2 { // listed
				t.Fatal(err, len(m.queue))
			}
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			if err := swap(p, path); err != nil {
				t.Skip(err) // a device takes root
			}
			if got := p.drain(m); len(got) != 1 || got[0] != mailText(2) {
				t.Errorf("%q", got)
			}
			// And a whole folder.
			os.RemoveAll(dir + "/cur")
			os.Mkdir(p.dir+"/secrets", 0o700)
			p.write(p.dir+"/secrets/1", mailText(98))
			if err := os.Symlink(p.dir+"/secrets", dir+"/cur"); err != nil {
				t.Fatal(err)
			}
			if _, err := Open(dir, p.options()); err == nil || !strings.Contains(err.Error(), dir+"/cur") {
				t.Errorf("a linked cur: %v", err)
			}
		})
	}
}

// Of a mail of any size no more is read than hashMax.
func TestMailHuge(t *testing.T) {
	p := newPlace(t)
	dir := newMaildir(p)
	huge := func(name string, size int64) {
		p.write(dir+"/new/"+name, mailText(1))
		if err := os.Truncate(dir+"/new/"+name, size); err != nil {
			t.Skip(err)
		}
	}
	huge("1", 50<<30)
	huge("2", 50<<30)
	huge("3", 51<<30)
	if got := p.drain(p.open(dir)); len(got) != 2 || len(got[0]) != maxMail || !strings.HasPrefix(got[1], mailText(1)) {
		t.Errorf("%d mails", len(got))
	}
}

// A mail program takes a mail out while one of the same size, with the same
// end, arrives: no byte before the position tells.
func TestMboxExpungedUnseen(t *testing.T) {
	bubble(t, func(t *testing.T, l *logger, r *reader) {
		same := func(n int) string { return mailText(n) + strings.Repeat("the same end\n", 200) }
		path := filepath.Join(l.dir, "bounces")
		r.log = path
		text := func(ns ...int) (text string) {
			for _, n := range ns {
				text += fromLine + same(n) + "\n"
			}
			return text
		}
		l.check(os.WriteFile(path, []byte(text(1, 2, 3)), 0o600))
		r.restart()
		r.follow(2 * time.Minute)
		r.inOrder([]string{same(1), same(2), same(3)})
		l.check(os.WriteFile(path, []byte(text(1, 3, 4)), 0o600))
		l.check(os.Chtimes(path, time.Time{}, r.options().Now().Add(time.Hour).Truncate(time.Second)))
		r.follow(2 * time.Hour)
		r.inOrder([]string{same(1), same(2), same(3), same(4)})
	})
}

// A pipe that took the place of a file does not hold Open.
func TestOpenRegular(t *testing.T) {
	p := newPlace(t)
	if err := syscall.Mkfifo(p.dir+"/pipe", 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{p.dir + "/pipe", "/dev/null"} {
		if _, err := sniffFile(path); err == nil || !strings.Contains(err.Error(), "not a regular file") {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// What lies in a Maildir and is no mail is told of, once each; two mails that
// have one unique name are both read.
func TestMaildirPassesOver(t *testing.T) {
	bubble(t, func(t *testing.T, l *logger, r *reader) {
		dir := newMaildir(l.place)
		l.write(1)
		l.check(os.Symlink(l.log, dir+"/new/link"))
		l.check(os.Mkdir(dir+"/cur/folder", 0o700))
		l.place.write(dir+"/new/1.a", mailText(1))
		l.place.write(dir+"/cur/1.a:2,S", mailText(2))
		r.log = dir
		r.restart()
		r.follow(time.Minute)
		l.check(os.Symlink("nowhere", dir+"/cur/later"))
		l.place.write(dir+"/new/3.a", mailText(3))
		r.follow(time.Minute)
		r.exactly([]string{mailText(1), mailText(2), mailText(3)})
		for _, name := range []string{"new/link", "cur/folder", "cur/later"} {
			if n := strings.Count(l.said.String(), "path="+dir+"/"+name+" "); n != 1 {
				t.Errorf("%s: told %d times\n%s", name, n, l.said.String())
			}
		}
	})
}

// Who owns the state directory cannot have root wait for a pipe there, nor read a device or another's file.
func TestStateSwapped(t *testing.T) {
	p := newPlace(t)
	p.now = p.now.Add(time.Hour)
	mbox := filepath.Join(p.dir, "bounces")
	p.write(mbox, fromLine+mailText(1)+"\n")
	p.write(p.log, "Nov 21 a line\n")
	open := func() (err error) {
		for _, path := range []string{p.log, mbox} {
			s, e := Open(path, p.options())
			if err = errors.Join(err, e); e == nil {
				s.Close()
			}
		}
		return err
	}
	p.drain(p.open(p.log))
	p.drain(p.open(mbox))
	var names []string
	p.ok(filepath.WalkDir(p.state, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			names = append(names, path)
		}
		return err
	}))
	names = append(names, filepath.Join(p.state, mailsName, "x"+batchSuffix), filepath.Join(p.state, mailsName, "seen.old"))
	if len(names) < 4 {
		t.Errorf("%q", names)
	}
	for _, name := range names {
		for what, swap := range map[string]func(string) error{
			"pipe":   func(path string) error { return syscall.Mkfifo(path, 0o600) },
			"device": func(path string) error { return os.Symlink("/dev/zero", path) },
			"file":   func(path string) error { return os.Symlink(p.log, path) },
		} {
			was, err := os.ReadFile(name)
			p.ok(errors.Join(swap(name+".new"), os.Rename(name+".new", name)))
			ended := make(chan error)
			go func() { ended <- open() }()
			select {
			case err := <-ended:
				if err == nil || !strings.Contains(err.Error(), name) {
					t.Errorf("%s in the place of %s: %v", what, name, err)
				}
			case <-time.After(time.Minute):
				t.Fatalf("%s in the place of %s is waited for", what, name)
			}
			p.ok(os.Remove(name))
			if err == nil {
				p.write(name, string(was))
			}
		}
	}
	p.ok(open())
}

// Two file systems that were made alike have files of one inode, size and time.
func TestPlaceByDevice(t *testing.T) {
	p := newPlace(t)
	p.write(p.log, "x")
	info, err := os.Stat(p.log)
	p.ok(err)
	was := placeOf(info, "")
	info.Sys().(*syscall.Stat_t).Dev++
	if placeOf(info, "") == was {
		t.Error("the same")
	}
}
