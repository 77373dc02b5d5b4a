package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/bouncehouse/bouncehouse/engine"
)

type clickhouseCmd struct {
	Serve   engineServeCmd   `cmd:"" default:"withargs" help:"Serve the embedded ClickHouse on loopback until stopped (the default)."`
	Backup  engineBackupCmd  `cmd:"" help:"Write all its data to a file; it must not be running."`
	Restore engineRestoreCmd `cmd:"" help:"Make the data anew from such a file, in an empty state directory."`
}

type engineServeCmd struct {
	dataFlags
	Listen   string        `placeholder:"HOST:PORT" help:"Address, on loopback (default: a free port, the same again where possible)."`
	Library  string        `placeholder:"FILE" help:"libchdb.so (default: CHDB_LIB_PATH, beside the binary, the usual library folders)."`
	Memory   int64         `placeholder:"MIB" help:"Memory limit in MiB (default: a quarter of the machine's)."`
	LockWait time.Duration `hidden:"" help:"How long to wait for another engine on the directory to end."`
	Lifeline bool          `hidden:"" help:"End when standard input closes: for bouncehouse run."`
}

func (cmd *engineServeCmd) Run(a *app) error {
	c, err := cmd.config(a)
	if err != nil {
		return err
	}
	if cmd.Listen != "" {
		c.Engine.Listen = cmd.Listen
	}
	if cmd.Library != "" {
		c.Engine.Library = cmd.Library
	}
	if cmd.Memory != 0 {
		c.Engine.Memory = cmd.Memory
	}
	ec := engine.Config{Dir: c.State, Listen: c.Engine.Listen, Library: c.Engine.Library, MemoryLimit: c.Engine.Memory << 20, LockWait: cmd.LockWait, Log: a.log}
	if cmd.Lifeline {
		ec.Lifeline = a.stdin
	} else {
		ec.Ready = func(e engine.Endpoint) {
			fmt.Fprintf(a.stderr, "ClickHouse listens on http://%s\nAccounts: %s and %s (reads only); their passwords are in %s\nStop with Ctrl-C.\n",
				e.Addr, engine.Writer, engine.Reader, engine.Dir(c.State))
		}
	}
	return engine.Serve(a.ctx, ec)
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
	if cmd.File == "-" {
		return engine.Backup(c.State, a.stdout)
	}
	f, err := os.OpenFile(cmd.File, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s exists; backups overwrite nothing", cmd.File)
	}
	if err != nil {
		return err
	}
	if err := errors.Join(engine.Backup(c.State, f), f.Sync(), f.Close()); err != nil {
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
	var r io.Reader = a.stdin
	if cmd.File != "-" {
		f, err := os.Open(cmd.File)
		if err != nil {
			return err
		}
		defer f.Close()
		r = f
	}
	return engine.Restore(c.State, r)
}
