package ingest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bouncehouse/bouncehouse"
)

// TestRotations does at random what daemons, rotators, operators and crashes
// do, in every style known, and expects every line exactly once in a sink
// that holds rows as the real one does.
//
// BOUNCEHOUSE_ROTATIONS=10m runs it for so long, BOUNCEHOUSE_SEED=N with that
// seed alone. What is excluded by contract is excluded here:
//
//   - what was never on disk when the source looked, or was removed before it
//     was read: files are deleted, and truncated without a copy, only when all
//     was read, or open in a source that goes on to their end;
//   - a file that was given a name that rotation does not use, of which
//     nothing was stored when the process was killed;
//   - half a line, where a copy was cut, may be read as a line of its own: it
//     tells of nothing, but where it lacks its line end alone: no copy is cut
//     there;
//   - lines that copytruncate itself loses, between its copy and its
//     truncation;
//   - a line that several files begin with ("logfile turned over"), which may
//     count once or more.
func TestRotations(t *testing.T) {
	seeds := 40
	if testing.Short() {
		seeds = 10
	}
	until := time.Now()
	if d, err := time.ParseDuration(os.Getenv("BOUNCEHOUSE_ROTATIONS")); err == nil {
		until, seeds = until.Add(d), 0
	}
	one, err := strconv.ParseUint(os.Getenv("BOUNCEHOUSE_SEED"), 10, 64)
	steps := map[string]int{}
	n := 0
	for ; n < seeds || time.Now().Before(until); n++ {
		seed := rand.Uint64()
		if err == nil {
			seed = one
		}
		if !t.Run(fmt.Sprint(seed), func(t *testing.T) { rotations(t, seed, steps) }) && seeds == 0 {
			break
		}
		if err == nil {
			break
		}
	}
	total := 0
	for _, n := range steps {
		total += n
	}
	t.Logf("%d seeds, %d steps: %v", n, total, steps)
}

// ledgerRows is a sink's table: what is stored, by origin.
type ledgerRows struct {
	mu    sync.Mutex
	at    map[string]string
	count map[string]int // by text
	wrong []string
}

// write stores the first n records of b, all if n < 0, as sink.ClickHouse
// does: of a recovery what is not there yet.
func (r *ledgerRows) write(b bouncehouse.Batch, n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range b.Chunks {
		c := &b.Chunks[i]
		if c.Replay {
			continue
		}
		for rec := range c.Records {
			if n == 0 {
				return
			}
			n--
			text := rec.Text
			if c.Kind == bouncehouse.Broken {
				text = "broken: " + c.Reason
			}
			key := fmt.Sprintf("%s %s %d", c.Stream, c.FileID, rec.Offset)
			if was, ok := r.at[key]; ok {
				if b.Recover && was != text && strings.HasPrefix(text, was) {
					// Half a line tells of nothing and has no row in the real sink.
					r.count[was]--
					r.at[key] = text
					r.count[text]++
					continue
				}
				if !b.Recover || was != text {
					r.wrong = append(r.wrong, fmt.Sprintf("%s: %q is there, and comes again as %q, recovery: %v", key,
						was, text, b.Recover))
				}
				continue
			}
			r.at[key] = text
			r.count[text]++
		}
	}
}

// rotator is a mail server's log, its rotation, and a process that reads it.
type rotator struct {
	*place
	rnd   *rand.Rand
	real  time.Time
	start time.Time
	log   string // where the daemon writes
	paths []string
	host  string
	f     *os.File
	plain bool  // the daemon's file is open without O_APPEND
	at    int64 // then, where it writes
	turn  int   // number of the next name
	n     int
	lines []string
	half  string

	sources []Source
	missing bool // a path was not there when they were opened
	led     *Ledger
	rows    ledgerRows
	seqs    map[string]uint64
	did     []string
}

const turnedOver = "Nov 21 00:00:00 mx1 newsyslog[99]: logfile turned over"

func (w *rotator) open() {
	w.close()
	w.missing = false
	o := w.options()
	o.Once, o.Host, o.ChunkSize = false, w.host, []int{200, 1000, 4 << 20}[w.rnd.IntN(3)]
	o.Now = func() time.Time { return w.real.Add(time.Since(w.start)) }
	var err error
	w.led, err = OpenLedger(w.state, o.Log)
	w.ok(err)
	o.Ledger = w.led
	found, err := Expand(w.paths)
	w.ok(err)
	paths, folders := found.Streams(w.led)
	o.Folders = folders
	for _, path := range paths {
		s, err := Open(path, o)
		if err != nil {
			w.missing = true // not there at the moment
			continue
		}
		w.sources = append(w.sources, s)
	}
}

