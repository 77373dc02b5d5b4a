package ingest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
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
// that begins so, and those with nothing in them before a header field, which
// Thunderbird writes. The last mail is whole once the file is quiet and an empty
// line ends it (or, without one, after patience).
//
// What is appended is read as it comes. Since a mail program may have changed
// anything before it, the file is gone through from its beginning, too,
// whenever it has been quiet for patience after a change, and at a start if it
// is not as it was: mails that were read are known by their content.
//
// Whatever comes to the path is opened as soon as it is seen: it may be moved
// away with what came since, and another after it.
type mbox struct {
	*mailbox
	single bool // the file is one mail

	files  []*mboxFile // the one at the path, and those that were moved away and have something left
	half   bool        // this look, a last mail may be on its way, or a file is locked
	waited int         // with Once: how often that was waited for
}

// mboxFile is an open file of an mbox.
type mboxFile struct {
	f       *os.File
	info    fs.FileInfo
	at      int64  // mails before it were met
	tail    string // tailSum at it
	counted int64  // in Progress
	last    disk   // the file at the last look
	pass    bool   // all before at was met while the file was as in last
	seen    disk   // the file when quiet was asked last
	still   int    // for how many looks it was so
	checked disk   // all of the file was met while it was so
	locked  int    // how many looks found it locked, one after the other
	lengths bool   // all mails before at have their length: see splitter
}

func openMbox(path string, kind fileKind, o Options) (Source, error) {
	st, err := os.Stat(path)
	if err != nil {
		return nil, explain("open", path, err)
	}
	m, err := newMbox(path, kind, o)
	if err != nil {
		return nil, err
	}
	if !m.o.Mails.lies(placeOf(st, "")) {
		m.left.Store(st.Size())
	}
	return m, nil
}

// newMbox makes the source without a look at the path.
func newMbox(path string, kind fileKind, o Options) (*mbox, error) {
	box, err := openMailbox(path, o)
	if err != nil {
		return nil, err
	}
	m := &mbox{mailbox: box, single: kind == kindMail}
	m.present = m.eachMail
	return m, m.o.Mails.join(box)
}

// hold takes over files that are open, and may have been moved away.
func (m *mbox) hold(files []*os.File) error {
	for _, f := range files {
		info, err := f.Stat()
		if err != nil {
			return err
		}
		m.files = append(m.files, &mboxFile{f: f, info: info})
	}
	return nil
}

// Hold implements bouncehouse.Holder.
func (m *mbox) Hold() {
	if _, err := m.meet(); !errors.Is(err, fs.ErrNotExist) {
		m.trouble(err)
	}
}

// maxBoxes is how many mboxes that stood at the path are held open until they are
// read: a consumer that takes one away each hour, over days without ClickHouse.
const maxBoxes = 256

// eachMail is present.
func (m *mbox) eachMail(yield func(place, id mailID)) error {
	f, _, err := openRegular(m.path)
	if err != nil {
		return err
	}
	defer f.Close()
	unlock, err := lockMbox(f, m.path, m.o.Now())
	if err != nil {
		return err
	}
	defer unlock()
	info, err := f.Stat()
	if err != nil || info.Size() == 0 {
		return err
	}
	c, err := openContent(f)
	if err != nil {
		return err
	}
	defer c.close()
	yield(placeOf(info, ""), mailID{})
	split := splitter{ids: newMailHash()}
	for at := int64(0); ; {
		mail, err := split.next(c, at, m.single)
		if mail == nil || err != nil {
			return err
		}
		yield(mailID{}, mail.id)
		at = mail.to
	}
}

// quiet tells whether the file did not change for so long: by its time, or by our
// looks where that lies ahead, as of a server whose clock does.
func (m *mbox) quiet(f *mboxFile, d time.Duration) bool {
	if now := diskOf(f.info); f.seen != now {
		f.seen, f.still = now, 0
	}
	return m.o.Now().Sub(f.info.ModTime()) >= d || time.Duration(f.still)*poll >= d
}

// Read implements bouncehouse.Source: several mails a batch.
func (m *mbox) Read(ctx context.Context) (bouncehouse.Batch, error) {
	b, ok, dropped := m.recover()
	if ok {
		return b, nil
	}
	if dropped {
		for _, f := range m.files {
			f.at, f.tail = 0, ""
		}
	}
	for {
		if err := ctx.Err(); err != nil {
			return bouncehouse.Batch{}, err
		}
		b, end, err := m.look(ctx)
		switch {
		case err == nil && len(b.Chunks) > 0:
			return b, nil
		case err != nil && m.o.Once:
			return bouncehouse.Batch{}, explain("read", m.path, err)
		case m.o.Once && !m.half, err == nil && end && m.single && len(m.files) == 1:
			return bouncehouse.Batch{}, io.EOF
		case m.o.Once && m.waited > 2*int(quiet/poll):
			m.o.Log.Info("left for the next run: the mailbox is still being written to", "stream", m.stream)
			return bouncehouse.Batch{}, io.EOF
		}
		m.trouble(err)
		m.waited++
		for _, f := range m.files {
			f.still++
		}
		if err := pause(ctx, poll); err != nil {
			return bouncehouse.Batch{}, err
		}
	}
}

