package bounce

import (
	"net/netip"
	"regexp"
	"strings"

	"github.com/bouncehouse/bouncehouse"
	"github.com/bouncehouse/bouncehouse/parse/charset"
	"github.com/bouncehouse/bouncehouse/parse/said"
	"github.com/bouncehouse/bouncehouse/parse/values"
)

// What the remote host said, as the sentences of reports tell it: in
// Diagnostic-Code, or in the recipient's paragraph of the text for people.

// 5.1.0 - Unknown address error 550-'5.7.1 text' (delivery attempts: 0)   IronPort
var ironPort = regexp.MustCompile(`^([245]\.\d+\.\d+) - .*? ([245]\d\d)-'(.*)'(?: \(delivery attempts: \d+\))?$`)

// sentences remembers what was read of the last recipient's texts, which the
// next may have too.
type sentences struct {
	diagnostic, text last[said.Answer]
	expired, gaveUp  last[bool]
}

// said reads Remote-MTA and Diagnostic-Code. text, the recipient's own
// paragraph for people, and the transcript give what they lack; only tells
// that the report has no other recipient.
func (b *block) said(text string, sentences *sentences, transcript *transcript, only bool) said.Answer {
	s := sentences.diagnostic.of(b.diagnostic, readDiagnostic)
	if host, ip := remoteMTA(b.remote); host != "" || ip.IsValid() {
		if !strings.EqualFold(host, s.Host) {
			s.IP = netip.Addr{}
		}
		s.Host = host
		if ip.IsValid() {
			s.IP = ip
		}
	}
	more := sentences.text.of(text, said.Read)
	if more.Answered() {
		s.Fill(more)
	}
	t := transcript.pick(s, b.recipient, only)
	if s.Text != "" && t.Code == s.Code && strings.HasPrefix(t.Text, s.Text) {
		s.Text = t.Text // QUIRK: Sendmail's diagnostic holds the reply's first line only
	}
	s.Fill(t)
	s.Fill(more)
	if s.Text == "" {
		s.Text = b.comment
	}
	if ip := values.IP(s.Host); ip.IsValid() { // host 127.0.0.1 [127.0.0.1]: a host without a name
		if s.Host = ""; !s.IP.IsValid() {
			s.IP = ip
		}
	}
	return s
}

// readDiagnostic reads the value of Diagnostic-Code.
func readDiagnostic(value string) said.Answer {
	d := typed(clip(value))
	text := charset.DecodeWords(d.value, nil)
	if strings.HasPrefix(text, "<") {
		if status, reply, _, ok := hashed(text); ok { // Exchange
			s := readDiagnostic(reply)
			s.Enhanced = firstOf(s.Enhanced, status)
			return s
		}
	}
	if m := ironPort.FindStringSubmatch(text); m != nil {
		r := bouncehouse.ParseReply(m[2] + " " + m[3])
		return said.Answer{Code: r.Code, Enhanced: firstOf(r.Enhanced, m[1]), Text: r.Text}
	}
	if d.kind == "x-unix" {
		return said.Answer{Text: text} // a program's words, or its exit status
	}
	return said.Read(text)
}
