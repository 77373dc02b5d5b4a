package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/segmentio/kafka-go"
	"go.uber.org/goleak"

	"github.com/bouncehouse/bouncehouse"
	"github.com/bouncehouse/bouncehouse/test"
)

// TestKafka tries the consumer against each version of Apache Kafka that is
// set up, or against the one of KAFKA_VERSION.
func TestKafka(t *testing.T) {
	versions := test.KafkaVersions(t)
	if os.Getenv("KAFKA_VERSION") != "" || len(versions) == 0 {
		versions = []string{""}
	}
	for _, version := range versions {
		broker := test.Kafka(t, test.KafkaOptions{Version: version, Config: map[string]string{
			"log.retention.check.interval.ms": "500", "log.initial.task.delay.ms": "500",
			"group.min.session.timeout.ms": "1000",
		}})
		t.Run(broker.Version(), func(t *testing.T) {
			for name, run := range map[string]func(*testing.T, *test.KafkaBroker){
				"order":             testKafkaOrder,
				"repeats":           testKafkaRepeats,
				"recovery":          testKafkaRecovery,
				"undecodable":       testKafkaUndecodable,
				"retention":         testKafkaRetention,
				"topic made anew":   testKafkaTopicAnew,
				"rebalance":         testKafkaRebalance,
				"generation lost":   testKafkaGenerationLost,
				"takeover":          testKafkaTakeover,
				"write interrupted": testKafkaStop,
				"broker killed":     testKafkaBrokerKilled,
			} {
				t.Run(name, func(t *testing.T) {
					if broker.Real() { // the stand-in's goroutines are this process's
						// the broker, started anew
						defer goleak.VerifyNone(t, goleak.IgnoreCurrent(),
							goleak.IgnoreAnyFunction("os/exec.(*Cmd).Wait"))
					}
					run(t, broker)
				})
			}
		})
		broker.Stop()
	}
}

// world is a topic and the store behind its readers: what a test needs.
type world struct {
	t      *testing.T
	broker *test.KafkaBroker
	o      bouncehouse.KafkaOptions
	store  *store
	writer *kafka.Writer
	seq    map[string]uint64
	offset map[string]int64
	serial int
	linger time.Duration
	lines  map[string]bool // what must be stored
}

func newWorld(t *testing.T, broker *test.KafkaBroker, partitions int) *world {
	topic := strings.NewReplacer("/", "_", "#", "_").Replace(t.Name())
	broker.CreateTopic(topic, partitions)
	transport := &kafka.Transport{}
	w := &world{t: t, broker: broker, store: newStore(), linger: 20 * time.Millisecond,
		o: bouncehouse.KafkaOptions{Brokers: []string{broker.Addr()}, Topic: topic, Group: topic + "-readers"},
		writer: &kafka.Writer{Addr: kafka.TCP(broker.Addr()), Topic: topic, RequiredAcks: kafka.RequireAll,
			BatchSize: 1, MaxAttempts: 1, Balancer: kafka.Murmur2Balancer{}, Transport: transport},
		seq: map[string]uint64{}, offset: map[string]int64{}, lines: map[string]bool{}}
	return w
}

// close ends the world's connections before the goroutines are counted.
func (w *world) close() {
	w.writer.Close()
	w.writer.Transport.(*kafka.Transport).CloseIdleConnections()
}

// chunk is the stream's next, with n lines that no other chunk has.
func (w *world) chunk(stream string, n int) bouncehouse.Chunk {
	w.seq[stream]++
	c := bouncehouse.Chunk{Stream: stream, Seq: w.seq[stream], FileID: "f-" + stream, File: "mail.log",
		Kind:   bouncehouse.Lines,
		Offset: w.offset[stream], Ref: time.Unix(1_700_000_000, 0)}
	var b strings.Builder
	for range n {
		line := fmt.Sprintf("%s %08d", stream, w.serial)
		w.serial++
		w.lines[line] = true
		b.WriteString(line + "\n")
	}
	c.Data = b.String()
	w.offset[stream] += int64(len(c.Data))
	return c
}