// look reads what is new: first of files that were moved away, then of that at
// the path. end tells that it has nothing, and has been quiet.
func (m *mbox) look(ctx context.Context) (b bouncehouse.Batch, end bool, err error) {
	m.half = false
	here, err := m.meet()
	for _, f := range slices.Clone(m.files) {
		if f == here {
			continue
		}
		b, end, err := m.lookAt(ctx, f, quiet)
		if len(b.Chunks) > 0 || err != nil && (m.o.Once || ctx.Err() != nil) {
			return b, false, err
		}
		if end || err != nil && !errors.Is(err, errLocked) { // then it has nothing more that could be read
			m.letGo(f)
		}
	}
	if here == nil {
		return b, false, err
	}
	return m.lookAt(ctx, here, patience)
}

// meet opens what stands at the path, if that is no file that is open.
func (m *mbox) meet() (here *mboxFile, err error) {
	info, err := os.Stat(m.path)
	if err != nil {
		return nil, err
	}
	open := func() *mboxFile {
		for _, f := range m.files {
			if os.SameFile(f.info, info) {
				return f
			}
		}
		return nil
	}
	if here = open(); here != nil {
		return here, nil
	}
	if len(m.files) == maxBoxes {
		return nil, fmt.Errorf("%d files that stood here are not read yet: what comes now may be missed", maxBoxes)
	}
	f, info, err := openRegular(m.path)
	if err != nil {
		return nil, err
	}
	if here = open(); here != nil { // it came back just now
		f.Close()
		return here, nil
	}
	here = &mboxFile{f: f, info: info}
	m.files = append(m.files, here)
	return here, nil
}

// lookAt reads what is new in a file. end tells that nothing is, and that it has
// been quiet for so long.
func (m *mbox) lookAt(ctx context.Context, f *mboxFile, rest time.Duration) (b bouncehouse.Batch, end bool, err error) {
	for more := true; more; { // between the two, its writers can have the lock
		b, end, more, err = m.part(ctx, f, rest)
	}
	return b, end, err
}

// part is lookAt for so much of the file as may be read under one lock; more
// tells that there is more.
func (m *mbox) part(ctx context.Context, f *mboxFile,
	rest time.Duration) (b bouncehouse.Batch, end, more bool, err error) {
	if f.info, err = f.f.Stat(); err != nil {
		return b, false, false, err
	}
	if f.checked == diskOf(f.info) {
		return b, true, false, nil
	}
	unlock, err := lockMbox(f.f, m.path, m.o.Now()) // a dot lock may be of one that was moved just now
	if errors.Is(err, errLocked) {
		m.half = true
		if f.locked++; m.o.Once || f.locked < longLocked {
			err = nil // most are given up soon
		}
	}
	if err != nil || unlock == nil {
		return b, false, false, err
	}
	defer unlock()
	f.locked = 0
	if f.info, err = f.f.Stat(); err != nil {
		return b, false, false, err
	}
	if f.info.Size() == 0 {
		f.at, f.tail, f.counted, f.checked = 0, "", 0, diskOf(f.info)
		return b, m.quiet(f, rest), false, nil
	}
	c, err := openContent(f.f)
	if err != nil {
		return b, false, false, err
	}
	defer c.close()
	if now := diskOf(f.info); now != f.last {
		sum, ok, err := tailSum(c, f.at)
		if err != nil {
			return b, false, false, err
		}
		if !ok || sum != f.tail {
			f.at, f.tail = 0, ""
		}
		f.last, f.pass = now, f.at == 0
	}
	idle := m.o.Once || m.quiet(f, rest)
	if m.o.Mails.lies(placeOf(f.info, "")) {
		f.checked = f.last
		return b, true, false, nil
	}
	if idle && !f.pass {
		f.at, f.tail, f.pass = 0, "", true
	}
	under, from, tail := &mailBatch{}, f.at, f.tail
	all, more, err := m.gather(ctx, c, f, under, rest)
	if err != nil {
		m.o.Mails.release(under)
		f.at = from
		return b, false, false, err
	}
	if !m.stood(f, c, under, from, tail) { // what was read may be of two mails
		m.o.Mails.release(under)
		f.at, f.tail, m.half = 0, "", true
		return b, false, false, nil
	}
	if len(under.mails) > 0 {
		return m.take(under), false, false, nil
	}
	m.gone(under.bytes)
	if !all || !idle || !f.pass {
		return b, false, more, nil
	}
	f.checked = f.last
	if place := placeOf(f.info, ""); m.quiet(f, youngMail) {
		m.o.Mails.note(doneMail{place, place})
	}
	return b, true, false, nil
}

