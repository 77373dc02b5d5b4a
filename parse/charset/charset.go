// Package charset makes UTF-8 of what mails and logs hold in other charsets,
// whether they say so, say nothing, or say something else.
package charset

import (
	"io"
	"mime"
	"strings"
	"unicode/utf8"

	"github.com/emersion/go-message/charset"
	"github.com/gogs/chardet"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/simplifiedchinese"
)

// maxDetect is how many bytes a text's charset is guessed from.
const maxDetect = 8 << 10

// fewHighBytes is below what number of them a guess from the frequency of
// characters is worth nothing: about twenty double-byte characters.
const fewHighBytes = 40

// Decode decodes s, which its mail labels as charset. What the bytes say
// goes before the label: high bytes that are valid UTF-8 are UTF-8. Where g
// is not nil, a label that is missing or wrong is guessed.
func Decode(s, label string, g *Guesses) string {
	valid := utf8.ValidString(s) // as 7-bit text is, too
	if valid && strings.IndexByte(s, '\x1b') < 0 && !strings.Contains(s, "~{") {
		return s
	}
	label = strings.ToLower(strings.Trim(label, " \"'"))
	high := 0
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			high++
		}
	}
	if high > 0 && valid || high == 0 && strings.IndexByte(s, '\x1b') < 0 && label != "hz-gb-2312" {
		return s // nothing else changes the meaning of 7-bit bytes in what mails use
	}
	if mostlyUTF8(s) {
		return strings.ToValidUTF8(s, "\uFFFD") // cut within a character, or patched by a gateway
	}
	if japanese := guessJapanese(s, label); japanese != "" {
		label = japanese
	}
	if label == "" || high > 0 && sevenBit(label) {
		return guessUTF8(s, high, g)
	}
	if out, ok := decodeAs(s, label); ok && !strings.ContainsRune(out, utf8.RuneError) {
		return out
	}
	if high == 0 {
		return s
	}
	return guessUTF8(s, high, g)
}

// mostlyUTF8 tells whether s has several times more characters of UTF-8 than
// bytes that are none.
func mostlyUTF8(s string) bool {
	good, bad := 0, 0
	for i := 0; i < len(s); {
		if s[i] < utf8.RuneSelf {
			i++
			continue
		}
		if !utf8.FullRuneInString(s[i:]) {
			break // cut within a character
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if i += n; r == utf8.RuneError && n == 1 {
			bad++
		} else {
			good++
		}
	}
	return good > 4*bad
}

// sevenBit tells charsets that have no high bytes.
func sevenBit(label string) bool {
	return label == "us-ascii" || label == "ascii" || strings.HasPrefix(label, "iso-2022-") ||
		strings.HasPrefix(label, "utf-7")
}

// decodeAs decodes s by the name of its charset; false where nobody knows it.
func decodeAs(s, label string) (string, bool) {
	switch label {
	case "gb2312", "gbk", "cp936", "gb2312-80", "gb_2312-80", "euc-cn", "x-gbk", "ms936", "windows-936", "gb18030",
		"gb-18030", "chinese":
		// Each is contained in the next, and mails labelled with the
		// smaller use the larger.
		out, err := simplifiedchinese.GB18030.NewDecoder().String(s)
		return out, err == nil
	case "cp932", "ms932", "windows-31j":
		label = "shift_jis"
	case "cp950", "ms950":
		label = "big5"
	case "cp-850":
		label = "ibm850"
	case "iso-2022-jp-ms", "iso-2022-jp-1", "cp50220", "cp50221":
		label = "iso-2022-jp"
	}
	r, err := charset.Reader(label, strings.NewReader(s))
	if err != nil {
		return "", false
	}
	out, err := io.ReadAll(r)
	return string(out), err == nil
}

// guessJapanese tells which of Japan's encodings s is in, where the label
// names another of them or none, by its kana; empty where there are few.
// QUIRK: labelled ISO-2022-JP, and gateways have made it EUC-JP or Shift_JIS;
// not labelled at all, and full of escapes.
func guessJapanese(s, label string) string {
	if label != "" && !strings.HasPrefix(label, "iso-2022-jp") && label != "us-ascii" {
		return ""
	}
	if strings.Contains(s, "\x1b$B") || strings.Contains(s, "\x1b$@") {
		return "iso-2022-jp"
	}
	euc, sjis, other := 0, 0, 0
	for i := 0; i+1 < len(s); i++ {
		switch c, d := s[i], s[i+1]; {
		case c < 0x80:
			continue
		case (c == 0xa4 || c == 0xa5) && d >= 0xa1 && d <= 0xf6:
			euc++
		case c == 0x82 && d >= 0x9f && d <= 0xf1, c == 0x83 && d >= 0x40 && d <= 0x96:
			sjis++
		default:
			other++
		}
		i++
	}
	switch {
	case euc >= 8 && euc > 8*sjis && euc > other/4:
		return "euc-jp"
	case sjis >= 8 && sjis > 8*euc && sjis > other/4:
		return "shift_jis"
	}
	return ""
}

// guessUTF8 decodes s, whose label is missing or wrong.
func guessUTF8(s string, high int, g *Guesses) string {
	if high >= fewHighBytes && mayBeText(s) {
		if out, ok := decodeAs(s, g.guess(s)); ok {
			return out
		}
	}
	if fitsGB(s) {
		if out, ok := decodeAs(s, "gb18030"); ok {
			return out
		}
	}
	out, err := charmap.Windows1252.NewDecoder().String(s)
	if err != nil {
		return strings.ToValidUTF8(s, "\uFFFD")
	}
	return out
}

// detect names the charset that s is most probably in; "" where none is probable. Of equally probable ones the first by
// name counts: the library asks its recognizers at once, and hands ties back in the order in which they end.
func detect(s string) string {
	const probable = 50 // of 100
	results, err := chardet.NewTextDetector().DetectAll([]byte(s))
	if err != nil {
		return ""
	}
	best := chardet.Result{Confidence: probable - 1}
	for _, r := range results {
		if r.Confidence > best.Confidence || r.Confidence == best.Confidence && r.Charset < best.Charset {
			best = r
		}
	}
	return strings.ToLower(best.Charset)
}

// mayBeText tells garbage from text: what has no blank in a hundred bytes, and
// high bytes that mostly stand alone, is in no script. A guess from all that
// scripts have in common takes longer than the rest of the mail.
func mayBeText(s string) bool {
	s = s[:min(len(s), maxDetect)]
	if n := strings.IndexAny(s, " \t\r\n"); n >= 0 && n < 100 {
		return true
	}
	lone, pairs := 0, 0
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] < utf8.RuneSelf:
		case i+1 < len(s) && s[i+1] >= utf8.RuneSelf:
			pairs++
			i++
		default:
			lone++
		}
	}
	return lone <= 8*pairs
}

