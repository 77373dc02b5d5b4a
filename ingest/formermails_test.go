package ingest

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bouncehouse/bouncehouse"
)

// former writes what versions before Mails kept of a mailbox.
func (p *place) former(path string, pos position, done ...string) {
	p.t.Helper()
	stream := "mx1.example.org:" + path
	dir := filepath.Join(p.state, "positions")
	base := filepath.Join(dir, filepath.Base(path)+"-"+shortHash(stream))
	pos.Version, pos.Stream, pos.Path = positionVersion, stream, path
	err := errors.Join(os.MkdirAll(dir, 0o700), os.WriteFile(base+".done", []byte(strings.Join(done, "")), 0o600),
		(&positionFile{base + ".json", writeFile}).save(&pos))
	if err != nil {
		p.t.Fatal(err)
	}
}

func rawID(mail string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(mail)))[:32] }

// What an earlier version read is not read again, wherever it lies now.
func TestFormerMails(t *testing.T) {
	p := newPlace(t)
	dir, file, eml := newMaildir(p), p.dir+"/mbox", p.dir+"/one.eml"
	odd := "Status: RO\n" + mailText(2) + "\n>From x\r\n\n"
	big := mailText(3) + strings.Repeat("x", 2<<20)
	p.write(dir+"/new/1", mailText(1))
	p.write(dir+"/cur/2:2,S", odd)
	p.write(dir+"/cur/3:2,S", big)
	p.former(dir, position{}, rawID(mailText(1))+" 1\n", rawID(odd)+" 2\n", rawID(big)+" 3\n", "torn")
	folded := "Subject: x\nX-Keywords: a\n b\nX-UIDL: 7\n\nbody\n"
	p.write(file, fromLine+folded+"\n"+fromLine+mailText(5)+"\n")
	p.former(file, position{Kind: kindMbox}, formerMboxID(folded).String()+" x-1\n",
		formerMboxID(mailText(5)).String()+" x-2\n")
	p.write(eml, mailText(6)+"\n")
	p.former(eml, position{Kind: kindMail}, formerMboxID(mailText(6)+"\n").String()+" x-1\n")
	check := func() {
		t.Helper()
		for _, path := range []string{dir, file, eml} {
			if got := p.drain(p.open(path, func(o *Options) { o.Host = "mx2.example.org" })); got != nil {
				t.Errorf("%s: read again: %.200q", path, got)
			}
		}
	}
	check()
	p.write(p.maildir("other")+"/new/9", odd)
	p.write(dir+"/new/5", mailText(5))
	p.rename(eml, dir+"/new/6")
	p.write(eml, folded)
	if got := p.drain(p.open(p.dir + "/other")); got != nil {
		t.Errorf("read again: %q", got)
	}
	check()
	p.write(dir+"/new/7", mailText(7))
	if diff := cmp.Diff([]string{mailText(7)}, p.drain(p.open(dir))); diff != "" {
		t.Error(diff)
	}
	done, _ := filesIn(p.state+"/positions", ".done")
	p.write(done[0], "\ndamaged\n")
	if _, err := Open(dir, p.options()); err == nil || !strings.Contains(err.Error(), "is damaged in line") {
		t.Error(err)
	}
}

// A batch under way when the version changed comes as it would have come.
func TestFormerIntent(t *testing.T) {
	p := newPlace(t)
	dir, file := newMaildir(p), p.dir+"/mbox"
	at := time.Now().UTC()
	p.write(dir+"/new/1", mailText(1))
	p.write(dir+"/cur/other name:2,S", mailText(2))
	p.former(dir, position{Intent: &intent{Batch: "maildir-batch", Seq: 7, Kind: bouncehouse.Mail, Host: "old",
		Zone: "UTC", Mails: []mailIntent{
			{Name: "1", File: rawID(mailText(1)), Ref: at}, {Name: "2", File: rawID(mailText(2)), Ref: at},
			{Name: "3", File: rawID("gone"), Ref: at},
		}}})
	first := fromLine + mailText(4) + "\n"
	p.write(file, first+fromLine+mailText(5)+"\n")
	id := strings.Repeat("ab", 16)
	p.former(file, position{Kind: kindMbox, Intent: &intent{Batch: "mbox-batch", Seq: 70, File: id, Name: "mbox",
		Kind: bouncehouse.Mail, Ref: at, Host: "old", Zone: "UTC",
		Mails: []mailIntent{{Name: fmt.Sprintf("%s-%d", id, len(first)+len(fromLine)),
			File: formerMboxID(mailText(5)).String(), Ref: at}}}})
	want := []bouncehouse.Batch{
		{ID: "maildir-batch", Recover: true, Chunks: []bouncehouse.Chunk{
			{Stream: "mx1.example.org:" + dir, Seq: 7, FileID: rawID(mailText(1)), File: "1", Kind: bouncehouse.Mail,
				Host: "old", Zone: "UTC", Ref: at, Data: mailText(1)},
			{Stream: "mx1.example.org:" + dir, Seq: 8, FileID: rawID(mailText(2)), File: "2", Kind: bouncehouse.Mail,
				Host: "old", Zone: "UTC", Ref: at, Data: mailText(2)},
			{Stream: "mx1.example.org:" + dir, Seq: 9, FileID: rawID("gone"), File: "3", Kind: bouncehouse.Broken,
				Host: "old", Zone: "UTC", Ref: at,
				Reason: "mail 3 is lost: it was removed after a crash, before it was stored"},
		}},
		{ID: "mbox-batch", Recover: true, Chunks: []bouncehouse.Chunk{
			{Stream: "mx1.example.org:" + file, Seq: 70, FileID: id, File: "mbox", Kind: bouncehouse.Mail, Host: "old",
				Zone: "UTC", Ref: at, Offset: int64(len(first) + len(fromLine)), Data: mailText(5)},
		}},
	}
	if _, err := OpenMails(p.state, nil); err != nil { // and killed
		t.Fatal(err)
	}
	src := p.open(file, func(o *Options) { o.ChunkSize = 1 << 20 })
	for _, w := range want {
		got, err := src.Read(t.Context())
		if diff := cmp.Diff(w, got); diff != "" || err != nil {
			t.Fatalf("%v %s", err, diff)
		}
		p.settle(src, got)
	}
	if diff := cmp.Diff([]string{mailText(4)}, p.drain(src)); diff != "" {
		t.Error(diff)
	}
	if got := p.drain(p.open(dir)); got != nil {
		t.Errorf("read again: %q", got)
	}
	raw, _ := filesIn(p.state+"/positions", ".json")
	for _, path := range raw {
		if data, err := os.ReadFile(path); err != nil || bytes.Contains(data, []byte("intent")) {
			t.Errorf("%s: %v %s", path, err, data)
		}
	}
	if _, err := src.Read(t.Context()); !errors.Is(err, io.EOF) {
		t.Error(err)
	}
}
