package parse

import "github.com/bouncehouse/bouncehouse"

type exim struct{}

func newExim(Options) bouncehouse.Parser { return &exim{} }

func sniffExim(head string) bool { return false }

func (p *exim) Parse(r bouncehouse.Record, res *bouncehouse.Result) error { return nil }

func (p *exim) parseEntry(r bouncehouse.Record, h *headReader, e *entry, res *bouncehouse.Result) (mine bool, err error) {
	return false, nil
}
