// Package parse makes events of what mail servers write: log lines and
// bounce mails. One file a format; all of it is pure: no I/O, no clock, no
// logging. What a reply means (class, provider, remedy) is told elsewhere:
// parsers say who answered what, at which step, for whom.
package parse

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/bouncehouse/bouncehouse"
	"github.com/bouncehouse/bouncehouse/parse/bounce"
)

// Options is what parsers must be told of our own servers.
type Options struct {
	Hosts    []string     // names of our own mail servers: a bounce mail that one of them made is local
	Domains  []string     // our sender domains
	Egress   []netip.Addr // addresses of our own mail servers: what comes from them is not from outside
	BATVKeys [][]byte     // with which our mail's envelope senders are tagged
	Journal  Journal      // whose records of the journal are believed
}

// Format is one row of the table of formats.
type Format struct {
	Name string
	// Sniff tells by its own words whether a log line without a syslog header,
	// the header of a file or the beginning of a mail is of this format. What
	// it cannot tell from these words alone it denies, by the first bytes
	// where it can: auto asks it of every line. nil where no line of the
	// format stands without such a header.
	Sniff func(head string) bool
	// New makes the parser of one stream.
	New func(Options) bouncehouse.Parser
	// syslog is set where lines of the format may stand behind syslog headers:
	// what New returns is an entryParser then too. Auto reads the header once
	// for all of them.
	syslog bool
	// plain is set where what Sniff knows is surely no line behind such a
	// header: auto asks it before it looks for one, which costs more.
	plain bool
	// mails is set where a record is a whole mail, not a line.
	mails bool
}

// Formats returns the table of formats, in the order in which they are asked.
func Formats() []Format {
	return []Format{
		{Name: "postfix", New: newPostfix, syslog: true},
		{Name: "exim", Sniff: sniffExim, New: newExim, syslog: true, plain: true},
		{Name: "sendmail", New: newSendmail, syslog: true},
		{Name: "opensmtpd", Sniff: sniffOpenSMTPD, New: newOpenSMTPD, syslog: true},
		{Name: "qmail", Sniff: sniffQmail, New: newQmail, syslog: true},
		{Name: "courier", New: newCourier, syslog: true},
		{Name: "haraka", Sniff: sniffHaraka, New: newHaraka, syslog: true, plain: true},
		{Name: "zonemta", Sniff: sniffZoneMTA, New: newZoneMTA, syslog: true},
		{Name: "exchange", Sniff: sniffExchange, New: newExchange, plain: true},
		{Name: "hmailserver", Sniff: sniffHMailServer, New: newHMailServer, plain: true},
		{Name: "mdaemon", Sniff: sniffMDaemon, New: newMDaemon, plain: true},
		{Name: "powermta", Sniff: sniffPowerMTA, New: newPowerMTA, plain: true},
		{Name: "kumomta", Sniff: sniffKumoMTA, New: newKumoMTA, plain: true},
		{Name: bounce.Format, Sniff: bounce.Sniff, New: newMails, mails: true},
	}
}

// Auto is the name of the format that finds out line by line.
const Auto = "auto"

// New makes the parser of one stream for the named format. Auto sends mails
// to dsn and each line to the format that knows it.
func New(name string, o Options) (bouncehouse.Parser, error) {
	if name == Auto {
		formats := Formats()
		return &auto{
			options: o, head: headReader{journal: o.Journal}, formats: formats,
			parsers: make([]bouncehouse.Parser, len(formats)),
			mails:   slices.IndexFunc(formats, func(f Format) bool { return f.mails }),
		}, nil
	}
	names := []string{Auto}
	for _, f := range Formats() {
		switch {
		case f.Name == name && f.mails:
			return f.New(o), nil // which tells the dialect, too
		case f.Name == name:
			return &named{f.New(o), name}, nil
		}
		names = append(names, f.Name)
	}
	return nil, fmt.Errorf("unknown format %q: use one of %s", name, strings.Join(names, ", "))
}

// named is the parser of a format that was asked for by its name: whatever
// comes is of it.
type named struct {
	bouncehouse.Parser
	format string
}

func (p *named) Parse(r bouncehouse.Record, res *bouncehouse.Result) error {
	res.Take(p.format, "")
	return p.Parser.Parse(r, res)
}

// entryParser is a format that stands behind syslog headers.
type entryParser interface {
	// parseEntry appends what e tells to res; mine is false where e comes
	// from a program of another system.
	parseEntry(r bouncehouse.Record, h *headReader, e *entry, res *bouncehouse.Result) (mine bool, err error)
}

// headed is the parser of a format whose lines stand behind syslog headers
// only.
type headed struct {
	entryParser
	head  headReader
	entry entry
}

func newHeaded(o Options, p entryParser) bouncehouse.Parser {
	return &headed{entryParser: p, head: headReader{journal: o.Journal}}
}

func (p *headed) Parse(r bouncehouse.Record, res *bouncehouse.Result) (err error) {
	if p.head.read(&r, &p.entry, res) {
		_, err = p.parseEntry(r, &p.head, &p.entry, res)
	}
	p.entry = entry{} // its strings are the chunk's, which must not outlive the batch
	return err
}

