package ingest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"sync/atomic"
	"time"

	"github.com/bouncehouse/bouncehouse"
)

// mailbox is what Maildirs and mboxes have in common: batches of several
// mails, each known by a name within the mailbox and by its content.
type mailbox struct {
	o      Options
	path   string
	stream string
	store  *positionFile
	pos    *position
	done   *doneMails
	under  *mailsUnder // the batch that was read and not committed
	told   string      // the last trouble said

	read, left atomic.Int64
}

type mailsUnder struct {
	in     *intent
	copies []mailIntent // read before under another name
	bytes  int64
	known  *known // of an mbox: the file
	tail   string
}

func openMailbox(path string, o Options) (*mailbox, error) {
	m := &mailbox{o: o, path: path, stream: o.Host + ":" + path}
	var err error
	if m.store, m.pos, _, err = openStore(m.stream, path, o); err != nil {
		return nil, err
	}
	m.done, err = openDone(m.store.path)
	return m, err
}

// Stream implements Source.
func (m *mailbox) Stream() string { return m.stream }

// Progress implements Source.
func (m *mailbox) Progress() (done, total int64) {
	done = m.read.Load()
	return done, done + max(0, m.left.Load())
}

// Close implements Source.
func (m *mailbox) Close() error { return m.done.close() }

// batchOf names a batch by the mails in it.
func (m *mailbox) batchOf(mails []mailIntent) string {
	h := sha256.New()
	for _, mail := range mails {
		io.WriteString(h, mail.File+" "+mail.Name+"\n")
	}
	return shortHash(m.stream) + "-mail-" + hex.EncodeToString(h.Sum(nil)[:12])
}

// trouble says, once, what cannot be read at the moment.
func (m *mailbox) trouble(err error) {
	text := ""
	if err != nil {
		text = explain("read", m.path, err).Error()
	}
	if text != "" && text != m.told {
		m.o.Log.Warn("cannot read, waiting", "stream", m.stream, "error", text)
	}
	m.told = text
}

// lost makes a dead letter of a mail that is gone.
func (m *mailbox) lost(c *bouncehouse.Chunk, name string) {
	c.Kind, c.Data = bouncehouse.Broken, ""
	c.Reason = fmt.Sprintf("mail %s is lost: it was removed after a crash, before it was stored", name)
	m.o.Log.Error("a mail that was about to be stored is gone", "stream", m.stream, "mail", name)
}

// Intend implements bouncehouse.Source.
func (m *mailbox) Intend(_ context.Context, b bouncehouse.Batch) error {
	if m.under == nil || m.under.in.Batch != b.ID {
		return fmt.Errorf("batch %s is not the one under way", b.ID)
	}
	if m.pos.Intent == m.under.in {
		return nil // it stands from before the crash
	}
	m.pos.Intent = m.under.in
	if err := m.store.save(m.pos); err != nil {
		m.pos.Intent = nil
		return err
	}
	return nil
}

// Commit implements bouncehouse.Source. The mails are noted as done before
// the intent is dropped: a crash in between repeats what the intent names.
func (m *mailbox) Commit(_ context.Context, b bouncehouse.Batch) error {
	u := m.under
	if u == nil || u.in.Batch != b.ID {
		return fmt.Errorf("batch %s is not the one under way", b.ID)
	}
	if err := m.done.add(append(slices.Clone(u.in.Mails), u.copies...)); err != nil {
		return err
	}
	was := *m.pos
	var wasKnown known
	m.pos.Intent, m.pos.Seq = nil, u.in.Seq+uint64(len(u.in.Mails))-1
	if u.known != nil {
		wasKnown = *u.known
		u.known.Read, u.known.Tail = u.in.To, u.tail
	}
	if err := m.store.save(m.pos); err != nil {
		*m.pos = was
		if u.known != nil {
			*u.known = wasKnown
		}
		return err
	}
	m.read.Add(u.bytes)
	m.left.Add(-u.bytes)
	m.under = nil
	return nil
}

// pause waits for d, or for the end of ctx: its error.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
