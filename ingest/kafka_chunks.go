package ingest

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"hash/fnv"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/bouncehouse/bouncehouse"
)

// kafkaMaxData bounds what one message may become: a few bytes of zstd can ask
// for gigabytes. Four times what the sink puts into one.
const kafkaMaxData = 32 << 20

// messagePlace is where in Kafka a message stood.
type messagePlace struct {
	topic     string
	partition int
	offset    int64
	time      time.Time
}

// chunkReader makes chunks of messages. Not for concurrent use.
type chunkReader struct {
	decoder *zstd.Decoder
	buf     []byte
}

func newChunkReader() (*chunkReader, error) {
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(kafkaMaxData))
	if err != nil {
		return nil, fmt.Errorf("zstd: %w", err)
	}
	return &chunkReader{decoder: d}, nil
}

func (r *chunkReader) close() { r.decoder.Close() }

// read makes a chunk of a message; of one that is none a Broken chunk, which
// becomes a dead letter: a stranger's message must never stop the topic.
func (r *chunkReader) read(at messagePlace, value []byte) bouncehouse.Chunk {
	var c bouncehouse.Chunk
	var err error
	if r.buf, err = r.decoder.DecodeAll(value, r.buf[:0]); err == nil {
		err = c.UnmarshalBinary(r.buf)
	}
	if cap(r.buf) > kafkaMaxData/8 {
		r.buf = nil // one large message is no reason to hold its memory for ever
	}
	if err != nil {
		c = brokenMessage(at, value, "not a chunk: "+err.Error())
	}
	return c
}

// brokenMessage is the chunk in place of a message. Its data is the message in
// base64, as far as a dead letter keeps it: the bytes would not survive as text.
func brokenMessage(at messagePlace, value []byte, reason string) bouncehouse.Chunk {
	sum := sha256.Sum256(value)
	return bouncehouse.Chunk{
		Stream: fmt.Sprintf("kafka:%s/%d", at.topic, at.partition),
		FileID: hex.EncodeToString(sum[:16]), // a topic made anew counts its offsets from 0 again
		File:   at.topic,
		Kind:   bouncehouse.Broken,
		Ref:    at.time,
		Offset: at.offset,
		Reason: fmt.Sprintf("topic %s partition %d offset %d: %s", at.topic, at.partition, at.offset, reason),
		Data:   base64.StdEncoding.EncodeToString(value[:min(len(value), bouncehouse.MaxRaw/4*3)]),
	}
}

// lostMessages is the chunk in place of messages that are gone from the topic.
func lostMessages(at messagePlace, to int64, why string) bouncehouse.Chunk {
	c := brokenMessage(at, nil, fmt.Sprintf("the messages up to offset %d, without it, are lost: %s", to, why))
	c.FileID = fmt.Sprintf("lost up to %d", to)
	return c
}

// kafkaIntent is what stands in a committed offset's metadata while the batch
// that begins there is under way. Brokers allow 4096 bytes.
type kafkaIntent struct {
	From int64  `json:"from"`
	To   int64  `json:"to"` // the offset after the last
	ID   string `json:"id"` // Batch.ID: that of the write that may have left something
}

// metadata is the intent as it is committed.
func (i kafkaIntent) metadata() (string, error) {
	b, err := json.Marshal(i)
	if err != nil {
		return "", fmt.Errorf("encode the intent: %w", err)
	}
	return string(b), nil
}

// readIntent reads the metadata of the committed offset; nil where no intent
// stands.
func readIntent(metadata string, committed int64) (*kafkaIntent, error) {
	if metadata == "" {
		return nil, nil
	}
	var i kafkaIntent
	if err := json.Unmarshal([]byte(metadata), &i); err != nil {
		return nil, fmt.Errorf("metadata that is not ours: %w", err)
	}
	if i.From != committed || i.To <= i.From || i.ID == "" {
		return nil, errors.New("metadata that does not fit its offset")
	}
	return &i, nil
}

