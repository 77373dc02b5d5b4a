package bounce

import (
	"strings"

	"github.com/bouncehouse/bouncehouse"
	"github.com/bouncehouse/bouncehouse/parse/said"
	"github.com/bouncehouse/bouncehouse/parse/values"
)

// Postfix's notices of sessions that went wrong (notify_classes): to the
// postmaster, of a client of its server or a server that its client talked
// to (smtpd_chat.c, smtp_chat.c). Its bounce mails are RFC 3464.
//
//	Subject: Postfix SMTP server: errors from client.example.net[192.0.2.1]
//
//	Transcript of session follows.
//
//	 Out: 220 mx1.example.com ESMTP Postfix
//	 In:  EHLO client.example.net
//	 Out: 250-mx1.example.com
//	 Out: 250 SMTPUTF8
//	 In:  MAIL FROM:<news@example.net>
//	     SIZE=20088
//	 Out: 250 2.1.0 Ok
//	 In:  RCPT TO:<user@example.com>
//	 Out: 550 5.1.1 <user@example.com>: Recipient address rejected: User unknown
//
//	Session aborted, reason: lost connection
//	For other details, see the local mail logfile
//
// In a notice of the SMTP client, Out is the command and In the reply.
func readPostfixNotice(m *mimePart) ([]report, error) {
	text := m.text()
	at := m.find("Transcript of session follows.")
	if at < 0 {
		return nil, nil
	}
	subject := m.header.get("Subject")
	_, peer, ok := strings.Cut(subject, ": errors from ")
	server := ok && strings.Contains(subject, "SMTP server")
	if !ok || !server && !strings.Contains(subject, "SMTP client") {
		return nil, nil
	}
	if name, ip, ok := strings.Cut(peer, "["); ok {
		ip, _, _ = strings.Cut(ip, "]")
		if name == "unknown" {
			peer = ip
		} else {
			peer = name + " (" + ip + ")"
		}
	}
	n := notice{remote: peer, action: "rejected", stage: bouncehouse.StageConnect,
		report: report{mail: m, inbound: server, human: text[:at]}}
	commands, replies := " In:", " Out:"
	if !server {
		commands, replies, n.action = replies, commands, ""
	}
	for line := range values.Lines(text[at:]) {
		switch {
		case strings.HasPrefix(line, commands):
			n.endReply()
			n.endCommand()
			n.command = append(n.command[:0], strings.TrimSpace(line[len(commands):])...)
		case strings.HasPrefix(line, replies):
			n.endCommand()
			n.addReply(strings.TrimSpace(line[len(replies):]))
		case strings.HasPrefix(line, "     "): // long lines are folded
			n.fold(strings.TrimSpace(line))
		case strings.TrimSpace(line) != "" && !strings.HasPrefix(line, " "):
			n.endReply()
		}
	}
	n.endReply()
	n.endTransaction()
	return n.reports, nil
}

// notice is the session that a notice tells, as far as it was read.
type notice struct {
	remote string
	action string // of the SMTP server's refusals; empty: as the reply says

	command  []byte // under way
	reply    []byte // under way, lines joined by a space
	final    bool   // its last line was read
	stage    bouncehouse.Stage
	rcpt     string   // of the RCPT command just given
	accepted []string // recipients of the transaction so far
	noSender string   // the refusal of its MAIL command
	report   report   // of the transaction
	reports  []report
	count    int
}

// endCommand takes the command that is whole.
func (n *notice) endCommand() {
	if len(n.command) == 0 {
		return
	}
	command := string(n.command)
	n.command = n.command[:0]
	n.rcpt = ""
	n.stage = said.Command(command)
	switch n.stage {
	case bouncehouse.StageMAIL:
		n.endTransaction()
		n.report.sender, n.accepted = addressIn(command), nil
	case bouncehouse.StageRCPT:
		n.rcpt = addressIn(command)
	}
}

// addReply takes a line of a reply.
func (n *notice) addReply(line string) {
	if n.final {
		n.endReply()
	}
	if len(n.reply) > 0 {
		n.reply = append(n.reply, ' ')
	}
	if len(n.reply) < maxParagraph {
		n.reply = append(n.reply, line...)
	}
	n.final = len(line) < 4 || line[3] != '-'
}

// fold takes the rest of a line that was folded.
func (n *notice) fold(line string) {
	if len(n.command) > 0 && len(n.command) < maxParagraph {
		n.command = append(append(n.command, ' '), line...)
	} else if len(n.reply) > 0 && len(n.reply) < maxParagraph {
		n.reply = append(append(n.reply, ' '), line...)
	}
}

// endReply takes the reply that is whole: what it refuses, and whose it is.
func (n *notice) endReply() {
	if len(n.reply) == 0 {
		return
	}
	reply := string(n.reply)
	n.reply, n.final = n.reply[:0], false
	stage, rcpt := n.stage, n.rcpt
	n.rcpt = ""
	switch {
	case !bouncehouse.StartsWithCode(reply):
		return
	case reply[0] < '4':
		if rcpt != "" && len(n.accepted) < maxRecipients {
			n.accepted = append(n.accepted, rcpt)
		}
		if stage == bouncehouse.StageDATA { // the next reply is to the end of data
			n.stage = bouncehouse.StageEOD
		}
		return
	}
	refused := n.accepted
	switch stage {
	case bouncehouse.StageMAIL:
		n.noSender = reply
		return
	case bouncehouse.StageRCPT:
		if n.noSender != "" && strings.HasPrefix(reply, "503") { // need MAIL command
			stage, reply, n.noSender = bouncehouse.StageMAIL, n.noSender, ""
		}
		refused = []string{rcpt}
	case bouncehouse.StageDATA, bouncehouse.StageEOD:
		n.accepted = nil
	default:
		return // of no message
	}
	for _, a := range refused {
		if a != "" {
			n.refuse(a, stage, reply)
		}
	}
}

// endTransaction makes the report of a transaction in which something was
// refused: be it the MAIL command, after which the client named no recipient.
func (n *notice) endTransaction() {
	if n.noSender != "" {
		n.refuse("", bouncehouse.StageMAIL, n.noSender)
		n.noSender = ""
	}
	if len(n.report.blocks) > 0 {
		n.reports = append(n.reports, n.report)
		n.report.blocks = nil
	}
}

func (n *notice) refuse(recipient string, stage bouncehouse.Stage, reply string) {
	action := n.action
	if action == "" {
		if action = "failed"; reply[0] == '4' {
			action = "delayed"
		}
	}
	if n.count++; n.count <= maxRecipients {
		n.report.blocks = append(n.report.blocks, block{recipient: recipient, action: action, remote: n.remote,
			diagnostic: reply, text: reply, stage: stage})
	}
}
