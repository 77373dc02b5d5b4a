// Package query reads ClickHouse for people: report, the query command, the
// page. Its connections can change nothing and have limits of time and memory,
// since SQL by itself could read and write files of the server.
package query

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// Database is the one that unqualified table names are of.
const Database = "bouncehouse"

// Limits of one query, unless the DSN names others.
const (
	maxSeconds = 60
	maxMemory  = 4 << 30 // bytes
)

// Options say where ClickHouse is.
type Options struct {
	// DSN names a server: clickhouse://user:password@host:9000, http://... or
	// https://...; parameters as clickhouse-go's.
	DSN string

	// Dial, used where DSN is empty, connects to the embedded engine, which
	// answers HTTP there; User and Password are the reader's account. It is
	// called for each new connection.
	Dial           func(ctx context.Context) (net.Conn, error)
	User, Password string
}

// DB is a server that is only read. It may be used by several goroutines.
type DB struct {
	opts *clickhouse.Options
	http *http.Client
	base url.URL // of HTTP; empty for the native protocol

	mu   sync.Mutex
	conn driver.Conn // made by connect, which also settles opts.Settings
}

// Open makes a DB. It does not connect.
func Open(o Options) (*DB, error) {
	if o.DSN == "" {
		if o.Dial == nil {
			return nil, errors.New("ClickHouse: no server is named")
		}
		opts := &clickhouse.Options{Protocol: clickhouse.HTTP, Addr: []string{"embedded"},
			Auth: clickhouse.Auth{Database: Database, Username: o.User, Password: o.Password}}
		opts.DialContext = func(ctx context.Context, _ string) (net.Conn, error) { return o.Dial(ctx) }
		opts.TransportFunc = func(t *http.Transport) (http.RoundTripper, error) {
			t.Proxy = nil
			return t, nil
		}
		transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn,
			error) {
			return o.Dial(ctx)
		}}
		return &DB{opts: opts, http: &http.Client{Transport: transport},
			base: url.URL{Scheme: "http", Host: "embedded"}}, nil
	}
	opts, err := clickhouse.ParseDSN(withTLS(o.DSN))
	if err != nil {
		return nil, fmt.Errorf("ClickHouse DSN: %w", err)
	}
	opts.Auth.Database = Database
	transport := &http.Transport{DialContext: (&net.Dialer{Timeout: 30 * time.Second}).DialContext,
		TLSClientConfig: opts.TLS, Proxy: http.ProxyFromEnvironment}
	if opts.HTTPProxyURL != nil {
		transport.Proxy = http.ProxyURL(opts.HTTPProxyURL)
	}
	db := &DB{opts: opts, http: &http.Client{Transport: transport}}
	if opts.Protocol == clickhouse.HTTP {
		db.base = url.URL{Scheme: "http", Host: opts.Addr[0], Path: opts.HttpUrlPath}
		if opts.TLS != nil {
			db.base.Scheme = "https"
		}
	}
	return db, nil
}

// codeReadonly is the server's answer to a setting that a restricted account
// may not change.
const codeReadonly = 164

// connect returns the connections, made at the first use. On a server of
// another's the limits are ours to set; an account that is restricted already
// takes fewer of them, or none. The engine sees to its reader itself.
func (db *DB) connect(ctx context.Context) (driver.Conn, error) {
	db.mu.Lock()
	defer db.mu.Unlock()
	if db.conn != nil {
		return db.conn, nil
	}
	limits := []clickhouse.Settings{{"max_execution_time": maxSeconds, "max_memory_usage": maxMemory, "readonly": 1},
		{"max_execution_time": maxSeconds, "max_memory_usage": maxMemory}, {}}
	if db.base.Host == "embedded" {
		limits = limits[2:]
	}
	own := db.opts.Settings
	var err error
	for _, l := range limits {
		settings := maps.Clone(l)
		maps.Copy(settings, own)
		opts := *db.opts
		opts.Settings = settings
		conn, openErr := clickhouse.Open(&opts)
		if openErr != nil {
			return nil, fmt.Errorf("ClickHouse: %w", openErr)
		}
		if err = conn.Ping(ctx); err == nil {
			db.conn, db.opts = conn, &opts
			return conn, nil
		}
		conn.Close()
		var exception *clickhouse.Exception
		if !errors.As(err, &exception) || exception.Code != codeReadonly {
			break
		}
	}
	return nil, fmt.Errorf("ClickHouse: %w", err)
}

// Close ends all connections.
func (db *DB) Close() error {
	db.http.CloseIdleConnections()
	db.mu.Lock()
	defer db.mu.Unlock()
	if db.conn == nil {
		return nil
	}
	return db.conn.Close()
}

// Select runs a query and appends its rows to *dest, a slice of structs whose
// ch tags name the columns. Values stand in the query as $1, $2 ...
func (db *DB) Select(ctx context.Context, dest any, sql string, args ...any) error {
	conn, err := db.connect(ctx)
	if err != nil {
		return err
	}
	if err := conn.Select(ctx, dest, sql, args...); err != nil {
		return fmt.Errorf("ClickHouse: %w", err)
	}
	return nil
}

// Rows runs a query whose columns are not known beforehand. The caller closes
// the rows.
func (db *DB) Rows(ctx context.Context, sql string, args ...any) (driver.Rows, error) {
	conn, err := db.connect(ctx)
	if err != nil {
		return nil, err
	}
	rows, err := conn.Query(ctx, sql, args...)
	if err != nil {
		return nil, fmt.Errorf("ClickHouse: %w", err)
	}
	return rows, nil
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
