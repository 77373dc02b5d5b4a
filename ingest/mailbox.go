package ingest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/bouncehouse/bouncehouse"
)

// mailbox is what Maildirs and mboxes have in common: batches of several
// mails, each known by its content.
type mailbox struct {
	o      Options
	path   string
	stream string
	seq    uint64     // of the last mail brought
	under  *mailBatch // was read and is not committed
	told   string     // the last trouble said

	// present calls yield for each mail that lies here: with its place, or,
	// where it shares a file with others, with its id. It may be called while
	// the source reads.
	present func(yield func(place, id mailID)) error

	read, left atomic.Int64
}

// openMailbox makes what is common. Mails are numbered from the clock: no
// position is kept, and no number may come again.
func openMailbox(path string, o Options) (*mailbox, error) {
	if o.Mails == nil {
		var err error
		if o.Mails, err = OpenMails(o.State, o.Log); err != nil {
			return nil, err
		}
	}
	return &mailbox{o: o, path: path, stream: o.Host + ":" + label(path), seq: uint64(o.Now().UnixMicro())}, nil
}

// Stream implements Source.
func (m *mailbox) Stream() string { return m.stream }

// Progress implements Source.
func (m *mailbox) Progress() (done, total int64) {
	done = m.read.Load()
	return done, done + max(0, m.left.Load())
}

// Hold implements bouncehouse.Holder: a directory's mails cannot be held.
func (m *mailbox) Hold() {}

// Close implements Source.
func (m *mailbox) Close() error {
	m.o.Mails.leave(m)
	if m.under != nil {
		m.o.Mails.release(m.under)
		m.under = nil
	}
	return nil
}

// recover is the batch that has to come first, if one stands: that under way,
// or one that a crash left. dropped tells that what was read last was given up.
func (m *mailbox) recover() (b bouncehouse.Batch, ok, dropped bool) {
	if m.under != nil && !m.under.standing {
		m.o.Mails.release(m.under)
		m.under, dropped = nil, true
	}
	if m.under == nil {
		m.under = m.o.Mails.next()
	}
	if m.under == nil {
		return b, false, dropped
	}
	b = m.under.Batch
	b.Recover = true
	return b, true, dropped
}

// add puts a mail that was claimed into the batch being gathered.
func (m *mailbox) add(b *mailBatch, mail doneMail, c bouncehouse.Chunk) {
	c.Stream, c.Seq, c.FileID = m.stream, m.seq+1+uint64(len(b.Chunks)), mail.id.String()
	c.Host, c.Zone = m.o.Host, m.o.Zone
	b.mails, b.Chunks = append(b.mails, mail), append(b.Chunks, c)
}

// take makes b the batch under way, named by the mails in it.
func (m *mailbox) take(b *mailBatch) bouncehouse.Batch {
	h := sha256.New()
	for _, mail := range b.mails {
		io.WriteString(h, mail.id.String()+"\n")
	}
	b.ID = shortHash(m.stream) + "-mail-" + hex.EncodeToString(h.Sum(nil)[:12])
	m.under = b
	return b.Batch
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

// Intend implements bouncehouse.Source.
func (m *mailbox) Intend(_ context.Context, b bouncehouse.Batch) error {
	if m.under == nil || m.under.ID != b.ID {
		return fmt.Errorf("batch %s is not the one under way", b.ID)
	}
	if m.under.standing {
		return nil // from before the crash
	}
	if err := m.o.Mails.intend(m.under); err != nil {
		return err
	}
	m.seq += uint64(len(m.under.mails))
	return nil
}

// Commit implements bouncehouse.Source.
func (m *mailbox) Commit(_ context.Context, b bouncehouse.Batch) error {
	if m.under == nil || m.under.ID != b.ID {
		return fmt.Errorf("batch %s is not the one under way", b.ID)
	}
	if err := m.o.Mails.commit(m.under); err != nil {
		return err
	}
	m.gone(m.under.bytes)
	m.under = nil
	return nil
}

// gone counts bytes as read.
func (m *mailbox) gone(bytes int64) {
	m.read.Add(bytes)
	m.left.Add(-bytes)
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
