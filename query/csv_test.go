package query

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestCSVGuard(t *testing.T) {
	for in, want := range map[string]string{
		`"=1+1","b",-5` + "\n":         `"'=1+1","b",-5` + "\n",
		`"+1"` + "\n" + `"-x"` + "\n":  `"'+1"` + "\n" + `"'-x"` + "\n",
		`"@SUM(A1)",""` + "\n":         `"'@SUM(A1)",""` + "\n",
		`"a""=b",1`:                    `"a""=b",1`,
		`"""=b"`:                       `"""=b"`,
		"\"a,\n=b\",\"c\"\n":           "\"a,\n=b\",\"c\"\n",
		"\"\tx\",\"\rx\"":              "\"'\tx\",\"'\rx\"",
		`"＝x","－","＂","中"`:             `"'＝x","'－","＂","中"`,
		"\"\xef\"\n\"\xef\xbc\",\"=\"": "\"\xef\"\n\"\xef\xbc\",\"'=\"",
		`1,2,"['=a']",2026-11-29,\N`:   `1,2,"['=a']",2026-11-29,\N`,
	} {
		for name, r := range map[string]io.Reader{"whole": strings.NewReader(in),
			"bytewise": iotest.OneByteReader(strings.NewReader(in))} {
			var out bytes.Buffer
			if _, err := io.Copy(struct{ io.Writer }{&csvWriter{w: &out}}, r); err != nil {
				t.Fatal(err)
			}
			if out.String() != want {
				t.Errorf("%s: %q became %q, not %q", name, in, out.String(), want)
			}
		}
	}
}
