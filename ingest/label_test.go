package ingest

import (
	"io"
	"os"
	"path/filepath"
	"testing"
	"unicode/utf8"
)

// TestNotUTF8 reads a log and a Maildir whose paths are no UTF-8, again and again.
func TestNotUTF8(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "b\xe9po\xff\xfe行")
	for _, sub := range []string{"md/new", "md/cur", "md/tmp"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	log := filepath.Join(dir, "mail\xff.log")
	line := "2026-11-20T10:00:00+00:00 mx1 postfix/qmgr[1]: 4Abc: removed\n"
	if err := os.WriteFile(log, []byte(line), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "md/new/1.a"), []byte("From: a@example.com\nTo: b@example.com\n\nx\n"),
		0o600); err != nil {
		t.Fatal(err)
	}
	o := Options{State: t.TempDir(), Host: "h", Zone: "UTC", Once: true}
	for _, path := range []string{log, filepath.Join(dir, "md")} {
		for _, want := range []int{1, 0} {
			src, err := Open(path, o)
			if err != nil {
				t.Fatal(err)
			}
			got := 0
			for {
				b, err := src.Read(t.Context())
				if err == io.EOF {
					break
				}
				if err == nil {
					got++
					err = src.Intend(t.Context(), b)
				}
				if err == nil {
					err = src.Commit(t.Context(), b)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			if err := src.Close(); err != nil || got != want {
				t.Errorf("%q: %d batches, want %d; %v", path, got, want, err)
			}
		}
	}
	labels := map[string]string{}
	for _, path := range []string{"/a\xff/行", `/a\xff/行`, `/a\x5cxff/行`, "/a\\\xff/行", `/a\xf` + "\xff", `/a\xf\xff`,
		"/a\\xf", `/a\\xff`} {
		got := label(path)
		if other, met := labels[got]; met || !utf8.ValidString(got) {
			t.Errorf("label %q of %q and %q", got, other, path)
		}
		labels[got] = path
	}
	if labels[`/a\xff/行`] != "/a\xff/行" {
		t.Errorf("%q", labels)
	}
}
