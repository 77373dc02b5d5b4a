package parse

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

// decoded is the part's body without its transfer encoding. It is never
// longer than that.
func (p *mimePart) decoded() string { return p.decode(p.raw) }

// head is what the first n bytes of the part's body hold, to the end of a
// line, in UTF-8. It is decoded once.
func (p *mimePart) head(n int) string {
	n = min(n, len(p.raw))
	if !p.decodedTo || p.decodedLen != n {
		p.utf8, p.decodedTo, p.decodedLen = p.toUTF8(p.headBytes(n), p.charset), true, n
	}
	return p.utf8
}

// headBytes is head in the part's own charset.
func (p *mimePart) headBytes(n int) string {
	raw := p.raw
	if len(raw) > n {
		raw = raw[:n]
		if end := strings.LastIndexByte(raw, '\n'); end > 0 {
			raw = raw[:end]
		}
	}
	return p.decode(raw)
}

func (p *mimePart) decode(raw string) string {
	p.work.read(len(raw))
	switch strings.ToLower(p.header.get("Content-Transfer-Encoding")) {
	case "base64":
		// QUIRK: gateways that add a footer or decode the body forget the
		// header. A blank within a line, or a colon, was never base64.
		if line, _ := cutLine(strings.TrimLeft(raw, "\r\n"), 0); !strings.ContainsAny(strings.TrimSpace(line), " :") {
			return decodeBase64(raw)
		}
	case "quoted-printable":
		return decodeQuotedPrintable(raw)
	}
	return raw
}

// decodeBase64 decodes what it can: bytes outside the alphabet are skipped,
// and padding ends a group, not the data. The decoders of the standard
// library stop at the first bad byte and lose the rest.
func decodeBase64(s string) string {
	out := make([]byte, 0, len(s)/4*3+3)
	var bits uint32
	n := 0
	flush := func() {
		switch n {
		case 2:
			out = append(out, byte(bits>>4))
		case 3:
			out = append(out, byte(bits>>10), byte(bits>>2))
		}
		bits, n = 0, 0
	}
	for i := range len(s) {
		var v byte
		switch c := s[i]; {
		case c >= 'A' && c <= 'Z':
			v = c - 'A'
		case c >= 'a' && c <= 'z':
			v = c - 'a' + 26
		case c >= '0' && c <= '9':
			v = c - '0' + 52
		case c == '+':
			v = 62
		case c == '/':
			v = 63
		case c == '=':
			flush()
			continue
		default:
			continue
		}
		bits = bits<<6 | uint32(v)
		if n++; n == 4 {
			out = append(out, byte(bits>>16), byte(bits>>8), byte(bits))
			bits, n = 0, 0
		}
	}
	flush()
	return string(out)
}

// decodeQuotedPrintable decodes what it can and keeps the rest as it is.
func decodeQuotedPrintable(s string) string {
	if strings.IndexByte(s, '=') < 0 {
		return s
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] != '=' {
			out = append(out, s[i])
			continue
		}
		if i+2 < len(s) {
			if hi, lo := unhex(s[i+1]), unhex(s[i+2]); hi >= 0 && lo >= 0 {
				out = append(out, byte(hi<<4|lo))
				i += 2
				continue
			}
		}
		// A soft line break: = at the end of the line, blanks behind it allowed.
		end := i + 1
		for end < len(s) && (s[end] == ' ' || s[end] == '\t' || s[end] == '\r') {
			end++
		}
		if end < len(s) && s[end] != '\n' {
			out = append(out, s[i:end]...)
			end--
		}
		i = end
	}
	return string(out)
}

func unhex(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'A' && c <= 'F':
		return int(c - 'A' + 10)
	case c >= 'a' && c <= 'f':
		return int(c - 'a' + 10)
	}
	return -1
}

// toUTF8 decodes s, a text of p's mail that is labelled as charset, or not.
func (p *mimePart) toUTF8(s, charset string) string {
	p.work.read(len(s))
	return decodeText(s, charset, p.work)
}

// toUTF8 decodes s, a few words: of so little no charset is guessed but by
// marks that are plain.
func toUTF8(s, charset string) string { return decodeText(s, charset, nil) }

// decodeText decodes s, which its mail labels as charset. What the bytes say
// goes before the label: high bytes that are valid UTF-8 are UTF-8. Where w
// is not nil, a label that is missing or wrong is guessed.
func decodeText(s, label string, w *work) string {
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
		return guessUTF8(s, high, w)
	}
	if out, ok := decodeAs(s, label); ok && !strings.ContainsRune(out, utf8.RuneError) {
		return out
	}
	if high == 0 {
		return s
	}
	return guessUTF8(s, high, w)
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
	return label == "us-ascii" || label == "ascii" || strings.HasPrefix(label, "iso-2022-") || strings.HasPrefix(label, "utf-7")
}

// decodeAs decodes s by the name of its charset; false where nobody knows it.
func decodeAs(s, label string) (string, bool) {
	switch label {
	case "gb2312", "gbk", "cp936", "gb2312-80", "gb_2312-80", "euc-cn", "x-gbk", "ms936", "windows-936", "gb18030", "gb-18030", "chinese":
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
func guessUTF8(s string, high int, w *work) string {
	if high >= fewHighBytes && mayBeText(s) {
		if out, ok := decodeAs(s, w.guess(s)); ok {
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

// decodeWords decodes the encoded words of RFC 2047 in a header value; what
// cannot be decoded stays as it is. w is decodeText's.
func decodeWords(s string, w *work) string {
	if !strings.Contains(s, "=?") {
		return decodeText(s, "", w)
	}
	d := mime.WordDecoder{CharsetReader: func(label string, r io.Reader) (io.Reader, error) {
		b, err := io.ReadAll(r)
		return strings.NewReader(decodeText(string(b), label, w)), err
	}}
	if out, err := d.DecodeHeader(s); err == nil {
		return out
	}
	return decodeText(s, "", w)
}
