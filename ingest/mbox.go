package ingest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/bouncehouse/bouncehouse"
)

// mbox is the source of an mbox, which may grow, be emptied and be rewritten;
// or of a file that is one mail.
//
// A mail begins at a "From " line, at the file's start or after an empty
// line; only lines with a time of day count, since a body may have a line
// that begins so. The last mail is whole once the file is quiet and an empty
// line ends it (or, without one, after patience). Where the file was
// rewritten (a mail program removed mails from it) it is read anew, and mails
// met before are known by their content.
type mbox struct {
	*mailbox
	single bool // the file is one mail
}

func openMbox(path string, kind fileKind, o Options) (Source, error) {
	box, err := openMailbox(path, o)
	if err != nil {
		return nil, err
	}
	box.pos.Kind = kind
	m := &mbox{box, kind == kindMail}
	st, err := os.Stat(path)
	if err == nil {
		err = m.prune(st.Size())
	}
	if err != nil {
		m.done.close()
		return nil, explain("open", path, err)
	}
	m.left.Store(st.Size())
	if n := len(m.pos.Files); n > 0 {
		m.left.Add(-min(st.Size(), m.pos.Files[n-1].Read))
	}
	return m, nil
}

// prune forgets the mails of earlier forms of the file, when the present one
// was read.
func (m *mbox) prune(size int64) error {
	n := len(m.pos.Files)
	if n == 0 || m.pos.Files[n-1].Read != size {
		return nil
	}
	last := m.pos.Files[n-1].ID
	return m.done.prune(func(name string) bool { return len(name) > 32 && name[:32] == last })
}

// box is the open file.
type box struct {
	f       *os.File
	content *content
	info    os.FileInfo
	known   *known
}

func (b *box) close() {
	b.content.close()
	b.f.Close()
}

