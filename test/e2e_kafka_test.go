package test_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/bouncehouse/bouncehouse/test"
)

// TestKafkaSameRows reads the same logs by `ingest`, Apache Kafka and two members of `process`, all of which are killed
// meanwhile, and by `run`, which nobody disturbs: each row is there once, and the same. Only the chunk's number
// differs: ingest cuts the log smaller than run. It holds for each version of Apache Kafka that is set up.
func TestKafkaSameRows(t *testing.T) {
	if testing.Short() {
		t.Skip("torture")
	}
	versions := test.KafkaVersions(t)
	if v := os.Getenv("KAFKA_VERSION"); v != "" {
		versions = []string{v}
	}
	if len(versions) == 0 {
		versions = []string{""}
	}
	// Streams enough that both members get some.
	var logs []string
	for i := range 5 {
		path := filepath.Join(t.TempDir(), fmt.Sprintf("mx%d", i), "mail.log")
		log := demoLog(t)
		if i > 0 {
			log = anotherDay(log, i)
		}
		write(t, path, log)
		logs = append(logs, path)
	}
	plain := newHouse(t, crashBinary(t), "")
	plain.must("run", append([]string{"--once"}, logs...)...)
	want := plain.kept()
	for _, version := range versions {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			kafkaTorture(t, version, logs, want)
		})
	}
}

// kafkaRounds is how often both members of process are killed. The group notices a member's death after 30 s only.
const kafkaRounds = 2

func kafkaTorture(t *testing.T, version string, logs []string, want *undisturbed) {
	r := crashSeed(t)
	broker := test.Kafka(t, test.KafkaOptions{Version: version})
	server := newHouse(t, crashBinary(t), "") // process and ClickHouse
	server.engine()
	mail := newHouse(t, crashBinary(t), "") // ingest, with a state directory of its own
	process := func(crash string) *test.Process {
		cmd := server.command("process", "--kafka", broker.Addr())
		cmd.Env = append(cmd.Env, "BOUNCEHOUSE_CRASH="+crash)
		return test.Start(t, "process", cmd)
	}

	killed := 0
	for round := range kafkaRounds {
		from, to := round*2, round*2+2
		if round == kafkaRounds-1 {
			to = len(logs)
		}
		killed += mail.ingestKilled(t, r, broker.Addr(), logs[from:to])
		var members []*test.Process
		for range 2 {
			members = append(members, process(crashPoints[r.IntN(len(crashPoints))].point(r, 1)))
		}
		select {
		case <-members[0].Done():
		case <-members[1].Done():
		case <-time.After(2 * time.Minute):
			t.Fatal("no member of the group got as far as writing a batch")
		}
		// The other one has written something by then, or never gets a partition with messages.
		select {
		case <-members[0].Done():
		case <-time.After(time.Second):
			members[0].Kill9()
		}
		select {
		case <-members[1].Done():
		case <-time.After(time.Second):
			members[1].Kill9()
		}
	}
	members := []*test.Process{process(""), process("")}
	test.Await(t, 3*time.Minute, fmt.Sprintf("%d events in ClickHouse", len(want.events)), func() bool {
		return server.number("SELECT count() FROM events") >= len(want.events)
	})
	for _, m := range members {
		m.Stop(time.Minute)
		if err := m.Err(); err != nil {
			t.Errorf("process ended with %v after SIGTERM", err)
		}
	}
	t.Logf("%s: ingest was killed %d times, process %d times", broker.Version(), killed, 2*kafkaRounds)
	server.sameAs(want)
}

// ingestKilled brings logs into Kafka, killed at each named point several times on the way.
func (h *house) ingestKilled(t *testing.T, r *rand.Rand, broker string, logs []string) (killed int) {
	t.Helper()
	for n := range 4 * len(crashPoints) {
		cmd := h.command("ingest", append([]string{"--once", "--kafka", broker}, logs...)...)
		point := crashPoints[n%len(crashPoints)].point(r, 1+r.IntN(3))
		cmd.Env = append(cmd.Env, "BOUNCEHOUSE_CHUNK=16384", "BOUNCEHOUSE_CRASH="+point)
		switch end := h.try(cmd); end.status {
		case -1:
			killed++
		case 0: // read to the end before the point came
		default:
			t.Fatalf("ingest with BOUNCEHOUSE_CRASH=%s: exit status %d\n%s", point, end.status, end.err)
		}
	}
	h.must("ingest", append([]string{"--once", "--kafka", broker}, logs...)...)
	return killed
}
