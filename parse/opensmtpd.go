package parse

import "github.com/bouncehouse/bouncehouse"

type openSMTPD struct{}

func newOpenSMTPD(Options) bouncehouse.Parser { return &openSMTPD{} }

func sniffOpenSMTPD(head string) bool { return false }

func (p *openSMTPD) Parse(r bouncehouse.Record, res *bouncehouse.Result) error { return nil }

func (p *openSMTPD) parseEntry(r bouncehouse.Record, h *headReader, e *entry, res *bouncehouse.Result) (mine bool, err error) {
	return false, nil
}
