package parse

import (
	"time"

	"github.com/bouncehouse/bouncehouse"
)

// entry is one line behind its syslog header.
type entry struct {
	time    time.Time
	host    string
	program string
	pid     string
	msg     string
}

// headReader reads the headers of one stream's lines.
type headReader struct{}

func (h *headReader) read(r *bouncehouse.Record, e *entry) (bool, error) { return false, nil }
