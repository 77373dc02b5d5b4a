package ingest

import (
	"context"
	"errors"
	"io"
	"os"
	"slices"

	"github.com/bouncehouse/bouncehouse"
)

// lazy is the source of an empty file that was never met: whether it will be
// a log or an mbox shows with its first bytes. What stands at the path is
// held open, since a log may be rotated before a look at its first lines.
//
// Empty files whose names are like those of one log's rotated files have a lazy
// each: they may turn out to be several mailboxes. The first that is a log's
// becomes the log's source, for all that are.
type lazy struct {
	o      Options
	path   string
	log    string // the stream, if it is a log's
	held   []*os.File
	mails  map[disk]bool // mboxes beside it, of like names
	Source               // nil until then
}

// Stream implements Source.
func (l *lazy) Stream() string {
	if l.Source != nil {
		return l.Source.Stream()
	}
	return streamOf(l.path, l.o)
}

// Progress implements Source. It never looks at the source itself, which
// comes while it may be asked.
func (l *lazy) Progress() (done, total int64) { return 0, 0 }

// Hold implements bouncehouse.Holder.
func (l *lazy) Hold() {
	if l.Source != nil {
		l.Source.Hold()
	} else {
		l.look() // the next look has its error
	}
}

// Close implements Source.
func (l *lazy) Close() error {
	for _, f := range l.held {
		f.Close()
	}
	l.held = nil
	l.o.Ledger.unwatch(l.path)
	if l.Source == nil {
		return nil
	}
	return l.Source.Close()
}

// Read implements bouncehouse.Source.
func (l *lazy) Read(ctx context.Context) (bouncehouse.Batch, error) {
	for l.Source == nil {
		written, err := l.look()
		if err == nil {
			err = l.decide(written)
		}
		if err == nil && l.Source == nil {
			if l.o.Once {
				return bouncehouse.Batch{}, io.EOF
			}
			err = pause(ctx, look)
		}
		if err != nil {
			return bouncehouse.Batch{}, err
		}
	}
	return l.Source.Read(ctx)
}

// look holds what stands at the path, and returns the first that has content.
func (l *lazy) look() (written *os.File, err error) {
	if f, st, err := openRegular(l.path); err == nil {
		if len(l.held) == maxHeld || slices.ContainsFunc(l.held, func(o *os.File) bool {
			other, err := o.Stat()
			return err == nil && os.SameFile(st, other)
		}) {
			f.Close()
		} else {
			l.held = append(l.held, f)
		}
	}
	for _, f := range l.held {
		st, err := f.Stat()
		if err != nil {
			return nil, err
		}
		if st.Size() > 0 {
			return f, nil
		}
	}
	return nil, nil
}

// decide makes the source for what the file holds, if that shows. It is io.EOF
// where the file is one of a log that another source reads.
func (l *lazy) decide(written *os.File) error {
	if written != nil {
		c, _, kind, err := sniff(written)
		if err == nil {
			c.close()
		}
		switch no := (*notText)(nil); {
		case errors.As(err, &no): // the log's source makes it a dead letter
		case err != nil:
			return err
		case kind != kindLog:
			box, err := newMbox(l.path, kind, l.o)
			if err != nil {
				return err
			}
			l.Source = box
			return box.hold(l.take())
		}
	} else {
		if l.o.Ledger.reads(l.log) {
			return nil
		}
		// A log that was rotated before a look at it shows by its other files. What
		// a lazy waits for shows by itself: the name alone may be this log's.
		base := basePath(l.path)
		if log, _ := holdsLog(base, l.o.Folders[base], l.o.Ledger, l.mails); !log {
			return nil
		}
	}
	source, _, err := newLog(l.path, l.o)
	switch {
	case errors.Is(err, ErrOpen) && written == nil:
		return nil
	case errors.Is(err, ErrOpen):
		l.o.Log.Info("left to the source of its log", "stream", l.log, "file", l.path)
		return io.EOF
	case err != nil:
		return err
	}
	l.Source = source
	held := l.take()
	if source.path != l.path { // it is a sibling, and found as one
		for _, f := range held {
			f.Close()
		}
		held = nil
	}
	for _, f := range held {
		h, err := source.handle(f, l.path, true)
		if err != nil {
			return err
		}
		if h != nil {
			source.held = append(source.held, h)
		}
	}
	return nil
}

// take gives away what is held.
func (l *lazy) take() []*os.File {
	held := l.held
	l.held = nil
	return held
}
