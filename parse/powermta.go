package parse

import "github.com/bouncehouse/bouncehouse"

type powerMTA struct{}

func newPowerMTA(Options) bouncehouse.Parser { return &powerMTA{} }

func sniffPowerMTA(head string) bool { return false }

func (p *powerMTA) Parse(r bouncehouse.Record, res *bouncehouse.Result) error { return nil }