// auto asks every record for itself whose it is, so that the answer depends
// neither on how the stream was cut nor on where reading began: several
// systems may write to one log. Where a file's head names its format (a CSV
// with a header), its lines are of that.
type auto struct {
	options Options
	formats []Format
	head    headReader
	entry   entry
	parsers []bouncehouse.Parser // beside formats; nil until needed
	syslog  []entryParser        // of parsers, those behind syslog headers; nil until the first line
	places  []int                // beside syslog: the format's place
	mails   int                  // the place of the format that reads mails

	top   string // the head that was asked last
	named int    // the format that it names, or -1
}

func (a *auto) Parse(r bouncehouse.Record, res *bouncehouse.Result) error {
	err := a.parse(r, res)
	a.entry = entry{} // as headed.Parse
	return err
}

func (a *auto) parse(r bouncehouse.Record, res *bouncehouse.Result) error {
	if r.Kind == bouncehouse.Mail {
		return a.parser(a.mails).Parse(r, res)
	}
	if r.Head != "" {
		if i := a.nameHead(r.Head); i >= 0 {
			return a.pass(i, r, res)
		}
	}
	// Nothing but syslog begins with such a stamp, and most lines do.
	if s := r.Text; len(s) < 16 || s[3] != ' ' || s[6] != ' ' || s[9] != ':' || s[12] != ':' {
		if i := a.sniff(s, true); i >= 0 {
			return a.pass(i, r, res)
		}
	}
	if a.head.read(&r, &a.entry, res) {
		return a.parseEntry(r, res)
	}
	if i := a.sniff(r.Text, false); i >= 0 {
		return a.pass(i, r, res)
	}
	if a.entry.inner == "" {
		return nil
	}
	r, err := a.unwrapped(r)
	if err != nil {
		return err
	}
	for _, plain := range [...]bool{true, false} {
		if i := a.sniff(r.Text, plain); i >= 0 {
			return a.pass(i, r, res)
		}
	}
	return nil
}

// pass gives a line to a format.
func (a *auto) pass(i int, r bouncehouse.Record, res *bouncehouse.Result) error {
	res.Take(a.formats[i].Name, "")
	return a.parser(i).Parse(r, res)
}

// sniff returns the format that knows a line, or -1.
func (a *auto) sniff(text string, plain bool) int {
	for i := range a.formats {
		if f := &a.formats[i]; f.plain == plain && !f.mails && f.Sniff != nil && f.Sniff(text) {
			return i
		}
	}
	return -1
}

// nameHead returns the format whose header stands at the file's beginning, or -1.
func (a *auto) nameHead(head string) int {
	if a.top == head {
		return a.named
	}
	a.top, a.named = strings.Clone(head), -1
	for i := range a.formats {
		if f := &a.formats[i]; !f.mails && !f.syslog && f.Sniff(head) {
			a.named = i
			break
		}
	}
	return a.named
}

// parseEntry offers what is behind a syslog header to each format that stands
// behind one.
func (a *auto) parseEntry(r bouncehouse.Record, res *bouncehouse.Result) error {
	if a.syslog == nil {
		for i := range a.formats {
			if a.formats[i].syslog {
				a.syslog = append(a.syslog, a.parser(i).(entryParser))
				a.places = append(a.places, i)
			}
		}
	}
	for i, p := range a.syslog {
		if mine, err := p.parseEntry(r, &a.head, &a.entry, res); mine || err != nil {
			res.Take(a.formats[a.places[i]].Name, "")
			return err
		}
	}
	return nil
}

// unwrapped is what stands in r's wrapping. The wrapping's stamp becomes the
// reference, which a line without a stamp of its own takes.
func (a *auto) unwrapped(r bouncehouse.Record) (bouncehouse.Record, error) {
	r.Text = a.entry.inner
	if a.entry.stamp.kind != stampNone {
		at, err := a.head.clock.time(&r, &a.entry.stamp)
		if err != nil {
			return r, err
		}
		c := *r.Chunk
		c.Ref = at
		r.Chunk = &c
	}
	return r, nil
}

// parser returns the stream's one parser of a format.
func (a *auto) parser(i int) bouncehouse.Parser {
	if a.parsers[i] == nil {
		a.parsers[i] = a.formats[i].New(a.options)
	}
	return a.parsers[i]
}

func newMails(o Options) bouncehouse.Parser {
	return bounce.New(bounce.Options{Hosts: o.Hosts, Domains: o.Domains, Egress: o.Egress, BATVKeys: o.BATVKeys})
}

// newRefusal appends the event that our own server refused a client; id is ""
// where the log names none.
func newRefusal(res *bouncehouse.Result, source bouncehouse.System, at time.Time, host, id string) *bouncehouse.Event {
	ev := newEvent(res, source)
	ev.Time, ev.Host, ev.QueueID = at, host, id
	ev.Direction, ev.Outcome, ev.Counted = bouncehouse.Inbound, bouncehouse.Rejected, true
	return ev
}

// newAttempt appends the event that our server has tried to deliver.
func newAttempt(res *bouncehouse.Result, source bouncehouse.System, at time.Time, host, id string,
	outcome bouncehouse.Outcome) *bouncehouse.Event {
	ev := newEvent(res, source)
	ev.Time, ev.Host, ev.QueueID = at, host, id
	ev.Direction, ev.Outcome, ev.Counted = bouncehouse.Outbound, outcome, true
	return ev
}

// newEvent appends an empty event of that system.
func newEvent(res *bouncehouse.Result, source bouncehouse.System) *bouncehouse.Event {
	res.Events = append(res.Events, bouncehouse.Event{Source: source})
	return &res.Events[len(res.Events)-1]
}
