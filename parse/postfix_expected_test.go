package parse

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/bouncehouse/bouncehouse"
)

// expectation is a line of testdata/postfix/expected.jsonl: what a reader of
// the line says of it, written without regard to this parser. Only fields
// that are there count.
type expectation struct {
	File     string   `json:"file"`
	Events   *int     `json:"events"`
	ReplyHas []string `json:"reply_has"`
	ReplyNot []string `json:"reply_not"`
	Absent   []string `json:"absent"`
	fields   map[string]any
}

func TestPostfixExpected(t *testing.T) {
	b, err := os.ReadFile("testdata/postfix/expected.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	logs := map[string]string{}
	for _, s := range samples(t, "postfix") {
		logs[s.file] = s.log
	}
	events := map[string][]map[string]any{}
	for line := range bytes.Lines(b) {
		var want expectation
		if err := json.Unmarshal(line, &want); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(line, &want.fields); err != nil {
			t.Fatal(err)
		}
		got, ok := events[want.File]
		if !ok {
			got = jsonEvents(t, want.File, logs[want.File])
		}
		if want.Events != nil {
			if len(got) != *want.Events {
				t.Errorf("%s: %d events, want %d", want.File, len(got), *want.Events)
			}
			continue
		}
		if len(got) == 0 {
			t.Errorf("%s: no event for %s", want.File, line)
			continue
		}
		events[want.File] = got[1:]
		want.check(t, got[0])
	}
	for file, left := range events {
		if len(left) > 0 {
			t.Errorf("%s: %d events too many", file, len(left))
		}
	}
}

func jsonEvents(t *testing.T, file, log string) (events []map[string]any) {
	var res bouncehouse.Result
	bouncehouse.ParseChunk(newParser(t, Auto), logChunk(file, log, 0), &res)
	for i := range res.Events {
		b, err := json.Marshal(&res.Events[i])
		if err != nil {
			t.Fatal(err)
		}
		var e map[string]any
		if err := json.Unmarshal(b, &e); err != nil {
			t.Fatal(err)
		}
		events = append(events, e)
	}
	return events
}

func (want *expectation) check(t *testing.T, got map[string]any) {
	text, _ := got["reply_text"].(string)
	for _, s := range want.ReplyHas {
		if !strings.Contains(text, s) {
			t.Errorf("%s: reply %q lacks %q", want.File, text, s)
		}
	}
	for _, s := range want.ReplyNot {
		if strings.Contains(text, s) {
			t.Errorf("%s: reply %q has %q", want.File, text, s)
		}
	}
	for _, field := range want.Absent {
		if v, ok := got[field]; ok {
			t.Errorf("%s: %s is %v, want none", want.File, field, v)
		}
	}
	for field, value := range want.fields {
		switch field {
		case "file", "order", "reply_has", "reply_not", "absent":
			continue
		}
		any, ok := value.([]any)
		if !ok {
			any = append(any, value)
		}
		right := false
		for _, v := range any {
			if f, ok := v.(float64); ok {
				g, _ := got[field].(float64)
				right = right || math.Abs(f-g) < 0.005
			} else if field == "time" {
				w, _ := time.Parse(time.RFC3339, fmt.Sprint(v))
				g, _ := time.Parse(time.RFC3339, fmt.Sprint(got[field]))
				right = right || !w.IsZero() && w.Sub(g).Abs() < 2*time.Millisecond
			} else {
				right = right || v == got[field]
			}
		}
		if !right {
			t.Errorf("%s: %s of %v is %v, want %v", want.File, field, got["recipient"], got[field], value)
		}
	}
}
