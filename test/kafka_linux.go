package test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
)

// KafkaOptions are what a test may ask of its broker; the zero value is a broker of the default version.
type KafkaOptions struct {
	Version string            // else KAFKA_VERSION, else the one in test/kafka/pom.xml
	Config  map[string]string // further lines of server.properties

	// For clusters, and brokers that something stands before; the stand-in knows none of these.
	Dir        string       // where all of it lies; else a directory of the test's
	Advertised string       // the address that clients are told, of a proxy
	Cluster    *KafkaBroker // the broker whose cluster this one joins as another; that one alone is its controller
	Idle       bool         // not started: see Command
}

// KafkaBroker is one Kafka node, broker and controller (KRaft), or its stand-in kfake.
type KafkaBroker struct {
	t       testing.TB
	addr    string // host:port
	version string
	dir     string
	jars    string // empty for the stand-in
	config  map[string]string
	node    int
	control string // host:port of the cluster's controller

	process *Process // nil while stopped
	fake    standIn  // nil while stopped
}

// standIn is a broker within the test process, for machines without Java.
type standIn interface{ Close() }

const (
	kafkaStartLimit = 60 * time.Second // a start takes 2 s on an idle machine
	kafkaStopLimit  = 20 * time.Second
	kafkaClusterID  = "Ym91bmNlaG91c2UtdGVzdA" // any 16 bytes
)

// Kafka starts a broker. Where Java or the jars are missing kfake stands in, unless the real one is required.
func Kafka(t testing.TB, opts KafkaOptions) *KafkaBroker {
	t.Helper()
	notShort(t)
	version := opts.Version
	if version == "" {
		version = kafkaVersion(t)
	}
	k := &KafkaBroker{t: t, version: version, dir: opts.Dir, config: opts.Config, node: 1}
	if k.dir == "" {
		k.dir = t.TempDir()
	}
	ports := freePorts(t, 3)
	k.addr = net.JoinHostPort("127.0.0.1", strconv.Itoa(ports[0]))
	k.control = net.JoinHostPort("127.0.0.1", strconv.Itoa(ports[1]))
	if opts.Cluster != nil {
		k.node, k.control = opts.Cluster.node+1, opts.Cluster.control
	}
	jars := filepath.Join(Root(t), ".cache", "kafka", version)
	if why := kafkaMissing(jars); why != "" {
		if required(PartKafka) {
			Missing(t, PartKafka, why)
		}
		note(t, "left out", PartKafka, why+"; kfake stood in")
		t.Logf("kfake stands in for Kafka: %s", why)
		k.version = "kfake"
	} else {
		k.jars = jars
		k.format(opts, net.JoinHostPort("127.0.0.1", strconv.Itoa(ports[2])))
		Tried(t, PartKafka, "Apache Kafka "+version)
	}
	t.Cleanup(func() {
		if k.fake != nil {
			k.fake.Close()
		}
	})
	if !opts.Idle {
		k.Restart()
	}
	return k
}

// Command is a real broker's process, for who starts and ends it by himself; it writes its log to standard error.
func (k *KafkaBroker) Command() *exec.Cmd { return k.java("kafka.Kafka", k.properties()) }

// KafkaVersions are the versions of Apache Kafka that are set up on this machine, oldest first.
func KafkaVersions(t testing.TB) []string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(Root(t), ".cache", "kafka"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	var versions []string
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), "new.") {
			versions = append(versions, e.Name())
		}
	}
	slices.Sort(versions)
	return versions
}

// Addr is the broker's host:port; it stays the same over restarts.
func (k *KafkaBroker) Addr() string { return k.addr }

// Version is the version of Apache Kafka, or "kfake" for the stand-in.
func (k *KafkaBroker) Version() string { return k.version }

// Real reports whether this is Apache Kafka, not the stand-in.
func (k *KafkaBroker) Real() bool { return k.jars != "" }

