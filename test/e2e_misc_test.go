package test_test

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bouncehouse/bouncehouse/test"
)

// oneLine holds a failed command to status 1 and to one line of error that has all of the texts.
func oneLine(t *testing.T, end ended, texts ...string) {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(end.err), "\n")
	said := slices.DeleteFunc(lines, func(line string) bool { return !strings.Contains(line, "bouncehouse: ") })
	if end.status != 1 || len(said) != 1 || slices.ContainsFunc(texts,
		func(s string) bool { return !strings.Contains(said[0], s) }) {
		t.Errorf("status %d, want 1 and one line with %q:\n%s", end.status, texts, cut(end.err, 2000))
	}
}

// TestFullDisk fills the disk of the state directory: before the first start, and before a later one.
func TestFullDisk(t *testing.T) {
	log := filepath.Join(t.TempDir(), "mail.log")
	text := demoLog(t)
	half := len(text)/2 + strings.Index(text[len(text)/2:], "\n") + 1
	write(t, log, text)
	plain := newHouse(t, binary(t), "")
	plain.must("run", "--once", log)
	want := plain.kept()

	for _, tc := range []struct {
		name   string
		size   string
		engine bool // its data is on that disk, too
		word   string
	}{
		{"positions", "256k", false, "no space left on device"},
		{"positions and engine", "96m", true, "0 MB free, 4 MB needed"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := newHouse(t, binary(t), "")
			diskFor(t, h.state, tc.size)
			write(t, log, text[:half])
			if !tc.engine {
				h.dsn = away(t).dsn(t)
			}
			fill(t, h.state)
			oneLine(t, h.try(h.command("run", "--once", log)), "no space left on device")
			empty(t, h.state)
			h.must("run", "--once", log)
			write(t, log, text)
			fill(t, h.state)
			oneLine(t, h.try(h.command("run", "--once", log)), tc.word)
			empty(t, h.state)
			h.must("run", "--once", log)
			if h.dsn == "" {
				h.engine()
			}
			sameRows(t, h.events(), want.events)
		})
	}
}

// egress is what run would look up where it follows, and not where it reads once.
const egress = "dns: {enabled: false}\negress: [192.0.2.9]\n"

// TestFullEngine leaves room for positions but for no rows: run --once says so and ends, run waits, and both say it in
// one line without a word of C++.
func TestFullEngine(t *testing.T) {
	h := newHouse(t, binary(t), egress)
	diskFor(t, h.state, "96m")
	dir := t.TempDir()
	first, log := filepath.Join(dir, "first", "mail.log"), filepath.Join(dir, "mail.log")
	lines := strings.SplitAfter(demoLog(t), "\n")
	write(t, first, strings.Join(lines[:100], ""))
	write(t, log, demoLog(t))
	h.must("run", "--once", first)
	plain := newHouse(t, binary(t), egress)
	plain.must("run", "--once", first)
	plain.must("run", "--once", first, log)
	want := plain.kept()

	fill(t, h.state)
	if err := os.Truncate(filepath.Join(h.state, "filler"), size(t,
		filepath.Join(h.state, "filler"))-8<<20); err != nil {
		t.Fatal(err)
	}
	const word = "No space left in "
	end := h.try(h.command("run", "--once", first, log))
	oneLine(t, end, word)
	if n := strings.Count(end.err, "trying again"); n > 4 || strings.Contains(end.err, "Stack trace") {
		t.Errorf("%d warnings, or a stack trace:\n%s", n, end.err)
	}
	run := test.Start(t, "run", h.command("run", first, log))
	test.Await(t, time.Minute, "a word of the disk", func() bool { return strings.Contains(run.Output(), word) })
	empty(t, h.state)
	test.Await(t, time.Minute, "all events",
		func() bool { return h.number("SELECT count() FROM events") >= len(want.events) })
	run.Stop(time.Minute)
	if err := run.Err(); err != nil {
		t.Errorf("run ended with %v once there was room", err)
	}
	h.sameAs(want)
}

