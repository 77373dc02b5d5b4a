package main

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/bouncehouse/bouncehouse"
	"github.com/bouncehouse/bouncehouse/enrich"
)

// ruleFile is a user's own rules and providers, without a rebuild; see
// rules.example.yaml.
type ruleFile struct {
	Rules     []userRule     `yaml:"rules"`
	Providers []userProvider `yaml:"providers"`
}

// userRule is an enrich.Rule as it stands in a file.
type userRule struct {
	Name     string   `yaml:"name"`
	Class    string   `yaml:"class"`
	Provider string   `yaml:"provider"`
	Only     bool     `yaml:"only"`
	Code     string   `yaml:"code"`
	Enhanced string   `yaml:"enhanced"`
	Stage    string   `yaml:"stage"`
	All      []string `yaml:"all"`
	None     []string `yaml:"none"`
	Match    string   `yaml:"match"`
	Example  string   `yaml:"example"`
	Ref      string   `yaml:"ref"`
}

// userProvider is an enrich.Known as it stands in a file.
type userProvider struct {
	ID      string   `yaml:"id"`
	Name    string   `yaml:"name"`
	MX      []string `yaml:"mx"`
	Domains []string `yaml:"domains"`
	Help    string   `yaml:"help"`
}

// maxRules bounds the rules in a file: YAML can repeat one by an alias of a few
// bytes.
const maxRules = 10_000

// loadRules reads the rules file at path into o; "" is none. Its errors name
// file and line.
func loadRules(path string, o *enrich.Options) error {
	if path == "" {
		return nil
	}
	data, err := readFile(path)
	if err != nil {
		return fmt.Errorf("read the rules: %w", err)
	}
	var f ruleFile
	if err := parseYAML(data, &f); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if len(f.Rules) > maxRules {
		return fmt.Errorf("%s: %d rules, %d are the most", path, len(f.Rules), maxRules)
	}
	for _, r := range f.Rules {
		o.Rules = append(o.Rules, enrich.Rule{Name: r.Name, Class: bouncehouse.Class(r.Class),
			Provider: bouncehouse.Provider(r.Provider), Only: r.Only,
			Code: r.Code, Enhanced: r.Enhanced, Stage: r.Stage, All: r.All, None: r.None, Match: r.Match,
			Example: r.Example, Ref: r.Ref})
	}
	for i, p := range f.Providers {
		if p.ID == "" || len(p.MX)+len(p.Domains) == 0 {
			return fmt.Errorf("%s: providers: number %d: give an id, and mx or domains", path, i+1)
		}
		o.Known = append(o.Known, enrich.Known{ID: p.ID, Name: p.Name, MX: lowerAll(p.MX), Domains: lowerAll(p.Domains),
			Help: p.Help})
	}
	return nil
}

// goType is what the library says of our Go types, which means nothing to
// who wrote the file.
var goType = regexp.MustCompile(` in type main\.\w+`)

// parseYAML reads YAML over v. An unknown key, a wrong type or a second
// document is an error; all of them are named, each with its line.
func parseYAML(data []byte, v any) error {
	if len(strings.TrimSpace(string(data))) == 0 {
		return nil
	}
	err := yaml.Load(data, v, yaml.WithKnownFields())
	var all *yaml.LoadErrors
	if !errors.As(err, &all) {
		return err
	}
	lines := strings.Split(string(data), "\n")
	var out []error
	for _, e := range all.Errors {
		at := ""
		message := goType.ReplaceAllString(e.Message, "")
		if e.Mark.Line == 0 {
			out = append(out, errors.New(message))
			continue
		}
		if n := e.Mark.Line; n > 0 && n <= len(lines) {
			at = fmt.Sprintf("\n  %4d | %s", n, lines[n-1])
		}
		out = append(out, fmt.Errorf("line %d: %s%s", e.Mark.Line, message, at))
	}
	return errors.Join(out...)
}

func lowerAll(list []string) (out []string) {
	for _, s := range list {
		out = append(out, strings.ToLower(s))
	}
	return out
}

// ruleLines tells where the rules of the file at path begin, by their number
// as enrich.RuleError has it: file and line, or the file alone.
func ruleLines(path string) func(number int) string {
	var doc struct {
		Rules []yaml.Node `yaml:"rules"`
	}
	if data, err := readFile(path); err != nil || yaml.Load(data, &doc) != nil {
		doc.Rules = nil
	}
	return func(number int) string {
		if number < 1 || number > len(doc.Rules) || doc.Rules[number-1].Line == 0 {
			return path
		}
		return fmt.Sprintf("%s:%d", path, doc.Rules[number-1].Line)
	}
}

// classifier makes the classifier of the configuration.
func classifier(c Config) (*enrich.Classifier, error) {
	o := enrich.Options{Egress: c.Egress, Believe: c.Bounces.Trust == trustAll}
	if err := loadRules(c.Rules, &o); err != nil {
		return nil, err
	}
	classify, err := enrich.NewClassifier(o)
	if err == nil || c.Rules == "" {
		return classify, err
	}
	at := c.Rules
	if fault := (*enrich.RuleError)(nil); errors.As(err, &fault) {
		at = ruleLines(c.Rules)(fault.Number)
	}
	return nil, fmt.Errorf("%s: %w", at, err)
}
