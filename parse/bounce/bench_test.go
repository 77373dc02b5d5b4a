package bounce

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/bouncehouse/bouncehouse"
)

// BenchmarkBounces parses the mails of a folder, all of them over and over,
// from memory:
//
//	BOUNCEHOUSE_BENCH_MAILS=/path go test ./parse/bounce -run '^$' -bench Bounces -cpu 1
func BenchmarkBounces(b *testing.B) {
	dir := os.Getenv("BOUNCEHOUSE_BENCH_MAILS")
	if dir == "" {
		b.Skip("BOUNCEHOUSE_BENCH_MAILS names no folder of mails")
	}
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		b.Fatal(err)
	}
	var mails []string
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".eml" {
			return err
		}
		text, err := os.ReadFile(path)
		mails = append(mails, string(text))
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	if len(mails) == 0 {
		b.Fatalf("no mails (*.eml) in %s", dir)
	}
	benchmarkMails(b, mails)
}

// BenchmarkDSNGoldens parses our own mails.
func BenchmarkDSNGoldens(b *testing.B) {
	benchmarkMails(b, slices.Collect(maps.Values(dsnGoldens(b))))
}

// BenchmarkDSN parses mails of some kinds alone.
func BenchmarkDSN(b *testing.B) {
	mails := dsnGoldens(b)
	for _, name := range []string{"postfix-bounce-local", "exchange-online", "chinese-gb18030"} {
		b.Run(name, func(b *testing.B) { benchmarkMails(b, []string{mails[name]}) })
	}
}

// benchmarkMails parses all mails once an operation.
func benchmarkMails(b *testing.B, mails []string) {
	chunks := make([]bouncehouse.Chunk, len(mails))
	size := 0
	for i := range mails {
		chunks[i] = bouncehouse.Chunk{Kind: bouncehouse.Mail, Data: mails[i]}
		size += len(mails[i])
	}
	p := New(dsnOptions)
	var res bouncehouse.Result
	b.ReportAllocs()
	b.SetBytes(int64(size))
	for b.Loop() {
		for i := range chunks {
			res.Reset()
			bouncehouse.ParseChunk(p, &chunks[i], &res)
		}
	}
	b.ReportMetric(float64(b.N*len(mails))/b.Elapsed().Seconds(), "mails/s")
}
