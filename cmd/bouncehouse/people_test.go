package main

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestPeople(t *testing.T) {
	for in, want := range map[string]string{
		"一行\nzwei\n":                     "一行\nzwei\n",
		"a\x1b]0;title\x07b\n":           "a\ufffd]0;title\ufffdb\n",
		"gnp.\u202etxe\u200b\n":          "gnp.\ufffdtxe\ufffd\n",
		"latin \xe9\n":                   "latin \ufffd\n",
		"no end":                         "no end",
		strings.Repeat("行", 5000) + "\n": strings.Repeat("行", 5000) + "\n",
	} {
		for name, r := range map[string]io.Reader{"whole": strings.NewReader(in),
			"bytewise": iotest.OneByteReader(strings.NewReader(in))} {
			var out bytes.Buffer
			if _, err := io.Copy(&people{to: &out}, r); err != nil {
				t.Fatal(err)
			}
			if out.String() != want {
				t.Errorf("%s: %.80q became %.80q", name, in, out.String())
			}
		}
	}
}
