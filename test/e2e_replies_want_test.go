package test_test

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/bouncehouse/bouncehouse"
)

// What each mail server leaves of a reply in its log, after its own sources. The versions are those of the root file
// systems: Postfix 3.7, Exim 4.96, OpenSMTPD 6.8, Sendmail 8.17.
const (
	eximReply     = 1024 // smtp.c: what it quotes of a reply, its codes and all; one longer than 4096 it cannot read
	eximBuffer    = 4096
	opensmtpdLine = 2048 // mta_session.c: a longer line ends the session
	tooLong       = "Bad response: line too long"
)

// wantReply is the event of a case, as far as the mail server's log can tell it.
func wantReply(server replyServer, c replyCase) replyEvent {
	format := server.format
	w := replyEvent{Sender: c.sender, Recipient: c.recipient, RemoteHost: c.host, RemoteIP: c.ip,
		Stage: string(c.stage), Outcome: "deferred"}
	w.ReplyCode = int(c.lines[0][0]-'0')*100 + int(c.lines[0][1]-'0')*10 + int(c.lines[0][2]-'0')
	switch w.ReplyCode / 100 {
	case 2:
		w.Outcome = "delivered"
	case 5:
		w.Outcome = "bounced"
	}
	lines := c.lines
	if format == "sendmail" {
		lines = lines[:1] // it logs no other
	}
	var texts []string
	for i, line := range lines {
		line, _, _ = strings.Cut(line, "\x00") // C strings all
		enhanced, text := bouncehouse.CutEnhanced(strings.Trim(line[min(len(line), 4):], " "))
		switch {
		case w.EnhancedCode == "" && (i == 0 || format != "opensmtpd"):
			w.EnhancedCode = enhanced // OpenSMTPD takes those of the further lines away
		case enhanced != "" && enhanced != w.EnhancedCode && w.EnhancedCode != "":
			text = enhanced + " " + text // it is none of the reply's
		}
		texts = append(texts, text)
	}
	w.ReplyText = strings.Join(texts, " ")
	whole := len(strings.Join(c.lines, "\r\n"))
	switch format {
	case "postfix":
		if c.stage == bouncehouse.StageHELO {
			w.Stage = "connect" // "refused to talk to me" is said of both
		}
		if c.stage == bouncehouse.StageConnect {
			w.Outcome = "deferred" // smtp_skip_5xx_greeting
		}
		w.ReplyText = questionMarks(w.ReplyText, server.main["smtputf8_enable"] != "no")
	case "exim":
		if server.host.BDAT && (c.stage == bouncehouse.StageMAIL ||
			c.stage == bouncehouse.StageRCPT && whole > eximBuffer) {
			w.Stage = "eod" // of a pipeline to the end of BDAT
		}
		w.ReplyText = written.Replace(w.ReplyText)
		// EHLO's is kept with HELO's
		if whole > eximBuffer || c.stage == bouncehouse.StageHELO && whole > eximBuffer/2 {
			w.Outcome, w.ReplyCode, w.EnhancedCode, w.ReplyText = "deferred", 0, "", "Malformed SMTP reply"
		}
	case "opensmtpd":
		if w.Outcome != "delivered" {
			w.Stage = ""
		}
		if c.beforeMail() {
			w.Stage, w.Outcome, w.Sender, w.Recipient = string(c.stage), "deferred", "", ""
		}
		for _, line := range c.lines {
			if len(line) > opensmtpdLine {
				w.Outcome, w.ReplyCode, w.EnhancedCode, w.ReplyText = "deferred", 0, "", tooLong
			}
		}
		if len(texts) > 1 && strings.Trim(texts[0], " ") == "" { // the code is glued to the next line's text
			w.EnhancedCode, w.ReplyText = "", strings.Join(append([]string{w.EnhancedCode}, texts...), " ")
		}
	case "sendmail":
		if w.Outcome == "delivered" {
			w.ReplyCode = 0 // not logged
		}
		w.ReplyText = octals(w.ReplyText)
	}
	w.ReplyText = blanks(bouncehouse.Clean(w.ReplyText, bouncehouse.MaxText))
	return w
}

