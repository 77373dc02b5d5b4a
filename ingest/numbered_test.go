package ingest

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// Logs of hosts with numbers for names, which all are written: that they look
// like one that is rotated keeps none of them waiting for long.
func TestNumbersForNames(t *testing.T) {
	const late = 75 // seconds
	for _, hosts := range []int{2, maxPast + 2} {
		t.Run(fmt.Sprint(hosts), func(t *testing.T) {
			bubble(t, func(t *testing.T, l *logger, r *reader) {
				o := r.options()
				r.change[0](&o)
				dir := filepath.Join(l.dir, "hosts")
				l.check(os.Mkdir(dir, 0o700))
				written := make([]int, hosts)
				write := func() {
					for host := range hosts {
						path := filepath.Join(dir, fmt.Sprintf("mx-%d", host+1))
						f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
						l.check(err)
						_, err = fmt.Fprintf(f, "Nov 21 00:00:00 mx-%d postfix/smtp[9]: line %d\n", host+1,
							written[host])
						l.check(err)
						l.check(f.Close())
						l.check(os.Chtimes(path, o.Now(), o.Now()))
						written[host]++
					}
				}
				write()
				r.log = filepath.Join(dir, "mx-1")
				r.restart()
				for range 300 {
					write()
					r.follow(time.Second)
					for host, n := range written {
						due := fmt.Sprintf("Nov 21 00:00:00 mx-%d postfix/smtp[9]: line %d", host+1, n-late)
						if n > late && !slices.Contains(r.got, due) {
							t.Fatalf("after %d s, not read: %s", n, due)
						}
					}
				}
				r.follow(time.Minute)
				if want := hosts * 301; len(r.got) != want {
					t.Errorf("%d lines, want %d", len(r.got), want)
				}
			})
		})
	}
}