// TestFullPositions fills the disk of the positions alone, under a run that follows: it waits, and goes on.
func TestFullPositions(t *testing.T) {
	h := newHouse(t, binary(t), egress)
	diskFor(t, h.state, "256k")
	h.dsn = away(t).dsn(t)
	log := filepath.Join(t.TempDir(), "mail.log")
	lines := strings.SplitAfter(demoLog(t), "\n")
	write(t, log, strings.Join(lines[:100], ""))
	run := test.Start(t, "run", h.command("run", log))
	test.Await(t, time.Minute, "the first events", func() bool {
		end := h.try(h.command("query", "--format", "TSV", "SELECT count() > 0 FROM events"))
		return end.status == 0 && strings.TrimSpace(end.out) == "1"
	})
	fill(t, h.state)
	appendTo(t, log, strings.Join(lines[100:], ""))
	test.Await(t, time.Minute, "a word of the disk",
		func() bool { return strings.Contains(run.Output(), "no space left on device") })
	empty(t, h.state)
	plain := newHouse(t, binary(t), egress)
	plain.must("run", "--once", log)
	want := plain.kept()
	test.Await(t, time.Minute, "all events",
		func() bool { return h.number("SELECT count() FROM events") >= len(want.events) })
	run.Stop(time.Minute)
	if err := run.Err(); err != nil {
		t.Errorf("run ended with %v once there was room", err)
	}
	sameRows(t, h.events(), want.events)
}

// diskFor puts a small disk at dir, in the tests' own mounts.
func diskFor(t *testing.T, dir, size string) {
	t.Helper()
	if name, err := os.Hostname(); err != nil || name != test.Hostname {
		test.Missing(t, test.PartIsolation, "no mounts of its own for a full disk")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "mode=700,size="+size); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
}

