package parse

import (
	"encoding/binary"
	"strconv"
	"strings"
	"time"

	"github.com/bouncehouse/bouncehouse"
)

// journalctl -o export (systemd, "Journal Export Formats"): a line a field,
// in any order, entries divided by an empty line:
//
//	__CURSOR=s=739ad463348b4ceca5a9e69c95a3c93f;i=4ece7;b=...
//	__REALTIME_TIMESTAMP=1342540861416351
//	_HOSTNAME=mx1
//	SYSLOG_IDENTIFIER=postfix/smtp
//	SYSLOG_PID=358
//	MESSAGE=4jX1fM33S7zCf: to=<...
//	_UID=89
//	_SYSTEMD_UNIT=postfix.service
//
// A value that is not UTF-8 or holds a line break is binary: its name stands
// alone, then follow 64 bits of length and the value, in which any line may
// stand: also one that looks like a field, or like the next entry. Its bytes
// are found in the chunk, since records come without their line ends, and empty
// ones not at all.
type journalExport struct {
	file   string // of which the entry under way is
	replay bool   // it was read again
	active bool   // a __CURSOR was seen
	told   bool   // the entry under way is over
	odd    bool   // it has a field twice, or a value that cannot be read: it may be two, of which one was cut
	next   int64  // where the line behind the last one begins
	binary journalBinary

	micros, host, ident, message string
	pid, syslogPID               string
	source                       journalSource
}

// field reads a line; known tells that it is of the format, complete that it
// completed e: an entry is told where it ends, since any field of it may say
// who wrote it. doubted tells that one is over that is not believed.
func (x *journalExport) field(r *bouncehouse.Record, s string, j *Journal, e *entry) (known, complete, doubted bool) {
	x.enter(r)
	gap := r.Offset > max(x.next, x.binary.end)
	x.next = r.Offset + int64(len(r.Text)) + 1
	switch name, value, text := strings.Cut(s, "="); {
	case x.active && x.binary.holds(r):
		x.odd = x.odd || x.binary.end != 0 && x.next > x.binary.end // no line end behind it
		if value, ok := x.binary.value(r); ok {
			x.set(x.binary.name, value)
		}
	case strings.HasPrefix(s, "__CURSOR="):
		// Without the empty line the entry before was cut, and what it lacks may
		// be its account.
		x.odd = x.odd || !gap
		complete, doubted = x.give(j, e)
		*x = journalExport{file: x.file, replay: x.replay, next: x.next, active: true}
		return true, complete, doubted
	case !exportName(name): // another format's line
		*x = journalExport{file: x.file, replay: x.replay}
		return false, false, false
	case text:
		x.set(name, value)
	default:
		x.binary.begin(name, r)
		if value, ok := x.binary.value(r); ok {
			x.set(name, value)
		}
	}
	if x.binary.over(r) {
		complete, doubted = x.give(j, e)
	}
	return true, complete, doubted
}

// enter forgets what was under way where r cannot go on with it: it is of
// another file; or it is the first behind what was read again, which may have
// begun within a value, and be taken for the beginning of a long one: those
// longer than maxReplayed do not come here.
func (x *journalExport) enter(r *bouncehouse.Record) {
	if x.file != r.FileID || x.replay && !r.Replay && x.binary.end > r.Offset+maxReplayed {
		*x = journalExport{file: strings.Clone(r.FileID)}
	}
	x.replay = r.Replay
}

// maxReplayed is as long as an entry may be that a source hands on in lines.
const maxReplayed = 256 << 10

func (x *journalExport) set(name, value string) {
	var to *string
	switch name {
	case "__REALTIME_TIMESTAMP":
		to = &x.micros
	case "_HOSTNAME":
		to = &x.host
	case "SYSLOG_IDENTIFIER":
		to = &x.ident
	case "SYSLOG_PID":
		to = &x.syslogPID
	case "_PID":
		to = &x.pid
	case "MESSAGE":
		to = &x.message
	default:
		if to = x.source.field(name); to == nil {
			return
		}
	}
	x.odd = x.odd || *to != ""
	*to = clip64(value)
}

func exportName(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' {
			return false
		}
	}
	return s != ""
}

