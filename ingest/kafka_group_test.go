package ingest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/bouncehouse/bouncehouse"
	"github.com/bouncehouse/bouncehouse/test"
)

// Members of the consumers' group that come, go, stall and take over; the world
// of the tests stands in kafka_test.go.

// testKafkaRebalance has members come and go while data flows.
func testKafkaRebalance(t *testing.T, broker *test.KafkaBroker) {
	w := newWorld(t, broker, 4)
	defer w.close()
	round := func(n int) {
		for range n {
			for s := range 9 {
				w.produce(w.chunk(fmt.Sprintf("stream-%d", s), 3))
			}
		}
	}
	round(5)
	a := w.start(nil)
	round(20)
	b := w.start(nil)
	shared := func(m *member) bool {
		m.kafka.mu.Lock()
		defer m.kafka.mu.Unlock()
		return len(m.kafka.lag) == 2
	}
	test.Await(t, 60*time.Second, "two members with two partitions each", func() bool {
		round(1)
		return shared(a) && shared(b)
	})
	round(10)
	a.stop()
	round(10)
	c := w.start(nil)
	test.Await(t, 60*time.Second, "two members again", func() bool {
		round(1)
		return shared(b) && shared(c)
	})
	w.settled()
	c.stop()
	b.stop()
}

// testKafkaGenerationLost has a member stall in a write until the group has
// given its partition to another, which settles the range. The stalled write
// then lands late, and its commit is refused.
func testKafkaGenerationLost(t *testing.T, broker *test.KafkaBroker) {
	w := newWorld(t, broker, 1)
	defer w.close()
	w.produce(w.chunk("s", 4), w.chunk("s", 4))
	stalled, wake := make(chan bouncehouse.Batch), make(chan struct{})
	var second atomic.Bool
	w.store.before = func(b bouncehouse.Batch) (bool, error) {
		if !second.Swap(true) {
			stalled <- b
			<-wake
		}
		return false, nil
	}
	refused := make(chan error, 1)
	a := w.start(func(src bouncehouse.Source) bouncehouse.Source { return tell{src, refused} })
	first := <-stalled
	w.expel()
	b := w.start(nil)
	w.settled() // by b
	w.awaitCommitted(2)
	close(wake)
	if err := <-refused; !errors.Is(err, errPartitionLost) {
		t.Errorf("the commit of an old generation: %v", err)
	}
	w.produce(w.chunk("s", 4))
	w.settled()
	w.awaitCommitted(3)
	writes := w.store.writes()
	if len(writes) < 2 || writes[0].ID != first.ID || !writes[0].Recover || writes[1].ID != first.ID ||
		writes[1].Recover {
		t.Errorf("the first writes: %+v, not the recovery and the late writer of %s", writes[:min(2, len(writes))],
			first.ID)
	}
	a.stop()
	b.stop()
}

