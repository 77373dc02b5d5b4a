package bounce

import (
	"strings"

	"github.com/bouncehouse/bouncehouse/parse/said"
	"github.com/bouncehouse/bouncehouse/parse/values"
)

// Bounce mails of Chinese systems (QQ and Tencent Exmail, Aliyun, 139, 263,
// Sina, Sohu, 21cn ...): a greeting, and lines of a label and a value. The
// templates are edited, in simplified or traditional characters, in text or
// HTML; so labels are known by their meaning:
//
//	收件人：user@example.net                                 the recipient
//	退信原因：                                               the cause, in words
//	host mx.example.net[192.0.2.1] said: 550 No such user    which may hold the fact
//	远程响应：550-5.1.1 The account does not exist.          the remote's reply, over lines
//	550 5.1.1 Please check it
//	推荐方案：请检查收件人地址。                             any other label ends a value
//
// Some have a sentence in the recipient's stead: 您发送给 user@example.net
// 的邮件未能投递. Blanks stand within labels (时　间), the colon may be full
// width, half width or missing, and an English name may follow behind a slash
// or in brackets: 收件人/To :

// labelKind is what a labelled value tells.
type labelKind byte

const (
	labelNone      labelKind = iota
	labelRecipient           // whom the message did not reach
	labelFact                // a reply, or the sending server's words
	labelCause               // the cause in words
	labelSender
	labelOther // ends the value before
)

// label is one name of a field, without blanks, in lower case.
type label struct {
	name string
	kind labelKind
}

