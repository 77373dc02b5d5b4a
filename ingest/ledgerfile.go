package ingest

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
)

// record is a line of the file.
type record struct {
	Stream string `json:"stream,omitempty"`
	Seq    uint64 `json:"seq,omitempty"`
	Path   string `json:"path,omitempty"` // that the file was read at, of a line of none of the streams
	File   *entry `json:"file,omitempty"`
}

// OpenLedger reads the ledger of a state directory; "" is one that keeps
// nothing. What version 1 kept with each stream is taken over.
func OpenLedger(state string, log *slog.Logger) (*Ledger, error) {
	d := &Ledger{
		entries: map[int64]*entry{}, byID: map[string][]*entry{}, heads: map[headGen]int{}, inodes: map[disk]*entry{},
		streams: map[string]uint64{}, turns: map[string][]*entry{}, changed: map[*entry]bool{},
		holders: map[disk]*logFile{},
		open:    map[string]*logFile{}, empty: map[string]bool{}, append: appendSync,
	}
	if state == "" {
		return d, nil
	}
	dir := filepath.Join(state, positionsName)
	d.path = filepath.Join(dir, "files.ledger")
	raw, err := readOwn(d.path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, explain("read", d.path, err)
	}
	lines := map[int64]int64{} // the last of each entry
	for n := 1; len(raw) > 0; n++ {
		line, rest, ended := bytes.Cut(raw, []byte("\n"))
		r, err := readRecord(line)
		if !ended || err != nil && len(rest) == 0 {
			break // what a crash left of a line that was not relied on: its intent stands
		}
		if err != nil {
			return nil, fmt.Errorf("file %s is damaged in line %d: put a copy of it back, "+
				"or delete it to read all logs again from their beginning", d.path, n)
		}
		d.apply(r)
		if r.File != nil {
			lines[r.File.N] = int64(len(line))
		}
		d.size, raw = d.size+int64(len(line))+1, rest
	}
	for _, n := range lines {
		d.compact += n
	}
	return d, d.adopt(dir, log)
}

// adopt takes in what the streams' position files say: their intents, and the
// files of version 1.
func (d *Ledger) adopt(dir string, log *slog.Logger) error {
	names, err := filesIn(dir, ".json")
	if err != nil {
		return fmt.Errorf("list %s: %w", dir, err)
	}
	var old []record
	for _, name := range names {
		raw, err := readOwn(name)
		if err != nil {
			return explain("read position", name, err)
		}
		p, err := unseal(raw)
		if err != nil {
			log.Warn("a position file cannot be used", "file", name, "error", err)
			continue
		}
		seq, met := d.streams[p.Stream]
		if p.Kind != kindLog {
			continue
		}
		if !met && p.Version == positionVersion {
			for _, k := range p.Files {
				e := &entry{ID: k.ID, Head: k.Head, Gen: k.Gen, Stream: p.Stream,
					Path:   filepath.Join(filepath.Dir(p.Path), k.Name),
					prefix: prefix{Read: k.Read, Tail: k.Tail}, Done: k.Done, Disk: k.Disk, All: k.Disk != disk{},
					Old: k.Marks}
				d.add(e)
				e.stored = true
				d.turn(pathOf(p.Stream), e)
				old = append(old, record{File: e})
			}
			old = append(old, record{Stream: p.Stream, Seq: p.Seq})
			seq = p.Seq
			d.streams[p.Stream] = seq
		}
		if in := p.Intent; in != nil && in.Seq > seq {
			s := &standing{stream: p.Stream, in: in}
			for _, e := range d.byID[in.File] {
				if s.entry == nil || e.Stream == p.Stream {
					s.entry = e
				}
			}
			if s.entry == nil && in.New != nil {
				if s.entry = in.New; d.entries[s.entry.N] != nil {
					s.entry.N = 0
				}
				d.add(s.entry)
			}
			if s.entry != nil {
				s.entry.intent = s
			}
			d.intents = append(d.intents, s)
		}
	}
	if len(old) == 0 {
		return nil
	}
	return d.write(old...)
}