func (w *world) produce(chunks ...bouncehouse.Chunk) {
	w.t.Helper()
	enc, err := zstd.NewWriter(nil)
	if err != nil {
		w.t.Fatal(err)
	}
	defer enc.Close()
	for _, c := range chunks {
		b, err := c.MarshalBinary()
		if err != nil {
			w.t.Fatal(err)
		}
		w.send(kafka.Message{Key: []byte(c.Stream), Value: enc.EncodeAll(b, nil)})
	}
}

// send tries until the broker has it: with a broker that dies it may have it twice.
func (w *world) send(m kafka.Message) {
	w.t.Helper()
	test.Await(w.t, 60*time.Second, "a message produced", func() bool {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		return w.writer.WriteMessages(ctx, m) == nil
	})
}

// member is one process of the group.
type member struct {
	kafka *Kafka
	wait  func() error // until it has ended by itself; Run's error
	stop  func() error // ends it
}

// start runs a member. wrap, where set, stands between the pipeline and the source.
func (w *world) start(wrap func(bouncehouse.Source) bouncehouse.Source) *member {
	w.t.Helper()
	log := slog.New(slog.NewTextHandler(testLog{w.t}, nil))
	k, err := NewKafka(w.o, w.store.LastSeq, log)
	if err != nil {
		w.t.Fatal(err)
	}
	k.Linger = w.linger
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- k.Run(ctx, func(ctx context.Context, src bouncehouse.Source) error {
			if wrap != nil {
				src = wrap(src)
			}
			p := bouncehouse.Pipeline{Parser: func(string) bouncehouse.Parser { return new(lineParser) }, Sink: w.store,
				Log: log, Backoff: 10 * time.Millisecond}
			return p.Run(ctx, src)
		})
	}()
	m := &member{kafka: k, wait: sync.OnceValue(func() error { return <-done })}
	m.stop = func() error {
		cancel()
		return m.wait()
	}
	w.t.Cleanup(func() { m.stop() })
	return m
}

// settled waits until all lines are stored, and checks that each is there once.
func (w *world) settled() {
	w.t.Helper()
	test.Await(w.t, 90*time.Second, "every line in the store", func() bool { return w.store.count() >= len(w.lines) })
	w.store.mu.Lock()
	defer w.store.mu.Unlock()
	for line := range w.lines {
		if n := w.store.rows[line]; n != 1 {
			w.t.Errorf("%q is stored %d times", line, n)
		}
	}
	for line := range w.store.rows {
		if !w.lines[line] {
			w.t.Errorf("%q is stored and was never produced", line)
		}
	}
}

// testLog is the test's log, for a logger.
type testLog struct{ t *testing.T }

func (l testLog) Write(p []byte) (int, error) {
	l.t.Logf("%s", p)
	return len(p), nil
}

// lineParser makes an event of each line, and remembers the one before.
type lineParser struct{ before string }

func (p *lineParser) Parse(r bouncehouse.Record, res *bouncehouse.Result) error {
	line := strings.Clone(r.Text)
	res.Events = append(res.Events, bouncehouse.Event{Recipient: line, Sender: p.before})
	p.before = line
	return nil
}

// store is a sink that counts exactly as the real one does: a write whose
// token is known is dropped, and one with Recover adds what lacks. It does not
// hide what comes twice otherwise.
type store struct {
	mu      sync.Mutex
	rows    map[string]int    // by line
	context map[string]string // by line, the one that the parser had seen before it
	order   []string
	tokens  map[string]bool
	lastSeq map[string]uint64
	dead    []bouncehouse.DeadLetter
	batches []bouncehouse.Batch
	// before, where set, is called first and may fail the write or, by
	// saying half, leave it half done.
	before func(bouncehouse.Batch) (half bool, err error)
}