func (w *rotator) close() {
	for _, s := range w.sources {
		s.Close()
	}
	w.sources = nil
}

// follow lets the process run; with crash it is killed at some step of a
// batch, if one comes.
func (w *rotator) follow(d time.Duration, crash bool) {
	if len(w.sources) == 0 || w.missing {
		w.open()
	}
	ctx, cancel := context.WithTimeout(w.t.Context(), d)
	defer cancel()
	var mu sync.Mutex
	dead, left := false, -1
	if crash {
		left = w.rnd.IntN(8)
	}
	cut := w.rnd.IntN(5)
	// alive tells whether the process is, and takes one step.
	alive := func() bool {
		mu.Lock()
		defer mu.Unlock()
		if left == 0 && !dead {
			dead = true
			cancel()
		}
		left--
		return !dead
	}
	var all sync.WaitGroup
	for _, s := range w.sources {
		all.Go(func() {
			for {
				b, err := s.Read(ctx)
				if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
					return
				}
				if err != nil {
					w.t.Errorf("read %s: %v", s.Stream(), err)
					return
				}
				if !alive() {
					return
				}
				if err := s.Intend(ctx, b); err != nil {
					w.t.Error(err)
				}
				if !alive() {
					w.rows.write(b, cut)
					return
				}
				w.rows.write(b, -1)
				if !alive() {
					return
				}
				if err := s.Commit(ctx, b); err != nil {
					w.t.Error(err)
				}
				w.numbers(&mu, b)
			}
		})
	}
	all.Wait()
	if dead {
		w.open()
	}
}

// numbers checks that a stream's chunks are numbered in the order they come.
func (w *rotator) numbers(mu *sync.Mutex, b bouncehouse.Batch) {
	mu.Lock()
	defer mu.Unlock()
	for _, c := range b.Chunks {
		if c.Replay {
			continue
		}
		if b.Recover && c.Seq <= w.seqs[c.Stream] {
			continue // the rest of a line: it has the number of its beginning
		}
		if was := w.seqs[c.Stream]; was != 0 && c.Seq != was+1 {
			w.t.Errorf("%s: chunk %d follows %d", c.Stream, c.Seq, was)
		}
		w.seqs[c.Stream] = c.Seq
	}
}

// unread are the lines written so far that were not read.
func (w *rotator) unread() (lines []string) {
	for _, line := range w.lines {
		if w.rows.count[line] == 0 {
			lines = append(lines, line)
		}
	}
	return lines
}

// settled follows until all was read.
func (w *rotator) settled() bool {
	w.end()
	for range 10 {
		if w.follow(15*time.Second, false); len(w.unread()) == 0 {
			return true
		}
	}
	unread := w.unread()
	w.t.Errorf("%d lines are not read, the first %.60q", len(unread), unread[0])
	return false
}

// reopen is what a daemon does when its log was rotated.
func (w *rotator) reopen() {
	if w.f != nil {
		w.f.Close()
	}
	flags := os.O_WRONLY | os.O_CREATE | os.O_APPEND
	if w.plain {
		flags &^= os.O_APPEND
	}
	var err error
	w.f, err = os.OpenFile(w.log, flags, 0o600)
	w.ok(err)
	st, err := w.f.Stat()
	w.ok(err)
	w.at = st.Size()
}

func (w *rotator) put(text string) {
	var err error
	if w.plain {
		_, err = w.f.WriteAt([]byte(text), w.at)
		w.at += int64(len(text))
	} else {
		_, err = w.f.WriteString(text)
	}
	w.ok(err)
}

func (w *rotator) write(n int) {
	if w.rnd.IntN(8) == 0 {
		w.many(n * 20)
		return
	}
	w.few(n)
}

func (w *rotator) few(n int) {
	w.end()
	text, lines := logLines(w.n, n)
	w.n += len(lines)
	w.lines = append(w.lines, lines...)
	w.put(text)
}

func (w *rotator) many(n int) {
	w.end()
	text, lines := longLines(w.n, n)
	w.n += n
	w.lines = append(w.lines, lines...)
	w.put(text)
}