// Pid is the process id of a real broker that runs, else 0.
func (k *KafkaBroker) Pid() int {
	if k.process == nil {
		return 0
	}
	return k.process.Pid()
}

// CreateTopic makes a topic and waits until each of its partitions has a leader.
func (k *KafkaBroker) CreateTopic(name string, partitions int) {
	k.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	client, done := k.client()
	defer done()
	answer, err := client.CreateTopics(ctx, &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{{
		Topic: name, NumPartitions: partitions, ReplicationFactor: 1,
	}}})
	if err == nil {
		err = answer.Errors[name]
	}
	if err != nil {
		k.t.Fatalf("create topic %s: %v", name, err)
	}
	Await(k.t, 30*time.Second, "a leader for each partition of "+name, func() bool {
		meta, err := client.Metadata(ctx, &kafka.MetadataRequest{Topics: []string{name}})
		if err != nil || len(meta.Topics) != 1 || len(meta.Topics[0].Partitions) != partitions {
			return false
		}
		return !slices.ContainsFunc(meta.Topics[0].Partitions, func(p kafka.Partition) bool {
			return p.Error != nil || p.Leader.Host == ""
		})
	})
}

// Kill9 ends the broker as a crash would, without a word. (The stand-in is closed; it syncs every write.)
func (k *KafkaBroker) Kill9() { k.end(func() { k.process.Kill9() }) }

// Stop ends the broker in its own way (SIGTERM).
func (k *KafkaBroker) Stop() { k.end(func() { k.process.Stop(kafkaStopLimit) }) }

func (k *KafkaBroker) end(end func()) {
	k.t.Helper()
	switch {
	case k.fake != nil:
		k.fake.Close()
		k.fake = nil
	case k.process != nil:
		end()
		k.process = nil
	default:
		k.t.Fatal("the broker is not running")
	}
}

// Restart starts the broker again on the same address with the same data, and waits until it answers.
func (k *KafkaBroker) Restart() {
	k.t.Helper()
	if k.fake != nil || k.process != nil {
		k.t.Fatal("the broker is running")
	}
	if !k.Real() {
		k.startFake()
		return
	}
	log := filepath.Join(k.dir, "server.log")
	k.process = start(k.t, "Kafka "+k.version, log, k.Command())
	k.process.Ready(k.t, kafkaStartLimit, func() error { return k.Answers(1) })
}

func (k *KafkaBroker) startFake() {
	_, port, err := net.SplitHostPort(k.addr)
	if err != nil {
		k.t.Fatal(err)
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		k.t.Fatal(err)
	}
	k.fake, err = startStandIn(n, filepath.Join(k.dir, "data"), k.config)
	if err != nil {
		k.t.Fatal(err)
	}
}

// Answers asks for the cluster, which must have so many brokers, and for a group's coordinator: the latter makes the
// topic of the offsets, which the first consumer group would otherwise wait for.
func (k *KafkaBroker) Answers(brokers int) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	client, done := k.client()
	defer done()
	meta, err := client.Metadata(ctx, &kafka.MetadataRequest{})
	if err != nil {
		return err
	}
	if len(meta.Brokers) != brokers {
		return fmt.Errorf("%d brokers", len(meta.Brokers))
	}
	found, err := client.FindCoordinator(ctx, &kafka.FindCoordinatorRequest{Key: "ready",
		KeyType: kafka.CoordinatorKeyTypeConsumer})
	if err != nil {
		return err
	}
	return found.Error
}

// client is a client of its own connections, since a broker that comes back must not be asked over old ones.
func (k *KafkaBroker) client() (client *kafka.Client, done func()) {
	transport := &kafka.Transport{DialTimeout: 2 * time.Second}
	return &kafka.Client{Addr: kafka.TCP(k.addr), Transport: transport}, transport.CloseIdleConnections
}

func (k *KafkaBroker) properties() string { return filepath.Join(k.dir, "server.properties") }

