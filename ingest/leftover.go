package ingest

import (
	"context"
	"errors"
	"io"

	"github.com/bouncehouse/bouncehouse"
)

// Leftovers makes the sources for what was about to be stored when the last
// process ended, and is of no log and no mailbox that is open on o's Ledger and
// Mails: they are not named any more, and part of the range may be stored. Each
// gives that alone, as a recovery, and ends. It is for when all others are open.
func Leftovers(o Options) (sources []Source, err error) {
	o = o.withDefaults()
	for _, s := range o.Ledger.standings() {
		l, _, err := newStream(unlabel(pathOf(s.stream)), s.stream, o)
		if errors.Is(err, ErrOpen) {
			continue
		}
		if err != nil {
			return sources, err
		}
		sources = append(sources, &leftover{l})
	}
	if o.Mails.abandoned() {
		box, err := openMailbox(o.Mails.dir, o)
		if err != nil {
			return sources, err
		}
		sources = append(sources, &leftMails{box})
	}
	return sources, nil
}

// leftover is the source of the range that stands of a log.
type leftover struct{ *logFile }

// Hold implements bouncehouse.Holder: its log is not named, and for others to open.
func (l *leftover) Hold() {}

// Read implements bouncehouse.Source.
func (l *leftover) Read(ctx context.Context) (bouncehouse.Batch, error) {
	l.abandon()
	for {
		_, s := l.led.stands(l.stream)
		if s == nil {
			l.closeFiles() // another source may be waiting for it
			return bouncehouse.Batch{}, io.EOF
		}
		l.busy = false
		b, ok, err := l.recover(s)
		if ok || err != nil && l.o.Once {
			return b, err
		}
		if err != nil {
			l.trouble(err)
		}
		if err := l.wait(ctx); err != nil {
			return bouncehouse.Batch{}, err
		}
	}
}

// leftMails is the source of the batches of mails that stand.
type leftMails struct{ *mailbox }

// Read implements bouncehouse.Source.
func (m *leftMails) Read(context.Context) (bouncehouse.Batch, error) {
	if b, ok, _ := m.recover(); ok {
		return b, nil
	}
	return bouncehouse.Batch{}, io.EOF
}
