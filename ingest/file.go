package ingest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"github.com/bouncehouse/bouncehouse"
)

// logFile is the source of a log file and its rotated siblings. How far each
// content was read stands in the ledger alone and moves with Commit only.
// Every turn looks at the disk afresh: what happened meanwhile, once or
// several times, makes no difference.
type logFile struct {
	o      Options
	path   string
	stream string
	store  *positionFile
	pos    *position
	led    *Ledger

	held    []*handle          // see next
	side    *handle            // the sibling that is being read
	past    []*handle          // see retire
	under   *underway          // the batch that was read and not committed
	started bool               // a batch was read: the first brings what came before
	ended   bool               // with Once: all was read
	busy    bool               // this turn, a file was left to another source
	skip    map[disk]bool      // copies that hold nothing new, as they lie on disk
	passed  map[disk]int64     // of these, what was said, by inode
	rest    map[disk]time.Time // until when a packed file that grows is left alone, by inode: see maxRest
	awaited map[disk]time.Time // since when a sibling that may be written still is, by inode
	rescan  bool               // siblings are to be looked at
	scanned time.Time          // when they were
	dated   []sibling          // what siblings gave last, of a stream with dated files only
	listed  time.Time          // when
	found   bool               // one of them had something to read
	only    bool               // there are dated files only
	stood   bool               // a log stood at the path
	last    *entry             // the file that was being written when the last run ended
	tried   bool               // it was looked for
	opened  time.Time          // when
	gave    time.Time          // when a batch was last read
	woken   bool               // by nxadm/tail, and nothing was read since
	warned  map[string]bool    // troubles said
	missing error              // the trouble with the path
	failed  error              // the trouble of the last scan

	done, left atomic.Int64
}

type underway struct {
	stream string // l's, or that of an intent that is settled for another
	in     *intent
	entry  *entry // nil where nothing is known of the file
	piece  *piece // nil where the file is gone
	h      *handle
	took   int64
	again  bool // it was intended before
}

