package sink

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/sasl"
	"github.com/segmentio/kafka-go/sasl/plain"
	"github.com/segmentio/kafka-go/sasl/scram"

	"github.com/bouncehouse/bouncehouse"
)

const (
	// kafkaTimeout is how long brokers have to put a message on all in-sync
	// replicas, and to answer any other request.
	kafkaTimeout = 30 * time.Second
	// kafkaMaxData is how much data goes into one message before compression.
	// Readers refuse four times as much. It also keeps a request below the
	// 100 MiB (socket.request.max.bytes) at which brokers just hang up, which
	// would look like an outage and be tried again for ever.
	kafkaMaxData = 8 << 20
)

// Kafka writes chunks to a topic: one message a chunk, compressed, its key the
// stream, so that a stream stays in order in one partition.
//
// A repeat after an unknown outcome is simply produced again: kafka-go has no
// idempotent producer, and the one of other clients forgets at a restart.
// Readers know a repeat by its sequence number and place.
type Kafka struct {
	topic     string
	writer    *kafka.Writer
	transport *kafka.Transport
	encoder   *zstd.Encoder
	log       *slog.Logger
}

var _ bouncehouse.Sink = (*Kafka)(nil)

// NewKafka makes the sink. It does not connect: Write does, and EnsureTopic.
func NewKafka(o bouncehouse.KafkaOptions, log *slog.Logger) (*Kafka, error) {
	transport, err := kafkaTransport(o)
	if err != nil {
		return nil, err
	}
	encoder, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1),
		zstd.WithAllLitEntropyCompression(true)) // else the base64 of a mail stays as large as it is
	if err != nil {
		return nil, fmt.Errorf("zstd: %w", err)
	}
	return &Kafka{
		topic: o.Topic,
		writer: &kafka.Writer{
			Addr:         kafka.TCP(o.Brokers...),
			Topic:        o.Topic,
			Balancer:     kafka.Murmur2Balancer{}, // as Java's clients: a key's partition is the same for all
			RequiredAcks: kafka.RequireAll,        // all in-sync replicas; the default is none
			MaxAttempts:  1,                       // the pipeline tries again, and knows that it does
			BatchSize:    1,                       // chunks are batches already; else each write waits BatchTimeout
			BatchBytes:   1 << 30,                 // brokers know their own limit
			ReadTimeout:  kafkaTimeout,
			WriteTimeout: kafkaTimeout,
			Transport:    transport,
		},
		transport: transport,
		encoder:   encoder,
		log:       log,
	}, nil
}

// Close ends all connections. No Write may be under way.
func (k *Kafka) Close() error {
	err := k.writer.Close()
	k.transport.CloseIdleConnections()
	return errors.Join(err, k.encoder.Close())
}

// Write returns nil once the brokers have all of the batch's chunks on all
// in-sync replicas. Replay chunks are left out: the readers have them.
//
// Messages go one by one. Of several under way a later one could succeed where
// an earlier one failed, and a stream would not be in order any more.
func (k *Kafka) Write(ctx context.Context, b bouncehouse.Batch, _ *bouncehouse.Result) error {
	for i := range b.Chunks {
		c := &b.Chunks[i]
		if c.Replay {
			continue
		}
		if err := k.produce(ctx, c); err != nil {
			if answer := kafka.Error(0); !errors.As(err, &answer) {
				// Once brokers are back the connections of before are dead, and
				// each would cost a try to find out.
				k.transport.CloseIdleConnections()
			}
			return fmt.Errorf("produce chunk %d of %s to the topic %s: %w", c.Seq, c.Stream, k.topic, err)
		}
	}
	return nil
}

// produce sends one chunk. What brokers find too large goes in parts, so that
// it never blocks its stream: see Chunk.Halves.
func (k *Kafka) produce(ctx context.Context, c *bouncehouse.Chunk) error {
	value, err := c.MarshalBinary()
	if err != nil {
		return err
	}
	size := len(value)
	limit := "the " + strconv.Itoa(kafkaMaxData) + " bytes of a message"
	if size <= kafkaMaxData {
		value = k.encoder.EncodeAll(value, make([]byte, 0, size/4))
		err = k.writer.WriteMessages(ctx, kafka.Message{Key: []byte(c.Stream), Value: value})
		if err = kafkaCause(err); err == nil {
			return nil
		}
		if !errors.Is(err, kafka.MessageSizeTooLarge) && !errors.Is(err, kafka.RecordListTooLarge) {
			return err
		}
		limit = "what the brokers take (max.message.bytes of the topic, message.max.bytes)"
	}
	if len(c.Data) == 0 {
		return err // no part of it can be smaller: a limit below the size of a header
	}
	k.log.Warn("chunk too large for the topic, sending it in parts", "stream", c.Stream, "seq", c.Seq, "kind", c.Kind,
		"bytes", size, "compressed", len(value), "error", err)
	for _, part := range c.Halves(fmt.Sprintf("a record of %d bytes is larger than %s", len(c.Data), limit)) {
		if err := k.produce(ctx, &part); err != nil {
			return err
		}
	}
	return nil
}

