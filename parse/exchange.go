package parse

import "github.com/bouncehouse/bouncehouse"

type exchangeLog struct{}

func newExchange(Options) bouncehouse.Parser { return &exchangeLog{} }

func sniffExchange(head string) bool { return false }

func (p *exchangeLog) Parse(r bouncehouse.Record, res *bouncehouse.Result) error { return nil }
