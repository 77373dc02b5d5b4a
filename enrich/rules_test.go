package enrich

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bouncehouse/bouncehouse"
)

// Every rule decides its own example: else another rule stands before it, or
// it does not say what it means.
func TestRules(t *testing.T) {
	c, err := NewClassifier(Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range Rules() {
		if err := r.validate(); err != nil {
			t.Errorf("%s: %v", r.Name, err)
		}
		if e := c.decide(&r); e.Rule != r.Name || e.Class != r.Class {
			t.Errorf("%s (%s): its example went to %s (%s)\n\t%s\n\t%s", r.Name, r.Class, e.Rule, e.Class, r.Example,
				e.Template)
		}
		if r.Example == "" || r.Ref == "" {
			t.Errorf("%s: no example, or no word of where it is from", r.Name)
		}
		if r.Match != "" {
			t.Errorf("%s: a built-in rule needs no regular expression", r.Name)
		}
	}
}

func TestLint(t *testing.T) {
	good := Rule{Name: "acme-quota", Class: bouncehouse.MailboxFull, Provider: "acme", All: []string{"acme storage"},
		Example: "552 Acme storage is exhausted"}
	with := func(change func(*Rule)) []Rule {
		r := good
		change(&r)
		return []Rule{r}
	}
	for _, tt := range []struct {
		rules []Rule
		want  []string // of each fault
	}{
		{[]Rule{good}, nil},
		{with(func(r *Rule) { r.Match = `storage is [a-z]+$` }), nil},
		{with(func(r *Rule) { r.Match = `storage was [a-z]+$` }), []string{"its example is decided by"}},
		{with(func(r *Rule) { r.Match = `storage is (` }), []string{"missing closing )"}},
		{with(func(r *Rule) { r.Class = "mailbox-ful" }), []string{`unknown class "mailbox-ful"`}},
		{with(func(r *Rule) { r.Example = "" }), []string{"no example"}},
		{with(func(r *Rule) { r.Name = Rules()[0].Name }), []string{"the name is taken"}},
		{with(func(r *Rule) { r.All = nil }), []string{"no condition"}},
		{with(func(r *Rule) { r.All = []string{"acme|"} }), []string{"empty alternative"}},
		{with(func(r *Rule) { r.All = []string{"Acme"} }), []string{"lower case"}},
		{with(func(r *Rule) { r.Code, r.Enhanced, r.Stage = "55x", "5.2", "rset" }),
			[]string{"code \"55x\"", "enhanced code \"5.2\"", "unknown stage"}},
		{with(func(r *Rule) { r.Only, r.Provider = true, "" }), []string{"only without a provider"}},
		{append(with(func(r *Rule) { r.Name = "first" }), good), []string{"its example is decided by rule first"}},
		{append(with(func(r *Rule) {}), good), []string{"the name is taken"}},
	} {
		faults, _ := Lint(Options{Rules: tt.rules})
		var got []string
		for _, f := range faults {
			got = append(got, f.Reason)
		}
		if !cmp.Equal(tt.want, got,
			cmp.Comparer(func(a, b string) bool { return strings.Contains(a, b) || strings.Contains(b, a) })) {
			t.Errorf("%+v\n\tfaults %q, want %q", tt.rules, got, tt.want)
		}
	}
	_, notes := Lint(Options{Rules: []Rule{{Name: "mine", Class: bouncehouse.Policy, All: []string{"_"},
		Match: `user unknown`, Example: "550 User unknown"}}})
	if len(notes) > 0 {
		t.Errorf("a faulty rule has notes: %v", notes)
	}
	_, notes = Lint(Options{Rules: []Rule{{Name: "mine", Class: bouncehouse.Policy, Match: `greylisted`,
		Example: "450 Greylisted by me"}}})
	if len(notes) == 0 {
		t.Error("a rule that takes a built-in one's example has no note")
	}
}
