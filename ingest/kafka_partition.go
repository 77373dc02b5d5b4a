package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/bouncehouse/bouncehouse"
)

const (
	// kafkaReplay is how many messages before the first batch are read again,
	// so that the parsers know what they did. Of each stream among them as much
	// is kept as of a file, of all together kafkaReplayBytes.
	kafkaReplay      = 2048
	kafkaReplayBytes = 32 << 20
	// kafkaMaxMessages ends a batch of very small messages.
	kafkaMaxMessages = 20_000
	// kafkaBeyond is how often a partition that ends before its committed
	// offset is asked again: brokers that have just started may not know yet.
	kafkaBeyond = 6
)

// kafkaPartition is the Source of one partition under one generation.
type kafkaPartition struct {
	k      *Kafka
	gen    *kafka.Generation
	id     int
	log    *slog.Logger
	chunks *chunkReader
	reader *kafka.Reader // nil until opened
	seen   seenChunks

	held      *kafka.Message      // fetched already, the next batch's first
	committed int64               // where the next batch begins; what stands before it is replayed
	next      int64               // the offset that is expected next
	to        int64               // where the batch under way ends
	intent    *kafkaIntent        // stood when the partition was opened, and is not read yet
	unsettled int64               // up to here an older intent reached
	beyond    int                 // how often the end was before the committed offset
	replayed  []bouncehouse.Chunk // of the messages before the first batch
	lost      []bouncehouse.Chunk // what tells of messages that are gone
}

var _ bouncehouse.Source = (*kafkaPartition)(nil)

func (k *Kafka) newPartition(gen *kafka.Generation, id int) (*kafkaPartition, error) {
	chunks, err := newChunkReader()
	if err != nil {
		return nil, err
	}
	p := &kafkaPartition{k: k, gen: gen, id: id, chunks: chunks,
		log: k.log.With("partition", id, "generation", gen.ID)}
	p.seen = seenChunks{streams: map[string]*seenStream{}, lastSeq: p.lastSeq}
	return p, nil
}

func (p *kafkaPartition) close() {
	p.k.mu.Lock()
	delete(p.k.lag, p.id)
	p.k.mu.Unlock()
	if p.reader != nil {
		if err := p.reader.Close(); err != nil {
			p.log.Warn("close the kafka reader", "error", err)
		}
	}
	p.chunks.close()
}

// progress notes done more messages, and how many are still to come.
func (p *kafkaPartition) progress(done, lag int64) {
	p.k.mu.Lock()
	defer p.k.mu.Unlock()
	p.k.done += done
	p.k.lag[p.id] = max(lag, 0)
}

func (p *kafkaPartition) lastSeq(ctx context.Context, stream string) (seq uint64, err error) {
	err = p.k.retry(ctx, "ask for a stream's last number", func() error {
		seq, err = p.k.lastSeq(ctx, stream)
		return err
	})
	return seq, err
}

