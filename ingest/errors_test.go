package ingest

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bouncehouse/bouncehouse"
)

func TestOpenErrors(t *testing.T) {
	p := newPlace(t)
	in := func(name string) string { return filepath.Join(p.dir, name) }
	text, _ := logLines(0, 5)
	for name, content := range map[string]string{
		"program": "\x7fELF\x02\x01\x01" + strings.Repeat("\x00", 100), "mail.db": "SQLite\x00\x01\x02",
		"a.xz":      "\xfd7zXZ\x00\x00\x04",
		"utf16.log": "\xff\xfeN\x00o\x00v\x00", "sock/x": "", "lz4": "\x04\x22\x4d\x18abc",
		"mmdf":  strings.Repeat("\x01\x01\x01\x01\n"+mailText(1)+"\x01\x01\x01\x01\n", 2),
		"RMAIL": "BABYL OPTIONS:\nVersion: 5\n\x1f\x0c\n0,,\n*** EOOH ***\n" + mailText(1),
	} {
		os.MkdirAll(filepath.Dir(in(name)), 0o700)
		p.write(in(name), content)
	}
	p.write(in("file"), text)
	if err := syscall.Mkfifo(in("pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"missing.log": "no such file or directory: give the path of",
		"no/dir.log":  "no such file or directory: give the path of",
		"sock":        "a directory that is no Maildir",
		"program":     "an ELF program",
		"mail.db":     "binary",
		"a.xz":        "unxz",
		"lz4":         "unlz4",
		"utf16.log":   "iconv",
		"mmdf":        "MMDF mailbox, which is not read: convert it to mbox",
		"RMAIL":       "Babyl mailbox",
		"pipe":        "not a regular file",
		"file/x":      "not a directory",
	} {
		for what, err := range map[string]error{
			"Open": func() error { _, err := Open(in(name), p.options()); return err }(),
			"ReadFile": func() error {
				if name == "pipe" {
					return fmt.Errorf("%s %s", in(name), want)
				}
				return ReadFile(t.Context(), in(name), p.options(), func(*bouncehouse.Chunk) error { return nil })
			}(),
		} {
			if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") ||
				!strings.Contains(err.Error(), strings.TrimSuffix(in(name), "/dir.log")) {
				t.Errorf("%s %s: %v", what, name, err)
			}
		}
	}
}

// TestPermission runs as another user than root, for whom there is no
// permission to lack.
func TestPermission(t *testing.T) {
	if os.Getuid() == 0 {
		if os.Getenv("BOUNCEHOUSE_AS_NOBODY") != "" {
			t.Fatal("still root")
		}
		dir, err := os.MkdirTemp("", "bouncehouse")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		self, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		// The binary may lie where nobody may look.
		data, err := os.ReadFile(self)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, "test"), data, 0o755)
		}
		if err == nil {
			err = os.Chmod(dir, 0o777)
		}
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(filepath.Join(dir, "test"), "-test.run=^TestPermission$", "-test.v")
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "BOUNCEHOUSE_AS_NOBODY=1", "TMPDIR="+dir)
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		if out, err := cmd.CombinedOutput(); err != nil || !bytes.Contains(out, []byte("PASS")) {
			t.Fatalf("%v\n%s", err, out)
		}
		return
	}
	p := newPlace(t)
	text, want := logLines(0, 5)
	p.write(p.log, text)
	chmod := func(mode os.FileMode) {
		if err := os.Chmod(p.log, mode); err != nil {
			t.Fatal(err)
		}
	}
	chmod(0o040)
	if _, err := Open(p.log, p.options()); err == nil || !strings.Contains(err.Error(),
		"open "+p.log+": permission denied: run as root or as a member of group ") {
		t.Error(err)
	}
	chmod(0)
	if _, err := Open(p.log, p.options()); err == nil || !strings.HasSuffix(err.Error(),
		"permission denied: run as root") {
		t.Error(err)
	}
	chmod(0o600)
	s := p.open(p.log)
	chmod(0) // lost before the first read: said, and waited for
	if _, err := s.Read(t.Context()); err == nil || !strings.Contains(err.Error(), "permission denied") {
		t.Error(err)
	}
	chmod(0o600)
	if diff := cmp.Diff(want, p.drain(s)); diff != "" {
		t.Error(diff)
	}
	dir := newMaildir(p)
	p.write(filepath.Join(dir, "new", "1"), mailText(1))
	p.write(filepath.Join(dir, "new", "2"), mailText(2))
	if err := os.Chmod(filepath.Join(dir, "new", "1"), 0); err != nil {
		t.Fatal(err)
	}
	got := p.drain(p.open(dir))
	if len(got) != 2 || !strings.HasPrefix(got[0], "broken: read "+dir+"/new/1: permission denied") ||
		got[1] != mailText(2) {
		t.Errorf("%q", got)
	}
	if err := os.Mkdir(filepath.Join(p.dir, "shut"), 0); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{filepath.Join(p.dir, "shut", "mail.log"), filepath.Join(p.dir, "shut")} {
		if _, err := Open(path, p.options()); err == nil || !strings.Contains(err.Error(), "permission denied") {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestEmptyFile(t *testing.T) {
	p := newPlace(t)
	p.write(p.log, "")
	if got := p.drain(p.open(p.log)); got != nil {
		t.Errorf("%q", got)
	}
}

func TestLongLines(t *testing.T) {
	text, lines := logLines(0, 3)
	for _, size := range []int{maxLine, maxLine + 1, 10 << 20} {
		for _, chunk := range []int{200, 256 << 10, 4 << 20} {
			p := newPlace(t)
			p.write(p.log, text+strings.Repeat("x", size)+"\n"+text)
			s := p.open(p.log, func(o *Options) { o.ChunkSize = chunk })
			long := strings.Repeat("x", size)
			if size > maxLine {
				long = fmt.Sprintf("broken: line of %d bytes is longer than 262144", size+1)
			}
			want := append(append(append([]string{}, lines...), long), lines...)
			if diff := cmp.Diff(want, p.drain(s)); diff != "" {
				t.Errorf("line of %d, chunks of %d: %.300s", size, chunk, diff)
			}
		}
	}
}

// A long line whose end is yet to come is searched once, and never held.
func TestLongLineUnfinished(t *testing.T) {
	bubble(t, func(t *testing.T, l *logger, r *reader) {
		l.write(2)
		for range 20 {
			l.put(strings.Repeat("x", 100<<10))
			r.follow(3 * time.Second)
		}
		r.inOrder(l.lines)
		l.put("\n")
		l.write(2)
		r.follow(10 * time.Second)
		want := append(append([]string{}, l.lines[:2]...), fmt.Sprintf("broken: line of %d bytes is longer than 262144",
			2000<<10+1))
		r.inOrder(append(want, l.lines[2:]...))
	})
}

// Zeros before a line are what a power failure leaves, and a writer without
// O_APPEND after a truncation.
func TestZerosAmidText(t *testing.T) {
	text, lines := logLines(0, 300)
	for _, chunk := range []int{200, 1 << 20} {
		for _, zeros := range []int{1, 4096, maxLine, 5 << 20} {
			p := newPlace(t)
			p.write(p.log, text+"a\x00b\n"+strings.Repeat("\x00", zeros)+text)
			want := append(append(append([]string{}, lines...), "a\x00b"), lines...)
			s := p.open(p.log, func(o *Options) { o.ChunkSize = chunk })
			if diff := cmp.Diff(want, p.drain(s)); diff != "" {
				t.Errorf("%d zeros, chunks of %d: %.500s", zeros, chunk, diff)
			}
		}
	}
}

// An archive that is being copied here is cut until it is whole.
func TestArchiveUnderWay(t *testing.T) {
	bubble(t, func(t *testing.T, l *logger, r *reader) {
		l.write(500)
		l.rename()
		l.pack(l.log+".1", filepath.Join(l.dir, "whole"))
		l.check(os.Remove(l.log + ".1"))
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		data, err := os.ReadFile(filepath.Join(l.dir, "whole"))
		l.check(err)
		zr, err := gzip.NewReader(bytes.NewReader(data))
		l.check(err)
		_, err = io.Copy(w, zr)
		l.check(errors.Join(err, w.Close()))
		l.check(os.WriteFile(l.log+".1.gz", b.Bytes()[:b.Len()/2], 0o600))
		st, err := os.Stat(l.log + ".1.gz")
		l.check(err)
		fresh := st.ModTime().Add(10 * time.Second)
		l.check(os.Chtimes(l.log+".1.gz", fresh, fresh))
		r.follow(8 * time.Second)
		if len(r.got) == 0 || strings.Contains(fmt.Sprint(r.got), "broken") {
			t.Errorf("got %.300q", r.got)
		}
		l.check(os.WriteFile(l.log+".1.gz", b.Bytes(), 0o600))
		r.follow(30 * time.Second)
		r.inOrder(l.lines)
	})
}

func TestDamagedArchive(t *testing.T) {
	text, lines := logLines(0, 2000)
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	io.WriteString(w, text)
	w.Close()
	flipped := bytes.Clone(b.Bytes())
	flipped[len(flipped)/2] ^= 0xff
	for name, data := range map[string][]byte{"cut": b.Bytes()[:b.Len()/2], "flipped": flipped,
		"head only": b.Bytes()[:5], "garbage after": append(bytes.Clone(b.Bytes()), "garbage"...)} {
		p := newPlace(t)
		p.now = p.now.Add(time.Minute)
		p.write(p.log+".1.gz", string(data))
		p.write(p.log, text[:1000])
		s := p.open(p.log)
		got := []string{}
		broken := 0
		for {
			batch, err := s.Read(t.Context())
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			for _, c := range batch.Chunks {
				if c.Kind == bouncehouse.Broken {
					broken++
					if c.File != "mail.log.1.gz" || !strings.Contains(c.Reason, "gzip") &&
						!strings.Contains(c.Reason, "flate") && !strings.Contains(c.Reason, "EOF") ||
						!strings.Contains(c.Reason, "damaged") {
						t.Errorf("%s: %+v", name, c)
					}
				}
			}
			if broken == 0 {
				got = append(got, p.texts(batch)...)
			}
			p.settle(s, batch)
		}
		if broken != 1 {
			t.Errorf("%s: %d broken chunks", name, broken)
		}
		if name == "flipped" && len(got) > 0 {
			got = got[:min(len(got), 100)] // what follows the flipped bit may be read otherwise
		}
		if diff := cmp.Diff(lines[:len(got)], got); diff != "" {
			t.Errorf("%s: %.300s", name, diff)
		}
		if name == "cut" && len(got) < 900 || name == "garbage after" && len(got) != 2000 {
			t.Errorf("%s: %d lines", name, len(got))
		}
		s.Close()
		if again := p.drain(p.open(p.log)); again != nil {
			t.Errorf("%s: again: %q", name, again[:1])
		}
	}
}

// A sibling that cannot be read is a dead letter; the others are read.
func TestUnreadableSibling(t *testing.T) {
	p := newPlace(t)
	text, lines := logLines(0, 3)
	p.write(p.log+".2.xz", "\xfd7zXZ\x00\x00\x04\x00")
	p.write(p.log+".1", "core\x00\x01")
	p.write(p.log, text)
	got := p.drain(p.open(p.log))
	want := append([]string{"broken: it is xz, which is not read: decompress it with unxz",
		"broken: it is binary (it has zero bytes), not a log file"}, lines...)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got := p.drain(p.open(p.log)); got != nil {
		t.Errorf("again: %q", got)
	}
}

// TestFullDisk has a real one, of one page.
func TestFullDisk(t *testing.T) {
	p := newPlace(t)
	if err := os.Mkdir(p.state, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", p.state, "tmpfs", 0, "size=16k"); err != nil {
		t.Skipf("a small file system cannot be mounted here (TestSource has a full disk made up): %v", err)
	}
	defer syscall.Unmount(p.state, syscall.MNT_DETACH)
	text, want := logLines(0, 20)
	p.write(p.log, text)
	s := p.open(p.log)
	b, err := s.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	filler := filepath.Join(p.state, "filler")
	if err := os.WriteFile(filler, make([]byte, 64<<10), 0o600); err == nil {
		t.Fatal("the disk is larger than it should be")
	}
	err = s.Intend(t.Context(), b)
	if err == nil || !strings.Contains(err.Error(), "write position ") ||
		!strings.HasSuffix(err.Error(), "no space left on device") {
		t.Fatalf("got %v", err)
	}
	s.Close()
	os.Remove(filler)
	if diff := cmp.Diff(want, p.drain(p.open(p.log))); diff != "" {
		t.Error(diff)
	}
}

func TestLock(t *testing.T) {
	p := newPlace(t)
	unlock, err := Lock(p.state)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Lock(p.state); err == nil || !strings.Contains(err.Error(),
		fmt.Sprintf("in use by process %d:", os.Getpid())) {
		t.Error(err)
	}
	unlock()
	unlock, err = Lock(p.state)
	if err != nil {
		t.Fatal(err)
	}
	unlock()
}
