package ingest

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// doneMails are the mails that need not be read again: a file of lines, each
// a content's hash and a unique name, that is only ever appended to, and
// written anew without the mails that are gone when it has grown.
type doneMails struct {
	path     string
	f        *os.File // nil without a state directory
	size     int64    // of the whole lines in f
	lines    int
	names    map[string]string // unique name → content
	contents map[string]int    // content → how many names have it
}

func openDone(position string) (*doneMails, error) {
	d := &doneMails{names: map[string]string{}, contents: map[string]int{}}
	if position == "" {
		return d, nil
	}
	d.path = strings.TrimSuffix(position, ".json") + ".done"
	f, err := os.OpenFile(d.path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, explain("open", d.path, err)
	}
	d.f = f
	r := bufio.NewReader(f)
	for {
		line, err := r.ReadString('\n')
		if errors.Is(err, io.EOF) {
			break // a line without its end was never relied on
		}
		if err != nil {
			f.Close()
			return nil, explain("read", d.path, err)
		}
		content, name, ok := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		if !ok || len(content) != 32 {
			f.Close()
			return nil, fmt.Errorf("file %s is damaged in line %d: put a copy of it back, or delete it to read all its mails again", d.path, d.lines+1)
		}
		d.size += int64(len(line))
		d.note(name, content)
	}
	return d, syncDir(filepath.Dir(d.path))
}

func (d *doneMails) close() error {
	if d.f == nil {
		return nil
	}
	return d.f.Close()
}

func (d *doneMails) hasName(unique string) bool { _, ok := d.names[unique]; return ok }
func (d *doneMails) hasContent(id string) bool  { return d.contents[id] > 0 }

func (d *doneMails) note(name, content string) {
	d.lines++
	if was, ok := d.names[name]; ok {
		d.contents[was]--
	}
	d.names[name] = content
	d.contents[content]++
}

// add makes mails durable as done.
func (d *doneMails) add(mails []mailIntent) error {
	if d.f != nil {
		var b bytes.Buffer
		for _, m := range mails {
			fmt.Fprintf(&b, "%s %s\n", m.File, m.Name)
		}
		err := d.f.Truncate(d.size) // what a full disk left half
		if err == nil {
			_, err = d.f.WriteAt(b.Bytes(), d.size)
		}
		if err == nil {
			err = d.f.Sync()
		}
		if err != nil {
			return explain("write", d.path, err)
		}
		d.size += int64(b.Len())
	}
	for _, m := range mails {
		d.note(m.Name, m.File)
	}
	return nil
}

// prune forgets the mails that are no longer there.
func (d *doneMails) prune(there func(name string) bool) error {
	var b bytes.Buffer
	for name, content := range d.names {
		if !there(name) {
			delete(d.names, name)
			if d.contents[content]--; d.contents[content] <= 0 {
				delete(d.contents, content)
			}
		} else {
			fmt.Fprintf(&b, "%s %s\n", content, name)
		}
	}
	if d.f == nil || d.lines <= 2*len(d.names)+1000 {
		return nil
	}
	if err := writeFile(d.path, b.Bytes()); err != nil {
		return explain("write", d.path, err)
	}
	f, err := os.OpenFile(d.path, os.O_RDWR, 0o600)
	if err != nil {
		return explain("open", d.path, err)
	}
	d.f.Close()
	d.f, d.size, d.lines = f, int64(b.Len()), len(d.names)
	return nil
}