// Read returns the next batch; see bouncehouse.Source.
func (p *kafkaPartition) Read(ctx context.Context) (bouncehouse.Batch, error) {
	if p.reader == nil {
		if err := p.k.retry(ctx, "open the partition", func() error { return p.open(ctx) }); err != nil {
			return bouncehouse.Batch{}, err
		}
	}
	limit, linger := p.k.BatchBytes, p.k.Linger
	if limit <= 0 {
		limit = defaultBatchBytes
	}
	if linger <= 0 {
		linger = defaultLinger
	}
	gather, cancel := context.WithCancel(ctx)
	defer cancel()

	b := bouncehouse.Batch{Recover: p.committed < p.unsettled}
	id := newBatchID(p.k.o.Topic, p.id)
	var watermark int64
	for size, n := 0, 0; ; {
		m, err := p.fetch(gather)
		if ctx.Err() != nil {
			return bouncehouse.Batch{}, ctx.Err()
		}
		if err != nil && n > 0 && gather.Err() != nil {
			break // lingered
		}
		if err != nil {
			return bouncehouse.Batch{}, err
		}
		at := messagePlace{p.k.o.Topic, p.id, m.Offset, m.Time}
		if m.Offset < p.committed {
			p.replay(at, m.Value)
			continue
		}
		until := m.Offset
		if p.intent != nil {
			until = min(until, p.intent.To)
		}
		if until > p.next {
			if err := p.skipped(ctx, at, until); err != nil {
				return bouncehouse.Batch{}, err
			}
		}
		b.Chunks = append(append(b.Chunks, p.lost...), p.replayed...)
		p.lost, p.replayed = nil, nil
		if p.intent != nil && m.Offset >= p.intent.To {
			p.held = &m
			break
		}
		c := p.chunks.read(at, m.Value)
		v := chunkNew
		if c.Kind != bouncehouse.Broken || c.Seq > 0 {
			if v, err = p.seen.judge(ctx, &c); err != nil {
				return bouncehouse.Batch{}, err
			}
		} else {
			p.log.Warn("dead letter", "reason", c.Reason)
		}
		if v == chunkDoubtful && !b.Recover {
			p.log.Info("a chunk below its stream's last number: asking the sink row by row", "stream", c.Stream,
				"seq", c.Seq)
			b.Recover = true
		}
		if v != chunkRepeated {
			b.Chunks = append(b.Chunks, c)
		}
		id.add(m.Offset, m.Value)
		p.next, watermark = m.Offset+1, m.HighWaterMark
		n++
		size += len(c.Data)
		if p.intent != nil {
			if p.next >= p.intent.To {
				break
			}
			continue // all of it, whatever its size: it is cut as it was
		}
		if size >= limit || n >= kafkaMaxMessages {
			break
		}
		if n == 1 {
			defer time.AfterFunc(linger, cancel).Stop()
		}
	}
	p.to = p.next
	b.ID = id.of(p.committed, p.to)
	if p.intent != nil {
		// The range is the intent's, and so is the name: what may be there was
		// written under it.
		p.to, b.ID = max(p.to, p.intent.To), p.intent.ID
		p.next, p.intent = p.to, nil
	}
	p.progress(0, watermark-p.committed)
	return b, nil
}

// Intend commits the old offset again, with the batch's range as metadata.
func (p *kafkaPartition) Intend(ctx context.Context, b bouncehouse.Batch) error {
	metadata, err := kafkaIntent{From: p.committed, To: p.to, ID: b.ID}.metadata()
	if err != nil {
		return err
	}
	return p.commit(ctx, p.committed, metadata)
}

// Commit commits the offset after the batch; the intent is gone with it.
func (p *kafkaPartition) Commit(ctx context.Context, _ bouncehouse.Batch) error {
	if err := p.commit(ctx, p.to, ""); err != nil {
		return err
	}
	n := p.to - p.committed
	p.committed = p.to
	p.k.mu.Lock()
	lag := p.k.lag[p.id] - n
	p.k.mu.Unlock()
	p.progress(n, lag)
	return nil
}

// commit is an OffsetCommit under the generation. Brokers that are away are
// waited for until ctx ends: the batch is not lost meanwhile, and if another
// generation comes the answer says so.
func (p *kafkaPartition) commit(ctx context.Context, offset int64, metadata string) error {
	var final error
	err := p.k.retry(ctx, "commit an offset", func() error {
		answer, err := p.k.client.OffsetCommit(ctx, &kafka.OffsetCommitRequest{
			GroupID: p.gen.GroupID, GenerationID: int(p.gen.ID), MemberID: p.gen.MemberID,
			Topics: map[string][]kafka.OffsetCommit{p.k.o.Topic: {{Partition: p.id, Offset: offset,
				Metadata: metadata}}},
		})
		if err != nil {
			return err
		}
		err = kafka.UnknownTopicOrPartition
		for _, c := range answer.Topics[p.k.o.Topic] {
			if c.Partition == p.id {
				err = c.Error
			}
		}
		switch {
		case errors.Is(err, kafka.IllegalGeneration), errors.Is(err, kafka.UnknownMemberId),
			errors.Is(err, kafka.RebalanceInProgress), errors.Is(err, kafka.UnknownTopicOrPartition):
			return fmt.Errorf("%w: %w", errPartitionLost, err)
		case errors.Is(err, kafka.OffsetMetadataTooLarge), errors.Is(err, kafka.GroupAuthorizationFailed),
			errors.Is(err, kafka.TopicAuthorizationFailed):
			final = err
			return nil
		}
		return err
	})
	if err == nil {
		err = final
	}
	return err
}

