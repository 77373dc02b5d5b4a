package ingest

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

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
// or changed, unless it is the spool. What lies there as it lay when it was
// read is passed over; of all else the content decides.
type maildir struct {
	*mailbox
	dirs  *mailDirs    // in which the mails of the queue lie
	seen  [2]time.Time // when new and cur were last changed
	stale bool         // they had changed when last listed: list once more
	queue []mailFile   // listed and not yet read
	spool bool         // ours: what is done with is removed

	passed map[string]bool // what is no mail, and was told of

	front []byte // of the mail being read
	hash  *mailHash
}

// mailDirs are new and cur, open. Mails move from the first to the second.
type mailDirs [2]*os.File

var subs = [2]string{"new", "cur"}

type mailFile struct {
	sub          int // where it lies
	name, unique string
	info         fs.FileInfo
}

func (f *mailFile) place() mailID { return placeOf(f.info, f.unique) }

func openMaildir(path string, o Options) (Source, error) {
	if !isMaildir(path) {
		if _, err := os.ReadDir(path); err != nil {
			return nil, explain("open", path, err)
		}
		return nil, fmt.Errorf("open %s: a directory that is no Maildir (it has no cur and new): give a log file, an mbox or a Maildir", path)
	}
	box, err := openMailbox(path, o)
	if err != nil {
		return nil, err
	}
	m := &maildir{mailbox: box, spool: isSpool(path, o), passed: map[string]bool{}, front: make([]byte, maxMail),
		hash: newMailHash()}
	m.present = m.listPlaces
	if m.spool {
		m.tidy()
	}
	dirs, files, _, err := listMaildir(path)
	if err != nil {
		return nil, explain("open", path, err)
	}
	dirs.close()
	for _, f := range files {
		if !m.o.Mails.lies(f.place()) {
			m.left.Add(f.info.Size())
		}
	}
	if err := m.o.Mails.join(box); err != nil {
		return nil, err
	}
	return m, nil
}

// Close implements Source.
func (m *maildir) Close() error {
	m.dirs.close()
	m.dirs = nil
	return m.mailbox.Close()
}

func (m *maildir) listPlaces(yield func(place, id mailID)) error {
	dirs, files, _, err := listMaildir(m.path)
	if err != nil {
		return err
	}
	dirs.close()
	for _, f := range files {
		yield(f.place(), mailID{})
	}
	return nil
}

func openMailDirs(path string) (*mailDirs, error) {
	base, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer base.Close()
	d := new(mailDirs)
	for i, sub := range subs {
		if d[i], err = openAt(base, sub, unix.O_DIRECTORY); err != nil {
			d.close()
			return nil, err
		}
	}
	return d, nil
}

func (d *mailDirs) close() {
	if d == nil {
		return
	}
	for _, f := range d {
		if f != nil {
			f.Close()
		}
	}
}

const notRegular = "passed over: a mailbox is its owner's to prepare, and only regular files in it are read"

// passOver says once of each file that is no mail that it is not read.
func (m *maildir) passOver(others []mailFile) {
	for _, f := range others {
		place := filepath.Join(subs[f.sub], f.name)
		if m.passed[place] || len(m.passed) == maxPassed {
			continue
		}
		m.passed[place] = true
		m.o.Log.Warn(notRegular, "path", filepath.Join(m.path, place), "mode", f.info.Mode().Type().String())
	}
}

// listMaildir names all mails, in the order of their times, and others: what
// is there and is no regular file.
func listMaildir(path string) (_ *mailDirs, files, others []mailFile, err error) {
	dirs, err := openMailDirs(path)
	if err != nil {
		return nil, nil, nil, err
	}
	// A mail that is moved meanwhile may be listed in both.
	type name struct {
		unique string
		at     disk
	}
	met := map[name]bool{}
	for i, dir := range dirs {
		entries, err := dir.ReadDir(-1)
		if err != nil {
			dirs.close()
			return nil, nil, nil, err
		}
		for _, e := range entries {
			unique, _, _ := strings.Cut(e.Name(), ":")
			if strings.HasPrefix(unique, ".") {
				continue
			}
			info, err := e.Info()
			if errors.Is(err, fs.ErrNotExist) {
				continue // moved or removed just now
			}
			if err != nil {
				dirs.close()
				return nil, nil, nil, err
			}
			f := mailFile{i, e.Name(), unique, info}
			n := name{unique, inode(info)}
			switch {
			case !info.Mode().IsRegular():
				others = append(others, f)
			case !met[n]:
				met[n], files = true, append(files, f)
			}
		}
	}
	slices.SortFunc(files, func(a, b mailFile) int {
		if c := a.info.ModTime().Compare(b.info.ModTime()); c != 0 {
			return c
		}
		return strings.Compare(a.unique, b.unique)
	})
	return dirs, files, others, nil
}

