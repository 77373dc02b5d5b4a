package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/term"

	"github.com/bouncehouse/bouncehouse"
	"github.com/bouncehouse/bouncehouse/enrich"
	"github.com/bouncehouse/bouncehouse/ingest"
	"github.com/bouncehouse/bouncehouse/parse"
)

type parseCmd struct {
	baseFlags
	Format   string   `default:"auto" placeholder:"NAME" help:"Format of the files: auto, or one of ${formats} (default auto)."`
	Host     string   `placeholder:"NAME" help:"Name of the mail server, for lines that name none (default: this machine's)."`
	Timezone string   `placeholder:"ZONE" help:"Time zone of stamps that have none, such as Asia/Shanghai (default: this machine's)."`
	Year     int      `placeholder:"N" help:"Year of the last stamp, for logs without a year (default: by the file's time)."`
	Files    []string `arg:"" optional:"" name:"file" help:"Log files, mboxes, bounce mails; - is standard input."`
}

// nothingFound is said where records were read and none told of an attempt.
const nothingFound = "None of it tells of a delivery attempt. Is it the log of a mail system that bouncehouse knows? bouncehouse parse --help names them."

// parsedEvent is an event as it is printed: with its id, which the table
// computes of its own.
type parsedEvent struct {
	EventID string `json:"event_id"`
	*bouncehouse.Event
}

func (cmd *parseCmd) Run(a *app) error {
	c, err := cmd.config(a)
	if err != nil {
		return err
	}
	if cmd.Host != "" {
		c.Host = cmd.Host
	}
	if cmd.Timezone != "" {
		c.Timezone = cmd.Timezone
	}
	if err := c.Validate(); err != nil {
		return fmt.Errorf("%w: %w", errWrongUse, err)
	}
	if cmd.Year != 0 && (cmd.Year < 1980 || cmd.Year > 2200) {
		return fmt.Errorf("%w: --year %d: must lie between 1980 and 2200", errWrongUse, cmd.Year)
	}
	options := parse.Options{Hosts: c.Hosts, Domains: c.Domains}
	if _, err := parse.New(cmd.Format, options); err != nil {
		return fmt.Errorf("%w: --format: %w", errWrongUse, err)
	}
	if len(cmd.Files) == 0 {
		if f, ok := a.stdin.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
			return fmt.Errorf("%w: name the files to parse, or pipe one in", errWrongUse)
		}
		cmd.Files = []string{"-"}
	}

	classify, err := enrich.NewClassifier(enrich.Options{Egress: c.Egress})
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(a.stdout, 64<<10)
	p := &printer{enc: json.NewEncoder(out), classify: classify}
	p.enc.SetEscapeHTML(false)
	var failed []error
	for _, name := range cmd.Files {
		parser, err := parse.New(cmd.Format, options)
		if err != nil {
			return err
		}
		o := ingest.Options{Host: c.Host, Zone: c.Timezone, Log: a.log}
		err = ingest.ReadFile(name, o, func(chunk *bouncehouse.Chunk) error {
			if cmd.Year != 0 {
				chunk.Ref = time.Date(cmd.Year, 12, 31, 23, 59, 59, 0, time.UTC)
			}
			return p.print(a, parser, chunk)
		})
		if p.err != nil || a.ctx.Err() != nil {
			return errors.Join(p.err, a.ctx.Err())
		}
		if err != nil {
			failed = append(failed, err)
		} else if st, err := os.Stat(name); err == nil && st.Size() == 0 && st.Mode().IsRegular() {
			a.log.Warn("the file is empty", "path", name)
		}
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write events: %w", err)
	}
	fmt.Fprintf(a.stderr, "%d records, %d events", p.records, p.events)
	if p.unread > 0 {
		fmt.Fprintf(a.stderr, ", %d not understood", p.unread)
	}
	if p.dead > 0 {
		fmt.Fprintf(a.stderr, ", %d unreadable", p.dead)
	}
	fmt.Fprintln(a.stderr)
	if p.records > 0 && p.events == 0 && p.dead == 0 {
		fmt.Fprintln(a.stderr, nothingFound)
	}
	return errors.Join(failed...)
}

// printer turns chunks into JSON lines.
type printer struct {
	enc                           *json.Encoder
	classify                      *enrich.Classifier
	res                           bouncehouse.Result
	records, events, unread, dead int
	err                           error // of the output: nothing more is worth reading
}

func (p *printer) print(a *app, parser bouncehouse.Parser, chunk *bouncehouse.Chunk) error {
	if p.err = a.ctx.Err(); p.err != nil {
		return p.err
	}
	p.res.Reset()
	bouncehouse.ParseChunk(parser, chunk, &p.res)
	if p.err = p.classify.Enrich(a.ctx, p.res.Events); p.err != nil {
		return p.err
	}
	for i := range p.res.Events {
		e := &p.res.Events[i]
		if err := p.enc.Encode(parsedEvent{e.ID(), e}); err != nil {
			p.err = fmt.Errorf("write events: %w", err)
			return p.err
		}
	}
	for i := range p.res.Dead {
		d := &p.res.Dead[i]
		a.log.Warn("unreadable", "file", d.File, "offset", d.Offset, "reason", d.Reason)
	}
	p.records += p.res.Lines
	p.events += len(p.res.Events)
	p.unread += p.res.Unread
	p.dead += len(p.res.Dead)
	return nil
}
