package ingest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
)

// Mails is what the mailboxes of one state directory have read. Identical
// content is read once a state directory: in whichever of its Maildirs, mboxes
// and single files a mail is met, under whatever name, whoever reads it. All
// sources that are open on a state directory share one; several goroutines
// may use it.
//
// A mail on its way is claimed: a copy of it that is met elsewhere waits until
// it is done. What is done is remembered while it lies in a mailbox that is
// open, and beyond that for the last keepMails mails at least.
type Mails struct {
	dir   string // "" keeps nothing on disk
	log   *slog.Logger
	keep  int                              // keepMails but in tests
	write func(f *os.File, b []byte) error // writes b; tests put a full disk in its place

	mu       sync.Mutex
	now      doneSet // since the last turn, and what lay in a mailbox then
	before   doneSet // since the turn before
	old      map[mailID]bool
	claims   map[mailID]bool
	standing []*mailBatch // left by who read them
	boxes    map[*mailbox]bool
	size     int64 // of the file of now
	fresh    int   // mails done since the last turn
}

// keepMails is how many mails are remembered at least once they are gone; at
// most twice as many are. Each takes some 80 bytes of memory and 36 of disk.
const keepMails = 500_000

// doneMail is a mail that need not be read again.
type doneMail struct {
	id    mailID
	place mailID // see placeOf; zero where it lies among others in a file
}

type doneSet struct {
	ids    map[mailID]bool
	places map[mailID]mailID // what lies there
}

func newDoneSet() doneSet {
	return doneSet{map[mailID]bool{}, map[mailID]mailID{}}
}

func (d doneSet) add(m doneMail) {
	d.ids[m.id] = true
	if m.place != (mailID{}) {
		d.places[m.place] = m.id
	}
}

// The file is of records, the first of which tells, after a turn, how many
// bytes of it are what was kept; seen.old is that of the turn before, seen.new of one
// that did not come to its end.
const (
	seenFile   = "seen"
	seenRecord = 36 // id, place, CRC-32C
)

// OpenMails finds what was read from this state directory; "" is none, and
// keeps nothing.
func OpenMails(state string, log *slog.Logger) (*Mails, error) {
	s := &Mails{
		log: log, keep: keepMails, now: newDoneSet(), before: newDoneSet(), old: map[mailID]bool{},
		claims: map[mailID]bool{}, boxes: map[*mailbox]bool{},
		write: func(f *os.File, b []byte) error { _, err := f.Write(b); return err },
	}
	if log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if state == "" {
		return s, nil
	}
	s.dir = filepath.Join(state, mailsName)
	if err := ownDir(s.dir); err != nil {
		return nil, explain("create", s.dir, err)
	}
	for _, name := range []string{".old", ".new"} {
		if _, _, err := s.load(filepath.Join(s.dir, seenFile+name), s.before); err != nil {
			return nil, err
		}
	}
	var err error
	if s.size, s.fresh, err = s.load(filepath.Join(s.dir, seenFile), s.now); err != nil {
		return nil, err
	}
	if err := s.readBatches(); err != nil {
		return nil, err
	}
	return s, s.readOld(filepath.Join(state, positionsName))
}

// load reads a file of records. What a crash left of the last is not relied
// on by anyone; others that are damaged are left out, and it is said.
func (s *Mails) load(path string, to doneSet) (size int64, fresh int, err error) {
	raw, err := readOwn(path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, 0, nil
	}
	if err != nil {
		return 0, 0, explain("read", path, err)
	}
	damaged, kept := 0, int64(0) // the size of what was kept
	for ; len(raw) >= seenRecord; raw = raw[seenRecord:] {
		size += seenRecord
		m := doneMail{mailID(raw[:16]), mailID(raw[16:32])}
		switch {
		case crc32.Checksum(raw[:32], castagnoli) != binary.BigEndian.Uint32(raw[32:]):
			damaged++
		case m.id == mailID{}:
			kept = int64(binary.BigEndian.Uint64(m.place[:]))
		default:
			if size > kept && m.id != m.place && !s.done(m.id) {
				fresh++
			}
			to.add(m)
		}
	}
	if damaged > 0 {
		s.log.Error("records of mails that were read are damaged: these mails may count twice", "file", path,
			"records", damaged)
	}
	return size, fresh, nil
}

func encodeMails(mails []doneMail) []byte {
	b := make([]byte, 0, len(mails)*seenRecord)
	for _, m := range mails {
		b = append(append(b, m.id[:]...), m.place[:]...)
		b = binary.BigEndian.AppendUint32(b, crc32.Checksum(b[len(b)-32:], castagnoli))
	}
	return b
}

// done tells whether mail id is; s.mu is held.
func (s *Mails) done(id mailID) bool { return s.now.ids[id] || s.before.ids[id] }

// lies tells whether what lies at place is a mail that is done, or a file of
// which all mails are.
func (s *Mails) lies(place mailID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.at(place)
	return ok
}

func (s *Mails) at(place mailID) (mailID, bool) {
	id, ok := s.now.places[place]
	if !ok {
		id, ok = s.before.places[place]
	}
	return id, ok
}

