package engine_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/bouncehouse/bouncehouse/engine"
)

// TestIdleConnections: whatever number of connections without a password hangs at the TCP port, neither the socket's
// clients nor those with a password, old and new, notice.
func TestIdleConnections(t *testing.T) {
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil || files.Cur < 2500 {
		t.Skip("too few descriptors for 2,000 connections", files.Cur, err)
	}
	dir := t.TempDir()
	end := upAs(t, dir, "tcp", "127.0.0.1:0").Endpoint()
	if end.Addr == "" {
		t.Fatal("it does not say where it listens")
	}
	ask := func(c *http.Client) (string, error) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+end.Addr+"/",
			strings.NewReader("SELECT 1"))
		if err != nil {
			return "", err
		}
		r.SetBasicAuth(engine.Reader, end.ReaderPassword)
		res, err := c.Do(r)
		if err != nil {
			return "", err
		}
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		return string(b), err
	}
	var dials int
	grafana := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, network,
		addr string) (net.Conn, error) {
		dials++
		return new(net.Dialer).DialContext(ctx, network, addr)
	}}}
	if got, err := ask(grafana); err != nil || got != "1\n" {
		t.Fatal(got, err)
	}
	idle := make([]net.Conn, 2000)
	for i := range idle {
		c, err := net.Dial("tcp", end.Addr)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if i%2 == 1 {
			if _, err := io.WriteString(c, "GET /ping HTTP/1.1\r\nHost: x\r\n"); err != nil &&
				!errors.Is(err, syscall.EPIPE) && !errors.Is(err, syscall.ECONNRESET) {
				t.Fatal(err)
			}
		}
		idle[i] = c
		if i%400 == 399 {
			if got, err := ask(grafana); err != nil || got != "1\n" {
				t.Errorf("with %d idle connections, the old one: %q %v", i+1, got, err)
			}
			if got, err := ask(&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}); err != nil ||
				got != "1\n" {
				t.Errorf("with %d idle connections, a new one: %q %v", i+1, got, err)
			}
			if code, body, _ := post(t, end, engine.Writer, nil, "SELECT 1"); code != 200 {
				t.Errorf("with %d idle connections, the socket: %d %s", i+1, code, body)
			}
		}
	}
	if dials != 1 {
		t.Errorf("who has shown a password had to connect %d times", dials)
	}
	// The oldest are closed at once, the last ones when their time is over.
	for _, i := range []int{0, 1, 1000, 1999} {
		_ = idle[i].SetReadDeadline(time.Now().Add(time.Minute))
		if _, err := io.ReadAll(idle[i]); errors.Is(err, syscall.ETIMEDOUT) || isTimeout(err) {
			t.Errorf("connection %d stays", i)
		}
	}
}

// TestKnownConnections: those of one who has shown a password and stays keep nobody else out.
func TestKnownConnections(t *testing.T) {
	dir := t.TempDir()
	end := upAs(t, dir, "tcp", "127.0.0.1:0").Endpoint()
	for i := range 300 {
		if _, code, body := connect(t, end, engine.Reader, end.ReaderPassword); code != 200 || body != "1\n" {
			t.Fatalf("connection %d: %d %s", i, code, body)
		}
	}
}