func readRecord(line []byte) (r record, err error) {
	sum, data, ok := bytes.Cut(line, []byte(" "))
	if !ok || lineSum(data) != string(sum) {
		return r, errors.New("wrong checksum")
	}
	return r, json.Unmarshal(data, &r)
}

func lineSum(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:8])
}

// apply takes in a line of the file.
func (d *Ledger) apply(r record) {
	if r.File != nil {
		r.File.stored = true
		if was := d.entries[r.File.N]; was != nil {
			*was = *r.File
			d.inodes[inodeOf(was.Disk)] = was
		} else {
			d.add(r.File)
		}
	}
	if r.Stream != "" {
		d.streams[r.Stream], r.Path = r.Seq, pathOf(r.Stream)
	}
	if r.Path != "" && r.File != nil {
		d.turn(r.Path, d.entries[r.File.N])
	}
}

// write appends records, after the entries that were changed since.
func (d *Ledger) write(records ...record) error {
	if d.path == "" {
		clear(d.changed)
		return nil
	}
	var b bytes.Buffer
	for e := range d.changed {
		if err := encodeRecord(&b, record{File: e}); err != nil {
			return err
		}
	}
	for _, r := range records {
		if err := encodeRecord(&b, r); err != nil {
			return err
		}
	}
	if b.Len() == 0 {
		return nil
	}
	if d.size > max(compactAt, 4*d.compact) {
		if err := d.rewrite(); err != nil {
			return explain("write", d.path, err)
		}
	}
	if d.f == nil {
		f, err := openOwn(d.path, os.O_RDWR|os.O_CREATE)
		if err == nil {
			err = syncDir(filepath.Dir(d.path))
		}
		if err != nil {
			return explain("write", d.path, err)
		}
		d.f = f
	}
	if err := d.append(d.f, b.Bytes(), d.size); err != nil {
		return explain("write", d.path, err)
	}
	d.size += int64(b.Len())
	clear(d.changed)
	return nil
}

func encodeRecord(b *bytes.Buffer, r record) error {
	data, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encode a line of the ledger: %w", err)
	}
	fmt.Fprintf(b, "%s %s\n", lineSum(data), data)
	return nil
}

// appendSync writes data at the end of the whole lines, over what a full disk
// or a crash left half.
func appendSync(f *os.File, data []byte, at int64) error {
	if err := f.Truncate(at); err != nil {
		return err
	}
	if _, err := f.WriteAt(data, at); err != nil {
		return err
	}
	return f.Sync()
}

// rewrite writes the file anew, one line a file and a stream. Of the files
// that no source has met since the start those met last are kept.
func (d *Ledger) rewrite() error {
	all := make([]*entry, 0, len(d.entries))
	missing := 0
	for _, e := range d.entries {
		all = append(all, e)
		if !e.met {
			missing++
		}
	}
	slices.SortFunc(all, func(a, b *entry) int { return cmp.Compare(a.N, b.N) })
	var b bytes.Buffer
	for _, e := range all {
		if !e.met && e.intent == nil && e.Lost == nil {
			if missing > maxMissing {
				d.drop(e)
				missing--
				continue
			}
			if missing > maxMarked && len(e.State) > 0 { // what is left proves the whole of it
				e.Marks = nil
			}
			missing--
		}
		if e.Read == 0 && !e.Done && e.Lost == nil {
			continue // nothing of it was committed
		}
		if err := encodeRecord(&b, record{File: e}); err != nil {
			return err
		}
	}
	for stream, seq := range d.streams {
		if err := encodeRecord(&b, record{Stream: stream, Seq: seq}); err != nil {
			return err
		}
	}
	for path, files := range d.turns {
		for _, e := range files {
			if d.entries[e.N] != e {
				continue
			}
			if err := encodeRecord(&b, record{Path: path, File: e}); err != nil {
				return err
			}
		}
	}
	if err := writeFile(d.path, b.Bytes()); err != nil {
		return err
	}
	f, err := openOwn(d.path, os.O_RDWR)
	if err != nil {
		return err
	}
	if d.f != nil {
		d.f.Close()
	}
	d.f, d.size, d.compact = f, int64(b.Len()), int64(b.Len())
	return nil
}
