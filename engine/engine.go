package engine

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Config is for Serve.
type Config struct {
	Dir          string   // the state directory; the engine's files are in its folder clickhouse
	Listen       string   // host:port on loopback, to answer by TCP as well; empty: on the socket alone
	Listener     *os.File // in place of Listen: of Listen's, which who starts the engine has open too
	ListenWriter bool     // by TCP the writer's account too, not the reader's alone
	Library      string   // libchdb's path; empty: as FindLibrary says
	MemoryLimit  int64    // bytes; 0: a quarter of the machine's memory
	// whom to run as where root starts it and the data is this user's; empty, or no such user: root
	User string
	// warn where the kernel cannot confine the engine; false: an error that is ErrUnconfined
	AllowUnconfined bool
	LockWait        time.Duration  // how long to wait for another engine on the directory to end; 0: 30 seconds
	Lifeline        io.Reader      // the engine ends when this does; nil: only with the context
	Ready           func(Endpoint) // called once it answers; may be nil
	Log             *slog.Logger

	// For tests: no statement is looked at, to see what the walls hold alone; the kernel is another than it is.
	unguarded bool
	kernel    *walls
	patience  int // ticks or looks, in place of deafness and maxBloated; 0: the constants
}

// Endpoint is where an engine answers, and the passwords of its two accounts, Writer and Reader.
type Endpoint struct {
	Socket         string // the Unix socket: see Dial
	Addr           string // host:port, where it listens by TCP as well
	WriterPassword string
	ReaderPassword string
}

// ErrUnconfined says that the kernel cannot confine the engine.
var ErrUnconfined = errors.New("this kernel cannot confine the engine")

// engine is libchdb at work on one directory.
type engine struct {
	lib      *library
	base     *conn         // keeps the engine up between the requests' connections
	looks    atomic.Uint64 // of guard
	args     []string
	data     string // the directory
	memory   int64
	version  string
	timezone string
	// functions that the reader may not use, in lower case; those that are made meanwhile come to it
	refused  atomic.Pointer[map[string]bool]
	defining sync.Mutex // around keepDefinitions and what changes refused

	probation *probation
}

// Serve runs the engine in this process until ctx or the lifeline ends. It returns nil then, and an error where it
// cannot start: ErrNoLibrary, ErrUnconfined, a *LockedError, another owner, data of a newer engine, an address that is
// not loopback. A process can serve one directory at a time.
//
// Before it opens the library it executes the program anew, with the same arguments, behind the kernel's walls
// (confine.go): the program must come to Serve again. Of the Config only Lifeline, Ready and Log are looked at then.
func Serve(ctx context.Context, c Config) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if c.Lifeline != nil {
		defer watch(c.Lifeline, cancel)()
	}
	if Confined() {
		h, err := takeHandoff()
		if err != nil {
			return err
		}
		return h.run(ctx, c)
	}
	path := c.Library
	if path == "" {
		var err error
		if path, err = FindLibrary(); err != nil {
			return err
		}
	}
	h := &handoff{Memory: c.MemoryLimit, Walls: kernelWalls()}
	if c.kernel != nil {
		h.Walls = *c.kernel
	}
	var err error
	if h.Library, err = filepath.Abs(path); err != nil {
		return fmt.Errorf("load %s: %w", path, err)
	}
	if !h.Walls.whole() && !c.AllowUnconfined {
		return fmt.Errorf("%w, missing: %s", ErrUnconfined, strings.Join(h.Walls.missing(), ", "))
	}
	wait := c.LockWait
	if wait == 0 {
		wait = 30 * time.Second
	}
	d, err := openDir(c.Dir)
	if err != nil {
		return err
	}
	h.State = filepath.Dir(d.path)
	lock, err := d.lock(ctx, wait, c.Log)
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	defer lock.Close()
	if err := roomToStart(c.Dir); err != nil {
		return err
	}
	h.Lock = int(lock.Fd())
	return h.prepare(ctx, d, c)
}

// serve answers until ctx ends, then lets the queries under way finish for some seconds, and stops them after.
func (e *engine) serve(ctx context.Context, l listeners, h *handoff, c Config) error {
	s := newServer(e, h.Endpoint, c.Log)
	s.writerByTCP, s.unguarded = h.WriterByTCP, c.unguarded
	s.running.deafness, s.silence = cmp.Or(c.patience, deafness), silence
	servers := []*http.Server{s.onSocket()}
	if l.tcp != nil {
		servers = append(servers, s.onTCP())
	}
	failed := make(chan error, len(servers))
	go func() { failed <- servers[0].Serve(l.socket) }()
	if l.tcp != nil {
		go func() { failed <- servers[1].Serve(l.tcp) }()
	}
	c.Log.Info("engine ready", "socket", h.Endpoint.Socket, "addr", h.Endpoint.Addr, "version", e.version,
		"landlock", h.Walls.Landlock, "seccomp", h.Walls.Seccomp, "user", os.Geteuid())
	if c.Ready != nil {
		c.Ready(h.Endpoint)
	}
	guarding, stopGuard := context.WithCancel(context.WithoutCancel(ctx))
	defer stopGuard()
	unsound, deaf := make(chan error, 1), make(chan error, 1)
	go func() { unsound <- e.guard(guarding, c.Log, cmp.Or(c.patience, maxBloated)) }()
	go func() { deaf <- s.lookout(guarding) }()
	var room sync.WaitGroup
	room.Go(func() { s.makeRoom(guarding) })
	// Each second of an end in good order is 80 MB more; what this one costs is not more than that by kill -9.
	overgrown := make(chan error, 1)
	go e.weigh(guarding, overgrown)
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
		failed <- err
	case err = <-unsound:
		close(unsound)
	case err = <-deaf:
		close(deaf)
		c.Log.Error(err.Error())
	case err = <-overgrown:
		return err
	}
	ended := make(chan error, 1)
	go func() {
		stopped := e.drain(context.WithoutCancel(ctx), s, servers, failed)
		if stopped == nil {
			stopGuard()
			<-deaf
			stopped = <-unsound
			room.Wait()
			e.base.close()
		}
		ended <- stopped
	}()
	select {
	case stopped := <-ended:
		err = errors.Join(err, stopped)
	case grown := <-overgrown:
		err = errors.Join(err, grown)
	case <-time.After(endTime): // the library keeps a call of ours; with the process it ends
		err = errors.Join(err, fmt.Errorf("the engine does not end within %s", endTime))
	}
	if err != nil && !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve the engine: %w", err)
	}
	return nil
}

