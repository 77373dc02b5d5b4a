package test_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/bouncehouse/bouncehouse/test"
)

// TestKafka holds for every version that is set up, and for the stand-in where there is none: what is produced with all
// acknowledgements is consumed once, by a group that goes on from its committed offsets, through a kill -9.
func TestKafka(t *testing.T) {
	versions := test.KafkaVersions(t)
	if len(versions) == 0 {
		versions = []string{""}
	}
	for _, version := range versions {
		t.Run(version, func(t *testing.T) {
			began := time.Now()
			broker := test.Kafka(t, test.KafkaOptions{Version: version})
			t.Logf("%s answered after %v", broker.Version(), time.Since(began).Round(time.Millisecond))
			broker.CreateTopic("lines", 3)
			produce(t, broker.Addr(), "lines", 0, 60)
			if got := consume(t, broker.Addr(), "lines", 60); len(got) != 60 {
				t.Errorf("consumed %d different values of 60", len(got))
			}
			produce(t, broker.Addr(), "lines", 60, 90)
			broker.Kill9()
			began = time.Now()
			broker.Restart()
			t.Logf("%s answered again after %v", broker.Version(), time.Since(began).Round(time.Millisecond))
			got := consume(t, broker.Addr(), "lines", 30)
			for i := 60; i < 90; i++ {
				if got[fmt.Sprint("value ", i)] != 1 {
					t.Errorf("value %d came %d times after the restart", i, got[fmt.Sprint("value ", i)])
				}
			}
			broker.Stop()
		})
	}
}

func produce(t *testing.T, addr, topic string, from, to int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	transport := &kafka.Transport{}
	defer transport.CloseIdleConnections()
	w := &kafka.Writer{Addr: kafka.TCP(addr), Topic: topic, Transport: transport, RequiredAcks: kafka.RequireAll,
		Balancer: kafka.Murmur2Balancer{}, BatchSize: 1}
	for i := from; i < to; i++ {
		err := w.WriteMessages(ctx, kafka.Message{Key: fmt.Append(nil, "key ", i), Value: fmt.Append(nil, "value ", i)})
		if err != nil {
			t.Fatalf("produce value %d: %v", i, err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

// consume reads n messages as a member of one group, commits them, and counts how often each value came.
func consume(t *testing.T, addr, topic string, n int) map[string]int {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	r := kafka.NewReader(kafka.ReaderConfig{Brokers: []string{addr}, GroupID: "readers", Topic: topic,
		MaxWait: 250 * time.Millisecond, StartOffset: kafka.FirstOffset})
	got := map[string]int{}
	for range n {
		m, err := r.FetchMessage(ctx)
		if err != nil {
			t.Fatalf("consume after %d of %d: %v", len(got), n, err)
		}
		got[string(m.Value)]++
		if err := r.CommitMessages(ctx, m); err != nil {
			t.Fatalf("commit offset %d of partition %d: %v", m.Offset, m.Partition, err)
		}
	}
	if err := r.Close(); err != nil && !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	return got
}
