package sink

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
	"github.com/segmentio/kafka-go"
	"go.uber.org/goleak"

	"github.com/bouncehouse/bouncehouse"
	"github.com/bouncehouse/bouncehouse/test"
)

func TestKafka(t *testing.T) {
	broker := test.Kafka(t, test.KafkaOptions{})
	for name, run := range map[string]func(*testing.T, *test.KafkaBroker){
		"write":          testKafkaWrite,
		"too large":      testKafkaTooLarge,
		"no topic":       testKafkaNoTopic,
		"broker restart": testKafkaRestart,
	} {
		t.Run(name, func(t *testing.T) {
			if broker.Real() { // the stand-in's goroutines are this process's
				// the broker, started anew
				defer goleak.VerifyNone(t, goleak.IgnoreCurrent(), goleak.IgnoreAnyFunction("os/exec.(*Cmd).Wait"))
			}
			run(t, broker)
		})
	}
}

func kafkaSink(t *testing.T, broker *test.KafkaBroker) (*Kafka, bouncehouse.KafkaOptions, *bytes.Buffer) {
	t.Helper()
	o := bouncehouse.KafkaOptions{Brokers: []string{broker.Addr()},
		Topic: strings.NewReplacer("/", "-", "_", "-").Replace(t.Name())}
	var log bytes.Buffer
	k, err := NewKafka(o, slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	return k, o, &log
}

func closeKafka(t *testing.T, k *Kafka) {
	t.Helper()
	if err := k.Close(); err != nil {
		t.Error(err)
	}
}

// topicMessages are the first n messages of the topic, by partition.
func topicMessages(t *testing.T, o bouncehouse.KafkaOptions, partitions, n int) [][]kafka.Message {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	transport := &kafka.Transport{}
	defer transport.CloseIdleConnections()
	client := &kafka.Client{Addr: kafka.TCP(o.Brokers...), Transport: transport}
	all := make([][]kafka.Message, partitions)
	for p := range partitions {
		answer, err := client.ListOffsets(ctx,
			&kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{o.Topic: {kafka.LastOffsetOf(p)}}})
		if err != nil {
			t.Fatal(err)
		}
		r := kafka.NewReader(kafka.ReaderConfig{Brokers: o.Brokers, Topic: o.Topic, Partition: p,
			MaxWait: 100 * time.Millisecond, ReadLagInterval: -1})
		for range answer.Topics[o.Topic][0].LastOffset {
			m, err := r.FetchMessage(ctx)
			if err != nil {
				t.Fatal(err)
			}
			all[p] = append(all[p], m)
			n--
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if n != 0 {
		t.Errorf("%d messages are missing in the topic", n)
	}
	return all
}

func chunkOf(t *testing.T, m kafka.Message) (c bouncehouse.Chunk) {
	t.Helper()
	d, err := zstd.NewReader(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	b, err := d.DecodeAll(m.Value, nil)
	if err == nil {
		err = c.UnmarshalBinary(b)
	}
	if err != nil {
		t.Fatal(err)
	}
	if string(m.Key) != c.Stream {
		t.Errorf("the key %q of a chunk of %q", m.Key, c.Stream)
	}
	return c
}

func lineChunk(stream string, seq uint64, data string) bouncehouse.Chunk {
	return bouncehouse.Chunk{Stream: stream, Seq: seq, FileID: "f", File: "mail.log", Kind: bouncehouse.Lines,
		Ref:    time.Unix(1_700_000_000, 5).UTC(),
		Offset: int64(seq) * 1000, Data: data}
}

func testKafkaWrite(t *testing.T, broker *test.KafkaBroker) {
	k, o, _ := kafkaSink(t, broker)
	defer closeKafka(t, k)
	for range 2 { // it exists the second time
		if err := EnsureTopic(t.Context(), o, 3, 1); err != nil {
			t.Fatal(err)
		}
	}
	want := map[string][]bouncehouse.Chunk{}
	for i := range 30 {
		stream := fmt.Sprintf("mx%d.example.com:/var/log/mail.log", i%5)
		replay := lineChunk(stream, uint64(i), "said before\n")
		replay.Replay = true
		c := lineChunk(stream, uint64(i+1), fmt.Sprintf("line %d\n", i))
		want[stream] = append(want[stream], c)
		batch := bouncehouse.Batch{ID: "x", Chunks: []bouncehouse.Chunk{replay, c}}
		err := k.Write(t.Context(), batch, nil)
		var answer kafka.Error
		// not all of a broker knows a new topic, and who leads it, at once
		if errors.As(err, &answer) && answer.Temporary() {
			test.Await(t, time.Minute, "the new topic",
				func() bool { err = k.Write(t.Context(), batch, nil); return err == nil })
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	got := map[string][]bouncehouse.Chunk{}
	used := 0
	for _, messages := range topicMessages(t, o, 3, 30) {
		streams := map[string]bool{}
		for _, m := range messages {
			c := chunkOf(t, m)
			if !streams[c.Stream] && got[c.Stream] != nil {
				t.Errorf("%s is in two partitions", c.Stream)
			}
			streams[c.Stream] = true
			got[c.Stream] = append(got[c.Stream], c)
		}
		used += min(1, len(messages))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if used < 2 {
		t.Errorf("%d of 3 partitions used", used)
	}
	if err := k.Write(t.Context(), bouncehouse.Batch{Chunks: []bouncehouse.Chunk{{Kind: bouncehouse.Lines}}},
		nil); err == nil {
		t.Error("a chunk that nobody can read was written")
	}
}

// noise is data that does not compress, in lines.
func noise(bytes, line int) string {
	raw := make([]byte, bytes)
	rand.Read(raw)
	for i := range raw {
		if raw[i] == '\n' || raw[i] == '\r' {
			raw[i] = '.'
		}
		if i%line == line-1 {
			raw[i] = '\n'
		}
	}
	return string(raw)
}

// testKafkaTooLarge writes what the topic does not take. It must arrive in
// some form, and what comes after it too.
func testKafkaTooLarge(t *testing.T, broker *test.KafkaBroker) {
	k, o, log := kafkaSink(t, broker)
	defer closeKafka(t, k)
	if err := EnsureTopic(t.Context(), o, 1, 1); err != nil {
		t.Fatal(err)
	}
	// Brokers take 1,048,588 bytes unless told otherwise.
	lines := lineChunk("s", 1, noise(3<<20, 200))
	long := lineChunk("s", 2, "short\n"+strings.TrimSuffix(strings.ReplaceAll(noise(2<<20, 1000), "\n", "-"), "-")+
		"\nshort too\n")
	mail := bouncehouse.Chunk{Stream: "s", Seq: 3, FileID: "m", Kind: bouncehouse.Mail,
		Data: "Subject: Undelivered Mail\n\n" + noise(2<<20, 100)}
	near := mail // such a mail is text, and fits
	near.Seq, near.Data = 4, "Subject: Undelivered Mail\n\n"+
		base64.StdEncoding.EncodeToString([]byte(noise(900<<10, 100)))
	// 28 MiB: beyond what readers take in one
	huge := lineChunk("s", 5, strings.Repeat("a line that compresses well\n", 1<<20))
	last := lineChunk("s", 6, "after it\n")
	for _, c := range []bouncehouse.Chunk{lines, long, mail, near, huge, last} {
		if err := k.Write(t.Context(), bouncehouse.Batch{Chunks: []bouncehouse.Chunk{c}}, nil); err != nil {
			t.Fatal(err)
		}
	}
	if n := strings.Count(log.String(), "too large"); n == 0 {
		t.Error("nothing is said of it")
	}

	client := &kafka.Client{Addr: kafka.TCP(o.Brokers...), Transport: k.transport}
	answer, err := client.ListOffsets(t.Context(),
		&kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{o.Topic: {kafka.LastOffsetOf(0)}}})
	if err != nil {
		t.Fatal(err)
	}
	parts := map[uint64][]bouncehouse.Chunk{}
	for _, m := range topicMessages(t, o, 1, int(answer.Topics[o.Topic][0].LastOffset))[0] {
		c := chunkOf(t, m)
		parts[c.Seq] = append(parts[c.Seq], c)
	}
	for _, whole := range []bouncehouse.Chunk{lines, huge} {
		var data strings.Builder
		for _, c := range parts[whole.Seq] {
			if c.Offset != whole.Offset+int64(data.Len()) || c.Kind != bouncehouse.Lines {
				t.Errorf("chunk %d: a part of kind %s at %d after %d bytes", c.Seq, c.Kind, c.Offset, data.Len())
			}
			data.WriteString(c.Data)
		}
		if data.String() != whole.Data {
			t.Errorf("chunk %d: %d bytes of %d came", whole.Seq, data.Len(), len(whole.Data))
		}
	}
	var records []string
	for _, c := range parts[2] {
		if c.Kind == bouncehouse.Broken &&
			(!strings.Contains(c.Reason, "a record of 2097153 bytes is larger than what the brokers take") ||
				len(c.Data) < 60<<10) {
			t.Errorf("%d bytes of a line, reason %q", len(c.Data), c.Reason)
		}
		records = append(records, fmt.Sprintf("%s %.5s", c.Kind, c.Data[:min(5, len(c.Data))]))
	}
	if len(parts[2]) != 3 || parts[2][0].Data != "short\n" || parts[2][1].Kind != bouncehouse.Broken ||
		parts[2][2].Data != "short too\n" {
		t.Errorf("the chunk with a long line came as %q", records)
	}
	if p := parts[3]; len(p) != 1 || p[0].Kind != bouncehouse.Mail || !strings.HasPrefix(mail.Data, p[0].Data) ||
		len(p[0].Data) < 500<<10 {
		t.Errorf("the large mail came as %d chunks", len(p))
	}
	for _, whole := range []bouncehouse.Chunk{near, last} {
		if p := parts[whole.Seq]; len(p) != 1 || p[0].Data != whole.Data {
			t.Errorf("chunk %d came as %d", whole.Seq, len(p))
		}
	}
}

func testKafkaNoTopic(t *testing.T, broker *test.KafkaBroker) {
	k, o, _ := kafkaSink(t, broker)
	defer closeKafka(t, k)
	err := k.Write(t.Context(), bouncehouse.Batch{Chunks: []bouncehouse.Chunk{lineChunk("s", 1, "x\n")}}, nil)
	if err == nil || !strings.Contains(err.Error(), "the topic does not exist") ||
		!strings.Contains(err.Error(), o.Topic) {
		t.Errorf("without a topic: %v", err)
	}
	if err := EnsureTopic(t.Context(), o, 1, 5); err == nil || !strings.Contains(err.Error(), o.Topic) {
		t.Errorf("five replicas on one broker: %v", err)
	}
}

// testKafkaRestart writes while the broker dies and comes back, as the
// pipeline does: again after each error.
func testKafkaRestart(t *testing.T, broker *test.KafkaBroker) {
	k, o, _ := kafkaSink(t, broker)
	defer closeKafka(t, k)
	if err := EnsureTopic(t.Context(), o, 1, 1); err != nil {
		t.Fatal(err)
	}
	write := func(seq uint64) error {
		return k.Write(t.Context(), bouncehouse.Batch{Chunks: []bouncehouse.Chunk{lineChunk("s", seq, "x\n")}}, nil)
	}
	for seq := uint64(1); seq <= 20; seq++ {
		if seq == 10 {
			broker.Kill9()
			if err := write(seq); err == nil {
				t.Fatal("written without a broker")
			}
			broker.Restart()
		}
		test.Await(t, 60*time.Second, "a write after the broker's return", func() bool { return write(seq) == nil })
	}
	var got []uint64
	client := &kafka.Client{Addr: kafka.TCP(o.Brokers...), Transport: k.transport}
	answer, err := client.ListOffsets(t.Context(),
		&kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{o.Topic: {kafka.LastOffsetOf(0)}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range topicMessages(t, o, 1, int(answer.Topics[o.Topic][0].LastOffset))[0] {
		if c := chunkOf(t, m); len(got) == 0 || c.Seq != got[len(got)-1] {
			got = append(got, c.Seq)
		}
	}
	if len(got) != 20 || got[0] != 1 || got[19] != 20 {
		t.Errorf("the numbers in the topic: %v", got)
	}
}

func TestKafkaOptionsRefused(t *testing.T) {
	_, err := NewKafka(bouncehouse.KafkaOptions{Topic: "a/b", SASL: bouncehouse.KafkaSASL{Mechanism: "PLAIN"}},
		slog.Default())
	for _, want := range []string{"no brokers", `"a/b" is no name`, "without tls", "without a user",
		"password_file or password_env"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: nothing of %q", err, want)
		}
	}
	o := bouncehouse.KafkaOptions{Brokers: []string{"192.0.2.1:9092"}, Topic: "t",
		SASL: bouncehouse.KafkaSASL{Mechanism: "SCRAM-SHA-512", User: "u", PasswordFile: t.TempDir() + "/none"}}
	if _, err := NewKafka(o, slog.Default()); err == nil || errors.Is(err, context.Canceled) {
		t.Errorf("without the password's file: %v", err)
	}
}

// TestKafkaBehindProxy asks for brokers where something takes connections and no broker is behind it.
func TestKafkaBehindProxy(t *testing.T) {
	for name, serve := range map[string]func(net.Conn){
		"closes":        func(c net.Conn) { c.Close() },
		"reads, closes": func(c net.Conn) { c.Read(make([]byte, 8)); c.Close() },
		"resets":        func(c net.Conn) { c.(*net.TCPConn).SetLinger(0); c.Close() },
	} {
		t.Run(name, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			go func() {
				for {
					c, err := l.Accept()
					if err != nil {
						return
					}
					serve(c)
				}
			}()
			o := bouncehouse.KafkaOptions{Brokers: []string{l.Addr().String()}, Topic: "t"}
			if err := EnsureTopic(t.Context(), o, 1, 1); !errors.Is(err, ErrNoBroker) {
				t.Errorf("%v: not ErrNoBroker", err)
			}
		})
	}
	if err := brokerAway(fmt.Errorf("x: %w", kafka.SASLAuthenticationFailed)); errors.Is(err, ErrNoBroker) {
		t.Errorf("%v: a refusal is an answer", err)
	}
	if err := brokerAway(fmt.Errorf("x: %w", kafka.LeaderNotAvailable)); !errors.Is(err, ErrNoBroker) {
		t.Errorf("%v: no leader yet", err)
	}
}
