package engine

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// dir is the folder clickhouse of a state directory:
//
//	data/             the engine's own
//	config.xml        its configuration, written at each start
//	writer.password   made at first start, mode 0600
//	reader.password
//	version           the newest engine that opened data
//	lock              flock of the process that serves data, with its pid
//	socket            where it answers
//	address           host:port, where it answers by TCP as well
//
// Of all this the process that serves has data only: see confine.go.
type dir struct{ path string }

// Dir is the engine's folder in a state directory.
func Dir(state string) string { return filepath.Join(state, "clickhouse") }

func (d dir) file(name string) string { return filepath.Join(d.path, name) }
func (d dir) data() string            { return d.file("data") }
func (d dir) socket() string          { return d.file("socket") }

// openDir makes the directory at first start. It must be the user's own: ClickHouse run by root on another's files
// leaves files that the other cannot read.
func openDir(state string) (dir, error) {
	abs, err := filepath.Abs(state)
	if err != nil {
		return dir{}, fmt.Errorf("state directory: %w", err)
	}
	d := dir{Dir(abs)}
	if err := os.MkdirAll(d.path, 0o700); err != nil {
		return dir{}, fmt.Errorf("make the engine's directory: %w", err)
	}
	// Root may work in another's state directory, whose links lead nowhere.
	info, err := os.Lstat(d.path)
	if err != nil {
		return dir{}, fmt.Errorf("the engine's directory: %w", err)
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok && !info.IsDir() && st.Uid != 0 && int(st.Uid) != os.Geteuid() {
		return dir{}, fmt.Errorf("%s is a link that user %d has made: remove it, or run as that user", d.path, st.Uid)
	}
	return d, d.own()
}

func (d dir) own() error {
	info, err := os.Stat(d.path)
	if err != nil {
		return fmt.Errorf("the engine's directory: %w", err)
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok && int(st.Uid) != os.Geteuid() {
		return fmt.Errorf("%s belongs to user %d, this process is user %d: run it as the owner", d.path, st.Uid,
			os.Geteuid())
	}
	// 0710 is for an account of the engine's own.
	if mode := info.Mode().Perm(); mode&^0o710 != 0 {
		if err := os.Chmod(d.path, mode&0o710); err != nil {
			return fmt.Errorf("close %s to others: %w", d.path, err)
		}
	}
	return nil
}

// LockedError says that another process has the directory.
type LockedError struct {
	Dir string
	PID string // of the holder; empty where it cannot be told
}

func (e *LockedError) Error() string {
	return fmt.Sprintf("%s is in use by process %s", e.Dir, e.PID)
}

// lock takes the directory, ending a restore that was cut, and waiting at most so long for the process that has it,
// which it tells of after a second. Closing the file gives it back; so does the end of the process, however it ends.
func (d dir) lock(ctx context.Context, wait time.Duration, log *slog.Logger) (*os.File, error) {
	f, err := os.OpenFile(d.file("lock"), os.O_RDWR|os.O_CREATE|unix.O_CLOEXEC, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the lock: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	again := time.NewTicker(20 * time.Millisecond) // flock(2) has no time limit of its own
	defer again.Stop()
	owner := func() string {
		pid, _ := os.ReadFile(d.file("lock"))
		return strings.TrimSpace(string(pid))
	}
	long := time.After(time.Second)
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			break
		}
		if !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) {
			f.Close()
			return nil, fmt.Errorf("lock %s: %w", d.path, err)
		}
		select {
		case <-again.C:
		case <-long:
			log.Warn("another process has the directory: waiting for it to end", "dir", d.path, "pid", owner(),
				"at_most", wait)
		case <-ctx.Done():
			f.Close()
			return nil, &LockedError{Dir: d.path, PID: owner()}
		}
	}
	if err = f.Truncate(0); err == nil {
		_, err = f.WriteAt([]byte(fmt.Sprintln(os.Getpid())), 0)
	}
	if err != nil {
		err = fmt.Errorf("write the lock: %w", err)
	} else {
		err = d.finishRestore()
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// locked says whether some process has the directory.
func (d dir) locked() (bool, error) {
	f, err := os.Open(d.file("lock"))
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("open the lock: %w", err)
	}
	defer f.Close()
	err = unix.Flock(int(f.Fd()), unix.LOCK_SH|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return true, nil
	}
	return false, err
}

// Locked tells whether a process has the state directory's engine, be it about to answer or to end.
func Locked(state string) (bool, error) { return dir{Dir(state)}.locked() }

// Running asks whether an engine serves the state directory now: the lock is held and /ping answers. An engine that is
// about to answer counts as not running.
func Running(state string) (Endpoint, bool, error) {
	d := dir{Dir(state)}
	held, err := d.locked()
	if err != nil || !held {
		return Endpoint{}, false, err
	}
	end := Endpoint{Socket: d.socket()}
	for name, to := range map[string]*string{"writer.password": &end.WriterPassword,
		"reader.password": &end.ReaderPassword} {
		if *to, err = d.read(name); err != nil {
			return Endpoint{}, false, err
		}
	}
	if end.WriterPassword == "" || end.ReaderPassword == "" {
		return Endpoint{}, false, nil // its first start has not come so far
	}
	if end.ping(context.Background()) != nil {
		return end, false, nil
	}
	end.Addr, err = d.read("address") // it was announced before the first answer
	return end, err == nil, err
}

func (e Endpoint) ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://engine/ping", nil)
	if err != nil {
		return err
	}
	c := http.Client{Transport: &http.Transport{DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return e.Dial(ctx) }}}
	res, err := c.Do(req)
	if err != nil {
		return err
	}
	res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("ping %s: %s", e.Socket, res.Status)
	}
	return nil
}

