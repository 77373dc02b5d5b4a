package ingest

import (
	"cmp"
	"errors"
	"os"
	"slices"
	"strings"
	"sync"
)

const (
	compactAt = 1 << 20 // bytes from which on the file is written anew when it has grown fourfold
	maxLast   = 5       // files that are remembered to be the last of a path
	// entries kept of files that no source has met since the start, as many as a directory may have (maxExpanded)
	maxMissing = 100_000
	maxMarked  = 10_000 // and of how many of them so much that a cut copy is known, too
)

// Ledger knows every log file that was read from a state directory, whatever
// it is called now and whichever source reads it: what was read of its
// content and where that is gone on with. The sources of a process share one.
//
// It is a file of lines, each with its checksum, that is appended to by each
// commit, and written anew without what is out of date when it has grown. A
// line says where a stream and a file stand after it; so one line is one
// commit, whole or not there.
type Ledger struct {
	judging sync.Mutex // held while a file's identity is found, so that one content gets one entry

	mu      sync.Mutex
	path    string // "" where nothing is kept
	f       *os.File
	size    int64 // of the whole lines in f
	compact int64 // about what the size is when written anew
	entries map[int64]*entry
	byID    map[string][]*entry
	heads   map[headGen]int     // how many entries have them
	inodes  map[disk]*entry     // by Dev and Inode: the one last read from there
	streams map[string]uint64   // the number of the last chunk committed
	turns   map[string][]*entry // by path: the files that were read last, the last one last
	changed map[*entry]bool     // to be written with the next line
	holders map[disk]*logFile
	open    map[string]*logFile // by stream: the source that reads it
	empty   map[string]bool     // paths whose files are yet to show what they are, see lazy
	intents []*standing
	last    int64 // the largest N
	// append is appendSync; tests put a full disk in its place.
	append func(f *os.File, data []byte, at int64) error
}

type headGen struct {
	head int64
	gen  int
}

// entry is a file that was read, by its content.
type entry struct {
	N      int64  `json:"n"`
	ID     string `json:"id"`            // see identify
	Head   int64  `json:"head"`          // bytes of content that ID was made of
	Gen    int    `json:"gen,omitempty"` // how many others with this head were met before
	Stream string `json:"stream"`        // that read it last
	Path   string `json:"path"`          // where
	prefix
	Half int64 `json:"half,omitempty"` // how much of what was read is a last line without its end
	// Halved is the range that ended with it: its rest is read under that stream, number and time, as the row is found
	// by.
	Halved *lost `json:"halved,omitempty"`
	Done   bool  `json:"done,omitempty"` // damaged there, or no text
	Disk   disk  `json:"disk,omitzero"`  // as it lay on disk when last read
	All    bool  `json:"all,omitempty"`  // all of it had been read then
	Told   bool  `json:"told,omitempty"` // that it is gone was said, and it was not read since
	// Top is the last header that stood amid what was read, and TopAt where it ended: see lastHead.
	Top   string `json:"top,omitempty"`
	TopAt int64  `json:"top_at,omitempty"`
	// Export tells that it is of a journal's export, also where it does not begin with an entry.
	Export bool `json:"export,omitempty"`
	// Lost is a range that was given up, be it stored or not: its file was gone.
	Lost *lost `json:"lost,omitempty"`
	// Old is of version 1, which kept no hash of the whole: the tailSums at
	// oldMark and its doubles.
	Old []string `json:"old,omitempty"`

	met    bool     // by a source of this process
	stored bool     // a line tells of it
	owner  *logFile // that reads it
	intent *standing
}

// standing is a range that was about to be stored when a process ended.
type standing struct {
	stream string
	in     *intent
	entry  *entry // nil where nothing is known of the file
	lost   bool   // it was given up: see lost
}

// lost is a range of which rows may be stored, and that no source looks for any
// more. Where its file comes back it is read under the stream it had, cut as it
// was if the file still has all of it, and asked for row by row.
type lost struct {
	Stream string  `json:"stream"`
	In     *intent `json:"in"`
}