// stood tells whether the file is as it was before it was read; or longer, and
// what was read from there on still stands there, behind the same end of what came
// before: who has a dot lock alone takes it without asking for ours, and may have let
// go of it by now.
func (m *mbox) stood(f *mboxFile, c *content, under *mailBatch, from int64, tail string) bool {
	now, err := f.f.Stat()
	switch {
	case err != nil || dotLocked(m.path, m.o.Now()):
		return false
	case diskOf(now) == diskOf(f.info) || c.packed():
		return true
	case now.Size() <= f.info.Size():
		return false
	}
	if sum, ok, err := tailSum(c, from); err != nil || !ok || sum != tail {
		return false
	}
	for i := range under.Chunks {
		chunk := &under.Chunks[i]
		again := make([]byte, len(chunk.Data))
		if _, err := f.f.ReadAt(again, chunk.Offset); err != nil || string(again) != chunk.Data {
			return false
		}
	}
	return true
}

func (m *mbox) letGo(f *mboxFile) {
	f.f.Close()
	m.files = slices.DeleteFunc(m.files, func(o *mboxFile) bool { return o == f })
}

// Close implements Source.
func (m *mbox) Close() error {
	for _, f := range slices.Clone(m.files) {
		m.letGo(f)
	}
	return m.mailbox.Close()
}

// gather reads a batch from at on. all tells that the end was reached, and
// that no mail was left for later; more, that it ended after underLock.
func (m *mbox) gather(ctx context.Context, c *content, f *mboxFile, under *mailBatch,
	rest time.Duration) (all, more bool, err error) {
	size, ids, from := 0, map[mailID]bool{}, f.at
	split := splitter{ids: newMailHash(), lengths: f.lengths}
	defer func() { f.lengths = split.lengths }()
	for size < m.o.ChunkSize && len(under.mails) < maxMails {
		if err := ctx.Err(); err != nil {
			return false, false, err
		}
		if more = !c.packed() && f.at-from >= underLock; more {
			break
		}
		mail, err := split.next(c, f.at, m.single)
		if err != nil {
			return false, false, err
		}
		if mail == nil {
			all = true
			break
		}
		if mail.last && !m.whole(c, f, mail, rest) {
			m.half = true
			break
		}
		f.at = mail.to
		if ids[mail.id] {
			continue
		}
		var former []mailID
		if m.o.Mails.upgraded() {
			former = []mailID{formerMboxID(mail.data), sumOf(mail.data)}
		}
		switch m.o.Mails.claim(mail.id, former...) {
		case isClaimed:
			f.pass = false // looked at again once that is settled
		case claimed:
			ids[mail.id] = true
			chunk := bouncehouse.Chunk{Kind: bouncehouse.Mail, File: filepath.Base(m.path), Ref: f.info.ModTime(),
				Offset: mail.at, Data: mail.data, Reason: mail.reason}
			if mail.reason != "" {
				chunk.Kind = bouncehouse.Broken
			}
			m.add(under, doneMail{id: mail.id}, chunk)
			size += len(mail.data)
		}
	}
	f.tail, _, err = tailSum(c, f.at)
	under.bytes = max(0, f.at-f.counted)
	f.counted = max(f.counted, f.at)
	return all, more, err
}

// whole tells whether the file's last mail is: some files never have an empty line
// at their end, or were moved away from who would write it.
func (m *mbox) whole(c *content, f *mboxFile, mail *mboxMail, rest time.Duration) bool {
	ended := mail.closed || m.single
	if m.o.Once && m.single { // people copy mails: half a one would be another than the whole
		return c.packed() || m.quiet(f, youngMail)
	}
	if m.o.Once {
		return ended || c.packed() || m.quiet(f, quiet)
	}
	return c.packed() || m.quiet(f, quiet) && ended || m.quiet(f, rest)
}

// mboxMail is a mail within an mbox.
type mboxMail struct {
	at     int64 // where it begins, after its "From " line
	to     int64 // where the next one begins
	data   string
	last   bool // the file ends with it
	closed bool // by an empty line
	reason string
	id     mailID // where the splitter makes them
}

