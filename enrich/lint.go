package enrich

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/bouncehouse/bouncehouse"
)

// RuleError is a fault in a rule.
type RuleError struct {
	Rule   string // its name
	Reason string
	Number int // of the user's rules, the first is 1; 0 where it is none of them
}

func (e *RuleError) Error() string {
	if e.Rule == "" && e.Number == 0 {
		return e.Reason
	}
	return fmt.Sprintf("rule %q: %s", e.Rule, e.Reason)
}

// maxLiteral bounds the bytes of a literal: no reply's words are as long.
const maxLiteral = 1000

// validate tells what is wrong with a rule by itself.
func (r *Rule) validate() error {
	var errs []error
	fault := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if r.Name == "" {
		fault("it has no name")
	}
	if !slices.Contains(bouncehouse.Classes(), r.Class) {
		fault("unknown class %q", r.Class)
	}
	if r.Only && r.Provider == "" {
		fault("only without a provider")
	}
	if len(r.All) == 0 && r.Code == "" && r.Enhanced == "" && r.Match == "" {
		fault("it has no condition: give all, code, enhanced or match")
	}
	for _, group := range slices.Concat(r.All, r.None) {
		for _, w := range strings.Split(group, "|") {
			if len(w) > maxLiteral {
				fault("a literal of %d bytes that begins with %q: %d are the most", len(w), w[:20], maxLiteral)
			} else if strings.Trim(w, "_") == "" {
				fault("%q: an empty alternative is in every reply", group)
			} else if w != strings.ToLower(w) {
				fault("%q must be in lower case: case is ignored", w)
			}
		}
	}
	for _, code := range split(r.Code) {
		if code == "" || len(code) > 3 || strings.Trim(code, "0123456789") != "" {
			fault("code %q: give the beginning of a reply code, such as 5 or 550", code)
		}
	}
	for _, code := range split(r.Enhanced) {
		if !enhancedPattern.MatchString(code) {
			fault("enhanced code %q: it must look like 5.7.1, x.7.1 or x.7.*", code)
		}
	}
	for _, stage := range split(r.Stage) {
		if !slices.Contains(bouncehouse.Stages(), bouncehouse.Stage(stage)) {
			fault("unknown stage %q", stage)
		}
	}
	if _, err := regexp.Compile(r.Match); err != nil {
		fault("match: %w", err)
	}
	return errors.Join(errs...)
}

var enhancedPattern = regexp.MustCompile(`^[245x]\.[0-9]{1,3}\.([0-9]{1,3}\*?|\*)$|^[245x]\.\*$`)

// Lint tells every fault of opt's rules: what a rule lacks, and where another
// rule takes its example. notes are what a user may well mean: that a rule of
// theirs takes the example of a built-in one.
func Lint(opt Options) (faults, notes []RuleError) {
	names := map[string]bool{}
	for _, r := range Rules() {
		names[r.Name] = true
	}
	for i, r := range opt.Rules {
		if err := r.validate(); err != nil {
			for line := range strings.Lines(err.Error()) {
				faults = append(faults, RuleError{r.Name, strings.TrimSpace(line), i + 1})
			}
		}
		if names[r.Name] {
			faults = append(faults, RuleError{r.Name, "the name is taken", i + 1})
		}
		names[r.Name] = true
		if r.Example == "" {
			faults = append(faults, RuleError{r.Name, "it has no example: give a real reply that it decides", i + 1})
		}
	}
	if len(faults) > 0 {
		return faults, nil
	}
	c, err := NewClassifier(opt)
	if err != nil {
		return []RuleError{{Reason: err.Error()}}, nil
	}
	for i, r := range slices.Concat(opt.Rules, Rules()) {
		e := c.decide(&r)
		switch own := i < len(opt.Rules); {
		case e.Rule == r.Name:
		case own:
			faults = append(faults,
				RuleError{r.Name, fmt.Sprintf("its example is decided by %s (%s), as %q", orNone(e.Rule), e.Class,
					e.Template), i + 1})
		default:
			notes = append(notes,
				RuleError{r.Name, fmt.Sprintf("the example of this built-in rule (%s) now goes to %s (%s)", r.Class,
					orNone(e.Rule), e.Class), 0})
		}
	}
	return faults, notes
}

// decide is what becomes of the rule's example.
func (c *Classifier) decide(r *Rule) bouncehouse.Event {
	reply := bouncehouse.ParseReply(r.Example)
	e := bouncehouse.Event{Direction: bouncehouse.Outbound, Outcome: bouncehouse.Bounced,
		ReplyCode: reply.Code, EnhancedCode: reply.Enhanced,
		ReplyText: bouncehouse.Clean(reply.Text, bouncehouse.MaxText)}
	if r.Only {
		e.Provider = r.Provider
	}
	if stages := split(r.Stage); len(stages) > 0 {
		e.Stage = bouncehouse.Stage(stages[0])
	}
	events := []bouncehouse.Event{e}
	_ = c.Enrich(context.Background(), &bouncehouse.Result{Events: events}) // it returns no error
	return events[0]
}

func orNone(rule string) string {
	if rule == "" {
		return "no rule"
	}
	return "rule " + rule
}