func newStore() *store {
	return &store{rows: map[string]int{}, context: map[string]string{}, tokens: map[string]bool{},
		lastSeq: map[string]uint64{}}
}

func (s *store) Write(_ context.Context, b bouncehouse.Batch, res *bouncehouse.Result) error {
	s.mu.Lock()
	before := s.before
	s.mu.Unlock()
	half, failed := false, error(nil)
	if before != nil {
		half, failed = before(b)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	b.Chunks = slices.Clone(b.Chunks)
	s.batches = append(s.batches, b)
	if failed != nil && !half {
		return failed
	}
	for i := range res.Events {
		e := &res.Events[i]
		if half && i%2 == 1 {
			continue
		}
		if b.Recover && s.rows[e.Recipient] > 0 || !b.Recover && s.tokens[b.ID] {
			continue
		}
		s.rows[e.Recipient]++
		s.context[e.Recipient] = e.Sender
		s.order = append(s.order, e.Recipient)
		s.lastSeq[e.Stream] = max(s.lastSeq[e.Stream], e.Chunk)
	}
	if failed != nil {
		return failed
	}
	s.tokens[b.ID] = true
	s.dead = append(s.dead, res.Dead...)
	return nil
}

func (s *store) LastSeq(_ context.Context, stream string) (uint64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lastSeq[stream], nil
}

func (s *store) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.rows)
}

func (s *store) writes() []bouncehouse.Batch {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.batches)
}

func (s *store) letters() []bouncehouse.DeadLetter {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.dead)
}

// hooks is a source that tells of each step and may fail it.
type hooks struct {
	bouncehouse.Source
	commit func(bouncehouse.Batch) error // before the commit
}

func (h hooks) Commit(ctx context.Context, b bouncehouse.Batch) error {
	if err := h.commit(b); err != nil {
		return err
	}
	return h.Source.Commit(ctx, b)
}

// committed is the group's offset in partition 0, and its metadata.
func (w *world) committed() (int64, string) {
	w.t.Helper()
	transport := &kafka.Transport{}
	defer transport.CloseIdleConnections()
	client := &kafka.Client{Addr: kafka.TCP(w.broker.Addr()), Transport: transport}
	answer, err := client.OffsetFetch(context.Background(), &kafka.OffsetFetchRequest{GroupID: w.o.Group,
		Topics: map[string][]int{w.o.Topic: {0}}})
	if err != nil {
		w.t.Fatal(err)
	}
	p := answer.Topics[w.o.Topic][0]
	return p.CommittedOffset, p.Metadata
}

func (w *world) awaitCommitted(offset int64) {
	w.t.Helper()
	test.Await(w.t, 30*time.Second, fmt.Sprintf("the offset %d committed", offset), func() bool {
		at, metadata := w.committed()
		return at == offset && metadata == ""
	})
}

func testKafkaOrder(t *testing.T, broker *test.KafkaBroker) {
	w := newWorld(t, broker, 3)
	defer w.close()
	for range 20 {
		for s := range 7 {
			w.produce(w.chunk(fmt.Sprintf("stream-%d", s), 5))
		}
	}
	m := w.start(nil)
	w.settled()
	test.Await(t, 10*time.Second, "progress at its end", func() bool {
		done, total := m.kafka.Progress()
		return done == 140 && total == 140
	})
	if err := m.stop(); !errors.Is(err, context.Canceled) {
		t.Errorf("Run: %v", err)
	}
	last := map[string]string{}
	for _, line := range w.store.order {
		stream, serial, _ := strings.Cut(line, " ")
		if serial <= last[stream] {
			t.Fatalf("%s: %s after %s", stream, serial, last[stream])
		}
		last[stream] = serial
	}
	for _, b := range w.store.writes() {
		if b.Recover {
			t.Errorf("batch %s: Recover without need", b.ID)
		}
		if len(b.ID) > 200 || strings.ContainsAny(b.ID, "_%'\"") {
			t.Errorf("batch id %q", b.ID)
		}
	}
}