// connect asks SELECT 1 by a connection of its own, which stays until the test's end.
func connect(t *testing.T, end engine.Endpoint, user, password string) (c net.Conn, code int, body string) {
	t.Helper()
	c, err := net.Dial("tcp", end.Addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	login := url.Values{"user": {user}, "password": {password}, "query": {"SELECT 1"}}
	if _, err := fmt.Fprintf(c, "GET /?%s HTTP/1.1\r\nHost: x\r\n\r\n", login.Encode()); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	return c, res.StatusCode, bodyOf(t, res)
}

// TestAccountsConnections: the reader's connections are busy, all that it may have, and the writer gets in.
func TestAccountsConnections(t *testing.T) {
	end := upAs(t, t.TempDir(), "both", "127.0.0.1:0").Endpoint()
	for range 1000 {
		c, _, body := connect(t, end, engine.Reader, end.ReaderPassword)
		if strings.Contains(body, "Too many connections") {
			if _, code, body := connect(t, end, engine.Writer, end.WriterPassword); code != 200 || body != "1\n" {
				t.Errorf("the writer: %d %s", code, body)
			}
			return
		}
		// A body that does not come: it is waited for, by whom it is refused too.
		if _, err := fmt.Fprintf(c, "POST /?user=%s&password=%s HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n",
			engine.Reader, end.ReaderPassword); err != nil {
			t.Fatal(err)
		}
	}
	t.Error("1,000 connections of the reader's")
}

func isTimeout(err error) bool {
	var e net.Error
	return errors.As(err, &e) && e.Timeout()
}

// TestTCPAccounts: the writer's account is not for TCP, with the right password neither; and an answer without a
// password ends the connection.
func TestTCPAccounts(t *testing.T) {
	dir := t.TempDir()
	end := upAs(t, dir, "tcp", "127.0.0.1:0").Endpoint()
	get := func(query url.Values) (int, string, bool) {
		res, err := http.Get("http://" + end.Addr + "/?" + query.Encode())
		if err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, bodyOf(t, res), res.Close
	}
	for _, tc := range []struct {
		user, password string
		code           int
		want           string
		ends           bool
	}{
		{engine.Writer, end.WriterPassword, 403, "listen_writer", true},
		{engine.Writer, "wrong", 403, "listen_writer", true},
		{engine.Reader, "wrong", 403, "Authentication failed", true},
		{engine.Reader, end.ReaderPassword, 200, "1\n", false},
	} {
		code, body, ends := get(url.Values{"user": {tc.user}, "password": {tc.password}, "query": {"SELECT 1"}})
		if code != tc.code || !strings.Contains(body, tc.want) || ends != tc.ends {
			t.Errorf("%s: %d %s, ends %v", tc.user, code, body, ends)
		}
	}
	if code, body, ends := get(nil); code != 200 || body != "Ok.\n" || ends {
		t.Errorf("the connection of one that is known: %d %s, ends %v", code, body, ends)
	}
}

// TestReadersInside: what the reader's requests hold before the engine has them is bounded by their number, and takes
// nothing from the writer, nor by TCP from the reader by the socket.
func TestReadersInside(t *testing.T) {
	end := upAs(t, t.TempDir(), "tcp", "127.0.0.1:0").Endpoint()
	ask := func(by func() (net.Conn, error)) (code int, body string) {
		c := &http.Client{Transport: &http.Transport{DisableKeepAlives: true,
			DialContext: func(context.Context, string, string) (net.Conn, error) { return by() }}}
		res, err := c.PostForm("http://engine/?"+url.Values{"user": {engine.Reader}, "password": {end.ReaderPassword},
			"query": {"SELECT 1"}}.Encode(), nil)
		if err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, bodyOf(t, res)
	}
	byTCP := func() (net.Conn, error) { return net.Dial("tcp", end.Addr) }
	bySocket := func() (net.Conn, error) { return end.Dial(t.Context()) }
	var conns []net.Conn
	fill := func(by func() (net.Conn, error)) {
		sendHalf := func() {
			c, err := by()
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { c.Close() })
			if _, err := fmt.Fprintf(c,
				"POST /?user=%s&password=%s HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nSELECT", engine.Reader,
				end.ReaderPassword); err != nil {
				t.Fatal(err)
			}
			conns = append(conns, c)
		}
		for range 64 {
			sendHalf()
		}
		until(t, "no place for one more", 20*time.Second, func() bool {
			if code, body := ask(by); code == 503 && strings.Contains(body, "Code: 202.") {
				return true
			}
			sendHalf() // for the one whose place this took
			return false
		})
	}
	fill(byTCP)
	if code, body := ask(bySocket); code != 200 {
		t.Errorf("by the socket: %d %s", code, body)
	}
	fill(bySocket)
	if code, body, _ := post(t, end, engine.Writer, nil, "SELECT 1"); code != 200 {
		t.Errorf("the writer: %d %s", code, body)
	}
	for _, c := range conns {
		c.Close()
	}
	for _, by := range []func() (net.Conn, error){byTCP, bySocket} {
		until(t, "a place again", 20*time.Second, func() bool {
			code, _ := ask(by)
			return code == 200
		})
	}
}
