// Package query reads ClickHouse for people: report, the query command, the
// page. Its connections can change nothing and have limits of time and memory,
// since SQL by itself could read and write files of the server.
package query

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
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

	// Embedded, used where DSN is empty, tells where the embedded engine
	// answers HTTP now, and the reader's account. It is asked for each request.
	Embedded func(ctx context.Context) (addr, user, password string, err error)
}

// DB is a server that is only read. It may be used by several goroutines.
type DB struct {
	conn driver.Conn
	opts *clickhouse.Options
	http *http.Client
	base url.URL // of HTTP; empty for the native protocol
}

// Open makes a DB. It does not connect.
func Open(o Options) (*DB, error) {
	opts := &clickhouse.Options{Protocol: clickhouse.HTTP, Addr: []string{"embedded"}}
	base := url.URL{Scheme: "http", Host: "embedded"}
	switch {
	case o.DSN != "":
		var err error
		if opts, err = clickhouse.ParseDSN(withTLS(o.DSN)); err != nil {
			return nil, fmt.Errorf("ClickHouse DSN: %w", err)
		}
		base = url.URL{}
		if opts.Protocol == clickhouse.HTTP {
			base = url.URL{Scheme: "http", Host: opts.Addr[0], Path: opts.HttpUrlPath}
			if opts.TLS != nil {
				base.Scheme = "https"
			}
		}
	case o.Embedded != nil:
		opts.TransportFunc = func(t *http.Transport) (http.RoundTripper, error) {
			t.Proxy = nil
			return embedded{t, o.Embedded}, nil
		}
	default:
		return nil, errors.New("ClickHouse: no server is named")
	}
	opts.Auth.Database = Database
	if o.DSN != "" { // the engine sees to its reader itself
		limit(opts)
	}
	conn, err := clickhouse.Open(opts)
	if err != nil {
		return nil, fmt.Errorf("ClickHouse: %w", err)
	}
	db := &DB{conn: conn, opts: opts, base: base}
	transport := &http.Transport{TLSClientConfig: opts.TLS, Proxy: http.ProxyFromEnvironment, DialContext: (&net.Dialer{Timeout: 30 * time.Second}).DialContext}
	db.http = &http.Client{Transport: transport}
	if o.DSN == "" {
		transport.Proxy = nil
		db.http.Transport = embedded{transport, o.Embedded}
	}
	return db, nil
}

// limit makes a server's connections read only. An account that is read only
// already may be sent what it has, and no other setting.
func limit(opts *clickhouse.Options) {
	if opts.Settings == nil {
		opts.Settings = clickhouse.Settings{}
	}
	for name, value := range map[string]any{"readonly": 1, "max_execution_time": maxSeconds, "max_memory_usage": maxMemory} {
		if _, set := opts.Settings[name]; !set {
			opts.Settings[name] = value
		}
	}
}

// Close ends all connections.
func (db *DB) Close() error {
	db.http.CloseIdleConnections()
	return db.conn.Close()
}

// Select runs a query and appends its rows to *dest, a slice of structs whose
// ch tags name the columns. Values stand in the query as $1, $2 ...
func (db *DB) Select(ctx context.Context, dest any, sql string, args ...any) error {
	if err := db.conn.Select(ctx, dest, sql, args...); err != nil {
		return fmt.Errorf("ClickHouse: %w", err)
	}
	return nil
}

// Rows runs a query whose columns are not known beforehand. The caller closes
// the rows.
func (db *DB) Rows(ctx context.Context, sql string, args ...any) (driver.Rows, error) {
	rows, err := db.conn.Query(ctx, sql, args...)
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

// embedded sends each request to where the engine is now.
type embedded struct {
	base  *http.Transport
	where func(context.Context) (addr, user, password string, err error)
}

func (e embedded) RoundTrip(r *http.Request) (*http.Response, error) {
	addr, user, password, err := e.where(r.Context())
	if err != nil {
		if r.Body != nil {
			r.Body.Close()
		}
		return nil, err
	}
	r = r.Clone(r.Context())
	r.URL.Host, r.Host, r.URL.User = addr, addr, nil
	r.SetBasicAuth(user, password)
	return e.base.RoundTrip(r)
}

func (e embedded) CloseIdleConnections() { e.base.CloseIdleConnections() }