// endTime is how long the engine has to end by itself.
const endTime = 30 * time.Second

// drain lets what is under way finish for some seconds, and stops it after. Without a nil error a query is still there:
// closing a connection under it would abort the process; it ends anyway, and inserts are durable before they are
// acknowledged.
func (e *engine) drain(ctx context.Context, s *server, servers []*http.Server, failed <-chan error) error {
	grace, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	var closing sync.WaitGroup
	for _, s := range servers {
		closing.Go(func() {
			if s.Shutdown(grace) != nil {
				s.Close() // bodies half sent, idle clients
			}
		})
	}
	closing.Wait()
	for range servers {
		<-failed
	}
	rest, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	everything := &selector{match: func(string) bool { return true }}
	if _, err := s.running.kill(rest, everything, &process{}, e.stop); err != nil {
		return fmt.Errorf("a query does not end: %w", err)
	}
	return nil
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
func (h *handoff) start(d dir, record *os.File, log *slog.Logger) (*engine, error) {
	if err := os.Chdir(d.data()); err != nil {
		return nil, fmt.Errorf("the engine's data is out of reach of user %d: %w", os.Geteuid(), err)
	}
	if err := mendDefinitions(d.data(), log); err != nil {
		return nil, err
	}
	lib, err := load(h.Library)
	if err != nil {
		return nil, err
	}
	if err := lib.closeAccounts(); err != nil {
		return nil, err
	}
	e := &engine{lib: lib, memory: h.Memory}
	// Data of a newer engine must not be opened by an older one; the library tells its version only through a
	// connection.
	if h.Recorded != "" {
		if err := e.checkVersion(d, h.Config, h.Recorded); err != nil {
			return nil, err
		}
	}
	// The default database is replaced below; what stands of the last time's would be in the way.
	if err := os.Remove(filepath.Join(d.data(), "metadata", "default.sql")); err != nil &&
		!errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("clear the default database: %w", err)
	}
	e.data, e.args = d.data(), []string{"--path=" + d.data(), "--config-file=" + h.Config}
	if e.base, err = lib.open(e.args...); err != nil {
		return nil, err
	}
	err = e.setUp()
	if err == nil {
		err = lib.closeZones()
	}
	if err != nil {
		e.base.close()
		return nil, err
	}
	if e.version != h.Recorded {
		if err := recordVersion(record, e.version); err != nil {
			e.base.close()
			return nil, err
		}
	}
	return e, nil
}

// recordVersion writes in place: behind the walls no file can be made beside the data.
func recordVersion(f *os.File, version string) error {
	text := version + "\n"
	_, err := f.WriteAt([]byte(text), 0)
	if err == nil {
		err = f.Truncate(int64(len(text)))
	}
	if err == nil {
		err = f.Sync()
	}
	if err != nil {
		return fmt.Errorf("record the engine's version: %w", err)
	}
	return nil
}

func (e *engine) checkVersion(d dir, config, recorded string) error {
	empty := filepath.Join(d.data(), "tmp", "version")
	err := os.RemoveAll(empty) // a killed engine's
	if err == nil {
		err = os.MkdirAll(empty, 0o700)
	}
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

// setUp reads what the server needs and takes away the default database: in this library it is an overlay over the
// whole file system, in which SELECT FROM `/etc/passwd` works for everyone once the writer has read that file.
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
	refused := map[string]bool{}
	for n := range strings.Lines(names) { // a function of one's own may have blanks in its name
		n = strings.TrimSuffix(n, "\n")
		refused[n] = !functions[n]
	}
	e.refused.Store(&refused)
	return nil
}

// refuse adds the function that the statement is about to make, if it does: by its name alone the reader would call it.
func (e *engine) refuse(s *statement) {
	name := 0
	for i, t := range s.tokens {
		if t.is("FUNCTION") && i < 4 && s.at(0).is("CREATE") { // CREATE OR REPLACE FUNCTION
			name = i + 1
		}
	}
	if name == 0 {
		return
	}
	if s.at(name).is("IF") {
		name += 3 // IF NOT EXISTS
	}
	refused := maps.Clone(*e.refused.Load())
	refused[strings.ToLower(s.at(name).text)] = true
	e.refused.Store(&refused)
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

// stop asks the engine to end the query with the marker. It does not wait: a KILL ... SYNC never returns in this
// library.
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

// Listen opens an address of loopback, and refuses others. While it is open the port is nobody else's, and who connects
// waits for an engine.
func Listen(addr string) (*os.File, error) {
	tcp, err := net.ResolveTCPAddr("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", addr, err)
	}
	if !tcp.IP.IsLoopback() {
		return nil, fmt.Errorf("listen on %s: the engine answers on loopback only (127.0.0.1 or [::1])", addr)
	}
	l, err := net.ListenTCP("tcp", tcp)
	if err != nil {
		return nil, err
	}
	defer l.Close()
	return l.File()
}
