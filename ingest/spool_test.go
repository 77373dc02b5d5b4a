package ingest

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
)

// What is delivered is read once, and leaves the spool when it is durable.
func TestDeliver(t *testing.T) {
	p := newPlace(t)
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
