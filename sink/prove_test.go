package sink

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/bouncehouse/bouncehouse"
)

// partPath is where the table's one active part lies.
func partPath(t testing.TB, c *ClickHouse, table string) string {
	t.Helper()
	return value[string](t, c, "SELECT path FROM system.parts WHERE database = 'bouncehouse' AND active AND table = '"+
		table+"'")
}

// TestProve empties each file of a fresh part, as a full disk does while the
// engine runs on, and takes the part away.
func TestProve(t *testing.T) {
	_, c := store(t)
	c.counts = false // as a server of one's own
	events := attempts(50, func(i int) time.Time { return noon.Add(time.Duration(i) * time.Second) })
	var res bouncehouse.Result
	res.Events = events
	for i := range events {
		e := &events[i]
		res.Arrivals = append(res.Arrivals, bouncehouse.Arrival{Origin: e.Origin, Time: e.Time, Host: e.Host,
			QueueID: e.QueueID})
		res.Dead = append(res.Dead, bouncehouse.DeadLetter{Origin: e.Origin, Time: e.Time})
	}
	write(t, c, bouncehouse.Batch{ID: "prove"}, &res)
	for table, prove := range map[string]func() error{
		"events":       func() error { return prove(t.Context(), c, eventsTable(), pointers(res.Events)) },
		"messages":     func() error { return prove(t.Context(), c, messagesTable(), pointers(res.Arrivals)) },
		"dead_letters": func() error { return prove(t.Context(), c, deadTable(), pointers(res.Dead)) },
	} {
		if err := prove(); err != nil {
			t.Errorf("%s: %v", table, err)
		}
		data := filepath.Join(partPath(t, c, table), "data.bin")
		whole, err := os.ReadFile(data)
		if err != nil {
			t.Fatal(err)
		}
		for _, keep := range []int{0, len(whole) / 2, len(whole) - 1} {
			if err := os.Truncate(data, int64(keep)); err != nil {
				t.Fatal(err)
			}
			if prove() == nil {
				t.Errorf("%s: %d of %d bytes are there, and it is believed", table, keep, len(whole))
			}
			if err := os.WriteFile(data, whole, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := prove(); err != nil {
			t.Errorf("%s: whole again: %v", table, err)
		}
		if err := c.conn.Exec(t.Context(), "TRUNCATE TABLE bouncehouse."+table); err != nil {
			t.Fatal(err)
		}
		if prove() == nil {
			t.Errorf("%s: nothing is there, and it is believed", table)
		}
	}
}

// TestAside empties each file of a merged part, as a full disk does during the
// merge, while the parts that it was made of are still there, and when they
// are gone.
func TestAside(t *testing.T) {
	s, c := store(t)
	var all []bouncehouse.Event
	for _, f := range []string{"a", "b", "c"} {
		events := traffic(50, f)
		write(t, c, bouncehouse.Batch{ID: "aside-" + f}, &bouncehouse.Result{Events: events})
		all = append(all, events...)
	}
	if err := c.conn.Exec(t.Context(), "OPTIMIZE TABLE bouncehouse.events FINAL"); err != nil {
		t.Fatal(err)
	}
	part := partPath(t, c, "events")
	var files []string
	if err := filepath.WalkDir(part, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			files = append(files, path)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	table, name := filepath.Dir(filepath.Clean(part)), filepath.Base(part)
	detached := filepath.Join(table, "detached", "broken-on-start_"+name)
	back := 0
	s.child.Load().Close()
	for _, path := range files {
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(path, 0); err != nil {
			t.Fatal(err)
		}
		s.start()
		exactly(t, c, path, all)
		s.child.Load().Close()
		if _, err := os.Stat(detached); err == nil { // put the whole one in its place again
			back++
			if err := os.Rename(detached, part); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(path, whole, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s.start()
	t.Logf("of %d files, %d cost the part", len(files), back)
	if back == 0 {
		t.Error("the part was never set aside: the test tries nothing")
	}

	for _, gone := range []bool{false, true} {
		s.child.Load().Close()
		if err := os.Truncate(filepath.Join(part, "data.bin"), 0); err != nil {
			t.Fatal(err)
		}
		if gone {
			others, err := filepath.Glob(filepath.Join(table, "2*_0"))
			if err != nil || len(others) != 3 {
				t.Fatalf("parts %q, %v", others, err)
			}
			for _, o := range others {
				if err := os.RemoveAll(o); err != nil {
					t.Fatal(err)
				}
			}
		}
		s.start()
		again := s.open(t)
		if err := again.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := again.Lost(); n != map[bool]int{true: 1}[gone] {
			t.Errorf("the merged parts are gone: %v, and %d are said to be lost", gone, n)
		}
		if !gone {
			s.child.Load().Close()
			if err := os.Rename(detached, part); err != nil {
				t.Fatal(err)
			}
		}
	}
}
