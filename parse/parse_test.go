package parse

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/bouncehouse/bouncehouse"
)

// Each format has its samples, and no samples are without a format.
func TestFormatsHaveSamples(t *testing.T) {
	var names []string
	for _, f := range Formats() {
		names = append(names, f.Name)
		dir := filepath.Join("testdata", f.Name)
		if f.mails {
			dir = "bounce/testdata"
		}
		if _, err := os.Stat(filepath.Join(dir, "README.md")); err != nil {
			t.Errorf("format %s: %v", f.Name, err)
		}
	}
	folders, err := os.ReadDir("testdata")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range folders {
		if d.Name() != "fuzz" && !strings.Contains(" "+strings.Join(names, " ")+" ", " "+d.Name()+" ") {
			t.Errorf("testdata/%s: no such format", d.Name())
		}
	}
}

func TestNewUnknown(t *testing.T) {
	p, err := New("sendmial", Options{})
	if p != nil || err == nil {
		t.Fatalf("got %v, %v", p, err)
	}
	for _, f := range append(Formats(), Format{Name: Auto}) {
		if !strings.Contains(err.Error(), f.Name) {
			t.Errorf("%q does not name %s", err, f.Name)
		}
		if p, err := New(f.Name, Options{}); p == nil || err != nil {
			t.Errorf("New(%q): %v, %v", f.Name, p, err)
		}
	}
}

// A mail is never read as lines, nor a line as a mail.
func TestAutoKinds(t *testing.T) {
	line := "Sep  2 16:49:15 mx1 postfix/smtp[1]: 4F2D1A0C3B: to=<a@b.example>, relay=none, delay=1, dsn=5.0.0, status=bounced (no)\n"
	mail, err := os.ReadFile("bounce/testdata/rfc-3464/gmail.eml")
	if err != nil {
		t.Fatal(err)
	}
	p := newParser(t, Auto)
	for _, test := range []struct {
		kind   bouncehouse.Kind
		data   string
		source bouncehouse.System
	}{
		{bouncehouse.Lines, line, bouncehouse.Postfix},
		{bouncehouse.Mail, line, ""},
		{bouncehouse.Mail, string(mail), bouncehouse.DSN},
		{bouncehouse.Lines, string(mail), ""},
	} {
		c := logChunk("x", test.data, 0)
		c.Kind = test.kind
		var res bouncehouse.Result
		bouncehouse.ParseChunk(p, c, &res)
		var source bouncehouse.System
		if len(res.Events) > 0 {
			source = res.Events[0].Source
		}
		if source != test.source {
			t.Errorf("%s %.20q...: source %q, want %q", test.kind, test.data, source, test.source)
		}
	}
}
