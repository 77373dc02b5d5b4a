package parse

import "github.com/bouncehouse/bouncehouse"

type kumoMTA struct{}

func newKumoMTA(Options) bouncehouse.Parser { return &kumoMTA{} }

func sniffKumoMTA(head string) bool { return false }

func (p *kumoMTA) Parse(r bouncehouse.Record, res *bouncehouse.Result) error { return nil }