// open opens the file and finds out where in it we are; nil where nothing is
// in it.
func (m *mbox) open() (*box, error) {
	f, err := os.Open(m.path)
	if err != nil {
		return nil, err
	}
	b := &box{f: f}
	if b.info, err = f.Stat(); err == nil {
		b.content, err = openContent(f)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	k, what, err := m.pos.recognise(b.content, true, m.o.Once || m.quiet(b.info, quiet))
	if err != nil || what == notYet {
		b.close()
		return nil, err
	}
	if what == isNew {
		k.Name = filepath.Base(m.path)
		m.pos.Files = append(m.pos.Files, k)
		if n := len(m.pos.Files); n > maxGone {
			m.pos.Files = slices.Delete(m.pos.Files, 0, n-maxGone)
		}
	}
	b.known = k
	return b, nil
}

func (m *mbox) quiet(info os.FileInfo, d time.Duration) bool {
	return m.o.Now().Sub(info.ModTime()) >= d
}

// Read implements bouncehouse.Source: several mails a batch.
func (m *mbox) Read(ctx context.Context) (bouncehouse.Batch, error) {
	m.under = nil
	if m.pos.Intent != nil {
		return m.recover()
	}
	var last os.FileInfo
	settled := false // the file had been quiet for long when last read
	for {
		if err := ctx.Err(); err != nil {
			return bouncehouse.Batch{}, err
		}
		st, err := os.Stat(m.path)
		if err == nil && (last == nil || !settled || diskOf(st) != diskOf(last)) {
			last, settled = st, m.quiet(st, patience)
			var b bouncehouse.Batch
			var ok bool
			if b, ok, err = m.gather(); ok {
				return b, nil
			}
		}
		if m.o.Once || m.single && err == nil && settled {
			if err != nil {
				return bouncehouse.Batch{}, explain("read", m.path, err)
			}
			return bouncehouse.Batch{}, io.EOF
		}
		m.trouble(err)
		if err := pause(ctx, poll); err != nil {
			return bouncehouse.Batch{}, err
		}
	}
}

// gather reads the batch that comes next; not ok where no mail is whole.
func (m *mbox) gather() (b bouncehouse.Batch, ok bool, err error) {
	f, err := m.open()
	if err != nil || f == nil {
		return b, false, err
	}
	defer f.close()
	in := &intent{
		Seq: m.pos.Seq + 1, File: f.known.ID, Name: filepath.Base(m.path), Kind: bouncehouse.Mail,
		From: f.known.Read, To: f.known.Read, Ref: f.info.ModTime(), Host: m.o.Host, Zone: m.o.Zone,
	}
	under := &mailsUnder{in: in, known: f.known}
	ids := map[string]bool{}
	var split splitter
	for size := 0; size < m.o.ChunkSize && len(in.Mails) < maxMails; {
		mail, err := split.next(f.content, in.To, m.single)
		if err != nil {
			return b, false, err
		}
		if mail == nil || mail.last && !m.whole(f, mail) {
			break
		}
		in.To = mail.to
		id := mailID(mail.data)
		note := mailIntent{Name: fmt.Sprintf("%s-%d", f.known.ID, mail.at), File: id, Ref: in.Ref, Reason: mail.reason}
		if mail.reason == "" && (ids[id] || m.done.hasContent(id)) {
			under.copies = append(under.copies, note)
			continue
		}
		ids[id] = true
		in.Mails = append(in.Mails, note)
		b.Chunks = append(b.Chunks, m.chunk(in, len(in.Mails)-1, mail))
		size += len(mail.data)
	}
	if in.To == in.From {
		return b, false, nil
	}
	if under.tail, _, err = tailSum(f.content, in.To); err != nil {
		return b, false, err
	}
	under.bytes = in.To - in.From
	if len(in.Mails) == 0 {
		// Mails met before only: the position moves with the next commit.
		return b, false, m.skip(under)
	}
	in.Batch = m.batchOf(in.Mails)
	b.ID, m.under = in.Batch, under
	return b, true, nil
}

// skip moves past a range in which all mails were met before.
func (m *mbox) skip(u *mailsUnder) error {
	if err := m.done.add(u.copies); err != nil {
		return err
	}
	u.known.Read, u.known.Tail = u.in.To, u.tail
	return m.store.save(m.pos)
}

// whole tells whether the file's last mail is.
func (m *mbox) whole(f *box, mail *mboxMail) bool {
	return m.o.Once || f.content.packed() || m.quiet(f.info, quiet) && (mail.closed || m.single) || m.quiet(f.info, patience)
}

func (m *mbox) chunk(in *intent, i int, mail *mboxMail) bouncehouse.Chunk {
	c := bouncehouse.Chunk{
		Stream: m.stream, Seq: in.Seq + uint64(i), FileID: in.File, File: in.Name, Kind: bouncehouse.Mail,
		Host: in.Host, Zone: in.Zone, Ref: in.Ref, Offset: mail.at, Data: mail.data,
	}
	if mail.reason != "" {
		c.Kind, c.Reason = bouncehouse.Broken, mail.reason
	}
	return c
}

// recover reads the mails of the standing intent again.
func (m *mbox) recover() (bouncehouse.Batch, error) {
	in := m.pos.Intent
	f, err := m.open()
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return bouncehouse.Batch{}, explain("open", m.path, err)
	}
	m.under = &mailsUnder{in: in}
	found := map[string]*mboxMail{}
	if f != nil {
		defer f.close()
		if f.known.ID == in.File {
			m.under.known, m.under.bytes = f.known, in.To-in.From
			var split splitter
			for at := in.From; at < in.To; {
				mail, err := split.next(io.NewSectionReader(f.content, 0, in.To), at, m.single)
				if err != nil {
					return bouncehouse.Batch{}, explain("read", m.path, err)
				}
				if mail == nil {
					break
				}
				at = mail.to
				found[strconv.FormatInt(mail.at, 10)] = mail
			}
			if m.under.tail, _, err = tailSum(f.content, in.To); err != nil {
				return bouncehouse.Batch{}, explain("read", m.path, err)
			}
		}
	}
	b := bouncehouse.Batch{ID: in.Batch, Recover: true}
	for i, note := range in.Mails {
		at := note.Name[len(in.File)+1:]
		mail := found[at]
		if mail != nil && mailID(mail.data) == note.File {
			b.Chunks = append(b.Chunks, m.chunk(in, i, mail))
			continue
		}
		off, _ := strconv.ParseInt(at, 10, 64)
		c := m.chunk(in, i, &mboxMail{at: off})
		m.lost(&c, "at "+at+" of "+in.Name)
		b.Chunks = append(b.Chunks, c)
	}
	return b, nil
}

// mboxMail is a mail within an mbox.
type mboxMail struct {
	at     int64 // where it begins, after its "From " line
	to     int64 // where the next one begins
	data   string
	last   bool // the file ends with it
	closed bool // by an empty line
	reason string
}

// splitter cuts an mbox into its mails.
type splitter struct{ buf []byte }

