package sink

import (
	"net/netip"
	"strings"

	"github.com/bouncehouse/bouncehouse"
)

// column is one column of a table: its type there, and how a batch's values of
// it are gathered into the slice that clickhouse-go appends at once.
type column[R any] struct {
	name   string
	typ    string
	gather func(g *gatherer, rows []*R) any
}

// wire is the type in which the column is sent over HTTP. Low cardinality is
// the table's business: the driver's encoding of it costs 100 ns a value, the
// server's own 10.
func (c *column[R]) wire() string { return strings.ReplaceAll(c.typ, low, "String") }

const (
	low    = "LowCardinality(String)"
	millis = "DateTime64(3, 'UTC')"
)

// gatherer holds the slices that are used again for every column: Append
// copies what is in them.
type gatherer struct {
	strings []string
	ints    []int64
	large   []uint64
	small   []uint16
	bytes   []uint8
	bools   []bool
	lists   [][]string
	text    []byte // of addresses
	ends    []int  // in text
	floats  []float32
	maybe   []*float32
}

// eventColumns lists the columns of the events table in its order.
func eventColumns() []column[bouncehouse.Event] {
	type E = bouncehouse.Event
	return []column[E]{
		text("stream", low, func(e *E) string { return e.Stream }),
		text("file_id", low, func(e *E) string { return e.FileID }),
		{"offset", "Int64", func(g *gatherer, es []*E) any {
			return fill(&g.ints, es,
				func(e *E) int64 { return e.Offset })
		}},
		{"ordinal", "UInt16", func(g *gatherer, es []*E) any {
			return fill(&g.small, es,
				func(e *E) uint16 { return e.Ordinal })
		}},
		{"chunk", "UInt64", func(g *gatherer, es []*E) any {
			return fill(&g.large, es,
				func(e *E) uint64 { return e.Chunk })
		}},
		{"time", millis, func(g *gatherer, es []*E) any {
			return fill(&g.ints, es, func(e *E) int64 { return e.Time.UnixMilli() })
		}},
		text("host", low, func(e *E) string { return e.Host }),
		text("source", low, func(e *E) string { return string(e.Source) }),
		text("direction", low, func(e *E) string { return string(e.Direction) }),
		text("queue_id", "String", func(e *E) string { return e.QueueID }),
		text("message_id", "String", func(e *E) string { return e.MessageID }),
		text("sender", "String", func(e *E) string { return e.Sender }),
		text("recipient", "String", func(e *E) string { return e.Recipient }),
		text("original_recipient", "String", func(e *E) string { return e.OriginalRecipient }),
		text("sasl_user", low, func(e *E) string { return e.SASLUser }),
		text("client", "String", func(e *E) string { return e.Client }),
		text("remote_host", low, func(e *E) string { return e.RemoteHost }),
		address("remote_ip", "String", func(e *E) netip.Addr { return e.RemoteIP }),
		{"remote_port", "UInt16",
			func(g *gatherer, es []*E) any { return fill(&g.small, es, func(e *E) uint16 { return e.RemotePort }) }},
		address("local_ip", low, func(e *E) netip.Addr { return e.LocalIP }),
		text("stage", low, func(e *E) string { return string(e.Stage) }),
		text("outcome", low, func(e *E) string { return string(e.Outcome) }),
		{"reply_code", "UInt16",
			func(g *gatherer, es []*E) any { return fill(&g.small, es, func(e *E) uint16 { return e.ReplyCode }) }},
		text("enhanced_code", low, func(e *E) string { return e.EnhancedCode }),
		text("reply_text", "String", func(e *E) string { return e.ReplyText }),
		text("class", low, func(e *E) string { return string(e.Class) }),
		text("rule", low, func(e *E) string { return e.Rule }),
		text("provider", low, func(e *E) string { return string(e.Provider) }),
		text("provider_code", low, func(e *E) string { return e.ProviderCode }),
		text("template", low, func(e *E) string { return e.Template }),
		address("cited_ip", "String", func(e *E) netip.Addr { return e.CitedIP }),
		text("dnsbl", low, func(e *E) string { return e.DNSBL }),
		list("urls", func(e *E) []string { return e.URLs }),
		{"delay", "Nullable(Float32)", delays},
		text("tls", low, func(e *E) string { return e.TLS }),
		address("subject_ip", "String", func(e *E) netip.Addr { return e.SubjectIP }),
		list("dnsbl_listed", func(e *E) []string { return e.DNSBLListed }),
		text("rdns", low, func(e *E) string { return e.RDNS }),
		text("rdns_status", low, func(e *E) string { return string(e.RDNSStatus) }),
		text("feedback_type", low, func(e *E) string { return e.FeedbackType }),
		text("dsn_origin", low, func(e *E) string { return string(e.DSNOrigin) }),
		{"repeat", "Bool", func(g *gatherer, es []*E) any {
			return fill(&g.bools, es,
				func(e *E) bool { return e.Repeat })
		}},
		{"counted", "UInt8", func(g *gatherer, es []*E) any { return fill(&g.bytes, es, counted) }},
		text("provider_side", low, func(e *E) string { return e.ProviderSide }),
		{"verified", "Bool", func(g *gatherer, es []*E) any {
			return fill(&g.bools, es,
				func(e *E) bool { return e.Verified })
		}},
		// A list of its own costs every attempt what only a claim has.
		text("cited_queue_ids", "String", func(e *E) string { return strings.Join(e.CitedQueueIDs, " ") }),
		text("rules_version", low, func(e *E) string { return e.RulesVersion }),
	}
}

