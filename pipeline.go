package bouncehouse

import (
	"context"
	"strings"
	"time"
)

// Kind tells how a chunk's data is cut into records.
type Kind string

const (
	Lines  Kind = "lines"  // many whole lines of a log; a record each
	Mail   Kind = "mail"   // one whole mail; one record
	Broken Kind = "broken" // what could not be read as either; a dead letter with Reason
)

// Chunk is many whole lines of one file of one stream packed together, or one
// mail. It is what ingest reads, and the message that goes through Kafka.
//
// A stream is one ordered source on one host: the host's name when it was
// first read + configured path without its rotation suffixes. The data is one string, and what parsers find are
// substrings of it: whoever keeps one beyond the batch clones it.
type Chunk struct {
	Stream string    `json:"stream"`
	Seq    uint64    `json:"seq"` // per stream, rising; a chunk repeated after a crash has the same number and range
	FileID string    `json:"file_id"`
	File   string    `json:"file"` // base name, for messages to people
	Kind   Kind      `json:"kind"`
	Host   string    `json:"host"`   // the machine it was read on: for lines that name none
	Zone   string    `json:"zone"`   // IANA name of the time zone of stamps without one
	Ref    time.Time `json:"ref"`    // the file's mtime when this was read: no stamp is much later
	Offset int64     `json:"offset"` // of Data in the decompressed file
	Replay bool      `json:"-"`      // parsed to restore the parser's memory; its events are already stored
	// of Lines: the file's header, if it begins with one (#Fields: ..., the names of a CSV's columns)
	Head   string `json:"head,omitempty"`
	Reason string `json:"reason,omitempty"` // of a broken chunk
	Data   string `json:"-"`
}

// Record is one unit of source data: a log line without its line end, or a
// whole mail. A parser reads no clock: all it may know of time is in the chunk.
type Record struct {
	*Chunk
	Offset int64 // of Text in the decompressed file
	Text   string
}

// Records calls yield for each record of the chunk, in order, until it
// returns false. Line ends LF and CRLF are cut off; empty lines are left out.
func (c *Chunk) Records(yield func(Record) bool) {
	if c.Kind != Lines {
		yield(Record{c, c.Offset, c.Data})
		return
	}
	for at := 0; at < len(c.Data); {
		line, next := c.Data[at:], len(c.Data)
		if n := strings.IndexByte(line, '\n'); n >= 0 {
			line, next = line[:n], at+n+1
		}
		if n := len(line); n > 0 && line[n-1] == '\r' {
			line = line[:n-1]
		}
		if line != "" && !yield(Record{c, c.Offset + int64(at), line}) {
			return
		}
		at = next
	}
}

// Origin is the origin of the record's first event.
func (r *Record) Origin() Origin {
	return Origin{Stream: r.Stream, FileID: r.FileID, Offset: r.Offset, Chunk: r.Seq}
}

// Batch is what is read, written and committed as one.
type Batch struct {
	// ID names the range that the batch covers: the same range, the same ID,
	// in every process. At most 200 printable ASCII characters, with no quote,
	// percent sign or underscore (it stands in query ids and LIKE patterns).
	ID     string
	Chunks []Chunk
	// Recover is set where an earlier write of the range may have left
	// something behind: the sink asks what is there and adds what lacks.
	Recover bool
}

// Arrival is what the logs say of a message before its attempts: an
// idempotent row of the messages table.
type Arrival struct {
	Origin
	Time      time.Time
	Host      string
	QueueID   string
	MessageID string
	Sender    string
	Client    string
	SASLUser  string
	Size      int64 // bytes; 0 where unknown
}

// DeadLetter is a record that could not be understood or stored, with the
// reason. It is an idempotent row of the dead_letters table.
type DeadLetter struct {
	Origin
	Time   time.Time // the chunk's Ref
	Host   string
	File   string
	Reason string
	Raw    string // the record, cut to MaxRaw bytes
}

// MaxRaw is how many bytes of a record a dead letter keeps.
const MaxRaw = 64 << 10

// Result is what a parser makes of a batch.
type Result struct {
	Events   []Event
	Arrivals []Arrival
	Dead     []DeadLetter
	Lines    int      // records parsed
	Unread   int      // of them, lines of a known mail system that tell of an attempt in words not understood
	Doubted  int      // of them, records of the journal that name a mail system and were written by another's process
	Samples  []string // the first of these lines, at most MaxSamples of a batch; parts of its chunks
	Taken    []Taken  // which formats took the records; of a record that none knows there is nothing
}

// Taken is how many of a result's records one format took.
type Taken struct {
	Format  string // its name in the table of formats
	Dialect string // of a mail that reports: the system whose form it has, or the form ("RFC 3464")
	Records int
}

// Take notes that one record more was of the format.
func (r *Result) Take(format, dialect string) {
	for i := range r.Taken {
		if t := &r.Taken[i]; t.Format == format && t.Dialect == dialect {
			t.Records++
			return
		}
	}
	r.Taken = append(r.Taken, Taken{Format: format, Dialect: dialect, Records: 1})
}

// MaxSamples is how many lines that were not understood a result shows.
const MaxSamples = 100

// Reset empties r and keeps its memory.
func (r *Result) Reset() {
	clear(r.Events)
	clear(r.Arrivals)
	clear(r.Dead)
	clear(r.Samples)
	*r = Result{Events: r.Events[:0], Arrivals: r.Arrivals[:0], Dead: r.Dead[:0], Samples: r.Samples[:0],
		Taken: r.Taken[:0]}
}

// Source is where batches come from. It is used by one goroutine, with one
// batch under way at a time: Read, Intend, Commit, Read ...
type Source interface {
	// Read blocks until there is a batch. io.EOF ends the source; any other
	// error but the context's is final too. Where an intent stands, its range
	// comes first, alone, cut as it was, with Recover set. Replay chunks may
	// come before others in the same batch.
	Read(ctx context.Context) (Batch, error)
	// Intend makes b's range durable: unless committed it will be read again
	// whole, also after a crash. Called before the batch is written.
	Intend(ctx context.Context, b Batch) error
	// Commit says that b is durable downstream: it will not be read again.
	Commit(ctx context.Context, b Batch) error
}

// Holder is a Source whose files may be moved away while a batch of it is on its
// way, which may take hours.
type Holder interface {
	// Hold looks at what comes to the source's path, and keeps it open. It is
	// called by another goroutine, never while Read, Intend or Commit runs.
	Hold()
}

// Parser makes events of records. One per stream, stateful: it remembers
// senders by queue id, in bounded memory. It does no I/O and logs nothing.
type Parser interface {
	// Parse appends what r tells to res. An event comes out only here, with
	// the origin of the record that completed it, never from a timer or an
	// eviction: else a replay could not make the same rows. What it keeps it
	// clones. A record that tells nothing appends nothing and is no error; an
	// error makes the record a dead letter, and what it appended is dropped.
	Parse(r Record, res *Result) error
}

// Enricher adds to a result what the records do not say themselves.
type Enricher interface {
	// Enrich fills fields in place; it may also put other events in the place of those of one record. On an error the
	// result goes on as it is.
	Enrich(ctx context.Context, res *Result) error
}

// Sink is where results become durable.
type Sink interface {
	// Write returns nil once the batch is durable. After an error it is not
	// known what is there: Write is called again with b.Recover set. A batch
	// with Recover set is settled by asking what is there. Write may be called
	// with no events at all.
	Write(ctx context.Context, b Batch, res *Result) error
}