const (
	smallBlock = 64 << 10 // most mails end in it
	bigBlock   = maxMail + 64<<10
	fromMax    = 1 << 10 // how long a "From " line with the empty one before it may be
)

// next cuts the mail at off; nil where there is none. single says that all of
// the file is one.
func (s *splitter) next(r io.ReaderAt, off int64, single bool) (*mboxMail, error) {
	m, err := s.cut(r, off, single, smallBlock)
	if m == nil && err == nil {
		m, err = s.cut(r, off, single, bigBlock)
	}
	return m, err
}

// cut is next, reading blocks of a size; of a mail that goes on past a small
// one there is nothing.
func (s *splitter) cut(r io.ReaderAt, off int64, single bool, block int) (*mboxMail, error) {
	if cap(s.buf) < block {
		s.buf = make([]byte, block)
	}
	buf := s.buf[:block]
	n, err := r.ReadAt(buf, off)
	if err != nil && !errors.Is(err, io.EOF) && !damaged(err) {
		return nil, err
	}
	data := buf[:n]
	start := n - len(bytes.TrimLeft(data, "\r\n"))
	if start == n {
		return nil, nil
	}
	if bytes.HasPrefix(data[start:], []byte("From ")) {
		end := bytes.IndexByte(data[start:], '\n')
		if end < 0 {
			return nil, nil
		}
		start += end + 1
	}
	m := &mboxMail{at: off + int64(start)}
	// The search is for an empty line, then "From ": in blocks that overlap,
	// of which the first holds all that is kept of the mail.
	kept := data[start:]
	for at := off; ; {
		next := -1
		from := 0
		if at == off {
			from = max(0, start-1)
		}
		if !single {
			next = nextFrom(data, from)
		}
		if next >= 0 {
			m.to = at + int64(next)
			break
		}
		if len(data) < block {
			m.to, m.last = at+int64(len(data)), true
			m.closed = bytes.HasSuffix(data, []byte("\n\n")) || bytes.HasSuffix(data, []byte("\n\r\n"))
			break
		}
		if block == smallBlock {
			return nil, nil
		}
		if at == off {
			kept = bytes.Clone(kept[:min(len(kept), maxMail)])
		}
		at += int64(block - fromMax)
		n, err = r.ReadAt(buf, at)
		if err != nil && !errors.Is(err, io.EOF) && !damaged(err) {
			return nil, err
		}
		data = buf[:n]
	}
	if size := m.to - m.at; size < int64(len(kept)) {
		kept = kept[:size]
	}
	if len(kept) > maxMail {
		kept = kept[:maxMail]
	} else if !single {
		kept = trimBlank(kept) // the empty line before the next "From "
	}
	m.data = string(kept)
	if damaged(err) && m.last {
		m.reason = err.Error()
	}
	return m, nil
}

// nextFrom is where in data, from the given place on, the next mail begins.
func nextFrom(data []byte, from int) int {
	for {
		n := bytes.Index(data[from:], []byte("\nFrom "))
		if n < 0 {
			return -1
		}
		at := from + n + 1
		before := bytes.TrimSuffix(data[:at-1], []byte("\r"))
		if len(before) > 0 && before[len(before)-1] == '\n' && mboxStart.Match(data[at:min(len(data), at+fromMax)]) {
			return at
		}
		from = at
	}
}

func trimBlank(data []byte) []byte {
	for _, end := range []string{"\r\n\r\n", "\n\n"} {
		if bytes.HasSuffix(data, []byte(end)) {
			return data[:len(data)-len(end)/2]
		}
	}
	return data
}

// Mail programs keep what they know of a mail in its header.
var mailState = regexp.MustCompile(`(?i)^(status|x-status|x-keywords|x-uid|x-imap|x-imapbase|x-mozilla-status2?|x-mozilla-keys|content-length|lines):`)

// mailID is a hash of the mail without what mail programs change in it.
func mailID(data string) string {
	h := sha256.New()
	rest := []byte(data)
	for len(rest) > 0 {
		n := bytes.IndexByte(rest, '\n') + 1
		if n <= 2 && len(bytes.TrimSpace(rest[:n])) == 0 {
			break // the body, or no line end
		}
		if !mailState.Match(rest[:n]) {
			h.Write(rest[:n])
		}
		rest = rest[n:]
	}
	h.Write(rest)
	return hex.EncodeToString(h.Sum(nil)[:16])
}