// claim is how a mail stands that was met.
type claim int

const (
	claimed   claim = iota // it is the caller's to bring, until committed or released
	isDone                 // it was read before
	isClaimed              // another source is bringing it
)

// claim asks for a mail. former are its ids as earlier versions made them.
func (s *Mails) claim(id mailID, former ...mailID) claim {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.done(id):
		return isDone
	case s.claims[id]:
		return isClaimed
	}
	for _, f := range former {
		if s.old[f] {
			return isDone
		}
	}
	s.claims[id] = true
	return claimed
}

// upgraded tells whether mails may be known by ids of earlier versions only.
func (s *Mails) upgraded() bool { return len(s.old) > 0 }

// join and leave tell which mailboxes are open: each once.
func (s *Mails) join(box *mailbox) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for other := range s.boxes {
		if other.stream == box.stream {
			return fmt.Errorf("open %s: %w", box.path, ErrOpen)
		}
	}
	s.boxes[box] = true
	return nil
}

func (s *Mails) leave(box *mailbox) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.boxes, box)
}

// abandoned tells whether a batch stands that no mailbox will come to.
func (s *Mails) abandoned() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.standing) > 0 && len(s.boxes) == 0
}

// release gives up b: what stands is left for the next source that asks, the
// mails of another batch may be claimed again.
func (s *Mails) release(b *mailBatch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if b.standing {
		s.standing = append(s.standing, b)
		return
	}
	for _, m := range b.mails {
		delete(s.claims, m.id)
	}
}

// next is a batch that stands; nil where there is none.
func (s *Mails) next() *mailBatch {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.standing) == 0 {
		return nil
	}
	b := s.standing[0]
	s.standing = s.standing[1:]
	return b
}

// commit notes, durably, that b's mails are done.
func (s *Mails) commit(b *mailBatch) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.append(append(b.mails[:len(b.mails):len(b.mails)], b.copies...), true); err != nil {
		return err
	}
	for _, m := range b.mails {
		delete(s.claims, m.id)
	}
	if b.path != "" {
		// If the removal does not last it is brought again, and found stored.
		if err := os.Remove(b.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return explain("remove", b.path, err)
		}
	}
	if s.fresh += len(b.mails); s.fresh >= s.keep {
		s.turn()
	}
	return nil
}

// note remembers where mails that are done lie. If that does not last, they
// are looked at again.
func (s *Mails) note(mails ...doneMail) {
	if len(mails) == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.append(mails, false); err != nil {
		s.log.Warn("cannot note which mails were looked at", "error", err)
	}
}

func (s *Mails) append(mails []doneMail, durable bool) error {
	if s.dir != "" {
		path := filepath.Join(s.dir, seenFile)
		if err := s.extend(path, encodeMails(mails), durable); err != nil {
			return explain("write", path, err)
		}
	}
	for _, m := range mails {
		s.now.add(m)
	}
	return nil
}

// extend adds b to the file of records, in place of what a crash or a full
// disk left half.
func (s *Mails) extend(path string, b []byte, durable bool) error {
	f, err := openOwn(path, os.O_WRONLY|os.O_CREATE)
	if err != nil {
		return err
	}
	if err = f.Truncate(s.size); err == nil {
		_, err = f.Seek(s.size, 0)
	}
	if err == nil {
		err = s.write(f, b)
	}
	if err == nil && durable {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if s.size == 0 {
		err = syncDir(s.dir)
	}
	if err == nil {
		s.size += int64(len(b))
	}
	return err
}

// turn forgets what was done before the last turn, but for what lies in a
// mailbox that is open. Where one cannot be looked at, nothing is forgotten.
func (s *Mails) turn() {
	next := newDoneSet()
	var stay []doneMail
	for box := range s.boxes {
		err := box.present(func(place, id mailID) {
			if place != (mailID{}) {
				var ok bool
				if id, ok = s.at(place); !ok {
					return
				}
			} else if !s.done(id) {
				return
			}
			m := doneMail{id, place}
			next.add(m)
			stay = append(stay, m)
		})
		if err != nil {
			s.log.Warn("no mail is forgotten: a mailbox cannot be looked at", "path", box.path, "error", err)
			s.fresh -= s.keep / 10 // before the next try
			return
		}
	}
	kept := doneMail{}
	binary.BigEndian.PutUint64(kept.place[:], uint64(len(stay)+1)*seenRecord)
	all := encodeMails(append([]doneMail{kept}, stay...))
	if s.dir != "" {
		path := filepath.Join(s.dir, seenFile)
		err := writeFile(path+".new", all)
		if err == nil {
			err = os.Rename(path, path+".old")
		}
		if err == nil {
			s.size = 0
			err = os.Rename(path+".new", path)
		}
		if err == nil {
			err = syncDir(s.dir)
		}
		if err != nil {
			s.log.Warn("no mail is forgotten", "error", explain("write", path, err))
			s.fresh -= s.keep / 10
			return
		}
	}
	s.before, s.now = s.now, next
	s.size, s.fresh = int64(len(all)), 0
}