func (w *rotator) begin() {
	w.end()
	_, lines := logLines(w.n, 1)
	w.n++
	w.lines, w.half = append(w.lines, lines[0]), lines[0][15:]+"\n"
	w.put(lines[0][:15])
}

func (w *rotator) end() {
	if w.half != "" {
		w.put(w.half)
		w.half = ""
	}
}

// rotated are the files that rotation left, unpacked or all.
func (w *rotator) rotated(packed bool) (files []string) {
	base, _, _ := baseName(filepath.Base(w.log))
	entries, err := os.ReadDir(filepath.Dir(w.log))
	w.ok(err)
	for _, e := range entries {
		path := filepath.Join(filepath.Dir(w.log), e.Name())
		info, err := os.Stat(path)
		target, _ := os.Stat(w.log)
		name, _, _ := baseName(e.Name())
		if err != nil || target != nil && os.SameFile(info, target) ||
			name != base && name != filepath.Base(w.paths[0]) || !info.Mode().IsRegular() {
			continue
		}
		if packedOnly.MatchString(path) == packed {
			files = append(files, path)
		}
	}
	return files
}

// name is where the log goes.
func (w *rotator) name(style string) string {
	w.turn++
	switch style {
	case "date":
		return fmt.Sprintf("%s-20261%03d", w.log, 100+w.turn)
	case "time":
		return fmt.Sprintf("%s.20261120%06d", w.log, w.turn)
	case "multilog":
		return filepath.Join(w.dir, fmt.Sprintf("@40000000%08x00000000.s", 0x6560a1b2+w.turn))
	case "olddir":
		return filepath.Join(w.dir, "olddir", fmt.Sprintf("%s.%d", filepath.Base(w.paths[0]), 900-w.turn))
	case "odd":
		return filepath.Join(filepath.Dir(w.log), fmt.Sprintf("kept-by-%d-%s.txt", w.turn, filepath.Base(w.log)))
	}
	return fmt.Sprintf("%s.%d", w.log, 999-w.turn)
}

func (w *rotator) pack(from, suffix string) {
	if suffix != ".bz2" {
		(&logger{place: w.place}).pack(from, from+suffix)
	} else {
		out, err := exec.Command("bzip2", "-k", "-f", from).CombinedOutput()
		if err != nil {
			w.t.Fatalf("bzip2: %v %s", err, out)
		}
	}
	w.ok(os.Remove(from))
}

func (w *rotator) copyTo(path string, cut int) {
	data, err := os.ReadFile(w.log)
	w.ok(err)
	n := len(data) - min(cut, len(data))
	if n > 0 && n < len(data) && data[n] == '\n' {
		n-- // see TestRotations
	}
	w.ok(os.WriteFile(path, data[:n], 0o600))
}

