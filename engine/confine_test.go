package engine_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/bouncehouse/bouncehouse/engine"
)

// trap is a listener on loopback that counts who comes.
type trap struct {
	addr string
	came atomic.Int64
}

func setTrap(t *testing.T) *trap {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &trap{addr: l.Addr().String()}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			p.came.Add(1)
			c.Close()
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return p
}

// outside is what lies outside of the engine's walls, with a text in every file that must come back nowhere.
type outside struct {
	dir, state string // dir has secret, over and template; state is the engine's
	trap       *trap
	words      []string
	open       bool // there are no walls
}

func lookOutside(t *testing.T, state string) *outside {
	t.Helper()
	o := &outside{dir: t.TempDir(), state: state, trap: setTrap(t), words: []string{"root:", "the word"}}
	for name, text := range map[string]string{
		"secret": "the word\n", "over": "the word is kept\n", "template": "the word ${data}\n",
		"secret.csv": "the word\n", "s.proto": "syntax = \"proto3\"; message theword { string a = 1; }\n",
	} {
		if err := os.WriteFile(filepath.Join(o.dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	// A link that somebody has put among the engine's own files.
	files := filepath.Join(engine.Dir(state), "data", "user_files")
	if err := errors.Join(os.MkdirAll(files, 0o700), os.Symlink(filepath.Join(o.dir, "secret"),
		filepath.Join(files, "link")),
		os.Symlink(o.dir, filepath.Join(files, "folder"))); err != nil {
		t.Fatal(err)
	}
	return o
}

// attacks are statements that reach files, other programs or the network. Where one fails for want of a word in this
// build of the library it costs nothing.
func (o *outside) attacks() []string {
	var all []string
	password := filepath.Join(engine.Dir(o.state), "writer.password")
	for _, path := range []string{
		"/etc/passwd", password, filepath.Join(engine.Dir(o.state), "reader.password"), "../writer.password",
		"../../clickhouse/writer.password",
		"../../../writer.password", filepath.Join(o.dir, "secret"), "link", "folder/secret", "user_files/link",
		filepath.Join(engine.Dir(o.state), "data", "user_files", "link"),
		filepath.Join(engine.Dir(o.state), "data", "user_files", "folder", "secret"),
		"/proc/self/environ", "/proc/thread-self/environ", fmt.Sprintf("/proc/%d/environ", os.Getpid()),
		"/proc/self/mem", "/proc/self/cmdline",
		"/proc/self/root/etc/passwd", "/proc/self/cwd/../writer.password",
		fmt.Sprintf("/proc/%d/root/etc/passwd", os.Getpid()), "/proc/self/mountinfo", "/proc/net/tcp",
		"/proc/self/fd/0", "/proc/self/fd/2", "/proc/self/fd/3", "/proc/self/fd/4", "/proc/self/fd/5",
		"/proc/self/fd/6", "/proc/self/fd/7",
		filepath.Join(engine.Dir(o.state), "lock"), filepath.Join(o.state, "positions"), o.dir + "/*", o.dir + "/**",
		"/etc/pass*", "/dev/mem", "/dev/kmsg",
	} {
		all = append(all,
			"SELECT * FROM file('"+path+"', 'LineAsString')",
			"SELECT file('"+path+"')",
			"SELECT * FROM `"+path+"`",
			"SELECT * FROM filesystem('"+path+"')",
			"DESCRIBE file('"+path+"', 'CSV')",
			"CREATE TABLE stolen (line String) ENGINE = File(LineAsString, '"+path+"')", "SELECT * FROM stolen",
			"DROP TABLE stolen",
		)
	}
	over := filepath.Join(o.dir, "over")
	for _, path := range []string{over, "folder/over", filepath.Join(engine.Dir(o.state), "data", "user_files",
		"folder", "over"), "/proc/self/cwd/../writer.password"} {
		all = append(all,
			"SELECT 'x' INTO OUTFILE '"+path+"' TRUNCATE FORMAT TSV",
			"SELECT 'x' INTO OUTFILE '"+path+"' APPEND FORMAT TSV",
			"SELECT 'x' INTO OUTFILE '"+path+".new' FORMAT TSV",
			"INSERT INTO FUNCTION file('"+path+
				"', 'TSV', 'a String') SELECT 'x' SETTINGS engine_file_truncate_on_insert = 1",
			"INSERT INTO FUNCTION file('"+path+".new', 'TSV', 'a String') SELECT 'x'",
		)
	}
	dir, at := o.dir, o.trap.addr
	host, port, _ := net.SplitHostPort(at)
	return append(all,
		"SELECT * FROM url('http://"+at+"/', 'TSV', 'a String')",
		"INSERT INTO FUNCTION url('http://"+at+"/', 'TSV', 'a String') SELECT 'x'",
		"DESCRIBE url('http://"+at+"/', 'TSV')",
		"SELECT * FROM s3('http://"+at+"/bucket/key', 'a', 'b', 'TSV', 'a String')",
		"INSERT INTO FUNCTION s3('http://"+at+"/bucket/key', 'a', 'b', 'TSV', 'a String') SELECT 'x'",
		"SELECT * FROM gcs('http://"+at+"/bucket/key', 'TSV', 'a String')",
		"SELECT * FROM azureBlobStorage('http://"+at+"/', 'c', 'p', 'a', 'Yg==', 'TSV', 'auto', 'a String')",
		"SELECT * FROM remote('"+at+"', system.one)",
		"SELECT * FROM remoteSecure('"+at+"', system.one)",
		"SELECT * FROM cluster('default', system.one)",
		"SELECT * FROM mysql('"+at+"', 'd', 't', 'u', 'p')",
		"SELECT * FROM postgresql('"+at+"', 'd', 't', 'u', 'p')",
		"SELECT * FROM mongodb('"+at+"', 'd', 'c', 'u', 'p', 'a String')",
		"SELECT * FROM redis('"+at+"', 'a', 'a String')",
		"SELECT * FROM hdfs('hdfs://"+at+"/x', 'TSV', 'a String')",
		"SELECT * FROM arrowFlight('"+at+"', 'd')",
		"SELECT * FROM ytsaurus('http://"+at+"', '//t', 'x', 'a String')",
		"SELECT * FROM iceberg('http://"+at+"/b', 'a', 'b')",
		"SELECT * FROM icebergLocal('"+dir+"')",
		"SELECT * FROM deltaLake('http://"+at+"/b', 'a', 'b')",
		"CREATE TABLE k (a String) ENGINE = Kafka('"+at+"', 't', 'g', 'TSV')", "DROP TABLE k",
		"CREATE TABLE n (a String) ENGINE = NATS SETTINGS nats_url = '"+at+
			"', nats_subjects = 's', nats_format = 'TSV'", "DROP TABLE n",
		"CREATE DICTIONARY d (k UInt64, v String) PRIMARY KEY k SOURCE(HTTP(URL 'http://"+at+
			"/' FORMAT 'TSV')) LAYOUT(FLAT()) LIFETIME(1)", "SELECT dictGet('d', 'v', 1)", "DROP DICTIONARY d",
		"CREATE DICTIONARY d (k UInt64, v String) PRIMARY KEY k SOURCE(FILE(PATH '"+dir+
			"/secret.csv' FORMAT 'TSV')) LAYOUT(FLAT()) LIFETIME(1)", "SELECT dictGet('d', 'v', 1)",
		"DROP DICTIONARY d",
		"CREATE DICTIONARY d (k UInt64, v String) PRIMARY KEY k SOURCE(EXECUTABLE(COMMAND 'cat "+dir+
			"/secret' FORMAT 'TSV')) LAYOUT(FLAT()) LIFETIME(1)", "SELECT dictGet('d', 'v', 1)", "DROP DICTIONARY d",
		"CREATE DATABASE f ENGINE = Filesystem('"+dir+"')", "SELECT * FROM f.secret", "DROP DATABASE f",
		"CREATE DATABASE m ENGINE = MySQL('"+at+"', 'd', 'u', 'p')", "DROP DATABASE m",
		"CREATE DATABASE p ENGINE = PostgreSQL('"+at+"', 'd', 'u', 'p')", "DROP DATABASE p",
		"SELECT * FROM executable('cat', 'TSV', 'a String')",
		"SELECT * FROM executable('../../../../../../bin/cat', 'TSV', 'a String', (SELECT 'the ' || 'word'))",
		"CREATE FUNCTION f AS x -> file(x)", "SELECT f('"+dir+"/secret')", "DROP FUNCTION f",
		"SELECT * FROM sqlite('"+dir+"/secret', 't')",
		"SELECT catboostEvaluate('"+dir+"/secret', 1)",
		"SELECT 1 AS a FORMAT Template SETTINGS format_template_resultset = '"+dir+"/template'",
		"SELECT 'x' AS a FORMAT ProtobufSingle SETTINGS format_schema = '"+dir+"/s.proto:theword'",
		"INSERT INTO FUNCTION file('mine', 'TSV', 'a String') SELECT * FROM file('"+dir+"/secret', 'TSV', 'a String')",
		"SELECT * FROM file('mine', 'LineAsString')",
		"BACKUP DATABASE system TO File('"+dir+"/backup')",
		"BACKUP DATABASE system TO S3('http://"+at+"/b', 'a', 'b')",
		"RESTORE DATABASE x FROM File('"+dir+"/secret')",
		"SELECT hostName(), * FROM dictionary('nowhere')",
		"SELECT reverseDNSQuery('192.0.2.1')",
		"SELECT * FROM url('http://[::1]:"+port+"/', 'TSV', 'a String')",
		"SELECT * FROM url('http://"+host+":"+port+"/{1..3}', 'TSV', 'a String') SETTINGS max_http_get_redirects = 3",
		"SELECT * FROM url('file://"+dir+"/secret', 'LineAsString')",
		"SELECT * FROM url('file:///etc/passwd', 'LineAsString')",
		"ATTACH TABLE a FROM '"+dir+"' (a String) ENGINE = TinyLog",
		"CREATE TABLE d (a UInt8) ENGINE = MergeTree ORDER BY a SETTINGS disk = disk(type = local, path = '"+dir+"/')",
		"INSERT INTO d VALUES (1)", "DROP TABLE d SYNC",
		"CREATE TABLE d (a UInt8) ENGINE = MergeTree ORDER BY a SETTINGS disk = disk(type = s3, endpoint = 'http://"+at+
			"/b/', access_key_id = 'a', secret_access_key = 'b')", "DROP TABLE d SYNC",
	)
}

// fewTries keeps ClickHouse from connecting again and again.
const fewTries = "connect_timeout=1&max_execution_time=3&s3_retry_attempts=0&s3_max_connections=1&http_max_tries=1&http_retry_max_backoff_ms=10&" +
	"azure_sdk_max_retries=0&azure_max_single_part_copy_size=1&backup_restore_s3_retry_attempts=0"

// try sends one attack. Some try to connect again and again: the client leaves, and the query ends.
func (o *outside) try(t *testing.T, end engine.Endpoint, user, attack string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://engine/?"+fewTries, strings.NewReader(attack))
	if err != nil {
		t.Fatal(err)
	}
	password := end.WriterPassword
	if user == engine.Reader {
		password = end.ReaderPassword
	}
	req.SetBasicAuth(user, password)
	res, err := client(end).Do(req)
	if errors.Is(err, context.DeadlineExceeded) {
		return ""
	}
	if err != nil {
		t.Fatalf("%s: %v", attack, err)
	}
	return bodyOf(t, res)
}

// run makes all attacks with both accounts, and returns what came of them.
func (o *outside) run(t *testing.T, end engine.Endpoint) (found []string) {
	t.Helper()
	words := append([]string{end.WriterPassword, end.ReaderPassword}, o.words...)
	for _, user := range []string{engine.Writer, engine.Reader} {
		for _, attack := range o.attacks() {
			if o.open && strings.HasPrefix(attack, "INSERT INTO FUNCTION url") {
				continue // SIGPIPE ends the engine when the trap snaps
			}
			came := o.trap.came.Load()
			body := o.try(t, end, user, attack)
			for _, w := range words {
				if i := strings.Index(body, w); i >= 0 && !strings.HasPrefix(body, "Code: ") {
					found = append(found, fmt.Sprintf("%s: %s: %.80q", user, attack, body[i:]))
				}
			}
			if n := o.trap.came.Load() - came; n > 0 {
				found = append(found, fmt.Sprintf("%s: %s: %d connections", user, attack, n))
			}
		}
	}
	entries, err := os.ReadDir(o.dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !strings.Contains(" secret secret.csv over template s.proto ", " "+e.Name()+" ") {
			found = append(found, "a file was made: "+e.Name())
		}
	}
	if b, err := os.ReadFile(filepath.Join(o.dir, "over")); err != nil || string(b) != "the word is kept\n" {
		found = append(found, fmt.Sprintf("a file was changed: %q %v", b, err))
	}
	return found
}

// TestWalls switches the look at statements off: whatever SQL is sent, nothing is read, written or reached outside.
func TestWalls(t *testing.T) {
	for _, tc := range []struct {
		helper string
		open   bool
	}{{"unguarded", false}, {"open", true}} {
		t.Run(tc.helper, func(t *testing.T) {
			dir := t.TempDir()
			library(t)
			c, err := engine.Start(t.Context(), dir, helper(tc.helper, dir),
				slog.New(slog.NewTextHandler(t.Output(), nil)))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { // how it ends after all this is not the question: some of it goes on connecting
				if err := syscall.Kill(pid(t, dir), syscall.SIGKILL); err != nil {
					t.Error(err)
				}
				c.Close()
			})
			end := c.Endpoint()
			o := lookOutside(t, dir)
			o.open = tc.open
			found := o.run(t, end)
			if !tc.open { // it kills the engine otherwise
				o.try(t, end, engine.Reader, "SELECT * FROM system.stack_trace")
			}
			if !tc.open {
				for _, f := range found {
					t.Error(f)
				}
			} else if len(found) < 30 { // else the attacks are blunt
				t.Errorf("without the kernel's walls only %d attacks succeed: %s", len(found),
					strings.Join(found, "\n"))
			}
			if code, body, _ := post(t, end, engine.Reader, nil, "SELECT 1"); code != 200 {
				t.Errorf("the engine after all this: %d %s", code, body)
			}
		})
	}
}

// TestHoles: in a process without walls the look at them finds every hole.
func TestHoles(t *testing.T) {
	dir := t.TempDir()
	if err := errors.Join(os.Mkdir(engine.Dir(dir), 0o700),
		os.WriteFile(filepath.Join(engine.Dir(dir), "writer.password"), []byte("x"), 0o600)); err != nil {
		t.Fatal(err)
	}
	err := engine.Holes(dir)
	if err == nil {
		t.Fatal("nothing found")
	}
	for _, want := range []string{"writer.password: <nil>", "/etc/passwd: <nil>", "/proc/self/environ: <nil>",
		"tried: <nil>", "socket(2): <nil>", "socket(1): <nil>", "execve: no such file"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in %v", want, err)
		}
	}
}

// TestProcess is what the kernel says of the engine's process.
func TestProcess(t *testing.T) {
	dir, _ := up(t)
	p := "/proc/" + strconv.Itoa(pid(t, dir))
	threads, err := filepath.Glob(p + "/task/*/status")
	if err != nil || len(threads) < 5 {
		t.Fatal(threads, err)
	}
	for _, thread := range threads {
		b, err := os.ReadFile(thread)
		if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
			continue // it has ended
		}
		if err != nil {
			t.Fatal(err)
		}
		status := string(b)
		for _, want := range []string{"NoNewPrivs:\t1\n", "Seccomp:\t2\n", "CapBnd:"} {
			if !strings.Contains(status, want) {
				t.Errorf("%s: no %q", thread, want)
			}
		}
		if !strings.Contains(status, "CapEff:\t0000000000000000\n") &&
			!strings.Contains(status, "CapEff:\t0000000000000002\n") {
			t.Errorf("%s: capabilities in %s", thread, status)
		}
	}
	// What the kernel gives to root of a process that cannot be dumped.
	if info, err := os.Stat(p + "/environ"); err != nil || info.Sys().(*syscall.Stat_t).Uid != 0 {
		t.Errorf("environ: %v %v", info, err)
	}
}

