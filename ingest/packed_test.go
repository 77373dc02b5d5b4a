package ingest

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A packed file's size on disk is not that of its content: neither where it is less, nor where it is more.
func TestPackedSizes(t *testing.T) {
	text, lines := logLines(0, 400)
	for content, want := range map[string][]string{text: lines, lines[0]: lines[:1]} {
		for _, name := range []string{"dump", "mail.log.1.gz"} { // what is at the path, and a rotated one
			for _, once := range []bool{true, false} {
				t.Run(fmt.Sprint(name, once, len(content)), func(t *testing.T) {
					real := time.Now()
					synctest.Test(t, func(t *testing.T) {
						p, start := newPlace(t), time.Now()
						var b bytes.Buffer
						z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
						p.ok(err)
						z.Comment = "written by a test, so that one line is longer packed than it is, and four hundred are shorter"
						_, err = z.Write([]byte(content))
						p.ok(errors.Join(err, z.Close()))
						if (b.Len() < len(content)) != (len(want) > 1) {
							t.Fatalf("%d bytes, packed %d", len(content), b.Len())
						}
						path := p.in(name)
						p.write(path, b.String())
						p.ok(os.Chtimes(path, real.Add(-time.Hour), real.Add(-time.Hour)))
						src := p.open(path, func(o *Options) {
							o.Once, o.Now = once, func() time.Time { return real.Add(time.Since(start)) }
						})
						ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
						defer cancel()
						var got []string
						for b, err := src.Read(ctx); err == nil; b, err = src.Read(ctx) {
							got = append(got, p.texts(b)...)
							p.settle(src, b)
						}
						p.equal(name, want, got)
						p.ok(src.Close())
						p.equal("again", nil, p.drain(p.open(path)))
					})
				})
			}
		}
	}
}

// A log that is written packed, member by member, is read on, and read to its
// end where it was rotated to.
func TestPackedGrows(t *testing.T) {
	real := time.Now()
	synctest.Test(t, func(t *testing.T) {
		p, start := newPlace(t), time.Now()
		var mu sync.Mutex
		var want []string
		add := func(i int) {
			mu.Lock()
			defer mu.Unlock()
			text, lines := logLines(i, 100)
			var b bytes.Buffer
			z := gzip.NewWriter(&b)
			_, err := z.Write([]byte(text))
			p.ok(errors.Join(err, z.Close()))
			p.write(p.log, b.String())
			at := real.Add(time.Since(start))
			p.ok(os.Chtimes(p.log, at, at))
			want = append(want, lines...)
		}
		add(0)
		src := p.open(p.log, func(o *Options) {
			o.Once, o.Now = false, func() time.Time { return real.Add(time.Since(start)) }
		})
		for i := 1; i <= 3; i++ {
			time.AfterFunc(time.Duration(i)*20*time.Second, func() { add(1000 * i) })
		}
		time.AfterFunc(60*time.Second+time.Millisecond, func() {
			p.rename(p.log, p.log+".1")
			add(9000)
		})
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		var got []string
		for b, err := src.Read(ctx); err == nil; b, err = src.Read(ctx) {
			got = append(got, p.texts(b)...)
			p.settle(src, b)
		}
		mu.Lock()
		defer mu.Unlock()
		p.equal("the log", want, got)
		p.ok(src.Close())
	})
}

// One that is truncated at its path, and written anew, is another: longer, shorter, or as long as it was.
func TestPackedWrittenAnew(t *testing.T) {
	real := time.Now()
	for name, n := range map[string]int{"longer": 150, "shorter": 20, "equal": 100} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, start := newPlace(t), time.Now()
				packed := func(from, n int) ([]byte, []string) {
					text, lines := logLines(from, n)
					var b bytes.Buffer
					z, err := gzip.NewWriterLevel(&b, gzip.NoCompression)
					p.ok(err)
					_, err = z.Write([]byte(text))
					p.ok(errors.Join(err, z.Close()))
					return b.Bytes(), lines
				}
				first, want := packed(1000, 100)
				second, lines := packed(5000, n)
				if name == "equal" && len(first) != len(second) {
					t.Fatal(len(first), len(second))
				}
				p.ok(os.WriteFile(p.log, first, 0o600))
				p.ok(os.Chtimes(p.log, real, real))
				open := func() Source {
					return p.open(p.log, func(o *Options) {
						o.Once, o.Now = false, func() time.Time { return real.Add(time.Since(start)) }
					})
				}
				time.AfterFunc(30*time.Second, func() {
					p.ok(os.WriteFile(p.log, second, 0o600)) // the same inode
					at := real.Add(time.Since(start))
					p.ok(os.Chtimes(p.log, at, at))
				})
				read := func(src Source, d time.Duration) (got []string) {
					ctx, cancel := context.WithTimeout(t.Context(), d)
					defer cancel()
					for b, err := src.Read(ctx); err == nil; b, err = src.Read(ctx) {
						got = append(got, p.texts(b)...)
						p.settle(src, b)
					}
					p.ok(src.Close())
					return got
				}
				p.equal(name, append(want, lines...), read(open(), 5*time.Minute))
				p.equal(name+", next start", nil, read(open(), time.Minute))
			})
		})
	}
}