// batchID names a range of messages and what is in them. The content belongs
// to it: a topic that was deleted and made anew counts from 0 again, and its
// first batch must not be taken for that of the old one, whose token ClickHouse
// may still know.
type batchID struct {
	prefix string
	sum    hash.Hash
}

func newBatchID(topic string, partition int) *batchID {
	id := &batchID{prefix: fmt.Sprintf("kafka.%.80s.%d", strings.ReplaceAll(topic, "_", "-"), partition),
		sum: sha256.New()}
	id.sum.Write([]byte(topic))
	return id
}

func (id *batchID) add(offset int64, value []byte) {
	var n [16]byte
	binary.BigEndian.PutUint64(n[:], uint64(offset))
	binary.BigEndian.PutUint64(n[8:], uint64(len(value)))
	id.sum.Write(n[:])
	id.sum.Write(value)
}

func (id *batchID) of(from, to int64) string {
	return fmt.Sprintf("%s.%d-%d.%s", id.prefix, from, to-1, hex.EncodeToString(id.sum.Sum(nil)[:8]))
}

// maxStreams bounds how many streams' last chunks are remembered.
const maxStreams = 10_000

// recentChunks is how many chunks of a stream are known by their places.
const recentChunks = 16

// seenChunks remembers what came of each stream, to know a chunk that comes
// twice: ingest produces again what it has no answer for.
//
// A chunk in the same place under the same number as one that this partition
// has brought is the same, and is dropped. One that is merely not above the
// stream's last number may be new all the same: an ingest that lost its state
// counts from 1; partitions added to the topic send a stream another way; a
// chunk too large for the brokers comes in parts under one number. Dropping
// those would lose mail, so they are kept, and the sink asks row by row.
type seenChunks struct {
	lastSeq func(ctx context.Context, stream string) (uint64, error)
	streams map[string]*seenStream
}

type seenStream struct {
	asked  bool   // lastSeq is in seq
	seq    uint64 // the largest
	recent [recentChunks]uint64
	next   int
}

type verdict int

const (
	chunkNew verdict = iota
	chunkDoubtful
	chunkRepeated
)

// stored notes a chunk that is known to be durable downstream.
func (s *seenChunks) stored(c *bouncehouse.Chunk) { s.stream(c.Stream).note(c) }

// judge tells what c is and notes it.
func (s *seenChunks) judge(ctx context.Context, c *bouncehouse.Chunk) (verdict, error) {
	seen := s.stream(c.Stream)
	if !seen.asked {
		seq, err := s.lastSeq(ctx, c.Stream)
		if err != nil {
			return 0, err
		}
		seen.asked, seen.seq = true, max(seen.seq, seq)
	}
	v := chunkNew
	switch place := chunkPlace(c); {
	case seen.has(place):
		return chunkRepeated, nil
	case c.Seq <= seen.seq:
		v = chunkDoubtful
	}
	seen.note(c)
	return v, nil
}

func (s *seenChunks) stream(name string) *seenStream {
	seen := s.streams[name]
	if seen == nil {
		if len(s.streams) >= maxStreams {
			clear(s.streams) // lastSeq still knows
		}
		seen = &seenStream{}
		s.streams[strings.Clone(name)] = seen
	}
	return seen
}

func (s *seenStream) note(c *bouncehouse.Chunk) {
	s.seq = max(s.seq, c.Seq)
	s.recent[s.next] = chunkPlace(c)
	s.next = (s.next + 1) % recentChunks
}

func (s *seenStream) has(place uint64) bool {
	for _, p := range s.recent {
		if p == place {
			return true
		}
	}
	return false
}

// chunkPlace is a hash of what makes a chunk of a stream the same as another;
// never 0.
func chunkPlace(c *bouncehouse.Chunk) uint64 {
	h := fnv.New64a()
	var n [24]byte
	binary.BigEndian.PutUint64(n[:], c.Seq)
	binary.BigEndian.PutUint64(n[8:], uint64(c.Offset))
	binary.BigEndian.PutUint64(n[16:], uint64(len(c.Data)))
	h.Write(n[:])
	h.Write([]byte(c.FileID))
	return h.Sum64() | 1
}
