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
	"slices"
	"strings"
	"time"

	"github.com/bouncehouse/bouncehouse"
)

const (
	// maxMail is how much of a mail is taken: a report stands before the mail
	// that it returns, and a chunk has to pass Kafka's limit of 1 MiB.
	maxMail   = 900 << 10
	maxMails  = 256             // of a batch
	youngMail = 2 * time.Second // a mail that changed later may be on its way
)

// maildir is the source of a Maildir: new and cur, of which nothing is moved
// or changed, unless it is the spool. A mail is known by its unique name and by its content, so that
// neither flags nor a copy bring it twice.
type maildir struct {
	*mailbox
	seen  [2]time.Time // when new and cur were last changed
	stale bool         // they had changed when last listed: list once more
	queue []mailFile   // listed and not yet read
	spool bool         // ours: what is done with is removed
}

type mailFile struct {
	path, unique string
	info         os.FileInfo
}

func openMaildir(path string, o Options) (Source, error) {
	for _, sub := range []string{"cur", "new"} {
		st, err := os.Stat(filepath.Join(path, sub))
		if errors.Is(err, fs.ErrNotExist) || err == nil && !st.IsDir() {
			return nil, fmt.Errorf("open %s: a directory that is no Maildir (it has no cur and new): give a log file, an mbox or a Maildir", path)
		}
		if err == nil {
			_, err = os.ReadDir(filepath.Join(path, sub))
		}
		if err != nil {
			return nil, explain("open", filepath.Join(path, sub), err)
		}
	}
	box, err := openMailbox(path, o)
	if err != nil {
		return nil, err
	}
	m := &maildir{mailbox: box, spool: isSpool(path, o)}
	if m.spool {
		m.tidy()
	}
	files, err := m.list()
	if err != nil {
		m.done.close()
		return nil, explain("open", path, err)
	}
	for _, f := range files {
		if !m.done.hasName(f.unique) {
			m.left.Add(f.info.Size())
		}
	}
	if err := m.prune(files); err != nil {
		m.done.close()
		return nil, err
	}
	return m, nil
}

// prune forgets the mails that are not among files.
func (m *maildir) prune(files []mailFile) error {
	there := make(map[string]bool, len(files))
	for _, f := range files {
		there[f.unique] = true
	}
	return m.done.prune(func(name string) bool { return there[name] })
}

// list names all mails, in the order of their times. new is listed first:
// mails move from it to cur.
func (m *maildir) list() ([]mailFile, error) {
	var files []mailFile
	met := map[string]bool{}
	for _, sub := range []string{"new", "cur"} {
		entries, err := os.ReadDir(filepath.Join(m.path, sub))
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			unique, _, _ := strings.Cut(strings.ReplaceAll(e.Name(), "\n", "?"), ":")
			if strings.HasPrefix(unique, ".") || met[unique] {
				continue
			}
			path := filepath.Join(m.path, sub, e.Name())
			info, err := e.Info()
			if errors.Is(err, fs.ErrNotExist) {
				continue // moved or removed just now
			}
			if err != nil {
				return nil, err
			}
			if info.Mode().IsRegular() {
				met[unique] = true
				files = append(files, mailFile{path, unique, info})
			}
		}
	}
	slices.SortFunc(files, func(a, b mailFile) int {
		if c := a.info.ModTime().Compare(b.info.ModTime()); c != 0 {
			return c
		}
		return strings.Compare(a.unique, b.unique)
	})
	return files, nil
}

// fill lists the mails not read yet, if the directories may hold any.
func (m *maildir) fill() error {
	var now [2]time.Time
	for i, sub := range []string{"new", "cur"} {
		st, err := os.Stat(filepath.Join(m.path, sub))
		if err != nil {
			return err
		}
		now[i] = st.ModTime()
	}
	// A change within the clock's grain of the last listing shows no new
	// time: after a change it is listed twice.
	changed := now != m.seen
	if !changed && !m.stale {
		return nil
	}
	files, err := m.list()
	if err != nil {
		return err
	}
	if m.spool {
		files = m.dropDone(files)
	}
	if len(m.done.names) > 2*len(files)+1000 {
		if err := m.prune(files); err != nil {
			return err
		}
	}
	m.seen, m.stale = now, changed
	m.queue = slices.DeleteFunc(files, func(f mailFile) bool {
		if m.done.hasName(f.unique) {
			return true
		}
		// Delivery moves whole mails here, but people also copy them.
		age := m.o.Now().Sub(f.info.ModTime())
		young := !m.o.Once && age.Abs() < youngMail
		m.stale = m.stale || young
		return young
	})
	return nil
}

