package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// pty is a terminal that does not know its size, as script(1) gives one where
// it has none itself.
func pty(t *testing.T) (master, terminal *os.File) {
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { master.Close() })
	if err := unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	terminal, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { terminal.Close() })
	return master, terminal
}

// TestTerminalClean has a file's name in the output, with controls that JSON
// does not escape: a terminal is not given them, a pipe every byte. The name is
// also no UTF-8.
func TestTerminalClean(t *testing.T) {
	const (
		acts = "\u009b31m\u202e"
		line = "Nov  1 18:56:32 mx1 postfix/smtp[340]: 4jX1fM33S7zCf: to=<kim@corp.example>, relay=none, delay=1, delays=0/0/0/1, dsn=5.1.1, status=bounced (no)\n"
	)
	path := filepath.Join(t.TempDir(), "m\xe9l"+acts+".log")
	if err := os.WriteFile(path, []byte(line), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd, stderr := command(t, "parse", path)
	piped, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, stderr)
	}
	if !strings.Contains(string(piped), acts+".log") || !strings.Contains(string(piped), "kim@corp.example") {
		t.Errorf("through a pipe: %q", piped)
	}

	master, terminal := pty(t)
	cmd, stderr = command(t, "parse", path)
	cmd.Stdout = terminal
	var shown bytes.Buffer
	read := make(chan struct{})
	go func() {
		defer close(read)
		_, _ = io.Copy(&shown, master) // EIO, once nobody has the terminal open
	}()
	err = cmd.Run()
	terminal.Close()
	<-read
	if err != nil {
		t.Fatalf("%v: %s", err, stderr)
	}
	if s := shown.String(); !strings.Contains(s, "kim@corp.example") || strings.ContainsAny(s, "\u009b\u202e\x1b") {
		t.Errorf("on a terminal: %q", s)
	}
}

// TestTerminalWidth takes one without a size for a terminal: query wrote cells
// as they are there.
func TestTerminalWidth(t *testing.T) {
	_, terminalOf := pty(t)
	if f, width := terminal(&people{to: terminalOf}); f != terminalOf || width != 80 {
		t.Errorf("%v, %d columns", f, width)
	}
}
