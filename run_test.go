package bouncehouse

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// world is a source, a sink and an enricher that write down what is asked of
// them.
type world struct {
	batches []Batch
	steps   []string
	fail    int   // writes that fail before one succeeds
	full    int   // steps that fail for want of room before one succeeds
	readErr error // what Read ends with
	stored  []Event
	dead    []DeadLetter
	onWrite func()
}

func (w *world) Read(ctx context.Context) (Batch, error) {
	if len(w.batches) == 0 {
		return Batch{}, w.readErr
	}
	b := w.batches[0]
	w.batches = w.batches[1:]
	w.note("read", b)
	return b, nil
}

func (w *world) note(step string, b Batch) {
	if b.Recover {
		step += " recover"
	}
	w.steps = append(w.steps, step+" "+b.ID)
}

func (w *world) Intend(ctx context.Context, b Batch) error { return w.step(ctx, "intend", b) }
func (w *world) Commit(ctx context.Context, b Batch) error { return w.step(ctx, "commit", b) }

func (w *world) step(ctx context.Context, step string, b Batch) error {
	w.note(step, b)
	if w.full > 0 {
		w.full--
		return fmt.Errorf("write position: %w", syscall.ENOSPC)
	}
	return ctx.Err()
}

func (w *world) Write(ctx context.Context, b Batch, res *Result) error {
	w.note("write", b)
	if w.onWrite != nil {
		w.onWrite()
	}
	if w.fail > 0 {
		w.fail--
		return errors.New("no answer")
	}
	w.stored = append(w.stored, res.Events...)
	w.dead = append(w.dead, res.Dead...)
	return ctx.Err()
}

// words makes an event of each word of a line; "bad" is an error, "worse" a
// panic.
type words struct{ seen int }

func (p *words) Parse(r Record, res *Result) error {
	for w := range strings.FieldsSeq(r.Text) {
		p.seen++
		res.Events = append(res.Events, Event{Recipient: w, QueueID: fmt.Sprint(p.seen)})
		switch w {
		case "bad":
			return errors.New("bad line")
		case "worse":
			panic("worse line")
		}
	}
	return nil
}

func lines(id, data string) Batch {
	return Batch{ID: id, Chunks: []Chunk{{Stream: "mx1:/log", FileID: "f", File: "log", Kind: Lines, Host: "mx1",
		Offset: 100, Data: data}}}
}

func pipeline(w *world) *Pipeline {
	return &Pipeline{Parser: func(string) Parser { return &words{} }, Sink: w, Log: slog.New(slog.DiscardHandler),
		Backoff: time.Microsecond}
}

func TestRunOrder(t *testing.T) {
	w := &world{batches: []Batch{lines("1", "a b\nc\n"), lines("2", "")}, readErr: io.EOF, fail: 2}
	if err := pipeline(w).Run(t.Context(), w); err != nil {
		t.Fatal(err)
	}
	want := []string{"read 1", "intend 1", "write 1", "write recover 1", "write recover 1", "commit recover 1",
		"read 2", "intend 2", "write 2", "commit 2"}
	if !slices.Equal(w.steps, want) {
		t.Errorf("steps\n%q, want\n%q", w.steps, want)
	}
	var got []string
	for _, e := range w.stored {
		got = append(got, fmt.Sprint(e.Recipient, e.Offset, e.Ordinal, e.Host, e.File))
	}
	if want := []string{"a100 0mx1log", "b100 1mx1log", "c104 0mx1log"}; !slices.Equal(got, want) {
		t.Errorf("events %q, want %q", got, want)
	}
}

// The trace is told of each try of each step, and of what is committed.
func TestRunTraced(t *testing.T) {
	w := &world{batches: []Batch{lines("1", "a b\n")}, readErr: io.EOF, fail: 1}
	p := pipeline(w)
	var steps []string
	begun := false
	p.Trace = Trace{
		Begin: func(s Step) { begun = true; steps = append(steps, string(s)) },
		End: func(s Step, took time.Duration, err error) {
			if !begun || took < 0 || steps[len(steps)-1] != string(s) {
				t.Errorf("%s ended after %v, of %q", s, took, steps)
			}
			if begun = false; err != nil {
				steps = append(steps, err.Error())
			}
		},
		Committed: func(b Batch, res *Result) { steps = append(steps, fmt.Sprint(b.ID, " ", len(res.Events))) },
	}
	if err := p.Run(t.Context(), w); err != nil {
		t.Fatal(err)
	}
	if want := []string{"parse", "enrich", "intend", "write", "no answer", "write", "commit",
		"1 2"}; !slices.Equal(steps, want) {
		t.Errorf("%q, want %q", steps, want)
	}
}

