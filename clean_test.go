package bouncehouse

import (
	"reflect"
	"strings"
	"testing"
	"unicode"
)

// The short way of acts is Unicode's tables' answer.
func TestActsAsTabled(t *testing.T) {
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if acts(r) != tabled(r) {
			t.Fatalf("%U: %v", r, acts(r))
		}
	}
}

// A long plain text is cut where it stands.
func TestCleanCuts(t *testing.T) {
	long := strings.Repeat("550 no ", MaxText)
	if got := Clean(long, MaxText); got != long[:MaxText] {
		t.Errorf("%d bytes", len(got))
	}
	if n := testing.AllocsPerRun(10, func() { Clean(long, MaxText) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// Every field that holds strangers' words is cleaned: what a parser fills, and what enrichers add. Closed lists are
// held to their values by the sink, and the names of a chunk are our files'.
func TestCleanHasEveryField(t *testing.T) {
	const raw, clean = "a\x1b[31m\u202eb", "a\ufffd[31m\ufffdb"
	ours := map[string]bool{"Stream": true, "FileID": true, "File": true, "Source": true, "Direction": true,
		"Stage": true, "Outcome": true,
		"Class": true, "RDNSStatus": true, "DSNOrigin": true}
	fields := func(record any, want string) {
		v := reflect.ValueOf(record).Elem()
		for _, f := range reflect.VisibleFields(v.Type()) {
			at := v.FieldByIndex(f.Index)
			strs := []reflect.Value{at}
			if f.Type.Kind() == reflect.Slice && f.Type.Elem().Kind() == reflect.String {
				if at.IsNil() {
					at.Set(reflect.MakeSlice(f.Type, 2, 2))
				}
				strs = []reflect.Value{at.Index(0), at.Index(1)}
			} else if f.Type.Kind() != reflect.String {
				continue
			}
			for _, s := range strs {
				if want == "" {
					s.SetString(raw)
				} else if !ours[f.Name] && s.String() != want {
					t.Errorf("%T.%s: %q", record, f.Name, s)
				}
			}
		}
	}
	var e Event
	fields(&e, "")
	e.clean()
	e.cleanAdded()
	fields(&e, clean)
	var a Arrival
	fields(&a, "")
	a.clean()
	fields(&a, clean)
	// Elements of Events and Arrivals are what leaves; a dead letter is made of cleaned words.
	d := deadLetter(&Record{Chunk: &Chunk{Host: raw, File: raw, Stream: raw, FileID: raw}, Text: raw}, raw)
	fields(&d, clean)
}
