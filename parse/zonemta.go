package parse

import "github.com/bouncehouse/bouncehouse"

type zoneMTA struct{}

func newZoneMTA(Options) bouncehouse.Parser { return &zoneMTA{} }

func sniffZoneMTA(head string) bool { return false }

func (p *zoneMTA) Parse(r bouncehouse.Record, res *bouncehouse.Result) error { return nil }

func (p *zoneMTA) parseEntry(r bouncehouse.Record, h *headReader, e *entry, res *bouncehouse.Result) (mine bool, err error) {
	return false, nil
}