// testKafkaTakeover has another member go on with a partition: what parsers
// remember of each stream goes with it.
func testKafkaTakeover(t *testing.T, broker *test.KafkaBroker) {
	for name, takeover := range map[string]func(w *world) (a, b *member){
		"after a rotation": func(w *world) (a, b *member) {
			a = w.start(nil)
			w.produce(w.chunk("s", 4), w.chunk("t", 4))
			w.settled()
			a.stop()
			c := w.chunk("s", 4)
			c.File, c.FileID, c.Offset = "mail.log.1", "g-s", 0
			w.produce(c)
			return a, w.start(nil)
		},
		"of a batch that is not acknowledged": func(w *world) (a, b *member) {
			w.produce(w.chunk("s", 4), w.chunk("t", 4))
			a = w.start(nil)
			w.settled()
			stalled, wake := make(chan bool, 1), make(chan bool)
			var second atomic.Bool
			w.store.mu.Lock()
			w.store.before = func(bouncehouse.Batch) (bool, error) {
				if !second.Swap(true) {
					stalled <- true
					<-wake
					return true, errors.New("the connection is lost")
				}
				return false, nil
			}
			w.store.mu.Unlock()
			w.produce(w.chunk("s", 4), w.chunk("t", 4))
			<-stalled
			w.expel()
			b = w.start(nil)
			w.settled()
			close(wake)
			return a, b
		},
		"twice before anything comes": func(w *world) (a, b *member) {
			w.produce(w.chunk("s", 4), w.chunk("t", 4))
			a = w.start(nil)
			w.settled()
			a.stop()
			idle := w.start(nil)
			test.Await(t, 60*time.Second, "the partition assigned", func() bool {
				idle.kafka.mu.Lock()
				defer idle.kafka.mu.Unlock()
				return len(idle.kafka.lag) == 1
			})
			idle.stop()
			return a, w.start(nil)
		},
		"beyond what is read again": func(w *world) (a, b *member) {
			a = w.start(nil)
			w.produce(w.chunk("s", 4))
			for range kafkaReplay {
				w.produce(w.chunk("t", 1))
			}
			w.settled()
			a.stop()
			return a, w.start(nil)
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, broker, 1)
			defer w.close()
			a, b := takeover(w)
			w.produce(w.chunk("s", 4), w.chunk("t", 4))
			w.settled()
			a.stop()
			b.stop()
			lines := slices.Sorted(maps.Keys(w.lines)) // by stream, in order
			for i, line := range lines {
				want := ""
				if i > 0 && lines[i-1][:1] == line[:1] {
					want = lines[i-1]
				}
				if name == "beyond what is read again" && i == 4 {
					want = ""
				}
				if got := w.store.context[line]; got != want {
					t.Errorf("before %q it had seen %q, want %q", line, got, want)
				}
			}
		})
	}
}

// tell passes on what its commits return.
type tell struct {
	bouncehouse.Source
	commits chan error
}

func (s tell) Commit(ctx context.Context, b bouncehouse.Batch) error {
	err := s.Source.Commit(ctx, b)
	select {
	case s.commits <- err:
	default:
	}
	return err
}

// expel has the group throw all its members out.
func (w *world) expel() {
	w.t.Helper()
	transport := &kafka.Transport{}
	defer transport.CloseIdleConnections()
	client := &kafka.Client{Addr: kafka.TCP(w.broker.Addr()), Transport: transport}
	groups, err := client.DescribeGroups(context.Background(),
		&kafka.DescribeGroupsRequest{GroupIDs: []string{w.o.Group}})
	if err != nil {
		w.t.Fatal(err)
	}
	leave := &kafka.LeaveGroupRequest{GroupID: w.o.Group}
	for _, m := range groups.Groups[0].Members {
		leave.Members = append(leave.Members, kafka.LeaveGroupRequestMember{ID: m.MemberID})
	}
	answer, err := client.LeaveGroup(context.Background(), leave)
	if err == nil {
		err = answer.Error
	}
	if err != nil || len(leave.Members) == 0 {
		w.t.Fatalf("expel %d members: %v", len(leave.Members), err)
	}
}

// testKafkaStop ends a member while a batch is under way: it is finished.
func testKafkaStop(t *testing.T, broker *test.KafkaBroker) {
	w := newWorld(t, broker, 1)
	defer w.close()
	w.produce(w.chunk("s", 4), w.chunk("s", 4))
	writing, wake := make(chan struct{}), make(chan struct{})
	w.store.before = func(bouncehouse.Batch) (bool, error) {
		close(writing)
		<-wake
		return false, nil
	}
	m := w.start(nil)
	<-writing
	stopped := make(chan error, 1)
	go func() { stopped <- m.stop() }()
	select {
	case err := <-stopped:
		t.Fatalf("Run returned during a write: %v", err)
	case <-time.After(300 * time.Millisecond):
	}
	close(wake)
	if err := <-stopped; !errors.Is(err, context.Canceled) {
		t.Errorf("Run: %v", err)
	}
	if offset, metadata := w.committed(); offset != 2 || metadata != "" {
		t.Errorf("committed %d %q", offset, metadata)
	}
	w.settled()
}