// read returns a small file's text, empty where there is none.
func (d dir) read(name string) (string, error) {
	b, err := os.ReadFile(d.file(name))
	if errors.Is(err, os.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read the engine's %s: %w", name, err)
	}
	return string(bytes.TrimSpace(b)), nil
}

// write replaces a small file whole and durably.
func (d dir) write(name, text string) error {
	f, err := os.CreateTemp(d.path, name+".*") // mode 0600
	if err != nil {
		return fmt.Errorf("write the engine's %s: %w", name, err)
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(text + "\n")
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(f.Name(), d.file(name))
	}
	if err == nil {
		err = d.sync()
	}
	if err != nil {
		return fmt.Errorf("write the engine's %s: %w", name, err)
	}
	return nil
}

// sync makes renames durable.
func (d dir) sync() error { return syncDir(d.path) }

func syncDir(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

// syncAll waits until all of the file system that path lies on is on the disk.
func syncAll(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return unix.Syncfs(int(f.Fd()))
}

// passwords reads the accounts' passwords, or makes them.
func (d dir) passwords() (Endpoint, error) {
	var end Endpoint
	for _, a := range []struct {
		name string
		to   *string
	}{{"writer.password", &end.WriterPassword}, {"reader.password", &end.ReaderPassword}} {
		p, err := d.read(a.name)
		if err != nil {
			return end, err
		}
		if p == "" {
			p = rand.Text()
			if err := d.write(a.name, p); err != nil {
				return end, err
			}
		}
		*a.to = p
	}
	return end, nil
}

func (d dir) version() (string, error) { return d.read("version") }

// announce writes where the engine answers by TCP.
func (d dir) announce(addr string) error { return d.write("address", addr) }

func (d dir) withdraw() { os.Remove(d.file("address")) }

// writeConfig writes the engine's configuration and returns its path. It is named to the engine always: without one it
// takes a config.xml from the working directory. Tables are loaded by one thread: several race for the symbolic link of
// their database ("Directory metadata/bouncehouse already exists", once in a thousand starts). Every MergeTree table
// has its parts synced before an INSERT is acknowledged. There is no cache of conditions: it knows one by its text, and
// believed what it held of another session_timezone, so that a statement of the reader's made the writer's count 14,400
// rows of 25,200.
func (d dir) writeConfig(memory int64) (string, error) {
	return d.file("config.xml"), d.write("config.xml", fmt.Sprintf(`<clickhouse>
  <max_server_memory_usage>%d</max_server_memory_usage>
  <mark_cache_size>%d</mark_cache_size>
  <uncompressed_cache_size>0</uncompressed_cache_size>
  <query_condition_cache_size>0</query_condition_cache_size>
  <async_load_databases>0</async_load_databases>
  <tables_loader_foreground_pool_size>1</tables_loader_foreground_pool_size>
  <tables_loader_background_pool_size>1</tables_loader_background_pool_size>
  <merge_tree>
    <fsync_after_insert>1</fsync_after_insert>
    <fsync_part_directory>1</fsync_part_directory>
  </merge_tree>
</clickhouse>`, memory, memory/16))
}
