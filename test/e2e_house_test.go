package test_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bouncehouse/bouncehouse/test"
)

// house is one installation of bouncehouse: a binary, a configuration, a state directory.
type house struct {
	t      testing.TB
	bin    string
	config string
	state  string
	dsn    string // of a ClickHouse other than the state directory's engine
	env    []string
	user   *syscall.Credential // whom commands run as; nil: us
	server *test.Process       // the engine, where it was started by hand
}

// commandLimit ends a command that hangs, with its goroutines in the failure's text.
const commandLimit = 2 * time.Minute

// newHouse needs the engine's library, and has no DNS unless config says so.
func newHouse(t testing.TB, bin, config string) *house {
	t.Helper()
	dir := t.TempDir()
	if config == "" {
		config = "dns: {enabled: false}\n"
	}
	h := &house{t: t, bin: bin, config: filepath.Join(dir, "bouncehouse.yaml"), state: filepath.Join(dir, "state"),
		env: []string{"CHDB_LIB_PATH=" + test.Library(t), "TZ=UTC"}}
	write(t, h.config, config)
	return h
}

// binary is bouncehouse as users have it.
func binary(t testing.TB) string {
	t.Helper()
	if path := os.Getenv("BOUNCEHOUSE_BIN"); path != "" {
		return path
	}
	return built(t, normalBuild)
}

// crashBinary is bouncehouse with the tag crashtest (cmd/bouncehouse/crash_on.go).
func crashBinary(t testing.TB) string { t.Helper(); return built(t, crashBuild) }

// build makes a binary at most once in a test run. It lies in the project's cache, so that the next run finds it made.
type build struct {
	name, tags string
	once       sync.Once
	err        error
}

var normalBuild, crashBuild = &build{name: "bouncehouse-e2e"}, &build{name: "bouncehouse-crashtest", tags: "crashtest"}

func built(t testing.TB, b *build) string {
	t.Helper()
	root := test.Root(t)
	path := filepath.Join(root, ".cache", "test", b.name)
	b.once.Do(func() {
		cmd := exec.Command("go", "build", "-trimpath", "-tags", b.tags, "-o", path, "./cmd/bouncehouse")
		cmd.Dir = root
		// As `make build`; and in a network of its own there is no proxy to wait for.
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOPROXY=off")
		if out, err := cmd.CombinedOutput(); err != nil {
			b.err = fmt.Errorf("build %s: %w\n%s", b.name, err, out)
		}
	})
	if b.err != nil {
		t.Fatal(b.err)
	}
	return path
}

// command is `bouncehouse NAME --config ... --state ... ARG...`.
func (h *house) command(name string, args ...string) *exec.Cmd {
	all := append(strings.Fields(name), "--config", h.config)
	if !strings.HasPrefix(name, "parse") {
		all = append(all, "--state", h.state)
		if h.dsn != "" {
			all = append(all, "--clickhouse", h.dsn)
		}
	}
	cmd := exec.Command(h.bin, append(all, args...)...)
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "BOUNCEHOUSE_") })
	cmd.Env = append(cmd.Env, h.env...)
	if h.user != nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: h.user}
	}
	return cmd
}

// ended is how a command ended.
type ended struct {
	out, err string
	status   int // exit status; -1 after a signal
}

// try runs a command to its end, whichever it is.
func (h *house) try(cmd *exec.Cmd) ended {
	h.t.Helper()
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	cmd.WaitDelay = time.Second // an engine that outlives it must not hold us
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	if err := cmd.Start(); err != nil {
		h.t.Fatal(err)
	}
	hung := time.AfterFunc(commandLimit, func() { _ = cmd.Process.Signal(syscall.SIGQUIT) })
	err := cmd.Wait()
	if !hung.Stop() {
		h.t.Fatalf("%s did not end within %v:\n%s", cmd, commandLimit, errs.String())
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) && !errors.Is(err, exec.ErrWaitDelay) {
		h.t.Fatalf("%s: %v", cmd, err)
	}
	return ended{out.String(), errs.String(), cmd.ProcessState.ExitCode()}
}

// must runs a command that has to succeed, and returns its output.
func (h *house) must(name string, args ...string) string {
	h.t.Helper()
	cmd := h.command(name, args...)
	end := h.try(cmd)
	if end.status != 0 {
		h.t.Fatalf("%s: exit status %d\n%s", cmd, end.status, end.err)
	}
	return end.out
}

