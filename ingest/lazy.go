package ingest

import (
	"context"
	"io"
	"os"

	"github.com/bouncehouse/bouncehouse"
)

// lazy is the source of an empty file that was never met: whether it will be
// a log or an mbox shows with its first bytes.
type lazy struct {
	o      Options
	path   string
	stream string
	Source // nil until then
}

// Stream implements Source. It is the same for both.
func (l *lazy) Stream() string { return l.stream }

// Progress implements Source. It never looks at the source itself, which
// comes while it may be asked.
func (l *lazy) Progress() (done, total int64) { return 0, 0 }

// Close implements Source.
func (l *lazy) Close() error {
	if l.Source == nil {
		return nil
	}
	return l.Source.Close()
}

// Read implements bouncehouse.Source.
func (l *lazy) Read(ctx context.Context) (bouncehouse.Batch, error) {
	for l.Source == nil {
		// A log that was rotated before a look at it has siblings.
		siblings, _ := list(l.path)
		st, err := os.Stat(l.path)
		switch {
		case len(siblings) > 0:
			l.Source, err = openLog(l.path, l.o)
		case err == nil && st.Size() > 0:
			l.Source, err = openKind(l.path, l.o)
		case l.o.Once:
			return bouncehouse.Batch{}, io.EOF
		default:
			err = pause(ctx, poll)
		}
		if err != nil {
			return bouncehouse.Batch{}, err
		}
	}
	return l.Source.Read(ctx)
}
