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
// stand: also one that looks like a field, or like the next entry.
type journalExport struct {
	active  bool // a __CURSOR was seen
	told    bool // the entry under way was given, or is not believed
	binary  journalBinary
	trusted journalTrust

	micros               int64
	host, ident, message string
	pid, syslogPID       string
	source               journalSource
}

// journalTrust is what is known of a stream's entries: an entry may only be
// given before its end where it can have no trusted field any more.
type journalTrust byte

const (
	trustUnknown journalTrust = iota
	trustStripped
	trustThere
)

// field reads a line; known tells that it is of the format, complete that it
// completed e: as soon as all is known that matters, at the latest where the
// next entry begins. doubted tells that an entry is over that is not believed.
func (x *journalExport) field(r *bouncehouse.Record, s string, j *Journal, e *entry) (known, complete, doubted bool) {
	if x.active && x.binary.holds(r) {
		if value, ok := x.binary.value(r); ok {
			x.set(x.binary.name, value)
		}
	} else if strings.HasPrefix(s, "__CURSOR=") {
		complete, doubted = x.give(j, e, true)
		trust := x.trusted
		if trust == trustUnknown && x.pid != "" {
			trust = trustStripped
		}
		*x = journalExport{active: true, trusted: trust}
		return true, complete, doubted
	} else if name, value, ok := strings.Cut(s, "="); !exportName(name) { // another format's line
		*x = journalExport{trusted: x.trusted}
		return false, false, false
	} else if !ok {
		x.binary.begin(name, r.Offset+int64(len(s))+1)
	} else {
		x.set(name, value)
	}
	complete, doubted = x.give(j, e, false)
	return true, complete, doubted
}

func (x *journalExport) set(name, value string) {
	switch name {
	case "__REALTIME_TIMESTAMP":
		x.micros, _ = strconv.ParseInt(value, 10, 64)
	case "_HOSTNAME":
		x.host = clip64(value)
	case "SYSLOG_IDENTIFIER":
		x.ident = clip64(value)
	case "SYSLOG_PID":
		x.syslogPID = clip64(value)
	case "_PID":
		x.pid = clip64(value)
	case "MESSAGE":
		x.message = clip64(value)
	case "_UID":
		x.source.uid, x.trusted = clip64(value), trustThere
	case "_SYSTEMD_UNIT":
		x.source.unit = clip64(value)
	case "_EXE":
		x.source.exe = clip64(value)
	}
}

func exportName(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' {
			return false
		}
	}
	return s != ""
}

// give fills e, once an entry and not before it has what it needs; over tells
// that the entry has ended.
func (x *journalExport) give(j *Journal, e *entry, over bool) (given, doubted bool) {
	if x.told || x.message == "" || x.ident == "" || x.micros == 0 || !over && (x.host == "" || x.pid == "") {
		return false, false
	}
	believed, known := j.decide(x.source)
	if x.source.uid == "" {
		known = x.trusted == trustStripped
	}
	if !known && !over {
		return false, false
	}
	x.told = true
	if !believed || x.binary.doubtful {
		return false, claimsMail(x.ident)
	}
	pid := x.syslogPID
	if pid == "" {
		pid = x.pid
	}
	*e = entry{
		stamp: stamp{kind: stampKnown, known: time.UnixMicro(x.micros).UTC()},
		host:  x.host, program: x.ident, pid: pid, msg: x.message,
	}
	return true, false
}

// journalBinary is a binary value under way. Where it ends is told by its
// length alone; records come without their line ends, and empty ones not at
// all, so that bytes are found by the records' offsets.
type journalBinary struct {
	name     string
	start    int64 // the offset of its length
	length   []byte
	end      int64 // behind the value and its line end; 0 until the length is known
	taken    bool  // its first line was
	doubtful bool  // a byte of a length was of two kinds
}

// lengthBytes is the size of a binary value's length.
const lengthBytes = 8

func (b *journalBinary) begin(name string, start int64) {
	*b = journalBinary{name: strings.Clone(name), start: start, length: b.length[:0], doubtful: b.doubtful}
}

// holds tells whether a record is of the value.
func (b *journalBinary) holds(r *bouncehouse.Record) bool {
	return b.name != "" && (b.end == 0 || r.Offset < b.end)
}

// value returns the first line of the value.
func (b *journalBinary) value(r *bouncehouse.Record) (line string, ok bool) {
	if b.end == 0 {
		// Between two records stands a line end, which is one byte or two, and
		// empty lines. What could be either is taken for the longer value.
		for gap := r.Offset - b.start - int64(len(b.length)); gap > 0 && len(b.length) < lengthBytes; gap-- {
			if gap == 1 {
				b.length = append(b.length, '\n')
				break
			}
			b.length, b.doubtful = append(b.length, '\r'), true
		}
		b.length = append(b.length, r.Text[:min(len(r.Text), lengthBytes-len(b.length))]...)
		if len(b.length) < lengthBytes {
			return "", false
		}
		n := binary.LittleEndian.Uint64(b.length)
		if n > maxBinary {
			b.doubtful, n = true, 0
		}
		b.end = b.start + lengthBytes + int64(n) + 1
	}
	from := max(0, b.start+lengthBytes-r.Offset)
	if b.taken || from >= int64(len(r.Text)) {
		return "", false
	}
	b.taken = true
	return r.Text[from:min(int64(len(r.Text)), max(from, b.end-1-r.Offset))], true
}

// maxBinary is longer than journald takes a value (DATA_SIZE_MAX is 768 MiB).
const maxBinary = 1 << 30

// clip64 copies a value, at most 64 KiB of it: the fields of one entry are
// of several records.
func clip64(s string) string { return strings.Clone(s[:min(len(s), maxJoined)]) }
