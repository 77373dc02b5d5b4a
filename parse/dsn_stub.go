package parse

import "github.com/bouncehouse/bouncehouse"

// Holds the row of the table until dsn.go stands.

func newDSN(Options) bouncehouse.Parser { return noDSN{} }

func sniffDSN(string) bool { return false }

type noDSN struct{}

func (noDSN) Parse(bouncehouse.Record, *bouncehouse.Result) error { return nil }
