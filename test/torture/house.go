package torture

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bouncehouse/bouncehouse/test"
)

// Variant is a way in which bouncehouse is run. All read log files, a Maildir and deliver's spool.
type Variant string

// The variants.
const (
	VariantRun    Variant = "run"    // run with the embedded engine
	VariantServer Variant = "server" // run with a ClickHouse elsewhere, reached through a proxy
	VariantKafka  Variant = "kafka"  // ingest, two brokers, two members of process, a ClickHouse, proxies
)

// Variants lists every variant.
func Variants() []Variant { return []Variant{VariantRun, VariantServer, VariantKafka} }

// house is one installation under torture.
type house struct {
	t       testing.TB
	dir     string
	binary  string
	library string
	variant Variant
	ledger  *Ledger

	reader   *unit // run or ingest: what reads the logs
	server   *unit // clickhouse, where it is not run's engine
	members  []*unit
	guest    *unit // one member more, who comes and goes
	guestMu  sync.Mutex
	brokers  []*unit
	toServer *proxy   // nil: not in this variant
	toBroker []*proxy // one before each
	addr     string   // of the server

	engineDisk, stateDisk *disk // nil without root
	brokerDisks           []*disk

	logs  []*logWriter
	mails *mailer

	reading sync.Mutex // held by what ends the reader, and by what needs it alive
	mu      sync.Mutex
	label   int // how often the host's name was changed
	journal *os.File
	began   time.Time

	tcpWriter bool         // the binary knows engine: listen_writer
	stored    atomic.Int64 // rows, when last asked
}

func (h *house) path(elem ...string) string {
	return filepath.Join(append([]string{h.dir}, elem...)...)
}
func (h *house) state() string  { return h.path("state") }
func (h *house) config() string { return h.path("bouncehouse.yaml") }

// say writes to the journal of the round.
func (h *house) say(format string, args ...any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	fmt.Fprintf(h.journal, "%8.3f %s\n", time.Since(h.began).Seconds(), fmt.Sprintf(format, args...))
}

// rename gives the host another name from the reader's next start on.
func (h *house) rename() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.label++
	return h.writeConfig()
}

// writeConfig replaces the configuration as a whole.
func (h *house) writeConfig() error {
	text := fmt.Sprintf("host: box%d.example.com\nhosts: [mx1.example.com]\ndns: {enabled: false}\n", h.label)
	if h.tcpWriter {
		text += "engine: {listen_writer: true}\n"
	}
	if err := os.WriteFile(h.config()+".new", []byte(text), 0o644); err != nil {
		return err
	}
	return os.Rename(h.config()+".new", h.config())
}

// command is `bouncehouse NAME ... --config ... ARG...`.
func (h *house) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(h.binary, append(append(strings.Fields(name), "--config", h.config()), args...)...)
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "BOUNCEHOUSE_") })
	cmd.Env = append(cmd.Env, "CHDB_LIB_PATH="+h.library, "TZ=UTC", "GOTRACEBACK=all")
	return cmd
}

// dsn is where the server is, by way of address.
func (h *house) dsn(address string) string {
	var password []byte
	for _, path := range []string{h.path("server", "clickhouse", "writer.password"),
		h.path("server", "writer.password")} {
		if b, err := os.ReadFile(path); err == nil {
			password = b
		}
	}
	return fmt.Sprintf("http://writer:%s@%s", strings.TrimSpace(string(password)), address)
}

// readCommand is the reader's.
func (h *house) readCommand(more ...string) *exec.Cmd {
	name, args := "run", []string{"--state", h.state()}
	switch h.variant {
	case VariantServer:
		args = append(args, "--clickhouse", h.dsn(h.toServer.addr()))
	case VariantKafka:
		name = "ingest"
		args = append(args, "--kafka", h.kafkaAddrs(), "--partitions", "4", "--replication", "2")
	}
	args = append(args, more...)
	for _, w := range h.logs {
		paths := []string{w.path}
		if w.style.paths != nil {
			paths = w.style.paths(w.path)
		}
		args = append(args, paths...)
	}
	return h.command(name, append(args, h.mails.dir)...)
}

func (h *house) kafkaAddrs() string {
	var all []string
	for _, p := range h.toBroker {
		all = append(all, p.addr())
	}
	return strings.Join(all, ",")
}

// newHouse makes directories, disks and proxies; start starts what runs in it.
func newHouse(t testing.TB, o Options, v Variant, dir string) (*house, error) {
	journal, err := os.Create(filepath.Join(dir, "journal"))
	if err != nil {
		return nil, err
	}
	h := &house{t: t, dir: dir, binary: o.Binary, library: test.Library(t), variant: v,
		ledger: &Ledger{}, journal: journal, began: time.Now()}
	for _, d := range []string{"out", "state", "server", "kafka1", "kafka2"} {
		if err := os.Mkdir(h.path(d), 0o700); err != nil {
			return nil, err
		}
	}
	// The members of a fleet write to the engine by TCP, which it has to be told. A binary of before knows no such key.
	example, err := h.command("config example").Output()
	if err != nil {
		return nil, fmt.Errorf("bouncehouse config example: %w", err)
	}
	h.tcpWriter = strings.Contains(string(example), "listen_writer")
	if err := h.writeConfig(); err != nil {
		return nil, err
	}
	if o.Disks {
		if err := h.mountDisks(); err != nil {
			return nil, errors.Join(err, h.unmountDisks())
		}
	}
	if v != VariantRun {
		if h.addr, err = freeAddr(); err == nil {
			h.toServer, err = newProxy(h.addr, false)
		}
		if err != nil {
			return nil, err
		}
		h.server = h.unit("clickhouse", func() *exec.Cmd {
			return h.command("clickhouse", "--state", h.path("server"), "--listen", h.addr)
		})
	}
	h.reader = h.unit("reader", func() *exec.Cmd { return h.readCommand() })
	if v == VariantKafka {
		err = h.cluster()
	}
	return h, err
}

