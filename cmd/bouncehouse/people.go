package main

import (
	"bytes"
	"io"
	"math"
	"os"
	"sync"
	"unicode/utf8"

	"golang.org/x/term"

	"github.com/bouncehouse/bouncehouse"
)

// people writes what is for people to read: names of files, replies and other words of strangers do nothing to their
// terminal. Every line goes through bouncehouse.Clean; what machines read goes another way.
type people struct {
	to io.Writer

	mu   sync.Mutex
	rest []byte // the beginning of a character whose end has not come yet
}

func (p *people) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	text := append(p.rest, b...)
	whole := len(text)
	for back := 1; back < utf8.UTFMax && back <= len(text); back++ {
		if i := len(text) - back; utf8.RuneStart(text[i]) {
			if !utf8.FullRune(text[i:]) {
				whole = i
			}
			break
		}
	}
	p.rest = bytes.Clone(text[whole:])
	var clean bytes.Buffer
	for line := range bytes.Lines(text[:whole]) {
		body, ended := bytes.CutSuffix(line, []byte("\n"))
		clean.WriteString(bouncehouse.Clean(string(body), math.MaxInt))
		if ended {
			clean.WriteByte('\n')
		}
	}
	if _, err := p.to.Write(clean.Bytes()); err != nil {
		return 0, err
	}
	return len(b), nil
}

// terminal is the terminal that w writes to, and its width; 0 where it is none. One that does not know its width (a
// pty under script, a serial line) has 80 columns.
func terminal(w io.Writer) (*os.File, int) {
	if p, ok := w.(*people); ok {
		w = p.to
	}
	f, ok := w.(*os.File)
	if !ok {
		return nil, 0
	}
	width, _, err := term.GetSize(int(f.Fd()))
	switch {
	case err != nil:
		return nil, 0
	case width <= 0:
		width = 80
	}
	return f, width
}