func inodeOf(d disk) disk { return disk{Dev: d.Dev, Inode: d.Inode} }

func inode(info os.FileInfo) disk { return inodeOf(diskOf(info)) }

// add takes in an entry, with a number of its own if it has none.
func (d *Ledger) add(e *entry) {
	if e.N == 0 {
		e.N = d.last + 1
	}
	d.last = max(d.last, e.N)
	d.entries[e.N] = e
	d.byID[e.ID] = append(d.byID[e.ID], e)
	d.heads[headGen{e.Head, e.Gen}]++
	if e.Disk != (disk{}) {
		d.inodes[inodeOf(e.Disk)] = e
	}
}

// drop forgets an entry.
func (d *Ledger) drop(e *entry) {
	delete(d.entries, e.N)
	delete(d.changed, e)
	if d.byID[e.ID] = slices.DeleteFunc(d.byID[e.ID], func(o *entry) bool { return o == e }); len(d.byID[e.ID]) == 0 {
		delete(d.byID, e.ID)
	}
	hg := headGen{e.Head, e.Gen}
	if d.heads[hg]--; d.heads[hg] == 0 {
		delete(d.heads, hg)
	}
	if i := inodeOf(e.Disk); d.inodes[i] == e {
		delete(d.inodes, i)
	}
}

// begun returns the entries whose heads a content that begins with peek has,
// with what was read of each, and how many files with that head there were.
func (d *Ledger) begun(peek []byte, head int64) (proofs []*proof, old []*entry, gen int, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for hg := range d.heads {
		if hg.head > int64(len(peek)) {
			continue
		}
		for _, e := range d.byID[identify(peek[:hg.head], hg.gen)] {
			if e.Head != hg.head || e.Gen != hg.gen {
				continue
			}
			if e.Head == head {
				gen = max(gen, e.Gen+1)
			}
			if e.noLine() && (int64(len(peek)) != e.Read || len(peek) >= headMax) {
				continue // others may begin with half a line; where there is nothing behind it, it is a copy
			}
			if e.Read > 0 && len(e.State) == 0 {
				old = append(old, e)
				continue
			}
			p, err := newProof(e, *e)
			if err != nil {
				return nil, nil, 0, err
			}
			proofs = append(proofs, p)
		}
	}
	slices.SortFunc(proofs, func(a, b *proof) int { return cmp.Compare(a.entry.N, b.entry.N) })
	return proofs, old, gen, nil
}

func (e *entry) noLine() bool { return e.Half > 0 && e.Half == e.Read }

// meet makes an entry. It is durable with the first commit.
func (d *Ledger) meet(e *entry) *entry {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.add(e)
	e.met = true
	return e
}

// note changes an entry, which is written with the next line.
func (d *Ledger) note(e *entry, change func(*entry)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if change(e); d.entries[e.N] == e && e.Read > 0 {
		d.changed[e] = true
	}
	if e.Disk != (disk{}) {
		d.inodes[inodeOf(e.Disk)] = e
	}
}

// at is the entry that was last read from the file that lies so on disk.
func (d *Ledger) at(on disk) (e *entry, was disk, read int64, all bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if e = d.inodes[inodeOf(on)]; e == nil {
		return nil, disk{}, 0, false
	}
	e.met = e.met || e.Disk == on
	return e, e.Disk, e.Read, e.All
}

func (d *Ledger) read(e *entry) int64 {
	read, _, _ := d.seen(e)
	return read
}

// copyOf is e as it is now.
func (d *Ledger) copyOf(e *entry) entry {
	d.mu.Lock()
	defer d.mu.Unlock()
	return *e
}

// before are the files that the stream was in before it came to e.
func (d *Ledger) before(stream string, e *entry) (files []entry) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, prev := range d.turns[pathOf(stream)] {
		if prev != e {
			files = append(files, *prev)
		}
	}
	return files
}

