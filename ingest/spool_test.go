package ingest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"
)

// What is delivered is read once, and leaves the spool when it is durable.
func TestDeliver(t *testing.T) {
	p := newPlace(t)
	if err := os.Mkdir(p.state, 0o700); err != nil {
		t.Fatal(err)
	}
	first := "Return-Path: <>\nSubject: one\n\none\n"
	second := "Return-Path: <>\nSubject: two\n\ntwo\n"
	for _, mail := range []string{first, second, first} { // the third was handed in again
		if err := Deliver(p.state, strings.NewReader(mail)); err != nil {
			t.Fatal(err)
		}
	}
	spool := SpoolDir(p.state)
	if n := len(entries(t, filepath.Join(spool, "new"))); n != 2 {
		t.Errorf("%d mails in the spool, want 2", n)
	}

	src := p.open(spool)
	b, err := src.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	src.Close() // before anything is durable
	if n := len(entries(t, filepath.Join(spool, "new"))); n != 2 {
		t.Errorf("%d mails in the spool before a commit, want 2", n)
	}
	if got := p.texts(b); len(got) != 2 {
		t.Errorf("read %q", got)
	}
	if got := p.drain(p.open(spool)); len(got) != 2 {
		t.Errorf("read again: %q", got)
	}
	if left := entries(t, filepath.Join(spool, "new")); len(left) != 0 {
		t.Errorf("left in the spool: %q", left)
	}
	if got := p.drain(p.open(spool)); len(got) != 0 {
		t.Errorf("read once more: %q", got)
	}
	if left := entries(t, filepath.Join(spool, "tmp")); len(left) != 0 {
		t.Errorf("left in tmp: %q", left)
	}
}

// Who follows the spool empties it without waiting for the next mail.
func TestSpoolFollowed(t *testing.T) {
	p := newPlace(t)
	if err := MakeSpool(p.state); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		src := p.open(SpoolDir(p.state), func(o *Options) { o.Once, o.Now = false, time.Now })
		for i := range 3 {
			if err := Deliver(p.state,
				strings.NewReader(fmt.Sprintf("Return-Path: <>\nSubject: %d\n\nx\n", i))); err != nil {
				t.Fatal(err)
			}
			b, err := src.Read(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			p.settle(src, b)
			ctx, stop := context.WithTimeout(t.Context(), 5*time.Second)
			if _, err := src.Read(ctx); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("a further batch, %v", err)
			}
			stop()
			if left := entries(t, filepath.Join(SpoolDir(p.state), "new")); len(left) != 0 {
				t.Errorf("left in the spool: %q", left)
			}
		}
		src.Close()
	})
}

// Root makes the spool for the owner of the state directory.
func TestSpoolOwner(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	state := t.TempDir()
	if err := errors.Join(os.Chown(state, 65534, 65534), MakeSpool(state)); err != nil {
		t.Fatal(err)
	}
	for _, sub := range []string{"", "tmp", "new", "cur"} {
		st, err := os.Stat(filepath.Join(SpoolDir(state), sub))
		if err != nil {
			t.Fatal(err)
		}
		if uid := st.Sys().(*syscall.Stat_t).Uid; uid != 65534 {
			t.Errorf("%q is of user %d", sub, uid)
		}
	}
}

