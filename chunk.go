package bouncehouse

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// chunkVersion is the first byte of a chunk's binary form. A field more in the
// header needs no new version: readers pass over names they do not know, so
// that a fleet's ingest and process may be of different ages.
const chunkVersion = 1

// maxChunkHeader bounds the header of a chunk's binary form.
const maxChunkHeader = 64 << 10

// AppendBinary appends the form in which a chunk travels, before compression:
//
//	version   1 byte
//	header    length as uvarint, then the fields as a JSON object
//	data      all the rest, as it was read
//
// Replay is not carried: it is for the reader to know. In names, bytes that
// are no UTF-8 become U+FFFD. An error means that c is none that a source may
// hand on: without a stream, of an unknown kind.
func (c *Chunk) AppendBinary(b []byte) ([]byte, error) {
	if err := c.validate(); err != nil {
		return b, err
	}
	carried := *c
	carried.Reason = Clean(c.Reason, MaxText)
	if y := c.Ref.Year(); y < 1 || y > 9999 { // a file's mtime may be anything; JSON has no other years
		carried.Ref = time.Time{}
	}
	header, err := json.Marshal(&carried)
	if err != nil {
		return b, fmt.Errorf("encode chunk %d of %q: %w", c.Seq, c.Stream, err)
	}
	if len(header) > maxChunkHeader {
		return b, fmt.Errorf("encode chunk %d: a header of %d bytes", c.Seq, len(header))
	}
	b = append(b, chunkVersion)
	b = binary.AppendUvarint(b, uint64(len(header)))
	b = append(b, header...)
	return append(b, c.Data...), nil
}

// MarshalBinary is AppendBinary into a slice of its own.
func (c *Chunk) MarshalBinary() ([]byte, error) {
	return c.AppendBinary(make([]byte, 0, len(c.Data)+1024))
}

// UnmarshalBinary reads what AppendBinary wrote. It keeps nothing of b. After
// an error c holds nothing.
func (c *Chunk) UnmarshalBinary(b []byte) error {
	*c = Chunk{}
	if len(b) == 0 {
		return errors.New("decode chunk: it is empty")
	}
	if b[0] != chunkVersion {
		return fmt.Errorf("decode chunk: unknown version %d", b[0])
	}
	length, n := binary.Uvarint(b[1:])
	if n <= 0 || length > maxChunkHeader || length > uint64(len(b)-1-n) {
		return errors.New("decode chunk: the header is cut or too long")
	}
	header, data := b[1+n:1+n+int(length)], b[1+n+int(length):]
	var read Chunk
	if err := json.Unmarshal(header, &read); err != nil {
		return fmt.Errorf("decode chunk: %w", err)
	}
	read.Data = string(data)
	if err := read.validate(); err != nil {
		return err
	}
	*c = read
	return nil
}

// validate tells whether c is what a source may hand on.
func (c *Chunk) validate() error {
	switch {
	case c.Stream == "":
		return errors.New("chunk without a stream")
	case c.Kind != Lines && c.Kind != Mail && c.Kind != Broken:
		return fmt.Errorf("chunk of the unknown kind %q", Clean(string(c.Kind), 40))
	case c.Offset < 0:
		return fmt.Errorf("chunk at the offset %d", c.Offset)
	}
	return nil
}

// Halves cuts c in two, for a way that cannot take it whole: lines between two
// lines; of a mail the first half is kept and the rest dropped, since what a
// bounce mail tells stands before the message that it returns; what cannot be
// cut so (one line, a broken chunk, a small mail) becomes a Broken chunk that
// says reason. All parts have c's sequence number. The same chunk is always
// cut at the same places.
func (c *Chunk) Halves(reason string) []Chunk {
	const smallMail = 16 << 10
	half := len(c.Data) / 2
	switch at := lineCut(c.Data); {
	case c.Kind == Lines && at < len(c.Data):
		first, second := *c, *c
		first.Data, second.Data = c.Data[:at], c.Data[at:]
		second.Offset += int64(at)
		return []Chunk{first, second}
	case c.Kind == Mail && half > smallMail:
		first := *c
		first.Data = c.Data[:half]
		return []Chunk{first}
	}
	broken := *c
	if broken.Kind != Broken {
		broken.Kind, broken.Reason = Broken, reason
	}
	broken.Data = cut(c.Data, MaxRaw)
	if len(broken.Data) == len(c.Data) {
		broken.Data = cut(c.Data, half)
	}
	return []Chunk{broken}
}

// lineCut is where the line ends that is nearest before the middle of s, else
// the first after it, with the empty lines that follow: one ends an entry of a
// journal's export. It is len(s) where s is one line.
func lineCut(s string) int {
	half := len(s) / 2
	at := strings.LastIndexByte(s[:half], '\n') + 1
	if at == 0 {
		n := strings.IndexByte(s[half:], '\n')
		if n < 0 {
			return len(s)
		}
		at = half + n + 1
	}
	if rest := strings.TrimLeft(s[at:], "\n"); rest != "" {
		return len(s) - len(rest)
	}
	return at
}

// cut is s up to limit bytes, not within a character.
func cut(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	for n := 0; n < utf8.UTFMax && limit > 0 && !utf8.RuneStart(s[limit]); n++ {
		limit--
	}
	return s[:limit]
}
