package ingest

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A folder of rotated files that cannot be listed any more keeps nothing from
// being read that can be: not the live log, nor other folders; and it is told.
func TestFolderUnreadable(t *testing.T) {
	for _, restart := range []bool{false, true} {
		bubble(t, func(t *testing.T, l *logger, r *reader) {
			dir := filepath.Dir(l.log)
			bad, good := filepath.Join(dir, "bad"), filepath.Join(dir, "good")
			l.check(os.Mkdir(bad, 0o700))
			l.check(os.Mkdir(good, 0o700))
			r.change = append(r.change, func(o *Options) { o.Folders = Folders{l.log: {bad, good}} })
			r.restart()
			l.write(3)
			r.follow(3 * time.Second)
			l.check(os.Remove(bad))
			l.check(os.Symlink("bad", bad)) // ELOOP, for root too
			if restart {
				r.restart()
			}
			l.write(3)
			r.follow(10 * time.Second)
			// of which .2 was never seen at the path
			for _, name := range []string{"mail.log.3", "mail.log.2", "mail.log.1"} {
				l.check(os.Rename(l.log, filepath.Join(good, name)))
				l.reopen()
				l.write(3)
				time.Sleep(16 * time.Second)
			}
			r.follow(time.Minute)
			l.equal("with a folder that cannot be listed", l.lines, r.got)
			if said := l.said.String(); !strings.Contains(said, syscall.ELOOP.Error()) {
				t.Errorf("not told: %s", said)
			}
		})
	}
}

// Where a range that was under way may lie in a folder that cannot be listed,
// it is waited for, and never given up as lost.
func TestStandingInFolderUnreadable(t *testing.T) {
	bubble(t, func(t *testing.T, l *logger, r *reader) {
		old := filepath.Join(filepath.Dir(l.log), "old")
		l.check(os.Mkdir(old, 0o700))
		r.change = append(r.change, func(o *Options) { o.Folders = Folders{l.log: {old}} })
		r.restart()
		l.write(3)
		b, ok := r.read(t.Context())
		if !ok {
			t.Fatal("nothing to read")
		}
		l.check(r.s.Intend(t.Context(), b))
		r.intended = &b
		l.check(os.Rename(l.log, old+"/mail.log.1"))
		l.reopen()
		away := filepath.Join(filepath.Dir(l.log), "far/away")
		l.check(os.MkdirAll(filepath.Dir(away), 0o700))
		l.check(os.Rename(old, away))
		l.check(os.Symlink("old", old))
		r.restart()
		l.write(3)
		r.follow(time.Minute)
		l.equal("while the folder cannot be listed", nil, r.got)
		l.check(os.Remove(old))
		l.check(os.Rename(away, old))
		r.follow(time.Minute)
		r.inOrder(l.lines)
	})
}