func openLog(path string, o Options) (Source, error) {
	l, fresh, err := newLog(path, o)
	if err != nil {
		return nil, err
	}
	path = l.path
	files, unlisted := l.list() // the first scan tells of it, and goes on
	st, err := os.Stat(path)
	switch {
	case err != nil && len(files) == 0 && unlisted != nil:
		err = explain("open", path, unlisted)
	case err == nil && st.IsDir(): // a Maildir, beside a log whose rotated files seem to be its
	case err == nil:
		var kind fileKind
		if kind, err = sniffFile(path); err == nil && kind == kindLog {
			l.stood = l.stood || st.Size() > 0
			l.left.Add(l.unread(st))
		}
	case !errors.Is(err, fs.ErrNotExist) || fresh && len(files) == 0:
		err = explain("open", path, err)
	default:
		err = nil
	}
	for _, s := range files {
		if err != nil {
			break
		}
		if err = readable(s.path); errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
		l.left.Add(l.unread(s.info))
	}
	if err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

// newLog makes the source without a look at the files. fresh says that the
// stream was never met.
func newLog(path string, o Options) (l *logFile, fresh bool, err error) {
	path = basePath(path)
	if o.Ledger == nil {
		if o.Ledger, err = OpenLedger(o.State, o.Log); err != nil {
			return nil, false, err
		}
	}
	return newStream(path, o.Ledger.named(streamOf(path, o)), o)
}

func newStream(path, stream string, o Options) (l *logFile, fresh bool, err error) {
	l = &logFile{
		o: o, path: path, stream: stream, led: o.Ledger, rescan: true, opened: o.Now(),
		skip: map[disk]bool{}, passed: map[disk]int64{}, rest: map[disk]time.Time{},
		awaited: map[disk]time.Time{}, warned: map[string]bool{},
	}
	if !l.led.enter(l.stream, l) {
		return nil, false, fmt.Errorf("open %s: %w", path, ErrOpen)
	}
	if l.store, l.pos, fresh, err = openStore(l.stream, path, o); err != nil {
		return nil, false, errors.Join(err, l.led.leave(l.stream))
	}
	seq, _ := l.led.stands(l.stream)
	l.pos.Version, l.pos.Kind, l.pos.Files, l.pos.Intent = logVersion, kindLog, nil, nil
	l.pos.Seq = max(l.pos.Seq, seq)
	l.last = l.led.lastWritten(l.stream, path)
	l.stood = l.led.stoodAt(path)
	return l, fresh, nil
}

// unread estimates how many bytes on disk of a file are still to be read.
func (l *logFile) unread(info os.FileInfo) int64 {
	d := diskOf(info)
	switch e, was, read, all := l.led.at(d); {
	case e == nil:
	case all && was == d:
		return 0
	case read <= d.Size:
		return d.Size - read
	}
	return d.Size
}

// list names the files of the stream but the one at the path, oldest first.
// Those beside what the path is a link to are one source's: that which reads it
// under its own name, if there is one.
func (l *logFile) list() ([]sibling, error) {
	files, err := list(l.path, l.o.Folders[l.path])
	to := linked(l.path)
	if to != l.path && slices.ContainsFunc(l.led.others(l), func(o *logFile) bool {
		also := linked(o.path)
		return whereIs(also) == whereIs(to) && (also == o.path || o.path < l.path)
	}) {
		files = slices.DeleteFunc(files, func(s sibling) bool { return s.far })
	}
	return files, err
}

// Stream implements Source.
func (l *logFile) Stream() string { return l.stream }

// Progress implements Source.
func (l *logFile) Progress() (done, total int64) {
	done = l.done.Load()
	return done, done + max(0, l.left.Load())
}

// Hold implements bouncehouse.Holder.
func (l *logFile) Hold() { l.look() }

// Close implements Source.
func (l *logFile) Close() error {
	l.abandon()
	l.closeFiles()
	if l.led == nil {
		return nil
	}
	err := l.led.leave(l.stream)
	l.led = nil
	return err
}

// abandon forgets the batch under way.
func (l *logFile) abandon() {
	if l.under != nil && l.under.piece != nil {
		l.under.piece.await()
	}
	l.under = nil
}

// files are all that are open.
func (l *logFile) files() []*handle {
	files := slices.Concat(l.held, l.past)
	if l.side != nil {
		files = append(files, l.side)
	}
	return files
}

func (l *logFile) closeFiles() {
	files := l.files()
	l.held, l.past, l.side = nil, nil, nil
	for _, h := range files {
		l.close(h)
	}
}

// Read implements bouncehouse.Source: one chunk a batch, and with the first
// what was read before it.
func (l *logFile) Read(ctx context.Context) (bouncehouse.Batch, error) {
	l.abandon() // a batch that was not committed is read again
	for {
		if err := ctx.Err(); err != nil {
			return bouncehouse.Batch{}, err
		}
		if l.ended {
			return bouncehouse.Batch{}, io.EOF
		}
		l.busy = false
		l.look()
		if _, s := l.led.stands(l.stream); s != nil {
			b, ok, err := l.recover(s)
			if ok || err != nil && l.o.Once {
				return b, err
			}
			if err != nil {
				l.trouble(err) // its range comes first
			}
		} else if l.gathering() <= 0 {
			h, p := l.next()
			if p != nil {
				s := l.led.intended(h.entry)
				if s == nil && p.anew {
					s = l.led.halved(h.entry)
				}
				if s == nil {
					return l.batch(h, p, l.intentOf(h, p), l.stream, false), nil
				}
				in := s.in
				if !p.again { // of what was lost, which the file does not have as it was; or the rest of a line
					in = l.intentOf(h, p)
					in.Seq, in.Batch = s.in.Seq, rangeID(s.stream, in.File, p.kind, p.from, p.to)
					in.Ref, in.Host, in.Zone = s.in.Ref, s.in.Host, s.in.Zone // its rows are found by their times
				}
				return l.batch(h, p, in, s.stream, true), nil
			}
			if l.busy {
				if b, ok, err := l.assist(); ok || err != nil && l.o.Once {
					return b, err
				}
			}
			if l.o.Once && !l.busy {
				if err := cmp.Or(l.failed, l.missing); err != nil {
					return bouncehouse.Batch{}, err
				}
				l.closeFiles() // another source may be waiting for one
				l.ended = true
				continue
			}
		}
		if err := l.wait(ctx); err != nil {
			return bouncehouse.Batch{}, err
		}
	}
}

// intentOf is the intent to store what p holds.
func (l *logFile) intentOf(h *handle, p *piece) *intent {
	seq, _ := l.led.stands(l.stream) // another source may have settled a range of this stream
	in := &intent{
		Seq: max(l.pos.Seq, seq) + 1, File: h.entry.ID, Name: filepath.Base(h.path),
		Kind: p.kind, From: p.from, To: p.to, Ref: h.info.ModTime(), Tail: p.tail, Reason: p.reason, Done: p.done,
		Host: l.o.Host, Zone: l.o.Zone,
	}
	if was := l.led.copyOf(h.entry); !was.stored {
		was.Disk = diskOf(h.info)
		in.New = &was
	}
	in.Batch = rangeID(l.stream, in.File, p.kind, p.from, p.to)
	return in
}

// rangeID names a range: hash of the stream, start of the file's identity,
// kind, from, to.
func rangeID(stream, file string, kind bouncehouse.Kind, from, to int64) string {
	return fmt.Sprintf("%s-%.12s-%s-%d-%d", shortHash(stream), file, kind, from, to)
}

// chunk makes the chunk of an intent.
func (in *intent) chunk(stream, data string) bouncehouse.Chunk {
	return bouncehouse.Chunk{
		Stream: stream, Seq: in.Seq, FileID: in.File, File: in.Name, Kind: in.Kind,
		Host: in.Host, Zone: in.Zone, Ref: in.Ref, Offset: in.From, Reason: in.Reason, Data: data,
	}
}

// batch makes the batch of p, which was read from h.
func (l *logFile) batch(h *handle, p *piece, in *intent, stream string, again bool) bouncehouse.Batch {
	l.under = &underway{
		stream: stream, in: in, entry: h.entry, piece: p, h: h, took: h.consumed(in), again: again,
	}
	b := bouncehouse.Batch{ID: in.Batch, Recover: again || p.anew}
	chunk := in.chunk(stream, p.data)
	if in.Kind == bouncehouse.Lines {
		chunk.Head = h.topAt(in.From)
	}
	if !l.started || again { // a range that comes late is parsed as it was, too
		b.Chunks = l.replayed(h, in, chunk)
	}
	l.started, l.woken, l.gave = true, false, l.o.Now()
	b.Chunks = append(b.Chunks, chunk)
	return b
}

// Intend implements bouncehouse.Source.
func (l *logFile) Intend(_ context.Context, b bouncehouse.Batch) error {
	u := l.under
	if u == nil || u.in.Batch != b.ID {
		return fmt.Errorf("batch %s is not the one under way", b.ID)
	}
	if u.again {
		return l.led.widen(u.entry, u.in.To) // it stands from before the crash
	}
	if err := u.piece.await(); err != nil {
		return err
	}
	u.in.Sum = u.piece.next.sum()
	l.pos.Intent = u.in
	if err := l.store.save(l.pos); err != nil {
		l.pos.Intent = nil
		return err
	}
	l.led.intend(u.stream, u.in, u.entry)
	u.again = true
	return nil
}

// Commit implements bouncehouse.Source.
func (l *logFile) Commit(_ context.Context, b bouncehouse.Batch) error {
	u := l.under
	if u == nil || u.in.Batch != b.ID {
		return fmt.Errorf("batch %s is not the one under way", b.ID)
	}
	if u.piece != nil {
		if err := u.piece.await(); err != nil {
			return err
		}
	}
	top, topAt := "", int64(0)
	if u.piece != nil && u.h.top != "" && u.in.Kind == bouncehouse.Lines {
		top, topAt = lastHead(u.piece.data, u.in.From, u.h.top)
	}
	err := l.led.commit(u.stream, u.in.Seq, u.entry, func(e *entry) {
		if u.piece == nil {
			e.lose(u.stream, u.in)
			return
		}
		e.prefix, e.Half, e.Halved, e.Done = u.piece.next, u.piece.half(), nil, u.in.Done
		if e.Half > 0 {
			e.Halved = lostOf(u.stream, u.in)
		}
		if top != "" {
			e.Top, e.TopAt = top, topAt
		}
		e.Stream, e.Path, e.Disk, e.All, e.Told = u.stream, u.h.path, diskOf(u.h.info), false, false
		e.settled(e.Read - e.Half)
	})
	if err != nil {
		return err
	}
	if u.stream == l.stream {
		l.pos.Seq = max(l.pos.Seq, u.in.Seq)
	}
	if u.h != nil {
		u.h.read = u.piece.next.Read
		switch {
		case u.h.lent:
			l.letGo(u.h)
		case u.h.assumed:
			// Where only a header was proved, it may be any file that has it, of
			// which more was read long ago.
			l.led.release(u.h.entry, l)
			u.h.entry, u.h.assumed = nil, false
		}
	}
	l.done.Add(u.took)
	l.left.Add(-u.took)
	l.under = nil
	return nil
}
