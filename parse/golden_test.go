package parse

import (
	"bytes"
	"encoding/json"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bouncehouse/bouncehouse"
	"github.com/bouncehouse/bouncehouse/parse/parsetest"
	"github.com/google/go-cmp/cmp"
)

// logRef is the reference instant of the sample logs' chunks.
var logRef = time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)

// sample is one sample log of a format.
type sample struct{ format, file, log string }

// lineFormats are the formats whose records are lines.
func lineFormats() (all []Format) {
	return slices.DeleteFunc(Formats(), func(f Format) bool { return f.mails })
}

// samples are the sample logs of a format, in the order of their names.
func samples(t testing.TB, format string) (all []sample) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", format, "*.log"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no sample logs of %s: %v", format, err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, sample{format, filepath.Base(file), string(b)})
	}
	return all
}

// eachSample runs test for every sample of every format, once with the format
// named and once found out.
func eachSample(t *testing.T, test func(t *testing.T, s sample, as string)) {
	for _, f := range lineFormats() {
		t.Run(f.Name, func(t *testing.T) {
			for _, s := range samples(t, f.Name) {
				for _, as := range []string{f.Name, Auto} {
					t.Run(s.file+"/"+as, func(t *testing.T) { test(t, s, as) })
				}
			}
		})
	}
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
	return &bouncehouse.Chunk{Stream: "mx1:mail.log", File: file, Kind: bouncehouse.Lines, Host: "reader",
		Zone: "Europe/Berlin", Ref: logRef, Offset: int64(offset), Data: data}
}

// chunk is a part of the sample as ingest hands it on.
func (s *sample) chunk(data string, offset int) *bouncehouse.Chunk {
	c := logChunk(s.file, data, offset)
	c.Head = bouncehouse.FileHead(s.log)
	return c
}

// parse reads the sample in chunks that begin at these offsets, beside 0.
func (s *sample) parse(t testing.TB, as string, cuts ...int) *bouncehouse.Result {
	p, res := newParser(t, as), &bouncehouse.Result{}
	at := 0
	for _, cut := range append(cuts, len(s.log)) {
		if at < cut {
			bouncehouse.ParseChunk(p, s.chunk(s.log[at:cut], at), res)
		}
		at = cut
	}
	for i := range res.Events { // so says the view attempts_5m
		if e := &res.Events[i]; (e.Direction == bouncehouse.Inbound) != (e.Outcome == bouncehouse.Rejected) {
			t.Errorf("%s, offset %d: %s and %s", s.file, e.Offset, e.Direction, e.Outcome)
		}
	}
	return res
}

// lines are the sample's, an export's empty ones with those that they follow:
// no chunk ends between the two.
func (s *sample) lines(yield func(string) bool) {
	export := strings.Contains("\n"+s.log, "\n__CURSOR=")
	for rest := s.log; rest != ""; {
		n := strings.IndexByte(rest, '\n') + 1
		if n == 0 {
			n = len(rest)
		}
		for export && strings.HasPrefix(rest[n:], "\n") {
			n++
		}
		if !yield(rest[:n]) {
			return
		}
		rest = rest[n:]
	}
}

// every is where each n-th line of the sample begins, but the first.
func (s *sample) every(n int) (cuts []int) {
	at, i := 0, 0
	for line := range s.lines {
		if i > 0 && i%n == 0 {
			cuts = append(cuts, at)
		}
		at += len(line)
		i++
	}
	return cuts
}

// parseLog reads a log in one chunk.
func parseLog(t testing.TB, as, file, log string) *bouncehouse.Result {
	t.Helper()
	s := sample{as, file, log}
	return s.parse(t, as)
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

// all is what a result holds: arrivals, events, dead letters.
func all(res *bouncehouse.Result) iter.Seq[found] {
	return func(yield func(found) bool) {
		for i := range res.Arrivals {
			a := &res.Arrivals[i]
			if !yield(found{Offset: a.Offset, Arrival: &foundArrival{
				Time: a.Time, Host: a.Host, QueueID: a.QueueID, MessageID: a.MessageID,
				Sender: a.Sender, Client: a.Client, SASLUser: a.SASLUser, Size: a.Size,
			}}) {
				return
			}
		}
		for i := range res.Events {
			e := &res.Events[i]
			if !yield(found{Event: e, Offset: e.Offset, Ordinal: e.Ordinal, Context: e.ContextKnown}) {
				return
			}
		}
		for i := range res.Dead {
			if !yield(found{Dead: res.Dead[i].Reason, Offset: res.Dead[i].Offset}) {
				return
			}
		}
	}
}

func render(t testing.TB, res *bouncehouse.Result) []byte {
	t.Helper()
	return renderFrom(t, res, 0)
}

// renderFrom leaves out what comes from before an offset.
func renderFrom(t testing.TB, res *bouncehouse.Result, offset int) []byte {
	t.Helper()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	write := func(f found) {
		if err := enc.Encode(&f); err != nil {
			t.Fatal(err)
		}
	}
	for f := range all(res) {
		if f.Offset >= int64(offset) {
			write(f)
		}
	}
	if res.Unread > 0 && offset == 0 {
		write(found{Unread: res.Unread})
	}
	return b.Bytes()
}

// differ reports how two renderings differ.
func differ(t testing.TB, what string, want, got []byte) {
	t.Helper()
	if !bytes.Equal(want, got) {
		t.Errorf("%s:\n%s", what, cmp.Diff(strings.Split(string(want), "\n"), strings.Split(string(got), "\n")))
	}
}

// What comes of each sample stands in its golden file, whether the format is
// named or found out.
func TestLogGolden(t *testing.T) {
	eachSample(t, func(t *testing.T, s sample, as string) {
		got := render(t, s.parse(t, as))
		golden := filepath.Join("testdata", s.format, strings.TrimSuffix(s.file, ".log")+".jsonl")
		if *parsetest.Update && as == s.format {
			if err := os.WriteFile(golden, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if as == Auto { // a line that no format knows by itself is nobody's unread line
			want, got = withoutUnread(want), withoutUnread(got)
		}
		differ(t, "(-want +got)", want, got)
	})
}

func withoutUnread(b []byte) []byte {
	if at := bytes.Index(b, []byte(`{"unread"`)); at >= 0 {
		return b[:at]
	}
	return b
}
