package parse

import "github.com/bouncehouse/bouncehouse"

type hMailServer struct{}

func newHMailServer(Options) bouncehouse.Parser { return &hMailServer{} }

func sniffHMailServer(head string) bool { return false }

func (p *hMailServer) Parse(r bouncehouse.Record, res *bouncehouse.Result) error { return nil }
