// Package parse makes events of what mail servers write: log lines and
// bounce mails. One file a format; all of it is pure: no I/O, no clock, no
// logging. What a reply means (class, provider, remedy) is told elsewhere:
// parsers say who answered what, at which step, for whom.
package parse

import (
	"fmt"
	"strings"

	"github.com/bouncehouse/bouncehouse"
)

// Options is what parsers must be told of our own servers.
type Options struct {
	Hosts   []string // names of our own mail servers: a bounce mail that one of them made is local
	Domains []string // our sender domains
}

// Format is one row of the table of formats.
type Format struct {
	Name string
	// Sniff tells by its own words whether head (a log line or several, or
	// the beginning of a mail) is of this format. What it cannot tell from
	// these words alone it denies.
	Sniff func(head string) bool
	// New makes the parser of one stream.
	New func(Options) bouncehouse.Parser
	// entries, where set, makes the parser of a format that stands behind
	// syslog headers, one header reader being shared by all of them.
	entries func(Options) entryParser
	// mails is set where a record is a whole mail, not a line.
	mails bool
}

// Formats returns the table of formats, in the order in which they are asked.
func Formats() []Format {
	return []Format{
		{Name: "postfix", Sniff: sniffPostfix, New: newPostfix, entries: newPostfixEntries},
		{Name: "dsn", Sniff: sniffDSN, New: newDSN, mails: true},
	}
}

// Auto is the name of the format that finds out line by line.
const Auto = "auto"

// New makes the parser of one stream for the named format. Auto sends mails
// to dsn and each line to the format that knows it.
func New(name string, o Options) (bouncehouse.Parser, error) {
	if name == Auto {
		return &auto{options: o, formats: Formats()}, nil
	}
	names := []string{Auto}
	for _, f := range Formats() {
		if f.Name == name {
			return f.New(o), nil
		}
		names = append(names, f.Name)
	}
	return nil, fmt.Errorf("unknown format %q: use one of %s", name, strings.Join(names, ", "))
}

// entryParser is a format that stands behind syslog headers.
type entryParser interface {
	// parseEntry appends what e tells to res; mine is false where e comes
	// from a program of another system.
	parseEntry(r bouncehouse.Record, h *headReader, e *entry, res *bouncehouse.Result) (mine bool, err error)
}

// auto asks every record for itself whose it is, so that the answer depends
// neither on how the stream was cut nor on where reading began: several
// systems may write to one log.
type auto struct {
	options Options
	formats []Format
	head    headReader
	entry   entry
	syslog  []entryParser                 // in the order of formats; nil until the first line
	others  map[string]bouncehouse.Parser // by the format's name
}

func (a *auto) Parse(r bouncehouse.Record, res *bouncehouse.Result) error {
	mail := r.Kind == bouncehouse.Mail
	if !mail {
		if mine, err := a.parseSyslog(r, res); mine || err != nil {
			return err
		}
	}
	for i := range a.formats {
		if f := &a.formats[i]; f.entries == nil && f.mails == mail && (mail || f.Sniff(r.Text)) {
			return a.parser(f).Parse(r, res)
		}
	}
	return nil
}

// parseSyslog reads a line's header once and offers what is behind it to
// each format that stands behind one.
func (a *auto) parseSyslog(r bouncehouse.Record, res *bouncehouse.Result) (mine bool, err error) {
	if a.syslog == nil {
		for i := range a.formats {
			if f := &a.formats[i]; f.entries != nil {
				a.syslog = append(a.syslog, f.entries(a.options))
			}
		}
	}
	if !a.head.read(&r, &a.entry) {
		return false, nil
	}
	for _, p := range a.syslog {
		if mine, err = p.parseEntry(r, &a.head, &a.entry, res); mine || err != nil {
			break
		}
	}
	a.entry = entry{} // its strings are the chunk's, which must not outlive the batch
	return mine, err
}

// parser returns the stream's one parser of a format that is not syslog.
func (a *auto) parser(f *Format) bouncehouse.Parser {
	p := a.others[f.Name]
	if p == nil {
		if a.others == nil {
			a.others = map[string]bouncehouse.Parser{}
		}
		p = f.New(a.options)
		a.others[f.Name] = p
	}
	return p
}
