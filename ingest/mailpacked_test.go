package ingest

import (
	"bytes"
	"compress/gzip"
	"io"
	"slices"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// Mails that Dovecot's zlib plugin has packed are the same as those it has not; what
// cannot be unpacked is a dead letter.
func TestPackedMails(t *testing.T) {
	p := newPlace(t)
	dir := newMaildir(p)
	pack := func(text string, to func(io.Writer) io.WriteCloser) string {
		var b bytes.Buffer
		w := to(&b)
		if _, err := io.WriteString(w, text); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	gz := func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) }
	zst := func(w io.Writer) io.WriteCloser { z, _ := zstd.NewWriter(w); return z }
	p.write(dir+"/cur/0:2,S", mailText(0))
	p.write(dir+"/cur/1:2,S", pack(mailText(0), gz)) // the same
	p.write(dir+"/cur/2:2,S", pack(mailText(1), gz))
	p.write(dir+"/cur/3:2,S", pack(mailText(2), zst))
	p.write(dir+"/cur/4:2,S", "\xfd7zXZ\x00\x00\x04 and so on")
	p.write(dir+"/cur/5:2,S", pack(pack(mailText(3), gz), gz))
	p.write(dir+"/cur/6:2,S", pack(mailText(4), gz)[:30])
	got := p.drain(p.open(dir))
	slices.Sort(got)
	want := []string{mailText(0), mailText(1), mailText(2), "broken: the mail is gzip, which is not read",
		"broken: the mail is xz, which is not read",
		"broken: read 6:2,S: compressed data is cut or damaged: unexpected EOF"}
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}