// exported tells whether the file that the stream was in last is of a journal's
// export. What follows it may go on with it, even where it looks like another log.
func (d *Ledger) exported(stream string) bool {
	e := d.lastRead(stream)
	return e != nil && d.copyOf(e).Export
}

// seen is how much of e was read, whether it was damaged there, and whether
// nothing but half a line was read: what it is shows when it has grown.
func (d *Ledger) seen(e *entry) (read int64, done, half bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return e.Read, e.Done, e.noLine()
}

// claim lets l go on with e; false while another source does.
func (d *Ledger) claim(e *entry, l *logFile) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if e.owner != nil && e.owner != l {
		return false
	}
	e.owner, e.met = l, true
	return true
}

func (d *Ledger) release(e *entry, l *logFile) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if e != nil && e.owner == l {
		e.owner = nil
	}
}

// hold keeps other sources from a file that l has open.
func (d *Ledger) hold(info os.FileInfo, l *logFile) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	i := inode(info)
	if by := d.holders[i]; by != nil && by != l {
		return false
	}
	d.holders[i] = l
	return true
}

func (d *Ledger) letGo(info os.FileInfo, l *logFile) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if i := inode(info); d.holders[i] == l {
		delete(d.holders, i)
	}
}

// turn notes that what is read at path goes on in e.
func (d *Ledger) turn(path string, e *entry) {
	files := slices.DeleteFunc(slices.Clone(d.turns[path]), func(o *entry) bool { return o == e })
	d.turns[path] = append(files[max(0, len(files)+1-maxLast):], e)
}

// pathOf is the path of a stream. The host's name may change.
func pathOf(stream string) string {
	_, path, _ := strings.Cut(stream, ":")
	return path
}

// named is the name under which the path of stream was read before, whatever
// the host is called now: what parsers remember of a stream goes on.
func (d *Ledger) named(stream string) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	path := pathOf(stream)
	for _, e := range slices.Backward(d.turns[path]) {
		if pathOf(e.Stream) == path {
			return e.Stream
		}
	}
	return stream
}

// lastRead is the file that was read last at the stream's path.
func (d *Ledger) lastRead(stream string) *entry {
	d.mu.Lock()
	defer d.mu.Unlock()
	if files := d.turns[pathOf(stream)]; len(files) > 0 {
		return files[len(files)-1]
	}
	return nil
}

// lastWritten is the file that was read last at the stream's path and had not come
// to its end; what was rotated before may have been read after it. Where none was
// read at path itself, it is the last one; nil where that has come to its end.
func (d *Ledger) lastWritten(stream, path string) *entry {
	d.mu.Lock()
	defer d.mu.Unlock()
	turns := d.turns[pathOf(stream)]
	for _, e := range slices.Backward(turns) {
		if e.Path == path && !e.All && !e.Done {
			return e
		}
	}
	if n := len(turns); n > 0 && !turns[n-1].All && !turns[n-1].Done {
		return turns[n-1]
	}
	return nil
}

// stands is the number of the stream's last chunk, and the range of it that was about to be
// stored when a process ended, if that is not settled yet.
func (d *Ledger) stands(stream string) (seq uint64, s *standing) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, s := range d.intents {
		if s.stream == stream {
			return d.streams[stream], s
		}
	}
	return d.streams[stream], nil
}

// standings are all ranges that are not settled.
func (d *Ledger) standings() []*standing {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.intents)
}

// intended is the range that is to be settled before e is gone on with.
func (d *Ledger) intended(e *entry) *standing {
	d.mu.Lock()
	defer d.mu.Unlock()
	if e.intent == nil && e.Lost != nil {
		return &standing{stream: e.Lost.Stream, in: e.Lost.In, entry: e, lost: true}
	}
	return e.intent
}

// halved is the range that ended with half a line; nil where that is not known.
func (d *Ledger) halved(e *entry) *standing {
	d.mu.Lock()
	defer d.mu.Unlock()
	if e.Halved == nil {
		return nil
	}
	return &standing{stream: e.Halved.Stream, in: e.Halved.In, entry: e}
}

