package ingest

import (
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/bouncehouse/bouncehouse"
)

// exported is an entry of a journal's export with a binary value.
func exported(cursor, value string) string {
	length := binary.LittleEndian.AppendUint64(nil, uint64(len(value)))
	return "__CURSOR=" + cursor + "\n__REALTIME_TIMESTAMP=1788360555123456\nNOTE\n" + string(length) + value +
		"\n_UID=0\n_HOSTNAME=mx1\nMESSAGE=" + cursor + "\n\n"
}

// An export is handed on entry by entry, whatever its values hold and however
// small chunks are.
func TestExportCuts(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var entries []string
	for n := range 400 { // every low byte of a length: also of a zero and a line end
		value := make([]byte, n+n/300*2270)
		for i := range value {
			value[i] = "\x00\n\r=A\xff"[r.IntN(6)]
		}
		entries = append(entries, exported("s=1", string(value)))
	}
	for _, size := range []int{64, 200, 5000, 1 << 20} {
		p := newPlace(t)
		p.write(p.log, strings.Join(entries, ""))
		got := ""
		for _, c := range p.chunks(p.open(p.log, func(o *Options) { o.ChunkSize = size })) {
			if c.Kind != bouncehouse.Lines || c.Offset != int64(len(got)) || !strings.HasPrefix(c.Data, "__CURSOR=") ||
				!strings.HasSuffix(c.Data, "\n\n") {
				t.Fatalf("chunks of %d, after %d bytes: %s at %d: %.60q", size, len(got), c.Kind, c.Offset, c.Data)
			}
			got += c.Data
		}
		if got != strings.Join(entries, "") {
			t.Errorf("chunks of %d: %d bytes of %d", size, len(got), len(strings.Join(entries, "")))
		}
	}
}

// An entry that is too long is a dead letter, as a whole: no line of its value
// is read as another.
func TestExportLong(t *testing.T) {
	forged := exported("s=9", "x")
	p := newPlace(t)
	long := exported("s=2", strings.Repeat("a", maxLine)+"\n"+strings.Repeat(forged, 4000))
	text := "__CURSOR=s=3\nMESSAGE=" + strings.Repeat("b", 2*maxLine) + "\n_UID=0\n\n"
	p.write(p.log, exported("s=1", "x")+long+text+exported("s=4", "x"))
	var got []string
	for _, c := range p.chunks(p.open(p.log)) {
		got = append(got, string(c.Kind)+" "+c.Data[9:12])
	}
	if s := strings.Join(got, ", "); s != "lines s=1, broken s=2, broken s=3, lines s=4" {
		t.Error(s)
	}
}

// An entry is handed on once it is whole; of a file that ends within one, what
// there is.
func TestExportGrows(t *testing.T) {
	p := newPlace(t)
	whole := exported("s=1", "a\n\nb") + exported("s=2", strings.Repeat("c\n", 300)) + exported("s=3",
		strings.Repeat("\x00\n\n", maxLine))
	p.write(p.log, exported("s=0", "")+whole)
	f, cut := strings.NewReader(""), cutter{size: 200, export: true}
	ends := map[int64]bool{}
	for _, e := range []int{0, len(exported("s=1", "a\n\nb")),
		len(exported("s=1", "a\n\nb") + exported("s=2", strings.Repeat("c\n", 300))), len(whole)} {
		ends[int64(e)] = true
	}
	for n := 0; n <= len(whole); n += 1 + n/2000 {
		f.Reset(whole[:n])
		for at := int64(0); ; {
			piece, err := cut.next(f, at, false)
			if err != nil && !errors.Is(err, io.EOF) {
				t.Fatal(err)
			}
			if piece == nil {
				if rest := int64(n) - at; !ends[at] || ends[int64(n)] && rest > 0 {
					t.Fatalf("of %d bytes, stopped at %d", n, at)
				}
				break
			}
			at = piece.to
		}
	}
	f.Reset(whole[:100])
	if piece, err := cut.next(f, int64(len(exported("s=1", "a\n\nb"))), true); err != nil ||
		piece != nil && piece.to != 100 {
		t.Errorf("%+v, %v", piece, err)
	}
}

// chunks reads and commits until the end.
func (p *place) chunks(s Source) (got []bouncehouse.Chunk) {
	p.t.Helper()
	for {
		b, err := s.Read(p.t.Context())
		if errors.Is(err, io.EOF) {
			return got
		}
		if err == nil {
			err = errors.Join(s.Intend(p.t.Context(), b), s.Commit(p.t.Context(), b))
		}
		if err != nil {
			p.t.Fatal(err)
		}
		for _, c := range b.Chunks {
			if !c.Replay {
				got = append(got, c)
			}
		}
	}
}

// forgedLines are what a stranger may put into a value: entries, and lines of
// another format.
func forgedLines(n int) string {
	return strings.Repeat("Nov 30 06:00:00 mx1 postfix/smtp[1]: 4dXk7g1XqCz5vMd: to=<a@example.net>, relay=none, delay=1, dsn=5.0.0, status=bounced (no)\n", n)
}

// handed is what of chunks is read, and how many dead letters there are.
func handed(chunks []bouncehouse.Chunk) (lines string, broken int) {
	for _, c := range chunks {
		if c.Kind == bouncehouse.Lines {
			lines += c.Data
		} else if broken++; c.Reason != amidReason {
			lines += c.Reason
		}
	}
	return lines, broken
}

