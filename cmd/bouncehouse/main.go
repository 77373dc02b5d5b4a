// Command bouncehouse reads the logs and bounce mails of mail servers into
// ClickHouse and tells which mailbox provider defers or refuses mail, with
// which codes, and why. Events go to stdout, everything else to stderr; exit
// status 0 is done, 1 failed, 2 wrong use; of deliver 65 is a mail that is empty, 75 any other
// failure.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"reflect"
	"strings"
	"syscall"
	_ "time/tzdata" // zones are looked up by name, also where the system has none

	"github.com/alecthomas/kong"

	"github.com/bouncehouse/bouncehouse/ingest"
	"github.com/bouncehouse/bouncehouse/parse"
)

const description = `Reads mail servers' logs and bounce mails into ClickHouse: who refuses our mail, with which codes, and why.

Start with: bouncehouse run --once PATH... and then: bouncehouse report`

// cli is the table of commands; one file each.
type cli struct {
	Run        runCmd        `cmd:"" help:"Follow logs and bounce mails into ClickHouse, all in one process."`
	Report     reportCmd     `cmd:"" help:"Which providers defer or refuse our mail, and with what words."`
	Query      queryCmd      `cmd:"" help:"Run SQL against the server in use, as a reader."`
	Parse      parseCmd      `cmd:"" help:"Print the events of log files and bounce mails as JSON lines; no database, no network."`
	Deliver    deliverCmd    `cmd:"" help:"Take one mail from standard input, for a pipe of the mail server: run and ingest read it."`
	Explain    explainCmd    `cmd:"" help:"Tell what a reply means and what to do about it, in English or Chinese."`
	Classify   classifyCmd   `cmd:"" help:"Tell the class of each reply on standard input."`
	Ingest     ingestCmd     `cmd:"" help:"Follow logs and bounce mails into Kafka."`
	Process    processCmd    `cmd:"" help:"Take them from Kafka into ClickHouse."`
	ClickHouse clickhouseCmd `cmd:"" name:"clickhouse" help:"Serve the embedded ClickHouse; back it up or restore it."`
	Migrate    migrateCmd    `cmd:"" help:"Bring the tables of the server in use up to date."`
	Deadletter deadletterCmd `cmd:"" help:"Show what could not be understood or stored, and why."`
	Config     configCmd     `cmd:"" help:"Print or check the configuration."`
	Version    versionCmd    `cmd:"" help:"Print the version."`
}

// baseFlags are every command's.
type baseFlags struct {
	ConfigFile string `name:"config" placeholder:"FILE" help:"Configuration file (default /etc/bouncehouse.yaml, if there is one)."`
	Verbose    bool   `short:"v" help:"Log more."`
}

// dataFlags are those of commands that touch data.
type dataFlags struct {
	baseFlags
	StateDir string `name:"state" placeholder:"DIR" help:"State directory: positions, the embedded ClickHouse's data and its passwords (default ${state})."`
	DSN      string `name:"clickhouse" placeholder:"DSN" env:"BOUNCEHOUSE_CLICKHOUSE" help:"A ClickHouse server instead of the embedded engine: clickhouse://user:password@host:9000 or http://host:8123."`
}

// app is what commands are given of the world.
type app struct {
	ctx    context.Context
	stdin  io.Reader
	stdout io.Writer
	stderr io.Writer
	log    *slog.Logger
}

// input is standard input, of which a read that waits ends with the first
// signal.
func (a *app) input() (r io.Reader, stop func(), err error) {
	f, ok := a.stdin.(*os.File)
	if !ok {
		return a.stdin, func() {}, nil
	}
	return ingest.Interruptible(a.ctx, f)
}

// errWrongUse marks an error of the caller's: exit status 2.
var errWrongUse = errors.New("wrong use")

func main() {
	os.Exit(run(os.Args[1:]))
}

