package bounce

import (
	"strings"
	"testing"

	"github.com/bouncehouse/bouncehouse/parse/values"
)

// TestPhrases holds the one pass against a search for each word, over the
// lines of the golden mails.
func TestPhrases(t *testing.T) {
	words := []string{"user unknown", "user", "un", "ng ", "邮箱", "收件", "delivery", "550", "deferred:"}
	list := newPhrases(words...)
	for name, mail := range dsnGoldens(t) {
		for line := range values.Lines(mail) {
			want := false
			for _, w := range words {
				want = want || strings.Contains(values.LowerASCII(line), w)
			}
			if got := list.in(line); got != want {
				t.Errorf("%s: %q: got %v", name, line, got)
			}
		}
	}
	for _, s := range []string{"", "u", "U", "\x00", "use"} {
		if list.in(s) {
			t.Errorf("%q has none of the words", s)
		}
	}
}

// TestGrams holds that no words are ruled out that a text has.
func TestGrams(t *testing.T) {
	for name, mail := range dsnGoldens(t) {
		var g grams
		g.add(mail)
		for n := 0; n+40 < len(mail); n += 13 {
			for _, size := range []int{1, 3, 4, 5, 17, 40} {
				if words := mail[n : n+size]; !g.mayHave(words) ||
					!g.mayHave(strings.ToUpper(words)) && isASCII(words) {
					t.Fatalf("%s: %q is there", name, words)
				}
			}
		}
	}
	var g grams
	g.add("This is the mail system at host mx.example.com.")
	if g.mayHave("EyouMail") || g.mayHave("----") {
		t.Error("words that are not there are not ruled out")
	}
}

func TestSaysExpired(t *testing.T) {
	for text, want := range map[string]bool{
		"Message could not be delivered for 5 days":                                  true,
		"Your message COULD NOT BE DELIVERED FOR more than 72 hours":                 true,
		"could not be delivered for the following reason: mailbox full":              false,
		"could not be delivered for the last 24 hours":                               true,
		"could not be delivered for the following; could not be delivered for 1 day": true,
		"could not be delivered for ":                                                false,
		"retry timeout exceeded":                                                     true,
		"the account has expired":                                                    false,
		"Message expired":                                                            true,
	} {
		if saysExpired(text) != want {
			t.Errorf("%q: want %v", text, want)
		}
	}
}

func TestContentType(t *testing.T) {
	for in, want := range map[string]contentType{
		"":           {media: "text/plain"},
		"TEXT/Plain": {media: "text/plain"},
		`multipart/report; report-type=delivery-status; boundary="a/b=c:d"`: {media: "multipart/report",
			boundary: "a/b=c:d", reportType: "delivery-status"},
		`text/plain; Charset = "utf-8"`:               {media: "text/plain", charset: "utf-8"},
		`text/plain; charset="utf-8";`:                {media: "text/plain", charset: "utf-8"},
		`text/plain;charset=us-ascii;format=flowed`:   {media: "text/plain", charset: "us-ascii"},
		`text/plain; name="a;b\"c"; charset=gbk`:      {media: "text/plain", charset: "gbk"},
		`multipart/mixed; boundary=a/b=c;;`:           {media: "multipart/mixed", boundary: "a/b=c"},
		`multipart/mixed; boundary=a; boundary=b`:     {media: "multipart/mixed", boundary: "a"},
		`multipart/mixed; boundary*0=a; boundary*1=b`: {media: "multipart/mixed", boundary: "ab"},
		"text":           {media: "text"},
		"text/":          {media: "text/"},
		"text/plain; x":  {media: "text/plain"},
		"text/plain; x=": {media: "text/plain"},
	} {
		if got := parseContentType(in); got != want {
			t.Errorf("%q: got %+v, want %+v", in, got, want)
		}
	}
}
