// Package sink makes what was read durable: events, arrivals and dead letters
// in ClickHouse (clickhouse.go, write.go, recover.go), or chunks on a Kafka
// topic (kafka.go).
package sink

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/bouncehouse/bouncehouse"
	"github.com/bouncehouse/bouncehouse/schemas"
)

// ErrUnreachable is wrapped by errors that say that no server answered: it may
// come back. All other errors are the server's own answers.
var ErrUnreachable = errors.New("ClickHouse does not answer")

// ErrBusy is wrapped by errors that say that the server had no memory left for the
// question, or too many others: it passes.
var ErrBusy = errors.New("ClickHouse has no room for the question")

// Options say where ClickHouse is.
type Options struct {
	// DSN names a server: clickhouse://user:password@host:9000 (native
	// protocol), http://... or https://...; parameters as clickhouse-go's.
	// A database in it may be none but bouncehouse.
	DSN string

	// Dial, used where DSN is empty, connects to the embedded engine, which
	// answers HTTP there; User and Password are the account. It is called for
	// each new connection: an engine that has gone is to be started again.
	Dial           func(ctx context.Context) (net.Conn, error)
	User, Password string

	// Cluster, where set, makes the tables replicated ones on all servers of
	// the cluster of this name. DSN then names one replica: a recovery asks it
	// which rows are there, and others may lag behind.
	Cluster string

	Log *slog.Logger
}

// ClickHouse writes events to their table, each once: write.go and recover.go
// say how. It may be used by several pipelines at once, as long as no two
// write the same batch.
type ClickHouse struct {
	conn    driver.Conn
	native  bool // the native protocol; else HTTP
	counts  bool // the embedded engine, which acknowledges nothing once a write of its own has failed
	cluster string
	user    string // whom we are to the server; "" where it is not said
	log     *slog.Logger

	mu    sync.Mutex
	aside map[string]bool // paths of damaged parts that were told of
	lost  int             // of them, those whose rows are gone
}

var _ bouncehouse.Sink = (*ClickHouse)(nil)

// Open makes the sink. It does not connect: Migrate is to be called first.
func Open(o Options) (*ClickHouse, error) {
	opts, err := connectOptions(o)
	if err != nil {
		return nil, err
	}
	conn, err := clickhouse.Open(opts)
	if err != nil {
		return nil, fmt.Errorf("ClickHouse: %w", err)
	}
	log := o.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &ClickHouse{conn: conn, native: opts.Protocol == clickhouse.Native, counts: o.DSN == "", cluster: o.Cluster,
		user: opts.Auth.Username, log: log, aside: map[string]bool{}}, nil
}

// Close ends all connections. No Write may be under way.
func (c *ClickHouse) Close() error { return c.conn.Close() }

// LastSeq returns the largest chunk number stored for the stream, of events and
// dead letters; 0 where there is none.
func (c *ClickHouse) LastSeq(ctx context.Context, stream string) (uint64, error) {
	var last uint64
	row := c.conn.QueryRow(ctx, `SELECT greatest(
  (SELECT max(last_chunk) FROM bouncehouse.streams WHERE stream = {stream:String}),
  (SELECT max(chunk) FROM bouncehouse.dead_letters WHERE stream = {stream:String}))`, clickhouse.Named("stream", stream))
	if err := row.Scan(&last); err != nil {
		return 0, fmt.Errorf("ask for the stream's last chunk: %w", reached(err))
	}
	return last, nil
}