// open finds out where the group stands in the partition, and begins to read
// there, or a little before.
func (p *kafkaPartition) open(ctx context.Context) error {
	topic := p.k.o.Topic
	committed, metadata, err := p.fetchOffset(ctx)
	if err != nil {
		return err
	}
	first, last, err := p.bounds(ctx)
	if err != nil {
		return err
	}
	intent, err := readIntent(metadata, committed)
	if err != nil {
		p.log.Warn("the committed offset has metadata of another program", "error", err)
	}
	// Offsets at or after end are gone, or were never written.
	if committed > last || intent != nil && intent.To > last {
		if p.beyond++; p.beyond <= kafkaBeyond {
			return fmt.Errorf("the group's offset %d is beyond the end %d", max(committed, p.intentEnd(intent)), last)
		}
		at := messagePlace{topic, p.id, last, time.Now()}
		why := "the group was further than the topic reaches: the topic was made anew, or its brokers lost its end"
		p.lost = append(p.lost, lostMessages(at, max(committed, p.intentEnd(intent)), why))
		p.log.Error(why, "committed", committed, "end", last)
	}
	switch {
	case committed < 0:
		committed = first // a new group
	case committed > last:
		committed, intent = first, nil
	case intent != nil:
		// What the brokers lost of the range may have been written before it
		// was lost, and its offsets are given anew: all of them are asked for.
		p.unsettled = intent.To
		if intent.To = min(intent.To, last); intent.To == intent.From {
			intent = nil
		}
	}
	p.committed, p.next, p.intent = committed, committed, intent
	if intent != nil {
		p.log.Info("an earlier write is unsettled, recovering it", "batch", intent.ID)
	}
	if first > committed {
		p.log.Error("messages were removed before they were read: the topic keeps them too short a time",
			"committed", committed, "first", first)
	}
	p.reader = kafka.NewReader(kafka.ReaderConfig{
		Brokers: p.k.o.Brokers, Dialer: p.k.dialer, Topic: topic, Partition: p.id,
		MaxBytes:        8 << 20, // per request; a larger message comes all the same
		MaxWait:         250 * time.Millisecond,
		QueueCapacity:   8,  // chunks in memory beside the batch
		ReadLagInterval: -1, // its goroutine is waited for by nobody
		// Else it would ask again without end, and say nothing.
		OffsetOutOfRangeError: true,
	})
	if err := p.reader.SetOffset(max(first, committed-kafkaReplay)); err != nil {
		return err
	}
	p.progress(0, last-committed)
	return nil
}

func (p *kafkaPartition) intentEnd(i *kafkaIntent) int64 {
	if i == nil {
		return 0
	}
	return i.To
}

// fetchOffset is the group's committed offset, -1 where there is none, and its
// metadata.
func (p *kafkaPartition) fetchOffset(ctx context.Context) (offset int64, metadata string, err error) {
	answer, err := p.k.client.OffsetFetch(ctx, &kafka.OffsetFetchRequest{
		GroupID: p.gen.GroupID, Topics: map[string][]int{p.k.o.Topic: {p.id}},
	})
	if err == nil {
		err = answer.Error
	}
	if err != nil {
		return 0, "", fmt.Errorf("fetch the committed offset: %w", err)
	}
	for _, o := range answer.Topics[p.k.o.Topic] {
		if o.Partition == p.id {
			return o.CommittedOffset, o.Metadata, o.Error
		}
	}
	return 0, "", fmt.Errorf("fetch the committed offset: %w", kafka.UnknownTopicOrPartition)
}