// steps are what can happen, by the kind of rotator.
func (w *rotator) steps(kind string) map[string]func() {
	followed := func(f func()) func() {
		return func() { // while the source has the file open, and goes on to its end
			w.follow(2*time.Second, false)
			f()
			w.settled()
		}
	}
	steps := map[string]func(){
		"write":  func() { w.write(1 + w.rnd.IntN(20)) },
		"write2": func() { w.write(1 + w.rnd.IntN(20)) },
		"half":   w.begin,
		"follow": func() { w.follow(time.Duration(w.rnd.IntN(15000))*time.Millisecond, false) },
		"crash":  func() { w.follow(3*time.Second, true) },
		"crash2": func() { w.follow(3*time.Second, true); w.follow(time.Second, true) },
		"down":   w.close,
		"host":   func() { w.host = fmt.Sprintf("mx%d.example.org", w.rnd.IntN(3)); w.open() },
		"pack": func() {
			if files := w.rotated(false); len(files) > 0 {
				suffixes := []string{".gz", ".zst", ".bz2"}
				if _, err := exec.LookPath("bzip2"); err != nil {
					suffixes = suffixes[:2]
				}
				w.pack(files[w.rnd.IntN(len(files))], suffixes[w.rnd.IntN(len(suffixes))])
			}
		},
		"move away": func() { // of what was read
			if files := w.rotated(w.rnd.IntN(2) == 0); len(files) > 0 && w.settled() {
				from := files[w.rnd.IntN(len(files))]
				w.turn++
				w.ok(os.Rename(from, filepath.Join(w.dir, "olddir",
					fmt.Sprintf("mail.log.%d%s", 900-w.turn, filepath.Ext(from)))))
			}
		},
		"copy elsewhere": func() {
			if files := w.rotated(w.rnd.IntN(2) == 0); len(files) > 0 {
				from := files[w.rnd.IntN(len(files))]
				data, err := os.ReadFile(from)
				w.ok(err)
				w.turn++
				w.ok(os.WriteFile(filepath.Join(w.dir, "olddir",
					fmt.Sprintf("mail.log.%d%s", 900-w.turn, filepath.Ext(from))), data, 0o600))
			}
		},
		"remove": func() { // of what was read
			if files := w.rotated(w.rnd.IntN(2) == 0); len(files) > 0 && w.settled() {
				w.ok(os.Remove(files[w.rnd.IntN(len(files))]))
			}
		},
		"link": func() {
			w.turn++
			link := filepath.Join(w.dir, fmt.Sprintf("link%dx", w.turn))
			if w.rnd.IntN(2) == 0 {
				w.ok(os.Symlink(w.log, link))
			} else if w.ok(os.Link(w.log, link)); kind == "link" {
				return
			}
			w.paths = append(w.paths, link)
			w.open()
		},
	}
	rename := func(style string) func() {
		return func() {
			w.end()
			w.ok(os.Rename(w.log, w.name(style)))
			if w.rnd.IntN(3) == 0 { // its daemon is told later
				w.write(3)
				w.follow(time.Duration(w.rnd.IntN(9000))*time.Millisecond, style != "odd" && w.rnd.IntN(3) == 0)
				w.write(3)
			}
			w.reopen()
		}
	}
	switch kind {
	case "link", "cronolog": // the file of the day is what is written
		steps["day"] = func() {
			w.end()
			w.turn++
			w.log = filepath.Join(w.dir, fmt.Sprintf("mail-20261%03d.log", 100+w.turn))
			w.reopen()
			if kind == "link" {
				w.ok(errors.Join(os.Symlink(w.log, w.paths[0]+".new"), os.Rename(w.paths[0]+".new", w.paths[0])))
			}
		}
		return steps
	case "multilog":
		steps["rotate"] = rename("multilog")
		return steps
	}
	for _, style := range []string{"number", "date", "time"} {
		steps[style] = rename(style)
	}
	steps["twice"] = func() { rename("number")(); w.write(3); rename("number")() }
	steps["olddir"] = followed(rename("olddir"))
	steps["odd"] = followed(rename("odd"))
	steps["odd while away"] = func() {
		w.write(2)
		if w.settled() { // some of it is stored
			w.close()
			w.write(3)
			rename := w.name("odd")
			w.ok(os.Rename(w.log, rename))
			w.reopen()
			w.write(2)
			w.settled()
		}
	}
	steps["delete"] = followed(func() {
		w.write(3) // in the file that is gone only
		w.ok(os.Remove(w.log))
		w.write(1)
		w.reopen()
		w.write(2)
	})
	steps["delete twice"] = followed(func() {
		for range 2 {
			w.write(3)
			w.ok(os.Remove(w.log))
			w.reopen()
			w.write(2)
			w.follow(1500*time.Millisecond, false) // two looks
		}
	})
	steps["delete while away"] = func() {
		if w.settled() {
			w.close()
			w.ok(os.Remove(w.log))
			w.reopen() // with the inode that became free, where the file system does so
			w.write(4)
		}
	}
	steps["newsyslog"] = func() {
		rename("number")()
		w.put(turnedOver + "\n")
	}
	steps["copytruncate"] = func() {
		w.end()
		path := w.name("number")
		if w.rnd.IntN(3) == 0 { // the copy is under way for a while
			w.copyTo(path, w.rnd.IntN(3000))
			w.follow(time.Duration(w.rnd.IntN(4000))*time.Millisecond, w.rnd.IntN(3) == 0)
		}
		w.copyTo(path, 0)
		w.ok(os.Truncate(w.log, 0))
	}
	steps["copytruncate race"] = func() { // lines after the copy, which were read
		if w.settled() {
			path := w.name("number")
			w.write(1)
			w.follow(time.Second, false)
			w.copyTo(path, 0)
			w.few(1 + w.rnd.IntN(20)) // so few that the marks at the end tell them
			if w.settled() {
				w.ok(os.Truncate(w.log, 0))
			}
		}
	}
	steps["cut copy"] = func() { // a cp that was killed, when all was read
		if w.settled() {
			if st, err := w.f.Stat(); err == nil && st.Size() > 100 { // not within its first line
				w.copyTo(w.name("number"), 1+w.rnd.IntN(int(min(2000, st.Size()-100))))
			}
		}
	}
	steps["truncate"] = func() {
		if w.settled() {
			w.ok(os.Truncate(w.log, 0))
			if w.rnd.IntN(2) == 0 {
				w.put(turnedOver + "\n")
			}
			w.write(w.rnd.IntN(40))
		}
	}
	steps["hole"] = func() { // a daemon without O_APPEND, from here on
		w.end()
		w.plain = !w.plain
		w.reopen()
	}
	return steps
}

