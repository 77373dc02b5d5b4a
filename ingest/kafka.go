package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/sasl"
	"github.com/segmentio/kafka-go/sasl/plain"
	"github.com/segmentio/kafka-go/sasl/scram"

	"github.com/bouncehouse/bouncehouse"
)

const (
	// The group waits kafkaSessionTimeout for a silent member (a killed one, or
	// one that joined again under a new name after an outage), and
	// kafkaRebalanceTimeout for one that finishes its batch before it joins
	// again: the pipeline gives that 30 s. A member that is silent by mistake
	// loses nothing: what it had under way is settled by the next. Heartbeats
	// go out every 3 s whatever a batch takes; brokers allow 6 s and more.
	kafkaSessionTimeout   = 10 * time.Second
	kafkaRebalanceTimeout = 60 * time.Second

	kafkaTimeout    = 10 * time.Second // of one request
	kafkaBackoffMin = 250 * time.Millisecond
	kafkaSaid       = time.Minute     // what is still tried is said again this often
	kafkaBackoffMax = 3 * time.Second // an outage is over sooner than noticed; what is tried costs little

	defaultBatchBytes = 8 << 20
	defaultLinger     = time.Second
)

// errPartitionLost ends a partition's loop: another member may have it now, or
// this one must begin it anew. The next generation does.
var errPartitionLost = errors.New("the group has a new generation")

// Kafka reads the chunks of a topic as a member of a consumer group: a
// bouncehouse.Source for each partition that the group assigns to it.
//
// kafka-go's Reader commits offsets without metadata, and a partition's highest
// offset commits all below it. So the group is worked by generation here: a
// partition's batch is intended and committed by its own OffsetCommit, under
// the generation's number.
//
// Exactness when members come, go and stall rests on these:
//
//   - A commit of an older generation is refused by the brokers. A member whose
//     partition went to another can note no intent, and without one it writes
//     nothing.
//   - What it had intended before, the successor sees: the group is in its new
//     generation before its offsets are fetched. It reads that very range
//     first and settles it by asking what is there, Batch.Recover.
//   - A paused member that wakes may still send the INSERT that it had begun.
//     Nothing here can hold it back. Its query id and deduplication token come
//     from Batch.ID, which travels in the intent and is the same in both: the
//     sink ends the query if it runs, and the token stops it if it comes later.
//   - A generation is left only after the loops of its partitions have ended.
//
// Tried with kafka-go v0.4.51 against Apache Kafka 3.9.2 and 4.4.0.
type Kafka struct {
	// BatchBytes ends a batch once it holds so much data; 0 is 8 MiB. Each
	// assigned partition may have that much, and one message, in memory.
	BatchBytes int
	// Linger is how long a batch waits for more after its first message; 0 is
	// a second.
	Linger time.Duration

	o         bouncehouse.KafkaOptions
	lastSeq   func(ctx context.Context, stream string) (uint64, error)
	log       *slog.Logger
	dialer    *kafka.Dialer
	transport *kafka.Transport
	client    *kafka.Client

	mu   sync.Mutex
	done int64
	lag  map[int]int64 // by partition
}

// NewKafka makes the reader; it does not connect. lastSeq is asked for the
// largest sequence number of a stream that is durable downstream, 0 for none;
// its errors are tried again.
func NewKafka(o bouncehouse.KafkaOptions, lastSeq func(ctx context.Context, stream string) (uint64, error),
	log *slog.Logger) (*Kafka, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	if o.Group == "" {
		return nil, errors.New("kafka: no group")
	}
	tls, err := o.TLS.Config()
	if err != nil {
		return nil, err
	}
	mechanism, err := kafkaMechanism(o.SASL)
	if err != nil {
		return nil, err
	}
	transport := &kafka.Transport{ClientID: "bouncehouse", TLS: tls, SASL: mechanism, DialTimeout: kafkaTimeout,
		MetadataTopics: []string{o.Topic}}
	return &Kafka{
		o: o, lastSeq: lastSeq, log: log.With("topic", o.Topic),
		dialer: &kafka.Dialer{ClientID: "bouncehouse", TLS: tls, SASLMechanism: mechanism, Timeout: kafkaTimeout,
			DualStack: true, KeepAlive: 30 * time.Second},
		transport: transport,
		client:    &kafka.Client{Addr: kafka.TCP(o.Brokers...), Transport: transport, Timeout: kafkaTimeout},
		lag:       map[int]int64{},
	}, nil
}

// Progress is how many messages this process has brought, and how many it will
// have once it has caught up with its partitions, as of the last fetch.
func (k *Kafka) Progress() (done, total int64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	total = k.done
	for _, lag := range k.lag {
		total += lag
	}
	return k.done, total
}

