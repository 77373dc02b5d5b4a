// Package ingest implements bouncehouse.Source for what mail servers leave on
// disk: log files with their rotated siblings, Maildirs, mboxes and single
// mails; and for the chunks of a Kafka topic.
//
// A source reads without changing anything. Where it stands is kept in the
// state directory: the range that is about to be written (the intent) and
// what is durable downstream. A range is read again, cut as it was, until it
// has been committed.
package ingest

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"os/user"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"github.com/bouncehouse/bouncehouse"
)

// Options say how a source reads.
type Options struct {
	State     string  // directory; positions are kept in its folder positions. "" keeps none
	Host      string  // the machine, for every chunk
	Zone      string  // IANA name, for every chunk
	Ledger    *Ledger // of State, as Mails is
	Folders   Folders // of all that is open, from Found.Streams
	Mails     *Mails  // of State, shared by all sources that are open on it; where nil, Open makes one for its own
	ChunkSize int     // bytes of a chunk; 0 is 4 MiB
	Once      bool    // drain what is there, then io.EOF; a last line without its end is left for later
	Log       *slog.Logger
	Now       func() time.Time // time.Now where nil
}

func (o Options) withDefaults() Options {
	o.ChunkSize = cmp.Or(o.ChunkSize, 4<<20)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// ErrOpen: what is at the path is read already, by another source on the same
// Ledger or Mails.
var ErrOpen = errors.New("it is read already, as another path that was given")

// Source is a bouncehouse.Source on files.
type Source interface {
	bouncehouse.Source
	// Holder is for who does not read the source yet, too.
	bouncehouse.Holder
	// Stream names the stream that all chunks of the source belong to. Of a file
	// of which that does not show yet it names the path. Not to be called during Read.
	Stream() string
	// Progress tells how many bytes on disk were read and how many there were
	// to read, as far as known. It may be called while Read is under way.
	Progress() (done, total int64)
	// Close lets go of the files. What was read but not committed is read
	// again by the next source on the same state.
	Close() error
}

// Open makes the source for what is at path: a Maildir, an mbox, one mail, or
// a log file. With a log file come its rotated siblings in the same directory,
// so that mail.log, mail.log.1 and mail.log.2.gz all open the same stream:
// the first does, and the others have ErrOpen, as has a mailbox that is open.
// The errors are meant for people: one line that names the path and what to do.
func Open(path string, o Options) (Source, error) {
	o = o.withDefaults()
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	st, err := os.Stat(path)
	switch {
	case err == nil && st.IsDir():
		return openMaildir(path, o)
	case err == nil && !st.Mode().IsRegular():
		return nil, fmt.Errorf("open %s: not a regular file: give a log file, an mbox or a Maildir", path)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return nil, explain("open", path, err)
	}
	if err == nil && st.Size() == 0 {
		return openEmpty(path, o)
	}
	if err != nil {
		return openLog(path, o)
	}
	return openKind(path, o)
}

// ReadsMails tells whether src reads mails, not the lines of a log. A file that was
// never met and is empty is taken for a log.
func ReadsMails(src Source) bool {
	switch src.(type) {
	case *maildir, *mbox, *leftMails:
		return true
	}
	return false
}

// Unsettled tells whether src has to settle first what was about to be stored of a log
// when the last process ended. Other sources may wait for that, so it must not wait
// for one of them to end.
func Unsettled(src Source) bool {
	switch src := src.(type) {
	case *leftover:
		return true
	case *logFile:
		_, s := src.led.stands(src.stream)
		return s != nil
	}
	return false
}

// openKind makes the source for what the file at path holds.
func openKind(path string, o Options) (Source, error) {
	kind, err := sniffFile(path)
	switch {
	case err != nil:
		return nil, err
	case kind == kindLog:
		return openLog(path, o)
	}
	return openMbox(path, kind, o)
}

// openEmpty makes the source for a file that holds nothing at the moment: of
// the kind that it was, or that the files are whose name it has.
func openEmpty(path string, o Options) (Source, error) {
	base := basePath(path)
	if o.Ledger == nil {
		var err error
		if o.Ledger, err = OpenLedger(o.State, o.Log); err != nil {
			return nil, err
		}
	}
	stream := o.Ledger.named(streamOf(base, o))
	_, pos, fresh, err := openStore(stream, base, o)
	if err != nil {
		return nil, err
	}
	mails := map[disk]bool{}
	log, err := holdsLog(base, o.Folders[base], o.Ledger, mails)
	switch {
	case err != nil && fresh:
		return nil, explain("open", path, err)
	case pos.Kind == kindMbox || pos.Kind == kindMail:
		return openMbox(path, pos.Kind, o)
	case fresh && !log:
		if err := readable(path); err != nil {
			return nil, err
		}
		o.Ledger.watch(path)
		return &lazy{o: o, path: path, log: stream, mails: mails}, nil
	}
	return openLog(path, o)
}

// label is path as valid UTF-8, which positions, Kafka and JSON take: bytes
// that are none are written as \xff is; and so that no two paths have one, the
// backslash before what looks like that as \x5c.
func label(path string) string {
	if utf8.ValidString(path) && !escape.MatchString(path) {
		return path
	}
	var b strings.Builder
	for len(path) > 0 {
		r, n := utf8.DecodeRuneInString(path)
		if r == utf8.RuneError && n == 1 || r == '\\' && escape.MatchString(path[:min(len(path), 4)]) {
			fmt.Fprintf(&b, "\\x%02x", path[0])
		} else {
			b.WriteString(path[:n])
		}
		path = path[n:]
	}
	return b.String()
}

var escape = regexp.MustCompile(`\\x[0-9a-f]{2}`)

// unlabel is the path of a label.
func unlabel(text string) string {
	return escape.ReplaceAllStringFunc(text, func(s string) string {
		n, _ := strconv.ParseUint(s[2:], 16, 8)
		return string([]byte{byte(n)})
	})
}

// streamOf names the stream of a log by its path without what rotation added,
// of which only so much is taken off as list does: mail.log.2026-11-28.1 is a
// file of the stream mail.log.2026-11-28, which is not that of mail.log.
func streamOf(base string, o Options) string { return o.Host + ":" + label(base) }

// readable tells why the file at path cannot be read, if so.
func readable(path string) error {
	f, _, err := openRegular(path)
	if err != nil {
		return explain("open", path, err)
	}
	return f.Close()
}

// UsualPlaces lists the log files that mail servers usually write, as far as
// they are there.
func UsualPlaces() []string {
	var found []string
	var infos []os.FileInfo
next:
	for _, path := range []string{
		"/var/log/mail.log", "/var/log/maillog", "/var/log/mail", "/var/log/mail/mail.log", "/var/log/mail.info",
		"/var/log/exim4/mainlog", "/var/log/exim/mainlog", "/var/log/exim/main.log", "/var/log/exim_mainlog",
		"/var/spool/exim/log/mainlog",
		"/var/log/postfix.log", "/var/log/postfix/postfix.log", "/var/log/qmail/current",
		"/var/log/qmail/qmail-send/current",
		"/var/log/pmta/acct.csv", "/var/log/haraka.log", "/var/log/opensmtpd.log",
	} {
		st, err := os.Stat(path)
		if err != nil || !st.Mode().IsRegular() {
			continue
		}
		for _, other := range infos {
			if os.SameFile(st, other) {
				continue next // a symbolic link to one that is listed
			}
		}
		found, infos = append(found, path), append(infos, st)
	}
	return found
}

// What a state directory has in it, beside the engine's data and the spool.
const (
	lockName      = "lock"
	positionsName = "positions"
	mailsName     = "mails"
)

// Records are the names in a state directory of what says how far was read of
// what. It belongs to the tables: without them it is of no use, and they without
// it are filled again.
func Records() []string { return []string{positionsName, mailsName} }

// Lock takes the state directory, which it creates, for this process. The
// lock ends with unlock or with the process, however it ends.
func Lock(state string) (unlock func(), err error) {
	if err := os.MkdirAll(state, 0o700); err != nil {
		return nil, fmt.Errorf("create the state directory: %w: name another with --state DIR", err)
	}
	if err := ownLink(state); err != nil {
		return nil, err
	}
	path := filepath.Join(state, lockName)
	f, err := openOwn(path, os.O_RDWR|os.O_CREATE)
	if err != nil {
		return nil, explain("lock", path, err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		defer f.Close()
		if !errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		pid, _ := io.ReadAll(io.LimitReader(f, 20))
		return nil, fmt.Errorf("state directory %s is in use by process %s: stop that one, or give another with --state", state, cmp.Or(strings.TrimSpace(string(pid)), "(unknown)"))
	}
	// The number is for the message above only, so it need not be durable.
	if err = f.Truncate(0); err == nil {
		_, err = f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	}
	if err != nil {
		f.Close()
		return nil, explain("lock", path, err)
	}
	return func() { f.Close() }, nil
}

// ownLink checks that a link in the state directory's place is the user's own or
// root's: another's may lead anywhere.
func ownLink(state string) error {
	link, err := os.Lstat(state)
	if err != nil || link.Mode()&fs.ModeSymlink == 0 {
		return nil // who opens it tells of it
	}
	if sys, ok := link.Sys().(*syscall.Stat_t); ok && sys.Uid != 0 && int(sys.Uid) != os.Geteuid() {
		return fmt.Errorf("state directory %s is a link of user %d's: name the directory itself", state, sys.Uid)
	}
	return nil
}

// explain makes one clear line of a file error.
func explain(verb, path string, err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		path, err = pe.Path, pe.Err
	}
	switch {
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%s %s: %w: run as root%s", verb, path, err, readers(path))
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s %s: %w: give the path of a log file, an mbox or a Maildir", verb, path, err)
	}
	return fmt.Errorf("%s %s: %w", verb, path, err)
}

// readers says which group may read path, where one may.
func readers(path string) string {
	st, err := os.Stat(path)
	if err != nil || st.Mode().Perm()&0o040 == 0 {
		return ""
	}
	sys, ok := st.Sys().(*syscall.Stat_t)
	if !ok {
		return ""
	}
	gid := strconv.FormatUint(uint64(sys.Gid), 10)
	if g, err := user.LookupGroupId(gid); err == nil {
		gid = g.Name
	}
	return " or as a member of group " + gid
}