// give fills e at the entry's end, once.
func (x *journalExport) give(j *Journal, e *entry) (given, doubted bool) {
	micros, err := strconv.ParseInt(x.micros, 10, 64)
	if x.told || x.message == "" || x.ident == "" || err != nil {
		return false, false
	}
	x.told = true
	if x.odd || x.binary.doubtful || !j.believe(&x.source) {
		return false, claimsMail(x.ident)
	}
	pid := x.syslogPID
	if pid == "" {
		pid = x.pid
	}
	*e = entry{
		stamp: stamp{kind: stampKnown, known: time.UnixMicro(micros).UTC()},
		host:  x.host, program: x.ident, pid: pid, msg: x.message,
	}
	return true, false
}

// journalBinary is a binary value under way. Sources end a chunk at an entry's
// end; where an older one did not, a value goes on in the next chunk.
type journalBinary struct {
	name     string
	start    int64 // the offset of its length
	length   []byte
	end      int64  // behind the value and its line end; 0 until the length is known
	taken    bool   // its first line was
	lost     bool   // its length is
	seq      uint64 // of the chunk in which it was
	doubtful bool   // a value could not be read
}

// lengthBytes is the size of a binary value's length.
const lengthBytes = 8

func (b *journalBinary) begin(name string, r *bouncehouse.Record) {
	*b = journalBinary{name: strings.Clone(name), start: r.Offset + int64(len(r.Text)) + 1, length: b.length[:0],
		doubtful: b.doubtful}
	b.measure(r)
}

// measure reads of the length what r's chunk has. Where something between two
// chunks did not come here, nothing tells the end of the value: what follows is
// passed over, to the next chunk, at which a source begins an entry.
func (b *journalBinary) measure(r *bouncehouse.Record) {
	at := b.start + int64(len(b.length)) - r.Chunk.Offset
	if at < 0 {
		b.lost, b.seq, b.doubtful = true, r.Seq, true
		return
	}
	rest := r.Data[min(at, int64(len(r.Data))):]
	b.length = append(b.length, rest[:min(len(rest), lengthBytes-len(b.length))]...)
	if len(b.length) < lengthBytes {
		return
	}
	n := binary.LittleEndian.Uint64(b.length)
	if n > maxBinary {
		b.doubtful, n = true, 0
	}
	b.end = b.start + lengthBytes + int64(n) + 1
}

// holds tells whether a record is of the value.
func (b *journalBinary) holds(r *bouncehouse.Record) bool {
	if b.name != "" && b.end == 0 && !b.lost {
		b.measure(r)
	}
	switch {
	case b.name == "":
		return false
	case b.lost:
		return r.Seq == b.seq || !strings.HasPrefix(r.Text, "__CURSOR=") || r.Offset != r.Chunk.Offset
	}
	return b.end == 0 || r.Offset < b.end
}

// value returns the first line of the value, once.
func (b *journalBinary) value(r *bouncehouse.Record) (line string, ok bool) {
	from := b.start + lengthBytes - r.Chunk.Offset
	if b.taken || b.end == 0 || from >= int64(len(r.Data)) {
		return "", false
	}
	b.taken = true
	line, _, _ = strings.Cut(r.Data[max(0, from):max(from, min(b.end-1-r.Chunk.Offset, int64(len(r.Data))))], "\n")
	return line, true
}

// over tells whether the entry ends behind r, with an empty line.
func (b *journalBinary) over(r *bouncehouse.Record) bool {
	at := r.Offset - r.Chunk.Offset
	rest := r.Data[at:]
	n := strings.IndexByte(rest, '\n')
	if n < 0 || b.name != "" && b.end == 0 {
		return false
	}
	at, rest = at+int64(n)+1, rest[n+1:]
	if end := b.end - r.Chunk.Offset; at < end {
		if end > int64(len(r.Data)) || strings.TrimLeft(r.Data[at:end], "\r\n") != "" {
			return false // more records of the value follow
		}
		rest = r.Data[end:]
	}
	return strings.HasPrefix(rest, "\n")
}

// maxBinary is longer than journald takes a value (DATA_SIZE_MAX is 768 MiB).
const maxBinary = 1 << 30

// clip64 copies a value, at most 64 KiB of it: the fields of one entry are
// of several records.
func clip64(s string) string { return strings.Clone(s[:min(len(s), maxJoined)]) }