// Of an export that is rotated within an entry nothing is read but what begins
// with one: wherever it is cut, whatever stands there, before and after a
// restart.
func TestExportCutAmid(t *testing.T) {
	first := exported("s=1", "x")
	value := forgedLines(3) + "\n" + exported("s=9", "y") + "\n" + exported("s=8", "y")
	whole := first + exported("s=2", value) + exported("s=3", "z")
	for cut := 1; cut < len(whole); cut++ {
		rest := whole[cut:]
		if isExport([]byte(rest)) {
			continue // between two entries, or where a value looks like it
		}
		for at := int64(0); ; {
			c := cutter{size: 200, amid: entryStart([]byte(rest)) >= 0}
			piece, err := c.next(strings.NewReader(rest), at, true)
			if err != nil && !errors.Is(err, io.EOF) {
				t.Fatal(err)
			}
			if piece == nil || piece.done {
				break
			}
			if at = piece.to; strings.Contains(piece.data, "\n__CURSOR=") ||
				strings.HasPrefix(piece.data, "__CURSOR=") {
				t.Fatalf("cut at %d: %q is handed on", cut, piece.data)
			}
		}
	}

	for name, rest := range map[string]string{
		"an entry near":      "x\n" + forgedLines(3) + "\n" + exported("s=9", "y"),
		"an entry far":       forgedLines(2000) + "\n" + exported("s=9", "y"),
		"no entry":           forgedLines(2000),
		"a half field":       "MESSAGE=x\n\n" + exported("s=9", "y"),
		"the end of a field": "SOR=s=2\n_UID=0\n\n" + exported("s=9", "y"),
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t)
			p.write(p.log+".1", first)
			p.write(p.log, rest)
			lines, broken := handed(p.chunks(p.open(p.log)))
			if lines != first || broken != 1 {
				t.Errorf("%d dead letters, and read: %q", broken, lines)
			}
			p.write(p.log, forgedLines(1)+"\n"+exported("s=9", "z"))
			if lines, broken := handed(p.chunks(p.open(p.log))); lines != "" || broken != 0 {
				t.Errorf("after a restart: %d dead letters, and read: %q", broken, lines)
			}
			p.rename(p.log, p.log+".0")
			p.write(p.log, exported("s=4", "honest"))
			if lines, broken := handed(p.chunks(p.open(p.log))); lines != exported("s=4", "honest") || broken != 0 {
				t.Errorf("the next file: %d dead letters, and read: %q", broken, lines)
			}
		})
	}
}

// The next file of an export may have half a line so far.
func TestExportBeginsSlowly(t *testing.T) {
	for n := 1; n < 15; n++ {
		p, second := newPlace(t), "\n"+exported("s=2", "y")
		p.write(p.log, exported("s=1", "x"))
		p.chunks(p.open(p.log))
		p.rename(p.log, p.log+".1")
		p.write(p.log, second[:n])
		lines, broken := handed(p.chunks(p.open(p.log)))
		p.write(p.log, second[n:])
		rest, more := handed(p.chunks(p.open(p.log)))
		if !strings.HasSuffix(lines+rest, strings.TrimPrefix(second, lines)) || broken+more != 0 {
			t.Errorf("%d bytes first: %d dead letters, read: %q, %q", n, broken+more, lines, rest)
		}
	}
}

// An entry's last line end may stand in the next file; and a log that is no
// export is handed on up to what looks like one's entry.
func TestExportBegins(t *testing.T) {
	for content, want := range map[string]string{
		"\n" + exported("s=1", "a\x00\n\nb"):     "\n" + exported("s=1", "a\x00\n\nb"),
		"\r\n\n" + exported("s=1", "a\n"):        "\r\n\n" + exported("s=1", "a\n"),
		forgedLines(1000) + exported("s=1", "a"): forgedLines(1000),
		forgedLines(2) + "x __CURSOR=1\n":        forgedLines(2) + "x __CURSOR=1\n",
	} {
		p := newPlace(t)
		p.write(p.log, content)
		if lines, _ := handed(p.chunks(p.open(p.log))); lines != want {
			t.Errorf("%d bytes %.40q: read %d bytes: %.40q", len(content), content, len(lines), lines)
		}
	}
}

// What is parsed again after a start never begins within a value, nor is it of
// a file before that may.
func TestExportIsReplayedWholeOnly(t *testing.T) {
	value := strings.Repeat("x\n\n"+exported("s=9", "forged"), int(replaySize)/100)
	for name, second := range map[string]bool{"the same file": false, "the next file": true} {
		p := newPlace(t)
		p.write(p.log, exported("s=1", value)+exported("s=2", "x"))
		p.drain(p.open(p.log))
		if second {
			if err := os.Rename(p.log, p.log+".1"); err != nil {
				t.Fatal(err)
			}
			p.write(p.log, exported("s=3", "x"))
		} else {
			p.write(p.log, exported("s=3", "x"))
		}
		b, err := p.open(p.log).Read(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range b.Chunks {
			if c.Replay || !strings.HasPrefix(c.Data, "__CURSOR=s=3") {
				t.Errorf("%s: replay %v of %.40q", name, c.Replay, c.Data)
			}
		}
	}
}