// Read implements bouncehouse.Source: several mails a batch.
func (m *maildir) Read(ctx context.Context) (bouncehouse.Batch, error) {
	if m.under != nil {
		m.under, m.queue, m.seen = nil, nil, [2]time.Time{}
	}
	if m.pos.Intent != nil {
		return m.recover()
	}
	for {
		if err := ctx.Err(); err != nil {
			return bouncehouse.Batch{}, err
		}
		var err error
		if len(m.queue) == 0 {
			err = m.fill()
		}
		if err != nil && m.o.Once {
			return bouncehouse.Batch{}, explain("read", m.path, err)
		}
		m.trouble(err)
		if b, ok, err := m.gather(); ok || err != nil {
			return b, err
		}
		if len(m.queue) > 0 {
			continue
		}
		if m.o.Once {
			return bouncehouse.Batch{}, io.EOF
		}
		if err := pause(ctx, poll); err != nil {
			return bouncehouse.Batch{}, err
		}
	}
}

// gather reads a batch off the queue; not ok where there is nothing new in it.
func (m *maildir) gather() (b bouncehouse.Batch, ok bool, err error) {
	in := &intent{Seq: m.pos.Seq + 1, Kind: bouncehouse.Mail, Host: m.o.Host, Zone: m.o.Zone, Ref: m.o.Now()}
	under := &mailsUnder{in: in}
	size, ids := 0, map[string]bool{}
	for len(m.queue) > 0 && size < m.o.ChunkSize && len(in.Mails) < maxMails {
		f := m.queue[0]
		m.queue = m.queue[1:]
		data, mail, err := readMail(f)
		if errors.Is(err, fs.ErrNotExist) {
			m.stale = true // moved to cur, or removed
			continue
		}
		if err != nil {
			return b, false, explain("read", f.path, err)
		}
		under.bytes += f.info.Size()
		if ids[mail.File] || m.done.hasContent(mail.File) {
			under.copies = append(under.copies, mail)
			continue
		}
		ids[mail.File] = true
		in.Mails = append(in.Mails, mail)
		b.Chunks = append(b.Chunks, m.chunk(in, len(in.Mails)-1, f.path, data))
		size += len(data)
	}
	if len(in.Mails) == 0 {
		if len(under.copies) > 0 {
			if err := m.done.add(under.copies); err != nil {
				return b, false, err
			}
		}
		return b, false, nil
	}
	in.Batch = m.batchOf(in.Mails)
	b.ID, m.under = in.Batch, under
	m.stale = m.stale || m.spool // to be looked at once these are durable
	return b, true, nil
}

// readMail reads a mail, its front at least, and hashes all of it. What
// cannot be read is told in the mail's Reason, but for a file that is gone.
func readMail(f mailFile) (data string, mail mailIntent, err error) {
	mail = mailIntent{Name: f.unique, Ref: f.info.ModTime()}
	file, err := os.Open(f.path)
	if err == nil {
		defer file.Close()
		h := sha256.New()
		var front bytes.Buffer
		if _, err = io.Copy(h, io.TeeReader(io.LimitReader(file, maxMail), &front)); err == nil {
			_, err = io.Copy(h, file)
		}
		mail.File = hex.EncodeToString(h.Sum(nil)[:16])
		data = front.String()
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", mail, err
	case err != nil:
		mail.File, mail.Reason = identify([]byte(f.unique), 0), explain("read", f.path, err).Error()
		return "", mail, nil
	case data == "":
		mail.File, mail.Reason = identify([]byte(f.unique), 0), "the mail is empty"
	}
	return data, mail, nil
}

// chunk makes the chunk of the i-th mail of an intent.
func (m *maildir) chunk(in *intent, i int, path, data string) bouncehouse.Chunk {
	mail := in.Mails[i]
	c := bouncehouse.Chunk{
		Stream: m.stream, Seq: in.Seq + uint64(i), FileID: mail.File, File: filepath.Base(path), Kind: bouncehouse.Mail,
		Host: in.Host, Zone: in.Zone, Ref: mail.Ref, Data: data,
	}
	if mail.Reason != "" {
		c.Kind, c.Reason, c.Data = bouncehouse.Broken, mail.Reason, ""
	}
	return c
}

// recover reads the mails of the standing intent again.
func (m *maildir) recover() (bouncehouse.Batch, error) {
	in := m.pos.Intent
	files, err := m.list()
	if err != nil {
		return bouncehouse.Batch{}, explain("read", m.path, err)
	}
	m.under = &mailsUnder{in: in}
	b := bouncehouse.Batch{ID: in.Batch, Recover: true}
	for i, mail := range in.Mails {
		data, path, err := m.again(files, mail)
		if err != nil {
			return bouncehouse.Batch{}, err
		}
		c := m.chunk(in, i, path, data)
		if path == mail.Name && mail.Reason == "" {
			m.lost(&c, mail.Name)
		}
		m.under.bytes += int64(len(data))
		b.Chunks = append(b.Chunks, c)
	}
	return b, nil
}

// again reads a mail of an intent; path is its bare name where it is gone.
func (m *maildir) again(files []mailFile, mail mailIntent) (data, path string, err error) {
	for _, f := range files {
		if f.unique != mail.Name {
			continue
		}
		if mail.Reason != "" {
			return "", f.path, nil
		}
		data, now, err := readMail(f)
		if errors.Is(err, fs.ErrNotExist) {
			break
		}
		if err != nil {
			return "", "", err
		}
		if now.File == mail.File {
			return data, f.path, nil
		}
	}
	return "", mail.Name, nil
}