// A full disk is waited for, by who has a bound for it as often as that says.
func TestRunFullDisk(t *testing.T) {
	var log strings.Builder
	w := &world{batches: []Batch{lines("1", "a\n")}, readErr: io.EOF, full: 20}
	p := pipeline(w)
	p.Log = slog.New(slog.NewTextHandler(&log, nil))
	if err := p.Run(t.Context(), w); err != nil {
		t.Fatal(err)
	}
	if want := []string{"write 1", "commit 1"}; len(w.steps) != 1+21+2 || !slices.Equal(w.steps[22:], want) {
		t.Errorf("steps %q", w.steps)
	}
	if n := strings.Count(log.String(), "trying again"); n != 5 { // 1, 2, 4, 8, 16
		t.Errorf("%d warnings of 20 tries:\n%s", n, log.String())
	}

	w = &world{batches: []Batch{lines("1", "a\n")}, readErr: io.EOF, full: 20}
	p = pipeline(w)
	p.FullTries = 3
	if err := p.Run(t.Context(), w); !errors.Is(err, syscall.ENOSPC) || len(w.steps) != 1+3 {
		t.Errorf("error %v after the steps %q", err, w.steps)
	}
}

// A source that fails ends the loop with its error; nothing is committed
// that was not written.
func TestRunReadError(t *testing.T) {
	gone := errors.New("gone")
	w := &world{readErr: gone}
	if err := pipeline(w).Run(t.Context(), w); !errors.Is(err, gone) {
		t.Errorf("error %v, want %v", err, gone)
	}
}

// When the context ends during a write, the batch is finished; when writes
// keep failing then, it is left to the next start, uncommitted.
func TestRunContextEnds(t *testing.T) {
	for _, fail := range []int{0, 1000} {
		ctx, cancel := context.WithCancel(t.Context())
		w := &world{batches: []Batch{lines("1", "a\n")}, readErr: context.Canceled, fail: fail, onWrite: cancel}
		err := pipeline(w).Run(ctx, w)
		committed := slices.Contains(w.steps, "commit 1")
		if committed != (fail == 0) || !errors.Is(err, context.Canceled) {
			t.Errorf("%d failures: committed %v, error %v", fail, committed, err)
		}
	}
}

func TestParseChunk(t *testing.T) {
	var res Result
	p := &words{}
	c := lines("1", "a bad\r\n\nworse b\nc").Chunks[0]
	c.Replay = true
	ParseChunk(p, &c, &res)
	if len(res.Events) != 0 || len(res.Dead) != 0 || p.seen != 4 {
		t.Errorf("a replay left %d events, %d dead letters, and the parser saw %d words", len(res.Events),
			len(res.Dead), p.seen)
	}
	c.Replay = false
	ParseChunk(p, &c, &res)
	if len(res.Events) != 1 || res.Events[0].Recipient != "c" || res.Events[0].Offset != 116 {
		t.Errorf("events %+v", res.Events)
	}
	if len(res.Dead) != 2 || res.Dead[0].Reason != "bad line" || res.Dead[0].Raw != "a bad" ||
		res.Dead[0].Offset != 100 ||
		!strings.Contains(res.Dead[1].Reason, "worse line") || res.Dead[1].Offset != 108 {
		t.Errorf("dead letters %+v", res.Dead)
	}
	broken := Chunk{Stream: "s", Kind: Broken, Reason: "too long", Data: "xxx", Offset: 5}
	ParseChunk(p, &broken, &res)
	if d := res.Dead[2]; d.Reason != "too long" || d.Raw != "xxx" || d.Offset != 5 {
		t.Errorf("broken chunk gave %+v", d)
	}
}

