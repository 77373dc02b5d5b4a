package torture

import (
	"context"
	"errors"
	"net"
	"os/exec"
	"strconv"
	"time"

	"github.com/bouncehouse/bouncehouse/test"
)

// cluster makes two brokers, of which clients are told the proxies' addresses. Every partition is on both, and the
// topic of the offsets too; as ingest makes the topic, one in-sync replica is enough to take a message.
func (h *house) cluster() error {
	config := map[string]string{
		"offsets.topic.replication.factor": "2", "transaction.state.log.replication.factor": "2",
		"replica.lag.time.max.ms": "5000", "log.index.size.max.bytes": "1048576",
	}
	var first *test.KafkaBroker
	for i := range 2 {
		p, err := newProxy("", true)
		if err != nil {
			return err
		}
		name := "kafka" + strconv.Itoa(i+1)
		k := test.Kafka(h.t, test.KafkaOptions{Config: config, Dir: h.path(name), Advertised: p.addr(), Cluster: first,
			Idle: true})
		if !k.Real() {
			return errNoKafka
		}
		p.target = k.Addr()
		if first == nil {
			first = k
		}
		h.toBroker = append(h.toBroker, p)
		h.brokers = append(h.brokers, h.unit(name, k.Command))
	}
	member := func(name string) *unit {
		return h.unit(name, func() *exec.Cmd {
			return h.command("process", "--state", h.path(name), "--clickhouse", h.dsn(h.toServer.addr()), "--kafka",
				h.kafkaAddrs())
		})
	}
	h.members, h.guest = []*unit{member("process1"), member("process2")}, member("process3")
	for _, b := range h.brokers {
		b.start()
	}
	return await(context.Background(), 2*time.Minute, "two brokers", func() error { return first.Answers(2) })
}

var errNoKafka = errors.New("the kafka variant needs Apache Kafka: make kafka")

// start starts all services, in the order of those that need each other.
func (h *house) start() error {
	if h.server != nil {
		h.server.start()
		if err := h.awaitServer(); err != nil {
			return err
		}
	}
	h.reader.start()
	for _, m := range h.members {
		m.start()
	}
	return nil
}

func (h *house) awaitServer() error {
	return await(context.Background(), 2*time.Minute, "ClickHouse to listen", func() error {
		c, err := net.Dial("tcp", h.addr)
		if err == nil {
			c.Close()
		}
		return err
	})
}

// units are all services but the brokers.
func (h *house) units() []*unit {
	all := []*unit{h.reader}
	if h.guest != nil {
		all = append(append(all, h.members...), h.guest)
	}
	if h.server != nil {
		all = append(all, h.server)
	}
	return all
}

// halt ends all services.
func (h *house) halt() error {
	var errs []error
	for _, u := range append(h.units(), h.brokers...) {
		errs = append(errs, u.halt())
	}
	for _, p := range h.proxies() {
		p.close()
	}
	return errors.Join(errs...)
}

func (h *house) proxies() []*proxy {
	if h.toServer == nil {
		return nil
	}
	return append([]*proxy{h.toServer}, h.toBroker...)
}
