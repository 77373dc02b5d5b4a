package bounce

import (
	"net/netip"
	"strings"

	"github.com/bouncehouse/bouncehouse"
	"github.com/bouncehouse/bouncehouse/parse/values"
)

// qmail's bounces: QSBMF, the qmail-send bounce message format
// (cr.yp.to/proto/qsbmf.txt), as qmail 1.03, netqmail, notqmail, s/qmail and
// IndiMail write it (qmail-send.c, injectbounce); and the mailers that took it
// over, each with another greeting (Yahoo: dsn_yahoo.go).
//
//	Hi. This is the qmail-send program at mx1.example.com.
//	I'm afraid I wasn't able to deliver your message to the following addresses.
//	This is a permanent error; I've given up. Sorry it didn't work out.
//
//	<user@example.net>:
//	192.0.2.1 does not like recipient.
//	Remote host said: 550 5.1.1 <user@example.net>: User unknown
//	Giving up on 192.0.2.1.
//
//	--- Below this line is a copy of the message.
//
// What failed is told by qmail-remote.c ("Connected to 192.0.2.1 but sender
// was rejected."), by patches of it ("From: <a@b> RCPT: <c@d> 192.0.2.1
// failed after I sent the message."), by qmail-local.c ("Sorry, no mailbox
// here by that name. (#5.1.1)"), or by any program of a .qmail file.

// readQSBMF reads qmail's bounces and those of their kin: a greeting, and
// paragraphs that begin with <address>: on a line of its own.
func readQSBMF(m *mimePart) ([]report, error) {
	text := m.text()
	first := strings.Index(text, ">:")
	if first < 0 {
		return nil, nil
	}
	at := greetsQSBMF(m)
	switch {
	case at >= 0:
	case bouncedByQmail(m.header), strings.EqualFold(m.header.get("Subject"), "failure notice"):
		at = 0 // the greeting may be of the operator's making
	default:
		return nil, nil
	}
	rep := textReport(m, text)
	if _, after, ok := strings.Cut(text[at:min(len(text), at+maxGreeting)], "program at "); ok {
		line, _ := values.CutLine(after, 0)
		rep.mta = values.HostName(line)
	}

	var b *block
	var said strings.Builder
	finish := func() {
		if b != nil {
			b.readQSBMF(said.String())
		}
		said.Reset()
	}
	blank := true // the line before
	for at := 0; at < len(text); {
		line, next := values.CutLine(text, at)
		words := strings.Trim(line, " \t\r")
		switch {
		case words == "":
		case blank && strings.HasPrefix(words, "--"):
			// The end: after it comes the message, which may be a bounce too.
			if b == nil && at < first {
				break // a rule above the greeting
			}
			rep.human = text[:at]
			rep.returns(text[next:])
			next = len(text)
		case blank && b != nil && (values.HasPrefixFold(line, "Return-Path:") ||
			values.HasPrefixFold(line, "Received:")):
			rep.human = text[:at] // the line of hyphens lacks
			rep.returns(text[at:])
			next = len(text)
		case strings.HasPrefix(line, "<") && strings.HasSuffix(words, ">:"):
			finish()
			rep.blocks = append(rep.blocks, block{recipient: words[1 : len(words)-2], action: "failed"})
			b = &rep.blocks[len(rep.blocks)-1]
		case blank && said.Len() > 0:
			finish() // advice under the last paragraph
			b = nil
		case b != nil && said.Len() < maxParagraph:
			if said.Len() > 0 {
				said.WriteByte(' ')
			}
			said.WriteString(words)
		}
		blank = words == ""
		at = next
	}
	finish()
	return rep.found()
}

// greetsQSBMF returns where the greeting of a QSBMF bounce begins in the
// first lines of a text, or -1.
func greetsQSBMF(m *mimePart) int {
	for _, words := range []string{
		"Hi. This is the ", // QSBMF
		"deliver your message to the following address",      // without it; Yahoo since about 2012, MessageLabs
		"Unable to deliver message to the following address", // Yahoo until then
		"deliver a bounce message to this address",           // a double bounce
	} {
		if m.greets(words) {
			return m.find(words)
		}
	}
	return -1
}

