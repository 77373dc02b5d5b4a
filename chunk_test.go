package bouncehouse

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func testChunk() Chunk {
	return Chunk{Stream: "mx1.example.com:/var/log/mail.log", Seq: 7, FileID: "0123456789abcdef", File: "mail.log",
		Kind: Lines,
		Host: "mx1.example.com", Zone: "Asia/Shanghai", Ref: time.Date(2026, 3, 1, 12, 30, 15, 987654321, time.UTC),
		Offset: 4711, Data: "line one\nline two\xff\r\nline three\n"}
}

func TestChunkBinary(t *testing.T) {
	broken := testChunk()
	broken.Kind, broken.Reason, broken.Data = Broken, "no line end within 1 MiB", strings.Repeat("x", 100)
	bare := Chunk{Stream: "s", Kind: Mail}
	future := testChunk()
	future.Ref = time.Date(20000, 1, 1, 0, 0, 0, 0, time.UTC)
	for name, c := range map[string]Chunk{"lines": testChunk(), "broken": broken, "bare": bare,
		"a year beyond JSON's": future} {
		t.Run(name, func(t *testing.T) {
			b, err := c.AppendBinary([]byte("before"))
			if err != nil {
				t.Fatal(err)
			}
			b, found := bytes.CutPrefix(b, []byte("before"))
			if !found {
				t.Fatal("AppendBinary does not append")
			}
			got := Chunk{Replay: true}
			if err := got.UnmarshalBinary(b); err != nil {
				t.Fatal(err)
			}
			want := c
			if want.Ref.Year() > 9999 {
				want.Ref = time.Time{}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			clear(b)
			if got.Data != c.Data {
				t.Error("the chunk keeps the slice that it was read from")
			}
		})
	}
}

func TestChunkBinaryRefuses(t *testing.T) {
	for name, c := range map[string]Chunk{
		"no stream": {Kind: Lines}, "no kind": {Stream: "s"}, "unknown kind": {Stream: "s", Kind: "x"},
		"offset":       {Stream: "s", Kind: Lines, Offset: -1},
		"endless name": {Stream: strings.Repeat("s", maxChunkHeader), Kind: Lines},
	} {
		if _, err := c.MarshalBinary(); err == nil {
			t.Errorf("%s: encoded", name)
		}
	}
	c := testChunk()
	whole, err := c.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	head := len(whole) - len(c.Data)
	for n := range head {
		got := testChunk()
		if err := got.UnmarshalBinary(whole[:n]); err == nil {
			t.Errorf("decoded from the first %d of a header of %d bytes", n, head)
		}
		if got.Stream != "" || got.Data != "" {
			t.Fatalf("left %+v after an error", got)
		}
	}
	for _, b := range []string{"\x02\x02{}", "\x01\x02{}", "\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "\x01\x80",
		"{}", "\x01\x1d{\"stream\":\"s\",\"kind\":\"evil\"}"} {
		if err := new(Chunk).UnmarshalBinary([]byte(b)); err == nil {
			t.Errorf("decoded %q", b)
		}
	}
}

func FuzzChunkBinary(f *testing.F) {
	c := testChunk()
	b, err := c.MarshalBinary()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add([]byte("\x01\x02{}"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var c, again Chunk
		if c.UnmarshalBinary(b) != nil {
			return
		}
		b, err := c.MarshalBinary()
		if err != nil {
			t.Skip(err) // a header that grew by escapes
		}
		if err := again.UnmarshalBinary(b); err != nil {
			t.Fatal(err)
		}
		if again.Data != c.Data || again.Seq != c.Seq {
			t.Fatalf("%+v became %+v", c, again)
		}
	})
}

// TestChunkHalves cuts chunks until each part is small, as the sink does, and
// finds every byte again in order.
func TestChunkHalves(t *testing.T) {
	var pieces func(c Chunk, limit, depth int) []Chunk
	pieces = func(c Chunk, limit, depth int) []Chunk {
		if len(c.Data) <= limit {
			return []Chunk{c}
		}
		if depth > 40 {
			t.Fatal("no end of halving")
		}
		var all []Chunk
		for _, h := range c.Halves("too large") {
			if len(h.Data) >= len(c.Data) {
				t.Fatalf("a part of %d of %d bytes", len(h.Data), len(c.Data))
			}
			all = append(all, pieces(h, limit, depth+1)...)
		}
		return all
	}

	c := testChunk()
	c.Data = strings.Repeat("a line of a log\n", 1000) + strings.Repeat("long ", 200_000) + "\n" +
		strings.Repeat("more\r\n", 500) + "last"
	whole := c
	at := c.Offset
	kinds := map[Kind]int{}
	for _, p := range pieces(whole, 4096, 0) {
		kinds[p.Kind]++
		if p.Seq != c.Seq || p.FileID != c.FileID {
			t.Fatalf("part %+v", p)
		}
		if p.Offset != at {
			t.Fatalf("a part at %d, not at %d", p.Offset, at)
		}
		if p.Kind == Broken {
			if !strings.HasPrefix(p.Data, "long long") || p.Reason != "too large" {
				t.Fatalf("broken: %q %.40q", p.Reason, p.Data)
			}
			at += 1_000_001
			continue
		}
		if want := c.Data[at-c.Offset:]; !strings.HasPrefix(want, p.Data) ||
			!strings.HasSuffix(p.Data, "\n") && p.Data != "last" && !strings.HasSuffix(p.Data, "\nlast") {
			t.Fatalf("the part at %d is not the data there, or is no whole lines", at)
		}
		at += int64(len(p.Data))
	}
	if at != c.Offset+int64(len(c.Data)) || kinds[Broken] != 1 {
		t.Errorf("the parts end at %d of %d; kinds %v", at-c.Offset, len(c.Data), kinds)
	}

	mail := Chunk{Stream: "s", Kind: Mail, Data: "Subject: x\n\n" + strings.Repeat("returned message ", 60_000)}
	if got := pieces(mail, 100_000, 0); len(got) != 1 || got[0].Kind != Mail ||
		!strings.HasPrefix(mail.Data, got[0].Data) {
		t.Errorf("a mail's parts: %d, the first of kind %s", len(got), got[0].Kind)
	}
	if got := pieces(mail, 1000, 0); len(got) != 1 || got[0].Kind != Broken {
		t.Errorf("a mail too large for anything: %d parts, the first of kind %s", len(got), got[0].Kind)
	}
}
