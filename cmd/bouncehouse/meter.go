package main

import (
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/bouncehouse/bouncehouse"
	"github.com/bouncehouse/bouncehouse/ingest"
	"github.com/cheggaaa/pb/v3"
)

// meter counts what went through, and shows the progress of a long drain
// where stderr is a terminal.
type meter struct {
	app      *app
	progress func() (done, total int64) // bytes, or messages
	messages bool
	stores   bool // events into ClickHouse, not chunks into Kafka
	begin    time.Time
	quit     chan struct{}
	drawn    sync.WaitGroup

	mu                                              sync.Mutex
	records, events, unread, doubted, dead, batches int
	warned                                          bool // of records that are not believed
}

// newMeter makes the meter of sources that are files.
func newMeter(a *app, sources []ingest.Source, stores bool) *meter {
	m := &meter{app: a, progress: func() (done, total int64) {
		for _, s := range sources {
			d, t := s.Progress()
			done, total = done+d, total+t
		}
		return done, total
	}, stores: stores}
	m.start()
	return m
}

// newKafkaMeter makes that of a consumer, which tells each minute in which it is behind how far that is.
func newKafkaMeter(a *app, k *ingest.Kafka) *meter {
	m := &meter{app: a, progress: k.Progress, messages: true, stores: true}
	m.start()
	m.drawn.Go(m.tell)
	return m
}

func (m *meter) start() {
	m.begin, m.quit = time.Now(), make(chan struct{})
	if f, width := terminal(m.app.stderr); width > 0 {
		m.drawn.Go(func() { m.draw(f) })
	}
}

// tell logs how far it is behind.
func (m *meter) tell() {
	tick := time.NewTicker(time.Minute)
	defer tick.Stop()
	for {
		select {
		case <-m.quit:
			return
		case <-tick.C:
		}
		if done, total := m.progress(); done < total {
			m.app.log.Info("behind", "messages", total-done, "done", done)
		}
	}
}

// observe is called by every loop after a commit.
func (m *meter) observe(_ bouncehouse.Batch, res *bouncehouse.Result) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.batches++
	m.records += res.Lines
	m.events += len(res.Events)
	m.unread += res.Unread
	m.doubted += res.Doubted
	if res.Doubted > 0 && !m.warned {
		m.warned = true // once: who writes them may write many
		m.app.log.Warn("records of the journal are not believed: "+doubtedHint, "records", res.Doubted)
	}
	m.dead += len(res.Dead)
}

// draw shows bytes, speed, time left and lines until all sources have been
// read to their end once.
func (m *meter) draw(f *os.File) {
	const tmpl = `{{ counters . }} {{ bar . }} {{ percent . }} {{ speed . "%s/s" " " }} {{ string . "lines" }} {{ rtime . "ETA %s" "in %s" " " }}`
	done, total := m.progress()
	for m.messages && total == 0 { // it is yet to join its group
		select {
		case <-m.quit:
			return
		case <-time.After(200 * time.Millisecond):
		}
		done, total = m.progress()
	}
	if done >= total {
		return
	}
	bar := pb.New64(total).SetTemplateString(tmpl).SetWriter(f).Set(pb.Bytes, !m.messages).Set(pb.CleanOnFinish,
		true).SetRefreshRate(200 * time.Millisecond)
	bar.Start()
	defer bar.Finish()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		done, total = m.progress()
		m.mu.Lock()
		lines := m.records
		m.mu.Unlock()
		bar.SetTotal(total).SetCurrent(done).Set("lines", fmt.Sprintf("%d lines", lines))
		if done >= total {
			return
		}
		select {
		case <-m.quit:
			return
		case <-tick.C:
		}
	}
}

// close ends the drawing and tells what was done.
func (m *meter) close() {
	close(m.quit)
	m.drawn.Wait()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.stores {
		fmt.Fprintf(m.app.stderr, "%d records read, %d events in ClickHouse", m.records, m.events)
	} else {
		fmt.Fprintf(m.app.stderr, "%d chunks sent", m.batches)
	}
	if m.unread > 0 {
		fmt.Fprintf(m.app.stderr, ", %s not understood", plural(m.unread, "line"))
	}
	if m.doubted > 0 {
		fmt.Fprintf(m.app.stderr, ", %s of the journal not believed", plural(m.doubted, "record"))
	}
	if m.dead > 0 {
		fmt.Fprintf(m.app.stderr, ", %s (bouncehouse deadletter list)", plural(m.dead, "dead letter"))
	}
	fmt.Fprintf(m.app.stderr, ", in %s\n", time.Since(m.begin).Round(10*time.Millisecond))
	if m.stores && m.records > 0 && m.events == 0 && m.dead == 0 && m.app.ctx.Err() == nil {
		fmt.Fprintln(m.app.stderr, nothingFound)
	}
}

func plural(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
