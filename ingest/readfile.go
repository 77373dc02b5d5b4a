package ingest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/bouncehouse/bouncehouse"
)

// ReadFile reads one file once, for a look at it: no state, no rotated
// siblings, a last line also without its line end. It decompresses, and tells
// logs, mboxes and mails apart as Open does. A Maildir is read mail by mail. A
// pipe is read as it comes, a named one from when someone writes to it; ctx
// ends the wait. The path "-" is standard input.
//
// Chunks have the streams, file ids and offsets that a Source's have which meets
// the path first and on this host: so events have the same event_id.
func ReadFile(ctx context.Context, path string, o Options, yield func(*bouncehouse.Chunk) error) error {
	file := os.Stdin
	if path != "-" {
		var err error
		if file, err = os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0); err != nil {
			return explain("open", path, err)
		}
		defer file.Close()
	}
	st, err := file.Stat()
	if err != nil {
		return explain("open", path, err)
	}
	if st.IsDir() {
		return readMaildir(ctx, path, o, yield)
	}
	at := path
	if path != "-" {
		at = absolute(path)
	}
	return readOpen(ctx, file, st, path, at, o, yield)
}

// readOpen reads an open file, of a stream that is at a path.
func readOpen(ctx context.Context, file *os.File, st os.FileInfo, path, at string, o Options,
	yield func(*bouncehouse.Chunk) error) error {
	o = o.withDefaults()
	f, ref := io.ReaderAt(file), st.ModTime()
	if !st.Mode().IsRegular() || path == "-" {
		r, stop, err := Interruptible(ctx, file)
		if err != nil {
			return fmt.Errorf("read %s: %w", path, err)
		}
		defer stop()
		f, ref = &window{r: r}, o.Now()
	}
	c, _, kind, err := sniff(f)
	if err != nil {
		return fmt.Errorf("open %s: %w", path, err)
	}
	defer c.close()
	if kind == kindLog && path != "-" {
		at = basePath(at)
	}
	r := reading{
		o: o, content: c, ended: ctx.Err, yield: yield,
		chunk: bouncehouse.Chunk{
			Stream: streamOf(at, o), Seq: 1, File: filepath.Base(path), Host: o.Host, Zone: o.Zone, Ref: ref,
		},
	}
	peek, err := peekAt(c)
	switch known := err == nil || damaged(err); {
	case !known || len(peek) == 0:
	case kind == kindLog:
		r.chunk.FileID = identify(peek[:headLen(peek, true)], 0)
		r.chunk.Head = fileHead(peek)
		err = r.lines(peek)
	default:
		err = r.mails(kind == kindMail)
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	return nil
}

func readMaildir(ctx context.Context, path string, o Options, yield func(*bouncehouse.Chunk) error) error {
	if !isMaildir(path) {
		return fmt.Errorf("open %s: a directory that is no Maildir", path)
	}
	dirs, files, others, err := listMaildir(path)
	if err != nil {
		return explain("read", path, err)
	}
	defer dirs.close()
	for _, f := range others {
		o.withDefaults().Log.Warn(notRegular, "path", filepath.Join(path, subs[f.sub], f.name), "mode",
			f.info.Mode().Type().String())
	}
	for _, m := range files {
		f, err := openAt(dirs[m.sub], m.name, 0)
		if err != nil {
			return explain("open", filepath.Join(path, subs[m.sub], m.name), err)
		}
		err = readOpen(ctx, f, m.info, f.Name(), absolute(path), o, yield)
		f.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

type reading struct {
	o       Options
	content *content
	chunk   bouncehouse.Chunk
	ended   func() error
	yield   func(*bouncehouse.Chunk) error
}

func (r *reading) give(kind bouncehouse.Kind, at int64, data, reason string) error {
	if err := r.ended(); err != nil {
		return err
	}
	c := r.chunk
	c.Kind, c.Offset, c.Data, c.Reason = kind, at, data, reason
	r.chunk.Seq++
	return r.yield(&c)
}

func (r *reading) lines(peek []byte) error {
	cut := cutter{size: r.o.ChunkSize, export: isExport(peek)}
	cut.amid = !cut.export && entryStart(peek) >= 0
	for at := int64(0); ; {
		p, err := cut.next(r.content, at, true)
		if p == nil || err != nil || p.cut && growing(r.content.file) {
			return err
		}
		if err := r.give(p.kind, p.from, p.data, p.reason); err != nil || p.done {
			return err
		}
		at = p.to
	}
}

func (r *reading) mails(single bool) error {
	split := splitter{ids: newMailHash()}
	for at := int64(0); ; {
		m, err := split.next(r.content, at, single)
		if m == nil || err != nil {
			return err
		}
		r.chunk.FileID = m.id.String()
		kind := bouncehouse.Mail
		if m.reason != "" {
			kind = bouncehouse.Broken
		}
		if err := r.give(kind, m.at, m.data, m.reason); err != nil {
			return err
		}
		if m.last && m.reason != "" {
			return errors.New(m.reason)
		}
		at = m.to
	}
}