func connectOptions(o Options) (*clickhouse.Options, error) {
	opts := &clickhouse.Options{Protocol: clickhouse.HTTP, Addr: []string{"embedded"}}
	switch {
	case o.DSN != "":
		var err error
		if opts, err = clickhouse.ParseDSN(withTLS(o.DSN)); err != nil {
			return nil, fmt.Errorf("ClickHouse DSN: %w", err)
		}
		if d := opts.Auth.Database; d != "" && d != schemas.Database {
			return nil, fmt.Errorf("ClickHouse DSN: database %q: the tables are always in %s", d, schemas.Database)
		}
		if opts.Compression == nil && !loopback(opts.Addr) {
			opts.Compression = &clickhouse.Compression{Method: clickhouse.CompressionLZ4}
		}
	case o.Dial != nil:
		opts.Auth = clickhouse.Auth{Username: o.User, Password: o.Password}
		opts.DialContext = func(ctx context.Context, _ string) (net.Conn, error) {
			c, err := o.Dial(ctx)
			if err != nil {
				return nil, fmt.Errorf("%w: %w", ErrUnreachable, err)
			}
			return c, nil
		}
		opts.TransportFunc = func(t *http.Transport) (http.RoundTripper, error) {
			t.Proxy = nil
			return t, nil
		}
	default:
		return nil, errors.New("ClickHouse: no server is named")
	}
	opts.Auth.Database = "" // it need not exist yet; every statement names it
	opts.MaxOpenConns, opts.MaxIdleConns = 16, 4
	return opts, nil
}

// withTLS makes https:// enough: the driver wants secure=true beside it.
func withTLS(dsn string) string {
	if !strings.HasPrefix(dsn, "https://") || strings.Contains(dsn, "secure=") {
		return dsn
	}
	if strings.Contains(dsn, "?") {
		return dsn + "&secure=true"
	}
	return dsn + "?secure=true"
}

// loopback tells whether all addresses are this machine's: nothing is gained by
// compressing then.
func loopback(addrs []string) bool {
	for _, a := range addrs {
		host, _, err := net.SplitHostPort(a)
		if err != nil {
			host = a
		}
		if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			return false
		}
	}
	return true
}

// Codes of ClickHouse's errors.
const (
	notEnoughSpace      = 243 // NOT_ENOUGH_SPACE
	memoryLimitExceeded = 241 // MEMORY_LIMIT_EXCEEDED
	tooManyQueries      = 202 // TOO_MANY_SIMULTANEOUS_QUERIES
)

// full is ClickHouse's answer where its disk has no room, in its words. It is
// syscall.ENOSPC.
type full struct{ *clickhouse.Exception }

func (f full) Error() string {
	text, _, _ := strings.Cut(f.Message, " (NOT_ENOUGH_SPACE)")
	return strings.TrimSuffix(strings.TrimPrefix(text, "DB::Exception: "), ".")
}

func (f full) Is(target error) bool { return target == syscall.ENOSPC }

// reached adds ErrUnreachable to errors of the network, ErrBusy to what passes, and makes a full of an
// answer that is one.
func reached(err error) error {
	var exception *clickhouse.Exception
	var answer *clickhouse.HTTPError
	var certificate *tls.CertificateVerificationError
	var network net.Error
	if errors.As(err, &exception) {
		switch exception.Code {
		case notEnoughSpace:
			return full{exception}
		case memoryLimitExceeded, tooManyQueries:
			return fmt.Errorf("%w: %w", ErrBusy, err)
		}
	}
	switch {
	case err == nil, errors.Is(err, ErrUnreachable), errors.As(err, &exception), errors.As(err, &certificate),
		errors.Is(err, context.Canceled):
		return err
	case errors.As(err, &answer):
		if answer.StatusCode < 502 || answer.StatusCode > 504 {
			return err
		}
	case errors.As(err, &network), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF),
		errors.Is(err, syscall.ECONNRESET),
		errors.Is(err, syscall.EPIPE), errors.Is(err, clickhouse.ErrAcquireConnTimeout),
		errors.Is(err, context.DeadlineExceeded):
	default:
		return err
	}
	return fmt.Errorf("%w: %w", ErrUnreachable, brief{err})
}

// brief is an error of net/http without what the request asked: its URL has
// the whole question, be it thousands of queue ids.
type brief struct{ error }

func (b brief) Unwrap() error { return b.error }

func (b brief) Error() string {
	text := b.error.Error()
	from := strings.Index(text, "://")
	if from < 0 {
		return text
	}
	query := strings.IndexByte(text[from:], '?')
	end := strings.IndexByte(text[from:], '"')
	if query < 0 || end < query {
		return text
	}
	return text[:from+query] + text[from+end:]
}
