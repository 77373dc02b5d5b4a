package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/bouncehouse/bouncehouse/engine"
	"github.com/bouncehouse/bouncehouse/ingest"
)

type clickhouseCmd struct {
	Serve   engineServeCmd   `cmd:"" default:"withargs" help:"Serve the embedded ClickHouse until stopped (the default)."`
	Backup  engineBackupCmd  `cmd:"" help:"Write all its data, and what was read so far, to a file; nothing may be running."`
	Restore engineRestoreCmd `cmd:"" help:"Make both anew from such a file, in an empty state directory."`
}

type engineServeCmd struct {
	dataFlags
	Listen       string        `placeholder:"HOST:PORT" help:"Answer by TCP as well, on this address of loopback: for Grafana and curl. Without it only the owner of the state directory has a way in, a Unix socket."`
	ListenWriter bool          `help:"Let the writer's account in by TCP too, not the reader's alone."`
	Library      string        `placeholder:"FILE" help:"libchdb.so (default: CHDB_LIB_PATH, beside the binary, the usual library folders)."`
	Memory       int64         `placeholder:"MIB" help:"Memory limit in MiB (default: a quarter of the machine's)."`
	User         string        `placeholder:"NAME" help:"Whom to run as where root starts it and the data is this user's (default bouncehouse-engine)."`
	Confinement  string        `enum:"required,preferred," default:"" placeholder:"NAME" help:"Where the kernel cannot confine the engine: required refuses to start, preferred warns (default: required with --listen)."`
	LockWait     time.Duration `hidden:"" help:"How long to wait for another engine on the directory to end."`
	Lifeline     bool          `hidden:"" help:"End when standard input closes: for bouncehouse run."`
	ListenFD     int           `hidden:"" name:"listen-fd" help:"Answer by TCP on this open descriptor: for bouncehouse run."`
}

func (cmd *engineServeCmd) Run(a *app) error {
	ec := engine.Config{Log: a.log}
	if !engine.Confined() { // behind the walls neither configuration nor library can be looked for
		c, err := cmd.config(a)
		if err != nil {
			return err
		}
		ec = cmd.engine(c.Engine)
		ec.Dir, ec.Log = c.State, a.log
		if cmd.ListenFD > 0 {
			ec.Listener = os.NewFile(uintptr(cmd.ListenFD), "listener")
		}
	}
	if cmd.Lifeline {
		ec.Lifeline = a.stdin
	} else {
		ec.Ready = func(e engine.Endpoint) {
			fmt.Fprintf(a.stderr, "ClickHouse listens on %s\n", e.Socket)
			if e.Addr != "" {
				fmt.Fprintf(a.stderr, "ClickHouse listens on http://%s\n", e.Addr)
			}
			fmt.Fprintf(a.stderr, "Accounts: %s and %s (reads only); their passwords are in %s\nStop with Ctrl-C.\n",
				engine.Writer, engine.Reader, filepath.Dir(e.Socket))
		}
	}
	return engine.Serve(a.ctx, ec)
}

// engine is the configuration with the flags over it.
func (cmd *engineServeCmd) engine(c EngineConfig) engine.Config {
	c.Listen = cmp.Or(cmd.Listen, c.Listen)
	c.ListenWriter = cmd.ListenWriter || c.ListenWriter
	c.Confinement = cmp.Or(cmd.Confinement, c.Confinement)
	return engine.Config{Listen: c.Listen, ListenWriter: c.ListenWriter, Library: cmp.Or(cmd.Library, c.Library),
		MemoryLimit: cmp.Or(cmd.Memory, c.Memory) << 20, User: cmp.Or(cmd.User, c.User), LockWait: cmd.LockWait,
		AllowUnconfined: c.confinement() == preferred}
}

type engineBackupCmd struct {
	dataFlags
	File string `arg:"" help:"The file to write; - is standard output."`
}

func (cmd *engineBackupCmd) Run(a *app) error {
	c, err := cmd.config(a)
	if err != nil {
		return err
	}
	unlock, err := lockState(c.State)
	if err != nil {
		return err
	}
	defer unlock()
	if cmd.File == "-" {
		return engine.Backup(c.State, a.stdout, ingest.Records()...)
	}
	f, err := os.OpenFile(cmd.File, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s exists; backups overwrite nothing", cmd.File)
	}
	if err != nil {
		return err
	}
	if err := errors.Join(engine.Backup(c.State, f, ingest.Records()...), f.Sync(), f.Close()); err != nil {
		os.Remove(cmd.File)
		return fmt.Errorf("back up to %s: %w", cmd.File, err)
	}
	return nil
}

type engineRestoreCmd struct {
	dataFlags
	File string `arg:"" help:"The file to read; - is standard input."`
}

func (cmd *engineRestoreCmd) Run(a *app) error {
	c, err := cmd.config(a)
	if err != nil {
		return err
	}
	unlock, err := lockState(c.State)
	if err != nil {
		return err
	}
	defer unlock()
	var r io.Reader = a.stdin
	if cmd.File != "-" {
		f, err := ingest.OpenRegular(cmd.File)
		if err != nil {
			return err
		}
		defer f.Close()
		r = f
	}
	whole, err := engine.Restore(c.State, r, ingest.Records()...)
	if err == nil && !whole {
		a.log.Warn("the backup does not say what was read: whatever logs and mailboxes still hold will be read again, and counted twice")
	}
	return err
}