// testKafkaRepeats produces chunks twice, as ingest does after a crash: in the
// same run, after a restart, and as a batch that holds nothing else.
func testKafkaRepeats(t *testing.T, broker *test.KafkaBroker) {
	w := newWorld(t, broker, 1)
	defer w.close()
	a, b, c := w.chunk("s", 3), w.chunk("s", 3), w.chunk("s", 3)
	w.produce(a, a, b, a, b, c)
	m := w.start(nil)
	w.settled()
	w.awaitCommitted(6)
	w.produce(c)
	w.awaitCommitted(7) // nothing in it is new, and it is committed
	m.stop()
	for _, batch := range w.store.writes() {
		if batch.Recover {
			t.Errorf("batch %s: repeats in the same place are known, yet it asks the sink", batch.ID)
		}
	}

	w.produce(c) // known from the replay
	for i := range 12 {
		w.produce(w.chunk(fmt.Sprintf("other-%d", i), 1))
	}
	m = w.start(nil)
	w.settled()
	w.awaitCommitted(20)
	m.stop()

	w.produce(b, c) // too far back for the replay: the store's number tells
	d := w.chunk("s", 3)
	w.produce(d)
	w.seq["s"] = 0 // an ingest that lost its state counts from 1 again
	w.produce(w.chunk("s", 2))
	m = w.start(nil)
	w.settled()
	w.awaitCommitted(24)
	m.stop()
}

var errCrash = errors.New("crash")

// testKafkaRecovery ends a member at named points between Intend and Commit.
// The next one brings the same range under the same name.
func testKafkaRecovery(t *testing.T, broker *test.KafkaBroker) {
	for name, at := range map[string]struct{ before, half, commit bool }{
		"before the write": {before: true}, "half of the rows": {half: true}, "before the commit": {commit: true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, broker, 1)
			defer w.close()
			m := w.start(nil)
			for range 6 {
				w.produce(w.chunk("s", 4))
			}
			w.settled()
			w.awaitCommitted(6)
			m.stop()

			// The range is more than one message, so that its end is no accident.
			for range 5 {
				w.produce(w.chunk("s", 4))
			}
			crashed := make(chan bouncehouse.Batch, 1)
			w.store.before = func(b bouncehouse.Batch) (bool, error) {
				if at.commit {
					return false, nil
				}
				crashed <- b
				go m.stop()
				return at.half, errCrash
			}
			m = w.start(func(src bouncehouse.Source) bouncehouse.Source {
				return hooks{src, func(b bouncehouse.Batch) error {
					crashed <- b
					return errCrash
				}}
			})
			if at.commit {
				if err := m.wait(); !errors.Is(err, errCrash) {
					t.Errorf("Run: %v", err)
				}
			} else {
				w.store.awaitWrite(t, func(b bouncehouse.Batch) bool {
					return len(b.Chunks) > 0 &&
						b.Chunks[len(b.Chunks)-1].Seq > 6
				})
				m.stop()
			}
			first := <-crashed
			offset, metadata := w.committed()
			if offset != 6 || !strings.Contains(metadata, first.ID) {
				t.Fatalf("an intent at %d: %q", offset, metadata)
			}

			w.store.before = nil
			seen := len(w.store.writes())
			w.produce(w.chunk("s", 4)) // the range must not take it in
			m = w.start(nil)
			w.settled()
			w.awaitCommitted(12)
			m.stop()
			again := w.store.writes()[seen]
			if !again.Recover || again.ID != first.ID {
				t.Errorf("recovered %q (Recover %t), not %q", again.ID, again.Recover, first.ID)
			}
			if got, want := read(again), read(first); !slices.Equal(got, want) {
				t.Errorf("recovered the chunks %v, not %v", got, want)
			}
			if n := len(again.Chunks) - len(read(again)); n != 6 {
				t.Errorf("%d chunks replayed before the first batch, not 6", n)
			}
			if w.store.writes()[seen+1].Recover {
				t.Error("the batch after the recovered one asks the sink too")
			}
		})
	}
}

