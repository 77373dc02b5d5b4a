package main

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/bouncehouse/bouncehouse/ingest"
)

// Statuses of sysexits.h. With EX_TEMPFAIL the mail server keeps the mail and
// tries again: of all that someone can put right, wrong use too. With EX_DATAERR
// it gives the mail up, of which there is nothing. That comes of a pipe that
// hands nothing on, never of what a stranger sends: mail that came in has a
// header. So nobody is sent a bounce who should not be, and its log says why.
const (
	exitDataErr  = 65
	exitTempFail = 75
)

// deliverCmd is for a pipe of the mail server's, such as
//
//	bounces: "|/usr/bin/bouncehouse deliver --state /var/lib/bouncehouse"
//
// in the aliases, or in Postfix's master.cf
//
//	bouncehouse unix - n n - - pipe user=bouncehouse argv=/usr/bin/bouncehouse deliver
//
// run and ingest on the same state directory read the spool.
type deliverCmd struct {
	baseFlags
	StateDir string `name:"state" placeholder:"DIR" help:"State directory, in which the spool lies (default ${state})."`
}

func (cmd *deliverCmd) Run(a *app) error {
	c, err := cmd.config(a)
	if err != nil {
		return err
	}
	if cmd.StateDir != "" {
		c.State = cmd.StateDir
	}
	stdin, stop, err := a.input()
	if err != nil {
		return err
	}
	defer stop()
	if err := ingest.Deliver(c.State, stdin); err != nil {
		if errors.Is(err, ingest.ErrEmptyMail) && a.ctx.Err() == nil {
			return err
		}
		if a.ctx.Err() != nil {
			err = errors.New("stopped before the mail was whole")
		}
		if errors.Is(err, fs.ErrPermission) {
			err = fmt.Errorf("%w: deliver must run as the owner of the state directory", err)
		}
		return fmt.Errorf("%w; the mail server shall try again", err)
	}
	return nil
}