// beforeMail tells that the reply came before the server heard of a message.
func (c replyCase) beforeMail() bool {
	return c.stage == bouncehouse.StageConnect || c.stage == bouncehouse.StageHELO
}

// sameText tells whether a text of a log is what the server said, or what is left of it.
func sameText(format string, g, w replyEvent) (agree, lost bool) {
	got, want := blanks(g.ReplyText), w.ReplyText
	if got == want {
		return true, false
	}
	const long = 900
	switch format {
	case "postfix":
		// A log line has 2040 bytes; and of lines that are joined by a blank only their codes tell where one begins.
		lost = len(got) > long && strings.HasPrefix(want, got) || w.noCodes(got) == w.noCodes(want)
	case "exim":
		lost = len(got) > eximReply-200 && strings.HasPrefix(want, got) ||
			want == "Malformed SMTP reply" && strings.HasPrefix(got, want)
	case "opensmtpd":
		// Lines are joined by nothing; of a long reply it has the end.
		if want == tooLong && got == "Input too long" { // by how much of it came at once
			return false, true
		}
		if got, want = noBlanks(got), noBlanks(want); got == want {
			return true, false
		}
		lost = noEnhanced(got) == noEnhanced(want) || got == want+want && noEnhanced(want) == "" ||
			len(want) > long && strings.HasSuffix(want, got) || w.noCodes(got) == w.noCodes(want)
	case "sendmail": // the middle is cut out
		begin, end, cut := strings.Cut(got, "...")
		begin = partOctal(begin)
		if n := strings.IndexAny(end, " \\"); n >= 0 && n < 4 {
			end = end[n:]
		}
		lost = cut && strings.HasPrefix(want, begin) && strings.Contains(want[len(begin):], strings.Trim(end, " "))
	}
	return false, lost
}

// partOctal takes an escape off the end, whole or cut.
func partOctal(s string) string {
	if n := strings.LastIndexByte(s, '\\'); n >= 0 && n > len(s)-4 {
		return partOctal(s[:n])
	}
	return s
}

// blanks folds runs of blanks, since some mail servers do.
func blanks(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r == ' ' || r == '\t' }), " ")
}

func noBlanks(s string) string { return strings.ReplaceAll(blanks(s), " ", "") }

// noCodes takes the reply's own codes out, of which joined lines tell no longer whether they begin one.
func (w replyEvent) noCodes(s string) string {
	s = strings.ReplaceAll(noBlanks(s), strconv.Itoa(w.ReplyCode), "")
	return strings.ReplaceAll(strings.ReplaceAll(s, w.EnhancedCode, ""), "-", "")
}

// noEnhanced takes enhanced codes out: those of further lines OpenSMTPD takes away or leaves, by what came before.
func noEnhanced(s string) string { return enhancedCode.ReplaceAllString(s, "") }

var enhancedCode = regexp.MustCompile(`[245]\.\d{1,3}\.\d{1,3}`)

// written is what Exim's log does not tell from its own escapes, and those that are kept for it.
var written = strings.NewReplacer(`\303\244`, "ä", `\n`, " ", `\r`, " ", "\r", " ", "\v", `\v`, "\f", `\f`)

// questionMarks is what Postfix makes of bytes that it does not print (util/printable.c). Bytes that go on a letter it
// takes in any number; without SMTPUTF8 there are no letters but ASCII.
func questionMarks(s string, letters bool) string {
	b := []byte(s)
	follows := func(i int) bool { return i < len(b) && b[i]&0xc0 == 0x80 }
	for i := 0; i < len(b); i++ {
		switch {
		case b[i] >= ' ' && b[i] < 0x7f:
		case letters && b[i] >= 194 && b[i] <= 254 && follows(i+1):
			for follows(i + 1) {
				i++
			}
		default:
			b[i] = '?'
		}
	}
	return string(b)
}

// octals is what stays of Sendmail's escapes: those of bytes that make no letter.
func octals(s string) string {
	var b strings.Builder
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		if r == '\r' {
			b.WriteByte(' ')
		} else if r < ' ' && r != '\t' || r == 0x7f || r == utf8.RuneError && n == 1 {
			fmt.Fprintf(&b, "\\%03o", s[0])
		} else {
			b.WriteString(s[:n])
		}
		s = s[n:]
	}
	return b.String()
}