// format writes server.properties and formats the data directory, as KRaft asks. internal is a free address: behind a
// proxy brokers talk to each other there.
func (k *KafkaBroker) format(opts KafkaOptions, internal string) {
	k.t.Helper()
	roles, listeners, advertised := "broker", "PLAINTEXT://"+k.addr, "PLAINTEXT://"+k.addr
	if opts.Cluster == nil {
		roles, listeners = "broker,controller", listeners+",CONTROLLER://"+k.control
	}
	lines := []string{}
	if opts.Advertised != "" {
		listeners, advertised = listeners+",INTERNAL://"+internal,
			"PLAINTEXT://"+opts.Advertised+",INTERNAL://"+internal
		lines = append(lines, "inter.broker.listener.name=INTERNAL",
			"listener.security.protocol.map=PLAINTEXT:PLAINTEXT,INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT")
	}
	lines = append(lines,
		"process.roles="+roles,
		"node.id="+strconv.Itoa(k.node),
		"controller.quorum.voters=1@"+k.control,
		"controller.listener.names=CONTROLLER",
		"listeners="+listeners,
		"advertised.listeners="+advertised,
		"log.dirs="+filepath.Join(k.dir, "data"),
		"auto.create.topics.enable=false",
		"offsets.topic.num.partitions=1",
		"offsets.topic.replication.factor=1",
		"transaction.state.log.num.partitions=1",
		"transaction.state.log.replication.factor=1",
		"transaction.state.log.min.isr=1",
		"group.initial.rebalance.delay.ms=0",
		"controlled.shutdown.enable=false",
		// After a kill -9 the node is let in again once its former self has been silent for this long (9 s by default).
		"broker.session.timeout.ms=3000",
		"broker.heartbeat.interval.ms=500",
	)
	for name, value := range k.config { // each name once, so their order says nothing
		lines = append(lines, name+"="+value)
	}
	if err := os.WriteFile(k.properties(), []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
		k.t.Fatal(err)
	}
	cmd := k.java("kafka.tools.StorageTool", "format", "-t", kafkaClusterID, "-c", k.properties())
	if out, err := cmd.CombinedOutput(); err != nil {
		k.t.Fatalf("format the data of Kafka %s: %v\n%s", k.version, err, out)
	}
}

// java is a small machine that starts fast: one compiler tier, one collector thread.
func (k *KafkaBroker) java(class string, args ...string) *exec.Cmd {
	cmd := exec.Command("java", append([]string{
		"-Xmx256m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Djava.awt.headless=true",
		"-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
		"-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info",
		"-Dorg.slf4j.simpleLogger.showDateTime=true",
		"-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS",
		"-cp", filepath.Join(k.jars, "*"), class,
	}, args...)...)
	cmd.Dir = k.dir
	return cmd
}

// kafkaMissing says what the real broker lacks on this machine, if anything.
func kafkaMissing(jars string) string {
	if _, err := exec.LookPath("java"); err != nil {
		return "no java (make kafka)"
	}
	if _, err := os.Stat(jars); err != nil {
		return fmt.Sprintf("no jars of version %s (make kafka)", filepath.Base(jars))
	}
	return ""
}

// kafkaVersion is the version to try unless a test names one.
func kafkaVersion(t testing.TB) string {
	t.Helper()
	if v := os.Getenv("KAFKA_VERSION"); v != "" {
		return v
	}
	pom, err := os.ReadFile(filepath.Join(Root(t), "test", "kafka", "pom.xml"))
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`<kafka.version>(.+)</kafka.version>`).FindSubmatch(pom)
	if m == nil {
		t.Fatal("no kafka.version in test/kafka/pom.xml")
	}
	return string(m[1])
}

// freePorts are ports of 127.0.0.1 that nobody has at this moment.
func freePorts(t testing.TB, n int) []int {
	t.Helper()
	ports := make([]int, n)
	for i := range ports {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		ports[i] = l.Addr().(*net.TCPAddr).Port
	}
	return ports
}
