package ingest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/bouncehouse/bouncehouse"
)

// position is where one stream stands. It is one small file in the state
// directory, replaced as a whole by each Intend and each Commit.
type position struct {
	Version int      `json:"version"`
	Stream  string   `json:"stream"`
	Path    string   `json:"path"`
	Kind    fileKind `json:"kind"`
	Seq     uint64   `json:"seq"` // of the last chunk committed
	Files   []*known `json:"files"`
	Intent  *intent  `json:"intent,omitempty"`
}

// The versions of a position. Those of logs were as those of mailboxes are
// once, before there was a Ledger: Files held what that holds now.
const (
	positionVersion = 1
	logVersion      = 2
)

// known is an mbox, or in version 1 a log, that was met.
type known struct {
	ID   string `json:"id"`             // see identify
	Head int64  `json:"head"`           // bytes of content that ID was made of
	Gen  int    `json:"gen,omitempty"`  // how many other files with this head were met before
	Name string `json:"name"`           // base name when last read
	Read int64  `json:"read"`           // committed up to here
	Tail string `json:"tail"`           // hash of what stands before Read, see tailSum
	Done bool   `json:"done,omitempty"` // nothing can follow: damaged, or no text
	Disk disk   `json:"disk,omitzero"`  // as it lay on disk when all of it had been read

	// Marks are, of version 1 of a log, see entry.Old.
	Marks []string `json:"marks,omitempty"`
}

// disk is a state of a file on disk. A file that looks the same has nothing
// new, and need not be opened (nor decompressed) to know it.
type disk struct {
	Dev   uint64 `json:"dev"`
	Inode uint64 `json:"inode"`
	Size  int64  `json:"size"`
	MTime int64  `json:"mtime"` // nanoseconds since 1970
}

// intent is a range that may have been written but was not committed. It
// holds all that makes the chunk again, exactly as it was.
type intent struct {
	Batch  string           `json:"batch"`
	Seq    uint64           `json:"seq"`
	File   string           `json:"file"` // identity
	Name   string           `json:"name"`
	Kind   bouncehouse.Kind `json:"kind"`
	From   int64            `json:"from"`
	To     int64            `json:"to"`
	Ref    time.Time        `json:"ref"`
	Tail   string           `json:"tail"`          // tailSum at To
	Sum    string           `json:"sum,omitempty"` // of what was read of a log file once this is
	Reason string           `json:"reason,omitempty"`
	Done   bool             `json:"done,omitempty"` // nothing follows in the file
	Host   string           `json:"host"`
	Zone   string           `json:"zone"`
	Mails  []mailIntent     `json:"mails,omitempty"`
	New    *entry           `json:"new,omitempty"` // the log file, where nothing of it was committed yet
}

// mailIntent is one mail of a Maildir's batch.
type mailIntent struct {
	Name   string    `json:"name"` // unique name
	File   string    `json:"file"` // hash of the content
	Ref    time.Time `json:"ref"`
	Reason string    `json:"reason,omitempty"`
}

// positionFile keeps a position durable. Without a directory it keeps nothing.
type positionFile struct {
	path string
	// write is writeFile; tests put a full disk in its place.
	write func(path string, data []byte) error
}

// sealed is the form on disk. The sum tells a damaged file from a whole one.
type sealed struct {
	Sum      string          `json:"sha256"`
	Position json.RawMessage `json:"position"`
}

var unsafeName = regexp.MustCompile(`[^A-Za-z0-9.-]+`)

// openStore finds where stream stands; fresh where it was never met: then
// chunks are numbered from the clock, so that a state directory that was lost
// never leads to a number that was used.
func openStore(stream, path string, o Options) (s *positionFile, p *position, fresh bool, err error) {
	p = &position{Version: positionVersion, Stream: stream, Path: path, Seq: uint64(o.Now().UnixMicro())}
	s = &positionFile{write: writeFile}
	if o.State == "" {
		return s, p, true, nil
	}
	dir := filepath.Join(o.State, positionsName)
	if err := ownDir(dir); err != nil {
		return nil, nil, false, explain("create", dir, err)
	}
	s.path = filepath.Join(dir, unsafeName.ReplaceAllString(filepath.Base(path), "_")+"-"+shortHash(stream)+".json")
	raw, err := readOwn(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		return s, p, true, nil
	}
	if err != nil {
		return nil, nil, false, explain("read position", s.path, err)
	}
	if p, err = unseal(raw); err == nil && p.Stream != stream {
		err = fmt.Errorf("it is that of %s", p.Stream)
	}
	if err != nil {
		return nil, nil, false,
			fmt.Errorf("position file %s cannot be used: %w: put a copy of it back, or delete it to read %s again from its beginning", s.path, err, stream)
	}
	return s, p, false, nil
}

func unseal(raw []byte) (*position, error) {
	var in sealed
	if err := json.Unmarshal(raw, &in); err != nil {
		return nil, fmt.Errorf("it is damaged: %w", err)
	}
	if sum := sha256.Sum256(in.Position); hex.EncodeToString(sum[:]) != in.Sum {
		return nil, errors.New("it is damaged: its checksum is wrong")
	}
	p := new(position)
	if err := json.Unmarshal(in.Position, p); err != nil {
		return nil, fmt.Errorf("it is damaged: %w", err)
	}
	if p.Version != positionVersion && p.Version != logVersion {
		return nil, fmt.Errorf("it has version %d and this program knows %d", p.Version, logVersion)
	}
	return p, nil
}

// save makes p durable.
func (s *positionFile) save(p *position) error {
	if s.path == "" {
		return nil
	}
	raw, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("encode position: %w", err)
	}
	sum := sha256.Sum256(raw)
	raw, err = json.Marshal(sealed{hex.EncodeToString(sum[:]), raw})
	if err != nil {
		return fmt.Errorf("encode position: %w", err)
	}
	if err := s.write(s.path, append(raw, '\n')); err != nil {
		return explain("write position", s.path, err)
	}
	return nil
}

// writeFile replaces the file at path so that after a crash either the old or
// the new content is there, whole.
func writeFile(path string, data []byte) (err error) {
	tmp := path + ".tmp"
	f, err := openOwn(tmp, os.O_WRONLY|os.O_CREATE)
	if err != nil {
		return err
	}
	if err = f.Truncate(0); err == nil {
		_, err = f.Write(data)
	}
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(tmp, path)
	}
	if err != nil {
		os.Remove(tmp)
		return err
	}
	return syncDir(filepath.Dir(path))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = d.Sync()
	return errors.Join(err, d.Close())
}

// shortHash is 12 hex digits that stand for s in names.
func shortHash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:6])
}

// identify is a file's identity: the first half of SHA-256 over the head of
// its decompressed content (see headLen) and, where another file with the
// same head was met before, over how many.
func identify(head []byte, gen int) string {
	if gen > 0 {
		head = fmt.Appendf(bytes.Clone(head), "\x00%d", gen)
	}
	sum := sha256.Sum256(head)
	return hex.EncodeToString(sum[:16])
}

// filesIn are the paths of the files in dir whose names end so; none where there
// is no such directory. (To filepath.Glob a [ in dir is part of a pattern.)
func filesIn(dir, suffix string) (paths []string, err error) {
	files, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	for _, f := range files {
		if strings.HasSuffix(f.Name(), suffix) {
			paths = append(paths, filepath.Join(dir, f.Name()))
		}
	}
	return paths, err
}
