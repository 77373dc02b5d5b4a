package ingest

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"sync/atomic"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// maxWindow bounds what one zstd stream may ask for (zstd --long=27 does).
const maxWindow = 128 << 20

// errDamaged is within every error of a decompressor: what was read before it
// is good, nothing can be read after it.
var errDamaged = errors.New("compressed data is cut or damaged")

func damaged(err error) bool { return errors.Is(err, errDamaged) }

// content is the decompressed content of an open file. Reading it at offsets
// that rise is cheap; going far back in a packed file starts it over.
type content struct {
	file io.ReaderAt
	win  *window      // of a packed file
	disk atomic.Int64 // bytes of a packed file that were taken from disk
	free func()
}

// ReadAt implements io.ReaderAt.
func (c *content) ReadAt(p []byte, off int64) (int, error) {
	if c.win == nil {
		return c.file.ReadAt(p, off)
	}
	if off < c.win.base {
		c.close()
		if err := c.start(); err != nil {
			return 0, err
		}
	}
	return c.win.ReadAt(p, off)
}

func (c *content) packed() bool { return c.win != nil }

func (c *content) close() {
	if c.free != nil {
		c.free()
	}
	c.free = nil
}

var magics = []struct {
	magic string
	name  string
	fix   string // what to do, where it is not read
}{
	{"\x1f\x8b", "gzip", ""},
	{"\x28\xb5\x2f\xfd", "zstd", ""},
	{"BZh", "bzip2", ""},
	{"\xfd7zXZ\x00", "xz", "decompress it with unxz"},
	{"\x1f\x9d", "compress (.Z)", "decompress it with gunzip"},
	{"\x04\x22\x4d\x18", "lz4", "decompress it with unlz4"},
	{"PK\x03\x04", "zip", "unpack it"},
	{"7z\xbc\xaf\x27\x1c", "7z", "unpack it"},
	{"\x7fELF", "an ELF program", ""},
	{"\xff\xfe", "UTF-16", "convert it with iconv -f UTF-16 -t UTF-8"},
	{"\xfe\xff", "UTF-16", "convert it with iconv -f UTF-16 -t UTF-8"},
	{"\x01\x01\x01\x01\n", "an MMDF mailbox", "convert it to mbox"},
	{"BABYL OP", "a Babyl mailbox", "convert it to mbox"},
}

// notText is the error of a file that holds nothing to read.
type notText struct{ reason string }

func (e *notText) Error() string { return e.reason }

// openContent makes what reads the content of f, packed or not.
func openContent(f io.ReaderAt) (*content, error) {
	c := &content{file: f}
	if err := c.start(); err != nil {
		return nil, err
	}
	return c, nil
}

