package ingest

import (
	"slices"

	"github.com/bouncehouse/bouncehouse"
)

// replayed are the chunks of what was read before the first of a run, as they
// restore what the parser remembers: of the same file, and where that has
// just begun, of those before it. Without them, reading goes on.
func (l *logFile) replayed(h *handle, in *intent, first bouncehouse.Chunk) (chunks []bouncehouse.Chunk) {
	most := int64(replaySize)
	// add tells whether what was read before that file is to be added, too.
	add := func(h *handle, file string, to int64) bool {
		was, whole, err := h.cut.before(h.content, to, most)
		if err != nil || was == nil {
			return false
		}
		if was.data != "" {
			c := first
			c.FileID, c.Kind, c.Offset, c.Reason, c.Data, c.Replay, c.Head = file, was.kind, was.from, "", was.data,
				true, h.topAt(was.from)
			chunks = append(chunks, c)
		}
		most -= int64(len(was.data))
		return whole && most > 0
	}
	more := in.From == 0 || add(h, in.File, in.From)
	for _, e := range slices.Backward(l.led.before(l.stream, h.entry)) {
		if !more || e.Export {
			break
		}
		other := l.before(h, &e)
		if other == nil {
			break // what the parser remembers has no holes
		}
		more = add(other, e.ID, e.Read)
		other.close()
	}
	slices.Reverse(chunks)
	return chunks
}

// before opens the file that e was read from, if that is as it was.
func (l *logFile) before(h *handle, e *entry) *handle {
	other, err := l.original(h, e)
	if err != nil || other == nil {
		return nil
	}
	peek, err := peekAt(other.content)
	tail, ok, terr := tailSum(other.content, e.Read)
	if err != nil || terr != nil || !ok || tail != e.Tail {
		other.close()
		return nil
	}
	other.top, other.entry = fileHead(peek), e
	return other
}
