package bounce

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/bouncehouse/bouncehouse"
	"github.com/bouncehouse/bouncehouse/parse/parsetest"
	"github.com/google/go-cmp/cmp"
)

// dsnOptions are the names under which the golden mails know us.
var dsnOptions = Options{Hosts: []string{"mx1.example.com"}, Domains: []string{"example.com"}}

// parseDSN runs one mail through the parser and returns its events as JSON
// lines, or the reason of its dead letter.
func parseDSN(t testing.TB, o Options, text string) (bouncehouse.Result, string) {
	t.Helper()
	c := bouncehouse.Chunk{Stream: "s", Kind: bouncehouse.Mail, Host: "mx1.example.com", Data: text,
		Ref: time.Date(2026, 11, 3, 9, 0, 0, 0, time.UTC)}
	var res bouncehouse.Result
	bouncehouse.ParseChunk(New(o), &c, &res)
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	for _, e := range res.Events {
		if err := enc.Encode(e); err != nil {
			t.Fatal(err)
		}
	}
	for _, d := range res.Dead {
		fmt.Fprintf(&out, "{\"dead\":%q}\n", d.Reason)
	}
	return res, out.String()
}

// dsnGoldens are the golden mails, by name.
func dsnGoldens(t testing.TB) map[string]string {
	t.Helper()
	names, err := filepath.Glob("testdata/*/*.eml")
	if err != nil || len(names) == 0 {
		t.Fatal("no golden mails", err)
	}
	mails := map[string]string{}
	for _, n := range names {
		b, err := os.ReadFile(n)
		if err != nil {
			t.Fatal(err)
		}
		mails[strings.TrimSuffix(filepath.Base(n), ".eml")] = string(b)
	}
	return mails
}

func TestDSNGolden(t *testing.T) {
	for name, mail := range dsnGoldens(t) {
		t.Run(name, func(t *testing.T) {
			res, got := parseDSN(t, dsnOptions, mail)
			got = fmt.Sprintf("{\"read_as\":%q}\n", res.Taken[0].Dialect) + got
			folder := folderOf(res.Taken[0].Dialect)
			file := filepath.Join("testdata", folder, name+".jsonl")
			if _, err := os.Stat(filepath.Join("testdata", folder, name+".eml")); err != nil {
				t.Errorf("the sample lies elsewhere than its dialect's: %v", err)
			}
			if *parsetest.Update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
		})
	}
}

// folderOf is the folder of a dialect's samples.
func folderOf(dialect string) string {
	if dialect == "" {
		return "none"
	}
	return strings.Trim(regexp.MustCompile(`[^a-z0-9]+`).ReplaceAllString(strings.ToLower(dialect), "-"), "-")
}

// Each dialect, and each system of the table of gateways, has a sample.
func TestDialectsHaveSamples(t *testing.T) {
	var names []string
	for _, d := range dialects() {
		if d.name != "gateway" {
			names = append(names, d.name)
		}
	}
	for i := range gatewayForms {
		names = append(names, gatewayForms[i].name)
	}
	for _, name := range names {
		if found, _ := filepath.Glob(filepath.Join("testdata", folderOf(name), "*.eml")); len(found) == 0 {
			t.Errorf("%s has no sample", name)
		}
	}
}