// rows are the answer to a query, a JSON object each.
func (h *house) rows(sql string) []string {
	h.t.Helper()
	out := strings.TrimSuffix(h.must("query", "--format", "JSONEachRow", sql), "\n")
	if out == "" {
		return nil
	}
	return strings.Split(out, "\n")
}

// number is the answer to a query for one number.
func (h *house) number(sql string) (n int) {
	h.t.Helper()
	if _, err := fmt.Sscan(h.must("query", "--format", "TSV", sql), &n); err != nil {
		h.t.Fatalf("%s: %v", sql, err)
	}
	return n
}

// events are all stored events in the order of their origin. The chunk's number is left out: it counts how the log was
// cut, which is no property of the event.
func (h *house) events() []string {
	return h.rows("SELECT * EXCEPT (chunk) FROM events ORDER BY stream, file_id, offset, ordinal")
}

// report is `report --json --since all` without its own time.
func (h *house) report() map[string]any {
	h.t.Helper()
	var r map[string]any
	if err := json.Unmarshal([]byte(h.must("report", "--json", "--since", "all")), &r); err != nil {
		h.t.Fatal(err)
	}
	delete(r, "until")
	return r
}

// engine starts `bouncehouse clickhouse` on the state directory, which all commands there then use.
func (h *house) engine() *test.Process {
	h.t.Helper()
	if h.server != nil {
		return h.server
	}
	p := test.Start(h.t, "engine", h.command("clickhouse"))
	p.Ready(h.t, time.Minute, func() error {
		if !strings.Contains(p.Output(), "ClickHouse listens on") {
			return errors.New("no word of its address")
		}
		return nil
	})
	h.server = p
	return p
}

// sameAs compares all that is stored with an undisturbed run's.
func (h *house) sameAs(want *undisturbed) {
	h.t.Helper()
	h.engine()
	got := h.events()
	if len(got) != len(want.events) {
		h.t.Errorf("%d events are stored, %d after an undisturbed run", len(got), len(want.events))
	}
	counts := h.rows("SELECT count() AS n, uniqExact(stream, file_id, offset, ordinal) AS origins FROM events")
	var c struct{ N, Origins int }
	if err := json.Unmarshal([]byte(counts[0]), &c); err != nil {
		h.t.Fatal(err)
	}
	if c.N != c.Origins {
		h.t.Errorf("%d events of %d origins: some are stored more than once", c.N, c.Origins)
	}
	if n := h.number("SELECT sum(events) FROM attempts_5m"); n != len(want.events) {
		h.t.Errorf("the rollup has %d events, want %d", n, len(want.events))
	}
	sameRows(h.t, got, want.events)
	// A parser without memory makes an arrival again of each "queue active" line of a deferred message: more rows,
	// which say less.
	sameRows(h.t, h.messages(fullMessages), want.messages)
	if d := cmp.Diff(want.report, h.report()); d != "" {
		h.t.Errorf("the report differs from an undisturbed run's (-want +got):\n%s", cut(d, 2000))
	}
}

// undisturbed is what a run leaves that nobody disturbs.
type undisturbed struct {
	events, messages []string
	report           map[string]any
}

const fullMessages = "WHERE message_id != '' OR client != ''"

func (h *house) messages(where string) []string {
	return h.rows("SELECT DISTINCT * EXCEPT (chunk) FROM messages " + where +
		" ORDER BY stream, file_id, offset, ordinal")
}

// kept is what is stored now.
func (h *house) kept() *undisturbed {
	h.engine() // once, not for each query
	return &undisturbed{h.events(), h.messages(fullMessages), h.report()}
}

// sameRows says shortly how two sorted lists of rows differ.
func sameRows(t testing.TB, got, want []string) {
	t.Helper()
	count := map[string]int{}
	for _, r := range want {
		count[r]++
	}
	for _, r := range got {
		count[r]--
	}
	differ := 0
	for _, r := range slices.Sorted(maps.Keys(count)) {
		if n := count[r]; n != 0 {
			if differ++; differ <= 3 {
				t.Errorf("%+d times, want 0: %s", -n, cut(r, 1200))
			}
		}
	}
	if differ > 3 {
		t.Errorf("and %d more rows that differ", differ-3)
	}
}

func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return s[:n] + "..."
}

func write(t testing.TB, path, content string) {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755),
		os.WriteFile(path, []byte(content), 0o644)); err != nil {
		t.Fatal(err)
	}
}

func read(t testing.TB, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// demoLog is the log of `make demo`.
func demoLog(t testing.TB) string {
	t.Helper()
	return read(t, filepath.Join(test.Root(t), "testdata", "demo", "mail.log"))
}