func rotations(t *testing.T, seed uint64, counts map[string]int) {
	real := time.Now()
	synctest.Test(t, func(t *testing.T) {
		rnd := rand.New(rand.NewPCG(seed, 7))
		w := &rotator{place: newPlace(t), rnd: rnd, real: real, start: time.Now(), host: "mx1.example.org",
			seqs: map[string]uint64{}}
		w.rows.at, w.rows.count = map[string]string{}, map[string]int{}
		kind := []string{"plain", "plain", "plain", "plain", "link", "cronolog", "multilog", "far"}[rnd.IntN(8)]
		w.ok(os.Mkdir(filepath.Join(w.dir, "olddir"), 0o700))
		w.log = filepath.Join(w.dir, map[string]string{"multilog": "current", "plain": "mail.log",
			"far": "mail.log"}[kind])
		w.paths = []string{w.log, filepath.Join(w.dir, "olddir")}
		steps := w.steps(kind)
		if kind == "far" { // a link to a log elsewhere
			w.log = filepath.Join(w.dir, "store", "smtp.log")
			w.paths[0] = filepath.Join(w.dir, "mail.log")
			w.ok(os.Mkdir(filepath.Dir(w.log), 0o700))
			w.ok(os.Symlink(w.log, w.paths[0]))
		}
		if kind == "link" || kind == "cronolog" {
			w.paths[0] = filepath.Join(w.dir, "mail.log")
			steps["day"]()
		} else {
			w.reopen()
		}
		w.write(3)
		w.open()
		var names []string
		for name := range steps {
			names = append(names, name)
		}
		slices.Sort(names)
		defer func() {
			w.close()
			w.f.Close()
			time.Sleep(time.Second) // until what nxadm/tail polls with has noticed
			if t.Failed() {
				said := w.said.String()
				t.Logf("%s: %s\n%s", kind, strings.Join(w.did, ", "), said[max(0, len(said)-200_000):])
			}
		}()
		for range 40 {
			name := names[rnd.IntN(len(names))]
			w.did = append(w.did, fmt.Sprintf("%d %v %s", w.n, time.Since(w.start), name))
			counts[name]++
			if steps[name](); t.Failed() {
				return
			}
		}
		w.open()
		w.settled()
		w.host = "last.example.org"
		w.open()
		w.follow(time.Minute, false)
		w.check()
	})
}

func (w *rotator) check() {
	written := map[string]int{}
	for _, line := range w.lines {
		written[line]++
	}
	var extra []string
	for text, n := range w.rows.count {
		half := written[text] == 0 && slices.ContainsFunc(w.lines,
			func(line string) bool { return strings.HasPrefix(line, text) }) ||
			strings.HasPrefix(turnedOver, text)
		if n > 0 && !half && written[text] != n {
			extra = append(extra, fmt.Sprintf("%d times: %s", n, text))
		}
	}
	if slices.Sort(extra); len(extra) > 0 {
		w.t.Errorf("%d lines came too often, from %.100q to %.100q", len(extra), extra[0], extra[len(extra)-1])
	}
	var lost []string
	for line := range written {
		if w.rows.count[line] == 0 {
			lost = append(lost, line)
		}
	}
	if slices.Sort(lost); len(lost) > 0 {
		w.t.Errorf("%d lines are lost, from %.100q to %.100q", len(lost), lost[0], lost[len(lost)-1])
	}
	for _, wrong := range w.rows.wrong {
		w.t.Error(wrong)
	}
}
