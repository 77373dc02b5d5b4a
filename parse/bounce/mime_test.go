package bounce

import (
	"testing"

	"github.com/bouncehouse/bouncehouse/parse/charset"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/encoding/simplifiedchinese"
)

// outline renders a part and what is in it: (type part part ...).
func outline(p *mimePart) string {
	s := p.media
	for _, inner := range innerParts(p) {
		s += " " + outline(inner)
	}
	if s != p.media {
		s = "(" + s + ")"
	}
	return s
}

// innerParts are the parts of a multipart, and the message of a part that is
// one.
func innerParts(p *mimePart) []*mimePart {
	var inner []*mimePart
	for i := range p.parts {
		inner = append(inner, &p.parts[i])
	}
	if m := p.message(); m != nil {
		inner = append(inner, m)
	}
	return inner
}

func TestParseMail(t *testing.T) {
	for name, test := range map[string]struct{ mail, want string }{
		"no header":   {"just text\nhere: it is\n", "text/plain"},
		"empty":       {"", "text/plain"},
		"header only": {"Subject: x", "text/plain"},
		"mbox separator": {"From a@example.com Mon Nov  2 09:00:00 2026\nContent-Type: text/html\n\nx",
			"text/html"},
		"crlf":              {"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b\r\nContent-Type: text/html\r\n\r\ny\r\n--b--\r\n", "(multipart/mixed text/plain text/html)"},
		"no end boundary":   {"Content-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n--b\nContent-Type: text/html\n\ny", "(multipart/mixed text/plain text/html)"},
		"inner end missing": {"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/alternative; boundary=c\n\n--c\n\nx\n--b\nContent-Type: text/html\n\ny\n--b--", "(multipart/mixed (multipart/alternative text/plain) text/html)"},
		"longer boundary": {"Content-Type: multipart/mixed; boundary=b\n\n--b\n\n--bb\n--b x\nno delimiters\n--b--",
			"(multipart/mixed text/plain)"},
		"unindented boundary": {"Content-Type: multipart/mixed;\nboundary=\"b\"\n\n--b\n\nx\n--b--",
			"(multipart/mixed text/plain)"},
		"boundary unquoted": {"Content-Type: multipart/mixed; boundary=a/b=c;;\n\n--a/b=c\n\nx\n",
			"(multipart/mixed text/plain)"},
		"boundary lost": {"Content-Type: multipart/report\n\n--x.1/mx\nContent-Type: text/html\n\nx\n--x.1/mx--\n",
			"(multipart/report text/html)"},
		"boundary rewritten": {"Content-Type: multipart/report; boundary=other\n\nhello\n--xyz\ncontent-type: text/html\n\nx\n--xyz--\n", "(multipart/report text/html)"},
		"message": {"Content-Type: message/rfc822\n\nContent-Type: text/html\n\nx",
			"(message/rfc822 text/html)"},
		"message in base64": {"Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nQ29udGVudC1UeXBlOiB0ZXh0L2h0bWwKCng=\n", "(message/rfc822 text/html)"},
	} {
		if got := outline(parseMail(test.mail)); got != test.want {
			t.Errorf("%s: got %s, want %s", name, got, test.want)
		}
	}
}

func TestSplitHeader(t *testing.T) {
	h, body := splitHeader("A: 1\nB: two\n three\nno colon here\nC : 4\n\nbody")
	var got []string
	for i := range h {
		got = append(got, h[i].name+"="+h[i].value())
	}
	if diff := cmp.Diff([]string{"A=1", "B=two three no colon here", "C=4"}, got); diff != "" || body != "body" {
		t.Errorf("body %q, fields (-want +got):\n%s", body, diff)
	}
}

