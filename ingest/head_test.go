package ingest

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bouncehouse/bouncehouse"
)

// Every chunk of a file with a header carries it, wherever reading began.
func TestFileHeadInEveryChunk(t *testing.T) {
	const head = "\ufeff#Software: Microsoft Exchange Server\r\n#Fields: date-time,client-ip,event-id\r\n"
	rows := func(from, to int) string {
		var b strings.Builder
		for i := from; i < to; i++ {
			fmt.Fprintf(&b, "2026-11-21T10:00:%02d.000Z,203.0.113.%d,SEND\r\n", i%60, i%250)
		}
		return b.String()
	}
	check := func(t *testing.T, path string, o Options, batches int) {
		t.Helper()
		src, err := Open(path, o)
		if err != nil {
			t.Fatal(err)
		}
		defer src.Close()
		chunks := 0
		for range batches {
			b, err := src.Read(t.Context())
			if errors.Is(err, io.EOF) {
				break
			}
			if err == nil {
				err = errors.Join(src.Intend(t.Context(), b), src.Commit(t.Context(), b))
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range b.Chunks {
				if chunks++; c.Head != head {
					t.Errorf("chunk at %d: head %q", c.Offset, c.Head)
				}
			}
		}
		if chunks < 2 {
			t.Errorf("%d chunks: nothing was shown", chunks)
		}
	}
	for _, name := range []string{"MSGTRK.LOG", "packed.log.1.gz"} {
		t.Run(name, func(t *testing.T) {
			o := Options{State: t.TempDir(), Host: "mx1", Zone: "UTC", ChunkSize: 4 << 10, Once: true}
			path := filepath.Join(t.TempDir(), name)
			text := head + rows(0, 600)
			f, err := os.Create(path)
			if err != nil {
				t.Fatal(err)
			}
			var w io.WriteCloser = f
			if strings.HasSuffix(name, ".gz") {
				w = gzip.NewWriter(f)
			}
			_, err = io.WriteString(w, text)
			if err = errors.Join(err, w.Close()); err != nil {
				t.Fatal(err)
			}
			check(t, path, o, 2)
			check(t, path, o, 2) // from the middle, with what came before replayed
			check(t, path, o, 1000)

			chunks := 0
			err = ReadFile(t.Context(), path, o, func(c *bouncehouse.Chunk) error {
				if chunks++; c.Head != head {
					t.Errorf("ReadFile, chunk at %d: head %q", c.Offset, c.Head)
				}
				return nil
			})
			if err != nil || chunks < 2 {
				t.Errorf("ReadFile: %d chunks, %v", chunks, err)
			}
		})
	}
}

// A header amid a file is that of all chunks behind it, after a restart too.
func TestFileHeadAmid(t *testing.T) {
	for _, heads := range [][2]string{
		{"#Version: 15\r\n#Fields: date-time,client-ip\r\n", "#Version: 16\r\n#Fields: client-ip,date-time\r\n"},
		{"type,timeLogged,orig,rcpt\n", "type,timeLogged,rcpt,orig\n"},
	} {
		p := newPlace(t)
		p.now = p.now.Add(time.Hour)
		rows, _ := logLines(0, 60)
		text := heads[0] + rows + heads[1] + rows
		second := int64(len(heads[0]) + len(rows))
		p.write(p.log, text)
		chunks := 0
		for ended := false; !ended; { // each batch by a reader of its own
			src := p.open(p.log)
			b, err := src.Read(t.Context())
			if ended = errors.Is(err, io.EOF); !ended {
				p.ok(err)
				for _, c := range b.Chunks {
					want := heads[0]
					if c.Offset > second {
						want = heads[1]
					}
					if chunks++; c.Head != want {
						t.Errorf("chunk at %d (replay %v): head %q, want %q", c.Offset, c.Replay, c.Head, want)
					}
				}
				p.settle(src, b)
			}
			p.ok(src.Close())
		}
		if chunks < 20 {
			t.Errorf("%d chunks", chunks)
		}
	}
}

// What a remote server has answered, with line ends in it, is no header.
func TestLastHead(t *testing.T) {
	const pmta = "type,timeLogged,orig,rcpt,dsnDiag\n"
	const w3c, exchange = "#Version: 1\n#Fields: date time c-ip\n", "#Version: 15\n#Fields: date-time,client-ip,data\n"
	for _, c := range []struct{ first, data, want string }{
		{pmta, "b,1,a,b,c\ntype,timeLogged,rcpt,orig,dsnDiag\nb,2\n", "type,timeLogged,rcpt,orig,dsnDiag\n"},
		{pmta, "b,1,a,b,c\ntype,timeLogged,rcpt,orig\nb,2\n", "type,timeLogged,rcpt,orig\n"},
		{pmta, "b,1,a,b,\"no\ntype,code,text,help\n5.1.1\"\n", ""},
		{pmta, "b,1,a,b,no\ntype,code,text,help\n", ""},
		{pmta, "b,1,a,b,\"no\ntype,timeLogged,rcpt,orig\n\"\"5.1.1\"\"\"\n", ""},
		{pmta, "b,1,a,b,\"no\n\"\ntype,timeLogged,rcpt,orig\n", "type,timeLogged,rcpt,orig\n"},
		{w3c, "1 2 3\n# a comment\n4 5 6\n", ""},
		{w3c, "1 2 \"\n#Version: 1\n#Fields: c-ip date time\n4 5 6\n", "#Version: 1\n#Fields: c-ip date time\n"},
		{exchange, "1,2,\"a subject\n#Fields: data,client-ip,date-time\n\"\n", ""},
		{exchange, "1,2,\"a\"\n#Fields: data,client-ip,date-time\n", "#Fields: data,client-ip,date-time\n"},
	} {
		head, at := lastHead(c.data, 1000, c.first)
		if head != c.want || head != "" && c.data[:at-1000] != c.data[:strings.Index(c.data, head)+len(head)] {
			t.Errorf("%q: %q, %d", c.data, head, at)
		}
	}
}

// A copy that goes on by itself goes on behind the header that stands amid what both share.
func TestFileHeadOfFork(t *testing.T) {
	p := newPlace(t)
	p.now = p.now.Add(time.Hour)
	first, second := "type,timeLogged,orig,rcpt\n", "type,timeLogged,rcpt,orig\n"
	rows, _ := logLines(0, 60)
	other, _ := logLines(500, 60)
	p.write(p.log, first+rows+second+rows)
	p.drain(p.open(p.log))
	copied := filepath.Join(p.dir, "copied.log")
	p.write(copied, first+rows+second+rows[:len(rows)/2]+other)
	for src := p.open(copied); ; {
		b, err := src.Read(t.Context())
		if errors.Is(err, io.EOF) {
			break
		}
		p.ok(err)
		for _, c := range b.Chunks {
			if c.Head != second && c.Offset > int64(len(first+rows+second)) {
				t.Errorf("chunk at %d: head %q", c.Offset, c.Head)
			}
		}
		p.settle(src, b)
	}
}