// widen makes durable that what was lost of e may be stored up to there.
func (d *Ledger) widen(e *entry, to int64) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if e == nil || e.Lost == nil || e.Lost.In.To >= to {
		return nil
	}
	now, in := *e, *e.Lost.In
	in.To = to
	now.Lost = &lost{e.Lost.Stream, &in}
	if err := d.write(record{File: &now}); err != nil {
		return err
	}
	e.Lost = now.Lost
	return nil
}

// lose notes that a range was given up which was to be stored under stream.
func (e *entry) lose(stream string, of *intent) {
	if e.Read < of.To {
		e.Lost = lostOf(stream, of)
	}
}

func lostOf(stream string, of *intent) *lost {
	in := *of
	in.New = nil
	return &lost{stream, &in}
}

// settled notes what is left of a range that was lost: what begins at from.
func (e *entry) settled(from int64) {
	if e.Lost == nil {
		return
	}
	if e.Lost.In.To <= e.Read {
		e.Lost = nil
		return
	}
	in := *e.Lost.In
	in.From = from
	e.Lost = &lost{e.Lost.Stream, &in}
}

// intend notes a range that is about to be stored.
func (d *Ledger) intend(stream string, in *intent, e *entry) {
	d.mu.Lock()
	defer d.mu.Unlock()
	e.intent = &standing{stream: stream, in: in, entry: e}
	d.intents = append(d.intents, e.intent)
}

// stoodAt tells whether a file was read at that path.
func (d *Ledger) stoodAt(path string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, e := range d.entries {
		if e.Path == path {
			return true
		}
	}
	return false
}

// wasRead tells whether the log of that path was a stream of its own.
func (d *Ledger) wasRead(path string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.turns[label(path)]) > 0
}

// commit makes durable that the stream stands at seq and e at what change
// makes of it; e is nil where nothing is known of the file. What stood under that
// number is settled. A range that had been lost has a number from long ago.
func (d *Ledger) commit(stream string, seq uint64, e *entry, change func(*entry)) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	r := record{Stream: stream, Seq: max(seq, d.streams[stream])}
	if e != nil {
		now := *e
		change(&now)
		r.File = &now
	}
	if err := d.write(r); err != nil {
		return err
	}
	if d.streams[stream] = r.Seq; e != nil {
		change(e)
		e.met, e.stored, e.intent = true, true, nil
		d.turn(pathOf(stream), e)
		delete(d.changed, e)
		if e.Disk != (disk{}) {
			d.inodes[inodeOf(e.Disk)] = e
		}
		if d.entries[e.N] == nil {
			d.add(e)
		}
	}
	d.intents = slices.DeleteFunc(d.intents, func(s *standing) bool {
		if s.stream != stream || s.in.Seq != seq {
			return false
		}
		if s.entry != nil {
			s.entry.intent = nil
		}
		return true
	})
	return nil
}

// enter makes l the one source of stream; false where there is one.
func (d *Ledger) enter(stream string, l *logFile) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.open[stream] != nil {
		return false
	}
	d.open[stream] = l
	return true
}

// others are all sources of logs but l.
func (d *Ledger) others(l *logFile) (others []*logFile) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, o := range d.open {
		if o != l {
			others = append(others, o)
		}
	}
	return others
}

// reads tells whether a source of stream is open.
func (d *Ledger) reads(stream string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.open[stream] != nil
}

// watch and unwatch tell at which paths a lazy waits for what comes.
func (d *Ledger) watch(path string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.empty[path] = true
}

func (d *Ledger) unwatch(path string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.empty, path)
}

func (d *Ledger) watched(path string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.empty[path]
}

// leave ends what enter began. The last one out closes the file.
func (d *Ledger) leave(stream string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if delete(d.open, stream); len(d.open) > 0 {
		return nil
	}
	err := d.write()
	if d.f != nil {
		err = errors.Join(err, d.f.Close())
		d.f = nil
	}
	return err
}
