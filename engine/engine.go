package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// Config is for Serve.
type Config struct {
	Dir         string         // the state directory; the engine's files are in its folder clickhouse
	Listen      string         // host:port on loopback; empty: 127.0.0.1 with the last time's port, or any free one
	Library     string         // libchdb's path; empty: as FindLibrary says
	MemoryLimit int64          // bytes; 0: a quarter of the machine's memory
	LockWait    time.Duration  // how long to wait for another engine on the directory to end; 0: 30 seconds
	Lifeline    io.Reader      // the engine ends when this does; nil: only with the context
	Ready       func(Endpoint) // called once it answers; may be nil
	Log         *slog.Logger
}

// Endpoint is where an engine answers, and the passwords of its two accounts, Writer and Reader.
type Endpoint struct {
	Addr           string // host:port
	WriterPassword string
	ReaderPassword string
}

// engine is libchdb at work on one directory.
type engine struct {
	lib      *library
	base     *conn // keeps the engine up between the requests' connections
	args     []string
	memory   int64
	version  string
	timezone string
	refused  map[string]bool // functions that the reader may not use, in lower case
}

// Serve runs the engine in this process until ctx or the lifeline ends. It returns nil then, and an error where it cannot
// start: ErrNoLibrary, a *LockedError, another owner, data of a newer engine, an address that is not loopback. A process can
// serve one directory at a time.
func Serve(ctx context.Context, c Config) error {
	path := c.Library
	if path == "" {
		var err error
		if path, err = FindLibrary(); err != nil {
			return err
		}
	}
	wait := c.LockWait
	if wait == 0 {
		wait = 30 * time.Second
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if c.Lifeline != nil {
		defer watch(c.Lifeline, cancel)()
	}
	d, err := openDir(c.Dir)
	if err != nil {
		return err
	}
	lock, err := d.lock(ctx, wait)
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	defer lock.Close()
	d.withdraw() // an address that a killed engine left: its port may be a stranger's now
	end, err := d.passwords()
	if err != nil {
		return err
	}
	e, err := start(path, d, c.MemoryLimit)
	if err != nil {
		return err
	}
	l, err := listen(c.Listen, d)
	if err != nil {
		e.base.close()
		return err
	}
	end.Addr = l.Addr().String()
	return e.serve(ctx, d, l, end, c)
}

// serve answers until ctx ends, then lets the queries under way finish for some seconds, and stops them after.
func (e *engine) serve(ctx context.Context, d dir, l net.Listener, end Endpoint, c Config) error {
	s := newServer(e, end, c.Log)
	h := &http.Server{
		Handler:           s,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       5 * time.Minute,
		MaxHeaderBytes:    maxHeader,
		ConnState:         bounded(maxConns),
		ErrorLog:          slog.NewLogLogger(c.Log.Handler(), slog.LevelDebug),
	}
	failed := make(chan error, 1)
	go func() { failed <- h.Serve(l) }()
	if err := d.announce(end.Addr); err != nil {
		h.Close()
		<-failed
		e.base.close()
		return err
	}
	defer d.withdraw()
	c.Log.Info("engine ready", "addr", end.Addr, "version", e.version)
	if c.Ready != nil {
		c.Ready(end)
	}
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
		failed <- err
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if h.Shutdown(grace) != nil {
		h.Close() // bodies half sent, idle clients
	}
	<-failed
	rest, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	everything := &selector{match: func(string) bool { return true }}
	if _, kerr := s.running.kill(rest, everything, &process{}, e.stop); kerr != nil {
		// Closing a connection under a query would abort the process; it ends anyway, and inserts are durable before they
		// are acknowledged.
		return errors.Join(err, fmt.Errorf("a query does not end: %w", kerr))
	}
	e.base.close()
	if err != nil && !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve %s: %w", end.Addr, err)
	}
	return nil
}

// bounded closes connections above a number: anyone on the machine can open them.
func bounded(most int64) func(net.Conn, http.ConnState) {
	var open atomic.Int64
	return func(c net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			if open.Add(1) > most {
				c.Close()
			}
		case http.StateClosed, http.StateHijacked:
			open.Add(-1)
		}
	}
}

// watch calls end when the lifeline ends. The function that it returns stops watching.
func watch(lifeline io.Reader, end func()) func() {
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = io.Copy(io.Discard, lifeline)
		end()
	}()
	return func() {
		switch l := lifeline.(type) {
		case *os.File:
			if l.SetReadDeadline(time.Unix(1, 0)) != nil {
				return // standard input as inherited blocks in the kernel: its reader lasts as long as the process
			}
		case io.Closer:
			l.Close()
		default:
			return // cannot be woken
		}
		<-done
	}
}

