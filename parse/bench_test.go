package parse

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/bouncehouse/bouncehouse"
)

// benchLogs are the samples that stand for a format's everyday lines; of
// formats that are not here, all of them.
var benchLogs = map[string][]string{
	"exim":    {"mainlog-all.log", "mainlog-default.log"},
	"haraka":  {"bench.log"},
	"kumomta": {"bench.log"},
}

// benchLog is a format's log of some length.
func benchLog(b *testing.B, format string) (log, head string) {
	var s strings.Builder
	for _, one := range samples(b, format) {
		if names, ok := benchLogs[format]; ok && !slices.Contains(names, one.file) ||
			strings.Contains(one.file, "wrapped") || strings.Contains(one.file, "hostile") ||
			strings.Contains(one.file, "headers") || one.file == "reasons.log" {
			continue
		}
		if format == "exchange" && !strings.HasPrefix(one.file, "tracking-") ||
			format == "powermta" && one.file != "bench.log" {
			continue // a file has one header
		}
		if s.Len() == 0 {
			head = bouncehouse.FileHead(one.log)
		}
		s.WriteString(one.log)
	}
	return strings.Repeat(s.String(), max(1, 64<<10/s.Len())), head
}

func benchmarkLog(b *testing.B, as, log, head string) {
	p := newParser(b, as)
	c := logChunk("bench", log, 0)
	c.Head = head
	var res bouncehouse.Result
	lines := 0
	b.SetBytes(int64(len(log)))
	b.ReportAllocs()
	for b.Loop() {
		res.Reset()
		bouncehouse.ParseChunk(p, c, &res)
		lines += res.Lines
	}
	b.ReportMetric(float64(lines)/b.Elapsed().Seconds(), "lines/s")
	b.ReportMetric(float64(len(res.Events))/float64(res.Lines), "events/line")
}

// BenchmarkLog reads each format's samples again and again from memory, with
// the format named and found out.
func BenchmarkLog(b *testing.B) {
	for _, f := range lineFormats() {
		log, head := benchLog(b, f.Name)
		for _, as := range []string{f.Name, Auto} {
			b.Run(f.Name+"/"+as, func(b *testing.B) { benchmarkLog(b, as, log, head) })
		}
	}
}

// BenchmarkAuto reads a log to which all systems write in turn, but those
// whose files have a header.
func BenchmarkAuto(b *testing.B) {
	logs := map[string][]string{}
	n := 0
	for _, f := range lineFormats() {
		if log, head := benchLog(b, f.Name); head == "" {
			logs[f.Name] = strings.SplitAfter(log, "\n")
			n = max(n, len(logs[f.Name]))
		}
	}
	var mix strings.Builder
	names := slices.Sorted(maps.Keys(logs))
	for i := range n {
		for _, name := range names {
			mix.WriteString(logs[name][i%len(logs[name])])
		}
	}
	benchmarkLog(b, Auto, mix.String(), "")
}