// labels are looked for at the beginning of lines; of two that begin alike
// the longer stands first.
var labels = []label{
	{"收件人邮件地址", labelRecipient}, {"收件人邮箱地址", labelRecipient}, {"收件人邮箱", labelRecipient}, {"收件人地址", labelRecipient},
	{"收件人列表", labelRecipient}, {"收件人", labelRecipient}, {"收件地址", labelRecipient},
	{"收件者", labelRecipient}, {"收信人地址", labelRecipient}, {"收信人", labelRecipient}, {"接收人", labelRecipient},
	{"接收者", labelRecipient}, {"接收地址", labelRecipient}, {"目标地址", labelRecipient}, {"目的地址", labelRecipient},
	{"目标邮箱", labelRecipient},
	{"退信收件人", labelRecipient}, {"失败收件人", labelRecipient}, {"失败地址", labelRecipient}, {"失败的收件人", labelRecipient},
	{"投递失败的收件人", labelRecipient}, {"投递失败地址", labelRecipient}, {"无法送达的收件人", labelRecipient},
	{"无法投递的收件人", labelRecipient},
	{"无法发送到", labelRecipient}, {"无法投递到", labelRecipient}, {"无法送达", labelRecipient}, {"未能发送到", labelRecipient},
	{"退信地址", labelRecipient}, {"对方地址", labelRecipient}, {"对方邮箱", labelRecipient}, {"无效地址", labelRecipient},
	{"出错地址", labelRecipient}, {"原收件人", labelRecipient}, {"原始收件人", labelRecipient},
	{"英文说明", labelFact}, {"英文說明", labelFact}, {"英文原因", labelFact}, {"错误信息", labelFact}, {"错误消息", labelFact},
	{"错误代码", labelFact}, {"错误描述", labelFact}, {"错误提示", labelFact}, {"错误原因", labelFact}, {"错误详情", labelFact},
	{"出错信息", labelFact},
	{"錯誤訊息", labelFact}, {"錯誤代碼", labelFact}, {"錯誤原因", labelFact}, {"錯誤信息", labelFact}, {"远程响应", labelFact},
	{"远程返回", labelFact}, {"远程服务器响应", labelFact}, {"远程服务器返回", labelFact}, {"远程服务器应答", labelFact}, {"远程主机响应", labelFact},
	{"远端响应", labelFact}, {"遠端回應", labelFact}, {"遠端伺服器回應", labelFact},
	{"对方服务器返回", labelFact}, {"对方服务器响应", labelFact}, {"对方服务器应答", labelFact}, {"对方服务器回应", labelFact}, {"对方返回", labelFact},
	{"对方系统返回", labelFact}, {"收件服务器返回", labelFact}, {"收件方返回", labelFact}, {"服务器返回", labelFact}, {"服务器响应", labelFact},
	{"服务器应答", labelFact}, {"服务器回应", labelFact},
	{"返回信息", labelFact}, {"返回结果", labelFact}, {"退信信息", labelFact}, {"退信详情", labelFact}, {"退信内容", labelFact},
	{"诊断信息", labelFact}, {"诊断代码", labelFact}, {"診斷資訊", labelFact}, {"技术信息", labelFact}, {"技术细节", labelFact},
	{"详细信息", labelFact}, {"详细原因", labelFact}, {"详细错误", labelFact}, {"具体信息", labelFact}, {"具体原因", labelFact},
	{"原始信息", labelFact}, {"原始错误", labelFact}, {"原文", labelFact},
	{"退信原因", labelCause}, {"退信理由", labelCause}, {"退回原因", labelCause}, {"退件原因", labelCause}, {"失败原因", labelCause},
	{"失敗原因", labelCause}, {"投递失败原因", labelCause}, {"可能原因", labelCause}, {"原因说明", labelCause}, {"原因", labelCause},
	{"中文说明", labelCause}, {"问题描述", labelCause},
	{"发件人地址", labelSender}, {"发件人邮箱", labelSender}, {"发件人", labelSender}, {"发信人", labelSender}, {"寄件者", labelSender},
	{"寄件人", labelSender}, {"发送人", labelSender},
	{"退信代码", labelOther}, {"退信时间", labelOther}, {"退信类型", labelOther}, {"退信提示", labelOther}, {"被退回邮件", labelOther},
	{"原邮件信息", labelOther}, {"原邮件", labelOther}, {"邮件主题", labelOther}, {"邮件标题", labelOther}, {"邮件大小", labelOther},
	{"邮件编号", labelOther}, {"主题", labelOther}, {"主題", labelOther}, {"主旨", labelOther}, {"标题", labelOther},
	{"发送时间", labelOther}, {"发信时间", labelOther}, {"投递时间", labelOther}, {"时间", labelOther}, {"時間", labelOther},
	{"日期", labelOther}, {"抄送", labelOther}, {"密送", labelOther}, {"附件", labelOther},
	{"建议解决方案", labelOther}, {"建议方案", labelOther}, {"推荐方案", labelOther}, {"解决方案", labelOther}, {"解决办法", labelOther},
	{"解决方法", labelOther}, {"处理建议", labelOther}, {"处理方法", labelOther}, {"處理建議", labelOther}, {"建议", labelOther},
	{"建議", labelOther}, {"温馨提示", labelOther}, {"提示", labelOther}, {"说明", labelOther}, {"备注", labelOther},
	{"注意", labelOther}, {"如有疑问", labelOther}, {"帮助", labelOther},
}

// chineseWords tell that a text may be such a bounce mail.
var chineseWords = newPhrases("退信", "投递", "投遞", "退回", "送达", "送達", "递送", "收件人", "收件者", "收信人", "发送失败", "传递", "傳遞")

// readChinese reads bounce mails in Chinese of no other known form.
func readChinese(m *mimePart) ([]report, error) {
	if !chineseWords.in(values.ClipTo(m.text(), maxSearched)) || !noticeOfFailure(m) {
		return nil, nil
	}
	own, original := cutOriginal(m.text())
	rep := report{mail: m, original: firstHeader(m.original(), original)}
	rep.readLabels(own[:min(len(own), maxProse)])
	if len(rep.blocks) == 0 {
		return nil, nil // a sentence names the recipient: readProse
	}
	rep.settle(own)
	return []report{rep}, nil
}