// read are the numbers of the batch's chunks that are no replay.
func read(b bouncehouse.Batch) (seqs []uint64) {
	for _, c := range b.Chunks {
		if !c.Replay {
			seqs = append(seqs, c.Seq)
		}
	}
	return seqs
}

func (s *store) awaitWrite(t *testing.T, is func(bouncehouse.Batch) bool) {
	t.Helper()
	test.Await(t, 30*time.Second, "a write", func() bool { return slices.ContainsFunc(s.writes(), is) })
}

func testKafkaUndecodable(t *testing.T, broker *test.KafkaBroker) {
	w := newWorld(t, broker, 1)
	defer w.close()
	enc, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer enc.Close()
	bad := [][]byte{
		nil,
		[]byte("no zstd"),
		enc.EncodeAll([]byte("no chunk"), nil),
		enc.EncodeAll(make([]byte, 1<<30), nil), // a bomb: a GiB in 32 KiB
		enc.EncodeAll([]byte("\x01\x02{}"), nil),
	}
	w.produce(w.chunk("s", 2))
	for _, value := range bad {
		w.send(kafka.Message{Key: []byte("s"), Value: value})
		w.produce(w.chunk("s", 2))
	}
	m := w.start(nil)
	w.settled()
	w.awaitCommitted(11)
	m.stop()
	dead := w.store.letters()
	if len(dead) != len(bad) {
		t.Fatalf("%d dead letters of %d messages", len(dead), len(bad))
	}
	for i, d := range dead {
		if want := fmt.Sprintf("topic %s partition 0 offset %d: not a chunk: ", w.o.Topic,
			2*i+1); !strings.HasPrefix(d.Reason, want) {
			t.Errorf("reason %q, not %q ...", d.Reason, want)
		}
	}
	if dead[1].Raw != "bm8genN0ZA==" {
		t.Errorf("the message is kept as %q", dead[1].Raw)
	}
}

// expire removes all messages that the topic has.
func (w *world) expire() {
	w.t.Helper()
	transport := &kafka.Transport{}
	defer transport.CloseIdleConnections()
	client := &kafka.Client{Addr: kafka.TCP(w.broker.Addr()), Transport: transport}
	retention := func(ms string) {
		answer, err := client.IncrementalAlterConfigs(context.Background(), &kafka.IncrementalAlterConfigsRequest{
			Resources: []kafka.IncrementalAlterConfigsRequestResource{{ResourceType: kafka.ResourceTypeTopic,
				ResourceName: w.o.Topic,
				Configs: []kafka.IncrementalAlterConfigsRequestConfig{{Name: "retention.ms", Value: ms,
					ConfigOperation: kafka.ConfigOperationSet}}}},
		})
		if err == nil {
			err = answer.Resources[0].Error
		}
		if err != nil {
			w.t.Fatal(err)
		}
	}
	retention("1")
	test.Await(w.t, 60*time.Second, "an empty topic", func() bool {
		answer, err := client.ListOffsets(context.Background(),
			&kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{
				w.o.Topic: {kafka.FirstOffsetOf(0), kafka.LastOffsetOf(0)}}})
		if err != nil {
			w.t.Fatal(err)
		}
		p := answer.Topics[w.o.Topic][0]
		return p.FirstOffset == p.LastOffset
	})
	retention("604800000")
}

