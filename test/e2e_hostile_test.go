package test_test

import (
	"bytes"
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

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// maxMemory is what parse may take whatever it reads.
const maxMemory = 200 << 20

const bounceHead = "Return-Path: <>\nFrom: MAILER-DAEMON@mx.example\nTo: news@example.com\nDate: Sat, 21 Nov 2026 18:00:00 +0000\nSubject: failed\nMIME-Version: 1.0\n"

// hostile are files that take more memory than there is, to who reads them as they ask to be read; what lies before and
// behind is to be read all the same.
func hostile(t *testing.T) []hostileFile {
	log := strings.SplitAfter(demoLog(t), "\n")
	// No two are copies of one another: identical content is read once.
	first, second, rest := dayLine(1)+strings.Join(log[:50], ""), dayLine(2)+strings.Join(log[:50], ""),
		strings.Join(log[50:100], "")
	csv := strings.SplitAfter(sample(t, "exchange/tracking-own-words.log"), "\n")
	bounce := func(n int) string { return fmt.Sprintf("X-Number: %d\n", n) + sample(t, "dsn/gmail.eml") }
	const from = "From MAILER-DAEMON Sat Nov 21 10:00:00 2026\n"
	var parts, depth strings.Builder
	parts.WriteString(bounceHead + "Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n")
	for i := range 10_000 {
		fmt.Fprintf(&parts, "--b\nContent-Type: text/plain\n\npart %d\n", i)
	}
	parts.WriteString("--b--\n")
	depth.WriteString(bounceHead)
	for i := range 1000 {
		fmt.Fprintf(&depth, "Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n", i, i)
	}
	depth.WriteString("Content-Type: text/plain\n\nthe end\n")
	claim := bounceHead + "Content-Length: 1073741824\nContent-Type: message/partial; total=1073741824\nX-Long: "

	packed := strings.Join(log[:2000], "")
	var gz, zeros bytes.Buffer
	w := gzip.NewWriter(&gz)
	if _, err := w.Write([]byte(packed)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	w = gzip.NewWriter(&zeros)
	for range 1000 {
		if _, err := io.WriteString(w, megabyte); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	enc, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	zst := enc.EncodeAll([]byte(dayLine(3)+packed), nil)

	return []hostileFile{
		{"line.log", []any{first, 100, "\n" + rest}, first + rest,
			[]string{fmt.Sprint("offset ", len(first)), "line of 104857601 bytes is longer than"}},
		{"nul.log", []any{second + strings.Repeat("\x00",
			5<<20) + strings.Repeat("Nov 21 18:57:15 mx1 postfix/smtp[1]: a\x00b\x00\n", 1000) + rest}, second + rest,
			nil},
		{"MSGTRK2026112014-1.LOG", []any{strings.Join(csv[:8], "") + `2024-02-01T01:01:03.000Z,"`, 10,
			"\"\n" + strings.Join(csv[8:], "")}, strings.Join(csv, ""),
			[]string{fmt.Sprint("offset ", len(strings.Join(csv[:8], ""))), "longer than"}},
		{"parts.mbox", []any{from + parts.String() + "\n" + from + bounce(1)}, from + bounce(1),
			[]string{fmt.Sprint("offset ", len(from)), "without a recipient"}},
		{"depth.mbox", []any{from + depth.String() + "\n" + from + bounce(2)}, from + bounce(2), nil},
		{"claim.mbox", []any{from + claim, 50, "\n\nthe end\n\n" + from + bounce(3)}, from + bounce(3), nil},
		{"cut.log.gz", []any{gz.String()[:gz.Len()*2/3]}, "",
			[]string{"offset ", "compressed data is cut or damaged: unexpected EOF"}},
		{"cut.log.zst", []any{string(zst[:len(zst)*2/3])}, "",
			[]string{"offset ", "compressed data is cut or damaged: unexpected EOF"}},
		{"bomb.log.gz", []any{zeros.String()}, "", []string{"offset 0", "line of 1048576000 bytes is longer than"}},
	}
}

// hostileFile is never held in memory: what a process takes counts from the memory of the one that started it.
type hostileFile struct {
	name   string
	parts  []any    // a text, or a number of megabytes of x
	same   string   // what gives the same events; "" is some at most
	letter []string // of its dead letter, if any
}

var megabyte = strings.Repeat("x", 1<<20)

func (h hostileFile) write(t *testing.T, path string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range h.parts {
		switch part := part.(type) {
		case string:
			_, err = f.WriteString(part)
		case int:
			for range part {
				_, err = f.WriteString(megabyte)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	// Not a file that may be on its way here still.
	if err := errors.Join(f.Close(), os.Chtimes(path, time.Time{}, time.Now().Add(-time.Hour))); err != nil {
		t.Fatal(err)
	}
}

// TestHostile reads them by parse, each alone, and by run, all in one directory.
func TestHostile(t *testing.T) {
	if testing.Short() {
		t.Skip("hundreds of megabytes")
	}
	dir := t.TempDir()
	h := newHouse(t, binary(t), "")
	total := 0
	files := hostile(t)
	for _, f := range files {
		path := filepath.Join(dir, strings.ReplaceAll(f.name, ".", "-"), f.name)
		f.write(t, path)
		cmd := h.command("parse", path)
		end := h.try(cmd)
		if end.status != 0 {
			t.Errorf("%s: status %d\n%s", f.name, end.status, cut(end.err, 1000))
		}
		if used := h.took(cmd); used > maxMemory {
			t.Errorf("%s: parse took %d MB", f.name, used>>20)
		}
		events := strings.Count(end.out, "\n")
		total += events
		if f.same != "" {
			alone := filepath.Join(t.TempDir(), f.name)
			write(t, alone, f.same)
			if want := strings.Count(h.must("parse", alone), "\n"); want == 0 || events != want {
				t.Errorf("%s: %d events, want %d", f.name, events, want)
			}
		} else if strings.HasPrefix(f.name, "cut") && events < 100 {
			t.Errorf("%s: %d events before its end", f.name, events)
		}
		if unreadable := linesWith(end.err, "msg=unreadable"); f.letter != nil {
			if len(unreadable) != 1 || !strings.Contains(unreadable[0], "file="+f.name) {
				t.Errorf("%s: parse said %q", f.name, unreadable)
			}
		} else if len(unreadable) > 0 {
			t.Errorf("%s: parse said %q", f.name, unreadable)
		}
	}

	cmd := h.command("run", "--once", dir)
	end := h.try(cmd)
	if end.status != 0 {
		t.Fatalf("run: status %d\n%s", end.status, cut(end.err, 2000))
	}
	if used := h.took(cmd); used > 2*maxMemory {
		t.Errorf("run took %d MB", used>>20) // its engine not counted
	}
	h.engine()
	if n := h.number("SELECT count() FROM events"); n != total || total < 500 {
		t.Errorf("run stored %d events, parse printed %d", n, total)
	}
	letters := h.must("deadletter list")
	for _, f := range files {
		said := linesWith(letters, filepath.Join(dir, strings.ReplaceAll(f.name, ".", "-"))+"/")
		if f.letter == nil {
			if len(said) > 0 {
				t.Errorf("%s: dead letters %q", f.name, said)
			}
			continue
		}
		if len(said) != 1 || !strings.Contains(said[0], f.letter[0]) || !strings.Contains(said[0], f.letter[1]) {
			t.Errorf("%s: dead letters %q, want %q", f.name, said, f.letter)
		}
	}
}

// took is the memory that a command took; 0 where it is no more than what a command that needs none is said to have
// taken: the kernel counts what the starting process had.
func (h *house) took(cmd *exec.Cmd) int64 {
	h.t.Helper()
	most := func(cmd *exec.Cmd) int64 { return cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss << 10 }
	idle := exec.Command(h.bin, "version")
	h.try(idle)
	if used := most(cmd); used > most(idle) {
		return used
	}
	return 0
}
