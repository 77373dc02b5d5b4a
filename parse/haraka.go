package parse

import "github.com/bouncehouse/bouncehouse"

type haraka struct{}

func newHaraka(Options) bouncehouse.Parser { return &haraka{} }

func sniffHaraka(head string) bool { return false }

func (p *haraka) Parse(r bouncehouse.Record, res *bouncehouse.Result) error { return nil }

func (p *haraka) parseEntry(r bouncehouse.Record, h *headReader, e *entry, res *bouncehouse.Result) (mine bool, err error) {
	return false, nil
}