// fitsGB tells whether the high bytes of s come in pairs of the GB 2312 area.
// All of GB18030 would take in Latin-1 too: é followed by a letter is one of
// its characters.
func fitsGB(s string) bool {
	pairs := 0
	for i := 0; i < len(s); i++ {
		if s[i] < utf8.RuneSelf {
			continue
		}
		if i++; i >= len(s) {
			break // cut within a character
		}
		if s[i-1] < 0xa1 || s[i-1] > 0xf7 || s[i] < 0xa1 {
			return false
		}
		pairs++
	}
	return pairs > 0
}

// DecodeWords decodes the encoded words of RFC 2047 in a header value; what
// cannot be decoded stays as it is. g is Decode's.
func DecodeWords(s string, g *Guesses) string {
	if !strings.Contains(s, "=?") {
		return Decode(s, "", g)
	}
	d := mime.WordDecoder{CharsetReader: func(label string, r io.Reader) (io.Reader, error) {
		b, err := io.ReadAll(r)
		return strings.NewReader(Decode(string(b), label, g)), err
	}}
	if out, err := d.DecodeHeader(s); err == nil {
		return out
	}
	return Decode(s, "", g)
}

// maxGuesses bounds how many of a mail's texts a charset is guessed of by its
// frequencies: a guess takes as long as the rest of most mails.
const maxGuesses = 4

// Guesses is how many texts of a mail a charset may still be guessed of; nil is
// none.
type Guesses struct {
	left    int
	text    string // the beginning of the text of the last guess,
	charset string // and what was found
}

// NewGuesses are those of one mail.
func NewGuesses() Guesses { return Guesses{left: maxGuesses} }

// guess names the charset that s is probably in; "" where none is probable, or
// too many texts were asked for. That of one text may be asked for again.
func (g *Guesses) guess(s string) string {
	if g == nil {
		return ""
	}
	if s = s[:min(len(s), maxDetect)]; s == g.text {
		return g.charset
	}
	if g.left == 0 {
		return ""
	}
	g.left--
	g.text, g.charset = s, detect(s)
	return g.charset
}
