package ingest

import (
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"testing/iotest"
)

// What storing a mail adds makes no other mail of it; all else does.
func TestMailID(t *testing.T) {
	mail := "Return-Path: <>\nSubject: a\n folded\n\nbody\nFrom here\n>From there\n>>From\nend"
	want := idOf(mail)
	for name, same := range map[string]string{
		"line end":     mail + "\n",
		"empty lines":  "\r\n\n" + mail + "\r\n\r\n",
		"CRLF":         strings.ReplaceAll(mail, "\n", "\r\n"),
		"mixed":        strings.Replace(mail, "\n", "\r\n", 2),
		"From line":    fromLine + mail,
		"mboxo":        strings.ReplaceAll(mail, "\nFrom ", "\n>From "),
		"mboxrd":       strings.ReplaceAll(strings.ReplaceAll(mail, "\n>From ", "\n>>From "), "\nFrom ", "\n>From "),
		"status":       "Status: RO\nX-UID: 7\n" + mail,
		"status last":  strings.Replace(mail, "\n\n", "\nX-Keywords: a\n  b\n\tc\nSTATUS:\n\n", 1),
		"status first": "X-IMAPbase: 1 2\n a\n" + mail,
		"lengths":      strings.Replace(mail, "\n\n", "\nContent-Length: 9\nLines: 3\n\n", 1),
	} {
		if got := idOf(same); got != want {
			t.Errorf("%s: another mail", name)
		}
	}
	for name, other := range map[string]string{
		"body":           mail + "x",
		"a line":         strings.Replace(mail, "body\n", "body\n\n", 1),
		"a space":        strings.Replace(mail, "body", "body ", 1),
		"a field":        "X-Statuses: RO\n" + mail,
		"a folded field": strings.Replace(mail, "folded", "folder", 1),
		"in the body":    strings.Replace(mail, "body", "Status: RO\nbody", 1),
		"not quoted":     strings.Replace(mail, "\n>>From", "\n>>form", 1),
		"no blank":       strings.Replace(mail, "\nFrom ", "\n> From ", 1),
		"a lone CR":      strings.Replace(mail, "body", "bo\rdy", 1),
		"two From lines": fromLine + fromLine + mail,
	} {
		if got := idOf(other); got == want {
			t.Errorf("%s: the same mail", name)
		}
	}
	// Of the largest, front and size.
	big := newMailHash()
	io.CopyN(big, zeros{}, hashMax+1)
	bigger := newMailHash()
	io.CopyN(bigger, zeros{}, hashMax+2)
	if big.ID() == bigger.ID() {
		t.Error("size does not count")
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// FuzzMailID: however a mail is written to it, the hash is the same, also
// where lines are long.
func FuzzMailID(f *testing.F) {
	f.Add("Status: a\n b\nSubject: x\r\n\r\n>From a\r\n\r\n", uint64(1), 3)
	f.Add("From x\n\n\n\n>>>>From \r", uint64(2), 5000)
	f.Fuzz(func(t *testing.T, text string, seed uint64, long int) {
		text = strings.ReplaceAll(text, "~", strings.Repeat(">", max(0, long)%(3*lineMax))+"\r")
		want := idOf(text)
		h := newMailHash()
		io.Copy(struct{ io.Writer }{h}, iotest.OneByteReader(strings.NewReader(text)))
		if h.ID() != want {
			t.Error("byte by byte it is another")
		}
		h, rest := newMailHash(), text
		for rnd := rand.New(rand.NewPCG(seed, 0)); rest != ""; {
			n := 1 + rnd.IntN(len(rest))
			io.WriteString(h, rest[:n])
			rest = rest[n:]
		}
		if h.ID() != want {
			t.Error("in pieces it is another")
		}
	})
}

func BenchmarkMailID(b *testing.B) {
	mail, err := os.ReadFile("mailid.go") // lines as in a mail
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(mail)))
	h := newMailHash()
	for b.Loop() {
		h.reset()
		h.Write(mail)
		h.ID()
	}
}
