package torture

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
	"time"
)

// Attempt is what a row of events must hold.
type Attempt struct {
	Source    string // postfix or dsn
	Host      string // of a log line; a mail's is that of whoever reads it
	Time      int64  // ms since 1970, unique to a line of a host; 0: not compared
	Recipient string
	QueueID   string
	Sender    string
	MessageID string
	Client    string
	Outcome   string
	Code      int
	Enhanced  string
	Provider  string
	Counted   int

	Where string // file and offset, for people
	Apart bool   // the earlier lines of its message may not have been known
}

// key tells attempts apart: no two lines of a host have the same time, and no two mails the same recipient.
func (a *Attempt) key() string {
	return fmt.Sprintf("%s %s %d %s", a.Source, a.Host, a.Time, a.Recipient)
}

// same tells whether all but the place is equal in what was written and what is stored of it.
func (a *Attempt) same(stored *Attempt) bool {
	x, y := *a, *stored
	x.Where, y.Where, x.Apart, y.Apart = "", "", false, false
	for _, f := range [][2]*string{{&x.Sender, &y.Sender}, {&x.MessageID, &y.MessageID}, {&x.Client, &y.Client}} {
		if a.Apart && *f[1] == "" {
			*f[0] = ""
		}
	}
	return x == y
}

// Ledger is the truth: every attempt that stands in a log as a whole line, or as a whole mail in a mailbox.
type Ledger struct {
	mu       sync.Mutex
	attempts []Attempt
	messages int
}

// Add enters what was just written.
func (l *Ledger) Add(attempts ...Attempt) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.attempts = append(l.attempts, attempts...)
}

// Arrived counts a message whose arrival (its line of the queue manager) was just written.
func (l *Ledger) Arrived() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.messages++
}

// Len is how many attempts there are.
func (l *Ledger) Len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.attempts)
}

// Messages is how many messages arrived.
func (l *Ledger) Messages() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.messages
}

// Attempts are all attempts in the order of their times.
func (l *Ledger) Attempts() []Attempt {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := slices.Clone(l.attempts)
	slices.SortStableFunc(all, func(a, b Attempt) int { return cmp.Compare(a.Time, b.Time) })
	return all
}

// bucket names a row of the rollup attempts_5m, as far as the ledger knows it.
type bucket struct {
	start    int64 // seconds since 1970
	provider string
	outcome  string
	enhanced string
}

// sums are a bucket's columns.
type sums struct{ attempts, events int }

// rollup is what attempts_5m must hold of the log lines. A mail's time is no business of the ledger.
func rollup(attempts []Attempt) map[bucket]sums {
	const width = int64(5 * time.Minute / time.Millisecond)
	out := map[bucket]sums{}
	for i := range attempts {
		a := &attempts[i]
		if a.Time == 0 {
			continue
		}
		b := bucket{(a.Time - a.Time%width) / 1000, a.Provider, a.Outcome, a.Enhanced}
		s := out[b]
		s.attempts += a.Counted
		s.events++
		out[b] = s
	}
	return out
}

// answers are what `report --json` says of a provider.
type answers struct {
	Attempts  int `json:"attempts"`
	Delivered int `json:"delivered"`
	Deferred  int `json:"deferred"`
	Bounced   int `json:"bounced"`
	Expired   int `json:"expired"`
}

// report is what the report must say.
func report(attempts []Attempt) map[string]answers {
	out := map[string]answers{}
	for i := range attempts {
		a := &attempts[i]
		if a.Counted == 0 {
			continue
		}
		p := out[a.Provider]
		p.Attempts++
		switch a.Outcome {
		case "delivered":
			p.Delivered++
		case "deferred":
			p.Deferred++
		case "bounced":
			p.Bounced++
		case "expired":
			p.Expired++
		}
		out[a.Provider] = p
	}
	return out
}
