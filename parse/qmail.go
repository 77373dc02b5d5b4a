package parse

import "github.com/bouncehouse/bouncehouse"

type qmail struct{}

func newQmail(Options) bouncehouse.Parser { return &qmail{} }

func sniffQmail(head string) bool { return false }

func (p *qmail) Parse(r bouncehouse.Record, res *bouncehouse.Result) error { return nil }

func (p *qmail) parseEntry(r bouncehouse.Record, h *headReader, e *entry, res *bouncehouse.Result) (mine bool, err error) {
	return false, nil
}
