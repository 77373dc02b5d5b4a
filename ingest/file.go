package ingest

import (
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

// logFile is the source of a log file and its rotated siblings. Where it
// stands in each file is in pos alone and moves with Commit only. Every turn
// looks at the disk afresh: what happened meanwhile, once or several times,
// makes no difference.
type logFile struct {
	o      Options
	path   string
	stream string
	store  *positionFile
	pos    *position

	cur     *handle         // the file being read or followed
	kept    *handle         // the live file, while cur is a sibling
	under   *underway       // the batch that was read and not committed
	started bool            // a batch was read: the first brings what came before
	skip    map[disk]bool   // copies that hold nothing new, as they lie on disk
	scanned time.Time       // when siblings were looked at
	dated   []sibling       // what siblings gave last, of a stream with dated files only
	listed  time.Time       // when
	found   bool            // one of them had something to read
	last    *known          // the file that was being written when the last run ended
	gave    time.Time       // when a batch was last read
	moved   time.Time       // since when cur is no longer at path
	woken   bool            // by nxadm/tail, and nothing was read since
	warned  map[string]bool // troubles said
	failed  error           // the trouble of the last scan

	done, left atomic.Int64
}

type underway struct {
	in    *intent
	known *known // nil where the file is gone
	marks []string
	took  int64
}

func openLog(path string, o Options) (Source, error) {
	base, _, _ := baseName(filepath.Base(path))
	path = filepath.Join(filepath.Dir(path), base)
	l := &logFile{o: o, path: path, stream: streamOf(path, o), skip: map[disk]bool{}, warned: map[string]bool{}}
	var fresh bool
	var err error
	if l.store, l.pos, fresh, err = openStore(l.stream, path, o); err != nil {
		return nil, err
	}
	l.pos.Kind = kindLog
	if n := len(l.pos.Files); n > 0 && l.pos.Files[n-1].Disk == (disk{}) && !l.pos.Files[n-1].Done {
		l.last = l.pos.Files[n-1]
	}
	files, err := list(path)
	if err != nil {
		return nil, explain("open", path, err)
	}
	st, err := os.Stat(path)
	switch {
	case err == nil:
		if _, err := sniffFile(path); err != nil {
			return nil, err
		}
		l.left.Add(l.unread(st))
	case !errors.Is(err, fs.ErrNotExist) || fresh && len(files) == 0:
		return nil, explain("open", path, err)
	}
	for _, s := range files {
		if err := readable(s.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		l.left.Add(l.unread(s.info))
	}
	return l, nil
}

// unread estimates how many bytes on disk of a file are still to be read.
func (l *logFile) unread(info os.FileInfo) int64 {
	d := diskOf(info)
	for _, k := range l.pos.Files {
		switch {
		case k.Disk == d:
			return 0
		case k.Disk.Dev == d.Dev && k.Disk.Inode == d.Inode && k.Read <= d.Size:
			return d.Size - k.Read
		}
	}
	return d.Size
}

// Stream implements Source.
func (l *logFile) Stream() string { return l.stream }

// Progress implements Source.
func (l *logFile) Progress() (done, total int64) {
	done = l.done.Load()
	return done, done + max(0, l.left.Load())
}

// Close implements Source.
func (l *logFile) Close() error {
	l.setCurrent(nil)
	l.setCurrent(nil) // the one kept
	return nil
}

// Read implements bouncehouse.Source: one chunk a batch, and with the first
// what was read before it.
func (l *logFile) Read(ctx context.Context) (bouncehouse.Batch, error) {
	l.under = nil // a batch that was not committed is read again
	if l.pos.Intent != nil {
		return l.recover()
	}
	for {
		if err := ctx.Err(); err != nil {
			return bouncehouse.Batch{}, err
		}
		if l.gathering() <= 0 {
			p, err := l.next()
			if err != nil {
				return bouncehouse.Batch{}, err
			}
			if p != nil {
				return l.batch(l.cur, p, l.intentOf(l.cur, p)), nil
			}
			if l.o.Once {
				if l.failed != nil {
					return bouncehouse.Batch{}, l.failed
				}
				return bouncehouse.Batch{}, io.EOF
			}
		}
		if err := l.wait(ctx); err != nil {
			return bouncehouse.Batch{}, err
		}
	}
}

// intentOf is the intent to store what p holds.
func (l *logFile) intentOf(h *handle, p *piece) *intent {
	in := &intent{
		Seq: l.pos.Seq + 1, File: h.known.ID, Name: filepath.Base(h.path),
		Kind: p.kind, From: p.from, To: p.to, Ref: h.info.ModTime(), Tail: p.tail, Reason: p.reason, Done: p.done,
		Host: l.o.Host, Zone: l.o.Zone,
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
func (l *logFile) batch(h *handle, p *piece, in *intent) bouncehouse.Batch {
	l.under = &underway{in: in, known: h.known, marks: p.marks, took: h.consumed(in)}
	b := bouncehouse.Batch{ID: in.Batch, Recover: l.pos.Intent == in}
	chunk := in.chunk(l.stream, p.data)
	if in.Kind == bouncehouse.Lines {
		chunk.Head = h.known.top
	}
	if !l.started && in.From > 0 {
		// It only restores what the parser remembers: without it, goes on.
		if was, err := h.cut.before(h.content, in.From); err == nil && was != nil {
			c := chunk
			c.Kind, c.Offset, c.Reason, c.Data, c.Replay, c.Head = was.kind, was.from, "", was.data, true, h.known.top
			b.Chunks = append(b.Chunks, c)
		}
	}
	l.started, l.woken, l.gave = true, false, l.o.Now()
	b.Chunks = append(b.Chunks, chunk)
	return b
}

// recover reads the range of the standing intent again. Where its file is
// gone, the range becomes a dead letter.
func (l *logFile) recover() (bouncehouse.Batch, error) {
	in := l.pos.Intent
	h, p, err := l.find(in)
	if err != nil {
		return bouncehouse.Batch{}, err
	}
	if h != nil {
		l.setCurrent(h)
		return l.batch(h, p, in), nil
	}
	l.o.Log.Error("a range that was about to be stored is gone with its file", "stream", l.stream, "file", in.Name, "from", in.From, "to", in.To)
	l.under, l.started = &underway{in: in}, true
	c := in.chunk(l.stream, "")
	c.Kind = bouncehouse.Broken
	c.Reason = fmt.Sprintf("bytes %d to %d of %s (%s) are lost: the file was removed after a crash, before they were stored", in.From, in.To, in.Name, in.File)
	return bouncehouse.Batch{ID: in.Batch, Chunks: []bouncehouse.Chunk{c}, Recover: true}, nil
}

// find opens the file that holds an intent's range.
func (l *logFile) find(in *intent) (*handle, *piece, error) {
	files, err := list(l.path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, explain("open", l.path, err)
	}
	for _, s := range append(files, sibling{path: l.path}) {
		h, err := l.open(s.path, s.path == l.path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, nil, explain("open", s.path, err)
		}
		if h.known == nil {
			if err := l.recognise(h, true); err != nil {
				h.close()
				return nil, nil, explain("read", s.path, err)
			}
		}
		if h.known != nil && h.known.ID == in.File {
			p, err := h.cut.again(h.content, in)
			if err == nil {
				err = h.seal(p)
			}
			if err == nil && p.tail == in.Tail {
				return h, p, nil
			}
			if err != nil && !errors.Is(err, io.EOF) && !damaged(err) {
				h.close()
				return nil, nil, explain("read", s.path, err)
			}
		}
		h.close()
	}
	return nil, nil, nil
}

// Intend implements bouncehouse.Source.
func (l *logFile) Intend(_ context.Context, b bouncehouse.Batch) error {
	if l.under == nil || l.under.in.Batch != b.ID {
		return fmt.Errorf("batch %s is not the one under way", b.ID)
	}
	if l.pos.Intent == l.under.in {
		return nil // it stands from before the crash
	}
	l.pos.Intent = l.under.in
	if err := l.store.save(l.pos); err != nil {
		l.pos.Intent = nil
		return err
	}
	return nil
}

// Commit implements bouncehouse.Source.
func (l *logFile) Commit(_ context.Context, b bouncehouse.Batch) error {
	u := l.under
	if u == nil || u.in.Batch != b.ID {
		return fmt.Errorf("batch %s is not the one under way", b.ID)
	}
	was := *l.pos
	l.pos.Intent, l.pos.Seq = nil, u.in.Seq
	k := u.known
	var wasKnown known
	if k != nil {
		wasKnown = *k
		k.Name, k.Read, k.Tail, k.Done, k.Marks = u.in.Name, u.in.To, u.in.Tail, u.in.Done, u.marks
		// The one last read stands last.
		l.pos.Files = append(slices.DeleteFunc(slices.Clone(was.Files), func(o *known) bool { return o == k }), k)
	}
	if err := l.store.save(l.pos); err != nil {
		*l.pos = was
		if k != nil {
			*k = wasKnown
		}
		return err
	}
	l.done.Add(u.took)
	l.left.Add(-u.took)
	l.under = nil
	return nil
}
