package schemas_test

import (
	"encoding/json"
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"net/netip"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/bouncehouse/bouncehouse"
	"github.com/bouncehouse/bouncehouse/schemas"
)

var update = flag.Bool("update", false, "write event.schema.json anew")

// eventColumns are the names of the Event's columns, as its tags say.
func eventColumns(t reflect.Type) []string {
	var names []string
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Anonymous {
			names = append(names, eventColumns(f.Type)...)
			continue
		}
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if column := f.Tag.Get("column"); column != "" {
			name = column
		}
		if name != "-" {
			names = append(names, name)
		}
	}
	return names
}

var (
	definition = regexp.MustCompile(`(?m)^    ([a-z][a-z0-9_]*) +[A-Z]`)
	added      = regexp.MustCompile(`ALTER TABLE bouncehouse\.events .*(?:ADD COLUMN IF NOT EXISTS|MODIFY COLUMN IF EXISTS) ([a-z0-9_]+)`)
)

// tableColumns are the names of the columns that the migrations give the
// events table, but for the computed ones.
func tableColumns(t *testing.T) []string {
	t.Helper()
	ms, err := schemas.Migrations("")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, m := range ms {
		for _, s := range m.Statements {
			if strings.Contains(s, "TABLE IF NOT EXISTS bouncehouse.events ") {
				for _, d := range definition.FindAllStringSubmatch(s, -1) {
					if d[1] != "event_id" {
						names = append(names, d[1])
					}
				}
			}
			if a := added.FindStringSubmatch(s); a != nil && !strings.Contains(s, " ALIAS ") &&
				!slices.Contains(names, a[1]) {
				names = append(names, a[1])
			}
		}
	}
	return names
}

// TestOneEvent holds the Event's tags, the table's columns and the JSON Schema
// to one another.
func TestOneEvent(t *testing.T) {
	event := reflect.TypeFor[bouncehouse.Event]()
	sorted := cmpopts.SortSlices(strings.Compare) // their order is nobody's concern
	if diff := cmp.Diff(eventColumns(event), tableColumns(t), sorted); diff != "" {
		t.Errorf("columns (-Event +table):\n%s", diff)
	}
	want := schema(t, event)
	if *update {
		if err := os.WriteFile("event.schema.json", want, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(want), string(schemas.EventJSON)); diff != "" {
		t.Errorf("event.schema.json is not as the Event says; go test ./schemas -update writes it (-want +got):\n%s",
			diff)
	}
}

// schema makes the JSON Schema of the Event; what a field means stands beside
// it in event.go.
func schema(t *testing.T, event reflect.Type) []byte {
	t.Helper()
	comments := fieldComments(t)
	properties := map[string]any{}
	var required []string
	for i := range event.NumField() {
		f := event.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "-" {
			continue
		}
		p := property(t, f.Type)
		if c := comments[f.Name]; c != "" {
			p["description"] = c
		}
		properties[name] = p
		if !strings.Contains(options, "omit") {
			required = append(required, name)
		}
	}
	b, err := json.MarshalIndent(map[string]any{
		"$schema":              "https://json-schema.org/draft/2020-12/schema",
		"title":                "bouncehouse event",
		"description":          "What became of one delivery attempt for one recipient; or one refusal of a client by our own server; or one recipient block of a bounce mail; or one complaint. Absent means unknown.",
		"type":                 "object",
		"properties":           properties,
		"required":             required,
		"additionalProperties": false,
	}, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return append(b, '\n')
}

func property(t *testing.T, typ reflect.Type) map[string]any {
	t.Helper()
	switch typ {
	case reflect.TypeFor[time.Time]():
		return map[string]any{"type": "string", "format": "date-time"}
	case reflect.TypeFor[netip.Addr]():
		return map[string]any{"type": "string", "anyOf": []any{map[string]any{"format": "ipv4"},
			map[string]any{"format": "ipv6"}}}
	case reflect.TypeFor[bouncehouse.Delay]():
		return map[string]any{"type": "number", "minimum": 0}
	case reflect.TypeFor[bouncehouse.Direction]():
		return map[string]any{"enum": []any{bouncehouse.Outbound, bouncehouse.Inbound}}
	case reflect.TypeFor[bouncehouse.Stage]():
		return map[string]any{"enum": bouncehouse.Stages()}
	case reflect.TypeFor[bouncehouse.Outcome]():
		return map[string]any{"enum": bouncehouse.Outcomes()}
	case reflect.TypeFor[bouncehouse.System]():
		return map[string]any{"enum": bouncehouse.Systems()}
	case reflect.TypeFor[bouncehouse.Class]():
		return map[string]any{"enum": bouncehouse.Classes()}
	case reflect.TypeFor[bouncehouse.RDNSStatus]():
		return map[string]any{"enum": bouncehouse.RDNSStatuses()}
	case reflect.TypeFor[bouncehouse.DSNOrigin]():
		return map[string]any{"enum": bouncehouse.DSNOrigins()}
	}
	switch typ.Kind() {
	case reflect.String:
		return map[string]any{"type": "string"}
	case reflect.Bool:
		return map[string]any{"type": "boolean"}
	case reflect.Uint16:
		return map[string]any{"type": "integer", "minimum": 0, "maximum": 65535}
	case reflect.Slice:
		return map[string]any{"type": "array", "items": property(t, typ.Elem())}
	}
	t.Fatalf("no JSON Schema for %s", typ)
	return nil
}

// fieldComments reads what stands behind the Event's fields, or above them.
func fieldComments(t *testing.T) map[string]string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "../event.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	comments := map[string]string{}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.TypeSpec)
		if !ok || spec.Name.Name != "Event" {
			return true
		}
		for _, f := range spec.Type.(*ast.StructType).Fields.List {
			for _, name := range f.Names {
				text := f.Comment.Text()
				if text == "" {
					text = f.Doc.Text()
				}
				comments[name.Name] = strings.Join(strings.Fields(text), " ")
			}
		}
		return false
	})
	if len(comments) == 0 {
		t.Fatal("no Event in ../event.go")
	}
	return comments
}