// In another's state directory his links lead nowhere, nor does one in its place.
func TestStateOfAnother(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	dir := t.TempDir()
	state, victim, link := filepath.Join(dir, "state"), filepath.Join(dir, "victim"), filepath.Join(dir, "link")
	if err := errors.Join(os.Mkdir(state, 0o700), os.WriteFile(victim, []byte("kept"), 0o600),
		os.Symlink(victim, filepath.Join(state, lockName)),
		os.Chown(state, 65534, 65534), os.Symlink(t.TempDir(), link), os.Lchown(link, 65534, 65534)); err != nil {
		t.Fatal(err)
	}
	if _, err := Lock(state); err == nil || !strings.Contains(err.Error(),
		"it is a link, which has no place in a state directory") {
		t.Errorf("the lock: %v", err)
	}
	if err := errors.Join(os.Remove(filepath.Join(state, lockName)),
		os.Link(victim, filepath.Join(state, lockName))); err != nil {
		t.Fatal(err)
	}
	if _, err := Lock(state); err == nil || !strings.Contains(err.Error(), "has another name elsewhere") {
		t.Errorf("the lock, another name: %v", err)
	}
	if err := errors.Join(os.Remove(filepath.Join(state, lockName)),
		os.Symlink(dir, filepath.Join(state, positionsName))); err != nil {
		t.Fatal(err)
	}
	log := filepath.Join(dir, "mail.log")
	if err := os.WriteFile(log, []byte("Nov 21 10:00:00 mx1 postfix/smtp[1]: one\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	o := Options{State: state, Host: "mx1", Zone: "UTC", Once: true, Log: slog.New(slog.DiscardHandler)}
	if _, err := Open(log, o); err == nil || !strings.Contains(err.Error(), "it is a link") {
		t.Errorf("the positions: %v", err)
	}
	if err := errors.Join(os.Remove(filepath.Join(state, positionsName)),
		os.Mkdir(filepath.Join(state, positionsName), 0o700),
		os.Symlink(victim, filepath.Join(state, positionsName, "files.ledger"))); err != nil {
		t.Fatal(err)
	}
	if src, err := Open(log, o); err == nil {
		b, err := src.Read(t.Context())
		if err == nil {
			err = errors.Join(src.Intend(t.Context(), b), src.Commit(t.Context(), b))
		}
		if err == nil || !strings.Contains(err.Error(), "it is a link") {
			t.Errorf("the ledger: %v", err)
		}
		src.Close()
	}
	if _, err := Lock(link); err == nil || !strings.Contains(err.Error(), "is a link of user 65534's") {
		t.Errorf("another's link: %v", err)
	}
	if err := MakeSpool(link); err == nil || !strings.Contains(err.Error(), "is a link of user 65534's") {
		t.Errorf("a spool behind it: %v", err)
	}
	if b, err := os.ReadFile(victim); err != nil || string(b) != "kept" {
		t.Errorf("%q, %v", b, err)
	}
}

// Whoever has prepared the state directory, deliver writes nowhere else.
func TestSpoolPrepared(t *testing.T) {
	for name, prepare := range map[string]func(state, other string) error{
		"does not exist":      func(state, _ string) error { return os.Remove(state) },
		"no directory: spool": func(state, other string) error { return os.Symlink(other, state+"/spool") },
		"no directory: tmp": func(state, other string) error {
			return errors.Join(os.Mkdir(state+"/spool", 0o700), os.Symlink(other, state+"/spool/tmp"))
		},
		"no directory: new": func(state, other string) error {
			return errors.Join(os.Mkdir(state+"/spool", 0o700), os.Symlink("tmp", state+"/spool/new"))
		},
		"no directory: cur": func(state, other string) error {
			return errors.Join(os.Mkdir(state+"/spool", 0o700), os.WriteFile(state+"/spool/cur", nil, 0o600))
		},
		"chmod go-w": func(state, _ string) error { return os.Chmod(state, 0o1777) },
		"chmod go-w: spool": func(state, _ string) error {
			return errors.Join(os.Mkdir(state+"/spool", 0o700), os.Chmod(state+"/spool", 0o770))
		},
	} {
		t.Run(name, func(t *testing.T) {
			state, other := filepath.Join(t.TempDir(), "state"), t.TempDir()
			if err := errors.Join(os.Mkdir(state, 0o700), prepare(state, other)); err != nil {
				t.Fatal(err)
			}
			want, _, _ := strings.Cut(strings.ReplaceAll(name, "no directory", "is no directory"), ":")
			if err := Deliver(state, strings.NewReader("Subject: x\n\nx\n")); err == nil ||
				!strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), state) {
				t.Errorf("%v", err)
			}
			if left := entries(t, other); len(left) > 0 {
				t.Errorf("written elsewhere: %q", left)
			}
		})
	}
}

// Another user's state directory is no place for mail, but for root, whose
// files there are that user's.
func TestSpoolOfAnother(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	state := t.TempDir()
	root, err := os.OpenRoot(state)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	if err := os.Chown(state, 65534, 65534); err != nil {
		t.Fatal(err)
	}
	for user, ok := range map[int]bool{0: true, 65534: true, 1000: false} {
		if _, err := ownerOf(root, state, user); (err == nil) != ok {
			t.Errorf("user %d: %v", user, err)
		}
	}
	if err := Deliver(state, strings.NewReader("Subject: x\n\nx\n")); err != nil {
		t.Fatal(err)
	}
	files, _ := filepath.Glob(SpoolDir(state) + "/new/*")
	if len(files) != 1 {
		t.Fatalf("%q", files)
	}
	if st, err := os.Stat(files[0]); err != nil || st.Sys().(*syscall.Stat_t).Uid != 65534 {
		t.Errorf("%v, %v", st, err)
	}
}

// A mail that did not come whole leaves nothing behind.
func TestDeliverFails(t *testing.T) {
	state := t.TempDir()
	for name, r := range map[string]io.Reader{
		"cut":   io.MultiReader(strings.NewReader("Subject: x\n"), iotest.ErrReader(errors.New("gone"))),
		"empty": strings.NewReader(""),
	} {
		if err := Deliver(state, r); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	for _, sub := range []string{"tmp", "new", "cur"} {
		if left := entries(t, filepath.Join(SpoolDir(state), sub)); len(left) != 0 {
			t.Errorf("left in %s: %q", sub, left)
		}
	}
	file := filepath.Join(state, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Deliver(file, strings.NewReader("x")); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("state directory is a file: %v", err)
	}
}

func entries(t *testing.T, dir string) (names []string) {
	t.Helper()
	all, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range all {
		names = append(names, e.Name())
	}
	return names
}