// fill lists the mails not read yet, if the directories may hold any.
func (m *maildir) fill() error {
	var now [2]time.Time
	for i, sub := range subs {
		st, err := os.Stat(filepath.Join(m.path, sub))
		if err != nil {
			return err
		}
		now[i] = st.ModTime()
	}
	// A change within the clock's grain of the last listing shows no new
	// time: after a change it is listed twice, and while that is young.
	changed := now != m.seen
	for _, t := range now {
		changed = changed || !m.o.Once && m.o.Now().Sub(t).Abs() < youngMail
	}
	if !changed && !m.stale {
		return nil
	}
	dirs, files, others, err := listMaildir(m.path)
	if err != nil {
		return err
	}
	m.passOver(others)
	m.dirs.close()
	m.dirs, m.seen, m.stale = dirs, now, changed
	m.queue = slices.DeleteFunc(files, func(f mailFile) bool {
		if m.o.Mails.lies(f.place()) {
			if m.spool {
				m.drop(f)
			}
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
	b, ok, dropped := m.recover()
	if ok {
		return b, nil
	}
	if dropped {
		m.queue, m.seen = nil, [2]time.Time{}
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
		if b, ok := m.gather(); ok {
			return b, nil
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
func (m *maildir) gather() (b bouncehouse.Batch, ok bool) {
	under := &mailBatch{}
	size, looked, ids := 0, 0, map[mailID]bool{}
	for ; len(m.queue) > 0 && size < m.o.ChunkSize && len(under.mails) < maxMails && looked < 16*maxMails; looked++ {
		f := m.queue[0]
		m.queue = m.queue[1:]
		mail, err := m.readMail(f)
		if err != nil {
			m.stale = true // moved to cur, removed, or changed meanwhile
			continue
		}
		switch {
		case ids[mail.id]:
			under.copies = append(under.copies, mail.doneMail)
		default:
			switch m.o.Mails.claim(mail.id, mail.former...) {
			case isClaimed:
				m.stale = true // looked at again once that is settled
				continue
			case isDone:
				under.copies = append(under.copies, mail.doneMail)
			case claimed:
				ids[mail.id] = true
				m.add(under, mail.doneMail, mail.chunk)
				size += len(mail.chunk.Data)
			}
		}
		under.bytes += f.info.Size()
	}
	m.stale = m.stale || m.spool && under.bytes > 0 // to be looked at once these are durable
	if len(under.mails) > 0 {
		return m.take(under), true
	}
	m.gone(under.bytes)
	m.o.Mails.note(under.copies...)
	return b, false
}

// metMail is a mail as it was read.
type metMail struct {
	doneMail
	former []mailID // by which earlier versions knew it, where that matters
	chunk  bouncehouse.Chunk
}

// errChanged: a mail is not what it was when it was listed.
var errChanged = errors.New("the mail changed while it was read")

// readMail reads a mail, its front at least. What cannot be read becomes a
// broken chunk, known by its name until it can be.
func (m *maildir) readMail(f mailFile) (metMail, error) {
	mail := metMail{chunk: bouncehouse.Chunk{Kind: bouncehouse.Mail, File: f.name, Ref: f.info.ModTime()}}
	fail := func(err error) (metMail, error) {
		mail.id = sumOf("unreadable " + f.unique)
		mail.chunk.Kind, mail.chunk.Reason = bouncehouse.Broken, explain("read", f.name, err).Error()
		return mail, nil
	}
	file, err := openAt(m.dirs[f.sub], f.name, 0)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, unix.ELOOP), errors.Is(err, unix.ENXIO):
		return mail, errChanged
	case err != nil:
		return fail(err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return fail(err)
	}
	if !info.Mode().IsRegular() || !os.SameFile(info, f.info) {
		return mail, errChanged
	}
	c, err := openContent(file) // Dovecot's zlib plugin packs mails
	if err != nil {
		return fail(err)
	}
	defer c.close()
	content, size := io.Reader(file), info.Size()
	if c.packed() {
		content, size = io.NewSectionReader(c, 0, hashMax), 0
	}
	raw := sha256.New()
	sums := io.Writer(m.hash)
	if m.o.Mails.upgraded() {
		sums = io.MultiWriter(m.hash, raw)
	}
	n, err := io.ReadFull(content, m.front)
	front := m.front[:n]
	m.hash.reset()
	sums.Write(front)
	switch {
	case err == nil:
		_, err = io.Copy(sums, io.LimitReader(content, hashMax-maxMail))
	case !damaged(err) && (errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)):
		err = nil
	}
	if err != nil {
		return fail(err)
	}
	after, err := file.Stat()
	if err != nil {
		return fail(err)
	}
	if diskOf(after) != diskOf(info) {
		return mail, errChanged
	}
	m.hash.size = max(m.hash.size, size) // what is beyond hashMax was not read
	mail.id, mail.place = m.hash.ID(), placeOf(info, f.unique)
	mail.chunk.Data, mail.chunk.Ref = string(front), info.ModTime()
	if m.o.Mails.upgraded() {
		mail.former = []mailID{mailID(raw.Sum(nil)[:16]), formerMboxID(mail.chunk.Data)}
	}
	switch name := packing(front[:min(n, 8)]); name {
	case "xz", "lz4", "compress (.Z)", "zip", "7z", "gzip", "zstd", "bzip2": // or packed twice
		mail.chunk.Kind, mail.chunk.Reason = bouncehouse.Broken, "the mail is "+name+", which is not read"
	}
	if mail.chunk.Data == "" {
		mail.chunk.Kind, mail.chunk.Reason = bouncehouse.Broken, "the mail is empty"
	}
	return mail, nil
}
