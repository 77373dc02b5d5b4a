package ingest

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bouncehouse/bouncehouse"
)

var mailRuns = flag.Int("mailruns", 60, "histories of TestEveryMailOnce")

// TestEveryMailOnce does at random what deliveries, mail programs, people and
// crashes do to two Maildirs, an mbox and single files, and expects every mail
// exactly once.
func TestEveryMailOnce(t *testing.T) {
	for range *mailRuns {
		seed := rand.Uint64()
		t.Run(fmt.Sprint(seed), func(t *testing.T) { everyMailOnce(t, seed) })
	}
}

// post is where mails lie, and who reads them.
type post struct {
	*place
	rnd   *rand.Rand
	n     int       // mails made
	names int       // given
	clock time.Time // of files: no two changes at one time
	mbox  []string  // the mails in it
	table rows
	host  string
	under []*stage
}

// stage is a source and how far its batch is.
type stage struct {
	src  Source
	b    bouncehouse.Batch
	step int
}

func everyMailOnce(t *testing.T, seed uint64) {
	w := &post{place: newPlace(t), rnd: rand.New(rand.NewPCG(seed, 1)), clock: time.Now().Add(-24 * time.Hour),
		host: "mx1.example.org"}
	w.maildir("a")
	w.maildir("b")
	var did []string
	defer func() {
		if t.Failed() {
			t.Log(strings.Join(did, "\n"), "\n", &w.said)
		}
	}()
	ops := []struct {
		name string
		do   func()
	}{
		{"deliver", w.deliver}, {"deliver", w.deliver}, {"append", w.append}, {"save", w.saveNew}, {"move", w.move},
		{"move", w.move}, {"copy", w.copy},
		{"expunge", w.expunge}, {"crash", w.crash}, {"step", w.step}, {"step", w.step}, {"step", w.step},
		{"step", w.step}, {"step", w.step},
		{"host", func() { w.host = fmt.Sprintf("mx%d.example.org", w.rnd.IntN(3)); w.crash() }},
		{"rename mbox", func() { w.crash(); w.renameMbox() }},
	}
	for range 120 {
		op := ops[w.rnd.IntN(len(ops))]
		did = append(did, op.name)
		op.do()
	}
	for range 3 { // the last of them has nothing to do
		w.crash()
		for len(w.under) > 0 {
			w.step()
		}
	}
	w.table.exactly(t, w.n)
}

func (w *post) text() string {
	w.n++
	return fmt.Sprintf("Return-Path: <>\nReceived: by mx1.example.org\nMessage-ID: <%d@example.org>\n\nbody\nFrom %s\n",
		w.n-1, strings.Repeat("x", w.rnd.IntN(300)))
}

func (w *post) put(path, text string) {
	w.write(path, text)
	w.touch(path)
}

func (w *post) touch(path string) {
	w.clock = w.clock.Add(time.Second)
	if err := os.Chtimes(path, w.clock, w.clock); err != nil {
		w.t.Fatal(err)
	}
}

func (w *post) name(ext string) string { w.names++; return fmt.Sprintf("%d%s", w.names, ext) }

func (w *post) inMaildir() string {
	dir := filepath.Join(w.dir, []string{"a", "b"}[w.rnd.IntN(2)])
	if w.rnd.IntN(2) == 0 {
		return filepath.Join(dir, "new", w.name(".M1.mx1"))
	}
	return filepath.Join(dir, "cur", w.name(".M1.mx1:2,S"))
}

// all are the mails that are files of their own.
func (w *post) all() []string {
	found, _ := filepath.Glob(w.dir + "/[ab]/*/*")
	files, _ := filepath.Glob(w.dir + "/*.eml")
	return append(found, files...)
}

func (w *post) any() string {
	if all := w.all(); len(all) > 0 {
		return all[w.rnd.IntN(len(all))]
	}
	return ""
}

func (w *post) deliver() { w.put(w.inMaildir(), w.text()) }
func (w *post) saveNew() { w.put(filepath.Join(w.dir, w.name(".eml")), w.text()) }
func (w *post) append()  { w.store(w.text()) }

