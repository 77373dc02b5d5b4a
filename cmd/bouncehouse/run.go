package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/bouncehouse/bouncehouse"
	"github.com/bouncehouse/bouncehouse/enrich"
	"github.com/bouncehouse/bouncehouse/ingest"
	"github.com/bouncehouse/bouncehouse/parse"
)

// How run is wired; ingest and process are the same loop cut in two:
//
//	run:      file, Maildir, mbox → parse → context, class, DNS → ClickHouse
//	ingest:   file, Maildir, mbox ────────────────────────────→ Kafka
//	process:  Kafka → parse → context, class, DNS ────────────→ ClickHouse
//
// One goroutine and one loop per source or partition.
type runCmd struct {
	dataFlags
	sourceFlags
	Once bool `help:"Read what is there and stop."`
}

// sourceFlags are those of the commands that read files.
type sourceFlags struct {
	Paths []string `arg:"" optional:"" name:"path" help:"Logs, Maildirs, mboxes, bounce mails, or directories that hold them at the start (default: the configuration's paths, else the usual places)."`
}

const (
	runChunk   = 16 << 20  // what one insert is made of; bigger is faster: each costs the engine about 25 ms
	kafkaChunk = 256 << 10 // uncompressed, well below a broker's limit of a message
	allChunks  = 64 << 20  // of all sources together; a batch under way takes some 15 times its chunk's memory
)

func (cmd *runCmd) Run(a *app) error {
	c, err := cmd.config(a)
	if err != nil {
		return err
	}
	unlock, err := lockState(c.State)
	if err != nil {
		return err
	}
	defer unlock()
	sources, bad, err := cmd.open(a, c, cmd.Once, runChunk)
	if err != nil {
		return err
	}
	defer closeAll(sources)
	store, stop, err := openStore(a, c)
	if err != nil {
		return ended(a.ctx, err, cmd.Once)
	}
	defer stop()
	egress := c.Egress
	if len(egress) == 0 && !cmd.Once {
		egress = publicAddrs()
	}
	stages, stopStages, err := processing(a, c, egress, store.Context())
	if err != nil {
		return err
	}
	defer stopStages()

	meter := newMeter(a, sources, true)
	var none unknown
	observe := func(b bouncehouse.Batch, res *bouncehouse.Result) {
		meter.observe(b, res)
		none.observe(b, res)
	}
	pipe := &bouncehouse.Pipeline{Parser: stages.parser, Enrichers: stages.enrichers, Sink: store, Log: a.log,
		Trace: bouncehouse.Trace{Begin: crashHook(), Committed: observe}, FullTries: fullTries(cmd.Once)}
	err = runAll(a.ctx, pipe, sources, cmd.Once, none.ended)
	meter.close()
	if n := store.Lost(); n > 0 {
		bad = errors.Join(bad, fmt.Errorf("ClickHouse has lost rows, in %s: see above", plural(n, "damaged part")))
	}
	if len(none.paths) > 0 && len(sources) > 1 {
		slices.Sort(none.paths)
		fmt.Fprintln(a.stderr, "No mail system known in", some(none.paths))
	}
	return errors.Join(bad, ended(a.ctx, err, cmd.Once))
}

// fullTries bounds how long a full disk is waited for: one that reads what is
// there, half a minute; who follows, as long as it takes.
func fullTries(once bool) int {
	if once {
		return 6
	}
	return 0
}

// unknown finds the streams of which no format takes anything.
type unknown struct {
	mu    sync.Mutex
	read  map[string]bool // the streams that gave records, and whether a format took any
	paths []string        // of those that ended without
}