// start begins to unpack at the file's start.
func (c *content) start() error {
	c.win = nil
	magic := make([]byte, 8)
	n, err := c.file.ReadAt(magic, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	var r io.Reader
	raw := bufio.NewReaderSize(&counter{r: &follower{r: c.file}, n: &c.disk}, 256<<10)
	switch packing(magic[:n]) {
	case "gzip":
		gz, err := gzip.NewReader(raw)
		if err != nil {
			r = failed{fmt.Errorf("gzip: %w", err)}
			break
		}
		r, c.free = gz, func() { gz.Close() }
	case "zstd":
		z, err := zstd.NewReader(raw, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxWindow(maxWindow))
		if err != nil {
			return fmt.Errorf("start zstd: %w", err)
		}
		r, c.free = z, z.Close
	case "bzip2":
		r = bzip2.NewReader(raw)
	default:
		return nil
	}
	c.win = &window{r: r}
	return nil
}

// failed is a reader of a file that is damaged from its start.
type failed struct{ err error }

func (f failed) Read([]byte) (int, error) { return 0, f.err }

func packing(magic []byte) string {
	for _, m := range magics {
		if bytes.HasPrefix(magic, []byte(m.magic)) {
			return m.name
		}
	}
	return ""
}

// checkText says why a file whose raw data begins with raw and whose content
// begins with peek cannot be read, if so. Zeros at the start may stand before
// text (a writer without O_APPEND goes on where it was after a truncation),
// and later ones too, after a power failure or beside a writer with O_APPEND:
// what begins with lines and then has a hole is text.
func checkText(raw, peek []byte) error {
	for _, m := range magics {
		if !bytes.HasPrefix(raw, []byte(m.magic)) {
			continue
		}
		switch m.name {
		case "gzip", "zstd", "bzip2":
		case "an ELF program":
			return &notText{"it is " + m.name + ", not a log file"}
		default:
			return &notText{"it is " + m.name + ", which is not read: " + m.fix}
		}
	}
	text := bytes.TrimLeft(peek, "\x00")
	if isExport(text) || entryStart(text) >= 0 {
		return nil // its values may be binary; see entries.go of the latter
	}
	zero := bytes.IndexByte(text[:min(len(text), 1<<10)], 0)
	if zero >= 0 && !(beginsWithLines(text[:zero]) && bytes.HasPrefix(text[zero:], make([]byte, minHole))) {
		return &notText{"it is binary (it has zero bytes), not a log file"}
	}
	return nil
}

// minHole is how many zeros behind the first lines are a hole: in what is binary
// they stand alone.
const minHole = 16

// beginsWithLines tells whether text has whole lines, in which no control
// character but those of terminals stands.
func beginsWithLines(text []byte) bool {
	end := bytes.LastIndexByte(text, '\n')
	return end >= 0 && !bytes.ContainsFunc(text[:end], func(r rune) bool {
		return r < ' ' && r != '\t' && r != '\r' && r != '\n' && r != '\x1b'
	})
}

// fileKind is what a file holds.
type fileKind string

const (
	kindLog  fileKind = "log"
	kindMbox fileKind = "mbox"
	kindMail fileKind = "mail" // a single one
)

var (
	mboxStart = regexp.MustCompile(`^From (?:[^\n]*\d\d:\d\d[^\n]*\n|\r?\n[!-9;-~]+:)`)
	mailField = regexp.MustCompile(`(?i)^(return-path|received|message-id|mime-version|delivered-to|x-original-to|date|from|to|subject|content-type|auto-submitted|dkim-signature|arc-seal|reply-to|sender|x-[a-z0-9-]+|authentication-results):`)
	topField  = regexp.MustCompile(`(?i)^(return-path: ?<|received: (from|by|\() ?)`)
	anyField  = regexp.MustCompile(`^[!-9;-~]+:[ \t]?`)
)

// maxBefore is how many lines of another kind may stand before or between the
// fields by which a mail is known: "From " without a time, what MMDF, Babyl and
// Dovecot's dbox begin with.
const maxBefore = 8

// tellKind tells an mbox, a mail and a log apart by how they begin. A mail has
// a field there that servers write on top, or two well known ones (RFC 5322
// section 3.6). What follows is anyone's: whatever it is, it makes no log of a
// mail, whose lines would count as ours.
func tellKind(peek []byte) fileKind {
	peek = bytes.TrimLeft(bytes.TrimPrefix(bytes.TrimLeft(peek, "\x00"), []byte("\xef\xbb\xbf")), "\r\n")
	if mboxStart.Match(peek) {
		return kindMbox
	}
	usual, others := 0, 0
	for line := range bytes.Lines(peek) {
		switch {
		case line[0] == ' ' || line[0] == '\t':
		case topField.Match(line):
			return kindMail
		case mailField.Match(line):
			if usual++; usual == 2 {
				return kindMail
			}
		case others == maxBefore:
			return kindLog
		default:
			others++
			if !anyField.Match(line) {
				usual = 0
			}
		}
	}
	return kindLog
}

// sniffFile tells what the file at path is. Its errors are for people.
func sniffFile(path string) (fileKind, error) {
	f, _, err := openRegular(path)
	if err != nil {
		return "", explain("open", path, err)
	}
	defer f.Close()
	c, _, kind, err := sniff(f)
	if err != nil {
		return "", fmt.Errorf("open %s: %w", path, err)
	}
	c.close()
	return kind, nil
}

// sniff opens the content of f and tells by its beginning what it is. raw is
// how f begins on disk.
func sniff(f io.ReaderAt) (c *content, raw []byte, kind fileKind, err error) {
	raw = make([]byte, 4<<10)
	n, err := f.ReadAt(raw, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, nil, "", err
	}
	raw = raw[:n]
	if c, err = openContent(f); err != nil {
		return nil, raw, "", err
	}
	peek := make([]byte, 16<<10)
	n, err = c.ReadAt(peek, 0)
	switch {
	case n == 0 && errors.Is(err, io.ErrUnexpectedEOF) && growing(f):
		err = nil
	case n == 0 && damaged(err):
		err = &notText{err.Error()}
	case err == nil || errors.Is(err, io.EOF) || damaged(err):
		err = checkText(raw, peek[:n])
	}
	if err != nil {
		c.close()
		return nil, raw, "", err
	}
	return c, raw, tellKind(peek[:n]), nil
}

// growing tells whether f is a packed file that is still written.
func growing(f io.ReaderAt) bool {
	file, ok := f.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && unfinished(info)
}

// follower reads a file from its start.
type follower struct {
	r  io.ReaderAt
	at int64
}

func (f *follower) Read(p []byte) (int, error) {
	n, err := f.r.ReadAt(p, f.at)
	f.at += int64(n)
	if n > 0 && errors.Is(err, io.EOF) {
		err = nil
	}
	return n, err
}

type counter struct {
	r io.Reader
	n *atomic.Int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n.Add(int64(n))
	return n, err
}

// windowKeep is how far a window can be read back: what is replayed after a
// start, and the tail before it.
const windowKeep = replaySize + maxLine + tailMax

// window reads a stream at offsets that rise. It remembers windowKeep bytes
// before the last one asked for; what lies before base is gone.
type window struct {
	r    io.Reader
	buf  []byte
	base int64 // offset of buf
	err  error
}

func (w *window) ReadAt(p []byte, off int64) (int, error) {
	for w.err == nil && w.base+int64(len(w.buf)) < off+int64(len(p)) {
		old := min(off-windowKeep-w.base, int64(len(w.buf)))
		if old > 0 && old >= int64(len(w.buf)/2) {
			n := copy(w.buf, w.buf[old:])
			w.buf, w.base = w.buf[:n], w.base+old
		}
		if cap(w.buf)-len(w.buf) < 64<<10 {
			w.buf = slices.Grow(w.buf, max(256<<10, min(len(p), 8<<20)))
		}
		n, err := w.r.Read(w.buf[len(w.buf):cap(w.buf)])
		w.buf = w.buf[:len(w.buf)+n]
		if err != nil && !errors.Is(err, io.EOF) {
			err = fmt.Errorf("%w: %w", errDamaged, err)
		}
		w.err = err
	}
	n := 0
	if at := off - w.base; at < int64(len(w.buf)) {
		n = copy(p, w.buf[at:])
	}
	if n < len(p) {
		return n, w.err
	}
	return n, nil
}
