package ingest

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"io"
	"io/fs"
)

// mailID is what a mail is known by, whatever it is called and wherever it
// lies: half of SHA-256 over its content, without what storing it adds (see
// mailHash).
type mailID [16]byte

func (id mailID) String() string { return hex.EncodeToString(id[:]) }

// parseID is the id that s, 32 hex digits, stands for.
func parseID(s string) (id mailID, ok bool) {
	if len(s) != 2*len(id) {
		return id, false
	}
	_, err := hex.Decode(id[:], []byte(s))
	return id, err == nil
}

// sumOf is the id that stands for a text that is no mail's.
func sumOf(text string) (id mailID) {
	sum := sha256.Sum256([]byte(text))
	copy(id[:], sum[:])
	return id
}

// placeOf stands for a file as it lies on disk under a name. What lies there
// unchanged is known without being read. Two file systems that were made alike have
// like inodes; where the device is another after a boot, the mail is read once more.
func placeOf(info fs.FileInfo, name string) (id mailID) {
	d := diskOf(info)
	b := make([]byte, 0, 128)
	for _, n := range []uint64{d.Dev, d.Inode, uint64(d.Size), uint64(d.MTime)} {
		b = binary.BigEndian.AppendUint64(b, n)
	}
	sum := sha256.Sum256(append(b, name...))
	copy(id[:], sum[:])
	return id
}

const (
	hashMax = 64 << 20 // of a larger mail its front and its size must do
	lineMax = 4 << 10  // more of a line tells nothing of what it is
)

// mailHash computes a mailID of what is written to it. A mail is the same in
// a Maildir, in an mbox and as a file that was saved with other line ends. So
// left out are: the "From " line before it and the ">" before a "From " line
// in it (mbox(5)), the fields in which mail programs keep what they know of a
// mail, CR before LF, and empty lines before and after it.
type mailHash struct {
	sum  hash.Hash
	buf  []byte // to be hashed
	size int64  // written
	line []byte // of a line whose end has not come
	ends int    // line ends that count once something follows

	from, begun, body bool // met: the "From " line; a line of the mail; the end of its header
	within            bool // a long line goes on
	skip              bool // the field, or line, is left out
}

func newMailHash() *mailHash { return &mailHash{sum: sha256.New()} }

// reset makes m that of another mail.
func (m *mailHash) reset() {
	m.sum.Reset()
	*m = mailHash{sum: m.sum, buf: m.buf[:0], line: m.line[:0]}
}

// Write implements io.Writer. It never fails.
func (m *mailHash) Write(p []byte) (int, error) {
	n := len(p)
	p = p[:max(0, min(int64(n), hashMax-m.size))]
	m.size += int64(n)
	for len(p) > 0 {
		end := bytes.IndexByte(p, '\n') + 1
		whole := end > 0
		if !whole {
			end = len(p)
		}
		line := p[:end]
		p = p[end:]
		if len(m.line) > 0 || !whole {
			m.line = append(m.line, line...)
			if !whole && len(m.line) < lineMax {
				break
			}
			line = m.line
		}
		keep := 0
		if !whole && line[len(line)-1] == '\r' {
			keep = 1 // it may be half of a line end
		}
		m.put(line[:len(line)-keep], whole)
		m.line = append(m.line[:0], line[len(line)-keep:]...)
	}
	return n, nil
}

// put takes a line, or where it is not whole a piece of a long one.
func (m *mailHash) put(line []byte, whole bool) {
	first := !m.within
	m.within = !whole
	if whole {
		line = bytes.TrimSuffix(line[:len(line)-1], []byte("\r"))
	}
	if first {
		m.skip = m.leaveOut(line, whole)
	}
	if m.skip {
		return
	}
	if first && len(line) > 0 && line[0] == '>' {
		if at := bytes.Index(line[:min(len(line), 64)], []byte("From ")); at > 0 &&
			len(bytes.Trim(line[:at], ">")) == 0 {
			line = line[at:]
		}
	}
	if len(line) > 0 {
		for ; m.ends > 0; m.ends-- {
			m.buf = append(m.buf, '\n')
		}
		m.buf = append(m.buf, line...)
	}
	if whole {
		m.ends++
	}
	if len(m.buf) >= 32<<10 {
		m.sum.Write(m.buf)
		m.buf = m.buf[:0]
	}
}

// leaveOut tells whether the line that begins so does not count.
func (m *mailHash) leaveOut(line []byte, whole bool) bool {
	switch {
	case m.body:
		return false
	case whole && len(line) == 0:
		m.body = m.begun
		return !m.begun
	case !m.begun && !m.from && bytes.HasPrefix(line, []byte("From ")):
		m.from = true
		return true
	}
	folded := m.begun && len(line) > 0 && (line[0] == ' ' || line[0] == '\t')
	m.begun = true
	return folded && m.skip || !folded && isState(line)
}

// stateFields are those in which mail programs keep what they know of a mail.
var stateFields = []string{
	"status", "x-status", "x-keywords", "x-uid", "x-uidl", "x-imap", "x-imapbase", "content-length", "lines",
	"x-mozilla-status", "x-mozilla-status2", "x-mozilla-keys", "x-account-key",
}

func isState(line []byte) bool {
	name, _, ok := bytes.Cut(line[:min(len(line), 32)], []byte(":"))
	if !ok || len(name) == 0 || bytes.IndexByte([]byte("sSxXcClL"), name[0]) < 0 {
		return false
	}
	for _, f := range stateFields {
		if bytes.EqualFold(name, []byte(f)) {
			return true
		}
	}
	return false
}

// ID is that of what was written.
func (m *mailHash) ID() (id mailID) {
	if len(m.line) > 0 {
		m.put(m.line, false)
		m.line = m.line[:0]
	}
	m.sum.Write(m.buf)
	m.buf = m.buf[:0]
	if m.size > hashMax {
		m.sum.Write(binary.BigEndian.AppendUint64(nil, uint64(m.size)))
	}
	copy(id[:], m.sum.Sum(nil))
	return id
}

// idOf is the id of a mail in memory.
func idOf(mail string) mailID {
	h := newMailHash()
	io.WriteString(h, mail)
	return h.ID()
}