// observe is called after each commit.
func (u *unknown) observe(b bouncehouse.Batch, res *bouncehouse.Result) {
	if res.Lines == 0 || len(b.Chunks) == 0 {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.read == nil {
		u.read = map[string]bool{}
	}
	stream := b.Chunks[len(b.Chunks)-1].Stream
	u.read[stream] = u.read[stream] || len(res.Taken) > 0
}

// ended is called when a stream has been read to its end.
func (u *unknown) ended(stream string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if known, read := u.read[stream]; read && !known {
		_, path, _ := strings.Cut(stream, ":")
		u.paths = append(u.paths, path)
	}
	delete(u.read, stream)
}

// errStopped is of run and ingest with --once.
var errStopped = errors.New("stopped before the end: the next run goes on from there")

// open opens the sources that arguments, configuration or the usual places
// name. What cannot be opened is told in bad, and the rest goes on; with
// nothing left it is an error.
func (f *sourceFlags) open(a *app, c Config, once bool, chunk int) (sources []ingest.Source, bad, err error) {
	paths := f.Paths
	if len(paths) == 0 {
		paths = c.Paths
	}
	usual := len(paths) == 0
	if usual {
		if paths = ingest.UsualPlaces(); len(paths) == 0 {
			return nil, nil, errors.New("found no mail log in the usual places (/var/log/mail.log, /var/log/maillog, /var/log/exim4/mainlog ...).\n" +
				"Name yours: bouncehouse run /path/to/mail.log /path/to/Maildir\n" +
				"Where a server logs to the journal only: journalctl -o json -u 'postfix*' > postfix.json, or install rsyslog")
		}
	}
	if slices.Contains(paths, "-") {
		return nil, nil, fmt.Errorf("%w: standard input has no place to go on from: name a file (./- where it is called so), or use bouncehouse parse", errWrongUse)
	}
	found, err := ingest.Expand(paths)
	if err != nil {
		return nil, nil, err
	}
	ledger, err := ingest.OpenLedger(c.State, a.log)
	if err != nil {
		return nil, nil, err
	}
	paths, folders := found.Streams(ledger)
	for _, s := range found.Skipped {
		a.log.Info("skipped", "path", s.Path, "reason", s.Reason)
	}
	if len(paths) == 0 {
		return nil, nil, errors.New("there is no text file and no Maildir in the directories given: name logs, mboxes, bounce mails or Maildirs")
	}
	named := len(paths) // the spool comes behind them
	if usual {
		fmt.Fprintln(a.stderr, "Reading", strings.Join(paths, ", "))
	}
	if paths, err = withSpool(c.State, paths, once); err != nil {
		return nil, nil, err
	}
	mails, err := ingest.OpenMails(c.State, a.log)
	if err != nil {
		return nil, nil, err
	}
	o := ingest.Options{State: c.State, Folders: folders, Mails: mails, Ledger: ledger, Host: c.Host, Zone: c.Timezone,
		Once: once, Log: a.log,
		ChunkSize: chunkSize(max(min(chunk, allChunks/len(paths)), kafkaChunk))}
	var faults []error
	left := named
	for i, path := range paths {
		src, err := ingest.Open(path, o)
		if errors.Is(err, ingest.ErrOpen) {
			a.log.Info("skipped", "path", path, "reason", err)
			continue
		}
		if err != nil {
			if faults = append(faults, err); i < named {
				left--
			}
			continue
		}
		if st, err := os.Stat(path); err == nil && st.Size() == 0 {
			a.log.Warn("the file is empty", "path", path)
		}
		sources = append(sources, src)
	}
	if left == 0 {
		closeAll(sources)
		return nil, nil, errors.Join(faults...)
	}
	settling, err := ingest.Leftovers(o)
	if err != nil {
		faults = append(faults, err)
	}
	for _, src := range settling {
		a.log.Warn("settling what was under way when the last run ended, of what is no longer named",
			"stream", src.Stream())
	}
	for _, err := range faults {
		a.log.Error("left out", "error", err)
	}
	if len(faults) > 0 {
		bad = fmt.Errorf("%d of %d paths could not be read, see above", len(faults), len(paths))
	}
	if !once {
		fmt.Fprintln(a.stderr, "Following", names(sources)+"; stop with Ctrl-C.")
	}
	return append(sources, settling...), bad, nil
}

// withSpool adds the spool of deliver to the paths, once there is one; who
// follows logs makes it.
func withSpool(state string, paths []string, once bool) ([]string, error) {
	if !once {
		if err := ingest.MakeSpool(state); err != nil {
			return nil, err
		}
	} else if _, err := os.Stat(ingest.SpoolDir(state)); err != nil {
		return paths, nil
	}
	return append(slices.Clip(paths), ingest.SpoolDir(state)), nil
}

func names(sources []ingest.Source) string {
	if len(sources) > 10 {
		return fmt.Sprintf("%d sources", len(sources))
	}
	var all []string
	for _, s := range sources {
		all = append(all, s.Stream())
	}
	return strings.Join(all, ", ")
}

func closeAll(sources []ingest.Source) {
	for _, s := range sources {
		s.Close()
	}
}

// stages are what lies between a source and the sink.
type stages struct {
	parser    func(stream string) bouncehouse.Parser
	enrichers []bouncehouse.Enricher
}

// parseOptions are what the configuration tells parsers. What is only found out
// about this machine is left out: a replay must make the same rows.
func parseOptions(c Config) (parse.Options, error) {
	keys, err := c.Bounces.keys()
	return parse.Options{Hosts: c.Hosts, Domains: c.Domains, Egress: c.Egress, BATVKeys: keys, Journal: c.Journal}, err
}

// processing wires parser and enrichers; context fills what the parser's
// memory lacks. egress are the addresses that we send from.
func processing(a *app, c Config, egress []netip.Addr,
	context bouncehouse.Enricher) (s stages, stop func(), err error) {
	options, err := parseOptions(c)
	if err != nil {
		return s, nil, err
	}
	c.Egress = egress
	if _, err := parse.New(parse.Auto, options); err != nil {
		return s, nil, err
	}
	s.parser = func(string) bouncehouse.Parser {
		p, _ := parse.New(parse.Auto, options) // tried above
		return p
	}
	classify, err := classifier(c)
	if err != nil {
		return s, nil, err
	}
	s.enrichers = []bouncehouse.Enricher{context, classify}
	stop = func() {}
	if c.DNS.Enabled {
		dns, err := enrich.NewDNS(enrich.DNSOptions{Servers: c.DNS.Servers, Zones: c.DNS.Zones, Inbound: c.DNS.Inbound,
			Timeout: c.DNS.Timeout, Egress: append([]netip.Addr{}, c.Egress...), Log: a.log, Now: time.Now})
		if err != nil {
			return s, nil, fmt.Errorf("dns: %w", err)
		}
		s.enrichers = append(s.enrichers, dns)
		stop = func() { dns.Close() }
	}
	return s, stop, nil
}

// publicAddrs are this machine's addresses that the Internet may see: what a
// mail server that follows its own log sends from, unless it is told.
func publicAddrs() (out []netip.Addr) {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	for _, a := range addrs {
		if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr().IsGlobalUnicast() && !p.Addr().IsPrivate() {
			out = append(out, p.Addr())
		}
	}
	return out
}

// ended is err; where it only says that we were told to stop it is nil, or
// errStopped where once promised to read all that is there.
func ended(ctx context.Context, err error, once bool) error {
	switch {
	case ctx.Err() == nil || !errors.Is(err, context.Canceled):
		return err
	case once:
		return errStopped
	}
	return nil
}