// store appends a mail to the mbox.
func (w *post) store(mail string) {
	w.mbox = append(w.mbox, mail)
	text := inMbox(mail)
	if w.rnd.IntN(2) == 0 {
		text = fromLine + strings.ReplaceAll(mail, "\nFrom ", "\n>From ") + "\n"
	}
	w.put(w.boxPath(), text)
}

func (w *post) boxPath() string {
	if found, _ := filepath.Glob(w.dir + "/mbox-*"); len(found) > 0 {
		return found[0]
	}
	return w.dir + "/mbox-x"
}

func (w *post) renameMbox() {
	if _, err := os.Stat(w.boxPath()); err == nil {
		w.rename(w.boxPath(), w.dir+"/mbox-"+w.name("y"))
	}
}

// move moves a mail: within a Maildir, to the other, or to a file and back.
func (w *post) move() {
	if from := w.any(); from != "" {
		to := w.inMaildir()
		if w.rnd.IntN(4) == 0 {
			to = filepath.Join(w.dir, w.name(".eml"))
		}
		w.rename(from, to)
	}
}

func (w *post) copy() {
	from := w.any()
	if from == "" {
		return
	}
	raw, err := os.ReadFile(from)
	if err != nil {
		w.t.Fatal(err)
	}
	mail := strings.ReplaceAll(string(raw), "\r\n", "\n")
	switch w.rnd.IntN(3) {
	case 0:
		w.put(w.inMaildir(), mail)
	case 1:
		w.put(filepath.Join(w.dir, w.name(".eml")), strings.ReplaceAll(mail, "\n", "\r\n"))
	case 2:
		w.store(mail)
	}
}

// expunge rewrites the mbox without one of its mails, of which a copy is kept
// in a Maildir; in place or as a new file.
func (w *post) expunge() {
	if len(w.mbox) == 0 {
		return
	}
	i := w.rnd.IntN(len(w.mbox))
	w.put(w.inMaildir(), w.mbox[i])
	w.mbox = slices.Delete(w.mbox, i, i+1)
	text := ""
	for _, mail := range w.mbox {
		text += inMbox(mail)
	}
	path := w.boxPath()
	to := path
	if w.rnd.IntN(2) == 0 {
		to = w.dir + "/rewritten"
	}
	if err := os.WriteFile(to, []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
	if to != path {
		w.rename(to, path)
	}
	w.touch(path)
}

// crash ends all sources where they are; what is there is opened anew, in some
// order.
func (w *post) crash() {
	w.under = nil
	mails, err := OpenMails(w.state, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	mails.keep = 1000
	files, _ := filepath.Glob(w.dir + "/*.eml")
	boxes, _ := filepath.Glob(w.dir + "/mbox-*")
	paths := append(append(files, boxes...), w.dir+"/a", w.dir+"/b")
	w.rnd.Shuffle(len(paths), func(i, j int) { paths[i], paths[j] = paths[j], paths[i] })
	for _, path := range paths {
		if st, err := os.Stat(path); err != nil || st.Size() == 0 {
			continue
		}
		w.under = append(w.under,
			&stage{src: w.open(path, func(o *Options) {
				o.Mails, o.Host, o.ChunkSize = mails, w.host,
					1+w.rnd.IntN(2000)
			})})
	}
}

// step takes one source a step on.
func (w *post) step() {
	if len(w.under) == 0 {
		return
	}
	i := w.rnd.IntN(len(w.under))
	r := w.under[i]
	var err error
	switch r.step {
	case 0:
		if r.b, err = r.src.Read(w.t.Context()); err != nil {
			w.under = slices.Delete(w.under, i, i+1) // at its end, or moved away
			if !errors.Is(err, io.EOF) && !errors.Is(err, os.ErrNotExist) {
				w.t.Fatal(err)
			}
			return
		}
	case 1:
		err = r.src.Intend(w.t.Context(), r.b)
	case 2: // part of it lands, and the answer is lost
		w.table.write(r.b, w.rnd.IntN(len(r.b.Chunks)+1))
		r.b.Recover = true
	case 3:
		w.table.write(r.b, len(r.b.Chunks))
	case 4:
		err = r.src.Commit(w.t.Context(), r.b)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	r.step = (r.step + 1) % 5
}
