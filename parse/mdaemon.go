package parse

import "github.com/bouncehouse/bouncehouse"

type mdaemon struct{}

func newMDaemon(Options) bouncehouse.Parser { return &mdaemon{} }

func sniffMDaemon(head string) bool { return false }

func (p *mdaemon) Parse(r bouncehouse.Record, res *bouncehouse.Result) error { return nil }