// bouncedByQmail tells whether qmail-queue says that qmail-send made the mail:
//
//	Received: (qmail 1111 invoked for bounce); 29 Oct 2026 10:00:00 -0000
func bouncedByQmail(h mimeHeader) bool {
	for i := range h {
		if strings.Contains(h[i].raw, "invoked for bounce)") {
			return true
		}
	}
	return false
}

// qsbmfTooLong is what qmail-send appends to a temporary failure that it
// gives up.
const qsbmfTooLong = "I'm not going to try again; this message has been in the queue too long."

// readQSBMF fills b with what the lines under its address say.
func (b *block) readQSBMF(text string) {
	b.text = text
	own, reply, remote := strings.Cut(text, "Remote host said:")
	if !remote {
		reply = yahooReply(text)
		if bouncehouse.StartsWithCode(reply) {
			own = ""
		} else {
			reply = ""
		}
	}
	reply = strings.TrimSpace(strings.Replace(reply, qsbmfTooLong, "", 1))
	if n := strings.LastIndex(reply, "Giving up on "); n >= 0 {
		own, reply = own+" "+reply[n:], strings.TrimSpace(reply[:n])
	}
	reply, b.stage = yahooStage(yahooReply(reply))
	if stage := qsbmfStage(own); stage != "" {
		b.stage = stage
	}
	if b.diagnostic = reply; reply == "" {
		b.diagnostic = text
	}
	// The codes of RFC 3463 stand in qmail's own words in its own way.
	if _, code, ok := strings.Cut(own, "(#"); ok {
		b.status = values.StatusCode(code)
	}
	// Other programs' words name hosts, too: "denied, based on relay 192.0.2.9".
	if !strings.Contains(own, "Connected to ") && !strings.Contains(own, "Giving up on ") && b.stage == "" {
		return
	}
	if host, ip := qsbmfHost(own); ip.IsValid() {
		b.remote = "dns; " + host + " (" + ip.String() + ")"
	}
}

// qsbmfStage returns the step of the session that qmail-remote's words tell.
func qsbmfStage(own string) bouncehouse.Stage {
	for _, p := range []struct {
		words string
		stage bouncehouse.Stage
	}{
		{"does not like recipient", bouncehouse.StageRCPT},
		{"sender was rejected", bouncehouse.StageMAIL},
		{"greeting failed", bouncehouse.StageConnect},
		{"my name was rejected", bouncehouse.StageHELO},
		{"failed on DATA command", bouncehouse.StageDATA},
		{"failed after I sent the message", bouncehouse.StageEOD},
		{"connection died. Possible duplicate!", bouncehouse.StageEOD},
		{"able to establish an SMTP connection", bouncehouse.StageConnect},
		{"STARTTLS", bouncehouse.StageSTARTTLS}, // the TLS patch
		{"TLS connect failed", bouncehouse.StageSTARTTLS},
		{"authentication was rejected", bouncehouse.StageAuth}, // the SMTP AUTH patches
		{"but unable to authenticate", bouncehouse.StageAuth},
	} {
		if strings.Contains(own, p.words) {
			return p.stage
		}
	}
	return ""
}

// qsbmfHost finds the remote host in qmail-remote's words: by its address,
// to which patches add its name: mx.example.net[192.0.2.1].
func qsbmfHost(own string) (host string, ip netip.Addr) {
	for rest := own; rest != ""; {
		var word string
		word, rest, _ = strings.Cut(rest, " ")
		name, addr, bracket := strings.Cut(strings.TrimRight(word, ".,;:"), "[")
		if !bracket {
			name, addr = "", name
		}
		if len(addr) < 3 || addr[0] == '<' {
			continue
		}
		if ip := values.IP(strings.TrimRight(addr, "])")); ip.IsValid() {
			return values.HostName(strings.TrimRight(name, "(_")), ip
		}
	}
	return "", ip
}