// TestParsedEventFits holds an event as it is printed to the schema's names.
func TestParsedEventFits(t *testing.T) {
	var s struct {
		Properties map[string]any
		Required   []string
	}
	if err := json.Unmarshal(schemas.EventJSON, &s); err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(bouncehouse.Event{Delay: bouncehouse.Delay{Known: true}, RemoteIP: netip.IPv6Loopback(),
		URLs: []string{"x"}, Repeat: true})
	if err != nil {
		t.Fatal(err)
	}
	var printed map[string]any
	if err := json.Unmarshal(b, &printed); err != nil {
		t.Fatal(err)
	}
	for name := range printed {
		if s.Properties[name] == nil {
			t.Errorf("%s is printed and not in the schema", name)
		}
	}
	for _, name := range s.Required {
		if _, ok := printed[name]; !ok {
			t.Errorf("%s is required and left out of a bare event", name)
		}
	}
}

// repeatable are the shapes of statements that may run twice, or side by side
// in two processes.
var repeatable = regexp.MustCompile(`^(CREATE (DATABASE|TABLE) IF NOT EXISTS|CREATE OR REPLACE VIEW|DROP (TABLE|VIEW) IF EXISTS|` +
	`ALTER TABLE \S+ (ON CLUSTER \S+ )?(ADD (COLUMN|INDEX|PROJECTION) IF NOT EXISTS|DROP (COLUMN|INDEX|PROJECTION) IF EXISTS|MODIFY SETTING|MODIFY COLUMN IF EXISTS|` +
	`MATERIALIZE INDEX IF EXISTS|UPDATE counted = 0\s+WHERE))`)

func TestMigrationsAreRepeatable(t *testing.T) {
	ms, err := schemas.Migrations("")
	if err != nil {
		t.Fatal(err)
	}
	if len(ms) < 5 {
		t.Fatalf("%d migrations", len(ms))
	}
	for _, m := range ms {
		for i, s := range m.Statements {
			if !repeatable.MatchString(s) {
				t.Errorf("%04d_%s, statement %d cannot be run twice:\n%s", m.Version, m.Name, i+1, s)
			}
		}
	}
}

func TestCluster(t *testing.T) {
	ms, err := schemas.Migrations("mail`s")
	if err != nil {
		t.Fatal(err)
	}
	engine := regexp.MustCompile(`ENGINE = (\w*)`)
	for _, m := range ms {
		for _, s := range m.Statements {
			if !strings.Contains(s, "ON CLUSTER `mail\\`s`") {
				t.Errorf("not on the cluster:\n%s", s)
			}
			if e := engine.FindStringSubmatch(s); e != nil && !strings.HasPrefix(e[1], "Replicated") {
				t.Errorf("engine %s is not replicated", e[1])
			}
		}
	}
}

func TestSplit(t *testing.T) {
	for text, want := range map[string][]string{
		"":                            nil,
		" ; ;\n":                      nil,
		"SELECT 1":                    {"SELECT 1"},
		"SELECT 1; SELECT 2;":         {"SELECT 1", "SELECT 2"},
		"SELECT 'a;b', \"c;d\", `e;`": {"SELECT 'a;b', \"c;d\", `e;`"},
		`SELECT 'it''s; \';'; x`:      {`SELECT 'it''s; \';'`, "x"},
		"a -- not; this 'one\n; b":    {"a", "b"},
		"a /* nor; ' this */ b; c":    {"a   b", "c"},
		"-- only a comment":           nil,
		"SELECT '-- /*'; b":           {"SELECT '-- /*'", "b"},
		"x - -1; a / b":               {"x - -1", "a / b"},
	} {
		got, err := schemas.Split(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
	for _, text := range []string{"SELECT 'a", "SELECT `a;", `SELECT 'a\'`, "a /* b"} {
		if got, err := schemas.Split(text); err == nil {
			t.Errorf("%q: %q", text, got)
		}
	}
}
