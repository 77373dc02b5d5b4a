package ingest

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"

	"github.com/bouncehouse/bouncehouse"
)

// mailBatch is a batch of mails on its way. While it may have been written and
// is not committed, a file in the state directory holds it, mails and all:
// whatever becomes of them meanwhile, it comes again as it was.
type mailBatch struct {
	bouncehouse.Batch
	mails  []doneMail // one a chunk
	copies []doneMail // met beside them: they lie here too
	bytes  int64      // on disk, for Progress

	standing bool   // it is durable
	path     string // of its file, where there is a state directory
}

// batchHead stands before the mails in a batch's file.
type batchHead struct {
	Batch  string              `json:"batch"`
	Chunks []bouncehouse.Chunk `json:"chunks"`
	Sizes  []int               `json:"sizes"`
	Mails  []string            `json:"mails"` // the id of each
}

const batchSuffix = ".batch"

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// encode is the content of the batch's file: a checksum of what follows, the
// length of the head, the head, the mails.
func (b *mailBatch) encode() ([]byte, error) {
	h := batchHead{Batch: b.ID, Chunks: b.Chunks}
	size := 0
	for i, c := range b.Chunks {
		h.Sizes = append(h.Sizes, len(c.Data))
		h.Mails = append(h.Mails, b.mails[i].id.String())
		size += len(c.Data)
	}
	head, err := json.Marshal(h)
	if err != nil {
		return nil, fmt.Errorf("encode batch %s: %w", b.ID, err)
	}
	out := make([]byte, 8, 8+len(head)+size)
	binary.BigEndian.PutUint32(out[4:], uint32(len(head)))
	out = append(out, head...)
	for _, c := range b.Chunks {
		out = append(out, c.Data...)
	}
	binary.BigEndian.PutUint32(out, crc32.Checksum(out[4:], castagnoli))
	return out, nil
}

func decodeBatch(raw []byte) (*mailBatch, error) {
	if len(raw) < 8 || crc32.Checksum(raw[4:], castagnoli) != binary.BigEndian.Uint32(raw) {
		return nil, errors.New("its checksum is wrong")
	}
	n := int(binary.BigEndian.Uint32(raw[4:]))
	raw = raw[8:]
	if n > len(raw) {
		return nil, errors.New("it is cut")
	}
	var h batchHead
	if err := json.Unmarshal(raw[:n], &h); err != nil {
		return nil, err
	}
	raw = raw[n:]
	b := &mailBatch{Batch: bouncehouse.Batch{ID: h.Batch, Chunks: h.Chunks}, standing: true}
	if len(h.Sizes) != len(h.Chunks) || len(h.Mails) != len(h.Chunks) {
		return nil, errors.New("its lists differ in length")
	}
	for i, size := range h.Sizes {
		id, ok := parseID(h.Mails[i])
		if !ok || size < 0 || size > len(raw) {
			return nil, errors.New("it is cut")
		}
		b.mails = append(b.mails, doneMail{id: id})
		b.Chunks[i].Data = string(raw[:size])
		raw = raw[size:]
	}
	return b, nil
}

// intend makes b durable: until it is committed it comes again, also after a
// crash, from whichever mailbox of the state directory is read first.
func (s *Mails) intend(b *mailBatch) error {
	if b.standing || s.dir == "" {
		b.standing = true
		return nil
	}
	raw, err := b.encode()
	if err != nil {
		return err
	}
	path := filepath.Join(s.dir, b.ID+batchSuffix)
	tmp := path + ".tmp"
	f, err := openOwn(tmp, os.O_WRONLY|os.O_CREATE)
	if err == nil {
		if err = f.Truncate(0); err == nil {
			err = s.write(f, raw)
		}
		if err == nil {
			err = f.Sync()
		}
		err = errors.Join(err, f.Close())
	}
	if err == nil {
		err = os.Rename(tmp, path)
	}
	if err != nil {
		os.Remove(tmp)
		return explain("write", tmp, err)
	}
	if err := syncDir(s.dir); err != nil {
		return explain("write", path, err)
	}
	b.standing, b.path = true, path
	return nil
}

// readBatches finds the batches that stand, and takes what never came to
// stand away.
func (s *Mails) readBatches() error {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return explain("read", s.dir, err)
	}
	for _, e := range entries {
		path := filepath.Join(s.dir, e.Name())
		switch {
		case bytes.HasSuffix([]byte(e.Name()), []byte(batchSuffix+".tmp")):
			os.Remove(path)
		case filepath.Ext(path) == batchSuffix:
			raw, err := readOwn(path)
			if err != nil {
				return explain("read", path, err)
			}
			b, err := decodeBatch(raw)
			if err != nil {
				return fmt.Errorf("file %s is damaged: %w: put a copy of it back, or delete it: its mails are then read again where they still lie, and may count twice", path, err)
			}
			b.path = path
			s.stand(b)
		}
	}
	return nil
}

// stand lets b come from the next source that asks; its mails are no one
// else's meanwhile.
func (s *Mails) stand(b *mailBatch) {
	s.standing = append(s.standing, b)
	for _, m := range b.mails {
		s.claims[m.id] = true
	}
}