// labelled is a labelled value.
type labelled struct {
	kind  labelKind
	lines []string
}

// readLabels makes blocks of the labelled values of text.
func (rep *report) readLabels(text string) {
	var all []string
	var found []labelled
	n, open, gap := 0, false, false
	for line := range values.Lines(text) {
		if n++; n > maxProseLines {
			break
		}
		line = strings.Trim(line, " \t\r\u00a0\u3000")
		if line == "" {
			gap = true
			continue
		}
		all = append(all, line)
		if kind, rest := cutLabel(line); kind != labelNone {
			found = append(found, labelled{kind: kind})
			open, gap = true, false
			if line = rest; line == "" {
				continue
			}
		}
		if open {
			// Behind an empty line a value begins, or its reply: HTML has many.
			v := &found[len(found)-1]
			if open = !gap || len(v.lines) == 0 || said.ReplyAt(line) >= 0; open {
				v.lines, gap = append(v.lines, line), false
			}
		}
	}

	others := rep.otherAddresses()
	var g labelGroup
	for i := range found {
		v := &found[i]
		switch v.kind {
		case labelSender:
			if found := addressesIn(strings.Join(v.lines, " ")); len(found) == 1 {
				rep.sender = firstOf(rep.sender, found[0])
				others[values.LowerASCII(found[0])] = true
			}
		case labelRecipient:
			if len(g.recipients) > 0 && g.told() {
				rep.addGroup(&g)
			}
			for _, line := range v.lines {
				g.add(line)
			}
		case labelFact:
			g.facts = append(g.facts, v.lines)
		case labelCause:
			g.causes = append(g.causes, v.lines)
		}
	}
	if len(g.recipients) == 0 && len(rep.blocks) == 0 && g.told() {
		// A sentence names the recipient.
		for _, line := range all {
			for _, a := range addressesIn(line) {
				if !others[values.LowerASCII(a)] && !daemonAddress(a) && len(g.recipients) < maxRecipients &&
					!helpLine(line) && !helpAddress(line, a) {
					g.recipients = append(g.recipients, block{recipient: a})
				}
			}
			if len(g.recipients) > 0 {
				break
			}
		}
	}
	rep.addGroup(&g)
}

// labelGroup is the recipients that share what is told of them.
type labelGroup struct {
	recipients    []block
	facts, causes [][]string
}

func (g *labelGroup) told() bool { return len(g.facts) > 0 || len(g.causes) > 0 }

// add takes the addresses of a line, with the reply that may follow one.
func (g *labelGroup) add(line string) {
	found := addressesIn(line)
	for _, a := range found {
		if len(g.recipients) < maxRecipients {
			g.recipients = append(g.recipients, block{recipient: a})
		}
	}
	if n := len(g.recipients); len(found) == 1 && n > 0 {
		rest := line[strings.Index(line, found[0])+len(found[0]):]
		if said.ReplyAt(rest) >= 0 || failureReasons.in(rest) {
			g.recipients[n-1].tell(strings.TrimLeft(rest, ">)]:, \t"))
		}
	} else if n > 0 && len(found) == 0 && said.ReplyAt(line) >= 0 && g.recipients[n-1].diagnostic == "" {
		g.recipients[n-1].tell(line)
	}
}

// addGroup makes the group's blocks and empties it: the best of what is told
// is a reply, then the server's words, then the cause.
func (rep *report) addGroup(g *labelGroup) {
	words, replied := "", false
	for _, list := range [][][]string{g.facts, g.causes} {
		for _, v := range list {
			if replied {
				break
			}
			fact := factOf(v)
			if replied = said.ReplyAt(fact) >= 0; replied || words == "" {
				words = fact
			}
		}
	}
	cause := ""
	for _, v := range g.causes {
		if !replied && cause == "" && len(v) > 0 {
			cause = strings.Join(v[:min(len(v), 8)], " ")
		}
	}
	w := rep.mail.work
	for _, b := range g.recipients {
		if b.diagnostic == "" {
			words := values.ClipTo(words, w.window())
			w.windows -= len(words)
			b.fact(words)
			// Of a refusal without a reply the cause says more: rejected by system.
			switch {
			case cause == "" || len(cause) > maxParagraph || strings.Contains(words, cause):
			case strings.Contains(cause, words):
				b.diagnostic = cause
			default:
				b.diagnostic = cause + " " + b.diagnostic
			}
		}
		rep.blocks = append(rep.blocks, b)
	}
	*g = labelGroup{}
}

