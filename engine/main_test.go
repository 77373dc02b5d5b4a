package engine_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/bouncehouse/bouncehouse/engine"
)

// The test binary is also the programs that the tests need, chosen by this variable.
const helperVariable = "ENGINE_TEST_HELPER"

func TestMain(m *testing.M) {
	switch os.Getenv(helperVariable) {
	case "serve": // DIR, until standard input ends
		os.Exit(serve(engine.Config{Dir: os.Args[1]}))
	case "tcp": // DIR ADDRESS: the same, by TCP as well
		os.Exit(serve(engine.Config{Dir: os.Args[1], Listen: os.Args[2]}))
	case "listener": // DIR: by TCP on what its parent has open
		os.Exit(serve(engine.Config{Dir: os.Args[1], Listener: os.NewFile(3, "listener")}))
	case "both": // DIR ADDRESS: by TCP the writer too
		os.Exit(serve(engine.Config{Dir: os.Args[1], Listen: os.Args[2], ListenWriter: true}))
	case "account": // DIR USER
		os.Exit(serve(engine.Config{Dir: os.Args[1], User: os.Args[2]}))
	case "unguarded": // DIR: whatever the statement
		os.Exit(serve(engine.Unguarded(engine.Config{Dir: os.Args[1]})))
	case "impatient": // DIR: the same, and it waits two ticks for a deaf query to end
		os.Exit(serve(engine.Patience(engine.Unguarded(engine.Config{Dir: os.Args[1]}), 2)))
	case "quick": // DIR: it waits two ticks for a deaf query to end
		os.Exit(serve(engine.Patience(engine.Config{Dir: os.Args[1]}, 2)))
	case "small": // DIR: with little memory
		os.Exit(serve(engine.Config{Dir: os.Args[1], MemoryLimit: 512 << 20}))
	case "lean": // DIR: with little memory, and without patience where it is held for nothing
		os.Exit(serve(engine.Patience(engine.Config{Dir: os.Args[1], MemoryLimit: 512 << 20}, 2)))
	case "unconfined": // DIR: without the kernel's walls
		os.Exit(serve(engine.OnKernel(engine.Config{Dir: os.Args[1], AllowUnconfined: true}, 0, false)))
	case "open": // DIR: neither wall
		os.Exit(serve(engine.OnKernel(engine.Unguarded(engine.Config{Dir: os.Args[1], AllowUnconfined: true}), 0,
			false)))
	case "kernel": // DIR LANDLOCK: on an older kernel
		abi, _ := strconv.Atoi(os.Args[2])
		os.Exit(serve(engine.OnKernel(engine.Config{Dir: os.Args[1]}, abi, true)))
	case "dial": // SOCKET: what a process of another user sees
		os.Exit(dial(os.Args[1]))
	case "impostor": // SOCKET
		os.Exit(impostor(os.Args[1]))
	case "supervise": // DIR: a parent with an engine child, until killed
		os.Exit(supervise(os.Args[1]))
	case "panic": // DIR: a nil dereference after the engine has come up
		os.Exit(panicAfterConnect(os.Args[1]))
	}
	os.Exit(m.Run())
}

func serve(c engine.Config) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	c.Lifeline, c.LockWait, c.Log = os.Stdin, 5*time.Second, slog.New(slog.NewTextHandler(os.Stderr, nil))
	if err := engine.Serve(ctx, c); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func supervise(dir string) int {
	c, err := engine.Start(context.Background(), dir, helper("serve", dir), slog.New(slog.DiscardHandler))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println(c.Endpoint().Socket)
	select {}
}

func panicAfterConnect(dir string) int {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	up := make(chan struct{})
	go func() {
		_ = engine.Serve(ctx, engine.Config{Dir: dir, Ready: func(engine.Endpoint) { close(up) },
			Log: slog.New(slog.DiscardHandler)})
	}()
	<-up
	var p *int
	func() {
		defer func() { fmt.Println("recovered:", recover()) }()
		fmt.Println(*p)
	}()
	fmt.Println(*p)
	return 0
}

func helper(name string, args ...string) func() *exec.Cmd {
	return func() *exec.Cmd {
		exe, err := os.Executable()
		if err != nil {
			panic(err)
		}
		cmd := exec.Command(exe, args...)
		cmd.Env = append(os.Environ(), helperVariable+"="+name)
		return cmd
	}
}

// library skips a test where the engine is not installed and not required.
func library(t testing.TB) {
	t.Helper()
	if os.Getenv("CHDB_LIB_PATH") == "" {
		p, err := filepath.Abs("../.cache/engine/libchdb.so")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(p); err == nil {
			t.Setenv("CHDB_LIB_PATH", p)
		}
	}
	if _, err := engine.FindLibrary(); err != nil {
		if os.Getenv("BOUNCEHOUSE_REQUIRE") != "" || !errors.Is(err, engine.ErrNoLibrary) {
			t.Fatal(err)
		}
		t.Skip(err)
	}
}

// up starts an engine in a child process for one test.
func up(t testing.TB) (string, *engine.Child) {
	t.Helper()
	library(t)
	dir := t.TempDir()
	return dir, upIn(t, dir)
}

func upIn(t testing.TB, dir string) *engine.Child {
	t.Helper()
	return upAs(t, dir, "serve")
}

// upAs starts the engine that a helper is.
func upAs(t testing.TB, dir, name string, args ...string) *engine.Child {
	t.Helper()
	return upSaying(t, dir, t.Output(), name, args...)
}

// upSaying is upAs with what the supervisor says going to said.
func upSaying(t testing.TB, dir string, said io.Writer, name string, args ...string) *engine.Child {
	t.Helper()
	library(t)
	c, err := engine.Start(t.Context(), dir, helper(name, append([]string{dir}, args...)...),
		slog.New(slog.NewTextHandler(said, nil)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func options(e engine.Endpoint, user string) *clickhouse.Options {
	password := e.WriterPassword
	if user == engine.Reader {
		password = e.ReaderPassword
	}
	return &clickhouse.Options{Protocol: clickhouse.HTTP, Addr: []string{"engine"},
		Auth:        clickhouse.Auth{Username: user, Password: password},
		DialContext: func(ctx context.Context, _ string) (net.Conn, error) { return e.Dial(ctx) }}
}

func open(t testing.TB, o *clickhouse.Options) driver.Conn {
	t.Helper()
	c, err := clickhouse.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func exec1(t testing.TB, c driver.Conn, query string, args ...any) {
	t.Helper()
	if err := c.Exec(t.Context(), query, args...); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

func value[T any](t testing.TB, c driver.Conn, query string, args ...any) T {
	t.Helper()
	var v T
	if err := c.QueryRow(t.Context(), query, args...).Scan(&v); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return v
}

// post sends one request as curl would.
func post(t testing.TB, e engine.Endpoint, user string, params url.Values, body string,
	headers ...string) (int, string, http.Header) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://engine/?"+params.Encode(),
		strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	password := e.WriterPassword
	if user == engine.Reader {
		password = e.ReaderPassword
	}
	req.SetBasicAuth(user, password)
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := client(e).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, bodyOf(t, res), res.Header
}

// bodyOf reads an answer to its end.
func bodyOf(t testing.TB, res *http.Response) string {
	t.Helper()
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// client sends all to the engine's socket.
func client(e engine.Endpoint) *http.Client {
	return &http.Client{Transport: &http.Transport{DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return e.Dial(ctx) }}}
}