// splitter cuts an mbox into its mails: by lines "From ", which its writer has quoted
// in the mails' text; or by their Content-Length, where he has not (mboxcl2: Dovecot,
// Solaris). Then a stranger's text has mails of his own making. But in a quoted mbox a
// stranger's own Content-Length reached over later mails: so lengths are heeded as long
// as every mail from the first on has one that ends where a mail ends.
type splitter struct {
	ids     *mailHash // makes the mails' ids, where set
	lengths bool      // all mails so far had their length; of the first it is not known
	buf     []byte
}

const (
	smallBlock = 64 << 10 // most mails end in it
	bigBlock   = maxMail + 64<<10
	// how long a "From " line with the empty one before it may be: senders choose their address (Exim takes 16 KiB)
	fromMax = 32 << 10
)

// next cuts the mail at off; nil where there is none. single says that all of
// the file is one.
func (s *splitter) next(r io.ReaderAt, off int64, single bool) (*mboxMail, error) {
	lengths := s.lengths
	m, err := s.cut(r, off, single, smallBlock)
	if m == nil && err == nil {
		s.lengths = lengths
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
	to := int64(0) // where it ends, as it says itself
	if s.lengths = (s.lengths || off == 0) && !single; s.lengths {
		if to, err = lengthEnd(r, m.at, data[start:]); err != nil {
			return nil, err
		}
		s.lengths = to > 0
	}
	// The search is for an empty line, then "From ": in blocks that overlap,
	// of which the first holds all that is kept of the mail.
	kept := data[start:]
	at := off
	if s.ids != nil {
		s.ids.reset()
	}
	for {
		next := -1
		from := 0
		if at == off {
			from = max(0, start-1)
		}
		end, last := at+int64(len(data)), len(data) < block
		switch {
		case to > 0 && (to < end || to == end && !last):
			next = int(to - at)
		case to == 0 && !single:
			next = nextFrom(data, from)
		}
		if next >= 0 {
			m.to = at + int64(next)
			break
		}
		if last {
			m.to, m.last = end, true
			m.closed = to > 0 || bytes.HasSuffix(data, []byte("\n\n")) || bytes.HasSuffix(data, []byte("\n\r\n"))
			break
		}
		if block == smallBlock {
			return nil, nil
		}
		if at == off {
			kept = bytes.Clone(kept[:min(len(kept), maxMail)])
		}
		step := block - fromMax
		if s.ids != nil && start < step {
			s.ids.Write(data[start:step])
		}
		at, start = at+int64(step), max(0, start-step)
		n, err = r.ReadAt(buf, at)
		if err != nil && !errors.Is(err, io.EOF) && !damaged(err) {
			return nil, err
		}
		data = buf[:n]
	}
	if s.ids != nil {
		s.ids.Write(data[start : m.to-at])
		m.id = s.ids.ID()
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

// lengthEnd is where the mail at from ends that begins so, with the empty line behind
// it, if it has a Content-Length and the file, or another mail, begins or ends there;
// else 0.
func lengthEnd(r io.ReaderAt, from int64, data []byte) (to int64, err error) {
	size, body := int64(-1), 0
	for line := range bytes.Lines(data) {
		if body += len(line); len(bytes.TrimRight(line, "\r\n")) == 0 {
			break
		}
		if name, value, ok := bytes.Cut(line, []byte(":")); ok && bytes.EqualFold(name, []byte("Content-Length")) {
			if size, err = strconv.ParseInt(string(bytes.TrimSpace(value)), 10, 48); err != nil {
				return 0, nil
			}
		}
	}
	if size < 0 || body == len(data) && size > 0 { // none, or its header is longer than what there is
		return 0, nil
	}
	to = from + int64(body) + size
	behind := make([]byte, fromMax)
	n, err := r.ReadAt(behind, to-1)
	if err != nil && !errors.Is(err, io.EOF) && !damaged(err) {
		return 0, err
	}
	if n == 0 || size > 0 && behind[0] != '\n' { // the file is shorter, or it ends amid a line
		return 0, nil
	}
	behind = behind[1:n]
	rest := bytes.TrimLeft(behind, "\r\n")
	if len(rest) > 0 && !mboxStart.Match(rest) {
		return 0, nil
	}
	return to + int64(len(behind)-len(rest)), nil
}

// nextFrom is where in data, from the given place on, the next mail begins: behind
// an empty line. OpenSMTPD's mail.local quotes a "From " line there alone, so without
// one it may be a stranger's text.
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