// testKafkaRetention has messages removed before they are read: plain ones,
// and those of an unsettled range.
func testKafkaRetention(t *testing.T, broker *test.KafkaBroker) {
	if !broker.Real() {
		t.Skip("the stand-in removes nothing")
	}
	for name, c := range map[string]struct{ unsettled, more bool }{
		"plain": {more: true}, "unsettled": {unsettled: true, more: true}, "unsettled and no more": {unsettled: true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, broker, 1)
			defer w.close()
			w.linger = time.Second // all three messages are one range
			w.produce(w.chunk("s", 2), w.chunk("s", 2), w.chunk("s", 2))
			m := w.start(func(src bouncehouse.Source) bouncehouse.Source {
				return hooks{src, func(bouncehouse.Batch) error {
					if c.unsettled {
						return errCrash
					}
					return nil
				}}
			})
			w.settled()
			if !c.unsettled {
				w.awaitCommitted(3)
			}
			m.stop()
			end := 3
			if c.more {
				gone := w.chunk("s", 2)
				w.produce(gone)
				for r := range gone.Records {
					delete(w.lines, r.Text)
				}
				end = 4
			}
			w.expire()
			w.produce(w.chunk("s", 2), w.chunk("s", 2))
			m = w.start(nil)
			w.settled()
			w.awaitCommitted(int64(end) + 2)
			m.stop()
			var lost []string
			for _, d := range w.store.letters() {
				lost = append(lost, d.Reason)
			}
			var want []string
			tell := func(from, to int) {
				want = append(want,
					fmt.Sprintf("topic %s partition 0 offset %d: the messages up to offset %d, without it, are lost: "+
						"removed by the topic's retention before they were read", w.o.Topic, from, to))
			}
			if c.unsettled {
				tell(0, 3)
			}
			if c.more {
				tell(3, 4)
			}
			if !slices.Equal(lost, want) {
				t.Errorf("dead letters %q, not %q", lost, want)
			}
		})
	}
}

// testKafkaTopicAnew deletes the topic and makes it again while the group is
// away: its offsets begin at 0, and the group's is beyond the end.
func testKafkaTopicAnew(t *testing.T, broker *test.KafkaBroker) {
	w := newWorld(t, broker, 1)
	defer w.close()
	w.produce(w.chunk("s", 2), w.chunk("s", 2), w.chunk("s", 2))
	m := w.start(nil)
	w.settled()
	w.awaitCommitted(3)
	m.stop()
	// Deleting a topic deletes its offsets too; brokers that lost the end of a
	// log keep them. The group's offset is set as it would stand then.
	w.setCommitted(50)
	w.produce(w.chunk("s", 2))
	m = w.start(nil)
	w.settled()
	w.awaitCommitted(4)
	m.stop()
	dead := w.store.letters()
	if len(dead) != 1 || !strings.Contains(dead[0].Reason,
		"offset 4: the messages up to offset 50, without it, are lost") {
		t.Errorf("dead letters %v", dead)
	}
}

// setCommitted sets the offset of a group without members.
func (w *world) setCommitted(offset int64) {
	w.t.Helper()
	transport := &kafka.Transport{}
	defer transport.CloseIdleConnections()
	client := &kafka.Client{Addr: kafka.TCP(w.broker.Addr()), Transport: transport}
	answer, err := client.OffsetCommit(context.Background(),
		&kafka.OffsetCommitRequest{GroupID: w.o.Group, GenerationID: -1,
			Topics: map[string][]kafka.OffsetCommit{w.o.Topic: {{Partition: 0, Offset: offset}}}})
	if err == nil {
		err = answer.Topics[w.o.Topic][0].Error
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

func testKafkaBrokerKilled(t *testing.T, broker *test.KafkaBroker) {
	w := newWorld(t, broker, 2)
	defer w.close()
	m := w.start(nil)
	for range 2 {
		for range 30 {
			w.produce(w.chunk("s", 3), w.chunk("t", 3))
		}
		broker.Kill9()
		broker.Restart()
	}
	back := time.Now()
	w.produce(w.chunk("s", 3), w.chunk("t", 3))
	w.settled()
	t.Logf("all is stored %v after the broker's return", time.Since(back).Round(time.Millisecond))
	m.stop()
}
