package ingest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

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
						if len(got) != 2 || !strings.Contains(fmt.Sprint(p.texts(got[0])), "are lost: the file was gone") {
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