// factOf returns what is told in the lines of a value: from the reply on; else
// the last line in English, which is the machine's; else all.
func factOf(v []string) string {
	for i, line := range v {
		if said.ReplyAt(line) >= 0 {
			end := i + 1
			for end < len(v) && followsReply(v[end-1], v[end]) {
				end++
			}
			return strings.Join(v[i:end], " ")
		}
	}
	for i := len(v) - 1; i >= 0; i-- {
		if len(v[i]) >= 6 && mostlyASCII(v[i]) && !helpLine(v[i]) {
			return v[i]
		}
	}
	return strings.Join(v, " ")
}

func mostlyASCII(s string) bool {
	n := 0
	for i := range len(s) {
		if s[i] < 0x80 {
			n++
		}
	}
	return n*5 >= len(s)*4
}

// cutLabel cuts the label off a line.
func cutLabel(line string) (labelKind, string) {
	line = strings.TrimLeft(line, "-*·•●◆■[【(（|　 \t")
	if line == "" || line[0] < 0x80 {
		return labelNone, ""
	}
	for i := range labels {
		l := &labels[i]
		end, blank := matchSpaced(line, l.name)
		if end < 0 {
			continue
		}
		rest := line[end:]
		// 收件人/To : and 收件人(Recipient)：
		if strings.HasPrefix(rest, "/") || strings.HasPrefix(rest, "(") || strings.HasPrefix(rest, "（") {
			n := strings.IndexAny(rest[:min(len(rest), 60)], ":：")
			if n < 0 {
				n = len(rest)
			}
			if !strings.Contains(rest[:n], "@") {
				rest = rest[n:]
			}
		}
		trimmed := strings.TrimLeft(rest, "】]）)| \t　\u00a0")
		after, colon := strings.CutPrefix(trimmed, "：")
		if !colon {
			after, colon = strings.CutPrefix(trimmed, ":")
		}
		if after2, ok := strings.CutPrefix(after, "为："); ok && !colon {
			after, colon = after2, true
		}
		value := strings.Trim(after, " \t　\u00a0")
		switch {
		case colon, value == "":
			return l.kind, value
		case (blank || len(trimmed) < len(rest)) && l.kind != labelNone:
			return l.kind, value // 收件人 user@example.net
		case value[0] == '<' || value[0] < 0x80 && l.kind == labelRecipient && strings.Contains(value, "@"):
			return l.kind, value
		}
		return labelNone, ""
	}
	return labelNone, ""
}

// matchSpaced returns where name ends at the beginning of s, whose characters
// may have blanks between them, or -1.
func matchSpaced(s, name string) (end int, blank bool) {
	i := 0
	for j := 0; j < len(name); {
		if i >= len(s) {
			return -1, false
		}
		if s[i] == name[j] {
			i++
			j++
			continue
		}
		n := blankLen(s[i:])
		if n == 0 || j == 0 || j%3 != 0 {
			return -1, false
		}
		i += n
	}
	return i, blankLen(s[i:]) > 0
}

// blankLen is the length of the blank that s begins with: space, tab, no-break
// or ideographic space.
func blankLen(s string) int {
	switch {
	case s == "":
	case s[0] == ' ', s[0] == '\t':
		return 1
	case strings.HasPrefix(s, "\u00a0"):
		return 2
	case strings.HasPrefix(s, "　"):
		return 3
	}
	return 0
}
