package parse

import "github.com/bouncehouse/bouncehouse"

type postfix struct{ head headReader }

func newPostfix(Options) bouncehouse.Parser { return &postfix{} }
func newPostfixEntries(Options) entryParser { return &postfix{} }
func sniffPostfix(head string) bool         { return false }

func (p *postfix) Parse(r bouncehouse.Record, res *bouncehouse.Result) error { return nil }

func (p *postfix) parseEntry(r *bouncehouse.Record, e *entry, res *bouncehouse.Result) (bool, error) {
	return false, nil
}