// However a log is cut at line ends, the same origins come out.
func TestRecordsCuts(t *testing.T) {
	const data = "one\ntwo\r\n\nthree\nfour"
	whole := origins(Chunk{Kind: Lines, Data: data})
	for i := range data {
		if data[i] != '\n' {
			continue
		}
		cut := append(origins(Chunk{Kind: Lines, Data: data[:i+1]}),
			origins(Chunk{Kind: Lines, Offset: int64(i + 1), Data: data[i+1:]})...)
		if !slices.Equal(cut, whole) {
			t.Errorf("cut at %d: %q, want %q", i, cut, whole)
		}
	}
}

func origins(c Chunk) (out []string) {
	for r := range c.Records {
		out = append(out, fmt.Sprint(r.Offset, r.Text))
	}
	return out
}

func TestClean(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"550 5.7.1 no such user here", "550 5.7.1 no such user here"},
		{"收件人不存在", "收件人不存在"},
		{"a\x1b[31mb", "a\ufffd[31mb"},
		{"a\x7fb\u0085c", "a\ufffdb\ufffdc"},
		{"a\tb\r\nc", "a b  c"},
		{"abcdefgh\x00", "abcdefgh\ufffd"},
		{"\u202eevil\u2066", "\ufffdevil\ufffd"},
		{"\xc4\xe3", "\ufffd\ufffd"},
		{"pay\u200bpal \ufeffa\u00adb", "pay\ufffdpal \ufffda\ufffdb"},
		{"\U000e0041\u2028", "\ufffd\ufffd"},
		{"می\u200cخواهم", "می\u200cخواهم"},
	} {
		if got := Clean(c.in, 100); got != c.want {
			t.Errorf("Clean(%q) = %q, want %q", c.in, got, c.want)
		}
	}
	if got := Clean("收件人", 8); got != "收件" {
		t.Errorf("cut in a character: %q", got)
	}
	for b := range 256 { // the fast way agrees with the slow one for every byte at every place
		for at := range 9 {
			s := []byte("aaaaaaaaa")
			s[at] = byte(b)
			want := b >= 0x20 && b < 0x7f
			if got := plain(string(s)); got != want {
				t.Fatalf("plain with byte %#x at %d = %v", b, at, got)
			}
		}
	}
}

// The id is part of the contract: ClickHouse computes it too.
func TestOriginID(t *testing.T) {
	o := Origin{Stream: "mx1:/var/log/mail.log", FileID: "00ff", Offset: 42, Ordinal: 1, Chunk: 7}
	other := o
	other.Chunk = 8
	if o.ID() != other.ID() || len(o.ID()) != 32 {
		t.Errorf("ids %s, %s: want equal, of 32 digits", o.ID(), other.ID())
	}
	other.Ordinal = 2
	if o.ID() == other.ID() {
		t.Error("another ordinal, the same id")
	}
}

// holder is a world that is held while others of its methods do not run.
type holder struct {
	*world
	busy, holds int
	t           *testing.T
}

func (h *holder) Read(ctx context.Context) (Batch, error) {
	h.busy++
	defer func() { h.busy-- }()
	time.Sleep(5 * time.Second)
	return h.world.Read(ctx)
}

func (h *holder) Hold() {
	if h.busy != 0 {
		h.t.Error("held while it is read")
	}
	h.holds++
}

// While a batch is written, however long that takes, its source looks at what comes to its path.
func TestRunHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{batches: []Batch{{ID: "a", Chunks: []Chunk{{Stream: "s", Data: "x\n"}}}, {ID: "b"}},
			readErr: io.EOF, fail: 3}
		w.onWrite = func() { time.Sleep(10 * time.Second) }
		h := &holder{world: w, t: t}
		p := &Pipeline{Sink: w, Log: slog.New(slog.DiscardHandler)}
		if err := p.Run(t.Context(), h); err != nil {
			t.Fatal(err)
		}
		if h.holds < 45 || h.holds > 60 { // five tries of ten seconds, and seven of waiting
			t.Errorf("held %d times", h.holds)
		}
		was := h.holds
		time.Sleep(time.Minute)
		if h.holds != was {
			t.Errorf("held %d times when it was over", h.holds-was)
		}
	})
}
