package ingest

import (
	"strings"
	"testing"

	"github.com/bouncehouse/bouncehouse"
)

// TestKafkaReplayByStream keeps of a quiet stream what a busy one would have pushed out.
func TestKafkaReplayByStream(t *testing.T) {
	var kept []bouncehouse.Chunk
	for _, s := range strings.Fields("q1 b1 b2 q2 b3 b4 b5 b6 c7") {
		kept = newest(append(kept, bouncehouse.Chunk{Stream: s[:1], File: s, Data: strings.Repeat("x", 10)}), 30, 70)
	}
	var names []string
	for _, c := range kept {
		names = append(names, c.File)
	}
	if got := strings.Join(names, " "); got != "q1 q2 b4 b5 b6 c7" {
		t.Errorf("kept %s", got)
	}
	if kept = newest(kept, 30, 25); len(kept) != 2 || kept[0].File != "b6" {
		t.Errorf("of all: %v", kept)
	}
}
