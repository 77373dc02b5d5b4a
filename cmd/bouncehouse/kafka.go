package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/bouncehouse/bouncehouse"
	"github.com/bouncehouse/bouncehouse/ingest"
	"github.com/bouncehouse/bouncehouse/sink"
)

// kafkaFlags go before the configuration's kafka section.
type kafkaFlags struct {
	Kafka string `placeholder:"HOST:PORT,..." env:"BOUNCEHOUSE_KAFKA" help:"Kafka brokers."`
	Topic string `placeholder:"NAME" help:"Topic (default bouncehouse)."`
}

func (f *kafkaFlags) options(c Config) (bouncehouse.KafkaOptions, error) {
	o := c.Kafka
	if f.Kafka != "" {
		o.Brokers = strings.Split(f.Kafka, ",")
	}
	if f.Topic != "" {
		o.Topic = f.Topic
	}
	if len(o.Brokers) == 0 {
		return o, fmt.Errorf("%w: name the brokers with --kafka HOST:PORT or in the configuration's kafka section",
			errWrongUse)
	}
	if err := o.Validate(); err != nil {
		return o, fmt.Errorf("%w: %w", errWrongUse, err)
	}
	return o, nil
}

// ingestCmd is the loop from files to Kafka: nothing is parsed, a position is
// committed once the chunk is on all in-sync replicas.
type ingestCmd struct {
	dataFlags
	kafkaFlags
	sourceFlags
	Once        bool `help:"Read what is there and stop."`
	Partitions  int  `default:"8" placeholder:"N" help:"Partitions of the topic where it has to be created (default 8)."`
	Replication int  `default:"1" placeholder:"N" help:"Its replication factor (default 1)."`
}

func (cmd *ingestCmd) Run(a *app) error {
	c, err := cmd.config(a)
	if err != nil {
		return err
	}
	o, err := cmd.options(c)
	if err != nil {
		return err
	}
	unlock, err := lockState(c.State)
	if err != nil {
		return err
	}
	defer unlock()
	sources, bad, err := cmd.open(a, c, cmd.Once, kafkaChunk)
	if err != nil {
		return err
	}
	defer closeAll(sources)
	out, err := sink.NewKafka(o, a.log)
	if err != nil {
		return err
	}
	defer out.Close()
	if err := awaitTopic(a, o, cmd.Partitions, cmd.Replication); err != nil {
		return ended(a.ctx, err, cmd.Once)
	}
	meter := newMeter(a, sources, false)
	pipe := &bouncehouse.Pipeline{Sink: out, Log: a.log, Trace: bouncehouse.Trace{Begin: crashHook(),
		Committed: meter.observe}, FullTries: fullTries(cmd.Once)}
	err = runAll(a.ctx, pipe, sources, cmd.Once, func(string) {})
	meter.close()
	return errors.Join(bad, ended(a.ctx, err, cmd.Once))
}

// awaitTopic makes the topic where it is missing. Brokers that are away are
// waited for, also behind something that takes connections for them: a
// fleet's servers start in any order.
func awaitTopic(a *app, o bouncehouse.KafkaOptions, partitions, replication int) error {
	var said time.Time
	for wait := time.Second; ; wait = min(2*wait, 10*time.Second) {
		err := sink.EnsureTopic(a.ctx, o, partitions, replication)
		if a.ctx.Err() != nil {
			return a.ctx.Err()
		}
		if !errors.Is(err, sink.ErrNoBroker) {
			return err
		}
		if time.Since(said) >= time.Minute {
			said = time.Now()
			a.log.Warn("waiting for Kafka", "error", err)
		}
		select {
		case <-time.After(wait):
		case <-a.ctx.Done():
			return a.ctx.Err()
		}
	}
}

// processCmd is the loop from Kafka to ClickHouse: a member of a consumer
// group, as many as the topic has partitions.
type processCmd struct {
	dataFlags
	kafkaFlags
	Group string `placeholder:"NAME" help:"Consumer group (default bouncehouse)."`
}

func (cmd *processCmd) Run(a *app) error {
	c, err := cmd.config(a)
	if err != nil {
		return err
	}
	if cmd.Group != "" {
		c.Kafka.Group = cmd.Group
	}
	o, err := cmd.options(c)
	if err != nil {
		return err
	}
	store, stop, err := openStore(a, c)
	if err != nil {
		return ended(a.ctx, err, false)
	}
	defer stop()
	stages, stopStages, err := processing(a, c, c.Egress, store.Context())
	if err != nil {
		return err
	}
	defer stopStages()
	in, err := ingest.NewKafka(o, store.LastSeq, a.log)
	if err != nil {
		return err
	}
	meter := newKafkaMeter(a, in)
	pipe := &bouncehouse.Pipeline{Parser: stages.parser, Enrichers: stages.enrichers, Sink: store, Log: a.log,
		Trace: bouncehouse.Trace{Begin: crashHook(), Committed: meter.observe}}
	err = in.Run(a.ctx, func(ctx context.Context, src bouncehouse.Source) error { return pipe.Run(ctx, src) })
	meter.close()
	return ended(a.ctx, err, false)
}