func TestTransferEncodings(t *testing.T) {
	for in, want := range map[string]string{
		"aGVsbG8=":           "hello",
		"aGV\n sbG8":         "hello", // a cut, a blank
		"aGVs!bG8=":          "hello", // a byte that is none of it
		"aGVsbG8=aGVsbG8=":   "hellohello",
		"aGVsbA==\n\naGVsbA": "hellhell",
		"a":                  "",
	} {
		if got := decodeBase64(in); got != want {
			t.Errorf("base64 %q: got %q, want %q", in, got, want)
		}
	}
	for in, want := range map[string]string{
		"a=3Db":          "a=b",
		"soft=\nbreak":   "softbreak",
		"soft= \r\nbrk":  "softbrk",
		"lower=c3=a9":    "loweré",
		"100 = 100 =":    "100 = 100 ",
		"bad =ZZ, =4":    "bad =ZZ, =4",
		"== 1":           "== 1",
		"plain":          "plain",
		"=\n=\n=":        "",
		"end of text =3": "end of text =3",
	} {
		if got := decodeQuotedPrintable(in); got != want {
			t.Errorf("quoted-printable %q: got %q, want %q", in, got, want)
		}
	}
}

func TestToUTF8(t *testing.T) {
	const chinese = "系统退信：收件人不存在，请检查地址后重试。很抱歉您的邮件无法投递到以下收件人"
	gb, err := encodeGB(chinese)
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct{ in, label, want string }{
		"ascii":                    {"plain", "x-unknown", "plain"},
		"utf-8 under a wrong one":  {"é系", "iso-8859-1", "é系"},
		"latin-1":                  {"Pr\xfcfung", "iso-8859-1", "Prüfung"},
		"latin-1, no label":        {"Pr\xfcfung", "", "Prüfung"},
		"gb2312":                   {gb, "GB2312", chinese},
		"gbk, four bytes":          {"\x95\x32\x82\x36", "gbk", "𠀀"},
		"gb, no label":             {gb, "", chinese},
		"gb, short, no label":      {gb[:8], "", "系统退信"},
		"gb under us-ascii":        {gb, "us-ascii", chinese},
		"gb under an unknown name": {gb, "x-unknown", chinese},
		"iso-2022-jp":              {"\x1b$B$3$l\x1b(B", "iso-2022-jp", "これ"},
		"euc-jp under iso-2022-jp": {"\xa4\xb3\xa4\xce\xa5\xe1\xa1\xbc\xa5\xeb\xa4\xcf\xc7\xdb\xc1\xf7\xa4\xb5\xa4\xec\xa4\xde\xa4\xbb\xa4\xf3\xa4\xc7\xa4\xb7\xa4\xbf\xa1\xa3\xa4\xb4\xb3\xce\xc7\xa7\xa4\xaf\xa4\xc0\xa4\xb5\xa4\xa4", "iso-2022-jp", "このメールは配送されませんでした。ご確認ください"},
		"cp932":                    {"\x83\x81\x81[\x83\x8b", "cp932", "メール"},
		"hz":                       {"~{VPND~}", "hz-gb-2312", "中文"},
		"broken utf-8":             {"a\xc3", "utf-8", "aÃ"},
		"utf-8, cut":               {"系统退信系统\xe9\x80", "utf-8", "系统退信系统\uFFFD"},
		"utf-8, cut, no label":     {"Prüfung für Größe ü\xc3", "", "Prüfung für Größe ü\uFFFD"},
	} {
		if got := charset.Decode(test.in, test.label, &newWork(len(test.in)).guesses); got != test.want {
			t.Errorf("%s: got %q, want %q", name, got, test.want)
		}
	}
}

// encodeGB is the way back.
func encodeGB(s string) (string, error) {
	return simplifiedchinese.GB18030.NewEncoder().String(s)
}

func TestPartsAreBounded(t *testing.T) {
	for name, mail := range hostileMails() {
		parts, depth := 0, 0
		var count func(p *mimePart, d int)
		count = func(p *mimePart, d int) {
			parts, depth = parts+1, max(depth, d)
			for _, inner := range innerParts(p) {
				count(inner, d+1)
			}
		}
		count(parseMail(mail), 0)
		if parts > maxParts || depth > maxDepth {
			t.Errorf("%s: %d parts, depth %d", name, parts, depth)
		}
	}
}