// arrivalColumns lists the columns of the messages table.
func arrivalColumns() []column[bouncehouse.Arrival] {
	type A = bouncehouse.Arrival
	return []column[A]{
		text("host", low, func(a *A) string { return a.Host }),
		text("queue_id", "String", func(a *A) string { return a.QueueID }),
		{"time", millis, func(g *gatherer, as []*A) any {
			return fill(&g.ints, as, func(a *A) int64 { return a.Time.UnixMilli() })
		}},
		text("message_id", "String", func(a *A) string { return a.MessageID }),
		text("sender", "String", func(a *A) string { return a.Sender }),
		text("client", "String", func(a *A) string { return a.Client }),
		text("sasl_user", low, func(a *A) string { return a.SASLUser }),
		{"size", "Int64", func(g *gatherer, as []*A) any {
			return fill(&g.ints, as,
				func(a *A) int64 { return a.Size })
		}},
		text("stream", low, func(a *A) string { return a.Stream }),
		text("file_id", low, func(a *A) string { return a.FileID }),
		{"offset", "Int64", func(g *gatherer, as []*A) any {
			return fill(&g.ints, as,
				func(a *A) int64 { return a.Offset })
		}},
		{"ordinal", "UInt16", func(g *gatherer, as []*A) any {
			return fill(&g.small, as,
				func(a *A) uint16 { return a.Ordinal })
		}},
		{"chunk", "UInt64", func(g *gatherer, as []*A) any {
			return fill(&g.large, as,
				func(a *A) uint64 { return a.Chunk })
		}},
	}
}

// deadColumns lists the columns of the dead_letters table.
func deadColumns() []column[bouncehouse.DeadLetter] {
	type D = bouncehouse.DeadLetter
	return []column[D]{
		text("stream", low, func(d *D) string { return d.Stream }),
		text("file_id", low, func(d *D) string { return d.FileID }),
		{"offset", "Int64", func(g *gatherer, ds []*D) any {
			return fill(&g.ints, ds,
				func(d *D) int64 { return d.Offset })
		}},
		{"ordinal", "UInt16", func(g *gatherer, ds []*D) any {
			return fill(&g.small, ds,
				func(d *D) uint16 { return d.Ordinal })
		}},
		{"chunk", "UInt64", func(g *gatherer, ds []*D) any {
			return fill(&g.large, ds,
				func(d *D) uint64 { return d.Chunk })
		}},
		{"time", millis, func(g *gatherer, ds []*D) any {
			return fill(&g.ints, ds, func(d *D) int64 { return storable(d.Time).UnixMilli() })
		}},
		text("host", low, func(d *D) string { return d.Host }),
		text("file_name", "String", func(d *D) string { return d.File }),
		text("reason", "String", func(d *D) string { return d.Reason }),
		text("raw", "String", func(d *D) string { return d.Raw }),
	}
}

func text[R any](name, typ string, get func(*R) string) column[R] {
	return column[R]{name, typ, func(g *gatherer, rows []*R) any { return fill(&g.strings, rows, get) }}
}

func list[R any](name string, get func(*R) []string) column[R] {
	return column[R]{name, "Array(" + low + ")", func(g *gatherer, rows []*R) any { return fill(&g.lists, rows, get) }}
}

// address is a column of IP addresses as text: ” where unknown. All of a
// batch are written into one string, and the values are parts of it.
func address[R any](name, typ string, get func(*R) netip.Addr) column[R] {
	return column[R]{name, typ, func(g *gatherer, rows []*R) any {
		g.text, g.ends = g.text[:0], g.ends[:0]
		for _, r := range rows {
			if ip := get(r); ip.IsValid() {
				g.text = ip.AppendTo(g.text)
			}
			g.ends = append(g.ends, len(g.text))
		}
		all := string(g.text)
		g.strings = g.strings[:0]
		start := 0
		for _, end := range g.ends {
			g.strings = append(g.strings, all[start:end])
			start = end
		}
		return g.strings
	}}
}

func delays(g *gatherer, es []*bouncehouse.Event) any {
	fill(&g.floats, es, func(e *bouncehouse.Event) float32 { return float32(e.Delay.Duration.Seconds()) })
	g.maybe = g.maybe[:0]
	for i, e := range es {
		var v *float32
		if e.Delay.Known {
			v = &g.floats[i]
		}
		g.maybe = append(g.maybe, v)
	}
	return g.maybe
}

func counted(e *bouncehouse.Event) uint8 {
	if e.Counted {
		return 1
	}
	return 0
}

// fill puts the rows' values into *into, using its memory again.
func fill[T, R any](into *[]T, rows []*R, get func(*R) T) []T {
	s := (*into)[:0]
	for _, r := range rows {
		s = append(s, get(r))
	}
	*into = s
	return s
}
