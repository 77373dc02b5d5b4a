package parse

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bouncehouse/bouncehouse"
	"github.com/google/go-cmp/cmp"
)

// logRef is the reference instant of the sample logs' chunks.
var logRef = time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)

// logGoldens are the sample logs by their file names.
func logGoldens(t testing.TB) map[string]string {
	t.Helper()
	files, err := filepath.Glob("testdata/postfix/*.log")
	if err != nil || len(files) == 0 {
		t.Fatalf("no sample logs: %v", err)
	}
	logs := map[string]string{}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		logs[filepath.Base(f)] = string(b)
	}
	return logs
}

func newParser(t testing.TB, format string) bouncehouse.Parser {
	t.Helper()
	p, err := New(format, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func logChunk(file, data string, offset int) *bouncehouse.Chunk {
	return &bouncehouse.Chunk{Stream: "mx1:mail.log", File: file, Kind: bouncehouse.Lines, Host: "reader", Zone: "Europe/Berlin", Ref: logRef, Offset: int64(offset), Data: data}
}

// found is what came of a log, as it stands in the golden files: a line each.
type found struct {
	Event   *bouncehouse.Event `json:"event,omitempty"`
	Arrival *foundArrival      `json:"arrival,omitempty"`
	Dead    string             `json:"dead,omitempty"`
	Unread  int                `json:"unread,omitempty"`
	Offset  int64              `json:"offset"`
	Ordinal uint16             `json:"ordinal,omitempty"`
	Context bool               `json:"context_known,omitempty"`
}

// foundArrival is an arrival without its origin.
type foundArrival struct {
	Time      time.Time `json:"time"`
	Host      string    `json:"host"`
	QueueID   string    `json:"queue_id"`
	MessageID string    `json:"message_id,omitempty"`
	Sender    string    `json:"sender"`
	Client    string    `json:"client,omitempty"`
	SASLUser  string    `json:"sasl_user,omitempty"`
	Size      int64     `json:"size"`
}

func render(t testing.TB, res *bouncehouse.Result) []byte {
	t.Helper()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	var all []found
	for i := range res.Arrivals {
		a := &res.Arrivals[i]
		all = append(all, found{Offset: a.Offset, Arrival: &foundArrival{
			Time: a.Time, Host: a.Host, QueueID: a.QueueID, MessageID: a.MessageID,
			Sender: a.Sender, Client: a.Client, SASLUser: a.SASLUser, Size: a.Size,
		}})
	}
	for i := range res.Events {
		e := &res.Events[i]
		all = append(all, found{Event: e, Offset: e.Offset, Ordinal: e.Ordinal, Context: e.ContextKnown})
	}
	for i := range res.Dead {
		all = append(all, found{Dead: res.Dead[i].Reason, Offset: res.Dead[i].Offset})
	}
	if res.Unread > 0 {
		all = append(all, found{Unread: res.Unread})
	}
	for i := range all {
		if err := enc.Encode(&all[i]); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

func TestPostfixGolden(t *testing.T) {
	for file, log := range logGoldens(t) {
		t.Run(file, func(t *testing.T) {
			var res bouncehouse.Result
			bouncehouse.ParseChunk(newParser(t, "postfix"), logChunk(file, log, 0), &res)
			got := render(t, &res)
			golden := filepath.Join("testdata/postfix", strings.TrimSuffix(file, ".log")+".jsonl")
			if *update {
				if err := os.WriteFile(golden, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(string(got), "\n")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// BenchmarkPostfix reads the sample logs again and again from memory.
func BenchmarkPostfix(b *testing.B) {
	var log strings.Builder
	logs := logGoldens(b)
	for _, file := range slices.Sorted(maps.Keys(logs)) {
		if !strings.HasPrefix(file, "wrapped-") && file != "headers.log" && file != "reasons.log" && file != "inbound-hostile.log" {
			log.WriteString(logs[file])
		}
	}
	p := newParser(b, Auto)
	c := logChunk("bench", log.String(), 0)
	var res bouncehouse.Result
	lines := 0
	b.SetBytes(int64(log.Len()))
	b.ReportAllocs()
	for b.Loop() {
		res.Reset()
		bouncehouse.ParseChunk(p, c, &res)
		lines += res.Lines
	}
	b.ReportMetric(float64(lines)/b.Elapsed().Seconds(), "lines/s")
	b.ReportMetric(float64(len(res.Events))/float64(res.Lines), "events/line")
}