// start opens the data.
func start(library string, d dir, memory int64) (*engine, error) {
	lib, err := load(library)
	if err != nil {
		return nil, err
	}
	if memory == 0 {
		var info unix.Sysinfo_t
		if err := unix.Sysinfo(&info); err != nil {
			return nil, fmt.Errorf("read the size of memory: %w", err)
		}
		memory = int64(info.Totalram) * int64(info.Unit) / 4
	}
	e := &engine{lib: lib, memory: memory}
	config, err := d.writeConfig(memory)
	if err != nil {
		return nil, err
	}
	// Data of a newer engine must not be opened by an older one; the library tells its version only through a connection.
	recorded, err := d.version()
	if err != nil {
		return nil, err
	}
	if recorded != "" {
		if err := e.checkVersion(d, config, recorded); err != nil {
			return nil, err
		}
	}
	// The default database is replaced below; what stands of the last time's would be in the way.
	if err := os.Remove(filepath.Join(d.data(), "metadata", "default.sql")); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("clear the default database: %w", err)
	}
	e.args = []string{"--path=" + d.data(), "--config-file=" + config}
	if e.base, err = lib.open(e.args...); err != nil {
		return nil, err
	}
	if err := e.setUp(); err != nil {
		e.base.close()
		return nil, err
	}
	if err := d.setVersion(e.version); err != nil {
		e.base.close()
		return nil, err
	}
	return e, nil
}

func (e *engine) checkVersion(d dir, config, recorded string) error {
	empty, err := os.MkdirTemp(d.path, "version-")
	if err != nil {
		return fmt.Errorf("ask the engine's version: %w", err)
	}
	defer os.RemoveAll(empty)
	c, err := e.lib.open("--path="+empty, "--config-file="+config)
	if err != nil {
		return err
	}
	defer c.close()
	version, err := c.value("SELECT version()")
	if err != nil {
		return err
	}
	if older(version, recorded) {
		return fmt.Errorf("the data in %s was written by engine %s, this one is %s: a downgrade could damage it; install the newer engine, or restore a backup into an empty directory", d.path, recorded, version)
	}
	return nil
}

// setUp reads what the server needs and takes away the default database: in this library it is an overlay over the whole file
// system, in which SELECT FROM `/etc/passwd` works for everyone once the writer has read that file.
func (e *engine) setUp() error {
	for _, q := range []string{"DETACH DATABASE default", "CREATE DATABASE default ENGINE = Memory"} {
		if err := e.base.exec(q); err != nil {
			return fmt.Errorf("replace the default database: %w", err)
		}
	}
	var err error
	if e.version, err = e.base.value("SELECT version()"); err != nil {
		return err
	}
	if e.timezone, err = e.base.value("SELECT timezone()"); err != nil {
		return err
	}
	names, err := e.base.value("SELECT DISTINCT lower(name) FROM system.functions")
	if err != nil {
		return err
	}
	e.refused = map[string]bool{}
	for _, n := range strings.Fields(names) {
		e.refused[n] = !functions[n]
	}
	return nil
}

// databases are all there are, in lower case.
func (e *engine) databases() (map[string]bool, error) {
	c, err := e.lib.open(e.args...)
	if err != nil {
		return nil, err
	}
	defer c.close()
	names, err := c.value("SELECT lower(name) FROM system.databases")
	if err != nil {
		return nil, err
	}
	m := map[string]bool{}
	for n := range strings.Lines(names) {
		m[strings.TrimSuffix(n, "\n")] = true
	}
	return m, nil
}

// value is a query's answer as text.
func (c *conn) value(query string) (string, error) {
	r, err := c.run(query, "TSVRaw", nil)
	if err != nil {
		return "", err
	}
	defer r.free()
	return strings.TrimSuffix(string(bytes.Join(r.data, nil)), "\n"), nil
}

// stop asks the engine to end the query with the marker. It does not wait: a KILL ... SYNC never returns in this library.
func (e *engine) stop(marker string) error {
	c, err := e.lib.open(e.args...)
	if err != nil {
		return err
	}
	defer c.close()
	return c.exec("KILL QUERY WHERE splitByChar(' ', Settings['log_comment'])[1] = " + quote(marker) + " ASYNC")
}

// older compares dotted versions by number.
func older(a, b string) bool {
	as, bs := strings.Split(a, "."), strings.Split(b, ".")
	for i := 0; i < len(as) && i < len(bs); i++ {
		x, _ := strconv.Atoi(as[i])
		y, _ := strconv.Atoi(bs[i])
		if x != y {
			return x < y
		}
	}
	return len(as) < len(bs)
}

// listen refuses what is not loopback. Without an address the port of the last time is tried first: clients keep it.
func listen(addr string, d dir) (net.Listener, error) {
	if addr == "" {
		if port := d.lastPort(); port != "" {
			if l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", port)); err == nil {
				return l, nil
			}
		}
		addr = "127.0.0.1:0"
	}
	tcp, err := net.ResolveTCPAddr("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", addr, err)
	}
	if !tcp.IP.IsLoopback() {
		return nil, fmt.Errorf("listen on %s: the engine answers on loopback only (127.0.0.1 or [::1])", addr)
	}
	return net.ListenTCP("tcp", tcp)
}
