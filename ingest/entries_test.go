package ingest

import (
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/bouncehouse/bouncehouse"
)

// exported is an entry of a journal's export with a binary value.
func exported(cursor, value string) string {
	length := binary.LittleEndian.AppendUint64(nil, uint64(len(value)))
	return "__CURSOR=" + cursor + "\n__REALTIME_TIMESTAMP=1788360555123456\nNOTE\n" + string(length) + value + "\n_UID=0\n_HOSTNAME=mx1\nMESSAGE=" + cursor + "\n\n"
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
			if c.Kind != bouncehouse.Lines || c.Offset != int64(len(got)) || !strings.HasPrefix(c.Data, "__CURSOR=") || !strings.HasSuffix(c.Data, "\n\n") {
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
	whole := exported("s=1", "a\n\nb") + exported("s=2", strings.Repeat("c\n", 300)) + exported("s=3", strings.Repeat("\x00\n\n", maxLine))
	p.write(p.log, exported("s=0", "")+whole)
	f, cut := strings.NewReader(""), cutter{size: 200, export: true}
	ends := map[int64]bool{}
	for _, e := range []int{0, len(exported("s=1", "a\n\nb")), len(exported("s=1", "a\n\nb") + exported("s=2", strings.Repeat("c\n", 300))), len(whole)} {
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
	if piece, err := cut.next(f, int64(len(exported("s=1", "a\n\nb"))), true); err != nil || piece != nil && piece.to != 100 {
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
