package sink

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/bouncehouse/bouncehouse"
	"github.com/bouncehouse/bouncehouse/engine"
	"github.com/bouncehouse/bouncehouse/test"
)

// smallDisk is a directory on a disk of its own.
func smallDisk(t testing.TB, size string) string {
	t.Helper()
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "mode=700,size="+size); err != nil {
		test.Missing(t, test.PartIsolation, "no disk of its own to fill: mount: "+err.Error())
	}
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
	return dir
}

// storeIn is store with its engine on a disk. Engines that die are started
// again.
func storeIn(t testing.TB, dir string) (*server, *ClickHouse) {
	t.Helper()
	s := &server{t: t, library: test.Library(t), dir: dir}
	s.start()
	t.Cleanup(func() { s.child.Load().Close() })
	c := s.open(t)
	if err := c.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s, c
}

// filler is another program on the disk. It holds the directory open: whatever
// becomes of the mount, it never fills another disk.
type filler struct {
	t    testing.TB
	disk *os.Root
}

func newFiller(t testing.TB, dir string) filler {
	t.Helper()
	disk, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { disk.Close() })
	return filler{t, disk}
}

// fill takes all but leave bytes.
func (f filler) fill(leave int64) {
	f.t.Helper()
	file, err := f.disk.OpenFile("filler", os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return // not even room for a name
	}
	defer file.Close()
	for block := make([]byte, 1<<20); len(block) > 0; {
		var st unix.Statfs_t
		if err := unix.Fstatfs(int(file.Fd()), &st); err != nil || int64(st.Blocks)*st.Bsize > 1<<30 {
			f.t.Errorf("this is not the small disk: %v", err)
			return
		}
		if room := int64(st.Bavail)*st.Bsize - leave; room < int64(len(block)) {
			block = block[:max(room, 0)]
		}
		if _, err := file.Write(block); err != nil {
			if !errors.Is(err, syscall.ENOSPC) {
				f.t.Error(err)
			}
			block = block[:len(block)/2]
		}
	}
}

func (f filler) free() {
	if err := f.disk.Remove("filler"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		f.t.Error(err)
	}
}

// neighbour fills the disk and gives it back, rounds times or until stop is
// closed, and then closes done. What the engine frees meanwhile it takes too.
func (f filler) neighbour(r *rand.Rand, rounds int, stop <-chan struct{}, done chan<- struct{}) {
	defer close(done)
	for i := range rounds {
		for end := time.Now().Add(time.Duration(r.IntN(400)) * time.Millisecond); time.Now().Before(end); {
			f.fill(0)
		}
		f.free()
		rest := r.IntN(300)
		if i%4 == 3 {
			rest += 1500 // engines come back, rows come in
		}
		select {
		case <-time.After(time.Duration(rest) * time.Millisecond):
		case <-stop:
			return
		}
	}
}