func run(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// What was begun is finished on the first signal; a second one ends at once.
	context.AfterFunc(ctx, stop)

	stderr := &people{to: os.Stderr}
	var c cli
	parser, err := kong.New(&c,
		kong.Name("bouncehouse"), kong.Description(description),
		vars(),
		kong.KindMapper(reflect.String, kong.MapperFunc(exact)),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.UsageOnError())
	if err != nil {
		fmt.Fprintln(stderr, "bouncehouse:", err)
		return 1
	}
	if len(args) == 0 {
		// QUIRK: Postfix takes an alias |/usr/bin/bouncehouse deliver without
		// quotes for a command without arguments. What ended well there would
		// be a mail lost. Postfix, Exim and others tell a command the address.
		if os.Getenv("RECIPIENT") != "" {
			fmt.Fprintln(stderr,
				`bouncehouse: called without a command for mail to an address: quote the whole command in the alias, "|bouncehouse deliver"`)
			return exitTempFail
		}
		args = []string{"--help"}
	}
	k, err := parser.Parse(args)
	if err != nil {
		fmt.Fprintln(stderr, "bouncehouse:", err)
		fmt.Fprintln(stderr, "Try: bouncehouse --help")
		if args[0] == "deliver" {
			return exitTempFail
		}
		return 2
	}
	a := &app{ctx: ctx, stdin: os.Stdin, stdout: os.Stdout, stderr: stderr,
		log: slog.New(slog.NewTextHandler(stderr, nil))}
	if _, width := terminal(os.Stdout); width > 0 {
		a.stdout = &people{to: os.Stdout} // whatever it is that goes there; pipes get every byte
	}
	switch err := k.Run(a); {
	case err == nil:
		return 0
	case k.Command() == "deliver":
		fmt.Fprintln(stderr, "bouncehouse:", strings.ReplaceAll(err.Error(), "\n", "; "))
		if errors.Is(err, ingest.ErrEmptyMail) {
			return exitDataErr
		}
		return exitTempFail
	case errors.Is(err, errWrongUse):
		fmt.Fprintln(stderr, "bouncehouse:", err)
		return 2
	case errors.Is(err, syscall.EPIPE):
		return 1 // the reader of our output has gone; it needs no word
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		fmt.Fprintln(stderr, "bouncehouse: stopped")
		return 1
	default:
		for line := range strings.Lines(err.Error()) {
			fmt.Fprintln(stderr, "bouncehouse:", strings.TrimRight(line, "\n"))
		}
		return 1
	}
}

// exact takes an argument byte by byte: kong's own mapper makes JSON of it, and
// a path may be no UTF-8. An empty path is a variable of a script's that is not
// set; it stands for no directory, not for this one nor for the default.
func exact(ctx *kong.DecodeContext, target reflect.Value) error {
	token, err := ctx.Scan.PopValue("string")
	if err != nil {
		return err
	}
	s := token.String()
	path := ctx.Value.Name == "path" || ctx.Value.Name == "file"
	if f := ctx.Value.Flag; f != nil {
		path = f.PlaceHolder == "DIR" || f.PlaceHolder == "FILE"
	}
	if s == "" && path {
		return errors.New("the path is empty")
	}
	target.SetString(s)
	return nil
}

// vars are what help texts take from the code.
func vars() kong.Vars {
	var formats []string
	for _, f := range parse.Formats() {
		formats = append(formats, f.Name)
	}
	return kong.Vars{"state": defaultState(), "formats": strings.Join(formats, ", ")}
}

// config is the configuration after file and flags, checked.
func (f *baseFlags) config(a *app) (Config, error) {
	if f.Verbose {
		a.log = slog.New(slog.NewTextHandler(a.stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	c, err := loadConfig(f.ConfigFile)
	if err != nil {
		return c, err
	}
	if err := c.Validate(); err != nil {
		return c, fmt.Errorf("configuration: %w", err)
	}
	return c, nil
}

func (f *dataFlags) config(a *app) (Config, error) {
	c, err := f.baseFlags.config(a)
	if err != nil {
		return c, err
	}
	if f.StateDir != "" {
		c.State = f.StateDir
	}
	if f.DSN != "" {
		c.ClickHouse = f.DSN
	}
	if err := c.Validate(); err != nil {
		return c, fmt.Errorf("%w: %w", errWrongUse, err)
	}
	return c, nil
}