// bounds are the partition's first offset and the one after its last.
func (p *kafkaPartition) bounds(ctx context.Context) (first, last int64, err error) {
	answer, err := p.k.client.ListOffsets(ctx, &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{
		p.k.o.Topic: {kafka.FirstOffsetOf(p.id), kafka.LastOffsetOf(p.id)},
	}})
	if err != nil {
		return 0, 0, fmt.Errorf("list offsets: %w", err)
	}
	for _, o := range answer.Topics[p.k.o.Topic] {
		if o.Partition == p.id {
			return o.FirstOffset, o.LastOffset, o.Error
		}
	}
	return 0, 0, fmt.Errorf("list offsets: %w", kafka.UnknownTopicOrPartition)
}

// fetch is the next message. While brokers are away the reader says so again
// and again, and goes on by itself.
func (p *kafkaPartition) fetch(ctx context.Context) (kafka.Message, error) {
	if m := p.held; m != nil {
		p.held = nil
		return *m, nil
	}
	var m kafka.Message
	err := p.k.retry(ctx, "fetch messages", func() (err error) {
		m, err = p.reader.FetchMessage(ctx)
		if errors.Is(err, kafka.OffsetOutOfRange) {
			// The reader has ended. The next generation looks where the
			// partition begins and ends now.
			return fmt.Errorf("%w: %w", errPartitionLost, err)
		}
		return err
	})
	return m, err
}

// replay keeps a message from before the first batch, where parsers remember
// anything of its kind.
func (p *kafkaPartition) replay(at messagePlace, value []byte) {
	c := p.chunks.read(at, value)
	if c.Kind == bouncehouse.Broken {
		return
	}
	p.seen.stored(&c)
	if c.Kind != bouncehouse.Lines {
		return
	}
	c.Replay = true
	p.replayed = newest(append(p.replayed, c), replaySize, kafkaReplayBytes)
}

// newest drops the oldest chunks of each stream beyond ofEach bytes of it, and
// the oldest of all beyond ofAll bytes.
func newest(chunks []bouncehouse.Chunk, ofEach, ofAll int) []bouncehouse.Chunk {
	each, all := map[string]int{}, 0
	from := len(chunks)
	for i := len(chunks) - 1; i >= 0; i-- {
		n := len(chunks[i].Data)
		each[chunks[i].Stream] += n // a stream has no hole: nothing older follows one that is dropped
		if each[chunks[i].Stream] > ofEach {
			continue
		}
		if all += n; all > ofAll {
			break
		}
		from--
		chunks[from] = chunks[i]
	}
	return slices.Delete(chunks, 0, from)
}

// skipped looks into a gap before a message; until is where the gap ends, or
// the range that is being recovered. The reader passes in silence over what
// retention removed. A gap that is not before the partition's beginning has
// other reasons, such as a transaction's mark, and nothing is lost by it.
func (p *kafkaPartition) skipped(ctx context.Context, at messagePlace, until int64) error {
	var first int64
	err := p.k.retry(ctx, "list offsets", func() (err error) {
		first, _, err = p.bounds(ctx)
		return err
	})
	if err != nil || first <= p.next {
		return err
	}
	at.offset = p.next
	until = min(first, until)
	p.log.Error("messages were removed before they were read: the topic keeps them too short a time", "from", p.next,
		"to", until)
	p.lost = append(p.lost, lostMessages(at, until, "removed by the topic's retention before they were read"))
	return nil
}

// sleepKafka waits, or returns ctx's error.
func sleepKafka(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
