package parse

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/bouncehouse/bouncehouse"
	"github.com/bouncehouse/bouncehouse/parse/values"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// A log gives the same events in what a container runtime, compose or grep
// puts around its lines.
func TestWrappedAlike(t *testing.T) {
	wrappings := map[string]func(line string) string{
		"docker": func(line string) string {
			text, err := json.Marshal(line + "\n")
			if err != nil {
				t.Fatal(err)
			}
			return `{"log":` + string(text) + `,"stream":"stdout","time":"2026-11-30T12:00:00.5Z"}`
		},
		"compose": func(line string) string { return "mail_1       | " + line },
	}
	tried := 0
	for _, f := range Formats() {
		if f.mails || f.Name == "exchange" || f.Name == "powermta" { // files with a header: no container's output
			continue
		}
		files, err := filepath.Glob(filepath.Join("testdata", f.Name, "*.log"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			log := string(data)
			if strings.Contains(file, "wrapped") || strings.Contains(file, "hostile") ||
				strings.Contains(file, "headers") || !utf8.ValidString(log) {
				continue
			}
			bare := eventsOf(t, log)
			for name, wrap := range wrappings {
				var b strings.Builder
				for line := range values.Lines(log) {
					if line != "" {
						b.WriteString(wrap(line) + "\n")
					}
				}
				tried++
				got := eventsOf(t, b.String())
				if diff := cmp.Diff(bare, got, cmpopts.IgnoreFields(bouncehouse.Event{}, "Origin", "Time", "Delay",
					"RemoteIP", "LocalIP", "CitedIP", "SubjectIP")); diff != "" {
					t.Errorf("%s in %s (-bare +wrapped):\n%.2000s", file, name, diff)
				}
			}
		}
	}
	if tried < 50 {
		t.Errorf("only %d logs were tried", tried)
	}
}

func eventsOf(t *testing.T, log string) []bouncehouse.Event {
	t.Helper()
	var res bouncehouse.Result
	bouncehouse.ParseChunk(newParser(t, Auto), logChunk("x", log, 0), &res)
	return res.Events
}