// Run is a member of the group until ctx ends. For each partition that it is
// assigned it calls loop in a goroutine of its own; loop is to work the source,
// Read, Intend, Commit, Read ..., until its context ends: that is when the
// member must give the partition back, which it does once loop has returned.
//
// Brokers that are away are waited for. Run returns ctx's error, or that of a
// loop which failed by itself.
func (k *Kafka) Run(ctx context.Context, loop func(ctx context.Context, src bouncehouse.Source) error) error {
	defer k.transport.CloseIdleConnections()
	if err := k.awaitTopic(ctx); err != nil {
		return err
	}
	group, err := kafka.NewConsumerGroup(kafka.ConsumerGroupConfig{
		ID: k.o.Group, Brokers: k.o.Brokers, Topics: []string{k.o.Topic}, Dialer: k.dialer,
		SessionTimeout: kafkaSessionTimeout, RebalanceTimeout: kafkaRebalanceTimeout,
		JoinGroupBackoff: time.Second, Timeout: kafkaTimeout,
		// Partitions that are added are seen so; without it, at the next rebalance.
		WatchPartitionChanges: true, PartitionWatchInterval: 30 * time.Second,
		StartOffset: kafka.FirstOffset,
	})
	if err != nil {
		return fmt.Errorf("kafka: %w", err)
	}
	defer group.Close() // waits for the loops, then leaves the group

	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	var said time.Time
	for {
		gen, err := group.Next(ctx)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case errors.Is(err, kafka.RebalanceInProgress): // the group throttles us itself
			continue
		case err != nil: // the group waits a second before the next try
			if time.Since(said) >= kafkaSaid {
				said = time.Now()
				k.log.Warn("kafka group, trying again", "group", k.o.Group, "error", err)
			}
			continue
		}
		said = time.Time{}
		assigned := gen.Assignments[k.o.Topic]
		k.log.Info("kafka group joined", "group", k.o.Group, "generation", gen.ID, "partitions", len(assigned))
		for _, a := range assigned {
			gen.Start(func(ended context.Context) {
				if err := k.work(ctx, ended, gen, a.ID, loop); err != nil {
					fail(err)
				}
			})
		}
		// A generation that ends at once, as when the topic is deleted, is
		// followed by the next without a pause.
		if err := sleepKafka(ctx, time.Second); err != nil {
			return context.Cause(ctx)
		}
	}
}

// work has loop work one partition until ctx or its generation ends. Its error
// is one that ends the member.
func (k *Kafka) work(ctx, ended context.Context, gen *kafka.Generation, id int,
	loop func(context.Context, bouncehouse.Source) error) error {
	if ended.Err() != nil {
		return nil // kafka-go calls us all the same, and waits no more
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(ended, cancel)()

	p, err := k.newPartition(gen, id)
	if err != nil {
		return err
	}
	defer p.close()
	err = loop(ctx, p)
	switch {
	case errors.Is(err, errPartitionLost):
		p.log.Info("partition given up", "reason", err)
		return nil
	case ctx.Err() != nil:
		if err != nil && err != ctx.Err() {
			p.log.Warn("partition left with a batch under way; whoever has it next recovers it", "error", err)
		}
		return nil
	}
	return err
}

// awaitTopic waits until the topic exists: a group without a topic would join
// and rejoin without end.
func (k *Kafka) awaitTopic(ctx context.Context) error {
	return k.retry(ctx, "look for the topic", func() error {
		meta, err := k.client.Metadata(ctx, &kafka.MetadataRequest{Topics: []string{k.o.Topic}})
		if err != nil {
			return errors.Join(k.reach(ctx), err)
		}
		for _, t := range meta.Topics {
			if t.Name == k.o.Topic {
				return t.Error
			}
		}
		return kafka.UnknownTopicOrPartition
	})
}

// reach returns nil if a broker lets us in. Its errors say what is wrong with a
// certificate or password, of which the client says only that no broker is
// available.
func (k *Kafka) reach(ctx context.Context) error {
	var errs []error
	for _, broker := range k.o.Brokers {
		conn, err := k.dialer.DialContext(ctx, "tcp", broker)
		if err == nil {
			return conn.Close()
		}
		errs = append(errs, fmt.Errorf("broker %s: %w", broker, err))
	}
	return errors.Join(errs...)
}

// retry calls do until it returns nil or errPartitionLost, or ctx ends. It says
// so once, and once a minute while it lasts.
func (k *Kafka) retry(ctx context.Context, what string, do func() error) error {
	var said time.Time
	for wait := kafkaBackoffMin; ; wait = min(2*wait, kafkaBackoffMax) {
		err := do()
		if err == nil || errors.Is(err, errPartitionLost) {
			return err
		}
		if ctx.Err() != nil {
			return errors.Join(ctx.Err(), err)
		}
		if answer := kafka.Error(0); !errors.As(err, &answer) {
			// Of brokers that come back: the connections of before are dead,
			// and each would cost a try to find out.
			k.transport.CloseIdleConnections()
		}
		if time.Since(said) >= kafkaSaid {
			said = time.Now()
			k.log.Warn("kafka: could not "+what+", trying again", "error", err)
		}
		if sleepKafka(ctx, wait) != nil {
			return errors.Join(ctx.Err(), err)
		}
	}
}

// kafkaMechanism has a twin in sink: siblings do not import each other.
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
