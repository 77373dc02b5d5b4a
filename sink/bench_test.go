package sink

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bouncehouse/bouncehouse"
)

// traffic makes events as a busy server has them: few servers, providers and
// reasons; many recipients, queue ids and reply texts.
func traffic(n int, file string) []bouncehouse.Event {
	r := rand.New(rand.NewPCG(1, 2))
	hosts := []string{"gmail-smtp-in.l.google.com", "mx3.qq.com", "example-com.mail.protection.outlook.com",
		"mta7.am0.yahoodns.net", "mx.example.net"}
	kinds := []struct {
		outcome  bouncehouse.Outcome
		class    bouncehouse.Class
		code     uint16
		enhanced string
		text     string
	}{
		{bouncehouse.Delivered, bouncehouse.ClassDelivered, 250, "2.0.0", "OK  1700000000 d2e1a72fcca58-%x.si - gsmtp"},
		{bouncehouse.Delivered, bouncehouse.ClassDelivered, 250, "", "Ok: queued as %x"},
		{bouncehouse.Deferred, bouncehouse.RateLimited, 421, "4.7.0",
			"Our system has detected an unusual rate of unsolicited mail originating from your IP address (%x). - gsmtp"},
		{bouncehouse.Bounced, bouncehouse.NoSuchUser, 550, "5.1.1",
			"The email account that you tried to reach does not exist. %x - gsmtp"},
	}
	events := make([]bouncehouse.Event, n)
	for i := range events {
		h, k := r.IntN(len(hosts)), kinds[[]int{0, 0, 0, 0, 1, 1, 1, 1, 2, 3}[r.IntN(10)]]
		e := &events[i]
		*e = attempt(int64(i)*310, noon.Add(time.Duration(i)*20*time.Millisecond))
		e.FileID = file
		e.QueueID = fmt.Sprintf("4%010X", r.Uint64()>>24)
		e.MessageID = fmt.Sprintf("%016x@mail.example.com", r.Uint64())
		e.Sender = fmt.Sprintf("bounce-%d@news.example.com", r.IntN(1000))
		e.Recipient = fmt.Sprintf("user%d@example.net", r.IntN(5_000_000))
		e.Client = fmt.Sprintf("app%d.example.com[10.0.0.%d]", i%7, i%7)
		e.RemoteHost = hosts[h]
		e.RemoteIP = netip.AddrFrom4([4]byte{203, 0, 113, byte(r.IntN(250))})
		e.LocalIP = netip.AddrFrom4([4]byte{192, 0, 2, byte(i % 4)})
		e.SubjectIP = e.LocalIP
		e.Outcome, e.Class, e.ReplyCode, e.EnhancedCode = k.outcome, k.class, k.code, k.enhanced
		e.ReplyText, e.Template = fmt.Sprintf(k.text, r.Uint64()), k.text
		e.Provider = bouncehouse.Provider([]string{"google", "tencent", "microsoft", "yahoo", ""}[h])
		e.Rule, e.TLS, e.RDNS, e.RDNSStatus = string(k.class), "TLSv1.3", "out.example.com", bouncehouse.RDNSOK
	}
	return events
}

// BenchmarkGather is this package's own part of a write: validation and
// columns.
func BenchmarkGather(b *testing.B) {
	events := traffic(20_000, "f")
	columns := eventColumns()
	b.ReportAllocs()
	for b.Loop() {
		good, _ := sift(bouncehouse.Batch{ID: "b"}, events)
		var g gatherer
		for some := range slices.Chunk(good, cacheRows) {
			for i := range columns {
				columns[i].gather(&g, some)
			}
		}
	}
	b.ReportMetric(float64(b.N*len(events))/b.Elapsed().Seconds(), "events/s")
}

// BenchmarkWrite writes batches into the embedded engine, fsync and all.
func BenchmarkWrite(b *testing.B) {
	for _, size := range []int{5_000, 50_000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			s, c := store(b)
			events := traffic(size, "f")
			n := 0
			b.ReportAllocs()
			own, its := cpuTime(b, os.Getpid()), cpuTime(b, s.pid())
			for b.Loop() {
				n++
				for i := range events {
					events[i].FileID = fmt.Sprintf("f%d", n)
				}
				if err := c.Write(b.Context(), bouncehouse.Batch{ID: fmt.Sprintf("bench-%d", n)},
					&bouncehouse.Result{Events: events}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(n*size)/b.Elapsed().Seconds(), "events/s")
			b.ReportMetric((cpuTime(b, os.Getpid())-own)*1e6/float64(n*size), "own-cpu-µs/event")
			b.ReportMetric((cpuTime(b, s.pid())-its)*1e6/float64(n*size), "engine-cpu-µs/event")
		})
	}
}

// BenchmarkProve is the share of BenchmarkWrite's time that goes into the proof
// of a batch's events.
func BenchmarkProve(b *testing.B) {
	for _, size := range []int{5_000, 50_000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			_, c := store(b)
			events := traffic(size, "f")
			var proof time.Duration
			n := 0
			for b.Loop() {
				n++
				for i := range events {
					events[i].FileID = fmt.Sprintf("f%d", n)
				}
				if err := c.insertEvents(b.Context(), "bench", fmt.Sprintf("bench-%d", n),
					pointers(events)); err != nil {
					b.Fatal(err)
				}
				begin := time.Now()
				if err := prove(b.Context(), c, eventsTable(), pointers(events)); err != nil {
					b.Fatal(err)
				}
				proof += time.Since(begin)
			}
			b.ReportMetric(100*proof.Seconds()/b.Elapsed().Seconds(), "%proof")
		})
	}
}

// cpuTime is how many seconds a process has used: a figure that a busy machine
// does not spoil.
func cpuTime(b *testing.B, pid int) float64 {
	b.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0 // not Linux
	}
	_, after, _ := strings.Cut(string(stat), ") ")
	fields := strings.Fields(after)
	var ticks float64
	for _, f := range fields[11:13] { // utime and stime, proc(5)
		n, err := strconv.ParseFloat(f, 64)
		if err != nil {
			b.Fatal(err)
		}
		ticks += n
	}
	return ticks / 100
}
