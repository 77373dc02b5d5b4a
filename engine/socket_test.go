package engine_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/bouncehouse/bouncehouse/engine"
)

// dial is a process that asks for /ping at a socket, and prints what it gets.
func dial(socket string) int {
	c, err := net.Dial("unix", socket)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	_, _ = io.WriteString(c, "GET /ping HTTP/1.0\r\n\r\n") // the other side may have closed already
	b, _ := io.ReadAll(c)
	fmt.Printf("%q\n", b)
	return 0
}

// impostor is a process that takes the place of an engine, and prints what it is sent.
func impostor(socket string) int {
	l, err := net.Listen("unix", socket)
	if err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println("listens")
	c, err := l.Accept()
	if err != nil {
		fmt.Println(err)
		return 1
	}
	b, _ := io.ReadAll(c)
	fmt.Printf("%q\n", b)
	return 0
}

const stranger = 54321 // the number of a user whom nobody has

// TestStrangers: with all file modes wide open, the socket is for the owner of its directory and root, at both ends.
func TestStrangers(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can be another user")
	}
	// What a stranger can execute and reach: not below the test's own directory, which is closed.
	open := func(t *testing.T) string {
		dir, err := os.MkdirTemp("", "engine")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.RemoveAll(dir) })
		if err := os.Chmod(dir, 0o777); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	// The function that it returns reads a line of what the process prints.
	asStranger := func(name, socket string) func() string {
		cmd := helper(name, socket)()
		self := filepath.Join(open(t), "program")
		b, err := os.ReadFile(cmd.Path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(self, b, 0o755); err != nil {
			t.Fatal(err)
		}
		cmd.Path, cmd.Stderr = self, t.Output()
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: stranger, Gid: stranger}}
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _, _ = cmd.Process.Kill(), cmd.Wait() })
		lines := bufio.NewScanner(out)
		return func() string {
			lines.Scan()
			return lines.Text()
		}
	}

	t.Run("as a client", func(t *testing.T) {
		dir := open(t)
		end := upIn(t, dir).Endpoint()
		for path, mode := range map[string]os.FileMode{dir: 0o755, filepath.Dir(end.Socket): 0o755, end.Socket: 0o777} {
			if err := os.Chmod(path, mode); err != nil {
				t.Fatal(err)
			}
		}
		said := asStranger("dial", end.Socket)
		if got := said(); got != `""` {
			t.Errorf("a stranger at the socket got %s", got)
		}
		if code, body, _ := post(t, end, engine.Writer, nil, "SELECT 1"); code != 200 {
			t.Error(code, body)
		}
	})
	t.Run("as the server", func(t *testing.T) {
		dir := open(t)
		if err := os.Mkdir(engine.Dir(dir), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(engine.Dir(dir), 0o777); err != nil {
			t.Fatal(err)
		}
		end := engine.Endpoint{Socket: filepath.Join(engine.Dir(dir), "socket"), WriterPassword: "secret"}
		said := asStranger("impostor", end.Socket)
		if got := said(); got != "listens" {
			t.Fatal(got)
		}
		if err := ask(t, end); err == nil || !strings.Contains(err.Error(),
			fmt.Sprintf("user %d is at the other end", stranger)) {
			t.Errorf("a stranger's socket: %v", err)
		}
		if got := said(); got != `""` {
			t.Errorf("a stranger's socket was sent %s", got)
		}
		// The directory's owner may serve it to root.
		if err := os.Chown(engine.Dir(dir), stranger, stranger); err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(end.Socket); err != nil {
			t.Fatal(err)
		}
		said = asStranger("impostor", end.Socket)
		if got := said(); got != "listens" {
			t.Fatal(got)
		}
		c, err := end.Dial(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		c.Close()
	})
}

// ask sends one query with the writer's password.
func ask(t *testing.T, end engine.Endpoint) error {
	return open(t, options(end, engine.Writer)).Ping(t.Context())
}

// TestLongPath: a state directory whose socket's path does not fit into a sockaddr_un.
func TestLongPath(t *testing.T) {
	dir := filepath.Join(t.TempDir(), strings.Repeat("long/", 60))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	end := upIn(t, dir).Endpoint()
	if len(end.Socket) < 300 {
		t.Fatalf("%s is short", end.Socket)
	}
	if code, body, _ := post(t, end, engine.Reader, nil, "SELECT 1"); code != 200 || body != "1\n" {
		t.Error(code, body)
	}
}

// TestDeadSocket: what an engine that was killed leaves is no engine, and in no one's way.
func TestDeadSocket(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(engine.Dir(dir), 0o700); err != nil {
		t.Fatal(err)
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(engine.Dir(dir), "socket")})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	l.Close()
	if _, ok, err := engine.Running(dir); ok || err != nil {
		t.Errorf("running: %v %v", ok, err)
	}
	end := upIn(t, dir).Endpoint()
	c, err := end.Dial(context.WithoutCancel(t.Context()))
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
}

// TestRefusedWhileSending: a client that sends all before it looks for the answer finds it, and no broken connection.
func TestRefusedWhileSending(t *testing.T) {
	_, c := up(t)
	const size = 8 << 20
	conn := half(t, c.Endpoint(), nil, "SELECT '", size)
	if _, err := io.WriteString(conn, strings.Repeat("x", size-len("SELECT '"))); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if b, err := io.ReadAll(res.Body); err != nil || res.StatusCode != 413 ||
		!strings.Contains(string(b), "Code: 229") {
		t.Errorf("%d %.100s %v", res.StatusCode, b, err)
	}
}
