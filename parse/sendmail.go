package parse

import "github.com/bouncehouse/bouncehouse"

type sendmail struct{}

func newSendmail(Options) bouncehouse.Parser { return &sendmail{} }

func sniffSendmail(head string) bool { return false }

func (p *sendmail) Parse(r bouncehouse.Record, res *bouncehouse.Result) error { return nil }

func (p *sendmail) parseEntry(r bouncehouse.Record, h *headReader, e *entry, res *bouncehouse.Result) (mine bool, err error) {
	return false, nil
}