// TestUnconfined: a kernel without walls.
func TestUnconfined(t *testing.T) {
	library(t)
	for abi, want := range map[string]string{"0": "this kernel cannot confine the engine, missing: files"} {
		dir := t.TempDir()
		if _, err := engine.Start(t.Context(), dir, helper("kernel", dir, abi),
			slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ABI %s: %v", abi, err)
		}
	}
	dir := t.TempDir()
	var said strings.Builder
	cmd := helper("open", dir)
	c, err := engine.Start(t.Context(), dir, func() *exec.Cmd { c := cmd(); c.Stderr = &said; return c },
		slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if !strings.Contains(said.String(),
		"level=WARN msg=\"the kernel cannot confine the engine wholly\" missing=\"files") {
		t.Errorf("no warning: %s", said.String())
	}
}

// TestInherited: what the engine's parent has left open in it is not there any more behind the walls.
func TestInherited(t *testing.T) {
	library(t)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	dir := t.TempDir()
	c, err := engine.Start(t.Context(), dir, func() *exec.Cmd {
		cmd := helper("serve", dir)()
		cmd.ExtraFiles = []*os.File{w}
		return cmd
	}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	pipe, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", w.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	links, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid(t, dir)))
	if err != nil || len(links) < 5 {
		t.Fatal(links, err)
	}
	for _, l := range links {
		if name, _ := os.Readlink(l); name == pipe {
			t.Errorf("%s is the pipe", l)
		}
	}
}
