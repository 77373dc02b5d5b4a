package main

import "fmt"

type migrateCmd struct{ dataFlags }

func (cmd *migrateCmd) Run(a *app) error {
	c, err := cmd.config(a)
	if err != nil {
		return err
	}
	store, stop, err := openStore(a, c) // migrates
	if err != nil {
		return err
	}
	defer stop()
	if err := store.Migrate(a.ctx); err != nil {
		return err
	}
	fmt.Fprintln(a.stderr, "The tables are up to date.")
	return nil
}