// kafkaCause takes the one message's error out of a writer's, and says what to
// do about the topic's absence.
func kafkaCause(err error) error {
	var each kafka.WriteErrors
	if errors.As(err, &each) && len(each) == 1 {
		err = each[0]
	}
	if errors.Is(err, kafka.UnknownTopicOrPartition) {
		return fmt.Errorf("the topic does not exist; create it, or let ingest do so: %w", err)
	}
	return err
}

// EnsureTopic creates the topic unless it exists; one that does is left as it is. An error is ErrNoBroker where waiting
// may help. With three replicas or more an acknowledged message is on two at least.
//
// Partitions are the most processes that can share the work; a stream's
// partition follows from their number, so choose it with room to grow.
func EnsureTopic(ctx context.Context, o bouncehouse.KafkaOptions, partitions, replication int) error {
	transport, err := kafkaTransport(o)
	if err != nil {
		return err
	}
	defer transport.CloseIdleConnections()
	if err := kafkaReach(ctx, o, transport); err != nil {
		return brokerAway(err)
	}
	client := &kafka.Client{Addr: kafka.TCP(o.Brokers...), Transport: transport, Timeout: kafkaTimeout}

	topic := kafka.TopicConfig{Topic: o.Topic, NumPartitions: partitions, ReplicationFactor: replication}
	if replication >= 3 {
		topic.ConfigEntries = []kafka.ConfigEntry{{ConfigName: "min.insync.replicas", ConfigValue: "2"}}
	}
	answer, err := client.CreateTopics(ctx, &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{topic}})
	if err == nil {
		err = answer.Errors[o.Topic]
	}
	if err != nil && !errors.Is(err, kafka.TopicAlreadyExists) {
		return brokerAway(fmt.Errorf("create the topic %s at %s: %w", o.Topic, strings.Join(o.Brokers, ","), err))
	}
	return nil
}

// ErrNoBroker is wrapped by errors that say that no broker answered: one may
// come back. All other errors are the brokers' own answers.
var ErrNoBroker = errors.New("no Kafka broker answers")

// brokerAway adds ErrNoBroker to errors of the network, and to those with
// which brokers say that they are not ready. What takes connections in their
// place, a proxy, just closes them or is silent.
func brokerAway(err error) error {
	var answer kafka.Error
	var certificate *tls.CertificateVerificationError
	var network net.Error
	switch {
	case errors.As(err, &answer): // it is a net.Error, too
		if !answer.Temporary() && answer != kafka.BrokerNotAvailable { // kafka-go's own word for no connection
			return err
		}
	case errors.As(err, &certificate):
		return err
	case errors.As(err, &network), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF),
		errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
	default:
		return err
	}
	return fmt.Errorf("%w: %w", ErrNoBroker, err)
}

// kafkaReach returns nil once a broker has let us in. Its errors say what is
// wrong with a certificate or password, of which the transport says only that
// no broker is available.
func kafkaReach(ctx context.Context, o bouncehouse.KafkaOptions, transport *kafka.Transport) error {
	dialer := &kafka.Dialer{ClientID: transport.ClientID, TLS: transport.TLS, SASLMechanism: transport.SASL,
		Timeout: transport.DialTimeout, DualStack: true}
	var errs []error
	for _, broker := range o.Brokers {
		conn, err := dialer.DialContext(ctx, "tcp", broker)
		if err == nil {
			return conn.Close()
		}
		errs = append(errs, fmt.Errorf("kafka broker %s: %w", broker, err))
	}
	return errors.Join(errs...)
}

// kafkaTransport makes connections as o says. Its twin in ingest is there
// because siblings do not import each other.
func kafkaTransport(o bouncehouse.KafkaOptions) (*kafka.Transport, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	tls, err := o.TLS.Config()
	if err != nil {
		return nil, err
	}
	mechanism, err := kafkaMechanism(o.SASL)
	if err != nil {
		return nil, err
	}
	return &kafka.Transport{ClientID: "bouncehouse", TLS: tls, SASL: mechanism, DialTimeout: 10 * time.Second,
		MetadataTopics: []string{o.Topic}}, nil
}

func kafkaMechanism(s bouncehouse.KafkaSASL) (sasl.Mechanism, error) {
	if s.Mechanism == "" {
		return nil, nil
	}
	password, err := s.Password()
	if err != nil {
		return nil, err
	}
	switch s.Mechanism {
	case bouncehouse.SASLScramSHA256:
		return scram.Mechanism(scram.SHA256, s.User, password)
	case bouncehouse.SASLScramSHA512:
		return scram.Mechanism(scram.SHA512, s.User, password)
	}
	return plain.Mechanism{Username: s.User, Password: password}, nil
}