func (h *house) unit(name string, cmd func() *exec.Cmd) *unit {
	return &unit{name: name, cmd: cmd, log: h.path("out", name+".log")}
}

// mountDisks puts the engine, the state and each broker on a disk of its own.
func (h *house) mountDisks() (err error) {
	if h.stateDisk, err = mountDisk("the state's disk", h.state()); err != nil {
		return err
	}
	engine := h.path("state", "clickhouse")
	if h.variant != VariantRun {
		engine = h.path("server")
	}
	if h.engineDisk, err = mountDisk("the engine's disk", engine); err != nil {
		return err
	}
	for _, name := range []string{"kafka1", "kafka2"} {
		if h.variant != VariantKafka {
			break
		}
		d, err := mountDisk(name+"'s disk", h.path(name))
		if err != nil {
			return err
		}
		h.brokerDisks = append(h.brokerDisks, d)
	}
	return nil
}

// disks are all there are, inner ones last.
func (h *house) disks() []*disk {
	var all []*disk
	for _, d := range append([]*disk{h.stateDisk, h.engineDisk}, h.brokerDisks...) {
		if d != nil {
			all = append(all, d)
		}
	}
	return all
}

func (h *house) unmountDisks() error {
	var errs []error
	for _, d := range slices.Backward(h.disks()) {
		errs = append(errs, d.unmount())
	}
	return errors.Join(errs...)
}

// holdReader keeps the reader from being ended by us until release.
func (h *house) holdReader() (release func(), ok bool) {
	if !h.reading.TryLock() {
		return nil, false
	}
	return h.reading.Unlock, true
}

// readerHas tells whether the reader has the file of that name open, as /proc names it.
func (h *house) readerHas(path string) bool {
	fds, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", h.reader.pid())) // none where it is not running
	return slices.ContainsFunc(fds, func(fd string) bool {
		target, err := os.Readlink(fd)
		return err == nil && target == path
	})
}

// behind is how much stands in the ledger and was not stored when last asked.
func (h *house) behind() int { return h.ledger.Len() - int(h.stored.Load()) }

// ask runs a query as people do, and returns its answer.
func (h *house) ask(ctx context.Context, sql string) (string, error) {
	return h.output(ctx, h.command("query", append(h.where(), "--format", "TSV", sql)...))
}

// where are the flags of a command that asks ClickHouse.
func (h *house) where() []string {
	if h.variant == VariantRun {
		return []string{"--state", h.state()}
	}
	return []string{"--clickhouse", h.dsn(h.addr)}
}

// output is what a command that has to succeed prints.
func (h *house) output(ctx context.Context, cmd *exec.Cmd) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	var out, errs strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := runWith(ctx, cmd)
	if err != nil {
		err = fmt.Errorf("%s: %w: %s", strings.Join(cmd.Args[1:min(len(cmd.Args), 3)], " "), err,
			strings.TrimSpace(errs.String()))
	}
	return out.String(), err
}

// runWith runs a command to its end, and kills it where ctx ends first.
func runWith(ctx context.Context, cmd *exec.Cmd) error {
	cmd.WaitDelay = time.Second // an engine of its own may outlive it
	if err := cmd.Start(); err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = cmd.Process.Kill() })
	defer stop()
	err := cmd.Wait()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// await asks until there is no error, for at most limit.
func await(ctx context.Context, limit time.Duration, wants string, ask func() error) error {
	deadline := time.Now().Add(limit)
	for {
		err := ask()
		if err == nil {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("waited %v in vain for %s: %w", limit, wants, err)
		}
		if !sleep(ctx, 200*time.Millisecond) {
			return ctx.Err()
		}
	}
}

// sleep waits, and says whether it did to the end.
func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// keepTree copies a directory that is about to be unmounted.
func keepTree(from, to string) error {
	return filepath.WalkDir(from, func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		switch {
		case d.IsDir():
			return os.MkdirAll(filepath.Join(to, rel), 0o700)
		case d.Type().IsRegular() && d.Name() != "neighbour":
			in, err := os.Open(path)
			if err != nil {
				return err
			}
			defer in.Close()
			out, err := os.Create(filepath.Join(to, rel))
			if err != nil {
				return err
			}
			_, err = io.Copy(out, in)
			return errors.Join(err, out.Close())
		}
		return nil
	})
}
