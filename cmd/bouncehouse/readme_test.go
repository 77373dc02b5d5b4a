package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/google/go-cmp/cmp"

	"github.com/bouncehouse/bouncehouse"
	"github.com/bouncehouse/bouncehouse/enrich"
	"github.com/bouncehouse/bouncehouse/ingest"
	"github.com/bouncehouse/bouncehouse/parse"
)

// The README shows what parse makes of its log lines.
func TestReadme(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	block := func(after string) string {
		_, rest, found := strings.Cut(string(readme), after)
		if !found {
			t.Fatalf("the README does not say %q", after)
		}
		var b strings.Builder
		for line := range strings.Lines(strings.TrimLeft(rest, "\n")) {
			text, indented := strings.CutPrefix(line, "    ")
			if !indented {
				break
			}
			b.WriteString(text)
		}
		return b.String()
	}
	var want map[string]any
	if err := json.Unmarshal([]byte(block("the same object is a row of the table `events`):")), &want); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "mail.log")
	if err := os.WriteFile(path, []byte(block("log lines of a Postfix server go in:")), 0o644); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	cmd := parseCmd{Format: "auto", Host: "mx1", Timezone: "UTC", Files: []string{path}}
	if err := cmd.Run(&app{ctx: t.Context(), stdout: &out, stderr: io.Discard,
		log: slog.New(slog.DiscardHandler)}); err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatalf("%v: %s", err, out.Bytes())
	}
	// The id tells the path of the log, too: the README has that of /var/log/mail.log on mx1.
	var o bouncehouse.Origin
	if err := ingest.ReadFile(t.Context(), path, ingest.Options{Host: "mx1"}, func(c *bouncehouse.Chunk) error {
		for r := range c.Records {
			o = r.Origin()
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if got["event_id"] != o.ID() {
		t.Errorf("event_id %s, want %s", got["event_id"], o.ID())
	}
	o.Stream = "mx1:/var/log/mail.log"
	got["event_id"] = o.ID()
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// The README names every command and class, and how many providers there are.
func TestReadmeIsWhole(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, c := range bouncehouse.Classes() {
		want = append(want, "`"+string(c)+"`")
	}
	for _, f := range parse.Formats() {
		want = append(want, "`"+f.Name+"`")
	}
	want = append(want, fmt.Sprintf("%d are known by name", len(enrich.Providers())))
	var c cli
	k, err := kong.New(&c, vars())
	if err != nil {
		t.Fatal(err)
	}
	for _, leaf := range k.Model.Leaves(true) {
		if leaf.Path() != "clickhouse serve" { // said as clickhouse
			want = append(want, "`"+leaf.Path())
		}
	}
	for _, w := range want {
		if !strings.Contains(string(readme), w) {
			t.Errorf("the README does not say %s", w)
		}
	}
}

// The README's rules file is a good one.
func TestReadmeRules(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, after, ok := strings.Cut(string(readme), "\n    rules:\n")
	text, _, ended := strings.Cut(after, "\n\n")
	if !ok || !ended {
		t.Fatal("no rules in the README")
	}
	path := filepath.Join(t.TempDir(), "rules.yaml")
	if err := os.WriteFile(path, []byte("rules:\n"+strings.ReplaceAll("\n"+text, "\n    ", "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	var o enrich.Options
	if err := loadRules(path, &o); err != nil {
		t.Fatal(err)
	}
	if len(o.Rules) != 1 || len(o.Known) != 1 {
		t.Errorf("%d rules, %d providers", len(o.Rules), len(o.Known))
	}
	if faults, _ := enrich.Lint(o); len(faults) > 0 {
		t.Error(faults)
	}
}
