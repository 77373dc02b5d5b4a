package ingest

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"regexp"
	"strings"

	"github.com/bouncehouse/bouncehouse"
)

// Versions before Mails kept a position and a list of mails a mailbox: lines
// of an id, of the raw content or as formerMboxID makes it, and a name. The
// lists stay where they are: what is in one of them was read. A batch that
// stood is made one of ours.

// readOld reads what earlier versions left in the folder of positions.
func (s *Mails) readOld(dir string) error {
	lists, err := filesIn(dir, ".done")
	if err != nil {
		return explain("list", dir, err)
	}
	for _, path := range lists {
		raw, err := readOwn(path)
		if err != nil {
			return explain("read", path, err)
		}
		n := 0
		for line := range bytes.Lines(raw) {
			n++
			if !bytes.HasSuffix(line, []byte("\n")) {
				break // a line without its end was never relied on
			}
			text, _, ok := strings.Cut(string(line), " ")
			id, isID := parseID(text)
			if !ok || !isID {
				return fmt.Errorf("file %s is damaged in line %d: put a copy of it back, or delete it to read all its mails again", path, n)
			}
			s.old[id] = true
		}
	}
	positions, err := filesIn(dir, ".json")
	if err != nil {
		return explain("list", dir, err)
	}
	for _, path := range positions {
		raw, err := readOwn(path)
		if err != nil {
			return explain("read", path, err)
		}
		p, err := unseal(raw)
		if err != nil || p.Intent == nil || len(p.Intent.Mails) == 0 {
			continue // a log's: its source tells what is wrong with it
		}
		b, err := s.convert(p)
		if err == nil {
			err = s.intend(b)
		}
		if err != nil {
			return fmt.Errorf("take over the mails under way of %s: %w", p.Stream, err)
		}
		p.Intent = nil
		if err := (&positionFile{path, writeFile}).save(p); err != nil {
			return err
		}
		s.stand(b)
	}
	return nil
}

// convert makes the batch of an intent; its mails are found by their content.
func (s *Mails) convert(p *position) (*mailBatch, error) {
	in := p.Intent
	var found map[string]string
	var err error
	isMbox := in.File != ""
	if isMbox {
		found, err = formerMbox(p.Path, p.Kind)
	} else {
		found, err = formerMaildir(p.Path)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, explain("read", p.Path, err)
	}
	b := &mailBatch{Batch: bouncehouse.Batch{ID: in.Batch}}
	for i, mail := range in.Mails {
		c := bouncehouse.Chunk{
			Stream: p.Stream, Seq: in.Seq + uint64(i), FileID: mail.File, File: mail.Name, Kind: bouncehouse.Mail,
			Host: in.Host, Zone: in.Zone, Ref: mail.Ref, Reason: mail.Reason, Data: found[mail.File],
		}
		if isMbox {
			c.FileID, c.File, c.Ref = in.File, in.Name, in.Ref
			fmt.Sscanf(strings.TrimPrefix(mail.Name, in.File), "-%d", &c.Offset)
		}
		done := doneMail{id: idOf(c.Data)}
		switch {
		case mail.Reason != "":
			c.Kind = bouncehouse.Broken
		case c.Data == "":
			c.Kind, c.Reason = bouncehouse.Broken,
				fmt.Sprintf("mail %s is lost: it was removed after a crash, before it was stored", mail.Name)
			s.log.Error("a mail that was about to be stored is gone", "stream", p.Stream, "mail", mail.Name)
		}
		if c.Kind == bouncehouse.Broken {
			done.id = sumOf(c.Reason + mail.Name)
		}
		b.mails, b.Chunks = append(b.mails, done), append(b.Chunks, c)
	}
	return b, nil
}

// formerMaildir is what lies in a Maildir, by the ids that it had.
func formerMaildir(path string) (map[string]string, error) {
	found := map[string]string{}
	dirs, files, _, err := listMaildir(path)
	if err != nil {
		return nil, err
	}
	defer dirs.close()
	for _, f := range files {
		file, err := openAt(dirs[f.sub], f.name, 0)
		if err != nil {
			continue // gone, or not to be read: then it was a dead letter
		}
		h := sha256.New()
		var front bytes.Buffer
		_, err = io.Copy(h, io.TeeReader(io.LimitReader(file, maxMail), &front))
		if err == nil {
			_, err = io.Copy(h, io.LimitReader(file, hashMax-maxMail))
		}
		file.Close()
		if err == nil {
			found[mailID(h.Sum(nil)[:16]).String()] = front.String()
		}
	}
	return found, nil
}

// formerMbox is what lies in an mbox.
func formerMbox(path string, kind fileKind) (map[string]string, error) {
	found := map[string]string{}
	f, info, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info.Size() == 0 {
		return nil, nil
	}
	c, err := openContent(f)
	if err != nil {
		return nil, err
	}
	defer c.close()
	var split splitter
	for at := int64(0); ; {
		mail, err := split.next(c, at, kind == kindMail)
		if mail == nil || err != nil {
			return found, err
		}
		found[formerMboxID(mail.data).String()] = mail.data
		at = mail.to
	}
}

var formerState = regexp.MustCompile(`(?i)^(status|x-status|x-keywords|x-uid|x-imap|x-imapbase|x-mozilla-status2?|x-mozilla-keys|content-length|lines):`)

// formerMboxID is a hash of the mail without what mail programs change in it.
func formerMboxID(data string) mailID {
	h := sha256.New()
	rest := []byte(data)
	for len(rest) > 0 {
		n := bytes.IndexByte(rest, '\n') + 1
		if n <= 2 && len(bytes.TrimSpace(rest[:n])) == 0 {
			break // the body, or no line end
		}
		if !formerState.Match(rest[:n]) {
			h.Write(rest[:n])
		}
		rest = rest[n:]
	}
	h.Write(rest)
	return mailID(h.Sum(nil)[:16])
}
