package bounce

import (
	"errors"

	"github.com/bouncehouse/bouncehouse/parse/charset"
)

// Bounded work. Anyone may send us mail, and any stranger's words stand in
// logs: what a record costs is bounded by its length, whatever it says. Each
// reader looks at each byte a few times; where something is looked for once
// for each of something else (each recipient, each part, each dialect), it is
// listed once, remembered or cut. That holds by construction, and by
// TestWork, which doubles what strangers may write, bare and in each wrapping,
// and TestWorkMemory, which fills what parsers remember. Beside it stands this
// wall: a mail of which more is read than its length allows is a dead letter.

var errTooMuchWork = errors.New("the mail takes more work than its length allows")

const (
	// workPerByte and workAtLeast are how many bytes may be read of a mail,
	// for each that it has and beside those; every reader of a whole text, and
	// every recipient's share of it, is charged.
	workPerByte = 64
	workAtLeast = 1 << 20

	// maxWindows is how many bytes of its text for people may be read for its
	// recipients, who may stand so that what follows each is what follows all;
	// beyond it each has smallWindow.
	maxWindows  = 2 * maxHuman
	smallWindow = 512
)

// work is what reading one mail may still cost.
type work struct {
	parts   int // of MIME
	bytes   int
	windows int // of text that is read for one recipient each
	guesses charset.Guesses
}

func newWork(length int) *work {
	return &work{parts: maxParts, bytes: workAtLeast + workPerByte*length, windows: maxWindows,
		guesses: charset.NewGuesses()}
}

// read charges w for n bytes that are looked at once more; false where that is
// too much, and the mail is given up.
func (w *work) read(n int) bool {
	w.bytes -= n
	return w.bytes >= 0
}

// window is how much text may be read for one recipient more.
func (w *work) window() int {
	if w.windows > 0 {
		return maxParagraph
	}
	return smallWindow
}

// last remembers what was read of a text: recipients that share one text
// stand together.
type last[T any] struct {
	text  string
	told  T
	known bool
}

func (l *last[T]) of(text string, read func(string) T) T {
	if !l.known || l.text != text {
		l.text, l.told, l.known = text, read(text), true
	}
	return l.told
}
