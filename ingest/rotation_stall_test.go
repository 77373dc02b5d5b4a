package ingest

import (
	"fmt"
	"os"
	"testing"
	"time"
)

// The log is rotated while a batch waits to be stored and nobody looks: what
// is read then comes in the order of its writing.
func TestRotationsWhileABatchWaits(t *testing.T) {
	for _, turns := range []int{1, 2, 4, 20} {
		for name, after := range map[string]func(l *logger, r *reader){
			"kept":    func(l *logger, r *reader) {},
			"deleted": func(l *logger, r *reader) { l.check(os.Remove(fmt.Sprintf("%s.%d", l.log, turns))) },
			"renamed": func(l *logger, r *reader) {
				l.check(os.Rename(fmt.Sprintf("%s.%d", l.log, turns), l.log+"-before-upgrade"))
			},
			"nothing new yet": func(l *logger, r *reader) { l.check(os.Remove(l.log)) },
		} {
			t.Run(fmt.Sprintf("%d, the first is %s", turns, name), func(t *testing.T) {
				bubble(t, func(t *testing.T, l *logger, r *reader) {
					l.write(3)
					r.follow(3 * time.Second)
					l.write(300)
					b, ok := r.read(t.Context())
					if !ok {
						t.Fatal("nothing to read")
					}
					for range turns {
						l.write(3)
						l.rename()
						l.reopen()
						time.Sleep(16 * time.Second)
					}
					if after(l, r); name != "nothing new yet" {
						l.write(3)
					}
					r.commit(b)
					r.follow(5 * time.Minute)
					r.inOrder(l.lines)
				})
			})
		}
	}
}

// The process is killed while the daemon, not told yet, writes on to the file
// that was rotated: the next one reads that first.
func TestRotationRestartedBeforeTheWriterIsTold(t *testing.T) {
	bubble(t, func(t *testing.T, l *logger, r *reader) {
		l.write(3)
		r.follow(3 * time.Second)
		o := r.options()
		r.change[0](&o)
		now := func(path string) { l.check(os.Chtimes(path, o.Now(), o.Now())) }
		l.rename()
		l.check(os.WriteFile(l.log, []byte("Nov 21 00:00:59 mx1 postfix/smtp[9]: another daemon\n"), 0o600))
		l.write(1)
		now(l.log + ".1")
		r.restart()
		r.follow(2 * time.Second)
		l.write(3)
		now(l.log + ".1")
		r.follow(time.Minute)
		r.inOrder(append(l.lines, "Nov 21 00:00:59 mx1 postfix/smtp[9]: another daemon"))
	})
}

// The daemon is told of a rotation long after it, and the process was started
// in between: what it still wrote to the old file comes first.
func TestRotationToldLateAfterARestart(t *testing.T) {
	for _, silent := range []time.Duration{0, 7 * time.Second, 3 * time.Minute} {
		for _, wait := range []time.Duration{0, 2 * time.Second, 7 * time.Second, 3 * time.Minute} {
			t.Run(fmt.Sprintf("%v, %v", silent, wait), func(t *testing.T) {
				bubble(t, func(t *testing.T, l *logger, r *reader) {
					l.write(3)
					r.follow(3 * time.Second)
					l.rename()
					l.check(os.WriteFile(l.log, nil, 0o600))
					l.write(3)
					r.follow(silent)
					r.restart()
					r.follow(wait)
					l.write(3)
					l.reopen() // HUP
					l.write(3)
					r.follow(time.Minute)
					r.inOrder(l.lines)
				})
			})
		}
	}
}

// Only what is open is kept from other sources: the inode of a file that is
// gone is soon another's.
func TestRotatedFilesAreLeftToOthers(t *testing.T) {
	bubble(t, func(t *testing.T, l *logger, r *reader) {
		for range 2 * maxPast {
			l.write(3)
			r.follow(time.Minute)
			l.rename()
			l.reopen()
		}
		l.write(3)
		r.follow(time.Minute)
		r.inOrder(l.lines)
	})
}

// A packed file and another content that would be packed under its name: both
// are read, each once.
func TestRotationOfTwins(t *testing.T) {
	bubble(t, func(t *testing.T, l *logger, r *reader) {
		l.write(9)
		l.rename()
		l.reopen()
		l.compress(".gz")
		l.write(9)
		l.check(os.Rename(l.log, l.log+".1")) // beside .1.gz
		l.reopen()
		l.write(9)
		l.pack(l.log+".1", l.log+".2.gz") // a copy, beside other lines
		text, lines := logLines(5000, 2)
		l.check(os.WriteFile(l.log+".2", []byte(text), 0o600))
		old := time.Now().Add(-48 * time.Hour)
		for i, suffix := range []string{".1.gz", ".2.gz", ".1", ".2"} {
			at := old.Add(time.Duration(i) * time.Hour)
			l.check(os.Chtimes(l.log+suffix, at, at))
		}
		r.follow(5 * time.Minute)
		r.exactly(append(l.lines, lines...))
	})
}
