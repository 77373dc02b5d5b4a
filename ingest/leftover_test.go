package ingest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bouncehouse/bouncehouse"
)

// What was about to be stored when the process ended is settled also where its
// log or mailbox is no longer named; the rest of that is not read.
func TestLeftovers(t *testing.T) {
	for _, gone := range []bool{false, true} {
		for _, follow := range []bool{false, true} {
			t.Run(fmt.Sprint(gone, follow), func(t *testing.T) {
				p := newPlace(t)
				p.log = filepath.Join(p.dir, "b\xff", "mail.log")
				box, other := p.in("box"), p.in("other.log")
				text, _ := logLines(0, 40)
				p.ok(os.Mkdir(filepath.Dir(p.log), 0o700))
				p.write(p.log, text)
				p.write(box, fmt.Sprintf(oneMail, 1, 1)+fmt.Sprintf(oneMail, 2, 2))
				more, lines := logLines(100, 5)
				p.write(other, more)
				var intended []bouncehouse.Batch
				for _, path := range []string{p.log, box} {
					src := p.open(path)
					b, err := src.Read(t.Context())
					p.ok(err)
					p.ok(src.Intend(t.Context(), b))
					b.Recover = true
					intended = append(intended, b)
					p.ok(src.Close())
				}
				if gone {
					p.ok(os.RemoveAll(filepath.Dir(p.log)))
					p.ok(os.Remove(box))
				}
				for turn := range 2 {
					o := p.options()
					o.Once = !follow
					var err error
					o.Ledger, err = OpenLedger(p.state, o.Log)
					p.ok(err)
					o.Mails, err = OpenMails(p.state, o.Log)
					p.ok(err)
					open := p.open(other, func(now *Options) { *now = o; now.Once = true })
					sources, err := Leftovers(o)
					p.ok(err)
					if turn == 1 {
						if len(sources) != 0 {
							t.Error("settled, and again there")
						}
						break
					}
					p.now = p.now.Add(patience) // who follows waits so long for a directory
					var got []bouncehouse.Batch
					for _, src := range sources {
						b, err := src.Read(t.Context())
						p.ok(err)
						got = append(got, b)
						p.settle(src, b)
						if rest := p.drain(src); rest != nil {
							t.Errorf("and %q", rest)
						}
					}
					p.equal("the other", lines, p.drain(open))
					if gone { // of mails the intent holds the content
						if len(got) != 2 || !strings.Contains(fmt.Sprint(p.texts(got[0])),
							"are lost: the file was gone") {
							t.Errorf("%+v", got)
						}
						got, intended = got[1:], intended[1:]
					}
					if diff := cmp.Diff(intended, got); diff != "" {
						t.Error(diff)
					}
					for _, src := range append(sources, open) {
						p.ok(src.Close())
					}
				}
			})
		}
	}
}

// A file that begins as one of which a range stands, and is another, waits until
// that is settled, and is read in the same run.
func TestRangeOfALikeFile(t *testing.T) {
	for _, first := range []string{"there", "gone", "moved"} {
		for _, rotated := range []string{"", ".1"} {
			if first == "moved" && rotated == "" {
				continue // the other has its place
			}
			for _, n := range []int{3, 40} { // less than the range, and more
				t.Run(fmt.Sprint(first, rotated, n), func(t *testing.T) {
					p := newPlace(t)
					head := strings.Repeat("column1,", 40) + "\n"
					text, lines := logLines(0, 40)
					p.write(p.log, head+text)
					p.begin(p.log, 0, func(o *Options) { o.ChunkSize = 1000 }) // more than the head
					want := append([]string{head[:len(head)-1]}, lines...)
					other := p.in("other.log")
					switch first {
					case "gone":
						p.ok(os.Remove(p.log))
						want = []string{"broken"}
					case "moved":
						p.ok(os.Rename(p.log, other))
					}
					text, lines = logLines(500, n)
					p.write(other+rotated, head+text)
					got := p.run([]string{other, p.log})
					for i, line := range got {
						if strings.HasPrefix(line, "broken") {
							got[i] = "broken"
						}
					}
					p.equal("in one run", append(append(want, head[:len(head)-1]), lines...), got)
				})
			}
		}
	}
}

// Two sources do not wait for each other: one for a range to be settled, and the
// other, whose range that is, for a file that the first has open.
func TestRangeInAFileOfWhoWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlace(t)
		head := strings.Repeat("column1,", 40) + "\n"
		text, _ := logLines(0, 40)
		p.write(p.log, head+text)
		intended := p.begin(p.log, 0, func(o *Options) { o.ChunkSize = 1000 })
		other := p.in("other.log")
		p.ok(os.Rename(p.log, other))
		p.write(other+".1", head)
		p.ok(os.Chtimes(other+".1", p.now, p.now)) // it may be written still
		o := p.options()
		var err error
		o.Ledger, err = OpenLedger(p.state, o.Log)
		p.ok(err)
		for _, path := range []string{p.log, other} {
			src, err := Open(path, o)
			p.ok(err)
			defer src.Close()
			if path == p.log {
				continue // it finds the file open, and waits
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			b, err := src.Read(ctx)
			p.ok(err)
			if diff := differ(intended, b); diff != "" {
				t.Error(diff)
			}
		}
	})
}
