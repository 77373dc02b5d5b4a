package main

import (
	"fmt"

	"go.yaml.in/yaml/v4"
)

type configCmd struct {
	Print   configPrintCmd   `cmd:"" help:"Print the configuration in use, with defaults; the DSN's password is left out."`
	Check   configCheckCmd   `cmd:"" help:"Check the configuration file; name every fault."`
	Example configExampleCmd `cmd:"" help:"Print a commented example with every key."`
}

type configPrintCmd struct{ dataFlags }

func (cmd *configPrintCmd) Run(a *app) error {
	c, err := cmd.config(a)
	if err != nil {
		return err
	}
	out, err := yaml.Marshal(c.redacted())
	if err != nil {
		return fmt.Errorf("print the configuration: %w", err)
	}
	_, err = a.stdout.Write(out)
	return err
}

type configCheckCmd struct{ dataFlags }

func (cmd *configCheckCmd) Run(a *app) error {
	if _, err := cmd.config(a); err != nil {
		return err
	}
	fmt.Fprintln(a.stdout, "The configuration is good.")
	return nil
}

type configExampleCmd struct{ baseFlags }

func (cmd *configExampleCmd) Run(a *app) error {
	_, err := a.stdout.Write(exampleConfig)
	return err
}
