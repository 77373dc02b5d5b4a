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
	Files    []string `arg:"" optional:"" name:"file" help:"Log files, mboxes, Maildirs, bounce mails, directories of them; - is standard input."`
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
	options, err := parseOptions(c)
	if err != nil {
		return err
	}
	if _, err := parse.New(cmd.Format, options); err != nil {
		return fmt.Errorf("%w: --format: %w", errWrongUse, err)
	}
	if len(cmd.Files) == 0 {
		if f, ok := a.stdin.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
			return fmt.Errorf("%w: name the files to parse, or pipe one in", errWrongUse)
		}
		cmd.Files = []string{"-"}
	}

	found, err := ingest.Expand(cmd.Files)
	if err != nil {
		return err
	}
	classify, err := classifier(c)
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(a.stdout, 64<<10)
	p := &printer{enc: json.NewEncoder(out), classify: classify, taken: map[string]int{}}
	p.enc.SetEscapeHTML(false)
	bar := newFileBar(a, found.Files)
	begin := time.Now()
	var failed []error
	for _, name := range found.Files {
		parser, err := parse.New(cmd.Format, options)
		if err != nil {
			return err
		}
		o := ingest.Options{Host: c.Host, Zone: c.Timezone, Log: a.log}
		before := p.total
		clear(p.taken)
		err = ingest.ReadFile(a.ctx, name, o, func(chunk *bouncehouse.Chunk) error {
			if cmd.Year != 0 {
				chunk.Ref = time.Date(cmd.Year, 12, 31, 23, 59, 59, 0, time.UTC)
			}
			bar.read(len(chunk.Data))
			return p.print(a, parser, chunk)
		})
		if p.err != nil || a.ctx.Err() != nil {
			bar.close()
			if a.ctx.Err() == nil {
				return p.err
			}
			if err := out.Flush(); err != nil {
				return fmt.Errorf("write events: %w", err)
			}
			return fmt.Errorf("stopped before the end, after %d records and %d events", p.total.records, p.total.events)
		}
		bar.next()
		if err != nil {
			failed = append(failed, err)
		} else if st, err := os.Stat(name); err == nil && st.Size() == 0 && st.Mode().IsRegular() {
			a.log.Warn("the file is empty", "path", name)
		}
		p.sum.file(name, p.taken, before, p.total)
	}
	bar.close()
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write events: %w", err)
	}
	p.sum.print(a.stderr, p.total, found.Skipped, time.Since(begin))
	return errors.Join(failed...)
}

// printer turns chunks into JSON lines.
type printer struct {
	enc      *json.Encoder
	classify *enrich.Classifier
	res      bouncehouse.Result
	total    counts
	taken    map[string]int // of the file: how many records were read as what
	sum      summary
	err      error // of the output: nothing more is worth reading
}

// counts is what was read.
type counts struct{ records, events, unread, doubted, dead int }

func (p *printer) print(a *app, parser bouncehouse.Parser, chunk *bouncehouse.Chunk) error {
	if p.err = a.ctx.Err(); p.err != nil {
		return p.err
	}
	p.res.Reset()
	bouncehouse.ParseChunk(parser, chunk, &p.res)
	if p.err = p.classify.Enrich(a.ctx, &p.res); p.err != nil {
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
	for _, t := range p.res.Taken {
		p.taken[readAs(t)] += t.Records
		if chunk.Kind == bouncehouse.Mail {
			a.log.Debug("read as: "+readAs(t), "file", chunk.File, "offset", chunk.Offset)
		}
	}
	if chunk.Kind == bouncehouse.Mail && len(p.res.Events)+len(p.res.Dead) == 0 {
		a.log.Debug("a mail that is no report of a delivery", "file", chunk.File, "offset", chunk.Offset)
	}
	p.total.records += p.res.Lines
	p.total.events += len(p.res.Events)
	p.total.unread += p.res.Unread
	p.total.doubted += p.res.Doubted
	p.total.dead += len(p.res.Dead)
	p.sum.lines(p.res.Samples)
	return nil
}