func size(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// fill leaves no room on the disk of dir.
func fill(t *testing.T, dir string) {
	t.Helper()
	f, err := os.Create(filepath.Join(dir, "filler"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for block := make([]byte, 1<<20); len(block) > 0; {
		if _, err := f.Write(block); errors.Is(err, syscall.ENOSPC) {
			block = block[:len(block)/2]
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

func empty(t *testing.T, dir string) {
	t.Helper()
	if err := os.Remove(filepath.Join(dir, "filler")); err != nil {
		t.Fatal(err)
	}
}

// TestStateInUse starts a second run on a state directory.
func TestStateInUse(t *testing.T) {
	h := newHouse(t, binary(t), "")
	log := filepath.Join(t.TempDir(), "mail.log")
	write(t, log, demoLog(t))
	first := test.Start(t, "run", h.command("run", log))
	test.Await(t, time.Minute, "the first run to begin",
		func() bool { return strings.Contains(first.Output(), "Following") })
	oneLine(t, h.try(h.command("run", "--once", log)), h.state, fmt.Sprint("process ", first.Pid(), ":"))
	first.Stop(time.Minute) // as likely as not while its engine starts
	if err := first.Err(); err != nil {
		t.Errorf("run ended with %v after SIGTERM", err)
	}
	h.must("run", "--once", log)
}

// TestPortTaken runs beside one who has the TCP port: the writer needs none, and after the engine's next start the port
// is ours.
func TestPortTaken(t *testing.T) {
	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	h := newHouse(t, binary(t), "dns: {enabled: false}\nengine:\n  listen: "+other.Addr().String()+"\n")
	log := filepath.Join(t.TempDir(), "mail.log")
	write(t, log, demoLog(t))
	run := test.Start(t, "run", h.command("run", log))
	test.Await(t, time.Minute, "rows", func() bool {
		return strings.Contains(run.Output(), "Following") &&
			h.try(h.command("query", "SELECT throwIf(count() = 0) FROM events")).status == 0
	})
	if !strings.Contains(run.Output(), "socket alone") || !strings.Contains(run.Output(), "address already in use") {
		t.Errorf("it said %s", run.Output())
	}
	other.Close()
	pid, err := strconv.Atoi(strings.TrimSpace(read(t, filepath.Join(h.state, "clickhouse", "lock"))))
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	test.Await(t, time.Minute, "the engine by TCP", func() bool {
		res, err := http.Get("http://" + other.Addr().String() + "/ping")
		if err != nil {
			return false
		}
		return res.Body.Close() == nil
	})
	run.Stop(time.Minute)
}

// TestPositionsKept reads rotated, packed files in the order of time, and nothing twice.
func TestPositionsKept(t *testing.T) {
	dir := t.TempDir()
	log := filepath.Join(dir, "mail.log")
	lines := strings.SplitAfter(demoLog(t), "\n")
	pack(t, log+".2.gz", strings.Join(lines[:1200], ""))
	write(t, log+".1", strings.Join(lines[1200:2400], ""))
	write(t, log, strings.Join(lines[2400:3600], ""))
	whole := filepath.Join(dir, "whole", "mail.log")
	write(t, whole, demoLog(t))

	h := newHouse(t, binary(t), "")
	h.must("run", "--once", log)
	stored := h.number("SELECT count() FROM events")
	for range 2 {
		end := h.try(h.command("run", "--once", log))
		if end.status != 0 || !strings.Contains(end.err, "0 records read, 0 events in ClickHouse") {
			t.Errorf("a run with nothing new: status %d\n%s", end.status, end.err)
		}
	}
	if n := h.number("SELECT count() FROM events"); n != stored {
		t.Errorf("%d events became %d", stored, n)
	}
	// Rotated between two runs, as logrotate does with delaycompress, and written to meanwhile.
	pack(t, log+".3.gz", strings.Join(lines[:1200], ""))
	pack(t, log+".2.gz", strings.Join(lines[1200:2400], ""))
	appendTo(t, log, strings.Join(lines[3600:3700], ""))
	if err := os.Rename(log, log+".1"); err != nil {
		t.Fatal(err)
	}
	write(t, log, strings.Join(lines[3700:], ""))
	h.must("run", "--once", log)
	h.engine()
	const content = "SELECT * EXCEPT (stream, file_id, offset, ordinal, chunk) FROM events ORDER BY time, queue_id, recipient"
	plain := newHouse(t, binary(t), "")
	plain.must("run", "--once", whole)
	sameRows(t, h.rows(content), plain.rows(content))
	if n := h.number("SELECT countIf(first < before) FROM (SELECT chunk, min(time) AS first, lagInFrame(max(time)) OVER (ORDER BY chunk) AS before FROM events GROUP BY chunk)"); n > 0 {
		t.Errorf("%d chunks were read before older ones", n)
	}
}

func pack(t testing.TB, path, text string) {
	t.Helper()
	var b strings.Builder
	z := gzip.NewWriter(&b)
	if _, err := io.WriteString(z, text); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	write(t, path, b.String())
}

// TestOddFiles are each told in one line, alone and beside a log that is read all the same.
func TestOddFiles(t *testing.T) {
	dir := t.TempDir()
	lines := strings.SplitAfter(demoLog(t), "\n")
	in := func(name string) string { return filepath.Join(dir, name) }
	write(t, in("directory/file"), "no log of a mail server\n")
	write(t, in("program.log"), "\x7fELF\x02\x01\x01"+strings.Repeat("\x00\x01", 5000))
	write(t, in("zeros.log"), "text\n"+strings.Repeat("a\x00b", 5000))
	write(t, in("empty.log"), "")
	write(t, in("good/mail.log"), strings.Join(lines[:600], ""))
	write(t, in("long.log"), dayLine(1)+strings.Join(lines[:300], "")+strings.Repeat("x", 10<<20)+"\n"+
		strings.Join(lines[300:600], ""))

	h := newHouse(t, binary(t), "")
	odd := map[string]string{"program.log": "ELF program", "zeros.log": "binary", "missing.log": "no such file"}
	var paths []string
	for name, words := range odd {
		oneLine(t, h.try(h.command("run", "--once", in(name))), in(name), words)
		paths = append(paths, in(name))
	}
	if end := h.try(h.command("run", "--once", in("empty.log"))); end.status != 0 ||
		!strings.Contains(end.err, "0 records read") {
		t.Errorf("an empty file: status %d\n%s", end.status, end.err)
	}
	end := h.try(h.command("run",
		append([]string{"--once", in("empty.log"), in("good/mail.log"), in("long.log"), in("directory")}, paths...)...))
	oneLine(t, end, fmt.Sprintf("%d of %d paths", len(odd), len(odd)+4))
	if said := linesWith(end.err, in("directory")); len(said) != 1 ||
		!strings.Contains(said[0], "No mail system known") {
		t.Errorf("the directory is told by %q", said)
	}
	for name, words := range odd {
		if said := linesWith(end.err, in(name)); len(said) != 1 || !strings.Contains(said[0], words) {
			t.Errorf("%s is told by %q", name, said)
		}
	}
	for _, word := range []string{"goroutine ", "panic:"} {
		if strings.Contains(end.err, word) {
			t.Errorf("a stack trace:\n%s", cut(end.err, 2000))
		}
	}
	h.engine()
	const content = "SELECT * EXCEPT (stream, file_id, offset, chunk) FROM events WHERE stream LIKE '%:%s' ORDER BY time, queue_id, recipient"
	good := h.rows(strings.Replace(content, "%s", in("good/mail.log"), 1))
	if len(good) < 100 {
		t.Errorf("%d events of the good log", len(good))
	}
	sameRows(t, h.rows(strings.Replace(content, "%s", in("long.log"), 1)), good)
	letters := strings.Split(strings.TrimSpace(h.must("deadletter list")), "\n")
	if len(letters) != 1 || !strings.Contains(letters[0], in("long.log")) ||
		!strings.Contains(letters[0], fmt.Sprint("line of ", 10<<20+1, " bytes")) {
		t.Errorf("dead letters: %q", letters)
	}
}

func linesWith(text, part string) (found []string) {
	for line := range strings.Lines(text) {
		if strings.Contains(line, part) {
			found = append(found, strings.TrimSpace(line))
		}
	}
	return found
}

// TestUnreadableFile runs as a user who may not read one of the logs.
func TestUnreadableFile(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root to be another user")
	}
	dir, err := os.MkdirTemp("", "bouncehouse-user-*") // the test's own directories are closed to other users
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	const nobody = 65534
	server := away(t)
	h := newHouse(t, filepath.Join(dir, "bouncehouse"), "")
	program := read(t, binary(t))
	h.config, h.state, h.dsn = filepath.Join(dir, "config"), filepath.Join(dir, "state"), server.dsn(t)
	h.user = &syscall.Credential{Uid: nobody, Gid: nobody}
	good, closed := filepath.Join(dir, "good.log"), filepath.Join(dir, "closed.log")
	write(t, good, demoLog(t))
	write(t, closed, anotherDay(demoLog(t), 1))
	write(t, h.config, "dns: {enabled: false}\n")
	if err := errors.Join(os.Chmod(dir, 0o755), os.WriteFile(h.bin, []byte(program), 0o755), os.Chmod(closed, 0o600),
		os.Mkdir(h.state, 0o700), os.Chown(h.state, nobody, nobody)); err != nil {
		t.Fatal(err)
	}
	oneLine(t, h.try(h.command("run", "--once", closed)), closed, "permission denied")
	end := h.try(h.command("run", "--once", good, closed))
	oneLine(t, end, "1 of 2 paths")
	if said := linesWith(end.err, closed); len(said) != 1 || !strings.Contains(said[0], "permission denied") {
		t.Errorf("the closed file is told by %q", said)
	}
	if n := h.number("SELECT count() FROM events"); n < 1000 {
		t.Errorf("%d events of the other log", n)
	}
	if err := os.Chmod(closed, 0o644); err != nil {
		t.Fatal(err)
	}
	before := h.number("SELECT count() FROM events")
	h.must("run", "--once", good, closed)
	if n := h.number("SELECT count() FROM events"); n != 2*before {
		t.Errorf("%d events once both are open, want %d", n, 2*before)
	}
}

// TestReportFigures counts again what report says, from what parse prints of the same files.
func TestReportFigures(t *testing.T) {
	h := newHouse(t, binary(t), "")
	demo := filepath.Join(test.Root(t), "testdata", "demo")
	log, bounces := filepath.Join(demo, "mail.log"), filepath.Join(demo, "bounces")
	h.must("run", "--once", log, bounces)
	h.engine()
	mails, err := filepath.Glob(filepath.Join(bounces, "*", "*"))
	if err != nil || len(mails) == 0 {
		t.Fatalf("mails in %s: %v, %v", bounces, mails, err)
	}
	var events []parsed
	in := json.NewDecoder(strings.NewReader(h.must("parse", append([]string{log}, mails...)...)))
	for {
		var e parsed
		if err := in.Decode(&e); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		events = append(events, e)
	}
	compareReport(t, h.must("report", "--json", "--since", "all"), events)
}

// TestRestore: a backup says what was read, so that after a restore what came since is read again, and that alone.
func TestRestore(t *testing.T) {
	h := newHouse(t, binary(t), "")
	log := filepath.Join(t.TempDir(), "mail.log")
	lines := strings.SplitAfter(demoLog(t), "\n")
	write(t, log, strings.Join(lines[:2000], ""))
	h.must("run", "--once", log)
	backup := filepath.Join(t.TempDir(), "backup.tgz")
	h.must("clickhouse backup", backup)
	write(t, log, strings.Join(lines, ""))
	h.must("run", "--once", log)
	want := h.events()
	if err := os.Rename(h.state, h.state+".lost"); err != nil {
		t.Fatal(err)
	}
	h.must("clickhouse restore", backup)
	h.must("run", "--once", log)
	sameRows(t, h.events(), want)
}