// TestNeighbourFillsDisk writes while another program takes the last byte
// again and again, merges are made, and engines are killed. Whatever was
// acknowledged is there, once, before a restart and after it, in events,
// rollup, messages and dead letters.
func TestNeighbourFillsDisk(t *testing.T) {
	const rounds = 40
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	dir := smallDisk(t, "100m")
	s, c := storeIn(t, dir)
	stop, done := make(chan struct{}), make(chan struct{})
	f := newFiller(t, dir)
	go f.neighbour(rand.New(rand.NewPCG(seed, 1)), rounds, stop, done)
	defer func() {
		close(stop)
		<-done
	}()

	r := rand.New(rand.NewPCG(seed, 2))
	var events []bouncehouse.Event
	var batches, refused, unsound, away, other, late int
	for running := true; running; batches++ {
		select {
		case <-done:
			running = false
		default:
		}
		some := traffic(50, fmt.Sprintf("f%d", batches))
		res := &bouncehouse.Result{Events: some}
		for i := range some {
			e := &some[i]
			res.Arrivals = append(res.Arrivals, bouncehouse.Arrival{Origin: e.Origin, Time: e.Time, Host: e.Host,
				QueueID: fmt.Sprintf("%d-%d", batches, i)})
		}
		res.Dead = []bouncehouse.DeadLetter{{Origin: some[0].Origin, Time: some[0].Time, Reason: "test"}}
		b := bouncehouse.Batch{ID: fmt.Sprintf("disk-%d", batches)}
		for {
			err := c.Write(t.Context(), b, res)
			if err == nil {
				break
			}
			b.Recover = true
			switch {
			case errors.Is(err, syscall.ENOSPC):
				refused++
			case errors.Is(err, ErrUnreachable):
				if away++; away%20 == 0 { // sooner than the supervisor, whose pauses grow
					s.child.Load().Close()
					for s.tryStart() != nil {
					}
				}
			case strings.Contains(err.Error(), "have failed"):
				unsound++
			default:
				other++
				t.Log(err)
			}
			if !running {
				late++
			}
			if late == 100 {
				t.Fatalf("the disk has room again, and there is no end to: %v", err)
			}
			time.Sleep(10 * time.Millisecond)
		}
		events = append(events, some...)
		switch r.IntN(8) {
		case 0:
			// it may fail as all do here
			_ = c.conn.Exec(t.Context(), "OPTIMIZE TABLE bouncehouse."+[]string{"events", "messages"}[r.IntN(2)]+
				" FINAL")
		case 1:
			if r.IntN(4) == 0 {
				s.kill()
			}
		}
	}
	t.Logf("%d batches; refused %d times, failed %d, engine away %d, other %d", batches, refused, unsound, away, other)
	whole := func(what string) {
		t.Helper()
		test.Await(t, time.Minute, "the engine", func() bool { return c.conn.Ping(t.Context()) == nil })
		exactly(t, c, what, events)
		if n := value[uint64](t, c,
			"SELECT count() FROM bouncehouse.messages FINAL WHERE NOT ignore(*)"); n != uint64(len(events)) {
			t.Errorf("%s: %d messages of %d", what, n, len(events))
		}
		if n := value[uint64](t, c,
			"SELECT count() FROM bouncehouse.dead_letters FINAL WHERE NOT ignore(*)"); n != uint64(batches) {
			t.Errorf("%s: %d dead letters of %d", what, n, batches)
		}
	}
	whole("before a restart")
	s.restart()
	whole("after it")
	if n := c.Lost(); n != 0 {
		t.Errorf("%d parts are said to be lost", n)
	}
}

// TestNeighbourFillsDiskOfMigrations makes databases while another program takes the last byte again and again: what
// was cut of the definitions of tables and views keeps no engine from starting, and in the end all is there.
func TestNeighbourFillsDiskOfMigrations(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	dir := smallDisk(t, "60m")
	f := newFiller(t, dir)
	r := rand.New(rand.NewPCG(seed, 1))
	for n := range 4 {
		s := &server{t: t, library: test.Library(t), dir: filepath.Join(dir, fmt.Sprint(n))}
		s.start()
		end := func() { s.child.Load().Close() }
		t.Cleanup(end)
		filling := make(chan struct{})
		go func() {
			defer close(filling)
			for range 15 {
				for end := time.Now().Add(time.Duration(r.IntN(100)) * time.Millisecond); time.Now().Before(end); {
					f.fill(0)
				}
				f.free()
				time.Sleep(time.Duration(r.IntN(150)) * time.Millisecond)
			}
		}()
		var c *ClickHouse
		tries, starts := 0, 0
		for limit := time.Now().Add(2 * time.Minute); ; tries++ {
			err := error(nil)
			if c == nil {
				c = s.open(t)
			}
			if err = c.Migrate(t.Context()); err == nil {
				break
			}
			if time.Now().After(limit) {
				t.Fatalf("database %d, after %d tries and %d starts: %v", n, tries, starts, err)
			}
			if errors.Is(err, ErrUnreachable) {
				end()
				for c = nil; s.tryStart() != nil; {
					time.Sleep(5 * time.Millisecond) // a start without room fails at once
					if starts++; time.Now().After(limit) {
						t.Fatalf("database %d, after %d tries and %d starts: %v", n, tries, starts, s.tryStart())
					}
				}
			}
		}
		<-filling
		cut, err := filepath.Glob(filepath.Join(engine.Dir(s.dir), "data", "definitions", "cut", "*"))
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("database %d: %d tries, %d failed starts, %d files set aside", n, tries, starts, len(cut))
		events := traffic(50, fmt.Sprint(n))
		write(t, c, bouncehouse.Batch{ID: fmt.Sprint("made-", n)}, &bouncehouse.Result{Events: events})
		for range 2 {
			exactly(t, c, fmt.Sprint("database ", n), events)
			if got := value[uint64](t, c, "SELECT count() FROM bouncehouse.claims"); got != 0 {
				t.Errorf("%d claims", got)
			}
			s.restart()
		}
		end()
		if err := os.RemoveAll(s.dir); err != nil {
			t.Fatal(err)
		}
	}
}
