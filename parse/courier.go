package parse

import "github.com/bouncehouse/bouncehouse"

type courier struct{}

func newCourier(Options) bouncehouse.Parser { return &courier{} }

func sniffCourier(head string) bool { return false }

func (p *courier) Parse(r bouncehouse.Record, res *bouncehouse.Result) error { return nil }

func (p *courier) parseEntry(r bouncehouse.Record, h *headReader, e *entry, res *bouncehouse.Result) (mine bool, err error) {
	return false, nil
}
