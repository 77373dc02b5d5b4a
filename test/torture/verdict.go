package torture

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// stored is what ClickHouse holds after a round.
type stored struct {
	rows     []Attempt // Where is the row's origin
	rollup   map[bucket]sums
	report   map[string]answers
	messages int
	dead     []string // dead letters: place and reason
}

// mostShown bounds how many rows of a kind a verdict names.
const mostShown = 6

// compare is nil where what is stored is what the ledger says, else an error that says what is lacking, doubled,
// changed or made up, and where it was written.
func compare(attempts []Attempt, messages int, s *stored) error {
	want := map[string]*Attempt{}
	for i := range attempts {
		if other := want[attempts[i].key()]; other != nil {
			return fmt.Errorf("the ledger itself has %s twice: %s, %s", other.key(), other.Where, attempts[i].Where)
		}
		want[attempts[i].key()] = &attempts[i]
	}
	have := map[string][]*Attempt{}
	for i := range s.rows {
		have[s.rows[i].key()] = append(have[s.rows[i].key()], &s.rows[i])
	}
	var lost, doubled, changed, unknown list
	for _, a := range attempts {
		rows := have[a.key()]
		switch {
		case len(rows) == 0:
			lost.add(a.Where, "%s of %s, written to %s", a.Outcome, a.key(), a.Where)
		case len(rows) > 1:
			doubled.add(a.Where, "%s of %s, written to %s, is stored %d times: %s", a.Outcome, a.key(), a.Where,
				len(rows), places(rows))
		case !a.same(rows[0]):
			changed.add(a.Where, "%s, written to %s, stored from %s:%s", a.key(), a.Where, rows[0].Where,
				difference(&a, rows[0]))
		}
	}
	for _, key := range slices.Sorted(maps.Keys(have)) {
		if want[key] == nil {
			r := have[key][0]
			unknown.add("", "%s of %s (queue id %s), stored from %s", r.Outcome, key, r.QueueID, places(have[key]))
		}
	}
	faults := []error{lost.err("lost"), doubled.err("doubled"), changed.err("changed"),
		unknown.err("not in the ledger")}
	faults = append(faults, differ("attempts_5m", rollup(attempts), s.rollup),
		differ("report", report(attempts), s.report))
	if s.messages != messages {
		faults = append(faults, fmt.Errorf("%d messages are stored, must be %d", s.messages, messages))
	}
	if n := len(s.dead); n > 0 {
		some := strings.Join(s.dead[:min(n, mostShown)], "\n  ")
		faults = append(faults, fmt.Errorf("%d dead letters, where none is expected:\n  %s", n, some))
	}
	return errors.Join(faults...)
}

// list counts what is wrong, by where it was written, and remembers the first of it.
type list struct {
	n     int
	files map[string]int
	lines []string
}

// add counts one; place is a file, and what stands in it behind a comma.
func (l *list) add(place, format string, args ...any) {
	if l.n++; l.n <= mostShown {
		l.lines = append(l.lines, fmt.Sprintf(format, args...))
	}
	if l.files == nil {
		l.files = map[string]int{}
	}
	l.files[place[:max(0, strings.LastIndexByte(place, ','))]]++
}

func (l *list) err(what string) error {
	if l.n == 0 {
		return nil
	}
	var files []string
	for _, file := range slices.Sorted(maps.Keys(l.files)) {
		if file != "" {
			files = append(files, fmt.Sprintf("%s: %d", file, l.files[file]))
		}
	}
	where := ""
	if len(files) > 0 {
		where = " (" + strings.Join(files, "; ") + ")"
	}
	return fmt.Errorf("%d %s%s:\n  %s", l.n, what, where, strings.Join(l.lines, "\n  "))
}

func places(rows []*Attempt) string {
	var all []string
	for _, r := range rows {
		all = append(all, r.Where)
	}
	return strings.Join(all, ", ")
}

// difference names the fields in which a row is not what was written.
func difference(want, have *Attempt) string {
	var b strings.Builder
	field := func(name string, w, h any) {
		if w != h {
			fmt.Fprintf(&b, " %s %q, not %q", name, fmt.Sprint(h), fmt.Sprint(w))
		}
	}
	field("queue_id", want.QueueID, have.QueueID)
	field("sender", want.Sender, have.Sender)
	field("message_id", want.MessageID, have.MessageID)
	field("client", want.Client, have.Client)
	field("outcome", want.Outcome, have.Outcome)
	field("reply_code", want.Code, have.Code)
	field("enhanced_code", want.Enhanced, have.Enhanced)
	field("provider", want.Provider, have.Provider)
	field("counted", want.Counted, have.Counted)
	return b.String()
}

// differ compares two tables of figures.
func differ[K comparable, V comparable](name string, want, have map[K]V) error {
	var wrong list
	keys := slices.Collect(maps.Keys(want))
	for k := range have {
		if _, ok := want[k]; !ok {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, func(a, b K) int { return cmp.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	for _, k := range keys {
		if want[k] != have[k] {
			wrong.add("", "%+v: %+v, must be %+v", k, have[k], want[k])
		}
	}
	return wrong.err("figures of " + name + " are not the ledger's")
}
